//! Modules: which variables they have, and the two phases of their bodies
//! (`language/08-modules.md` §2).

use super::classes::object_class;
use super::control::is_try_word;
use super::functions::{FnDef, definition_name};
use super::imports::export_names;
use super::lower::{Lower, name_text, nil, seq, word};
use super::names::{Name, Names};
use super::packages::Package;
use super::params::Target;
use super::piece::Known;
use super::scope::{Binding, Info, Slot};
use crate::hash::FastMap;
use crate::hir::*;
use gene_format::program::{CheckSite, FuncKind, ParamKind};
use gene_format::text::{Form, FormKind, GeneForm, Span};
use std::borrow::Cow;
use std::rc::Rc;

/// Facts about the module being lowered.
#[derive(Default)]
pub(super) struct Unit {
    pub index: ModuleIdx,
    pub name: String,
    pub is_main: bool,
    /// The namespace of the module is used as a value.
    pub escapes: bool,
    pub globals: FastMap<Name, GlobalId>,
    /// Facts about them.
    pub infos: FastMap<Name, u32>,
    /// Type aliases.
    pub aliases: FastMap<Name, Form>,
    /// Macro-like functions.
    pub macros: FastMap<Name, Macro>,
    pub(super) definitions: FastMap<Name, Definitions>,
    /// The modules that import forms mean, by the place of the form.
    pub imports: FastMap<u32, ModuleIdx>,
    /// The package around it, and that of the main module.
    pub package: Option<Package>,
    pub main_package: Option<Package>,
    /// Names bound by imports.
    pub imported: Vec<(Name, GlobalId)>,
    /// Variables of other modules that this one assigns, and its own instead.
    pub replaced: Vec<(GlobalId, GlobalId)>,
    /// Names that a top-level `export` lists.
    pub exported: Vec<Name>,
    /// Names that are members of the module's namespace, in order.
    pub members: Vec<Name>,
    /// Those of them that are members in the main module too: defined as `/x` or `$ns/x`.
    pub slashed: Vec<Name>,
    /// Names listed by `export`.
    pub all_exports: Vec<(Name, GlobalId)>,
    /// Names that an `export` lists, and nothing declares.
    pub unknown_exports: Vec<Name>,
    /// Index of the function that is the module's body in the stack of open functions.
    pub depth: usize,
    /// Evaluated code: the local that holds its scope.
    pub scope: Option<LocalId>,
    /// Evaluated code that is part of a function: its definitions go to a map.
    pub in_function: bool,
    /// A piece of a module whose variables are members of its namespace.
    pub is_piece: bool,
    /// Evaluated code needs the module's variables.
    pub lists_names: bool,
    /// Free names met so far, and hints what may be meant.
    pub unknown: Vec<(Name, Span, Option<String>)>,
    /// Free names that some form assigns.
    pub assigned_names: Vec<Name>,
    /// Its first form that needs a compiler at run time.
    pub needs_eval: Option<(Span, String)>,
    /// An import adds names at run time, which may hide built-in ones.
    pub dynamic_names: bool,
}

impl Unit {
    /// Whether functions are the only definitions of a name at the top level.
    pub fn is_function(&self, name: Name) -> bool {
        let known = self.definitions.get(&name);
        known.is_some_and(|known| known.others == 0)
    }
}

impl Unit {
    /// Whether a name has a single definition at the top level.
    pub fn is_defined_once(&self, name: Name) -> bool {
        let known = self.definitions.get(&name);
        known.is_some_and(|known| known.functions + known.others == 1)
    }
}

/// How often a name is defined at the top level.
#[derive(Default)]
pub(super) struct Definitions {
    functions: u32,
    others: u32,
}

/// What a call of a macro must pass beyond the arguments: for each parameter that the body
/// gives to `$caller_eval` a keyword `#name` with a thunk, and `#scope` if it evaluates
/// other data.
#[derive(Clone, Default)]
pub(super) struct Macro {
    pub hidden: Vec<Name>,
    /// Positional parameters as hidden names.
    pub positional: Vec<(Name, ParamKind)>,
}

impl Macro {
    /// In words, for interfaces.
    pub fn describe(&self, names: &Names) -> String {
        let hidden = self.hidden.iter().map(|name| names.text(*name));
        let hidden: Vec<&str> = hidden.collect();
        let param = |(name, kind): &(Name, ParamKind)| match kind {
            ParamKind::Optional => format!("{}?", names.text(*name)),
            ParamKind::Rest => format!("{}...", names.text(*name)),
            _ => names.text(*name).to_owned(),
        };
        let positional: Vec<String> = self.positional.iter().map(param).collect();
        format!(
            "evaluates [{}] of [{}]",
            hidden.join(" "),
            positional.join(" ")
        )
    }

    /// The positional argument that a parameter gets, if that does not depend on the call.
    pub fn argument_index(&self, hidden: Name, given: usize) -> Option<usize> {
        let index = self.positional.iter().position(|param| param.0 == hidden)?;
        let optional = |param: &(Name, ParamKind)| param.1 == ParamKind::Optional;
        let required_later = self.positional[index..]
            .iter()
            .any(|p| p.1 == ParamKind::Required);
        let before = &self.positional[..=index];
        let fixed = before.iter().all(|param| param.1 != ParamKind::Rest)
            && !(before.iter().any(optional) && required_later);
        (fixed && index < given).then_some(index)
    }
}

/// A name that a top-level form declares.
struct Declared<'f> {
    name: Cow<'f, str>,
    kind: DeclaredKind<'f>,
    /// Other modules see it without `export`.
    member: bool,
    /// Written as `/x` or `$ns/x`.
    slashed: bool,
}

enum DeclaredKind<'f> {
    Function,
    Definition,
    Variable { is_let: bool, ty: Option<&'f Form> },
}

/// Heads of the forms that run before all others.
fn is_definition(head: &str) -> bool {
    matches!(
        head,
        "fn" | "class"
            | "ns"
            | "enum"
            | "type"
            | "object"
            | "import"
            | "interface"
            | "implement"
            | "comptime"
            | "$dep"
    )
}

/// Heads whose contents have scopes of their own.
fn opens_scope(head: &str) -> bool {
    is_definition(head)
        || matches!(
            head,
            "if" | "ifel"
                | "if_not"
                | "case"
                | "for"
                | "repeat"
                | "block"
                | "->"
                | "async"
                | "interceptor"
                | "fn-interceptor"
                | "$with"
                | "$tap"
        )
}

impl Lower<'_> {
    /// Makes the variants of an enum known to patterns.
    pub fn note_enum(&mut self, target: &Form, gene: &GeneForm) {
        let of = self.name(definition_name(target));
        let listed = gene.props.iter().find(|entry| &*entry.key == "values");
        let listed = match listed.map(|entry| &entry.value.kind) {
            Some(FormKind::Array(list)) => &*list.items,
            _ => &[],
        };
        for member in gene.children[1..].iter().chain(listed) {
            let text = match &member.kind {
                FormKind::Gene(gene) => word(&gene.head),
                _ => word(member),
            };
            if let Some(text) = text {
                let variant = self.name(text);
                self.note_variant(of, variant);
            }
        }
    }

    /// Makes one variant known.
    pub fn note_variant(&mut self, of: Name, variant: Name) {
        let all = self.enums.entry(of).or_default();
        if !all.contains(&variant) {
            all.push(variant);
        }
        let enums = self.variants.entry(variant).or_default();
        if !enums.contains(&of) {
            enums.push(of);
        }
    }

    /// What calls of a macro must pass.
    pub fn note_macro(&mut self, name: &str, params: &[Form], rest: &[Form]) {
        let name = self.name(name);
        if self.unit.macros.contains_key(&name) {
            return;
        }
        // What is wrong with the parameters is reported when the function is lowered.
        let reported = (self.errors.len(), self.warnings.len());
        let raw = self.raw_params(params, false);
        let mut known = Macro::default();
        let mut other = false;
        let mut evaluated = Vec::new();
        for form in rest {
            caller_evals(form, &mut evaluated, &mut other);
        }
        for param in &raw {
            let Target::Name(text) = param.target else {
                if !param.is_key() {
                    let none = self.name("#");
                    known.positional.push((none, param.kind));
                }
                continue;
            };
            let hidden = self.name(&format!("#{text}"));
            if !param.is_key() {
                known.positional.push((hidden, param.kind));
            }
            if param.kind != ParamKind::Rest && evaluated.iter().any(|known| known == text) {
                known.hidden.push(hidden);
                evaluated.retain(|known| known != text);
            }
        }
        if other || !evaluated.is_empty() {
            let scope = self.name("#scope");
            known.hidden.push(scope);
        }
        self.errors.truncate(reported.0);
        self.warnings.truncate(reported.1);
        self.unit.macros.insert(name, known);
    }

    /// Lowers a module, or a further piece of one; gives its init function. Each form is freed as
    /// soon as its meaning is known, so that forms and what they become share memory.
    pub fn module(&mut self, forms: Vec<Form>, span: Span, known: Option<&Known>) -> FnId {
        let function = self.blank_function("__init__", FuncKind::Module, span);
        let id = self.new_fn();
        self.scopes.open_fn(id, function);
        let mark = self.scopes.open();
        self.check_neighbours(&forms);
        let mut list = self.imports(&forms);
        if let Some(known) = known {
            self.unit.is_piece = true;
            self.recall_types(known);
        }
        self.declare_all(&forms);
        if let Some(known) = known {
            self.keep_imports(span, &mut list);
            self.recall_variables(known);
        }
        let ends_with_import = known.is_some()
            && forms
                .last()
                .is_some_and(|form| head_word(form) == Some("import"));
        let mut init: Option<Form> = None;
        let mut statements = Vec::new();
        for form in forms {
            if defined_function(&form) == Some("__init__") {
                if init.is_some() {
                    self.error(form.span, "Duplicate __init__ definition in module");
                }
                init = Some(form);
            } else if head_word(&form).is_some_and(is_definition) {
                list.extend(self.definition(&form));
            } else {
                statements.push(form);
            }
        }
        if known.is_some() {
            list.splice(0..0, self.define_functions(span));
        }
        if let Some(Form {
            kind: FormKind::Gene(gene),
            ..
        }) = &init
        {
            let body = gene.children.get(2..).unwrap_or(&[]);
            list.extend(body.iter().map(|form| self.expr(form)));
        }
        for form in statements {
            list.extend(self.statement(&form));
        }
        if ends_with_import {
            list.push(nil(span));
        }
        if self.unit.lists_names {
            list.insert(0, self.list_names(span));
        }
        self.scopes.close(mark);
        let mut open = self.scopes.close_fn();
        open.function.body = seq(list, span);
        self.funcs[id.index()].0 = Some(open.function);
        if self.unit.escapes {
            for &global in self.unit.globals.values() {
                self.globals[global.index()].assigned = true;
            }
        }
        id
    }

    /// The members of the module just lowered, whose body is `init`.
    pub fn own_members(&self, init: FnId) -> super::piece::Members {
        let names = match self.unit.is_main {
            true => &self.unit.slashed,
            false => &self.unit.members,
        };
        let mut globals: Vec<GlobalId> = names
            .iter()
            .chain(&self.unit.exported)
            .filter_map(|name| self.unit.globals.get(name).copied())
            .collect();
        let mut imported = Vec::new();
        for &(name, global) in &self.unit.imported {
            if self.globals[global.index()].module == self.unit.index {
                globals.push(global);
            } else {
                imported.push((self.names.text(name).to_owned(), global));
            }
        }
        globals.sort();
        globals.dedup();
        super::piece::Members {
            module: self.unit.index,
            init,
            globals,
            imported,
        }
    }

    /// The variable that holds a member of the module's namespace.
    pub fn own_member(&self, name: Name) -> Option<GlobalId> {
        let imported = self.unit.imported.iter().rev();
        let imported = || imported.clone().find(|known| known.0 == name);
        let Some(&global) = self.unit.globals.get(&name) else {
            return Some(imported()?.1);
        };
        let members = match self.unit.is_main {
            true => &self.unit.slashed,
            false => &self.unit.members,
        };
        let is_member =
            self.unit.is_piece || members.contains(&name) || self.unit.exported.contains(&name);
        is_member.then_some(global)
    }

    /// Declares the module variables: all names of the file exist from the start.
    pub fn declare_all(&mut self, forms: &[Form]) {
        let mut declared = Vec::new();
        for form in forms {
            declarations(form, true, &mut declared);
            if let FormKind::Gene(gene) = &form.kind
                && word(&gene.head) == Some("export")
            {
                for form in export_names(gene) {
                    if let Some(text) = name_text(form) {
                        let name = self.name(text);
                        self.unit.exported.push(name);
                    }
                }
            }
            if let FormKind::Gene(gene) = &form.kind
                && word(&gene.head) == Some("type")
                && let [target, ty] = gene.children.as_slice()
                && let Some(text) = word(target)
            {
                let name = self.name(text);
                self.unit.aliases.insert(name, ty.clone());
            }
            self.note_definition(form);
        }
        let mut listed: FastMap<Name, ()> = FastMap::default();
        for Declared {
            name,
            kind,
            member,
            slashed,
        } in declared
        {
            let name = self.name(&name);
            if self.is_outside(name) {
                continue;
            }
            if member && listed.insert(name, ()).is_none() {
                self.unit.members.push(name);
            }
            if slashed {
                self.unit.slashed.push(name);
            }
            let mut info = Info::default();
            match kind {
                DeclaredKind::Function => {
                    info.definition = true;
                    self.unit.definitions.entry(name).or_default().functions += 1;
                }
                DeclaredKind::Definition => {
                    info.definition = true;
                    self.unit.definitions.entry(name).or_default().others += 1;
                }
                DeclaredKind::Variable { is_let, ty } => {
                    self.unit.definitions.entry(name).or_default().others += 1;
                    info.is_let = is_let;
                    info.check = ty
                        .and_then(|ty| self.check(ty, "variable", CheckSite::Variable))
                        .map(Rc::new);
                }
            }
            let global = self.global_variable(name, info);
            if let Some(known) = self.unit.macros.get(&name) {
                self.macros.insert(global, known.clone());
            }
        }
    }

    /// Enums and macros of the top level.
    fn note_definition(&mut self, form: &Form) {
        let FormKind::Gene(gene) = &form.kind else {
            return;
        };
        match (word(&gene.head), gene.children.as_slice()) {
            (Some("enum"), [target, ..]) => self.note_enum(target, gene),
            (
                Some("fn"),
                [
                    target,
                    Form {
                        kind: FormKind::Array(list),
                        ..
                    },
                    rest @ ..,
                ],
            ) if is_macro(definition_name(target)) => {
                self.note_macro(definition_name(target), &list.items, rest);
            }
            _ => {}
        }
    }

    /// The module variable of that name, new if there is none.
    pub fn global_variable(&mut self, name: Name, info: Info) -> GlobalId {
        if let Some(&known) = self.unit.globals.get(&name) {
            return known;
        }
        let id = GlobalId(self.globals.len() as u32);
        let text = self.names.text(name).to_owned();
        self.globals.push(Global {
            name: text,
            module: self.unit.index,
            func: None,
            assigned: false,
        });
        self.unit.globals.insert(name, id);
        let info = self.scopes.add_info(info);
        self.unit.infos.insert(name, info);
        self.scopes.bind(
            name,
            Binding {
                depth: 0,
                slot: Slot::Global(id),
                info,
            },
        );
        id
    }

    /// A form of the first phase. A function that is the only definition of its name needs
    /// no code: its variable holds it from the start.
    fn definition(&mut self, form: &Form) -> Option<Expr> {
        let FormKind::Gene(gene) = &form.kind else {
            return None;
        };
        match word(&gene.head) {
            Some("fn") => {}
            Some("comptime" | "$dep" | "import") => return None,
            _ => return Some(self.expr(form)),
        }
        let (target, params, rest) = self.fn_parts(&gene.children, form.span)?;
        let Some(name) = target.and_then(own_name) else {
            return Some(self.expr(form)); // defined in a namespace or class
        };
        let id = self.name(name);
        if self.is_outside(id) || !self.unit.is_function(id) {
            return Some(self.expr(form));
        }
        let mark = self.push_type_vars(target);
        let kind = FuncKind::Function;
        let name = target.map_or("", definition_name);
        let def = FnDef {
            name,
            kind,
            params,
            props: &gene.props,
            rest,
            span: form.span,
        };
        let func = self.function(&def);
        self.type_vars.truncate(mark);
        let global = self.unit.globals[&id];
        self.globals[global.index()].func = Some(func);
        None
    }

    /// A form of the second phase.
    fn statement(&mut self, form: &Form) -> Option<Expr> {
        match &form.kind {
            FormKind::Gene(gene) if word(&gene.head) == Some("export") => {
                self.export(gene, form.span);
                None
            }
            _ => Some(self.expr(form)),
        }
    }

    /// Everything is lowered: fills in what only the whole program decides.
    pub fn finish(mut self, modules: Vec<Module>) -> Result<Hir, Vec<super::Finding>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        for index in 0..self.funcs.len() {
            let (Some(function), Some(around)) = &self.funcs[index] else {
                continue;
            };
            let captures: Vec<Capture> = function
                .captures
                .iter()
                .map(|c| self.resolved(*around, *c))
                .collect();
            if let Some(function) = &mut self.funcs[index].0 {
                function.captures = captures;
            }
        }
        let mut funcs = Vec::with_capacity(self.funcs.len());
        for (function, _) in self.funcs {
            funcs.push(function.expect("every function was lowered"));
        }
        let needs_eval = self.needs_eval;
        Ok(Hir {
            method_names: self.method_names,
            modules,
            funcs,
            globals: self.globals,
            interfaces: self.interfaces,
            needs_eval,
            ..Hir::default()
        })
    }

    /// A capture is a cell if its source is. Functions around come first.
    fn resolved(&self, around: FnId, capture: Capture) -> Capture {
        let Some(outer) = &self.funcs[around.index()].0 else {
            return capture;
        };
        let cell = match capture.from {
            CaptureSource::Local(local) => outer.locals[local.index()].cell,
            CaptureSource::Capture(id) => outer.captures[id.index()].cell,
        };
        Capture { cell, ..capture }
    }
}

/// A name of a macro-like function.
pub(super) fn is_macro(name: &str) -> bool {
    name.len() > 1 && name.ends_with('!')
}

/// Operands of `$caller_eval`: names, or other data.
fn caller_evals(form: &Form, names: &mut Vec<String>, other: &mut bool) {
    match &form.kind {
        FormKind::Gene(gene) => {
            if word(&gene.head) == Some("$caller_eval") {
                match gene.children.first().map(|form| &form.kind) {
                    Some(FormKind::Symbol(text)) => names.push(text.to_string()),
                    _ => *other = true,
                }
            }
            caller_evals(&gene.head, names, other);
            gene.props
                .iter()
                .for_each(|entry| caller_evals(&entry.value, names, other));
            gene.children
                .iter()
                .for_each(|form| caller_evals(form, names, other));
        }
        FormKind::Array(list) | FormKind::HashMap(list) => {
            list.items
                .iter()
                .for_each(|form| caller_evals(form, names, other));
        }
        FormKind::Map(map) => {
            map.entries
                .iter()
                .for_each(|entry| caller_evals(&entry.value, names, other));
        }
        _ => {}
    }
}

fn head_word(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Gene(gene) if !gene.sealed => word(&gene.head),
        _ => None,
    }
}

fn defined_function(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Gene(gene) if word(&gene.head) == Some("fn") => {
            gene.children.first().and_then(word)
        }
        _ => None,
    }
}

/// The module variable a definition makes: `name`, `"name"`, `/name`, `$ns/name`.
fn own_name(target: &Form) -> Option<&str> {
    match &target.kind {
        FormKind::Symbol(text) if text.starts_with('$') => None,
        FormKind::Symbol(_) | FormKind::Str(_) => Some(definition_name(target)),
        FormKind::Path(parts) if parts.len() == 2 && matches!(&*parts[0], "" | "$ns") => {
            Some(definition_name(target))
        }
        _ => None,
    }
}

fn declarations<'f>(form: &'f Form, top: bool, out: &mut Vec<Declared<'f>>) {
    let gene = match &form.kind {
        FormKind::Gene(gene) => gene,
        FormKind::Array(list) | FormKind::HashMap(list) => {
            return list
                .items
                .iter()
                .for_each(|form| declarations(form, false, out));
        }
        FormKind::Map(map) => {
            return map
                .entries
                .iter()
                .for_each(|e| declarations(&e.value, false, out));
        }
        _ => return,
    };
    let head = word(&gene.head).unwrap_or("");
    let first = gene.children.first();
    match head {
        "var" | "let" => {
            if let Some(target) = first {
                variables(target, gene.children.get(1), head == "let", out);
            }
        }
        "fn" | "class" | "ns" | "enum" | "type" | "object" | "interface" | "interceptor"
        | "fn-interceptor" => {
            if let Some(name) = first.and_then(own_name)
                && name != "__init__"
            {
                let function = head == "fn" && top;
                let kind = if function {
                    DeclaredKind::Function
                } else {
                    DeclaredKind::Definition
                };
                let slashed = matches!(first.map(|form| &form.kind), Some(FormKind::Path(_)));
                let member = slashed || matches!(head, "fn" | "class" | "ns" | "interface");
                out.push(Declared {
                    name: name.into(),
                    kind,
                    member,
                    slashed,
                });
                if head == "object" {
                    out.push(Declared {
                        name: object_class(name).into(),
                        kind: DeclaredKind::Definition,
                        member: slashed,
                        slashed,
                    });
                }
            }
        }
        _ => {
            if first.and_then(word) == Some("=")
                && matches!(gene.head.kind, FormKind::Path(_))
                && let Some(name) = own_name(&gene.head)
            {
                let kind = DeclaredKind::Variable {
                    is_let: false,
                    ty: None,
                };
                out.push(Declared {
                    name: name.into(),
                    kind,
                    member: true,
                    slashed: true,
                });
            }
        }
    }
    if opens_scope(head) {
        return;
    }
    let children = match head {
        // Handlers and `finally` have scopes of their own.
        "try" => gene.children.split(is_try_word).next().unwrap_or(&[]),
        _ => &gene.children,
    };
    declarations(&gene.head, false, out);
    gene.props
        .iter()
        .for_each(|entry| declarations(&entry.value, false, out));
    children
        .iter()
        .for_each(|form| declarations(form, false, out));
}

/// Names that `(var target …)` declares in the module.
fn variables<'f>(
    target: &'f Form,
    next: Option<&'f Form>,
    is_let: bool,
    out: &mut Vec<Declared<'f>>,
) {
    let plain = DeclaredKind::Variable { is_let, ty: None };
    match &target.kind {
        FormKind::Symbol(text) if text.starts_with('$') => {}
        FormKind::Symbol(text) => match text.strip_suffix(':') {
            Some(name) => {
                let kind = DeclaredKind::Variable { is_let, ty: next };
                out.push(Declared {
                    name: name.into(),
                    kind,
                    member: false,
                    slashed: false,
                });
            }
            None => out.push(Declared {
                name: (&**text).into(),
                kind: plain,
                member: false,
                slashed: false,
            }),
        },
        FormKind::Path(_) => {
            if let Some(name) = own_name(target) {
                out.push(Declared {
                    name: name.into(),
                    kind: plain,
                    member: true,
                    slashed: true,
                });
            }
        }
        FormKind::Array(list) => {
            for (at, form) in list.items.iter().enumerate() {
                let default = at > 0 && word(&list.items[at - 1]) == Some("=");
                if default {
                    continue;
                }
                match &form.kind {
                    FormKind::Symbol(text) => {
                        let name = text.trim_start_matches('^').trim_end_matches("...");
                        if !matches!(name, "" | "_" | "=") {
                            let kind = DeclaredKind::Variable { is_let, ty: None };
                            out.push(Declared {
                                name: name.into(),
                                kind,
                                member: false,
                                slashed: false,
                            });
                        }
                    }
                    FormKind::Array(_) => variables(form, None, is_let, out),
                    _ => {}
                }
            }
        }
        FormKind::Map(map) => {
            for entry in &map.entries {
                if let Some(name) = word(&entry.value).filter(|&name| name != "_") {
                    let kind = DeclaredKind::Variable { is_let, ty: None };
                    out.push(Declared {
                        name: name.into(),
                        kind,
                        member: false,
                        slashed: false,
                    });
                }
            }
        }
        _ => {}
    }
}

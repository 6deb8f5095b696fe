//! Imports and exports (`language/08-modules.md` §2 and §3).
//!
//! An import binds values in the importing module. The name of a function that its module never
//! assigns is another name of the variable there, so that calls through it are calls of a known
//! function; should the importer assign it, it gets a variable of its own after all. Everything
//! else is read when the import runs. So is the second name of a function.

use super::Finding;
use super::lower::{Lower, expr, intrinsic, member, string, word};
use super::names::Name;
use super::scope::{Binding, Info, Slot};
use crate::hash::FastMap;
use crate::hir::*;
use crate::visit::{parts, parts_mut};
use gene_format::text::{Form, FormKind, GeneForm, Span};

/// An import form, taken apart.
#[derive(Default)]
pub(super) struct Import<'f> {
    pub items: Vec<Item<'f>>,
    pub from: Option<&'f str>,
    pub package: Option<&'f str>,
    /// `^path` of the package.
    pub path: Option<&'f str>,
}

/// One thing that an import form binds.
pub(super) struct Item<'f> {
    /// Its path; `*` means everything.
    pub path: Vec<&'f str>,
    /// The bound name.
    pub alias: &'f str,
    pub span: Span,
}

/// What other modules can import from a module.
#[derive(Clone, Default)]
pub(super) struct Exports {
    /// Members of its namespace.
    pub members: FastMap<Name, GlobalId>,
    /// All module variables; `export` can list them.
    pub all: FastMap<Name, GlobalId>,
    /// Names in order of declaration, for `*`.
    pub order: Vec<Name>,
    /// Where the module starts.
    pub span: Span,
    /// The names listed by `export`.
    pub listed: Option<Vec<Name>>,
    /// Names that an `export` lists in vain; that is reported already.
    pub unknown: Vec<Name>,
    /// The module may make names while it runs.
    pub dynamic: bool,
    /// The module never ends normally, so that nothing is ever imported from it.
    pub fails: bool,
}

/// Takes an import form apart.
pub(super) fn parse_import(gene: &GeneForm) -> Result<Import<'_>, &'static str> {
    let mut import = Import::default();
    for entry in &gene.props {
        if let FormKind::Str(text) = &entry.value.kind {
            match &*entry.key {
                "pkg" => import.package = Some(text),
                "path" => import.path = Some(text),
                _ => {}
            }
        }
    }
    let mut forms = gene.children.iter();
    while let Some(form) = forms.next() {
        match (&form.kind, word(form)) {
            (_, Some("from")) => match forms.next().map(|form| &form.kind) {
                Some(FormKind::Str(text)) => import.from = Some(text),
                _ => return Err("'from' must be followed by a string module path"),
            },
            (_, Some("of")) => match forms.next().map(|form| &form.kind) {
                Some(FormKind::Str(text)) => import.package = Some(text),
                _ => return Err("'of' must be followed by a string package name"),
            },
            (FormKind::Path(parts), _) if parts.last().is_some_and(|last| last.is_empty()) => {
                let Some(Form {
                    kind: FormKind::Array(group),
                    ..
                }) = forms.next()
                else {
                    return Err("import group must be an array of names");
                };
                let prefix: Vec<&str> = parts[..parts.len() - 1].iter().map(|p| &**p).collect();
                for form in &group.items {
                    import_item(form, &prefix, &mut import)?;
                }
            }
            _ => import_item(form, &[], &mut import)?,
        }
    }
    Ok(import)
}

fn import_item<'f>(
    form: &'f Form,
    prefix: &[&'f str],
    import: &mut Import<'f>,
) -> Result<(), &'static str> {
    let mut path = prefix.to_vec();
    match &form.kind {
        FormKind::Symbol(text) => path.push(text),
        FormKind::Path(parts) => path.extend(parts.iter().map(|part| &**part)),
        _ => return Err("import items must be names or paths"),
    }
    let last = path.pop().unwrap_or("");
    let (name, alias) = last.split_once(':').unwrap_or((last, last));
    path.push(name);
    import.items.push(Item {
        path,
        alias,
        span: form.span,
    });
    Ok(())
}

/// The names that an `export` form lists.
pub(super) fn export_names(gene: &GeneForm) -> &[Form] {
    match gene.children.as_slice() {
        [
            Form {
                kind: FormKind::Array(list),
                ..
            },
        ] => &list.items,
        names => names,
    }
}

/// Puts the second variable of each pair where the first is.
fn replace(value: &mut Expr, pairs: &[(GlobalId, GlobalId)]) {
    if let ExprKind::Var(Var::Global(id)) | ExprKind::Set(Var::Global(id), _) = &mut value.kind
        && let Some(pair) = pairs.iter().find(|pair| pair.0 == *id)
    {
        *id = pair.1;
    }
    parts_mut(value, &mut |part, _| replace(part, pairs));
}

/// Names in a sentence, the first few of many.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    match text.pop() {
        Some(last) if !text.is_empty() => format!("{} and {last}", text.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// Whether an expression certainly raises an error or ends the program.
fn fails(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Throw(_) | ExprKind::Fail(_) => true,
        ExprKind::Call(callee, _) if matches!(&callee.kind, ExprKind::Builtin(name) if &**name == "exit") => {
            true
        }
        // What runs before the first part that fails must not end the module.
        ExprKind::Seq(list) => {
            let ends = list.iter().position(fails);
            ends.is_some_and(|at| !list[..at].iter().any(returns))
        }
        ExprKind::If(condition, then, otherwise) => {
            fails(condition) || !returns(condition) && fails(then) && fails(otherwise)
        }
        ExprKind::Try {
            body,
            catches,
            finally,
        } => {
            let ends = |part: &Expr| fails(part) && !returns(part);
            let caught = ends(body) && catches.iter().all(|catch| ends(&catch.body));
            finally.as_deref().is_some_and(ends)
                || caught && !finally.as_deref().is_some_and(returns)
        }
        _ => {
            let mut found = false;
            parts(value, &mut |part, role| {
                found |= !role.branch && fails(part)
            });
            found && !returns(value)
        }
    }
}

/// Whether an expression holds a form that leaves the module's body.
fn returns(value: &Expr) -> bool {
    if let ExprKind::Return(_) = value.kind {
        return true;
    }
    let mut found = false;
    parts(value, &mut |part, _| found |= found || returns(part));
    found
}

impl Lower<'_> {
    /// Binds what an import form means; run-time reads become statements.
    pub fn import(&mut self, gene: &GeneForm, span: Span, out: &mut Vec<Expr>) {
        let import = match parse_import(gene) {
            Ok(import) => import,
            Err(message) => {
                self.error(span, message);
                return;
            }
        };
        match (import.from, self.unit.imports.get(&span.start).copied()) {
            (None, _) => self.import_builtin(&import, span, out),
            (Some(_), Some(module)) => self.import_module(&import, module, span, out),
            // The module was not found; that is reported already.
            (Some(_), None) => {
                for item in &import.items {
                    self.bind_nothing(item);
                }
            }
        }
    }

    fn import_module(
        &mut self,
        import: &Import,
        module: ModuleIdx,
        span: Span,
        out: &mut Vec<Expr>,
    ) {
        let exports = std::rc::Rc::clone(&self.exports[module.index()]);
        for item in &import.items {
            let Item { path, alias, .. } = item;
            if path[0] == "*" {
                for name in &exports.order {
                    let visible = exports
                        .listed
                        .as_ref()
                        .is_none_or(|listed| listed.contains(name));
                    let found = if exports.listed.is_some() {
                        &exports.all
                    } else {
                        &exports.members
                    };
                    if let Some(&global) = found.get(name).filter(|_| visible) {
                        self.import_value(*name, global, span, out);
                    }
                }
                continue;
            }
            let first = self.name(path[0]);
            let listed = exports.listed.as_ref();
            if listed.is_some_and(|listed| !listed.contains(&first)) {
                let message = format!(
                    "[GENE.IMPORT.EXPORT_MISSING] Cannot import '{}' from module with explicit \
                     exports",
                    path.join("/")
                );
                self.error(item.span, message);
                self.bind_nothing(item);
                continue;
            }
            let found = if listed.is_some() {
                &exports.all
            } else {
                &exports.members
            };
            let Some(&global) = found.get(&first) else {
                self.missing_import(item, first, &exports, module, out);
                continue;
            };
            let alias = self.name(alias);
            if path.len() == 1 {
                self.import_value(alias, global, span, out);
            } else {
                let value = super::lower::read(Var::Global(global), span);
                self.bind_member(value, path, alias, span, out);
            }
        }
    }

    /// A name that the module lacks. That is an error, unless the module may make it while it
    /// runs, or fails itself before anything is imported.
    fn missing_import(
        &mut self,
        item: &Item,
        name: Name,
        exports: &Exports,
        module: ModuleIdx,
        out: &mut Vec<Expr>,
    ) {
        self.bind_nothing(item);
        if exports.unknown.contains(&name) {
            return;
        }
        let message = format!("Symbol '{}' not found in namespace", item.path[0]);
        if exports.dynamic || exports.fails {
            out.push(expr(ExprKind::Fail(message.as_str().into()), item.span));
        }
        if exports.fails {
            return;
        }
        let mut finding = Finding::new(self.unit.index, item.span, message);
        finding.code = "GENE.IMPORT.MISSING";
        let text = self.names.text(name);
        let (label, hint) = if exports.all.contains_key(&name) {
            let hint = format!("list it there in `(export {text})`, or declare it as `/{text}`");
            (format!("this module keeps `{text}` to itself"), Some(hint))
        } else {
            let offered = self.offered(exports);
            let hint = super::warnings::nearest(text, offered.iter().copied());
            let hint = hint.map(|near| format!("did you mean `{near}`?"));
            let label = match offered.is_empty() {
                true => format!("this module has no `{text}`, and offers no names"),
                false => format!(
                    "this module has no `{text}`; it offers {}",
                    listed(&offered)
                ),
            };
            (label, hint)
        };
        finding.labels.push((module, exports.span, label));
        finding.hint = hint;
        match exports.dynamic {
            true => self.warnings.push(finding),
            false => self.errors.push(finding),
        }
    }

    /// The names that can be imported, in order of declaration.
    fn offered(&self, exports: &Exports) -> Vec<&str> {
        let mut seen = FastMap::default();
        let mut names = exports.order.clone();
        names.retain(|name| {
            let visible = exports.listed.as_ref().is_none_or(|l| l.contains(name));
            visible && seen.insert(*name, ()).is_none()
        });
        names.iter().map(|&name| self.names.text(name)).collect()
    }

    /// Makes a name known whose import is reported, so that its uses are not reported too.
    fn bind_nothing(&mut self, item: &Item) {
        if item.path[0] == "*" {
            self.unit.dynamic_names = true;
            return;
        }
        let alias = self.name(item.alias);
        let own = self.own_variable(alias);
        self.bind_import(alias, own);
    }

    /// The value that a variable of another module has when the import runs.
    fn import_value(&mut self, name: Name, global: GlobalId, span: Span, out: &mut Vec<Expr>) {
        let of = &self.globals[global.index()];
        // A second name is a variable of its own: the first may be assigned.
        let mut known = self.unit.imported.iter();
        let is_second = known.any(|known| known.1 == global && known.0 != name);
        if of.func.is_some() && !of.assigned && !is_second {
            return self.bind_import(name, global);
        }
        let own = self.own_variable(name);
        if let Some(known) = self.macros.get(&global).cloned() {
            self.macros.insert(own, known);
        }
        self.bind_import(name, own);
        let value = Box::new(super::lower::read(Var::Global(global), span));
        out.push(expr(ExprKind::Set(Var::Global(own), value), span));
    }

    /// A variable of this module for what it imports.
    pub fn own_variable(&mut self, name: Name) -> GlobalId {
        let id = GlobalId(self.globals.len() as u32);
        self.globals.push(Global {
            name: self.names.text(name).to_owned(),
            module: self.unit.index,
            func: None,
            assigned: true,
        });
        id
    }

    /// The variable that an assignment means: not that of another module.
    pub fn assigned_global(&mut self, name: Name, global: GlobalId) -> GlobalId {
        if self.globals[global.index()].module == self.unit.index {
            return global;
        }
        if let Some(known) = self.unit.replaced.iter().find(|known| known.0 == global) {
            return known.1;
        }
        let own = self.own_variable(name);
        self.unit.replaced.push((global, own));
        own
    }

    /// At the end of a module: what it assigns of other modules are variables of its own, in all
    /// of its functions.
    pub fn replace_assigned(&mut self, init: FnId) {
        let replaced = std::mem::take(&mut self.unit.replaced);
        if replaced.is_empty() {
            return;
        }
        for (_, global) in &mut self.unit.imported {
            if let Some(known) = replaced.iter().find(|known| known.0 == *global) {
                *global = known.1;
            }
        }
        for function in self.funcs.iter_mut().filter_map(|known| known.0.as_mut()) {
            if function.module == self.unit.index {
                for param in &mut function.params {
                    param
                        .default
                        .iter_mut()
                        .for_each(|value| replace(value, &replaced));
                }
                replace(&mut function.body, &replaced);
            }
        }
        let Some(init) = &mut self.funcs[init.index()].0 else {
            return;
        };
        let span = Span::default();
        let read = |from| Box::new(super::lower::read(Var::Global(from), span));
        let mut list: Vec<Expr> = replaced
            .iter()
            .map(|&(from, own)| expr(ExprKind::Set(Var::Global(own), read(from)), span))
            .collect();
        let span = init.body.span;
        list.push(std::mem::replace(&mut init.body, expr(ExprKind::Nil, span)));
        init.body = expr(ExprKind::Seq(list), span);
    }

    /// Another name of a module variable.
    fn bind_import(&mut self, name: Name, global: GlobalId) {
        let info = self.scopes.add_info(Info {
            definition: true,
            ..Info::default()
        });
        self.scopes.bind(
            name,
            Binding {
                depth: 0,
                slot: Slot::Global(global),
                info,
            },
        );
        self.unit.imported.push((name, global));
        if let Some(known) = self.macros.get(&global) {
            self.unit.macros.insert(name, known.clone());
        }
    }

    /// A variable of this module that gets a member of a value when the import runs.
    fn bind_member(
        &mut self,
        mut value: Expr,
        path: &[&str],
        alias: Name,
        span: Span,
        out: &mut Vec<Expr>,
    ) {
        for pair in path.windows(2) {
            let args = vec![value, string(pair[0], span), string(pair[1], span)];
            value = intrinsic("#import_member", args, span);
        }
        let id = self.own_variable(alias);
        self.bind_import(alias, id);
        out.push(expr(ExprKind::Set(Var::Global(id), Box::new(value)), span));
    }

    /// `(import gene/json/parse:jp)`
    fn import_builtin(&mut self, import: &Import, span: Span, out: &mut Vec<Expr>) {
        for Item { path, alias, .. } in &import.items {
            if !matches!(path[0], "gene" | "genex" | "global") || path.len() < 2 {
                self.error(span, "Module path not specified in import statement");
                continue;
            }
            let root = expr(ExprKind::Builtin(path[0].into()), span);
            if path.last() == Some(&"*") {
                let mut value = root;
                for part in &path[1..path.len() - 1] {
                    value = member(value, part, span);
                }
                self.unit.dynamic_names = true;
                let own = expr(ExprKind::Namespace, span);
                out.push(intrinsic("#import_all", vec![own, value], span));
                continue;
            }
            let alias = self.name(alias);
            self.bind_member(root, path, alias, span, out);
        }
    }

    /// All imports of the module, before anything else of it is lowered.
    pub fn imports(&mut self, forms: &[Form]) -> Vec<Expr> {
        let mut list = Vec::new();
        for form in forms {
            if let FormKind::Gene(gene) = &form.kind
                && word(&gene.head) == Some("import")
            {
                self.import(gene, form.span, &mut list);
            }
        }
        list
    }

    /// `(export a b)`, `(export [a b])`
    pub fn export(&mut self, gene: &GeneForm, span: Span) {
        let names = export_names(gene);
        if names.is_empty() {
            self.error(span, "export expects at least one name");
        }
        for form in names {
            let text = match &form.kind {
                FormKind::Symbol(text) => text,
                FormKind::Str(text) if !text.contains('/') => text,
                FormKind::Str(_) => {
                    self.error(form.span, "export names must be simple strings");
                    continue;
                }
                _ => {
                    self.error(form.span, "export names must be symbols or strings");
                    continue;
                }
            };
            let name = self.name(text);
            let known = self.scopes.lookup(name).map(|binding| binding.slot);
            let Some(Slot::Global(global)) = known else {
                self.error(
                    form.span,
                    format!("Cannot export '{text}': value not found"),
                );
                self.unit.unknown_exports.push(name);
                continue;
            };
            self.unit.all_exports.push((name, global));
        }
    }

    /// What the module just lowered needs of others, here in order, and offers them.
    pub fn offers(&mut self, exports: &Exports, order: &[ModuleIdx]) -> Interface {
        let visible: Vec<(Name, GlobalId)> = match &exports.listed {
            Some(listed) => {
                let found = listed.iter().map(|name| (*name, exports.all[name]));
                found.collect()
            }
            None => exports.members.iter().map(|(n, g)| (*n, *g)).collect(),
        };
        let mut list: Vec<Export> = Vec::with_capacity(visible.len());
        for (name, global) in visible {
            let known = self.macros.get(&global);
            list.push(Export {
                name: self.names.text(name).to_owned(),
                global,
                macro_call: known.map(|known| known.describe(&self.names)),
            });
        }
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list.dedup_by(|a, b| a.name == b.name);
        Interface {
            imports: order.to_vec(),
            exports: list,
            facts: self.facts(),
            needs_eval: self.unit.needs_eval.take(),
        }
    }

    /// What code means depends on more than imported names: on the built-in names that the program
    /// assigns, and on the variants of the enums that are known by now.
    fn facts(&self) -> String {
        let mut hidden: Vec<&str> = self.hidden.iter().map(String::as_str).collect();
        hidden.sort_unstable();
        let variant = |(variant, enums): (&Name, &Vec<Name>)| {
            let mut line = format!("variant {} of", self.names.text(*variant));
            for of in enums {
                line.push(' ');
                line.push_str(self.names.text(*of));
            }
            line
        };
        let mut lines: Vec<String> = self.variants.iter().map(variant).collect();
        lines.sort_unstable();
        if !hidden.is_empty() {
            lines.push(format!("assigned: {}", hidden.join(" ")));
        }
        lines.join("; ")
    }

    /// What other modules can import from the module just lowered, whose body is `init`.
    pub fn take_exports(&mut self, init: FnId) -> Exports {
        let body = self.funcs[init.index()].0.as_ref();
        let mut imports = self.unit.imports.values();
        let fails = body.is_some_and(|function| fails(&function.body))
            || imports.any(|module| self.exports[module.index()].fails);
        let mut exports = Exports {
            unknown: std::mem::take(&mut self.unit.unknown_exports),
            dynamic: self.unit.escapes || self.unit.dynamic_names || self.unit.needs_eval.is_some(),
            fails,
            ..Exports::default()
        };
        for &(name, global) in &self.unit.imported {
            exports.members.insert(name, global);
            exports.order.push(name);
        }
        for (&name, &global) in &self.unit.globals {
            exports.all.insert(name, global);
        }
        for &name in &self.unit.members {
            if let Some(&global) = self.unit.globals.get(&name) {
                exports.members.insert(name, global);
                exports.order.push(name);
            }
        }
        if !self.unit.all_exports.is_empty() {
            let mut listed = Vec::new();
            for &(name, global) in &self.unit.all_exports {
                exports.all.insert(name, global);
                exports.order.push(name);
                listed.push(name);
            }
            exports.listed = Some(listed);
        }
        exports
    }
}

//! Lowering of forms: what a form means, in the order of `language/03-expressions.md` §1.1.
//! The kinds of forms have files of their own.

use super::imports::Exports;
use super::module::{Macro, Unit};
use super::names::{Name, Names};
use super::packages::Package;
use super::scope::{Binding, Info, Scopes, Slot};
use super::warnings::NotedCall;
use super::{Finding, Options};
use crate::hash::FastMap;
use crate::hir::*;
use gene_format::builtins::is_builtin;
use gene_format::text::{Entry, Form, FormKind, GeneForm, Items, Span, Word};
use std::collections::HashSet;
use std::rc::Rc;

/// State of lowering a program.
pub(super) struct Lower<'o> {
    pub options: &'o Options,
    pub names: Names,
    pub scopes: Scopes,
    pub errors: Vec<Finding>,
    pub globals: Vec<Global>,
    /// Functions; `None` while one is being lowered. With each the function around it.
    pub funcs: Vec<(Option<Function>, Option<FnId>)>,
    pub needs_eval: Option<(ModuleIdx, Span, String)>,
    /// Facts about the module being lowered.
    pub unit: Unit,
    /// Built-in names that some form assigns; they are looked up at run time.
    pub hidden: HashSet<String>,
    /// Such names met in this pass. A new one asks for another pass.
    pub assigned_builtins: HashSet<String>,
    /// What is suspicious, but no error.
    pub warnings: Vec<Finding>,
    /// Calls of known functions.
    pub calls: Vec<NotedCall>,
    /// Places of the parameters of named functions.
    pub param_spans: FastMap<FnId, Vec<Span>>,
    /// Variants of each enum, in order.
    pub enums: FastMap<Name, Vec<Name>>,
    /// Variants of all enums of the program: the enums that have one of that name.
    pub variants: FastMap<Name, Vec<Name>>,
    /// Names of all methods defined so far.
    pub method_names: HashSet<String>,
    /// Constructor and methods of the classes that are the only definition of their names.
    pub classes: FastMap<GlobalId, FastMap<Box<str>, FnId>>,
    /// Modules whose namespaces are used as values.
    pub members: Vec<super::piece::Members>,
    /// Modules that a session imports with this piece.
    pub brought: Vec<super::piece::Brought>,
    /// Macros held by module variables.
    pub macros: FastMap<GlobalId, Macro>,
    /// What the modules lowered so far export.
    pub exports: Vec<Rc<Exports>>,
    /// What the modules lowered so far need and offer, if that is asked for.
    pub interfaces: Vec<Interface>,
    /// In the arguments of `(Class …)`, functions may take `self`.
    pub self_param: bool,
    /// The function to be lowered next gets a receiver, though it does not declare one.
    pub receiver_fn: bool,
    /// `try` bodies around, in the function being lowered.
    pub tries: u32,
    /// Local functions that the body being lowered defines further down.
    pub announced: Vec<Announced>,
    /// Type variables of the generic heads around.
    pub type_vars: Vec<Name>,
}

/// A local function that functions made before it may mention.
pub(super) struct Announced {
    pub name: Name,
    pub local: LocalId,
    /// Its definition is lowered.
    pub defined: bool,
    /// One of them does: the variable exists from the start of the body.
    pub early: bool,
}

/// A function known at compile time.
#[derive(Clone)]
pub(super) enum Callee {
    Global(GlobalId),
    Func(FnId),
    /// The constructor of the class that a variable holds.
    New(GlobalId),
    /// A method of a new instance of that class.
    Method(GlobalId, Box<str>),
}

/// Text of a symbol. The word `./` counts as one.
pub(super) fn word(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Symbol(text) => Some(text),
        FormKind::Path(parts) if parts.len() == 2 && &*parts[0] == "." && parts[1].is_empty() => {
            Some("./")
        }
        _ => None,
    }
}

/// Text of a symbol or string.
pub(super) fn name_text(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Symbol(text) | FormKind::Str(text) => Some(text),
        _ => None,
    }
}

pub(super) fn expr(kind: ExprKind, span: Span) -> Expr {
    Expr { kind, span }
}

pub(super) fn nil(span: Span) -> Expr {
    expr(ExprKind::Nil, span)
}

pub(super) fn string(text: &str, span: Span) -> Expr {
    expr(ExprKind::Str(text.into()), span)
}

pub(super) fn read(var: Var, span: Span) -> Expr {
    expr(ExprKind::Var(var), span)
}

pub(super) fn local(id: LocalId, span: Span) -> Expr {
    read(Var::Local(id), span)
}

pub(super) fn declare(id: LocalId, value: Option<Expr>, span: Span) -> Expr {
    expr(ExprKind::Declare(id, value.map(Box::new)), span)
}

pub(super) fn item(value: Expr) -> Item {
    Item {
        value,
        spread: false,
    }
}

/// A call of an intrinsic (`super::intrinsics`).
pub(super) fn intrinsic(name: &str, args: Vec<Expr>, span: Span) -> Expr {
    let callee = Box::new(expr(ExprKind::Builtin(name.into()), span));
    let items = args.into_iter().map(item).collect();
    expr(
        ExprKind::Call(
            callee,
            Args {
                items,
                named: Vec::new(),
                ..Args::default()
            }
            .into(),
        ),
        span,
    )
}

/// A call of a value with one argument.
pub(super) fn call_with(callee: Expr, arg: Expr, span: Span) -> Expr {
    let args = Args {
        items: vec![item(arg)],
        named: Vec::new(),
        ..Args::default()
    };
    expr(ExprKind::Call(Box::new(callee), Box::new(args)), span)
}

pub(super) fn member(of: Expr, name: &str, span: Span) -> Expr {
    expr(
        ExprKind::Get(Place::Member(Box::new(of), name.into())),
        span,
    )
}

/// `#package(name, version, dir, source_dir, main_module, test_dir)`
fn package_value(package: Option<&Package>, span: Span) -> Expr {
    let fields = match package {
        Some(package) => [
            Some(package.name.as_str()),
            package.version.as_deref(),
            Some(&package.root),
            Some(&package.source_dir),
            Some(&package.main_module),
            Some(&package.test_dir),
        ],
        None => [
            Some("gene"),
            None,
            None,
            Some("src"),
            Some("index"),
            Some("tests"),
        ],
    };
    let args = fields.map(|text| text.map_or_else(|| nil(span), |text| string(text, span)));
    intrinsic("#package", args.into(), span)
}

/// A sequence without needless nesting.
pub(super) fn seq(mut list: Vec<Expr>, span: Span) -> Expr {
    if list.len() == 1 {
        list.remove(0)
    } else {
        expr(ExprKind::Seq(list), span)
    }
}

impl<'o> Lower<'o> {
    pub fn new(options: &'o Options, hidden: HashSet<String>) -> Self {
        Lower {
            options,
            names: Names::default(),
            scopes: Scopes::new(),
            errors: Vec::new(),
            globals: Vec::new(),
            funcs: Vec::new(),
            needs_eval: None,
            unit: Unit::default(),
            hidden,
            assigned_builtins: HashSet::new(),
            warnings: Vec::new(),
            calls: Vec::new(),
            param_spans: FastMap::default(),
            enums: FastMap::default(),
            variants: FastMap::default(),
            method_names: HashSet::new(),
            classes: FastMap::default(),
            members: Vec::new(),
            brought: Vec::new(),
            macros: FastMap::default(),
            exports: Vec::new(),
            interfaces: Vec::new(),
            self_param: false,
            receiver_fn: false,
            tries: 0,
            announced: Vec::new(),
            type_vars: Vec::new(),
        }
    }
}

impl Lower<'_> {
    pub fn error(&mut self, span: Span, message: impl Into<String>) -> Expr {
        self.errors
            .push(Finding::new(self.unit.index, span, message));
        nil(span)
    }

    pub fn name(&mut self, text: &str) -> Name {
        self.names.intern(text)
    }

    /// Lowers a form.
    pub fn expr(&mut self, form: &Form) -> Expr {
        let span = form.span;
        let kind = match &form.kind {
            FormKind::Nil => ExprKind::Nil,
            FormKind::Void => ExprKind::Void,
            FormKind::Bool(b) => ExprKind::Bool(*b),
            FormKind::Int(n) => ExprKind::Int(*n),
            FormKind::Float(n) => ExprKind::Float(*n),
            FormKind::Str(text) => ExprKind::Str(text.as_str().into()),
            FormKind::Char(_) | FormKind::Bytes(_) | FormKind::Temporal(_) | FormKind::Regex(_) => {
                ExprKind::Data(Box::new(form.clone()))
            }
            FormKind::Symbol(text) => return self.symbol(text, span),
            FormKind::Path(parts) => return self.path(parts, span),
            FormKind::Array(items) => return self.array(items, span),
            FormKind::Map(entries) => {
                let map = expr(ExprKind::Map(self.named(&entries.entries)), span);
                return seal(map, entries.sealed);
            }
            FormKind::HashMap(items) => return self.hash_map(items, span),
            FormKind::Gene(gene) => return self.gene(gene, span),
            FormKind::Quote(quoted) => return self.quote(quoted, span),
            FormKind::Unquote { .. } => {
                return self.error(span, "Unquote is only allowed inside a quoted template");
            }
        };
        expr(kind, span)
    }

    fn array(&mut self, items: &Items, span: Span) -> Expr {
        seal(
            expr(ExprKind::Array(self.items(&items.items)), span),
            items.sealed,
        )
    }

    fn hash_map(&mut self, items: &Items, span: Span) -> Expr {
        let list = self.items(&items.items);
        let callee = Box::new(expr(ExprKind::Builtin("#HashMap".into()), span));
        let args = Args {
            items: list,
            named: Vec::new(),
            ..Args::default()
        };
        seal(
            expr(ExprKind::Call(callee, args.into()), span),
            items.sealed,
        )
    }

    /// `^key value` pairs.
    pub fn named(&mut self, entries: &[Entry]) -> Vec<Named> {
        let mut list = Vec::with_capacity(entries.len());
        for entry in entries {
            let value = self.expr(&entry.value);
            list.push(if entry.key.starts_with("...") {
                Named::Spread(value)
            } else {
                Named::Entry(entry.key.as_str().into(), value)
            });
        }
        list
    }

    /// Elements of an array, gene or call: `x...` and `x ...` are spread.
    pub fn items(&mut self, forms: &[Form]) -> Vec<Item> {
        self.check_neighbours(forms);
        let mut list = Vec::with_capacity(forms.len());
        let mut at = 0;
        while let Some(form) = forms.get(at) {
            at += 1;
            if let Some(value) = self.spread_word(form) {
                list.push(Item {
                    value,
                    spread: true,
                });
                continue;
            }
            let spread = forms.get(at).and_then(word) == Some("...");
            at += usize::from(spread);
            list.push(Item {
                value: self.expr(form),
                spread,
            });
        }
        list
    }

    fn spread_word(&mut self, form: &Form) -> Option<Expr> {
        match &form.kind {
            FormKind::Symbol(text) => {
                let text = text.strip_suffix("...").filter(|rest| !rest.is_empty())?;
                Some(match text {
                    "nil" => nil(form.span),
                    _ => self.symbol(text, form.span),
                })
            }
            FormKind::Path(parts) => {
                let last = parts.last()?.strip_suffix("...")?;
                let mut parts: Vec<Word> = parts.to_vec();
                *parts.last_mut()? = last.into();
                Some(self.path(&parts, form.span))
            }
            _ => None,
        }
    }

    /// Forms in order; the value of the last.
    pub fn body(&mut self, forms: &[Form], span: Span) -> Expr {
        match forms {
            [] => nil(span),
            [one] => {
                let outer = std::mem::take(&mut self.announced);
                let value = self.expr(one);
                self.announced = outer;
                value
            }
            _ => {
                let outer = self.announce(forms);
                let list: Vec<Expr> = forms.iter().map(|form| self.expr(form)).collect();
                let list = self.retract(outer, list, span);
                expr(ExprKind::Seq(list), span)
            }
        }
    }

    /// A body with a scope of its own.
    pub fn scoped(&mut self, forms: &[Form], span: Span) -> Expr {
        let mark = self.scopes.open();
        let body = self.body(forms, span);
        self.scopes.close(mark);
        body
    }

    fn symbol(&mut self, text: &str, span: Span) -> Expr {
        match text {
            "not_found" => return expr(ExprKind::NotFound, span),
            "_" => return expr(ExprKind::Placeholder, span),
            "self" => return self.self_value(span),
            "super" => return self.bare_super(span),
            "$ns" => return self.namespace(span),
            "$ex" => return expr(ExprKind::Exception, span),
            "__is_main__" => return expr(ExprKind::Bool(self.unit.is_main), span),
            "__module_name__" => return string(&self.unit.name.clone(), span),
            _ => {}
        }
        match text.as_bytes() {
            [b'$', _, ..] => self.global_member(&text[1..], span),
            [b'@', ..] => self.selector_word(&[text], span),
            _ => {
                let name = self.name(text);
                self.variable(name, span)
            }
        }
    }

    /// The value of a name.
    pub fn variable(&mut self, name: Name, span: Span) -> Expr {
        match self.resolve(name) {
            Some(binding) => self.read_binding(binding, name, span),
            None => self.free_name(name, span),
        }
    }

    pub fn read_binding(&mut self, binding: Binding, name: Name, span: Span) -> Expr {
        let var = self.scopes.access(binding);
        let value = read(var, span);
        match binding.slot {
            Slot::Member(_) => member(value, self.names.text(name), span),
            Slot::Outer(_, outer) => super::evaluate::read_outer(value, outer, span),
            _ => value,
        }
    }

    pub fn resolve(&mut self, name: Name) -> Option<Binding> {
        match self.scopes.lookup(name) {
            Some(binding) => Some(binding),
            None => self.scopes.pending(name),
        }
    }

    fn free_name(&mut self, name: Name, span: Span) -> Expr {
        let text = self.names.text(name);
        if is_builtin(text) && !self.unit.dynamic_names && !self.hidden.contains(text) {
            let text = text.to_owned();
            self.builtin(&text, span)
        } else {
            let text = text.to_owned();
            self.note_unknown(name, span);
            let value = read(Var::Name(text.into()), span);
            self.or_defined(name, value, span)
        }
    }

    /// The value of a built-in name. Which package a module belongs to is known here only.
    fn builtin(&mut self, text: &str, span: Span) -> Expr {
        match text {
            "pkg" => package_value(self.unit.package.as_ref(), span),
            "app" => {
                let package = package_value(self.unit.main_package.as_ref(), span);
                intrinsic("#application", vec![package], span)
            }
            _ => expr(ExprKind::Builtin(text.into()), span),
        }
    }

    /// `$name`
    pub fn global_member(&mut self, text: &str, span: Span) -> Expr {
        if matches!(text, "duration_start" | "duration") {
            return intrinsic(&format!("#{text}"), Vec::new(), span);
        }
        if is_builtin(text) && !self.hidden.contains(text) {
            self.builtin(text, span)
        } else {
            intrinsic("#global_member", vec![string(text, span)], span)
        }
    }

    /// `self`: the receiver, the class or namespace being built, or the module.
    pub fn self_value(&mut self, span: Span) -> Expr {
        match self.self_binding() {
            Some(binding) => {
                let name = self.name("self");
                self.read_binding(binding, name, span)
            }
            None => self.namespace(span),
        }
    }

    pub fn self_binding(&mut self) -> Option<Binding> {
        let name = self.name("self");
        self.scopes.lookup(name)
    }

    /// The module as a value. Whoever has it can assign every module variable.
    pub fn namespace(&mut self, span: Span) -> Expr {
        self.unit.escapes = true;
        expr(ExprKind::Namespace, span)
    }

    /// A fresh local without a name.
    pub fn temp(&mut self) -> LocalId {
        self.scopes.local("")
    }

    /// Declares a local of that name in the current scope, behind the value's evaluation.
    pub fn bind_new(&mut self, name: Name, info: Info) -> LocalId {
        let text = self.names.text(name).to_owned();
        let id = self.scopes.local(&text);
        self.scopes.bind_local(name, id, info);
        id
    }

    /// True where variables are module variables.
    pub fn at_module_level(&self) -> bool {
        self.in_module_function() && self.scopes.fns[self.unit.depth].scopes == 1
    }

    /// True in the function that is the module's body.
    pub fn in_module_function(&self) -> bool {
        self.scopes.fns.len() == self.unit.depth + 1
    }

    pub fn note_eval(&mut self, span: Span, text: &str) {
        if self.unit.needs_eval.is_none() {
            self.unit.needs_eval = Some((span, text.into()));
        }
        if self.needs_eval.is_none() {
            self.needs_eval = Some((self.unit.index, span, text.into()));
        }
    }

    /// A gene, by the first rule that fits.
    fn gene(&mut self, gene: &GeneForm, span: Span) -> Expr {
        if gene.sealed {
            return self.gene_data(gene, span);
        }
        let first = gene.children.first();
        let first_word = first.and_then(word);
        let head_word = word(&gene.head);
        if gene.children.is_empty() && gene.props.is_empty() && is_number(&gene.head) {
            return self.expr(&gene.head);
        }
        match head_word {
            Some("super") => return self.super_call(gene, span),
            Some("_") => return self.gene_data(gene, span),
            _ => {}
        }
        if let FormKind::Quote(quoted) = &gene.head.kind {
            let is_call = matches!(quoted.kind, FormKind::Symbol(_))
                && first_word.is_some_and(is_method_word);
            if !is_call {
                return self.gene_data(gene, span);
            }
        }
        if let Some(first_word) = first_word
            && let Some(done) = self.by_first_child(gene, head_word, first_word, span)
        {
            return done;
        }
        if let Some(Form {
            kind: FormKind::Path(parts),
            ..
        }) = first
            && let Some(done) = self.by_first_path(gene, parts, span)
        {
            return done;
        }
        if let Some(head) = head_word {
            if let Some(done) = self.operator(head, gene, span) {
                return done;
            }
            if let Some(done) = self.special(head, gene, span) {
                return done;
            }
        }
        if let Some(done) = self.type_value(gene, span) {
            return done;
        }
        if is_literal(&gene.head) {
            self.gene_data(gene, span)
        } else {
            self.call(gene, span)
        }
    }

    /// Meanings that the first child decides.
    fn by_first_child(
        &mut self,
        gene: &GeneForm,
        head: Option<&str>,
        first: &str,
        span: Span,
    ) -> Option<Expr> {
        let count = gene.children.len();
        match first {
            ".." if count == 2 => {
                let from = self.expr(&gene.head);
                let to = self.expr(&gene.children[1]);
                return Some(expr(ExprKind::Range(Box::new(from), Box::new(to)), span));
            }
            "." => return Some(self.dynamic_call(gene, span)),
            "?" if count == 1 => return Some(self.unwrap(&gene.head, span)),
            "->" if matches!(gene.head.kind, FormKind::Array(_)) => {
                return Some(self.block(Some(&gene.head), &gene.children[1..], span));
            }
            "=" | "+=" | "-=" | "*=" | "/=" | "%=" => return Some(self.assignment(gene, span)),
            _ => {}
        }
        if super::infix::is_infix(first) && !head.is_some_and(super::infix::keeps_operators) {
            return Some(self.infix(gene, span));
        }
        if is_method_word(first) {
            return Some(self.method_call(gene, &first[1..], span));
        }
        None
    }

    fn by_first_path(&mut self, gene: &GeneForm, parts: &[Word], span: Span) -> Option<Expr> {
        if &*parts[0] == "." {
            return Some(self.lookup_with_default(gene, parts, span));
        }
        let rest = parts[0].strip_prefix('.')?;
        if !rest.starts_with('@') {
            return None;
        }
        let mut words: Vec<&str> = vec![rest];
        words.extend(parts[1..].iter().map(|part| &**part));
        let selector = self.selector_word(&words, gene.children[0].span);
        Some(self.apply_selector(selector, gene, 1, span))
    }

    /// Special forms.
    fn special(&mut self, head: &str, gene: &GeneForm, span: Span) -> Option<Expr> {
        Some(match head {
            "var" | "let" => self.var(gene, head == "let", span),
            "if" => self.if_form(gene, span),
            "ifel" => self.ifel(gene, span),
            "if_not" => self.if_not(gene, span),
            "do" => self.body(&gene.children, span),
            "fn" => self.fn_form(gene, span),
            "while" => self.while_form(gene, span),
            "loop" => self.loop_form(gene, span),
            "for" => self.for_form(gene, span),
            "repeat" => self.repeat_form(gene, span),
            "break" => self.break_form(gene, span),
            "continue" => self.continue_form(gene, span),
            "return" => self.return_form(gene, span),
            "case" => self.case(gene, span),
            "try" => self.try_form(gene, span),
            "throw" => self.throw(gene, span),
            "new" => self.new_form(gene, span),
            "class" => self.class(gene, span),
            "ns" => self.ns(gene, span),
            "object" => self.object(gene, span),
            "enum" => self.enum_form(gene, span),
            "type" => self.type_form(gene, span),
            "interface" => self.interface(gene, span),
            "implement" => self.implement(gene, span),
            "interceptor" => self.interceptor(gene, false, span),
            "fn-interceptor" => self.interceptor(gene, true, span),
            "block" => self.block_form(gene, span),
            "->" => self.block(None, &gene.children, span),
            "yield" => self.yield_form(gene, span),
            "await" => self.await_form(gene, span),
            "async" => self.async_form(gene, span),
            "typeof" => self.typeof_form(gene, span),
            "@" => self.selector_form(gene, span),
            "#Str" => expr(
                ExprKind::Interp(gene.children.iter().map(|part| self.expr(part)).collect()),
                span,
            ),
            "import" => self.error(
                span,
                "import is compile-time only; place imports at module top level or emit them \
                 from (comptime ...)",
            ),
            "export" => self.error(span, "export is only allowed at module top level"),
            "comptime" => nil(span),
            "match" => self.error(
                span,
                "match has been removed; use (var pattern value) for binding or (case ...) for \
                 branching",
            ),
            "fnx" | "fnx!" | "fnxx" => self.error(span, format!("{head} is not supported; use fn")),
            "new!" => self.macro_constructor(span),
            _ if head.starts_with('$') => return self.dollar_form(head, gene, span),
            "eval" => self.eval_form(gene, span),
            _ if is_method_word(head) => self.self_method_call(gene, &head[1..], span),
            _ => return None,
        })
    }

    fn dollar_form(&mut self, head: &str, gene: &GeneForm, span: Span) -> Option<Expr> {
        Some(match head {
            "$emit" => self.body(&gene.children, span),
            "$if_main" if self.unit.is_main => self.body(&gene.children, span),
            "$if_main" | "$dep" => nil(span),
            "$with" => self.with(gene, span),
            "$tap" => self.tap(gene, span),
            "$set" => self.set_form(gene, span),
            "$render" => self.render(gene, span),
            "$caller_eval" => self.caller_eval(gene, span),
            "$parse" => self.parse_form(gene, span),
            "$vm" | "$vmstmt" => match gene.children.first().and_then(word) {
                Some(word @ ("duration" | "duration_start")) => self.global_member(word, span),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// A gene value whose parts are evaluated.
    pub fn gene_data(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let head = self.expr(&gene.head);
        let named = self.named(&gene.props);
        let items = self.items(&gene.children);
        seal(
            expr(
                ExprKind::Gene(Box::new(head), Box::new(Args::new(items, named))),
                span,
            ),
            gene.sealed,
        )
    }

    /// `($with v body…)`
    fn with(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((value, body)) = gene.children.split_first() else {
            return self.error(span, "$with expects a value");
        };
        self.bound_body(value, "self", body, false, span)
    }

    /// `($tap v body…)`, `($tap v :name body…)`
    fn tap(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((value, mut body)) = gene.children.split_first() else {
            return self.error(span, "$tap expects a value");
        };
        let mut name = "self";
        if let Some(text) = body
            .first()
            .and_then(word)
            .and_then(|text| text.strip_prefix(':'))
        {
            name = text;
            body = &body[1..];
        }
        self.bound_body(value, name, body, true, span)
    }

    fn bound_body(
        &mut self,
        value: &Form,
        name: &str,
        body: &[Form],
        give_value: bool,
        span: Span,
    ) -> Expr {
        let value = self.expr(value);
        let mark = self.scopes.open();
        let name = self.name(name);
        let id = self.bind_new(name, Info::default());
        let mut list = vec![declare(id, Some(value), span)];
        list.push(self.body(body, span));
        if give_value {
            list.push(local(id, span));
        }
        self.scopes.close(mark);
        seq(list, span)
    }

    fn typeof_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        match gene.children.as_slice() {
            [one] => {
                let value = self.expr(one);
                expr(ExprKind::Unary(UnaryOp::Typeof, Box::new(value)), span)
            }
            _ => self.error(span, "typeof expects exactly 1 argument"),
        }
    }
}

/// `.name`, but neither `.` nor `..` nor `...`.
pub(super) fn is_method_word(text: &str) -> bool {
    text.len() > 1 && text.starts_with('.') && !text[1..].starts_with('.')
}

fn is_number(form: &Form) -> bool {
    matches!(form.kind, FormKind::Int(_) | FormKind::Float(_))
}

fn is_literal(form: &Form) -> bool {
    !matches!(
        form.kind,
        FormKind::Symbol(_) | FormKind::Path(_) | FormKind::Gene(_) | FormKind::Quote(_)
    )
}

fn seal(value: Expr, sealed: bool) -> Expr {
    if !sealed {
        return value;
    }
    let span = value.span;
    expr(ExprKind::Seal(Box::new(value)), span)
}

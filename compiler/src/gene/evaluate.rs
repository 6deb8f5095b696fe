//! Dynamic evaluation (`language/03-expressions.md` §9, `05-functions.md` §9), on both sides:
//! what a program gives to the evaluator, and how evaluated code uses it. The shape of a scope
//! is described in [`super::intrinsics`].

use super::lower::{
    Lower, declare, expr, intrinsic, item, local, member, nil, read, seq, string, word,
};
use super::module::{Macro, is_macro};
use super::names::Name;
use super::piece::{Around, Known, Visible};
use super::scope::{Binding, Info, Outer, Slot};
use crate::hir::*;
use gene_format::builtins::evaluated_value;
use gene_format::program::{FuncKind, ParamKind};
use gene_format::text::{Form, FormKind, GeneForm, Items, Span, read_one, write_form};

/// Elements of a scope before the variables.
const FIRST_VARIABLE: u32 = 3;

/// The map of a function's definitions by evaluated code: a local that no program can name.
const DEFINITIONS: &str = "#definitions";

/// The module variable that holds the accessors of all others.
const NAMES: &str = "#names";

fn at(of: Expr, index: u32, span: Span) -> Expr {
    expr(
        ExprKind::Get(Place::Index(Box::new(of), i64::from(index))),
        span,
    )
}

/// The element of a scope that describes a variable.
fn entry_of(scope: Expr, outer: Outer, span: Span) -> Expr {
    match outer {
        Outer::Local(index) => at(scope, FIRST_VARIABLE + index, span),
        Outer::Module(index) => at(at(scope, 1, span), index, span),
        Outer::Value(index) => at(scope, index, span),
        Outer::Definitions => at(scope, 2, span),
    }
}

/// The value of something that evaluated code was given.
pub(super) fn read_outer(scope: Expr, outer: Outer, span: Span) -> Expr {
    let entry = entry_of(scope, outer, span);
    match outer {
        Outer::Local(_) | Outer::Module(_) => {
            let getter = Box::new(at(entry, 1, span));
            expr(ExprKind::Call(getter, Box::default()), span)
        }
        Outer::Value(_) | Outer::Definitions => entry,
    }
}

/// The function that assigns a variable of the code around.
pub(super) fn setter_of(scope: Expr, outer: Outer, span: Span) -> Expr {
    at(entry_of(scope, outer, span), 2, span)
}

/// Begins a function with making its maps of definitions.
pub(super) fn make_definitions(maps: &[LocalId], body: &mut Vec<Expr>, span: Span) {
    for &id in maps {
        let map = expr(ExprKind::Map(Vec::new()), span);
        body.insert(0, declare(id, Some(map), span));
    }
}

// ---------------------------------------------------------------- the program's side

impl Lower<'_> {
    /// `(eval form…)`
    pub fn eval_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        self.note_eval(span, "eval");
        let mut list = Vec::new();
        for form in &gene.children {
            let value = self.expr(form);
            let scope = self.scope_value(span);
            list.push(intrinsic("#eval", vec![value, scope], span));
        }
        seq(list, span)
    }

    /// `($parse "text")`
    pub fn parse_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let [text] = gene.children.as_slice() else {
            return self.error(span, "$parse expects exactly 1 argument");
        };
        self.note_eval(span, "$parse");
        let text = self.expr(text);
        intrinsic("#parse", vec![text], span)
    }

    /// `($caller_eval e)`: a parameter is evaluated by the thunk that came with it.
    pub fn caller_eval(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let [form] = gene.children.as_slice() else {
            return self.error(span, "$caller_eval expects exactly 1 argument");
        };
        if !self.scopes.fns.iter().any(|open| open.function.is_macro) {
            let message = "$caller_eval can only be used within macros or macro-like functions";
            return expr(ExprKind::Fail(message.into()), span);
        }
        if let Some(text) = word(form)
            && let Some(binding) = self.hidden_binding(&format!("#{text}"))
        {
            let thunk = read(self.scopes.access(binding), span);
            let again = read(self.scopes.access(binding), span);
            let call = expr(ExprKind::Call(Box::new(again), Box::default()), span);
            let value = self.expr(form);
            let other = intrinsic("#eval", vec![value, nil(span)], span);
            return super::control::choose(thunk, call, other, span);
        }
        self.note_eval(span, "$caller_eval");
        let value = self.expr(form);
        let scope = match self.hidden_binding("#scope") {
            Some(binding) => read(self.scopes.access(binding), span),
            None => nil(span),
        };
        intrinsic("#eval", vec![value, scope], span)
    }

    fn hidden_binding(&mut self, text: &str) -> Option<Binding> {
        let name = self.name(text);
        self.scopes.lookup(name)
    }

    /// The variables in sight, for code made at run time.
    pub fn scope_value(&mut self, span: Span) -> Expr {
        let mut items = vec![self.namespace(span), self.module_names(span)];
        let own = self.own_definitions(span);
        let mut definitions = None;
        items.push(match own {
            Some((value, binding)) => {
                definitions = binding;
                value
            }
            None => nil(span),
        });
        for (name, binding) in self.scopes.visible_locals() {
            if !self.names.text(name).starts_with('#') {
                items.push(self.entry(name, binding, span));
            }
        }
        let name = self.name(DEFINITIONS);
        for binding in self.scopes.all(name).to_vec() {
            let is_own = definitions.is_some_and(|own: Binding| own == binding);
            let entry = match binding.slot {
                _ if is_own => continue,
                Slot::Outer(_, Outer::Definitions) => {
                    if self.in_module_function() {
                        continue; // the element before
                    }
                    self.entry(name, binding, span)
                }
                _ => self.entry(name, binding, span),
            };
            items.push(entry);
        }
        array(items, span)
    }

    /// The accessors of the module's variables.
    fn module_names(&mut self, span: Span) -> Expr {
        if let Some(scope) = self.scope_local(span) {
            return at(scope, 1, span);
        }
        if self.unit.is_piece {
            return self.meanings(span);
        }
        self.unit.lists_names = true;
        let name = self.name(NAMES);
        let global = self.global_variable(name, Info::default());
        self.globals[global.index()].assigned = true;
        read(Var::Global(global), span)
    }

    /// The variables of a piece are members of the namespace; only those are listed that mean more
    /// than their value.
    fn meanings(&mut self, span: Span) -> Expr {
        let names: Vec<Name> = self.unit.globals.keys().copied().collect();
        let mut items = Vec::new();
        for name in self.in_order(names) {
            if let Some(binding) = self.scopes.lookup(name)
                && (self.scopes.info(binding).is_let || !self.meaning(name).is_empty())
            {
                items.push(self.entry(name, binding, span));
            }
        }
        match items.is_empty() {
            true => nil(span),
            false => array(items, span),
        }
    }

    fn in_order(&self, mut names: Vec<Name>) -> Vec<Name> {
        names.sort_by(|a, b| self.names.text(*a).cmp(self.names.text(*b)));
        names.dedup();
        names
    }

    /// The scope of evaluated code.
    fn scope_local(&mut self, span: Span) -> Option<Expr> {
        let binding = Binding {
            depth: self.unit.depth as u32,
            slot: Slot::Local(self.unit.scope?),
            info: 0,
        };
        Some(read(self.scopes.access(binding), span))
    }

    /// The map for what evaluated code defines here; a module's body needs none, as there the
    /// namespace takes it.
    fn own_definitions(&mut self, span: Span) -> Option<(Expr, Option<Binding>)> {
        if self.in_module_function() {
            let scope = self.scope_local(span).filter(|_| self.unit.in_function)?;
            return Some((entry_of(scope, Outer::Definitions, span), None));
        }
        let name = self.name(DEFINITIONS);
        let depth = self.scopes.depth() as u32;
        let known = self.scopes.lookup(name).filter(|one| one.depth == depth);
        let binding = known.unwrap_or_else(|| {
            let id = self.scopes.local("");
            self.scopes.current().definitions.push(id);
            let slot = Slot::Local(id);
            let binding = Binding {
                depth,
                slot,
                info: 0,
            };
            self.scopes.bind(name, binding);
            binding
        });
        let value = self.read_binding(binding, name, span);
        Some((value, Some(binding)))
    }

    /// `[name getter setter hidden]`
    fn entry(&mut self, name: Name, binding: Binding, span: Span) -> Expr {
        if let Slot::Outer(_, outer @ Outer::Local(_)) = binding.slot {
            let scope = read(self.scopes.access(binding), span);
            return entry_of(scope, outer, span);
        }
        let text = self.names.text(name).to_owned();
        let get = self.thunk(span, |lower| lower.read_binding(binding, name, span));
        let get = expr(ExprKind::Closure(get), span);
        let fixed = self.scopes.info(binding).is_let || text == "self" || text == DEFINITIONS;
        let set = if fixed {
            nil(span)
        } else {
            self.setter(name, binding, span)
        };
        let mut items = vec![string(&text, span), get, set];
        let meaning = self.meaning(name);
        if !meaning.is_empty() {
            items.push(texts(meaning, span));
        }
        array(items, span)
    }

    fn setter(&mut self, name: Name, binding: Binding, span: Span) -> Expr {
        let mut function = self.blank_function("", FuncKind::Thunk, span);
        function.params.push(required("value"));
        let id = self.enclosed(function, |lower| {
            let value = lower.scopes.local("value");
            let target = lower.binding_target(binding, name, span);
            lower.store(target, local(value, span), span)
        });
        expr(ExprKind::Closure(id), span)
    }

    /// What the compiler knows of a name beyond its value: for a macro what calls must pass, hidden
    /// keywords, then positional parameters behind a sign of their kind; for an enum its variants
    /// behind `|`; for a type its expression behind `:`.
    fn meaning(&self, name: Name) -> Vec<String> {
        let mut list: Vec<String> = Vec::new();
        if let Some(known) = self.unit.macros.get(&name) {
            let hidden = known.hidden.iter();
            list.extend(hidden.map(|&name| self.names.text(name).to_owned()));
            for &(name, kind) in &known.positional {
                list.push(format!("{}{}", sign(kind), self.names.text(name)));
            }
        }
        if let Some(variants) = self.enums.get(&name) {
            let variants = variants.iter();
            list.extend(variants.map(|&variant| format!("|{}", self.names.text(variant))));
        }
        if let Some(ty) = self.unit.aliases.get(&name) {
            list.push(format!(":{}", write_form(ty)));
        }
        list
    }

    /// Makes the accessors of the module's variables.
    pub fn list_names(&mut self, span: Span) -> Expr {
        let all = self.unit.globals.keys().copied();
        let names: Vec<Name> = all
            .chain(self.unit.imported.iter().map(|(name, _)| *name))
            .collect();
        let names = self.in_order(names);
        let mut items = Vec::with_capacity(names.len());
        for name in names {
            if !self.names.text(name).starts_with('#')
                && let Some(binding) = self.scopes.lookup(name)
            {
                items.push(self.entry(name, binding, span));
            }
        }
        let name = self.name(NAMES);
        let global = self.unit.globals[&name];
        let value = Box::new(array(items, span));
        expr(ExprKind::Set(Var::Global(global), value), span)
    }

    /// A free name where evaluated code may have defined it.
    pub fn or_defined(&mut self, name: Name, mut value: Expr, span: Span) -> Expr {
        let text = self.names.text(name).to_owned();
        let definitions = self.name(DEFINITIONS);
        for binding in self.scopes.all(definitions).to_vec() {
            let map = self.read_binding(binding, definitions, span);
            let found = Box::new(member(map, &text, span));
            value = expr(ExprKind::Default(found, Box::new(value)), span);
        }
        value
    }

    /// True where evaluated code may have defined names.
    pub fn sees_definitions(&mut self) -> bool {
        let name = self.name(DEFINITIONS);
        self.scopes.lookup(name).is_some()
    }

    /// Assigns a free name where evaluated code may have defined it.
    pub fn store_defined(&mut self, name: Name, value: Expr, span: Span) -> Expr {
        let text = self.names.text(name).to_owned();
        let new = self.temp();
        let value = declare(new, Some(value), span);
        let set = ExprKind::Set(Var::Name(text.as_str().into()), Box::new(local(new, span)));
        let mut store = expr(set, span);
        let definitions = self.name(DEFINITIONS);
        for binding in self.scopes.all(definitions).to_vec() {
            let map = self.read_binding(binding, definitions, span);
            let again = self.read_binding(binding, definitions, span);
            let args = Args {
                items: vec![item(string(&text, span))],
                named: Vec::new(),
                ..Args::default()
            };
            let has = ExprKind::MethodCall(Box::new(map), "has".into(), Box::new(args));
            let place = Place::Member(Box::new(again), text.as_str().into());
            let here = ExprKind::SetPlace(Box::new(place), Box::new(local(new, span)));
            let choice = ExprKind::If(
                Box::new(expr(has, span)),
                Box::new(expr(here, span)),
                Box::new(store),
            );
            store = expr(choice, span);
        }
        seq(vec![value, store], span)
    }
}

fn array(items: Vec<Expr>, span: Span) -> Expr {
    let items = items.into_iter().map(item).collect();
    expr(ExprKind::Array(items), span)
}

/// An array of strings, as data.
fn texts(list: Vec<String>, span: Span) -> Expr {
    let form = |text: String| Form {
        kind: FormKind::Str(text.into()),
        span,
    };
    let items = list.into_iter().map(form).collect();
    let kind = FormKind::Array(Items {
        items,
        sealed: false,
    });
    expr(ExprKind::Data(Box::new(Form { kind, span })), span)
}

fn required(name: &str) -> Param {
    Param {
        name: name.into(),
        kind: ParamKind::Required,
        default: None,
        check: None,
    }
}

fn sign(kind: ParamKind) -> char {
    match kind {
        ParamKind::Optional => '?',
        ParamKind::Rest => '*',
        _ => '!',
    }
}

// ---------------------------------------------------------------- the evaluated code's side

impl Lower<'_> {
    /// Lowers code that a program builds while it runs, to a function of the data and its scope
    /// that captures the array of values without spelling. Gives the init function of the module,
    /// which is never called; the function is the next one.
    pub fn evaluated(
        &mut self,
        forms: &[Form],
        span: Span,
        known: &Known,
        around: &Around,
    ) -> FnId {
        let init = self.new_fn();
        let module = self.blank_function("__init__", FuncKind::Module, span);
        self.scopes.open_fn(init, module);
        let init_mark = self.scopes.open();
        let values = self.scopes.local("");

        let mut function = self.blank_function("eval", FuncKind::Function, span);
        function.params = vec![required("data"), required("scope")];
        let id = self.new_fn();
        self.scopes.open_fn(id, function);
        let mark = self.scopes.open();
        self.scopes.local("");
        let scope = self.scopes.local("");
        self.unit.depth = 1;
        self.unit.scope = Some(scope);
        self.unit.is_piece = true;
        self.unit.in_function = around.in_function;
        // The machine makes the closure, with exactly this capture.
        self.scopes.access(Binding {
            depth: 0,
            slot: Slot::Local(values),
            info: 0,
        });
        self.recall_types(known);
        self.bind_around(values, scope, around);
        self.declare_all(forms);
        self.recall_variables(known);
        let list = forms.iter().map(|form| self.expr(form)).collect();
        self.scopes.close(mark);
        let mut open = self.scopes.close_fn();
        open.function.body = seq(list, span);
        self.funcs[id.index()].0 = Some(open.function);

        self.scopes.close(init_mark);
        let mut open = self.scopes.close_fn();
        let closure = expr(ExprKind::Closure(id), span);
        open.function.body = seq(vec![declare(values, None, span), closure], span);
        self.funcs[init.index()].0 = Some(open.function);
        init
    }

    fn bind_around(&mut self, values: LocalId, scope: LocalId, around: &Around) {
        for (index, one) in (0..).zip(&around.module) {
            self.bind_visible(one, Slot::Outer(scope, Outer::Module(index)));
        }
        for index in 0..around.values {
            let name = self.name(&evaluated_value(index));
            self.bind_outer(name, 0, Slot::Outer(values, Outer::Value(index)), true);
        }
        for (index, one) in (0..).zip(&around.locals) {
            self.bind_visible(one, Slot::Outer(scope, Outer::Local(index)));
        }
        if around.in_function {
            let name = self.name(DEFINITIONS);
            self.bind_outer(name, 1, Slot::Outer(scope, Outer::Definitions), true);
        }
    }

    fn bind_visible(&mut self, one: &Visible, slot: Slot) {
        let name = self.name(&one.name);
        let fixed = !one.assignable && one.name != DEFINITIONS;
        self.bind_outer(name, 1, slot, fixed);
        self.unit.macros.remove(&name);
        if let Some(texts) = &one.hidden {
            let mut known = Macro::default();
            for text in texts {
                let kind = match text.as_bytes().first() {
                    Some(b'!') => ParamKind::Required,
                    Some(b'?') => ParamKind::Optional,
                    Some(b'*') => ParamKind::Rest,
                    Some(b'|') => {
                        let variant = self.name(&text[1..]);
                        self.note_variant(name, variant);
                        continue;
                    }
                    Some(b':') => {
                        if let Ok((ty, _)) = read_one(&text.as_bytes()[1..]) {
                            self.unit.aliases.insert(name, ty);
                        }
                        continue;
                    }
                    _ => {
                        let hidden = self.name(text);
                        known.hidden.push(hidden);
                        continue;
                    }
                };
                let hidden = self.name(&text[1..]);
                known.positional.push((hidden, kind));
            }
            if is_macro(&one.name) {
                self.unit.macros.insert(name, known);
            }
        }
    }

    fn bind_outer(&mut self, name: Name, depth: u32, slot: Slot, is_let: bool) {
        let info = self.scopes.add_info(Info {
            is_let,
            ..Info::default()
        });
        self.scopes.bind(name, Binding { depth, slot, info });
    }

    /// True if a definition of evaluated code does not make a member of the namespace: the name
    /// means a variable of the code around, or the code is part of a function.
    pub fn is_outside(&self, name: Name) -> bool {
        self.unit.in_function || self.is_outer(name)
    }

    /// True if the name means a variable of the code around.
    pub fn is_outer(&self, name: Name) -> bool {
        let outer = |one: Binding| matches!(one.slot, Slot::Outer(..));
        self.unit.scope.is_some() && self.scopes.lookup(name).is_some_and(outer)
    }

    /// The variable of the module around, for `/name` and `$ns/name`.
    pub fn outer_module_variable(&self, name: Name) -> Option<Binding> {
        let module = |one: &&Binding| matches!(one.slot, Slot::Outer(_, Outer::Module(_)));
        self.scopes.all(name).iter().find(module).copied()
    }

    /// Such a definition.
    pub fn define_outside(&mut self, name: Name, value: Expr, span: Span) -> Expr {
        match self.scopes.lookup(name) {
            Some(binding) if matches!(binding.slot, Slot::Outer(..)) => {
                let target = self.binding_target(binding, name, span);
                self.store(target, value, span)
            }
            _ => {
                let definitions = self.name(DEFINITIONS);
                let Some(binding) = self.scopes.lookup(definitions) else {
                    return value;
                };
                let text = self.names.text(name).to_owned();
                self.assign_builtin(&text);
                let map = Box::new(self.read_binding(binding, definitions, span));
                let place = Place::Member(map, self.names.text(name).into());
                expr(ExprKind::SetPlace(Box::new(place), Box::new(value)), span)
            }
        }
    }
}

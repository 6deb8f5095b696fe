//! Functions, blocks, parameters, contracts (`language/05-functions.md`, `09-errors.md` §6).

use super::lower::{
    Announced, Lower, declare, expr, intrinsic, item, local, nil, seq, string, word,
};
use super::module::is_macro;
use super::params::{RawParam, Target};
use super::scope::Info;
use super::show::show;
use crate::hir::*;
use gene_format::program::{CheckSite, FuncKind, ParamKind};
use gene_format::text::{Entry, Form, FormKind, GeneForm, Span};

/// A function as written.
pub(super) struct FnDef<'f> {
    pub name: &'f str,
    pub kind: FuncKind,
    pub params: &'f [Form],
    pub props: &'f [Entry],
    /// Everything behind the parameter list.
    pub rest: &'f [Form],
    pub span: Span,
}

/// What stands between parameter list and body.
struct Header<'f> {
    result: Option<&'f Form>,
    body: &'f [Form],
}

/// Splits off `-> T` and `! [effects]`.
fn header(mut rest: &[Form]) -> Header<'_> {
    let mut result = None;
    if let [arrow, ty, behind @ ..] = rest
        && word(arrow) == Some("->")
    {
        result = Some(ty);
        rest = behind;
    }
    if let [mark, effects, behind @ ..] = rest
        && word(mark) == Some("!")
        && matches!(effects.kind, FormKind::Array(_))
    {
        rest = behind;
    }
    Header { result, body: rest }
}

/// True if a method has forms behind parameter list and annotations.
pub(super) fn has_body(rest: &[Form]) -> bool {
    !header(rest).body.is_empty()
}

fn prop<'f>(props: &'f [Entry], key: &str) -> Option<&'f Form> {
    props
        .iter()
        .find(|entry| &*entry.key == key)
        .map(|entry| &entry.value)
}

fn flag(props: &[Entry], key: &str) -> bool {
    prop(props, key).is_some_and(|form| !matches!(form.kind, FormKind::Nil | FormKind::Bool(false)))
}

/// The parts of `(fn …)`: target, parameters, rest.
type FnParts<'f> = (Option<&'f Form>, &'f [Form], &'f [Form]);

impl Lower<'_> {
    /// `(fn …)` that is not hoisted: an expression, or the definition of a local.
    pub fn fn_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        self.fn_with_props(&gene.props, &gene.children, span)
    }

    fn fn_with_props(&mut self, props: &[Entry], children: &[Form], span: Span) -> Expr {
        let Some((target, params, rest)) = self.fn_parts(children, span) else {
            return nil(span);
        };
        let generics = self.push_type_vars(target);
        let name = target.map_or("", definition_name);
        let kind = FuncKind::Function;
        let def = FnDef {
            name,
            kind,
            params,
            props,
            rest,
            span,
        };
        let value = match target {
            Some(Form {
                kind: FormKind::Symbol(_) | FormKind::Str(_),
                ..
            }) if !self.at_module_level() && !name.starts_with('$') => self.local_fn(&def),
            _ => {
                let id = self.function(&def);
                let value = expr(ExprKind::Closure(id), span);
                match target {
                    Some(target) => self.define(target, value, None),
                    None => value,
                }
            }
        };
        self.type_vars.truncate(generics);
        value
    }

    /// A named function inside a body: its own body may call it.
    fn local_fn(&mut self, def: &FnDef) -> Expr {
        let name = self.name(def.name);
        let mut announced = self.announced.iter();
        let known = announced.position(|known| known.name == name && !known.defined);
        let id = match known {
            Some(known) => self.announced[known].local,
            None => self.scopes.local(def.name),
        };
        if let Some(known) = known {
            self.announced[known].defined = true;
        }
        let forward = known.filter(|_| self.scopes.is_captured(id));
        if let Some(known) = forward {
            self.announced[known].early = true;
        }
        let info = Info {
            definition: true,
            ..Info::default()
        };
        self.scopes.bind_local(name, id, info);
        let func = self.function(def);
        let early = self.scopes.is_captured(id);
        let info = Info {
            definition: true,
            func: Some(func),
            ..Info::default()
        };
        self.scopes.bind_local(name, id, info);
        let value = expr(ExprKind::Closure(func), def.span);
        if forward.is_some() {
            return expr(ExprKind::Set(Var::Local(id), Box::new(value)), def.span);
        }
        self.declare_maybe_early(id, Some(value), early, def.span)
    }

    /// Makes the local functions of a body known to those that stand before them. Gives what
    /// was announced around it.
    pub fn announce(&mut self, forms: &[Form]) -> Vec<Announced> {
        let outer = std::mem::take(&mut self.announced);
        if self.at_module_level() {
            return outer;
        }
        for form in forms {
            let FormKind::Gene(gene) = &form.kind else {
                continue;
            };
            let [
                target,
                Form {
                    kind: FormKind::Array(_),
                    ..
                },
                ..,
            ] = gene.children.as_slice()
            else {
                continue;
            };
            let named = matches!(target.kind, FormKind::Symbol(_) | FormKind::Str(_));
            let text = definition_name(target);
            if word(&gene.head) != Some("fn") || !named || text.starts_with('$') {
                continue;
            }
            let name = self.name(text);
            if self.announced.iter().all(|known| known.name != name) {
                let local = self.scopes.local(text);
                self.scopes.begin_pending(name, local);
                self.announced.push(Announced {
                    name,
                    local,
                    defined: false,
                    early: false,
                });
            }
        }
        outer
    }

    /// Ends what `announce` has begun: variables that are needed early come first.
    pub fn retract(&mut self, outer: Vec<Announced>, list: Vec<Expr>, span: Span) -> Vec<Expr> {
        let announced = std::mem::replace(&mut self.announced, outer);
        for _ in &announced {
            self.scopes.end_pending();
        }
        let early = announced.iter().filter(|known| known.early);
        let mut all: Vec<Expr> = early
            .map(|known| declare(known.local, None, span))
            .collect();
        if all.is_empty() {
            return list;
        }
        all.extend(list);
        all
    }

    /// Takes `(fn …)` apart, with the errors of its form.
    pub fn fn_parts<'f>(&mut self, children: &'f [Form], span: Span) -> Option<FnParts<'f>> {
        let list_expected = "fn argument list must be an array, e.g. [a b]";
        match children {
            [] => {
                self.error(span, "fn requires a name or argument list");
                None
            }
            [
                Form {
                    kind: FormKind::Array(params),
                    ..
                },
                rest @ ..,
            ] => Some((None, &params.items, rest)),
            [target, rest @ ..]
                if matches!(
                    target.kind,
                    FormKind::Symbol(_) | FormKind::Str(_) | FormKind::Path(_)
                ) =>
            {
                match rest {
                    [] => {
                        self.error(span, "fn requires an argument list after the name");
                        None
                    }
                    [
                        Form {
                            kind: FormKind::Array(params),
                            ..
                        },
                        rest @ ..,
                    ] => Some((Some(target), &params.items, rest)),
                    _ => {
                        self.error(rest[0].span, list_expected);
                        None
                    }
                }
            }
            _ => {
                self.error(children[0].span, list_expected);
                None
            }
        }
    }

    /// Makes the type variables of a generic head known; gives the mark to truncate to.
    pub fn push_type_vars(&mut self, target: Option<&Form>) -> usize {
        let mark = self.type_vars.len();
        if let Some(Form {
            kind: FormKind::Symbol(text),
            ..
        }) = target
        {
            for part in text.split(':').skip(1).filter(|part| !part.is_empty()) {
                let name = self.name(part);
                self.type_vars.push(name);
            }
        }
        mark
    }

    /// Reserves the number of a function.
    pub fn new_fn(&mut self) -> FnId {
        let around = self.scopes.fns.last().map(|open| open.id);
        self.funcs.push((None, around));
        FnId(self.funcs.len() as u32 - 1)
    }

    pub fn blank_function(&self, name: &str, kind: FuncKind, span: Span) -> Function {
        Function {
            name: name.into(),
            module: self.unit.index,
            kind,
            generator: false,
            is_async: false,
            is_macro: false,
            params: Vec::new(),
            locals: Vec::new(),
            captures: Vec::new(),
            body: nil(span),
            result: None,
            checks_result: false,
            span,
            intent: None,
            examples: None,
        }
    }

    /// Lowers a function; the value is its number.
    pub fn function(&mut self, def: &FnDef) -> FnId {
        let head = header(def.rest);
        let mut function = self.blank_function(def.name, def.kind, def.span);
        let named = def.kind == FuncKind::Function;
        function.generator = flag(def.props, "generator") || named && def.name.ends_with('*');
        function.is_async = flag(def.props, "async");
        function.is_macro = named && is_macro(def.name);
        if function.is_macro {
            self.note_macro(def.name, def.params, def.rest);
        }
        function.intent = self.intent(def);
        function.examples = self.examples(def);
        let mut raw = self.raw_params(def.params, false);
        let mut takes_self = matches!(def.kind, FuncKind::Method | FuncKind::Ctor);
        if std::mem::take(&mut self.receiver_fn) {
            takes_self = true;
            function.kind = FuncKind::Method;
        }
        if let Some(at) = raw.iter().position(|param| param.name() == "self") {
            let param = raw.remove(at);
            if self.self_param && at == 0 {
                takes_self = true;
                function.kind = FuncKind::Method;
            } else {
                let message = "Reserved identifier 'self' cannot be used for parameter";
                self.error(param.span, message);
            }
        }
        let is_macro = function.is_macro;
        let spans = (!def.name.is_empty() && !raw.is_empty())
            .then(|| raw.iter().map(|param| param.span).collect::<Vec<_>>());
        let self_param = std::mem::replace(&mut self.self_param, false);
        let tries = std::mem::take(&mut self.tries);
        let announced = std::mem::take(&mut self.announced);
        let id = self.new_fn();
        if let Some(spans) = spans {
            self.param_spans.insert(id, spans);
        }
        self.scopes.open_fn(id, function);
        let mark = self.scopes.open();
        if takes_self {
            let name = self.name("self");
            self.bind_new(name, Info::default());
        }
        let mut prologue = self.bind_params(&raw, def.span);
        if is_macro {
            self.bind_thunks(def);
        }
        let result = head
            .result
            .and_then(|ty| self.check(ty, def.name, CheckSite::Result));
        self.preconditions(def, &raw, takes_self, &mut prologue);
        let body = self.with_postconditions(def, &raw, takes_self, head.body);
        prologue.push(body);
        self.scopes.close(mark);
        let mut open = self.scopes.close_fn();
        open.function.result = result;
        super::evaluate::make_definitions(&open.definitions, &mut prologue, def.span);
        open.function.body = seq(prologue, def.span);
        self.funcs[id.index()].0 = Some(open.function);
        self.self_param = self_param;
        self.tries = tries;
        self.announced = announced;
        id
    }

    fn intent(&mut self, def: &FnDef) -> Option<String> {
        match prop(def.props, "intent") {
            None => None,
            Some(Form {
                kind: FormKind::Str(text),
                ..
            }) => Some(text.to_string()),
            Some(other) => {
                let message = format!(
                    "Invalid ^intent for function {}: expected a string",
                    def.name
                );
                self.error(other.span, message);
                None
            }
        }
    }

    /// `^examples [[args] -> result …]`
    fn examples(&mut self, def: &FnDef) -> Option<Form> {
        let form = prop(def.props, "examples")?;
        let fail = |lower: &mut Self, span, what: &str| {
            let message = format!("Invalid ^examples for function {}: {what}", def.name);
            lower.error(span, message);
        };
        let FormKind::Array(list) = &form.kind else {
            fail(self, form.span, "expected an array");
            return None;
        };
        for triple in list.items.chunks(3) {
            if !matches!(triple[0].kind, FormKind::Array(_)) {
                let what = format!(
                    "expected argument array, got {}",
                    super::show::kind(&triple[0])
                );
                fail(self, triple[0].span, &what);
                return None;
            }
            match triple.get(1).map(|op| (op, word(op))) {
                Some((_, Some("->" | "throws"))) => {}
                Some((op, _)) => {
                    let what = format!(
                        "unsupported operator '{}'; expected '->' or 'throws'",
                        show(op)
                    );
                    fail(self, op.span, &what);
                    return None;
                }
                None => {
                    fail(
                        self,
                        triple[0].span,
                        "missing operator after argument array",
                    );
                    return None;
                }
            }
        }
        Some(form.clone())
    }

    /// Makes locals of the parameters, then lowers defaults and checks from left to right.
    /// Gives the statements that store property parameters.
    fn bind_params(&mut self, raw: &[RawParam], span: Span) -> Vec<Expr> {
        let ids: Vec<LocalId> = raw
            .iter()
            .map(|param| self.scopes.local(param.name()))
            .collect();
        let mut stores = Vec::new();
        for (param, &id) in raw.iter().zip(&ids) {
            let default = param.default.map(|form| self.expr(form));
            let check = match param.ty {
                Some(ty) if !matches!(param.kind, ParamKind::Rest | ParamKind::KeyRest) => {
                    self.check(ty, param.name(), CheckSite::Param)
                }
                _ => None,
            };
            if let Target::Name(text) = param.target {
                let name = self.name(text);
                let typed = check.clone().map(|mut check| {
                    check.site = CheckSite::Variable;
                    std::rc::Rc::new(check)
                });
                self.scopes.bind_local(
                    name,
                    id,
                    Info {
                        check: typed,
                        ..Info::default()
                    },
                );
            }
            if param.property {
                let of = Box::new(self.self_value(param.span));
                let place = Place::Member(of, param.name().into());
                let value = Box::new(local(id, param.span));
                stores.push(expr(ExprKind::SetPlace(place.into(), value), span));
            }
            let name = param.name().into();
            let param = Param {
                name,
                kind: param.kind,
                default,
                check,
            };
            self.scopes.current().function.params.push(param);
        }
        stores
    }

    /// Hidden keywords of a macro: thunks of the arguments that `$caller_eval` evaluates.
    fn bind_thunks(&mut self, def: &FnDef) {
        let name = self.name(def.name);
        let Some(hidden) = self
            .unit
            .macros
            .get(&name)
            .map(|known| known.hidden.clone())
        else {
            return;
        };
        for key in hidden {
            let text = self.names.text(key).to_owned();
            self.bind_new(key, Info::default());
            self.scopes.current().function.params.push(Param {
                name: text,
                kind: ParamKind::OptionalKey,
                default: Some(nil(def.span)),
                check: None,
            });
        }
    }

    fn conditions<'f>(&self, def: &FnDef<'f>, key: &str) -> &'f [Form] {
        match prop(def.props, key).map(|form| &form.kind) {
            Some(FormKind::Array(list)) if self.options.contracts => &list.items,
            _ => &[],
        }
    }

    fn preconditions(
        &mut self,
        def: &FnDef,
        raw: &[RawParam],
        takes_self: bool,
        out: &mut Vec<Expr>,
    ) {
        for (at, condition) in self.conditions(def, "pre").iter().enumerate() {
            out.push(self.contract(def, raw, takes_self, "pre", at, condition, None));
        }
    }

    /// One condition: raises unless it holds. Generated code has no place in the source.
    #[allow(clippy::too_many_arguments)]
    fn contract(
        &mut self,
        def: &FnDef,
        raw: &[RawParam],
        takes_self: bool,
        which: &str,
        at: usize,
        condition: &Form,
        result: Option<LocalId>,
    ) -> Expr {
        let none = Span::default();
        let holds = self.expr(condition);
        let text = show(&with_self(condition));
        let message = format!(
            "ContractViolation: {} {which}condition #{} failed: {text} | args=",
            if def.kind == FuncKind::Ctor {
                "ctor"
            } else {
                def.name
            },
            at + 1
        );
        let mut names = Vec::new();
        let mut values = Vec::new();
        if takes_self && def.kind != FuncKind::Ctor {
            names.push(item(string("self", none)));
            values.push(item(self.self_value(none)));
        }
        for param in raw {
            if let Target::Name(text) = param.target {
                names.push(item(string(text, none)));
                let name = self.name(text);
                values.push(item(self.variable(name, none)));
            }
        }
        let array = |items| expr(ExprKind::Array(items), none);
        let mut args = vec![string(&message, none), array(names), array(values)];
        args.extend(result.map(|id| local(id, none)));
        let fail = intrinsic("#contract_failed", args, none);
        expr(
            ExprKind::If(Box::new(holds), Box::new(nil(none)), Box::new(fail)),
            none,
        )
    }

    /// The body. With postconditions every `return` leads to the checks behind it.
    fn with_postconditions(
        &mut self,
        def: &FnDef,
        raw: &[RawParam],
        takes_self: bool,
        body: &[Form],
    ) -> Expr {
        let conditions = self.conditions(def, "post");
        if conditions.is_empty() {
            return self.body(body, def.span);
        }
        let id = self.scopes.hidden_loop();
        self.scopes.current().return_to = Some(id);
        let value = self.scoped(body, def.span);
        self.scopes.current().return_to = None;
        let exit = expr(ExprKind::Break(id, Some(Box::new(value))), def.span);
        let value = expr(ExprKind::Loop(id, Box::new(exit)), def.span);
        let name = self.name("result");
        let result = self.bind_new(name, Info::default());
        let mut list = vec![declare(result, Some(value), def.span)];
        for (at, condition) in conditions.iter().enumerate() {
            list.push(self.contract(def, raw, takes_self, "post", at, condition, Some(result)));
        }
        list.push(local(result, def.span));
        seq(list, def.span)
    }

    /// Leaves the function, through its postconditions.
    pub fn leave(&mut self, value: Option<Expr>, span: Span) -> Expr {
        let value = value.map(Box::new);
        match self.scopes.current().return_to {
            Some(id) => expr(ExprKind::Break(id, value), span),
            None => expr(ExprKind::Return(value), span),
        }
    }

    /// `(block [a b] body…)`, `(block body…)`
    pub fn block_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        match gene.children.split_first() {
            Some((
                params @ Form {
                    kind: FormKind::Array(_),
                    ..
                },
                body,
            )) if !body.is_empty() => self.block(Some(params), body, span),
            _ => self.block(None, &gene.children, span),
        }
    }

    pub fn block(&mut self, params: Option<&Form>, body: &[Form], span: Span) -> Expr {
        let params = match params.map(|form| &form.kind) {
            Some(FormKind::Array(list)) => &*list.items,
            _ => &[],
        };
        let kind = FuncKind::Block;
        let def = FnDef {
            name: "",
            kind,
            params,
            props: &[],
            rest: body,
            span,
        };
        expr(ExprKind::Closure(self.function(&def)), span)
    }

    /// A function without parameters made of one form, in the scope of this place.
    pub fn thunk(&mut self, span: Span, body: impl FnOnce(&mut Self) -> Expr) -> FnId {
        let function = self.blank_function("", FuncKind::Thunk, span);
        self.enclosed(function, body)
    }

    pub fn enclosed(&mut self, function: Function, body: impl FnOnce(&mut Self) -> Expr) -> FnId {
        let id = self.new_fn();
        let span = function.span;
        self.scopes.open_fn(id, function);
        let mark = self.scopes.open();
        let mut list = vec![body(self)];
        self.scopes.close(mark);
        let mut open = self.scopes.close_fn();
        super::evaluate::make_definitions(&open.definitions, &mut list, span);
        open.function.body = seq(list, span);
        self.funcs[id.index()].0 = Some(open.function);
        id
    }

    /// `(yield)`, `(yield v)`
    pub fn yield_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        if gene.children.len() > 1 {
            return self.error(span, "yield expects 0 or 1 argument");
        }
        let value = self.body(&gene.children, span);
        if !self.scopes.current().function.generator {
            return expr(
                ExprKind::Fail("yield used outside of generator function".into()),
                span,
            );
        }
        expr(ExprKind::Yield(Box::new(value)), span)
    }

    /// `(async expr)`, `(async fn …)`
    pub fn async_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        if let Some((first, rest)) = gene.children.split_first()
            && word(first) == Some("fn")
        {
            let mut props = gene.props.clone();
            let value = Form {
                kind: FormKind::Bool(true),
                span,
            };
            props.push(Entry {
                key: "async".into(),
                key_span: span,
                value,
            });
            return self.fn_with_props(&props, rest, span);
        }
        let [form] = gene.children.as_slice() else {
            return self.error(span, "async expects exactly 1 argument");
        };
        let mut function = self.blank_function("", FuncKind::Block, span);
        function.is_async = true;
        let id = self.enclosed(function, |lower| lower.expr(form));
        let callee = Box::new(expr(ExprKind::Closure(id), span));
        expr(ExprKind::Call(callee, Args::default().into()), span)
    }

    /// `(await f)`, `(await f g …)`, `(await ^timeout t f)`
    pub fn await_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let limit = prop(&gene.props, "timeout");
        if limit.is_some_and(|t| !matches!(t.kind, FormKind::Int(_) | FormKind::Float(_))) {
            return self.error(span, "await ^timeout must be a number literal");
        }
        let mut list = Vec::with_capacity(gene.children.len());
        for form in &gene.children {
            let mut value = self.expr(form);
            if let Some(limit) = limit {
                let limit = self.expr(limit);
                value = intrinsic("#with_timeout", vec![value, limit], span);
            }
            list.push(item(expr(ExprKind::Await(Box::new(value)), span)));
        }
        match list.len() {
            0 => self.error(span, "await expects at least 1 argument"),
            1 => list.remove(0).value,
            _ => expr(ExprKind::Array(list), span),
        }
    }
}

/// Name of a definition without its type variables; for a path the last part.
pub(super) fn definition_name(target: &Form) -> &str {
    let text = match &target.kind {
        FormKind::Symbol(text) | FormKind::Str(text) => text,
        FormKind::Path(parts) => parts.last().map_or("", |last| last),
        _ => "",
    };
    match target.kind {
        FormKind::Str(_) => text,
        _ => text.split(':').next().unwrap_or(text),
    }
}

/// The form with `/x` written `self/x`.
fn with_self(form: &Form) -> Form {
    let mut form = form.clone();
    rewrite_self(&mut form);
    form
}

fn rewrite_self(form: &mut Form) {
    match &mut form.kind {
        FormKind::Path(parts) if parts[0].is_empty() => parts[0] = "self".into(),
        FormKind::Gene(gene) => {
            rewrite_self(&mut gene.head);
            gene.children.iter_mut().for_each(rewrite_self);
            gene.props
                .iter_mut()
                .for_each(|entry| rewrite_self(&mut entry.value));
        }
        FormKind::Array(list) | FormKind::HashMap(list) => {
            list.items.iter_mut().for_each(rewrite_self);
        }
        FormKind::Map(map) => {
            map.entries
                .iter_mut()
                .for_each(|entry| rewrite_self(&mut entry.value));
        }
        _ => {}
    }
}

//! Classes, namespaces, interfaces and interception (`language/07-oop.md`, `08-modules.md` §1,
//! `05-functions.md` §11).

use super::functions::{FnDef, definition_name, has_body};
use super::lower::{Lower, declare, expr, intrinsic, item, local, name_text, nil, string, word};
use super::patterns::strings;
use super::scope::{Binding, Info, Slot};
use crate::hir::*;
use gene_format::builtins::is_builtin;
use gene_format::program::{CheckSite, FuncKind};
use gene_format::text::{Form, FormKind, GeneForm, Items, Span};

/// What stands between the name of a class and its body.
struct Header<'f> {
    parent: Option<&'f Form>,
    interfaces: Vec<&'f Form>,
    body: &'f [Form],
}

fn header(mut rest: &[Form]) -> Header<'_> {
    let mut head = Header {
        parent: None,
        interfaces: Vec::new(),
        body: rest,
    };
    while let [mark, value, behind @ ..] = rest {
        match (word(mark), &value.kind) {
            (Some("<"), _) => head.parent = Some(value),
            (Some("implements"), FormKind::Array(list)) => head.interfaces.extend(&list.items),
            (Some("implements"), _) => head.interfaces.push(value),
            _ => break,
        }
        rest = behind;
    }
    head.body = rest;
    head
}

/// Name of the class that an object of this name gets.
pub(super) fn object_class(name: &str) -> String {
    match name.ends_with("Class") {
        true => name.to_owned(),
        false => format!("{name}Class"),
    }
}

/// What the class of an object is bound to, unless the object itself has that name.
fn class_target(object: &Form, name: &str) -> Option<Form> {
    if definition_name(object) == name {
        return None;
    }
    let mut target = object.clone();
    match &mut target.kind {
        FormKind::Path(parts) => *parts.last_mut()? = name.into(),
        kind => *kind = FormKind::Symbol(name.into()),
    }
    Some(target)
}

impl Lower<'_> {
    /// `(class Name < Parent implements I body…)`
    pub fn class(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((target, rest)) = gene.children.split_first() else {
            return self.error(span, "class requires a name");
        };
        let name = definition_name(target).to_owned();
        let mut list = Vec::new();
        let class = self.class_body(&name, Some(target), rest, &mut list, span);
        self.note_class(target, &list);
        list.push(local(class, span));
        expr(ExprKind::Seq(list), span)
    }

    /// Remembers the functions of a class of the top level, if nothing else has its name.
    fn note_class(&mut self, target: &Form, made: &[Expr]) {
        let Some(text) = word(target).filter(|_| self.at_module_level()) else {
            return;
        };
        let name = self.name(text);
        let Some(&global) = self.unit.globals.get(&name) else {
            return;
        };
        if !self.unit.is_defined_once(name) {
            return;
        }
        let function = |made: &Expr| match &made.kind {
            ExprKind::DefMethod(_, what, value) => match (&**what, &value.kind) {
                ((MethodKind::Ctor, _), ExprKind::Closure(id)) => Some((Box::from("ctor"), *id)),
                ((MethodKind::Method, name), ExprKind::Closure(id)) => {
                    Some((name.as_str().into(), *id))
                }
                _ => None,
            },
            _ => None,
        };
        let functions = made.iter().filter_map(function).collect();
        self.classes.insert(global, functions);
    }

    /// Statements that make a class; gives the local that holds it.
    fn class_body(
        &mut self,
        name: &str,
        target: Option<&Form>,
        rest: &[Form],
        out: &mut Vec<Expr>,
        span: Span,
    ) -> LocalId {
        let head = header(rest);
        let parent = head.parent.map(|form| Box::new(self.parent(form)));
        let class = self.temp();
        let new = expr(ExprKind::NewClass(name.into(), parent), span);
        out.push(declare(class, Some(new), span));
        if let Some(target) = target {
            out.push(self.define(target, local(class, span), None));
        }
        self.implements(class, &head.interfaces, out, span);
        self.container(class, head.body, out, true);
        class
    }

    fn parent(&mut self, form: &Form) -> Expr {
        match form.kind {
            FormKind::Symbol(_) | FormKind::Path(_) | FormKind::Gene(_) => self.expr(form),
            _ => self.error(form.span, "Invalid superclass"),
        }
    }

    fn implements(
        &mut self,
        class: LocalId,
        interfaces: &[&Form],
        out: &mut Vec<Expr>,
        span: Span,
    ) {
        if interfaces.is_empty() {
            return;
        }
        let mut args = vec![local(class, span)];
        for form in interfaces {
            if let Some(text) = word(form) {
                let name = self.name(text);
                if self.resolve(name).is_none() && !is_builtin(text) {
                    self.error(form.span, format!("Unknown interface: {text}"));
                    continue;
                }
            }
            args.push(self.expr(form));
        }
        out.push(intrinsic("#implements", args, span));
    }

    /// Evaluates a class or namespace body with `self` = the container.
    fn container(&mut self, of: LocalId, body: &[Form], out: &mut Vec<Expr>, class: bool) {
        let mark = self.scopes.open();
        let name = self.name("self");
        self.scopes.bind_local(name, of, Info::default());
        for form in body {
            if let Some(text) = member_name(form) {
                let name = self.name(text);
                let depth = self.scopes.depth() as u32;
                let slot = Slot::Member(of);
                self.scopes.bind(
                    name,
                    Binding {
                        depth,
                        slot,
                        info: 0,
                    },
                );
            }
        }
        for form in body {
            match &form.kind {
                FormKind::Gene(gene) if class => {
                    if let Some(value) = self.class_member(of, gene, form) {
                        out.push(value);
                    }
                }
                _ => out.push(self.expr(form)),
            }
        }
        self.scopes.close(mark);
    }

    fn class_member(&mut self, class: LocalId, gene: &GeneForm, form: &Form) -> Option<Expr> {
        let span = form.span;
        let head = word(&gene.head).unwrap_or("");
        match head {
            "method" => self.method(class, gene, span),
            "ctor" => {
                let value = self.member_fn("ctor", FuncKind::Ctor, gene, 0, span)?;
                Some(self.def_method(class, MethodKind::Ctor, "ctor", value, span))
            }
            "on_method_missing" => {
                let kind = FuncKind::Method;
                let value = self.member_fn("on_method_missing", kind, gene, 0, span)?;
                Some(self.def_method(class, MethodKind::Missing, head, value, span))
            }
            "field" | "prop" => Some(self.field(class, gene, span)),
            "ctor!" => Some(self.macro_constructor(span)),
            "method!" => Some(self.macro_method(span)),
            "implement" => Some(self.error(
                span,
                "Classes must declare interfaces in the header with implements",
            )),
            ".ctor" | ".fn" | ".method" | ".prop" => Some(self.error(
                span,
                "Legacy dotted class members are not supported; use (method ...) or (ctor ...) \
                 instead",
            )),
            _ => Some(self.expr(form)),
        }
    }

    fn macro_method(&mut self, span: Span) -> Expr {
        self.error(
            span,
            "Macro-like class methods are not supported; use (method name [args] ...)",
        )
    }

    fn method(&mut self, class: LocalId, gene: &GeneForm, span: Span) -> Option<Expr> {
        let Some(target) = gene.children.first() else {
            return Some(self.error(span, "method requires a name"));
        };
        let name = definition_name(target).to_owned();
        if name.ends_with('!') && name.len() > 1 {
            return Some(self.macro_method(span));
        }
        let mark = self.push_type_vars(Some(target));
        let value = self.member_fn(&name, FuncKind::Method, gene, 1, span);
        self.type_vars.truncate(mark);
        if gene.children.len() > 1 && !has_body(&gene.children[2..]) {
            return None;
        }
        Some(self.def_method(class, MethodKind::Method, &name, value?, span))
    }

    fn def_method(
        &mut self,
        class: LocalId,
        kind: MethodKind,
        name: &str,
        value: Expr,
        span: Span,
    ) -> Expr {
        self.method_names.insert(name.to_owned());
        let class = Box::new(local(class, span));
        expr(
            ExprKind::DefMethod(class, Box::new((kind, name.into())), Box::new(value)),
            span,
        )
    }

    /// The closure of a method; `skip` children stand before the parameter list.
    fn member_fn(
        &mut self,
        name: &str,
        kind: FuncKind,
        gene: &GeneForm,
        skip: usize,
        span: Span,
    ) -> Option<Expr> {
        let Some(Form {
            kind: FormKind::Array(params),
            ..
        }) = gene.children.get(skip)
        else {
            let what = if kind == FuncKind::Ctor {
                "ctor"
            } else {
                "method"
            };
            let message =
                format!("{what} requires an array argument list; use [] for no arguments");
            self.error(span, message);
            return None;
        };
        let rest = &gene.children[skip + 1..];
        let def = FnDef {
            name,
            kind,
            params: &params.items,
            props: &gene.props,
            rest,
            span,
        };
        Some(expr(ExprKind::Closure(self.function(&def)), span))
    }

    /// `(field name Type)`, `(field name: Type)`
    fn field(&mut self, class: LocalId, gene: &GeneForm, span: Span) -> Expr {
        let Some((name, ty)) = gene.children.split_first() else {
            return self.error(span, "field requires a name and type");
        };
        let name = name_text(name)
            .unwrap_or("")
            .trim_end_matches(':')
            .to_owned();
        let Some(ty) = ty.first() else {
            return nil(span);
        };
        let readonly = gene.props.iter().any(|entry| {
            &*entry.key == "readonly" && matches!(entry.value.kind, FormKind::Bool(true))
        });
        match self.check(ty, &name, CheckSite::Property) {
            Some(check) => {
                let class = Box::new(local(class, span));
                expr(ExprKind::DefField(class, Box::new(check), readonly), span)
            }
            None => nil(span),
        }
    }

    /// `(object Name [< Parent] body…)`
    pub fn object(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((target, rest)) = gene.children.split_first() else {
            return self.error(span, "object requires a name");
        };
        let name = object_class(definition_name(target));
        let of = class_target(target, &name);
        let mut list = Vec::new();
        let class = self.class_body(&name, of.as_ref(), rest, &mut list, span);
        let new = ExprKind::New(Box::new(local(class, span)), Args::default().into());
        list.push(self.define(target, expr(new, span), None));
        expr(ExprKind::Seq(list), span)
    }

    /// `(ns name body…)`
    pub fn ns(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((target, body)) = gene.children.split_first() else {
            return self.error(span, "ns requires a name");
        };
        let name = definition_name(target).to_owned();
        let parent = match self.self_binding() {
            Some(_) => self.self_value(span),
            None => expr(ExprKind::Namespace, span),
        };
        let new = expr(
            ExprKind::NewNamespace(name.into(), Some(Box::new(parent))),
            span,
        );
        let id = self.temp();
        let mut list = vec![declare(id, Some(new), span)];
        list.push(self.define(target, local(id, span), None));
        self.container(id, body, &mut list, false);
        list.push(local(id, span));
        expr(ExprKind::Seq(list), span)
    }

    /// `(interface Name member…)`
    pub fn interface(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((target, members)) = gene.children.split_first() else {
            return self.error(span, "interface requires a name");
        };
        let mut args = vec![string(definition_name(target), span)];
        for member in members {
            args.extend(self.interface_member(member));
        }
        let value = intrinsic("#interface", args, span);
        self.define(target, value, None)
    }

    /// Describes a member: `["method" name]`, `["field" name readonly]`.
    fn interface_member(&mut self, member: &Form) -> Option<Expr> {
        let span = member.span;
        let gene = match &member.kind {
            FormKind::Gene(gene) => gene,
            _ => {
                let text = super::show::show(member);
                self.error(span, format!("unsupported interface member: {text}"));
                return None;
            }
        };
        let head = word(&gene.head).unwrap_or("");
        let name = gene.children.first().and_then(name_text).unwrap_or("");
        let text = |text: &str| Form {
            kind: FormKind::Str(text.into()),
            span,
        };
        let mut items = vec![];
        match head {
            "method" => {
                let list = gene.children.get(1).map(|form| &form.kind);
                if name.is_empty() || !matches!(list, Some(FormKind::Array(_))) {
                    self.error(span, "interface method requires a name and parameter list");
                    return None;
                }
                if has_body(&gene.children[2..]) {
                    self.error(span, "interface methods cannot have a body");
                    return None;
                }
                items.extend([text("method"), text(name.split(':').next().unwrap_or(name))]);
            }
            "field" | "prop" => {
                if name.is_empty() || head == "field" && gene.children.len() < 2 {
                    self.error(span, "field requires a name and type");
                    return None;
                }
                let readonly = gene.props.iter().any(|entry| {
                    &*entry.key == "readonly" && matches!(entry.value.kind, FormKind::Bool(true))
                });
                let readonly = Form {
                    kind: FormKind::Bool(readonly),
                    span,
                };
                items.extend([text("field"), text(name.trim_end_matches(':')), readonly]);
            }
            _ => {
                let head = super::show::show(&gene.head);
                self.error(span, format!("unsupported interface member: {head}"));
                return None;
            }
        }
        let kind = FormKind::Array(Items {
            items: items.into(),
            sealed: false,
        });
        Some(expr(ExprKind::Data(Box::new(Form { kind, span })), span))
    }

    /// `(implement I for C member…)`
    pub fn implement(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let [interface, mark, class, members @ ..] = gene.children.as_slice() else {
            return self.error(span, "implement requires an interface, 'for' and a class");
        };
        if word(mark) != Some("for") {
            return self.error(span, "implement requires an interface, 'for' and a class");
        }
        let mut args = Args::default();
        args.items.push(item(self.expr(interface)));
        args.items.push(item(self.expr(class)));
        for member in members {
            self.implemented(member, &mut args);
        }
        let callee = Box::new(expr(ExprKind::Builtin("#implement".into()), span));
        expr(ExprKind::Call(callee, args.into()), span)
    }

    fn implemented(&mut self, member: &Form, args: &mut Args) {
        let span = member.span;
        let FormKind::Gene(gene) = &member.kind else {
            self.error(span, "implement allows only method and ctor");
            return;
        };
        match word(&gene.head) {
            Some("method") => {
                let name = gene.children.first().map_or("", definition_name).to_owned();
                if let Some(value) = self.member_fn(&name, FuncKind::Method, gene, 1, span) {
                    args.items.push(item(string(&name, span)));
                    args.items.push(item(value));
                }
            }
            Some("ctor") => {
                if let Some(value) = self.member_fn("ctor", FuncKind::Ctor, gene, 0, span) {
                    args.named.push(Named::Entry("ctor".into(), value));
                }
            }
            _ => {
                self.error(span, "implement allows only method and ctor");
            }
        }
    }

    /// `(interceptor Name [params] advice…)`, `(fn-interceptor Name [f] advice…)`
    pub fn interceptor(&mut self, gene: &GeneForm, function: bool, span: Span) -> Expr {
        let form = if function {
            "fn-interceptor"
        } else {
            "interceptor"
        };
        let [
            target,
            Form {
                kind: FormKind::Array(list),
                ..
            },
            advice @ ..,
        ] = gene.children.as_slice()
        else {
            return self.error(span, format!("{form} requires a name and a parameter list"));
        };
        let params: Vec<&str> = list.items.iter().filter_map(word).collect();
        if function && (params.len() != 1 || list.items.len() != 1) {
            let message = "fn-interceptor parameter list must contain exactly one symbol";
            return expr(ExprKind::Fail(message.into()), span);
        }
        let mut args = vec![
            string(definition_name(target), span),
            strings(params.iter().copied(), span),
        ];
        let mut around = Vec::new();
        for one in advice {
            match self.advice(one, form, &params, &mut around) {
                Ok(value) => args.push(value),
                Err(message) => return expr(ExprKind::Fail(message.into()), one.span),
            }
        }
        let name = if function {
            "#fn_interceptor"
        } else {
            "#interceptor"
        };
        let value = intrinsic(name, args, span);
        self.define(target, value, None)
    }

    /// `[kind param replace inline callable]`
    fn advice(
        &mut self,
        form: &Form,
        which: &str,
        params: &[&str],
        around: &mut Vec<String>,
    ) -> Result<Expr, String> {
        let span = form.span;
        let FormKind::Gene(gene) = &form.kind else {
            return Err(format!(
                "unknown {which} advice type: {}",
                super::show::show(form)
            ));
        };
        let kind = word(&gene.head).unwrap_or("");
        if !matches!(
            kind,
            "before_filter" | "before" | "invariant" | "around" | "after"
        ) {
            let head = super::show::show(&gene.head);
            return Err(format!("unknown {which} advice type: {head}"));
        }
        let target = gene.children.first().and_then(word).unwrap_or("");
        if !params.contains(&target) {
            return Err(format!(
                "{which} advice target '{target}' is not a defined interceptor parameter"
            ));
        }
        if kind == "around" {
            if around.iter().any(|known| known == target) {
                return Err(format!("around advice already defined for '{target}'"));
            }
            around.push(target.to_owned());
        }
        let replace = gene
            .props
            .iter()
            .any(|entry| &*entry.key == "replace_result");
        if replace && kind != "after" {
            let plural = if which == "interceptor" {
                "interceptor"
            } else {
                which
            };
            return Err(format!(
                "replace_result is only allowed for after {plural} advices"
            ));
        }
        let (callable, inline) = self.advice_callable(gene, span)?;
        let items = vec![
            item(string(kind, span)),
            item(string(target, span)),
            item(expr(ExprKind::Bool(replace), span)),
            item(expr(ExprKind::Bool(inline), span)),
            item(callable),
        ];
        Ok(expr(ExprKind::Array(items), span))
    }

    fn advice_callable(&mut self, gene: &GeneForm, span: Span) -> Result<(Expr, bool), String> {
        let second = gene.children.get(1);
        let params: &[Form] = match second.map(|form| &form.kind) {
            Some(FormKind::Array(list)) => &list.items,
            Some(FormKind::Symbol(text)) if &**text == "_" => &[],
            Some(FormKind::Symbol(text)) => {
                let name = self.name(text);
                if self.resolve(name).is_none() && !is_builtin(text) {
                    return Err(format!("advice callable not found: {text}"));
                }
                return Ok((self.variable(name, span), false));
            }
            Some(FormKind::Path(parts)) => return Ok((self.path(parts, span), false)),
            _ => return Err("advice requires a parameter list or a callable".into()),
        };
        let rest = gene.children.get(2..).unwrap_or(&[]);
        let kind = FuncKind::Method;
        let def = FnDef {
            name: "",
            kind,
            params,
            props: &[],
            rest,
            span,
        };
        Ok((expr(ExprKind::Closure(self.function(&def)), span), true))
    }
}

/// The name of a member that a body form makes: `(var /x …)`, `(fn /f …)`, `(/x = …)`.
fn member_name(form: &Form) -> Option<&str> {
    let FormKind::Gene(gene) = &form.kind else {
        return None;
    };
    let target = match word(&gene.head) {
        Some("var" | "let" | "fn" | "class" | "ns" | "object" | "enum" | "interface") => {
            gene.children.first()?
        }
        None if gene.children.first().and_then(word) == Some("=") => &gene.head,
        _ => return None,
    };
    match &target.kind {
        FormKind::Path(parts) if parts.len() == 2 && parts[0].is_empty() => {
            Some(parts[1].trim_end_matches(':'))
        }
        _ => None,
    }
}

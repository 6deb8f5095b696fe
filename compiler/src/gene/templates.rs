//! Quotes, templates and dynamic evaluation (`language/05-functions.md` §9 and §10).

use super::lower::{Lower, declare, expr, intrinsic, item, local, nil, string, word};
use super::names::Name;
use super::scope::{Binding, Slot};
use crate::hir::*;
use gene_format::program::ParamKind;
use gene_format::text::{Entry, Form, FormKind, GeneForm, Span};

impl Lower<'_> {
    /// `` `form ``
    pub fn quote(&mut self, form: &Form, span: Span) -> Expr {
        let data = self.data(form);
        let mut holes = Vec::new();
        find_holes(form, &mut holes);
        if holes.is_empty() {
            return data;
        }
        let mut args = vec![data];
        for hole in holes {
            let thunk = self.thunk(hole.span, |lower| lower.expr(hole));
            args.push(expr(ExprKind::Closure(thunk), hole.span));
        }
        intrinsic("#template", args, span)
    }

    /// The form as a value.
    pub fn data(&mut self, form: &Form) -> Expr {
        match &form.kind {
            FormKind::Nil
            | FormKind::Void
            | FormKind::Bool(_)
            | FormKind::Int(_)
            | FormKind::Float(_)
            | FormKind::Str(_) => self.expr(form),
            FormKind::Symbol(text) if &**text == "not_found" => self.expr(form),
            _ => expr(ExprKind::Data(Box::new(form.clone())), form.span),
        }
    }

    /// `($render template)`
    pub fn render(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let [template] = gene.children.as_slice() else {
            return self.error(span, "$render expects exactly 1 argument");
        };
        if let FormKind::Quote(form) = &template.kind {
            return self.filled(form);
        }
        let template = self.expr(template);
        self.render_value(template, span)
    }

    /// Calls the thunks of a template's holes in order and fills their values in.
    fn render_value(&mut self, template: Expr, span: Span) -> Expr {
        let of = self.temp();
        let values = self.temp();
        let thunk = self.temp();
        let id = self.scopes.hidden_loop();
        let empty = expr(ExprKind::Array(Vec::new()), span);
        let value = ExprKind::Call(Box::new(local(thunk, span)), Args::default().into());
        let args = Args {
            items: vec![item(expr(value, span))],
            named: Vec::new(),
        };
        let push = ExprKind::MethodCall(Box::new(local(values, span)), "push".into(), args.into());
        let rounds = ExprKind::For {
            id,
            coll: Box::new(intrinsic("#holes", vec![local(of, span)], span)),
            key: None,
            value: Some(thunk),
            body: Box::new(expr(push, span)),
        };
        let list = vec![
            declare(of, Some(template), span),
            declare(values, Some(empty), span),
            expr(rounds, span),
            intrinsic("#fill", vec![local(of, span), local(values, span)], span),
        ];
        expr(ExprKind::Seq(list), span)
    }

    /// A template with its holes filled in place; quotes inside are removed.
    fn filled(&mut self, form: &Form) -> Expr {
        let span = form.span;
        if is_plain(form) {
            return self.data(form);
        }
        let (kind, sealed) = match &form.kind {
            FormKind::Unquote {
                form,
                discard: false,
            } => return self.expr(form),
            FormKind::Unquote { form, .. } => return self.discarded(form, span),
            FormKind::Quote(inner) => return self.filled(inner),
            FormKind::Array(list) => (
                ExprKind::Array(self.filled_items(&list.items, true)),
                list.sealed,
            ),
            FormKind::Map(map) => (ExprKind::Map(self.filled_props(&map.entries)), map.sealed),
            FormKind::HashMap(list) => {
                let callee = Box::new(expr(ExprKind::Builtin("#HashMap".into()), span));
                let items = self.filled_items(&list.items, false);
                (
                    ExprKind::Call(
                        callee,
                        Args {
                            items,
                            named: Vec::new(),
                        }
                        .into(),
                    ),
                    list.sealed,
                )
            }
            FormKind::Gene(gene) => {
                let head = Box::new(self.filled(&gene.head));
                let named = self.filled_props(&gene.props);
                let items = self.filled_items(&gene.children, false);
                (
                    ExprKind::Gene(head, Box::new(Args { items, named })),
                    gene.sealed,
                )
            }
            _ => return self.data(form),
        };
        let value = expr(kind, span);
        if sealed {
            expr(ExprKind::Seal(Box::new(value)), span)
        } else {
            value
        }
    }

    fn discarded(&mut self, form: &Form, span: Span) -> Expr {
        let value = self.expr(form);
        expr(ExprKind::Seq(vec![value, nil(span)]), span)
    }

    fn filled_items(&mut self, forms: &[Form], drop: bool) -> Vec<Item> {
        let mut list = Vec::with_capacity(forms.len());
        for form in forms {
            // nil spreads to nothing.
            let spread = drop && matches!(form.kind, FormKind::Unquote { discard: true, .. });
            list.push(Item {
                value: self.filled(form),
                spread,
            });
        }
        list
    }

    fn filled_props(&mut self, entries: &[Entry]) -> Vec<Named> {
        let mut list = Vec::with_capacity(entries.len());
        for entry in entries {
            list.push(Named::Entry(entry.key.clone(), self.filled(&entry.value)));
        }
        list
    }

    /// `(eval form…)`
    pub fn eval_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        self.note_eval(span, "eval");
        let mut list = Vec::new();
        for form in &gene.children {
            let value = self.expr(form);
            let scope = self.scope_value(span);
            list.push(intrinsic("#eval", vec![value, scope], span));
        }
        expr(ExprKind::Seq(list), span)
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
            let thunk = expr(ExprKind::Var(self.scopes.access(binding)), span);
            let again = expr(ExprKind::Var(self.scopes.access(binding)), span);
            let call = expr(
                ExprKind::Call(Box::new(again), Args::default().into()),
                span,
            );
            let value = self.expr(form);
            let other = intrinsic("#eval", vec![value, nil(span)], span);
            return super::control::choose(thunk, call, other, span);
        }
        self.note_eval(span, "$caller_eval");
        let value = self.expr(form);
        let scope = match self.hidden_binding("#scope") {
            Some(binding) => expr(ExprKind::Var(self.scopes.access(binding)), span),
            None => nil(span),
        };
        intrinsic("#eval", vec![value, scope], span)
    }

    fn hidden_binding(&mut self, text: &str) -> Option<Binding> {
        let name = self.name(text);
        self.scopes.lookup(name)
    }

    /// The local variables in sight as `[name getter setter]`, for code made at run time.
    pub fn scope_value(&mut self, span: Span) -> Expr {
        let mut items = Vec::new();
        for (name, binding) in self.scopes.visible_locals() {
            let text = self.names.text(name).to_owned();
            if text.starts_with('#') {
                continue;
            }
            let is_let = self.scopes.info(binding).is_let || text == "self";
            let get = self.thunk(span, |lower| lower.read_binding(binding, name, span));
            let set = match binding.slot {
                Slot::Local(_) if !is_let => self.setter(name, span),
                _ => nil(span),
            };
            let get = expr(ExprKind::Closure(get), span);
            let triple = vec![item(string(&text, span)), item(get), item(set)];
            items.push(item(expr(ExprKind::Array(triple), span)));
        }
        expr(ExprKind::Array(items), span)
    }

    fn setter(&mut self, name: Name, span: Span) -> Expr {
        let mut function = self.blank_function("", gene_format::program::FuncKind::Thunk, span);
        let param = Param {
            name: "value".into(),
            kind: ParamKind::Required,
            default: None,
            check: None,
        };
        function.params.push(param);
        let id = self.enclosed(function, |lower| {
            let value = lower.scopes.local("value");
            let Some(binding) = lower.resolve(name) else {
                return nil(span);
            };
            lower.scopes.note_assignment(binding);
            let var = lower.scopes.access(binding);
            expr(ExprKind::Set(var, Box::new(local(value, span))), span)
        });
        expr(ExprKind::Closure(id), span)
    }
}

/// The forms in the holes of a template, in order of writing: type, props, children.
fn find_holes<'f>(form: &'f Form, out: &mut Vec<&'f Form>) {
    match &form.kind {
        FormKind::Unquote { form, .. } => out.push(form),
        FormKind::Quote(inner) => find_holes(inner, out),
        FormKind::Array(list) | FormKind::HashMap(list) => {
            list.items.iter().for_each(|form| find_holes(form, out));
        }
        FormKind::Map(map) => map.entries.iter().for_each(|e| find_holes(&e.value, out)),
        FormKind::Gene(gene) => {
            find_holes(&gene.head, out);
            gene.props.iter().for_each(|e| find_holes(&e.value, out));
            gene.children.iter().for_each(|form| find_holes(form, out));
        }
        _ => {}
    }
}

/// True if the form has neither holes nor quotes.
fn is_plain(form: &Form) -> bool {
    match &form.kind {
        FormKind::Unquote { .. } | FormKind::Quote(_) => false,
        FormKind::Array(list) | FormKind::HashMap(list) => list.items.iter().all(is_plain),
        FormKind::Map(map) => map.entries.iter().all(|e| is_plain(&e.value)),
        FormKind::Gene(gene) => {
            is_plain(&gene.head)
                && gene.props.iter().all(|e| is_plain(&e.value))
                && gene.children.iter().all(is_plain)
        }
        _ => true,
    }
}

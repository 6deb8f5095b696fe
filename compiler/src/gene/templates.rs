//! Quotes and templates (`language/05-functions.md` §10).

use super::lower::{Lower, declare, expr, intrinsic, item, local, nil};
use crate::hir::*;
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
            ..Args::default()
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
                            ..Args::default()
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
                    ExprKind::Gene(head, Box::new(Args::new(items, named))),
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
            list.push(Named::Entry(
                entry.key.as_str().into(),
                self.filled(&entry.value),
            ));
        }
        list
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

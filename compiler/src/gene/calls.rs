//! Calls: of values, methods, macros, `super` and `new`.

use super::lower::{Callee, Lower, expr, is_method_word, word};
use super::names::Name;
use super::scope::Slot;
use super::warnings::{NotedCall, literal};
use crate::hir::*;
use gene_format::text::{Form, FormKind, GeneForm, Span};

/// True for the arguments of `(ns .on_member_missing (fn [name] …))`: inside, `self` is the
/// namespace.
fn is_handler(method: &str, args: &[Form]) -> bool {
    let [
        Form {
            kind: FormKind::Gene(gene),
            ..
        },
    ] = args
    else {
        return false;
    };
    let plain = matches!(
        gene.children.first().map(|form| &form.kind),
        Some(FormKind::Array(_))
    );
    method == "on_member_missing" && word(&gene.head) == Some("fn") && plain
}

impl Lower<'_> {
    /// A call by rule 10.
    pub fn call(&mut self, gene: &GeneForm, span: Span) -> Expr {
        if is_macro_name(&gene.head) {
            return self.macro_call(gene, span);
        }
        let callee = self.expr(&gene.head);
        if let ExprKind::Var(Var::Name(text)) = &callee.kind {
            self.note_unknown_callee(text);
        }
        let class = word(&gene.head) == Some("Class");
        let outer = std::mem::replace(&mut self.self_param, class);
        let args = self.args(gene, 0);
        self.self_param = outer;
        self.note_call(&gene.head, &args, span);
        expr(ExprKind::Call(Box::new(callee), args.into()), span)
    }

    /// Props and the children from `skip` on.
    pub fn args(&mut self, gene: &GeneForm, skip: usize) -> Args {
        let named = self.named(&gene.props);
        let items = self.items(gene.children.get(skip..).unwrap_or(&[]));
        Args::new(items, named)
    }

    /// Remembers a call of a function that may turn out to be known.
    fn note_call(&mut self, head: &Form, args: &Args, span: Span) {
        let FormKind::Symbol(text) = &head.kind else {
            return;
        };
        let name = self.name(text);
        let Some(binding) = self.scopes.lookup(name) else {
            return;
        };
        let callee = match binding.slot {
            Slot::Global(global) => Callee::Global(global),
            Slot::Local(_) => match self.scopes.info(binding).func {
                Some(func) => Callee::Func(func),
                None => return,
            },
            Slot::Member(_) | Slot::Outer(..) => return,
        };
        self.note_arguments(callee, args, span);
    }

    /// The module variable that a class is taken from.
    fn class_variable(&mut self, class: &Form) -> Option<GlobalId> {
        let name = self.name(word(class)?);
        match self.scopes.lookup(name)?.slot {
            Slot::Global(global) => Some(global),
            _ => None,
        }
    }

    fn note_arguments(&mut self, callee: Callee, args: &Args, span: Span) {
        let keys = args.named.iter().map(|named| match named {
            Named::Entry(key, _) => Some(key.to_string()),
            Named::Spread(_) => None,
        });
        let keys = keys.collect();
        let spread = args.items.iter().any(|item| item.spread);
        let args = args.items.iter().map(|item| literal(&item.value)).collect();
        self.calls.push(NotedCall {
            callee,
            module: self.unit.index,
            span,
            args,
            keys,
            spread,
            in_try: self.tries > 0,
        });
    }

    /// Arguments of a macro arrive as data, those it evaluates also as thunks.
    fn macro_call(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let callee = self.expr(&gene.head);
        let mut args = Args::default();
        for entry in &gene.props {
            let value = self.data(&entry.value);
            args.named
                .push(Named::Entry(entry.key.as_str().into(), value));
        }
        for form in &gene.children {
            let value = self.data(form);
            args.items.push(super::lower::item(value));
        }
        if let FormKind::Symbol(text) = &gene.head.kind {
            let name = self.name(text);
            self.hidden_args(name, gene, &mut args, span);
        }
        expr(ExprKind::Call(Box::new(callee), args.into()), span)
    }

    fn hidden_args(&mut self, name: Name, gene: &GeneForm, args: &mut Args, span: Span) {
        let Some(known) = self.unit.macros.get(&name).cloned() else {
            return;
        };
        let given = gene.children.len();
        for &hidden in &known.hidden {
            let text = self.names.text(hidden).to_owned();
            if text == "#scope" {
                let value = self.scope_value(span);
                args.named.push(Named::Entry(text.into(), value));
                continue;
            }
            let form = match known.argument_index(hidden, given) {
                Some(index) => gene.children.get(index),
                None => gene
                    .props
                    .iter()
                    .find(|entry| *entry.key == text[1..])
                    .map(|entry| &entry.value),
            };
            if let Some(form) = form {
                let thunk = self.thunk(form.span, |lower| lower.caller_value(form));
                let value = expr(ExprKind::Closure(thunk), form.span);
                args.named.push(Named::Entry(text.into(), value));
            }
        }
    }

    /// A macro's argument, where `$caller_eval` evaluates it.
    fn caller_value(&mut self, form: &Form) -> Expr {
        let value = self.expr(form);
        let (FormKind::Symbol(text), ExprKind::Var(Var::Name(_))) = (&form.kind, &value.kind)
        else {
            return value;
        };
        // All that reading a name can raise is that there is none.
        let message = format!("Unknown symbol in caller context: {text}");
        let body = expr(ExprKind::Fail(message.into()), form.span);
        let unknown = Catch {
            class: None,
            bind: None,
            body,
        };
        let kind = ExprKind::Try {
            body: Box::new(value),
            catches: Box::new([unknown]),
            finally: None,
        };
        expr(kind, form.span)
    }

    /// `(obj .name args…)`
    pub fn method_call(&mut self, gene: &GeneForm, name: &str, span: Span) -> Expr {
        if name == "@" {
            return self.apply_selector_parts(gene, span);
        }
        if name.starts_with('@') {
            let selector = self.selector_word(&[name], gene.children[0].span);
            return self.apply_selector(selector, gene, 1, span);
        }
        let of = Box::new(self.expr(&gene.head));
        self.receiver_fn = is_handler(name, &gene.children[1..]);
        let args = self.args(gene, 1);
        if let FormKind::Gene(new) = &gene.head.kind
            && word(&new.head) == Some("new")
            && let Some(class) = new.children.first()
            && let Some(global) = self.class_variable(class)
        {
            self.note_arguments(Callee::Method(global, name.into()), &args, span);
        }
        expr(ExprKind::MethodCall(of, name.into(), args.into()), span)
    }

    /// `(.name args…)`: on `self`
    pub fn self_method_call(&mut self, gene: &GeneForm, name: &str, span: Span) -> Expr {
        let of = Box::new(self.self_value(span));
        self.receiver_fn = is_handler(name, &gene.children);
        let args = self.args(gene, 0);
        expr(ExprKind::MethodCall(of, name.into(), args.into()), span)
    }

    /// `(obj . expr args…)`
    pub fn dynamic_call(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some(name) = gene.children.get(1) else {
            return self.error(span, ". expects a method name");
        };
        let of = Box::new(self.expr(&gene.head));
        let name = Box::new(self.expr(name));
        let args = self.args(gene, 2);
        expr(ExprKind::DynamicCall(of, name, args.into()), span)
    }

    /// `(super .name args…)`
    pub fn super_call(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some(name) = gene
            .children
            .first()
            .and_then(word)
            .filter(|w| is_method_word(w))
        else {
            return self.bare_super(span);
        };
        let name = &name[1..];
        if name.ends_with('!') {
            let message = if name == "ctor!" {
                "Macro-like constructors are not supported; use (ctor [args] ...)"
            } else {
                "Macro-like class methods are not supported; use (method name [args] ...)"
            };
            return self.error(span, message);
        }
        if self.self_binding().is_none() {
            return expr(
                ExprKind::Fail("super requires an instance context".into()),
                span,
            );
        }
        let of = Box::new(self.self_value(span));
        let args = self.args(gene, 1);
        expr(ExprKind::SuperCall(of, name.into(), args.into()), span)
    }

    pub fn bare_super(&mut self, span: Span) -> Expr {
        self.error(
            span,
            "super can only be used in call form: (super .member ...)",
        )
    }

    /// `(new C args…)`
    pub fn new_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some(class) = gene.children.first() else {
            return self.error(span, "new requires a class");
        };
        if is_macro_name(class) {
            return self.macro_constructor(span);
        }
        let global = self.class_variable(class);
        let class = Box::new(self.expr(class));
        let args = self.args(gene, 1);
        if let Some(global) = global {
            self.note_arguments(Callee::New(global), &args, span);
        }
        expr(ExprKind::New(class, args.into()), span)
    }

    pub fn macro_constructor(&mut self, span: Span) -> Expr {
        self.error(
            span,
            "Macro-like constructors are not supported; use (ctor [args] ...)",
        )
    }
}

/// A name that ends in `!`.
fn is_macro_name(form: &Form) -> bool {
    match &form.kind {
        FormKind::Symbol(text) => text.len() > 1 && text.ends_with('!'),
        FormKind::Path(parts) => parts
            .last()
            .is_some_and(|last| last.len() > 1 && last.ends_with('!')),
        _ => false,
    }
}

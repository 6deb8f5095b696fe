//! Destructuring, enum declarations and enum patterns (`language/12-patterns.md`,
//! `02-types.md` §7).

use super::lower::{Lower, declare, expr, intrinsic, item, local, nil, string, word};
use super::names::Name;
use super::params::{RawParam, Target};
use super::scope::{Info, Slot};
use crate::hir::*;
use gene_format::program::ParamKind;
use gene_format::text::{Entry, Form, FormKind, GeneForm, Items, Span};

/// A name of a pattern and the value it gets.
type Bound = Vec<(Name, Expr)>;

impl Lower<'_> {
    /// Takes a value apart and declares the names. All values exist before the first name
    /// changes.
    pub fn array_pattern(&mut self, items: &[Form], value: Expr, is_let: bool, span: Span) -> Expr {
        let mut list = Vec::new();
        let mut bound = Bound::new();
        // Defaults see the elements before them.
        let mark = self.scopes.open();
        self.take_apart(items, value, &mut list, &mut bound, span);
        self.scopes.close(mark);
        self.bind_all(bound, is_let, span, &mut list);
        list.push(nil(span));
        expr(ExprKind::Seq(list), span)
    }

    /// Declares the names. What they keep if `list` fails is done before it.
    fn bind_all(&mut self, bound: Bound, is_let: bool, span: Span, list: &mut Vec<Expr>) {
        let mut kept = Vec::new();
        for (name, value) in bound {
            let new = self.bind_value(name, value, is_let, span);
            match new.kind {
                ExprKind::Seq(parts) => {
                    let mut parts = parts.into_iter();
                    kept.extend(parts.next());
                    list.extend(parts);
                }
                kind => list.push(expr(kind, span)),
            }
        }
        list.splice(0..0, kept);
    }

    fn take_apart(
        &mut self,
        items: &[Form],
        value: Expr,
        out: &mut Vec<Expr>,
        bound: &mut Bound,
        span: Span,
    ) {
        let raw = self.raw_params(items, true);
        let descriptor = descriptor(&raw, span);
        let parts = self.temp();
        let call = intrinsic("#destructure", vec![value, descriptor], span);
        out.push(declare(parts, Some(call), span));
        for (at, param) in raw.iter().enumerate() {
            let place = Place::Index(Box::new(local(parts, span)), at as i64);
            let part = expr(ExprKind::Get(place), param.span);
            match param.target {
                Target::Ignore => {}
                Target::Nested(items) => self.take_apart(items, part, out, bound, span),
                Target::Name(text) => {
                    let name = self.name(text);
                    let part = self.or_default_value(param, part);
                    let id = self.bind_new(name, Info::default());
                    out.push(declare(id, Some(part), param.span));
                    bound.push((name, local(id, param.span)));
                }
            }
        }
    }

    /// Evaluates the default if `#destructure` left the element out.
    fn or_default_value(&mut self, param: &RawParam, part: Expr) -> Expr {
        let Some(default) = param.default else {
            return part;
        };
        let span = param.span;
        let id = self.temp();
        let missing = intrinsic("#missing?", vec![local(id, span)], span);
        let default = self.expr(default);
        let choice = super::control::choose(missing, default, local(id, span), span);
        expr(
            ExprKind::Seq(vec![declare(id, Some(part), span), choice]),
            span,
        )
    }

    /// `{^key name}`
    pub fn map_pattern(
        &mut self,
        entries: &[Entry],
        value: Expr,
        is_let: bool,
        span: Span,
    ) -> Expr {
        let of = self.temp();
        let mut list = vec![declare(of, Some(value), span)];
        let mut bound = Bound::new();
        for entry in entries {
            match &entry.value.kind {
                FormKind::Symbol(text) if &**text == "_" => {}
                FormKind::Symbol(text) => {
                    let name = self.name(text);
                    let value = self.local_member(of, &entry.key, entry.key_span);
                    bound.push((name, value));
                }
                _ => {
                    let message = "Unsupported map destructuring pattern: expected symbol bindings";
                    self.error(entry.value.span, message);
                }
            }
        }
        self.bind_all(bound, is_let, span, &mut list);
        list.push(nil(span));
        expr(ExprKind::Seq(list), span)
    }

    /// One clause of `case`: its condition, and its body with the bindings.
    pub fn clause(
        &mut self,
        target: LocalId,
        pattern: &Form,
        body: &[Form],
        span: Span,
    ) -> (Expr, Expr) {
        if let FormKind::Gene(gene) = &pattern.kind
            && let Some(variant) = self.variant_head(gene, pattern.span)
        {
            return self.variant_clause(target, variant, gene, body, span);
        }
        let value = match self.unit_variant(pattern) {
            Some(value) => value,
            None => self.expr(pattern),
        };
        let subject = Box::new(local(target, span));
        let test = expr(
            ExprKind::Binary(BinaryOp::Eq, subject, Box::new(value)),
            pattern.span,
        );
        (test, self.scoped(body, span))
    }

    fn variant_clause(
        &mut self,
        target: LocalId,
        variant: Expr,
        gene: &GeneForm,
        body: &[Form],
        span: Span,
    ) -> (Expr, Expr) {
        let count = expr(ExprKind::Int(gene.children.len() as i64), gene.head.span);
        let at = gene.head.span;
        let test = intrinsic(
            "#match_variant?",
            vec![variant, local(target, at), count],
            at,
        );
        let mark = self.scopes.open();
        let mut list = Vec::new();
        for (index, binder) in gene.children.iter().enumerate() {
            match &binder.kind {
                FormKind::Symbol(text) if &**text == "_" => {}
                FormKind::Symbol(text) => {
                    let at = binder.span;
                    let index = expr(ExprKind::Int(index as i64), at);
                    let field = intrinsic("#payload_at", vec![local(target, at), index], at);
                    let name = self.name(text);
                    let id = self.bind_new(name, Info::default());
                    list.push(declare(id, Some(field), at));
                }
                _ => {
                    let message = format!(
                        "enum pattern {} binding must be a symbol",
                        super::show::show(&gene.head)
                    );
                    self.error(binder.span, message);
                }
            }
        }
        list.push(self.body(body, span));
        self.scopes.close(mark);
        (test, super::lower::seq(list, span))
    }

    /// The variant a pattern `(head binder…)` names, if the head is one (12-patterns §4).
    fn variant_head(&mut self, gene: &GeneForm, span: Span) -> Option<Expr> {
        if gene.sealed || !gene.props.is_empty() {
            return None;
        }
        match &gene.head.kind {
            FormKind::Path(parts) => {
                let qualified = parts.len() == 2
                    && parts
                        .iter()
                        .all(|part| !part.is_empty() && !part.starts_with('.'))
                    && !parts[0].starts_with(['$', '@']);
                qualified.then(|| self.expr(&gene.head))
            }
            FormKind::Symbol(text) => {
                if is_builtin_variant(text) {
                    return Some(expr(ExprKind::Builtin(text.as_str().into()), span));
                }
                if gene
                    .children
                    .first()
                    .and_then(word)
                    .is_some_and(super::infix::is_infix)
                {
                    return None;
                }
                self.bare_variant(text, gene.head.span)
                    .or_else(|| self.held_variant(&gene.head))
            }
            _ => None,
        }
    }

    /// A bare name of a variant of exactly one enum of the program.
    fn bare_variant(&mut self, text: &str, span: Span) -> Option<Expr> {
        let variant = self.name(text);
        let enums = self.variants.get(&variant)?.clone();
        if let [one] = enums.as_slice() {
            let of = self.variable(*one, span);
            return Some(super::lower::member(of, text, span));
        }
        let choices: Vec<String> = enums
            .iter()
            .map(|of| format!("{}/{text}", self.names.text(*of)))
            .collect();
        let choices = choices.join(" or ");
        let message =
            format!("variant {text} is ambiguous; use a qualified pattern such as {choices}");
        Some(self.error(span, message))
    }

    /// A variable with a capital letter may hold a variant.
    fn held_variant(&mut self, head: &Form) -> Option<Expr> {
        let text = word(head).filter(|text| text.starts_with(char::is_uppercase))?;
        let name = self.name(text);
        let binding = self.scopes.lookup(name)?;
        let holds =
            !self.scopes.info(binding).definition && !matches!(binding.slot, Slot::Member(_));
        holds.then(|| self.expr(head))
    }

    /// A bare word that is a unit variant and no variable.
    fn unit_variant(&mut self, pattern: &Form) -> Option<Expr> {
        let text = word(pattern)?;
        if is_builtin_variant(text) {
            return Some(expr(ExprKind::Builtin(text.into()), pattern.span));
        }
        let name = self.name(text);
        if self.scopes.lookup(name).is_some() {
            return None;
        }
        self.bare_variant(text, pattern.span)
    }

    /// `(enum Name variant…)`
    pub fn enum_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((target, members)) = gene.children.split_first() else {
            return self.error(span, "enum requires a name");
        };
        self.note_enum(target, gene);
        let mark = self.type_vars.len();
        let Some(name) = self.enum_head(target) else {
            return nil(span);
        };
        let mut seen = Vec::new();
        let mut args = vec![string(&name, span)];
        if let Some(values) = gene.props.iter().find(|entry| &*entry.key == "values")
            && let FormKind::Array(list) = &values.value.kind
        {
            for member in &list.items {
                args.extend(self.variant(&name, member, &mut seen));
            }
        }
        for member in members {
            args.extend(self.variant(&name, member, &mut seen));
        }
        self.type_vars.truncate(mark);
        let value = intrinsic("#enum", args, span);
        self.define(target, value, None)
    }

    /// Reads `Name:T:E` and makes the type variables known.
    fn enum_head(&mut self, target: &Form) -> Option<String> {
        let text = match &target.kind {
            FormKind::Symbol(text) => text,
            FormKind::Path(parts) => parts.last()?,
            _ => {
                self.error(target.span, "enum requires a name");
                return None;
            }
        };
        let mut parts = text.split(':');
        let name = parts.next()?.to_owned();
        let mut seen: Vec<&str> = Vec::new();
        for part in parts {
            let valid = part.starts_with(|c: char| c.is_ascii_uppercase())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !valid {
                let message = format!(
                    "enum generic declaration '{text}' has invalid generic parameter syntax"
                );
                self.error(target.span, message);
                return None;
            }
            if seen.contains(&part) {
                let message = format!("enum {name} has duplicate generic parameter {part}");
                self.error(target.span, message);
                return None;
            }
            seen.push(part);
            let var = self.name(part);
            self.type_vars.push(var);
        }
        Some(name)
    }

    /// Describes a variant as `[Name field type field type …]`, without type: nil.
    fn variant(&mut self, of: &str, member: &Form, seen: &mut Vec<String>) -> Option<Expr> {
        let bad = "enum member must be a symbol or data variant (Name field1 field2)";
        let span = member.span;
        let (name, fields) = match &member.kind {
            FormKind::Symbol(text) if &**text != "=" => (&**text, &[] as &[Form]),
            FormKind::Gene(gene) if gene.props.is_empty() => match &gene.head.kind {
                FormKind::Symbol(text) => (&**text, gene.children.as_slice()),
                _ => {
                    self.error(span, bad);
                    return None;
                }
            },
            _ => {
                self.error(span, bad);
                return None;
            }
        };
        if seen.iter().any(|known| known == name) {
            self.error(span, format!("enum {of} has duplicate variant {name}"));
            return None;
        }
        seen.push(name.to_owned());
        let mut items = vec![Form {
            kind: FormKind::Str(name.into()),
            span,
        }];
        self.variant_fields(of, name, fields, &mut items);
        let kind = FormKind::Array(Items {
            items: items.into(),
            sealed: false,
        });
        Some(expr(ExprKind::Data(Box::new(Form { kind, span })), span))
    }

    fn variant_fields(&mut self, of: &str, name: &str, fields: &[Form], out: &mut Vec<Form>) {
        let mut at = 0;
        let mut seen: Vec<&str> = Vec::new();
        while let Some(field) = fields.get(at) {
            at += 1;
            let Some(text) = word(field) else {
                self.error(
                    field.span,
                    format!("enum variant {of}/{name} field must be a symbol"),
                );
                continue;
            };
            let mut ty = Form {
                kind: FormKind::Nil,
                span: field.span,
            };
            let text = match text.strip_suffix(':') {
                None => text,
                Some(text) => {
                    let Some(given) = fields.get(at) else {
                        let message = format!(
                            "enum variant {of}/{name} field {text} is missing a type after ':'"
                        );
                        self.error(field.span, message);
                        return;
                    };
                    at += 1;
                    ty = self.type_data(given);
                    text
                }
            };
            if seen.contains(&text) {
                let message = format!("enum variant {of}/{name} has duplicate field {text}");
                self.error(field.span, message);
                continue;
            }
            seen.push(text);
            out.push(Form {
                kind: FormKind::Str(text.into()),
                span: field.span,
            });
            out.push(ty);
        }
    }
}

/// `Ok`, `Err`, `Some` and `None` always mean the built-in enums in patterns.
fn is_builtin_variant(text: &str) -> bool {
    matches!(text, "Ok" | "Err" | "Some" | "None")
}

/// The elements of a pattern as strings: `a`, `a=` with default, `a...`, `^a`, `^a=`,
/// `^a...`; `_` where nothing is bound by name.
fn descriptor(raw: &[RawParam], span: Span) -> Expr {
    let text = |param: &RawParam| {
        let name = param.name();
        match param.kind {
            ParamKind::Required => name.to_owned(),
            ParamKind::Optional => format!("{name}="),
            ParamKind::Rest => format!("{name}..."),
            ParamKind::Key => format!("^{name}"),
            ParamKind::OptionalKey => format!("^{name}="),
            ParamKind::KeyRest => format!("^{name}..."),
        }
    };
    let items = raw
        .iter()
        .map(|param| Form {
            kind: FormKind::Str(text(param).into()),
            span: param.span,
        })
        .collect();
    let kind = FormKind::Array(Items {
        items,
        sealed: false,
    });
    expr(ExprKind::Data(Box::new(Form { kind, span })), span)
}

/// Strings as an array expression.
pub(super) fn strings<'t>(texts: impl IntoIterator<Item = &'t str>, span: Span) -> Expr {
    let items = texts
        .into_iter()
        .map(|text| item(string(text, span)))
        .collect();
    expr(ExprKind::Array(items), span)
}

//! Type expressions: annotations, aliases and types as values (`language/02-types.md` §4).

use super::lower::{Lower, expr, intrinsic, word};
use super::show::show;
use crate::hir::*;
use gene_format::builtins::TYPES;
use gene_format::program::CheckSite;
use gene_format::text::{Form, FormKind, GeneForm, Span};

/// The one spelling of a built-in type name.
fn canonical(text: &str) -> &str {
    match text {
        "int" | "Int64" | "int64" | "i64" => "Int",
        "float" | "Float64" | "float64" | "f64" => "Float",
        "string" => "String",
        "bool" => "Bool",
        "nil" => "Nil",
        "void" => "Void",
        _ => text,
    }
}

/// Words that name types without being values.
fn is_type_word(text: &str) -> bool {
    matches!(
        text,
        "Any"
            | "Numeric"
            | "Collection"
            | "Self"
            | "int"
            | "Int64"
            | "int64"
            | "i64"
            | "float"
            | "Float64"
            | "float64"
            | "f64"
            | "string"
            | "bool"
            | "Future"
            | "Generator"
    )
}

fn is_builtin_type(text: &str) -> bool {
    is_type_word(text) || text == "Class" || TYPES.contains(&text)
}

impl Lower<'_> {
    /// The check an annotation asks for; `None` if it accepts everything.
    pub fn check(&mut self, ty: &Form, name: &str, site: CheckSite) -> Option<Check> {
        if !self.options.type_check {
            return None;
        }
        let text = show(ty);
        let ty = self.type_of(ty);
        (ty != Type::Any).then(|| Check {
            ty,
            text,
            name: name.into(),
            site,
        })
    }

    fn type_of(&mut self, form: &Form) -> Type {
        match &form.kind {
            FormKind::Nil => Type::Named("Nil".into()),
            FormKind::Void => Type::Named("Void".into()),
            FormKind::Symbol(text) | FormKind::Str(text) => self.named_type(text),
            FormKind::Path(parts) => Type::Named(parts.last().map_or("", |p| p).into()),
            FormKind::Gene(gene) => self.compound_type(gene),
            _ => {
                self.error(form.span, "invalid type expression");
                Type::Any
            }
        }
    }

    fn named_type(&mut self, text: &str) -> Type {
        let name = self.name(text);
        if text == "Any" || self.type_vars.contains(&name) {
            return Type::Any;
        }
        match self.unit.aliases.remove(&name) {
            // Taken out meanwhile, so that an alias of itself ends.
            Some(alias) => {
                let ty = self.type_of(&alias);
                self.unit.aliases.insert(name, alias);
                ty
            }
            None => Type::Named(canonical(text).into()),
        }
    }

    fn compound_type(&mut self, gene: &GeneForm) -> Type {
        if gene.children.first().and_then(word) == Some("|") {
            let members =
                std::iter::once(&gene.head).chain(gene.children.iter().skip(1).step_by(2));
            let members = members
                .map(|member| self.type_of(member))
                .collect::<Vec<_>>();
            if members.contains(&Type::Any) {
                return Type::Any;
            }
            return Type::Union(members);
        }
        match word(&gene.head) {
            Some("Fn") => self.function_type(gene),
            Some(head) => Type::Applied(canonical(head).into()),
            None => {
                self.error(gene.head.span, "invalid type expression");
                Type::Any
            }
        }
    }

    /// `(Fn [A ^k B C...] -> R ! [E])`
    fn function_type(&mut self, gene: &GeneForm) -> Type {
        let mut params = Vec::new();
        let mut rest = gene.children.as_slice();
        if let [
            Form {
                kind: FormKind::Array(list),
                ..
            },
            behind @ ..,
        ] = rest
        {
            params = self.type_params(&list.items);
            rest = behind;
        }
        if let [arrow, behind @ ..] = rest
            && word(arrow) == Some("->")
        {
            rest = behind;
        }
        let result = match rest.first() {
            Some(form) if word(form) != Some("!") => self.type_of(form),
            _ => Type::Any,
        };
        Type::Function {
            params,
            result: Box::new(result),
        }
    }

    fn type_params(&mut self, items: &[Form]) -> Vec<(Option<String>, bool, Type)> {
        let mut params = Vec::new();
        let mut at = 0;
        while let Some(form) = items.get(at) {
            at += 1;
            match word(form) {
                Some(text) if text.starts_with('^') => {
                    let rest = text.ends_with("...");
                    let key = text.trim_start_matches('^').trim_end_matches("...");
                    let ty = items.get(at).map_or(Type::Any, |ty| self.type_of(ty));
                    at += 1;
                    params.push((Some(key.to_owned()), rest, ty));
                }
                Some("...") => {
                    if let Some(last) = params.last_mut() {
                        last.1 = true;
                    }
                }
                Some(text) if text.ends_with("...") => {
                    let ty = self.named_type(text.trim_end_matches("..."));
                    params.push((None, true, ty));
                }
                _ => {
                    let ty = self.type_of(form);
                    params.push((None, false, ty));
                }
            }
        }
        params
    }

    /// The type as data that the runtime reads: aliases resolved, one spelling per name.
    pub fn type_data(&mut self, form: &Form) -> Form {
        let span = form.span;
        let symbol = |text: &str| Form {
            kind: FormKind::Symbol(text.into()),
            span,
        };
        match &form.kind {
            FormKind::Nil => symbol("Nil"),
            FormKind::Void => symbol("Void"),
            FormKind::Symbol(text) => {
                let name = self.name(text);
                if self.type_vars.contains(&name) {
                    return symbol("Any");
                }
                match self.unit.aliases.remove(&name) {
                    Some(alias) => {
                        let data = self.type_data(&alias);
                        self.unit.aliases.insert(name, alias);
                        data
                    }
                    None => symbol(canonical(text)),
                }
            }
            FormKind::Gene(gene) => {
                let mut gene = gene.clone();
                gene.head = self.type_data(&gene.head);
                for child in &mut gene.children {
                    *child = self.type_data(child);
                }
                Form {
                    kind: FormKind::Gene(gene),
                    span,
                }
            }
            FormKind::Array(items) => {
                let mut items = items.clone();
                for child in &mut items.items {
                    *child = self.type_data(child);
                }
                Form {
                    kind: FormKind::Array(items),
                    span,
                }
            }
            _ => form.clone(),
        }
    }

    fn type_literal(&mut self, form: &Form) -> Expr {
        let data = self.type_data(form);
        let data = expr(ExprKind::Data(Box::new(data)), form.span);
        intrinsic("#type", vec![data], form.span)
    }

    /// The right side of `is`, where it names a type that is no value.
    pub fn type_word(&mut self, form: &Form) -> Option<Expr> {
        let text = word(form)?;
        let name = self.name(text);
        (is_type_word(text) && self.scopes.lookup(name).is_none()).then(|| self.type_literal(form))
    }

    /// `(A | B)`, `(Fn …)` and `(Array Int)` are type values.
    pub fn type_value(&mut self, gene: &GeneForm, span: Span) -> Option<Expr> {
        if !gene.props.is_empty() {
            return None;
        }
        let first = gene.children.first()?;
        let is_type = match word(&gene.head) {
            _ if word(first) == Some("|") => true,
            Some("Fn") => matches!(first.kind, FormKind::Array(_)),
            Some(
                "Array" | "Map" | "HashMap" | "HashSet" | "Result" | "Option" | "Future"
                | "Generator",
            ) => gene.children.iter().all(|child| self.names_type(child)),
            _ => false,
        };
        if !is_type {
            return None;
        }
        let form = Form {
            kind: FormKind::Gene(Box::new(gene.clone())),
            span,
        };
        Some(self.type_literal(&form))
    }

    fn names_type(&mut self, form: &Form) -> bool {
        match &form.kind {
            FormKind::Symbol(text) if is_builtin_type(text) => true,
            FormKind::Symbol(text) => {
                let name = self.name(text);
                self.unit.aliases.contains_key(&name)
                    || text.starts_with(char::is_uppercase)
                        && self
                            .scopes
                            .lookup(name)
                            .is_some_and(|binding| self.scopes.info(binding).definition)
            }
            FormKind::Gene(gene) => {
                let inner = word(&gene.head).is_some_and(is_builtin_type)
                    || gene.children.first().and_then(word) == Some("|");
                inner
                    && gene
                        .children
                        .iter()
                        .all(|c| word(c) == Some("|") || self.names_type(c))
            }
            _ => false,
        }
    }

    /// `(type Name expr)`
    pub fn type_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        match gene.children.as_slice() {
            [
                Form {
                    kind: FormKind::Gene(head),
                    ..
                },
                ..,
            ] => {
                let head = show(&head.head);
                let message = format!(
                    "legacy ADT declaration for {head} is no longer supported; use enum \
                     declarations such as (enum {head}:T:E ...)"
                );
                self.error(span, message)
            }
            [target, _] if word(target) == Some("Self") => self.error(
                target.span,
                "Reserved identifier 'Self' cannot be used for type",
            ),
            [target, ty] if word(target).is_some() => {
                let value = self.type_literal(ty);
                let name = self.name(word(target).unwrap_or(""));
                let value = self.define(target, Expr { span, ..value }, None);
                self.unit.aliases.entry(name).or_insert_with(|| ty.clone());
                value
            }
            _ => self.error(span, "type requires a name and a type expression"),
        }
    }
}

//! Branches, loops and exceptions (`language/04-control-flow.md`, `09-errors.md`).

use super::lower::{Lower, declare, expr, local, name_text, nil, seq, word};
use super::scope::Info;
use crate::hir::*;
use gene_format::text::{Form, FormKind, GeneForm, Span};

impl Lower<'_> {
    /// `(if cond … elif cond … else …)`
    pub fn if_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        if gene.children.is_empty() {
            return self.error(span, "if: missing condition");
        }
        let mark = self.scopes.open();
        let value = self.if_rest(&gene.children, "if", span);
        self.scopes.close(mark);
        value
    }

    fn if_rest(&mut self, forms: &[Form], which: &str, span: Span) -> Expr {
        let (negated, forms) = match forms {
            [not, rest @ ..] if word(not) == Some("not") => (true, rest),
            _ => (false, forms),
        };
        let Some((condition, rest)) = forms.split_first() else {
            return self.error(span, format!("{which}: missing condition"));
        };
        if rest.is_empty() {
            return self.error(span, format!("{which}: missing body after condition"));
        }
        let mut test = self.expr(condition);
        if negated {
            test = negate(test);
        }
        let rest = match rest {
            [then, rest @ ..] if word(then) == Some("then") => rest,
            _ => rest,
        };
        let end = rest.iter().position(is_branch_word).unwrap_or(rest.len());
        self.check_branch(&rest[..end], end < rest.len());
        let then = self.scoped(&rest[..end], span);
        let other = match rest.get(end).and_then(word) {
            Some("elif") => self.if_rest(&rest[end + 1..], "elif", span),
            Some(_) => self.else_branch(&rest[end + 1..], span),
            None => nil(span),
        };
        choose(test, then, other, span)
    }

    fn else_branch(&mut self, forms: &[Form], span: Span) -> Expr {
        if let Some(extra) = forms.iter().find(|form| is_branch_word(form)) {
            return self.error(extra.span, "if: unexpected branch after else");
        }
        self.scoped(forms, span)
    }

    /// `(if_not cond body…)`
    pub fn if_not(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((condition, body)) = gene.children.split_first() else {
            return self.error(span, "if_not: missing condition");
        };
        if body.iter().any(is_branch_word) {
            return self.error(
                span,
                "if_not: else branches are not supported; use if ... else ... or nest if_not",
            );
        }
        let test = negate(self.expr(condition));
        let then = self.scoped(body, span);
        choose(test, then, nil(span), span)
    }

    /// `(ifel cond a b)`
    pub fn ifel(&mut self, gene: &GeneForm, span: Span) -> Expr {
        match gene.children.as_slice() {
            [] => self.error(span, "ifel: missing condition"),
            [_] => self.error(span, "ifel: missing body after condition"),
            [condition, branches @ ..] if branches.len() <= 2 => {
                let mark = self.scopes.open();
                let test = self.expr(condition);
                let then = self.scoped(&branches[..1], span);
                let other = self.scoped(&branches[1..], span);
                self.scopes.close(mark);
                choose(test, then, other, span)
            }
            _ => self.error(
                span,
                "ifel: expected condition, then expression, and optional else expression",
            ),
        }
    }

    fn open_labelled(&mut self, gene: &GeneForm) -> LoopId {
        let label = gene.props.iter().find(|entry| &*entry.key == "name");
        let label = label
            .and_then(|entry| name_text(&entry.value))
            .map(|text| self.name(text));
        self.scopes.open_loop(label)
    }

    pub fn while_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((condition, body)) = gene.children.split_first() else {
            return self.error(span, "while expects at least 1 argument (condition)");
        };
        let id = self.open_labelled(gene);
        let test = self.expr(condition);
        let body = self.body(body, span);
        self.scopes.close_loop();
        expr(ExprKind::While(id, Box::new(test), Box::new(body)), span)
    }

    pub fn loop_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let id = self.open_labelled(gene);
        let body = self.body(&gene.children, span);
        self.scopes.close_loop();
        expr(ExprKind::Loop(id, Box::new(body)), span)
    }

    pub fn repeat_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let counted = |entry: &gene_format::text::Entry| matches!(&*entry.key, "index" | "total");
        if gene.props.iter().any(counted) {
            return self.error(
                span,
                "repeat with index/total variables not yet implemented in VM",
            );
        }
        let Some((count, body)) = gene.children.split_first() else {
            return self.error(span, "repeat expects at least 1 argument (count)");
        };
        let count = self.expr(count);
        let id = self.open_labelled(gene);
        let body = self.scoped(body, span);
        self.scopes.close_loop();
        expr(ExprKind::Repeat(id, Box::new(count), Box::new(body)), span)
    }

    /// `(for v in coll …)`, `(for k v in coll …)`
    pub fn for_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let (key, value, coll, body) = match gene.children.as_slice() {
            [v, at, coll, body @ ..] if word(at) == Some("in") => (None, v, coll, body),
            [k, v, at, coll, body @ ..] if word(at) == Some("in") => (Some(k), v, coll, body),
            _ => {
                return self.error(
                    span,
                    "for loop requires 'in' keyword followed by a collection",
                );
            }
        };
        let coll = Box::new(self.expr(coll));
        let id = self.open_labelled(gene);
        let mark = self.scopes.open();
        let mut list = Vec::new();
        let key = key.map(|form| self.loop_variable(form, &mut list));
        let value = self.loop_variable(value, &mut list);
        list.push(self.body(body, span));
        self.scopes.close(mark);
        self.scopes.close_loop();
        let body = Box::new(seq(list, span));
        expr(
            ExprKind::For {
                id,
                coll,
                key,
                value,
                body,
            },
            span,
        )
    }

    /// The local a round starts with; patterns add statements that take it apart.
    fn loop_variable(&mut self, form: &Form, out: &mut Vec<Expr>) -> Option<LocalId> {
        match &form.kind {
            FormKind::Symbol(text) if &**text == "_" => None,
            FormKind::Symbol(text) => {
                let name = self.name(text);
                Some(self.bind_new(name, Info::default()))
            }
            FormKind::Array(items) => {
                let id = self.temp();
                let value = local(id, form.span);
                out.push(self.array_pattern(&items.items, value, false, form.span));
                Some(id)
            }
            FormKind::Map(map) => {
                let id = self.temp();
                let value = local(id, form.span);
                out.push(self.map_pattern(&map.entries, value, false, form.span));
                Some(id)
            }
            _ => {
                self.error(form.span, "for expects a name or a pattern");
                None
            }
        }
    }

    /// The loop that `break` or `continue` means: an error was reported, or there is none.
    fn loop_target(&mut self, gene: &GeneForm, span: Span) -> Result<Option<LoopId>, ()> {
        let Some(from) = gene.props.iter().find(|entry| &*entry.key == "from") else {
            return Ok(self.scopes.current().loops.last().map(|open| open.id));
        };
        let text = name_text(&from.value).unwrap_or("").to_owned();
        let name = self.name(&text);
        let loops = &self.scopes.current().loops;
        match loops.iter().rev().find(|open| open.label == Some(name)) {
            Some(open) => Ok(Some(open.id)),
            None => {
                self.error(span, format!("No loop named '{text}' found"));
                Err(())
            }
        }
    }

    pub fn break_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let value = match gene.children.as_slice() {
            [] => None,
            forms => Some(Box::new(self.body(forms, span))),
        };
        match self.loop_target(gene, span) {
            Err(()) => nil(span),
            Ok(Some(id)) => expr(ExprKind::Break(id, value), span),
            Ok(None) if self.scopes.current().finally > 0 => {
                value.map_or_else(|| nil(span), |v| *v)
            }
            Ok(None) => expr(ExprKind::Fail("break used outside of a loop".into()), span),
        }
    }

    pub fn continue_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        match self.loop_target(gene, span) {
            Err(()) => nil(span),
            Ok(Some(id)) => expr(ExprKind::Continue(id), span),
            Ok(None) if self.scopes.current().finally > 0 => nil(span),
            Ok(None) => expr(
                ExprKind::Fail("continue used outside of a loop".into()),
                span,
            ),
        }
    }

    pub fn return_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let value = match gene.children.as_slice() {
            [] => None,
            forms => Some(self.body(forms, span)),
        };
        self.leave(value, span)
    }

    pub fn throw(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let value = Box::new(self.body(&gene.children, span));
        expr(ExprKind::Throw(value), span)
    }

    /// `(try … catch P … finally …)`
    pub fn try_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let mut parts = gene.children.split(is_try_word);
        let words: Vec<&str> = gene
            .children
            .iter()
            .filter(|form| is_try_word(form))
            .filter_map(word)
            .collect();
        let body = parts.next().unwrap_or(&[]);
        self.tries += 1;
        let body = Box::new(self.body(body, span));
        self.tries -= 1;
        let mut catches = Vec::new();
        let mut finally = None;
        for (which, part) in words.into_iter().zip(parts) {
            match (which, part.split_first()) {
                ("finally", _) => {
                    self.scopes.current().finally += 1;
                    finally = Some(Box::new(self.scoped(part, span)));
                    self.scopes.current().finally -= 1;
                }
                (_, Some((pattern, handler))) => {
                    catches.push(self.catch(pattern, handler, span));
                }
                (_, None) => {
                    self.error(span, "catch requires a pattern");
                }
            }
        }
        expr(
            ExprKind::Try {
                body,
                catches: catches.into(),
                finally,
            },
            span,
        )
    }

    fn catch(&mut self, pattern: &Form, handler: &[Form], span: Span) -> Catch {
        let mark = self.scopes.open();
        let mut list = Vec::new();
        let (mut class, mut bind) = (None, None);
        match &pattern.kind {
            FormKind::Symbol(text) if matches!(&**text, "*" | "_") => {}
            FormKind::Symbol(text) if text.starts_with(char::is_uppercase) => {
                class = Some(self.expr(pattern));
            }
            FormKind::Path(_) => class = Some(self.expr(pattern)),
            FormKind::Symbol(_) | FormKind::Array(_) | FormKind::Map(_) => {
                bind = self.loop_variable(pattern, &mut list);
            }
            _ => {
                self.error(pattern.span, "invalid catch pattern");
            }
        }
        list.push(self.body(handler, span));
        self.scopes.close(mark);
        Catch {
            class,
            bind,
            body: seq(list, span),
        }
    }

    /// `(case target when V … else …)`
    pub fn case(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let Some((target, clauses)) = gene.children.split_first() else {
            return self.error(span, "case: missing target expression");
        };
        let mark = self.scopes.open();
        let value = self.expr(target);
        let id = self.temp();
        let declaration = declare(id, Some(value), span);
        let choice = self.clauses(id, clauses, span);
        self.scopes.close(mark);
        expr(ExprKind::Seq(vec![declaration, choice]), span)
    }

    fn clauses(&mut self, target: LocalId, forms: &[Form], span: Span) -> Expr {
        // Built from the last clause to the first would reverse the order of lowering, which
        // scopes must not see; so clauses are collected first.
        let mut done: Vec<(Expr, Expr)> = Vec::new();
        let mut rest = forms;
        let mut other = nil(span);
        let mut patterns = Vec::new();
        while let Some((first, behind)) = rest.split_first() {
            match word(first) {
                Some("when") => {
                    let Some((pattern, body)) = behind.split_first() else {
                        self.error(span, "case: missing value after 'when'");
                        break;
                    };
                    let end = body.iter().position(is_clause_word).unwrap_or(body.len());
                    done.push(self.clause(target, pattern, &body[..end], span));
                    patterns.push(pattern);
                    rest = &body[end..];
                }
                Some("else") => {
                    patterns.clear();
                    other = self.scoped(behind, span);
                    break;
                }
                _ => {
                    let message = format!(
                        "case: expected 'when' or 'else', got: {}",
                        super::show::show(first)
                    );
                    self.error(first.span, message);
                    break;
                }
            }
        }
        self.check_variants(&patterns, span);
        for (test, body) in done.into_iter().rev() {
            other = choose(test, body, other, span);
        }
        other
    }
}

pub(super) fn choose(test: Expr, then: Expr, other: Expr, span: Span) -> Expr {
    expr(
        ExprKind::If(Box::new(test), Box::new(then), Box::new(other)),
        span,
    )
}

/// Boolean negation. `Not` is bitwise on ints, so branches are swapped instead.
/// `not` as everywhere: bitwise on ints and bytes, so their negation is truthy.
fn negate(test: Expr) -> Expr {
    let span = test.span;
    expr(ExprKind::Unary(UnaryOp::Not, Box::new(test)), span)
}

fn is_branch_word(form: &Form) -> bool {
    matches!(word(form), Some("elif" | "else"))
}

fn is_clause_word(form: &Form) -> bool {
    matches!(word(form), Some("when" | "else"))
}

pub(super) fn is_try_word(form: &Form) -> bool {
    matches!(word(form), Some("catch" | "finally"))
}

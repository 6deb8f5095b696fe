//! Operators: infix forms with their precedence, and the prefix forms
//! (`language/03-expressions.md` §2 to §6).

use super::lower::{Lower, expr, intrinsic, word};
use crate::hir::*;
use gene_format::text::{Form, GeneForm, Span, Word};

/// Precedence of an infix operator.
fn level(op: &str) -> Option<u8> {
    // Asked of most words of a program: the bytes are looked at once, not word by word.
    Some(match op.as_bytes() {
        [b'.', b'/'] => 90,
        [b'*' | b'/' | b'%'] | [b'*', b'*'] => 80,
        [b'+' | b'-'] | [b'+', b'+'] => 70,
        [b'<', b'<'] | [b'>', b'>'] => 65,
        [b'<' | b'>'] | [b'<' | b'>' | b'=' | b'!', b'='] | [b'i', b's'] => 60,
        [b'&', b'&'] => 50,
        [b'&', b'|', b'&'] => 45,
        [b'|', b'|'] => 40,
        _ => return None,
    })
}

/// True if a gene with this first child is an infix form.
pub(super) fn is_infix(text: &str) -> bool {
    level(text).is_some()
}

/// Heads whose genes are never infix forms.
pub(super) fn keeps_operators(head: &str) -> bool {
    matches!(
        head,
        "var"
            | "if"
            | "ifel"
            | "fn"
            | "do"
            | "loop"
            | "while"
            | "for"
            | "ns"
            | "class"
            | "try"
            | "throw"
            | "import"
            | "export"
            | "interface"
            | "implement"
            | "field"
            | "$"
            | "$vm"
            | "$vmstmt"
            | "."
            | "->"
            | "@"
    )
}

fn comparison(op: &str) -> Option<BinaryOp> {
    Some(match op {
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        "==" => BinaryOp::Eq,
        "!=" => BinaryOp::Ne,
        _ => return None,
    })
}

/// Operators that are one instruction on two values.
pub(super) fn binary(op: &str) -> Option<BinaryOp> {
    Some(match op {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Mod,
        "<<" => BinaryOp::Shl,
        ">>" => BinaryOp::Shr,
        "&|&" => BinaryOp::Xor,
        "is" => BinaryOp::Is,
        _ => return comparison(op),
    })
}

impl Lower<'_> {
    /// `(a op b op c …)`
    pub fn infix(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let children = &gene.children;
        if !children.len().is_multiple_of(2) {
            return self.error(span, "Incomplete infix expression");
        }
        let is_op = |form: &Form| word(form).is_some_and(|text| is_infix(text) && text != "is");
        if let [op, right] = children.as_slice()
            && let Some(op) = word(op).filter(|op| is_infix(op))
            && !is_op(&gene.head)
            && !is_op(right)
        {
            let left = self.expr(&gene.head);
            let right = self.right_operand(op, right);
            return self.combine(op, left, right, span);
        }
        let ops: Vec<&str> = children.iter().step_by(2).filter_map(word).collect();
        let operands: Vec<&Form> = std::iter::once(&gene.head)
            .chain(children.iter().skip(1).step_by(2))
            .collect();
        if ops.len() * 2 != children.len()
            || !ops.iter().all(|op| is_infix(op))
            || operands.iter().copied().any(is_op)
        {
            return self.error(span, "Invalid infix expression");
        }
        if ops.len() > 1
            && let Some(chain) = ops
                .iter()
                .map(|op| comparison(op))
                .collect::<Option<Vec<_>>>()
        {
            let operands = operands.into_iter().map(|form| self.expr(form)).collect();
            return expr(ExprKind::Chain(operands, chain.into()), span);
        }
        let mut climb = Climb {
            operands: &operands,
            ops: &ops,
            at: 0,
            span,
        };
        let first = self.expr(operands[0]);
        climb.rest(self, first, 0)
    }

    /// One operation on lowered operands.
    fn combine(&mut self, op: &str, left: Expr, right: Expr, span: Span) -> Expr {
        let (l, r) = (Box::new(left), Box::new(right));
        let kind = match op {
            "&&" => ExprKind::And(l, r),
            "||" => ExprKind::Or(l, r),
            "./" => ExprKind::Get(Place::Dynamic(l, r)),
            "++" => return concat(*l, *r, span),
            "**" => {
                let callee = Box::new(expr(ExprKind::Var(Var::Name("**".into())), span));
                let items = vec![super::lower::item(*l), super::lower::item(*r)];
                ExprKind::Call(
                    callee,
                    Args {
                        items,
                        named: Vec::new(),
                        ..Args::default()
                    }
                    .into(),
                )
            }
            _ => ExprKind::Binary(binary(op).expect("an infix operator"), l, r),
        };
        expr(kind, span)
    }

    fn right_operand(&mut self, op: &str, form: &Form) -> Expr {
        if op == "is"
            && let Some(found) = self.type_word(form)
        {
            return found;
        }
        self.expr(form)
    }

    /// `(+ a b …)` and the other prefix forms; `None` if the head is no operator.
    pub fn operator(&mut self, head: &str, gene: &GeneForm, span: Span) -> Option<Expr> {
        let count = gene.children.len();
        Some(match head {
            "+" if count == 0 => expr(ExprKind::Int(0), span),
            "*" if count == 0 => expr(ExprKind::Int(1), span),
            "+" | "*" if count == 1 => self.expr(&gene.children[0]),
            "-" | "/" if count == 0 => {
                self.error(span, format!("{head} requires at least one argument"))
            }
            "-" if count == 1 => self.unary(UnaryOp::Neg, &gene.children[0], span),
            "/" if count == 1 => {
                let one = expr(ExprKind::Int(1), span);
                let right = self.expr(&gene.children[0]);
                self.combine("/", one, right, span)
            }
            "%" if count < 2 => self.error(span, "% requires at least 2 arguments"),
            "+" | "-" | "*" | "/" | "%" => self.fold(head, &gene.children, span),
            "&&" | "||" | "&|&" if count == 0 => {
                self.error(span, format!("{head} requires at least one argument"))
            }
            "&&" | "||" | "&|&" => self.fold(head, &gene.children, span),
            "<" | "<=" | ">" | ">=" | "==" | "!=" | "is" | "<<" | ">>" => {
                if count != 2 {
                    return Some(self.error(span, format!("{head} requires exactly 2 arguments")));
                }
                self.fold(head, &gene.children, span)
            }
            "!" | "not" if count != 1 => self.error(span, "not expects exactly 1 argument"),
            "!" | "not" => self.unary(UnaryOp::Not, &gene.children[0], span),
            "++" => {
                let parts = gene.children.iter().map(|form| self.expr(form)).collect();
                expr(ExprKind::Concat(parts), span)
            }
            "./" => self.lookup_prefix(gene, span),
            _ => return None,
        })
    }

    fn unary(&mut self, op: UnaryOp, operand: &Form, span: Span) -> Expr {
        let value = self.expr(operand);
        expr(ExprKind::Unary(op, Box::new(value)), span)
    }

    fn fold(&mut self, op: &str, operands: &[Form], span: Span) -> Expr {
        let mut value = self.expr(&operands[0]);
        for operand in &operands[1..] {
            let right = self.right_operand(op, operand);
            value = self.combine(op, value, right, span);
        }
        value
    }

    /// `(./ v seg)`, `(./ v seg default)`
    fn lookup_prefix(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let [of, segment, rest @ ..] = gene.children.as_slice() else {
            return self.error(span, "./ requires at least 2 arguments");
        };
        let of = self.expr(of);
        let segment = self.expr(segment);
        let found = expr(
            ExprKind::Get(Place::Dynamic(Box::new(of), Box::new(segment))),
            span,
        );
        self.or_default(found, rest, span)
    }

    /// `(v ./name)`, `(v ./name default)`
    pub fn lookup_with_default(&mut self, gene: &GeneForm, parts: &[Word], span: Span) -> Expr {
        let of = self.expr(&gene.head);
        let found = self.segments(of, &parts[1..], parts.len(), span);
        self.or_default(found, &gene.children[1..], span)
    }

    fn or_default(&mut self, found: Expr, rest: &[Form], span: Span) -> Expr {
        match rest {
            [] => found,
            [default] => {
                let default = self.expr(default);
                expr(ExprKind::Default(Box::new(found), Box::new(default)), span)
            }
            _ => self.error(span, "./ expects a segment and an optional default"),
        }
    }

    /// `(e ?)`: the payload, or leaves the function with the failure.
    pub fn unwrap(&mut self, form: &Form, span: Span) -> Expr {
        let value = self.expr(form);
        let id = self.temp();
        let read = |span| super::lower::local(id, span);
        let failed = intrinsic("#failed?", vec![read(span)], span);
        let leave = self.leave(Some(read(span)), span);
        let payload = intrinsic("#payload", vec![read(span)], span);
        let choice = ExprKind::If(Box::new(failed), Box::new(leave), Box::new(payload));
        let list = vec![
            super::lower::declare(id, Some(value), span),
            expr(choice, span),
        ];
        expr(ExprKind::Seq(list), span)
    }
}

/// Strings of one chain are joined at once.
fn concat(left: Expr, right: Expr, span: Span) -> Expr {
    let mut parts = match left.kind {
        ExprKind::Concat(parts) if left.span == span => parts,
        kind => vec![expr(kind, left.span)],
    };
    parts.push(right);
    expr(ExprKind::Concat(parts), span)
}

/// Precedence climbing over the operands of one gene.
struct Climb<'f> {
    operands: &'f [&'f Form],
    ops: &'f [&'f str],
    at: usize,
    span: Span,
}

impl Climb<'_> {
    /// Combines `left` with the operators of at least this level; all are left-associative.
    fn rest(&mut self, lower: &mut Lower, mut left: Expr, least: u8) -> Expr {
        while let Some(&op) = self.ops.get(self.at) {
            let own = level(op).expect("an infix operator");
            if own < least {
                break;
            }
            self.at += 1;
            let mut right = lower.right_operand(op, self.operands[self.at]);
            while let Some(&next) = self.ops.get(self.at)
                && level(next) > Some(own)
            {
                right = self.rest(lower, right, level(next).unwrap_or(own));
            }
            left = lower.combine(op, left, right, self.span);
        }
        left
    }
}

//! Operators, and conditions as branches.

use super::asm::Label;
use super::expr::special_of;
use super::func::{FnGen, special};
use crate::hir::*;
use gene_format::ops::{Insn, Op};
use gene_format::text::Span;

/// Bits of `x` in instructions with a constant operand.
mod note {
    /// The other operand is a variable of the source.
    pub const VARIABLE: u8 = 1;
    /// Written as a subtraction.
    pub const SUBTRACTION: u8 = 2;
    /// Written with the constant first.
    pub const EXCHANGED: u8 = 4;
}

/// Whether the value is `true` or `false`, so that `&&`, `||` and `!` are logical.
pub(super) fn is_boolean(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Bool(_) | ExprKind::Chain(..) | ExprKind::Unary(UnaryOp::Truthy, _) => true,
        ExprKind::Binary(op, ..) => is_comparison(*op) || *op == BinaryOp::Is,
        ExprKind::Unary(UnaryOp::Not, of) => is_boolean(of),
        // chains nest on the left: the right side decides at once
        ExprKind::And(a, b) | ExprKind::Or(a, b) => is_boolean(b) && is_boolean(a),
        _ => false,
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Lt | Le | Gt | Ge | Eq | Ne)
}

fn is_ordering(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Lt | Le | Gt | Ge)
}

fn is_variable(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Var(Var::Local(_) | Var::Capture(_) | Var::Global(_))
    )
}

/// The number as a 16-bit immediate.
pub(super) fn immediate(expr: &Expr) -> Option<i16> {
    match expr.kind {
        ExprKind::Int(n) => i16::try_from(n).ok(),
        _ => None,
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Int(_) | ExprKind::Float(_))
}

/// Truth of a constant.
fn truth(expr: &Expr) -> Option<bool> {
    match &expr.kind {
        ExprKind::Nil | ExprKind::Void | ExprKind::Bool(false) => Some(false),
        ExprKind::Bool(true)
        | ExprKind::NotFound
        | ExprKind::Placeholder
        | ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Str(_)
        | ExprKind::Selector(_)
        | ExprKind::Closure(_) => Some(true),
        _ => None,
    }
}

fn plain(op: BinaryOp) -> Op {
    match op {
        BinaryOp::Add => Op::Add,
        BinaryOp::Sub => Op::Sub,
        BinaryOp::Mul => Op::Mul,
        BinaryOp::Div => Op::Div,
        BinaryOp::Mod => Op::Mod,
        BinaryOp::Shl => Op::Shl,
        BinaryOp::Shr => Op::Shr,
        BinaryOp::Xor => Op::BitXor,
        BinaryOp::Lt | BinaryOp::Gt => Op::Lt,
        BinaryOp::Le | BinaryOp::Ge => Op::Le,
        BinaryOp::Eq => Op::Eq,
        BinaryOp::Ne => Op::Ne,
        BinaryOp::Is => Op::Is,
    }
}

/// `>` and `>=` are `<` and `<=` with operands exchanged.
fn is_exchanged(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Gt | BinaryOp::Ge)
}

impl<'h> FnGen<'_, 'h> {
    /// Operators on values.
    pub fn operator(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        let mark = self.mark();
        match &expr.kind {
            ExprKind::Unary(op, value) => {
                let from = self.expr(value, None);
                self.reset(mark);
                let slot = self.target(dest);
                self.at(expr.span);
                let op = match op {
                    UnaryOp::Neg => Op::Neg,
                    UnaryOp::Not => Op::Not,
                    UnaryOp::Typeof => Op::Typeof,
                    UnaryOp::Truthy => Op::Truthy,
                };
                self.op(op, slot, from, 0);
                slot
            }
            ExprKind::Binary(op, a, b) => self.binary(*op, a, b, expr.span, dest),
            ExprKind::Chain(..) => {
                let slot = self.target(dest);
                let no = self.asm.label();
                let end = self.asm.label();
                self.condition(expr, no, false);
                self.special(slot, special::TRUE);
                self.jump(end);
                self.asm.bind(no);
                self.special(slot, special::FALSE);
                self.asm.bind(end);
                slot
            }
            ExprKind::And(a, b) | ExprKind::Or(a, b) => {
                let is_and = matches!(expr.kind, ExprKind::And(..));
                let slot = self.scratch(dest);
                let inner = self.mark();
                self.expr(a, Some(slot));
                let end = self.asm.label();
                let op = match (is_and, is_boolean(a)) {
                    (true, _) => Op::JF,
                    (false, true) => Op::JT,
                    (false, false) => Op::JOr,
                };
                self.asm.jump(Insn::new(op, slot, 0, 0), end);
                if is_boolean(a) {
                    self.branch(b, Some(slot));
                } else {
                    let region = self.enter(b);
                    let other = self.expr(b, None);
                    self.at(expr.span);
                    let op = if is_and { Op::BitAnd } else { Op::BitOr };
                    self.op(op, slot, slot, other);
                    self.leave(region);
                }
                self.asm.bind(end);
                self.reset(inner);
                self.settle(slot, dest)
            }
            other => unreachable!("not an operator: {other:?}"),
        }
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        a: &'h Expr,
        b: &'h Expr,
        span: Span,
        dest: Option<u16>,
    ) -> u16 {
        let mark = self.mark();
        if self.constant_first(op, a, b) {
            let from = self.expr(b, None);
            self.reset(mark);
            let slot = self.target(dest);
            self.at(span);
            self.with_constant_first(op, slot, a, from);
            return slot;
        }
        let from = self.operand(a, &[b]);
        self.combine(op, a, from, b, span, mark, dest)
    }

    /// `from op b`, where `a` is what `from` holds. Slots above `mark` are free afterwards.
    #[allow(clippy::too_many_arguments)]
    pub fn combine(
        &mut self,
        op: BinaryOp,
        a: &'h Expr,
        from: u16,
        b: &'h Expr,
        span: Span,
        mark: usize,
        dest: Option<u16>,
    ) -> u16 {
        if self.constant_last(op, b) {
            self.reset(mark);
            let slot = self.target(dest);
            self.at(span);
            let x = if is_variable(a) { note::VARIABLE } else { 0 };
            self.with_constant_last(op, slot, from, b, x);
            return slot;
        }
        let other = self.compared(op, b);
        self.reset(mark);
        let slot = self.target(dest);
        self.at(span);
        match is_exchanged(op) {
            true => self.op_x(plain(op), 1, slot, other, from),
            false => self.op(plain(op), slot, from, other),
        }
        slot
    }

    /// The right operand; numbers to compare with may be held in a slot already.
    fn compared(&mut self, op: BinaryOp, b: &'h Expr) -> u16 {
        match self.held_slot(b).filter(|_| is_comparison(op)) {
            Some(slot) => slot,
            None => self.expr(b, None),
        }
    }

    /// Whether the addition is made by an instruction that contains a constant.
    pub fn takes_constant(&self, a: &Expr, b: &Expr) -> bool {
        self.constant_last(BinaryOp::Add, b) || self.constant_first(BinaryOp::Add, a, b)
    }

    /// Whether `op` with the constant `b` on its right is one instruction.
    fn constant_last(&self, op: BinaryOp, b: &Expr) -> bool {
        use BinaryOp::*;
        match op {
            Add | Mul | Sub | Div => {
                let short = op != Div && self.short_constant(op, b).is_some();
                is_number(b) && (short || self.room_for_values())
            }
            Mod => immediate(b).is_some_and(|n| n != 0),
            _ => false,
        }
    }

    /// The immediate of an instruction for `… op b`.
    fn short_constant(&self, op: BinaryOp, b: &Expr) -> Option<i16> {
        let n = immediate(b)?;
        match op {
            // not 0: -0.0 - 0 is -0.0, but -0.0 + 0 is 0.0
            BinaryOp::Sub if n == 0 => None,
            BinaryOp::Sub => n.checked_neg(),
            _ => Some(n),
        }
    }

    fn with_constant_last(&mut self, op: BinaryOp, slot: u16, from: u16, b: &'h Expr, x: u8) {
        use BinaryOp::*;
        if let Some(n) = self.short_constant(op, b).filter(|_| op != Div) {
            let (op, x) = match op {
                Add => (Op::AddI, x),
                Sub => (Op::AddI, x | note::SUBTRACTION),
                Mul => (Op::MulI, x),
                _ => (Op::ModI, x),
            };
            return self.op_x(op, x, slot, from, n as u16);
        }
        let op = match op {
            Add => Op::AddK,
            Sub => Op::SubK,
            Mul => Op::MulK,
            _ => Op::DivK,
        };
        let entry = self.constant_entry(b);
        self.op_ref_x(op, x, slot, from, entry);
    }

    /// Whether `op` with the constant `a` on its left is one instruction. Not if both are
    /// constants: then the result (or the error) is that of the plain form.
    fn constant_first(&self, op: BinaryOp, a: &Expr, b: &Expr) -> bool {
        use BinaryOp::*;
        matches!(op, Add | Mul | Sub | Div)
            && is_number(a)
            && !is_number(b)
            && self.room_for_values()
    }

    fn with_constant_first(&mut self, op: BinaryOp, slot: u16, a: &'h Expr, from: u16) {
        use BinaryOp::*;
        match (op, immediate(a)) {
            (Add, Some(n)) => self.op_x(Op::AddI, note::EXCHANGED, slot, from, n as u16),
            (Mul, Some(n)) => self.op_x(Op::MulI, note::EXCHANGED, slot, from, n as u16),
            _ => {
                let entry = self.constant_entry(a);
                let (op, x) = match op {
                    Add => (Op::AddK, note::EXCHANGED),
                    Mul => (Op::MulK, note::EXCHANGED),
                    Sub => (Op::KSub, 0),
                    _ => (Op::KDiv, 0),
                };
                self.op_ref_x(op, x, slot, from, entry);
            }
        }
    }

    // Conditions

    /// Jumps forward to `label` if the truth of the expression is `sense`, else goes on.
    pub fn condition(&mut self, expr: &'h Expr, label: Label, sense: bool) {
        if let Some(truth) = truth(expr) {
            if truth == sense {
                self.jump(label);
            }
            return;
        }
        let mark = self.mark();
        match &expr.kind {
            ExprKind::Binary(op, a, b) if is_comparison(*op) => {
                self.compare(*op, a, b, expr.span, label, sense);
            }
            ExprKind::Unary(UnaryOp::Truthy, of) => self.condition(of, label, sense),
            ExprKind::Unary(UnaryOp::Not, of) if is_boolean(of) => {
                self.condition(of, label, !sense);
            }
            ExprKind::And(a, b) => self.both(a, b, label, sense),
            ExprKind::Or(a, b) if is_boolean(a) => self.either(a, b, label, sense),
            ExprKind::Or(a, b) => {
                // an int or bytes on the left is true, but the right side still runs
                let yes = self.asm.label();
                let from = self.operand(a, &[b]);
                self.asm.jump(Insn::new(Op::JOr, from, 0, 0), yes);
                self.enter(b); // until `mark`
                let other = self.operand(b, &[]);
                self.asm.jump(Insn::new(Op::JT, from, 0, 0), yes);
                let op = if sense { Op::JT } else { Op::JF };
                self.asm.jump(Insn::new(op, other, 0, 0), label);
                match sense {
                    true => {
                        let end = self.asm.label();
                        self.jump(end);
                        self.asm.bind(yes);
                        self.jump(label);
                        self.asm.bind(end);
                    }
                    false => self.asm.bind(yes),
                }
            }
            ExprKind::Chain(operands, ops) => self.chain(operands, ops, expr.span, label, sense),
            ExprKind::Seq(list) if !list.is_empty() => {
                let (last, before) = list.split_last().expect("checked");
                before.iter().for_each(|part| self.effect(part));
                self.condition(last, label, sense);
            }
            _ => {
                let from = self.expr(expr, None);
                let op = if sense { Op::JT } else { Op::JF };
                self.asm.jump(Insn::new(op, from, 0, 0), label);
            }
        }
        self.reset(mark);
    }

    fn both(&mut self, a: &'h Expr, b: &'h Expr, label: Label, sense: bool) {
        if !sense {
            self.condition(a, label, false);
            return self.second(b, label, false);
        }
        let no = self.asm.label();
        self.condition(a, no, false);
        self.second(b, label, true);
        self.asm.bind(no);
    }

    fn either(&mut self, a: &'h Expr, b: &'h Expr, label: Label, sense: bool) {
        if sense {
            self.condition(a, label, true);
            return self.second(b, label, true);
        }
        let yes = self.asm.label();
        self.condition(a, yes, true);
        self.second(b, label, false);
        self.asm.bind(yes);
    }

    /// The right side of `&&` or `||`, which has a region of its own.
    fn second(&mut self, expr: &'h Expr, label: Label, sense: bool) {
        let region = self.enter(expr);
        self.condition(expr, label, sense);
        self.leave(region);
    }

    fn compare(
        &mut self,
        op: BinaryOp,
        a: &'h Expr,
        b: &'h Expr,
        span: Span,
        label: Label,
        sense: bool,
    ) {
        use BinaryOp::*;
        if matches!(op, Eq | Ne) {
            let equal = (op == Eq) == sense;
            let jump = if equal { Op::JEqS } else { Op::JNeS };
            // on the right only nil: anything else is for the left operand's `==` to compare
            let right = special_of(b).filter(|value| *value == special::NIL);
            if let Some(value) = right {
                let from = self.expr(a, None);
                return self.asm.jump(Insn::new(jump, from, value, 0), label);
            }
            if let Some(value) = special_of(a) {
                let from = self.expr(b, None);
                return self.asm.jump(Insn::new(jump, from, value, 0), label);
            }
        }
        let from = self.operand(a, &[b]);
        if let Some(n) = immediate(b) {
            let jump = match (op, sense) {
                (Lt, true) => Op::JLtI,
                (Lt, false) => Op::JNLtI,
                (Le, true) => Op::JLeI,
                (Le, false) => Op::JNLeI,
                (Gt, true) => Op::JGtI,
                (Gt, false) => Op::JNGtI,
                (Ge, true) => Op::JGeI,
                (Ge, false) => Op::JNGeI,
                (Eq, true) | (Ne, false) => Op::JEqI,
                _ => Op::JNeI,
            };
            self.at(span);
            return self.asm.jump(Insn::new(jump, from, n as u16, 0), label);
        }
        let other = self.compared(op, b);
        self.at(span);
        self.compare_slots(op, from, other, label, sense);
    }

    fn compare_slots(&mut self, op: BinaryOp, a: u16, b: u16, label: Label, sense: bool) {
        use BinaryOp::*;
        let jump = match (op, sense) {
            (Lt | Gt, true) => Op::JLt,
            (Lt | Gt, false) => Op::JNLt,
            (Le | Ge, true) => Op::JLe,
            (Le | Ge, false) => Op::JNLe,
            (Eq, true) | (Ne, false) => Op::JEq,
            _ => Op::JNe,
        };
        let insn = match is_exchanged(op) {
            true => Insn {
                x: 1,
                ..Insn::new(jump, b, a, 0)
            },
            false => Insn::new(jump, a, b, 0),
        };
        self.asm.jump(insn, label);
    }

    fn chain(
        &mut self,
        operands: &'h [Expr],
        ops: &[BinaryOp],
        span: Span,
        label: Label,
        sense: bool,
    ) {
        let no = if sense { self.asm.label() } else { label };
        let later: Vec<&Expr> = operands.iter().skip(1).collect();
        // each operand has a region of its own, which ends with the caller's mark
        self.enter(&operands[0]);
        let mut from = self.operand(&operands[0], &later);
        for (at, (&op, operand)) in ops.iter().zip(&operands[1..]).enumerate() {
            self.enter(operand);
            let other = self.operand(operand, &later[(at + 1).min(later.len())..]);
            self.at(span);
            if sense && at + 1 == ops.len() {
                self.compare_slots(op, from, other, label, true);
            } else {
                self.compare_slots(op, from, other, no, false);
            }
            from = other;
        }
        if sense {
            self.asm.bind(no);
        }
    }

    /// Jumps back to `top` if the expression is true, else goes on.
    pub fn repeat_if(&mut self, expr: &'h Expr, top: Label) {
        if !self.asm.is_live() {
            return;
        }
        let mark = self.mark();
        let no = self.asm.label();
        match &expr.kind {
            _ if truth(expr).is_some() => {
                if truth(expr) == Some(true) {
                    self.jump_back(top);
                }
            }
            ExprKind::And(a, b) => {
                self.condition(a, no, false);
                let region = self.enter(b);
                self.repeat_if(b, top);
                self.leave(region);
            }
            ExprKind::Or(a, b) if is_boolean(a) => {
                self.repeat_if(a, top);
                let region = self.enter(b);
                self.repeat_if(b, top);
                self.leave(region);
            }
            ExprKind::Binary(op, a, b) if is_ordering(*op) || is_not_int(*op, b) => {
                self.repeat_if_compared(*op, a, b, expr.span, top);
            }
            ExprKind::Binary(BinaryOp::Eq | BinaryOp::Ne, ..)
            | ExprKind::Unary(UnaryOp::Not, _)
            | ExprKind::Chain(..)
            | ExprKind::Or(..) => {
                self.condition(expr, no, false);
                self.jump_back(top);
            }
            _ => {
                let from = self.expr(expr, None);
                self.asm.jump(Insn::new(Op::LoopT, from, 0, 0), top);
            }
        }
        self.asm.bind(no);
        self.reset(mark);
    }

    fn repeat_if_compared(
        &mut self,
        op: BinaryOp,
        a: &'h Expr,
        b: &'h Expr,
        span: Span,
        top: Label,
    ) {
        use BinaryOp::*;
        let from = self.operand(a, &[b]);
        if let Some(n) = immediate(b) {
            let jump = match op {
                Lt => Op::LoopLtI,
                Le => Op::LoopLeI,
                Gt => Op::LoopGtI,
                Ge => Op::LoopGeI,
                _ => Op::LoopNeI,
            };
            self.at(span);
            return self.asm.jump(Insn::new(jump, from, n as u16, 0), top);
        }
        let other = self.compared(op, b);
        self.at(span);
        let jump = match op {
            Lt | Gt => Op::LoopLt,
            _ => Op::LoopLe,
        };
        let insn = match is_exchanged(op) {
            true => Insn {
                x: 1,
                ..Insn::new(jump, other, from, 0)
            },
            false => Insn::new(jump, from, other, 0),
        };
        self.asm.jump(insn, top);
    }

    /// Loads a number that a loop compares with, so that its rounds need not.
    pub fn hold(&mut self, expr: &'h Expr) {
        let Some(key) = held_key(expr) else { return };
        if self.held.iter().any(|held| (held.0, held.1) == key) {
            return;
        }
        let slot = self.alloc();
        let entry = self.constant_entry(expr);
        self.load(slot, entry);
        self.held.push((key.0, key.1, slot));
    }

    pub fn held_slot(&self, expr: &Expr) -> Option<u16> {
        let key = held_key(expr)?;
        let found = self.held.iter().find(|held| (held.0, held.1) == key);
        found.map(|held| held.2)
    }
}

/// `x != 5`
fn is_not_int(op: BinaryOp, b: &Expr) -> bool {
    op == BinaryOp::Ne && immediate(b).is_some()
}

/// Bits and kind of a number that has no immediate form.
fn held_key(expr: &Expr) -> Option<(u64, bool)> {
    match expr.kind {
        ExprKind::Float(n) => Some((n.to_bits(), true)),
        ExprKind::Int(n) if i16::try_from(n).is_err() => Some((n as u64, false)),
        _ => None,
    }
}

/// The numbers without immediate form that the comparisons in a loop need, as far as the
/// loop's code is not in closures; at most `limit`.
pub(super) fn compared_numbers<'h>(expr: &'h Expr, found: &mut Vec<&'h Expr>, limit: usize) {
    if let ExprKind::Binary(op, _, b) = &expr.kind
        && is_comparison(*op)
        && found.len() < limit
    {
        let key = held_key(b);
        let known = found.iter().any(|other| held_key(other) == key);
        if key.is_some() && !known {
            found.push(b);
        }
    }
    crate::visit::parts(expr, &mut |part, _| compared_numbers(part, found, limit));
}

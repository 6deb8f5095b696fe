//! Loops, `try`, and the ways out of both.

use super::arith::{compared_numbers, immediate};
use super::asm::{Label, Ranges};
use super::func::{Entry, FnGen, is_leaf, special};
use crate::hir::*;
use gene_format::ops::{HEADER, Insn, Op};
use gene_format::program::FuncKind;
use gene_format::text::Span;

/// What lies around the code being compiled, outermost first. Who leaves does, from the
/// inside, what each asks for.
pub(super) enum Control<'h> {
    /// A loop.
    Loop {
        id: LoopId,
        break_to: Label,
        continue_to: Label,
        /// Where `break` puts its value.
        dest: Option<u16>,
    },
    /// A handler covers the code.
    Cover(Ranges),
    /// Runs before the code is left.
    Finally(&'h Expr),
    /// `$ex` to be restored from this slot.
    Exception(u16),
    /// Inside `finally`: exits that lead out of it are ignored.
    Ignore,
}

/// Numbers held in slots for comparisons while a loop runs.
const MAX_HELD: usize = 8;

/// Parts of a condition that is tested twice in the code, at the top and at the bottom.
const MAX_TWICE: usize = 16;

/// A loop that counts up a local as its last statement, then compares it.
struct Counted<'h> {
    counter: LocalId,
    /// Place of the addition.
    span: Span,
    or_equal: bool,
    bound: &'h Expr,
}

/// The parts of `a && b && c`, first to last.
fn conjuncts<'h>(condition: &'h Expr, out: &mut Vec<&'h Expr>) {
    match &condition.kind {
        ExprKind::And(a, b) => {
            conjuncts(a, out);
            conjuncts(b, out);
        }
        _ => out.push(condition),
    }
}

fn last_statement(body: &Expr) -> Option<&Expr> {
    match &body.kind {
        ExprKind::Seq(list) => last_statement(list.last()?),
        _ => Some(body),
    }
}

/// Nodes of an expression, counted up to the limit.
fn is_small(expr: &Expr, left: &mut usize) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    let mut small = !matches!(
        expr.kind,
        ExprKind::Closure(_) | ExprKind::Try { .. } | ExprKind::Loop(..) | ExprKind::While(..)
    );
    crate::visit::parts(expr, &mut |part, _| small = small && is_small(part, left));
    small
}

impl<'h> FnGen<'_, 'h> {
    // Ways out

    /// Undoes what lies above `depth`, runs `jump`, and goes on inside.
    fn exit(&mut self, depth: usize, jump: impl FnOnce(&mut Self)) {
        let mut left = Vec::new();
        while self.control.len() > depth {
            let mut control = self.control.pop().expect("longer than depth");
            match &mut control {
                Control::Cover(ranges) => self.asm.close(ranges),
                Control::Finally(body) => self.finally(body),
                Control::Exception(slot) => self.op(Op::LeaveEx, *slot, 0, 0),
                Control::Loop { .. } | Control::Ignore => {}
            }
            left.push(control);
        }
        jump(self);
        while let Some(mut control) = left.pop() {
            if let Control::Cover(ranges) = &mut control {
                self.asm.open(ranges);
            }
            self.control.push(control);
        }
    }

    /// A copy of a `finally` body.
    fn finally(&mut self, body: &'h Expr) {
        self.control.push(Control::Ignore);
        self.branch(body, None);
        self.control.pop();
    }

    /// Depth and targets of a loop; `None` inside a `finally` within it.
    fn find_loop(&self, id: LoopId) -> Option<(usize, Label, Label, Option<u16>)> {
        for (depth, control) in self.control.iter().enumerate().rev() {
            match control {
                Control::Loop {
                    id: found,
                    break_to,
                    continue_to,
                    dest,
                } if *found == id => return Some((depth, *break_to, *continue_to, *dest)),
                Control::Ignore => return None,
                _ => {}
            }
        }
        None
    }

    /// Where the statement jumps to, if it is nothing but a jump forward.
    pub fn plain_exit(&self, statement: &Expr) -> Option<Label> {
        let (id, is_break) = match &statement.kind {
            ExprKind::Seq(list) if list.len() == 1 => return self.plain_exit(&list[0]),
            ExprKind::Break(id, None) => (*id, true),
            ExprKind::Continue(id) => (*id, false),
            _ => return None,
        };
        let (depth, break_to, continue_to, dest) = self.find_loop(id)?;
        let is_loop = |control: &Control| matches!(control, Control::Loop { .. });
        let label = if is_break { break_to } else { continue_to };
        let is_plain = self.control[depth..].iter().all(is_loop)
            && !(is_break && dest.is_some())
            && !self.asm.is_bound(label);
        is_plain.then_some(label)
    }

    pub fn break_(&mut self, id: LoopId, value: Option<&'h Expr>) {
        let target = self.find_loop(id);
        match (value, target.and_then(|found| found.3)) {
            (Some(value), Some(dest)) => {
                self.expr(value, Some(dest));
            }
            (None, Some(dest)) => self.special(dest, special::NIL),
            (Some(value), None) => self.effect(value),
            (None, None) => {}
        }
        if let Some((depth, break_to, ..)) = target {
            self.exit(depth + 1, |this| this.jump(break_to));
        }
    }

    pub fn continue_(&mut self, id: LoopId) {
        if let Some((depth, _, continue_to, _)) = self.find_loop(id) {
            self.exit(depth + 1, |this| match this.asm.is_bound(continue_to) {
                true => this.jump_back(continue_to),
                false => this.jump(continue_to),
            });
        }
    }

    pub fn return_(&mut self, value: Option<&'h Expr>) {
        let is_ctor = self.function.kind == FuncKind::Ctor;
        let ignored = |control: &Control| matches!(control, Control::Ignore);
        let is_loop = |control: &Control| matches!(control, Control::Loop { .. });
        if self.control.iter().any(ignored) {
            if let Some(value) = value {
                self.effect(value);
            }
        } else if is_ctor {
            if let Some(value) = value {
                self.effect(value);
            }
            self.exit(0, |this| this.op(Op::Ret0, 0, 0, 0));
        } else if self.control.iter().all(is_loop)
            && let Some(value) = value
        {
            self.ret(value);
        } else {
            let slot = match value {
                Some(value) => self.expr(value, None),
                None => {
                    let slot = self.alloc();
                    self.special(slot, special::NIL);
                    slot
                }
            };
            // `finally` may assign the variable that is returned
            let is_finally = |control: &Control| matches!(control, Control::Finally(_));
            let may_change = self.control.iter().any(is_finally) && self.is_variable(slot);
            let slot = match may_change {
                true => {
                    let copy = self.alloc();
                    self.settle(slot, Some(copy))
                }
                false => slot,
            };
            self.exit(0, |this| this.ret_slot(slot));
        }
    }

    // Loops

    /// Loads the numbers that the loop compares with, if it is the outermost one.
    fn hold_numbers(&mut self, parts: &[&'h Expr]) {
        let in_loop = |control: &Control| matches!(control, Control::Loop { .. });
        if self.control.iter().any(in_loop) || !self.asm.is_live() {
            return;
        }
        let mut found = Vec::new();
        for part in parts {
            compared_numbers(part, &mut found, MAX_HELD);
        }
        for number in found {
            self.hold(number);
        }
    }

    fn end_loop(&mut self, mark: usize, held: usize) {
        self.held.truncate(held);
        self.reset(mark);
    }

    pub fn while_(&mut self, id: LoopId, condition: &'h Expr, body: &'h Expr) {
        let (mark, held) = (self.mark(), self.held.len());
        self.hold_numbers(&[condition, body]);
        let mut parts = Vec::new();
        conjuncts(condition, &mut parts);
        let break_to = self.asm.label();
        let continue_to = self.asm.label();
        let control = Control::Loop {
            id,
            break_to,
            continue_to,
            dest: None,
        };
        match self.counted(parts[0], body) {
            Some(counted) => {
                let bound = self.bound(&counted);
                self.condition(parts[0], break_to, false);
                let top = self.asm.label_here();
                for part in &parts[1..] {
                    self.condition(part, break_to, false);
                }
                self.control.push(control);
                let inner = self.enter(body);
                self.counted_body(body, &mut |this| {
                    this.count(&counted, bound, top);
                    this.jump(break_to);
                });
                self.leave(inner);
                self.control.pop();
                self.count(&counted, bound, top);
                if self.asm.is_used(continue_to) {
                    self.jump(break_to);
                    self.asm.bind(continue_to);
                    self.repeat_if(parts[0], top);
                }
            }
            None => {
                match is_small(condition, &mut { MAX_TWICE }) {
                    true => self.condition(condition, break_to, false),
                    false => self.jump(continue_to),
                }
                let top = self.asm.label_here();
                self.control.push(control);
                self.branch(body, None);
                self.control.pop();
                self.asm.bind(continue_to);
                self.repeat_if(condition, top);
            }
        }
        self.asm.bind(break_to);
        self.end_loop(mark, held);
    }

    /// Whether `first` compares a local that the body's last statement counts up.
    fn counted(&self, first: &'h Expr, body: &'h Expr) -> Option<Counted<'h>> {
        let (op, counter, bound) = match &first.kind {
            ExprKind::Binary(op @ (BinaryOp::Lt | BinaryOp::Le), a, bound) => match &a.kind {
                ExprKind::Var(Var::Local(local)) => (*op, *local, &**bound),
                _ => return None,
            },
            _ => return None,
        };
        let is_plain = |local: LocalId| !self.is_cell(local);
        let is_fixed = match &bound.kind {
            ExprKind::Var(Var::Local(local)) => *local != counter && is_plain(*local),
            ExprKind::Int(_) | ExprKind::Float(_) => true,
            _ => false,
        };
        let last = last_statement(body)?;
        let ExprKind::Set(Var::Local(assigned), value) = &last.kind else {
            return None;
        };
        let ExprKind::Binary(BinaryOp::Add, a, b) = &value.kind else {
            return None;
        };
        let counts = *assigned == counter
            && matches!(a.kind, ExprKind::Var(Var::Local(local)) if local == counter)
            && immediate(b) == Some(1);
        (is_plain(counter) && is_fixed && counts).then_some(Counted {
            counter,
            span: value.span,
            or_equal: op == BinaryOp::Le,
            bound,
        })
    }

    /// Slot of the bound, or `None` if the instruction contains it.
    fn bound(&mut self, counted: &Counted<'h>) -> Option<u16> {
        if immediate(counted.bound).is_some() && !counted.or_equal {
            return None;
        }
        match self.held_slot(counted.bound) {
            Some(slot) => Some(slot),
            None => Some(self.expr(counted.bound, None)),
        }
    }

    fn count(&mut self, counted: &Counted<'h>, bound: Option<u16>, top: Label) {
        let counter = self.slot_of(counted.counter);
        self.at(counted.span);
        let insn = match (bound, immediate(counted.bound)) {
            (Some(slot), _) if counted.or_equal => Insn::new(Op::ForLe, counter, slot, 0),
            (Some(slot), _) => Insn::new(Op::ForLt, counter, slot, 0),
            (None, n) => Insn::new(Op::ForLtI, counter, n.unwrap_or(0) as u16, 0),
        };
        self.asm.jump(insn, top);
    }

    /// The body without its last statement. If that leaves an `if` at the end, the way
    /// through its first branch gets a copy of what follows (`next`), which saves a jump.
    fn counted_body(&mut self, body: &'h Expr, next: &mut dyn FnMut(&mut Self)) {
        let ExprKind::Seq(list) = &body.kind else {
            return;
        };
        let Some((last, before)) = list.split_last() else {
            return;
        };
        if matches!(last.kind, ExprKind::Seq(_)) {
            before.iter().for_each(|part| self.effect(part));
            return self.counted_body(last, next);
        }
        let Some((end, before)) = before.split_last() else {
            return;
        };
        before.iter().for_each(|part| self.effect(part));
        match &end.kind {
            ExprKind::If(condition, then, otherwise)
                if !is_leaf(otherwise) && self.plain_exit(then).is_none() =>
            {
                let no = self.asm.label();
                self.condition(condition, no, false);
                self.branch(then, None);
                if !self.asm.is_used(no) {
                    return; // the condition is a constant
                }
                next(self);
                self.asm.bind(no);
                self.branch(otherwise, None);
            }
            _ => self.effect(end),
        }
    }

    pub fn loop_(&mut self, id: LoopId, body: &'h Expr, dest: Option<u16>) {
        let (mark, held) = (self.mark(), self.held.len());
        self.hold_numbers(&[body]);
        let break_to = self.asm.label();
        let top = self.asm.label_here();
        self.control.push(Control::Loop {
            id,
            break_to,
            continue_to: top,
            dest,
        });
        self.branch(body, None);
        self.control.pop();
        self.jump_back(top);
        self.asm.bind(break_to);
        self.end_loop(mark, held);
    }

    pub fn repeat(&mut self, id: LoopId, times: &'h Expr, body: &'h Expr, span: Span) {
        let (mark, held) = (self.mark(), self.held.len());
        let fixed = immediate(times);
        if fixed.is_some_and(|n| n <= 0) {
            return;
        }
        self.hold_numbers(&[body]);
        let break_to = self.asm.label();
        let continue_to = self.asm.label();
        let limit = match fixed {
            Some(_) => 0,
            None => {
                let limit = self.alloc();
                self.expr(times, Some(limit));
                limit
            }
        };
        let counter = self.alloc();
        self.op(Op::LoadI, counter, 0, 0);
        if fixed.is_none() {
            let is_nil = Insn::new(Op::JEqS, limit, special::NIL, 0);
            self.asm.jump(is_nil, break_to);
            self.at(span);
            self.asm
                .jump(Insn::new(Op::JNLt, counter, limit, 0), break_to);
        }
        let top = self.asm.label_here();
        self.control.push(Control::Loop {
            id,
            break_to,
            continue_to,
            dest: None,
        });
        self.branch(body, None);
        self.control.pop();
        self.asm.bind(continue_to);
        self.at(span);
        let step = match fixed {
            Some(n) => Insn::new(Op::ForLtI, counter, n as u16, 0),
            None => Insn::new(Op::ForLt, counter, limit, 0),
        };
        self.asm.jump(step, top);
        self.asm.bind(break_to);
        self.end_loop(mark, held);
    }

    /// ```text
    ///         IterInit state, collection -> next
    ///         state = (collection .iter)
    ///         Jmp next
    /// top:    body
    /// next:   IterNext state, value -> top; exhausted -> end
    ///         value = (state .next); not_found -> end
    ///         Loop top
    /// end:
    /// ```
    pub fn for_(
        &mut self,
        id: LoopId,
        coll: &'h Expr,
        key: Option<Option<LocalId>>,
        value: Option<LocalId>,
        body: &'h Expr,
        span: Span,
    ) {
        let (mark, held) = (self.mark(), self.held.len());
        self.hold_numbers(&[body]);
        let state = self.alloc_run(2);
        let break_to = self.asm.label();
        let next = self.asm.label();
        let inner = self.mark();
        let from = self.expr(coll, None);
        if !self.asm.is_live() {
            return self.end_loop(mark, held);
        }
        self.at(coll.span);
        self.asm.jump(Insn::new(Op::IterInit, state, from, 0), next);
        self.iteration_call("iter", from, Some(state));
        self.reset(inner);
        self.jump(next);

        let pair = key.is_some();
        let item = self.alloc_run(1 + usize::from(pair));
        let parts = [key.flatten(), value];
        let slots = match pair {
            true => [item, item + 1],
            false => [item, item],
        };
        let top = self.asm.label_here();
        // reached by the jumps below
        self.asm.revive();
        let body_mark = self.mark();
        let mut direct = Vec::new();
        for (local, slot) in parts.into_iter().zip(slots) {
            match local {
                Some(local) if !self.is_cell(local) => direct.push((local, slot)),
                _ => {}
            }
        }
        self.enter_with(body, &direct);
        for (local, slot) in parts.into_iter().zip(slots) {
            match local {
                Some(local) if self.is_cell(local) => self.bind(local, slot),
                _ => {}
            }
        }
        self.control.push(Control::Loop {
            id,
            break_to,
            continue_to: next,
            dest: None,
        });
        self.effect(body);
        self.control.pop();
        self.reset(body_mark);
        self.forget_variables(&slots);

        self.asm.bind(next);
        self.at(span);
        let op = if pair { Op::IterNext2 } else { Op::IterNext };
        self.asm
            .jump_pair(Insn::new(op, state, item, 0), top, break_to);
        let method = if pair { "next_pair" } else { "next" };
        let found = self.iteration_call(method, state, None);
        let is_end = Insn::new(Op::JEqS, found, special::NOT_FOUND, 0);
        self.asm.jump(is_end, break_to);
        match pair {
            true => {
                self.op(Op::GetI, item, found, 0);
                self.op(Op::GetI, item + 1, found, 1);
            }
            false => {
                self.settle(found, Some(item));
            }
        }
        self.jump_back(top);
        self.asm.bind(break_to);
        self.end_loop(mark, held);
    }

    /// Calls a method of the iteration protocol without arguments.
    fn iteration_call(&mut self, name: &'h str, receiver: u16, dest: Option<u16>) -> u16 {
        let window = self.window(None);
        let argument = self.alloc();
        debug_assert_eq!(usize::from(argument), usize::from(window) + HEADER);
        self.settle(receiver, Some(argument));
        let name = self.gen_.pool.string(name);
        let entry = Entry::Method {
            name,
            argc: 1,
            keys: None,
        };
        self.op_ref(Op::CallM, window, 1, entry);
        self.settle(window, dest)
    }

    // Exceptions

    /// `try`. The body's exceptions lead to the clauses; what leaves body or clauses by an
    /// exception leads to a copy of `finally`, and so does every other way out.
    pub fn try_(&mut self, expr: &'h Expr, dest: Option<u16>) {
        let ExprKind::Try {
            body,
            catches,
            finally,
        } = &expr.kind
        else {
            unreachable!("not a try: {expr:?}");
        };
        let mark = self.mark();
        let caught = self.alloc();
        if let Some(finally) = finally {
            self.control.push(Control::Finally(finally));
            self.cover();
        }
        let after = self.asm.label();
        if catches.is_empty() {
            self.branch(body, dest);
        } else {
            self.cover();
            self.branch(body, dest);
            let ranges = self.uncover();
            self.jump(after);
            if self.asm.handler(&ranges, caught, false) {
                self.catches(catches, caught, after, dest, expr.span);
            }
        }
        self.asm.bind(after);
        if let Some(finally) = finally {
            let ranges = self.uncover();
            self.control.pop();
            self.finally(finally);
            let end = self.asm.label();
            self.jump(end);
            if self.asm.handler(&ranges, caught, true) {
                self.finally(finally);
                self.op(Op::Rethrow, caught, 0, 0);
            }
            self.asm.bind(end);
        }
        self.reset(mark);
    }

    fn cover(&mut self) {
        let mut ranges = Ranges::default();
        self.asm.open(&mut ranges);
        self.control.push(Control::Cover(ranges));
    }

    fn uncover(&mut self) -> Ranges {
        match self.control.pop() {
            Some(Control::Cover(mut ranges)) => {
                self.asm.close(&mut ranges);
                ranges
            }
            _ => unreachable!("pushed by cover"),
        }
    }

    /// The clauses. An exception in one restores `$ex` before it goes outwards.
    fn catches(
        &mut self,
        catches: &'h [Catch],
        caught: u16,
        after: Label,
        dest: Option<u16>,
        span: Span,
    ) {
        let saved = self.alloc();
        self.op(Op::EnterEx, saved, caught, 0);
        self.control.push(Control::Exception(saved));
        self.cover();
        for clause in catches {
            let next = self.asm.label();
            if let Some(class) = &clause.class {
                let mark = self.mark();
                let region = self.enter(class);
                let class_slot = self.expr(class, None);
                let is = self.alloc();
                self.at(class.span);
                self.op(Op::CatchIs, is, caught, class_slot);
                self.leave(region);
                self.reset(mark);
                self.asm.jump(Insn::new(Op::JF, is, 0, 0), next);
            }
            let mark = self.enter(&clause.body);
            if let Some(local) = clause.bind {
                self.bind(local, caught);
            }
            match dest {
                Some(slot) => {
                    self.expr(&clause.body, Some(slot));
                }
                None => self.effect(&clause.body),
            }
            self.leave(mark);
            self.op(Op::LeaveEx, saved, 0, 0);
            self.jump(after);
            self.asm.bind(next);
        }
        self.op(Op::LeaveEx, saved, 0, 0);
        self.at(span);
        self.op(Op::Rethrow, caught, 0, 0);
        let ranges = self.uncover();
        self.control.pop();
        let failed = self.alloc();
        if self.asm.handler(&ranges, failed, true) {
            self.op(Op::LeaveEx, saved, 0, 0);
            self.op(Op::Rethrow, failed, 0, 0);
        }
    }
}

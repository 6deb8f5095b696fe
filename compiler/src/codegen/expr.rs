//! Expressions: a value in a slot, an effect alone, or the function's result.

use super::func::{Entry, FnGen, special};
use crate::hir::*;
use gene_format::ops::{Insn, Op};
use gene_format::program::FuncId;

impl<'h> FnGen<'_, 'h> {
    /// Evaluates the expression; gives the slot that holds the value. With `dest` that is
    /// `dest`; without, it may be a variable's own slot, which the caller must not write.
    ///
    /// A `dest` that is a variable is written by the last instruction only, one that cannot
    /// fail after it has written. No slot above the value's stays in use, so that what lies
    /// in consecutive slots does.
    pub fn expr(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        let mark = self.mark();
        let slot = self.evaluate(expr, dest);
        match dest {
            Some(_) => self.reset(mark),
            None => self.keep(mark, slot),
        }
        slot
    }

    fn evaluate(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        match &expr.kind {
            ExprKind::Nil
            | ExprKind::Void
            | ExprKind::NotFound
            | ExprKind::Placeholder
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Data(_)
            | ExprKind::Selector(_)
            | ExprKind::Builtin(_) => self.constant(expr, dest),
            ExprKind::Var(var) => {
                self.at(expr.span);
                self.read(var, dest)
            }
            ExprKind::Set(var, value) => {
                let slot = self.set(expr, var, value);
                self.settle(slot, dest)
            }
            ExprKind::Declare(local, init) => {
                let slot = self.declare(*local, init.as_deref());
                self.settle(slot, dest)
            }
            ExprKind::Seq(list) => match list.split_last() {
                Some((last, before)) => {
                    before.iter().for_each(|part| self.effect(part));
                    self.expr(last, dest)
                }
                None => {
                    let slot = self.target(dest);
                    self.special(slot, special::NIL);
                    slot
                }
            },
            ExprKind::If(condition, then, otherwise) => {
                let slot = self.target(dest);
                self.if_(condition, then, otherwise, Some(slot));
                slot
            }
            ExprKind::Loop(id, body) => {
                let slot = self.scratch(dest);
                self.loop_(*id, body, Some(slot));
                self.settle(slot, dest)
            }
            ExprKind::Try { .. } => {
                let slot = self.scratch(dest);
                self.try_(expr, Some(slot));
                self.settle(slot, dest)
            }
            ExprKind::While(..)
            | ExprKind::Repeat(..)
            | ExprKind::For { .. }
            | ExprKind::Yield(_)
            | ExprKind::DefField(..) => {
                let slot = self.target(dest);
                self.effect(expr);
                self.special(slot, special::NIL);
                slot
            }
            ExprKind::Break(..) | ExprKind::Continue(_) | ExprKind::Return(_) => {
                let slot = self.target(dest);
                self.effect(expr);
                // reached only where `finally` ignores them
                self.special(slot, special::NIL);
                slot
            }
            ExprKind::Throw(_) | ExprKind::Fail(_) => {
                let slot = self.target(dest);
                self.effect(expr);
                slot
            }
            ExprKind::Call(..)
            | ExprKind::MethodCall(..)
            | ExprKind::DynamicCall(..)
            | ExprKind::SuperCall(..)
            | ExprKind::New(..) => self.call(expr, dest),
            ExprKind::Unary(..)
            | ExprKind::Binary(..)
            | ExprKind::Chain(..)
            | ExprKind::And(..)
            | ExprKind::Or(..) => self.operator(expr, dest),
            ExprKind::Get(_)
            | ExprKind::GetOr(..)
            | ExprKind::SetPlace(..)
            | ExprKind::UpdatePlace(..)
            | ExprKind::Assert(_)
            | ExprKind::Default(..) => self.path(expr, dest),
            ExprKind::Concat(_)
            | ExprKind::Interp(_)
            | ExprKind::Array(_)
            | ExprKind::Map(_)
            | ExprKind::Gene(..)
            | ExprKind::Seal(_)
            | ExprKind::Range(..) => self.collection(expr, dest),
            _ => self.simple(expr, dest),
        }
    }

    /// What remains: definitions and single instructions.
    fn simple(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        let mark = self.mark();
        match &expr.kind {
            ExprKind::Namespace => {
                let slot = self.target(dest);
                self.op(Op::GetNs, slot, 0, 0);
                slot
            }
            ExprKind::Exception => {
                let slot = self.target(dest);
                self.op(Op::GetEx, slot, 0, 0);
                slot
            }
            ExprKind::Closure(id) => {
                let slot = self.target(dest);
                self.closure(*id, slot);
                slot
            }
            ExprKind::NewClass(name, parent) | ExprKind::NewNamespace(name, parent) => {
                let is_class = matches!(expr.kind, ExprKind::NewClass(..));
                let from = match parent {
                    Some(parent) => self.expr(parent, None),
                    None => {
                        let nil = self.alloc();
                        self.special(nil, special::NIL);
                        nil
                    }
                };
                self.reset(mark);
                let slot = self.target(dest);
                let name = self.name(name);
                self.at(expr.span);
                let op = if is_class { Op::Class } else { Op::Ns };
                self.op_ref(op, slot, from, name);
                slot
            }
            ExprKind::DefMethod(class, method, closure) => {
                let class = self.operand(class, &[closure]);
                let closure = self.expr(closure, None);
                let (kind, name) = &**method;
                let kind = match kind {
                    MethodKind::Method => 0,
                    MethodKind::Ctor => 1,
                    MethodKind::Missing => 2,
                };
                let name = self.name(name);
                self.at(expr.span);
                self.op_ref_x(Op::DefMethod, kind, class, closure, name);
                self.settle(closure, dest)
            }
            ExprKind::CheckType(value, check) => {
                let slot = self.scratch(dest);
                self.expr(value, Some(slot));
                self.at(expr.span);
                self.check(slot, check);
                self.settle(slot, dest)
            }
            ExprKind::Await(value) => {
                let from = self.expr(value, None);
                self.reset(mark);
                let slot = self.target(dest);
                self.at(expr.span);
                self.op(Op::Await, slot, from, 0);
                slot
            }
            other => unreachable!("handled by its kind: {other:?}"),
        }
    }

    /// Frees what lies above the slot, but not the slot.
    pub fn keep(&mut self, mark: usize, slot: u16) {
        self.reset(mark.max(usize::from(slot) + 1));
    }

    /// Evaluates for the effect alone.
    pub fn effect(&mut self, expr: &'h Expr) {
        if !self.asm.is_live() {
            return;
        }
        let mark = self.mark();
        match &expr.kind {
            ExprKind::Nil
            | ExprKind::Void
            | ExprKind::NotFound
            | ExprKind::Placeholder
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Data(_)
            | ExprKind::Selector(_)
            | ExprKind::Builtin(_)
            | ExprKind::Namespace
            | ExprKind::Exception
            | ExprKind::Closure(_)
            | ExprKind::Var(Var::Local(_) | Var::Capture(_) | Var::Global(_)) => {}
            ExprKind::Seq(list) => list.iter().for_each(|part| self.effect(part)),
            ExprKind::If(condition, then, otherwise) => {
                self.if_(condition, then, otherwise, None);
            }
            ExprKind::While(id, condition, body) => self.while_(*id, condition, body),
            ExprKind::Loop(id, body) => self.loop_(*id, body, None),
            ExprKind::Repeat(id, count, body) => self.repeat(*id, count, body, expr.span),
            ExprKind::For {
                id,
                coll,
                key,
                value,
                body,
            } => self.for_(*id, coll, *key, *value, body, expr.span),
            ExprKind::Try { .. } => self.try_(expr, None),
            ExprKind::Break(id, value) => self.break_(*id, value.as_deref()),
            ExprKind::Continue(id) => self.continue_(*id),
            ExprKind::Return(value) => self.return_(value.as_deref()),
            ExprKind::Throw(value) => {
                let from = self.expr(value, None);
                self.at(expr.span);
                self.op(Op::Throw, from, 0, 0);
            }
            ExprKind::Fail(message) => {
                let message = self.name(message);
                self.at(expr.span);
                self.op_ref(Op::Fail, 0, 0, message);
            }
            ExprKind::Yield(value) => {
                let from = self.expr(value, None);
                self.at(expr.span);
                self.op(Op::Yield, from, 0, 0);
            }
            ExprKind::DefField(class, check, readonly) => {
                let class = self.expr(class, None);
                let check = Entry::Const(self.gen_.pool.check(check));
                self.at(expr.span);
                self.op_ref_x(Op::DefField, u8::from(*readonly), class, 0, check);
            }
            ExprKind::Chain(..) | ExprKind::Unary(UnaryOp::Truthy, _) => {
                let end = self.asm.label();
                self.condition(expr, end, true);
                self.asm.bind(end);
            }
            ExprKind::And(a, b) if super::arith::is_boolean(a) => {
                let end = self.asm.label();
                self.condition(a, end, false);
                self.branch(b, None);
                self.asm.bind(end);
            }
            ExprKind::Or(a, b) if super::arith::is_boolean(a) => {
                let end = self.asm.label();
                self.condition(a, end, true);
                self.branch(b, None);
                self.asm.bind(end);
            }
            _ => {
                self.expr(expr, None);
            }
        }
        self.reset(mark);
    }

    /// Evaluates the expression as the function's result.
    pub fn ret(&mut self, expr: &'h Expr) {
        if !self.asm.is_live() {
            return;
        }
        let mark = self.mark();
        match &expr.kind {
            _ if self.result_check().is_some() => {
                let slot = self.expr(expr, None);
                self.ret_slot(slot);
            }
            ExprKind::Seq(list) if !list.is_empty() => {
                let (last, before) = list.split_last().expect("checked");
                before.iter().for_each(|part| self.effect(part));
                self.ret(last);
            }
            ExprKind::If(condition, then, otherwise) => {
                let no = self.asm.label();
                self.condition(condition, no, false);
                let inner = self.enter(then);
                self.ret(then);
                self.leave(inner);
                self.asm.bind(no);
                let inner = self.enter(otherwise);
                self.ret(otherwise);
                self.leave(inner);
            }
            ExprKind::Call(..) | ExprKind::MethodCall(..) if self.tail_calls => {
                self.tail_call(expr);
            }
            ExprKind::Nil => self.op(Op::RetNil, 0, 0, 0),
            ExprKind::Seq(_)
            | ExprKind::While(..)
            | ExprKind::Repeat(..)
            | ExprKind::For { .. }
            | ExprKind::DefField(..)
            | ExprKind::Yield(_)
            | ExprKind::Break(..)
            | ExprKind::Continue(_) => {
                self.effect(expr);
                self.op(Op::RetNil, 0, 0, 0);
            }
            ExprKind::Return(_) | ExprKind::Throw(_) | ExprKind::Fail(_) => self.effect(expr),
            ExprKind::Int(n) if i16::try_from(*n).is_ok() => {
                self.op(Op::RetI, 0, *n as u16, 0);
            }
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Data(_)
            | ExprKind::Bool(_)
                if self.room_for_values() =>
            {
                let entry = self.constant_entry(expr);
                self.op_ref(Op::RetK, 0, 0, entry);
            }
            ExprKind::Binary(BinaryOp::Add, a, b) if !self.takes_constant(a, b) => {
                let from = self.operand(a, &[b]);
                let other = self.expr(b, None);
                self.at(expr.span);
                self.op(Op::RetAdd, 0, from, other);
            }
            _ => {
                let slot = self.expr(expr, None);
                self.ret_slot(slot);
            }
        }
        self.reset(mark);
    }

    /// Returns a value, checked as the function says.
    pub fn ret_slot(&mut self, slot: u16) {
        if let Some(check) = self.result_check() {
            self.at(self.function.body.span);
            self.check(slot, check);
        }
        // its own opcode for the first slot: returns are told apart by the branch predictor
        let op = if slot == 0 { Op::Ret0 } else { Op::Ret };
        self.op(op, slot, 0, 0);
    }

    /// `if`: with `dest` the value goes there.
    fn if_(&mut self, condition: &'h Expr, then: &'h Expr, otherwise: &'h Expr, dest: Option<u16>) {
        let no = self.asm.label();
        if dest.is_none()
            && let Some(target) = self.plain_exit(then)
        {
            self.condition(condition, target, true);
            return self.branch(otherwise, None);
        }
        self.condition(condition, no, false);
        self.branch(then, dest);
        if dest.is_none() && super::func::is_leaf(otherwise) {
            self.asm.bind(no);
            return;
        }
        if !self.asm.is_used(no) {
            return; // the condition is a constant
        }
        let end = self.asm.label();
        self.jump(end);
        self.asm.bind(no);
        self.branch(otherwise, dest);
        self.asm.bind(end);
    }

    /// A part with a region of its own.
    pub fn branch(&mut self, body: &'h Expr, dest: Option<u16>) {
        if !self.asm.is_live() {
            return;
        }
        let mark = self.enter(body);
        match dest {
            Some(slot) => {
                self.expr(body, Some(slot));
            }
            None => self.effect(body),
        }
        self.leave(mark);
    }

    /// The table entry of a constant.
    pub fn constant_entry(&mut self, expr: &'h Expr) -> Entry {
        let pool = &mut self.gen_.pool;
        match &expr.kind {
            ExprKind::Bool(value) => Entry::Const(pool.bool(*value)),
            ExprKind::Int(n) => Entry::Const(pool.int(*n)),
            ExprKind::Float(n) => Entry::Const(pool.float(*n)),
            ExprKind::Str(text) => Entry::Const(pool.text(text)),
            ExprKind::Data(form) => Entry::Const(pool.data(form)),
            ExprKind::Selector(parts) => Entry::Const(pool.selector(parts)),
            ExprKind::Builtin(name) => Entry::Builtin(pool.string(name)),
            other => unreachable!("not a constant of the table: {other:?}"),
        }
    }

    fn constant(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        let slot = self.target(dest);
        match &expr.kind {
            ExprKind::Int(n) if i16::try_from(*n).is_ok() => {
                self.op(Op::LoadI, slot, *n as u16, 0);
            }
            _ => match special_of(expr) {
                Some(value) => self.special(slot, value),
                None => {
                    let entry = self.constant_entry(expr);
                    self.load(slot, entry);
                }
            },
        }
        slot
    }

    /// The table entry through which a global is read.
    pub fn global(&self, id: GlobalId) -> Entry {
        let hir = self.gen_.hir;
        let global = &hir.globals[id.index()];
        match global.func {
            Some(func) if !global.assigned && hir.home(id).is_none() => Entry::Func(FuncId(func.0)),
            _ => Entry::Global(id),
        }
    }

    /// Whether a global is a cell, which other images read and assign too.
    pub fn is_shared(&self, id: GlobalId) -> bool {
        let home = self.gen_.hir.home(id);
        matches!(
            home,
            Some(Home::Shared | Home::Imported { shared: true, .. })
        )
    }

    fn read(&mut self, var: &'h Var, dest: Option<u16>) -> u16 {
        match var {
            Var::Local(local) => {
                let slot = self.slot_of(*local);
                if self.is_cell(*local) {
                    let to = self.target(dest);
                    self.op(Op::GetCell, to, slot, 0);
                    return to;
                }
                self.settle(slot, dest)
            }
            Var::Capture(id) => {
                let to = self.target(dest);
                let cell = self.function.captures[id.index()].cell;
                let op = if cell { Op::GetUpCell } else { Op::GetUp };
                self.op(op, to, id.0 as u16, 0);
                to
            }
            Var::Global(id) if self.is_shared(*id) => {
                let to = self.target(dest);
                let mark = self.mark();
                let cell = self.alloc();
                self.load(cell, Entry::Global(*id));
                self.op(Op::GetCell, to, cell, 0);
                self.reset(mark);
                to
            }
            Var::Global(id) => {
                let to = self.target(dest);
                let entry = self.global(*id);
                self.load(to, entry);
                to
            }
            Var::Name(name) | Var::GlobalMember(name) => {
                let to = self.target(dest);
                let entry = Entry::Name(self.gen_.pool.string(name));
                self.op_ref(Op::GetName, to, 0, entry);
                to
            }
        }
    }

    /// Assigns; gives the slot of the value.
    fn set(&mut self, expr: &'h Expr, var: &'h Var, value: &'h Expr) -> u16 {
        if let Var::Local(local) = var
            && !self.is_cell(*local)
        {
            let slot = self.slot_of(*local);
            let mark = self.mark();
            self.expr(value, Some(slot));
            self.reset(mark);
            return slot;
        }
        let from = self.expr(value, None);
        self.at(expr.span);
        match var {
            Var::Local(local) => {
                let slot = self.slot_of(*local);
                self.op(Op::SetCell, slot, from, 0);
            }
            Var::Capture(id) => self.op(Op::SetUpCell, from, id.0 as u16, 0),
            Var::Global(id) if self.is_shared(*id) => {
                let mark = self.mark();
                let cell = self.alloc();
                self.load(cell, Entry::Global(*id));
                self.op(Op::SetCell, cell, from, 0);
                self.reset(mark);
            }
            Var::Global(id) => self.op_ref(Op::SetG, from, 0, Entry::Global(*id)),
            Var::Name(name) | Var::GlobalMember(name) => {
                let x = u8::from(matches!(var, Var::GlobalMember(_)));
                let entry = Entry::Name(self.gen_.pool.string(name));
                self.op_ref_x(Op::SetName, x, from, 0, entry);
            }
        }
        from
    }

    /// Makes a closure; what it captures lies in slots of this function.
    pub fn closure(&mut self, id: FnId, slot: u16) {
        let hir = self.gen_.hir;
        let captures = hir.funcs[id.index()].captures.iter().map(|capture| {
            use gene_format::program::Capture;
            match capture.from {
                CaptureSource::Local(local) => Capture::Slot(self.slot_of(local)),
                CaptureSource::Capture(capture) => Capture::Outer(capture.0 as u16),
            }
        });
        let captures = captures.collect();
        let func = self.gen_.closure(id, captures);
        let insn = Insn::new(Op::Closure, slot, 0, 0).with_wide(func.0);
        self.asm.emit(insn);
    }
}

/// Number of the constant in `ops::SPECIALS`.
pub(super) fn special_of(expr: &Expr) -> Option<u16> {
    Some(match &expr.kind {
        ExprKind::Nil => special::NIL,
        ExprKind::Bool(false) => special::FALSE,
        ExprKind::Void => special::VOID,
        ExprKind::Bool(true) => special::TRUE,
        ExprKind::NotFound => special::NOT_FOUND,
        ExprKind::Placeholder => special::PLACEHOLDER,
        _ => return None,
    })
}

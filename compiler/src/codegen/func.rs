//! One function: slots, references into the table, and the steps all expressions share.

use super::asm::{Asm, Label};
use super::control::Control;
use super::scan::{Plan, scan};
use super::{Gen, receiver_slots};
use crate::hash::FastMap;
use crate::hir::*;
use gene_format::ops::{HEADER, Insn, MAX_FRAME, Op};
use gene_format::program::{ConstId, FuncId, FuncKind, StrId};
use gene_format::text::Span;

/// Number of a value in `ops::SPECIALS`.
pub(super) mod special {
    pub const NIL: u16 = 0;
    pub const FALSE: u16 = 1;
    pub const VOID: u16 = 2;
    pub const TRUE: u16 = 3;
    pub const NOT_FOUND: u16 = 4;
    pub const PLACEHOLDER: u16 = 5;
}

/// Words of caches that a function may use before sites with the same name share one.
const SHARE_CACHES_ABOVE: usize = 8_192;

/// References that must be near before constants are loaded instead of named by the
/// instruction: keeps room for the names and caches that have no other way.
const NEAR_VALUES: usize = 32_768;

/// Entries of a map above which it is not reused for the next function.
const ROOMY: usize = 256;

/// What a table operand stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Entry {
    Const(ConstId),
    Global(GlobalId),
    Builtin(StrId),
    Func(FuncId),
    Field(StrId),
    Store(StrId),
    Method {
        name: StrId,
        argc: u16,
        keys: Option<ConstId>,
    },
    Name(StrId),
}

impl Entry {
    /// Words of the table it takes.
    pub fn words(self) -> usize {
        match self {
            Entry::Method { .. } | Entry::Store(_) => 4,
            Entry::Field(_) | Entry::Name(_) => 2,
            _ => 1,
        }
    }

    fn is_cache(self) -> bool {
        self.words() > 1
    }
}

/// A table entry that a function uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    pub entry: Entry,
    /// Some instruction reaches it with 16 bits only.
    pub near: bool,
}

/// What a slot above the arguments is used for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct SlotState {
    /// Holds a variable of the source: half-finished values must not show in it.
    variable: bool,
    /// An operand read from it must be copied while later operands are evaluated.
    hazard: bool,
}

/// Memory that one function's generator hands to the next.
#[derive(Default)]
pub(super) struct Scratch {
    pub asm: Asm,
    pub refs: Vec<Reference>,
    known: FastMap<Entry, u32>,
    plan: Plan,
    slots: Vec<SlotState>,
    local_slots: Vec<u16>,
}

/// Generates the code of one function.
pub(super) struct FnGen<'g, 'h> {
    pub gen_: &'g mut Gen<'h>,
    pub function: &'h Function,
    pub asm: Asm,
    pub refs: Vec<Reference>,
    known: FastMap<Entry, u32>,
    cache_words: usize,
    near_values: usize,
    plan: Plan,
    slots: Vec<SlotState>,
    frame: usize,
    local_slots: Vec<u16>,
    pub control: Vec<Control<'h>>,
    /// Numbers that loops compare with, held in slots while the outermost loop runs.
    pub held: Vec<(u64, bool, u16)>,
    /// Globals may be out of reach of 16 bits.
    pub far_globals: bool,
    /// Calls in tail position reuse the frame.
    pub tail_calls: bool,
    pub overflow: bool,
}

/// Slot of a local that has none yet.
const NO_SLOT: u16 = u16::MAX;

impl<'g, 'h> FnGen<'g, 'h> {
    pub fn new(gen_: &'g mut Gen<'h>, function: &'h Function, far_globals: bool) -> Self {
        let mut scratch = std::mem::take(&mut gen_.scratch);
        scratch.asm.clear();
        scratch.refs.clear();
        if scratch.known.capacity() > ROOMY {
            scratch.known = FastMap::default(); // clearing takes time by capacity
        }
        scratch.known.clear();
        scratch.slots.clear();
        scratch.local_slots.clear();
        scratch.local_slots.resize(function.locals.len(), NO_SLOT);
        scan(gen_.hir, function, &mut scratch.plan);
        let plain = matches!(
            function.kind,
            FuncKind::Function | FuncKind::Method | FuncKind::Block | FuncKind::Thunk
        );
        FnGen {
            gen_,
            function,
            asm: scratch.asm,
            refs: scratch.refs,
            known: scratch.known,
            cache_words: 0,
            near_values: 0,
            plan: scratch.plan,
            slots: scratch.slots,
            frame: 0,
            local_slots: scratch.local_slots,
            control: Vec::new(),
            held: Vec::new(),
            far_globals,
            tail_calls: plain
                && !function.generator
                && !function.is_async
                && (function.result.is_none() || function.checks_result),
            overflow: false,
        }
    }

    /// Gives the memory back; slots of the frame.
    pub fn done(self) -> usize {
        self.gen_.scratch = Scratch {
            asm: self.asm,
            refs: self.refs,
            known: self.known,
            plan: self.plan,
            slots: self.slots,
            local_slots: self.local_slots,
        };
        self.frame.max(1)
    }

    pub fn frame(&self) -> usize {
        self.frame.max(1)
    }

    /// Whether expressions nest too deep to be compiled.
    pub fn is_too_deep(&self) -> bool {
        self.plan.too_deep
    }

    /// The whole code.
    pub fn run(&mut self) {
        let function = self.function;
        let receiver = receiver_slots(function.kind);
        for local in 0..receiver + function.params.len() {
            let slot = self.alloc();
            self.set_slot(LocalId(local as u32), slot);
        }
        self.asm.at(function.span);
        let mark = self.enter(&function.body);
        for (at, param) in function.params.iter().enumerate() {
            self.param(param, LocalId((receiver + at) as u32));
        }
        if receiver == 1 && function.locals[0].cell {
            self.op(Op::NewCell, 0, 0, 0);
        }
        match function.kind {
            FuncKind::Ctor => {
                self.effect(&function.body);
                self.op(Op::Ret0, 0, 0, 0);
            }
            _ => self.ret(&function.body),
        }
        self.leave(mark);
    }

    /// Default, check and cell of a parameter.
    fn param(&mut self, param: &'h Param, local: LocalId) {
        let slot = self.slot_of(local);
        if let Some(default) = &param.default {
            let given = self.asm.label();
            self.asm.jump(Insn::new(Op::JDef, slot, 0, 0), given);
            let mark = self.mark();
            self.expr(default, Some(slot));
            self.reset(mark);
            self.asm.bind(given);
            self.asm.at(self.function.span);
        }
        if let Some(check) = &param.check {
            self.check(slot, check);
        }
        if self.function.locals[local.index()].cell {
            self.op(Op::NewCell, slot, slot, 0);
        }
    }

    // Slots

    /// A fresh slot above all that are in use.
    pub fn alloc(&mut self) -> u16 {
        let slot = self.slots.len();
        self.slots.push(SlotState::default());
        if self.slots.len() > self.frame {
            self.frame = self.slots.len();
        }
        if self.frame > MAX_FRAME {
            // reported at the end of the function; goes on in bounds
            self.overflow = true;
            self.slots.truncate(MAX_FRAME);
            self.frame = MAX_FRAME;
            return MAX_FRAME as u16 - 1;
        }
        slot as u16
    }

    /// Several consecutive ones; the first.
    pub fn alloc_run(&mut self, count: usize) -> u16 {
        let first = self.slots.len() as u16;
        for _ in 0..count {
            self.alloc();
        }
        first
    }

    /// A fresh slot, except that `dest` itself is used if half-finished values may show in it.
    pub fn scratch(&mut self, dest: Option<u16>) -> u16 {
        match dest {
            Some(slot) if !self.is_variable(slot) => slot,
            _ => self.alloc(),
        }
    }

    /// `dest`, or a fresh slot: for values written by one instruction that cannot fail after.
    pub fn target(&mut self, dest: Option<u16>) -> u16 {
        dest.unwrap_or_else(|| self.alloc())
    }

    /// Moves a value to where it is wanted.
    pub fn settle(&mut self, from: u16, dest: Option<u16>) -> u16 {
        match dest {
            Some(to) if to != from => {
                self.op(Op::Move, to, from, 0);
                to
            }
            _ => from,
        }
    }

    pub fn mark(&self) -> usize {
        self.slots.len()
    }

    /// Frees all slots above the mark.
    pub fn reset(&mut self, mark: usize) {
        self.slots.truncate(mark);
    }

    /// Where a call window begins: at `dest` if that is the topmost slot and free to use, so
    /// that the result needs no move.
    pub fn window(&mut self, dest: Option<u16>) -> u16 {
        let base = match dest {
            Some(slot) if usize::from(slot) + 1 == self.slots.len() && !self.is_variable(slot) => {
                slot
            }
            _ => self.alloc(),
        };
        self.alloc_run(HEADER - 1);
        base
    }

    pub fn is_variable(&self, slot: u16) -> bool {
        self.slots
            .get(usize::from(slot))
            .is_some_and(|state| state.variable)
    }

    /// The value of an operand, in a slot that stays as it is while later operands run.
    pub fn operand(&mut self, expr: &'h Expr, later: &[&'h Expr]) -> u16 {
        let slot = self.expr(expr, None);
        let hazard = self
            .slots
            .get(usize::from(slot))
            .is_some_and(|state| state.hazard);
        if !hazard || later.iter().all(|part| is_leaf(part)) {
            return slot;
        }
        let copy = self.alloc();
        self.op(Op::Move, copy, slot, 0);
        copy
    }

    // Locals

    fn set_slot(&mut self, local: LocalId, slot: u16) {
        let plain = !self.function.locals[local.index()].cell;
        self.local_slots[local.index()] = slot;
        self.slots[usize::from(slot)] = SlotState {
            variable: true,
            hazard: plain && self.plan.locals[local.index()].hazard,
        };
    }

    pub fn slot_of(&self, local: LocalId) -> u16 {
        let slot = self.local_slots[local.index()];
        debug_assert_ne!(slot, NO_SLOT, "{local:?} of {}", self.function.name);
        slot
    }

    pub fn is_cell(&self, local: LocalId) -> bool {
        self.function.locals[local.index()].cell
    }

    /// Gives the locals of a region their slots. `bound` have theirs.
    pub fn enter(&mut self, region: &'h Expr) -> usize {
        let mark = self.mark();
        self.enter_with(region, &[]);
        mark
    }

    /// As `enter`, with slots that some of the locals get.
    pub fn enter_with(&mut self, region: &'h Expr, bound: &[(LocalId, u16)]) {
        for &(local, slot) in bound {
            self.set_slot(local, slot);
        }
        for index in self.plan.region(region) {
            let local = self.plan.at(index);
            if bound.iter().any(|known| known.0 == local) {
                continue;
            }
            let slot = self.alloc();
            self.set_slot(local, slot);
            if self.plan.locals[local.index()].init {
                self.special(slot, special::NIL);
                if self.is_cell(local) {
                    self.op(Op::NewCell, slot, slot, 0);
                }
            }
        }
    }

    /// Ends a region.
    pub fn leave(&mut self, mark: usize) {
        self.reset(mark);
    }

    /// Runs a declaration: a fresh variable with this value.
    pub fn declare(&mut self, local: LocalId, init: Option<&'h Expr>) -> u16 {
        let slot = self.slot_of(local);
        if self.is_cell(local) {
            let from = match init {
                Some(init) => self.expr(init, None),
                None => {
                    let nil = self.alloc();
                    self.special(nil, special::NIL);
                    nil
                }
            };
            self.bind(local, from);
            return from;
        }
        let state = std::mem::take(&mut self.slots[usize::from(slot)]);
        let mark = self.mark();
        match init {
            Some(init) => {
                self.expr(init, Some(slot));
            }
            None => self.special(slot, special::NIL),
        }
        self.reset(mark);
        self.slots[usize::from(slot)] = state;
        slot
    }

    /// Slots that were variables of a loop's round are plain again.
    pub fn forget_variables(&mut self, slots: &[u16]) {
        for &slot in slots {
            self.slots[usize::from(slot)] = SlotState::default();
        }
    }

    /// Named locals and their slots, parameters first.
    pub fn named_slots(&self) -> Vec<(u16, &'h str)> {
        let locals = self.function.locals.iter().zip(&self.local_slots);
        locals
            .filter(|(local, slot)| !local.name.is_empty() && **slot != NO_SLOT)
            .map(|(local, slot)| (*slot, local.name.as_str()))
            .collect()
    }

    /// Gives a variable that is declared here its value.
    pub fn bind(&mut self, local: LocalId, from: u16) {
        let slot = self.slot_of(local);
        match (self.is_cell(local), self.plan.locals[local.index()].early) {
            (false, _) => {
                self.settle(from, Some(slot));
            }
            (true, true) => self.op(Op::SetCell, slot, from, 0),
            (true, false) => self.op(Op::NewCell, slot, from, 0),
        }
    }

    // Instructions

    /// Appends an instruction without table operand or jump.
    pub fn op(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.asm.emit(Insn::new(op, a, b, c));
    }

    /// As `op`, with `x`.
    pub fn op_x(&mut self, op: Op, x: u8, a: u16, b: u16, c: u16) {
        let insn = Insn::new(op, a, b, c);
        self.asm.emit(Insn { x, ..insn });
    }

    /// Appends an instruction whose `c` names a table entry.
    pub fn op_ref(&mut self, op: Op, a: u16, b: u16, entry: Entry) {
        self.op_ref_x(op, 0, a, b, entry);
    }

    /// As `op_ref`, with `x`.
    pub fn op_ref_x(&mut self, op: Op, x: u8, a: u16, b: u16, entry: Entry) {
        let wide = matches!(op, Op::LoadK | Op::SetG);
        let reference = self.reference(entry, !wide);
        let insn = Insn::new(op, a, b, 0);
        self.asm.emit_ref(Insn { x, ..insn }, reference);
    }

    /// Jumps to the label, forward, or backward if it is bound.
    pub fn jump(&mut self, label: Label) {
        self.asm.jump(Insn::new(Op::Jmp, 0, 0, 0), label);
    }

    /// Jumps back to the label.
    pub fn jump_back(&mut self, label: Label) {
        self.asm.jump(Insn::new(Op::Loop, 0, 0, 0), label);
    }

    pub fn special(&mut self, slot: u16, value: u16) {
        self.op(Op::LoadS, slot, value, 0);
    }

    pub fn load(&mut self, slot: u16, entry: Entry) {
        self.op_ref(Op::LoadK, slot, 0, entry);
    }

    pub fn name(&mut self, name: &'h str) -> Entry {
        Entry::Const(self.gen_.pool.text(name))
    }

    pub fn field(&mut self, name: &'h str) -> Entry {
        Entry::Field(self.gen_.pool.string(name))
    }

    pub fn store(&mut self, name: &'h str) -> Entry {
        Entry::Store(self.gen_.pool.string(name))
    }

    pub fn check(&mut self, slot: u16, check: &'h Check) {
        let entry = Entry::Const(self.gen_.pool.check(check));
        let op = match &check.ty {
            Type::Named(name) if name == "Int" => Op::CheckInt,
            Type::Named(name) if name == "Float" => Op::CheckFloat,
            _ => Op::CheckType,
        };
        self.op_ref(op, slot, 0, entry);
    }

    /// The check that results still need.
    pub fn result_check(&self) -> Option<&'h Check> {
        let function = self.function;
        function.result.as_ref().filter(|_| !function.checks_result)
    }

    pub fn at(&mut self, span: Span) {
        self.asm.at(span);
    }

    /// Whether a value may still be named by an instruction that has no wide form.
    pub fn room_for_values(&self) -> bool {
        self.near_values < NEAR_VALUES
    }

    fn reference(&mut self, entry: Entry, near: bool) -> u32 {
        let share = !entry.is_cache() || self.cache_words >= SHARE_CACHES_ABOVE;
        if share && let Some(&known) = self.known.get(&entry) {
            let reference = &mut self.refs[known as usize];
            self.near_values += usize::from(near && !reference.near);
            reference.near |= near;
            return known;
        }
        let index = self.refs.len() as u32;
        self.refs.push(Reference { entry, near });
        self.near_values += usize::from(near && !entry.is_cache());
        if entry.is_cache() {
            self.cache_words += entry.words();
        }
        if share {
            self.known.insert(entry, index);
        }
        index
    }
}

/// Reads something that no other part of the expression changes while it is read, and
/// changes nothing.
pub(super) fn is_leaf(expr: &Expr) -> bool {
    matches!(
        expr.kind,
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
            | ExprKind::Var(Var::Local(_) | Var::Capture(_) | Var::Global(_))
            | ExprKind::Builtin(_)
            | ExprKind::Exception
            | ExprKind::Closure(_)
    )
}

//! Dispatch and the hot handlers.
//!
//! Each opcode is one function; each ends by jumping to the next one through the table. All
//! have the same signature, so LLVM turns the final call into a `jmp` and the machine state
//! stays in the five argument registers. Measured on the prototype against `loop { match }`
//! with the same bodies: calls 1.7x, loops 2.1x, arrays and floats 1.8x.
//!
//! Rules for editing handlers:
//! 1. Nothing on a handler's own stack may have its address taken, and nothing with a
//!    destructor may live across `next!`: else the `jmp` becomes a `call`.
//! 2. What is rare goes to a cold handler, reached by `tail!`, not to a called function.
//! 3. Type tests are early exits, not `a && b`; branches dispatch on both sides.
//! 4. A handler that may collect, raise or move the stack reloads `base` afterwards.
//! 5. Every access rests on a verifier rule (format/src/verify.rs) or a heap invariant
//!    (heap/mod.rs): operands are slots below the frame size and table entries of the right
//!    kind; objects are live and their header tells their layout.
#![allow(unsafe_code)]
// Rule 3: nested tests are early exits; joined with && they compile to worse code.
#![allow(clippy::collapsible_if)]
// All handlers share one contract, that of `run`; operands share that of `Regs`.
#![allow(clippy::missing_safety_doc)]

pub mod aside;
pub mod calls;
pub mod construct;
pub mod generators;
pub mod iterate;
pub mod objects;
pub mod observe;
pub mod slow;

use crate::frame::{self, HEADER};
use crate::heap::object::*;
use crate::heap::{self};
use crate::value::Value;
use crate::vm::Vm;
use calls::*;
use construct::*;
use gene_format::for_each_op;
use generators::*;
use iterate::*;
use objects::*;
use slow::*;
use std::hint::cold_path;

/// Opcode byte of the stub that prepares a function; never in an image.
pub const PREPARE: u8 = 0xFD;
/// Opcode byte of the stub that ends a generator; never in an image.
pub const GENERATOR_END: u8 = 0xFC;

/// Slots of a bridge frame: what to do afterwards, then a call window.
pub const BRIDGE_FRAME: usize = 1;

/// `tbl` is the dispatch table, untyped because a function type cannot name itself.
pub type Handler = unsafe extern "C" fn(
    pc: *const u64,
    base: *mut Value,
    vm: *mut Vm,
    tbl: *const (),
    k: *const Value,
) -> u64;

/// Where to go on.
#[derive(Clone, Copy)]
pub struct Goto {
    /// Next instruction.
    pub pc: *const u64,
    /// Frame.
    pub base: *mut Value,
    /// Table window.
    pub k: *mut Value,
}

/// A handler's arguments, plus where it was entered.
#[derive(Clone, Copy)]
pub struct Regs {
    /// The next instruction.
    pub pc: *const u64,
    /// Just behind this instruction: `pc` at entry.
    pub after: *const u64,
    /// Frame.
    pub base: *mut Value,
    /// The machine.
    pub vm: *mut Vm,
    /// Dispatch table.
    pub tbl: *const (),
    /// Table window.
    pub k: *const Value,
}

/// Operand and slot access. The verifier has proved every operand in range.
impl Regs {
    /// Operands are loaded from memory at each use. Passing the word in a register and
    /// shifting instead: loop and array 1.1x, float loop 1.4x slower (calls 4% faster).
    #[inline(always)]
    unsafe fn operand(&self, i: usize) -> u16 {
        // SAFETY: `after` points just behind an instruction of four u16
        unsafe { *self.after.cast::<u16>().sub(4 - i) }
    }
    #[inline(always)]
    pub unsafe fn x(&self) -> u8 {
        // SAFETY: as `operand`
        unsafe { *self.after.cast::<u8>().sub(7) }
    }
    #[inline(always)]
    pub unsafe fn a(&self) -> usize {
        // SAFETY: as `operand`
        unsafe { self.operand(1) as usize }
    }
    #[inline(always)]
    pub unsafe fn b(&self) -> usize {
        // SAFETY: as `operand`
        unsafe { self.operand(2) as usize }
    }
    #[inline(always)]
    pub unsafe fn c(&self) -> usize {
        // SAFETY: as `operand`
        unsafe { self.operand(3) as usize }
    }
    #[inline(always)]
    pub unsafe fn wide(&self) -> u32 {
        // SAFETY: as `operand`
        unsafe { *self.after.cast::<u32>().sub(1) }
    }
    #[inline(always)]
    pub unsafe fn imm_b(&self) -> i64 {
        // SAFETY: as `operand`
        unsafe { self.operand(2) as i16 as i64 }
    }
    #[inline(always)]
    pub unsafe fn imm_c(&self) -> i64 {
        // SAFETY: as `operand`
        unsafe { self.operand(3) as i16 as i64 }
    }
    #[inline(always)]
    pub unsafe fn get(&self, slot: usize) -> Value {
        // SAFETY: V4: slot < frame_size
        unsafe { *self.base.add(slot) }
    }
    #[inline(always)]
    pub unsafe fn set(&self, slot: usize, v: Value) {
        // SAFETY: V4: slot < frame_size
        unsafe { *self.base.add(slot) = v }
    }
    #[inline(always)]
    pub unsafe fn konst(&self, index: usize) -> Value {
        // SAFETY: V6: the table entry is in range and of the right kind
        unsafe { *self.k.add(index) }
    }
    #[inline(always)]
    pub unsafe fn jump(&mut self) {
        // SAFETY: V3: the target lies in the function
        unsafe { self.pc = self.after.offset(self.imm_c() as isize) }
    }
    /// The machine, for slow paths.
    #[inline(always)]
    pub unsafe fn vm<'a>(&self) -> &'a mut Vm {
        // SAFETY: handlers run one at a time, and no other reference to the machine lives
        // across a handler
        unsafe { &mut *self.vm }
    }
}

/// Defines a handler: `handler! { name(s) { body } }`.
macro_rules! handler {
    ($(#[$attr:meta])* $name:ident($s:ident) $body:block) => {
        $(#[$attr])*
        pub unsafe extern "C" fn $name(
            pc: *const u64,
            base: *mut $crate::value::Value,
            vm: *mut $crate::vm::Vm,
            tbl: *const (),
            k: *const $crate::value::Value,
        ) -> u64 {
            #[allow(unused_mut)]
            let mut $s = $crate::interp::Regs { pc, after: pc, base, vm, tbl, k };
            // SAFETY: handlers run verified code only; each access rests on a verifier rule or
            // heap invariant (rule 5 above)
            unsafe { $body }
        }
    };
}

/// A handler off the hot path.
macro_rules! cold_handler {
    ($name:ident($s:ident) $body:block) => {
        handler! { #[cold] #[inline(never)] $name($s) $body }
    };
}

/// Goes on with the instruction at s.pc.
#[cfg(not(any(debug_assertions, feature = "trampoline")))]
macro_rules! next {
    ($s:ident) => {{
        let op = *$s.pc.cast::<u8>() as usize;
        // The table comes in a register: a `lea` less per handler than naming the static.
        let handler = *$s.tbl.cast::<$crate::interp::Handler>().add(op);
        return handler($s.pc.add(1), $s.base, $s.vm, $s.tbl, $s.k);
    }};
}

/// Unoptimised builds do not turn calls into jumps, so they return to a loop in `run` instead
/// (optimised, that costs 1.3-2.9x). Only this macro and `run` differ.
#[cfg(any(debug_assertions, feature = "trampoline"))]
macro_rules! next {
    ($s:ident) => {{
        (*$s.vm).resume = $crate::interp::Resume {
            pc: $s.pc,
            base: $s.base,
            k: $s.k,
        };
        return $crate::interp::CONTINUE;
    }};
}

/// Continues this same instruction in another handler.
macro_rules! tail {
    ($s:ident, $handler:path) => {
        return $handler($s.after, $s.base, $s.vm, $s.tbl, $s.k)
    };
}

/// Goes on somewhere else.
macro_rules! goto {
    ($s:ident, $to:expr) => {{
        let to: $crate::interp::Goto = $to;
        $s.pc = to.pc;
        $s.base = to.base;
        $s.k = to.k;
        next!($s)
    }};
}

/// Goes on where the exception in `raised` is caught.
macro_rules! raise {
    ($s:ident) => {
        goto!($s, $s.vm().unwind($s.after, $s.base))
    };
}

/// The value of a `Result<_, Raised>`, or raises.
macro_rules! or_raise {
    ($s:ident, $result:expr) => {
        match $result {
            Ok(v) => v,
            Err($crate::natives::Raised) => raise!($s),
        }
    };
}

pub(crate) use {cold_handler, goto, handler, next, or_raise, raise, tail};

/// What handlers return to the trampoline to go on.
#[cfg(any(debug_assertions, feature = "trampoline"))]
pub const CONTINUE: u64 = 0;

/// Where the trampoline goes on.
#[cfg(any(debug_assertions, feature = "trampoline"))]
#[derive(Clone, Copy)]
pub struct Resume {
    /// Next instruction.
    pub pc: *const u64,
    /// Frame.
    pub base: *mut Value,
    /// Table window.
    pub k: *const Value,
}

#[cfg(any(debug_assertions, feature = "trampoline"))]
impl Default for Resume {
    fn default() -> Resume {
        Resume {
            pc: std::ptr::null(),
            base: std::ptr::null_mut(),
            k: std::ptr::null(),
        }
    }
}

/// A memory counter, decremented by loops and calls. Measured: no difference beyond noise to a
/// flag that another thread sets, nor to no check at all; and a counter is deterministic.
/// `interrupt` gets s.pc: the next instruction has not started.
macro_rules! spend_budget {
    ($s:ident) => {
        (*$s.vm).budget -= 1;
        if (*$s.vm).budget < 0 {
            return $crate::interp::slow::interrupt($s.pc, $s.base, $s.vm, $s.tbl, $s.k);
        }
    };
}
pub(crate) use spend_budget;

// ---------------------------------------------------------------- moves and constants

handler! { halt(s) { s.vm().finish_run(); (*s.vm).exit_code } }
handler! { mov(s) { s.set(s.a(), s.get(s.b())); next!(s) } }
handler! { load_k(s) { s.set(s.a(), s.konst(s.c())); next!(s) } }
handler! { load_kw(s) { s.set(s.a(), s.konst(s.wide() as usize)); next!(s) } }
handler! { load_i(s) { s.set(s.a(), Value::small_int(s.imm_b())); next!(s) } }
handler! { load_s(s) { s.set(s.a(), Value::special(s.b() as u64)); next!(s) } }
handler! { set_g(s) { *s.k.cast_mut().add(s.c()) = s.get(s.a()); next!(s) } }
handler! { set_gw(s) { *s.k.cast_mut().add(s.wide() as usize) = s.get(s.a()); next!(s) } }

// ---------------------------------------------------------------- arithmetic

/// Integers in place; doubles in a handler of their own, reached by a jump: neither path then
/// carries the other's register moves.
macro_rules! arith {
    ($name:ident, $float:ident, $slow:ident, $ints:path, $op:tt, $s:ident, $x:expr, $y:expr) => {
        handler! { $name($s) {
            if let Some(v) = $ints($x, $y) {
                $s.set($s.a(), v);
                next!($s)
            }
            tail!($s, $float)
        } }
        handler! { #[inline(never)] $float($s) {
            // Not a NaN proves both operands doubles (Value::as_float): no tag test.
            let v = $x.as_float() $op $y.as_float();
            if !v.is_nan() {
                $s.set($s.a(), Value::float_not_nan(v));
                next!($s)
            }
            cold_path();
            tail!($s, $slow)
        } }
    };
}
arith!(add, add_float, add_slow, Value::add_ints, +, s, s.get(s.b()), s.get(s.c()));
arith!(sub, sub_float, sub_slow, Value::sub_ints, -, s, s.get(s.b()), s.get(s.c()));
arith!(mul, mul_float, mul_slow, Value::mul_ints, *, s, s.get(s.b()), s.get(s.c()));
arith!(add_k, add_k_float, add_k_slow, Value::add_ints, +, s, s.get(s.b()), s.konst(s.c()));
arith!(sub_k, sub_k_float, sub_k_slow, Value::sub_ints, -, s, s.get(s.b()), s.konst(s.c()));
arith!(mul_k, mul_k_float, mul_k_slow, Value::mul_ints, *, s, s.get(s.b()), s.konst(s.c()));
arith!(k_sub, k_sub_float, k_sub_slow, Value::sub_ints, -, s, s.konst(s.c()), s.get(s.b()));

/// `/` gives a float for ints too.
macro_rules! divide {
    ($name:ident, $slow:ident, $s:ident, $x:expr, $y:expr) => {
        handler! { $name($s) {
            let v = $x.as_float() / $y.as_float();
            if !v.is_nan() {
                $s.set($s.a(), Value::float_not_nan(v));
                next!($s)
            }
            tail!($s, $slow)
        } }
    };
}
divide!(div, div_slow, s, s.get(s.b()), s.get(s.c()));
divide!(div_k, div_k_slow, s, s.get(s.b()), s.konst(s.c()));
divide!(k_div, k_div_slow, s, s.konst(s.c()), s.get(s.b()));

handler! { modulo(s) {
    if let Some(v) = Value::mod_ints(s.get(s.b()), s.get(s.c())) {
        s.set(s.a(), v);
        next!(s)
    }
    tail!(s, mod_slow)
} }

handler! { mod_i(s) {
    let x = s.get(s.b());
    if x.is_int() {
        let (n, m) = (x.as_int(), s.imm_c());
        // The common case by 32-bit division, several times faster than 64-bit on many machines.
        if n as u64 >> 32 == 0 {
            if m > 0 {
                s.set(s.a(), Value::small_int((n as u32 % m as u32) as i64));
                next!(s)
            }
        }
        tail!(s, mod_i_wide)
    }
    tail!(s, mod_i_slow)
} }

handler! { #[inline(never)] mod_i_wide(s) {
    let m = s.imm_c();
    if m == 0 { tail!(s, mod_i_slow) }
    s.set(s.a(), Value::small_int(s.get(s.b()).as_int().wrapping_rem(m)));
    next!(s)
} }

handler! { add_i(s) {
    if let Some(v) = s.get(s.b()).add_imm(s.imm_c()) {
        s.set(s.a(), v);
        next!(s)
    }
    tail!(s, add_i_float)
} }

handler! { #[inline(never)] add_i_float(s) {
    let v = s.get(s.b()).as_float() + s.imm_c() as f64;
    if !v.is_nan() {
        s.set(s.a(), Value::float_not_nan(v));
        next!(s)
    }
    cold_path();
    tail!(s, add_i_slow)
} }

handler! { mul_i(s) {
    if let Some(v) = Value::mul_ints(s.get(s.b()), Value::small_int(s.imm_c())) {
        s.set(s.a(), v);
        next!(s)
    }
    tail!(s, mul_i_float)
} }

handler! { #[inline(never)] mul_i_float(s) {
    let v = s.get(s.b()).as_float() * s.imm_c() as f64;
    if !v.is_nan() {
        s.set(s.a(), Value::float_not_nan(v));
        next!(s)
    }
    cold_path();
    tail!(s, mul_i_slow)
} }

handler! { neg(s) {
    if let Some(v) = Value::sub_ints(Value::small_int(0), s.get(s.b())) {
        s.set(s.a(), v);
        next!(s)
    }
    tail!(s, neg_slow)
} }

handler! { not(s) {
    let v = s.get(s.b());
    if v.is_bool() {
        s.set(s.a(), Value::bool(v == Value::FALSE));
        next!(s)
    }
    tail!(s, not_slow)
} }

handler! { truthy(s) { s.set(s.a(), Value::bool(s.get(s.b()).truthy())); next!(s) } }

handler! { bit_and(s) {
    let (x, y) = (s.get(s.b()), s.get(s.c()));
    if x.is_bool() {
        s.set(s.a(), y);
        next!(s)
    }
    tail!(s, bit_and_slow)
} }

handler! { bit_or(s) {
    let (x, y) = (s.get(s.b()), s.get(s.c()));
    if x.is_bool() {
        s.set(s.a(), if x.truthy() { x } else { y });
        next!(s)
    }
    tail!(s, bit_or_slow)
} }

macro_rules! order {
    ($name:ident, $slow:ident, $ints:path, $op:tt) => {
        handler! { $name(s) {
            if let Some(t) = $ints(s.get(s.b()), s.get(s.c())) {
                s.set(s.a(), Value::bool(t));
                next!(s)
            }
            let (x, y) = (s.get(s.b()).as_float(), s.get(s.c()).as_float());
            if !(x.is_nan() || y.is_nan()) {
                s.set(s.a(), Value::bool(x $op y));
                next!(s)
            }
            tail!(s, $slow)
        } }
    };
}
order!(lt, lt_slow, Value::less_ints, <);
order!(le, le_slow, Value::less_equal_ints, <=);

macro_rules! equality {
    ($name:ident, $want:literal, $slow:ident) => {
        handler! { $name(s) {
            let (x, y) = (s.get(s.b()), s.get(s.c()));
            if x.is_int() {
                if y.is_int() {
                    s.set(s.a(), Value::bool((x == y) == $want));
                    next!(s)
                }
            }
            tail!(s, $slow)
        } }
    };
}
equality!(eq, true, eq_slow);
equality!(ne, false, ne_slow);

// ---------------------------------------------------------------- jumps

handler! { jmp(s) { s.pc = s.after.offset(s.wide() as i32 as isize); next!(s) } }
handler! { loop_(s) { s.pc = s.after.offset(s.wide() as i32 as isize); spend_budget!(s); next!(s) } }

/// `if $taken { jump }` as a branch with a dispatch on either side: two indirect jumps the
/// predictor can tell apart, and no cmov on pc, which would make the next fetch wait for the
/// compare. cold_path() is what stops LLVM from converting it.
macro_rules! branch {
    ($s:ident, $taken:expr) => {{
        if $taken {
            cold_path();
            $s.jump();
            next!($s)
        }
        next!($s)
    }};
}

macro_rules! branch_back {
    ($s:ident, $taken:expr) => {{
        if $taken {
            $s.jump();
            spend_budget!($s);
            next!($s)
        }
        next!($s)
    }};
}
pub(crate) use {branch, branch_back};

handler! { j_t(s) { branch!(s, s.get(s.a()).truthy()) } }
handler! { j_f(s) { branch!(s, !s.get(s.a()).truthy()) } }
handler! { loop_t(s) { branch_back!(s, s.get(s.a()).truthy()) } }
handler! { j_def(s) { branch!(s, s.get(s.a()) != Value::UNDEF) } }

handler! { j_eq_s(s) {
    let v = s.get(s.a());
    if v.is_obj() {
        if (*s.vm).any_eq { tail!(s, j_eq_s_slow) }
        next!(s)
    }
    branch!(s, v == Value::special(s.b() as u64))
} }
handler! { j_ne_s(s) {
    let v = s.get(s.a());
    if v.is_obj() {
        if (*s.vm).any_eq { tail!(s, j_ne_s_slow) }
        s.jump();
        next!(s)
    }
    branch!(s, v != Value::special(s.b() as u64))
} }

handler! { j_or(s) {
    let v = s.get(s.a());
    if v.is_bool() {
        branch!(s, v == Value::TRUE)
    }
    branch!(s, v.truthy() && crate::heap_view::int(v).is_none() && !v.is(Kind::Bytes))
} }

/// Fused compare and branch. Measured on the prototype: calls 1.5x, loops 1.6x, floats 1.1x.
macro_rules! compare {
    ($name:ident, $float:ident, $slow:ident, $ints:path, $op:tt, $want:literal, $branch:ident) => {
        handler! { $name(s) {
            if let Some(t) = $ints(s.get(s.a()), s.get(s.b())) {
                $branch!(s, t == $want)
            }
            tail!(s, $float)
        } }
        handler! { #[inline(never)] $float(s) {
            let (x, y) = (s.get(s.a()).as_float(), s.get(s.b()).as_float());
            if !(x.is_nan() || y.is_nan()) {
                $branch!(s, (x $op y) == $want)
            }
            cold_path();
            tail!(s, $slow)
        } }
    };
}
compare!(j_lt, j_lt_float, j_lt_slow, Value::less_ints, <, true, branch);
compare!(j_nlt, j_nlt_float, j_nlt_slow, Value::less_ints, <, false, branch);
compare!(j_le, j_le_float, j_le_slow, Value::less_equal_ints, <=, true, branch);
compare!(j_nle, j_nle_float, j_nle_slow, Value::less_equal_ints, <=, false, branch);
compare!(loop_lt, loop_lt_float, loop_lt_slow, Value::less_ints, <, true, branch_back);
compare!(loop_le, loop_le_float, loop_le_slow, Value::less_equal_ints, <=, true, branch_back);

macro_rules! compare_imm {
    ($name:ident, $slow:ident, $op:tt, $want:literal, $branch:ident) => {
        handler! { $name(s) {
            let v = s.get(s.a());
            if v.is_int() {
                $branch!(s, (v.as_int() $op s.imm_b()) == $want)
            }
            tail!(s, $slow)
        } }
    };
}
compare_imm!(j_lt_i, j_lt_i_slow, <, true, branch);
compare_imm!(j_nlt_i, j_nlt_i_slow, <, false, branch);
compare_imm!(j_le_i, j_le_i_slow, <=, true, branch);
compare_imm!(j_nle_i, j_nle_i_slow, <=, false, branch);
compare_imm!(j_gt_i, j_gt_i_slow, >, true, branch);
compare_imm!(j_ngt_i, j_ngt_i_slow, >, false, branch);
compare_imm!(j_ge_i, j_ge_i_slow, >=, true, branch);
compare_imm!(j_nge_i, j_nge_i_slow, >=, false, branch);
compare_imm!(j_eq_i, j_eq_i_slow, ==, true, branch);
compare_imm!(j_ne_i, j_ne_i_slow, !=, true, branch);
compare_imm!(loop_lt_i, loop_lt_i_slow, <, true, branch_back);
compare_imm!(loop_le_i, loop_le_i_slow, <=, true, branch_back);
compare_imm!(loop_gt_i, loop_gt_i_slow, >, true, branch_back);
compare_imm!(loop_ge_i, loop_ge_i_slow, >=, true, branch_back);
compare_imm!(loop_ne_i, loop_ne_i_slow, !=, true, branch_back);

macro_rules! equality_branch {
    ($name:ident, $want:literal, $slow:ident) => {
        handler! { $name(s) {
            let (x, y) = (s.get(s.a()), s.get(s.b()));
            if x.is_int() {
                if y.is_int() {
                    branch!(s, (x == y) == $want)
                }
            }
            tail!(s, $slow)
        } }
    };
}
equality_branch!(j_eq, true, j_eq_slow);
equality_branch!(j_ne, false, j_ne_slow);

/// Counted loops: increment, compare and jump in one.
macro_rules! for_loop {
    ($name:ident, $slow:ident, $less:path, $s:ident, $end:expr) => {
        handler! { $name($s) {
            if let Some(i) = $s.get($s.a()).add_imm(1)
                && let Some(again) = $less(i, $end)
            {
                $s.set($s.a(), i); // after both checks: the slow path starts from the old value
                branch_back!($s, again)
            }
            tail!($s, $slow)
        } }
    };
}
for_loop!(for_lt, for_lt_slow, Value::less_ints, s, s.get(s.b()));
for_loop!(for_le, for_le_slow, Value::less_equal_ints, s, s.get(s.b()));
for_loop!(
    for_lt_i,
    for_lt_i_slow,
    Value::less_ints,
    s,
    Value::small_int(s.imm_b())
);

// ---------------------------------------------------------------- calls

/// Enters the closure `$callee`, already in r[$a], whose arity and window are checked.
macro_rules! enter {
    ($s:ident, $a:expr, $callee:expr, $slow:path) => {{
        let callee: *const Closure = $callee;
        let base = $s.base.add($a + HEADER);
        if base > (*$s.vm).limit {
            tail!($s, $slow)
        }
        // SAFETY: the limit check leaves GUARD slots; larger functions begin with Grow (V1)
        frame::link(base, $s.base, $s.pc);
        $s.pc = (*callee).code;
        $s.base = base;
        spend_budget!($s);
        next!($s)
    }};
}

/// `call_slow` finds the callee in r[a], so this goes on only after it is stored.
macro_rules! call_value {
    ($s:ident, $f:expr) => {{
        let f: Value = $f;
        if f.is_obj() {
            let callee: *const Closure = f.as_obj().cast();
            if (*callee).header.shape == Kind::Closure as u32 {
                if (*callee).arity as usize == $s.b() {
                    // Same window: k stays. Otherwise the return has to restore it.
                    if (*callee).k.cast_const() == $s.k {
                        enter!($s, $s.a(), callee, call_slow)
                    }
                }
            }
        }
        tail!($s, call_slow)
    }};
}

handler! { call(s) { call_value!(s, s.get(s.a())) } }

handler! { call_k(s) {
    let f = s.konst(s.c());
    s.set(s.a(), f);
    call_value!(s, f)
} }

handler! { call_f(s) {
    let f = s.konst(s.c());
    s.set(s.a(), f);
    let callee: *const Closure = f.as_obj().cast();
    let base = s.base.add(s.a() + HEADER);
    if base > (*s.vm).limit {
        tail!(s, call_slow)
    }
    // SAFETY: V21: k[c] is a closure of this window that takes these arguments; V3 as in `enter!`
    frame::link(base, s.base, s.pc);
    // SAFETY: V21: so many instructions stand before the function's last; the stub of a function
    // that never ran is as long
    s.pc = (*callee).code.add(s.x() as usize);
    s.base = base;
    spend_budget!(s);
    next!(s)
} }

// k[c] = {shape, 0}, k[c + 1] = closure; k[c + 2], k[c + 3]: a second pair.
handler! { call_m(s) {
    let receiver = s.get(s.a() + HEADER);
    if receiver.is_obj() {
        let ic = s.k.add(s.c());
        if (*receiver.as_obj()).shape as u64 == (*ic).bits() {
            let f = *ic.add(1);
            s.set(s.a(), f);
            // SAFETY: `fill_method_cache` checked arity and window; the verifier that every
            // CallM on this cache passes the cache's number of arguments
            enter!(s, s.a(), f.as_obj().cast(), call_slow)
        }
    }
    tail!(s, call_m_second)
} }

handler! { #[inline(never)] call_m_second(s) {
    let receiver = s.get(s.a() + HEADER);
    if receiver.is_obj() {
        let ic = s.k.add(s.c());
        if (*receiver.as_obj()).shape as u64 == (*ic.add(2)).bits() {
            let f = *ic.add(3);
            s.set(s.a(), f);
            // SAFETY: as in `call_m`
            enter!(s, s.a(), f.as_obj().cast(), call_slow)
        }
    }
    tail!(s, call_m_native)
} }

/// The caller's base is loaded before the result is stored, which might alias it as far as
/// LLVM can tell.
macro_rules! leave {
    ($s:ident, $result:expr) => {{
        let result: Value = $result;
        let (caller, return_pc) = (frame::caller($s.base), frame::return_pc($s.base));
        *$s.base.sub(HEADER) = result;
        $s.base = caller;
        $s.pc = return_pc;
        next!($s)
    }};
}
pub(crate) use leave;

handler! { ret(s) { leave!(s, s.get(s.a())) } }

// Distinct return opcodes give the predictor distinct indirect jumps: calls 1.5x slower with one
// shared return. The bodies must differ, or LLVM merges them.
handler! { ret_0(s) { leave!(s, s.get(0)) } }
handler! { ret_nil(s) { leave!(s, Value::NIL) } }
handler! { ret_i(s) { leave!(s, Value::small_int(s.imm_b())) } }
handler! { ret_k(s) { leave!(s, s.konst(s.c())) } }

handler! { ret_add(s) {
    if let Some(v) = Value::add_ints(s.get(s.b()), s.get(s.c())) {
        leave!(s, v)
    }
    tail!(s, ret_add_float)
} }

handler! { #[inline(never)] ret_add_float(s) {
    let v = s.get(s.b()).as_float() + s.get(s.c()).as_float();
    if !v.is_nan() {
        leave!(s, Value::float_not_nan(v))
    }
    cold_path();
    tail!(s, ret_add_slow)
} }

/// A tail call: callee and arguments move down over the running frame.
macro_rules! tail_call_value {
    ($s:ident, $f:expr) => {{
        let f: Value = $f;
        if f.is_obj() {
            let callee: *const Closure = f.as_obj().cast();
            if (*callee).header.shape == Kind::Closure as u32 {
                if (*callee).arity as usize == $s.b() {
                    if (*callee).k.cast_const() == $s.k {
                        *$s.base.sub(HEADER) = f;
                        let from = $s.base.add($s.a() + HEADER);
                        for i in 0..$s.b() {
                            *$s.base.add(i) = *from.add(i);
                        }
                        $s.pc = (*callee).code;
                        spend_budget!($s);
                        next!($s)
                    }
                }
            }
        }
        tail!($s, tail_call_slow)
    }};
}

handler! { tail_call(s) { tail_call_value!(s, s.get(s.a())) } }
handler! { tail_call_k(s) {
    let f = s.konst(s.c());
    s.set(s.a(), f);
    tail_call_value!(s, f)
} }

handler! { tail_call_f(s) {
    let f = s.konst(s.c());
    let callee: *const Closure = f.as_obj().cast();
    *s.base.sub(HEADER) = f;
    let from = s.base.add(s.a() + HEADER);
    for i in 0..s.b() {
        *s.base.add(i) = *from.add(i);
    }
    // SAFETY: as in `call_f`
    s.pc = (*callee).code.add(s.x() as usize);
    spend_budget!(s);
    next!(s)
} }

// ---------------------------------------------------------------- captured variables

handler! { get_cell(s) {
    let cell = s.get(s.b());
    if cell.is_obj() {
        let cell: *const Cell = cell.as_obj().cast();
        if (*cell).header.shape == Kind::Cell as u32 {
            s.set(s.a(), (*cell).value);
            next!(s)
        }
    }
    tail!(s, not_a_cell)
} }

handler! { set_cell(s) {
    let cell = s.get(s.a());
    if cell.is_obj() {
        let cell: *mut Cell = cell.as_obj().cast();
        if (*cell).header.shape == Kind::Cell as u32 {
            if (*s.vm).heap.marking { tail!(s, set_cell_marking) }
            (*cell).value = s.get(s.b());
            next!(s)
        }
    }
    tail!(s, not_a_cell)
} }

/// # Safety
/// `s` is in a frame; V9: index < capture count.
#[inline(always)]
unsafe fn capture(s: &Regs, index: usize) -> Value {
    // SAFETY: by the contract; closures of a function have all its captures (`closure`)
    unsafe { *Closure::captures(frame::closure(s.base)).add(index) }
}

handler! { get_up(s) { s.set(s.a(), capture(&s, s.b())); next!(s) } }

handler! { get_up_cell(s) {
    let cell = capture(&s, s.b());
    if cell.is_obj() {
        let cell: *const Cell = cell.as_obj().cast();
        if (*cell).header.shape == Kind::Cell as u32 {
            s.set(s.a(), (*cell).value);
            next!(s)
        }
    }
    tail!(s, not_a_cell)
} }

handler! { set_up_cell(s) {
    let cell = capture(&s, s.b());
    if cell.is_obj() {
        let cell: *mut Cell = cell.as_obj().cast();
        if (*cell).header.shape == Kind::Cell as u32 {
            if (*s.vm).heap.marking { tail!(s, set_up_cell_marking) }
            (*cell).value = s.get(s.a());
            next!(s)
        }
    }
    tail!(s, not_a_cell)
} }

const CELL_CLASS: usize = heap::size_class(size_of::<Cell>());

handler! { new_cell(s) {
    let o = (*s.vm).heap.try_alloc(CELL_CLASS);
    if o.is_null() {
        tail!(s, new_cell_slow)
    }
    o.cast::<Cell>().write(Cell {
        header: Obj { shape: Kind::Cell as u32, marked: 0, flags: 0, class: CELL_CLASS as u16 },
        value: s.get(s.b()),
    });
    s.set(s.a(), Value::obj(o));
    next!(s)
} }

// ---------------------------------------------------------------- members

// k[c] = {shape: u32, byte offset: u32} in one load, no multiply: the offset is added as it is.
handler! { get_f(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let ic = (*s.k.add(s.c())).bits();
        if (*o.as_obj()).shape == ic as u32 {
            // SAFETY: the shape matches, so the object has this field
            let v = *o.as_obj().byte_add((ic >> 32) as usize).cast::<Value>();
            s.set(s.a(), v);
            next!(s)
        }
    }
    tail!(s, get_f_second)
} }

handler! { #[inline(never)] get_f_second(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let ic = (*s.k.add(s.c() + 1)).bits();
        if (*o.as_obj()).shape == ic as u32 {
            // SAFETY: as in `get_f`
            let v = *o.as_obj().byte_add((ic >> 32) as usize).cast::<Value>();
            s.set(s.a(), v);
            next!(s)
        }
    }
    tail!(s, get_f_slow)
} }

// k[c] as in get_f; k[c + 1] = the shape afterwards (the same unless the field is new).
handler! { set_f(s) {
    let o = s.get(s.a());
    if o.is_obj() {
        let ic = (*s.k.add(s.c())).bits();
        if (*o.as_obj()).shape == ic as u32 {
            let after = (*s.k.add(s.c() + 1)).bits();
            if (*s.vm).heap.marking { tail!(s, set_f_marking) }
            // SAFETY: the shape matches, so the object has room for this field
            *o.as_obj().byte_add((ic >> 32) as usize).cast::<Value>() = s.get(s.b());
            (*o.as_obj()).shape = after as u32;
            next!(s)
        }
    }
    tail!(s, set_f_second)
} }

handler! { #[inline(never)] set_f_second(s) {
    let o = s.get(s.a());
    if o.is_obj() {
        let ic = (*s.k.add(s.c() + 2)).bits();
        if (*o.as_obj()).shape == ic as u32 {
            let after = (*s.k.add(s.c() + 3)).bits();
            if (*s.vm).heap.marking { tail!(s, set_f_marking) }
            // SAFETY: as in `set_f`
            *o.as_obj().byte_add((ic >> 32) as usize).cast::<Value>() = s.get(s.b());
            (*o.as_obj()).shape = after as u32;
            next!(s)
        }
    }
    tail!(s, set_f_checked)
} }

handler! { get_x(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let array: *const Array = o.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            let i = s.get(s.c()).index();
            if i < (*array).items.len() as u64 {
                let v = *(*array).items.as_ptr().add(i as usize);
                s.set(s.a(), v);
                next!(s)
            }
        }
    }
    tail!(s, get_x_slow)
} }

handler! { set_x(s) {
    let o = s.get(s.a());
    if o.is_obj() {
        let array: *const Array = o.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            let i = s.get(s.b()).index();
            if i < (*array).items.len() as u64 {
                if (*array).header.is_guarded() { tail!(s, set_x_slow) }
                // the chain through the array first, then the operand: LLVM keeps the order
                let item = (*array).items.as_ptr().add(i as usize);
                *item = s.get(s.c());
                next!(s)
            }
        }
    }
    tail!(s, set_x_slow)
} }

handler! { get_i(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let array: *const Array = o.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            let i = s.imm_c() as u64;
            if i < (*array).items.len() as u64 {
                let v = *(*array).items.as_ptr().add(i as usize);
                s.set(s.a(), v);
                next!(s)
            }
        }
    }
    tail!(s, get_i_slow)
} }

handler! { set_i(s) {
    let o = s.get(s.a());
    if o.is_obj() {
        let array: *const Array = o.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            let i = s.imm_b() as u64;
            if i < (*array).items.len() as u64 {
                if (*array).header.is_guarded() { tail!(s, set_i_slow) }
                let item = (*array).items.as_ptr().add(i as usize);
                *item = s.get(s.c());
                next!(s)
            }
        }
    }
    tail!(s, set_i_slow)
} }

handler! { m_get(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let array: *const Array = o.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            let i = s.get(s.c()).index();
            if i < (*array).items.len() as u64 {
                let v = *(*array).items.as_ptr().add(i as usize);
                s.set(s.a(), v);
                next!(s)
            }
            s.set(s.a(), Value::NIL); // out of range, negative or not an int
            next!(s)
        }
    }
    tail!(s, m_get_slow)
} }

handler! { m_add(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let array: *mut Array = o.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            if !(*array).header.is_guarded() {
                if (*array).items.push_within(s.get(s.c())) {
                    s.set(s.a(), o);
                    next!(s)
                }
            }
        }
    }
    tail!(s, m_add_slow)
} }

handler! { m_push(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let array: *mut Array = o.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            if !(*array).header.is_guarded() {
                if (*array).items.push_within(s.get(s.c())) {
                    s.set(s.a(), Value::small_int((*array).items.len() as i64));
                    next!(s)
                }
            }
        }
    }
    tail!(s, m_push_slow)
} }

handler! { m_size(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let o = o.as_obj();
        if (*o).shape == Kind::Array as u32 {
            s.set(s.a(), Value::small_int((*o.cast::<Array>()).items.len() as i64));
            next!(s)
        }
        if (*o).shape == Kind::Str as u32 {
            s.set(s.a(), Value::small_int((*o.cast::<Str>()).chars as i64));
            next!(s)
        }
    }
    tail!(s, m_size_slow)
} }

handler! { m_char_at(s) {
    let o = s.get(s.b());
    if o.is_obj() {
        let text: *const Str = o.as_obj().cast();
        if (*text).header.shape == Kind::Str as u32 {
            let i = s.get(s.c()).index();
            if i < (*text).len as u64 {
                if (*text).is_ascii() {
                    let byte = *(*text).data.add(i as usize);
                    s.set(s.a(), Value::char(byte as char));
                    next!(s)
                }
            }
        }
    }
    tail!(s, m_char_at_slow)
} }

// ---------------------------------------------------------------- construction

// ---------------------------------------------------------------- dispatch

macro_rules! define_table {
    ($($code:literal $name:ident $handler:ident ($x:ident $a:ident $b:ident $c:ident) $flow:ident $effect:literal;)*) => {
        /// All 256 bytes have a handler, so no opcode byte leads outside the table.
        pub static TABLE: [Handler; 256] = {
            let mut table: [Handler; 256] = [bad_opcode; 256];
            $(table[$code] = $handler;)*
            table[PREPARE as usize] = prepare;
            table[GENERATOR_END as usize] = generator_end;
            table
        };
    };
}
for_each_op!(define_table);

/// Runs until the machine halts.
///
/// # Safety
/// `pc` points into verified code (or a stub) with table window `k`; `base` is a linked frame on
/// the running fiber of `vm`.
#[inline(never)]
pub unsafe fn run(vm: *mut Vm, pc: *const u64, base: *mut Value, k: *mut Value) -> u64 {
    // SAFETY: by the contract
    unsafe {
        let table = if (*vm).observers.is_empty() {
            &TABLE
        } else {
            &observe::TABLE
        };
        let tbl = table.as_ptr().cast();
        #[cfg(not(any(debug_assertions, feature = "trampoline")))]
        {
            table[*pc.cast::<u8>() as usize](pc.add(1), base, vm, tbl, k)
        }
        #[cfg(any(debug_assertions, feature = "trampoline"))]
        {
            (*vm).resume = Resume { pc, base, k };
            loop {
                let Resume { pc, base, k } = (*vm).resume;
                let r = table[*pc.cast::<u8>() as usize](pc.add(1), base, vm, tbl, k);
                if r != CONTINUE {
                    return r;
                }
            }
        }
    }
}

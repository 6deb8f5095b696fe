//! Cold handlers of arithmetic, comparison and control: what the hot ones jump to when their
//! fast case fails.
#![allow(unsafe_code)]

use super::*;
use crate::arith::{self, Arith};
use crate::frame;

cold_handler! { bad_opcode(s) {
    s.vm().corrupt_text("an instruction has an unknown opcode");
    raise!(s)
} }

cold_handler! { ext(s) {
    s.vm().corrupt_text("the second word of an instruction was executed");
    raise!(s)
} }

// The budget is spent. `s.after` is the next instruction to run.
cold_handler! { interrupt(s) {
    if s.vm().refill_budget() {
        next!(s)
    }
    s.vm().end_of_steps();
    raise!(s)
} }

// Entered at the stub of a function that was never called: `base` is its frame already.
cold_handler! { prepare(s) {
    let closure = frame::closure(s.base);
    let proto = (*closure).proto;
    if (*proto).len == 0 {
        // The frame has not started: an error belongs to the call.
        let image = (*proto).image.cast_mut();
        if (*image).prepare(s.vm(), (*proto).id).is_err() {
            raise!(s)
        }
    }
    (*closure).code = (*proto).code.get();
    s.pc = (*closure).code;
    next!(s)
} }

cold_handler! { grow(s) {
    let slots = s.b();
    if s.base.add(slots + crate::fiber::ZONE) > s.vm().fiber().end() {
        let (moved, _) = or_raise!(s, s.vm().grow_stack(s.base, s.base, slots));
        s.base = moved;
    }
    next!(s)
} }

/// Collects if it is time. For handlers that allocate afterwards.
macro_rules! safepoint {
    ($s:ident) => {
        if $s.vm().heap.is_due() || $s.vm().heap.is_over_limit() {
            or_raise!($s, $s.vm().safepoint($s.base));
        }
    };
}
pub(crate) use safepoint;

// ---------------------------------------------------------------- arithmetic

macro_rules! arith_slow {
    ($name:ident, $op:ident, $s:ident, $x:expr, $y:expr, $literal:expr) => {
        cold_handler! { $name($s) {
            safepoint!($s);
            let v = or_raise!($s, arith::binary($s.vm(), Arith::$op, $x, $y, $literal));
            $s.set($s.a(), v);
            next!($s)
        } }
    };
}
arith_slow!(add_slow, Add, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(sub_slow, Sub, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(mul_slow, Mul, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(div_slow, Div, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(mod_slow, Mod, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(
    add_i_slow,
    Add,
    s,
    s.get(s.b()),
    Value::small_int(s.imm_c()),
    s.x()
);
arith_slow!(
    mul_i_slow,
    Mul,
    s,
    s.get(s.b()),
    Value::small_int(s.imm_c()),
    s.x()
);
arith_slow!(
    mod_i_slow,
    Mod,
    s,
    s.get(s.b()),
    Value::small_int(s.imm_c()),
    s.x()
);
arith_slow!(add_k_slow, Add, s, s.get(s.b()), s.konst(s.c()), s.x());
arith_slow!(sub_k_slow, Sub, s, s.get(s.b()), s.konst(s.c()), s.x());
arith_slow!(mul_k_slow, Mul, s, s.get(s.b()), s.konst(s.c()), s.x());
arith_slow!(div_k_slow, Div, s, s.get(s.b()), s.konst(s.c()), s.x());
arith_slow!(k_sub_slow, Sub, s, s.konst(s.c()), s.get(s.b()), 0);
arith_slow!(k_div_slow, Div, s, s.konst(s.c()), s.get(s.b()), 0);
arith_slow!(shl, Shl, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(shr, Shr, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(bit_and_slow, And, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(bit_or_slow, Or, s, s.get(s.b()), s.get(s.c()), 0);
arith_slow!(bit_xor, Xor, s, s.get(s.b()), s.get(s.c()), 0);

cold_handler! { ret_add_slow(s) {
    safepoint!(s);
    let v = or_raise!(s, arith::binary(s.vm(), Arith::Add, s.get(s.b()), s.get(s.c()), 0));
    leave!(s, v)
} }

cold_handler! { neg_slow(s) {
    safepoint!(s);
    let v = or_raise!(s, arith::negate(s.vm(), s.get(s.b())));
    s.set(s.a(), v);
    next!(s)
} }

cold_handler! { not_slow(s) {
    safepoint!(s);
    let v = arith::not(s.vm(), s.get(s.b()));
    s.set(s.a(), v);
    next!(s)
} }

cold_handler! { concat(s) {
    safepoint!(s);
    let v = or_raise!(s, concat_run(s.vm(), run_of(&s)));
    s.set(s.a(), v);
    next!(s)
} }

cold_handler! { interp(s) {
    safepoint!(s);
    let v = or_raise!(s, crate::print::interpolate(s.vm(), run_of(&s)));
    s.set(s.a(), v);
    next!(s)
} }

/// The values of a Run operand.
///
/// # Safety
/// V5: `b + c` slots lie in the frame.
pub unsafe fn run_of<'a>(s: &Regs) -> &'a [Value] {
    // SAFETY: by the contract; nothing writes these slots while the slice is in use
    unsafe { std::slice::from_raw_parts(s.base.add(s.b()), s.c()) }
}

fn concat_run(vm: &mut Vm, parts: &[Value]) -> crate::natives::NativeResult {
    if parts.iter().any(|p| !p.is(Kind::Str)) {
        return vm.fail("++ expects String arguments");
    }
    let texts = || parts.iter().filter_map(|&p| crate::heap_view::string(p));
    let bytes: usize = texts().map(|t| t.len as usize).sum();
    if bytes > crate::objects::MAX_TEXT || vm.heap.would_exceed(bytes) {
        return vm.fail("Memory limit exceeded: a string is too long");
    }
    let mut rest = texts();
    let Some(first) = rest.next() else {
        return Ok(vm.str(""));
    };
    if let [_, _] = parts
        && let Some(second) = rest.next()
    {
        return vm.append_text(first, second.text(), second.chars as usize);
    }
    // A text that grows round by round is not copied; see `append_text`.
    let grows = first.len as usize >= bytes / 2;
    let length = if grows {
        bytes - first.len as usize
    } else {
        bytes
    };
    let mut text = String::with_capacity(length);
    let mut chars = 0;
    for t in texts().skip(usize::from(grows)) {
        text.push_str(t.text());
        chars += t.chars as usize;
    }
    match grows {
        true => vm.append_text(first, &text, chars),
        false => Ok(vm.str_counted(&text, chars)),
    }
}

// ---------------------------------------------------------------- ordering

macro_rules! order_slow {
    ($name:ident, $less:literal) => {
        cold_handler! { $name(s) {
            let t = or_raise!(s, arith::order(s.vm(), s.get(s.b()), s.get(s.c()), $less, s.x() != 0));
            s.set(s.a(), Value::bool(t));
            next!(s)
        } }
    };
}
order_slow!(lt_slow, true);
order_slow!(le_slow, false);

macro_rules! compare_slow {
    ($name:ident, $less:literal, $want:literal) => {
        cold_handler! { $name(s) {
            let t = or_raise!(s, arith::order(s.vm(), s.get(s.a()), s.get(s.b()), $less, s.x() != 0));
            if t == $want { s.jump(); }
            next!(s)
        } }
    };
}
compare_slow!(j_lt_slow, true, true);
compare_slow!(j_nlt_slow, true, false);
compare_slow!(j_le_slow, false, true);
compare_slow!(j_nle_slow, false, false);

macro_rules! loop_slow {
    ($name:ident, $less:literal, $s:ident, $x:expr, $y:expr, $swapped:expr) => {
        cold_handler! { $name($s) {
            let t = or_raise!($s, arith::order($s.vm(), $x, $y, $less, $swapped));
            branch_back!($s, t)
        } }
    };
}
loop_slow!(
    loop_lt_slow,
    true,
    s,
    s.get(s.a()),
    s.get(s.b()),
    s.x() != 0
);
loop_slow!(
    loop_le_slow,
    false,
    s,
    s.get(s.a()),
    s.get(s.b()),
    s.x() != 0
);
loop_slow!(
    loop_lt_i_slow,
    true,
    s,
    s.get(s.a()),
    Value::small_int(s.imm_b()),
    false
);
loop_slow!(
    loop_le_i_slow,
    false,
    s,
    s.get(s.a()),
    Value::small_int(s.imm_b()),
    false
);
loop_slow!(
    loop_gt_i_slow,
    true,
    s,
    Value::small_int(s.imm_b()),
    s.get(s.a()),
    true
);
loop_slow!(
    loop_ge_i_slow,
    false,
    s,
    Value::small_int(s.imm_b()),
    s.get(s.a()),
    true
);

macro_rules! compare_imm_slow {
    ($name:ident, $less:literal, $want:literal, $swapped:literal) => {
        cold_handler! { $name(s) {
            let (x, y) = (s.get(s.a()), Value::small_int(s.imm_b()));
            let (x, y) = if $swapped { (y, x) } else { (x, y) };
            let t = or_raise!(s, arith::order(s.vm(), x, y, $less, $swapped));
            if t == $want { s.jump(); }
            next!(s)
        } }
    };
}
compare_imm_slow!(j_lt_i_slow, true, true, false);
compare_imm_slow!(j_nlt_i_slow, true, false, false);
compare_imm_slow!(j_le_i_slow, false, true, false);
compare_imm_slow!(j_nle_i_slow, false, false, false);
compare_imm_slow!(j_gt_i_slow, true, true, true);
compare_imm_slow!(j_ngt_i_slow, true, false, true);
compare_imm_slow!(j_ge_i_slow, false, true, true);
compare_imm_slow!(j_nge_i_slow, false, false, true);

macro_rules! for_slow {
    ($name:ident, $less:literal, $s:ident, $end:expr) => {
        cold_handler! { $name($s) {
            safepoint!($s);
            let one = Value::small_int(1);
            let i = or_raise!($s, arith::binary($s.vm(), Arith::Add, $s.get($s.a()), one, 1));
            $s.set($s.a(), i);
            let t = or_raise!($s, arith::order($s.vm(), i, $end, $less, false));
            branch_back!($s, t)
        } }
    };
}
for_slow!(for_lt_slow, true, s, s.get(s.b()));
for_slow!(for_le_slow, false, s, s.get(s.b()));
for_slow!(for_lt_i_slow, true, s, Value::small_int(s.imm_b()));

// ---------------------------------------------------------------- equality

/// Compares; if only Gene code can tell, calls it and goes on in `finish_equality`.
macro_rules! equal_or_call {
    ($s:ident, $x:expr, $y:expr) => {{
        let (x, y): (Value, Value) = ($x, $y);
        match crate::equality::equal($s.vm(), x, y) {
            Some(t) => t,
            None => {
                let f = or_raise!($s, $s.vm().builtin("#eq~"));
                let to = or_raise!($s, $s.vm().bridge_call(&$s, f, &[x, y]));
                goto!($s, to)
            }
        }
    }};
}

cold_handler! { eq_slow(s) {
    let t = equal_or_call!(s, s.get(s.b()), s.get(s.c()));
    s.set(s.a(), Value::bool(t));
    next!(s)
} }
cold_handler! { ne_slow(s) {
    let t = equal_or_call!(s, s.get(s.b()), s.get(s.c()));
    s.set(s.a(), Value::bool(!t));
    next!(s)
} }

macro_rules! equality_branch_slow {
    ($name:ident, $want:literal, $s:ident, $y:expr) => {
        cold_handler! { $name($s) {
            let t = equal_or_call!($s, $s.get($s.a()), $y);
            if t == $want { $s.jump(); }
            next!($s)
        } }
    };
}
equality_branch_slow!(j_eq_slow, true, s, s.get(s.b()));
equality_branch_slow!(j_ne_slow, false, s, s.get(s.b()));
equality_branch_slow!(j_eq_i_slow, true, s, Value::small_int(s.imm_b()));
equality_branch_slow!(j_ne_i_slow, false, s, Value::small_int(s.imm_b()));
equality_branch_slow!(j_eq_s_slow, true, s, Value::special(s.b() as u64));
equality_branch_slow!(j_ne_s_slow, false, s, Value::special(s.b() as u64));

cold_handler! { loop_ne_i_slow(s) {
    let t = equal_or_call!(s, s.get(s.a()), Value::small_int(s.imm_b()));
    branch_back!(s, !t)
} }

cold_handler! { is(s) {
    let v = or_raise!(s, crate::types::is(s.vm(), s.get(s.b()), s.get(s.c())));
    s.set(s.a(), v);
    next!(s)
} }

cold_handler! { type_of(s) {
    safepoint!(s);
    let v = s.vm().type_of(s.get(s.b()));
    s.set(s.a(), v);
    next!(s)
} }

// ---------------------------------------------------------------- exceptions

cold_handler! { throw(s) {
    safepoint!(s);
    let e = s.vm().normalise_thrown(s.get(s.a()));
    s.vm().raised = e;
    raise!(s)
} }

cold_handler! { rethrow(s) {
    s.vm().raised = s.get(s.a());
    raise!(s)
} }

cold_handler! { fail(s) {
    safepoint!(s);
    let text = crate::heap_view::text(s.konst(s.c())).unwrap_or("error");
    s.vm().error(text);
    raise!(s)
} }

cold_handler! { catch_is(s) {
    let v = or_raise!(s, s.vm().catches(s.get(s.b()), s.get(s.c())));
    s.set(s.a(), v);
    next!(s)
} }

handler! { enter_ex(s) {
    let old = (*s.vm).ex;
    (*s.vm).ex = s.get(s.b());
    s.set(s.a(), old);
    next!(s)
} }
handler! { leave_ex(s) { (*s.vm).ex = s.get(s.a()); next!(s) } }
handler! { get_ex(s) { s.set(s.a(), (*s.vm).ex); next!(s) } }

cold_handler! { not_a_cell(s) {
    s.vm().error("a captured variable is not a cell");
    raise!(s)
} }

// The stores into objects while a collection is marking: with their barrier.

cold_handler! { set_f_marking(s) {
    let (o, v, ic) = (s.get(s.a()), s.get(s.b()), s.k.add(s.c()));
    s.vm().heap.stored(v);
    // One of the two caches matches, or the fast path had not come here.
    let shape = (*o.as_obj()).shape;
    let way = if (*ic).bits() as u32 == shape { ic } else { ic.add(2) };
    *o.as_obj().byte_add(((*way).bits() >> 32) as usize).cast::<Value>() = v;
    (*o.as_obj()).shape = (*way.add(1)).bits() as u32;
    next!(s)
} }

cold_handler! { set_cell_marking(s) {
    let (cell, v): (*mut Cell, Value) = (s.get(s.a()).as_obj().cast(), s.get(s.b()));
    s.vm().heap.stored(v);
    (*cell).value = v;
    next!(s)
} }

cold_handler! { set_up_cell_marking(s) {
    let (cell, v): (*mut Cell, Value) = (capture(&s, s.b()).as_obj().cast(), s.get(s.a()));
    s.vm().heap.stored(v);
    (*cell).value = v;
    next!(s)
} }

cold_handler! { new_cell_slow(s) {
    safepoint!(s);
    let value = s.get(s.b());
    let cell = s.vm().heap.place(Kind::Cell, 0, |header| Cell { header, value });
    s.set(s.a(), Value::obj(cell));
    next!(s)
} }

impl Vm {
    /// Collects if it is time.
    ///
    /// # Errors
    /// The memory limit, as an exception.
    ///
    /// # Safety
    /// `base` is the innermost frame of the running fiber.
    pub unsafe fn safepoint(&mut self, base: *mut Value) -> Result<(), crate::natives::Raised> {
        if self.heap.is_due() {
            // SAFETY: by the contract
            unsafe { self.collect_some(base) };
        }
        if self.heap.is_over_limit() {
            // SAFETY: by the contract
            unsafe { self.collect_all(base) };
            if self.heap.is_over_limit() {
                let limit = self.heap.max_bytes;
                // The handler that reports it may allocate a little.
                return Err(self.memory_error(limit));
            }
        }
        Ok(())
    }

    /// What `typeof` gives.
    #[inline(never)]
    fn type_of(&mut self, v: Value) -> Value {
        let name = crate::types::type_name(self, v);
        self.str(&name)
    }

    /// Whether the exception is an instance of the class that a `catch` names.
    #[inline(never)]
    fn catches(&mut self, e: Value, class: Value) -> crate::natives::NativeResult {
        let Some(class) = self.heap.class_mut(class) else {
            let kind = crate::classes::Builtin::kind_name(class);
            return self.fail(format!("catch requires a class, got {kind}"));
        };
        let own = self.class_of(e);
        Ok(Value::bool(self.is_subclass(own, class)))
    }

    #[cold]
    fn memory_error(&mut self, limit: usize) -> crate::natives::Raised {
        self.heap.max_bytes = limit.saturating_add(limit / 8).saturating_add(1 << 20);
        let raised = self.error(&format!("Memory limit exceeded: {limit} bytes"));
        self.heap.max_bytes = limit;
        raised
    }

    /// What `halt` does: the result lies where the first frame's function was.
    pub fn finish_run(&mut self) {
        if self.raised == Value::UNDEF && self.fatal.is_none() {
            // SAFETY: the first slot of the main stack
            self.result = unsafe { *self.main.bottom() };
        }
    }
}

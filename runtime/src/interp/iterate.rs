//! `for` loops over built-in collections.
//!
//! The two state slots hold: an array and the next index; an int (the last value of a range with
//! step 1) and the next value; a generator; an iterator (snapshot or range); nil. Anything
//! else is iterated by calling `.next`, which the code after the pair does.
#![allow(unsafe_code)]

use super::slow::safepoint;
use super::*;
use crate::heap_view as view;
use gene_format::ops::Op;

/// Where an exhausted IterNext goes on.
///
/// # Safety
/// `s` is at a pair instruction: V12: its second word is an Ext.
pub unsafe fn exhausted(s: &Regs) -> *const u64 {
    // SAFETY: by the contract
    unsafe {
        let ext = s.after;
        let offset = *ext.cast::<i32>().add(1);
        ext.add(1).offset(offset as isize)
    }
}

cold_handler! { iter_init(s) {
    safepoint!(s);
    let v = s.get(s.b());
    let zero = Value::small_int(0);
    let state = s.vm().iteration_state(v);
    match state {
        Some((first, second)) => {
            s.set(s.a(), first);
            s.set(s.a() + 1, second);
            s.jump();
        }
        None => {
            s.set(s.a(), v);
            s.set(s.a() + 1, zero);
        }
    }
    next!(s)
} }

impl Vm {
    /// The state slots for a built-in collection; `None` for anything else.
    fn iteration_state(&mut self, v: Value) -> Option<(Value, Value)> {
        let zero = Value::small_int(0);
        let over = match v.kind() {
            None => return (v == Value::NIL).then_some((v, zero)),
            Some(Kind::Array) => return Some((v, zero)),
            Some(Kind::Generator | Kind::Iterator) => return Some((v, zero)),
            Some(Kind::Range) => {
                let r = view::range(v)?;
                let small = r.start.is_int() && r.end.is_int();
                if small && r.step.unwrap_or(1) == 1 {
                    return Some((r.end, r.start));
                }
                return Some((self.iterator(v, Over::Range), zero));
            }
            Some(Kind::Map) => Over::Map,
            Some(Kind::HashMap) => Over::HashMap,
            Some(Kind::HashSet) => Over::Set,
            Some(_) => return None,
        };
        let snapshot = self.snapshot(v, over);
        Some((self.iterator(snapshot, over), zero))
    }

    /// Keys and values of a map or hash map alternating, or the members of a set.
    pub fn snapshot(&mut self, v: Value, over: Over) -> Value {
        // SAFETY: maps, hash maps and sets share their layout (H4)
        let table = unsafe { &(*v.as_obj().cast::<MapObj>()).table };
        let mut items = Vec::with_capacity(table.len() * 2);
        for e in table.iter() {
            match over {
                Over::Map => {
                    let text = view::text(e.key).unwrap_or("");
                    items.push(Value::symbol(self.symbols.intern(text)));
                    items.push(e.value);
                }
                Over::HashMap => {
                    items.push(e.key);
                    items.push(e.value);
                }
                _ => items.push(e.key),
            }
        }
        self.array(items)
    }

    /// The next key and value of an iterator; `None` once it is exhausted.
    pub fn advance(&mut self, it: &mut Iterator) -> Option<(Value, Value)> {
        let at = it.at;
        let index = at as usize;
        let pair = match it.over {
            Over::Array | Over::Set => {
                let v = *view::array(it.source)?.items.as_slice().get(index)?;
                (Value::small_int(at as i64), v)
            }
            Over::Map | Over::HashMap => {
                let items = view::array(it.source)?.items.as_slice();
                (*items.get(2 * index)?, *items.get(2 * index + 1)?)
            }
            Over::Range => {
                let r = view::range(it.source)?;
                let (start, end) = (view::int(r.start)?, view::int(r.end)?);
                let step = r.step.unwrap_or(1) as i128;
                let n = start as i128 + step * at as i128;
                let inside = match step.signum() {
                    1 => n <= end as i128,
                    -1 => n >= end as i128,
                    _ => false,
                };
                if !inside {
                    return None;
                }
                (Value::small_int(at as i64), self.int(n as i64))
            }
        };
        it.at += 1;
        Some(pair)
    }
}

handler! { iter_next(s) {
    let state = s.get(s.a());
    if state.is_int() {
        let at = s.get(s.a() + 1);
        if at.is_int() {
            if at.as_int() <= state.as_int() {
                if let Some(next) = at.add_imm(1) {
                    s.set(s.b(), at);
                    s.set(s.a() + 1, next);
                    s.jump();
                    spend_budget!(s);
                    next!(s)
                }
            }
            s.pc = exhausted(&s);
            next!(s)
        }
    }
    tail!(s, iter_next_array)
} }

handler! { #[inline(never)] iter_next_array(s) {
    let state = s.get(s.a());
    if state.is_obj() {
        let array: *const Array = state.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            let at = s.get(s.a() + 1);
            let i = at.index();
            if i < (*array).items.len() as u64 {
                s.set(s.b(), *(*array).items.as_ptr().add(i as usize));
                s.set(s.a() + 1, Value::small_int(i as i64 + 1));
                s.jump();
                spend_budget!(s);
                next!(s)
            }
            s.pc = exhausted(&s);
            next!(s)
        }
        if (*array).header.shape == Kind::Generator as u32 {
            tail!(s, iter_generator)
        }
    }
    tail!(s, iter_next_slow)
} }

cold_handler! { iter_next_slow(s) {
    safepoint!(s);
    let state = s.get(s.a());
    if state == Value::NIL {
        s.pc = exhausted(&s);
        next!(s)
    }
    let Some(it) = s.vm().heap.iterator_mut(state) else {
        s.pc = s.after.add(1); // the generic path
        next!(s)
    };
    match s.vm().advance(it) {
        Some((key, value)) => {
            if *s.after.sub(1).cast::<u8>() == Op::IterNext2 as u8 {
                s.set(s.b(), key);
                s.set(s.b() + 1, value);
            } else {
                s.set(s.b(), value);
            }
            s.jump();
            spend_budget!(s);
        }
        None => s.pc = exhausted(&s),
    }
    next!(s)
} }

handler! { iter_next2(s) {
    let state = s.get(s.a());
    let at = s.get(s.a() + 1);
    if state.is_obj() {
        let array: *const Array = state.as_obj().cast();
        if (*array).header.shape == Kind::Array as u32 {
            let i = at.index();
            if i < (*array).items.len() as u64 {
                s.set(s.b(), at);
                s.set(s.b() + 1, *(*array).items.as_ptr().add(i as usize));
                s.set(s.a() + 1, Value::small_int(i as i64 + 1));
                s.jump();
                spend_budget!(s);
                next!(s)
            }
            s.pc = exhausted(&s);
            next!(s)
        }
        if (*array).header.shape == Kind::Generator as u32 {
            tail!(s, iter_generator)
        }
    }
    if state.is_int() {
        tail!(s, iter_range2)
    }
    tail!(s, iter_next_slow)
} }

// Two names over a range: the state becomes an iterator, which counts.
cold_handler! { iter_range2(s) {
    safepoint!(s);
    let (end, start) = (s.get(s.a()), s.get(s.a() + 1));
    let range = s.vm().range(start, end, None);
    let it = s.vm().iterator(range, Over::Range);
    s.set(s.a(), it);
    tail!(s, iter_next_slow)
} }

//! Generators: a call makes one, `next` switches to its fiber, `yield` switches back.
#![allow(unsafe_code)]

use super::slow::safepoint;
use super::*;
use crate::fiber::{FIRST_SLOTS, Fiber};
use crate::frame;
use crate::heap_view as view;
use crate::natives::Raised;
use crate::program::GENERATOR_STUB;
use gene_format::ops::Op;

/// What whoever resumed a generator wants from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The next value, or `not_found`.
    Next,
    /// Whether there is one.
    HasNext,
    /// The next value, which must be a pair.
    NextPair,
    /// A `for` loop's instruction goes on.
    Loop,
}

impl Wanted {
    /// The generator method of this name.
    pub fn of_method(name: &str) -> Option<Wanted> {
        match name {
            "next" => Some(Wanted::Next),
            "has_next" => Some(Wanted::HasNext),
            "next_pair" => Some(Wanted::NextPair),
            _ => None,
        }
    }
}

impl Vm {
    /// A generator whose body will run with these bound parameters.
    ///
    /// # Errors
    /// The memory limit.
    ///
    /// # Safety
    /// `slots` values lie at `args`.
    pub unsafe fn new_generator(
        &mut self,
        closure: *mut Closure,
        args: *mut Value,
        slots: usize,
    ) -> Result<Value, Raised> {
        if self.heap.would_exceed(FIRST_SLOTS * 8) {
            return Err(self.error("Memory limit exceeded: a generator's stack"));
        }
        let mut fiber = match self.spare.pop() {
            Some(fiber) => fiber,
            None => {
                self.heap.charge(FIRST_SLOTS * 8);
                Box::new(Fiber::new(FIRST_SLOTS))
            }
        };
        // SAFETY: by the contract; the stack is grown to hold the first frame
        unsafe {
            let need = HEADER + slots + crate::fiber::ZONE;
            if need > fiber.slots() {
                fiber.grow(need, std::ptr::null_mut());
            }
            let base = fiber.bottom().add(HEADER);
            *base.sub(HEADER) = Value::obj(closure);
            frame::link(base, std::ptr::null_mut(), GENERATOR_STUB.as_ptr());
            for i in 0..slots {
                *base.add(i) = *args.add(i);
            }
            fiber.pc = (*closure).code;
            fiber.base = base;
            fiber.k = (*closure).k;
            fiber.parent = std::ptr::null_mut();
            fiber.running = false;
            fiber.wanted = Wanted::Next;
            fiber.tail = false;
        }
        let g = self.heap.place(Kind::Generator, 0, |header| Generator {
            header,
            fiber: Some(fiber),
            ahead: Value::UNDEF,
        });
        Ok(Value::obj(g))
    }

    /// Goes on with a generator; it comes back through `give`.
    ///
    /// # Safety
    /// `s` is in a frame; `generator` is one with a fiber that does not run.
    #[inline(always)] // as it is most of what a round of a loop over a generator does
    pub unsafe fn resume(
        &mut self,
        s: &Regs,
        generator: *mut Generator,
        wanted: Wanted,
        tail: bool,
    ) -> Goto {
        let parent = self.generator;
        let here = self.fiber();
        here.pc = s.after;
        here.base = s.base;
        here.k = s.k.cast_mut();
        // SAFETY: by the contract
        unsafe {
            let fiber = (*generator).fiber.as_mut().expect("by the contract");
            self.heap.note_resumed(generator);
            fiber.parent = parent;
            fiber.running = true;
            fiber.wanted = wanted;
            fiber.tail = tail;
            self.generator = generator;
            self.limit = fiber.limit();
            Goto {
                pc: fiber.pc,
                base: fiber.base,
                k: fiber.k,
            }
        }
    }

    /// Leaves the running generator for whoever resumed it; it will not run again.
    pub fn leave_generator(&mut self) -> Goto {
        // SAFETY: a generator is running
        let fiber = unsafe { (*self.generator).fiber.take() };
        let mut fiber = fiber.expect("a running generator has a fiber");
        self.generator = fiber.parent;
        fiber.base = std::ptr::null_mut();
        if self.spare.len() < 64 && fiber.slots() <= 8 * FIRST_SLOTS {
            self.spare.push(fiber);
        }
        let parent = self.fiber();
        let (limit, to) = (
            parent.limit(),
            Goto {
                pc: parent.pc,
                base: parent.base,
                k: parent.k,
            },
        );
        self.limit = limit;
        to
    }

    /// `g.next` and its like.
    ///
    /// # Errors
    /// A generator that is running already.
    ///
    /// # Safety
    /// `s` is at a method call on the generator.
    pub unsafe fn resume_for_method(
        &mut self,
        s: &Regs,
        generator: Value,
        wanted: Wanted,
        tail: bool,
    ) -> Result<Goto, Raised> {
        let g = self
            .heap
            .generator_to_resume(generator)
            .expect("the caller checked the kind");
        let ready = if g.ahead != Value::UNDEF {
            Some(g.ahead)
        } else if g.fiber.is_none() {
            Some(Value::UNDEF)
        } else {
            None
        };
        // SAFETY: by the contract
        unsafe {
            match ready {
                Some(v) => {
                    if wanted != Wanted::HasNext {
                        g.ahead = Value::UNDEF;
                    }
                    let here = Goto {
                        pc: s.after,
                        base: s.base,
                        k: s.k.cast_mut(),
                    };
                    self.give_method(here, wanted, tail, v)
                }
                None if g.fiber.as_ref().is_some_and(|f| f.running) => {
                    Err(self.error("the generator is running already"))
                }
                None => Ok(self.resume(s, g, wanted, tail)),
            }
        }
    }

    /// Gives a value (or `UNDEF`: exhausted) to the method call before `to.pc`.
    ///
    /// # Safety
    /// `to` is the state of the fiber that called the method.
    unsafe fn give_method(
        &mut self,
        to: Goto,
        wanted: Wanted,
        tail: bool,
        v: Value,
    ) -> Result<Goto, Raised> {
        let result = match wanted {
            Wanted::HasNext => Value::bool(v != Value::UNDEF),
            _ if v == Value::UNDEF => Value::NOT_FOUND,
            Wanted::NextPair => {
                if view::array(v).is_none_or(|a| a.items.len() != 2) {
                    return Err(
                        self.error("Generator.next_pair expects yielded [key value] arrays")
                    );
                }
                v
            }
            _ => v,
        };
        // SAFETY: by the contract
        unsafe {
            if tail {
                let (base, pc) = (frame::caller(to.base), frame::return_pc(to.base));
                *to.base.sub(HEADER) = result;
                return Ok(Goto { pc, base, k: to.k });
            }
            let s = regs_at(to, self);
            s.set(s.a(), result);
        }
        Ok(to)
    }

    /// Gives a yielded value (or `UNDEF`: exhausted) to whoever resumed.
    ///
    /// # Safety
    /// `to` is the state of that fiber, which is current again.
    unsafe fn give(
        &mut self,
        generator: *mut Generator,
        to: Goto,
        wanted: Wanted,
        tail: bool,
        v: Value,
    ) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            if wanted != Wanted::Loop {
                if wanted == Wanted::HasNext && v != Value::UNDEF {
                    (*generator).ahead = v;
                }
                return self.give_method(to, wanted, tail, v);
            }
            let mut s = regs_at(to, self);
            if v == Value::UNDEF {
                return Ok(Goto {
                    pc: exhausted(&s),
                    ..to
                });
            }
            if *s.after.sub(1).cast::<u8>() == Op::IterNext2 as u8 {
                let Some([key, value]) = view::array(v).map(|a| a.items.as_slice()) else {
                    return Err(
                        self.error("Generator.next_pair expects yielded [key value] arrays")
                    );
                };
                s.set(s.b(), *key);
                s.set(s.b() + 1, *value);
            } else {
                s.set(s.b(), v);
            }
            s.jump();
            Ok(Goto { pc: s.pc, ..to })
        }
    }
}

/// The registers as they were when the instruction before `to.pc` ran.
///
/// # Safety
/// `to` is a state of a fiber.
unsafe fn regs_at(to: Goto, vm: &mut Vm) -> Regs {
    Regs {
        pc: to.pc,
        after: to.pc,
        base: to.base,
        vm,
        tbl: std::ptr::null(),
        k: to.k,
    }
}

handler! { yield_(s) {
    let v = s.get(s.a());
    let g = (*s.vm).generator;
    if g.is_null() { tail!(s, yield_outside) }
    let fiber: *mut Fiber = &mut **(*g).fiber.as_mut().unwrap_unchecked();
    (*fiber).pc = s.after;
    (*fiber).base = s.base;
    (*fiber).k = s.k.cast_mut();
    (*fiber).running = false;
    (*s.vm).generator = (*fiber).parent;
    let parent: *mut Fiber = (*s.vm).fiber();
    (*s.vm).limit = (*parent).limit();
    s.base = (*parent).base;
    s.k = (*parent).k;
    s.after = (*parent).pc;
    if (*fiber).wanted == Wanted::Loop {
        if *s.after.sub(1).cast::<u8>() == Op::IterNext as u8 {
            s.set(s.b(), v);
            s.jump();
            spend_budget!(s);
            next!(s)
        }
    }
    (*s.vm).passing = v;
    (*s.vm).passed_by = g;
    tail!(s, give_value)
} }

// The value in `passing` goes to an instruction other than IterNext.
handler! { #[inline(never)] give_value(s) {
    let (g, v) = ((*s.vm).passed_by, (*s.vm).passing);
    let (wanted, tail) = match &(*g).fiber {
        Some(f) => (f.wanted, f.tail),
        None => (Wanted::Next, false),
    };
    let to = Goto { pc: s.after, base: s.base, k: s.k.cast_mut() };
    let to = or_raise!(s, s.vm().give(g, to, wanted, tail, v));
    goto!(s, to)
} }

cold_handler! { yield_outside(s) {
    s.vm().error("yield used outside of generator function");
    raise!(s)
} }

// A generator's body has returned: `base` is null, the fiber is at its end.
cold_handler! { generator_end(s) {
    let g = s.vm().generator;
    let (wanted, tail) = match &(*g).fiber {
        Some(f) => (f.wanted, f.tail),
        None => (Wanted::Next, false),
    };
    let to = s.vm().leave_generator();
    s.after = to.pc;
    s.base = to.base;
    s.k = to.k;
    let to = or_raise!(s, s.vm().give(g, to, wanted, tail, Value::UNDEF));
    goto!(s, to)
} }

// IterNext and IterNext2 on a generator.
handler! { #[inline(never)] iter_generator(s) {
    let g: *mut Generator = s.get(s.a()).as_obj().cast();
    if (*g).ahead != Value::UNDEF {
        let v = (*g).ahead;
        (*g).ahead = Value::UNDEF;
        let here = Goto { pc: s.after, base: s.base, k: s.k.cast_mut() };
        let to = or_raise!(s, s.vm().give(g, here, Wanted::Loop, false, v));
        goto!(s, to)
    }
    match &(*g).fiber {
        None => {
            s.pc = exhausted(&s);
            next!(s)
        }
        Some(f) if f.running => tail!(s, already_running),
        Some(_) => {
            let to = s.vm().resume(&s, g, Wanted::Loop, false);
            goto!(s, to)
        }
    }
} }

cold_handler! { already_running(s) {
    safepoint!(s);
    s.vm().error("the generator is running already");
    raise!(s)
} }

// Futures are not part of this machine yet.
cold_handler! { await_(s) {
    s.vm().not_a_future(s.get(s.b()));
    raise!(s)
} }

impl Vm {
    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn not_a_future(&mut self, v: Value) -> Raised {
        let kind = crate::classes::Builtin::kind_name(v);
        self.error(&format!("await expects a Future, got: {kind}"))
    }
}

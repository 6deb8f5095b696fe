//! The calls that have not returned, followed from instruction to instruction.

use super::{At, Frame};
use crate::program::Proto;
use gene_format::ops::Op;

/// A call that has not returned.
struct Open<F> {
    base: usize,
    proto: usize,
    function: F,
}

/// The calls on one stack.
struct Fiber<F> {
    generator: usize,
    stack: usize,
    calls: Vec<Open<F>>,
}

/// What somebody wants to know of calls.
pub trait Listener {
    /// What is kept of each open call.
    type Function: Copy;

    /// A call begins, or a generator goes on with one. `is_new`: it begins.
    fn enter(&mut self, frame: Frame<'_>, at: &At<'_>, is_new: bool) -> Self::Function;

    /// A call has returned or raised, or its generator waits.
    fn leave(&mut self, function: Self::Function);
}

/// Wants to know nothing but how deep the calls are.
pub struct Silent;

impl Listener for Silent {
    type Function = ();
    fn enter(&mut self, _: Frame<'_>, _: &At<'_>, _: bool) {}
    fn leave(&mut self, (): ()) {}
}

/// Follows the calls of a program.
pub struct Calls<F> {
    /// The running fiber is the last; those that wait for it come before.
    fibers: Vec<Fiber<F>>,
    /// The last instruction was a tail call.
    tail: bool,
}

impl<F> Default for Calls<F> {
    fn default() -> Calls<F> {
        Calls {
            fibers: Vec::new(),
            tail: false,
        }
    }
}

fn is_tail_call(op: Op) -> bool {
    (Op::TailCall as u8..=Op::TailCallMV as u8).contains(&(op as u8)) || op == Op::TailCallF
}

impl<F: Copy> Calls<F> {
    /// Compares with the last instruction; tells of calls and returns between. Gives the running
    /// function.
    pub fn follow(&mut self, at: &mut At<'_>, listener: &mut impl Listener<Function = F>) -> F {
        let stack = at.stack();
        let frame = at.frame();
        let (base, proto) = (frame.address(), id(frame.proto()));
        let tail = std::mem::replace(
            &mut self.tail,
            at.insn().is_some_and(|insn| is_tail_call(insn.op)),
        );
        let again = tail && super::is_at_start(frame);
        if let Some(fiber) = self.fibers.last()
            && let Some(top) = fiber.calls.last()
            && (top.base, top.proto, fiber.stack) == (base, proto, stack)
            && fiber.generator == at.generator()
            && !again
        {
            return top.function;
        }
        self.change(at, stack, again, listener)
    }

    /// The functions of all open calls, outermost first.
    pub fn open(&self) -> impl Iterator<Item = F> {
        let calls = self.fibers.iter().flat_map(|fiber| &fiber.calls);
        calls.map(|call| call.function)
    }

    /// Number of open calls.
    pub fn depth(&self) -> usize {
        self.fibers.iter().map(|fiber| fiber.calls.len()).sum()
    }

    /// All calls have ended.
    pub fn end(&mut self, listener: &mut impl Listener<Function = F>) {
        while let Some(mut fiber) = self.fibers.pop() {
            leave_above(&mut fiber.calls, 0, listener);
        }
    }

    #[cold]
    fn change(
        &mut self,
        at: &At<'_>,
        stack: usize,
        again: bool,
        listener: &mut impl Listener<Function = F>,
    ) -> F {
        let generator = at.generator();
        match self.fibers.iter().rposition(|f| f.generator == generator) {
            Some(index) => {
                for mut fiber in self.fibers.drain(index + 1..).rev() {
                    leave_above(&mut fiber.calls, 0, listener);
                }
            }
            None => self.fibers.push(Fiber {
                generator,
                stack,
                calls: Vec::new(),
            }),
        }
        let last = self.fibers.len() - 1;
        let fiber = &mut self.fibers[last];
        // A stack that grows moves.
        let moved = stack.wrapping_sub(fiber.stack);
        fiber.stack = stack;
        if moved != 0 {
            for call in &mut fiber.calls {
                call.base = call.base.wrapping_add(moved);
            }
        }
        let frame = at.frame();
        leave_above(&mut fiber.calls, frame.address(), listener);
        if let Some(top) = fiber.calls.last()
            && top.base == frame.address()
            && (again || top.proto != id(frame.proto()))
        {
            listener.leave(top.function);
            fiber.calls.pop();
        }
        let known = fiber.calls.last().map_or(0, |call| call.base);
        let mut fresh: Vec<Frame<'_>> = Vec::new();
        if known < frame.address() {
            fresh.push(frame);
            fresh.extend(
                frame
                    .callers()
                    .take_while(|caller| caller.address() > known),
            );
        }
        fresh.retain(|frame| frame.proto().image().is_some());
        for (left, frame) in (0..fresh.len()).rev().zip(fresh.iter().rev()) {
            let is_new = left == 0 && super::is_at_start(*frame);
            fiber.calls.push(Open {
                base: frame.address(),
                proto: id(frame.proto()),
                function: listener.enter(*frame, at, is_new),
            });
        }
        match fiber.calls.last() {
            Some(top) => top.function,
            None => unreachable!("the running frame is known now"),
        }
    }
}

fn id(proto: &Proto) -> usize {
    std::ptr::from_ref(proto) as usize
}

fn leave_above<F: Copy>(
    calls: &mut Vec<Open<F>>,
    base: usize,
    listener: &mut impl Listener<Function = F>,
) {
    while let Some(call) = calls.pop_if(|call| call.base > base) {
        listener.leave(call.function);
    }
}

//! Observed runs: a second dispatch table whose every entry tells the observers of the instruction
//! and then jumps to its handler. Runs that nobody observes use the other table and pay nothing.
#![allow(unsafe_code)]

use super::*;
use crate::observe::Observer;
use crate::program::{Image, Proto};
use gene_format::image::FuncView;
use gene_format::ops::{Insn, Op};
use gene_format::program::{FuncId, FuncKind, TableEntry, TableId};
use std::marker::PhantomData;

/// All 256 bytes are observed first.
pub static TABLE: [Handler; 256] = [observed; 256];

handler! { observed(s) {
    tell(s.vm, s.after, s.base, s.k);
    if (*s.vm).fatal.is_some() {
        tail!(s, stopped)
    }
    let op = *s.pc.sub(1).cast::<u8>() as usize;
    super::TABLE[op](s.pc, s.base, s.vm, s.tbl, s.k)
} }

// An observer has ended the program, or it ends and goes to the stub that leaves the interpreter.
cold_handler! { stopped(s) {
    let op = *s.pc.sub(1).cast::<u8>() as usize;
    if s.base.is_null() {
        return super::TABLE[op](s.pc, s.base, s.vm, s.tbl, s.k);
    }
    raise!(s)
} }

/// Tells the observers of the instruction before `after`.
///
/// # Safety
/// The arguments are those of a handler.
#[inline(never)]
unsafe fn tell(vm: *mut Vm, after: *const u64, base: *mut Value, k: *const Value) {
    // SAFETY: by the contract, `after` points just behind an instruction word
    let op = unsafe { *after.sub(1).cast::<u8>() };
    // The machine's own stubs are no instructions of a program.
    if Op::from_code(op).is_none_or(Op::is_internal) {
        return;
    }
    // SAFETY: by the contract; handlers hold no reference to the machine across their jumps
    let vm = unsafe { &mut *vm };
    with_observers(vm, after, base, k, |observer, at| observer.step(at));
}

/// Tells the observers that the exception in `vm.raised` was raised before `after`; `caught` if
/// some frame catches it.
///
/// # Safety
/// `base` is the innermost frame of the running fiber, and `after` points into its code or a stub.
pub unsafe fn tell_raised(vm: &mut Vm, after: *const u64, base: *mut Value, caught: bool) {
    // SAFETY: by the contract
    let k = unsafe { (*frame::closure(base)).k };
    with_observers(vm, after, base, k, |observer, at| {
        observer.raised(at, caught)
    });
}

fn with_observers(
    vm: &mut Vm,
    after: *const u64,
    base: *mut Value,
    k: *const Value,
    mut tell: impl FnMut(&mut dyn Observer, &mut At<'_>),
) {
    // Without them, so that nothing an observer runs is observed.
    let mut observers = std::mem::take(&mut vm.observers);
    for observer in &mut observers {
        let mut at = At { vm, after, base, k };
        tell(&mut **observer, &mut at);
    }
    vm.observers = observers;
}

/// A program that stands before an instruction.
pub struct At<'a> {
    /// The machine.
    pub vm: &'a mut Vm,
    /// Behind the instruction.
    after: *const u64,
    base: *mut Value,
    k: *const Value,
}

/// A call that has not returned.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    base: *mut Value,
    after: *const u64,
    of: PhantomData<&'a Vm>,
}

impl<'a> At<'a> {
    /// The innermost frame.
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            base: self.base,
            after: self.after,
            of: PhantomData,
        }
    }

    /// All frames, innermost first, those of the fibers that wait for the running one too; frames
    /// of the machine itself are left out.
    pub fn frames(&self) -> impl std::iter::Iterator<Item = Frame<'_>> {
        let mut next = Some((self.frame(), self.vm.generator));
        std::iter::from_fn(move || {
            let (frame, generator) = next?;
            next = match frame.caller() {
                Some(caller) => Some((caller, generator)),
                None => self.waiting(generator),
            };
            Some(frame)
        })
        .filter(|frame| frame.proto().image().is_some())
    }

    /// The innermost frame of the fiber that waits for this generator, and its generator.
    fn waiting(&self, generator: *mut Generator) -> Option<(Frame<'_>, *mut Generator)> {
        // SAFETY: a generator that runs is live and has its fiber; the fibers that wait for it
        // have saved their state
        unsafe {
            let parent = generator.as_ref()?.fiber.as_ref()?.parent;
            let fiber = match parent.as_ref() {
                Some(generator) => generator.fiber.as_deref()?,
                None => &self.vm.main,
            };
            let frame = Frame {
                base: fiber.base,
                after: fiber.pc,
                of: PhantomData,
            };
            (!fiber.base.is_null()).then_some((frame, parent))
        }
    }

    /// The instruction.
    pub fn insn(&self) -> Option<Insn> {
        // SAFETY: `after` points just behind an instruction of verified code, or of a stub
        Insn::decode(unsafe { *self.after.sub(1) })
    }

    /// A table word of the running function's window.
    ///
    /// # Panics
    /// The table has no such word.
    pub fn konst(&self, index: usize) -> Value {
        let image = self
            .frame()
            .proto()
            .image()
            .expect("a function of an image");
        image.table()[image.table_id(self.k).index() + index]
    }

    /// Changes a slot of a frame, counted from the innermost one.
    ///
    /// # Panics
    /// There is no such frame, or it has no such slot.
    pub fn set_slot(&mut self, frame: usize, slot: usize, value: Value) {
        let frame = self.frames().nth(frame).expect("a frame");
        assert!(slot < frame.slots());
        // SAFETY: the frame has this slot
        unsafe { *frame.base.add(slot) = value };
    }

    /// Changes a word of the table that the functions of a frame's image share. False if it cannot
    /// be: other functions may count on the value of a function that is never assigned.
    ///
    /// # Panics
    /// There is no such frame, or no such word.
    pub fn set_global(&mut self, frame: usize, word: usize, value: Value) -> bool {
        let frame = self.frames().nth(frame).expect("a frame");
        let image = frame.proto().image;
        // SAFETY: images are never freed, and no other reference to this one is held
        let image = unsafe { &mut *image.cast_mut() };
        let entry = image.view.table_entry(TableId(word as u32));
        let is_variable = matches!(entry, Ok(TableEntry::Global { .. }));
        is_variable && image.set_word(word, value)
    }

    /// The function of this name in the module of a frame, if there is one and no other: one that
    /// captures nothing, and that no code of the module may have used yet.
    pub fn function(&mut self, frame: usize, name: &str) -> Option<Value> {
        let proto = self.frames().nth(frame)?.proto();
        let (image, module) = (proto.image, proto.module);
        // SAFETY: images are never freed
        let view = unsafe { &(*image).view };
        let mut found = (0..view.func_count() as u32).filter_map(|id| {
            let func = view.func(FuncId(id)).ok()?;
            let fits = func.kind == FuncKind::Function && func.module == module;
            let fits = fits && func.captures.len == 0 && !func.is_macro;
            (fits && view.string(func.name) == Ok(name)).then_some(func.id)
        });
        let (id, None) = (found.next()?, found.next()) else {
            return None;
        };
        // SAFETY: no reference to the image is held any more
        let proto = unsafe { (*image.cast_mut()).proto(self.vm, id) };
        let function = self.vm.closure(proto.ok()?, &[]);
        self.vm.pinned.push(function);
        Some(function)
    }

    /// Tells apart the stacks that run: the address of the running one.
    pub fn stack(&mut self) -> usize {
        self.vm.fiber().bottom() as usize
    }

    /// The running generator, 0 on the main stack.
    pub fn generator(&self) -> usize {
        self.vm.generator as usize
    }

    /// True in a function of the library.
    pub fn in_library(&self) -> bool {
        self.frame().in_library(self.vm)
    }
}

impl<'a> Frame<'a> {
    fn caller(self) -> Option<Frame<'a>> {
        // SAFETY: the frame is linked
        let (base, after) = unsafe { (frame::caller(self.base), frame::return_pc(self.base)) };
        (!base.is_null()).then_some(Frame {
            base,
            after,
            of: PhantomData,
        })
    }

    /// The callers on the same stack, innermost first, with those of the machine itself.
    pub fn callers(self) -> impl std::iter::Iterator<Item = Frame<'a>> {
        std::iter::successors(self.caller(), |frame| frame.caller())
    }

    /// Where it lies: frames further out on the same stack have lower addresses.
    pub fn address(self) -> usize {
        self.base as usize
    }

    /// Its base.
    pub(super) fn base(self) -> *mut Value {
        self.base
    }

    /// The instruction behind the one that it stands at.
    pub(super) fn after(self) -> *const u64 {
        self.after
    }

    /// What runs in it.
    pub fn proto(self) -> &'a Proto {
        // SAFETY: F1: a frame has its closure; protos are never freed
        unsafe { &*(*frame::closure(self.base)).proto }
    }

    /// Index of the instruction that the frame stands at: the one before which an observer is
    /// called, or the call that has not returned.
    pub fn index(self) -> Option<u32> {
        self.proto().index_of(self.after.wrapping_sub(1))
    }

    /// Number of slots. A large frame has them only behind its first instruction, which makes room.
    pub fn slots(self) -> usize {
        let slots = self.proto().frame_size as usize;
        match self.index() {
            Some(0) => slots.min(frame::GUARD),
            _ => slots,
        }
    }

    /// The value in a slot.
    ///
    /// # Panics
    /// It has no such slot.
    pub fn slot(self, slot: usize) -> Value {
        assert!(slot < self.slots());
        // SAFETY: the frame has this slot
        unsafe { *self.base.add(slot) }
    }

    /// The captured values.
    pub fn captures(self) -> &'a [Value] {
        // SAFETY: F1; a closure has all the captures of its function
        unsafe {
            let closure = frame::closure(self.base);
            std::slice::from_raw_parts(Closure::captures(closure), self.proto().captures.len())
        }
    }

    /// Image and function, unless the machine made it.
    pub fn function(self) -> Option<(&'a Image, FuncView)> {
        let proto = self.proto();
        // SAFETY: images are never freed
        let image = unsafe { proto.image.as_ref() }?;
        Some((image, image.view.func(proto.id).ok()?))
    }

    /// True in a function of the library.
    pub fn in_library(self, vm: &Vm) -> bool {
        let image = self.proto().image;
        vm.prelude
            .as_ref()
            .is_some_and(|prelude| std::ptr::eq(prelude.image, image))
    }

    /// Line and column of the instruction that it stands at, from 1; 0 unknown.
    pub fn position(self) -> (u32, u32) {
        let at = self.function().zip(self.index());
        at.and_then(|((image, func), index)| image.debug_view().position(func.id, index))
            .unwrap_or((0, 0))
    }
}

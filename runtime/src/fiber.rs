//! A fiber: a value stack of its own and the place where it goes on.
//!
//! Stacks start small and move when they grow. Frame headers are the only addresses into a
//! stack, so moving means copying and adding the distance to each caller's base in the chain.
#![allow(unsafe_code)]

use crate::frame;
use crate::heap::object::Generator;
use crate::value::Value;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};

/// Slots above `limit` that every stack keeps: a frame of GUARD slots, and what slow paths put
/// above a frame.
pub const ZONE: usize = frame::GUARD + SLOW;

/// Slots that slow paths may use above the running frame (a bridge frame and its window).
pub const SLOW: usize = 40;

/// Slots of a new generator's stack: 1 KiB.
pub const FIRST_SLOTS: usize = 128;

/// A stack and a saved state.
pub struct Fiber {
    stack: *mut Value,
    slots: usize,
    /// Next instruction when suspended.
    pub pc: *const u64,
    /// Frame when suspended.
    pub base: *mut Value,
    /// Table window when suspended.
    pub k: *mut Value,
    /// Who resumed it: its generator, or null for the main fiber.
    pub parent: *mut Generator,
    /// True while it or a fiber that it resumed is running.
    pub running: bool,
    /// What whoever resumed it wants.
    pub wanted: crate::interp::generators::Wanted,
    /// It was resumed by a call in tail position.
    pub tail: bool,
}

impl Fiber {
    /// A fiber with an empty stack. The stack is zeroed: full of valid values (0.0).
    pub fn new(slots: usize) -> Fiber {
        let layout = layout(slots);
        // SAFETY: the layout is not empty
        let stack: *mut Value = unsafe { alloc_zeroed(layout) }.cast();
        if stack.is_null() {
            handle_alloc_error(layout);
        }
        Fiber {
            stack,
            slots,
            pc: std::ptr::null(),
            base: std::ptr::null_mut(),
            k: std::ptr::null_mut(),
            parent: std::ptr::null_mut(),
            running: false,
            wanted: crate::interp::generators::Wanted::Next,
            tail: false,
        }
    }

    /// First slot.
    pub fn bottom(&self) -> *mut Value {
        self.stack
    }

    /// Highest base a call may use without growing the stack.
    pub fn limit(&self) -> *mut Value {
        self.stack.wrapping_add(self.slots - ZONE)
    }

    /// One past the last slot.
    pub fn end(&self) -> *mut Value {
        self.stack.wrapping_add(self.slots)
    }

    /// Slots in all.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Bytes in all.
    pub fn bytes(&self) -> usize {
        self.slots * size_of::<Value>()
    }

    /// All words below the end of its frame, or of the stack if the frame is not whole yet.
    ///
    /// # Safety
    /// The fiber is suspended (or saved), with a frame.
    pub unsafe fn live_words(&self) -> &[Value] {
        if self.base.is_null() {
            return &[];
        }
        // A generator that did not start yet may need a larger stack: the first instruction of
        // a large frame grows it, and an image's word for that is checked before the start.
        // SAFETY: every stack word is a value or a raw word that reads as a double
        unsafe {
            let top = frame::top(self.base).min(self.end());
            std::slice::from_raw_parts(self.stack, top.offset_from(self.stack) as usize)
        }
    }

    /// Zeroes everything from `top` up, so that no later frame finds a dangling object.
    ///
    /// # Safety
    /// `top` lies within the stack and nothing above it is in use.
    pub unsafe fn clear_above(&mut self, top: *mut Value) {
        let mut p = top;
        let end = self.end();
        while p < end {
            // SAFETY: by the contract
            unsafe {
                if (*p).bits() != 0 {
                    *p = Value::raw(0);
                }
                p = p.add(1);
            }
        }
    }

    /// Moves to a stack of at least `slots`; returns where `base`, a frame of it, lies now.
    ///
    /// # Safety
    /// `base` is the innermost frame, or null if there is none.
    pub unsafe fn grow(&mut self, slots: usize, base: *mut Value) -> *mut Value {
        let mut new = Fiber::new(slots.max(self.slots * 2));
        // SAFETY: both stacks are whole; the chain of callers' bases ends with null
        unsafe {
            new.stack.copy_from_nonoverlapping(self.stack, self.slots);
            let moved = |p: *mut Value| new.stack.offset(p.offset_from(self.stack));
            let mut frame_base = base;
            while !frame_base.is_null() {
                let caller = frame::caller(frame_base);
                if !caller.is_null() {
                    frame::link(
                        moved(frame_base),
                        moved(caller),
                        frame::return_pc(frame_base),
                    );
                }
                frame_base = caller;
            }
            let base = if base.is_null() { base } else { moved(base) };
            std::mem::swap(&mut self.stack, &mut new.stack);
            std::mem::swap(&mut self.slots, &mut new.slots);
            base
        }
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout
        unsafe { dealloc(self.stack.cast(), layout(self.slots)) };
    }
}

fn layout(slots: usize) -> Layout {
    Layout::array::<Value>(slots).expect("stack sizes fit isize")
}

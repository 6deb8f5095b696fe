//! The frame layout on the value stack.
//!
//! ```text
//! base[-3]  the running function (a closure); the result replaces it on return
//! base[-2]  the caller's base     raw address: reads as a tiny double; 0 in the first frame
//! base[-1]  the return pc         raw address: reads as a tiny double
//! base[0..] arguments, locals, temporaries: frame_size slots
//! ```
//! A call in slot `a` overlays the callee's frame on the caller's slots from `a + HEADER`, so
//! arguments are not copied. Only `link` writes headers.
#![allow(unsafe_code)]

use crate::heap::object::Closure;
use crate::value::Value;
pub use gene_format::ops::{GUARD, HEADER, MAX_FRAME};

/// # Safety
/// `base` is the base of a frame.
#[inline(always)]
pub unsafe fn closure(base: *mut Value) -> *mut Closure {
    // SAFETY: F1: every entry to a frame puts a closure into this slot, and no operand of the
    // callee reaches below base[0] (V4)
    unsafe { (*base.sub(HEADER)).as_obj().cast() }
}

/// The end of the frame: everything below is a root.
///
/// # Safety
/// `base` is the base of a frame.
pub unsafe fn top(base: *mut Value) -> *mut Value {
    // SAFETY: F1; frame_size slots lie in the stack by the limit check
    unsafe { base.add((*(*closure(base)).proto).frame_size as usize) }
}

/// # Safety
/// `base` is HEADER slots or more above the bottom of the stack and within it.
#[inline(always)]
pub unsafe fn link(base: *mut Value, caller: *mut Value, return_pc: *const u64) {
    // SAFETY: by the contract
    unsafe {
        *base.sub(2) = Value::raw(caller.expose_provenance() as u64);
        *base.sub(1) = Value::raw(return_pc.expose_provenance() as u64);
    }
}

/// # Safety
/// `base` is the base of a frame.
#[inline(always)]
pub unsafe fn caller(base: *mut Value) -> *mut Value {
    // SAFETY: written by `link`
    unsafe { std::ptr::with_exposed_provenance_mut((*base.sub(2)).bits() as usize) }
}

/// # Safety
/// `base` is the base of a frame.
#[inline(always)]
pub unsafe fn return_pc(base: *mut Value) -> *const u64 {
    // SAFETY: written by `link`
    unsafe { std::ptr::with_exposed_provenance((*base.sub(1)).bits() as usize) }
}

//! Safe views of heap objects for natives and printing: a value in, a reference out if it is of
//! that kind.
//!
//! A reference lives as long as the borrow that the caller names; the collector runs only at
//! safepoints between natives, so it outlives no object (H1). Natives never hold a mutable
//! and a shared view of one object at a time: each method borrows, works, and lets go.
#![allow(unsafe_code)]

use crate::heap::object::*;
use crate::value::Value;

macro_rules! views {
    ($($name:ident $name_mut:ident $kind:ident $ty:ty;)*) => {
        $(
            /// The object, if it is of this kind.
            #[inline(always)]
            pub fn $name<'a>(v: Value) -> Option<&'a $ty> {
                if v.is(Kind::$kind) {
                    // SAFETY: H1, H4: the value's object is live and of this layout
                    Some(unsafe { &*v.as_obj().cast::<$ty>() })
                } else {
                    None
                }
            }

            /// The object, to change, if it is of this kind.
            #[inline(always)]
            pub fn $name_mut<'a>(v: Value) -> Option<&'a mut $ty> {
                if v.is(Kind::$kind) {
                    // SAFETY: H1, H4; natives let go of other views first (module text)
                    Some(unsafe { &mut *v.as_obj().cast::<$ty>() })
                } else {
                    None
                }
            }
        )*
    };
}

views! {
    string string_mut Str Str;
    array array_mut Array Array;
    map map_mut Map MapObj;
    hash_map hash_map_mut HashMap MapObj;
    hash_set hash_set_mut HashSet MapObj;
    gene gene_mut Gene Gene;
    closure closure_mut Closure Closure;
    native native_mut Native Native;
    cell cell_mut Cell Cell;
    big_int big_int_mut BigInt BigInt;
    range range_mut Range Range;
    bytes bytes_mut Bytes Bytes;
    path path_mut Path Path;
    class class_mut Class Class;
    namespace namespace_mut Namespace Namespace;
    generator generator_mut Generator Generator;
    iterator iterator_mut Iterator Iterator;
    record record_mut Record Record;
    instance instance_mut Instance Instance;
}

/// The text, if it is a string.
#[inline(always)]
pub fn text<'a>(v: Value) -> Option<&'a str> {
    string(v).map(Str::text)
}

/// The integer, immediate or boxed.
#[inline(always)]
pub fn int(v: Value) -> Option<i64> {
    if v.is_int() {
        return Some(v.as_int());
    }
    big_int(v).map(|b| b.value)
}

/// The number as a double.
pub fn number(v: Value) -> Option<f64> {
    if v.is_float() {
        return Some(v.as_float());
    }
    int(v).map(|n| n as f64)
}

/// The tag, if it is a record.
pub fn tag(v: Value) -> Option<Tag> {
    record(v).map(|r| r.tag)
}

/// True for closures written as blocks.
pub fn is_block(v: Value) -> bool {
    closure(v).is_some_and(|c| c.header.flags & BLOCK != 0)
}

/// What the closures of its function share, if it is a closure.
pub fn proto<'a>(v: Value) -> Option<&'a crate::program::Proto> {
    // SAFETY: protos are never freed
    closure(v).map(|c| unsafe { &*c.proto })
}

/// The captured values of a closure, cells included.
pub fn captured<'a>(v: Value) -> &'a [Value] {
    match closure(v) {
        // SAFETY: H4: that many values lie behind the struct of a live closure
        Some(c) => unsafe { std::slice::from_raw_parts(Closure::captures(c), c.captures as usize) },
        None => &[],
    }
}

/// True if programs may not change it.
pub fn is_immutable(v: Value) -> bool {
    // SAFETY: H1
    v.is_obj() && unsafe { (*v.as_obj()).is_immutable() }
}

/// True if it is a sealed literal.
pub fn is_sealed(v: Value) -> bool {
    // SAFETY: H1
    v.is_obj() && unsafe { (*v.as_obj()).flags & SEALED != 0 }
}

/// Sets a header flag.
pub fn set_flag(v: Value, flag: u8) {
    if v.is_obj() {
        // SAFETY: H1
        unsafe { (*v.as_obj()).flags |= flag };
    }
}

/// True for namespaces with handlers of missing members.
pub fn asks_handlers(v: Value) -> bool {
    namespace(v).is_some_and(|n| !n.missing.is_empty())
}

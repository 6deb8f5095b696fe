//! Safe views of heap objects for natives and printing: a value in, a reference out if it is of
//! that kind.
//!
//! A reference lives as long as the borrow that the caller names; the collector runs only at
//! safepoints between natives, so it outlives no object (H1). Natives never hold a mutable
//! and a shared view of one object at a time: each method borrows, works, and lets go.
#![allow(unsafe_code)]

use crate::heap::Heap;
use crate::heap::object::*;
use crate::heap::table::Table;
use crate::value::Value;

macro_rules! views {
    ($($name:ident $kind:ident $ty:ty;)*) => {
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
        )*
    };
}

views! {
    string Str Str;
    array Array Array;
    map Map MapObj;
    hash_map HashMap MapObj;
    hash_set HashSet MapObj;
    gene Gene Gene;
    closure Closure Closure;
    native Native Native;
    cell Cell Cell;
    big_int BigInt BigInt;
    range Range Range;
    bytes Bytes Bytes;
    path Path Path;
    class Class Class;
    namespace Namespace Namespace;
    generator Generator Generator;
    iterator Iterator Iterator;
    record Record Record;
    instance Instance Instance;
}

macro_rules! views_to_change {
    ($($name:ident $kind:ident $ty:ty;)*) => {
        /// Views to change, each with the barrier of any change (H5): it covers what is done
        /// until the next safepoint.
        impl Heap {
            $(
                /// The object, to change, if it is of this kind.
                #[inline(always)]
                pub fn $name<'a>(&mut self, v: Value) -> Option<&'a mut $ty> {
                    if !v.is(Kind::$kind) {
                        return None;
                    }
                    // SAFETY: H1, H4; natives let go of other views first (module text)
                    unsafe {
                        self.changed(v.as_obj());
                        Some(&mut *v.as_obj().cast::<$ty>())
                    }
                }
            )*
        }
    };
}

views_to_change! {
    array_mut Array Array;
    cell_mut Cell Cell;
    map_mut Map MapObj;
    hash_map_mut HashMap MapObj;
    hash_set_mut HashSet MapObj;
    gene_mut Gene Gene;
    closure_mut Closure Closure;
    class_mut Class Class;
    namespace_mut Namespace Namespace;
    iterator_mut Iterator Iterator;
    record_mut Record Record;
    instance_mut Instance Instance;
}

impl Heap {
    /// An array to put values into: each value goes through `stored`. Unlike `array_mut` it does
    /// not have a large array traced again for one store.
    #[inline(always)]
    pub fn array_to_fill<'a>(&mut self, v: Value) -> Option<&'a mut Array> {
        if !v.is(Kind::Array) {
            return None;
        }
        // SAFETY: as in the views to change
        unsafe {
            self.unguard(v.as_obj());
            Some(&mut *v.as_obj().cast::<Array>())
        }
    }

    /// A generator that is asked for its next value. Its barrier is `note_resumed`; a value that
    /// it holds ahead is only taken.
    pub fn generator_to_resume<'a>(&mut self, v: Value) -> Option<&'a mut Generator> {
        if !v.is(Kind::Generator) {
            return None;
        }
        // SAFETY: as in the views to change
        Some(unsafe { &mut *v.as_obj().cast::<Generator>() })
    }

    /// A map, hash map or set to put entries into, as `array_to_fill`.
    #[inline(always)]
    pub fn table_to_fill<'a>(&mut self, v: Value) -> Option<&'a mut Table> {
        if !(v.is(Kind::Map) || v.is(Kind::HashMap) || v.is(Kind::HashSet)) {
            return None;
        }
        // SAFETY: as in the views to change
        let table = unsafe { &mut (*v.as_obj().cast::<MapObj>()).table };
        if table.is_sparse() {
            // A slice that waits to be traced may come to a place that is done.
            // SAFETY: H1
            unsafe { self.changed(v.as_obj()) };
        }
        Some(table)
    }
}

/// The word that tells an object's kind or, from `FIRST_SHAPE` on, an instance's shape; `None`
/// for immediate values.
#[inline(always)]
pub fn shape(v: Value) -> Option<ShapeId> {
    // SAFETY: H1: an object value points at a live object, which starts with its header
    v.is_obj().then(|| unsafe { (*v.as_obj()).shape })
}

/// A string, to keep its hash in.
#[inline(always)]
pub fn string_mut<'a>(v: Value) -> Option<&'a mut Str> {
    if !v.is(Kind::Str) {
        return None;
    }
    // SAFETY: as in the views to change; a hash is no reference, so it needs no barrier
    Some(unsafe { &mut *v.as_obj().cast::<Str>() })
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

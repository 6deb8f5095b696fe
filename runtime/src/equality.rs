//! `==` and hashing, as far as they need no Gene code.

use crate::heap::object::*;
use crate::heap_view as view;
use crate::symbol::hash_str;
use crate::value::Value;
use crate::vm::Vm;

/// Containers nested deeper than this are compared by Gene code, which has no such limit.
const MAX_NESTING: u32 = 200;

/// `a == b`; `None` if an instance with a method `==` or deep nesting is involved, so that only
/// Gene code can tell.
pub fn equal(vm: &Vm, a: Value, b: Value) -> Option<bool> {
    equal_at(vm, a, b, 0)
}

fn equal_at(vm: &Vm, a: Value, b: Value, depth: u32) -> Option<bool> {
    if a.is_float() && b.is_float() {
        return Some(a.as_float() == b.as_float());
    }
    let Some(kind) = a.kind() else {
        return Some(a == b);
    };
    if kind == Kind::Instance {
        return instance_equal(vm, a, b);
    }
    if a == b {
        return Some(true);
    }
    if b.kind() != Some(kind) {
        return Some(false);
    }
    if depth > MAX_NESTING {
        return None;
    }
    match kind {
        Kind::Str => Some(view::string(a)?.bytes() == view::string(b)?.bytes()),
        Kind::BigInt => Some(view::big_int(a)?.value == view::big_int(b)?.value),
        Kind::Bytes => Some(view::bytes(a)?.data == view::bytes(b)?.data),
        Kind::Path => Some(view::path(a)?.parts == view::path(b)?.parts),
        Kind::Array => {
            let (x, y) = (view::array(a)?, view::array(b)?);
            if x.items.len() != y.items.len() {
                return Some(false);
            }
            all(vm, x.items.as_slice().iter().zip(y.items.as_slice()), depth)
        }
        Kind::Map => {
            let (x, y) = (view::map(a)?, view::map(b)?);
            if x.table.len() != y.table.len() {
                return Some(false);
            }
            for e in x.table.iter() {
                let Some(other) = Vm::table_get(&y.table, e.key) else {
                    return Some(false);
                };
                if !equal_at(vm, e.value, other, depth + 1)? {
                    return Some(false);
                }
            }
            Some(true)
        }
        Kind::HashMap => {
            let (x, y) = (view::hash_map(a)?, view::hash_map(b)?);
            if x.table.len() != y.table.len() {
                return Some(false);
            }
            for (e, f) in x.table.iter().zip(y.table.iter()) {
                if !equal_at(vm, e.key, f.key, depth + 1)?
                    || !equal_at(vm, e.value, f.value, depth + 1)?
                {
                    return Some(false);
                }
            }
            Some(true)
        }
        Kind::HashSet => {
            let (x, y) = (view::hash_set(a)?, view::hash_set(b)?);
            if x.table.len() != y.table.len() {
                return Some(false);
            }
            for e in x.table.iter() {
                let mut unknown = false;
                let found = y
                    .table
                    .find(e.hash, |k| match equal_at(vm, k, e.key, depth + 1) {
                        Some(same) => same,
                        None => {
                            unknown = true;
                            false
                        }
                    });
                if unknown {
                    return None;
                }
                if found.is_none() {
                    return Some(false);
                }
            }
            Some(true)
        }
        Kind::Record => record_equal(vm, view::record(a)?, view::record(b)?, depth),
        _ => Some(false),
    }
}

fn all<'a>(
    vm: &Vm,
    pairs: impl std::iter::Iterator<Item = (&'a Value, &'a Value)>,
    depth: u32,
) -> Option<bool> {
    for (&x, &y) in pairs {
        if !equal_at(vm, x, y, depth + 1)? {
            return Some(false);
        }
    }
    Some(true)
}

fn record_equal(vm: &Vm, a: &Record, b: &Record, depth: u32) -> Option<bool> {
    if a.tag != b.tag {
        return Some(false);
    }
    match a.tag {
        Tag::Date | Tag::Time | Tag::DateTime => Some(crate::natives::temporal::same(a, b)),
        Tag::EnumValue => {
            if a.fields.len() != b.fields.len() || a.fields[0] != b.fields[0] {
                return Some(false);
            }
            all(vm, a.fields[1..].iter().zip(&b.fields[1..]), depth)
        }
        _ => Some(false),
    }
}

/// Instances are equal by identity unless the left one's class has a method `==`.
fn instance_equal(vm: &Vm, a: Value, b: Value) -> Option<bool> {
    if vm.any_eq && vm.user_eq(a).is_some() {
        return None;
    }
    Some(a == b)
}

/// Hash of a key, if the value is hashable without Gene code. Equal values have equal hashes.
pub fn hash(vm: &Vm, v: Value) -> Option<u32> {
    hash_at(vm, v, 0)
}

fn hash_at(vm: &Vm, v: Value, depth: u32) -> Option<u32> {
    if depth > MAX_NESTING {
        return None;
    }
    let Some(kind) = v.kind() else {
        if v.is_float() && v.as_float() == 0.0 {
            return Some(mix(0.0f64.to_bits()));
        }
        return match v.as_symbol() {
            Some(s) => Some(hash_str(vm.symbols.text(s).as_bytes()).rotate_left(7)),
            None => Some(mix(v.bits())),
        };
    };
    match kind {
        Kind::Str => view::string_mut(v).map(Vm::text_hash),
        Kind::BigInt => Some(mix(view::big_int(v)?.value as u64)),
        Kind::Bytes => Some(hash_str(&view::bytes(v)?.data)),
        Kind::Path => {
            let mut h = 17;
            for &part in &view::path(v)?.parts {
                h = combine(h, hash_str(vm.symbols.text(part).as_bytes()));
            }
            Some(h)
        }
        Kind::Array => {
            let mut h = 3;
            for &item in view::array(v)?.items.as_slice() {
                h = combine(h, hash_at(vm, item, depth + 1)?);
            }
            Some(h)
        }
        Kind::Map => {
            // Independent of the order of the keys, as equality is.
            let mut h = 5u32;
            for e in view::map(v)?.table.iter() {
                h = h.wrapping_add(combine(e.hash, hash_at(vm, e.value, depth + 1)?));
            }
            Some(h)
        }
        Kind::HashMap => {
            let mut h = 7;
            for e in view::hash_map(v)?.table.iter() {
                h = combine(h, combine(e.hash, hash_at(vm, e.value, depth + 1)?));
            }
            Some(h)
        }
        _ => None,
    }
}

fn mix(bits: u64) -> u32 {
    (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

fn combine(a: u32, b: u32) -> u32 {
    (a.rotate_left(5) ^ b).wrapping_mul(0x9E37_79B1)
}

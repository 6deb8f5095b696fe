//! NaN-boxed 8-byte values.
//!
//! ```text
//! 0x0000_0000_0000_0000 ..= 0x7FF0_0000_0000_0000   doubles >= 0, +infinity
//! 0x7FF8_0000_0000_0000                             NaN (the only positive one)
//! 0x7FF8_0000_0000_0001 ..= 0x7FFF_FFFF_FFFF_FFFF   integers: INT_ZERO + x, |x| < 2^50
//! 0x8000_0000_0000_0000 ..= 0xFFF0_0000_0000_0000   doubles <= -0.0, -infinity
//! 0xFFF8_0000_0000_0000                             NaN with the sign set (x86's default)
//! 0xFFFE_0000_0000_0000 + n                         nil, false, void, true, not_found, _, undef
//! 0xFFFE_0001_0000_0000 | code point                characters
//! 0xFFFE_0002_0000_0000 | id                        symbols
//! 0xFFFF_0000_0000_0000 | address                   heap object, address < 2^48
//! ```
//! Every other pattern is never made. A raw address below 2^48 is a tiny positive double, so
//! the raw words of a frame header may lie among values.
#![allow(unsafe_code)]

use crate::heap::object::{Kind, Obj};
use crate::symbol::Symbol;
use std::hint::cold_path;

/// Any Gene value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Value(u64);

const INT_ZERO: u64 = 0x7FFC_0000_0000_0000;
/// Exclusive lower bound of the integers. As a *signed* number everything above it is an
/// integer, so the type test and the overflow test are the same single compare.
const BELOW_INTS: i64 = 0x7FF8_0000_0000_0000;
const SPECIAL_BITS: u64 = 0xFFFE_0000_0000_0000;
const CHAR_BITS: u64 = 0xFFFE_0001_0000_0000;
const SYMBOL_BITS: u64 = 0xFFFE_0002_0000_0000;
const OBJ_BITS: u64 = 0xFFFF_0000_0000_0000;
const CANONICAL_NAN: u64 = 0x7FF8_0000_0000_0000;

/// True if both are integers. Two early exits, not `a.is_int() && b.is_int()`: that form
/// becomes setcc + and instead of two predicted branches.
#[inline(always)]
fn both_ints(a: Value, b: Value) -> bool {
    if !a.is_int() {
        cold_path();
        return false;
    }
    if !b.is_int() {
        cold_path();
        return false;
    }
    true
}

impl Value {
    /// `nil`
    pub const NIL: Value = Value(SPECIAL_BITS);
    /// `false`
    pub const FALSE: Value = Value(SPECIAL_BITS + 1);
    /// `void`
    pub const VOID: Value = Value(SPECIAL_BITS + 2);
    /// `true`
    pub const TRUE: Value = Value(SPECIAL_BITS + 3);
    /// `not_found`
    pub const NOT_FOUND: Value = Value(SPECIAL_BITS + 4);
    /// `_`
    pub const PLACEHOLDER: Value = Value(SPECIAL_BITS + 5);
    /// A missing optional parameter; never visible to programs.
    pub const UNDEF: Value = Value(SPECIAL_BITS + 6);

    /// The special value with this number in `gene_format::ops::SPECIALS`.
    #[inline(always)]
    pub fn special(n: u64) -> Value {
        debug_assert!(n < gene_format::ops::SPECIALS.len() as u64);
        Value(SPECIAL_BITS + n)
    }

    /// `x` must satisfy |x| < 2^50; see [`crate::vm::Vm::int`] for any integer.
    #[inline(always)]
    pub fn small_int(x: i64) -> Value {
        debug_assert!(fits_int(x));
        Value(INT_ZERO.wrapping_add(x as u64))
    }

    /// Any double. A NaN loses its payload: a payload could spell an object pointer.
    #[inline(always)]
    pub fn float(f: f64) -> Value {
        Value(if f.is_nan() {
            CANONICAL_NAN
        } else {
            f.to_bits()
        })
    }

    /// For the hot paths, which have just tested that it is not a NaN.
    #[inline(always)]
    pub fn float_not_nan(f: f64) -> Value {
        debug_assert!(!f.is_nan());
        Value(f.to_bits())
    }

    /// `true` or `false`.
    #[inline(always)]
    pub fn bool(b: bool) -> Value {
        Value(SPECIAL_BITS + 1 + ((b as u64) << 1))
    }

    /// A character.
    #[inline(always)]
    pub fn char(c: char) -> Value {
        Value(CHAR_BITS | c as u64)
    }

    /// A symbol.
    #[inline(always)]
    pub fn symbol(s: Symbol) -> Value {
        Value(SYMBOL_BITS | s.0 as u64)
    }

    /// An object of the heap.
    #[inline(always)]
    pub fn obj<T>(p: *mut T) -> Value {
        Value(OBJ_BITS | p.expose_provenance() as u64)
    }

    /// A frame header word or a cache word, which shares memory with values.
    #[inline(always)]
    pub fn raw(word: u64) -> Value {
        debug_assert!(Value(word).is_float(), "a raw word must read as a double");
        Value(word)
    }

    /// The pattern.
    #[inline(always)]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// True for immediate integers (boxed ones are objects).
    #[inline(always)]
    pub fn is_int(self) -> bool {
        self.0 as i64 > BELOW_INTS
    }

    /// The integer; meaningless for other values.
    #[inline(always)]
    pub fn as_int(self) -> i64 {
        self.0.wrapping_sub(INT_ZERO) as i64
    }

    /// Doubles are the patterns whose magnitude is at most that of the canonical NaN.
    #[inline(always)]
    pub fn is_float(self) -> bool {
        self.0.wrapping_add(self.0) <= CANONICAL_NAN << 1
    }

    /// The bits as a double. Every value that is not a double reads as a NaN, so one test of
    /// an arithmetic result against itself proves that both operands were doubles.
    #[inline(always)]
    pub fn as_float(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// True for objects.
    #[inline(always)]
    pub fn is_obj(self) -> bool {
        self.0 >= OBJ_BITS
    }

    /// The object; meaningless for other values.
    #[inline(always)]
    pub fn as_obj(self) -> *mut Obj {
        std::ptr::with_exposed_provenance_mut(self.0.wrapping_sub(OBJ_BITS) as usize)
    }

    /// The character, if it is one.
    #[inline(always)]
    pub fn as_char(self) -> Option<char> {
        if self.0 >> 32 == CHAR_BITS >> 32 {
            char::from_u32(self.0 as u32)
        } else {
            None
        }
    }

    /// True for symbols.
    #[inline(always)]
    pub fn is_symbol(self) -> bool {
        self.0 >> 32 == SYMBOL_BITS >> 32
    }

    /// The symbol, if it is one.
    #[inline(always)]
    pub fn as_symbol(self) -> Option<Symbol> {
        if self.is_symbol() {
            Some(Symbol(self.0 as u32))
        } else {
            None
        }
    }

    /// `false`, `nil` and `void` are falsy, everything else truthy.
    #[inline(always)]
    pub fn truthy(self) -> bool {
        self.0.wrapping_sub(SPECIAL_BITS) > 2
    }

    /// True for `true` and `false`.
    #[inline(always)]
    pub fn is_bool(self) -> bool {
        self == Value::TRUE || self == Value::FALSE
    }

    /// The object's kind, or `None` for immediates. Instances answer `Kind::Instance`.
    #[inline(always)]
    pub fn kind(self) -> Option<Kind> {
        if self.is_obj() {
            // SAFETY: an object value always points to a live object (heap invariant H1)
            Some(unsafe { (*self.as_obj()).kind() })
        } else {
            None
        }
    }

    /// True if it is an object of this kind.
    #[inline(always)]
    pub fn is(self, kind: Kind) -> bool {
        self.kind() == Some(kind)
    }

    /// For array indexing: non-integers and negative integers come out >= 2^50, so the bounds
    /// check that follows is the type check too.
    #[inline(always)]
    pub fn index(self) -> u64 {
        self.0.wrapping_sub(INT_ZERO)
    }

    /// Sum of two immediate integers, if both are and it fits.
    #[inline(always)]
    pub fn add_ints(a: Value, b: Value) -> Option<Value> {
        if both_ints(a, b) {
            let r = Value(a.0.wrapping_add(b.0.wrapping_sub(INT_ZERO)));
            if r.is_int() {
                return Some(r);
            }
        }
        None
    }

    /// Difference of two immediate integers, if both are and it fits.
    #[inline(always)]
    pub fn sub_ints(a: Value, b: Value) -> Option<Value> {
        if both_ints(a, b) {
            let r = Value(a.0.wrapping_sub(b.0).wrapping_add(INT_ZERO));
            if r.is_int() {
                return Some(r);
            }
        }
        None
    }

    /// Product of two immediate integers, if both are and it fits.
    #[inline(always)]
    pub fn mul_ints(a: Value, b: Value) -> Option<Value> {
        if both_ints(a, b)
            && let Some(r) = a.as_int().checked_mul(b.as_int())
            && fits_int(r)
        {
            return Some(Value::small_int(r));
        }
        None
    }

    /// Remainder of two immediate integers, sign of the dividend; not for divisor 0.
    #[inline(always)]
    pub fn mod_ints(a: Value, b: Value) -> Option<Value> {
        if both_ints(a, b) {
            let (x, y) = (a.as_int(), b.as_int());
            // 32-bit division is several times faster than 64-bit on many machines.
            if (x | y) as u64 >> 32 == 0 {
                if y == 0 {
                    cold_path();
                    return None;
                }
                return Some(Value::small_int((x as u32 % y as u32) as i64));
            }
            if y == 0 {
                cold_path();
                return None;
            }
            return Some(Value::small_int(x.wrapping_rem(y)));
        }
        None
    }

    /// `imm` comes from a 16-bit operand.
    #[inline(always)]
    pub fn add_imm(self, imm: i64) -> Option<Value> {
        if self.is_int() {
            let r = Value(self.0.wrapping_add(imm as u64));
            if r.is_int() {
                return Some(r);
            }
        }
        None
    }

    /// Orders two immediate integers.
    #[inline(always)]
    pub fn less_ints(a: Value, b: Value) -> Option<bool> {
        if both_ints(a, b) {
            Some((a.0 as i64) < (b.0 as i64))
        } else {
            None
        }
    }

    /// Orders two immediate integers.
    #[inline(always)]
    pub fn less_equal_ints(a: Value, b: Value) -> Option<bool> {
        if both_ints(a, b) {
            Some((a.0 as i64) <= (b.0 as i64))
        } else {
            None
        }
    }
}

/// True if the integer is stored immediately.
#[inline(always)]
pub fn fits_int(x: i64) -> bool {
    (x.wrapping_add((1 << 50) - 1) as u64) < (1 << 51) - 1
}

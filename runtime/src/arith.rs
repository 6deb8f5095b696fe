//! Arithmetic and ordering for every combination of kinds: what the fast paths leave over.

use crate::classes::Builtin;
use crate::heap::object::Kind;
use crate::heap_view as view;
use crate::natives::{NativeResult, Raised};
use crate::value::Value;
use crate::vm::Vm;

/// An operator on two values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arith {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `&&` with a truthy left operand
    And,
    /// `||`
    Or,
    /// `&|&`
    Xor,
}

/// The left operand is a variable and the right one a literal.
const VARIABLE: u8 = 1;
/// Written as a subtraction: the literal was negated.
const SUBTRACTED: u8 = 2;
/// The operands stand in the other order in the source.
const EXCHANGED: u8 = 4;

/// Applies an operator. `literal` is the `x` operand of instructions with a literal.
///
/// # Errors
/// Kinds that the operator does not take, overflow, modulo by zero.
pub fn binary(vm: &mut Vm, op: Arith, x: Value, y: Value, literal: u8) -> NativeResult {
    match op {
        Arith::And | Arith::Or | Arith::Xor => return logical(vm, op, x, y),
        Arith::Shl | Arith::Shr => return shift(vm, op, x, y),
        _ => {}
    }
    if let (Some(a), Some(b)) = (view::int(x), view::int(y)) {
        return ints(vm, op, a, b, literal);
    }
    if let (Some(a), Some(b)) = (view::number(x), view::number(y)) {
        let r = match op {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Div => a / b,
            _ => a % b,
        };
        return Ok(Value::float(r));
    }
    Err(wrong_kinds(vm, op, x, y, literal))
}

fn ints(vm: &mut Vm, op: Arith, a: i64, b: i64, literal: u8) -> NativeResult {
    let (result, what) = match op {
        Arith::Add if literal & SUBTRACTED != 0 => (a.checked_add(b), "subtraction"),
        Arith::Add => (a.checked_add(b), "addition"),
        Arith::Sub => (a.checked_sub(b), "subtraction"),
        Arith::Mul => (a.checked_mul(b), "multiplication"),
        Arith::Div => return Ok(Value::float(a as f64 / b as f64)),
        _ if b == 0 => return vm.fail("Modulo by zero"),
        _ => (Some(a.wrapping_rem(b)), ""),
    };
    match result {
        Some(n) => Ok(vm.int(n)),
        None => vm.fail(format!("Integer overflow in {what}")),
    }
}

#[cold]
fn wrong_kinds(vm: &mut Vm, op: Arith, x: Value, y: Value, literal: u8) -> Raised {
    let (x, y) = if literal & EXCHANGED != 0 {
        (y, x)
    } else {
        (x, y)
    };
    let (a, b) = (Builtin::kind_name(x), Builtin::kind_name(y));
    let subtract = op == Arith::Sub || literal & SUBTRACTED != 0;
    let text = if view::number(x).is_none() {
        let noun = if literal & VARIABLE != 0 && literal & EXCHANGED == 0 {
            "variable"
        } else {
            "values"
        };
        match op {
            _ if subtract => format!("Cannot subtract from {noun} of type: {a}"),
            Arith::Add => format!("Cannot add {noun} of type: {a}"),
            Arith::Mul => format!("Cannot multiply {noun} of type: {a}"),
            Arith::Div => format!("Cannot divide {noun} of type: {a}"),
            _ => format!("Cannot modulo {noun} of type: {a}"),
        }
    } else {
        match op {
            _ if subtract => format!("Cannot subtract {b} from {a}"),
            Arith::Add => format!("Cannot add {a} and {b}"),
            Arith::Mul => format!("Cannot multiply {a} by {b}"),
            Arith::Div => format!("Cannot divide {a} by {b}"),
            _ => format!("Cannot modulo {a} by {b}"),
        }
    };
    vm.error(&text)
}

fn logical(vm: &mut Vm, op: Arith, x: Value, y: Value) -> NativeResult {
    if let (Some(a), Some(b)) = (view::int(x), view::int(y)) {
        return Ok(vm.int(match op {
            Arith::And => a & b,
            Arith::Or => a | b,
            _ => a ^ b,
        }));
    }
    if let (Some(a), Some(b)) = (view::bytes(x), view::bytes(y)) {
        if a.data.len() != b.data.len() {
            let name = match op {
                Arith::And => "AND",
                Arith::Or => "OR",
                _ => "XOR",
            };
            return vm.fail(format!(
                "Bitwise {name} requires same-size bytes (got {} and {})",
                a.data.len(),
                b.data.len()
            ));
        }
        let data: Vec<u8> = a
            .data
            .iter()
            .zip(&b.data)
            .map(|(&a, &b)| match op {
                Arith::And => a & b,
                Arith::Or => a | b,
                _ => a ^ b,
            })
            .collect();
        return Ok(vm.bytes(&data));
    }
    Ok(match op {
        Arith::And if x.truthy() => y,
        Arith::And => x,
        Arith::Or if x.truthy() => x,
        Arith::Or => y,
        _ => Value::bool(x.truthy() != y.truthy()),
    })
}

fn shift(vm: &mut Vm, op: Arith, x: Value, y: Value) -> NativeResult {
    let Some(n) = view::int(y) else {
        return Err(cannot_shift(vm, x, y));
    };
    if let Some(a) = view::int(x) {
        if !(0..64).contains(&n) {
            return vm.fail("Invalid shift amount");
        }
        return Ok(vm.int(if op == Arith::Shl { a << n } else { a >> n }));
    }
    let Some(bytes) = view::bytes(x) else {
        return Err(cannot_shift(vm, x, y));
    };
    if n < 0 {
        return vm.fail("Shift amount must be non-negative");
    }
    let data = shift_bytes(&bytes.data, n as u64, op == Arith::Shl);
    Ok(vm.bytes(&data))
}

fn shift_bytes(data: &[u8], n: u64, left: bool) -> Vec<u8> {
    let (whole, bits) = ((n / 8) as usize, (n % 8) as u32);
    let at = |i: Option<usize>| i.and_then(|i| data.get(i)).copied().unwrap_or(0) as u32;
    (0..data.len())
        .map(|i| {
            if left {
                let high = at(i.checked_add(whole));
                let low = at(i.checked_add(whole).and_then(|j| j.checked_add(1)));
                ((high << 8 | low) >> (8 - bits)) as u8
            } else {
                let low = at(i.checked_sub(whole));
                let high = at(i.checked_sub(whole).and_then(|j| j.checked_sub(1)));
                ((high << 8 | low) >> bits) as u8
            }
        })
        .collect()
}

fn cannot_shift(vm: &mut Vm, x: Value, y: Value) -> Raised {
    let (a, b) = (Builtin::kind_name(x), Builtin::kind_name(y));
    vm.error(&format!("Cannot shift {a} by {b}"))
}

/// `(- x)`
///
/// # Errors
/// Not a number, overflow.
pub fn negate(vm: &mut Vm, x: Value) -> NativeResult {
    if x.is_float() {
        return Ok(Value::float(-x.as_float()));
    }
    match view::int(x) {
        Some(n) => match n.checked_neg() {
            Some(n) => Ok(vm.int(n)),
            None => vm.fail("Integer overflow in negation"),
        },
        None => vm.fail(format!(
            "Cannot negate value of type: {}",
            Builtin::kind_name(x)
        )),
    }
}

/// `(! x)`: bitwise on ints and bytes.
pub fn not(vm: &mut Vm, x: Value) -> Value {
    if let Some(n) = view::int(x) {
        return vm.int(!n);
    }
    if let Some(b) = view::bytes(x) {
        let data: Vec<u8> = b.data.iter().map(|b| !b).collect();
        return vm.bytes(&data);
    }
    Value::bool(!x.truthy())
}

/// `x < y`, or `x <= y`. `swapped`: written `y > x`, `y >= x`.
///
/// # Errors
/// Kinds that have no order.
pub fn order(vm: &mut Vm, x: Value, y: Value, less: bool, swapped: bool) -> Result<bool, Raised> {
    if let (Some(a), Some(b)) = (view::int(x), view::int(y)) {
        return Ok(if less { a < b } else { a <= b });
    }
    if let (Some(a), Some(b)) = (view::number(x), view::number(y)) {
        return Ok(if less { a < b } else { a <= b });
    }
    let word = match (less, swapped) {
        (true, false) => "<",
        (true, true) => ">",
        (false, false) => "<=",
        (false, true) => ">=",
    };
    if x.is(Kind::Record) && y.is(Kind::Record) {
        match crate::natives::temporal::order(x, y) {
            Ok(Some(ordering)) => {
                return Ok(if less {
                    ordering.is_lt()
                } else {
                    ordering.is_le()
                });
            }
            Ok(None) => {}
            Err(text) => return Err(vm.error(text)),
        }
    }
    let (x, y) = if swapped { (y, x) } else { (x, y) };
    let (a, b) = (Builtin::kind_name(x), Builtin::kind_name(y));
    Err(vm.error(&format!("Cannot compare {a} {word} {b}")))
}

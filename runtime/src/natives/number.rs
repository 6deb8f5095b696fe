//! Methods of ints and floats.

use super::*;

pub(super) static METHODS: &[NativeDef] = &[def("to_i", 1, 1, to_i), def("to_f", 1, 1, to_f)];

/// Truncates toward zero.
fn to_i(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.this();
    if !v.is_float() {
        return Ok(v);
    }
    match crate::types::to_int(v.as_float()) {
        Some(n) => Ok(vm.int(n)),
        None => vm.fail("to_i requires a number within the range of Int"),
    }
}

fn to_f(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(view::number(args.this()).map_or(Value::NIL, Value::float))
}

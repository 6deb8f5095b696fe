//! Ranges, and the iterators of arrays, maps, sets and ranges (06 §5, §7).

use super::*;
use crate::heap::object::Over;

pub(super) static RANGE: &[NativeDef] = &[def("iter", 1, 1, range_iter)];

pub(super) static METHODS: &[NativeDef] = &[
    def("iter", 1, 1, same),
    def("next", 1, 1, next),
    def("next_pair", 1, 1, next_pair),
    def("has_next", 1, 1, has_next),
];

/// The methods that resume a generator are the VM's.
pub(super) static GENERATOR: &[NativeDef] = &[def("iter", 1, 1, same)];

/// `(range a b [step])`
pub(super) fn make_range(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if args.items.len() < 2 {
        return vm.fail("range requires at least 2 arguments");
    }
    let step = match args.get(2) {
        Value::NIL => None,
        v => Some(int_arg(vm, v, "range step must be an integer")?),
    };
    Ok(vm.range(args.get(0), args.get(1), step))
}

/// Number of elements of a range of integers.
pub fn range_len(v: Value) -> i64 {
    let Some(r) = view::range(v) else { return 0 };
    let (Some(start), Some(end)) = (view::int(r.start), view::int(r.end)) else {
        return 0;
    };
    let (start, end, step) = (start as i128, end as i128, r.step.unwrap_or(1) as i128);
    if step == 0 || (end - start).signum() * step.signum() < 0 {
        return 0;
    }
    ((end - start) / step + 1).min(i64::MAX as i128) as i64
}

fn range_iter(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(vm.iterator(args.this(), Over::Range))
}

fn same(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(args.this())
}

/// Key and value at the position, if there are more.
fn current(vm: &mut Vm, v: Value) -> Option<(Value, Value)> {
    let it = view::iterator(v)?;
    let (at, source, over) = (it.at, it.source, it.over);
    match over {
        Over::Array | Over::Set => {
            let value = *view::array(source)?.items.as_slice().get(at as usize)?;
            Some((vm.int(at as i64), value))
        }
        Over::Map | Over::HashMap => {
            let items = view::array(source)?.items.as_slice();
            let value = *items.get(2 * at as usize + 1)?;
            Some((items[2 * at as usize], value))
        }
        Over::Range => {
            if at >= range_len(source) as u64 {
                return None;
            }
            let r = view::range(source)?;
            let n = view::int(r.start)? as i128 + at as i128 * r.step.unwrap_or(1) as i128;
            Some((vm.int(at as i64), vm.int(n as i64)))
        }
    }
}

fn advance(vm: &mut Vm, v: Value) {
    if let Some(it) = vm.heap.iterator_mut(v) {
        it.at += 1;
    }
}

fn next(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(match current(vm, args.this()) {
        Some((_, value)) => {
            advance(vm, args.this());
            value
        }
        None => Value::NOT_FOUND,
    })
}

fn next_pair(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(match current(vm, args.this()) {
        Some((key, value)) => {
            advance(vm, args.this());
            vm.array(vec![key, value])
        }
        None => Value::NOT_FOUND,
    })
}

fn has_next(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(current(vm, args.this()).is_some()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, call_global, show, vm};
    use super::*;

    #[test]
    fn a_range_iterator_advances_by_next_and_next_pair() {
        let mut vm = vm();
        let args = [1, 5, 2].map(Value::small_int);
        let range = call_global(&mut vm, "range", &args).unwrap();
        let it = call(&mut vm, "iter", &[range]).unwrap();
        for (name, want) in [
            ("next", "1"),
            ("next_pair", "[1 3]"),
            ("has_next", "true"),
            ("next", "5"),
            ("has_next", "false"),
            ("next", "not_found"),
            ("next_pair", "not_found"),
        ] {
            let got = call(&mut vm, name, &[it]);
            assert_eq!(show(&mut vm, got), want);
        }
        let got = call_global(&mut vm, "range", &args[..1]);
        assert_eq!(
            show(&mut vm, got),
            "error: range requires at least 2 arguments"
        );
    }

    #[test]
    fn steps_of_zero_or_the_wrong_sign_yield_nothing() {
        let mut vm = vm();
        for (start, end, step, want) in [
            (0, 10, 0, 0),
            (0, 10, -1, 0),
            (10, 0, 1, 0),
            (5, 1, -2, 3),
            (3, 3, 1, 1),
        ] {
            let r = vm.range(Value::small_int(start), Value::small_int(end), Some(step));
            assert_eq!(range_len(r), want);
        }
    }
}

//! Numeric functions, global and in `math` (14-stdlib §5).

use super::*;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) static GLOBALS: &[NativeDef] = &[
    def("abs", 1, 1, abs).usage("abs requires 1 argument"),
    def("sqrt", 1, 1, sqrt).usage("sqrt requires 1 argument"),
    def("pow", 2, 2, pow).usage("pow requires 2 arguments"),
    def("min", 2, ANY, min).usage("min requires at least 2 arguments"),
    def("max", 2, ANY, max).usage("max requires at least 2 arguments"),
    def("floor", 1, 1, floor).usage("floor requires 1 argument"),
    def("ceil", 1, 1, ceil).usage("ceil requires 1 argument"),
    def("round", 1, 1, round).usage("round requires 1 argument"),
    def("random", 0, 0, random),
    def("random_int", 1, 2, random_int).usage("random_int requires a maximum"),
];

/// Members of `math` that are not global.
pub(super) static ONLY_MATH: &[NativeDef] = &[
    def("sin", 1, 1, sin).usage("sin requires 1 argument"),
    def("cos", 1, 1, cos).usage("cos requires 1 argument"),
    def("tan", 1, 1, tan).usage("tan requires 1 argument"),
    def("log", 1, 1, log).usage("log requires 1 argument"),
    def("log10", 1, 1, log10).usage("log10 requires 1 argument"),
];

fn number(vm: &mut Vm, args: Args<'_>, name: &str) -> Result<f64, Raised> {
    let n = view::number(args.get(0));
    n.ok_or_else(|| vm.error(&format!("{name} requires a numeric argument")))
}

fn abs(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(n) = view::int(args.get(0)) else {
        return Ok(Value::float(number(vm, args, "abs")?.abs()));
    };
    match n.checked_abs() {
        Some(n) => Ok(vm.int(n)),
        None => vm.fail("Integer overflow in negation"),
    }
}

/// The functions of the crate libm give the same results on every machine, and leave the
/// system's library, whose loading takes 50 µs of every start, out of the program.
macro_rules! float_functions {
    ($($name:ident $function:path;)*) => {
        $(fn $name(vm: &mut Vm, args: Args<'_>) -> NativeResult {
            Ok(Value::float($function(number(vm, args, stringify!($name))?)))
        })*
    };
}
float_functions! {
    sqrt f64::sqrt;
    sin libm::sin;
    cos libm::cos;
    tan libm::tan;
    log libm::log;
    log10 libm::log10;
}

macro_rules! rounding_functions {
    ($($name:ident)*) => {
        $(fn $name(vm: &mut Vm, args: Args<'_>) -> NativeResult {
            if view::int(args.get(0)).is_some() {
                return Ok(args.get(0));
            }
            Ok(Value::float(number(vm, args, stringify!($name))?.$name()))
        })*
    };
}
rounding_functions!(floor ceil round);

fn pow(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(base) = view::number(args.get(0)) else {
        return vm.fail("pow base must be numeric");
    };
    match view::number(args.get(1)) {
        Some(exponent) => Ok(Value::float(libm::pow(base, exponent))),
        None => vm.fail("pow exponent must be numeric"),
    }
}

/// The argument that wins; what is no number is skipped.
fn best(vm: &mut Vm, args: Args<'_>, name: &str, wins: fn(f64, f64) -> bool) -> NativeResult {
    let mut best: Option<(f64, Value)> = None;
    for &v in args.items {
        let Some(n) = view::number(v) else { continue };
        if best.is_none_or(|b| wins(n, b.0)) {
            best = Some((n, v));
        }
    }
    match best {
        Some(b) => Ok(b.1),
        None => vm.fail(format!("{name} requires numeric arguments")),
    }
}

fn min(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    best(vm, args, "min", |a, b| a < b)
}

fn max(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    best(vm, args, "max", |a, b| a > b)
}

/// SplitMix64, seeded from the clock at the first use.
fn next_random(vm: &mut Vm) -> u64 {
    if vm.random == 0 {
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let address = &raw const *vm as usize as u64;
        vm.random = (time.as_nanos() as u64).wrapping_add(address.rotate_left(32)) | 1;
    }
    vm.random = vm.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = vm.random;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn random(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    let unit = (next_random(vm) >> 11) as f64 / (1u64 << 53) as f64;
    Ok(Value::float(unit))
}

/// `(random_int max)`, `(random_int max min)`: both ends included.
fn random_int(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let max = int_arg(vm, args.get(0), "random_int max must be an integer")?;
    let min = match args.has(1) {
        true => int_arg(vm, args.get(1), "random_int min must be an integer")?,
        false if max <= 0 => return vm.fail("random_int max must be greater than 0"),
        false => 0,
    };
    if max < min {
        return vm.fail("random_int max must be greater than min");
    }
    let span = (max as i128 - min as i128 + 1) as u128;
    let n = ((next_random(vm) as u128 * span) >> 64) as i128 + min as i128;
    Ok(vm.int(n as i64))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_global, show, vm};
    use super::*;

    #[test]
    fn functions_of_numbers() {
        let mut vm = vm();
        let int = Value::small_int;
        let float = Value::float;
        let text = vm.str("x");
        for (name, args, want) in [
            ("abs", vec![int(-3)], "3"),
            ("abs", vec![float(-2.5)], "2.5"),
            ("abs", vec![text], "error: abs requires a numeric argument"),
            ("sqrt", vec![int(16)], "4.0"),
            ("sqrt", vec![int(-1)], "nan"),
            ("sqrt", vec![], "error: sqrt requires 1 argument"),
            ("pow", vec![int(2), int(3)], "8.0"),
            ("pow", vec![text, int(2)], "error: pow base must be numeric"),
            ("round", vec![float(-2.5)], "-3.0"),
            ("floor", vec![int(7)], "7"),
            ("min", vec![float(1.5), text, int(1)], "1"),
            ("max", vec![int(2), float(2.5)], "2.5"),
            (
                "min",
                vec![int(1)],
                "error: min requires at least 2 arguments",
            ),
            (
                "random_int",
                vec![int(0)],
                "error: random_int max must be greater than 0",
            ),
            ("random_int", vec![int(5), int(5)], "5"),
        ] {
            let got = call_global(&mut vm, name, &args);
            assert_eq!(show(&mut vm, got), want, "{name}");
        }
        for _ in 0..100 {
            let n = call_global(&mut vm, "random_int", &[int(2)]).unwrap();
            assert!((0..=2).contains(&n.as_int()));
        }
    }
}

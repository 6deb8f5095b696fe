//! Methods of bytes (14-stdlib §10).

use super::*;

pub(super) static METHODS: &[NativeDef] = &[
    def("size", 1, 1, size),
    def("length", 1, 1, size),
    def("get", 2, 2, get).usage("Bytes.get requires an index"),
    def("to_array", 1, 1, to_array),
];

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a [u8], Raised> {
    match view::bytes(args.this()) {
        Some(b) => Ok(&b.data),
        None => Err(vm.error("Bytes methods must be called on bytes")),
    }
}

fn size(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::small_int(this(vm, args)?.len() as i64))
}

/// One byte, as bytes.
fn get(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let data = this(vm, args)?;
    let i = int_arg(vm, args.get(1), "Bytes.get index must be an integer")?;
    match usize::try_from(i).ok().and_then(|i| data.get(i)) {
        Some(&b) => Ok(vm.bytes(&[b])),
        None => vm.fail(format!(
            "Bytes index out of bounds: {i} (size: {})",
            data.len()
        )),
    }
}

fn to_array(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let data = this(vm, args)?;
    reserve(vm, 8 * data.len())?;
    Ok(vm.array(data.iter().map(|&b| Value::small_int(b as i64)).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, show, vm};
    use super::*;

    #[test]
    fn methods_and_messages() {
        let mut vm = vm();
        let b = vm.bytes(&[10, 255, 16]);
        for (name, args, want) in [
            ("size", vec![b], "3"),
            ("get", vec![b, Value::small_int(1)], "0#ff"),
            (
                "get",
                vec![b, Value::small_int(9)],
                "error: Bytes index out of bounds: 9 (size: 3)",
            ),
            ("to_array", vec![b], "[10 255 16]"),
        ] {
            let got = call(&mut vm, name, &args);
            assert_eq!(show(&mut vm, got), want);
        }
    }
}

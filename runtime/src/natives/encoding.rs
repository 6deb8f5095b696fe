//! Base64 (14-stdlib §9).

use super::*;

pub(super) static GLOBALS: &[NativeDef] = &[
    def("base64", 1, 1, encode).usage("base64 requires a string"),
    def("base64_decode", 1, 1, decode).usage("base64_decode requires a string"),
];

/// Members of `gene`.
pub(super) static IN_GENE: &[NativeDef] = &[
    def("base64_encode", 1, 1, encode).usage("base64_encode requires a string"),
    def("base64_decode", 1, 1, decode).usage("base64_decode requires a string"),
];

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let data = match view::bytes(args.get(0)) {
        Some(b) => &b.data[..],
        None => text_arg(vm, args.get(0), "base64 requires a string")?.as_bytes(),
    };
    reserve(vm, data.len() / 3 * 4 + 4)?;
    let mut out = String::with_capacity(data.len() / 3 * 4 + 4);
    for chunk in data.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { digit as char } else { '=' });
        }
    }
    Ok(vm.str(&out))
}

fn decode(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = text_arg(vm, args.get(0), "base64_decode requires a string")?;
    match decode_text(text).and_then(|b| String::from_utf8(b).map_err(|e| e.to_string())) {
        Ok(text) => Ok(vm.str(&text)),
        Err(e) => vm.fail(format!("Invalid base64 string: {e}")),
    }
}

fn decode_text(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return Err("wrong length".to_owned());
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0);
    for c in digits.bytes() {
        let Some(digit) = DIGITS.iter().position(|&d| d == c) else {
            return Err(format!("unexpected byte {c}"));
        };
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_global, show, vm};

    #[test]
    fn round_trips_every_length() {
        let mut vm = vm();
        for (text, code) in [
            ("", ""),
            ("h", "aA=="),
            ("hi", "aGk="),
            ("hi?", "aGk/"),
            ("añ", "YcOx"),
        ] {
            let v = vm.str(text);
            let encoded = call_global(&mut vm, "base64", &[v]).unwrap();
            assert_eq!(show(&mut vm, Ok(encoded)), code);
            let decoded = call_global(&mut vm, "base64_decode", &[encoded]);
            assert_eq!(show(&mut vm, decoded), text);
        }
        let bad = vm.str("!!!");
        let got = call_global(&mut vm, "base64_decode", &[bad]);
        assert!(show(&mut vm, got).starts_with("error: Invalid base64 string"));
    }
}

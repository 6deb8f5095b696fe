//! Functions that every program sees: output, `len`, `assert`, `exit` and the like
//! (14-stdlib §1, §2).

use super::*;
use crate::errors::Fatal;
use crate::print::{self, Style};
use std::io::Write;

pub(super) static GLOBALS: &[NativeDef] = &[
    def("print", 0, ANY, print).with_keys(),
    def("println", 0, ANY, println).with_keys(),
    def("$", 0, ANY, string::join_texts),
    def("#Str", 0, ANY, interpolated),
    def("++", 0, ANY, concat),
    def("len", 1, 1, len).usage("len requires 1 argument (collection)"),
    def("assert", 1, 2, assert).usage("assert requires a condition"),
    def("debug", 0, ANY, debug),
    def("trace_start", 0, 0, nothing),
    def("trace_end", 0, 0, nothing),
    def("exit", 0, 1, exit),
    def("range", 0, 3, iterators::make_range),
    def("freeze", 1, 1, freeze::freeze).usage("freeze requires a value"),
    def("types_equivalent", 2, 2, types_equivalent).usage("types_equivalent requires 2 arguments"),
    def("types_equiv", 2, 2, types_equivalent).usage("types_equiv requires 2 arguments"),
    def("#type", 1, 1, type_value),
    def("#fail", 1, 1, fail),
    def("#callable?", 1, 1, callable),
    def("#kind_name", 1, 1, kind_name),
    def("#eq?", 2, 2, known_equal),
];

/// Writes the arguments in plain form, separated by blanks.
fn write_args(vm: &mut Vm, args: Args<'_>, end: &str) -> NativeResult {
    let mut text = String::new();
    let to_stderr = args.key(vm, "stderr").is_some_and(Value::truthy);
    for (i, &v) in args.items.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        if print::write(vm, &mut text, v, Style::Plain).is_err() {
            return Err(print::too_long(vm));
        }
    }
    text.push_str(end);
    if to_stderr {
        write_stderr(vm, &text)
    } else {
        write_stdout(vm, &text)
    }?;
    Ok(Value::NIL)
}

/// Writes to standard output, through the buffer.
pub fn write_stdout(vm: &mut Vm, text: &str) -> Result<(), Raised> {
    let done = vm.out.write_all(text.as_bytes());
    done.map_err(|e| unwritable(vm, &e))
}

/// Standard output takes no more. A reader that went away (`| head`) ends the program quietly;
/// the rest is an error.
fn unwritable(vm: &mut Vm, error: &std::io::Error) -> Raised {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => vm.end(Fatal::Exit(0)),
        _ => vm.error(&format!("Failed to write to standard output: {error}")),
    }
}

/// Writes to standard error, after what waits for standard output.
pub fn write_stderr(vm: &mut Vm, text: &str) -> Result<(), Raised> {
    flush_stdout(vm)?;
    let done = std::io::stderr().write_all(text.as_bytes());
    done.map_err(|e| vm.error(&format!("Failed to write to standard error: {e}")))
}

/// Writes out what waits for standard output.
pub fn flush_stdout(vm: &mut Vm) -> Result<(), Raised> {
    vm.flush().map_err(|e| unwritable(vm, &e))
}

fn print(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    write_args(vm, args, "")
}

fn println(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if let ([one], []) = (args.items, args.keys)
        && let Some(text) = view::text(*one)
    {
        write_stdout(vm, text)?;
        write_stdout(vm, "\n")?;
        return Ok(Value::NIL);
    }
    write_args(vm, args, "\n")
}

fn interpolated(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    print::interpolate(vm, args.items)
}

fn concat(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if args.items.iter().any(|v| !v.is(Kind::Str)) {
        return vm.fail("++ expects String arguments");
    }
    print::interpolate(vm, args.items)
}

fn len(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    let n = match v.kind() {
        Some(Kind::Str) => view::string(v).map_or(0, |s| s.chars as usize),
        Some(Kind::Array) => view::array(v).map_or(0, |a| a.items.len()),
        Some(Kind::Map) => view::map(v).map_or(0, |m| m.table.len()),
        Some(Kind::HashMap) => view::hash_map(v).map_or(0, |m| m.table.len()),
        Some(Kind::HashSet) => view::hash_set(v).map_or(0, |m| m.table.len()),
        Some(Kind::Gene) => view::gene(v).map_or(0, |g| g.children.len()),
        Some(Kind::Bytes) => view::bytes(v).map_or(0, |b| b.data.len()),
        Some(Kind::Range) => return Ok(vm.int(iterators::range_len(v))),
        Some(Kind::Path) => view::path(v).map_or(0, |p| {
            let chars = |&s: &Symbol| vm.symbols.text(s).chars().count();
            p.parts.iter().map(chars).sum::<usize>() + p.parts.len().saturating_sub(1)
        }),
        None => v
            .as_symbol()
            .map_or(0, |s| vm.symbols.text(s).chars().count()),
        _ => 0,
    };
    Ok(vm.int(n as i64))
}

fn assert(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if args.get(0).truthy() {
        return Ok(Value::NIL);
    }
    match args.get(1) {
        Value::NIL => vm.fail("Assertion failed"),
        message => {
            let text = print::text(vm, message)?;
            vm.fail(text)
        }
    }
}

fn debug(_vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(Value::NIL)
}

/// Debug output and tracing are off unless the command line asks for them.
fn nothing(_vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(Value::NIL)
}

/// Ends the program.
pub(super) fn exit(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let code = match args.get(0) {
        Value::NIL => 0,
        v => int_arg(vm, v, "exit requires an integer exit code")?,
    };
    Err(vm.end(Fatal::Exit(code as i32)))
}

fn types_equivalent(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (a, b) = (args.get(0), args.get(1));
    let same = crate::types::canonical_text(vm, a) == crate::types::canonical_text(vm, b);
    Ok(Value::bool(same))
}

/// `(#type data)`: a type value.
fn type_value(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(crate::types::make_type(vm, args.get(0)))
}

/// `(#fail text)`: raises; the class follows from the text.
fn fail(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = print::text(vm, args.get(0))?;
    vm.fail(text)
}

fn callable(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(is_callable(args.get(0))))
}

fn kind_name(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(vm.str(Builtin::kind_name(args.get(0))))
}

/// `(#eq? a b)`: their equality if no Gene code is needed to tell, else nil.
fn known_equal(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let known = crate::equality::equal(vm, args.get(0), args.get(1));
    Ok(known.map_or(Value::NIL, Value::bool))
}

#[cfg(test)]
mod tests {
    use super::testing::{call_global, ints, show, vm};
    use super::*;

    #[test]
    fn len_counts_what_each_kind_has() {
        let mut vm = vm();
        let text = vm.str("日本");
        let array = ints(&mut vm, &[1, 2, 3]);
        let range = vm.range(Value::small_int(0), Value::small_int(10), Some(3));
        let map = vm.map_of(&[("a", Value::NIL)]);
        let symbol = vm.symbol("né");
        let list = [text, array, range, map, symbol, Value::NIL, Value::TRUE];
        for (v, want) in list.into_iter().zip(["2", "3", "4", "1", "2", "0", "0"]) {
            let got = call_global(&mut vm, "len", &[v]);
            assert_eq!(show(&mut vm, got), want);
        }
        let got = call_global(&mut vm, "len", &[]);
        assert_eq!(
            show(&mut vm, got),
            "error: len requires 1 argument (collection)"
        );
    }

    #[test]
    fn assert_raises_its_message() {
        let mut vm = vm();
        let got = call_global(&mut vm, "assert", &[Value::NIL]);
        assert_eq!(show(&mut vm, got), "error: Assertion failed");
        let text = vm.str("differ");
        let got = call_global(&mut vm, "assert", &[Value::FALSE, text]);
        assert_eq!(show(&mut vm, got), "error: differ");
        let got = call_global(&mut vm, "++", &[Value::TRUE]);
        assert_eq!(show(&mut vm, got), "error: ++ expects String arguments");
    }
}

//! Standard streams, and readers of files (14-stdlib §1, §6).

use super::*;
use crate::capabilities::File;
use crate::print::{self, Style};
use std::io::{BufRead, BufReader, IsTerminal, Read};

/// What a handle leads to.
enum Handle {
    Stdin,
    Stdout,
    Stderr,
    /// `None` once closed.
    File(Option<BufReader<File>>),
}

pub(super) static METHODS: &[NativeDef] = &[
    def("read", 1, 1, read),
    def("read_line", 1, 1, read_line),
    def("write", 2, 2, write).usage("write requires a value"),
    def("write_line", 2, 2, write_line).usage("write_line requires a value"),
    def("flush", 1, 1, flush),
    def("isatty?", 1, 1, is_terminal),
    def("close", 1, 1, close),
];

pub(super) static GLOBALS: &[NativeDef] =
    &[def("flush", 0, 1, flush), def("readline", 0, ANY, readline)];

/// `stdin`, `stdout`, `stderr`
pub(super) fn constant(vm: &mut Vm, name: &str) -> Option<Value> {
    let handle = match name {
        "stdin" => Handle::Stdin,
        "stdout" => Handle::Stdout,
        "stderr" => Handle::Stderr,
        _ => return None,
    };
    Some(vm.record(Tag::IoHandle, Vec::new(), Some(Box::new(handle))))
}

/// A reader of a file.
pub(super) fn file_reader(vm: &mut Vm, file: File) -> Value {
    let handle = Handle::File(Some(BufReader::new(file)));
    vm.record(Tag::IoHandle, Vec::new(), Some(Box::new(handle)))
}

fn handle<'a>(vm: &mut Vm, v: Value) -> Result<&'a mut Handle, Raised> {
    let found = vm
        .heap
        .record_mut(v)
        .and_then(|r| r.data.as_mut()?.downcast_mut());
    found.ok_or_else(|| vm.error("a stream handle requires an IOHandle"))
}

fn name(h: &Handle) -> &'static str {
    match h {
        Handle::Stdin => "stdin",
        Handle::Stdout => "stdout",
        Handle::Stderr => "stderr",
        Handle::File(_) => "file",
    }
}

fn io_failed(vm: &mut Vm, what: &str, e: &std::io::Error) -> Raised {
    vm.error(&format!("Failed to read {what}: {e}"))
}

/// All that is left to read.
fn read(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let h = handle(vm, args.this())?;
    let mut text = Vec::new();
    let done = match h {
        Handle::Stdin => {
            core::flush_stdout(vm)?;
            std::io::stdin().lock().read_to_end(&mut text)
        }
        Handle::File(Some(file)) => file.read_to_end(&mut text),
        Handle::File(None) => return vm.fail("file is closed"),
        h => return vm.fail(format!("{} is not readable", name(h))),
    };
    match done {
        Ok(_) => Ok(vm.str(&String::from_utf8_lossy(&text))),
        Err(e) => Err(io_failed(vm, name(h), &e)),
    }
}

/// The next line without its end, nil when there is none.
fn read_line(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let h = handle(vm, args.this())?;
    let mut line = Vec::new();
    let done = match h {
        Handle::Stdin => {
            core::flush_stdout(vm)?;
            std::io::stdin().lock().read_until(b'\n', &mut line)
        }
        Handle::File(Some(file)) => file.read_until(b'\n', &mut line),
        Handle::File(None) => return vm.fail("file is closed"),
        h => return vm.fail(format!("{} is not readable", name(h))),
    };
    match done {
        Ok(0) => Ok(Value::NIL),
        Ok(_) => Ok(line_value(vm, &line)),
        Err(e) => Err(io_failed(vm, name(h), &e)),
    }
}

/// A line without its end.
pub(super) fn line_value(vm: &mut Vm, line: &[u8]) -> Value {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    vm.str(&String::from_utf8_lossy(line))
}

fn readline(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if args.has(0) {
        return vm.fail("readline does not accept arguments");
    }
    let stdin = vm.builtin("stdin")?;
    read_line(
        vm,
        Args {
            items: &[stdin],
            keys: &[],
            values: &[],
        },
    )
}

fn write_text(vm: &mut Vm, args: Args<'_>, end: &str) -> NativeResult {
    let h = handle(vm, args.this())?;
    let mut text = String::new();
    if print::write(vm, &mut text, args.get(1), Style::Plain).is_err() {
        return Err(print::too_long(vm));
    }
    text.push_str(end);
    match h {
        Handle::Stdout => core::write_stdout(vm, &text)?,
        Handle::Stderr => core::write_stderr(vm, &text)?,
        h => return vm.fail(format!("{} is not writable", name(h))),
    }
    Ok(Value::NIL)
}

fn write(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    write_text(vm, args, "")
}

fn write_line(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    write_text(vm, args, "\n")
}

/// `(flush [handle])`, `.flush`
fn flush(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if args.has(0) {
        handle(vm, args.get(0))?;
    }
    core::flush_stdout(vm)?;
    Ok(Value::NIL)
}

fn is_terminal(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(match handle(vm, args.this())? {
        Handle::Stdin => std::io::stdin().is_terminal(),
        Handle::Stdout => std::io::stdout().is_terminal(),
        Handle::Stderr => std::io::stderr().is_terminal(),
        Handle::File(_) => false,
    }))
}

fn close(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if let Handle::File(file) = handle(vm, args.this())? {
        *file = None;
    }
    Ok(Value::NIL)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, call_global, show, vm};
    use super::*;

    #[test]
    fn wrong_directions_are_refused() {
        let mut vm = vm();
        let out = vm.builtin("stdout").unwrap();
        let got = call(&mut vm, "read", &[out]);
        assert_eq!(show(&mut vm, got), "error: stdout is not readable");
        let input = vm.builtin("stdin").unwrap();
        let got = call(&mut vm, "write", &[input, Value::NIL]);
        assert_eq!(show(&mut vm, got), "error: stdin is not writable");
        let got = call_global(&mut vm, "readline", &[Value::NIL]);
        assert_eq!(
            show(&mut vm, got),
            "error: readline does not accept arguments"
        );
    }
}

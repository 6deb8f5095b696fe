//! Child processes: `system/Process` (14-stdlib §7).
//!
//! A process is an instance of a class made here; a hidden field holds the child. Threads read
//! its output, so that reading can have a time limit.

use super::*;
use crate::heap::object::Class;
use rustix::process::{Pid, Signal};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Hidden field that holds the child.
const CHILD: &str = "#child";

pub(super) static GLOBALS: &[NativeDef] = &[];

static STATICS: &[NativeDef] = &[def("start", 1, ANY, start)
    .usage("Process/start requires a command")
    .with_keys()];

static METHODS: &[NativeDef] = &[
    def("write", 2, 2, write).usage("Process.write requires a value"),
    def("write_line", 2, 2, write_line).usage("Process.write_line requires a value"),
    def("close_stdin", 1, 1, close_stdin),
    def("read_line", 1, 1, read_line).with_keys(),
    def("read_until", 2, 2, read_until)
        .usage("Process.read_until requires a delimiter")
        .with_keys(),
    def("read_available", 1, 1, read_available),
    def("read_stderr", 1, 1, read_stderr).with_keys(),
    def("wait", 1, 1, wait).with_keys(),
    def("shutdown", 1, 1, shutdown).with_keys(),
    def("signal", 2, 2, signal).usage("Process.signal requires a signal name"),
    def("alive?", 1, 1, alive),
];

/// The class `Process`.
pub(super) fn class(vm: &mut Vm) -> Value {
    namespaces::new_class(vm, "Process", STATICS, METHODS, Some("Process.ctor"))
}

/// What comes from a child's stream.
struct Stream {
    chunks: Receiver<Vec<u8>>,
    /// Received and not yet taken.
    ready: Vec<u8>,
    ended: bool,
}

impl Stream {
    fn new(mut source: impl Read + Send + 'static) -> Stream {
        let (send, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = source.read(&mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Stream {
            chunks,
            ready: Vec::new(),
            ended: false,
        }
    }

    /// Waits for more; false when nothing came in time or ever will.
    fn more(&mut self, until: Instant) -> bool {
        if self.ended {
            return false;
        }
        match self
            .chunks
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            Ok(chunk) => {
                self.ready.extend(chunk);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                self.ended = true;
                false
            }
        }
    }

    /// Everything up to and with the delimiter, once it is there.
    fn until(&mut self, delimiter: &[u8], until: Instant) -> Option<Vec<u8>> {
        let mut searched = 0;
        loop {
            let from = searched.min(self.ready.len());
            let at = self.ready[from..]
                .windows(delimiter.len().max(1))
                .position(|w| w == delimiter);
            if let Some(at) = at {
                return Some(self.ready.drain(..from + at + delimiter.len()).collect());
            }
            searched = self.ready.len().saturating_sub(delimiter.len());
            if !self.more(until) {
                return None;
            }
        }
    }
}

/// A child and its streams.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Stream,
    err: Option<Stream>,
    status: Option<i64>,
}

/// The exit code; 128 + n for signal n.
pub(super) fn exit_code(status: ExitStatus) -> i64 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + i64::from(signal);
    }
    i64::from(status.code().unwrap_or(-1))
}

/// `(system/Process/start cmd args… [^cwd d] [^env {…}] [^stderr_to_stdout b])`
fn start(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let words = system::words(vm, args.items)?;
    let mut command = system::command(vm, &words[0])?;
    command.args(&words[1..]).stdin(Stdio::piped());
    if let Some(dir) = args.key(vm, "cwd") {
        command.current_dir(text_arg(vm, dir, "Process/start ^cwd requires a string")?);
    }
    for e in args
        .key(vm, "env")
        .and_then(view::map)
        .into_iter()
        .flat_map(|m| m.table.iter())
    {
        let name = view::text(e.key).unwrap_or("");
        system::check_variable(vm, name)?;
        command.env(name, crate::print::plain(vm, e.value)?);
    }
    let joined = args.key(vm, "stderr_to_stdout").is_some_and(Value::truthy);
    let process = match spawn(command, joined) {
        Ok(p) => p,
        Err(e) => return vm.fail(format!("Failed to start process '{}': {e}", words[0])),
    };
    let class = vm.builtin("system")?;
    let name = vm.symbols.intern("Process");
    let class = vm.member(class, name)?;
    instance(vm, crate::types::class_ptr(class), process)
}

fn spawn(mut command: Command, joined: bool) -> std::io::Result<Process> {
    let (mut child, out, err) = if joined {
        let (reader, writer) = std::io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn()?;
        // The command holds the writing end; without it the reader would never end.
        drop(command);
        (child, Stream::new(reader), None)
    } else {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let missing = || std::io::Error::other("no pipe");
        let out = Stream::new(child.stdout.take().ok_or_else(missing)?);
        let err = Stream::new(child.stderr.take().ok_or_else(missing)?);
        (child, out, Some(err))
    };
    let stdin = child.stdin.take();
    Ok(Process {
        child,
        stdin,
        out,
        err,
        status: None,
    })
}

fn instance(vm: &mut Vm, class: *mut Class, process: Process) -> NativeResult {
    let pid = Value::small_int(i64::from(process.child.id()));
    let child = vm.record(Tag::IoHandle, Vec::new(), Some(Box::new(process)));
    let v = vm.instance(class);
    for (name, value) in [("pid", pid), ("exit_code", Value::NIL), (CHILD, child)] {
        let name = vm.symbols.intern(name);
        vm.set_field(v, name, value);
    }
    Ok(v)
}

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a mut Process, Raised> {
    let name = vm.symbols.intern(CHILD);
    let child = vm
        .get_field(args.this(), name)
        .and_then(|v| vm.heap.record_mut(v));
    let process = child.and_then(|r| r.data.as_mut()?.downcast_mut());
    process.ok_or_else(|| vm.error("Process methods must be called on a process"))
}

/// `^timeout`, in seconds.
fn deadline(vm: &mut Vm, args: Args<'_>, method: &str) -> Result<Instant, Raised> {
    let seconds = args.key(vm, "timeout").and_then(view::number);
    let Some(seconds) = seconds else {
        return Err(vm.error(&format!("Process.{method} requires ^timeout")));
    };
    let time = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    let far = Duration::from_secs(100 * 365 * 86_400);
    Ok(Instant::now() + time.min(far))
}

fn write_text(vm: &mut Vm, args: Args<'_>, end: &str) -> NativeResult {
    let process = this(vm, args)?;
    let mut text = crate::print::plain(vm, args.get(1))?;
    text.push_str(end);
    let Some(stdin) = &mut process.stdin else {
        return vm.fail("Failed to write to process: stdin is closed");
    };
    match stdin
        .write_all(text.as_bytes())
        .and_then(|()| stdin.flush())
    {
        Ok(()) => Ok(Value::NIL),
        Err(e) => vm.fail(format!("Failed to write to process: {e}")),
    }
}

fn write(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    write_text(vm, args, "")
}

fn write_line(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    write_text(vm, args, "\n")
}

fn close_stdin(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?.stdin = None;
    Ok(Value::NIL)
}

fn read_line(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let process = this(vm, args)?;
    let until = deadline(vm, args, "read_line")?;
    let line = process
        .out
        .until(b"\n", until)
        .or_else(|| last_piece(&mut process.out));
    Ok(line.map_or(Value::NIL, |l| handles::line_value(vm, &l)))
}

/// What is left of a stream that has ended.
fn last_piece(stream: &mut Stream) -> Option<Vec<u8>> {
    (stream.ended && !stream.ready.is_empty()).then(|| std::mem::take(&mut stream.ready))
}

fn read_until(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let process = this(vm, args)?;
    let delimiter = text_arg(vm, args.get(1), "Process.read_until requires a delimiter")?;
    let until = deadline(vm, args, "read_until")?;
    if delimiter.is_empty() {
        return vm.fail("Process.read_until requires a delimiter");
    }
    let found = process.out.until(delimiter.as_bytes(), until);
    let found = found.or_else(|| last_piece(&mut process.out));
    Ok(found.map_or(Value::NIL, |t| vm.str(&String::from_utf8_lossy(&t))))
}

fn read_available(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let out = &mut this(vm, args)?.out;
    while out.more(Instant::now()) {}
    let text = std::mem::take(&mut out.ready);
    Ok(vm.str(&String::from_utf8_lossy(&text)))
}

fn read_stderr(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let process = this(vm, args)?;
    let until = deadline(vm, args, "read_stderr")?;
    let Some(err) = &mut process.err else {
        return Ok(vm.str(""));
    };
    if err.ready.is_empty() {
        err.more(until);
    }
    while err.more(Instant::now()) {}
    let text = std::mem::take(&mut err.ready);
    Ok(vm.str(&String::from_utf8_lossy(&text)))
}

/// Waits until the child ends or the time is up.
fn wait_until(process: &mut Process, until: Instant) -> Option<i64> {
    let mut pause = Duration::from_micros(200);
    loop {
        if process.status.is_none()
            && let Ok(Some(status)) = process.child.try_wait()
        {
            process.status = Some(exit_code(status));
        }
        let now = Instant::now();
        if process.status.is_some() || now >= until {
            return process.status;
        }
        std::thread::sleep(pause.min(until - now));
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// The exit code is a field too, once it is known.
fn note_status(vm: &mut Vm, args: Args<'_>, status: Option<i64>) -> Value {
    let Some(status) = status else {
        return Value::NIL;
    };
    let status = Value::small_int(status);
    let name = vm.symbols.intern("exit_code");
    vm.set_field(args.this(), name, status);
    status
}

fn wait(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let process = this(vm, args)?;
    let until = deadline(vm, args, "wait")?;
    let status = wait_until(process, until);
    Ok(note_status(vm, args, status))
}

/// Closes the input, then asks the child to end, then ends it.
fn shutdown(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let process = this(vm, args)?;
    let until = deadline(vm, args, "shutdown")?;
    process.stdin = None;
    let half = until.saturating_duration_since(Instant::now()) / 2;
    let mut status = wait_until(
        process,
        Instant::now() + half.min(Duration::from_millis(100)),
    );
    if status.is_none() {
        send_signal(process, "TERM");
        status = wait_until(process, until);
    }
    if status.is_none() {
        send_signal(process, "KILL");
        status = wait_until(process, Instant::now() + Duration::from_secs(5));
    }
    Ok(note_status(vm, args, status))
}

/// Sends a signal to a child that still runs.
fn send_signal(process: &mut Process, name: &str) -> bool {
    if wait_until(process, Instant::now()).is_some() {
        return true;
    }
    if name == "KILL" {
        return process.child.kill().is_ok();
    }
    let signal = match name {
        "INT" => Signal::INT,
        _ => Signal::TERM,
    };
    rustix::process::kill_process(Pid::from_child(&process.child), signal).is_ok()
}

fn signal(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let process = this(vm, args)?;
    let name = vm.name_text(args.get(1)).unwrap_or("");
    if !matches!(name, "INT" | "TERM" | "KILL") {
        return vm.fail("Process.signal expects INT, TERM or KILL");
    }
    if !send_signal(process, name) {
        return vm.fail(format!("Failed to send {name} to the process"));
    }
    Ok(Value::NIL)
}

fn alive(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let process = this(vm, args)?;
    let status = wait_until(process, Instant::now());
    note_status(vm, args, status);
    Ok(Value::bool(status.is_none()))
}

//! The messages of the Debug Adapter Protocol, and the standard streams that carry them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// Longest message, in bytes.
const MAX_MESSAGE: usize = 16 << 20;

/// Longest line of a header, in bytes.
const MAX_HEADER: u64 = 4096;

/// A request of the editor.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number.
    pub seq: Value,
    /// What it wants.
    pub command: String,
    /// With what.
    pub arguments: Value,
}

/// Writes messages to the editor.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<(File, u64)>>);

impl Writer {
    fn send(&self, mut message: Value) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.1 += 1;
        message["seq"] = out.1.into();
        let text = message.to_string();
        // An editor that has gone is noticed by the reader.
        let _ = write!(out.0, "Content-Length: {}\r\n\r\n{text}", text.len());
        let _ = out.0.flush();
    }

    /// Tells of something that has happened.
    pub fn event(&self, event: &str, body: &Value) {
        self.send(json!({"type": "event", "event": event, "body": body}));
    }

    /// Passes on what somebody has written.
    pub fn output(&self, category: &str, text: &str) {
        self.event("output", &json!({"category": category, "output": text}));
    }

    /// Answers a request.
    pub fn respond(&self, request: &Message, body: &Value) {
        self.send(json!({
            "type": "response", "request_seq": request.seq, "success": true,
            "command": request.command, "body": body,
        }));
    }

    /// Refuses a request.
    pub fn refuse(&self, request: &Message, text: &str) {
        self.refuse_unknown(&request.seq, &request.command, text);
    }

    fn refuse_unknown(&self, seq: &Value, command: &str, text: &str) {
        self.send(json!({
            "type": "response", "request_seq": seq, "success": false,
            "command": command, "message": text,
            "body": {"error": {"id": 1, "format": text}},
        }));
    }
}

/// The standard streams, taken from the program.
pub struct Streams {
    input: File,
    out: Writer,
    pumps: Vec<JoinHandle<()>>,
}

impl Streams {
    /// Gives the program an empty input, and makes events of its output.
    ///
    /// # Errors
    /// What the system says.
    pub fn take() -> io::Result<Streams> {
        use rustix::stdio;
        let input = File::from(rustix::io::dup(stdio::stdin())?);
        let out = File::from(rustix::io::dup(stdio::stdout())?);
        let out = Writer(Arc::new(Mutex::new((out, 0))));
        stdio::dup2_stdin(File::open("/dev/null")?)?;
        let (stdout, to_stdout) = rustix::pipe::pipe()?;
        let (stderr, to_stderr) = rustix::pipe::pipe()?;
        stdio::dup2_stdout(to_stdout)?;
        stdio::dup2_stderr(to_stderr)?;
        let pumps = [("stdout", stdout), ("stderr", stderr)].map(|(category, pipe)| {
            let out = out.clone();
            std::thread::spawn(move || pump(&mut File::from(pipe), category, &out))
        });
        Ok(Streams {
            input,
            out,
            pumps: pumps.into(),
        })
    }

    /// The editor's side of standard output.
    pub fn writer(&self) -> Writer {
        self.out.clone()
    }

    /// The editor's side of standard input.
    ///
    /// # Errors
    /// What the system says.
    pub fn input(&self) -> io::Result<File> {
        self.input.try_clone()
    }

    /// Waits until all that the program has written has become events.
    pub fn give_back(self) {
        if let Ok(nothing) = File::options().write(true).open("/dev/null") {
            let closed = rustix::stdio::dup2_stdout(&nothing).is_ok()
                && rustix::stdio::dup2_stderr(&nothing).is_ok();
            for pump in self.pumps {
                if closed {
                    let _ = pump.join();
                }
            }
        }
    }
}

/// Makes events of what is written to a pipe, by whole characters.
fn pump(pipe: &mut File, category: &str, out: &Writer) {
    let mut pending: Vec<u8> = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        pending.extend_from_slice(&buffer[..count]);
        let whole = match std::str::from_utf8(&pending) {
            Ok(_) => pending.len(),
            // the beginning of a character, whose rest comes next
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => pending.len(),
        };
        let text: Vec<u8> = pending.drain(..whole).collect();
        if !text.is_empty() {
            out.output(category, &String::from_utf8_lossy(&text));
        }
    }
    if !pending.is_empty() {
        out.output(category, &String::from_utf8_lossy(&pending));
    }
}

/// Reads messages in a thread of its own, and calls for the running program's attention. What is no
/// request is refused here. The channel closes with the input.
pub fn read_messages(
    input: File,
    out: Writer,
    running: Arc<AtomicBool>,
    attention: Arc<AtomicBool>,
) -> Receiver<Message> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut input = BufReader::new(input);
        loop {
            let message = match read_message(&mut input) {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err((seq, text)))) => {
                    out.refuse_unknown(&seq, "", &text);
                    continue;
                }
                Ok(None) | Err(_) => break,
            };
            let urgent = ["pause", "disconnect", "terminate"].contains(&message.command.as_str());
            let gone = sender.send(message).is_err();
            if gone {
                break;
            }
            if urgent || running.load(Ordering::SeqCst) {
                attention.store(true, Ordering::Relaxed);
            }
        }
        // The editor has gone, and the program must not go on without it.
        let seq = Value::from(0);
        let _ = sender.send(Message {
            seq,
            command: "disconnect".to_owned(),
            arguments: Value::Null,
        });
        attention.store(true, Ordering::Relaxed);
    });
    receiver
}

/// What is wrong with a message, and its number.
type Wrong = (Value, String);

/// The next message; nothing at the end of the input, or where it makes no sense any more.
fn read_message(input: &mut impl BufRead) -> io::Result<Option<Result<Message, Wrong>>> {
    let wrong = |text: &str| Ok(Some(Err((Value::from(0), text.to_owned()))));
    let mut length: Option<usize> = None;
    loop {
        let mut line = Vec::new();
        let count = input.take(MAX_HEADER).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((key, value)) = line.split_once(':')
            && key.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let Some(length) = length else {
        return wrong("a header without Content-Length");
    };
    if length > MAX_MESSAGE {
        // Skipped, not kept.
        io::copy(&mut input.take(length as u64), &mut io::sink())?;
        return wrong("a message is too long");
    }
    let mut text = vec![0; length];
    input.read_exact(&mut text)?;
    let message: Value = match serde_json::from_slice(&text) {
        Ok(message) => message,
        Err(error) => return wrong(&format!("a message is not JSON: {error}")),
    };
    let seq = match &message["seq"] {
        seq if seq.is_u64() => seq.clone(),
        _ => Value::from(0),
    };
    Ok(Some(
        match (&message["type"], message["command"].as_str()) {
            (Value::String(kind), Some(command)) if kind == "request" => Ok(Message {
                seq,
                command: command.to_owned(),
                arguments: message["arguments"].clone(),
            }),
            _ => Err((seq, "a message is not a request".to_owned())),
        },
    ))
}

//! Exceptions: making them, finding who catches them, and reporting those nobody does.
#![allow(unsafe_code)]

use crate::capabilities::Refusal;
use crate::classes::Builtin;
use crate::frame;
use crate::heap::object::*;
use crate::heap_view;
use crate::natives::{NativeResult, Raised};
use crate::program::{BRIDGE_STUB, HALT_STUB, Image, Proto};
use crate::value::Value;
use crate::vm::Vm;
use gene_format::program::FuncId;

/// An end that no program may catch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// `--max-steps` is used up.
    Steps,
    /// Somebody outside asked for it (`Vm::interrupt`). The machine may run something else then.
    Interrupted,
    /// The image is corrupt: the text says how.
    Corrupt(String),
    /// `exit` was called.
    Exit(i32),
    /// A native panicked: a bug of ours.
    Panic(String),
}

/// Innermost frames among which endless recursion through a handler has that handler.
const NEAR_FRAMES: usize = 8;

/// Frames that a backtrace shows from either end.
const SHOWN_FRAMES: usize = 12;

/// The class of an error raised by the runtime follows from its text (09-errors §2).
fn class_of_message(message: &str) -> Builtin {
    let text = message.to_lowercase();
    let has = |part: &str| text.contains(part);
    if has("division by zero")
        || has("integer overflow")
        || has("modulo by zero")
        || has("stack overflow")
        || has("memory limit")
    {
        Builtin::RuntimeException
    } else if has("type mismatch")
        || has("type error")
        || has("cannot compare")
        || has("not supported for")
    {
        Builtin::TypeException
    } else if has("requires")
        || has("expects")
        || has("invalid") && (has("argument") || has("parameter"))
    {
        Builtin::ArgumentException
    } else if has("file not found")
        || has("failed to read")
        || has("failed to write")
        || has("failed to open")
    {
        Builtin::IoError
    } else if has("timeout") {
        Builtin::TimeoutException
    } else if has("cancelled") || has("cancellation") {
        Builtin::CancellationException
    } else {
        Builtin::Exception
    }
}

impl Vm {
    /// Raises an error with this message; its class follows from the text.
    #[cold]
    #[inline(never)]
    pub fn error(&mut self, message: &str) -> Raised {
        let class = class_of_message(message);
        let text = self.str(message);
        self.raised = self.exception(class, text);
        Raised
    }

    /// As `error`, as a native's result.
    #[cold]
    #[inline(never)]
    pub fn fail(&mut self, message: impl AsRef<str>) -> NativeResult {
        Err(self.error(message.as_ref()))
    }

    /// Raises the error that the program may not do something; its text names the option that
    /// would allow it.
    #[cold]
    pub fn refused(&mut self, refusal: &Refusal) -> Raised {
        let text = self.str(&refusal.to_string());
        self.raised = self.exception(Builtin::IoError, text);
        Raised
    }

    /// A fresh exception of a built-in class.
    pub fn exception(&mut self, class: Builtin, message: Value) -> Value {
        let class = self.class(class);
        let e = self.instance(class);
        let name = self.names.message;
        self.set_field(e, name, message);
        e
    }

    /// Makes the exception that `throw` raises for a value (09-errors §1).
    pub fn normalise_thrown(&mut self, v: Value) -> Value {
        if v.is(Kind::Instance) {
            let root = self.class(Builtin::Exception);
            let class = self.class_of(v);
            if self.is_subclass(class, root) {
                return v;
            }
        }
        let message = match heap_view::text(v) {
            Some(_) => v,
            None => {
                let text = crate::print::quoted(self, v);
                self.str(&text)
            }
        };
        let e = self.exception(Builtin::Exception, message);
        if v != Value::NIL && !v.is(Kind::Str) {
            let cause = self.names.cause;
            self.set_field(e, cause, v);
        }
        e
    }

    /// Turns an image error into an end of the program.
    ///
    /// # Errors
    /// The error.
    pub fn corrupt<T, E: std::fmt::Display>(&mut self, result: Result<T, E>) -> Result<T, Raised> {
        result.map_err(|e| self.corrupt_text(&e.to_string()))
    }

    /// Ends the program because its image is corrupt.
    #[cold]
    pub fn corrupt_text(&mut self, text: &str) -> Raised {
        self.fatal = Some(Fatal::Corrupt(text.to_owned()));
        self.raised = Value::NIL;
        Raised
    }

    /// The error that the stack, whose innermost frame is `base`, has too many frames.
    ///
    /// # Safety
    /// `base` is the innermost frame of the running fiber.
    #[cold]
    pub unsafe fn overflow(&mut self, mut base: *mut Value, depth: usize) -> Raised {
        // Handlers of missing methods that meet their own method again are told apart. There is
        // one among the innermost frames, so that other overflows, which may be many, cost little.
        let (mut handlers, mut missing, mut seen) = (0, Value::NIL, 0);
        // SAFETY: by the contract; a handler's first parameter follows its receiver
        unsafe {
            while !base.is_null() && (seen < NEAR_FRAMES || handlers > 0) {
                let proto = &*(*frame::closure(base)).proto;
                let name = proto.image().map(|image| image.view.string(proto.name));
                if name == Some(Ok("on_method_missing")) && !proto.params.is_empty() {
                    handlers += 1;
                    if handlers == 1 {
                        missing = *base.add(proto.receiver_slots());
                    }
                }
                seen += 1;
                base = frame::caller(base);
            }
        }
        let text = match self.name_text(missing) {
            Some(name) if handlers > depth / 8 => {
                format!("on_method_missing recursion limit exceeded while resolving '{name}'")
            }
            _ => format!("Stack overflow: {depth} calls deep"),
        };
        self.error(&text)
    }

    /// Ends the program.
    #[cold]
    pub fn end(&mut self, how: Fatal) -> Raised {
        self.fatal = Some(how);
        self.raised = Value::NIL;
        Raised
    }

    /// Finds where to go on after a raise at `pc` (the next instruction) in frame `base`, and
    /// puts the exception into the handler's slot. Leaves generators on the way. With nobody to
    /// catch it, goes on at the halt stub.
    ///
    /// # Safety
    /// `base` is the innermost frame of the running fiber.
    pub unsafe fn unwind(&mut self, pc: *const u64, base: *mut Value) -> crate::interp::Goto {
        // SAFETY: by the contract; headers chain down to a null base
        unsafe {
            // A handler may lie before the failing instruction, so raising spends budget like any
            // other way back.
            self.budget -= 1;
            if self.budget < 0 && !self.refill_budget() {
                self.end_of_steps();
            }
            if self.fatal.is_some() {
                return self.leave_all();
            }
            self.note_place(pc);
            // Looked up once on the way down, not at every `finally` that raises it again.
            if self.unwinding != self.raised {
                self.unwinding = self.raised;
                let caught = self.is_caught(pc, base);
                if !caught {
                    self.capture_backtrace(pc, base);
                }
                if !self.observers.is_empty() {
                    crate::interp::observe::tell_raised(self, pc, base, caught);
                    if self.fatal.is_some() {
                        return self.leave_all();
                    }
                }
            }
            let (mut pc, mut base) = (pc, base);
            loop {
                let closure = frame::closure(base);
                let proto = &*(*closure).proto;
                if let Some(h) = handler_of(proto, pc, true) {
                    *base.add(h.slot as usize) = self.raised;
                    self.raised = Value::UNDEF;
                    if !h.cleanup {
                        self.unwinding = Value::UNDEF;
                    }
                    return crate::interp::Goto {
                        pc: proto.code.get().add(h.target as usize),
                        base,
                        k: (*closure).k,
                    };
                }
                pc = frame::return_pc(base);
                base = frame::caller(base);
                if base.is_null() {
                    if self.generator.is_null() {
                        return crate::interp::Goto {
                            pc: HALT_STUB.as_ptr(),
                            base,
                            k: std::ptr::null_mut(),
                        };
                    }
                    let to = self.leave_generator();
                    (pc, base) = (to.pc, to.base);
                }
            }
        }
    }

    /// Drops every frame of every fiber.
    fn leave_all(&mut self) -> crate::interp::Goto {
        while !self.generator.is_null() {
            self.leave_generator();
        }
        crate::interp::Goto {
            pc: HALT_STUB.as_ptr(),
            base: std::ptr::null_mut(),
            k: std::ptr::null_mut(),
        }
    }

    /// Remembers in an exception where it was raised, unless it knows already.
    fn note_place(&mut self, pc: *const u64) {
        let told = std::mem::take(&mut self.place_wanted);
        if !self.raised.is(Kind::Instance) {
            return;
        }
        if told && let Some(place) = self.describe_place(pc).filter(|at| at.line > 0) {
            let Place {
                file, line, column, ..
            } = place;
            let text = format!("{} @ {file}:{line}:{column}", self.message_of(self.raised));
            let (name, text) = (self.names.message, self.str(&text));
            self.set_field(self.raised, name, text);
        }
        let place = self.names.place;
        if self.get_field(self.raised, place).is_none() {
            let word = Value::raw(pc.expose_provenance() as u64);
            self.set_field(self.raised, place, word);
        }
    }

    /// True if some frame below catches (a `finally` does not).
    ///
    /// # Safety
    /// As `unwind`.
    unsafe fn is_caught(&self, pc: *const u64, base: *mut Value) -> bool {
        let (mut pc, mut base, mut generator) = (pc, base, self.generator);
        // SAFETY: by the contract; parents of running generators are suspended with their state
        unsafe {
            loop {
                let proto = &*(*frame::closure(base)).proto;
                if handler_of(proto, pc, false).is_some() {
                    return true;
                }
                pc = frame::return_pc(base);
                base = frame::caller(base);
                if base.is_null() {
                    let Some(fiber) = generator.as_ref().and_then(|g| g.fiber.as_ref()) else {
                        return false;
                    };
                    generator = fiber.parent;
                    let parent = match generator.as_ref() {
                        None => &self.main,
                        Some(g) => match &g.fiber {
                            Some(f) => f,
                            None => return false,
                        },
                    };
                    (pc, base) = (parent.pc, parent.base);
                }
            }
        }
    }

    /// # Safety
    /// As `unwind`.
    unsafe fn capture_backtrace(&mut self, pc: *const u64, base: *mut Value) {
        if !self.backtrace.is_empty() {
            return; // raised again by a `finally`
        }
        let (mut pc, mut base) = (pc, base);
        // SAFETY: by the contract
        unsafe {
            while !base.is_null() {
                if pc != BRIDGE_STUB.as_ptr() {
                    self.backtrace.push(pc);
                }
                pc = frame::return_pc(base);
                base = frame::caller(base);
            }
        }
    }

    /// `file:line:column` and function of the instruction before `pc`.
    pub fn describe_place(&self, pc: *const u64) -> Option<Place> {
        let at = pc.wrapping_sub(1);
        for &image in self.images.iter().rev() {
            // SAFETY: images are never freed
            let image: &Image = unsafe { &*image };
            if let Some((func, index)) = image.find_pc(at) {
                let proto = image.known_proto(func)?;
                let module = image
                    .view
                    .modules()
                    .get(proto.module.index())
                    .and_then(|m| image.view.string(m.name).ok())
                    .unwrap_or(&image.name);
                let name = image.view.string(proto.name).unwrap_or("");
                let (line, column) = image
                    .debug
                    .view(&image.view)
                    .position(func, index)
                    .unwrap_or((0, 0));
                let prelude = self.prelude.as_ref();
                return Some(Place {
                    library: prelude.is_some_and(|p| std::ptr::eq(p.image, image)),
                    function: name.to_owned(),
                    file: module.to_owned(),
                    line,
                    column,
                    func,
                });
            }
        }
        None
    }

    /// The exception's message as text.
    pub fn message_of(&self, e: Value) -> String {
        match self.get_field(e, self.names.message) {
            Some(m) => match heap_view::text(m) {
                Some(text) => text.to_owned(),
                None => crate::print::quoted(self, m),
            },
            None => crate::print::quoted(self, e),
        }
    }

    /// Where the exception was raised.
    pub fn place_of(&self, e: Value) -> Option<Place> {
        let word = self.get_field(e, self.names.place)?;
        self.describe_place(std::ptr::with_exposed_provenance(word.bits() as usize))
    }

    /// The line of source at a place, if it is known.
    fn excerpt(&self, place: &Place) -> Option<String> {
        self.images.iter().rev().find_map(|&image| {
            // SAFETY: images are never freed
            let image: &Image = unsafe { &*image };
            let at = (place.line, place.column);
            image.debug.excerpt(&image.view, &place.file, at)
        })
    }

    /// The text that an uncaught exception is reported with: the diagnostic of 09-errors §4 in
    /// one line, the line of source if it is known, then the calls that led to it.
    pub fn report(&self) -> String {
        let message = self.message_of(self.raised);
        let frames: Vec<Place> = self
            .backtrace
            .iter()
            .filter_map(|&pc| self.describe_place(pc))
            .collect();
        // What the library raises is shown where the program called the library.
        let place = match self.place_of(self.raised) {
            Some(place) if place.library => frames.iter().find(|frame| !frame.library).cloned(),
            place => place,
        };
        let place = place.filter(|p| p.line > 0);
        let (file, line, column) = match &place {
            Some(p) => (p.file.as_str(), p.line, p.column),
            None => ("", 0, 0),
        };
        let mut out = format!(
            "Error: {{^message {} ^code {} ^severity \"error\" ^stage \"runtime\" ^span {{^file {} \
             ^line {line} ^column {column}}} ^hints [] ^repair_tags [\"runtime\"]}}\n",
            json_text(&message),
            json_text(code_of_message(&message)),
            json_text(file),
        );
        out.push_str(&place.and_then(|p| self.excerpt(&p)).unwrap_or_default());
        let hidden = frames.len().saturating_sub(2 * SHOWN_FRAMES);
        for (i, place) in frames.iter().enumerate() {
            if hidden > 0 && i == SHOWN_FRAMES {
                out.push_str(&format!("  … {hidden} more calls …\n"));
            }
            if hidden > 0 && (SHOWN_FRAMES..SHOWN_FRAMES + hidden).contains(&i) {
                continue;
            }
            let name = match place.function.as_str() {
                "" => "(anonymous)",
                name => name,
            };
            let (file, line, column) = (&place.file, place.line, place.column);
            out.push_str(&match line {
                0 => format!("  at {name} ({file})\n"),
                _ => format!("  at {name} ({file}:{line}:{column})\n"),
            });
        }
        out
    }
}

/// The diagnostic code of an error, from its text (09-errors §4).
fn code_of_message(message: &str) -> &'static str {
    let text = message.to_lowercase();
    let has = |part: &str| text.contains(part);
    if has("division by zero") || has("divide") {
        "GENE.ARITH.DIV_ZERO"
    } else if has("method not found") || has("no method") {
        "GENE.OOP.METHOD_NOT_FOUND"
    } else if has("undefined variable") || has("not defined") {
        "GENE.SCOPE.UNDEFINED_VAR"
    } else if has("stack overflow") {
        "GENE.VM.STACK_OVERFLOW"
    } else if has("failed to load extension") {
        "GENE.EXT.LOAD_FAILED"
    } else {
        "GENE.RUNTIME.ERROR"
    }
}

/// A text as JSON writes it.
pub(crate) fn json_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Function's name; empty for anonymous ones.
    pub function: String,
    /// Module path.
    pub file: String,
    /// From 1; 0 if unknown (a stripped image).
    pub line: u32,
    /// From 1; 0 if unknown.
    pub column: u32,
    /// It belongs to the built-in library.
    pub library: bool,
    /// The function.
    pub func: FuncId,
}

/// The handler that covers the instruction before `pc`.
fn handler_of(
    proto: &Proto,
    pc: *const u64,
    cleanup: bool,
) -> Option<gene_format::program::Handler> {
    if proto.handlers.is_empty() {
        return None;
    }
    let at = proto.index_of(pc.wrapping_sub(1))?;
    proto
        .handlers
        .iter()
        .find(|h| h.start <= at && at < h.end && (cleanup || !h.cleanup))
        .copied()
}

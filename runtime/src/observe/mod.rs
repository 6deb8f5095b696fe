//! Watching a program run: an observer is told of each instruction before it is executed.
//!
//! Observers need no part in the ordinary run: a machine that has some dispatches through another
//! table (`interp/observe.rs`). What they see is an [`At`], the state before an instruction.

mod calls;
mod coverage;
pub mod debug;
pub mod inspect;
pub(crate) mod output;
pub mod profile;
mod report;
mod trace;

pub use crate::interp::observe::{At, Frame};

use crate::heap::log::GcLog;
use crate::program::Image;
use crate::value::Value;
use crate::vm::Vm;
use calls::Calls;
use gene_format::ops::Insn;
use gene_format::program::ModuleId;
use profile::{Format, Profile, Request};
use std::path::PathBuf;

/// Watches a program.
pub trait Observer {
    /// Before each instruction. To end the program, give the machine an end (`Vm::end`).
    fn step(&mut self, at: &mut At<'_>);

    /// An exception was raised; it is in `at.vm.raised`. The instruction that raised it is the one
    /// before which `step` was called last, or a call on the way. `caught`: some frame catches it.
    fn raised(&mut self, _at: &mut At<'_>, _caught: bool) {}

    /// The program has ended.
    ///
    /// # Errors
    /// What cannot be written, as a message.
    fn finish(&mut self, _vm: &Vm) -> Result<(), String> {
        Ok(())
    }
}

/// What to watch, as options of command lines.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Watch {
    /// Write one line for each executed instruction to standard error: its place and function, the
    /// instruction, and the values that it reads; with NAME only those of functions of this name.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub trace: Option<Option<String>>,

    /// Count the instructions of each function and kind, and tell at the end on standard error, or
    /// in a file, whose name may choose the format (.json, .svg, .folded).
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub profile: Option<Option<PathBuf>>,

    /// The profile's format.
    #[arg(long, value_enum, value_name = "FORMAT", requires = "profile")]
    pub profile_format: Option<profile::Format>,

    /// Count how often lines, functions and branches are executed, and write that to a file at the
    /// end, as lcov reads it.
    #[arg(long, value_name = "FILE")]
    pub coverage: Option<PathBuf>,

    /// Write one line for each step of the collector: its kind, the work done, the memory in use
    /// before and after, and the pause, to standard error or a file.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub gc_log: Option<Option<PathBuf>>,

    /// The reference's report on instructions, which `gene run` knows.
    #[arg(skip)]
    pub instruction_times: bool,
}

impl Watch {
    /// Those who watch.
    pub fn observers(&self) -> Vec<Box<dyn Observer>> {
        let mut observers: Vec<Box<dyn Observer>> = Vec::new();
        if let Some(function) = &self.trace {
            observers.push(Box::new(trace::Trace::new(function.clone())));
        }
        if self.profile.is_some() || self.instruction_times {
            let file = self.profile.clone().flatten();
            let usual = match self.instruction_times {
                true => Format::Times,
                false => Request::format_of(file.as_deref()),
            };
            observers.push(Box::new(Profile::new(Request {
                format: self.profile_format.unwrap_or(usual),
                file,
                functions: self.profile.is_some(),
                instructions: self.instruction_times,
            })));
        }
        if let Some(file) = &self.coverage {
            observers.push(Box::new(coverage::Coverage::new(file.clone())));
        }
        observers
    }

    /// Who is told of collections; without a wanted log only for the figures, if those are wanted.
    pub fn gc_log(&self, figures: bool) -> Option<GcLog> {
        match &self.gc_log {
            Some(file) => Some(GcLog::new(file.as_deref())),
            None => figures.then(GcLog::silent),
        }
    }
}

/// Lets the observers write what they have seen. Gives the exit code, which was `code`.
pub fn finish(vm: &mut Vm, code: i32) -> i32 {
    let mut code = code;
    let mut done = vec![vm.gc_log.as_mut().map_or(Ok(()), GcLog::finish)];
    for mut observer in std::mem::take(&mut vm.observers) {
        done.push(observer.finish(vm));
    }
    for result in done {
        if let Err(message) = result {
            eprintln!("Error: {message}");
            code = if code == 0 { 3 } else { code };
        }
    }
    code
}

/// `file:line:column` of a frame, as far as they are known.
pub fn place(frame: Frame<'_>, vm: &Vm) -> String {
    let module = module(frame).unwrap_or_default();
    match frame.position() {
        (0, _) if frame.in_library(vm) => "(library)".to_owned(),
        (0, _) => module.to_owned(),
        (line, column) => format!("{module}:{line}:{column}"),
    }
}

/// Path of the module that a frame's function belongs to.
pub fn module(frame: Frame<'_>) -> Option<&str> {
    let (image, func) = frame.function()?;
    module_name(image, func.module)
}

/// How many type checks code begins with: calls may leave them out.
fn checks_at_start(code: &[u64]) -> usize {
    let is_check = |word: &&u64| Insn::decode(**word).is_some_and(|insn| insn.op.is_check());
    code.iter().take_while(is_check).count()
}

/// Whether the frame stands where a call enters its function: at the first instruction, or behind
/// type checks that the call leaves out.
fn is_at_start(frame: Frame<'_>) -> bool {
    let code = || {
        let (image, func) = frame.function()?;
        image.view.code(&func).ok()
    };
    match frame.index() {
        Some(0) => true,
        Some(index) if index <= u8::MAX.into() => {
            code().is_some_and(|code| checks_at_start(code) >= index as usize)
        }
        _ => false,
    }
}

/// Path of a module.
pub fn module_name(image: &Image, module: ModuleId) -> Option<&str> {
    let modules = image.view.modules();
    image.view.string(modules.get(module.index())?.name).ok()
}

/// A value in one line of at most `most` characters.
pub fn brief(vm: &Vm, value: Value, most: usize) -> String {
    if value == Value::UNDEF {
        return "undef".to_owned();
    }
    let text = crate::print::quoted(vm, value);
    let mut text = text.replace('\n', "\\n");
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
    text
}

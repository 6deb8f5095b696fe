//! Running an image file from beginning to end: what `gene-vm` does, for other hosts too.

use crate::capabilities::CapabilityArgs;
use crate::debug_file::DebugFile;
use crate::errors::Fatal;
use crate::evaluate::Evaluator;
use crate::heap::log::GcLog;
use crate::linked::{self, Linked};
use crate::mapping::Mapping;
use crate::natives::Raised;
use crate::observe::Watch;
use crate::program::Image;
use crate::value::Value;
use crate::vm::{DEFAULT_DEPTH, ImageRef, Options, Vm};
use std::io::Write;
use std::path::Path;

/// Exit codes, as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  the program ended
  1  an error that the program did not catch
  2  wrong options or arguments
  3  the image, or one that it imports, cannot be read
  4  not an image, or a corrupt one, or one of another version, or images that do not fit together,
     or one that is not signed as --require-signed wants; or its file became shorter while it was
     running
  5  the image needs a compiler at run time: use gene run
  6  a limit is used up (--max-steps)
  7  an internal error of gene-vm
  Otherwise the program chose the code itself, by (exit n).";

/// Options of every command line that executes images.
#[derive(clap::Args, Clone, Debug)]
pub struct Limits {
    #[command(flatten)]
    pub watch: Watch,

    /// Most memory for the program's values, in bytes or with a suffix K, M or G.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_memory: Option<usize>,

    /// Most loop rounds and calls; a program that needs more is stopped.
    #[arg(long, value_name = "N")]
    pub max_steps: Option<u64>,

    /// Most nested calls; more raise an error that the program can catch.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_DEPTH)]
    pub max_depth: usize,

    /// Collect garbage as often as possible (for tests of the runtime itself).
    #[arg(long, hide = true)]
    pub gc_stress: bool,

    /// Say at the end, on standard error, how often and how long the collector stopped the
    /// program.
    #[arg(long)]
    pub gc_stats: bool,

    /// What the program may do.
    #[command(flatten)]
    pub capabilities: CapabilityArgs,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            watch: Watch::default(),
            max_memory: None,
            max_steps: None,
            max_depth: DEFAULT_DEPTH,
            gc_stress: false,
            gc_stats: false,
            capabilities: CapabilityArgs::default(),
        }
    }
}

impl Limits {
    /// Options of a machine for a program of this name (`$program`) with these arguments.
    ///
    /// # Errors
    /// A capability that leads nowhere, for the command line.
    pub fn options(&self, program: String, args: Vec<String>) -> Result<Options, String> {
        Ok(Options {
            capabilities: self.capabilities.capabilities()?,
            max_memory: self.max_memory.unwrap_or(usize::MAX),
            max_steps: self.max_steps.unwrap_or(u64::MAX),
            max_depth: self.max_depth,
            gc_stress: self.gc_stress,
            gc_stats: self.gc_stats,
            watch: self.watch.clone(),
            args,
            program,
            ..Options::default()
        })
    }
}

/// When code is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verify {
    /// Each function at its first call.
    Lazy,
    /// Everything before the start.
    Eager,
}

/// Why an image did not start.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(std::io::Error),
    /// Not an image of this version, or damaged.
    #[error("{0}")]
    Format(String),
    /// An image that it imports cannot be read.
    #[error(
        "{importer} imports {path}, which cannot be read: {error}; compile the program again with \
         --separate, and keep its images together"
    )]
    Import {
        /// The image that needs it, relative to the folder of the main image.
        importer: String,
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file with its debug data cannot be read.
    #[error("its debug data {path} cannot be read: {error}")]
    DebugFile {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It has forms that need a compiler.
    #[error(
        "{0}: this form needs a compiler at run time (eval); start the program with `gene run`"
    )]
    NeedsEval(String),
}

impl Failure {
    /// The process's exit code.
    pub fn exit_code(failure: &Failure) -> i32 {
        match failure {
            Failure::Read(_) | Failure::Import { .. } | Failure::DebugFile { .. } => 3,
            Failure::Format(_) => 4,
            Failure::NeedsEval(_) => 5,
        }
    }
}

/// Reads a size: bytes, or with a suffix K, M or G (powers of 1024).
///
/// # Errors
/// A message for the command line.
pub fn parse_size(text: &str) -> Result<usize, String> {
    let (digits, shift) = match text.trim_end_matches(['B', 'b', 'i']) {
        t if t.ends_with(['K', 'k']) => (&t[..t.len() - 1], 10),
        t if t.ends_with(['M', 'm']) => (&t[..t.len() - 1], 20),
        t if t.ends_with(['G', 'g']) => (&t[..t.len() - 1], 30),
        t => (t, 0),
    };
    let n: usize = digits
        .parse()
        .map_err(|_| format!("`{text}` is not a size such as 64M"))?;
    n.checked_mul(1 << shift)
        .ok_or_else(|| format!("`{text}` is too large"))
}

/// Runs an image file, with the images that it imports; returns the process's exit code.
///
/// # Errors
/// Whatever keeps it from starting. Errors of the program itself are reported on standard error
/// and give an exit code.
pub fn run_file(path: &Path, options: Options, verify: Verify) -> Result<i32, Failure> {
    let mut machine = Machine::open(path, options, verify, None)?;
    let result = machine.run();
    Ok(machine.finish(result.is_err()))
}

/// Runs an image that is in memory; see [`run_file`].
///
/// # Errors
/// As `run_file`.
pub fn run_image(
    name: &str,
    bytes: Mapping,
    options: Options,
    verify: Verify,
) -> Result<i32, Failure> {
    let mut machine = Machine::load(name, bytes, options, verify, None)?;
    let result = machine.run();
    Ok(machine.finish(result.is_err()))
}

/// A machine with one program.
pub struct Machine {
    /// The machine.
    pub vm: Box<Vm>,
    /// Each behind those it imports; the last is the main one.
    images: Vec<ImageRef>,
}

impl Machine {
    /// Loads an image that is in memory. Without an evaluator, one that needs it is refused; so is
    /// one that imports others.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub fn load(
        name: &str,
        bytes: Mapping,
        options: Options,
        verify: Verify,
        evaluator: Option<Box<dyn Evaluator>>,
    ) -> Result<Machine, Failure> {
        let image = Image::load(name, bytes).map_err(|e| Failure::Format(e.to_string()))?;
        if image.view.import_count() > 0 {
            let text = "it imports other images, so it must be started from its file";
            return Err(Failure::Format(text.into()));
        }
        let imports = Vec::new();
        Machine::start(vec![Linked { image, imports }], options, verify, evaluator)
    }

    /// Loads an image file, and the images that it imports from the file's folder.
    ///
    /// # Errors
    /// As [`Machine::load`].
    pub fn open(
        path: &Path,
        options: Options,
        verify: Verify,
        evaluator: Option<Box<dyn Evaluator>>,
    ) -> Result<Machine, Failure> {
        let is_unknown = !options.signers.are_known();
        let read = match options.capabilities.copies_images() && is_unknown {
            true => Mapping::read,
            false => Mapping::open,
        };
        let bytes = read(path).map_err(Failure::Read)?;
        let name = path.display().to_string();
        let mut image = Image::load(&name, bytes).map_err(|e| Failure::Format(e.to_string()))?;
        image.debug = DebugFile::beside(path);
        if let Some(file) = &options.debug_file {
            let opened = image.debug.open(file, &image.view);
            opened.map_err(|error| Failure::DebugFile {
                path: file.display().to_string(),
                error,
            })?;
        }
        let images = match image.view.import_count() {
            0 => vec![Linked {
                image,
                imports: Vec::new(),
            }],
            _ => linked::load(path, image, read)?,
        };
        Machine::start(images, options, verify, evaluator)
    }

    fn start(
        images: Vec<Linked>,
        mut options: Options,
        verify: Verify,
        evaluator: Option<Box<dyn Evaluator>>,
    ) -> Result<Machine, Failure> {
        let main = images.len().saturating_sub(1);
        for (at, Linked { image, .. }) in images.iter().enumerate() {
            if let (Some(place), None) = (image.view.needs_eval(), &evaluator) {
                return Err(Failure::NeedsEval(place.to_owned()));
            }
            let failed = |text: String| match at == main {
                true => Failure::Format(text),
                false => Failure::Format(format!("{}: {text}", image.name)),
            };
            options.signers.check(&image.view).map_err(failed)?;
            if verify == Verify::Eager {
                gene_format::verify::verify_image(image.view.bytes())
                    .map_err(|e| failed(e.to_string()))?;
            }
            // What the compiler was told about the program's meaning, the machine must know too.
            let meta = image.view.meta().map_err(|e| failed(e.to_string()))?;
            options.strict_nil |= meta
                .iter()
                .any(|(key, value)| key == "strict-nil" && value == "on");
        }
        if verify == Verify::Eager {
            linked::check_names(&images)?;
        }
        let mut vm = Vm::new(options);
        vm.evaluator = evaluator;
        let mut refs: Vec<ImageRef> = Vec::with_capacity(images.len());
        for Linked { image, imports } in images {
            let imports: Vec<ImageRef> = imports.into_iter().map(|at| refs[at]).collect();
            refs.push(vm.add_linked_image(image, &imports));
        }
        Ok(Machine { vm, images: refs })
    }

    /// Runs the bodies of all modules; gives the value of the main module.
    ///
    /// # Errors
    /// As [`Vm::run_image`].
    pub fn run(&mut self) -> Result<Value, Raised> {
        let mut result = Value::NIL;
        for &image in &self.images {
            result = self.vm.run_image(image)?;
        }
        Ok(result)
    }

    /// Runs the body of the main module once more.
    ///
    /// # Errors
    /// As [`Vm::run_image`].
    pub fn run_again(&mut self) -> Result<Value, Raised> {
        match self.images.last() {
            Some(&main) => self.vm.run_main(main),
            None => Ok(Value::NIL),
        }
    }

    /// Makes a text the member `name` of the global namespace, which programs read as `$name`.
    pub fn set_global(&mut self, name: &str, text: &str) {
        let value = self.vm.str(text);
        self.vm.keep_global(name, value);
    }

    /// Writes what is left to write, reports how the program ended, and gives the process's
    /// exit code.
    pub fn finish(mut self, failed: bool) -> i32 {
        let code = finish(&mut self.vm, failed);
        // The process ends now: freeing every object would only cost time.
        std::mem::forget(self.vm);
        code
    }
}

/// What `--gc-stats` shows.
fn gc_report(vm: &Vm) -> String {
    let ms = |nanoseconds: u64| nanoseconds as f64 / 1e6;
    let stats = vm.gc_log.as_ref().map(GcLog::stats).unwrap_or_default();
    format!(
        "collector: {} collections in {} steps, {:.2} ms in all, longest {:.2} ms; \
         at most {} KiB traced in a step; {} KiB live, {} KiB taken from the system\n",
        vm.heap.collections,
        stats.steps,
        ms(stats.total),
        ms(stats.longest),
        stats.traced >> 10,
        vm.heap.live_bytes() >> 10,
        vm.heap.bytes() >> 10,
    )
}

/// Writes what is left to write and reports how the program ended.
fn finish(vm: &mut Vm, failed: bool) -> i32 {
    let flushed = vm.flush();
    let (text, code) = match vm.fatal.clone() {
        Some(Fatal::Exit(code)) => (String::new(), code),
        Some(Fatal::Steps) => {
            let n = vm.options.max_steps;
            (
                format!("Error: the step limit is used up ({n} loop rounds and calls)\n"),
                6,
            )
        }
        Some(Fatal::Interrupted) => ("Error: interrupted\n".to_owned(), 130),
        Some(Fatal::Corrupt(text)) => (format!("Error: {text}\n"), 4),
        Some(Fatal::Panic(text)) => (format!("Error: {text}\n"), 7),
        None if failed => (vm.report(), 1),
        None => (String::new(), 0),
    };
    let code = crate::observe::finish(vm, code);
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    if vm.options.gc_stats {
        let _ = stderr.write_all(gc_report(vm).as_bytes());
    }
    if let Err(e) = flushed {
        // A closed pipe (`| head`) is no error of the program's.
        if e.kind() != std::io::ErrorKind::BrokenPipe {
            let _ = writeln!(stderr, "Error: cannot write to standard output: {e}");
            return if code == 0 { 1 } else { code };
        }
    }
    code
}

//! `gene run` and `gene eval`

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use gene_compiler::cli::{self, CompileArgs, Failure, Source};
use gene_compiler::compile::on_large_stack;
use gene_compiler::disk::Disk;
use gene_compiler::gene::Files;
use gene_format::write::WriteOptions;
use gene_runtime::capabilities::Capabilities;
use gene_runtime::evaluate::Evaluator;
use gene_runtime::mapping::Mapping;
use gene_runtime::observe::profile::Format;
use gene_runtime::print;
use gene_runtime::run::{self, Limits, Machine, Verify};
use gene_runtime::vm::Options;

use crate::cache::{self, CacheArgs};
use crate::evaluate::Compiler;
use crate::on_error::{OnErrorArgs, ask_on_error};
use crate::package::PackageArgs;
use crate::spelling::looks_like_file;

const RUN_EXAMPLE: &str = "\
Options of gene may also follow FILE; those of the program that look the same go behind `--`.

Examples:
  gene run hello.gene one two
  gene run --max-steps 1000000 hello.gene -- --max-steps
  gene run hello.gir
  gene run --no-cache hello.gene
  echo '(println (1 + 2))' | gene run";

/// Run a program: compile it, or take the image of an earlier run if nothing changed since.
///
/// An image (.gir) runs as it is.
#[derive(Args, Default)]
#[command(after_help = RUN_EXAMPLE)]
pub struct Run {
    #[command(flatten)]
    execute: Execute,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    package: PackageArgs,
    #[command(flatten)]
    on_error: OnErrorArgs,
    /// The program's main file; `-`, or nothing before a pipe, is standard input.
    file: Option<PathBuf>,
    /// The program's `$args`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Run {
    /// A command line that only names a program and gives it arguments, the usual one of scripts:
    /// describing all options to clap takes several times as long as to start a program.
    pub fn plain(words: &[OsString]) -> Option<Run> {
        let words: Option<Vec<&str>> = words.iter().skip(1).map(|word| word.to_str()).collect();
        let words = words?;
        let (file, args) = match words.as_slice() {
            ["run", file, args @ ..] if args.iter().all(|word| !word.starts_with("--")) => {
                (*file, args)
            }
            [file, args @ ..] if looks_like_file(OsStr::new(file)) => (*file, args),
            _ => return None,
        };
        (!file.starts_with('-')).then(|| Run {
            file: Some(file.into()),
            args: args.iter().map(|&word| word.to_owned()).collect(),
            ..Run::default()
        })
    }
}

const EVAL_EXAMPLE: &str = "\
Examples:
  gene eval -p '(1 + 2)'
  gene eval '(println \"hello\")'
  echo '(println (1 + 2))' | gene eval";

/// Compile a text and run it.
#[derive(Args)]
#[command(after_help = EVAL_EXAMPLE)]
pub struct Eval {
    #[command(flatten)]
    execute: Execute,
    #[command(flatten)]
    package: PackageArgs,
    #[command(flatten)]
    on_error: OnErrorArgs,
    /// Print the value of the last form.
    #[arg(short, long)]
    print_last: bool,
    /// The text, its words joined by blanks; without any, standard input.
    code: Vec<String>,
    #[arg(long, hide = true)]
    csv: bool,
    #[arg(long, hide = true)]
    gene: bool,
    #[arg(long, hide = true)]
    line: bool,
}

/// Options of commands that compile and execute.
#[derive(Args, Clone, Default)]
pub struct Execute {
    /// What the compiler is told.
    #[command(flatten)]
    pub compile: CompileArgs,
    /// What the machine is told.
    #[command(flatten)]
    pub limits: Limits,
    /// Tell at the end how long instructions of each kind took, on standard output.
    #[arg(long)]
    profile_instructions: bool,
    /// Accepted for compatibility; errors always show their place.
    #[arg(short, long, hide = true)]
    debug: bool,
    /// Accepted for compatibility: there is no native code, and results are the same without.
    #[arg(long, hide = true)]
    native_code: bool,
    #[arg(long, hide = true, value_parser = ["never", "guarded", "fully-typed"])]
    native_tier: Option<String>,
    /// The reference's name of `--no-cache`.
    #[arg(long, hide = true)]
    pub no_gir_cache: bool,
    /// Compile also what is in the cache.
    #[arg(long, hide = true)]
    pub force_compile: bool,
}

/// What the compiler reads for a program that runs at once: modules as ever, but of the
/// environment `comptime` sees no more than the program itself may see.
pub struct Confined {
    capabilities: Capabilities,
    disk: Disk,
}

impl Files for Confined {
    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        self.disk.read(path)
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        let is_ours = PACKAGE_PATHS.contains(&name); // where packages are is no secret
        let seen = is_ours || self.capabilities.check_variable(name).is_ok();
        seen.then(|| self.disk.variable(name))?
    }

    fn list(&mut self, path: &str) -> Vec<String> {
        self.disk.list(path)
    }
}

/// Variables that say where packages are.
const PACKAGE_PATHS: [&str; 2] = ["GENE_PACKAGE_PATH", "GENE_WORKSPACE_PATH"];

impl Execute {
    /// What the compiler reads.
    pub fn files(&self) -> Result<Confined, Failure> {
        let capabilities = self.limits.capabilities.capabilities();
        Ok(Confined {
            capabilities: capabilities.map_err(Failure::Usage)?,
            disk: Disk,
        })
    }

    /// A machine with a compiled program.
    pub fn load(&self, source: &Source, args: Vec<String>) -> Result<Machine, Failure> {
        let mut files = self.files()?;
        let write = WriteOptions::default();
        let (image, _) = self.compile.image_from(source, &mut files, &write)?;
        let image = Mapping::copy(&image);
        self.load_image(&source.name, image, args)
    }

    /// A machine with an image that is in memory.
    pub fn load_image(
        &self,
        name: &str,
        image: Mapping,
        args: Vec<String>,
    ) -> Result<Machine, Failure> {
        self.start(name, args, |options, compiler| {
            Machine::load(name, image, options, Verify::Lazy, Some(compiler))
        })
    }

    /// A machine with the program of an image file.
    pub fn open(&self, file: &Path, args: Vec<String>) -> Result<Machine, Failure> {
        self.start(&file.to_string_lossy(), args, |options, compiler| {
            Machine::open(file, options, Verify::Lazy, Some(compiler))
        })
    }

    fn start(
        &self,
        name: &str,
        args: Vec<String>,
        load: impl FnOnce(Options, Box<dyn Evaluator>) -> Result<Machine, run::Failure>,
    ) -> Result<Machine, Failure> {
        let mut options = Options {
            strict_nil: self.compile.strict_nil,
            ..self
                .limits
                .options(name.to_owned(), args)
                .map_err(Failure::Usage)?
        };
        options.watch.instruction_times = self.profile_instructions;
        if let (Some(None), None) = (&options.watch.profile, options.watch.profile_format) {
            options.watch.profile_format = Some(Format::Times);
        }
        let compiler = Box::new(Compiler::new(self.compile.options()));
        load(options, compiler).map_err(|error| Failure::Image {
            code: run::Failure::exit_code(&error),
            text: format!("{name}: {error}"),
        })
    }
}

/// Runs a file if it is a program in the cache that needs no compiler.
pub fn run_kept(args: &Run) -> Option<i32> {
    let file = args.file.as_ref().filter(|file| !is_image(file))?;
    let machine = cache::kept(&args.execute, &args.cache, file, args.args.clone())?;
    let (code, raised) = finish(machine);
    if raised {
        on_large_stack(|| explain(&args.execute, file));
    }
    Some(code)
}

pub fn is_image(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "gir")
}

/// Runs a program; its exit code, and whether an error that it did not catch ended it.
fn finish(mut machine: Machine) -> (i32, bool) {
    let result = machine.run();
    let raised = result.is_err() && machine.vm.fatal.is_none();
    (machine.finish(result.is_err()), raised)
}

/// Runs a file.
pub fn run(args: &Run) -> Result<i32, Failure> {
    let execute = &args.on_error.execute(&args.execute);
    let rest = args.args.clone();
    let standard_input = || -> Result<Source, Failure> {
        let text = Source::standard_input()?.text;
        match args.package.is_given() {
            true => args.package.code("run", text),
            false => Ok(Source::code("<stdin>", text)),
        }
    };
    let given = args.file.as_deref().filter(|file| *file != Path::new("-"));
    let file = given.map(|file| args.package.file(file)).transpose()?;
    let mut machine = match &file {
        Some(file) if is_image(file) => execute.open(file, rest)?,
        Some(file) => cache::load(execute, &args.cache, file, rest)?,
        None if args.file.is_none() && io::stdin().is_terminal() => {
            return Err(Failure::Usage("no file to run".into()));
        }
        None => execute.load(&standard_input()?, rest)?,
    };
    if args.package.is_given() {
        let name = given.map_or("<stdin>".into(), Path::to_string_lossy);
        machine.vm.options.program = name.into_owned();
    }
    if args.on_error.is_wanted() {
        ask_on_error(&mut machine);
    }
    let (code, raised) = finish(machine);
    if let (true, Some(file)) = (raised, &file) {
        explain(execute, file);
    }
    Ok(code)
}

/// Shows somebody at a terminal what the compiler has to say of a program that failed: it may be
/// the reason. Others get the error alone, as the reference wants it.
fn explain(execute: &Execute, file: &Path) {
    if is_image(file) || !io::stderr().is_terminal() {
        return;
    }
    if let Ok(source) = Source::file(file)
        && let Ok((_, warnings)) = execute.compile.image_and_warnings(&source)
    {
        cli::complain(&warnings);
    }
}

/// Runs a text.
pub fn eval(args: &Eval) -> Result<i32, Failure> {
    let text = match args.code.is_empty() {
        true => Source::read(Path::new("-"))?.text,
        false => args.code.join(" ").into_bytes(),
    };
    if text.trim_ascii().is_empty() {
        return Err(Failure::Usage("no code to evaluate".into()));
    }
    let source = args.package.code("eval", text)?;
    let execute = args.on_error.execute(&args.execute);
    let mut machine = execute.load(&source, Vec::new())?;
    machine.vm.options.program = "<eval>".into();
    if args.on_error.is_wanted() {
        ask_on_error(&mut machine);
    }
    let result = machine.run();
    if let (true, Ok(value)) = (args.print_last, &result) {
        let text = print::quoted(&machine.vm, *value) + "\n";
        let code = machine.finish(false); // what the program printed comes first
        return cli::write(&text).map(|()| code);
    }
    Ok(machine.finish(result.is_err()))
}

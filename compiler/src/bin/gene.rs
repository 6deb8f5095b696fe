//! `gene`: the everyday front door. Arguments, files and exit codes only; the compiler and the
//! runtime do the work.

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gene_compiler::compile::{self, Level};
use gene_compiler::diag::{Diagnostic, Diagnostics, Format};
use gene_compiler::disk::{self, Disk};
use gene_compiler::gene;
use gene_compiler::source::SourceMap;
use gene_format::write::{WriteOptions, write_image};
use gene_runtime::mapping::Mapping;
use gene_runtime::run::{self, Failure as RunFailure, Verify};
use gene_runtime::vm::{DEFAULT_DEPTH, Options as VmOptions};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the program has errors, or raised one that it did not catch
  2  wrong usage
  3  a file cannot be read
  6  a limit is used up (--max-steps)
  7  an internal error
  Otherwise the program chose the code itself, by (exit n).";

/// Run and check Gene programs.
#[derive(Parser)]
#[command(name = "gene", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile a program in memory and run it.
    Run {
        #[command(flatten)]
        common: Common,
        /// The program's main file; `-` reads standard input.
        file: PathBuf,
        /// The program's `$args`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Compile a text and run it.
    Eval {
        #[command(flatten)]
        common: Common,
        /// The text.
        code: String,
        /// The program's `$args`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Report the errors of a program without running it.
    Check {
        #[command(flatten)]
        common: Common,
        /// The program's main file.
        file: PathBuf,
    },
}

#[derive(Args)]
struct Common {
    /// How to print errors of the compiler.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ErrorFormat::Text)]
    error_format: ErrorFormat,

    /// How much to optimise.
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=1))]
    optimise: u8,

    /// Refuse nil where a type does not name it.
    #[arg(long)]
    strict_nil: bool,

    /// Ignore type annotations.
    #[arg(long)]
    no_type_check: bool,

    /// Whether `^pre` and `^post` are checked.
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = Switch::On)]
    contracts: Switch,

    /// Write a line for each executed instruction to standard error.
    #[arg(long)]
    trace: bool,

    /// Most memory for the program's values, in bytes or with a suffix K, M or G.
    #[arg(long, value_name = "SIZE", value_parser = run::parse_size)]
    max_memory: Option<usize>,

    /// Most loop rounds and calls.
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,

    /// Most nested calls.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_DEPTH)]
    max_depth: usize,

    /// Accepted for compatibility; errors always show their place.
    #[arg(long, hide = true)]
    debug: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ErrorFormat {
    Text,
    Json,
    Gene,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// A program's text and what it is called.
struct Source {
    name: String,
    path: PathBuf,
    text: Vec<u8>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let code = match &cli.command {
        Command::Run { common, file, args } => match read(file) {
            Ok(source) => run_source(common, &source, args),
            Err(error) => unreadable(file, &error),
        },
        Command::Eval { common, code, args } => {
            let source = Source {
                name: "<eval>".into(),
                path: "<eval>".into(),
                text: code.clone().into_bytes(),
            };
            run_source(common, &source, args)
        }
        Command::Check { common, file } => match read(file) {
            Ok(source) => compile(common, &source).err().unwrap_or(0),
            Err(error) => unreadable(file, &error),
        },
    };
    // Ends the process without freeing the heap object by object.
    std::process::exit(code)
}

fn read(file: &Path) -> io::Result<Source> {
    let mut text = Vec::new();
    let name = if file == Path::new("-") {
        io::stdin().lock().read_to_end(&mut text)?;
        "<stdin>".to_owned()
    } else {
        text = std::fs::read(file)?;
        file.to_string_lossy().into_owned()
    };
    Ok(Source {
        name,
        path: file.to_owned(),
        text,
    })
}

fn unreadable(file: &Path, error: &io::Error) -> i32 {
    eprintln!("gene: {}: {error}", file.display());
    3
}

/// The image of a program; otherwise its errors are reported.
fn compile(common: &Common, source: &Source) -> Result<Vec<u8>, i32> {
    compile::on_large_stack(|| compile_here(common, source))
}

fn compile_here(common: &Common, source: &Source) -> Result<Vec<u8>, i32> {
    let mut sources = SourceMap::new();
    let path = match disk::absolute(&source.path) {
        Ok(path) => path,
        Err(error) => return Err(unreadable(&source.path, &error)),
    };
    let main = sources.add(source.name.clone(), source.text.clone());
    let options = compile::Options {
        front: gene::Options {
            contracts: common.contracts == Switch::On,
            type_check: !common.no_type_check,
            one_shot: true,
        },
        strict_nil: common.strict_nil,
        level: if common.optimise == 0 {
            Level::None
        } else {
            Level::Full
        },
    };
    compile::compile(&mut sources, main, &path, &mut Disk, &options)
        .and_then(|program| {
            write_image(&program, &WriteOptions::default()).map_err(|error| {
                let mut diagnostics = Diagnostics::new();
                let text = format!("the program does not fit an image: {error}");
                diagnostics.push(Diagnostic::without_place("GENE.COMPILE.LIMIT", text));
                diagnostics
            })
        })
        .map_err(|diagnostics| {
            let format = match common.error_format {
                ErrorFormat::Json => Format::Json,
                ErrorFormat::Gene => Format::Gene,
                ErrorFormat::Text => Format::Text {
                    colour: io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
                },
            };
            let text = diagnostics.render(&sources, format);
            let _ = io::stderr().write_all(text.as_bytes()); // nowhere else to complain
            1
        })
}

fn run_source(common: &Common, source: &Source, args: &[String]) -> i32 {
    let program = source.name.clone();
    let image = match compile(common, source) {
        Ok(image) => image,
        Err(code) => return code,
    };
    let options = VmOptions {
        max_memory: common.max_memory.unwrap_or(usize::MAX),
        max_steps: common.max_steps.unwrap_or(u64::MAX),
        max_depth: common.max_depth,
        trace: common.trace,
        args: args.to_vec(),
        program: program.clone(),
        strict_nil: common.strict_nil,
        ..VmOptions::default()
    };
    match run::run_image(&program, Mapping::copy(&image), options, Verify::Lazy) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("gene: {program}: {failure}");
            RunFailure::exit_code(&failure)
        }
    }
}

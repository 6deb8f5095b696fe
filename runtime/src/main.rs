//! `gene-vm`: maps, checks and executes an image.
//!
//! It defines the C `main` itself: Rust's own start-up reads the process's memory map to find
//! the guard page of the stack, which costs as much as all of a small program's run
//! (benches/RESULTS.md).
#![no_main]
#![allow(unsafe_code)]

use clap::{Parser, ValueEnum};
use gene_runtime::run::{self, Failure, Verify};
use gene_runtime::vm::{DEFAULT_DEPTH, Options};
use std::path::PathBuf;

/// Execute a Gene image made by gene-compile.
#[derive(Parser)]
#[command(name = "gene-vm", version, about, after_help = run::EXIT_CODES)]
struct Cli {
    /// The image (.gir).
    image: PathBuf,

    /// Arguments of the program, its `$args`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,

    /// Write one line for each executed instruction, with its operands' values, to standard
    /// error.
    #[arg(long)]
    trace: bool,

    /// Check each function at its first call, or the whole image before it starts.
    #[arg(long, value_enum, default_value_t = VerifyArg::Lazy, value_name = "WHEN")]
    verify: VerifyArg,

    /// Most memory for the program's values, in bytes or with a suffix K, M or G.
    #[arg(long, value_name = "SIZE", value_parser = run::parse_size)]
    max_memory: Option<usize>,

    /// Most loop rounds and calls; a program that needs more is stopped.
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,

    /// Most nested calls; more raise an error that the program can catch.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_DEPTH)]
    max_depth: usize,

    /// Refuse nil where a type does not name it.
    #[arg(long)]
    strict_nil: bool,

    /// Collect garbage as often as possible (for tests of the runtime itself).
    #[arg(long, hide = true)]
    gc_stress: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VerifyArg {
    Lazy,
    Eager,
}

impl Cli {
    /// The command line. Without options, the usual case, there is nothing to parse.
    fn read() -> Cli {
        let mut words = std::env::args_os().skip(1);
        let plain = words
            .next()
            .filter(|image| !image.to_string_lossy().starts_with('-'));
        match plain {
            Some(image) => Cli {
                image: image.into(),
                args: words
                    .map(|word| word.to_string_lossy().into_owned())
                    .collect(),
                trace: false,
                verify: VerifyArg::Lazy,
                max_memory: None,
                max_steps: None,
                max_depth: DEFAULT_DEPTH,
                strict_nil: false,
                gc_stress: false,
            },
            None => Cli::parse(),
        }
    }
}

/// The C entry point.
// SAFETY: the only symbol of this name; called once, by the C library, which `std::env` expects.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    #[cfg(unix)]
    // SAFETY: ignoring a signal has no preconditions. A closed pipe is then an error of the
    // write, which the program reports or not.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
    let cli = Cli::read();
    let options = Options {
        max_memory: cli.max_memory.unwrap_or(usize::MAX),
        max_steps: cli.max_steps.unwrap_or(u64::MAX),
        max_depth: cli.max_depth,
        gc_stress: cli.gc_stress,
        trace: cli.trace,
        args: cli.args,
        program: cli.image.display().to_string(),
        strict_nil: cli.strict_nil,
    };
    let verify = match cli.verify {
        VerifyArg::Lazy => Verify::Lazy,
        VerifyArg::Eager => Verify::Eager,
    };
    let code = match run::run_file(&cli.image, options, verify) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("gene-vm: {}: {failure}", cli.image.display());
            Failure::exit_code(&failure)
        }
    };
    // Ends the process without freeing the heap object by object.
    std::process::exit(code)
}

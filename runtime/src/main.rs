//! `gene-vm`: maps, checks and executes an image.
#![no_main]

use clap::{Parser, ValueEnum};
use gene_runtime::mapping::Mapping;
use gene_runtime::run::{self, Failure, Limits, Verify};
use gene_runtime::signers::{KeyringError, Signers};
use gene_runtime::vm::Options;
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

    /// Check each function at its first call, or the whole image before it starts.
    #[arg(long, value_enum, default_value_t = VerifyArg::Lazy, value_name = "WHEN")]
    verify: VerifyArg,

    #[command(flatten)]
    limits: Limits,

    /// Refuse nil where a type does not name it.
    #[arg(long)]
    strict_nil: bool,

    /// Positions and sources for reports of errors, as --split-debug wrote them [default:
    /// IMAGE.debug, if it is there and belongs to the image].
    #[arg(long, value_name = "FILE")]
    debug_file: Option<PathBuf>,
    /// Run only images that one of the public keys in this file (PEM) has signed.
    #[arg(long, value_name = "KEYRING")]
    require_signed: Option<PathBuf>,
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
                verify: VerifyArg::Lazy,
                limits: Limits::default(),
                strict_nil: false,
                debug_file: None,
                require_signed: None,
            },
            None => Cli::parse(),
        }
    }
}

gene_runtime::c_main!(run);
gene_runtime::embedded_image!(embedded);

/// Runs the image inside this executable. All words of the command line are the program's.
fn run_embedded(image: &'static [u8]) -> i32 {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    let options = Limits::default().options(program.clone(), words.collect());
    let options = options.unwrap_or_default();
    let image = Mapping::of_static(image);
    match run::run_image(&program, image, options, Verify::Lazy) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{program}: {failure}");
            Failure::exit_code(&failure)
        }
    }
}

fn run() -> i32 {
    if let Some(image) = embedded() {
        return run_embedded(image);
    }
    let cli = Cli::read();
    let program = cli.image.display().to_string();
    let signers = match &cli.require_signed {
        None => Signers::default(),
        Some(file) => match Signers::of_file(file) {
            Ok(signers) => signers,
            Err(error) => {
                eprintln!("gene-vm: {}: {error}", file.display());
                return if matches!(error, KeyringError::Read(_)) {
                    3
                } else {
                    2
                };
            }
        },
    };
    let options = match cli.limits.options(program, cli.args) {
        Ok(options) => Options {
            strict_nil: cli.strict_nil,
            debug_file: cli.debug_file,
            signers,
            ..options
        },
        Err(text) => {
            eprintln!("gene-vm: {text}");
            return 2;
        }
    };
    let verify = match cli.verify {
        VerifyArg::Lazy => Verify::Lazy,
        VerifyArg::Eager => Verify::Eager,
    };
    match run::run_file(&cli.image, options, verify) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("gene-vm: {}: {failure}", cli.image.display());
            Failure::exit_code(&failure)
        }
    }
}

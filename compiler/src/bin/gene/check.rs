//! `gene check`

use std::path::PathBuf;

use clap::Args;
use gene_compiler::cli::{CompileArgs, Failure, Source};

const EXAMPLE: &str = "\
Example:
  gene check --error-format json app.gene";

/// Report the errors of programs without running them.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Check {
    #[command(flatten)]
    compile: CompileArgs,
    /// The programs' main files; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Checks all files, and fails like the last that has errors.
pub fn check(args: &Check) -> Result<i32, Failure> {
    let mut code = 0;
    for file in &args.files {
        let done = Source::read(file).and_then(|source| args.compile.image_and_warnings(&source));
        match done {
            Ok((_, warnings)) => eprint!("{warnings}"),
            Err(failure) => code = failure.report("gene"),
        }
    }
    Ok(code)
}

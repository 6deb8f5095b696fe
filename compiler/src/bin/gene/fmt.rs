//! `gene fmt`

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use gene_compiler::cli::{self, ErrorArgs, Failure, Source};
use gene_compiler::diag::{Diagnostic, Diagnostics};
use gene_compiler::source::SourceMap;
use gene_compiler::{disk, fmt};

const EXAMPLE: &str = "\
Only blanks at the beginning and end of lines change. A file with errors stays as it is.

Examples:
  gene fmt src/*.gene
  gene fmt --check src/*.gene
  gene fmt < messy.gene > tidy.gene";

/// Indent programs, in place or from standard input to standard output.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Fmt {
    /// Change nothing; fail if something would.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    errors: ErrorArgs,
    /// The files; without any, or for `-`, standard input.
    files: Vec<PathBuf>,
}

/// Formats all files, and fails like the last that could not be.
pub fn fmt(args: &Fmt) -> Result<i32, Failure> {
    let input = [PathBuf::from("-")];
    let files = match args.files.as_slice() {
        [] if io::stdin().is_terminal() => {
            return Err(Failure::Usage("no files to format".into()));
        }
        [] => &input,
        files => files,
    };
    let mut code = 0;
    for file in files {
        if let Err(failure) = one(args, file) {
            code = failure.report("gene");
        }
    }
    if args.check && code == 0 {
        let what = match args.files.is_empty() {
            true => "Stdin is",
            false => "All files are",
        };
        cli::write(&format!("{what} canonically formatted\n"))?;
    }
    Ok(code)
}

fn one(args: &Fmt, file: &Path) -> Result<(), Failure> {
    let source = Source::read(file)?;
    let formatted = fmt::format(&source.text).map_err(|errors| {
        let mut sources = SourceMap::new();
        let id = sources.add(source.name.clone(), source.text.clone());
        let mut found = Diagnostics::new();
        let errors = errors.into_iter();
        found.extend(errors.map(|error| Diagnostic::from_read_error(id, error)));
        args.errors.failure(&found, &sources)
    })?;
    let same = formatted.as_bytes() == source.text;
    match (args.check, file == Path::new("-")) {
        (true, _) if same => Ok(()),
        (true, _) => Err(Failure::Program(format!(
            "gene: File is not canonically formatted: {}\n",
            source.name
        ))),
        (false, true) => cli::write(&formatted),
        (false, false) if same => Ok(()),
        (false, false) => disk::write_whole(file, formatted.as_bytes())
            .map_err(|error| Failure::file(file, &error)),
    }
}

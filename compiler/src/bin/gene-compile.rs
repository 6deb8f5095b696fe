//! `gene-compile`: source to image. Arguments, files and exit codes only.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Parser, ValueEnum};
use gene_compiler::compile::{self, Level, Options};
use gene_compiler::diag::{Diagnostic, Diagnostics, Format};
use gene_compiler::disk::{self, Disk};
use gene_compiler::gene;
use gene_compiler::hir_print;
use gene_compiler::source::{FileId, SourceMap};
use gene_format::aligned::Aligned;
use gene_format::dump::{Select, gather, render};
use gene_format::image::CheckedImage;
use gene_format::text::{read_all, write_forms};
use gene_format::write::{WriteOptions, write_image};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the program has errors
  2  wrong usage
  3  a file cannot be read or written";

/// Compile a Gene program, with all modules it imports, to one image.
#[derive(Parser)]
#[command(name = "gene-compile", version, after_help = EXIT_CODES)]
#[command(group(ArgGroup::new("input").required(true).args(["file", "eval"])))]
struct Args {
    /// The program's main file.
    file: Option<PathBuf>,

    /// Compile this text instead of a file.
    #[arg(short, long, value_name = "CODE")]
    eval: Option<String>,

    /// Where to write the image [default: beside FILE, with the ending .gir].
    #[arg(short, long, value_name = "IMAGE")]
    output: Option<PathBuf>,

    /// Print a stage of the compilation instead of writing an image.
    #[arg(long, value_enum, value_name = "STAGE", conflicts_with = "output")]
    emit: Option<Stage>,

    /// Report errors and write nothing.
    #[arg(long, conflicts_with_all = ["output", "emit"])]
    check: bool,

    /// How much to optimise.
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=1))]
    optimise: u8,

    /// Leave out positions and variable names.
    #[arg(long)]
    strip: bool,

    /// How to print errors.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ErrorFormat::Text)]
    error_format: ErrorFormat,

    /// Whether errors have colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    color: Colour,

    /// Refuse nil where a type does not name it.
    #[arg(long)]
    strict_nil: bool,

    /// Ignore type annotations.
    #[arg(long)]
    no_type_check: bool,

    /// Whether `^pre` and `^post` are checked.
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = Switch::On)]
    contracts: Switch,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The forms of the main file.
    Ast,
    /// The program with names resolved.
    Hir,
    /// The instructions.
    Ops,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ErrorFormat {
    Text,
    Json,
    Gene,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Why nothing was made; its number is the exit code.
enum Failure {
    Program(Diagnostics),
    Usage(String),
    File(String),
}

impl Failure {
    fn file(path: &Path, error: &impl Display) -> Failure {
        Failure::File(format!("{}: {error}", path.display()))
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    compile::on_large_stack(|| exit_code(&args))
}

fn exit_code(args: &Args) -> ExitCode {
    let mut sources = SourceMap::new();
    let failure = match run(args, &mut sources) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    let (code, text) = match failure {
        Failure::Program(diagnostics) => (1, diagnostics.render(&sources, format(args))),
        Failure::Usage(text) => (2, format!("gene-compile: {text}\n")),
        Failure::File(text) => (3, format!("gene-compile: {text}\n")),
    };
    let _ = io::stderr().write_all(text.as_bytes()); // nowhere else to complain
    ExitCode::from(code)
}

fn format(args: &Args) -> Format {
    match args.error_format {
        ErrorFormat::Json => Format::Json,
        ErrorFormat::Gene => Format::Gene,
        ErrorFormat::Text => Format::Text {
            colour: match args.color {
                Colour::Auto => {
                    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
                }
                Colour::Always => true,
                Colour::Never => false,
            },
        },
    }
}

fn options(args: &Args) -> Options {
    Options {
        front: gene::Options {
            contracts: args.contracts == Switch::On,
            type_check: !args.no_type_check,
            one_shot: true,
        },
        strict_nil: args.strict_nil,
        level: if args.optimise == 0 {
            Level::None
        } else {
            Level::Full
        },
    }
}

/// Where the image goes, if one is to be written.
fn output(args: &Args) -> Result<Option<PathBuf>, Failure> {
    if args.check || args.emit.is_some() {
        return Ok(None);
    }
    match (&args.output, &args.file) {
        (Some(output), _) => Ok(Some(output.clone())),
        (None, Some(file)) => {
            let output = file.with_extension("gir");
            match output == *file {
                true => Err(Failure::Usage("the image would replace its source".into())),
                false => Ok(Some(output)),
            }
        }
        (None, None) => Err(Failure::Usage("--eval needs --output IMAGE".into())),
    }
}

/// The main module and its absolute path.
fn read_main(args: &Args, sources: &mut SourceMap) -> Result<(FileId, String), Failure> {
    let (name, path, text) = match (&args.eval, &args.file) {
        (Some(code), _) => {
            let path = Path::new("<eval>");
            ("<eval>".to_owned(), path, code.clone().into_bytes())
        }
        (None, file) => {
            let path = file.as_deref().unwrap_or(Path::new(""));
            let text = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            (path.to_string_lossy().into_owned(), path, text)
        }
    };
    let absolute = disk::absolute(path).map_err(|error| Failure::file(path, &error))?;
    Ok((sources.add(name, text), absolute))
}

fn run(args: &Args, sources: &mut SourceMap) -> Result<(), Failure> {
    let output = output(args)?;
    let options = options(args);
    let (main, path) = read_main(args, sources)?;
    if args.emit == Some(Stage::Ast) {
        return print(&forms(sources, main)?);
    }
    let hir =
        compile::lower(sources, main, &path, &mut Disk, &options).map_err(Failure::Program)?;
    if args.emit == Some(Stage::Hir) {
        return print(&hir_print::print(&hir));
    }
    let program = compile::generate(&hir, sources, &options).map_err(Failure::Program)?;
    std::mem::forget(hir); // the process ends soon; freeing it takes longer than making it
    let write = WriteOptions {
        strip: args.strip,
        ..WriteOptions::default()
    };
    let image =
        write_image(&program, &write).map_err(|error| Failure::Program(too_large(&error)))?;
    if args.emit == Some(Stage::Ops) {
        return print(&listing(&image)?);
    }
    match output {
        Some(path) => {
            disk::write_whole(&path, &image).map_err(|error| Failure::file(&path, &error))
        }
        None => Ok(()),
    }
}

/// The image writer reports what exceeds the format's limits.
fn too_large(error: &impl Display) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let code = "GENE.COMPILE.LIMIT";
    diagnostics.extend([Diagnostic::without_place(
        code,
        format!("the program does not fit an image: {error}"),
    )]);
    diagnostics
}

/// The main file's forms, one after another.
fn forms(sources: &SourceMap, main: FileId) -> Result<String, Failure> {
    let read = read_all(sources.text(main));
    if !read.errors.is_empty() {
        let mut diagnostics = Diagnostics::new();
        let found = read.errors.into_iter();
        diagnostics.extend(found.map(|error| Diagnostic::from_read_error(main, error)));
        return Err(Failure::Program(diagnostics));
    }
    Ok(write_forms(&read.forms))
}

fn listing(image: &[u8]) -> Result<String, Failure> {
    let aligned = Aligned::new(image);
    let failed = |error: &dyn Display| Failure::File(format!("the image just made: {error}"));
    let checked = CheckedImage::parse(&aligned).map_err(|error| failed(&error))?;
    let facts = gather(&checked, &Select::default()).map_err(|error| failed(&error))?;
    Ok(render(&facts, false))
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| match text.ends_with('\n') {
            true => Ok(()),
            false => out.write_all(b"\n"),
        })
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::File(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

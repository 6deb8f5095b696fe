//! `gene-compile`: source to image. Arguments, files and exit codes only.

mod allocator;

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Parser, ValueEnum};
use gene_compiler::cli::{self, CompileArgs, Failure, Source};
use gene_compiler::compile;
use gene_compiler::disk::{self, Disk};
use gene_compiler::hir_print;
use gene_compiler::source::SourceMap;
use gene_format::text::write_forms;
use gene_format::write::WriteOptions;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the program has errors
  2  wrong usage
  3  a file cannot be read or written";

/// Compile a Gene program, with all modules it imports, to one image, or to one for each module.
#[derive(Parser)]
#[command(name = "gene-compile", version, after_help = EXIT_CODES)]
#[command(group(ArgGroup::new("input").required(true).args(["file", "eval"])))]
struct Args {
    /// The program's main file.
    file: Option<PathBuf>,

    /// Compile this text instead of a file.
    #[arg(short, long, value_name = "CODE")]
    eval: Option<String>,

    /// Where to write the image [default: beside FILE, with the ending .gir]; with --separate the
    /// folder of the images [default: that of FILE].
    #[arg(short, long, value_name = "IMAGE")]
    output: Option<PathBuf>,

    /// Write an image for each module, where its source lies below the folder of FILE; only those
    /// that change are written.
    #[arg(long, conflicts_with_all = ["eval", "emit", "check"])]
    separate: bool,

    /// Print a stage of the compilation instead of writing an image.
    #[arg(long, value_enum, value_name = "STAGE", conflicts_with = "output")]
    emit: Option<Stage>,

    /// Report errors and write nothing.
    #[arg(long, conflicts_with_all = ["output", "emit"])]
    check: bool,

    /// Leave out positions and variable names.
    #[arg(long)]
    strip: bool,

    #[command(flatten)]
    compile: CompileArgs,
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

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() {
    let args = Args::parse();
    let code = match compile::on_large_stack(|| run(&args)) {
        Ok(()) => 0,
        Err(failure) => failure.report("gene-compile"),
    };
    // Ends the process without freeing the program.
    std::process::exit(code)
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

/// Writes an image for each module.
fn separate(args: &Args, file: &Path) -> Result<(), Failure> {
    let folder = match &args.output {
        Some(folder) => folder,
        None => file.parent().unwrap_or(Path::new("")),
    };
    let write = WriteOptions {
        strip: args.strip,
        ..WriteOptions::default()
    };
    let (images, warnings) = args.compile.separate_images(&Source::file(file)?, &write)?;
    eprint!("{warnings}");
    cli::write_separate(folder, &images, false, |_, _| Ok(()))
}

fn run(args: &Args) -> Result<(), Failure> {
    if let (true, Some(file)) = (args.separate, &args.file) {
        return separate(args, file);
    }
    let output = output(args)?;
    let options = args.compile.options();
    let errors = &args.compile.errors;
    let source = match (&args.eval, &args.file) {
        (Some(code), _) => Source::code("<eval>", code.as_str()),
        (None, Some(file)) => Source::file(file)?,
        (None, None) => return Err(Failure::Usage("there is nothing to compile".into())),
    };
    let mut sources = SourceMap::new();
    let (main, path) = source.add_to(&mut sources)?;
    if args.emit == Some(Stage::Ast) {
        return cli::write_lines(&write_forms(&errors.forms(&sources, main)?));
    }
    let hir = compile::lower(&mut sources, main, &path, &mut Disk, &options)
        .map_err(|found| errors.failure(&found, &sources))?;
    if args.emit == Some(Stage::Hir) {
        return cli::write_lines(&hir_print::print(&hir));
    }
    eprint!("{}", hir.warnings.render(&sources, errors.format()));
    let program = compile::generate(&hir, &sources, &options)
        .map_err(|found| errors.failure(&found, &sources))?;
    std::mem::forget(hir); // the process ends soon; freeing it takes longer than making it
    let write = WriteOptions {
        strip: args.strip,
        ..WriteOptions::default()
    };
    let image = cli::image(&program, &write).map_err(|found| errors.failure(&found, &sources))?;
    if args.emit == Some(Stage::Ops) {
        return cli::write_lines(&cli::listing(&image)?);
    }
    match output {
        Some(path) => {
            disk::write_whole(&path, &image).map_err(|error| Failure::file(&path, &error))
        }
        None => Ok(()),
    }
}

//! `gene compile`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use gene_compiler::cli::{self, CompileArgs, Failure, Source};
use gene_compiler::disk;
use gene_format::aligned::Aligned;
use gene_format::dump::{Facts, Select, gather};
use gene_format::image::CheckedImage;
use gene_format::text::read_all;
use gene_format::write::WriteOptions;

use crate::metadata::metadata;
use crate::parse;

const EXAMPLE: &str = "\
An image lies below the output folder where its source lies below the working directory, and is
written only if it changes. gene-compile writes one image to any place.

Examples:
  gene compile src/app.gene                     # writes build/src/app.gir
  gene compile --separate src/app.gene          # also writes build/src/lib.gir, if it imports lib
  gene compile -f pretty -a -e '(1 + x)'
  gene compile -f ai-metadata src/app.gene      # what there is in it, for tools";

/// Compile programs to images, or show their instructions.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Compile {
    #[command(flatten)]
    compile: CompileArgs,
    /// What to make [default: gir for files, else pretty].
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    format: Option<Form>,
    /// The folder for images.
    #[arg(short, long, value_name = "DIR", default_value = "build")]
    out_dir: PathBuf,
    /// Make an image for each module, where its source lies below the folder of the main file.
    #[arg(long, conflicts_with_all = ["format", "eval"])]
    separate: bool,
    /// Show addresses in `pretty`.
    #[arg(short, long)]
    addresses: bool,
    /// Write images also if they do not change.
    #[arg(long)]
    force: bool,
    /// Accepted for compatibility; images always have debug data.
    #[arg(long, hide = true)]
    emit_debug: bool,
    /// Accepted for compatibility; functions are always compiled now.
    #[arg(long, hide = true)]
    eager: bool,
    /// Take this text instead of a file.
    #[arg(short, long, value_name = "CODE", conflicts_with = "files")]
    eval: Option<String>,
    /// The programs' main files; without any, or for `-`, standard input.
    files: Vec<PathBuf>,
}

/// What is made of a program.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Instructions with their operands in columns.
    Pretty,
    /// Instructions, with what their operands stand for.
    Compact,
    /// Instructions with their operands.
    Bytecode,
    /// An image.
    Gir,
    /// Names, types and functions of the main module, as JSON.
    AiMetadata,
}

/// Compiles all sources.
pub fn compile(args: &Compile) -> Result<i32, Failure> {
    let sources = parse::sources(args.eval.as_deref(), &args.files)?;
    let usual = match args.files.is_empty() {
        true => Form::Pretty,
        false => Form::Gir,
    };
    let format = args.format.unwrap_or(usual);
    let mut code = 0;
    for source in &sources {
        let done = match format {
            Form::Gir if args.separate => write_separate(args, source),
            Form::Gir => write(args, source),
            _ => show(args, source, format),
        };
        if let Err(failure) = done {
            code = failure.report("gene");
        }
    }
    Ok(code)
}

fn write(args: &Compile, source: &Source) -> Result<(), Failure> {
    let path = image_path(&args.out_dir, &source.path);
    let image = args.compile.image(source)?;
    let (from, to) = (&source.name, path.display());
    if !args.force && std::fs::read(&path).is_ok_and(|old| old == image) {
        return cli::write(&format!("Up-to-date: {to}\n"));
    }
    cli::write(&format!("Compiling: {from} -> {to}\n"))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder)
        .and_then(|()| disk::write_whole(&path, &image))
        .map_err(|error| Failure::file(&path, &error))?;
    cli::write(&format!("Written: {to}\n"))
}

fn write_separate(args: &Compile, source: &Source) -> Result<(), Failure> {
    let path = image_path(&args.out_dir, &source.path);
    let write = WriteOptions::default();
    let (images, _) = args.compile.separate_images(source, &write)?;
    let (from, to) = (&source.name, path.display());
    cli::write(&format!("Compiling: {from} -> {to}\n"))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    cli::write_separate(folder, &images, args.force, |path, is_new| {
        let done = if is_new { "Written" } else { "Up-to-date" };
        cli::write(&format!("{done}: {}\n", path.display()))
    })
}

/// `<out>/<folder of the source>/<name>.gir`, below `out` wherever the source is.
fn image_path(out: &Path, source: &Path) -> PathBuf {
    use std::path::Component;
    let inside = source.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let mut path = out.join(inside.collect::<PathBuf>());
    path.set_extension("gir");
    path
}

fn show(args: &Compile, source: &Source, format: Form) -> Result<(), Failure> {
    let bytes = Aligned::new(&args.compile.image(source)?);
    let failed = |error: &dyn std::fmt::Display| {
        Failure::File(format!("the image of {}: {error}", source.name))
    };
    let image = CheckedImage::parse(&bytes).map_err(|error| failed(&error))?;
    let facts = gather(&image, &Select::default()).map_err(|error| failed(&error))?;
    if format == Form::AiMetadata {
        let forms = read_all(&source.text).forms; // it was compiled, so it can be read
        let metadata = metadata(source, &forms, count(&facts));
        return cli::write_lines(&format!("{metadata:#}"));
    }
    let listing = listing(&facts, format, args.addresses);
    match args.files.is_empty() {
        true => cli::write(&listing),
        false => cli::write(&format!("=== Compiling: {} ===\n{listing}\n", source.name)),
    }
}

fn count(facts: &Facts) -> usize {
    facts.functions.iter().map(|func| func.code.len()).sum()
}

/// All instructions, the functions under their names.
fn listing(facts: &Facts, format: Form, addresses: bool) -> String {
    let mut out = format!("Instructions ({}):\n", count(facts));
    for func in &facts.functions {
        let name = match func.name.as_str() {
            "" => "(anonymous)",
            name => name,
        };
        out.push_str(&format!("{} {} {name}\n", func.id, func.kind));
        for insn in &func.code {
            let line = match format {
                Form::Pretty if addresses => {
                    format!("{:04x}  {:<20}{}", insn.at, insn.op, insn.operands)
                }
                Form::Pretty => format!("  {:<20}{}", insn.op, insn.operands),
                Form::Compact if !insn.comment.is_empty() => {
                    format!("{} {} ; {}", insn.op, insn.operands, insn.comment)
                }
                _ => format!("{} {}", insn.op, insn.operands),
            };
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

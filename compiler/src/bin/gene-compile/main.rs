//! `gene-compile`: source to image. Arguments, files and exit codes only.

mod allocator;
mod alone;
mod keys;
mod tree;
mod watch;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Parser, ValueEnum};
use gene_compiler::cache::{Dependencies, Hash, Input, Inputs};
use gene_compiler::cli::{self, CompileArgs, Failure, Source};
use gene_compiler::compile;
use gene_compiler::depfile;
use gene_compiler::disk::{self, Disk};
use gene_compiler::gene::Files;
use gene_compiler::hir_print;
use gene_compiler::source::{FileId, SourceMap};
use gene_format::aligned::Aligned;
use gene_format::signature::SecretKey;
use gene_format::text::write_forms;
use gene_format::write::{WriteOptions, split_debug};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the program has errors
  2  wrong usage
  3  a file cannot be read or written

Of a folder, each file below it whose name ends with .gene becomes an image of its own, named like
it below IMAGE; names that start with a dot, and package.gene, are left out. What is up to date by
its contents is skipped: IMAGE/.gene-compile keeps what that takes.

Examples:
  gene-compile hello.gene                 # writes hello.gir
  gene-compile src -o build --jobs 4
  gene-compile app.gene --depfile app.d   # app.gir depends on what app.d names
  gene-compile --standalone app.gene      # writes app, which needs no gene-vm
  gene-compile --make-key me.key > me.pub && gene-compile app.gene --sign me.key
  gene-vm --require-signed me.pub app.gir";

/// Compile a Gene program, with all modules it imports, to one image, or to one for each module; or
/// all programs of a folder.
#[derive(Parser)]
#[command(name = "gene-compile", version, after_help = EXIT_CODES)]
#[command(group(ArgGroup::new("input").required(true).args(["file", "eval", "make_key", "public_key"])))]
struct Args {
    /// The program's main file, or a folder of programs.
    file: Option<PathBuf>,

    /// Compile this text instead of a file.
    #[arg(short, long, value_name = "CODE")]
    eval: Option<String>,

    /// Where to write the image [default: beside FILE, with the ending .gir]; of a folder or with
    /// --separate the folder of the images [default with --separate: that of FILE].
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

    /// Keep the source texts in the image, for reports of errors and gene-dump --source.
    #[arg(long, conflicts_with = "strip")]
    embed_source: bool,

    /// Write positions, variable names and embedded sources to this file instead of the image;
    /// gene-vm finds it beside the image if it is called IMAGE.debug (app.gir.debug).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["strip", "separate", "check", "emit"])]
    split_debug: Option<PathBuf>,

    /// Also write a rule for make or ninja, which names all files that were compiled.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["eval", "check", "emit", "separate"])]
    depfile: Option<PathBuf>,

    /// Compile again whenever a file changes that was compiled, or looked for.
    #[arg(long, conflicts_with_all = ["eval", "emit", "separate"])]
    watch: bool,

    /// Write a program that needs nothing else: gene-vm with the image in it [default name: FILE
    /// without its ending].
    #[arg(long, conflicts_with_all = ["separate", "check", "emit", "sign", "split_debug"])]
    standalone: bool,

    /// The gene-vm to use for --standalone [default: the one beside gene-compile].
    #[arg(long, value_name = "FILE", requires = "standalone")]
    runtime: Option<PathBuf>,

    /// Sign the images with this secret Ed25519 key (PKCS#8, PEM), so that gene-vm --require-signed
    /// runs them.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["check", "emit"])]
    sign: Option<PathBuf>,

    /// The key that signs, once it was read.
    #[arg(skip)]
    key: Option<SecretKey>,

    /// Make a secret key in this new file, which nobody else may read, and print its public half:
    /// an entry of a keyring.
    #[arg(long, value_name = "FILE", exclusive = true)]
    make_key: Option<PathBuf>,

    /// Print the public half of this secret key.
    #[arg(long, value_name = "KEY", exclusive = true)]
    public_key: Option<PathBuf>,

    /// Programs of a folder to compile at the same time [default: one for each processor].
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZero<usize>>,

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
    let mut args = Args::parse();
    let code = match run(&mut args) {
        Ok(code) => code,
        Err(failure) => failure.report("gene-compile"),
    };
    // Ends the process without freeing the program.
    std::process::exit(code)
}

/// Compiles what is asked for; gives the exit code.
fn run(args: &mut Args) -> Result<i32, Failure> {
    if let Some(code) = keys::prepare(args)? {
        return Ok(code);
    }
    let folder = args.file.as_deref().filter(|file| file.is_dir());
    if args.watch {
        return watch::forever(folder, args.output.as_deref(), || once(args, folder));
    }
    once(args, folder).map(|built| built.code)
}

/// What was built, or not.
struct Built {
    code: i32,
    /// What was compiled, and looked for.
    inputs: BTreeMap<Input, Option<Hash>>,
}

fn once(args: &Args, folder: Option<&Path>) -> Result<Built, Failure> {
    let rules;
    let built = match folder {
        Some(folder) => {
            let built = tree::compile(args, folder)?;
            rules = built.rules;
            Built {
                code: built.code,
                inputs: built.inputs,
            }
        }
        None => {
            let (result, dependencies) = compile::on_large_stack(|| one(args));
            let code = result
                .as_ref()
                .map_or_else(|failure| failure.report("gene-compile"), |()| 0);
            rules = match output(args) {
                Ok(Some(image)) if code == 0 => vec![(image, dependencies.clone())],
                _ => Vec::new(),
            };
            Built {
                code,
                inputs: dependencies.into_iter().collect(),
            }
        }
    };
    if let (0, Some(path)) = (built.code, &args.depfile) {
        disk::write_whole(path, depfile::text(&rules).as_bytes())
            .map_err(|error| Failure::file(path, &error))?;
    }
    Ok(built)
}

/// Where the image goes, if one is to be written.
fn output(args: &Args) -> Result<Option<PathBuf>, Failure> {
    if args.check || args.emit.is_some() {
        return Ok(None);
    }
    match (&args.output, &args.file) {
        (Some(output), _) => Ok(Some(output.clone())),
        (None, Some(file)) => {
            let ending = if args.standalone { "" } else { "gir" };
            let output = file.with_extension(ending);
            match output == *file {
                true => Err(Failure::Usage("the result would replace its source".into())),
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
    let write = args.write_options();
    let (mut images, warnings) = args.compile.separate_images(&Source::file(file)?, &write)?;
    for (_, image) in &mut images {
        *image = args.signed(std::mem::take(image))?;
    }
    eprint!("{warnings}");
    cli::write_separate(folder, &images, false, |_, _| Ok(()))
}

/// Compiles a file or a text; also gives what it depends on, if that is asked for.
fn one(args: &Args) -> (Result<(), Failure>, Dependencies) {
    if let (true, Some(file)) = (args.separate, &args.file) {
        return (separate(args, file), Dependencies::new());
    }
    let source = match (&args.eval, &args.file) {
        (Some(code), _) => Source::code("<eval>", code.as_str()),
        (None, Some(file)) => match Source::file(file) {
            Ok(source) => source,
            Err(failure) => {
                let path = disk::absolute(file).unwrap_or_default();
                return (Err(failure), vec![(Input::File(path), None)]);
            }
        },
        (None, None) => {
            let failure = Failure::Usage("there is nothing to compile".into());
            return (Err(failure), Dependencies::new());
        }
    };
    let mut sources = SourceMap::new();
    let (main, path) = match source.add_to(&mut sources) {
        Ok(added) => added,
        Err(failure) => return (Err(failure), Dependencies::new()),
    };
    let mut disk = Disk;
    if args.depfile.is_none() && !args.watch {
        let result = write(args, &mut sources, main, &path, &mut disk);
        return (result, Dependencies::new());
    }
    let mut inputs = Inputs::new(&mut disk).with_main(&path, &source.text);
    let result = write(args, &mut sources, main, &path, &mut inputs);
    (result, inputs.dependencies())
}

fn write(
    args: &Args,
    sources: &mut SourceMap,
    main: FileId,
    path: &str,
    files: &mut dyn Files,
) -> Result<(), Failure> {
    let output = output(args)?;
    let options = args.compile.options();
    let errors = &args.compile.errors;
    if args.emit == Some(Stage::Ast) {
        return cli::write_lines(&write_forms(&errors.forms(sources, main)?));
    }
    let hir = compile::lower(sources, main, path, files, &options)
        .map_err(|found| errors.failure(&found, sources))?;
    if args.emit == Some(Stage::Hir) {
        return cli::write_lines(&hir_print::print(&hir));
    }
    eprint!("{}", hir.warnings.render(sources, errors.format()));
    let program = compile::generate(&hir, sources, &options)
        .map_err(|found| errors.failure(&found, sources))?;
    std::mem::forget(hir); // the process ends soon; freeing it takes longer than making it
    let image = cli::image_with_sources(program, sources, &args.write_options())
        .map_err(|found| errors.failure(&found, sources))?;
    if args.emit == Some(Stage::Ops) {
        return cli::write_lines(&cli::listing(&image)?);
    }
    let write = |path: &Path, bytes: &[u8]| {
        disk::write_whole(path, bytes).map_err(|error| Failure::file(path, &error))
    };
    match (output, &args.split_debug) {
        (None, _) => Ok(()),
        (Some(path), None) if args.standalone => alone::write(args, &path, &image),
        (Some(path), None) => write(&path, &args.signed(image)?),
        (Some(path), Some(debug_path)) => {
            let image = Aligned::new(&image);
            let split = split_debug(&image);
            let (image, debug) = split.map_err(|error| Failure::file(&path, &error))?;
            // A program without a single position has nothing to split.
            debug.map_or(Ok(()), |debug| write(debug_path, &debug))?;
            write(&path, &args.signed(image)?)
        }
    }
}

impl Args {
    fn write_options(&self) -> WriteOptions {
        WriteOptions {
            strip: self.strip,
            sources: self.embed_source,
        }
    }
}

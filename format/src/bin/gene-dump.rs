//! Shows, checks and strips images. Arguments, files and exit codes only.

use std::fs::{self, File};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gene_format::aligned::Aligned;
use gene_format::dump::{Select, gather, render};
use gene_format::image::{CheckedImage, DebugData};
#[cfg(feature = "signatures")]
use gene_format::signature::Keyring;
use gene_format::verify::verify_image;
use gene_format::write::split_debug;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  2  wrong usage, or no function of that name
  3  a file cannot be read or written
  4  no image, damaged, or of a version this build does not read";

/// Show, check and strip Gene images.
#[derive(Parser)]
#[command(
    name = "gene-dump",
    version,
    after_help = EXIT_CODES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Image to show.
    #[arg(required = true)]
    file: Option<PathBuf>,

    /// Show the same facts as JSON.
    #[arg(long)]
    json: bool,

    /// Show only functions of this name, or the one with this id (f3).
    #[arg(long, value_name = "NAME|fN", conflicts_with = "header_only")]
    function: Option<String>,

    /// Show only header, sections and META.
    #[arg(long)]
    header_only: bool,

    /// Positions, names and sources, as --split-debug wrote them [default: IMAGE.debug, if it is
    /// there and belongs to the image].
    #[arg(long, value_name = "FILE")]
    debug_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Check everything: checksums, records, the code of every function.
    #[command(after_help = EXIT_CODES)]
    Verify {
        /// Image to check.
        file: PathBuf,
        /// Also check that one of the public keys in this file (PEM) has signed the image as it is.
        #[arg(long, value_name = "FILE")]
        keyring: Option<PathBuf>,
    },
    /// Remove positions, variable names and sources.
    #[command(after_help = EXIT_CODES)]
    Strip {
        /// Image to strip.
        file: PathBuf,
        /// Where to write the result; may be the image itself.
        #[arg(short, long, value_name = "OUT")]
        output: PathBuf,
        /// Write what is removed to this file; gene-vm finds it beside OUT if it is called
        /// OUT.debug.
        #[arg(long, value_name = "FILE")]
        split_debug: Option<PathBuf>,
    },
}

/// What went wrong: exit code and message.
struct Failure(u8, String);

impl Failure {
    fn usage(message: String) -> Failure {
        Failure(2, message)
    }

    fn file(path: &Path, error: &io::Error) -> Failure {
        Failure(3, format!("{}: {error}", path.display()))
    }

    fn image(path: &Path, error: impl std::fmt::Display) -> Failure {
        Failure(4, format!("{}: {error}", path.display()))
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match (&args.command, &args.file) {
        (
            Some(Command::Strip {
                file,
                output,
                split_debug,
            }),
            _,
        ) => write_stripped(file, output, split_debug.as_deref()),
        (Some(Command::Verify { file, keyring }), _) => verify(file, keyring.as_deref()),
        (None, Some(file)) => show(file, &args),
        (None, None) => Err(Failure::usage("no image to show".into())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, message)) => {
            // nobody is left to tell if this fails
            let _ = writeln!(io::stderr(), "gene-dump: {message}");
            ExitCode::from(code)
        }
    }
}

/// The file's bytes, aligned.
fn read(path: &Path) -> Result<Aligned, Failure> {
    let read = || {
        let mut file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(ErrorKind::IsADirectory));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Aligned::new(&bytes))
    };
    read().map_err(|error| Failure::file(path, &error))
}

/// Prints; a reader that went away is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::file(Path::new("standard output"), &error))
        }
        _ => Ok(()),
    }
}

fn show(path: &Path, args: &Args) -> Result<(), Failure> {
    let bytes = read(path)?;
    let mut image = CheckedImage::inspect(&bytes).map_err(|error| Failure::image(path, error))?;
    let debug = debug_bytes(path, args.debug_file.as_deref(), &image)?;
    if let Some((debug_path, bytes)) = &debug {
        let attached = DebugData::parse(bytes).and_then(|data| image.attach(&data));
        if let Err(error) = attached {
            match &args.debug_file {
                Some(_) => return Err(Failure::image(debug_path, error)),
                None => warn(debug_path, &error),
            }
        }
    }
    let select = Select {
        header_only: args.header_only,
        function: args.function.clone(),
    };
    let facts = gather(&image, &select).map_err(|error| Failure::image(path, error))?;
    if let (Some(name), true) = (&args.function, facts.functions.is_empty()) {
        let message = format!(
            "{}: no function {name}; list them without --function",
            path.display()
        );
        return Err(Failure::usage(message));
    }
    if args.json {
        let json = serde_json::to_string_pretty(&facts);
        let json = json.map_err(|error| Failure::image(path, error))?;
        return print(&(json + "\n"));
    }
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    print(&render(&facts, io::stdout().is_terminal() && !plain))
}

/// The debug data that belongs to an image: the file that was named, or the one beside it.
fn debug_bytes(
    path: &Path,
    named: Option<&Path>,
    image: &CheckedImage<'_>,
) -> Result<Option<(PathBuf, Aligned)>, Failure> {
    if let Some(named) = named {
        return Ok(Some((named.to_owned(), read(named)?)));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".debug");
    let beside = PathBuf::from(beside);
    match image.has_positions() || !beside.exists() {
        true => Ok(None),
        false => read(&beside).map(|bytes| Some((beside, bytes))),
    }
}

fn warn(path: &Path, error: &dyn std::fmt::Display) {
    let _ = writeln!(
        io::stderr(),
        "gene-dump: warning: {}: {error}",
        path.display()
    );
}

#[cfg(feature = "signatures")]
fn check_signature(path: &Path, image: &CheckedImage<'_>, keyring: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(keyring).map_err(|error| Failure::file(keyring, &error))?;
    let keys = Keyring::parse(&text)
        .map_err(|error| Failure::usage(format!("{}: {error}", keyring.display())))?;
    let signer = keys
        .check(image)
        .map_err(|error| Failure::image(path, error))?;
    print(&format!("signed by {signer}\n"))
}

#[cfg(not(feature = "signatures"))]
fn check_signature(_: &Path, _: &CheckedImage<'_>, _: &Path) -> Result<(), Failure> {
    let text = "this gene-dump was built without signatures, so it cannot check any";
    Err(Failure::usage(text.into()))
}

fn verify(path: &Path, keyring: Option<&Path>) -> Result<(), Failure> {
    let bytes = read(path)?;
    let verified = verify_image(&bytes).map_err(|error| Failure::image(path, error))?;
    let image = verified.image();
    if let Some(keyring) = keyring {
        check_signature(path, image, keyring)?;
    }
    print(&format!(
        "ok {}: {} bytes, {} modules, {} functions, {} constants, {} table words\n",
        path.display(),
        bytes.len(),
        image.module_count(),
        image.func_count(),
        image.const_count(),
        image.table_len()
    ))
}

fn write_stripped(path: &Path, output: &Path, debug: Option<&Path>) -> Result<(), Failure> {
    let bytes = read(path)?;
    let (image, data) = split_debug(&bytes).map_err(|error| Failure::image(path, error))?;
    let write =
        |path: &Path, bytes: &[u8]| write(path, bytes).map_err(|error| Failure::file(path, &error));
    match (debug, data) {
        (Some(debug), Some(data)) => write(debug, &data)?,
        (Some(_), None) => return Err(Failure::image(path, "it has no debug data to split off")),
        (None, _) => {}
    }
    write(output, &image)
}

/// Writes beside the target and renames, so that the target is the old file or the new one.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut temporary = name.to_os_string();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let write = || {
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

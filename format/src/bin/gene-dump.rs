//! Shows, checks and strips images. Arguments, files and exit codes only.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gene_format::aligned::Aligned;
use gene_format::dump::{
    Part, Select, call_graph, diff, dot, draw, explain, find_functions, flow_graph, gather, locate,
    measure, pieces, render_diff, render_location, render_rules, render_sizes, treemap,
};
use gene_format::image::{CheckedImage, DebugData};
use gene_format::program::FuncId;
#[cfg(feature = "signatures")]
use gene_format::signature::Keyring;
use gene_format::verify::verify_image;
use gene_format::write::{is_compiled_from, split_debug};

const EXAMPLES: &str = "\
Examples:
  gene-dump app.gir                              # everything
  gene-dump --functions app.gir                  # a line for each function
  gene-dump --source --function main app.gir     # instructions between lines of source
  gene-dump --call-graph --svg app.gir > calls.svg
  gene-dump --cfg main app.gir | dot -Tpdf -o main.pdf
  gene-dump --at 0x1f4 app.gir                   # what that byte of the file is
  gene-dump size --treemap app.svg app.gir

Exit codes:
  0  done
  2  wrong usage, or no function of that name
  3  a file cannot be read or written
  4  no image, damaged, or of a version this build does not read";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  2  wrong usage, or no function of that name
  3  a file cannot be read or written
  4  no image, damaged, or of a version this build does not read";

const DIFF_CODES: &str = "\
Exit codes:
  0  the images are the same, byte by byte
  1  they differ
  2  trouble: wrong usage, a file that cannot be read, or no image";

/// Options that choose parts of the listing.
const SHOWS: [&str; 7] = [
    "header_only",
    "summary",
    "sections",
    "functions",
    "strings",
    "constants",
    "source",
];

/// Show, check, measure and strip Gene images.
#[derive(Parser)]
#[command(
    name = "gene-dump",
    version,
    after_help = EXAMPLES,
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

    /// Show how much there is of everything.
    #[arg(long, conflicts_with = "header_only")]
    summary: bool,

    /// Show the sections.
    #[arg(long, conflicts_with = "header_only")]
    sections: bool,

    /// Show functions, a line each.
    #[arg(long, conflicts_with_all = ["header_only", "function"])]
    functions: bool,

    /// Show all strings.
    #[arg(long, conflicts_with_all = ["header_only", "function"])]
    strings: bool,

    /// Show constants.
    #[arg(long, conflicts_with_all = ["header_only", "function"])]
    constants: bool,

    /// Show lines of source between instructions: those that the image keeps, or its files if
    /// they did not change.
    #[arg(long)]
    source: bool,

    /// Show which function calls which, as a graph for Graphviz; with --function only what that
    /// one reaches.
    #[arg(long, conflicts_with_all = SHOWS)]
    call_graph: bool,

    /// Show the blocks of a function, as a graph for Graphviz.
    #[arg(long, value_name = "NAME|fN", conflicts_with_all = SHOWS, conflicts_with_all = ["function", "call_graph"])]
    cfg: Option<String>,

    /// Draw the graph, as SVG.
    #[arg(long)]
    svg: bool,

    /// Say what the byte at this offset of the file is: section, function, record, instruction.
    #[arg(long, value_name = "OFFSET", value_parser = parse_offset)]
    #[arg(conflicts_with_all = SHOWS, conflicts_with_all = ["function", "call_graph", "cfg"])]
    at: Option<u64>,

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
        /// Show each rule, what it was asked about, and where it is broken.
        #[arg(long)]
        explain: bool,
        /// With --explain: the same as JSON.
        #[arg(long, requires = "explain")]
        json: bool,
    },
    /// Show what the bytes of an image are for, by section, function and string.
    ///
    /// What several functions share counts for the first of them.
    #[command(after_help = EXIT_CODES)]
    Size {
        /// Image to measure.
        file: PathBuf,
        /// Show everything as JSON.
        #[arg(long)]
        json: bool,
        /// Functions and strings to show.
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
        /// Write a picture whose areas are the bytes, as SVG.
        #[arg(long, value_name = "FILE")]
        treemap: Option<PathBuf>,
    },
    /// Show how two images differ: header, options, sections, functions by their instructions,
    /// constants, strings.
    #[command(after_help = DIFF_CODES)]
    Diff {
        /// The first image.
        a: PathBuf,
        /// The second image.
        b: PathBuf,
        /// Show the same as JSON.
        #[arg(long)]
        json: bool,
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
        (Some(Command::Diff { a, b, json }), _) => compare(a, b, *json),
        (
            Some(Command::Verify {
                file,
                keyring,
                explain,
                json,
            }),
            _,
        ) => match explain {
            false => verify(file, keyring.as_deref()),
            true => explain_rules(file, keyring.as_deref(), *json),
        },
        (
            Some(Command::Size {
                file,
                json,
                top,
                treemap,
            }),
            _,
        ) => sizes(file, *json, *top, treemap.as_deref()),
        (
            Some(Command::Strip {
                file,
                output,
                split_debug,
            }),
            _,
        ) => write_stripped(file, output, split_debug.as_deref()),
        (None, Some(file)) => show(file, &args),
        (None, None) => Err(Failure::usage("no image to show".into())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, message)) => {
            // what differs is no failure; nobody is left to tell if this fails
            if !message.is_empty() {
                let _ = writeln!(io::stderr(), "gene-dump: {message}");
            }
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

/// Prints a text in pieces; false when the reader went away.
fn print_piece(out: &mut impl Write, text: &str) -> Result<bool, Failure> {
    match out.write_all(text.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::file(Path::new("standard output"), &error)),
    }
}

fn print_json(path: &Path, facts: &impl serde::Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(facts);
    let json = json.map_err(|error| Failure::image(path, error))?;
    print(&(json + "\n"))
}

/// Whether standard output shows colours.
fn has_colours() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !plain
}

/// Number of a byte: decimal, or hexadecimal after `0x`.
fn parse_offset(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is not an offset such as 500 or 0x1f4"))
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
    if let Some(offset) = args.at {
        return show_byte(path, &image, offset, args.json);
    }
    if args.call_graph || args.cfg.is_some() {
        return show_graph(path, &image, args);
    }
    if args.svg {
        let text = "--svg draws graphs: it needs --call-graph or --cfg";
        return Err(Failure::usage(text.into()));
    }
    let mut select = Select {
        header_only: args.header_only,
        function: args.function.clone(),
        only: parts(args),
        sources: Vec::new(),
    };
    if let Some(name) = &args.function {
        functions(path, &image, name)?;
    }
    if args.source {
        match sources(path, &image) {
            Some(texts) => select.sources = texts,
            None => warn(
                path,
                &"no source: it keeps none, and files are missing or not those it was compiled from",
            ),
        }
    }
    let failed = |error| Failure::image(path, error);
    if args.json {
        return print_json(path, &gather(&image, &select).map_err(failed)?);
    }
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    for piece in pieces(&image, &select, has_colours()).map_err(failed)? {
        if !print_piece(&mut out, &piece)? {
            return Ok(());
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::file(Path::new("standard output"), &error))
        }
        _ => Ok(()),
    }
}

/// The parts that were asked for.
fn parts(args: &Args) -> Vec<Part> {
    let asked = [
        (args.summary, Part::Summary),
        (args.sections, Part::Sections),
        (args.functions, Part::Functions),
        (args.strings, Part::Strings),
        (args.constants, Part::Constants),
    ];
    let asked = asked.into_iter().filter(|(is_asked, _)| *is_asked);
    asked.map(|(_, part)| part).collect()
}

/// The functions of a name: at least one.
fn functions(path: &Path, image: &CheckedImage<'_>, name: &str) -> Result<Vec<FuncId>, Failure> {
    let found = find_functions(image, name);
    if found.is_empty() {
        let path = path.display();
        let text = format!("{path}: no function {name}; --functions lists them");
        return Err(Failure::usage(text));
    }
    Ok(found)
}

/// The sources of an image, by module: from files, if they are what it was compiled from. Files
/// are searched from the working directory, then from the image's folder.
fn sources(path: &Path, image: &CheckedImage<'_>) -> Option<Vec<String>> {
    let modules = image.modules();
    if modules
        .iter()
        .all(|module| image.source(module.id).is_some())
    {
        return Some(Vec::new());
    }
    let folders = [Path::new(""), path.parent()?];
    folders.into_iter().find_map(|folder| {
        let texts = modules.iter().map(|module| {
            let name = folder.join(image.string(module.name).ok()?);
            fs::read_to_string(name).ok()
        });
        let texts: Vec<String> = texts.collect::<Option<_>>()?;
        is_compiled_from(image, texts.iter().map(|text| text.as_bytes())).then_some(texts)
    })
}

fn show_byte(path: &Path, image: &CheckedImage<'_>, at: u64, json: bool) -> Result<(), Failure> {
    let Some(location) = locate(image, at) else {
        let (path, len) = (path.display(), image.bytes().len());
        let text = format!("{path}: no byte {at}: the file has {len} bytes");
        return Err(Failure::usage(text));
    };
    match json {
        true => print_json(path, &location),
        false => print(&render_location(&location, has_colours())),
    }
}

fn show_graph(path: &Path, image: &CheckedImage<'_>, args: &Args) -> Result<(), Failure> {
    if args.json {
        let text = "graphs are written for Graphviz, or with --svg as pictures";
        return Err(Failure::usage(text.into()));
    }
    let graph = match (&args.cfg, &args.function) {
        (Some(name), _) => flow_graph(image, functions(path, image, name)?[0]),
        (None, Some(name)) => call_graph(image, &functions(path, image, name)?),
        (None, None) => call_graph(image, &[]),
    };
    let graph = graph.map_err(|error| Failure::image(path, error))?;
    print(&match args.svg {
        true => draw(&graph),
        false => dot(&graph),
    })
}

fn sizes(path: &Path, json: bool, top: usize, picture: Option<&Path>) -> Result<(), Failure> {
    let bytes = read(path)?;
    let image = CheckedImage::inspect(&bytes).map_err(|error| Failure::image(path, error))?;
    let sizes = measure(&image);
    if let Some(picture) = picture {
        let title = path.display().to_string();
        write(picture, treemap(&sizes, &title).as_bytes())
            .map_err(|error| Failure::file(picture, &error))?;
    }
    match json {
        true => print_json(path, &sizes),
        false => print(&render_sizes(&sizes, top, has_colours())),
    }
}

/// Shows how two images differ.
fn compare(a: &Path, b: &Path, json: bool) -> Result<(), Failure> {
    let trouble = |Failure(_, text)| Failure(2, text);
    let (one, two) = (read(a).map_err(trouble)?, read(b).map_err(trouble)?);
    let image = |path, bytes| {
        CheckedImage::inspect(bytes).map_err(|error| trouble(Failure::image(path, error)))
    };
    let changes = diff(&image(a, &one)?, &image(b, &two)?);
    let changes = changes.map_err(|error| trouble(Failure::image(a, error)))?;
    let shown = match json {
        true => print_json(a, &changes),
        false => print(&render_diff(&changes, has_colours())),
    };
    shown.map_err(trouble)?;
    match *one == *two {
        true => Ok(()),
        false => Err(Failure(1, String::new())),
    }
}

/// Checks an image and shows each rule; the exit code is that of verify.
fn explain_rules(path: &Path, keyring: Option<&Path>, json: bool) -> Result<(), Failure> {
    let bytes = read(path)?;
    let rules = explain(&bytes);
    match json {
        true => print_json(path, &rules)?,
        false => print(&render_rules(&rules, has_colours()))?,
    }
    let verified = verify_image(&bytes).map_err(|error| Failure::image(path, error))?;
    match keyring {
        Some(keyring) => check_signature(path, verified.image(), keyring),
        None => Ok(()),
    }
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

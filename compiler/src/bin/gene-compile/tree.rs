//! All programs of a folder, several at the same time. What threads do shows only in how long it
//! takes: images, messages and their order are the same for any number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gene_compiler::cache::{Dependencies, Entry, Hash, Input, Inputs, Key};
use gene_compiler::cli::{self, Failure, Source};
use gene_compiler::compile::on_large_stack;
use gene_compiler::disk::{self, Disk};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Args;

/// The folder of entries, below that of images.
const ENTRIES: &str = ".gene-compile";

/// What became of a tree.
pub struct Built {
    /// The exit code.
    pub code: i32,
    /// The images, and what each was compiled from.
    pub rules: Vec<(PathBuf, Dependencies)>,
    /// What was compiled, and looked for.
    pub inputs: BTreeMap<Input, Option<Hash>>,
}

/// A file of the tree.
struct Program {
    path: PathBuf,
    /// Its path below the folder, with `/`: what messages and the image call it.
    name: String,
}

/// What became of a program.
struct Done {
    result: Result<State, Failure>,
    warnings: String,
    dependencies: Dependencies,
    image: Option<PathBuf>,
    /// The name of its entry.
    entry: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Compiled,
    Current,
}

/// Compiles the programs below a folder.
pub fn compile(args: &Args, folder: &Path) -> Result<Built, Failure> {
    if args.separate {
        return Err(Failure::Usage("--separate takes a file, no folder".into()));
    }
    if args.standalone {
        let text = "--standalone takes a file, no folder";
        return Err(Failure::Usage(text.into()));
    }
    if args.split_debug.is_some() {
        let text = "--split-debug takes a file, no folder; gene-dump strip splits any image";
        return Err(Failure::Usage(text.into()));
    }
    let output = match (&args.output, args.check, args.emit.is_some()) {
        (_, _, true) => return Err(Failure::Usage("--emit takes a file, no folder".into())),
        (_, true, _) => None,
        (Some(output), ..) => Some(output.as_path()),
        (None, ..) => {
            let text = "a folder needs --output FOLDER for the images";
            return Err(Failure::Usage(text.into()));
        }
    };
    let mut programs = Vec::new();
    collect(folder, String::new(), output, &mut programs)
        .map_err(|error| Failure::file(folder, &error))?;
    if programs.is_empty() && !args.watch {
        let error = io::Error::new(
            io::ErrorKind::NotFound,
            "no programs (.gene) in this folder",
        );
        return Err(Failure::file(folder, &error));
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    let done = in_parallel(args, &programs, |program| one(args, output, program));

    let mut built = Built {
        code: 0,
        rules: Vec::new(),
        inputs: BTreeMap::new(),
    };
    let [mut compiled, mut current, mut failed] = [0; 3];
    let mut entries = BTreeSet::new();
    for one in done {
        cli::complain(&one.warnings);
        match &one.result {
            Ok(State::Compiled) => compiled += 1,
            Ok(State::Current) => current += 1,
            Err(failure) => {
                failed += 1;
                built.code = built.code.max(failure.report("gene-compile"));
            }
        }
        built.inputs.extend(one.dependencies.iter().cloned());
        if let (Some(image), true) = (one.image, one.result.is_ok()) {
            built.rules.push((image, one.dependencies));
        }
        entries.extend(one.entry);
    }
    if let Some(output) = output {
        forget_others(&output.join(ENTRIES), &entries);
    }
    let says_nothing = args.check || args.watch && compiled + failed == 0;
    if !says_nothing {
        let failed = match failed {
            0 => String::new(),
            count => format!(", {count} failed"),
        };
        cli::write_lines(&format!(
            "{compiled} compiled, {current} up to date{failed}"
        ))?;
    }
    Ok(built)
}

/// Finds the programs below a folder, without those in `output`.
fn collect(
    folder: &Path,
    prefix: String,
    output: Option<&Path>,
    programs: &mut Vec<Program>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let own = entry.file_name();
        let own = own.to_string_lossy();
        let name = format!("{prefix}{own}");
        let kind = entry.file_type()?;
        if own.starts_with('.') || own == "package.gene" {
            continue;
        }
        if kind.is_dir() {
            if !output.is_some_and(|output| is_same(output, &path)) {
                collect(&path, name + "/", output, programs)?;
            }
        } else if own.ends_with(".gene") && path.is_file() {
            programs.push(Program { path, name });
        }
    }
    Ok(())
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// The results for all programs, in their order.
fn in_parallel(
    args: &Args,
    programs: &[Program],
    one: impl Fn(&Program) -> Done + Sync,
) -> Vec<Done> {
    let processors = || thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or_else(processors, NonZero::get);
    let bar = progress(programs.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some((at, program)) = take(&next, programs) {
            let done = one(program);
            bar.inc(1);
            results
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .push((at, done));
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs.min(programs.len()) {
            scope.spawn(|| on_large_stack(work));
        }
        on_large_stack(work);
    });
    bar.finish_and_clear();
    let mut results = results
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, done)| done).collect()
}

fn take<'p>(next: &AtomicUsize, programs: &'p [Program]) -> Option<(usize, &'p Program)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, programs.get(at)?))
}

/// A bar on a terminal; elsewhere nothing.
fn progress(count: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count as u64);
    match ProgressStyle::with_template("compiling [{bar:40}] {pos}/{len}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Compiles a program, if it is not up to date.
fn one(args: &Args, output: Option<&Path>, program: &Program) -> Done {
    let mut done = Done {
        result: Ok(State::Current),
        warnings: String::new(),
        dependencies: Dependencies::new(),
        image: output.map(|output| output.join(&program.name).with_extension("gir")),
        entry: None,
    };
    if let Err(failure) = update(args, output, program, &mut done) {
        done.result = Err(failure);
    }
    done
}

fn update(
    args: &Args,
    output: Option<&Path>,
    program: &Program,
    done: &mut Done,
) -> Result<(), Failure> {
    let mut source = Source::file(&program.path)?;
    source.name.clone_from(&program.name);
    let path = disk::absolute(&program.path);
    let path = path.map_err(|error| Failure::file(&program.path, &error))?;
    let write = args.write_options();
    let key = Key::new(&path, &program.name, &args.compile.options(), &write);
    let mut disk = Disk;
    let mut inputs = Inputs::new(&mut disk).with_main(&path, &source.text);
    let entry = output.map(|output| output.join(ENTRIES).join(key.file_name()));
    if let (Some(entry), Some(image)) = (&entry, &done.image) {
        done.entry = Some(key.file_name());
        let known = fs::read(entry).ok();
        let known = known.and_then(|bytes| Entry::of(&key, &bytes));
        if let Some(known) = known.filter(|known| known.is_current(&mut inputs))
            && fs::read(image)
                .is_ok_and(|bytes| known.is_image(&bytes) && args.is_signed_so(&bytes))
        {
            done.dependencies = known.dependencies;
            return Ok(());
        }
    }
    let compiled = args.compile.image_from(&source, &mut inputs, &write);
    done.dependencies = inputs.dependencies();
    let (bytes, warnings) = compiled?;
    let bytes = args.signed(bytes)?;
    done.warnings = warnings;
    done.result = Ok(State::Compiled);
    if let (Some(entry), Some(image)) = (&entry, &done.image) {
        put(image, &bytes)?;
        put(
            entry,
            &Entry::new(done.dependencies.clone(), &bytes).encode(&key),
        )?;
    }
    Ok(())
}

/// Writes a file and the folders above it, if it is to change.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)
        .and_then(|()| disk::write_whole(path, bytes))
        .map_err(|error| Failure::file(path, &error))
}

/// Removes entries of programs that are gone, or of other options: their images were replaced.
fn forget_others(folder: &Path, entries: &BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.len() == 64 && !entries.contains(&*name) {
            let _ = fs::remove_file(entry.path()); // it only takes space
        }
    }
}

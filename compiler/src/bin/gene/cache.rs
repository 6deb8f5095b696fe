//! Programs through the image cache, and `gene cache`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use gene_compiler::cache::{Cache, Entry, Inputs, Key, Program, State};
use gene_compiler::cli::{self, Failure, Source};
use gene_compiler::disk::{self, Disk};
use gene_format::write::WriteOptions;
use gene_runtime::mapping::Mapping;
use gene_runtime::run::{Machine, parse_size};
use serde_json::json;

use crate::run::{Confined, Execute};

/// Where images of earlier runs are.
#[derive(Args, Clone, Debug, Default)]
pub struct CacheArgs {
    /// Keep compiled programs in this directory [default: $GENE_CACHE_DIR, else `gene` in the
    /// user's cache directory].
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
    /// Compile the program, and keep nothing.
    #[arg(long)]
    no_cache: bool,
}

impl CacheArgs {
    fn cache(&self) -> Option<Cache> {
        let directory = match &self.cache_dir {
            _ if self.no_cache => None,
            Some(given) => Some(given.clone()),
            None => Cache::usual_directory(|name| std::env::var_os(name)),
        };
        Some(Cache::new(directory?, limit()))
    }
}

/// The size that the environment wants. Caches are no reason to fail, so nonsense is no size.
fn limit() -> Option<u64> {
    let size = parse_size(&std::env::var("GENE_CACHE_SIZE").ok()?).ok()?;
    Some(size as u64)
}

/// What to look for in a cache.
struct Question {
    cache: Cache,
    source: Source,
    path: String,
    key: Key,
}

impl Question {
    /// The question whether the cache has a program; nothing if there is no cache. A text that is
    /// no file's has a name of its own beside it.
    fn new(
        execute: &Execute,
        cache: &CacheArgs,
        source: Source,
        made: Option<&str>,
    ) -> Result<Question, Source> {
        let cache = cache.cache().filter(|_| !execute.no_gir_cache);
        let place = match made {
            Some(name) => source.path.with_file_name(format!("<{name}>")),
            None => source.path.clone(),
        };
        let (Some(cache), Ok(path)) = (cache, disk::absolute(&place)) else {
            return Err(source);
        };
        let key = Key::new(
            &path,
            &source.name,
            &execute.compile.options(),
            &WriteOptions::default(),
        );
        Ok(Question {
            cache,
            source,
            path,
            key,
        })
    }

    fn inputs<'f>(&'f self, disk: &'f mut Confined) -> Inputs<'f> {
        Inputs::new(disk).with_main(&self.path, &self.source.text)
    }

    /// The image of the program, if nothing has changed, and whether it needs a compiler.
    fn find(&self, inputs: &mut Inputs<'_>) -> Option<(Mapping, bool)> {
        let entry = self.cache.find(&self.key, inputs)?;
        let image = Mapping::open(&self.cache.image(&entry)).ok()?;
        let is_whole = entry.is_image(image.bytes());
        is_whole.then_some((image, entry.needs_compiler))
    }
}

/// A machine with the program in a file, if the cache has it and it needs no compiler. Unlike
/// compilations this needs no large stack.
pub fn kept(
    execute: &Execute,
    cache: &CacheArgs,
    file: &Path,
    args: Vec<String>,
) -> Option<Machine> {
    // what is no file can be read once only
    let is_file = std::fs::metadata(file).is_ok_and(|found| found.is_file());
    let source = is_file.then(|| Source::file(file).ok()).flatten()?;
    let question = Question::new(execute, cache, source, None).ok()?;
    let (image, needs_compiler) =
        question.find(&mut question.inputs(&mut execute.files().ok()?))?;
    if needs_compiler {
        return None;
    }
    execute.load_image(&question.source.name, image, args).ok()
}

/// A machine with the program in a file, from the cache if nothing changed since it was put
/// there. A cache that does not work only costs time.
pub fn load(
    execute: &Execute,
    cache: &CacheArgs,
    file: &Path,
    args: Vec<String>,
) -> Result<Machine, Failure> {
    // a pipe has another program each time
    let keeps = std::fs::metadata(file).is_ok_and(|found| found.is_file());
    let source = Source::file(file)?;
    answer(
        execute,
        Question::new(execute, cache, source, None),
        keeps,
        args,
    )
}

/// As [`load`], of a text that is made of a file, or of words; `made` tells it from other texts.
pub fn load_made(
    execute: &Execute,
    cache: &CacheArgs,
    source: Source,
    made: &str,
) -> Result<Machine, Failure> {
    let question = Question::new(execute, cache, source, Some(made));
    answer(execute, question, true, Vec::new())
}

fn answer(
    execute: &Execute,
    question: Result<Question, Source>,
    keeps: bool,
    args: Vec<String>,
) -> Result<Machine, Failure> {
    let question = match question {
        Ok(question) => question,
        Err(source) => return execute.load(&source, args),
    };
    let source = &question.source;
    let mut files = execute.files()?;
    let mut inputs = question.inputs(&mut files);
    if !execute.force_compile
        && let Some((image, _)) = question.find(&mut inputs)
        && let Ok(machine) = execute.load_image(&source.name, image, args.clone())
    {
        return Ok(machine);
    }
    let (image, _) = execute
        .compile
        .image_from(source, &mut inputs, &WriteOptions::default())?;
    let machine = execute.load_image(&source.name, Mapping::copy(&image), args)?;
    if keeps {
        let entry = Entry::new(inputs.dependencies(), &image);
        let _ = question.cache.store(&question.key, &entry, &image); // else the next run compiles
    }
    Ok(machine)
}

const EXAMPLE: &str = "\
Runs never fail because of the cache: what is damaged or missing is compiled again.

Environment:
  GENE_CACHE_DIR   the directory; empty: nothing is kept
  GENE_CACHE_SIZE  most bytes of all files, or with K, M, G [default: 256M]

Examples:
  gene cache stat
  gene cache list --json
  gene cache verify --remove";

/// Show, check and empty the cache of compiled programs.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Manage {
    #[command(subcommand)]
    command: Command,
    /// The cache in this directory.
    #[arg(long, value_name = "DIR", global = true)]
    cache_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Show where it is and how much it holds.
    Stat {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the programs, the last used first.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove all programs.
    Clear,
    /// Read everything and name what is damaged; then the exit code is 1.
    Verify {
        /// Remove what is damaged.
        #[arg(long)]
        remove: bool,
    },
    /// Print the directory.
    Path,
}

/// Does what is asked with the cache.
pub fn manage(args: &Manage) -> Result<i32, Failure> {
    let given = CacheArgs {
        cache_dir: args.cache_dir.clone(),
        no_cache: false,
    };
    let Some(cache) = given.cache() else {
        let text = "there is no cache: GENE_CACHE_DIR is empty, or there is no home directory";
        return Err(Failure::Usage(text.into()));
    };
    match args.command {
        Command::Stat { json } => stat(&cache, json),
        Command::List { json } => list(&cache, json),
        Command::Verify { remove } => return verify(&cache, remove),
        Command::Path => cli::write_lines(&cache.directory().to_string_lossy()),
        Command::Clear => {
            let removed = cache.clear();
            let programs = count(removed.programs, "program");
            let size = size(removed.bytes);
            cli::write_lines(&format!("removed {programs}, {size}"))
        }
    }
    .map(|()| 0)
}

fn stat(cache: &Cache, as_json: bool) -> Result<(), Failure> {
    let usage = cache.usage();
    let directory = cache.directory().to_string_lossy();
    if as_json {
        let facts = json!({
            "directory": directory,
            "programs": usage.programs,
            "images": usage.images,
            "bytes": usage.bytes,
            "limit": cache.limit(),
        });
        return cli::write_lines(&facts.to_string());
    }
    let (bytes, limit) = (size(usage.bytes), size(cache.limit()));
    cli::write(&format!(
        "directory  {directory}\nprograms   {}\nimages     {}\nsize       {bytes} of {limit}\n",
        usage.programs, usage.images,
    ))
}

fn list(cache: &Cache, as_json: bool) -> Result<(), Failure> {
    let mut disk = Disk;
    let programs = cache.programs(&mut Inputs::new(&mut disk));
    if as_json {
        let facts: Vec<_> = programs.iter().map(facts).collect();
        return cli::write_lines(&json!(facts).to_string());
    }
    let mut rows: Vec<[String; 4]> = programs.iter().map(row).collect();
    if !io::stdout().is_terminal() {
        let lines = rows.iter().map(|row| row.join("\t") + "\n");
        return cli::write(&lines.collect::<String>());
    }
    rows.insert(0, ["USED", "SIZE", "STATE", "PROGRAM"].map(str::to_owned));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let [used, size, state] = [0, 1, 2].map(width);
    let lines = rows
        .iter()
        .map(|[a, b, c, file]| format!("{a:<used$}  {b:>size$}  {c:<state$}  {file}\n"));
    cli::write(&lines.collect::<String>())
}

fn facts(program: &Program) -> serde_json::Value {
    let used = program.used.duration_since(SystemTime::UNIX_EPOCH);
    json!({
        "file": program.file,
        "image": program.image.to_string_lossy(),
        "bytes": program.bytes,
        "used": used.map_or(0, |since| since.as_secs()),
        "state": state(program.state),
    })
}

fn row(program: &Program) -> [String; 4] {
    let age = program.used.elapsed().unwrap_or_default().as_secs();
    let used = match age {
        0..120 => "now".to_owned(),
        120..7_200 => format!("{} min ago", age / 60),
        7_200..172_800 => format!("{} h ago", age / 3_600),
        _ => format!("{} days ago", age / 86_400),
    };
    let state = state(program.state).to_owned();
    let file = program.file.replace(char::is_control, "?"); // one line, and nothing for terminals
    [used, size(program.bytes), state, file]
}

fn state(state: State) -> &'static str {
    match state {
        State::Current => "current",
        State::Changed => "changed",
        State::Lost => "no image",
    }
}

/// A number of things.
fn count(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn verify(cache: &Cache, remove: bool) -> Result<i32, Failure> {
    let mut text = String::new();
    let problems = cache.problems();
    for problem in &problems {
        let removed = remove && problem.is_ours && std::fs::remove_file(&problem.path).is_ok();
        let done = if removed { "; removed" } else { "" };
        text += &format!("{}: {}{done}\n", problem.path.display(), problem.what);
    }
    if problems.is_empty() {
        let usage = cache.usage();
        let programs = count(usage.programs, "program");
        let images = count(usage.images, "image");
        text = format!("{programs}, {images}: sound\n");
    }
    cli::write(&text)?;
    Ok(i32::from(!problems.is_empty()))
}

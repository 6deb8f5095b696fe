//! `gene deps`: packages that a package needs, fetched, locked and checked.

mod manifest;
mod resolve;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gene_compiler::cli::{self, Failure};
use gene_compiler::disk;

use manifest::MANIFEST;
use resolve::{Lock, Resolver};

/// The name of the lock file.
const LOCK: &str = "package.gene.lock";

const EXAMPLE: &str = "\
The package is the nearest one above the working directory.

Examples:
  gene deps install
  gene deps update --root ../app
  gene deps verify";

/// Fetch, lock and check the packages that a package depends on.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Deps {
    #[command(subcommand)]
    command: Command,
    /// A folder of the package, instead of the working directory.
    #[arg(long, value_name = "DIR", global = true)]
    root: Option<PathBuf>,
    /// Run the build commands of packages with native code.
    #[arg(long, global = true)]
    allow_native: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch and lock all dependencies; with a lock file, verify them.
    Install,
    /// Fetch all dependencies anew and write the lock file.
    Update {
        /// Accepted, but all dependencies are updated.
        name: Option<String>,
    },
    /// Check that all locked packages are there and unchanged.
    Verify,
    /// Remove packages that the lock file does not name.
    Gc,
    /// Remove what an interrupted command left behind.
    Clean,
}

/// A text that says why, as the failure of a check.
fn failed(text: impl std::fmt::Display) -> Failure {
    Failure::Program(format!("gene: {text}\n"))
}

/// Does what is asked with the dependencies of a package.
pub fn deps(args: &Deps) -> Result<i32, Failure> {
    let root = find_root(args.root.as_deref().unwrap_or(Path::new(".")))?;
    let locked = root.join(LOCK).is_file();
    match &args.command {
        Command::Install if locked => {
            let nodes = verify(&root)?;
            cli::write(&format!(
                "deps install complete\nmode: lockfile\ndeps verify complete\nchecked nodes: {nodes}\n"
            ))?;
        }
        Command::Install => resolve(&root, "install", args.allow_native, None)?,
        Command::Update { name } => resolve(&root, "update", args.allow_native, name.as_deref())?,
        Command::Verify => {
            let nodes = verify(&root)?;
            cli::write(&format!("deps verify complete\nchecked nodes: {nodes}\n"))?;
        }
        Command::Gc => {
            let removed = gc(&root)?;
            cli::write(&format!("deps gc complete\nremoved nodes: {removed}\n"))?;
        }
        Command::Clean => {
            tree::remove(&root.join(".gene/tmp"))?;
            cli::write("deps clean complete\n")?;
        }
    }
    Ok(0)
}

/// The nearest folder with a manifest.
fn find_root(start: &Path) -> Result<PathBuf, Failure> {
    let start = disk::absolute(start).map_err(|error| Failure::file(start, &error))?;
    let found = Path::new(&start)
        .ancestors()
        .find(|folder| folder.join(MANIFEST).is_file());
    found
        .map(Path::to_owned)
        .ok_or_else(|| Failure::File(format!("Could not find {MANIFEST} from: {start}")))
}

fn resolve(root: &Path, command: &str, native: bool, name: Option<&str>) -> Result<(), Failure> {
    let mut resolver = Resolver::new(root, native);
    if let Some(name) = name {
        let text = format!("targeted updates are not selective: all packages, not only {name}");
        resolver.warnings.push(text);
    }
    let lock = resolver.resolve();
    let cleaned = tree::remove(&root.join(".gene/tmp"));
    let lock = lock?;
    cleaned?;
    let path = root.join(LOCK);
    let text = lock.text();
    disk::write_whole(&path, text.as_bytes()).map_err(|error| Failure::file(&path, &error))?;
    let (roots, nodes) = (lock.roots.len(), lock.nodes.len());
    let mut out = format!(
        "deps {command} complete\nroot dependencies: {roots}\nresolved nodes: {nodes}\nlockfile: {LOCK}\n"
    );
    for warning in &resolver.warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    cli::write(&out)
}

fn read_lock(root: &Path) -> Result<Lock, Failure> {
    let path = root.join(LOCK);
    let text = fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
    Lock::read(&text).map_err(|what| failed(format_args!("{}: {what}", path.display())))
}

/// The number of packages, if all are as they were locked.
fn verify(root: &Path) -> Result<usize, Failure> {
    let lock = read_lock(root)?;
    let mut problems = Vec::new();
    for (id, node) in &lock.nodes {
        let folder = root.join(&node.dir);
        match folder.is_dir() {
            false => problems.push(format!("{id}: missing directory {}", node.dir)),
            true if tree::hash(&folder)? != node.sha256 => {
                problems.push(format!("{id}: content of {} has changed", node.dir));
            }
            true => {}
        }
    }
    match problems.is_empty() {
        true => Ok(lock.nodes.len()),
        false => Err(failed(format_args!(
            "verify failed:\n  {}",
            problems.join("\n  ")
        ))),
    }
}

/// Removes `.gene/deps/*/*/*` that no package of the lock file lies in.
fn gc(root: &Path) -> Result<usize, Failure> {
    let lock = read_lock(root)?;
    let mut removed = 0;
    for parent in tree::folders(&root.join(".gene/deps"))? {
        for package in tree::folders(&parent)? {
            for version in tree::folders(&package)? {
                if !lock
                    .nodes
                    .values()
                    .any(|node| root.join(&node.dir) == version)
                {
                    tree::remove(&version)?;
                    removed += 1;
                }
            }
        }
    }
    Ok(removed)
}

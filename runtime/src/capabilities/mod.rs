//! What a program may do outside its own memory: read and write files, see environment variables,
//! start programs. Nothing else in the runtime touches these (`tests/tidy.rs`), so what is refused
//! here is refused everywhere.
//!
//! Not guarded: the standard streams, which whoever starts the machine has chosen; the arguments;
//! the clock with its time zone; sleeping, random numbers and the exit code. A program that is
//! started has all rights of the user, whatever is refused here.

mod args;
mod paths;

pub use args::CapabilityArgs;
pub use std::fs::File;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// What a program may do. By default everything.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    /// Nothing: everything is allowed.
    granted: Option<Arc<Granted>>,
    /// Images are copied, never mapped.
    copies: bool,
}

/// What is allowed when not everything is.
#[derive(Clone, Debug, Default)]
struct Granted {
    /// Files, and folders with all below them: from the root, without links.
    read: Vec<PathBuf>,
    /// As `read`.
    write: Vec<PathBuf>,
    env: Names<String>,
    /// Files as [`program_file`] finds them.
    run: Names<PathBuf>,
}

/// Some of all names.
#[derive(Clone, Debug)]
enum Names<T> {
    All,
    These(Vec<T>),
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names::These(Vec::new())
    }
}

impl<T: PartialEq> Names<T> {
    fn has(&self, name: &T) -> bool {
        match self {
            Names::All => true,
            Names::These(names) => names.contains(name),
        }
    }
}

/// Why something was not done.
#[derive(Debug)]
pub enum Denied {
    /// The program may not.
    Refused(Refusal),
    /// The system says so.
    System(io::Error),
}

impl From<io::Error> for Denied {
    fn from(error: io::Error) -> Self {
        Denied::System(error)
    }
}

/// Something that the program may not do.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The capability: `read`, `write`, `env` or `run`.
    capability: &'static str,
    /// Of what: a path, a variable, a program.
    of: String,
}

impl Refusal {
    fn new(capability: &'static str, of: impl Into<String>) -> Refusal {
        let of = of.into();
        Refusal { capability, of }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { capability, of } = self;
        let what = match *capability {
            "read" => "reading the path",
            "write" => "writing the path",
            "env" => "the environment variable",
            _ => "starting the program",
        };
        write!(
            f,
            "Not allowed: {what} '{of}'; the capability {capability} is missing, which \
             --allow-{capability}={of} gives"
        )
    }
}

/// Reading or writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Read,
    Write,
}

/// How to open a file for writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Nothing is left of what was in it.
    New,
    /// Whatever is written comes behind what is in it.
    Appended,
}

/// What lies at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// Something else, or nothing.
    Other,
}

impl Capabilities {
    /// Whether images must be copied to memory, where nobody can change them.
    pub fn copies_images(&self) -> bool {
        self.copies
    }

    /// Whether anything is refused.
    pub fn are_limited(&self) -> bool {
        self.granted.is_some()
    }

    /// Where a path that the program names leads to, if it may go there; `None`: anywhere, by the
    /// path as it is.
    fn place(&self, way: Way, path: &Path) -> Result<Option<PathBuf>, Denied> {
        let Some(granted) = &self.granted else {
            return Ok(None);
        };
        let (capability, allowed) = match way {
            Way::Read => ("read", &granted.read),
            Way::Write => ("write", &granted.write),
        };
        // What cannot be resolved is refused like what lies outside: the answer tells nothing
        // about places that the program may not see.
        paths::resolve(path)
            .filter(|place| allowed.iter().any(|root| place.starts_with(root)))
            .map(Some)
            .ok_or_else(|| Denied::Refused(Refusal::new(capability, path.to_string_lossy())))
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// The program may not, or it cannot be opened.
    pub fn open(&self, path: &str) -> Result<File, Denied> {
        match self.place(Way::Read, path.as_ref())? {
            None => Ok(File::open(path)?),
            Some(place) => Ok(paths::open(&place, paths::READ)?),
        }
    }

    /// Opens a file for writing; makes it if there is none.
    ///
    /// # Errors
    /// As [`Capabilities::open`].
    pub fn create(&self, path: &str, content: Content) -> Result<File, Denied> {
        let place = self.place(Way::Write, path.as_ref())?;
        let file = match (place, content) {
            (None, Content::New) => File::create(path),
            (None, Content::Appended) => File::options().append(true).create(true).open(path),
            (Some(place), Content::New) => paths::open(&place, paths::WRITE),
            (Some(place), Content::Appended) => paths::open(&place, paths::APPEND),
        };
        Ok(file?)
    }

    /// What lies at a path; links are followed.
    ///
    /// # Errors
    /// The program may not know.
    pub fn kind(&self, path: &str) -> Result<PathKind, Denied> {
        Ok(match self.place(Way::Read, path.as_ref())? {
            None => match std::fs::metadata(path) {
                Ok(found) if found.is_file() => PathKind::File,
                Ok(found) if found.is_dir() => PathKind::Dir,
                _ => PathKind::Other,
            },
            Some(place) => paths::kind(&place),
        })
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As [`Capabilities::open`].
    pub fn remove_file(&self, path: &str) -> Result<(), Denied> {
        match self.entry(path)? {
            None => Ok(std::fs::remove_file(path)?),
            Some(place) => Ok(paths::remove_file(&place)?),
        }
    }

    /// Removes a directory with all that it holds.
    ///
    /// # Errors
    /// As [`Capabilities::open`].
    pub fn remove_dir(&self, path: &str) -> Result<(), Denied> {
        match self.entry(path)? {
            None => Ok(std::fs::remove_dir_all(path)?),
            Some(place) => Ok(paths::remove_dir(&place)?),
        }
    }

    /// As [`Capabilities::place`] for writing, but the last name may be a link, which itself is
    /// meant.
    fn entry(&self, path: &str) -> Result<Option<PathBuf>, Denied> {
        let path = Path::new(path);
        let (Some(_), Some(folder), Some(name)) = (&self.granted, path.parent(), path.file_name())
        else {
            return self.place(Way::Write, path);
        };
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        // A file that is allowed by its own name lies in a folder that is not.
        match self.place(Way::Write, folder) {
            Ok(place) => Ok(place.map(|place| place.join(name))),
            Err(_) => self.place(Way::Write, path),
        }
    }

    /// Makes a directory, and those above it that are missing.
    ///
    /// # Errors
    /// As [`Capabilities::open`].
    pub fn create_dir(&self, path: &Path) -> Result<(), Denied> {
        match self.place(Way::Write, path)? {
            None => Ok(std::fs::create_dir_all(path)?),
            Some(place) => Ok(paths::create_dir(&place)?),
        }
    }

    /// What a directory holds, each with the directory's path before it.
    ///
    /// # Errors
    /// As [`Capabilities::open`].
    pub fn list(&self, path: &str) -> Result<Vec<PathBuf>, Denied> {
        let names: Vec<OsString> = match self.place(Way::Read, path.as_ref())? {
            None => {
                let entries = std::fs::read_dir(path)?.flatten();
                entries.map(|entry| entry.file_name()).collect()
            }
            Some(place) => paths::list(&place)?,
        };
        let folder = Path::new(path);
        Ok(names.into_iter().map(|name| folder.join(name)).collect())
    }

    /// The working directory.
    ///
    /// # Errors
    /// The program may not read it, or there is none.
    pub fn working_dir(&self) -> Result<PathBuf, Denied> {
        self.place(Way::Read, Path::new("."))?;
        Ok(std::env::current_dir()?)
    }

    /// The path from the root. Links and `..` stay.
    ///
    /// # Errors
    /// As [`Capabilities::working_dir`], if the path is relative.
    pub fn absolute(&self, path: &str) -> Result<PathBuf, Denied> {
        if Path::new(path).is_relative() {
            self.working_dir()?;
        }
        Ok(std::path::absolute(path)?)
    }

    /// Changes the working directory, of the whole process.
    ///
    /// # Errors
    /// The program may not read it, or it is none.
    pub fn change_dir(&self, path: &str) -> Result<(), Denied> {
        match self.place(Way::Read, path.as_ref())? {
            None => Ok(std::env::set_current_dir(path)?),
            Some(place) => Ok(paths::change_dir(&place)?),
        }
    }

    /// Checks that the program may see a variable, and change it for the programs that it starts.
    ///
    /// # Errors
    /// It may not.
    pub fn check_variable(&self, name: &str) -> Result<(), Refusal> {
        match &self.granted {
            Some(granted) if !granted.env.has(&name.to_owned()) => Err(Refusal::new("env", name)),
            _ => Ok(()),
        }
    }

    /// An environment variable.
    ///
    /// # Errors
    /// The program may not see it.
    pub fn variable(&self, name: &str) -> Result<Option<String>, Refusal> {
        self.check_variable(name)?;
        // Names that no environment can hold are refused by the library.
        if name.is_empty() || name.contains(['=', '\0']) {
            return Ok(None);
        }
        Ok(std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The environment variables that the program may see.
    pub fn variables(&self) -> Vec<(String, String)> {
        let text = |text: OsString| text.to_string_lossy().into_owned();
        std::env::vars_os()
            .map(|(name, value)| (text(name), text(value)))
            .filter(|(name, _)| self.check_variable(name).is_ok())
            .collect()
    }

    /// A command that starts a program with these variables changed.
    ///
    /// # Errors
    /// The Gene program may not start it.
    pub fn command(
        &self,
        program: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Command, Refusal> {
        let mut command = match &self.granted {
            None => Command::new(program),
            Some(granted) => {
                let found = program_file(program).filter(|file| granted.run.has(file));
                let file = match (found, &granted.run) {
                    (Some(file), _) => file,
                    (None, Names::All) => program.into(),
                    (None, _) => return Err(Refusal::new("run", program)),
                };
                let mut command = Command::new(file);
                named(&mut command, program);
                command
            }
        };
        command.envs(variables);
        Ok(command)
    }
}

/// Programs of many names look at the one they were started by.
#[cfg(unix)]
fn named(command: &mut Command, program: &str) {
    std::os::unix::process::CommandExt::arg0(command, program);
}

#[cfg(not(unix))]
fn named(_: &mut Command, _: &str) {}

/// The file that a command's first word means, found in `PATH` as the machine was started with
/// it: its folder from the root and without links. The name itself may be a link: a file of many
/// names (busybox) is as many programs.
fn program_file(program: &str) -> Option<PathBuf> {
    let found = |file: PathBuf| -> Option<PathBuf> {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = folder.canonicalize().ok()?.join(file.file_name()?);
        file.is_file().then_some(file)
    };
    if program.contains('/') {
        return found(program.into());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).find_map(|folder| found(folder.join(program)))
}

#[cfg(test)]
mod tests;

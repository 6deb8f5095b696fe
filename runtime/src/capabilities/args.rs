//! Capabilities on command lines.

use super::{Capabilities, Granted, Names, paths, program_file};
use clap::builder::NonEmptyStringValueParser;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands for all names.
const ALL: &str = "*";

/// Options that say what a program may do.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Capabilities (any of these options closes what it does not name)")]
pub struct CapabilityArgs {
    /// Refuse the program files, environment variables and other programs, but for what --allow-…
    /// options name.
    #[arg(long)]
    deny_all: bool,

    /// As --deny-all, for programs that are not trusted: images are also copied to memory, where
    /// nobody can change them, rather than mapped.
    #[arg(long)]
    sandbox: bool,

    /// Let the program read this file, or everything below this folder; may be repeated.
    #[arg(long, value_name = "PATH")]
    allow_read: Vec<PathBuf>,

    /// Let the program write, make and remove this file, or everything below this folder; may be
    /// repeated.
    #[arg(long, value_name = "PATH")]
    allow_write: Vec<PathBuf>,

    /// Let the program see and set this environment variable, or all; may be repeated.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true,
          default_missing_value = ALL, value_parser = NonEmptyStringValueParser::new())]
    allow_env: Vec<String>,

    /// Let the program start this program, or all; may be repeated. What is started has all your
    /// rights.
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true,
          default_missing_value = ALL, value_parser = NonEmptyStringValueParser::new())]
    allow_run: Vec<String>,
}

impl CapabilityArgs {
    /// What the options allow. Paths are resolved now: what happens to folders above them later
    /// gives no access to other places.
    ///
    /// # Errors
    /// A path or program that leads nowhere, for the command line.
    pub fn capabilities(&self) -> Result<Capabilities, String> {
        let paths = self.allow_read.len() + self.allow_write.len();
        let names = self.allow_env.len() + self.allow_run.len();
        if !self.deny_all && !self.sandbox && paths + names == 0 {
            return Ok(Capabilities::default());
        }
        let place = |option: &str, path: &PathBuf| {
            let unknown = || format!("--allow-{option}: `{}` leads nowhere", path.display());
            paths::resolve(Path::new(path)).ok_or_else(unknown)
        };
        let program = |name: &String| {
            program_file(name).ok_or_else(|| format!("--allow-run: there is no program `{name}`"))
        };
        let granted = Granted {
            read: (self.allow_read.iter())
                .map(|path| place("read", path))
                .collect::<Result<_, _>>()?,
            write: (self.allow_write.iter())
                .map(|path| place("write", path))
                .collect::<Result<_, _>>()?,
            env: some(&self.allow_env, |name| Ok(name.clone()))?,
            run: some(&self.allow_run, program)?,
        };
        Ok(Capabilities {
            granted: Some(Arc::new(granted)),
            copies: self.sandbox,
        })
    }
}

fn some<T>(
    given: &[String],
    one: impl Fn(&String) -> Result<T, String>,
) -> Result<Names<T>, String> {
    match given.iter().any(|name| name == ALL) {
        true => Ok(Names::All),
        false => Ok(Names::These(
            given.iter().map(one).collect::<Result<_, _>>()?,
        )),
    }
}

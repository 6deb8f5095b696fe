//! Looking into a cache, checking and emptying it.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use gene_format::aligned::Aligned;
use gene_format::verify::verify_image;

use super::store::{ENTRIES, IMAGES, Kept, is_trusted};
use super::{Cache, Entry, Input, Inputs, hash, hex};

/// How much a cache holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Entries.
    pub programs: usize,
    /// Images; programs may share one, and older ones may have none any more.
    pub images: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

/// A program in a cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Absolute path of its main file.
    pub file: String,
    /// Where its image is, or was.
    pub image: PathBuf,
    /// Bytes of the image.
    pub bytes: u64,
    /// When it was last used, give or take a minute.
    pub used: SystemTime,
    /// Whether the next run can use it.
    pub state: State,
}

/// Whether a program can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It can.
    Current,
    /// What it was compiled from has changed.
    Changed,
    /// The image is gone.
    Lost,
}

/// A file of a cache that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// Whether it has a name that only caches give.
    pub is_ours: bool,
}

impl Cache {
    /// How much it holds.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for file in self.files() {
            match file.is_image {
                true => usage.images += 1,
                false => usage.programs += 1,
            }
            usage.bytes += file.length;
        }
        usage
    }

    /// The programs in it, the last used first. Reads everything that they were compiled from.
    pub fn programs(&self, inputs: &mut Inputs<'_>) -> Vec<Program> {
        let mut programs: Vec<Program> = self
            .folder(ENTRIES)
            .flatten()
            .filter_map(|file| self.program(&file, inputs))
            .collect();
        programs.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.file.cmp(&b.file)));
        programs
    }

    fn program(&self, file: &Kept, inputs: &mut Inputs<'_>) -> Option<Program> {
        let (_, entry) = Entry::decode(&fs::read(&file.path).ok()?)?;
        let (Input::File(main), _) = entry.dependencies.first()?.clone() else {
            return None;
        };
        let image = self.image(&entry);
        // The text of what is no file is known to its next run only.
        let name = main.rsplit('/').next().unwrap_or_default();
        let entry = match name.starts_with('<') {
            true => Entry {
                dependencies: entry.dependencies[1..].to_vec(),
                ..entry
            },
            false => entry,
        };
        let state = match (image.is_file(), entry.is_current(inputs)) {
            (false, _) => State::Lost,
            (true, false) => State::Changed,
            (true, true) => State::Current,
        };
        Some(Program {
            file: main,
            image,
            bytes: entry.length,
            used: file.used,
            state,
        })
    }

    /// Reads every file and says what is wrong. Runs ignore such files and replace them.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |path: PathBuf, is_ours, what: &str| {
            let what = what.to_owned();
            problems.push(Problem {
                path,
                what,
                is_ours,
            });
        };
        for folder in [ENTRIES, IMAGES] {
            for file in self.folder(folder) {
                match file {
                    Ok(file) => {
                        if let Some(what) = wrong_with(&file) {
                            add(file.path, true, &what);
                        }
                    }
                    Err(path) => add(path, false, "does not belong to the cache"),
                }
            }
        }
        for path in self.abandoned() {
            add(path, true, "left behind by a process that was killed");
        }
        problems.sort_by(|a, b| a.path.cmp(&b.path));
        problems
    }

    /// Removes all entries and images, and nothing else that may lie beside them; gives how much
    /// that was.
    pub fn clear(&self) -> Usage {
        let mut removed = Usage::default();
        for file in self.files() {
            if fs::remove_file(&file.path).is_err() {
                continue; // another process is quicker
            }
            match file.is_image {
                true => removed.images += 1,
                false => removed.programs += 1,
            }
            removed.bytes += file.length;
        }
        for path in self.abandoned() {
            let _ = fs::remove_file(path);
        }
        self.remove_directories();
        removed
    }
}

/// What is wrong with an entry or an image.
fn wrong_with(file: &Kept) -> Option<String> {
    let bytes = match fs::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    if file.is_image {
        if hex(&hash(&bytes)) != file.name {
            return Some("is damaged: its name is not the hash of its content".into());
        }
        let aligned = Aligned::new(&bytes);
        return verify_image(&aligned)
            .err()
            .map(|error| format!("is no sound image: {error}"));
    }
    match Entry::decode(&bytes) {
        None => Some("is damaged".into()),
        Some((key, _)) if hex(&key) != file.name => Some("is the entry of another program".into()),
        Some(_) if !fs::metadata(&file.path).is_ok_and(|found| is_trusted(&found)) => {
            Some("is ignored: others own it, or may write it".into())
        }
        Some(_) => None,
    }
}

//! Files below folders, where neither `..` nor links lead out, whoever changes the folders
//! meanwhile.
//!
//! A path is resolved first: the result has neither links nor `..`, and is compared with what is
//! allowed. Then it is walked from the root, name by name, refusing links. So a name that becomes
//! a link between the two steps ends in an error, and not elsewhere. (`openat2` could do the walk
//! in one call, but containers often refuse it.) Hard links cannot be told from files.

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use super::PathKind;

/// Opens an existing file.
pub const READ: OFlags = OFlags::RDONLY;
/// Empties a file, or makes it.
pub const WRITE: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::TRUNC);
/// Goes on at the end of a file, or makes it.
pub const APPEND: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::APPEND);

/// A directory that is only walked through needs no right to list it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WALK: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const WALK: OFlags = OFlags::RDONLY;

/// The path from the root, without links and `..`; names at its end that lead nowhere stay.
/// Nothing if `..` follows one of those.
pub fn resolve(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let mut known = path.as_path();
    let mut missing = Vec::new();
    loop {
        if let Ok(mut place) = known.canonicalize() {
            place.extend(missing.iter().rev());
            return Some(place);
        }
        let Component::Normal(name) = known.components().next_back()? else {
            return None;
        };
        missing.push(name);
        known = known.parent()?;
    }
}

fn open_dir(at: impl AsFd, name: &OsStr, how: OFlags) -> io::Result<OwnedFd> {
    let flags = how | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

/// The directory that a resolved path names.
fn walk(place: &Path) -> io::Result<OwnedFd> {
    let mut at = open_dir(CWD, OsStr::new("/"), WALK)?;
    for part in place.components() {
        if let Component::Normal(name) = part {
            at = open_dir(&at, name, WALK)?;
        }
    }
    Ok(at)
}

/// The directory in which a resolved path's last name lies, and that name; of the root, `.`.
fn parent(place: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    match (place.parent(), place.file_name()) {
        (Some(folder), Some(name)) => Ok((walk(folder)?, name)),
        _ => Ok((walk(Path::new("/"))?, OsStr::new("."))),
    }
}

/// Opens the file at a resolved path.
pub fn open(place: &Path, how: OFlags) -> io::Result<File> {
    let (folder, name) = parent(place)?;
    let flags = how | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666); // what the mask of the process leaves of it
    Ok(openat(folder, name, flags, mode)?.into())
}

/// What lies at a resolved path.
pub fn kind(place: &Path) -> PathKind {
    let found = parent(place).and_then(|(folder, name)| {
        let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(found.st_mode))
    });
    match found {
        Ok(FileType::RegularFile) => PathKind::File,
        Ok(FileType::Directory) => PathKind::Dir,
        _ => PathKind::Other,
    }
}

/// Removes what is no directory.
pub fn remove_file(place: &Path) -> io::Result<()> {
    let (folder, name) = parent(place)?;
    Ok(unlinkat(folder, name, AtFlags::empty())?)
}

/// Removes a directory with all that it holds.
pub fn remove_dir(place: &Path) -> io::Result<()> {
    let (folder, name) = parent(place)?;
    // A directory and what is left of it, below the one in which it lies.
    let mut open = vec![(folder, vec![name.to_owned()])];
    let mut names = Vec::<OsString>::new(); // of the open ones but the first
    while let Some((at, left)) = open.last_mut() {
        let Some(name) = left.last().cloned() else {
            open.pop();
            // empty now
            if let (Some((at, left)), Some(name)) = (open.last_mut(), names.pop()) {
                unlinkat(at, name, AtFlags::REMOVEDIR)?;
                left.pop();
            }
            continue;
        };
        match open_dir(&at, &name, OFlags::RDONLY) {
            Ok(dir) => {
                let inside = entries(&dir)?;
                open.push((dir, inside));
                names.push(name);
            }
            // no directory; the one that was asked for must be
            Err(_) if !names.is_empty() => {
                unlinkat(at, name, AtFlags::empty())?;
                left.pop();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the directory at a resolved path, and those above it that are missing.
pub fn create_dir(place: &Path) -> io::Result<()> {
    let mut at = walk(Path::new("/"))?;
    for part in place.components() {
        if let Component::Normal(name) = part {
            at = match open_dir(&at, name, WALK) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match mkdirat(&at, name, Mode::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => open_dir(&at, name, WALK)?,
                        Err(error) => return Err(error.into()),
                    }
                }
                opened => opened?,
            };
        }
    }
    Ok(())
}

/// The names in the directory at a resolved path.
pub fn list(place: &Path) -> io::Result<Vec<OsString>> {
    let (folder, name) = parent(place)?;
    entries(&open_dir(folder, name, OFlags::RDONLY)?)
}

fn entries(dir: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}

/// Makes the directory at a resolved path the working directory.
pub fn change_dir(place: &Path) -> io::Result<()> {
    Ok(rustix::process::fchdir(walk(place)?)?)
}

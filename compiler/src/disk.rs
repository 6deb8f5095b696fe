//! What the compiler's programs need of a file system: modules to read, images to write.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::gene::Files;

/// Modules from files, lists of directories from environment variables.
pub struct Disk;

impl Files for Disk {
    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        fs::read(path).ok()
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn list(&mut self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// The path from the root, without `.` and `..`. Symbolic links are not followed: imports are
/// searched beside the name that was given.
///
/// # Errors
///
/// There is no working directory.
pub fn absolute(path: &Path) -> io::Result<String> {
    let mut clean = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    Ok(clean.to_string_lossy().into_owned())
}

/// Writes the file whole or not at all: to a temporary name in the same directory, which
/// then takes the place of `path` and gets its permissions. What is not a regular file is written in place.
///
/// # Errors
///
/// The file cannot be written; nothing is left behind.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut permissions = None;
    let path = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(bytes);
        }
        Ok(found) => {
            permissions = Some(found.permissions());
            &fs::canonicalize(path)? // a link stays a link
        }
        Err(_) => path,
    };
    let (mut file, temporary) = temporary_beside(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| permissions.map_or(Ok(()), |found| file.set_permissions(found)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // the first error is the one to report
    }
    written
}

fn temporary_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".gene-{}-{number}.tmp", std::process::id());
        let temporary = directory.join(name);
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary);
        match opened {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("gene-disk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_replaced_and_nothing_else_remains() {
        let directory = directory("replace");
        let path = directory.join("a.gir");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(&directory), ["a.gir"]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn failures_leave_nothing() {
        let directory = directory("fail");
        let taken = directory.join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write_whole(&taken, b"x").is_err());
        assert!(write_whole(&directory.join("none/a.gir"), b"x").is_err());
        assert_eq!(names(&directory), ["taken"]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::PermissionsExt;
        let directory = directory("mode");
        let (path, link) = (directory.join("a"), directory.join("b"));
        fs::write(&path, b"one").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o750)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_whole(&link, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o750
        );
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_dir_all(directory).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_devices_are_written_in_place() {
        let error = write_whole(Path::new("/dev/full"), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        write_whole(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn paths_lose_dots() {
        assert_eq!(
            absolute(Path::new("/a/./b/../c.gene")).unwrap(),
            "/a/c.gene"
        );
    }
}

//! Folders of packages: copying, hashing, removing.

use std::fs;
use std::path::{Path, PathBuf};

use gene_compiler::cli::Failure;
use sha2::{Digest, Sha256};

/// What belongs to a checkout or a build, not to the package.
const SKIPPED: [&str; 4] = [".git", ".gene", "build", super::LOCK];

/// Files below a folder in the order of their relative paths, with those paths.
fn files(root: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), root.to_owned())];
    while let Some((prefix, folder)) = waiting.pop() {
        let failed = |error: std::io::Error| Failure::file(&folder, &error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let (relative, path) = (format!("{prefix}{name}"), entry.path());
            // a link to a folder could lead back up
            match entry.file_type().map_err(failed)?.is_dir() {
                true => waiting.push((format!("{relative}/"), path)),
                false => found.push((relative, path)),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of the lines `<path>\t<sha256 of file>` of all files.
pub fn hash(root: &Path) -> Result<String, Failure> {
    let mut all = Sha256::new();
    for (relative, path) in files(root)? {
        let bytes = fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
        let line = format!("{relative}\t{}\n", hex(&Sha256::digest(&bytes)));
        all.update(line.as_bytes());
    }
    Ok(hex(&all.finalize()))
}

/// Copies the files of a package into a folder that is not there yet.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::file(to, &error))?;
    for (relative, path) in files(from)? {
        let target = to.join(relative);
        let parent = target.parent().unwrap_or(to);
        fs::create_dir_all(parent)
            .and_then(|()| fs::copy(&path, &target))
            .map_err(|error| Failure::file(&target, &error))?;
    }
    Ok(())
}

/// Removes a folder with all it holds, if it is there.
pub fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file(folder, &error))
        }
        _ => Ok(()),
    }
}

/// The folders in a folder; none if it is not there.
pub fn folders(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::file(folder, &error))?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

//! `--standalone`: finding the runtime, and writing an executable.

use std::path::{Path, PathBuf};

use gene_compiler::cli::Failure;
use gene_compiler::disk;
use gene_compiler::standalone;
use gene_format::aligned::Aligned;
use gene_format::image::CheckedImage;

use crate::Args;

/// The runtime that was named, or the one beside this program.
fn runtime(args: &Args) -> Result<(PathBuf, Vec<u8>), Failure> {
    let path = match &args.runtime {
        Some(path) => path.clone(),
        None => std::env::current_exe()
            .map_err(|error| Failure::File(format!("the place of gene-compile: {error}")))?
            .with_file_name("gene-vm"),
    };
    match std::fs::read(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(error) => Err(Failure::File(format!(
            "the runtime {}: {error}; --runtime FILE names a gene-vm",
            path.display()
        ))),
    }
}

/// Writes the runtime with the image in it, as a file that can be executed.
pub fn write(args: &Args, path: &Path, image: &[u8]) -> Result<(), Failure> {
    let aligned = Aligned::new(image);
    let needs_eval = CheckedImage::parse(&aligned)
        .ok()
        .and_then(|image| image.needs_eval().map(str::to_owned));
    if let Some(place) = needs_eval {
        return Err(Failure::Program(format!(
            "{place}: this form needs a compiler at run time (eval), which a standalone program \
             does not have\n"
        )));
    }
    let (name, runtime) = runtime(args)?;
    let program = standalone::executable(&runtime, image)
        .map_err(|error| Failure::File(format!("the runtime {}: {error}", name.display())))?;
    disk::write_whole(path, &program)
        .and_then(|()| make_executable(path))
        .map_err(|error| Failure::file(path, &error))
}

/// Whoever may read the file may execute it.
#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(path)?.permissions();
    let mode = permissions.mode();
    permissions.set_mode(mode | (mode & 0o444) >> 2);
    std::fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

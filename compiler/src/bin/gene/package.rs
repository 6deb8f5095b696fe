//! `--pkg`: the package that a command works in.

use std::path::{Path, PathBuf};

use clap::Args;
use gene_compiler::cli::{Failure, Source};
use gene_compiler::disk::{self, Disk};
use gene_compiler::gene;

/// The package to work in.
#[derive(Args, Clone, Debug, Default)]
pub struct PackageArgs {
    /// Work in this package, a directory or a name: a relative FILE is searched in its root, and
    /// imports of other code as if it lay in `src` there.
    #[arg(long, value_name = "PACKAGE")]
    pkg: Option<String>,
}

impl PackageArgs {
    /// Whether the command line names one.
    pub fn is_given(&self) -> bool {
        self.pkg.is_some()
    }

    /// The root of the package; nothing if none was asked for.
    fn root(&self) -> Result<Option<PathBuf>, Failure> {
        let Some(wanted) = &self.pkg else {
            return Ok(None);
        };
        let here = disk::absolute(Path::new("."))
            .map_err(|error| Failure::file(Path::new("."), &error))?;
        let path = Path::new(wanted);
        if path.join("package.gene").is_file() {
            return Ok(Some(path.to_owned()));
        }
        let found = match path.is_dir() {
            true => {
                let path = disk::absolute(path).map_err(|error| Failure::file(path, &error))?;
                Ok(gene::package_around(&mut Disk, &path))
            }
            false => gene::package_named(&mut Disk, &here, wanted),
        };
        match found {
            Ok(Some(root)) => Ok(Some(root.into())),
            Ok(None) => Err(Failure::Program(format!(
                "gene: [GENE.PACKAGE.NOT_FOUND] Package '{wanted}' was not found\n"
            ))),
            Err(problem) => Err(Failure::Program(format!("gene: {problem}\n"))),
        }
    }

    /// Where a file is that the command line names.
    ///
    /// # Errors
    ///
    /// There is no such package.
    pub fn file(&self, file: &Path) -> Result<PathBuf, Failure> {
        Ok(match self.root()? {
            Some(root) => root.join(file),
            None => file.to_owned(),
        })
    }

    /// A text without a file, of the command `command`.
    ///
    /// # Errors
    ///
    /// There is no such package.
    pub fn code(&self, command: &str, text: impl Into<Vec<u8>>) -> Result<Source, Failure> {
        let Some(root) = self.root()? else {
            return Ok(Source::code(&format!("<{command}>"), text));
        };
        let path = root.join(format!("src/__gene_cli_{command}.gene"));
        Ok(Source {
            name: path.to_string_lossy().into_owned(),
            path,
            text: text.into(),
        })
    }
}

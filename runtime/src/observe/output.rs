//! Files that somebody asked for at the command line; programs cannot choose them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

fn message(file: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", file.display())
}

/// Writes a file.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| message(file, &error))
}

/// Makes a file that is written piece by piece.
pub fn create(file: &Path) -> Result<Box<dyn Write>, String> {
    match File::create(file) {
        Ok(made) => Ok(Box::new(BufWriter::new(made))),
        Err(error) => Err(message(file, &error)),
    }
}

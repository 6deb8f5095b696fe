//! Positions and sources that are not in an image: files of debug data that was split from it, and
//! sources that are still what it was compiled from. Nothing is read before a report needs it, and
//! what belongs to another image is never used.

use gene_format::aligned::Aligned;
use gene_format::image::{CheckedImage, DebugData};
use gene_format::write::is_compiled_from;
use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};

/// Largest source that is read for an excerpt, in bytes.
const MAX_SOURCE: u64 = 64 << 20;

/// Longest excerpt of a line, in characters.
const WIDTH: usize = 72;

/// Where an image's debug data may be, besides the image.
#[derive(Default)]
pub struct DebugFile {
    /// The file of the image.
    image: Option<PathBuf>,
    /// The image with debug data attached, once it was looked for.
    found: OnceCell<Option<CheckedImage<'static>>>,
}

impl DebugFile {
    /// The debug data of an image file: `app.gir.debug` beside `app.gir`.
    pub fn beside(image: &Path) -> DebugFile {
        DebugFile {
            image: Some(image.to_owned()),
            found: OnceCell::new(),
        }
    }

    /// Takes the debug data from a file. Warns if it belongs to another image.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open(&mut self, path: &Path, view: &CheckedImage<'static>) -> io::Result<()> {
        let found = attached(path, std::fs::read(path)?, view);
        self.found = OnceCell::from(found);
        Ok(())
    }

    /// The image with its debug data, wherever that is.
    pub fn view<'i>(&'i self, view: &'i CheckedImage<'static>) -> &'i CheckedImage<'static> {
        if let Some(known) = self.found.get() {
            return known.as_ref().unwrap_or(view);
        }
        if view.has_positions() {
            return view;
        }
        let found = self.found.get_or_init(|| {
            let mut path = self.image.clone()?.into_os_string();
            path.push(".debug");
            let bytes = std::fs::read(&path).ok()?;
            attached(Path::new(&path), bytes, view)
        });
        found.as_ref().unwrap_or(view)
    }

    /// A line of a module's source and a mark below the column, if the image keeps the source, or
    /// all its sources are still what it was compiled from.
    pub fn excerpt(
        &self,
        view: &CheckedImage<'static>,
        file: &str,
        (line, column): (u32, u32),
    ) -> Option<String> {
        let modules = view.modules();
        let at = modules
            .iter()
            .position(|module| view.string(module.name) == Ok(file))?;
        if let Some(text) = self.view(view).source(modules[at].id) {
            return excerpt(text, line, column);
        }
        let folder = self.image.as_deref().and_then(Path::parent);
        [Some(Path::new("")), folder]
            .into_iter()
            .flatten()
            .find_map(|folder| {
                let texts = modules.iter().map(|module| {
                    let name = view.string(module.name).ok()?;
                    source(&folder.join(name))
                });
                let texts: Vec<Vec<u8>> = texts.collect::<Option<_>>()?;
                is_compiled_from(view, texts.iter().map(Vec::as_slice)).then_some(())?;
                excerpt(std::str::from_utf8(&texts[at]).ok()?, line, column)
            })
    }
}

/// The image with the debug data of a file.
fn attached(
    path: &Path,
    bytes: Vec<u8>,
    view: &CheckedImage<'static>,
) -> Option<CheckedImage<'static>> {
    // Views of images live as long as the process, and so do the bytes of this one.
    let bytes: &'static Aligned = Box::leak(Box::new(Aligned::new(&bytes)));
    let mut view = view.clone();
    let data = DebugData::parse(bytes).and_then(|data| view.attach(&data));
    if let Err(error) = data {
        eprintln!(
            "Warning: {}: {error}; positions stay as the image has them",
            path.display()
        );
        return None;
    }
    Some(view)
}

/// The text of a source: no device, and of a sensible size, since an image may name any file.
fn source(path: &Path) -> Option<Vec<u8>> {
    let meta = std::fs::metadata(path).ok()?;
    let is_sensible = meta.is_file() && meta.len() <= MAX_SOURCE;
    is_sensible.then(|| std::fs::read(path).ok())?
}

/// A line with its number, and a mark below the column; both from 1, columns count characters.
fn excerpt(text: &str, line: u32, column: u32) -> Option<String> {
    let found = text.lines().nth((line as usize).checked_sub(1)?)?;
    let column = (column as usize).checked_sub(1)?;
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let all: Vec<char> = found.chars().map(shown).collect();
    // A long line is cut before and behind the column.
    let start = match all.len() > WIDTH && column >= WIDTH / 2 {
        true => (column - WIDTH / 2).min(all.len().saturating_sub(WIDTH)),
        false => 0,
    };
    let end = all.len().min(start + WIDTH);
    let mut cut: String = all[start..end].iter().collect();
    if end < all.len() {
        cut.push('…');
    }
    let dots = if start > 0 { "…" } else { "" };
    let number = line.to_string();
    let gap = " ".repeat(number.len());
    let indent = " ".repeat(dots.chars().count() + column.checked_sub(start)?);
    Some(format!(
        "  {number} | {dots}{}\n  {gap} | {indent}^\n",
        cut.trim_end()
    ))
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn excerpts_mark_the_column() {
        let text = "(a)\n\t(größe x)\r\n";
        let found = excerpt(text, 2, 9).unwrap();
        assert_eq!(found, "  2 |  (größe x)\n    |         ^\n");
        assert_eq!(excerpt(text, 3, 1), None);
        assert_eq!(excerpt(text, 0, 1), None);
    }

    #[test]
    fn long_lines_are_cut_around_the_column() {
        let text = "x".repeat(50) + "here" + &"y".repeat(200);
        let found = excerpt(&text, 1, 51).unwrap();
        let (line, mark) = found.split_once('\n').unwrap();
        let at = mark.find('^').unwrap();
        let shown: Vec<char> = line.chars().collect();
        assert_eq!(shown[at..at + 4], ['h', 'e', 'r', 'e']);
        assert!(shown.len() < 90, "{line}");
        assert!(line.contains("…x") && line.ends_with("y…"), "{line}");
    }
}

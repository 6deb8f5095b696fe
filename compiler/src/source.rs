//! Source files and places in them: byte offsets become lines and columns here, and only here.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use gene_format::text::Span;

/// A file of a [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// Bytes of one file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Place {
    /// The bytes of `span` in `file`.
    pub fn new(file: FileId, span: Span) -> Self {
        Self {
            file,
            start: span.start,
            end: span.end,
        }
    }
}

/// Line and column, both from 1; columns count characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Location {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// All files of one compilation.
#[derive(Default, Debug)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

#[derive(Debug)]
struct SourceFile {
    name: String,
    /// Not always UTF-8: a file that is not is reported like any other error.
    text: Box<[u8]>,
    index: OnceLock<Index>,
}

/// What makes offsets into lines and columns without counting from the start of the line,
/// which for a file of one long line would take quadratic time.
#[derive(Debug)]
struct Index {
    /// Offset of the first byte of each line.
    lines: Vec<u32>,
    /// Characters that start before each block; empty if every byte is a character.
    blocks: Vec<u32>,
}

/// Bytes between two entries of `Index::blocks`.
const BLOCK: usize = 256;

impl SourceMap {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, named as diagnostics are to name it.
    ///
    /// # Panics
    /// After 2³² files.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Box<[u8]>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than 2^32 files"));
        let index = OnceLock::new();
        self.files.push(SourceFile {
            name: name.into(),
            text: text.into(),
            index,
        });
        id
    }

    /// The name given to [`add`](Self::add); empty for an id of another map.
    pub fn name(&self, file: FileId) -> &str {
        self.get(file).map_or("", |file| &file.name)
    }

    /// The bytes of the file; none for an id of another map.
    pub fn text(&self, file: FileId) -> &[u8] {
        self.get(file).map_or(&[], |file| &file.text)
    }

    /// Line and column of a byte; past the end, those of the end.
    pub fn location(&self, file: FileId, offset: u32) -> Location {
        self.get(file)
            .map_or(Location { line: 1, column: 1 }, |file| {
                file.location(offset)
            })
    }

    /// Byte range of a line (from 1) without its line break; empty past the last.
    pub fn line_range(&self, file: FileId, line: u32) -> std::ops::Range<usize> {
        self.get(file).map_or(0..0, |file| file.line_range(line))
    }

    /// Text of a line (from 1) without its line break.
    pub fn line_text(&self, file: FileId, line: u32) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text(file)[self.line_range(file, line)])
    }

    fn get(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.0 as usize)
    }
}

impl SourceFile {
    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let newlines = self
                .text
                .iter()
                .enumerate()
                .filter(|&(_, &byte)| byte == b'\n');
            let lines = std::iter::once(0)
                .chain(newlines.map(|(at, _)| at as u32 + 1))
                .collect();
            let mut blocks = Vec::new();
            if !self.text.is_ascii() {
                let mut count = 0;
                for block in self.text.chunks(BLOCK) {
                    blocks.push(count);
                    count += starts(block);
                }
                blocks.push(count);
            }
            Index { lines, blocks }
        })
    }

    fn location(&self, offset: u32) -> Location {
        let mut at = (offset as usize).min(self.text.len());
        while at > 0 && self.text.get(at).is_some_and(|&byte| is_continuation(byte)) {
            at -= 1;
        }
        let lines = &self.index().lines;
        let line = lines.partition_point(|&start| start as usize <= at);
        let start = lines[line - 1] as usize;
        let column = 1 + self.characters_before(at) - self.characters_before(start);
        Location {
            line: line as u32,
            column,
        }
    }

    fn characters_before(&self, at: usize) -> u32 {
        let blocks = &self.index().blocks;
        if blocks.is_empty() {
            return at as u32;
        }
        let block = at / BLOCK;
        blocks[block] + starts(&self.text[block * BLOCK..at])
    }

    fn line_range(&self, line: u32) -> std::ops::Range<usize> {
        let lines = &self.index().lines;
        let Some(&start) = (line as usize)
            .checked_sub(1)
            .and_then(|line| lines.get(line))
        else {
            return self.text.len()..self.text.len();
        };
        let start = start as usize;
        let end = lines
            .get(line as usize)
            .map_or(self.text.len(), |&next| next as usize - 1);
        let carriage_return = end > start && self.text[end - 1] == b'\r';
        start..end - usize::from(carriage_return)
    }
}

/// Characters that start in these bytes.
fn starts(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|&&byte| !is_continuation(byte)).count() as u32
}

/// Whether a byte is the second or a later one of its character.
pub(crate) fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, offset: u32, expected: &str) {
        let mut sources = SourceMap::new();
        let file = sources.add("f", text.as_bytes());
        assert_eq!(sources.location(file, offset).to_string(), expected);
    }

    #[test]
    fn locations() {
        check("", 0, "1:1");
        check("ab", 1, "1:2");
        check("ab", 99, "1:3");
        check("a\nb\n", 1, "1:2");
        check("a\nb\n", 2, "2:1");
        check("a\nb\n", 4, "3:1");
        check("é1\né2", 2, "1:2");
        check("é1\né2", 1, "1:1");
        check("é1\né2", 6, "2:2");
    }

    #[test]
    fn lines() {
        let mut sources = SourceMap::new();
        let file = sources.add("f", &b"one\r\n\ntwo \xff"[..]);
        let text = |line| sources.line_text(file, line).into_owned();
        assert_eq!(
            [text(0), text(1), text(2), text(3), text(4)],
            ["", "one", "", "two \u{fffd}", ""]
        );
    }

    #[test]
    fn columns_agree_with_counting() {
        let text = "aé日😀\n".repeat(10) + &"é日b".repeat(BLOCK) + "\n" + &"x".repeat(BLOCK * 2);
        let mut sources = SourceMap::new();
        let file = sources.add("f", text.as_bytes());
        for (at, _) in text.char_indices() {
            let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let expected = Location {
                line: 1 + text[..at].matches('\n').count() as u32,
                column: 1 + text[start..at].chars().count() as u32,
            };
            assert_eq!(sources.location(file, at as u32), expected, "byte {at}");
        }
    }

    #[test]
    fn every_byte_of_a_long_line_has_its_column_at_once() {
        let text = "é".repeat(500_000);
        let mut sources = SourceMap::new();
        let file = sources.add("f", text.as_bytes());
        for character in 0..500_000 {
            assert_eq!(sources.location(file, character * 2).column, character + 1);
        }
    }

    #[test]
    fn unknown_files_are_empty() {
        let sources = SourceMap::new();
        assert_eq!(sources.name(FileId(3)), "");
        assert_eq!(sources.location(FileId(3), 7).to_string(), "1:1");
        assert_eq!(sources.line_text(FileId(3), 1), "");
    }
}

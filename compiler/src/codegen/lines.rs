//! Byte offsets of a source text to lines and columns, fast for offsets near the last one.

/// Lines of one source text.
pub(super) struct Lines<'t> {
    text: &'t [u8],
    /// Offset of the first byte of each line.
    starts: Vec<u32>,
    is_ascii: bool,
    /// Line of the last answer, from 0.
    last: usize,
    /// Offset and column (from 0) of the last answer, so that a long line of other than
    /// ASCII characters is not counted again for every offset.
    counted: (u32, u32),
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        let mut starts = vec![0];
        for (at, byte) in text.iter().enumerate() {
            if *byte == b'\n' {
                starts.push(at as u32 + 1);
            }
        }
        Lines {
            text,
            starts,
            is_ascii: text.is_ascii(),
            last: 0,
            counted: (0, 0),
        }
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn place(&mut self, offset: u32) -> (u32, u32) {
        let offset = offset.min(self.text.len() as u32);
        if !self.is_in(self.last, offset) {
            self.last = match self.is_in(self.last + 1, offset) {
                true => self.last + 1,
                false => self.starts.partition_point(|start| *start <= offset) - 1,
            };
        }
        (self.last as u32 + 1, self.column(offset) + 1)
    }

    fn is_in(&self, line: usize, offset: u32) -> bool {
        let before_end = self.starts.get(line + 1).is_none_or(|next| offset < *next);
        before_end && self.starts.get(line).is_some_and(|start| *start <= offset)
    }

    fn column(&mut self, offset: u32) -> u32 {
        let start = self.starts[self.last];
        if self.is_ascii {
            return offset - start;
        }
        let (mut from, mut column) = self.counted;
        if !(start..=offset).contains(&from) {
            (from, column) = (start, 0);
        }
        let between = &self.text[from as usize..offset as usize];
        column += between.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u32;
        self.counted = (offset, column);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_any_order() {
        let mut lines = Lines::new("ab\né日x\n\nend".as_bytes());
        let cases = [
            (0, (1, 1)),
            (2, (1, 3)),
            (3, (2, 1)),
            (8, (2, 3)),
            (5, (2, 2)),
            (9, (2, 4)),
            (10, (3, 1)),
            (13, (4, 3)),
            (99, (4, 4)),
            (1, (1, 2)),
        ];
        for (offset, expected) in cases {
            assert_eq!(lines.place(offset), expected, "byte {offset}");
        }
    }

    #[test]
    fn long_lines_are_counted_once() {
        let text = "é".repeat(300_000);
        let mut lines = Lines::new(text.as_bytes());
        for character in 0..300_000 {
            assert_eq!(lines.place(character * 2), (1, character + 1));
        }
    }
}

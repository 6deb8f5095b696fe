//! Regular expression literals (01-syntax §3.7).

use super::chars::ends_word;
use super::error::{Read, ReadError};
use super::form::{FormKind, RegexForm};
use super::reader::Reader;

impl Reader<'_> {
    /// Reads a literal whose `#/` stands at the cursor.
    pub(super) fn regex(&mut self) -> Read<FormKind> {
        let start = self.pos;
        let pattern_end = self.find_slash(start + 2, false).ok_or_else(|| {
            self.eof = true;
            ReadError::new("EOF while reading regex", start, start + 2)
                .hint("a pattern ends with /; write \\/ for a slash in it")
        })?;
        let mut regex = RegexForm {
            pattern: self.segment(start + 2, pattern_end),
            ..RegexForm::default()
        };
        self.pos = pattern_end + 1;
        if let Some(end) = self.find_slash(self.pos, true) {
            regex.replacement = Some(self.segment(self.pos, end));
            self.pos = end + 1;
        }
        while !ends_word(self.peek()) {
            match self.bytes[self.pos] {
                b'i' => regex.ignore_case = true,
                b'm' => regex.dot_all = true,
                _ => {
                    let flag = self.char_at(self.pos);
                    let end = self.pos + flag.len_utf8();
                    let message = format!("Invalid regex flag: {flag}");
                    return Err(ReadError::new(message, self.pos, end)
                        .hint("flags are i (ignore case) and m (dot matches newline)"));
                }
            }
            self.pos += 1;
        }
        Ok(FormKind::Regex(Box::new(regex)))
    }

    /// The next slash without a backslash, if asked only before the next blank. That look
    /// ahead does not add up: where it fails, no other regex can start before the blank.
    fn find_slash(&self, mut at: usize, stop_at_blank: bool) -> Option<usize> {
        loop {
            match self.bytes.get(at)? {
                b'/' => return Some(at),
                // Not the comma, which replacements contain.
                b' ' | b'\t' | b'\r' | b'\n' if stop_at_blank => return None,
                b'\\' if stop_at_blank => at += 1 + usize::from(self.is_slash_escape(at)),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    /// Whether the backslash at `at` protects the next byte; a blank ends even so.
    fn is_slash_escape(&self, at: usize) -> bool {
        matches!(self.bytes.get(at + 1), Some(b'/' | b'\\'))
    }

    /// A segment with `\/` and `\\` resolved.
    fn segment(&self, start: usize, end: usize) -> Box<str> {
        let raw = &self.text[start..end];
        if !raw.contains('\\') {
            return raw.into();
        }
        let mut text = String::with_capacity(raw.len());
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some(c @ ('/' | '\\')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
                None => text.push('\\'),
            }
        }
        text.into()
    }
}

//! Words: constants, symbols and paths (01-syntax §3.2, §6), and keys of props.

use super::chars::{ENDER, SPECIAL, ends_word, is};
use super::error::{Read, ReadError, span};
use super::form::{FormKind, Span, Word};
use super::reader::Reader;

fn constant(word: &str) -> Option<FormKind> {
    Some(match word {
        "nil" => FormKind::Nil,
        "void" => FormKind::Void,
        "true" => FormKind::Bool(true),
        "false" => FormKind::Bool(false),
        _ => return None,
    })
}

impl Reader<'_> {
    /// Reads the word at the cursor, which is not empty.
    pub(super) fn word(&mut self) -> Read<()> {
        let start = self.pos;
        let mut at = start;
        let mut slashes = false;
        while at < self.bytes.len() && !is(self.bytes[at], ENDER) {
            if is(self.bytes[at], SPECIAL) {
                if self.bytes[at] == b'\\' {
                    let kind = self.escaped_word()?;
                    self.push(kind, start);
                    return Ok(());
                }
                slashes = true;
            }
            at += 1;
        }
        self.pos = at;
        let word = &self.text[start..at];
        let kind = if slashes && word != "/" && word != "/=" {
            FormKind::Path(word.split('/').map(Into::into).collect())
        } else {
            match word.len() {
                3..=5 => constant(word).unwrap_or_else(|| FormKind::Symbol(word.into())),
                _ => FormKind::Symbol(word.into()),
            }
        };
        self.push(kind, start);
        Ok(())
    }

    /// A word with a backslash somewhere, which makes it no constant.
    fn escaped_word(&mut self) -> Read<FormKind> {
        let mut parts: Vec<Word> = Vec::new();
        loop {
            let part = self.unescape_until(|byte| byte == b'/')?;
            if self.peek() != Some(b'/') {
                return Ok(if parts.is_empty() {
                    FormKind::Symbol(part.into())
                } else {
                    parts.push(part.into());
                    FormKind::Path(parts.into())
                });
            }
            parts.push(part.into());
            self.pos += 1;
        }
    }

    /// Reads a key up to the end of the word or the next `^`; it may be empty.
    pub(super) fn key(&mut self) -> Read<(Word, Span)> {
        let start = self.pos;
        let mut at = start;
        while at < self.bytes.len() && !is(self.bytes[at], ENDER) {
            match self.bytes[at] {
                b'^' => break,
                b'\\' => {
                    let key = self.unescape_until(|byte| byte == b'^')?;
                    return Ok((key.into(), span(start, self.pos)));
                }
                _ => at += 1,
            }
        }
        self.pos = at;
        Ok((self.text[start..at].into(), span(start, at)))
    }

    fn unescape_until(&mut self, stop: impl Fn(u8) -> bool) -> Read<String> {
        let mut text = String::new();
        let mut run = self.pos;
        loop {
            let byte = self.peek();
            if ends_word(byte) || byte.is_some_and(&stop) {
                text.push_str(&self.text[run..self.pos]);
                return Ok(text);
            }
            self.pos += 1;
            if byte == Some(b'\\') {
                text.push_str(&self.text[run..self.pos - 1]);
                if self.pos == self.bytes.len() {
                    self.eof = true;
                    return Err(ReadError::new("EOF after \\", self.pos - 1, self.pos));
                }
                run = self.pos;
                self.pos += self.char_at(self.pos).len_utf8();
            }
        }
    }

    /// Where the token around `at` ends; for errors.
    #[cold]
    pub(super) fn word_end(&self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        rest.iter()
            .position(|&byte| is(byte, ENDER))
            .map_or(self.bytes.len(), |length| at + length)
    }
}

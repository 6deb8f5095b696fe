//! Strings, interpolated strings and characters (01-syntax §3.3, §3.4, §8).

use super::chars::{STRING_STOP, is};
use super::error::{Read, ReadError, span};
use super::form::{Form, FormKind, GeneForm};
use super::reader::{Frame, Kind, Reader};

/// An interpolated string while it is read; its parts wait on the stack of values.
pub(super) struct StringState {
    triple: bool,
    /// Text of the part, as far as it cannot be copied from the source in one go.
    text: String,
    /// Start of the source not yet in `text`.
    run: usize,
    /// Start of the part.
    part: usize,
    /// Behind the last hole or comment, as far back as trimming may look.
    raw: usize,
}

impl StringState {
    /// Goes on with text at `pos`, behind a hole.
    pub(super) fn resume(&mut self, pos: usize) {
        (self.run, self.part, self.raw) = (pos, pos, pos);
    }
}

impl Reader<'_> {
    /// Reads a plain string at the cursor.
    pub(super) fn string(&mut self) -> Read<FormKind> {
        let start = self.pos;
        let triple = self.skip_opening_quotes();
        let raw = self.pos;
        let mut text = String::new();
        let mut run = raw;
        loop {
            self.skip_to_stop(false);
            match self.peek() {
                None => return Err(self.unclosed_string(start)),
                Some(b'\\') => {
                    text.push_str(&self.text[run..self.pos]);
                    self.escape(start, &mut text)?;
                    run = self.pos;
                }
                Some(_) if triple && !self.at_triple() => self.pos += 1,
                Some(_) => break,
            }
        }
        let end = self.pos - self.trailing(triple, raw);
        self.pos += if triple { 3 } else { 1 };
        if run == raw {
            return Ok(FormKind::Str(self.text[raw..end].into()));
        }
        text.push_str(&self.text[run..end]);
        Ok(FormKind::Str(text.into()))
    }

    /// Opens an interpolated string whose `#"` stands at the cursor.
    pub(super) fn open_interpolated(&mut self) -> Read<()> {
        let start = self.pos;
        self.pos += 1;
        let triple = self.skip_opening_quotes();
        let raw = self.pos;
        self.pos = start;
        let state = StringState {
            triple,
            text: String::new(),
            run: raw,
            part: raw,
            raw,
        };
        self.open(Kind::String(Box::new(state)), raw - start)
    }

    /// Reads text of the innermost interpolated string up to a hole or the end. Returns
    /// whether the string ends and stands at top level.
    pub(super) fn string_text(&mut self) -> Read<bool> {
        loop {
            self.skip_to_stop(true);
            let at = self.pos;
            let byte = self.peek();
            let next = self.byte_at(1);
            let Some(Frame {
                kind: Kind::String(state),
                start,
                ..
            }) = self.frames.last_mut()
            else {
                return Ok(false);
            };
            match byte {
                None => {
                    let start = *start;
                    return Err(self.unclosed_string(start));
                }
                Some(b'\\') => {
                    let start = *start;
                    state.text.push_str(&self.text[state.run..at]);
                    let mut text = std::mem::take(&mut state.text);
                    self.escape(start, &mut text)?;
                    self.with_state(|state, pos| (state.text, state.run) = (text, pos));
                }
                Some(b'#') => match next {
                    Some(b'{' | b'(' | b'[') => return self.open_hole().map(|()| false),
                    Some(b'<') => {
                        state.text.push_str(&self.text[state.run..at]);
                        self.skip_block_comment();
                        self.with_state(|state, pos| (state.run, state.raw) = (pos, pos));
                    }
                    _ => self.pos += 1,
                },
                Some(_) if state.triple && !self.at_triple() => self.pos += 1,
                Some(_) => return self.close_interpolated(),
            }
        }
    }

    fn with_state(&mut self, change: impl FnOnce(&mut StringState, usize)) {
        if let Some(Frame {
            kind: Kind::String(state),
            ..
        }) = self.frames.last_mut()
        {
            change(state, self.pos);
        }
    }

    /// Makes a part of the text up to `end`, if there is any.
    fn finish_part(&mut self, end: usize) {
        let Some(Frame {
            kind: Kind::String(state),
            ..
        }) = self.frames.last_mut()
        else {
            return;
        };
        state.text.push_str(&self.text[state.run..end]);
        if !state.text.is_empty() {
            let text = std::mem::take(&mut state.text);
            let span = span(state.part, self.pos);
            self.values.push(Form {
                kind: FormKind::Str(text.into()),
                span,
            });
        }
    }

    fn open_hole(&mut self) -> Read<()> {
        self.finish_part(self.pos);
        match self.byte_at(1) {
            Some(b'(') => self.open(Kind::Gene { sealed: false }, 2),
            Some(b'[') => self.open(Kind::Array { sealed: false }, 2),
            _ => {
                let start = self.pos;
                self.pos += 2;
                self.skip_blank();
                let kind = match self.peek() {
                    Some(b'^') => Kind::Map { sealed: false },
                    _ => Kind::Hole,
                };
                let width = self.pos - start;
                self.pos = start;
                self.open(kind, width)
            }
        }
    }

    fn close_interpolated(&mut self) -> Read<bool> {
        let Some(Frame {
            kind: Kind::String(state),
            ..
        }) = self.frames.last()
        else {
            return Ok(false);
        };
        let triple = state.triple;
        let end = self.pos - self.trailing(triple, state.raw);
        self.finish_part(end);
        self.pos += if triple { 3 } else { 1 };
        let Some(frame) = self.frames.pop() else {
            return Ok(false);
        };
        let span = span(frame.start, self.pos);
        let mut parts = self.values.split_off(frame.base);
        let height = frame.height + 1;
        let text = |form: &Form| matches!(form.kind, FormKind::Str(_));
        let kind = if !parts.iter().all(text) {
            let head = Form {
                kind: FormKind::Symbol("#Str".into()),
                span,
            };
            let gene = GeneForm {
                head,
                props: Vec::new(),
                children: parts,
                sealed: false,
            };
            FormKind::Gene(Box::new(gene))
        } else if parts.len() == 1 {
            parts.swap_remove(0).kind
        } else {
            let texts = parts.iter().filter_map(|part| match &part.kind {
                FormKind::Str(text) => Some(&**text),
                _ => None,
            });
            FormKind::Str(texts.collect::<String>().into())
        };
        self.values.push(Form { kind, span });
        self.accept(height)
    }

    /// Skips `"` or `"""`, and after the latter blanks up to the last line break among them
    /// (`^\s*\n` → `\n`). Returns whether it was three.
    fn skip_opening_quotes(&mut self) -> bool {
        let triple = self.at_triple();
        self.pos += if triple { 3 } else { 1 };
        if triple {
            let rest = &self.bytes[self.pos..];
            let blanks = rest.iter().take_while(|&&byte| is_space(byte)).count();
            let newline = rest[..blanks].iter().rposition(|&byte| byte == b'\n');
            self.pos += newline.unwrap_or(0);
        }
        triple
    }

    /// How many bytes before the cursor a closing triple quote drops (`\n\s*$` → `\n`), not
    /// looking back further than `raw`. They stand for themselves: after an escaped line
    /// break or blank at least that one is kept.
    fn trailing(&self, triple: bool, raw: usize) -> usize {
        if !triple {
            return 0;
        }
        let text = &self.bytes[raw..self.pos];
        let blanks = text
            .iter()
            .rev()
            .take_while(|&&byte| is_space(byte))
            .count();
        let tail = &text[text.len() - blanks..];
        tail.iter()
            .position(|&byte| byte == b'\n')
            .map_or(0, |newline| tail.len() - newline - 1)
    }

    fn at_triple(&self) -> bool {
        self.bytes[self.pos..].starts_with(b"\"\"\"")
    }

    #[inline(always)]
    fn skip_to_stop(&mut self, holes: bool) {
        while let Some(byte) = self.peek() {
            if is(byte, STRING_STOP) || holes && byte == b'#' {
                return;
            }
            self.pos += 1;
        }
    }

    /// Resolves the escape at the cursor, in the string that starts at `start`.
    fn escape(&mut self, start: usize, text: &mut String) -> Read<()> {
        let at = self.pos;
        let Some(byte) = self.byte_at(1) else {
            return Err(self.unclosed_string(start));
        };
        self.pos += 2;
        let c = match byte {
            b'u' => self.unicode_escape(at)?,
            byte if byte.is_ascii() => named_escape(byte),
            _ => {
                let c = self.char_at(at + 1);
                self.pos += c.len_utf8() - 1;
                c
            }
        };
        text.push(c);
        Ok(())
    }

    /// Reads the digits of `\uXXXX`, and a second escape if this is half a surrogate pair.
    fn unicode_escape(&mut self, at: usize) -> Read<char> {
        let mut code = self.four_digits(at)?;
        if (0xd800..0xdc00).contains(&code) && self.bytes[self.pos..].starts_with(b"\\u") {
            self.pos += 2;
            let low = self.four_digits(self.pos - 2)?;
            if (0xdc00..0xe000).contains(&low) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        char::from_u32(code).ok_or_else(|| {
            ReadError::new("Invalid \\u escape: lone surrogate", at, self.pos)
                .hint("characters beyond \\uffff need a pair: \\ud83d\\ude00")
        })
    }

    fn four_digits(&mut self, at: usize) -> Read<u32> {
        let digits = self.bytes.get(self.pos..self.pos + 4).unwrap_or_default();
        let code = digits.iter().try_fold(0, |sum, &digit| {
            Some(sum << 4 | (digit as char).to_digit(16)?)
        });
        match code {
            Some(code) if digits.len() == 4 => {
                self.pos += 4;
                Ok(code)
            }
            _ => Err(ReadError::new("Invalid \\u escape", at, at + 2)
                .hint("four hexadecimal digits follow \\u")),
        }
    }

    #[cold]
    pub(super) fn unclosed_string(&mut self, start: usize) -> Box<ReadError> {
        self.eof = true;
        let suspect = self.suspect();
        let start = suspect.unwrap_or(start);
        let quote = start + usize::from(self.bytes[start] == b'#');
        let triple = self.bytes[quote..].starts_with(b"\"\"\"");
        let end = quote + if triple { 3 } else { 1 };
        let hint = if suspect.is_some() {
            "this string contains lines that look like code: is its closing quote missing?"
        } else if triple {
            "the string is never closed by \"\"\""
        } else {
            "the string is never closed, or the closing quote of one before it is missing"
        };
        ReadError::new("read_string failure: ErrQuoteExpected", start, end).hint(hint)
    }

    /// The first string of the form being read that has a line beginning with a bracket: with a
    /// closing quote missing, strings begin where they should end.
    fn suspect(&self) -> Option<usize> {
        let mut forms: Vec<&Form> = self.values.iter().rev().collect();
        while let Some(form) = forms.pop() {
            let (start, end) = (form.span.start as usize, form.span.end as usize);
            match &form.kind {
                FormKind::Gene(gene) => {
                    forms.extend(gene.children.iter().rev());
                    forms.extend(gene.props.iter().rev().map(|entry| &entry.value));
                    forms.push(&gene.head);
                }
                FormKind::Array(list) | FormKind::HashMap(list) => {
                    forms.extend(list.items.iter().rev());
                }
                FormKind::Map(map) => {
                    forms.extend(map.entries.iter().rev().map(|entry| &entry.value));
                }
                FormKind::Str(_) => {
                    let text = &self.bytes[start..end];
                    let code =
                        |pair: &[u8]| pair[0] == b'\n' && matches!(pair[1], b'(' | b'[' | b'{');
                    if !text.starts_with(b"\"\"\"") && text.windows(2).any(code) {
                        return Some(start);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Reads a character literal at the cursor.
    pub(super) fn character(&mut self) -> Read<FormKind> {
        let start = self.pos;
        self.pos += 1;
        let escaped = self.peek() == Some(b'\\');
        self.pos += usize::from(escaped);
        let value = self.char_at(self.pos);
        self.pos += value.len_utf8();
        if self.pos >= self.bytes.len() {
            self.pos = self.bytes.len();
            self.eof = true;
            return Err(
                ReadError::new("EOF while reading character literal", start, start + 1)
                    .hint("write 'a'; inside a name ' needs a \\ only at the beginning"),
            );
        }
        if self.peek() != Some(b'\'') {
            let got = self.char_at(self.pos);
            let end = self.pos + got.len_utf8();
            let ord = self.bytes[self.pos];
            let message =
                format!("Expected closing ' in character literal, got: {got} (ord: {ord})");
            return Err(ReadError::new(message, start, end).hint("strings have double quotes"));
        }
        self.pos += 1;
        let value = if escaped && value.is_ascii() {
            named_escape(value as u8)
        } else {
            value
        };
        Ok(FormKind::Char(value))
    }
}

/// The character that a backslash before `byte` makes.
fn named_escape(byte: u8) -> char {
    match byte {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        byte => byte as char,
    }
}

/// `\s` of the trimming rules.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

//! Reading a whole text or its first form, and going on after an error.

use super::error::{Read, ReadError, line_column, place};
use super::form::Form;
use super::limits::{MAX_ERRORS, MAX_TEXT};
use super::reader::{Frame, Kind, Reader};

/// What a text contains.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReadResult {
    /// Top-level forms that could be read, in order.
    pub forms: Vec<Form>,
    /// Errors in order of place, at most [`MAX_ERRORS`]. A text with errors means nothing;
    /// the forms are then for finding further errors only.
    pub errors: Vec<ReadError>,
    /// What is no error, but probably not meant.
    pub warnings: Vec<ReadError>,
}

/// Reads all top-level forms of a text.
///
/// After an error it goes on at the next line that starts with an opening bracket.
pub fn read_all(text: &[u8]) -> ReadResult {
    let mut result = ReadResult::default();
    let (valid, invalid) = match valid_prefix(text) {
        Ok(checked) => checked,
        Err(error) => {
            result.errors.push(*error);
            return result;
        }
    };
    let mut reader = Reader::new(valid);
    loop {
        match reader.next_form() {
            Ok(Some(form)) => result.forms.push(form),
            Ok(None) => break,
            // The text ends here only because the rest is not UTF-8.
            Err(_) if reader.eof && invalid.is_some() => break,
            Err(error) => {
                let at = error.span.start as usize;
                result.errors.push(*error);
                if result.errors.len() == MAX_ERRORS {
                    return result;
                }
                reader.recover(at);
            }
        }
    }
    result.errors.extend(invalid);
    result.warnings.extend(reader.open_comment.map(|start| {
        *ReadError::new("the comment is never closed", start, start + 2)
            .hint("everything behind it is part of the comment; close it with >#")
    }));
    result
}

/// Reads the first form of a text; also returns how many bytes were consumed up to its end.
/// What follows is ignored.
///
/// # Errors
/// The first error in the form, or `EOF while reading (line, column)` if there is no form.
pub fn read_one(text: &[u8]) -> Result<(Form, usize), ReadError> {
    let (valid, invalid) = valid_prefix(text).map_err(|error| *error)?;
    let mut reader = Reader::new(valid);
    match reader.next_form() {
        Ok(Some(form)) if reader.pos < valid.len() => Ok((form, reader.pos)),
        Err(error) if !reader.eof => Err(*error),
        other => match (invalid, other) {
            (Some(invalid), _) => Err(invalid),
            (None, Ok(Some(form))) => Ok((form, reader.pos)),
            (None, Err(error)) => Err(*error),
            (None, Ok(None)) => {
                let (line, column) = line_column(valid, valid.len());
                let message = format!("EOF while reading ({line}, {column})");
                Err(*ReadError::new(message, valid.len(), valid.len()))
            }
        },
    }
}

/// The text up to the first byte that is not UTF-8, with the error for that.
fn valid_prefix(text: &[u8]) -> Read<(&str, Option<ReadError>)> {
    check_length(text.len())?;
    match std::str::from_utf8(text) {
        Ok(text) => Ok((text, None)),
        Err(error) => {
            let at = error.valid_up_to();
            let valid = std::str::from_utf8(&text[..at]).unwrap_or_default();
            let (line, column) = line_column(valid, at);
            let message = format!(
                "Invalid UTF-8 at {line}:{column}: byte {at} is 0x{:02x}",
                text[at]
            );
            let error = ReadError::new(message, at, at + 1).hint("save the file as UTF-8");
            Ok((valid, Some(*error)))
        }
    }
}

/// Refuses texts whose offsets do not fit a span.
pub(super) fn check_length(length: usize) -> Read<()> {
    if length > MAX_TEXT {
        let message = format!("Text of {length} bytes is longer than {MAX_TEXT}");
        return Err(ReadError::new(message, 0, 0));
    }
    Ok(())
}

impl Reader<'_> {
    /// Gives up the form with an error at byte `at` and moves to where the next may start.
    fn recover(&mut self, at: usize) {
        let stray = self.frames.is_empty() && matches!(self.peek(), Some(b')' | b']' | b'}'));
        let (open, failed, eof) = (self.frames.len(), self.pos, self.eof);
        self.frames.clear();
        self.values.clear();
        self.eof = false;
        if stray {
            self.skip_closers();
            return;
        }
        let from = at.max(self.top);
        self.pos = self.line_with_bracket(from).unwrap_or(self.bytes.len());
        // Brackets left open may still be closed in the text to come, which is no new error.
        // A text that is too short has no closer to spare.
        let closed = self.bytes.get(failed..self.pos).map_or(0, net_closers);
        let left = if eof {
            usize::MAX
        } else {
            open.saturating_sub(closed)
        };
        self.forgiven = self.forgiven.saturating_add(left);
    }

    /// The next opening bracket in column 1 behind byte `from`.
    fn line_with_bracket(&self, from: usize) -> Option<usize> {
        let opens = |pair: &[u8]| pair[0] == b'\n' && matches!(pair[1], b'(' | b'[' | b'{');
        self.bytes[from..]
            .windows(2)
            .position(opens)
            .map(|length| from + length + 1)
    }

    fn skip_closers(&mut self) {
        while let Some(b')' | b']' | b'}') = self.peek() {
            self.pos += 1;
        }
    }

    /// A closer at top level: an error unless it belongs to a form that was given up.
    pub(super) fn stray_closer(&mut self, byte: u8) -> Read<()> {
        if self.forgiven > 0 {
            self.forgiven -= 1;
            self.pos += 1;
            return Ok(());
        }
        let message = format!("Unmatched delimiter: {}", byte as char);
        Err(ReadError::new(message, self.pos, self.pos + 1).hint("nothing is open here"))
    }

    /// A closer that does not fit what is open.
    #[cold]
    pub(super) fn wrong_closer(&self, byte: u8) -> Box<ReadError> {
        let closer = byte as char;
        let error = |message: String| ReadError::new(message, self.pos, self.pos + 1);
        let Some(frame) = self.frames.last() else {
            return error(format!("Unmatched delimiter: {closer}"));
        };
        let sign = self.sign(frame);
        match frame.kind {
            Kind::Quote | Kind::Unquote { .. } | Kind::Decorate => {
                error(format!("Expect form after {sign}"))
                    .hint(format!("write \\{sign} for a symbol of that name"))
            }
            Kind::Hole if byte == b'}' => error("Expect form in #{}".to_owned())
                .hint("write \\#{} for these characters themselves"),
            _ => error(format!("Unmatched delimiter: {closer}")).hint(format!(
                "{sign} opened at {} is closed by {}",
                place(self.text, frame.start),
                closer_of(&frame.kind)
            )),
        }
    }

    /// The text ends while something is open.
    #[cold]
    pub(super) fn unclosed(&mut self) -> Box<ReadError> {
        self.eof = true;
        // A bracket in column 1 inside the form shows which one before it lacks its closer.
        let next = self.line_with_bracket(self.top);
        let before = |next: usize| self.frames.iter().rposition(|frame| frame.start < next);
        let culprit = next.and_then(before).unwrap_or(self.frames.len() - 1);
        let error = self.unclosed_at(culprit);
        let hint = match (self.open_comment, next) {
            (Some(comment), _) => format!(
                "the comment opened at {} is never closed",
                place(self.text, comment)
            ),
            (None, Some(next)) => format!(
                "{} opened at {} is not closed before {}, where a new form seems to start",
                self.sign(&self.frames[culprit]),
                place(self.text, self.frames[culprit].start),
                place(self.text, next)
            ),
            (None, None) => format!(
                "{} opened at {} is never closed",
                self.sign(&self.frames[culprit]),
                place(self.text, self.frames[culprit].start)
            ),
        };
        error.hint(hint)
    }

    /// The error that frame `index` is not closed.
    #[cold]
    pub(super) fn unclosed_at(&self, index: usize) -> Box<ReadError> {
        let frame = &self.frames[index];
        let message = match frame.kind {
            Kind::Gene { .. } | Kind::Array { .. } => {
                format!("EOF while reading list {}", closer_of(&frame.kind))
            }
            Kind::Map { .. } | Kind::HashMap { .. } => {
                format!("EOF while reading map {}", closer_of(&frame.kind))
            }
            Kind::Hole => "EOF while reading hole }".to_owned(),
            Kind::String(_) => "read_string failure: ErrQuoteExpected".to_owned(),
            _ => format!("EOF while reading form after {}", self.sign(frame)),
        };
        ReadError::new(message, frame.start, frame.start + self.sign(frame).len())
    }

    /// The signs that open a frame.
    fn sign(&self, frame: &Frame) -> &str {
        if matches!(frame.kind, Kind::Hole) {
            return "#{";
        }
        let rest = &self.text[frame.start..];
        let signs = ["#\"\"\"", "#{{", "#\"", "#(", "#[", "#{", "#@", "{{", "%_"];
        signs
            .into_iter()
            .find(|sign| rest.starts_with(sign))
            .unwrap_or(&rest[..1])
    }
}

/// By how many more brackets are closed than opened, roughly: strings are not looked for.
fn net_closers(text: &[u8]) -> usize {
    let count = |set: &[u8]| text.iter().filter(|byte| set.contains(byte)).count();
    count(b")]}").saturating_sub(count(b"([{"))
}

fn closer_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Gene { .. } => ")",
        Kind::Array { .. } => "]",
        Kind::HashMap { .. } => "}}",
        Kind::Map { .. } | Kind::Hole => "}",
        _ => "a form",
    }
}

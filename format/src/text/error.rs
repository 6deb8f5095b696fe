//! Errors of the reader. Their texts are fixed by 01-syntax §12.

use super::Span;

/// Why a text cannot be read, and where.
///
/// The message does not repeat the place, which whoever prints it adds.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What could be written instead, or where the cause may be.
    pub hint: Option<String>,
}

/// What reading gives inside the reader: the error is boxed, so that the usual result fits in
/// registers.
pub(super) type Read<T> = Result<T, Box<ReadError>>;

impl ReadError {
    /// An error at the bytes from `start` to `end`, end exclusive.
    #[cold]
    pub(super) fn new(message: impl Into<String>, start: usize, end: usize) -> Box<Self> {
        let span = span(start, end.max(start));
        Box::new(Self {
            message: message.into(),
            span,
            hint: None,
        })
    }

    /// The same error with a hint.
    #[cold]
    pub(super) fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }
}

/// The one place where offsets shrink to 32 bits; texts are at most `MAX_TEXT` long.
#[inline(always)]
pub(super) fn span(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        end: end as u32,
    }
}

/// Line and column (from 1, in characters) of byte `at`, for errors only: it counts.
#[cold]
pub(super) fn line_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.bytes().filter(|&byte| byte == b'\n').count();
    (line, 1 + before[line_start..].chars().count())
}

/// `3:14`, as hints name a place.
#[cold]
pub(super) fn place(text: &str, at: usize) -> String {
    let (line, column) = line_column(text, at);
    format!("{line}:{column}")
}

//! Excerpts of the source with the place underlined.

use super::{Severity, put};
use crate::source::{Place, SourceMap, is_continuation};

/// Characters shown before the place in a line that is too long, and in all.
const BEFORE: usize = 40;
const SHOWN: usize = 100;

/// Puts colours around text, or does not.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    pub(super) colour: bool,
    pub(super) severity: Severity,
}

impl Paint {
    pub(super) fn severity(self, text: &str) -> String {
        let code = match self.severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;36",
        };
        self.with(code, text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn frame(self, text: &str) -> String {
        self.with("1;34", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Width of the line number of a place.
pub(super) fn line_width(sources: &SourceMap, place: Place) -> usize {
    sources
        .location(place.file, place.start)
        .line
        .to_string()
        .len()
}

/// Appends place and excerpt; the main one has an arrow and carets.
pub(super) fn write(
    out: &mut String,
    sources: &SourceMap,
    place: Place,
    message: Option<&str>,
    margin: usize,
    main: bool,
    paint: Paint,
) {
    let location = sources.location(place.file, place.start);
    let arrow = paint.frame(if main { "-->" } else { ":::" });
    let name = printable(sources.name(place.file));
    put(
        out,
        format_args!("\n{:margin$}{arrow} {name}:{location}", ""),
    );
    let window = Window::new(sources, place, location.line);
    let number = paint.frame(&format!("{:>margin$}", location.line));
    let bar = paint.frame("|");
    put(out, format_args!("\n{:margin$} {bar}\n{number} {bar}", ""));
    if !window.text.is_empty() {
        put(out, format_args!(" {}", window.text));
    }
    let marks = if main { "^" } else { "-" }.repeat(window.width);
    let marks = if main {
        paint.severity(&marks)
    } else {
        paint.frame(&marks)
    };
    put(
        out,
        format_args!(
            "\n{:margin$} {bar} {:indent$}{marks}",
            "",
            "",
            indent = window.indent
        ),
    );
    if let Some(message) = message.map(printable) {
        put(
            out,
            format_args!(
                " {}",
                if main {
                    paint.severity(&message)
                } else {
                    message
                }
            ),
        );
    }
}

/// The part of a line that is shown.
struct Window {
    text: String,
    /// Screen columns before the place, and of it.
    indent: usize,
    width: usize,
}

impl Window {
    /// Looks at the bytes shown only, however long the line.
    fn new(sources: &SourceMap, place: Place, line: u32) -> Self {
        let range = sources.line_range(place.file, line);
        let bytes = &sources.text(place.file)[range.clone()];
        let start = (place.start as usize).clamp(range.start, range.end) - range.start;
        let end = (place.end as usize).clamp(range.start + start, range.end) - range.start;
        let cut = back(bytes, start, BEFORE);
        // A line that fits is shown from its start.
        let from = if forward(bytes, 0, SHOWN) == bytes.len() {
            0
        } else {
            cut
        };
        let to = forward(bytes, from, SHOWN);
        let shown = |from: usize, to: usize| printable(&String::from_utf8_lossy(&bytes[from..to]));
        let before = shown(from, start);
        let marked = shown(start, end.min(to));
        let after = shown(end.min(to), to);
        let left = if from > 0 { "…" } else { "" };
        let right = if to < bytes.len() { "…" } else { "" };
        Self {
            indent: columns(left) + columns(&before),
            width: columns(&marked).max(1),
            text: format!("{left}{before}{marked}{after}{right}")
                .trim_end()
                .to_owned(),
        }
    }
}

/// The start of the `count`-th character before byte `at`.
fn back(bytes: &[u8], mut at: usize, count: usize) -> usize {
    for _ in 0..count {
        if at == 0 {
            break;
        }
        at -= 1;
        while at > 0 && is_continuation(bytes[at]) {
            at -= 1;
        }
    }
    at
}

/// One past the `count`-th character from byte `at`.
fn forward(bytes: &[u8], mut at: usize, count: usize) -> usize {
    for _ in 0..count {
        if at >= bytes.len() {
            break;
        }
        at += 1;
        while at < bytes.len() && is_continuation(bytes[at]) {
            at += 1;
        }
    }
    at
}

/// Text that cannot move the cursor or reorder what is shown: a tab becomes blanks, other
/// control characters a replacement character.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The same for text of several lines.
pub(super) fn printable_lines(text: &str) -> String {
    text.split('\n')
        .map(printable)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Columns that terminals give to a text, for the ranges that programs contain.
fn columns(text: &str) -> usize {
    let width = |c: char| match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    };
    text.chars().map(width).sum()
}

//! Diagnostics: what the compiler has to say about a program, and three ways to print it.
//!
//! The compiler collects and goes on. Nothing here decides whether output is coloured or
//! where it goes.

use std::borrow::Cow;
use std::fmt::Write;

use gene_format::text::ReadError;

use crate::source::{FileId, Place, SourceMap};

mod excerpt;

/// Code of what the reader reports.
pub const SYNTAX: &str = "GENE.SYNTAX.ERROR";

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The program is not compiled.
    Error,
    /// It is, but perhaps not as meant.
    Warning,
    /// For information.
    Note,
}

impl Severity {
    /// In lower case, as all formats print it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A second place that matters, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there.
    pub message: String,
}

/// One message about the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name of the kind of problem, such as `GENE.SYNTAX.ERROR`.
    pub code: Cow<'static, str>,
    /// What is wrong, without the place.
    pub message: String,
    /// Where; unknown for problems with files and options.
    pub place: Option<Place>,
    /// Further places.
    pub labels: Vec<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// What could be written instead.
    pub hints: Vec<String>,
    /// Words for tools that repair programs.
    pub repair_tags: Vec<Cow<'static, str>>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        place: Place,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            message: message.into(),
            place: Some(place),
            labels: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
            repair_tags: vec!["compile".into()],
        }
    }

    /// A warning at a place.
    pub fn warning(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        place: Place,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message, place)
        }
    }

    /// An error that no place in a source text is to blame for.
    pub fn without_place(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let nowhere = Place {
            file: FileId(0),
            start: 0,
            end: 0,
        };
        Self {
            place: None,
            ..Self::error(code, message, nowhere)
        }
    }

    /// What the reader found wrong in `file`.
    pub fn from_read_error(file: FileId, error: ReadError) -> Self {
        let mut diagnostic = Self::error(SYNTAX, error.message, Place::new(file, error.span));
        diagnostic.hints.extend(error.hint);
        diagnostic.repair_tags = vec!["syntax".into()];
        diagnostic
    }

    /// Adds a further place.
    pub fn label(mut self, place: Place, message: impl Into<String>) -> Self {
        self.labels.push(Label {
            place,
            message: message.into(),
        });
        self
    }

    /// Adds a fact.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what could be written instead.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// The diagnostics of one compilation.
#[derive(Clone, Default, Debug)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, unless it repeats the one before.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.last() != Some(&diagnostic) {
            self.errors += usize::from(diagnostic.severity == Severity::Error);
            self.list.push(diagnostic);
        }
    }

    /// Whether the program must not be compiled.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many are errors.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All in order of reporting.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// The errors in order of reporting.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        let is_error = |one: &&Diagnostic| one.severity == Severity::Error;
        self.list.iter().filter(is_error)
    }

    /// Puts them in order of file and place, those without a place first.
    pub fn sort(&mut self) {
        self.list
            .sort_by_key(|one| one.place.map(|place| (place.file, place.start)));
    }

    /// All in one text, each ending with a line break.
    pub fn render(&self, sources: &SourceMap, format: Format) -> String {
        self.list
            .iter()
            .map(|one| one.render(sources, format) + "\n")
            .collect()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        diagnostics.into_iter().for_each(|one| self.push(one));
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// How to print diagnostics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people: message, place, excerpt, hints; several lines.
    Text {
        /// With ANSI colours.
        colour: bool,
    },
    /// For tools: one JSON object on one line.
    Json,
    /// `Error: {^message … }` on one line (language/09-errors.md §4).
    Gene,
}

impl Diagnostic {
    /// The diagnostic as text without a line break at the end.
    pub fn render(&self, sources: &SourceMap, format: Format) -> String {
        match format {
            Format::Text { colour } => self.text(sources, colour),
            Format::Json => self.json(sources),
            Format::Gene => self.gene(sources),
        }
    }

    fn text(&self, sources: &SourceMap, colour: bool) -> String {
        let paint = excerpt::Paint {
            colour,
            severity: self.severity,
        };
        let mut out = String::new();
        let name = paint.severity(self.severity.name());
        let message = excerpt::printable_lines(&self.message);
        put(
            &mut out,
            format_args!("{name}{}", paint.bold(&format!(": {message}"))),
        );
        let labels = self
            .labels
            .iter()
            .map(|label| (label.place, Some(label.message.as_str())));
        let places: Vec<_> = self
            .place
            .map(|place| (place, None))
            .into_iter()
            .chain(labels)
            .collect();
        let margin = places
            .iter()
            .map(|(place, _)| excerpt::line_width(sources, *place))
            .max();
        let margin = margin.unwrap_or(0);
        for (at, (place, message)) in places.iter().enumerate() {
            let main = at == 0 && self.place.is_some();
            excerpt::write(&mut out, sources, *place, *message, margin, main, paint);
        }
        let notes = self.notes.iter().map(|note| ("note", note));
        for (kind, text) in notes.chain(self.hints.iter().map(|hint| ("hint", hint))) {
            let text = excerpt::printable_lines(text);
            let bar = paint.frame("=");
            put(
                &mut out,
                format_args!("\n{:margin$} {bar} {}: {text}", "", paint.bold(kind)),
            );
        }
        out
    }

    /// Keys as in the error text of 09-errors §4, then what only the compiler knows.
    fn json(&self, sources: &SourceMap) -> String {
        let place = PlaceText::new(sources, self.place);
        let labels = list(&self.labels, ",", |label| {
            let place = PlaceText::new(sources, Some(label.place)).json();
            format!(r#"{{"span":{place},"message":{}}}"#, quote(&label.message))
        });
        format!(
            concat!(
                r#"{{"code":{},"severity":"{}","stage":"compile","span":{},"message":{},"#,
                r#""hints":{},"repair_tags":{},"notes":{},"labels":{}}}"#
            ),
            quote(&self.code),
            self.severity.name(),
            place.json(),
            quote(&self.message),
            list(&self.hints, ",", |hint| quote(hint)),
            list(&self.repair_tags, ",", |tag| quote(tag)),
            list(&self.notes, ",", |note| quote(note)),
            labels,
        )
    }

    fn gene(&self, sources: &SourceMap) -> String {
        let place = PlaceText::new(sources, self.place);
        format!(
            concat!(
                r#"{}: {{^message {} ^code {} ^severity "{}" ^stage "compile" "#,
                r#"^span {{^file {} ^line {} ^column {}}} ^hints {} ^repair_tags {}}}"#
            ),
            match self.severity {
                Severity::Error => "Error",
                Severity::Warning => "Warning",
                Severity::Note => "Note",
            },
            quote(&self.message),
            quote(&self.code),
            self.severity.name(),
            quote(place.file),
            place.start.0,
            place.start.1,
            list(&self.hints, " ", |hint| quote(hint)),
            list(&self.repair_tags, " ", |tag| quote(tag)),
        )
    }
}

/// A place as tools see it; an unknown one is `"" 0 0`.
struct PlaceText<'a> {
    file: &'a str,
    start: (u32, u32),
    end: (u32, u32),
}

impl<'a> PlaceText<'a> {
    fn new(sources: &'a SourceMap, place: Option<Place>) -> Self {
        let Some(Place { file, start, end }) = place else {
            return Self {
                file: "",
                start: (0, 0),
                end: (0, 0),
            };
        };
        let pair = |offset| {
            let location = sources.location(file, offset);
            (location.line, location.column)
        };
        Self {
            file: sources.name(file),
            start: pair(start),
            end: pair(end),
        }
    }

    fn json(&self) -> String {
        let ((line, column), (end_line, end_column)) = (self.start, self.end);
        format!(
            concat!(
                r#"{{"file":{},"line":{},"column":{},"#,
                r#""end_line":{},"end_column":{}}}"#
            ),
            quote(self.file),
            line,
            column,
            end_line,
            end_column
        )
    }
}

/// A string literal of JSON, which is one of Gene too.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list<T>(items: &[T], separator: &str, show: impl Fn(&T) -> String) -> String {
    format!(
        "[{}]",
        items.iter().map(show).collect::<Vec<_>>().join(separator)
    )
}

fn put(out: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(args);
}

#[cfg(test)]
mod tests;

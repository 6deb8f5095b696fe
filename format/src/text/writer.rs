//! From forms to text that reads back to equal forms (spans aside).
//!
//! A few forms that can be built have no spelling, and the reader makes none of them: an empty
//! symbol or key, a path of fewer than two parts or of two empty ones, an infinite or missing
//! number ([`write_form`] chooses a symbol or an overflowing literal), a replacement with
//! blanks in a regex, and a temporal value that is out of range or mixes a date without time
//! with a zone.

use std::fmt::Write;
use std::slice;

use super::chars::{DIGIT, ENDER, is};
use super::form::{Entries, Entry, Form, FormKind, GeneForm, RegexForm, Temporal, Word};

/// Writes a form as source text on one line.
///
/// ```
/// use gene_format::text::{read_one, write_form};
/// let (form, _) = read_one(b"(f 1 ^a^b 2 \"x\\ty\" )").unwrap();
/// assert_eq!(write_form(&form), r#"(f ^a {^b 2} 1 "x\ty")"#);
/// ```
pub fn write_form(form: &Form) -> String {
    let mut out = String::new();
    write_into(&mut out, form);
    out
}

/// Writes each form on a line of its own.
pub fn write_forms(forms: &[Form]) -> String {
    let mut out = String::new();
    for form in forms {
        write_into(&mut out, form);
        out.push('\n');
    }
    out
}

/// Where a form stands, which decides about escapes at its start.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Where `^` starts a symbol.
    Free,
    /// Where it starts a prop: a child or the value of a prop.
    AfterProp,
    /// After `%`.
    AfterPercent,
}

/// What is left to write; a stack of these replaces recursion.
enum Task<'a> {
    Form(&'a Form, Place),
    /// Forms, each after a blank unless it is the first (`true`).
    Forms(slice::Iter<'a, Form>, Place, bool),
    /// Props, likewise.
    Props(slice::Iter<'a, Entry>, bool),
    Text(&'static str),
}

fn write_into(out: &mut String, form: &Form) {
    let mut tasks = vec![Task::Form(form, Place::Free)];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Text(text) => out.push_str(text),
            Task::Form(form, place) => write_start(out, &mut tasks, form, place),
            Task::Forms(mut forms, place, first) => {
                if let Some(form) = forms.next() {
                    separate(out, first);
                    tasks.extend([Task::Forms(forms, place, false), Task::Form(form, place)]);
                }
            }
            Task::Props(mut props, first) => {
                if let Some(entry) = props.next() {
                    separate(out, first);
                    tasks.push(Task::Props(props, false));
                    write_prop(out, &mut tasks, entry);
                }
            }
        }
    }
}

fn separate(out: &mut String, first: bool) {
    if !first {
        out.push(' ');
    }
}

fn write_prop<'a>(out: &mut String, tasks: &mut Vec<Task<'a>>, entry: &'a Entry) {
    let sign = match entry.value.kind {
        FormKind::Bool(true) => "^^",
        FormKind::Nil => "^!",
        _ => "^",
    };
    out.push_str(sign);
    write_key(out, &entry.key);
    if sign == "^" {
        out.push(' ');
        tasks.push(Task::Form(&entry.value, Place::AfterProp));
    }
}

/// Writes an atom, or the opening of anything else, leaving the rest to `tasks`.
fn write_start<'a>(out: &mut String, tasks: &mut Vec<Task<'a>>, form: &'a Form, place: Place) {
    match &form.kind {
        FormKind::Nil => out.push_str("nil"),
        FormKind::Void => out.push_str("void"),
        FormKind::Bool(true) => out.push_str("true"),
        FormKind::Bool(false) => out.push_str("false"),
        FormKind::Int(value) => put(out, format_args!("{value}")),
        FormKind::Float(value) => write_float_literal(out, *value),
        FormKind::Char(value) => write_char(out, *value),
        FormKind::Str(value) => write_string(out, value),
        FormKind::Symbol(name) => write_symbol(out, name, place),
        FormKind::Path(parts) => write_path(out, parts, place),
        FormKind::Bytes(bytes) => out.push_str(&format_bytes(bytes)),
        FormKind::Temporal(temporal) => out.push_str(&format_temporal(temporal)),
        FormKind::Regex(regex) => write_regex(out, regex),
        FormKind::Array(array) => {
            out.push_str(if array.sealed { "#[" } else { "[" });
            tasks.push(Task::Text("]"));
            tasks.push(Task::Forms(array.items.iter(), Place::Free, true));
        }
        FormKind::HashMap(map) => {
            out.push_str(if map.sealed { "#{{" } else { "{{" });
            tasks.push(Task::Text("}}"));
            tasks.push(Task::Forms(map.items.iter(), Place::Free, true));
        }
        FormKind::Map(Entries { entries, sealed }) => {
            out.push_str(if *sealed { "#{" } else { "{" });
            tasks.push(Task::Text("}"));
            tasks.push(Task::Props(entries.iter(), true));
        }
        FormKind::Gene(gene) => write_gene(out, tasks, gene),
        FormKind::Quote(form) => {
            out.push('`');
            tasks.push(Task::Form(form, Place::Free));
        }
        FormKind::Unquote { form, discard } => {
            out.push_str(if *discard { "%_" } else { "%" });
            tasks.push(Task::Form(form, Place::AfterPercent));
        }
    }
}

fn write_gene<'a>(out: &mut String, tasks: &mut Vec<Task<'a>>, gene: &'a GeneForm) {
    out.push_str(if gene.sealed { "#(" } else { "(" });
    tasks.push(Task::Text(")"));
    if gene.head.kind == FormKind::Nil && gene.props.is_empty() && gene.children.is_empty() {
        return;
    }
    tasks.push(Task::Forms(gene.children.iter(), Place::AfterProp, false));
    tasks.push(Task::Props(gene.props.iter(), false));
    tasks.push(Task::Form(&gene.head, Place::Free));
}

fn put(out: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(args);
}

/// Infinities are written as literals that overflow to them.
fn write_float_literal(out: &mut String, value: f64) {
    match value {
        f64::INFINITY => out.push_str("1e999"),
        f64::NEG_INFINITY => out.push_str("-1e999"),
        _ => out.push_str(&format_float(value)),
    }
}

/// The printed form of a float (02-types §8.1): the fewest digits that read back to it.
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 || (1e-7..1e17).contains(&size) {
        let mut text = format!("{value}");
        if !text.contains('.') {
            text.push_str(".0");
        }
        return text;
    }
    let mut text = format!("{value:e}");
    if let Some(at) = text.find('e').filter(|&at| text.as_bytes()[at + 1] != b'-') {
        text.insert(at + 1, '+');
    }
    text
}

/// The printed form of bytes (01-syntax §3.5): `0#` and lower-case hexadecimal digits.
pub fn format_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 + 2 * bytes.len());
    out.push_str("0#");
    for &byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    out
}

/// The printed form of a date or time (02-types §8.2).
pub fn format_temporal(temporal: &Temporal) -> String {
    let mut out = String::new();
    if let Some((year, month, day)) = temporal.date {
        put(&mut out, format_args!("{year:04}-{month:02}-{day:02}"));
    }
    let Some((hour, minute, second, micros)) = temporal.time else {
        return out;
    };
    if temporal.date.is_some() {
        out.push('T');
    }
    put(&mut out, format_args!("{hour:02}:{minute:02}"));
    let zoned = temporal.offset.is_some() || temporal.zone.is_some();
    if second != 0 || micros != 0 || zoned {
        put(&mut out, format_args!(":{second:02}"));
    }
    if micros != 0 {
        let digits = format!("{micros:06}");
        put(&mut out, format_args!(".{}", digits.trim_end_matches('0')));
    }
    match temporal.offset {
        Some(0) => out.push('Z'),
        Some(minutes) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, minutes) = (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
            put(&mut out, format_args!("{sign}{hours:02}:{minutes:02}"));
        }
        None => {}
    }
    if let Some(zone) = &temporal.zone {
        put(&mut out, format_args!("[{zone}]"));
    }
    out
}

fn write_string(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c => write_text_char(out, c),
        }
    }
    out.push('"');
}

/// A character of a string; control characters as escapes.
fn write_text_char(out: &mut String, c: char) {
    match named_escape(c) {
        Some(letter) => out.extend(['\\', letter]),
        None if c.is_control() => put(out, format_args!("\\u{:04x}", u32::from(c))),
        None => out.push(c),
    }
}

fn write_char(out: &mut String, c: char) {
    out.push('\'');
    match named_escape(c) {
        Some(letter) => out.extend(['\\', letter]),
        None if matches!(c, '\'' | '\\') => out.extend(['\\', c]),
        // There is no escape for other control characters here.
        None => out.push(c),
    }
    out.push('\'');
}

fn named_escape(c: char) -> Option<char> {
    Some(match c {
        '\n' => 'n',
        '\t' => 't',
        '\r' => 'r',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        _ => return None,
    })
}

fn write_regex(out: &mut String, regex: &RegexForm) {
    out.push_str("#/");
    for segment in [Some(&regex.pattern), regex.replacement.as_ref()]
        .into_iter()
        .flatten()
    {
        for c in segment.chars() {
            if matches!(c, '/' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('/');
    }
    out.push_str(if regex.ignore_case { "i" } else { "" });
    out.push_str(if regex.dot_all { "m" } else { "" });
}

fn write_symbol(out: &mut String, name: &str, place: Place) {
    if matches!(name, "%" | "%=" | "/" | "/=") {
        out.push_str(name);
        return;
    }
    let constant = matches!(name, "nil" | "void" | "true" | "false");
    if constant || starts_like_other(name, place) {
        out.push('\\');
        write_escaped_start(out, name);
    } else {
        write_escaped(out, name, b'/');
    }
}

fn write_path(out: &mut String, parts: &[Word], place: Place) {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push('/');
        }
        let assignment = at == 1 && parts.len() == 2 && parts[0].is_empty() && &**part == "=";
        if assignment || at == 0 && starts_like_other(part, place) {
            out.push('\\');
            write_escaped_start(out, part);
        } else {
            write_escaped(out, part, b'/');
        }
    }
}

fn write_key(out: &mut String, key: &str) {
    if key.starts_with('!') {
        out.push('\\');
    }
    write_escaped(out, key, b'^');
}

/// Whether a word with this first part would be read as something else at its start.
fn starts_like_other(name: &str, place: Place) -> bool {
    if name.starts_with('\u{feff}') {
        // At the start of a text it would be a byte order mark.
        return true;
    }
    let bytes = name.as_bytes();
    let second = bytes.get(1).copied();
    match bytes.first() {
        Some(b'\'' | b'0'..=b'9') => true,
        Some(b'+' | b'-') => second.is_some_and(|byte| is(byte, DIGIT)),
        Some(b'#') => matches!(second, None | Some(b'#' | b'!' | b'<' | b'/' | b'@')),
        Some(b'^') => place == Place::AfterProp,
        Some(b'_' | b'=') => place == Place::AfterPercent,
        _ => false,
    }
}

/// Writes a word whose first character a backslash already protects.
fn write_escaped_start(out: &mut String, word: &str) {
    let mut chars = word.chars();
    out.extend(chars.next());
    write_escaped(out, chars.as_str(), b'/');
}

/// Writes part of a word, with a backslash before what would end it, and before `special`.
fn write_escaped(out: &mut String, word: &str, special: u8) {
    for c in word.chars() {
        if c.is_ascii() && (is(c as u8, ENDER) || c == '\\' || c as u8 == special) {
            out.push('\\');
        }
        out.push(c);
    }
}

//! One check per rule of 01-syntax, and of 02-types §8 for the writer.

mod errors;
mod limits;
mod literals;
mod random;
mod structure;

use super::*;

/// Reads a text without errors and compares it, as the writer spells it, form by form.
#[track_caller]
fn check(input: &str, expected: &str) {
    let read = read_all(input.as_bytes());
    assert_eq!(read.errors, [], "errors in {input}");
    let written: Vec<_> = read.forms.iter().map(write_form).collect();
    assert_eq!(written.join(" "), expected, "reading {input}");
    for (form, text) in read.forms.iter().zip(&written) {
        assert!(form.same_data(&only(text)), "reading back {text}");
    }
}

/// Checks the first error: its message and the text it points at.
#[track_caller]
fn check_error(input: &str, message: &str, at: &str) {
    let read = read_all(input.as_bytes());
    let Some(error) = read.errors.first() else {
        panic!("no error in {input}: {:?}", read.forms)
    };
    assert_eq!(error.message, message, "reading {input}");
    let (start, end) = (error.span.start as usize, error.span.end as usize);
    assert_eq!(&input[start..end], at, "place of: {message}");
}

/// Checks that these are the errors, in order, by message.
#[track_caller]
fn check_errors(input: &str, messages: &[&str]) {
    let read = read_all(input.as_bytes());
    let found: Vec<_> = read
        .errors
        .iter()
        .map(|error| error.message.as_str())
        .collect();
    assert_eq!(found, messages, "reading {input}");
}

#[track_caller]
fn hint(input: &str) -> String {
    let read = read_all(input.as_bytes());
    let Some(error) = read.errors.first() else {
        panic!("no error in {input}")
    };
    error.hint.clone().unwrap_or_default()
}

/// The only form of a text.
#[track_caller]
fn only(input: &str) -> Form {
    let read = read_all(input.as_bytes());
    assert_eq!(read.errors, [], "errors in {input}");
    let mut forms = read.forms;
    assert_eq!(forms.len(), 1, "forms in {input}");
    forms.remove(0)
}

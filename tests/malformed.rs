//! Malformed sources of every kind: the compiler ends in time with a message that has a place;
//! it neither panics nor runs out of stack.
//!
//! `GENE_MALFORMED_FULL=1` takes the sizes of real trouble: a million brackets, a line and a token
//! of 100 MB. Usual sizes are a hundredth of that.

use gene_aot::{Output, Scratch, number_from_env, programs, run_within};
use std::process::Command;
use std::time::Duration;

/// Much more than any of the sources takes, and much less than a pass that is not linear.
const LIMIT: Duration = Duration::from_secs(100);

/// A number of repetitions, by what `GENE_MALFORMED_FULL` says.
fn many(full: usize) -> usize {
    match number_from_env("GENE_MALFORMED_FULL", 0) {
        0 => full / 100,
        _ => full,
    }
}

fn compile(text: &[u8]) -> Output {
    let scratch = Scratch::new();
    scratch.write("bad.gene", text);
    let mut command = Command::new(&programs().compile);
    run_within(command.current_dir(scratch.path()).arg("bad.gene"), LIMIT)
}

/// The source has an error at this place, with this message.
#[track_caller]
fn refused(text: impl AsRef<[u8]>, place: &str, message: &str) {
    let output = compile(text.as_ref());
    let mut lines = output.err.lines();
    let (first, second) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let places = second.trim_start() == format!("--> bad.gene:{place}");
    let ok = output.code == Some(1) && first == format!("error: {message}") && places;
    assert!(ok, "not `{message}` at {place}: {}", output.describe());
    assert!(
        output.err.len() < 20_000,
        "{} bytes of messages",
        output.err.len()
    );
}

/// The source is no mistake.
#[track_caller]
fn accepted(text: impl AsRef<[u8]>) {
    compile(text.as_ref()).expect(0);
}

#[test]
fn nesting() {
    let deep = "Nested deeper than 1000 levels";
    for count in [10_000, many(1_000_000)] {
        for (open, column) in [
            ("(", 1_001),
            ("[", 1_001),
            ("`", 1_001),
            ("%", 1_001),
            ("{{", 2_001),
            ("{^a ", 4_001),
            ("#@f ", 4_001),
            ("#\"#{", 4_001),
            ("#\"#(f ", 6_001 - 3_000),
            ("(1 + ", 5_001),
        ] {
            refused(open.repeat(count), &format!("1:{column}"), deep);
        }
        for (open, close) in [("(", ")"), ("[", "]"), ("#\"#{", "}\"")] {
            let text = open.repeat(count) + &close.repeat(count);
            let column = 1_000 * open.len() + 1;
            refused(text, &format!("1:{column}"), deep);
        }
        refused("(\n".repeat(count), "1001:1", deep);
        refused(format!("{{{} 1}}", "^a".repeat(count)), "1:2", deep);
    }
}

#[test]
fn unbalanced() {
    refused("(a", "1:1", "EOF while reading list )");
    refused(")".repeat(many(1_000_000)), "1:1", "Unmatched delimiter: )");
    refused(
        "(]\n".repeat(many(1_000_000)),
        "1:2",
        "Unmatched delimiter: ]",
    );
    let quotes = "\"".repeat(2 * many(1_000_000) + 1);
    let output = compile(quotes.as_bytes());
    output.expect(1);
    assert!(
        output.err.contains("ErrQuoteExpected"),
        "{}",
        output.describe()
    );
    refused(
        "'ab'",
        "1:1",
        "Expected closing ' in character literal, got: b (ord: 98)",
    );
    refused("a\\", "1:2", "EOF after \\");
    refused("(x #/abc", "1:4", "EOF while reading regex");
}

#[test]
fn comments_end_with_the_text() {
    accepted("#<".repeat(many(1_000_000)));
    accepted("#< ".repeat(many(1_000_000)) + &">#".repeat(many(1_000_000)));
}

#[test]
fn characters() {
    let lone = "Invalid \\u escape: lone surrogate";
    refused(r#""\ud800""#, "1:2", lone);
    refused(r#"(a "\udc00x")"#, "1:5", lone);
    refused(r#""\ud83d\ud83d""#, "1:2", lone);
    refused(r#""\u12g4""#, "1:2", "Invalid \\u escape");
    refused(b"(a \xff)", "1:4", "Invalid UTF-8 at 1:4: byte 3 is 0xff");
    refused(b"\xc0\x80", "1:1", "Invalid UTF-8 at 1:1: byte 0 is 0xc0");
    refused(
        b"(a \"\xe2\x82",
        "1:5",
        "Invalid UTF-8 at 1:5: byte 4 is 0xe2",
    );
    refused(
        b"\"\xed\xa0\x80\"",
        "1:2",
        "Invalid UTF-8 at 1:2: byte 1 is 0xed",
    );
    refused("\u{feff}(println 1", "1:2", "EOF while reading list )");
    accepted("\u{feff}(println 1)");
    accepted("(println \"a\0b\")\0");
    accepted("(println 1)\r(println 2)\r\n(println 3)\r");
    refused("(println 1)\r\n(println", "2:1", "EOF while reading list )");
}

#[test]
fn numbers() {
    let range = "Parsed integer outside of valid range";
    refused("9223372036854775808", "1:1", range);
    refused("1".repeat(many(100_000_000)), "1:1", range);
    refused(
        "0x".to_owned() + &"f".repeat(many(100_000_000)),
        "1:1",
        range,
    );
    accepted("1.".to_owned() + &"1".repeat(many(10_000_000)));
    accepted("1e999999999999999999");
}

#[test]
fn long_lines_and_tokens() {
    accepted("a".repeat(many(100_000_000)));
    accepted(format!("(println \"{}\")", "é".repeat(many(50_000_000))));
    let unclosed = format!("{}\"{}", " ".repeat(9), "a".repeat(many(100_000_000)));
    refused(unclosed, "1:10", "read_string failure: ErrQuoteExpected");
    let line = format!("{}(a", "1 ".repeat(many(50_000_000)));
    refused(
        &line,
        &format!("1:{}", line.len() - 1),
        "EOF while reading list )",
    );
    let deep = "function too large: it nests expressions more than 50000 levels deep";
    refused(
        format!("(1{})", " + x".repeat(many(10_000_000).max(60_000))),
        "1:1",
        deep,
    );
    refused("a/".repeat(many(10_000_000).max(60_000)), "1:1", deep);
}

use super::*;

#[test]
fn unclosed_brackets() {
    check_error("(f \"x\"", "EOF while reading list )", "(");
    check_error("[1 [2]", "EOF while reading list ]", "[");
    check_error("#{^a {^b 1}", "EOF while reading map }", "#{");
    check_error("{{1 {^a 2}", "EOF while reading map }}", "{{");
    assert_eq!(hint("\n (f\n  [1]"), "( opened at 2:2 is never closed");
}

#[test]
fn the_next_line_in_column_one_shows_the_culprit() {
    let text = "(fn a [x]\n  (if x\n    (b)\n(fn c [])\n(fn d [])\n";
    check_errors(text, &["EOF while reading list )"]);
    let expected = "( opened at 2:3 is not closed before 4:1, where a new form seems to start";
    assert_eq!(hint(text), expected);
    let forms: Vec<_> = read_all(text.as_bytes())
        .forms
        .iter()
        .map(write_form)
        .collect();
    assert_eq!(forms, ["(fn c [])", "(fn d [])"]);
}

#[test]
fn stray_and_wrong_closers() {
    check_error("(a)\n)", "Unmatched delimiter: )", ")");
    check_error("(a]", "Unmatched delimiter: ]", "]");
    check_errors(
        "a ))) b }",
        &["Unmatched delimiter: )", "Unmatched delimiter: }"],
    );
    assert_eq!(hint("(a\n [1)"), "[ opened at 2:2 is closed by ]");
    assert_eq!(hint(")"), "nothing is open here");
}

#[test]
fn several_errors_in_one_run() {
    check_errors(
        "(a 5m)\n(b 1/2 2/3)\n(c {x 1})\n(ok)\n(d ^k)\n",
        &[
            "TODO: number with unit",
            "TODO: ratio",
            "Expect key at 23 but found x",
            "Expect value for k",
        ],
    );
}

#[test]
fn closers_of_forms_given_up_are_no_errors() {
    check_errors("(do\n(a 5m)\n(b)\n)\n(c)", &["TODO: number with unit"]);
    check_errors(
        "(do [\n(a 5m)\n]\n(b)\n)\n(c) )",
        &["TODO: number with unit", "Unmatched delimiter: )"],
    );
}

#[test]
fn errors_are_limited() {
    for (count, expected) in [
        (MAX_ERRORS - 1, MAX_ERRORS - 1),
        (MAX_ERRORS, MAX_ERRORS),
        (MAX_ERRORS + 1, MAX_ERRORS),
    ] {
        let text = "(f 5m)\n".repeat(count);
        assert_eq!(read_all(text.as_bytes()).errors.len(), expected);
    }
}

#[test]
fn invalid_utf8() {
    let read = read_all(b"(a)\n(b \"\xff\")");
    assert_eq!(read.forms.len(), 1);
    assert_eq!(read.errors.len(), 1);
    assert_eq!(
        read.errors[0].message,
        "Invalid UTF-8 at 2:5: byte 8 is 0xff"
    );
    assert_eq!(read.errors[0].span, Span { start: 8, end: 9 });
    let read = read_all(b"5m\n(a) \xc3");
    let messages: Vec<_> = read
        .errors
        .iter()
        .map(|error| error.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "TODO: number with unit",
            "Invalid UTF-8 at 2:5: byte 7 is 0xc3"
        ]
    );
    assert_eq!(read_one(b"(a) \xff").map(|(_, end)| end), Ok(3));
    assert!(read_one(b"ab\xff").is_err());
    assert!(read_one(b"(ab \xff)").is_err());
}

#[test]
fn first_form() {
    let one = |text: &str| read_one(text.as_bytes()).map(|(form, end)| (write_form(&form), end));
    assert_eq!(one("  (f ^k 1 x)  (g)"), Ok(("(f ^k 1 x)".to_owned(), 12)));
    assert_eq!(one("42 junk )"), Ok(("42".to_owned(), 2)));
    assert_eq!(one("# c\nx"), Ok(("x".to_owned(), 5)));
    assert_eq!(one("a)"), Ok(("a".to_owned(), 1)));
    let message = |text: &str| one(text).map_err(|error| error.to_string());
    assert_eq!(message(""), Err("EOF while reading (1, 1)".to_owned()));
    assert_eq!(
        message("# c\n #< d"),
        Err("EOF while reading (2, 6)".to_owned())
    );
    assert_eq!(message("(a"), Err("EOF while reading list )".to_owned()));
    assert_eq!(message(")"), Err("Unmatched delimiter: )".to_owned()));
    assert_eq!(message("1/2"), Err("TODO: ratio".to_owned()));
}

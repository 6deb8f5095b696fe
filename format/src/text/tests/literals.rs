use super::*;

#[track_caller]
fn check_kind(input: &str, expected: FormKind) {
    assert_eq!(only(input).kind, expected, "reading {input}");
}

#[test]
fn integers() {
    check("0 7 -7 +7 007", "0 7 -7 7 7");
    check(
        "9223372036854775807 -9223372036854775808",
        "9223372036854775807 -9223372036854775808",
    );
    check(
        "999999999999999999 1000000000000000000",
        "999999999999999999 1000000000000000000",
    );
    check(
        "0xff 0XFF 0xFF_FF 0x7fff_ffff_ffff_ffff",
        "255 255 65535 9223372036854775807",
    );
    check("00000000000000000000000000001", "1");
}

#[test]
fn integer_limits() {
    let message = "Parsed integer outside of valid range";
    for text in [
        "9223372036854775808",
        "-9223372036854775809",
        "0x8000000000000000",
    ] {
        check_error(text, message, text);
    }
    check_error("[1 99999999999999999999]", message, "99999999999999999999");
}

#[test]
fn floats() {
    check(
        "5. 1e3 1.5e-2 10e10 -0.25 +2.5 1E2",
        "5.0 1000.0 0.015 100000000000.0 -0.25 2.5 100.0",
    );
    check("1e 1e+ 2.5E-", "1.0 1.0 2.5");
    check("-0.0 1e999 -1e999", "-0.0 1e999 -1e999");
    check(".5", ".5");
    check_kind(".5", FormKind::Symbol(".5".into()));
}

#[test]
fn ratios_and_units_are_rejected() {
    check_error("(f 1/2)", "TODO: ratio", "1/2");
    check_error("(f 5m 1)", "TODO: number with unit", "5m");
    check_error("1s", "TODO: number with unit", "1s");
    for text in [
        "5'a'", "5#", "1.2.3", "5.5m", "0x", "0xfg", "0x_1", "-0x10", "-5-5", "5é", "5^",
    ] {
        check_error(text, "TODO: number with unit", text);
    }
    assert_eq!(hint("1/2"), "write a division: (1 / 2)");
}

#[test]
fn signs() {
    check(
        "-5 -x (- x) (5 -3) (5 - 3) -",
        "-5 -x (- x) (5 -3) (5 - 3) -",
    );
    check_kind("-x", FormKind::Symbol("-x".into()));
}

#[test]
fn words() {
    check(
        "nil void true false not_found _ Nil TRUE :key <=>",
        "nil void true false not_found _ Nil TRUE :key <=>",
    );
    check_kind("nil", FormKind::Nil);
    check_kind("void", FormKind::Void);
    check_kind("false", FormKind::Bool(false));
    check_kind("not_found", FormKind::Symbol("not_found".into()));
    check_kind("\\nil", FormKind::Symbol("nil".into()));
    check(
        "#a a#b it's x... .m $x @ name! größe",
        "#a a#b it's x... .m $x @ name! größe",
    );
    check_kind("a\\ b", FormKind::Symbol("a b".into()));
    check_kind("x\\/y", FormKind::Symbol("x/y".into()));
    check_kind("p\\(q", FormKind::Symbol("p(q".into()));
    check_kind("a\\é\\\\", FormKind::Symbol("aé\\".into()));
    check_error("ab\\", "EOF after \\", "\\");
}

#[test]
fn byte_order_marks() {
    check("\u{feff}a \u{feff}b", "a \\\u{feff}b");
    check_kind("\\\u{feff}b", FormKind::Symbol("\u{feff}b".into()));
}

#[test]
fn words_end_at_delimiters() {
    check(
        "a\"b\"c`d%e(f)g[h]i{}j;k".trim_end_matches(";k"),
        "a \"b\" c `d %e (f) g [h] i {} j",
    );
}

#[test]
fn paths() {
    let path = |parts: &[&str]| FormKind::Path(parts.iter().map(|&part| part.into()).collect());
    check_kind("a/b/0", path(&["a", "b", "0"]));
    check_kind("/x", path(&["", "x"]));
    check_kind("a/", path(&["a", ""]));
    check_kind("//", path(&["", "", ""]));
    check_kind("n\\/A/B", path(&["n/A", "B"]));
    check_kind("/\\=", path(&["", "="]));
    check_kind("/", FormKind::Symbol("/".into()));
    check_kind("/=", FormKind::Symbol("/=".into()));
    check("a/[1]", "a/ [1]");
}

#[test]
fn characters() {
    check(
        r#"'A' ' ' '\n' '\t' '\r' '\b' '\f' '\\' '\'' '\"' '\q'"#,
        r#"'A' ' ' '\n' '\t' '\r' '\b' '\f' '\\' '\'' '"' 'q'"#,
    );
    check_kind("'''", FormKind::Char('\''));
    check_kind("'é'", FormKind::Char('é'));
    check_error(
        "'ab'",
        "Expected closing ' in character literal, got: b (ord: 98)",
        "'ab",
    );
    check_error(
        "(f '')",
        "Expected closing ' in character literal, got: ) (ord: 41)",
        "'')",
    );
    check_error("'a", "EOF while reading character literal", "'");
    check_error("'", "EOF while reading character literal", "'");
}

#[test]
fn strings() {
    let string = |text: &str| FormKind::Str(text.into());
    check_kind(r#""a\tb""#, string("a\tb"));
    check_kind(
        r#""q\"q b\\b s\/s z\z \b\f\n\r""#,
        string("q\"q b\\b s/s zz \u{8}\u{c}\n\r"),
    );
    check_kind(r#""\u0041\u00e9\u4e2d""#, string("Aé中"));
    check_kind(r#""\ud83d\ude00""#, string("😀"));
    check_kind("\"one\n  two\"", string("one\n  two"));
    check_kind("\"\\é\"", string("é"));
    check_kind("\"\"", string(""));
    check("\"a\"\"b\"", "\"a\" \"b\"");
    check_error("(f \"open)", "read_string failure: ErrQuoteExpected", "\"");
    check_error("\"a\\", "read_string failure: ErrQuoteExpected", "\"");
    check_error(r#""\u00g0""#, "Invalid \\u escape", "\\u");
    check_error(r#""\u00"#, "Invalid \\u escape", "\\u");
    for text in [r"\ud83d", r"\ude00", r"\ud83d\u0041"] {
        check_error(
            &format!("\"{text}\""),
            "Invalid \\u escape: lone surrogate",
            text,
        );
    }
}

#[test]
fn triple_quotes() {
    let string = |text: &str| FormKind::Str(text.into());
    check_kind(r#""""say "hi" 'x' \t\"""""#, string("say \"hi\" 'x' \t\""));
    check_kind(r#"""""x" """"#, string("\"x\" "));
    check_kind("\"\"\"x\n   \"\"\"", string("x\n"));
    check_kind("\"\"\"   \nab\n   \"\"\"", string("\nab\n"));
    check_kind("\"\"\" \n \n  ab\n \n \"\"\"", string("\n  ab\n"));
    check_kind("\"\"\" \n  \n \"\"\"", string("\n"));
    check_kind("\"\"\"  x  \"\"\"", string("  x  "));
    check_kind("\"\"\"x\\n  \n  \"\"\"", string("x\n  \n"));
    check_kind("\"\"\"x\\\n  \"\"\"", string("x\n"));
    check_kind("\"\"\"\"\"\"", string(""));
    check_error(
        "\"\"\"abc\"\"",
        "read_string failure: ErrQuoteExpected",
        "\"\"\"",
    );
}

#[test]
fn byte_strings() {
    check("0!1111~0000 0!111 0!0000000111111111", "0#f0 0#07 0#01ff");
    check(
        "0#a0~ff 0#A0FF 0#abc 0# 0! 0*",
        "0#a0ff 0#a0ff 0#ab0c 0# 0# 0#",
    );
    check(
        "0*AQID 0*AQI= 0*AQ== 0*AQID~\n BAUG 0*+/+/",
        "0#010203 0#0102 0#01 0#010203040506 0#fbffbf",
    );
    check("0#aa~\n  bb", "0#aabb");
    for text in ["0*AQI", "0*A===", "0*====", "0*A=ID", "0*AQ==AQID"] {
        check_error(text, "Invalid base64 literal", text);
    }
    check_error("0!12", "Invalid binary digit: 2", "0!12");
    check_error("0#xé", "Invalid hexadecimal digit: x", "0#x");
    check_error("0*AQé", "Invalid base64 digit: é", "0*AQé");
}

#[test]
fn temporals() {
    check(
        "2024-02-29 08:05 08:05:09 08:05:09.25 10:10:00",
        "2024-02-29 08:05 08:05:09 08:05:09.25 10:10",
    );
    check(
        "2024-02-29T08:05:00Z 2024-02-29T08:05:01+05:30",
        "2024-02-29T08:05:00Z 2024-02-29T08:05:01+05:30",
    );
    check(
        "2024-02-29T08:05+01:00[Europe/Paris] 12:00[Asia/Tokyo] 2024-01-01T00:00Z[Etc/UTC]",
        "2024-02-29T08:05:00+01:00[Europe/Paris] 12:00:00[Asia/Tokyo] 2024-01-01T00:00:00Z[Etc/UTC]",
    );
    check(
        "2023-02-31 9999-12-31 1000-01-01 23:59:59.000001",
        "2023-02-31 9999-12-31 1000-01-01 23:59:59.000001",
    );
    check("[12:00-00:30]", "[12:00:00-00:30]");
    check_kind(
        "2024-01-02T03:04:05.5-01:30",
        FormKind::Temporal(Box::new(Temporal {
            date: Some((2024, 1, 2)),
            time: Some((3, 4, 5, 500_000)),
            offset: Some(-90),
            zone: None,
        })),
    );
}

#[test]
fn temporal_limits() {
    let short = "Date literal requires 4-digit year, got: 24";
    check_error("24-01-01", short, "24");
    for (text, message) in [
        ("0999-01-01", "Invalid year: 999"),
        (
            "12024-01-01",
            "Date literal requires 4-digit year, got: 12024",
        ),
        ("2024-13-01", "Invalid month: 13"),
        ("2024-00-01", "Invalid month: 0"),
        ("2024-01-32", "Invalid day: 32"),
        ("2024-01-00", "Invalid day: 0"),
        ("24:00", "Invalid hour: 24"),
        ("10:60", "Invalid minute: 60"),
        ("10:61", "Invalid minute: 61"),
        ("10:00:60", "Invalid second: 60"),
        ("10:00.1234567", "Invalid fraction of a second"),
        ("10:00.", "Invalid fraction of a second"),
        ("10:00+24:00", "Invalid offset hour: 24"),
        ("10:00+01:60", "Invalid offset minute: 60"),
        ("10:00[Tokyo]", "Invalid timezone name: Tokyo"),
        ("10:00[a b]", "Invalid timezone name: a"),
        (
            "2024-01-01T10:00[A/B]",
            "Invalid datetime: a zone name needs Z or an offset before it",
        ),
        ("1:30", "Invalid date or time literal: 1:30"),
        ("2024-1-01", "Invalid date or time literal: 2024-1-01"),
        ("2024-01-01x", "Invalid date or time literal: 2024-01-01x"),
        ("2024-01-01T", "Invalid date or time literal: 2024-01-01T"),
        ("10:", "Invalid date or time literal: 10:"),
    ] {
        check_errors(text, &[message]);
    }
    check("23:59:59.123456+23:59", "23:59:59.123456+23:59");
}

#[test]
fn regexes() {
    check(
        "#/ab+c/ #/ab+c/i #/a/b/ #/x\\/y/",
        "#/ab+c/ #/ab+c/i #/a/b/ #/x\\/y/",
    );
    check(r"#/\d+/im #/\\d+/mi", r"#/\\d+/im #/\\d+/im");
    check(
        "[#/a/ #/b/] #/a b/ #// #/a// #/(a),(b)/\\2,\\1/",
        "[#/a/ #/b/] #/a b/ #// #/a// #/(a),(b)/\\\\2,\\\\1/",
    );
    check_kind(
        r"#/\d\/\\n/-\//im",
        FormKind::Regex(Box::new(RegexForm {
            pattern: r"\d/\n".into(),
            replacement: Some("-/".into()),
            ignore_case: true,
            dot_all: true,
        })),
    );
    check("[#/1/ #/2\\ / #/a\\\n/]", "[#/1/ #/2\\\\ / #/a\\\\\n/]");
    check_errors("#/1/2\\ /", &["Invalid regex flag: 2"]);
    check_error("(f #/a/x)", "Invalid regex flag: x", "x");
    check_error("#/a/i5", "Invalid regex flag: 5", "5");
    check_error("(f #/abc", "EOF while reading regex", "#/");
    check_error("#/a\\/", "EOF while reading regex", "#/");
}

#[test]
fn float_text() {
    for (value, expected) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (8.8, "8.8"),
        (10.0 / 3.0, "3.3333333333333335"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e15, "1000000000000000.0"),
        (1e16, "10000000000000000.0"),
        (99999999999999980.0, "99999999999999980.0"),
        (1e17, "1e+17"),
        (1e20, "1e+20"),
        (-1.5e300, "-1.5e+300"),
        (1e-7, "0.0000001"),
        (9.9e-8, "9.9e-8"),
        (2.5e-10, "2.5e-10"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::NAN, "nan"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        assert_eq!(format_float(value), expected);
    }
}

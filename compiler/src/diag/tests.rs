use gene_format::text::{FormKind, Span, read_all, read_one};

use super::*;

/// Reads a text and prints its first error.
fn render(text: &str, format: Format) -> String {
    let mut sources = SourceMap::new();
    let file = sources.add("dir/a.gene", text.as_bytes());
    let read = read_all(text.as_bytes());
    let error = read.errors.into_iter().next().expect("an error");
    Diagnostic::from_read_error(file, error).render(&sources, format)
}

#[track_caller]
fn check_text(text: &str, expected: &str) {
    assert_eq!(render(text, Format::Text { colour: false }), expected);
}

/// Prints an error at these bytes, and returns the excerpt and the marks.
fn marks(text: &str, start: u32, end: u32) -> [String; 2] {
    let mut sources = SourceMap::new();
    let file = sources.add("f", text.as_bytes());
    let place = Place { file, start, end };
    let shown = Diagnostic::error("C", "M", place).render(&sources, Format::Text { colour: false });
    let line = |index| shown.lines().nth(index).unwrap_or_default().to_owned();
    [line(3), line(4)]
}

#[test]
fn text_shows_the_place() {
    check_text(
        "(ok)\n(println 5m)\n",
        "error: TODO: number with unit
 --> dir/a.gene:2:10
  |
2 | (println 5m)
  |          ^^
  = hint: numbers have no unit suffix, and a name cannot start with a digit",
    );
}

#[test]
fn text_shows_labels_notes_and_hints() {
    let mut sources = SourceMap::new();
    let file = sources.add("a.gene", &b"(fn f [a])\n\n\n\n\n\n\n\n\n(f 1 2)\n"[..]);
    let place = |start, end| Place::new(file, Span { start, end });
    let shown = Diagnostic::warning("GENE.CALL.ARGS", "too many\narguments", place(19, 26))
        .label(place(4, 5), "defined here")
        .note("f takes 1")
        .hint("remove 2")
        .render(&sources, Format::Text { colour: false });
    let expected = "warning: too many
arguments
  --> a.gene:10:1
   |
10 | (f 1 2)
   | ^^^^^^^
  ::: a.gene:1:5
   |
 1 | (fn f [a])
   |     - defined here
   = note: f takes 1
   = hint: remove 2";
    assert_eq!(shown, expected);
}

#[test]
fn text_without_place() {
    let one = Diagnostic::without_place("GENE.IO", "no such file");
    assert_eq!(
        one.render(&SourceMap::new(), Format::Text { colour: false }),
        "error: no such file"
    );
}

#[test]
fn colours_only_if_asked() {
    assert!(!render("5m", Format::Text { colour: false }).contains('\x1b'));
    let shown = render("5m", Format::Text { colour: true });
    assert!(
        shown.starts_with("\x1b[1;31merror\x1b[0m\x1b[1m: TODO"),
        "{shown:?}"
    );
    assert!(shown.contains("\x1b[1;31m^^\x1b[0m"));
}

#[test]
fn marks_stand_below_the_place() {
    assert_eq!(marks("abc", 1, 2), ["1 | abc", "  |  ^"]);
    assert_eq!(marks("abc", 3, 3), ["1 | abc", "  |    ^"]);
    assert_eq!(marks("", 0, 0), ["1 |", "  | ^"]);
    assert_eq!(marks("ab\ncd", 1, 5), ["1 | ab", "  |  ^"]);
    assert_eq!(marks("\ta", 1, 2), ["1 |     a", "  |     ^"]);
    assert_eq!(marks("日é x", 6, 7), ["1 | 日é x", "  |     ^"]);
    assert_eq!(
        marks("a\x1b[2Jb\u{202e}", 5, 6),
        ["1 | a\u{fffd}[2Jb\u{fffd}", "  |      ^"]
    );
    assert_eq!(marks("abc", 90, 99), ["1 | abc", "  |    ^"]);
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let text = "é".repeat(5_000_000) + "(bad)" + &"x".repeat(5_000_000);
    let [excerpt, marks] = marks(&text, 10_000_000, 10_000_005);
    let expected = format!("1 | …{}(bad){}…", "é".repeat(40), "x".repeat(55));
    assert_eq!(excerpt, expected);
    assert_eq!(marks, format!("  | {}^^^^^", " ".repeat(41)));
    let fits = "x".repeat(100);
    assert_eq!(self::marks(&fits, 99, 100)[0], format!("1 | {fits}"));
    let longer = "x".repeat(101);
    assert_eq!(self::marks(&longer, 0, 1)[0], format!("1 | {fits}…"));
    assert_eq!(
        self::marks(&longer, 100, 101)[0],
        format!("1 | …{}", "x".repeat(41))
    );
    assert_eq!(
        self::marks(&longer, 0, 101)[1],
        format!("  | {}", "^".repeat(100))
    );
}

#[test]
fn json_is_one_line_with_fixed_keys() {
    let expected = concat!(
        r#"{"code":"GENE.SYNTAX.ERROR","severity":"error","stage":"compile","#,
        r#""span":{"file":"dir/a.gene","line":2,"column":4,"end_line":2,"end_column":7},"#,
        r#""message":"TODO: ratio","hints":["write a division: (1 / 2)"],"#,
        r#""repair_tags":["syntax"],"notes":[],"labels":[]}"#
    );
    assert_eq!(render("\n(é 1/2)", Format::Json), expected);
    let mut sources = SourceMap::new();
    let file = sources.add("a \"b\".gene", &b"x"[..]);
    let place = Place {
        file,
        start: 0,
        end: 1,
    };
    let shown = Diagnostic::error("C", "line\n\"q\"\u{1}", place)
        .label(place, "l")
        .note("n")
        .render(&sources, Format::Json);
    let value: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(value["message"], "line\n\"q\"\u{1}");
    assert_eq!(value["span"]["file"], "a \"b\".gene");
    assert_eq!(value["labels"][0]["span"]["line"], 1);
    assert_eq!(value["notes"][0], "n");
    assert!(!shown.contains('\n'));
}

#[test]
fn gene_is_one_line_that_reads_as_data() {
    let expected = concat!(
        r#"Error: {^message "TODO: ratio" ^code "GENE.SYNTAX.ERROR" ^severity "error" "#,
        r#"^stage "compile" ^span {^file "dir/a.gene" ^line 2 ^column 4} "#,
        r#"^hints ["write a division: (1 / 2)"] ^repair_tags ["syntax"]}"#
    );
    assert_eq!(render("\n(é 1/2)", Format::Gene), expected);
    let one = Diagnostic::without_place("C", "a\n\"b\" \\ \u{1}é")
        .hint("x")
        .hint("y");
    let shown = one.render(&SourceMap::new(), Format::Gene);
    let data = shown.strip_prefix("Error: ").expect("the prefix");
    let (form, _) = read_one(data.as_bytes()).expect("Gene data");
    let FormKind::Map(map) = form.kind else {
        panic!("{shown}")
    };
    assert_eq!(
        map.entries[0].value.kind,
        FormKind::Str("a\n\"b\" \\ \u{1}é".into())
    );
    assert!(
        shown.contains(r#"^span {^file "" ^line 0 ^column 0} ^hints ["x" "y"]"#),
        "{shown}"
    );
}

#[test]
fn collecting() {
    let mut sources = SourceMap::new();
    let file = sources.add("f", &b"abc"[..]);
    let place = |start| Place {
        file,
        start,
        end: start + 1,
    };
    let mut all = Diagnostics::new();
    assert!(all.is_empty() && !all.has_errors());
    all.push(Diagnostic::warning("W", "w", place(2)));
    assert!(!all.has_errors());
    all.extend([
        Diagnostic::error("E", "e", place(1)),
        Diagnostic::error("E", "e", place(1)),
    ]);
    assert_eq!((all.error_count(), all.iter().count()), (1, 2));
    all.sort();
    let lines = all.render(&sources, Format::Json);
    let codes: Vec<_> = lines.lines().map(|line| &line[..11]).collect();
    assert_eq!(codes, [r#"{"code":"E""#, r#"{"code":"W""#]);
    assert_eq!(all.into_iter().count(), 2);
}

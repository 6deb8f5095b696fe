use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(format(text.as_bytes()).unwrap(), expected);
    assert_eq!(format(expected.as_bytes()).unwrap(), expected, "again");
}

#[test]
fn lines_are_indented_by_the_brackets_around_them() {
    check(
        "(class A\n(method m []\n1))",
        "(class A\n  (method m []\n    1))",
    );
    check("(f [1\n2])", "(f [1\n    2])");
    check("(var f (fn [] (g\n1)\n2))", "(var f (fn [] (g\n  1)\n2))");
    check("  (a)\n\t(b)\n", "(a)\n(b)\n");
    check("{^a 1\n^b {{1\n2}}\n}\n", "{^a 1\n  ^b {{1\n    2}}\n}\n");
    check("(f\n(g)\n)", "(f\n  (g)\n)");
    check("[\n1\n]\n", "[\n  1\n]\n");
}

#[test]
fn clauses_stand_with_their_form_or_one_step_in() {
    for place in ["", " ", "  "] {
        let body = if place == "  " { "    " } else { "  " };
        let kept = format!("(if a\n  b\n{place}else\n{body}c)\n");
        check(&kept, &kept);
    }
    check("(if a\nb\n      else\nc)\n", "(if a\n  b\nelse\n  c)\n");
    check(
        "(case x\n    when 1 2\nelse\n3)\n",
        "(case x\nwhen 1 2\nelse\n  3)\n",
    );
    check("(if a\nelsewhere)\n", "(if a\n  elsewhere)\n");
    check("   else\n", "else\n");
}

#[test]
fn blanks_and_line_ends() {
    check("(a  \n   b)\t \n", "(a\n  b)\n");
    check("(a\r\nb)\r\n\r\n", "(a\n  b)\n\n");
    check("(a\rb)\r", "(a\n  b)\n");
    check("", "");
    check("  \n\n   ", "\n\n");
    check("(f 1  # why\n2) # end  \n", "(f 1  # why\n  2) # end\n");
    check(
        "#!/usr/bin/env gene  \n  (a)\n",
        "#!/usr/bin/env gene\n(a)\n",
    );
}

#[test]
fn comments_keep_their_place() {
    check(
        "(a\n# one (\n      ## two\n #<\n  ( \n>#\nb)\n",
        "(a\n# one (\n      ## two\n #<\n  (\n>#\n  b)\n",
    );
    check(
        "(a #< ( #< ) ># [ ># (\nb))\n",
        "(a #< ( #< ) ># [ ># (\n  b))\n",
    );
    check("(a #<< ( >>#\nb)\n", "(a #<< ( >>#\n  b)\n");
    check("# a \r b\n  (c)", "# a \r b\n(c)");
}

#[test]
fn strings_and_words_keep_everything() {
    check(
        "(a \"(\n  x  \n\ty\"\n    b)\n",
        "(a \"(\n  x  \n\ty\"\n  b)\n",
    );
    check(
        "(a \"\"\"\n ) \"( \n\"\"\"  \nb)",
        "(a \"\"\"\n ) \"( \n\"\"\"\n  b)",
    );
    check(
        "(a #\"x #(f\n     1) {\n #{y}\"\nb)",
        "(a #\"x #(f\n     1) {\n #{y}\"\n  b)",
    );
    check(
        "(a '(' #/[(]/ \\( b\\ \n   c)",
        "(a '(' #/[(]/ \\( b\\ \n  c)",
    );
    check("(a ^b\\( 1 ^^c\\[\n   d)", "(a ^b\\( 1 ^^c\\[\n  d)");
    check("(a \"x\r\ny\"\r\n)", "(a \"x\r\ny\"\n)");
    check("(a ()\n(  # c\n    )\n  b)", "(a ()\n  (  # c\n  )\n  b)");
}

#[test]
fn texts_with_errors_are_refused() {
    for text in ["(a", "a)", "\"x", "{a}", "#/x"] {
        assert!(format(text.as_bytes()).is_err(), "{text}");
    }
    assert!(format(b"(a \xff)").is_err());
}

/// The form's meaning stays, and a second time changes nothing.
fn harmless(text: &[u8]) -> Result<(), String> {
    let Ok(once) = format(text) else {
        return Ok(());
    };
    let (before, after) = (read_all(text), read_all(once.as_bytes()));
    let same = before.forms.len() == after.forms.len()
        && (before.forms.iter().zip(&after.forms)).all(|(a, b)| a.same_data(b));
    if !same || !after.errors.is_empty() {
        return Err(format!("other forms:\n{once}"));
    }
    let again = format(once.as_bytes()).map_err(|errors| format!("{errors:?}"))?;
    match again == once {
        true => Ok(()),
        false => Err(format!("changed again:\n{once}\n---\n{again}")),
    }
}

fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            programs(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "gene") {
            found.push(path);
        }
    }
}

/// Also that the check in `format` never was what saved them.
#[test]
fn programs_keep_their_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for folder in ["tests/lang", "examples", "benches", "runtime"] {
        programs(&root.join(folder), &mut found);
    }
    assert!(found.len() > 200, "{}", found.len());
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let read = read_all(text.as_bytes());
        if !read.errors.is_empty() {
            continue;
        }
        let again = read_all(layout(&text, &read.forms).as_bytes());
        let same = again
            .forms
            .iter()
            .zip(&read.forms)
            .all(|(a, b)| a.same_data(b));
        assert!(
            same && again.forms.len() == read.forms.len(),
            "{}",
            path.display()
        );
        harmless(text.as_bytes()).unwrap_or_else(|text| panic!("{}: {text}", path.display()));
    }
}

/// Pieces of programs in any order, most of them with balanced brackets.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "else",
        "when ",
        "\"s (\n  t\"",
        "#\"x #{a}\n #(b\n)\"",
        "\"\"\"\n \"q\n\"\"\"",
        "'('",
        "#/[(]/",
        "# c (\n",
        "#< ( \n ) >#",
        "#<< >>#",
        "`",
        "%",
        "^k ",
        "^^k ",
        "\\( ",
        ";",
        "()",
        "#@d ",
        "a\\ ",
        "1",
        " ",
        " ",
        "\n",
        "\n",
        "\n  ",
        "\t",
        "\r\n",
        "\r",
        "\\",
        "#",
        "é",
    ]);
    let leaf = prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat());
    leaf.prop_recursive(5, 60, 6, |inner| {
        let brackets = prop::sample::select(vec![
            ("(", ")"),
            ("(a ", ")"),
            ("[", "]"),
            ("{^k ", "}"),
            ("{{", "}}"),
            ("#(", ")"),
            ("", " "),
        ]);
        (brackets, prop::collection::vec(inner, 0..6))
            .prop_map(|((open, close), inner)| format!("{open}{}{close}", inner.join(" ")))
    })
}

proptest! {
    #[test]
    fn any_text_keeps_its_meaning(text in soup()) {
        harmless(text.as_bytes()).map_err(TestCaseError::fail)?;
    }
}

use super::super::recover::check_length;
use super::*;

/// Reads, clones, compares, writes, reads again and drops, on a stack of 2 MiB.
fn survive(text: String) {
    let run = move || {
        let form = only(&text);
        let copy = form.clone();
        assert!(copy == form && copy.same_data(&form));
        assert!(only(&write_form(&form)).same_data(&form));
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);
    assert!(thread.expect("a thread").join().is_ok());
}

/// `levels` of nesting made with `open` and `close` are read, one more is an error.
#[track_caller]
fn check_depth(text: impl Fn(usize) -> String) {
    survive(text(MAX_DEPTH));
    for levels in [MAX_DEPTH + 1, MAX_DEPTH + 100, 200_000] {
        check_errors(&text(levels), &["Nested deeper than 1000 levels"]);
    }
}

#[track_caller]
fn check_nested(open: &str, inner: &str, close: &str) {
    check_depth(|levels| format!("{}{inner}{}", open.repeat(levels), close.repeat(levels)));
}

#[test]
fn brackets() {
    check_nested("[", "1", "]");
    check_nested("(", "", ")");
    check_nested("(f ", "x", ")");
    check_nested("#(f ^a 1 ", "x", ")");
    check_nested("(f ^a ", "x", ")");
    check_nested("{^a ", "1", "}");
    check_nested("{{1 ", "1", "}}");
}

#[test]
fn prefixes() {
    check_nested("`", "x", "");
    check_nested("%", "x", "");
    check_nested("%_", "x", "");
    check_nested("#@f ", "x", "");
}

#[test]
fn semicolons() {
    check_depth(|levels| format!("(a{})", "; a".repeat(levels - 1)));
    check_depth(|levels| format!("[[(a{})]]", "; a".repeat(levels - 3)));
    check_depth(|levels| format!("([[x]]{}; [[x]])", "; a".repeat(levels - 4)));
}

#[test]
fn key_chains() {
    check_depth(|levels| format!("{{{} 1}}", "^a".repeat(levels)));
    check_depth(|levels| format!("{{{} [1]}}", "^a".repeat(levels - 1)));
    check_depth(|levels| format!("(f {}^^b)", "^a".repeat(levels - 1)));
}

#[test]
fn holes() {
    check_depth(|levels| {
        let levels = levels + levels % 2;
        format!(
            "{}x{}",
            "#\"#(f ".repeat(levels / 2),
            ")\"".repeat(levels / 2)
        )
    });
    check_nested("#\"#{", "x", "}\"");
}

#[test]
fn unclosed_depth() {
    check_errors(&"(".repeat(MAX_DEPTH), &["EOF while reading list )"]);
    check_errors(
        &"(".repeat(MAX_DEPTH + 1),
        &["Nested deeper than 1000 levels"],
    );
}

#[test]
fn comments_nest_without_limit() {
    check(
        &format!("{}{} 1", "#<".repeat(100_000), ">#".repeat(100_000)),
        "1",
    );
}

#[test]
fn length() {
    assert!(check_length(MAX_TEXT).is_ok());
    assert!(check_length(MAX_TEXT + 1).is_err());
}

/// Texts that would take hours if reading or recovering were quadratic.
#[test]
fn long_lines_take_linear_time() {
    let many = 200_000;
    let keys: String = (0..many).map(|i| format!("^k{i} 1 ")).collect();
    let nested: String = (0..many).map(|i| format!("^n^k{i} 1 ")).collect();
    for text in [
        format!("[{}]", "a ".repeat(many)),
        format!("\"{}\"", "x\\n".repeat(many)),
        format!("#\"{}\"", "x#{y}#< z >#".repeat(many)),
        format!("{{{keys}}}"),
        format!("(f {nested})"),
        format!("[{}]", "#/a/i ".repeat(many)),
        format!("\"\"\"{}\"\"\"", " \n".repeat(many)),
        "a\\ ".repeat(many),
        "a/".repeat(many),
        format!("0#{}", "ff~ ".repeat(many)),
    ] {
        let read = read_all(text.as_bytes());
        assert_eq!((read.forms.len(), read.errors.len()), (1, 0));
    }
    for text in [
        "(\n".repeat(many),
        ") ".repeat(many),
        "\"\n(".repeat(many),
        "#/a/((\n".repeat(many),
    ] {
        assert!(!read_all(text.as_bytes()).errors.is_empty());
    }
}

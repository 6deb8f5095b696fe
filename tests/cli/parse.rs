//! `gene parse`, `gene gir` and `gene completions`: looking, not running.

use super::{compiled, gene, gene_reads};
use gene_aot::Scratch;
use std::path::Path;

#[test]
fn forms_have_three_shapes() {
    let here = Path::new(".");
    let code = "(a ^b 1 (c [2 \"x\"]) {^d 3 ^^e}) [] ()";
    let parse = |shape: &str| {
        gene(here, &["parse", "-f", shape, "-e", code])
            .expect(0)
            .out
            .clone()
    };
    assert_eq!(
        parse("compact"),
        "(a ^b 1 (c [2 \"x\"]) {^d 3 ^^e})\n\n[]\n\n()\n"
    );
    assert_eq!(
        parse("sexp"),
        "(a :b 1 (c [2 \"x\"]) {^d 3 ^^e})\n\n[]\n\n()\n"
    );
    assert_eq!(
        parse("pretty"),
        "(a ^b 1\n  (c\n    [\n      2\n      \"x\"\n    ]\n  )\n  {\n    ^d 3\n    ^^e\n  }\n)\n\n[]\n\n()\n"
    );
    let odd = gene(here, &["parse", "-f:compact", "-e:(a)"]);
    assert_eq!(odd.expect(0).out, "(a)\n");
    gene(here, &["parse", "-f", "xml", "-e", "1"]).expect(2);
}

#[test]
fn sources_of_forms() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "(a)");
    scratch.write("b.gene", "# nothing");
    let parse = |args: &[&str]| gene(scratch.path(), &[&["parse"], args].concat());
    assert_eq!(
        parse(&["a.gene"]).expect(0).out,
        "=== Parsing: a.gene ===\n(a)\n"
    );
    assert_eq!(parse(&["-f", "compact", "a.gene"]).expect(0).out, "(a)\n");
    let both = "=== Parsing: a.gene ===\n(a)\n\n=== Parsing: b.gene ===\n(empty)\n";
    assert_eq!(
        parse(&["-f", "compact", "a.gene", "b.gene"]).expect(0).out,
        both
    );
    assert_eq!(
        gene_reads("(b)", scratch.path(), &["parse"]).expect(0).out,
        "(b)\n"
    );
    let wrong = parse(&["-e", "(a"]);
    assert!(wrong.expect(1).err.contains("<eval>:1:"), "{}", wrong.err);
    parse(&["none.gene"]).expect(3);
}

#[test]
fn images_are_shown_checked_and_stripped() {
    let scratch = compiled("(fn double [x] (x * 2))\n(println (double 4))\n");
    let gir = |args: &[&str]| gene(scratch.path(), &[&["gir"], args].concat());
    assert!(gir(&["show", "a.gir"]).expect(0).out.contains("double"));
    let one = gir(&["visualize", "--function", "double", "a.gir"]);
    assert!(!one.expect(0).out.contains("println") && !one.out.contains('\u{1b}'));
    gir(&["show", "--function", "none", "a.gir"]).expect(2);
    let json: Result<serde_json::Value, _> =
        serde_json::from_str(&gir(&["show", "--json", "a.gir"]).expect(0).out);
    assert!(json.is_ok());
    assert!(
        gir(&["verify", "a.gir"])
            .expect(0)
            .out
            .starts_with("ok a.gir")
    );
    gir(&["strip", "a.gir", "-o", "s.gir"]).expect(0);
    assert_eq!(gene(scratch.path(), &["run", "s.gir"]).expect(0).out, "8\n");
    gir(&["verify", "a.gene"])
        .expect(4)
        .one_line("no Gene image");
    gir(&["verify", "none.gir"]).expect(3).one_line("none.gir");
}

#[test]
fn shells_get_completions() {
    let here = Path::new(".");
    for shell in ["bash", "zsh", "fish"] {
        let output = gene(here, &["completions", shell]);
        assert!(output.expect(0).out.contains("completions"), "{shell}");
    }
    gene(here, &["completions", "none"]).expect(2);
}

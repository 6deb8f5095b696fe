//! `gene run`, `gene eval` and `gene check`.

use super::{compiled, gene, gene_reads};
use gene_aot::Scratch;
use std::path::Path;

#[test]
fn files_images_and_standard_input_run() {
    let scratch = compiled("(println \"here\" $args $program)");
    let run = |args: &[&str]| gene(scratch.path(), args).expect(0).out.clone();
    assert_eq!(run(&["run", "a.gene"]), "here [] a.gene\n");
    assert_eq!(run(&["run", "a.gir", "x"]), "here [x] a.gir\n");
    let read = |args: &[&str]| gene_reads("(println 1 $args)", scratch.path(), args);
    assert_eq!(read(&["run"]).expect(0).out, "1 []\n");
    assert_eq!(read(&["run", "-", "x"]).expect(0).out, "1 [x]\n");
    gene(scratch.path(), &["run", "none.gene"])
        .expect(3)
        .one_line("none.gene");
    gene(scratch.path(), &["run", "none.gir"])
        .expect(3)
        .one_line("none.gir");
    scratch.write("b.gir", "no image");
    gene(scratch.path(), &["run", "b.gir"])
        .expect(4)
        .one_line("no Gene image");
}

#[test]
fn words_behind_the_file_belong_to_the_program() {
    let scratch = compiled("(println $args)");
    for (args, printed) in [
        (
            &["a.gene", "one", "--two", "-3", "four five"][..],
            "[one --two -3 four five]\n",
        ),
        (&["--debug", "a.gene", "x"], "[x]\n"),
        (&["--no-gir-cache", "--native-tier=never", "a.gene"], "[]\n"),
        (&["a.gene", "--debug", "x"], "[x]\n"),
        (
            &["a.gene", "--debug", "--", "--debug", "x"],
            "[--debug x]\n",
        ),
        (&["a.gene", "--max-steps", "1000", "x"], "[x]\n"),
        (
            &["--contracts:off", "-O:0", "a.gene", "--help"],
            "[--help]\n",
        ),
        (&["--", "a.gene", "-O", "x"], "[-O x]\n"),
    ] {
        let output = gene(scratch.path(), &[&["run"], args].concat());
        assert_eq!(output.expect(0).out, printed, "{args:?}");
    }
}

#[test]
fn exit_codes_of_gene_run() {
    for (source, code) in [
        ("(println 1)", 0),
        ("(throw \"x\")", 1),
        ("(ifel)", 1),
        ("(exit 42)", 42),
        ("(loop)", 6),
    ] {
        let scratch = Scratch::new();
        scratch.write("a.gene", source);
        let output = gene(scratch.path(), &["run", "--max-steps=100000", "a.gene"]);
        output.expect(code);
        assert_eq!(output.err.is_empty(), matches!(code, 0 | 42));
    }
}

#[test]
fn eval_prints_only_if_asked() {
    let here = Path::new(".");
    let eval = |args: &[&str]| gene(here, &[&["eval"], args].concat());
    assert_eq!(eval(&["(1 + 2)"]).expect(0).out, "");
    assert_eq!(eval(&["-p", "(1 + 2)"]).expect(0).out, "3\n");
    assert_eq!(
        eval(&["--print-last", "(print 1)", "\"x\""]).expect(0).out,
        "1\"x\"\n"
    );
    assert_eq!(
        gene(here, &["e", "-p", "--csv", "[1 \"a\"]"]).expect(0).out,
        "[1 \"a\"]\n"
    );
    assert_eq!(
        gene_reads("(println 7)", here, &["eval"]).expect(0).out,
        "7\n"
    );
    gene_reads("", here, &["eval"])
        .expect(2)
        .one_line("no code");
    let output = eval(&["-p", "(1 % 0)"]);
    assert!(output.expect(1).err.contains("Modulo by zero"));
    assert_eq!(output.out, "");
}

#[test]
fn check_reports_the_errors_of_all_files() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "(println 1)");
    scratch.write("b.gene", "(ifel)");
    scratch.write("c.gene", "(break)\n(ifel)");
    let check = |args: &[&str]| gene(scratch.path(), &[&["check"], args].concat());
    assert_eq!(check(&["a.gene"]).expect(0).out, "");
    let both = check(&["b.gene", "a.gene", "c.gene"]);
    both.expect(1);
    assert!(both.err.contains("b.gene:1:") && both.err.contains("c.gene:2:"));
    let json = check(&["--error-format=json", "b.gene"]);
    assert!(json.expect(1).err.starts_with("{\"code\":"));
    check(&["none.gene"]).expect(3);
}

#[test]
fn code_is_evaluated_in_a_small_heap() {
    let text = "(var sum 0)\n\
         (fn go [n] (var i 0) (while (i < n) (eval `(i += 1)) (eval `(sum += i))))\n\
         (go 100000)\n\
         (println sum)\n";
    let scratch = compiled(text);
    for file in ["a.gene", "a.gir"] {
        let output = gene(scratch.path(), &["run", "--max-memory", "8M", file]);
        assert_eq!(output.expect(0).out, "5000050000\n");
    }
}

#[test]
fn evaluated_code_keeps_to_limits_and_switches() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "(eval `(loop))");
    gene(scratch.path(), &["run", "--max-steps", "10000", "a.gene"]).expect(6);
    let text = "(println (eval `((fn [a: Int] a) \"text\")))";
    scratch.write("b.gene", text);
    gene(scratch.path(), &["run", "b.gene"]).expect(1);
    let output = gene(scratch.path(), &["run", "--no-type-check", "b.gene"]);
    assert_eq!(output.expect(0).out, "text\n");
    scratch.write("c.gene", "(eval `(exit 42))");
    gene(scratch.path(), &["run", "c.gene"]).expect(42);
}

#[test]
fn code_of_many_clauses_is_evaluated() {
    let text = "(var code ($render `(case 39999)))\n\
         (for i in (range 0 40000)\n\
           (code .add_child `when) (code .add_child i) (code .add_child (i * 2)))\n\
         (println (eval code))\n";
    let scratch = compiled(text);
    let output = gene(scratch.path(), &["run", "a.gene"]);
    assert_eq!(output.expect(0).out, "79998\n");
}

#[test]
fn packages_to_work_in() {
    let scratch = Scratch::new();
    scratch.write(
        "proj/package.gene",
        "^name \"acme/proj\"\n^version \"1.2.0\"",
    );
    scratch.write("proj/src/lib.gene", "(fn f [x] (x ++ \"!\"))");
    scratch.write(
        "proj/main.gene",
        "(import f from \"lib\")\n(println (f \"main\") ($pkg .name) $program)",
    );
    scratch.write("other/package.gene", "^name \"acme/other\"");
    let at = |folder: &str, args: &[&str]| gene(&scratch.file(folder), args);
    let run = at(".", &["run", "--pkg", "proj", "main.gene"]);
    assert_eq!(run.expect(0).out, "main! acme/proj main.gene\n");
    let code = "(import f from \"./lib\") (println (f \"code\") ($pkg .version) $program)";
    // By path, by a folder inside of it, and by name.
    for (folder, pkg) in [
        (".", "proj"),
        (".", "proj/src"),
        ("other", "acme/proj"),
        ("proj", "acme/proj"),
    ] {
        let eval = at(folder, &["eval", "--pkg", pkg, code]);
        assert_eq!(eval.expect(0).out, "code! 1.2.0 <eval>\n", "{folder} {pkg}");
    }
    let line = "(import f from \"lib\")\n(f $line)";
    let pipe = gene_reads("a\n", scratch.path(), &["pipe", "--pkg=proj", line]);
    assert_eq!(pipe.expect(0).out, "a!\n");
    let repl = gene_reads(
        "(import f from \"lib\")\n(f \"r\")\n",
        scratch.path(),
        &["repl", "--pkg", "proj"],
    );
    assert_eq!(repl.expect(0).out, "\"r!\"\n");
    let input = gene_reads(code, scratch.path(), &["run", "--pkg", "proj"]);
    assert_eq!(input.expect(0).out, "code! 1.2.0 <stdin>\n");
    let none = at(".", &["run", "--pkg", "acme/none", "main.gene"]);
    none.expect(1).one_line("Package 'acme/none' was not found");
}

#[test]
fn a_prompt_where_an_error_is_raised() {
    let scratch = Scratch::new();
    scratch.write(
        "a.gene",
        "(var top 7)\n(fn f [x]\n  (var y (x * 2))\n  (try (throw \"caught\") catch * nil)\n  \
         (throw #\"no #{y}\"))\n(println \"runs\")\n([5] .map f)\n(println \"never\")",
    );
    let asked =
        "x\ny\n(+ x\n  top)\n$ex/message\nzork\n(y = 1)\ny\nnil\n(throw \"again\")\nexit\n1\n";
    let run = gene_reads(asked, scratch.path(), &["run", "--repl-on-error", "a.gene"]);
    let printed = "runs\n5\n10\n12\n\"no 10\"\n1\n1\n";
    assert_eq!(run.expect(1).out, printed, "{}", run.err);
    for text in [
        "Error: {^message \"no 10\"",
        "^line 5",
        "zork is not defined",
        "Error: again\n",
    ] {
        assert!(run.err.contains(text), "no {text} in {}", run.err);
    }
    assert_eq!(run.err.matches("^message").count(), 1, "{}", run.err);
    let eval = ["eval", "--repl-on-error", "(var a 3) (throw a)"];
    let eval = gene_reads("(a + 1)\n", scratch.path(), &eval);
    assert_eq!(eval.expect(1).out, "4\n", "{}", eval.err);
    let right = gene_reads(
        "1\n",
        scratch.path(),
        &["eval", "--repl-on-error", "-p", "2"],
    );
    assert_eq!(right.expect(0).out, "2\n");
}

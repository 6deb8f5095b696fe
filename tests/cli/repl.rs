//! `gene repl` with pieces from a pipe. What needs a terminal has unit tests beside the code.

use super::gene_reads;
use gene_aot::{Output, Scratch};
use std::path::Path;

fn repl(input: &str) -> Output {
    gene_reads(input, Path::new("."), &["repl"])
}

#[test]
fn values_are_shown_and_definitions_last() {
    let output =
        repl("(var x 4)\n(fn f [n] (n * x))\n\n(f\n  2)\n\"text\"\nnil\n(println \"out\")\n");
    let lines: Vec<&str> = output.expect(0).out.lines().collect();
    assert_eq!(lines[0], "4");
    assert_eq!(
        lines[lines.len() - 3..],
        ["8", "\"text\"", "out"],
        "{lines:?}"
    );
    assert_eq!(output.err, "");
    let input = "(var x 3)\n(eval `(x + 1))\n(eval `(var y 5))\ny\n";
    assert_eq!(repl(input).expect(0).out, "3\n4\n5\n5\n");
    assert_eq!(repl("[1\n2]").expect(0).out, "[1 2]\n");
    assert_eq!(repl("").expect(0).out, "");
}

#[test]
fn evaluated_code_knows_the_session() {
    let output = repl(
        "(type Id Int)\n(let k 5)\n(enum S (C r) P)\n(fn m! [a] ($caller_eval a))\n\
         (eval `(fn f [x: Id] x))\n(f 3)\n(eval `(m! (k + 1)))\n\
         (eval `(case (S/C 7) when (C r) r))\n(eval `(k = 6))\nk\n",
    );
    let lines: Vec<&str> = output.expect(0).out.lines().collect();
    assert_eq!(lines[lines.len() - 4..], ["3", "6", "7", "5"], "{lines:?}");
    assert!(output.err.contains("Cannot reassign 'let' binding 'k'"));
}

#[test]
fn imports_show_no_value() {
    let scratch = Scratch::new();
    scratch.write("lib.gene", "(fn twice [n] (n * 2))");
    let input = "(import twice from \"lib\")\n(twice 4)\n";
    let output = gene_reads(input, scratch.path(), &["repl"]);
    assert_eq!(output.expect(0).out, "8\n");
}

#[test]
fn errors_leave_the_session_alive() {
    let output =
        repl("(var x 1)\n(x % 0)\n(ifel)\n(break)\na)\nno_such\n(throw \"mine\")\n(x + 1)\n");
    let last = output.expect(0).out.lines().last().map(str::to_owned);
    assert_eq!(last.as_deref(), Some("2"), "{}", output.describe());
    for text in [
        "Modulo by zero",
        "ifel: missing condition",
        "no_such",
        "\"mine\"",
    ] {
        assert!(output.err.contains(text), "{text}: {}", output.err);
    }
    // what is still open at the end is an error
    assert!(repl("(a\n").expect(0).err.contains("EOF"));
}

#[test]
fn commands_and_ends() {
    assert!(repl(":help\n").expect(0).out.contains("Ctrl-D"));
    assert_eq!(repl("help\n").expect(0).out, repl(":help").out);
    assert_eq!(
        repl("(var a 1)\n(class C)\n:names\n")
            .expect(0)
            .out
            .lines()
            .last(),
        Some("a C")
    );
    for end in ["exit", "quit", ":quit"] {
        assert_eq!(repl(&format!("1\n{end}\n2\n")).expect(0).out, "1\n");
    }
    assert_eq!(repl("(exit 3)\n1\n").expect(3).out, "");
}

#[test]
fn modules_are_found_beside_the_working_directory() {
    let scratch = Scratch::new();
    scratch.write("lib.gene", "(fn triple [n] (n * 3))\n");
    let input = "(import triple from \"./lib\")\n(triple 2)\n";
    let output = gene_reads(input, scratch.path(), &["repl"]);
    assert_eq!(output.expect(0).out.lines().last(), Some("6"));
}

#[test]
fn pieces_evaluate_code() {
    let output = repl(
        "(var x 1)\n(eval `(x + 1))\n(eval `(var y 5))\n(y + x)\n(eval `(x = 7))\nx\n\
         (fn inc! [a] ($caller_eval ($render `(%a = (%a + 1)))))\n(inc! x)\n\
         (fn f [n] (eval `(n * x)))\n(f 3)\n(eval `(fn x [] 9))\n(x)\n",
    );
    let lines: Vec<&str> = output.expect(0).out.lines().collect();
    let values = [
        "1",
        "2",
        "5",
        "6",
        "7",
        "7",
        "VkFunction",
        "8",
        "VkFunction",
        "24",
        "VkFunction",
        "9",
    ];
    assert_eq!(lines, values, "{}", output.err);
}

#[test]
fn modules_run_once() {
    let scratch = Scratch::new();
    scratch.write(
        "base.gene",
        "(println \"base runs\")\n(var n 0)\n(fn next [] (n += 1))\n(fn m! [a] ($caller_eval a))",
    );
    scratch.write(
        "lib.gene",
        "(import next from \"./base\")\n(println \"lib runs\" (next))\n(class C (ctor [] (/x = 7)))\n\
         (ns shapes (fn /area [] 12))\n(enum E A B)\n(var /size 5)\n(export C shapes E size)",
    );
    scratch.write("bad.gene", "(println \"bad runs\")\n(throw \"no\")");
    let input = "(import next from \"base\")\n(next)\n\
                 (import next:more m! from \"base\") (more)\n\
                 (import C from \"lib\") (throw \"later\")\n\
                 (import * from \"lib\")\n((new C) ./x)\nsize\n\
                 (import shapes/area E:F from \"lib\") (area)\n(case F/A when F/A 1 else 2)\n\
                 (import missing from \"base\")\n(m! (size + 1))\n\
                 (import x from \"bad\")\n(import x from \"bad\")\n(next)\n";
    let output = gene_reads(input, scratch.path(), &["repl"]);
    let lines: Vec<&str> = output.expect(0).out.lines().collect();
    assert_eq!(
        lines,
        [
            "base runs",
            "1",
            "2",
            "lib runs 3",
            "7",
            "5",
            "12",
            "1",
            "6",
            "bad runs",
            "bad runs",
            "4"
        ],
        "{}",
        output.err
    );
    assert!(
        output.err.contains("Symbol 'missing' not found"),
        "{}",
        output.err
    );
    assert_eq!(
        output.err.matches("^message \"no\"").count(),
        2,
        "{}",
        output.err
    );
}

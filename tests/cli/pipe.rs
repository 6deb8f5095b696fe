//! `gene pipe`.

use super::gene_reads;
use gene_aot::{Output, Scratch, programs};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

fn pipe(input: &str, args: &[&str]) -> Output {
    gene_reads(input, Path::new("."), &[&["pipe"], args].concat())
}

#[test]
fn the_value_of_each_line_is_printed() {
    for (input, args, printed) in [
        ("a\n\nb", &["$line"][..], "a\n\nb\n"),
        ("3\n4\n", &["($line/.to_i + 1)"], "4\n5\n"),
        ("x\nkeep\n", &["--filter", "($line == \"keep\")"], "keep\n"),
        ("x\r\n", &["--quote-str", "$line"], "\"x\"\n"),
        (
            "1\n2\n",
            &["(if ($line == \"2\") [$line 'c'])"],
            "[\"2\" 'c']\n",
        ),
        ("1\n", &["nil"], ""),
        ("5\n", &["(eval `($line/.to_i + 1))"], "6\n"),
        ("1\n", &["($line", "++", "$line)"], "11\n"),
        ("", &["$line"], ""),
        (
            "1\n2\n",
            &["(println $program $args)"],
            "<pipe> []\n<pipe> []\n",
        ),
    ] {
        let output = pipe(input, args);
        assert_eq!(output.expect(0).out, printed, "{args:?}");
    }
}

#[test]
fn definitions_last_from_line_to_line() {
    let scratch = Scratch::new();
    scratch.write(
        "sum.gene",
        "#!/usr/bin/env gene pipe\n# sums up\n(var total)\n(fn add [n] (total = ((if total total else 0) + n)))\n(add $line/.to_i)\n",
    );
    let input = "1\n2\n3\n";
    let output = gene_reads(input, scratch.path(), &["pipe", "sum.gene"]);
    assert_eq!(
        output.expect(0).out,
        "1\n2\n3\n",
        "`var` starts each line anew"
    );
    scratch.write("empty.gene", "#!x\n\n# nothing\n");
    gene_reads(input, scratch.path(), &["pipe", "empty.gene"])
        .expect(2)
        .one_line("no code");
}

#[test]
fn errors_name_the_line() {
    let output = pipe("1\n0\n2\n", &["(6 % $line/.to_i)"]);
    assert_eq!(output.expect(1).out, "0\n");
    let start = "Error at line 2: {^message \"Modulo by zero\"";
    assert!(output.err.starts_with(start), "{}", output.err);
    assert_eq!(pipe("1\n", &["(exit 3)"]).expect(3).err, "");
    assert!(pipe("1\n", &["(ifel)"]).expect(1).err.contains("<pipe>:1:"));
    pipe("1\n", &["--max-steps=1000", "(loop)"]).expect(6);
    pipe("1\n", &[]).expect(2);
}

#[test]
fn each_line_is_answered_at_once() {
    let mut child = Command::new(&programs().gene)
        .args(["pipe", "$line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("piped");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    for line in ["one\n", "two\n"] {
        input.write_all(line.as_bytes()).expect("it reads");
        let mut answer = String::new();
        output.read_line(&mut answer).expect("it writes");
        assert_eq!(answer, line);
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

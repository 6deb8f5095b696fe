//! The command lines: here those of gene-compile, gene-vm and gene-dump, and of gene one module
//! for each command.

mod cache;
mod capabilities;
mod compile;
mod dap;
mod debug;
mod debugger;
mod deps;
mod dump;
mod fmt;
mod parse;
mod pipe;
mod repl;
mod reproducible;
mod run;
mod separate;
mod signatures;
mod standalone;
mod tree;
mod warnings;
mod watch;

use gene_aot::{Output, Scratch, programs, run, run_with};
use std::path::Path;
use std::process::Command;

/// What `gene --help` lists.
const COMMANDS: &[&str] = &[
    "run",
    "eval",
    "repl",
    "debug",
    "check",
    "fmt",
    "parse",
    "compile",
    "pipe",
    "run-examples",
    "deps",
    "cache",
    "deser",
    "gir",
    "completions",
];

fn compile(folder: &Path, args: &[&str]) -> Output {
    run(Command::new(&programs().compile)
        .current_dir(folder)
        .args(args))
}

fn vm(folder: &Path, args: &[&str]) -> Output {
    run(Command::new(&programs().vm).current_dir(folder).args(args))
}

fn dump(folder: &Path, args: &[&str]) -> Output {
    run(Command::new(&programs().dump)
        .current_dir(folder)
        .args(args))
}

fn gene(folder: &Path, args: &[&str]) -> Output {
    run(Command::new(&programs().gene)
        .current_dir(folder)
        .args(args))
}

fn gene_reads(input: &str, folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(&programs().gene);
    run_with(command.current_dir(folder).args(args), input.as_bytes())
}

/// A folder with a source and its image `a.gir`.
fn compiled(source: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.gene", source);
    compile(scratch.path(), &["a.gene"]).expect(0);
    scratch
}

#[test]
fn help_and_version() {
    let here = Path::new(".");
    let version = concat!(" ", env!("CARGO_PKG_VERSION"), "\n");
    for start in [compile, vm, dump] {
        let help = start(here, &["--help"]);
        help.expect(0);
        assert!(help.out.contains("Usage:") && help.out.contains("Exit codes:"));
        assert!(start(here, &["--version"]).expect(0).out.ends_with(version));
        assert_eq!(start(here, &["-h"]).expect(0).err, "");
    }
}

#[test]
fn commands_of_gene_explain_themselves() {
    let here = Path::new(".");
    let all = gene(here, &["--help"]);
    assert!(all.expect(0).out.contains("Exit codes:"));
    for args in [&[][..], &["help"], &["h"], &["-h"]] {
        assert!(gene(here, args).expect(0).out.contains("Usage: gene"));
    }
    let names = all
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1);
    let names: Vec<&str> = names
        .map_while(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert_eq!(names, COMMANDS);
    for name in names {
        let help = gene(here, &[name, "--help"]);
        let example = format!("  gene {name}");
        assert!(help.expect(0).out.contains(&example), "{}", help.out);
        assert_eq!(gene(here, &["help", name]).expect(0).out, help.out);
        let wrong = gene(here, &[name, "--no-such-option"]);
        if !["eval"].contains(&name) {
            assert!(
                wrong.expect(2).err.contains("--help"),
                "{}",
                wrong.describe()
            );
        }
    }
    assert_eq!(gene(here, &["no-such-command"]).expect(2).out, "");
}

#[test]
fn wrong_usage_is_code_2() {
    let here = Path::new(".");
    for start in [compile, vm, dump] {
        for args in [&[][..], &["--no-such-option"], &["--no-such-option", "x"]] {
            let output = start(here, args);
            output.expect(2);
            assert!(
                output.out.is_empty() && output.err.contains("Usage:"),
                "{}",
                output.describe()
            );
        }
    }
    for args in [
        &["a.gene", "-O", "7"][..],
        &["a.gene", "--error-format", "xml"],
        &["a.gene", "--check", "-o", "x.gir"],
        &["a.gene", "--emit", "nothing"],
        &["-e", "1"],
        &["-e", "1", "a.gene", "-o", "x"],
    ] {
        compile(here, args).expect(2);
    }
    for args in [
        &["--max-memory", "much", "a.gir"][..],
        &["--max-steps", "-1", "a.gir"],
        &["--max-depth", "x", "a.gir"],
        &["--verify", "never", "a.gir"],
    ] {
        vm(here, args).expect(2);
    }
}

#[test]
fn the_image_lies_beside_the_source_or_where_it_is_wanted() {
    let scratch = compiled("(println \"here\")");
    assert_eq!(vm(scratch.path(), &["a.gir"]).expect(0).out, "here\n");
    compile(scratch.path(), &["a.gene", "--output", "b.image"]).expect(0);
    assert_eq!(vm(scratch.path(), &["b.image"]).expect(0).out, "here\n");
    compile(scratch.path(), &["-e", "(println (1 + 2))", "-o", "e.gir"]).expect(0);
    assert_eq!(vm(scratch.path(), &["e.gir"]).expect(0).out, "3\n");
    assert_eq!(scratch.names(), ["a.gene", "a.gir", "b.image", "e.gir"]);
}

#[test]
fn check_writes_nothing() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "(println 1)");
    scratch.write("b.gene", "(ifel)");
    assert_eq!(
        compile(scratch.path(), &["--check", "a.gene"])
            .expect(0)
            .out,
        ""
    );
    let output = compile(scratch.path(), &["--check", "b.gene"]);
    output.expect(1);
    assert!(output.err.contains("ifel: missing condition"));
    assert_eq!(scratch.names(), ["a.gene", "b.gene"]);
}

#[test]
fn stages_can_be_shown() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "(fn add [a b] (a + b)) (println (add 1 2))");
    let ast = compile(scratch.path(), &["--emit", "ast", "a.gene"]);
    assert!(ast.expect(0).out.contains("(println (add 1 2))"));
    let hir = compile(scratch.path(), &["--emit", "hir", "a.gene"]);
    assert!(hir.expect(0).out.contains("add"));
    let ops = compile(scratch.path(), &["--emit", "ops", "a.gene"]);
    assert!(ops.expect(0).out.contains("add"));
    assert_eq!(scratch.names(), ["a.gene"]);
}

const FOUR_ERRORS: &str =
    "(fn f [x]\n  (let y 1)\n  (y = x))\n(ifel)\n(println (1 +))\n(loop (break ^from nowhere))\n";

#[test]
fn many_errors_in_one_run() {
    let scratch = Scratch::new();
    scratch.write("e.gene", FOUR_ERRORS);
    let output = compile(scratch.path(), &["e.gene"]);
    output.expect(1);
    let expected = [
        ("e.gene:3:", "Cannot reassign 'let' binding 'y'"),
        ("e.gene:4:", "ifel: missing condition"),
        ("e.gene:5:", "infix expression"),
        ("e.gene:6:", "No loop named 'nowhere' found"),
    ];
    for (place, message) in expected {
        assert!(output.err.contains(place), "{place}: {}", output.err);
        assert!(output.err.contains(message), "{message}: {}", output.err);
    }
    // an excerpt, and no colours where nobody sees them
    assert!(output.err.contains("(y = x)"), "{}", output.err);
    assert!(!output.err.contains('\u{1b}'), "{}", output.err);
    let coloured = compile(scratch.path(), &["--color", "always", "e.gene"]);
    assert!(coloured.expect(1).err.contains('\u{1b}'));
    assert_eq!(scratch.names(), ["e.gene"]);
}

#[test]
fn errors_as_json() {
    let scratch = Scratch::new();
    scratch.write("e.gene", FOUR_ERRORS);
    let output = compile(scratch.path(), &["--error-format", "json", "e.gene"]);
    output.expect(1);
    let found: Vec<serde_json::Value> = output
        .err
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!(found.len(), 4, "{}", output.err);
    let lines: Vec<u64> = found
        .iter()
        .filter_map(|error| error["span"]["line"].as_u64())
        .collect();
    assert_eq!(lines, [3, 4, 5, 6], "{}", output.err);
    assert!(found.iter().all(|error| error["severity"] == "error"));
    assert!(found.iter().all(|error| error["message"].is_string()));
}

#[test]
fn errors_as_gene_can_be_read_as_gene() {
    let scratch = Scratch::new();
    scratch.write("e.gene", FOUR_ERRORS);
    let output = compile(scratch.path(), &["--error-format", "gene", "e.gene"]);
    output.expect(1);
    let read = gene_format::text::read_all(output.err.as_bytes());
    assert!(read.errors.is_empty(), "{}", output.err);
    assert!(
        output.err.contains("Cannot reassign 'let' binding 'y'"),
        "{}",
        output.err
    );
}

#[test]
fn errors_in_imported_files_name_them() {
    let scratch = Scratch::new();
    scratch.write("main.gene", "(import f from \"./lib\")\n(f)\n");
    scratch.write("lib.gene", "(fn f [] 1)\n(ifel)\n");
    let output = compile(scratch.path(), &["main.gene"]);
    output.expect(1);
    assert!(output.err.contains("lib.gene:2:"), "{}", output.err);
}

const MODULES: [(&str, &str); 3] = [
    (
        "app/main.gene",
        "(import f from \"./lib/util\")\n(println (f 2) \"€\")\n",
    ),
    (
        "app/lib/util.gene",
        "(import k from \"./more\")\n(fn f [x] (x * k))\n",
    ),
    ("app/lib/more.gene", "(var /k 21)\n"),
];

#[test]
fn the_same_program_gives_the_same_bytes_anywhere() {
    let build = |folder: &Path, args: &[&str]| {
        let mut command = Command::new(&programs().compile);
        command.current_dir(folder).args(args);
        command
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("TZ", "Asia/Kathmandu");
        run(&mut command).expect(0);
    };
    let mut images = Vec::new();
    for _ in 0..3 {
        let scratch = Scratch::new();
        for (name, text) in MODULES {
            scratch.write(name, text);
        }
        compile(scratch.path(), &["app/main.gene", "-o", "1.gir"]).expect(0);
        build(scratch.path(), &["app/main.gene", "-o", "2.gir"]);
        for name in ["1.gir", "2.gir"] {
            images.push(std::fs::read(scratch.file(name)).expect("an image"));
        }
        let place = scratch.path().to_string_lossy().into_owned();
        let image = images.last().expect("an image");
        let found = image
            .windows(place.len())
            .any(|window| window == place.as_bytes());
        assert!(!found, "the image holds the path of its folder");
        assert_eq!(vm(scratch.path(), &["1.gir"]).expect(0).out, "42 €\n");
    }
    assert!(
        images.iter().all(|image| *image == images[0]),
        "the images differ"
    );
}

#[test]
fn what_changes_the_meaning_changes_the_build() {
    let ids = |source: &str, options: &[&str]| {
        let scratch = Scratch::new();
        scratch.write("a.gene", source);
        compile(scratch.path(), &[&["a.gene"][..], options].concat()).expect(0);
        let image = std::fs::read(scratch.file("a.gir")).expect("the image");
        (image[56..88].to_vec(), image[88..120].to_vec()) // content id, build id
    };
    let (content, build) = ids("(println 1)\n", &[]);
    assert_ne!(ids("(println 2)\n", &[]).0, content);
    assert_ne!(ids("(println 1)\n", &["--strict-nil"]).1, build);
    assert_eq!(ids("(println 1)\n", &["--strip"]).0, content);
}

#[test]
fn stripping_keeps_the_meaning() {
    let scratch = compiled("(fn f [x] (x % 0))\n(println \"a\")\n(f 1)\n");
    dump(scratch.path(), &["strip", "a.gir", "-o", "s.gir"]).expect(0);
    compile(scratch.path(), &["--strip", "a.gene", "-o", "t.gir"]).expect(0);
    let read = |name: &str| std::fs::read(scratch.file(name)).expect("an image");
    assert!(read("s.gir").len() < read("a.gir").len());
    assert_eq!(read("s.gir"), read("t.gir"));
    let usual = vm(scratch.path(), &["a.gir"]);
    assert!(usual.expect(1).err.contains("a.gene"), "{}", usual.err);
    assert!(usual.err.contains("^line 1"), "{}", usual.err);
    let stripped = vm(scratch.path(), &["s.gir"]);
    assert_eq!(stripped.expect(1).out, "a\n");
    assert!(stripped.err.contains("Modulo by zero"), "{}", stripped.err);
    assert!(!stripped.err.contains("^line 1"), "{}", stripped.err);
}

#[test]
fn dump_shows_checks_and_finds() {
    let scratch = compiled("(fn double [x] (x * 2))\n(println (double 4) \"text\")\n");
    let listing = dump(scratch.path(), &["a.gir"]);
    assert!(listing.expect(0).out.contains("double") && listing.out.contains("text"));
    let json = dump(scratch.path(), &["--json", "a.gir"]);
    let json: serde_json::Value = serde_json::from_str(&json.expect(0).out).expect("JSON");
    assert!(json.to_string().contains("double"));
    let one = dump(scratch.path(), &["--function", "double", "a.gir"]);
    assert!(one.expect(0).out.contains("double"));
    dump(scratch.path(), &["--function", "nothing", "a.gir"]).expect(2);
    dump(scratch.path(), &["--header-only", "a.gir"]).expect(0);
    dump(scratch.path(), &["verify", "a.gir"]).expect(0);
}

#[test]
fn arguments_reach_the_program() {
    let scratch = compiled("(println $args (len $args))");
    let output = vm(
        scratch.path(),
        &["a.gir", "one", "--two", "-3", "four five", "--max-steps=1"],
    );
    assert_eq!(
        output.expect(0).out,
        "[one --two -3 four five --max-steps=1] 5\n"
    );
    assert_eq!(vm(scratch.path(), &["a.gir"]).expect(0).out, "[] 0\n");
}

#[test]
fn exit_codes_of_programs() {
    for (source, code) in [
        ("(println 1)", 0),
        ("(throw \"x\")", 1),
        ("(exit 0)", 0),
        ("(exit 42)", 42),
        ("(fn f [] (exit 9)) (try (f) catch * 1) (println 2)", 9),
        ("(loop)", 6),
    ] {
        let scratch = compiled(source);
        vm(scratch.path(), &["--max-steps=100000", "a.gir"]).expect(code);
    }
}

#[test]
fn needs_eval_is_refused_at_load() {
    let scratch = compiled("(println \"never\")\n(var form `(1 + 2))\n(println (eval form))\n");
    let output = vm(scratch.path(), &["a.gir"]);
    output.expect(5).one_line("eval");
    assert_eq!(output.out, "");
    assert!(output.err.contains("a.gene:3:"), "{}", output.err);
}

#[test]
fn switches_change_what_is_checked() {
    let scratch = Scratch::new();
    scratch.write(
        "a.gene",
        "(fn f [n: Int] ^pre [(n != -1)] n)\n\
         (println (try (f \"x\") catch TypeException \"type\" catch * \"other\"))\n\
         (println (try (f -1) catch * \"pre\"))\n\
         (println (try (f nil) catch TypeException \"strict\" catch * \"other\"))\n",
    );
    let outcome = |options: &[&str]| {
        compile(scratch.path(), &[&["a.gene"][..], options].concat()).expect(0);
        vm(scratch.path(), &["a.gir"]).expect(0).out.clone()
    };
    assert_eq!(outcome(&[]), "type\npre\nnil\n");
    assert_eq!(outcome(&["--contracts=off"]), "type\n-1\nnil\n");
    assert_eq!(outcome(&["--strict-nil"]), "type\npre\nstrict\n");
    assert_eq!(
        outcome(&["--contracts=off", "--no-type-check"]),
        "x\n-1\nnil\n"
    );
}

#[test]
fn the_build_id_covers_the_sources() {
    let id = |text: &str, folder: &str, args: &[&str]| {
        let scratch = Scratch::new();
        scratch.write(&format!("{folder}/a.gene"), text);
        scratch.write(&format!("{folder}/b.gene"), "(fn f [] 1)");
        let folder = scratch.file(folder);
        compile(&folder, &[&["a.gene"], args].concat()).expect(0);
        let shown = dump(&folder, &["a.gir"]).expect(0).out.clone();
        let id = |name: &str| {
            let line = shown.lines().find(|line| line.contains(name));
            line.unwrap().to_owned()
        };
        (id("content id"), id("build id"))
    };
    let text = "(import f from \"./b\") (f)";
    let first = id(text, "one", &[]);
    assert_eq!(first, id(text, "another/place", &[]));
    assert_eq!(first, id(text, "one", &["--strip"]));
    let (content, build) = id(&format!("{text} # comment"), "one", &[]);
    assert_eq!(content, first.0);
    assert_ne!(build, first.1);
    assert_ne!(id(text, "one", &["--strict-nil"]).1, first.1);
}

#[test]
fn closed_streams_are_empty_ones() {
    let scratch = compiled("(println \"out\")");
    for program in [&programs().vm, &programs().gene] {
        let mut shell = Command::new("sh");
        let script = "\"$0\" a.gir <&- && \"$0\" a.gir >&- && \"$0\" a.gir <&- >&- 2>&-";
        shell.current_dir(scratch.path()).arg("-c").arg(script);
        let output = run(shell.arg(program));
        assert_eq!(output.expect(0).out, "out\n");
        assert_eq!(output.err, "");
    }
}

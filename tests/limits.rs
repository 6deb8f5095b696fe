//! Programs at the borders: very large ones, and ones that never end by themselves. Each ends in
//! a result, an error that the program can catch, or a clear message; never by a signal.

use gene_aot::{Output, Scratch, optimised, programs, run};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Compiles a source text and runs it in the given ways.
struct Program {
    _scratch: Scratch,
    image: std::path::PathBuf,
}

impl Program {
    fn new(source: &str) -> Program {
        Program::with(source, &[])
    }

    fn with(source: &str, options: &[&str]) -> Program {
        let scratch = Scratch::new();
        let source = scratch.write("main.gene", source);
        let image = scratch.file("main.gir");
        compile(&source, &image, options).expect(0);
        Program {
            _scratch: scratch,
            image,
        }
    }

    fn run(&self, options: &[&str]) -> Output {
        run(Command::new(&programs().vm).args(options).arg(&self.image))
    }

    #[track_caller]
    fn prints(&self, options: &[&str], lines: &[&str]) {
        let output = self.run(options);
        output.expect(0);
        assert_eq!(
            output.out.lines().collect::<Vec<_>>(),
            lines,
            "{}",
            output.describe()
        );
    }
}

fn compile(source: &Path, image: &Path, options: &[&str]) -> Output {
    run(Command::new(&programs().compile)
        .args(options)
        .arg(source)
        .arg("-o")
        .arg(image))
}

#[test]
fn seventy_thousand_constants() {
    // Strings and integers, all different, in functions and at top level.
    let mut source = String::from("(var sum 0)\n");
    for part in 0..70 {
        writeln!(source, "(fn part{part} []\n  (var s 0)").unwrap();
        for i in 0..500 {
            let n = part * 1000 + i;
            writeln!(
                source,
                "  (s += (len \"text {n}\"))\n  (s += {}.5)",
                n + 100_000
            )
            .unwrap();
        }
        writeln!(source, "  s)\n(sum += (part{part}))").unwrap();
    }
    source.push_str("(println sum)\n");
    let expected: f64 = (0..70)
        .flat_map(|part| (0..500).map(move |i| part * 1000 + i))
        .map(|n: i64| format!("text {n}").len() as f64 + n as f64 + 100_000.5)
        .sum();
    let expected = format!("{expected:.1}");
    for level in ["-O1", "-O0"] {
        Program::with(&source, &[level]).prints(&[], &[&expected]);
    }
}

#[test]
fn seventy_thousand_constants_in_one_array() {
    let mut source = String::from("(var a [");
    for n in 0..70_000 {
        write!(source, "\"s{n}\" ").unwrap();
    }
    source.push_str("])\n(println (len a) a/0 a/40000 a/69999)\n");
    Program::new(&source).prints(&[], &["70000 s0 s40000 s69999"]);
}

#[test]
fn a_function_of_forty_thousand_instructions() {
    // Twenty thousand branches, none of which can be folded, in one function with long jumps.
    let mut source = String::from("(fn f [n]\n  (var s 0)\n  (while (n > 0)\n");
    for i in 0..20_000 {
        writeln!(source, "    (if ((n % {}) == 1) (s += {i}))", i % 1000 + 2).unwrap();
    }
    source.push_str("    (n -= 1))\n  s)\n(println (f 3))\n");
    let mut expected = 0_i64;
    for n in 1..=3_i64 {
        for i in 0..20_000_i64 {
            if n % (i % 1000 + 2) == 1 {
                expected += i;
            }
        }
    }
    for level in ["-O1", "-O0"] {
        let program = Program::with(&source, &[level]);
        program.prints(&["--verify=eager"], &[&expected.to_string()]);
        let dump = run(Command::new(&programs().dump)
            .args(["--function", "f", "--json"])
            .arg(&program.image));
        dump.expect(0);
        let json: serde_json::Value = serde_json::from_str(&dump.out).expect("JSON");
        let words = largest_code(&json);
        assert!(words >= 40_000, "{level}: only {words} instructions");
    }
}

/// The length of the longest `code` array in a listing.
fn largest_code(json: &serde_json::Value) -> usize {
    match json {
        serde_json::Value::Array(items) => items.iter().map(largest_code).max().unwrap_or(0),
        serde_json::Value::Object(map) => {
            let own = map.get("code").and_then(|code| code.as_array());
            let own = own.map_or(0, Vec::len);
            map.values().map(largest_code).fold(own, usize::max)
        }
        _ => 0,
    }
}

#[test]
fn ten_thousand_functions_and_variables() {
    let mut source = String::new();
    for i in 0..10_000 {
        writeln!(source, "(var v{i} {i})\n(fn f{i} [] (v{i} + 1))").unwrap();
    }
    source.push_str("(println (f0) (f9999) (v5000 + (f5000)))\n");
    Program::new(&source).prints(&[], &["1 10000 10001"]);
}

#[test]
fn two_hundred_locals_and_captures() {
    let mut source = String::from("(fn f []\n");
    for i in 0..200 {
        writeln!(source, "  (var v{i} {i})").unwrap();
    }
    source.push_str("  (fn [] (");
    for i in 0..200 {
        let operator = if i == 0 { "" } else { " + " };
        write!(source, "{operator}v{i}").unwrap();
    }
    source.push_str(")))\n(println ((f)))\n");
    Program::new(&source).prints(&[], &["19900"]);
}

#[test]
fn nesting_too_deep_is_reported() {
    let scratch = Scratch::new();
    for (open, close) in [
        ("(f ", ")"),
        ("[", "]"),
        ("{^a ", "}"),
        ("(1 + ", ")"),
        ("(do ", ")"),
    ] {
        for depth in [1_000, 100_000] {
            let text = format!(
                "(fn f [x] x) {}1{}\n",
                open.repeat(depth),
                close.repeat(depth)
            );
            let source = scratch.write("deep.gene", text);
            let output = compile(&source, &scratch.file("deep.gir"), &[]);
            match output.code {
                Some(0) if depth == 1_000 => {}
                Some(1) => assert!(output.err.contains("deep.gene:1:"), "{}", output.describe()),
                _ => panic!("{open} {depth}: {}", output.describe()),
            }
        }
    }
}

const ENDLESS_RECURSION: &[&str] = &[
    "(fn f [n] (1 + (f (n + 1)))) (f 0)",
    "(fn a [] [(b)]) (fn b [] [(a)]) (a)",
    "(class C (method m [] [(self .m)])) ((new C) .m)",
    "(class C (ctor [] (/c = (new C)))) (new C)",
    "(fn f [x] ([x] .map f)) (f 1)",
    "(fn g* [] (for x in (g*) (yield x))) (for x in (g*) x)",
    "(class C (method \"==\" [o] (self == o)) ) ((new C) == (new C))",
    "(class C (method call [x] [(self x)])) ((new C) 1)",
    "(class C (on_method_missing [n] [(self .other)])) ((new C) .x)",
    "(fn f [] (try (f) finally nil)) (f)",
];

#[test]
fn recursion_without_end_can_be_caught() {
    for source in ENDLESS_RECURSION {
        let program = Program::new(&format!(
            "(fn run [] {source})\n(println (try (run) catch e \"caught\"))\n(println 1)\n"
        ));
        let output = program.run(&["--max-memory=512M"]);
        output.expect(0);
        assert_eq!(output.out, "caught\n1\n", "{source}: {}", output.describe());
    }
}

#[test]
fn recursion_without_end_uncaught_is_an_error() {
    for source in ENDLESS_RECURSION {
        let output = Program::new(source).run(&["--max-memory=512M"]);
        output.expect(1);
        assert!(
            output.err.starts_with("Error: "),
            "{source}: {}",
            output.describe()
        );
        assert!(
            output.err.len() < 100_000,
            "{source}: a report of {} bytes",
            output.err.len()
        );
    }
}

#[test]
fn depth_limit_can_be_set() {
    let program = Program::new(
        "(fn f [n] (if (n == 0) 0 else (1 + (f (n - 1)))))\n\
         (println (f 50))\n(println (try (f 100000) catch RuntimeException \"too deep\"))\n",
    );
    program.prints(&["--max-depth=1000"], &["50", "too deep"]);
    let program =
        Program::new("(fn f [n] (if (n == 0) 0 else (1 + (f (n - 1)))))\n(println (f 100000))");
    program.prints(&[], &["100000"]);
}

/// A handler of missing methods that meets the same method again is told apart.
#[test]
fn endless_missing_methods_have_their_own_message() {
    let program = Program::new(
        "(class Echo (on_method_missing [name] [(self .again)]))\n\
         (println (try ((new Echo) .zip) catch e e/message))\n\
         (fn down [n] (+ 1 (down n)))\n(class Deep (on_method_missing [name] (down 1)))\n\
         (println (try ((new Deep) .zip) catch e (e/message .starts_with \"Stack overflow\")))\n",
    );
    program.prints(
        &["--max-depth=1000"],
        &[
            "on_method_missing recursion limit exceeded while resolving 'again'",
            "true",
        ],
    );
}

const ENDLESS_LOOPS: &[&str] = &[
    "(loop)",
    "(while true)",
    "(loop nil)",
    "(fn f [] (f)) (f)",
    "(fn a [] (b)) (fn b [] (a)) (a)",
    "(for x in (0 .. 9223372036854775806) x)",
    "(repeat 9223372036854775807 nil)",
    "(fn g* [] (loop (yield 1))) (for x in (g*) x)",
    "(fn g* [] (loop)) ((g*) .next)",
    "(loop (try (throw \"x\") catch * nil))",
    "(class C (method m [] (self .m))) ((new C) .m)",
    "(fn f [n] (try (f n) catch * (f n))) (f 1)",
    "([1] .map (fn [x] (loop)))",
];

#[test]
fn loops_without_end_stop_at_the_step_limit() {
    for source in ENDLESS_LOOPS {
        let program = Program::new(&format!(
            "(println \"start\")\n{source}\n(println \"end\")\n"
        ));
        let output = program.run(&["--max-steps=2000000", "--max-depth=100"]);
        output.expect(6).one_line("step limit");
        assert_eq!(output.out, "start\n", "{source}");
    }
}

#[test]
fn the_step_limit_is_the_same_each_time() {
    let program = Program::new("(var n 0) (loop (n += 1) (println n))");
    let first = program.run(&["--max-steps=1000"]);
    let second = program.run(&["--max-steps=1000", "--gc-stress"]);
    assert_eq!(first.out, second.out);
    let lines = first.out.lines().count();
    assert!((300..=1001).contains(&lines), "{lines} lines");
    program.run(&["--max-steps=0"]).expect(6);
}

const ENDLESS_ALLOCATION: &[&str] = &[
    "(var a []) (loop (a .push [1 2 3]))",
    "(var a []) (loop (a .push \"text\"))",
    "(var s \"x\") (loop (s = (s ++ s)))",
    "(var m {}) (var i 0) (loop (i += 1) (m .set #\"k#{i}\" i))",
    "(var l nil) (loop (l = {^next l}))",
    "(fn make [] (var l nil) (loop (var k l) (l = (fn [] k)))) (make)",
    "(class N (ctor [n] (/n = n))) (var n nil) (loop (n = (new N n)))",
    "(fn g* [] (yield 1)) (var a []) (loop (var g (g*)) (g .next) (a .push g))",
    "(var a [1]) (loop (a = [a... a...]))",
    "(var h {{}}) (var i 0) (loop (i += 1) (h .set [i] i))",
    "(var a [1 2 3]) (for x in a (a .push x))",
    "(var s (new HashSet)) (var i 0) (loop (i += 1) (s .add i))",
    "(var s \"ab\") (loop (s = (s .replace_all \"a\" \"aab\")))",
    "(var s \"ab\") (loop (s = ([s s s] .join \",\")))",
    "(var f 1.5) (var a []) (loop (f += 1) (a .push (f .to_s)))",
];

#[test]
fn allocation_without_end_can_be_caught() {
    for source in ENDLESS_ALLOCATION {
        let program = Program::new(&format!(
            "(fn run [] {source})\n(println (try (run) catch e \"caught\"))\n(println 1)\n"
        ));
        let output = program.run(&["--max-memory=16M"]);
        output.expect(0);
        assert_eq!(output.out, "caught\n1\n", "{source}: {}", output.describe());
    }
}

#[test]
fn allocation_without_end_uncaught_is_an_error() {
    for source in ENDLESS_ALLOCATION {
        let output = Program::new(source).run(&["--max-memory=16M"]);
        output.expect(1);
        assert!(
            output.err.starts_with("Error: "),
            "{source}: {}",
            output.describe()
        );
    }
}

#[test]
fn garbage_does_not_count() {
    let rounds = if optimised() { 3_000_000 } else { 300_000 };
    let program = Program::new(&format!(
        "(var keep nil)\n(repeat {rounds} (keep = [1 {{^a \"b\"}} (fn [] keep)]))\n(println (len keep))\n"
    ));
    program.prints(&["--max-memory=8M"], &["3"]);
}

#[test]
fn tiny_limits_give_clear_errors() {
    let program = Program::new("(println \"hello\" [1 2 3])");
    for memory in ["0", "1", "1K", "64K"] {
        let output = program.run(&[&format!("--max-memory={memory}")]);
        match output.code {
            Some(0) => {}
            Some(1) => assert!(output.err.starts_with("Error: "), "{}", output.describe()),
            _ => panic!("{memory}: {}", output.describe()),
        }
    }
    for depth in ["0", "1", "2"] {
        let output = program.run(&[&format!("--max-depth={depth}")]);
        assert!(
            matches!(output.code, Some(0 | 1)),
            "{depth}: {}",
            output.describe()
        );
    }
}

//! Watching programs: what gene-vm and `gene run` tell of a run.

use super::{compile, compiled, gene, gene_reads, vm};
use gene_aot::{Scratch, cases, in_parallel, root};

const PROGRAM: &str = "\
(fn fact [n acc]
  (if (n < 2) acc else (fact (n - 1) (n * acc))))
(fn count* [n]
  (var i 0)
  (while (i < n) (yield i) (i = (i + 1))))
(fn fib [n]
  (if (n < 2) n else ((fib (n - 1)) + (fib (n - 2)))))
(fn risky [x]
  (try (throw x) catch * 7))
(println (fact 4 1) (fib 4) (risky 1))
(for x in (count* 2) (println x))
(println ([1 2] .map (fn [x] (x * 2))))
";

const PRINTED: &str = "24 3 7\n0\n1\n[2 4]\n";

#[test]
fn trace_shows_places_calls_and_values() {
    let scratch = compiled(PROGRAM);
    let all = vm(scratch.path(), &["--trace", "a.gir"]);
    assert_eq!(all.expect(0).out, PRINTED);
    assert!(all.err.contains("Array.map"), "{}", all.err);
    let output = vm(scratch.path(), &["--trace=fact", "a.gir"]);
    assert_eq!(output.expect(0).out, PRINTED);
    let lines: Vec<&str> = output.err.lines().collect();
    assert_eq!(lines.len(), 14, "{}", output.err);
    let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words(0),
        "a.gene:2:7 fact 0000 j_nlt_i r0, 2, @2 ; r0 n | r0=4"
    );
    assert!(words(2).ends_with("mul r6, r0, r1 ; r0 n, r1 acc | r0=4 r1=1 -> r6=4"));
    let fib = vm(scratch.path(), &["--trace=fib", "a.gir"]);
    // fib 4 to fib 0: calls are indented below each other
    for (depth, call) in ["| r0=4", "| r0=3", "| r0=2", "| r0=1"].iter().enumerate() {
        let indented = format!(" {}fib 0000", "  ".repeat(depth + 1));
        assert!(
            (fib.err.lines()).any(|line| line.contains(&indented) && line.ends_with(call)),
            "{indented} {call}\n{}",
            fib.err
        );
    }
}

/// Programs do what they do, watched or not.
#[test]
fn watching_changes_nothing() {
    let cases = cases(&root().join("tests/lang"));
    let some: Vec<_> = cases
        .iter()
        .filter(|case| {
            let path = case.path.to_string_lossy();
            ["07-", "09-", "11-", "18-"]
                .iter()
                .any(|part| path.contains(part))
        })
        .step_by(6)
        .collect();
    assert!(some.len() > 5, "{}", some.len());
    in_parallel(&some, |case| {
        let source = std::fs::read_to_string(&case.path).expect("a program");
        let scratch = Scratch::new();
        scratch.write("a.gene", source);
        let plain = gene(scratch.path(), &["run", "--no-cache", "a.gene"]);
        let watched = gene(
            scratch.path(),
            &["run", "--no-cache", "--trace=no-such-function", "a.gene"],
        );
        assert_eq!(watched.out, plain.out, "{}", case.path.display());
        assert_eq!(watched.err, plain.err, "{}", case.path.display());
        assert_eq!(watched.code, plain.code, "{}", case.path.display());
    });
}

/// The figures of a profile as JSON.
fn profile(scratch: &Scratch) -> serde_json::Value {
    vm(scratch.path(), &["--profile=p.json", "a.gir"]).expect(0);
    let text = std::fs::read_to_string(scratch.file("p.json")).expect("the profile");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn profiles_count_instructions_and_calls() {
    let scratch = compiled(PROGRAM);
    let first = profile(&scratch);
    let function = |name: &str| {
        let list = first["functions"].as_array().expect("a list");
        let found = list.iter().find(|f| f["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {first:#}")).clone()
    };
    // a tail call is a call; a generator that goes on is none
    for (name, calls, own, line) in [("fact", 4, 14, 1), ("fib", 9, 34, 6), ("count*", 1, 7, 3)] {
        let found = function(name);
        let figures = (found["calls"].clone(), found["self"].clone());
        assert_eq!(figures, (calls.into(), own.into()), "{found:#}");
        assert_eq!(
            (&found["file"], &found["line"]),
            (&"a.gene".into(), &line.into())
        );
    }
    // recursion counts once, callees count for their callers
    assert_eq!(function("fib")["total"], 34);
    assert_eq!(function("__init__")["total"], first["instructions"]);
    let map = function("Array.map");
    assert!(map["total"].as_u64() > map["self"].as_u64());
    let sum = |list: &serde_json::Value, field: &str| -> u64 {
        let list = list.as_array().expect("a list");
        list.iter()
            .map(|f| f[field].as_u64().expect("a number"))
            .sum()
    };
    let all = first["instructions"].as_u64().expect("a number");
    assert_eq!(sum(&first["functions"], "self"), all);
    assert_eq!(sum(&first["stacks"], "instructions"), all);
    let opcodes = first["opcodes"].as_object().expect("a map");
    assert_eq!(
        opcodes.values().filter_map(|n| n.as_u64()).sum::<u64>(),
        all
    );
    assert_eq!(opcodes["yield_"], 2);
    assert_eq!(profile(&scratch), first, "two runs agree");
}

#[test]
fn profiles_have_many_forms() {
    let scratch = compiled(PROGRAM);
    let table = vm(scratch.path(), &["--profile", "a.gir"]);
    assert_eq!(table.expect(0).out, PRINTED);
    assert!(table.err.starts_with("profile: "), "{}", table.err);
    assert!(table.err.contains("  fib (a.gene:6)\n"), "{}", table.err);
    let args = ["--profile", "--profile-format=collapsed", "a.gir"];
    let stacks = vm(scratch.path(), &args).expect(0).err.clone();
    assert!(
        stacks.contains("__init__ (a.gene:1);fib (a.gene:6);fib (a.gene:6) 12\n"),
        "{stacks}"
    );
    vm(scratch.path(), &["--profile=p.svg", "a.gir"]).expect(0);
    let svg = std::fs::read_to_string(scratch.file("p.svg")).expect("the graph");
    assert!(
        svg.contains("<svg") && svg.contains("fib (a.gene:6) (34 instructions"),
        "{svg}"
    );
    let lost = vm(scratch.path(), &["--profile=no/such/folder.json", "a.gir"]);
    assert!(lost.expect(3).err.contains("no/such/folder.json"));
    assert_eq!(lost.out, PRINTED);
    let run = [
        "run",
        "--no-cache",
        "--profile",
        "--profile-instructions",
        "a.gene",
    ];
    let times = gene(scratch.path(), &run).expect(0).out.clone();
    let report = times.strip_prefix(PRINTED).expect("what it prints first");
    assert!(
        report.starts_with("\n=== Function Profile Report ===\nFunction   "),
        "{report}"
    );
    assert!(
        report.contains("\nfib                                     9 "),
        "{report}"
    );
    assert!(
        report.contains("\n=== Instruction Profile Report ===\n"),
        "{report}"
    );
    assert!(report.contains("\nTotal functions profiled: "), "{report}");
}

#[test]
fn coverage_counts_lines_functions_and_branches() {
    let scratch = Scratch::new();
    scratch.write(
        "lib/shapes.gene",
        "(fn area [w h]\n  (if (w < 0)\n    0\n  else\n    (w * h)))\n(fn never [x]\n  (x + 1))\n",
    );
    scratch.write(
        "a.gene",
        "(import area from \"lib/shapes\")\n(var i 0)\n(while (i < 3)\n  (area i 2)\n  (i = (i + 1)))\n\
         (println (area 2 3))\n",
    );
    let expected = "\
TN:
SF:a.gene
FNF:0
FNH:0
BRDA:3,0,0,1
BRDA:3,0,1,0
BRDA:3,1,0,1
BRDA:3,1,1,2
BRF:4
BRH:3
DA:2,1
DA:3,3
DA:4,3
DA:5,3
DA:6,1
LF:5
LH:5
end_of_record
TN:
SF:lib/shapes.gene
FN:1,area
FN:6,never
FNDA:4,area
FNDA:0,never
FNF:2
FNH:1
BRDA:2,0,0,0
BRDA:2,0,1,4
BRF:2
BRH:1
DA:2,4
DA:5,4
DA:7,0
LF:3
LH:2
end_of_record
";
    let found = |file: &str| std::fs::read_to_string(scratch.file(file)).expect("the coverage");
    compile(scratch.path(), &["-O0", "a.gene"]).expect(0);
    let linked = vm(scratch.path(), &["--coverage", "linked.info", "a.gir"]);
    assert_eq!(linked.expect(0).out, "6\n");
    assert_eq!(found("linked.info"), expected);
    compile(
        scratch.path(),
        &["-O0", "--separate", "a.gene", "-o", "out"],
    )
    .expect(0);
    vm(scratch.path(), &["--coverage=apart.info", "out/a.gir"]).expect(0);
    assert_eq!(found("apart.info"), expected);
    compile(scratch.path(), &["--strip", "a.gene"]).expect(0);
    let stripped = vm(scratch.path(), &["--coverage", "none.info", "a.gir"]);
    assert!(
        stripped.expect(3).err.contains("stripped"),
        "{}",
        stripped.err
    );
}

#[test]
fn the_log_of_the_collector_agrees_with_its_figures() {
    let scratch = compiled(
        "(class P (ctor [x y] (/x = x) (/y = y)))
         (fn f [] (var all nil) (var i 0) (while (i < 900000) (if (i == 400000) (all = nil)) (all = (new P all i)) (i += 1)) i)
         (println (f))",
    );
    let output = vm(scratch.path(), &["--gc-log=gc.log", "--gc-stats", "a.gir"]);
    assert_eq!(output.expect(0).out, "900000\n");
    let log = std::fs::read_to_string(scratch.file("gc.log")).expect("the log");
    let (collections, rest) = (output.err.strip_prefix("collector: "))
        .and_then(|text| text.split_once(" collections in "))
        .expect("the figures");
    let steps = rest.split_once(" steps").expect("the figures").0;
    assert_eq!(log.lines().count().to_string(), steps, "{log}");
    let (mut started, mut finished, mut freed, mut marking) = (0, 0, 0, false);
    for line in log.lines() {
        let words: Vec<&str> = line.split([' ', ':']).collect();
        let [
            "gc",
            number,
            kind,
            "",
            "traced",
            _,
            "KiB,",
            "live",
            before,
            "->",
            after,
            "KiB,",
            "pause",
            pause,
            "ms",
        ] = words.as_slice()
        else {
            panic!("{line}");
        };
        let live = |text: &str| text.parse::<u64>().expect("a number");
        let expected: &[&str] = match marking {
            true => &["mark", "finish"],
            false => &["sweep", "start", "whole"],
        };
        assert!(expected.contains(kind), "{line}");
        let ends = ["finish", "whole"].contains(kind);
        assert!(!ends || live(after) <= live(before), "{line}");
        assert!(
            pause.parse::<f64>().is_ok_and(|pause| pause < 1e4),
            "{line}"
        );
        marking = ["start", "mark"].contains(kind);
        started += usize::from(["start", "whole"].contains(kind));
        finished += usize::from(*kind == "finish");
        freed += live(before).saturating_sub(live(after));
        assert_eq!(number.parse(), Ok(started), "{line}");
    }
    assert_eq!(started.to_string(), collections);
    assert!(finished > 0 && freed > 1024, "{log}");
    let all = vm(scratch.path(), &["--gc-log", "a.gir"])
        .expect(0)
        .err
        .clone();
    assert_eq!(all.lines().count(), log.lines().count());
}

/// A session at a prompt is watched as a whole.
#[test]
fn sessions_are_watched() {
    let scratch = Scratch::new();
    let args = ["repl", "--profile", "--profile-format=collapsed"];
    let pieces = "(fn f [n] (n * 2))\n(f 1)\n(f 2)\n";
    let output = gene_reads(pieces, scratch.path(), &args);
    assert_eq!(output.expect(0).out, "VkFunction\n2\n4\n");
    let calls = output
        .err
        .lines()
        .filter(|line| line.contains(";f (<repl>:1) "));
    assert!(calls.count() > 0, "{}", output.err);
}

#[test]
fn calls_that_leave_out_checks_are_counted() {
    let scratch = compiled(
        "(fn down [n: Int] -> Int\n  (ifel (n == 0) 0 (down (n - 1))))\n(println (down 5))\n",
    );
    let found = profile(&scratch);
    let list = found["functions"].as_array().expect("a list");
    let down = list.iter().find(|function| function["name"] == "down");
    assert_eq!(down.expect("down")["calls"], 6, "{found:#}");
    vm(scratch.path(), &["--coverage", "c.info", "a.gir"]).expect(0);
    let text = std::fs::read_to_string(scratch.file("c.info")).expect("the coverage");
    assert!(text.contains("FNDA:6,down\n"), "{text}");
    assert!(text.contains("DA:2,6\n"), "{text}");
}

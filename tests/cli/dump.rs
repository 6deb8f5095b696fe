//! What gene-dump shows: parts, graphs, sizes, bytes, rules, differences.

use super::{compile, dump};
use gene_aot::{Output, Scratch, programs, root};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

const SOURCE: &str = "\
(class Point (ctor [x y] (/x = x) (/y = y)) (method sum [] (/x + /y)))
(fn twice [n ^by = 2] (n * by))
(fn count* [n]
  (for i in (range 1 n) (yield (twice i))))
(fn careful [n]
  (try (if (n > 3) (throw \"too large\")) n catch * 0))
(for v in (count* 3) (println v (careful v)))
(println ((new Point 1 2) .sum))
";

fn image() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.gene", SOURCE);
    compile(scratch.path(), &["a.gene"]).expect(0);
    scratch
}

/// Runs gene-dump with these arguments, in one text.
fn show(scratch: &Scratch, args: &str) -> Output {
    let args: Vec<&str> = args.split(' ').collect();
    dump(scratch.path(), &args)
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&output.out).expect("JSON")
}

#[test]
fn parts_of_the_listing() {
    let scratch = image();
    let all = show(&scratch, "a.gir").expect(0).out.clone();
    let functions = show(&scratch, "--functions a.gir").expect(0).out.clone();
    assert!(functions.contains("function twice [n ^by?]  a.gene:2:1, "));
    assert!(functions.contains("words, generator\n"), "{functions}");
    assert!(functions.starts_with("functions\n  f0 "), "{functions}");
    let constants = show(&scratch, "--constants a.gir").expect(0).out.clone();
    assert!(constants.contains(" \"too large\"\n") && all.contains(&constants));
    let strings = show(&scratch, "--strings a.gir").expect(0).out.clone();
    assert!(strings.contains(" too large\n"), "{strings}");
    let both = show(&scratch, "--summary --sections a.gir")
        .expect(0)
        .out
        .clone();
    assert!(both.starts_with("summary\n") && both.contains("\nsections\n"));
    let facts = json(show(&scratch, "--json --summary --strings a.gir").expect(0));
    let count = facts["summary"]["strings"].as_u64().expect("a number") as usize;
    assert_eq!(facts["strings"].as_array().expect("a list").len(), count);
    assert!(facts.get("functions").is_none() && facts.get("table").is_none());
    show(&scratch, "--functions --header-only a.gir").expect(2);
    for text in [all, functions, constants, strings, both] {
        assert!(!text.contains('\x1b'), "colours are for terminals");
    }
}

#[test]
fn lines_of_source_between_instructions() {
    let scratch = image();
    let line = "  ; 4: (for i in (range 1 n) (yield (twice i))))\n";
    let plain = show(&scratch, "--function count* a.gir");
    assert!(!plain.expect(0).out.contains(line));
    let with = show(&scratch, "--source --function count* a.gir");
    assert!(with.expect(0).out.contains(line) && with.err.is_empty());
    scratch.write("a.gene", SOURCE.replace("too large", "too big"));
    let stale = show(&scratch, "--source --function count* a.gir");
    assert!(!stale.expect(0).out.contains(line));
    stale.one_line("not those it was compiled from");
}

/// Names of the nodes of a graph, and its edges with their styles.
fn graph(dot: &str) -> (Vec<String>, Vec<(String, String, String)>) {
    assert!(dot.starts_with("digraph ") && dot.ends_with("}\n"), "{dot}");
    let mut names = BTreeMap::new();
    let mut edges = Vec::new();
    for line in dot.lines().map(str::trim) {
        let words: Vec<&str> = line.split(' ').collect();
        if let Some((_, label)) = line.split_once("[label=\"") {
            let name = label.split("\\l").next().unwrap_or_default();
            let name = name.rsplit(' ').next().unwrap_or_default();
            names.insert(words[0].to_owned(), name.to_owned());
        } else if words.get(1) == Some(&"->") {
            let style = line.split("style=").nth(1).expect("a style");
            let style = style.trim_end_matches("];").to_owned();
            edges.push((words[0].to_owned(), words[2].to_owned(), style));
        }
    }
    let named = edges.into_iter();
    let named = named.map(|(a, b, style)| (names[&a].clone(), names[&b].clone(), style));
    (names.values().cloned().collect(), named.collect())
}

#[test]
fn call_graphs() {
    let scratch = image();
    let (nodes, edges) = graph(&show(&scratch, "--call-graph a.gir").expect(0).out);
    let edge = |a: &str, b: &str, style: &str| {
        edges.contains(&(a.to_owned(), b.to_owned(), style.to_owned()))
    };
    assert!(edge("a.gene", "count*", "solid") && edge("count*", "twice", "solid"));
    assert!(edge("a.gene", "sum", "dashed"), "{edges:?}");
    assert!(nodes.contains(&"careful".to_owned()));
    let (nodes, _) = graph(
        &show(&scratch, "--call-graph --function count* a.gir")
            .expect(0)
            .out,
    );
    assert_eq!(nodes, ["twice", "count*"]);
    let svg = show(&scratch, "--call-graph --svg a.gir")
        .expect(0)
        .out
        .clone();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains(">makes or names</text>"), "{svg}");
    show(&scratch, "--svg a.gir").expect(2);
    show(&scratch, "--call-graph --cfg f1 a.gir").expect(2);
}

#[test]
fn flow_graphs() {
    let scratch = image();
    let (nodes, edges) = graph(&show(&scratch, "--cfg careful a.gir").expect(0).out);
    assert!(
        edges.iter().any(|(_, _, style)| style == "dotted"),
        "{edges:?}"
    );
    assert!(
        edges.iter().any(|(_, _, style)| style == "dashed"),
        "{edges:?}"
    );
    // every block but the first is entered from somewhere
    let targets: Vec<&String> = edges.iter().map(|(_, to, _)| to).collect();
    let entered = nodes.iter().filter(|node| targets.contains(node)).count();
    assert!(
        entered + 1 >= nodes.len() && nodes.len() > 3,
        "{nodes:?} {edges:?}"
    );
    let svg = show(&scratch, "--cfg careful --svg a.gir")
        .expect(0)
        .out
        .clone();
    assert!(
        svg.contains(">exception</text>") && svg.contains("throw r"),
        "{svg}"
    );
    show(&scratch, "--cfg nothing a.gir")
        .expect(2)
        .one_line("no function nothing");
}

#[test]
fn sizes_add_up() {
    let scratch = image();
    let facts = json(show(&scratch, "size --json --treemap t.svg a.gir").expect(0));
    let len = std::fs::metadata(scratch.file("a.gir"))
        .expect("the image")
        .len();
    let list = |name: &str| facts[name].as_array().expect("a list").clone();
    let bytes = |of: &serde_json::Value| of["bytes"].as_u64().expect("a number");
    let sum = |name: &str| list(name).iter().map(bytes).sum::<u64>();
    assert_eq!(sum("sections"), len);
    let section = |name: &str| {
        let found = list("sections")
            .into_iter()
            .find(|part| part["name"] == name);
        found.map_or(0, |part| bytes(&part))
    };
    // without the offset behind the last entry of each
    assert_eq!(sum("strings"), section("STRS") - 4);
    let parts = [
        "CODE", "FUNC", "XTRA", "PARM", "CAPT", "EXCP", "LINE", "VARS",
    ];
    let parts: u64 = parts.into_iter().map(section).sum();
    assert_eq!(sum("functions"), parts - 8);
    let svg = std::fs::read_to_string(scratch.file("t.svg")).expect("a picture");
    assert!(
        svg.contains(">strings: ") && svg.contains(">count*</text>"),
        "{svg}"
    );
    let table = show(&scratch, "size --top 2 a.gir").expect(0).out.clone();
    assert!(table.contains("functions, 2 of "), "{table}");
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
}

#[test]
fn every_byte_is_something() {
    let scratch = image();
    let facts = json(show(&scratch, "--json a.gir").expect(0));
    let section = |name: &str| {
        let sections = facts["sections"].as_array().expect("a list").iter();
        let found = sections.clone().find(|section| section["kind"] == name);
        found.expect("the section")["offset"]
            .as_u64()
            .expect("a number")
    };
    let at = |offset: u64| {
        let offset = offset.to_string();
        dump(scratch.path(), &["--at", &offset, "a.gir"])
            .expect(0)
            .out
            .clone()
    };
    assert!(at(56).contains("content id, byte 0 of 32"));
    assert!(at(128).contains("section table, entry 0: META"));
    let functions = facts["functions"].as_array().expect("a list");
    let twice = functions
        .iter()
        .position(|func| func["name"] == "twice")
        .expect("twice");
    let func = at(section("FUNC") + 44 * twice as u64 + 28);
    assert!(func.contains(" twice (a.gene:2:1)") && func.contains("line, byte 0 of 4: 2 "));
    let start = functions[twice]["code_start"].as_u64().expect("a number");
    let insn = at(section("CODE") + 8 * start + 2);
    assert!(
        insn.contains("instruction   @0 ") && insn.contains("operand a"),
        "{insn}"
    );
    assert!(insn.contains(" twice (a.gene:2:1)"), "{insn}");
    // no offset fails, and the one behind the end is refused
    let len = std::fs::metadata(scratch.file("a.gir"))
        .expect("the image")
        .len();
    for offset in (0..len).step_by(61) {
        assert!(at(offset).lines().count() >= 3, "{offset}");
    }
    dump(scratch.path(), &["--at", &len.to_string(), "a.gir"])
        .expect(2)
        .one_line("no byte");
    dump(scratch.path(), &["--at", "x", "a.gir"]).expect(2);
    assert!(
        show(&scratch, "--at 0x38 a.gir")
            .expect(0)
            .out
            .contains("offset 56 (0x38)")
    );
}

#[test]
fn verification_explains_its_rules() {
    let scratch = image();
    let rules = json(show(&scratch, "verify --explain --json a.gir").expect(0));
    let rules = rules.as_array().expect("a list");
    assert_eq!(rules.len(), 32);
    assert!(
        rules
            .iter()
            .all(|rule| rule["failed"] == 0 && !rule["checked"].is_null())
    );
    let words = rules.iter().find(|rule| rule["rule"] == "V4").expect("V4");
    let facts = json(show(&scratch, "--json --summary a.gir").expect(0));
    let code = &facts["summary"]["code_words"];
    assert!(
        words["checked"].as_u64() >= code.as_u64(),
        "shared code is looked at again"
    );
    let table = show(&scratch, "verify --explain a.gir")
        .expect(0)
        .out
        .clone();
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );

    // an instruction that writes outside its frame, with all checksums made right
    let whole = std::fs::read(scratch.file("a.gir")).expect("the image");
    let sections = json(show(&scratch, "--json --sections a.gir").expect(0));
    let code = sections["sections"].as_array().expect("a list").iter();
    let code = code
        .clone()
        .find(|section| section["kind"] == "CODE")
        .expect("CODE");
    let code = code["offset"].as_u64().expect("a number") as usize;
    let mut bytes = whole.clone();
    bytes[code + 2..code + 4].copy_from_slice(&[0xFF, 0x7F]);
    gene_format::testing::reseal(&mut bytes);
    scratch.write("bad.gir", &bytes);
    let bad = show(&scratch, "verify --explain bad.gir");
    bad.expect(4).one_line("V6: found");
    assert!(
        bad.out.contains("FAILED V6 ") && bad.out.contains("ok     V7 "),
        "{}",
        bad.out
    );
    // damage that nobody repaired: what comes after it is not reached
    let mut bytes = whole;
    bytes[70] ^= 1;
    scratch.write("bad.gir", &bytes);
    let bad = show(&scratch, "verify --explain bad.gir");
    assert!(
        bad.expect(4).out.starts_with("FAILED header "),
        "{}",
        bad.out
    );
    assert!(bad.out.contains("not reached"), "{}", bad.out);
}

#[test]
fn differences_are_explained() {
    let scratch = image();
    std::fs::copy(scratch.file("a.gir"), scratch.file("b.gir")).expect("copied");
    let same = show(&scratch, "diff a.gir b.gir");
    assert_eq!(same.expect(0).out, "");
    let edited = SOURCE
        .replace("(n * by)", "(n - by)")
        .replace("too large", "too big")
        .replace("(println ((new", "(fn extra [] 1)\n(println ((new");
    scratch.write("a.gene", edited);
    compile(scratch.path(), &["a.gene", "-o", "b.gir"]).expect(0);
    let found = show(&scratch, "diff a.gir b.gir").expect(1).out.clone();
    let twice = found
        .split("\nfunction ")
        .find(|part| part.contains(" twice (a.gene:2)"));
    let twice = twice.expect("twice changed");
    assert!(
        twice.contains(" mul r") && twice.contains(" sub r"),
        "{found}"
    );
    assert!(found.contains(" function extra (a.gene:8), "), "{found}");
    assert!(
        found.contains("- \"too large\"\n") && found.contains("+ \"too big\"\n"),
        "{found}"
    );
    assert!(
        !found.contains(" method sum "),
        "what did not change is not shown: {found}"
    );
    let list = json(show(&scratch, "diff --json a.gir b.gir").expect(1));
    assert_eq!(list[0]["area"], "header");

    // options and debug data
    scratch.write("a.gene", SOURCE);
    compile(scratch.path(), &["a.gene", "--strict-nil", "-o", "b.gir"]).expect(0);
    let found = show(&scratch, "diff a.gir b.gir");
    assert!(
        found.expect(1).out.contains("+ strict-nil = on"),
        "{}",
        found.out
    );
    compile(scratch.path(), &["a.gene", "--embed-source", "-o", "b.gir"]).expect(0);
    let found = show(&scratch, "diff a.gir b.gir");
    assert!(
        found.expect(1).out.contains("+ source of a.gene"),
        "{}",
        found.out
    );
    compile(scratch.path(), &["a.gene", "--strip", "-o", "b.gir"]).expect(0);
    let found = show(&scratch, "diff a.gir b.gir");
    assert!(
        found.expect(1).out.contains("- flags has-debug"),
        "{}",
        found.out
    );
    assert!(!found.out.contains("function "), "{}", found.out);
    show(&scratch, "diff a.gir missing")
        .expect(2)
        .one_line("missing");
    show(&scratch, "diff a.gir a.gene")
        .expect(2)
        .one_line("no Gene image");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let image = root().join("runtime/prelude.gir");
    for args in [&[][..], &["--json"], &["--strings"], &["--call-graph"]] {
        let mut command = Command::new(&programs().dump);
        let command = command.args(args).arg(&image);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gene-dump starts");
        drop(child.stdout.take());
        let end = child.wait_with_output().expect("it ends");
        assert_eq!(end.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&end.stderr), "", "{args:?}");
    }
}

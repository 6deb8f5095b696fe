//! `gene compile`, `gene deser` and `gene run-examples`.

use super::{gene, gene_reads};
use gene_aot::{Output, Scratch};
use std::path::Path;

#[test]
fn images_lie_below_the_output_folder() {
    let scratch = Scratch::new();
    scratch.write("src/a.gene", "(println \"here\")");
    let compile =
        |args: &[&str]| -> Output { gene(scratch.path(), &[&["compile"], args].concat()) };
    let made = "Compiling: src/a.gene -> build/src/a.gir\nWritten: build/src/a.gir\n";
    assert_eq!(compile(&["src/a.gene"]).expect(0).out, made);
    assert_eq!(
        compile(&["src/a.gene"]).expect(0).out,
        "Up-to-date: build/src/a.gir\n"
    );
    assert_eq!(compile(&["--force", "src/a.gene"]).expect(0).out, made);
    assert_eq!(
        gene(scratch.path(), &["run", "build/src/a.gir"])
            .expect(0)
            .out,
        "here\n"
    );
    compile(&["-o", "out", "src/a.gene"]).expect(0);
    assert!(scratch.file("out/src/a.gir").is_file());
    scratch.write("b.gene", "(ifel)");
    assert!(
        compile(&["b.gene", "src/a.gene"])
            .expect(1)
            .err
            .contains("b.gene:1:")
    );
    compile(&["none.gene"]).expect(3).one_line("none.gene");
}

#[test]
fn instructions_are_listed() {
    let here = Path::new(".");
    let list = |args: &[&str]| -> Output { gene(here, &[&["compile"], args].concat()) };
    let code = "(fn f [x] (x + 1))\n(println (f 2))";
    for format in ["pretty", "compact", "bytecode"] {
        let output = list(&["-f", format, "-e", code]);
        assert!(
            output.expect(0).out.starts_with("Instructions ("),
            "{format}"
        );
        assert!(output.out.contains("add_"), "{}", output.out);
    }
    assert!(list(&["-a", "-e", code]).expect(0).out.contains("\n0000  "));
    assert_eq!(
        gene_reads(code, here, &["compile"]).expect(0).out,
        list(&["-e", code]).out
    );
    list(&["-f", "none", "-e", code]).expect(2);
}

#[test]
fn serialised_values_are_shown() {
    let scratch = Scratch::new();
    let deser = |args: &[&str]| -> Output { gene(scratch.path(), &[&["deser"], args].concat()) };
    let text = "(gene/serialization {^a [1 \"x\"] ^b (f ^c 2)})";
    assert_eq!(
        deser(&["-e", text]).expect(0).out,
        "{\n  ^a [1 \"x\"]\n  ^b (f ^c 2)\n}\n"
    );
    assert_eq!(
        deser(&["-p", "-f:compact", "-e", "[1 \"a\"]"])
            .expect(0)
            .out,
        "[1 \"a\"]\nType: Array\n"
    );
    assert_eq!(deser(&["-e", "\"a b\""]).expect(0).out, "a b\n");
    assert_eq!(
        deser(&["--gene", "-e", "\"a b\""]).expect(0).out,
        "\"a b\"\n"
    );
    scratch.write("a.gene", "[]");
    scratch.write("b.gene", "(gene/serialization [7])");
    let both = "=== a.gene ===\n[]\n=== b.gene ===\n[\n  7\n]\n";
    assert_eq!(deser(&["a.gene", "b.gene"]).expect(0).out, both);
    deser(&["-e", "(a"])
        .expect(1)
        .one_line("Deserialization error in <eval>");
    let unknown = deser(&["-e", "(ClassRef ^path \"Nope\")"]);
    unknown
        .expect(1)
        .one_line("Deserialization error in <eval>");
    deser(&["none.gene"]).expect(3);
    // The project's manifest is executed first, whichever form it has.
    scratch.write("p/package.gene", "(println \"manifest\")\n(fn f [] 1)");
    let read = |dir: &str| deser(&["--project", dir, "-f", "compact", "-e", "[1]"]);
    assert_eq!(read("p").expect(0).out, "manifest\n[1]\n");
    let flat = "# Flat\n^name \"a/b\"\n^dependencies [($dep \"x/y\" \"*\")]\n";
    scratch.write("p/package.gene", flat);
    assert_eq!(read("p").expect(0).out, "[1]\n");
    scratch.write("p/package.gene", "{^name \"a/b\"}");
    assert_eq!(read("p").expect(0).out, "[1]\n");
    scratch.write("p/package.gene", "(throw \"broken\")");
    read("p").expect(1);
    read("nowhere").expect(3).one_line("nowhere/package.gene");
}

const EXAMPLES: &str = "\
(var base 10)
(fn half [n] ^examples [[4] -> 2.0 [1] -> _ [\"x\"] throws Exception] (n / 2))
(fn /above [n] ^examples [
  [1] -> 11
  [1] -> (base + 2)
  [1 2] throws Exception
  [1] throws TypeException
  [nil] -> (no_such_function)
] (base + n))
(println \"program\")
";

#[test]
fn examples_of_functions_run() {
    let scratch = Scratch::new();
    scratch.write("a.gene", EXAMPLES);
    let output = gene(scratch.path(), &["run-examples", "a.gene"]);
    output.expect(1);
    let lines: Vec<&str> = output.out.lines().collect();
    let start = [
        "program",
        "PASS above example 1: [1] -> 11",
        "FAIL above example 2: [1] -> (base + 2)",
        "  expected: return 12",
        "  actual: return 11",
        "  location: a.gene:5:3",
        "PASS above example 3: [1 2] throws Exception",
        "FAIL above example 4: [1] throws TypeException",
        "  expected: throws TypeException",
        "  actual: return 11",
        "  location: a.gene:7:3",
        "FAIL above example 5: [nil] -> (no_such_function)",
    ];
    assert_eq!(lines[..start.len()], start, "{}", output.describe());
    let end = [
        "PASS half example 1: [4] -> 2.0",
        "PASS half example 2: [1] -> _",
        "PASS half example 3: [\"x\"] throws Exception",
        "Examples run: 8, passed: 5, failed: 3, functions: 2",
    ];
    assert!(lines.ends_with(&end), "{}", output.describe());

    scratch.write(
        "good.gene",
        "(fn f [] ^examples [[] -> [1 {^a 2}]] [1 {^a 2}])",
    );
    gene(scratch.path(), &["run-examples", "good.gene"]).expect(0);
    scratch.write("none.gene", "(fn f [] 1)");
    let none = gene(scratch.path(), &["run-examples", "none.gene"]);
    assert!(
        none.expect(0).out.starts_with("No examples found in /"),
        "{}",
        none.out
    );
    scratch.write("bad.gene", "(fn f [] ^examples [[] = 1] 1)");
    let bad = gene(scratch.path(), &["run-examples", "bad.gene"]);
    assert!(
        bad.expect(1).err.contains("Invalid ^examples"),
        "{}",
        bad.err
    );
    scratch.write(
        "throw.gene",
        "(fn f [] ^examples [[] -> 1] 1) (throw \"x\")",
    );
    gene(scratch.path(), &["run-examples", "throw.gene"]).expect(1);
}

#[test]
fn metadata_for_tools() {
    let scratch = Scratch::new();
    scratch.write("lib.gene", "(fn f [] 1)");
    scratch.write(
        "a.gene",
        "(import f from \"lib\")\n(import gene/json/parse)\n(type Id (Int | Nil))\n\
         (ns shapes (class /Box (ctor [w: Int ^h = 1] (/w = w)) (method area [] -> Float 1.0)))\n\
         (enum E A)\n  (fn first:T [xs: (Array T) n rest...] -> T xs/0)\n\
         (var /size 1)\n(var plain 2)\n(fn plain_one [] 1)\n(fn cb [g: (Fn [Int Any] -> Id ! [Db])] g)",
    );
    let output = gene(scratch.path(), &["compile", "-f", "ai-metadata", "a.gene"]);
    let all: serde_json::Value = serde_json::from_str(&output.expect(0).out).unwrap();
    assert!(output.out.starts_with("{\n  \""), "{}", output.out);
    let is = |path: &str, wanted: serde_json::Value| {
        assert_eq!(all.pointer(path), Some(&wanted), "{path} of {}", output.out);
    };
    use serde_json::json;
    is("/format", json!("ai-metadata"));
    is("/source", json!("a.gene"));
    is(
        "/module_exports",
        json!(["shapes", "first", "size", "plain_one", "cb"]),
    );
    is("/module_imports", json!(["lib", "gene/json/parse"]));
    is("/module_types/0/name", json!("Id"));
    is("/module_types/1/kind", json!("namespace"));
    is(
        "/module_types/1/children/0",
        json!({"name": "Box", "kind": "class", "children": []}),
    );
    is("/type_aliases", json!([{"name": "Id", "type_id": 2}]));
    is("/type_descriptors/2/members", json!([0, 1]));
    is("/type_descriptors/0/name", json!("Int"));
    is("/callables/0/name", json!("shapes/Box.ctor"));
    is("/callables/0/param_type_ids", json!([0, -1]));
    is("/callables/1/return_type_id", json!(3));
    let first = json!({
        "name": "first", "typed": true, "line": 6, "column": 3, "return_type_id": 4,
        "param_type_ids": [5, -1, -1],
        "params": [
            {"name": "xs", "type_id": 5}, {"name": "n", "type_id": -1}, {"name": "rest", "type_id": -1}
        ],
    });
    is("/callables/2", first);
    is("/type_descriptors/4/kind", json!("var"));
    is("/type_descriptors/5/ctor", json!("Array"));
    is("/callables/3/typed", json!(false));
    let function = all["type_descriptors"].as_array().unwrap().last().unwrap();
    assert_eq!(function["effects"], json!(["Db"]));
    assert!(all["instruction_count"].as_u64() > Some(10));
    gene(
        scratch.path(),
        &["compile", "-f", "ai-metadata", "-e", "(f"],
    )
    .expect(1);
}

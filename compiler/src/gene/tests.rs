//! Programs and what they are lowered to. `snapshots/*.txt` hold cases, each a source, a line
//! `---` and the HIR or the errors; a line `===` stands between cases. `BLESS=1` rewrites.

use super::{Files, NoFiles, Options, lower_program};
use crate::hir_print::print;
use crate::source::SourceMap;
use std::path::Path;

/// HIR of a program, or one line `line:column: message` for each error.
fn lowered(source: &str) -> String {
    let mut sources = SourceMap::new();
    let main = sources.add("main.gene", source.as_bytes());
    let options = Options::default();
    match lower_program(&mut sources, main, "/main.gene", &mut NoFiles, &options) {
        Ok(hir) => print(&hir),
        Err(errors) => {
            let line = |error: &crate::diag::Diagnostic| match error.place {
                Some(place) => {
                    let at = sources.location(place.file, place.start);
                    format!("{}:{}: {}\n", at.line, at.column, error.message)
                }
                None => format!("{}\n", error.message),
            };
            errors.iter().map(line).collect()
        }
    }
}

/// The program has exactly this error.
#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(lowered(source).trim_end(), expected, "in: {source}");
}

fn bless(text: &str) -> String {
    let cases = text.split("\n===\n").map(|case| {
        let source = case.split("\n---\n").next().unwrap_or("").trim_end();
        format!("{source}\n---\n{}", lowered(source).trim_end())
    });
    cases.collect::<Vec<_>>().join("\n===\n") + "\n"
}

#[test]
fn programs_are_lowered_as_the_snapshots_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gene/snapshots");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let renewed = bless(text.trim_end());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, renewed).unwrap();
        } else {
            assert_eq!(text, renewed, "{}", path.display());
        }
    }
}

#[test]
fn branches() {
    check("(if)", "1:1: if: missing condition");
    check("(if true)", "1:1: if: missing body after condition");
    check("(if 1 2 elif)", "1:1: elif: missing condition");
    check(
        "(if 1 2 else 3 else 4)",
        "1:16: if: unexpected branch after else",
    );
    check("(ifel)", "1:1: ifel: missing condition");
    check("(ifel 1)", "1:1: ifel: missing body after condition");
    let message = "ifel: expected condition, then expression, and optional else expression";
    check("(ifel 1 2 3 4)", &format!("1:1: {message}"));
    let message = "if_not: else branches are not supported; use if ... else ... or nest if_not";
    check("(if_not 1 2 else 3)", &format!("1:1: {message}"));
    check("(if_not)", "1:1: if_not: missing condition");
    check("(case)", "1:1: case: missing target expression");
    check("(case 1 when)", "1:1: case: missing value after 'when'");
    check(
        "(case 1 foo 2)",
        "1:9: case: expected 'when' or 'else', got: foo",
    );
}

#[test]
fn loops() {
    check(
        "(while)",
        "1:1: while expects at least 1 argument (condition)",
    );
    check(
        "(repeat)",
        "1:1: repeat expects at least 1 argument (count)",
    );
    let message = "repeat with index/total variables not yet implemented in VM";
    check("(repeat 3 ^index i 1)", &format!("1:1: {message}"));
    let message = "for loop requires 'in' keyword followed by a collection";
    check("(for x [1] 1)", &format!("1:1: {message}"));
    check("(for 5 in [1] 1)", "1:6: for expects a name or a pattern");
    check("(loop (break ^from a))", "1:7: No loop named 'a' found");
    check(
        "(loop ^name a (fn [] (continue ^from a)))",
        "1:22: No loop named 'a' found",
    );
    check("(try 1 catch)", "1:1: catch requires a pattern");
    check("(try 1 catch 5 2)", "1:14: invalid catch pattern");
}

#[test]
fn operators() {
    check("(1 + 2 3)", "1:1: Incomplete infix expression");
    check("(1 + 2 3 4)", "1:1: Invalid infix expression");
    check("(1 + + + 2)", "1:1: Invalid infix expression");
    check("(-)", "1:1: - requires at least one argument");
    check("(/)", "1:1: / requires at least one argument");
    check("(% 1)", "1:1: % requires at least 2 arguments");
    check("(< 1)", "1:1: < requires exactly 2 arguments");
    check("(is 1 2 3)", "1:1: is requires exactly 2 arguments");
    check("(&&)", "1:1: && requires at least one argument");
    check("(! 1 2)", "1:1: not expects exactly 1 argument");
    check("(not)", "1:1: not expects exactly 1 argument");
    check("(typeof 1 2)", "1:1: typeof expects exactly 1 argument");
    check("(./ 1)", "1:1: ./ requires at least 2 arguments");
    check(
        "(1 ./a 2 3)",
        "1:1: ./ expects a segment and an optional default",
    );
}

#[test]
fn variables() {
    check(
        "(let x 1) (x = 2)",
        "1:12: Cannot reassign 'let' binding 'x'",
    );
    check(
        "(let x 1) (fn f [] (x += 2))",
        "1:21: Cannot reassign 'let' binding 'x'",
    );
    check(
        "(fn f [] (let y 1) (y = 2))",
        "1:21: Cannot reassign 'let' binding 'y'",
    );
    check(
        "(fn f [] (let y 1) (fn [] (y = 2)))",
        "1:28: Cannot reassign 'let' binding 'y'",
    );
    let message = "destructuring assignment has been removed; use (var pattern value) and then \
                   assign explicitly";
    check("([a b] = [1 2])", &format!("1:1: {message}"));
    check("({^a b} = [1 2])", &format!("1:1: {message}"));
    check("(var)", "1:1: var expects a name");
    check("(let 5 1)", "1:6: let expects a name or a pattern");
    check(
        "(var x 1 2)",
        "1:1: too many values in a variable declaration",
    );
    check("(var x:)", "1:1: x is missing a type after ':'");
    let message = "Reserved identifier 'self' cannot be used for variable";
    check("(var self 1)", &format!("1:1: {message}"));
    check("(self = 1)", "1:2: Cannot assign to 'self'");
    check("(x/.m = 1)", "1:2: Cannot assign to path segment '.m'");
    check("(5 = 1)", "1:2: invalid assignment target");
    check("(x = 1 2)", "1:1: = expects a target and a value");
    check(
        "(println %x)",
        "1:10: Unquote is only allowed inside a quoted template",
    );
}

#[test]
fn functions() {
    check("(fn)", "1:1: fn requires a name or argument list");
    check("(fn f)", "1:1: fn requires an argument list after the name");
    check(
        "(fn f (a) 1)",
        "1:7: fn argument list must be an array, e.g. [a b]",
    );
    check(
        "(fn (a) 1)",
        "1:5: fn argument list must be an array, e.g. [a b]",
    );
    check("(fnx [a] 1)", "1:1: fnx is not supported; use fn");
    let message = "Reserved identifier 'self' cannot be used for parameter";
    check("(fn f [self] 1)", &format!("1:8: {message}"));
    let message = "Only one named positional rest parameter is allowed";
    check("(fn f [a... b...] 1)", &format!("1:13: {message}"));
    check(
        "(fn f [... a] 1)",
        "1:8: Positional rest must follow a named parameter",
    );
    check(
        "(fn f [= 1] 1)",
        "1:8: a default value must follow a parameter",
    );
    check("(fn f [(a)] 1)", "1:8: a parameter must be a name");
    check(
        "(fn f [] ^intent 5 1)",
        "1:18: Invalid ^intent for function f: expected a string",
    );
    let start = "Invalid ^examples for function f:";
    check(
        "(fn f [] ^examples 5 1)",
        &format!("1:20: {start} expected an array"),
    );
    let what = "expected argument array, got VkSymbol";
    check(
        "(fn f [] ^examples [a -> 1] 1)",
        &format!("1:21: {start} {what}"),
    );
    let what = "missing operator after argument array";
    check(
        "(fn f [] ^examples [[]] 1)",
        &format!("1:21: {start} {what}"),
    );
    let what = "unsupported operator 'x'; expected '->' or 'throws'";
    check(
        "(fn f [] ^examples [[] x 1] 1)",
        &format!("1:24: {start} {what}"),
    );
    check(
        "(fn g* [] (yield 1 2))",
        "1:11: yield expects 0 or 1 argument",
    );
    check("(async 1 2)", "1:1: async expects exactly 1 argument");
    check("(await)", "1:1: await expects at least 1 argument");
    check(
        "(await ^timeout t f)",
        "1:1: await ^timeout must be a number literal",
    );
}

#[test]
fn known_arity() {
    let message = "Type error: too many positional arguments in call (expected 1, got 2)";
    check("(fn f [a] a) (f 1 2)", &format!("1:14: {message}"));
    check("(f 1 2) (fn f [a ^k = 1] a)", &format!("1:1: {message}"));
    check(
        "(fn g [] (fn f [a] a) (f 1 2))",
        &format!("1:23: {message}"),
    );
    let fine = [
        "(fn f [] 1) (f 1 2)",
        "(fn f [a b = 1] 1) (f 1 2 3)",
        "(fn f [a...] 1) (f 1 2)",
    ];
    for source in fine {
        assert!(lowered(source).starts_with("module"), "{source}");
    }
    assert!(lowered("(fn f [a] a) (f = 5) (f 1 2)").starts_with("module"));
    assert!(lowered("(fn f [a] a) (f [1 2]...)").starts_with("module"));
}

#[test]
fn several_errors_in_one_run() {
    let expected = "1:1: if: missing condition\n2:1: fn requires a name or argument list\n\
                    3:1: - requires at least one argument";
    check("(if)\n(fn)\n(- )", expected);
}

/// Files in memory.
struct Memory(Vec<(&'static str, &'static str)>);

impl Files for Memory {
    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        let found = self.0.iter().find(|file| file.0 == path)?;
        Some(found.1.as_bytes().to_vec())
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        match name {
            "MODE" => Some("fast".into()),
            "GENE_WORKSPACE_PATH" => Some("/library/shared_modules".into()),
            _ => None,
        }
    }

    fn list(&mut self, path: &str) -> Vec<String> {
        let below = |file: &(&str, &str)| {
            let rest = file.0.strip_prefix(path)?.strip_prefix('/')?;
            Some(rest.split('/').next()?.to_owned())
        };
        let mut names: Vec<String> = self.0.iter().filter_map(below).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// HIR or errors of `/app/main.gene` among the files.
fn linked(files: &[(&'static str, &'static str)]) -> String {
    let mut files = Memory(files.to_vec());
    let text = files.read("/app/main.gene").unwrap();
    let mut sources = SourceMap::new();
    let main = sources.add("main.gene", text);
    let options = Options::default();
    match lower_program(&mut sources, main, "/app/main.gene", &mut files, &options) {
        Ok(hir) => print(&hir),
        Err(errors) => errors
            .iter()
            .map(|error| format!("{}\n", error.message))
            .collect(),
    }
}

#[track_caller]
fn check_linked(files: &[(&'static str, &'static str)], fragments: &[&str]) {
    let found = linked(files);
    for fragment in fragments {
        assert!(
            found.contains(fragment),
            "{fragment} is missing in:\n{found}"
        );
    }
}

#[test]
fn imported_names_mean_the_variables_of_their_module() {
    let geometry = "(fn area [w h] (w * h)) (ns round (var /unit 1)) (var hidden 2)";
    let files = |main| [("/app/main.gene", main), ("/app/lib/geo.gene", geometry)];
    let main = "(import area:size round/unit from \"lib/geo\") (println (size 1 2) unit)";
    let expected = [
        "module lib/geo.gene init f0\nmodule main.gene init f2",
        "(set g3 (call %#import_member g1 \"round\" \"unit\"))",
        "(call %println (call g0 1 2) g3)",
    ];
    check_linked(&files(main), &expected);
    let main = "(import * from \"lib/geo.gene\") (area 1 2)";
    check_linked(&files(main), &["(call g0 1 2)"]);
    let main = "(import hidden from \"./lib/geo\")";
    check_linked(&files(main), &["Symbol 'hidden' not found in namespace"]);
    let main = "(import area from \"lib/geo\") (area 1 2 3)";
    check_linked(
        &files(main),
        &["too many positional arguments in call (expected 2, got 3)"],
    );
}

#[test]
fn exports_decide_what_can_be_imported() {
    let tools = "(var limit 1) (let top 2) (fn inner [] 3) (export limit \"top\")";
    let files = |main| [("/app/main.gene", main), ("/app/tools.gene", tools)];
    let main = "(import limit top from \"tools\") (println limit top)";
    check_linked(
        &files(main),
        &["(seq (set g3 g0) (set g4 g1) (call %println g3 g4))"],
    );
    let main = "(import inner from \"tools\")";
    let message = "[GENE.IMPORT.EXPORT_MISSING] Cannot import 'inner' from module with explicit \
                   exports";
    check_linked(&files(main), &[message]);
    check("(export)", "1:1: export expects at least one name");
    check("(export 1)", "1:9: export names must be symbols or strings");
    check(
        "(export a/b)",
        "1:9: export names must be symbols or strings",
    );
    check(
        "(export \"a/b\")",
        "1:9: export names must be simple strings",
    );
    check("(export x)", "1:9: Cannot export 'x': value not found");
    check(
        "(do (export x))",
        "1:5: export is only allowed at module top level",
    );
}

#[test]
fn modules_are_searched_in_tiers() {
    let main = "(import x from \"a\")";
    check_linked(
        &[("/app/main.gene", main)],
        &["[GENE.MODULE.NOT_FOUND] Module 'a'"],
    );
    let twice = [
        ("/app/main.gene", main),
        ("/app/a.gene", ""),
        ("/app/a", ""),
    ];
    check_linked(&twice, &["[GENE.MODULE.AMBIGUOUS]", "'importer' tier"]);
    let package = [
        ("/app/main.gene", main),
        (
            "/app/package.gene",
            "^name \"demo/app\" ^source-dir \"code\"",
        ),
        ("/app/code/a.gene", "(fn x [] 1)"),
    ];
    check_linked(&package, &["module code/a.gene"]);
    let workspace = [
        ("/app/main.gene", main),
        ("/library/shared_modules/src/a.gene", "(fn x [] 1)"),
    ];
    check_linked(&workspace, &["module ../library/shared_modules/src/a.gene"]);
    let cycle = [
        ("/app/main.gene", main),
        ("/app/a.gene", "(import y from \"main\")"),
    ];
    let message = "[GENE.MODULE.CYCLE] Cyclic import detected: main.gene -> a.gene -> main.gene";
    check_linked(&cycle, &[message]);
}

#[test]
fn packages_are_found_by_path_and_by_name() {
    let base = (
        "/app/packages/acme/base/package.gene",
        "{^name \"acme/base\"}",
    );
    let entry = ("/app/packages/acme/base/src/index.gene", "(fn greet [] 1)");
    let main = "(import greet from \"index\" ^pkg \"acme/base\") (greet)";
    let name = "module packages/acme/base/src/index.gene";
    check_linked(
        &[("/app/main.gene", main), base, entry],
        &[name, "(call g0)"],
    );
    let main = "(import greet from \"index\" of \"acme/base\" ^path \"packages/acme/base\")";
    check_linked(&[("/app/main.gene", main), base, entry], &[name]);
    let main = "(import greet from \"../../x\" ^pkg \"acme/base\")";
    check_linked(
        &[("/app/main.gene", main), base, entry],
        &["[GENE.PACKAGE.BOUNDARY]"],
    );
    let main = "(import greet from \"index\" ^pkg \"acme/none\")";
    check_linked(
        &[("/app/main.gene", main), base, entry],
        &["[GENE.PACKAGE.NOT_FOUND]"],
    );
}

#[test]
fn import_forms() {
    let message = "Module path not specified in import statement";
    check("(import area)", &format!("1:1: {message}"));
    let message = "'from' must be followed by a string module path";
    check("(import f from modules)", &format!("1:1: {message}"));
    let message = "import is compile-time only; place imports at module top level or emit them \
                   from (comptime ...)";
    check(
        "(fn f [] (import a from \"b\"))",
        &format!("1:10: {message}"),
    );
    let names = lowered("(import gene/json/parse:read) (read 1)");
    assert!(names.contains("(call g0 1)"), "{names}");
    let names = lowered("(import gene/json/*) (parse 1)");
    assert!(names.contains("(call name:parse 1)"), "{names}");
}

#[test]
fn comptime_emits_the_definitions_it_reaches() {
    let main = "(comptime (var mode ($env \"MODE\" \"slow\")) (if (mode == \"fast\") \
                (fn label [] \"F\") else (fn label [] \"S\"))) (println (label))";
    check_linked(
        &[("/app/main.gene", main)],
        &["global g0 label = f1", "\"F\""],
    );
    assert!(!lowered("(println (comptime 1))").contains("comptime"));
    let cases = [
        ("(f)", "unsupported expression"),
        ("nowhere", "unknown variable nowhere"),
        ("(1 + \"a\")", "+ expects numbers"),
        ("(\"a\" ++ 1)", "++ expects two strings"),
        ("(1 < \"a\")", "comparison expects numbers or strings"),
        ("(== 1)", "== expects exactly 2 arguments"),
        ("(&& true)", "logical operator expects 2 arguments"),
        ("(x = 1 2)", "= expects exactly 2 arguments"),
        ("(5 = 1)", "assignment expects a symbol on the left"),
        (
            "(5 += 1)",
            "compound assignment expects a symbol and a value",
        ),
        ("(var 5)", "var expects a symbol name"),
        ("(not 1 2)", "not expects exactly 1 argument"),
        ("($env)", "$env/get_env expects at least 1 argument"),
        ("($env 5)", "$env/get_env expects a string or symbol"),
        ("(2 ** 3)", "unsupported operator **"),
        ("(1 + 2 * 3)", "unknown variable *"),
    ];
    for (source, message) in cases {
        let found = lowered(&format!("(comptime {source})"));
        assert!(
            found.trim_end().ends_with(&format!("comptime: {message}")),
            "{source}: {found}"
        );
    }
}

#[test]
fn classes_and_types() {
    check("(class A < 5)", "1:12: Invalid superclass");
    check("(class A implements X)", "1:21: Unknown interface: X");
    let message = "Macro-like constructors are not supported; use (ctor [args] ...)";
    check("(class A (ctor! [x] x))", &format!("1:10: {message}"));
    check("(new! A)", &format!("1:1: {message}"));
    check(
        "(class B (method m [] (super .ctor!)))",
        &format!("1:23: {message}"),
    );
    let message = "Macro-like class methods are not supported; use (method name [args] ...)";
    check("(class A (method m! [x] x))", &format!("1:10: {message}"));
    check(
        "(class B (method m [] (super .m!)))",
        &format!("1:23: {message}"),
    );
    let message = "method requires an array argument list; use [] for no arguments";
    check("(class A (method go x))", &format!("1:10: {message}"));
    let message = "Classes must declare interfaces in the header with implements";
    check("(class A (implement I for B))", &format!("1:10: {message}"));
    let message = "Legacy dotted class members are not supported; use (method ...) or (ctor ...) \
                   instead";
    check("(class A (.fn go [] 1))", &format!("1:10: {message}"));
    let message = "super can only be used in call form: (super .member ...)";
    check("(class A (method m [] super))", &format!("1:23: {message}"));
    check(
        "(class A (method m [] (super m)))",
        &format!("1:23: {message}"),
    );
    check(
        "(interface I (method m [] 1))",
        "1:14: interface methods cannot have a body",
    );
    check(
        "(interface I (var x 1))",
        "1:14: unsupported interface member: var",
    );
    let message = "interface method requires a name and parameter list";
    check("(interface I (method m))", &format!("1:14: {message}"));
    check(
        "(interface I (field m))",
        "1:14: field requires a name and type",
    );
    let message = "legacy ADT declaration for P is no longer supported; use enum declarations \
                   such as (enum P:T:E ...)";
    check("(type (P a) b)", &format!("1:1: {message}"));
}

#[test]
fn enums_and_patterns() {
    check("(enum E a b a)", "1:13: enum E has duplicate variant a");
    check(
        "(enum E (V f f))",
        "1:14: enum variant E/V has duplicate field f",
    );
    let message = "enum variant E/V field value is missing a type after ':'";
    check("(enum E (V value:))", &format!("1:12: {message}"));
    let message = "enum member must be a symbol or data variant (Name field1 field2)";
    check("(enum E 5)", &format!("1:9: {message}"));
    check(
        "(enum B:T:T a)",
        "1:7: enum B has duplicate generic parameter T",
    );
    let message = "enum generic declaration 'B:t' has invalid generic parameter syntax";
    check("(enum B:t a)", &format!("1:7: {message}"));
    let message = "variant S is ambiguous; use a qualified pattern such as A/S or B/S";
    check(
        "(enum A (S x)) (enum B (S x)) (case 1 when (S x) x)",
        &format!("1:45: {message}"),
    );
    let message = "enum pattern E/V binding must be a symbol";
    check(
        "(enum E (V a)) (case 1 when (E/V 5) 1)",
        &format!("1:34: {message}"),
    );
    check("(var [a (b)] x)", "1:9: Unsupported destructuring pattern");
    let message = "Unsupported map destructuring pattern: expected symbol bindings";
    check("(var {^^a} x)", &format!("1:7: {message}"));
    let message = "match has been removed; use (var pattern value) for binding or (case ...) for \
                   branching";
    check("(match x)", &format!("1:1: {message}"));
}

#[test]
fn selectors() {
    check(
        "(@)",
        "1:1: @ expects at least 1 argument for selector creation",
    );
    check("(@ \"\")", "1:4: @ selector segment cannot be empty");
    check("($set m @a)", "1:1: $set expects exactly 3 arguments");
    let message = "$set expects a selector (@property) as second argument";
    check("($set m \"a\" 1)", &format!("1:9: {message}"));
    check("($set m @a/b 1)", &format!("1:9: {message}"));
}

//! What the compiler says of programs that it accepts, and second places of errors.

use super::{compile, gene};
use gene_aot::Scratch;

/// What `--check` of a program says.
fn said(source: &str, code: i32) -> String {
    let scratch = Scratch::new();
    scratch.write("a.gene", source);
    compile(scratch.path(), &["--check", "a.gene"])
        .expect(code)
        .err
        .clone()
}

#[track_caller]
fn check(source: &str, wanted: &[&str]) {
    let said = said(source, 0);
    for text in wanted {
        assert!(said.contains(text), "no {text:?} in\n{said}");
    }
    assert_eq!(said.is_empty(), wanted.is_empty(), "{said}");
}

#[test]
fn missing_variants() {
    let job = "(enum Job (Run c) Idle Done)";
    check(
        &format!("{job}\n(fn f [j] (case j when (Job/Run c) c when Job/Idle 1))"),
        &[
            "warning: non-exhaustive case over Job; missing variants: Done",
            "2:11",
        ],
    );
    check(
        "(fn f [r] (case r when (Ok v) v))",
        &["non-exhaustive case over Result; missing variants: Err"],
    );
    check(
        &format!("{job}\n(fn f [j] (case j when (Run c) c else 2))"),
        &[],
    );
    check(
        &format!("{job}\n(fn f [j] (case j when Job/Idle 1 when 5 2))"),
        &[],
    );
    check("(fn f [r] (case r when (Some v) v when None 0))", &[]);
}

#[test]
fn literals_of_other_types() {
    check(
        "(fn f [a: Int b: String] a)\n(try (f \"x\" 1) catch * nil)",
        &[
            "warning: Type error: expected Int, got String in call\n --> a.gene:2:9",
            "::: a.gene:1:8",
            "expected Int because of this",
            "expected String, got Int in call",
        ],
    );
    check(
        "(fn f [a: Int] a)\n(f 3.5)",
        &["Lossy conversion Float -> Int for a: 3.5 -> 3"],
    );
    check(
        "(var x: Int \"a\")",
        &["expected Int, got String in variable"],
    );
    check(
        "(fn f [] (var x: Float 1) x)",
        &["expected Float, got Int in variable"],
    );
    check(
        "(fn f [a: Int b: Float c: (Int | String)] a)\n(f 4.0 1 \"x\")",
        &[],
    );
    check("(fn f [a: Int] a)\n(f nil)\n(var f nil)", &[]);
}

#[test]
fn misspelt_names() {
    check(
        "(fn f [total] (println totla))",
        &[
            "warning: totla is not defined",
            "hint: did you mean `total`?",
        ],
    );
    check("(fn f [] (printn 1))", &["did you mean `println`?"]);
    // Nothing is near, or a form makes the name.
    check("(fn f [] (unknown_thing 1))", &[]);
    check("(fn f [] (totla = 1) totla)\n(var total 1)", &[]);
}

#[test]
fn imports_that_fail() {
    let scratch = Scratch::new();
    scratch.write("lib.gene", "(fn area [] 1) (fn size [] 2)\n(var kept 2)");
    scratch.write("a.gene", "(import aera kept from \"lib\")\n(aera)");
    let said = compile(scratch.path(), &["--check", "a.gene"])
        .expect(1)
        .err
        .clone();
    for text in [
        "error: Symbol 'aera' not found in namespace\n --> a.gene:1:9",
        "did you mean `area`?",
        "this module has no `aera`; it offers `area` and `size`",
        "error: Symbol 'kept' not found in namespace\n --> a.gene:1:14",
        "this module keeps `kept` to itself",
        "::: lib.gene:1:1",
    ] {
        assert!(said.contains(text), "no {text:?} in\n{said}");
    }
    assert!(!said.contains("warning"), "{said}");
    scratch.write("b.gene", "(import c from \"c\")");
    scratch.write("c.gene", "\n(import b from \"b\")");
    let said = compile(scratch.path(), &["--check", "b.gene"])
        .expect(1)
        .err
        .clone();
    for text in [
        "[GENE.MODULE.CYCLE] Cyclic import detected: b.gene -> c.gene -> b.gene",
        "--> c.gene:2:1",
        "::: b.gene:1:1",
        "c.gene is imported here",
    ] {
        assert!(said.contains(text), "no {text:?} in\n{said}");
    }
}

/// What `--check` says of a program that imports `x` from this module.
fn imports_x(module: &str, code: i32) -> String {
    let scratch = Scratch::new();
    scratch.write("lib.gene", module);
    scratch.write("a.gene", "(import x from \"lib\")");
    compile(scratch.path(), &["--check", "a.gene"])
        .expect(code)
        .err
        .clone()
}

#[test]
fn missing_names_of_modules_that_fail_or_make_names() {
    // Such a module ends with its own error before anything is imported.
    for module in [
        "(throw 1)",
        "(var y (do (println 1) (throw 1)))",
        "(if y (throw 1) else (exit 2))",
        "(try (throw 1) catch * (throw 2))",
        "(import z from \"./failing\")",
        "(for i in [1] (break))\n(throw 1)",
    ] {
        let scratch = Scratch::new();
        scratch.write("failing.gene", "(throw \"no\")");
        scratch.write("lib.gene", module);
        scratch.write("a.gene", "(import x from \"lib\")");
        let checked = compile(scratch.path(), &["--check", "a.gene"]);
        assert_eq!(checked.expect(0).err, "", "{module}");
    }
    // These end normally, or may.
    for module in [
        "(fn f [] (throw 1))",
        "(if y (throw 1))",
        "(try (throw 1) catch * 2)",
        "($if_main (throw 1))",
        "(return 1) (throw 2)",
        "(while y (throw 1))",
    ] {
        let said = imports_x(module, 1);
        assert!(said.contains("error: Symbol 'x' not found"), "{said}");
    }
    // What a module makes while it runs is not known before.
    for module in [
        "(eval `(var x 1))",
        "($ns .set \"x\" 1)",
        "(import gene/json/*)",
    ] {
        let said = imports_x(module, 0);
        assert!(said.contains("warning: Symbol 'x' not found"), "{said}");
    }
    // What the module exports in vain is reported there alone.
    let said = imports_x("(export x)", 1);
    assert!(said.contains("Cannot export 'x'"), "{said}");
    assert!(!said.contains("Symbol"), "{said}");
}

#[test]
fn warnings_beside_errors() {
    let said = said(
        "(fn f [] (printn 1))\n(println (1 + 2 3))\n(var y: Int \"a\")",
        1,
    );
    let found = [
        "warning: printn is not defined\n --> a.gene:1:11",
        "error: ",
        "warning: Type error: expected Int, got String in variable",
    ];
    let places: Vec<_> = found.iter().map(|text| said.find(text)).collect();
    assert!(places.iter().all(Option::is_some), "{said}");
    assert!(places.is_sorted(), "{said}");
}

#[test]
fn misspelt_words_of_forms() {
    for (source, hint) in [
        ("(loop (brek))", "break"),
        ("(fn f [] (retrun 1))", "return"),
        ("(var i 0) (whlie (i < 3) (i += 1))", "while"),
        ("(fn f [tax] (taxes 1))", "tax"),
        ("(if true 1 esle 2)", "else"),
        ("(calss A (ctor [] 1))", "class"),
    ] {
        check(source, &["warning: ", &format!("did you mean `{hint}`?")]);
    }
    for source in [
        "(fn f [] (brek)) (fn brek [] 1)",
        "(fn f [] (fn retrun [x] x) (retrun 1))",
        "(fn f [whlie] (whlie 1))",
        "($ns .set \"brek\" 1) (brek)",
        "(eval `(fn brek [] 1)) (brek)",
        "(class A (method brek [] 1)) ((new A) .brek)",
        "(println `(brek 1))",
    ] {
        check(source, &[]);
    }
}

#[test]
fn calls_show_the_definition() {
    let said = said("(fn two [alpha: Int beta] 1)\n(two 1 2 3)", 1);
    assert!(said.contains("expected 2, got 3"), "{said}");
    assert!(said.contains("::: a.gene:1:10"), "{said}");
    assert!(said.contains("`two` takes these parameters"), "{said}");
}

#[test]
fn the_library_is_not_blamed() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "\n(var r ([1] .map 5))");
    let said = gene(scratch.path(), &["run", "a.gene"])
        .expect(1)
        .err
        .clone();
    let place = "^span {^file \"a.gene\" ^line 2 ^column 8}";
    assert!(said.contains(place), "{said}");
    // Running a program does not repeat what `gene check` says of it.
    scratch.write("b.gene", "(fn f [r] (case r when (Ok v) v))");
    assert_eq!(gene(scratch.path(), &["run", "b.gene"]).expect(0).err, "");
    let said = gene(scratch.path(), &["check", "b.gene"])
        .expect(0)
        .err
        .clone();
    assert!(said.contains("missing variants: Err"), "{said}");
}

#[test]
fn comments_that_are_never_closed() {
    check(
        "(println 1)\n#< from here\n(println 2)",
        &[
            "warning: the comment is never closed\n --> a.gene:2:1",
            "close it with >#",
        ],
    );
    check("(println 1) #< a #< b >#>#", &[]);
    let open = said("(println 1\n #< oops\n)", 1);
    assert!(
        open.contains("the comment opened at 2:2 is never closed"),
        "{open}"
    );
}

#[test]
fn nested_parameters() {
    check(
        "(fn f [[x y] z] z)",
        &[
            "warning: nested parameters bind nothing\n --> a.gene:1:8",
            "(var [x y] name)",
        ],
    );
}

#[test]
fn arguments_that_do_not_fit() {
    let f = "(fn f [a b ^key = 1 ^other] a)\n";
    let warns = |call: &str, wanted: &[&str]| check(&format!("{f}{call}"), wanted);
    warns(
        "(f 1 ^other 2)",
        &[
            "warning: too few arguments: `f` needs 2, this call gives 1\n --> a.gene:2:1",
            "::: a.gene:1:8",
            "`f` takes these parameters",
        ],
    );
    warns("(f 1 2)", &["`f` needs the keyword argument ^other"]);
    warns(
        "(f 1 2 ^other 3 ^kye 4)",
        &["`f` has no keyword parameter ^kye", "did you mean ^key?"],
    );
    // What fits, what cannot be known, and what a program may want to catch.
    for call in [
        "(f 1 2 ^other 3)",
        "(f [1 2]... ^other 3)",
        "(f 1 2 ^... {^other 1})",
        "(try (f 1) catch * nil)",
        "(f = nil) (f 1)",
    ] {
        warns(call, &[]);
    }
    check(
        "(fn g [a = 1] a)\n(g 1 2)",
        &["too many arguments: `g` takes 1, this call gives 2"],
    );
    check("(fn h [] 1)\n(h 1 ^k 2)", &[]);
    check("(fn r [a xs... ^more...] a)\n(r 1 2 3 ^k 4)", &[]);
}

#[test]
fn words_and_spellings_of_other_languages() {
    for (source, wanted) in [
        ("println(\"x\")", "`println` is not called here"),
        ("(var a [1])\n(println a[0])", "an element is a/0"),
        ("(println \"a\" + \"b\")", "operators need parentheses"),
        ("(def x 5)", "write (var name value)"),
        ("(lambda [x] x)", "write (fn name [parameters] body)"),
        ("(var s \"a\")\n(s.length)", "write (s .length)"),
        ("(if true 1 else if false 2)", "write `elif`"),
        (
            "(fn f [n] (if (n == 0) 1 (f (n - 1))))\n(f 2)",
            "write `else` between",
        ),
    ] {
        check(source, &["warning: ", wanted]);
    }
    for source in [
        "(println [1] (println 2))",
        "(if true (println 1) 2)",
        "(if true 1 else 2)",
        "(fn set [x] x)\n(set 1)",
        "(println `(a[0] f(x)))",
    ] {
        check(source, &[]);
    }
}

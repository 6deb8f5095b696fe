//! What is done, and what must not be done. Both sides are compared as the printed
//! intermediate representation of function `f`.

use super::optimise;
use crate::compile::{Level, Options, lower};
use crate::gene::NoFiles;
use crate::hir::Hir;
use crate::hir_print::print;
use crate::source::SourceMap;

const TAIL: &str = "\n(fn g [a...] a)";

fn lowered(source: &str) -> Hir {
    let mut sources = SourceMap::new();
    let text = format!("{source}{TAIL}");
    let main = sources.add("t.gene", text.into_bytes());
    let options = Options {
        level: Level::None,
        ..Options::default()
    };
    let result = lower(&mut sources, main, "/t.gene", &mut NoFiles, &options);
    result.unwrap_or_else(|errors| {
        let format = crate::diag::Format::Gene;
        panic!("{source}: {}", errors.render(&sources, format))
    })
}

/// The body of the first function.
fn body(hir: &Hir) -> String {
    let text = print(hir);
    let start = text.find("\nfn f1 ").expect("a function");
    let rest = &text[start + 1..];
    let end = rest.find("\nfn f").unwrap_or(rest.len());
    let lines = rest[..end].lines().skip(1);
    // declarations of locals differ in number only
    let body: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with('l'))
        .collect();
    assert!(!body.is_empty(), "{text}");
    body.join("\n")
}

fn optimised(source: &str) -> String {
    let mut hir = lowered(source);
    optimise(&mut hir);
    body(&hir)
}

/// The first is optimised to what the second says.
#[track_caller]
fn becomes(source: &str, expected: &str) {
    let source = format!("(fn f [x y] {source})");
    let expected = format!("(fn f [x y] {expected})");
    let expected = body(&lowered(&expected));
    assert_eq!(optimised(&source).trim(), expected.trim(), "{source}");
}

/// Nothing is done.
#[track_caller]
fn stays(source: &str) {
    becomes(source, source);
}

#[test]
fn the_comparison_sees_differences() {
    let one = body(&lowered("(fn f [x y] (g 1))"));
    let other = body(&lowered("(fn f [x y] (g 2))"));
    assert_ne!(one, other);
}

#[test]
fn integers() {
    becomes("(1 + 2)", "3");
    becomes("(7 - 10)", "-3");
    becomes("(6 * 7)", "42");
    becomes("(7 % -3)", "1");
    becomes("(-7 % 3)", "-1");
    becomes("(1 << 63)", "-9223372036854775808");
    becomes("(-8 >> 1)", "-4");
    becomes("(6 &|& 3)", "5");
    becomes("(- 5)", "-5");
    becomes("(! 5)", "-6");
    becomes("(6 && 3)", "2");
    becomes("(6 || 3)", "7");
    becomes("(1 < 2)", "true");
    becomes("(2 == 3)", "false");
    becomes("(2 != 3)", "true");
}

#[test]
fn division_makes_floats() {
    becomes("(10 / 5)", "2.0");
    becomes("(7 / 2)", "3.5");
    becomes("(7.5 % 2)", "1.5");
    becomes("(1.5 + 2)", "3.5");
    becomes("(1.0 == 1.0)", "true");
    becomes("(2 < 2.5)", "true");
}

#[test]
fn what_raises_stays() {
    stays("(9223372036854775807 + 1)");
    stays("(-9223372036854775807 - 5)");
    stays("(4611686018427387904 * 4)");
    stays("(7 % 0)");
    stays("(1 << 64)");
    stays("(1 << -1)");
    stays("(\"a\" + 1)");
    stays("(nil + 1)");
    stays("(nil < 1)");
    stays("(true < false)");
    stays("(- nil)");
    stays("(\"a\" ++ 1)");
}

#[test]
fn what_is_not_exact_or_not_certain_stays() {
    stays("(9007199254740993 / 3)");
    stays("(9007199254740993 < 9007199254740993.0)");
    stays("(1 == 1.0)");
    stays("(nil == void)");
    stays("(5 || x)");
    stays("(5 && x)");
    stays("(typeof 5)");
    stays("(1 is Int)");
}

#[test]
fn strings() {
    becomes("(\"a\" ++ \"b\")", "\"ab\"");
    becomes("(x ++ \"a\" ++ \"b\" ++ y)", "(x ++ \"ab\" ++ y)");
    stays("(\"a\" ++ x ++ \"b\")");
}

#[test]
fn branches_on_constants() {
    becomes("(if true (g 1) else (g 2))", "(g 1)");
    becomes("(if nil (g 1) else (g 2))", "(g 2)");
    becomes("(if 0 (g 1))", "(g 1)");
    becomes("(if (1 < 2) (g 1) else (g 2))", "(g 1)");
    becomes("(while (2 < 1) (g 1))", "nil");
    becomes("(true && (g x))", "(g x)");
    becomes("(false || (g x))", "(g x)");
    becomes("(nil && (g x))", "nil");
    becomes("(true || (g x))", "true");
    stays("(if x (g 1) else (g 2))");
    stays("(if (g) 1 else 2)");
}

#[test]
fn constants_of_variables() {
    becomes("(var a 2) (g (a + 3))", "2 (g 5)");
    becomes("(var a 2) (a = (a * a)) (g (a + 1))", "2 4 (g 5)");
    becomes(
        "(var a 2) (if x (g (a + 1)) else (g (a + 2)))",
        "2 (if x (g 3) else (g 4))",
    );
    becomes(
        "(var a) (if x (a = 2) else (a = 2)) (g (a + 1))",
        "nil (if x 2 else 2) (g 3)",
    );
    becomes("(var a 2) (while x (g (a + 1)))", "2 (while x (g 3))");
}

#[test]
fn variables_that_may_have_changed() {
    // at joins
    stays("(var a 2) (if x (a = 3)) (g (a + 1))");
    stays("(var a 2) (if x (a = 3) else (a = 4)) (g (a + 1))");
    stays("(var a 2) (x && (a = 3)) (g (a + 1))");
    stays("(var a true) (x || (a = false)) (if a (g 1))");
    // in loops, before and behind
    stays("(var a 2) (while x (g (a + 1)) (a = 5))");
    stays("(var a 2) (while (g (a + 1)) (a = 5))");
    stays("(var a 2) (loop (if x (break)) (a = 5)) (g (a + 1))");
    stays("(var a 2) (repeat x (a = 5)) (g (a + 1))");
    stays("(var a 2) (for i in x (a = i)) (g (a + 1))");
    // where exceptions arrive
    stays("(var a 2) (try (g 1) (a = 3) (g 2) catch * (g (a + 1)))");
    stays("(var a 2) (try (g 1) (a = 3) (g 2) finally (g (a + 1)))");
    // in cells
    stays("(var a 2) (var h (fn [] (a = 3))) (g h) (g (a + 1))");
}

#[test]
fn a_literal_never_takes_a_variables_place_in_arithmetic() {
    // messages tell variables from literals
    stays("(var a 2) (g (x + a))");
    stays("(var a 2) (g (a + x))");
    stays("(var a nil) (g (a + 1))");
    stays("(var a 1) (g (a == 1.0))");
}

#[test]
fn copies() {
    becomes("(var a x) (g a)", "x (g x)");
    becomes("(var a x) (var b a) (g a b)", "x x (g x x)");
    becomes("(var a (g 1)) (var b a) (g b)", "(var a (g 1)) a (g a)");
    becomes("(var a x) (while y (g a))", "x (while y (g x))");
}

#[test]
fn copies_of_what_changes() {
    stays("(var a x) (x = 5) (g a)");
    stays("(var a x) (a = (g 1)) (g a x)");
    stays("(var a x) (while y (g a) (x = (g 2)))");
    stays("(var a x) (if y (x = 1)) (g a)");
    stays("(var a x) (for x2 in y (a = x2)) (g a)");
    stays("(var a x) (var h (fn [] (x = 3))) (h) (g a)");
    stays("(var a x) (g (fn [] a))");
    stays("(var a x) (try (x = 1) (g 1) catch * (g a))");
}

#[test]
fn variables_nobody_reads() {
    becomes("(var a (g 1)) (g 2)", "(g 1) (g 2)");
    becomes("(var a 1) (a = (g 2)) (g 3)", "1 (g 2) (g 3)");
    becomes("(for i in x (g 1))", "(for _ in x (g 1))");
    becomes("(try (g 1) catch e (g 2))", "(try (g 1) catch _ (g 2))");
    stays("(var a (g 1)) (g (fn [] a))");
    stays("(var a (g 1)) (a += 1) a");
}

#[test]
fn errors_keep_their_places() {
    let source = "(fn f [x]\n  (var a x)\n  (var b 1)\n  (if true\n    (g (a + b) (- nil))))";
    let program = crate::codegen::generate(
        &{
            let mut hir = lowered(source);
            optimise(&mut hir);
            hir
        },
        &[format!("{source}{TAIL}").as_bytes()],
    )
    .unwrap();
    let places: Vec<(u32, u32)> = program.funcs[1]
        .lines
        .iter()
        .map(|line| (line.1, line.2))
        .collect();
    assert_eq!(places, [(5, 8), (5, 16), (5, 5)]);
}

/// How many checks of types are left of those that the second number says.
#[track_caller]
fn checks(source: &str, left: usize, before: usize) {
    let source = format!("(fn f [x y] {source})");
    let count = |text: String| text.matches("(check ").count();
    assert_eq!(count(body(&lowered(&source))), before, "{source}");
    assert_eq!(count(optimised(&source)), left, "{source}");
}

#[test]
fn checks_that_cannot_fail_go() {
    checks("(var s: Int 0) (repeat x (s = (s + 1)) (g s))", 0, 2);
    checks("(var s: Float 0.5) (repeat x (s = (s * 2)) (g s))", 0, 2);
    checks(
        "(var s: Float 0.5) (repeat x (s = ((3 - s) / 7)) (g s))",
        0,
        2,
    );
    checks(
        "(var s: String \"\") (repeat x (s = #\"#{s}#{x}\") (g s))",
        0,
        2,
    );
    checks(
        "(var s: Bool true) (repeat x (s = (if y true else false)) (g s))",
        0,
        2,
    );
    checks(
        "(var s: Int 0) (var t: Int 1) (repeat x (s = t) (t = (s % 5)) (g s t))",
        0,
        4,
    );
}

#[test]
fn checks_that_may_fail_stay() {
    checks("(var s: Int 0) (repeat x (s = (s + y)) (g s))", 1, 2);
    checks("(var s: Int 0) (repeat x (s = (s / 2)) (g s))", 1, 2);
    checks("(var s: Int 0) (repeat x (s = (s + 0.5)) (g s))", 1, 2);
    checks("(var s: Float 1) (repeat x (g s))", 1, 1);
    checks("(var s: Int x) (var t: Int s) (g t)", 1, 2);
    checks("(var s: (Int | String) 0) (repeat x (s = 1) (g s))", 2, 2);
    checks("(var s: Int 0) (repeat x (s = (if y 1)) (g s))", 1, 2);
    // a closure may assign it
    checks(
        "(var s: Int 0) (var h (fn [] (s = y))) (repeat x (var t: Int s) (g t h))",
        1,
        2,
    );
    // bound by the loop, whatever it is annotated with elsewhere
    checks("(for s in x (var t: Int s) (g t))", 1, 1);
}

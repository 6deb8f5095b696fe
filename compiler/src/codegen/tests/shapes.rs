//! Facts about generated code that snapshots do not show at a glance.

use super::{code, program};
use crate::codegen::generate;
use crate::compile::Level;
use crate::hir::*;
use gene_format::ops::{Insn, Op};
use gene_format::program::FuncKind;
use gene_format::text::Span;

fn ops(source: &str, name: &str) -> Vec<Op> {
    let program = program(source, Level::Full);
    let named = program
        .funcs
        .iter()
        .find(|func| &*program.strings[func.name.index()] == name);
    let code = named.unwrap().code.iter();
    code.map(|word| Insn::decode(*word).unwrap().op).collect()
}

#[test]
fn positions_are_those_of_the_forms() {
    let source = "(fn f [a]\n  (var x 1)\n  (g a)\n  (if (a < 1)\n    (g\n      (h 2))))\n(fn g [x] x)\n(fn h [x] x)";
    let program = program(source, Level::Full);
    let f = &program.funcs[1];
    assert_eq!(&*program.strings[f.name.index()], "f");
    let places: Vec<(u32, u32)> = f.lines.iter().map(|line| (line.1, line.2)).collect();
    assert_eq!(places, [(3, 3), (4, 7), (6, 7), (5, 5)]);
    assert_eq!(f.place, (1, 1));
}

#[test]
fn nothing_follows_what_does_not_go_on() {
    let source = "(fn f [x] (loop (return 5) (g 6)) (g 7))\n(fn g [x] x)";
    assert_eq!(ops(source, "f"), [Op::RetI]);
    let source = "(fn f [x] (throw x) (g 7))\n(fn g [x] x)";
    assert_eq!(ops(source, "f"), [Op::Throw]);
}

#[test]
fn a_loop_with_continue_tests_without_counting() {
    let source =
        "(fn f [i n] (while (i < n) (if (i == 3) (continue)) (g i) (i += 1)))\n(fn g [x] x)";
    let ops = ops(source, "f");
    let at = |op| ops.iter().position(|found| *found == op);
    assert!(at(Op::ForLt) < at(Op::LoopLt), "{ops:?}");
    assert_eq!(ops.iter().filter(|op| **op == Op::ForLt).count(), 1);
}

#[test]
fn loops_that_must_not_count_fused() {
    let cases = [
        // the bound is the counter, or lives in a cell, or is computed
        "(fn f [i] (while (i < i) (i += 1)))",
        "(fn f [i n] (fn [] (n += 1)) (while (i < n) (i += 1)))",
        "(fn f [i n] (fn [] (i += 1)) (while (i < n) (i += 1)))",
        "(fn f [i n] (while (i < (n + 1)) (i += 1)))",
        // another step, another variable, another comparison
        "(fn f [i n] (while (i < n) (i += 2)))",
        "(fn f [i j n] (while (i < n) (j += 1)))",
        "(fn f [i n] (while (i > n) (i += 1)))",
        "(fn f [i n] (while (n < i) (i += 1)))",
        // not the last statement
        "(fn f [i n] (while (i < n) (i += 1) (g i)))\n(fn g [x] x)",
        // counts only perhaps
        "(fn f [i n] (while (i < n) (if n (i += 1))))",
    ];
    for source in cases {
        let ops = ops(source, "f");
        let fused = [Op::ForLt, Op::ForLe, Op::ForLtI];
        assert!(
            !ops.iter().any(|op| fused.contains(op)),
            "{source}: {ops:?}"
        );
    }
}

#[test]
fn tail_calls_only_where_nothing_follows() {
    let tail = |source: &str| {
        let ops = ops(source, "f");
        ops.iter().any(|op| {
            matches!(
                op,
                Op::TailCall | Op::TailCallK | Op::TailCallF | Op::TailCallM
            )
        })
    };
    let after = "\n(fn g [x] x)";
    for body in [
        "(g x)",
        "(if x (g x))",
        "(do 1 (g x))",
        "(case x when 1 (g x))",
        "(return (g x))",
        "(while x (return (g x)))",
        "(x .m)",
        "(x 1)",
    ] {
        assert!(tail(&format!("(fn f [x] {body}){after}")), "{body}");
    }
    for body in [
        "(try (g x) catch * 1)",
        "(try (return (g x)) catch * 1)",
        "(try 1 catch * (g x))",
        "(try 1 finally (g x))",
        "(1 + (g x))",
        "[(g x)]",
    ] {
        assert!(!tail(&format!("(fn f [x] {body}){after}")), "{body}");
    }
    assert!(!tail(&format!("(fn f [x] -> Int (g x)){after}")));
    assert!(!tail(&format!("(fn f [x] ^post [result] (g x)){after}")));
    assert!(!tail(&format!("(fn f [x] ^^async (g x)){after}")));
    assert!(!tail(&format!("(fn f [x] ^^generator (g x)){after}")));
}

/// A variable captured in code that is copied (`finally`) may lie in another slot in each copy.
#[test]
fn closures_in_copies_of_finally_capture_the_right_slots() {
    let source = "(fn f [x g]
      (try
        (var a (g 1)) (var b (g 2))
        (if a (return [a b]))
        (g a b)
      finally
        (var c (g 3))
        (g (fn [] c))))";
    let program = program(source, Level::Full);
    let anonymous: Vec<_> = program
        .funcs
        .iter()
        .filter(|func| !func.captures.is_empty())
        .collect();
    assert!(anonymous.len() > 1);
    assert!(anonymous.iter().all(|func| func.code == anonymous[0].code));
    assert_ne!(anonymous[0].captures, anonymous[1].captures);
}

#[test]
fn keywords_run_first_and_lie_last() {
    let text = code(
        "(fn f [a b] (g (a .x) ^k (b .y) ^l (b .z)))\n(fn g [a ^k ^l] a)",
        Level::Full,
    );
    let at = |what: &str| text.find(what).unwrap();
    assert!(
        at("method y") < at("method z") && at("method z") < at("method x"),
        "{text}"
    );
}

fn e(kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: Span::default(),
    }
}

/// Intermediate representation that the Gene front end does not make.
#[test]
fn representation_of_other_front_ends() {
    let local = |n: u32| e(ExprKind::Var(Var::Local(LocalId(n))));
    // duplicate keywords, keywords of a computed method, a wide index, an empty sequence
    let named = |n: i64| Named::Entry("k".into(), e(ExprKind::Int(n)));
    let args = |named| Args::new(vec![], named);
    let body = e(ExprKind::Seq(vec![
        e(ExprKind::Call(
            Box::new(local(0)),
            args(vec![named(1), named(2)]).into(),
        )),
        e(ExprKind::DynamicCall(
            Box::new(local(0)),
            Box::new(local(0)),
            args(vec![named(1)]).into(),
        )),
        e(ExprKind::Get(Place::Index(Box::new(local(0)), 1 << 40))),
        e(ExprKind::Set(
            Var::Local(LocalId(0)),
            Box::new(e(ExprKind::Seq(vec![]))),
        )),
    ]));
    let function = Function {
        name: "f".into(),
        module: ModuleIdx(0),
        kind: FuncKind::Module,
        generator: false,
        is_async: false,
        is_macro: false,
        params: vec![],
        locals: vec![Local {
            name: "x".into(),
            cell: false,
        }],
        captures: vec![],
        body,
        result: None,
        checks_result: false,
        span: Span::default(),
        intent: None,
        examples: None,
    };
    let hir = Hir {
        modules: vec![Module {
            name: "m".into(),
            init: FnId(0),
        }],
        funcs: vec![function],
        ..Hir::default()
    };
    let program = generate(&hir, &[]).unwrap();
    super::verify(&program);
    let ops: Vec<Op> = program.funcs[0]
        .code
        .iter()
        .map(|word| Insn::decode(*word).unwrap().op)
        .collect();
    for op in [Op::CallV, Op::CallDV, Op::GetX] {
        assert!(ops.contains(&op), "{ops:?}");
    }
}

/// The calls of functions by number in `f`: the opcode and how many checks they leave out.
fn known_calls(source: &str) -> Vec<(Op, u8)> {
    let program = program(source, Level::Full);
    let named = |func: &&gene_format::program::Func| &*program.strings[func.name.index()] == "f";
    let code = program.funcs.iter().find(named).unwrap().code.iter();
    let insns = code.map(|word| Insn::decode(*word).unwrap());
    insns
        .filter(|insn| matches!(insn.op, Op::CallF | Op::TailCallF | Op::CallK))
        .map(|insn| (insn.op, insn.x))
        .collect()
}

#[test]
fn known_functions_are_entered_behind_checks_that_hold() {
    let g = "\n(fn g [a: Int b c: Float] a)";
    let calls = |body: &str| known_calls(&format!("(fn f [x n: Int] {body} nil){g}"));
    assert_eq!(calls("(g 1 x 2.5)"), [(Op::CallF, 2)]);
    assert_eq!(calls("(g n x (n * 0.5))"), [(Op::CallF, 2)]);
    assert_eq!(calls("(g n x n)"), [(Op::CallF, 1)], "an int is converted");
    assert_eq!(calls("(g x 1 2.5)"), [(Op::CallF, 0)]);
    assert_eq!(
        calls("(var v 1) (repeat n (g v x 1.0) (v += n))"),
        [(Op::CallF, 2)]
    );
    assert_eq!(
        calls("(var v 1) (repeat n (g v x 1.0) (v = x))"),
        [(Op::CallF, 0)]
    );
    assert_eq!(calls("(for i in (0 .. n) (g i x 1.0))"), [(Op::CallF, 2)]);
    assert_eq!(calls("(for i in x (g i x 1.0))"), [(Op::CallF, 0)]);
    assert_eq!(calls("(g 1 x)"), [(Op::CallK, 0)], "an argument is missing");
    assert_eq!(
        known_calls("(fn f [] (g 1))\n(fn g [a: Int] a)"),
        [(Op::TailCallF, 1)]
    );
    let assigned = "(fn f [] (g 1) nil)\n(fn g [a: Int] a)\n(g = nil)";
    assert_eq!(known_calls(assigned), [(Op::CallK, 0)]);
    let generator = "(fn f [] (g* 1) nil)\n(fn g* [a: Int] (yield a))";
    assert_eq!(known_calls(generator), [(Op::CallK, 0)]);
    let default = "(fn f [] (g 1 2) nil)\n(fn g [a: Int b: Int = 3] a)";
    assert_eq!(known_calls(default), [(Op::CallF, 0)]);
}

#[test]
fn results_that_hold_are_not_checked() {
    let checks = |source: &str| {
        let is_check = |op: &&Op| matches!(op, Op::CheckInt | Op::CheckFloat | Op::CheckType);
        ops(source, "f").iter().filter(is_check).count()
    };
    assert_eq!(checks("(fn f [] -> Int 1)"), 0);
    assert_eq!(checks("(fn f [x] -> Int (ifel x 1 (f x)))"), 0);
    assert_eq!(checks("(fn f [x] -> Int (ifel x 1 x))"), 1);
    assert_eq!(checks("(fn f [x] -> Int (if x (return 1)) (throw x))"), 0);
    assert_eq!(checks("(fn f [x] -> Int (if x (return x)) (throw x))"), 1);
    assert_eq!(checks("(fn f [x] -> Int (if x (return)) 1)"), 1);
    assert_eq!(checks("(fn f [x] -> Int (ifel x 1 2.0))"), 1);
    assert_eq!(
        checks("(fn f [x] -> Float (g x))\n(fn g [x] -> Float (x + 0.0))"),
        0
    );
    assert_eq!(
        checks("(fn f [x] -> Int (g x))\n(fn g [x] -> Float (x + 0.0))"),
        1
    );
    let tail = ops("(fn f [n: Int] -> Int (ifel (n == 0) 0 (f (n - 1))))", "f");
    assert!(tail.contains(&Op::TailCallF), "{tail:?}");
}

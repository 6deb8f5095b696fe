//! Programs beyond what 16 bits reach.

use super::{program, verify};
use crate::compile::Level;
use gene_format::ops::{GUARD, Insn, Op};
use gene_format::program::{Func, Program, TableEntry};
use std::fmt::Write;

fn count(func: &Func, op: Op) -> usize {
    let ops = func.code.iter().filter_map(|word| Insn::decode(*word));
    ops.filter(|insn| insn.op == op).count()
}

fn find<'p>(program: &'p Program, name: &str) -> &'p Func {
    let named = |func: &&Func| &*program.strings[func.name.index()] == name;
    program.funcs.iter().find(named).unwrap()
}

#[test]
fn jumps_over_forty_thousand_instructions() {
    let filler = "(x = (x * y))\n".repeat(40_000);
    let source = format!(
        "(fn f [x y zs]
           (while (x < y) {filler} (if (x == 3) (break)) (if (x == 4) (continue)) (x += 1))
           (for z in zs {filler})
           (if (x < 1) {filler} else (x = 1))
           (try {filler} catch * (x = 2) finally (x = 3))
           x)"
    );
    for level in [Level::None, Level::Full] {
        let program = program(&source, level);
        let f = find(&program, "f");
        assert!(f.code.len() > 160_000);
        assert!(count(f, Op::Loop) >= 2, "long jumps back");
        assert_eq!(f.handlers.len(), 3);
    }
}

#[test]
fn one_body_with_seventy_thousand_constants() {
    let mut source = String::from("(var all [");
    for n in 0..70_000 {
        write!(source, "{} ", 1_000_000 + n).unwrap();
    }
    source += "])\n(fn get [] all)\n(println (get))";
    let program = program(&source, Level::Full);
    let init = find(&program, "__init__");
    assert!(count(init, Op::LoadKW) > 4_000);
    assert!(count(init, Op::LoadK) > 60_000);
    assert!(usize::from(init.frame_size) <= GUARD);
    let globals = |entry: &&TableEntry| matches!(entry, TableEntry::Global { .. });
    assert_eq!(program.table.iter().filter(globals).count(), 1);
}

/// Constants in every form that has no wide instruction, and more names than one window.
#[test]
fn one_function_with_more_than_a_window() {
    let mut source = String::from("(fn f [x]\n");
    for n in 0..40_000 {
        writeln!(source, "(x = (x + {}.5))", n).unwrap();
    }
    for n in 0..30_000 {
        writeln!(source, "(x .get {})", 40_000 + n).unwrap();
    }
    for n in 0..20_000 {
        writeln!(source, "(x .m{} x/f{})", n % 500, n % 300).unwrap();
    }
    source += "x)";
    let program = program(&source, Level::Full);
    let f = find(&program, "f");
    assert!(count(f, Op::AddK) > 30_000, "constants in instructions");
    assert!(count(f, Op::Add) > 5_000, "loaded once there is no room");
    assert!(count(f, Op::LoadKW) > 1_000);
}

#[test]
fn too_many_names_in_one_function() {
    let mut source = String::from("(fn f [x]\n");
    for n in 0..20_000 {
        writeln!(source, "(x .name{n})").unwrap();
    }
    source += "x)";
    let mut sources = crate::source::SourceMap::new();
    let main = sources.add("t.gene", source.as_bytes());
    let options = crate::compile::Options::default();
    let errors = crate::compile::compile(
        &mut sources,
        main,
        "/t.gene",
        &mut crate::gene::NoFiles,
        &options,
    )
    .unwrap_err();
    let text = errors.render(&sources, crate::diag::Format::Gene);
    assert!(text.contains("function too large"), "{text}");
}

/// Windows of many functions; a variable that all of them call and assign.
#[test]
fn a_program_of_several_windows() {
    let mut source = String::from("(var call (fn [x] x))\n");
    for n in 0..6_000 {
        writeln!(
            source,
            "(fn f{n} [x] (x .a) (x .b) (x .c) (x .d x/k) (call {n}) (call = f{n}) 1.{n}1)"
        )
        .unwrap();
    }
    let program = program(&source, Level::Full);
    assert!(program.table.len() > 65_536);
    let windows: std::collections::BTreeSet<u32> =
        program.funcs.iter().map(|func| func.window.0).collect();
    assert!(windows.len() > 1, "{windows:?}");
    let calls = |name: &str| count(find(&program, name), Op::CallK);
    assert_eq!((calls("f0"), calls("f5999")), (0, 1), "far and near");
    assert_eq!(count(find(&program, "f0"), Op::SetGW), 1);
    assert_eq!(count(find(&program, "f5999"), Op::SetG), 1);
}

#[test]
fn large_frames_grow_first() {
    let names: Vec<String> = (0..100).map(|n| format!("v{n}")).collect();
    let declared: String = names
        .iter()
        .map(|name| format!("(var {name} (g))"))
        .collect();
    let source = format!(
        "(fn g [] 1)\n(fn f [] {declared} (while (v1 < 5) (v1 += 1)) [{}])",
        names.join(" ")
    );
    let program = program(&source, Level::Full);
    let f = find(&program, "f");
    assert!(usize::from(f.frame_size) > GUARD);
    let first = Insn::decode(f.code[0]).unwrap();
    assert_eq!((first.op, first.b), (Op::Grow, f.frame_size));
}

#[test]
fn frames_stay_small_with_many_arguments() {
    let arguments = "1 ".repeat(40_000);
    let strings = "\"s\" x ".repeat(500);
    let source = format!("(fn f [x] (x {arguments}) (++ {strings}) {{{}}})", {
        let entries: Vec<String> = (0..500).map(|n| format!("^k{n} x")).collect();
        entries.join(" ")
    });
    let program = program(&source, Level::Full);
    let f = find(&program, "f");
    assert!(usize::from(f.frame_size) < 100, "{}", f.frame_size);
    verify(&program);
}

//! Snapshots (`tests/*.txt`): sources, then `---` and the code they become; a line `===` stands
//! between cases. `BLESS=1` rewrites. Everything generated here is verified, at both levels.

mod limits;
mod shapes;

use crate::compile::{self, Level, Options};
use crate::gene::NoFiles;
use crate::source::SourceMap;
use gene_format::aligned::Aligned;
use gene_format::dump::disassemble_in;
use gene_format::image::CheckedImage;
use gene_format::program::{FuncId, Program};
use gene_format::verify::verify_image;
use gene_format::write::{WriteOptions, write_image};
use std::fmt::Write;
use std::path::Path;

/// Compiles and verifies.
pub(super) fn program(source: &str, level: Level) -> Program {
    let mut sources = SourceMap::new();
    let main = sources.add("t.gene", source.as_bytes());
    let options = Options {
        level,
        ..Options::default()
    };
    let compiled = compile::compile(&mut sources, main, "/t.gene", &mut NoFiles, &options);
    let program = compiled.unwrap_or_else(|errors| {
        let format = crate::diag::Format::Text { colour: false };
        panic!("{:.2000}", errors.render(&sources, format))
    });
    verify(&program);
    program
}

/// Checks what the image writer and the verifier ask for.
pub(super) fn verify(program: &Program) -> Vec<u8> {
    let image = write_image(program, &WriteOptions::default()).unwrap();
    let aligned = Aligned::new(&image);
    if let Err(error) = verify_image(&aligned) {
        panic!("{error}\n{}", listing(&image));
    }
    image
}

/// All functions but the module bodies of definitions alone, as text.
fn listing(image: &[u8]) -> String {
    let aligned = Aligned::new(image);
    let image = CheckedImage::parse(&aligned).unwrap();
    let mut out = String::new();
    for id in 0..image.func_count() as u32 {
        let func = image.func(FuncId(id)).unwrap();
        let code = image.code(&func).unwrap();
        if code.len() == 1 {
            continue; // a body without forms
        }
        let name = image.string(func.name).unwrap();
        writeln!(out, "f{id} {name}, {} slots", func.frame_size).unwrap();
        for (at, &word) in code.iter().enumerate() {
            let line = disassemble_in(&image, &func, at as u32, word);
            writeln!(out, "  @{at:<3x} {line}").unwrap();
        }
        for handler in image.handlers(&func).unwrap() {
            let kind = if handler.cleanup { "cleanup" } else { "catch" };
            let (start, end) = (handler.start, handler.end);
            let (target, slot) = (handler.target, handler.slot);
            writeln!(out, "  {kind} @{start:x}..@{end:x} -> @{target:x}, r{slot}").unwrap();
        }
    }
    out
}

/// The code of a program.
pub(super) fn code(source: &str, level: Level) -> String {
    listing(&verify(&program(source, level)))
}

#[track_caller]
fn check_file(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/codegen/tests")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut renewed = String::new();
    for case in text.split("\n===\n") {
        let source = case.split("\n---\n").next().unwrap_or(case).trim_end();
        program(source, Level::None);
        let code = code(source, Level::Full);
        let separator = if renewed.is_empty() { "" } else { "===\n" };
        renewed += &format!("{separator}{source}\n---\n{code}");
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, renewed).unwrap();
        return;
    }
    for (at, (found, expected)) in renewed.lines().zip(text.lines()).enumerate() {
        assert_eq!(found, expected, "{name}:{}", at + 1);
    }
    assert_eq!(renewed.len(), text.len(), "{name}: lines at the end");
}

#[test]
fn operators() {
    check_file("operators.txt");
}

#[test]
fn calls() {
    check_file("calls.txt");
}

#[test]
fn control() {
    check_file("control.txt");
}

#[test]
fn exceptions() {
    check_file("exceptions.txt");
}

#[test]
fn variables() {
    check_file("variables.txt");
}

#[test]
fn data() {
    check_file("data.txt");
}

//! Debug data: embedded, split, stripped, and what reports of errors make of it.

use super::{compile, dump, vm};
use gene_aot::Scratch;

const LIB: &str = "(fn g [x]\n  (throw #\"bad #{x}\") nil)\n(export g)\n";
const APP: &str = "(import g from \"lib/b\")\n(fn f [n]\n  (g (n * 2))\n  nil)\n(f 3)\n";

const EXCERPT: &str = "  2 |   (throw #\"bad #{x}\") nil)\n    |   ^\n";
const PLACES: &str = "  at g (lib/b.gene:2:3)\n  at f (a.gene:3:3)\n";

fn sources() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.gene", APP);
    scratch.write("lib/b.gene", LIB);
    scratch
}

/// What a run of an image reports.
fn report(scratch: &Scratch, args: &[&str]) -> String {
    vm(scratch.path(), args).expect(1).err.clone()
}

#[test]
fn excerpts_come_from_sources_that_fit_the_image() {
    let scratch = sources();
    compile(scratch.path(), &["a.gene"]).expect(0);
    let err = report(&scratch, &["a.gir"]);
    assert!(err.contains(&format!("{EXCERPT}{PLACES}")), "{err}");
    // also from elsewhere, and not once any of the sources has changed
    let elsewhere = vm(&scratch.file("lib"), &["../a.gir"]);
    assert!(elsewhere.err.contains(EXCERPT), "{}", elsewhere.err);
    scratch.write("a.gene", format!("{APP}# changed"));
    let err = report(&scratch, &["a.gir"]);
    assert!(!err.contains("  2 |") && err.contains(PLACES), "{err}");
}

#[test]
fn embedded_sources_need_no_files_and_change_no_ids() {
    let scratch = sources();
    let read = |name| std::fs::read(scratch.file(name)).expect("an image");
    compile(scratch.path(), &["a.gene", "-o", "plain.gir"]).expect(0);
    let embed = ["a.gene", "--embed-source", "-o", "full.gir"];
    compile(scratch.path(), &embed).expect(0);
    scratch.write("a.gene", "");
    let err = report(&scratch, &["full.gir"]);
    assert!(err.contains(EXCERPT), "{err}");
    let (plain, full) = (read("plain.gir"), read("full.gir"));
    assert_eq!(plain[56..120], full[56..120], "content id and build id");
    assert!(full.len() > plain.len());
    dump(scratch.path(), &["verify", "full.gir"]).expect(0);
    for name in ["plain.gir", "full.gir"] {
        let small = format!("small-{name}");
        dump(scratch.path(), &["strip", name, "-o", &small]).expect(0);
    }
    assert_eq!(read("small-plain.gir"), read("small-full.gir"));
}

#[test]
fn split_debug_data_is_found_beside_the_image_or_named() {
    let scratch = sources();
    let read = |name| std::fs::read(scratch.file(name)).expect("a file");
    let split = "a.gene --embed-source -o s.gir --split-debug s.gir.debug";
    let split: Vec<&str> = split.split(' ').collect();
    compile(scratch.path(), &split).expect(0);
    std::fs::remove_file(scratch.file("a.gene")).expect("it was there");
    let err = report(&scratch, &["s.gir"]);
    assert!(err.contains(&format!("{EXCERPT}{PLACES}")), "{err}");
    let listing = dump(scratch.path(), &["--function", "f", "s.gir"]);
    assert!(listing.expect(0).out.contains("; 3: (g (n * 2))"));
    assert!(listing.out.contains("variables: r0 n"), "{}", listing.out);

    std::fs::rename(scratch.file("s.gir.debug"), scratch.file("other")).expect("renamed");
    let err = report(&scratch, &["s.gir"]);
    assert!(err.contains("  at g (lib/b.gene)\n"), "{err}");
    let err = report(&scratch, &["--debug-file", "other", "s.gir"]);
    assert!(err.contains(&format!("{EXCERPT}{PLACES}")), "{err}");
    let listing = dump(scratch.path(), &["--debug-file", "other", "s.gir"]);
    assert!(listing.expect(0).out.contains("; 3: (g (n * 2))"));

    // gene-dump splits images that exist into the same files
    scratch.write("a.gene", APP);
    compile(scratch.path(), &["a.gene", "--embed-source"]).expect(0);
    let args = "strip a.gir -o t.gir --split-debug t.debug";
    let args: Vec<&str> = args.split(' ').collect();
    dump(scratch.path(), &args).expect(0);
    assert_eq!(read("t.gir"), read("s.gir"));
    assert_eq!(read("t.debug"), read("other"));
    let again = ["strip", "t.gir", "-o", "u.gir", "--split-debug", "u.debug"];
    let again = dump(scratch.path(), &again);
    again.expect(4).one_line("no debug data");
    assert!(!scratch.file("u.gir").exists());
}

#[test]
fn debug_data_of_another_build_is_refused() {
    let scratch = sources();
    let build = |name: &str| {
        let image = format!("{name}.gir");
        let args = ["a.gene", "-o", &image, "--split-debug", name];
        compile(scratch.path(), &args).expect(0);
    };
    build("one");
    // the same code on other lines: only the build id differs
    scratch.write("a.gene", APP.replace("\n  (g", "\n\n  (g"));
    build("two");
    scratch.write("a.gene", "(throw 1)");
    build("three");
    for (name, what) in [("two", "build id"), ("three", "content id")] {
        let output = vm(scratch.path(), &["--debug-file", name, "one.gir"]);
        let warning = format!("Warning: {name}: header, {what}: found debug data of the image");
        assert!(output.expect(1).err.starts_with(&warning), "{}", output.err);
        assert!(output.err.contains("  at f (a.gene)\n"), "{}", output.err);
        std::fs::copy(scratch.file(name), scratch.file("one.gir.debug")).expect("copied");
        let err = report(&scratch, &["one.gir"]);
        assert!(err.starts_with("Warning: one.gir.debug: "), "{err}");
        assert!(err.contains("  at f (a.gene)\n"), "{err}");
        let shown = dump(scratch.path(), &["one.gir"]);
        assert!(shown.expect(0).err.contains("warning: one.gir.debug"));
        let shown = dump(scratch.path(), &["--debug-file", name, "one.gir"]);
        shown.expect(4).one_line(what);
    }
}

#[test]
fn files_that_are_no_debug_data() {
    let scratch = sources();
    compile(scratch.path(), &["a.gene", "--split-debug", "d"]).expect(0);
    let start = |file: &str| vm(scratch.path(), &["--debug-file", file, "a.gir"]);
    start("missing").expect(3).one_line("missing");
    assert!(start("a.gene").expect(1).err.contains("no magic of debug"));
    assert!(start("a.gir").expect(1).err.contains("no magic of debug"));
    vm(scratch.path(), &["d"])
        .expect(4)
        .one_line("--debug-file");
    // damage: the header, or a section, which then is taken for absent
    let whole = std::fs::read(scratch.file("d")).expect("a file");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        scratch.write("damaged", &bytes);
        if at % 7 == 0 {
            let err = start("damaged").expect(1).err.clone();
            let has_no_line = !err.contains(".gene:") || err.contains(PLACES);
            assert!(has_no_line, "byte {at}: {err}");
        }
    }
    for args in [
        &["a.gene", "--strip", "--split-debug", "d"][..],
        &["a.gene", "--strip", "--embed-source"],
        &["a.gene", "--separate", "--split-debug", "d"],
        &["lib", "-o", "out", "--split-debug", "d"],
    ] {
        compile(scratch.path(), args).expect(2);
    }
}

#[test]
fn images_of_one_program_have_their_own_debug_files() {
    let scratch = sources();
    let args = ["--separate", "--embed-source", "a.gene", "-o", "out"];
    compile(scratch.path(), &args).expect(0);
    for name in ["out/a.gir", "out/lib/b.gir"] {
        let debug = format!("{name}.debug");
        let args = ["strip", name, "-o", name, "--split-debug", &debug];
        dump(scratch.path(), &args).expect(0);
    }
    std::fs::remove_file(scratch.file("lib/b.gene")).expect("it was there");
    let err = report(&scratch, &["out/a.gir"]);
    assert!(err.contains(&format!("{EXCERPT}{PLACES}")), "{err}");
}

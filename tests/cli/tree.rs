//! `gene-compile` for folders, with `--depfile`, and with `--watch`.

use super::{compile, vm};
use gene_aot::{Scratch, programs, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FILES: [(&str, &str); 6] = [
    ("src/a.gene", "(import f from \"./lib/m\") (println (f 1))"),
    ("src/b.gene", "(import f from \"./lib/m\") (println (f 2))"),
    ("src/lib/m.gene", "(fn f [n] (n + 1))"),
    ("src/alone.gene", "(println \"alone\")"),
    ("src/.hidden.gene", "(nonsense"),
    ("src/package.gene", "^name \"tree\""),
];

fn tree() -> Scratch {
    let scratch = Scratch::new();
    for (name, text) in FILES {
        scratch.write(name, text);
    }
    scratch
}

/// Images below a folder, with their bytes.
fn images(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let names = ["a.gir", "alone.gir", "b.gir", "lib/m.gir"];
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    names.map(|name| (name.to_owned(), read(name))).to_vec()
}

#[test]
fn each_program_of_a_folder_becomes_an_image() {
    let scratch = tree();
    let here = scratch.path();
    let built = compile(here, &["src", "-o", "out"]);
    assert_eq!(built.expect(0).out, "4 compiled, 0 up to date\n");
    assert_eq!(built.err, "");
    assert_eq!(vm(here, &["out/b.gir"]).expect(0).out, "3\n");
    let first = images(&scratch.file("out"));
    for jobs in ["1", "2", "7"] {
        let out = format!("out{jobs}");
        compile(here, &["src", "-o", &out, "-j", jobs]).expect(0);
        assert_eq!(images(&scratch.file(&out)), first);
    }
    compile(&scratch.file("src"), &["b.gene", "-o", "../b.gir"]).expect(0);
    assert_eq!(fs::read(scratch.file("b.gir")).unwrap(), first[2].1);
    let other = tree();
    compile(&other.file("src"), &[".", "-o", "out"]).expect(0);
    assert_eq!(images(&other.file("src/out")), first);
    let again = compile(&other.file("src"), &[".", "-o", "out"]);
    assert_eq!(again.expect(0).out, "0 compiled, 4 up to date\n");
}

#[test]
fn what_is_up_to_date_is_skipped() {
    let scratch = tree();
    let build = |more: &[&str]| {
        let args = [&["src", "-o", "out"], more].concat();
        compile(scratch.path(), &args).expect(0).out.clone()
    };
    let current = "0 compiled, 4 up to date\n";
    build(&[]);
    assert_eq!(build(&[]), current);
    scratch.write("src/alone.gene", FILES[3].1); // another time only
    assert_eq!(build(&[]), current);
    scratch.write("src/lib/m.gene", "(fn f [n] (n + 2))");
    assert_eq!(build(&[]), "3 compiled, 1 up to date\n");
    let printed = |image: &str| vm(scratch.path(), &[image]).expect(0).out.clone();
    assert_eq!(printed("out/a.gir"), "3\n");
    scratch.write("out/a.gir", "damage");
    fs::remove_file(scratch.file("out/b.gir")).unwrap();
    assert_eq!(build(&[]), "2 compiled, 2 up to date\n");
    assert_eq!(printed("out/a.gir"), "3\n");
    scratch.write("src/m.gene", "(fn f [n] 0)");
    assert_eq!(build(&[]), "1 compiled, 4 up to date\n");
    for more in [&["--strip"][..], &["-O0"], &["--strict-nil"], &[]] {
        assert_eq!(build(more), "5 compiled, 0 up to date\n", "{more:?}");
        assert_eq!(build(more), "0 compiled, 5 up to date\n", "{more:?}");
    }
    let entries = scratch.file("out/.gene-compile").read_dir().unwrap();
    assert_eq!(entries.count(), 5);
}

#[test]
fn errors_of_several_programs_come_in_order() {
    let scratch = tree();
    scratch.write("src/x.gene", "(println 1");
    scratch.write("src/c.gene", "(ifel)");
    let first = compile(scratch.path(), &["src", "-o", "out", "-j", "1"]);
    assert_eq!(first.expect(1).out, "4 compiled, 0 up to date, 2 failed\n");
    let at = |name: &str| first.err.find(name).unwrap();
    assert!(at("c.gene:1:") < at("x.gene:1:"));
    let second = compile(scratch.path(), &["src", "-o", "out", "-j", "5"]);
    assert_eq!(second.expect(1).err, first.err);
    assert_eq!(second.out, "0 compiled, 4 up to date, 2 failed\n");
    assert!(!scratch.file("out/x.gir").exists());
    let checked = compile(scratch.path(), &["src", "--check"]);
    assert_eq!(checked.expect(1).err, first.err);
    assert_eq!(checked.out, "");
    let none = Scratch::new();
    let output = compile(none.path(), &[".", "-o", "x"]);
    output.expect(3).one_line("no programs (.gene)");
    compile(none.path(), &["."]).expect(2).one_line("--output");
    compile(none.path(), &[".", "--emit", "ops"]).expect(2);
}

#[test]
fn make_follows_depfiles() {
    let scratch = tree();
    let here = scratch.path();
    compile(here, &["src/a.gene", "-o", "a.gir", "--depfile", "a.d"]).expect(0);
    let text = fs::read_to_string(scratch.file("a.d")).unwrap();
    let files = ["src/a.gene", "src/lib/m.gene", "src/package.gene"];
    let rule = files.map(|file| format!(" \\\n  {file}")).concat();
    assert!(text.starts_with(&format!("a.gir:{rule}\n")), "{text}");
    compile(here, &["src", "-o", "out", "--depfile", "all.d"]).expect(0);
    let all = fs::read_to_string(scratch.file("all.d")).unwrap();
    assert!(all.contains("out/lib/m.gir: \\\n  src/lib/m.gene"), "{all}");

    if Command::new("make").arg("--version").output().is_err() {
        return; // the text was checked
    }
    let compiler = programs().compile.display();
    let rule = format!("a.gir: src/a.gene\n\t{compiler} $< -o $@ --depfile a.d\n-include a.d\n");
    scratch.write("Makefile", rule);
    let make = || {
        run(Command::new("make").current_dir(here))
            .expect(0)
            .out
            .clone()
    };
    assert!(make().contains("up to date"));
    let newer = fs::File::options();
    let file = newer
        .clone()
        .append(true)
        .open(scratch.file("src/lib/m.gene"));
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    file.unwrap().set_modified(later).unwrap();
    assert!(make().contains("--depfile a.d"));
}

/// Ends the process with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(folder: &Path, args: &[&str]) -> Running {
    let mut command = Command::new(&programs().compile);
    command.current_dir(folder).args(args).arg("--watch");
    command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

#[track_caller]
fn soon(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it never happens"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn watched_programs_are_compiled_again() {
    let scratch = tree();
    let prints = |image: PathBuf, text: &str| {
        let image = image.to_string_lossy().into_owned();
        let output = vm(scratch.path(), &[&image]);
        output.code == Some(0) && output.out == text
    };
    let one = || scratch.file("a.gir");
    let many = || scratch.file("out/new/c.gir");
    let _first = watch(scratch.path(), &["src/a.gene", "-o", "a.gir"]);
    let _second = watch(scratch.path(), &["src", "-o", "out"]);
    soon(|| prints(one(), "2\n") && scratch.file("out/lib/m.gir").exists());
    scratch.write("src/lib/m.gene", "(fn f [n] (n + 10))");
    soon(|| prints(one(), "11\n") && prints(scratch.file("out/b.gir"), "12\n"));
    // errors do not end it, nor does a file that is gone for a while
    scratch.write("src/lib/m.gene", "(fn f [n");
    std::thread::sleep(Duration::from_millis(200));
    fs::remove_file(scratch.file("src/a.gene")).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    scratch.write("src/new/c.gene", "(println 3)");
    scratch.write("src/lib/m.gene", "(fn f [n] (n + 20))");
    scratch.write("src/a.gene", FILES[0].1);
    soon(|| prints(one(), "21\n") && prints(many(), "3\n"));
}

//! `gene-compile` from outside: files, messages, exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of its own for each test, removed at the end.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Room {
        let path = std::env::temp_dir().join(format!("gene-compile-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Room(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_gene-compile"))
            .args(args)
            .current_dir(&self.0)
            .output()
            .unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_image_lies_beside_its_source() {
    let room = Room::new("beside");
    room.write("a.gene", "(println 1)");
    let output = room.run(&["a.gene"]);
    assert_eq!((code(&output), text(&output.stderr)), (0, String::new()));
    assert_eq!(room.names(), ["a.gene", "a.gir"]);
    let image = fs::read(room.0.join("a.gir")).unwrap();
    assert_eq!(&image[1..4], b"GIR");
    assert_eq!(code(&room.run(&["a.gene", "-o", "b.gir", "--strip"])), 0);
    assert!(fs::read(room.0.join("b.gir")).unwrap().len() < image.len());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let room = Room::new("same");
    room.write("a.gene", "(fn f [x] (x .m {^a 1 ^b x}))\n(println (f 1))");
    fs::create_dir(room.0.join("deep")).unwrap();
    room.run(&["a.gene", "-o", "1.gir"]);
    room.run(&["a.gene", "-o", "deep/2.gir"]);
    let read = |name: &str| fs::read(room.0.join(name)).unwrap();
    assert_eq!(read("1.gir"), read("deep/2.gir"));
}

#[test]
fn errors_in_the_program() {
    let room = Room::new("errors");
    room.write("a.gene", "(if)\n(println 1)\n(ifel)");
    let output = room.run(&["a.gene"]);
    assert_eq!(code(&output), 1);
    let message = text(&output.stderr);
    assert!(
        message.contains("a.gene:1:1") && message.contains("a.gene:3:1"),
        "{message}"
    );
    assert_eq!(room.names(), ["a.gene"], "nothing is written");
    let json = text(&room.run(&["--error-format", "json", "a.gene"]).stderr);
    assert!(
        json.starts_with("{\"code\":") && json.lines().count() == 2,
        "{json}"
    );
    let gene = text(&room.run(&["--error-format=gene", "a.gene"]).stderr);
    assert!(gene.starts_with("Error: {^message "), "{gene}");
    let coloured = text(&room.run(&["--color", "always", "a.gene"]).stderr);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
}

#[test]
fn checking_writes_nothing() {
    let room = Room::new("check");
    room.write("a.gene", "(println 1)");
    assert_eq!(code(&room.run(&["--check", "a.gene"])), 0);
    assert_eq!(code(&room.run(&["--check", "-e", "(if)"])), 1);
    assert_eq!(room.names(), ["a.gene"]);
}

#[test]
fn stages() {
    let room = Room::new("stages");
    let emit = |stage: &str| {
        let output = room.run(&["--emit", stage, "-e", "(var x (1 + 2))"]);
        assert_eq!(code(&output), 0);
        text(&output.stdout)
    };
    assert_eq!(emit("ast"), "(var x (1 + 2))\n");
    assert!(emit("hir").contains("fn f0"));
    assert!(emit("ops").contains("load_i"));
    assert!(room.names().is_empty());
    let plain = text(
        &room
            .run(&["-O0", "--emit", "ops", "-e", "(var x (1 + 2))"])
            .stdout,
    );
    assert!(plain.contains("add_i") && !emit("ops").contains("add_i"));
}

#[test]
fn wrong_usage() {
    let room = Room::new("usage");
    room.write("a.gir", "(println 1)");
    for args in [
        &[][..],
        &["--no-such-option", "a.gene"],
        &["a.gir"],
        &["-e", "1"],
        &["-O", "7", "a.gene"],
        &["a.gene", "-e", "1"],
    ] {
        assert_eq!(code(&room.run(args)), 2, "{args:?}");
    }
    assert_eq!(fs::read(room.0.join("a.gir")).unwrap(), b"(println 1)");
}

#[test]
fn files_that_cannot_be_read_or_written() {
    let room = Room::new("files");
    room.write("a.gene", "(println 1)");
    let output = room.run(&["missing.gene"]);
    assert_eq!(code(&output), 3);
    assert!(text(&output.stderr).contains("missing.gene"));
    let output = room.run(&["a.gene", "-o", "none/a.gir"]);
    assert_eq!(code(&output), 3);
    fs::create_dir(room.0.join("taken")).unwrap();
    assert_eq!(code(&room.run(&["a.gene", "-o", "taken"])), 3);
    assert_eq!(room.names(), ["a.gene", "taken"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let room = Room::new("full");
    let output = room.run(&["-e", "(println 1)", "-o", "/dev/full"]);
    assert_eq!(code(&output), 3);
    assert!(
        text(&output.stderr).contains("No space left"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn options_of_programs_are_kept() {
    let room = Room::new("options");
    let meta = |args: &[&str]| {
        let mut all = vec!["--emit", "ops", "-e", "(println 1)"];
        all.extend(args);
        let output = room.run(&all);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(meta(&["--strict-nil"]).contains("strict-nil = on"));
    assert!(meta(&["--no-type-check"]).contains("type-check = off"));
    assert!(meta(&["--contracts=off"]).contains("contracts = off"));
    assert!(meta(&["--contracts", "on"]).contains("compiler = "));
    assert!(!meta(&[]).contains("contracts"));
}

#[test]
fn help_states_the_exit_codes() {
    let room = Room::new("help");
    let output = room.run(&["--help"]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stdout).contains("3  a file cannot be read or written"));
}

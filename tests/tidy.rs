//! Rules of the repository that no other tool checks.

use gene_aot::{report, root};
use std::path::{Path, PathBuf};

/// Files that may contain unsafe code; `/` at the end: a folder.
const UNSAFE: &[&str] = &[
    "compiler/src/bin/gene-compile/allocator.rs",
    "runtime/src/errors.rs",
    "runtime/src/fiber.rs",
    "runtime/src/frame.rs",
    "runtime/src/heap/",
    "runtime/src/heap_view.rs",
    "runtime/src/interp/",
    "runtime/src/mapping.rs",
    "runtime/src/members.rs",
    "runtime/src/objects.rs",
    "runtime/src/prelude.rs",
    "runtime/src/program.rs",
    "runtime/src/start.rs",
    "runtime/src/truncated.rs", // a handler of signals: which address, message, exit
    "runtime/src/value.rs",
    "runtime/src/vm.rs",
];

/// Most lines of a file of source code.
const MAX_LINES: usize = 1_200;

/// What the top level holds, besides files whose names start with a dot.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "compiler",
    "examples",
    "format",
    "runtime",
    "tests",
];

/// Files that are not built: `cargo` makes `target`, and a checkout may keep notes in dotfiles.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if name == "target" || name == ".git" {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The text files with one of the extensions, by path relative to the root.
fn texts(extensions: &[&str]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    files(&root(), &mut all);
    all.sort();
    let wanted = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        extensions.contains(&extension.as_ref()) || extensions.contains(&name.as_ref())
    };
    let texts: Vec<(String, String)> = all
        .iter()
        .filter(|path| wanted(path))
        .map(|path| {
            let name = path.strip_prefix(root()).expect("below the root");
            let text = std::fs::read(path).expect("readable");
            let text = String::from_utf8_lossy(&text).into_owned();
            (name.to_string_lossy().replace('\\', "/"), text)
        })
        .collect();
    assert!(!texts.is_empty(), "no files with {extensions:?}");
    texts
}

fn rust_sources() -> Vec<(String, String)> {
    texts(&["rs"])
}

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The code of a line, without its comment and with its strings emptied.
fn code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' if quoted => {
                rest.next();
            }
            '"' => quoted = !quoted,
            '/' if !quoted && rest.peek() == Some(&'/') => break,
            c if !quoted => out.push(c),
            _ => {}
        }
    }
    out
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|part| part == word)
}

#[test]
fn unsafe_code_only_where_it_is_expected() {
    let mut problems = Vec::new();
    let mut blocks = 0;
    for (name, text) in rust_sources() {
        let lines = text.lines().enumerate();
        let found: Vec<usize> = lines
            .filter(|(_, line)| has_word(&code(line), "unsafe"))
            .map(|(at, _)| at + 1)
            .collect();
        blocks += found.len();
        let allowed = UNSAFE
            .iter()
            .any(|entry| name == *entry || entry.ends_with('/') && name.starts_with(entry));
        if !found.is_empty() && !allowed {
            problems.push(format!("{name}:{}: unsafe code", found[0]));
        }
    }
    report(&format!("{blocks} lines with unsafe code"));
    none(&problems);
}

/// `clippy::undocumented_unsafe_blocks` says the same of what it compiles; this also sees code
/// for other systems and configurations.
#[test]
fn every_unsafe_block_says_why() {
    let mut problems = Vec::new();
    for (name, text) in rust_sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = code(line);
            let block = code.contains("unsafe {") || code.trim_end().ends_with("unsafe");
            if block && !said_before(&lines, at) {
                problems.push(format!("{name}:{}: no SAFETY comment", at + 1));
            }
        }
    }
    none(&problems);
}

/// Whether a line belongs to a statement with a `SAFETY:` comment: on the line, or above it with
/// no blank line and no end of another statement between.
fn said_before(lines: &[&str], at: usize) -> bool {
    if lines[at].contains("SAFETY:") {
        return true;
    }
    for line in lines[..at].iter().rev().take(40) {
        if line.contains("SAFETY:") {
            return true;
        }
        let text = line.trim();
        let comment = text.starts_with("//");
        let ends = text.ends_with(';') || text == "}" || text.is_empty();
        if !comment && ends {
            return false;
        }
    }
    false
}

#[test]
fn files_are_not_too_long() {
    let mut problems = Vec::new();
    for (name, text) in rust_sources() {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!("{name}: {lines} lines, at most {MAX_LINES}"));
        }
    }
    none(&problems);
}

#[test]
fn nothing_is_left_undone() {
    // written in two parts so that this file does not find itself
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("#[ign", "ore"),
        concat!("FIX", "ME"),
    ];
    let mut problems = Vec::new();
    for (name, text) in rust_sources() {
        for (at, line) in text.lines().enumerate() {
            for mark in marks {
                if line.contains(mark) {
                    problems.push(format!("{name}:{}: {mark}", at + 1));
                }
            }
        }
    }
    none(&problems);
}

#[test]
fn no_path_of_somebodys_machine() {
    let homes = [
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/main"),
        concat!("C:", "\\"),
    ];
    let mut problems = Vec::new();
    let kinds = [
        "rs",
        "md",
        "toml",
        "gene",
        "sh",
        "yml",
        "run",
        "test",
        "check-dispatch",
    ];
    for (name, text) in texts(&kinds) {
        for (at, line) in text.lines().enumerate() {
            if homes.iter().any(|home| line.contains(home)) {
                problems.push(format!("{name}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    none(&problems);
}

#[test]
fn text_files_are_tidy() {
    let mut problems = Vec::new();
    for (name, text) in texts(&["rs", "toml", "md", "sh"]) {
        if !text.ends_with('\n') {
            problems.push(format!("{name}: no line break at the end"));
        }
        for (at, line) in text.lines().enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                problems.push(format!("{name}:{}: blanks at the end", at + 1));
            }
        }
    }
    none(&problems);
}

#[test]
fn top_level_holds_what_it_should() {
    let mut found: Vec<String> = std::fs::read_dir(root())
        .expect("the root")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into()
        })
        .filter(|name: &String| !name.starts_with('.') && name != "target")
        .collect();
    found.sort();
    assert_eq!(found, TOP_LEVEL);
}

#[test]
fn crates_depend_in_one_direction() {
    let manifest = |name: &str| {
        let path = root().join(name).join("Cargo.toml");
        std::fs::read_to_string(path).expect("a manifest")
    };
    let format = manifest("format");
    assert!(!format.contains("gene-compiler") && !format.contains("gene-runtime"));
    assert!(!manifest("runtime").contains("gene-compiler"));
    // The compiler's library never names the runtime; only its binaries may.
    let mut problems = Vec::new();
    for (name, text) in rust_sources() {
        let library = name.starts_with("compiler/src/") && !name.starts_with("compiler/src/bin/");
        if library && text.lines().any(|line| code(line).contains("gene_runtime")) {
            problems.push(format!("{name}: names the runtime"));
        }
    }
    none(&problems);
}

#[test]
fn every_crate_has_a_changelog() {
    for name in ["format", "compiler", "runtime"] {
        let path = root().join(name).join("CHANGELOG.md");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text.contains("## Unreleased"), "{name}/CHANGELOG.md");
    }
}

/// Files, environment and other programs are reached through `capabilities` only: a function of
/// the library that goes there by itself would be open to programs that may not.
#[test]
fn effects_go_through_the_capabilities() {
    let forbidden = [
        "std::fs",
        "fs::",
        "std::env",
        "Command::new",
        "std::net",
        "rustix::fs",
        "libc::open",
        "memmap2::",
    ];
    // what the machine itself needs, and reads nothing for the program; what command lines ask for
    let own = [
        "runtime/src/observe/output.rs",
        "runtime/src/capabilities/",
        "runtime/src/debug_file.rs",
        "runtime/src/main.rs",
        "runtime/src/mapping.rs",
        "runtime/src/start.rs",
        "runtime/src/signers.rs",
    ];
    let mut problems = Vec::new();
    for (name, text) in rust_sources() {
        if !name.starts_with("runtime/src/") || own.iter().any(|own| name.starts_with(own)) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let code = code(line).replace("std::env::consts", "");
            let code = code.replace("std::env::args_os", "");
            if let Some(word) = forbidden.iter().find(|word| code.contains(**word)) {
                problems.push(format!("{name}:{}: {word}", at + 1));
            }
        }
    }
    none(&problems);
}

//! Test programs: `.gene` files that say at the end what they do.
//!
//! A directive stands at the beginning of a line: `# Expected: LINE` (one line of standard
//! output; all of them are the whole output), `# Error: FRAGMENT` (standard error contains it, and
//! the program fails), `# ExitCode: N`, `# Args: …`, `# Options: …` (of the compiler),
//! `# Needs: eval` (it needs a compiler while it runs). A file without `Expected`, `Error` and `ExitCode` is a module for others.

use super::Output;
use std::path::{Path, PathBuf};

/// A program and what it is expected to do.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Where it is.
    pub path: PathBuf,
    /// Lines of standard output.
    pub expected: Vec<String>,
    /// What standard error contains.
    pub errors: Vec<String>,
    /// Its exit code, if stated.
    pub exit_code: Option<i32>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Options of the compiler.
    pub options: Vec<String>,
    /// It needs a compiler while it runs.
    pub needs_eval: bool,
}

/// The programs below a folder, sorted by path.
///
/// # Panics
/// If a file cannot be read.
pub fn cases(folder: &Path) -> Vec<Case> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "gene") {
                found.extend(load(&path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn load(path: &Path) -> Option<Case> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut case = Case {
        path: path.to_owned(),
        ..Case::default()
    };
    for line in text.lines() {
        let Some((key, value)) = line.strip_prefix("# ").and_then(|l| l.split_once(':')) else {
            continue;
        };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match key {
            "Expected" => case.expected.push(value.trim_end().to_owned()),
            "Error" => case.errors.push(value.trim().to_owned()),
            "ExitCode" => case.exit_code = value.trim().parse().ok(),
            "Args" => case.args.extend(shell_words(value)),
            "Needs" => case.needs_eval |= value.trim() == "eval",
            "Options" => case.options.extend(shell_words(value)),
            _ => {}
        }
    }
    let runs = !case.expected.is_empty() || !case.errors.is_empty() || case.exit_code.is_some();
    runs.then_some(case)
}

/// Words separated by blanks; double quotes keep blanks together.
pub fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What is wrong with an outcome; nothing if all is as expected.
pub fn judge(case: &Case, output: &Output) -> Vec<String> {
    let mut problems = Vec::new();
    match (output.code, case.exit_code) {
        (None, _) => problems.push(output.end.clone()),
        (Some(code), Some(expected)) if code != expected => {
            problems.push(format!("exit code {code}, expected {expected}"));
        }
        (Some(0), None) if !case.errors.is_empty() => {
            problems.push("exit code 0, expected a failure".into());
        }
        (Some(code), None) if code != 0 && case.errors.is_empty() => {
            problems.push(format!("exit code {code}, expected 0"));
        }
        _ => {}
    }
    let lines: Vec<&str> = output.out.lines().map(str::trim_end).collect();
    if lines != case.expected {
        problems.push(format!("printed {lines:?}, expected {:?}", case.expected));
    }
    for fragment in &case.errors {
        if !output.err.contains(fragment) {
            problems.push(format!("standard error lacks `{fragment}`"));
        }
    }
    if !problems.is_empty() && !output.err.is_empty() {
        problems.push(format!("standard error: {}", output.err.trim_end()));
    }
    problems
}

//! Every program of `tests/lang` and `examples`, in four ways: optimised, not optimised, with a
//! collection at every safepoint, and from a stripped image. All must do what the program says.
//! Programs that need a compiler while they run are started by `gene`, and refused by `gene-vm`.

use gene_aot::{Case, Output, Scratch, cases, in_parallel, judge, programs, report, root, run};
use std::path::Path;
use std::process::Command;

#[test]
fn programs_of_the_language() {
    run_all(&root().join("tests/lang"), 200);
}

#[test]
fn examples() {
    run_all(&root().join("examples"), 12);
}

fn run_all(folder: &Path, at_least: usize) {
    let cases = cases(folder);
    assert!(
        cases.len() >= at_least,
        "only {} programs in {}",
        cases.len(),
        folder.display()
    );
    programs();
    let results = in_parallel(&cases, check);
    let runs: usize = results.iter().map(|(runs, _)| runs).sum();
    let failures: Vec<String> = results
        .into_iter()
        .flat_map(|(_, problems)| problems)
        .collect();
    report(&format!("{} programs, {runs} runs", cases.len()));
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Runs a program in all ways; the number of runs, and what went wrong.
fn check(case: &Case) -> (usize, Vec<String>) {
    let scratch = Scratch::new();
    let optimised = scratch.file("optimised.gir");
    let plain = scratch.file("plain.gir");
    let stripped = scratch.file("stripped.gir");
    let mut problems = Problems::default();

    let first = compile(case, "-O1", &optimised);
    let second = compile(case, "-O0", &plain);
    if first.code != Some(0) || second.code != Some(0) {
        problems.note("compiled with -O1", judge(case, &first));
        problems.note("compiled with -O0", judge(case, &second));
        return (2, problems.of(case));
    }
    let warnings = &first.err;
    if case.needs_eval {
        let refused = execute(case, &optimised, &[], "");
        if refused.code != Some(5) || !refused.out.is_empty() || !refused.err.contains("gene run") {
            problems.note("gene-vm", vec![refused.describe()]);
        }
        for way in ["-O1", "-O0", "--gc-stress"] {
            problems.note(way, judge(case, &evaluate(case, way)));
        }
        return (4, problems.of(case));
    }

    let usual = execute(case, &optimised, &[], warnings);
    problems.note("-O1", judge(case, &usual));
    let slow = execute(case, &plain, &[], warnings);
    problems.note("-O0", judge(case, &slow));
    let stressed = execute(case, &optimised, &["--gc-stress"], warnings);
    problems.note("--gc-stress", judge(case, &stressed));
    for (way, other) in [("-O0", &slow), ("--gc-stress", &stressed)] {
        if (usual.code, without_times(&usual.err)) != (other.code, without_times(&other.err)) {
            let text = format!("ended otherwise: {:?} and {:?}", usual.err, other.err);
            problems.note(way, vec![text]);
        }
    }

    let strip = run(Command::new(&programs().dump)
        .arg("strip")
        .arg(&optimised)
        .arg("-o")
        .arg(&stripped));
    if strip.code == Some(0) {
        let output = execute(case, &stripped, &["--verify=eager"], warnings);
        problems.note("stripped", judge(case, &output));
    } else {
        problems.note("strip", vec![strip.describe()]);
    }
    (4, problems.of(case))
}

/// Standard error without the times of warnings: `T00 WARN  DATE DAY TIME LOGGER TEXT`.
fn without_times(err: &str) -> Vec<&str> {
    let warning = |line: &str| line.starts_with("T00 ");
    err.lines()
        .map(|line| {
            if warning(line) {
                line.splitn(7, ' ').last().unwrap_or(line)
            } else {
                line
            }
        })
        .collect()
}

/// What went wrong, and in which ways.
#[derive(Default)]
struct Problems(Vec<(Vec<String>, String)>);

impl Problems {
    fn note(&mut self, way: &str, found: Vec<String>) {
        for problem in found {
            match self.0.iter_mut().find(|(_, text)| *text == problem) {
                Some((ways, _)) => ways.push(way.to_owned()),
                None => self.0.push((vec![way.to_owned()], problem)),
            }
        }
    }

    fn of(self, case: &Case) -> Vec<String> {
        let name = case.path.strip_prefix(root()).unwrap_or(&case.path);
        let line = |(ways, text): (Vec<String>, String)| {
            format!("{} ({}): {text}", name.display(), ways.join(", "))
        };
        self.0.into_iter().map(line).collect()
    }
}

fn compile(case: &Case, level: &str, image: &Path) -> Output {
    run(Command::new(&programs().compile)
        .current_dir(case.path.parent().expect("a folder"))
        .args(&case.options)
        .arg(level)
        .arg(case.path.file_name().expect("a name"))
        .arg("-o")
        .arg(image))
}

fn evaluate(case: &Case, way: &str) -> Output {
    run(Command::new(&programs().gene)
        .current_dir(case.path.parent().expect("a folder"))
        .arg("run")
        .args(&case.options)
        .arg(way)
        .arg(case.path.file_name().expect("a name"))
        .args(&case.args))
}

fn execute(case: &Case, image: &Path, options: &[&str], warnings: &str) -> Output {
    let mut output = run(Command::new(&programs().vm)
        .current_dir(case.path.parent().expect("a folder"))
        .args(options)
        .arg(image)
        .args(&case.args));
    output.err.insert_str(0, warnings);
    output
}

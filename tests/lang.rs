//! Every program of `tests/lang` and `examples`, in four ways: optimised, not optimised, with a
//! collection at every safepoint, and from a stripped image; those that import modules also from
//! an image for each module. All must do what the program says, and the same from the cache.
//! Programs that need a compiler while they run are started by `gene`, and refused by `gene-vm`.

use gene_aot::{Case, Output, Scratch, cases, in_parallel, judge, programs, report, root, run};
use std::path::{Path, PathBuf};
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
    cached(case, &scratch, warnings, &mut problems);
    if case.needs_eval {
        let refused = execute(case, &optimised, &[], "");
        if refused.code != Some(5) || !refused.out.is_empty() || !refused.err.contains("gene run") {
            problems.note("gene-vm", vec![refused.describe()]);
        }
        let main = main_file(case);
        for way in ["-O1", "-O0", "--gc-stress"] {
            problems.note(way, judge(case, &evaluate(case, &[way], main)));
        }
        let Some(image) = separate(case, &scratch, &mut problems) else {
            return (6, problems.of(case));
        };
        let output = evaluate(case, &["--gc-stress"], &image);
        problems.note("--separate", judge(case, &output));
        return (7, problems.of(case));
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
    let Some(image) = separate(case, &scratch, &mut problems) else {
        return (6, problems.of(case));
    };
    let output = execute(case, &image, &["--gc-stress", "--verify=eager"], warnings);
    problems.note("--separate", judge(case, &output));
    (7, problems.of(case))
}

/// Runs the program twice, so that the second run takes it from the cache.
fn cached(case: &Case, scratch: &Scratch, warnings: &str, problems: &mut Problems) {
    let start = || {
        let mut command = Command::new(&programs().gene);
        command.current_dir(case.path.parent().expect("a folder"));
        command.arg("run").args(&case.options).arg(main_file(case));
        command.args(&case.args);
        let mut output = run(command.env("GENE_CACHE_DIR", scratch.file("cache")));
        output.err.insert_str(0, warnings);
        output
    };
    let first = start();
    let second = start();
    problems.note("gene run", judge(case, &first));
    problems.note("cached", judge(case, &second));
    if (first.code, without_times(&first.err)) != (second.code, without_times(&second.err)) {
        let text = format!("ended otherwise: {:?} and {:?}", first.err, second.err);
        problems.note("cached", vec![text]);
    }
    if !scratch.file("cache/images").exists() {
        problems.note("cached", vec!["there is no image".into()]);
    }
}

/// The main image of the program as one image for each module, if it imports modules.
fn separate(case: &Case, scratch: &Scratch, problems: &mut Problems) -> Option<PathBuf> {
    let text = std::fs::read_to_string(&case.path).expect("the program");
    if !text.contains("(import ") {
        return None;
    }
    let folder = scratch.file("separate");
    let output = compile(case, "--separate", &folder);
    if output.code != Some(0) {
        problems.note("--separate", vec![output.describe()]);
        return None;
    }
    let main = folder.join(main_file(case)).with_extension("gir");
    let images = std::fs::read_dir(&folder).expect("the images").count();
    if images < 2 && text.contains("from \"") {
        problems.note("--separate", vec!["there is one image only".into()]);
    }
    Some(main)
}

fn main_file(case: &Case) -> &Path {
    Path::new(case.path.file_name().expect("a name"))
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

fn compile(case: &Case, option: &str, image: &Path) -> Output {
    run(Command::new(&programs().compile)
        .current_dir(case.path.parent().expect("a folder"))
        .args(&case.options)
        .arg(option)
        .arg(main_file(case))
        .arg("-o")
        .arg(image))
}

fn evaluate(case: &Case, options: &[&str], program: &Path) -> Output {
    run(Command::new(&programs().gene)
        .current_dir(case.path.parent().expect("a folder"))
        .arg("run")
        .args(&case.options)
        .args(options)
        .arg(program)
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

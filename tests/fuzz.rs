//! Random texts: no text makes the reader panic, and no program makes the compiler panic or write
//! an image that its own verifier refuses.
//!
//! `GENE_FUZZ_TEXTS=10000000` and `GENE_FUZZ_PROGRAMS=200000` make more of them,
//! `GENE_FUZZ_SEED=N` others; `GENE_FUZZ_KEEP=FOLDER` keeps those that fail. `tests/fuzz` holds
//! texts that failed once, or that are known to be hard; they are read and compiled every time.

use gene_aot::mutate::Mutator;
use gene_aot::{in_parallel, number_from_env, optimised, report, root};
use gene_compiler::compile::{Level, Options, compile, on_large_stack};
use gene_compiler::diag::Format;
use gene_compiler::gene::NoFiles;
use gene_compiler::source::SourceMap;
use gene_format::aligned::Aligned;
use gene_format::text::{read_all, read_one, write_forms};
use gene_format::verify::verify_image;
use gene_format::write::{WriteOptions, write_image};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Nothing that is so short takes so long, even on a busy machine.
const SLOW: Duration = Duration::from_secs(20);

/// Texts that one thread makes between looks at the others.
const CHUNK: usize = 1_000;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "gene") {
            found.push(path);
        }
    }
}

/// The programs of the tests, in the same order everywhere.
fn corpus() -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for folder in ["tests/lang", "tests/fuzz", "examples"] {
        sources(&root().join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| std::fs::read(path).expect("a program");
    paths.into_iter().map(read).collect()
}

/// What became of the texts.
#[derive(Clone, Copy, Default)]
struct Counts {
    texts: usize,
    right: usize,
}

/// Applies `check` to `count` texts; it tells whether the text was right.
fn fuzz(
    count: usize,
    make: impl Fn(&mut Mutator) -> Vec<u8> + Sync,
    check: impl Fn(&[u8]) -> bool + Sync,
) -> Counts {
    let corpus = corpus();
    let first = number_from_env("GENE_FUZZ_SEED", 0);
    let chunks: Vec<usize> = (0..count.div_ceil(CHUNK)).collect();
    let results = in_parallel(&chunks, |chunk| {
        on_large_stack(|| {
            let mut counts = Counts::default();
            for index in 0..CHUNK.min(count - chunk * CHUNK) {
                let seed = (first + chunk * CHUNK + index) as u64;
                let text = make(&mut Mutator::new(&corpus, seed));
                counts.texts += 1;
                counts.right += usize::from(guarded(&text, &check)?);
            }
            Ok(counts)
        })
    });
    let failures: Vec<&String> = results
        .iter()
        .filter_map(|one| one.as_ref().err())
        .collect();
    if let Some(first) = failures.first() {
        panic!("{} failures; the first:\n{first}", failures.len());
    }
    results
        .iter()
        .flatten()
        .fold(Counts::default(), |sum, one| Counts {
            texts: sum.texts + one.texts,
            right: sum.right + one.right,
        })
}

/// What `check` says; if it panics or takes too long, the text.
fn guarded(text: &[u8], check: impl Fn(&[u8]) -> bool) -> Result<bool, String> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| check(text)));
    let time = start.elapsed();
    let what = match result {
        Ok(right) if time < SLOW => return Ok(right),
        Ok(_) => format!("took {time:?}"),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().cloned();
            let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            message.or(literal).unwrap_or_default()
        }
    };
    if let Some(folder) = std::env::var_os("GENE_FUZZ_KEEP") {
        let name = format!("{:08x}.gene", fingerprint(text));
        std::fs::write(PathBuf::from(folder).join(name), text).expect("the folder is there");
    }
    let shown = String::from_utf8_lossy(text);
    Err(format!("{what}\n{shown}"))
}

fn fingerprint(text: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    text.iter().fold(0x811c_9dc5, step)
}

/// Reads a text in all ways; what was read is written and read again.
fn read(text: &[u8]) -> bool {
    let all = read_all(text);
    for error in &all.errors {
        let (start, end) = (error.span.start as usize, error.span.end as usize);
        assert!(
            start <= end && end <= text.len() + 1,
            "error at {start}..{end}"
        );
        assert!(!error.message.is_empty() && error.message.len() < 1_000);
    }
    let first = read_one(text);
    if !all.errors.is_empty() {
        return false;
    }
    assert_eq!(first.is_ok(), !all.forms.is_empty());
    let written = write_forms(&all.forms);
    let again = read_all(written.as_bytes());
    assert!(again.errors.is_empty(), "{:?} in {written}", again.errors);
    assert_eq!(again.forms.len(), all.forms.len(), "{written}");
    for (one, other) in all.forms.iter().zip(&again.forms) {
        assert!(one.same_data(other), "written as {written}");
    }
    true
}

/// Compiles a text as a program and verifies the image.
fn build(text: &[u8]) -> bool {
    let mut right = true;
    for level in [Level::None, Level::Full] {
        let mut sources = SourceMap::new();
        let main = sources.add("main.gene", text);
        let options = Options {
            level,
            ..Options::default()
        };
        let program = match compile(&mut sources, main, "/main.gene", &mut NoFiles, &options) {
            Ok(program) => program,
            Err(diagnostics) => {
                assert!(diagnostics.has_errors());
                let shown = diagnostics.render(&sources, Format::Json);
                assert!(!shown.is_empty());
                right = false;
                continue;
            }
        };
        let image = write_image(&program, &WriteOptions::default()).expect("it fits an image");
        if let Err(error) = verify_image(&Aligned::new(&image)) {
            panic!("the image does not verify: {error}");
        }
    }
    right
}

#[test]
fn no_text_confuses_the_reader() {
    let usual = if optimised() { 400_000 } else { 20_000 };
    let count = number_from_env("GENE_FUZZ_TEXTS", usual);
    let counts = fuzz(count, |mutator| mutator.text(), read);
    report(&format!(
        "{} texts read, {} of them without errors",
        counts.texts, counts.right
    ));
    assert!(
        counts.right * 20 > counts.texts,
        "hardly any text was right"
    );
}

#[test]
fn no_program_confuses_the_compiler() {
    let usual = if optimised() { 10_000 } else { 500 };
    let count = number_from_env("GENE_FUZZ_PROGRAMS", usual);
    let counts = fuzz(count, |mutator| mutator.program(), build);
    report(&format!(
        "{} programs compiled, {} of them right",
        counts.texts, counts.right
    ));
    assert!(
        counts.right * 20 > counts.texts,
        "hardly any program was right"
    );
}

#[test]
fn hard_texts() {
    let mut paths = Vec::new();
    sources(&root().join("tests/fuzz"), &mut paths);
    assert!(!paths.is_empty());
    for path in paths {
        let text = std::fs::read(&path).expect("a text");
        let both = |text: &[u8]| read(text) & build(text);
        let result = on_large_stack(|| guarded(&text, both));
        assert!(result.is_ok(), "{}: {result:?}", path.display());
    }
}

//! Damaged and hostile images: every truncation and every single-byte change of three examples,
//! and random changes with repaired checksums, also of one image among those of a program. Each must be refused with a clear error, or run to
//! an end within its limits; no panic, no signal, no endless loop.
//!
//! The work is done by worker processes (this program again, with `--worker`), so that a crash
//! is seen and the case that caused it is known. `GENE_HOSTILE_SEEDS=100000` makes more random
//! images, `GENE_HOSTILE_SEED=N` others; `GENE_HOSTILE_KEEP=FOLDER` keeps those that fail.

use gene_aot::random::Random;
use gene_aot::{Output, Scratch, number_from_env, optimised, programs, report, root, run};
use gene_format::aligned::Aligned;
use gene_format::image::CheckedImage;
use gene_format::testing::reseal;
use gene_format::verify::verify_image;
use gene_runtime::errors::Fatal;
use gene_runtime::mapping::Mapping;
use gene_runtime::program::Image;
use gene_runtime::run::{Machine, Verify};
use gene_runtime::vm::{Options, Vm};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Sources of the images.
const EXAMPLES: [&str; 3] = [
    "examples/pipeline.gene",
    "examples/calculator.gene",
    "tests/lang/09-errors/clauses_in_order.gene",
];

/// Source of a program with an image for each module.
const SEPARATE: &str = "tests/lang/08-modules/shared_state.gene";

/// A worker that does not move for so long hangs.
const STALLED: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--worker") {
        return worker(&args[1..]);
    }
    if args.iter().any(|arg| arg == "--list") {
        println!("hostile: test");
        return ExitCode::SUCCESS;
    }
    let scratch = Scratch::new();
    let images = images(&scratch);
    let tests: [(&str, &dyn Fn()); 5] = [
        ("truncations", &|| truncations(&scratch, &images)),
        ("single_byte_changes", &|| changes(&scratch, &images)),
        ("random_changes_with_repaired_checksums", &|| {
            repaired(&scratch, &images)
        }),
        ("random_changes_of_one_image_among_several", &|| {
            separate(&scratch)
        }),
        ("the_program_reports_damage", &|| {
            by_the_program(&scratch, &images)
        }),
    ];
    let mut failed = false;
    for (name, test) in tests {
        let ok = catch_unwind(AssertUnwindSafe(test)).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        failed |= !ok;
    }
    ExitCode::from(if failed { 101 } else { 0 })
}

fn images(scratch: &Scratch) -> Vec<PathBuf> {
    let compile = |(at, source): (usize, &&str)| {
        let image = scratch.file(&format!("{at}.gir"));
        // A path relative to the root: the same bytes, so the same cases, on every machine.
        run(Command::new(&programs().compile)
            .current_dir(root())
            .arg(source)
            .arg("-o")
            .arg(&image))
        .expect(0);
        image
    };
    EXAMPLES.iter().enumerate().map(compile).collect()
}

fn length(image: &Path) -> usize {
    std::fs::metadata(image).expect("the image").len() as usize
}

fn truncations(scratch: &Scratch, images: &[PathBuf]) {
    let ranges = images
        .iter()
        .map(|image| ("truncate", image, 0, length(image)));
    let counts = work(scratch, ranges.collect());
    assert_eq!(
        counts.refused, counts.cases,
        "a truncated image is never whole"
    );
    report(&format!("{} truncations refused", counts.refused));
}

fn changes(scratch: &Scratch, images: &[PathBuf]) {
    let mode = if optimised() {
        "change-all"
    } else {
        "change-some"
    };
    // Small parts: a change of code means a run, so some places take much longer than others.
    let ranges = images.iter().flat_map(|image| {
        let length = length(image);
        let part = length.div_ceil(32);
        (0..length)
            .step_by(part)
            .map(move |from| (mode, image, from, (from + part).min(length)))
    });
    let counts = work(scratch, ranges.collect());
    let bytes: usize = images.iter().map(|image| length(image)).sum();
    assert!(counts.cases >= 3 * bytes);
    report(&format!(
        "{} changes of {bytes} bytes: {} refused, {} run to an end",
        counts.cases, counts.refused, counts.ended
    ));
}

fn repaired(scratch: &Scratch, images: &[PathBuf]) {
    let usual = if optimised() { 12_000 } else { 1_500 };
    let seeds = number_from_env("GENE_HOSTILE_SEEDS", usual);
    let first = number_from_env("GENE_HOSTILE_SEED", 0);
    // Images stay in memory for the rest of a process, so a worker makes a few hundred.
    let ranges = (first..first + seeds)
        .step_by(500)
        .enumerate()
        .map(|(at, from)| {
            let image = &images[at % images.len()];
            ("repair", image, from, (from + 500).min(first + seeds))
        });
    let counts = work(scratch, ranges.collect());
    assert_eq!(counts.cases, seeds);
    assert!(
        counts.ended * 20 > counts.cases,
        "too few images get past the checks"
    );
    report(&format!(
        "{seeds} images with repaired checksums: {} refused, {} stopped in their code, {} run to an end",
        counts.refused, counts.stopped, counts.ended
    ));
}

fn separate(scratch: &Scratch) {
    let folder = scratch.file("separate");
    run(Command::new(&programs().compile)
        .current_dir(root())
        .args(["--separate", SEPARATE, "-o"])
        .arg(&folder))
    .expect(0);
    let main = folder.join("shared_state.gir");
    let seeds = number_from_env("GENE_HOSTILE_SEEDS", if optimised() { 6_000 } else { 600 });
    let first = number_from_env("GENE_HOSTILE_SEED", 0);
    let starts = (first..first + seeds).step_by(250);
    let ranges = starts.map(|from| ("separate", &main, from, (from + 250).min(first + seeds)));
    let counts = work(scratch, ranges.collect());
    assert_eq!(counts.cases, seeds);
    assert!(
        counts.ended * 20 > counts.cases && counts.stopped > 0,
        "too few images get past the checks: {counts:?}"
    );
    report(&format!(
        "{seeds} programs with one hostile image: {} refused, {} stopped in their code, {} run to an end",
        counts.refused, counts.stopped, counts.ended
    ));
}

/// The real `gene-vm` and `gene-dump` on a sample of the same images.
fn by_the_program(scratch: &Scratch, images: &[PathBuf]) {
    let mut runs = 0;
    for (at, image) in images.iter().enumerate() {
        let usual = run(Command::new(&programs().vm).arg(image));
        usual.expect(0);
        let bytes = std::fs::read(image).expect("the image");
        for position in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let mut changed = bytes.clone();
            changed[position] ^= 0x41;
            for (kind, content) in [("changed", &changed[..]), ("cut", &bytes[..position])] {
                let file = scratch.write(&format!("{kind}{at}.gir"), content);
                let what = format!("{kind} at {position}");
                let output = run(Command::new(&programs().vm).arg(&file));
                // Code is checked when it is first called, debug data when it is needed.
                if output.code != Some(0) {
                    refused(&output, &what);
                }
                let part = match output.code {
                    Some(0) => output.out == usual.out,
                    _ => usual.out.starts_with(&output.out),
                };
                assert!(part, "{what}: {}", output.describe());
                let output = run(Command::new(&programs().dump).arg("verify").arg(&file));
                refused(&output, &what);
                runs += 2;
            }
        }
    }
    report(&format!("{runs} runs of gene-vm and gene-dump"));
}

#[track_caller]
fn refused(output: &Output, what: &str) {
    assert_eq!(output.code, Some(4), "{what}: {}", output.describe());
    output.one_line(": ");
}

/// What workers found.
#[derive(Default, Debug)]
struct Counts {
    cases: usize,
    /// Refused before they started.
    refused: usize,
    /// Stopped by a check while they ran.
    stopped: usize,
    /// Ended by themselves or at a limit.
    ended: usize,
}

impl Counts {
    fn write(&self) -> String {
        format!(
            "{} {} {} {}",
            self.cases, self.refused, self.stopped, self.ended
        )
    }

    fn add(&mut self, text: &str) {
        let mut numbers = text
            .split(' ')
            .map(|n| n.parse::<usize>().expect("a number"));
        let fields = [
            &mut self.cases,
            &mut self.refused,
            &mut self.stopped,
            &mut self.ended,
        ];
        for field in fields {
            *field += numbers.next().expect("four numbers");
        }
    }
}

type Range<'a> = (&'a str, &'a PathBuf, usize, usize);

/// Gives ranges of cases to workers, as many at once as there are processors.
fn work(scratch: &Scratch, ranges: Vec<Range<'_>>) -> Counts {
    let counts = gene_aot::in_parallel(&ranges, |range| watch(scratch, *range));
    let mut sum = Counts::default();
    let mut failures = Vec::new();
    for count in counts {
        match count {
            Ok(text) => sum.add(&text),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    sum
}

fn watch(scratch: &Scratch, (mode, image, from, to): Range<'_>) -> Result<String, String> {
    let name = image.file_stem().expect("a name").to_string_lossy();
    let progress = scratch.file(&format!("{mode}-{name}-{from}"));
    let folder = scratch.file(&format!("{mode}-{name}-{from}-cwd"));
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(&progress, "").expect("a file");
    let errors = scratch.file(&format!("{mode}-{name}-{from}-err"));
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--worker", mode])
        .args([image, &progress])
        .args([from.to_string(), to.to_string()])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&errors).expect("a file"))
        .spawn()
        .expect("this program can be started");
    let problem = wait(&mut child, &progress);
    let said = std::fs::read_to_string(&progress).unwrap_or_default();
    match (problem, said.strip_prefix("done ")) {
        (None, Some(counts)) => Ok(counts.to_owned()),
        (problem, _) => {
            let tail = std::fs::read(&errors).unwrap_or_default();
            let tail =
                String::from_utf8_lossy(&tail[tail.len().saturating_sub(1500)..]).into_owned();
            let problem = problem.unwrap_or_else(|| "ended early".into());
            if let (Some(folder), Ok(seed), "repair") =
                (std::env::var_os("GENE_HOSTILE_KEEP"), said.parse(), mode)
            {
                let bytes = hostile(&std::fs::read(image).expect("the image"), seed);
                let file = Path::new(&folder).join(format!("{seed}.gir"));
                std::fs::write(file, bytes).expect("the folder is there");
            }
            Err(format!(
                "{mode} {} at {said}: {problem}\n{tail}",
                image.display()
            ))
        }
    }
}

/// Waits for a worker; says what is wrong if it crashes or hangs.
fn wait(child: &mut Child, progress: &Path) -> Option<String> {
    let mut last = (String::new(), Instant::now());
    loop {
        if let Some(status) = child.try_wait().expect("the worker is ours") {
            return (!status.success()).then(|| status.to_string());
        }
        let said = std::fs::read_to_string(progress).unwrap_or_default();
        if said != last.0 {
            last = (said, Instant::now());
        } else if last.1.elapsed() > STALLED {
            child.kill().expect("the worker is ours");
            child.wait().expect("the worker is ours");
            return Some(format!("no progress for {STALLED:?}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

// --- in the worker

enum Outcome {
    Refused,
    Stopped,
    Ended,
}

fn worker(args: &[String]) -> ExitCode {
    let [mode, image, progress, from, to] = args else {
        panic!("a worker takes five arguments");
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let original = std::fs::read(image).expect("the image");
    let mut scratch = Aligned::new(&original);
    let mut counts = Counts::default();
    let mut count = |outcome| {
        counts.cases += 1;
        match outcome {
            Outcome::Refused => counts.refused += 1,
            Outcome::Stopped => counts.stopped += 1,
            Outcome::Ended => counts.ended += 1,
        }
    };
    for at in number(from)..number(to) {
        std::fs::write(progress, format!("{at}")).expect("the progress file");
        match mode.as_str() {
            "truncate" => count(check(&Aligned::new(&original[..at]))),
            "change-some" | "change-all" => {
                // Code and debug data are checked when they are used: there, every change means
                // a run, and three of them must do.
                let mut masks = vec![1, 0x80, 0xff];
                for index in 0..255 {
                    let Some(mask) = masks.get(index) else { break };
                    scratch[at] = original[at] ^ mask;
                    let outcome = check(&scratch);
                    if index == 0 && mode == "change-all" && matches!(outcome, Outcome::Refused) {
                        masks.extend((1..=255).filter(|mask| ![1, 0x80, 0xff].contains(mask)));
                    }
                    count(outcome);
                }
                scratch[at] = original[at];
            }
            "repair" => count(execute(&hostile(&original, at as u64), at)),
            "separate" => count(execute_separate(Path::new(image), at)),
            _ => panic!("no mode {mode}"),
        }
    }
    std::fs::write(progress, format!("done {}", counts.write())).expect("the progress file");
    ExitCode::SUCCESS
}

/// Parses; only what parses is run, in the same way as `gene-vm` does.
fn check(bytes: &Aligned) -> Outcome {
    match CheckedImage::parse(bytes) {
        Ok(_) => execute(bytes, 0),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
            Outcome::Refused
        }
    }
}

fn execute(bytes: &[u8], seed: usize) -> Outcome {
    // Verifying everything must not panic either; what it refuses may still run in parts.
    let eager = verify_image(&Aligned::new(bytes)).is_ok();
    let image = match Image::load("hostile.gir", Mapping::copy(bytes)) {
        Ok(image) => image,
        Err(_) => return Outcome::Refused,
    };
    if image.view.needs_eval().is_some() {
        return Outcome::Refused;
    }
    let mut vm = Vm::new(limits(seed));
    let image = vm.add_image(image);
    let result = vm.run_image(image).is_ok();
    outcome(&mut vm, result, eager)
}

fn limits(seed: usize) -> Options {
    Options {
        max_memory: 32 << 20,
        max_steps: 100_000,
        max_depth: 10_000,
        gc_stress: seed.is_multiple_of(8),
        ..Options::default()
    }
}

/// Changes one of the program's images. Those that import it are told its new interface, so that
/// the change reaches further than the comparison.
fn execute_separate(main: &Path, seed: usize) -> Outcome {
    let from = main.parent().expect("a folder");
    let names = ["shared_state.gir", "lib/state.gir", "lib/again.gir"];
    let mut images = names.map(|name| std::fs::read(from.join(name)).expect("an image"));
    let interface = |image: &[u8]| {
        let aligned = Aligned::new(image);
        let parsed = CheckedImage::parse(&aligned).ok()?;
        parsed.interface().ok()
    };
    let chosen = seed % names.len();
    let old = interface(&images[chosen]).expect("a whole image");
    images[chosen] = hostile(&images[chosen], seed as u64);
    if let Some(new) = interface(&images[chosen]) {
        for image in &mut images {
            let found = image.windows(old.len()).position(|part| part == old);
            if let Some(at) = found.filter(|_| new != old) {
                image[at..at + new.len()].copy_from_slice(&new);
                reseal(image);
            }
        }
    }
    let open = |verify| Machine::open(Path::new(names[0]), limits(seed), verify, None);
    std::fs::create_dir_all("lib").expect("a folder");
    for (name, image) in names.iter().zip(&images) {
        std::fs::write(name, image).expect("the folder of the worker");
    }
    let eager = open(Verify::Eager).is_ok();
    let mut machine = match open(Verify::Lazy) {
        Ok(machine) => machine,
        Err(failure) => {
            let text = failure.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
            return Outcome::Refused;
        }
    };
    let result = machine.run().is_ok();
    outcome(&mut machine.vm, result, eager)
}

fn outcome(vm: &mut Vm, result: bool, eager: bool) -> Outcome {
    let _ = vm.flush();
    match &vm.fatal {
        Some(Fatal::Panic(text)) => panic!("a native panicked: {text}"),
        Some(Fatal::Corrupt(text)) => {
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
            assert!(!eager, "verified code was stopped: {text}");
            Outcome::Stopped
        }
        Some(_) => Outcome::Ended,
        None => {
            if !result {
                assert!(!vm.report().is_empty());
            }
            Outcome::Ended
        }
    }
}

/// An image with random changes and checksums that fit them.
fn hostile(original: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = original.to_vec();
    // Most attacks change what comes after the header and the section table.
    let start = if random.once_in(8) {
        0
    } else {
        640.min(bytes.len() / 2)
    };
    let interesting = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xfe, 0xff];
    for _ in 0..1 + random.below(6) {
        let len = bytes.len();
        let at = start + random.below(len - start);
        let word = at & !7;
        match random.below(8) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = *random.pick(&interesting),
            3 => bytes[at] = bytes[at].wrapping_add(1),
            4 => {
                // another word of the image: valid in itself, in the wrong place
                let from = (start + random.below(len - start)) & !7;
                let (from, word) = (from.min(len - 8), word.min(len - 8));
                bytes.copy_within(from..from + 8, word);
            }
            5 => {
                // an operand or a field of two bytes
                let at = (at & !1).min(len - 2);
                let value = random.pick(&[0, 1, 0xff, 0x100, 0x7fff, 0x8000, 0xffff]);
                bytes[at..at + 2].copy_from_slice(&u16::to_le_bytes(*value));
            }
            6 => {
                let at = (at & !3).min(len - 4);
                let value = random.pick(&[0, 1, 0x10000, 0x7fff_ffff, u32::MAX - 7, u32::MAX]);
                bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(*value));
            }
            _ => {
                let end = (at + random.below(64)).min(len);
                bytes[at..end].fill(0);
            }
        }
    }
    if random.once_in(30) {
        let len = bytes.len();
        bytes.truncate(len / 2 + random.below(len / 2));
    }
    reseal(&mut bytes);
    bytes
}

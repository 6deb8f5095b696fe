//! The image cache under stress: many processes run programs that are rewritten all the time, on
//! one cache; some are killed, some may not write, and files of the cache get damaged. Every run
//! prints what its program said at some moment of the run, and nothing half-written remains.
//!
//! `GENE_CACHE_SECONDS=600` takes longer than usual, `GENE_CACHE_SEED=N` makes other choices.
#![cfg(unix)]

use gene_aot::random::Random;
use gene_aot::{Output, Scratch, number_from_env, programs, report, run};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Programs; each imports a module of its own.
const SCRIPTS: usize = 4;

/// Threads that start processes.
const STARTERS: usize = 6;

/// A file that exists in numbered versions, one after another.
#[derive(Default)]
struct Versions {
    /// The last one that may have begun to replace the one before.
    begun: AtomicUsize,
    /// The last one that is certainly there.
    done: AtomicUsize,
    /// One writer at a time.
    writer: std::sync::Mutex<()>,
}

impl Versions {
    fn rewrite(&self, path: &Path, text: impl Fn(usize) -> String) {
        let _writer = self.writer.lock().expect("no panic");
        let version = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let beside = path.with_extension("new");
        fs::write(&beside, text(version)).expect("the folder can be written");
        fs::rename(&beside, path).expect("the folder can be written");
        self.done.store(version, Ordering::SeqCst);
    }
}

/// A folder with programs that change, and their cache.
struct Arena {
    scratch: Scratch,
    mains: [Versions; SCRIPTS],
    modules: [Versions; SCRIPTS],
    runs: AtomicUsize,
    kills: AtomicUsize,
}

impl Arena {
    fn new() -> Arena {
        let arena = Arena {
            scratch: Scratch::new(),
            mains: Default::default(),
            modules: Default::default(),
            runs: AtomicUsize::new(0),
            kills: AtomicUsize::new(0),
        };
        for script in 0..SCRIPTS {
            arena.rewrite_main(script);
            arena.rewrite_module(script);
        }
        arena
    }

    fn rewrite_main(&self, script: usize) {
        let path = self.scratch.file(&format!("main{script}.gene"));
        self.mains[script].rewrite(&path, |version| {
            // of different lengths, so that a mixture of two is seen
            let filler = "(println 0)".repeat(version % 3 + 1);
            // some need a compiler while they run
            let two = ["(eval `(1 + 1))", "2"][script % 2];
            format!(
                "(import v from \"./module{script}\") (if false {filler}) \
                 (println {script} {version} (v) {two})"
            )
        });
    }

    fn rewrite_module(&self, script: usize) {
        let path = self.scratch.file(&format!("module{script}.gene"));
        self.modules[script].rewrite(&path, |version| format!("(fn v [] {version})"));
    }

    fn cache(&self) -> PathBuf {
        self.scratch.file("cache")
    }

    fn gene(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&programs().gene);
        command.current_dir(self.scratch.path()).args(args);
        run(command.env("GENE_CACHE_DIR", self.cache()))
    }

    /// Runs a program and checks what it prints.
    fn run(&self, script: usize, random: &mut Random) {
        let mut command = match random.below(5) {
            // as on a full disk: files may have some blocks only
            0 => {
                let mut shell = Command::new("sh");
                let blocks = random.below(3);
                let limited = format!("ulimit -f {blocks}; exec \"$@\"");
                shell.arg("-c").arg(limited).arg("sh").arg(&programs().gene);
                shell
            }
            _ => Command::new(&programs().gene),
        };
        if random.below(5) == 0 {
            command.env("GENE_CACHE_SIZE", ["0", "2K", "5K"][random.below(3)]);
        }
        command
            .arg("run")
            .arg(format!("main{script}.gene"))
            .current_dir(self.scratch.path())
            .env("GENE_CACHE_DIR", self.cache())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let versions = [&self.mains[script], &self.modules[script]];
        let before = versions.map(|one| one.done.load(Ordering::SeqCst));
        let mut child = command.spawn().expect("it can be started");
        let killed = random.below(4) == 0;
        if killed {
            let pause = Duration::from_micros(random.below(20_000) as u64);
            match random.below(2) {
                0 => std::thread::sleep(pause),
                _ => self.wait_for_writer(pause),
            }
            child.kill().expect("the child is ours");
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
        let (mut out, mut err) = (String::new(), String::new());
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        // errors are short: they do not fill the pipe while the output is read
        let _ = stdout.as_mut().expect("piped").read_to_string(&mut out);
        let _ = stderr.as_mut().expect("piped").read_to_string(&mut err);
        let status = child.wait().expect("the child is ours");
        let after = versions.map(|one| one.begun.load(Ordering::SeqCst));
        self.runs.fetch_add(1, Ordering::Relaxed);
        if killed && (!status.success() || out.is_empty()) {
            return;
        }
        let numbers: Vec<usize> = out
            .split_whitespace()
            .map(|word| word.parse().unwrap_or(usize::MAX))
            .collect();
        let right = match numbers[..] {
            [name, main, module, two] => {
                let found = [main, module];
                name == script
                    && two == 2
                    && (0..2).all(|at| (before[at]..=after[at]).contains(&found[at]))
            }
            _ => false,
        };
        assert!(
            right && status.success() && err.is_empty(),
            "script {script}, versions {before:?} to {after:?}: {status}\n{out}{err}"
        );
    }

    /// Waits until a file appears in the cache: then a writer is likely to be half-way.
    fn wait_for_writer(&self, limit: Duration) {
        let start = Instant::now();
        let before = self.files();
        while start.elapsed() < limit && self.files().iter().all(|file| before.contains(file)) {
            std::hint::spin_loop();
        }
    }

    /// Starts and rewrites programs until the time is over.
    fn stress(&self, seed: usize, until: Instant, damages: bool) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let starters: Vec<_> = (0..STARTERS)
                .map(|number| {
                    scope.spawn(move || {
                        let mut random = Random::new((seed * 100 + number) as u64);
                        while Instant::now() < until {
                            let script = random.below(SCRIPTS);
                            match random.below(16) {
                                0 => self.rewrite_main(script),
                                1 => self.rewrite_module(script),
                                _ => self.run(script, &mut random),
                            }
                        }
                    })
                })
                .collect();
            if damages {
                let over = &over;
                scope.spawn(move || {
                    let mut random = Random::new((seed * 100 + 99) as u64);
                    while !over.load(Ordering::Relaxed) {
                        self.damage(&mut random);
                        std::thread::sleep(Duration::from_millis(1));
                    }
                });
            }
            let results: Vec<_> = starters.into_iter().map(|one| one.join()).collect();
            over.store(true, Ordering::Relaxed);
            for result in results {
                result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
    }

    fn files(&self) -> Vec<PathBuf> {
        let folders = ["entries", "images", "tmp"].map(|name| self.cache().join(name));
        let entries = folders.iter().flat_map(fs::read_dir).flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    /// Spoils a file of the cache. Others may be quicker, so nothing has to succeed.
    fn damage(&self, random: &mut Random) {
        let files = self.files();
        if files.is_empty() {
            return;
        }
        let path = &files[random.below(files.len())];
        let same: Vec<&PathBuf> = files
            .iter()
            .filter(|one| one.parent() == path.parent())
            .collect();
        let other = same[random.below(same.len())];
        let length = fs::metadata(path).map_or(0, |found| found.len());
        let open = || fs::File::options().write(true).open(path);
        let _ = match random.below(9) {
            0 => fs::remove_file(path),
            1 => open().and_then(|file| file.set_len(random.below(length as usize + 1) as u64)),
            2 => fs::write(path, "something else"),
            3 => fs::rename(path, other),
            4 => fs::copy(other, path).map(|_| ()),
            5 => fs::remove_file(path).and_then(|()| fs::create_dir_all(path.join("a"))),
            6 => fs::write(
                self.cache()
                    .join("tmp")
                    .join(format!("{:032x}", random.below(1 << 30))),
                "x",
            ),
            _ => open().and_then(|file| {
                let at = random.below(length as usize + 1) as u64;
                file.write_all_at(&[random.below(256) as u8], at)
            }),
        };
    }

    /// Checks that all programs run, from the cache too, and that the cache holds nothing else.
    fn check_rest(&self) {
        for script in 0..SCRIPTS {
            self.rewrite_main(script);
            let versions = [&self.mains[script], &self.modules[script]];
            let [main, module] = versions.map(|one| one.done.load(Ordering::SeqCst));
            for _ in 0..2 {
                let output = self.gene(&["run", &format!("main{script}.gene")]);
                assert_eq!(
                    output.expect(0).out,
                    format!("{script} {main} {module} 2\n")
                );
            }
        }
        let left = fs::read_dir(self.cache().join("tmp"))
            .expect("the cache")
            .count();
        assert_eq!(left, 0, "temporary files remain");
        let verify = self.gene(&["cache", "verify"]);
        assert!(verify.expect(0).out.contains("sound"));
    }
}

fn seconds() -> Duration {
    Duration::from_secs(number_from_env("GENE_CACHE_SECONDS", 2) as u64)
}

#[test]
fn killed_and_limited_writers_leave_no_half_written_files() {
    let arena = Arena::new();
    let seed = number_from_env("GENE_CACHE_SEED", 1);
    arena.stress(seed, Instant::now() + seconds(), false);
    arena.check_rest();
    let runs = arena.runs.load(Ordering::Relaxed);
    let kills = arena.kills.load(Ordering::Relaxed);
    assert!(kills > 0);
    report(&format!("{runs} runs, {kills} of them killed"));
}

#[test]
fn damage_never_changes_what_programs_print() {
    let arena = Arena::new();
    let seed = number_from_env("GENE_CACHE_SEED", 1);
    arena.stress(seed + 1, Instant::now() + seconds(), true);
    arena.gene(&["cache", "verify", "--remove"]);
    for path in arena.files() {
        if path.is_dir() {
            fs::remove_dir_all(path).expect("the folder can be written");
        }
    }
    arena.check_rest();
    report(&format!("{} runs", arena.runs.load(Ordering::Relaxed)));
}

/// A file system of 24 KiB, if one may be mounted: it is full after some programs.
#[test]
fn a_full_disk_keeps_what_fits() {
    let arena = Arena::new();
    let script = r#"
        mount -t tmpfs -o size=24k none cache || exit 77
        for n in 1 2 3 4 5 6 7 8 9; do
            echo "(println $n)" > "n$n.gene"
            "$0" run "n$n.gene" || exit 1
            "$0" run "n$n.gene" || exit 1
        done
        ls cache/tmp >&2
        "$0" cache verify >&2 || exit 1
        "$0" cache clear >&2
        "$0" run n9.gene && "$0" cache stat >&2
    "#;
    fs::create_dir(arena.cache()).expect("a folder");
    let mut command = Command::new("unshare");
    command.args(["-r", "-m", "sh", "-c", script]);
    command.arg(&programs().gene).env("GENE_CACHE_DIR", "cache");
    command.current_dir(arena.scratch.path());
    let output = command.stdin(Stdio::null()).output();
    let Some(output) = output.ok().filter(|output| {
        ![Some(1), Some(77)].contains(&output.status.code()) || !output.stdout.is_empty()
    }) else {
        report("no file system may be mounted");
        return;
    };
    let [out, err] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let expected: String = (1..=9).map(|n| format!("{n}\n{n}\n")).collect();
    assert_eq!(out, expected + "9\n", "{err}");
    let lines: Vec<&str> = err.lines().collect();
    assert!(lines[0].ends_with(": sound"), "something is left: {err}");
    assert!(lines[1].starts_with("removed "), "{err}");
    assert!(lines.contains(&"programs   1"), "{err}");
}

/// The user that nobody is.
const NOBODY: u32 = 65_534;

#[test]
fn a_read_only_cache_is_used_and_not_changed() {
    let arena = Arena::new();
    for script in 0..2 {
        arena
            .gene(&["run", &format!("main{script}.gene")])
            .expect(0);
    }
    let folders = ["", "entries", "images", "tmp"].map(|name| arena.cache().join(name));
    let allow = |mode: u32| {
        for folder in &folders {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("ours");
        }
    };
    allow(0o555);
    // permissions do not stop the administrator, so another user starts the programs
    let probe = folders[0].join("probe");
    let is_root = fs::write(&probe, "").is_ok();
    let _ = fs::remove_file(&probe);
    let start = |args: &[&str]| {
        let mut command = Command::new(&programs().gene);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(arena.scratch.path()).args(args);
        command.env("GENE_CACHE_DIR", arena.cache());
        command.stdin(Stdio::null()).output()
    };
    let can_start = start(&["--version"]).is_ok_and(|output| output.status.success());
    if can_start {
        let before = arena.files();
        for script in 0..SCRIPTS {
            for _ in 0..2 {
                let output = start(&["run", &format!("main{script}.gene")]).expect("it starts");
                let printed = String::from_utf8_lossy(&output.stdout).into_owned();
                assert_eq!(printed, format!("{script} 1 1 2\n"));
                assert!(output.stderr.is_empty() && output.status.success());
            }
        }
        assert_eq!(arena.files(), before);
    } else {
        report("another user cannot start programs from here");
    }
    allow(0o755);
}

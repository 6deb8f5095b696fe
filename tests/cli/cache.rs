//! The image cache of `gene run` and others.

use super::gene;
use gene_aot::{Output, Scratch, programs, run, run_with};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with programs, and a cache beside them.
struct Cached(Scratch);

impl Cached {
    fn new(files: &[(&str, &str)]) -> Cached {
        let scratch = Scratch::new();
        for (name, text) in files {
            scratch.write(name, text);
        }
        Cached(scratch)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&programs().gene);
        command.current_dir(self.0.path()).args(args);
        command.env("GENE_CACHE_DIR", self.0.file("cache"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        run(self.command(&["run"]).args(args))
    }

    /// Paths of the files in a folder of the cache.
    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.file("cache").join(folder));
        let entries = entries.into_iter().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }

    /// The entries. One that is written again is another file.
    fn entries(&self) -> Vec<(PathBuf, u64)> {
        let number = |path: &PathBuf| fs::symlink_metadata(path).unwrap().ino();
        let paths = self.files("entries").into_iter();
        paths.map(|path| (path.clone(), number(&path))).collect()
    }

    /// Runs a command that must take its program from the cache.
    #[track_caller]
    fn hit(&self, mut command: Command) -> Output {
        let before = self.entries();
        let output = run(&mut command);
        assert!(!before.is_empty() && self.entries() == before, "compiled");
        output
    }

    /// Runs a command that must compile its program.
    #[track_caller]
    fn miss(&self, mut command: Command) -> Output {
        let before = self.entries();
        let output = run(&mut command);
        assert_ne!(self.entries(), before, "not compiled, or not kept");
        assert!(self.files("tmp").is_empty());
        output
    }

    #[track_caller]
    fn hits(&self, file: &str, printed: &str) {
        let output = self.hit(self.command(&["run", file]));
        assert_eq!(output.expect(0).out, printed);
    }

    #[track_caller]
    fn misses(&self, file: &str, printed: &str) {
        let output = self.miss(self.command(&["run", file]));
        assert_eq!(output.expect(0).out, printed);
    }
}

#[test]
fn the_second_run_does_not_compile() {
    let cached = Cached::new(&[("a.gene", "(println 1 $args $program)")]);
    cached.misses("a.gene", "1 [] a.gene\n");
    cached.hits("a.gene", "1 [] a.gene\n");
    let output = cached.hit(cached.command(&["run", "a.gene", "x", "--y"]));
    assert_eq!(output.expect(0).out, "1 [x --y] a.gene\n");
    assert!(cached.0.file("cache/CACHEDIR.TAG").is_file());
    // a command line without options means the same as one that clap has read
    let output = cached.hit(cached.command(&["run", "--color=auto", "a.gene"]));
    assert_eq!(output.expect(0).out, "1 [] a.gene\n");
    let output = cached.hit(cached.command(&["a.gene", "--x"]));
    assert_eq!(output.expect(0).out, "1 [--x] a.gene\n");
}

#[test]
fn contents_count_and_times_do_not() {
    let cached = Cached::new(&[("a.gene", "(println 1)")]);
    let path = cached.0.file("a.gene");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    cached.misses("a.gene", "1\n");
    cached.0.write("a.gene", "(println 2)");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    cached.misses("a.gene", "2\n");
    cached.0.write("a.gene", "(println 2)");
    cached.hits("a.gene", "2\n");
    fs::remove_file(&path).unwrap();
    cached.run(&["a.gene"]).expect(3).one_line("a.gene");
}

#[test]
fn imported_modules_count() {
    let cached = Cached::new(&[
        ("a.gene", "(import x from \"./lib/b\") (println (x))"),
        ("lib/b.gene", "(import y from \"./c\") (fn x [] (y))"),
        ("lib/c.gene", "(fn y [] 1)"),
    ]);
    cached.misses("a.gene", "1\n");
    cached.hits("a.gene", "1\n");
    cached.0.write("lib/c.gene", "(fn y [] 2)");
    cached.misses("a.gene", "2\n");
    cached.hits("a.gene", "2\n");
    cached.0.write("lib/b.gene", "(fn x [] 3)");
    cached.misses("a.gene", "3\n");
    cached.0.write("lib/c.gene", "(nonsense");
    cached.hits("a.gene", "3\n");
}

#[test]
fn files_that_were_absent_count() {
    let cached = Cached::new(&[
        ("app/a.gene", "(import x from \"b\") (println (x))"),
        ("app/src/b.gene", "(fn x [] 1)"),
        ("app/package.gene", "^name \"app\""),
    ]);
    cached.misses("app/a.gene", "1\n");
    cached.hits("app/a.gene", "1\n");
    cached.0.write("app/b.gene", "(fn x [] 2)"); // nearer
    cached.misses("app/a.gene", "2\n");
    cached.hits("app/a.gene", "2\n");
    fs::remove_file(cached.0.file("app/b.gene")).unwrap();
    cached.misses("app/a.gene", "1\n");
}

#[test]
fn manifests_count() {
    let cached = Cached::new(&[
        ("app/a.gene", "(import x from \"b\") (println (x))"),
        ("app/src/b.gene", "(fn x [] 1)"),
        ("app/other/b.gene", "(fn x [] 2)"),
        ("app/package.gene", "^name \"app\""),
    ]);
    cached.misses("app/a.gene", "1\n");
    fs::remove_file(cached.0.file("app/src/b.gene")).unwrap();
    cached
        .0
        .write("app/package.gene", "^name \"app\" ^source-dir \"other\"");
    cached.misses("app/a.gene", "2\n");
    cached.hits("app/a.gene", "2\n");
}

#[test]
fn installed_packages_count() {
    let cached = Cached::new(&[
        ("app/package.gene", "^name \"app\""),
        (
            "app/a.gene",
            "(import x from \"index\" ^pkg \"dep\") (println (x))",
        ),
        (
            "app/.gene/deps/dep/1/package.gene",
            "^name \"dep\" ^version \"1\"",
        ),
        ("app/.gene/deps/dep/1/src/index.gene", "(fn x [] 1)"),
    ]);
    cached.misses("app/a.gene", "1\n");
    cached.hits("app/a.gene", "1\n");
    cached.0.write(
        "app/.gene/deps/dep/2/package.gene",
        "^name \"dep\" ^version \"2\"",
    );
    let output = cached.run(&["app/a.gene"]);
    assert!(output.expect(1).err.contains("AMBIGUOUS"));
}

#[test]
fn variables_that_comptime_reads_count() {
    let text = "(comptime (if ($env \"MODE\") (fn f [] \"set\") else (fn f [] \"unset\")))\n\
                (println (f))";
    let cached = Cached::new(&[("a.gene", text)]);
    let with = |value: Option<&str>| {
        let mut command = cached.command(&["run", "a.gene"]);
        match value {
            Some(value) => command.env("MODE", value),
            None => command.env_remove("MODE"),
        };
        command
    };
    assert_eq!(cached.miss(with(None)).expect(0).out, "unset\n");
    assert_eq!(cached.hit(with(None)).expect(0).out, "unset\n");
    assert_eq!(cached.miss(with(Some("x"))).expect(0).out, "set\n");
    assert_eq!(cached.hit(with(Some("x"))).expect(0).out, "set\n");
    assert_eq!(cached.miss(with(Some(""))).expect(0).out, "unset\n");
    let entry = fs::read(&cached.files("entries")[0]).unwrap();
    assert!(!String::from_utf8_lossy(&entry).contains("unset"));
}

#[test]
fn options_and_names_have_entries_of_their_own() {
    let cached = Cached::new(&[(
        "a.gene",
        "(fn f [x: Int] x) (println (try (f \"s\") catch e 1))",
    )]);
    cached.misses("a.gene", "1\n");
    for (args, printed) in [
        (&["--no-type-check", "a.gene"][..], "s\n"),
        (&["-O0", "a.gene"], "1\n"),
        (&["--contracts=off", "a.gene"], "1\n"),
        (&["--strict-nil", "a.gene"], "1\n"),
        (&["./a.gene"], "1\n"),
    ] {
        let args = [&["run"], args].concat();
        let output = cached.miss(cached.command(&args));
        assert_eq!(output.expect(0).out, printed, "{args:?}");
        cached.hit(cached.command(&args));
    }
    assert_eq!(cached.files("entries").len(), 6);
    cached.miss(cached.command(&["run", "--force-compile", "a.gene"]));
    cached.hits("a.gene", "1\n");
}

#[test]
fn reports_of_errors_are_the_same() {
    let cached = Cached::new(&[
        ("lib/b.gene", "(fn g [n]\n  (n % 0))"),
        (
            "a.gene",
            "(import g from \"./lib/b\")\n(fn f [n]\n  (g n))\n(println 1)\n(f 2)",
        ),
    ]);
    let first = cached.run(&["a.gene"]);
    assert!(first.expect(1).err.contains("lib/b.gene:2:"));
    let second = cached.hit(cached.command(&["run", "a.gene"]));
    assert_eq!(second, first);
    assert_eq!(second, cached.run(&["--no-cache", "a.gene"]));
}

#[test]
fn programs_that_need_a_compiler_run_from_the_cache() {
    let text = "(var x 1)\n(fn f [] (eval `(x += 41)))\n(f)\n(println x)\n(eval `(x % 0))";
    let cached = Cached::new(&[("a.gene", text)]);
    let first = cached.run(&["a.gene"]);
    assert_eq!(first.expect(1).out, "42\n");
    assert_eq!(cached.hit(cached.command(&["run", "a.gene"])), first);
}

#[test]
fn programs_that_do_not_compile_are_not_kept() {
    let cached = Cached::new(&[("a.gene", "(println 1")]);
    let first = cached.run(&["a.gene"]);
    assert!(first.expect(1).err.contains("a.gene:1:"));
    assert_eq!(cached.run(&["a.gene"]), first);
    assert!(cached.entries().is_empty());
}

#[test]
fn where_programs_are_kept() {
    let cached = Cached::new(&[("a.gene", "(println 1)")]);
    let start = || {
        let mut command = Command::new(&programs().gene);
        command.current_dir(cached.0.path()).args(["run", "a.gene"]);
        for name in ["XDG_CACHE_HOME", "HOME"] {
            command.env(name, cached.0.file(name));
        }
        command.env("GENE_CACHE_DIR", cached.0.file("variable"));
        command
    };
    let keeps = |command: &mut Command| {
        assert_eq!(run(command).expect(0).out, "1\n");
        let folders = [
            "option",
            "variable",
            "XDG_CACHE_HOME/gene",
            "HOME/.cache/gene",
        ];
        let exists = |name: &&&str| cached.0.file(name).join("images").exists();
        let found: Vec<&str> = folders.iter().filter(exists).copied().collect();
        for folder in &found {
            fs::remove_dir_all(cached.0.file(folder)).unwrap();
        }
        found
    };
    assert_eq!(keeps(start().args(["--cache-dir", "option"])), ["option"]);
    assert_eq!(keeps(&mut start()), ["variable"]);
    assert!(keeps(start().arg("--no-cache")).is_empty());
    assert!(keeps(start().arg("--no-gir-cache")).is_empty());
    assert!(keeps(start().env("GENE_CACHE_DIR", "")).is_empty());
    run(start().args(["--no-cache", "--cache-dir", "x"])).expect(2);

    // nothing but the test's own helper sets the variable to an empty one
    let in_home = |change: &str| {
        let mut shell = Command::new("sh");
        let script = format!("unset GENE_CACHE_DIR; {change}; exec \"$0\" run a.gene");
        shell.current_dir(cached.0.path()).arg("-c").arg(script);
        shell.arg(&programs().gene);
        shell.env("XDG_CACHE_HOME", cached.0.file("XDG_CACHE_HOME"));
        shell.env("HOME", cached.0.file("HOME"));
        shell
    };
    assert_eq!(keeps(&mut in_home("true")), ["XDG_CACHE_HOME/gene"]);
    assert!(keeps(&mut in_home("unset XDG_CACHE_HOME")).is_empty());
    assert!(!cached.0.file("HOME").exists());
    fs::create_dir(cached.0.file("HOME")).unwrap();
    assert_eq!(
        keeps(&mut in_home("unset XDG_CACHE_HOME")),
        ["HOME/.cache/gene"]
    );
    assert_eq!(
        keeps(&mut in_home("XDG_CACHE_HOME=relative")),
        ["HOME/.cache/gene"]
    );
    assert!(keeps(&mut in_home("unset XDG_CACHE_HOME HOME")).is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_only_costs_time() {
    let cached = Cached::new(&[("a.gene", "(println 1)"), ("file", "")]);
    for directory in ["file/below", "/proc/none", "/dev/null"] {
        for _ in 0..2 {
            let output = cached.run(&["--cache-dir", directory, "a.gene"]);
            assert_eq!((output.expect(0).out.as_str(), &*output.err), ("1\n", ""));
        }
    }
    // files may have 512 bytes, which no image fits
    let mut shell = cached.command(&[]);
    shell = {
        let mut limited = Command::new("sh");
        let script = "ulimit -f 1; \"$0\" run a.gene && \"$0\" run a.gene";
        limited.arg("-c").arg(script).arg(shell.get_program());
        limited.current_dir(cached.0.path());
        limited.env("GENE_CACHE_DIR", cached.0.file("cache"));
        limited
    };
    let output = run(&mut shell);
    assert_eq!(
        (output.expect(0).out.as_str(), &*output.err),
        ("1\n1\n", "")
    );
    assert!(cached.entries().is_empty() && cached.files("tmp").is_empty());
    cached.misses("a.gene", "1\n");
}

#[test]
fn a_cache_that_others_may_write_is_not_trusted() {
    let cached = Cached::new(&[("a.gene", "(println 1)")]);
    cached.misses("a.gene", "1\n");
    let entry = &cached.files("entries")[0];
    fs::set_permissions(entry, fs::Permissions::from_mode(0o666)).unwrap();
    cached.misses("a.gene", "1\n");
    cached.hits("a.gene", "1\n");
}

#[test]
fn damaged_files_are_replaced() {
    let cached = Cached::new(&[("a.gene", "(println 1)"), ("b.gene", "(println 2)")]);
    cached.misses("a.gene", "1\n");
    let entry = cached.files("entries").remove(0);
    let image = cached.files("images").remove(0);
    cached.misses("b.gene", "2\n");
    let others = [cached.files("entries"), cached.files("images")].concat();
    let other = |path: &Path| {
        let same_folder = |one: &&PathBuf| one.parent() == path.parent() && *one != path;
        others.iter().find(same_folder).unwrap().clone()
    };
    type Damage = fn(&Path, &Path);
    let damages: &[Damage] = &[
        |path, _| fs::remove_file(path).unwrap(),
        |path, _| fs::write(path, "").unwrap(),
        |path, _| fs::write(path, "something else").unwrap(),
        |path, _| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        },
        |path, _| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, [&bytes[..], b"x"].concat()).unwrap();
        },
        |path, other| {
            fs::copy(other, path).unwrap();
        },
        |path, other| {
            fs::remove_file(path).unwrap();
            symlink(other, path).unwrap();
        },
        |path, _| {
            fs::remove_file(path).unwrap();
            symlink("/none", path).unwrap();
        },
        |path, _| {
            fs::remove_file(path).unwrap();
            fs::create_dir_all(path.join("a/b")).unwrap();
        },
        |path, _| {
            fs::remove_file(path).unwrap();
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        },
    ];
    for path in [&entry, &image] {
        for (number, damage) in damages.iter().enumerate() {
            damage(path, &other(path));
            cached.misses("a.gene", "1\n");
            cached.hits("a.gene", "1\n");
            assert_eq!(cached.files("images").len(), 2, "damage {number}");
        }
        let bytes = fs::read(path).unwrap();
        for at in (0..bytes.len() * 8).step_by(bytes.len() / 4 + 3) {
            let mut damaged = bytes.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            fs::write(path, damaged).unwrap();
            cached.misses("a.gene", "1\n");
        }
    }
    cached.hits("b.gene", "2\n");
    for folder in ["entries", "images", "tmp"] {
        let path = cached.0.file("cache").join(folder);
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "").unwrap();
        let _ = fs::remove_file(&entry);
        cached.misses("a.gene", "1\n");
        cached.hits("a.gene", "1\n");
    }
}

#[test]
fn what_dead_writers_left_is_removed() {
    let cached = Cached::new(&[("a.gene", "(println 1)"), ("b.gene", "(println 2)")]);
    cached.misses("a.gene", "1\n");
    let dead = cached
        .0
        .write("cache/tmp/0123456789abcdef0123456789abcdef", "GIR");
    let alive = cached
        .0
        .write("cache/tmp/0123456789abcdef0123456789abcde0", "GIR");
    let writer = fs::File::options().write(true).open(&alive).unwrap();
    writer.lock().unwrap();
    cached.run(&["b.gene"]).expect(0);
    assert!(!dead.exists() && alive.exists());
}

#[test]
fn the_least_recently_used_are_removed() {
    let names: Vec<String> = (0..8).map(|n| format!("{n}.gene")).collect();
    let cached = Cached::new(&[]);
    for (number, name) in names.iter().enumerate() {
        cached.0.write(name, format!("(println {number})"));
        cached.misses(name, &format!("{number}\n"));
    }
    let files = || [cached.files("entries"), cached.files("images")].concat();
    let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let total: u64 = files().iter().map(size).sum();
    // all were last used long ago; then the first is used again
    for path in files() {
        let file = fs::File::open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    cached.hits("0.gene", "0\n");
    cached.0.write("new.gene", "(println 9)");
    let mut command = cached.command(&["run", "new.gene"]);
    command.env("GENE_CACHE_SIZE", (total / 2).to_string());
    assert_eq!(run(&mut command).expect(0).out, "9\n");
    assert!(files().iter().map(size).sum::<u64>() <= total / 2);
    cached.hits("0.gene", "0\n");
    cached.hits("new.gene", "9\n");
    // what alone is too large is not kept
    cached.0.write("0.gene", "(println 10)");
    let mut command = cached.command(&["run", "0.gene"]);
    command.env("GENE_CACHE_SIZE", "600");
    let before = cached.entries();
    assert_eq!(run(&mut command).expect(0).out, "10\n");
    assert_eq!(cached.entries(), before);
}

#[test]
fn programs_start_by_their_first_line() {
    let scratch = Scratch::new();
    let folder = programs().gene.parent().unwrap();
    let path = std::env::join_paths([folder, Path::new("/bin"), Path::new("/usr/bin")]).unwrap();
    for (name, first) in [
        ("plain", "#!/usr/bin/env gene"),
        ("run.gene", "#!/usr/bin/env -S gene run"),
        ("args", "#!/usr/bin/env -S gene run --no-cache"),
    ] {
        let file = scratch.write(name, format!("{first}\n(println $args)\n(throw \"x\")"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        for _ in 0..2 {
            let mut command = Command::new(&file);
            command.args(["one", "-2", "--three"]).env("PATH", &path);
            command.env("GENE_CACHE_DIR", scratch.file("cache"));
            let output = run(&mut command);
            assert_eq!(output.expect(1).out, "[one -2 --three]\n");
            assert!(output.err.contains(":3:1"), "{}", output.describe());
        }
    }
    assert_eq!(scratch.file("cache/images").read_dir().unwrap().count(), 2);
    // without `run` all words are the program's
    scratch.write("a.gene", "(println $args)");
    let output = gene(scratch.path(), &["a.gene", "--max-steps", "--trace"]);
    assert_eq!(output.expect(0).out, "[--max-steps --trace]\n");
    gene(scratch.path(), &["none.gene"])
        .expect(3)
        .one_line("none.gene");
    gene(scratch.path(), &["below/none"])
        .expect(3)
        .one_line("none");
}

#[test]
fn a_program_from_a_pipe_is_read_once() {
    let cached = Cached::new(&[]);
    let mut command = cached.command(&["run", "/dev/stdin", "x"]);
    let output = run_with(&mut command, b"(println $args)");
    assert_eq!(output.expect(0).out, "[x]\n");
    assert!(cached.entries().is_empty());
}

#[test]
fn the_cache_can_be_looked_into_and_emptied() {
    let cached = Cached::new(&[
        ("a.gene", "(println 1)"),
        ("b.gene", "(println 2)"),
        ("c.gene", "(println 3)"),
    ]);
    let cache = |args: &[&str]| run(cached.command(&["cache"]).args(args));
    let directory = cached.0.file("cache");
    let path = format!("{}\n", directory.display());
    assert_eq!(cache(&["path"]).expect(0).out, path);
    assert!(cache(&["stat"]).expect(0).out.contains("programs   0\n"));
    assert_eq!(cache(&["list"]).expect(0).out, "");
    assert_eq!(cache(&["list", "--json"]).expect(0).out, "[]\n");
    cache(&["verify"]).expect(0);
    cache(&["clear"]).expect(0);
    assert!(!directory.exists());

    for (name, printed) in [("a.gene", "1\n"), ("b.gene", "2\n"), ("c.gene", "3\n")] {
        cached.misses(name, printed);
    }
    cached.0.write("b.gene", "(println 4)");
    let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let files = [cached.files("entries"), cached.files("images")].concat();
    let bytes: u64 = files.iter().map(size).sum();
    let stat: serde_json::Value =
        serde_json::from_str(&cache(&["stat", "--json"]).expect(0).out).unwrap();
    assert_eq!(stat["programs"], 3);
    assert_eq!(stat["images"], 3);
    assert_eq!(stat["bytes"], bytes);
    assert_eq!(stat["limit"], 256 << 20);
    let list: serde_json::Value =
        serde_json::from_str(&cache(&["list", "--json"]).expect(0).out).unwrap();
    let state = |name: &str| {
        let file = cached.0.file(name);
        let programs = list.as_array().unwrap().iter();
        let mut found = programs.filter(|one| one["file"] == file.to_str().unwrap());
        found.next().unwrap()["state"].clone()
    };
    assert_eq!(state("a.gene"), "current");
    assert_eq!(state("b.gene"), "changed");
    let lines = cache(&["list"]).expect(0).out.clone();
    assert_eq!(
        lines
            .lines()
            .filter(|line| line.starts_with("now\t"))
            .count(),
        3
    );

    let foreign = cached.0.write("cache/images/notes", "mine");
    let image = cached.files("images").remove(0);
    let sound = cache(&["verify"]);
    assert!(sound.expect(1).out.contains("notes: does not belong"));
    fs::write(&image, "damage").unwrap();
    let entry = &cached.files("entries")[0];
    fs::write(entry, "damage").unwrap();
    cached
        .0
        .write("cache/tmp/0123456789abcdef0123456789abcdef", "half");
    let found = cache(&["verify"]);
    assert_eq!(found.expect(1).out.lines().count(), 4, "{}", found.out);
    assert!(image.exists());
    let removed = cache(&["verify", "--remove"]);
    assert_eq!(removed.expect(1).out.matches("; removed").count(), 3);
    assert!(!image.exists() && !entry.exists() && foreign.exists());
    fs::remove_file(&foreign).unwrap();
    assert!(cache(&["verify"]).expect(0).out.contains("sound"));

    cached.run(&["a.gene"]).expect(0);
    cached.0.write("cache/notes", "mine");
    let cleared = cache(&["clear"]);
    assert!(cleared.expect(0).out.starts_with("removed "));
    let rest: Vec<_> = fs::read_dir(&directory).unwrap().collect();
    assert_eq!(rest.len(), 1);
    let elsewhere = cache(&["path", "--cache-dir", "x"]);
    assert_eq!(elsewhere.expect(0).out, "x\n");
    let none = run(cached.command(&["cache", "stat"]).env("GENE_CACHE_DIR", ""));
    none.expect(2).one_line("no cache");
}

#[test]
fn other_commands_use_the_cache_too() {
    let cached = Cached::new(&[("p.gene", "(import f from \"lib\")\n(f $line)")]);
    let module = "(fn f [x] ^examples [[2] -> 4] (x + x))";
    cached.0.write("lines", "a\nb\n");
    let pipe = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" pipe \"$@\" < lines"]);
        command.arg(&programs().gene).args(args);
        command.current_dir(cached.0.path());
        command.env("GENE_CACHE_DIR", cached.0.file("cache"));
        command
    };
    let examples = || cached.command(&["run-examples", "lib.gene"]);
    cached
        .0
        .write("lib.gene", "(fn f [x] ^examples [[2] -> 4] (x ++ x))");
    assert_eq!(cached.miss(pipe(&["p.gene"])).expect(0).out, "aa\nbb\n");
    assert_eq!(cached.hit(pipe(&["p.gene"])).expect(0).out, "aa\nbb\n");
    let filter = ["--filter", "($line == \"b\")"];
    assert_eq!(cached.miss(pipe(&filter)).expect(0).out, "b\n");
    assert_eq!(cached.hit(pipe(&filter)).expect(0).out, "b\n");
    // Another text is another program, and does not take the place of the first.
    assert_eq!(cached.miss(pipe(&["$line"])).expect(0).out, "a\nb\n");
    assert_eq!(cached.hit(pipe(&filter)).expect(0).out, "b\n");
    run(&mut pipe(&["--no-cache", "1"])).expect(0);
    assert!(cached.miss(examples()).expect(1).out.contains("FAIL f"));
    cached.hit(examples()).expect(1);
    let list = run(cached.command(&["cache"]).args(["list"]))
        .expect(0)
        .out
        .clone();
    assert_eq!(list.matches("\tcurrent\t").count(), 4, "{list}");
    // A change of the module, or of the file with the examples, counts.
    cached.0.write("lib.gene", module);
    assert!(cached.miss(examples()).expect(0).out.contains("PASS f"));
    cached.miss(pipe(&["p.gene"])).expect(1);
    cached.hit(examples()).expect(0);
}

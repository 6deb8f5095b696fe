//! What programs may do outside their memory.

use super::*;
use std::os::unix::fs::symlink;

/// Tries things with the paths `in`, allowed, and `out`; prints what comes of each.
const TRIES: &str = r#"
(fn try_it [what f]
  (println what (try (f) catch IOError $ex/message catch * #"other: #{$ex/message}")))
(try_it "in"       (fn [] (File/read "in/a.txt")))
(try_it "missing"  (fn [] (File/read "in/none.txt")))
(try_it "out"      (fn [] (File/read "out/secret.txt")))
(try_it "absent"   (fn [] (File/read "out/none.txt")))
(try_it "dots"     (fn [] (File/read "in/../out/secret.txt")))
(try_it "back"     (fn [] (File/read "in/../in/a.txt")))
(try_it "link"     (fn [] (File/read "in/link/secret.txt")))
(try_it "beside"   (fn [] (File/read "inner/a.txt")))
(try_it "exists"   (fn [] (File/exists "out/secret.txt")))
(try_it "list"     (fn [] (Dir/list "out")))
(try_it "lines"    (fn [] (File/read_lines "out/secret.txt")))
(try_it "reader"   (fn [] (File/reader "out/secret.txt")))
(try_it "gdat"     (fn [] (gdat/load "out/secret.txt")))
(try_it "cwd"      (fn [] (cwd)))
(try_it "new"      (fn [] (File/write "in/new.txt" "1")))
(try_it "append"   (fn [] (File/append "in/new.txt" "2")))
(try_it "deep"     (fn [] (gdat/save [1] "in/x/y/data.gdat")))
(try_it "through"  (fn [] (File/write "in/link/new.txt" "1")))
(try_it "dangling" (fn [] (File/write "in/dangling" "1")))
(try_it "over"     (fn [] (File/write "out/secret.txt" "1")))
(try_it "make"     (fn [] (Dir/create "out/new")))
(try_it "remove"   (fn [] (File/delete "out/secret.txt")))
(try_it "empty"    (fn [] (Dir/delete "out")))
(try_it "unlink"   (fn [] (File/delete "in/link")))
(try_it "env"      (fn [] (get_env "GENE_TEST_ONE")))
(try_it "has"      (fn [] (has_env "GENE_TEST_TWO")))
(try_it "set"      (fn [] (set_env "GENE_TEST_TWO" "x")))
(try_it "all"      (fn [] [$env/GENE_TEST_ONE $env/GENE_TEST_TWO]))
(try_it "run"      (fn [] (system/exec "echo" "hello")))
(try_it "path"     (fn [] (system/exec "./echo" "hello")))
(try_it "start"    (fn [] ((system/Process/start "sh" "-c" "exit 3") .wait ^timeout 5)))
(try_it "shell"    (fn [] ((system/shell "exit 0") .get "exit_code")))
(try_it "cd"       (fn [] (system/cd "out")))
(println "end" (> (time/now) 0))
"#;

/// A folder to try things in.
fn playground() -> Scratch {
    let scratch = compiled(TRIES);
    let folder = scratch.path();
    for name in ["in", "out", "inner"] {
        std::fs::create_dir(folder.join(name)).expect("new");
    }
    scratch.write("in/a.txt", "A");
    scratch.write("inner/a.txt", "B");
    scratch.write("out/secret.txt", "S");
    scratch.write("echo", "not a program");
    symlink(folder.join("out"), folder.join("in/link")).expect("new");
    symlink(folder.join("out/made"), folder.join("in/dangling")).expect("new");
    scratch
}

fn tries(scratch: &Scratch, options: &[&str]) -> Output {
    let mut command = Command::new(&programs().vm);
    command.current_dir(scratch.path()).args(options);
    command.env("GENE_TEST_ONE", "1").env("GENE_TEST_TWO", "2");
    run(command.arg("--verify=lazy").arg("a.gir"))
}

/// What a try gave.
fn given<'a>(output: &'a Output, what: &str) -> &'a str {
    let line = output.out.lines().find_map(|line| line.strip_prefix(what));
    line.unwrap_or_else(|| panic!("no {what}: {}", output.describe()))
        .trim_start()
}

#[track_caller]
fn refused(output: &Output, capability: &str, tries: &[&str]) {
    for what in tries {
        let text = given(output, what);
        let named = format!("capability {capability} is missing");
        let option = format!("--allow-{capability}=");
        let is_refusal = text.starts_with("Not allowed: ");
        assert!(
            is_refusal && text.contains(&named) && text.contains(&option),
            "{what}: {text}"
        );
    }
}

const READS: &[&str] = &[
    "out", "absent", "dots", "link", "beside", "exists", "list", "lines", "reader", "gdat", "cwd",
    "cd",
];
const WRITES: &[&str] = &["through", "dangling", "over", "make", "remove", "empty"];

#[test]
fn nothing_is_refused_without_options() {
    let scratch = playground();
    let output = tries(&scratch, &[]);
    output.expect(0);
    assert!(!output.out.contains("Not allowed"), "{}", output.out);
    assert_eq!(given(&output, "link"), "S");
    assert_eq!(given(&output, "start"), "3");
    assert!(!scratch.file("out").exists());
}

#[test]
fn everything_is_refused_by_one_option() {
    for option in ["--deny-all", "--sandbox"] {
        let scratch = playground();
        let output = tries(&scratch, &[option]);
        output.expect(0);
        refused(&output, "read", READS);
        refused(&output, "read", &["in", "missing", "back"]);
        refused(&output, "write", WRITES);
        refused(&output, "write", &["new", "append", "deep", "unlink"]);
        refused(&output, "env", &["env", "has", "set"]);
        assert_eq!(given(&output, "all"), "[void void]");
        refused(&output, "run", &["run", "path", "start", "shell"]);
        assert_eq!(given(&output, "end"), "true");
        assert_eq!(
            given(&output, "out"),
            "Not allowed: reading the path 'out/secret.txt'; the capability read is missing, \
             which --allow-read=out/secret.txt gives"
        );
        assert_eq!(content(&scratch, "out/secret.txt"), "S");
    }
}

#[test]
fn a_folder_is_allowed_and_nothing_beside_it() {
    let scratch = playground();
    let output = tries(&scratch, &["--allow-read=in", "--allow-write=in"]);
    output.expect(0);
    assert_eq!(given(&output, "in"), "A");
    assert_eq!(given(&output, "back"), "A");
    assert!(given(&output, "missing").contains("cannot open: in/none.txt"));
    refused(&output, "read", READS);
    refused(&output, "write", &WRITES[..1]);
    refused(&output, "write", &WRITES[2..]);
    assert_eq!(given(&output, "unlink"), "nil");
    assert!(!scratch.file("in/link").exists(), "the link itself");
    assert_eq!(content(&scratch, "in/new.txt"), "12");
    assert!(scratch.file("in/x/y/data.gdat").exists());
    assert_eq!(content(&scratch, "out/secret.txt"), "S");
    assert!(!scratch.file("out/made").exists());
    // one capability does not give another
    refused(&output, "env", &["env"]);
    refused(&output, "run", &["run", "start", "shell"]);
    let output = tries(&playground(), &["--allow-write=in"]);
    refused(&output, "read", &["in"]);
    assert_eq!(given(&output, "new"), "nil");
    let output = tries(&playground(), &["--allow-read=in"]);
    refused(&output, "write", &["new", "unlink"]);
}

#[test]
fn a_file_is_allowed_also_before_it_exists() {
    let scratch = playground();
    let options = ["--allow-read=out/secret.txt", "--allow-write=in/new.txt"];
    let output = tries(&scratch, &options);
    assert_eq!(given(&output, "out"), "S");
    assert_eq!(given(&output, "link"), "S", "a link to what is allowed");
    refused(&output, "read", &["in", "absent", "list"]);
    assert_eq!(content(&scratch, "in/new.txt"), "12");
    refused(&output, "write", &["deep", "over"]);
}

#[test]
fn variables_and_programs_are_allowed_by_name_or_all() {
    let output = tries(
        &playground(),
        &["--allow-env=GENE_TEST_ONE", "--allow-run=echo"],
    );
    assert_eq!(given(&output, "env"), "1");
    refused(&output, "env", &["has", "set"]);
    assert_eq!(given(&output, "all"), "[1 void]");
    assert_eq!(given(&output, "run"), "hello");
    refused(&output, "run", &["path", "start", "shell"]);
    refused(&output, "read", &["in"]);
    let output = tries(&playground(), &["--allow-env", "--allow-run"]);
    assert_eq!(given(&output, "has"), "true");
    assert_eq!(given(&output, "all"), "[1 2]");
    assert_eq!(given(&output, "run"), "hello");
    assert_eq!(given(&output, "start"), "3");
    // set variables reach a started program, which they may change: so they are refused without env
    let output = tries(&playground(), &["--allow-run=echo"]);
    refused(&output, "env", &["set"]);
}

#[test]
fn capabilities_that_mean_nothing_are_refused() {
    let scratch = playground();
    for (option, fragment) in [
        ("--allow-run=no-such-program", "there is no program"),
        ("--allow-read=none/../in", "leads nowhere"),
        ("--allow-env=", "--allow-env"),
        ("--allow-run=", "--allow-run"),
        ("--allow-read=", "--allow-read"),
    ] {
        let output = tries(&scratch, &[option]);
        assert!(output.expect(2).err.contains(fragment), "{}", output.err);
    }
}

#[test]
fn gene_refuses_the_same_and_what_comptime_sees_too() {
    let scratch = playground();
    scratch.write(
        "b.gene",
        "(comptime (if ($env \"GENE_TEST_ONE\") (fn f [] \"seen\") else (fn f [] \"unseen\")))\n\
         (println (f))\n\
         (println (try (File/read \"in/a.txt\") catch * $ex/message))\n",
    );
    let cache = scratch.file("cache");
    let gene = |options: &[&str]| {
        let mut command = Command::new(&programs().gene);
        command.current_dir(scratch.path()).arg("run").args(options);
        command.env("GENE_TEST_ONE", "1");
        let output = run(command.env("GENE_CACHE_DIR", &cache).arg("b.gene"));
        output.expect(0).out.clone()
    };
    let option = "Not allowed: reading the path 'in/a.txt'; the capability read is missing, which \
                  --allow-read=in/a.txt gives\n";
    for _ in 0..2 {
        assert_eq!(gene(&[]), "seen\nA\n");
        assert_eq!(gene(&["--sandbox"]), format!("unseen\n{option}"));
        assert_eq!(
            gene(&["--allow-env=GENE_TEST_ONE"]),
            format!("seen\n{option}")
        );
    }
}

fn content(scratch: &Scratch, name: &str) -> String {
    std::fs::read_to_string(scratch.file(name)).expect("readable")
}

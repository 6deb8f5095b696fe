//! Programs that need nothing else installed.
#![cfg(target_os = "linux")]

use super::*;
use std::os::unix::fs::PermissionsExt;

const PROGRAM: &str = "(println $args) (var line (readline)) (println \"read\" line)
(if (line == \"throw\") (throw \"lost\")) (exit 42)";

/// A folder with the program `app`.
fn app() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("app.gene", PROGRAM);
    compile(scratch.path(), &["--standalone", "app.gene"]).expect(0);
    scratch
}

fn start(file: &Path, input: &str, args: &[&str]) -> Output {
    run_with(
        Command::new(file).env_clear().current_dir("/").args(args),
        input.as_bytes(),
    )
}

#[test]
fn a_standalone_program_runs_alone_and_gets_all_arguments() {
    let scratch = app();
    let file = scratch.file("moved");
    std::fs::rename(scratch.file("app"), &file).expect("moved");
    let mode = std::fs::metadata(&file)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, (mode & 0o444) >> 2, "{mode:o}");
    for args in [
        &[][..],
        &["one", "two words"],
        &["--help"],
        &["--version", "-V"],
        &["--max-steps", "1", "--", "--trace"],
        &["--no-such-option"],
    ] {
        let output = start(&file, "line\n", args);
        let shown: Vec<&str> = args.to_vec();
        let first = output
            .expect(42)
            .out
            .lines()
            .next()
            .expect("a line")
            .to_owned();
        assert_eq!(first, format!("[{}]", shown.join(" ")));
        assert!(output.out.ends_with("read line\n"), "{}", output.out);
        assert_eq!(output.err, "");
    }
    let output = start(&file, "throw\n", &[]);
    assert!(output.expect(1).err.contains("lost"), "{}", output.err);
    assert!(output.err.contains("app.gene:2"), "{}", output.err);
}

#[test]
fn a_standalone_program_survives_strip() {
    let scratch = app();
    let file = scratch.file("app");
    let before = std::fs::metadata(&file).expect("a file").len();
    let Ok(status) = Command::new("strip").arg(&file).status() else {
        return gene_aot::report("there is no strip");
    };
    assert!(status.success());
    assert!(std::fs::metadata(&file).expect("a file").len() < before);
    let output = start(&file, "line\n", &["--help"]);
    assert_eq!(output.expect(42).out, "[--help]\nread line\n");
}

/// The runtime, with fields of its own image's header changed.
fn other_runtime(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = std::fs::read(&programs().vm).expect("gene-vm");
    let magic = gene_format::version::MAGIC;
    let starts: Vec<usize> = (0..bytes.len() - 128)
        .step_by(8) // images are aligned
        .filter(|&at| bytes[at..].starts_with(&magic) && bytes[at + 8] == 128)
        .collect();
    assert!(!starts.is_empty());
    for start in starts {
        let header = &mut bytes[start..start + 128];
        header[at..at + value.len()].copy_from_slice(value);
        let crc = crate::files::crc32(&header[..124]);
        header[124..].copy_from_slice(&crc.to_le_bytes());
    }
    bytes
}

#[test]
fn what_is_no_fitting_runtime_is_refused() {
    let scratch = app();
    let here = scratch.path();
    let alone = scratch.file("gene-compile");
    std::fs::copy(&programs().compile, &alone).expect("copied");
    let missing = run(Command::new(&alone).current_dir(here).args([
        "--standalone",
        "app.gene",
        "-o",
        "other",
    ]));
    missing.expect(3).one_line("--runtime FILE names a gene-vm");

    let whole = std::fs::read(&programs().vm).expect("gene-vm");
    scratch.write("text", "no program");
    scratch.write("half", &whole[..whole.len() / 2]);
    scratch.write("empty", "");
    scratch.write("older", other_runtime(14, &0_u16.to_le_bytes()));
    scratch.write("major", other_runtime(12, &2_u16.to_le_bytes()));
    scratch.write("abi", other_runtime(40, b"other machine"));
    let dump = programs().dump.display().to_string();
    for (runtime, fragment) in [
        ("missing", "No such file"),
        (".", "directory"),
        ("text", "it is no gene-vm"),
        ("empty", "it is no gene-vm"),
        ("half", "it is no gene-vm"),
        (&dump, "it has no note of a Gene runtime"),
        ("app", "it is a standalone program itself"),
        ("older", "it runs images of version 1.0, and not of 1."),
        ("major", "it runs images of version 2."),
        ("abi", "with other instructions"),
    ] {
        let args = [
            "--standalone",
            "app.gene",
            "-o",
            "other",
            "--runtime",
            runtime,
        ];
        compile(here, &args).expect(3).one_line(fragment);
        assert!(!scratch.file("other").exists());
    }
    // a newer minor version reads older images
    scratch.write("newer", other_runtime(14, &u16::MAX.to_le_bytes()));
    let args = [
        "--standalone",
        "app.gene",
        "-o",
        "other",
        "--runtime",
        "newer",
    ];
    compile(here, &args).expect(0);
}

#[test]
fn damaged_runtimes_give_errors() {
    let image = compiled("1");
    let image = std::fs::read(image.file("a.gir")).expect("the image");
    // enough for the tables at the start; the rest is cut off, and only the notes are looked for
    let whole = std::fs::read(&programs().vm).expect("gene-vm");
    let mut start = whole[..8192].to_vec();
    let join = gene_compiler::standalone::executable;
    for at in 0..1024 {
        let old = start[at];
        for value in [0, 1, 0x7f, 0xff, old ^ 0x80] {
            start[at] = value;
            assert!(join(&start, &image).is_err());
        }
        start[at] = old;
    }
}

#[test]
fn standalone_options_that_make_no_sense_are_refused() {
    let scratch = app();
    let here = scratch.path();
    scratch.write("eval.gene", "(println (eval (quote (1 + 2))))");
    let refused = compile(here, &["--standalone", "eval.gene"]);
    assert!(
        refused.expect(1).err.contains("eval.gene:1"),
        "{}",
        refused.err
    );
    scratch.write("plain", "1");
    std::fs::create_dir(scratch.file("folder")).expect("new");
    for (args, code) in [
        (&["--standalone", "plain"][..], 2),
        (&["--standalone", ".", "-o", "folder"], 2),
        (&["--standalone", "-e", "1"], 2),
        (&["--standalone", "--separate", "app.gene"], 2),
        (&["--runtime", "x", "app.gene"], 2),
        (&["--standalone", "app.gene", "-o", "folder"], 3),
        (&["--standalone", "app.gene", "-o", "missing/app"], 3),
    ] {
        compile(here, args).expect(code);
    }
    let line = ["--standalone", "-e", "(println 5)", "-o", "five"];
    compile(here, &line).expect(0);
    assert_eq!(start(&scratch.file("five"), "", &[]).expect(0).out, "5\n");
}

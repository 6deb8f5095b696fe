//! gene-dump: listings, exit codes, files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gene_format::dump::{
    Part, Select, call_graph, diff, dot, draw, explain, flow_graph, gather, locate, measure,
    pieces, render, render_diff, render_rules, render_sizes, treemap,
};
use gene_format::image::CheckedImage;
use gene_format::program::FuncId;
use gene_format::testing::{Aligned, reseal, sample};
use gene_format::verify::verify_func;
use gene_format::write::{WriteOptions, write_image};

const FULL: WriteOptions = WriteOptions {
    strip: false,
    sources: true,
};

fn image() -> Aligned {
    Aligned::new(&write_image(&sample(), &FULL).unwrap())
}

/// A directory that is removed with its content.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let name = format!("gene-dump-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(args: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gene-dump"));
    command.args(args).args(paths).output().unwrap()
}

#[track_caller]
fn expect(output: &Output, code: i32, out: &str, err: &str) {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    assert!(stdout.contains(out), "{stdout}");
    assert!(stderr.contains(err), "{stderr}");
    assert_eq!(stderr.lines().count(), usize::from(code != 0), "{stderr}");
    assert!(!stdout.contains('\x1b'), "colours are for terminals");
}

/// The listing of the sample, renewed with BLESS=1.
#[test]
fn the_listing_is_as_expected() {
    let bytes = image();
    let image = CheckedImage::parse(&bytes).unwrap();
    let facts = gather(&image, &Select::default()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/listing.txt");
    let found = render(&facts, false);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "changed; BLESS=1 renews {}",
        path.display()
    );
    assert!(render(&facts, true).contains("\x1b["));
}

#[test]
fn whole_listings_and_parts() {
    let dir = Directory::new("show");
    let file = dir.file("a.gir", &image());
    let all = run(&[], &[&file]);
    expect(&all, 0, "ret_add       r0, r1", "");
    expect(&run(&["--function", "add"], &[&file]), 0, "f2 add", "");
    expect(&run(&["--function", "f3"], &[&file]), 0, "f3 größe", "");
    let output = run(&["--header-only"], &[&file]);
    expect(&output, 0, "needs eval main.gene:3:1", "");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("ret_add"));
    let output = run(&["--function", "missing"], &[&file]);
    expect(&output, 2, "", "no function missing");
}

#[test]
fn json_holds_the_facts_of_the_text() {
    let dir = Directory::new("json");
    let file = dir.file("a.gir", &image());
    let output = run(&["--json"], &[&file]);
    expect(&output, 0, "", "");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["header"]["version"], "1.2");
    assert_eq!(json["functions"][2]["name"], "add");
    assert_eq!(json["functions"][2]["code"][1]["op"], "ret_add");
    assert_eq!(json["functions"][2]["code"][0]["line"], 1);
    assert_eq!(json["sections"].as_array().unwrap().len(), 18);
    assert_eq!(json["constants"].as_array().unwrap().len(), 24);
    assert_eq!(json["table"].as_array().unwrap().len(), 27);
    assert_eq!(json["imports"][0]["path"], "lib/util.gene");
    assert_eq!(json["interface"]["exports"][2]["name"], "add");
}

#[test]
fn images_of_another_abi_show_but_do_not_verify() {
    let dir = Directory::new("abi");
    let mut bytes = image();
    bytes[40] ^= 1;
    reseal(&mut bytes);
    assert!(CheckedImage::parse(&bytes).is_err());
    let looked_at = CheckedImage::inspect(&bytes).unwrap();
    assert!(verify_func(&looked_at, FuncId(0)).is_err());
    let file = dir.file("a.gir", &bytes);
    expect(&run(&[], &[&file]), 0, "of another build than this", "");
    let output = run(&["verify"], &[&file]);
    expect(&output, 4, "", "ABI fingerprint");
}

#[test]
fn verify_says_ok_or_one_line_why_not() {
    let dir = Directory::new("verify");
    let file = dir.file("a.gir", &image());
    expect(&run(&["verify"], &[&file]), 0, "ok ", "");
    let mut bytes = image();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let file = dir.file("b.gir", &bytes);
    expect(
        &run(&["verify"], &[&file]),
        4,
        "",
        "section SRCS: found checksum",
    );
    let file = dir.file("c.gir", &bytes[..100]);
    expect(
        &run(&["verify"], &[&file]),
        4,
        "",
        "found 100 bytes, expected 128",
    );
    let file = dir.file("d.gir", b"(println 1)");
    expect(&run(&["verify"], &[&file]), 4, "", "no Gene image");
    let file = dir.file("e.gir", b"");
    expect(&run(&["verify"], &[&file]), 4, "", "no Gene image");
    expect(&run(&[], &[&file]), 4, "", "no Gene image");
}

#[test]
fn strip_writes_a_smaller_image_with_the_same_content() {
    let dir = Directory::new("strip");
    let file = dir.file("a.gir", &image());
    let out = dir.0.join("b.gir");
    expect(&run(&["strip", "-o"], &[&out, &file]), 0, "", "");
    let stripped = Aligned::new(&fs::read(&out).unwrap());
    assert!(CheckedImage::parse(&stripped).unwrap().is_stripped());
    assert!(stripped.len() < image().len());
    expect(&run(&["verify"], &[&out]), 0, "ok ", "");
    expect(&run(&[], &[&out]), 0, "flags      needs-eval stripped", "");
    // in place, and nothing is left beside it
    expect(&run(&["strip", "-o"], &[&file, &file]), 0, "", "");
    assert_eq!(fs::read(&file).unwrap(), *stripped);
    assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 2);
    let missing = dir.0.join("no/such/dir.gir");
    expect(
        &run(&["strip", "-o"], &[&missing, &file]),
        3,
        "",
        "dir.gir: ",
    );
}

#[test]
fn files_that_cannot_be_read_and_wrong_usage() {
    let dir = Directory::new("usage");
    let missing = dir.0.join("missing.gir");
    for args in [&[][..], &["verify"], &["--json"]] {
        expect(&run(args, &[&missing]), 3, "", "missing.gir: ");
        expect(&run(args, &[&dir.0]), 3, "", "directory");
    }
    assert_eq!(run(&[], &[]).status.code(), Some(2));
    assert_eq!(run(&["--nonsense"], &[]).status.code(), Some(2));
    assert_eq!(run(&["strip"], &[&missing]).status.code(), Some(2));
    let help = run(&["--help"], &[]);
    expect(&help, 0, "Exit codes:", "");
}

#[test]
fn damaged_records_stand_as_errors_in_their_place() {
    let mut bytes = image();
    let image = CheckedImage::parse(&bytes).unwrap();
    let find = |tag| image.sections().find(|section| section.tag == tag).unwrap();
    let funcs = find(gene_format::layout::FUNC).offset as usize;
    let consts = find(gene_format::layout::CNST).offset as usize;
    let code = find(gene_format::layout::CODE).offset as usize;
    bytes[funcs + 2 * 44 + 3] = 0xFF; // name of f2
    bytes[consts] = 99; // tag of k0
    bytes[code] = 0xFD; // first instruction of f0
    reseal(&mut bytes);
    let image = CheckedImage::parse(&bytes).unwrap();
    let text = render(&gather(&image, &Select::default()).unwrap(), false);
    assert!(text.contains("!! section FUNC, record 2, name"), "{text}");
    assert!(text.contains("!! section CNST, record 0, tag"), "{text}");
    assert!(text.contains("??            "), "{text}");
}

/// Images whose checksums fit, but nothing else must: whatever shows them ends, without a panic.
#[test]
fn hostile_images_can_be_looked_at() {
    let honest = image();
    let honest_view = CheckedImage::parse(&honest).unwrap();
    let select = Select {
        only: vec![Part::Functions, Part::Strings, Part::Constants],
        ..Select::default()
    };
    let mut shown = 0;
    for at in (128..honest.len()).step_by(29) {
        for value in [0x7F, 0xFF] {
            let mut bytes = honest.clone();
            bytes[at] = value;
            reseal(&mut bytes);
            render_rules(&explain(&bytes), false);
            let Ok(view) = CheckedImage::inspect(&bytes) else {
                continue;
            };
            shown += 1;
            pieces(&view, &Select::default(), false)
                .unwrap()
                .for_each(drop);
            pieces(&view, &select, true).unwrap().for_each(drop);
            let sizes = measure(&view);
            render_sizes(&sizes, 3, false);
            treemap(&sizes, "image");
            if let Ok(graph) = call_graph(&view, &[]) {
                draw(&graph);
            }
            for id in (0..view.func_count() as u32).map(FuncId) {
                if let Ok(graph) = flow_graph(&view, id) {
                    dot(&graph);
                    if at % 4 == 0 {
                        draw(&graph);
                    }
                }
            }
            for offset in (at as u64).saturating_sub(8)..at as u64 + 8 {
                locate(&view, offset);
            }
            render_diff(&diff(&honest_view, &view).unwrap(), false);
        }
    }
    assert!(shown > 50, "{shown}");
}

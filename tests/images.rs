//! Images of each version of the format, kept for ever: gene-dump reads them all, and those with
//! this build's ABI fingerprint run. format/FORMAT.md, “Kept images”, says when they change.

use gene_aot::{Output, Scratch, programs, root, run};
use gene_format::layout::abi;
use gene_format::version::{MAJOR, MINOR};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Main images of a version, and how gene-compile makes them in a folder with the sources.
const IMAGES: [(&str, &[&str]); 7] = [
    ("classes", &["classes.gene"]),
    ("constants", &["constants.gene"]),
    ("exceptions", &["exceptions.gene"]),
    ("generators", &["generators.gene"]),
    ("modules", &["modules.gene"]),
    (
        "separate/modules",
        &["--separate", "modules.gene", "-o", "separate"],
    ),
    (
        "stripped",
        &["exceptions.gene", "--strip", "-o", "stripped.gir"],
    ),
];

const HOW: &str = "BLESS=1 cargo test --release --test all images::";

fn folder() -> PathBuf {
    root().join("tests/images")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Paths below `at` that end so, sorted.
fn below(at: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![at.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false if path.to_string_lossy().ends_with(ending) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// The fingerprint of an image of any ABI.
fn abi_of(image: &Path) -> String {
    let bytes = std::fs::read(image).expect("an image");
    hex(bytes.get(40..56).expect("a whole header"))
}

fn start(image: &Path) -> Output {
    let (folder, name) = (image.parent(), image.file_name());
    run(Command::new(&programs().vm)
        .current_dir(folder.expect("a folder"))
        .arg(name.expect("a name")))
}

/// What is kept beside an image: standard output, and how it ended.
fn summary(output: &Output) -> String {
    format!("{}exit code {}\n", output.out, output.code.unwrap_or(-1))
}

/// Makes the images of this version.
fn bless(version: &Path) {
    let scratch = Scratch::new();
    for source in below(&folder(), ".gene") {
        let name = source.strip_prefix(folder()).expect("below the folder");
        let text = std::fs::read(&source).expect("a source");
        scratch.write(&name.to_string_lossy(), text);
    }
    for (_, args) in IMAGES {
        let mut compile = Command::new(&programs().compile);
        run(compile.current_dir(scratch.path()).args(args)).expect(0);
    }
    let _ = std::fs::remove_dir_all(version);
    for image in below(scratch.path(), ".gir") {
        let name = image.strip_prefix(scratch.path()).expect("below");
        let kept = version.join(name);
        std::fs::create_dir_all(kept.parent().expect("a folder")).expect("writable");
        std::fs::copy(&image, kept).expect("writable");
    }
    for (name, _) in IMAGES {
        let image = version.join(format!("{name}.gir"));
        let text = summary(&start(&image));
        std::fs::write(image.with_extension("out"), text).expect("writable");
    }
}

/// This version has its images, and they have its ABI: else says what a developer has to do.
#[test]
fn this_version_has_its_images() {
    let version = folder().join(format!("{MAJOR}.{MINOR}"));
    let own = hex(&abi());
    let fits = |(name, _): &(&str, _)| {
        let image = version.join(format!("{name}.gir"));
        image.exists() && abi_of(&image) == own
    };
    if IMAGES.iter().all(fits) {
        return;
    }
    let is_released = version.join("RELEASED").exists();
    assert!(
        !is_released,
        "the ABI fingerprint (opcodes, operands, records, values) is no longer that of the \
         released version {MAJOR}.{MINOR}: raise the version in format/src/version.rs, then {HOW} \
         adds tests/images for it; released images never change"
    );
    assert!(
        std::env::var_os("BLESS").is_some(),
        "version {MAJOR}.{MINOR} is not released, and its images are missing or of another ABI \
         fingerprint. If opcodes, operands, records or values changed deliberately: {HOW} makes \
         them anew; commit them"
    );
    bless(&version);
}

/// The folders of all versions.
fn versions() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_version = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(|first: char| first.is_ascii_digit())
    };
    let mut found: Vec<PathBuf> = paths.filter(is_version).collect();
    found.sort();
    found
}

#[test]
fn gene_dump_reads_the_images_of_all_versions() {
    assert!(!versions().is_empty());
    for version in versions() {
        let name = version.file_name().expect("a name").to_string_lossy();
        let images = below(&version, ".gir");
        assert!(images.len() >= IMAGES.len(), "{name}: {}", images.len());
        for image in images {
            let listing = run(Command::new(&programs().dump).arg("--json").arg(&image));
            listing.expect(0);
            let facts: serde_json::Value = serde_json::from_str(&listing.out).expect("JSON");
            assert_eq!(facts["header"]["version"], *name, "{}", image.display());
            assert!(
                !listing.out.contains("!! ") && !listing.out.contains("\"??\""),
                "{}: records that do not decode",
                image.display()
            );
        }
    }
}

#[test]
fn images_of_all_versions_run_or_are_refused_for_their_abi() {
    for version in versions() {
        for kept in below(&version, ".out") {
            let image = kept.with_extension("gir");
            let output = start(&image);
            if abi_of(&image) == hex(&abi()) {
                let expected = std::fs::read_to_string(&kept).expect("a text");
                assert_eq!(summary(&output), expected, "{}", image.display());
                run(Command::new(&programs().dump).arg("verify").arg(&image)).expect(0);
            } else {
                output.expect(4).one_line("ABI fingerprint");
            }
        }
    }
}

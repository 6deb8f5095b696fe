//! The release archive, but for the build of its programs, which takes minutes: `.ci/release` itself
//! tries them before it packs them.
#![cfg(target_os = "linux")]

use gene_aot::{Scratch, programs, report, root, run};
use std::collections::HashSet;
use std::process::Command;

fn is_there(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        report(&format!("there is no {tool}"));
    }
    found
}

#[test]
fn programs_that_need_libraries_are_not_packed() {
    if !["cc", "readelf", "python3", "tar"]
        .into_iter()
        .all(is_there)
    {
        return;
    }
    let folder = programs().vm.parent().expect("a folder");
    let scratch = Scratch::new();
    let output = run(Command::new(root().join(".ci/release"))
        .arg("--programs")
        .args([folder, scratch.path()]));
    let err = &output.expect(1).err;
    assert!(err.contains("gene is not statically linked"), "{err}");
    assert!(scratch.names().is_empty());
}

#[test]
fn all_that_is_linked_has_its_licence_listed() {
    if !is_there("python3") {
        return;
    }
    let output = run(Command::new(root().join(".ci/licences")).arg("x86_64-unknown-linux-gnu"));
    let (list, texts) = (output.expect(0).out)
        .split_once("\n\nRust's standard library")
        .expect("the remark");
    let lines: Vec<&str> = list.lines().skip(2).collect();
    assert!(lines.len() > 50, "{list}");
    assert_eq!(lines.iter().collect::<HashSet<_>>().len(), lines.len());
    for line in &lines {
        let (_, licence) = line.split_once(": ").expect("a licence");
        assert!(!licence.contains("see its text"), "{line}");
    }
    let has = |name: &str| lines.iter().any(|line| line.starts_with(name));
    assert!(has("blake3 ") && has("clap ") && has("ed25519-dalek "));
    assert!(!has("gene-") && !has("proptest "), "not linked, or ours");
    // the licence of one crate wants its text to be there
    assert!(texts.contains("ed25519-dalek") && texts.contains("Redistributions in binary form"));
}

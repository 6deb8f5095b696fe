//! Keys, signed images, and who accepts them.

use super::*;
use std::path::PathBuf;

/// The example key of RFC 8410, as other programs write it.
const SECRET: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
const SIGNER: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

/// A folder with a signed image `a.gir`, the key and the ring.
fn signed() -> Scratch {
    let scratch = compiled("(println \"hello\")");
    scratch.write("key", SECRET);
    scratch.write("ring", PUBLIC);
    compile(scratch.path(), &["a.gene", "--sign", "key"]).expect(0);
    scratch
}

/// Both that look at signatures refuse an image.
#[track_caller]
fn refused(scratch: &Scratch, image: &str, fragment: &str) {
    let run = vm(scratch.path(), &["--require-signed", "ring", image]);
    run.expect(4).one_line(fragment);
    assert_eq!(run.out, "");
    let verify = dump(scratch.path(), &["verify", "--keyring", "ring", image]);
    verify.expect(4).one_line(fragment);
}

#[test]
fn a_signed_image_runs_where_signatures_are_required() {
    let scratch = signed();
    let here = scratch.path();
    assert_eq!(vm(here, &["a.gir"]).expect(0).out, "hello\n");
    let required = ["--require-signed", "ring", "--sandbox", "a.gir"];
    assert_eq!(vm(here, &required).expect(0).out, "hello\n");
    let verified = dump(here, &["verify", "--keyring", "ring", "a.gir"]);
    let first = format!("signed by {SIGNER}\nok a.gir");
    assert!(
        verified.expect(0).out.starts_with(&first),
        "{}",
        verified.out
    );
    dump(here, &["verify", "a.gir"]).expect(0);
    let shown = dump(here, &["--header-only", "a.gir"]);
    assert!(shown.expect(0).out.contains("signed"), "{}", shown.out);
    // signing again changes nothing
    let before = std::fs::read(scratch.file("a.gir")).expect("the image");
    compile(here, &["a.gene", "--sign", "key"]).expect(0);
    assert_eq!(
        std::fs::read(scratch.file("a.gir")).expect("the image"),
        before
    );
}

#[test]
fn whatever_is_not_signed_as_it_is_is_refused() {
    let scratch = signed();
    let here = scratch.path();
    compile(here, &["a.gene", "-o", "unsigned.gir"]).expect(0);
    refused(&scratch, "unsigned.gir", "it is not signed");
    dump(here, &["strip", "a.gir", "-o", "stripped.gir"]).expect(0);
    refused(&scratch, "stripped.gir", "it is not signed");
    vm(here, &["stripped.gir"]).expect(0);
    // a stripped image is signed anew
    compile(
        here,
        &["a.gene", "--strip", "--sign", "key", "-o", "anew.gir"],
    )
    .expect(0);
    vm(here, &["--require-signed", "ring", "anew.gir"]).expect(0);

    let image = std::fs::read(scratch.file("a.gir")).expect("the image");
    // another text of the same length, with all checksums repaired
    let at = find(&image, b"hello").expect("the text");
    let mut changed = image.clone();
    changed[at..at + 5].copy_from_slice(b"HELLO");
    gene_format::testing::reseal(&mut changed);
    scratch.write("changed.gir", &changed);
    assert_eq!(vm(here, &["changed.gir"]).expect(0).out, "HELLO\n");
    refused_by_vm(&scratch, "changed.gir", "changed after it was signed");
    // the build id
    let mut changed = image.clone();
    changed[88] ^= 1;
    gene_format::testing::reseal(&mut changed);
    scratch.write("id.gir", &changed);
    refused_by_vm(&scratch, "id.gir", "changed after it was signed");
    // the signature itself: its last bytes, and the key before them
    for back in [1, 40] {
        let mut changed = image.clone();
        let at = changed.len() - back;
        changed[at] ^= 1;
        gene_format::testing::reseal(&mut changed);
        scratch.write("signature.gir", &changed);
        refused_by_vm(&scratch, "signature.gir", "changed after it was signed");
    }
    let mut changed = image.clone();
    let at = changed.len() - 96;
    changed[at] ^= 1;
    gene_format::testing::reseal(&mut changed);
    scratch.write("other-key.gir", &changed);
    refused(&scratch, "other-key.gir", "not in the keyring");

    scratch.write("added.gir", crate::files::with_section(&image, 0));
    assert_eq!(vm(here, &["added.gir"]).expect(0).out, "hello\n");
    refused_by_vm(&scratch, "added.gir", "changed after it was signed");

    // the flag alone is no signature
    let unsigned = std::fs::read(scratch.file("unsigned.gir")).expect("the image");
    let mut changed = unsigned.clone();
    changed[16] |= 8;
    gene_format::testing::reseal(&mut changed);
    scratch.write("flag.gir", &changed);
    refused(
        &scratch,
        "flag.gir",
        "signed exactly if there is a signature",
    );
}

/// The content id tells gene-dump before the signature does.
#[track_caller]
fn refused_by_vm(scratch: &Scratch, image: &str, fragment: &str) {
    let run = vm(scratch.path(), &["--require-signed", "ring", image]);
    run.expect(4).one_line(fragment);
    dump(scratch.path(), &["verify", "--keyring", "ring", image]).expect(4);
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|found| found == text)
}

#[test]
fn every_image_of_a_program_must_be_signed() {
    let scratch = signed();
    let here = scratch.path();
    scratch.write("lib/b.gene", "(fn two [] 2)");
    scratch.write("c.gene", "(import two from \"lib/b\") (println (two))");
    compile(here, &["--separate", "c.gene", "--sign", "key"]).expect(0);
    let args = ["--require-signed", "ring", "c.gir"];
    assert_eq!(vm(here, &args).expect(0).out, "2\n");
    let library = scratch.file("lib/b.gir");
    let kept = std::fs::read(&library).expect("an image");
    compile(here, &["--separate", "c.gene", "-o", "plain"]).expect(0);
    std::fs::copy(scratch.file("plain/lib/b.gir"), &library).expect("copied");
    let run = vm(here, &args);
    run.expect(4).one_line("lib/b.gir: it is not signed");
    std::fs::write(&library, kept).expect("written");
    vm(here, &args).expect(0);
}

#[test]
fn programs_of_a_folder_are_signed_anew_when_the_key_changes() {
    let scratch = signed();
    let here = scratch.path();
    scratch.write("src/one.gene", "(println 1)");
    let key = compile(here, &["--make-key", "second"])
        .expect(0)
        .out
        .clone();
    let mut said = Vec::new();
    for key in ["key", "key", "second", ""] {
        let mut args = vec!["src", "-o", "build"];
        if !key.is_empty() {
            args.extend(["--sign", key]);
        }
        said.push(compile(here, &args).expect(0).out.clone());
        let run = vm(here, &["--require-signed", "ring", "build/one.gir"]);
        assert_eq!(run.code == Some(0), key == "key", "{}", run.describe());
    }
    let [new, same] = ["1 compiled, 0 up to date\n", "0 compiled, 1 up to date\n"];
    assert_eq!(said, [new, same, new, new]);
    // a ring of several keys, with remarks
    scratch.write("ring", format!("# first\n{key}\n# RFC 8410\n{PUBLIC}"));
    compile(here, &["src", "-o", "build", "--sign", "second"]).expect(0);
    for image in ["a.gir", "build/one.gir"] {
        vm(here, &["--require-signed", "ring", image]).expect(0);
    }
}

#[test]
fn keys_are_made_for_their_owner_and_never_overwritten() {
    let scratch = signed();
    let here = scratch.path();
    let made = compile(here, &["--make-key", "new"]).expect(0).out.clone();
    assert!(made.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{made}");
    assert_eq!(compile(here, &["--public-key", "new"]).expect(0).out, made);
    assert_eq!(
        compile(here, &["--public-key", "key"]).expect(0).out,
        PUBLIC
    );
    let path: PathBuf = scratch.file("new");
    let secret = std::fs::read_to_string(&path).expect("readable");
    assert!(secret.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    #[cfg(unix)]
    {
        let meta = std::fs::metadata(&path).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = compile(here, &["--make-key", "new"]);
    again.expect(3).one_line("new: ");
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), secret);
    assert_ne!(compile(here, &["--make-key", "newer"]).expect(0).out, made);
}

#[test]
fn what_is_no_key_is_refused() {
    let scratch = signed();
    let here = scratch.path();
    scratch.write("text", "no key");
    scratch.write("cut", &PUBLIC[..60]);
    for (ring, code, fragment) in [
        ("key", 2, "there is a secret key in it"),
        ("text", 2, "there are no public keys in it"),
        ("cut", 2, "not a keyring"),
        ("missing", 3, "missing: "),
    ] {
        let run = vm(here, &["--require-signed", ring, "a.gir"]);
        run.expect(code).one_line(fragment);
        let verify = dump(here, &["verify", "--keyring", ring, "a.gir"]);
        verify.expect(code).one_line(fragment);
    }
    for (key, code, fragment) in [
        ("ring", 2, "it is not a secret Ed25519 key"),
        ("text", 2, "it is not a secret Ed25519 key"),
        ("missing", 3, "missing: "),
    ] {
        let made = compile(here, &["a.gene", "-o", "b.gir", "--sign", key]);
        made.expect(code).one_line(fragment);
        assert!(!scratch.file("b.gir").exists());
    }
}

//! `gene deps`.

use super::gene;
use gene_aot::{Output, Scratch, run};
use std::process::Command;

fn deps(scratch: &Scratch, args: &[&str]) -> Output {
    gene(&scratch.file("app"), &[&["deps"], args].concat())
}

fn package(scratch: &Scratch, folder: &str, name: &str, rest: &str) {
    let manifest = format!("^name \"{name}\"\n^version \"1.0.0\"\n{rest}\n");
    scratch.write(&format!("{folder}/package.gene"), manifest);
}

/// An application that needs `acme/base`, which needs `acme/deep`.
fn application() -> Scratch {
    let scratch = Scratch::new();
    package(
        &scratch,
        "app",
        "acme/app",
        "^dependencies [($dep \"acme/base\" \"*\" ^path \"../base\")]",
    );
    package(
        &scratch,
        "base",
        "acme/base",
        "^dependencies [($dep \"acme/deep\" ^subdir \"deep\")]",
    );
    package(&scratch, "base/deep", "acme/deep", "");
    scratch.write(
        "base/src/index.gene",
        "(fn greet [name] #\"Hello, #{name}!\")\n",
    );
    scratch.write("base/.git/ignored", "");
    scratch.write(
        "app/main.gene",
        "(import greet from \"index\" ^pkg \"acme/base\")\n(println (greet \"you\"))\n",
    );
    scratch
}

const LOCKED: &str = "\
{
  ^lock_version 1
  ^root_dependencies {
    ^acme/base \"acme/base@1.0.0\"
  }
  ^packages {
    ^acme/base@1.0.0 {
      ^name \"acme/base\"
      ^resolved \"1.0.0\"
      ^node_id \"acme/base@1.0.0\"
      ^dir \".gene/deps/acme/base/1.0.0\"
      ^source {
        ^type \"path\"
        ^path \"../base\"
      }
";

#[test]
fn packages_are_installed_locked_and_verified() {
    let scratch = application();
    let first = deps(&scratch, &["install"]);
    let printed = "deps install complete\nroot dependencies: 1\nresolved nodes: 2\nlockfile: package.gene.lock\n";
    assert_eq!(first.expect(0).out, printed);
    let lock = std::fs::read_to_string(scratch.file("app/package.gene.lock")).expect("a lock");
    assert!(lock.starts_with(LOCKED), "{lock}");
    assert!(
        scratch
            .file("app/.gene/deps/acme/deep/local/package.gene")
            .is_file(),
        "{lock}"
    );
    assert!(!scratch.file("app/.gene/deps/acme/base/1.0.0/.git").exists());
    assert!(!scratch.file("app/.gene/tmp").exists());
    std::fs::rename(scratch.file("base"), scratch.file("moved")).expect("our folder");
    let ran = gene(&scratch.file("app"), &["run", "main.gene"]);
    assert_eq!(ran.expect(0).out, "Hello, you!\n");
    let again = deps(&scratch, &["install"]);
    let printed = "deps install complete\nmode: lockfile\ndeps verify complete\nchecked nodes: 2\n";
    assert_eq!(again.expect(0).out, printed);
    std::fs::rename(scratch.file("moved"), scratch.file("base")).expect("our folder");

    let source = "app/.gene/deps/acme/base/1.0.0/src/index.gene";
    scratch.write(source, "(fn greet [name] 1)\n");
    let changed = deps(&scratch, &["verify"]);
    assert!(
        changed
            .expect(1)
            .err
            .contains("acme/base@1.0.0: content of"),
        "{}",
        changed.err
    );
    let updated = deps(&scratch, &["update", "acme/base"]);
    assert!(
        updated
            .expect(0)
            .out
            .contains("warning: targeted updates are not selective")
    );
    assert_eq!(
        deps(&scratch, &["verify"]).expect(0).out,
        "deps verify complete\nchecked nodes: 2\n"
    );
    let text = std::fs::read_to_string(scratch.file("app/package.gene.lock")).expect("a lock");
    assert_eq!(text, lock, "the same packages give the same file");

    scratch.write("app/.gene/deps/acme/old/1.0.0/x", "");
    scratch.write("app/.gene/tmp/x", "");
    assert_eq!(
        deps(&scratch, &["gc"]).expect(0).out,
        "deps gc complete\nremoved nodes: 1\n"
    );
    assert!(!scratch.file("app/.gene/deps/acme/old/1.0.0").exists());
    assert_eq!(
        deps(&scratch, &["clean"]).expect(0).out,
        "deps clean complete\n"
    );
    assert!(!scratch.file("app/.gene/tmp").exists());
}

#[test]
fn rules_of_dependencies() {
    let scratch = application();
    for (wrong, why) in [
        ("($dep \"acme/base\")", "exactly one of"),
        (
            "($dep \"acme/base\" ^path \"../base\" ^git \"x\")",
            "exactly one of",
        ),
        ("($dep \"base\" ^path \"../base\")", "no package name"),
        ("($dep \"gene/base\" ^path \"../base\")", "no package name"),
        (
            "($dep \"acme/base\" ^path \"../base\" ^tag \"v1\")",
            "need ^git",
        ),
        (
            "($dep \"acme/base\" ^git \"x\" ^tag \"v1\" ^branch \"b\")",
            "at most one of",
        ),
        (
            "($dep \"acme/base\" ^git \"--upload-pack=x\")",
            "no repository",
        ),
        (
            "($dep \"acme/base\" ^subdir \"../base\")",
            "leaves its package",
        ),
        ("($dep \"acme/other\" ^path \"../base\")", "holds acme/base"),
        (
            "($dep \"acme/app\" ^path \".\")",
            "Cyclic dependency: acme/app -> acme/app",
        ),
        ("5", "must be ($dep"),
    ] {
        package(
            &scratch,
            "app",
            "acme/app",
            &format!("^dependencies [{wrong}]"),
        );
        let output = deps(&scratch, &["install"]);
        assert!(
            output.expect(1).err.contains(why),
            "{wrong}: {}",
            output.err
        );
        assert!(!scratch.file("app/package.gene.lock").exists());
    }
    package(
        &scratch,
        "app",
        "acme/app",
        "^dependencies [($dep \"acme/none\" ^path \"../none\")]",
    );
    deps(&scratch, &["install"]).expect(3);
    deps(&scratch, &["verify"])
        .expect(3)
        .one_line("package.gene.lock");
    let nowhere = gene(scratch.path(), &["deps", "install"]);
    nowhere
        .expect(3)
        .one_line("Could not find package.gene from: ");
    let below = gene(scratch.path(), &["deps", "clean", "--root", "app/src/.."]);
    below.expect(0);
}

#[test]
fn packages_come_from_repositories() {
    let scratch = application();
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(scratch.file("base"));
        for (key, value) in [("NAME", "a"), ("EMAIL", "a@b")] {
            command.env(format!("GIT_AUTHOR_{key}"), value);
            command.env(format!("GIT_COMMITTER_{key}"), value);
        }
        run(command.args(args)).expect(0);
    };
    std::fs::remove_dir_all(scratch.file("base/.git")).expect("our folder");
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "v2.1.0"]);
    scratch.write("base/src/index.gene", "(fn greet [name] \"newer\")\n");
    git(&["commit", "--quiet", "-a", "-m", "two"]);
    let wanted = "^dependencies [($dep \"acme/base\" ^git \"../base\" ^tag \"v2.1.0\")]";
    package(&scratch, "app", "acme/app", wanted);
    deps(&scratch, &["install"]).expect(0);
    assert!(
        scratch
            .file("app/.gene/deps/acme/base/2.1.0/package.gene")
            .is_file()
    );
    let ran = gene(&scratch.file("app"), &["run", "main.gene"]);
    assert_eq!(ran.expect(0).out, "Hello, you!\n");
    package(
        &scratch,
        "app",
        "acme/app",
        "^dependencies [($dep \"acme/base\" ^git \"../base\")]",
    );
    deps(&scratch, &["update"]).expect(0);
    assert_eq!(
        gene(&scratch.file("app"), &["run", "main.gene"])
            .expect(0)
            .out,
        "newer\n"
    );
    let lock = std::fs::read_to_string(scratch.file("app/package.gene.lock")).expect("a lock");
    assert!(lock.contains("^resolved \"sha-"), "{lock}");
    package(
        &scratch,
        "app",
        "acme/app",
        "^dependencies [($dep \"acme/base\" ^git \"../none\")]",
    );
    assert!(
        deps(&scratch, &["update"])
            .expect(1)
            .err
            .contains("git clone")
    );
}

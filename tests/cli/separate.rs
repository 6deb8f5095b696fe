//! `gene-compile --separate`: an image for each module.

use super::{compile, dump, gene, vm};
use gene_aot::{Output, Scratch};
use gene_format::testing::reseal;
use std::path::Path;

const LIB: &str = "\
(println \"lib\")
(fn area [w h] (w * h))
(var /count 0)
(fn bump [] (count += 1) count)
(class Point (ctor [x y] (/x = x) (/y = y)) (method sum [] (/x + /y)))
(fn twice! [form] ($caller_eval form) ($caller_eval form))
(enum Colour Red Green)
(fn place [^left ^top = 0] [left top])
(var limit 5)
(export area count bump limit Point twice! Colour place)
";

const OTHER: &str = "\
(import area bump from \"shapes/lib\")
(println \"other\" (area 2 3) (bump))
(fn wide [n] (area n 10))
";

const APP: &str = "\
(import wide:w from \"other\")
(import area bump count Point twice! Colour place from \"shapes/lib\")
(println \"app\" (area 3 4) (w 2) (bump) count)
(count = 10)
(println (bump) count ((new Point 3 4) .sum))
(twice! (println \"again\"))
(println (case Colour/Red when Red \"red\" else \"other\") (place ^top 1 ^left 2))
";

/// A program of three modules.
fn sources() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("app.gene", APP);
    scratch.write("other.gene", OTHER);
    scratch.write("shapes/lib.gene", LIB);
    scratch
}

fn separate(scratch: &Scratch) -> Output {
    compile(scratch.path(), &["--separate", "app.gene", "-o", "build"])
}

fn compiled() -> Scratch {
    let scratch = sources();
    separate(&scratch).expect(0);
    scratch
}

fn start(scratch: &Scratch) -> Output {
    vm(scratch.path(), &["build/app.gir"])
}

fn read(scratch: &Scratch, name: &str) -> Vec<u8> {
    std::fs::read(scratch.file(name)).expect("an image")
}

const IMAGES: [&str; 3] = ["build/app.gir", "build/other.gir", "build/shapes/lib.gir"];

const LINES: &str = "lib\nother 6 1\napp 12 20 2 1\n3 10 7\nagain\nagain\nred [2 1]\n";

#[test]
fn images_lie_like_their_sources_and_run_like_one() {
    let scratch = compiled();
    compile(scratch.path(), &["app.gene", "-o", "one.gir"]).expect(0);
    assert_eq!(vm(scratch.path(), &["one.gir"]).expect(0).out, LINES);
    assert_eq!(start(&scratch).expect(0).out, LINES);
    let elsewhere = scratch.file("shapes");
    assert_eq!(vm(&elsewhere, &["../build/app.gir"]).expect(0).out, LINES);
    assert_eq!(
        vm(&scratch.file("build"), &["app.gir"]).expect(0).out,
        LINES
    );
    let output = gene(scratch.path(), &["run", "build/app.gir"]);
    assert_eq!(output.expect(0).out, LINES);
    for options in [&["--gc-stress"][..], &["--verify=eager"]] {
        let args = [options, &["build/app.gir"]].concat();
        assert_eq!(vm(scratch.path(), &args).expect(0).out, LINES);
    }
    for image in IMAGES {
        dump(scratch.path(), &["strip", image, "-o", image]).expect(0);
    }
    assert_eq!(start(&scratch).expect(0).out, LINES);
    // Without a folder for them, images lie beside their sources.
    compile(scratch.path(), &["--separate", "app.gene"]).expect(0);
    assert!(scratch.file("shapes/lib.gir").is_file());
    assert_eq!(vm(scratch.path(), &["app.gir"]).expect(0).out, LINES);
}

#[test]
fn images_are_the_same_everywhere() {
    let (one, two) = (compiled(), compiled());
    for image in IMAGES {
        let bytes = read(&one, image);
        assert!(bytes == read(&two, image), "{image}");
        let folder = one.path().to_string_lossy().into_owned();
        let found = bytes
            .windows(folder.len())
            .any(|part| part == folder.as_bytes());
        assert!(!found, "{image} holds its folder");
    }
}

#[test]
fn a_new_body_needs_only_its_own_image() {
    let scratch = compiled();
    let times = || {
        IMAGES.map(|image| {
            let data = std::fs::metadata(scratch.file(image)).expect("an image");
            data.modified().expect("a time")
        })
    };
    let (old, before) = (IMAGES.map(|image| read(&scratch, image)), times());
    let body = LIB.replace("(w * h)", "(var result [w h]) (println result) (h * w)");
    let body = format!("(fn hidden [a] (a + 1))\n(var unseen (hidden 1))\n{body}");
    scratch.write("shapes/lib.gene", body);
    separate(&scratch).expect(0);
    let new = IMAGES.map(|image| read(&scratch, image));
    assert!(old[..2] == new[..2], "importers keep their bytes");
    assert!(old[2] != new[2]);
    let after = times();
    assert_eq!(
        (before[0], before[1]),
        (after[0], after[1]),
        "not written again"
    );
    assert!(
        start(&scratch)
            .expect(0)
            .out
            .starts_with("lib\n[2 3]\nother 6 1\n")
    );
}

#[test]
fn another_interface_is_refused() {
    let changes = [
        ("[w h]", "[w h d = 1]"),
        ("[w h] (w * h)", "[h w] (w * h)"),
        (
            "(fn area [w h] (w * h))",
            "(fn area [w h] (w * h)) (area = (fn [w h] 1))",
        ),
        ("(count += 1) count", "(count += 1) (limit = 6) count"),
        ("($caller_eval form) ($caller_eval form)", "(println form)"),
        ("Red Green", "Red Green Blue"),
        ("^left ^top = 0", "^top = 0 ^left"),
        (" limit Point", " Point"),
        ("(export area", "(fn more []) (export more area"),
        ("(println \"lib\")", "($print = 1)"),
    ];
    for (from, to) in changes {
        let scratch = compiled();
        let app = read(&scratch, "build/app.gir");
        let text = LIB.replacen(from, to, 1);
        assert_ne!(text, LIB);
        scratch.write("shapes/lib.gene", text.replace("\"lib\")", "\"lib\")\n"));
        separate(&scratch).expect(0);
        let fresh = read(&scratch, "build/app.gir");
        assert!(app != fresh, "{to}");
        start(&scratch).expect(0);
        scratch.write("build/app.gir", &app);
        let output = start(&scratch);
        output.expect(4).one_line("build/app.gir: app.gir and ");
        assert!(
            output.err.contains("was compiled against interface "),
            "{}",
            output.err
        );
        assert!(output.err.contains("recompile app.gene"), "{}", output.err);
        assert_eq!(output.out, "");
        gene(scratch.path(), &["run", "build/app.gir"])
            .expect(4)
            .one_line("do not fit together");
    }
}

#[test]
fn the_image_of_a_main_module_is_for_nothing_else() {
    let scratch = compiled();
    let args = ["--separate", "other.gene", "-o", "build"];
    compile(scratch.path(), &args).expect(0);
    let output = vm(scratch.path(), &["build/other.gir"]);
    assert_eq!(output.expect(0).out, "lib\nother 6 1\n");
    start(&scratch)
        .expect(4)
        .one_line("app.gir and other.gir do not fit together");
}

#[test]
fn missing_and_damaged_images_are_named() {
    let scratch = compiled();
    let lib = scratch.file("build/shapes/lib.gir");
    let whole = read(&scratch, "build/shapes/lib.gir");
    std::fs::remove_file(&lib).expect("the image");
    let output = start(&scratch);
    output
        .expect(3)
        .one_line("other.gir imports build/shapes/lib.gir, which cannot be read");
    assert!(output.err.contains("--separate"), "{}", output.err);
    gene(scratch.path(), &["run", "build/app.gir"])
        .expect(3)
        .one_line("build/shapes/lib.gir");
    let damage: [&[u8]; 3] = [b"", b"(println 1)", &whole[..whole.len() - 8]];
    for bytes in damage {
        std::fs::write(&lib, bytes).expect("the image");
        start(&scratch).expect(4).one_line("shapes/lib.gir: ");
    }
    std::fs::remove_file(&lib).expect("the image");
    std::fs::create_dir(&lib).expect("a folder");
    start(&scratch).expect(3).one_line("it is a directory");
    // From memory there is no folder to search.
    let scratch = compiled();
    std::fs::rename(scratch.file("build/app.gir"), scratch.file("alone.gir")).expect("a file");
    vm(scratch.path(), &["alone.gir"])
        .expect(3)
        .one_line("alone.gir imports other.gir");
}

#[test]
fn images_that_import_each_other_are_refused() {
    let program = |a: &str, b: &str, app: &str| {
        let scratch = Scratch::new();
        scratch.write("a.gene", a);
        scratch.write("b.gene", b);
        scratch.write("app.gene", app);
        separate(&scratch).expect(0);
        scratch
    };
    let plain = "(fn f [] 1)";
    let one = program(
        "(import f from \"b\") (fn g [] 1)",
        plain,
        "(import g from \"a\")",
    );
    let two = program(
        plain,
        "(import f:h from \"a\") (fn f [] 1)",
        "(import f from \"b\")",
    );
    one.write("build/b.gir", read(&two, "build/b.gir"));
    start(&one)
        .expect(4)
        .one_line("images import each other: a.gir -> b.gir -> a.gir");
    let app = read(&one, "build/app.gir");
    one.write("build/a.gir", &app);
    one.write("build/app.gir", &app);
    start(&one)
        .expect(4)
        .one_line("images import each other: a.gir -> a.gir");
}

/// Puts a text of the same length in the place of another, everywhere, and repairs checksums.
fn replace(bytes: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len() - from.len() {
        let part = &mut bytes[at..at + from.len()];
        if part == from.as_bytes() {
            part.copy_from_slice(to.as_bytes());
        }
    }
    reseal(bytes);
}

#[test]
fn images_cannot_reach_out_of_their_folder() {
    for path in [
        "/etc/passwords.gir",
        "../../etc/host.gir",
        "shapes/../lib1.gir",
        "./hapes//lib12.gir",
    ] {
        let scratch = compiled();
        let mut bytes = read(&scratch, "build/other.gir");
        let from = "shapes/lib.gir";
        let to = format!("{:.<14}", &path[..path.len().min(14)]);
        replace(&mut bytes, from, &to);
        scratch.write("build/other.gir", bytes);
        let output = start(&scratch);
        output
            .expect(4)
            .one_line("other.gir: section IMPT, record 0, path");
        assert!(
            output.err.contains("inside the folder of the main image"),
            "{}",
            output.err
        );
    }
}

#[test]
fn packages_and_folders_above_have_their_place() {
    let scratch = Scratch::new();
    scratch.write("app/package.gene", "^name \"x/app\"\n");
    scratch.write(
        "base/package.gene",
        "^name \"x/base\"\n^source-dir \"src\"\n",
    );
    scratch.write(
        "base/src/index.gene",
        "(import one from \"part\")\n(fn two [] ((one) + 1))\n",
    );
    scratch.write("base/src/part.gene", "(fn one [] 1)\n");
    scratch.write("near.gene", "(fn near [] 5)\n");
    let app = "(import two from \"index\" of \"x/base\")\n(import near from \"../near\")\n";
    scratch.write("app/app.gene", format!("{app}(println (two) (near))\n"));
    let app = scratch.file("app");
    compile(&app, &["--separate", "app.gene", "-o", "build"]).expect(0);
    assert_eq!(vm(&app, &["build/app.gir"]).expect(0).out, "2 5\n");
    for name in ["base/src/index.gir", "base/src/part.gir", "near.gir"] {
        let file = app.join("build/_up").join(name);
        assert!(file.is_file(), "{name}");
    }
    // The images move as a whole.
    std::fs::rename(app.join("build"), scratch.file("moved")).expect("a folder");
    assert_eq!(
        vm(scratch.path(), &["moved/app.gir"]).expect(0).out,
        "2 5\n"
    );
    scratch.write("app/_up/near.gene", "(fn near [] 6)\n");
    let text = "(import near from \"../near\")\n(import near:other from \"_up/near\")\n";
    scratch.write("app/app.gene", text);
    let output = compile(&app, &["--separate", "app.gene"]);
    output.expect(1).one_line("would both be _up/near.gir");
}

#[test]
fn errors_are_those_of_one_image() {
    let thrown = "(println \"starts\")\n(fn fail [] (throw \"no\"))\n(fail)\n";
    let called = "(fn fail [n] (if (n == 0) (throw \"deep\") else (fail (n - 1))))\n";
    let missing = "(fn f [] 1)\n($ns .set \"h\" 1)\n";
    let programs = [
        (
            thrown,
            "(println \"before\") (import fail from \"a\") (println \"never\")",
        ),
        (
            called,
            "(import fail from \"a\")\n(fn g [] [(fail 3)])\n(println (try (g) catch e e/message))\n(g)",
        ),
        (missing, "(import g from \"a\")\n(println \"never\")"),
        (
            "(fn f [a b] 1)\n",
            "(import f from \"a\")\n(f 1 2)\n(println \"more\")\n(f 1)",
        ),
    ];
    for (a, app) in programs {
        let scratch = Scratch::new();
        scratch.write("a.gene", a);
        scratch.write("app.gene", app);
        compile(scratch.path(), &["app.gene", "-o", "one.gir"]).expect(0);
        separate(&scratch).expect(0);
        let one = vm(scratch.path(), &["one.gir"]);
        let two = start(&scratch);
        assert_eq!(
            (one.code, &one.out, &one.err),
            (two.code, &two.out, &two.err)
        );
        assert_eq!(one.code, Some(1), "{app}");
    }
}

#[test]
fn modules_that_need_a_compiler_are_refused_by_the_machine() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "(fn run [code] (eval code))\n");
    scratch.write(
        "app.gene",
        "(import run from \"a\")\n(println (run `(1 + 2)))\n",
    );
    separate(&scratch).expect(0);
    start(&scratch).expect(5).one_line("a.gene:1:");
    let output = gene(scratch.path(), &["run", "build/app.gir"]);
    assert_eq!(output.expect(0).out, "3\n");
}

#[test]
fn only_changed_images_are_written() {
    let scratch = sources();
    let args = ["compile", "--separate", "app.gene"];
    let first = "Compiling: app.gene -> build/app.gir\nWritten: build/shapes/lib.gir\n\
                 Written: build/other.gir\nWritten: build/app.gir\n";
    assert_eq!(gene(scratch.path(), &args).expect(0).out, first);
    let again = first.replace("Written", "Up-to-date");
    assert_eq!(gene(scratch.path(), &args).expect(0).out, again);
    let forced = [&args[..], &["--force"]].concat();
    assert_eq!(gene(scratch.path(), &forced).expect(0).out, first);
    assert_eq!(start(&scratch).expect(0).out, LINES);
    gene(scratch.path(), &[&args[..], &["-f", "pretty"]].concat()).expect(2);
}

#[test]
fn wrong_usage_and_errors_write_nothing() {
    let scratch = sources();
    let here = scratch.path();
    compile(here, &["--separate", "-e", "1", "-o", "build"]).expect(2);
    compile(here, &["--separate", "--emit", "ops", "app.gene"]).expect(2);
    compile(here, &["--separate", "none.gene"]).expect(3);
    scratch.write("other.gene", "(fn wide [] (ifel))\n");
    assert!(separate(&scratch).expect(1).err.contains("other.gene:1:"));
    assert!(!Path::new(&scratch.file("build")).exists());
    scratch.write("other.gene", OTHER);
    scratch.write("build", "a file in the way");
    separate(&scratch)
        .expect(3)
        .one_line("build/shapes/lib.gir");
}

#[test]
fn dumps_show_what_connects_images() {
    let scratch = compiled();
    let lib = dump(scratch.path(), &["build/shapes/lib.gir"])
        .expect(0)
        .out
        .clone();
    let heading = lib.lines().find_map(|line| line.strip_prefix("exports "));
    let hash = heading.expect("a heading");
    assert_eq!(hash.len(), 64);
    assert!(lib.contains("area function [w h]\n"), "{lib}");
    assert!(
        lib.contains("count variable\n") && lib.contains("Point value\n"),
        "{lib}"
    );
    assert!(lib.contains("place function [^left ^top =]\n"), "{lib}");
    assert!(
        lib.contains("(module) variant Green of Colour; variant Red of Colour\n"),
        "{lib}"
    );
    let app = dump(scratch.path(), &["build/app.gir"])
        .expect(0)
        .out
        .clone();
    assert!(app.contains(&format!("  {hash} shapes/lib.gir\n")), "{app}");
    assert!(app.contains("import area from shapes/lib.gir"), "{app}");
    assert!(!app.contains("\nexports "), "{app}");
    let json = dump(scratch.path(), &["--json", "build/app.gir"])
        .expect(0)
        .out
        .clone();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["imports"][1]["interface"], hash);
    for image in IMAGES {
        dump(scratch.path(), &["verify", image]).expect(0);
    }
}

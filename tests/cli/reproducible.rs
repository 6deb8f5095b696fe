//! The same sources give the same images, byte by byte: in another folder, time zone and locale,
//! with another number of threads, and whatever the order of files on the command line.

use gene_aot::{Scratch, programs, root, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A place where programs are compiled.
struct Place {
    folder: &'static str,
    environment: [(&'static str, &'static str); 4],
    jobs: &'static str,
    is_reversed: bool,
}

const PLACES: [Place; 2] = [
    Place {
        folder: "one",
        environment: [
            ("TZ", "UTC"),
            ("LANG", "C"),
            ("LC_ALL", "C"),
            ("SOURCE_DATE_EPOCH", "1"),
        ],
        jobs: "1",
        is_reversed: false,
    },
    Place {
        folder: "two/with a blank/größer",
        environment: [
            ("TZ", "Asia/Kathmandu"),
            ("LANG", "tr_TR.UTF-8"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("SOURCE_DATE_EPOCH", "2000000000"),
        ],
        jobs: "4",
        is_reversed: true,
    },
];

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false if path.extension().is_some_and(|end| end == "gene") => {
                std::fs::copy(&path, &target).expect("copied");
            }
            false => {}
        }
    }
}

/// Compiles everything in all ways; gives the names of the images.
fn build(scratch: &Scratch, place: &Place) -> Vec<PathBuf> {
    let folder = scratch.file(place.folder);
    copy(&root().join("examples"), &folder.join("examples"));
    copy(&root().join("tests/images"), &folder.join("images"));
    let start = |program: &Path, args: &[&str]| {
        let mut command = Command::new(program);
        let command = command.current_dir(&folder).args(args);
        run(command.envs(place.environment)).expect(0);
    };
    let programs = programs();
    let tree = ["examples", "-o", "tree", "--jobs", place.jobs];
    start(&programs.compile, &tree);
    let separate = ["--separate", "images/modules.gene", "-o", "separate"];
    start(&programs.compile, &separate);
    let debug = "images/exceptions.gene --embed-source -o split.gir --split-debug split.debug";
    let debug: Vec<&str> = debug.split(' ').collect();
    start(&programs.compile, &debug);
    let mut files = vec!["compile", "examples/tour.gene", "examples/report.gene"];
    files.extend(["images/modules.gene", "images/lib/shapes.gene"]);
    if place.is_reversed {
        files[1..].reverse();
    }
    start(&programs.gene, &files);
    let mut found = Vec::new();
    let mut open = vec![folder.clone()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_image = path
                .extension()
                .is_some_and(|end| end == "gir" || end == "debug");
            match path.is_dir() {
                true => open.push(path),
                false if is_image => {
                    found.push(path.strip_prefix(&folder).expect("below").to_owned());
                }
                false => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn images_are_the_same_anywhere() {
    let scratch = Scratch::new();
    let [one, two] = PLACES.map(|place| {
        let images = build(&scratch, &place);
        (scratch.file(place.folder), images)
    });
    assert_eq!(one.1, two.1);
    assert!(one.1.len() > 18, "{:?}", one.1);
    for name in &one.1 {
        let files = [one.0.join(name), two.0.join(name)];
        let [a, b] = files
            .each_ref()
            .map(|file| std::fs::read(file).expect("an image"));
        if a != b {
            let mut diff = Command::new(&programs().dump);
            let diff = run(diff.arg("diff").args(&files));
            panic!("{} differs:\n{}{}", name.display(), diff.out, diff.err);
        }
    }
}

//! `gene fmt`.

use super::{gene, gene_reads};
use gene_aot::{Output, Scratch};
use std::path::Path;

const MESSY: &str = "(fn f [x]\n(if x   \n  1\nelse\n      \"\n two\"))\n";
const TIDY: &str = "(fn f [x]\n  (if x\n    1\n  else\n    \"\n two\"))\n";

fn text(scratch: &Scratch, name: &str) -> String {
    std::fs::read_to_string(scratch.file(name)).expect("the file")
}

#[test]
fn files_are_formatted_in_place() {
    let scratch = Scratch::new();
    scratch.write("a.gene", MESSY);
    scratch.write("b.gene", TIDY);
    let fmt = |args: &[&str]| -> Output { gene(scratch.path(), &[&["fmt"], args].concat()) };
    let found = fmt(&["--check", "b.gene", "a.gene"]);
    found
        .expect(1)
        .one_line("File is not canonically formatted: a.gene");
    assert_eq!(text(&scratch, "a.gene"), MESSY);
    assert_eq!(fmt(&["a.gene", "b.gene"]).expect(0).out, "");
    assert_eq!(text(&scratch, "a.gene"), TIDY);
    let done = fmt(&["--check", "a.gene", "b.gene"]);
    assert_eq!(done.expect(0).out, "All files are canonically formatted\n");
    assert_eq!(scratch.names(), ["a.gene", "b.gene"]);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let here = Path::new(".");
    assert_eq!(gene_reads(MESSY, here, &["fmt"]).expect(0).out, TIDY);
    assert_eq!(
        gene_reads(MESSY, here, &["format", "-"]).expect(0).out,
        TIDY
    );
    assert_eq!(gene_reads("(a", here, &["fmt"]).expect(1).out, "");
    assert_eq!(gene_reads("(a)", here, &["fmt"]).expect(0).out, "(a)");
    gene_reads(MESSY, here, &["fmt", "--check"]).expect(1);
    let done = gene_reads(TIDY, here, &["fmt", "--check"]);
    assert_eq!(done.expect(0).out, "Stdin is canonically formatted\n");
}

#[test]
fn what_cannot_be_formatted_stays() {
    let scratch = Scratch::new();
    scratch.write("a.gene", "(fn f [x]\n(");
    scratch.write("b.gene", MESSY);
    let output = gene(scratch.path(), &["fmt", "a.gene", "b.gene"]);
    assert!(output.expect(1).err.contains("a.gene:2:"), "{}", output.err);
    assert_eq!(text(&scratch, "a.gene"), "(fn f [x]\n(");
    assert_eq!(text(&scratch, "b.gene"), TIDY);
    gene(scratch.path(), &["fmt", "none.gene"])
        .expect(3)
        .one_line("none.gene");
}

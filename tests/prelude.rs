//! The image of the prelude that the runtime carries is what the compiler makes of its source.

use gene_aot::{Scratch, programs, root, run};
use std::process::Command;

#[test]
fn the_prelude_is_fresh() {
    let scratch = Scratch::new();
    let image = scratch.file("prelude.gir");
    let runtime = root().join("runtime");
    let mut compile = Command::new(&programs().compile);
    compile
        .current_dir(&runtime)
        .args(["prelude.gene", "--strip", "-o"])
        .arg(&image);
    let output = run(&mut compile);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let carried = runtime.join("prelude.gir");
    let made = std::fs::read(&image).expect("the image was just written");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&carried, &made).expect("the checkout can be written");
    }
    let carried = std::fs::read(&carried).expect("runtime/prelude.gir is committed");
    assert!(
        made == carried,
        "runtime/prelude.gir is stale: run BLESS=1 cargo test --test all prelude, then build again"
    );
}

//! How `gene-vm` is linked, for a short start (benches/RESULTS.md).
//!
//! - At a fixed address: without some thousand relocations of its tables it starts a fifth
//!   faster and touches fewer pages.
//! - With the unwinder inside, where the C compiler has it as an archive: each shared library
//!   less saves 50 to 70 µs of a start. The C library and its mathematical part stay shared (the
//!   archive of the latter needs parts of the loader).
//! - With the functions that every start executes side by side (`link/startup.ld`): a third less
//!   memory at hello world.
//! - With each handler at the start of a cache line (`link/handlers.ld`).

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    let host = std::env::var("HOST").unwrap_or_default();
    if !target.ends_with("linux-gnu") || target != host {
        return;
    }
    println!("cargo:rustc-link-arg-bin=gene-vm=-no-pie");
    // In this order: what starts need comes first, handlers among it.
    for script in ["startup.ld", "handlers.ld"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("link")
            .join(script);
        println!("cargo:rerun-if-changed={}", script.display());
        if linker_takes_scripts() {
            println!(
                "cargo:rustc-link-arg-bin=gene-vm=-Wl,-T,{}",
                script.display()
            );
        }
    }
    if let Some(dir) = archive_dir("libgcc_eh.a") {
        println!("cargo:rustc-link-search=native={dir}");
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the linker is lld, which is the usual one, or that of GNU.
fn linker_takes_scripts() -> bool {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    !flags.contains("fuse-ld=mold") && !flags.contains("fuse-ld=gold")
}

/// Where the C compiler keeps an archive.
fn archive_dir(file: &str) -> Option<String> {
    let found = Command::new("cc")
        .arg(format!("-print-file-name={file}"))
        .output()
        .ok()?;
    let path = String::from_utf8(found.stdout).ok()?;
    let path = Path::new(path.trim());
    // The compiler repeats the name if it does not know the file.
    let known = path.is_absolute() && path.exists();
    known.then(|| path.parent().map(|dir| dir.display().to_string()))?
}

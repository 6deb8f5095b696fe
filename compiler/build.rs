//! Identifies the compiler by its sources, so that images in a cache never come from another
//! one, not even from the same version with changes. And `gene` is linked at a fixed address with
//! aligned handlers, as `gene-vm` is (runtime/build.rs): it runs programs.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What decides which image a program becomes, relative to this file.
const SOURCES: [&str; 3] = ["src", "../format/src", "../Cargo.lock"];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
        collect(Path::new(source), &mut files)?;
    }
    files.sort();
    // Two hashes of 64 bits that start differently.
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    for file in files {
        let content = fs::read(&file)?;
        for hasher in &mut hashers {
            hasher.write(file.to_string_lossy().as_bytes());
            hasher.write_usize(content.len());
            hasher.write(&content);
        }
    }
    let [a, b] = hashers.map(|hasher| hasher.finish());
    println!("cargo:rustc-env=GENE_COMPILER_ID={a:016x}{b:016x}");
    let [target, host] = ["TARGET", "HOST"].map(|name| std::env::var(name).unwrap_or_default());
    if target.ends_with("linux-gnu") && target == host {
        println!("cargo:rustc-link-arg-bin=gene=-no-pie");
        let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
        if !flags.contains("fuse-ld=mold") && !flags.contains("fuse-ld=gold") {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/link/handlers.ld");
            println!("cargo:rerun-if-changed={}", script.display());
            println!("cargo:rustc-link-arg-bin=gene=-Wl,-T,{}", script.display());
        }
    }
    Ok(())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

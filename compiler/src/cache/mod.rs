//! The image cache: programs that were compiled before start without reader and compiler.
//!
//! Two kinds of files below one directory:
//!
//! - `images/HASH.gir`: an image, named by the BLAKE3 hash of its bytes;
//! - `entries/KEY`: what was asked of the compiler ([`Key`]), hashed, leads to everything that
//!   the answer depends on ([`Input`]), with hashes of the contents, and to the image.
//!
//! An entry holds if every input still has the hash that it had when the compiler read it;
//! modification times prove nothing and are only looked at to forget what was used least
//! recently. Files appear under their names complete and are never changed, so readers need no
//! locks: each sees an old file, a new one, or none. Whatever is damaged, or not what its name
//! says, is as good as absent, and the next compilation replaces it.
//!
//! The directory must be as trustworthy as the programs: entries that others own or may write
//! are ignored. This module knows neither command lines nor the machine.

mod index;
mod inputs;
mod key;
mod manage;
mod store;

pub use index::Entry;
pub use inputs::{Dependencies, Input, Inputs};
pub use key::Key;
pub use manage::{Problem, Program, State, Usage};
pub use store::Cache;

/// BLAKE3 of some bytes.
pub type Hash = [u8; 32];

/// The hash of some bytes.
pub fn hash(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

/// Bytes as hexadecimal digits, two each.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

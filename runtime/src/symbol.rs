//! Interned names. A symbol is an index; its text is kept for ever, with its hash.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// An interned name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct Symbol(pub u32);

/// FNV-1a over the bytes, folded to 32 bits; never 0, which means "not computed" in strings.
pub fn hash_str(bytes: &[u8]) -> u32 {
    let mut h: u64 = 0xcbf2_9ce4_8422_2325;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        h = (h ^ word)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(23);
    }
    for &b in chunks.remainder() {
        h = (h ^ b as u64).wrapping_mul(0x0000_0100_0000_01b3);
    }
    h ^= h >> 32;
    (h.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32 | 1
}

/// Hashes names and symbols in a few instructions: every start interns some hundred names. Who
/// could choose names to collide writes the program anyway.
#[derive(Default)]
pub struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = self.0.rotate_left(32) ^ u64::from(hash_str(bytes));
    }

    fn write_u8(&mut self, _end_of_text: u8) {}

    fn write_u32(&mut self, symbol: u32) {
        self.0 = u64::from(symbol);
    }

    fn finish(&self) -> u64 {
        // The table takes the highest and the lowest bits.
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// A table of names or symbols.
pub type NameMap<K, V> = HashMap<K, V, BuildHasherDefault<NameHasher>>;

/// All symbols of a machine.
#[derive(Default)]
pub struct Symbols {
    texts: Vec<&'static str>,
    ids: NameMap<&'static str, Symbol>,
}

impl Symbols {
    /// The symbol of this text.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&s) = self.ids.get(text) {
            return s;
        }
        // Symbols live as long as the process: they come from images and from data that
        // programs turn into symbols on purpose.
        let text: &'static str = Box::leak(text.into());
        let s = Symbol(self.texts.len() as u32);
        self.texts.push(text);
        self.ids.insert(text, s);
        s
    }

    /// The symbol of this text, if it was ever interned.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.ids.get(text).copied()
    }

    /// The text.
    pub fn text(&self, s: Symbol) -> &'static str {
        self.texts[s.0 as usize]
    }
}

//! Entries as bytes.
//!
//! ```text
//! magic            8
//! hash of the rest 32
//! key              32
//! image: hash      32
//! image: length    8
//! needs a compiler 1
//! for each input: kind 1, present 1, hash 32, length of the name 4, name
//! ```
//!
//! Numbers are little-endian. The hash finds damage, the key entries under foreign names.

use gene_format::aligned::Aligned;
use gene_format::image::CheckedImage;

use super::{Dependencies, Hash, Input, Key, hash};

/// Of this layout; another one gets another magic.
const MAGIC: &[u8; 8] = b"gene-ix1";

/// Bytes before the part that the hash covers.
const HEAD: usize = MAGIC.len() + size_of::<Hash>();

/// A program that was compiled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it was compiled from.
    pub dependencies: Dependencies,
    /// BLAKE3 of the image.
    pub image: Hash,
    /// Bytes of the image.
    pub length: u64,
    /// Whether the program compiles code while it runs.
    pub needs_compiler: bool,
}

impl Entry {
    /// The entry of a program with this image.
    pub fn new(dependencies: Dependencies, image: &[u8]) -> Entry {
        let aligned = Aligned::new(image);
        let checked = CheckedImage::parse(&aligned);
        Entry {
            dependencies,
            image: hash(image),
            length: image.len() as u64,
            needs_compiler: checked.is_ok_and(|image| image.needs_eval().is_some()),
        }
    }

    /// The entry as a file.
    pub fn encode(&self, key: &Key) -> Vec<u8> {
        let mut rest = Vec::new();
        rest.extend_from_slice(key.bytes());
        rest.extend_from_slice(&self.image);
        rest.extend_from_slice(&self.length.to_le_bytes());
        rest.push(u8::from(self.needs_compiler));
        for (input, hash) in &self.dependencies {
            let (kind, name) = match input {
                Input::File(path) => (0, path),
                Input::Variable(name) => (1, name),
                Input::Listing(path) => (2, path),
            };
            rest.extend_from_slice(&[kind, u8::from(hash.is_some())]);
            rest.extend_from_slice(&hash.unwrap_or_default());
            rest.extend_from_slice(&(name.len() as u32).to_le_bytes());
            rest.extend_from_slice(name.as_bytes());
        }
        [MAGIC, &hash(&rest)[..], &rest].concat()
    }

    /// The entry in a file, if the file is one and whole, and of this key.
    pub fn of(key: &Key, bytes: &[u8]) -> Option<Entry> {
        let (own, entry) = Entry::decode(bytes)?;
        (own == *key.bytes()).then_some(entry)
    }

    /// The entry in a file, if the file is one and whole; with its key as bytes.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Hash, Entry)> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        if !head.starts_with(MAGIC) || head[MAGIC.len()..] != hash(rest) {
            return None;
        }
        let mut from = Cursor(rest);
        let key = from.take()?;
        let image = from.take()?;
        let length = u64::from_le_bytes(from.take()?);
        let [needs_compiler] = from.take()?;
        let mut dependencies = Vec::new();
        while !from.0.is_empty() {
            let [kind, present] = from.take()?;
            let hash: Hash = from.take()?;
            let name = u32::from_le_bytes(from.take()?);
            let name = from.bytes(name as usize)?;
            let name = std::str::from_utf8(name).ok()?.to_owned();
            let input = match kind {
                0 => Input::File(name),
                1 => Input::Variable(name),
                2 => Input::Listing(name),
                _ => return None,
            };
            dependencies.push((input, (present != 0).then_some(hash)));
        }
        let entry = Entry {
            dependencies,
            image,
            length,
            needs_compiler: needs_compiler != 0,
        };
        Some((key, entry))
    }
}

struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::Options;
    use gene_format::write::WriteOptions;

    fn entry() -> (Key, Entry) {
        let entry = Entry {
            dependencies: vec![
                (Input::File("/a b\n".into()), Some([1; 32])),
                (Input::File("/absent".into()), None),
                (Input::Variable("größe".into()), Some([2; 32])),
                (Input::Listing(String::new()), Some([3; 32])),
            ],
            image: [4; 32],
            length: 1 << 40,
            needs_compiler: true,
        };
        (
            Key::new("/a", "a", &Options::default(), &WriteOptions::default()),
            entry,
        )
    }

    #[test]
    fn entries_round_trip() {
        let (key, entry) = entry();
        let bytes = entry.encode(&key);
        assert_eq!(Entry::decode(&bytes), Some((*key.bytes(), entry)));
    }

    #[test]
    fn damage_is_found() {
        let (key, entry) = entry();
        let bytes = entry.encode(&key);
        for length in 0..bytes.len() {
            assert_eq!(Entry::decode(&bytes[..length]), None, "{length}");
        }
        for at in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert_eq!(Entry::decode(&damaged), None, "bit {at}");
        }
        assert_eq!(Entry::decode(&[&bytes[..], b"x"].concat()), None);
    }

    #[test]
    fn sealed_nonsense_is_no_entry() {
        for rest in [&[0; 72][..], &[0; 74], &[9; 120], &[0xff; 73 + 38]] {
            let bytes = [MAGIC, &hash(rest)[..], rest].concat();
            assert_eq!(Entry::decode(&bytes), None);
        }
    }
}

//! What is asked of the compiler, apart from what it reads.

use super::{Hash, hex};
use crate::compile::Options;
use gene_format::write::WriteOptions;

/// A program by its place and what it is to be compiled with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    hash: Hash,
}

impl Key {
    /// The key of the program at the absolute path `path`, which images and messages call
    /// `name`, for this compiler.
    pub fn new(path: &str, name: &str, options: &Options, write: &WriteOptions) -> Key {
        Key::of_compiler(env!("GENE_COMPILER_ID"), path, name, options, write)
    }

    /// As `new`, for any compiler.
    pub(super) fn of_compiler(
        compiler: &str,
        path: &str,
        name: &str,
        options: &Options,
        write: &WriteOptions,
    ) -> Key {
        // Every option, so that a new one cannot be forgotten.
        let Options {
            front:
                crate::gene::Options {
                    contracts,
                    type_check,
                    interfaces,
                },
            strict_nil,
            level,
        } = options;
        let WriteOptions { strip, sources } = write;
        let options = [
            u8::from(*strip),
            u8::from(*sources),
            u8::from(*contracts),
            u8::from(*type_check),
            u8::from(*interfaces),
            u8::from(*strict_nil),
            *level as u8,
        ];
        let abi = gene_format::layout::abi();
        let mut hasher = blake3::Hasher::new();
        for part in [
            compiler.as_bytes(),
            &abi,
            &options,
            path.as_bytes(),
            name.as_bytes(),
        ] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Key {
            hash: *hasher.finalize().as_bytes(),
        }
    }

    /// The key as 32 bytes.
    pub fn bytes(&self) -> &Hash {
        &self.hash
    }

    /// The name of the key's entry: 64 hexadecimal digits.
    pub fn file_name(&self) -> String {
        hex(&self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::Level;
    use crate::gene;

    #[test]
    fn everything_that_is_asked_counts() {
        let usual = Options::default();
        let front = gene::Options::default();
        let no_contracts = gene::Options {
            contracts: false,
            ..front.clone()
        };
        let no_types = gene::Options {
            type_check: false,
            ..front
        };
        let debug = WriteOptions::default();
        let stripped = WriteOptions {
            strip: true,
            ..debug
        };
        let with = |options: &Options| Key::of_compiler("1", "/a", "a", options, &debug);
        let keys = [
            with(&usual),
            Key::of_compiler("2", "/a", "a", &usual, &debug),
            Key::of_compiler("1", "/b", "a", &usual, &debug),
            Key::of_compiler("1", "/a", "./a", &usual, &debug),
            Key::of_compiler("1", "/", "aa", &usual, &debug),
            Key::of_compiler("1", "/a", "a", &usual, &stripped),
            with(&Options {
                strict_nil: true,
                ..usual.clone()
            }),
            with(&Options {
                level: Level::None,
                ..usual.clone()
            }),
            with(&Options {
                front: no_contracts,
                ..usual.clone()
            }),
            with(&Options {
                front: no_types,
                ..usual.clone()
            }),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        assert_eq!(keys[0], with(&usual));
    }
}

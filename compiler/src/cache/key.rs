//! What is asked of the compiler, apart from what it reads.

use super::{Hash, hex};
use crate::compile::Options;

/// A program by its place and what it is to be compiled with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    hash: Hash,
}

impl Key {
    /// The key of the program at the absolute path `path`, which images and messages call
    /// `name`, for this compiler.
    pub fn new(path: &str, name: &str, options: &Options) -> Key {
        Key::of_compiler(env!("GENE_COMPILER_ID"), path, name, options)
    }

    /// As `new`, for any compiler.
    pub(super) fn of_compiler(compiler: &str, path: &str, name: &str, options: &Options) -> Key {
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
        let options = [
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
        let keys = [
            Key::of_compiler("1", "/a", "a", &usual),
            Key::of_compiler("2", "/a", "a", &usual),
            Key::of_compiler("1", "/b", "a", &usual),
            Key::of_compiler("1", "/a", "./a", &usual),
            Key::of_compiler("1", "/", "aa", &usual),
            Key::of_compiler(
                "1",
                "/a",
                "a",
                &Options {
                    strict_nil: true,
                    ..usual.clone()
                },
            ),
            Key::of_compiler(
                "1",
                "/a",
                "a",
                &Options {
                    level: Level::None,
                    ..usual.clone()
                },
            ),
            Key::of_compiler(
                "1",
                "/a",
                "a",
                &Options {
                    front: no_contracts,
                    ..usual.clone()
                },
            ),
            Key::of_compiler(
                "1",
                "/a",
                "a",
                &Options {
                    front: no_types,
                    ..usual.clone()
                },
            ),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        assert_eq!(keys[0], Key::of_compiler("1", "/a", "a", &usual));
    }
}

//! The bytes of an image, from a file.
//!
//! Small images are read (measured faster); larger ones are mapped read-only and private, and
//! only if others cannot write the file or its directory: whoever can overwrite or truncate a
//! mapped file can change code after it was verified, or stop the process. Overwriting an image
//! in place while it runs is excluded by contract: install a new file and rename it. A file that
//! is truncated nevertheless ends the process in order (`truncated.rs`).
#![allow(unsafe_code)]

use crate::truncated::{self, Watched};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Files below this size are read.
pub const MAP_FROM: u64 = 256 << 10;

/// Image bytes at an address that is a multiple of 8.
pub struct Mapping {
    bytes: Bytes,
}

enum Bytes {
    Copy { words: Vec<u64>, len: usize },
    Map(memmap2::Mmap, Watched),
    Static(&'static [u8]),
}

fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        let kind = io::ErrorKind::IsADirectory;
        return Err(io::Error::new(kind, "it is a directory"));
    }
    Ok((file, meta))
}

impl Mapping {
    /// Reads or maps a file.
    ///
    /// # Errors
    /// What the system says; a directory gives its own error.
    pub fn open(path: &Path) -> io::Result<Mapping> {
        let (file, meta) = open(path)?;
        if meta.is_file() && meta.len() >= MAP_FROM && only_owner_writes(path, &meta) {
            // SAFETY: the file is writable by its owner only, who is bound by the contract above
            let map = unsafe { memmap2::Mmap::map(&file)? };
            let watched = truncated::watch(&map);
            return Ok(Mapping {
                bytes: Bytes::Map(map, watched),
            });
        }
        Mapping::read_file(file, &meta)
    }

    /// Reads a file: nobody can change the bytes afterwards.
    ///
    /// # Errors
    /// As [`Mapping::open`].
    pub fn read(path: &Path) -> io::Result<Mapping> {
        let (file, meta) = open(path)?;
        Mapping::read_file(file, &meta)
    }

    fn read_file(mut file: File, meta: &Metadata) -> io::Result<Mapping> {
        let len = meta.len().min(1 << 40) as usize;
        if !meta.is_file() {
            let mut data = Vec::new();
            file.read_to_end(&mut data)?;
            return Ok(Mapping::copy(&data));
        }
        let mut words = vec![0u64; len.div_ceil(8)];
        // SAFETY: u64s may be written as bytes, and any bytes are u64s
        let view = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), len) };
        let mut filled = 0;
        while filled < len {
            match file.read(&mut view[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(Mapping {
            bytes: Bytes::Copy { words, len: filled },
        })
    }

    /// Copies bytes to an aligned place.
    pub fn copy(data: &[u8]) -> Mapping {
        let mut words = vec![0u64; data.len().div_ceil(8)];
        for (word, chunk) in words.iter_mut().zip(data.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            *word = u64::from_ne_bytes(bytes);
        }
        Mapping {
            bytes: Bytes::Copy {
                words,
                len: data.len(),
            },
        }
    }

    /// Bytes that are part of the program, if aligned; else a copy.
    pub fn of_static(data: &'static [u8]) -> Mapping {
        if data.as_ptr().addr().is_multiple_of(8) {
            Mapping {
                bytes: Bytes::Static(data),
            }
        } else {
            Mapping::copy(data)
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Copy { words, len } => {
                // SAFETY: len is at most the words' bytes
                unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), *len) }
            }
            Bytes::Map(map, _) => map,
            Bytes::Static(bytes) => bytes,
        }
    }

    /// The bytes, for the rest of the process: closures point into them.
    pub fn leak(self) -> &'static [u8] {
        match self.bytes {
            Bytes::Copy { words, len } => {
                let words: &'static [u64] = words.leak();
                // SAFETY: len is at most the words' bytes
                unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), len) }
            }
            Bytes::Map(map, watched) => {
                std::mem::forget(watched);
                let map: &'static memmap2::Mmap = Box::leak(Box::new(map));
                map
            }
            Bytes::Static(bytes) => bytes,
        }
    }
}

fn only_owner_writes(path: &Path, meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    // SAFETY: geteuid has no preconditions
    let me = unsafe { libc::geteuid() };
    let trusted = |m: &std::fs::Metadata| m.uid() == me || m.uid() == 0;
    // of the file itself, wherever a link to it lies
    let dir = path.canonicalize().ok();
    let dir = dir.as_deref().and_then(Path::parent);
    meta.mode() & OTHERS_WRITE == 0
        && trusted(meta)
        && dir
            .and_then(|dir| dir.metadata().ok())
            .is_some_and(|d| d.mode() & OTHERS_WRITE == 0 && trusted(&d))
}

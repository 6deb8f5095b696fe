//! Bytes in memory where instruction words can be read in place.

use std::ops::{Deref, DerefMut};

use zerocopy::IntoBytes;

/// A copy of bytes at an address that is a multiple of 8, as
/// [`CheckedImage::parse`](crate::image::CheckedImage::parse) needs it.
#[derive(Clone, Debug)]
pub struct Aligned {
    words: Vec<u64>,
    len: usize,
}

impl Aligned {
    /// Copies the bytes.
    pub fn new(bytes: &[u8]) -> Aligned {
        let mut aligned = Aligned::zeroed(bytes.len());
        aligned.copy_from_slice(bytes);
        aligned
    }

    /// `len` bytes that are zero, to be read into.
    pub fn zeroed(len: usize) -> Aligned {
        let words = vec![0; len.div_ceil(8)];
        Aligned { words, len }
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.words.as_bytes()[..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.words.as_mut_bytes()[..self.len]
    }
}

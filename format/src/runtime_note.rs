//! What a runtime's executable says of itself, so that gene-compile can join an image to it: a note
//! (ELF) whose description tells the program where in memory its own image lies.
//!
//! gene-vm comes with an empty note. Filled in, it makes the executable a program of its own.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::image::intact_header;
use crate::layout::Header;
use crate::version::MAGIC;

/// Name of the note's owner.
pub const OWNER: [u8; 8] = *b"Gene\0\0\0\0";
/// Bytes of the name that count, its zero included.
pub const OWNER_LEN: u32 = 5;
/// Kind of the note.
pub const KIND: u32 = 1;

/// The note, as it lies in memory and in the file. Little-endian.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct RuntimeNote {
    /// [`OWNER_LEN`].
    pub owner_len: [u8; 4],
    /// Bytes behind the name: 16.
    pub description_len: [u8; 4],
    /// [`KIND`].
    pub kind: [u8; 4],
    /// [`OWNER`].
    pub owner: [u8; 8],
    /// Where the image is in memory, in bytes behind the start of this note; 0: nowhere.
    pub offset: [u8; 8],
    /// Bytes of the image.
    pub length: [u8; 8],
}

impl RuntimeNote {
    /// The note of a runtime without an image.
    pub const EMPTY: RuntimeNote = RuntimeNote::of_image(0, 0);

    /// As it lies in the file.
    pub fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    /// The note of a runtime with an image.
    pub const fn of_image(offset: u64, length: u64) -> RuntimeNote {
        RuntimeNote {
            owner_len: OWNER_LEN.to_le_bytes(),
            description_len: 16_u32.to_le_bytes(),
            kind: KIND.to_le_bytes(),
            owner: OWNER,
            offset: offset.to_le_bytes(),
            length: length.to_le_bytes(),
        }
    }
}

/// The header of the image of built-in functions that every runtime contains: it has the runtime's
/// own version and ABI fingerprint.
pub fn built_in_header(runtime: &[u8]) -> Option<&Header> {
    let mut starts = memchr::memmem::find_iter(runtime, &MAGIC);
    starts.find_map(|at| intact_header(&runtime[at..]))
}

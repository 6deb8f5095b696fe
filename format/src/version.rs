//! Magic and version of the image format, nothing else: a script sees it change here.

/// First eight bytes of every image. Not ASCII at the start, so that no text is taken for one;
/// the line ends and the ^Z show a transfer in text mode.
pub const MAGIC: [u8; 8] = [0x89, b'G', b'I', b'R', 0x0D, 0x0A, 0x1A, 0x0A];

/// First eight bytes of every file of debug data that was split from an image.
pub const DEBUG_MAGIC: [u8; 8] = [0x89, b'G', b'D', b'B', 0x0D, 0x0A, 0x1A, 0x0A];

/// Major version: other majors are rejected.
pub const MAJOR: u16 = 1;

/// Minor version: newer minors are rejected, older ones are read.
pub const MINOR: u16 = 2;

/// Version of the value encoding that compiled code relies on (ranges of immediate integers in
/// fused instructions, the special values). Part of the ABI fingerprint.
pub const VALUE_ENCODING: u32 = 1;

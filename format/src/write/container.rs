//! Sections → file: offsets, padding, checksums, header.

use std::borrow::Cow;

use zerocopy::IntoBytes;

use crate::error::{FormatError, FormatErrorKind, Place, Result};
use crate::layout::{self, *};
use crate::limits::MAX_FILE;
use crate::version::{MAJOR, MINOR};

/// A section to be placed.
pub(crate) struct Part<'a> {
    pub tag: Tag,
    pub flags: u32,
    pub count: u32,
    pub align: u32,
    pub bytes: Cow<'a, [u8]>,
}

/// Hash of the sections that are neither debug data nor a signature, in file order.
pub(crate) fn content_id(parts: &[Part<'_>]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts
        .iter()
        .filter(|part| part.flags & STRIPPABLE == 0 && part.tag != SIGN)
    {
        hasher.update(&part.tag.0.to_le_bytes());
        hasher.update(&part.flags.to_le_bytes());
        hasher.update(&part.count.to_le_bytes());
        hasher.update(&(part.bytes.len() as u64).to_le_bytes());
        hasher.update(&part.bytes);
    }
    *hasher.finalize().as_bytes()
}

/// The file with these sections; the flag has-debug is set as they need it.
pub(crate) fn assemble(
    magic: [u8; 8],
    parts: &[Part<'_>],
    flags: u32,
    content: &[u8; 32],
    build: &[u8; 32],
) -> Result<Vec<u8>> {
    let mut entries = Vec::with_capacity(parts.len());
    let mut end = (size_of::<Header>() + parts.len() * size_of::<SectionRecord>()) as u64;
    for part in parts {
        let offset = end.next_multiple_of(part.align.into());
        end = offset + part.bytes.len() as u64;
        entries.push(SectionRecord {
            tag: part.tag.0.into(),
            flags: part.flags.into(),
            offset: offset.into(),
            length: (part.bytes.len() as u64).into(),
            count: part.count.into(),
            align: part.align.into(),
            crc: crc32fast::hash(&part.bytes).into(),
            reserved: 0.into(),
        });
    }
    if end > MAX_FILE {
        let kind = FormatErrorKind::Limit {
            found: end,
            max: MAX_FILE,
        };
        return Err(FormatError::new(Place::File, kind));
    }
    let has_debug = parts.iter().any(|part| part.flags & STRIPPABLE != 0);
    let mut header = Header {
        magic,
        header_len: (size_of::<Header>() as u32).into(),
        major: MAJOR.into(),
        minor: MINOR.into(),
        flags: (flags | if has_debug { HAS_DEBUG } else { 0 }).into(),
        section_count: (parts.len() as u16).into(),
        entry_size: (size_of::<SectionRecord>() as u16).into(),
        file_len: end.into(),
        table_offset: (size_of::<Header>() as u32).into(),
        table_crc: crc32fast::hash(entries.as_bytes()).into(),
        abi: layout::abi(),
        content_id: *content,
        build_id: *build,
        reserved: 0.into(),
        header_crc: 0.into(),
    };
    let sealed = &header.as_bytes()[..size_of::<Header>() - 4];
    header.header_crc = crc32fast::hash(sealed).into();

    let mut file = Vec::with_capacity(end as usize);
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(entries.as_bytes());
    for (entry, part) in entries.iter().zip(parts) {
        file.resize(entry.offset.get() as usize, 0);
        file.extend_from_slice(&part.bytes);
    }
    Ok(file)
}

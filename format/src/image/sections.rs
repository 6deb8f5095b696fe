//! Header and section table.

use zerocopy::FromBytes;

use super::{Place, SectionView, unexpected};
use crate::error::{FormatError, FormatErrorKind, Result};
use crate::layout::{self, *};
use crate::limits::{MAX_ALIGN, MAX_FILE, MAX_SECTIONS};
use crate::version::{DEBUG_MAGIC, MAGIC, MAJOR, MINOR};
use crate::write::container::{Part, content_id};

/// The file, with header and section table checked.
#[derive(Clone, Debug)]
pub(super) struct Sections<'a> {
    pub file: &'a [u8],
    pub header: &'a Header,
    pub entries: &'a [SectionRecord],
}

/// Which files a reader accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Accept {
    /// Images with this build's fingerprint, which may execute.
    Image,
    /// Images of any fingerprint, to be looked at.
    AnyImage,
    /// Debug data that was split from an image. Nothing in it depends on the fingerprint.
    DebugData,
}

/// A section and what the table says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    pub view: SectionView,
    pub bytes: &'a [u8],
}

impl<'a> Section<'a> {
    /// Checks the CRC.
    pub fn check(&self) -> Result<()> {
        check_crc(self.bytes, self.view.crc, Place::Section(self.view.tag))
    }

    /// As the writer places it.
    pub fn part(&self) -> Part<'a> {
        Part {
            tag: self.view.tag,
            flags: self.view.flags,
            count: self.view.count,
            align: self.view.align,
            bytes: self.bytes.into(),
        }
    }
}

pub(super) fn view(entry: &SectionRecord) -> SectionView {
    SectionView {
        tag: Tag(entry.tag.get()),
        flags: entry.flags.get(),
        offset: entry.offset.get(),
        length: entry.length.get(),
        count: entry.count.get(),
        align: entry.align.get(),
        crc: entry.crc.get(),
    }
}

/// An error unless the bytes have this CRC32.
pub(super) fn check_crc(bytes: &[u8], expected: u32, place: Place) -> Result<()> {
    let found = crc32fast::hash(bytes);
    if found == expected {
        return Ok(());
    }
    Err(FormatError::new(
        place,
        FormatErrorKind::Checksum { found, expected },
    ))
}

fn check_magic(file: &[u8], accept: Accept) -> Result<()> {
    let is_debug_data = file.starts_with(&DEBUG_MAGIC);
    let is_wanted = match accept {
        Accept::DebugData => is_debug_data,
        Accept::Image | Accept::AnyImage => file.starts_with(&MAGIC),
    };
    if is_wanted {
        return Ok(());
    }
    let kind = match accept {
        Accept::DebugData => FormatErrorKind::NotDebugData,
        _ if is_debug_data => FormatErrorKind::DebugData,
        _ => missing_magic(file),
    };
    Err(FormatError::new(Place::File, kind))
}

fn missing_magic(file: &[u8]) -> FormatErrorKind {
    match file.starts_with(&MAGIC[..4]) {
        true if file.len() >= MAGIC.len() => FormatErrorKind::TextMode,
        true => FormatErrorKind::Truncated {
            found: file.len() as u64,
            expected: size_of::<Header>() as u64,
        },
        false => FormatErrorKind::NotAnImage,
    }
}

fn check_length(file: &[u8], expected: u64) -> Result<()> {
    let found = file.len() as u64;
    let kind = match found.cmp(&expected) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => FormatErrorKind::Truncated { found, expected },
        std::cmp::Ordering::Greater => FormatErrorKind::Trailing { found, expected },
    };
    Err(FormatError::new(Place::File, kind))
}

/// The header at the start of these bytes, of an image of any version, if it is undamaged; what
/// follows is not looked at.
pub fn intact_header(bytes: &[u8]) -> Option<&Header> {
    let (header, _) = Header::ref_from_prefix(bytes).ok()?;
    let sealed = &bytes[..size_of::<Header>() - 4];
    let is_intact = crc32fast::hash(sealed) == header.header_crc.get();
    (header.magic == MAGIC && is_intact).then_some(header)
}

/// The checks on the header alone, in this order: a damaged one is reported as damaged, one of
/// another version by its version.
fn check_header(file: &[u8], header: &Header, accept: Accept) -> Result<()> {
    let expect = |found: u64, wanted: u64, name, expected| match found == wanted {
        true => Ok(()),
        false => Err(unexpected(found, expected, Place::Header(name))),
    };
    check_crc(
        &file[..size_of::<Header>() - 4],
        header.header_crc.get(),
        Place::Header("header CRC"),
    )?;
    let version = (header.major.get(), header.minor.get());
    if version.0 != MAJOR || version.1 > MINOR {
        let kind = FormatErrorKind::Version { found: version };
        return Err(FormatError::new(Place::Header("version"), kind));
    }
    let length = header.header_len.get().into();
    expect(length, size_of::<Header>() as u64, "header length", "128")?;
    if accept == Accept::Image && header.abi != layout::abi() {
        let place = Place::Header("ABI fingerprint");
        return Err(FormatError::new(place, FormatErrorKind::Abi));
    }
    let flags = header.flags.get();
    if flags & !HEADER_FLAGS != 0 {
        return Err(unexpected(
            flags,
            "known flags only",
            Place::Header("flags"),
        ));
    }
    expect(header.reserved.get().into(), 0, "reserved", "0")?;
    let size = header.entry_size.get().into();
    expect(size, size_of::<SectionRecord>() as u64, "entry size", "40")?;
    let offset = header.table_offset.get().into();
    expect(offset, size_of::<Header>() as u64, "table offset", "128")?;
    if u32::from(header.section_count.get()) > MAX_SECTIONS {
        let place = Place::Header("section count");
        return Err(unexpected(header.section_count, "at most 64", place));
    }
    if header.file_len.get() > MAX_FILE {
        let place = Place::Header("file length");
        return Err(unexpected(header.file_len, "less than 4 GiB", place));
    }
    check_length(file, header.file_len.get())
}

impl<'a> Sections<'a> {
    pub fn parse(file: &'a [u8], accept: Accept) -> Result<Sections<'a>> {
        check_magic(file, accept)?;
        let truncated = |expected: usize| {
            let (found, expected) = (file.len() as u64, expected as u64);
            FormatError::new(Place::File, FormatErrorKind::Truncated { found, expected })
        };
        let (header, rest) =
            Header::ref_from_prefix(file).map_err(|_| truncated(size_of::<Header>()))?;
        check_header(file, header, accept)?;
        let count = header.section_count.get() as usize;
        let (entries, _) = <[SectionRecord]>::ref_from_prefix_with_elems(rest, count)
            .map_err(|_| truncated(size_of::<Header>() + count * size_of::<SectionRecord>()))?;
        let table = &rest[..count * size_of::<SectionRecord>()];
        check_crc(table, header.table_crc.get(), Place::Header("table CRC"))?;
        let sections = Sections {
            file,
            header,
            entries,
        };
        sections.check_layout()?;
        sections.check_debug_flags()?;
        for (entry, section) in entries.iter().zip(sections.iter()) {
            let is_lazy = section.view.tag == layout::CODE || section.view.flags & STRIPPABLE != 0;
            if !is_lazy {
                let place = Place::Section(section.view.tag);
                check_crc(section.bytes, entry.crc.get(), place)?;
            }
        }
        Ok(sections)
    }

    /// Sections follow each other with no more than the padding their alignment needs, which
    /// is zero, and fill the file.
    fn check_layout(&self) -> Result<()> {
        let mut end = (size_of::<Header>() + size_of_val(self.entries)) as u64;
        for (index, entry) in (0..).zip(self.entries) {
            check_entry(index, entry)?;
            self.check_known(index, entry)?;
            let at = |field| Place::Entry { index, field };
            let (offset, length) = (entry.offset.get(), entry.length.get());
            if offset != end.next_multiple_of(entry.align.get().into()) {
                let expected = "the end of the section before, aligned";
                return Err(unexpected(offset, expected, at("offset")));
            }
            let section_end = offset.checked_add(length);
            let section_end = section_end.filter(|end| *end <= self.file.len() as u64);
            let Some(section_end) = section_end else {
                return Err(unexpected(length, "an end inside the file", at("length")));
            };
            let padding = &self.file[end as usize..offset as usize];
            if padding.iter().any(|byte| *byte != 0) {
                return Err(FormatError::new(at("offset"), FormatErrorKind::Padding));
            }
            end = section_end;
        }
        check_length(self.file, end)
    }

    /// Flags, record size and number of a kind this version knows; other kinds must be
    /// optional.
    fn check_known(&self, index: u32, entry: &SectionRecord) -> Result<()> {
        let at = |field| Place::Entry { index, field };
        let tag = Tag(entry.tag.get());
        let flags = entry.flags.get();
        let Some((_, record, expected_flags)) = SECTIONS.into_iter().find(|known| known.0 == tag)
        else {
            if flags & REQUIRED != 0 {
                let kind = FormatErrorKind::UnknownSection;
                return Err(FormatError::new(Place::Section(tag), kind));
            }
            return Ok(());
        };
        if flags != expected_flags {
            let expected = "1 (required), 2 (strippable) for debug data, or 0 for SIGN";
            return Err(unexpected(flags, expected, at("flags")));
        }
        let expected = u64::from(entry.count.get()) * record as u64;
        if record != 0 && entry.length.get() != expected {
            let expected = "count times record size";
            return Err(unexpected(entry.length, expected, at("length")));
        }
        let before = &self.entries[..index as usize];
        if before.iter().any(|other| other.tag == entry.tag) {
            let kind = FormatErrorKind::Duplicate;
            return Err(FormatError::new(Place::Section(tag), kind));
        }
        Ok(())
    }

    fn check_debug_flags(&self) -> Result<()> {
        let is_debug = |entry: &SectionRecord| entry.flags.get() & STRIPPABLE != 0;
        let has_debug = self.entries.iter().any(is_debug);
        let flags = self.header.flags.get();
        if has_debug != (flags & HAS_DEBUG != 0) || has_debug && flags & STRIPPED != 0 {
            let expected = "has-debug exactly if there is debug data, and then not stripped";
            return Err(unexpected(flags, expected, Place::Header("flags")));
        }
        if self.find(SIGN).is_some() != (flags & SIGNED != 0) {
            let expected = "signed exactly if there is a signature";
            return Err(unexpected(flags, expected, Place::Header("flags")));
        }
        Ok(())
    }

    pub fn iter(&self) -> impl Iterator<Item = Section<'a>> + '_ {
        self.entries.iter().map(|entry| {
            let view = view(entry);
            let start = view.offset as usize;
            Section {
                view,
                bytes: &self.file[start..start + view.length as usize],
            }
        })
    }

    /// Every CRC, those that [`Sections::parse`] leaves for later too, and the content id.
    pub fn check_all(&self) -> Result<()> {
        self.iter().try_for_each(|section| section.check())?;
        self.check_content_id()
    }

    /// The content id is that of the sections.
    pub fn check_content_id(&self) -> Result<()> {
        let parts: Vec<_> = self.iter().map(|section| section.part()).collect();
        let found = content_id(&parts);
        if found == self.header.content_id {
            return Ok(());
        }
        let first = |id: &[u8; 32]| u32::from_be_bytes([id[0], id[1], id[2], id[3]]);
        let kind = FormatErrorKind::Checksum {
            found: first(&found),
            expected: first(&self.header.content_id),
        };
        Err(FormatError::new(Place::Header("content id"), kind))
    }

    pub fn find(&self, tag: Tag) -> Option<Section<'a>> {
        self.iter().find(|section| section.view.tag == tag)
    }

    /// The section's bytes; none if the section is absent.
    pub fn bytes(&self, tag: Tag) -> &'a [u8] {
        self.find(tag).map_or(&[], |section| section.bytes)
    }

    pub fn required(&self, tag: Tag) -> Result<&'a [u8]> {
        self.find(tag)
            .map(|section| section.bytes)
            .ok_or_else(|| FormatError::new(Place::Section(tag), FormatErrorKind::Missing))
    }
}

/// Header and sections of a file whose every checksum fits, content id included.
pub(crate) fn checked(file: &[u8]) -> Result<(&Header, Vec<Section<'_>>)> {
    let sections = Sections::parse(file, Accept::Image)?;
    sections.check_all()?;
    Ok((sections.header, sections.iter().collect()))
}

fn check_entry(index: u32, entry: &SectionRecord) -> Result<()> {
    let at = |field| Place::Entry { index, field };
    let flags = entry.flags.get();
    if flags & !(REQUIRED | STRIPPABLE) != 0 {
        return Err(unexpected(flags, "known flags only", at("flags")));
    }
    let align = entry.align.get();
    if !align.is_power_of_two() || align > MAX_ALIGN {
        return Err(unexpected(
            align,
            "a power of two up to 4096",
            at("alignment"),
        ));
    }
    if entry.reserved.get() != 0 {
        return Err(unexpected(entry.reserved, "0", at("reserved")));
    }
    Ok(())
}

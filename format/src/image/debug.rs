//! Debug sections: positions, variable names, source texts.
//!
//! Lookups tolerate any bytes: what does not decode is unknown. A section is an array of
//! offsets, one more than it has entries, and the entries' bytes; offsets count from the first
//! entry. Its CRC is checked when it is first asked for.

use std::sync::OnceLock;

use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

use super::sections::{Accept, Section, Sections, check_crc};
use super::{CheckedImage, Place, field, unexpected};
use crate::error::{FormatError, FormatErrorKind, Result};
use crate::layout::{LINE, SRCS, Tag, VARS};
use crate::program::{FuncId, ModuleId, StrId};
use crate::varint;

/// A debug section that may be absent or damaged.
#[derive(Clone, Debug)]
struct DebugSection<'a> {
    section: Option<Section<'a>>,
    intact: OnceLock<bool>,
}

impl<'a> DebugSection<'a> {
    fn new(section: Option<Section<'a>>) -> DebugSection<'a> {
        DebugSection {
            section,
            intact: OnceLock::new(),
        }
    }

    fn check(&self) -> Result<()> {
        self.section.map_or(Ok(()), |section| {
            let place = Place::Section(section.view.tag);
            check_crc(section.bytes, section.view.crc, place)
        })
    }

    /// The bytes of an entry.
    fn entry(&self, index: u32) -> Option<&'a [u8]> {
        let section = self.section?;
        if !*self.intact.get_or_init(|| self.check().is_ok()) {
            return None;
        }
        let count = (section.view.count as usize).checked_add(1)?;
        let (offsets, bytes) = <[U32]>::ref_from_prefix_with_elems(section.bytes, count).ok()?;
        let start = offsets.get(index as usize)?.get() as usize;
        let end = offsets.get(index as usize + 1)?.get() as usize;
        bytes.get(start..end)
    }
}

/// What an image has of debug data, or was given.
#[derive(Clone, Debug)]
pub(super) struct DebugSections<'a> {
    lines: DebugSection<'a>,
    vars: DebugSection<'a>,
    sources: DebugSection<'a>,
}

impl<'a> DebugSections<'a> {
    pub fn new(sections: &Sections<'a>) -> DebugSections<'a> {
        let section = |tag| DebugSection::new(sections.find(tag));
        DebugSections {
            lines: section(LINE),
            vars: section(VARS),
            sources: section(SRCS),
        }
    }
}

/// Debug data that was split from an image, in a file of its own.
#[derive(Clone, Debug)]
pub struct DebugData<'a> {
    sections: Sections<'a>,
}

impl<'a> DebugData<'a> {
    /// Checks the header and the section table; the sections when they are used.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<DebugData<'a>> {
        let sections = Sections::parse(bytes, Accept::DebugData)?;
        Ok(DebugData { sections })
    }

    /// The content id of the image that it belongs to.
    pub fn content_id(&self) -> &'a [u8; 32] {
        &self.sections.header.content_id
    }
}

/// The first 16 digits of an id.
fn short(id: &[u8; 32]) -> String {
    id[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Steps through a line table: (code index, line, column), `None` at the end or at bytes that
/// do not decode.
struct Lines<'a> {
    rest: &'a [u8],
    last: (u32, u32, u32),
}

impl Iterator for Lines<'_> {
    type Item = (u32, u32, u32);

    fn next(&mut self) -> Option<(u32, u32, u32)> {
        if self.rest.is_empty() {
            return None;
        }
        let mut rest = self.rest;
        let (at, line, column) = self.last;
        let step = u32::try_from(varint::take(&mut rest)?).ok()?;
        let line_step = varint::take_signed(&mut rest)?;
        let column_step = varint::take_signed(&mut rest)?;
        let moved = |from: u32, by: i64| u32::try_from(i64::from(from).checked_add(by)?).ok();
        self.last = (
            at.checked_add(step)?,
            moved(line, line_step)?,
            moved(column, column_step)?,
        );
        self.rest = rest;
        Some(self.last)
    }
}

impl<'a> CheckedImage<'a> {
    /// Gives the image the debug data that was split from it, in place of its own.
    ///
    /// # Errors
    ///
    /// The debug data belongs to another image; then nothing changes.
    pub fn attach(&mut self, data: &DebugData<'a>) -> Result<()> {
        let header = data.sections.header;
        // The same code may come from sources whose lines lie elsewhere.
        let ids = [
            ("content id", &header.content_id, self.content_id()),
            ("build id", &header.build_id, self.build_id()),
        ];
        if let Some((what, found, expected)) = ids.into_iter().find(|(_, a, b)| a != b) {
            let kind = FormatErrorKind::OtherImage {
                what,
                found: short(found),
                expected: short(expected),
            };
            return Err(FormatError::new(Place::Header(what), kind));
        }
        self.debug = DebugSections::new(&data.sections);
        Ok(())
    }

    /// True if there is a line table, its own or one that was attached.
    pub fn has_positions(&self) -> bool {
        self.debug.lines.section.is_some()
    }

    /// Line and column, from 1, of the instruction at this index of a function's code.
    pub fn position(&self, func: FuncId, at: u32) -> Option<(u32, u32)> {
        let lines = self.line_steps(func)?;
        let last = lines.take_while(|(start, ..)| *start <= at).last();
        last.map(|(_, line, column)| (line, column))
    }

    /// A function's whole line table: (code index, line, column). `None` if there is none or
    /// it does not decode.
    pub fn lines(&self, func: FuncId) -> Option<Vec<(u32, u32, u32)>> {
        let mut steps = self.line_steps(func)?;
        let lines = steps.by_ref().collect();
        steps.rest.is_empty().then_some(lines)
    }

    fn line_steps(&self, func: FuncId) -> Option<Lines<'a>> {
        let rest = self.debug.lines.entry(func.0)?;
        let last = (0, 0, 0);
        Some(Lines { rest, last })
    }

    /// Name of the variable in a slot of a function.
    pub fn var_name(&self, func: FuncId, slot: u16) -> Option<&'a str> {
        let vars = self.vars(func)?;
        let (_, name) = vars.into_iter().find(|var| var.0 == slot)?;
        self.string(name).ok()
    }

    /// A function's variable names: (slot, name). `None` if there are none or they do not
    /// decode.
    pub fn vars(&self, func: FuncId) -> Option<Vec<(u16, StrId)>> {
        let mut rest = self.debug.vars.entry(func.0)?;
        let mut vars = Vec::new();
        while !rest.is_empty() {
            let slot = u16::try_from(varint::take(&mut rest)?).ok()?;
            let name = u32::try_from(varint::take(&mut rest)?).ok()?;
            vars.push((slot, StrId(name)));
        }
        Some(vars)
    }

    /// A module's source text, if the image keeps it.
    pub fn source(&self, module: ModuleId) -> Option<&'a str> {
        match self.debug.sources.entry(module.0)? {
            [1, text @ ..] => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// True if the image has this section.
    pub fn has_section(&self, tag: Tag) -> bool {
        self.sections.find(tag).is_some()
    }

    /// Bytes of a function's positions and names of variables, offsets included.
    pub(crate) fn debug_len(&self, id: FuncId) -> u64 {
        let sections = [&self.debug.lines, &self.debug.vars].into_iter();
        let len =
            |section: &DebugSection<'_>| section.entry(id.0).map(|bytes| bytes.len() as u64 + 4);
        sections.filter_map(len).sum()
    }

    /// Checks the CRC of each section, in file order.
    pub(crate) fn check_each(&self) -> impl Iterator<Item = (Tag, Result<()>)> + '_ {
        self.sections
            .iter()
            .map(|section| (section.view.tag, section.check()))
    }

    /// Checks the content id.
    pub(crate) fn check_content_id(&self) -> Result<()> {
        self.sections.check_content_id()
    }

    /// Checks every checksum now, those that [`CheckedImage::parse`] leaves for later too, and
    /// the content id.
    ///
    /// # Errors
    ///
    /// The first that does not fit.
    pub fn check_all(&self) -> Result<()> {
        self.sections.check_all()
    }

    /// Checks that line table and variable names of a function decode and make sense; lookups
    /// would take them for absent.
    pub(crate) fn check_debug_of(&self, id: FuncId) -> Result<()> {
        let len = self.func(id)?.code.len;
        if self.has_section(LINE) {
            let at = |name| field(LINE, id.0, name);
            let lines = self
                .lines(id)
                .ok_or_else(|| unexpected(id.0, "a line table that decodes", at("positions")))?;
            let is_ascending = lines.is_sorted_by(|one, two| one.0 < two.0);
            if let Some((last, ..)) = lines.last().filter(|last| !is_ascending || last.0 >= len) {
                let expected = "ascending indices inside the code";
                return Err(unexpected(*last, expected, at("code index")));
            }
        }
        if self.has_section(VARS) {
            let place = field(VARS, id.0, "names");
            let vars = self
                .vars(id)
                .ok_or_else(|| unexpected(id.0, "slots and names that decode", place))?;
            vars.iter()
                .try_for_each(|var| self.string(var.1).map(drop))?;
        }
        Ok(())
    }

    /// Checks that a module's source, if kept, is text.
    pub(crate) fn check_source_of(&self, id: ModuleId) -> Result<()> {
        if !self.has_section(SRCS) {
            return Ok(());
        }
        let place = field(SRCS, id.0, "text");
        match self.debug.sources.entry(id.0) {
            Some([]) => Ok(()),
            Some(_) if self.source(id).is_some() => Ok(()),
            _ => Err(unexpected(id.0, "nothing, or 1 and UTF-8", place)),
        }
    }
}

//! Debug sections: line tables, variable names, source texts.

use zerocopy::IntoBytes;
use zerocopy::little_endian::U32;

use super::container::Part;
use super::{existing, field, inconsistent, limited};
use crate::error::{Place, Result};
use crate::layout::{LINE, SRCS, Tag, VARS};
use crate::program::{Func, Module, Program};
use crate::varint::{put, put_signed};

/// Offsets, one more than there are blobs, then the blobs.
pub(super) fn blobs<T: AsRef<[u8]>>(
    tag: Tag,
    blobs: impl ExactSizeIterator<Item = T>,
) -> Result<Vec<u8>> {
    let mut offsets = Vec::with_capacity(blobs.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(U32::ZERO);
    for blob in blobs {
        bytes.extend_from_slice(blob.as_ref());
        let end = limited(bytes.len(), u32::MAX, Place::Section(tag))?;
        offsets.push(U32::new(end));
    }
    let mut section = offsets.as_bytes().to_vec();
    section.extend_from_slice(&bytes);
    Ok(section)
}

/// The section, if any blob has content.
fn part(tag: Tag, blobs: Vec<Vec<u8>>) -> Result<Option<Part<'static>>> {
    if blobs.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let count = blobs.len();
    let bytes = self::blobs(tag, blobs.into_iter())?;
    Ok(Some(Part::new(tag, count, bytes)))
}

pub(super) fn lines(funcs: &[Func]) -> Result<Option<Part<'static>>> {
    let tables = funcs.iter().enumerate();
    part(
        LINE,
        tables
            .map(|(index, func)| line_table(index, func))
            .collect::<Result<_>>()?,
    )
}

/// Each position as the difference from the one before: code index, line, column.
fn line_table(index: usize, func: &Func) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut last = (0, 0, 0);
    for &(at, line, column) in &func.lines {
        let is_ascending = out.is_empty() || at > last.0;
        if !is_ascending || at as usize >= func.code.len() {
            let place = field(LINE, index, "code index");
            let expected = "ascending indices inside the code";
            return Err(inconsistent(at, expected, place));
        }
        put(&mut out, u64::from(at - last.0));
        put_signed(&mut out, i64::from(line) - i64::from(last.1));
        put_signed(&mut out, i64::from(column) - i64::from(last.2));
        last = (at, line, column);
    }
    Ok(out)
}

pub(super) fn vars(program: &Program) -> Result<Option<Part<'static>>> {
    let names = |(index, func): (usize, &Func)| {
        let mut out = Vec::new();
        for &(slot, name) in &func.vars {
            let place = field(VARS, index, "name");
            put(&mut out, slot.into());
            put(
                &mut out,
                existing(name.0, program.strings.len(), place)?.into(),
            );
        }
        Ok(out)
    };
    part(
        VARS,
        program
            .funcs
            .iter()
            .enumerate()
            .map(names)
            .collect::<Result<_>>()?,
    )
}

/// A byte 1 and the text; nothing for modules without.
pub(super) fn sources(modules: &[Module]) -> Result<Option<Part<'static>>> {
    let text = |module: &Module| match &module.source {
        Some(text) => [&[1], text.as_bytes()].concat(),
        None => Vec::new(),
    };
    part(SRCS, modules.iter().map(text).collect())
}

//! What a byte of an image is: section, record, function, instruction, field.

use std::fmt::Write;

use serde::Serialize;

use super::constant::{describe_constant, describe_entry};
use super::disasm::disassemble_in;
use super::paint::Paint;
use crate::image::{CheckedImage, FuncView, ListOwner, Run, SectionView};
use crate::layout::{self, *};
use crate::ops::Insn;
use crate::program::{ConstId, FuncId, StrId, TableId};

/// Owners of shared bytes that are named; more are counted.
const OWNERS: usize = 4;

/// What a byte is, from the outside to the inside: name and value of each level.
#[derive(Clone, Serialize, Debug, PartialEq, Eq)]
pub struct Location {
    /// The byte's offset in the file.
    pub offset: u64,
    /// Section, record, field and so on.
    pub facts: Vec<(&'static str, String)>,
}

/// A field of a record: name, offset and bytes.
type Field = (&'static str, usize, usize);

const HEADER_FIELDS: &[Field] = &[
    ("magic", 0, 8),
    ("header length", 8, 4),
    ("major version", 12, 2),
    ("minor version", 14, 2),
    ("flags", 16, 4),
    ("section count", 20, 2),
    ("entry size", 22, 2),
    ("file length", 24, 8),
    ("table offset", 32, 4),
    ("table CRC", 36, 4),
    ("ABI fingerprint", 40, 16),
    ("content id", 56, 32),
    ("build id", 88, 32),
    ("reserved", 120, 4),
    ("header CRC", 124, 4),
];

const ENTRY_FIELDS: &[Field] = &[
    ("kind", 0, 4),
    ("flags", 4, 4),
    ("offset", 8, 8),
    ("length", 16, 8),
    ("count", 24, 4),
    ("alignment", 28, 4),
    ("CRC", 32, 4),
    ("reserved", 36, 4),
];

/// Fields of the records of a section that is an array of them; none for single words.
fn fields(tag: Tag) -> &'static [Field] {
    match tag {
        CNST => &[
            ("tag", 0, 1),
            ("flags", 1, 1),
            ("depth", 2, 1),
            ("zero", 3, 1),
            ("first word", 4, 4),
            ("second word", 8, 4),
            ("third word", 12, 4),
        ],
        TABL => &[
            ("kind", 0, 1),
            ("zero", 1, 1),
            ("arguments", 2, 2),
            ("value", 4, 4),
        ],
        FUNC => &[
            ("name", 0, 4),
            ("code start", 4, 4),
            ("code length", 8, 4),
            ("code CRC", 12, 4),
            ("window", 16, 4),
            ("parameters start", 20, 4),
            ("extra", 24, 4),
            ("line", 28, 4),
            ("column", 32, 2),
            ("module", 34, 2),
            ("frame size", 36, 2),
            ("parameters", 38, 2),
            ("required", 40, 2),
            ("kind", 42, 1),
            ("flags", 43, 1),
        ],
        XTRA => &[
            ("captures start", 0, 4),
            ("handlers start", 4, 4),
            ("captures", 8, 2),
            ("handlers", 10, 2),
            ("intent", 12, 4),
            ("examples", 16, 4),
            ("column", 20, 4),
        ],
        EXCP => &[
            ("start", 0, 4),
            ("end", 4, 4),
            ("target", 8, 4),
            ("slot", 12, 2),
            ("finally", 14, 2),
        ],
        TYPE => &[("function", 0, 4), ("check", 4, 4)],
        MODS => &[("name", 0, 4), ("init", 4, 4)],
        IMPT => &[("path", 0, 4), ("interface", 4, 32)],
        EXPT => &[("name", 0, 4), ("description", 4, 4), ("entry", 8, 4)],
        SIGN => &[("algorithm", 0, 4), ("key", 4, 32), ("signature", 36, 64)],
        layout::CODE => &[
            ("opcode", 0, 1),
            ("operand x", 1, 1),
            ("operand a", 2, 2),
            ("operand b", 4, 2),
            ("operand c", 6, 2),
        ],
        _ => &[],
    }
}

/// The field at an offset of a record, with its value if it is a number.
fn field_at(fields: &[Field], record: &[u8], at: usize) -> Option<String> {
    let (name, start, len) = fields
        .iter()
        .find(|(_, start, len)| (*start..start + len).contains(&at))?;
    let bytes = record.get(*start..start + len)?;
    let mut text = (*name).to_owned();
    // writing to a string cannot fail
    if *len > 1 {
        let _ = write!(text, ", byte {} of {len}", at - start);
    }
    if *len <= 8 {
        let value = bytes
            .iter()
            .rev()
            .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let _ = write!(text, ": {value} ({value:#x})");
    }
    Some(text)
}

/// Tells what the byte at an offset of the file is; `None` behind its end.
pub fn locate(image: &CheckedImage<'_>, offset: u64) -> Option<Location> {
    let byte = *image.bytes().get(usize::try_from(offset).ok()?)?;
    let mut facts = vec![("byte", format!("{byte:#04x}"))];
    let header = size_of::<Header>() as u64;
    let entry = size_of::<SectionRecord>() as u64;
    let sections: Vec<SectionView> = image.sections().collect();
    if offset < header {
        facts.push(("part", "header".into()));
        let record = &image.bytes()[..header as usize];
        let field = field_at(HEADER_FIELDS, record, offset as usize);
        facts.extend(field.map(|field| ("field", field)));
    } else if let Some(section) = sections.get(((offset - header) / entry) as usize) {
        let index = (offset - header) / entry;
        facts.push((
            "part",
            format!("section table, entry {index}: {}", section.tag),
        ));
        let start = (header + index * entry) as usize;
        let record = &image.bytes()[start..start + entry as usize];
        let field = field_at(ENTRY_FIELDS, record, offset as usize - start);
        facts.extend(field.map(|field| ("field", field)));
    } else {
        let inside = |section: &&SectionView| {
            (section.offset..section.offset + section.length).contains(&offset)
        };
        match sections.iter().find(inside) {
            Some(section) => in_section(image, section, offset - section.offset, &mut facts),
            None => facts.push(("part", "padding between sections".into())),
        }
    }
    Some(Location { offset, facts })
}

fn in_section(
    image: &CheckedImage<'_>,
    section: &SectionView,
    at: u64,
    facts: &mut Vec<(&'static str, String)>,
) {
    let known = SECTIONS.into_iter().find(|known| known.0 == section.tag);
    let width = known.map_or(0, |known| known.1 as u64);
    let name = format!("{}, byte {at} of {}", section.tag, section.length);
    facts.push(("section", name));
    if width == 0 {
        return match section.tag {
            STRS | LINE | VARS | SRCS => in_blobs(image, section, at, facts),
            META => facts.push(("content", "options and other facts".into())),
            _ => facts.push(("content", "unknown to this version".into())),
        };
    }
    let index = (at / width) as u32;
    facts.push(("record", format!("{index} of {}", section.count)));
    described(image, section.tag, index, facts);
    let start = (section.offset + u64::from(index) * width) as usize;
    let record = &image.bytes()[start..start + width as usize];
    let field = field_at(fields(section.tag), record, (at % width) as usize);
    facts.extend(field.map(|field| ("field", field)));
    if width == 4 {
        let word = u32::from_le_bytes(record.try_into().unwrap_or_default());
        facts.push(("word", format!("{word} ({word:#x})")));
    }
}

fn func_name(image: &CheckedImage<'_>, view: &FuncView) -> String {
    let text = |id| image.string(id).unwrap_or("?").escape_debug().to_string();
    let modules = image.modules();
    let module = modules
        .get(view.module.index())
        .map(|module| text(module.name));
    let name = match text(view.name) {
        name if name.is_empty() => "(anonymous)".to_owned(),
        name => name,
    };
    let (line, column) = view.place;
    format!(
        "{} {name} ({}:{line}:{column})",
        view.id,
        module.unwrap_or_default()
    )
}

/// The functions that a record belongs to.
fn owners(
    image: &CheckedImage<'_>,
    run: impl Fn(&FuncView) -> Run,
    index: u32,
    facts: &mut Vec<(&'static str, String)>,
) -> Option<FuncView> {
    let views = (0..image.func_count() as u32).filter_map(|id| image.func(FuncId(id)).ok());
    let contains = |view: &FuncView| {
        let run = run(view);
        run.start <= index && index - run.start < run.len
    };
    let found: Vec<FuncView> = views.filter(contains).collect();
    for view in found.iter().take(OWNERS) {
        facts.push(("function", func_name(image, view)));
    }
    if found.len() > OWNERS {
        facts.push(("function", format!("and {} more", found.len() - OWNERS)));
    }
    found.first().copied()
}

/// What a record stands for.
fn described(
    image: &CheckedImage<'_>,
    tag: Tag,
    index: u32,
    facts: &mut Vec<(&'static str, String)>,
) {
    let text = |id| image.string(id).unwrap_or("?").escape_debug().to_string();
    match tag {
        CNST => {
            let id = ConstId(index);
            facts.push(("constant", format!("{id} {}", describe_constant(image, id))));
        }
        TABL => {
            let id = TableId(index);
            let entry = match image.table_entry(id) {
                Ok(entry) => describe_entry(image, &entry),
                Err(error) => format!("!! {error}"),
            };
            facts.push(("table word", format!("{id} {entry}")));
        }
        FUNC => match image.func(FuncId(index)) {
            Ok(view) => facts.push(("function", func_name(image, &view))),
            Err(error) => facts.push(("function", format!("!! {error}"))),
        },
        XTRA => {
            owners(image, |view| image.extra_run(view), index, facts);
        }
        PARM => {
            owners(image, |view| view.params, index, facts);
        }
        CAPT => {
            owners(image, |view| view.captures, index, facts);
        }
        EXCP => {
            owners(image, |view| view.handlers, index, facts);
        }
        layout::CODE => {
            let owner = owners(image, |view| view.code, index, facts);
            let Some(view) = owner else { return };
            let at = index - view.code.start;
            let word = image
                .code(&view)
                .ok()
                .and_then(|code| code.get(at as usize));
            let Some(word) = word else { return };
            let line = disassemble_in(image, &view, at, *word);
            let effect = Insn::decode(*word).map(|insn| insn.op.info().effect);
            facts.push(("instruction", format!("@{at:x} {line}")));
            facts.extend(effect.map(|effect| ("effect", effect.to_owned())));
            let place = image.position(view.id, at);
            facts.extend(place.map(|(line, column)| ("source", format!("{line}:{column}"))));
        }
        LIST => {
            let owner = image.list_owner(index);
            facts.extend(owner.map(|owner| match owner {
                ListOwner::Const(id) => {
                    ("constant", format!("{id} {}", describe_constant(image, id)))
                }
                ListOwner::Entry(id) => ("table word", id.to_string()),
            }));
        }
        MODS => {
            let module = image.modules().get(index as usize).copied();
            facts.extend(module.map(|view| ("module", format!("{} {}", view.id, text(view.name)))));
        }
        IMPT => {
            let imports = image.imports().unwrap_or_default();
            let import = imports.get(index as usize);
            facts.extend(import.map(|view| ("import", view.path.escape_debug().to_string())));
        }
        EXPT => {
            let exports = image.exports().unwrap_or_default();
            let export = exports.get(index as usize);
            facts.extend(export.map(|view| ("export", view.name.escape_debug().to_string())));
        }
        _ => {}
    }
}

/// Sections that begin with offsets of what follows.
fn in_blobs(
    image: &CheckedImage<'_>,
    section: &SectionView,
    at: u64,
    facts: &mut Vec<(&'static str, String)>,
) {
    let start = section.offset as usize;
    let bytes = &image.bytes()[start..start + section.length as usize];
    let offset = |index: u64| {
        let at = usize::try_from(index * 4).ok()?;
        let word = bytes.get(at..at + 4)?;
        Some(u64::from(u32::from_le_bytes(word.try_into().ok()?)))
    };
    let head = (u64::from(section.count) + 1) * 4;
    let index = if at < head {
        let index = at / 4;
        let value = offset(index).unwrap_or(0);
        facts.push((
            "field",
            format!("offset {index}, byte {} of 4: {value} ({value:#x})", at % 4),
        ));
        index
    } else {
        // The last entry that starts at or before the byte; offsets ascend in honest images.
        let (mut low, mut high) = (0, u64::from(section.count));
        while low + 1 < high {
            let middle = (low + high) / 2;
            match offset(middle).is_some_and(|start| start <= at - head) {
                true => low = middle,
                false => high = middle,
            }
        }
        let inside = (at - head).saturating_sub(offset(low).unwrap_or(0));
        facts.push(("content", format!("byte {inside} of entry {low}")));
        low
    };
    if index >= u64::from(section.count) {
        return facts.push(("content", "the end of the last entry".into()));
    }
    let id = index as u32;
    match section.tag {
        STRS => {
            let text = image.string(StrId(id)).unwrap_or("?");
            let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
            facts.push(("string", format!("{} \"{shown}\"", StrId(id))));
        }
        LINE | VARS => {
            let what = if section.tag == LINE {
                "positions of"
            } else {
                "variables of"
            };
            let view = image.func(FuncId(id));
            facts.extend(view.ok().map(|view| (what, func_name(image, &view))));
        }
        _ => {
            let modules = image.modules();
            let name = modules
                .get(id as usize)
                .and_then(|m| image.string(m.name).ok());
            facts.extend(name.map(|name| ("source of", name.escape_debug().to_string())));
        }
    }
}

/// A location as text for people.
pub fn render_location(location: &Location, colour: bool) -> String {
    let paint = Paint { colour };
    let head = format!("offset {} ({:#x})", location.offset, location.offset);
    let mut out = paint.title(head) + "\n";
    for (name, value) in &location.facts {
        // writing to a string cannot fail
        let _ = writeln!(out, "  {name:<13} {value}");
    }
    out
}

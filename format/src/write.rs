//! Program → bytes. The same program and options give the same bytes everywhere.
//!
//! The writer reports what exceeds a limit or contradicts itself; it does not verify code.
//! Functions with the same instructions share one code range.

mod constants;
pub(crate) mod container;
mod debug;

use std::borrow::Cow;
use std::collections::HashMap;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{Immutable, IntoBytes};

use crate::error::{FormatError, FormatErrorKind, Place, Result};
use crate::image::{CheckedImage, sections_of};
use crate::layout::{self, *};
use crate::limits::{MAX_CODE, MAX_IMPORTS, MAX_MODULES, MAX_PER_FUNC, MAX_STRINGS};
use crate::meta::{self, Meta};
use crate::ops::MAX_FRAME;
use crate::program::{
    Capture, ConstId, Export, Func, FuncKind, Import, Module, ParamKind, Program, StrId, TableEntry,
};
use crate::version::{DEBUG_MAGIC, MAGIC};
use container::Part;

/// What goes into an image besides the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WriteOptions {
    /// Leave out positions, variable names and sources.
    pub strip: bool,
    /// Keep source texts, of modules that have one.
    pub sources: bool,
}

/// The image of a program.
///
/// # Errors
///
/// The program exceeds a limit, or refers to what it does not have.
///
/// # Example
///
/// ```
/// use gene_format::{image::CheckedImage, program::Program, write::{WriteOptions, write_image}};
/// let bytes = write_image(&Program::default(), &WriteOptions::default()).unwrap();
/// assert_eq!(&bytes[1..4], b"GIR");
/// ```
pub fn write_image(program: &Program, options: &WriteOptions) -> Result<Vec<u8>> {
    let mut writer = Writer {
        program,
        lists: Vec::new(),
        code: Vec::new(),
        params: Vec::new(),
        captures: Vec::new(),
        handlers: Vec::new(),
        extras: Vec::new(),
    };
    let meta = writer.meta()?;
    let strings = writer.strings()?;
    let consts = constants::records(&mut writer)?;
    let table = writer.table()?;
    let funcs = writer.funcs()?;
    let modules = writer.modules()?;
    let imports = writer.imports()?;
    let exports = writer.exports()?;
    let results = writer.results()?;
    let mut parts = vec![
        Part::new(META, 1, meta),
        Part::new(STRS, program.strings.len(), strings),
        Part::records(CNST, &consts),
        Part::records(LIST, &writer.lists),
        Part::records(TABL, &table),
        Part::records(FUNC, &funcs),
        Part::records(XTRA, &writer.extras),
        Part::records(PARM, &writer.params),
        Part::records(CAPT, &writer.captures),
        Part::records(EXCP, &writer.handlers),
        Part::records(TYPE, &results),
        Part::records(MODS, &modules),
        Part::records(IMPT, &imports),
        Part::records(EXPT, &exports),
        Part::records(layout::CODE, &writer.code),
    ];
    let mut flags = 0;
    if options.strip {
        flags |= STRIPPED;
    } else {
        parts.extend(debug::lines(&program.funcs)?);
        parts.extend(debug::vars(program)?);
        if options.sources {
            parts.extend(debug::sources(&program.modules)?);
        }
    }
    parts.retain(|part| part.tag == META || part.count > 0);
    if program.needs_eval.is_some() {
        flags |= NEEDS_EVAL;
    }
    let content = container::content_id(&parts);
    let build = build_id(&parts[0].bytes, &content, &program.source_hash);
    container::assemble(MAGIC, &parts, flags, &content, &build)
}

/// The image without positions, variable names and sources; its content id stays. A signature goes
/// too: it vouched for another image.
///
/// # Errors
///
/// The image is damaged. Every checksum is checked, so that damage is not sealed anew.
pub fn strip(bytes: &[u8]) -> Result<Vec<u8>> {
    split_debug(bytes).map(|(image, _)| image)
}

/// The image as [`strip`] makes it, and a file with what was removed, if there was anything:
/// [`DebugData`](crate::image::DebugData) reads it.
///
/// # Errors
///
/// As [`strip`].
pub fn split_debug(bytes: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    let (header, sections) = sections_of(bytes)?;
    let parts = sections.iter().map(|section| section.part());
    let parts = parts.filter(|part| part.tag != SIGN);
    let (debug, parts): (Vec<Part<'_>>, Vec<Part<'_>>) =
        parts.partition(|part| part.flags & STRIPPABLE != 0);
    let flags = header.flags.get() & !(HAS_DEBUG | SIGNED) | STRIPPED;
    let (content, build) = (&header.content_id, &header.build_id);
    let image = container::assemble(MAGIC, &parts, flags, content, build)?;
    let debug = match debug.is_empty() {
        true => None,
        false => Some(container::assemble(DEBUG_MAGIC, &debug, 0, content, build)?),
    };
    Ok((image, debug))
}

/// Hash of all source texts of a program, in the order of its modules; where one ends counts.
pub fn source_hash<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    *hasher.finalize().as_bytes()
}

/// True if an image was compiled from exactly these texts, in the order of its modules.
pub fn is_compiled_from<'t>(
    image: &CheckedImage<'_>,
    texts: impl IntoIterator<Item = &'t [u8]>,
) -> bool {
    let hash = source_hash(texts);
    *image.build_id() == build_id(image.meta_bytes(), image.content_id(), &hash)
}

/// Hash of sources, options and content.
fn build_id(meta: &[u8], content: &[u8; 32], source_hash: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(meta);
    add(content);
    add(source_hash);
    *hasher.finalize().as_bytes()
}

/// Where a record's field is going to be.
fn field(section: Tag, index: usize, field: &'static str) -> Place {
    Place::Record {
        section,
        index: index as u32,
        field,
    }
}

/// The number as 32 bits, if it is not above the limit.
fn limited(found: usize, max: u32, place: Place) -> Result<u32> {
    if found as u64 <= u64::from(max) {
        return Ok(found as u32);
    }
    let found = found as u64;
    let max = max.into();
    Err(FormatError::new(
        place,
        FormatErrorKind::Limit { found, max },
    ))
}

#[cold]
fn inconsistent(found: u32, expected: &'static str, place: Place) -> FormatError {
    let found = found.into();
    FormatError::new(place, FormatErrorKind::Inconsistent { found, expected })
}

/// The index, if it is below the count of what it points into.
fn existing(index: u32, count: usize, place: Place) -> Result<u32> {
    if (index as usize) < count {
        return Ok(index);
    }
    Err(inconsistent(
        index,
        "the index of something that exists",
        place,
    ))
}

/// Sections in the making.
struct Writer<'p> {
    program: &'p Program,
    lists: Vec<U32>,
    code: Vec<u64>,
    params: Vec<U32>,
    captures: Vec<U32>,
    handlers: Vec<HandlerRecord>,
    extras: Vec<ExtraRecord>,
}

impl<'p> Writer<'p> {
    fn string(&self, id: StrId, place: Place) -> Result<u32> {
        existing(id.0, self.program.strings.len(), place)
    }

    /// Appends words to LIST and gives their start.
    fn list(&mut self, words: impl IntoIterator<Item = u32>) -> Result<u32> {
        let start = limited(self.lists.len(), u32::MAX, Place::Section(LIST))?;
        self.lists.extend(words.into_iter().map(U32::new));
        Ok(start)
    }

    fn meta(&self) -> Result<Vec<u8>> {
        let pair = |(name, value): &'p (String, String)| (name.as_str(), value.as_str());
        meta::encode(&Meta {
            pairs: self.program.meta.iter().map(pair).collect(),
            needs_eval: self.program.needs_eval.as_deref(),
        })
    }

    fn strings(&self) -> Result<Vec<u8>> {
        let strings = &self.program.strings;
        limited(strings.len(), MAX_STRINGS, Place::Section(STRS))?;
        debug::blobs(STRS, strings.iter().map(|text| text.as_bytes()))
    }

    fn table(&mut self) -> Result<Vec<TableRecord>> {
        let entries = &self.program.table;
        limited(entries.len(), u32::MAX, Place::Section(TABL))?;
        let mut records = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let rest = &entries[index + 1..];
            let words = rest.get(..entry.words() - 1).unwrap_or(&[]);
            let is_whole = words.len() == entry.words() - 1;
            if !is_whole || words.iter().any(|word| *word != TableEntry::Rest) {
                let place = field(TABL, index, "following words");
                let expected = "rest entries up to the entry's size";
                return Err(inconsistent(words.len() as u32, expected, place));
            }
            let record = self.table_record(index, entry)?;
            records.push(record);
        }
        Ok(records)
    }

    fn table_record(&mut self, index: usize, entry: &TableEntry) -> Result<TableRecord> {
        let place = field(TABL, index, "value");
        let program = self.program;
        let (kind, argc, value) = match *entry {
            TableEntry::Const(id) => (
                entry::CONST,
                0,
                existing(id.0, program.consts.len(), place)?,
            ),
            TableEntry::Global { name, func: None } => {
                (entry::GLOBAL, 0, self.string(name, place)?)
            }
            TableEntry::Global {
                name,
                func: Some(func),
            } => {
                let name = self.string(name, place)?;
                let func = existing(func.0, program.funcs.len(), place)?;
                (entry::GLOBAL_FUNC, 0, self.list([name, func])?)
            }
            TableEntry::Shared { name, func } => {
                let name = self.string(name, place)?;
                let func = func.map(|func| existing(func.0, program.funcs.len(), place));
                let func = func.transpose()?.map_or(0, |func| func + 1);
                (entry::SHARED, 0, self.list([name, func])?)
            }
            TableEntry::Import { import, name } => {
                let import = existing(import, program.imports.len(), place)?;
                let name = self.string(name, place)?;
                (entry::IMPORT, 0, self.list([import, name])?)
            }
            TableEntry::Builtin(name) => (entry::BUILTIN, 0, self.string(name, place)?),
            TableEntry::Func(id) => (entry::FUNC, 0, existing(id.0, program.funcs.len(), place)?),
            TableEntry::Field(name) => (entry::FIELD, 0, self.string(name, place)?),
            TableEntry::Store(name) => (entry::STORE, 0, self.string(name, place)?),
            TableEntry::Method { name, argc, keys } => {
                if argc == 0 {
                    let place = field(TABL, index, "arguments");
                    return Err(inconsistent(0, "at least the receiver", place));
                }
                let kind = match keys {
                    Some(_) => entry::METHOD_KW,
                    None => entry::METHOD,
                };
                (kind, argc, self.string(name, place)?)
            }
            TableEntry::Name(name) => (entry::NAME, 0, self.string(name, place)?),
            TableEntry::Rest => (entry::REST, 0, self.rest_value(index)?),
        };
        Ok(TableRecord {
            kind,
            zero: 0,
            argc: argc.into(),
            value: value.into(),
        })
    }

    /// The word after a method entry keeps its key names.
    fn rest_value(&self, index: usize) -> Result<u32> {
        let before = index.checked_sub(1).map(|at| &self.program.table[at]);
        match before {
            Some(TableEntry::Method {
                keys: Some(keys), ..
            }) => {
                let place = field(TABL, index, "key names");
                existing(keys.0, self.program.consts.len(), place)
            }
            _ => Ok(0),
        }
    }

    fn funcs(&mut self) -> Result<Vec<FuncRecord>> {
        let funcs = &self.program.funcs;
        limited(funcs.len(), u32::MAX, Place::Section(FUNC))?;
        let mut codes = HashMap::with_capacity(funcs.len());
        let mut lists = HashMap::new();
        let mut records = Vec::with_capacity(funcs.len());
        for (index, func) in funcs.iter().enumerate() {
            let (code_start, code_crc) = match codes.get(func.code.as_slice()) {
                Some(shared) => *shared,
                None => {
                    let start = self.code.len() as u32;
                    self.code.extend_from_slice(&func.code);
                    let placed = (start, crc32fast::hash(func.code.as_bytes()));
                    codes.insert(func.code.as_slice(), placed);
                    placed
                }
            };
            limited(self.code.len(), u32::MAX / 8, Place::Section(layout::CODE))?;
            let params_start = self.params(index, func, &mut lists)?;
            let record = self.func_record(index, func)?;
            records.push(FuncRecord {
                code_start: code_start.into(),
                code_crc: code_crc.into(),
                params_start: params_start.into(),
                ..record
            });
        }
        Ok(records)
    }

    /// The record without what is shared with other functions.
    fn func_record(&mut self, index: usize, func: &Func) -> Result<FuncRecord> {
        let at = |name| field(FUNC, index, name);
        let program = self.program;
        let module = existing(func.module.0, program.modules.len(), at("module"))?;
        let window = existing(func.window.0, program.table.len() + 1, at("window"))?;
        let code_len = limited(func.code.len(), MAX_CODE, at("code length"))?;
        limited(func.frame_size.into(), MAX_FRAME as u32, at("frame size"))?;
        let is = |kind| move |param: &&crate::program::Param| param.kind == kind;
        let required = func.params.iter().filter(is(ParamKind::Required)).count();
        let optional = func.params.iter().filter(is(ParamKind::Optional)).count();
        let bits = [
            (GENERATOR, func.generator),
            (ASYNC, func.is_async),
            (MACRO, func.is_macro),
            (POSITIONAL, required + optional == func.params.len()),
        ];
        let set = bits.into_iter().filter(|(_, is_set)| *is_set);
        let column = u16::try_from(func.place.1).unwrap_or(COLUMN_IN_EXTRA);
        Ok(FuncRecord {
            name: self.string(func.name, at("name"))?.into(),
            code_start: U32::ZERO,
            code_len: code_len.into(),
            code_crc: U32::ZERO,
            window: window.into(),
            params_start: U32::ZERO,
            extra: self.extra(index, func)?.into(),
            line: func.place.0.into(),
            column: column.into(),
            module: (module as u16).into(),
            frame_size: func.frame_size.into(),
            params_len: (func.params.len() as u16).into(),
            required: (required as u16).into(),
            kind: func.kind as u8,
            flags: set.map(|(bit, _)| bit).sum(),
        })
    }

    /// Functions with the same parameters share their words.
    fn params(
        &mut self,
        index: usize,
        func: &Func,
        lists: &mut HashMap<Vec<u32>, u32>,
    ) -> Result<u32> {
        let place = field(FUNC, index, "parameters");
        limited(func.params.len(), MAX_PER_FUNC, place)?;
        let word = |param: &crate::program::Param| {
            let name = self.string(param.name, place)?;
            Ok(name | (param.kind as u32) << PARAM_KIND_SHIFT)
        };
        let words: Vec<u32> = func.params.iter().map(word).collect::<Result<_>>()?;
        if words.is_empty() {
            return Ok(0);
        }
        if let Some(start) = lists.get(&words) {
            return Ok(*start);
        }
        let start = limited(self.params.len(), u32::MAX, Place::Section(PARM))?;
        self.params.extend(words.iter().copied().map(U32::new));
        lists.insert(words, start);
        Ok(start)
    }

    /// Index plus 1 of the record with what few functions have; 0 if there is nothing.
    fn extra(&mut self, index: usize, func: &Func) -> Result<u32> {
        let is_wide = func.place.1 >= COLUMN_IN_EXTRA.into();
        let is_plain = func.captures.is_empty()
            && func.handlers.is_empty()
            && func.intent.is_none()
            && func.examples.is_none();
        if is_plain && !is_wide {
            return Ok(0);
        }
        let at = |name| field(FUNC, index, name);
        let captures_len = limited(func.captures.len(), MAX_PER_FUNC, at("captures"))?;
        let handlers_len = limited(func.handlers.len(), MAX_PER_FUNC, at("handlers"))?;
        let intent = func.intent.map(|id| self.string(id, at("intent")));
        let consts = self.program.consts.len();
        let examples = func
            .examples
            .map(|id| existing(id.0, consts, at("examples")));
        let captures_start = limited(self.captures.len(), u32::MAX, Place::Section(CAPT))?;
        let handlers_start = limited(self.handlers.len(), u32::MAX, Place::Section(EXCP))?;
        self.captures.extend(func.captures.iter().map(capture_word));
        self.handlers
            .extend(func.handlers.iter().map(handler_record));
        self.extras.push(ExtraRecord {
            captures_start: captures_start.into(),
            handlers_start: handlers_start.into(),
            captures_len: U16::new(captures_len as u16),
            handlers_len: U16::new(handlers_len as u16),
            intent: intent.transpose()?.map_or(0, |id| id + 1).into(),
            examples: examples.transpose()?.map_or(0, |id| id + 1).into(),
            column: if is_wide { func.place.1 } else { 0 }.into(),
        });
        limited(self.extras.len(), u32::MAX, Place::Section(XTRA))
    }

    fn modules(&self) -> Result<Vec<ModuleRecord>> {
        let modules = &self.program.modules;
        limited(modules.len(), MAX_MODULES, Place::Section(MODS))?;
        let record = |(index, module): (usize, &Module)| {
            let place = field(MODS, index, "init");
            let init = existing(module.init.0, self.program.funcs.len(), place)?;
            let kind = self.program.funcs[init as usize].kind;
            if kind != FuncKind::Module {
                let expected = "a function of kind module (4)";
                return Err(inconsistent(kind as u32, expected, place));
            }
            Ok(ModuleRecord {
                name: self.string(module.name, field(MODS, index, "name"))?.into(),
                init: init.into(),
            })
        };
        modules.iter().enumerate().map(record).collect()
    }

    fn imports(&self) -> Result<Vec<ImportRecord>> {
        let imports = &self.program.imports;
        limited(imports.len(), MAX_IMPORTS, Place::Section(IMPT))?;
        let record = |(index, import): (usize, &Import)| {
            Ok(ImportRecord {
                path: self.string(import.path, field(IMPT, index, "path"))?.into(),
                interface: import.interface,
            })
        };
        imports.iter().enumerate().map(record).collect()
    }

    /// The types of results, by function.
    fn results(&self) -> Result<Vec<ResultRecord>> {
        let consts = self.program.consts.len();
        let typed = (0..).zip(&self.program.funcs);
        let typed = typed.filter_map(|(index, func)| Some((index, func.result?)));
        let record = |(index, check): (u32, ConstId)| {
            let place = field(FUNC, index as usize, "result");
            Ok(ResultRecord {
                func: index.into(),
                check: existing(check.0, consts, place)?.into(),
            })
        };
        typed.map(record).collect()
    }

    fn exports(&self) -> Result<Vec<ExportRecord>> {
        let exports = &self.program.exports;
        limited(exports.len(), u32::MAX, Place::Section(EXPT))?;
        let record = |(index, export): (usize, &Export)| {
            let at = |name| field(EXPT, index, name);
            let words = self.program.table.len();
            let entry = export.entry.map(|id| existing(id.0, words, at("entry")));
            Ok(ExportRecord {
                name: self.string(export.name, at("name"))?.into(),
                description: self.string(export.description, at("description"))?.into(),
                entry: entry.transpose()?.map_or(0, |id| id + 1).into(),
            })
        };
        exports.iter().enumerate().map(record).collect()
    }
}

fn capture_word(capture: &Capture) -> U32 {
    U32::new(match *capture {
        Capture::Slot(slot) => slot.into(),
        Capture::Outer(index) => u32::from(index) | CAPTURE_OUTER,
    })
}

fn handler_record(handler: &crate::program::Handler) -> HandlerRecord {
    HandlerRecord {
        start: handler.start.into(),
        end: handler.end.into(),
        target: handler.target.into(),
        slot: handler.slot.into(),
        cleanup: u16::from(handler.cleanup).into(),
    }
}

impl<'a> Part<'a> {
    fn new(tag: Tag, count: usize, bytes: Vec<u8>) -> Part<'a> {
        let known = SECTIONS.into_iter().find(|known| known.0 == tag);
        Part {
            tag,
            flags: known.map_or(REQUIRED, |known| known.2),
            count: count as u32,
            align: ALIGN,
            bytes: Cow::Owned(bytes),
        }
    }

    fn records<T: IntoBytes + Immutable>(tag: Tag, records: &'a [T]) -> Part<'a> {
        Part {
            bytes: Cow::Borrowed(records.as_bytes()),
            ..Part::new(tag, records.len(), Vec::new())
        }
    }
}

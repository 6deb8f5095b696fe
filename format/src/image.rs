//! Bytes → [`CheckedImage`]: header, section table and metadata checked, records decoded one at
//! a time when they are asked for.
//!
//! Nothing here executes or trusts code: `verify.rs` makes the tokens that may run. Every
//! accessor checks what it returns (indices, ranges, kinds), so hostile bytes give an error.
//! [`CheckedImage::parse`] touches the bytes of metadata sections once, for their CRC, and
//! neither CODE nor debug sections.

pub(crate) mod constants;
mod debug;
mod links;
mod sections;

use std::fmt;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::error::{FormatError, FormatErrorKind, Place, Result};
use crate::layout::{self, *};
use crate::limits::MAX_CODE;
use crate::meta::{self, Meta};
use crate::program::{
    Capture, ConstId, FuncId, FuncKind, Handler, ModuleId, Param, ParamKind, StrId, TableEntry,
    TableId,
};
pub use constants::ConstKind;
pub(crate) use constants::ListOwner;
pub use debug::DebugData;
use debug::DebugSections;
pub use links::{ExportView, ImportView};
pub(crate) use sections::checked as sections_of;
pub use sections::intact_header;
use sections::{Accept, Sections};

/// An image whose header, section table and metadata are intact.
///
/// # Example
///
/// ```
/// use gene_format::image::CheckedImage;
/// assert!(CheckedImage::parse(b"(println 1)").is_err());
/// ```
#[derive(Clone)]
pub struct CheckedImage<'a> {
    sections: Sections<'a>,
    meta: Meta<'a>,
    string_offsets: &'a [U32],
    strings: &'a [u8],
    consts: &'a [ConstRecord],
    lists: &'a [U32],
    table: &'a [TableRecord],
    funcs: &'a [FuncRecord],
    extras: &'a [ExtraRecord],
    params: &'a [U32],
    captures: &'a [U32],
    handlers: &'a [HandlerRecord],
    modules: &'a [ModuleRecord],
    imports: &'a [ImportRecord],
    exports: &'a [ExportRecord],
    results: &'a [ResultRecord],
    code: &'a [u64],
    debug: DebugSections<'a>,
}

impl fmt::Debug for CheckedImage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedImage")
            .field("bytes", &self.bytes().len())
            .field("modules", &self.module_count())
            .field("funcs", &self.func_count())
            .finish_non_exhaustive()
    }
}

/// A run of records: first index and number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// Index of the first.
    pub start: u32,
    /// How many.
    pub len: u32,
}

impl Run {
    fn of<T>(self, records: &[T]) -> Option<&[T]> {
        let start = self.start as usize;
        records.get(start..start.checked_add(self.len as usize)?)
    }
}

/// What an image says about a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FuncView {
    /// The function.
    pub id: FuncId,
    /// Name; empty for anonymous functions.
    pub name: StrId,
    /// Module it belongs to.
    pub module: ModuleId,
    /// Kind.
    pub kind: FuncKind,
    /// Calls make a generator.
    pub generator: bool,
    /// Calls give a future.
    pub is_async: bool,
    /// Receives its arguments as data.
    pub is_macro: bool,
    /// Parameters, each with a slot; without the receiver.
    pub nparams: u16,
    /// Number of parameters if all are required or optional by position, else `None`.
    pub arity: Option<u16>,
    /// How many of the parameters are required by position.
    pub required: u16,
    /// Slots of the frame.
    pub frame_size: u16,
    /// First table word its `c` operands count from.
    pub window: TableId,
    /// Words in CODE.
    pub code: Run,
    /// CRC32 of these words, checked by `verify_func`.
    pub code_crc: u32,
    /// Words in PARM.
    pub params: Run,
    /// Words in CAPT.
    pub captures: Run,
    /// Records in EXCP.
    pub handlers: Run,
    /// `^intent`.
    pub intent: Option<StrId>,
    /// `^examples`.
    pub examples: Option<ConstId>,
    /// Line and column of the definition, from 1; 0 unknown.
    pub place: (u32, u32),
}

impl FuncView {
    /// The receiver's slot: 1 for methods and constructors, else 0.
    pub fn receiver_slots(&self) -> usize {
        matches!(self.kind, FuncKind::Method | FuncKind::Ctor) as usize
    }
}

/// What an image says about a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModuleView {
    /// The module.
    pub id: ModuleId,
    /// Its path.
    pub name: StrId,
    /// Its body.
    pub init: FuncId,
}

/// What the section table says about a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SectionView {
    /// Kind.
    pub tag: Tag,
    /// [`REQUIRED`], [`STRIPPABLE`].
    pub flags: u32,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
    /// Records.
    pub count: u32,
    /// Alignment in bytes.
    pub align: u32,
    /// CRC32 of its bytes.
    pub crc: u32,
}

/// Where a record's field is.
fn field(section: Tag, index: u32, field: &'static str) -> Place {
    Place::Record {
        section,
        index,
        field,
    }
}

/// An error unless `found < limit`.
fn below(found: impl Into<u64>, limit: usize, place: Place) -> Result<()> {
    let (found, limit) = (found.into(), limit as u64);
    if found < limit {
        return Ok(());
    }
    Err(FormatError::new(
        place,
        FormatErrorKind::Range { found, limit },
    ))
}

#[cold]
fn unexpected(found: impl Into<u64>, expected: &'static str, place: Place) -> FormatError {
    let found = found.into();
    FormatError::new(place, FormatErrorKind::Value { found, expected })
}

fn records<T: FromBytes + Immutable + KnownLayout + Unaligned>(
    bytes: &[u8],
    tag: Tag,
) -> Result<&[T]> {
    <[T]>::ref_from_bytes(bytes).map_err(|_| {
        let expected = "a whole number of records";
        unexpected(bytes.len() as u64, expected, Place::Section(tag))
    })
}

fn code_words(bytes: &[u8]) -> Result<&[u64]> {
    if bytes.is_empty() {
        return Ok(&[]); // no section, no address
    }
    if !(bytes.as_ptr() as usize).is_multiple_of(8) {
        return Err(FormatError::new(
            Place::Section(layout::CODE),
            FormatErrorKind::Unaligned,
        ));
    }
    <[u64]>::ref_from_bytes(bytes).map_err(|_| {
        let expected = "a whole number of words";
        unexpected(bytes.len() as u64, expected, Place::Section(layout::CODE))
    })
}

impl<'a> CheckedImage<'a> {
    /// Checks header, section table, padding and the CRC of every section except CODE (checked
    /// per function when it is verified) and debug sections (checked when first asked for).
    ///
    /// # Errors
    ///
    /// The first thing that is wrong. `bytes` must lie at an address that is a multiple of 8.
    pub fn parse(bytes: &'a [u8]) -> Result<CheckedImage<'a>> {
        CheckedImage::new(Sections::parse(bytes, Accept::Image)?)
    }

    /// As [`CheckedImage::parse`], also for images of another ABI fingerprint: made by an earlier
    /// build with other instructions. They can be looked at, but no function of theirs verifies.
    ///
    /// # Errors
    ///
    /// As [`CheckedImage::parse`].
    pub fn inspect(bytes: &'a [u8]) -> Result<CheckedImage<'a>> {
        CheckedImage::new(Sections::parse(bytes, Accept::AnyImage)?)
    }

    fn new(sections: Sections<'a>) -> Result<CheckedImage<'a>> {
        let meta = meta::decode(sections.required(META)?)?;
        let (string_offsets, strings) = split_strings(&sections)?;
        let image = CheckedImage {
            meta,
            string_offsets,
            strings,
            consts: records(sections.bytes(CNST), CNST)?,
            lists: records(sections.bytes(LIST), LIST)?,
            table: records(sections.bytes(TABL), TABL)?,
            funcs: records(sections.bytes(FUNC), FUNC)?,
            extras: records(sections.bytes(XTRA), XTRA)?,
            params: records(sections.bytes(PARM), PARM)?,
            captures: records(sections.bytes(CAPT), CAPT)?,
            handlers: records(sections.bytes(EXCP), EXCP)?,
            results: records(sections.bytes(TYPE), TYPE)?,
            modules: records(sections.bytes(MODS), MODS)?,
            imports: records(sections.bytes(IMPT), IMPT)?,
            exports: records(sections.bytes(EXPT), EXPT)?,
            code: code_words(sections.bytes(layout::CODE))?,
            debug: DebugSections::new(&sections),
            sections,
        };
        image.check_flags()?;
        image.check_modules()?;
        Ok(image)
    }

    fn check_flags(&self) -> Result<()> {
        let flagged = self.sections.header.flags.get() & NEEDS_EVAL != 0;
        if flagged != self.meta.needs_eval.is_some() {
            let expected = "the flag needs-eval exactly if META names the form";
            return Err(unexpected(flagged, expected, Place::Header("flags")));
        }
        Ok(())
    }

    /// Modules are few, so that they are checked whole: names exist, bodies are module bodies.
    fn check_modules(&self) -> Result<()> {
        below(
            self.modules.len() as u64,
            crate::limits::MAX_MODULES as usize + 1,
            Place::Section(MODS),
        )?;
        for (index, module) in (0..).zip(self.modules) {
            below(module.name, self.string_count(), field(MODS, index, "name"))?;
            let place = field(MODS, index, "init");
            below(module.init, self.func_count(), place)?;
            let kind = self.funcs[module.init.get() as usize].kind;
            if kind != FuncKind::Module as u8 {
                return Err(unexpected(kind, "a function of kind module (4)", place));
            }
        }
        Ok(())
    }

    /// Number of functions.
    pub fn func_count(&self) -> usize {
        self.funcs.len()
    }

    /// Number of constants.
    pub fn const_count(&self) -> usize {
        self.consts.len()
    }

    /// Words of the module table.
    pub fn table_len(&self) -> usize {
        self.table.len()
    }

    /// Number of strings.
    pub fn string_count(&self) -> usize {
        self.string_offsets.len().saturating_sub(1)
    }

    /// Number of modules.
    pub fn module_count(&self) -> usize {
        self.modules.len()
    }

    /// The header.
    pub fn header(&self) -> &'a Header {
        self.sections.header
    }

    /// What the section table says, in file order; unknown optional sections included.
    pub fn sections(&self) -> impl Iterator<Item = SectionView> + '_ {
        self.sections.entries.iter().map(sections::view)
    }

    /// True if the image has this build's ABI fingerprint, as every image from
    /// [`CheckedImage::parse`] has.
    pub fn is_executable(&self) -> bool {
        self.sections.header.abi == layout::abi()
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> &'a [u8] {
        self.sections.file
    }

    /// The bytes of a section, if there is one of this kind.
    #[cfg(feature = "signatures")]
    pub(crate) fn section_bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        self.sections.find(tag).map(|section| section.bytes)
    }

    /// The sections as a writer places them.
    #[cfg(feature = "signatures")]
    pub(crate) fn parts(&self) -> impl Iterator<Item = crate::write::container::Part<'a>> + '_ {
        self.sections.iter().map(|section| section.part())
    }

    /// True if debug data was removed.
    pub fn is_stripped(&self) -> bool {
        self.sections.header.flags.get() & STRIPPED != 0
    }

    /// Hash of what is not debug data: equal for images that behave the same.
    pub fn content_id(&self) -> &'a [u8; 32] {
        &self.sections.header.content_id
    }

    /// Hash of sources, options and content.
    pub fn build_id(&self) -> &'a [u8; 32] {
        &self.sections.header.build_id
    }

    /// The first form that needs a compiler at run time, as `file:line:col: form`.
    pub fn needs_eval(&self) -> Option<&'a str> {
        self.meta.needs_eval
    }

    /// Options and other facts, in order.
    ///
    /// # Errors
    ///
    /// None today: META is decoded by [`CheckedImage::parse`].
    pub fn meta(&self) -> Result<Vec<(String, String)>> {
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Ok(self.meta.pairs.iter().map(own).collect())
    }

    /// The bytes of META.
    pub(crate) fn meta_bytes(&self) -> &'a [u8] {
        self.sections.bytes(META)
    }

    /// A string.
    ///
    /// # Errors
    ///
    /// There is no such string, or its bytes are not UTF-8.
    pub fn string(&self, id: StrId) -> Result<&'a str> {
        let place = field(STRS, id.0, "offset");
        below(id.0, self.string_count(), place)?;
        let start = self.string_offsets[id.index()].get() as usize;
        let end = self.string_offsets[id.index() + 1].get() as usize;
        let bytes = self.strings.get(start..end).ok_or_else(|| {
            unexpected(
                start as u64,
                "a start not after the end, inside the section",
                place,
            )
        })?;
        std::str::from_utf8(bytes)
            .map_err(|_| FormatError::new(field(STRS, id.0, "text"), FormatErrorKind::Utf8))
    }

    /// A function's record.
    ///
    /// # Errors
    ///
    /// There is no such function, or its record points outside the image.
    pub fn func(&self, id: FuncId) -> Result<FuncView> {
        let at = |name| field(FUNC, id.0, name);
        below(id.0, self.funcs.len(), at("index"))?;
        let record = &self.funcs[id.index()];
        below(record.name, self.string_count(), at("name"))?;
        below(record.module, self.modules.len(), at("module"))?;
        below(record.window, self.table.len() + 1, at("window"))?;
        below(record.code_len, MAX_CODE as usize + 1, at("code length"))?;
        if record.flags & !FUNC_FLAGS != 0 {
            return Err(unexpected(record.flags, "known flags only", at("flags")));
        }
        let code = Run {
            start: record.code_start.get(),
            len: record.code_len.get(),
        };
        check_run(code, self.code, at("code start"))?;
        let params = Run {
            start: record.params_start.get(),
            len: record.params_len.get().into(),
        };
        check_run(params, self.params, at("parameters"))?;
        let nparams = record.params_len.get();
        let column = record.column.get();
        let view = FuncView {
            id,
            name: StrId(record.name.get()),
            module: ModuleId(record.module.get().into()),
            kind: func_kind(record.kind, at("kind"))?,
            generator: record.flags & GENERATOR != 0,
            is_async: record.flags & ASYNC != 0,
            is_macro: record.flags & MACRO != 0,
            nparams,
            arity: (record.flags & POSITIONAL != 0).then_some(nparams),
            required: record.required.get(),
            frame_size: record.frame_size.get(),
            window: TableId(record.window.get()),
            code,
            code_crc: record.code_crc.get(),
            params,
            captures: Run::default(),
            handlers: Run::default(),
            intent: None,
            examples: None,
            place: (record.line.get(), column.into()),
        };
        match record.extra.get() {
            0 => Ok(view),
            extra => self.with_extra(view, extra - 1, column == COLUMN_IN_EXTRA),
        }
    }

    /// The record in XTRA that belongs to a function, if any.
    pub(crate) fn extra_run(&self, func: &FuncView) -> Run {
        match self.funcs[func.id.index()].extra.get() {
            0 => Run::default(),
            extra => Run {
                start: extra - 1,
                len: 1,
            },
        }
    }

    fn with_extra(&self, mut view: FuncView, index: u32, column: bool) -> Result<FuncView> {
        below(
            index,
            self.extras.len(),
            field(FUNC, view.id.0, "extra record"),
        )?;
        let extra = &self.extras[index as usize];
        let at = |name| field(XTRA, index, name);
        view.captures = Run {
            start: extra.captures_start.get(),
            len: extra.captures_len.get().into(),
        };
        check_run(view.captures, self.captures, at("captures"))?;
        view.handlers = Run {
            start: extra.handlers_start.get(),
            len: extra.handlers_len.get().into(),
        };
        check_run(view.handlers, self.handlers, at("handlers"))?;
        if let Some(intent) = extra.intent.get().checked_sub(1) {
            below(intent, self.string_count(), at("intent"))?;
            view.intent = Some(StrId(intent));
        }
        if let Some(examples) = extra.examples.get().checked_sub(1) {
            below(examples, self.consts.len(), at("examples"))?;
            view.examples = Some(ConstId(examples));
        }
        if column {
            view.place.1 = extra.column.get();
        }
        Ok(view)
    }

    /// The type of a function's results, a type check, if it has one.
    ///
    /// # Errors
    ///
    /// Its record names what does not exist or is no type check.
    pub fn result_type(&self, func: FuncId) -> Result<Option<ConstId>> {
        let found = self
            .results
            .binary_search_by_key(&func.0, |one| one.func.get());
        found.map_or(Ok(None), |index| self.result_check(index).map(Some))
    }

    fn result_check(&self, index: usize) -> Result<ConstId> {
        let (check, place) = (
            self.results[index].check.get(),
            field(TYPE, index as u32, "check"),
        );
        below(check, self.consts.len(), place)?;
        match self.const_kind(ConstId(check))? {
            ConstKind::Check => Ok(ConstId(check)),
            _ => Err(unexpected(check, "a constant that is a type check", place)),
        }
    }

    /// Checks the types of all functions' results.
    ///
    /// # Errors
    ///
    /// As [`CheckedImage::result_type`], and functions that do not ascend or do not exist.
    pub fn check_results(&self) -> Result<()> {
        let mut next = 0;
        for (index, record) in self.results.iter().enumerate() {
            let (func, place) = (record.func.get(), field(TYPE, index as u32, "function"));
            below(func, self.func_count(), place)?;
            if func < next {
                return Err(unexpected(func, "functions that ascend", place));
            }
            next = func + 1;
            self.result_check(index)?;
        }
        Ok(())
    }

    /// A function's parameters, in slot order.
    ///
    /// # Errors
    ///
    /// A parameter's kind or name does not exist.
    pub fn params(&self, func: &FuncView) -> Result<Vec<Param>> {
        let place = field(FUNC, func.id.0, "parameters");
        let words = check_run(func.params, self.params, place)?;
        let decode = |(index, word): (u32, &U32)| {
            let at = |name| field(PARM, index, name);
            let name = word.get() & PARAM_NAME;
            below(name, self.string_count(), at("name"))?;
            Ok(Param {
                name: StrId(name),
                kind: param_kind(word.get() >> PARAM_KIND_SHIFT, at("kind"))?,
            })
        };
        (func.params.start..).zip(words).map(decode).collect()
    }

    /// Where a function's captured values come from.
    ///
    /// # Errors
    ///
    /// A capture's word has unknown bits.
    pub fn captures(&self, func: &FuncView) -> Result<Vec<Capture>> {
        let place = field(FUNC, func.id.0, "captures");
        let words = check_run(func.captures, self.captures, place)?;
        let decode = |(index, word): (u32, &U32)| match word.get() {
            word if word < CAPTURE_OUTER => Ok(Capture::Slot(word as u16)),
            word if word < 2 * CAPTURE_OUTER => Ok(Capture::Outer(word as u16)),
            word => {
                let expected = "a slot, or a capture with bit 16";
                Err(unexpected(word, expected, field(CAPT, index, "source")))
            }
        };
        (func.captures.start..).zip(words).map(decode).collect()
    }

    /// A function's exception handlers, innermost first.
    ///
    /// # Errors
    ///
    /// A handler's flag is unknown.
    pub fn handlers(&self, func: &FuncView) -> Result<Vec<Handler>> {
        let place = field(FUNC, func.id.0, "handlers");
        let records = check_run(func.handlers, self.handlers, place)?;
        let decode = |(index, record): (u32, &HandlerRecord)| {
            let cleanup = record.cleanup.get();
            if cleanup > 1 {
                return Err(unexpected(cleanup, "0 or 1", field(EXCP, index, "cleanup")));
            }
            Ok(Handler {
                start: record.start.get(),
                end: record.end.get(),
                target: record.target.get(),
                slot: record.slot.get(),
                cleanup: cleanup == 1,
            })
        };
        (func.handlers.start..).zip(records).map(decode).collect()
    }

    /// A function's instruction words, in place. Their CRC is not checked here.
    ///
    /// # Errors
    ///
    /// The range lies outside CODE.
    pub fn code(&self, func: &FuncView) -> Result<&'a [u64]> {
        let code: &'a [u64] = self.code;
        func.code.of(code).ok_or_else(|| {
            let place = field(FUNC, func.id.0, "code start");
            unexpected(func.code.start, "a range inside CODE", place)
        })
    }

    /// One entry of the module table.
    ///
    /// # Errors
    ///
    /// There is no such entry, it refers to what does not exist, or the words that belong to
    /// it are not its own.
    pub fn table_entry(&self, id: TableId) -> Result<TableEntry> {
        let at = |name| field(TABL, id.0, name);
        below(id.0, self.table.len(), at("index"))?;
        let record = &self.table[id.index()];
        let value = record.value.get();
        let string = || below(value, self.string_count(), at("value")).map(|()| StrId(value));
        let result = match record.kind {
            entry::CONST => {
                below(value, self.consts.len(), at("value"))?;
                TableEntry::Const(ConstId(value))
            }
            entry::GLOBAL => TableEntry::Global {
                name: string()?,
                func: None,
            },
            entry::GLOBAL_FUNC => self.global_func(value, at("value"))?,
            entry::BUILTIN => TableEntry::Builtin(string()?),
            entry::FUNC => {
                below(value, self.funcs.len(), at("value"))?;
                TableEntry::Func(FuncId(value))
            }
            entry::FIELD => TableEntry::Field(string()?),
            entry::STORE => TableEntry::Store(string()?),
            entry::METHOD | entry::METHOD_KW => TableEntry::Method {
                name: string()?,
                argc: record.argc.get(),
                keys: self.method_keys(id)?,
            },
            entry::NAME => TableEntry::Name(string()?),
            entry::REST => TableEntry::Rest,
            entry::SHARED => self.shared(value, at("value"))?,
            entry::IMPORT => self.import_entry(value, at("value"))?,
            kind => return Err(unexpected(kind, "a kind of entry (0 to 12)", at("kind"))),
        };
        let is_method = matches!(result, TableEntry::Method { .. });
        if record.zero != 0 || is_method != (record.argc.get() != 0) {
            let expected = "arguments with the receiver for methods, else 0";
            return Err(unexpected(record.argc, expected, at("arguments")));
        }
        self.check_rest(id, result.words())?;
        Ok(result)
    }

    fn global_func(&self, start: u32, place: Place) -> Result<TableEntry> {
        let pair = Run { start, len: 2 };
        let words = check_run(pair, self.lists, place)?;
        below(words[0], self.string_count(), place)?;
        below(words[1], self.funcs.len(), place)?;
        Ok(TableEntry::Global {
            name: StrId(words[0].get()),
            func: Some(FuncId(words[1].get())),
        })
    }

    fn method_keys(&self, id: TableId) -> Result<Option<ConstId>> {
        if self.table[id.index()].kind == entry::METHOD {
            return Ok(None);
        }
        let place = field(TABL, id.0, "key names");
        let rest = self.table.get(id.index() + 1).map(|rest| rest.value.get());
        let keys = rest.unwrap_or(u32::MAX);
        below(keys, self.consts.len(), place)?;
        Ok(Some(ConstId(keys)))
    }

    /// The words after the first belong to this entry alone: caches write them.
    fn check_rest(&self, id: TableId, words: usize) -> Result<()> {
        for index in id.index() + 1..id.index() + words {
            let kind = self.table.get(index).map_or(u8::MAX, |rest| rest.kind);
            if kind != entry::REST {
                let place = field(TABL, id.0, "following words");
                return Err(unexpected(kind, "the kind rest (9)", place));
            }
        }
        Ok(())
    }

    /// The modules, in the order in which they are initialised; the last is the main module.
    pub fn modules(&self) -> Vec<ModuleView> {
        let view = |(id, module): (u32, &ModuleRecord)| ModuleView {
            id: ModuleId(id),
            name: StrId(module.name.get()),
            init: FuncId(module.init.get()),
        };
        (0..).zip(self.modules).map(view).collect()
    }
}

/// The records of a run.
fn check_run<T>(run: Run, records: &[T], place: Place) -> Result<&[T]> {
    run.of(records).ok_or_else(|| {
        let found = u64::from(run.start) + u64::from(run.len);
        let limit = records.len() as u64 + 1;
        FormatError::new(place, FormatErrorKind::Range { found, limit })
    })
}

/// STRS: offsets, one more than there are strings, then the texts; offsets count from the texts.
fn split_strings<'a>(sections: &Sections<'a>) -> Result<(&'a [U32], &'a [u8])> {
    let Some(found) = sections.find(STRS) else {
        return Ok((&[], &[]));
    };
    let count = found.view.count as usize;
    let offsets = <[U32]>::ref_from_prefix_with_elems(found.bytes, count.saturating_add(1));
    offsets.map_err(|_| {
        let found = found.view.count;
        unexpected(found, "an offset for each string", Place::Section(STRS))
    })
}

fn func_kind(kind: u8, place: Place) -> Result<FuncKind> {
    use FuncKind::*;
    let kinds = [Function, Method, Ctor, Block, Module, Thunk];
    let found = kinds.into_iter().find(|k| *k as u8 == kind);
    found.ok_or_else(|| unexpected(kind, "a kind of function (0 to 5)", place))
}

fn param_kind(kind: u32, place: Place) -> Result<ParamKind> {
    use ParamKind::*;
    let kinds = [Required, Optional, Rest, Key, OptionalKey, KeyRest];
    let found = kinds.into_iter().find(|k| *k as u32 == kind);
    found.ok_or_else(|| unexpected(kind, "a kind of parameter (0 to 5)", place))
}

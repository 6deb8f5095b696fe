//! What a listing shows, gathered from an image.

use serde::Serialize;

use super::constant::{describe_constant, describe_entry};
use super::disasm::disassemble_in;
use super::text::Listing;
use crate::error::Result;
use crate::image::{CheckedImage, FuncView};
use crate::layout::*;
use crate::program::{Capture, ConstId, FuncId, ModuleId, StrId, TableId};

/// A part of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// How much there is of everything.
    Summary,
    /// The section table.
    Sections,
    /// Functions, a line each.
    Functions,
    /// Strings.
    Strings,
    /// Constants.
    Constants,
}

/// Which part of an image to gather.
#[derive(Clone, Default, Debug)]
pub struct Select {
    /// Only these parts; none: header, modules, functions with their code, constants, table.
    pub only: Vec<Part>,
    /// Source texts by module, where the image does not keep them.
    pub sources: Vec<String>,
    /// Only header, sections and META.
    pub header_only: bool,
    /// Only functions with this name, or the one with this id (`f3`).
    pub function: Option<String>,
}

/// An image's facts; the JSON listing is this structure.
#[derive(Clone, Serialize, Debug)]
pub struct Facts {
    /// Header fields.
    pub header: HeaderFacts,
    /// How much there is of everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<SummaryFacts>,
    /// Sections in file order.
    pub sections: Vec<SectionFacts>,
    /// META: names and values.
    pub meta: Vec<(String, String)>,
    /// First form that needs a compiler at run time.
    pub needs_eval: Option<String>,
    /// Modules in the order of initialisation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleFacts>,
    /// Images that it needs, in the order in which they are loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<ImportFacts>,
    /// What other images may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<InterfaceFacts>,
    /// Functions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FuncFacts>,
    /// Strings, if they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strings: Vec<String>,
    /// Constants, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constants: Vec<String>,
    /// Table words, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub table: Vec<String>,
}

/// The header.
#[derive(Clone, Serialize, Debug)]
pub struct HeaderFacts {
    /// Format version.
    pub version: String,
    /// Names of the set flags.
    pub flags: Vec<&'static str>,
    /// Bytes of the file.
    pub file_len: u64,
    /// ABI fingerprint, hexadecimal.
    pub abi: String,
    /// The fingerprint is another than this build's: the image shows, but does not run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// Content id, hexadecimal.
    pub content_id: String,
    /// Build id, hexadecimal.
    pub build_id: String,
}

/// How much there is of everything.
#[derive(Clone, Serialize, Debug)]
pub struct SummaryFacts {
    /// Modules.
    pub modules: usize,
    /// Functions.
    pub functions: usize,
    /// Words of CODE.
    pub code_words: u32,
    /// Constants.
    pub constants: usize,
    /// Words of the module table.
    pub table_words: usize,
    /// Strings.
    pub strings: usize,
    /// Images that it needs.
    pub imports: usize,
    /// Names that other images may use.
    pub exports: usize,
    /// Bytes of debug data.
    pub debug_bytes: u64,
}

/// A section.
#[derive(Clone, Serialize, Debug)]
pub struct SectionFacts {
    /// Kind.
    pub kind: String,
    /// Required.
    pub required: bool,
    /// Strippable.
    pub strippable: bool,
    /// Offset in bytes.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
    /// Records.
    pub count: u32,
    /// Alignment in bytes.
    pub align: u32,
    /// CRC32, hexadecimal.
    pub crc: String,
}

/// A module.
#[derive(Clone, Serialize, Debug)]
pub struct ModuleFacts {
    /// `m0` and so on.
    pub id: String,
    /// Path.
    pub name: String,
    /// Its body.
    pub init: String,
    /// Bytes of source text, if kept.
    pub source_len: Option<usize>,
}

/// An image that this one needs.
#[derive(Clone, Serialize, Debug)]
pub struct ImportFacts {
    /// Its file, relative to the folder of the main image.
    pub path: String,
    /// The interface that the code was compiled against, hexadecimal.
    pub interface: String,
}

/// What other images may use.
#[derive(Clone, Serialize, Debug)]
pub struct InterfaceFacts {
    /// Its hash, hexadecimal.
    pub hash: String,
    /// Exports, ascending by name.
    pub exports: Vec<ExportFacts>,
}

/// A name that other images may use; the empty name stands for the whole module.
#[derive(Clone, Serialize, Debug)]
pub struct ExportFacts {
    /// The name.
    pub name: String,
    /// What users of the name are compiled against.
    pub description: String,
    /// `t0` and so on.
    pub entry: Option<String>,
}

/// A function.
#[derive(Clone, Serialize, Default, Debug)]
pub struct FuncFacts {
    /// `f0` and so on.
    pub id: String,
    /// Why the rest is missing, if the record does not decode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Name; empty for anonymous functions.
    pub name: String,
    /// Path of its module.
    pub module: String,
    /// Kind.
    pub kind: String,
    /// `generator`, `async`, `macro`.
    pub flags: Vec<&'static str>,
    /// Line of the definition.
    pub line: u32,
    /// Column of the definition.
    pub column: u32,
    /// Parameters: kind and name.
    pub params: Vec<(String, String)>,
    /// Slots.
    pub frame_size: u16,
    /// First table word.
    pub window: String,
    /// First word in CODE.
    pub code_start: u32,
    /// Words.
    pub code_len: u32,
    /// CRC32 of the code, hexadecimal.
    pub code_crc: String,
    /// Captures: `r3` slots and `u3` captures of the maker.
    pub captures: Vec<String>,
    /// Exception handlers.
    pub handlers: Vec<HandlerFacts>,
    /// Type of the results.
    pub result: Option<String>,
    /// `^intent`.
    pub intent: Option<String>,
    /// `^examples`.
    pub examples: Option<String>,
    /// Variable names by slot.
    pub vars: Vec<(u16, String)>,
    /// Instructions.
    pub code: Vec<InsnFacts>,
}

/// An exception handler.
#[derive(Clone, Serialize, Debug)]
pub struct HandlerFacts {
    /// First covered word.
    pub start: u32,
    /// One past the last covered word.
    pub end: u32,
    /// Where to go on.
    pub target: u32,
    /// Slot of the exception.
    pub slot: u16,
    /// `finally`.
    pub cleanup: bool,
}

/// An instruction.
#[derive(Clone, Serialize, Debug)]
pub struct InsnFacts {
    /// Index in the function's code.
    pub at: u32,
    /// The word, hexadecimal.
    pub word: String,
    /// Mnemonic.
    pub op: &'static str,
    /// Operands.
    pub operands: String,
    /// What operands stand for.
    pub comment: String,
    /// Source line.
    pub line: Option<u32>,
    /// Source column.
    pub column: Option<u32>,
    /// Text of the source line, where it changes and the image keeps sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The functions with this name, or the one with this id (`f3`).
pub fn find_functions(image: &CheckedImage<'_>, name: &str) -> Vec<FuncId> {
    let is_wanted = |id: &FuncId| name == id.to_string() || is_named(image, *id, name);
    function_ids(image).filter(is_wanted).collect()
}

fn function_ids(image: &CheckedImage<'_>) -> impl Iterator<Item = FuncId> + use<> {
    (0..image.func_count() as u32).map(FuncId)
}

/// Gathers what is selected.
///
/// # Errors
///
/// None today beyond META's; records that do not decode stand as errors in their place.
pub fn gather(image: &CheckedImage<'_>, select: &Select) -> Result<Facts> {
    let mut facts = head(image, select)?;
    let ids = |count: usize| 0..count as u32;
    let has = |part| select.only.contains(&part);
    let is_whole = select.only.is_empty() && !select.header_only;
    let funcs = match &select.function {
        Some(name) => find_functions(image, name),
        None if is_whole || has(Part::Functions) => function_ids(image).collect(),
        None => Vec::new(),
    };
    let funcs = funcs.into_iter();
    facts.functions = funcs.map(|id| function(image, id, select)).collect();
    if select.function.is_some() {
        return Ok(facts);
    }
    if is_whole || has(Part::Constants) {
        let constants = ids(image.const_count());
        facts.constants = constants
            .map(|id| describe_constant(image, ConstId(id)))
            .collect();
    }
    if has(Part::Strings) {
        let strings = ids(image.string_count());
        facts.strings = strings.map(|id| string(image, StrId(id))).collect();
    }
    if is_whole {
        facts.table = ids(image.table_len())
            .map(|id| table_entry(image, TableId(id)))
            .collect();
    }
    Ok(facts)
}

/// Everything whose size does not grow with the program: header, sections, modules, links.
fn head(image: &CheckedImage<'_>, select: &Select) -> Result<Facts> {
    let mut facts = Facts {
        header: header(image),
        summary: select.only.contains(&Part::Summary).then(|| summary(image)),
        sections: image.sections().map(section).collect(),
        meta: image.meta()?,
        needs_eval: image.needs_eval().map(String::from),
        modules: Vec::new(),
        imports: Vec::new(),
        interface: None,
        functions: Vec::new(),
        strings: Vec::new(),
        constants: Vec::new(),
        table: Vec::new(),
    };
    if select.only.is_empty() && !select.header_only && select.function.is_none() {
        let modules = image.modules().into_iter();
        facts.modules = modules.map(|view| module(image, view)).collect();
        facts.imports = imports(image);
        facts.interface = interface(image);
    }
    Ok(facts)
}

/// Lines of constants, strings or table words in one piece of a listing.
const CHUNK: usize = 512;

/// The listing as text, piece by piece, so that a large one starts at once and may be left.
///
/// # Errors
///
/// As [`gather`].
pub fn pieces<'i>(
    image: &'i CheckedImage<'_>,
    select: &'i Select,
    colour: bool,
) -> Result<impl Iterator<Item = String> + 'i> {
    let text = Listing::new(select, colour);
    let has = move |part| select.only.contains(&part);
    let is_whole = select.only.is_empty() && !select.header_only;
    let head = text.head(&head(image, select)?, &select.only);
    let funcs = match &select.function {
        Some(name) => find_functions(image, name),
        None if is_whole || has(Part::Functions) => function_ids(image).collect(),
        None => Vec::new(),
    };
    let funcs = funcs.into_iter();
    let funcs = funcs.map(move |id| text.function(&function(image, id, select)));
    let is_whole = is_whole && select.function.is_none();
    let chunks = move |wanted: bool, count: usize| {
        let count = if wanted { count } else { 0 };
        (0..count)
            .step_by(CHUNK)
            .map(move |at| at..count.min(at + CHUNK))
    };
    let lines = move |title: &'static str,
                      sigil,
                      line: &dyn Fn(u32) -> String,
                      at: std::ops::Range<usize>| {
        let start = at.start;
        let lines: Vec<String> = at.map(|id| line(id as u32)).collect();
        text.lines(title, sigil, start, &lines)
    };
    let strings = chunks(has(Part::Strings), image.string_count());
    let strings = strings.map(move |at| lines("strings", 's', &|id| string(image, StrId(id)), at));
    let constants = chunks(is_whole || has(Part::Constants), image.const_count());
    let constants = constants.map(move |at| {
        lines(
            "constants",
            'k',
            &|id| describe_constant(image, ConstId(id)),
            at,
        )
    });
    let table = chunks(is_whole, image.table_len());
    let table = table.map(move |at| lines("table", 't', &|id| table_entry(image, TableId(id)), at));
    let head = std::iter::once(head);
    Ok(head
        .chain(funcs)
        .chain(strings)
        .chain(constants)
        .chain(table))
}

fn summary(image: &CheckedImage<'_>) -> SummaryFacts {
    let sections = || image.sections();
    let debug = sections().filter(|section| section.flags & STRIPPABLE != 0);
    let code = sections().find(|section| section.tag == crate::layout::CODE);
    SummaryFacts {
        modules: image.module_count(),
        functions: image.func_count(),
        code_words: code.map_or(0, |section| section.count),
        constants: image.const_count(),
        table_words: image.table_len(),
        strings: image.string_count(),
        imports: image.import_count(),
        exports: image.export_count(),
        debug_bytes: debug.map(|section| section.length).sum(),
    }
}

fn is_named(image: &CheckedImage<'_>, id: FuncId, name: &str) -> bool {
    image
        .func(id)
        .and_then(|view| image.string(view.name))
        .is_ok_and(|found| found == name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn header(image: &CheckedImage<'_>) -> HeaderFacts {
    let header = image.header();
    let flags = header.flags.get();
    let names = [
        (NEEDS_EVAL, "needs-eval"),
        (HAS_DEBUG, "has-debug"),
        (STRIPPED, "stripped"),
        (SIGNED, "signed"),
    ];
    HeaderFacts {
        version: format!("{}.{}", header.major, header.minor),
        flags: names
            .into_iter()
            .filter(|(bit, _)| flags & bit != 0)
            .map(|(_, name)| name)
            .collect(),
        file_len: header.file_len.get(),
        abi: hex(&header.abi),
        foreign: !image.is_executable(),
        content_id: hex(&header.content_id),
        build_id: hex(&header.build_id),
    }
}

fn section(view: crate::image::SectionView) -> SectionFacts {
    SectionFacts {
        kind: view.tag.to_string(),
        required: view.flags & REQUIRED != 0,
        strippable: view.flags & STRIPPABLE != 0,
        offset: view.offset,
        length: view.length,
        count: view.count,
        align: view.align,
        crc: format!("{:08x}", view.crc),
    }
}

fn module(image: &CheckedImage<'_>, view: crate::image::ModuleView) -> ModuleFacts {
    ModuleFacts {
        id: view.id.to_string(),
        name: string(image, view.name),
        init: view.init.to_string(),
        source_len: image.source(view.id).map(str::len),
    }
}

fn imports(image: &CheckedImage<'_>) -> Vec<ImportFacts> {
    let facts = |view: crate::image::ImportView<'_>| ImportFacts {
        path: view.path.escape_debug().to_string(),
        interface: hex(view.interface),
    };
    match image.imports() {
        Ok(views) => views.into_iter().map(facts).collect(),
        Err(error) => vec![ImportFacts {
            path: format!("!! {error}"),
            interface: String::new(),
        }],
    }
}

fn interface(image: &CheckedImage<'_>) -> Option<InterfaceFacts> {
    if image.export_count() == 0 {
        return None;
    }
    let facts = |view: crate::image::ExportView<'_>| ExportFacts {
        name: view.name.escape_debug().to_string(),
        description: view.description.escape_debug().to_string(),
        entry: view.entry.map(|id| id.to_string()),
    };
    Some(match (image.interface(), image.exports()) {
        (Ok(hash), Ok(exports)) => InterfaceFacts {
            hash: hex(&hash),
            exports: exports.into_iter().map(facts).collect(),
        },
        (Err(error), _) | (_, Err(error)) => InterfaceFacts {
            hash: format!("!! {error}"),
            exports: Vec::new(),
        },
    })
}

fn table_entry(image: &CheckedImage<'_>, id: TableId) -> String {
    match image.table_entry(id) {
        Ok(entry) => describe_entry(image, &entry),
        Err(error) => format!("!! {error}"),
    }
}

/// Text without control characters, which a terminal would obey.
fn string(image: &CheckedImage<'_>, id: StrId) -> String {
    match image.string(id) {
        Ok(text) => text.escape_debug().to_string(),
        Err(error) => format!("!! {error}"),
    }
}

pub(super) fn function(image: &CheckedImage<'_>, id: FuncId, select: &Select) -> FuncFacts {
    let facts = image
        .func(id)
        .and_then(|view| try_function(image, &view, select));
    facts.unwrap_or_else(|error| FuncFacts {
        id: id.to_string(),
        error: Some(error.to_string()),
        ..FuncFacts::default()
    })
}

fn try_function(image: &CheckedImage<'_>, view: &FuncView, select: &Select) -> Result<FuncFacts> {
    let params = image.params(view)?.into_iter();
    let captures = image.captures(view)?.into_iter();
    let handlers = image.handlers(view)?.into_iter();
    let vars = image.vars(view.id).unwrap_or_default().into_iter();
    let flags = [
        (view.generator, "generator"),
        (view.is_async, "async"),
        (view.is_macro, "macro"),
    ];
    let modules = image.modules();
    let path = modules.get(view.module.index()).map(|module| module.name);
    Ok(FuncFacts {
        id: view.id.to_string(),
        error: None,
        name: string(image, view.name),
        module: path.map_or(String::new(), |name| string(image, name)),
        kind: format!("{:?}", view.kind).to_lowercase(),
        flags: flags
            .into_iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, name)| name)
            .collect(),
        line: view.place.0,
        column: view.place.1,
        params: params
            .map(|param| (format!("{:?}", param.kind), string(image, param.name)))
            .collect(),
        frame_size: view.frame_size,
        window: view.window.to_string(),
        code_start: view.code.start,
        code_len: view.code.len,
        code_crc: format!("{:08x}", view.code_crc),
        captures: captures
            .map(|capture| match capture {
                Capture::Slot(slot) => format!("r{slot}"),
                Capture::Outer(index) => format!("u{index}"),
            })
            .collect(),
        handlers: handlers
            .map(|handler| HandlerFacts {
                start: handler.start,
                end: handler.end,
                target: handler.target,
                slot: handler.slot,
                cleanup: handler.cleanup,
            })
            .collect(),
        result: image
            .result_type(view.id)?
            .map(|id| describe_constant(image, id)),
        intent: view.intent.map(|id| string(image, id)),
        examples: view.examples.map(|id| describe_constant(image, id)),
        vars: vars
            .map(|(slot, name)| (slot, string(image, name)))
            .collect(),
        code: match select.only.is_empty() {
            true => code(image, view, select)?,
            false => Vec::new(),
        },
    })
}

fn code(image: &CheckedImage<'_>, view: &FuncView, select: &Select) -> Result<Vec<InsnFacts>> {
    let lines = image.lines(view.id).unwrap_or_default();
    let mut lines = lines.into_iter().peekable();
    let mut source = Source::new(image, view.module, select);
    let mut place: Option<(u32, u32)> = None;
    let mut insns = Vec::new();
    for (at, word) in (0..).zip(image.code(view)?) {
        let before = place.map(|(line, _)| line);
        while let Some((_, line, column)) = lines.next_if(|next| next.0 <= at) {
            place = Some((line, column));
        }
        let line = place.map(|(line, _)| line);
        let shown = disassemble_in(image, view, at, *word);
        insns.push(InsnFacts {
            at,
            word: format!("{word:016x}"),
            op: shown.mnemonic,
            operands: shown.operands,
            comment: shown.comment,
            line,
            column: place.map(|(_, column)| column),
            source: line
                .filter(|_| line != before)
                .and_then(|line| source.line(line)),
        });
    }
    Ok(insns)
}

/// A module's source.
struct Source<'a> {
    text: &'a str,
    /// The line that `rest` begins with, from 1.
    next: u32,
    rest: &'a str,
}

impl<'a> Source<'a> {
    fn new(image: &CheckedImage<'a>, module: ModuleId, select: &'a Select) -> Source<'a> {
        let given = select.sources.get(module.index()).map(String::as_str);
        let text = image.source(module).or(given).unwrap_or_default();
        Source {
            text,
            next: 1,
            rest: text,
        }
    }

    /// A line; mostly one soon behind the last one.
    fn line(&mut self, line: u32) -> Option<String> {
        if line < self.next {
            (self.next, self.rest) = (1, self.text);
        }
        while self.next < line {
            self.rest = self.rest.split_once('\n')?.1;
            self.next += 1;
        }
        let found = self.rest.lines().next()?.trim();
        (!found.is_empty()).then(|| found.escape_debug().to_string())
    }
}

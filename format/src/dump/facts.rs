//! What a listing shows, gathered from an image.

use serde::Serialize;

use super::constant::{describe_constant, describe_entry};
use super::disasm::disassemble_in;
use crate::error::Result;
use crate::image::{CheckedImage, FuncView};
use crate::layout::*;
use crate::program::{Capture, ConstId, FuncId, ModuleId, StrId, TableId};

/// Which part of an image to gather.
#[derive(Clone, Default, Debug)]
pub struct Select {
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

/// Gathers what is selected.
///
/// # Errors
///
/// None today beyond META's; records that do not decode stand as errors in their place.
pub fn gather(image: &CheckedImage<'_>, select: &Select) -> Result<Facts> {
    let mut facts = Facts {
        header: header(image),
        sections: image.sections().map(section).collect(),
        meta: image.meta()?,
        needs_eval: image.needs_eval().map(String::from),
        modules: Vec::new(),
        imports: Vec::new(),
        interface: None,
        functions: Vec::new(),
        constants: Vec::new(),
        table: Vec::new(),
    };
    if select.header_only {
        return Ok(facts);
    }
    let ids = |count: usize| 0..count as u32;
    let wanted = |id: &FuncId| match &select.function {
        None => true,
        Some(name) => *name == id.to_string() || is_named(image, *id, name),
    };
    let funcs = ids(image.func_count()).map(FuncId).filter(wanted);
    facts.functions = funcs.map(|id| function(image, id)).collect();
    if select.function.is_some() {
        return Ok(facts);
    }
    facts.modules = image
        .modules()
        .into_iter()
        .map(|m| module(image, m))
        .collect();
    facts.imports = imports(image);
    facts.interface = interface(image);
    facts.constants = ids(image.const_count())
        .map(|id| describe_constant(image, ConstId(id)))
        .collect();
    facts.table = ids(image.table_len())
        .map(|id| table_entry(image, TableId(id)))
        .collect();
    Ok(facts)
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

fn function(image: &CheckedImage<'_>, id: FuncId) -> FuncFacts {
    let facts = image.func(id).and_then(|view| try_function(image, &view));
    facts.unwrap_or_else(|error| FuncFacts {
        id: id.to_string(),
        error: Some(error.to_string()),
        ..FuncFacts::default()
    })
}

fn try_function(image: &CheckedImage<'_>, view: &FuncView) -> Result<FuncFacts> {
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
        intent: view.intent.map(|id| string(image, id)),
        examples: view.examples.map(|id| describe_constant(image, id)),
        vars: vars
            .map(|(slot, name)| (slot, string(image, name)))
            .collect(),
        code: code(image, view)?,
    })
}

fn code(image: &CheckedImage<'_>, view: &FuncView) -> Result<Vec<InsnFacts>> {
    let lines = image.lines(view.id).unwrap_or_default();
    let mut lines = lines.into_iter().peekable();
    let source = Source::new(image, view.module);
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

/// A module's source, by line.
struct Source<'a>(Vec<&'a str>);

impl<'a> Source<'a> {
    fn new(image: &CheckedImage<'a>, module: ModuleId) -> Source<'a> {
        Source(
            image
                .source(module)
                .map_or(Vec::new(), |text| text.lines().collect()),
        )
    }

    fn line(&self, line: u32) -> Option<String> {
        let text = self.0.get((line as usize).checked_sub(1)?)?;
        Some(text.trim().escape_debug().to_string())
    }
}

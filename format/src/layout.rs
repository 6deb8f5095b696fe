//! Every record of the image as it lies on disk, with size and offset assertions.
//!
//! Little-endian, no relocations. Records need no alignment; CODE words do, so a machine of the
//! other byte order cannot execute in place and does not compile this crate.

use std::fmt;
use std::mem::{offset_of, size_of};
use std::sync::LazyLock;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::ops;
use crate::version::VALUE_ENCODING;

#[cfg(target_endian = "big")]
compile_error!("images are executed in place, which needs a little-endian machine");

/// Kind of a section: four ASCII letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tag(pub u32);

impl Tag {
    /// The tag with this name.
    pub const fn new(name: &[u8; 4]) -> Tag {
        Tag(u32::from_le_bytes(*name))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.to_le_bytes();
        match std::str::from_utf8(&bytes) {
            Ok(name) if bytes.iter().all(u8::is_ascii_graphic) => f.write_str(name),
            _ => write!(f, "{:08x}", self.0),
        }
    }
}

/// Options and other facts, and the form that needs a compiler.
pub const META: Tag = Tag::new(b"META");
/// Strings.
pub const STRS: Tag = Tag::new(b"STRS");
/// Constants.
pub const CNST: Tag = Tag::new(b"CNST");
/// Lists that constants and table entries point into.
pub const LIST: Tag = Tag::new(b"LIST");
/// Module table.
pub const TABL: Tag = Tag::new(b"TABL");
/// Functions.
pub const FUNC: Tag = Tag::new(b"FUNC");
/// What few functions have.
pub const XTRA: Tag = Tag::new(b"XTRA");
/// Parameters.
pub const PARM: Tag = Tag::new(b"PARM");
/// Captures.
pub const CAPT: Tag = Tag::new(b"CAPT");
/// Exception handlers.
pub const EXCP: Tag = Tag::new(b"EXCP");
/// Types of results.
pub const TYPE: Tag = Tag::new(b"TYPE");
/// Modules.
pub const MODS: Tag = Tag::new(b"MODS");
/// Other images that this one needs.
pub const IMPT: Tag = Tag::new(b"IMPT");
/// What other images may use.
pub const EXPT: Tag = Tag::new(b"EXPT");
/// Instruction words.
pub const CODE: Tag = Tag::new(b"CODE");
/// Line tables.
pub const LINE: Tag = Tag::new(b"LINE");
/// Variable names.
pub const VARS: Tag = Tag::new(b"VARS");
/// Source texts.
pub const SRCS: Tag = Tag::new(b"SRCS");
/// Who vouches for the image.
pub const SIGN: Tag = Tag::new(b"SIGN");

/// The sections this version knows, in file order: tag, size of a record in bytes (0: the
/// section is not a plain array), its flags.
pub const SECTIONS: [(Tag, usize, u32); 19] = [
    (META, 0, REQUIRED),
    (STRS, 0, REQUIRED),
    (CNST, size_of::<ConstRecord>(), REQUIRED),
    (LIST, 4, REQUIRED),
    (TABL, size_of::<TableRecord>(), REQUIRED),
    (FUNC, size_of::<FuncRecord>(), REQUIRED),
    (XTRA, size_of::<ExtraRecord>(), REQUIRED),
    (PARM, 4, REQUIRED),
    (CAPT, 4, REQUIRED),
    (EXCP, size_of::<HandlerRecord>(), REQUIRED),
    (TYPE, size_of::<ResultRecord>(), REQUIRED),
    (MODS, size_of::<ModuleRecord>(), REQUIRED),
    (IMPT, size_of::<ImportRecord>(), REQUIRED),
    (EXPT, size_of::<ExportRecord>(), REQUIRED),
    (CODE, 8, REQUIRED),
    (LINE, 0, STRIPPABLE),
    (VARS, 0, STRIPPABLE),
    (SRCS, 0, STRIPPABLE),
    (SIGN, size_of::<SignRecord>(), 0),
];

/// Alignment of every section the writer makes, in bytes.
pub const ALIGN: u32 = 8;

/// Header flag: some form needs a compiler at run time; META says which.
pub const NEEDS_EVAL: u32 = 1;
/// Header flag: there is debug data.
pub const HAS_DEBUG: u32 = 2;
/// Header flag: debug data was removed.
pub const STRIPPED: u32 = 4;
/// Header flag: there is a signature.
pub const SIGNED: u32 = 8;
/// All header flags of this version.
pub const HEADER_FLAGS: u32 = NEEDS_EVAL | HAS_DEBUG | STRIPPED | SIGNED;

/// Section flag: who does not know the kind must reject the image.
pub const REQUIRED: u32 = 1;
/// Section flag: debug data, not part of the content id.
pub const STRIPPABLE: u32 = 2;

/// The first 128 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct Header {
    /// [`crate::version::MAGIC`].
    pub magic: [u8; 8],
    /// Bytes of the header: 128.
    pub header_len: U32,
    /// Format version.
    pub major: U16,
    /// Format version.
    pub minor: U16,
    /// [`NEEDS_EVAL`] and so on.
    pub flags: U32,
    /// Entries of the section table.
    pub section_count: U16,
    /// Bytes of an entry: 40.
    pub entry_size: U16,
    /// Bytes of the file.
    pub file_len: U64,
    /// Offset of the section table, in bytes: 128.
    pub table_offset: U32,
    /// CRC32 of the section table.
    pub table_crc: U32,
    /// [`abi`].
    pub abi: [u8; 16],
    /// BLAKE3 of the sections that are not debug data.
    pub content_id: [u8; 32],
    /// BLAKE3 of sources, META and content id.
    pub build_id: [u8; 32],
    /// Zero.
    pub reserved: U32,
    /// CRC32 of the bytes before.
    pub header_crc: U32,
}

/// One entry of the section table.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct SectionRecord {
    /// Kind ([`Tag`]).
    pub tag: U32,
    /// [`REQUIRED`] or [`STRIPPABLE`].
    pub flags: U32,
    /// Offset in the file, in bytes.
    pub offset: U64,
    /// Length in bytes.
    pub length: U64,
    /// Records.
    pub count: U32,
    /// Alignment of the offset, in bytes.
    pub align: U32,
    /// CRC32 of the bytes.
    pub crc: U32,
    /// Zero.
    pub reserved: U32,
}

/// A signature.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct SignRecord {
    /// 1: Ed25519.
    pub algorithm: U32,
    /// The public key of whoever signed.
    pub key: [u8; 32],
    /// The signature.
    pub signature: [u8; 64],
}

/// A constant: what the words mean depends on the tag, see FORMAT.md.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug, Default)]
#[repr(C)]
pub struct ConstRecord {
    /// `TAG_*`.
    pub tag: u8,
    /// Flags of the tag.
    pub flags: u8,
    /// Levels below: 0 for leaves, else one more than the deepest child.
    pub depth: u8,
    /// Zero.
    pub zero: u8,
    /// First word: mostly a start in LIST.
    pub a: U32,
    /// Second word: mostly a length.
    pub b: U32,
    /// Third word: for containers, nodes of the tree.
    pub c: U32,
}

/// Tags of constants.
pub mod tag {
    #![allow(missing_docs)]
    pub const NIL: u8 = 0;
    pub const VOID: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const TRUE: u8 = 3;
    pub const NOT_FOUND: u8 = 4;
    pub const PLACEHOLDER: u8 = 5;
    pub const INT: u8 = 6;
    pub const FLOAT: u8 = 7;
    pub const CHAR: u8 = 8;
    pub const STR: u8 = 9;
    pub const SYMBOL: u8 = 10;
    pub const PATH: u8 = 11;
    pub const BYTES: u8 = 12;
    pub const ARRAY: u8 = 13;
    pub const MAP: u8 = 14;
    pub const HASH_MAP: u8 = 15;
    pub const GENE: u8 = 16;
    pub const QUOTE: u8 = 17;
    pub const UNQUOTE: u8 = 18;
    pub const REGEX: u8 = 19;
    pub const TEMPORAL: u8 = 20;
    pub const SELECTOR: u8 = 21;
    pub const KEYS: u8 = 22;
    pub const CHECK: u8 = 23;
}

/// Kinds of table entries.
pub mod entry {
    #![allow(missing_docs)]
    pub const CONST: u8 = 0;
    pub const GLOBAL: u8 = 1;
    /// A global that starts as a function; `value` points to name and function in LIST.
    pub const GLOBAL_FUNC: u8 = 2;
    pub const BUILTIN: u8 = 3;
    pub const FUNC: u8 = 4;
    pub const FIELD: u8 = 5;
    pub const METHOD: u8 = 6;
    /// A method cache with key names: the constant stands in the next record.
    pub const METHOD_KW: u8 = 7;
    pub const NAME: u8 = 8;
    pub const REST: u8 = 9;
    /// `value` points to name and function + 1 in LIST.
    pub const SHARED: u8 = 10;
    /// `value` points to import and name in LIST.
    pub const IMPORT: u8 = 11;
    pub const STORE: u8 = 12;
}

/// One word of the module table.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct TableRecord {
    /// [`entry`].
    pub kind: u8,
    /// Zero.
    pub zero: u8,
    /// Arguments of a method cache, with the receiver; else zero.
    pub argc: U16,
    /// String, constant, function or start in LIST, as the kind says.
    pub value: U32,
}

/// A function.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct FuncRecord {
    /// String.
    pub name: U32,
    /// First word in CODE.
    pub code_start: U32,
    /// Words.
    pub code_len: U32,
    /// CRC32 of the code.
    pub code_crc: U32,
    /// First table word its `c` operands count from.
    pub window: U32,
    /// First parameter in PARM.
    pub params_start: U32,
    /// Index in XTRA plus 1, or 0.
    pub extra: U32,
    /// Line of the definition, from 1; 0 unknown.
    pub line: U32,
    /// Column of the definition; [`COLUMN_IN_EXTRA`] if it does not fit.
    pub column: U16,
    /// Module.
    pub module: U16,
    /// Slots of the frame.
    pub frame_size: U16,
    /// Parameters.
    pub params_len: U16,
    /// Parameters of kind Required.
    pub required: U16,
    /// [`crate::program::FuncKind`].
    pub kind: u8,
    /// [`GENERATOR`] and so on.
    pub flags: u8,
}

/// Column that stands in the function's [`ExtraRecord`].
pub const COLUMN_IN_EXTRA: u16 = u16::MAX;

/// Function flag: calls make a generator.
pub const GENERATOR: u8 = 1;
/// Function flag: calls give a future.
pub const ASYNC: u8 = 2;
/// Function flag: receives its arguments as data.
pub const MACRO: u8 = 4;
/// Function flag: every parameter is required or optional, by position.
pub const POSITIONAL: u8 = 8;
/// All function flags of this version.
pub const FUNC_FLAGS: u8 = GENERATOR | ASYNC | MACRO | POSITIONAL;

/// What few functions have.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct ExtraRecord {
    /// First capture in CAPT.
    pub captures_start: U32,
    /// First handler in EXCP.
    pub handlers_start: U32,
    /// Captures.
    pub captures_len: U16,
    /// Handlers.
    pub handlers_len: U16,
    /// `^intent`: string plus 1, or 0.
    pub intent: U32,
    /// `^examples`: constant plus 1, or 0.
    pub examples: U32,
    /// Column of the definition, if it does not fit the function's record.
    pub column: U32,
}

/// The type of a function's results.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct ResultRecord {
    /// Function, ascending.
    pub func: U32,
    /// Constant: a type check.
    pub check: U32,
}

/// An exception handler.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct HandlerRecord {
    /// First covered word of the function.
    pub start: U32,
    /// One past the last covered word.
    pub end: U32,
    /// Word to go on at.
    pub target: U32,
    /// Slot for the exception.
    pub slot: U16,
    /// 1: `finally`.
    pub cleanup: U16,
}

/// A module.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct ModuleRecord {
    /// String: the path.
    pub name: U32,
    /// Function: the body.
    pub init: U32,
}

/// Another image.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct ImportRecord {
    /// String: the file, relative to the folder of the program's main image.
    pub path: U32,
    /// The interface that the code was compiled against.
    pub interface: [u8; 32],
}

/// What other images may use.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug)]
#[repr(C)]
pub struct ExportRecord {
    /// String.
    pub name: U32,
    /// String.
    pub description: U32,
    /// Word of the table plus 1, or 0.
    pub entry: U32,
}

/// Bits of a parameter word that hold the name; the kind lies above.
pub const PARAM_NAME: u32 = (1 << 28) - 1;
/// Position of the kind in a parameter word.
pub const PARAM_KIND_SHIFT: u32 = 28;
/// Bit of a capture word: a capture of the function that makes the closure.
pub const CAPTURE_OUTER: u32 = 1 << 16;

macro_rules! sizes {
    ($($record:ty: $size:literal { $($field:ident @ $offset:literal),* })*) => {
        const _: () = {
            $(assert!(size_of::<$record>() == $size);
              $(assert!(offset_of!($record, $field) == $offset);)*)*
        };
    };
}

sizes! {
    SignRecord: 100 { algorithm @ 0, key @ 4, signature @ 36 }
    Header: 128 {
        magic @ 0, header_len @ 8, major @ 12, minor @ 14, flags @ 16, section_count @ 20,
        entry_size @ 22, file_len @ 24, table_offset @ 32, table_crc @ 36, abi @ 40,
        content_id @ 56, build_id @ 88, reserved @ 120, header_crc @ 124
    }
    SectionRecord: 40 {
        tag @ 0, flags @ 4, offset @ 8, length @ 16, count @ 24, align @ 28, crc @ 32, reserved @ 36
    }
    ConstRecord: 16 { tag @ 0, flags @ 1, depth @ 2, zero @ 3, a @ 4, b @ 8, c @ 12 }
    TableRecord: 8 { kind @ 0, zero @ 1, argc @ 2, value @ 4 }
    FuncRecord: 44 {
        name @ 0, code_start @ 4, code_len @ 8, code_crc @ 12, window @ 16, params_start @ 20,
        extra @ 24, line @ 28, column @ 32, module @ 34, frame_size @ 36, params_len @ 38,
        required @ 40, kind @ 42, flags @ 43
    }
    ExtraRecord: 24 {
        captures_start @ 0, handlers_start @ 4, captures_len @ 8, handlers_len @ 10,
        intent @ 12, examples @ 16, column @ 20
    }
    ResultRecord: 8 { func @ 0, check @ 4 }
    HandlerRecord: 16 { start @ 0, end @ 4, target @ 8, slot @ 12, cleanup @ 14 }
    ModuleRecord: 8 { name @ 0, init @ 4 }
    ImportRecord: 36 { path @ 0, interface @ 4 }
    ExportRecord: 12 { name @ 0, description @ 4, entry @ 8 }
}

/// The ABI fingerprint: what compiled code relies on. BLAKE3 (first 16 bytes) of the opcode
/// table's numbers, operand kinds and flow, the frame's constants, the record sizes and the
/// version of the value encoding; never of wording or of the Rust version. Code does not rely on
/// IMPT, EXPT and SIGN, which later versions added.
pub fn abi() -> [u8; 16] {
    static ABI: LazyLock<[u8; 16]> = LazyLock::new(|| {
        let mut facts = Vec::with_capacity(2048);
        for info in ops::OPS {
            facts.extend([info.op as u8, info.flow as u8]);
            facts.extend(info.operands.map(|operand| operand as u8));
        }
        for name in ops::SPECIALS {
            facts.extend(name.bytes().chain([0]));
        }
        let numbers = [
            ops::HEADER,
            ops::GUARD,
            ops::MAX_FRAME,
            VALUE_ENCODING as usize,
        ];
        let known = SECTIONS
            .iter()
            .filter(|known| ![TYPE, IMPT, EXPT, SIGN].contains(&known.0));
        let sizes = known.map(|known| known.1);
        for number in numbers.into_iter().chain(sizes) {
            facts.extend((number as u32).to_le_bytes());
        }
        let mut abi = [0; 16];
        abi.copy_from_slice(&blake3::hash(&facts).as_bytes()[..16]);
        abi
    });
    *ABI
}

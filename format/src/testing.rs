//! Programs and damage for tests of this crate and of the runtime. Not part of the API.
#![allow(missing_docs)]

use zerocopy::{FromBytes, IntoBytes};

pub use crate::aligned::Aligned;
use crate::layout::*;
use crate::ops::{Flow, Insn, OPS, Op, OpInfo, Operand};
use crate::program::*;
use crate::write::container::{Part, content_id};

/// Makes every checksum, id and length fit the bytes again, as an attacker would: file length,
/// functions' CRCs, sections' CRCs, content id, table CRC, header CRC. What lies outside the
/// file is left alone.
pub fn reseal(bytes: &mut [u8]) {
    let Ok((mut header, _)) = Header::read_from_prefix(bytes) else {
        return;
    };
    let count = header.section_count.get() as usize;
    let table = size_of::<Header>()..size_of::<Header>() + count * size_of::<SectionRecord>();
    if let Some(Ok(entries)) = bytes
        .get(table.clone())
        .map(<[SectionRecord]>::ref_from_bytes)
    {
        let mut entries = entries.to_vec();
        reseal_functions(bytes, &entries);
        reseal_sections(bytes, &mut entries, &mut header);
        header.table_crc = crc32fast::hash(entries.as_bytes()).into();
        bytes[table].copy_from_slice(entries.as_bytes());
    }
    header.file_len = (bytes.len() as u64).into();
    let sealed = &header.as_bytes()[..size_of::<Header>() - 4];
    header.header_crc = crc32fast::hash(sealed).into();
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
}

fn range(entry: &SectionRecord, file: usize) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(entry.offset.get()).ok()?;
    let end = start.checked_add(usize::try_from(entry.length.get()).ok()?)?;
    (end <= file).then_some(start..end)
}

fn reseal_functions(bytes: &mut [u8], entries: &[SectionRecord]) {
    let find = |tag: Tag| {
        let entry = entries.iter().find(|entry| entry.tag.get() == tag.0)?;
        range(entry, bytes.len())
    };
    let (Some(funcs), Some(code)) = (find(FUNC), find(CODE)) else {
        return;
    };
    let code = bytes[code].to_vec();
    let whole = funcs.len() / size_of::<FuncRecord>() * size_of::<FuncRecord>();
    let funcs = &mut bytes[funcs.start..funcs.start + whole];
    let Ok(funcs) = <[FuncRecord]>::mut_from_bytes(funcs) else {
        return;
    };
    for func in funcs {
        let start = func.code_start.get() as usize * 8;
        let end = start + func.code_len.get() as usize * 8;
        if let Some(words) = code.get(start..end) {
            func.code_crc = crc32fast::hash(words).into();
        }
    }
}

fn reseal_sections(bytes: &[u8], entries: &mut [SectionRecord], header: &mut Header) {
    let mut parts = Vec::new();
    for entry in entries {
        if let Some(range) = range(entry, bytes.len()) {
            entry.crc = crc32fast::hash(&bytes[range.clone()]).into();
            parts.push(Part {
                tag: Tag(entry.tag.get()),
                flags: entry.flags.get(),
                count: entry.count.get(),
                align: entry.align.get(),
                bytes: bytes[range].into(),
            });
        }
    }
    header.content_id = content_id(&parts);
}

/// Functions of [`sample`], by index.
pub mod funcs {
    pub const LIB: usize = 0;
    pub const MAIN: usize = 1;
    pub const ADD: usize = 2;
    pub const INNER: usize = 3;
    pub const ALL_OPS: usize = 4;
}

/// Entries of [`sample`]'s table, by index.
pub mod table {
    pub const INT: u16 = 0;
    pub const STR: u16 = 1;
    pub const GLOBAL: u16 = 2;
    pub const GLOBAL_FUNC: u16 = 3;
    pub const BUILTIN: u16 = 4;
    pub const FUNC: u16 = 5;
    pub const FIELD: u16 = 6;
    pub const METHOD: u16 = 8;
    pub const METHOD_KW: u16 = 12;
    pub const NAME: u16 = 16;
    pub const KEYS: u16 = 18;
    pub const CHECK: u16 = 19;
    pub const SHARED_FUNC: u16 = 20;
    pub const SHARED: u16 = 21;
    pub const IMPORT: u16 = 22;
    pub const STORE: u16 = 23;
}

/// Slots of [`sample`]'s function with every instruction.
pub const ALL_OPS_FRAME: u16 = 100;

/// A valid program with content in every section, a constant of every kind, an entry of every
/// kind, and every instruction.
pub fn sample() -> Program {
    let mut program = Program {
        strings: [
            "",
            "main.gene",
            "lib/util.gene",
            "add",
            "a",
            "b",
            "größe",
            "text",
        ]
        .map(Box::from)
        .to_vec(),
        consts: sample_consts(),
        meta: vec![("compiler".into(), "0.1.0".into())],
        needs_eval: Some("main.gene:3:1: (eval x)".into()),
        ..Program::default()
    };
    let keys = ConstId(program.consts.len() as u32 - 2);
    let check = ConstId(program.consts.len() as u32 - 1);
    program.table = sample_table(keys, check);
    program.imports = vec![Import {
        path: StrId(2),
        interface: [0xA5; 32],
    }];
    let export = |name, entry| Export {
        name,
        description: StrId(7),
        entry,
    };
    program.exports = vec![
        export(StrId(0), None),
        export(StrId(4), Some(TableId(table::GLOBAL.into()))),
        export(StrId(3), Some(TableId(table::FUNC.into()))),
    ];
    program.funcs = vec![
        module_body(0, Insn::new(Op::LoadI, 0, 7, 0)),
        main_body(),
        add(),
        inner(),
        all_ops(),
    ];
    program.modules = vec![
        Module {
            name: StrId(2),
            init: FuncId(funcs::LIB as u32),
            source: None,
        },
        Module {
            name: StrId(1),
            init: FuncId(funcs::MAIN as u32),
            source: Some("(fn add [a b] (+ a b))\n(add 1 2)\n(eval x)\n".into()),
        },
    ];
    program
}

fn sample_consts() -> Vec<Const> {
    let (text, name) = (StrId(7), StrId(4));
    let numbers = TypeDesc::Union(vec![TypeDesc::Named(text), TypeDesc::Applied(name)]);
    vec![
        Const::Int(-1 << 60),
        Const::Str(text),
        Const::Nil,
        Const::Void,
        Const::Bool(true),
        Const::Bool(false),
        Const::NotFound,
        Const::Placeholder,
        Const::Float(-0.5),
        Const::Char('ß'),
        Const::Symbol(name),
        Const::Path(vec![name, text]),
        Const::Bytes(Box::new([1, 2, 3, 4, 5])),
        Const::Array {
            items: vec![ConstId(0), ConstId(1)],
            sealed: false,
        },
        Const::Map {
            entries: vec![(name, ConstId(13))],
            sealed: true,
        },
        Const::HashMap {
            items: vec![ConstId(0), ConstId(14)],
            sealed: false,
        },
        Const::Gene {
            head: ConstId(10),
            props: vec![(name, ConstId(15))],
            children: vec![ConstId(0), ConstId(0)],
            sealed: false,
        },
        Const::Quote(ConstId(16)),
        Const::Unquote {
            form: ConstId(17),
            discard: true,
        },
        Const::Regex {
            pattern: text,
            replacement: Some(StrId(0)),
            flags: 3,
        },
        Const::Temporal {
            date: Some((2024, 2, 29)),
            time: Some((23, 59, 59, 999_999)),
            offset: Some(-90),
            zone: Some(text),
        },
        Const::Selector(vec![ConstId(0), ConstId(1)]),
        Const::Keys(vec![name]),
        Const::Check(Check {
            ty: TypeDesc::Function {
                params: vec![FnParam {
                    key: Some(name),
                    rest: true,
                    ty: numbers,
                }],
                result: Box::new(TypeDesc::Any),
            },
            text,
            name,
            site: CheckSite::EnumField,
        }),
    ]
}

fn sample_table(keys: ConstId, check: ConstId) -> Vec<TableEntry> {
    use TableEntry::*;
    let add = FuncId(funcs::ADD as u32);
    let method = |keys, argc| Method {
        name: StrId(5),
        argc,
        keys,
    };
    vec![
        Const(ConstId(0)),
        Const(ConstId(1)),
        Global {
            name: StrId(4),
            func: None,
        },
        Global {
            name: StrId(3),
            func: Some(add),
        },
        Builtin(StrId(7)),
        Func(add),
        Field(StrId(6)),
        Rest,
        method(None, 2),
        Rest,
        Rest,
        Rest,
        method(Some(keys), 3),
        Rest,
        Rest,
        Rest,
        Name(StrId(5)),
        Rest,
        Const(keys),
        Const(check),
        Shared {
            name: StrId(4),
            func: Some(add),
        },
        Shared {
            name: StrId(5),
            func: None,
        },
        Import {
            import: 0,
            name: StrId(6),
        },
        Store(StrId(6)),
        Rest,
        Rest,
        Rest,
    ]
}

fn module_body(module: u32, first: Insn) -> Func {
    Func {
        name: StrId(0),
        module: ModuleId(module),
        kind: FuncKind::Module,
        frame_size: 8,
        code: vec![first.encode(), Insn::new(Op::Ret0, 0, 0, 0).encode()],
        lines: vec![(0, 1, 1), (1, 2, 3)],
        ..Func::default()
    }
}

fn main_body() -> Func {
    Func {
        vars: vec![(0, StrId(4))],
        ..module_body(1, Insn::new(Op::Closure, 1, funcs::ALL_OPS as u16, 0))
    }
}

fn add() -> Func {
    let param = |name, kind| Param { name, kind };
    Func {
        name: StrId(3),
        module: ModuleId(1),
        params: vec![
            param(StrId(4), ParamKind::Required),
            param(StrId(5), ParamKind::Optional),
        ],
        frame_size: 2,
        code: vec![
            Insn::new(Op::CheckType, 0, 0, table::CHECK).encode(),
            Insn::new(Op::RetAdd, 0, 0, 1).encode(),
        ],
        lines: vec![(0, 1, 16)],
        vars: vec![(0, StrId(4)), (1, StrId(5))],
        result: Some(ConstId(23)),
        intent: Some(StrId(7)),
        examples: Some(ConstId(13)),
        place: (1, 1),
        ..Func::default()
    }
}

/// Made by [`all_ops`]: captures a slot and a capture of it.
fn inner() -> Func {
    let param = |name, kind| Param { name, kind };
    Func {
        name: StrId(6),
        module: ModuleId(1),
        kind: FuncKind::Method,
        is_async: true,
        is_macro: true,
        params: vec![
            param(StrId(4), ParamKind::Key),
            param(StrId(5), ParamKind::OptionalKey),
            param(StrId(6), ParamKind::KeyRest),
            param(StrId(7), ParamKind::Rest),
        ],
        frame_size: 5,
        code: vec![
            Insn::new(Op::GetUp, 0, 1, 0).encode(),
            Insn::new(Op::Ret0, 0, 0, 0).encode(),
        ],
        captures: vec![Capture::Slot(99), Capture::Outer(0)],
        place: (7, 70_000),
        ..Func::default()
    }
}

fn all_ops() -> Func {
    let mut code = vec![Insn::new(Op::Grow, 0, ALL_OPS_FRAME, 0).encode()];
    for info in OPS {
        if !info.op.is_internal() && !matches!(info.op, Op::Grow | Op::Ext) {
            code.push(valid_insn(info).encode());
        }
        if info.flow == Flow::Pair {
            code.push(Insn::new(Op::Ext, 0, 0, 0).encode());
        }
    }
    code.push(Insn::new(Op::RetNil, 0, 0, 0).encode());
    let last = code.len() as u32 - 1;
    Func {
        name: StrId(7),
        module: ModuleId(1),
        generator: true,
        frame_size: ALL_OPS_FRAME,
        captures: vec![Capture::Slot(1)],
        handlers: vec![Handler {
            start: 1,
            end: last,
            target: last,
            slot: 99,
            cleanup: true,
        }],
        lines: (0..=last).map(|at| (at, 10 + at / 7, 1 + at % 5)).collect(),
        code,
        ..Func::default()
    }
}

/// The instruction with operands that are valid in [`sample`]'s function of all instructions.
pub fn valid_insn(info: &OpInfo) -> Insn {
    let [x, a, b, c] = info.operands;
    let mut insn = Insn::new(info.op, 0, 0, 0);
    insn.x = valid_operand(info, x) as u8;
    insn.a = valid_operand(info, a);
    insn.b = valid_operand(info, b);
    insn.c = valid_operand(info, c);
    insn
}

fn valid_operand(info: &OpInfo, kind: Operand) -> u16 {
    let is_spread_call = info.operands[1] == Operand::Window;
    match kind {
        Operand::Zero | Operand::High | Operand::Capture => 0,
        Operand::Num if !is_spread_call => 1,
        Operand::Num if info.operands[3] == Operand::Callee => 1,
        Operand::Num if matches!(info.op, Op::CallV | Op::TailCallV) => 2,
        Operand::Num => 3,
        Operand::Read | Operand::Write | Operand::Update => ALL_OPS_FRAME - 1,
        Operand::Write2 | Operand::Update2 => ALL_OPS_FRAME - 2,
        Operand::Imm => -3i16 as u16,
        Operand::NonZero => 7,
        Operand::Special => 6,
        Operand::Forward | Operand::Forward32 | Operand::Jump32 => 0,
        Operand::Jump if info.flow == Flow::Pair => 1,
        Operand::Jump => 0,
        Operand::Run if info.operands[3] == Operand::Keys => ALL_OPS_FRAME - 1,
        Operand::Run => ALL_OPS_FRAME - 2,
        Operand::Count => 2,
        Operand::Window => ALL_OPS_FRAME - 7,
        Operand::Args if info.operands[3] == Operand::MethodKwIc => 3,
        Operand::Args | Operand::NewArgs => 2,
        Operand::Value => table::INT,
        Operand::Value32 => table::FUNC,
        Operand::Global | Operand::Global32 => table::GLOBAL,
        Operand::Callee => table::FUNC,
        Operand::Name => table::STR,
        Operand::Keys => table::KEYS,
        Operand::Check => table::CHECK,
        Operand::FieldIc => table::FIELD,
        Operand::StoreIc => table::STORE,
        Operand::MethodIc => table::METHOD,
        Operand::MethodKwIc => table::METHOD_KW,
        Operand::NameIc => table::NAME,
        Operand::Func => funcs::INNER as u16,
    }
}

/// A program of `count` functions of about ten instructions, all different.
pub fn big(count: u32) -> Program {
    let mut program = sample();
    program.needs_eval = None;
    let name_base = program.strings.len() as u32;
    let const_base = program.consts.len() as u32;
    for index in 0..count {
        program.strings.push(format!("function_{index}").into());
        program.consts.push(Const::Int(index.into()));
        program.table.push(TableEntry::Global {
            name: StrId(name_base + index),
            func: Some(FuncId(program.funcs.len() as u32)),
        });
        let mut func = add();
        func.name = StrId(name_base + index);
        func.result = None;
        func.intent = None;
        func.examples = Some(ConstId(const_base + index)).filter(|_| index % 100 == 0);
        func.place = (index * 5 + 1, 1);
        let step = Insn::new(Op::AddI, 0, 0, index as u16).encode();
        func.code.splice(0..0, [step; 9]);
        func.lines = (0..5).map(|at| (2 * at, index * 5 + at, 3)).collect();
        program.funcs.push(func);
    }
    program
}

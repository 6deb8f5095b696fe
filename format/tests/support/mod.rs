//! Programs from random choices.

use gene_format::program::*;

/// Bytes taken as choices; 0 when they are used up, so that shorter input gives simpler programs.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: usize) -> u32 {
        let n = u32::from_le_bytes([self.byte(), self.byte(), 0, 0]);
        n % (limit.max(1) as u32)
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn bits(&mut self) -> u64 {
        u64::from_le_bytes([0; 8].map(|_: u8| self.byte()))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.byte() % 4).map(|_| item(self)).collect()
    }

    fn option<T>(&mut self, item: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| item(self))
    }

    fn string(&mut self) -> StrId {
        StrId(self.below(STRINGS))
    }
}

const STRINGS: usize = 7;

/// A program whose references are valid; its code is any words.
pub fn program(choices: &[u8]) -> Program {
    let mut from = Choices(choices);
    let mut program = Program {
        strings: ["", "a", "größe", "naïve\0", "日本", "module.gene", "x y"]
            .map(Box::from)
            .to_vec(),
        meta: from.list(|from| (format!("k{}", from.byte()), "v".repeat(from.byte().into()))),
        needs_eval: from.option(|from| format!("a.gene:{}:1: (eval x)", from.byte())),
        ..Program::default()
    };
    for _ in 0..from.byte() % 20 {
        let constant = constant(&mut from, &program.consts);
        program.consts.push(constant);
    }
    let modules = usize::from(from.byte() % 3);
    let funcs = if modules == 0 {
        0
    } else {
        modules + usize::from(from.byte() % 6)
    };
    for _ in 0..from.byte() % 12 {
        let entry = entry(&mut from, program.consts.len(), funcs);
        let rest = entry.words() - 1;
        program.table.push(entry);
        program.table.extend(vec![TableEntry::Rest; rest]);
    }
    for index in 0..funcs {
        let mut func = func(&mut from, &program, modules);
        if index < modules {
            func.kind = FuncKind::Module;
        }
        program.funcs.push(func);
    }
    program.modules = (0..modules as u32)
        .map(|index| Module {
            name: from.string(),
            init: FuncId(index),
            source: from.option(|from| "(f 1)\n".repeat(from.byte().into()).into()),
        })
        .collect();
    program
}

/// A constant that is a value, as a child.
fn child(from: &mut Choices<'_>, consts: &[Const]) -> ConstId {
    let start = from.below(consts.len());
    let is_value = |id: &u32| !matches!(consts[*id as usize], Const::Keys(_) | Const::Check(_));
    ConstId((0..=start).rev().find(is_value).unwrap_or(0))
}

fn constant(from: &mut Choices<'_>, consts: &[Const]) -> Const {
    let is_value = |c: &Const| !matches!(c, Const::Keys(_) | Const::Check(_));
    let can_nest = consts.first().is_some_and(is_value);
    let sealed = from.flag();
    match from.byte() % if can_nest { 24 } else { 16 } {
        0 => Const::Nil,
        1 => Const::Void,
        2 => Const::Bool(sealed),
        3 => Const::NotFound,
        4 => Const::Placeholder,
        5 => Const::Int(from.bits() as i64),
        6 => Const::Float(
            Some(f64::from_bits(from.bits()))
                .filter(|x| !x.is_nan())
                .unwrap_or(0.5),
        ),
        7 => Const::Char(char::from_u32(from.bits() as u32 % 0x11_0000).unwrap_or('x')),
        8 => Const::Str(from.string()),
        9 => Const::Symbol(from.string()),
        10 => Const::Path(from.list(Choices::string)),
        11 => Const::Bytes((0..from.byte() % 20).collect()),
        12 => Const::Regex {
            pattern: from.string(),
            replacement: from.option(Choices::string),
            flags: from.byte() % 4,
        },
        13 => Const::Temporal {
            date: Some((
                from.bits() as u16,
                1 + from.byte() % 12,
                1 + from.byte() % 31,
            )),
            time: from.option(|from| (from.byte() % 24, 59, 60, from.below(1_000_000))),
            offset: from.option(|from| from.below(2 * 1439) as i16 - 1439),
            zone: from.option(Choices::string),
        },
        14 => Const::Keys(from.list(Choices::string)),
        15 => Const::Check(Check {
            ty: ty(from, 0),
            text: from.string(),
            name: from.string(),
            site: [CheckSite::Param, CheckSite::Result, CheckSite::EnumField]
                [usize::from(from.byte() % 3)],
        }),
        16 | 17 => Const::Array {
            items: from.list(|from| child(from, consts)),
            sealed,
        },
        18 => Const::Map {
            entries: from.list(|from| (from.string(), child(from, consts))),
            sealed,
        },
        19 => Const::HashMap {
            items: from
                .list(|from| [child(from, consts), child(from, consts)])
                .concat(),
            sealed,
        },
        20 => Const::Gene {
            head: child(from, consts),
            props: from.list(|from| (from.string(), child(from, consts))),
            children: from.list(|from| child(from, consts)),
            sealed,
        },
        21 => Const::Quote(child(from, consts)),
        22 => Const::Unquote {
            form: child(from, consts),
            discard: sealed,
        },
        _ => Const::Selector(from.list(|from| child(from, consts))),
    }
}

fn ty(from: &mut Choices<'_>, depth: u8) -> TypeDesc {
    match from.byte() % if depth < 5 { 5 } else { 3 } {
        0 => TypeDesc::Any,
        1 => TypeDesc::Named(from.string()),
        2 => TypeDesc::Applied(from.string()),
        3 => TypeDesc::Union(from.list(|from| ty(from, depth + 1))),
        _ => TypeDesc::Function {
            params: from.list(|from| FnParam {
                key: from.option(Choices::string),
                rest: from.flag(),
                ty: ty(from, depth + 1),
            }),
            result: Box::new(ty(from, depth + 1)),
        },
    }
}

fn entry(from: &mut Choices<'_>, consts: usize, funcs: usize) -> TableEntry {
    let name = from.string();
    match from.byte() % 7 {
        0 if consts > 0 => TableEntry::Const(ConstId(from.below(consts))),
        1 if funcs > 0 => TableEntry::Global {
            name,
            func: from.option(|from| FuncId(from.below(funcs))),
        },
        2 if funcs > 0 => TableEntry::Func(FuncId(from.below(funcs))),
        3 if from.flag() => TableEntry::Store(name),
        3 => TableEntry::Field(name),
        4 => TableEntry::Method {
            name,
            argc: 1 + u16::from(from.byte()) * 257 % 1000,
            keys: from
                .option(|from| from.below(consts))
                .filter(|_| consts > 0)
                .map(ConstId),
        },
        5 => TableEntry::Name(name),
        _ => TableEntry::Builtin(name),
    }
}

fn func(from: &mut Choices<'_>, program: &Program, modules: usize) -> Func {
    use FuncKind::*;
    let code: Vec<u64> = (0..from.byte() % 8).map(|_| from.bits()).collect();
    let consts = program.consts.len();
    let kinds = [
        ParamKind::Required,
        ParamKind::Optional,
        ParamKind::Rest,
        ParamKind::Key,
        ParamKind::OptionalKey,
        ParamKind::KeyRest,
    ];
    Func {
        name: from.string(),
        module: ModuleId(from.below(modules)),
        kind: [Function, Method, Ctor, Block, Module, Thunk][usize::from(from.byte() % 6)],
        generator: from.flag(),
        is_async: from.flag(),
        is_macro: from.flag(),
        params: from.list(|from| Param {
            name: from.string(),
            kind: kinds[usize::from(from.byte() % 6)],
        }),
        frame_size: from.below(32_769) as u16,
        window: TableId(from.below(program.table.len() + 1)),
        captures: from.list(|from| match from.flag() {
            true => Capture::Slot(from.below(65_536) as u16),
            false => Capture::Outer(from.below(65_536) as u16),
        }),
        handlers: from.list(|from| Handler {
            start: from.bits() as u32,
            end: from.bits() as u32,
            target: from.bits() as u32,
            slot: from.bits() as u16,
            cleanup: from.flag(),
        }),
        lines: (0..code.len() as u32)
            .map(|at| (at, from.bits() as u32, from.bits() as u32))
            .collect(),
        vars: from.list(|from| (from.bits() as u16, from.string())),
        result: None,
        intent: from.option(Choices::string),
        examples: from
            .option(|from| from.below(consts))
            .filter(|_| consts > 0)
            .map(ConstId),
        place: (from.bits() as u32, from.bits() as u32 >> (from.byte() % 32)),
        code,
    }
}

//! The module table: which words lie in which window.
//!
//! ```text
//! window 0 | window 1 | … | globals
//! ```
//! A function's instructions reach 65,536 words from its window. Functions share a window, and
//! in it their constants, until it is full. Globals are one word each, behind everything
//! else: a program of one window reaches them all, in larger ones they are loaded and stored
//! by the wide instructions.

use super::func::Reference;
use super::{Entry, Gen};
use crate::hash::FastMap;
use crate::hir::{FnId, GlobalId, Home};
use gene_format::ops::{Insn, Op};
use gene_format::program::{Func, FuncId, Param, ParamKind, TableEntry, TableId};

/// Words that 16 bits reach.
const REACH: usize = 1 << 16;

/// A function whose table operands are references of its own.
pub(super) struct Draft {
    pub id: FnId,
    pub func: Func,
    pub refs: Vec<Reference>,
    /// Word and reference of every table operand.
    pub patches: Vec<(u32, u32)>,
}

/// Where a reference of a function lies.
#[derive(Clone, Copy)]
enum Spot {
    Word(u32),
    Global(GlobalId),
}

/// The window being filled.
struct Window {
    start: usize,
    known: FastMap<Entry, u32>,
}

/// Lays out the table and fills the operands in. Gives the table, and the words of the globals.
pub(super) fn layout(gen_: &mut Gen<'_>, drafts: &mut [Draft]) -> (Vec<TableEntry>, Vec<u32>) {
    let mut table = Vec::new();
    let mut window = Window {
        start: 0,
        known: FastMap::default(),
    };
    let mut spots: Vec<Vec<Spot>> = Vec::with_capacity(drafts.len());
    for draft in drafts.iter_mut() {
        if table.len() - window.start + new_words(draft, &window) > REACH {
            window.start = table.len();
            window.known.clear();
        }
        draft.func.window = TableId(window.start as u32);
        spots.push(place(gen_, draft, &mut window, &mut table));
    }
    let globals = add_globals(gen_, &mut table);
    let callees: Vec<Callee> = drafts.iter().map(|draft| Callee::of(&draft.func)).collect();
    let mut resolve = |spot: Spot| match spot {
        Spot::Word(word) => word,
        Spot::Global(id) => globals[id.index()],
    };
    for (draft, spots) in drafts.iter_mut().zip(spots) {
        if !patch(draft, &spots, &callees, &mut resolve) {
            // it calls globals that are out of reach: load them instead
            let hir = gen_.hir;
            let function = &hir.funcs[draft.id.index()];
            let Func { window, .. } = draft.func;
            let again = gen_.function(draft.id, function, true);
            let old = std::mem::replace(draft, again);
            draft.func.window = window;
            let spots = same_spots(&old.refs, &spots, &draft.refs);
            if !spots.is_some_and(|spots| patch(draft, &spots, &callees, &mut resolve)) {
                let what = "it uses more names, constants and calls than fit its table";
                gen_.too_large(draft.id, what.to_string());
            }
        }
    }
    (table, globals)
}

/// Words that the function would add to the window.
fn new_words(draft: &Draft, window: &Window) -> usize {
    let new = draft.refs.iter().filter(|reference| {
        !matches!(reference.entry, Entry::Global(_))
            && (reference.entry.words() > 1 || !window.known.contains_key(&reference.entry))
    });
    new.map(|reference| reference.entry.words()).sum()
}

/// Places the references, those that need be near first.
fn place(
    gen_: &mut Gen<'_>,
    draft: &Draft,
    window: &mut Window,
    table: &mut Vec<TableEntry>,
) -> Vec<Spot> {
    let mut spots = vec![Spot::Word(0); draft.refs.len()];
    for near in [true, false] {
        for (spot, reference) in spots.iter_mut().zip(&draft.refs) {
            let entry = reference.entry;
            if reference.near != near {
                continue;
            }
            *spot = match entry {
                Entry::Global(id) => Spot::Global(id),
                _ if entry.words() > 1 => Spot::Word(push(gen_, table, entry)),
                _ => Spot::Word(
                    *window
                        .known
                        .entry(entry)
                        .or_insert_with(|| push(gen_, table, entry)),
                ),
            };
        }
    }
    spots
}

fn push(gen_: &Gen<'_>, table: &mut Vec<TableEntry>, entry: Entry) -> u32 {
    let at = table.len() as u32;
    let made = match entry {
        Entry::Const(id) => TableEntry::Const(id),
        Entry::Builtin(name) => TableEntry::Builtin(name),
        Entry::Func(id) => TableEntry::Func(id),
        Entry::Field(name) => TableEntry::Field(name),
        Entry::Store(name) => TableEntry::Store(name),
        Entry::Method { name, argc, keys } => TableEntry::Method { name, argc, keys },
        Entry::Name(name) => TableEntry::Name(name),
        Entry::Global(id) => {
            let global = &gen_.hir.globals[id.index()];
            unreachable!("globals lie apart: {}", global.name)
        }
    };
    debug_assert_eq!(made.words(), entry.words());
    table.push(made);
    table.extend((1..entry.words()).map(|_| TableEntry::Rest));
    at
}

/// A word for every global that is a variable, or used by other images; others are bound as
/// functions.
fn add_globals(gen_: &mut Gen<'_>, table: &mut Vec<TableEntry>) -> Vec<u32> {
    let hir = gen_.hir;
    let words = (0..).map(GlobalId).zip(&hir.globals).map(|(id, global)| {
        let at = table.len() as u32;
        let func = global.func.map(|func| FuncId(func.0));
        let mut name = || gen_.pool.string(&global.name);
        match (hir.home(id), func) {
            (Some(Home::Imported { import, .. }), _) => table.push(TableEntry::Import {
                import: *import,
                name: name(),
            }),
            (Some(Home::Shared), _) => table.push(TableEntry::Shared { name: name(), func }),
            (Some(Home::Offered), Some(func)) => table.push(TableEntry::Func(func)),
            (_, Some(_)) if !global.assigned => {}
            _ => table.push(TableEntry::Global { name: name(), func }),
        }
        at
    });
    words.collect()
}

/// The new references are those of the old code: their spots by entry and order.
fn same_spots(old: &[Reference], spots: &[Spot], new: &[Reference]) -> Option<Vec<Spot>> {
    let mut left: FastMap<Entry, Vec<Spot>> = FastMap::default();
    for (reference, spot) in old.iter().zip(spots).rev() {
        left.entry(reference.entry).or_default().push(*spot);
    }
    let take = |reference: &Reference| {
        let list = left.get_mut(&reference.entry)?;
        match list.len() {
            1 => list.first().copied(),
            _ => list.pop(),
        }
    };
    new.iter().map(take).collect()
}

/// A function as its callers see it.
struct Callee {
    window: TableId,
    /// Arguments of a call that needs no binding.
    arity: Option<u16>,
    /// Type checks that its code begins with.
    checks: u8,
}

impl Callee {
    fn of(func: &Func) -> Callee {
        let is_positional =
            |param: &Param| matches!(param.kind, ParamKind::Required | ParamKind::Optional);
        let is_direct = !func.generator
            && !func.is_async
            && func.receiver_slots() == 0
            && func.params.iter().all(is_positional);
        let is_check = |word: &&u64| Insn::decode(**word).is_some_and(|insn| insn.op.is_check());
        let checks = func.code.iter().take(u8::MAX.into()).take_while(is_check);
        Callee {
            window: func.window,
            arity: is_direct.then_some(func.params.len() as u16),
            checks: checks.count() as u8,
        }
    }

    /// Turns the call of a constant into one of this function, if it is called from this window.
    fn call(&self, window: TableId, insn: &mut Insn) {
        if self.window == window && self.arity == Some(insn.b) {
            insn.op = match insn.op {
                Op::CallK => Op::CallF,
                _ => Op::TailCallF,
            };
            insn.x = insn.x.min(self.checks);
        } else {
            insn.x = 0;
        }
    }
}

/// Fills the operands in; false if one does not reach.
fn patch(
    draft: &mut Draft,
    spots: &[Spot],
    callees: &[Callee],
    resolve: &mut impl FnMut(Spot) -> u32,
) -> bool {
    let window = draft.func.window.0;
    for &(at, reference) in &draft.patches {
        let offset = resolve(spots[reference as usize]) - window;
        let word = &mut draft.func.code[at as usize];
        let mut insn = Insn::decode(*word).expect("the compiler emits known opcodes");
        if matches!(insn.op, Op::CallK | Op::TailCallK) {
            match draft.refs[reference as usize].entry {
                Entry::Func(id) => callees[id.index()].call(TableId(window), &mut insn),
                _ => insn.x = 0,
            }
        }
        match (u16::try_from(offset), insn.op) {
            (Ok(near), _) => insn.c = near,
            (Err(_), Op::LoadK | Op::SetG) => {
                let wide = if insn.op == Op::LoadK {
                    Op::LoadKW
                } else {
                    Op::SetGW
                };
                insn.op = wide;
                insn = insn.with_wide(offset);
            }
            (Err(_), _) => return false,
        }
        *word = insn.encode();
    }
    true
}

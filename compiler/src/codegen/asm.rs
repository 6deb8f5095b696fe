//! The instructions of one function as they are emitted: labels, handlers, positions. Jumps
//! are filled in at the end; those that do not reach are rewritten (relaxation).
//!
//! Code that nothing can reach is not emitted.

use gene_format::ops::{Flow, Insn, Op, Operand};
use gene_format::program::Handler;
use gene_format::text::Span;

/// A place in the code that jumps name before or after it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label(u32);

#[derive(Clone, Copy)]
struct LabelState {
    at: u32,
    /// Some emitted jump names it.
    used: bool,
}

const UNBOUND: u32 = u32::MAX;

/// Offset in the source of code that has none.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Words that a jump grows by when it does not reach: `Jmp` over a 32-bit jump.
const LONG: u32 = 2;

#[derive(Clone, Copy)]
struct Fixup {
    at: u32,
    label: Label,
}

/// A handler range that is open while a protected expression is compiled.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    start: Option<u32>,
    done: Vec<(u32, u32)>,
}

struct PendingHandler {
    start: u32,
    end: u32,
    target: Label,
    slot: u16,
    cleanup: bool,
}

/// Instructions of one function.
#[derive(Default)]
pub(super) struct Asm {
    code: Vec<u64>,
    labels: Vec<LabelState>,
    fixups: Vec<Fixup>,
    handlers: Vec<PendingHandler>,
    /// Code index and offset in the source of what may raise.
    pub lines: Vec<(u32, u32)>,
    /// Word and table reference of every table operand.
    pub patches: Vec<(u32, u32)>,
    span: Option<u32>,
    dead: bool,
}

/// What [`Asm::finish`] gives.
pub(super) struct Assembled {
    pub code: Vec<u64>,
    pub handlers: Vec<Handler>,
}

/// Whether the instruction can raise, so that its place in the source matters.
fn may_raise(op: Op) -> bool {
    !matches!(
        op,
        Op::Move
            | Op::LoadK
            | Op::LoadI
            | Op::LoadS
            | Op::Jmp
            | Op::Loop
            | Op::JT
            | Op::JF
            | Op::JEqS
            | Op::JNeS
            | Op::Ret
            | Op::Ret0
            | Op::RetI
            | Op::RetK
            | Op::RetNil
            | Op::GetUp
            | Op::NewCell
            | Op::LeaveEx
            | Op::EnterEx
            | Op::GetEx
            | Op::GetNs
            | Op::Grow
            | Op::Ext
    )
}

impl Asm {
    /// Forgets everything, keeping memory.
    pub fn clear(&mut self) {
        self.code.clear();
        self.labels.clear();
        self.fixups.clear();
        self.handlers.clear();
        self.lines.clear();
        self.patches.clear();
        self.span = None;
        self.dead = false;
    }

    /// The form that the following instructions come from. Code that the compiler made of
    /// nothing (contracts) has an empty span at the start, and no place.
    pub fn at(&mut self, span: Span) {
        let nowhere = span == Span::default();
        self.span = Some(if nowhere { NOWHERE } else { span.start });
    }

    /// Index of the next word.
    pub fn here(&self) -> u32 {
        self.code.len() as u32
    }

    /// Whether the next instruction can be reached.
    pub fn is_live(&self) -> bool {
        !self.dead
    }

    /// Appends an instruction without jump. `None` if it cannot be reached.
    pub fn emit(&mut self, insn: Insn) -> Option<u32> {
        if self.dead {
            return None;
        }
        let at = self.here();
        if let Some(span) = self.span
            && may_raise(insn.op)
            && self.lines.last().is_none_or(|last| last.1 != span)
        {
            self.lines.push((at, span));
        }
        self.code.push(insn.encode());
        self.dead = insn.op.info().flow == Flow::End;
        Some(at)
    }

    /// Appends an instruction whose table operand is the reference `entry`.
    pub fn emit_ref(&mut self, insn: Insn, entry: u32) {
        if let Some(at) = self.emit(insn) {
            self.patches.push((at, entry));
        }
    }

    /// Appends an instruction that jumps to `label`.
    pub fn jump(&mut self, insn: Insn, label: Label) {
        let Some(at) = self.emit(insn) else { return };
        self.labels[label.0 as usize].used = true;
        self.fixups.push(Fixup { at, label });
        self.dead = matches!(insn.op, Op::Jmp | Op::Loop);
    }

    /// Appends the two words of an iteration step.
    pub fn jump_pair(&mut self, insn: Insn, label: Label, other: Label) {
        self.jump(insn, label);
        self.jump(Insn::new(Op::Ext, 0, 0, 0), other);
    }

    /// A label to be bound later.
    pub fn label(&mut self) -> Label {
        self.labels.push(LabelState {
            at: UNBOUND,
            used: false,
        });
        Label(self.labels.len() as u32 - 1)
    }

    /// A label at the next word.
    pub fn label_here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    /// Sets the label to the next word.
    pub fn bind(&mut self, label: Label) {
        let here = self.here();
        let state = &mut self.labels[label.0 as usize];
        state.at = here;
        self.dead &= !state.used;
    }

    /// Whether some jump names the label.
    pub fn is_used(&self, label: Label) -> bool {
        self.labels[label.0 as usize].used
    }

    /// Whether the label has its place.
    pub fn is_bound(&self, label: Label) -> bool {
        self.labels[label.0 as usize].at != UNBOUND
    }

    /// The next instruction is reached by a jump that follows later.
    pub fn revive(&mut self) {
        self.dead = false;
    }

    /// Begins to cover.
    pub fn open(&self, ranges: &mut Ranges) {
        ranges.start = Some(self.here());
    }

    /// Stops covering.
    pub fn close(&self, ranges: &mut Ranges) {
        if let Some(start) = ranges.start.take()
            && start < self.here()
        {
            ranges.done.push((start, self.here()));
        }
    }

    /// A handler for the ranges at the next word. False if they are empty: nothing can
    /// raise, and what would follow is not reached.
    pub fn handler(&mut self, ranges: &Ranges, slot: u16, cleanup: bool) -> bool {
        if ranges.done.is_empty() {
            return false;
        }
        let target = self.label_here();
        self.dead = false;
        for &(start, end) in &ranges.done {
            self.handlers.push(PendingHandler {
                start,
                end,
                target,
                slot,
                cleanup,
            });
        }
        true
    }

    /// Makes the first instruction a `Grow` by `size` slots.
    pub fn grow_first(&mut self, size: u16) {
        self.code
            .insert(0, Insn::new(Op::Grow, 0, size, 0).encode());
        self.shift(|at| at + 1);
        for fixup in &mut self.fixups {
            fixup.at += 1;
        }
    }

    /// Moves everything that names a word, except jumps.
    fn shift(&mut self, new: impl Fn(u32) -> u32) {
        for label in &mut self.labels {
            if label.at != UNBOUND {
                label.at = new(label.at);
            }
        }
        for handler in &mut self.handlers {
            handler.start = new(handler.start);
            handler.end = new(handler.end);
        }
        for line in &mut self.lines {
            line.0 = new(line.0);
        }
        for patch in &mut self.patches {
            patch.0 = new(patch.0);
        }
    }

    /// Fills in jumps and handlers.
    pub fn finish(&mut self) -> Assembled {
        if self.code.len() > i16::MAX as usize {
            self.relax();
        }
        for fixup in &self.fixups {
            let target = self.labels[fixup.label.0 as usize].at;
            debug_assert_ne!(target, UNBOUND);
            patch_jump(&mut self.code[fixup.at as usize], fixup.at, target);
        }
        let at = |label: Label| self.labels[label.0 as usize].at;
        let handlers = self.handlers.iter().map(|handler| Handler {
            start: handler.start,
            end: handler.end,
            target: at(handler.target),
            slot: handler.slot,
            cleanup: handler.cleanup,
        });
        Assembled {
            handlers: handlers.collect(),
            code: self.code.clone(), // of the exact size; the next function gets the room
        }
    }

    /// Rewrites jumps that do not reach with 16 bits:
    ///
    /// ```text
    /// JLt a b, +1      (to the long jump)
    /// Jmp +1           (past it)
    /// Jmp far          or Loop far
    /// ```
    ///
    /// Growing one jump can put another out of reach, so this repeats until nothing changes.
    fn relax(&mut self) {
        let mut long = vec![false; self.fixups.len()];
        let grown = loop {
            let mut grown: Vec<u32> = self
                .fixups
                .iter()
                .zip(&long)
                .filter(|(_, long)| **long)
                .map(|(fixup, _)| self.grows_after(fixup.at))
                .collect();
            grown.sort_unstable();
            let mut changed = false;
            for (fixup, long) in self.fixups.iter().zip(&mut long) {
                if *long || is_wide(self.code[fixup.at as usize]) {
                    continue;
                }
                let from = moved(&grown, fixup.at + 1);
                let to = moved(&grown, self.labels[fixup.label.0 as usize].at);
                if i16::try_from(i64::from(to) - i64::from(from)).is_err() {
                    *long = true;
                    changed = true;
                }
            }
            if !changed {
                break grown;
            }
        };
        if !grown.is_empty() {
            self.insert_long_jumps(&long, &grown);
        }
    }

    /// The last word of the instruction that begins at `at`: a jump grows behind it.
    fn grows_after(&self, at: u32) -> u32 {
        let is_pair = decode(self.code[at as usize]).op.info().flow == Flow::Pair;
        at + u32::from(is_pair)
    }

    fn insert_long_jumps(&mut self, long: &[bool], grown: &[u32]) {
        let mut code = Vec::with_capacity(self.code.len() + grown.len() * LONG as usize);
        let mut next = grown.iter().peekable();
        for (at, &word) in self.code.iter().enumerate() {
            code.push(word);
            if next.next_if_eq(&&(at as u32)).is_some() {
                code.push(Insn::new(Op::Jmp, 0, 0, 0).with_wide(1).encode());
                code.push(0); // the long jump, below
            }
        }
        let old: Vec<Fixup> = std::mem::take(&mut self.fixups);
        let mut fixups = Vec::with_capacity(old.len());
        for (fixup, &long) in old.iter().zip(long) {
            let at = moved(grown, fixup.at);
            if !long {
                fixups.push(Fixup { at, ..*fixup });
                continue;
            }
            let end = self.grows_after(fixup.at);
            let far = moved(grown, end) + LONG;
            let backward = self.labels[fixup.label.0 as usize].at <= fixup.at;
            let op = if backward { Op::Loop } else { Op::Jmp };
            code[far as usize] = Insn::new(op, 0, 0, 0).encode();
            patch_jump(&mut code[at as usize], at, far);
            fixups.push(Fixup {
                at: far,
                label: fixup.label,
            });
        }
        self.code = code;
        self.fixups = fixups;
        self.shift(|at| moved(grown, at));
    }
}

/// Where the word at `at` stands after the jumps in `grown` (their last words) have grown.
fn moved(grown: &[u32], at: u32) -> u32 {
    at + LONG * grown.partition_point(|&last| last < at) as u32
}

fn decode(word: u64) -> Insn {
    Insn::decode(word).expect("the compiler emits known opcodes")
}

fn is_wide(word: u64) -> bool {
    let operands = decode(word).op.info().operands;
    matches!(operands[2], Operand::Forward32 | Operand::Jump32)
}

fn patch_jump(word: &mut u64, at: u32, target: u32) {
    let offset = target as i64 - i64::from(at) - 1;
    let mut insn = decode(*word);
    if is_wide(*word) {
        insn = insn.with_wide(offset as i32 as u32);
    } else {
        debug_assert!(i16::try_from(offset).is_ok());
        insn.c = offset as i16 as u16;
    }
    *word = insn.encode();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks that load their number, pad, and jump to another block: whatever the distances,
    /// every jump arrives at the block it names.
    fn check(pads: &[usize], jumps: &[(usize, Op)]) {
        let mut asm = Asm::default();
        let labels: Vec<Label> = pads.iter().map(|_| asm.label()).collect();
        let mut expected = Vec::new();
        for (block, pad) in pads.iter().enumerate() {
            asm.bind(labels[block]);
            asm.dead = false;
            asm.patches.push((asm.here(), block as u32));
            asm.emit(Insn::new(Op::LoadI, 0, block as u16, 0));
            for _ in 0..*pad {
                asm.emit(Insn::new(Op::Move, 0, 0, 0));
            }
            let (target, op) = jumps[block];
            let op = match target > block {
                true => op,
                false => Op::LoopT,
            };
            match op {
                Op::IterNext => {
                    asm.jump_pair(Insn::new(op, 0, 2, 0), labels[target], labels[target]);
                }
                _ => asm.jump(Insn::new(op, 0, 0, 0), labels[target]),
            }
            expected.push(target as u16);
        }
        asm.emit(Insn::new(Op::RetNil, 0, 0, 0));
        let code = asm.finish().code;
        let blocks: Vec<u32> = asm.patches.iter().map(|patch| patch.0).collect();
        for (block, &start) in blocks.iter().enumerate() {
            let number = decode(code[start as usize]);
            assert_eq!((number.op, number.b), (Op::LoadI, block as u16));
            let mut at = start as usize + 1 + pads[block];
            loop {
                let insn = decode(code[at]);
                if insn.op == Op::IterNext {
                    let other = decode(code[at + 1]);
                    let target = at as i64 + 2 + other.jump().unwrap();
                    assert_eq!(decode(code[target as usize]).b, expected[block]);
                }
                at = (at as i64 + 1 + insn.jump().expect("a jump")) as usize;
                if decode(code[at]).op == Op::LoadI {
                    break;
                }
            }
            assert_eq!(decode(code[at]).b, expected[block], "from block {block}");
        }
    }

    #[test]
    fn jumps_arrive_at_any_distance() {
        let ops = [Op::JT, Op::Jmp, Op::JLt, Op::IterNext, Op::JDef];
        let mut seed = 1u32;
        let mut random = |limit: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % limit
        };
        for round in 0..60 {
            let count = 2 + random(12);
            let longest = [10, 20_000, 40_000][round % 3];
            let pads: Vec<usize> = (0..count).map(|_| random(longest)).collect();
            let jumps: Vec<(usize, Op)> = (0..count)
                .map(|_| (random(count), ops[random(ops.len())]))
                .collect();
            check(&pads, &jumps);
        }
    }

    #[test]
    fn jumps_just_within_and_just_beyond_reach() {
        for pad in 32_760..32_775 {
            // one jump over another, which grows only if the outer or the inner must
            check(&[0, pad, 0], &[(2, Op::JT), (2, Op::JT), (0, Op::JT)]);
            check(&[pad, 2, 0], &[(0, Op::JT), (0, Op::JT), (1, Op::JT)]);
        }
    }

    #[test]
    fn handlers_and_positions_move_with_the_code() {
        let mut asm = Asm::default();
        let end = asm.label();
        asm.jump(Insn::new(Op::JT, 0, 0, 0), end);
        let mut ranges = Ranges::default();
        asm.open(&mut ranges);
        asm.at(Span { start: 7, end: 8 });
        asm.emit(Insn::new(Op::Add, 0, 0, 0));
        asm.close(&mut ranges);
        for _ in 0..40_000 {
            asm.emit(Insn::new(Op::Move, 0, 0, 0));
        }
        asm.jump(Insn::new(Op::Jmp, 0, 0, 0), end);
        assert!(asm.handler(&ranges, 3, true));
        asm.emit(Insn::new(Op::Rethrow, 3, 0, 0));
        asm.bind(end);
        asm.emit(Insn::new(Op::RetNil, 0, 0, 0));
        let done = asm.finish();
        let [handler] = done.handlers[..] else {
            panic!("one handler");
        };
        assert_eq!((handler.start, handler.end), (3, 4));
        assert_eq!(decode(done.code[3]).op, Op::Add);
        assert_eq!(decode(done.code[handler.target as usize]).op, Op::Rethrow);
        assert_eq!(asm.lines, [(3, 7)]);
    }

    #[test]
    fn what_cannot_be_reached_is_not_emitted() {
        let mut asm = Asm::default();
        let never = asm.label();
        let later = asm.label();
        asm.jump(Insn::new(Op::Jmp, 0, 0, 0), later);
        asm.jump(Insn::new(Op::JT, 0, 0, 0), never);
        asm.bind(never);
        asm.emit(Insn::new(Op::Move, 0, 0, 0));
        asm.bind(later);
        asm.emit(Insn::new(Op::RetNil, 0, 0, 0));
        assert_eq!(asm.finish().code.len(), 2);
    }
}

//! Paths, and the literals of collections.

use super::func::{Entry, FnGen, special};
use crate::hir::*;
use gene_format::ops::{Insn, Op};
use gene_format::text::Span;

/// Values that a literal collects in slots before they go into the collection.
const CHUNK: usize = 32;

/// Strings joined by one instruction.
const JOINED: usize = 64;

/// A place whose container (and key) is evaluated.
#[derive(Clone, Copy)]
enum Target<'h> {
    Member(u16, &'h str),
    Index(u16, i16),
    Key(u16, u16),
}

impl<'h> FnGen<'_, 'h> {
    /// Reads and assignments of paths.
    pub fn path(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        let mark = self.mark();
        match &expr.kind {
            ExprKind::Get(place) => {
                let target = self.place(place, &[]);
                self.reset(mark);
                let slot = self.target(dest);
                self.at(expr.span);
                self.get(target, slot);
                slot
            }
            ExprKind::GetOr(of, name, variable) => {
                let slot = self.scratch(dest);
                let inner = self.mark();
                let from = self.operand(of, &[variable]);
                self.at(expr.span);
                self.get(Target::Member(from, name), slot);
                let end = self.asm.label();
                self.asm
                    .jump(Insn::new(Op::JNeS, slot, special::VOID, 0), end);
                let key = self.expr(variable, None);
                self.at(expr.span);
                self.op(Op::GetV, slot, from, key);
                self.asm.bind(end);
                self.reset(inner);
                self.settle(slot, dest)
            }
            ExprKind::SetPlace(place, value) => {
                let target = self.place(place, &[value]);
                let from = self.expr(value, None);
                self.at(expr.span);
                self.put(target, from);
                self.settle(from, dest)
            }
            ExprKind::UpdatePlace(place, op, value) => {
                let target = self.place(place, &[value]);
                let slot = self.alloc();
                self.at(expr.span);
                self.get(target, slot);
                if let Target::Member(of, name) = target {
                    let name = self.name(name);
                    self.op_ref(Op::CheckKey, slot, of, name);
                }
                let inner = self.mark();
                // the current value is no variable of the source, for messages
                self.combine(*op, expr, slot, value, expr.span, inner, Some(slot));
                self.at(expr.span);
                self.put(target, slot);
                self.settle(slot, dest)
            }
            ExprKind::Assert(of) => {
                let from = self.expr(of, None);
                self.at(expr.span);
                self.op(Op::CheckSel, from, 0, 0);
                self.settle(from, dest)
            }
            ExprKind::Default(a, b) => {
                let slot = self.scratch(dest);
                self.expr(a, Some(slot));
                let end = self.asm.label();
                self.asm
                    .jump(Insn::new(Op::JNeS, slot, special::VOID, 0), end);
                self.branch(b, Some(slot));
                self.asm.bind(end);
                self.settle(slot, dest)
            }
            other => unreachable!("not a path: {other:?}"),
        }
    }

    fn place(&mut self, place: &'h Place, later: &[&'h Expr]) -> Target<'h> {
        match place {
            Place::Member(of, name) => Target::Member(self.operand(of, later), name),
            Place::Index(of, index) => {
                let of = self.operand(of, later);
                match i16::try_from(*index) {
                    Ok(index) => Target::Index(of, index),
                    Err(_) => {
                        let key = self.alloc();
                        let entry = Entry::Const(self.gen_.pool.int(*index));
                        self.load(key, entry);
                        Target::Key(of, key)
                    }
                }
            }
            Place::Dynamic(of, key) => {
                let mut all = vec![&**key];
                all.extend(later);
                let of = self.operand(of, &all);
                Target::Key(of, self.operand(key, later))
            }
        }
    }

    fn get(&mut self, target: Target<'h>, slot: u16) {
        match target {
            Target::Member(of, name) => {
                let entry = self.field(name);
                self.op_ref(Op::GetF, slot, of, entry);
            }
            Target::Index(of, index) => self.op(Op::GetI, slot, of, index as u16),
            Target::Key(of, key) => self.op(Op::GetX, slot, of, key),
        }
    }

    fn put(&mut self, target: Target<'h>, from: u16) {
        match target {
            Target::Member(of, name) => {
                let entry = self.store(name);
                self.op_ref(Op::SetF, of, from, entry);
            }
            Target::Index(of, index) => self.op(Op::SetI, of, index as u16, from),
            Target::Key(of, key) => self.op(Op::SetX, of, key, from),
        }
    }

    /// Literals of collections and joined strings.
    pub fn collection(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        let mark = self.mark();
        match &expr.kind {
            ExprKind::Concat(parts) => self.join(Op::Concat, parts, expr.span, dest),
            ExprKind::Interp(parts) => self.join(Op::Interp, parts, expr.span, dest),
            ExprKind::Array(items) => {
                let slot = self.scratch(dest);
                self.array_into(items, slot, 0, expr.span);
                self.settle(slot, dest)
            }
            ExprKind::Map(named) => {
                let slot = self.scratch(dest);
                self.map_into(named, slot, expr.span);
                self.settle(slot, dest)
            }
            ExprKind::Gene(head, parts) => {
                let slot = self.scratch(dest);
                self.gene_into(head, &parts.named, &parts.items, slot, expr.span);
                self.settle(slot, dest)
            }
            ExprKind::Seal(of) => {
                let slot = self.scratch(dest);
                self.expr(of, Some(slot));
                self.at(expr.span);
                self.op(Op::Seal, slot, 0, 0);
                self.settle(slot, dest)
            }
            ExprKind::Range(a, b) => {
                let from = self.operand(a, &[b]);
                let to = self.expr(b, None);
                self.reset(mark);
                let slot = self.target(dest);
                self.at(expr.span);
                self.op(Op::Range, slot, from, to);
                slot
            }
            other => unreachable!("not a collection: {other:?}"),
        }
    }

    /// Values in consecutive fresh slots; the first.
    fn values(&mut self, values: impl Iterator<Item = &'h Expr>) -> u16 {
        let first = self.mark() as u16;
        for value in values {
            let slot = self.alloc();
            self.expr(value, Some(slot));
        }
        first
    }

    fn join(&mut self, op: Op, parts: &'h [Expr], span: Span, dest: Option<u16>) -> u16 {
        let mark = self.mark();
        let mut rest = parts;
        // longer lists: the first slot of each further run holds what is joined so far
        let mut carried = 0;
        while rest.len() + carried > JOINED {
            let (chunk, others) = rest.split_at(JOINED - carried);
            self.values(chunk.iter());
            self.at(span);
            self.op(op, mark as u16, mark as u16, JOINED as u16);
            self.keep(mark, mark as u16);
            (rest, carried) = (others, 1);
        }
        self.values(rest.iter());
        self.reset(mark);
        let slot = self.target(dest);
        self.at(span);
        self.op(op, slot, mark as u16, (rest.len() + carried) as u16);
        slot
    }

    /// Builds an array; `kind` is the `x` of `ArrSpread`.
    pub fn array_into(&mut self, items: &'h [Item], slot: u16, kind: u8, span: Span) {
        let mark = self.mark();
        let plain = items.iter().position(|item| item.spread);
        let (first, rest) = items.split_at(plain.unwrap_or(items.len()).min(CHUNK));
        let run = self.values(first.iter().map(|item| &item.value));
        self.reset(mark);
        self.at(span);
        self.op(Op::Array, slot, run, first.len() as u16);
        for item in rest {
            let from = self.expr(&item.value, None);
            self.at(span);
            match item.spread {
                true => self.op_x(Op::ArrSpread, kind, slot, from, 0),
                false => self.op(Op::ArrPush, slot, from, 0),
            }
            self.reset(mark);
        }
    }

    /// Builds a map. Later entries win, whether written or spread.
    pub fn map_into(&mut self, named: &'h [Named], slot: u16, span: Span) {
        let mark = self.mark();
        let mut names: Vec<&'h str> = Vec::new();
        for one in named.iter().take(CHUNK) {
            match one {
                Named::Entry(name, _) if !names.contains(&&**name) => names.push(name),
                _ => break,
            }
        }
        let (first, rest) = named.split_at(names.len());
        let run = self.values(first.iter().map(|one| {
            let (Named::Entry(_, value) | Named::Spread(value)) = one;
            value
        }));
        self.reset(mark);
        let keys = Entry::Const(self.gen_.pool.keys(names.into_iter()));
        self.at(span);
        self.op_ref(Op::Map, slot, run, keys);
        for one in rest {
            match one {
                Named::Entry(name, value) => {
                    let from = self.expr(value, None);
                    let name = self.name(name);
                    self.at(span);
                    self.op_ref(Op::MapSet, slot, from, name);
                }
                Named::Spread(value) => {
                    let from = self.expr(value, None);
                    self.at(span);
                    self.op(Op::MapSpread, slot, from, 0);
                }
            }
            self.reset(mark);
        }
    }

    fn gene_into(
        &mut self,
        head: &'h Expr,
        props: &'h [Named],
        children: &'h [Item],
        slot: u16,
        span: Span,
    ) {
        let mark = self.mark();
        let from = self.expr(head, None);
        self.reset(mark);
        self.at(span);
        self.op(Op::GeneNew, slot, from, 0);
        for prop in props {
            match prop {
                Named::Entry(name, value) => {
                    let from = self.expr(value, None);
                    let name = self.name(name);
                    self.at(span);
                    self.op_ref(Op::GeneProp, slot, from, name);
                }
                Named::Spread(value) => {
                    let from = self.expr(value, None);
                    self.at(span);
                    self.op(Op::GenePropSpread, slot, from, 0);
                }
            }
            self.reset(mark);
        }
        for child in children {
            let from = self.expr(&child.value, None);
            self.at(span);
            let op = if child.spread {
                Op::GeneSpread
            } else {
                Op::GenePush
            };
            self.op(op, slot, from, 0);
            self.reset(mark);
        }
    }
}

//! Optimisation of the intermediate representation: constant folding, constants and copies
//! followed through assignments, branches on constants, variables that nothing reads, type checks
//! that cannot fail.
//!
//! What may raise stays, in its order and with its place. A constant is folded only if the
//! result is what the machine would compute; a variable is never replaced by its constant
//! where a message could tell (`Cannot add variable of type: …`). Cells are left alone:
//! others may assign them.

mod dead;
mod fold;
mod types;

#[cfg(test)]
mod tests;

use crate::hir::*;
use crate::visit::{parts, parts_mut};
use fold::{Constant, fold};
use types::Signatures;

/// Optimises every function.
pub fn optimise(hir: &mut Hir) {
    let captured: Vec<Vec<LocalId>> = hir.funcs.iter().map(captured_locals).collect();
    let signatures = Signatures::of(hir);
    for function in &mut hir.funcs {
        let mut typed = function.result.is_some();
        if !is_within(&function.body, MAX_DEPTH, &signatures, &mut typed) {
            continue;
        }
        if typed {
            types::remove_checks(function, &signatures);
        }
        propagate(function);
        dead::remove(function, &captured);
    }
}

/// Deepest nesting that is optimised: the passes recurse.
const MAX_DEPTH: u32 = 10_000;

/// Whether the expression nests at most this deep. Also tells whether types matter in it.
fn is_within(expr: &Expr, depth: u32, signatures: &Signatures, typed: &mut bool) -> bool {
    let mut within = depth > 0;
    if within {
        *typed = *typed || signatures.concern(expr);
        parts(expr, &mut |part, _| {
            within = within && is_within(part, depth - 1, signatures, typed)
        });
    }
    within
}

/// The locals of the enclosing function that closures of this one copy.
fn captured_locals(function: &Function) -> Vec<LocalId> {
    let locals = function
        .captures
        .iter()
        .filter_map(|capture| match capture.from {
            CaptureSource::Local(local) => Some(local),
            CaptureSource::Capture(_) => None,
        });
    locals.collect()
}

/// What is known of a local at one place.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
enum Known {
    #[default]
    Nothing,
    Constant(Constant),
    /// The same value as this local.
    Copy(LocalId),
}

/// Follows one function's control flow.
struct Flow<'f> {
    locals: &'f [Local],
    known: Vec<Known>,
    /// Locals that were copies of each local at some time.
    copies: Vec<Vec<LocalId>>,
    /// Earlier knowledge, to be restored behind a branch.
    trail: Vec<(LocalId, Known)>,
}

/// Locals that a branch changed, in order, and what is known of them at its end.
type Changes = Vec<(LocalId, Known)>;

fn propagate(function: &mut Function) {
    let count = function.locals.len();
    let mut flow = Flow {
        locals: &function.locals,
        known: vec![Known::Nothing; count],
        copies: vec![Vec::new(); count],
        trail: Vec::new(),
    };
    for param in &mut function.params {
        if let Some(default) = &mut param.default {
            flow.perhaps(default);
        }
    }
    flow.expr(&mut function.body);
}

/// Locals that the expression assigns or declares.
fn assigned(expr: &Expr, out: &mut Vec<LocalId>) {
    match &expr.kind {
        ExprKind::Set(Var::Local(local), _) | ExprKind::Declare(local, _) => out.push(*local),
        ExprKind::For { key, value, .. } => out.extend(key.iter().flatten().chain(value)),
        ExprKind::Try { catches, .. } => out.extend(catches.iter().filter_map(|one| one.bind)),
        _ => {}
    }
    parts(expr, &mut |part, _| assigned(part, out));
}

impl Flow<'_> {
    fn set(&mut self, local: LocalId, known: Known) {
        let old = std::mem::replace(&mut self.known[local.index()], known);
        if old != known {
            self.trail.push((local, old));
        }
    }

    /// The local gets a new value.
    fn assign(&mut self, local: LocalId, known: Known) {
        for at in 0..self.copies[local.index()].len() {
            let copy = self.copies[local.index()][at];
            if self.known[copy.index()] == Known::Copy(local) {
                self.set(copy, Known::Nothing);
            }
        }
        let plain = !self.locals[local.index()].cell;
        self.set(local, if plain { known } else { Known::Nothing });
        if let Known::Copy(of) = self.known[local.index()] {
            self.copies[of.index()].push(local);
        }
    }

    fn forget(&mut self, locals: &[LocalId]) {
        for &local in locals {
            self.assign(local, Known::Nothing);
        }
    }

    fn constant(&self, expr: &Expr) -> Option<Constant> {
        match &expr.kind {
            ExprKind::Var(Var::Local(local)) => match self.known[local.index()] {
                Known::Constant(constant) => Some(constant),
                _ => None,
            },
            _ => Constant::of(expr),
        }
    }

    /// What is known of a local that gets this value.
    fn value(&self, expr: &Expr) -> Known {
        match (&expr.kind, self.constant(expr)) {
            (_, Some(constant)) => Known::Constant(constant),
            (ExprKind::Var(Var::Local(local)), None) if !self.locals[local.index()].cell => {
                Known::Copy(*local)
            }
            _ => Known::Nothing,
        }
    }

    /// Follows a part; gives what it changed and takes it back.
    fn apart(&mut self, follow: impl FnOnce(&mut Self)) -> Changes {
        let start = self.trail.len();
        follow(self);
        let mut changed: Vec<LocalId> = self.trail[start..].iter().map(|entry| entry.0).collect();
        changed.sort_unstable();
        changed.dedup();
        let now = |local: LocalId| (local, self.known[local.index()]);
        let changes = changed.into_iter().map(now).collect();
        for (local, old) in self.trail.drain(start..).rev() {
            self.known[local.index()] = old;
        }
        changes
    }

    /// Goes on behind one of two ways: what both agree on stays known.
    fn join(&mut self, one: &Changes, other: &Changes) {
        for &(local, known) in one.iter().chain(other) {
            let at_end =
                |changes: &Changes| match changes.binary_search_by_key(&local, |change| change.0) {
                    Ok(at) => changes[at].1,
                    Err(_) => self.known[local.index()],
                };
            let agreed = at_end(one) == known && at_end(other) == known;
            let changed = if agreed { known } else { Known::Nothing };
            self.set(local, changed);
        }
    }

    /// A part that runs once or not at all.
    fn perhaps(&mut self, expr: &mut Expr) {
        let changes = self.apart(|flow| flow.expr(expr));
        self.join(&changes, &Changes::new());
    }

    /// A part that runs any number of times, of which `assigned` is known already.
    fn round(&mut self, expr: &mut Expr) {
        self.apart(|flow| flow.expr(expr));
    }

    fn expr(&mut self, expr: &mut Expr) {
        match &mut expr.kind {
            ExprKind::Var(Var::Local(local)) => {
                if let Known::Copy(of) = self.known[local.index()] {
                    *local = of;
                }
                return;
            }
            ExprKind::Set(Var::Local(local), value) | ExprKind::Declare(local, Some(value)) => {
                self.expr(value);
                let known = self.value(value);
                // a copy of itself tells nothing new
                if known != Known::Copy(*local) {
                    self.assign(*local, known);
                }
                return;
            }
            ExprKind::Declare(local, None) => {
                return self.assign(*local, Known::Constant(Constant::Nil));
            }
            ExprKind::If(condition, then, otherwise) => {
                self.expr(condition);
                let truth = self.constant(condition).map(Constant::truth);
                let taken = match truth {
                    Some(true) => Some(then),
                    Some(false) => Some(otherwise),
                    None => {
                        let one = self.apart(|flow| flow.expr(then));
                        let other = self.apart(|flow| flow.expr(otherwise));
                        return self.join(&one, &other);
                    }
                };
                if let Some(taken) = taken {
                    let nil = Expr {
                        kind: ExprKind::Nil,
                        span: taken.span,
                    };
                    *expr = std::mem::replace(&mut **taken, nil);
                    self.expr(expr);
                }
                return;
            }
            ExprKind::While(..)
            | ExprKind::Loop(..)
            | ExprKind::Repeat(..)
            | ExprKind::For { .. }
            | ExprKind::Try { .. } => return self.repeated(expr),
            _ => {}
        }
        parts_mut(expr, &mut |part, role| match role.branch {
            true => self.perhaps(part),
            false => self.expr(part),
        });
        if let Some(folded) = fold(expr, |part| self.constant(part)) {
            expr.kind = folded;
        }
    }

    /// Loops and `try`: what they assign is unknown inside and behind them.
    fn repeated(&mut self, expr: &mut Expr) {
        if let ExprKind::Repeat(_, first, _) | ExprKind::For { coll: first, .. } = &mut expr.kind {
            self.expr(first);
        }
        let mut changed = Vec::new();
        assigned(expr, &mut changed);
        self.forget(&changed);
        match &mut expr.kind {
            ExprKind::While(_, condition, body) => {
                self.round(condition);
                if self.constant(condition).is_some_and(|known| !known.truth()) {
                    expr.kind = ExprKind::Nil;
                    return;
                }
                self.round(body);
            }
            ExprKind::Loop(_, body) | ExprKind::Repeat(_, _, body) | ExprKind::For { body, .. } => {
                self.round(body)
            }
            _ => parts_mut(expr, &mut |part, _| self.round(part)),
        }
    }
}

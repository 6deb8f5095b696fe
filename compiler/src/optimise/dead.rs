//! Variables that nothing reads: their declarations and assignments go, what they are given
//! is still evaluated.

use crate::hir::*;
use crate::visit::{parts, parts_mut};

/// Passes over a function: a variable may be read only by the declaration of another.
const PASSES: usize = 3;

/// Removes them. `captured` tells which locals a closure of a function copies.
pub(super) fn remove(function: &mut Function, captured: &[Vec<LocalId>]) {
    for _ in 0..PASSES {
        let mut use_ = Use {
            captured,
            read: vec![false; function.locals.len()],
            written: vec![false; function.locals.len()],
        };
        for default in function.params.iter().filter_map(|p| p.default.as_ref()) {
            use_.expr(default);
        }
        use_.expr(&function.body);
        let dead = function
            .locals
            .iter()
            .zip(use_.read.iter().zip(&use_.written));
        let dead: Vec<bool> = dead
            .map(|(local, (read, written))| !local.cell && !read && *written)
            .collect();
        if !dead.contains(&true) {
            return;
        }
        strip(&mut function.body, &dead);
    }
}

struct Use<'c> {
    captured: &'c [Vec<LocalId>],
    read: Vec<bool>,
    written: Vec<bool>,
}

impl Use<'_> {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Var(Var::Local(local)) => self.read[local.index()] = true,
            ExprKind::Closure(id) => {
                for local in &self.captured[id.index()] {
                    self.read[local.index()] = true;
                }
            }
            ExprKind::Set(Var::Local(local), _) | ExprKind::Declare(local, _) => {
                self.written[local.index()] = true;
            }
            ExprKind::For { key, value, .. } => {
                for local in key.iter().flatten().chain(value) {
                    self.written[local.index()] = true;
                }
            }
            ExprKind::Try { catches, .. } => {
                for local in catches.iter().filter_map(|catch| catch.bind) {
                    self.written[local.index()] = true;
                }
            }
            _ => {}
        }
        parts(expr, &mut |part, _| self.expr(part));
    }
}

fn strip(expr: &mut Expr, dead: &[bool]) {
    let is_dead = |local: &LocalId| dead[local.index()];
    match &mut expr.kind {
        ExprKind::Set(Var::Local(local), value) | ExprKind::Declare(local, Some(value))
            if is_dead(local) =>
        {
            let nil = Expr {
                kind: ExprKind::Nil,
                span: value.span,
            };
            *expr = std::mem::replace(&mut **value, nil);
            return strip(expr, dead);
        }
        ExprKind::Declare(local, None) if is_dead(local) => expr.kind = ExprKind::Nil,
        ExprKind::For { key, value, .. } => {
            for bound in key.iter_mut().chain([value]) {
                *bound = bound.filter(|local| !is_dead(local));
            }
        }
        ExprKind::Try { catches, .. } => {
            for catch in catches {
                catch.bind = catch.bind.filter(|local| !is_dead(local));
            }
        }
        _ => {}
    }
    parts_mut(expr, &mut |part, _| strip(part, dead));
}

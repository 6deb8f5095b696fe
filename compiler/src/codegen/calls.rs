//! Calls: windows, keywords, spread, tail calls, intrinsic methods.
//!
//! A window at `a`: result and callee in `r[a]`, the header's room, arguments from `r[a+3]`.
//! Keyword values are evaluated first but lie last.

use super::func::{Entry, FnGen, special};
use crate::hir::*;
use gene_format::ops::{HEADER, Op};
use gene_format::program::{ConstId, FuncId};
use std::collections::HashSet;

/// More arguments than this go through the spread form, so that frames stay small.
const MAX_ARGS: usize = 250;

/// A call without its arguments.
#[derive(Clone, Copy)]
enum Callee<'h> {
    /// Held by a table entry.
    Known(Entry),
    /// Any value.
    Value(&'h Expr),
    /// Method of this name.
    Method(&'h Expr, &'h str),
    /// Method of the parent class.
    Super(&'h Expr, &'h str),
    /// Method whose name is computed.
    Dynamic(&'h Expr, &'h Expr),
    /// Construction.
    New(&'h Expr),
}

impl Callee<'_> {
    /// Slots between header and arguments.
    fn kept(self) -> usize {
        usize::from(!matches!(self, Callee::Known(_) | Callee::Value(_)))
    }
}

fn name_of(named: &Named) -> Option<&str> {
    match named {
        Named::Entry(name, _) => Some(name),
        Named::Spread(_) => None,
    }
}

fn has_duplicates(named: &[Named]) -> bool {
    let mut seen = HashSet::new();
    named.len() > 1 && !named.iter().all(|one| seen.insert(name_of(one)))
}

/// Whether the arguments cannot stand in a window.
fn is_spread(args: &Args) -> bool {
    args.items.len() + args.named.len() > MAX_ARGS
        || args.items.iter().any(|item| item.spread)
        || args.named.iter().any(|one| name_of(one).is_none())
        || has_duplicates(&args.named)
}

/// Whether evaluating the expression cannot assign a global: no call, no assignment.
fn is_inert(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary(op, a, b) => {
            !matches!(op, BinaryOp::Eq | BinaryOp::Ne) && is_inert(a) && is_inert(b)
        }
        ExprKind::Unary(_, of) => is_inert(of),
        ExprKind::Var(Var::Local(_) | Var::Capture(_) | Var::Global(_)) => true,
        _ => super::func::is_leaf(expr),
    }
}

fn intrinsic(name: &str, args: &Args) -> Option<(Op, u8)> {
    if !args.named.is_empty() || args.items.iter().any(|item| item.spread) {
        return None;
    }
    Some(match (name, args.items.len()) {
        ("get", 1) => (Op::MGet, 0),
        ("add", 1) => (Op::MAdd, 0),
        ("push", 1) => (Op::MPush, 0),
        ("char_at", 1) => (Op::MCharAt, 0),
        ("append", 1) => (Op::MAppend, 0),
        ("size", 0) => (Op::MSize, 0),
        ("length", 0) => (Op::MSize, 1),
        _ => return None,
    })
}

impl<'h> FnGen<'_, 'h> {
    /// A call whose value is wanted.
    pub fn call(&mut self, expr: &'h Expr, dest: Option<u16>) -> u16 {
        let mark = self.mark();
        if let ExprKind::MethodCall(receiver, name, args) = &expr.kind
            // a program's own method of that name is better called through a cache
            && !self.gen_.hir.method_names.contains(&**name)
            && let Some((op, x)) = intrinsic(name, args)
        {
            let argument = args.items.first().map(|item| &item.value);
            let later: &[&Expr] = argument.as_slice();
            let from = self.operand(receiver, later);
            let argument = argument.map_or(0, |argument| self.expr(argument, None));
            self.reset(mark);
            let slot = self.target(dest);
            self.at(expr.span);
            self.op_x(op, x, slot, from, argument);
            return slot;
        }
        let (callee, args) = self.callee(expr);
        let window = self.window(dest);
        self.call_in(expr, callee, args, window, false);
        self.settle(window, dest)
    }

    /// A call whose value is the function's result.
    pub fn tail_call(&mut self, expr: &'h Expr) {
        let (callee, args) = self.callee(expr);
        let window = self.window(None);
        self.call_in(expr, callee, args, window, true);
    }

    fn callee(&mut self, expr: &'h Expr) -> (Callee<'h>, &'h Args) {
        match &expr.kind {
            ExprKind::Call(callee, args) => (self.call_target(callee, args), args),
            ExprKind::MethodCall(of, name, args) => (Callee::Method(of, name), args),
            ExprKind::SuperCall(of, name, args) => (Callee::Super(of, name), args),
            ExprKind::DynamicCall(of, method, args) => (Callee::Dynamic(of, method), args),
            ExprKind::New(class, args) => (Callee::New(class), args),
            other => unreachable!("not a call: {other:?}"),
        }
    }

    /// A callee that the call instruction can name, if evaluating it after the arguments
    /// makes no difference.
    fn call_target(&mut self, callee: &'h Expr, args: &'h Args) -> Callee<'h> {
        if !args.named.is_empty() || is_spread(args) || !self.room_for_values() {
            return Callee::Value(callee);
        }
        match &callee.kind {
            ExprKind::Builtin(name) => Callee::Known(Entry::Builtin(self.gen_.pool.string(name))),
            ExprKind::Closure(id) if self.gen_.hir.funcs[id.index()].captures.is_empty() => {
                Callee::Known(Entry::Func(FuncId(id.0)))
            }
            ExprKind::Var(Var::Global(id)) if self.is_shared(*id) => Callee::Value(callee),
            ExprKind::Var(Var::Global(id)) => match self.global(*id) {
                Entry::Global(_)
                    if self.far_globals
                        || self.gen_.hir.home(*id).is_none() // others stay as they are
                            && !args.items.iter().all(|item| is_inert(&item.value)) =>
                {
                    Callee::Value(callee)
                }
                entry => Callee::Known(entry),
            },
            _ => Callee::Value(callee),
        }
    }

    /// Fills the window and calls.
    fn call_in(
        &mut self,
        expr: &'h Expr,
        callee: Callee<'h>,
        args: &'h Args,
        window: u16,
        tail: bool,
    ) {
        match callee {
            Callee::Known(_) => {}
            Callee::Value(value) | Callee::New(value) => {
                self.expr(value, Some(window));
                if callee.kept() == 1 {
                    self.alloc();
                }
            }
            Callee::Method(of, _) | Callee::Super(of, _) => {
                let slot = self.alloc();
                self.expr(of, Some(slot));
            }
            Callee::Dynamic(of, method) => {
                let slot = self.alloc();
                self.expr(of, Some(slot));
                self.expr(method, Some(window));
            }
        }
        let keywords_in_window = !matches!(callee, Callee::Dynamic(..)) || args.named.is_empty();
        if is_spread(args) || !keywords_in_window {
            return self.spread_call(expr, callee, args, window, tail);
        }
        let count = args.items.len() + args.named.len();
        let mut keys = None;
        if args.named.is_empty() {
            for item in &args.items {
                let slot = self.alloc();
                self.expr(&item.value, Some(slot));
            }
        } else {
            let first = self.alloc_run(count);
            let last = first + args.items.len() as u16;
            for at in self.keyword_order(callee, args) {
                let (Named::Entry(_, value) | Named::Spread(value)) = &args.named[at];
                self.expr(value, Some(last + at as u16));
            }
            for (at, item) in args.items.iter().enumerate() {
                self.expr(&item.value, Some(first + at as u16));
            }
            let names = args.named.iter().filter_map(name_of);
            keys = Some(self.gen_.pool.keys(names));
        }
        self.at(expr.span);
        self.call_op(callee, window, count as u16, keys, args.passing, tail);
    }

    /// In which order keyword values are evaluated: in that of the parameters where the function
    /// is known (the conformance programs fix this), else in that of writing.
    fn keyword_order(&self, callee: Callee<'h>, args: &Args) -> Vec<usize> {
        let mut order: Vec<usize> = (0..args.named.len()).collect();
        let hir = self.gen_.hir;
        if let Callee::Value(value) = callee
            && let ExprKind::Var(Var::Global(id)) = &value.kind
        {
            let global = &hir.globals[id.index()];
            let own = global.func.filter(|_| !global.assigned);
            let own = own.map_or(&[][..], |func| &hir.funcs[func.index()].params);
            let imported = match hir.home(*id) {
                Some(Home::Imported { params, .. }) => params.as_slice(),
                _ => &[],
            };
            let own = own.iter().map(|param| param.name.as_str());
            let params: Vec<&str> = own.chain(imported.iter().map(String::as_str)).collect();
            order.sort_by_key(|&at| {
                match &args.named[at] {
                    Named::Entry(name, _) => params.iter().position(|param| *param == &**name),
                    Named::Spread(_) => None,
                }
                .unwrap_or(params.len())
            });
        }
        order
    }

    fn call_op(
        &mut self,
        callee: Callee<'h>,
        window: u16,
        count: u16,
        keys: Option<ConstId>,
        passing: u8,
        tail: bool,
    ) {
        let pick = |plain: Op, tail_form: Op| if tail { tail_form } else { plain };
        match (callee, keys) {
            (Callee::Known(entry), _) => {
                // `table` makes `CallF` of it where the function turns out to have the same window
                let op = pick(Op::CallK, Op::TailCallK);
                self.op_ref_x(op, passing, window, count, entry);
            }
            (Callee::Value(_), None) => {
                self.op(pick(Op::Call, Op::TailCall), window, count, 0);
            }
            (Callee::Value(_), Some(keys)) => {
                let op = pick(Op::CallKw, Op::TailCallKw);
                self.op_ref(op, window, count, Entry::Const(keys));
            }
            (Callee::New(_), None) => self.op(Op::New, window, count, 0),
            (Callee::New(_), Some(keys)) => {
                self.op_ref(Op::NewKw, window, count, Entry::Const(keys));
            }
            (Callee::Dynamic(..), _) => self.op(Op::CallD, window, count + 1, 0),
            (Callee::Method(_, name) | Callee::Super(_, name), _) => {
                let argc = count + 1;
                let name = self.gen_.pool.string(name);
                let entry = Entry::Method { name, argc, keys };
                let op = match (matches!(callee, Callee::Super(..)), keys.is_some()) {
                    (false, false) => pick(Op::CallM, Op::TailCallM),
                    (false, true) => pick(Op::CallMKw, Op::TailCallMKw),
                    (true, false) => Op::SuperM,
                    (true, true) => Op::SuperMKw,
                };
                self.op_ref(op, window, argc, entry);
            }
        }
    }

    /// Arguments in an array and a map.
    fn spread_call(
        &mut self,
        expr: &'h Expr,
        callee: Callee<'h>,
        args: &'h Args,
        window: u16,
        tail: bool,
    ) {
        let count = 2 + callee.kept() as u16;
        let array = self.alloc();
        debug_assert_eq!(
            usize::from(array),
            usize::from(window) + HEADER + callee.kept()
        );
        let map = self.alloc();
        match args.named.is_empty() {
            true => self.special(map, special::NIL),
            false => self.map_into(&args.named, map, expr.span),
        }
        self.array_into(&args.items, array, 1, expr.span);
        self.at(expr.span);
        match callee {
            Callee::Known(entry) => {
                self.load(window, entry);
                self.op(Op::CallV, window, count, 0);
            }
            Callee::Value(_) => {
                let op = if tail { Op::TailCallV } else { Op::CallV };
                self.op(op, window, count, 0);
            }
            Callee::Method(_, name) => {
                let name = self.name(name);
                let op = if tail { Op::TailCallMV } else { Op::CallMV };
                self.op_ref(op, window, count, name);
            }
            Callee::Super(_, name) => {
                let name = self.name(name);
                self.op_ref(Op::SuperMV, window, count, name);
            }
            Callee::Dynamic(..) => self.op(Op::CallDV, window, count, 0),
            Callee::New(_) => self.op(Op::NewV, window, count, 0),
        }
    }
}

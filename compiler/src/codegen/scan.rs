//! What a function's locals need, found in one pass before its code is generated: where
//! each gets its slot, and what must happen there.
//!
//! A *region* is a part that runs any number of times: a branch, a loop's body, a handler. A
//! local has its slot from the start to the end of the smallest region that mentions it.

use crate::hash::FastMap;
use crate::hir::{CaptureSource, Catch, Expr, ExprKind, Function, Hir, LocalId, Var};
use crate::visit::parts;

/// Facts about one local.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct LocalPlan {
    /// Its slot (or a cell in it) must hold nil when its region begins: something may read it
    /// before its declaration has run.
    pub init: bool,
    /// A closure captures it before its declaration runs: the declaration fills the cell that
    /// is there instead of making one.
    pub early: bool,
    /// Some operand assigns it while an earlier operand waits, so operands must copy it.
    pub hazard: bool,
}

/// What the generator asks when it enters a region.
#[derive(Default)]
pub(super) struct Plan {
    /// By local.
    pub locals: Vec<LocalPlan>,
    /// By address of the region's expression: its locals in `order`.
    regions: FastMap<usize, (u32, u32)>,
    order: Vec<LocalId>,
    /// An expression lies deeper than [`MAX_DEPTH`].
    pub too_deep: bool,
}

/// Deepest nesting of expressions: all passes recurse. A sum of as many terms nests as deep.
pub(super) const MAX_DEPTH: u32 = 50_000;

impl Plan {
    /// The locals whose smallest region is this expression.
    pub fn region(&self, region: &Expr) -> std::ops::Range<usize> {
        if self.regions.is_empty() {
            return 0..0;
        }
        let found = self.regions.get(&address(region)).copied();
        let (start, end) = found.unwrap_or_default();
        start as usize..end as usize
    }

    /// A local of a region.
    pub fn at(&self, index: usize) -> LocalId {
        self.order[index]
    }
}

fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr) as usize
}

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Seen {
    /// Smallest region that contains every mention.
    region: u32,
    /// Region of the first declaration, if no mention came before it.
    declared: u32,
}

struct Region {
    parent: u32,
    depth: u32,
    address: usize,
}

struct Scan<'h, 'p> {
    hir: &'h Hir,
    plan: &'p mut Plan,
    seen: Vec<Seen>,
    regions: Vec<Region>,
    /// The regions around the current one and itself, by depth.
    open: Vec<u32>,
    current: u32,
    /// Operands that wait for the part being scanned.
    waiting: u32,
    depth: u32,
}

/// Plans the function's locals.
pub(super) fn scan(hir: &Hir, function: &Function, plan: &mut Plan) {
    plan.regions.clear();
    plan.order.clear();
    plan.locals.clear();
    plan.too_deep = false;
    let count = function.locals.len();
    plan.locals.resize(count, LocalPlan::default());
    let nowhere = Seen {
        region: NONE,
        declared: NONE,
    };
    let root = Region {
        parent: 0,
        depth: 0,
        address: address(&function.body),
    };
    let mut scan = Scan {
        hir,
        plan,
        seen: vec![nowhere; count],
        regions: vec![root],
        open: vec![0],
        current: 0,
        waiting: 0,
        depth: 0,
    };
    for default in function.params.iter().filter_map(|p| p.default.as_ref()) {
        scan.expr(default);
    }
    scan.expr(&function.body);
    scan.finish(function);
}

impl<'h> Scan<'h, '_> {
    fn mention(&mut self, local: LocalId) {
        let mut region = self.seen[local.index()].region;
        if region == NONE {
            region = self.current;
        }
        // up to a region that is open; each local only ever goes up
        loop {
            let Region { parent, depth, .. } = self.regions[region as usize];
            if self.open.get(depth as usize) == Some(&region) {
                break;
            }
            region = parent;
        }
        self.seen[local.index()].region = region;
    }

    fn declare(&mut self, local: LocalId) {
        if self.seen[local.index()].region == NONE {
            self.seen[local.index()].declared = self.current;
        }
        self.mention(local);
    }

    fn expr(&mut self, expr: &'h Expr) {
        if self.depth >= MAX_DEPTH {
            self.plan.too_deep = true;
            return;
        }
        self.depth += 1;
        self.inside(expr);
        self.depth -= 1;
    }

    fn inside(&mut self, expr: &'h Expr) {
        match &expr.kind {
            ExprKind::Var(Var::Local(local)) => return self.mention(*local),
            ExprKind::Closure(id) => {
                for capture in &self.hir.funcs[id.index()].captures {
                    if let CaptureSource::Local(local) = capture.from {
                        self.mention(local);
                    }
                }
                return;
            }
            ExprKind::For {
                coll,
                key,
                value,
                body,
                ..
            } => {
                self.expr(coll);
                let bound = key.iter().flatten().chain(value);
                return self.branch(body, bound.copied());
            }
            ExprKind::Try {
                body,
                catches,
                finally,
            } => {
                self.branch(body, []);
                for Catch { class, bind, body } in catches {
                    if let Some(class) = class {
                        self.branch(class, []);
                    }
                    self.branch(body, *bind);
                }
                if let Some(finally) = finally {
                    self.branch(finally, []);
                }
                return;
            }
            _ => {}
        }
        parts(expr, &mut |part, role| {
            self.waiting += u32::from(role.later);
            match role.branch {
                true => self.branch(part, []),
                false => self.expr(part),
            }
            self.waiting -= u32::from(role.later);
        });
        match &expr.kind {
            ExprKind::Set(Var::Local(local), _) => {
                self.mention(*local);
                self.plan.locals[local.index()].hazard |= self.waiting > 0;
            }
            ExprKind::Declare(local, _) => self.declare(*local),
            _ => {}
        }
    }

    fn branch(&mut self, body: &'h Expr, bound: impl IntoIterator<Item = LocalId>) {
        let outer = self.current;
        self.regions.push(Region {
            parent: outer,
            depth: self.regions[outer as usize].depth + 1,
            address: address(body),
        });
        self.current = self.regions.len() as u32 - 1;
        self.open.push(self.current);
        for local in bound {
            self.declare(local);
        }
        self.expr(body);
        self.open.pop();
        self.current = outer;
    }

    /// Groups the locals by region.
    fn finish(self, function: &Function) {
        let first = super::receiver_slots(function.kind) + function.params.len();
        let mut order: Vec<(u32, LocalId)> = Vec::new();
        for (at, seen) in self.seen.iter().enumerate().skip(first) {
            let local = LocalId(at as u32);
            if seen.region == NONE {
                continue;
            }
            order.push((seen.region, local));
            let plan = &mut self.plan.locals[at];
            plan.early = seen.declared == NONE;
            plan.init = seen.declared != seen.region;
        }
        order.sort_unstable_by_key(|&(region, local)| (region, local));
        let mut start = 0;
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let end = start + group.len() as u32;
            let address = self.regions[group[0].0 as usize].address;
            self.plan.regions.insert(address, (start, end));
            self.plan.order.extend(group.iter().map(|entry| entry.1));
            start = end;
        }
    }
}

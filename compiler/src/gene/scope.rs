//! Scopes: which variable a name means at a place, which variables closures capture, and
//! which of them need a heap cell.
//!
//! Every name has a stack of bindings; a lookup reads its top. A scope remembers the names it
//! bound and takes them off again. A variable that is captured lives in a cell if it may
//! change after a closure copied it: it is assigned by a closure, or by its own function
//! behind the capture in the text, or in a loop that runs capture and assignment in turn
//! without running the declaration again.

use super::names::Name;
use crate::hash::FastMap;
use crate::hir::{
    Capture, CaptureId, CaptureSource, Check, FnId, Function, GlobalId, Local, LocalId, LoopId, Var,
};
use std::rc::Rc;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    /// Local variable of the function at the binding's depth.
    Local(LocalId),
    /// Module variable.
    Global(GlobalId),
    /// Member of the class or namespace held by that local, at the binding's depth.
    Member(LocalId),
    /// Something that evaluated code finds in the array held by that local.
    Outer(LocalId, Outer),
}

/// What evaluated code is given (see `super::intrinsics`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outer {
    /// Variable of the code around: element of the scope.
    Local(u32),
    /// Variable of the module around: element of its names.
    Module(u32),
    /// Value in the data that has no spelling: element of the values.
    Value(u32),
    /// The map of definitions that evaluated code made.
    Definitions,
}

/// Facts about a binding that most do not need.
#[derive(Clone, Default)]
pub(super) struct Info {
    /// Bound by `let`.
    pub is_let: bool,
    /// Declared type.
    pub check: Option<Rc<Check>>,
    /// The function it holds, while nothing assigned it.
    pub func: Option<FnId>,
    /// Bound by `fn`, `class` and the like, so it never holds an index or a key.
    pub definition: bool,
}

/// One meaning of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding {
    /// Function of the variable, as index into the stack of open functions.
    pub depth: u32,
    /// Variable.
    pub slot: Slot,
    /// Index of its [`Info`]; 0 is the default.
    pub info: u32,
}

/// A loop that is open in a function.
pub(super) struct OpenLoop {
    pub id: LoopId,
    pub label: Option<Name>,
    serial: u32,
}

#[derive(Clone, Copy, Default)]
struct LocalState {
    captured: bool,
    cell: bool,
    /// Loops with a higher serial do not contain the declaration.
    declared_at: u32,
    /// Outermost loop behind the declaration in which the variable was assigned.
    assigned_in: u32,
}

/// A function whose body is being lowered.
pub(super) struct OpenFn {
    pub id: FnId,
    pub function: Function,
    locals: Vec<LocalState>,
    captures: FastMap<u64, CaptureId>,
    pub loops: Vec<OpenLoop>,
    next_loop: u32,
    /// `return` leaves this loop, behind which postconditions are checked.
    pub return_to: Option<LoopId>,
    /// Scopes that are open in this function.
    pub scopes: u32,
    /// `finally` parts around, in this function.
    pub finally: u32,
    /// Maps of what evaluated code defines; the function begins with making them.
    pub definitions: Vec<LocalId>,
}

/// All scopes at one place of the program.
#[derive(Default)]
pub(super) struct Scopes {
    pub fns: Vec<OpenFn>,
    bindings: Vec<Vec<Binding>>,
    bound: Vec<Name>,
    infos: Vec<Info>,
    /// Variables whose initialiser is being lowered. A closure in it may mean them.
    pending: Vec<(Name, u32, LocalId)>,
    serial: u32,
}

/// Where a scope began.
pub(super) struct Mark(usize);

impl Scopes {
    pub fn new() -> Self {
        Scopes {
            infos: vec![Info::default()],
            ..Scopes::default()
        }
    }

    pub fn depth(&self) -> usize {
        self.fns.len() - 1
    }

    pub fn current(&mut self) -> &mut OpenFn {
        self.fns.last_mut().expect("a function is open")
    }

    pub fn open_fn(&mut self, id: FnId, function: Function) {
        self.fns.push(OpenFn {
            id,
            function,
            locals: Vec::new(),
            captures: FastMap::default(),
            loops: Vec::new(),
            next_loop: 0,
            return_to: None,
            scopes: 0,
            finally: 0,
            definitions: Vec::new(),
        });
    }

    pub fn close_fn(&mut self) -> OpenFn {
        let mut open = self.fns.pop().expect("a function is open");
        for (local, state) in open.function.locals.iter_mut().zip(&open.locals) {
            local.cell = state.cell;
        }
        open
    }

    pub fn open(&mut self) -> Mark {
        self.current().scopes += 1;
        Mark(self.bound.len())
    }

    pub fn close(&mut self, mark: Mark) {
        self.current().scopes -= 1;
        for name in self.bound.drain(mark.0..) {
            self.bindings[name.0 as usize].pop();
        }
    }

    pub fn bind(&mut self, name: Name, binding: Binding) {
        let index = name.0 as usize;
        if index >= self.bindings.len() {
            self.bindings.resize_with(index + 1, Vec::new);
        }
        self.bindings[index].push(binding);
        self.bound.push(name);
    }

    pub fn bind_local(&mut self, name: Name, local: LocalId, info: Info) {
        let info = self.add_info(info);
        let depth = self.depth() as u32;
        self.bind(
            name,
            Binding {
                depth,
                slot: Slot::Local(local),
                info,
            },
        );
    }

    pub fn add_info(&mut self, info: Info) -> u32 {
        let plain = !info.is_let && !info.definition && info.check.is_none() && info.func.is_none();
        if plain {
            return 0;
        }
        self.infos.push(info);
        self.infos.len() as u32 - 1
    }

    pub fn info(&self, binding: Binding) -> &Info {
        self.info_at(binding.info)
    }

    /// The info of that index.
    pub fn info_at(&self, index: u32) -> &Info {
        &self.infos[index as usize]
    }

    /// A new local of the current function. It is not bound yet.
    pub fn local(&mut self, name: &str) -> LocalId {
        let declared_at = self.serial;
        let open = self.current();
        open.function.locals.push(Local {
            name: name.into(),
            cell: false,
        });
        open.locals.push(LocalState {
            declared_at,
            ..LocalState::default()
        });
        LocalId(open.locals.len() as u32 - 1)
    }

    /// Names that mean a local variable here, with their meaning.
    pub fn visible_locals(&self) -> Vec<(Name, Binding)> {
        let mut list: Vec<(Name, Binding)> = Vec::new();
        for &name in &self.bound {
            let binding = self.lookup(name).filter(|b| {
                matches!(
                    b.slot,
                    Slot::Local(_) | Slot::Member(_) | Slot::Outer(_, Outer::Local(_))
                )
            });
            if let Some(binding) = binding
                && !list.iter().any(|known| known.0 == name)
            {
                list.push((name, binding));
            }
        }
        list
    }

    pub fn lookup(&self, name: Name) -> Option<Binding> {
        self.bindings.get(name.0 as usize)?.last().copied()
    }

    /// All meanings of a name at this place, the innermost last.
    pub fn all(&self, name: Name) -> &[Binding] {
        self.bindings
            .get(name.0 as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// The variable as the current function names it.
    pub fn access(&mut self, binding: Binding) -> Var {
        let local = match binding.slot {
            Slot::Global(global) => return Var::Global(global),
            Slot::Local(local) | Slot::Member(local) | Slot::Outer(local, _) => local,
        };
        self.access_local(binding.depth as usize, local)
    }

    fn access_local(&mut self, depth: usize, local: LocalId) -> Var {
        if depth == self.depth() {
            return Var::Local(local);
        }
        Var::Capture(self.capture(depth, local))
    }

    fn capture(&mut self, depth: usize, local: LocalId) -> CaptureId {
        let key = (depth as u64) << 32 | u64::from(local.0);
        let current = self.depth();
        if let Some(&known) = self.fns[current].captures.get(&key) {
            return known;
        }
        self.note_capture(depth, local);
        let mut from = CaptureSource::Local(local);
        let mut last = CaptureId(0);
        for open in &mut self.fns[depth + 1..] {
            let list = &mut open.function.captures;
            last = *open.captures.entry(key).or_insert_with(|| {
                list.push(Capture { from, cell: false });
                CaptureId(list.len() as u32 - 1)
            });
            from = CaptureSource::Capture(last);
        }
        last
    }

    fn note_capture(&mut self, depth: usize, local: LocalId) {
        let open = &mut self.fns[depth];
        let state = &mut open.locals[local.index()];
        state.captured = true;
        let around = outermost_since(&open.loops, state.declared_at);
        if around != 0 && around == state.assigned_in {
            state.cell = true;
        }
    }

    /// Notes that an assignment stores now: a closure in the assigned value may have captured
    /// the variable before.
    pub fn note_store(&mut self, local: LocalId) {
        let state = &mut self.current().locals[local.index()];
        state.cell |= state.captured;
    }

    /// Notes an assignment other than the declaration.
    pub fn note_assignment(&mut self, binding: Binding) {
        let Slot::Local(local) = binding.slot else {
            return;
        };
        let depth = binding.depth as usize;
        let inner = depth != self.depth();
        let open = &mut self.fns[depth];
        let state = &mut open.locals[local.index()];
        if inner || state.captured {
            state.cell = true;
        } else {
            state.assigned_in = outermost_since(&open.loops, state.declared_at);
        }
        if binding.info != 0 {
            self.infos[binding.info as usize].func = None;
        }
    }

    /// True if a closure captured the local so far.
    pub fn is_captured(&self, local: LocalId) -> bool {
        self.fns
            .last()
            .is_some_and(|open| open.locals[local.index()].captured)
    }

    /// The local must live in a cell: it is captured before its declaration runs.
    pub fn force_cell(&mut self, local: LocalId) {
        self.current().locals[local.index()].cell = true;
    }

    pub fn begin_pending(&mut self, name: Name, local: LocalId) {
        let depth = self.depth() as u32;
        self.pending.push((name, depth, local));
    }

    pub fn end_pending(&mut self) {
        self.pending.pop();
    }

    /// A variable of an enclosing function whose initialiser contains this place.
    pub fn pending(&mut self, name: Name) -> Option<Binding> {
        let current = self.depth() as u32;
        let found = self
            .pending
            .iter()
            .rev()
            .find(|p| p.0 == name && p.1 < current)?;
        let (_, depth, local) = *found;
        self.fns[depth as usize].locals[local.index()].cell = true;
        Some(Binding {
            depth,
            slot: Slot::Local(local),
            info: 0,
        })
    }

    pub fn open_loop(&mut self, label: Option<Name>) -> LoopId {
        self.serial += 1;
        let serial = self.serial;
        let open = self.current();
        let id = LoopId(open.next_loop);
        open.next_loop += 1;
        open.loops.push(OpenLoop { id, label, serial });
        id
    }

    pub fn close_loop(&mut self) {
        self.current().loops.pop();
    }

    /// A loop number that `break` and `continue` of the source cannot reach.
    pub fn hidden_loop(&mut self) -> LoopId {
        let open = self.current();
        let id = LoopId(open.next_loop);
        open.next_loop += 1;
        id
    }
}

fn outermost_since(loops: &[OpenLoop], declared_at: u32) -> u32 {
    loops
        .iter()
        .find(|open| open.serial > declared_at)
        .map_or(0, |open| open.serial)
}

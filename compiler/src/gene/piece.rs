//! Pieces of source that share one module: what is typed at a prompt, and code that a program
//! builds while it runs. Their module variables are members of the module's namespace, looked
//! up by name, so that later pieces see and redefine them.

use super::imports::Exports;
use super::lower::{Lower, expr, intrinsic, member, read, string};
use super::module::Macro;
use super::names::{Name, Names};
use super::scope::Info;
use crate::hash::FastMap;
use crate::hir::*;
use crate::visit::parts_mut;
use gene_format::builtins::is_builtin;
use gene_format::text::{Form, Span};
use std::collections::{HashMap, HashSet};

/// What earlier pieces of a module defined, as far as the meaning of later ones depends on it.
#[derive(Clone, Default)]
pub(crate) struct Known {
    names: Names,
    variables: FastMap<Name, Info>,
    macros: FastMap<Name, Macro>,
    aliases: FastMap<Name, Form>,
    variants: FastMap<Name, Vec<Name>>,
    enums: FastMap<Name, Vec<Name>>,
    method_names: HashSet<String>,
    /// Modules that ran in the session, by absolute path.
    pub(super) modules: HashMap<String, EarlierModule>,
    /// Modules that the last piece imports for the first time.
    pub(super) brought: Vec<Brought>,
    /// Built-in names that a piece assigned.
    pub(super) hidden: HashSet<String>,
    dynamic_names: bool,
    /// How often a piece changed what code means.
    pub(crate) changes: u64,
    /// Numbers of aliases, variants and hidden names.
    sizes: [usize; 3],
}

/// What pieces can import from a module that ran with an earlier one.
#[derive(Clone)]
pub(super) struct EarlierModule {
    exports: Exports,
    macros: Vec<(Name, Macro)>,
}

/// A module and its absolute path.
pub(super) type Brought = (String, EarlierModule);

impl Known {
    /// Keeps those modules of the last piece that have run to their end: they are members of the
    /// global namespace then.
    pub fn settle(&mut self, mut is_member: impl FnMut(&str) -> bool) {
        let brought = std::mem::take(&mut self.brought);
        let has_run = brought
            .into_iter()
            .filter(|one| is_member(&module_member(&one.0)));
        self.modules.extend(has_run);
    }
}

/// The member of the global namespace that holds the namespace of a module in a session. No
/// program can spell it.
fn module_member(path: &str) -> String {
    format!("#module {path}")
}

/// What evaluated code sees around it.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Variables of the module, in the order of its names.
    pub module: Vec<Visible>,
    /// Variables of the functions around, in the order of the scope.
    pub locals: Vec<Visible>,
    /// Values in the data that have no spelling.
    pub values: u32,
    /// It is part of a function, so that what it defines is not the module's.
    pub in_function: bool,
}

/// A variable that evaluated code sees.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    /// Its name.
    pub name: String,
    /// False for what `let` binds.
    pub assignable: bool,
    /// For a macro-like function: what its calls must pass, as the scope describes it.
    pub hidden: Option<Vec<String>>,
}

/// A further piece of a module.
pub(crate) struct Piece<'p> {
    /// What the pieces before defined; gets what this one does.
    pub known: &'p mut Known,
    /// For evaluated code.
    pub around: Option<&'p Around>,
}

impl Lower<'_> {
    /// Starts with what is known of the whole program.
    pub fn recall(&mut self, known: &Known) {
        self.names = known.names.clone();
        self.variants = known.variants.clone();
        self.enums = known.enums.clone();
        self.method_names = known.method_names.clone();
    }

    /// Before the piece's own declarations: they may use the known types.
    pub fn recall_types(&mut self, known: &Known) {
        self.unit.aliases = known.aliases.clone();
        self.unit.dynamic_names = known.dynamic_names;
    }

    /// Behind the piece's own declarations, which replace earlier ones of the same name.
    pub fn recall_variables(&mut self, known: &Known) {
        for (&name, info) in &known.variables {
            if self.unit.globals.contains_key(&name) || self.is_outer(name) {
                continue;
            }
            if let Some(of) = known.macros.get(&name) {
                self.unit.macros.insert(name, of.clone());
            }
            // Inside functions, names that evaluated code defines there come first.
            if !self.unit.in_function {
                self.global_variable(name, info.clone());
            }
        }
    }

    /// Lets later pieces import the module just lowered without running it again: its namespace
    /// holds all that it offers, and its body ends with keeping that.
    pub fn keep_module(&mut self, exports: &Exports, init: FnId, path: &str) {
        self.unit.escapes = true;
        for &global in self.unit.globals.values() {
            self.globals[global.index()].assigned = true;
        }
        let macros = exports.all.iter().chain(&exports.members);
        let macros = macros.filter_map(|(name, global)| {
            let known = self.macros.get(global)?;
            Some((*name, known.clone()))
        });
        let module = EarlierModule {
            exports: exports.clone(),
            macros: macros.collect(),
        };
        self.brought.push((path.to_owned(), module));
        let Some(function) = &mut self.funcs[init.index()].0 else {
            return;
        };
        let span = function.body.span;
        let body = std::mem::replace(&mut function.body, expr(ExprKind::Nil, span));
        let member = Var::GlobalMember(module_member(path).into());
        let own = Box::new(expr(ExprKind::Namespace, span));
        let keep = expr(ExprKind::Set(member, own), span);
        function.body = expr(ExprKind::Seq(vec![body, keep]), span);
    }

    /// A module that ran with an earlier piece: its body now only reads what it offers from the
    /// namespace that was kept.
    pub fn earlier_module(&mut self, earlier: &EarlierModule, init: FnId, path: &str) -> Exports {
        let mut exports = earlier.exports.clone();
        let span = Span::default();
        let mut list = Vec::new();
        let mut variables: FastMap<Name, GlobalId> = FastMap::default();
        for (&name, global) in exports.all.iter_mut().chain(&mut exports.members) {
            let own = match variables.get(&name) {
                Some(own) => *own,
                None => self.own_variable(name),
            };
            *global = own;
            if variables.insert(name, own).is_some() {
                continue;
            }
            let text = string(&module_member(path), span);
            let namespace = intrinsic("#global_member", vec![text], span);
            let value = member(namespace, self.names.text(name), span);
            list.push(expr(ExprKind::Set(Var::Global(own), Box::new(value)), span));
        }
        for (name, known) in &earlier.macros {
            self.macros.insert(variables[name], known.clone());
        }
        if let Some(function) = &mut self.funcs[init.index()].0 {
            function.body = expr(ExprKind::Seq(list), span);
        }
        exports
    }

    /// Imported names become members of the namespace too.
    pub fn keep_imports(&self, span: Span, out: &mut Vec<Expr>) {
        for &(name, global) in &self.unit.imported {
            let value = Box::new(read(Var::Global(global), span));
            let var = Var::Name(self.names.text(name).into());
            out.push(expr(ExprKind::Set(var, value), span));
        }
    }

    /// The definitions of functions that need no code in an ordinary module.
    pub fn define_functions(&self, span: Span) -> Vec<Expr> {
        let mut list = Vec::new();
        for global in &self.globals {
            if global.module == self.unit.index
                && let Some(func) = global.func
            {
                let value = Box::new(expr(ExprKind::Closure(func), span));
                let var = Var::Name(global.name.as_str().into());
                list.push(expr(ExprKind::Set(var, value), span));
            }
        }
        list
    }

    /// What the next piece must know, if this one, the main module, is right.
    pub fn remember(&self, hidden: &HashSet<String>, known: &mut Known) {
        let imported = |name| Info {
            definition: true,
            ..known.variables.get(name).cloned().unwrap_or_default()
        };
        let imported: Vec<(Name, Info)> = self
            .unit
            .imported
            .iter()
            .map(|(name, _)| (*name, imported(name)))
            .collect();
        known.names = self.names.clone();
        known.variants = self.variants.clone();
        known.enums = self.enums.clone();
        known.method_names = self.method_names.clone();
        known.aliases = self.unit.aliases.clone();
        // Other macros belong to functions.
        let own = imported.iter().map(|(name, _)| name);
        for name in self.unit.infos.keys().chain(own) {
            match self.unit.macros.get(name) {
                Some(of) => known.macros.insert(*name, of.clone()),
                None => known.macros.remove(name),
            };
        }
        known.dynamic_names = self.unit.dynamic_names;
        known.hidden = hidden.clone();
        known.variables.extend(imported);
        for (&name, &info) in &self.unit.infos {
            let info = Info {
                func: None,
                ..self.scopes.info_at(info).clone()
            };
            let text = self.names.text(name);
            if is_builtin(text) {
                known.hidden.insert(text.into());
            }
            let old = known.variables.insert(name, info.clone());
            let same = |old: Info| old.is_let == info.is_let && old.check == info.check;
            if !old.is_some_and(same) {
                known.changes += 1;
            }
        }
        let sizes = [
            known.aliases.len(),
            known.variants.len(),
            known.hidden.len(),
        ];
        if known.sizes != sizes {
            known.sizes = sizes;
            known.changes += 1;
        }
    }
}

/// Makes the variables of a module members of its namespace.
pub(super) fn name_variables(hir: &mut Hir, module: ModuleIdx) {
    let names: Vec<Option<&str>> = hir
        .globals
        .iter()
        .map(|global| (global.module == module).then_some(&*global.name))
        .collect();
    for function in &mut hir.funcs {
        for param in &mut function.params {
            if let Some(default) = &mut param.default {
                rename(default, &names);
            }
        }
        rename(&mut function.body, &names);
    }
    for global in &mut hir.globals {
        if global.module == module {
            global.func = None;
        }
    }
}

fn rename(expr: &mut Expr, names: &[Option<&str>]) {
    if let ExprKind::Var(var) | ExprKind::Set(var, _) = &mut expr.kind
        && let Var::Global(id) = var
        && let Some(name) = names[id.index()]
    {
        *var = Var::Name(name.into());
    }
    parts_mut(expr, &mut |part, _| rename(part, names));
}

/// The members of a module whose namespace some form uses as a value.
pub(super) struct Members {
    pub module: ModuleIdx,
    pub init: FnId,
    pub globals: Vec<GlobalId>,
    /// Imported names, and the variables of other modules that they mean.
    pub imported: Vec<(String, GlobalId)>,
}

/// Makes the members of a module's namespace visible there: the module's own code reads them in
/// the namespace and writes both it and the variables, which importing modules read.
pub(super) fn mirror_members(hir: &mut Hir, members: &Members) {
    let mut names = vec![None; hir.globals.len()];
    let mut list = Vec::new();
    for &id in &members.globals {
        let global = &hir.globals[id.index()];
        names[id.index()] = Some(&*global.name);
        let span = Span::default();
        let value = match global.func {
            Some(_) => ExprKind::Var(Var::Global(id)),
            None => ExprKind::Nil,
        };
        let set = ExprKind::Set(
            Var::Name(global.name.clone().into()),
            Box::new(expr(value, span)),
        );
        list.push(expr(set, span));
    }
    for (name, id) in &members.imported {
        let span = Span::default();
        let value = Box::new(read(Var::Global(*id), span));
        let var = Var::Name(name.as_str().into());
        list.push(expr(ExprKind::Set(var, value), span));
    }
    for function in &mut hir.funcs {
        if function.module != members.module {
            continue;
        }
        for param in &mut function.params {
            if let Some(default) = &mut param.default {
                mirror(default, &names);
            }
        }
        mirror(&mut function.body, &names);
    }
    let init = &mut hir.funcs[members.init.index()].body;
    let span = init.span;
    list.push(std::mem::replace(init, expr(ExprKind::Nil, span)));
    *init = expr(ExprKind::Seq(list), span);
}

fn mirror(expr: &mut Expr, names: &[Option<&str>]) {
    parts_mut(expr, &mut |part, _| mirror(part, names));
    let span = expr.span;
    let name = |id: &GlobalId| names[id.index()].map(|name| Var::Name(name.into()));
    match &mut expr.kind {
        ExprKind::Var(var) => {
            if let Var::Global(id) = var
                && let Some(member) = name(id)
            {
                *var = member;
            }
        }
        ExprKind::Set(Var::Global(id), value) => {
            if let Some(member) = name(id) {
                let nil = Expr {
                    kind: ExprKind::Nil,
                    span,
                };
                let new = Box::new(std::mem::replace(&mut **value, nil));
                value.kind = ExprKind::Set(member, new);
            }
        }
        _ => {}
    }
}

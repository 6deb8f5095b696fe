//! Pieces of source that share one module: what is typed at a prompt, and code that a program
//! builds while it runs. Their module variables are members of the module's namespace, looked
//! up by name, so that later pieces see and redefine them.

use super::lower::{Lower, expr, read};
use super::module::Macro;
use super::names::{Name, Names};
use super::scope::Info;
use crate::hash::FastMap;
use crate::hir::*;
use crate::visit::parts_mut;
use gene_format::text::{Form, Span};
use std::collections::HashSet;

/// What earlier pieces of a module defined, as far as the meaning of later ones depends on it.
#[derive(Clone, Default)]
pub(crate) struct Known {
    names: Names,
    variables: FastMap<Name, Info>,
    macros: FastMap<Name, Macro>,
    aliases: FastMap<Name, Form>,
    variants: FastMap<Name, Vec<Name>>,
    method_names: HashSet<String>,
    /// Built-in names that a piece assigned.
    pub(super) hidden: HashSet<String>,
    dynamic_names: bool,
}

impl Lower<'_> {
    /// Starts with what is known of the whole program.
    pub fn recall(&mut self, known: &Known) {
        self.names = known.names.clone();
        self.variants = known.variants.clone();
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
            if self.unit.globals.contains_key(&name) {
                continue;
            }
            if let Some(of) = known.macros.get(&name) {
                self.unit.macros.insert(name, of.clone());
            }
            self.global_variable(name, info.clone());
        }
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
        known.method_names = self.method_names.clone();
        known.aliases = self.unit.aliases.clone();
        known.macros = self.unit.macros.clone();
        known.dynamic_names = self.unit.dynamic_names;
        known.hidden = hidden.clone();
        known.variables.extend(imported);
        for (&name, &info) in &self.unit.infos {
            let info = Info {
                func: None,
                ..self.scopes.info_at(info).clone()
            };
            known.variables.insert(name, info);
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

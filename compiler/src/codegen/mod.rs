//! The code generator: a linked program in intermediate representation to slots,
//! instructions and a module table. Knows neither source languages nor the image's layout.
//!
//! | file | what it does |
//! |---|---|
//! | `scan` | which slot each local needs, for how long |
//! | `func` | one function: slots, table references, instructions |
//! | `expr`, `arith`, `calls`, `data`, `control` | expressions by kind |
//! | `asm` | labels, jumps, handlers, positions |
//! | `table` | windows of the module table |
//! | `pool`, `lines` | constants, positions |

mod arith;
mod asm;
mod calls;
mod control;
mod data;
mod expr;
mod func;
mod lines;
mod pool;
mod scan;
mod table;
#[cfg(test)]
mod tests;

use crate::hir::{FnId, Function, Hir, ModuleIdx};
use func::{Entry, FnGen, Scratch};
use gene_format::ops::{GUARD, MAX_FRAME};
use gene_format::program::{
    Capture, Export, Func, FuncId, FuncKind, Import, Module, ModuleId, Param, Program, StrId,
    TableId,
};
use gene_format::text::Span;
use lines::Lines;
use pool::Pool;
use table::Draft;

/// A function that the image cannot hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("function too large: {what}")]
pub struct Error {
    /// Which limit, with found and allowed numbers.
    pub what: String,
    /// Module of the function.
    pub module: ModuleIdx,
    /// Its definition.
    pub span: Span,
}

/// Makes the program. `texts` are the modules' sources, for lines and columns; a module
/// without text has line 1 everywhere. Nothing about the program is checked here.
///
/// # Errors
///
/// Functions beyond the limits of the instruction set.
pub fn generate(hir: &Hir, texts: &[&[u8]]) -> Result<Program, Vec<Error>> {
    let mut gen_ = Gen::new(hir, texts);
    let mut drafts: Vec<Draft> = Vec::with_capacity(hir.funcs.len());
    for (at, function) in hir.funcs.iter().enumerate() {
        let draft = gen_.function(FnId(at as u32), function, false);
        drafts.push(draft);
    }
    let (table, globals) = table::layout(&mut gen_, &mut drafts);
    if !gen_.errors.is_empty() {
        return Err(gen_.errors);
    }
    Ok(gen_.program(drafts, table, &globals))
}

/// 1 for functions with a receiver in slot 0.
fn receiver_slots(kind: FuncKind) -> usize {
    usize::from(matches!(kind, FuncKind::Method | FuncKind::Ctor))
}

/// State of generating a program.
struct Gen<'h> {
    hir: &'h Hir,
    pool: Pool<'h>,
    lines: Vec<Lines<'h>>,
    /// What each function captures, once a closure of it was compiled.
    captures: Vec<Option<Vec<Capture>>>,
    /// Further records of functions whose closures are made in copies of one piece of code
    /// (`finally`), where captured variables lie in other slots.
    copied: Vec<(FnId, Vec<Capture>)>,
    errors: Vec<Error>,
    scratch: Scratch,
}

impl<'h> Gen<'h> {
    fn new(hir: &'h Hir, texts: &[&'h [u8]]) -> Self {
        let none: &[u8] = &[];
        let texts = (0..hir.modules.len().max(1)).map(|at| texts.get(at).copied().unwrap_or(none));
        Gen {
            hir,
            pool: Pool::new(),
            lines: texts.map(Lines::new).collect(),
            captures: vec![None; hir.funcs.len()],
            copied: Vec::new(),
            errors: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// The function record for a closure with these captures.
    fn closure(&mut self, id: FnId, captures: Vec<Capture>) -> FuncId {
        let known = self.captures[id.index()].get_or_insert_with(|| captures.clone());
        if *known == captures {
            return FuncId(id.0);
        }
        let wanted = (id, captures);
        let known = self.copied.iter().position(|copy| *copy == wanted);
        let index = known.unwrap_or_else(|| {
            self.copied.push(wanted);
            self.copied.len() - 1
        });
        FuncId((self.hir.funcs.len() + index) as u32)
    }

    /// Generates one function.
    fn function(&mut self, id: FnId, function: &'h Function, far_globals: bool) -> Draft {
        let mut code = FnGen::new(self, function, far_globals);
        let too_deep = code.is_too_deep();
        if !too_deep {
            code.run();
        }
        let frame = code.frame();
        if frame > GUARD {
            code.asm.grow_first(frame as u16);
        }
        let overflow = code.overflow;
        let assembled = code.asm.finish();
        let refs = code.refs.clone();
        let patches = code.asm.patches.clone();
        let vars = code.named_slots();
        code.done();
        if too_deep {
            let what = format!(
                "it nests expressions more than {} levels deep",
                scan::MAX_DEPTH
            );
            self.too_large(id, what);
        }
        if overflow {
            self.too_large(id, format!("it needs more than {MAX_FRAME} slots"));
        }
        let vars = vars
            .into_iter()
            .map(|(slot, name)| (slot, self.pool.string(name)))
            .collect();
        let module = function.module.index();
        let places = &mut self.lines[module];
        let lines = &self.scratch.asm.lines;
        let mut table: Vec<(u32, u32, u32)> = Vec::with_capacity(lines.len());
        for &(at, offset) in lines {
            let (line, column) = match offset {
                asm::NOWHERE => (0, 0),
                offset => places.place(offset),
            };
            table.push((at, line, column));
        }
        let params = function.params.iter().map(|param| Param {
            name: self.pool.string(&param.name),
            kind: param.kind,
        });
        let func = Func {
            params: params.collect(),
            name: self.pool.string(&function.name),
            module: ModuleId(function.module.0),
            kind: function.kind,
            generator: function.generator,
            is_async: function.is_async,
            is_macro: function.is_macro,
            frame_size: frame as u16,
            code: assembled.code,
            handlers: assembled.handlers,
            lines: table,
            vars,
            result: function.result.as_ref().map(|check| self.pool.check(check)),
            intent: function
                .intent
                .as_deref()
                .map(|text| self.pool.string(text)),
            examples: function.examples.as_ref().map(|form| self.pool.data(form)),
            place: self.lines[module].place(function.span.start),
            ..Func::default()
        };
        Draft {
            id,
            func,
            refs,
            patches,
        }
    }

    fn too_large(&mut self, id: FnId, what: String) {
        let function = &self.hir.funcs[id.index()];
        self.errors.push(Error {
            what,
            module: function.module,
            span: function.span,
        });
    }

    fn string(&mut self, text: &'h str) -> StrId {
        self.pool.string(text)
    }

    fn program(
        mut self,
        drafts: Vec<Draft>,
        table: Vec<gene_format::program::TableEntry>,
        globals: &[u32],
    ) -> Program {
        let mut funcs: Vec<Func> = drafts.into_iter().map(|draft| draft.func).collect();
        for (func, captures) in funcs.iter_mut().zip(std::mem::take(&mut self.captures)) {
            func.captures = captures.unwrap_or_default();
        }
        for (at, function) in self.hir.funcs.iter().enumerate() {
            // no closure of it is ever made, but its code names captures
            funcs[at]
                .captures
                .resize(function.captures.len(), Capture::Slot(0));
        }
        for (id, captures) in std::mem::take(&mut self.copied) {
            let copy = Func {
                captures,
                ..funcs[id.index()].clone()
            };
            funcs.push(copy);
        }
        let hir = self.hir;
        let modules = hir.modules.iter().map(|module| Module {
            name: self.string(&module.name),
            init: FuncId(module.init.0),
            source: None,
        });
        let modules = modules.collect();
        let imports = hir.links.imports.iter().map(|(path, interface)| Import {
            path: self.string(path),
            interface: *interface,
        });
        let imports = imports.collect();
        let exports = hir
            .links
            .exports
            .iter()
            .map(|(name, description, id)| Export {
                name: self.string(name),
                description: self.string(description),
                entry: id.map(|id| TableId(globals[id.index()])),
            });
        let exports = exports.collect();
        let needs_eval = hir.needs_eval.as_ref().map(|(module, span, text)| {
            let (line, column) = self.lines[module.index()].place(span.start);
            let file = &hir.modules[module.index()].name;
            format!("{file}:{line}:{column}: {text}")
        });
        Program {
            strings: self.pool.strings,
            consts: self.pool.consts,
            table,
            funcs,
            modules,
            imports,
            exports,
            meta: Vec::new(),
            needs_eval,
            source_hash: [0; 32],
        }
    }
}

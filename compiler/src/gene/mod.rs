//! The Gene front end: text → forms → HIR.
//!
//! It knows names, scopes and the meaning of forms. It refuses to know instructions, images
//! and the runtime, which it reaches only through the built-in names of
//! `gene_format::builtins` and the list in [`intrinsics`].

mod calls;
mod classes;
mod comptime;
mod control;
mod evaluate;
mod functions;
mod imports;
mod infix;
pub mod intrinsics;
mod lower;
mod module;
mod names;
mod packages;
mod params;
mod paths;
mod patterns;
mod piece;
mod program;
mod resolve;
mod scope;
mod show;
mod teach;
mod templates;
mod types;
mod warnings;

#[cfg(test)]
mod tests;

use crate::diag::{Diagnostics, Severity};
use crate::hir::{Hir, Module, ModuleIdx};
use crate::source::{FileId, SourceMap};
use gene_format::text::Span;
pub use packages::{package_around, package_named};
pub use piece::{Around, Visible};
pub(crate) use piece::{Known, Piece};
pub use resolve::{Files, NoFiles};
use std::collections::HashSet;
use std::rc::Rc;

/// What changes the meaning of a program.
#[derive(Clone, Debug)]
pub struct Options {
    /// Check `^pre` and `^post`.
    pub contracts: bool,
    /// Check type annotations at run time.
    pub type_check: bool,
    /// Tell what each module needs of others and offers them (`Hir::interfaces`).
    pub interfaces: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            contracts: true,
            type_check: true,
            interfaces: false,
        }
    }
}

/// An error or a warning in a module.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub module: ModuleIdx,
    pub span: Span,
    pub message: String,
    pub code: &'static str,
    /// Further places, and what is there.
    pub labels: Vec<(ModuleIdx, Span, String)>,
    pub hint: Option<String>,
}

impl Finding {
    fn new(module: ModuleIdx, span: Span, message: impl Into<String>) -> Finding {
        Finding {
            module,
            span,
            message: message.into(),
            code: COMPILE,
            labels: Vec::new(),
            hint: None,
        }
    }
}

/// Diagnostic code of what lowering rejects.
const COMPILE: &str = "GENE.COMPILE.ERROR";

/// Lowers the program whose main module is `main`. `main_path` is its absolute path, from
/// which imports are searched; modules get names relative to the name of `main`.
///
/// # Errors
///
/// Everything that is wrong with the program's text, as far as one run finds it.
pub fn lower_program(
    sources: &mut SourceMap,
    main: FileId,
    main_path: &str,
    files: &mut dyn Files,
    options: &Options,
) -> Result<Hir, Diagnostics> {
    lower_piece(sources, main, main_path, files, options, None)
}

/// As [`lower_program`]; with `piece`, the main module is a further piece of the module that
/// the known definitions are of, and these get those of the piece.
///
/// # Errors
///
/// As `lower_program`; what is known stays as it is.
pub(crate) fn lower_piece(
    sources: &mut SourceMap,
    main: FileId,
    main_path: &str,
    files: &mut dyn Files,
    options: &Options,
    piece: Option<Piece<'_>>,
) -> Result<Hir, Diagnostics> {
    let name = sources.name(main).to_owned();
    let earlier = piece.as_ref().map(|piece| piece.known.modules.clone());
    let has_run = |path: &str| {
        earlier
            .as_ref()
            .is_some_and(|known| known.contains_key(path))
    };
    let mut reader = program::Reader::new(files, sources, main_path, &name, &has_run);
    if reader.module(main_path, main).is_some() {
        let mut modules = std::mem::take(&mut reader.done);
        let (lowered, warnings) = lower_modules(&mut reader, &mut modules, options, piece);
        let lowered =
            lowered.map_err(|errors| reader.report_all(&modules, errors, Severity::Error));
        reader.report_all(&modules, warnings, Severity::Warning);
        if let Ok(mut hir) = lowered
            && !reader.diagnostics.has_errors()
        {
            hir.warnings = std::mem::take(&mut reader.diagnostics);
            hir.warnings.sort();
            return Ok(hir);
        }
    } else if piece.is_none() {
        report_readable(&mut reader, main, options);
    }
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort();
    Err(diagnostics)
}

/// What is wrong with the forms of a text that could be read where others could not, as far as
/// that does not depend on these.
fn report_readable(reader: &mut program::Reader, main: FileId, options: &Options) {
    let Some(source) = reader.readable(main) else {
        return;
    };
    let mut sources = [source];
    let mut lower = lower::Lower::new(options, HashSet::new());
    lower_pass(&mut lower, &mut sources, None);
    let mut errors = std::mem::take(&mut lower.errors);
    let depends = |one: &Finding| {
        let starts = |start| one.message.starts_with(start);
        starts("Unknown interface") || starts("Cannot export")
    };
    errors.retain(|one| !depends(one));
    reader.report_all(&sources, errors, Severity::Error);
}

/// Lowers modules, each behind those it imports; the last is the main module. Gives the program or
/// its errors, and what is suspicious about it. A pass that
/// meets an assignment of a built-in name is repeated with that name hidden; the forms, which
/// the pass has used up, are then read again.
fn lower_modules(
    reader: &mut program::Reader,
    sources: &mut [program::Source],
    options: &Options,
    piece: Option<Piece<'_>>,
) -> (Result<Hir, Vec<Finding>>, Vec<Finding>) {
    let mut hidden = match &piece {
        Some(piece) => piece.known.hidden.clone(),
        None => HashSet::new(),
    };
    loop {
        let mut lower = lower::Lower::new(options, hidden.clone());
        let modules = lower_pass(&mut lower, sources, piece.as_ref());
        if !lower.assigned_builtins.is_subset(&hidden) {
            hidden.extend(lower.assigned_builtins);
            for source in sources.iter_mut().filter(|source| !source.has_run) {
                source.forms = reader.forms(source.file).unwrap_or_default();
            }
            continue;
        }
        let mut members = std::mem::take(&mut lower.members);
        let warnings = std::mem::take(&mut lower.warnings);
        let main = lower.unit.index;
        members.retain(|one| piece.is_none() || one.module != main);
        let mirrored = |mut hir: Hir| {
            for one in &members {
                piece::mirror_members(&mut hir, one);
            }
            hir
        };
        let Some(piece) = piece else {
            return (lower.finish(modules).map(mirrored), warnings);
        };
        let mut after = piece.known.clone();
        after.brought = std::mem::take(&mut lower.brought);
        lower.remember(&hidden, &mut after);
        let finished = lower.finish(modules).map(|hir| {
            let mut hir = mirrored(hir);
            piece::name_variables(&mut hir, main);
            *piece.known = after;
            hir
        });
        return (finished, warnings);
    }
}

fn lower_pass(
    lower: &mut lower::Lower,
    sources: &mut [program::Source],
    piece: Option<&Piece<'_>>,
) -> Vec<Module> {
    if let Some(piece) = piece {
        lower.recall(piece.known);
    }
    let mut modules = Vec::with_capacity(sources.len());
    let count = sources.len();
    let main_package = sources.last().and_then(|main| main.package.clone());
    for (index, source) in sources.iter_mut().enumerate() {
        lower.unit = module::Unit {
            index: ModuleIdx(index as u32),
            name: source.name.clone(),
            is_main: index + 1 == count,
            imports: source.imports.clone(),
            package: source.package.clone(),
            main_package: main_package.clone(),
            ..module::Unit::default()
        };
        let forms = std::mem::take(&mut source.forms);
        let span = match (forms.first(), forms.last()) {
            (Some(first), Some(last)) => Span {
                start: first.span.start,
                end: last.span.end,
            },
            _ => Span::default(),
        };
        let session = piece
            .filter(|piece| piece.around.is_none())
            .map(|piece| &*piece.known);
        let piece = piece.filter(|_| lower.unit.is_main);
        let earlier = session.filter(|_| source.has_run);
        let init = match piece.and_then(|piece| Some((&*piece.known, piece.around?))) {
            Some((known, around)) => lower.evaluated(&forms, span, known, around),
            None => lower.module(forms, span, piece.map(|piece| &*piece.known)),
        };
        modules.push(Module {
            name: source.name.clone(),
            init,
        });
        lower.report_unknown();
        lower.replace_assigned(init);
        let mut exports = match earlier.and_then(|known| known.modules.get(&source.path)) {
            Some(module) => lower.earlier_module(module, init, &source.path),
            None => lower.take_exports(init),
        };
        if session.is_some() && !lower.unit.is_main && !source.has_run {
            lower.keep_module(&exports, init, &source.path);
        }
        if lower.unit.escapes {
            let members = lower.own_members(init);
            lower.members.push(members);
        }
        exports.span = Span {
            end: span.start,
            ..span
        };
        if lower.options.interfaces {
            let interface = lower.offers(&exports, &source.order);
            lower.interfaces.push(interface);
        }
        lower.exports.push(Rc::new(exports));
    }
    lower.check_calls();
    modules
}

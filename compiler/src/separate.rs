//! A program as one image per module.
//!
//! The whole program is lowered, then taken apart. What a module's image keeps of other modules
//! is what their interfaces say, whose hashes stand in it: so its bytes change only with the
//! module itself or with an interface, and images that do not fit together are not run.

use crate::compile::{self, Options};
use crate::diag::{Diagnostic, Diagnostics};
use crate::hash::FastMap;
use crate::hir::*;
use crate::source::SourceMap;
use crate::visit::{parts, parts_mut};
use gene_format::interface;
use gene_format::program::{ParamKind, Program};
use std::collections::{BTreeMap, HashSet};

/// Diagnostic code of modules that cannot have images of their own.
const SEPARATE: &str = "GENE.COMPILE.SEPARATE";

/// Folder that stands for the one above: images stay below the folder of the main one.
const ABOVE: &str = "_up";

/// The image of one module.
#[derive(Debug)]
pub struct Part {
    /// Its file, relative to the folder of the program's main image.
    pub path: String,
    /// What it holds.
    pub program: Program,
}

/// Makes a program for each module, in the order in which they run; the last is the main one.
/// `hir` must have been lowered with [`crate::gene::Options::interfaces`].
///
/// # Errors
///
/// Two modules whose images would be the same file; functions beyond the limits of the
/// instruction set.
pub fn generate(
    hir: Hir,
    sources: &SourceMap,
    options: &Options,
) -> Result<Vec<Part>, Diagnostics> {
    let paths = paths(&hir)?;
    let mut programs = Vec::with_capacity(paths.len());
    for (part, path) in split(hir, &paths).into_iter().zip(paths) {
        let program = compile::generate(&part, sources, options)?;
        programs.push(Part { path, program });
    }
    Ok(programs)
}

/// The image of each module, where its source lies below the folder of the main one.
fn paths(hir: &Hir) -> Result<Vec<String>, Diagnostics> {
    let main = hir.modules.last().map_or("", |main| &main.name);
    let folder = main.rfind('/').map_or("", |at| &main[..=at]);
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    let mut list = Vec::with_capacity(hir.modules.len());
    for module in &hir.modules {
        let path = image_path(module.name.strip_prefix(folder).unwrap_or(&module.name));
        if let Some(other) = known.insert(path.clone(), &module.name) {
            let text = format!(
                "the images of {other} and {} would both be {path}; rename one of them",
                module.name
            );
            let mut found = Diagnostics::new();
            found.push(Diagnostic::without_place(SEPARATE, text));
            return Err(found);
        }
        list.push(path);
    }
    Ok(list)
}

fn image_path(source: &str) -> String {
    let names = source.split('/').filter_map(|name| match name {
        "" | "." => None,
        ".." => Some(ABOVE),
        name => Some(name),
    });
    let path = names.collect::<Vec<_>>().join("/");
    format!("{}.gir", path.strip_suffix(".gene").unwrap_or(&path))
}

/// How the images of a program see its variables.
struct Variables {
    /// Assigned by functions, or by other modules than their own.
    shared: HashSet<GlobalId>,
    /// What the names of a module mean to others, by module.
    descriptions: Vec<Vec<(String, String, Option<GlobalId>)>>,
    /// The hash of each module's interface.
    hashes: Vec<[u8; 32]>,
}

/// Takes the program apart. Functions and variables are numbered anew in each part.
fn split(hir: Hir, paths: &[String]) -> Vec<Hir> {
    let variables = describe(&hir, paths);
    let params = imported_params(&hir);
    let mut parts: Vec<Hir> = Vec::with_capacity(paths.len());
    let mut new_funcs: Vec<u32> = Vec::with_capacity(hir.funcs.len());
    let mut counts = vec![0; paths.len()];
    for function in &hir.funcs {
        let count = &mut counts[function.module.index()];
        new_funcs.push(*count);
        *count += 1;
    }
    for (at, (module, interface)) in hir.modules.into_iter().zip(hir.interfaces).enumerate() {
        parts.push(Hir {
            modules: vec![Module {
                init: FnId(new_funcs[module.init.index()]),
                ..module
            }],
            links: Links {
                imports: interface
                    .imports
                    .iter()
                    .map(|of| file(of, paths, &variables))
                    .collect(),
                exports: variables.descriptions[at].clone(),
                ..Links::default()
            },
            needs_eval: interface
                .needs_eval
                .map(|(span, text)| (ModuleIdx(0), span, text)),
            ..Hir::default()
        });
    }
    for function in hir.funcs {
        parts[function.module.index()].funcs.push(function);
    }
    for (at, part) in parts.iter_mut().enumerate() {
        let module = ModuleIdx(at as u32);
        let mut used = HashSet::new();
        for function in &mut part.funcs {
            function.module = ModuleIdx(0);
            each_body(function, &mut |body| globals_of(body, &mut used));
        }
        // In an order that does not depend on what other modules keep to themselves.
        let mut foreign: Vec<(&str, &str, GlobalId)> = used
            .into_iter()
            .map(|id| (id, &hir.globals[id.index()]))
            .filter(|(_, global)| global.module != module)
            .map(|(id, global)| (&*paths[global.module.index()], &*global.name, id))
            .collect();
        foreign.sort_unstable();
        let own = (0..).map(GlobalId).zip(&hir.globals);
        let own = own.filter(|(_, global)| global.module == module);
        let mut numbers: FastMap<GlobalId, GlobalId> = FastMap::default();
        for id in own
            .map(|(id, _)| id)
            .chain(foreign.into_iter().map(|one| one.2))
        {
            let new = GlobalId(part.globals.len() as u32);
            numbers.insert(id, new);
            let global = &hir.globals[id.index()];
            let is_own = global.module == module;
            let shared = variables.shared.contains(&id);
            let home = match is_own {
                true if shared => Some(Home::Shared),
                true if global.func.is_some() && !global.assigned => {
                    let offered = &variables.descriptions[at];
                    let offered = offered.iter().any(|one| one.2 == Some(id));
                    offered.then_some(Home::Offered)
                }
                true => None,
                false => Some(Home::Imported {
                    import: import_of(&mut part.links, global.module, paths, &variables),
                    shared,
                    params: params.get(&id).cloned().unwrap_or_default(),
                }),
            };
            part.links.homes.push(home);
            part.globals.push(Global {
                name: global.name.clone(),
                module: ModuleIdx(0),
                func: global
                    .func
                    .filter(|_| is_own)
                    .map(|func| FnId(new_funcs[func.index()])),
                assigned: global.assigned,
            });
        }
        for (_, _, offered) in &mut part.links.exports {
            *offered = offered.map(|id| numbers[&id]);
        }
        let mut names = HashSet::new();
        for function in &mut part.funcs {
            each_body(function, &mut |body| {
                renumber(body, &numbers, &new_funcs, &mut names);
            });
        }
        part.method_names = names;
    }
    parts
}

/// The image of a module, and the hash of its interface.
fn file(module: &ModuleIdx, paths: &[String], variables: &Variables) -> (String, [u8; 32]) {
    let at = module.index();
    (paths[at].clone(), variables.hashes[at])
}

/// Index of a module's image among the imports, new behind those of the import forms.
fn import_of(links: &mut Links, module: ModuleIdx, paths: &[String], of: &Variables) -> u32 {
    let path = &paths[module.index()];
    let known = links.imports.iter().position(|known| known.0 == *path);
    known.unwrap_or_else(|| {
        links.imports.push(file(&module, paths, of));
        links.imports.len() - 1
    }) as u32
}

/// Names of the parameters of functions that are known where they are called.
fn imported_params(hir: &Hir) -> FastMap<GlobalId, Vec<String>> {
    let known = |(id, global): (GlobalId, &Global)| {
        let func = global.func.filter(|_| !global.assigned)?;
        let params = hir.funcs[func.index()].params.iter();
        Some((id, params.map(|param| param.name.clone()).collect()))
    };
    (0..)
        .map(GlobalId)
        .zip(&hir.globals)
        .filter_map(known)
        .collect()
}

fn describe(hir: &Hir, paths: &[String]) -> Variables {
    let mut shared = HashSet::new();
    for (at, function) in (0..).map(FnId).zip(&hir.funcs) {
        let of = function.module;
        let is_body = hir.modules[of.index()].init == at;
        let mut assigned = |body: &Expr| {
            assigned_in(body, &mut |id| {
                if !is_body || hir.globals[id.index()].module != of {
                    shared.insert(id);
                }
            });
        };
        assigned(&function.body);
        let defaults = function
            .params
            .iter()
            .filter_map(|param| param.default.as_ref());
        defaults.for_each(assigned);
    }
    let mut exported = HashSet::new();
    let mut descriptions = Vec::with_capacity(hir.modules.len());
    for (module, interface) in (0..).map(ModuleIdx).zip(&hir.interfaces) {
        if module.index() + 1 == hir.modules.len() {
            descriptions.push(Vec::new()); // the code of a main module is for nothing else
            break;
        }
        let mut list = vec![(String::new(), interface.facts.clone(), None)];
        for export in &interface.exports {
            let global = &hir.globals[export.global.index()];
            let is_own = global.module == module;
            let text = match is_own {
                true => description(hir, export, shared.contains(&export.global)),
                false => format!("{} of {}", global.name, paths[global.module.index()]),
            };
            exported.extend(is_own.then_some(export.global));
            list.push((export.name.clone(), text, is_own.then_some(export.global)));
        }
        descriptions.push(list);
    }
    shared.retain(|id| exported.contains(id)); // others use no more
    let hash = |list: &Vec<(String, String, _)>| {
        interface::hash(
            list.iter()
                .map(|(name, text, _)| (name.as_str(), text.as_str())),
        )
    };
    Variables {
        hashes: descriptions.iter().map(hash).collect(),
        shared,
        descriptions,
    }
}

/// What the code of other modules relies on.
fn description(hir: &Hir, export: &Export, shared: bool) -> String {
    let global = &hir.globals[export.global.index()];
    let known = global.func.filter(|_| !global.assigned);
    let mut text = match known {
        Some(func) => {
            let params: Vec<String> = hir.funcs[func.index()].params.iter().map(param).collect();
            format!("function [{}]", params.join(" "))
        }
        None if shared => "variable".to_owned(),
        None => "value".to_owned(),
    };
    if let Some(call) = &export.macro_call {
        text.push_str(", macro that ");
        text.push_str(call);
    }
    text
}

fn param(param: &Param) -> String {
    let name = &param.name;
    match param.kind {
        ParamKind::Required => name.clone(),
        ParamKind::Optional => format!("{name} ="),
        ParamKind::Rest => format!("{name}..."),
        ParamKind::Key => format!("^{name}"),
        ParamKind::OptionalKey => format!("^{name} ="),
        ParamKind::KeyRest => format!("^{name}..."),
    }
}

/// Calls `f` with the body and the defaults of the parameters.
fn each_body(function: &mut Function, f: &mut impl FnMut(&mut Expr)) {
    f(&mut function.body);
    let defaults = function.params.iter_mut();
    defaults
        .filter_map(|param| param.default.as_mut())
        .for_each(f);
}

fn assigned_in(expr: &Expr, found: &mut impl FnMut(GlobalId)) {
    if let ExprKind::Set(Var::Global(id), _) = &expr.kind {
        found(*id);
    }
    parts(expr, &mut |part, _| assigned_in(part, found));
}

fn globals_of(expr: &Expr, used: &mut HashSet<GlobalId>) {
    if let ExprKind::Var(Var::Global(id)) | ExprKind::Set(Var::Global(id), _) = &expr.kind {
        used.insert(*id);
    }
    parts(expr, &mut |part, _| globals_of(part, used));
}

/// Gives variables and functions their numbers in the part, and collects names of methods.
fn renumber(
    expr: &mut Expr,
    globals: &FastMap<GlobalId, GlobalId>,
    funcs: &[u32],
    methods: &mut HashSet<String>,
) {
    match &mut expr.kind {
        ExprKind::Var(Var::Global(id)) | ExprKind::Set(Var::Global(id), _) => *id = globals[id],
        ExprKind::Closure(id) => *id = FnId(funcs[id.index()]),
        ExprKind::DefMethod(_, method, _) => {
            methods.insert(method.1.clone());
        }
        _ => {}
    }
    parts_mut(expr, &mut |part, _| renumber(part, globals, funcs, methods));
}

#[cfg(test)]
mod tests {
    use super::image_path;

    #[test]
    fn images_lie_like_their_sources() {
        assert_eq!(image_path("app.gene"), "app.gir");
        assert_eq!(image_path("lib/a.b.gene"), "lib/a.b.gir");
        assert_eq!(image_path("lib/a"), "lib/a.gir");
        assert_eq!(image_path("../../x/a.gene"), "_up/_up/x/a.gir");
        assert_eq!(
            image_path("./.gene/deps/b/1.0/b.gene"),
            ".gene/deps/b/1.0/b.gir"
        );
    }
}

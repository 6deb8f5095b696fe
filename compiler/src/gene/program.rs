//! The modules of a program: reading them, following imports, and the order in which they
//! run.

use super::Finding;
use super::imports::{Import, parse_import};
use super::lower::word;
use super::packages::{Package, PackageRequest, dependency, package_of};
use super::resolve::{Files, join, parent, resolve};
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::hash::FastMap;
use crate::hir::ModuleIdx;
use crate::source::{FileId, Place, SourceMap};
use gene_format::text::{Form, FormKind, Span, read_all};

/// A module as read.
pub(super) struct Source {
    pub file: FileId,
    pub name: String,
    /// Taken away by lowering.
    pub forms: Vec<Form>,
    /// The modules that import forms mean, by the place of the form.
    pub imports: FastMap<u32, ModuleIdx>,
    /// These modules in the order of the forms.
    pub order: Vec<ModuleIdx>,
    /// Its absolute path.
    pub path: String,
    /// It ran in this session before, and has no forms.
    pub has_run: bool,
    /// The package around it, its root as `shown`; known if the module or the main one may ask.
    pub package: Option<Package>,
}

/// Reads modules, each behind those it imports.
pub(super) struct Reader<'r> {
    pub files: &'r mut dyn Files,
    pub sources: &'r mut SourceMap,
    pub diagnostics: Diagnostics,
    pub done: Vec<Source>,
    /// Modules being read: absolute path, name, and the import that asks for each.
    open: Vec<(String, String, Option<Place>)>,
    /// The import being followed.
    via: Option<Place>,
    /// Absolute path → index.
    known: std::collections::HashMap<String, ModuleIdx>,
    /// `$dep` forms met so far.
    declared: Vec<(String, String)>,
    /// Directory of the main module, absolute and as given.
    home: (String, String),
    /// Whether the module at an absolute path ran in this session before.
    has_run: &'r dyn Fn(&str) -> bool,
}

/// True if the text may ask for `$pkg`.
fn mentions_package(text: &[u8]) -> bool {
    text.windows(3).any(|word| word == b"pkg")
}

impl<'r> Reader<'r> {
    pub fn new(
        files: &'r mut dyn Files,
        sources: &'r mut SourceMap,
        main_path: &str,
        name: &str,
        has_run: &'r dyn Fn(&str) -> bool,
    ) -> Self {
        let given = name.rfind('/').map_or("", |at| &name[..=at]);
        Reader {
            files,
            sources,
            diagnostics: Diagnostics::new(),
            done: Vec::new(),
            open: Vec::new(),
            via: None,
            known: Default::default(),
            declared: Vec::new(),
            home: (parent(main_path).to_owned(), given.to_owned()),
            has_run,
        }
    }

    /// Reads a module and those it imports; `None` if it cannot be used.
    pub fn module(&mut self, path: &str, file: FileId) -> Option<ModuleIdx> {
        let read = read_all(self.sources.text(file));
        let is_readable = read.errors.is_empty();
        let errors = read.errors.into_iter();
        let errors = errors.map(|error| Diagnostic::from_read_error(file, error));
        self.diagnostics.extend(errors);
        for warning in read.warnings {
            let mut found = Diagnostic::from_read_error(file, warning);
            found.severity = Severity::Warning;
            self.diagnostics.push(found);
        }
        let forms = match is_readable {
            true => self.expand(file, read.forms)?,
            false => return None,
        };
        let name = self.sources.name(file).to_owned();
        let via = self.via.take();
        self.open.push((path.to_owned(), name.clone(), via));
        let mut imports = FastMap::default();
        let mut order = Vec::new();
        for form in &forms {
            self.declared.extend(dependency(form));
            let FormKind::Gene(gene) = &form.kind else {
                continue;
            };
            if word(&gene.head) != Some("import") {
                continue;
            }
            // What is wrong with the form itself is reported when it is lowered.
            if let Ok(import) = parse_import(gene)
                && import.from.is_some()
                && let Some(module) = self.imported(path, file, &import, form.span)
            {
                imports.insert(form.span.start, module);
                if !order.contains(&module) {
                    order.push(module);
                }
            }
        }
        self.open.pop();
        let asks = self.open.is_empty() || mentions_package(self.sources.text(file));
        let package = asks
            .then(|| package_of(self.files, parent(path)))
            .flatten()
            .map(|package| Package {
                root: self.shown(&package.root),
                ..package
            });
        let index = ModuleIdx(self.done.len() as u32);
        self.known.insert(path.to_owned(), index);
        self.done.push(Source {
            file,
            name,
            path: path.to_owned(),
            has_run: false,
            forms,
            imports,
            order,
            package,
        });
        Some(index)
    }

    /// A module that ran before: importers see what it made then.
    fn earlier(&mut self, path: &str, file: FileId) -> ModuleIdx {
        let index = ModuleIdx(self.done.len() as u32);
        self.known.insert(path.to_owned(), index);
        self.done.push(Source {
            file,
            name: self.sources.name(file).to_owned(),
            path: path.to_owned(),
            has_run: true,
            forms: Vec::new(),
            imports: FastMap::default(),
            order: Vec::new(),
            package: None,
        });
        index
    }

    /// The forms of a file with its `comptime` parts expanded.
    pub fn forms(&mut self, file: FileId) -> Option<Vec<Form>> {
        let read = read_all(self.sources.text(file));
        match read.errors.is_empty() {
            true => self.expand(file, read.forms),
            false => None,
        }
    }

    /// A text with errors as a module of its readable forms; `None` if there are none, or no
    /// errors of the reader.
    pub fn readable(&mut self, file: FileId) -> Option<Source> {
        let read = read_all(self.sources.text(file));
        if read.errors.is_empty() || read.forms.is_empty() {
            return None;
        }
        Some(Source {
            file,
            name: self.sources.name(file).to_owned(),
            path: String::new(),
            has_run: false,
            forms: super::comptime::expand(read.forms, self.files).ok()?,
            imports: FastMap::default(),
            order: Vec::new(),
            package: None,
        })
    }

    fn expand(&mut self, file: FileId, forms: Vec<Form>) -> Option<Vec<Form>> {
        match super::comptime::expand(forms, self.files) {
            Ok(forms) => Some(forms),
            Err(error) => {
                self.report(file, error.span, error.message);
                None
            }
        }
    }

    fn imported(
        &mut self,
        importer: &str,
        file: FileId,
        import: &Import,
        span: Span,
    ) -> Option<ModuleIdx> {
        let specifier = import.from?;
        let request = import.package.map(|name| PackageRequest {
            name,
            path: import.path,
        });
        let path = match resolve(
            self.files,
            importer,
            specifier,
            request.as_ref(),
            &self.declared,
        ) {
            Ok(path) => path,
            Err(message) => {
                self.report(file, span, message);
                return None;
            }
        };
        if let Some(&known) = self.known.get(&path) {
            return Some(known);
        }
        let name = self.shown(&path);
        if let Some(at) = self.open.iter().position(|open| open.0 == path) {
            let mut names: Vec<&str> = self.open[at..].iter().map(|open| &*open.1).collect();
            names.push(&name);
            let chain = names.join(" -> ");
            let message = format!("[GENE.MODULE.CYCLE] Cyclic import detected: {chain}");
            let code = "GENE.MODULE.CYCLE";
            let mut found = Diagnostic::error(code, message, Place::new(file, span));
            for (place, name) in self.open[at + 1..]
                .iter()
                .filter_map(|o| Some((o.2?, &o.1)))
            {
                found = found.label(place, format!("{name} is imported here"));
            }
            self.diagnostics.push(found);
            return None;
        }
        if (self.has_run)(&path) {
            let text = self.files.read(&path).unwrap_or_default();
            let file = self.sources.add(name, text);
            return Some(self.earlier(&path, file));
        }
        let text = self.files.read(&path)?;
        self.via = Some(Place::new(file, span));
        let file = self.sources.add(name, text);
        self.module(&path, file)
    }

    /// The path as messages and images show it: relative to the main module.
    fn shown(&self, path: &str) -> String {
        let (home, given) = &self.home;
        let mut base = home.as_str();
        let mut up = String::new();
        loop {
            if path == base && !up.is_empty() {
                return format!("{given}{}", up.trim_end_matches('/'));
            }
            if let Some(rest) = path
                .strip_prefix(base)
                .and_then(|rest| rest.strip_prefix('/').or(rest.is_empty().then_some(".")))
            {
                return format!("{given}{up}{rest}");
            }
            if base.is_empty() {
                return join("", path);
            }
            base = parent(base);
            up.push_str("../");
        }
    }

    fn report(&mut self, file: FileId, span: Span, message: String) {
        let code = match message
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((code, _)) => code.to_owned(),
            None => super::COMPILE.to_owned(),
        };
        self.diagnostics
            .push(Diagnostic::error(code, message, Place::new(file, span)));
    }

    /// Reports what lowering found.
    pub fn report_all(&mut self, modules: &[Source], found: Vec<Finding>, severity: Severity) {
        let place = |module: ModuleIdx, span| Place::new(modules[module.index()].file, span);
        for one in found {
            let place_of = place(one.module, one.span);
            let mut diagnostic = Diagnostic::error(one.code, one.message, place_of);
            diagnostic.severity = severity;
            for (module, span, text) in one.labels {
                diagnostic = diagnostic.label(place(module, span), text);
            }
            diagnostic.hints.extend(one.hint);
            self.diagnostics.push(diagnostic);
        }
    }
}

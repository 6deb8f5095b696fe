//! Source to program: the whole pipeline.

use gene_format::program::Program;
use gene_format::write::source_hash;

use crate::codegen;
use crate::diag::{Diagnostic, Diagnostics};
use crate::gene::{self, Files};
use crate::hir::Hir;
use crate::optimise::optimise;
use crate::source::{FileId, Place, SourceMap};

/// Diagnostic code of what the instruction set cannot hold.
const LIMIT: &str = "GENE.COMPILE.LIMIT";

/// How much work to spend on better code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Level {
    /// As written.
    None,
    /// Constant folding, propagation, dead code.
    #[default]
    Full,
}

/// What a program is compiled with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What changes its meaning.
    pub front: gene::Options,
    /// Refuse nil where a type does not name it; kept in the image for the machine.
    pub strict_nil: bool,
    /// How much to optimise.
    pub level: Level,
}

impl Options {
    /// The options as META keeps them, without the usual ones.
    fn meta(&self) -> Vec<(String, String)> {
        let mut meta = vec![("compiler", env!("CARGO_PKG_VERSION"))];
        let unusual = [
            (self.strict_nil, ("strict-nil", "on")),
            (!self.front.contracts, ("contracts", "off")),
            (!self.front.type_check, ("type-check", "off")),
            (self.level == Level::None, ("optimise", "0")),
        ];
        meta.extend(unusual.into_iter().filter(|one| one.0).map(|one| one.1));
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        meta.into_iter().map(owned).collect()
    }
}

/// Compiles the program whose main module is `main`, at the absolute path `path`.
///
/// # Errors
///
/// What is wrong with the program.
pub fn compile(
    sources: &mut SourceMap,
    main: FileId,
    path: &str,
    files: &mut dyn Files,
    options: &Options,
) -> Result<Program, Diagnostics> {
    let hir = lower(sources, main, path, files, options)?;
    generate(&hir, sources, options)
}

/// The first half of [`compile`]: the program in intermediate representation, optimised.
///
/// # Errors
///
/// What is wrong with the program.
pub fn lower(
    sources: &mut SourceMap,
    main: FileId,
    path: &str,
    files: &mut dyn Files,
    options: &Options,
) -> Result<Hir, Diagnostics> {
    lower_piece(sources, main, path, files, options, None)
}

/// As [`lower`], for a program or a further piece of a module.
pub(crate) fn lower_piece(
    sources: &mut SourceMap,
    main: FileId,
    path: &str,
    files: &mut dyn Files,
    options: &Options,
    piece: Option<gene::Piece<'_>>,
) -> Result<Hir, Diagnostics> {
    let mut hir = gene::lower_piece(sources, main, path, files, &options.front, piece)?;
    if options.level > Level::None {
        optimise(&mut hir);
    }
    Ok(hir)
}

/// The second half of [`compile`].
///
/// # Errors
///
/// Functions beyond the limits of the instruction set.
pub fn generate(hir: &Hir, sources: &SourceMap, options: &Options) -> Result<Program, Diagnostics> {
    let files: Vec<Option<FileId>> = hir
        .modules
        .iter()
        .map(|module| file_named(sources, &module.name))
        .collect();
    let texts: Vec<&[u8]> = files
        .iter()
        .map(|file| file.map_or(&[][..], |file| sources.text(file)))
        .collect();
    let generated = codegen::generate(hir, &texts);
    let mut program = generated.map_err(|errors| {
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(
            errors
                .into_iter()
                .map(|error| match files[error.module.index()] {
                    Some(file) => {
                        let place = Place::new(file, error.span);
                        Diagnostic::error(LIMIT, error.to_string(), place)
                    }
                    None => Diagnostic::without_place(LIMIT, error.to_string()),
                }),
        );
        diagnostics
    })?;
    program.meta = options.meta();
    program.source_hash = source_hash(texts);
    Ok(program)
}

/// Gives the modules of a program their source texts, to be kept in its image.
pub fn keep_sources(program: &mut Program, sources: &SourceMap) {
    for module in &mut program.modules {
        let name = program.strings.get(module.name.index());
        let file = name.and_then(|name| file_named(sources, name));
        let text = file.and_then(|file| std::str::from_utf8(sources.text(file)).ok());
        module.source = text.map(Box::from);
    }
}

/// Modules are named like their files.
fn file_named(sources: &SourceMap, name: &str) -> Option<FileId> {
    (0..)
        .map(FileId)
        .take_while(|file| !sources.name(*file).is_empty())
        .find(|file| sources.name(*file) == name)
}

/// Stack for the passes, which recurse over expressions: a `case` of 10,000 clauses nests as
/// deep. Reserved, not used up.
const STACKS: [usize; 3] = [1 << 30, 1 << 28, 1 << 26];

/// Runs a program's main function with a stack that suffices for compilations.
///
/// # Panics
///
/// If `main` does.
pub fn on_large_stack<T: Send>(main: impl Fn() -> T + Sync) -> T {
    for size in STACKS {
        let done = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(size);
            let running = thread.spawn_scoped(scope, &main).ok()?;
            Some(running.join())
        });
        match done {
            Some(Ok(result)) => return result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {} // the address space is limited
        }
    }
    main()
}

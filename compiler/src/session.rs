//! Sessions: a module that grows piece by piece, as at a prompt.

use crate::compile::{Options, generate, lower_piece};
use crate::diag::Diagnostics;
pub use crate::gene::{Around, Visible};
use crate::gene::{Files, Known, NoFiles, Piece};
use crate::source::{FileId, SourceMap};
use gene_format::program::{FuncId, Program};

/// Compiles pieces of source that share one module: what a piece defines, the later ones see
/// and may define again.
///
/// Each piece becomes a program of its own, whose last module is the piece. Its variables are
/// members of the module's namespace; so the machine that runs the pieces one after another must
/// give them all the same namespace (`Vm::continue_module` of the runtime). The value of the
/// program is that of the piece's last form; functions, then other definitions, come first.
///
/// # Example
///
/// ```
/// use gene_compiler::compile::Options;
/// use gene_compiler::gene::NoFiles;
/// use gene_compiler::session::Session;
/// use gene_compiler::source::SourceMap;
///
/// let mut session = Session::new(Options::default());
/// for piece in ["(fn twice [n] (n * 2))", "(var x (twice 4))", "(let twice x)"] {
///     let mut sources = SourceMap::new();
///     let main = sources.add("<repl>", piece.as_bytes());
///     let program = session.compile(&mut sources, main, "/repl.gene", &mut NoFiles);
///     assert!(program.is_ok());
/// }
/// ```
pub struct Session {
    options: Options,
    known: Known,
}

impl Session {
    /// A session without definitions.
    pub fn new(options: Options) -> Session {
        Session {
            options,
            known: Known::default(),
        }
    }

    /// Compiles the next piece: the file `main` of `sources`, whose imports are searched from the
    /// absolute path `path`. Sources of earlier pieces are not needed again. An imported module
    /// is part of the first piece that imports it; [`Session::settle`] tells the session that it
    /// has run, and later pieces import what it has made.
    ///
    /// # Errors
    ///
    /// What is wrong with the piece; then the session is as before.
    pub fn compile(
        &mut self,
        sources: &mut SourceMap,
        main: FileId,
        path: &str,
        files: &mut dyn Files,
    ) -> Result<Program, Diagnostics> {
        self.piece(sources, main, path, files, None)
    }

    /// Tells the session, behind the run of the piece compiled last, which modules have run to
    /// their end: each sets a member of the global namespace then, and `is_member` says whether
    /// there is one of that name. Others start anew when they are imported again.
    pub fn settle(&mut self, is_member: impl FnMut(&str) -> bool) {
        self.known.settle(is_member);
    }

    /// Compiles code that a program has built: the file `main` of `sources`. The function to call
    /// is [`EVALUATED`]; `gene::intrinsics` says how, at `#eval`.
    ///
    /// # Errors
    ///
    /// What is wrong with the code; then the session is as before.
    pub fn evaluate(
        &mut self,
        sources: &mut SourceMap,
        main: FileId,
        around: &Around,
    ) -> Result<Program, Diagnostics> {
        let path = format!("/{}", sources.name(main));
        self.piece(sources, main, &path, &mut NoFiles, Some(around))
    }

    /// How often a piece changed what the names of later ones mean.
    pub fn changes(&self) -> u64 {
        self.known.changes
    }

    fn piece(
        &mut self,
        sources: &mut SourceMap,
        main: FileId,
        path: &str,
        files: &mut dyn Files,
        around: Option<&Around>,
    ) -> Result<Program, Diagnostics> {
        let mut known = self.known.clone();
        let piece = Piece {
            known: &mut known,
            around,
        };
        let hir = lower_piece(sources, main, path, files, &self.options, Some(piece))?;
        let program = generate(&hir, sources, &self.options)?;
        self.known = known;
        Ok(program)
    }
}

/// The function of evaluated code, in the program that [`Session::evaluate`] gives: it takes the
/// data and its scope, and captures the array of values that have no spelling.
pub const EVALUATED: FuncId = FuncId(1);

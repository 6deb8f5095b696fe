//! The compiler as the machine's evaluator of data.

use std::collections::HashMap;

use gene_compiler::compile::Options;
use gene_compiler::session::{Around, EVALUATED, Session, Visible};
use gene_compiler::source::SourceMap;
use gene_format::write::{WriteOptions, write_image};
use gene_runtime::evaluate::{Compiled, Evaluator, Scope, Variable};

/// Compiles what a program evaluates, each module's code in a session of its own.
pub struct Compiler {
    options: Options,
    sessions: HashMap<u64, Session>,
    changes: u64,
}

impl Compiler {
    /// A compiler with the options that the program was compiled with.
    pub fn new(options: Options) -> Compiler {
        Compiler {
            options,
            sessions: HashMap::new(),
            changes: 0,
        }
    }
}

fn visible(list: &[Variable]) -> Vec<Visible> {
    let one = |variable: &Variable| Visible {
        name: variable.name.clone(),
        assignable: variable.assignable,
        hidden: variable.hidden.clone(),
    };
    list.iter().map(one).collect()
}

impl Evaluator for Compiler {
    fn compile(&mut self, text: &str, scope: &Scope) -> Result<Compiled, String> {
        let options = &self.options;
        let session = self
            .sessions
            .entry(scope.module)
            .or_insert_with(|| Session::new(options.clone()));
        let around = Around {
            module: visible(&scope.names),
            locals: visible(&scope.locals),
            values: scope.values,
            in_function: scope.in_function,
        };
        let mut sources = SourceMap::new();
        let main = sources.add("<eval>", text.as_bytes());
        let before = session.changes();
        let program = session
            .evaluate(&mut sources, main, &around)
            .map_err(|found| match found.errors().next() {
                Some(error) => error.message.clone(),
                None => "cannot be compiled".to_owned(),
            })?;
        self.changes += session.changes() - before;
        let image = write_image(&program, &WriteOptions::default())
            .map_err(|error| format!("the code does not fit an image: {error}"))?;
        Ok(Compiled {
            image,
            function: EVALUATED,
            changes: self.changes,
        })
    }
}

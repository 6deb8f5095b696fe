//! `gene repl`: a session at a terminal, or of pieces from a pipe.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use gene_compiler::cli::{self, Failure};
use gene_compiler::disk::Disk;
use gene_compiler::session::Session;
use gene_compiler::source::SourceMap;
use gene_compiler::typing::{self, is_open};
use gene_format::text::read_all;
use gene_format::write::WriteOptions;
use gene_runtime::errors::Fatal;
use gene_runtime::mapping::Mapping;
use gene_runtime::observe;
use gene_runtime::print;
use gene_runtime::program::Image;
use gene_runtime::value::Value;
use gene_runtime::vm::{ImageRef, Options, Vm};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};
use signal_hook::consts::SIGINT;

use crate::evaluate::Compiler;
use crate::package::PackageArgs;
use crate::prompt::Prompt;
use crate::run::Execute;

const HELP: &str = "\
Type an expression to see its value; a line continues while a bracket is open.
  Tab completes a name, the arrow keys walk through the history.
  :help shows this text, :names what this session has defined.
  Ctrl-C drops what is typed, or stops what runs.
  exit, quit or Ctrl-D leaves.
";

const EXAMPLE: &str = "\
GENE_HISTORY names the file that keeps the lines typed; empty, they are not kept.

Examples:
  gene repl
  echo '(1 + 2)' | gene repl";

/// Read, evaluate and print, in a session that keeps what is defined.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Repl {
    #[command(flatten)]
    execute: Execute,
    #[command(flatten)]
    package: PackageArgs,
}

/// Runs a session to its end.
pub fn repl(args: &Repl) -> Result<i32, Failure> {
    let mut state = State::new(args)?;
    let code = match io::stdin().is_terminal() && io::stdout().is_terminal() {
        true => at_terminal(&mut state),
        false => from_pipe(&mut state),
    }?;
    Ok(observe::finish(&mut state.vm, code))
}

/// What goes on behind a piece.
enum Next {
    Goon,
    /// The session ends with this exit code.
    End(i32),
}

fn at_terminal(state: &mut State<'_>) -> Result<i32, Failure> {
    let failed = |error: ReadlineError| Failure::File(format!("the terminal: {error}"));
    let config = Config::builder().auto_add_history(false).build();
    let mut editor: Editor<Prompt, FileHistory> = Editor::with_config(config).map_err(failed)?;
    editor.set_helper(Some(Prompt::default()));
    // Behind the editor, which handles the signal as well.
    let interrupt = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, Arc::clone(&interrupt))
        .map_err(|error| Failure::File(format!("the terminal: {error}")))?;
    state.vm.interrupt = Some(interrupt);
    let history = history_file("history");
    if let Some(file) = &history {
        let _ = editor.load_history(file); // there is none at the first time
    }
    cli::write(
        "Gene REPL - Interactive Gene Language Shell\n\
         Type 'exit' or 'quit' to exit, 'help' for help\n\n",
    )?;
    let code = loop {
        match editor.readline("gene> ") {
            Ok(text) => {
                if !text.trim().is_empty() {
                    let _ = editor.add_history_entry(&text);
                }
                if let Next::End(code) = state.piece(&text) {
                    break code;
                }
                if let Some(prompt) = editor.helper_mut() {
                    prompt.learn(&state.names);
                }
            }
            Err(ReadlineError::Interrupted) => {} // what was typed is dropped
            Err(ReadlineError::Eof) => break 0,
            Err(error) => return Err(failed(error)),
        }
    };
    if let Some(file) = &history {
        let kept = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        let kept = kept.map_err(ReadlineError::from);
        if let Err(error) = kept.and_then(|()| editor.save_history(file)) {
            cli::complain(&format!("gene: {}: {error}\n", file.display()));
        }
    }
    Ok(code)
}

/// Where the lines typed are kept.
pub fn history_file(name: &str) -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("GENE_HISTORY") {
        return Some(PathBuf::from(file)).filter(|file| !file.as_os_str().is_empty());
    }
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = match folder("XDG_STATE_HOME") {
        Some(state) => PathBuf::from(state),
        None => PathBuf::from(folder("HOME")?).join(".local/state"),
    };
    Some(state.join("gene").join(name))
}

/// Pieces end where a line ends and nothing is open, or with the input.
fn from_pipe(state: &mut State<'_>) -> Result<i32, Failure> {
    let mut piece = String::new();
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::File(format!("standard input: {error}")))?;
        piece.push_str(&line);
        piece.push('\n');
        if !is_open(&piece)
            && let Next::End(code) = state.piece(&std::mem::take(&mut piece))
        {
            return Ok(code);
        }
    }
    match state.piece(&piece) {
        Next::End(code) => Ok(code),
        Next::Goon => Ok(0),
    }
}

struct State<'a> {
    args: &'a Repl,
    session: Session,
    vm: Box<Vm>,
    /// The piece whose namespace the others share.
    first: Option<ImageRef>,
    /// What the session has defined, in order.
    names: Vec<String>,
}

impl State<'_> {
    fn new(args: &Repl) -> Result<State<'_>, Failure> {
        let options = Options {
            strict_nil: args.execute.compile.strict_nil,
            ..(args.execute.limits)
                .options("<repl>".into(), Vec::new())
                .map_err(Failure::Usage)?
        };
        let compiler = args.execute.compile.options();
        let mut vm = Vm::new(options);
        vm.evaluator = Some(Box::new(Compiler::new(compiler.clone())));
        Ok(State {
            args,
            session: Session::new(compiler),
            vm,
            first: None,
            names: Vec::new(),
        })
    }

    /// Does what a piece asks for.
    fn piece(&mut self, text: &str) -> Next {
        match text.trim() {
            "" => return Next::Goon,
            "exit" | "quit" | ":exit" | ":quit" | ":q" => return Next::End(0),
            "help" | ":help" => return said(cli::write(HELP)),
            ":names" => return said(cli::write_lines(&self.names.join(" "))),
            _ => {}
        }
        let image = match self.compile(text) {
            Ok(image) => image,
            Err(failure) => {
                failure.report("gene");
                return Next::Goon;
            }
        };
        if let Some(interrupt) = &self.vm.interrupt {
            interrupt.store(false, Ordering::Relaxed); // meant for something that is over
        }
        let first = *self.first.get_or_insert(image);
        self.vm.continue_module(first, image);
        let result = self.vm.run_image(image);
        let vm = &mut self.vm;
        self.session.settle(|name| {
            let name = vm.symbols.intern(name);
            vm.find_global(name).is_some()
        });
        self.show(text, result.ok())
    }

    /// Shows the value of a piece, or reports its error.
    fn show(&mut self, text: &str, value: Option<Value>) -> Next {
        let printed = self.vm.flush();
        if printed.is_err() {
            return Next::End(0); // nobody reads
        }
        let Some(value) = value else {
            return self.failed();
        };
        let silent = ["(print ", "(println ", "(print)", "(println)"];
        let wanted = value != Value::NIL && value != Value::VOID;
        if !wanted
            || silent
                .iter()
                .any(|start| text.trim_start().starts_with(start))
        {
            return Next::Goon;
        }
        said(cli::write_lines(&print::quoted(&self.vm, value)))
    }

    fn failed(&mut self) -> Next {
        match self.vm.fatal.clone() {
            None => {
                cli::complain(&self.vm.report());
                Next::Goon
            }
            Some(Fatal::Exit(code)) => Next::End(code),
            Some(Fatal::Interrupted) => {
                self.vm.fatal = None;
                cli::complain("Interrupted\n");
                Next::Goon
            }
            Some(Fatal::Steps) => {
                cli::complain("Error: the step limit is used up\n");
                Next::End(6)
            }
            Some(Fatal::Corrupt(text)) => {
                cli::complain(&format!("Error: {text}\n"));
                Next::End(4)
            }
            Some(Fatal::Panic(text)) => {
                cli::complain(&format!("Error: {text}\n"));
                Next::End(7)
            }
        }
    }

    fn compile(&mut self, text: &str) -> Result<ImageRef, Failure> {
        let errors = &self.args.execute.compile.errors;
        let mut sources = SourceMap::new();
        let (main, path) = self.args.package.code("repl", text)?.add_to(&mut sources)?;
        let program = self.session.compile(&mut sources, main, &path, &mut Disk);
        let bytes = program
            .and_then(|program| cli::image(&program, &WriteOptions::default()))
            .map_err(|found| errors.failure(&found, &sources))?;
        let image = Image::load("<repl>", Mapping::copy(&bytes))
            .map_err(|error| Failure::File(error.to_string()))?;
        for form in &read_all(text.as_bytes()).forms {
            let name = typing::defines(form).map(str::to_owned);
            self.names
                .extend(name.filter(|name| !self.names.contains(name)));
        }
        Ok(self.vm.add_image(image))
    }
}

/// Output that failed ends the session.
fn said(done: Result<(), Failure>) -> Next {
    match done {
        Ok(()) => Next::Goon,
        Err(failure) => Next::End(failure.report("gene")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        repl: Repl,
    }

    #[test]
    fn an_interrupt_ends_the_piece_only() {
        let line = Line::parse_from(["repl"]);
        let mut state = State::new(&line.repl).expect("options that lead somewhere");
        let interrupt = Arc::new(AtomicBool::new(false));
        state.vm.interrupt = Some(Arc::clone(&interrupt));
        let key = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            interrupt.store(true, Ordering::Relaxed);
        });
        assert!(matches!(state.piece("(var x 1)"), Next::Goon));
        assert!(matches!(
            state.piece("(loop (try (loop) catch * nil finally (x = 2)))"),
            Next::Goon
        ));
        key.join().expect("a thread");
        assert!(state.vm.fatal.is_none());
        assert!(matches!(state.piece("(exit x)"), Next::End(1)));
    }
}

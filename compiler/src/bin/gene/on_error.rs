//! `--repl-on-error`: a prompt where an error was raised that nothing catches.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use gene_compiler::cli;
use gene_compiler::typing::is_open;
use gene_runtime::observe::At;
use gene_runtime::observe::debug::{Catch, Control, Debugger, Frontend, Reason, Resume};
use gene_runtime::observe::inspect;
use gene_runtime::print;
use gene_runtime::run::Machine;
use gene_runtime::value::Value;
use gene_runtime::vm::Vm;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};
use signal_hook::consts::SIGINT;

use crate::prompt::Prompt;
use crate::run::Execute;

const HELP: &str = "\
Type an expression to see its value, with the variables where the error was raised; `$ex` is the
error, and (x = value) assigns. exit, quit or Ctrl-D leaves.";

/// Whether to ask.
#[derive(Args, Clone, Debug, Default)]
pub struct OnErrorArgs {
    /// Open a prompt where an error is raised that nothing catches, with the variables there.
    #[arg(long)]
    repl_on_error: bool,
}

impl OnErrorArgs {
    /// Whether the command line wants it.
    pub fn is_wanted(&self) -> bool {
        self.repl_on_error
    }

    /// What the compiler is told: without optimisation, all variables are there.
    pub fn execute(&self, given: &Execute) -> Execute {
        let mut execute = given.clone();
        if self.repl_on_error {
            execute.compile.optimise = 0;
        }
        execute
    }
}

/// Lets a program ask when an error ends it.
pub fn ask_on_error(machine: &mut Machine) {
    let interrupt = Arc::new(AtomicBool::new(false));
    let mut control = Control::new(Arc::clone(&interrupt));
    control.catch = Catch::Uncaught;
    let front = OnError { interrupt };
    let debugger = Debugger::new(front, control, false);
    machine.vm.observers.push(Box::new(debugger));
}

struct OnError {
    interrupt: Arc<AtomicBool>,
}

impl Frontend for OnError {
    fn stand(&mut self, at: &mut At<'_>, _: &mut Control, _: &Reason) -> Resume {
        cli::complain(&at.vm.report());
        let frame = at.frames().position(|frame| !frame.in_library(at.vm));
        let frame = frame.unwrap_or(0);
        at.vm.ex = at.vm.raised;
        let mut names: Vec<String> = Vec::new();
        if let Some(frame) = at.frames().nth(frame) {
            names.extend(inspect::locals(frame).into_iter().map(|found| found.name));
        }
        // What cannot be asked any more ends like the end of the input.
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            let _ = self.at_terminal(at, frame, &names);
        } else {
            self.without_terminal(at, frame);
        }
        Resume::Quit(1)
    }

    fn attend(&mut self, _: &Vm, _: &mut Control) -> bool {
        false
    }
}

impl OnError {
    fn at_terminal(
        &self,
        at: &mut At<'_>,
        frame: usize,
        names: &[String],
    ) -> Result<(), ReadlineError> {
        let config = Config::builder().auto_add_history(true).build();
        let mut editor: Editor<Prompt, FileHistory> = Editor::with_config(config)?;
        let mut prompt = Prompt::default();
        prompt.learn(names);
        editor.set_helper(Some(prompt));
        // Behind the editor, which handles the signal as well.
        signal_hook::flag::register(SIGINT, Arc::clone(&self.interrupt))?;
        loop {
            match editor.readline("gene> ") {
                Ok(text) => {
                    if !self.piece(at, frame, &text) {
                        return Ok(());
                    }
                }
                Err(ReadlineError::Interrupted) => {} // what was typed is dropped
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Pieces end where a line ends and nothing is open, or with the input.
    fn without_terminal(&self, at: &mut At<'_>, frame: usize) {
        let mut piece = String::new();
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            piece.push_str(&line);
            piece.push('\n');
            if !is_open(&piece) && !self.piece(at, frame, &std::mem::take(&mut piece)) {
                return;
            }
        }
        self.piece(at, frame, &piece);
    }

    /// Does what a piece asks for; false for the end.
    fn piece(&self, at: &mut At<'_>, frame: usize, text: &str) -> bool {
        match text.trim() {
            "" => return true,
            "exit" | "quit" | ":exit" | ":quit" | ":q" => return false,
            "help" | ":help" => return cli::write_lines(HELP).is_ok(),
            text => match inspect::evaluate(at, frame, text, Some(&self.interrupt)) {
                Ok(value) if value == Value::NIL || value == Value::VOID => {}
                Ok(value) => return cli::write_lines(&print::quoted(at.vm, value)).is_ok(),
                Err(message) => cli::complain(&format!("Error: {message}\n")),
            },
        }
        true
    }
}

//! `gene debug`: a program that stands where one wants, at a terminal or for an editor.

mod dap;
mod sources;
mod terminal;
mod wire;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use gene_compiler::cli::{Failure, Source};
use gene_runtime::observe::debug::{Control, Debugger, Frontend};
use gene_runtime::run::Machine;

use crate::run::{Execute, is_image};

const EXAMPLE: &str = "\
Commands come from the terminal, with line editing, or from a pipe; `help` lists them.
Programs are compiled without optimisation unless -O1 is given. At -O1, and in images made so,
variables may have been optimised away, and lines merged.

Examples:
  gene debug hello.gene one two
  gene debug hello.gir
  printf 'break greet\\ncontinue\\nlocals\\n' | gene debug hello.gene
  gene debug --dap          # for editors: the Debug Adapter Protocol on standard streams";

/// Run a program step by step, with breakpoints, and look at its variables.
#[derive(Args)]
#[command(after_help = EXAMPLE, mut_arg("optimise", |arg| arg.default_value("0")))]
pub struct Debug {
    #[command(flatten)]
    execute: Execute,
    /// Speak the Debug Adapter Protocol on standard input and output; the editor names the program.
    #[arg(long, conflicts_with = "file")]
    dap: bool,
    /// The program's main file, or its image (.gir).
    #[arg(required_unless_present = "dap")]
    file: Option<PathBuf>,
    /// The program's `$args`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Debugs a program to its end.
pub fn debug(args: &Debug) -> Result<i32, Failure> {
    let Some(file) = args.file.clone().filter(|_| !args.dap) else {
        return dap::serve(&args.execute);
    };
    let machine = load(&args.execute, &file, args.args.clone())?;
    let attention = Arc::new(AtomicBool::new(false));
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let front = terminal::Terminal::new(&file, terminal, Arc::clone(&attention))?;
    Ok(run(machine, front, Control::new(attention), true))
}

/// A machine with the program of a source or an image.
fn load(execute: &Execute, file: &Path, args: Vec<String>) -> Result<Machine, Failure> {
    match is_image(file) {
        true => execute.open(file, args),
        false => execute.load(&Source::file(file)?, args),
    }
}

/// Runs a program under a debugger; its exit code.
fn run<F: Frontend + 'static>(
    mut machine: Machine,
    front: F,
    control: Control,
    entry: bool,
) -> i32 {
    let debugger = Debugger::new(front, control, entry);
    machine.vm.observers.push(Box::new(debugger));
    let result = machine.run();
    machine.finish(result.is_err())
}

//! `gene`: the everyday front door. Arguments, files and exit codes only; the compiler and the
//! runtime do the work.

mod check;
mod run;
mod spelling;

use clap::{CommandFactory, Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the program has errors, or raised one that it did not catch; a check failed
  2  wrong usage
  3  a file cannot be read or written
  4  no image, a damaged one, or one of another version
  6  a limit is used up (--max-steps)
  7  an internal error
  Otherwise the program chose the code itself, by (exit n).";

/// Run, check, format and look into Gene programs.
#[derive(Parser)]
#[command(name = "gene", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    #[command(alias = "e")]
    Eval(run::Eval),
    Check(check::Check),
}

fn main() {
    let words = spelling::usual(&Cli::command(), std::env::args_os());
    let done = match Cli::parse_from(words).command {
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Eval(args)) => run::eval(args),
        Some(Command::Check(args)) => check::check(&args),
        None => gene_compiler::cli::write(&Cli::command().render_help().to_string()).map(|()| 0),
    };
    let code = done.unwrap_or_else(|failure| failure.report("gene"));
    // Ends the process without freeing the heap object by object.
    std::process::exit(code)
}

//! `gene`: the everyday front door. Arguments, files and exit codes only; the compiler and the
//! runtime do the work.
#![no_main]

mod cache;
mod check;
mod compile;
mod completions;
mod debug;
mod deps;
mod deser;
mod evaluate;
mod examples;
mod fmt;
mod forms;
mod gir;
mod metadata;
mod on_error;
mod package;
mod parse;
mod pipe;
mod prompt;
mod repl;
mod run;
mod spelling;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};
use gene_compiler::cli::{self, Failure};
use gene_compiler::compile as compiler;

use run::Run;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the program has errors, or raised one that it did not catch; a check failed
  2  wrong usage
  3  a file cannot be read or written
  4  no image, a damaged one, or one of another version
  6  a limit is used up (--max-steps)
  7  an internal error
  Otherwise the program chose the code itself, by (exit n).

Examples:
  gene run hello.gene
  gene hello.gene one two     # the same; all words behind the file are the program's
  gene eval -p '(1 + 2)'
  gene help run";

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
    #[command(alias = "r")]
    Repl(repl::Repl),
    Debug(debug::Debug),
    Check(check::Check),
    #[command(alias = "format")]
    Fmt(fmt::Fmt),
    Parse(parse::Parse),
    Compile(compile::Compile),
    Pipe(pipe::Pipe),
    RunExamples(examples::RunExamples),
    Deps(deps::Deps),
    Cache(cache::Manage),
    #[command(alias = "deserialize")]
    Deser(deser::Deser),
    Gir(gir::Gir),
    Completions(completions::Completions),
}

gene_runtime::c_main!(gene);

fn gene() -> i32 {
    let words: Vec<OsString> = std::env::args_os().collect();
    let plain = Run::plain(&words);
    if let Some(code) = plain.as_ref().and_then(run::run_kept) {
        return code;
    }
    let command = match plain {
        Some(run) => Some(Command::Run(run)),
        None => Cli::parse_from(spelling::usual(&Cli::command(), words)).command,
    };
    // Programs may ask for the compiler while they run, so all commands have the stack it needs.
    compiler::on_large_stack(|| match done(command.as_ref()) {
        Ok(code) => code,
        Err(failure) => failure.report("gene"),
    })
}

fn done(command: Option<&Command>) -> Result<i32, Failure> {
    match command {
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Eval(args)) => run::eval(args),
        Some(Command::Repl(args)) => repl::repl(args),
        Some(Command::Debug(args)) => debug::debug(args),
        Some(Command::Check(args)) => check::check(args),
        Some(Command::Fmt(args)) => fmt::fmt(args),
        Some(Command::Parse(args)) => parse::parse(args),
        Some(Command::Compile(args)) => compile::compile(args),
        Some(Command::Pipe(args)) => pipe::pipe(args),
        Some(Command::RunExamples(args)) => examples::run_examples(args),
        Some(Command::Deps(args)) => deps::deps(args),
        Some(Command::Cache(args)) => cache::manage(args),
        Some(Command::Deser(args)) => deser::deser(args),
        Some(Command::Gir(args)) => gir::gir(args),
        Some(Command::Completions(args)) => completions::completions(args),
        None => cli::write(&Cli::command().render_help().to_string()).map(|()| 0),
    }
}

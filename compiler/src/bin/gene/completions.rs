//! `gene completions`

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use gene_compiler::cli::{self, Failure};

const EXAMPLE: &str = "\
Examples:
  gene completions bash > ~/.local/share/bash-completion/completions/gene
  gene completions zsh > ~/.zfunc/_gene
  gene completions fish > ~/.config/fish/completions/gene.fish";

/// Print the completions of a shell for this command line.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Completions {
    /// The shell.
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Prints them.
pub fn completions(args: &Completions) -> Result<i32, Failure> {
    let shell = match args.shell.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut out = Vec::new();
    generate(shell, &mut crate::Cli::command(), "gene", &mut out);
    cli::write_lines(&String::from_utf8_lossy(&out)).map(|()| 0)
}

//! `gene parse`

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use gene_compiler::cli::{self, ErrorArgs, Failure, Source};
use gene_compiler::source::SourceMap;

use crate::forms::{self, Shape};

const EXAMPLE: &str = "\
Examples:
  gene parse -f compact app.gene
  gene parse -e '(a ^b 1 [2 3])'";

/// Show the forms of a text, without evaluation.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Parse {
    /// How to show them.
    #[arg(short, long, value_enum, value_name = "SHAPE", default_value_t = Shape::Pretty)]
    format: Shape,
    #[command(flatten)]
    errors: ErrorArgs,
    /// Take this text instead of a file.
    #[arg(short, long, value_name = "CODE", conflicts_with = "files")]
    eval: Option<String>,
    /// The files; without any, or for `-`, standard input.
    files: Vec<PathBuf>,
}

/// Shows the forms of all sources.
pub fn parse(args: &Parse) -> Result<i32, Failure> {
    let sources = sources(args.eval.as_deref(), &args.files)?;
    let titles = !args.files.is_empty() && (args.format == Shape::Pretty || sources.len() > 1);
    for (at, source) in sources.iter().enumerate() {
        let mut map = SourceMap::new();
        let (id, _) = source.add_to(&mut map)?;
        let forms = args.errors.forms(&map, id)?;
        let mut out = String::new();
        if titles {
            let gap = if at == 0 { "" } else { "\n" };
            out.push_str(&format!("{gap}=== Parsing: {} ===\n", source.name));
        }
        let shown: Vec<String> = forms
            .iter()
            .map(|form| forms::show(form, args.format))
            .collect();
        match shown.is_empty() {
            true => out.push_str("(empty)"),
            false => out.push_str(&shown.join("\n\n")),
        }
        cli::write_lines(&out)?;
    }
    Ok(0)
}

/// The text of an option, or files, or standard input if it is no terminal.
pub fn sources(eval: Option<&str>, files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    match (eval, files) {
        (Some(code), _) => Ok(vec![Source::code("<eval>", code)]),
        (None, []) if io::stdin().is_terminal() => Err(Failure::Usage(
            "no input: give a file, or a text with -e".into(),
        )),
        (None, []) => Ok(vec![Source::standard_input()?]),
        (None, files) => files.iter().map(|file| Source::read(file)).collect(),
    }
}

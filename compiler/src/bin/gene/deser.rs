//! `gene deser`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gene_compiler::cli::{self, Failure, Source};
use gene_format::text::read_all;
use gene_runtime::classes::Builtin;
use gene_runtime::heap::object::Kind;
use gene_runtime::heap_view;
use gene_runtime::print;
use gene_runtime::value::Value;
use gene_runtime::vm::Vm;

use crate::forms::{self, Shape};
use crate::parse;
use crate::run::Execute;

const EXAMPLE: &str = "\
Examples:
  gene deser saved.gene
  gene deser --project . saved.gene
  gene deser -p -f compact -e '(gene/serialization {^a [1 2]})'";

/// Read serialised text and show the value.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Deser {
    /// How to show it.
    #[arg(short, long, value_enum, value_name = "SHAPE", default_value_t = Form::Pretty)]
    format: Form,
    /// The same as `--format gene`.
    #[arg(long, conflicts_with = "format")]
    gene: bool,
    /// Also show its type.
    #[arg(short = 'p', long)]
    print_type: bool,
    #[command(flatten)]
    execute: Execute,
    /// Execute `package.gene` in this directory first.
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Take this text instead of a file.
    #[arg(short, long, value_name = "TEXT", conflicts_with = "files")]
    eval: Option<String>,
    /// The files; without any, or for `-`, standard input.
    files: Vec<PathBuf>,
}

/// How values are shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One part on each line.
    Pretty,
    /// One line.
    Compact,
    /// One part on each line, strings in quotes.
    Gene,
}

/// Shows the values of all sources.
pub fn deser(args: &Deser) -> Result<i32, Failure> {
    let sources = parse::sources(args.eval.as_deref(), &args.files)?;
    let program = program(args)?;
    for source in &sources {
        if sources.len() > 1 {
            cli::write(&format!("=== {} ===\n", source.name))?;
        }
        cli::write_lines(&one(args, &program, source)?)?;
    }
    Ok(0)
}

/// The program that reads, behind the manifest of the project.
fn program(args: &Deser) -> Result<Source, Failure> {
    let read = "(gene/serdes/deserialize $serialized)";
    let Some(directory) = &args.project else {
        return Ok(Source::code("<deser>", read));
    };
    let mut source = Source::file(&directory.join("package.gene"))?;
    // A manifest may be the entries of a map without its braces.
    let map = [b"{", source.text.as_slice(), b"\n}"].concat();
    if read_all(&map).errors.is_empty() {
        source.text = map;
    }
    source.text.push(b'\n');
    source.text.extend_from_slice(read.as_bytes());
    Ok(source)
}

/// The text that shows the value of a source.
fn one(args: &Deser, program: &Source, source: &Source) -> Result<String, Failure> {
    let failed = |text: &str| {
        let name = &source.name;
        Failure::Program(format!("gene: Deserialization error in {name}: {text}\n"))
    };
    let text = str::from_utf8(&source.text).map_err(|error| failed(&error.to_string()))?;
    let mut machine = args.execute.load(program, Vec::new())?;
    machine.set_global("serialized", text);
    let Ok(value) = machine.run() else {
        return Err(match machine.vm.fatal {
            None => failed(&machine.vm.message_of(machine.vm.raised)),
            Some(_) => Failure::Image {
                code: machine.finish(true),
                text: format!("{}: not finished", source.name),
            },
        });
    };
    let format = if args.gene { Form::Gene } else { args.format };
    let mut out = show(&machine.vm, value, format);
    if args.print_type {
        let kind = Builtin::kind_name(value);
        let kind = kind.strip_prefix("Vk").unwrap_or(kind);
        out.push_str(&format!("\nType: {kind}"));
    }
    Ok(out)
}

fn show(vm: &Vm, value: Value, format: Form) -> String {
    if let (Some(text), Form::Pretty | Form::Compact) = (heap_view::text(value), format) {
        return text.to_owned();
    }
    let line = print::quoted(vm, value);
    let plain = matches!(value.kind(), Some(Kind::Array | Kind::Map | Kind::Gene));
    if !plain || format == Form::Compact {
        return line;
    }
    // What is printed reads back as the same data, unless it holds what has no spelling.
    let read = read_all(line.as_bytes());
    match (read.forms.as_slice(), read.errors.is_empty()) {
        ([form], true) => forms::show(form, Shape::Pretty),
        _ => line,
    }
}

//! `gene pipe`

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use clap::Args;
use gene_compiler::cli::{self, Failure, Source};
use gene_format::text::read_all;
use gene_runtime::heap_view;
use gene_runtime::print;
use gene_runtime::run::Machine;
use gene_runtime::value::Value;

use crate::cache::{self, CacheArgs};
use crate::package::PackageArgs;
use crate::run::Execute;

const EXAMPLE: &str = "\
The line is `$line`. Functions and classes are defined once; a value that is not nil is printed.

Examples:
  gene pipe '($line .to_upper)' < names.txt
  gene pipe --filter '($line .contains \"error\")' < log.txt
  gene pipe script.gene < data.txt";

/// Run a program once for each line of standard input.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Pipe {
    #[command(flatten)]
    execute: Execute,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    package: PackageArgs,
    /// Print the lines for which the program's value is true.
    #[arg(long)]
    filter: bool,
    /// Print strings in quotes.
    #[arg(long)]
    quote_str: bool,
    /// The program, or the name of its file.
    #[arg(required = true)]
    code: Vec<String>,
}

/// Runs it.
pub fn pipe(args: &Pipe) -> Result<i32, Failure> {
    let source = source(args)?;
    let made = match source.path.file_name() {
        Some(file) if source.path.is_file() => {
            let made = if args.filter { "filter" } else { "pipe" };
            format!("{made} {}", file.to_string_lossy())
        }
        _ => format!("pipe {}", &blake3::hash(&source.text).to_hex()[..16]),
    };
    let mut machine = cache::load_made(&args.execute, &args.cache, source, &made)?;
    machine.vm.options.program = "<pipe>".into();
    let mut input = BufReader::with_capacity(64 << 10, io::stdin().lock());
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::file(Path::new("standard input"), &error))? == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        machine.set_global("line", &String::from_utf8_lossy(text));
        let result = match number {
            1 => machine.run(),
            _ => machine.run_again(),
        };
        let Ok(value) = result else {
            return Ok(failed(machine, number));
        };
        if write(&mut machine, value, args.quote_str).is_err() {
            break; // `finish` meets the same error and reports it
        }
        // Whoever waits for this line gets it before the next one comes.
        if input.buffer().is_empty() && machine.vm.flush().is_err() {
            break;
        }
    }
    Ok(machine.finish(false))
}

/// The program, from the words of the command line or the file that they name.
fn source(args: &Pipe) -> Result<Source, Failure> {
    let words = args.code.join(" ");
    let path = args.package.file(Path::new(&words))?;
    let mut source = match path.is_file() {
        true => Source::file(&path)?,
        false => args.package.code("pipe", words)?,
    };
    let read = read_all(&source.text);
    if read.forms.is_empty() && read.errors.is_empty() {
        return Err(Failure::Usage(format!("no code in {}", source.name)));
    }
    if args.filter {
        // behind a line break, in case the program ends with a comment
        source.text = [b"(if (do ", source.text.as_slice(), b"\n) $line)"].concat();
    }
    Ok(source)
}

fn write(machine: &mut Machine, value: Value, quotes: bool) -> io::Result<()> {
    if value == Value::NIL {
        return Ok(());
    }
    let vm = &mut machine.vm;
    let text = match heap_view::text(value) {
        Some(text) if !quotes => text.to_owned(),
        _ => print::quoted(vm, value),
    };
    vm.out.write_all(text.as_bytes())?;
    vm.out.write_all(b"\n")
}

/// Reports the error of a line, or ends as the program wants.
fn failed(mut machine: Machine, number: u64) -> i32 {
    if machine.vm.fatal.is_some() {
        return machine.finish(true);
    }
    let report = machine.vm.report();
    let text = report.strip_prefix("Error: ").unwrap_or(&report);
    let _ = machine.vm.flush(); // the error of the line is the one to report
    cli::complain(&format!("Error at line {number}: {text}"));
    1
}

//! `gene run-examples`

use std::path::PathBuf;

use clap::Args;
use gene_compiler::cli::{self, Failure, Source};
use gene_compiler::source::{FileId, SourceMap};
use gene_format::text::{Entry, Form, FormKind, GeneForm, write_form};
use gene_runtime::heap_view;
use gene_runtime::natives::Raised;
use gene_runtime::print;
use gene_runtime::run::Machine;
use gene_runtime::value::Value;

use crate::cache::{self, CacheArgs};
use crate::run::Execute;

const EXAMPLE: &str = "\
A function has examples in its metadata:
  (fn half [n] ^examples [[4] -> 2.0  [1] -> _  [\"x\"] throws Exception] (n / 2))

Example:
  gene run-examples math.gene";

/// Run a program, then the `^examples` of its functions.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct RunExamples {
    #[command(flatten)]
    execute: Execute,
    #[command(flatten)]
    cache: CacheArgs,
    /// The program's main file; `-` is standard input.
    file: PathBuf,
}

/// `[args] -> value`, `[args] -> _` or `[args] throws Class`
struct Example<'f> {
    function: &'f str,
    /// From 1.
    number: usize,
    args: &'f Form,
    throws: bool,
    /// None for `_`.
    expected: Option<&'f Form>,
}

/// Runs the examples; fails if one does.
pub fn run_examples(args: &RunExamples) -> Result<i32, Failure> {
    let mut source = Source::read(&args.file)?;
    let mut sources = SourceMap::new();
    let (file, path) = source.add_to(&mut sources)?;
    let forms = args.execute.compile.errors.forms(&sources, file)?;
    let mut functions: Vec<(&str, &[Form])> = forms.iter().filter_map(function).collect();
    functions.sort_by_key(|(name, _)| *name);
    let examples: Vec<Example> = functions.iter().flat_map(examples).collect();
    source
        .text
        .extend_from_slice(calls(&source.text, &examples).as_bytes());
    let made = match args.file.file_name() {
        Some(name) if args.file.is_file() => Some(format!("examples {}", name.to_string_lossy())),
        _ => None, // standard input has another program each time
    };
    let mut machine = match made {
        Some(made) => cache::load_made(&args.execute, &args.cache, source, &made)?,
        None => args.execute.load(&source, Vec::new())?,
    };
    let Ok(calls) = machine.run() else {
        return Ok(machine.finish(true));
    };
    if examples.is_empty() {
        let code = machine.finish(false);
        cli::write(&format!("No examples found in {path}\n"))?;
        return Ok(code);
    }
    // kept where the collector finds them
    machine.vm.keep_global("run_examples_calls", calls);
    let calls: Vec<Value> =
        heap_view::array(calls).map_or(Vec::new(), |calls| calls.items.as_slice().to_vec());
    let mut passed = 0;
    for (example, calls) in examples.iter().zip(calls.chunks(2)) {
        let outcome = judge(&mut machine, example, calls);
        if machine.vm.fatal.is_some() {
            return Ok(machine.finish(true));
        }
        let flushed = machine.vm.flush(); // what the example printed comes first
        flushed.map_err(|error| Failure::File(format!("standard output: {error}")))?;
        passed += usize::from(outcome.is_ok());
        cli::write(&report(example, outcome, &sources, file))?;
    }
    let (run, functions) = (examples.len(), functions.len());
    let failed = run - passed;
    cli::write(&format!(
        "Examples run: {run}, passed: {passed}, failed: {failed}, functions: {functions}\n"
    ))?;
    let code = machine.finish(false);
    Ok(if failed > 0 { 1 } else { code })
}

/// The name and the examples of a function at the top level.
fn function(form: &Form) -> Option<(&str, &[Form])> {
    let gene = gene(form).filter(|gene| word(&gene.head) == Some("fn"))?;
    let name = match &gene.children.first()?.kind {
        FormKind::Symbol(name) => name,
        // a member of the module: /name, $ns/name
        FormKind::Path(parts) => match &**parts {
            [first, name] if matches!(&**first, "" | "$ns") => name,
            _ => return None,
        },
        _ => return None,
    };
    let named = |entry: &&Entry| &*entry.key == "examples";
    match &gene.props.iter().find(named)?.value.kind {
        FormKind::Array(list) => Some((name, &list.items)),
        _ => None, // the compiler complains
    }
}

fn gene(form: &Form) -> Option<&GeneForm> {
    match &form.kind {
        FormKind::Gene(gene) => Some(gene),
        _ => None,
    }
}

fn word(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Symbol(word) => Some(word),
        _ => None,
    }
}

fn examples<'f>((function, list): &(&'f str, &'f [Form])) -> Vec<Example<'f>> {
    let example = |(at, triple): (usize, &'f [Form])| Example {
        function,
        number: at + 1,
        args: &triple[0],
        throws: word(&triple[1]) == Some("throws"),
        expected: Some(&triple[2]).filter(|form| word(form) != Some("_")),
    };
    list.chunks_exact(3).enumerate().map(example).collect()
}

/// The code of the program's last form: an array with two functions for each example, of which
/// the first calls and the second compares. They stand in the module and so see what the
/// examples see; a call through a variable keeps its errors for the run.
fn calls(text: &[u8], examples: &[Example<'_>]) -> String {
    let written = |form: &Form| {
        let bytes = &text[form.span.start as usize..form.span.end as usize];
        String::from_utf8_lossy(bytes).into_owned()
    };
    let mut out = "\n[".to_owned();
    for example in examples {
        let args = written(example.args);
        let args = args.trim_start_matches('#');
        let (args, function) = (&args[1..args.len() - 1], example.function);
        out.push_str(&format!(
            "(fn [] (var run_examples_callee {function}) (run_examples_callee {args}))\n"
        ));
        let expected = example.expected.map_or("nil".to_owned(), written);
        out.push_str(&match example.throws {
            true => format!("(fn [] [($run_examples_actual .is {expected}) nil])\n"),
            false => format!(
                "(fn [] (var run_examples_expected {expected}) \
                 [(run_examples_expected == $run_examples_actual) run_examples_expected])\n"
            ),
        });
    }
    out + "]\n"
}

/// What was expected and what came instead.
struct Difference {
    expected: String,
    actual: String,
}

/// Runs an example's functions.
fn judge(machine: &mut Machine, example: &Example<'_>, calls: &[Value]) -> Result<(), Difference> {
    let vm = &mut machine.vm;
    let result = vm.run_closure(calls[0]);
    let (value, actual) = match result {
        Ok(value) => (value, format!("return {}", print::quoted(vm, value))),
        Err(Raised) => (vm.raised, thrown(machine)),
    };
    let vm = &mut machine.vm;
    vm.keep_global("run_examples_actual", value);
    let differs = |expected: String| {
        Err(Difference {
            expected,
            actual: actual.clone(),
        })
    };
    let class = match (example.throws, example.expected) {
        (true, Some(class)) => format!("throws {}", write_form(class)),
        (true, None) => "throws _".to_owned(),
        (false, None) if result.is_ok() => return Ok(()),
        (false, None) => return differs("any return".into()),
        (false, Some(_)) => String::new(),
    };
    if example.throws && result.is_ok() {
        return differs(class);
    }
    let Ok(verdict) = vm.run_closure(calls[1]) else {
        return differs(format!("spec error: {}", vm.message_of(vm.raised)));
    };
    let verdict: &[Value] = heap_view::array(verdict).map_or(&[], |pair| pair.items.as_slice());
    match verdict {
        [same, _] if same.truthy() && result.is_ok() != example.throws => Ok(()),
        [_, expected] if !example.throws => {
            differs(format!("return {}", print::quoted(vm, *expected)))
        }
        _ => differs(class),
    }
}

/// The exception that was raised: its class and message.
fn thrown(machine: &mut Machine) -> String {
    let vm = &mut machine.vm;
    let class = Value::obj(vm.class_of(vm.raised));
    let message = vm.message_of(vm.raised);
    match heap_view::class(class) {
        Some(class) => format!("throws {}: {message}", vm.symbols.text(class.name)),
        None => format!("throws {message}"),
    }
}

fn report(
    example: &Example<'_>,
    outcome: Result<(), Difference>,
    sources: &SourceMap,
    file: FileId,
) -> String {
    let operator = if example.throws { "throws" } else { "->" };
    let expected = example.expected.map_or("_".to_owned(), write_form);
    let written = format!("{} {operator} {expected}", write_form(example.args));
    let (name, number) = (example.function, example.number);
    let line = |verdict: &str| format!("{verdict} {name} example {number}: {written}\n");
    match outcome {
        Ok(()) => line("PASS"),
        Err(Difference { expected, actual }) => {
            let place = sources.location(file, example.args.span.start);
            format!(
                "{}  expected: {expected}\n  actual: {actual}\n  location: {}:{}:{}\n",
                line("FAIL"),
                sources.name(file),
                place.line,
                place.column
            )
        }
    }
}

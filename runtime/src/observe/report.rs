//! The forms of a profile.

use super::profile::{Format, Function, Request, Times};
use crate::errors::json_text;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Most functions and opcodes in a table.
const MAX_ROWS: usize = 40;

/// What a profile found, most used first.
pub struct Figures {
    /// Instructions.
    pub steps: u64,
    /// By their own instructions.
    pub functions: Vec<Function>,
    /// By their number.
    pub opcodes: Vec<Row>,
    /// Instructions by stack, outermost call first.
    pub stacks: BTreeMap<Vec<String>, u64>,
}

/// An opcode.
pub struct Row {
    /// Its mnemonic.
    pub name: &'static str,
    /// How often it was executed.
    pub count: u64,
    /// How long, if times are wanted.
    pub times: Times,
}

/// Writes a profile where it is wanted.
pub fn write(request: &Request, figures: &Figures) -> Result<(), String> {
    let text = match request.format {
        Format::Table => table(figures),
        Format::Json => json(figures),
        Format::Collapsed => collapsed(figures),
        Format::Svg => svg(figures)?,
        Format::Times => times(request, figures),
    };
    match &request.file {
        Some(file) => super::output::write(file, &text),
        None if request.format == Format::Times => {
            print!("{text}");
            Ok(())
        }
        None => {
            eprint!("{text}");
            Ok(())
        }
    }
}

fn name(function: &Function) -> &str {
    match function.name.as_str() {
        "" => "(anonymous)",
        name => name,
    }
}

/// A function's name and place.
pub fn label(function: &Function) -> String {
    let name = name(function);
    match (function.file.as_str(), function.line) {
        ("", _) => format!("{name} (library)"),
        (file, 0) => format!("{name} ({file})"),
        (file, line) => format!("{name} ({file}:{line})"),
    }
}

fn percent(part: u64, all: u64) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

fn table(figures: &Figures) -> String {
    let (steps, count) = (figures.steps, figures.functions.len());
    let mut out = format!("profile: {steps} instructions in {count} functions\n\n");
    let _ = writeln!(
        out,
        "{:>12} {:>6} {:>12} {:>6} {:>10}  function",
        "self", "%", "total", "%", "calls"
    );
    for function in figures.functions.iter().take(MAX_ROWS) {
        let _ = writeln!(
            out,
            "{:>12} {:>6.2} {:>12} {:>6.2} {:>10}  {}",
            function.own,
            percent(function.own, steps),
            function.total,
            percent(function.total, steps),
            function.calls,
            label(function)
        );
    }
    more(&mut out, figures.functions.len());
    let _ = writeln!(out, "\n{:>12} {:>6}  instruction", "count", "%");
    for row in figures.opcodes.iter().take(MAX_ROWS) {
        let share = percent(row.count, steps);
        let _ = writeln!(out, "{:>12} {share:>6.2}  {}", row.count, row.name);
    }
    more(&mut out, figures.opcodes.len());
    out
}

fn more(out: &mut String, count: usize) {
    if count > MAX_ROWS {
        let _ = writeln!(out, "… and {} more", count - MAX_ROWS);
    }
}

fn json(figures: &Figures) -> String {
    let mut functions: Vec<String> = Vec::new();
    for f in &figures.functions {
        functions.push(format!(
            "    {{\"name\": {}, \"file\": {}, \"line\": {}, \"calls\": {}, \"self\": {}, \"total\": {}}}",
            json_text(name(f)),
            json_text(&f.file),
            f.line,
            f.calls,
            f.own,
            f.total
        ));
    }
    let opcodes = figures.opcodes.iter();
    let opcodes: Vec<String> = opcodes
        .map(|row| format!("    {}: {}", json_text(row.name), row.count))
        .collect();
    let stacks = figures.stacks.iter().map(|(stack, weight)| {
        let frames: Vec<String> = stack.iter().map(|frame| json_text(frame)).collect();
        let frames = frames.join(", ");
        format!("    {{\"instructions\": {weight}, \"frames\": [{frames}]}}")
    });
    let stacks: Vec<String> = stacks.collect();
    format!(
        "{{\n  \"instructions\": {},\n  \"functions\": [\n{}\n  ],\n  \"opcodes\": {{\n{}\n  }},\n  \
         \"stacks\": [\n{}\n  ]\n}}\n",
        figures.steps,
        functions.join(",\n"),
        opcodes.join(",\n"),
        stacks.join(",\n")
    )
}

fn lines(figures: &Figures) -> Vec<String> {
    let line = |(stack, weight): (&Vec<String>, &u64)| {
        // What separates frames and lines is not part of one.
        let frames = stack.iter().map(|frame| frame.replace([';', '\n'], ":"));
        format!("{} {weight}", frames.collect::<Vec<_>>().join(";"))
    };
    figures.stacks.iter().map(line).collect()
}

fn collapsed(figures: &Figures) -> String {
    let mut text = lines(figures).join("\n");
    text.push('\n');
    text
}

#[cfg(feature = "flame-graph")]
fn svg(figures: &Figures) -> Result<String, String> {
    use inferno::flamegraph::{self, Options};
    let mut options = Options::default();
    "Instructions by call stack".clone_into(&mut options.title);
    "instructions".clone_into(&mut options.count_name);
    options.deterministic = true;
    let lines = lines(figures);
    let mut out = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut out)
        .map_err(|error| format!("the flame graph: {error}"))?;
    String::from_utf8(out).map_err(|error| format!("the flame graph: {error}"))
}

#[cfg(not(feature = "flame-graph"))]
fn svg(_: &Figures) -> Result<String, String> {
    Err(
        "this program was built without flame graphs; --profile-format=collapsed gives what tools \
         make them of"
            .to_owned(),
    )
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The reports of the language's reference.
fn times(request: &Request, figures: &Figures) -> String {
    let mut out = String::new();
    if request.functions {
        function_times(&mut out, figures);
    }
    if request.instructions {
        instruction_times(&mut out, figures);
    }
    out
}

fn function_times(out: &mut String, figures: &Figures) {
    let mut rows: Vec<&Function> = figures.functions.iter().collect();
    rows.retain(|function| function.calls > 0 && !function.file.is_empty());
    if rows.is_empty() {
        out.push_str("No profiling data available\n");
        return;
    }
    rows.sort_by_key(|function| std::cmp::Reverse(function.times.total));
    out.push_str("\n=== Function Profile Report ===\n");
    out.push_str(
        "Function                       Calls      Total(ms)       Avg(μs)     Min(μs)     Max(μs)\n",
    );
    let _ = writeln!(out, "{}", "-".repeat(94));
    for function in &rows {
        let times = function.times;
        let mut name = name(function).to_owned();
        if name.chars().count() > 30 {
            name = name.chars().take(27).chain("...".chars()).collect();
        }
        let _ = writeln!(
            out,
            "{name:<30} {:>10} {:>12.3} {:>12.3} {:>10.3} {:>10.3}",
            function.calls,
            ms(times.total),
            ms(times.total) * 1e3 / function.calls as f64,
            ms(times.min) * 1e3,
            ms(times.max) * 1e3
        );
    }
    let _ = writeln!(out, "\nTotal functions profiled: {}", rows.len());
}

fn instruction_times(out: &mut String, figures: &Figures) {
    if figures.opcodes.is_empty() {
        out.push_str("No profiling data available\n");
        return;
    }
    let mut rows: Vec<&Row> = figures.opcodes.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.times.total));
    let total: Duration = rows.iter().map(|row| row.times.total).sum();
    out.push_str("\n=== Instruction Profile Report ===\n");
    out.push_str(
        "Instruction              Count      Total(ms)    Avg(ns)    Min(ns)    Max(ns)    %Time\n",
    );
    let _ = writeln!(out, "{}", "-".repeat(94));
    for row in &rows {
        let times = row.times;
        let _ = writeln!(
            out,
            "{:<20} {:>10} {:>12.3} {:>12.1} {:>10} {:>10} {:>8.2}",
            row.name,
            times.count,
            ms(times.total),
            times.total.as_nanos() as f64 / times.count.max(1) as f64,
            times.min.as_nanos(),
            times.max.as_nanos(),
            100.0 * times.total.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE)
        );
    }
    let _ = writeln!(out, "\nTotal time: {:.3} ms", ms(total));
    let _ = writeln!(out, "Instructions profiled: {}", rows.len());
}

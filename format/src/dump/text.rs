//! Facts as text for people.

use std::fmt::Write;

use super::facts::{Facts, FuncFacts, HandlerFacts, InsnFacts, Part, Select};
use super::paint::Paint;
use super::size::grouped;
use crate::layout::ALIGN;

/// The listing.
pub fn render(facts: &Facts, colour: bool) -> String {
    let text = Listing {
        paint: Paint { colour },
        is_part: false,
    };
    let mut out = text.head(facts, &[]);
    for func in &facts.functions {
        out += &text.function(func);
    }
    out += &text.lines("constants", 'k', 0, &facts.constants);
    out += &text.lines("table", 't', 0, &facts.table);
    out
}

/// How pieces of a listing are written.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    paint: Paint,
    /// Only parts are shown: a line for each function, no header.
    is_part: bool,
}

impl Listing {
    pub fn new(select: &Select, colour: bool) -> Listing {
        Listing {
            paint: Paint { colour },
            is_part: !select.only.is_empty(),
        }
    }

    /// Header, sections, modules, links, or the parts of these that were asked for.
    pub fn head(self, facts: &Facts, only: &[Part]) -> String {
        let mut out = String::new();
        // writing to a string cannot fail
        let _ = match self.is_part {
            false => whole_head(facts, self.paint, &mut out),
            true => part_head(facts, only, self.paint, &mut out),
        };
        out
    }

    /// A function with its code, or its line in a list of functions.
    pub fn function(self, func: &FuncFacts) -> String {
        let mut out = String::new();
        // writing to a string cannot fail
        let _ = match self.is_part {
            false => function(func, self.paint, &mut out),
            true => signature(func, self.paint, &mut out),
        };
        out
    }

    /// Lines with ids from `start`; a title above the first.
    pub fn lines(self, title: &str, sigil: char, start: usize, lines: &[String]) -> String {
        let mut out = String::new();
        if start == 0 && !lines.is_empty() {
            let gap = if self.is_part { "" } else { "\n" };
            out += &format!("{gap}{}\n", self.paint.title(title));
        }
        for (index, line) in (start..).zip(lines) {
            let id = format!("{sigil}{index}");
            out += &match line.starts_with("!!") {
                true => format!("  {id:<6} {}\n", self.paint.error(line)),
                false => format!("  {id:<6} {line}\n"),
            };
        }
        out
    }
}

fn whole_head(facts: &Facts, paint: Paint, out: &mut String) -> std::fmt::Result {
    header(facts, paint, out)?;
    if !facts.modules.is_empty() {
        writeln!(out, "\n{}", paint.title("modules"))?;
    }
    for module in &facts.modules {
        write!(
            out,
            "  {:<4} {} init {}",
            module.id, module.name, module.init
        )?;
        match module.source_len {
            Some(len) => writeln!(out, ", {len} bytes of source")?,
            None => writeln!(out)?,
        }
    }
    links(facts, paint, out)
}

fn part_head(facts: &Facts, only: &[Part], paint: Paint, out: &mut String) -> std::fmt::Result {
    if let Some(summary) = &facts.summary {
        let header = &facts.header;
        writeln!(out, "{}", paint.title("summary"))?;
        writeln!(out, "  version     {}", header.version)?;
        writeln!(out, "  flags       {}", or_none(&header.flags.join(" ")))?;
        writeln!(out, "  content id  {}", header.content_id)?;
        let counts = [
            ("bytes", header.file_len),
            ("debug data", summary.debug_bytes),
            ("modules", summary.modules as u64),
            ("functions", summary.functions as u64),
            ("code words", summary.code_words.into()),
            ("constants", summary.constants as u64),
            ("table words", summary.table_words as u64),
            ("strings", summary.strings as u64),
            ("imports", summary.imports as u64),
            ("exports", summary.exports as u64),
        ];
        for (name, count) in counts {
            writeln!(out, "  {name:<11} {}", grouped(count))?;
        }
    }
    if only.contains(&Part::Sections) {
        sections(facts, paint, out)?;
    }
    if only.contains(&Part::Functions) {
        writeln!(out, "{}", paint.title("functions"))?;
    }
    Ok(())
}

/// A function's line in a list: how it is called, where it stands, how much code it has.
fn signature(func: &FuncFacts, paint: Paint, out: &mut String) -> std::fmt::Result {
    if let Some(error) = &func.error {
        return writeln!(
            out,
            "  {:<6} {}",
            func.id,
            paint.error(format!("!! {error}"))
        );
    }
    let params = func.params.iter().map(|(kind, name)| match kind.as_str() {
        "Optional" => format!("{name}?"),
        "Rest" => format!("{name}..."),
        "Key" => format!("^{name}"),
        "OptionalKey" => format!("^{name}?"),
        "KeyRest" => format!("^{name}..."),
        _ => name.clone(),
    });
    let params: Vec<String> = params.collect();
    let name = if func.name.is_empty() {
        "(anonymous)"
    } else {
        &func.name
    };
    let flags: String = func.flags.iter().map(|flag| format!(", {flag}")).collect();
    let place = format!("{}:{}:{}", func.module, func.line, func.column);
    writeln!(
        out,
        "  {:<6} {} {} [{}]  {}",
        func.id,
        func.kind,
        paint.title(name),
        params.join(" "),
        paint.comment(format!("{place}, {} words{flags}", func.code_len))
    )
}

/// What connects the image with others.
fn links(facts: &Facts, paint: Paint, out: &mut String) -> std::fmt::Result {
    if !facts.imports.is_empty() {
        writeln!(out, "\n{}", paint.title("imports"))?;
    }
    for import in &facts.imports {
        writeln!(out, "  {} {}", import.interface, import.path)?;
    }
    let Some(interface) = &facts.interface else {
        return Ok(());
    };
    writeln!(out, "\n{} {}", paint.title("exports"), interface.hash)?;
    for export in &interface.exports {
        let entry = export.entry.as_deref().unwrap_or("");
        let name = match export.name.as_str() {
            "" => "(module)",
            name => name,
        };
        let line = format!("  {entry:<6} {name} {}", export.description);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn header(facts: &Facts, paint: Paint, out: &mut String) -> std::fmt::Result {
    let header = &facts.header;
    writeln!(out, "{}", paint.title("header"))?;
    writeln!(out, "  version    {}", header.version)?;
    writeln!(out, "  flags      {}", or_none(&header.flags.join(" ")))?;
    writeln!(out, "  length     {} bytes", header.file_len)?;
    writeln!(out, "  abi        {}", header.abi)?;
    if header.foreign {
        let text = "of another build than this: compile again to run it";
        writeln!(out, "             {}", paint.error(text))?;
    }
    writeln!(out, "  content id {}", header.content_id)?;
    writeln!(out, "  build id   {}", header.build_id)?;
    for (name, value) in &facts.meta {
        writeln!(
            out,
            "  meta       {} = {}",
            name.escape_debug(),
            value.escape_debug()
        )?;
    }
    if let Some(place) = &facts.needs_eval {
        writeln!(out, "  needs eval {}", place.escape_debug())?;
    }
    writeln!(out)?;
    sections(facts, paint, out)
}

fn sections(facts: &Facts, paint: Paint, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{}", paint.title("sections"))?;
    for section in &facts.sections {
        let flag = match (section.required, section.strippable) {
            (_, true) => "strippable",
            (true, false) => "required",
            (false, false) => "optional",
        };
        // what the writer uses needs no words, and the line fits 80 columns
        let align = match section.align {
            ALIGN => String::new(),
            other => format!(", align {other}"),
        };
        writeln!(
            out,
            "  {} {:>10} bytes at {:>8}, {:>7} records{align}, crc {}, {flag}",
            section.kind, section.length, section.offset, section.count, section.crc
        )?;
    }
    Ok(())
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn function(func: &FuncFacts, paint: Paint, out: &mut String) -> std::fmt::Result {
    let name = if func.name.is_empty() {
        "(anonymous)"
    } else {
        &func.name
    };
    writeln!(out, "\n{} {}", paint.title(&func.id), paint.title(name))?;
    if let Some(error) = &func.error {
        return writeln!(out, "  {}", paint.error(format!("!! {error}")));
    }
    write!(
        out,
        "  {} {}:{}:{}",
        func.kind, func.module, func.line, func.column
    )?;
    for flag in &func.flags {
        write!(out, ", {flag}")?;
    }
    writeln!(
        out,
        "\n  frame {} slots, window {}, {} words at {}, crc {}",
        func.frame_size, func.window, func.code_len, func.code_start, func.code_crc
    )?;
    named(
        "parameters",
        func.params
            .iter()
            .map(|(kind, name)| format!("{kind} {name}")),
        out,
    )?;
    named("captures", func.captures.iter().cloned(), out)?;
    named(
        "variables",
        func.vars
            .iter()
            .map(|(slot, name)| format!("r{slot} {name}")),
        out,
    )?;
    named("result", func.result.iter().cloned(), out)?;
    named("intent", func.intent.iter().cloned(), out)?;
    named("examples", func.examples.iter().cloned(), out)?;
    named("handler", func.handlers.iter().map(handler), out)?;
    func.code
        .iter()
        .try_for_each(|insn| instruction(insn, paint, out))
}

/// A line with what there is, if there is any.
fn named(name: &str, items: impl Iterator<Item = String>, out: &mut String) -> std::fmt::Result {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {name}: {}", items.join(", "))
}

fn handler(handler: &HandlerFacts) -> String {
    let kind = if handler.cleanup { "finally" } else { "catch" };
    format!(
        "@{:x}..@{:x} {kind} @{:x} r{}",
        handler.start, handler.end, handler.target, handler.slot
    )
}

fn instruction(insn: &InsnFacts, paint: Paint, out: &mut String) -> std::fmt::Result {
    if let Some(source) = &insn.source {
        let line = insn.line.unwrap_or(0);
        writeln!(out, "  {}", paint.comment(format!("; {line}: {source}")))?;
    }
    let at = format!("@{:x}", insn.at);
    let place = match (insn.line, insn.column) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        _ => String::new(),
    };
    let notes: Vec<_> = [&insn.comment, &place]
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(String::as_str)
        .collect();
    let op = format!("{:<14}", insn.op);
    if notes.is_empty() {
        let (op, operands) = (paint.opcode(op.trim_end()), &insn.operands);
        let gap = if operands.is_empty() {
            0
        } else {
            14 - insn.op.len().min(13)
        };
        return writeln!(out, "  {at:>6}  {op}{:gap$}{operands}", "");
    }
    let pad = 28usize.saturating_sub(insn.operands.chars().count());
    let (op, operands) = (paint.opcode(op), &insn.operands);
    let notes = paint.comment(format!("; {}", notes.join("  ")));
    writeln!(out, "  {at:>6}  {op}{operands}{:pad$}  {notes}", "")
}

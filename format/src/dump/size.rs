//! What each byte of an image is for: by section, by function, by string.
//!
//! Every byte is counted once. What several functions share (equal code, equal parameters) counts
//! for the first of them.

use std::collections::HashSet;
use std::fmt::Write;

use serde::Serialize;

use super::paint::Paint;
use crate::image::{CheckedImage, Run};
use crate::layout::*;
use crate::program::{FuncId, StrId};

/// Longest text of a string that is shown, in characters.
const TEXT: usize = 48;

/// Where an image's bytes go.
#[derive(Clone, Serialize, Debug)]
pub struct Sizes {
    /// Bytes of the file.
    pub total: u64,
    /// Header, section table, padding, and all sections, in file order.
    pub sections: Vec<PartSize>,
    /// Functions, the largest first.
    pub functions: Vec<FuncSize>,
    /// Strings with their offsets in STRS, the largest first.
    pub strings: Vec<StringSize>,
    /// Source texts that the image keeps, by module.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<PartSize>,
}

/// A part of the file.
#[derive(Clone, Serialize, Debug)]
pub struct PartSize {
    /// What it is.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
}

/// A function.
#[derive(Clone, Serialize, Debug)]
pub struct FuncSize {
    /// `f0` and so on.
    pub id: String,
    /// Name; empty for anonymous functions.
    pub name: String,
    /// Path of its module.
    pub module: String,
    /// Line of the definition.
    pub line: u32,
    /// Everything.
    pub bytes: u64,
    /// Its instructions.
    pub code: u64,
    /// Its records in FUNC, XTRA, PARM, CAPT and EXCP.
    pub records: u64,
    /// Its positions and names of variables.
    pub debug: u64,
}

/// A string.
#[derive(Clone, Serialize, Debug)]
pub struct StringSize {
    /// `s0` and so on.
    pub id: String,
    /// Its beginning, without control characters.
    pub text: String,
    /// Bytes.
    pub bytes: u64,
}

/// Measures an image.
pub fn measure(image: &CheckedImage<'_>) -> Sizes {
    Sizes {
        total: image.bytes().len() as u64,
        sections: sections(image),
        functions: functions(image),
        strings: strings(image),
        sources: sources(image),
    }
}

fn sections(image: &CheckedImage<'_>) -> Vec<PartSize> {
    let part = |name: &str, bytes: u64| PartSize {
        name: name.into(),
        bytes,
    };
    let (header, entry) = (
        size_of::<Header>() as u64,
        size_of::<SectionRecord>() as u64,
    );
    let table = image.sections().count() as u64 * entry;
    let mut parts = vec![part("header", header), part("section table", table)];
    let sections = image.sections();
    parts.extend(sections.map(|section| part(&section.tag.to_string(), section.length)));
    let used: u64 = parts.iter().map(|part| part.bytes).sum();
    parts.push(part("padding", image.bytes().len() as u64 - used));
    parts
}

fn functions(image: &CheckedImage<'_>) -> Vec<FuncSize> {
    let mut seen: [HashSet<u32>; 2] = Default::default();
    let mut once =
        |which: usize, run: Run, width: u64| match run.len > 0 && seen[which].insert(run.start) {
            true => u64::from(run.len) * width,
            false => 0,
        };
    let string = |id| image.string(id).unwrap_or("?").escape_debug().to_string();
    let modules: Vec<String> = image.modules().iter().map(|m| string(m.name)).collect();
    let mut functions = Vec::with_capacity(image.func_count());
    for id in (0..image.func_count() as u32).map(FuncId) {
        let Ok(view) = image.func(id) else { continue };
        let code = once(0, view.code, 8);
        let extra = view.captures.len + view.handlers.len > 0
            || view.intent.is_some()
            || view.examples.is_some()
            || view.place.1 >= u32::from(COLUMN_IN_EXTRA);
        let records = size_of::<FuncRecord>() as u64
            + once(1, view.params, 4)
            + u64::from(view.captures.len) * 4
            + u64::from(view.handlers.len) * size_of::<HandlerRecord>() as u64
            + if extra {
                size_of::<ExtraRecord>() as u64
            } else {
                0
            };
        let debug = image.debug_len(id);
        functions.push(FuncSize {
            id: id.to_string(),
            name: string(view.name),
            module: modules
                .get(view.module.index())
                .cloned()
                .unwrap_or_default(),
            line: view.place.0,
            bytes: code + records + debug,
            code,
            records,
            debug,
        });
    }
    functions.sort_by_key(|func| std::cmp::Reverse(func.bytes));
    functions
}

fn strings(image: &CheckedImage<'_>) -> Vec<StringSize> {
    let ids = (0..image.string_count() as u32).map(StrId);
    let size = |id: StrId| {
        let text = image.string(id).ok()?;
        let start = text.chars().take(TEXT).flat_map(char::escape_debug);
        let rest = if text.chars().nth(TEXT).is_some() {
            "…"
        } else {
            ""
        };
        Some(StringSize {
            id: id.to_string(),
            text: start.collect::<String>() + rest,
            bytes: text.len() as u64 + 4,
        })
    };
    let mut strings: Vec<StringSize> = ids.filter_map(size).collect();
    strings.sort_by_key(|string| std::cmp::Reverse(string.bytes));
    strings
}

fn sources(image: &CheckedImage<'_>) -> Vec<PartSize> {
    let modules = image.modules().into_iter();
    let size = |module: crate::image::ModuleView| {
        let text = image.source(module.id)?;
        Some(PartSize {
            name: image.string(module.name).ok()?.escape_debug().to_string(),
            bytes: text.len() as u64 + 1,
        })
    };
    modules.filter_map(size).collect()
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A name, cut at the end.
fn cut(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width - 1).chain(['…']).collect(),
        false => text.into(),
    }
}

/// The table: sections, and the `top` largest functions and strings.
pub fn render_sizes(sizes: &Sizes, top: usize, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    // writing to a string cannot fail
    let _ = table(sizes, top, paint, &mut out);
    out
}

fn table(sizes: &Sizes, top: usize, paint: Paint, out: &mut String) -> std::fmt::Result {
    let share = |bytes: u64| bytes as f64 * 100.0 / sizes.total.max(1) as f64;
    let title = format!("{:<16}{:>12} {:>6}", "section", "bytes", "%");
    writeln!(out, "{}", paint.title(title))?;
    for part in sizes.sections.iter().filter(|part| part.bytes > 0) {
        let percent = share(part.bytes);
        let bar = "█".repeat((percent * 0.4).round() as usize);
        let line = format!(
            "{:<16}{:>12} {percent:>6.1} {}",
            part.name,
            grouped(part.bytes),
            paint.opcode(bar)
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(
        out,
        "{:<16}{:>12} {:>6.1}",
        "total",
        grouped(sizes.total),
        100.0
    )?;

    let count = sizes.functions.len();
    let title = format!(
        "{:<36}{:>10}{:>10}{:>9}{:>9} {:>5}",
        format!("functions, {} of {count}", top.min(count)),
        "bytes",
        "code",
        "records",
        "debug",
        "%"
    );
    writeln!(out, "\n{}", paint.title(title))?;
    for func in sizes.functions.iter().take(top) {
        let name = if func.name.is_empty() {
            "(anonymous)"
        } else {
            &func.name
        };
        let place = format!("{} {name} {}:{}", func.id, func.module, func.line);
        writeln!(
            out,
            "{:<36}{:>10}{:>10}{:>9}{:>9} {:>5.1}",
            cut(&place, 35),
            grouped(func.bytes),
            grouped(func.code),
            grouped(func.records),
            grouped(func.debug),
            share(func.bytes)
        )?;
    }
    let count = sizes.strings.len();
    let title = format!(
        "{:<62}{:>10} {:>6}",
        format!("strings, {} of {count}", top.min(count)),
        "bytes",
        "%"
    );
    writeln!(out, "\n{}", paint.title(title))?;
    for string in sizes.strings.iter().take(top) {
        let text = format!("{} \"{}\"", string.id, string.text);
        let percent = share(string.bytes);
        writeln!(
            out,
            "{:<62}{:>10} {percent:>6.1}",
            cut(&text, 61),
            grouped(string.bytes)
        )?;
    }
    for source in &sizes.sources {
        let text = format!("source of {}", source.name);
        let percent = share(source.bytes);
        writeln!(
            out,
            "{:<62}{:>10} {percent:>6.1}",
            cut(&text, 61),
            grouped(source.bytes)
        )?;
    }
    Ok(())
}

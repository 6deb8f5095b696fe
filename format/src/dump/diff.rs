//! How two images differ: header, options, sections, modules, names that connect them, functions
//! instruction by instruction, constants, strings.
//!
//! Ids of constants, strings and table words shift with any change, so they are compared by what
//! they stand for.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use serde::Serialize;

use super::facts::{FuncFacts, InsnFacts, Select, function, gather};
use super::locate::locate;
use super::paint::Paint;
use crate::error::Result;
use crate::image::CheckedImage;
use crate::program::{ConstId, FuncId, StrId};

/// Lines that one function, or one list, may take; more are counted.
const SHOWN: usize = 60;

/// Cells of the table that matches instructions; longer functions are shown as replaced.
const CELLS: usize = 1 << 23;

/// A part that differs.
#[derive(Clone, Serialize, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which part.
    pub area: String,
    /// What differs.
    pub lines: Vec<ChangeLine>,
}

/// A line of a change.
#[derive(Clone, Serialize, Debug, PartialEq, Eq)]
pub struct ChangeLine {
    /// `-` only in the first image, `+` only in the second, a blank for what explains others.
    pub sign: char,
    /// The text.
    pub text: String,
}

#[derive(Default)]
struct Lines(Vec<ChangeLine>);

impl Lines {
    fn push(&mut self, sign: char, text: impl Display) {
        let text = text.to_string();
        self.0.push(ChangeLine { sign, text });
    }

    /// A fact with one value in each image.
    fn fact<T: PartialEq + Display>(&mut self, name: &str, a: T, b: T) {
        if a != b {
            self.push('-', format_args!("{name} {a}"));
            self.push('+', format_args!("{name} {b}"));
        }
    }

    /// What only one of two lists has; how often counts, order does not.
    fn lists(&mut self, a: impl IntoIterator<Item = String>, b: impl IntoIterator<Item = String>) {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for text in a {
            *counts.entry(text).or_default() -= 1;
        }
        for text in b {
            *counts.entry(text).or_default() += 1;
        }
        for (text, count) in counts.into_iter().filter(|(_, count)| *count != 0) {
            let sign = if count < 0 { '-' } else { '+' };
            match count.abs() {
                1 => self.push(sign, text),
                times => self.push(sign, format_args!("{text}  ({times} times)")),
            }
        }
    }

    fn cut(mut self) -> Vec<ChangeLine> {
        if self.0.len() > SHOWN {
            let hidden = self.0.len() - SHOWN;
            self.0.truncate(SHOWN);
            self.push(' ', format_args!("… {hidden} more lines"));
        }
        self.0
    }
}

/// What differs between two images; nothing exactly if their bytes are the same.
///
/// # Errors
///
/// META does not decode.
pub fn diff(a: &CheckedImage<'_>, b: &CheckedImage<'_>) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    if a.bytes() == b.bytes() {
        return Ok(changes);
    }
    let mut add = |area: &str, lines: Lines| {
        if !lines.0.is_empty() {
            let area = area.to_owned();
            changes.push(Change {
                area,
                lines: lines.cut(),
            });
        }
    };
    heads(a, b, &mut add)?;
    functions(a, b, &mut add);
    if a.content_id() != b.content_id() {
        let constant = |image: &CheckedImage<'_>| -> Vec<String> {
            let ids = (0..image.const_count() as u32).map(ConstId);
            ids.map(|id| super::describe_constant(image, id)).collect()
        };
        let string = |image: &CheckedImage<'_>| -> Vec<String> {
            let ids = (0..image.string_count() as u32).map(StrId);
            ids.map(|id| format!("{:?}", image.string(id).unwrap_or("?")))
                .collect()
        };
        let mut lines = Lines::default();
        lines.lists(constant(a), constant(b));
        add("constants", lines);
        let mut lines = Lines::default();
        lines.lists(string(a), string(b));
        add("strings", lines);
    }
    if changes.is_empty() {
        changes.push(first_byte(a, b));
    }
    Ok(changes)
}

/// The parts that are small in any image.
fn heads(
    a: &CheckedImage<'_>,
    b: &CheckedImage<'_>,
    add: &mut impl FnMut(&str, Lines),
) -> Result<()> {
    let select = Select {
        function: Some(String::new()),
        ..Select::default()
    };
    let heads = [gather(a, &select)?, gather(b, &select)?];
    let [one, two] = &heads;
    let mut lines = Lines::default();
    lines.fact("version", &one.header.version, &two.header.version);
    let flags = |facts: &super::Facts| facts.header.flags.join(" ");
    lines.fact("flags", flags(one), flags(two));
    lines.fact("length", one.header.file_len, two.header.file_len);
    lines.fact("abi", &one.header.abi, &two.header.abi);
    lines.fact("content id", &one.header.content_id, &two.header.content_id);
    lines.fact("build id", &one.header.build_id, &two.header.build_id);
    add("header", lines);

    let meta = |facts: &super::Facts| -> Vec<String> {
        let pairs = facts.meta.iter();
        let pairs =
            pairs.map(|(name, value)| format!("{name} = {value}").escape_debug().to_string());
        let eval = facts.needs_eval.iter();
        pairs
            .chain(eval.map(|place| format!("needs eval {}", place.escape_debug())))
            .collect()
    };
    let mut lines = Lines::default();
    lines.lists(meta(one), meta(two));
    add("options", lines);

    let sections = |facts: &super::Facts| -> Vec<String> {
        let sections = facts.sections.iter();
        sections
            .map(|s| {
                format!(
                    "{} {} bytes, {} records, crc {}",
                    s.kind, s.length, s.count, s.crc
                )
            })
            .collect()
    };
    let mut lines = Lines::default();
    lines.lists(sections(one), sections(two));
    lines
        .0
        .sort_by_key(|line| (line.text[..4].to_owned(), line.sign != '-'));
    add("sections", lines);

    let name =
        |image: &CheckedImage<'_>, id| image.string(id).unwrap_or("?").escape_debug().to_string();
    let modules = |image: &CheckedImage<'_>| -> Vec<String> {
        let modules = image.modules();
        modules
            .iter()
            .map(|module| name(image, module.name))
            .collect()
    };
    let (ours, theirs) = (modules(a), modules(b));
    let mut lines = Lines::default();
    lines.lists(ours.iter().cloned(), theirs.iter().cloned());
    if lines.0.is_empty() && ours != theirs {
        lines.push('-', format_args!("order: {}", ours.join(" ")));
        lines.push('+', format_args!("order: {}", theirs.join(" ")));
    }
    for one in a.modules() {
        let title = name(a, one.name);
        let Some(at) = theirs.iter().position(|other| *other == title) else {
            continue;
        };
        let texts = [a.source(one.id), b.source(b.modules()[at].id)];
        match texts {
            [Some(_), None] => lines.push('-', format_args!("source of {title}")),
            [None, Some(_)] => lines.push('+', format_args!("source of {title}")),
            [Some(old), Some(new)] if old != new => source_lines(&title, old, new, &mut lines),
            _ => {}
        }
    }
    add("modules", lines);

    let links = |image: &CheckedImage<'_>| -> Vec<String> {
        let imports = image.imports().unwrap_or_default().into_iter();
        let hex = |hash: &[u8; 32]| -> String {
            hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let imports = imports.map(|one| {
            format!(
                "import {}, interface {}",
                one.path.escape_debug(),
                hex(one.interface)
            )
        });
        let exports = image.exports().unwrap_or_default().into_iter();
        let exports = exports.map(|one| {
            let (name, description) = (one.name.escape_debug(), one.description.escape_debug());
            format!("export {name} {description}")
        });
        imports.chain(exports).collect()
    };
    let mut lines = Lines::default();
    lines.lists(links(a), links(b));
    add("imports and exports", lines);
    Ok(())
}

fn source_lines(title: &str, old: &str, new: &str, lines: &mut Lines) {
    let pairs = old.lines().zip(new.lines());
    let same = pairs.take_while(|(old, new)| old == new).count();
    lines.push(
        ' ',
        format_args!("source of {title}, first at line {}", same + 1),
    );
    for (sign, text) in [('-', old), ('+', new)] {
        if let Some(line) = text.lines().nth(same) {
            lines.push(sign, line.escape_debug());
        }
    }
}

/// What a function is matched by: module, kind, name, and which of these it is.
type Key = (String, String, String, usize);

fn keys(image: &CheckedImage<'_>) -> Vec<(Key, FuncId)> {
    let mut seen: HashMap<(String, String, String), usize> = HashMap::new();
    let name = |id| image.string(id).unwrap_or("?").escape_debug().to_string();
    let modules: Vec<String> = image.modules().iter().map(|m| name(m.name)).collect();
    let ids = (0..image.func_count() as u32).map(FuncId);
    ids.map(|id| {
        let (module, kind, name) = match image.func(id) {
            Ok(view) => (
                modules
                    .get(view.module.index())
                    .cloned()
                    .unwrap_or_default(),
                format!("{:?}", view.kind).to_lowercase(),
                name(view.name),
            ),
            Err(_) => Default::default(),
        };
        let count = seen
            .entry((module.clone(), kind.clone(), name.clone()))
            .or_default();
        let key = (module, kind, name, *count);
        *count += 1;
        (key, id)
    })
    .collect()
}

fn functions(a: &CheckedImage<'_>, b: &CheckedImage<'_>, add: &mut impl FnMut(&str, Lines)) {
    let (ours, theirs) = (keys(a), keys(b));
    let find: HashMap<&Key, FuncId> = theirs.iter().map(|(key, id)| (key, *id)).collect();
    let known: HashMap<&Key, FuncId> = ours.iter().map(|(key, id)| (key, *id)).collect();
    let select = Select::default();
    let names = a.has_positions() == b.has_positions();
    let mut lists = Lines::default();
    for (key, id) in &ours {
        let facts = function(a, *id, &select);
        let Some(other) = find.get(key) else {
            lists.push('-', title(&facts));
            continue;
        };
        let other = function(b, *other, &select);
        let mut lines = Lines::default();
        one_function(&facts, &other, names, &mut lines);
        add(&format!("function {}", title(&facts)), lines);
    }
    for (key, id) in &theirs {
        if !known.contains_key(key) {
            lists.push('+', title(&function(b, *id, &select)));
        }
    }
    add("functions", lists);
}

fn title(func: &FuncFacts) -> String {
    let name = match func.name.as_str() {
        "" => "(anonymous)",
        name => name,
    };
    let (id, module, line, words) = (&func.id, &func.module, func.line, func.code_len);
    format!("{id} {} {name} ({module}:{line}), {words} words", func.kind)
}

fn one_function(a: &FuncFacts, b: &FuncFacts, names: bool, lines: &mut Lines) {
    let place = |func: &FuncFacts| format!("{}:{}", func.line, func.column);
    lines.fact("defined at", place(a), place(b));
    lines.fact("flags", a.flags.join(" "), b.flags.join(" "));
    lines.fact("frame", a.frame_size, b.frame_size);
    let params = |func: &FuncFacts| {
        let params = func.params.iter();
        let params: Vec<String> = params
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        params.join(", ")
    };
    lines.fact("parameters", params(a), params(b));
    lines.fact("captures", a.captures.join(" "), b.captures.join(" "));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    lines.fact("intent", text(&a.intent), text(&b.intent));
    lines.fact("examples", text(&a.examples), text(&b.examples));
    lines.fact("error", text(&a.error), text(&b.error));
    instructions(&a.code, &b.code, lines);
    let handlers = |func: &FuncFacts| {
        let handlers = func.handlers.iter();
        let handlers = handlers.map(|h| {
            let kind = if h.cleanup { "finally" } else { "catch" };
            format!(
                "@{:x}..@{:x} {kind} @{:x} r{}",
                h.start, h.end, h.target, h.slot
            )
        });
        handlers.collect::<Vec<_>>().join(", ")
    };
    lines.fact("handlers", handlers(a), handlers(b));
    if !names {
        return; // one of the images is stripped, as its sections tell
    }
    let vars = |func: &FuncFacts| {
        let vars = func
            .vars
            .iter()
            .map(|(slot, name)| format!("r{slot} {name}"));
        vars.collect::<Vec<_>>().join(", ")
    };
    lines.fact("variables", vars(a), vars(b));
    let moved = a.code.iter().zip(&b.code);
    let mut moved = moved.filter(|(a, b)| (a.line, a.column) != (b.line, b.column));
    if let (true, Some((old, new))) = (a.code.len() == b.code.len(), moved.next()) {
        let place = |insn: &InsnFacts| match (insn.line, insn.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            _ => "unknown".into(),
        };
        let rest = match moved.count() {
            0 => String::new(),
            count => format!(", and {count} more"),
        };
        lines.push(
            '-',
            format_args!("position of @{:x} {}", old.at, place(old)),
        );
        lines.push(
            '+',
            format_args!("position of @{:x} {}{rest}", new.at, place(new)),
        );
    }
}

/// An instruction without the ids that shift: of table words, functions and constants, and with
/// `jumps` without where it jumps.
fn symbolic(insn: &InsnFacts, jumps: bool) -> String {
    let is_id = |word: &str| {
        let digits = word
            .trim_end_matches(',')
            .strip_prefix(['t', 'f', 'k', 's']);
        digits
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let shown = |text: &str| -> String {
        let words = text.split(' ').filter(|word| !is_id(word));
        let words = words.filter(|word| jumps || !word.starts_with('@'));
        words.collect::<Vec<_>>().join(" ")
    };
    let operands = shown(&insn.operands);
    let operands = operands.trim_end_matches(", ").trim_end_matches(',');
    // Names of variables are debug data, and differ elsewhere.
    let mut comment = insn.comment.as_str();
    while let Some(rest) = behind_variable(comment) {
        comment = rest;
    }
    // A constant's text may hold anything, but its id comes first.
    let comment = match comment.split_once(' ') {
        Some((id, rest)) if is_id(id) => rest.to_owned(),
        _ if comment.contains('"') => comment.to_owned(),
        _ => shown(comment),
    };
    match comment.is_empty() {
        true => format!("{} {operands}", insn.op),
        false => format!("{} {operands}  ; {comment}", insn.op),
    }
}

/// What follows the name of a variable (`r3 name, …`) in a comment.
fn behind_variable(comment: &str) -> Option<&str> {
    let (slot, rest) = comment.split_once(' ')?;
    let digits = slot.strip_prefix('r')?;
    let is_slot = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_slot.then(|| rest.split_once(", ").map_or("", |(_, rest)| rest))
}

fn instructions(a: &[InsnFacts], b: &[InsnFacts], lines: &mut Lines) {
    let words = |code: &[InsnFacts], jumps| -> Vec<String> {
        code.iter().map(|insn| symbolic(insn, jumps)).collect()
    };
    let (mut old, mut new) = (words(a, false), words(b, false));
    if old == new {
        // Nothing moved, so that targets can be compared.
        (old, new) = (words(a, true), words(b, true));
    }
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let same_end = ends.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - same_end, new.len() - same_end);
    let mut show = |sign, code: &[InsnFacts], words: &[String], at: usize| {
        let at_of = code.get(at).map_or(0, |insn| insn.at);
        lines.push(
            sign,
            format_args!("{:>6}  {}", format!("@{at_of:x}"), words[at]),
        );
    };
    let (n, m) = (old_end - start, new_end - start);
    if n.saturating_mul(m) > CELLS {
        (start..old_end)
            .take(SHOWN / 2)
            .for_each(|at| show('-', a, &old, at));
        (start..new_end)
            .take(SHOWN / 2)
            .for_each(|at| show('+', b, &new, at));
        return lines.push(' ', format_args!("{n} instructions became {m}"));
    }
    // Longest common subsequence, from the end.
    let width = m + 1;
    let mut longest = vec![0u32; (n + 1) * width];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            longest[i * width + j] = match old[start + i] == new[start + j] {
                true => longest[(i + 1) * width + j + 1] + 1,
                false => longest[(i + 1) * width + j].max(longest[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < n || j < m {
        if i < n && j < m && old[start + i] == new[start + j] {
            (i, j) = (i + 1, j + 1);
        } else if i < n && (j == m || longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            show('-', a, &old, start + i);
            i += 1;
        } else {
            show('+', b, &new, start + j);
            j += 1;
        }
    }
}

/// For images whose parts seem equal: where the bytes differ.
fn first_byte(a: &CheckedImage<'_>, b: &CheckedImage<'_>) -> Change {
    let pairs = a.bytes().iter().zip(b.bytes());
    let at = pairs.take_while(|(a, b)| a == b).count() as u64;
    let mut lines = Lines::default();
    for (sign, image) in [('-', a), ('+', b)] {
        let facts = locate(image, at)
            .map(|location| location.facts)
            .unwrap_or_default();
        let facts: Vec<String> = facts
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        lines.push(sign, facts.join(", "));
    }
    Change {
        area: format!("byte {at}"),
        lines: lines.cut(),
    }
}

/// Changes as text; empty if there are none.
pub fn render_diff(changes: &[Change], colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    for change in changes {
        out += &format!("{}\n", paint.title(&change.area));
        for line in &change.lines {
            let text = format!("{} {}", line.sign, line.text);
            let text = match line.sign {
                '-' => paint.error(text),
                '+' => paint.good(text),
                _ => text,
            };
            out += &format!("  {}\n", text.trim_end());
        }
    }
    out
}

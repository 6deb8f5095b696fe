//! What verification checks, rule by rule: how many things, and where a rule is broken. Unlike
//! [`verify_image`](crate::verify::verify_image) it goes on after what it finds.

use serde::Serialize;

use super::paint::Paint;
use super::size::grouped;
use crate::error::{FormatError, Place, VerifyErrorKind};
use crate::image::{CheckedImage, FuncView};
use crate::layout::{LINE, REQUIRED, SECTIONS, SRCS, VARS};
use crate::ops::{Flow, Insn, Op, Operand};
use crate::program::{ConstId, FuncId, FuncKind, ModuleId, StrId, TableId};
use crate::verify::verify_func;

/// Failures of one rule that are kept; more are counted.
const KEPT: usize = 8;

/// What became of a rule.
#[derive(Clone, Serialize, Debug)]
pub struct RuleReport {
    /// `header`, `sections` …, `V1` to `V20`.
    pub rule: &'static str,
    /// What it demands.
    pub demand: &'static str,
    /// What it was asked about.
    pub unit: &'static str,
    /// How many of them; `None` if it was not reached.
    pub checked: Option<u64>,
    /// How many failed.
    pub failed: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// Rules about files and records, in the order in which they are checked.
const RECORDS: [(&str, &str, &str); 11] = [
    ("header", "magic, version, ABI, lengths, CRC", "fields"),
    ("table", "known kinds, in order, zero padding", "entries"),
    ("sections", "checksums", "sections"),
    ("content id", "hash of what is not debug data", "sections"),
    ("strings", "inside the section, UTF-8", "strings"),
    (
        "constants",
        "known tags, depth and size add up",
        "constants",
    ),
    (
        "entries",
        "name what exists, caches are whole",
        "table words",
    ),
    ("modules", "names and bodies exist", "modules"),
    (
        "links",
        "imports inside the folder, exports exist",
        "records",
    ),
    (
        "functions",
        "records decode: ranges, kinds, flags",
        "functions",
    ),
    (
        "debug data",
        "positions in the code, names exist",
        "entries",
    ),
];

/// Rules about code, as in `verify.rs`.
const CODE: [(&str, &str, &str); 21] = [
    ("V1", "code has the checksum of its record", "functions"),
    ("V2", "size of frames, parameters inside", "functions"),
    ("V3", "only large frames grow, at the start", "functions"),
    ("V4", "opcodes of the instruction set", "words"),
    ("V5", "numbers in range, unused ones zero", "operands"),
    ("V6", "slots inside the frame", "operands"),
    ("V7", "call windows inside the frame", "operands"),
    ("V8", "table words of the right kind", "operands"),
    ("V9", "constants of the kind that is read", "operands"),
    ("V10", "key names fit the arguments", "operands"),
    ("V11", "jumps to instructions, back with budget", "operands"),
    ("V12", "two-word instructions are whole", "instructions"),
    ("V13", "the last instruction never goes on", "functions"),
    ("V14", "captures exist", "operands"),
    ("V15", "closures find what they capture", "operands"),
    ("V16", "functions as values capture nothing", "operands"),
    ("V17", "handlers cover and lead to own code", "handlers"),
    ("V18", "only generators yield", "instructions"),
    ("V19", "bodies of modules are plain", "functions"),
    ("V20", "parameters as the record counts them", "functions"),
    ("V21", "functions called by number fit the call", "operands"),
];

struct Explain {
    rules: Vec<RuleReport>,
}

impl Explain {
    fn of(&mut self, rule: &str) -> Option<&mut RuleReport> {
        self.rules.iter_mut().find(|report| report.rule == rule)
    }

    fn count(&mut self, rule: &str, number: usize) {
        if let Some(report) = self.of(rule) {
            *report.checked.get_or_insert(0) += number as u64;
        }
    }

    fn fail(&mut self, rule: &str, error: impl std::fmt::Display) {
        if let Some(report) = self.of(rule) {
            report.checked.get_or_insert(0);
            report.failed += 1;
            if report.failures.len() < KEPT {
                report.failures.push(error.to_string());
            }
        }
    }

    fn check<T>(&mut self, rule: &str, result: Result<T, FormatError>) -> Option<T> {
        self.count(rule, 1);
        result.map_err(|error| self.fail(rule, error)).ok()
    }
}

/// Checks an image like [`verify_image`](crate::verify::verify_image), which says whether it is
/// right; this says what was looked at. After damage in header, section table or metadata nothing
/// further can be reached.
pub fn explain(bytes: &[u8]) -> Vec<RuleReport> {
    let report = |&(rule, demand, unit): &(&'static str, &'static str, &'static str)| RuleReport {
        rule,
        demand,
        unit,
        checked: None,
        failed: 0,
        failures: Vec::new(),
    };
    let rules = RECORDS.iter().chain(&CODE).map(report).collect();
    let mut explain = Explain { rules };
    let image = match CheckedImage::parse(bytes) {
        Ok(image) => image,
        Err(error) => {
            let rule = match error.place {
                Place::File | Place::Header(_) => "header",
                Place::Entry { .. } => "table",
                Place::Section(_) => "sections",
                Place::Record { .. } => "modules",
            };
            explain.fail(rule, error);
            return explain.rules;
        }
    };
    explain.count("header", 15);
    explain.count("table", image.sections().count());
    records(&image, &mut explain);
    for id in (0..image.func_count() as u32).map(FuncId) {
        function(&image, id, &mut explain);
    }
    explain.rules
}

fn records(image: &CheckedImage<'_>, explain: &mut Explain) {
    for (section, result) in image.check_each() {
        explain.count("sections", 1);
        if let Err(error) = result {
            explain.fail("sections", error);
        }
        let is_content = SECTIONS
            .iter()
            .any(|known| known.0 == section && known.2 & REQUIRED != 0);
        explain.count("content id", usize::from(is_content));
    }
    if let Err(error) = image.check_content_id() {
        explain.fail("content id", error);
    }
    for id in 0..image.string_count() as u32 {
        explain.check("strings", image.string(StrId(id)));
    }
    for id in 0..image.const_count() as u32 {
        explain.check("constants", image.constant(ConstId(id)));
    }
    for id in 0..image.table_len() as u32 {
        explain.check("entries", image.table_entry(TableId(id)));
    }
    explain.count("modules", image.module_count());
    explain.count("links", image.import_count() + image.export_count());
    if let Err(error) = image.imports() {
        explain.fail("links", error);
    }
    if let Err(error) = image.exports() {
        explain.fail("links", error);
    }
    if let Err(error) = image.check_results() {
        explain.fail("functions", error);
    }
    explain.count("debug data", 0);
    for id in 0..image.module_count() as u32 {
        if image.has_section(SRCS) {
            explain.check("debug data", image.check_source_of(ModuleId(id)));
        }
    }
}

fn function(image: &CheckedImage<'_>, id: FuncId, explain: &mut Explain) {
    if image.has_section(LINE) || image.has_section(VARS) {
        explain.check("debug data", image.check_debug_of(id));
    }
    let Some(view) = explain.check("functions", image.func(id)) else {
        return;
    };
    for rule in ["V1", "V2", "V3", "V13", "V20"] {
        explain.count(rule, 1);
    }
    explain.count("V17", view.handlers.len as usize);
    explain.count("V19", usize::from(view.kind == FuncKind::Module));
    operands(image, &view, explain);
    if let Err(error) = verify_func(image, id) {
        let rule = match &error.kind {
            VerifyErrorKind::Format(_) => "functions".to_owned(),
            kind => kind
                .to_string()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        explain.fail(&rule, error);
    }
}

/// Counts what the rules about instructions look at.
fn operands(image: &CheckedImage<'_>, view: &FuncView, explain: &mut Explain) {
    let mut counts = [0usize; 22];
    for word in image.code(view).unwrap_or_default() {
        counts[4] += 1;
        let Some(insn) = Insn::decode(*word) else {
            continue;
        };
        let info = insn.op.info();
        counts[12] += usize::from(info.flow == Flow::Pair || insn.op == Op::Ext);
        counts[18] += usize::from(insn.op == Op::Yield);
        for kind in info.operands {
            let rules: &[usize] = match kind {
                Operand::Zero | Operand::NonZero | Operand::Special => &[5],
                Operand::Num | Operand::Imm | Operand::High => &[],
                Operand::Read | Operand::Write | Operand::Update => &[6],
                Operand::Write2 | Operand::Update2 | Operand::Run => &[6],
                Operand::Count | Operand::Args | Operand::NewArgs => &[],
                Operand::Window => &[7],
                Operand::Value | Operand::Value32 => &[8, 9, 16],
                Operand::Global | Operand::Global32 => &[8, 16],
                Operand::Name | Operand::Check => &[8, 9],
                Operand::Keys => &[8, 10],
                Operand::FieldIc | Operand::StoreIc | Operand::MethodIc | Operand::NameIc => &[8],
                Operand::Callee => &[8, 16, 21],
                Operand::MethodKwIc => &[8, 10],
                Operand::Forward | Operand::Jump | Operand::Forward32 | Operand::Jump32 => &[11],
                Operand::Func => &[15],
                Operand::Capture => &[14],
            };
            for rule in rules {
                counts[*rule] += 1;
            }
        }
    }
    for (rule, count) in CODE.iter().zip(&counts[1..]) {
        explain.count(rule.0, *count);
    }
}

/// The reports as a table.
pub fn render_rules(rules: &[RuleReport], colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    for report in rules {
        let state = match (report.checked, report.failed) {
            (None, _) => paint.comment("-     "),
            (_, 0) => paint.good("ok    "),
            _ => paint.error("FAILED"),
        };
        let count = match report.checked {
            None => "not reached".to_owned(),
            Some(count) => format!("{} {}", grouped(count), report.unit),
        };
        out += &format!("{state} {:<10} {count:<19} ", report.rule);
        out += &paint.comment(report.demand);
        out.push('\n');
        for failure in &report.failures {
            out += &format!("         {}\n", paint.error(failure));
        }
        let more = report.failed - report.failures.len() as u64;
        if more > 0 {
            out += &format!("         and {} more\n", grouped(more));
        }
    }
    out
}

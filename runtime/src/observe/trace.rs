//! `--trace`: one line for each instruction.

use super::calls::Silent;
use super::{At, Calls, Observer};
use crate::vm::Vm;
use gene_format::dump::disassemble_in;
use gene_format::ops::{Insn, Operand};
use std::fmt::Write as _;
use std::io::Write as _;

/// Longest value shown, in characters.
const MAX_VALUE: usize = 40;

/// Deepest indentation, in calls.
const MAX_INDENT: usize = 40;

/// Writes a line for each instruction to standard error.
pub struct Trace {
    /// Only functions of this name.
    only: Option<String>,
    calls: Calls<()>,
    /// The line that is not complete yet, because its instruction may write this slot of the frame
    /// at this address.
    open: Option<(usize, u16)>,
}

impl Trace {
    /// A trace of all functions, or of those of this name.
    pub fn new(only: Option<String>) -> Trace {
        Trace {
            only,
            calls: Calls::default(),
            open: None,
        }
    }

    /// Completes the last line.
    fn complete(&mut self, at: Option<&At<'_>>) {
        let Some((base, slot)) = self.open.take() else {
            return;
        };
        match at {
            Some(at) if at.frame().address() == base && slot != NO_SLOT => {
                let value = super::brief(at.vm, at.frame().slot(slot.into()), MAX_VALUE);
                eprintln!(" -> r{slot}={value}");
            }
            _ => eprintln!(),
        }
    }
}

/// Instead of a slot: the instruction writes none.
const NO_SLOT: u16 = u16::MAX;

impl Observer for Trace {
    fn step(&mut self, at: &mut At<'_>) {
        self.complete(Some(at));
        self.calls.follow(at, &mut Silent);
        let frame = at.frame();
        let (Some((image, func)), Some(index), Some(insn)) =
            (frame.function(), frame.index(), at.insn())
        else {
            return;
        };
        let name = image.view.string(func.name).unwrap_or("");
        if self.only.as_ref().is_some_and(|only| only != name) {
            return;
        }
        let place = super::place(frame, at.vm);
        let name = if name.is_empty() { "(anonymous)" } else { name };
        let indent = "  ".repeat(self.calls.depth().saturating_sub(1).min(MAX_INDENT));
        let shown = disassemble_in(image.debug_view(), &func, index, insn.encode());
        let mut line = format!("{place:<20} {indent}{name} {index:04x}  {shown}");
        describe_values(at, insn, &mut line);
        let _ = std::io::stderr().write_all(line.as_bytes()); // nobody to tell
        let [_, a, b, _] = insn.op.info().operands;
        let slot = match (a, b) {
            (Operand::Write | Operand::Update | Operand::Window, _) => insn.a,
            (Operand::Update2, Operand::Write) => insn.b,
            _ => NO_SLOT,
        };
        self.open = Some((frame.address(), slot));
    }

    fn raised(&mut self, _: &mut At<'_>, _: bool) {
        self.complete(None);
    }

    fn finish(&mut self, _: &Vm) -> Result<(), String> {
        self.complete(None);
        Ok(())
    }
}

/// Appends the values that an instruction reads.
fn describe_values(at: &At<'_>, insn: Insn, line: &mut String) {
    let mut mark = "  |";
    let [kx, ka, kb, kc] = insn.op.info().operands;
    let operands = [
        (kx, u16::from(insn.x)),
        (ka, insn.a),
        (kb, insn.b),
        (kc, insn.c),
    ];
    let frame = at.frame();
    let mut show = |slot: usize| {
        if slot < frame.slots() {
            let value = super::brief(at.vm, frame.slot(slot), MAX_VALUE);
            let _ = write!(line, "{mark} r{slot}={value}");
            mark = "";
        }
    };
    for (kind, n) in operands {
        let n = usize::from(n);
        match kind {
            Operand::Read | Operand::Update => show(n),
            Operand::Update2 => (n..n + 2).for_each(&mut show),
            Operand::Run => (n..n + usize::from(insn.c)).for_each(&mut show),
            Operand::Args => {
                let first = usize::from(insn.a) + crate::frame::HEADER;
                (first..first + n).for_each(&mut show);
            }
            Operand::NewArgs => {
                let first = usize::from(insn.a) + crate::frame::HEADER + 1;
                (first..first + n).for_each(&mut show);
            }
            _ => {}
        }
    }
}

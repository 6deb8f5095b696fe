//! One instruction as text, from the opcode table.
//!
//! Sigils: `r` slot, `t` table word, `f` function, `u` capture, `@` code index (hexadecimal, as
//! in errors and traces), `#` a number of slots or arguments.

use std::fmt;

use super::constant::describe_entry;
use crate::image::{CheckedImage, FuncView};
use crate::ops::{Insn, Operand, SPECIALS};
use crate::program::{FuncId, TableId};

/// An instruction taken apart for reading.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Mnemonic, or `??` for a word that is none.
    pub mnemonic: &'static str,
    /// Operands, separated by `, `.
    pub operands: String,
    /// What table words, functions and captures stand for; may be empty.
    pub comment: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<14}{}", self.mnemonic, self.operands)?;
        if !self.comment.is_empty() {
            write!(f, "  ; {}", self.comment)?;
        }
        Ok(())
    }
}

/// An instruction alone; table words count from the window (`t+5`), jumps from `at`.
pub fn disassemble(insn: Insn, at: u32) -> Line {
    line(insn, at, None)
}

/// A word of a function's code, with what its operands stand for.
pub fn disassemble_in(image: &CheckedImage<'_>, func: &FuncView, at: u32, word: u64) -> Line {
    match Insn::decode(word) {
        Some(insn) => line(insn, at, Some((image, func))),
        None => Line {
            mnemonic: "??",
            operands: format!("{word:016x}"),
            comment: String::new(),
        },
    }
}

type Context<'c> = Option<(&'c CheckedImage<'c>, &'c FuncView)>;

fn line(insn: Insn, at: u32, context: Context<'_>) -> Line {
    let info = insn.op.info();
    let values = [insn.x.into(), insn.a, insn.b, insn.c];
    let mut operands = Vec::new();
    let mut comments = Vec::new();
    for (index, (kind, value)) in info.operands.into_iter().zip(values).enumerate() {
        if let Some(text) = operand(insn, at, kind, index, value, context) {
            operands.push(text);
        }
        if let Some(text) = context.and_then(|at| comment(insn, kind, index, value, at))
            && !comments.contains(&text)
        {
            comments.push(text);
        }
    }
    Line {
        mnemonic: info.mnemonic,
        operands: operands.join(", "),
        comment: comments.join(", "),
    }
}

/// The table offset that an operand holds, if it is of such a kind.
fn table_offset(insn: Insn, kind: Operand, value: u16) -> Option<u32> {
    match kind {
        Operand::Value32 | Operand::Global32 => Some(insn.wide()),
        Operand::Value
        | Operand::Global
        | Operand::Callee
        | Operand::Name
        | Operand::Keys
        | Operand::Check
        | Operand::FieldIc
        | Operand::StoreIc
        | Operand::MethodIc
        | Operand::MethodKwIc
        | Operand::NameIc => Some(value.into()),
        _ => None,
    }
}

fn operand(
    insn: Insn,
    at: u32,
    kind: Operand,
    index: usize,
    value: u16,
    context: Context<'_>,
) -> Option<String> {
    if let Some(offset) = table_offset(insn, kind, value) {
        return Some(match context {
            Some((_, func)) => format!("t{}", u64::from(func.window.0) + u64::from(offset)),
            None => format!("t+{offset}"),
        });
    }
    Some(match kind {
        Operand::Zero if value == 0 => return None,
        Operand::High => return None,
        Operand::Num if index == 0 && value == 0 => return None,
        Operand::Num if index == 0 => format!("x={value}"),
        Operand::Zero | Operand::Num => format!("#{value}"),
        Operand::Read | Operand::Write | Operand::Update | Operand::Run | Operand::Window => {
            format!("r{value}")
        }
        Operand::Write2 | Operand::Update2 => format!("r{value}:2"),
        Operand::Imm | Operand::NonZero => (value as i16).to_string(),
        Operand::Special => match SPECIALS.get(usize::from(value)) {
            Some(name) => name.to_string(),
            None => format!("special {value}"),
        },
        Operand::Forward | Operand::Jump | Operand::Forward32 | Operand::Jump32 => {
            target(i64::from(at) + 1 + insn.jump().unwrap_or(0))
        }
        Operand::Count | Operand::Args | Operand::NewArgs => format!("#{value}"),
        Operand::Func => FuncId(insn.wide()).to_string(),
        Operand::Capture => format!("u{value}"),
        // shown above
        Operand::Value
        | Operand::Value32
        | Operand::Global
        | Operand::Global32
        | Operand::Callee
        | Operand::Name
        | Operand::Keys
        | Operand::Check
        | Operand::FieldIc
        | Operand::StoreIc
        | Operand::MethodIc
        | Operand::MethodKwIc
        | Operand::NameIc => return None,
    })
}

/// A code index; negative ones only in code that does not verify.
fn target(at: i64) -> String {
    match at < 0 {
        true => format!("@-{:x}", -at),
        false => format!("@{at:x}"),
    }
}

fn comment(
    insn: Insn,
    kind: Operand,
    index: usize,
    value: u16,
    (image, func): (&CheckedImage<'_>, &FuncView),
) -> Option<String> {
    if let Some(offset) = table_offset(insn, kind, value) {
        let id = func.window.0.checked_add(offset).map(TableId)?;
        let entry = image.table_entry(id).ok()?;
        return Some(describe_entry(image, &entry));
    }
    match kind {
        Operand::Func => {
            let inner = image.func(FuncId(insn.wide())).ok()?;
            Some(image.string(inner.name).ok()?.escape_debug().to_string())
        }
        Operand::Read | Operand::Write | Operand::Update if index > 0 => {
            let name = image.var_name(func.id, value)?;
            Some(format!("r{value} {}", name.escape_debug()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{OPS, Op};
    use crate::testing::valid_insn;

    #[test]
    fn operands_have_sigils() {
        let show = |insn, at| disassemble(insn, at).to_string();
        assert_eq!(
            show(Insn::new(Op::Move, 1, 2, 0), 0),
            "mov           r1, r2"
        );
        let back = Insn::new(Op::LoopLtI, 3, 10, -4i16 as u16);
        assert_eq!(show(back, 30), "loop_lt_i     r3, 10, @1b");
        let call = Insn::new(Op::CallM, 4, 2, 9);
        assert_eq!(show(call, 0), "call_m        r4, #2, t+9");
        let closure = Insn::new(Op::Closure, 1, 0, 0).with_wide(70_000);
        assert_eq!(show(closure, 0), "closure       r1, f70000");
        let special = Insn::new(Op::LoadS, 1, 4, 0);
        assert_eq!(show(special, 0), "load_s        r1, not_found");
        assert_eq!(
            show(Insn::new(Op::LoadS, 1, 99, 0), 0),
            "load_s        r1, special 99"
        );
    }

    #[test]
    fn every_instruction_shows_its_operands() {
        for info in OPS {
            let shown = disassemble(valid_insn(info), 0);
            let expected = info
                .operands
                .iter()
                .filter(|kind| !matches!(kind, Operand::Zero | Operand::High));
            let count = shown
                .operands
                .split(", ")
                .filter(|text| !text.is_empty())
                .count();
            assert_eq!(count, expected.count(), "{shown}");
        }
    }
}

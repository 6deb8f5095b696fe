//! `--trace`: one line per instruction with the values of its operands, by way of a second
//! dispatch table whose every entry prints and then jumps to the real handler.
#![allow(unsafe_code)]

use super::*;
use gene_format::ops::{Insn, Operand};
use std::fmt::Write as _;

/// All 256 bytes print first.
pub static TABLE: [Handler; 256] = [trace; 256];

handler! { trace(s) {
    print_line(&s);
    let op = *s.pc.sub(1).cast::<u8>() as usize;
    super::TABLE[op](s.pc, s.base, s.vm, s.tbl, s.k)
} }

#[cold]
#[inline(never)]
fn print_line(s: &Regs) {
    // SAFETY: `after` points just behind an instruction of verified code, or of a stub
    let (word, vm) = unsafe { (*s.after.sub(1), s.vm()) };
    let Some(insn) = Insn::decode(word).filter(|i| !i.op.is_internal()) else {
        return;
    };
    let info = insn.op.info();
    let mut line = String::new();
    let place = vm.describe_place(s.after);
    if let Some(p) = &place {
        let _ = write!(line, "{}:{}\t", p.line, p.column);
    }
    let _ = write!(line, "{}", info.mnemonic.to_uppercase());
    let mut shown = String::new();
    let [kx, ka, kb, kc] = info.operands;
    for (kind, n) in [
        (kx, insn.x as u16),
        (ka, insn.a),
        (kb, insn.b),
        (kc, insn.c),
    ] {
        describe(vm, s, kind, n, &mut line, &mut shown);
    }
    if let Some(jump) = insn.jump() {
        let _ = write!(line, " {jump:+}");
    }
    eprintln!("{line} | {}", shown.trim_end());
}

fn describe(vm: &mut Vm, s: &Regs, kind: Operand, n: u16, line: &mut String, shown: &mut String) {
    let slot = n as usize;
    let value = match kind {
        Operand::Write | Operand::Write2 | Operand::Window => {
            let _ = write!(line, " r{n}");
            return;
        }
        Operand::Read | Operand::Update | Operand::Update2 | Operand::Run => {
            let _ = write!(line, " r{n}");
            // SAFETY: V4
            (format!("r{n}"), unsafe { s.get(slot) })
        }
        Operand::Value | Operand::Name => {
            let _ = write!(line, " k{n}");
            // SAFETY: V6
            (format!("k{n}"), unsafe { s.konst(slot) })
        }
        Operand::Imm | Operand::NonZero => {
            let _ = write!(line, " {}", n as i16);
            return;
        }
        Operand::Args | Operand::NewArgs | Operand::Count => {
            let _ = write!(line, " #{n}");
            return;
        }
        Operand::Special => {
            let _ = write!(line, " {}", gene_format::ops::SPECIALS[slot]);
            return;
        }
        _ => return,
    };
    let mut text = crate::print::quoted(vm, value.1);
    if let Some((at, _)) = text.char_indices().nth(40) {
        text.truncate(at);
        text.push('…');
    }
    let _ = write!(shown, "{}={text} ", value.0);
}

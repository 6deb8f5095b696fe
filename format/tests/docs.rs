//! The documents say what the code does.

use std::fmt::Write;
use std::path::Path;

use gene_format::layout::SECTIONS;
use gene_format::ops::{Flow, GUARD, HEADER, MAX_FRAME, OPS, Operand, SPECIALS};
use gene_format::version::{MAJOR, MINOR};

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// How an operand's kind is written in the table of instructions.
fn kind(kind: Operand) -> String {
    match kind {
        Operand::Zero => "–".into(),
        Operand::High => "″".into(),
        kind => format!("{kind:?}"),
    }
}

const KINDS: &str = "\
| kind | operand | rule |
|---|---|---|
| – | unused | is 0 |
| Num | number, see the effect | V3, V7 where it counts slots |
| Read, Write, Update | slot | less than the frame's size |
| Write2, Update2 | two slots | both less than the frame's size |
| Imm, NonZero | signed 16-bit number | NonZero is not 0 |
| Special | index of a special value | less than 7 |
| Forward, Jump | signed 16-bit distance | target inside the function and no second word; Forward is not negative |
| Forward32, Jump32 | the same, 32 bits (`b` low, `c` high) | as above |
| ″ | high half of the operand before | |
| Run, Count | slots, as many as Count says (Map: as there are keys) | all less than the frame's size |
| Window, Args | call window: callee in `r[a]`, header in `r[a]..r[a+3]`, arguments from `r[a+3]` | ends inside the frame |
| NewArgs | as Args, from `r[a+4]` | ends inside the frame |
| Value, Value32 | table word: constant, global, builtin or function | kind; constants that are values; functions without captures |
| Global, Global32 | table word: global | kind |
| Name | table word: constant, a string | kind |
| Keys | table word: constant, key names | kind; not more than arguments |
| Check | table word: constant, a type check | kind |
| FieldIc | table words (2): field cache | kind |
| MethodIc | table words (4): method cache | kind, number of arguments, no key names |
| MethodKwIc | table words (4): method cache | kind, number of arguments, fewer key names than arguments |
| NameIc | table words (2): name cache | kind |
| Func | function (32 bits) | exists; what it captures exists here |
| Capture | capture of the running function | exists |
";

fn opcodes() -> String {
    let mut out = String::from(
        "# Instructions\n\nGenerated from `src/ops.rs` by `tests/docs.rs` (`BLESS=1` renews it).\n\n\
         A word is `{op: u8, x: u8, a: u16, b: u16, c: u16}`, little-endian. `r[n]` is a slot, \
         `k[n]` a table word at the\nfunction's window. Jumps count words from the next word. \
         Numbers are never reused.\n\n",
    );
    let _ = writeln!(
        out,
        "A frame has a header of {HEADER} slots, and at most {MAX_FRAME} slots; above {GUARD} its \
         function begins with `grow`.\nSpecial values by number: {}.\n",
        SPECIALS.map(|name| format!("`{name}`")).join(", ")
    );
    let _ = writeln!(
        out,
        "Flow: *end* never goes on at the next word, *pair* has a second word (`ext`) after it; \
         the last\ninstruction of a function is an *end*.\n\n## Operand kinds\n\n{KINDS}"
    );
    out.push_str("## Instructions\n\n| | mnemonic | x | a | b | c | flow | effect |\n");
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    for info in OPS {
        let flow = match info.flow {
            Flow::Next => "",
            Flow::End => "end",
            Flow::Pair => "pair",
        };
        let _ = writeln!(
            out,
            "| {:02X} | `{}` | {} | {flow} | {} |",
            info.op as u8,
            info.mnemonic,
            info.operands.map(kind).join(" | "),
            info.effect.replace('|', "\\|")
        );
    }
    out
}

#[test]
fn opcodes_document_is_fresh() {
    let path = path("OPCODES.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, opcodes()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == opcodes(), "OPCODES.md is stale: BLESS=1 renews it");
}

#[test]
fn format_document_names_every_section_and_the_version() {
    let found = std::fs::read_to_string(path("FORMAT.md")).unwrap();
    for (tag, record, _) in SECTIONS {
        assert!(found.contains(&format!("### {tag}")), "{tag}");
        if record > 0 {
            let size = format!("### {tag}, {record} bytes a record");
            assert!(found.contains(&size), "{size}");
        }
    }
    assert!(found.contains(&format!("| {MAJOR}.{MINOR} |")));
}

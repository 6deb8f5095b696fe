//! Each rule of the verifier has a test that breaks it, starting from a valid program.

use gene_format::error::VerifyErrorKind;
use gene_format::image::CheckedImage;
use gene_format::ops::{Insn, OPS, Op, Operand};
use gene_format::program::*;
use gene_format::testing::{ALL_OPS_FRAME, Aligned, funcs, reseal, sample, table, valid_insn};
use gene_format::verify::verify_func;
use gene_format::write::{WriteOptions, write_image};
use proptest::prelude::*;

/// The first violation in the program's functions.
fn violation(bytes: &[u8]) -> Option<VerifyErrorKind> {
    let image = CheckedImage::parse(bytes).unwrap();
    let mut ids = 0..image.func_count() as u32;
    ids.find_map(|id| verify_func(&image, FuncId(id)).err())
        .map(|error| error.kind)
}

/// Expects the changed sample to break this rule, with this text in the message.
#[track_caller]
fn breaks(rule: &str, text: &str, change: impl FnOnce(&mut Program)) {
    let mut program = sample();
    change(&mut program);
    let options = WriteOptions {
        strip: true, // line tables would have to fit the changed code
        sources: false,
    };
    let bytes = Aligned::new(&write_image(&program, &options).unwrap());
    let kind = violation(&bytes).unwrap_or_else(|| panic!("{rule} accepts it"));
    assert_eq!(kind.rule(), rule, "{kind}");
    assert!(kind.to_string().contains(text), "{kind}");
}

/// Changes the valid instruction with this opcode.
#[track_caller]
fn breaks_insn(rule: &str, text: &str, op: Op, change: impl FnOnce(&mut Insn)) {
    breaks(rule, text, |program| {
        let code = &mut program.funcs[funcs::ALL_OPS].code;
        let at = index_of(code, op);
        let mut insn = Insn::decode(code[at]).unwrap();
        change(&mut insn);
        code[at] = insn.encode();
    });
}

fn index_of(code: &[u64], op: Op) -> usize {
    code.iter()
        .position(|word| *word as u8 == op as u8)
        .unwrap()
}

fn all_ops(program: &mut Program) -> &mut Func {
    &mut program.funcs[funcs::ALL_OPS]
}

#[test]
fn the_sample_obeys_every_rule() {
    let bytes = Aligned::new(&write_image(&sample(), &WriteOptions::default()).unwrap());
    assert_eq!(violation(&bytes), None);
}

#[test]
fn v1_code_has_its_checksum() {
    let program = sample();
    let mut bytes = Aligned::new(&write_image(&program, &WriteOptions::default()).unwrap());
    let image = CheckedImage::parse(&bytes).unwrap();
    let code = image
        .sections()
        .find(|s| s.tag == gene_format::layout::CODE);
    let at = code.unwrap().offset as usize + 4;
    bytes[at] ^= 1;
    assert_eq!(violation(&bytes).unwrap().rule(), "V1");
    bytes[at] ^= 1;
    assert_eq!(violation(&bytes), None);
}

#[test]
fn v2_frames_are_neither_empty_nor_too_large() {
    breaks("V2", "0 slots", |p| p.funcs[funcs::LIB].frame_size = 0);
    // more than the writer lets through
    let mut bytes = Aligned::new(&write_image(&sample(), &WriteOptions::default()).unwrap());
    let image = CheckedImage::parse(&bytes).unwrap();
    let funcs = image
        .sections()
        .find(|s| s.tag == gene_format::layout::FUNC);
    let at = funcs.unwrap().offset as usize + 36;
    bytes[at..at + 2].copy_from_slice(&32_769u16.to_le_bytes());
    reseal(&mut bytes);
    let kind = violation(&bytes).unwrap();
    assert!(
        kind.to_string()
            .contains("V2: found a frame of 32769 slots"),
        "{kind}"
    );
}

#[test]
fn v2_parameters_and_receiver_lie_in_the_frame() {
    breaks("V2", "2 parameters", |p| p.funcs[funcs::ADD].frame_size = 1);
    breaks("V2", "5 parameters", |p| {
        p.funcs[funcs::INNER].frame_size = 4
    });
    breaks("V2", "3 parameters", |p| {
        p.funcs[funcs::ADD].kind = FuncKind::Ctor
    });
}

#[test]
fn v3_large_frames_grow_first_and_once() {
    breaks("V3", "no grow", |p| {
        all_ops(p).code.remove(0);
    });
    breaks_insn("V3", "another size", Op::Grow, |insn| insn.b -= 1);
    breaks("V3", "none in a frame of at most 64", |p| {
        let grow = Insn::new(Op::Grow, 0, 64, 0).encode();
        let func = &mut p.funcs[funcs::LIB];
        func.frame_size = 64;
        func.code.insert(0, grow);
    });
    breaks("V3", "inside the function", |p| {
        let grow = all_ops(p).code[0];
        all_ops(p).code[1] = grow;
    });
    breaks("V3", "no grow", |p| p.funcs[funcs::LIB].frame_size = 65);
}

#[test]
fn v4_opcodes_are_known_and_not_internal() {
    breaks("V4", "0xfd", |p| all_ops(p).code[1] = 0xFD);
    breaks("V4", "0x00", |p| all_ops(p).code[1] = 0);
    breaks_insn("V4", "0xfe", Op::RetNil, |insn| insn.op = Op::Bridge);
}

#[test]
fn v5_unused_operands_are_zero_in_every_instruction() {
    for info in OPS.iter().filter(|info| !info.op.is_internal()) {
        for (index, kind) in info.operands.into_iter().enumerate() {
            if kind != Operand::Zero {
                continue;
            }
            breaks_insn("V5", "expected 0", info.op, |insn| match index {
                0 => insn.x = 1,
                1 => insn.a = 1,
                2 => insn.b = 1,
                _ => insn.c = 1,
            });
        }
    }
}

#[test]
fn v5_numbers_are_in_their_range() {
    for op in [Op::LoadS, Op::JEqS, Op::JNeS] {
        breaks_insn("V5", "less than 7", op, |insn| insn.b = 7);
    }
    breaks_insn("V5", "not 0", Op::ModI, |insn| insn.c = 0);
}

#[test]
fn v6_slots_lie_in_the_frame_in_every_instruction() {
    for info in OPS.iter().filter(|info| !info.op.is_internal()) {
        for (index, kind) in info.operands.into_iter().enumerate() {
            let first_outside = match kind {
                Operand::Read | Operand::Write | Operand::Update => ALL_OPS_FRAME,
                Operand::Write2 | Operand::Update2 => ALL_OPS_FRAME - 1,
                Operand::Run if info.operands[3] == Operand::Keys => ALL_OPS_FRAME,
                Operand::Run => ALL_OPS_FRAME - 1,
                _ => continue,
            };
            for slot in [first_outside, u16::MAX] {
                breaks_insn("V6", "slots", info.op, |insn| match index {
                    1 => insn.a = slot,
                    2 => insn.b = slot,
                    _ => insn.c = slot,
                });
            }
        }
    }
    breaks_insn("V6", "slots r98 to r100", Op::Array, |insn| insn.c = 3);
    breaks_insn("V6", "slots", Op::Concat, |insn| insn.c = u16::MAX);
}

#[test]
fn v7_windows_lie_in_the_frame_in_every_call() {
    for info in OPS {
        let [_, a, b, _] = info.operands;
        if a != Operand::Window {
            continue;
        }
        let kept = if b == Operand::NewArgs { 4 } else { 3 };
        let args = valid_insn(info).b;
        breaks_insn("V7", "call window", info.op, |insn| {
            insn.a = ALL_OPS_FRAME - kept - args + 1;
        });
        breaks_insn("V7", "call window", info.op, |insn| insn.a = u16::MAX);
    }
}

#[test]
fn v7_calls_have_the_arguments_their_form_needs() {
    for info in OPS {
        let [_, a, b, _] = info.operands;
        if a == Operand::Window && b == Operand::Num {
            breaks_insn("V7", "spread calls", info.op, |insn| insn.b ^= 1);
            breaks_insn("V7", "spread calls", info.op, |insn| insn.b = 0);
        }
    }
    for op in [Op::CallM, Op::CallMKw, Op::TailCallM, Op::SuperM, Op::CallD] {
        breaks_insn("V7", "at least the receiver", op, |insn| insn.b = 0);
    }
}

/// Entries that an operand of the kind refuses.
fn wrong_entries(kind: Operand) -> Vec<u16> {
    use table::*;
    let all = [
        INT,
        GLOBAL,
        GLOBAL_FUNC,
        BUILTIN,
        FUNC,
        FIELD,
        METHOD,
        METHOD_KW,
        NAME,
        METHOD + 1,
        STORE,
        SHARED_FUNC,
        SHARED,
        IMPORT,
    ];
    let right: &[u16] = match kind {
        Operand::Value | Operand::Value32 => &[
            INT,
            GLOBAL,
            GLOBAL_FUNC,
            BUILTIN,
            FUNC,
            SHARED_FUNC,
            SHARED,
            IMPORT,
        ],
        Operand::Global | Operand::Global32 => &[GLOBAL, GLOBAL_FUNC],
        Operand::Name | Operand::Keys | Operand::Check => &[INT],
        Operand::Callee => &[FUNC],
        Operand::FieldIc => &[FIELD],
        Operand::StoreIc => &[STORE],
        Operand::MethodIc => &[METHOD],
        Operand::MethodKwIc => &[METHOD_KW],
        Operand::NameIc => &[NAME],
        _ => return Vec::new(),
    };
    all.into_iter().filter(|t| !right.contains(t)).collect()
}

#[test]
fn v8_table_operands_name_the_right_kind_in_every_instruction() {
    for info in OPS {
        for (index, kind) in info.operands.into_iter().enumerate() {
            let is_wide = matches!(kind, Operand::Value32 | Operand::Global32);
            for entry in wrong_entries(kind) {
                breaks_insn("V8", "expected a", info.op, |insn| match index {
                    2 => insn.b = entry,
                    _ => insn.c = entry,
                });
            }
            if !wrong_entries(kind).is_empty() {
                breaks_insn("V8", "beyond the table", info.op, |insn| match is_wide {
                    true => *insn = insn.with_wide(u32::MAX),
                    false => insn.c = u16::MAX,
                });
            }
        }
    }
}

#[test]
fn v8_operands_count_from_the_window() {
    breaks("V8", "expected", |p| {
        let func = all_ops(p);
        func.window = TableId(1);
    });
    breaks("V8", "beyond the table", |p| {
        let end = p.table.len() as u32;
        all_ops(p).window = TableId(end);
    });
}

#[test]
fn v8_method_caches_are_for_this_number_of_arguments() {
    breaks_insn("V8", "number of arguments", Op::CallM, |insn| insn.b = 1);
    breaks_insn("V8", "number of arguments", Op::CallMKw, |insn| insn.b = 2);
}

#[test]
fn v9_constants_are_of_the_kind_that_is_read() {
    for info in OPS {
        for kind in info.operands {
            let wrong = match kind {
                Operand::Value => [table::KEYS, table::CHECK],
                Operand::Name => [table::KEYS, table::INT],
                Operand::Check => [table::STR, table::KEYS],
                Operand::Keys => [table::STR, table::CHECK],
                _ => continue,
            };
            for entry in wrong {
                breaks_insn("V9", "constant of another kind", info.op, |insn| {
                    insn.c = entry
                });
            }
        }
    }
    breaks_insn("V9", "a value", Op::LoadKW, |insn| insn.b = table::CHECK);
    breaks("V9", "key names", |p| {
        let TableEntry::Method { keys, .. } = &mut p.table[table::METHOD_KW as usize] else {
            unreachable!();
        };
        *keys = Some(ConstId(0));
    });
}

#[test]
fn v10_key_names_fit_the_arguments() {
    for op in [Op::CallKw, Op::TailCallKw, Op::NewKw] {
        breaks_insn("V10", "1 key names, expected at most 0", op, |insn| {
            insn.b = 0
        });
    }
    breaks("V10", "3 key names, expected less than 3", |p| {
        p.consts.push(Const::Keys(vec![StrId(4); 3]));
        let last = ConstId(p.consts.len() as u32 - 1);
        let TableEntry::Method { keys, .. } = &mut p.table[table::METHOD_KW as usize] else {
            unreachable!();
        };
        *keys = Some(last);
    });
}

#[test]
fn v11_jumps_stay_inside_in_every_instruction() {
    for info in OPS.iter().filter(|info| !info.op.is_internal()) {
        match info.operands {
            [.., Operand::Forward32 | Operand::Jump32, _] => {
                breaks_insn("V11", "a jump to word", info.op, |insn| {
                    *insn = insn.with_wide(i32::MAX as u32);
                });
            }
            [.., Operand::Forward | Operand::Jump] => {
                breaks_insn("V11", "a jump to word", info.op, |insn| {
                    insn.c = i16::MAX as u16
                });
            }
            _ => {}
        }
        if matches!(info.operands[2], Operand::Jump32) || info.operands[3] == Operand::Jump {
            breaks_insn("V11", "a jump to word -", info.op, |insn| match insn.op {
                Op::Loop => *insn = insn.with_wide(i32::MIN as u32),
                _ => insn.c = i16::MIN as u16,
            });
        }
    }
}

#[test]
fn v11_only_jumps_that_spend_budget_go_backward() {
    for info in OPS.iter().filter(|info| !info.op.is_internal()) {
        match info.operands {
            [.., Operand::Forward32, _] => {
                breaks_insn("V11", "by -1", info.op, |insn| {
                    *insn = insn.with_wide(u32::MAX)
                });
            }
            [.., Operand::Forward] => {
                breaks_insn("V11", "by -1", info.op, |insn| insn.c = u16::MAX);
            }
            _ => {}
        }
    }
}

#[test]
fn v11_jumps_do_not_enter_second_words() {
    breaks_insn("V11", "second word", Op::IterNext, |insn| insn.c = 0);
    breaks_insn("V11", "second word", Op::IterInit, |insn| insn.c = 1);
}

#[test]
fn v12_two_word_instructions_are_whole() {
    breaks("V12", "first word alone", |p| {
        let code = &mut all_ops(p).code;
        let at = index_of(code, Op::IterNext);
        code[at + 1] = Insn::new(Op::RetNil, 0, 0, 0).encode();
    });
    breaks("V12", "second word (ext) alone", |p| {
        p.funcs[funcs::LIB].code = vec![
            Insn::new(Op::IterNext, 0, 2, -1i16 as u16).encode(),
            Insn::new(Op::Ext, 0, 1, 0).encode(),
            Insn::new(Op::Ext, 0, 0, 0).encode(),
            Insn::new(Op::RetNil, 0, 0, 0).encode(),
        ];
    });
    breaks("V12", "second word (ext) alone", |p| {
        p.funcs[funcs::LIB].code[0] = Insn::new(Op::Ext, 0, 0, 0).encode();
    });
}

#[test]
fn v13_the_end_cannot_be_passed() {
    breaks("V13", "end", |p| {
        p.funcs[funcs::LIB].code.pop();
    });
    breaks("V13", "end", |p| p.funcs[funcs::LIB].code.clear());
}

#[test]
fn v13_a_second_word_is_no_end() {
    // already V11: a second word jumps forward, and at the end there is no target
    breaks("V11", "word 3", |p| {
        p.funcs[funcs::LIB].code = vec![
            Insn::new(Op::RetNil, 0, 0, 0).encode(),
            Insn::new(Op::IterNext, 0, 2, -2i16 as u16).encode(),
            Insn::new(Op::Ext, 0, 0, 0).encode(),
        ];
    });
}

#[test]
fn v14_captures_exist() {
    for op in [Op::GetUp, Op::GetUpCell, Op::SetUpCell] {
        breaks_insn("V14", "capture 1, expected less than 1", op, |insn| {
            insn.b = 1
        });
    }
}

#[test]
fn v15_closures_and_what_they_capture_exist() {
    breaks_insn("V15", "f5, expected less than 5", Op::Closure, |insn| {
        insn.b = 5
    });
    breaks_insn("V15", "expected less than 5", Op::Closure, |insn| {
        insn.c = 1
    });
    breaks("V15", "capturing slot 100", |p| {
        p.funcs[funcs::INNER].captures[0] = Capture::Slot(100);
    });
    breaks("V15", "capturing capture 1", |p| {
        p.funcs[funcs::INNER].captures[1] = Capture::Outer(1);
    });
}

#[test]
fn v16_plain_functions_capture_nothing() {
    for entry in [table::FUNC, table::GLOBAL_FUNC, table::SHARED_FUNC] {
        breaks("V16", "f2 with captures", |p| {
            p.funcs[funcs::ADD].captures.push(Capture::Slot(0));
            let code = &mut all_ops(p).code;
            let at = index_of(code, Op::LoadK);
            code[at] = Insn::new(Op::LoadK, 0, 0, entry).encode();
        });
    }
    breaks("V16", "f2 with captures", |p| {
        p.funcs[funcs::ADD].captures.push(Capture::Slot(0));
        let code = &mut all_ops(p).code;
        let at = index_of(code, Op::LoadKW);
        code[at] = code[1];
        let at = index_of(code, Op::SetG);
        code[at] = Insn::new(Op::SetG, 0, 0, table::GLOBAL_FUNC).encode();
    });
}

#[test]
fn v17_handlers_cover_and_enter_this_code() {
    let breaks = |text: &str, change: fn(&mut Handler)| {
        breaks("V17", text, |p| change(&mut all_ops(p).handlers[0]));
    };
    breaks("with start", |handler| handler.start = handler.end + 1);
    breaks("with end", |handler| handler.end += 2);
    breaks("with end", |handler| handler.end = u32::MAX);
    breaks("with target", |handler| handler.target += 1);
    breaks("with slot", |handler| handler.slot = ALL_OPS_FRAME);
}

#[test]
fn v17_handlers_do_not_enter_second_words() {
    breaks("V17", "with target", |p| {
        let func = all_ops(p);
        func.handlers[0].target = index_of(&func.code, Op::Ext) as u32;
    });
}

#[test]
fn v18_only_generators_yield() {
    breaks("V18", "yield", |p| all_ops(p).generator = false);
}

#[test]
fn v19_module_bodies_are_called_with_nothing() {
    breaks("V19", "with parameters", |p| {
        p.funcs[funcs::MAIN].params = p.funcs[funcs::ADD].params.clone();
    });
    breaks("V19", "with captures", |p| {
        p.funcs[funcs::MAIN].captures.push(Capture::Slot(0));
    });
    breaks("V19", "generator", |p| {
        p.funcs[funcs::MAIN].generator = true
    });
}

#[test]
fn v20_counts_agree_with_the_parameters() {
    breaks("V20", "take the rest", |p| {
        p.funcs[funcs::INNER].params[0].kind = ParamKind::Rest;
    });
    breaks("V20", "take the rest", |p| {
        p.funcs[funcs::INNER].params[0].kind = ParamKind::KeyRest;
    });
    let record = |offset: usize, value: u8| {
        let mut bytes = Aligned::new(&write_image(&sample(), &WriteOptions::default()).unwrap());
        let image = CheckedImage::parse(&bytes).unwrap();
        let section = image
            .sections()
            .find(|s| s.tag == gene_format::layout::FUNC);
        let at = section.unwrap().offset as usize + funcs::ADD * 44 + offset;
        bytes[at] = value;
        reseal(&mut bytes);
        violation(&bytes).unwrap()
    };
    assert!(
        record(40, 2)
            .to_string()
            .contains("V20: found parameters of another number")
    );
    assert!(
        record(43, 0)
            .to_string()
            .contains("V20: found parameters of other kinds")
    );
}

#[test]
fn v21_functions_called_by_number_are_entered_as_they_expect() {
    let call = |p: &mut Program, change: &dyn Fn(&mut Insn)| {
        let code = &mut all_ops(p).code;
        let at = index_of(code, Op::CallF);
        let mut insn = Insn::decode(code[at]).unwrap();
        change(&mut insn);
        code[at] = insn.encode();
    };
    breaks("V21", "fewer type checks", |p| call(p, &|insn| insn.x = 2));
    breaks("V21", "fewer type checks", |p| {
        p.funcs[funcs::ADD].code.remove(0);
        p.funcs[funcs::ADD].lines.truncate(1);
    });
    breaks("V21", "other arguments", |p| call(p, &|insn| insn.b = 1));
    breaks("V21", "other arguments", |p| {
        p.funcs[funcs::ADD].params[1].kind = ParamKind::Key;
    });
    breaks("V21", "other arguments", |p| {
        p.funcs[funcs::ADD].kind = FuncKind::Method;
        p.funcs[funcs::ADD].frame_size = 3;
    });
    breaks("V21", "another window", |p| {
        p.funcs[funcs::ADD].window = TableId(1);
        p.funcs[funcs::ADD].code.remove(0);
        p.funcs[funcs::ADD].lines.truncate(1);
        call(p, &|insn| insn.x = 0);
    });
    breaks("V21", "generator", |p| p.funcs[funcs::ADD].generator = true);
    breaks("V21", "future", |p| p.funcs[funcs::ADD].is_async = true);
    breaks("V16", "captures", |p| {
        p.funcs[funcs::ADD].captures.push(Capture::Slot(0));
    });
    breaks("V8", "a function", |p| {
        call(p, &|insn| insn.c = table::GLOBAL_FUNC);
    });
}

#[test]
fn errors_name_function_and_instruction() {
    let mut program = sample();
    all_ops(&mut program).code[1] = 0xFD;
    let bytes = Aligned::new(&write_image(&program, &WriteOptions::default()).unwrap());
    let image = CheckedImage::parse(&bytes).unwrap();
    let error = verify_func(&image, FuncId(funcs::ALL_OPS as u32)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "f4 at @1: V4: found opcode 0xfd, expected one of the instruction set; \
         the image is corrupt: compile the source anew"
    );
}

/// What handlers rely on, checked anew for code that was accepted.
fn assert_safe(code: &[u64]) {
    let frame = u32::from(ALL_OPS_FRAME);
    for (at, word) in code.iter().enumerate() {
        let insn = Insn::decode(*word).unwrap();
        let [_, a, b, c] = insn.op.info().operands;
        for (kind, value) in [(a, insn.a), (b, insn.b), (c, insn.c)] {
            let value = u32::from(value);
            match kind {
                Operand::Read | Operand::Write | Operand::Update => assert!(value < frame),
                Operand::Write2 | Operand::Update2 => assert!(value + 1 < frame),
                Operand::Run if c == Operand::Count => assert!(value + u32::from(insn.c) <= frame),
                Operand::Run => assert!(value < frame),
                Operand::Window => {
                    let kept = if b == Operand::NewArgs { 4 } else { 3 };
                    assert!(value + kept + u32::from(insn.b) <= frame);
                }
                Operand::Capture => assert_eq!(value, 0),
                _ => {}
            }
        }
        if let Some(jump) = insn.jump() {
            let target = usize::try_from(at as i64 + 1 + jump).unwrap();
            assert_ne!(code[target] as u8, Op::Ext as u8);
        }
    }
    let last = Insn::decode(*code.last().unwrap()).unwrap();
    assert_eq!(last.op.info().flow, gene_format::ops::Flow::End);
}

fn any_word() -> impl Strategy<Value = u64> {
    let near = prop::sample::select(vec![
        0u16, 1, 2, 3, 5, 6, 8, 12, 16, 18, 19, 20, 93, 96, 97, 98, 99, 100, 0x7FFF, 0xFFFE, 0xFFFF,
    ]);
    let ops: Vec<Op> = OPS.iter().map(|info| info.op).collect();
    let changes = prop::collection::vec((0u8..4, near), 0..3);
    (prop::sample::select(ops), changes).prop_map(|(op, changes)| {
        let mut insn = valid_insn(op.info());
        for (operand, value) in changes {
            match operand {
                0 => insn.x = value as u8,
                1 => insn.a = value,
                2 => insn.b = value,
                _ => insn.c = value,
            }
        }
        insn.encode()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn accepted_code_is_safe(
        words in prop::collection::vec((any::<prop::sample::Index>(), any_word()), 1..4),
    ) {
        let mut program = sample();
        let func = all_ops(&mut program);
        for (at, word) in words {
            let at = at.index(func.code.len());
            func.code[at] = word;
        }
        func.lines.clear();
        let code = func.code.clone();
        let bytes = Aligned::new(&write_image(&program, &WriteOptions::default()).unwrap());
        let image = CheckedImage::parse(&bytes).unwrap();
        if verify_func(&image, FuncId(funcs::ALL_OPS as u32)).is_ok() {
            assert_safe(&code);
        }
    }
}

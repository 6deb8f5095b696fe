//! Program → image → accessors gives the program again.

mod support;

use gene_format::image::CheckedImage;
use gene_format::layout::{LINE, SECTIONS, SRCS, VARS};
use gene_format::ops::{Insn, OPS};
use gene_format::program::*;
use gene_format::testing::{Aligned, big, sample};
use gene_format::verify::verify_image;
use gene_format::write::{WriteOptions, strip, write_image};
use proptest::prelude::*;

const FULL: WriteOptions = WriteOptions {
    strip: false,
    sources: true,
};

fn write(program: &Program, options: &WriteOptions) -> Aligned {
    Aligned::new(&write_image(program, options).unwrap())
}

fn read_func(image: &CheckedImage<'_>, id: FuncId) -> Func {
    let view = image.func(id).unwrap();
    Func {
        name: view.name,
        module: view.module,
        kind: view.kind,
        generator: view.generator,
        is_async: view.is_async,
        is_macro: view.is_macro,
        params: image.params(&view).unwrap(),
        frame_size: view.frame_size,
        window: view.window,
        code: image.code(&view).unwrap().to_vec(),
        captures: image.captures(&view).unwrap(),
        handlers: image.handlers(&view).unwrap(),
        lines: image.lines(id).unwrap_or_default(),
        vars: image.vars(id).unwrap_or_default(),
        result: image.result_type(id).unwrap(),
        intent: view.intent,
        examples: view.examples,
        place: view.place,
    }
}

/// The string with this text; the programs here have each text once where it matters.
fn string(image: &CheckedImage<'_>, text: &str) -> StrId {
    let mut ids = (0..image.string_count() as u32).map(StrId);
    ids.find(|id| image.string(*id).unwrap() == text).unwrap()
}

fn read_imports(image: &CheckedImage<'_>) -> Vec<Import> {
    let view = |one: gene_format::image::ImportView<'_>| Import {
        path: string(image, one.path),
        interface: *one.interface,
    };
    image.imports().unwrap().into_iter().map(view).collect()
}

fn read_exports(image: &CheckedImage<'_>) -> Vec<Export> {
    let view = |one: gene_format::image::ExportView<'_>| Export {
        name: string(image, one.name),
        description: string(image, one.description),
        entry: one.entry,
    };
    image.exports().unwrap().into_iter().map(view).collect()
}

/// The program that the accessors show.
fn read(bytes: &[u8]) -> Program {
    let image = CheckedImage::parse(bytes).unwrap();
    let ids = |count: usize| 0..count as u32;
    Program {
        strings: ids(image.string_count())
            .map(|id| image.string(StrId(id)).unwrap().into())
            .collect(),
        consts: ids(image.const_count())
            .map(|id| image.constant(ConstId(id)).unwrap())
            .collect(),
        table: ids(image.table_len())
            .map(|id| image.table_entry(TableId(id)).unwrap())
            .collect(),
        funcs: ids(image.func_count())
            .map(|id| read_func(&image, FuncId(id)))
            .collect(),
        modules: image
            .modules()
            .into_iter()
            .map(|module| Module {
                name: module.name,
                init: module.init,
                source: image.source(module.id).map(Box::from),
            })
            .collect(),
        imports: read_imports(&image),
        exports: read_exports(&image),
        meta: image.meta().unwrap(),
        needs_eval: image.needs_eval().map(String::from),
        source_hash: [0; 32], // only a part of the build id
    }
}

#[test]
fn sample_round_trips_and_verifies() {
    let bytes = write(&sample(), &FULL);
    assert_eq!(read(&bytes), sample());
    let verified = verify_image(&bytes).unwrap();
    assert_eq!(verified.funcs().len(), sample().funcs.len());
    let present: Vec<_> = verified
        .image()
        .sections()
        .map(|section| section.tag)
        .collect();
    let known = SECTIONS.map(|known| known.0);
    assert_eq!(
        present,
        known[..known.len() - 1], // all but the signature
        "sample() fills every section"
    );
}

#[test]
fn empty_program_round_trips() {
    let bytes = write(&Program::default(), &FULL);
    assert_eq!(read(&bytes), Program::default());
    verify_image(&bytes).unwrap();
}

#[test]
fn stripped_images_keep_all_but_debug_data() {
    let full = write(&sample(), &FULL);
    let stripped = Aligned::new(&strip(&full).unwrap());
    let options = WriteOptions {
        strip: true,
        sources: true,
    };
    assert_eq!(
        *stripped,
        *write(&sample(), &options),
        "strip = write stripped"
    );
    assert_eq!(
        *stripped,
        *strip(&stripped).unwrap(),
        "strip twice = strip once"
    );

    let mut expected = sample();
    for func in &mut expected.funcs {
        func.lines.clear();
        func.vars.clear();
    }
    expected.modules[1].source = None;
    assert_eq!(read(&stripped), expected);

    let (full, stripped) = (
        verify_image(&full).unwrap(),
        verify_image(&stripped).unwrap(),
    );
    let (full, stripped) = (full.image(), stripped.image());
    assert_eq!(full.content_id(), stripped.content_id());
    assert_eq!(full.build_id(), stripped.build_id());
    assert_eq!(full.needs_eval(), stripped.needs_eval());
    assert!(!full.is_stripped() && stripped.is_stripped());
    assert!(full.has_section(LINE) && full.has_section(VARS) && full.has_section(SRCS));
    assert!(!stripped.has_section(LINE) && !stripped.has_section(VARS));
}

#[test]
fn positions_are_those_of_the_last_entry_before() {
    let bytes = write(&sample(), &FULL);
    let image = CheckedImage::parse(&bytes).unwrap();
    let main = image.modules()[1].init;
    assert_eq!(image.position(main, 0), Some((1, 1)));
    assert_eq!(image.position(main, 1), Some((2, 3)));
    assert_eq!(image.position(main, 100), Some((2, 3)));
    assert_eq!(image.position(FuncId(99), 0), None);
    assert_eq!(image.var_name(main, 0), Some("a"));
    assert_eq!(image.var_name(main, 1), None);
    assert_eq!(image.source(ModuleId(0)), None);
}

#[test]
fn arity_is_known_only_of_positional_parameters() {
    let bytes = write(&sample(), &FULL);
    let image = CheckedImage::parse(&bytes).unwrap();
    let add = image.func(FuncId(2)).unwrap();
    assert_eq!((add.arity, add.required, add.nparams), (Some(2), 1, 2));
    let inner = image.func(FuncId(3)).unwrap();
    assert_eq!((inner.arity, inner.required, inner.nparams), (None, 0, 4));
    assert_eq!(
        inner.place,
        (7, 70_000),
        "a column that needs more than 16 bits"
    );
}

#[test]
fn equal_bodies_share_their_code() {
    let mut program = sample();
    let twin = program.funcs[2].clone();
    let before = write(&program, &FULL).len();
    program.funcs.push(Func {
        lines: vec![(0, 99, 9)],
        ..twin
    });
    let bytes = write(&program, &FULL);
    let image = CheckedImage::parse(&bytes).unwrap();
    let twin = FuncId(program.funcs.len() as u32 - 1);
    let (one, two) = (image.func(FuncId(2)).unwrap(), image.func(twin).unwrap());
    assert_eq!((one.code, one.params), (two.code, two.params));
    assert_eq!(image.position(FuncId(2), 0), Some((1, 16)));
    assert_eq!(image.position(twin, 0), Some((99, 9)));
    assert!(bytes.len() - before < 120);
}

#[test]
fn every_nan_becomes_the_canonical_one() {
    let bits = [
        0x7FF8_0000_0000_0000,
        0xFFFF_FFFF_FFFF_FFFF,
        0x7FF0_0000_0000_0001,
    ];
    let program = Program {
        consts: bits.map(|bits| Const::Float(f64::from_bits(bits))).to_vec(),
        ..Program::default()
    };
    let bytes = write(&program, &FULL);
    let image = CheckedImage::parse(&bytes).unwrap();
    for id in 0..3 {
        match image.constant(ConstId(id)).unwrap() {
            Const::Float(x) => assert_eq!(x.to_bits(), bits[0]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn large_tables_and_functions_round_trip() {
    let mut program = big(300);
    let first = program.strings.len() as u32;
    for n in 0..70_000 {
        program.consts.push(Const::Int(n));
        program
            .table
            .push(TableEntry::Const(ConstId(program.consts.len() as u32 - 1)));
    }
    program.strings.push("x".repeat(100_000).into());
    program.consts.push(Const::Str(StrId(first)));
    program.funcs[3].window = TableId(program.table.len() as u32);
    let nop = Insn::new(gene_format::ops::Op::Move, 0, 1, 0).encode();
    program.funcs[3].code.splice(0..0, vec![nop; 40_000]);
    program.funcs[3].lines = (0..40_000).map(|at| (at, at * 3 % 1000, at % 99)).collect();
    let bytes = write(&program, &FULL);
    let mut expected = program;
    expected.modules[1].source = read(&bytes).modules[1].source.clone();
    assert_eq!(read(&bytes), expected);
    verify_image(&bytes).unwrap();
}

#[test]
fn nesting_beyond_the_limit_is_an_error_of_the_writer() {
    let nested = |levels: u32| {
        let mut program = Program {
            consts: vec![Const::Nil],
            ..Program::default()
        };
        for level in 0..levels {
            program.consts.push(Const::Quote(ConstId(level)));
        }
        program
    };
    verify_image(&write(&nested(200), &FULL)).unwrap();
    let error = write_image(&nested(201), &FULL).unwrap_err().to_string();
    assert!(error.contains("found 201, the limit is 200"), "{error}");
}

#[test]
fn shared_children_cannot_ask_for_endless_trees() {
    let mut program = Program {
        consts: vec![Const::Nil],
        ..Program::default()
    };
    for level in 0..30 {
        program.consts.push(Const::Array {
            items: vec![ConstId(level); 2],
            sealed: false,
        });
    }
    let error = write_image(&program, &FULL).unwrap_err().to_string();
    assert!(error.contains("nodes: found"), "{error}");
}

#[test]
fn instructions_round_trip() {
    for info in OPS {
        for n in [0, 1, 0x7FFF, 0x8000, 0xFFFF] {
            let insn = Insn {
                op: info.op,
                x: n as u8,
                a: n,
                b: !n,
                c: n ^ 0x5555,
            };
            assert_eq!(Insn::decode(insn.encode()), Some(insn));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_program_round_trips(choices in prop::collection::vec(any::<u8>(), 0..600)) {
        let program = support::program(&choices);
        let bytes = write(&program, &FULL);
        prop_assert_eq!(read(&bytes), program.clone());
        prop_assert_eq!(&*write(&program, &FULL), &*bytes);
        let stripped = Aligned::new(&strip(&bytes).unwrap());
        CheckedImage::parse(&stripped).unwrap();
    }

    #[test]
    fn any_word_that_decodes_encodes_to_itself(word in any::<u64>()) {
        if let Some(insn) = Insn::decode(word) {
            prop_assert_eq!(insn.encode(), word);
        }
    }
}

//! Damaged images give errors that name the place, and never a panic.

use gene_format::dump::{Select, gather, render};
use gene_format::error::{FormatErrorKind, Place};
use gene_format::image::CheckedImage;
use gene_format::layout::*;
use gene_format::program::*;
use gene_format::testing::{Aligned, funcs, reseal, sample, table};
use gene_format::verify::verify_image;
use gene_format::write::{WriteOptions, strip, write_image};
use proptest::prelude::*;

const FULL: WriteOptions = WriteOptions {
    strip: false,
    sources: true,
};

fn image() -> Aligned {
    Aligned::new(&write_image(&sample(), &FULL).unwrap())
}

/// Offset of a section's first byte.
fn offset(bytes: &[u8], tag: Tag) -> usize {
    let image = CheckedImage::parse(bytes).unwrap();
    let section = image.sections().find(|section| section.tag == tag);
    section.unwrap().offset as usize
}

/// Offset of a section's entry in the table.
fn entry(bytes: &[u8], tag: Tag) -> usize {
    let image = CheckedImage::parse(bytes).unwrap();
    let index = image.sections().position(|section| section.tag == tag);
    128 + 40 * index.unwrap()
}

/// Uses everything that accessors offer, and drops what they say.
fn use_all(bytes: &[u8]) {
    let _ = strip(bytes);
    let _ = verify_image(bytes);
    let Ok(image) = CheckedImage::parse(bytes) else {
        return;
    };
    let _ = image.meta();
    for id in 0..image.string_count() as u32 + 1 {
        let _ = image.string(StrId(id));
    }
    for id in 0..image.const_count() as u32 + 1 {
        let _ = (image.constant(ConstId(id)), image.const_kind(ConstId(id)));
    }
    for id in 0..image.table_len() as u32 + 1 {
        let _ = image.table_entry(TableId(id));
    }
    let _ = (image.imports(), image.exports(), image.interface());
    let _ = (image.exported("a"), image.exported("zz"));
    for module in image.modules() {
        let _ = image.source(module.id);
    }
    for id in (0..image.func_count() as u32 + 1).map(FuncId) {
        let _ = gene_format::verify::verify_func(&image, id);
        let _ = (image.lines(id), image.vars(id));
        let _ = (image.position(id, 3), image.var_name(id, 0));
        if let Ok(view) = image.func(id) {
            let _ = (image.code(&view), image.params(&view));
            let _ = (image.captures(&view), image.handlers(&view));
        }
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    let mut bytes = image();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            bytes[at] ^= flip;
            assert!(verify_image(&bytes).is_err(), "byte {at} ^ {flip:#x}");
            bytes[at] ^= flip;
        }
    }
    verify_image(&bytes).unwrap();
}

#[test]
fn every_changed_byte_with_repaired_checksums_is_an_error_or_harmless() {
    let original = image();
    for at in 0..original.len() {
        for value in [0, 1, 0x7F, 0xFF, original[at] ^ 1] {
            let mut bytes = original.clone();
            bytes[at] = value;
            reseal(&mut bytes);
            use_all(&bytes);
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = image();
    for len in 0..bytes.len() {
        let mut short = Aligned::new(&bytes[..len]);
        assert!(verify_image(&short).is_err(), "{len} bytes");
        reseal(&mut short);
        assert!(verify_image(&short).is_err(), "{len} bytes, repaired");
    }
}

#[test]
fn every_appended_byte_is_an_error() {
    for extra in [1, 8, 4096] {
        let mut long = Aligned::new(&[&image()[..], &vec![0; extra]].concat());
        let error = CheckedImage::parse(&long).unwrap_err();
        assert!(
            matches!(error.kind, FormatErrorKind::Trailing { .. }),
            "{error}"
        );
        reseal(&mut long);
        let error = CheckedImage::parse(&long).unwrap_err();
        assert!(
            matches!(error.kind, FormatErrorKind::Trailing { .. }),
            "{error}"
        );
    }
}

/// Writes `value` at `at`, repairs the checksums, and expects this message.
#[track_caller]
fn field(at: usize, value: &[u8], expected: &str) {
    let mut bytes = image();
    bytes[at..at + value.len()].copy_from_slice(value);
    reseal(&mut bytes);
    let error = verify_image(&bytes).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn header_fields() {
    let bytes = image();
    field(0, b"#!/u", "found no magic");
    field(4, b"\n", "transferred as text");
    field(8, &[129], "header length: found 129, expected 128");
    field(12, &[2], "version: found version 2.2, expected 1.2");
    field(14, &[3], "version: found version 1.3");
    field(
        16,
        &[0x80 | bytes[16]],
        "flags: found 131, expected known flags only",
    );
    field(16, &[bytes[16] & !1], "flag needs-eval exactly if");
    field(16, &[bytes[16] & !2], "has-debug exactly if");
    field(16, &[bytes[16] | 4], "then not stripped");
    field(20, &[65], "section count: found 65, expected at most 64");
    field(22, &[48], "entry size: found 48, expected 40");
    field(32, &[0], "table offset: found 0, expected 128");
    field(40, &[!bytes[40]], "ABI fingerprint");
    field(120, &[1], "reserved: found 1, expected 0");
    let damaged = |at: usize, expected: &str| {
        let mut bytes = image();
        bytes[at] ^= 1;
        let error = CheckedImage::parse(&bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    damaged(24, "header CRC: found checksum");
    damaged(124, "header CRC: found checksum");
    damaged(130, "table CRC: found checksum");
}

#[test]
fn section_table_fields() {
    let bytes = image();
    let strs = entry(&bytes, STRS);
    field(strs, b"ZZZZ", "section ZZZZ: found a required section");
    field(strs, b"META", "section META: found a second one");
    field(strs + 4, &[3], "flags: found 3, expected 1 (required)");
    field(strs + 4, &[9], "flags: found 9, expected known flags");
    field(strs + 8, &[bytes[strs + 8] + 8], "offset: found");
    field(strs + 16, &[0xFF; 8], "length: found");
    field(strs + 24, &[0xFF; 4], "an offset for each string");
    field(
        strs + 28,
        &[3],
        "alignment: found 3, expected a power of two",
    );
    field(strs + 28, &[0], "alignment: found 0");
    field(strs + 36, &[1], "reserved: found 1, expected 0");
    let func = entry(&bytes, FUNC);
    field(
        func + 24,
        &[200],
        "length: found 220, expected count times record size",
    );
    field(
        entry(&bytes, META),
        b"zzzz",
        "section zzzz: found a required section",
    );
}

#[test]
fn unknown_optional_sections_are_ignored_and_kept_out_of_the_way() {
    let mut bytes = image();
    let vars = entry(&bytes, VARS);
    bytes[vars..vars + 8].copy_from_slice(b"ZZZZ\0\0\0\0");
    reseal(&mut bytes);
    let image = verify_image(&bytes).unwrap();
    assert_eq!(image.image().var_name(FuncId(1), 0), None);
}

#[test]
fn a_missing_required_section_is_named() {
    let mut bytes = image();
    let meta = entry(&bytes, META);
    bytes[meta..meta + 8].copy_from_slice(b"ZZZZ\0\0\0\0");
    reseal(&mut bytes);
    let error = CheckedImage::parse(&bytes).unwrap_err();
    assert_eq!(error.place, Place::Section(META));
    assert_eq!(error.kind, FormatErrorKind::Missing);
}

#[test]
fn padding_is_zero() {
    let bytes = image();
    let image = CheckedImage::parse(&bytes).unwrap();
    let views: Vec<_> = image.sections().collect();
    let mut gaps = 0;
    for pair in views.windows(2) {
        for at in pair[0].offset + pair[0].length..pair[1].offset {
            field(at as usize, &[1], "padding that is not zero");
            gaps += 1;
        }
    }
    assert!(gaps > 0);
}

#[test]
fn string_records() {
    let strs = offset(&image(), STRS);
    field(strs + 4, &[0xFF; 4], "section STRS, record 0, offset");
    let error = "section STRS, record 6, text: found bytes that are not UTF-8";
    let bytes = image();
    let text = "größe".as_bytes();
    let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
    field(at + 2, &[0xFF], error);
}

#[test]
fn function_records() {
    let add = offset(&image(), FUNC) + 2 * 44;
    let wide = &[0xFF; 4];
    field(
        add,
        wide,
        "section FUNC, record 2, name: found 4294967295, expected less than 8",
    );
    field(add + 4, wide, "record 2, code start");
    field(add + 8, wide, "record 2, code length");
    field(add + 16, wide, "record 2, window");
    field(add + 20, wide, "record 2, parameters");
    field(add + 24, wide, "record 2, extra record");
    field(
        add + 34,
        &[2],
        "record 2, module: found 2, expected less than 2",
    );
    field(add + 36, &[0], "V2");
    field(add + 38, &[3], "V2");
    field(add + 40, &[2], "V20");
    field(
        add + 42,
        &[6],
        "record 2, kind: found 6, expected a kind of function",
    );
    field(
        add + 43,
        &[0x10],
        "record 2, flags: found 16, expected known flags only",
    );
    let extra = offset(&image(), XTRA);
    field(extra, &[0xFF; 4], "section XTRA, record 0, captures");
    field(extra + 4, &[0xFF; 4], "section XTRA, record 0, handlers");
    field(extra + 12, &[0xFF; 4], "section XTRA, record 0, intent");
    field(extra + 16, &[0xFF; 4], "section XTRA, record 0, examples");
    let result = offset(&image(), TYPE);
    field(result, &[9], "section TYPE, record 0, function");
    field(result + 4, &[0xFF; 4], "section TYPE, record 0, check");
    field(
        result + 4,
        &[0],
        "section TYPE, record 0, check: found 0, expected a constant that is a type check",
    );
}

#[test]
fn records_of_functions() {
    let bytes = image();
    field(
        offset(&bytes, PARM),
        &[0xFF; 4],
        "section PARM, record 0, name",
    );
    field(
        offset(&bytes, PARM) + 3,
        &[0x60],
        "section PARM, record 0, kind: found 6",
    );
    field(
        offset(&bytes, CAPT) + 3,
        &[1],
        "section CAPT, record 0, source",
    );
    field(
        offset(&bytes, EXCP) + 14,
        &[2],
        "section EXCP, record 0, cleanup: found 2",
    );
    field(offset(&bytes, MODS), &[99], "section MODS, record 0, name");
    field(
        offset(&bytes, MODS) + 4,
        &[99],
        "section MODS, record 0, init",
    );
    field(
        offset(&bytes, MODS) + 4,
        &[2],
        "expected a function of kind module",
    );
}

#[test]
fn constant_records() {
    let bytes = image();
    let record = |index: usize| offset(&bytes, CNST) + 16 * index;
    field(record(0), &[24], "section CNST, record 0, tag: found 24");
    field(record(0) + 1, &[1], "record 0, flags");
    field(record(0) + 2, &[1], "record 0, depth");
    field(record(0) + 3, &[1], "record 0, flags");
    field(
        record(0) + 4,
        &[1],
        "record 0, first word: found 1, expected 0",
    );
    field(record(1) + 4, &[99], "record 1, string");
    field(record(1) + 8, &[1], "record 1, second word");
    field(record(1) + 12, &[1], "record 1, third word");
    field(record(8) + 8, &[0xFF; 8], "record 8, float");
    field(
        record(9) + 4,
        &[0, 0xD8],
        "record 9, character: found 55296",
    );
    field(record(12) + 8, &[3], "record 12, bytes");
    field(record(13) + 4, &[0xFF; 4], "record 13, list");
    field(record(13) + 2, &[7], "record 13, depth: found 7");
    field(record(13) + 12, &[9], "record 13, nodes: found 9");
    field(
        record(14) + 8,
        &[1],
        "record 14, list: found 1, expected names and values",
    );
    field(record(15) + 8, &[1], "record 15, list");
    field(
        record(16) + 8,
        &[1],
        "record 16, list: found 1, expected a head",
    );
    field(
        record(17) + 4,
        &[17],
        "record 17, child: found 17, expected less than 17",
    );
    field(
        record(17) + 4,
        &[18],
        "record 17, child: found 18, expected less than 17",
    );
    field(record(19) + 1, &[4], "record 19, flags");
    field(record(20) + 1, &[7], "record 20, list");
    field(record(23) + 1, &[5], "record 23, flags");
    field(
        record(23) + 8,
        &[1],
        "record 23, list: found 1, expected a text",
    );
    field(record(23) + 8, &[4], "record 23, type");
}

#[test]
fn table_records() {
    let bytes = image();
    let record = |index: usize| offset(&bytes, TABL) + 8 * index;
    field(record(0), &[13], "section TABL, record 0, kind: found 13");
    field(record(0) + 1, &[1], "record 0, arguments");
    field(record(0) + 2, &[1], "record 0, arguments");
    for index in [0, 2, 3, 4, 5, 6, 8, 12, 16, 20, 21, 22, 23] {
        field(record(index) + 4, &[0xFF; 4], "value: found");
    }
    field(record(8) + 2, &[0], "record 8, arguments: found 0");
    for index in [7, 9, 10, 11, 13, 14, 15, 17, 24, 25, 26] {
        field(
            record(index),
            &[0],
            "following words: found 0, expected the kind rest",
        );
    }
    field(record(13) + 4, &[0xFF; 4], "record 12, key names");
    field(record(0), &[6], "record 0, arguments");
}

#[test]
fn import_records() {
    let bytes = image();
    let start = offset(&bytes, IMPT);
    field(start, &[0xFF; 4], "section STRS, record 4294967295");
    // the empty string
    field(
        start,
        &[0; 4],
        "section IMPT, record 0, path: found 0, expected the string of a path",
    );
    for path in [
        "/ib/util.gene",
        "../../tc/pass",
        "lib/./til.gen",
        "lib//til.gene",
        "lib/util.gen/",
    ] {
        let mut program = sample();
        program.strings[2] = path.into();
        let bytes = Aligned::new(&write_image(&program, &WriteOptions::default()).unwrap());
        let error = verify_image(&bytes).unwrap_err().to_string();
        let expected = "expected the string of a path inside the folder of the main image";
        assert!(error.contains(expected), "{path}: {error}");
    }
    let word = offset(&bytes, TABL) + 8 * 22 + 4;
    let list = u32::from_le_bytes(bytes[word..word + 4].try_into().unwrap());
    let list = offset(&bytes, LIST) + 4 * list as usize;
    field(list, &[1], "section TABL, record 22, value: found 1");
    field(list + 4, &[0xFF; 4], "section TABL, record 22, value");
}

#[test]
fn export_records() {
    let bytes = image();
    let record = |index: usize| offset(&bytes, EXPT) + 12 * index;
    field(record(1), &[0xFF; 4], "section STRS, record 4294967295");
    field(record(1) + 4, &[0xFF; 4], "section STRS, record 4294967295");
    field(record(1) + 8, &[0xFF; 4], "section TABL, record 4294967294");
    field(
        record(1) + 8,
        &[1],
        "section EXPT, record 1, entry: found 1, expected the entry of",
    );
    field(
        record(1) + 8,
        &[25],
        "section EXPT, record 1, entry: found 25, expected the entry of",
    );
    field(
        record(1),
        &[3],
        "section EXPT, record 2, name: found 3, expected the string of a name after",
    );
    for entry in [table::FUNC, table::GLOBAL_FUNC, table::SHARED_FUNC] {
        let mut program = sample();
        program.funcs[funcs::ADD].captures.push(Capture::Slot(0));
        program.exports[1].entry = Some(TableId(entry.into()));
        let bytes = Aligned::new(&write_image(&program, &WriteOptions::default()).unwrap());
        let image = CheckedImage::parse(&bytes).unwrap();
        let error = image.exported("a").unwrap_err().to_string();
        assert!(error.contains("a function without captures"), "{error}");
        assert!(image.interface().is_err());
    }
}

#[test]
fn debug_records() {
    let bytes = image();
    let lines = offset(&bytes, LINE);
    field(lines + 4, &[0xFF; 4], "section LINE, record 0, positions");
    field(lines + 4 * 6, &[0x80; 3], "section LINE");
    field(
        offset(&bytes, VARS) + 4 * 6 + 1,
        &[99],
        "section STRS, record 99",
    );
    field(
        offset(&bytes, SRCS) + 12,
        &[2],
        "section SRCS, record 1, text",
    );
}

#[test]
fn damaged_debug_sections_are_unknown_not_fatal() {
    for tag in [LINE, VARS, SRCS] {
        let mut bytes = image();
        let at = offset(&bytes, tag);
        bytes[at + 5] ^= 1;
        let image = CheckedImage::parse(&bytes).unwrap();
        assert_eq!(image.position(FuncId(1), 0).is_none(), tag == LINE);
        assert_eq!(image.var_name(FuncId(1), 0).is_none(), tag == VARS);
        assert_eq!(image.source(ModuleId(1)).is_none(), tag == SRCS);
        assert!(verify_image(&bytes).is_err());
        assert!(strip(&bytes).is_err(), "damage is not sealed anew");
    }
}

#[test]
fn meta_is_canonical() {
    let meta = offset(&image(), META);
    field(
        meta,
        &[0xFF; 8],
        "section META: found bytes that do not decode",
    );
    field(meta, &[0], "section META: found bytes that do not decode");
}

#[test]
fn unaligned_bytes_are_refused_with_the_reason() {
    let bytes = image();
    let mut shifted = Aligned::new(&vec![0; bytes.len() + 1]);
    shifted[1..].copy_from_slice(&bytes);
    let error = CheckedImage::parse(&shifted[1..]).unwrap_err();
    assert!(error.to_string().contains("aligned to 8 bytes"), "{error}");
    assert_eq!(strip(&shifted[1..]).unwrap(), strip(&bytes).unwrap());
}

/// Changed bytes and changed words; the header's first fields stay, as their own checks stand
/// before all others.
fn damage() -> impl Strategy<Value = Aligned> {
    let words = vec![
        0u32,
        1,
        2,
        7,
        8,
        0x7F,
        0x80,
        0xFF,
        0x7FFF,
        0x8000,
        0xFFFF,
        1 << 16,
        i32::MAX as u32,
        1 << 31,
        u32::MAX - 1,
        u32::MAX,
    ];
    let index = any::<prop::sample::Index>;
    let changes = prop::collection::vec((index(), any::<u8>()), 0..8);
    let numbers = prop::collection::vec((index(), prop::sample::select(words)), 0..3);
    (changes, numbers).prop_map(|(changes, numbers)| {
        let mut bytes = image();
        for (at, value) in changes {
            let at = 16 + at.index(bytes.len() - 16);
            bytes[at] = value;
        }
        for (at, value) in numbers {
            let at = 128 + at.index(bytes.len() - 132) / 4 * 4;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        reseal(&mut bytes);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// A hostile image with repaired checksums is an error or an image that verifies.
    #[test]
    fn repaired_images_never_panic(bytes in damage()) {
        use_all(&bytes);
    }

    /// Bytes that are no image at all.
    #[test]
    fn any_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), magic: bool) {
        if magic && bytes.len() >= 8 {
            bytes[..8].copy_from_slice(&gene_format::version::MAGIC);
        }
        let mut bytes = Aligned::new(&bytes);
        use_all(&bytes);
        reseal(&mut bytes);
        use_all(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Listings of hostile images show errors in their place.
    #[test]
    fn listings_of_repaired_images_never_panic(bytes in damage()) {
        if let Ok(image) = CheckedImage::parse(&bytes) {
            let facts = gather(&image, &Select::default()).unwrap();
            prop_assert!(render(&facts, false).starts_with("header\n"));
        }
    }
}

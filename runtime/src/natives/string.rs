//! Methods of strings (14-stdlib §3). Positions are in characters.

use super::*;
use crate::heap::object::Str;
use crate::print;

pub(super) static METHODS: &[NativeDef] = &[
    def("length", 1, 1, length),
    def("size", 1, 1, length),
    def("bytesize", 1, 1, bytesize),
    def("empty", 1, 1, empty),
    def("empty?", 1, 1, empty),
    def("not_empty?", 1, 1, not_empty),
    def("to_s", 1, 1, same),
    def("to_i", 1, 1, to_i),
    def("to_f", 1, 1, to_f),
    def("to_upper", 1, 1, upper),
    def("to_uppercase", 1, 1, upper),
    def("upper", 1, 1, upper),
    def("upcase", 1, 1, upper),
    def("to_lower", 1, 1, lower),
    def("to_lowercase", 1, 1, lower),
    def("lower", 1, 1, lower),
    def("downcase", 1, 1, lower),
    def("capitalize", 1, 1, capitalize),
    def("reverse", 1, 1, reverse),
    def("append", 1, ANY, join_texts),
    def("substr", 2, 3, substr).usage("String.substr requires a start index"),
    def("split", 2, 3, split).usage("String.split requires a separator"),
    def("index", 2, 3, index).usage("String.index requires a pattern"),
    def("rindex", 2, 3, rindex).usage("String.rindex requires a pattern"),
    def("trim", 1, 1, trim),
    def("strip", 1, 1, trim),
    def("lstrip", 1, 1, lstrip),
    def("rstrip", 1, 1, rstrip),
    def("starts_with", 2, 2, starts_with).usage("String.starts_with requires a prefix"),
    def("start_with?", 2, 2, starts_with).usage("String.start_with? requires a prefix"),
    def("ends_with", 2, 2, ends_with).usage("String.ends_with requires a suffix"),
    def("end_with?", 2, 2, ends_with).usage("String.end_with? requires a suffix"),
    def("char_at", 2, 2, char_at).usage("String.char_at requires an index"),
    def("byte_at", 2, 2, byte_at).usage("String.byte_at requires an index"),
    def("chars", 1, 1, chars),
    def("each_char", 1, 1, chars),
    def("each_byte", 1, 1, each_byte),
    def("bytes", 1, 1, bytes),
    def("to_bytes", 1, 1, bytes),
    def("byteslice", 2, 3, byteslice).usage("String.byteslice requires a start index"),
    def("byte_slice", 2, 3, byteslice).usage("String.byte_slice requires a start index"),
    def("contain", 2, 2, include).usage("String.contain requires a pattern"),
    def("include?", 2, 2, include).usage("String.include? requires a pattern"),
    def("contains", 2, 2, contains).usage("String.contains requires a string"),
    def("find", 2, 2, find).usage("String.find requires a pattern"),
    def("find_all", 2, 2, find_all).usage("String.find_all requires a pattern"),
    def("scan", 2, 2, find_all).usage("String.scan requires a pattern"),
    def("match", 2, 2, regex_match).usage("String.match requires a Regexp"),
    def("match?", 2, 2, regex_matches).usage("String.match? requires a Regexp"),
    def("replace", 2, 3, replace).usage("String.replace requires a pattern"),
    def("sub", 2, 3, replace).usage("String.sub requires a pattern"),
    def("replace_all", 2, 3, replace_all).usage("String.replace_all requires a pattern"),
    def("gsub", 2, 3, replace_all).usage("String.gsub requires a pattern"),
];

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a Str, Raised> {
    view::string(args.this()).ok_or_else(|| vm.error("String methods must be called on a string"))
}

/// `$`, `(new String …)`, `.append`: display forms joined.
pub(super) fn join_texts(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if let [a, b] = args.items
        && let (Some(a), Some(b)) = (view::string(*a), view::string(*b))
    {
        return vm.append_text(a, b.text(), b.chars as usize);
    }
    let mut out = String::new();
    for &v in args.items {
        print::write_text(vm, &mut out, v)?;
    }
    Ok(vm.str(&out))
}

/// `(new String …)`
pub(super) fn construct(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    join_texts(
        vm,
        Args {
            items: args.from(1),
            ..args
        },
    )
}

fn length(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::small_int(this(vm, args)?.chars as i64))
}

fn bytesize(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::small_int(this(vm, args)?.len as i64))
}

fn empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(this(vm, args)?.len == 0))
}

fn not_empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(this(vm, args)?.len != 0))
}

fn same(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(args.this())
}

fn to_i(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = this(vm, args)?.text().trim();
    match text.parse() {
        Ok(n) => Ok(vm.int(n)),
        Err(_) => vm.fail("to_i requires a numeric string"),
    }
}

fn to_f(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = this(vm, args)?.text().trim();
    match text.parse() {
        Ok(f) if text.ends_with(|c: char| c.is_ascii_digit() || c == '.') => Ok(Value::float(f)),
        _ => vm.fail("to_f requires a numeric string"),
    }
}

/// A new string of about this size.
fn sized(vm: &mut Vm, bytes: usize, make: impl FnOnce() -> String) -> NativeResult {
    reserve(vm, bytes)?;
    Ok(vm.str(&make()))
}

fn upper(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    sized(vm, 3 * s.len as usize, || s.text().to_uppercase())
}

fn lower(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    sized(vm, 3 * s.len as usize, || s.text().to_lowercase())
}

fn capitalize(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    sized(vm, 3 * s.len as usize, || {
        let mut chars = s.text().chars();
        let mut out: String = chars
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .collect();
        out.push_str(&chars.as_str().to_lowercase());
        out
    })
}

fn reverse(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    sized(vm, s.len as usize, || s.text().chars().rev().collect())
}

/// Byte offset of a character position, at most the length.
pub(super) fn byte_offset(s: &Str, chars: usize) -> usize {
    if chars >= s.chars as usize {
        return s.len as usize;
    }
    if s.is_ascii() {
        return chars;
    }
    s.text()
        .char_indices()
        .nth(chars)
        .map_or(s.len as usize, |c| c.0)
}

/// Character position of a byte offset.
pub(super) fn char_position(s: &Str, bytes: usize) -> usize {
    if s.is_ascii() {
        bytes
    } else {
        s.text()[..bytes].chars().count()
    }
}

/// Bounds with an inclusive end, negatives from the end, clamped.
fn inclusive(
    vm: &mut Vm,
    args: Args<'_>,
    len: usize,
    name: &str,
) -> Result<(usize, usize), Raised> {
    let start = int_arg(
        vm,
        args.get(1),
        &format!("String.{name} start must be an integer"),
    )?;
    let start = clamp_from_end(start, len);
    let end = match args.get(2) {
        Value::NIL => len,
        v => {
            let end = int_arg(vm, v, &format!("String.{name} end must be an integer"))?;
            if end < 0 && end.saturating_add(len as i64) < 0 {
                0
            } else {
                clamp_from_end(end, len).saturating_add(1).min(len)
            }
        }
    };
    Ok((start, end.max(start)))
}

fn substr(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let (start, end) = inclusive(vm, args, s.chars as usize, "substr")?;
    if start == 0 && end == s.chars as usize {
        return Ok(args.this());
    }
    let from = byte_offset(s, start);
    let to = byte_offset(s, end);
    reserve(vm, to - from)?;
    Ok(vm.str_counted(&s.text()[from..to], end - start))
}

fn byteslice(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let (start, end) = inclusive(vm, args, s.len as usize, "byteslice")?;
    reserve(vm, end - start)?;
    Ok(vm.bytes(&s.bytes()[start..end]))
}

fn trim(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    Ok(vm.str(s.text().trim()))
}

fn lstrip(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    Ok(vm.str(s.text().trim_start()))
}

fn rstrip(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    Ok(vm.str(s.text().trim_end()))
}

fn starts_with(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let prefix = text_arg(vm, args.get(1), "String.starts_with expects a string")?;
    Ok(Value::bool(s.bytes().starts_with(prefix.as_bytes())))
}

fn ends_with(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let suffix = text_arg(vm, args.get(1), "String.ends_with expects a string")?;
    Ok(Value::bool(s.bytes().ends_with(suffix.as_bytes())))
}

fn char_at(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let i = int_arg(vm, args.get(1), "char_at index must be an integer")?;
    let c = usize::try_from(i)
        .ok()
        .filter(|&i| i < s.chars as usize)
        .and_then(|i| {
            let at = byte_offset(s, i);
            s.text()[at..].chars().next()
        });
    match c {
        Some(c) => Ok(Value::char(c)),
        None => vm.fail("char_at index out of bounds"),
    }
}

fn byte_at(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let i = int_arg(vm, args.get(1), "byte_at index must be an integer")?;
    match index_from_end(i, s.len as usize) {
        Some(i) => Ok(Value::small_int(s.bytes()[i] as i64)),
        None => vm.fail("byte_at index out of bounds"),
    }
}

fn chars(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    reserve(vm, 8 * s.chars as usize)?;
    Ok(vm.array(s.text().chars().map(Value::char).collect()))
}

fn each_byte(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    reserve(vm, 8 * s.len as usize)?;
    Ok(vm.array(
        s.bytes()
            .iter()
            .map(|&b| Value::small_int(b as i64))
            .collect(),
    ))
}

fn bytes(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    reserve(vm, s.len as usize)?;
    Ok(vm.bytes(s.bytes()))
}

// ---------------------------------------------------------------- searching

/// A pattern argument: a string, or a regular expression.
enum Pattern<'a> {
    Text(&'a str),
    Regex,
}

fn pattern<'a>(vm: &mut Vm, args: Args<'_>, name: &str) -> Result<Pattern<'a>, Raised> {
    if let Some(text) = view::text(args.get(1)) {
        return Ok(Pattern::Text(text));
    }
    if view::tag(args.get(1)) == Some(Tag::Regex) {
        return Ok(Pattern::Regex);
    }
    Err(vm.error(&format!("String.{name} expects a Regexp or string pattern")))
}

/// Raises for an empty string pattern.
fn not_blank(vm: &mut Vm, text: &str, name: &str) -> Result<(), Raised> {
    if text.is_empty() {
        return Err(vm.error(&format!("String.{name} pattern cannot be empty")));
    }
    Ok(())
}

fn include(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    match pattern(vm, args, "contain")? {
        Pattern::Text(text) => Ok(Value::bool(s.text().contains(text))),
        Pattern::Regex => regex::is_match(vm, args.get(1), s),
    }
}

fn contains(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let part = text_arg(vm, args.get(1), "String.contains expects a string")?;
    Ok(Value::bool(s.text().contains(part)))
}

fn find(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    match pattern(vm, args, "find")? {
        Pattern::Text(text) => {
            not_blank(vm, text, "find")?;
            Ok(if s.text().contains(text) {
                args.get(1)
            } else {
                Value::NIL
            })
        }
        Pattern::Regex => regex::find(vm, args.get(1), s),
    }
}

fn find_all(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    match pattern(vm, args, "find_all")? {
        Pattern::Text(text) => {
            not_blank(vm, text, "find_all")?;
            let n = s.text().matches(text).count();
            reserve(vm, 8 * n)?;
            Ok(vm.array(vec![args.get(1); n]))
        }
        Pattern::Regex => regex::find_all(vm, args.get(1), s),
    }
}

fn index(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let start = match args.get(2) {
        Value::NIL => 0,
        v => {
            let start = int_arg(vm, v, "String.index start must be an integer")?;
            byte_offset(s, clamp_from_end(start, s.chars as usize))
        }
    };
    let found = match pattern(vm, args, "index")? {
        Pattern::Text(text) => s.text()[start..].find(text).map(|i| i + start),
        Pattern::Regex => regex::find_at(vm, args.get(1), s, start)?,
    };
    Ok(Value::small_int(
        found.map_or(-1, |i| char_position(s, i) as i64),
    ))
}

/// The last match that starts at most at the limit.
fn rindex(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let limit = match args.get(2) {
        Value::NIL => s.len as usize,
        v => {
            let limit = int_arg(vm, v, "String.rindex limit must be an integer")?;
            byte_offset(s, clamp_from_end(limit, s.chars as usize))
        }
    };
    let found = match pattern(vm, args, "rindex")? {
        Pattern::Text(text) => {
            let mut end = (limit + text.len()).min(s.len as usize);
            while !s.text().is_char_boundary(end) {
                end += 1;
            }
            s.text()[..end].rfind(text).filter(|&i| i <= limit)
        }
        Pattern::Regex => regex::find_last(vm, args.get(1), s, limit)?,
    };
    Ok(Value::small_int(
        found.map_or(-1, |i| char_position(s, i) as i64),
    ))
}

/// Most pieces; without limit `usize::MAX`.
pub(super) fn split_limit(vm: &mut Vm, v: Value) -> Result<usize, Raised> {
    match v {
        Value::NIL => Ok(usize::MAX),
        v => {
            let n = int_arg(vm, v, "String.split limit must be an integer")?;
            Ok(usize::try_from(n)
                .ok()
                .filter(|&n| n > 0)
                .unwrap_or(usize::MAX))
        }
    }
}

fn split(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    let limit = split_limit(vm, args.get(2))?;
    match pattern(vm, args, "split")? {
        Pattern::Text(text) => {
            not_blank(vm, text, "split")?;
            reserve(vm, s.len as usize)?;
            let mut pieces = Vec::new();
            for piece in s.text().splitn(limit, text) {
                if pieces.len() % 1024 == 1023 {
                    reserve(vm, 8 * pieces.len())?;
                }
                pieces.push(vm.str(piece));
            }
            Ok(vm.array(pieces))
        }
        Pattern::Regex => regex::split(vm, args.get(1), s, limit),
    }
}

fn regex_arg(vm: &mut Vm, args: Args<'_>, name: &str) -> Result<(), Raised> {
    if view::tag(args.get(1)) == Some(Tag::Regex) {
        return Ok(());
    }
    Err(vm.error(&format!("String.{name} requires a Regexp")))
}

fn regex_match(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    regex_arg(vm, args, "match")?;
    regex::first_match(vm, args.get(1), args.this())
}

fn regex_matches(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = this(vm, args)?;
    regex_arg(vm, args, "match?")?;
    regex::is_match(vm, args.get(1), s)
}

fn replace(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    replace_up_to(vm, args, "replace", 1)
}

fn replace_all(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    replace_up_to(vm, args, "replace_all", usize::MAX)
}

fn replace_up_to(vm: &mut Vm, args: Args<'_>, name: &str, times: usize) -> NativeResult {
    let s = this(vm, args)?;
    match pattern(vm, args, name)? {
        Pattern::Text(text) => {
            not_blank(vm, text, name)?;
            let message = format!("String.{name} requires a replacement string");
            let with = text_arg(vm, args.get(2), &message)?;
            let n = s.text().matches(text).count().min(times);
            if n == 0 {
                return Ok(args.this());
            }
            let size = (s.len as usize).saturating_add(n.saturating_mul(with.len()));
            if size > crate::objects::MAX_TEXT {
                return Err(print::too_long(vm));
            }
            sized(vm, size, || s.text().replacen(text, with, n))
        }
        Pattern::Regex => regex::replace(vm, args.get(1), s, args.get(2), times),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, show, vm};
    use super::*;

    enum A {
        I(i64),
        S(&'static str),
        N,
    }
    use A::{I, N, S};

    fn check(text: &str, name: &str, args: &[A], want: &str) {
        let mut vm = vm();
        let mut items = vec![vm.str(text)];
        for a in args {
            items.push(match a {
                I(n) => Value::small_int(*n),
                S(s) => vm.str(s),
                N => Value::NIL,
            });
        }
        let got = call(&mut vm, name, &items);
        let got = match got {
            Ok(v) => print::quoted(&vm, v),
            Err(_) => show(&mut vm, got),
        };
        assert_eq!(got, want, "{text:?} .{name}");
    }

    #[test]
    fn parts_of_strings() {
        check("abcdef", "substr", &[I(2)], "\"cdef\"");
        check("abcdef", "substr", &[I(1), I(3)], "\"bcd\"");
        check("abcdef", "substr", &[I(-3), I(-2)], "\"de\"");
        check("abcdef", "substr", &[I(4), I(99)], "\"ef\"");
        check("abc", "substr", &[I(9), I(12)], "\"\"");
        check("abc", "substr", &[I(0), I(-9)], "\"\"");
        check("añbc", "substr", &[I(1), I(2)], "\"ñb\"");
        check("añb", "reverse", &[], "\"bña\"");
        check("añb", "char_at", &[I(2)], "'b'");
        check(
            "abc",
            "char_at",
            &[I(-1)],
            "error: char_at index out of bounds",
        );
        check("abc", "byte_at", &[I(-1)], "99");
        check(
            "abc",
            "byte_at",
            &[I(3)],
            "error: byte_at index out of bounds",
        );
        check("abcd", "byteslice", &[I(1), I(2)], "0#6263");
        check("a,,b,", "split", &[S(",")], "[\"a\" \"\" \"b\" \"\"]");
        check("", "split", &[S(",")], "[\"\"]");
        check("a,b,c", "split", &[S(","), I(2)], "[\"a\" \"b,c\"]");
        check("x", "append", &[I(1), N, S("y")], "\"x1y\"");
    }

    #[test]
    fn searching() {
        check("banana", "index", &[S("an"), I(2)], "3");
        check("banana", "index", &[S("x")], "-1");
        check("ñandú", "index", &[S("d")], "3");
        check("banana", "rindex", &[S("an")], "3");
        check("banana", "rindex", &[S("an"), I(2)], "1");
        check("banana", "find", &[S("na")], "\"na\"");
        check(
            "banana",
            "find",
            &[S("")],
            "error: String.find pattern cannot be empty",
        );
        check(
            "banana",
            "find",
            &[I(1)],
            "error: String.find expects a Regexp or string pattern",
        );
        check("banana", "find_all", &[S("an")], "[\"an\" \"an\"]");
        check("banana", "replace", &[S("an"), S("AN")], "\"bANana\"");
        check("banana", "gsub", &[S("a"), S("o")], "\"bonono\"");
        check(
            "abc",
            "replace",
            &[S("b")],
            "error: String.replace requires a replacement string",
        );
        check(
            "abc",
            "match",
            &[S("b")],
            "error: String.match requires a Regexp",
        );
        check("hello", "ends_with", &[S("lo")], "true");
        check("", "ends_with", &[S("x")], "false");
    }

    #[test]
    fn numbers_and_case() {
        check(" -7 ", "to_i", &[], "-7");
        check("x1", "to_i", &[], "error: to_i requires a numeric string");
        check("1e3", "to_f", &[], "1000.0");
        check("inf", "to_f", &[], "error: to_f requires a numeric string");
        check("hELLO wORLD", "capitalize", &[], "\"Hello world\"");
        check("héllo", "bytesize", &[], "6");
    }
}

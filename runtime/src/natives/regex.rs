//! Regular expressions (13-regex). Patterns are compiled at their first use.

use super::string::{char_position, split_limit};
use super::*;
use crate::heap::object::{Record, Str};
use crate::heap::table::Table;

/// Flag `i`.
const IGNORE_CASE: u8 = 1;
/// Flag `m`: the dot matches line breaks.
const DOT_ALL: u8 = 2;

pub(super) static METHODS: &[NativeDef] = &[
    def("match", 2, 2, match_method).usage("Regexp.match requires an input string"),
    def("process", 2, 2, match_method).usage("Regexp.process requires an input string"),
    def("match?", 2, 2, matches_method).usage("Regexp.match? requires an input string"),
    def("find", 2, 2, find_method).usage("Regexp.find requires an input string"),
    def("find_all", 2, 2, find_all_method).usage("Regexp.find_all requires an input string"),
    def("scan", 2, 2, find_all_method).usage("Regexp.scan requires an input string"),
    def("split", 2, 3, split_method).usage("Regexp.split requires an input string"),
    def("replace", 2, 3, replace_method).usage("Regexp.replace requires an input string"),
    def("sub", 2, 3, replace_method).usage("Regexp.sub requires an input string"),
    def("replace_all", 2, 3, replace_all_method)
        .usage("Regexp.replace_all requires an input string"),
    def("gsub", 2, 3, replace_all_method).usage("Regexp.gsub requires an input string"),
];

/// A regular expression value: fields are pattern, replacement or nil, flags.
pub fn make(vm: &mut Vm, pattern: &str, replacement: Option<&str>, flags: u8) -> Value {
    let pattern = vm.str(pattern);
    let replacement = match replacement {
        Some(text) => vm.str(text),
        None => Value::NIL,
    };
    let flags = Value::small_int(flags as i64);
    vm.record(Tag::Regex, vec![pattern, replacement, flags], None)
}

/// `(new Regexp pattern [replacement] ^^i ^^m)`
pub(super) fn construct(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let args = Args {
        items: args.from(1),
        ..args
    };
    if !args.has(0) {
        return vm.fail("Regexp.ctor requires a pattern string");
    }
    let pattern = text_arg(vm, args.get(0), "Regexp.ctor expects a string pattern")?;
    if args.items.len() > 2 {
        return vm.fail("Regexp.ctor accepts at most pattern and replacement");
    }
    let replacement = match args.get(1) {
        Value::NIL => None,
        v => Some(text_arg(
            vm,
            v,
            "Regexp.ctor replacement must be a string or nil",
        )?),
    };
    let mut flags = 0;
    for (&key, &value) in args.keys.iter().zip(args.values) {
        let flag = match vm.symbols.text(key) {
            "i" => IGNORE_CASE,
            "m" => DOT_ALL,
            other => return vm.fail(format!("Regexp.ctor unknown flag: {other}")),
        };
        if value.truthy() {
            flags |= flag;
        }
    }
    Ok(make(vm, pattern, replacement, flags))
}

fn flags(r: &Record) -> u8 {
    r.fields[2].as_int() as u8
}

/// Appends the literal: `#/pattern/replacement/flags`.
pub fn write(out: &mut String, r: &Record) {
    out.push_str("#/");
    for &part in r.fields.iter().take(2) {
        let Some(text) = view::text(part) else {
            continue;
        };
        for c in text.chars() {
            if matches!(c, '/' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('/');
    }
    for (flag, c) in [(IGNORE_CASE, 'i'), (DOT_ALL, 'm')] {
        if flags(r) & flag != 0 {
            out.push(c);
        }
    }
}

// ---------------------------------------------------------------- the engine

#[cfg(feature = "regex")]
mod engine {
    pub use fancy_regex::Regex;

    /// Group positions of a match, the whole match first.
    pub type Groups = Vec<Option<(usize, usize)>>;

    pub fn compile(pattern: &str) -> Result<Regex, String> {
        fancy_regex::RegexBuilder::new(pattern)
            .delegate_size_limit(10 << 20)
            .build()
            .map_err(|e| e.to_string())
    }

    pub fn find(re: &Regex, text: &str, from: usize) -> Result<Option<(usize, usize)>, String> {
        let found = re.find_from_pos(text, from).map_err(|e| e.to_string())?;
        Ok(found.map(|m| (m.start(), m.end())))
    }

    pub fn captures(re: &Regex, text: &str, from: usize) -> Result<Option<Groups>, String> {
        let found = re
            .captures_from_pos(text, from)
            .map_err(|e| e.to_string())?;
        Ok(found.map(|c| c.iter().map(|g| g.map(|g| (g.start(), g.end()))).collect()))
    }

    pub fn names(re: &Regex) -> Vec<Option<String>> {
        re.capture_names().map(|n| n.map(str::to_owned)).collect()
    }
}

#[cfg(not(feature = "regex"))]
mod engine {
    pub struct Regex;
    pub type Groups = Vec<Option<(usize, usize)>>;

    pub fn compile(_pattern: &str) -> Result<Regex, String> {
        Err("this build has no regular expressions".to_owned())
    }

    pub fn find(_: &Regex, _: &str, _: usize) -> Result<Option<(usize, usize)>, String> {
        Ok(None)
    }

    pub fn captures(_: &Regex, _: &str, _: usize) -> Result<Option<Groups>, String> {
        Ok(None)
    }

    pub fn names(_: &Regex) -> Vec<Option<String>> {
        Vec::new()
    }
}

use engine::{Groups, Regex};

/// The compiled pattern of a value that is a regular expression.
fn compiled<'a>(vm: &mut Vm, re: Value) -> Result<&'a Regex, Raised> {
    let Some(r) = vm.heap.record_mut(re).filter(|r| r.tag == Tag::Regex) else {
        return Err(vm.error("Regexp methods must be called on a Regexp"));
    };
    if r.data.is_none() {
        let mut pattern = String::new();
        match flags(r) {
            0 => {}
            IGNORE_CASE => pattern.push_str("(?i)"),
            DOT_ALL => pattern.push_str("(?s)"),
            _ => pattern.push_str("(?is)"),
        }
        pattern.push_str(&named_groups(view::text(r.fields[0]).unwrap_or("")));
        match engine::compile(&pattern) {
            Ok(compiled) => r.data = Some(Box::new(compiled)),
            Err(e) => return Err(vm.error(&format!("Invalid regular expression: {e}"))),
        }
        vm.heap.charge(4096);
    }
    match r.data.as_ref().and_then(|d| d.downcast_ref()) {
        Some(compiled) => Ok(compiled),
        None => Err(vm.error("Regexp methods must be called on a Regexp")),
    }
}

/// Writes `(?'name'…)` as `(?<name>…)`.
fn named_groups(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find(['\\', '(']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let quoted = found.strip_prefix("(?'").and_then(|f| f.split_once('\''));
        if let Some((name, behind)) = quoted.filter(|q| is_name(q.0)) {
            out.extend(["(?<", name, ">"]);
            rest = behind;
            continue;
        }
        // A backslash protects the next character.
        let mut chars = found.chars();
        out.extend(chars.next());
        if found.starts_with('\\') {
            out.extend(chars.next());
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn engine_error(vm: &mut Vm, e: &str) -> Raised {
    vm.error(&format!("Regular expression failed: {e}"))
}

/// The next match at or behind a byte position.
fn next_match(
    vm: &mut Vm,
    re: &Regex,
    text: &str,
    from: usize,
) -> Result<Option<(usize, usize)>, Raised> {
    engine::find(re, text, from).map_err(|e| engine_error(vm, &e))
}

/// Where to look for a match behind this one: one character further if it is empty.
fn after(text: &str, m: (usize, usize)) -> Option<usize> {
    if m.1 > m.0 {
        return Some(m.1);
    }
    text[m.1..].chars().next().map(|c| m.1 + c.len_utf8())
}

/// All matches, without overlap.
fn all_matches(vm: &mut Vm, re: &Regex, text: &str) -> Result<Vec<(usize, usize)>, Raised> {
    let mut found = Vec::new();
    let mut from = Some(0);
    while let Some(at) = from
        && let Some(m) = next_match(vm, re, text, at)?
    {
        found.push(m);
        if found.len() % 4096 == 0 {
            reserve(vm, 64 * found.len())?;
        }
        from = after(text, m);
    }
    Ok(found)
}

// ---------------------------------------------------------------- operations

pub(super) fn is_match(vm: &mut Vm, re: Value, s: &Str) -> NativeResult {
    let re = compiled(vm, re)?;
    Ok(Value::bool(next_match(vm, re, s.text(), 0)?.is_some()))
}

/// The first matched text, or nil.
pub(super) fn find(vm: &mut Vm, re: Value, s: &Str) -> NativeResult {
    let re = compiled(vm, re)?;
    Ok(match next_match(vm, re, s.text(), 0)? {
        Some((start, end)) => vm.str(&s.text()[start..end]),
        None => Value::NIL,
    })
}

/// The texts of all matches.
pub(super) fn find_all(vm: &mut Vm, re: Value, s: &Str) -> NativeResult {
    let re = compiled(vm, re)?;
    let found = all_matches(vm, re, s.text())?;
    reserve(vm, 64 * found.len())?;
    let texts = found.iter().map(|m| vm.str(&s.text()[m.0..m.1])).collect();
    Ok(vm.array(texts))
}

/// Byte position of the first match at or behind another.
pub(super) fn find_at(
    vm: &mut Vm,
    re: Value,
    s: &Str,
    from: usize,
) -> Result<Option<usize>, Raised> {
    let re = compiled(vm, re)?;
    Ok(next_match(vm, re, s.text(), from)?.map(|m| m.0))
}

/// Byte position of the last match that starts at most at `limit`.
pub(super) fn find_last(
    vm: &mut Vm,
    re: Value,
    s: &Str,
    limit: usize,
) -> Result<Option<usize>, Raised> {
    let re = compiled(vm, re)?;
    let text = s.text();
    let (mut last, mut from) = (None, Some(0));
    while let Some(at) = from
        && let Some(m) = next_match(vm, re, text, at)?.filter(|m| m.0 <= limit)
    {
        last = Some(m.0);
        // Matches may overlap here: the next may start one character further.
        from = after(text, (m.0, m.0));
    }
    Ok(last)
}

/// The pieces between matches, at most `limit`.
pub(super) fn split(vm: &mut Vm, re: Value, s: &Str, limit: usize) -> NativeResult {
    let re = compiled(vm, re)?;
    let text = s.text();
    let mut pieces = Vec::new();
    let mut start = 0;
    for m in all_matches(vm, re, text)? {
        if pieces.len() + 1 >= limit {
            break;
        }
        if m.0 == m.1 && (m.0 == 0 || m.0 == text.len()) {
            continue;
        }
        pieces.push(vm.str(&text[start..m.0]));
        start = m.1;
    }
    pieces.push(vm.str(&text[start..]));
    Ok(vm.array(pieces))
}

/// Replaces the first `times` matches.
pub(super) fn replace(
    vm: &mut Vm,
    re: Value,
    s: &Str,
    replacement: Value,
    times: usize,
) -> NativeResult {
    let default = view::record(re).map_or(Value::NIL, |r| r.fields[1]);
    let with = match (replacement, default) {
        (Value::NIL, Value::NIL) => return vm.fail("Replacement string is required"),
        (Value::NIL, with) | (with, _) => text_arg(vm, with, "Replacement must be a string")?,
    };
    let re = compiled(vm, re)?;
    let text = s.text();
    let mut out = String::new();
    let (mut done, mut copied, mut from) = (0, 0, Some(0));
    while done < times
        && let Some(at) = from
    {
        let groups = engine::captures(re, text, at).map_err(|e| engine_error(vm, &e))?;
        let Some((groups, whole)) = groups.and_then(|g| g[0].map(|w| (g, w))) else {
            break;
        };
        out.push_str(&text[copied..whole.0]);
        expand(&mut out, with, re, text, &groups);
        copied = whole.1;
        from = after(text, whole);
        done += 1;
        if out.len() > crate::objects::MAX_TEXT || vm.heap.would_exceed(out.len()) {
            return Err(crate::print::too_long(vm));
        }
    }
    out.push_str(&text[copied..]);
    Ok(vm.str(&out))
}

/// Appends replacement text with its references to groups resolved (13-regex §5).
fn expand(out: &mut String, with: &str, re: &Regex, text: &str, groups: &Groups) {
    let group = |n: usize| {
        groups
            .get(n)
            .copied()
            .flatten()
            .map_or("", |g| &text[g.0..g.1])
    };
    let mut rest = with;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let digits = behind.len()
            - behind
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        if digits > 0 {
            out.push_str(group(behind[..digits].parse().unwrap_or(usize::MAX)));
            rest = &behind[digits..];
        } else if let Some(other) = behind.strip_prefix('\\') {
            out.push('\\');
            rest = other;
        } else if let Some((name, other)) = reference(behind) {
            let names = engine::names(re);
            let n = names.iter().position(|n| n.as_deref() == Some(name));
            out.push_str(n.map_or("", group));
            rest = other;
        } else {
            out.push('\\');
            rest = behind;
        }
    }
    out.push_str(rest);
}

/// `k<name>`, `k'name'`, `g<name>`, `g'name'`, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix(['k', 'g'])?;
    if let Some(text) = text.strip_prefix('<') {
        return text.split_once('>');
    }
    text.strip_prefix('\'')?.split_once('\'')
}

/// Match object for the first match, or nil. Its fields are in the order of `MEMBERS`.
pub(super) fn first_match(vm: &mut Vm, re: Value, subject: Value) -> NativeResult {
    let re = compiled(vm, re)?;
    let Some(s) = view::string(subject) else {
        return Ok(Value::NIL);
    };
    let text = s.text();
    let found = engine::captures(re, text, 0).map_err(|e| engine_error(vm, &e))?;
    let Some((groups, whole)) = found.and_then(|g| g[0].map(|w| (g, w))) else {
        return Ok(Value::NIL);
    };
    let part = |vm: &mut Vm, g: Option<(usize, usize)>| match g {
        Some((start, end)) => vm.str(&text[start..end]),
        None => vm.str(""),
    };
    let captures: Vec<Value> = groups[1..].iter().map(|&g| part(vm, g)).collect();
    let mut named = Table::default();
    for (i, name) in engine::names(re).into_iter().enumerate().skip(1) {
        if let Some(name) = name {
            let key = vm.str(&name);
            Vm::table_set(&mut named, key, captures[i - 1]);
        }
    }
    let fields = vec![
        vm.str(&text[whole.0..whole.1]),
        vm.array(captures),
        vm.table_obj(Kind::Map, named),
        Value::small_int(char_position(s, whole.0) as i64),
        Value::small_int(char_position(s, whole.1) as i64),
        vm.str(&text[..whole.0]),
        vm.str(&text[whole.1..]),
    ];
    Ok(vm.record(Tag::Match, fields, None))
}

const MEMBERS: [&str; 7] = [
    "value",
    "captures",
    "named_captures",
    "start",
    "end",
    "pre_match",
    "post_match",
];

/// `m/value` and relatives.
pub(super) fn match_member(vm: &Vm, v: Value, name: Symbol) -> Value {
    let name = vm.symbols.text(name);
    let at = MEMBERS.iter().position(|&m| m == name);
    let found = at.and_then(|i| view::record(v)?.fields.get(i).copied());
    found.unwrap_or(Value::VOID)
}

// ---------------------------------------------------------------- methods

fn subject<'a>(vm: &mut Vm, args: Args<'_>, name: &str) -> Result<&'a Str, Raised> {
    view::string(args.get(1))
        .ok_or_else(|| vm.error(&format!("Regexp.{name} expects a Regexp and string")))
}

fn match_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    subject(vm, args, "match")?;
    first_match(vm, args.this(), args.get(1))
}

fn matches_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = subject(vm, args, "match?")?;
    is_match(vm, args.this(), s)
}

fn find_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = subject(vm, args, "find")?;
    find(vm, args.this(), s)
}

fn find_all_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = subject(vm, args, "find_all")?;
    find_all(vm, args.this(), s)
}

fn split_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = subject(vm, args, "split")?;
    let limit = split_limit(vm, args.get(2))?;
    split(vm, args.this(), s, limit)
}

fn replace_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = subject(vm, args, "replace")?;
    replace(vm, args.this(), s, args.get(2), 1)
}

fn replace_all_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let s = subject(vm, args, "replace_all")?;
    replace(vm, args.this(), s, args.get(2), usize::MAX)
}

#[cfg(all(test, feature = "regex"))]
mod tests {
    use super::super::testing::{call, show, vm};
    use super::*;

    fn check(pattern: &str, name: &str, args: &[&str], want: &str) {
        let mut vm = vm();
        let mut items = vec![make(&mut vm, pattern, None, 0)];
        items.extend(args.iter().map(|a| vm.str(a)));
        let got = call(&mut vm, name, &items);
        assert_eq!(show(&mut vm, got), want, "{pattern} .{name}");
    }

    #[test]
    fn finding_splitting_replacing() {
        check("\\d+", "find_all", &["a12b345"], "[12 345]");
        check("\\w+(?=!)", "find", &["stop now!"], "now");
        check("(.)\\1", "find", &["abccd"], "cc");
        check("\\d", "split", &["a1b2"], "[a b ]");
        check("(\\d)", "replace_all", &["a1b2", "[\\1]"], "a[1]b[2]");
        check(
            "(?<f>\\w+) (?'l'\\w+)",
            "gsub",
            &["ann lee", "\\k<l>-\\g'f'"],
            "lee-ann",
        );
        check(
            "a",
            "replace",
            &["abc"],
            "error: Replacement string is required",
        );
        check("", "gsub", &["ab", "-"], "-a-b-");
        check("z", "match", &["abc"], "nil");
        check(
            "(",
            "match?",
            &["abc"],
            "error: Invalid regular expression: Parsing error at position 1: Opening parenthesis without closing parenthesis",
        );
    }

    #[test]
    fn matches_have_members() {
        let mut vm = vm();
        let re = make(&mut vm, "(ö)(x)?", None, 0);
        let s = vm.str("schön");
        let m = call(&mut vm, "match", &[re, s]).unwrap();
        for (name, want) in [
            ("value", "ö"),
            ("start", "3"),
            ("end", "4"),
            ("captures", "[ö ]"),
            ("post_match", "n"),
            ("no", "void"),
        ] {
            let name = vm.symbols.intern(name);
            let got = Ok(match_member(&vm, m, name));
            assert_eq!(show(&mut vm, got), want);
        }
    }
}

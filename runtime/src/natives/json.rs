//! Plain and tagged JSON (15-serialization §1, §2).

use super::*;
use crate::heap::table::Table;
use crate::print;
use gene_format::text::format_float;
use std::fmt::Write;

/// Members of `gene/json`.
pub(super) static IN_JSON: &[NativeDef] = &[
    def("parse", 1, 1, parse).usage("json.parse expects a string"),
    def("stringify", 1, 1, to_json).usage("json.stringify requires a value"),
    def("serialize", 1, 1, serialize).usage("json.serialize requires a value"),
    def("deserialize", 1, 1, deserialize).usage("json.deserialize expects a string"),
];

/// Values nested deeper than this are refused.
const MAX_NESTING: usize = 1000;

/// Marks strings that stand for other values.
const TAG: &str = "#GENE#";

// ---------------------------------------------------------------- writing

/// `.to_json`, `json/stringify`
pub(super) fn to_json(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut out = String::new();
    write_plain(vm, &mut out, args.get(0), 0)?;
    Ok(vm.str(&out))
}

fn check(vm: &mut Vm, out: &str, depth: usize) -> Result<(), Raised> {
    if depth > MAX_NESTING {
        return Err(vm.error("JSON is nested too deeply"));
    }
    if out.len() > 1 << 16 && vm.heap.would_exceed(out.len()) {
        return Err(print::too_long(vm));
    }
    Ok(())
}

fn write_plain(vm: &mut Vm, out: &mut String, v: Value, depth: usize) -> Result<(), Raised> {
    check(vm, out, depth)?;
    match v.kind() {
        Some(Kind::Str) => write_string(out, view::text(v).unwrap_or("")),
        Some(Kind::Array) => {
            let items = view::array(v).map_or(&[][..], |a| a.items.as_slice());
            return write_list(vm, out, items, depth, write_plain);
        }
        Some(Kind::Map) => {
            out.push('{');
            for (i, e) in view::map(v)
                .into_iter()
                .flat_map(|m| m.table.iter())
                .enumerate()
            {
                separate(out, i);
                write_string(out, view::text(e.key).unwrap_or(""));
                out.push(':');
                write_plain(vm, out, e.value, depth + 1)?;
            }
            out.push('}');
        }
        Some(Kind::BigInt) => write_int(out, v),
        None if v == Value::NIL => out.push_str("null"),
        None if v.is_bool() || v.is_int() || v.is_float() => {
            out.push_str(&print::quoted(vm, v));
        }
        None if v.is_symbol() => write_string(out, vm.name_text(v).unwrap_or("")),
        _ => {
            let text = print::quoted(vm, v);
            write_string(out, &text);
        }
    }
    Ok(())
}

type Writer = fn(&mut Vm, &mut String, Value, usize) -> Result<(), Raised>;

fn write_list(
    vm: &mut Vm,
    out: &mut String,
    items: &[Value],
    depth: usize,
    write: Writer,
) -> Result<(), Raised> {
    out.push('[');
    for (i, &item) in items.iter().enumerate() {
        separate(out, i);
        write(vm, out, item, depth + 1)?;
    }
    out.push(']');
    Ok(())
}

fn separate(out: &mut String, i: usize) {
    if i > 0 {
        out.push(',');
    }
}

fn write_int(out: &mut String, v: Value) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{}", view::int(v).unwrap_or(0));
}

/// A JSON string; characters outside ASCII stay as they are.
fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `json/serialize`
pub(super) fn serialize(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut out = String::new();
    write_tagged(vm, &mut out, args.get(0), 0)?;
    Ok(vm.str(&out))
}

fn write_tagged(vm: &mut Vm, out: &mut String, v: Value, depth: usize) -> Result<(), Raised> {
    check(vm, out, depth)?;
    if let Some(n) = view::int(v) {
        const EXACT: i64 = (1 << 53) - 1;
        if (-EXACT..=EXACT).contains(&n) {
            write_int(out, v);
        } else {
            write_string(out, &format!("{TAG}{n}"));
        }
        return Ok(());
    }
    match v.kind() {
        Some(Kind::Str) => {
            let text = view::text(v).unwrap_or("");
            if text.starts_with(TAG) {
                let mut literal = TAG.to_owned();
                write_string(&mut literal, text);
                write_string(out, &literal);
            } else {
                write_string(out, text);
            }
        }
        Some(Kind::Array) => {
            let items = view::array(v).map_or(&[][..], |a| a.items.as_slice());
            return write_list(vm, out, items, depth, write_tagged);
        }
        Some(Kind::Map) => {
            let table = view::map(v).map(|m| m.table.clone()).unwrap_or_default();
            if Vm::table_find_text(&table, "genetype").is_some() {
                return Err(vm.error("Tagged Gene JSON cannot serialize a map with key 'genetype'"));
            }
            out.push('{');
            write_sorted(vm, out, &table, depth, 0)?;
            out.push('}');
        }
        Some(Kind::Gene) => return write_gene(vm, out, v, depth),
        Some(Kind::Path) => write_string(out, &format!("{TAG}{}", print::quoted(vm, v))),
        None if v == Value::NIL => out.push_str("null"),
        None if v.is_bool() => out.push_str(if v == Value::TRUE { "true" } else { "false" }),
        None if v.is_float() => out.push_str(&format_float(v.as_float())),
        None if v.is_symbol() => {
            write_string(out, &format!("{TAG}{}", vm.name_text(v).unwrap_or("")));
        }
        _ => {
            let kind = Builtin::kind_name(v);
            return Err(vm.error(&format!("Tagged Gene JSON does not support {kind}")));
        }
    }
    Ok(())
}

/// Entries in the order of their keys; `before` of them are written already.
fn write_sorted(
    vm: &mut Vm,
    out: &mut String,
    table: &Table,
    depth: usize,
    before: usize,
) -> Result<(), Raised> {
    let mut entries: Vec<(&str, Value)> = table
        .iter()
        .map(|e| (view::text(e.key).unwrap_or(""), e.value))
        .collect();
    entries.sort_by_key(|e| e.0);
    for (i, (key, value)) in entries.into_iter().enumerate() {
        separate(out, i + before);
        write_string(out, key);
        out.push(':');
        write_tagged(vm, out, value, depth + 1)?;
    }
    Ok(())
}

fn write_gene(vm: &mut Vm, out: &mut String, v: Value, depth: usize) -> Result<(), Raised> {
    let Some(g) = view::gene(v) else {
        return Ok(());
    };
    for reserved in ["genetype", "children"] {
        if Vm::table_find_text(&g.props, reserved).is_some() {
            return Err(vm.error(&format!(
                "Tagged Gene JSON cannot serialize a Gene with reserved prop '{reserved}'"
            )));
        }
    }
    out.push_str("{\"genetype\":");
    write_tagged(vm, out, g.head, depth + 1)?;
    write_sorted(vm, out, &g.props, depth, 1)?;
    if !g.children.is_empty() {
        out.push_str(",\"children\":");
        write_list(vm, out, &g.children, depth, write_tagged)?;
    }
    out.push('}');
    Ok(())
}

// ---------------------------------------------------------------- reading

fn parse(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = text_arg(vm, args.get(0), "json.parse expects a string")?;
    read(vm, text, false)
}

pub(super) fn deserialize(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = text_arg(vm, args.get(0), "json.deserialize expects a string")?;
    read(vm, text, true)
}

fn read(vm: &mut Vm, text: &str, tagged: bool) -> NativeResult {
    // A value takes at most some tens of bytes for each byte of text.
    reserve(vm, text.len().saturating_mul(8))?;
    let mut reader = Reader {
        vm,
        text,
        at: 0,
        tagged,
        raised: false,
    };
    let result = reader.value(0).and_then(|v| {
        reader.blanks();
        if reader.at < text.len() {
            Err("end of text expected".to_owned())
        } else {
            Ok(v)
        }
    });
    let (at, raised) = (reader.at, reader.raised);
    match result {
        Ok(v) => Ok(v),
        Err(_) if raised => Err(Raised),
        Err(e) => {
            let before = &text[..at];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count());
            vm.fail(format!("Invalid JSON: input({line}, {column}) Error: {e}"))
        }
    }
}

struct Reader<'a> {
    vm: &'a mut Vm,
    text: &'a str,
    at: usize,
    tagged: bool,
    /// The error is in `vm.raised`.
    raised: bool,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn expect(&mut self, c: u8) -> Result<(), String> {
        self.blanks();
        if self.peek() != c {
            return Err(format!("'{}' expected", c as char));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > MAX_NESTING {
            return Err("nested too deeply".to_owned());
        }
        self.blanks();
        match self.peek() {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => {
                let text = self.string()?;
                match text.strip_prefix(TAG) {
                    Some(data) if self.tagged => self.payload(data),
                    _ => Ok(self.vm.str(&text)),
                }
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                for (word, v) in [
                    ("null", Value::NIL),
                    ("true", Value::TRUE),
                    ("false", Value::FALSE),
                ] {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(v);
                    }
                }
                Err("a value expected".to_owned())
            }
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let word = &rest[..end.unwrap_or(rest.len())];
        let digits = word.trim_start_matches('-');
        let zero =
            digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        if zero || digits.starts_with(['.', '+']) || !word.ends_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("invalid number {word}"));
        }
        self.at += word.len();
        if let Ok(n) = word.parse() {
            return Ok(self.vm.int(n));
        }
        word.parse()
            .map(Value::float)
            .map_err(|_| format!("invalid number {word}"))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let stop = rest.find(['"', '\\']).ok_or("string not closed")?;
            if rest[..stop].bytes().any(|b| b < b' ') {
                return Err("control character in a string".to_owned());
            }
            out.push_str(&rest[..stop]);
            self.at += stop + 1;
            if rest.as_bytes()[stop] == b'"' {
                return Ok(out);
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let c = self.peek();
        self.at += 1;
        Ok(match c {
            b'"' | b'\\' | b'/' => c as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex()?;
                let code = if (0xD800..0xDC00).contains(&high) {
                    if !self.text[self.at..].starts_with("\\u") {
                        return Err("half a surrogate pair".to_owned());
                    }
                    self.at += 2;
                    let low = self.hex()?;
                    0x10000 + ((high - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF)
                } else {
                    high
                };
                char::from_u32(code).ok_or("half a surrogate pair")?
            }
            _ => {
                self.at -= 1;
                return Err("invalid escape".to_owned());
            }
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .ok_or("four hexadecimal digits expected")?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|e| e.to_string())
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == b']' {
            self.at += 1;
            return Ok(self.vm.array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.peek() != b',' {
                break;
            }
            self.at += 1;
        }
        self.expect(b']')?;
        Ok(self.vm.array(items))
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut table = Table::default();
        self.blanks();
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(self.vm.table_obj(Kind::Map, table));
        }
        loop {
            self.blanks();
            if self.peek() != b'"' {
                return Err("a key expected".to_owned());
            }
            let key = self.string()?;
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            let key = self.vm.str(&key);
            Vm::table_set(&mut table, key, value);
            self.blanks();
            if self.peek() != b',' {
                break;
            }
            self.at += 1;
        }
        self.expect(b'}')?;
        if self.tagged && Vm::table_find_text(&table, "genetype").is_some() {
            return self.gene(table);
        }
        Ok(self.vm.table_obj(Kind::Map, table))
    }

    /// An object with `genetype` is a gene.
    fn gene(&mut self, table: Table) -> Result<Value, String> {
        let (mut head, mut children, mut props) = (Value::NIL, Vec::new(), Table::default());
        for e in table.iter() {
            match view::text(e.key) {
                Some("genetype") => head = e.value,
                Some("children") => match view::array(e.value) {
                    Some(a) => children = a.items.as_slice().to_vec(),
                    None => return Err(self.raise("'children' must be an array")),
                },
                _ => Vm::table_set(&mut props, e.key, e.value),
            }
        }
        Ok(self.vm.gene(head, props, children))
    }

    fn raise(&mut self, text: &str) -> String {
        self.vm.error(text);
        self.raised = true;
        String::new()
    }

    /// The Gene value that a tagged string holds.
    fn payload(&mut self, data: &str) -> Result<Value, String> {
        match reader::read_all(self.vm, data) {
            Ok(values) if values.len() == 1 => Ok(values[0]),
            Ok(_) => {
                Err(self.raise("Tagged Gene JSON payload must contain exactly one Gene value"))
            }
            Err(e) => Err(self.raise(&format!("Invalid tagged Gene JSON payload: {e}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{show, vm};
    use super::*;

    fn round(f: fn(&mut Vm, Args<'_>) -> NativeResult, text: &str) -> String {
        let mut vm = vm();
        let v = vm.str(text);
        let v = match f(
            &mut vm,
            Args {
                items: &[v],
                keys: &[],
                values: &[],
            },
        ) {
            Ok(v) => v,
            e => return show(&mut vm, e),
        };
        let back = if std::ptr::fn_addr_eq(f, parse as fn(&mut Vm, Args<'_>) -> NativeResult) {
            to_json
        } else {
            serialize
        };
        let text = back(
            &mut vm,
            Args {
                items: &[v],
                keys: &[],
                values: &[],
            },
        );
        show(&mut vm, text)
    }

    #[test]
    fn plain_json_comes_back() {
        for text in [
            "[1,\"a\",null,true,-2.5]",
            "{\"a\":{\"b\":[]}}",
            "\"\\u0001\\n\\\"é\"",
            "[1.0,1e+20]",
        ] {
            assert_eq!(round(parse, text), text);
        }
        assert_eq!(round(parse, "\"\\ud83d\\ude00\""), "\"😀\"");
        for bad in [
            "",
            "[1",
            "{\"a\" 1}",
            "tru",
            "01",
            "\"\\ud800\"",
            "[1] 2",
            "\"a\nb\"",
        ] {
            assert!(
                round(parse, bad).starts_with("error: Invalid JSON: input(1, "),
                "{bad}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(round(parse, &deep).contains("nested too deeply"));
    }

    #[test]
    fn tagged_json_keeps_symbols_genes_and_large_ints() {
        for text in [
            "\"#GENE#hello\"",
            "{\"genetype\":\"#GENE#f\",\"a\":1,\"b\":2,\"children\":[\"x\"]}",
            "\"#GENE#9223372036854775807\"",
            "\"#GENE#\\\"#GENE#x\\\"\"",
            "\"#GENE#a/b\"",
        ] {
            assert_eq!(round(deserialize, text), text);
        }
        let bad = round(deserialize, "\"#GENE#a b\"");
        assert!(bad.contains("exactly one Gene value"), "{bad}");
    }
}

//! The printed forms of values (02-types §8): plain, quoted, and `to_s`.
//!
//! Printing keeps its own stack, so neither deep nesting nor cycles reach the machine's: below
//! `MAX_DEPTH`, and where a value contains itself, it writes `…`.

use crate::classes::Builtin;
use crate::heap::object::*;
use crate::heap::table::Table;
use crate::heap_view as view;
use crate::natives::temporal::Temporal;
use crate::natives::{NativeResult, Raised, enums, interfaces, regex};
use crate::objects::MAX_TEXT;
use crate::value::Value;
use crate::vm::Vm;
use std::fmt::Write;

/// Containers nested deeper than this are cut.
const MAX_DEPTH: usize = 1000;

/// Bytes written between two looks at the memory limit.
const CHECK_EVERY: usize = 1 << 16;

/// A renderer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// What `print` writes.
    Plain,
    /// Strings and characters in quotes.
    Quoted,
    /// What `to_s` gives for parts of a value.
    Text,
}

/// The text would exceed the memory limit.
#[derive(Clone, Copy, Debug)]
pub struct TooLong;

/// The plain form.
///
/// # Errors
/// A text beyond the memory limit.
pub fn plain(vm: &mut Vm, v: Value) -> Result<String, Raised> {
    let mut out = String::new();
    match write(vm, &mut out, v, Style::Plain) {
        Ok(()) => Ok(out),
        Err(TooLong) => Err(too_long(vm)),
    }
}

/// The quoted form; cut with `…` if it exceeds the memory limit.
pub fn quoted(vm: &Vm, v: Value) -> String {
    let mut out = String::new();
    if write(vm, &mut out, v, Style::Quoted).is_err() {
        out.push('…');
    }
    out
}

/// What `to_s` gives: strings as they are, nothing for nil.
///
/// # Errors
/// A text beyond the memory limit.
pub fn text(vm: &mut Vm, v: Value) -> Result<String, Raised> {
    let mut out = String::new();
    write_text(vm, &mut out, v)?;
    Ok(out)
}

/// Appends what `to_s` gives.
///
/// # Errors
/// A text beyond the memory limit.
pub fn write_text(vm: &mut Vm, out: &mut String, v: Value) -> Result<(), Raised> {
    match view::text(v) {
        Some(text) => out.push_str(text),
        None if v == Value::NIL => {}
        None => write(vm, out, v, Style::Text).map_err(|_| too_long(vm))?,
    }
    check_size(vm, out)
}

/// Raises if a text under construction exceeds the memory limit.
fn check_size(vm: &mut Vm, out: &str) -> Result<(), Raised> {
    if out.len() > MAX_TEXT || out.len() > CHECK_EVERY && vm.heap.would_exceed(out.len()) {
        return Err(too_long(vm));
    }
    Ok(())
}

/// The error for texts that exceed the memory limit.
pub fn too_long(vm: &mut Vm) -> Raised {
    vm.error("Memory limit exceeded: a text is too long")
}

/// An interpolated string.
///
/// # Errors
/// A text beyond the memory limit.
pub fn interpolate(vm: &mut Vm, parts: &[Value]) -> NativeResult {
    let long = |&v: &Value| view::string(v).filter(|text| text.len as usize >= GROWING);
    let (first, rest) = match parts.first().and_then(long) {
        Some(first) => (Some(first), &parts[1..]),
        None => (None, parts),
    };
    let mut out = String::new();
    for &part in rest {
        match view::text(part) {
            Some(text) => out.push_str(text),
            None => match part.as_char() {
                Some(c) => out.push(c),
                None => write(vm, &mut out, part, Style::Quoted).map_err(|_| too_long(vm))?,
            },
        }
        check_size(vm, &out)?;
    }
    match first {
        Some(first) => {
            let chars = out.chars().count();
            vm.append_text(first, &out, chars)
        }
        None => Ok(vm.str(&out)),
    }
}

/// Bytes from which on a text at the start of an interpolation is not copied, but appended to: it
/// may be growing round by round.
const GROWING: usize = 256;

/// Appends a value.
///
/// # Errors
/// A text beyond the memory limit; `out` holds its beginning.
pub fn write(vm: &Vm, out: &mut String, v: Value, style: Style) -> Result<(), TooLong> {
    if leaf(vm, out, v, style) {
        return Ok(());
    }
    let check = out.len() + CHECK_EVERY;
    let mut p = Printer {
        vm,
        out,
        tasks: Vec::new(),
        path: Vec::new(),
        check,
    };
    p.value(v, style);
    while let Some(task) = p.tasks.pop() {
        p.step(task);
        if p.out.len() > p.check {
            if p.out.len() > MAX_TEXT || vm.heap.would_exceed(p.out.capacity()) {
                return Err(TooLong);
            }
            p.check = p.out.len() + CHECK_EVERY;
        }
    }
    Ok(())
}

/// Writes a value without parts; false for others.
fn leaf(vm: &Vm, out: &mut String, v: Value, style: Style) -> bool {
    let quotes = style != Style::Plain;
    let Some(kind) = v.kind() else {
        immediate(vm, out, v, quotes);
        return true;
    };
    match kind {
        Kind::Str => {
            let text = view::text(v).unwrap_or("");
            if quotes {
                out.extend(["\"", text, "\""]);
            } else {
                out.push_str(text);
            }
        }
        Kind::BigInt => out.push_str(itoa::Buffer::new().format(view::int(v).unwrap_or(0))),
        Kind::Path => path(vm, out, v),
        Kind::Range => range(vm, out, v),
        Kind::Bytes => {
            let data = view::bytes(v).map_or(&[][..], |b| &b.data);
            out.push_str(&gene_format::text::format_bytes(data));
        }
        Kind::Class if style == Style::Text => {
            out.push_str(view::class(v).map_or("", |c| vm.symbols.text(c.name)));
        }
        Kind::Array | Kind::Map | Kind::HashMap | Kind::HashSet | Kind::Gene => return false,
        Kind::Record => return record(vm, out, v, style),
        _ => out.push_str(Builtin::kind_name(v)),
    }
    true
}

fn immediate(vm: &Vm, out: &mut String, v: Value, quotes: bool) {
    if v.is_int() {
        out.push_str(itoa::Buffer::new().format(v.as_int()));
    } else if v.is_float() {
        out.push_str(&gene_format::text::format_float(v.as_float()));
    } else if let Some(s) = v.as_symbol() {
        out.push_str(vm.symbols.text(s));
    } else if let Some(c) = v.as_char() {
        if quotes {
            out.extend(['\'', c, '\'']);
        } else {
            out.push(c);
        }
    } else {
        out.push_str(match v {
            Value::NIL => "nil",
            Value::TRUE => "true",
            Value::FALSE => "false",
            Value::NOT_FOUND => "not_found",
            Value::PLACEHOLDER => "_",
            _ => "void",
        });
    }
}

fn put(out: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(args);
}

fn path(vm: &Vm, out: &mut String, v: Value) {
    let parts = view::path(v).map_or(&[][..], |p| &p.parts);
    for (i, &part) in parts.iter().enumerate() {
        if i > 0 {
            out.push('/');
        }
        out.push_str(vm.symbols.text(part));
    }
}

fn range(vm: &Vm, out: &mut String, v: Value) {
    let Some(r) = view::range(v) else { return };
    leaf(vm, out, r.start, Style::Plain);
    out.push_str("..");
    leaf(vm, out, r.end, Style::Plain);
    if let Some(step) = r.step.filter(|&s| s != 1) {
        put(out, format_args!(" step {step}"));
    }
}

/// Writes a record; false if its parts remain to be written.
fn record(vm: &Vm, out: &mut String, v: Value, style: Style) -> bool {
    let Some(r) = view::record(v) else {
        return true;
    };
    match r.tag {
        Tag::Date | Tag::Time | Tag::DateTime => {
            if let Some(t) = r.data.as_ref().and_then(|d| d.downcast_ref::<Temporal>()) {
                out.push_str(&t.text());
            }
        }
        Tag::Regex => regex::write(out, r),
        Tag::Selector => {
            out.push_str("@(");
            for (i, &part) in r.fields.iter().enumerate() {
                if i > 0 {
                    out.push('/');
                }
                if !leaf(vm, out, part, Style::Plain) {
                    out.push_str(Builtin::kind_name(part));
                }
            }
            out.push(')');
        }
        Tag::Enum => out.push_str(enums::enum_name(v)),
        Tag::Variant => enums::write_variant(out, v),
        Tag::Future => out.push_str(future_state(vm, r)),
        Tag::Interface if style == Style::Plain => out.push_str("VkInterface"),
        Tag::Adapter if style == Style::Plain => out.push_str("VkAdapter"),
        Tag::Interface => put(out, format_args!("<Interface {}>", interfaces::name(vm, v))),
        Tag::Type | Tag::EnumValue | Tag::Adapter => return false,
        _ => out.push_str(Builtin::kind_name(v)),
    }
    true
}

fn future_state(vm: &Vm, r: &Record) -> &'static str {
    let state = r
        .fields
        .first()
        .and_then(|s| s.as_symbol())
        .map(|s| vm.symbols.text(s));
    match state {
        Some("success") => "<Future FsSuccess>",
        Some("failure") => "<Future FsFailure>",
        Some("cancelled") => "<Future FsCancelled>",
        _ => "<Future FsPending>",
    }
}

/// What remains to be written.
enum Task {
    Value(Value, Style),
    Text(&'static str),
    /// Closes a container.
    Close(&'static str),
    /// The elements of an array, children of a gene, or payload of an enum value from here on;
    /// true if something stands before them.
    Items(Value, usize, Style, bool),
    /// The entries from this place on.
    Entries(Value, usize, Style, bool),
}

struct Printer<'a> {
    vm: &'a Vm,
    out: &'a mut String,
    tasks: Vec<Task>,
    /// Containers around the current one.
    path: Vec<Value>,
    check: usize,
}

impl Printer<'_> {
    fn step(&mut self, task: Task) {
        match task {
            Task::Value(v, style) => self.value(v, style),
            Task::Text(text) => self.out.push_str(text),
            Task::Close(text) => {
                self.out.push_str(text);
                self.path.pop();
            }
            Task::Items(v, at, style, behind) => self.items(v, at, style, behind),
            Task::Entries(v, at, style, behind) => self.entries(v, at, style, behind),
        }
    }

    fn value(&mut self, v: Value, style: Style) {
        if leaf(self.vm, self.out, v, style) {
            return;
        }
        if self.path.len() >= MAX_DEPTH || self.path.contains(&v) {
            self.out.push('…');
            return;
        }
        self.path.push(v);
        let sealed = style != Style::Text && view::is_sealed(v);
        match v.kind() {
            Some(Kind::Array) => {
                self.out.push_str(if sealed { "#[" } else { "[" });
                self.tasks
                    .extend([Task::Close("]"), Task::Items(v, 0, style, false)]);
            }
            Some(Kind::Map) => {
                self.out.push_str(if sealed { "#{" } else { "{" });
                self.tasks
                    .extend([Task::Close("}"), Task::Entries(v, 0, style, false)]);
            }
            Some(Kind::HashMap) => {
                self.out.push_str(if sealed { "#{{" } else { "{{" });
                self.tasks
                    .extend([Task::Close("}}"), Task::Entries(v, 0, style, false)]);
            }
            Some(Kind::HashSet) => {
                self.out.push_str("(HashSet");
                self.tasks
                    .extend([Task::Close(")"), Task::Entries(v, 0, style, true)]);
            }
            Some(Kind::Gene) => self.gene(v, style, sealed),
            _ => self.record(v),
        }
    }

    fn gene(&mut self, v: Value, style: Style, sealed: bool) {
        let Some(g) = view::gene(v) else { return };
        let inner = if style == Style::Text {
            Style::Text
        } else {
            Style::Quoted
        };
        self.out.push_str(if sealed { "#(" } else { "(" });
        let head = style != Style::Text || g.head != Value::NIL;
        let behind_props = head || !g.props.is_empty();
        self.tasks.extend([
            Task::Close(")"),
            Task::Items(v, 0, inner, behind_props),
            Task::Entries(v, 0, inner, head),
        ]);
        if head {
            self.tasks.push(Task::Value(g.head, inner));
        }
    }

    fn record(&mut self, v: Value) {
        let Some(r) = view::record(v) else { return };
        match r.tag {
            Tag::EnumValue => {
                self.out.push('(');
                enums::write_variant(self.out, r.fields[0]);
                self.tasks
                    .extend([Task::Close(")"), Task::Items(v, 0, Style::Quoted, true)]);
            }
            Tag::Adapter => {
                let name = interfaces::name(self.vm, r.fields[0]);
                put(self.out, format_args!("<Adapter:{name} "));
                self.tasks
                    .extend([Task::Close(">"), Task::Value(r.fields[1], Style::Quoted)]);
            }
            _ => {
                let form = r.fields.first().copied().unwrap_or(Value::NIL);
                self.tasks
                    .extend([Task::Close(""), Task::Value(form, Style::Quoted)]);
            }
        }
    }

    fn items(&mut self, v: Value, at: usize, style: Style, behind: bool) {
        let items = match v.kind() {
            Some(Kind::Array) => view::array(v).map(|a| a.items.as_slice()),
            Some(Kind::Gene) => view::gene(v).map(|g| g.children.as_slice()),
            _ => view::record(v).map(|r| &r.fields[1..]),
        };
        // Elements without parts are written at once.
        let (mut at, mut behind) = (at, behind);
        for &item in items.unwrap_or(&[]).iter().skip(at) {
            if behind {
                self.out.push(' ');
            }
            at += 1;
            behind = true;
            if !leaf(self.vm, self.out, item, style) {
                self.tasks
                    .extend([Task::Items(v, at, style, true), Task::Value(item, style)]);
                return;
            }
            if self.out.len() > self.check {
                self.tasks.push(Task::Items(v, at, style, true));
                return;
            }
        }
    }

    fn entries(&mut self, v: Value, at: usize, style: Style, behind: bool) {
        let Some(table) = table_of(v) else { return };
        let mut at = at;
        while at < table.places() && table.at(at).is_none() {
            at += 1;
        }
        let Some(entry) = table.at(at) else { return };
        if behind {
            self.out.push(' ');
        }
        self.tasks.push(Task::Entries(v, at + 1, style, true));
        match v.kind() {
            Some(Kind::HashMap) => self.tasks.extend([
                Task::Value(entry.value, style),
                Task::Text(" "),
                Task::Value(entry.key, style),
            ]),
            Some(Kind::HashSet) => self.tasks.push(Task::Value(entry.key, style)),
            _ => {
                self.out
                    .extend(["^", view::text(entry.key).unwrap_or(""), " "]);
                self.tasks.push(Task::Value(entry.value, style));
            }
        }
    }
}

fn table_of<'a>(v: Value) -> Option<&'a Table> {
    match v.kind()? {
        Kind::Map => view::map(v).map(|m| &m.table),
        Kind::HashMap => view::hash_map(v).map(|m| &m.table),
        Kind::HashSet => view::hash_set(v).map(|m| &m.table),
        _ => view::gene(v).map(|g| &g.props),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::natives::testing::vm;

    #[test]
    fn the_three_renderers_differ_as_documented() {
        let mut vm = vm();
        let (a, b) = (vm.str("a"), vm.str("b"));
        let inner = vm.array(vec![b]);
        let list = vm.array(vec![a, Value::char('c'), Value::NIL, inner]);
        assert_eq!(plain(&mut vm, list).unwrap(), "[a c nil [b]]");
        assert_eq!(quoted(&vm, list), "[\"a\" 'c' nil [\"b\"]]");
        assert_eq!(text(&mut vm, list).unwrap(), "[\"a\" 'c' nil [\"b\"]]");
        assert_eq!(text(&mut vm, a).unwrap(), "a");
        assert_eq!(text(&mut vm, Value::NIL).unwrap(), "");
        let map = vm.map_of(&[("k", a)]);
        assert_eq!(plain(&mut vm, map).unwrap(), "{^k a}");
        view::set_flag(map, SEALED);
        assert_eq!(plain(&mut vm, map).unwrap(), "#{^k a}");
        assert_eq!(text(&mut vm, map).unwrap(), "{^k \"a\"}");
        let f = vm.symbol("f");
        let gene = vm.gene(f, Table::default(), vec![a, list]);
        assert_eq!(
            plain(&mut vm, gene).unwrap(),
            "(f \"a\" [\"a\" 'c' nil [\"b\"]])"
        );
        let gene = vm.gene(Value::NIL, Table::default(), vec![a]);
        assert_eq!(plain(&mut vm, gene).unwrap(), "(nil \"a\")");
        assert_eq!(text(&mut vm, gene).unwrap(), "(\"a\")");
        let class = Value::obj(vm.class(Builtin::Array));
        assert_eq!(plain(&mut vm, class).unwrap(), "VkClass");
        assert_eq!(text(&mut vm, class).unwrap(), "Array");
    }

    #[test]
    fn cycles_and_depth_end_in_an_ellipsis() {
        let mut vm = vm();
        let a = vm.array(vec![Value::small_int(1)]);
        if let Some(items) = vm.heap.array_mut(a) {
            items.items.with(|v| v.push(a));
        }
        assert_eq!(plain(&mut vm, a).unwrap(), "[1 …]");
        let mut deep = vm.array(Vec::new());
        for _ in 0..100_000 {
            deep = vm.array(vec![deep]);
        }
        let text = plain(&mut vm, deep).unwrap();
        assert_eq!(text, format!("{}…{}", "[".repeat(1000), "]".repeat(1000)));
    }

    #[test]
    fn a_text_beyond_the_memory_limit_raises() {
        let options = crate::vm::Options {
            max_memory: 64 << 20,
            ..Default::default()
        };
        let mut vm = Vm::new(options);
        let mut v = vm.array(vec![Value::TRUE]);
        for _ in 0..60 {
            v = vm.array(vec![v, v]);
        }
        assert!(plain(&mut vm, v).is_err());
        assert!(
            vm.message_of(vm.raised)
                .starts_with("Memory limit exceeded")
        );
    }
}

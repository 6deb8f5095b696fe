//! Reading Gene text as data: `gene/parse`, `gene/parse_file`, `gene/parser` (14-stdlib §2).
//! The reader is the one of the data notation; no compiler is needed.

use super::*;
use crate::evaluate::is_code;
use crate::heap::object::SEALED;
use crate::heap::table::Table;
use gene_format::text::{Entries, Form, FormKind, read_one};

pub(super) static METHODS: &[NativeDef] = &[
    def("read", 1, 1, parser_read),
    def("close", 1, 1, parser_close),
];

pub(super) static GLOBALS: &[NativeDef] = &[
    def("parse", 1, 1, parse).usage("parse requires a string"),
    def("#parse", 1, 1, parse),
    def("#eval", 2, 2, eval),
    def("#parse_all", 1, 1, parse_all),
    def("#parser", 1, 1, parser),
];

/// Hidden fields of parsers: the forms that are left, the next one first to go from the end.
const FORMS: &str = "#forms";

/// `(#eval data scope)`: data that is not code evaluates to itself; what an evaluator makes of
/// code is called instead of this.
fn eval(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let data = args.get(0);
    if !is_code(data) {
        return Ok(data);
    }
    let function = vm.evaluate(data, args.get(1))?;
    vm.redirect = Some(function);
    Err(Raised)
}

/// `(#parser text)`: an object with `.read` and `.close`.
fn parser(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let forms = parse_all(vm, args)?;
    if let Some(a) = vm.heap.array_mut(forms) {
        a.items.as_mut_slice().reverse();
    }
    let class = vm.class(Builtin::Parser);
    let v = vm.instance(class);
    let name = vm.symbols.intern(FORMS);
    vm.set_field(v, name, forms);
    Ok(v)
}

/// The next form, nil at the end.
fn parser_read(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = vm.symbols.intern(FORMS);
    let forms = vm
        .get_field(args.this(), name)
        .and_then(|v| vm.heap.array_mut(v));
    Ok(forms
        .and_then(|a| a.items.with(Vec::pop))
        .unwrap_or(Value::NIL))
}

fn parser_close(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = vm.symbols.intern(FORMS);
    vm.set_field(args.this(), name, Value::NIL);
    Ok(Value::NIL)
}

/// Reads one form of a text; what is behind it is ignored.
fn parse(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = text_arg(vm, args.get(0), "parse requires a string")?;
    match read_one(text.as_bytes()) {
        Ok((form, _)) => Ok(value_of(vm, &form)),
        Err(e) => vm.fail(e.to_string()),
    }
}

/// `(#parse_all text)`: array of all forms.
fn parse_all(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = text_arg(vm, args.get(0), "parse requires a string")?;
    match read_all(vm, text) {
        Ok(values) => Ok(vm.array(values)),
        Err(e) => vm.fail(e),
    }
}

/// All forms of a text.
///
/// # Errors
/// What the reader says.
pub(super) fn read_all(vm: &mut Vm, text: &str) -> Result<Vec<Value>, String> {
    let result = gene_format::text::read_all(text.as_bytes());
    if let Some(e) = result.errors.first() {
        return Err(e.to_string());
    }
    Ok(result.forms.iter().map(|f| value_of(vm, f)).collect())
}

/// The value of a form. Recursion is bounded by the depth of forms.
pub fn value_of(vm: &mut Vm, form: &Form) -> Value {
    match &form.kind {
        FormKind::Nil => Value::NIL,
        FormKind::Void => Value::VOID,
        FormKind::Bool(b) => Value::bool(*b),
        FormKind::Int(n) => vm.int(*n),
        FormKind::Float(f) => Value::float(*f),
        FormKind::Char(c) => Value::char(*c),
        FormKind::Str(text) => vm.str(text),
        FormKind::Symbol(text) => match &**text {
            "not_found" => Value::NOT_FOUND,
            "_" => Value::PLACEHOLDER,
            text => vm.symbol(text),
        },
        FormKind::Path(parts) => {
            let parts = parts.iter().map(|p| vm.symbols.intern(p)).collect();
            vm.path(parts)
        }
        FormKind::Bytes(data) => vm.bytes(data),
        FormKind::Temporal(t) => temporal::make(
            vm,
            t.date,
            t.time,
            t.offset,
            t.zone.as_deref().map(str::to_owned),
        ),
        FormKind::Regex(r) => {
            let flags = u8::from(r.ignore_case) | u8::from(r.dot_all) << 1;
            regex::make(vm, &r.pattern, r.replacement.as_deref(), flags)
        }
        FormKind::Array(list) => {
            let items = list.items.iter().map(|f| value_of(vm, f)).collect();
            let v = vm.array(items);
            seal(v, list.sealed)
        }
        FormKind::Map(entries) => {
            let table = table(vm, entries);
            let v = vm.table_obj(Kind::Map, table);
            seal(v, entries.sealed)
        }
        FormKind::HashMap(list) => {
            let mut table = Table::default();
            for pair in list.items.chunks_exact(2) {
                let (key, value) = (value_of(vm, &pair[0]), value_of(vm, &pair[1]));
                if let Some(hash) = crate::equality::hash(vm, key) {
                    table.set(hash, key, value, |k| {
                        crate::equality::equal(vm, k, key) == Some(true)
                    });
                }
            }
            let v = vm.table_obj(Kind::HashMap, table);
            seal(v, list.sealed)
        }
        FormKind::Gene(g) => {
            let head = value_of(vm, &g.head);
            let entries = Entries {
                entries: g.props.as_slice().into(),
                sealed: false,
            };
            let props = table(vm, &entries);
            let children = g.children.iter().map(|f| value_of(vm, f)).collect();
            let v = vm.gene(head, props, children);
            seal(v, g.sealed)
        }
        FormKind::Quote(inner) => {
            let inner = value_of(vm, inner);
            vm.record(Tag::Quote, vec![inner], None)
        }
        FormKind::Unquote { form, discard } => {
            let inner = value_of(vm, form);
            let tag = if *discard { Tag::Discard } else { Tag::Unquote };
            vm.record(tag, vec![inner], None)
        }
    }
}

fn seal(v: Value, sealed: bool) -> Value {
    if sealed {
        view::set_flag(v, SEALED);
    }
    v
}

fn table(vm: &mut Vm, entries: &Entries) -> Table {
    let mut table = Table::with_capacity(entries.entries.len());
    for e in &entries.entries {
        let key = vm.str(&e.key);
        let value = value_of(vm, &e.value);
        Vm::table_set(&mut table, key, value);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_global, show, vm};

    #[test]
    fn the_first_form_is_read() {
        let mut vm = vm();
        for (text, want) in [
            ("(a ^b 1 [2 'c']) rest", "(a ^b 1 [2 'c'])"),
            ("#[1]", "#[1]"),
            ("a/b", "a/b"),
            ("2026-01-02", "2026-01-02"),
            ("{{1 2}}", "{{1 2}}"),
        ] {
            let v = vm.str(text);
            let got = call_global(&mut vm, "#parse", &[v]);
            assert_eq!(show(&mut vm, got), want);
        }
        let bad = vm.str("(a");
        assert!(call_global(&mut vm, "#parse", &[bad]).is_err());
    }
}

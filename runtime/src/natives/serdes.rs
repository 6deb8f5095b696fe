//! Gene text serialization (15-serialization §3) and `gdat` files (14-stdlib §9): plain data,
//! and references to the standard library.

use super::*;
use crate::capabilities::Content;
use crate::heap::table::Table;
use gene_format::text::{Form, FormKind, Span, write_form};

/// Members of `gene/serdes`.
pub(super) static IN_SERDES: &[NativeDef] = &[
    def("serialize", 1, 1, serialize).usage("serdes.serialize requires a value"),
    def("deserialize", 1, 1, deserialize).usage("serdes.deserialize expects a string"),
];

/// Members of `gdat`.
pub(super) static IN_GDAT: &[NativeDef] = &[
    def("save", 2, 2, save).usage("gdat/save requires a value and a path"),
    def("load", 1, 1, load).usage("gdat/load requires a path"),
];

/// Values nested deeper than this are refused.
const MAX_NESTING: usize = 1000;

const HEADER: &str = "#< gdat 1.0 >#";

fn serialize(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut out = "(gene/serialization ".to_owned();
    write(vm, &mut out, args.get(0), 0)?;
    out.push(')');
    Ok(vm.str(&out))
}

/// A literal as the reader reads it back.
pub fn literal(vm: &Vm, v: Value) -> Option<FormKind> {
    if let Some(n) = view::int(v) {
        return Some(FormKind::Int(n));
    }
    Some(match v.kind() {
        Some(Kind::Str) => FormKind::Str(view::text(v)?.into()),
        Some(_) => return None,
        None if v == Value::NIL => FormKind::Nil,
        None if v == Value::VOID => FormKind::Void,
        None if v.is_bool() => FormKind::Bool(v == Value::TRUE),
        None if v.is_float() => FormKind::Float(v.as_float()),
        None => match (v.as_char(), v.as_symbol()) {
            (Some(c), _) => FormKind::Char(c),
            (_, Some(s)) => FormKind::Symbol(vm.symbols.text(s).into()),
            _ => return None,
        },
    })
}

fn write(vm: &mut Vm, out: &mut String, v: Value, depth: usize) -> Result<(), Raised> {
    if depth > MAX_NESTING {
        return Err(vm.error("Value is not serializable: nested too deeply"));
    }
    if out.len() > 1 << 16 && vm.heap.would_exceed(out.len()) {
        return Err(crate::print::too_long(vm));
    }
    if let Some(kind) = literal(vm, v) {
        out.push_str(&write_form(&Form {
            kind,
            span: Span::default(),
        }));
        return Ok(());
    }
    if view::is_sealed(v) {
        out.push('#');
    }
    match v.kind() {
        Some(Kind::Array) => {
            out.push('[');
            let items = view::array(v).map_or(&[][..], |a| a.items.as_slice());
            write_items(vm, out, items, depth, false)?;
            out.push(']');
        }
        Some(Kind::Map) => {
            out.push('{');
            if let Some(m) = view::map(v) {
                write_entries(vm, out, &m.table, depth, false)?;
            }
            out.push('}');
        }
        Some(Kind::Gene) => {
            let Some(g) = view::gene(v) else {
                return Ok(());
            };
            out.push('(');
            write(vm, out, g.head, depth + 1)?;
            write_entries(vm, out, &g.props, depth, true)?;
            write_items(vm, out, &g.children, depth, true)?;
            out.push(')');
        }
        _ => write_reference(vm, out, v)?,
    }
    Ok(())
}

fn write_items(
    vm: &mut Vm,
    out: &mut String,
    items: &[Value],
    depth: usize,
    behind: bool,
) -> Result<(), Raised> {
    for (i, &item) in items.iter().enumerate() {
        if i > 0 || behind {
            out.push(' ');
        }
        write(vm, out, item, depth + 1)?;
    }
    Ok(())
}

fn write_entries(
    vm: &mut Vm,
    out: &mut String,
    table: &Table,
    depth: usize,
    behind: bool,
) -> Result<(), Raised> {
    for (i, e) in table.iter().enumerate() {
        if i > 0 || behind {
            out.push(' ');
        }
        out.extend(["^", view::text(e.key).unwrap_or(""), " "]);
        write(vm, out, e.value, depth + 1)?;
    }
    Ok(())
}

/// What has a name in the standard library is written as that name.
fn write_reference(vm: &mut Vm, out: &mut String, v: Value) -> Result<(), Raised> {
    let kind = Builtin::kind_name(v);
    let word = match v.kind() {
        Some(Kind::Class) => "ClassRef",
        Some(Kind::Closure | Kind::Native) => "FunctionRef",
        Some(Kind::Namespace) => "NamespaceRef",
        Some(Kind::Record)
            if matches!(
                view::tag(v),
                Some(Tag::Enum | Tag::Variant | Tag::EnumValue)
            ) =>
        {
            "EnumRef"
        }
        Some(Kind::Instance) => {
            return Err(vm.error(&format!(
                "Value of kind {kind} is not serializable: anonymous instances cannot be \
                 serialized"
            )));
        }
        _ => return Err(vm.error(&format!("Value of kind {kind} is not serializable"))),
    };
    match library_path(vm, v) {
        Some(path) => {
            out.extend(["(", word, " ^path \"", &path, "\")"]);
            Ok(())
        }
        None => Err(vm.error(&format!(
            "Value of kind {kind} is not serializable: no canonical module/path origin"
        ))),
    }
}

/// The path of a value of the standard library.
fn library_path(vm: &mut Vm, v: Value) -> Option<String> {
    if let Some(builtin) = view::class(v).and_then(|c| c.builtin) {
        return Some(builtin.name().to_owned());
    }
    if let Some(n) = view::native(v)
        && vm
            .symbols
            .find(n.def.name)
            .is_some_and(|s| vm.globals.get(&s) == Some(&v))
    {
        return Some(n.def.name.to_owned());
    }
    let gene = vm.builtin("gene").ok()?;
    find_member(gene, v, "gene", 0)
}

fn find_member(ns: Value, v: Value, path: &str, depth: usize) -> Option<String> {
    let members = &view::namespace(ns)?.members;
    let name =
        |e: &crate::heap::table::Entry| format!("{path}/{}", view::text(e.key).unwrap_or(""));
    if let Some(e) = members.iter().find(|e| e.value == v) {
        return Some(name(e));
    }
    if depth > 3 {
        return None;
    }
    members
        .iter()
        .find_map(|e| find_member(e.value, v, &name(e), depth + 1))
}

fn deserialize(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = text_arg(vm, args.get(0), "serdes.deserialize expects a string")?;
    reserve(vm, text.len().saturating_mul(8))?;
    let v = match gene_format::text::read_one(text.as_bytes()) {
        Ok((form, _)) => reader::value_of(vm, &form),
        Err(e) => return vm.fail(e.to_string()),
    };
    let payload = match view::gene(v) {
        Some(g) if crate::print::quoted(vm, g.head) == "gene/serialization" => {
            g.children.first().copied().unwrap_or(Value::NIL)
        }
        _ => v,
    };
    resolve(vm, payload)
}

/// Replaces references by what they name, in place: the data is fresh. Its depth is that of
/// forms.
fn resolve(vm: &mut Vm, v: Value) -> NativeResult {
    match v.kind() {
        Some(Kind::Array) => {
            for i in 0..view::array(v).map_or(0, |a| a.items.len()) {
                let item = view::array(v).map_or(Value::NIL, |a| a.items.as_slice()[i]);
                let item = resolve(vm, item)?;
                if let Some(a) = vm.heap.array_mut(v) {
                    a.items.as_mut_slice()[i] = item;
                }
            }
        }
        Some(Kind::Map) => {
            for place in 0..view::map(v).map_or(0, |m| m.table.places()) {
                let entry = view::map(v).and_then(|m| m.table.at(place)).copied();
                let Some(entry) = entry else { continue };
                let value = resolve(vm, entry.value)?;
                if let Some(m) = vm.heap.map_mut(v) {
                    m.table.set_at(place, value);
                }
            }
        }
        Some(Kind::Gene) => return resolve_gene(vm, v),
        _ => {}
    }
    Ok(v)
}

fn resolve_gene(vm: &mut Vm, v: Value) -> NativeResult {
    let Some(g) = view::gene(v) else { return Ok(v) };
    let head = g.head.as_symbol().map(|s| vm.symbols.text(s));
    if matches!(
        head,
        Some("ClassRef" | "FunctionRef" | "NamespaceRef" | "EnumRef" | "InstanceRef")
    ) {
        return reference(vm, &g.props);
    }
    for i in 0..g.children.len() {
        let child = view::gene(v).map_or(Value::NIL, |g| g.children[i]);
        let child = resolve(vm, child)?;
        if let Some(g) = vm.heap.gene_mut(v) {
            g.children[i] = child;
        }
    }
    for place in 0..view::gene(v).map_or(0, |g| g.props.places()) {
        let entry = view::gene(v).and_then(|g| g.props.at(place)).copied();
        let Some(entry) = entry else { continue };
        let value = resolve(vm, entry.value)?;
        if let Some(g) = vm.heap.gene_mut(v) {
            g.props.set_at(place, value);
        }
    }
    Ok(v)
}

fn reference(vm: &mut Vm, props: &Table) -> NativeResult {
    let prop = |name: &str| {
        Vm::table_find_text(props, name)
            .and_then(|p| props.at(p))
            .map(|e| e.value)
    };
    let path = prop("path").and_then(|v| vm.name_text(v));
    let Some(path) = path else {
        return vm.fail("Serialization reference is missing ^path");
    };
    if let Some(module) = prop("module").and_then(|v| vm.name_text(v)) {
        return vm.fail(format!(
            "Serialized reference not found in module '{module}': {path}"
        ));
    }
    let mut parts = path.split('/');
    let first = vm.symbols.intern(parts.next().unwrap_or(""));
    let mut found = vm.find_global(first).unwrap_or(Value::VOID);
    for part in parts {
        let name = vm.symbols.intern(part);
        found = vm.member(found, name)?;
    }
    if found == Value::VOID {
        return vm.fail(format!("path_to_value: not found: {path}"));
    }
    Ok(found)
}

// ---------------------------------------------------------------- gdat

/// `(gdat/save v path)`: makes directories; gives the path.
fn save(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = text_arg(vm, args.get(1), "gdat/save requires a string path")?;
    let text = json::serialize(vm, args)?;
    let text = format!("{HEADER}\n{}\n", view::text(text).unwrap_or(""));
    let parent = std::path::Path::new(path)
        .parent()
        .filter(|p| !p.as_os_str().is_empty());
    let done = parent.map_or(Ok(()), |folder| vm.options.capabilities.create_dir(folder));
    match done.and_then(|()| files::write_file(vm, path, &text, Content::New)) {
        Ok(()) => Ok(args.get(1)),
        Err(e) => Err(files::failed(vm, "write file", path, &e)),
    }
}

fn load(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = files::read(vm, args)?;
    let text = view::text(text).unwrap_or("");
    let Some(data) = text
        .strip_prefix(HEADER)
        .filter(|d| d.starts_with(['\n', '\r']))
    else {
        return vm.fail(format!("Invalid .gdat file header (expected {HEADER})"));
    };
    let data = vm.str(data);
    json::deserialize(
        vm,
        Args {
            items: &[data],
            keys: &[],
            values: &[],
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{show, vm};
    use super::*;

    fn run(f: fn(&mut Vm, Args<'_>) -> NativeResult, vm: &mut Vm, v: Value) -> NativeResult {
        f(
            vm,
            Args {
                items: &[v],
                keys: &[],
                values: &[],
            },
        )
    }

    #[test]
    fn data_comes_back_and_stays_the_same() {
        let mut vm = vm();
        for text in [
            "(gene/serialization [1 2.5 \"a\\\"b\\n\" 'c' nil void s])",
            "(gene/serialization #[1 #{^k true}])",
            "(gene/serialization (f ^a 1 [2] \"x\"))",
            "(gene/serialization (ClassRef ^path \"String\"))",
            "(gene/serialization (FunctionRef ^path \"gene/json/parse\"))",
        ] {
            let v = vm.str(text);
            let v = run(deserialize, &mut vm, v).unwrap();
            let again = run(serialize, &mut vm, v);
            assert_eq!(show(&mut vm, again), text);
        }
        for (text, want) in [
            (
                "(ClassRef ^path \"Nope\")",
                "error: path_to_value: not found: Nope",
            ),
            (
                "(ClassRef)",
                "error: Serialization reference is missing ^path",
            ),
        ] {
            let v = vm.str(text);
            let got = run(deserialize, &mut vm, v);
            assert_eq!(show(&mut vm, got), want);
        }
    }
}

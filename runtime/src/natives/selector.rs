//! Selector values (17-selectors §3). The steps that may call functions are in `prelude.gene`.

use super::*;

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#selector", 1, ANY, make),
    def("#segments", 1, 1, segments),
    def("#selector_name", 2, 2, name_step),
    def("#selector_index", 2, 2, index_step),
    def("#values_of", 1, 1, values_of),
    def("#entries_of", 1, 1, entries_of),
    def("#entries_to_map", 1, 1, entries_to_map),
];

/// True for the words that stand for operations.
fn is_operator(vm: &Vm, v: Value) -> bool {
    let name = v.as_symbol().map(|s| vm.symbols.text(s));
    matches!(name, Some("*" | "**" | "@" | "@@" | "!"))
}

/// `(#selector segment…)`
fn make(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut segments = Vec::with_capacity(args.items.len());
    for &segment in args.items {
        // A segment that was evaluated may be a symbol; it names a member like a string.
        let segment = match segment.as_symbol() {
            Some(symbol) if !is_operator(vm, segment) => vm.symbol_str(symbol),
            _ => segment,
        };
        segments.push(segment);
        if view::text(segment) == Some("") {
            return vm.fail("@ selector segment cannot be empty");
        }
        let known = segment.is(Kind::Str)
            || view::int(segment).is_some()
            || segment.as_symbol().is_some()
            || is_callable(segment);
        if !known {
            let kind = Builtin::kind_name(segment);
            return vm.fail(format!("Invalid selector segment type: {kind}"));
        }
    }
    Ok(vm.record(Tag::Selector, segments, None))
}

/// `(#segments selector)`
fn segments(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let fields = view::record(args.get(0)).map_or_else(Vec::new, |r| r.fields.clone());
    Ok(vm.array(fields))
}

/// `(#selector_name v name)`: the member; void for other receivers, nil for nil.
fn name_step(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    let Some(name) = crate::types::name_symbol(vm, args.get(1)) else {
        return Ok(Value::VOID);
    };
    vm.member(v, name)
}

/// `(#selector_index v i)`: array element or gene child, else void.
fn index_step(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    match (v.kind(), view::int(args.get(1))) {
        (Some(Kind::Array | Kind::Gene), Some(i)) => vm.index(v, i),
        _ if v == Value::NIL => Ok(Value::NIL),
        _ => Ok(Value::VOID),
    }
}

/// `(#values_of v)`: what `*` expands to; nil where Gene code must iterate.
fn values_of(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    let values = match v.kind() {
        Some(Kind::Array) => view::array(v).map(|a| a.items.as_slice().to_vec()),
        Some(Kind::Gene) => view::gene(v).map(|g| g.children.clone()),
        Some(Kind::Map) => view::map(v).map(|m| m.table.iter().map(|e| e.value).collect()),
        Some(Kind::HashMap) => view::hash_map(v).map(|m| m.table.iter().map(|e| e.value).collect()),
        Some(Kind::HashSet) => view::hash_set(v).map(|m| m.table.iter().map(|e| e.key).collect()),
        Some(Kind::Generator) => return Ok(Value::NIL),
        _ => None,
    };
    let mut values = values.unwrap_or_default();
    values.retain(|&v| v != Value::VOID);
    reserve(vm, 8 * values.len())?;
    Ok(vm.array(values))
}

/// `(#entries_of v)`: what `**` expands to, as `[key value]`; nil where Gene code must iterate.
fn entries_of(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    let mut entries: Vec<(Value, Value)> = match v.kind() {
        Some(Kind::Generator) => return Ok(Value::NIL),
        Some(Kind::Array) => {
            let items = view::array(v).map_or(&[][..], |a| a.items.as_slice());
            let index = |(i, &v): (usize, &Value)| (Value::small_int(i as i64), v);
            items.iter().enumerate().map(index).collect()
        }
        Some(Kind::HashMap) => {
            let table = view::hash_map(v).map(|m| &m.table);
            table
                .into_iter()
                .flat_map(|t| t.iter())
                .map(|e| (e.key, e.value))
                .collect()
        }
        Some(Kind::Class) => {
            let members = view::class(v).map_or(&[][..], |c| &c.members);
            members.iter().map(|m| (Value::symbol(m.0), m.1)).collect()
        }
        Some(Kind::Instance) => {
            let shape = view::instance(v).map(|o| vm.heap.shapes.get(o.header.shape));
            let names = shape.map_or_else(Vec::new, |s| s.fields.to_vec());
            let names = names.into_iter().filter(|&n| n != vm.names.place);
            let field = |n| vm.get_field(v, n).map(|v| (Value::symbol(n), v));
            names.filter_map(field).collect()
        }
        _ => {
            let table = match v.kind() {
                Some(Kind::Map) => view::map(v).map(|m| &m.table),
                Some(Kind::Gene) => view::gene(v).map(|g| &g.props),
                Some(Kind::Namespace) => view::namespace(v).map(|n| &n.members),
                _ => None,
            };
            let mut entries = Vec::new();
            for e in table.into_iter().flat_map(|t| t.iter()) {
                let key = crate::types::name_symbol(vm, e.key).map_or(e.key, Value::symbol);
                entries.push((key, e.value));
            }
            entries
        }
    };
    entries.retain(|e| e.1 != Value::VOID);
    reserve(vm, 64 * entries.len())?;
    let pairs = entries
        .into_iter()
        .map(|(k, v)| vm.array(vec![k, v]))
        .collect();
    Ok(vm.array(pairs))
}

/// `(#entries_to_map entries)`: what `@@` makes.
fn entries_to_map(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let map = vm.map_of(&[]);
    let entries = view::array(args.get(0)).map_or(&[][..], |a| a.items.as_slice());
    for &entry in entries {
        let pair = view::array(entry).map_or(&[][..], |a| a.items.as_slice());
        let [key, value] = pair else { continue };
        let key = match (view::int(*key), vm.key_of(*key)) {
            (Some(n), _) => vm.str(&n.to_string()),
            (None, Some(key)) => key,
            (None, None) => {
                let kind = Builtin::kind_name(*key);
                return vm.fail(format!("Entry key must be string/symbol/int, got {kind}"));
            }
        };
        vm.map_set(map, key, *value);
    }
    Ok(map)
}

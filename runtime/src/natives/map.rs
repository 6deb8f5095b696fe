//! Methods of maps that need no callback (06 §2); the others are in `prelude.gene`.

use super::*;
use crate::heap::object::{MapObj, Over};
use crate::heap::table::Table;

pub(super) static METHODS: &[NativeDef] = &[
    def("size", 1, 1, size),
    def("length", 1, 1, size),
    def("get", 2, 3, get).usage("Map.get requires a key"),
    def("set", 3, 3, set).usage("Map.set requires a key and a value"),
    def("has", 2, 2, has).usage("Map.has requires a key"),
    def("contains", 2, 2, has).usage("Map.contains requires a key"),
    def("del", 2, ANY, del).usage("Map.del requires a key"),
    def("merge", 2, 2, merge).usage("Map.merge requires a map"),
    def("clear", 1, 1, clear),
    def("keys", 1, 1, keys),
    def("values", 1, 1, values),
    def("pairs", 1, 1, pairs),
    def("empty", 1, 1, empty),
    def("empty?", 1, 1, empty),
    def("not_empty?", 1, 1, not_empty),
    def("immutable?", 1, 1, is_sealed),
    def("to_json", 1, 1, json::to_json),
    def("iter", 1, 1, iter),
];

pub(super) static GLOBALS: &[NativeDef] = &[def("#map_set", 3, 3, set_key)];

/// `(new Map ^k v …)`
pub(super) fn construct(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut table = Table::default();
    for (&key, &value) in args.keys.iter().zip(args.values) {
        let key = vm.symbol_str(key);
        Vm::table_set(&mut table, key, value);
    }
    Ok(vm.table_obj(Kind::Map, table))
}

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a MapObj, Raised> {
    view::map(args.this()).ok_or_else(|| vm.error("Map methods must be called on a map"))
}

fn size(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::small_int(this(vm, args)?.table.len() as i64))
}

fn get(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let m = this(vm, args)?;
    match vm.key_of(args.get(1)) {
        Some(key) => Ok(Vm::table_get(&m.table, key).unwrap_or(args.get(2))),
        None => vm.fail("Map.get key must be a string or symbol"),
    }
}

fn set(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    vm.check_mutable(args.this(), "set item on", "Map.set")?;
    let Some(key) = vm.key_of(args.get(1)) else {
        return vm.fail("Map.set key must be a string or symbol");
    };
    vm.map_set(args.this(), key, args.get(2));
    Ok(args.this())
}

/// `(#map_set m key v)`: sets a text key of a map that the prelude just made.
fn set_key(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if let Some(key) = vm.key_of(args.get(1)) {
        vm.map_set(args.get(0), key, args.get(2));
    }
    Ok(args.get(0))
}

fn has(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let m = this(vm, args)?;
    let key = vm.key_of(args.get(1));
    Ok(Value::bool(
        key.is_some_and(|k| Vm::table_find(&m.table, k).is_some()),
    ))
}

fn del(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    vm.check_mutable(args.this(), "delete from", "Map.del")?;
    let mut last = Value::NIL;
    for &key in args.from(1) {
        let key = vm.key_of(key);
        if let (Some(key), Some(m)) = (key, vm.heap.map_mut(args.this()))
            && let Some(old) = Vm::table_remove(&mut m.table, key)
        {
            last = old;
        }
    }
    Ok(last)
}

fn merge(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    vm.check_mutable(args.this(), "merge into", "Map.merge")?;
    let Some(other) = view::map(args.get(1)) else {
        return vm.fail("Map.merge argument must be a map");
    };
    if args.this() != args.get(1) {
        for e in other.table.iter() {
            vm.map_set(args.this(), e.key, e.value);
        }
    }
    Ok(args.this())
}

fn clear(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    vm.check_mutable(args.this(), "clear", "Map.clear")?;
    if let Some(m) = vm.heap.map_mut(args.this()) {
        m.table.clear();
    }
    Ok(args.this())
}

fn keys(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let keys = this(vm, args)?.table.iter().map(|e| e.key).collect();
    Ok(vm.array(keys))
}

fn values(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let values = this(vm, args)?.table.iter().map(|e| e.value).collect();
    Ok(vm.array(values))
}

fn pairs(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let m = this(vm, args)?;
    table_pairs(vm, &m.table)
}

/// `[[key value] …]`
pub(super) fn table_pairs(vm: &mut Vm, table: &Table) -> NativeResult {
    reserve(vm, table.len() * 64)?;
    let pairs = table
        .iter()
        .map(|e| vm.array(vec![e.key, e.value]))
        .collect();
    Ok(vm.array(pairs))
}

fn empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(this(vm, args)?.table.is_empty()))
}

fn not_empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(!this(vm, args)?.table.is_empty()))
}

pub(super) fn is_sealed(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(view::is_sealed(args.this())))
}

/// Over a snapshot; keys come as symbols.
fn iter(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let m = this(vm, args)?;
    let mut items = Vec::with_capacity(2 * m.table.len());
    for e in m.table.iter() {
        let key = crate::types::name_symbol(vm, e.key).map_or(e.key, Value::symbol);
        items.extend([key, e.value]);
    }
    let snapshot = vm.array(items);
    Ok(vm.iterator(snapshot, Over::Map))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, show, vm};
    use super::*;
    use crate::heap::object::SEALED;

    #[test]
    fn methods_and_messages() {
        let mut vm = vm();
        let one = Value::small_int(1);
        let m = vm.map_of(&[("a", one), ("b", Value::NIL)]);
        let (a, z) = (vm.str("a"), vm.symbol("z"));
        let other = vm.map_of(&[("c", one)]);
        for (name, args, want) in [
            ("size", vec![m], "2"),
            ("get", vec![m, a], "1"),
            ("get", vec![m, z, one], "1"),
            ("get", vec![m, z], "nil"),
            (
                "get",
                vec![m, one],
                "error: Map.get key must be a string or symbol",
            ),
            ("get", vec![m], "error: Map.get requires a key"),
            (
                "set",
                vec![m, one, one],
                "error: Map.set key must be a string or symbol",
            ),
            ("has", vec![m, one], "false"),
            (
                "merge",
                vec![m, one],
                "error: Map.merge argument must be a map",
            ),
            ("merge", vec![m, other], "{^a 1 ^b nil ^c 1}"),
            ("set", vec![m, z, one], "{^a 1 ^b nil ^c 1 ^z 1}"),
            ("del", vec![m, a, z], "1"),
            ("keys", vec![m], "[b c]"),
            ("pairs", vec![m], "[[b nil] [c 1]]"),
            ("clear", vec![m], "{}"),
        ] {
            let got = call(&mut vm, name, &args);
            assert_eq!(show(&mut vm, got), want, "{name}");
        }
    }

    #[test]
    fn sealed_maps_refuse_every_change() {
        let mut vm = vm();
        let m = vm.map_of(&[("a", Value::NIL)]);
        view::set_flag(m, SEALED);
        let a = vm.str("a");
        for (name, args, op) in [
            ("set", vec![m, a, a], "set item on"),
            ("del", vec![m, a], "delete from"),
            ("merge", vec![m, m], "merge into"),
            ("clear", vec![m], "clear"),
        ] {
            let got = call(&mut vm, name, &args);
            assert_eq!(show(&mut vm, got), format!("error: Cannot {op} sealed map"));
        }
        assert_eq!(call(&mut vm, "immutable?", &[m]).unwrap(), Value::TRUE);
    }
}

//! Hash maps and hash sets (06 §3, §4). Keys whose class has `hash` or `==` need Gene code:
//! then the operation is redirected to its twin `Class.name~` in `prelude.gene`, which works
//! with the `#key_…` functions here.

use super::*;
use crate::equality;
use crate::heap::object::{MapObj, Over};
use crate::heap::table::Table;

pub(super) static MAP: &[NativeDef] = &[
    def("get", 2, 3, map_get).usage("HashMap.get requires a key"),
    def("set", 3, 3, map_set).usage("HashMap.set requires a key and a value"),
    def("has", 2, 2, map_has).usage("HashMap.has requires a key"),
    def("contains", 2, 2, map_has).usage("HashMap.contains requires a key"),
    def("delete", 2, ANY, map_delete).usage("HashMap.delete requires a key"),
    def("del", 2, ANY, map_delete).usage("HashMap.del requires a key"),
    def("size", 1, 1, size),
    def("length", 1, 1, size),
    def("empty", 1, 1, empty),
    def("empty?", 1, 1, empty),
    def("not_empty?", 1, 1, not_empty),
    def("clear", 1, 1, clear),
    def("keys", 1, 1, keys),
    def("values", 1, 1, values),
    def("pairs", 1, 1, pairs),
    def("iter", 1, 1, map_iter),
    def("immutable?", 1, 1, map::is_sealed),
];

pub(super) static SET: &[NativeDef] = &[
    def("add", 2, ANY, set_add).usage("HashSet.add requires a value"),
    def("has", 2, 2, set_has).usage("HashSet.has requires a value"),
    def("contains", 2, 2, set_has).usage("HashSet.contains requires a value"),
    def("delete", 2, ANY, set_delete).usage("HashSet.delete requires a value"),
    def("del", 2, ANY, set_delete).usage("HashSet.del requires a value"),
    def("size", 1, 1, size),
    def("length", 1, 1, size),
    def("empty", 1, 1, empty),
    def("empty?", 1, 1, empty),
    def("not_empty?", 1, 1, not_empty),
    def("clear", 1, 1, clear),
    def("to_array", 1, 1, keys),
    def("iter", 1, 1, set_iter),
    def("union", 2, 2, union).usage("HashSet.union expects a HashSet argument"),
    def("intersect", 2, 2, intersect).usage("HashSet.intersect expects a HashSet argument"),
    def("diff", 2, 2, diff).usage("HashSet.diff expects a HashSet argument"),
    def("subset?", 2, 2, subset).usage("HashSet.subset? expects a HashSet argument"),
];

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#HashMap", 0, ANY, literal),
    def("#hash_map", 0, 0, empty_map),
    def("#hash_set", 0, 0, empty_set),
    def("#hash_of", 1, 1, hash_of),
    def("#mix_hash", 2, 2, mix_hash),
    def("#key_candidates", 2, 2, candidates),
    def("#key_get", 3, 3, key_get),
    def("#key_set", 4, 4, key_set),
    def("#key_remove", 3, 3, key_remove),
    def("#check_mutable", 2, 2, check_mutable),
];

/// Gene code is needed to find a key.
struct NeedsGene;

/// Hash and place of a key.
fn look(vm: &Vm, table: &Table, key: Value) -> Result<(u32, Option<usize>), NeedsGene> {
    let hash = equality::hash(vm, key).ok_or(NeedsGene)?;
    let mut unknown = false;
    let place = table.find(hash, |k| match equality::equal(vm, key, k) {
        Some(same) => same,
        None => {
            unknown = true;
            true
        }
    });
    if unknown {
        Err(NeedsGene)
    } else {
        Ok((hash, place))
    }
}

/// Redirects to Gene code if the key needs it.
fn look_or(
    vm: &mut Vm,
    table: &Table,
    key: Value,
    twin: &str,
) -> Result<(u32, Option<usize>), Raised> {
    match look(vm, table, key) {
        Ok(found) => Ok(found),
        Err(NeedsGene) => Err(vm.redirect(twin)),
    }
}

fn table<'a>(v: Value) -> Option<&'a MapObj> {
    view::hash_map(v).or_else(|| view::hash_set(v))
}

fn table_mut<'a>(vm: &mut Vm, v: Value) -> Option<&'a mut MapObj> {
    if v.is(Kind::HashMap) {
        vm.heap.hash_map_mut(v)
    } else {
        vm.heap.hash_set_mut(v)
    }
}

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a Table, Raised> {
    match table(args.this()) {
        Some(m) => Ok(&m.table),
        None => Err(vm.error("HashMap methods must be called on a hash map")),
    }
}

/// Sets a key whose hash and place are known, and counts the growth.
fn store(vm: &mut Vm, v: Value, key: Value, value: Value, hash: u32, place: Option<usize>) {
    vm.heap.stored(key);
    vm.heap.stored(value);
    if let Some(table) = vm.heap.table_to_fill(v) {
        let before = table.bytes();
        match place {
            Some(place) => table.set_at(place, value),
            None => {
                table.push(hash, key, value);
            }
        }
        let after = table.bytes();
        vm.heap.charge(after.saturating_sub(before));
    }
}

fn remove_key(vm: &mut Vm, v: Value, hash: u32, key: Value) -> Option<Value> {
    table_mut(vm, v)?.table.remove(hash, |k| k == key)
}

// ---------------------------------------------------------------- both

fn size(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::small_int(this(vm, args)?.len() as i64))
}

fn empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(this(vm, args)?.is_empty()))
}

fn not_empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(!this(vm, args)?.is_empty()))
}

fn clear(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    vm.check_mutable(args.this(), "clear", "HashMap.clear")?;
    if let Some(m) = table_mut(vm, args.this()) {
        m.table.clear();
    }
    Ok(args.this())
}

fn keys(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let keys = this(vm, args)?.iter().map(|e| e.key).collect();
    Ok(vm.array(keys))
}

fn values(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let values = this(vm, args)?.iter().map(|e| e.value).collect();
    Ok(vm.array(values))
}

fn pairs(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let table = this(vm, args)?;
    map::table_pairs(vm, table)
}

// ---------------------------------------------------------------- hash maps

/// `{{k v …}}`
fn literal(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    make_map(vm, args.items, "#HashMap~")
}

/// `(new HashMap k v …)`
pub(super) fn construct_map(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if !args.keys.is_empty() {
        return vm.fail("HashMap constructor does not accept keyword arguments");
    }
    make_map(vm, args.from(1), "HashMap.new~")
}

fn make_map(vm: &mut Vm, items: &[Value], twin: &str) -> NativeResult {
    if !items.len().is_multiple_of(2) {
        return vm.fail("HashMap literals expect alternating key/value entries");
    }
    let mut table = Table::with_capacity(items.len() / 2);
    for pair in items.chunks_exact(2) {
        let (hash, place) = look_or(vm, &table, pair[0], twin)?;
        match place {
            Some(place) => table.set_at(place, pair[1]),
            None => {
                table.push(hash, pair[0], pair[1]);
            }
        }
    }
    Ok(vm.table_obj(Kind::HashMap, table))
}

fn map_get(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let table = this(vm, args)?;
    let (_, place) = look_or(vm, table, args.get(1), "HashMap.get~")?;
    let found = place.and_then(|p| table.at(p)).map(|e| e.value);
    Ok(found.unwrap_or(args.get(2)))
}

fn map_set(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let table = this(vm, args)?;
    vm.check_mutable(args.this(), "set item on", "HashMap.set")?;
    let (hash, place) = look_or(vm, table, args.get(1), "HashMap.set~")?;
    store(vm, args.this(), args.get(1), args.get(2), hash, place);
    Ok(args.this())
}

fn map_has(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let table = this(vm, args)?;
    Ok(Value::bool(
        look_or(vm, table, args.get(1), "HashMap.has~")?.1.is_some(),
    ))
}

/// Removes the keys; nothing is removed here if one of them needs Gene code.
fn delete(vm: &mut Vm, args: Args<'_>, twin: &str) -> Result<Option<(Value, Value)>, Raised> {
    for &key in args.from(1) {
        let table = this(vm, args)?;
        look_or(vm, table, key, twin)?;
    }
    let mut last = None;
    for &key in args.from(1) {
        let table = this(vm, args)?;
        let (hash, place) = look_or(vm, table, key, twin)?;
        if let Some(entry) = place.and_then(|p| table.at(p)).copied() {
            remove_key(vm, args.this(), hash, entry.key);
            last = Some((entry.key, entry.value));
        }
    }
    Ok(last)
}

fn map_delete(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    vm.check_mutable(args.this(), "delete from", "HashMap.delete")?;
    Ok(delete(vm, args, "HashMap.delete~")?.map_or(Value::NIL, |e| e.1))
}

fn map_iter(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = this(vm, args)?
        .iter()
        .flat_map(|e| [e.key, e.value])
        .collect();
    let snapshot = vm.array(items);
    Ok(vm.iterator(snapshot, Over::HashMap))
}

// ---------------------------------------------------------------- hash sets

/// `(new HashSet v …)`
pub(super) fn construct_set(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if !args.keys.is_empty() {
        return vm.fail("HashSet constructor does not accept keyword arguments");
    }
    let mut table = Table::default();
    for &key in args.from(1) {
        if let (hash, None) = look_or(vm, &table, key, "HashSet.new~")? {
            table.push(hash, key, Value::TRUE);
        }
    }
    Ok(vm.table_obj(Kind::HashSet, table))
}

fn set_add(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    vm.check_mutable(args.this(), "append to", "HashSet.add")?;
    for &key in args.from(1) {
        let table = this(vm, args)?;
        // Members added before stay: the twin adds them again without effect.
        if let (hash, None) = look_or(vm, table, key, "HashSet.add~")? {
            store(vm, args.this(), key, Value::TRUE, hash, None);
        }
    }
    Ok(args.this())
}

fn set_has(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let table = this(vm, args)?;
    Ok(Value::bool(
        look_or(vm, table, args.get(1), "HashSet.has~")?.1.is_some(),
    ))
}

fn set_delete(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    vm.check_mutable(args.this(), "delete from", "HashSet.delete")?;
    Ok(delete(vm, args, "HashSet.delete~")?.map_or(Value::NIL, |e| e.0))
}

fn set_iter(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = this(vm, args)?.iter().map(|e| e.key).collect();
    let snapshot = vm.array(items);
    Ok(vm.iterator(snapshot, Over::Set))
}

fn other<'a>(vm: &mut Vm, args: Args<'_>, name: &str) -> Result<&'a Table, Raised> {
    match view::hash_set(args.get(1)) {
        Some(m) => Ok(&m.table),
        None => Err(vm.error(&format!("HashSet.{name} expects a HashSet argument"))),
    }
}

fn union(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (left, right) = (this(vm, args)?, other(vm, args, "union")?);
    reserve(vm, left.bytes() + right.bytes())?;
    let mut table = left.clone();
    for e in right.iter() {
        if let (hash, None) = look_or(vm, &table, e.key, "HashSet.union~")? {
            table.push(hash, e.key, Value::TRUE);
        }
    }
    Ok(vm.table_obj(Kind::HashSet, table))
}

/// The members of the left set that are in the right one, or are not.
fn select(vm: &mut Vm, args: Args<'_>, name: &str, keep: bool) -> NativeResult {
    let (left, right) = (this(vm, args)?, other(vm, args, name)?);
    reserve(vm, left.bytes())?;
    let mut table = Table::default();
    for e in left.iter() {
        let (hash, place) = look_or(vm, right, e.key, &format!("HashSet.{name}~"))?;
        if place.is_some() == keep {
            table.push(hash, e.key, Value::TRUE);
        }
    }
    Ok(vm.table_obj(Kind::HashSet, table))
}

fn intersect(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    select(vm, args, "intersect", true)
}

fn diff(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    select(vm, args, "diff", false)
}

fn subset(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (left, right) = (this(vm, args)?, other(vm, args, "subset?")?);
    for e in left.iter() {
        if look_or(vm, right, e.key, "HashSet.subset?~")?.1.is_none() {
            return Ok(Value::FALSE);
        }
    }
    Ok(Value::TRUE)
}

// ---------------------------------------------------------------- for the prelude

fn empty_map(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(vm.table_obj(Kind::HashMap, Table::default()))
}

fn empty_set(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(vm.table_obj(Kind::HashSet, Table::default()))
}

/// `(#hash_of v)`: the hash, or nil if only Gene code can tell.
fn hash_of(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let hash = equality::hash(vm, args.get(0));
    Ok(hash.map_or(Value::NIL, |h| Value::small_int(h as i64)))
}

/// `(#mix_hash a b)`
fn mix_hash(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let part = |i| view::int(args.get(i)).unwrap_or(0) as u32;
    let mixed = (part(0).rotate_left(5) ^ part(1)).wrapping_mul(0x9E37_79B1);
    Ok(Value::small_int(mixed as i64))
}

fn hash_arg(args: Args<'_>) -> u32 {
    view::int(args.get(1)).unwrap_or(0) as u32
}

/// `(#key_candidates m hash)`: the keys with this hash.
fn candidates(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut keys = Vec::new();
    if let Some(m) = table(args.get(0)) {
        m.table.find(hash_arg(args), |k| {
            keys.push(k);
            false
        });
    }
    Ok(vm.array(keys))
}

/// `(#key_get m hash key)`: the value of a key that `#key_candidates` gave.
fn key_get(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let found = table(args.get(0)).and_then(|m| {
        let place = m.table.find(hash_arg(args), |k| k == args.get(2))?;
        m.table.at(place)
    });
    Ok(found.map_or(Value::NIL, |e| e.value))
}

/// `(#key_set m hash key value)`: of a key that `#key_candidates` gave, or a new one.
fn key_set(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (hash, key) = (hash_arg(args), args.get(2));
    let place = table(args.get(0)).and_then(|m| m.table.find(hash, |k| k == key));
    store(vm, args.get(0), key, args.get(3), hash, place);
    Ok(args.get(0))
}

/// `(#key_remove m hash key)`
fn key_remove(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(remove_key(vm, args.get(0), hash_arg(args), args.get(2)).unwrap_or(Value::NIL))
}

/// `(#check_mutable v action)`
fn check_mutable(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let action = view::text(args.get(1)).unwrap_or("");
    vm.check_mutable(args.get(0), action, "IkCallMethod")?;
    Ok(Value::NIL)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, call_global, show, vm};
    use super::*;
    use crate::heap::object::SEALED;

    #[test]
    fn maps_and_sets() {
        let mut vm = vm();
        let int = Value::small_int;
        let items = [int(1), int(10), Value::float(1.0), int(20)];
        let m = call_global(&mut vm, "#HashMap", &items).unwrap();
        let one = call(&mut vm, "get", &[m, int(1)]);
        assert_eq!(show(&mut vm, one), "10");
        let none = call(&mut vm, "get", &[m, int(9), int(7)]);
        assert_eq!(show(&mut vm, none), "7");
        let odd = call_global(&mut vm, "#HashMap", &items[..3]);
        assert_eq!(
            show(&mut vm, odd),
            "error: HashMap literals expect alternating key/value entries"
        );
        let all = call(&mut vm, "delete", &[m, int(1), int(5)]);
        assert_eq!(show(&mut vm, all), "10");
        assert_eq!(show(&mut vm, Ok(m)), "{{1.0 20}}");
        let a = call_global(&mut vm, "#hash_set", &[]).unwrap();
        let b = call_global(&mut vm, "#hash_set", &[]).unwrap();
        call(&mut vm, "add", &[a, int(1), int(2), int(2)]).unwrap();
        call(&mut vm, "add", &[b, int(2), int(3)]).unwrap();
        for (name, want) in [
            ("union", "(HashSet 1 2 3)"),
            ("intersect", "(HashSet 2)"),
            ("diff", "(HashSet 1)"),
            ("subset?", "false"),
        ] {
            let got = call(&mut vm, name, &[a, b]);
            assert_eq!(show(&mut vm, got), want);
        }
        let got = call(&mut vm, "union", &[a, m]);
        assert_eq!(
            show(&mut vm, got),
            "error: HashSet.union expects a HashSet argument"
        );
        view::set_flag(m, SEALED);
        for (name, args, op) in [
            ("set", vec![m, a, a], "set item on"),
            ("delete", vec![m, a], "delete from"),
            ("clear", vec![m], "clear"),
        ] {
            let got = call(&mut vm, name, &args);
            assert_eq!(
                show(&mut vm, got),
                format!("error: Cannot {op} sealed hash map")
            );
        }
    }
}

//! Methods of arrays that need no callback (06 §1); the others are in `prelude.gene`.

use super::*;
use crate::equality;
use crate::heap::object::{Array, Over};
use crate::heap::table::Table;
use crate::print;

pub(super) static METHODS: &[NativeDef] = &[
    def("size", 1, 1, size),
    def("length", 1, 1, size),
    def("get", 2, 3, get).usage("Array.get requires an index"),
    def("set", 3, 3, set).usage("Array.set requires an index and a value"),
    def("add", 1, 2, add),
    def("append", 1, 2, add),
    def("push", 2, 2, push).usage("Array.push requires a value"),
    def("pop", 1, 1, pop),
    def("del", 2, 2, del).usage("Array.del requires an index"),
    def("clear", 1, 1, clear),
    def("first", 1, 1, first),
    def("last", 1, 1, last),
    def("empty", 1, 1, empty),
    def("empty?", 1, 1, empty),
    def("not_empty?", 1, 1, not_empty),
    def("contains", 2, 2, contains).usage("Array.contains requires a value"),
    def("index_of", 2, 2, index_of).usage("Array.index_of requires a value"),
    def("zip", 2, 2, zip).usage("Array.zip requires an array"),
    def("take", 2, 2, take).usage("Array.take requires a count"),
    def("skip", 2, 2, skip).usage("Array.skip requires a count"),
    def("slice", 2, 3, slice).usage("Array.slice requires a start index"),
    def("reverse", 1, 1, reverse),
    def("sort", 1, 2, sort),
    def("join", 1, 2, join),
    def("pairs", 1, 1, pairs),
    def("to_map", 1, 1, to_map),
    def("to_json", 1, 1, json::to_json),
    def("iter", 1, 1, iter),
];

pub(super) static GLOBALS: &[NativeDef] = &[def("#array", 1, 1, with_room)];

/// `(new Array a b …)`
pub(super) fn construct(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(vm.array(args.from(1).to_vec()))
}

/// `(#array n)`: `n` nils.
fn with_room(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let n = view::int(args.get(0)).unwrap_or(0).max(0) as usize;
    reserve(vm, n.saturating_mul(8))?;
    Ok(vm.array(vec![Value::NIL; n]))
}

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a Array, Raised> {
    view::array(args.this()).ok_or_else(|| vm.error("Array methods must be called on an array"))
}

fn items<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a [Value], Raised> {
    this(vm, args).map(|a| a.items.as_slice())
}

/// Changes the elements and counts the growth.
fn change<R>(
    vm: &mut Vm,
    args: Args<'_>,
    action: &str,
    op: &str,
    change: impl FnOnce(&mut Vec<Value>) -> R,
) -> Result<R, Raised> {
    this(vm, args)?;
    vm.check_mutable(args.this(), action, op)?;
    match vm.heap.array_mut(args.this()) {
        Some(a) => {
            let before = a.items.capacity();
            let result = a.items.with(change);
            vm.heap
                .charge(a.items.capacity().saturating_sub(before) * 8);
            Ok(result)
        }
        None => Err(vm.error("Array methods must be called on an array")),
    }
}

fn append_to(vm: &mut Vm, args: Args<'_>, action: &str, op: &str) -> Result<usize, Raised> {
    this(vm, args)?;
    vm.check_mutable(args.this(), action, op)?;
    vm.append_item(args.this(), args.get(1))
}

fn size(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::small_int(items(vm, args)?.len() as i64))
}

fn get(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    let at = usize::try_from(args.get(1).index()).unwrap_or(usize::MAX);
    Ok(items.get(at).copied().unwrap_or(args.get(2)))
}

fn set(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let len = items(vm, args)?.len();
    vm.check_mutable(args.this(), "set item on", "Array.set")?;
    let i = int_arg(vm, args.get(1), "set index must be an integer")?;
    let Some(i) = index_from_end(i, len) else {
        return vm.fail("set index out of bounds");
    };
    vm.heap.stored(args.get(2));
    if let Some(a) = vm.heap.array_to_fill(args.this()) {
        a.items.as_mut_slice()[i] = args.get(2);
    }
    Ok(args.this())
}

fn add(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    append_to(vm, args, "append to", "Array.append")?;
    Ok(args.this())
}

fn push(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let len = append_to(vm, args, "push to", "Array.push")?;
    Ok(Value::small_int(len as i64))
}

fn pop(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let last = change(vm, args, "pop from", "Array.pop", Vec::pop)?;
    Ok(last.unwrap_or(Value::NIL))
}

fn del(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let len = items(vm, args)?.len();
    vm.check_mutable(args.this(), "delete from", "Array.del")?;
    let i = int_arg(vm, args.get(1), "del index must be an integer")?;
    match index_from_end(i, len) {
        Some(i) => change(vm, args, "delete from", "Array.del", |items| {
            items.remove(i)
        }),
        None => vm.fail("del index out of bounds"),
    }
}

fn clear(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    change(vm, args, "clear", "Array.clear", Vec::clear)?;
    Ok(args.this())
}

fn first(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(items(vm, args)?.first().copied().unwrap_or(Value::NIL))
}

fn last(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(items(vm, args)?.last().copied().unwrap_or(Value::NIL))
}

fn empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(items(vm, args)?.is_empty()))
}

fn not_empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(!items(vm, args)?.is_empty()))
}

/// Index of the first element equal to `v`; `Err` if only Gene code can tell.
pub(super) fn position(vm: &Vm, items: &[Value], v: Value) -> Result<Option<usize>, ()> {
    for (i, &item) in items.iter().enumerate() {
        if equality::equal(vm, item, v).ok_or(())? {
            return Ok(Some(i));
        }
    }
    Ok(None)
}

fn contains(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    match position(vm, items, args.get(1)) {
        Ok(at) => Ok(Value::bool(at.is_some())),
        Err(()) => Err(vm.redirect("Array.contains~")),
    }
}

fn index_of(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    match position(vm, items, args.get(1)) {
        Ok(at) => Ok(Value::small_int(at.map_or(-1, |i| i as i64))),
        Err(()) => Err(vm.redirect("Array.index_of~")),
    }
}

fn zip(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let left = items(vm, args)?;
    let Some(right) = view::array(args.get(1)) else {
        return vm.fail("zip argument must be an array");
    };
    let right = right.items.as_slice();
    reserve(vm, left.len().min(right.len()) * 64)?;
    let pairs = left
        .iter()
        .zip(right)
        .map(|(&a, &b)| vm.array(vec![a, b]))
        .collect();
    Ok(vm.array(pairs))
}

fn count(vm: &mut Vm, args: Args<'_>, message: &str) -> Result<usize, Raised> {
    let n = int_arg(vm, args.get(1), message)?;
    Ok(usize::try_from(n.max(0)).unwrap_or(usize::MAX))
}

fn copy(vm: &mut Vm, items: &[Value]) -> NativeResult {
    reserve(vm, size_of_val(items))?;
    Ok(vm.array(items.to_vec()))
}

fn take(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    let n = count(vm, args, "take count must be an integer")?.min(items.len());
    copy(vm, &items[..n])
}

fn skip(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    let n = count(vm, args, "skip count must be an integer")?.min(items.len());
    copy(vm, &items[n..])
}

fn slice(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    let start = int_arg(vm, args.get(1), "slice start must be an integer")?;
    let start = clamp_from_end(start, items.len());
    let end = match args.get(2) {
        Value::NIL => items.len(),
        v => clamp_from_end(int_arg(vm, v, "slice end must be an integer")?, items.len()),
    };
    copy(vm, items.get(start..end).unwrap_or(&[]))
}

fn reverse(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    reserve(vm, size_of_val(items))?;
    Ok(vm.array(items.iter().rev().copied().collect()))
}

/// By text; with a function it is Gene code's work.
fn sort(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    if args.get(1) != Value::NIL {
        return Err(vm.redirect("Array.sort~"));
    }
    let mut keyed = Vec::with_capacity(items.len());
    let mut bytes = 0;
    for &item in items {
        let text = print::text(vm, item)?;
        bytes += text.len() + size_of::<(String, Value)>();
        if keyed.len() % 1024 == 0 {
            reserve(vm, bytes)?;
        }
        keyed.push((text, item));
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(vm.array(keyed.into_iter().map(|k| k.1).collect()))
}

fn join(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    let separator = match args.has(1) {
        true => text_arg(vm, args.get(1), "Array.join separator must be a string")?,
        false => "",
    };
    let mut out = String::new();
    for (i, &item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        print::write_text(vm, &mut out, item)?;
    }
    Ok(vm.str(&out))
}

fn pairs(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = items(vm, args)?;
    reserve(vm, items.len() * 64)?;
    let pair = |(i, &v)| vm.array(vec![Value::small_int(i as i64), v]);
    let pairs = items.iter().enumerate().map(pair).collect();
    Ok(vm.array(pairs))
}

fn to_map(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut table = Table::default();
    for &item in items(vm, args)? {
        let pair = view::array(item).map_or(&[][..], |a| a.items.as_slice());
        let key = match pair {
            [k, _] => match view::int(*k) {
                Some(n) => Some(vm.str(&n.to_string())),
                None => vm.key_of(*k),
            },
            _ => None,
        };
        let Some(key) = key else {
            return vm.fail("to_map expects [key value] pairs");
        };
        Vm::table_set(&mut table, key, pair[1]);
    }
    Ok(vm.table_obj(Kind::Map, table))
}

fn iter(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    this(vm, args)?;
    Ok(vm.iterator(args.this(), Over::Array))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, ints, show, vm};
    use super::*;
    use crate::heap::object::SEALED;

    fn check(list: &[i64], name: &str, args: &[Value], want: &str) {
        let mut vm = vm();
        let mut items = vec![ints(&mut vm, list)];
        items.extend(args);
        let got = call(&mut vm, name, &items);
        assert_eq!(show(&mut vm, got), want, "{name}");
    }

    #[test]
    fn reading() {
        let int = Value::small_int;
        check(&[3, 1, 2], "get", &[int(0)], "3");
        check(&[3, 1, 2], "get", &[int(-1)], "nil");
        check(&[3, 1, 2], "get", &[Value::float(1.0)], "nil");
        check(&[], "first", &[], "nil");
        check(&[3, 1], "last", &[], "1");
        check(&[3, 1, 2], "index_of", &[int(7)], "-1");
        check(&[3, 1, 2], "contains", &[int(2)], "true");
        check(&[1, 2, 3, 4, 5], "slice", &[int(-2)], "[4 5]");
        check(&[1, 2, 3, 4, 5], "slice", &[int(3), int(1)], "[]");
        check(&[1, 2, 3, 4, 5], "slice", &[int(1), int(99)], "[2 3 4 5]");
        check(&[1, 2, 3], "take", &[int(-1)], "[]");
        check(&[1, 2, 3], "skip", &[int(2)], "[3]");
        check(&[10, 9, 2], "sort", &[], "[10 2 9]");
        check(&[1, 2], "pairs", &[], "[[0 1] [1 2]]");
        check(&[1, 2], "join", &[], "12");
    }

    #[test]
    fn changing() {
        let int = Value::small_int;
        check(&[1, 2], "push", &[int(5)], "3");
        check(&[1, 2], "add", &[int(5)], "[1 2 5]");
        check(&[1, 2], "add", &[], "[1 2 nil]");
        check(&[], "pop", &[], "nil");
        check(&[1, 2, 3], "set", &[int(-1), int(9)], "[1 2 9]");
        check(&[1, 2, 3], "del", &[int(-1)], "3");
        check(&[1, 2, 3], "clear", &[], "[]");
    }

    #[test]
    fn messages() {
        let int = Value::small_int;
        check(&[1], "push", &[], "error: Array.push requires a value");
        check(
            &[1],
            "set",
            &[int(9), int(9)],
            "error: set index out of bounds",
        );
        check(
            &[1],
            "set",
            &[Value::NIL, int(9)],
            "error: set index must be an integer",
        );
        check(&[1], "del", &[int(5)], "error: del index out of bounds");
        check(
            &[1],
            "zip",
            &[int(5)],
            "error: zip argument must be an array",
        );
        check(
            &[1],
            "take",
            &[Value::NIL],
            "error: take count must be an integer",
        );
        check(
            &[1],
            "join",
            &[int(5)],
            "error: Array.join separator must be a string",
        );
        check(
            &[1],
            "to_map",
            &[],
            "error: to_map expects [key value] pairs",
        );
    }

    #[test]
    fn sealed_arrays_refuse_every_change() {
        let mut vm = vm();
        let a = ints(&mut vm, &[1]);
        view::set_flag(a, SEALED);
        let one = Value::small_int(0);
        for (name, args, op) in [
            ("add", vec![a, one], "append to"),
            ("append", vec![a], "append to"),
            ("push", vec![a, one], "push to"),
            ("pop", vec![a], "pop from"),
            ("set", vec![a, one, one], "set item on"),
            ("del", vec![a, one], "delete from"),
            ("clear", vec![a], "clear"),
        ] {
            let got = call(&mut vm, name, &args);
            assert_eq!(
                show(&mut vm, got),
                format!("error: Cannot {op} sealed array")
            );
        }
    }
}

//! Methods of gene values (06 §6).

use super::*;
use crate::heap::object::Gene;

pub(super) static METHODS: &[NativeDef] = &[
    def("type", 1, 1, head),
    def("genetype", 1, 1, head),
    def("props", 1, 1, props),
    def("children", 1, 1, children),
    def("has", 2, 2, has).usage("Gene.has requires a key"),
    def("get", 2, 3, get).usage("Gene.get requires a key"),
    def("set", 3, 3, set).usage("Gene.set requires a key and a value"),
    def("del", 2, ANY, del).usage("Gene.del requires a key"),
    def("has_child", 2, 2, has_child).usage("Gene.has_child requires an index"),
    def("get_child", 2, 3, get_child).usage("Gene.get_child requires an index"),
    def("set_child", 3, 3, set_child).usage("Gene.set_child requires an index and a value"),
    def("add_child", 2, 2, add_child).usage("Gene.add_child requires a value"),
    def("ins_child", 3, 3, ins_child).usage("Gene.ins_child requires an index and a value"),
    def("del_child", 2, 2, del_child).usage("Gene.del_child requires an index"),
    def("contains", 2, 2, contains).usage("Gene.contains requires a value"),
    def("set_genetype", 2, 2, set_genetype).usage("Gene.set_genetype requires a type"),
    def("immutable?", 1, 1, map::is_sealed),
];

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a Gene, Raised> {
    view::gene(args.this()).ok_or_else(|| vm.error("Gene methods must be called on a gene"))
}

fn head(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(this(vm, args)?.head)
}

fn props(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = this(vm, args)?;
    reserve(vm, g.props.bytes())?;
    Ok(vm.table_obj(Kind::Map, g.props.clone()))
}

fn children(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = this(vm, args)?;
    reserve(vm, g.children.len() * 8)?;
    Ok(vm.array(g.children.clone()))
}

fn key(vm: &mut Vm, args: Args<'_>, method: &str) -> NativeResult {
    match vm.key_of(args.get(1)) {
        Some(key) => Ok(key),
        None => vm.fail(format!("Gene.{method} key must be a string or symbol")),
    }
}

fn has(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = this(vm, args)?;
    let key = vm.key_of(args.get(1));
    Ok(Value::bool(
        key.is_some_and(|k| Vm::table_find(&g.props, k).is_some()),
    ))
}

fn get(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = this(vm, args)?;
    let key = key(vm, args, "get")?;
    Ok(Vm::table_get(&g.props, key).unwrap_or(args.get(2)))
}

/// The gene to change, once `action` is allowed.
fn changing<'a>(
    vm: &mut Vm,
    args: Args<'_>,
    action: &str,
    op: &str,
) -> Result<&'a mut Gene, Raised> {
    this(vm, args)?;
    vm.check_mutable(args.this(), action, op)?;
    vm.heap
        .gene_mut(args.this())
        .ok_or_else(|| vm.error("Gene methods must be called on a gene"))
}

fn set(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let key = key(vm, args, "set")?;
    let g = changing(vm, args, "set property on", "Gene.set")?;
    let before = g.props.bytes();
    Vm::table_set(&mut g.props, key, args.get(2));
    vm.heap.charge(g.props.bytes().saturating_sub(before));
    Ok(args.this())
}

fn del(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = changing(vm, args, "delete property from", "Gene.del")?;
    let mut last = Value::NIL;
    for &key in args.from(1) {
        if let Some(key) = vm.key_of(key)
            && let Some(old) = Vm::table_remove(&mut g.props, key)
        {
            last = old;
        }
    }
    Ok(last)
}

fn child_index(args: Args<'_>, len: usize) -> Option<usize> {
    usize::try_from(view::int(args.get(1))?)
        .ok()
        .filter(|&i| i < len)
}

fn has_child(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = this(vm, args)?;
    Ok(Value::bool(child_index(args, g.children.len()).is_some()))
}

fn get_child(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = this(vm, args)?;
    let at = view::int(args.get(1)).and_then(|i| index_from_end(i, g.children.len()));
    Ok(at.map_or(args.get(2), |i| g.children[i]))
}

fn set_child(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = changing(vm, args, "set child on", "Gene.set_child")?;
    let at = view::int(args.get(1)).and_then(|i| index_from_end(i, g.children.len()));
    let Some(at) = at else {
        return vm.fail("Gene.set_child index out of bounds");
    };
    g.children[at] = args.get(2);
    Ok(args.this())
}

fn add_child(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = changing(vm, args, "append child to", "Gene.add_child")?;
    insert(vm, g, g.children.len(), args.get(1))?;
    Ok(args.this())
}

fn ins_child(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = changing(vm, args, "insert child into", "Gene.ins_child")?;
    let len = g.children.len() as i64;
    let at = view::int(args.get(1)).map(|i| if i < 0 { i.saturating_add(len) } else { i });
    match at.filter(|&i| (0..=len).contains(&i)) {
        Some(at) => insert(vm, g, at as usize, args.get(2))?,
        None => return vm.fail("Gene.ins_child index out of bounds"),
    }
    Ok(args.this())
}

fn insert(vm: &mut Vm, g: &mut Gene, at: usize, v: Value) -> Result<(), Raised> {
    let before = g.children.capacity();
    if g.children.len() == before {
        reserve(vm, before * 16)?;
    }
    g.children.insert(at, v);
    vm.heap.charge((g.children.capacity() - before) * 8);
    Ok(())
}

fn del_child(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = changing(vm, args, "delete child from", "Gene.del_child")?;
    let at = view::int(args.get(1)).and_then(|i| index_from_end(i, g.children.len()));
    match at {
        Some(at) => Ok(g.children.remove(at)),
        None => vm.fail("Gene.del_child index out of bounds"),
    }
}

fn contains(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let g = this(vm, args)?;
    match array::position(vm, &g.children, args.get(1)) {
        Ok(at) => Ok(Value::bool(at.is_some())),
        Err(()) => Err(vm.redirect("Gene.contains~")),
    }
}

fn set_genetype(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    changing(vm, args, "set type on", "Gene.set_genetype")?.head = args.get(1);
    Ok(args.this())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, show, vm};
    use super::*;
    use crate::heap::object::SEALED;

    #[test]
    fn methods_and_messages() {
        let mut vm = vm();
        let int = Value::small_int;
        let (f, name) = (vm.symbol("f"), vm.str("name"));
        let g = vm.gene(f, Default::default(), vec![int(1), int(2)]);
        for (method, args, want) in [
            ("type", vec![g], "f"),
            ("set", vec![g, name, int(5)], "(f ^name 5 1 2)"),
            (
                "get",
                vec![g, int(1)],
                "error: Gene.get key must be a string or symbol",
            ),
            ("has_child", vec![g, int(-1)], "false"),
            (
                "set_child",
                vec![g, int(7), f],
                "error: Gene.set_child index out of bounds",
            ),
            ("set_child", vec![g, int(1), f], "(f ^name 5 1 f)"),
            ("ins_child", vec![g, int(0), int(0)], "(f ^name 5 0 1 f)"),
            (
                "ins_child",
                vec![g, int(9), f],
                "error: Gene.ins_child index out of bounds",
            ),
            ("add_child", vec![g, int(9)], "(f ^name 5 0 1 f 9)"),
            ("del_child", vec![g, int(0)], "0"),
            (
                "del_child",
                vec![g, int(9)],
                "error: Gene.del_child index out of bounds",
            ),
            ("del", vec![g, name], "5"),
            ("contains", vec![g, int(9)], "true"),
            ("set_genetype", vec![g, name], "(\"name\" 1 f 9)"),
            ("children", vec![g], "[1 f 9]"),
        ] {
            let got = call(&mut vm, method, &args);
            assert_eq!(show(&mut vm, got), want, "{method}");
        }
        view::set_flag(g, SEALED);
        for (method, args, op) in [
            ("set", vec![g, name, f], "set property on"),
            ("del", vec![g, name], "delete property from"),
            ("set_child", vec![g, int(0), f], "set child on"),
            ("add_child", vec![g, f], "append child to"),
            ("ins_child", vec![g, int(0), f], "insert child into"),
            ("del_child", vec![g, int(0)], "delete child from"),
            ("set_genetype", vec![g, f], "set type on"),
        ] {
            let got = call(&mut vm, method, &args);
            assert_eq!(
                show(&mut vm, got),
                format!("error: Cannot {op} sealed gene")
            );
        }
    }
}

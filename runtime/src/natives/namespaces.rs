//! Built-in namespaces and other global values (14-stdlib §12), made when they are asked for.

use super::*;
use crate::heap::object::Class;
use crate::heap::table::Table;

/// Methods that need no callback; the others are in `prelude.gene`.
pub(super) static METHODS: &[NativeDef] = &[
    def("name", 1, 1, name),
    def("to_s", 1, 1, name),
    def("has", 2, 2, has).usage("Namespace.has requires a key"),
    def("get", 2, 3, get).usage("Namespace.get requires a key"),
    def("set", 3, 3, set_member).usage("Namespace.set requires a key and a value"),
    def("del", 2, ANY, del).usage("Namespace.del requires a key"),
    def("empty", 1, 1, is_empty),
    def("empty?", 1, 1, is_empty),
    def("not_empty?", 1, 1, not_empty),
    def("clear", 1, 1, clear),
    def("size", 1, 1, size),
    def("keys", 1, 1, keys),
    def("values", 1, 1, values),
    def("pairs", 1, 1, pairs),
    def("on_member_missing", 2, 2, on_member_missing)
        .usage("Namespace.on_member_missing requires a function"),
];

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#global_member", 1, 1, global_member),
    def("#member_handlers", 1, 1, member_handlers),
    def("#import_member", 3, 3, import_member),
    def("#import_all", 2, 2, import_all),
];

/// The value of a global name.
pub(super) fn constant(vm: &mut Vm, name: &str) -> Option<Value> {
    if let Some(handle) = handles::constant(vm, name) {
        return Some(handle);
    }
    Some(match name {
        "math" => math(vm),
        "io" => io(vm),
        "gene" => gene(vm),
        "genex" | "vm" => empty(vm, name),
        "time" => with_natives(vm, name, &[temporal::IN_TIME]),
        "system" => system(vm),
        "gdat" => with_natives(vm, name, &[serdes::IN_GDAT]),
        "env" => system::environment(vm),
        "args" => system::program_args(vm),
        "program" => {
            let program = vm.options.program.clone();
            vm.str(&program)
        }
        "app" => vm.record(Tag::Application, Vec::new(), None),
        "pkg" => vm.record(Tag::Package, Vec::new(), None),
        "File" => {
            let class = new_class(vm, name, files::IN_FILE, &[], Some("File.ctor"));
            prelude_members(vm, class, &[("each_line", "#each_line")]);
            prelude_methods(
                vm,
                class,
                &[("read", "#File.read"), ("write", "#File.write")],
            );
            class
        }
        "Dir" => new_class(vm, name, files::IN_DIR, &[], None),
        "FileReader" => new_class(vm, name, &[], &[], None),
        _ => return None,
    })
}

fn empty(vm: &mut Vm, name: &str) -> Value {
    let name = vm.symbols.intern(name);
    vm.namespace(name, std::ptr::null_mut())
}

fn with_natives(vm: &mut Vm, name: &str, tables: &[&'static [NativeDef]]) -> Value {
    let ns = empty(vm, name);
    for def in tables.iter().flat_map(|t| t.iter()) {
        let native = vm.native(def);
        set(vm, ns, def.name, native);
    }
    ns
}

fn set(vm: &mut Vm, ns: Value, name: &str, value: Value) {
    let key = vm.symbols.intern(name);
    let key = vm.symbol_str(key);
    if let Some(n) = vm.heap.namespace_mut(ns) {
        Vm::table_set(&mut n.members, key, value);
    }
}

/// Members that are the global values of the same names.
fn share(vm: &mut Vm, ns: Value, names: &[&str]) {
    for name in names {
        if let Ok(v) = vm.builtin(name) {
            set(vm, ns, name, v);
        }
    }
}

fn math(vm: &mut Vm) -> Value {
    let ns = with_natives(vm, "math", &[super::math::ONLY_MATH]);
    share(
        vm,
        ns,
        &[
            "abs",
            "sqrt",
            "pow",
            "min",
            "max",
            "floor",
            "ceil",
            "round",
            "random",
            "random_int",
        ],
    );
    set(vm, ns, "PI", Value::float(std::f64::consts::PI));
    set(vm, ns, "E", Value::float(std::f64::consts::E));
    ns
}

fn io(vm: &mut Vm) -> Value {
    let ns = with_natives(vm, "io", &[files::IN_IO]);
    share(vm, ns, &["File", "Dir"]);
    ns
}

fn system(vm: &mut Vm) -> Value {
    let ns = with_natives(vm, "system", &[super::system::IN_SYSTEM]);
    let process = process::class(vm);
    set(vm, ns, "Process", process);
    ns
}

fn gene(vm: &mut Vm) -> Value {
    let ns = with_natives(vm, "gene", &[temporal::IN_GENE, encoding::IN_GENE]);
    for &class in Builtin::ALL {
        let class = (class.name(), Value::obj(vm.class(class)));
        set(vm, ns, class.0, class.1);
    }
    share(
        vm,
        ns,
        &[
            "println",
            "print",
            "assert",
            "debug",
            "trace_start",
            "trace_end",
            "parse",
            "sleep",
            "types_equivalent",
            "types_equiv",
            "function_intent",
            "function_examples",
            "time",
            "vm",
            "env",
            "args",
            "program",
            "app",
            "pkg",
            "$",
            "gdat",
        ],
    );
    let io = with_natives(vm, "io", &[files::IN_IO, files::IN_GENE_IO]);
    share(vm, io, &["File", "Dir"]);
    set(vm, ns, "io", io);
    let os = with_natives(vm, "os", &[super::system::IN_OS]);
    set(vm, ns, "os", os);
    let json = with_natives(vm, "json", &[json::IN_JSON]);
    set(vm, ns, "json", json);
    let serdes = with_natives(vm, "serdes", &[serdes::IN_SERDES]);
    set(vm, ns, "serdes", serdes);
    for (name, function) in [("parse_file", "#parse_file"), ("parser", "#parser_of")] {
        if let Ok(f) = vm.builtin(function) {
            set(vm, ns, name, f);
        }
    }
    ns
}

/// A class with native members and methods, and a constructor of the prelude.
pub(super) fn new_class(
    vm: &mut Vm,
    name: &str,
    statics: &'static [NativeDef],
    methods: &'static [NativeDef],
    ctor: Option<&str>,
) -> Value {
    let name = vm.symbols.intern(name);
    let parent: *mut Class = vm.class(Builtin::Object);
    let class = Value::obj(vm.new_class(name, parent, None));
    for def in statics {
        let member = (vm.symbols.intern(def.name), vm.native(def));
        if let Some(c) = vm.heap.class_mut(class) {
            c.members.push(member);
        }
    }
    for def in methods {
        let (name, method) = (vm.symbols.intern(def.name), vm.native(def));
        if let Some(c) = vm.heap.class_mut(class) {
            vm.set_method(c, name, method);
        }
    }
    let ctor = ctor.and_then(|name| vm.prelude_function(name));
    if let (Some(ctor), Some(c)) = (ctor, vm.heap.class_mut(class)) {
        c.ctor = ctor;
    }
    class
}

fn prelude_members(vm: &mut Vm, class: Value, members: &[(&str, &str)]) {
    for (name, function) in members {
        let name = vm.symbols.intern(name);
        let f = vm.prelude_function(function);
        if let (Some(f), Some(c)) = (f, vm.heap.class_mut(class)) {
            c.members.push((name, f));
        }
    }
}

fn prelude_methods(vm: &mut Vm, class: Value, methods: &[(&str, &str)]) {
    for (name, function) in methods {
        let name = vm.symbols.intern(name);
        let f = vm.prelude_function(function);
        if let (Some(f), Some(c)) = (f, vm.heap.class_mut(class)) {
            vm.set_method(c, name, f);
        }
    }
}

fn name(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(match view::namespace(args.this()).map(|n| n.name) {
        Some(name) => vm.symbol_str(name),
        None => Value::NIL,
    })
}

fn this<'a>(vm: &mut Vm, args: Args<'_>) -> Result<&'a Table, Raised> {
    match view::namespace(args.this()) {
        Some(n) => Ok(&n.members),
        None => Err(vm.error("Namespace methods must be called on a namespace")),
    }
}

fn key(vm: &mut Vm, args: Args<'_>, method: &str) -> NativeResult {
    match vm.key_of(args.get(1)) {
        Some(key) => Ok(key),
        None => vm.fail(format!("Namespace.{method} key must be a string or symbol")),
    }
}

fn has(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let members = this(vm, args)?;
    let key = vm.key_of(args.get(1));
    Ok(Value::bool(
        key.is_some_and(|k| Vm::table_find(members, k).is_some()),
    ))
}

fn get(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let members = this(vm, args)?;
    let key = key(vm, args, "get")?;
    Ok(Vm::table_get(members, key).unwrap_or(args.get(2)))
}

fn set_member(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    key(vm, args, "set")?;
    if let Some(name) = crate::types::name_symbol(vm, args.get(1)) {
        vm.set_member(args.this(), name, args.get(2))?;
    }
    Ok(args.this())
}

fn del(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut last = Value::NIL;
    for &key in args.from(1) {
        let key = vm.key_of(key);
        if let (Some(key), Some(n)) = (key, vm.heap.namespace_mut(args.this()))
            && let Some(old) = Vm::table_remove(&mut n.members, key)
        {
            last = old;
        }
    }
    Ok(last)
}

fn is_empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(this(vm, args)?.is_empty()))
}

fn not_empty(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(!this(vm, args)?.is_empty()))
}

fn clear(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if let Some(n) = vm.heap.namespace_mut(args.this()) {
        n.members.clear();
    }
    Ok(args.this())
}

fn size(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::small_int(this(vm, args)?.len() as i64))
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
    let members = this(vm, args)?;
    map::table_pairs(vm, members)
}

/// `(#global_member name)`: void if there is none.
fn global_member(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = crate::types::name_symbol(vm, args.get(0));
    Ok(name
        .and_then(|name| vm.find_global(name))
        .unwrap_or(Value::VOID))
}

/// `(#member_handlers namespace)`
fn member_handlers(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let handlers = view::namespace(args.get(0)).map_or_else(Vec::new, |n| n.missing.clone());
    Ok(vm.array(handlers))
}

/// Registers a handler. `#member_missing` of the prelude asks them.
fn on_member_missing(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if !is_callable(args.get(1)) {
        let kind = Builtin::kind_name(args.get(1));
        return vm.fail(format!(
            "on_member_missing handler must be callable, got {kind}"
        ));
    }
    if let Some(n) = vm.heap.namespace_mut(args.this()) {
        n.missing.push(args.get(1));
    }
    Ok(args.this())
}

/// `(#import_member container text name)`
fn import_member(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (container, text) = (args.get(0), vm.name_text(args.get(1)).unwrap_or(""));
    if !matches!(container.kind(), Some(Kind::Namespace | Kind::Class)) {
        return vm.fail(format!("'{text}' is not a namespace"));
    }
    let Some(name) = crate::types::name_symbol(vm, args.get(2)) else {
        return vm.fail(format!("'{text}' is not a namespace"));
    };
    match vm.member(container, name)? {
        Value::VOID => {
            let name = vm.symbols.text(name);
            let prefix = if text == "genex" { "genex/" } else { "" };
            vm.fail(format!("Symbol '{prefix}{name}' not found in namespace"))
        }
        v => Ok(v),
    }
}

/// `(#import_all namespace container)`
fn import_all(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let members = view::namespace(args.get(1)).map(|n| n.members.clone());
    let members = members.unwrap_or_default();
    if let Some(n) = vm.heap.namespace_mut(args.get(0)) {
        for e in members.iter().filter(|e| e.value != Value::NIL) {
            Vm::table_set(&mut n.members, e.key, e.value);
        }
    }
    Ok(Value::NIL)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{show, vm};
    use super::*;

    #[test]
    fn namespaces_share_global_values() {
        let mut vm = vm();
        let (math, abs) = (vm.builtin("math").unwrap(), vm.builtin("abs").unwrap());
        let name = vm.symbols.intern("abs");
        assert_eq!(vm.member(math, name).unwrap(), abs);
        let gene = vm.builtin("gene").unwrap();
        let got = import_member(
            &mut vm,
            Args {
                items: &[gene, gene, gene],
                keys: &[],
                values: &[],
            },
        );
        assert!(got.is_err());
        let (text, no) = (vm.str("gene"), vm.str("nothing"));
        let got = import_member(
            &mut vm,
            Args {
                items: &[gene, text, no],
                keys: &[],
                values: &[],
            },
        );
        assert_eq!(
            show(&mut vm, got),
            "error: Symbol 'nothing' not found in namespace"
        );
        let got = import_member(
            &mut vm,
            Args {
                items: &[text, text, no],
                keys: &[],
                values: &[],
            },
        );
        assert_eq!(show(&mut vm, got), "error: 'gene' is not a namespace");
    }
}

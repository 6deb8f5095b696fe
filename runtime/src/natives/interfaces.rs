//! Interfaces, their implementations, and adapters (07 §10).
//!
//! An interface record has its name (a symbol), then three fields for each implementation:
//! class, map of methods (nil if inline), constructor or nil. An adapter record has interface,
//! wrapped value, private store, and the index of its implementation.

use super::*;
use crate::types::name_symbol;

/// What an interface declares.
#[derive(Default)]
struct Members {
    methods: Vec<Symbol>,
    /// Name and whether it is read-only.
    fields: Vec<(Symbol, bool)>,
}

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#interface", 1, ANY, make),
    def("#implements", 1, ANY, implements),
    def("#implement", 2, ANY, implement).with_keys(),
    def("#adapt", 3, 3, adapt),
    def("#adapter_ctor", 1, 1, adapter_ctor),
    def("#adapter_method", 2, 2, adapter_method),
    def("#adapter_inner", 1, 1, adapter_inner),
];

/// Name of an interface.
pub fn name(vm: &Vm, v: Value) -> &'static str {
    let name = view::record(v).and_then(|r| r.fields.first()?.as_symbol());
    name.map_or("", |s| vm.symbols.text(s))
}

fn members<'a>(v: Value) -> Option<&'a Members> {
    view::record(v)?.data.as_ref()?.downcast_ref()
}

/// `(#interface name member…)`
fn make(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut members = Members::default();
    for &member in args.from(1) {
        let items = view::array(member).map_or(&[][..], |a| a.items.as_slice());
        let Some(name) = items.get(1).and_then(|&n| name_symbol(vm, n)) else {
            continue;
        };
        match view::text(items[0]) {
            Some("method") => members.methods.push(name),
            _ => members
                .fields
                .push((name, items.get(2) == Some(&Value::TRUE))),
        }
    }
    let name = name_symbol(vm, args.get(0)).map_or(Value::NIL, Value::symbol);
    Ok(vm.record(Tag::Interface, vec![name], Some(Box::new(members))))
}

fn check_interface(vm: &mut Vm, v: Value) -> Result<(), Raised> {
    if view::tag(v) == Some(Tag::Interface) {
        return Ok(());
    }
    let text = vm
        .name_text(v)
        .map_or_else(|| crate::print::quoted(vm, v), str::to_owned);
    Err(vm.error(&format!("Unknown interface: {text}")))
}

/// Registers an implementation; a later one for the same class takes its place.
fn register(vm: &mut Vm, interface: Value, class: Value, methods: Value, ctor: Value) {
    let known = find(interface, class);
    if let Some(r) = vm.heap.record_mut(interface) {
        match known {
            Some(at) => r.fields[at + 1..at + 3].copy_from_slice(&[methods, ctor]),
            None => r.fields.extend([class, methods, ctor]),
        }
        vm.heap.charge(24);
    }
}

/// Index of the implementation for exactly this class.
fn find(interface: Value, class: Value) -> Option<usize> {
    let fields = &view::record(interface)?.fields;
    (1..fields.len()).step_by(3).find(|&i| fields[i] == class)
}

/// `(#implements class interface…)`: inline.
fn implements(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    for &interface in args.from(1) {
        check_interface(vm, interface)?;
        register(vm, interface, args.get(0), Value::NIL, Value::NIL);
    }
    Ok(Value::NIL)
}

/// `(#implement interface class name method… ^ctor f)`
fn implement(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (interface, class) = (args.get(0), args.get(1));
    check_interface(vm, interface)?;
    if !class.is(Kind::Class) {
        let kind = Builtin::kind_name(class);
        return vm.fail(format!("implement requires a class, got {kind}"));
    }
    let methods = vm.map_of(&[]);
    for pair in args.from(2).chunks_exact(2) {
        let declared = name_symbol(vm, pair[0])
            .is_some_and(|n| members(interface).is_some_and(|m| m.methods.contains(&n)));
        if !declared {
            let (method, of) = (vm.name_text(pair[0]).unwrap_or(""), name(vm, interface));
            return vm.fail(format!("Method {method} is not declared on interface {of}"));
        }
        if let Some(key) = vm.key_of(pair[0]) {
            vm.map_set(methods, key, pair[1]);
        }
    }
    let ctor = args.key(vm, "ctor").unwrap_or(Value::NIL);
    register(vm, interface, class, methods, ctor);
    Ok(Value::NIL)
}

/// `(#adapt interface value argc)`: what `(I value args…)` gives before a constructor runs.
fn adapt(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (interface, value) = (args.get(0), args.get(1));
    let mut innermost = value;
    while view::tag(innermost) == Some(Tag::Adapter)
        && let Some(r) = view::record(innermost)
    {
        innermost = r.fields[1];
    }
    let class = Value::obj(vm.class_of(innermost));
    let of = name(vm, interface);
    let Some(at) = find(interface, class) else {
        let class = view::class(class).map_or("", |c| vm.symbols.text(c.name));
        return vm.fail(format!(
            "No implementation found for interface {of} on type {class}"
        ));
    };
    let Some(r) = view::record(interface) else {
        return Ok(value);
    };
    let extra = args.get(2) != Value::small_int(0);
    if r.fields[at + 1] == Value::NIL {
        if extra {
            return vm.fail(format!(
                "Inline interface implementation {of} does not accept adapter constructor arguments"
            ));
        }
        return Ok(value);
    }
    if extra && r.fields[at + 2] == Value::NIL {
        return vm.fail(format!("Adapter {of} does not define a constructor"));
    }
    let store = vm.map_of(&[]);
    let store = vm.record(Tag::AdapterInternal, vec![store], None);
    let fields = vec![interface, value, store, Value::small_int(at as i64)];
    Ok(vm.record(Tag::Adapter, fields, None))
}

/// The implementation of an adapter: methods and constructor.
fn implementation(v: Value) -> Option<(Value, Value)> {
    let r = view::record(v).filter(|r| r.tag == Tag::Adapter)?;
    let fields = &view::record(r.fields[0])?.fields;
    let at = r.fields[3].as_int() as usize;
    Some((fields[at + 1], fields[at + 2]))
}

/// `(#adapter_ctor v)`: nil unless `v` is an adapter with a constructor.
fn adapter_ctor(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(implementation(args.get(0)).map_or(Value::NIL, |i| i.1))
}

/// `(#adapter_method adapter name)`: the implemented method; true if only declared; else nil.
fn adapter_method(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (v, Some(name)) = (args.get(0), name_symbol(vm, args.get(1))) else {
        return Ok(Value::NIL);
    };
    let key = vm.symbol_str(name);
    let methods = implementation(v).and_then(|i| view::map(i.0));
    if let Some(f) = methods.and_then(|m| Vm::table_get(&m.table, key)) {
        return Ok(f);
    }
    let declared = interface_of(v).is_some_and(|m| m.methods.contains(&name));
    Ok(if declared { Value::TRUE } else { Value::NIL })
}

fn interface_of<'a>(adapter: Value) -> Option<&'a Members> {
    members(*view::record(adapter)?.fields.first()?)
}

/// `(#adapter_inner adapter)`: the wrapped value.
fn adapter_inner(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(view::record(args.get(0)).map_or(Value::NIL, |r| r.fields[1]))
}

/// `adapter/name`
pub(super) fn member(vm: &mut Vm, v: Value, name: Symbol) -> NativeResult {
    let Some(r) = view::record(v) else {
        return Ok(Value::NIL);
    };
    match vm.symbols.text(name) {
        "_genevalue" => return Ok(r.fields[1]),
        "_geneinternal" => return Ok(r.fields[2]),
        _ => {}
    }
    if interface_of(v).is_some_and(|m| m.fields.iter().any(|f| f.0 == name)) {
        return vm.member(r.fields[1], name);
    }
    Ok(Value::NIL)
}

/// `(adapter/name = v)`: a declared field of the wrapped value.
pub(super) fn set_member(vm: &mut Vm, v: Value, name: Symbol, value: Value) -> Result<(), Raised> {
    let text = vm.symbols.text(name);
    let field = interface_of(v).and_then(|m| m.fields.iter().find(|f| f.0 == name));
    match (field, view::record(v)) {
        (Some((_, true)), _) => Err(vm.error(&format!("Property {text} is readonly"))),
        (Some(_), Some(r)) => vm.set_member(r.fields[1], name, value),
        (_, r) => {
            let of = r.map_or("", |r| self::name(vm, r.fields[0]));
            Err(vm.error(&format!(
                "Property {text} is not declared on interface {of}"
            )))
        }
    }
}

/// `adapter/_geneinternal/name`: nil if missing.
pub(super) fn internal_member(vm: &mut Vm, v: Value, name: Symbol) -> Value {
    let key = vm.symbol_str(name);
    let store = view::record(v).and_then(|r| view::map(r.fields[0]));
    store
        .and_then(|m| Vm::table_get(&m.table, key))
        .unwrap_or(Value::NIL)
}

/// `(adapter/_geneinternal/name = v)`
pub(super) fn set_internal_member(vm: &mut Vm, v: Value, name: Symbol, value: Value) {
    let key = vm.symbol_str(name);
    if let Some(r) = view::record(v) {
        vm.map_set(r.fields[0], key, value);
    }
}

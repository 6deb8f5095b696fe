//! Methods of every value, of nil and void, and of classes (14-stdlib §2, 07 §7).

use super::*;
use crate::print;
use crate::types::{class_ptr, class_view};

pub(super) static OBJECT: &[NativeDef] = &[
    def("class", 1, 1, class),
    def("to_s", 1, 1, to_s),
    def("is", 2, 2, is).usage("Object.is expects a class or instance as the second argument"),
    def("to", 2, 2, to).usage("Object.to requires a type"),
];

pub(super) static NIL: &[NativeDef] = &[
    def("to_bool", 1, 1, no),
    def("empty?", 1, 1, yes),
    def("empty", 1, 1, yes),
    def("not_empty?", 1, 1, no),
    def("serialize", 1, 1, serialize_nil),
];

pub(super) static VOID: &[NativeDef] = &[
    def("empty?", 1, 1, yes),
    def("empty", 1, 1, yes),
    def("not_empty?", 1, 1, no),
];

pub(super) static CLASS: &[NativeDef] = &[
    def("name", 1, 1, class_name),
    def("parent", 1, 1, class_parent),
    def("method_intent", 2, 2, method_intent).usage("Class.method_intent requires a name"),
];

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#instance?", 1, 1, is_instance),
    def("#responds?", 2, 2, responds),
    def("#new_class", 2, 2, new_class),
    def("#class_part", 4, 4, class_part),
    def("#takes_self?", 1, 1, takes_self),
];

fn yes(_vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(Value::TRUE)
}

fn no(_vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(Value::FALSE)
}

fn serialize_nil(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(vm.str("nil"))
}

fn class(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::obj(vm.class_of(args.this())))
}

fn to_s(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.this();
    if v.is(Kind::Str) {
        return Ok(v);
    }
    let text = print::text(vm, v)?;
    Ok(vm.str(&text))
}

fn is(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    crate::types::object_is(vm, args.this(), args.get(1))
}

fn to(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    crate::types::to(vm, args.this(), args.get(1))
}

fn class_name(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(match view::class(args.this()).map(|c| c.name) {
        Some(name) => vm.symbol_str(name),
        None => Value::NIL,
    })
}

fn class_parent(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let parent = view::class(args.this()).and_then(|c| class_view(c.parent).map(|_| c.parent));
    Ok(parent.map_or(Value::NIL, Value::obj))
}

fn method_intent(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(name) = crate::types::name_symbol(vm, args.get(1)) else {
        return vm.fail("Class.method_intent requires a method name");
    };
    match vm.find_method(class_ptr(args.this()), name) {
        Some(method) if method.is(Kind::Closure) => function::intent(vm, method),
        _ => Ok(Value::NIL),
    }
}

/// `(#instance? v)`
fn is_instance(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(args.get(0).is(Kind::Instance)))
}

/// `(#responds? v name)`: true if the class of the value has the method.
fn responds(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let class = vm.class_of(args.get(0));
    let Some(name) = crate::types::name_symbol(vm, args.get(1)) else {
        return Ok(Value::FALSE);
    };
    Ok(Value::bool(vm.find_method(class, name).is_some()))
}

/// `(#new_class name parent)`
fn new_class(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(name) = crate::types::name_symbol(vm, args.get(0)) else {
        return vm.fail("Class(...) requires ^name");
    };
    let parent = match args.get(1) {
        Value::NIL => vm.class(Builtin::Object),
        v if v.is(Kind::Class) => class_ptr(v),
        v => {
            let kind = Builtin::kind_name(v);
            return vm.fail(format!("Parent must be a class, got {kind}"));
        }
    };
    Ok(Value::obj(vm.new_class(name, parent, None)))
}

/// `(#class_part class kind name f)`: a method, or `ctor`, or `missing`.
fn class_part(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (kind, f) = (view::text(args.get(1)).unwrap_or(""), args.get(3));
    let name = crate::types::name_symbol(vm, args.get(2));
    let Some(c) = vm
        .heap
        .class_mut(args.get(0))
        .filter(|_| f.is(Kind::Closure))
    else {
        return vm.fail("Class(...) requires functions as members");
    };
    match (kind, name) {
        ("ctor", _) => c.ctor = f,
        ("missing", _) => c.missing = f,
        (_, Some(name)) => {
            if name == vm.names.eq {
                vm.any_eq = true;
            }
            vm.set_method(c, name, f);
        }
        _ => {}
    }
    Ok(Value::NIL)
}

/// `(#takes_self? f)`: true if the function takes a receiver.
fn takes_self(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let f = args.get(0);
    let method = view::proto(f).is_some_and(|p| p.receiver_slots() > 0);
    let first = function::params(f).and_then(|p| p.first());
    let named = first.is_some_and(|p| vm.symbols.text(p.0) == "self");
    Ok(Value::bool(method || named))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, show, vm};
    use super::*;

    #[test]
    fn every_value_has_class_and_text() {
        let mut vm = vm();
        let class = call(&mut vm, "class", &[Value::small_int(5)]).unwrap();
        let name = call(&mut vm, "name", &[class]);
        assert_eq!(show(&mut vm, name), "Int");
        let text = call(&mut vm, "to_s", &[class]);
        assert_eq!(show(&mut vm, text), "Int");
        let parent = call(&mut vm, "parent", &[class]).unwrap();
        assert_eq!(call(&mut vm, "parent", &[parent]).unwrap(), Value::NIL);
        let text = call(&mut vm, "to_s", &[Value::NIL]);
        assert_eq!(show(&mut vm, text), "");
        assert_eq!(
            call(&mut vm, "empty?", &[Value::VOID]).unwrap(),
            Value::TRUE
        );
    }
}

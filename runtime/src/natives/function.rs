//! Metadata of functions (05 §5). Calling is the VM's and the prelude's work.

use super::*;
use gene_format::program::ParamKind;

pub(super) static METHODS: &[NativeDef] = &[
    def("intent", 1, 1, function_intent),
    def("examples", 1, 1, function_examples),
];

pub(super) static GLOBALS: &[NativeDef] = &[
    def("function_intent", 1, 1, function_intent).usage("function_intent requires a function"),
    def("function_examples", 1, 1, function_examples)
        .usage("function_examples requires a function"),
    def("#param_count", 1, 1, param_count),
    def("#contract_failed", 3, 4, contract_failed),
];

/// Names and kinds of the parameters of a function made from bytecode.
pub fn params<'a>(v: Value) -> Option<&'a [(Symbol, ParamKind)]> {
    view::proto(v).map(|p| &*p.params)
}

/// `^intent` of a function, nil if it has none.
pub(super) fn intent(vm: &mut Vm, f: Value) -> NativeResult {
    Ok(match vm.function_notes(f)?.0 {
        Some(text) => vm.str(&text),
        None => Value::NIL,
    })
}

fn function_intent(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if !is_callable(args.get(0)) {
        return vm.fail("function_intent requires a function");
    }
    match intent(vm, args.get(0))? {
        Value::NIL => Ok(vm.str("")),
        text => Ok(text),
    }
}

fn function_examples(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if !is_callable(args.get(0)) {
        return vm.fail("function_examples requires a function");
    }
    match vm.function_notes(args.get(0))?.1 {
        Value::NIL => Ok(vm.array(Vec::new())),
        examples => Ok(examples),
    }
}

/// `(#param_count f)`: positional parameters; -1 if unknown or with a rest parameter.
fn param_count(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(params) = params(args.get(0)) else {
        return Ok(Value::small_int(-1));
    };
    if params.iter().any(|p| p.1 == ParamKind::Rest) {
        return Ok(Value::small_int(-1));
    }
    let positional = |k| matches!(k, ParamKind::Required | ParamKind::Optional);
    Ok(Value::small_int(
        params.iter().filter(|p| positional(p.1)).count() as i64,
    ))
}

/// Raises what a violated contract raises (09 §6).
fn contract_failed(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let items = |v: Value| view::array(v).map_or(&[][..], |a| a.items.as_slice());
    let mut text = view::text(args.get(0)).unwrap_or("").to_owned();
    text.push('[');
    for (i, (&name, &v)) in items(args.get(1))
        .iter()
        .zip(items(args.get(2)))
        .enumerate()
    {
        if i > 0 {
            text.push_str(", ");
        }
        text.push_str(vm.name_text(name).unwrap_or(""));
        text.push('=');
        text.push_str(&crate::print::quoted(vm, v));
    }
    text.push(']');
    if args.has(3) {
        text.push_str(" | result=");
        text.push_str(&crate::print::quoted(vm, args.get(3)));
    }
    // Always a plain Exception, whatever words the condition contains.
    let message = vm.str(&text);
    vm.raised = vm.exception(Builtin::Exception, message);
    Err(Raised)
}

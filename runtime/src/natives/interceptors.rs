//! Interceptors (05 §11, 07 §11): definitions, application, switches. Running the advice is the
//! prelude's work (`#call:Interception`).
//!
//! A definition has the fields name, parameters, advice, enabled, for functions. An application
//! has definition, target, its advice, enabled.

use super::*;
use crate::heap::object::Record;
use crate::types::name_symbol;
use gene_format::program::ParamKind;

const NAME: usize = 0;
const PARAMS: usize = 1;
const ADVICE: usize = 2;
const ENABLED: usize = 3;
const FOR_FUNCTIONS: usize = 4;

pub(super) static METHODS: &[NativeDef] = &[
    def("enable", 1, ANY, enable),
    def("disable", 1, ANY, disable),
];

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#interceptor", 2, ANY, class_interceptor),
    def("#fn_interceptor", 2, ANY, fn_interceptor),
    def("#call:Interceptor", 1, ANY, apply).with_keys(),
    def("#interception", 1, 1, parts),
];

fn class_interceptor(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    define(vm, args, false)
}

fn fn_interceptor(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    define(vm, args, true)
}

fn define(vm: &mut Vm, args: Args<'_>, functions: bool) -> NativeResult {
    let advice = vm.array(args.from(2).to_vec());
    let fields = vec![
        args.get(0),
        args.get(1),
        advice,
        Value::TRUE,
        Value::bool(functions),
    ];
    Ok(vm.record(Tag::Interceptor, fields, None))
}

fn switch(vm: &mut Vm, args: Args<'_>, on: bool) -> NativeResult {
    if args.has(1) {
        let of = crate::types::type_name(vm, args.this());
        let name = if on { "enable" } else { "disable" };
        return vm.fail(format!("{of}.{name} expects no arguments"));
    }
    if let Some(r) = vm.heap.record_mut(args.this()) {
        r.fields[ENABLED] = Value::bool(on);
    }
    Ok(args.this())
}

fn enable(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    switch(vm, args, true)
}

fn disable(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    switch(vm, args, false)
}

/// `(#interception v)`: `[target advice active for_functions]`
fn parts(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(r) = view::record(args.get(0)) else {
        return Ok(Value::NIL);
    };
    let of = view::record(r.fields[0]);
    let active = r.fields[ENABLED].truthy() && of.is_some_and(|d| d.fields[ENABLED].truthy());
    let functions = of.map_or(Value::FALSE, |d| d.fields[FOR_FUNCTIONS]);
    Ok(vm.array(vec![
        r.fields[1],
        r.fields[ADVICE],
        Value::bool(active),
        functions,
    ]))
}

/// A diagnostic with a marker.
fn refuse(vm: &mut Vm, of: &Record, marker: &str, detail: &str) -> Raised {
    let label = if of.fields[FOR_FUNCTIONS].truthy() {
        "fn-interceptor"
    } else {
        "interceptor"
    };
    let name = vm.name_text(of.fields[NAME]).unwrap_or("");
    vm.error(&format!(
        "[GENE.INTERCEPT.{marker}] {label} application '{name}': {detail}"
    ))
}

/// What a diagnostic calls a value that is no fitting target.
fn actual(vm: &Vm, v: Value) -> &'static str {
    match v.kind() {
        _ if vm.is_macro(v) => "macro-like function",
        Some(Kind::Closure) => "function",
        Some(Kind::Native) => "native function",
        Some(Kind::Class) => "class",
        _ if view::tag(v) == Some(Tag::Interception) => "interception",
        _ => Builtin::kind_name(v),
    }
}

fn function_name(vm: &Vm, v: Value) -> String {
    if let Some(n) = view::native(v) {
        return n.def.name.to_owned();
    }
    vm.function_name(v)
}

/// `(Name target …)`
fn apply(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let definition = args.get(0);
    let Some(of) = view::record(definition) else {
        return Ok(Value::NIL);
    };
    let args = Args {
        items: args.from(1),
        ..args
    };
    if of.fields[FOR_FUNCTIONS].truthy() {
        apply_to_function(vm, definition, of, args)
    } else {
        apply_to_class(vm, definition, of, args)
    }
}

/// The advice of a definition for one of its parameters.
fn advice_for(vm: &mut Vm, of: &Record, param: &str) -> Value {
    let all = view::array(of.fields[ADVICE]).map_or(&[][..], |a| a.items.as_slice());
    let of_param = |advice: &&Value| {
        let items = view::array(**advice).map_or(&[][..], |a| a.items.as_slice());
        items.get(1).and_then(|&p| view::text(p)) == Some(param)
    };
    let advice = all.iter().filter(of_param).copied().collect();
    vm.array(advice)
}

fn params_of<'a>(of: &Record) -> Vec<&'a str> {
    let list = view::array(of.fields[PARAMS]).map_or(&[][..], |a| a.items.as_slice());
    list.iter().filter_map(|&p| view::text(p)).collect()
}

fn interception(vm: &mut Vm, definition: Value, target: Value, advice: Value) -> Value {
    vm.record(
        Tag::Interception,
        vec![definition, target, advice, Value::TRUE],
        None,
    )
}

fn apply_to_function(vm: &mut Vm, definition: Value, of: &Record, args: Args<'_>) -> NativeResult {
    if args.items.len() != 1 {
        let n = args.items.len();
        let detail = format!("expected exactly one callable argument; actual {n}");
        return Err(refuse(vm, of, "FN_ARITY", &detail));
    }
    if !args.keys.is_empty() {
        let detail = "direct application does not accept keyword arguments";
        return Err(refuse(vm, of, "KEYWORD_UNSUPPORTED", detail));
    }
    let target = args.get(0);
    check_function(vm, of, target)?;
    let param = params_of(of).first().copied().unwrap_or("");
    let advice = advice_for(vm, of, param);
    Ok(interception(vm, definition, target, advice))
}

fn check_function(vm: &mut Vm, of: &Record, target: Value) -> Result<(), Raised> {
    if vm.is_macro(target) {
        let detail = format!(
            "expected non-macro callable target; actual {}",
            actual(vm, target)
        );
        return Err(refuse(vm, of, "MACRO_UNSUPPORTED", &detail));
    }
    let fits = matches!(target.kind(), Some(Kind::Closure | Kind::Native))
        || view::tag(target) == Some(Tag::Interception);
    if !fits {
        let detail = format!(
            "expected function, native function, or interception target; actual {}",
            actual(vm, target)
        );
        return Err(refuse(vm, of, "FN_TARGET", &detail));
    }
    if view::proto(target).is_some_and(|p| p.is_async) {
        let name = function_name(vm, target);
        let detail =
            format!("expected synchronous callable target; actual async function '{name}'");
        return Err(refuse(vm, of, "ASYNC_UNSUPPORTED", &detail));
    }
    check_keywords(vm, of, target)
}

fn check_keywords(vm: &mut Vm, of: &Record, target: Value) -> Result<(), Raised> {
    let params = function::params(target).unwrap_or(&[]);
    let is_key = |k| {
        matches!(
            k,
            ParamKind::Key | ParamKind::OptionalKey | ParamKind::KeyRest
        )
    };
    let Some(key) = params.iter().find(|p| is_key(p.1)) else {
        return Ok(());
    };
    let (name, key) = (function_name(vm, target), vm.symbols.text(key.0));
    let detail = format!(
        "target function '{name}' declares keyword parameter '{key}', but keyword forwarding is \
         deferred"
    );
    Err(refuse(vm, of, "KEYWORD_UNSUPPORTED", &detail))
}

fn apply_to_class(vm: &mut Vm, definition: Value, of: &Record, args: Args<'_>) -> NativeResult {
    if !args.keys.is_empty() {
        let detail = "class interceptor application does not accept keyword arguments";
        return Err(refuse(vm, of, "KEYWORD_UNSUPPORTED", detail));
    }
    if args.items.is_empty() {
        let detail = "expected class target argument; actual none";
        return Err(refuse(vm, of, "CLASS_TARGET", detail));
    }
    let class = args.get(0);
    if !class.is(Kind::Class) {
        let marker = if vm.is_macro(class) {
            "MACRO_UNSUPPORTED"
        } else {
            "CLASS_TARGET"
        };
        let detail = format!("expected class target; actual {}", actual(vm, class));
        return Err(refuse(vm, of, marker, &detail));
    }
    let (params, names) = (params_of(of), args.from(1));
    if params.len() != names.len() {
        let (n, got) = (params.len(), names.len());
        let detail = format!("expected {n} method mapping arguments; actual {got}");
        return Err(refuse(vm, of, "MAPPING_ARITY", &detail));
    }
    let mut found = Vec::new();
    for (param, &name) in params.iter().zip(names) {
        found.push(mapped_method(vm, of, class, param, name)?);
    }
    let mut made = Vec::new();
    for (param, (name, method)) in params.iter().zip(found) {
        let advice = advice_for(vm, of, param);
        let wrapper = interception(vm, definition, method, advice);
        if let Some(c) = vm.heap.class_mut(class) {
            vm.set_method(c, name, wrapper);
        }
        made.push(wrapper);
    }
    Ok(vm.array(made))
}

fn mapped_method(
    vm: &mut Vm,
    of: &Record,
    class: Value,
    param: &str,
    name: Value,
) -> Result<(Symbol, Value), Raised> {
    let Some(symbol) = name_symbol(vm, name) else {
        let kind = Builtin::kind_name(name);
        let detail = format!(
            "mapping for parameter '{param}' expected string or symbol method name; actual {kind}"
        );
        return Err(refuse(vm, of, "MAPPING_NAME", &detail));
    };
    match view::class(class).and_then(|c| c.methods.get(&symbol).copied()) {
        Some(method) => Ok((symbol, method)),
        None => {
            let class = view::class(class).map_or("", |c| vm.symbols.text(c.name));
            let method = vm.symbols.text(symbol);
            let detail =
                format!("class '{class}' has no method '{method}' for parameter '{param}'");
            Err(refuse(vm, of, "MISSING_METHOD", &detail))
        }
    }
}

//! Enums and their values, `Result` and `Option` (02-types §7).
//!
//! An enum record has its variants as fields; a variant has its enum; an enum value has its
//! variant, then the payload.

use super::*;
use crate::types::{self, TypeCheck};
use gene_format::program::CheckSite;

/// What an enum record holds beside its variants.
struct EnumData {
    name: &'static str,
}

/// What a variant record holds beside its enum.
struct VariantData {
    name: &'static str,
    fields: Vec<(Symbol, Option<TypeCheck>)>,
}

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#enum", 1, ANY, make),
    def("#call:Variant", 1, ANY, call).with_keys(),
    def("#method:EnumValue", 2, ANY, field),
    def("#failed?", 1, 1, failed),
    def("#payload", 1, 1, payload),
    def("#payload_at", 2, 2, payload_at),
    def("#match_variant?", 3, 3, match_variant),
];

fn enum_data<'a>(v: Value) -> Option<&'a EnumData> {
    view::record(v)?.data.as_ref()?.downcast_ref()
}

fn variant_data<'a>(v: Value) -> Option<&'a VariantData> {
    view::record(v)?.data.as_ref()?.downcast_ref()
}

/// Name of an enum.
pub fn enum_name(v: Value) -> &'static str {
    enum_data(v).map_or("", |d| d.name)
}

/// Name of the enum of a variant or enum value.
pub fn enum_name_of(v: Value) -> Option<&'static str> {
    let variant = variant_of(v)?;
    enum_data(view::record(variant)?.fields[0]).map(|d| d.name)
}

/// The variant of an enum value; a variant is its own.
pub fn variant_of(v: Value) -> Option<Value> {
    match view::tag(v)? {
        Tag::Variant => Some(v),
        Tag::EnumValue => view::record(v)?.fields.first().copied(),
        _ => None,
    }
}

/// Name of a variant, without its enum.
pub fn variant_name(variant: Value) -> &'static str {
    variant_data(variant).map_or("", |d| d.name)
}

/// Appends `Enum/Variant`.
pub fn write_variant(out: &mut String, variant: Value) {
    let of = enum_name_of(variant).unwrap_or("");
    out.extend([of, "/", variant_name(variant)]);
}

fn full_name(variant: Value) -> String {
    let mut out = String::new();
    write_variant(&mut out, variant);
    out
}

/// The variant of this name of an enum.
pub fn variant(vm: &Vm, v: Value, name: Symbol) -> Option<Value> {
    let name = vm.symbols.text(name);
    let variants = &view::record(v)?.fields;
    variants
        .iter()
        .copied()
        .find(|&v| variant_data(v).is_some_and(|d| d.name == name))
}

/// `(#enum name variant…)`
fn make(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = vm.name_text(args.get(0)).unwrap_or("").to_owned();
    let mut variants = Vec::new();
    for &v in args.from(1) {
        let items = view::array(v).map_or(&[][..], |a| a.items.as_slice());
        let Some((&first, rest)) = items.split_first() else {
            continue;
        };
        let variant = vm.name_text(first).unwrap_or("").to_owned();
        let mut fields = Vec::new();
        for pair in rest.chunks_exact(2) {
            let Some(field) = types::name_symbol(vm, pair[0]) else {
                continue;
            };
            let check = field_check(vm, &name, &variant, field, pair[1]);
            fields.push((field, check));
        }
        variants.push((variant, fields));
    }
    Ok(new_enum(vm, &name, variants))
}

/// A variant's name and its fields.
type NewVariant = (String, Vec<(Symbol, Option<TypeCheck>)>);

fn new_enum(vm: &mut Vm, name: &str, variants: Vec<NewVariant>) -> Value {
    let name = vm.symbols.intern(name);
    let name = vm.symbols.text(name);
    let e = vm.record(Tag::Enum, Vec::new(), Some(Box::new(EnumData { name })));
    let mut list = Vec::new();
    for (name, fields) in variants {
        let name = vm.symbols.intern(&name);
        let data = VariantData {
            name: vm.symbols.text(name),
            fields,
        };
        list.push(vm.record(Tag::Variant, vec![e], Some(Box::new(data))));
    }
    if let Some(r) = vm.heap.record_mut(e) {
        r.fields = list;
    }
    e
}

fn field_check(
    vm: &mut Vm,
    of: &str,
    variant: &str,
    field: Symbol,
    ty: Value,
) -> Option<TypeCheck> {
    let text = match ty {
        Value::NIL => return None,
        ty => crate::print::quoted(vm, ty),
    };
    let ty = types::type_of_data(vm, ty).filter(|t| *t != types::Type::Any)?;
    let name = format!("{of}/{variant}.{}", vm.symbols.text(field));
    let strict_nil = vm.options.strict_nil;
    let site = CheckSite::EnumField;
    Some(TypeCheck::new(ty, text, name, site, strict_nil))
}

/// `Result`, `Option`, and their variants.
pub(super) fn constant(vm: &mut Vm, name: &str) -> Option<Value> {
    let unchecked = |vm: &mut Vm, name: &str, field: Option<&str>| {
        let fields = field
            .map(|f| (vm.symbols.intern(f), None))
            .into_iter()
            .collect();
        (name.to_owned(), fields)
    };
    match name {
        "Result" => {
            let ok = unchecked(vm, "Ok", Some("value"));
            let err = unchecked(vm, "Err", Some("error"));
            Some(new_enum(vm, name, vec![ok, err]))
        }
        "Option" => {
            let some = unchecked(vm, "Some", Some("value"));
            let none = unchecked(vm, "None", None);
            Some(new_enum(vm, name, vec![some, none]))
        }
        "Ok" | "Err" => member_of(vm, "Result", name),
        "Some" | "None" => member_of(vm, "Option", name),
        _ => None,
    }
}

fn member_of(vm: &mut Vm, of: &str, name: &str) -> Option<Value> {
    let of = vm.builtin(of).ok()?;
    let name = vm.symbols.intern(name);
    variant(vm, of, name)
}

/// `(E/V args…)`
fn call(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let variant = args.get(0);
    let Some(data) = variant_data(variant) else {
        return vm.fail("Enum call expects a variant");
    };
    let name = full_name(variant);
    let given = args.from(1);
    if data.fields.is_empty() {
        if !args.keys.is_empty() {
            let keys = names(vm, args.keys.iter().copied());
            return vm.fail(format!(
                "Unit variant {name} expects 0 keyword arguments, got: {keys}"
            ));
        }
        if !given.is_empty() {
            let n = given.len();
            return vm.fail(format!("Unit variant {name} expects 0 arguments, got {n}"));
        }
        return Ok(variant);
    }
    let payload = match (given.is_empty(), args.keys.is_empty()) {
        (false, false) => {
            return vm.fail(format!(
                "Variant {name} cannot mix positional and keyword arguments"
            ));
        }
        (true, false) => keyword_payload(vm, data, &name, args)?,
        _ if given.len() != data.fields.len() => {
            let (n, got) = (data.fields.len(), given.len());
            let (s, fields) = (plural(n), names(vm, data.fields.iter().map(|f| f.0)));
            return vm.fail(format!(
                "Variant {name} expects {n} argument{s} ({fields}), got {got}"
            ));
        }
        _ => given.to_vec(),
    };
    let mut parts = vec![variant];
    for ((_, check), v) in data.fields.iter().zip(payload) {
        parts.push(match check {
            Some(check) => types::check(vm, check, v)?,
            None => v,
        });
    }
    Ok(vm.record(Tag::EnumValue, parts, None))
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn names(vm: &Vm, names: impl Iterator<Item = Symbol>) -> String {
    names
        .map(|n| vm.symbols.text(n))
        .collect::<Vec<_>>()
        .join(", ")
}

fn keyword_payload(
    vm: &mut Vm,
    data: &VariantData,
    name: &str,
    args: Args<'_>,
) -> Result<Vec<Value>, Raised> {
    let fields = names(vm, data.fields.iter().map(|f| f.0));
    let unknown = args
        .keys
        .iter()
        .copied()
        .filter(|k| !data.fields.iter().any(|f| f.0 == *k));
    let unknown = names(vm, unknown);
    if !unknown.is_empty() {
        return Err(vm.error(&format!(
            "Variant {name} got unknown keyword argument(s): {unknown}; expected fields: {fields}"
        )));
    }
    let missing = data
        .fields
        .iter()
        .map(|f| f.0)
        .filter(|f| !args.keys.contains(f));
    let missing = names(vm, missing);
    if !missing.is_empty() {
        return Err(vm.error(&format!(
            "Variant {name} missing keyword argument(s): {missing}; expected fields: {fields}"
        )));
    }
    let value = |f: Symbol| {
        args.keys
            .iter()
            .position(|&k| k == f)
            .map(|i| args.values[i])
    };
    Ok(data
        .fields
        .iter()
        .map(|f| value(f.0).unwrap_or(Value::NIL))
        .collect())
}

/// `(v .field)`
fn field(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let (v, name) = (args.get(0), args.get(1));
    let name = vm.name_text(name).unwrap_or("");
    let variant = variant_of(v).and_then(variant_data);
    let at = variant.and_then(|d| d.fields.iter().position(|f| vm.symbols.text(f.0) == name));
    match (at, view::record(v)) {
        (Some(at), Some(r)) if args.items.len() == 2 => Ok(r.fields[at + 1]),
        _ => {
            let text = no_variant_field(vm, v, name);
            vm.fail(text)
        }
    }
}

/// The built-in variant that a value belongs to.
fn builtin_variant(vm: &mut Vm, v: Value) -> Option<&'static str> {
    let variant = variant_of(v)?;
    let name = variant_name(variant);
    let of = match name {
        "Ok" | "Err" => "Result",
        "Some" | "None" => "Option",
        _ => return None,
    };
    let of = vm.builtin(of).ok()?;
    (view::record(variant)?.fields[0] == of).then_some(name)
}

/// `(#failed? v)`: an `Err` or `None`.
fn failed(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    Ok(Value::bool(match builtin_variant(vm, v) {
        Some("Err") => view::tag(v) == Some(Tag::EnumValue),
        Some("None") => true,
        _ => false,
    }))
}

/// `(#payload v)`: what an `Ok` or `Some` holds; anything else is itself.
fn payload(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    Ok(match (builtin_variant(vm, v), view::record(v)) {
        (Some("Ok" | "Some"), Some(r)) if r.tag == Tag::EnumValue => r.fields[1],
        _ => v,
    })
}

/// `(#payload_at v i)`
fn payload_at(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let at = view::int(args.get(1)).and_then(|i| usize::try_from(i).ok());
    let found = view::record(args.get(0))
        .zip(at)
        .and_then(|(r, i)| r.fields.get(i + 1));
    Ok(found.copied().unwrap_or(Value::VOID))
}

/// `(#match_variant? variant v n)`
fn match_variant(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let variant = args.get(0);
    let Some(data) = variant_data(variant).filter(|_| view::tag(variant) == Some(Tag::Variant))
    else {
        let kind = Builtin::kind_name(variant);
        return vm.fail(format!("Enum pattern expected VkEnumMember, got {kind}"));
    };
    let binders = view::int(args.get(2)).unwrap_or(0);
    let n = data.fields.len();
    if binders != n as i64 {
        let name = full_name(variant);
        let mut fields = names(vm, data.fields.iter().map(|f| f.0));
        if n > 0 {
            fields = format!(" ({fields})");
        }
        return vm.fail(format!(
            "variant {name} pattern expects {n} binding(s){fields}, got {binders}"
        ));
    }
    let same = variant_of(args.get(1)) == Some(variant);
    let whole = n == 0 || view::tag(args.get(1)) == Some(Tag::EnumValue);
    Ok(Value::bool(same && whole))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_global, show, vm};
    use super::*;

    fn shape(vm: &mut Vm) -> Value {
        let name = vm.str("Shape");
        let int = vm.symbol("Int");
        let rect = ["Rect", "width", "height"].map(|s| vm.str(s));
        let rect = vm.array(vec![rect[0], rect[1], int, rect[2], Value::NIL]);
        let point = vm.str("Point");
        let point = vm.array(vec![point]);
        call_global(vm, "#enum", &[name, rect, point]).unwrap()
    }

    #[test]
    fn construction_and_messages() {
        let mut vm = vm();
        let e = shape(&mut vm);
        let of = |vm: &mut Vm, name: &str| {
            let name = vm.symbols.intern(name);
            variant(vm, e, name).unwrap()
        };
        let (rect, point) = (of(&mut vm, "Rect"), of(&mut vm, "Point"));
        let (one, text) = (Value::small_int(1), vm.str("x"));
        for (args, want) in [
            (vec![rect, one, text], "(Shape/Rect 1 \"x\")"),
            (
                vec![rect, one],
                "error: Variant Shape/Rect expects 2 arguments (width, height), got 1",
            ),
            (vec![point], "Shape/Point"),
            (
                vec![point, one],
                "error: Unit variant Shape/Point expects 0 arguments, got 1",
            ),
            (
                vec![rect, text, one],
                "error: Type error [GENE_TYPE_MISMATCH]: expected Int, got String in field \
                 Shape/Rect.width",
            ),
        ] {
            let got = call_global(&mut vm, "#call:Variant", &args);
            assert_eq!(show(&mut vm, got), want);
        }
        let names = ["width", "height", "depth"].map(|n| vm.symbols.intern(n));
        for (keys, items, want) in [
            (&names[..2], vec![rect], "(Shape/Rect 1 1)"),
            (
                &names[..2],
                vec![rect, one],
                "error: Variant Shape/Rect cannot mix positional and keyword arguments",
            ),
            (
                &names[..1],
                vec![rect],
                "error: Variant Shape/Rect missing keyword argument(s): height; expected fields: width, height",
            ),
            (
                &names[..],
                vec![rect],
                "error: Variant Shape/Rect got unknown keyword argument(s): depth; expected fields: width, height",
            ),
            (
                &names[2..],
                vec![point],
                "error: Unit variant Shape/Point expects 0 keyword arguments, got: depth",
            ),
        ] {
            let values = vec![one; keys.len()];
            let got = super::call(
                &mut vm,
                Args {
                    items: &items,
                    keys,
                    values: &values,
                },
            );
            assert_eq!(show(&mut vm, got), want);
        }
        let two = Value::small_int(2);
        let got = call_global(&mut vm, "#match_variant?", &[rect, one, one]);
        assert_eq!(
            show(&mut vm, got),
            "error: variant Shape/Rect pattern expects 2 binding(s) (width, height), got 1"
        );
        let got = call_global(&mut vm, "#match_variant?", &[one, one, two]);
        assert_eq!(
            show(&mut vm, got),
            "error: Enum pattern expected VkEnumMember, got VkInt"
        );
    }

    #[test]
    fn results_and_options() {
        let mut vm = vm();
        let (ok, err) = (vm.builtin("Ok").unwrap(), vm.builtin("Err").unwrap());
        let none = vm.builtin("None").unwrap();
        let one = Value::small_int(1);
        let ok = call_global(&mut vm, "#call:Variant", &[ok, one]).unwrap();
        let err = call_global(&mut vm, "#call:Variant", &[err, one]).unwrap();
        for (v, failed, payload) in [
            (ok, false, one),
            (err, true, err),
            (none, true, none),
            (one, false, one),
        ] {
            assert_eq!(
                call_global(&mut vm, "#failed?", &[v]).unwrap(),
                Value::bool(failed)
            );
            assert_eq!(call_global(&mut vm, "#payload", &[v]).unwrap(), payload);
        }
        assert_eq!(crate::types::type_name(&vm, ok), "Result");
    }
}

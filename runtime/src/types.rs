//! Type checks at run time (02-types §5): a value against a type expression, with conversion
//! where the place allows it; and `typeof`, `is`, `.is`, `.to`.

use crate::classes::Builtin;
use crate::heap::object::*;
use crate::heap_view as view;
use crate::natives::{NativeResult, Raised, enums, log};
use crate::program::Image;
use crate::symbol::Symbol;
use crate::value::Value;
use crate::vm::Vm;
use gene_format::error::FormatError;
use gene_format::image::CheckedImage;
use gene_format::program::{Check, CheckSite, StrId, TypeDesc};
use std::cell::Cell;

mod signature;

pub use signature::Signature;
use signature::fits_function;

/// Index of a check in `Vm::checks`.
pub type CheckRef = u32;

/// A type check with its names resolved.
#[derive(Clone, Debug)]
pub struct TypeCheck {
    /// The type.
    pub ty: Type,
    /// The annotation as written.
    pub text: String,
    /// Parameter, field or function name, or `variable`.
    pub name: String,
    /// Where the check stands.
    pub site: CheckSite,
    /// Kinds of values that pass as they are.
    passing: Kinds,
    /// Shape of the instance that passed last; 0 if there was none.
    passed: Cell<u32>,
}

/// A set of kinds of values that can be told from the value and its header alone. The highest
/// four bits are 0, so that a table entry with it is no object (see `CheckEntry`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kinds(u32);

impl Kinds {
    const NONE: Kinds = Kinds(0);
    const ALL: Kinds = Kinds(u32::MAX >> 4);
    /// Ints within the value.
    const INT: Kinds = Kinds(1 << 27);
    const FLOAT: Kinds = Kinds(1 << 26);
    const NIL: Kinds = Kinds(1 << 25);
    const BOOL: Kinds = Kinds(1 << 24);

    /// Objects of this kind, which is not `Instance`.
    const fn of(kind: Kind) -> Kinds {
        assert!((kind as u32) < 24);
        Kinds(1 << kind as u32)
    }

    /// Whether the value is of one of the kinds; instances never are.
    #[inline(always)]
    fn has(self, v: Value) -> bool {
        let kind = if v.is_int() {
            Kinds::INT
        } else if let Some(shape) = view::shape(v) {
            if shape >= FIRST_SHAPE {
                return false;
            }
            Kinds(1_u32.wrapping_shl(shape))
        } else if v.is_float() {
            Kinds::FLOAT
        } else if v == Value::NIL {
            Kinds::NIL
        } else if v == Value::TRUE || v == Value::FALSE {
            Kinds::BOOL
        } else {
            Kinds::NONE
        };
        self.0 & kind.0 != 0
    }

    const fn with(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// The kinds that belong to a type, as far as kinds alone tell.
    fn of_type(ty: &Type) -> Kinds {
        match ty {
            Type::Any => Kinds::ALL,
            Type::Named(name) | Type::Applied(name) => Kinds::of_name(name),
            Type::Union(members) => members
                .iter()
                .fold(Kinds::NONE, |kinds, m| kinds.with(Kinds::of_type(m))),
            Type::Function(..) => Kinds::NONE,
        }
    }

    fn of_name(name: &str) -> Kinds {
        let int = Kinds::INT.with(Kinds::of(Kind::BigInt));
        match name {
            "Any" => Kinds::ALL,
            "Int" => int,
            "Float" => Kinds::FLOAT,
            "Numeric" => int.with(Kinds::FLOAT),
            "Bool" => Kinds::BOOL,
            "Nil" => Kinds::NIL,
            "String" => Kinds::of(Kind::Str),
            "Array" => Kinds::of(Kind::Array),
            "Map" => Kinds::of(Kind::Map),
            "Function" => Kinds::of(Kind::Closure).with(Kinds::of(Kind::Native)),
            "Collection" => [Kind::Map, Kind::HashMap, Kind::HashSet]
                .into_iter()
                .fold(Kinds::of(Kind::Array), |kinds, kind| {
                    kinds.with(Kinds::of(kind))
                }),
            _ => Kinds::NONE,
        }
    }
}

impl TypeCheck {
    /// A check of a machine that is strict about nil or not.
    pub fn new(ty: Type, text: String, name: String, site: CheckSite, strict_nil: bool) -> Self {
        let passing = match strict_nil && !admits_nil(&ty) {
            true => Kinds::of_type(&ty),
            false => Kinds::of_type(&ty).with(Kinds::NIL),
        };
        Self {
            ty,
            text,
            name,
            site,
            passing,
            passed: Cell::new(0),
        }
    }

    /// Whether an instance of the same shape passed before.
    #[inline(always)]
    pub fn passed_before(&self, v: Value) -> bool {
        view::shape(v).is_some_and(|shape| shape >= FIRST_SHAPE && shape == self.passed.get())
    }

    /// Whether the value passes as it is, as far as that can be told at once.
    #[inline(always)]
    pub fn passes(&self, v: Value) -> bool {
        self.passing.has(v) || self.passed_before(v)
    }

    /// An instance passed: so will others of its shape, whose class is the same.
    fn remember(&self, v: Value) {
        if let Some(instance) = view::instance(v)
            && depends_on_class_alone(&self.ty)
        {
            self.passed.set(instance.header.shape);
        }
    }
}

/// What a constructor's argument must pass on its way into a field: the check of the parameter and
/// that of the field, as far as there are such.
#[derive(Debug)]
pub struct FieldChecks {
    /// Kinds of values that pass both.
    passing: Kinds,
    checks: [Option<&'static TypeCheck>; 2],
}

impl FieldChecks {
    /// The checks of a parameter and of a field.
    pub fn new(param: Option<&'static TypeCheck>, field: Option<&'static TypeCheck>) -> Self {
        let checks = [param, field];
        let all = |kinds: Kinds, check: &&TypeCheck| Kinds(kinds.0 & check.passing.0);
        Self {
            passing: checks.iter().flatten().fold(Kinds::ALL, all),
            checks,
        }
    }

    /// Whether there is nothing to check.
    pub fn is_empty(&self) -> bool {
        self.checks.iter().all(Option::is_none)
    }

    /// Whether the value passes as it is, as far as that can be told at once.
    #[inline(always)]
    pub fn passes(&self, v: Value) -> bool {
        self.passing.has(v) || self.checks.iter().flatten().all(|check| check.passes(v))
    }
}

/// What a module's table holds for a check: its index in `Vm::checks`, and the kinds that pass.
#[derive(Clone, Copy)]
pub struct CheckEntry(u64);

impl CheckEntry {
    /// The entry of a check at this index.
    pub fn new(index: CheckRef, check: &TypeCheck) -> Self {
        Self(u64::from(check.passing.0) << 32 | u64::from(index))
    }

    /// The entry in a table.
    #[inline(always)]
    pub fn of(entry: Value) -> Self {
        Self(entry.bits())
    }

    /// The entry as the table holds it.
    pub fn value(self) -> Value {
        Value::raw(self.0)
    }

    /// Index in `Vm::checks`.
    #[inline(always)]
    pub fn index(self) -> CheckRef {
        self.0 as u32
    }

    /// Whether the value passes as it is; if not, [`check`] knows more.
    #[inline(always)]
    pub fn passes(self, v: Value) -> bool {
        Kinds((self.0 >> 32) as u32).has(v)
    }
}

fn depends_on_class_alone(ty: &Type) -> bool {
    match ty {
        Type::Any | Type::Named(_) | Type::Applied(_) => true,
        Type::Union(members) => members.iter().all(depends_on_class_alone),
        Type::Function(..) => false,
    }
}

/// A type expression with its names resolved.
#[derive(Clone, PartialEq, Debug)]
pub enum Type {
    /// Accepts everything.
    Any,
    /// Matched by name.
    Named(String),
    /// Checked by its head.
    Applied(String),
    /// Any of these.
    Union(Vec<Type>),
    /// `(Fn [..] R)`: keyword name, rest flag, type of each parameter; result.
    Function(Vec<(Option<String>, bool, Type)>, Box<Type>),
}

/// Resolves the names of a check.
///
/// # Errors
/// A corrupt image.
pub fn resolve(vm: &mut Vm, image: &mut Image, check: &Check) -> Result<TypeCheck, Raised> {
    let text = |vm: &mut Vm, id: StrId| vm.corrupt(image.view.string(id)).map(str::to_owned);
    let ty = vm.corrupt(resolve_type(&image.view, &check.ty))?;
    let (text, name) = (text(vm, check.text)?, text(vm, check.name)?);
    let strict_nil = vm.options.strict_nil;
    Ok(TypeCheck::new(ty, text, name, check.site, strict_nil))
}

fn resolve_type(view: &CheckedImage<'_>, ty: &TypeDesc) -> Result<Type, FormatError> {
    let text = |id: StrId| view.string(id).map(str::to_owned);
    Ok(match ty {
        TypeDesc::Any => Type::Any,
        TypeDesc::Named(id) => Type::Named(text(*id)?),
        TypeDesc::Applied(id) => Type::Applied(text(*id)?),
        TypeDesc::Union(members) => {
            let members = members.iter().map(|m| resolve_type(view, m));
            Type::Union(members.collect::<Result<_, _>>()?)
        }
        TypeDesc::Function { params, result } => {
            let mut resolved = Vec::with_capacity(params.len());
            for p in params {
                let key = p.key.map(text).transpose()?;
                resolved.push((key, p.rest, resolve_type(view, &p.ty)?));
            }
            Type::Function(resolved, Box::new(resolve_type(view, result)?))
        }
    })
}

// ---------------------------------------------------------------- checks

/// Checks a value, converting where the site allows it.
///
/// # Errors
/// `Type error [GENE_TYPE_MISMATCH]: …`
pub fn check(vm: &mut Vm, check: &TypeCheck, value: Value) -> NativeResult {
    if value == Value::NIL {
        if !vm.options.strict_nil || admits_nil(&check.ty) {
            return Ok(value);
        }
        let (text, place) = (&check.text, context(check));
        return vm.fail(format!(
            "Type error [GENE_TYPE_MISMATCH]: expected {text}, got Nil in {place}; strict nil \
             mode admits nil only for Any, Nil, Option[T], or unions containing Nil"
        ));
    }
    if matches(vm, &check.ty, value) {
        check.remember(value);
        return Ok(value);
    }
    if check.site != CheckSite::Variable
        && let Some(converted) = convert(vm, &check.ty, value, &context(check))
    {
        return Ok(converted);
    }
    Err(mismatch(vm, check, value))
}

#[cold]
fn mismatch(vm: &mut Vm, check: &TypeCheck, value: Value) -> Raised {
    let place = context(check);
    if let Some(g) = view::gene(value)
        && let Some(head) = g.head.as_symbol().map(|s| vm.symbols.text(s))
        && let Type::Named(name) | Type::Applied(name) = &check.ty
        && matches!(
            (name.as_str(), head),
            ("Result", "Ok" | "Err") | ("Option", "Some" | "None")
        )
    {
        return vm.error(&format!(
            "legacy Gene-expression ADT value for {name} is no longer accepted in {place}; use \
             enum-backed {name} constructors instead"
        ));
    }
    vm.place_wanted = check.site == CheckSite::Property;
    let (text, got) = (&check.text, type_name(vm, value));
    vm.error(&format!(
        "Type error [GENE_TYPE_MISMATCH]: expected {text}, got {got} in {place}"
    ))
}

/// How messages name the place of a check.
fn context(check: &TypeCheck) -> String {
    let name = &check.name;
    match check.site {
        CheckSite::Param => name.clone(),
        CheckSite::Result => format!("return value of {name}"),
        CheckSite::Variable => "variable".to_owned(),
        CheckSite::Property => format!("property {name}"),
        CheckSite::EnumField => format!("field {name}"),
    }
}

fn admits_nil(ty: &Type) -> bool {
    match ty {
        Type::Any => true,
        Type::Named(name) => matches!(name.as_str(), "Any" | "Nil" | "Option"),
        Type::Applied(name) => name == "Option",
        Type::Union(members) => members.iter().any(admits_nil),
        Type::Function(..) => false,
    }
}

/// Converts between numbers if the type wants the other kind; warns of what is lost.
fn convert(vm: &mut Vm, ty: &Type, value: Value, place: &str) -> Option<Value> {
    let wants = |name: &str| match ty {
        Type::Named(n) => n == name,
        Type::Union(members) => members
            .iter()
            .any(|m| matches!(m, Type::Named(n) if n == name)),
        _ => false,
    };
    if let Some(n) = view::int(value) {
        return wants("Float").then(|| Value::float(n as f64));
    }
    if !value.is_float() || !wants("Int") {
        return None;
    }
    let f = value.as_float();
    let n = to_int(f)?;
    if n as f64 != f {
        let text = gene_format::text::format_float(f);
        let line = format!("Lossy conversion Float -> Int for {place}: {text} -> {n}");
        log::warn(vm, "gene/runtime_types", &line);
    }
    Some(vm.int(n))
}

/// The float without its fraction, if that is an int.
pub fn to_int(f: f64) -> Option<i64> {
    // 2^63 is a float, the largest int is not.
    let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f);
    in_range.then(|| f.trunc() as i64)
}

// ---------------------------------------------------------------- matching

/// True if the value belongs to the type.
pub fn matches(vm: &Vm, ty: &Type, v: Value) -> bool {
    match ty {
        Type::Any => true,
        Type::Named(name) | Type::Applied(name) => has_type_name(vm, name, v),
        Type::Union(members) => members.iter().any(|m| matches(vm, m, v)),
        Type::Function(params, result) => fits_function(vm, params, result, v),
    }
}

fn has_type_name(vm: &Vm, name: &str, v: Value) -> bool {
    match name {
        "Any" => true,
        "Int" => view::int(v).is_some(),
        "Float" => v.is_float(),
        "String" => v.is(Kind::Str),
        "Numeric" => v.is_float() || view::int(v).is_some(),
        "Collection" => matches!(
            v.kind(),
            Some(Kind::Array | Kind::Map | Kind::HashMap | Kind::HashSet)
        ),
        "Self" => v.is(Kind::Instance),
        "Function" => {
            matches!(v.kind(), Some(Kind::Closure | Kind::Native))
                || view::tag(v) == Some(Tag::Interception)
        }
        "Object" => v.is(Kind::Instance) && class_names(vm, v).any(|n| n == name),
        _ => has_other_name(vm, name, v),
    }
}

fn has_other_name(vm: &Vm, name: &str, v: Value) -> bool {
    let class = match v.kind() {
        Some(Kind::Instance) => return class_names(vm, v).any(|n| n == name),
        Some(Kind::Record) => match view::tag(v) {
            Some(Tag::EnumValue | Tag::Variant) => {
                return enums::enum_name_of(v) == Some(name);
            }
            tag => tag.map_or(Builtin::Object, Builtin::of_tag),
        },
        Some(kind) => Builtin::of_kind(kind),
        None => Builtin::of_immediate(v),
    };
    class.name() == name || type_name(vm, v) == name
}

// ---------------------------------------------------------------- typeof

/// What `typeof` gives.
pub fn type_name(vm: &Vm, v: Value) -> String {
    let name = match v.kind() {
        None => match Builtin::of_immediate(v) {
            Builtin::Void => "VkVoid",
            Builtin::Char => "VkChar",
            Builtin::Object => "VkPlaceholder",
            other => other.name(),
        },
        Some(Kind::Instance) => return vm.class_name(v),
        Some(Kind::Closure) if view::is_block(v) => "Block",
        Some(Kind::Range | Kind::Bytes | Kind::Namespace) => Builtin::kind_name(v),
        Some(Kind::Iterator) => match view::iterator(v).map(|i| i.over) {
            Some(Over::Map | Over::HashMap) => "MapIterator",
            Some(Over::Range) => "RangeIterator",
            _ => "ArrayIterator",
        },
        Some(Kind::Record) => match view::tag(v) {
            Some(Tag::EnumValue | Tag::Variant) => enums::enum_name_of(v).unwrap_or("VkEnum"),
            Some(
                tag @ (Tag::Future
                | Tag::Actor
                | Tag::Interceptor
                | Tag::Interception
                | Tag::IoHandle
                | Tag::Package
                | Tag::Application),
            ) => Builtin::of_tag(tag).name(),
            _ => Builtin::kind_name(v),
        },
        Some(kind) => Builtin::of_kind(kind).name(),
    };
    name.to_owned()
}

/// Names of the class of an instance and of its ancestors.
pub fn class_names(vm: &Vm, v: Value) -> impl std::iter::Iterator<Item = &'static str> + '_ {
    let own = view::instance(v).map(|o| vm.heap.shapes.get(o.header.shape).class);
    std::iter::successors(own.and_then(class_view), |c| class_view(c.parent))
        .map(|c| vm.symbols.text(c.name))
}

/// A class by its address, `None` for null.
pub fn class_view<'a>(class: *mut Class) -> Option<&'a Class> {
    if class.is_null() {
        None
    } else {
        view::class(Value::obj(class))
    }
}

/// The address of a class, null for other values.
pub fn class_ptr(v: Value) -> *mut Class {
    if v.is(Kind::Class) {
        v.as_obj().cast()
    } else {
        std::ptr::null_mut()
    }
}

// ---------------------------------------------------------------- types as values

/// The one spelling of a built-in type name.
pub fn canonical(text: &str) -> &str {
    match text {
        "int" | "Int64" | "int64" | "i64" => "Int",
        "float" | "Float64" | "float64" | "f64" => "Float",
        "string" => "String",
        "bool" => "Bool",
        "nil" => "Nil",
        "void" => "Void",
        _ => text,
    }
}

/// A type value from a type expression as data.
pub fn make_type(vm: &mut Vm, form: Value) -> Value {
    let ty = type_of_data(vm, form).unwrap_or(Type::Any);
    vm.record(Tag::Type, vec![form], Some(Box::new(ty)))
}

/// The type that a class, enum, type value, name, or type expression as data denotes.
pub fn type_of_data(vm: &Vm, v: Value) -> Option<Type> {
    type_at(vm, v, 0)
}

/// Type expressions nested deeper than this are taken as `Any`.
const MAX_NESTING: u32 = 100;

fn type_at(vm: &Vm, v: Value, depth: u32) -> Option<Type> {
    if depth > MAX_NESTING {
        return Some(Type::Any);
    }
    let named = |name: &str| match canonical(name) {
        "Any" => Type::Any,
        name => Type::Named(name.to_owned()),
    };
    if let Some(name) = vm.name_text(v) {
        return Some(named(name));
    }
    match v.kind() {
        None if v == Value::NIL => Some(named("Nil")),
        None if v == Value::VOID => Some(named("Void")),
        Some(Kind::Path) => Some(named(vm.symbols.text(*view::path(v)?.parts.last()?))),
        Some(Kind::Class) => Some(named(vm.symbols.text(view::class(v)?.name))),
        Some(Kind::Record) => match view::record(v)?.tag {
            Tag::Type => view::record(v)?
                .data
                .as_ref()?
                .downcast_ref::<Type>()
                .cloned(),
            Tag::Enum => Some(named(enums::enum_name(v))),
            _ => None,
        },
        Some(Kind::Gene) => gene_type(vm, v, depth),
        _ => None,
    }
}

fn gene_type(vm: &Vm, v: Value, depth: u32) -> Option<Type> {
    let g = view::gene(v)?;
    let word = |v: Value| v.as_symbol().map(|s| vm.symbols.text(s));
    if g.children.first().copied().and_then(word) == Some("|") {
        let mut types = Vec::new();
        for &m in union_parts(g) {
            types.push(type_at(vm, m, depth + 1)?);
        }
        return Some(Type::Union(types));
    }
    if word(g.head) != Some("Fn") {
        return match type_at(vm, g.head, depth + 1)? {
            Type::Named(name) => Some(Type::Applied(name)),
            _ => None,
        };
    }
    let mut rest = g.children.as_slice();
    let mut params = Vec::new();
    if let Some(list) = rest.first().and_then(|&l| view::array(l)) {
        params = param_types(vm, list.items.as_slice(), depth);
        rest = &rest[1..];
    }
    if rest.first().copied().and_then(word) == Some("->") {
        rest = &rest[1..];
    }
    let result = match rest.first() {
        Some(&r) if word(r) != Some("!") => type_at(vm, r, depth + 1).unwrap_or(Type::Any),
        _ => Type::Any,
    };
    Some(Type::Function(params, Box::new(result)))
}

/// The members of `(A | B | C)`.
fn union_parts(g: &Gene) -> impl std::iter::Iterator<Item = &Value> {
    std::iter::once(&g.head).chain(g.children.iter().skip(1).step_by(2))
}

fn param_types(vm: &Vm, items: &[Value], depth: u32) -> Vec<(Option<String>, bool, Type)> {
    let word = |v: Value| v.as_symbol().map(|s| vm.symbols.text(s));
    let ty = |v: Value| type_at(vm, v, depth + 1).unwrap_or(Type::Any);
    let mut params: Vec<(Option<String>, bool, Type)> = Vec::new();
    let mut items = items.iter();
    while let Some(&item) = items.next() {
        match word(item) {
            Some(text) if text.starts_with('^') => {
                let key = text.trim_start_matches('^').trim_end_matches("...");
                let of = items.next().map_or(Type::Any, |&v| ty(v));
                params.push((Some(key.to_owned()), text.ends_with("..."), of));
            }
            Some("...") => {
                if let Some(last) = params.last_mut() {
                    last.1 = true;
                }
            }
            Some(text) if text.ends_with("...") => {
                let name = canonical(text.trim_end_matches("...")).to_owned();
                params.push((None, true, Type::Named(name)));
            }
            _ => params.push((None, false, ty(item))),
        }
    }
    params
}

/// `(a is b)`
///
/// # Errors
/// `b` is no type.
pub fn is(vm: &mut Vm, a: Value, b: Value) -> NativeResult {
    if b.is(Kind::Class) && a.is(Kind::Instance) {
        let own = vm.class_of(a);
        if vm.is_subclass(own, class_ptr(b)) {
            return Ok(Value::TRUE);
        }
    }
    let ty = match view::tag(b) {
        Some(Tag::Enum) => None,
        _ if b == Value::NIL || b == Value::VOID => None,
        _ => type_of_data(vm, b),
    };
    match ty {
        Some(ty) => Ok(Value::bool(matches(vm, &ty, a))),
        None => vm.fail("is requires a type value on the right side"),
    }
}

/// `(a .is b)`
///
/// # Errors
/// `b` is neither a class, an instance nor a type value.
pub fn object_is(vm: &mut Vm, a: Value, b: Value) -> NativeResult {
    let class = match b.kind() {
        Some(Kind::Class) => class_ptr(b),
        Some(Kind::Instance) => vm.class_of(b),
        Some(Kind::Record) if view::tag(b) == Some(Tag::Type) => return is(vm, a, b),
        _ => return vm.fail("Object.is expects a class or instance as the second argument"),
    };
    let root = vm.class(Builtin::Object);
    let own = vm.class_of(a);
    Ok(Value::bool(class == root || vm.is_subclass(own, class)))
}

/// `(v .to T)`
///
/// # Errors
/// The value is not convertible.
pub fn to(vm: &mut Vm, v: Value, target: Value) -> NativeResult {
    let Some(ty) = type_of_data(vm, target) else {
        return vm.fail("Object.to expects a type");
    };
    if matches(vm, &ty, v) {
        return Ok(v);
    }
    if let Some(converted) = convert(vm, &ty, v, "value") {
        return Ok(converted);
    }
    let (from, to) = (type_name(vm, v), canonical_text(vm, target));
    vm.fail(format!("Type error: cannot convert {from} to {to}"))
}

/// The type's text with aliases of built-in names and the order of unions made one: two types
/// are equivalent if these texts are the same.
pub fn canonical_text(vm: &Vm, v: Value) -> String {
    let mut members = union_texts(vm, v, 0);
    members.sort();
    members.dedup();
    members.join(" | ")
}

/// The texts of the members of a union; of another type its own.
fn union_texts(vm: &Vm, v: Value, depth: u32) -> Vec<String> {
    if depth > MAX_NESTING {
        return vec!["Any".to_owned()];
    }
    let word = |v: Value| v.as_symbol().map(|s| vm.symbols.text(s));
    match v.kind() {
        Some(Kind::Gene) => {
            if let Some(g) = view::gene(v)
                && g.children.first().copied().and_then(word) == Some("|")
            {
                return union_parts(g)
                    .flat_map(|&m| union_texts(vm, m, depth + 1))
                    .collect();
            }
        }
        Some(Kind::Record) => {
            if let Some(r) = view::record(v).filter(|r| r.tag == Tag::Type) {
                return union_texts(vm, r.fields[0], depth + 1);
            }
        }
        _ => {}
    }
    vec![single_text(vm, v, depth)]
}

fn single_text(vm: &Vm, v: Value, depth: u32) -> String {
    if let Some(name) = vm.name_text(v) {
        return canonical(name).to_owned();
    }
    let part = |v: Value| {
        let mut members = union_texts(vm, v, depth + 1);
        members.sort();
        members.dedup();
        members.join(" | ")
    };
    let all = |items: &[Value]| items.iter().map(|&i| part(i)).collect::<Vec<_>>().join(" ");
    match v.kind() {
        None if v == Value::NIL => "Nil".to_owned(),
        None if v == Value::VOID => "Void".to_owned(),
        Some(Kind::Class) => view::class(v)
            .map_or("", |c| vm.symbols.text(c.name))
            .to_owned(),
        Some(Kind::Array) => {
            format!(
                "[{}]",
                all(view::array(v).map_or(&[], |a| a.items.as_slice()))
            )
        }
        Some(Kind::Gene) => match view::gene(v) {
            Some(g) => format!("({} {})", part(g.head), all(&g.children)),
            None => String::new(),
        },
        Some(Kind::Record) if view::tag(v) == Some(Tag::Enum) => enums::enum_name(v).to_owned(),
        _ => crate::print::quoted(vm, v),
    }
}

/// The symbol of a name given as symbol or string.
pub fn name_symbol(vm: &mut Vm, v: Value) -> Option<Symbol> {
    match v.as_symbol() {
        Some(s) => Some(s),
        None => view::text(v).map(|t| vm.symbols.intern(t)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::natives::testing::{message, vm};

    fn checked(ty: Type, site: CheckSite) -> TypeCheck {
        TypeCheck::new(ty, "Int".into(), "n".into(), site, false)
    }

    fn int() -> Type {
        Type::Named("Int".into())
    }

    fn passes(check: &TypeCheck, v: Value) -> bool {
        let entry = CheckEntry::of(CheckEntry::new(7, check).value());
        assert_eq!(entry.index(), 7);
        assert!(!entry.value().is_obj());
        entry.passes(v)
    }

    #[test]
    fn what_passes_at_once_belongs_to_the_type() {
        let mut vm = vm();
        let big = vm.int(i64::MAX);
        let text = vm.str("a");
        let list = vm.array(vec![]);
        let values = [
            (Value::small_int(1), "Int"),
            (big, "Int"),
            (Value::float(1.5), "Float"),
            (text, "String"),
            (list, "Array"),
            (Value::TRUE, "Bool"),
            (Value::FALSE, "Bool"),
        ];
        let names = [
            "Any",
            "Int",
            "Float",
            "Numeric",
            "String",
            "Bool",
            "Array",
            "Map",
            "Collection",
            "Function",
            "Nil",
            "Point",
        ];
        for name in names {
            let ty = Type::Named(name.into());
            let check = checked(ty.clone(), CheckSite::Variable);
            for (value, own) in values {
                let passes = passes(&check, value);
                assert_eq!(passes, matches(&vm, &ty, value), "{own} as {name}");
            }
            assert!(passes(&check, Value::NIL), "nil as {name}");
            let strict = TypeCheck::new(ty, name.into(), "n".into(), CheckSite::Param, true);
            let admitted = matches!(name, "Any" | "Nil");
            assert_eq!(passes(&strict, Value::NIL), admitted, "{name}");
        }
        let union = checked(
            Type::Union(vec![int(), Type::Named("String".into())]),
            CheckSite::Param,
        );
        assert!(passes(&union, text) && passes(&union, big));
        assert!(!passes(&union, Value::float(1.0)) && !passes(&union, list));
    }

    #[test]
    fn mismatches_name_type_and_place() {
        let mut vm = vm();
        let s = vm.str("x");
        for (site, place) in [
            (CheckSite::Param, "n"),
            (CheckSite::Result, "return value of n"),
            (CheckSite::Variable, "variable"),
            (CheckSite::Property, "property n"),
            (CheckSite::EnumField, "field n"),
        ] {
            assert!(check(&mut vm, &checked(int(), site), s).is_err());
            assert_eq!(
                message(&vm),
                format!("Type error [GENE_TYPE_MISMATCH]: expected Int, got String in {place}")
            );
        }
    }

    #[test]
    fn numbers_convert_except_for_variables() {
        let mut vm = vm();
        let float = Type::Named("Float".into());
        let five = Value::small_int(5);
        let got = check(&mut vm, &checked(float.clone(), CheckSite::Param), five).unwrap();
        assert_eq!(got, Value::float(5.0));
        let got = check(
            &mut vm,
            &checked(int(), CheckSite::Param),
            Value::float(5.0),
        )
        .unwrap();
        assert_eq!(got, five);
        assert!(check(&mut vm, &checked(float, CheckSite::Variable), five).is_err());
        let nan = Value::float(f64::NAN);
        assert!(check(&mut vm, &checked(int(), CheckSite::Param), nan).is_err());
    }

    #[test]
    fn strict_nil_refuses_nil() {
        let mut vm = vm();
        let c = checked(int(), CheckSite::Param);
        assert!(check(&mut vm, &c, Value::NIL).is_ok());
        vm.options.strict_nil = true;
        assert!(check(&mut vm, &c, Value::NIL).is_err());
        assert!(message(&vm).contains("strict nil mode admits nil only for"));
        let c = checked(Type::Applied("Option".into()), CheckSite::Param);
        assert!(check(&mut vm, &c, Value::NIL).is_ok());
    }

    #[test]
    fn names_and_is() {
        let mut vm = vm();
        let class = |vm: &mut Vm, b| Value::obj(vm.class(b));
        let (object, int) = (
            class(&mut vm, Builtin::Object),
            class(&mut vm, Builtin::Int),
        );
        let five = Value::small_int(5);
        assert_eq!(is(&mut vm, five, object).unwrap(), Value::FALSE);
        assert_eq!(object_is(&mut vm, five, object).unwrap(), Value::TRUE);
        assert_eq!(is(&mut vm, five, int).unwrap(), Value::TRUE);
        assert!(is(&mut vm, five, five).is_err());
        assert_eq!(message(&vm), "is requires a type value on the right side");
        assert!(object_is(&mut vm, five, five).is_err());
        assert_eq!(
            message(&vm),
            "Object.is expects a class or instance as the second argument"
        );
        let abc = vm.str("abc");
        assert!(to(&mut vm, abc, int).is_err());
        assert_eq!(message(&vm), "Type error: cannot convert String to Int");
        assert_eq!(
            to(&mut vm, Value::float(8.0), int).unwrap(),
            Value::small_int(8)
        );
    }

    #[test]
    fn equivalent_types_have_one_text() {
        let mut vm = vm();
        let names = ["Int", "|", "String"].map(|n| vm.symbol(n));
        let a = vm.gene(names[0], Default::default(), vec![names[1], names[2]]);
        let b = vm.gene(names[2], Default::default(), vec![names[1], names[0]]);
        assert_eq!(canonical_text(&vm, a), canonical_text(&vm, b));
        assert_ne!(canonical_text(&vm, a), canonical_text(&vm, names[0]));
    }
}

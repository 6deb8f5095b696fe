//! Where calls meet values that are neither closures nor natives: which function of the library
//! does the work. The functions are found by name among the natives and in the prelude:
//!
//! - `#call:Class` makes a class dynamically (`(Class ^name …)`);
//! - `#call:TAG` calls a record of that tag, which comes before the arguments (`#call:Variant`);
//! - `#new:X` constructs a value of the built-in class X, which comes before the arguments;
//! - `#method:TAG` calls a method of a record that its class does not have: the arguments are
//!   the record, the name (a symbol), then those of the call.

use crate::classes::Builtin;
use crate::heap::object::{Class, Tag};
use crate::heap_view as view;
use crate::value::Value;
use crate::vm::Vm;

fn find(vm: &mut Vm, prefix: &str, name: &str) -> Option<Value> {
    let name = vm.symbols.intern(&format!("{prefix}{name}"));
    vm.find_global(name)
}

/// The function that calls a class, other than by constructing an instance.
pub fn class_callable(vm: &mut Vm, class: Value) -> Option<Value> {
    match view::class(class)?.builtin? {
        Builtin::Class => find(vm, "#call:", "Class"),
        _ => None,
    }
}

/// The function that constructs values of a built-in class.
pub fn class_constructor(vm: &mut Vm, class: &Class) -> Option<Value> {
    let builtin = class.builtin?;
    find(vm, "#new:", builtin.name())
}

/// The function that calls a record.
pub fn record_callable(vm: &mut Vm, record: Value) -> Option<Value> {
    let tag = view::tag(record)?;
    find(vm, "#call:", tag_name(tag))
}

/// The function that calls a method which a record's class does not have.
pub fn record_method(vm: &mut Vm, record: Value) -> Option<Value> {
    let tag = view::tag(record)?;
    find(vm, "#method:", tag_name(tag))
}

fn tag_name(tag: Tag) -> &'static str {
    match tag {
        Tag::Date => "Date",
        Tag::Time => "Time",
        Tag::DateTime => "DateTime",
        Tag::Regex => "Regex",
        Tag::Match => "Match",
        Tag::Selector => "Selector",
        Tag::Quote => "Quote",
        Tag::Unquote => "Unquote",
        Tag::Discard => "Discard",
        Tag::Type => "Type",
        Tag::Enum => "Enum",
        Tag::Variant => "Variant",
        Tag::EnumValue => "EnumValue",
        Tag::Future => "Future",
        Tag::Interface => "Interface",
        Tag::Adapter => "Adapter",
        Tag::AdapterInternal => "AdapterInternal",
        Tag::Interceptor => "Interceptor",
        Tag::Interception => "Interception",
        Tag::BoundMethod => "BoundMethod",
        Tag::Actor => "Actor",
        Tag::IoHandle => "IoHandle",
        Tag::Package => "Package",
        Tag::Application => "Application",
    }
}

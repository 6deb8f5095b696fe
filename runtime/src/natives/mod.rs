//! The built-in functions and methods, one file per class or namespace.
//!
//! A native gets its arguments as a window of the running fiber's stack and never calls back
//! into Gene: what needs callbacks is written in Gene (`prelude.gene`). The collector runs only
//! after a native has returned, so natives may hold values in locals.
//!
//! The tables are static; a value is made when its name is first asked for.

pub mod array;
pub mod bytes;
pub mod core;
pub mod encoding;
pub mod enums;
pub mod files;
pub mod freeze;
pub mod function;
pub mod gene;
pub mod handles;
pub mod hashed;
pub mod interceptors;
pub mod interfaces;
pub mod iterators;
pub mod json;
pub mod log;
pub mod map;
pub mod math;
pub mod namespaces;
pub mod number;
pub mod object;
pub mod package;
pub mod pattern;
pub mod process;
pub mod reader;
pub mod regex;
pub mod selector;
pub mod serdes;
pub mod string;
pub mod system;
pub mod template;
pub mod temporal;

use crate::classes::Builtin;
use crate::heap::object::{Kind, Tag};
use crate::heap_view as view;
use crate::symbol::Symbol;
use crate::value::Value;
use crate::vm::Vm;

/// The native has raised: the exception is in `Vm::raised`.
#[derive(Clone, Copy, Debug)]
pub struct Raised;

/// What natives give.
pub type NativeResult = Result<Value, Raised>;

/// Arguments of a native. For methods the first is the receiver.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// Positional arguments.
    pub items: &'a [Value],
    /// Keyword arguments: names, in the order of `values`.
    pub keys: &'a [Symbol],
    /// Values of the keyword arguments.
    pub values: &'a [Value],
}

impl<'a> Args<'a> {
    /// Positional argument `i`, nil if absent.
    #[inline(always)]
    pub fn get(&self, i: usize) -> Value {
        self.items.get(i).copied().unwrap_or(Value::NIL)
    }

    /// The receiver of a method.
    #[inline(always)]
    pub fn this(&self) -> Value {
        self.get(0)
    }

    /// The arguments from `i` on.
    pub fn from(&self, i: usize) -> &'a [Value] {
        self.items.get(i..).unwrap_or(&[])
    }

    /// True if positional argument `i` is there.
    pub fn has(&self, i: usize) -> bool {
        i < self.items.len()
    }

    /// The keyword argument of this name.
    pub fn key(&self, vm: &Vm, name: &str) -> Option<Value> {
        self.keys
            .iter()
            .position(|&k| vm.symbols.text(k) == name)
            .map(|i| self.values[i])
    }
}

/// A built-in function.
pub type NativeFn = fn(&mut Vm, Args<'_>) -> NativeResult;

/// A row of a table of natives.
pub struct NativeDef {
    /// Name, without the class.
    pub name: &'static str,
    /// Fewest positional arguments, the receiver included.
    pub min: u8,
    /// Most positional arguments, the receiver included; `u8::MAX`: any number.
    pub max: u8,
    /// Takes keyword arguments.
    pub keys: bool,
    /// The function.
    pub run: NativeFn,
    /// What to raise when there are too few arguments: `Array.push requires a value`; empty for
    /// the general message.
    pub usage: &'static str,
}

impl NativeDef {
    /// A native without keywords and without a message of its own for missing arguments.
    pub const fn new(name: &'static str, min: u8, max: u8, run: NativeFn) -> NativeDef {
        NativeDef {
            name,
            min,
            max,
            keys: false,
            run,
            usage: "",
        }
    }

    /// With a message for missing arguments.
    pub const fn usage(self, usage: &'static str) -> NativeDef {
        NativeDef { usage, ..self }
    }

    /// With keyword arguments.
    pub const fn with_keys(self) -> NativeDef {
        NativeDef { keys: true, ..self }
    }
}

/// Any number of arguments.
pub const ANY: u8 = u8::MAX;

/// A row of a table.
const fn def(name: &'static str, min: u8, max: u8, run: NativeFn) -> NativeDef {
    NativeDef::new(name, min, max, run)
}

/// The native method of a class, not looking at its parents.
pub fn method(class: Builtin, name: &str) -> Option<&'static NativeDef> {
    methods_of(class).iter().find(|d| d.name == name)
}

fn methods_of(class: Builtin) -> &'static [NativeDef] {
    match class {
        Builtin::Object => object::OBJECT,
        Builtin::Nil => object::NIL,
        Builtin::Void => object::VOID,
        Builtin::Int | Builtin::Float => number::METHODS,
        Builtin::String => string::METHODS,
        Builtin::Array => array::METHODS,
        Builtin::Map => map::METHODS,
        Builtin::HashMap => hashed::MAP,
        Builtin::HashSet => hashed::SET,
        Builtin::Gene => gene::METHODS,
        Builtin::Range => iterators::RANGE,
        Builtin::ArrayIterator | Builtin::MapIterator | Builtin::RangeIterator => {
            iterators::METHODS
        }
        Builtin::Function => function::METHODS,
        Builtin::Class => object::CLASS,
        Builtin::Namespace => namespaces::METHODS,
        Builtin::Regexp => regex::METHODS,
        Builtin::Date => temporal::DATE,
        Builtin::Time => temporal::TIME,
        Builtin::DateTime => temporal::DATE_TIME,
        Builtin::Bytes => bytes::METHODS,
        Builtin::Interceptor | Builtin::Interception => interceptors::METHODS,
        Builtin::IoHandle => handles::METHODS,
        Builtin::Parser => reader::METHODS,
        Builtin::Generator => iterators::GENERATOR,
        Builtin::Package => package::PACKAGE,
        Builtin::Application => package::APPLICATION,
        _ => &[],
    }
}

/// The native function of this global name.
pub fn global(name: &str) -> Option<&'static NativeDef> {
    GLOBALS
        .iter()
        .flat_map(|t| t.iter())
        .find(|d| d.name == name)
}

static GLOBALS: &[&[NativeDef]] = &[
    CONSTRUCTORS,
    core::GLOBALS,
    math::GLOBALS,
    enums::GLOBALS,
    pattern::GLOBALS,
    selector::GLOBALS,
    hashed::GLOBALS,
    array::GLOBALS,
    map::GLOBALS,
    function::GLOBALS,
    object::GLOBALS,
    interfaces::GLOBALS,
    interceptors::GLOBALS,
    template::GLOBALS,
    system::GLOBALS,
    process::GLOBALS,
    encoding::GLOBALS,
    handles::GLOBALS,
    files::GLOBALS,
    reader::GLOBALS,
    namespaces::GLOBALS,
    temporal::GLOBALS,
    package::GLOBALS,
];

/// What `(new Class …)` runs for built-in classes; the first argument is the class.
static CONSTRUCTORS: &[NativeDef] = &[
    def("#new:String", 1, ANY, string::construct),
    def("#new:Array", 1, ANY, array::construct),
    def("#new:Map", 1, 1, map::construct).with_keys(),
    def("#new:HashMap", 1, ANY, hashed::construct_map).with_keys(),
    def("#new:HashSet", 1, ANY, hashed::construct_set).with_keys(),
    def("#new:Regexp", 1, ANY, regex::construct).with_keys(),
];

/// The value of a global name that is neither a class nor a function: namespaces, enums …
pub fn constant(vm: &mut Vm, name: &str) -> Option<Value> {
    enums::constant(vm, name).or_else(|| namespaces::constant(vm, name))
}

/// Path access to records: regex matches, adapters, enums.
///
/// # Errors
/// As the record's kind says.
pub fn record_member(vm: &mut Vm, v: Value, name: Symbol) -> NativeResult {
    match view::tag(v) {
        Some(Tag::Enum) => Ok(enums::variant(vm, v, name).unwrap_or(Value::VOID)),
        Some(Tag::Match) => Ok(regex::match_member(vm, v, name)),
        Some(Tag::Adapter) => interfaces::member(vm, v, name),
        Some(Tag::AdapterInternal) => Ok(interfaces::internal_member(vm, v, name)),
        _ => Ok(Value::VOID),
    }
}

/// Path assignment to records.
///
/// # Errors
/// Records without assignable members.
pub fn set_record_member(vm: &mut Vm, v: Value, name: Symbol, value: Value) -> Result<(), Raised> {
    match view::tag(v) {
        Some(Tag::Adapter) => interfaces::set_member(vm, v, name, value),
        Some(Tag::AdapterInternal) => {
            interfaces::set_internal_member(vm, v, name, value);
            Ok(())
        }
        _ => {
            let kind = Builtin::kind_name(v);
            Err(vm.error(&format!("Cannot set member on value of type: {kind}")))
        }
    }
}

/// The message for an unknown field of an enum value.
pub fn no_variant_field(vm: &mut Vm, v: Value, name: &str) -> String {
    let _ = vm;
    let variant = enums::variant_of(v).map_or("", enums::variant_name);
    format!("Variant {variant} has no field {name}")
}

// ---------------------------------------------------------------- helpers of the natives

/// Raises unless this many more bytes fit into the heap.
fn reserve(vm: &mut Vm, bytes: usize) -> Result<(), Raised> {
    if vm.heap.would_exceed(bytes) {
        return Err(vm.error("Memory limit exceeded: a value is too large"));
    }
    Ok(())
}

/// The text of an argument that must be a string.
fn text_arg<'a>(vm: &mut Vm, v: Value, message: &str) -> Result<&'a str, Raised> {
    view::text(v).ok_or_else(|| vm.error(message))
}

/// The integer of an argument that must be one.
fn int_arg(vm: &mut Vm, v: Value, message: &str) -> Result<i64, Raised> {
    view::int(v).ok_or_else(|| vm.error(message))
}

/// True for what higher-order methods call: functions, blocks, bound methods.
pub fn is_callable(v: Value) -> bool {
    matches!(v.kind(), Some(Kind::Closure | Kind::Native)) || view::tag(v) == Some(Tag::BoundMethod)
}

/// An index that counts from the end if negative; `None` outside `0..len`.
fn index_from_end(i: i64, len: usize) -> Option<usize> {
    let i = if i < 0 { i.checked_add(len as i64)? } else { i };
    usize::try_from(i).ok().filter(|&i| i < len)
}

/// A position that counts from the end if negative, clamped to `0..=len`.
fn clamp_from_end(i: i64, len: usize) -> usize {
    let i = if i < 0 {
        i.saturating_add(len as i64).max(0)
    } else {
        i
    };
    usize::try_from(i).unwrap_or(usize::MAX).min(len)
}

#[cfg(test)]
pub mod testing {
    //! Calling natives directly.
    use super::*;
    use crate::vm::Options;

    /// A machine without a program.
    pub fn vm() -> Box<Vm> {
        Vm::new(Options::default())
    }

    /// Calls a method.
    pub fn call(vm: &mut Vm, name: &str, items: &[Value]) -> NativeResult {
        let mut class = vm.class_of(items[0]);
        loop {
            let c = view::class(Value::obj(class)).expect("a class");
            let builtin = c.builtin.expect("a built-in class");
            if let Some(def) = method(builtin, name) {
                return run(vm, def, items);
            }
            class = c.parent;
            assert!(!class.is_null(), "no method {name}");
        }
    }

    /// Calls a global function.
    pub fn call_global(vm: &mut Vm, name: &str, items: &[Value]) -> NativeResult {
        run(
            vm,
            global(name).unwrap_or_else(|| panic!("no function {name}")),
            items,
        )
    }

    fn run(vm: &mut Vm, def: &'static NativeDef, items: &[Value]) -> NativeResult {
        if items.len() < def.min as usize {
            return vm.fail(def.usage);
        }
        (def.run)(
            vm,
            Args {
                items,
                keys: &[],
                values: &[],
            },
        )
    }

    /// The message of what was raised.
    pub fn message(vm: &Vm) -> String {
        vm.message_of(vm.raised)
    }

    /// The plain form, or the message of what was raised.
    pub fn show(vm: &mut Vm, v: NativeResult) -> String {
        match v {
            Ok(v) => crate::print::plain(vm, v).expect("short"),
            Err(Raised) => format!("error: {}", message(vm)),
        }
    }

    /// Small integers.
    pub fn ints(vm: &mut Vm, list: &[i64]) -> Value {
        vm.array(list.iter().map(|&n| Value::small_int(n)).collect())
    }
}

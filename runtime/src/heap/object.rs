//! Layouts of heap objects. Every object starts with [`Obj`]; its `shape` word tells the layout:
//! below [`FIRST_SHAPE`] it is a [`Kind`], from there on the instance shape of that number.
#![allow(unsafe_code)]

use super::table::Table;
use crate::fiber::Fiber;
use crate::natives::NativeDef;
use crate::program::Proto;
use crate::symbol::{NameMap, Symbol};
use crate::value::Value;

/// Index of a shape. One compare of this word is the type test of every access to an object.
pub type ShapeId = u32;

/// What an empty inline cache holds; no object has it.
pub const NO_SHAPE: ShapeId = 0;

/// The first shape of instances.
pub const FIRST_SHAPE: ShapeId = 64;

/// Kinds of objects with a layout of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u32)]
pub enum Kind {
    /// An unused cell.
    Free = 1,
    /// String.
    Str = 2,
    /// Array.
    Array = 3,
    /// Map: keys are text.
    Map = 4,
    /// Hash map: keys of any hashable kind.
    HashMap = 5,
    /// Hash set.
    HashSet = 6,
    /// Gene value.
    Gene = 7,
    /// Function made from bytecode.
    Closure = 8,
    /// Built-in function.
    Native = 9,
    /// Captured variable that changes.
    Cell = 10,
    /// Integer outside the immediate range.
    BigInt = 11,
    /// Range.
    Range = 12,
    /// Bytes.
    Bytes = 13,
    /// Complex symbol.
    Path = 14,
    /// Class.
    Class = 15,
    /// Namespace or module.
    Namespace = 16,
    /// Generator.
    Generator = 17,
    /// Built-in iterator.
    Iterator = 18,
    /// Text buffer shared by strings that grew from one another.
    Buffer = 19,
    /// Everything rarer: a native tag, Gene fields and native data.
    Record = 20,
    /// An instance of a class; its shape word is `FIRST_SHAPE` or more.
    Instance = 63,
}

impl Kind {
    const ALL: [Kind; 21] = [
        Kind::Free,
        Kind::Free,
        Kind::Str,
        Kind::Array,
        Kind::Map,
        Kind::HashMap,
        Kind::HashSet,
        Kind::Gene,
        Kind::Closure,
        Kind::Native,
        Kind::Cell,
        Kind::BigInt,
        Kind::Range,
        Kind::Bytes,
        Kind::Path,
        Kind::Class,
        Kind::Namespace,
        Kind::Generator,
        Kind::Iterator,
        Kind::Buffer,
        Kind::Record,
    ];

    fn of_shape(shape: ShapeId) -> Kind {
        if shape >= FIRST_SHAPE {
            Kind::Instance
        } else {
            Kind::ALL[shape as usize]
        }
    }
}

/// The header of every object.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Obj {
    /// Kind or instance shape.
    pub shape: ShapeId,
    /// `UNMARKED`, `MARKED` …: how far a collection is with it.
    pub marked: u8,
    /// `SEALED`, `FROZEN`, and bits of the kind's own.
    pub flags: u8,
    /// Size class the object was allocated in; 0: on its own.
    pub class: u16,
}

/// Not found by the collection yet.
pub const UNMARKED: u8 = 0;
/// Found; to be traced.
pub const MARKED: u8 = 1;
/// Traced: what it refers to is marked.
pub const TRACED: u8 = 2;
/// Traced, but changed since: to be traced again.
pub const AGAIN: u8 = 3;
/// Found by the check of a collection.
pub const CHECKED: u8 = 4;

/// Flag: a sealed literal; shallow.
pub const SEALED: u8 = 1;
/// Flag: frozen by `freeze`.
pub const FROZEN: u8 = 2;
/// Flag of arrays: the fast paths leave stores to those with a barrier. Of generators: one that
/// ran since marking began.
pub const GUARDED: u8 = 8;
/// Flag of closures: a block.
pub const BLOCK: u8 = 4;

impl Obj {
    /// The object's kind.
    #[inline(always)]
    pub fn kind(&self) -> Kind {
        Kind::of_shape(self.shape)
    }

    /// True if programs may not change it.
    #[inline(always)]
    pub fn is_immutable(&self) -> bool {
        self.flags & (SEALED | FROZEN) != 0
    }

    /// True if the fast paths may not change it.
    #[inline(always)]
    pub fn is_guarded(&self) -> bool {
        self.flags & (SEALED | FROZEN | GUARDED) != 0
    }
}

/// A string: UTF-8 that never changes.
#[repr(C)]
pub struct Str {
    /// Header.
    pub header: Obj,
    /// Bytes.
    pub len: u32,
    /// Characters; equal to `len` if all are ASCII.
    pub chars: u32,
    /// `symbol::hash_str` of the bytes, 0 if not computed yet.
    pub hash: u32,
    /// Start within the buffer, if there is one.
    pub offset: u32,
    /// The bytes: behind this struct, or inside `buffer`.
    pub data: *const u8,
    /// Shared growable buffer, or null.
    pub buffer: *mut Buffer,
}

impl Str {
    /// The bytes.
    #[inline(always)]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: H2: data points at len initialised bytes that live as long as the string
        unsafe { std::slice::from_raw_parts(self.data, self.len as usize) }
    }

    /// The text.
    #[inline(always)]
    pub fn text(&self) -> &str {
        // SAFETY: H2: strings are made from valid UTF-8 only
        unsafe { std::str::from_utf8_unchecked(self.bytes()) }
    }

    /// True if every character is one byte.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.len == self.chars
    }
}

/// Text storage that only grows: the bytes below `filled` never change.
#[repr(C)]
pub struct Buffer {
    /// Header.
    pub header: Obj,
    /// Bytes available.
    pub capacity: u32,
    /// Bytes in use.
    pub filled: u32,
}

/// An array.
#[repr(C)]
pub struct Array {
    /// Header.
    pub header: Obj,
    /// The elements.
    pub items: Items,
}

/// A vector of values with a fixed layout: `ptr`, `len`, `capacity`.
#[repr(C)]
pub struct Items {
    ptr: *mut Value,
    len: usize,
    capacity: usize,
}

impl Items {
    /// Takes the vector's storage.
    pub fn new(values: Vec<Value>) -> Items {
        let mut values = std::mem::ManuallyDrop::new(values);
        Items {
            ptr: values.as_mut_ptr(),
            len: values.len(),
            capacity: values.capacity(),
        }
    }

    /// Number of elements.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Slots allocated.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The elements.
    #[inline(always)]
    pub fn as_slice(&self) -> &[Value] {
        // SAFETY: H3: ptr, len and capacity are those of a Vec
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }

    /// The elements, to change.
    #[inline(always)]
    pub fn as_mut_slice(&mut self) -> &mut [Value] {
        // SAFETY: H3
        unsafe { std::slice::from_raw_parts_mut(self.ptr, self.len) }
    }

    /// First element's address, for the interpreter's unchecked access after its own test.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut Value {
        self.ptr
    }

    /// Appends if there is room; false otherwise.
    #[inline(always)]
    pub fn push_within(&mut self, v: Value) -> bool {
        if self.len == self.capacity {
            return false;
        }
        // SAFETY: H3: len < capacity
        unsafe { self.ptr.add(self.len).write(v) };
        self.len += 1;
        true
    }

    /// Works on the elements as a `Vec`.
    pub fn with<R>(&mut self, change: impl FnOnce(&mut Vec<Value>) -> R) -> R {
        let taken = std::mem::ManuallyDrop::new(std::mem::replace(self, Items::new(Vec::new())));
        // SAFETY: H3; the parts are taken out, so nothing else drops them
        let mut values = unsafe { Vec::from_raw_parts(taken.ptr, taken.len, taken.capacity) };
        let result = change(&mut values);
        *self = Items::new(values);
        result
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        // SAFETY: H3
        drop(unsafe { Vec::from_raw_parts(self.ptr, self.len, self.capacity) });
    }
}

/// A map, hash map or hash set.
#[repr(C)]
pub struct MapObj {
    /// Header.
    pub header: Obj,
    /// The entries in order of insertion.
    pub table: Table,
}

/// A gene value.
#[repr(C)]
pub struct Gene {
    /// Header.
    pub header: Obj,
    /// Type.
    pub head: Value,
    /// Props; keys are strings.
    pub props: Table,
    /// Children.
    pub children: Vec<Value>,
}

/// A function made from bytecode. The captured values follow the struct.
#[repr(C)]
pub struct Closure {
    /// Header.
    pub header: Obj,
    /// First instruction; the VM's prepare stub before the first call.
    pub code: *const u64,
    /// The function's window of the module table.
    pub k: *mut Value,
    /// Arguments (with the receiver) for a call that needs no binding; `u32::MAX`: none does.
    pub arity: u32,
    /// Captured values.
    pub captures: u32,
    /// What all closures of the function share.
    pub proto: *const Proto,
    /// For methods: the class that defines it, for `super`. Else nil.
    pub home: Value,
}

/// Bytes of a closure's fixed part.
pub const CLOSURE_SIZE: usize = size_of::<Closure>();

impl Closure {
    /// First captured value.
    ///
    /// # Safety
    /// `this` is a live closure.
    #[inline(always)]
    pub unsafe fn captures(this: *const Closure) -> *mut Value {
        // SAFETY: by the contract; captures lie behind the struct (H4)
        unsafe { this.cast_mut().add(1).cast() }
    }
}

/// A built-in function.
#[repr(C)]
pub struct Native {
    /// Header.
    pub header: Obj,
    /// What it is.
    pub def: &'static NativeDef,
}

/// A captured variable.
#[repr(C)]
pub struct Cell {
    /// Header.
    pub header: Obj,
    /// Content.
    pub value: Value,
}

/// An integer outside the immediate range.
#[repr(C)]
pub struct BigInt {
    /// Header.
    pub header: Obj,
    /// The integer.
    pub value: i64,
}

/// A range, both ends included. Ends are integers (any size) or floats.
#[repr(C)]
pub struct Range {
    /// Header.
    pub header: Obj,
    /// First.
    pub start: Value,
    /// Last.
    pub end: Value,
    /// Step; `None` if not written.
    pub step: Option<i64>,
}

/// Bytes.
#[repr(C)]
pub struct Bytes {
    /// Header.
    pub header: Obj,
    /// The bytes.
    pub data: Box<[u8]>,
}

/// A complex symbol.
#[repr(C)]
pub struct Path {
    /// Header.
    pub header: Obj,
    /// Its parts.
    pub parts: Box<[Symbol]>,
}

/// A class.
#[repr(C)]
pub struct Class {
    /// Header.
    pub header: Obj,
    /// Shape of a fresh instance.
    pub root: ShapeId,
    /// Shape after the constructor, if it only stores its arguments in order; else `NO_SHAPE`.
    pub init_shape: ShapeId,
    /// Fields such a constructor stores, and arguments it takes.
    pub init_fields: u32,
    /// The same for a constructor that only checks and stores its arguments: the shape after it and
    /// the checks, by argument.
    pub checked_init: Option<Box<(ShapeId, Vec<crate::types::FieldChecks>)>>,
    /// Name.
    pub name: Symbol,
    /// The built-in class it is, if it is one.
    pub builtin: Option<crate::classes::Builtin>,
    /// Parent class, or null.
    pub parent: *mut Class,
    /// Some method cache may hold a method for an instance of it or of a subclass.
    pub cached: bool,
    /// Constructor (a closure), or nil.
    pub ctor: Value,
    /// `on_method_missing` (a closure), or nil.
    pub missing: Value,
    /// Own methods.
    pub methods: NameMap<Symbol, Value>,
    /// Members (`Class/name`), in order.
    pub members: Vec<(Symbol, Value)>,
    /// Declared fields: name, check constant, readonly.
    pub fields: Vec<(Symbol, crate::types::CheckRef, bool)>,
}

impl Class {
    /// Forgets what the constructor does: constructor, fields or their place have changed.
    pub fn forget_init(&mut self) {
        self.init_shape = NO_SHAPE;
        self.checked_init = None;
    }
}

/// A namespace.
#[repr(C)]
pub struct Namespace {
    /// Header.
    pub header: Obj,
    /// Name.
    pub name: Symbol,
    /// Parent, or null.
    pub parent: *mut Namespace,
    /// Members: name text to value, in order.
    pub members: Table,
    /// `on_member_missing` handlers.
    pub missing: Vec<Value>,
}

/// A generator.
#[repr(C)]
pub struct Generator {
    /// Header.
    pub header: Obj,
    /// Its stack; `None` once exhausted.
    pub fiber: Option<Box<Fiber>>,
    /// Value computed ahead by `.has_next`, else `UNDEF`.
    pub ahead: Value,
}

/// A built-in iterator over a snapshot or a live array.
#[repr(C)]
pub struct Iterator {
    /// Header.
    pub header: Obj,
    /// The array, range, or array of `[key value …]` alternating, or generator.
    pub source: Value,
    /// What `source` is.
    pub over: Over,
    /// Next position.
    pub at: u64,
}

/// What an iterator walks over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// Elements of an array, live.
    Array,
    /// Snapshot of a map: keys (symbols) and values alternate; yields values.
    Map,
    /// Snapshot of a hash map: keys and values alternate; yields values.
    HashMap,
    /// Snapshot of a set.
    Set,
    /// Range.
    Range,
}

/// Everything rarer.
#[repr(C)]
pub struct Record {
    /// Header.
    pub header: Obj,
    /// What it is.
    pub tag: Tag,
    /// Its Gene values.
    pub fields: Vec<Value>,
    /// Its native data.
    pub data: Option<Box<dyn std::any::Any>>,
}

/// What a [`Record`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tag {
    /// Date.
    Date,
    /// Time of day.
    Time,
    /// Date and time.
    DateTime,
    /// Regular expression.
    Regex,
    /// Match of a regular expression.
    Match,
    /// Selector.
    Selector,
    /// Quote inside data.
    Quote,
    /// `%x`: the form.
    Unquote,
    /// `%_x`: the form.
    Discard,
    /// Type value.
    Type,
    /// Enum.
    Enum,
    /// Variant of an enum.
    Variant,
    /// Enum value with payload.
    EnumValue,
    /// Future.
    Future,
    /// Interface.
    Interface,
    /// Adapter.
    Adapter,
    /// The private store of an adapter.
    AdapterInternal,
    /// Definition of an interceptor.
    Interceptor,
    /// An application of one.
    Interception,
    /// Method bound to its receiver.
    BoundMethod,
    /// Actor handle.
    Actor,
    /// Stream handle.
    IoHandle,
    /// Package.
    Package,
    /// Application.
    Application,
}

/// An instance. Field slots follow the struct.
#[repr(C)]
pub struct Instance {
    /// Header.
    pub header: Obj,
    /// Fields beyond the inline slots, or null.
    pub more: Option<Box<Vec<Value>>>,
}

/// Byte offset of the first field of an instance: an inline cache stores a byte offset and the
/// access is one load, with no second pointer to follow.
pub const FIELDS_OFFSET: usize = size_of::<Instance>();

/// Bytes of an instance with this many inline fields.
pub const fn instance_size(fields: usize) -> usize {
    FIELDS_OFFSET + fields * size_of::<Value>()
}

const _: () = assert!(size_of::<Obj>() == 8);
const _: () = assert!(size_of::<Instance>() == 16);
const _: () = assert!(size_of::<Str>() == 40);
const _: () = assert!(size_of::<Closure>() == 48);

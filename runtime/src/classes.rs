//! The built-in classes: names, parents, and which values belong to them.

use crate::heap::object::{Kind, Tag};
use crate::value::Value;

macro_rules! builtins {
    ($($name:ident $text:literal $parent:ident;)*) => {
        /// A built-in class.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Builtin {
            $(#[doc = $text] $name,)*
        }

        impl Builtin {
            /// All of them.
            pub const ALL: &[Builtin] = &[$(Builtin::$name,)*];

            /// The class's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Builtin::$name => $text,)*
                }
            }

            /// The parent; `Object`, the root, names itself.
            pub fn parent(self) -> Builtin {
                match self {
                    $(Builtin::$name => Builtin::$parent,)*
                }
            }

            /// The built-in class of this name.
            pub fn find(name: &str) -> Option<Builtin> {
                match name {
                    $($text => Some(Builtin::$name),)*
                    _ => None,
                }
            }
        }
    };
}

builtins! {
    Object "Object" Object;
    Nil "Nil" Object;
    Void "Void" Object;
    Bool "Bool" Object;
    Int "Int" Object;
    Float "Float" Object;
    Char "Char" Object;
    String "String" Object;
    Symbol "Symbol" Object;
    ComplexSymbol "ComplexSymbol" Object;
    Array "Array" Object;
    Map "Map" Object;
    HashMap "HashMap" Object;
    HashSet "HashSet" Object;
    Gene "Gene" Object;
    Range "Range" Object;
    Function "Function" Object;
    Class "Class" Object;
    Interface "Interface" Object;
    Adapter "Adapter" Object;
    Namespace "Namespace" Object;
    Regexp "Regexp" Object;
    Date "Date" Object;
    DateTime "DateTime" Object;
    Time "Time" Object;
    Bytes "Bytes" Object;
    Type "Type" Object;
    Interceptor "Interceptor" Object;
    Interception "Interception" Object;
    ArrayIterator "ArrayIterator" Object;
    MapIterator "MapIterator" Object;
    RangeIterator "RangeIterator" Object;
    Application "Application" Object;
    Package "Package" Object;
    Parser "Parser" Object;
    IoHandle "IOHandle" Object;
    Selector "Selector" Object;
    Future "Future" Object;
    Generator "Generator" Object;
    Actor "Actor" Object;
    Exception "Exception" Object;
    RuntimeException "RuntimeException" Exception;
    TypeException "TypeException" Exception;
    ArgumentException "ArgumentException" Exception;
    IoError "IOError" Exception;
    ParseException "ParseException" Exception;
    AssertionException "AssertionException" Exception;
    ConcurrencyException "ConcurrencyException" Exception;
    TimeoutException "TimeoutException" ConcurrencyException;
    CancellationException "CancellationException" ConcurrencyException;
    ThreadException "ThreadException" ConcurrencyException;
    NetworkException "NetworkException" Exception;
    ProviderException "ProviderException" Exception;
}

impl Builtin {
    /// Whether programs name the class only as `gene/Name` (language/02-types.md §9).
    pub fn is_only_in_gene(self) -> bool {
        use Builtin::{Actor, Future, Generator, Selector};
        matches!(self, Selector | Future | Generator | Actor)
    }

    /// The class of an immediate value.
    pub fn of_immediate(v: Value) -> Builtin {
        if v.is_int() {
            Builtin::Int
        } else if v.is_float() {
            Builtin::Float
        } else if v == Value::NIL {
            Builtin::Nil
        } else if v == Value::VOID {
            Builtin::Void
        } else if v.is_bool() {
            Builtin::Bool
        } else if v.is_symbol() {
            Builtin::Symbol
        } else if v == Value::NOT_FOUND || v.as_char().is_some() {
            Builtin::Char
        } else {
            Builtin::Object
        }
    }

    /// The class of objects of this kind (records: see [`Builtin::of_tag`]).
    pub fn of_kind(kind: Kind) -> Builtin {
        match kind {
            Kind::Str => Builtin::String,
            Kind::Array => Builtin::Array,
            Kind::Map => Builtin::Map,
            Kind::HashMap => Builtin::HashMap,
            Kind::HashSet => Builtin::HashSet,
            Kind::Gene => Builtin::Gene,
            Kind::Closure | Kind::Native => Builtin::Function,
            Kind::BigInt => Builtin::Int,
            Kind::Range => Builtin::Range,
            Kind::Bytes => Builtin::Bytes,
            Kind::Path => Builtin::ComplexSymbol,
            Kind::Class => Builtin::Class,
            Kind::Namespace => Builtin::Namespace,
            Kind::Generator => Builtin::Generator,
            Kind::Iterator => Builtin::ArrayIterator,
            Kind::Free | Kind::Cell | Kind::Buffer | Kind::Record | Kind::Instance => {
                Builtin::Object
            }
        }
    }

    /// The class of records with this tag.
    pub fn of_tag(tag: Tag) -> Builtin {
        match tag {
            Tag::Date => Builtin::Date,
            Tag::Time => Builtin::Time,
            Tag::DateTime => Builtin::DateTime,
            Tag::Regex => Builtin::Regexp,
            Tag::Selector => Builtin::Selector,
            Tag::Type => Builtin::Type,
            Tag::Future => Builtin::Future,
            Tag::Interface => Builtin::Interface,
            Tag::Adapter => Builtin::Adapter,
            Tag::Interceptor => Builtin::Interceptor,
            Tag::Interception => Builtin::Interception,
            Tag::Actor => Builtin::Actor,
            Tag::IoHandle => Builtin::IoHandle,
            Tag::Package => Builtin::Package,
            Tag::Application => Builtin::Application,
            Tag::Match
            | Tag::Quote
            | Tag::Unquote
            | Tag::Discard
            | Tag::Enum
            | Tag::Variant
            | Tag::EnumValue
            | Tag::AdapterInternal
            | Tag::BoundMethod => Builtin::Object,
        }
    }

    /// The kind name that messages show: `VkInt` …
    pub fn kind_name(v: Value) -> &'static str {
        let Some(kind) = v.kind() else {
            return match Builtin::of_immediate(v) {
                Builtin::Int => "VkInt",
                Builtin::Float => "VkFloat",
                Builtin::Nil => "VkNil",
                Builtin::Void => "VkVoid",
                Builtin::Bool => "VkBool",
                Builtin::Symbol => "VkSymbol",
                Builtin::Char => "VkChar",
                _ => "VkPlaceholder",
            };
        };
        match kind {
            Kind::Str => "VkString",
            Kind::Array => "VkArray",
            Kind::Map => "VkMap",
            Kind::HashMap => "VkHashMap",
            Kind::HashSet => "VkHashSet",
            Kind::Gene => "VkGene",
            Kind::Native => "VkNativeFn",
            Kind::BigInt => "VkInt",
            Kind::Range => "VkRange",
            Kind::Bytes => "VkBytes",
            Kind::Path => "VkComplexSymbol",
            Kind::Class => "VkClass",
            Kind::Namespace => "VkNamespace",
            Kind::Generator => "VkGenerator",
            Kind::Iterator | Kind::Instance => "VkInstance",
            Kind::Closure => {
                if crate::heap_view::is_block(v) {
                    "VkBlock"
                } else {
                    "VkFunction"
                }
            }
            Kind::Record => match crate::heap_view::tag(v) {
                Some(Tag::Date) => "VkDate",
                Some(Tag::Time) => "VkTime",
                Some(Tag::DateTime) => "VkDateTime",
                Some(Tag::Regex) => "VkRegex",
                Some(Tag::Match) => "VkRegexMatch",
                Some(Tag::Selector) => "VkSelector",
                Some(Tag::Quote) => "VkQuote",
                Some(Tag::Unquote | Tag::Discard) => "VkUnquote",
                Some(Tag::Type) => "VkCustom",
                Some(Tag::Enum) => "VkEnum",
                Some(Tag::Variant) => "VkEnumMember",
                Some(Tag::EnumValue) => "VkEnumValue",
                Some(Tag::Future) => "VkFuture",
                Some(Tag::Interface) => "VkInterface",
                Some(Tag::Adapter) => "VkAdapter",
                Some(Tag::AdapterInternal) => "VkAdapterInternal",
                Some(Tag::Interceptor) => "VkInterceptor",
                Some(Tag::Interception) => "VkInterception",
                Some(Tag::BoundMethod) => "VkBoundMethod",
                Some(Tag::Actor) => "VkActor",
                Some(Tag::IoHandle | Tag::Package | Tag::Application) | None => "VkInstance",
            },
            Kind::Free | Kind::Cell | Kind::Buffer => "VkInternal",
        }
    }
}

//! A program as the compiler hands it to the image writer: everything owned, nothing laid out.
//! The image stores the same things in flat records (`layout.rs`).

/// Index newtypes; printed with one sigil in listings and errors.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident $sigil:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into a slice.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($sigil, "{}"), self.0)
            }
        }
    };
}

index!(
    /// A string of the image.
    StrId "s"
);
index!(
    /// A constant of the image.
    ConstId "k"
);
index!(
    /// A function of the image.
    FuncId "f"
);
index!(
    /// A source module of the program.
    ModuleId "m"
);
index!(
    /// A word of the module table.
    TableId "t"
);

/// A linked program: one or more source modules.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Program {
    /// Interned strings: names, texts.
    pub strings: Vec<Box<str>>,
    /// Constants. A constant refers only to constants with a smaller index.
    pub consts: Vec<Const>,
    /// The module table. Entries of several words occupy consecutive indices: the first is
    /// the entry, the others are [`TableEntry::Rest`].
    pub table: Vec<TableEntry>,
    /// Functions.
    pub funcs: Vec<Func>,
    /// Modules in the order in which they are initialised; the last is the main module.
    pub modules: Vec<Module>,
    /// Images it needs, in the order in which they are loaded.
    pub imports: Vec<Import>,
    /// What other images can use of it, ascending by name.
    pub exports: Vec<Export>,
    /// Options and other facts for META, in order.
    pub meta: Vec<(String, String)>,
    /// First form that needs a compiler at run time, if any: `file:line:col: form`.
    pub needs_eval: Option<String>,
    /// BLAKE3 of the source texts, part of the build id; zero if there are none.
    pub source_hash: [u8; 32],
}

/// A source module.
#[derive(Clone, PartialEq, Debug)]
pub struct Module {
    /// Path relative to the program, with `/`.
    pub name: StrId,
    /// Its body, a function without parameters.
    pub init: FuncId,
    /// Source text, if it is to be kept in SRCS.
    pub source: Option<Box<str>>,
}

/// Another image whose module this one imports.
#[derive(Clone, PartialEq, Debug)]
pub struct Import {
    /// Its file, relative to the folder of the program's main image.
    pub path: StrId,
    /// The interface that the code was compiled against ([`crate::interface::hash`]).
    pub interface: [u8; 32],
}

/// A name that other images may use, or a fact about the whole module.
#[derive(Clone, PartialEq, Debug)]
pub struct Export {
    /// The name.
    pub name: StrId,
    /// What users of the name are compiled against.
    pub description: StrId,
    /// Entry with its value: a global, shared variable or function. `None` for what has no value
    /// of its own here.
    pub entry: Option<TableId>,
}

/// A constant: data, or one of the descriptors that instructions refer to.
#[derive(Clone, PartialEq, Debug)]
pub enum Const {
    /// `nil`
    Nil,
    /// `void`
    Void,
    /// `true`, `false`
    Bool(bool),
    /// `not_found`
    NotFound,
    /// `_`
    Placeholder,
    /// 64-bit integer.
    Int(i64),
    /// Double; NaNs are stored in one canonical form.
    Float(f64),
    /// Character.
    Char(char),
    /// String.
    Str(StrId),
    /// Symbol.
    Symbol(StrId),
    /// Complex symbol: its parts.
    Path(Vec<StrId>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// Array of constants.
    Array {
        /// Elements.
        items: Vec<ConstId>,
        /// Sealed literal.
        sealed: bool,
    },
    /// Map.
    Map {
        /// Entries in order.
        entries: Vec<(StrId, ConstId)>,
        /// Sealed literal.
        sealed: bool,
    },
    /// Hash map: keys and values alternate.
    HashMap {
        /// Keys and values.
        items: Vec<ConstId>,
        /// Sealed literal.
        sealed: bool,
    },
    /// Gene.
    Gene {
        /// Head.
        head: ConstId,
        /// Props in order.
        props: Vec<(StrId, ConstId)>,
        /// Children.
        children: Vec<ConstId>,
        /// Sealed literal.
        sealed: bool,
    },
    /// A quote inside quoted data.
    Quote(ConstId),
    /// `%x` or `%_x` inside quoted data.
    Unquote {
        /// The form.
        form: ConstId,
        /// Written `%_`.
        discard: bool,
    },
    /// Regular expression; `flags` bit 0: ignore case, bit 1: dot matches newline.
    Regex {
        /// Pattern.
        pattern: StrId,
        /// Replacement.
        replacement: Option<StrId>,
        /// Flags.
        flags: u8,
    },
    /// Date, time or date-time. Absent parts are `None`.
    Temporal {
        /// Year, month, day.
        date: Option<(u16, u8, u8)>,
        /// Hour, minute, second, microsecond.
        time: Option<(u8, u8, u8, u32)>,
        /// Minutes east of UTC.
        offset: Option<i16>,
        /// Zone name.
        zone: Option<StrId>,
    },
    /// Selector value `@a/b`: segments are constants (strings, ints).
    Selector(Vec<ConstId>),
    /// Key names of a call or map literal.
    Keys(Vec<StrId>),
    /// A type and where it is checked.
    Check(Check),
}

/// What `CheckType` and `DefField` need: the type, and the words for messages.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    /// The type.
    pub ty: TypeDesc,
    /// The annotation as written.
    pub text: StrId,
    /// Parameter, field or function name, or `variable`.
    pub name: StrId,
    /// Where the check stands.
    pub site: CheckSite,
}

/// Where a type is checked; decides about conversion and wording (`02-types.md` §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum CheckSite {
    /// Parameter: converts.
    Param = 0,
    /// Result: converts.
    Result = 1,
    /// Variable: no conversion.
    Variable = 2,
    /// Class field (property): converts.
    Property = 3,
    /// Enum field: converts.
    EnumField = 4,
}

/// A type expression (`02-types.md` §4), as far as run-time checks look at it.
#[derive(Clone, PartialEq, Debug)]
pub enum TypeDesc {
    /// Accepts everything: `Any`, type variables.
    Any,
    /// A built-in name, class, enum or alias, matched by name.
    Named(StrId),
    /// `(Head …)`: only the head is checked.
    Applied(StrId),
    /// `(A | B)`
    Union(Vec<TypeDesc>),
    /// `(Fn [..] R)`: the text of parameters and result, compared by the runtime.
    Function {
        /// Parameters.
        params: Vec<FnParam>,
        /// Result.
        result: Box<TypeDesc>,
    },
}

/// One parameter of a function type.
#[derive(Clone, PartialEq, Debug)]
pub struct FnParam {
    /// Keyword name, if it is one.
    pub key: Option<StrId>,
    /// Takes all that remain.
    pub rest: bool,
    /// Its type.
    pub ty: TypeDesc,
}

/// One entry of the module table. The words of an image's table are made at load: values
/// when a function that uses them is first prepared, caches empty.
#[derive(Clone, PartialEq, Debug)]
pub enum TableEntry {
    /// A constant.
    Const(ConstId),
    /// A variable of a module; starts as nil, or as the closure of `func`.
    Global {
        /// Its name, for listings and messages.
        name: StrId,
        /// Initial function (a definition at the top level), without captures.
        func: Option<FuncId>,
    },
    /// The cell of a module variable that several images may read and assign; it starts with nil,
    /// or the closure of `func`.
    Shared {
        /// Its name, for listings and messages.
        name: StrId,
        /// Initial function, without captures.
        func: Option<FuncId>,
    },
    /// What another image exports: the value of its entry, taken when a function that uses it is
    /// first prepared.
    Import {
        /// Index in [`Program::imports`].
        import: u32,
        /// The name there.
        name: StrId,
    },
    /// A member of the built-in global namespace, by name.
    Builtin(StrId),
    /// The closure of a function without captures that is never assigned.
    Func(FuncId),
    /// Cache of reads of a field: 2 words.
    Field(StrId),
    /// Cache of stores to a field: 4 words.
    Store(StrId),
    /// Method cache: 4 words. `argc` counts the receiver; `keys` names the last arguments.
    Method {
        /// Method name.
        name: StrId,
        /// Arguments with the receiver.
        argc: u16,
        /// Names of the last arguments.
        keys: Option<ConstId>,
    },
    /// Cache of a name that is looked up in namespaces at run time: 2 words.
    Name(StrId),
    /// Second and later words of an entry.
    Rest,
}

impl TableEntry {
    /// How many words the entry occupies, itself included.
    pub fn words(&self) -> usize {
        match self {
            TableEntry::Method { .. } | TableEntry::Store(_) => 4,
            TableEntry::Field(_) | TableEntry::Name(_) => 2,
            _ => 1,
        }
    }
}

/// What kind of function it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum FuncKind {
    /// An ordinary function.
    #[default]
    Function = 0,
    /// A method: slot 0 is the receiver.
    Method = 1,
    /// A constructor: slot 0 is the instance, which every return gives.
    Ctor = 2,
    /// A block (`block`, `->`).
    Block = 3,
    /// Body of a module.
    Module = 4,
    /// A thunk: a form compiled in the scope it is written in (macro arguments).
    Thunk = 5,
}

/// A function.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Func {
    /// Name; empty for anonymous functions.
    pub name: StrId,
    /// Module it belongs to.
    pub module: ModuleId,
    /// Kind.
    pub kind: FuncKind,
    /// Calls make a generator.
    pub generator: bool,
    /// Calls give a future.
    pub is_async: bool,
    /// Receives its arguments as data (`name!`).
    pub is_macro: bool,
    /// Parameters in slot order: slot 0… (after the receiver of a method or constructor).
    pub params: Vec<Param>,
    /// Slots of the frame, call windows included.
    pub frame_size: u16,
    /// First table word its `c` operands count from.
    pub window: TableId,
    /// Instructions.
    pub code: Vec<u64>,
    /// Where captured values come from.
    pub captures: Vec<Capture>,
    /// Exception handlers, innermost first.
    pub handlers: Vec<Handler>,
    /// Positions: (code index, line, column), ascending by code index; line and column from 1.
    pub lines: Vec<(u32, u32, u32)>,
    /// Variable names: (slot, name), parameters first.
    pub vars: Vec<(u16, StrId)>,
    /// The type of its results, a [`Const::Check`], whether the code checks it or it always holds.
    pub result: Option<ConstId>,
    /// `^intent`.
    pub intent: Option<StrId>,
    /// `^examples`: an array constant.
    pub examples: Option<ConstId>,
    /// Definition place for messages: line and column, 0 if unknown.
    pub place: (u32, u32),
}

impl Func {
    /// The receiver's slot: 1 for methods and constructors, else 0.
    pub fn receiver_slots(&self) -> usize {
        matches!(self.kind, FuncKind::Method | FuncKind::Ctor) as usize
    }
}

/// A parameter. Binding order and errors: `05-functions.md` §3. A missing optional
/// parameter arrives as `undef`; the function's own code then evaluates the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Param {
    /// Name; for keywords the key.
    pub name: StrId,
    /// Kind.
    pub kind: ParamKind,
}

/// Kinds of parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ParamKind {
    /// `a`
    Required = 0,
    /// `a = v`
    Optional = 1,
    /// `a...`
    Rest = 2,
    /// `^k`
    Key = 3,
    /// `^k = v`
    OptionalKey = 4,
    /// `^rest...`
    KeyRest = 5,
}

/// Where a closure's captured value comes from when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capture {
    /// Slot of the function that makes the closure (a value, or the cell in it).
    Slot(u16),
    /// Capture of the function that makes the closure.
    Outer(u16),
}

/// An exception handler: covers words `start..end`, continues at `target` with the exception
/// in `slot`. The first that covers the failing instruction is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handler {
    /// First covered word.
    pub start: u32,
    /// One past the last covered word.
    pub end: u32,
    /// Where to go on.
    pub target: u32,
    /// Slot for the exception.
    pub slot: u16,
    /// True for `finally`: runs and raises again, so it does not count as catching.
    pub cleanup: bool,
}

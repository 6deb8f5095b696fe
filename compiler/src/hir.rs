//! The intermediate representation: what every source language lowers to and what the code
//! generator reads. Types only.
//!
//! Names are resolved: a variable is a local of the function, a capture, a global of the
//! program, or a name that only namespaces can answer at run time. All evaluation is left to
//! right unless said otherwise.

use gene_format::program::{CheckSite, FuncKind, ParamKind};
use gene_format::text::{Form, Span};
use std::collections::HashSet;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into a slice.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// A function of the program.
    FnId
);
index!(
    /// A module-level variable or definition.
    GlobalId
);
index!(
    /// A local variable of one function.
    LocalId
);
index!(
    /// A captured variable of one function.
    CaptureId
);
index!(
    /// A loop of one function, target of `break` and `continue`.
    LoopId
);
index!(
    /// A source module.
    ModuleIdx
);

/// A linked program.
#[derive(Debug, Default)]
pub struct Hir {
    /// Modules in the order of initialisation; the last is the main module.
    pub modules: Vec<Module>,
    /// All functions.
    pub funcs: Vec<Function>,
    /// All module-level variables.
    pub globals: Vec<Global>,
    /// Names of all methods that the program's classes define.
    pub method_names: HashSet<String>,
    /// First form that needs a compiler at run time: its module, place and text.
    pub needs_eval: Option<(ModuleIdx, Span, String)>,
    /// What each module needs of others and offers them, if that was asked for.
    pub interfaces: Vec<Interface>,
    /// What connects this program, which is then one module of a larger one, with the others.
    pub links: Links,
    /// What is suspicious about the program.
    pub warnings: crate::diag::Diagnostics,
}

impl Hir {
    /// Where a variable is kept, if not just in a word of this image's table.
    pub fn home(&self, id: GlobalId) -> Option<&Home> {
        self.links.homes.get(id.index())?.as_ref()
    }
}

/// A source module.
#[derive(Debug)]
pub struct Module {
    /// Path as the image shows it.
    pub name: String,
    /// Its body: kind `Module`, no parameters. Definitions come first (08-modules §2).
    pub init: FnId,
}

/// What a module needs of others and offers them.
#[derive(Debug, Default)]
pub struct Interface {
    /// The modules it imports, in the order of its import forms.
    pub imports: Vec<ModuleIdx>,
    /// What can be imported from it, ascending by name.
    pub exports: Vec<Export>,
    /// What else of the program the meaning of its code depends on.
    pub facts: String,
    /// Its first form that needs a compiler at run time.
    pub needs_eval: Option<(Span, String)>,
}

/// A name that can be imported.
#[derive(Debug)]
pub struct Export {
    /// The name.
    pub name: String,
    /// What it means, perhaps a variable of another module.
    pub global: GlobalId,
    /// For a macro-like function: what its calls must pass.
    pub macro_call: Option<String>,
}

/// What connects a module that is compiled alone with others.
#[derive(Debug, Default)]
pub struct Links {
    /// The images it needs, in the order of loading: file and hash of the interface.
    pub imports: Vec<(String, [u8; 32])>,
    /// What it offers, ascending by name: name, description, and its own variable.
    pub exports: Vec<(String, String, Option<GlobalId>)>,
    /// Where variables are kept, by number; nothing for mere words of this image's table.
    pub homes: Vec<Option<Home>>,
}

/// Where a variable is kept that more than one image uses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Home {
    /// A function of this module that others use too.
    Offered,
    /// A cell, which others read and assign too.
    Shared,
    /// In another image.
    Imported {
        /// Index in [`Links::imports`].
        import: u32,
        /// It is a cell. Otherwise it never changes once the module has run.
        shared: bool,
        /// Names of the parameters, if it is a function.
        params: Vec<String>,
    },
}

/// A module-level variable or definition.
#[derive(Debug)]
pub struct Global {
    /// Its name.
    pub name: String,
    /// The module that declares it.
    pub module: ModuleIdx,
    /// The top-level function it holds from the start, if it is one without captures.
    pub func: Option<FnId>,
    /// True if some form assigns it (for a function: other than its definition).
    pub assigned: bool,
}

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Name; empty for anonymous functions.
    pub name: String,
    /// Module it belongs to.
    pub module: ModuleIdx,
    /// Kind. Methods and constructors have `self` as local 0, before the parameters.
    pub kind: FuncKind,
    /// Calls make a generator.
    pub generator: bool,
    /// Calls give a future.
    pub is_async: bool,
    /// `name!`
    pub is_macro: bool,
    /// Parameters in order of declaration; each has a local of its own, locals in the same
    /// order from 0 (from 1 behind `self`).
    pub params: Vec<Param>,
    /// Local variables, parameters first.
    pub locals: Vec<Local>,
    /// Captured variables.
    pub captures: Vec<Capture>,
    /// The body. Its value is the result. Checks of parameter types, contracts and `^post`
    /// are already part of it; result checks are in `result`.
    pub body: Expr,
    /// Type of the result, which the body's value and that of every `return` are checked against.
    pub result: Option<Check>,
    /// The body contains the checks of its results, as far as there is need for any.
    pub checks_result: bool,
    /// Place of the definition.
    pub span: Span,
    /// `^intent`.
    pub intent: Option<String>,
    /// `^examples`, as data (an array form).
    pub examples: Option<Form>,
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    /// Name; for keywords the key.
    pub name: String,
    /// Kind.
    pub kind: ParamKind,
    /// Default of an optional parameter, evaluated at the call in the function's scope after
    /// the parameters before it. `None` for a required one.
    pub default: Option<Expr>,
    /// Type check of a given or default value.
    pub check: Option<Check>,
}

/// A local variable.
#[derive(Debug)]
pub struct Local {
    /// Name, empty for temporaries.
    pub name: String,
    /// True if it lives in a heap cell: captured, and assigned after a closure may have
    /// captured it (or captured before its declaration ran). Otherwise captures copy it.
    pub cell: bool,
}

/// Where a capture comes from in the enclosing function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CaptureSource {
    /// Local variable of the enclosing function.
    Local(LocalId),
    /// Capture of the enclosing function.
    Capture(CaptureId),
}

/// A captured variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capture {
    /// Source.
    pub from: CaptureSource,
    /// True if the captured thing is a cell.
    pub cell: bool,
}

/// A type check, in words and structure.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    /// The type.
    pub ty: Type,
    /// The annotation as written, for messages.
    pub text: String,
    /// Parameter, field or function name, or `variable`.
    pub name: String,
    /// Site.
    pub site: CheckSite,
}

/// A type expression.
#[derive(Clone, PartialEq, Debug)]
pub enum Type {
    /// Accepts everything.
    Any,
    /// Matched by name.
    Named(String),
    /// `(Head …)`, checked by its head.
    Applied(String),
    /// `(A | B)`
    Union(Vec<Type>),
    /// `(Fn [..] R)`
    Function {
        /// Keyword name, rest flag and type of each parameter.
        params: Vec<(Option<String>, bool, Type)>,
        /// Result.
        result: Box<Type>,
    },
}

/// An expression and the form it comes from.
#[derive(Debug)]
pub struct Expr {
    /// What it does.
    pub kind: ExprKind,
    /// The form, for positions in errors and traces.
    pub span: Span,
}

/// Operators on one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnaryOp {
    /// `(- x)`
    Neg,
    /// `(! x)`: bitwise on ints and bytes
    Not,
    /// `(typeof x)`
    Typeof,
    /// Boolean of the value's truth
    Truthy,
}

/// Operators on two values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `&|&`
    Xor,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `is`
    Is,
}

/// An element of an array literal, gene or argument list.
#[derive(Debug)]
pub struct Item {
    /// The value.
    pub value: Expr,
    /// `x...`: its elements are inserted.
    pub spread: bool,
}

/// An entry of a map literal or the named part of a call.
#[derive(Debug)]
pub enum Named {
    /// `^key value`
    Entry(Box<str>, Expr),
    /// `^... map`
    Spread(Expr),
}

/// Arguments of a call. Named values are evaluated first, then positionals.
#[derive(Debug, Default)]
pub struct Args {
    /// Positional arguments.
    pub items: Vec<Item>,
    /// Keyword arguments.
    pub named: Vec<Named>,
    /// For a known function: how many of its checks of parameters, from the first on, cannot fail
    /// on these arguments.
    pub passing: u8,
}

impl Args {
    /// Arguments of which nothing is known.
    pub fn new(items: Vec<Item>, named: Vec<Named>) -> Self {
        Args {
            items,
            named,
            passing: 0,
        }
    }
}

/// Something a path can read and assign.
#[derive(Debug)]
pub enum Place {
    /// `obj/name`
    Member(Box<Expr>, Box<str>),
    /// `obj/3`, `obj/-1`
    Index(Box<Expr>, i64),
    /// `obj/<key>`
    Dynamic(Box<Expr>, Box<Expr>),
}

/// A variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Var {
    /// Local of this function.
    Local(LocalId),
    /// Capture of this function.
    Capture(CaptureId),
    /// Module-level variable.
    Global(GlobalId),
    /// Looked up at run time in the module's namespace, then globally.
    Name(Box<str>),
    /// Member of the global namespace, assigned by `$name`; read like `Name`.
    GlobalMember(Box<str>),
}

/// One `catch` clause.
#[derive(Debug)]
pub struct Catch {
    /// Class the exception must be an instance of; `None` catches everything. Evaluated when
    /// the clause is tried.
    pub class: Option<Expr>,
    /// Local that receives the exception.
    pub bind: Option<LocalId>,
    /// The handler; `$ex` is the exception inside.
    pub body: Expr,
}

/// What an expression does.
#[derive(Debug)]
pub enum ExprKind {
    /// `nil`
    Nil,
    /// `void`
    Void,
    /// `not_found`
    NotFound,
    /// `_`
    Placeholder,
    /// `true`, `false`
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Double.
    Float(f64),
    /// String.
    Str(Box<str>),
    /// Any other constant or quoted data: char, symbol, bytes, dates, regex, gene …
    Data(Box<Form>),
    /// Selector value `@a/b`: ints and strings.
    Selector(Vec<Form>),
    /// Reads a variable.
    Var(Var),
    /// A built-in global function, class or constant that nothing in the program hides.
    Builtin(Box<str>),
    /// The namespace of the module (`$ns`, top-level `self`).
    Namespace,
    /// `$ex`
    Exception,
    /// Assigns; the value is the new value.
    Set(Var, Box<Expr>),
    /// Declares a local at this point: a fresh variable each time it runs (nil without
    /// initialiser). The value is the initial value.
    Declare(LocalId, Option<Box<Expr>>),
    /// One operand.
    Unary(UnaryOp, Box<Expr>),
    /// Two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a < b <= c`: each operand once, stops at the first pair that does not hold.
    Chain(Box<[Expr]>, Box<[BinaryOp]>),
    /// `&&` as decisions.md (a) defines it.
    And(Box<Expr>, Box<Expr>),
    /// `||` as decisions.md (a) defines it.
    Or(Box<Expr>, Box<Expr>),
    /// `++`
    Concat(Vec<Expr>),
    /// `#Str`, interpolation.
    Interp(Vec<Expr>),
    /// In order; the value of the last, nil if empty.
    Seq(Vec<Expr>),
    /// Condition, then, else.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Condition and body; value nil.
    While(LoopId, Box<Expr>, Box<Expr>),
    /// Endless loop; its value is that of `break`.
    Loop(LoopId, Box<Expr>),
    /// Runs the body n times; value nil.
    Repeat(LoopId, Box<Expr>, Box<Expr>),
    /// Iterates (04-control-flow §2.1); value nil. `key` is present in the two-name form. The
    /// locals are fresh in every round; `None` drops the value. Destructuring is in the body.
    For {
        /// The loop.
        id: LoopId,
        /// Collection, evaluated once.
        coll: Box<Expr>,
        /// `Some` in the two-name form.
        key: Option<Option<LocalId>>,
        /// Value.
        value: Option<LocalId>,
        /// Body.
        body: Box<Expr>,
    },
    /// Leaves a loop; the value counts for `Loop` only.
    Break(LoopId, Option<Box<Expr>>),
    /// Goes on with the next round.
    Continue(LoopId),
    /// Leaves the function (a generator: exhausts it; a module body: ends it).
    Return(Option<Box<Expr>>),
    /// Calls a value.
    Call(Box<Expr>, Box<Args>),
    /// `(obj .name …)`
    MethodCall(Box<Expr>, Box<str>, Box<Args>),
    /// `(obj . expr …)`
    DynamicCall(Box<Expr>, Box<Expr>, Box<Args>),
    /// `(super .name …)`: the receiver expression is the method's `self`.
    SuperCall(Box<Expr>, Box<str>, Box<Args>),
    /// `(new C …)`
    New(Box<Expr>, Box<Args>),
    /// Reads a path segment.
    Get(Place),
    /// As `Get` of a member, with the variable whose value is tried as a dynamic segment if
    /// the container is an array, or a map without the key (17-selectors §1.2 rule 2).
    GetOr(Box<Expr>, Box<str>, Box<Expr>),
    /// Assigns a path; the value is the new value.
    SetPlace(Box<Place>, Box<Expr>),
    /// Compound assignment to a path: container, current value, right side, store.
    UpdatePlace(Box<Place>, BinaryOp, Box<Expr>),
    /// Path segment `!`.
    Assert(Box<Expr>),
    /// First operand, or the second if it is void.
    Default(Box<Expr>, Box<Expr>),
    /// `[…]`
    Array(Vec<Item>),
    /// `{…}`
    Map(Vec<Named>),
    /// A gene whose parts are evaluated: head; props and children.
    Gene(Box<Expr>, Box<Args>),
    /// Seals the fresh collection.
    Seal(Box<Expr>),
    /// `(a .. b)`
    Range(Box<Expr>, Box<Expr>),
    /// Makes a closure.
    Closure(FnId),
    /// `try`
    Try {
        /// Body.
        body: Box<Expr>,
        /// Clauses in order.
        catches: Box<[Catch]>,
        /// Runs on every way out.
        finally: Option<Box<Expr>>,
    },
    /// `throw`
    Throw(Box<Expr>),
    /// Raises an exception with this message.
    Fail(Box<str>),
    /// New class: name and parent.
    NewClass(Box<str>, Option<Box<Expr>>),
    /// Defines a method in a class: class, kind, name, closure.
    DefMethod(Box<Expr>, Box<(MethodKind, String)>, Box<Expr>),
    /// Declares a typed field: class, check, readonly.
    DefField(Box<Expr>, Box<Check>, bool),
    /// New namespace: name and parent.
    NewNamespace(Box<str>, Option<Box<Expr>>),
    /// Checks (and converts) a value.
    CheckType(Box<Expr>, Box<Check>),
    /// `yield`
    Yield(Box<Expr>),
    /// `await` of one future.
    Await(Box<Expr>),
}

/// What a class member is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodKind {
    /// `method`
    Method,
    /// `ctor`
    Ctor,
    /// `on_method_missing`
    Missing,
}

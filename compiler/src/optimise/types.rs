//! Type checks that cannot fail are left out: of assignments to annotated variables, of arguments
//! for known functions, of results.
//!
//! A simple type covers nil too wherever the checks of the program admit it: nil is checked for
//! where a value comes from, and arithmetic on it raises.

use gene_format::program::{CheckSite, FuncKind, ParamKind};

use crate::hir::*;
use crate::visit::{parts, parts_mut};

/// A type whose values need no conversion and whose operations are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Simple {
    Int,
    Float,
    String,
    Bool,
}

/// What an annotation says, if it is one of the simple types.
fn simple(check: &Check) -> Option<Simple> {
    match &check.ty {
        Type::Named(name) => match name.as_str() {
            "Int" => Some(Simple::Int),
            "Float" => Some(Simple::Float),
            "String" => Some(Simple::String),
            "Bool" => Some(Simple::Bool),
            _ => None,
        },
        _ => None,
    }
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Known {
    /// There is none so far: no assignment of it has been seen.
    Nothing,
    /// Always of the type, or nil where its check admits that.
    Is(Simple),
    /// Anything.
    Any,
}

impl Known {
    fn of(simple: Option<Simple>) -> Known {
        simple.map_or(Known::Any, Known::Is)
    }

    /// What is known of a value that is one or the other.
    fn or(self, other: Known) -> Known {
        match (self, other) {
            (Known::Nothing, known) | (known, Known::Nothing) => known,
            (Known::Is(a), Known::Is(b)) if a == b => self,
            _ => Known::Any,
        }
    }
}

/// What callers of a function know of its types.
struct Signature {
    /// The checks of its parameters in their order, with the parameter's number, as far as they
    /// are simple. Nothing for functions that take other arguments than required ones.
    params: Vec<(usize, Simple)>,
    /// How many parameters those functions have.
    arity: usize,
    result: Option<Simple>,
}

impl Signature {
    fn of(function: &Function) -> Signature {
        let is_required = |param: &Param| param.kind == ParamKind::Required;
        let is_plain = is_plain(function) && function.params.iter().all(is_required);
        let checked = function.params.iter().enumerate();
        let checked = checked.filter_map(|(at, param)| Some((at, param.check.as_ref()?)));
        let params = checked.map_while(|(at, check)| Some((at, simple(check)?)));
        let result = function.result.as_ref().filter(|_| is_plain);
        Signature {
            params: params.filter(|_| is_plain).collect(),
            arity: function.params.len(),
            result: result.and_then(simple),
        }
    }
}

/// Whether a call runs the body to its end and gives its value.
fn is_plain(function: &Function) -> bool {
    let kind = matches!(
        function.kind,
        FuncKind::Function | FuncKind::Method | FuncKind::Block | FuncKind::Thunk
    );
    kind && !function.generator && !function.is_async && !function.is_macro
}

/// The functions that have types, and how calls find them.
pub(super) struct Signatures {
    /// By function; empty if no function has types.
    funcs: Vec<Signature>,
    /// Function of each global that is one and stays it.
    globals: Vec<Option<FnId>>,
}

impl Signatures {
    pub(super) fn of(hir: &Hir) -> Self {
        let has_types = |function: &Function| {
            function.result.is_some() || function.params.iter().any(|param| param.check.is_some())
        };
        if !hir.funcs.iter().any(has_types) {
            return Self {
                funcs: Vec::new(),
                globals: Vec::new(),
            };
        }
        let globals = (0..).map(GlobalId).zip(&hir.globals);
        Self {
            funcs: hir.funcs.iter().map(Signature::of).collect(),
            globals: globals
                .map(|(id, global)| {
                    let is_other = matches!(hir.home(id), Some(Home::Imported { .. }));
                    global.func.filter(|_| !global.assigned && !is_other)
                })
                .collect(),
        }
    }

    /// The function that an expression always is.
    fn of_callee(&self, callee: &Expr) -> Option<&Signature> {
        let id = match &callee.kind {
            ExprKind::Var(Var::Global(id)) => *self.globals.get(id.index())?,
            ExprKind::Closure(id) => Some(*id),
            _ => None,
        };
        self.funcs.get(id?.index())
    }

    /// Whether types matter to an expression.
    pub(super) fn concern(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::CheckType(..) => true,
            ExprKind::Call(callee, _) => self
                .of_callee(callee)
                .is_some_and(|callee| callee.result.is_some() || !callee.params.is_empty()),
            _ => false,
        }
    }
}

/// Leaves out the checks of a function and of its calls that cannot fail.
pub(super) fn remove_checks(function: &mut Function, signatures: &Signatures) {
    let types = Types::of(function, signatures);
    types.remove(&mut function.body);
    if is_plain(function)
        && let Some(check) = &function.result
        && let Some(wanted) = simple(check)
        && types.returns_within_try(&function.body, false, wanted)
    {
        let (check, span) = (check.clone(), function.body.span);
        let results = Results {
            types: &types,
            wanted,
            check,
            span,
        };
        results.returns(&mut function.body);
        results.value(&mut function.body);
        function.checks_result = true;
    }
}

fn is_variable_check(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::CheckType(_, check) if check.site == CheckSite::Variable)
}

fn visit<'h>(expr: &'h Expr, f: &mut impl FnMut(&'h Expr)) {
    f(expr);
    parts(expr, &mut |part, _| visit(part, f));
}

/// How often a function is gone through until its types are given up.
const ROUNDS: usize = 8;

/// The types of a function's locals.
struct Types<'s> {
    locals: Vec<Known>,
    signatures: &'s Signatures,
}

impl<'s> Types<'s> {
    fn of(function: &Function, signatures: &'s Signatures) -> Self {
        // closures may assign what lives in a cell
        let at_first = |local: &Local| match local.cell {
            true => Known::Any,
            false => Known::Nothing,
        };
        let mut types = Types {
            locals: function.locals.iter().map(at_first).collect(),
            signatures,
        };
        // `self` of methods stands before the parameters
        let extra = match function.kind {
            FuncKind::Method | FuncKind::Ctor => 1,
            _ => 0,
        };
        for known in types.locals.iter_mut().take(extra) {
            *known = Known::Any;
        }
        for (param, known) in function.params.iter().zip(&mut types.locals[extra..]) {
            let is = match param.kind {
                ParamKind::Required | ParamKind::Optional => param.check.as_ref().and_then(simple),
                _ => None,
            };
            *known = known.or(Known::of(is));
        }
        // What is known of one variable may depend on others, perhaps later ones.
        for _ in 0..ROUNDS {
            let before = types.locals.clone();
            for default in function.params.iter().filter_map(|p| p.default.as_ref()) {
                visit(default, &mut |expr| types.note(expr));
            }
            visit(&function.body, &mut |expr| types.note(expr));
            if types.locals == before {
                return types;
            }
        }
        types.locals.fill(Known::Any);
        types
    }

    /// Takes into account what an expression assigns.
    fn note(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Set(Var::Local(local), value) | ExprKind::Declare(local, Some(value)) => {
                let known = self.of_value(value);
                self.assign(*local, known);
            }
            ExprKind::Declare(local, None) => self.assign(*local, Known::Any),
            ExprKind::For {
                coll, key, value, ..
            } => {
                let known = match &coll.kind {
                    ExprKind::Range(from, to) => match (self.of_value(from), self.of_value(to)) {
                        (Known::Nothing, _) | (_, Known::Nothing) => Known::Nothing,
                        (Known::Is(Simple::Int), Known::Is(Simple::Int)) => Known::Is(Simple::Int),
                        _ => Known::Any,
                    },
                    _ => Known::Any,
                };
                if let Some(local) = value {
                    self.assign(*local, known);
                }
                if let Some(local) = key.iter().flatten().next() {
                    self.assign(*local, Known::Any);
                }
            }
            ExprKind::Try { catches, .. } => {
                for local in catches.iter().filter_map(|catch| catch.bind) {
                    self.assign(local, Known::Any);
                }
            }
            _ => {}
        }
    }

    fn assign(&mut self, local: LocalId, known: Known) {
        let local = &mut self.locals[local.index()];
        *local = local.or(known);
    }

    /// The type of an expression's value, if it has one.
    fn type_of(&self, expr: &Expr) -> Option<Simple> {
        match self.of_value(expr) {
            Known::Is(is) => Some(is),
            Known::Nothing | Known::Any => None,
        }
    }

    fn of_value(&self, expr: &Expr) -> Known {
        match &expr.kind {
            ExprKind::Int(_) => Known::Is(Simple::Int),
            ExprKind::Float(_) => Known::Is(Simple::Float),
            ExprKind::Str(_) | ExprKind::Interp(_) | ExprKind::Concat(_) => {
                Known::Is(Simple::String)
            }
            ExprKind::Bool(_) => Known::Is(Simple::Bool),
            ExprKind::Var(Var::Local(local)) => self.locals[local.index()],
            ExprKind::CheckType(_, check) => Known::of(simple(check)),
            ExprKind::Set(_, value) | ExprKind::Declare(_, Some(value)) => self.of_value(value),
            ExprKind::Binary(op, a, b) => arithmetic(*op, self.of_value(a), self.of_value(b)),
            ExprKind::If(_, then, otherwise) => self.of_value(then).or(self.of_value(otherwise)),
            ExprKind::Seq(list) => list.last().map_or(Known::Any, |last| self.of_value(last)),
            ExprKind::Call(callee, _) => {
                let callee = self.signatures.of_callee(callee);
                Known::of(callee.and_then(|callee| callee.result))
            }
            // Control does not go on behind it.
            ExprKind::Throw(_) | ExprKind::Fail(_) | ExprKind::Return(_) => Known::Nothing,
            _ => Known::Any,
        }
    }

    /// Leaves out checks of variables, and counts those of calls that pass.
    fn remove(&self, expr: &mut Expr) {
        parts_mut(expr, &mut |part, _| self.remove(part));
        if is_variable_check(expr)
            && let ExprKind::CheckType(value, check) = &mut expr.kind
            && simple(check).is_some_and(|wanted| self.type_of(value) == Some(wanted))
        {
            let nil = Expr {
                kind: ExprKind::Nil,
                span: value.span,
            };
            *expr = std::mem::replace(&mut **value, nil);
        }
        if let ExprKind::Call(callee, args) = &mut expr.kind
            && let Some(callee) = self.signatures.of_callee(callee)
            && args.named.is_empty()
            && args.items.len() == callee.arity
            && !args.items.iter().any(|item| item.spread)
        {
            let passes = |&&(at, wanted): &&(usize, Simple)| {
                self.type_of(&args.items[at].value) == Some(wanted)
            };
            let passing = callee.params.iter().take_while(passes).count();
            args.passing = passing.min(u8::MAX.into()) as u8;
        }
    }

    /// Whether what is returned inside `try` has the type: its handlers must not see a check fail.
    fn returns_within_try(&self, expr: &Expr, inside: bool, wanted: Simple) -> bool {
        if let ExprKind::Return(value) = &expr.kind
            && inside
            && value.as_ref().and_then(|value| self.type_of(value)) != Some(wanted)
        {
            return false;
        }
        let inside = inside || matches!(expr.kind, ExprKind::Try { .. });
        let mut all = true;
        parts(expr, &mut |part, _| {
            all = all && self.returns_within_try(part, inside, wanted)
        });
        all
    }
}

/// Arithmetic on two numbers gives a number or raises; nil raises.
fn arithmetic(op: BinaryOp, a: Known, b: Known) -> Known {
    use BinaryOp::*;
    use Simple::*;
    let (a, b) = match (a, b) {
        (Known::Is(a), Known::Is(b)) => (a, b),
        (Known::Any, _) | (_, Known::Any) => return Known::Any,
        _ => return Known::Nothing,
    };
    Known::of(match (op, a, b) {
        (Add | Sub | Mul | Mod, Int, Int) => Some(Int),
        (Add | Sub | Mul | Div, Float, Float | Int) | (Add | Sub | Mul | Div, Int, Float) => {
            Some(Float)
        }
        (Lt | Le | Gt | Ge | Eq | Ne, Int | Float, Int | Float) => Some(Bool),
        _ => None,
    })
}

/// Puts the check of a function's results to where each of them is made, unless it cannot fail
/// there.
struct Results<'t> {
    types: &'t Types<'t>,
    wanted: Simple,
    check: Check,
    /// Place of a failing check.
    span: gene_format::text::Span,
}

impl Results<'_> {
    /// What `return` gives, anywhere in the expression.
    fn returns(&self, expr: &mut Expr) {
        parts_mut(expr, &mut |part, _| self.returns(part));
        match &mut expr.kind {
            ExprKind::Return(Some(value)) => self.value(value),
            ExprKind::Return(none) => {
                let mut nil = Box::new(Expr {
                    kind: ExprKind::Nil,
                    span: expr.span,
                });
                self.value(&mut nil);
                *none = Some(nil);
            }
            _ => {}
        }
    }

    /// An expression whose value is a result.
    fn value(&self, expr: &mut Expr) {
        let holds = self.types.type_of(expr) == Some(self.wanted);
        match &mut expr.kind {
            ExprKind::If(_, then, otherwise) => {
                self.value(then);
                self.value(otherwise);
            }
            ExprKind::Seq(list) if !list.is_empty() => {
                if let Some(last) = list.last_mut() {
                    self.value(last);
                }
            }
            // it has been seen
            ExprKind::Return(_) | ExprKind::Throw(_) | ExprKind::Fail(_) => {}
            _ if holds => {}
            _ => {
                let nil = Expr {
                    kind: ExprKind::Nil,
                    span: expr.span,
                };
                let value = std::mem::replace(expr, nil);
                expr.span = self.span;
                expr.kind = ExprKind::CheckType(Box::new(value), Box::new(self.check.clone()));
            }
        }
    }
}

//! Type checks that cannot fail: an assignment to an annotated variable is checked only if its
//! value may be of another type.
//!
//! Checks of parameters and results stay: the types of a function are read from them.

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

/// Removes the checks of a function's variables that cannot fail.
pub(super) fn remove_checks(function: &mut Function) {
    let types = Types::of(function);
    types.remove(&mut function.body);
}

fn is_variable_check(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::CheckType(_, check) if check.site == CheckSite::Variable)
}

fn visit<'h>(expr: &'h Expr, f: &mut impl FnMut(&'h Expr)) {
    f(expr);
    parts(expr, &mut |part, _| visit(part, f));
}

/// What is known of a local from all its assignments.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Known {
    /// Not assigned so far.
    Nothing,
    /// Always a value of the type, or nil where the check admits that.
    Is(Simple),
    /// Anything.
    Any,
}

/// The types of a function's locals.
struct Types(Vec<Known>);

impl Types {
    fn of(function: &Function) -> Self {
        let mut types = Types(vec![Known::Nothing; function.locals.len()]);
        for (at, local) in function.locals.iter().enumerate() {
            // closures may assign what lives in a cell
            if local.cell {
                types.0[at] = Known::Any;
            }
        }
        // `self` of methods stands before the parameters
        let extra = match function.kind {
            FuncKind::Method | FuncKind::Ctor => 1,
            _ => 0,
        };
        for known in types.0.iter_mut().take(extra) {
            *known = Known::Any;
        }
        for (param, known) in function.params.iter().zip(types.0.iter_mut().skip(extra)) {
            let is = match param.kind {
                ParamKind::Required | ParamKind::Optional => param.check.as_ref().and_then(simple),
                _ => None,
            };
            *known = is
                .filter(|_| *known != Known::Any)
                .map_or(Known::Any, Known::Is);
        }
        for default in function.params.iter().filter_map(|p| p.default.as_ref()) {
            visit(default, &mut |expr| types.note(expr));
        }
        visit(&function.body, &mut |expr| types.note(expr));
        types
    }

    /// Takes into account what an expression assigns.
    fn note(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Set(Var::Local(local), value) | ExprKind::Declare(local, Some(value)) => {
                let is = match &value.kind {
                    ExprKind::CheckType(_, check) => simple(check),
                    _ => None,
                };
                let known = &mut self.0[local.index()];
                *known = match (*known, is) {
                    (Known::Nothing, Some(is)) => Known::Is(is),
                    (Known::Is(was), Some(is)) if was == is => *known,
                    _ => Known::Any,
                };
            }
            ExprKind::Declare(local, None) => self.0[local.index()] = Known::Any,
            ExprKind::For { key, value, .. } => {
                for local in key.iter().flatten().chain(value) {
                    self.0[local.index()] = Known::Any;
                }
            }
            ExprKind::Try { catches, .. } => {
                for local in catches.iter().filter_map(|catch| catch.bind) {
                    self.0[local.index()] = Known::Any;
                }
            }
            _ => {}
        }
    }

    /// The type of an expression's value, if it has one.
    fn type_of(&self, expr: &Expr) -> Option<Simple> {
        match &expr.kind {
            ExprKind::Int(_) => Some(Simple::Int),
            ExprKind::Float(_) => Some(Simple::Float),
            ExprKind::Str(_) | ExprKind::Interp(_) | ExprKind::Concat(_) => Some(Simple::String),
            ExprKind::Bool(_) => Some(Simple::Bool),
            ExprKind::Var(Var::Local(local)) => match self.0[local.index()] {
                Known::Is(is) => Some(is),
                _ => None,
            },
            ExprKind::CheckType(_, check) => simple(check),
            ExprKind::Binary(op, a, b) => self.arithmetic(*op, a, b),
            ExprKind::If(_, then, otherwise) => self
                .type_of(then)
                .filter(|is| self.type_of(otherwise) == Some(*is)),
            ExprKind::Seq(list) => list.last().and_then(|last| self.type_of(last)),
            _ => None,
        }
    }

    /// Arithmetic on two numbers gives a number or raises; nil raises.
    fn arithmetic(&self, op: BinaryOp, a: &Expr, b: &Expr) -> Option<Simple> {
        use BinaryOp::*;
        use Simple::*;
        match (op, self.type_of(a)?, self.type_of(b)?) {
            (Add | Sub | Mul | Mod, Int, Int) => Some(Int),
            (Add | Sub | Mul | Div, Float, Float | Int) | (Add | Sub | Mul | Div, Int, Float) => {
                Some(Float)
            }
            _ => None,
        }
    }

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
    }
}

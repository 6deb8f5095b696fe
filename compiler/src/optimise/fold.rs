//! Operators on constants, as the machine computes them.

use crate::hir::*;

/// A constant whose value operators know.
#[derive(Clone, Copy, Debug)]
pub(super) enum Constant {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
}

/// Floats are compared by their bits: two constants are the same if nothing can tell.
impl PartialEq for Constant {
    fn eq(&self, other: &Constant) -> bool {
        match (self, other) {
            (Constant::Nil, Constant::Nil) => true,
            (Constant::Bool(a), Constant::Bool(b)) => a == b,
            (Constant::Int(a), Constant::Int(b)) => a == b,
            (Constant::Float(a), Constant::Float(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

/// Largest integer below which all have an exact double.
const EXACT: u64 = 1 << 53;

impl Constant {
    pub fn of(expr: &Expr) -> Option<Constant> {
        match expr.kind {
            ExprKind::Nil => Some(Constant::Nil),
            ExprKind::Bool(value) => Some(Constant::Bool(value)),
            ExprKind::Int(value) => Some(Constant::Int(value)),
            ExprKind::Float(value) => Some(Constant::Float(value)),
            _ => None,
        }
    }

    pub fn truth(self) -> bool {
        !matches!(self, Constant::Nil | Constant::Bool(false))
    }

    fn expr(self) -> ExprKind {
        match self {
            Constant::Nil => ExprKind::Nil,
            Constant::Bool(value) => ExprKind::Bool(value),
            Constant::Int(value) => ExprKind::Int(value),
            Constant::Float(value) => ExprKind::Float(value),
        }
    }

    /// As a double, if no digit is lost.
    fn double(self) -> Option<f64> {
        match self {
            Constant::Int(value) if value.unsigned_abs() <= EXACT => Some(value as f64),
            Constant::Float(value) => Some(value),
            _ => None,
        }
    }
}

/// What the expression becomes, if it can be computed.
pub(super) fn fold(
    expr: &mut Expr,
    constant: impl Fn(&Expr) -> Option<Constant>,
) -> Option<ExprKind> {
    match &mut expr.kind {
        ExprKind::Unary(op, of) => {
            let is_boolean = is_boolean(of);
            match (op, constant(of)) {
                (UnaryOp::Truthy, None) if is_boolean => Some(take(of)),
                (op, value) => Some(unary(*op, value?)?.expr()),
            }
        }
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (constant(a)?, constant(b)?);
            Some(binary(*op, a, b)?.expr())
        }
        ExprKind::And(a, b) => match (constant(a)?, constant(b)) {
            (Constant::Int(a), Some(Constant::Int(b))) => Some(ExprKind::Int(a & b)),
            (Constant::Bool(true), _) => Some(take(b)),
            (left, _) if !left.truth() => Some(left.expr()),
            _ => None,
        },
        ExprKind::Or(a, b) => match (constant(a)?, constant(b)) {
            (Constant::Int(a), Some(Constant::Int(b))) => Some(ExprKind::Int(a | b)),
            (Constant::Bool(true), _) => Some(ExprKind::Bool(true)),
            (left, _) if !left.truth() => Some(take(b)),
            _ => None,
        },
        ExprKind::Concat(list) => {
            join_strings(list);
            match list.as_mut_slice() {
                [one] if matches!(one.kind, ExprKind::Str(_)) => Some(take(one)),
                _ => None,
            }
        }
        ExprKind::Interp(list) => {
            join_strings(list);
            match list.as_mut_slice() {
                [one] if matches!(one.kind, ExprKind::Str(_)) => Some(take(one)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn take(expr: &mut Expr) -> ExprKind {
    std::mem::replace(&mut expr.kind, ExprKind::Nil)
}

fn is_boolean(expr: &Expr) -> bool {
    use BinaryOp::*;
    match &expr.kind {
        ExprKind::Bool(_) | ExprKind::Chain(..) | ExprKind::Unary(UnaryOp::Truthy, _) => true,
        ExprKind::Binary(op, ..) => matches!(op, Lt | Le | Gt | Ge | Is),
        _ => false,
    }
}

/// Joins strings that stand side by side.
fn join_strings(list: &mut Vec<Expr>) {
    let is_text = |expr: &Expr| matches!(expr.kind, ExprKind::Str(_));
    if !list.windows(2).any(|pair| pair.iter().all(is_text)) {
        return;
    }
    let mut joined: Vec<Expr> = Vec::with_capacity(list.len());
    for part in list.drain(..) {
        match (joined.last_mut().map(|last| &mut last.kind), &part.kind) {
            (Some(ExprKind::Str(text)), ExprKind::Str(more)) => {
                *text = format!("{text}{more}").into_boxed_str();
            }
            _ => joined.push(part),
        }
    }
    *list = joined;
}

fn unary(op: UnaryOp, value: Constant) -> Option<Constant> {
    Some(match (op, value) {
        (UnaryOp::Neg, Constant::Int(n)) => Constant::Int(n.checked_neg()?),
        (UnaryOp::Neg, Constant::Float(n)) => Constant::Float(-n),
        (UnaryOp::Not, Constant::Int(n)) => Constant::Int(!n),
        (UnaryOp::Not, value) => Constant::Bool(!value.truth()),
        (UnaryOp::Truthy, value) => Constant::Bool(value.truth()),
        (UnaryOp::Neg | UnaryOp::Typeof, _) => return None,
    })
}

fn binary(op: BinaryOp, a: Constant, b: Constant) -> Option<Constant> {
    use BinaryOp::*;
    if let (Constant::Int(a), Constant::Int(b)) = (a, b) {
        return ints(op, a, b);
    }
    if let (Eq | Ne, true) = (op, std::mem::discriminant(&a) == std::mem::discriminant(&b)) {
        let equal = match (a, b) {
            (Constant::Float(a), Constant::Float(b)) => a == b,
            (a, b) => a == b,
        };
        return Some(Constant::Bool(equal == (op == Eq)));
    }
    let (a, b) = (a.double()?, b.double()?);
    Some(match op {
        Add => Constant::Float(a + b),
        Sub => Constant::Float(a - b),
        Mul => Constant::Float(a * b),
        Div => Constant::Float(a / b),
        Mod => Constant::Float(a % b),
        Lt => Constant::Bool(a < b),
        Le => Constant::Bool(a <= b),
        Gt => Constant::Bool(a > b),
        Ge => Constant::Bool(a >= b),
        // an int and a double: a variable and a literal compare otherwise than two values
        Eq | Ne | Is | Shl | Shr | Xor => return None,
    })
}

fn ints(op: BinaryOp, a: i64, b: i64) -> Option<Constant> {
    use BinaryOp::*;
    let shift = |b: i64| u32::try_from(b).ok().filter(|n| *n < 64);
    Some(match op {
        Add => Constant::Int(a.checked_add(b)?),
        Sub => Constant::Int(a.checked_sub(b)?),
        Mul => Constant::Int(a.checked_mul(b)?),
        Div => {
            let (a, b) = (Constant::Int(a).double()?, Constant::Int(b).double()?);
            Constant::Float(a / b)
        }
        Mod => Constant::Int(a.checked_rem(b)?),
        Shl => Constant::Int(a << shift(b)?),
        Shr => Constant::Int(a >> shift(b)?),
        Xor => Constant::Int(a ^ b),
        Lt => Constant::Bool(a < b),
        Le => Constant::Bool(a <= b),
        Gt => Constant::Bool(a > b),
        Ge => Constant::Bool(a >= b),
        Eq => Constant::Bool(a == b),
        Ne => Constant::Bool(a != b),
        Is => return None,
    })
}

//! The parts of an expression in the order in which they are evaluated.

use crate::hir::{Args, Expr, ExprKind, Item, Named, Place};

/// How a part is evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Role {
    /// Values of earlier parts wait while it is evaluated.
    pub later: bool,
    /// It runs any number of times, perhaps never.
    pub branch: bool,
}

/// Once, with nothing waiting.
const FIRST: Role = Role {
    later: false,
    branch: false,
};
/// Once, with values waiting.
const LATER: Role = Role {
    later: true,
    branch: false,
};
/// Perhaps, with nothing waiting.
const BRANCH: Role = Role {
    later: false,
    branch: true,
};
/// Perhaps, with values waiting.
const LATER_BRANCH: Role = Role {
    later: true,
    branch: true,
};

macro_rules! visitor {
    ($parts:ident $each:ident $arguments:ident $items:ident $named:ident $place:ident $($mut:ident)?) => {
        /// Calls `f` with every part. What a node binds itself (`Declare`, `For`, `Catch`) and the
        /// bodies of closures are left to the caller.
        pub(crate) fn $parts<'h>(expr: &'h $($mut)? Expr, f: &mut impl FnMut(&'h $($mut)? Expr, Role)) {
            use ExprKind::*;
            match &$($mut)? expr.kind {
                Nil | Void | NotFound | Placeholder | Bool(_) | Int(_) | Float(_) | Str(_) | Data(_)
                | Selector(_) | Var(_) | Builtin(_) | Namespace | Exception | Continue(_) | Closure(_)
                | Fail(_) => {}
                Set(_, value) | Unary(_, value) | Assert(value) | Seal(value) | Throw(value)
                | CheckType(value, _) | Yield(value) | Await(value) | DefField(value, ..) => {
                    f(value, FIRST);
                }
                Declare(_, value) | Break(_, value) | Return(value) | NewClass(_, value)
                | NewNamespace(_, value) => {
                    if let Some(value) = value {
                        f(value, FIRST);
                    }
                }
                Binary(_, a, b) | Range(a, b) | DefMethod(a, _, b) => {
                    f(a, FIRST);
                    f(b, LATER);
                }
                And(a, b) | Or(a, b) | Default(a, b) | GetOr(a, _, b) => {
                    f(a, FIRST);
                    f(b, LATER_BRANCH);
                }
                Chain(operands, _) => $each(operands, LATER_BRANCH, f),
                Concat(list) | Interp(list) => $each(list, LATER, f),
                Seq(list) => list.into_iter().for_each(|part| f(part, FIRST)),
                If(condition, then, otherwise) => {
                    f(condition, FIRST);
                    f(then, BRANCH);
                    f(otherwise, BRANCH);
                }
                While(_, condition, body) => {
                    f(condition, FIRST);
                    f(body, BRANCH);
                }
                Loop(_, body) => f(body, BRANCH),
                Repeat(_, count, body) => {
                    f(count, FIRST);
                    f(body, BRANCH);
                }
                For { coll, body, .. } => {
                    f(coll, FIRST);
                    f(body, BRANCH);
                }
                Call(callee, args) | Gene(callee, args) | New(callee, args) | MethodCall(callee, _, args)
                | SuperCall(callee, _, args) => {
                    f(callee, FIRST);
                    $arguments(args, f);
                }
                DynamicCall(receiver, method, args) => {
                    f(receiver, FIRST);
                    f(method, LATER);
                    $arguments(args, f);
                }
                Get(place) => $place(place, f),
                SetPlace(place, value) | UpdatePlace(place, _, value) => {
                    $place(place, f);
                    f(value, LATER);
                }
                Array(list) => $items(list, f),
                Map(list) => $named(list, f),
                Try {
                    body,
                    catches,
                    finally,
                } => {
                    f(body, BRANCH);
                    for catch in catches {
                        if let Some(class) = &$($mut)? catch.class {
                            f(class, BRANCH);
                        }
                        f(&$($mut)? catch.body, BRANCH);
                    }
                    if let Some(finally) = finally {
                        f(finally, BRANCH);
                    }
                }
            }
        }

        fn $each<'h>(list: &'h $($mut)? [Expr], rest: Role, f: &mut impl FnMut(&'h $($mut)? Expr, Role)) {
            // the first two operands of a chain always run, but nothing is lost by not knowing
            for (at, part) in list.into_iter().enumerate() {
                f(part, if at == 0 { FIRST } else { rest });
            }
        }

        fn $arguments<'h>(args: &'h $($mut)? Args, f: &mut impl FnMut(&'h $($mut)? Expr, Role)) {
            $named(&$($mut)? args.named, f);
            $items(&$($mut)? args.items, f);
        }

        fn $items<'h>(list: &'h $($mut)? [Item], f: &mut impl FnMut(&'h $($mut)? Expr, Role)) {
            list.into_iter().for_each(|item| f(&$($mut)? item.value, LATER));
        }

        fn $named<'h>(list: &'h $($mut)? [Named], f: &mut impl FnMut(&'h $($mut)? Expr, Role)) {
            for one in list {
                match one {
                    Named::Entry(_, value) | Named::Spread(value) => f(value, LATER),
                }
            }
        }

        fn $place<'h>(place: &'h $($mut)? Place, f: &mut impl FnMut(&'h $($mut)? Expr, Role)) {
            match place {
                Place::Member(of, _) | Place::Index(of, _) => f(of, FIRST),
                Place::Dynamic(of, key) => {
                    f(of, FIRST);
                    f(key, LATER);
                }
            }
        }
    };
}

visitor! { parts each arguments items named place_parts }
visitor! { parts_mut each_mut arguments_mut items_mut named_mut place_parts_mut mut }

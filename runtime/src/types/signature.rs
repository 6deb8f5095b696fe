//! Functions against `(Fn …)` (02-types §5): count, kinds, names and types of the parameters, and
//! the result, must agree.

use super::{Type, resolve_type};
use crate::heap::object::*;
use crate::heap_view as view;
use crate::natives::function;
use crate::program::{Image, Proto};
use crate::value::Value;
use crate::vm::Vm;
use gene_format::builtins::TYPES;
use gene_format::error::FormatError;
use gene_format::ops::Insn;
use gene_format::program::{CheckSite, Const, ParamKind, TableEntry, TableId};

/// The types of a function's parameters and results.
#[derive(Debug, Default)]
pub struct Signature {
    /// Name and type of each parameter that has one.
    params: Vec<(String, Type)>,
    /// Of the result.
    result: Option<Type>,
}

impl Signature {
    /// Gathers what a function's code checks, which need not be verified yet, and what its record
    /// says of results.
    fn gather(image: &Image, proto: &Proto) -> Result<Signature, FormatError> {
        let mut found = Signature::default();
        let func = image.view.func(proto.id)?;
        for &word in image.view.code(&func)? {
            let Some(insn) = Insn::decode(word).filter(|insn| insn.op.is_check()) else {
                continue;
            };
            let at = func.window.index() + usize::from(insn.c);
            let TableEntry::Const(id) = image.view.table_entry(TableId(at as u32))? else {
                continue;
            };
            let Const::Check(check) = image.view.constant(id)? else {
                continue;
            };
            if check.site == CheckSite::Param {
                let name = image.view.string(check.name)?.to_owned();
                let ty = resolve_type(&image.view, &check.ty)?;
                found.params.push((name, ty));
            }
        }
        if let Some(id) = image.view.result_type(proto.id)?
            && let Const::Check(check) = image.view.constant(id)?
        {
            found.result = Some(resolve_type(&image.view, &check.ty)?);
        }
        Ok(found)
    }

    fn param(&self, name: &str) -> &Type {
        let found = self.params.iter().find(|param| param.0 == name);
        found.map_or(&Type::Any, |param| &param.1)
    }
}

/// Whether a value is a function that may be called as the type says. Native functions always
/// may; a parameter or result without a type counts as `Any`.
pub(super) fn fits_function(
    vm: &Vm,
    wanted: &[(Option<String>, bool, Type)],
    result: &Type,
    v: Value,
) -> bool {
    if v.is(Kind::Native) || view::tag(v) == Some(Tag::Interception) {
        return true;
    }
    let (Some(params), Some(proto)) = (function::params(v), view::proto(v)) else {
        return false;
    };
    let is_key = |k| matches!(k, ParamKind::Key | ParamKind::OptionalKey);
    let is_positional = |k| matches!(k, ParamKind::Required | ParamKind::Optional);
    let of_kind = |want: &dyn Fn(ParamKind) -> bool| -> Vec<&str> {
        let params = params.iter().filter(|p| want(p.1));
        params.map(|p| vm.symbols.text(p.0)).collect()
    };
    let wanted_of = |key: bool, rest: bool| {
        let wanted = wanted.iter();
        wanted.filter(move |w| w.0.is_some() == key && w.1 == rest)
    };
    let signature = proto.signature.get_or_init(|| {
        // What cannot be read here fails when the function is called.
        let found = proto.image().map(|image| Signature::gather(image, proto));
        found.and_then(Result::ok).unwrap_or_default()
    });
    let all_fit = |names: Vec<&str>, key: bool, rest: bool| {
        names.len() == wanted_of(key, rest).count()
            && names.iter().zip(wanted_of(key, rest)).all(|(name, want)| {
                // A rest parameter has the type of its elements, which are not checked.
                rest || takes(signature.param(name), &want.2)
            })
    };
    let keys = of_kind(&is_key);
    all_fit(of_kind(&is_positional), false, false)
        && all_fit(of_kind(&|k| k == ParamKind::Rest), false, true)
        && all_fit(of_kind(&|k| k == ParamKind::KeyRest), true, true)
        && keys.len() == wanted_of(true, false).count()
        && wanted_of(true, false).all(|want| {
            let key = want.0.as_deref().unwrap_or("");
            keys.contains(&key) && takes(signature.param(key), &want.2)
        })
        && fits(result, signature.result.as_ref().unwrap_or(&Type::Any))
}

/// Whether a parameter of type `own` takes all that `given` describes.
fn takes(own: &Type, given: &Type) -> bool {
    let int = |ty: &Type| matches!(ty, Type::Named(name) if name == "Int");
    let float = |ty: &Type| matches!(ty, Type::Named(name) if name == "Float");
    fits(own, given) || float(own) && int(given)
}

/// Whether all values of type `given` may belong to `wanted`, as far as names tell.
fn fits(wanted: &Type, given: &Type) -> bool {
    match (wanted, given) {
        (Type::Any, _) | (_, Type::Any) => true,
        (_, Type::Union(members)) => members.iter().all(|given| fits(wanted, given)),
        (Type::Union(members), _) => members.iter().any(|wanted| fits(wanted, given)),
        (Type::Named(a) | Type::Applied(a), Type::Named(b) | Type::Applied(b)) => name_fits(a, b),
        (Type::Function(wanted, result), Type::Function(given, given_result)) => {
            wanted.len() == given.len()
                && wanted
                    .iter()
                    .zip(given)
                    .all(|(a, b)| a.0 == b.0 && a.1 == b.1 && takes(&b.2, &a.2))
                && fits(result, given_result)
        }
        (Type::Named(name), Type::Function(..)) | (Type::Function(..), Type::Named(name)) => {
            name == "Function"
        }
        (Type::Applied(_), Type::Function(..)) | (Type::Function(..), Type::Applied(_)) => false,
    }
}

/// Whether a type name covers another. Classes of the program may be related or not.
fn name_fits(wanted: &str, given: &str) -> bool {
    let members = |name| match name {
        "Numeric" => &["Int", "Float"][..],
        "Collection" => &["Array", "Map", "HashMap", "HashSet"],
        _ => &[],
    };
    wanted == given
        || members(wanted).contains(&given)
        || !members(given).is_empty() && members(given).iter().all(|given| name_fits(wanted, given))
        || !(is_own(wanted) || is_own(given))
}

/// Types whose values have no other type.
fn is_own(name: &str) -> bool {
    matches!(name, "Numeric" | "Collection") || TYPES.contains(&name)
}

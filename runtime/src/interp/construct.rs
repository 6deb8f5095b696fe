//! `new` of a class whose constructor only stores its arguments in fields, perhaps with type checks:
//! the instance is filled without a call. Other constructions are made in `calls`.
#![allow(unsafe_code)]

use super::calls::new_slow;
use super::*;
use crate::heap_view as view;
use crate::natives::Raised;
use crate::program::Proto;
use crate::symbol::Symbol;
use crate::types::{CheckEntry, FieldChecks, TypeCheck};
use gene_format::ops::{Insn, Op};
use gene_format::program::{ParamKind, TableEntry};

/// Makes an instance of `$n` fields, which are the arguments of the construction.
macro_rules! fill_instance {
    ($s:ident, $n:expr, $shape:expr) => {{
        let (n, shape): (usize, ShapeId) = ($n, $shape);
        let cell = heap::size_class(instance_size(n.next_multiple_of(2)));
        let o = (*$s.vm).heap.try_alloc(cell);
        if o.is_null() {
            tail!($s, new_slow)
        }
        o.cast::<Instance>().write(Instance {
            header: Obj {
                shape,
                marked: 0,
                flags: 0,
                class: cell as u16,
            },
            more: None,
        });
        let fields = o.byte_add(FIELDS_OFFSET).cast::<Value>();
        let from = $s.base.add($s.a() + HEADER + 1);
        for i in 0..n {
            *fields.add(i) = *from.add(i);
        }
        $s.set($s.a(), Value::obj(o));
        next!($s)
    }};
}

handler! { new(s) {
    let c = s.get(s.a());
    if c.is_obj() {
        let class: *const Class = c.as_obj().cast();
        if (*class).header.shape == Kind::Class as u32 {
            let (n, shape) = ((*class).init_fields as usize, (*class).init_shape);
            if n == s.b() {
                // init_shape is NO_SHAPE unless the constructor just stores its arguments
                if shape != NO_SHAPE {
                    fill_instance!(s, n, shape)
                }
            }
            tail!(s, new_checked)
        }
    }
    tail!(s, new_slow)
} }

// `r[a]` is a class.
handler! { #[inline(never)] new_checked(s) {
    let class: *const Class = s.get(s.a()).as_obj().cast();
    if let Some(init) = &(*class).checked_init {
        let (shape, checks) = (init.0, init.1.as_slice());
        if checks.len() == s.b() {
            let from = s.base.add(s.a() + HEADER + 1);
            for (i, checks) in checks.iter().enumerate() {
                if !checks.passes(*from.add(i)) {
                    tail!(s, new_slow)
                }
            }
            fill_instance!(s, checks.len(), shape)
        }
    }
    tail!(s, new_slow)
} }

impl Vm {
    /// Recognises a constructor that only stores its arguments in fields, in order, perhaps with
    /// type checks: then `new` fills the instance itself.
    ///
    /// # Safety
    /// `ctor` is a closure.
    pub(super) unsafe fn learn_ctor(
        &mut self,
        class: *mut Class,
        ctor: Value,
    ) -> Result<(), Raised> {
        // SAFETY: by the contract
        let Some(closure) = view::closure(ctor) else {
            return Ok(());
        };
        // SAFETY: closures' protos and their images are never freed; classes are alive while
        // anything refers to them
        unsafe {
            let proto = &*closure.proto;
            let n = proto.params.len();
            if proto.len == 0 {
                (*proto.image.cast_mut()).prepare(self, proto.id)?;
            }
            if (*class).init_shape != NO_SHAPE
                || (*class).checked_init.is_some()
                || proto.len as usize > 2 * n + 1
                || n > crate::heap::shape::MAX_INLINE
                || closure.arity as usize != n + 1
                || proto.params.iter().any(|p| p.1 != ParamKind::Required)
            {
                return Ok(());
            }
            let Some(stores) = self.stores_of(proto) else {
                return Ok(());
            };
            let mut shape = self.heap.shapes.root(class, n);
            (*class).root = shape;
            let mut checks = Vec::with_capacity(n);
            for (name, param) in stores {
                match self.heap.shapes.with_field(shape, name) {
                    Some(next) => shape = next,
                    None => return Ok(()),
                }
                let field = self.declared_check(class, name);
                let field = field.map(|check| self.checks[check as usize]);
                checks.push(FieldChecks::new(param, field));
            }
            if checks.iter().all(FieldChecks::is_empty) {
                (*class).init_shape = shape;
                (*class).init_fields = n as u32;
            } else {
                (*class).checked_init = Some(Box::new((shape, checks)));
            }
            Ok(())
        }
    }

    /// The fields that a prepared constructor stores its arguments in, in order, and the checks of
    /// these arguments; nothing if it does anything else.
    fn stores_of(&mut self, proto: &Proto) -> Option<Vec<(Symbol, Option<&'static TypeCheck>)>> {
        // SAFETY: a prepared function's code is `len` words
        let code = unsafe { std::slice::from_raw_parts(proto.code.get(), proto.len as usize) };
        // SAFETY: images are never freed, and no other reference to it is held here
        let image = unsafe { &mut *proto.image.cast_mut() };
        let n = proto.params.len();
        let mut checks = vec![None; n];
        let mut names: Vec<Symbol> = Vec::with_capacity(n);
        let mut insns = code.iter().map(|&word| Insn::decode(word));
        loop {
            let insn = insns.next()??;
            // SAFETY: V8: the operand is in the table, which V9 has made for checks
            let word = unsafe { proto.k.add(insn.c as usize) };
            match insn.op {
                op if op.is_check() && names.is_empty() => {
                    // SAFETY: as above
                    let check = CheckEntry::of(unsafe { *word }).index();
                    let param = usize::from(insn.a).checked_sub(1)?;
                    *checks.get_mut(param)? = Some(*self.checks.get(check as usize)?);
                }
                Op::SetF if insn.a == 0 && usize::from(insn.b) == names.len() + 1 => {
                    let id = image.table_id(word);
                    let Ok(TableEntry::Store(name)) = image.view.table_entry(id) else {
                        return None;
                    };
                    let name = image.symbol(self, name).ok()?;
                    if names.contains(&name) {
                        return None;
                    }
                    names.push(name);
                }
                Op::Ret0 if names.len() == n && insns.next().is_none() => {
                    return Some(names.into_iter().zip(checks).collect());
                }
                _ => return None,
            }
        }
    }
}

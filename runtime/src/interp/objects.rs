//! Handlers of names, members, literals and classes.
#![allow(unsafe_code)]

use super::slow::{run_of, safepoint};
use super::*;
use crate::classes::Builtin;
use crate::frame;
use crate::heap::table::Table;
use crate::heap_view as view;
use crate::natives::{NativeResult, Raised};
use crate::program::Image;
use crate::symbol::Symbol;
use crate::types::{CheckEntry, CheckRef};
use gene_format::program::{Capture, FuncId, TableEntry};

// ---------------------------------------------------------------- names

cold_handler! { get_name(s) {
    safepoint!(s);
    let v = or_raise!(s, s.vm().look_up(&s));
    s.set(s.a(), v);
    next!(s)
} }

cold_handler! { set_name(s) {
    safepoint!(s);
    let v = s.get(s.a());
    or_raise!(s, s.vm().assign_name(&s, v));
    next!(s)
} }

cold_handler! { get_ns(s) {
    safepoint!(s);
    let v = s.vm().module_namespace(s.base);
    s.set(s.a(), v);
    next!(s)
} }

impl Vm {
    /// The symbol of a Field or Name entry.
    fn cache_name(&mut self, s: &Regs) -> Result<(Symbol, *mut Value), Raised> {
        // SAFETY: V6: k[c] is such an entry of the running function's image
        unsafe {
            let cache = s.k.add(s.c()).cast_mut();
            let image: &mut Image = &mut *self.image_of(s.base);
            let entry = image.view.table_entry(image.table_id(cache));
            match self.corrupt(entry)? {
                TableEntry::Field(id) | TableEntry::Store(id) | TableEntry::Name(id) => {
                    Ok((image.symbol(self, id)?, cache))
                }
                _ => Err(self.corrupt_text("a cache is of another kind")),
            }
        }
    }

    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn look_up(&mut self, s: &Regs) -> NativeResult {
        let (name, _) = self.cache_name(s)?;
        // SAFETY: `s` is in a frame of image code
        let ns = unsafe { self.known_namespace(s.base) };
        let mut ns = view::namespace(ns).map_or(std::ptr::null(), std::ptr::from_ref);
        let key = self.symbol_str(name);
        while !ns.is_null() {
            // SAFETY: namespaces are alive while a module refers to them
            let n = unsafe { &*ns };
            if let Some(v) = Vm::table_get(&n.members, key) {
                return Ok(v);
            }
            ns = n.parent;
        }
        match self.find_global(name) {
            Some(v) => Ok(v),
            None => {
                let text = self.symbols.text(name);
                Err(self.error(&format!("{text} is not defined")))
            }
        }
    }

    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn assign_name(&mut self, s: &Regs, v: Value) -> Result<(), Raised> {
        let (name, _) = self.cache_name(s)?;
        // SAFETY: `s` is at a SetName in a frame of image code
        unsafe {
            if s.x() != 0 {
                self.globals.insert(name, v);
                return Ok(());
            }
            let key = self.symbol_str(name);
            let ns = self.module_namespace(s.base);
            let own = view::namespace(ns).map_or(std::ptr::null(), std::ptr::from_ref);
            let mut n = own;
            while !n.is_null() {
                if Vm::table_get(&(*n).members, key).is_some() {
                    self.heap.changed(n.cast_mut().cast());
                    Vm::table_set(&mut (*n.cast_mut()).members, key, v);
                    return Ok(());
                }
                n = (*n).parent;
            }
            if let Some(own) = self.heap.namespace_mut(ns) {
                Vm::table_set(&mut own.members, key, v);
            }
            Ok(())
        }
    }

    /// The namespace of the running function's module, if it was ever made.
    ///
    /// # Safety
    /// `base` is a frame of image code.
    unsafe fn known_namespace(&self, base: *mut Value) -> Value {
        // SAFETY: by the contract
        unsafe {
            let proto = &*(*frame::closure(base)).proto;
            let spaces = &(*proto.image).namespaces;
            spaces
                .get(proto.module.index())
                .copied()
                .unwrap_or(Value::NIL)
        }
    }

    /// The namespace of the running function's module.
    ///
    /// # Safety
    /// `base` is a frame of image code.
    pub unsafe fn module_namespace(&mut self, base: *mut Value) -> Value {
        // SAFETY: by the contract
        unsafe {
            let proto = &*(*frame::closure(base)).proto;
            self.namespace_of(proto.image.cast_mut(), proto.module.index())
        }
    }

    /// The namespace of a module of an image, made if it is asked for the first time.
    ///
    /// # Safety
    /// The image is live, and no reference to it is held.
    pub unsafe fn namespace_of(&mut self, image: *mut Image, module: usize) -> Value {
        // SAFETY: by the contract
        let image = unsafe { &mut *image };
        match image.namespaces.get(module) {
            Some(&known) if known != Value::NIL => return known,
            _ => {}
        }
        let modules = image.view.modules();
        let name = modules
            .get(module)
            .and_then(|m| image.view.string(m.name).ok())
            .unwrap_or("");
        let name = self.symbols.intern(name);
        let namespace = self.namespace(name, std::ptr::null_mut());
        image.share_namespace(module, namespace);
        namespace
    }
}

// ---------------------------------------------------------------- closures

cold_handler! { closure(s) {
    safepoint!(s);
    let image = s.vm().image_of(s.base);
    let proto = or_raise!(s, (*image).proto(s.vm(), FuncId(s.wide())));
    let outer = frame::closure(s.base);
    let c = s.vm().closure_of(proto, s.base, outer);
    s.set(s.a(), c);
    next!(s)
} }

impl Vm {
    /// A closure made in a frame.
    ///
    /// # Safety
    /// The proto's capture sources are valid in the frame (V14).
    unsafe fn closure_of(
        &mut self,
        proto: *const crate::program::Proto,
        base: *mut Value,
        outer: *mut Closure,
    ) -> Value {
        // SAFETY: by the contract
        unsafe {
            let sources = &(*proto).captures;
            let mut values = [Value::NIL; 8];
            let mut many = Vec::new();
            let values = if sources.len() <= values.len() {
                &mut values[..sources.len()]
            } else {
                many.resize(sources.len(), Value::NIL);
                &mut many[..]
            };
            for (value, source) in values.iter_mut().zip(sources) {
                *value = match *source {
                    Capture::Slot(slot) => *base.add(slot as usize),
                    Capture::Outer(n) => *Closure::captures(outer).add(n as usize),
                };
            }
            let c = self.closure(proto, values);
            // `super` works in functions made inside methods
            (*c.as_obj().cast::<Closure>()).home = (*outer).home;
            c
        }
    }
}

// ---------------------------------------------------------------- members

cold_handler! { get_f_slow(s) {
    safepoint!(s);
    let o = s.get(s.b());
    let v = or_raise!(s, s.vm().member_cached(&s, o));
    if v == Value::VOID {
        if view::asks_handlers(o) {
            let to = or_raise!(s, s.vm().ask_handlers(&s, o, None));
            goto!(s, to)
        }
    }
    s.set(s.a(), v);
    next!(s)
} }

/// In the shape word of a store's cache: the field is declared with a type. Such a word also has
/// the number of the check from bit 44. No shape has the bit, so the fast path misses it; the
/// highest four bits are 0, so it is no object.
const CHECKED: ShapeId = 1 << 31;
/// Largest number of a check that fits.
const CHECKED_MAX: CheckRef = 0xFFFF;

fn checked_way(shape: ShapeId, offset: u64, check: CheckRef) -> u64 {
    debug_assert!(offset < 1 << 12 && shape & CHECKED == 0);
    u64::from(shape | CHECKED) | offset << 32 | u64::from(check) << 44
}

handler! { #[inline(never)] set_f_checked(s) {
    let o = s.get(s.a());
    if o.is_obj() {
        let shape = (*o.as_obj()).shape | CHECKED;
        let mut ic = s.k.add(s.c());
        if (*ic).bits() as u32 != shape {
            ic = ic.add(2);
        }
        let way = (*ic).bits();
        // While a collection is marking, the slow path tells it of the store.
        if way as u32 == shape {
            if !(*s.vm).heap.marking {
                let v = s.get(s.b());
                if let Some(check) = s.vm().checks.get((way >> 44) as usize) {
                    if check.passes(v) {
                        let offset = (way >> 32 & 0xFFF) as usize;
                        // SAFETY: as in `set_f`
                        *o.as_obj().byte_add(offset).cast::<Value>() = v;
                        (*o.as_obj()).shape = (*ic.add(1)).bits() as u32;
                        next!(s)
                    }
                }
            }
        }
    }
    tail!(s, set_f_slow)
} }

cold_handler! { set_f_slow(s) {
    safepoint!(s);
    or_raise!(s, s.vm().set_member_cached(&s));
    next!(s)
} }

impl Vm {
    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn member_cached(&mut self, s: &Regs, o: Value) -> NativeResult {
        let (name, cache) = self.cache_name(s)?;
        let Some(instance) = view::instance(o) else {
            return self.member(o, name);
        };
        let id = instance.header.shape;
        let shape = self.heap.shapes.get(id);
        let Some(slot) = shape.fields.iter().position(|&f| f == name) else {
            return Ok(Value::VOID);
        };
        if slot < shape.inline as usize {
            let offset = instance_size(slot) as u64;
            // SAFETY: a Field entry has two words
            unsafe {
                *cache.add(1) = *cache;
                *cache = Value::raw(id as u64 | offset << 32);
            }
        }
        Ok(self.get_field(o, name).unwrap_or(Value::VOID))
    }

    /// Calls the `on_member_missing` handlers of a namespace (08-modules §1) for the member
    /// `key`, or for the one that the instruction names.
    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn ask_handlers(&mut self, s: &Regs, ns: Value, key: Option<Value>) -> Result<Goto, Raised> {
        let name = match key {
            Some(key) => crate::types::name_symbol(self, key),
            None => Some(self.cache_name(s)?.0),
        };
        let key = name.map_or(Value::NIL, |name| self.symbol_str(name));
        let f = self.builtin("#member_missing")?;
        // SAFETY: `s` is in a frame of image code
        unsafe { self.bridge_call(s, f, &[ns, key]) }
    }

    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn set_member_cached(&mut self, s: &Regs) -> Result<(), Raised> {
        // SAFETY: V4
        let (o, v) = unsafe { (s.get(s.a()), s.get(s.b())) };
        let (name, cache) = self.cache_name(s)?;
        let Some(instance) = view::instance(o) else {
            return self.set_member(o, name, v);
        };
        let before = instance.header.shape;
        self.set_member(o, name, v)?;
        let class = self.heap.shapes.get(before).class;
        let after = instance.header.shape;
        let shape = self.heap.shapes.get(after);
        let slot = shape.fields.iter().position(|&f| f == name);
        if let Some(slot) = slot
            && slot < shape.inline as usize
        {
            let offset = instance_size(slot) as u64;
            let way = match self.declared_check(class, name) {
                None => before as u64 | offset << 32,
                // Values of other fields are checked all the same, off the fast path.
                Some(check) if check > CHECKED_MAX => return Ok(()),
                Some(check) => checked_way(before, offset, check),
            };
            // SAFETY: a Store entry has four words
            unsafe {
                if (*cache).bits() != way {
                    *cache.add(2) = *cache;
                    *cache.add(3) = *cache.add(1);
                }
                *cache = Value::raw(way);
                *cache.add(1) = Value::raw(after as u64);
            }
        }
        Ok(())
    }
}

/// A handler that stores the value of a fallible function of the machine.
macro_rules! value_handler {
    ($name:ident($s:ident) $value:expr) => {
        cold_handler! { $name($s) {
            safepoint!($s);
            let v = or_raise!($s, $value);
            $s.set($s.a(), v);
            next!($s)
        } }
    };
}

/// A handler that runs a fallible function of the machine.
macro_rules! action_handler {
    ($name:ident($s:ident) $action:expr) => {
        cold_handler! { $name($s) {
            safepoint!($s);
            or_raise!($s, $action);
            next!($s)
        } }
    };
}

cold_handler! { get_x_slow(s) {
    safepoint!(s);
    let (o, key) = (s.get(s.b()), s.get(s.c()));
    let v = or_raise!(s, s.vm().dynamic(o, key));
    if v == Value::VOID {
        if view::asks_handlers(o) {
            let to = or_raise!(s, s.vm().ask_handlers(&s, o, Some(key)));
            goto!(s, to)
        }
    }
    s.set(s.a(), v);
    next!(s)
} }
value_handler! { get_i_slow(s) s.vm().index(s.get(s.b()), s.imm_c()) }
action_handler! { set_x_slow(s) s.vm().set_dynamic(s.get(s.a()), s.get(s.b()), s.get(s.c())) }
action_handler! { set_i_slow(s) s.vm().set_index(s.get(s.a()), s.imm_b(), s.get(s.c())) }

value_handler! { get_v(s) s.vm().variable_segment(s.get(s.b()), s.get(s.c())) }

impl Vm {
    #[inline(never)]
    fn key_not_found(&mut self, name: Value) -> Raised {
        let name = view::text(name).unwrap_or("");
        self.error(&format!("key not found: {name}"))
    }

    /// Rule 2 of 17-selectors §1.2.
    fn variable_segment(&mut self, v: Value, key: Value) -> NativeResult {
        let usable = key.is(Kind::Str) || key.is_symbol() || view::int(key).is_some();
        if usable && matches!(v.kind(), Some(Kind::Array | Kind::Map)) {
            return self.dynamic(v, key);
        }
        Ok(Value::VOID)
    }
}

cold_handler! { check_key(s) {
    if s.get(s.a()) == Value::VOID {
        if s.get(s.b()).is(Kind::Map) {
            safepoint!(s);
            s.vm().key_not_found(s.konst(s.c()));
            raise!(s)
        }
    }
    next!(s)
} }

cold_handler! { check_sel(s) {
    let text = match s.get(s.a()) {
        Value::VOID => "Selector did not match (VOID)",
        Value::NIL => "Selector matched but value is nil",
        Value::PLACEHOLDER => "Selector matched but value is a placeholder",
        _ => next!(s),
    };
    safepoint!(s);
    s.vm().error(text);
    raise!(s)
} }

// ---------------------------------------------------------------- common methods

/// A method call on values in any slots: the slow path of the method instructions.
macro_rules! method_slow {
    ($name:ident, $s:ident, $method:ident, $($arg:expr),*) => {
        cold_handler! { $name($s) {
            safepoint!($s);
            let name = $s.vm().names.$method;
            let args = [$($arg),*];
            let to = or_raise!($s, $s.vm().bridge_method(&$s, name, &args));
            goto!($s, to)
        } }
    };
}
method_slow!(m_get_slow, s, get, s.get(s.b()), s.get(s.c()));
method_slow!(m_push_slow_call, s, push, s.get(s.b()), s.get(s.c()));
method_slow!(m_add_slow_call, s, add, s.get(s.b()), s.get(s.c()));
cold_handler! { m_size_slow(s) {
    match s.x() {
        0 => tail!(s, m_size_call),
        _ => tail!(s, m_length_call),
    }
} }
method_slow!(m_size_call, s, size, s.get(s.b()));
method_slow!(m_length_call, s, length, s.get(s.b()));
method_slow!(m_char_at_slow, s, char_at, s.get(s.b()), s.get(s.c()));
method_slow!(m_append_slow, s, append, s.get(s.b()), s.get(s.c()));

/// The array is full, or a collection is marking.
macro_rules! append_to_array {
    ($name:ident, $call:ident, $result:expr) => {
        cold_handler! { $name(s) {
            let o = s.get(s.b());
            if o.is(Kind::Array) {
                if !view::is_immutable(o) {
                    safepoint!(s);
                    let v = s.get(s.c());
                    let len = or_raise!(s, s.vm().append_item(o, v));
                    let result: fn(Value, usize) -> Value = $result;
                    s.set(s.a(), result(o, len));
                    next!(s)
                }
            }
            tail!(s, $call)
        } }
    };
}
append_to_array!(m_add_slow, m_add_slow_call, |array, _| array);
append_to_array!(m_push_slow, m_push_slow_call, |_, len| Value::small_int(
    len as i64
));

impl Vm {
    /// Makes room for more elements in an array.
    ///
    /// # Errors
    /// The memory limit.
    pub fn reserve(&mut self, array: Value, more: usize) -> Result<(), Raised> {
        let Some(a) = self.heap.array_to_fill(array) else {
            return Ok(());
        };
        let before = a.items.capacity();
        if before - a.items.len() >= more {
            return Ok(());
        }
        let bytes = (before.max(more).max(4)) * size_of::<Value>();
        if self.heap.would_exceed(bytes) {
            return Err(self.error("Memory limit exceeded: an array is too long"));
        }
        a.items.with(|items| items.reserve(more.max(4)));
        let grown = a.items.capacity() - before;
        self.heap.charge(grown * size_of::<Value>());
        Ok(())
    }

    /// Appends to an array that may be changed; gives its new length. Does nothing for others.
    ///
    /// # Errors
    /// The memory limit.
    pub fn append_item(&mut self, array: Value, v: Value) -> Result<usize, Raised> {
        self.reserve(array, 1)?;
        self.heap.stored(v);
        Ok(self.heap.array_to_fill(array).map_or(0, |a| {
            a.items.push_within(v);
            a.items.len()
        }))
    }
}

handler! { m_append(s) {
    let (o, t) = (s.get(s.b()), s.get(s.c()));
    if o.is_obj() {
        if t.is_obj() {
            let (a, b): (*const Str, *const Str) = (o.as_obj().cast(), t.as_obj().cast());
            if (*a).header.shape == Kind::Str as u32 {
                if (*b).header.shape == Kind::Str as u32 {
                    tail!(s, m_append_strings)
                }
            }
        }
    }
    tail!(s, m_append_slow)
} }

handler! { #[inline(never)] m_append_strings(s) {
    if (*s.vm).heap.is_due() {
        or_raise!(s, s.vm().safepoint(s.base));
    }
    let (a, b): (*const Str, *const Str) =
        (s.get(s.b()).as_obj().cast(), s.get(s.c()).as_obj().cast());
    let v = or_raise!(s, s.vm().append_text(&*a, (*b).text(), (*b).chars as usize));
    s.set(s.a(), v);
    next!(s)
} }

// ---------------------------------------------------------------- literals

cold_handler! { array(s) {
    safepoint!(s);
    let items = run_of(&s).to_vec();
    let v = s.vm().array(items);
    s.set(s.a(), v);
    next!(s)
} }

action_handler! { arr_push(s) s.vm().append_item(s.get(s.a()), s.get(s.b())) }
action_handler! { arr_spread(s) s.vm().spread_into(s.get(s.a()), s.get(s.b()), s.x()) }

impl Vm {
    fn spread_into(&mut self, array: Value, from: Value, context: u8) -> Result<(), Raised> {
        let what = if context == 0 {
            "array"
        } else {
            "gene children"
        };
        let items = self.spread_items(from, what)?;
        self.reserve(array, items.len())?;
        if let Some(a) = self.heap.array_to_fill(array) {
            for v in items {
                self.heap.stored(v);
                a.items.push_within(v);
            }
        }
        Ok(())
    }

    fn spread_items(&mut self, from: Value, what: &str) -> Result<Vec<Value>, Raised> {
        if from == Value::NIL {
            return Ok(Vec::new());
        }
        match view::array(from) {
            Some(a) => Ok(a.items.as_slice().to_vec()),
            None => {
                let kind = Builtin::kind_name(from);
                Err(self.error(&format!(
                    "... can only spread arrays in {what} context, got {kind}"
                )))
            }
        }
    }

    fn spread_entries(&mut self, from: Value) -> Result<Vec<(Value, Value)>, Raised> {
        if from == Value::NIL {
            return Ok(Vec::new());
        }
        match view::map(from) {
            Some(m) => Ok(m.table.iter().map(|e| (e.key, e.value)).collect()),
            None => {
                let kind = Builtin::kind_name(from);
                Err(self.error(&format!(
                    "... can only spread maps in map context, got {kind}"
                )))
            }
        }
    }
}

cold_handler! { map(s) {
    safepoint!(s);
    let index = s.konst(s.c()).bits() as usize;
    let n = s.vm().keys[index].len();
    let mut table = Table::with_capacity(n);
    for i in 0..n {
        let key = s.vm().key_strings[index][i];
        Vm::table_set(&mut table, key, s.get(s.b() + i));
    }
    let v = s.vm().table_obj(Kind::Map, table);
    s.set(s.a(), v);
    next!(s)
} }

cold_handler! { map_set(s) {
    safepoint!(s);
    s.vm().map_set(s.get(s.a()), s.konst(s.c()), s.get(s.b()));
    next!(s)
} }

action_handler! { map_spread(s) s.vm().spread_map(s.get(s.a()), s.get(s.b())) }
action_handler! { gene_prop_spread(s) s.vm().spread_map(s.get(s.a()), s.get(s.b())) }
action_handler! { gene_spread(s) s.vm().spread_children(s.get(s.a()), s.get(s.b())) }

impl Vm {
    fn spread_map(&mut self, into: Value, from: Value) -> Result<(), Raised> {
        for (key, value) in self.spread_entries(from)? {
            if let Some(g) = self.heap.gene_mut(into) {
                Vm::table_set(&mut g.props, key, value);
            } else {
                self.map_set(into, key, value);
            }
        }
        Ok(())
    }

    fn spread_children(&mut self, into: Value, from: Value) -> Result<(), Raised> {
        let items = self.spread_items(from, "gene children")?;
        self.heap.charge(items.len() * 8);
        if let Some(g) = self.heap.gene_mut(into) {
            g.children.extend(items);
        }
        Ok(())
    }
}

cold_handler! { gene_new(s) {
    safepoint!(s);
    let v = s.vm().gene(s.get(s.b()), Table::default(), Vec::new());
    s.set(s.a(), v);
    next!(s)
} }

cold_handler! { gene_prop(s) {
    safepoint!(s);
    if let Some(g) = s.vm().heap.gene_mut(s.get(s.a())) {
        Vm::table_set(&mut g.props, s.konst(s.c()), s.get(s.b()));
        s.vm().heap.charge(24);
    }
    next!(s)
} }

cold_handler! { gene_push(s) {
    safepoint!(s);
    if let Some(g) = s.vm().heap.gene_mut(s.get(s.a())) {
        g.children.push(s.get(s.b()));
        s.vm().heap.charge(8);
    }
    next!(s)
} }

cold_handler! { seal(s) {
    view::set_flag(s.get(s.a()), SEALED);
    next!(s)
} }

value_handler! { range(s) s.vm().make_range(s.get(s.b()), s.get(s.c())) }

impl Vm {
    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn make_range(&mut self, start: Value, end: Value) -> NativeResult {
        Ok(Vm::range(self, start, end, None))
    }
}

// ---------------------------------------------------------------- classes

value_handler! { class(s) s.vm().define_class(&s) }

cold_handler! { ns(s) {
    safepoint!(s);
    let name = s.vm().name_operand(&s);
    let parent = s.vm().heap.namespace_mut(s.get(s.b()));
    let parent = parent.map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let v = s.vm().namespace(name, parent);
    s.set(s.a(), v);
    next!(s)
} }

action_handler! { def_method(s) s.vm().define_method(&s) }
action_handler! { def_field(s) s.vm().define_field(&s) }

handler! { check_type(s) {
    if CheckEntry::of(s.konst(s.c())).passes(s.get(s.a())) {
        next!(s)
    }
    tail!(s, check_instance)
} }

handler! { check_int(s) {
    if s.get(s.a()).is_int() {
        next!(s)
    }
    tail!(s, check_type)
} }

handler! { check_float(s) {
    if s.get(s.a()).is_float() {
        next!(s)
    }
    tail!(s, check_type)
} }

handler! { check_instance(s) {
    let index = CheckEntry::of(s.konst(s.c())).index() as usize;
    if let Some(check) = s.vm().checks.get(index) {
        if check.passed_before(s.get(s.a())) {
            next!(s)
        }
    }
    tail!(s, check_type_slow)
} }

value_handler! { check_type_slow(s) {
    let index = CheckEntry::of(s.konst(s.c())).index();
    let check = s.vm().checks[index as usize];
    crate::types::check(s.vm(), check, s.get(s.a()))
} }

impl Vm {
    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn define_class(&mut self, s: &Regs) -> NativeResult {
        // SAFETY: V4, V6
        let (parent, name) = unsafe { (s.get(s.b()), self.name_operand(s)) };
        let parent = if parent == Value::NIL {
            self.class(Builtin::Object)
        } else {
            match self.heap.class_mut(parent) {
                Some(c) => c,
                None => {
                    let kind = Builtin::kind_name(parent);
                    return self.fail(format!("Parent must be a class, got {kind}"));
                }
            }
        };
        Ok(Value::obj(self.new_class(name, parent, None)))
    }

    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn define_method(&mut self, s: &Regs) -> Result<(), Raised> {
        // SAFETY: V4, V6
        let (class, method, name, kind) =
            unsafe { (s.get(s.a()), s.get(s.b()), self.name_operand(s), s.x()) };
        let Some(c) = self.heap.class_mut(class) else {
            let kind = Builtin::kind_name(class);
            return Err(self.error(&format!("method requires a class, got {kind}")));
        };
        match self.heap.closure_mut(method) {
            Some(closure) => closure.home = class,
            // Dispatch calls what it finds here without looking: another callable, a class or an
            // instance say, could lead back to itself.
            None if method.is(Kind::Native) => {}
            None => {
                let kind = Builtin::kind_name(method);
                return Err(self.error(&format!("a method must be a function, got {kind}")));
            }
        }
        match kind {
            0 => {
                if name == self.names.eq {
                    self.any_eq = true;
                }
                self.set_method(c, name, method);
            }
            1 => {
                c.ctor = method;
                c.forget_init();
            }
            _ => c.missing = method,
        }
        Ok(())
    }

    #[inline(never)] // keeps its locals out of the handler (rule 1)
    fn define_field(&mut self, s: &Regs) -> Result<(), Raised> {
        // SAFETY: V4, V6
        let (class, index, readonly) =
            unsafe { (s.get(s.a()), s.konst(s.c()).bits() as u32, s.x() != 0) };
        let name = &self.checks[index as usize].name;
        let name = self.symbols.intern(name);
        match self.heap.class_mut(class) {
            Some(c) => {
                c.fields.push((name, index, readonly));
                c.forget_init();
                Ok(())
            }
            None => Err(self.error("field requires a class")),
        }
    }
}

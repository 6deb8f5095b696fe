//! Paths and methods: what `a/b`, `a/0`, `a/<k>` and `.m` mean for each kind of value
//! (17-selectors §1, 03 §8, 07 §4).
#![allow(unsafe_code)]

use crate::classes::Builtin;
use crate::heap::object::*;
use crate::heap_view as view;
use crate::natives::{self, NativeResult, Raised};
use crate::symbol::Symbol;
use crate::types::CheckRef;
use crate::value::Value;
use crate::vm::Vm;

impl Vm {
    // ------------------------------------------------------------ reading

    /// `v/name`
    ///
    /// # Errors
    /// Adapters and regex matches may raise.
    pub fn member(&mut self, v: Value, name: Symbol) -> NativeResult {
        let Some(kind) = v.kind() else {
            return Ok(if v == Value::NIL {
                Value::NIL
            } else {
                Value::VOID
            });
        };
        let found = match kind {
            Kind::Instance => self.get_field(v, name),
            Kind::Map => {
                let key = self.symbol_str(name);
                view::map(v).and_then(|m| Vm::table_get(&m.table, key))
            }
            Kind::Gene => {
                let key = self.symbol_str(name);
                view::gene(v).and_then(|g| Vm::table_get(&g.props, key))
            }
            Kind::Class => {
                view::class(v).and_then(|c| c.members.iter().find(|m| m.0 == name).map(|m| m.1))
            }
            Kind::Namespace => {
                let key = self.symbol_str(name);
                view::namespace(v).and_then(|n| Vm::table_get(&n.members, key))
            }
            Kind::Record => return natives::record_member(self, v, name),
            _ => None,
        };
        Ok(found.unwrap_or(Value::VOID))
    }

    /// `v/3`
    ///
    /// # Errors
    /// As `member`.
    pub fn index(&mut self, v: Value, i: i64) -> NativeResult {
        let at = |items: &[Value]| {
            let i = if i < 0 { i + items.len() as i64 } else { i };
            usize::try_from(i)
                .ok()
                .and_then(|i| items.get(i).copied())
                .unwrap_or(Value::VOID)
        };
        if let Some(a) = view::array(v) {
            return Ok(at(a.items.as_slice()));
        }
        if let Some(g) = view::gene(v) {
            return Ok(at(&g.children));
        }
        match v.kind() {
            Some(Kind::Map | Kind::Instance | Kind::Record) => {
                let name = self.symbols.intern(&i.to_string());
                self.member(v, name)
            }
            _ => Ok(if v == Value::NIL {
                Value::NIL
            } else {
                Value::VOID
            }),
        }
    }

    /// `v/<key>`
    ///
    /// # Errors
    /// A key that is neither string, symbol nor int.
    pub fn dynamic(&mut self, v: Value, key: Value) -> NativeResult {
        if let Some(i) = view::int(key) {
            return self.index(v, i);
        }
        if let Some(s) = key.as_symbol() {
            return self.member(v, s);
        }
        if let Some(text) = view::text(key) {
            if let Some(m) = view::map(v) {
                return Ok(Vm::table_get(&m.table, key).unwrap_or(Value::VOID));
            }
            let s = self.symbols.intern(text);
            return self.member(v, s);
        }
        Err(self.bad_segment(key))
    }

    #[cold]
    fn bad_segment(&mut self, key: Value) -> Raised {
        let text = match key {
            Value::NIL => "Dynamic selector segment cannot be nil".to_owned(),
            Value::VOID => "Dynamic selector segment cannot be void".to_owned(),
            _ => format!(
                "Dynamic selector segment must resolve to string, symbol, or int, got {}",
                Builtin::kind_name(key)
            ),
        };
        self.error(&text)
    }

    // ------------------------------------------------------------ assigning

    /// `(v/name = value)`
    ///
    /// # Errors
    /// Kinds without members, sealed and frozen values, type checks of declared fields.
    pub fn set_member(&mut self, v: Value, name: Symbol, value: Value) -> Result<(), Raised> {
        match v.kind() {
            Some(Kind::Instance) => {
                let value = self.check_field(v, name, value)?;
                self.set_field(v, name, value);
                Ok(())
            }
            Some(Kind::Map) => {
                self.check_mutable(v, "set item on", "IkSetMember")?;
                let key = self.symbol_str(name);
                self.map_set(v, key, value);
                Ok(())
            }
            Some(Kind::Gene) => {
                self.check_mutable(v, "set property on", "IkSetMember")?;
                let key = self.symbol_str(name);
                if let Some(g) = self.heap.gene_mut(v) {
                    Vm::table_set(&mut g.props, key, value);
                    self.heap.charge(32);
                }
                Ok(())
            }
            Some(Kind::Class) => {
                if let Some(c) = self.heap.class_mut(v) {
                    match c.members.iter_mut().find(|m| m.0 == name) {
                        Some(member) => member.1 = value,
                        None => c.members.push((name, value)),
                    }
                }
                Ok(())
            }
            Some(Kind::Namespace) => {
                let key = self.symbol_str(name);
                if let Some(n) = self.heap.namespace_mut(v) {
                    Vm::table_set(&mut n.members, key, value);
                }
                Ok(())
            }
            Some(Kind::Array) => {
                let text = self.symbols.text(name);
                Err(self.error(&format!("Cannot set named member '{text}' on array")))
            }
            Some(Kind::Record) => natives::set_record_member(self, v, name, value),
            None if v == Value::NIL => {
                let text = self.symbols.text(name);
                Err(self.error(&format!(
                    "Cannot set member '{text}' on nil (namespace or object doesn't exist)"
                )))
            }
            _ => Err(self.cannot_set(v)),
        }
    }

    /// Sets a key of a map and counts the growth.
    pub fn map_set(&mut self, v: Value, key: Value, value: Value) {
        self.heap.stored(key);
        self.heap.stored(value);
        if let Some(table) = self.heap.table_to_fill(v) {
            let before = table.bytes();
            Vm::table_set(table, key, value);
            let after = table.bytes();
            self.heap.charge(after.saturating_sub(before));
        }
    }

    #[cold]
    fn cannot_set(&mut self, v: Value) -> Raised {
        let kind = Builtin::kind_name(v);
        self.error(&format!("Cannot set member on value of type: {kind}"))
    }

    /// Raises if programs may not change the value. `action` words the error for sealed
    /// values, `op` for frozen ones.
    ///
    /// # Errors
    /// `Cannot … sealed …`, `cannot mutate frozen …`
    pub fn check_mutable(&mut self, v: Value, action: &str, op: &str) -> Result<(), Raised> {
        if !view::is_immutable(v) {
            return Ok(());
        }
        let text = if view::is_sealed(v) {
            let kind = match v.kind() {
                Some(Kind::Array) => "array",
                Some(Kind::Map) => "map",
                Some(Kind::Gene) => "gene",
                Some(Kind::HashMap) => "hash map",
                _ => "value",
            };
            format!("Cannot {action} sealed {kind}")
        } else {
            format!("cannot mutate frozen {} via {op}", Builtin::kind_name(v))
        };
        Err(self.error(&text))
    }

    /// `(v/3 = value)`
    ///
    /// # Errors
    /// As `set_member`, and indices outside.
    pub fn set_index(&mut self, v: Value, i: i64, value: Value) -> Result<(), Raised> {
        let (len, what, action) = match v.kind() {
            Some(Kind::Array) => (
                view::array(v).map_or(0, |a| a.items.len()),
                "Array index",
                "set item on",
            ),
            Some(Kind::Gene) => (
                view::gene(v).map_or(0, |g| g.children.len()),
                "Gene child index",
                "set child on",
            ),
            Some(Kind::Map | Kind::Instance | Kind::Record) => {
                let name = self.symbols.intern(&i.to_string());
                return self.set_member(v, name, value);
            }
            None if v == Value::NIL => {
                return Err(self.error(&format!(
                    "Cannot set member '{i}' on nil (namespace or object doesn't exist)"
                )));
            }
            _ => return Err(self.cannot_set(v)),
        };
        self.check_mutable(v, action, "IkSetChild")?;
        if i < 0 || i as usize >= len {
            return Err(self.error(&format!("{what} out of bounds: {i} (len={len})")));
        }
        if let Some(a) = self.heap.array_to_fill(v) {
            self.heap.stored(value);
            a.items.as_mut_slice()[i as usize] = value;
        } else if let Some(g) = self.heap.gene_mut(v) {
            g.children[i as usize] = value;
        }
        Ok(())
    }

    /// `(v/<key> = value)`
    ///
    /// # Errors
    /// As `set_index`, and keys of other kinds.
    pub fn set_dynamic(&mut self, v: Value, key: Value, value: Value) -> Result<(), Raised> {
        if let Some(i) = view::int(key) {
            return self.set_index(v, i, value);
        }
        if let Some(s) = key.as_symbol() {
            return self.set_member(v, s, value);
        }
        if let Some(text) = view::text(key) {
            if v.is(Kind::Map) {
                self.check_mutable(v, "set item on", "IkSetMemberDynamic")?;
                self.map_set(v, key, value);
                return Ok(());
            }
            let s = self.symbols.intern(text);
            return self.set_member(v, s, value);
        }
        Err(self.bad_segment(key))
    }

    /// Checks the value of a declared field.
    fn check_field(&mut self, v: Value, name: Symbol, value: Value) -> NativeResult {
        let class = self.class_of(v);
        match self.declared_check(class, name) {
            Some(check) => {
                let check = self.checks[check as usize];
                crate::types::check(self, check, value)
            }
            None => Ok(value),
        }
    }

    /// The check of a field that the class or an ancestor declares with a type.
    pub fn declared_check(&self, class: *mut Class, name: Symbol) -> Option<CheckRef> {
        let mut class = class;
        while !class.is_null() {
            // SAFETY: classes are alive while anything refers to them
            let c = unsafe { &*class };
            if let Some(field) = c.fields.iter().find(|field| field.0 == name) {
                return Some(field.1);
            }
            class = c.parent;
        }
        None
    }

    // ------------------------------------------------------------ methods

    /// The method of this name in a class or its ancestors.
    pub fn find_method(&mut self, class: *mut Class, name: Symbol) -> Option<Value> {
        let mut c = class;
        while !c.is_null() {
            // SAFETY: classes are alive while anything refers to them
            let (own, builtin, parent) =
                unsafe { ((*c).methods.get(&name).copied(), (*c).builtin, (*c).parent) };
            if own.is_some() {
                return own;
            }
            if let Some(builtin) = builtin
                && let Some(m) = self.builtin_method(builtin, name)
            {
                // SAFETY: as above
                unsafe { (*c).methods.insert(name, m) };
                self.heap.stored(m);
                return Some(m);
            }
            c = parent;
        }
        None
    }

    fn builtin_method(&mut self, class: Builtin, name: Symbol) -> Option<Value> {
        let text = self.symbols.text(name);
        if let Some(def) = natives::method(class, text) {
            return Some(self.native(def));
        }
        self.prelude_function(&format!("{}.{text}", class.name()))
    }

    /// The `==` method of an instance, if its class has one. Looks at classes of programs only.
    pub fn user_eq(&self, v: Value) -> Option<Value> {
        let o = view::instance(v)?;
        let mut c = self.heap.shapes.get(o.header.shape).class;
        while !c.is_null() {
            // SAFETY: classes are alive while anything refers to them
            let class = unsafe { &*c };
            if let Some(&m) = class.methods.get(&self.names.eq) {
                return Some(m);
            }
            c = class.parent;
        }
        None
    }

    /// The nearest constructor of a class, or nil.
    pub fn find_ctor(&self, class: *mut Class) -> Value {
        let mut c = class;
        while !c.is_null() {
            // SAFETY: as above
            let class = unsafe { &*c };
            if class.ctor != Value::NIL {
                return class.ctor;
            }
            c = class.parent;
        }
        Value::NIL
    }

    /// The nearest `on_method_missing` of a class, or nil.
    pub fn find_missing(&self, class: *mut Class) -> Value {
        let mut c = class;
        while !c.is_null() {
            // SAFETY: as above
            let class = unsafe { &*c };
            if class.missing != Value::NIL {
                return class.missing;
            }
            c = class.parent;
        }
        Value::NIL
    }

    /// What a call of a missing method raises (02 §10).
    #[cold]
    pub fn no_method(&mut self, v: Value, name: Symbol) -> Raised {
        let name = self.symbols.text(name);
        let kind = Builtin::kind_name(v);
        let text = match v.kind() {
            Some(Kind::Instance) => format!("Method {name} not found on instance"),
            Some(
                Kind::Str
                | Kind::Array
                | Kind::Map
                | Kind::HashMap
                | Kind::HashSet
                | Kind::Range
                | Kind::Gene
                | Kind::Closure
                | Kind::Native
                | Kind::Namespace
                | Kind::Generator
                | Kind::Iterator,
            ) => format!("Method {name} not found on {kind}"),
            Some(Kind::Record) if view::tag(v) == Some(Tag::Future) => {
                format!("Method {name} not found on {kind}")
            }
            Some(Kind::Record) if view::tag(v) == Some(Tag::EnumValue) => {
                natives::no_variant_field(self, v, name)
            }
            _ => format!("Unified method call not supported for {kind}"),
        };
        self.error(&text)
    }

    // ------------------------------------------------------------ globals

    /// The value of a built-in global name.
    ///
    /// # Errors
    /// `x is not defined`
    pub fn builtin(&mut self, name: &str) -> NativeResult {
        let symbol = self.symbols.intern(name);
        match self.find_global(symbol) {
            Some(v) => Ok(v),
            None => Err(self.error(&format!("{name} is not defined"))),
        }
    }

    /// Makes a value a member of the global namespace, where it is also kept alive.
    pub fn keep_global(&mut self, name: &str, value: Value) {
        let name = self.symbols.intern(name);
        self.globals.insert(name, value);
    }

    /// A member of the global namespace.
    pub fn find_global(&mut self, name: Symbol) -> Option<Value> {
        if let Some(&v) = self.globals.get(&name) {
            return Some(v);
        }
        let text = self.symbols.text(name);
        let v = match Builtin::find(text).filter(|class| !class.is_only_in_gene()) {
            Some(b) => Value::obj(self.class(b)),
            None => match natives::global(text) {
                Some(def) => self.native(def),
                None => match natives::constant(self, text) {
                    Some(v) => v,
                    None => self.prelude_function(text)?,
                },
            },
        };
        self.globals.insert(name, v);
        Some(v)
    }
}

//! Making and reading objects: what natives and slow paths use.
#![allow(unsafe_code)]

use crate::classes::Builtin;
use crate::heap::object::*;
use crate::heap::table::Table;
use crate::heap_view as view;
use crate::natives::{NativeDef, Raised};
use crate::program::{Image, Proto};
use crate::symbol::{NameMap, Symbol, hash_str};
use crate::types::{CheckEntry, CheckRef};
use crate::value::Value;
use crate::vm::Vm;
use gene_format::image::CheckedImage;
use gene_format::program::{Const, FuncKind};

/// Strings up to this many bytes keep them in their own cell.
const INLINE_TEXT: usize = 88;

/// Largest string, in bytes.
pub const MAX_TEXT: usize = u32::MAX as usize / 2;

impl Vm {
    // ------------------------------------------------------------ strings

    /// A string.
    pub fn str(&mut self, text: &str) -> Value {
        self.str_counted(text, text.chars().count())
    }

    /// A string whose number of characters is known.
    pub fn str_counted(&mut self, text: &str, chars: usize) -> Value {
        assert!(text.len() <= MAX_TEXT, "a string of more than 2 GiB");
        if text.len() <= INLINE_TEXT {
            return self.inline_str(text.as_bytes(), &[], chars);
        }
        let buffer = self.buffer(text.len());
        // SAFETY: the buffer is fresh and has room for the text
        unsafe {
            let data: *mut u8 = buffer.add(1).cast();
            data.copy_from_nonoverlapping(text.as_ptr(), text.len());
            (*buffer).filled = text.len() as u32;
            Value::obj(self.str_in(buffer, 0, text.len(), chars))
        }
    }

    /// Two pieces in one small cell.
    fn inline_str(&mut self, a: &[u8], b: &[u8], chars: usize) -> Value {
        let len = a.len() + b.len();
        let s = self.heap.place(Kind::Str, len, |header| Str {
            header,
            len: len as u32,
            chars: chars as u32,
            hash: 0,
            offset: 0,
            data: std::ptr::null(),
            buffer: std::ptr::null_mut(),
        });
        // SAFETY: H2: `place` gave `len` bytes behind the struct
        unsafe {
            let data: *mut u8 = s.add(1).cast();
            data.copy_from_nonoverlapping(a.as_ptr(), a.len());
            data.add(a.len())
                .copy_from_nonoverlapping(b.as_ptr(), b.len());
            (*s).data = data;
        }
        Value::obj(s)
    }

    fn buffer(&mut self, capacity: usize) -> *mut Buffer {
        self.heap.place(Kind::Buffer, capacity, |header| Buffer {
            header,
            capacity: capacity as u32,
            filled: 0,
        })
    }

    /// # Safety
    /// The buffer holds valid UTF-8 in this range.
    unsafe fn str_in(
        &mut self,
        buffer: *mut Buffer,
        offset: usize,
        len: usize,
        chars: usize,
    ) -> *mut Str {
        // SAFETY: by the contract; the bytes lie behind the struct
        let data = unsafe { buffer.add(1).cast::<u8>().add(offset) };
        self.heap.place(Kind::Str, 0, |header| Str {
            header,
            len: len as u32,
            chars: chars as u32,
            hash: 0,
            offset: offset as u32,
            data,
            buffer,
        })
    }

    /// `a` followed by `b`. If `a` ends where its buffer's used part ends, `b` is written behind
    /// it and the two share the buffer: appending in a loop copies each byte a few times at most.
    ///
    /// # Errors
    /// Past [`MAX_TEXT`].
    pub fn append_text(&mut self, a: &Str, b: &str, b_chars: usize) -> Result<Value, Raised> {
        let len = a.len as usize + b.len();
        let chars = a.chars as usize + b_chars;
        if len > MAX_TEXT || self.heap.would_exceed(len) {
            return Err(self.error("Memory limit exceeded: a string is too long"));
        }
        if len <= INLINE_TEXT / 2 {
            return Ok(self.inline_str(a.bytes(), b.as_bytes(), chars));
        }
        // SAFETY: H2. Bytes below `filled` never change; those above belong to nobody yet.
        unsafe {
            let buffer = a.buffer;
            let end = a.offset as usize + a.len as usize;
            if !buffer.is_null()
                && (*buffer).filled as usize == end
                && (*buffer).capacity as usize - end >= b.len()
            {
                let data: *mut u8 = buffer.add(1).cast();
                data.add(end).copy_from_nonoverlapping(b.as_ptr(), b.len());
                (*buffer).filled += b.len() as u32;
                return Ok(Value::obj(self.str_in(
                    buffer,
                    a.offset as usize,
                    len,
                    chars,
                )));
            }
            let buffer = self.buffer((len * 2).min(MAX_TEXT));
            let data: *mut u8 = buffer.add(1).cast();
            data.copy_from_nonoverlapping(a.data, a.len as usize);
            data.add(a.len as usize)
                .copy_from_nonoverlapping(b.as_ptr(), b.len());
            (*buffer).filled = len as u32;
            Ok(Value::obj(self.str_in(buffer, 0, len, chars)))
        }
    }

    /// The string's hash, computed once.
    #[inline(always)]
    pub fn text_hash(s: &mut Str) -> u32 {
        if s.hash == 0 {
            s.hash = hash_str(s.bytes());
        }
        s.hash
    }

    /// The permanent string of a symbol.
    pub fn symbol_str(&mut self, s: Symbol) -> Value {
        let i = s.0 as usize;
        if let Some(&v) = self.symbol_strings.get(i)
            && v != Value::NIL
        {
            return v;
        }
        let v = self.str(self.symbols.text(s));
        if let Some(string) = view::string_mut(v) {
            Vm::text_hash(string);
        }
        if self.symbol_strings.len() <= i {
            self.symbol_strings.resize(i + 1, Value::NIL);
        }
        self.symbol_strings[i] = v;
        v
    }

    /// The symbol value of a text.
    pub fn symbol(&mut self, text: &str) -> Value {
        Value::symbol(self.symbols.intern(text))
    }

    /// The text of a string or symbol.
    pub fn name_text<'a>(&self, v: Value) -> Option<&'a str> {
        match v.as_symbol() {
            Some(s) => Some(self.symbols.text(s)),
            None => view::text(v),
        }
    }

    /// The key under which maps store a name: a string with its hash.
    pub fn key_of(&mut self, v: Value) -> Option<Value> {
        match v.as_symbol() {
            Some(s) => Some(self.symbol_str(s)),
            None => v.is(Kind::Str).then_some(v),
        }
    }

    // ------------------------------------------------------------ collections

    /// An array.
    pub fn array(&mut self, items: Vec<Value>) -> Value {
        self.heap.charge(items.capacity() * 8);
        Value::obj(self.heap.place(Kind::Array, 0, |header| Array {
            header,
            items: Items::new(items),
        }))
    }

    /// A map, hash map or hash set.
    pub fn table_obj(&mut self, kind: Kind, table: Table) -> Value {
        self.heap.charge(table.bytes());
        Value::obj(self.heap.place(kind, 0, |header| MapObj { header, table }))
    }

    /// A map from text keys.
    pub fn map_of(&mut self, entries: &[(&str, Value)]) -> Value {
        let mut table = Table::default();
        for &(name, value) in entries {
            let key = self.str(name);
            Vm::table_set(&mut table, key, value);
        }
        self.table_obj(Kind::Map, table)
    }

    /// Finds a text key.
    #[inline(always)]
    pub fn table_find(table: &Table, key: Value) -> Option<usize> {
        let s = view::string_mut(key)?;
        let hash = Vm::text_hash(s);
        table.find(hash, |k| {
            k == key || view::string(k).is_some_and(|t| t.bytes() == s.bytes())
        })
    }

    /// Finds a key given as text.
    pub fn table_find_text(table: &Table, text: &str) -> Option<usize> {
        let hash = hash_str(text.as_bytes());
        table.find(hash, |k| view::text(k) == Some(text))
    }

    /// The value of a text key.
    pub fn table_get(table: &Table, key: Value) -> Option<Value> {
        let place = Vm::table_find(table, key)?;
        table.at(place).map(|e| e.value)
    }

    /// Sets a text key; `key` is a string.
    pub fn table_set(table: &mut Table, key: Value, value: Value) {
        if let Some(s) = view::string_mut(key) {
            let hash = Vm::text_hash(s);
            table.set(hash, key, value, |k| {
                k == key || view::string(k).is_some_and(|t| t.bytes() == s.bytes())
            });
        }
    }

    /// Removes a text key.
    pub fn table_remove(table: &mut Table, key: Value) -> Option<Value> {
        let s = view::string_mut(key)?;
        let hash = Vm::text_hash(s);
        table.remove(hash, |k| {
            k == key || view::string(k).is_some_and(|t| t.bytes() == s.bytes())
        })
    }

    /// A gene.
    pub fn gene(&mut self, head: Value, props: Table, children: Vec<Value>) -> Value {
        self.heap.charge(props.bytes() + children.capacity() * 8);
        Value::obj(self.heap.place(Kind::Gene, 0, |header| Gene {
            header,
            head,
            props,
            children,
        }))
    }

    /// A range.
    pub fn range(&mut self, start: Value, end: Value, step: Option<i64>) -> Value {
        Value::obj(self.heap.place(Kind::Range, 0, |header| Range {
            header,
            start,
            end,
            step,
        }))
    }

    /// Bytes.
    pub fn bytes(&mut self, data: &[u8]) -> Value {
        self.heap.charge(data.len());
        let data = data.into();
        Value::obj(
            self.heap
                .place(Kind::Bytes, 0, |header| Bytes { header, data }),
        )
    }

    /// A complex symbol.
    pub fn path(&mut self, parts: Vec<Symbol>) -> Value {
        let parts = parts.into();
        Value::obj(
            self.heap
                .place(Kind::Path, 0, |header| Path { header, parts }),
        )
    }

    /// A record.
    pub fn record(
        &mut self,
        tag: Tag,
        fields: Vec<Value>,
        data: Option<Box<dyn std::any::Any>>,
    ) -> Value {
        self.heap.charge(fields.capacity() * 8);
        Value::obj(self.heap.place(Kind::Record, 0, |header| Record {
            header,
            tag,
            fields,
            data,
        }))
    }

    /// An iterator.
    pub fn iterator(&mut self, source: Value, over: Over) -> Value {
        Value::obj(self.heap.place(Kind::Iterator, 0, |header| Iterator {
            header,
            source,
            over,
            at: 0,
        }))
    }

    /// A built-in function.
    pub fn native(&mut self, def: &'static NativeDef) -> Value {
        Value::obj(
            self.heap
                .place(Kind::Native, 0, |header| Native { header, def }),
        )
    }

    /// A fresh cell.
    pub(crate) fn cell(&mut self, value: Value) -> Value {
        let cell = self
            .heap
            .place(Kind::Cell, 0, |header| Cell { header, value });
        Value::obj(cell)
    }

    /// A closure of a function with these captured values.
    pub(crate) fn closure(&mut self, proto: *const Proto, captures: &[Value]) -> Value {
        // SAFETY: protos are never freed; the captures lie behind the struct (H4)
        unsafe {
            let p = &*proto;
            let extra = crate::program::captures_size(captures.len());
            let c = self.heap.place(Kind::Closure, extra, |mut header| {
                if p.kind == FuncKind::Block {
                    header.flags |= BLOCK;
                }
                Closure {
                    header,
                    code: p.code.get(),
                    k: p.k,
                    arity: p.arity,
                    captures: captures.len() as u32,
                    proto,
                    home: Value::NIL,
                }
            });
            Closure::captures(c).copy_from_nonoverlapping(captures.as_ptr(), captures.len());
            Value::obj(c)
        }
    }

    /// A namespace.
    pub fn namespace(&mut self, name: Symbol, parent: *mut Namespace) -> Value {
        Value::obj(self.heap.place(Kind::Namespace, 0, |header| Namespace {
            header,
            name,
            parent,
            members: Table::default(),
            missing: Vec::new(),
        }))
    }

    // ------------------------------------------------------------ classes and instances

    /// A new class.
    pub fn new_class(
        &mut self,
        name: Symbol,
        parent: *mut Class,
        builtin: Option<Builtin>,
    ) -> *mut Class {
        let class = self.heap.place(Kind::Class, 0, |header| Class {
            header,
            root: NO_SHAPE,
            init_shape: NO_SHAPE,
            init_fields: 0,
            checked_init: None,
            name,
            builtin,
            parent,
            cached: false,
            ctor: Value::NIL,
            missing: Value::NIL,
            methods: NameMap::default(),
            members: Vec::new(),
            fields: Vec::<(Symbol, CheckRef, bool)>::new(),
        });
        let root = self.heap.shapes.root(class, 2);
        // SAFETY: just made
        unsafe { (*class).root = root };
        class
    }

    /// A built-in class.
    pub fn class(&mut self, builtin: Builtin) -> *mut Class {
        let known = self.classes[builtin as usize];
        if !known.is_null() {
            return known;
        }
        let parent = match builtin.parent() {
            p if p == builtin => std::ptr::null_mut(),
            p => self.class(p),
        };
        let name = self.symbols.intern(builtin.name());
        let class = self.new_class(name, parent, Some(builtin));
        self.classes[builtin as usize] = class;
        class
    }

    /// The class of any value.
    pub fn class_of(&mut self, v: Value) -> *mut Class {
        let builtin = match v.kind() {
            None => Builtin::of_immediate(v),
            Some(Kind::Instance) => {
                // SAFETY: H1
                let shape = unsafe { (*v.as_obj()).shape };
                return self.heap.shapes.get(shape).class;
            }
            Some(Kind::Record) => view::tag(v).map_or(Builtin::Object, Builtin::of_tag),
            Some(Kind::Iterator) => match view::iterator(v).map(|i| i.over) {
                Some(Over::Map | Over::HashMap) => Builtin::MapIterator,
                Some(Over::Range) => Builtin::RangeIterator,
                _ => Builtin::ArrayIterator,
            },
            Some(kind) => Builtin::of_kind(kind),
        };
        self.class(builtin)
    }

    /// Name of the class of an instance, or of the built-in class of another value.
    pub fn class_name(&self, v: Value) -> String {
        match v.kind() {
            Some(Kind::Instance) => {
                // SAFETY: H1; classes with shapes are never freed
                unsafe {
                    let class = self.heap.shapes.get((*v.as_obj()).shape).class;
                    self.symbols.text((*class).name).to_owned()
                }
            }
            Some(kind) => Builtin::of_kind(kind).name().to_owned(),
            None => Builtin::of_immediate(v).name().to_owned(),
        }
    }

    /// True if `class` is `ancestor` or inherits from it.
    pub fn is_subclass(&self, class: *mut Class, ancestor: *mut Class) -> bool {
        let mut c = class;
        while !c.is_null() {
            if c == ancestor {
                return true;
            }
            // SAFETY: classes are alive while anything refers to them
            c = unsafe { (*c).parent };
        }
        false
    }

    /// A fresh instance without fields.
    pub(crate) fn instance(&mut self, class: *mut Class) -> Value {
        // SAFETY: classes are alive while anything refers to them
        let root = unsafe { (*class).root };
        let inline = self.heap.shapes.get(root).inline as usize;
        let extra = inline * size_of::<Value>();
        let o = self
            .heap
            .place_shape(root, extra, |header| Instance { header, more: None });
        Value::obj(o)
    }

    /// A field of an instance.
    pub fn get_field(&self, v: Value, name: Symbol) -> Option<Value> {
        let o = view::instance(v)?;
        let shape = self.heap.shapes.get(o.header.shape);
        let slot = shape.fields.iter().position(|&f| f == name)?;
        let inline = shape.inline as usize;
        if slot < inline {
            // SAFETY: H4: the shape has this inline slot
            return Some(unsafe { *crate::heap::instance_fields(v.as_obj().cast()).add(slot) });
        }
        o.more.as_ref()?.get(slot - inline).copied()
    }

    /// Sets a field of an instance, adding it if it is new. Does nothing for other values.
    pub fn set_field(&mut self, v: Value, name: Symbol, value: Value) {
        let Some(o) = self.heap.instance_mut(v) else {
            return;
        };
        let id = o.header.shape;
        let slot = match self.heap.shapes.slot(id, name) {
            Some(slot) => slot,
            None => match self.heap.shapes.with_field(id, name) {
                Some(next) => {
                    o.header.shape = next;
                    self.heap.shapes.get(next).fields.len() - 1
                }
                None => return,
            },
        };
        let shape = self.heap.shapes.get(o.header.shape);
        let inline = shape.inline as usize;
        if slot < inline {
            // SAFETY: H4: the shape has this inline slot
            unsafe { *crate::heap::instance_fields(v.as_obj().cast()).add(slot) = value };
            return;
        }
        let class = shape.class;
        let more = o.more.get_or_insert_default();
        if slot - inline < more.len() {
            more[slot - inline] = value;
        } else {
            more.push(value);
            self.heap.charge(8);
            self.widen_class(class, slot + 1);
        }
    }

    /// Gives future instances room for more fields inside the object.
    fn widen_class(&mut self, class: *mut Class, fields: usize) {
        // SAFETY: classes are alive while anything refers to them
        unsafe {
            let inline = self.heap.shapes.get((*class).root).inline as usize;
            if inline < fields && inline < crate::heap::shape::MAX_INLINE {
                (*class).root = self.heap.shapes.root(class, fields.max(inline * 2));
                (*class).forget_init();
            }
        }
    }

    /// `^intent` and `^examples` of a function.
    ///
    /// # Errors
    /// A corrupt image.
    pub fn function_notes(&mut self, f: Value) -> Result<(Option<String>, Value), Raised> {
        let Some(proto) = view::proto(f).filter(|p| !p.image.is_null()) else {
            return Ok((None, Value::NIL));
        };
        // SAFETY: images are never freed, and nobody else holds a reference to this one
        let image = unsafe { &mut *proto.image.cast_mut() };
        let notes = self.corrupt(image.view.func(proto.id))?;
        let intent = match notes.intent {
            Some(id) => Some(self.corrupt(image.view.string(id))?.to_owned()),
            None => None,
        };
        let examples = match notes.examples {
            Some(id) => image.constant(self, id, 0)?,
            None => Value::NIL,
        };
        Ok((intent, examples))
    }

    /// Name of a function made from bytecode; empty for anonymous ones.
    pub fn function_name(&self, f: Value) -> String {
        let proto = view::proto(f).filter(|p| !p.image.is_null());
        // SAFETY: images are never freed
        let name = proto.and_then(|p| unsafe { (*p.image).view.string(p.name).ok() });
        name.unwrap_or("").to_owned()
    }

    /// True for functions that get their arguments as data.
    pub fn is_macro(&self, f: Value) -> bool {
        let proto = view::proto(f).filter(|p| !p.image.is_null());
        // SAFETY: as above
        let func = proto.and_then(|p| unsafe { (*p.image).view.func(p.id).ok() });
        func.is_some_and(|f| f.is_macro)
    }

    // ------------------------------------------------------------ constants

    /// Makes the value of a constant whose parts are constants of the image.
    ///
    /// # Errors
    /// A corrupt image.
    pub fn constant(
        &mut self,
        image: &mut Image,
        src: &CheckedImage<'static>,
        constant: Const,
        depth: u32,
    ) -> Result<Value, Raised> {
        Ok(match constant {
            Const::Nil => Value::NIL,
            Const::Void => Value::VOID,
            Const::Bool(b) => Value::bool(b),
            Const::NotFound => Value::NOT_FOUND,
            Const::Placeholder => Value::PLACEHOLDER,
            Const::Int(n) => self.int(n),
            Const::Float(f) => Value::float(f),
            Const::Char(c) => Value::char(c),
            Const::Str(id) => {
                let text = self.corrupt(src.string(id))?;
                self.str(text)
            }
            Const::Symbol(id) => Value::symbol(image.symbol(self, id)?),
            Const::Path(parts) => {
                let mut symbols = Vec::with_capacity(parts.len());
                for part in parts {
                    symbols.push(image.symbol(self, part)?);
                }
                self.path(symbols)
            }
            Const::Bytes(data) => self.bytes(&data),
            Const::Array { items, sealed } => {
                let items = self.constants(image, &items, depth)?;
                let v = self.array(items);
                self.sealed_if(v, sealed)
            }
            Const::Map { entries, sealed } => {
                let table = self.constant_table(image, src, &entries, depth)?;
                let v = self.table_obj(Kind::Map, table);
                self.sealed_if(v, sealed)
            }
            Const::HashMap { items, sealed } => {
                let items = self.constants(image, &items, depth)?;
                let mut table = Table::default();
                for pair in items.chunks_exact(2) {
                    if let Some(hash) = crate::equality::hash(self, pair[0]) {
                        table.set(hash, pair[0], pair[1], |k| {
                            crate::equality::equal(self, k, pair[0]) == Some(true)
                        });
                    }
                }
                let v = self.table_obj(Kind::HashMap, table);
                self.sealed_if(v, sealed)
            }
            Const::Gene {
                head,
                props,
                children,
                sealed,
            } => {
                let head = image.constant(self, head, depth + 1)?;
                let props = self.constant_table(image, src, &props, depth)?;
                let children = self.constants(image, &children, depth)?;
                let v = self.gene(head, props, children);
                self.sealed_if(v, sealed)
            }
            Const::Quote(form) => {
                let form = image.constant(self, form, depth + 1)?;
                self.record(Tag::Quote, vec![form], None)
            }
            Const::Unquote { form, discard } => {
                let form = image.constant(self, form, depth + 1)?;
                let tag = if discard { Tag::Discard } else { Tag::Unquote };
                self.record(tag, vec![form], None)
            }
            Const::Regex {
                pattern,
                replacement,
                flags,
            } => {
                let pattern = self.corrupt(src.string(pattern))?;
                let replacement = match replacement {
                    Some(id) => Some(self.corrupt(src.string(id))?),
                    None => None,
                };
                crate::natives::regex::make(self, pattern, replacement, flags)
            }
            Const::Temporal {
                date,
                time,
                offset,
                zone,
            } => {
                let zone = match zone {
                    Some(id) => Some(self.corrupt(src.string(id))?.to_owned()),
                    None => None,
                };
                crate::natives::temporal::make(self, date, time, offset, zone)
            }
            Const::Selector(segments) => {
                let segments = self.constants(image, &segments, depth)?;
                self.record(Tag::Selector, segments, None)
            }
            Const::Keys(names) => {
                let mut symbols = Vec::with_capacity(names.len());
                let mut strings = Vec::with_capacity(names.len());
                for name in names {
                    let s = image.symbol(self, name)?;
                    symbols.push(s);
                    strings.push(self.symbol_str(s));
                }
                self.keys.push(symbols.leak());
                self.key_strings.push(strings);
                Value::raw(self.keys.len() as u64 - 1)
            }
            Const::Check(check) => {
                let check = crate::types::resolve(self, image, &check)?;
                let entry = CheckEntry::new(self.checks.len() as CheckRef, &check);
                self.checks.push(Box::leak(Box::new(check)));
                entry.value()
            }
        })
    }

    fn sealed_if(&mut self, v: Value, sealed: bool) -> Value {
        if sealed {
            view::set_flag(v, SEALED);
        }
        v
    }

    fn constants(
        &mut self,
        image: &mut Image,
        ids: &[gene_format::program::ConstId],
        depth: u32,
    ) -> Result<Vec<Value>, Raised> {
        let mut values = Vec::with_capacity(ids.len());
        for &id in ids {
            values.push(image.constant(self, id, depth + 1)?);
        }
        Ok(values)
    }

    fn constant_table(
        &mut self,
        image: &mut Image,
        src: &CheckedImage<'static>,
        entries: &[(gene_format::program::StrId, gene_format::program::ConstId)],
        depth: u32,
    ) -> Result<Table, Raised> {
        let mut table = Table::with_capacity(entries.len());
        for &(name, value) in entries {
            let text = self.corrupt(src.string(name))?;
            let key = self.str(text);
            let value = image.constant(self, value, depth + 1)?;
            Vm::table_set(&mut table, key, value);
        }
        Ok(table)
    }
}

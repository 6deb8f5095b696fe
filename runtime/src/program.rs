//! A loaded image: its bytes, its module table, and what is known of each function.
//!
//! Nothing is decoded at load. A function is verified, and the table words it uses are made,
//! when it is called for the first time; so start-up neither touches nor pays for code that
//! does not run.
#![allow(unsafe_code)]

use crate::debug_file::DebugFile;
use crate::heap::object::{Closure, Kind};
use crate::mapping::Mapping;
use crate::natives::Raised;
use crate::symbol::{NameMap, Symbol};
use crate::types::Signature;
use crate::value::Value;
use crate::vm::Vm;
use gene_format::image::CheckedImage;
use gene_format::ops::{Insn, Op, Operand};
use gene_format::program::*;
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::cell::{Cell, OnceCell};

/// Stub that closures of unprepared functions start with; see `interp::prepare`.
pub static PREPARE_STUB: [u64; 256] = [crate::interp::PREPARE as u64; 256];

/// Instructions of the VM itself.
pub static HALT_STUB: [u64; 1] = [Op::Halt as u64];
/// What a bridge frame's callee returns to.
pub static BRIDGE_STUB: [u64; 1] = [Op::Bridge as u64];
/// What a generator's body returns to.
pub static GENERATOR_STUB: [u64; 1] = [crate::interp::GENERATOR_END as u64];

/// What all closures of a function share.
pub struct Proto {
    /// Image it belongs to.
    pub image: *const Image,
    /// Its number.
    pub id: FuncId,
    /// First instruction, or the prepare stub.
    pub code: Cell<*const u64>,
    /// Instructions.
    pub len: u32,
    /// Window of the table.
    pub k: *mut Value,
    /// Slots of a frame.
    pub frame_size: u32,
    /// Arguments (receiver included) of a call that needs no binding, or `u32::MAX`.
    pub arity: u32,
    /// Name.
    pub name: StrId,
    /// Module.
    pub module: ModuleId,
    /// Kind.
    pub kind: FuncKind,
    /// Calls make a generator.
    pub generator: bool,
    /// Calls give a future.
    pub is_async: bool,
    /// Parameters without the receiver.
    pub params: Box<[(Symbol, ParamKind)]>,
    /// Sources of captured values.
    pub captures: Box<[Capture]>,
    /// Exception handlers, innermost first.
    pub handlers: Box<[Handler]>,
    /// The types it checks, once they were asked for.
    pub signature: OnceCell<Signature>,
}

impl Proto {
    /// Slots before the first parameter.
    pub fn receiver_slots(&self) -> usize {
        matches!(self.kind, FuncKind::Method | FuncKind::Ctor) as usize
    }

    /// The image it belongs to, unless the machine made it.
    pub fn image(&self) -> Option<&Image> {
        // SAFETY: images are never freed
        unsafe { self.image.as_ref() }
    }

    /// Index of the instruction at `pc`, if it is one of this function.
    pub fn index_of(&self, pc: *const u64) -> Option<u32> {
        let start = self.code.get() as usize;
        let at = (pc as usize).checked_sub(start)? / 8;
        (at < self.len as usize).then_some(at as u32)
    }
}

/// A loaded image.
pub struct Image {
    /// The checked bytes. They live as long as the process: closures point into them.
    pub view: CheckedImage<'static>,
    table: *mut Value,
    table_len: usize,
    /// One bit per table word: its value is made.
    made: Vec<u64>,
    protos: Vec<*mut Proto>,
    /// Symbol of each string, + 1; 0 if not interned yet.
    symbols: Vec<u32>,
    /// Key names of method calls, by constant.
    key_names: NameMap<ConstId, &'static [Symbol]>,
    /// Name shown in messages.
    pub name: String,
    /// Namespace of each module; null before it is asked for.
    pub namespaces: Vec<Value>,
    /// The images that it imports, by index: added to the machine before it, so never itself.
    pub imports: Vec<*mut Image>,
    /// Positions and sources that are not in the image.
    pub debug: DebugFile,
}

impl Image {
    /// Takes checked bytes into the machine. Costs no more than three zeroed allocations.
    pub fn load(name: &str, bytes: Mapping) -> Result<Box<Image>, gene_format::error::FormatError> {
        let bytes: &'static [u8] = bytes.leak();
        let view = CheckedImage::parse(bytes)?;
        let table_len = view.table_len();
        let layout = Layout::array::<Value>(table_len.max(1)).expect("table sizes fit isize");
        // SAFETY: the layout is not empty. Zeroed words read as 0.0, caches as empty.
        let table: *mut Value = unsafe { alloc_zeroed(layout) }.cast();
        if table.is_null() {
            handle_alloc_error(layout);
        }
        Ok(Box::new(Image {
            table,
            table_len,
            made: vec![0; table_len.div_ceil(64)],
            protos: vec![std::ptr::null_mut(); view.func_count()],
            symbols: vec![0; view.string_count()],
            key_names: NameMap::default(),
            name: name.to_owned(),
            namespaces: Vec::new(),
            imports: Vec::new(),
            debug: DebugFile::default(),
            view,
        }))
    }

    /// Empties all method caches.
    pub fn forget_methods(&mut self) {
        for id in 0..self.table_len {
            let entry = self.view.table_entry(TableId(id as u32));
            if matches!(entry, Ok(TableEntry::Method { .. })) {
                // SAFETY: the entry's four words lie in the table (checked by `table_entry`)
                unsafe { std::ptr::write_bytes(self.table.add(id), 0, 4) };
            }
        }
    }

    /// Gives a module the namespace of another.
    pub fn share_namespace(&mut self, module: usize, namespace: Value) {
        if self.namespaces.len() <= module {
            self.namespaces.resize(module + 1, Value::NIL);
        }
        self.namespaces[module] = namespace;
    }

    /// The image with its debug data, wherever that is.
    pub fn debug_view(&self) -> &CheckedImage<'static> {
        self.debug.view(&self.view)
    }

    /// True if the value of this word of the table is made: a function that uses it has run.
    pub fn is_made(&self, word: usize) -> bool {
        (self.made.get(word / 64)).is_some_and(|bits| bits & 1 << (word % 64) != 0)
    }

    /// Changes a word of the table that is made; false if it is not.
    pub fn set_word(&mut self, word: usize, value: Value) -> bool {
        if !self.is_made(word) {
            return false;
        }
        // SAFETY: `made` has bits for the words of the table only
        unsafe { *self.table.add(word) = value };
        true
    }

    /// The words of the table, for marking.
    pub fn table(&self) -> &[Value] {
        // SAFETY: allocated in `load` with this length
        unsafe { std::slice::from_raw_parts(self.table, self.table_len) }
    }

    /// Number of a table word, from its address.
    pub fn table_id(&self, word: *const Value) -> TableId {
        TableId(((word as usize - self.table as usize) / size_of::<Value>()) as u32)
    }

    /// The symbol of a string of the image.
    pub fn symbol(&mut self, vm: &mut Vm, id: StrId) -> Result<Symbol, Raised> {
        match self.symbols.get(id.index()) {
            Some(&n) if n != 0 => Ok(Symbol(n - 1)),
            _ => {
                let text = vm.corrupt(self.view.string(id))?;
                let s = vm.symbols.intern(text);
                self.symbols[id.index()] = s.0 + 1;
                Ok(s)
            }
        }
    }

    /// What is known of a function; made at the first request.
    pub fn proto(&mut self, vm: &mut Vm, id: FuncId) -> Result<*const Proto, Raised> {
        match self.protos.get(id.index()) {
            Some(p) if !p.is_null() => return Ok(*p),
            Some(_) => {}
            None => return Err(vm.corrupt_text("a function number is out of range")),
        }
        let f = vm.corrupt(self.view.func(id))?;
        let mut params = Vec::new();
        for p in vm.corrupt(self.view.params(&f))? {
            params.push((self.symbol(vm, p.name)?, p.kind));
        }
        let receiver = matches!(f.kind, FuncKind::Method | FuncKind::Ctor) as u32;
        let positional = params
            .iter()
            .all(|p| matches!(p.1, ParamKind::Required | ParamKind::Optional));
        // A generator's call and an async call are made by the slow path.
        let direct = positional && !f.generator && !f.is_async;
        let window = f.window.index();
        if window > self.table_len {
            return Err(vm.corrupt_text("a function's table window is out of range"));
        }
        let proto = Box::new(Proto {
            image: self,
            id,
            code: Cell::new(PREPARE_STUB.as_ptr()),
            len: 0,
            k: self.table.wrapping_add(window),
            frame_size: f.frame_size as u32,
            arity: if direct {
                params.len() as u32 + receiver
            } else {
                u32::MAX
            },
            name: f.name,
            module: f.module,
            kind: f.kind,
            generator: f.generator,
            is_async: f.is_async,
            params: params.into(),
            captures: vm.corrupt(self.view.captures(&f))?.into(),
            handlers: vm.corrupt(self.view.handlers(&f))?.into(),
            signature: OnceCell::new(),
        });
        let proto = Box::into_raw(proto);
        self.protos[id.index()] = proto;
        Ok(proto)
    }

    /// Verifies a function and makes the table words it uses.
    pub fn prepare(&mut self, vm: &mut Vm, id: FuncId) -> Result<(), Raised> {
        let proto = self.proto(vm, id)?.cast_mut();
        let verified = match gene_format::verify::verify_func(&self.view, id) {
            Ok(v) => v,
            Err(e) => return Err(vm.corrupt_text(&e.to_string())),
        };
        let code = verified.code();
        // SAFETY: made in `proto`, never freed; no other reference to it is held here
        let (window, fresh) = unsafe {
            (
                (*proto).k as usize - self.table as usize,
                (*proto).code.get(),
            )
        };
        let window = window / size_of::<Value>();
        debug_assert_eq!(fresh, PREPARE_STUB.as_ptr());
        for &word in code {
            let Some(insn) = Insn::decode(word) else {
                continue;
            };
            let [_, _, b, c] = insn.op.info().operands;
            let index = match (b, c) {
                (Operand::Value32 | Operand::Global32, _) => insn.wide() as usize,
                (
                    _,
                    Operand::Value
                    | Operand::Global
                    | Operand::Callee
                    | Operand::Name
                    | Operand::Keys
                    | Operand::Check,
                ) => insn.c as usize,
                _ => continue,
            };
            self.make_word(vm, window + index)?;
        }
        // Together and last: a function that failed above has no instruction, so no handler of it
        // covers the failure.
        // SAFETY: as above
        unsafe {
            (*proto).len = code.len() as u32;
            (*proto).code.set(code.as_ptr());
        }
        Ok(())
    }

    fn make_word(&mut self, vm: &mut Vm, at: usize) -> Result<(), Raised> {
        let (word, bit) = (at / 64, 1 << (at % 64));
        match self.made.get(word) {
            Some(w) if w & bit == 0 => {}
            Some(_) => return Ok(()),
            None => return Err(vm.corrupt_text("a table index is out of range")),
        }
        let value = match vm.corrupt(self.view.table_entry(TableId(at as u32)))? {
            TableEntry::Const(id) => self.constant(vm, id, 0)?,
            TableEntry::Global { func: None, .. } => Value::NIL,
            TableEntry::Global { func: Some(f), .. } | TableEntry::Func(f) => {
                let proto = self.proto(vm, f)?;
                vm.closure(proto, &[])
            }
            TableEntry::Shared { func, .. } => {
                let value = match func {
                    Some(func) => {
                        let proto = self.proto(vm, func)?;
                        vm.closure(proto, &[])
                    }
                    None => Value::NIL,
                };
                vm.cell(value)
            }
            TableEntry::Import { import, name } => self.imported(vm, import, name)?,
            TableEntry::Builtin(name) => {
                let name = vm.corrupt(self.view.string(name))?;
                vm.builtin(name)?
            }
            _ => return Ok(()),
        };
        // SAFETY: `at` is below table_len: `made` has a bit for it and table_entry succeeded
        unsafe { *self.table.add(at) = value };
        self.made[word] |= bit;
        Ok(())
    }

    /// The value that another image exports. Its module has run by now: no function of an image is
    /// called before the images that it imports have run.
    fn imported(&mut self, vm: &mut Vm, import: u32, name: StrId) -> Result<Value, Raised> {
        let name = vm.corrupt(self.view.string(name))?;
        let Some(&from) = self.imports.get(import as usize) else {
            return Err(vm.corrupt_text("an image was loaded without those it imports"));
        };
        // SAFETY: images are never freed. `from` was added before `self`, so it is another image,
        // whose functions are not being prepared now.
        let from = unsafe { &mut *from };
        let Some(word) = vm.corrupt(from.view.exported(name))? else {
            let text = format!("{} does not export {name:?}", from.name);
            return Err(vm.corrupt_text(&text));
        };
        from.make_word(vm, word.index())?;
        Ok(from.table()[word.index()])
    }

    /// Makes the value of a constant.
    pub fn constant(&mut self, vm: &mut Vm, id: ConstId, depth: u32) -> Result<Value, Raised> {
        if depth > gene_format::limits::MAX_CONST_DEPTH as u32 {
            return Err(vm.corrupt_text("a constant is nested too deeply"));
        }
        let constant = vm.corrupt(self.view.constant(id))?;
        let view = self.view.clone();
        vm.constant(self, &view, constant, depth)
    }

    /// The key names of a constant.
    pub fn key_names(&mut self, vm: &mut Vm, id: ConstId) -> Result<&'static [Symbol], Raised> {
        if let Some(&names) = self.key_names.get(&id) {
            return Ok(names);
        }
        let index = self.constant(vm, id, 0)?;
        let names = *vm.keys.get(index.bits() as usize).unwrap_or(&[].as_slice());
        self.key_names.insert(id, names);
        Ok(names)
    }

    /// The place of the instruction at `pc`, if it belongs to a prepared function of the image:
    /// function and index.
    pub fn find_pc(&self, pc: *const u64) -> Option<(FuncId, u32)> {
        self.protos.iter().enumerate().find_map(|(id, &p)| {
            if p.is_null() {
                return None;
            }
            // SAFETY: protos are never freed
            let at = unsafe { (*p).index_of(pc) }?;
            Some((FuncId(id as u32), at))
        })
    }

    /// The proto of a function, if it was ever made.
    pub fn known_proto(&self, id: FuncId) -> Option<&Proto> {
        let p = *self.protos.get(id.index())?;
        // SAFETY: protos are never freed
        (!p.is_null()).then(|| unsafe { &*p })
    }
}

/// Closure size in bytes beyond the struct.
pub fn captures_size(n: usize) -> usize {
    n * size_of::<Value>()
}

/// True if the object is a closure; for asserts.
pub fn is_closure(v: Value) -> bool {
    v.is(Kind::Closure) && size_of::<Closure>() > 0
}

//! Calls off the hot path: natives, argument binding, spread, keywords, calls into another
//! window or image, construction, `super`, and bridge frames.
//!
//! A **bridge frame** stands between an instruction whose slow path needs Gene code and that
//! code: its function is the VM's, its one slot is followed by an ordinary call window, and its
//! callee returns to [`bridge`], which finishes the instruction and restores `k`.
#![allow(unsafe_code)]

mod bind;

use super::slow::safepoint;
use super::*;
use crate::classes::Builtin;
use crate::frame;
use crate::heap_view as view;
use crate::hooks;
use crate::natives::{ANY, Args, NativeDef, NativeResult, Raised};
use crate::program::{BRIDGE_STUB, Image};
use crate::symbol::Symbol;
use gene_format::ops::Op;
use gene_format::program::{ParamKind, TableEntry};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Set in the shape word of a method cache whose callee is a native.
const NATIVE_CACHE: u64 = 1 << 32;

/// How a call ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The result goes to `r[a]`.
    Normal,
    /// The result is that of the running function.
    Tail,
}

/// A call that is being made: callee in `*window`, arguments from `window[HEADER]`.
#[derive(Clone, Copy)]
struct Call {
    window: *mut Value,
    argc: usize,
    keys: &'static [Symbol],
    mode: Mode,
}

// ---------------------------------------------------------------- natives

handler! { #[inline(never)] call_m_native(s) {
    let receiver = s.get(s.a() + HEADER);
    let ic = s.k.add(s.c());
    let shape = cache_shape(receiver) | NATIVE_CACHE;
    if (*ic).bits() != shape {
        tail!(s, call_m_slow)
    }
    let f: *const Native = (*ic.add(1)).as_obj().cast();
    let window = s.base.add(s.a());
    match (*s.vm).run_native((*f).def, window, s.b(), s.base, s.after) {
        Ok(v) => {
            *window = v;
            if (*s.vm).heap.is_due() { tail!(s, collect_after) }
            next!(s)
        }
        Err(Raised) => tail!(s, native_raised),
    }
} }

// A native has raised, or asks for a function of the prelude instead.
cold_handler! { native_raised(s) {
    let window = s.base.add(s.a());
    if let Some(f) = s.vm().redirect.take() {
        *window = f;
        let call = Call { window, argc: s.b(), keys: &[], mode: Mode::Normal };
        let to = or_raise!(s, s.vm().invoke(&s, call));
        goto!(s, to)
    }
    raise!(s)
} }

// The instruction is done; collect before the next one.
cold_handler! { collect_after(s) {
    or_raise!(s, s.vm().safepoint(s.base));
    next!(s)
} }

/// The number that caches compare for a value: an object's shape word, or one per class of
/// immediates. 0 for records and iterators, whose class the shape does not tell.
#[inline(always)]
fn cache_shape(v: Value) -> u64 {
    if v.is_obj() {
        // SAFETY: H1
        let shape = unsafe { (*v.as_obj()).shape };
        if shape == Kind::Record as u32 || shape == Kind::Iterator as u32 {
            return u64::from(NO_SHAPE);
        }
        return shape as u64;
    }
    32 + Builtin::of_immediate(v) as u64
}

/// A call in a window above the running frame, for slow paths whose instruction has none.
///
/// # Safety
/// `s` is in a frame; the zone above it has room for the arguments (SLOW slots).
unsafe fn call_above(s: &Regs, callee: Value, args: &[Value]) -> Call {
    // SAFETY: by the contract
    unsafe {
        let window = frame::top(s.base).add(HEADER + BRIDGE_FRAME);
        *window = callee;
        for (i, &v) in args.iter().enumerate() {
            *window.add(HEADER + i) = v;
        }
        Call {
            window,
            argc: args.len(),
            keys: &[],
            mode: Mode::Normal,
        }
    }
}

impl Vm {
    /// Makes the VM call a function of the prelude instead of the native that returns this.
    pub fn redirect(&mut self, name: &str) -> Raised {
        if let Ok(f) = self.builtin(name) {
            self.redirect = Some(f);
        }
        Raised
    }

    /// Runs a native on the arguments of a window, with positional arguments only.
    ///
    /// # Safety
    /// The window holds `argc` values from `window[HEADER]`.
    #[inline(never)] // what it catches panics with would keep its handlers' frames (rule 1)
    pub unsafe fn run_native(
        &mut self,
        def: &'static NativeDef,
        window: *mut Value,
        argc: usize,
        base: *mut Value,
        pc: *const u64,
    ) -> NativeResult {
        if argc < def.min as usize || def.max != ANY && argc > def.max as usize {
            return Err(self.wrong_count(def, argc));
        }
        self.base = base;
        self.pc = pc;
        // SAFETY: by the contract; natives neither move nor write the stack
        let items = unsafe { std::slice::from_raw_parts(window.add(HEADER), argc) };
        let args = Args {
            items,
            keys: &[],
            values: &[],
        };
        guarded(self, def, args)
    }

    #[cold]
    fn wrong_count(&mut self, def: &'static NativeDef, argc: usize) -> Raised {
        if argc < def.min as usize && !def.usage.is_empty() {
            return self.error(def.usage);
        }
        let wanted = if argc < def.min as usize {
            def.min
        } else {
            def.max
        };
        let (name, s) = (def.name, if wanted == 1 { "" } else { "s" });
        let text = if argc < def.min as usize {
            format!("{name} requires at least {wanted} argument{s}")
        } else {
            format!("{name} accepts at most {wanted} argument{s}, got {argc}")
        };
        self.error(&text)
    }
}

/// Runs a native; a panic in it is a bug of ours and ends the program in order.
#[inline(always)]
fn guarded(vm: &mut Vm, def: &'static NativeDef, args: Args<'_>) -> NativeResult {
    match catch_unwind(AssertUnwindSafe(|| (def.run)(vm, args))) {
        Ok(result) => result,
        Err(_) => {
            let text = format!("internal error: native {} panicked", def.name);
            Err(vm.end(crate::errors::Fatal::Panic(text)))
        }
    }
}

// ---------------------------------------------------------------- the slow call handlers

/// A handler that makes the call its body describes.
macro_rules! call_handler {
    ($name:ident($s:ident) $call:expr) => {
        cold_handler! { $name($s) {
            safepoint!($s);
            let call: Call = $call;
            let to = or_raise!($s, $s.vm().invoke(&$s, call));
            goto!($s, to)
        } }
    };
}

/// # Safety
/// `s` is at an instruction with a window and argument count.
unsafe fn plain_call(s: &Regs, mode: Mode) -> Call {
    // SAFETY: by the contract
    unsafe {
        Call {
            window: s.base.add(s.a()),
            argc: s.b(),
            keys: &[],
            mode,
        }
    }
}

/// # Safety
/// `s` is at an instruction with a Keys operand.
unsafe fn keyed_call(s: &Regs, mode: Mode) -> Call {
    // SAFETY: by the contract; V6: k[c] is the index that `Const::Keys` made
    unsafe {
        let index = s.konst(s.c()).bits() as usize;
        Call {
            keys: s.vm().keys[index],
            ..plain_call(s, mode)
        }
    }
}

call_handler! { call_slow(s) plain_call(&s, Mode::Normal) }
call_handler! { tail_call_slow(s) plain_call(&s, Mode::Tail) }
call_handler! { call_kw(s) keyed_call(&s, Mode::Normal) }
call_handler! { tail_call_kw(s) keyed_call(&s, Mode::Tail) }

/// Calls with spread: argument array and keyword map into a call.
macro_rules! spread_handler {
    ($name:ident, $skip:literal, $mode:ident, $find:expr) => {
        cold_handler! { $name(s) {
            safepoint!(s);
            goto!(s, s.vm().spread_then(&s, $skip, Mode::$mode, $find))
        } }
    };
}
spread_handler!(call_v, 0, Normal, |vm, s, call| vm.invoke(s, call));
spread_handler!(tail_call_v, 0, Tail, |vm, s, call| vm.invoke(s, call));
spread_handler!(call_m_v, 1, Normal, |vm, s, call| vm.invoke_named(s, call));
spread_handler!(tail_call_m_v, 1, Tail, |vm, s, call| vm
    .invoke_named(s, call));
spread_handler!(super_m_v, 1, Normal, |vm, s, call| vm
    .invoke_super_named(s, call));
spread_handler!(call_d_v, 1, Normal, |vm, s, call| vm
    .invoke_dynamic(s, call));
spread_handler!(new_v, 1, Normal, |vm, s, call| vm.construct(s, call));

cold_handler! { call_m_slow(s) {
    safepoint!(s);
    let to = or_raise!(s, s.vm().invoke_cached(&s, Mode::Normal));
    goto!(s, to)
} }
cold_handler! { call_m_kw(s) {
    safepoint!(s);
    let to = or_raise!(s, s.vm().invoke_cached(&s, Mode::Normal));
    goto!(s, to)
} }
cold_handler! { tail_call_m_kw(s) {
    safepoint!(s);
    let to = or_raise!(s, s.vm().invoke_cached(&s, Mode::Tail));
    goto!(s, to)
} }

handler! { tail_call_m(s) {
    let receiver = s.get(s.a() + HEADER);
    if receiver.is_obj() {
        let ic = s.k.add(s.c());
        if (*receiver.as_obj()).shape as u64 == (*ic).bits() {
            let f = *ic.add(1);
            let callee: *const Closure = f.as_obj().cast();
            *s.base.sub(HEADER) = f;
            let from = s.base.add(s.a() + HEADER);
            for i in 0..s.b() {
                *s.base.add(i) = *from.add(i);
            }
            s.pc = (*callee).code;
            spend_budget!(s);
            next!(s)
        }
    }
    tail!(s, tail_call_m_slow)
} }
cold_handler! { tail_call_m_slow(s) {
    safepoint!(s);
    let to = or_raise!(s, s.vm().invoke_cached(&s, Mode::Tail));
    goto!(s, to)
} }

cold_handler! { call_d(s) {
    safepoint!(s);
    let to = or_raise!(s, s.vm().invoke_dynamic(&s, plain_call(&s, Mode::Normal)));
    goto!(s, to)
} }

cold_handler! { super_m(s) {
    safepoint!(s);
    let to = or_raise!(s, s.vm().invoke_super(&s));
    goto!(s, to)
} }
cold_handler! { super_m_kw(s) {
    safepoint!(s);
    let to = or_raise!(s, s.vm().invoke_super(&s));
    goto!(s, to)
} }

cold_handler! { new_slow(s) {
    safepoint!(s);
    let mut call = plain_call(&s, Mode::Normal);
    call.argc += 1;
    let to = or_raise!(s, s.vm().construct(&s, call));
    goto!(s, to)
} }
cold_handler! { new_kw(s) {
    safepoint!(s);
    let mut call = keyed_call(&s, Mode::Normal);
    call.argc += 1;
    let to = or_raise!(s, s.vm().construct(&s, call));
    goto!(s, to)
} }

// The callee of a bridge frame has returned: finish the instruction that needed it.
cold_handler! { bridge(s) {
    let result = s.get(BRIDGE_FRAME);
    let tail = s.get(0) == Value::TRUE;
    let bridge = s.base;
    s.base = frame::caller(bridge);
    s.pc = frame::return_pc(bridge);
    s.k = (*frame::closure(s.base)).k;
    if tail {
        // The bridge stands in the place of a function that has ended by a tail call.
        *bridge.sub(HEADER) = result;
        if s.base.is_null() {
            s.k = std::ptr::null();
        }
        next!(s)
    }
    s.after = s.pc;
    tail!(s, finish)
} }

// Finishes the instruction before `s.after` with the result that lies above the frame.
handler! { #[cold] #[inline(never)] finish(s) {
    let result = *frame::top(s.base).add(HEADER + BRIDGE_FRAME);
    let op = Op::from_code(*s.after.sub(1).cast::<u8>());
    match op {
        Some(Op::Eq) => s.set(s.a(), Value::bool(result.truthy())),
        Some(Op::Ne) => s.set(s.a(), Value::bool(!result.truthy())),
        Some(Op::JEq | Op::JEqI | Op::JEqS) => branch!(s, result.truthy()),
        Some(Op::JNe | Op::JNeI | Op::JNeS) => branch!(s, !result.truthy()),
        Some(Op::LoopNeI) => branch_back!(s, !result.truthy()),
        _ => s.set(s.a(), result),
    }
    next!(s)
} }

impl Vm {
    // ------------------------------------------------------------ invoking

    /// Makes a call; returns where to go on.
    ///
    /// # Safety
    /// The window lies in the frame of `s` or above it within the stack's zone.
    unsafe fn invoke(&mut self, s: &Regs, mut call: Call) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            loop {
                let f = *call.window;
                match f.kind() {
                    Some(Kind::Closure) => return self.invoke_closure(s, call),
                    Some(Kind::Native) => {
                        let f: *const Native = f.as_obj().cast();
                        match self.invoke_native((*f).def, s, &call) {
                            Ok(v) => return self.deliver(s, &call, v),
                            Err(Raised) => match self.redirect.take() {
                                Some(f) => *call.window = f,
                                None => return Err(Raised),
                            },
                        }
                    }
                    Some(Kind::Class) => {
                        let function = hooks::class_callable(self, f);
                        match function {
                            Some(function) => self.prepend(s, &mut call, function)?,
                            None => {
                                self.prepend(s, &mut call, f)?;
                                return self.construct(s, call);
                            }
                        }
                    }
                    Some(Kind::Instance) => {
                        let class = self.class_of(f);
                        let name = self.names.call;
                        let Some(method) = self.find_method(class, name) else {
                            let name = self.class_name(f);
                            return Err(self.error(&format!(
                                "Instance of {name} is not callable (no 'call' method)"
                            )));
                        };
                        self.prepend(s, &mut call, method)?;
                    }
                    Some(Kind::Record) => match hooks::record_callable(self, f) {
                        Some(function) => self.prepend(s, &mut call, function)?,
                        None => return Err(self.not_callable(f, &call)),
                    },
                    _ => return Err(self.not_callable(f, &call)),
                }
            }
        }
    }

    #[cold]
    fn not_callable(&mut self, f: Value, call: &Call) -> Raised {
        let kind = Builtin::kind_name(f);
        let digit = match (call.keys.len(), call.argc) {
            (0, 0) => "0",
            (0, 1) => "1",
            (0, _) => "",
            _ => "Kw",
        };
        self.error(&format!(
            "IkUnifiedCall{digit} requires a callable, got {kind}"
        ))
    }

    /// Puts the callee before the arguments and calls `function` instead.
    ///
    /// # Safety
    /// As `invoke`.
    unsafe fn prepend(&mut self, s: &Regs, call: &mut Call, function: Value) -> Result<(), Raised> {
        // SAFETY: by the contract; `relocate` makes room for one argument more
        unsafe {
            let callee = *call.window;
            self.relocate(s, call)?;
            let args = call.window.add(HEADER);
            for i in (0..call.argc).rev() {
                *args.add(i + 1) = *args.add(i);
            }
            *args = callee;
            *call.window = function;
            call.argc += 1;
            Ok(())
        }
    }

    /// Moves a window that lies in the frame to the slots above it, where it may grow, through a
    /// bridge frame. Does nothing if it is there already.
    ///
    /// # Safety
    /// As `invoke`.
    unsafe fn relocate(&mut self, s: &Regs, call: &mut Call) -> Result<(), Raised> {
        // SAFETY: by the contract; the zone above a frame has SLOW slots
        unsafe {
            let above = frame::top(s.base).add(HEADER + BRIDGE_FRAME);
            if call.window >= above {
                return Ok(());
            }
            let needed = above.add(HEADER + call.argc + 2);
            if needed > self.fiber().end() {
                return Err(self.error("Stack overflow: too many arguments"));
            }
            for i in (0..call.argc + HEADER).rev() {
                *above.add(i) = *call.window.add(i);
            }
            call.window = above;
            Ok(())
        }
    }

    /// Gives a call's result to the program.
    ///
    /// # Safety
    /// As `invoke`.
    unsafe fn deliver(&mut self, s: &Regs, call: &Call, v: Value) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            match call.mode {
                Mode::Tail => {
                    let (caller, pc) = (frame::caller(s.base), frame::return_pc(s.base));
                    *s.base.sub(HEADER) = v;
                    Ok(Goto {
                        pc,
                        base: caller,
                        k: s.k.cast_mut(),
                    })
                }
                Mode::Normal => {
                    *s.base.add(s.a()) = v;
                    let here = Goto {
                        pc: s.after,
                        base: s.base,
                        k: s.k.cast_mut(),
                    };
                    self.safepoint(s.base)?;
                    Ok(here)
                }
            }
        }
    }

    /// # Safety
    /// As `invoke`.
    unsafe fn invoke_native(
        &mut self,
        def: &'static NativeDef,
        s: &Regs,
        call: &Call,
    ) -> NativeResult {
        // SAFETY: by the contract
        unsafe {
            if call.keys.is_empty() {
                return self.run_native(def, call.window, call.argc, s.base, s.after);
            }
            let positional = call.argc - call.keys.len();
            if positional < def.min as usize || def.max != ANY && positional > def.max as usize {
                return Err(self.wrong_count(def, positional));
            }
            if !def.keys {
                let name = self.symbols.text(call.keys[0]);
                return self.fail(format!("Unexpected keyword argument: {name}"));
            }
            self.base = s.base;
            self.pc = s.after;
            let all = std::slice::from_raw_parts(call.window.add(HEADER), call.argc);
            let (items, values) = all.split_at(positional);
            let args = Args {
                items,
                keys: call.keys,
                values,
            };
            guarded(self, def, args)
        }
    }

    /// # Safety
    /// As `invoke`; the callee is a closure.
    unsafe fn invoke_closure(&mut self, s: &Regs, mut call: Call) -> Result<Goto, Raised> {
        // SAFETY: by the contract. After `bind` the arguments are the callee's first slots.
        unsafe {
            let closure: *mut Closure = (*call.window).as_obj().cast();
            let proto = &*(*closure).proto;
            let slots = proto.receiver_slots() + proto.params.len();
            let direct = (*closure).arity as usize == call.argc && call.keys.is_empty();
            if !direct {
                // Binding may need more slots than the caller's window has.
                if slots > call.argc {
                    self.relocate(s, &mut call)?;
                    if call.window.add(HEADER + slots + 1) > self.fiber().end() {
                        return Err(self.error("Stack overflow: too many parameters"));
                    }
                }
                self.bind(proto, &call)?;
            }
            if proto.generator {
                let g = self.new_generator(closure, call.window.add(HEADER), slots)?;
                return self.deliver(s, &call, g);
            }
            if call.mode == Mode::Tail {
                return self.tail_closure(s, closure, &call, slots);
            }
            let inside = call.window == s.base.add(s.a());
            if inside && (*closure).k.cast_const() == s.k {
                let base = call.window.add(HEADER);
                return self.enter_frame(s.base, s.after, base, closure, s.k.cast_mut());
            }
            call.argc = slots;
            self.relocate(s, &mut call)?;
            self.enter_bridge(s.base, s.after, call.window, closure, Value::FALSE)
        }
    }

    /// Links a frame at `base` and enters the closure.
    ///
    /// # Safety
    /// The arguments lie at `base`, its function below; `caller` is the innermost frame.
    unsafe fn enter_frame(
        &mut self,
        caller: *mut Value,
        return_pc: *const u64,
        base: *mut Value,
        closure: *mut Closure,
        k: *mut Value,
    ) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let (mut caller, mut base) = (caller, base);
            if base > self.limit {
                (caller, base) = self.grow_stack(caller, base, frame::GUARD)?;
            }
            frame::link(base, caller, return_pc);
            self.budget -= 1; // below zero: the next loop or call sees it
            Ok(Goto {
                pc: (*closure).code,
                base,
                k,
            })
        }
    }

    /// Enters a closure whose window lies above the frame `caller`, through a bridge frame.
    ///
    /// # Safety
    /// As `enter_frame`; `window` is `HEADER + BRIDGE_FRAME` slots above the frame.
    unsafe fn enter_bridge(
        &mut self,
        caller: *mut Value,
        return_pc: *const u64,
        window: *mut Value,
        closure: *mut Closure,
        mode: Value,
    ) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let mut bridge = window.sub(BRIDGE_FRAME);
            let mut caller = caller;
            if window.add(HEADER) > self.limit {
                let (moved, base) = self.grow_stack(caller, bridge, 2 * frame::GUARD)?;
                caller = moved;
                bridge = base;
            }
            *bridge.sub(HEADER) = self.bridge;
            frame::link(bridge, caller, return_pc);
            *bridge = mode;
            let base = bridge.add(BRIDGE_FRAME + HEADER);
            frame::link(base, bridge, BRIDGE_STUB.as_ptr());
            self.budget -= 1;
            Ok(Goto {
                pc: (*closure).code,
                base,
                k: (*closure).k,
            })
        }
    }

    /// A tail call of a closure whose arguments are bound.
    ///
    /// # Safety
    /// As `invoke`.
    unsafe fn tail_closure(
        &mut self,
        s: &Regs,
        closure: *mut Closure,
        call: &Call,
        slots: usize,
    ) -> Result<Goto, Raised> {
        // SAFETY: by the contract; the callee's parameters fit the zone above the limit
        unsafe {
            let from = call.window.add(HEADER);
            let (caller, return_pc) = (frame::caller(s.base), frame::return_pc(s.base));
            let same_window = (*closure).k.cast_const() == s.k;
            // A bridge that only restores `k` serves the new callee as well.
            let over_bridge = return_pc == BRIDGE_STUB.as_ptr();
            if same_window || over_bridge || caller.is_null() {
                let base = s.base;
                *base.sub(HEADER) = Value::obj(closure);
                for i in 0..slots {
                    *base.add(i) = *from.add(i);
                }
                self.budget -= 1;
                return Ok(Goto {
                    pc: (*closure).code,
                    base,
                    k: (*closure).k,
                });
            }
            // The frame becomes a bridge, and the callee's frame stands above it.
            let bridge = s.base;
            let base = bridge.add(BRIDGE_FRAME + HEADER);
            if base < from {
                for i in 0..slots {
                    *base.add(i) = *from.add(i);
                }
            } else {
                for i in (0..slots).rev() {
                    *base.add(i) = *from.add(i);
                }
            }
            *base.sub(HEADER) = Value::obj(closure);
            *bridge.sub(HEADER) = self.bridge;
            *bridge = Value::TRUE;
            self.enter_frame(bridge, BRIDGE_STUB.as_ptr(), base, closure, (*closure).k)
        }
    }

    /// Calls a closure from the slow path of an instruction, which `finish` completes.
    ///
    /// # Errors
    /// Binding errors, stack overflow.
    ///
    /// # Safety
    /// `s` is in a frame.
    pub unsafe fn bridge_call(
        &mut self,
        s: &Regs,
        function: Value,
        args: &[Value],
    ) -> Result<Goto, Raised> {
        // SAFETY: by the contract; the zone above a frame has SLOW slots
        unsafe {
            let call = call_above(s, function, args);
            self.invoke(s, call)
        }
    }

    /// Calls the method `name` of `args[0]` from the slow path of an instruction whose result
    /// goes to `r[a]`.
    ///
    /// # Errors
    /// As a method call.
    ///
    /// # Safety
    /// As `bridge_call`.
    pub unsafe fn bridge_method(
        &mut self,
        s: &Regs,
        name: Symbol,
        args: &[Value],
    ) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let call = call_above(s, Value::NIL, args);
            self.invoke_method(s, call, name, None)
        }
    }

    // ------------------------------------------------------------ methods

    /// A method call with a cache.
    ///
    /// # Safety
    /// `s` is at an instruction with a window and a Method entry.
    unsafe fn invoke_cached(&mut self, s: &Regs, mode: Mode) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let mut call = plain_call(s, mode);
            let cache = s.k.add(s.c()).cast_mut();
            let image = &mut *self.image_of(s.base);
            let (name, keys) = self.method_entry(image, cache)?;
            call.keys = keys;
            let cache = keys.is_empty().then_some(cache);
            self.invoke_method(s, call, name, cache)
        }
    }

    /// Name and key names of a Method entry.
    fn method_entry(
        &mut self,
        image: &mut Image,
        cache: *mut Value,
    ) -> Result<(Symbol, &'static [Symbol]), Raised> {
        let id = image.table_id(cache);
        let entry = image.view.table_entry(id);
        match self.corrupt(entry)? {
            TableEntry::Method { name, keys, .. } => {
                let name = image.symbol(self, name)?;
                let keys = match keys {
                    None => &[],
                    Some(id) => image.key_names(self, id)?,
                };
                Ok((name, keys))
            }
            _ => Err(self.corrupt_text("a method cache is of another kind")),
        }
    }

    /// The image whose code runs in this frame.
    ///
    /// # Safety
    /// `base` is a frame of image code.
    pub unsafe fn image_of(&self, base: *mut Value) -> *mut Image {
        // SAFETY: by the contract
        unsafe { (*(*frame::closure(base)).proto).image.cast_mut() }
    }

    /// Calls a method of the window's first argument.
    ///
    /// # Safety
    /// As `invoke`; there is a first argument.
    unsafe fn invoke_method(
        &mut self,
        s: &Regs,
        mut call: Call,
        name: Symbol,
        cache: Option<*mut Value>,
    ) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let receiver = *call.window.add(HEADER);
            let class = self.class_of(receiver);
            if let Some(f) = self.find_method(class, name) {
                *call.window = f;
                if let Some(cache) = cache {
                    self.fill_method_cache(s, cache, receiver, f, call.argc);
                }
                return self.invoke(s, call);
            }
            if receiver.is(Kind::Generator)
                && let Some(wanted) = Wanted::of_method(self.symbols.text(name))
            {
                return self.resume_for_method(s, receiver, wanted, call.mode == Mode::Tail);
            }
            if receiver == Value::NIL {
                return self.deliver(s, &call, Value::NIL);
            }
            if let Some(f) = hooks::record_method(self, receiver) {
                self.insert_name(s, &mut call, name)?;
                *call.window = f;
                return self.invoke(s, call);
            }
            if call.argc == 1
                && let Some(v) = self.get_field(receiver, name)
            {
                return self.deliver(s, &call, v);
            }
            let missing = self.find_missing(class);
            if missing != Value::NIL {
                self.insert_name(s, &mut call, name)?;
                *call.window = missing;
                return self.invoke(s, call);
            }
            Err(self.no_method(receiver, name))
        }
    }

    /// Puts the name of a missing method behind the receiver.
    ///
    /// # Safety
    /// As `invoke`; there is a first argument.
    unsafe fn insert_name(
        &mut self,
        s: &Regs,
        call: &mut Call,
        name: Symbol,
    ) -> Result<(), Raised> {
        // SAFETY: by the contract; `relocate` makes room for one argument more
        unsafe {
            self.relocate(s, call)?;
            let args = call.window.add(HEADER);
            for i in (1..call.argc).rev() {
                *args.add(i + 1) = *args.add(i);
            }
            *args.add(1) = Value::symbol(name);
            call.argc += 1;
            Ok(())
        }
    }

    /// Remembers a method for the receiver's shape. Only closures that need no binding and
    /// share the window go where `call_m` finds them: that is what makes it sound.
    ///
    /// # Safety
    /// `cache` is a Method entry of the window of `s`.
    unsafe fn fill_method_cache(
        &mut self,
        s: &Regs,
        cache: *mut Value,
        receiver: Value,
        f: Value,
        argc: usize,
    ) {
        let shape = cache_shape(receiver);
        if shape == u64::from(NO_SHAPE) {
            return;
        }
        self.note_cached(receiver);
        // SAFETY: by the contract: four words
        unsafe {
            match f.kind() {
                Some(Kind::Closure) => {
                    let closure: *const Closure = f.as_obj().cast();
                    let same = (*closure).k.cast_const() == s.k;
                    if !same || (*closure).arity as usize != argc || !receiver.is_obj() {
                        return;
                    }
                    if (*cache).bits() != 0 && (*cache).bits() & NATIVE_CACHE == 0 {
                        *cache.add(2) = *cache;
                        *cache.add(3) = *cache.add(1);
                    }
                    *cache = Value::raw(shape);
                    *cache.add(1) = f;
                }
                Some(Kind::Native) => {
                    *cache = Value::raw(shape | NATIVE_CACHE);
                    *cache.add(1) = f;
                }
                _ => {}
            }
        }
    }

    /// Remembers that caches depend on the methods of the receiver's class and its ancestors.
    fn note_cached(&mut self, receiver: Value) {
        let mut class = self.class_of(receiver);
        while !class.is_null() {
            // SAFETY: classes are alive while anything refers to them
            let c = unsafe { &mut *class };
            if c.cached {
                return; // so are its ancestors
            }
            c.cached = true;
            class = c.parent;
        }
    }

    /// Sets a method of a class. Call sites that remember another one forget it.
    pub fn set_method(&mut self, class: &mut Class, name: Symbol, method: Value) {
        class.methods.insert(name, method);
        if class.cached {
            for &image in &self.images {
                // SAFETY: images are never freed, and none is borrowed while code runs
                unsafe { (*image).forget_methods() };
            }
        }
    }

    /// A method call whose name is the constant `k[c]`.
    ///
    /// # Safety
    /// `s` is at an instruction with a Name operand.
    unsafe fn invoke_named(&mut self, s: &Regs, call: Call) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let name = self.name_operand(s);
            self.invoke_method(s, call, name, None)
        }
    }

    /// The symbol of a Name operand.
    ///
    /// # Safety
    /// `s` is at an instruction with a Name operand in `c`.
    pub unsafe fn name_operand(&mut self, s: &Regs) -> Symbol {
        // SAFETY: by the contract; V6: the entry is a string
        let text = unsafe { view::text(s.konst(s.c())) }.unwrap_or("");
        self.symbols.intern(text)
    }

    /// A method call whose name is the value in the callee's slot.
    ///
    /// # Safety
    /// `s` is at a CallD or CallDV.
    unsafe fn invoke_dynamic(&mut self, s: &Regs, call: Call) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let name = *call.window;
            match self.name_text(name) {
                Some(text) => {
                    let name = self.symbols.intern(text);
                    self.invoke_method(s, call, name, None)
                }
                None => {
                    let kind = Builtin::kind_name(name);
                    Err(self.error(&format!(
                        "Dynamic method name must be string or symbol, got {kind}"
                    )))
                }
            }
        }
    }

    /// `(super .m …)`
    ///
    /// # Safety
    /// `s` is at a SuperM or SuperMKw.
    unsafe fn invoke_super(&mut self, s: &Regs) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let image = &mut *self.image_of(s.base);
            let (name, keys) = self.method_entry(image, s.k.add(s.c()).cast_mut())?;
            let call = Call {
                keys,
                ..plain_call(s, Mode::Normal)
            };
            self.super_call(s, call, name)
        }
    }

    /// # Safety
    /// `s` is at a SuperMV.
    unsafe fn invoke_super_named(&mut self, s: &Regs, call: Call) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let name = self.name_operand(s);
            self.super_call(s, call, name)
        }
    }

    /// # Safety
    /// As `invoke`.
    unsafe fn super_call(&mut self, s: &Regs, call: Call, name: Symbol) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let home = (*frame::closure(s.base)).home;
            let Some(class) = view::class(home) else {
                return Err(self.error("super requires an instance context"));
            };
            if class.parent.is_null() {
                return Err(self.error("No parent class available for super"));
            }
            let f = if name == self.names.ctor {
                let ctor = self.find_ctor(class.parent);
                if ctor == Value::NIL {
                    return Err(self.error("Superclass has no constructor"));
                }
                Some(ctor)
            } else {
                self.find_method(class.parent, name)
            };
            let Some(f) = f else {
                let name = self.symbols.text(name);
                return Err(self.error(&format!(
                    "Method '{name}' not found in super class hierarchy"
                )));
            };
            *call.window = f;
            self.invoke(s, call)
        }
    }

    // ------------------------------------------------------------ construction

    /// `(new C …)`: class in the callee's slot; the first argument is kept for the instance.
    ///
    /// # Safety
    /// As `invoke`; there is a first argument.
    unsafe fn construct(&mut self, s: &Regs, call: Call) -> Result<Goto, Raised> {
        // SAFETY: by the contract
        unsafe {
            let value = *call.window;
            let Some(class) = self.heap.class_mut(value) else {
                let kind = Builtin::kind_name(value);
                return Err(self.error(&format!("new requires a class, got {kind}")));
            };
            if let Some(function) = hooks::class_constructor(self, class) {
                // A built-in class: the constructor gets the class as its first argument.
                *call.window.add(HEADER) = value;
                *call.window = function;
                return self.invoke(s, call);
            }
            let ctor = self.find_ctor(class);
            if ctor == Value::NIL {
                let instance = self.instance(class);
                return self.deliver(s, &call, instance);
            }
            // Before the first instance, so that all of them have the same shapes.
            self.learn_ctor(class, ctor)?;
            let instance = self.instance(class);
            *call.window = ctor;
            *call.window.add(HEADER) = instance;
            self.invoke(s, call)
        }
    }

    // ------------------------------------------------------------ arguments

    /// Makes the call that `find` finds for a spread window. Errors go on at their handler: the
    /// stack may have moved, so the caller's registers do not tell where.
    ///
    /// # Safety
    /// `s` is at a spread call.
    #[inline(never)] // keeps its locals out of the handlers (rule 1)
    unsafe fn spread_then(
        &mut self,
        s: &Regs,
        skip: usize,
        mode: Mode,
        find: unsafe fn(&mut Vm, &Regs, Call) -> Result<Goto, Raised>,
    ) -> Goto {
        // SAFETY: by the contract
        unsafe {
            let mut s = *s;
            let window = s.base.add(s.a());
            let found = match self.spread(s.base, window, skip, mode) {
                Ok((call, base)) => {
                    s.base = base;
                    find(self, &s, call)
                }
                Err(Raised) => Err(Raised),
            };
            match found {
                Ok(to) => to,
                Err(Raised) => self.unwind(s.after, s.base),
            }
        }
    }
}

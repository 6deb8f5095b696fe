//! The machine: its state, running a program, collecting. Handlers live in `interp`.
#![allow(unsafe_code)]

use crate::capabilities::Capabilities;
use crate::classes::Builtin;
use crate::errors::Fatal;
use crate::evaluate::{Evaluator, Functions};
use crate::fiber::{Fiber, ZONE};
use crate::frame::{self, HEADER};
use crate::heap::Heap;
use crate::heap::log::{GcLog, Step};
use crate::heap::object::*;
use crate::interp;
use crate::interp::aside::Aside;
use crate::mapping::Mapping;
use crate::natives::Raised;
use crate::observe::{Observer, Watch};
use crate::program::{HALT_STUB, Image, Proto};
use crate::signers::Signers;
use crate::symbol::{NameMap, Symbol, Symbols};
use crate::types::TypeCheck;
use crate::value::{Value, fits_int};
use gene_format::program::FuncId;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Loop rounds and calls between two visits of the interrupt handler.
const SLICE: i64 = 1 << 20;

/// Slots of the main stack at the start: 256 KiB, which the C library takes from the system as
/// zeroed pages that cost nothing until they are touched.
const MAIN_SLOTS: usize = 32 << 10;

/// Limits and switches of a machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most bytes of the heap.
    pub max_memory: usize,
    /// Most loop rounds and calls.
    pub max_steps: u64,
    /// Most frames on one stack; checked when a stack grows, so a few more may pass.
    pub max_depth: usize,
    /// Collect at every safepoint.
    pub gc_stress: bool,
    /// Write what the collector did to standard error at the end.
    pub gc_stats: bool,
    /// Who watches the program.
    pub watch: Watch,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Name of the program (`$program`).
    pub program: String,
    /// Refuse `nil` at typed places.
    pub strict_nil: bool,
    /// What the program may do outside its memory.
    pub capabilities: Capabilities,
    /// The file with the debug data of the main image, if it is not `IMAGE.debug`.
    pub debug_file: Option<PathBuf>,
    /// Whose images run.
    pub signers: Signers,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_memory: usize::MAX,
            max_steps: u64::MAX,
            max_depth: DEFAULT_DEPTH,
            gc_stress: false,
            gc_stats: false,
            watch: Watch::default(),
            args: Vec::new(),
            program: String::new(),
            strict_nil: false,
            capabilities: Capabilities::default(),
            debug_file: None,
            signers: Signers::default(),
        }
    }
}

/// Frames that a stack may hold unless `--max-depth` says otherwise.
pub const DEFAULT_DEPTH: usize = 200_000;

/// An image that belongs to a machine.
#[derive(Clone, Copy, Debug)]
pub struct ImageRef(*mut Image);

/// Names the runtime itself uses.
pub struct Names {
    /// `message`
    pub message: Symbol,
    /// `cause`
    pub cause: Symbol,
    /// Hidden field of exceptions: the raw address of the failing instruction.
    pub place: Symbol,
    /// `==`
    pub eq: Symbol,
    /// `call`
    pub call: Symbol,
    /// `ctor`
    pub ctor: Symbol,
    /// `get`
    pub get: Symbol,
    /// `push`
    pub push: Symbol,
    /// `add`
    pub add: Symbol,
    /// `size`
    pub size: Symbol,
    /// `length`
    pub length: Symbol,
    /// `char_at`
    pub char_at: Symbol,
    /// `append`
    pub append: Symbol,
}

/// A machine.
#[repr(C)] // hot fields first: 8-bit displacements
pub struct Vm {
    /// Loop rounds and calls until the next visit of the interrupt handler.
    pub budget: i64,
    /// Highest base a call may use.
    pub limit: *mut Value,
    /// What handlers return when the program leaves. Loaded from here because a handler that
    /// returns a constant has its arguments stripped and its callers' jmp turned into a call.
    pub exit_code: u64,
    /// True once some class defines `==`: only then do comparisons look for it.
    pub any_eq: bool,
    /// The running generator, or null on the main fiber.
    pub generator: *mut Generator,
    /// Where the trampoline goes on.
    #[cfg(any(debug_assertions, feature = "trampoline"))]
    pub resume: interp::Resume,
    /// Frame and instruction of the slow path that runs now: for positions and marking.
    pub base: *mut Value,
    /// See `base`.
    pub pc: *const u64,
    /// The heap.
    pub heap: Heap,
    /// Interned names.
    pub symbols: Symbols,
    /// The main fiber.
    pub main: Fiber,
    /// Stacks of finished generators, to use again.
    pub spare: Vec<Box<Fiber>>,
    /// The exception being raised.
    pub raised: Value,
    /// `$ex`
    pub ex: Value,
    /// What a generator gives, on its way to an instruction other than `IterNext`.
    pub passing: Value,
    /// The generator that gives `passing`.
    pub passed_by: *mut Generator,
    /// Function that the VM calls instead of the native that asked for it.
    pub redirect: Option<Value>,
    /// Functions of the prelude by name, once one was asked for.
    pub prelude: Option<crate::prelude::Prelude>,
    /// Who is told of each instruction; nobody in ordinary runs.
    pub observers: Vec<Box<dyn Observer>>,
    /// Programs that stand while other code runs; the last one stood last.
    pub asides: Vec<Aside>,
    /// Values that somebody looks at while the program stands.
    pub pinned: Vec<Value>,
    /// Set when nothing may catch what is being raised.
    pub fatal: Option<Fatal>,
    /// Told what the collector does, if somebody wants to know.
    pub gc_log: Option<GcLog>,
    /// Return addresses of the frames at an uncaught raise.
    pub backtrace: Vec<*const u64>,
    /// Set from outside to end what runs, soon after; see [`Fatal::Interrupted`].
    pub interrupt: Option<Arc<AtomicBool>>,
    /// It was.
    interrupted: bool,
    /// The message being raised ends with its place.
    pub place_wanted: bool,
    /// The exception that frames are being left for, from its raise to the `catch` that takes it.
    pub unwinding: Value,
    /// The program's result.
    pub result: Value,
    /// Names of the runtime.
    pub names: Names,
    /// Loaded images; the last is the program.
    pub images: Vec<*mut Image>,
    /// Built-in classes made so far.
    pub classes: [*mut Class; Builtin::ALL.len()],
    /// Built-in globals made so far, and members of the global namespace that programs set.
    pub globals: NameMap<Symbol, Value>,
    /// Key names of calls and map literals, by index.
    pub keys: Vec<&'static [Symbol]>,
    /// Strings of key names, parallel to `keys`.
    pub key_strings: Vec<Vec<Value>>,
    /// Type checks, by index.
    pub checks: Vec<&'static TypeCheck>,
    /// Permanent string of each symbol, made when asked for.
    pub symbol_strings: Vec<Value>,
    /// Closure of the VM's bridge frames.
    pub bridge: Value,
    /// Standard output, buffered.
    pub out: std::io::BufWriter<std::io::Stdout>,
    /// Steps left beyond the current slice.
    pub steps_left: u64,
    /// Options.
    pub options: Options,
    /// Exit code asked for by `exit`.
    pub exit_request: Option<i32>,
    /// State of the random numbers.
    pub random: u64,
    /// Compiles data that the program evaluates, if the host has given one.
    pub evaluator: Option<Box<dyn Evaluator>>,
    /// What it has made.
    pub functions: Functions,
}

impl Vm {
    /// A machine without a program.
    pub fn new(options: Options) -> Box<Vm> {
        let mut symbols = Symbols::default();
        let names = Names {
            message: symbols.intern("message"),
            cause: symbols.intern("cause"),
            place: symbols.intern("\0place"),
            eq: symbols.intern("=="),
            call: symbols.intern("call"),
            ctor: symbols.intern("ctor"),
            get: symbols.intern("get"),
            push: symbols.intern("push"),
            add: symbols.intern("add"),
            size: symbols.intern("size"),
            length: symbols.intern("length"),
            char_at: symbols.intern("char_at"),
            append: symbols.intern("append"),
        };
        let main = Fiber::new(MAIN_SLOTS);
        let mut vm = Box::new(Vm {
            budget: 0,
            limit: main.limit(),
            exit_code: 1,
            any_eq: false,
            generator: std::ptr::null_mut(),
            #[cfg(any(debug_assertions, feature = "trampoline"))]
            resume: interp::Resume::default(),
            base: std::ptr::null_mut(),
            pc: std::ptr::null(),
            heap: Heap::new(options.max_memory, options.gc_stress),
            symbols,
            main,
            spare: Vec::new(),
            raised: Value::NIL,
            ex: Value::NIL,
            passing: Value::NIL,
            passed_by: std::ptr::null_mut(),
            redirect: None,
            prelude: None,
            observers: options.watch.observers(),
            asides: Vec::new(),
            pinned: Vec::new(),
            fatal: None,
            gc_log: options.watch.gc_log(options.gc_stats),
            backtrace: Vec::new(),
            interrupt: None,
            interrupted: false,
            place_wanted: false,
            unwinding: Value::UNDEF,
            result: Value::NIL,
            names,
            images: Vec::new(),
            classes: [std::ptr::null_mut(); Builtin::ALL.len()],
            globals: NameMap::default(),
            keys: Vec::new(),
            key_strings: Vec::new(),
            checks: Vec::new(),
            symbol_strings: Vec::new(),
            bridge: Value::NIL,
            out: std::io::BufWriter::with_capacity(32 << 10, std::io::stdout()),
            steps_left: options.max_steps,
            options,
            exit_request: None,
            random: 0,
            evaluator: None,
            functions: Functions::default(),
        });
        vm.refill_budget();
        vm.bridge = vm.make_bridge();
        vm
    }

    fn make_bridge(&mut self) -> Value {
        let proto = Box::leak(Box::new(Proto {
            image: std::ptr::null(),
            id: gene_format::program::FuncId(u32::MAX),
            code: std::cell::Cell::new(crate::program::BRIDGE_STUB.as_ptr()),
            len: 0,
            k: std::ptr::null_mut(),
            frame_size: interp::BRIDGE_FRAME as u32,
            arity: u32::MAX,
            name: Default::default(),
            module: Default::default(),
            kind: Default::default(),
            generator: false,
            is_async: false,
            params: Box::default(),
            captures: Box::default(),
            handlers: Box::default(),
            signature: std::cell::OnceCell::new(),
        }));
        self.closure(proto, &[])
    }

    /// Ends the program because it gets no further steps.
    #[cold]
    pub fn end_of_steps(&mut self) -> Raised {
        let how = match std::mem::take(&mut self.interrupted) {
            true => Fatal::Interrupted,
            false => Fatal::Steps,
        };
        self.end(how)
    }

    /// Gives the next slice of steps; false if none are left, or somebody wants it to stop.
    pub fn refill_budget(&mut self) -> bool {
        if let Some(interrupt) = &self.interrupt
            && interrupt.swap(false, Ordering::Relaxed)
        {
            self.interrupted = true;
            return false;
        }
        let slice = self.steps_left.min(SLICE as u64);
        if self.steps_left != u64::MAX {
            self.steps_left -= slice;
        }
        self.budget = slice as i64;
        slice > 0
    }

    /// The images of the program: not the library's.
    pub fn program_images(&self) -> impl std::iter::Iterator<Item = &Image> {
        let library = self.prelude.as_ref().map(|prelude| prelude.image);
        let images = self.images.iter().filter(move |&&i| Some(i) != library);
        // SAFETY: images are never freed; shared access to the machine excludes changes
        images.map(|&image| unsafe { &*image })
    }

    /// Adds an image. The last one added is the program.
    pub fn add_image(&mut self, image: Box<Image>) -> ImageRef {
        let image = Box::into_raw(image);
        self.images.push(image);
        ImageRef(image)
    }

    /// Adds an image whose imports, by their indices, are these images of the machine.
    pub fn add_linked_image(&mut self, mut image: Box<Image>, imports: &[ImageRef]) -> ImageRef {
        image.imports = imports.iter().map(|import| import.0).collect();
        self.add_image(image)
    }

    /// Makes the main module of an image a further piece of that of another: both share the
    /// namespace, in which such pieces keep their variables.
    pub fn continue_module(&mut self, of: ImageRef, image: ImageRef) {
        // SAFETY: images are never freed, and no reference to either is held here
        unsafe {
            let last = (*of.0).view.modules().len().saturating_sub(1);
            let namespace = self.namespace_of(of.0, last);
            let image = &mut *image.0;
            let last = image.view.modules().len().saturating_sub(1);
            image.share_namespace(last, namespace);
        }
    }

    /// Adds an image that was made of data; gives its function, which runs in the module of this
    /// namespace.
    ///
    /// # Errors
    /// The image is not what an evaluator makes.
    pub fn evaluated_function(
        &mut self,
        image: &[u8],
        function: FuncId,
        namespace: Value,
    ) -> Result<*const Proto, Raised> {
        let image = self.corrupt(Image::load("<eval>", Mapping::copy(image)))?;
        let image = self.add_image(image);
        // SAFETY: images are never freed, and no reference to this one is held here
        let proto = unsafe {
            (*image.0).share_namespace(0, namespace);
            (*image.0).proto(self, function)?
        };
        // SAFETY: protos are never freed
        match unsafe { &*proto }.captures.len() {
            1 => Ok(proto),
            n => Err(self.corrupt_text(&format!("evaluated code captures {n} values, not 1"))),
        }
    }

    /// A closure of evaluated code. It has the class of the method that called the running native,
    /// for `super`.
    pub fn evaluated_closure(&mut self, proto: *const Proto, values: Value) -> Value {
        let made = self.closure(proto, &[values]);
        // SAFETY: `base` is the frame that called the native, whose closure is live, and `made` is
        // a closure that nothing else knows yet
        unsafe {
            let closure: *mut Closure = made.as_obj().cast();
            (*closure).home = (*frame::closure(self.base)).home;
        }
        made
    }

    /// The namespace of the module whose code called the running native.
    pub fn running_namespace(&mut self) -> Value {
        let base = self.base;
        // SAFETY: `base` is the frame that called the native
        let image = unsafe { (*(*frame::closure(base)).proto).image };
        if image.is_null() {
            // A frame of the machine itself, which belongs to no module.
            let name = self.symbols.intern("eval");
            return self.namespace(name, std::ptr::null_mut());
        }
        // SAFETY: as above, and it is a frame of image code
        unsafe { self.module_namespace(base) }
    }

    /// Runs the bodies of an image's modules in order.
    ///
    /// # Errors
    /// The exception is in `raised` (see [`crate::errors`]); `fatal` tells of an end that no
    /// program may catch.
    pub fn run_image(&mut self, image: ImageRef) -> Result<Value, Raised> {
        let image = image.0;
        // SAFETY: images are never freed
        let modules = unsafe { (*image).view.modules() };
        let mut result = Value::NIL;
        for module in modules {
            result = self.run_module(image, module.init)?;
        }
        Ok(result)
    }

    /// Runs the body of an image's last module, the main one.
    ///
    /// # Errors
    /// As `run_image`.
    pub fn run_main(&mut self, image: ImageRef) -> Result<Value, Raised> {
        let image = image.0;
        // SAFETY: images are never freed
        match unsafe { (*image).view.modules() }.into_iter().last() {
            Some(module) => self.run_module(image, module.init),
            None => Ok(Value::NIL),
        }
    }

    fn run_module(&mut self, image: *mut Image, init: FuncId) -> Result<Value, Raised> {
        // SAFETY: images are never freed
        let proto = unsafe { (*image).proto(self, init)? };
        let init = self.closure(proto, &[]);
        self.run_closure(init)
    }

    /// Calls a closure without arguments on the empty main fiber.
    ///
    /// # Errors
    /// As `run_image`.
    pub fn run_closure(&mut self, function: Value) -> Result<Value, Raised> {
        self.run_closure_with(function, &[])
    }

    /// Calls a closure with as many arguments as it has slots for on the empty main fiber.
    ///
    /// # Errors
    /// As `run_image`.
    pub fn run_closure_with(&mut self, function: Value, args: &[Value]) -> Result<Value, Raised> {
        assert!(function.is(Kind::Closure) && self.generator.is_null());
        self.fatal = None;
        self.backtrace.clear();
        self.unwinding = Value::UNDEF;
        // SAFETY: the main stack is empty and has room for a first frame; the closure's code
        // is verified or the prepare stub
        unsafe {
            let closure: *mut Closure = function.as_obj().cast();
            let base = self.main.bottom().add(HEADER);
            *base.sub(HEADER) = function;
            let slots = ((*(*closure).proto).frame_size as usize).min(frame::GUARD);
            for (slot, &arg) in args.iter().enumerate().take(slots) {
                *base.add(slot) = arg;
            }
            frame::link(base, std::ptr::null_mut(), HALT_STUB.as_ptr());
            self.raised = Value::UNDEF;
            interp::run(self, (*closure).code, base, (*closure).k);
        }
        if self.raised == Value::UNDEF {
            Ok(self.result)
        } else {
            Err(Raised)
        }
    }

    /// The fiber that runs now.
    pub fn fiber(&mut self) -> &mut Fiber {
        if self.generator.is_null() {
            return &mut self.main;
        }
        // SAFETY: the running generator is live and has its fiber
        unsafe { (*self.generator).fiber.as_mut() }.expect("a running generator has a fiber")
    }

    /// Makes room for a frame of `slots` at `base`; returns the frame's new base. `frame` is the
    /// innermost linked frame, which moves along.
    ///
    /// # Errors
    /// Stack overflow, as an exception.
    ///
    /// # Safety
    /// `frame` is the innermost frame of the running fiber and `base` lies in its stack or zone.
    pub unsafe fn grow_stack(
        &mut self,
        frame_base: *mut Value,
        base: *mut Value,
        slots: usize,
    ) -> Result<(*mut Value, *mut Value), Raised> {
        // SAFETY: by the contract
        unsafe {
            let mut depth = 0;
            let mut p = frame_base;
            while !p.is_null() {
                depth += 1;
                p = frame::caller(p);
            }
            let bottom = self.fiber().bottom();
            let used = base.offset_from(bottom) as usize;
            let need = used + slots + ZONE;
            let bytes = need * 2 * size_of::<Value>();
            if depth >= self.options.max_depth || self.heap.would_exceed(bytes) {
                return Err(self.overflow(frame_base, depth));
            }
            let fiber = self.fiber();
            if need <= fiber.slots() && base <= fiber.limit() {
                return Ok((frame_base, base));
            }
            let moved = fiber.grow(need, frame_base);
            let limit = fiber.limit();
            let new_bottom = fiber.bottom();
            self.limit = limit;
            Ok((moved, new_bottom.add(used)))
        }
    }

    /// Does a step of a collection, or starts one.
    ///
    /// # Safety
    /// `base` is the innermost frame of the running fiber.
    pub unsafe fn collect_some(&mut self, base: *mut Value) {
        if self.gc_log.is_none() {
            // SAFETY: by the contract
            return unsafe { self.step(base) };
        }
        let step = GcLog::begin(&self.heap);
        // SAFETY: by the contract
        unsafe { self.step(base) };
        self.log_step(&step, false);
    }

    /// Collects everything that is not reachable now.
    ///
    /// # Safety
    /// `base` is the innermost frame of the running fiber.
    pub unsafe fn collect_all(&mut self, base: *mut Value) {
        let step = self.gc_log.is_some().then(|| GcLog::begin(&self.heap));
        // SAFETY: by the contract
        unsafe { self.collect_at_once(base) };
        if let Some(step) = step {
            self.log_step(&step, true);
        }
    }

    fn log_step(&mut self, step: &Step, full: bool) {
        if let Some(log) = &mut self.gc_log {
            log.end(step, &self.heap, full);
        }
    }

    /// # Safety
    /// As `collect_some`.
    unsafe fn step(&mut self, base: *mut Value) {
        // SAFETY: by the contract
        unsafe {
            // In stress mode every other collection is done at once, the others in tiny steps.
            let at_once = self.options.gc_stress && self.heap.collections.is_multiple_of(2);
            if at_once && !self.heap.marking {
                return self.collect_at_once(base);
            }
            let fresh = !self.heap.marking;
            if fresh {
                if !self.heap.sweep_some() {
                    return self.heap.wait_for_step();
                }
                self.heap.start_marking();
                self.mark_roots(base);
            }
            let late = self.heap.is_late();
            if self.heap.mark_some(late) {
                if fresh {
                    return self.finish_collection(base);
                }
                self.mark_roots(base);
                let last = self.heap.is_last_remark() || late;
                if self.heap.mark_some(last) {
                    return self.finish_collection(base);
                }
            }
            self.heap.wait_for_step();
        }
    }

    /// # Safety
    /// As `collect_all`.
    unsafe fn collect_at_once(&mut self, base: *mut Value) {
        // SAFETY: by the contract
        unsafe {
            if self.heap.marking {
                self.mark_roots(base);
                self.heap.is_last_remark();
                self.heap.mark_some(true);
                self.finish_collection(base);
            }
            while !self.heap.sweep_some() {}
            self.heap.start_marking();
            self.mark_roots(base);
            self.heap.mark_some(true);
            self.finish_collection(base);
        }
    }

    /// Ends a collection: everything reachable is marked.
    ///
    /// # Safety
    /// As `collect_all`.
    unsafe fn finish_collection(&mut self, base: *mut Value) {
        // SAFETY: by the contract
        unsafe {
            if self.options.gc_stress && self.heap.start_checking() {
                self.mark_roots(base);
                self.heap.mark_some(true);
            }
            let fiber: *mut Fiber = self.fiber();
            let top = self.top(base);
            (*fiber).clear_above(top);
            let stack = top.offset_from((*fiber).bottom()) as usize * size_of::<Value>();
            self.heap.finish_marking(stack);
        }
        for fiber in &mut self.spare {
            let bottom = fiber.bottom();
            // SAFETY: nothing on a spare stack is in use
            unsafe { fiber.clear_above(bottom) };
        }
    }

    /// The end of the running fiber's innermost frame, or of its stack: a large frame that was
    /// just entered has not grown it yet.
    ///
    /// # Safety
    /// As `collect_all`.
    unsafe fn top(&mut self, base: *mut Value) -> *mut Value {
        let end = self.fiber().end();
        // SAFETY: by the contract
        unsafe { frame::top(base).min(end) }
    }

    /// # Safety
    /// The words lie in one stack.
    unsafe fn mark_words(&mut self, from: *mut Value, to: *mut Value) {
        let mut p = from;
        while p < to {
            // SAFETY: by the contract; every stack word is a value or reads as a double
            unsafe {
                self.heap.mark(*p);
                p = p.add(1);
            }
        }
    }

    /// Marks everything alive that is not inside another object.
    ///
    /// # Safety
    /// As `collect_all`.
    unsafe fn mark_roots(&mut self, base: *mut Value) {
        // SAFETY: by the contract
        unsafe {
            self.fiber().base = base;
            let (bottom, top) = (self.fiber().bottom(), self.top(base));
            self.mark_words(bottom, top);
            // The fibers that wait for the running one are not suspended as far as `Generator`
            // is concerned, so they are marked here.
            let mut generator = self.generator;
            while !generator.is_null() {
                self.heap.mark(Value::obj(generator));
                self.heap.note_resumed(generator);
                let Some(fiber) = (*generator).fiber.as_mut() else {
                    break;
                };
                if generator != self.generator {
                    self.heap.mark_fiber(fiber);
                }
                generator = fiber.parent;
            }
            if !self.generator.is_null() {
                let main: *mut Fiber = &mut self.main;
                self.heap.mark_fiber(&mut *main);
            }
        }
        if !(self.asides.is_empty() && self.pinned.is_empty()) {
            self.mark_asides();
        }
        self.heap.mark_shapes();
        for &image in &self.images {
            // SAFETY: images are never freed. Caches read as doubles or hold live closures, so
            // the whole table is scanned.
            let image = unsafe { &*image };
            for &word in image.table() {
                self.heap.mark(word);
            }
            for &ns in &image.namespaces {
                self.heap.mark(ns);
            }
        }
        for v in [
            self.raised,
            self.unwinding,
            self.ex,
            self.result,
            self.bridge,
            self.passing,
        ] {
            self.heap.mark(v);
        }
        for &v in self.globals.values() {
            self.heap.mark(v);
        }
        for &v in self
            .symbol_strings
            .iter()
            .chain(self.key_strings.iter().flatten())
        {
            self.heap.mark(v);
        }
        for &class in self.classes.iter().filter(|c| !c.is_null()) {
            self.heap.mark(Value::obj(class));
        }
    }

    /// Any integer.
    #[inline(always)]
    pub fn int(&mut self, n: i64) -> Value {
        if fits_int(n) {
            Value::small_int(n)
        } else {
            self.big_int(n)
        }
    }

    #[cold]
    fn big_int(&mut self, value: i64) -> Value {
        Value::obj(
            self.heap
                .place(Kind::BigInt, 0, |header| BigInt { header, value }),
        )
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// What the system says.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

//! Running code while a program stands: on a stack of its own, so that what it raises ends there.
#![allow(unsafe_code)]

use super::observe::At;
use super::*;
use crate::errors::Fatal;
use crate::evaluate::{Scope, Variable, compiled_text};
use crate::fiber::Fiber;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Slots of the first stack of such code.
const SLOTS: usize = 4096;

/// The state of a program that stands while other code runs.
pub struct Aside {
    main: Fiber,
    generator: *mut Generator,
    passed_by: *mut Generator,
    limit: *mut Value,
    base: *mut Value,
    pc: *const u64,
    redirect: Option<Value>,
    /// `raised`, `unwinding`, `ex`, `passing`, `result`
    values: [Value; 5],
    fatal: Option<Fatal>,
    backtrace: Vec<*const u64>,
    place_wanted: bool,
}

impl Vm {
    /// Marks what programs that stand keep alive.
    pub fn mark_asides(&mut self) {
        let mut asides = std::mem::take(&mut self.asides);
        for aside in &mut asides {
            for &value in aside.values.iter().chain(&aside.redirect) {
                self.heap.mark(value);
            }
            self.heap.mark_fiber(&mut aside.main);
            let mut generator = aside.generator;
            while !generator.is_null() {
                self.heap.mark(Value::obj(generator));
                // SAFETY: a generator that runs is live and has its fiber, whose state is saved
                let fiber = unsafe {
                    self.heap.note_resumed(generator);
                    (*generator).fiber.as_mut()
                };
                let Some(fiber) = fiber else {
                    break;
                };
                self.heap.mark_fiber(fiber);
                generator = fiber.parent;
            }
        }
        self.asides = asides;
        for at in 0..self.pinned.len() {
            self.heap.mark(self.pinned[at]);
        }
    }
}

/// A name for the value of `self`.
const SELF: &str = "itself";

impl Vm {
    /// Evaluates a text in a module, on the empty main stack; `locals` describe variables of the
    /// code around, as the scopes of evaluated code do.
    fn evaluate_aside(
        &mut self,
        text: &str,
        values: &[Value],
        namespace: Value,
        locals: &[Value],
    ) -> Result<Value, String> {
        let variable = || Variable {
            name: "self".to_owned(),
            ..Variable::default()
        };
        let scope = Scope {
            module: namespace.bits(),
            locals: locals.iter().map(|_| variable()).collect(),
            values: values.len() as u32,
            ..Scope::default()
        };
        let proto = self.text_function(text, scope, namespace)?;
        let values = self.array(values.to_vec());
        let closure = self.closure(proto, &[values]);
        let mut scope = vec![namespace, Value::NIL, Value::NIL];
        scope.extend(locals);
        let scope = self.array(scope);
        let result = self.run_closure_with(closure, &[Value::NIL, scope]);
        match (result, self.fatal.clone()) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(Fatal::Interrupted)) => Err("interrupted".to_owned()),
            (Err(_), Some(Fatal::Exit(_))) => Err("it would end the program".to_owned()),
            (Err(_), Some(Fatal::Steps)) => Err("the step limit is used up".to_owned()),
            (Err(_), Some(Fatal::Corrupt(text) | Fatal::Panic(text))) => Err(text),
            (Err(_), None) => Err(self.message_of(self.raised)),
        }
    }
}

impl At<'_> {
    /// Evaluates a text that may name these variables, in the module of a frame. The value is kept
    /// alive until the program goes on (`Vm::pinned`). The flag ends what takes too long.
    ///
    /// # Errors
    /// What is wrong with the text, or what it raised.
    pub fn evaluate(
        &mut self,
        frame: usize,
        text: &str,
        variables: &[(String, Value)],
        interrupt: Option<&Arc<AtomicBool>>,
    ) -> Result<Value, String> {
        let base = match self.frames().nth(frame) {
            Some(frame) => frame.base(),
            None => return Err("there is no such frame".to_owned()),
        };
        // SAFETY: a frame of image code
        let namespace = unsafe { self.vm.module_namespace(base) };
        // No parameter may be called self: it is a variable of the code around.
        let (selves, others): (Vec<_>, Vec<_>) =
            variables.iter().partition(|(name, _)| name == "self");
        let names = others.iter().map(|(name, _)| name.as_str());
        let text = compiled_text(text, names);
        let values: Vec<Value> = others.iter().map(|(_, value)| *value).collect();
        self.vm.pinned.extend(&values);
        let saved = self.leave();
        if let Some(flag) = interrupt {
            flag.store(false, Ordering::Relaxed); // meant for something that is over
        }
        self.vm.interrupt = interrupt.cloned();
        let vm = &mut *self.vm;
        let mut scope = Vec::new();
        let mut result = Ok(Value::NIL);
        if let [(_, itself)] = selves.as_slice() {
            // a function that gives it
            let text = compiled_text(&format!("(fn [] {SELF})"), [SELF].into_iter());
            result = vm.evaluate_aside(&text, &[*itself], namespace, &[]);
            if let Ok(getter) = result {
                let name = vm.str("self");
                scope.push(vm.array(vec![name, getter, Value::NIL]));
            }
        }
        let result = result.and_then(|_| vm.evaluate_aside(&text, &values, namespace, &scope));
        let _ = vm.flush(); // what cannot be written shows at the program's end
        self.come_back(saved);
        if let Ok(value) = result {
            self.vm.pinned.push(value);
        }
        result
    }

    /// Saves the program's state.
    fn leave(&mut self) -> Option<Arc<AtomicBool>> {
        let frame = self.frame();
        let (base, pc) = (frame.base(), frame.after());
        // SAFETY: the frame is linked and has its closure
        let k = unsafe { (*frame::closure(base)).k };
        let vm = &mut *self.vm;
        let fiber = vm.fiber();
        fiber.base = base;
        fiber.pc = pc;
        fiber.k = k;
        let main = std::mem::replace(&mut vm.main, Fiber::new(SLOTS));
        let aside = Aside {
            main,
            generator: std::mem::replace(&mut vm.generator, std::ptr::null_mut()),
            passed_by: vm.passed_by,
            limit: vm.limit,
            base: vm.base,
            pc: vm.pc,
            redirect: vm.redirect.take(),
            values: [vm.raised, vm.unwinding, vm.ex, vm.passing, vm.result],
            fatal: vm.fatal.take(),
            backtrace: std::mem::take(&mut vm.backtrace),
            place_wanted: std::mem::take(&mut vm.place_wanted),
        };
        vm.asides.push(aside);
        vm.limit = vm.main.limit();
        vm.interrupt.take()
    }

    /// Restores it.
    fn come_back(&mut self, interrupt: Option<Arc<AtomicBool>>) {
        let vm = &mut *self.vm;
        let aside = vm.asides.pop().expect("what `leave` pushed");
        vm.interrupt = interrupt;
        vm.main = aside.main;
        vm.generator = aside.generator;
        vm.passed_by = aside.passed_by;
        vm.limit = aside.limit;
        vm.base = aside.base;
        vm.pc = aside.pc;
        vm.redirect = aside.redirect;
        [vm.raised, vm.unwinding, vm.ex, vm.passing, vm.result] = aside.values;
        vm.fatal = aside.fatal;
        vm.backtrace = aside.backtrace;
        vm.place_wanted = aside.place_wanted;
    }
}

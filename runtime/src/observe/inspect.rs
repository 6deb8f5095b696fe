//! Looking into a program that stands: its variables and their parts.

use super::{At, Frame, brief};
use crate::heap::object::Kind;
use crate::heap_view as view;
use crate::program::Image;
use crate::value::Value;
use crate::vm::Vm;
use gene_format::image::FuncView;
use gene_format::ops::{Insn, Op, Operand};
use gene_format::program::{Capture, FuncId, ModuleId, StrId, TableEntry, TableId};
use gene_format::text::{FormKind, read_one, write_form};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Where a variable is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Home {
    Slot(usize),
    Capture,
    Global(usize),
}

/// A variable of a program that stands.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; nothing before it gets one.
    pub value: Option<Value>,
    /// What holds it: a cell, if closures share it.
    holder: Value,
    home: Home,
}

impl Variable {
    fn new(name: String, holder: Value, home: Home) -> Variable {
        let value = match view::cell(holder) {
            Some(cell) => cell.value,
            None => holder,
        };
        Variable {
            name,
            value: Some(value).filter(|&value| value != Value::UNDEF),
            holder,
            home,
        }
    }

    /// Its value in one line.
    pub fn show(&self, vm: &Vm, most: usize) -> String {
        match self.value {
            Some(value) => brief(vm, value, most),
            None => "(no value yet)".to_owned(),
        }
    }
}

/// True if an instruction before `index` writes the slot.
fn is_written(image: &Image, func: &FuncView, slot: u16, index: u32) -> bool {
    let code = image.view.code(func).unwrap_or_default();
    code.iter().take(index as usize).any(|&word| {
        let Some(insn) = Insn::decode(word) else {
            return false;
        };
        let [_, a, b, _] = insn.op.info().operands;
        let is = |kind: Operand, first: u16| match kind {
            Operand::Write | Operand::Update | Operand::Window => first == slot,
            Operand::Write2 | Operand::Update2 => first == slot || first + 1 == slot,
            _ => false,
        };
        is(a, insn.a) || is(b, insn.b)
    })
}

/// Name of a capture: that of the slot in the function that makes the closure.
fn capture_name(image: &Image, id: FuncId, capture: Capture, depth: u32) -> Option<String> {
    let maker = (0..image.view.func_count() as u32)
        .map(FuncId)
        .find(|&maker| {
            let func = image.view.func(maker);
            let code = func
                .and_then(|func| image.view.code(&func))
                .unwrap_or_default();
            code.iter().any(|&word| {
                Insn::decode(word).is_some_and(|insn| insn.op == Op::Closure && insn.wide() == id.0)
            })
        })?;
    match capture {
        Capture::Slot(slot) => image.debug_view().var_name(maker, slot).map(str::to_owned),
        Capture::Outer(_) if depth > 64 => None,
        Capture::Outer(outer) => {
            let captures = image.view.captures(&image.view.func(maker).ok()?).ok()?;
            let capture = *captures.get(usize::from(outer))?;
            capture_name(image, maker, capture, depth + 1)
        }
    }
}

/// The variables of a frame: its own, then those that it captured.
pub fn locals(frame: Frame<'_>) -> Vec<Variable> {
    let Some((image, func)) = frame.function() else {
        return Vec::new();
    };
    let index = frame.index().unwrap_or(0);
    let given = frame.proto().receiver_slots() + usize::from(func.nparams);
    let mut found = Vec::new();
    for (slot, name) in image.debug_view().vars(func.id).unwrap_or_default() {
        let Ok(name) = image.view.string(name) else {
            continue;
        };
        let at = usize::from(slot);
        let has = at < frame.slots() && (at < given || is_written(image, &func, slot, index));
        let holder = if has { frame.slot(at) } else { Value::UNDEF };
        found.push(Variable::new(name.to_owned(), holder, Home::Slot(at)));
    }
    let captures = image.view.captures(&func).unwrap_or_default();
    for (capture, &holder) in captures.into_iter().zip(frame.captures()) {
        if let Some(name) = capture_name(image, func.id, capture, 0)
            && !found.iter().any(|known: &Variable| known.name == name)
        {
            found.push(Variable::new(name, holder, Home::Capture));
        }
    }
    found
}

fn name_of(entry: &TableEntry, image: &Image) -> Option<StrId> {
    match entry {
        TableEntry::Global { name, .. }
        | TableEntry::Shared { name, .. }
        | TableEntry::Import { name, .. } => Some(*name),
        TableEntry::Func(id) => Some(image.view.func(*id).ok()?.name),
        _ => None,
    }
}

/// Table words that the functions of a module name, each once.
fn words_of(image: &Image, module: ModuleId) -> Vec<usize> {
    let mut words = Vec::new();
    for id in 0..image.view.func_count() as u32 {
        let Ok(func) = image.view.func(FuncId(id)) else {
            continue;
        };
        if func.module != module {
            continue;
        }
        for &word in image.view.code(&func).unwrap_or_default() {
            let Some(insn) = Insn::decode(word) else {
                continue;
            };
            let [_, _, b, c] = insn.op.info().operands;
            let offset = match (b, c) {
                (Operand::Value32 | Operand::Global32, _) => insn.wide() as usize,
                (_, Operand::Value | Operand::Global | Operand::Callee) => usize::from(insn.c),
                _ => continue,
            };
            words.push(func.window.index() + offset);
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

/// The variables of a frame's module, by name. Those that no code uses have no place and are left
/// out.
pub fn globals(frame: Frame<'_>, vm: &Vm) -> Vec<Variable> {
    let Some((image, func)) = frame.function() else {
        return Vec::new();
    };
    let mut found: Vec<Variable> = Vec::new();
    for word in words_of(image, func.module) {
        let Ok(entry) = image.view.table_entry(TableId(word as u32)) else {
            continue;
        };
        if let Some(name) = name_of(&entry, image)
            && let Ok(name) = image.view.string(name)
            && !name.is_empty()
        {
            let holder = match image.is_made(word) {
                true => image.table()[word],
                false => Value::UNDEF,
            };
            found.push(Variable::new(name.to_owned(), holder, Home::Global(word)));
        }
    }
    // What a module keeps by name, for code that is evaluated.
    let namespace = image.namespaces.get(func.module.index());
    if let Some(namespace) = namespace.and_then(|&value| view::namespace(value)) {
        for entry in namespace.members.iter() {
            if let Some(name) = vm.name_text(entry.key) {
                let name = name.to_owned();
                found.push(Variable::new(name, entry.value, Home::Capture));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    found
}

/// The parts of a value, with their names; nothing for what has none.
pub fn parts(vm: &Vm, value: Value) -> Vec<(String, Value)> {
    let key = |key: Value| match vm.name_text(key) {
        Some(text) => text.to_owned(),
        None => brief(vm, key, 40),
    };
    match value.kind() {
        Some(Kind::Array) => {
            let items = view::array(value).map_or(&[][..], |array| array.items.as_slice());
            let parts = items.iter().enumerate();
            parts
                .map(|(index, item)| (index.to_string(), *item))
                .collect()
        }
        Some(Kind::Map) => {
            let table = view::map(value).map(|map| &map.table);
            let entries = table.into_iter().flat_map(|table| table.iter());
            entries.map(|entry| (key(entry.key), entry.value)).collect()
        }
        Some(Kind::HashMap | Kind::HashSet) => {
            let map = view::hash_map(value).or_else(|| view::hash_set(value));
            let entries = map.into_iter().flat_map(|map| map.table.iter());
            entries.map(|entry| (key(entry.key), entry.value)).collect()
        }
        Some(Kind::Gene) => {
            let Some(gene) = view::gene(value) else {
                return Vec::new();
            };
            let mut parts = vec![("type".to_owned(), gene.head)];
            parts.extend(gene.props.iter().map(|prop| (key(prop.key), prop.value)));
            let children = gene.children.iter().enumerate();
            parts.extend(children.map(|(index, child)| (index.to_string(), *child)));
            parts
        }
        Some(Kind::Namespace) => {
            let members = view::namespace(value).into_iter();
            let members = members.flat_map(|namespace| namespace.members.iter());
            members.map(|entry| (key(entry.key), entry.value)).collect()
        }
        Some(Kind::Instance) => instance_parts(vm, value),
        _ => Vec::new(),
    }
}

fn instance_parts(vm: &Vm, value: Value) -> Vec<(String, Value)> {
    let Some(instance) = view::instance(value) else {
        return Vec::new();
    };
    let fields = vm.heap.shapes.get(instance.header.shape).fields.clone();
    let named = fields.into_iter().filter_map(|field| {
        let name = vm.symbols.text(field);
        // fields that programs cannot name
        let value = vm
            .get_field(value, field)
            .filter(|_| !name.starts_with('\0'))?;
        Some((name.to_owned(), value))
    });
    named.collect()
}

/// The words of a text that may be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |c: char| c.is_whitespace() || "()[]{}\"'`/^%,;#".contains(c);
    text.split(is_end).map(|word| word.trim_start_matches('.'))
}

/// The variables that a text may mean in a frame, the nearest of each name.
fn meant(at: &At<'_>, frame: usize, text: &str) -> Vec<Variable> {
    let Some(frame) = at.frames().nth(frame) else {
        return Vec::new();
    };
    let used: Vec<&str> = words(text).collect();
    let mut found: Vec<Variable> = Vec::new();
    for variable in locals(frame).into_iter().chain(globals(frame, at.vm)) {
        let name = variable.name.as_str();
        let is_meant = used.contains(&name) || name == "self" && text.contains('/');
        if is_meant && !found.iter().any(|known| known.name == name) {
            found.push(variable);
        }
    }
    found
}

/// Evaluates a text in a frame, counted from the innermost one. `(x = …)` assigns a variable.
///
/// # Errors
/// What is wrong with it, or what it raised.
pub fn evaluate(
    at: &mut At<'_>,
    frame: usize,
    text: &str,
    interrupt: Option<&Arc<AtomicBool>>,
) -> Result<Value, String> {
    let (form, used) = read_one(text.as_bytes()).map_err(|error| error.to_string())?;
    if !text[used..].trim().is_empty() {
        return Err(format!(
            "one expression, please: `{}` follows",
            text[used..].trim()
        ));
    }
    if let FormKind::Gene(gene) = &form.kind
        && let FormKind::Symbol(name) = &gene.head.kind
        && let [operator, value] = &*gene.children
        && operator.kind == FormKind::Symbol("=".into())
    {
        let name = name.to_string();
        return assign(at, frame, &name, &write_form(value), interrupt);
    }
    value_of(at, frame, text, interrupt)
}

fn value_of(
    at: &mut At<'_>,
    frame: usize,
    text: &str,
    interrupt: Option<&Arc<AtomicBool>>,
) -> Result<Value, String> {
    let mut variables = Vec::new();
    for variable in meant(at, frame, text) {
        match variable.value {
            Some(value) => variables.push((variable.name, value)),
            None if variable.name == text.trim() => {
                return Err(format!("{} has no value yet", variable.name));
            }
            None => {}
        }
    }
    for word in words(text).filter(|word| !word.is_empty()) {
        if !variables.iter().any(|(name, _)| name == word)
            && let Some(function) = at.function(frame, word)
        {
            variables.push((word.to_owned(), function));
        }
    }
    at.evaluate(frame, text, &variables, interrupt)
}

/// Gives a variable a new value.
///
/// # Errors
/// There is no such variable, or no such value.
pub fn assign(
    at: &mut At<'_>,
    frame: usize,
    name: &str,
    text: &str,
    interrupt: Option<&Arc<AtomicBool>>,
) -> Result<Value, String> {
    let Some(variable) = meant(at, frame, name).into_iter().next() else {
        return Err(format!("there is no variable {name} here"));
    };
    let value = value_of(at, frame, text, interrupt)?;
    if let Some(cell) = at.vm.heap.cell_mut(variable.holder) {
        cell.value = value;
        return Ok(value);
    }
    match variable.home {
        Home::Slot(slot) if variable.value.is_some() => at.set_slot(frame, slot, value),
        Home::Global(word) if at.set_global(frame, word, value) => {}
        _ => return Err(format!("{name} cannot be assigned here")),
    }
    Ok(value)
}

//! Evaluating data as code. The machine has no compiler: its host may give it one, as an
//! [`Evaluator`]. What it makes of a piece of data becomes a further image, whose function is
//! called in place of the built-in function that asked for it.

use crate::heap::object::{Kind, Tag};
use crate::heap::table::Table;
use crate::heap_view as view;
use crate::natives::Raised;
use crate::natives::serdes::literal;
use crate::program::Proto;
use crate::value::Value;
use crate::vm::Vm;
use gene_format::builtins::evaluated_value;
use gene_format::program::FuncId;
use gene_format::text::{
    Entries, Entry, Form, FormKind, GeneForm, Items, Span, read_one, write_form,
};
use std::collections::HashMap;

/// Compiles what programs build while they run.
pub trait Evaluator {
    /// Compiles a form, given as text.
    ///
    /// # Errors
    /// What is wrong with it, as a message for the program.
    fn compile(&mut self, text: &str, scope: &Scope) -> Result<Compiled, String>;
}

/// What evaluated code sees.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scope {
    /// Tells modules apart.
    pub module: u64,
    /// Variables of the module.
    pub names: Vec<Variable>,
    /// Variables of the functions around.
    pub locals: Vec<Variable>,
    /// Values in the data that have no spelling.
    pub values: u32,
    /// The code is part of a function.
    pub in_function: bool,
}

/// A variable that evaluated code sees.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// It can be assigned.
    pub assignable: bool,
    /// What calls of it must pass, if it is a macro.
    pub hidden: Option<Vec<String>>,
}

/// Compiled code.
#[derive(Debug)]
pub struct Compiled {
    /// An image of one module.
    pub image: Vec<u8>,
    /// Its function of the data and its scope; it captures the array of values.
    pub function: FuncId,
    /// How often compiled code has changed the meaning of names; a change makes everything that
    /// was compiled before be compiled again.
    pub changes: u64,
}

/// Functions made so far, by scope and text.
#[derive(Default)]
pub struct Functions {
    known: HashMap<(Scope, String), *const Proto>,
    changes: u64,
}

/// Deepest nesting of data that is evaluated: the reader's own limit, with room for decorators.
const MAX_NESTING: usize = gene_format::text::MAX_DEPTH - 8;

/// True for data that does not evaluate to itself.
pub fn is_code(data: Value) -> bool {
    match data.kind() {
        None => data.is_symbol(),
        Some(Kind::Gene | Kind::Path | Kind::Array | Kind::Map | Kind::HashMap) => true,
        Some(Kind::Record) => matches!(view::tag(data), Some(Tag::Quote | Tag::Unquote)),
        Some(_) => false,
    }
}

impl Vm {
    /// The function that does what the data says, in a scope (`#eval` of the compiler's
    /// intrinsics).
    ///
    /// # Errors
    /// No evaluator; what is wrong with the data.
    pub fn evaluate(&mut self, data: Value, scope: Value) -> Result<Value, Raised> {
        let Some(mut evaluator) = self.evaluator.take() else {
            let text = "eval needs a compiler at run time, which this program runs without";
            return Err(self.error(text));
        };
        let made = self.evaluated(&mut *evaluator, data, scope);
        self.evaluator = Some(evaluator);
        made
    }

    fn evaluated(
        &mut self,
        evaluator: &mut dyn Evaluator,
        data: Value,
        scope: Value,
    ) -> Result<Value, Raised> {
        let mut values = Vec::new();
        let Some(form) = self.form_of(data, &mut values, 0) else {
            return Err(self.error("code to evaluate is nested too deeply"));
        };
        let text = write_form(&form);
        let parts = view::array(scope).map_or(&[][..], |a| a.items.as_slice());
        let namespace = match parts.first() {
            Some(&namespace) if namespace.is(Kind::Namespace) => namespace,
            _ => self.running_namespace(),
        };
        let key = Scope {
            module: namespace.bits(),
            names: Vec::new(),
            locals: variables(parts.get(3..).unwrap_or(&[])),
            values: values.len() as u32,
            in_function: parts.get(2).is_some_and(|v| *v != Value::NIL),
        };
        // The module's own variables are always the same.
        let key = (key, text);
        let proto = match self.functions.known.get(&key) {
            Some(&proto) => proto,
            None => {
                let mut scope = key.0.clone();
                if let Some(names) = parts.get(1).and_then(|v| view::array(*v)) {
                    scope.names = variables(names.items.as_slice());
                }
                let proto = self.compiled(evaluator, &form, &key.1, &scope, namespace)?;
                self.functions.known.insert(key, proto);
                proto
            }
        };
        let values = self.array(values);
        Ok(self.evaluated_closure(proto, values))
    }

    /// The function that does what a text says, for somebody who looks into the program; compiled
    /// once.
    ///
    /// # Errors
    /// No evaluator; what is wrong with the text, as a message.
    pub fn text_function(
        &mut self,
        text: &str,
        scope: Scope,
        namespace: Value,
    ) -> Result<*const Proto, String> {
        let key = (scope, text.to_owned());
        if let Some(&proto) = self.functions.known.get(&key) {
            return Ok(proto);
        }
        let Some(mut evaluator) = self.evaluator.take() else {
            return Err("there is no compiler to evaluate it".to_owned());
        };
        let compiled = evaluator.compile(text, &key.0);
        self.evaluator = Some(evaluator);
        let compiled = compiled?;
        self.note_changes(&compiled);
        let made = self.evaluated_function(&compiled.image, compiled.function, namespace);
        let proto = made.map_err(|Raised| "the compiled text is damaged".to_owned())?;
        self.functions.known.insert(key, proto);
        Ok(proto)
    }

    /// Forgets what was compiled before names changed their meaning.
    fn note_changes(&mut self, compiled: &Compiled) {
        if compiled.changes != self.functions.changes {
            self.functions.changes = compiled.changes;
            self.functions.known.clear();
        }
    }

    fn compiled(
        &mut self,
        evaluator: &mut dyn Evaluator,
        form: &Form,
        text: &str,
        scope: &Scope,
        namespace: Value,
    ) -> Result<*const Proto, Raised> {
        let again = read_one(text.as_bytes());
        if !again.is_ok_and(|(again, used)| used == text.len() && again.same_data(form)) {
            return Err(self.error(&format!("cannot be evaluated: {text}")));
        }
        let compiled = match evaluator.compile(text, scope) {
            Ok(compiled) => compiled,
            Err(message) => return Err(self.error(&message)),
        };
        self.note_changes(&compiled);
        self.evaluated_function(&compiled.image, compiled.function, namespace)
    }

    /// The form that data is written as. Values without spelling are collected, and named by
    /// `evaluated_value`. `None` if it nests too deeply.
    fn form_of(&self, v: Value, values: &mut Vec<Value>, depth: usize) -> Option<Form> {
        if depth > MAX_NESTING {
            return None;
        }
        let depth = depth + 1;
        let sealed = view::is_sealed(v);
        let kind = match v.kind() {
            Some(Kind::Gene) => {
                let g = view::gene(v)?;
                FormKind::Gene(Box::new(GeneForm {
                    head: self.form_of(g.head, values, depth)?,
                    props: self.entries_of(&g.props, values, depth)?,
                    children: self.forms_of(&g.children, values, depth)?,
                    sealed,
                }))
            }
            Some(Kind::Path) => {
                let parts = view::path(v)?.parts.iter();
                FormKind::Path(parts.map(|&part| self.symbols.text(part).into()).collect())
            }
            Some(Kind::Array) => {
                let items = self.forms_of(view::array(v)?.items.as_slice(), values, depth)?;
                FormKind::Array(Items {
                    items: items.into(),
                    sealed,
                })
            }
            Some(Kind::Map) => {
                let entries = self.entries_of(&view::map(v)?.table, values, depth)?;
                FormKind::Map(Entries {
                    entries: entries.into(),
                    sealed,
                })
            }
            Some(Kind::HashMap) => {
                let mut items = Vec::new();
                for entry in view::hash_map(v)?.table.iter() {
                    items.push(self.form_of(entry.key, values, depth)?);
                    items.push(self.form_of(entry.value, values, depth)?);
                }
                FormKind::HashMap(Items {
                    items: items.into(),
                    sealed,
                })
            }
            Some(Kind::Record) => match (view::tag(v), view::record(v)?.fields.first()) {
                (Some(Tag::Quote), Some(&of)) => {
                    FormKind::Quote(Box::new(self.form_of(of, values, depth)?))
                }
                (Some(tag @ (Tag::Unquote | Tag::Discard)), Some(&of)) => FormKind::Unquote {
                    form: Box::new(self.form_of(of, values, depth)?),
                    discard: tag == Tag::Discard,
                },
                _ => named_value(v, values),
            },
            _ if v == Value::PLACEHOLDER => FormKind::Symbol("_".into()),
            _ if v == Value::NOT_FOUND => FormKind::Symbol("not_found".into()),
            _ if v.is_float() && !v.as_float().is_finite() => named_value(v, values),
            _ => match literal(self, v) {
                Some(kind) => kind,
                None => named_value(v, values),
            },
        };
        let span = Span::default();
        Some(Form { kind, span })
    }

    fn forms_of(&self, list: &[Value], values: &mut Vec<Value>, depth: usize) -> Option<Vec<Form>> {
        list.iter()
            .map(|&v| self.form_of(v, values, depth))
            .collect()
    }

    fn entries_of(
        &self,
        table: &Table,
        values: &mut Vec<Value>,
        depth: usize,
    ) -> Option<Vec<Entry>> {
        let mut list = Vec::with_capacity(table.len());
        for entry in table.iter() {
            list.push(Entry {
                key: view::text(entry.key)?.into(),
                key_span: Span::default(),
                value: self.form_of(entry.value, values, depth)?,
            });
        }
        Some(list)
    }
}

/// The text of a call that evaluates `text` with variables of these names, which get the values
/// without spelling in order.
pub fn compiled_text<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> String {
    let (mut params, mut values) = (String::new(), String::new());
    for (index, name) in (0..).zip(names) {
        params.push_str(name);
        params.push(' ');
        values.push_str(&evaluated_value(index));
        values.push(' ');
    }
    format!("((fn [{params}] {text}\n) {values})")
}

fn named_value(v: Value, values: &mut Vec<Value>) -> FormKind {
    values.push(v);
    FormKind::Symbol(evaluated_value(values.len() as u32 - 1).into())
}

/// The variables that arrays `[name getter setter hidden]` describe.
fn variables(entries: &[Value]) -> Vec<Variable> {
    let describe = |entry: &Value| {
        let parts = view::array(*entry).map_or(&[][..], |a| a.items.as_slice());
        let text = |v: &Value| view::text(*v).unwrap_or_default().to_owned();
        let hidden = parts.get(3).and_then(|v| view::array(*v));
        Variable {
            name: parts.first().map(text).unwrap_or_default(),
            assignable: parts.get(2).is_some_and(|v| *v != Value::NIL),
            hidden: hidden.map(|a| a.items.as_slice().iter().map(text).collect()),
        }
    };
    entries.iter().map(describe).collect()
}

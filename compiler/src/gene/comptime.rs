//! `comptime`: an evaluator of forms that runs before anything is lowered and emits the
//! definitions it reaches (`language/16-comptime.md`).

use super::lower::{name_text, word};
use super::resolve::Files;
use gene_format::text::{Entry, Form, FormKind, GeneForm, Span};
use std::collections::HashMap;

/// Why expansion stopped.
pub(super) struct Failure {
    pub span: Span,
    pub message: String,
}

type Outcome = Result<Form, Failure>;

/// Replaces the `comptime` forms of a module by what they emit.
pub(super) fn expand(forms: Vec<Form>, files: &mut dyn Files) -> Result<Vec<Form>, Failure> {
    if !forms.iter().any(is_comptime) {
        return Ok(forms);
    }
    let mut evaluator = Evaluator {
        variables: HashMap::new(),
        emitted: Vec::new(),
        files,
    };
    for form in forms {
        match &form.kind {
            FormKind::Gene(gene) if is_comptime(&form) => {
                evaluator.sequence(&gene.children, form.span)?;
            }
            _ => evaluator.emitted.push(form),
        }
    }
    Ok(evaluator.emitted)
}

fn is_comptime(form: &Form) -> bool {
    matches!(&form.kind, FormKind::Gene(gene) if word(&gene.head) == Some("comptime"))
}

struct Evaluator<'f> {
    variables: HashMap<String, Form>,
    emitted: Vec<Form>,
    files: &'f mut dyn Files,
}

fn fail<T>(span: Span, message: impl std::fmt::Display) -> Result<T, Failure> {
    Err(Failure {
        span,
        message: format!("comptime: {message}"),
    })
}

fn truthy(form: &Form) -> bool {
    !matches!(
        form.kind,
        FormKind::Nil | FormKind::Void | FormKind::Bool(false)
    )
}

impl Evaluator<'_> {
    fn sequence(&mut self, forms: &[Form], span: Span) -> Outcome {
        let mut value = Form {
            kind: FormKind::Nil,
            span,
        };
        for form in forms {
            value = self.eval(form)?;
        }
        Ok(value)
    }

    fn eval(&mut self, form: &Form) -> Outcome {
        let span = form.span;
        let kind = match &form.kind {
            FormKind::Symbol(name) => {
                return match self.variables.get(&**name) {
                    Some(value) => Ok(value.clone()),
                    None => fail(span, format_args!("unknown variable {name}")),
                };
            }
            FormKind::Quote(inner) => return Ok((**inner).clone()),
            FormKind::Unquote { form, .. } => return self.eval(form),
            FormKind::Array(list) => {
                let mut list = list.clone();
                for item in &mut list.items {
                    *item = self.eval(item)?;
                }
                FormKind::Array(list)
            }
            FormKind::Map(map) => {
                let mut map = map.clone();
                for entry in &mut map.entries {
                    entry.value = self.eval(&entry.value)?;
                }
                FormKind::Map(map)
            }
            FormKind::HashMap(_) => return fail(span, "unsupported expression"),
            FormKind::Gene(gene) => return self.gene(gene, form),
            _ => return Ok(form.clone()),
        };
        Ok(Form { kind, span })
    }

    fn gene(&mut self, gene: &GeneForm, form: &Form) -> Outcome {
        let span = form.span;
        let nil = Form {
            kind: FormKind::Nil,
            span,
        };
        // Definitions keep operators among their parts: `(import * from …)`, `(class A < B)`.
        if let Some(
            "fn" | "class" | "ns" | "enum" | "type" | "object" | "import" | "interface"
            | "implement" | "$dep",
        ) = word(&gene.head)
        {
            self.emitted.push(form.clone());
            return Ok(nil);
        }
        if let Some(op) = gene
            .children
            .first()
            .and_then(word)
            .filter(|op| is_operator(op))
        {
            let op = op.to_owned();
            if matches!(&*op, "=" | "+=" | "-=" | "%=") {
                return self.assign(&op, gene, span);
            }
            let operands = std::iter::once(&gene.head).chain(&gene.children[1..]);
            return self.operator(&op, &operands.collect::<Vec<_>>(), span);
        }
        match word(&gene.head) {
            Some("var") => self.var(gene, span),
            Some("if") => self.if_form(&gene.children, span),
            Some("ifel") => self.ifel(&gene.children, span),
            Some("do") => self.sequence(&gene.children, span),
            Some("comptime") => {
                self.sequence(&gene.children, span)?;
                Ok(nil)
            }
            Some("not") => match gene.children.as_slice() {
                [one] => {
                    let value = !truthy(&self.eval(one)?);
                    Ok(Form {
                        kind: FormKind::Bool(value),
                        span,
                    })
                }
                _ => fail(span, "not expects exactly 1 argument"),
            },
            Some("$env" | "get_env") => self.environment(gene, span),
            Some(op) if is_operator(op) => {
                let op = op.to_owned();
                self.operator(&op, &gene.children.iter().collect::<Vec<_>>(), span)
            }
            _ => fail(span, "unsupported expression"),
        }
    }

    fn assign(&mut self, op: &str, gene: &GeneForm, span: Span) -> Outcome {
        let (FormKind::Symbol(name), [_, value]) = (&gene.head.kind, gene.children.as_slice())
        else {
            return match (op, gene.children.len()) {
                ("=", 2) => fail(span, "assignment expects a symbol on the left"),
                ("=", _) => fail(span, "= expects exactly 2 arguments"),
                _ => fail(span, "compound assignment expects a symbol and a value"),
            };
        };
        let value = match op {
            "=" => self.eval(value)?,
            _ => self.operator(&op[..1], &[&gene.head, value], span)?,
        };
        self.variables.insert(name.to_string(), value.clone());
        Ok(value)
    }

    /// `(var x v)`, `(var x: T v)`, `(var x)`
    fn var(&mut self, gene: &GeneForm, span: Span) -> Outcome {
        let Some(Form {
            kind: FormKind::Symbol(name),
            ..
        }) = gene.children.first()
        else {
            return fail(span, "var expects a symbol name");
        };
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => (name, gene.children.get(2)),
            None => (&**name, gene.children.get(1)),
        };
        let value = match value {
            Some(form) => self.eval(form)?,
            None => Form {
                kind: FormKind::Nil,
                span,
            },
        };
        self.variables.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn if_form(&mut self, forms: &[Form], span: Span) -> Outcome {
        let (negated, forms) = match forms {
            [not, rest @ ..] if word(not) == Some("not") => (true, rest),
            _ => (false, forms),
        };
        let Some((condition, rest)) = forms.split_first() else {
            return Err(Failure {
                span,
                message: "if: missing condition".into(),
            });
        };
        let rest = match rest {
            [then, rest @ ..] if word(then) == Some("then") => rest,
            _ => rest,
        };
        let branch = |form: &Form| matches!(word(form), Some("elif" | "else"));
        let end = rest.iter().position(branch).unwrap_or(rest.len());
        if truthy(&self.eval(condition)?) != negated {
            return self.sequence(&rest[..end], span);
        }
        match rest.get(end).and_then(word) {
            Some("elif") => self.if_form(&rest[end + 1..], span),
            Some(_) => self.sequence(&rest[end + 1..], span),
            None => Ok(Form {
                kind: FormKind::Nil,
                span,
            }),
        }
    }

    fn ifel(&mut self, forms: &[Form], span: Span) -> Outcome {
        match forms {
            [condition, then, rest @ ..] if rest.len() <= 1 => {
                if truthy(&self.eval(condition)?) {
                    self.eval(then)
                } else {
                    self.sequence(rest, span)
                }
            }
            _ => Err(Failure {
                span,
                message: "ifel: expected condition, then expression, and optional else \
                          expression"
                    .into(),
            }),
        }
    }

    /// `($env name [default])`: unset and empty variables give the default.
    fn environment(&mut self, gene: &GeneForm, span: Span) -> Outcome {
        let Some((name, default)) = gene.children.split_first() else {
            return fail(span, "$env/get_env expects at least 1 argument");
        };
        let name = match &name.kind {
            FormKind::Str(text) => text.to_string(),
            _ => {
                let value = self.eval(name)?;
                match name_text(&value) {
                    Some(text) => text.to_owned(),
                    None => return fail(span, "$env/get_env expects a string or symbol"),
                }
            }
        };
        match self.files.variable(&name).filter(|text| !text.is_empty()) {
            Some(text) => Ok(Form {
                kind: FormKind::Str(text.into()),
                span,
            }),
            None => self.sequence(default, span),
        }
    }

    fn operator(&mut self, op: &str, operands: &[&Form], span: Span) -> Outcome {
        if matches!(op, "&&" | "||") {
            let [left, right] = operands else {
                return fail(span, "logical operator expects 2 arguments");
            };
            let left = truthy(&self.eval(left)?);
            let value = if left == (op == "&&") {
                truthy(&self.eval(right)?)
            } else {
                left
            };
            return Ok(Form {
                kind: FormKind::Bool(value),
                span,
            });
        }
        let mut values = Vec::with_capacity(operands.len());
        for operand in operands {
            values.push(self.eval(operand)?);
        }
        let kind = match op {
            "+" | "-" | "*" | "/" | "%" => arithmetic(op, &values, span)?,
            "++" => concatenation(&values, span)?,
            "==" | "!=" => match values.as_slice() {
                [a, b] => FormKind::Bool(is_equal(a, b) == (op == "==")),
                _ => return fail(span, format_args!("{op} expects exactly 2 arguments")),
            },
            "<" | "<=" | ">" | ">=" => comparison(op, &values, span)?,
            _ => return fail(span, format_args!("unsupported operator {op}")),
        };
        Ok(Form { kind, span })
    }
}

fn is_operator(text: &str) -> bool {
    matches!(
        text,
        "+" | "-"
            | "*"
            | "/"
            | "%"
            | "**"
            | "++"
            | "=="
            | "!="
            | "<"
            | "<="
            | ">"
            | ">="
            | "&&"
            | "||"
            | "="
            | "+="
            | "-="
            | "%="
    )
}

/// Equality of values: maps whatever their order, containers whether sealed or not
/// (`language/02-types.md` §1).
fn is_equal(a: &Form, b: &Form) -> bool {
    match (&a.kind, &b.kind) {
        (FormKind::Float(a), FormKind::Float(b)) => a == b,
        (FormKind::Array(a), FormKind::Array(b)) => {
            a.items.len() == b.items.len()
                && a.items.iter().zip(&b.items).all(|(a, b)| is_equal(a, b))
        }
        (FormKind::Map(a), FormKind::Map(b)) => {
            let (a, b) = (&a.entries, &b.entries);
            let has = |entry: &Entry| {
                let same = |other: &&Entry| other.key == entry.key;
                (b.iter().find(same)).is_some_and(|other| is_equal(&entry.value, &other.value))
            };
            a.len() == b.len() && a.iter().all(has)
        }
        _ => a.same_data(b),
    }
}

fn number(form: &Form) -> Option<f64> {
    match form.kind {
        FormKind::Int(n) => Some(n as f64),
        FormKind::Float(n) => Some(n),
        _ => None,
    }
}

fn arithmetic(op: &str, values: &[Form], span: Span) -> Result<FormKind, Failure> {
    let numbers = || format!("{op} expects numbers");
    let Some((first, rest)) = values.split_first() else {
        return fail(span, numbers());
    };
    if values.iter().any(|value| number(value).is_none()) {
        return fail(span, numbers());
    }
    if rest.is_empty() && op == "-" {
        let zero = Form {
            kind: FormKind::Int(0),
            span,
        };
        return one_operation(op, &zero, first, span);
    }
    let mut total = first.clone();
    for value in rest {
        total.kind = one_operation(op, &total, value, span)?;
    }
    Ok(total.kind)
}

fn one_operation(op: &str, a: &Form, b: &Form, span: Span) -> Result<FormKind, Failure> {
    if let (FormKind::Int(a), FormKind::Int(b)) = (&a.kind, &b.kind) {
        let value = match op {
            "+" => a.checked_add(*b),
            "-" => a.checked_sub(*b),
            "*" => a.checked_mul(*b),
            "%" if *b == 0 => return fail(span, "Modulo by zero"),
            "%" => a.checked_rem(*b),
            _ => return Ok(FormKind::Float(*a as f64 / *b as f64)),
        };
        return match value {
            Some(value) => Ok(FormKind::Int(value)),
            None => fail(span, "Integer overflow"),
        };
    }
    let (a, b) = (number(a).unwrap_or(0.0), number(b).unwrap_or(0.0));
    Ok(FormKind::Float(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "%" => a % b,
        _ => a / b,
    }))
}

fn concatenation(values: &[Form], span: Span) -> Result<FormKind, Failure> {
    let mut text = String::new();
    for value in values {
        match &value.kind {
            FormKind::Str(part) if values.len() >= 2 => text.push_str(part),
            _ => return fail(span, "++ expects two strings"),
        }
    }
    if values.is_empty() {
        return fail(span, "++ expects two strings");
    }
    Ok(FormKind::Str(text.into()))
}

fn comparison(op: &str, values: &[Form], span: Span) -> Result<FormKind, Failure> {
    let order = match values {
        [a, b] => match (&a.kind, &b.kind) {
            (FormKind::Str(a), FormKind::Str(b)) => a.as_bytes().partial_cmp(b.as_bytes()),
            _ => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                _ => return fail(span, "comparison expects numbers or strings"),
            },
        },
        _ => return fail(span, "comparison expects numbers or strings"),
    };
    Ok(FormKind::Bool(match op {
        "<" => order.is_some_and(|order| order.is_lt()),
        "<=" => order.is_some_and(|order| order.is_le()),
        ">" => order.is_some_and(|order| order.is_gt()),
        _ => order.is_some_and(|order| order.is_ge()),
    }))
}

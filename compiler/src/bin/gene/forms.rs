//! Forms as text, in the three ways of `gene parse`.

use clap::ValueEnum;
use gene_format::text::{Entries, Form, FormKind, write_form};

/// How forms are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Shape {
    /// One part on each line.
    Pretty,
    /// One line.
    Compact,
    /// One line, with `:key value` for the properties of the outermost form.
    Sexp,
}

/// A form as text, without a line break at its end.
pub fn show(form: &Form, shape: Shape) -> String {
    match shape {
        Shape::Pretty => {
            let mut out = String::new();
            pretty(&mut out, form, 0);
            out
        }
        Shape::Compact => write_form(form),
        Shape::Sexp => sexp(form),
    }
}

fn sexp(form: &Form) -> String {
    let gene = match &form.kind {
        FormKind::Gene(gene) if !gene.props.is_empty() => gene,
        _ => return write_form(form),
    };
    let mut out = format!("({}", write_form(&gene.head));
    for entry in &gene.props {
        let value = write_form(&entry.value);
        out.push_str(&format!(" :{} {value}", entry.key));
    }
    for child in &gene.children {
        out.push_str(&format!(" {}", write_form(child)));
    }
    out + ")"
}

/// Writes a form whose first line is indented by `level` steps already.
fn pretty(out: &mut String, form: &Form, level: usize) {
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    };
    let seal = |sealed| if sealed { "#" } else { "" };
    match &form.kind {
        FormKind::Array(array) if !array.items.is_empty() => {
            out.push_str(&format!("{}[", seal(array.sealed)));
            for item in &array.items {
                line(out, level + 1);
                pretty(out, item, level + 1);
            }
            line(out, level);
            out.push(']');
        }
        FormKind::Map(map) if !map.entries.is_empty() => {
            // each entry alone in a map, without the braces
            let whole = |at: usize| {
                let kind = FormKind::Map(Entries {
                    entries: [map.entries[at].clone()].into(),
                    sealed: false,
                });
                write_form(&Form {
                    kind,
                    span: form.span,
                })
            };
            out.push_str(&format!("{}{{", seal(map.sealed)));
            for at in 0..map.entries.len() {
                let entry = whole(at);
                line(out, level + 1);
                out.push_str(&entry[1..entry.len() - 1]);
            }
            line(out, level);
            out.push('}');
        }
        FormKind::Gene(gene) if !gene.children.is_empty() => {
            let mut first = gene.clone();
            first.children.clear();
            let kind = FormKind::Gene(first);
            let first = write_form(&Form {
                kind,
                span: form.span,
            });
            out.push_str(&first[..first.len() - 1]);
            for child in &gene.children {
                line(out, level + 1);
                pretty(out, child, level + 1);
            }
            line(out, level);
            out.push(')');
        }
        _ => out.push_str(&write_form(form)),
    }
}

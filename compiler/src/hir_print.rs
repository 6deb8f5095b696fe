//! HIR as text: one function after another, bodies as nested lists. For snapshots and
//! `--emit hir`; nothing reads it back.

use crate::hir::*;
use gene_format::text::write_form;
use std::fmt::Write;

/// The whole program.
pub fn print(hir: &Hir) -> String {
    let mut out = String::new();
    for module in &hir.modules {
        let _ = writeln!(out, "module {} init f{}", module.name, module.init.0);
    }
    if let Some((module, span, text)) = &hir.needs_eval {
        let _ = writeln!(out, "needs eval: {text} in m{} at {}", module.0, span.start);
    }
    for (id, global) in hir.globals.iter().enumerate() {
        let _ = write!(out, "global g{id} {}", global.name);
        if let Some(func) = global.func {
            let _ = write!(out, " = f{}", func.0);
        }
        out.push_str(if global.assigned { " assigned\n" } else { "\n" });
    }
    for (id, function) in hir.funcs.iter().enumerate() {
        print_function(&mut out, id, function);
    }
    out
}

fn print_function(out: &mut String, id: usize, function: &Function) {
    let _ = write!(out, "\nfn f{id} {:?} {:?}", function.name, function.kind);
    let flags = [
        (function.generator, " generator"),
        (function.is_async, " async"),
        (function.is_macro, " macro"),
    ];
    for (set, text) in flags {
        out.push_str(if set { text } else { "" });
    }
    for (at, capture) in function.captures.iter().enumerate() {
        let from = match capture.from {
            CaptureSource::Local(local) => format!("l{}", local.0),
            CaptureSource::Capture(capture) => format!("c{}", capture.0),
        };
        let _ = write!(out, " c{at}={from}{}", if capture.cell { "*" } else { "" });
    }
    out.push('\n');
    for (at, local) in function.locals.iter().enumerate() {
        let _ = write!(
            out,
            "  l{at} {:?}{}",
            local.name,
            if local.cell { " cell" } else { "" }
        );
        let first = usize::from(matches!(
            function.kind,
            gene_format::program::FuncKind::Method | gene_format::program::FuncKind::Ctor
        ));
        if let Some(param) = at.checked_sub(first).and_then(|at| function.params.get(at)) {
            let _ = write!(out, " {:?}", param.kind);
            if let Some(check) = &param.check {
                let _ = write!(out, ": {}", check.text);
            }
            if let Some(default) = &param.default {
                let _ = write!(out, " = {}", text(default));
            }
        }
        out.push('\n');
    }
    if let Some(check) = &function.result {
        let _ = writeln!(out, "  -> {}", check.text);
    }
    let mut printer = Printer { out, indent: 1 };
    printer.line(&function.body);
}

/// An expression on one line.
pub fn text(expr: &Expr) -> String {
    let node = node(expr);
    let mut out = String::new();
    flat(&node, &mut out);
    out
}

/// A word and what follows it.
struct Node<'h> {
    word: String,
    /// In brackets even without parts.
    bracketed: bool,
    parts: Vec<Part<'h>>,
}

enum Part<'h> {
    Expr(&'h Expr),
    Word(String),
    List(&'static str, Vec<Part<'h>>),
}

struct Printer<'o> {
    out: &'o mut String,
    indent: usize,
}

/// Lists up to this width stay on one line.
const WIDTH: usize = 90;

impl Printer<'_> {
    fn line(&mut self, expr: &Expr) {
        let node = node(expr);
        self.node(&node);
    }

    fn node(&mut self, node: &Node) {
        let mut short = String::new();
        flat(node, &mut short);
        let pad = "  ".repeat(self.indent);
        if short.len() + pad.len() <= WIDTH || node.parts.is_empty() {
            let _ = writeln!(self.out, "{pad}{short}");
            return;
        }
        let _ = writeln!(self.out, "{pad}({}", node.word);
        self.parts(&node.parts);
        let _ = writeln!(self.out, "{pad})");
    }

    fn parts(&mut self, parts: &[Part]) {
        self.indent += 1;
        for part in parts {
            match part {
                Part::Expr(expr) => self.line(expr),
                Part::Word(word) => {
                    let pad = "  ".repeat(self.indent);
                    let _ = writeln!(self.out, "{pad}{word}");
                }
                Part::List(word, parts) => {
                    let pad = "  ".repeat(self.indent);
                    let _ = writeln!(self.out, "{pad}{word}");
                    self.parts(parts);
                }
            }
        }
        self.indent -= 1;
    }
}

fn flat(node: &Node, out: &mut String) {
    if node.parts.is_empty() {
        let bare = !node.bracketed;
        out.push_str(if bare { "" } else { "(" });
        out.push_str(&node.word);
        out.push_str(if bare { "" } else { ")" });
        return;
    }
    out.push('(');
    out.push_str(&node.word);
    flat_parts(&node.parts, out);
    out.push(')');
}

fn flat_parts(parts: &[Part], out: &mut String) {
    for part in parts {
        out.push(' ');
        match part {
            Part::Expr(expr) => flat(&self::node(expr), out),
            Part::Word(word) => out.push_str(word),
            Part::List(word, parts) => {
                out.push_str(word);
                flat_parts(parts, out);
            }
        }
    }
}

fn var(var: &Var) -> String {
    match var {
        Var::Local(id) => format!("l{}", id.0),
        Var::Capture(id) => format!("c{}", id.0),
        Var::Global(id) => format!("g{}", id.0),
        Var::Name(name) => format!("name:{name}"),
        Var::GlobalMember(name) => format!("${name}"),
    }
}

fn place(place: &Place) -> Vec<Part<'_>> {
    match place {
        Place::Member(of, name) => vec![Part::Expr(of), Part::Word(format!(".{name}"))],
        Place::Index(of, index) => vec![Part::Expr(of), Part::Word(index.to_string())],
        Place::Dynamic(of, key) => vec![Part::Expr(of), Part::Expr(key)],
    }
}

fn items(items: &[Item]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for item in items {
        if item.spread {
            parts.push(Part::Word("...".into()));
        }
        parts.push(Part::Expr(&item.value));
    }
    parts
}

fn named(list: &[Named]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for entry in list {
        match entry {
            Named::Entry(key, value) => {
                parts.push(Part::Word(format!("^{key}")));
                parts.push(Part::Expr(value));
            }
            Named::Spread(value) => {
                parts.push(Part::Word("^...".into()));
                parts.push(Part::Expr(value));
            }
        }
    }
    parts
}

fn args(args: &Args) -> Vec<Part<'_>> {
    let mut parts = named(&args.named);
    parts.extend(items(&args.items));
    parts
}

fn exprs<'h>(list: impl IntoIterator<Item = &'h Expr>) -> Vec<Part<'h>> {
    list.into_iter().map(Part::Expr).collect()
}

fn with<'h>(mut first: Vec<Part<'h>>, more: Vec<Part<'h>>) -> Vec<Part<'h>> {
    first.extend(more);
    first
}

fn optional(value: &Option<Box<Expr>>) -> Vec<Part<'_>> {
    exprs(value.as_deref())
}

fn check(check: &Check) -> Part<'_> {
    Part::Word(format!("{}:{} {:?}", check.name, check.text, check.site))
}

fn local_name(id: Option<LocalId>) -> Part<'static> {
    Part::Word(id.map_or("_".into(), |id| format!("l{}", id.0)))
}

/// Word and parts of an expression.
fn node(expr: &Expr) -> Node<'_> {
    use ExprKind::*;
    let (word, parts): (String, Vec<Part>) = match &expr.kind {
        Nil => ("nil".into(), vec![]),
        Void => ("void".into(), vec![]),
        NotFound => ("not_found".into(), vec![]),
        Placeholder => ("_".into(), vec![]),
        Bool(b) => (b.to_string(), vec![]),
        Int(n) => (n.to_string(), vec![]),
        Float(n) => (gene_format::text::format_float(*n), vec![]),
        Str(text) => (format!("{text:?}"), vec![]),
        Data(form) => (format!("`{}", write_form(form)), vec![]),
        Selector(parts) => {
            let parts: Vec<String> = parts.iter().map(write_form).collect();
            (format!("@[{}]", parts.join(" ")), vec![])
        }
        Var(v) => (var(v), vec![]),
        Builtin(name) => (format!("%{name}"), vec![]),
        Namespace => ("ns".into(), vec![]),
        Exception => ("ex".into(), vec![]),
        Set(v, value) => (format!("set {}", var(v)), exprs([&**value])),
        Declare(id, value) => match value {
            Some(value) => (format!("declare l{}", id.0), exprs([&**value])),
            None => (format!("declare l{}", id.0), vec![]),
        },
        Unary(op, value) => (format!("{op:?}").to_lowercase(), exprs([&**value])),
        Binary(op, a, b) => (format!("{op:?}").to_lowercase(), exprs([&**a, b])),
        Chain(list, ops) => (format!("chain {ops:?}"), exprs(list)),
        And(a, b) => ("and".into(), exprs([&**a, b])),
        Or(a, b) => ("or".into(), exprs([&**a, b])),
        Concat(list) => ("concat".into(), exprs(list)),
        Interp(list) => ("interp".into(), exprs(list)),
        Seq(list) => ("seq".into(), exprs(list)),
        If(test, then, other) => ("if".into(), exprs([&**test, then, other])),
        While(id, test, body) => (format!("while L{}", id.0), exprs([&**test, body])),
        Loop(id, body) => (format!("loop L{}", id.0), exprs([&**body])),
        Repeat(id, count, body) => (format!("repeat L{}", id.0), exprs([&**count, body])),
        For {
            id,
            coll,
            key,
            value,
            body,
        } => {
            let mut parts: Vec<Part> = key.iter().map(|key| local_name(*key)).collect();
            parts.extend([local_name(*value), Part::Expr(coll), Part::Expr(body)]);
            (format!("for L{}", id.0), parts)
        }
        Break(id, value) => (format!("break L{}", id.0), optional(value)),
        Continue(id) => (format!("continue L{}", id.0), vec![]),
        Return(value) => ("return".into(), optional(value)),
        Call(callee, list) => ("call".into(), with(exprs([&**callee]), args(list))),
        MethodCall(of, name, list) => (format!("method .{name}"), with(exprs([&**of]), args(list))),
        DynamicCall(of, name, list) => ("dynamic".into(), with(exprs([&**of, name]), args(list))),
        SuperCall(of, name, list) => (format!("super .{name}"), with(exprs([&**of]), args(list))),
        New(class, list) => ("new".into(), with(exprs([&**class]), args(list))),
        Get(at) => ("get".into(), place(at)),
        GetOr(of, name, other) => (format!("get_or .{name}"), exprs([&**of, other])),
        SetPlace(at, value) => ("put".into(), with(place(at), exprs([&**value]))),
        UpdatePlace(at, op, value) => {
            (format!("update {op:?}"), with(place(at), exprs([&**value])))
        }
        Assert(value) => ("assert".into(), exprs([&**value])),
        Default(value, other) => ("default".into(), exprs([&**value, other])),
        Array(list) => ("array".into(), items(list)),
        Map(list) => ("map".into(), named(list)),
        Gene(head, parts) => (
            "gene".into(),
            with(
                with(exprs([&**head]), named(&parts.named)),
                items(&parts.items),
            ),
        ),
        Seal(value) => ("seal".into(), exprs([&**value])),
        Range(from, to) => ("range".into(), exprs([&**from, to])),
        Closure(id) => (format!("closure f{}", id.0), vec![]),
        Try {
            body,
            catches,
            finally,
        } => {
            let mut parts = exprs([&**body]);
            for clause in catches {
                let mut inner = exprs(&clause.class);
                inner.push(local_name(clause.bind));
                inner.push(Part::Expr(&clause.body));
                parts.push(Part::List("catch", inner));
            }
            if let Some(finally) = finally {
                parts.push(Part::List("finally", exprs([&**finally])));
            }
            ("try".into(), parts)
        }
        Throw(value) => ("throw".into(), exprs([&**value])),
        Fail(message) => (format!("fail {message:?}"), vec![]),
        NewClass(name, parent) => (format!("new_class {name}"), optional(parent)),
        DefMethod(class, method, value) => {
            let (kind, name) = &**method;
            (format!("def {kind:?} {name:?}"), exprs([&**class, value]))
        }
        DefField(class, checked, readonly) => {
            let word = if *readonly {
                "def readonly"
            } else {
                "def field"
            };
            (word.into(), with(exprs([&**class]), vec![check(checked)]))
        }
        NewNamespace(name, parent) => (format!("new_ns {name}"), optional(parent)),
        CheckType(value, checked) => (
            "check".into(),
            with(vec![check(checked)], exprs([&**value])),
        ),
        Yield(value) => ("yield".into(), exprs([&**value])),
        Await(value) => ("await".into(), exprs([&**value])),
    };
    let bracketed = matches!(
        expr.kind,
        Declare(..)
            | Break(..)
            | Continue(_)
            | Return(_)
            | Fail(_)
            | Seq(_)
            | Closure(_)
            | Array(_)
            | Map(_)
            | NewClass(..)
            | NewNamespace(..)
    );
    Node {
        word,
        bracketed,
        parts,
    }
}

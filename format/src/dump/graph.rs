//! Graphs of an image: which function calls which, and the blocks of one function's code.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use super::disasm::disassemble_in;
use crate::error::Result;
use crate::image::{CheckedImage, FuncView};
use crate::ops::{Flow, Insn, Op, Operand};
use crate::program::{FuncId, FuncKind, StrId, TableEntry, TableId};

/// Lines of code that a block shows; what is between does not.
const SHOWN_LINES: usize = 40;

/// A directed graph with a text in each node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// What it shows.
    pub title: String,
    /// Nodes; edges name them by index.
    pub nodes: Vec<Node>,
    /// Edges, ascending.
    pub edges: Vec<Edge>,
    /// What the styles of edges mean, for those that occur.
    pub legend: [&'static str; 3],
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its text; the first line is a title.
    pub lines: Vec<String>,
    /// Where it all begins.
    pub is_root: bool,
}

/// An edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Node where it starts.
    pub from: usize,
    /// Node where it ends.
    pub to: usize,
    /// How it is drawn.
    pub style: Style,
}

/// How an edge is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Style {
    /// A call; going on at the next block.
    Solid,
    /// A function used as a value or made as a closure; a jump.
    Dashed,
    /// A method that may be called, as it has the name; an exception.
    Dotted,
}

impl Style {
    /// All of them.
    pub const ALL: [Style; 3] = [Style::Solid, Style::Dashed, Style::Dotted];

    fn dot(self) -> &'static str {
        match self {
            Style::Solid => "solid",
            Style::Dashed => "dashed",
            Style::Dotted => "dotted",
        }
    }
}

/// Functions that function code names: to call it, as a value, as a closure; methods it may call.
fn uses(
    image: &CheckedImage<'_>,
    func: &FuncView,
    methods: &HashMap<StrId, Vec<FuncId>>,
    found: &mut BTreeSet<(FuncId, Style)>,
) -> Result<()> {
    let entry = |offset: u32| {
        let id = func.window.0.checked_add(offset).map(TableId)?;
        image.table_entry(id).ok()
    };
    for word in image.code(func)? {
        let Some(insn) = Insn::decode(*word) else {
            continue;
        };
        let operands = insn.op.info().operands;
        let is_call = operands.contains(&Operand::Window);
        for (index, kind) in operands.into_iter().enumerate() {
            let offset = match (kind, index) {
                (Operand::Value32 | Operand::Global32, _) => insn.wide(),
                (_, 3) => insn.c.into(),
                _ => continue,
            };
            let style = if is_call { Style::Solid } else { Style::Dashed };
            match kind {
                Operand::Value | Operand::Value32 | Operand::Callee => match entry(offset) {
                    Some(
                        TableEntry::Func(id)
                        | TableEntry::Global { func: Some(id), .. }
                        | TableEntry::Shared { func: Some(id), .. },
                    ) => found.insert((id, style)),
                    _ => continue,
                },
                Operand::MethodIc | Operand::MethodKwIc => match entry(offset) {
                    Some(TableEntry::Method { name, .. }) => {
                        let known = methods.get(&name).into_iter().flatten();
                        found.extend(known.map(|id| (*id, Style::Dotted)));
                        continue;
                    }
                    _ => continue,
                },
                _ => continue,
            };
        }
        if operands.contains(&Operand::Func) {
            found.insert((FuncId(insn.wide()), Style::Dashed));
        }
    }
    Ok(())
}

/// Which function calls which; with `roots`, only what they reach. Functions that nothing connects
/// with others are left out.
///
/// # Errors
///
/// A record does not decode.
pub fn call_graph(image: &CheckedImage<'_>, roots: &[FuncId]) -> Result<Graph> {
    let ids = || (0..image.func_count() as u32).map(FuncId);
    let views: Vec<FuncView> = ids().map(|id| image.func(id)).collect::<Result<_>>()?;
    let mut methods: HashMap<StrId, Vec<FuncId>> = HashMap::new();
    for view in views.iter().filter(|view| view.kind == FuncKind::Method) {
        methods.entry(view.name).or_default().push(view.id);
    }
    let mut used: Vec<BTreeSet<(FuncId, Style)>> = Vec::with_capacity(views.len());
    for view in &views {
        let mut found = BTreeSet::new();
        uses(image, view, &methods, &mut found)?;
        found.retain(|(id, _)| id.index() < views.len());
        used.push(found);
    }
    let mut wanted: BTreeSet<FuncId> = roots.iter().copied().collect();
    let mut open: Vec<FuncId> = roots.to_vec();
    while let Some(id) = open.pop() {
        for (to, _) in &used[id.index()] {
            if wanted.insert(*to) {
                open.push(*to);
            }
        }
    }
    if roots.is_empty() {
        for (id, found) in ids().zip(&used) {
            wanted.extend(found.iter().map(|(to, _)| *to));
            wanted.extend((!found.is_empty()).then_some(id));
        }
    }
    let index: HashMap<FuncId, usize> = wanted.iter().copied().zip(0..).collect();
    let mut graph = Graph {
        title: "calls".into(),
        legend: ["calls", "makes or names", "may call, by the method's name"],
        ..Graph::default()
    };
    for id in &wanted {
        let view = &views[id.index()];
        graph.nodes.push(Node {
            lines: func_lines(image, view),
            is_root: view.kind == FuncKind::Module || roots.contains(id),
        });
        let targets = used[id.index()].iter();
        graph.edges.extend(targets.map(|(to, style)| Edge {
            from: index[id],
            to: index[to],
            style: *style,
        }));
    }
    Ok(graph)
}

fn func_lines(image: &CheckedImage<'_>, view: &FuncView) -> Vec<String> {
    let text = |id| image.string(id).unwrap_or("?").escape_debug().to_string();
    let modules = image.modules();
    let module = modules
        .get(view.module.index())
        .map(|module| text(module.name));
    let module = module.unwrap_or_default();
    let name = match (view.kind, text(view.name)) {
        (FuncKind::Module, _) => format!("{} {module}", view.id),
        (_, name) if name.is_empty() => format!("{} (anonymous)", view.id),
        (_, name) => format!("{} {name}", view.id),
    };
    match view.kind {
        FuncKind::Module => vec![name],
        _ => vec![name, format!("{module}:{}", view.place.0)],
    }
}

/// The blocks of a function: code that is entered at its first instruction and left at its last.
///
/// # Errors
///
/// A record does not decode.
pub fn flow_graph(image: &CheckedImage<'_>, id: FuncId) -> Result<Graph> {
    let view = image.func(id)?;
    let code = image.code(&view)?;
    let handlers = image.handlers(&view)?;
    let decoded: Vec<Option<Insn>> = code.iter().map(|word| Insn::decode(*word)).collect();
    // Where control may go from each word: by a jump, and at the next one.
    let leaves = |at: usize| -> (Option<usize>, Option<usize>) {
        let Some(insn) = decoded[at] else {
            return (None, None);
        };
        let to = insn
            .jump()
            .and_then(|jump| usize::try_from(at as i64 + 1 + jump).ok());
        let to = to.filter(|to| *to < code.len());
        let is_tail = insn.op == Op::Ext && at > 0;
        let next = match insn.op.info().flow {
            Flow::Next => Some(at + 1),
            // The second word holds where an exhausted iteration jumps.
            Flow::Pair => Some(at + 1),
            Flow::End if is_tail => Some(at + 1),
            Flow::End => None,
        };
        (to, next.filter(|next| *next < code.len()))
    };
    let is_ext = |at: usize| {
        decoded
            .get(at)
            .copied()
            .flatten()
            .is_some_and(|i| i.op == Op::Ext)
    };
    let mut starts: BTreeSet<usize> = BTreeSet::from([0]);
    for (at, insn) in decoded.iter().enumerate() {
        let (to, _) = leaves(at);
        starts.extend(to);
        let ends = to.is_some() || insn.is_none_or(|insn| insn.op.info().flow == Flow::End);
        // A pair is left behind its second word.
        if ends && !is_ext(at + 1) {
            starts.insert(at + 1);
        }
    }
    starts.extend(handlers.iter().map(|handler| handler.target as usize));
    starts.retain(|start| *start < code.len());
    let bounds: Vec<usize> = starts.iter().copied().chain([code.len()]).collect();
    let index: BTreeMap<usize, usize> = starts.iter().copied().zip(0..).collect();
    let mut edges = BTreeSet::new();
    let mut nodes = Vec::new();
    for (from, bound) in bounds.windows(2).enumerate() {
        let (start, end) = (bound[0], bound[1]);
        for at in start..end {
            let (to, next) = leaves(at);
            let jump = to.and_then(|to| index.get(&to));
            edges.extend(jump.map(|to| (from, *to, Style::Dashed)));
            let next = next.filter(|next| *next == end && at + 1 == end);
            let next = next.and_then(|next| index.get(&next));
            edges.extend(next.map(|to| (from, *to, Style::Solid)));
        }
        let covering = handlers
            .iter()
            .filter(|handler| (handler.start as usize) < end && start < handler.end as usize);
        let targets = covering.filter_map(|handler| index.get(&(handler.target as usize)));
        edges.extend(targets.map(|to| (from, *to, Style::Dotted)));
        nodes.push(Node {
            lines: block_lines(image, &view, &code[start..end], start),
            is_root: start == 0,
        });
    }
    let name = image.string(view.name).unwrap_or("?").escape_debug();
    let edge = |(from, to, style)| Edge { from, to, style };
    Ok(Graph {
        title: format!("{id} {name}"),
        nodes,
        edges: edges.into_iter().map(edge).collect(),
        legend: ["goes on", "jumps", "exception"],
    })
}

fn block_lines(
    image: &CheckedImage<'_>,
    view: &FuncView,
    code: &[u64],
    start: usize,
) -> Vec<String> {
    let place = image.position(view.id, start as u32);
    let place = place.map_or(String::new(), |(line, _)| format!("  line {line}"));
    let mut lines = vec![format!("@{start:x}{place}")];
    for (at, word) in (start as u32..).zip(code) {
        let shown = disassemble_in(image, view, at, *word);
        let mut line = format!("{} {}", shown.mnemonic, shown.operands);
        if !shown.comment.is_empty() {
            let comment: String = shown.comment.chars().take(28).collect();
            let _ = write!(line, "  ; {comment}"); // writing to a string cannot fail
        }
        lines.push(line.trim_end().to_owned());
    }
    if lines.len() > SHOWN_LINES {
        let hidden = lines.len() - SHOWN_LINES + 1;
        let at = SHOWN_LINES / 2;
        lines.splice(at..at + hidden, [format!("… {hidden} more …")]);
    }
    lines
}

/// The graph in the language of Graphviz.
pub fn dot(graph: &Graph) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = format!("digraph \"{}\" {{\n", quoted(&graph.title));
    out.push_str("  node [shape=box, fontname=\"monospace\", fontsize=10];\n");
    for (id, node) in graph.nodes.iter().enumerate() {
        let lines = node.lines.iter().map(|line| quoted(line) + "\\l");
        let bold = if node.is_root { ", style=bold" } else { "" };
        out += &format!("  n{id} [label=\"{}\"{bold}];\n", lines.collect::<String>());
    }
    for edge in &graph.edges {
        out += &format!(
            "  n{} -> n{} [style={}];\n",
            edge.from,
            edge.to,
            edge.style.dot()
        );
    }
    out.push_str("}\n");
    out
}

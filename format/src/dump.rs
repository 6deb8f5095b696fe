//! Listings of images: facts gathered once, shown as text or JSON.
//!
//! Gathering tolerates records that do not decode: their error stands in their place, so that a
//! damaged image can be looked at. Nothing here prints.

mod constant;
mod diff;
mod disasm;
mod explain;
mod facts;
mod graph;
mod layered;
mod locate;
mod paint;
mod size;
mod svg;
mod text;
mod treemap;

pub use constant::{describe_constant, describe_entry};
pub use diff::{Change, ChangeLine, diff, render_diff};
pub use disasm::{Line, disassemble, disassemble_in};
pub use explain::{RuleReport, explain, render_rules};
pub use facts::{Facts, Part, Select, find_functions, gather, pieces};
pub use graph::{Edge, Graph, Node, Style, call_graph, dot, flow_graph};
pub use layered::draw;
pub use locate::{Location, locate, render_location};
pub use size::{FuncSize, PartSize, Sizes, StringSize, measure, render_sizes};
pub use text::render;
pub use treemap::treemap;

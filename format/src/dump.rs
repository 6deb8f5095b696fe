//! Listings of images: facts gathered once, shown as text or JSON.
//!
//! Gathering tolerates records that do not decode: their error stands in their place, so that a
//! damaged image can be looked at. Nothing here prints.

mod constant;
mod disasm;
mod facts;
mod text;

pub use constant::{describe_constant, describe_entry};
pub use disasm::{Line, disassemble, disassemble_in};
pub use facts::{Facts, Select, gather};
pub use text::render;

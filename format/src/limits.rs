//! Every limit of the format, with unit and reason. The writer reports what exceeds one, the
//! reader rejects it.

/// Longest image, in bytes: offsets inside sections are 32 bits wide.
pub const MAX_FILE: u64 = u32::MAX as u64;

/// Most sections: bounds the table that is checked before anything is trusted.
pub const MAX_SECTIONS: u32 = 64;

/// Largest alignment of a section, in bytes: one page.
pub const MAX_ALIGN: u32 = 4096;

/// Most strings: parameter records keep a string and three bits of kind in one word.
pub const MAX_STRINGS: u32 = 1 << 28;

/// Most modules: function records keep 16 bits.
pub const MAX_MODULES: u32 = u16::MAX as u32;

/// Most other images that one imports: as many as a program may have modules.
pub const MAX_IMPORTS: u32 = MAX_MODULES;

/// Longest function, in instruction words: keeps every jump far inside 32 bits.
pub const MAX_CODE: u32 = 1 << 24;

/// Most parameters, captures or handlers of one function: counts are 16 bits wide.
pub const MAX_PER_FUNC: u32 = u16::MAX as u32;

/// Deepest nesting of constants, in levels: consumers may recurse over a constant.
pub const MAX_CONST_DEPTH: u8 = 200;

/// Most nodes of one constant, counted as a tree: constants may share children, and without a
/// limit a few bytes could ask for 2^200 nodes.
pub const MAX_CONST_NODES: u32 = 1 << 24;

/// Deepest nesting of a type expression, in levels: its decoder recurses.
pub const MAX_TYPE_DEPTH: u32 = 64;

/// Largest META section, in bytes: its decoder allocates.
pub const MAX_META: usize = 16 << 20;

//! What the reader refuses, with the reason.

/// Levels of nesting in one top-level form; a bracket, a quote, a decorator, a `;` and a
/// further `^` in a key chain are one each. Forms are dropped, cloned and compared by
/// recursion, and at this depth that stays within a stack of 2 MiB in a debug build.
pub const MAX_DEPTH: usize = 1000;

/// Bytes in one text: a [`Span`](super::Span) counts them in 32 bits.
pub const MAX_TEXT: usize = u32::MAX as usize;

/// Errors reported for one text.
pub const MAX_ERRORS: usize = 20;

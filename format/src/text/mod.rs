//! The Gene data notation: reader and writer.

mod bytes;
mod chars;
mod error;
mod form;
mod limits;
mod number;
mod props;
mod reader;
mod recover;
mod regex;
mod string;
mod temporal;
mod word;
mod writer;

#[cfg(test)]
mod tests;

pub use error::ReadError;
pub use form::*;
pub use limits::*;
pub use recover::{ReadResult, read_all, read_one};
pub use writer::{format_bytes, format_float, format_temporal, write_form, write_forms};

//! Both notations of Gene: the image, and the text of Gene data.
//!
//! This crate knows neither the compiler nor the runtime and does no input or output.
#![warn(missing_docs)]

pub mod aligned;
pub mod builtins;
pub mod dump;
pub mod error;
pub mod image;
pub mod interface;
pub mod layout;
pub mod limits;
mod meta;
pub mod ops;
pub mod program;
pub mod runtime_note;
#[cfg(feature = "signatures")]
pub mod signature;
#[doc(hidden)]
pub mod testing;
pub mod text;
mod varint;
pub mod verify;
pub mod version;
pub mod write;

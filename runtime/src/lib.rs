//! The runtime: loads an image and executes it. It has no compiler inside.

pub mod arith;
pub mod capabilities;
pub mod classes;
pub mod equality;
pub mod errors;
pub mod evaluate;
pub mod fiber;
pub mod frame;
pub mod heap;
pub mod heap_view;
pub mod hooks;
pub mod interp;
mod linked;
pub mod mapping;
pub mod members;
pub mod natives;
pub mod objects;
pub mod prelude;
pub mod print;
pub mod program;
pub mod run;
pub mod start;
pub mod symbol;
mod truncated;
pub mod types;
pub mod value;
pub mod vm;

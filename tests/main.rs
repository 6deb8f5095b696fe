//! The tests that run the programs as users do, in one program: linking each alone would take
//! longer than running most of them. `cargo test --test all lang::` runs those of one file.

mod cache;
mod cli;
mod collector;
mod differential;
mod files;
mod images;
mod lang;
mod limits;
mod malformed;
mod prelude;
mod release;
mod tidy;

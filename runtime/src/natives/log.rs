//! Log lines on standard error (14-stdlib §11).

use super::temporal;
use crate::vm::Vm;
use std::io::Write;

/// A warning. What a program printed before it is written out first.
pub fn warn(vm: &mut Vm, logger: &str, text: &str) {
    // Nobody is left to tell if standard error itself fails.
    let _ = vm.flush();
    let line = format!("T00 WARN  {} {logger} {text}\n", temporal::log_time());
    let _ = std::io::stderr().write_all(line.as_bytes());
}

//! Packages and the application (08-modules §4). What is known of them stands in the image.

use super::*;
use crate::capabilities::Denied;

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#package", 6, 6, package),
    def("#application", 1, 1, application),
];

pub(super) static PACKAGE: &[NativeDef] = &[
    def("name", 1, 1, name),
    def("version", 1, 1, version),
    def("dir", 1, 1, dir),
    def("source_dir", 1, 1, source_dir),
    def("main_module", 1, 1, main_module),
    def("test_dir", 1, 1, test_dir),
];

pub(super) static APPLICATION: &[NativeDef] = &[def("pkg", 1, 1, name), def("package", 1, 1, name)];

/// `(#package name version dir source_dir main_module test_dir)`
fn package(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(vm.record(Tag::Package, args.items.to_vec(), None))
}

/// `(#application package)`
fn application(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(vm.record(Tag::Application, args.items.to_vec(), None))
}

fn field(args: Args<'_>, at: usize) -> NativeResult {
    let fields = view::record(args.this()).map_or(&[][..], |r| &r.fields);
    Ok(fields.get(at).copied().unwrap_or(Value::NIL))
}

/// The first field: a package's name, an application's package.
fn name(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    field(args, 0)
}

fn version(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    field(args, 1)
}

/// Absolute path of the root; the image holds it relative to the working directory.
fn dir(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let stored = field(args, 2)?;
    let Some(text) = view::text(stored) else {
        return Ok(stored);
    };
    match vm.options.capabilities.absolute(text) {
        Ok(path) => Ok(vm.str(&files::normalise(&path).to_string_lossy())),
        Err(Denied::Refused(refusal)) => Err(vm.refused(&refusal)),
        Err(Denied::System(_)) => Ok(stored),
    }
}

fn source_dir(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    field(args, 3)
}

fn main_module(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    field(args, 4)
}

fn test_dir(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    field(args, 5)
}

//! Environment, working directory, sleeping, simple commands (14-stdlib §7).

use super::*;
use crate::capabilities::Denied;
use crate::print;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// Variables that `set_env` has set. The environment of the process itself never changes:
/// other threads may be reading it.
static CHANGED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

pub(super) static GLOBALS: &[NativeDef] = &[
    def("get_env", 1, 2, get_env).usage("get_env requires a name"),
    def("set_env", 2, 2, set_env).usage("set_env requires a name and a value"),
    def("has_env", 1, 1, has_env).usage("has_env requires a name"),
    def("cwd", 0, 0, cwd),
    def("sleep", 1, 1, sleep).usage("sleep requires a number (milliseconds)"),
    def("on_signal", 2, 2, on_signal).usage("on_signal requires a signal name and a function"),
];

/// Members of `system`.
pub(super) static IN_SYSTEM: &[NativeDef] = &[
    def("cwd", 0, 0, cwd),
    def("cd", 1, 1, cd).usage("system/cd requires a path"),
    def("os", 0, 0, os),
    def("arch", 0, 0, arch),
    def("args", 0, 0, all_args),
    def("exec", 1, ANY, exec).usage("system/exec requires a command"),
    def("shell", 1, 1, shell).usage("system/shell requires a command"),
    def("exit", 0, 1, core::exit),
];

/// Members of `gene/os`.
pub(super) static IN_OS: &[NativeDef] =
    &[def("exec", 1, 1, os_exec).usage("os/exec requires a command")];

fn changed() -> std::sync::MutexGuard<'static, BTreeMap<String, String>> {
    // A panic elsewhere leaves a whole map behind.
    CHANGED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A command that gets the variables that the program has set.
pub(super) fn command(vm: &mut Vm, program: &str) -> Result<Command, Raised> {
    let command = vm.options.capabilities.command(program, &changed());
    command.map_err(|refusal| vm.refused(&refusal))
}

/// Checks that the program may see and set a variable.
pub(super) fn check_variable(vm: &mut Vm, name: &str) -> Result<(), Raised> {
    let checked = vm.options.capabilities.check_variable(name);
    checked.map_err(|refusal| vm.refused(&refusal))
}

fn variable(vm: &mut Vm, name: &str) -> Result<Option<String>, Raised> {
    check_variable(vm, name)?;
    if let Some(v) = changed().get(name) {
        return Ok(Some(v.clone()));
    }
    let value = vm.options.capabilities.variable(name);
    value.map_err(|refusal| vm.refused(&refusal))
}

fn get_env(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = text_arg(vm, args.get(0), "get_env requires a string name")?;
    Ok(match variable(vm, name)?.filter(|v| !v.is_empty()) {
        Some(v) => vm.str(&v),
        None => args.get(1),
    })
}

fn set_env(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = text_arg(vm, args.get(0), "set_env requires a string name")?;
    let value = print::plain(vm, args.get(1))?;
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        return vm.fail("set_env requires a name without '=' and a value without zero bytes");
    }
    check_variable(vm, name)?;
    changed().insert(name.to_owned(), value);
    Ok(Value::NIL)
}

fn has_env(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let name = text_arg(vm, args.get(0), "has_env requires a string name")?;
    Ok(Value::bool(variable(vm, name)?.is_some()))
}

/// `env`: the variables at the start that the program may see.
pub(super) fn environment(vm: &mut Vm) -> Value {
    let map = vm.map_of(&[]);
    for (name, value) in vm.options.capabilities.variables() {
        let key = vm.str(&name);
        let value = vm.str(&value);
        vm.map_set(map, key, value);
    }
    map
}

/// `args`: the arguments of the program.
pub(super) fn program_args(vm: &mut Vm) -> Value {
    let args = vm.options.args.clone();
    let args = args.iter().map(|a| vm.str(a)).collect();
    vm.array(args)
}

fn all_args(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    let words = std::env::args_os()
        .skip(1)
        .map(|a| vm.str(&a.to_string_lossy()))
        .collect();
    Ok(vm.array(words))
}

fn cwd(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    match vm.options.capabilities.working_dir() {
        Ok(p) => Ok(vm.str(&p.to_string_lossy())),
        Err(Denied::Refused(refusal)) => Err(vm.refused(&refusal)),
        Err(Denied::System(e)) => vm.fail(format!("Failed to read the working directory: {e}")),
    }
}

fn cd(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = files::path(vm, args, 0)?;
    match vm.options.capabilities.change_dir(path) {
        Ok(()) => Ok(Value::NIL),
        Err(Denied::Refused(refusal)) => Err(vm.refused(&refusal)),
        Err(Denied::System(e)) => vm.fail(format!("Failed to change directory to '{path}': {e}")),
    }
}

fn os(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(vm.str(match std::env::consts::OS {
        os @ ("linux" | "macos" | "windows" | "freebsd" | "openbsd" | "netbsd") => os,
        _ => "unknown",
    }))
}

fn arch(vm: &mut Vm, _args: Args<'_>) -> NativeResult {
    Ok(vm.str(match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "i386",
        "aarch64" => "arm64",
        other => other,
    }))
}

/// A duration: ints are milliseconds, floats seconds.
pub(super) fn duration(v: Value) -> Option<Duration> {
    if let Some(ms) = view::int(v) {
        return Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    }
    view::number(v).map(|s| Duration::try_from_secs_f64(s.max(0.0)).unwrap_or(Duration::MAX))
}

fn sleep(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let Some(time) = duration(args.get(0)) else {
        return vm.fail("sleep requires a number (milliseconds)");
    };
    core::flush_stdout(vm)?;
    std::thread::sleep(time);
    Ok(Value::NIL)
}

/// Signals are delivered inside `readline` only, which ends at them by default.
fn on_signal(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if vm.name_text(args.get(0)) != Some("INT") {
        return vm.fail("on_signal currently supports only INT");
    }
    if !is_callable(args.get(1)) {
        return vm.fail("on_signal requires a function");
    }
    Ok(Value::NIL)
}

// ---------------------------------------------------------------- commands

/// The words of a command, in plain form.
pub(super) fn words(vm: &mut Vm, items: &[Value]) -> Result<Vec<String>, Raised> {
    items.iter().map(|&v| print::plain(vm, v)).collect()
}

/// Output and exit code of a command.
fn output(vm: &mut Vm, mut command: Command) -> Result<(String, i64), Raised> {
    core::flush_stdout(vm)?;
    match command
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
    {
        Ok(out) => {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            Ok((text, process::exit_code(out.status)))
        }
        Err(e) => Err(vm.error(&format!("Failed to execute command: {e}"))),
    }
}

fn exec(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let words = words(vm, args.items)?;
    let mut command = command(vm, &words[0])?;
    command.args(&words[1..]);
    let (mut text, _) = output(vm, command)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(vm.str(&text))
}

fn shell_command(vm: &mut Vm, args: Args<'_>) -> Result<Command, Raised> {
    let line = text_arg(vm, args.get(0), "a shell command requires a string")?;
    let mut command = command(vm, "/bin/sh")?;
    command.args(["-c", line]);
    Ok(command)
}

fn shell(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let command = shell_command(vm, args)?;
    let (text, code) = output(vm, command)?;
    let text = vm.str(&text);
    Ok(vm.map_of(&[("output", text), ("exit_code", Value::small_int(code))]))
}

fn os_exec(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let command = shell_command(vm, args)?;
    let (text, _) = output(vm, command)?;
    Ok(vm.str(&text))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_global, show, vm};
    use super::*;

    #[test]
    fn set_variables_are_seen_here_and_by_commands() {
        let mut vm = vm();
        let name = vm.str("GENE_UNIT_TEST_VARIABLE");
        let five = Value::small_int(5);
        assert_eq!(
            call_global(&mut vm, "has_env", &[name]).unwrap(),
            Value::FALSE
        );
        call_global(&mut vm, "set_env", &[name, five]).unwrap();
        let got = call_global(&mut vm, "get_env", &[name]);
        assert_eq!(show(&mut vm, got), "5");
        let line = vm.str("printf %s $GENE_UNIT_TEST_VARIABLE; exit 3");
        let got = shell(
            &mut vm,
            Args {
                items: &[line],
                keys: &[],
                values: &[],
            },
        );
        assert_eq!(show(&mut vm, got), "{^output 5 ^exit_code 3}");
        let got = exec(
            &mut vm,
            Args {
                items: &[name],
                keys: &[],
                values: &[],
            },
        );
        assert!(show(&mut vm, got).starts_with("error: Failed to execute command"));
        let quit = vm.str("QUIT");
        let got = call_global(&mut vm, "on_signal", &[quit, five]);
        assert_eq!(
            show(&mut vm, got),
            "error: on_signal currently supports only INT"
        );
    }
}

//! Files, directories and paths (14-stdlib §6).

use super::*;
use crate::capabilities::{Content, Denied, PathKind};
use crate::print;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#file_read", 1, 1, read),
    def("#file_write", 2, 2, write_any),
];

/// Static members of `File`, beside those of the prelude.
pub(super) static IN_FILE: &[NativeDef] = &[
    def("read", 1, 1, read).usage("File/read requires a path"),
    def("write", 2, 2, write_any).usage("File/write requires a path and content"),
    def("append", 2, 2, append).usage("File/append requires a path and content"),
    def("exists", 1, 1, file_exists).usage("File/exists requires a path"),
    def("delete", 1, 1, delete_file).usage("File/delete requires a path"),
    def("read_lines", 1, 1, read_lines).usage("File/read_lines requires a path"),
    def("reader", 1, 1, reader).usage("File/reader requires a path"),
];

/// Static members of `Dir`.
pub(super) static IN_DIR: &[NativeDef] = &[
    def("exists", 1, 1, dir_exists).usage("Dir/exists requires a path"),
    def("create", 1, 1, create_dir).usage("Dir/create requires a path"),
    def("delete", 1, 1, delete_dir).usage("Dir/delete requires a path"),
    def("list", 1, 1, list_dir).usage("Dir/list requires a path"),
];

/// Members of `io`.
pub(super) static IN_IO: &[NativeDef] = &[
    def("path_join", 1, ANY, path_join).usage("path_join requires a path"),
    def("path_abs", 1, 1, path_abs).usage("path_abs requires a path"),
    def("path_basename", 1, 1, path_basename).usage("path_basename requires a path"),
    def("path_dirname", 1, 1, path_dirname).usage("path_dirname requires a path"),
    def("path_ext", 1, 1, path_ext).usage("path_ext requires a path"),
];

/// Members of `gene/io`.
pub(super) static IN_GENE_IO: &[NativeDef] = &[
    def("read", 1, 1, read).usage("File/read requires a path"),
    def("write", 2, 2, write_text).usage("File/write requires a path and content"),
];

/// The path argument.
pub(super) fn path<'a>(vm: &mut Vm, args: Args<'_>, at: usize) -> Result<&'a str, Raised> {
    text_arg(vm, args.get(at), "a path requires a string")
}

pub(super) fn failed(vm: &mut Vm, verb: &str, path: &str, why: &Denied) -> Raised {
    let reason = match why {
        Denied::Refused(refusal) => return vm.refused(refusal),
        Denied::System(e) if e.kind() == std::io::ErrorKind::NotFound => {
            format!("cannot open: {path}")
        }
        Denied::System(e) => e.to_string(),
    };
    vm.error(&format!("Failed to {verb} '{path}': {reason}"))
}

/// The whole text of a file.
pub(super) fn read(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = file_text(vm, args)?;
    Ok(vm.str(&text))
}

fn file_text(vm: &mut Vm, args: Args<'_>) -> Result<String, Raised> {
    let path = path(vm, args, 0)?;
    let mut file = match vm.options.capabilities.open(path) {
        Ok(file) => file,
        Err(e) => return Err(failed(vm, "read file", path, &e)),
    };
    let size = file.metadata().map_or(0, |m| m.len());
    reserve(vm, usize::try_from(size).unwrap_or(usize::MAX))?;
    let mut data = Vec::new();
    match file.read_to_end(&mut data) {
        Ok(_) => Ok(String::from_utf8(data)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())),
        Err(e) => Err(failed(vm, "read file", path, &e.into())),
    }
}

/// Writes a text to a file, in place of its content or behind it.
pub(super) fn write_file(vm: &Vm, path: &str, text: &str, content: Content) -> Result<(), Denied> {
    let mut file = vm.options.capabilities.create(path, content)?;
    Ok(file.write_all(text.as_bytes())?)
}

fn write(vm: &mut Vm, path: &str, text: &str) -> NativeResult {
    match write_file(vm, path, text, Content::New) {
        Ok(()) => Ok(Value::NIL),
        Err(e) => Err(failed(vm, "write file", path, &e)),
    }
}

/// `File/write`: any value, in plain form.
fn write_any(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let text = print::plain(vm, args.get(1))?;
    write(vm, path, &text)
}

/// `gene/io/write`: strings only.
fn write_text(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let text = text_arg(vm, args.get(1), "File/write requires string content")?;
    write(vm, path, text)
}

fn append(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let text = print::plain(vm, args.get(1))?;
    match write_file(vm, path, &text, Content::Appended) {
        Ok(()) => Ok(Value::NIL),
        Err(e) => Err(failed(vm, "append to file", path, &e)),
    }
}

fn is_kind(vm: &mut Vm, args: Args<'_>, kind: PathKind) -> NativeResult {
    let path = path(vm, args, 0)?;
    match vm.options.capabilities.kind(path) {
        Ok(found) => Ok(Value::bool(found == kind)),
        Err(e) => Err(failed(vm, "look at", path, &e)),
    }
}

fn file_exists(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    is_kind(vm, args, PathKind::File)
}

/// What is missing already is no error.
fn deleted(vm: &mut Vm, verb: &str, path: &str, done: Result<(), Denied>) -> NativeResult {
    match done {
        Err(Denied::System(e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(Value::NIL),
        Err(e) => Err(failed(vm, verb, path, &e)),
        Ok(()) => Ok(Value::NIL),
    }
}

fn delete_file(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let done = vm.options.capabilities.remove_file(path);
    deleted(vm, "delete file", path, done)
}

fn read_lines(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = file_text(vm, args)?;
    let lines = text.lines().map(|l| vm.str(l)).collect();
    Ok(vm.array(lines))
}

fn reader(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    match vm.options.capabilities.open(path) {
        Ok(file) => Ok(handles::file_reader(vm, file)),
        Err(e) => Err(failed(vm, "open file", path, &e)),
    }
}

fn dir_exists(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    is_kind(vm, args, PathKind::Dir)
}

fn create_dir(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    match vm.options.capabilities.create_dir(path.as_ref()) {
        Ok(()) => Ok(Value::NIL),
        Err(e) => Err(failed(vm, "create directory", path, &e)),
    }
}

fn delete_dir(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let done = vm.options.capabilities.remove_dir(path);
    deleted(vm, "delete directory", path, done)
}

fn list_dir(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let entries = match vm.options.capabilities.list(path) {
        Ok(entries) => entries,
        Err(e) => return Err(failed(vm, "list directory", path, &e)),
    };
    let paths = entries
        .iter()
        .map(|entry| vm.str(&entry.to_string_lossy()))
        .collect();
    Ok(vm.array(paths))
}

/// Without `.`, and `..` taken together with what it follows.
pub(super) fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                let last = out.components().next_back();
                match last {
                    Some(Component::Normal(_)) => {
                        out.pop();
                    }
                    Some(Component::RootDir) => {}
                    _ => out.push(".."),
                }
            }
            part => out.push(part),
        }
    }
    out
}

fn path_join(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut joined = PathBuf::new();
    for i in 0..args.items.len() {
        joined.push(path(vm, args, i)?);
    }
    Ok(vm.str(&normalise(&joined).to_string_lossy()))
}

fn path_abs(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    match vm.options.capabilities.absolute(path) {
        Ok(p) => Ok(vm.str(&normalise(&p).to_string_lossy())),
        Err(e) => Err(failed(vm, "open path", path, &e)),
    }
}

fn path_basename(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    Ok(vm.str(path.rsplit('/').next().unwrap_or("")))
}

fn path_dirname(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    Ok(vm.str(match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((dir, _)) => dir,
        None => "",
    }))
}

/// The last extension with its dot.
fn path_ext(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let name = path.rsplit('/').next().unwrap_or("");
    let ext = name
        .rfind('.')
        .filter(|&i| i > 0)
        .map_or("", |i| &name[i..]);
    Ok(vm.str(ext))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{show, vm};
    use super::*;

    fn run(f: fn(&mut Vm, Args<'_>) -> NativeResult, args: &[&str]) -> String {
        let mut vm = vm();
        let items: Vec<Value> = args.iter().map(|a| vm.str(a)).collect();
        let got = f(
            &mut vm,
            Args {
                items: &items,
                keys: &[],
                values: &[],
            },
        );
        show(&mut vm, got)
    }

    #[test]
    fn paths() {
        assert_eq!(run(path_join, &["a/b", "..", "c"]), "a/c");
        assert_eq!(run(path_join, &["..", "a"]), "../a");
        assert_eq!(run(path_join, &["/", "..", "a"]), "/a");
        assert_eq!(run(path_basename, &["a/b.txt"]), "b.txt");
        assert_eq!(run(path_dirname, &["a/b.txt"]), "a");
        assert_eq!(run(path_ext, &["a/b.tar.gz"]), ".gz");
        assert_eq!(run(path_ext, &["a.d/b"]), "");
    }

    #[test]
    fn missing_files() {
        let missing = "no/such/file";
        let want = "error: Failed to read file 'no/such/file': cannot open: no/such/file";
        assert_eq!(run(read, &[missing]), want);
        assert_eq!(run(delete_file, &[missing]), "nil");
        assert_eq!(run(file_exists, &[missing]), "false");
        assert!(run(append, &[missing, "x"]).starts_with("error: Failed to append to file"));
    }
}

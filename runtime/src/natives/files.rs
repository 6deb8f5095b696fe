//! Files, directories and paths (14-stdlib §6).

use super::*;
use crate::print;
use std::fs;
use std::io::Write;
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

fn failed(vm: &mut Vm, verb: &str, path: &str, e: &std::io::Error) -> Raised {
    let reason = match e.kind() {
        std::io::ErrorKind::NotFound => format!("cannot open: {path}"),
        _ => e.to_string(),
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
    let size = fs::metadata(path).map_or(0, |m| m.len());
    reserve(vm, usize::try_from(size).unwrap_or(usize::MAX))?;
    match fs::read(path) {
        Ok(data) => Ok(String::from_utf8(data)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())),
        Err(e) => Err(failed(vm, "read file", path, &e)),
    }
}

fn write(vm: &mut Vm, path: &str, text: &str) -> NativeResult {
    match fs::write(path, text) {
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
    let file = fs::OpenOptions::new().append(true).create(true).open(path);
    match file.and_then(|mut f| f.write_all(text.as_bytes())) {
        Ok(()) => Ok(Value::NIL),
        Err(e) => Err(failed(vm, "append to file", path, &e)),
    }
}

fn file_exists(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(Path::new(path(vm, args, 0)?).is_file()))
}

/// A missing file is no error.
fn delete_file(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(vm, "delete file", path, &e))
        }
        _ => Ok(Value::NIL),
    }
}

fn read_lines(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let text = file_text(vm, args)?;
    let lines = text.lines().map(|l| vm.str(l)).collect();
    Ok(vm.array(lines))
}

fn reader(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    match fs::File::open(path) {
        Ok(file) => Ok(handles::file_reader(vm, file)),
        Err(e) => Err(failed(vm, "open file", path, &e)),
    }
}

fn dir_exists(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(Path::new(path(vm, args, 0)?).is_dir()))
}

fn create_dir(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    match fs::create_dir_all(path) {
        Ok(()) => Ok(Value::NIL),
        Err(e) => Err(failed(vm, "create directory", path, &e)),
    }
}

fn delete_dir(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(vm, "delete directory", path, &e))
        }
        _ => Ok(Value::NIL),
    }
}

fn list_dir(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let path = path(vm, args, 0)?;
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) => return Err(failed(vm, "list directory", path, &e)),
    };
    let mut paths = Vec::new();
    for entry in entries.flatten() {
        paths.push(vm.str(&entry.path().to_string_lossy()));
    }
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
    match std::path::absolute(path) {
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

//! Packages: their manifests and lock files, and where the one that an import names lies
//! (`language/08-modules.md` §4).

use super::resolve::{Files, join, parent, path_list};
use gene_format::text::{Entry, Form, FormKind, read_all};

/// The package that an import names.
#[derive(Default)]
pub(super) struct PackageRequest<'f> {
    pub name: &'f str,
    /// `^path`, relative to the importer's package root.
    pub path: Option<&'f str>,
}

/// A directory with `package.gene`.
#[derive(Clone)]
pub(super) struct Package {
    /// Absolute path.
    pub root: String,
    pub name: String,
    pub version: Option<String>,
    pub source_dir: String,
    pub main_module: String,
    pub test_dir: String,
    /// Dependencies with a path.
    pub paths: Vec<(String, String)>,
}

/// The root of the nearest package around the directory at an absolute path.
pub fn package_around(files: &mut dyn Files, directory: &str) -> Option<String> {
    package_of(files, directory).map(|package| package.root)
}

/// The root of the package of this name, as imports of code in the directory at an absolute path
/// find it; the package around it may be meant, too.
///
/// # Errors
///
/// A lock file that cannot be used, several directories that fit.
pub fn package_named(
    files: &mut dyn Files,
    directory: &str,
    name: &str,
) -> Result<Option<String>, String> {
    let own = package_of(files, directory);
    if let Some(own) = own.as_ref().filter(|own| own.name == name) {
        return Ok(Some(own.root.clone()));
    }
    let request = PackageRequest { name, path: None };
    let found = find_package(files, directory, own.as_ref(), &request, &[])?;
    Ok(found.map(|package| package.root))
}

/// The root of the package that an import means; `None` if there is none.
///
/// # Errors
///
/// A lock file that cannot be used, several directories that fit.
pub(super) fn find_package(
    files: &mut dyn Files,
    directory: &str,
    own: Option<&Package>,
    request: &PackageRequest,
    declared: &[(String, String)],
) -> Result<Option<Package>, String> {
    let root = own.map_or(directory, |package| &package.root).to_owned();
    let name = request.name;
    let known = |list: &[(String, String)]| {
        list.iter()
            .find(|known| known.0 == name)
            .map(|known| known.1.clone())
    };
    let named = |files: &mut dyn Files, path: &str| {
        package_at(files, path).filter(|found| found.name == name)
    };
    if let Some(path) = request.path.map(str::to_owned).or_else(|| known(declared)) {
        return Ok(named(files, &join(&root, &path)));
    }
    if let Some(path) = locked(files, &root, name)? {
        return Ok(named(files, &path));
    }
    if let Some(path) = own.and_then(|package| known(&package.paths)) {
        return Ok(named(files, &join(&root, &path)));
    }
    let installed = join(&root, &format!(".gene/deps/{name}"));
    let mut versions = Vec::new();
    for version in files.list(&installed) {
        versions.extend(named(files, &join(&installed, &version)));
    }
    if versions.len() > 1 {
        return Err(format!(
            "[GENE.PACKAGE.AMBIGUOUS] Several versions of package '{name}' are installed"
        ));
    }
    if let Some(found) = versions.pop() {
        return Ok(Some(found));
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    let mut bases = vec![directory.to_owned(), join(directory, "packages")];
    bases.extend(path_list(files, "GENE_PACKAGE_PATH"));
    let mut above = directory;
    while !above.is_empty() {
        above = parent(above);
        bases.push(above.into());
        bases.push(join(above, "packages"));
    }
    bases.push(parent(&root).into());
    for base in bases {
        for below in [name, last] {
            if let Some(found) = named(files, &join(&base, below)) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// What the nearest lock file at or above a package's root says about its dependency.
fn locked(files: &mut dyn Files, root: &str, name: &str) -> Result<Option<String>, String> {
    let mut home = root;
    let text = loop {
        if let Some(text) = files.read(&join(home, "package.gene.lock")) {
            break text;
        }
        if home.is_empty() {
            return Ok(None);
        }
        home = parent(home);
    };
    let invalid = |what: &str| {
        let place = join(home, "package.gene.lock");
        Err(format!("[GENE.PACKAGE.INVALID_LOCK] {place}: {what}"))
    };
    let read = read_all(&text);
    let [form] = read.forms.as_slice() else {
        return invalid("the file must hold one map");
    };
    let Some(lock) = entries(form).filter(|_| read.errors.is_empty()) else {
        return invalid("the file must hold one map");
    };
    match value(lock, "lock_version").map(|form| &form.kind) {
        Some(FormKind::Int(version)) if *version > 1 => {
            return invalid(&format!("lock version {version} is not supported"));
        }
        _ => {}
    }
    let nodes = value(lock, "packages").and_then(entries).unwrap_or(&[]);
    let directory = |node: &Entry| {
        let dir = value(entries(&node.value)?, "dir").and_then(text_of)?;
        Some(join(home, dir))
    };
    let importer = nodes
        .iter()
        .find(|node| directory(node).as_deref() == Some(root));
    let edges = importer
        .and_then(|node| value(entries(&node.value)?, "dependencies"))
        .and_then(entries)
        .unwrap_or(&[]);
    let roots = value(lock, "root_dependencies")
        .and_then(entries)
        .unwrap_or(&[]);
    let Some(id) = value(edges, name)
        .or_else(|| value(roots, name))
        .and_then(text_of)
    else {
        return Ok(None);
    };
    match nodes
        .iter()
        .find(|node| &*node.key == id)
        .and_then(directory)
    {
        Some(path) => Ok(Some(path)),
        None => invalid(&format!("package '{id}' has no directory")),
    }
}

fn entries(form: &Form) -> Option<&[Entry]> {
    match &form.kind {
        FormKind::Map(map) => Some(&map.entries),
        _ => None,
    }
}

fn value<'f>(entries: &'f [Entry], key: &str) -> Option<&'f Form> {
    let found = entries.iter().find(|entry| &*entry.key == key)?;
    Some(&found.value)
}

fn text_of(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Str(text) => Some(text),
        _ => None,
    }
}

/// The nearest package around a directory.
pub(super) fn package_of(files: &mut dyn Files, directory: &str) -> Option<Package> {
    let mut at = directory;
    loop {
        if let Some(found) = package_at(files, at) {
            return Some(found);
        }
        if at.is_empty() {
            return None;
        }
        at = parent(at);
    }
}

fn package_at(files: &mut dyn Files, root: &str) -> Option<Package> {
    let text = files.read(&join(root, "package.gene"))?;
    let mut package = Package {
        root: root.into(),
        name: "gene".into(),
        version: None,
        source_dir: "src".into(),
        main_module: "index".into(),
        test_dir: "tests".into(),
        paths: Vec::new(),
    };
    read_manifest(&text, &mut package);
    Some(package)
}

/// A flat list of `^key value`, or one map. What cannot be read keeps the defaults.
fn read_manifest(text: &[u8], package: &mut Package) {
    let wrapped: Vec<u8> = [b"{\n".as_slice(), text, b"\n}"].concat();
    let flat = read_all(&wrapped);
    let forms = if flat.errors.is_empty() {
        flat.forms
    } else {
        read_all(text).forms
    };
    let [form] = forms.as_slice() else {
        return;
    };
    for entry in entries(form).unwrap_or(&[]) {
        let text = match &entry.value.kind {
            FormKind::Str(text) => text.to_string(),
            FormKind::Array(list) if &*entry.key == "dependencies" => {
                package.paths = list.items.iter().filter_map(dependency).collect();
                continue;
            }
            _ => continue,
        };
        match &*entry.key {
            "name" => package.name = text,
            "version" => package.version = Some(text),
            "source-dir" | "src-path" => package.source_dir = text,
            "main-module" => package.main_module = text,
            "test-dir" | "test-path" => package.test_dir = text,
            _ => {}
        }
    }
}

/// Name and path of `($dep "name" … ^path "…")`.
pub(super) fn dependency(form: &Form) -> Option<(String, String)> {
    let FormKind::Gene(gene) = &form.kind else {
        return None;
    };
    if super::lower::word(&gene.head) != Some("$dep") {
        return None;
    }
    let name = gene.children.first().and_then(text_of)?;
    let path = value(&gene.props, "path").and_then(text_of)?;
    Some((name.to_owned(), path.to_owned()))
}

//! Where modules lie: the search order of `language/08-modules.md` §3.

use super::packages::{Package, PackageRequest, find_package, package_of};

/// What the front end needs of a file system. Paths are absolute, parts separated by `/`.
pub trait Files {
    /// Content of a file, if there is one at that path.
    fn read(&mut self, path: &str) -> Option<Vec<u8>>;

    /// An environment variable.
    fn variable(&mut self, name: &str) -> Option<String>;

    /// Names of what a directory contains, sorted; none if there is no such directory.
    fn list(&mut self, _path: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Entries of a list in an environment variable.
pub(super) fn path_list(files: &mut dyn Files, variable: &str) -> Vec<String> {
    let text = files.variable(variable).unwrap_or_default();
    text.split(':')
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// No files but the main module.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&mut self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn variable(&mut self, _: &str) -> Option<String> {
        None
    }
}

/// Absolute path of a module, or a message.
pub(super) fn resolve(
    files: &mut dyn Files,
    importer: &str,
    specifier: &str,
    request: Option<&PackageRequest>,
    declared: &[(String, String)],
) -> Result<String, String> {
    let directory = parent(importer);
    let own = package_of(files, directory);
    let context = |package: &str| {
        let package = if package.is_empty() {
            String::new()
        } else {
            format!("; package={package}")
        };
        format!("importer={importer}; specifier={specifier}{package}")
    };
    let mut searched = Vec::new();
    if let Some(request) = request {
        let details = context(request.name);
        let found = find_package(files, directory, own.as_ref(), request, declared)
            .map_err(|problem| format!("{problem} ({details})"))?;
        let package = found.ok_or_else(|| {
            let name = request.name;
            format!("[GENE.PACKAGE.NOT_FOUND] Package '{name}' was not found ({details})")
        })?;
        return in_package(files, &package, specifier, &details, &mut searched);
    }
    let details = context("");
    if let Some(found) = in_tier(
        files,
        "importer",
        &[directory.into()],
        specifier,
        &details,
        &mut searched,
    )? {
        return Ok(found);
    }
    if let Some(package) = own {
        let bases = package_bases(&package);
        if let Some(found) = in_tier(files, "package", &bases, specifier, &details, &mut searched)?
        {
            return Ok(found);
        }
    }
    let mut bases = Vec::new();
    for entry in path_list(files, "GENE_WORKSPACE_PATH") {
        let source = !entry.ends_with("/src");
        bases.push(entry.clone());
        if source {
            bases.push(format!("{entry}/src"));
        }
    }
    match in_tier(
        files,
        "workspace",
        &bases,
        specifier,
        &details,
        &mut searched,
    )? {
        Some(found) => Ok(found),
        None => Err(not_found(specifier, &details, &searched)),
    }
}

fn not_found(specifier: &str, details: &str, searched: &[String]) -> String {
    format!(
        "[GENE.MODULE.NOT_FOUND] Module '{specifier}' was not found ({details}; searched=[{}])",
        searched.join(", ")
    )
}

/// The single match of a tier.
fn in_tier(
    files: &mut dyn Files,
    tier: &str,
    bases: &[String],
    specifier: &str,
    details: &str,
    searched: &mut Vec<String>,
) -> Result<Option<String>, String> {
    let mut found: Vec<String> = Vec::new();
    for base in bases {
        let path = join(base, specifier);
        let complete = specifier.ends_with(".gene") || specifier.ends_with(".gir");
        let candidates = if complete {
            vec![path]
        } else {
            vec![format!("{path}.gene"), path]
        };
        for path in candidates {
            if !found.contains(&path) && files.read(&path).is_some() {
                found.push(path.clone());
            }
            searched.push(path);
        }
    }
    match found.len() {
        0 => Ok(None),
        1 => Ok(found.pop()),
        _ => Err(format!(
            "[GENE.MODULE.AMBIGUOUS] Module specifier matched multiple candidates in the \
             '{tier}' tier ({details}; candidates=[{}])",
            found.join(", ")
        )),
    }
}

fn package_bases(package: &Package) -> Vec<String> {
    let mut bases = vec![package.root.clone()];
    for below in [package.source_dir.as_str(), "src", "lib", "build"] {
        let base = join(&package.root, below);
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    bases
}

fn in_package(
    files: &mut dyn Files,
    package: &Package,
    specifier: &str,
    details: &str,
    searched: &mut Vec<String>,
) -> Result<String, String> {
    let last = package.name.rsplit('/').next().unwrap_or("");
    let mut inside = specifier;
    for prefix in [package.name.as_str(), last] {
        if let Some(rest) = inside
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('/'))
        {
            inside = rest;
            break;
        }
    }
    let root = &package.root;
    if !join(&join(root, "x"), inside).starts_with(&format!("{root}/")) || escapes(inside) {
        return Err(format!(
            "[GENE.PACKAGE.BOUNDARY] Resolved module escapes package root ({details})"
        ));
    }
    let entries = if inside == "index" {
        vec![package.main_module.as_str(), "index"]
    } else {
        vec![inside]
    };
    let bases = package_bases(package);
    for entry in entries {
        for base in &bases {
            let base = std::slice::from_ref(base);
            if let Some(found) = in_tier(files, "package", base, entry, details, searched)? {
                return Ok(found);
            }
        }
    }
    Err(not_found(specifier, details, searched))
}

/// True if a relative path leads above its start.
fn escapes(path: &str) -> bool {
    let mut depth = 0i32;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    path.starts_with('/')
}

/// The directory of a path; the root is the empty text.
pub(super) fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

/// Joins and normalises: no `.`, no `..`, no double slash.
pub(super) fn join(base: &str, path: &str) -> String {
    let joined = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{base}/{path}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut out = String::new();
    for part in parts {
        out.push('/');
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escapes, join, parent};

    #[test]
    fn paths_are_normalised() {
        assert_eq!(join("/a/b", "./c"), "/a/b/c");
        assert_eq!(join("/a/b", "../../../c"), "/c");
        assert_eq!(join("/a", "/b//c"), "/b/c");
        assert_eq!(parent("/a/b"), "/a");
        assert_eq!(parent("/a"), "");
        assert!(escapes("a/../../b") && !escapes("a/../b"));
    }
}

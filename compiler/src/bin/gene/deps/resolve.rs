//! Which packages a package needs, and the lock file that says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gene_compiler::cli::Failure;
use gene_compiler::disk;
use gene_format::text::{Form, FormKind, Span, read_all, write_form};

use super::manifest::{Dependency, MANIFEST, Manifest, Origin, entries, text_of, value};
use super::{failed, tree};

/// What the lock file says.
#[derive(Default)]
pub struct Lock {
    /// Ids of the packages that the root needs, by name.
    pub roots: BTreeMap<String, String>,
    /// Packages by id, `name@version`.
    pub nodes: BTreeMap<String, Node>,
}

/// A locked package.
#[derive(Default)]
pub struct Node {
    pub name: String,
    pub version: String,
    /// Where its files are, relative to the root.
    pub dir: String,
    pub source: Vec<(&'static str, String)>,
    pub sha256: String,
    pub singleton: bool,
    /// Ids of the packages that it needs, by name.
    pub dependencies: BTreeMap<String, String>,
}

impl Lock {
    /// The text of the file.
    pub fn text(&self) -> String {
        let mut out = "{\n  ^lock_version 1\n  ^root_dependencies {\n".to_owned();
        edges(&mut out, &self.roots, 4);
        out.push_str("  }\n  ^packages {\n");
        for (id, node) in &self.nodes {
            out.push_str(&format!("    ^{id} {{\n"));
            let fields = [
                ("name", &node.name),
                ("resolved", &node.version),
                ("node_id", id),
                ("dir", &node.dir),
            ];
            for (key, text) in fields {
                out.push_str(&format!("      ^{key} {}\n", quoted(text)));
            }
            out.push_str("      ^source {\n");
            for (key, text) in &node.source {
                out.push_str(&format!("        ^{key} {}\n", quoted(text)));
            }
            let (sha256, singleton) = (quoted(&node.sha256), node.singleton);
            out.push_str(&format!(
                "      }}\n      ^sha256 {sha256}\n      ^singleton {singleton}\n"
            ));
            out.push_str("      ^dependencies {\n");
            edges(&mut out, &node.dependencies, 8);
            out.push_str("      }\n    }\n");
        }
        out + "  }\n}\n"
    }

    /// Reads what verification needs.
    ///
    /// # Errors
    ///
    /// A text that is no lock file of this version.
    pub fn read(text: &[u8]) -> Result<Lock, String> {
        let read = read_all(text);
        let form = read.forms.first().filter(|_| read.errors.is_empty());
        let lock = form.and_then(entries).ok_or("the file must hold one map")?;
        if let Some(FormKind::Int(version)) = value(lock, "lock_version").map(|form| &form.kind)
            && *version > 1
        {
            return Err(format!("lock version {version} is not supported"));
        }
        let mut all = Lock::default();
        for entry in value(lock, "packages").and_then(entries).unwrap_or(&[]) {
            let fields = entries(&entry.value).unwrap_or(&[]);
            let field = |key| {
                value(fields, key)
                    .and_then(text_of)
                    .unwrap_or("")
                    .to_owned()
            };
            let node = Node {
                dir: field("dir"),
                sha256: field("sha256"),
                ..Node::default()
            };
            if node.dir.is_empty() || node.sha256.is_empty() {
                return Err(format!("package '{}' has no directory or hash", entry.key));
            }
            all.nodes.insert(entry.key.to_string(), node);
        }
        Ok(all)
    }
}

fn edges(out: &mut String, edges: &BTreeMap<String, String>, indent: usize) {
    for (name, id) in edges {
        out.push_str(&format!("{:indent$}^{name} {}\n", "", quoted(id)));
    }
}

fn quoted(text: &str) -> String {
    let kind = FormKind::Str(text.into());
    write_form(&Form {
        kind,
        span: Span::default(),
    })
}

/// Walks from the root over all dependencies and brings their files to `.gene/deps`.
pub struct Resolver<'r> {
    root: &'r Path,
    native: bool,
    lock: Lock,
    /// Names of the packages on the way from the root.
    way: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl<'r> Resolver<'r> {
    /// A resolver for a package. `native`: build commands may run.
    pub fn new(root: &'r Path, native: bool) -> Resolver<'r> {
        Resolver {
            root,
            native,
            lock: Lock::default(),
            way: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// All packages.
    ///
    /// # Errors
    ///
    /// Rules that are broken, packages that are not there.
    pub fn resolve(&mut self) -> Result<Lock, Failure> {
        let manifest = manifest(self.root)?;
        self.way.push(manifest.name.clone());
        let roots = self.dependencies(&manifest, self.root)?;
        self.lock.roots = roots;
        Ok(std::mem::take(&mut self.lock))
    }

    /// Ids of what a package needs, by name. Its files, from which paths count, are in `folder`.
    fn dependencies(
        &mut self,
        package: &Manifest,
        folder: &Path,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut edges = BTreeMap::new();
        for wanted in &package.dependencies {
            let id = self.node(wanted, folder)?;
            if let Some(other) = edges.insert(wanted.name.clone(), id.clone())
                && other != id
            {
                let name = &package.name;
                return Err(failed(format_args!("{name} needs both {other} and {id}")));
            }
        }
        Ok(edges)
    }

    fn node(&mut self, wanted: &Dependency, from: &Path) -> Result<String, Failure> {
        let name = &wanted.name;
        if self.way.contains(name) {
            let way = self.way.join(" -> ");
            return Err(failed(format_args!("Cyclic dependency: {way} -> {name}")));
        }
        let (folder, source, version) = self.fetch(wanted, from)?;
        let package = manifest(&folder)?;
        if package.name != *name {
            let (found, folder) = (&package.name, folder.display());
            return Err(failed(format_args!("{folder} holds {found}, not {name}")));
        }
        let version = match (version, &wanted.origin) {
            (Some(version), _) => version,
            (None, Origin::Path(_)) if package.version.is_some() => {
                package.version.clone().unwrap_or_default()
            }
            _ => wanted.version.clone().unwrap_or_else(|| "local".into()),
        };
        // it becomes the name of a folder
        let version = version.replace(['/', '\\', '*'], "_");
        let version = match version.as_str() {
            "" | "." | ".." | "_" => "local".to_owned(),
            _ => version,
        };
        let id = format!("{name}@{version}");
        if self.lock.nodes.contains_key(&id) {
            return Ok(id);
        }
        let other = |node: &&Node| node.name == *name && (node.singleton || package.singleton);
        if let Some(other) = self.lock.nodes.values().find(other) {
            let other = &other.version;
            let text = format!("{name} may be used once, but {other} and {version} are needed");
            return Err(failed(text));
        }
        let dir = format!(".gene/deps/{name}/{version}");
        self.materialise(&folder, &dir)?;
        self.build(&package, &dir)?;
        let mut node = Node {
            name: name.clone(),
            sha256: tree::hash(&self.root.join(&dir))?,
            singleton: package.singleton,
            version,
            dir,
            source,
            dependencies: BTreeMap::new(),
        };
        self.way.push(name.clone());
        node.dependencies = self.dependencies(&package, &folder)?;
        self.way.pop();
        self.lock.nodes.insert(id.clone(), node);
        Ok(id)
    }

    /// The files of a package, what the lock file says of their source, and a version that
    /// follows from it.
    #[expect(clippy::type_complexity, reason = "used once")]
    fn fetch(
        &self,
        wanted: &Dependency,
        from: &Path,
    ) -> Result<(PathBuf, Vec<(&'static str, String)>, Option<String>), Failure> {
        let clean = |path: &Path| {
            let path = disk::absolute(path).map_err(|error| Failure::file(path, &error))?;
            Ok(PathBuf::from(path))
        };
        match &wanted.origin {
            Origin::Path(path) => {
                let source = vec![("type", "path".to_owned()), ("path", path.clone())];
                Ok((clean(&from.join(path))?, source, None))
            }
            Origin::Subdir(below) => {
                let folder = clean(&from.join(below))?;
                if !folder.starts_with(from) {
                    let name = &wanted.name;
                    return Err(failed(format_args!("{name}: ^subdir leaves its package")));
                }
                let source = vec![("type", "subdir".to_owned()), ("subdir", below.clone())];
                Ok((folder, source, None))
            }
            Origin::Git { url, at } => {
                let number = self.lock.nodes.len() + self.way.len();
                let name = wanted.name.replace('/', "-");
                let folder = self.root.join(format!(".gene/tmp/{name}-{number}"));
                tree::remove(&folder)?;
                let place = folder.to_string_lossy().into_owned();
                git(from, &["clone", "--quiet", "--", url, &place])?;
                if let Some((_, name)) = at {
                    let checked_out = format!("{name}^{{commit}}");
                    let branch = format!("origin/{name}^{{commit}}");
                    let resolve = |what: &str| git(&folder, &["rev-parse", "--verify", "-q", what]);
                    let commit = resolve(&checked_out).or_else(|_| resolve(&branch))?;
                    git(&folder, &["checkout", "--quiet", "--detach", commit.trim()])?;
                }
                let commit = git(&folder, &["rev-parse", "HEAD"])?.trim().to_owned();
                let version = match at {
                    Some(("tag", tag)) if is_version(tag.trim_start_matches('v')) => {
                        tag.trim_start_matches('v').to_owned()
                    }
                    _ => format!("sha-{}", &commit[..commit.len().min(8)]),
                };
                let source = vec![
                    ("type", "git".to_owned()),
                    ("url", url.clone()),
                    ("commit", commit),
                ];
                Ok((folder, source, Some(version)))
            }
        }
    }

    /// Copies a package to its place; what is there is replaced at once.
    fn materialise(&self, from: &Path, dir: &str) -> Result<(), Failure> {
        let number = self.lock.nodes.len() + self.way.len();
        let staging = self.root.join(format!(".gene/tmp/staging-{number}"));
        let target = self.root.join(dir);
        tree::remove(&staging)?;
        tree::copy(from, &staging)?;
        tree::remove(&target)?;
        let parent = target.parent().unwrap_or(self.root);
        fs::create_dir_all(parent)
            .and_then(|()| fs::rename(&staging, &target))
            .map_err(|error| Failure::file(&target, &error))
    }

    fn build(&mut self, package: &Manifest, dir: &str) -> Result<(), Failure> {
        let name = &package.name;
        if !package.native_build.is_empty() && !self.native {
            let text = format!("{name} has native code; --allow-native builds it");
            self.warnings.push(text);
            return Ok(());
        }
        for command in &package.native_build {
            let folder = self.root.join(dir);
            let done = Command::new("sh")
                .args(["-c", command])
                .current_dir(folder)
                .status();
            if !done.is_ok_and(|status| status.success()) {
                return Err(failed(format_args!("{name}: `{command}` failed")));
            }
        }
        Ok(())
    }
}

fn manifest(folder: &Path) -> Result<Manifest, Failure> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
    Manifest::read(&text).map_err(|what| failed(format_args!("{}: {what}", path.display())))
}

/// Digits, dots and what may follow them: `1.2.0-rc1`.
fn is_version(text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or("");
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.split('.').count() == 3 && numbers.split('.').all(number)
}

fn git(folder: &Path, args: &[&str]) -> Result<String, Failure> {
    let done = Command::new("git").args(args).current_dir(folder).output();
    let done = done.map_err(|error| Failure::File(format!("git: {error}")))?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => {
            let text = String::from_utf8_lossy(&done.stderr);
            Err(failed(format_args!(
                "git {}: {}",
                args.join(" "),
                text.trim()
            )))
        }
    }
}

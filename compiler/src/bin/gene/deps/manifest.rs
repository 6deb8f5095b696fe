//! `package.gene`, as far as dependencies need it.

use gene_format::text::{Entry, Form, FormKind, read_all};

/// The name of the file.
pub const MANIFEST: &str = "package.gene";

/// A package.
#[derive(Default)]
pub struct Manifest {
    pub name: String,
    pub version: Option<String>,
    /// Only one version of it may be used.
    pub singleton: bool,
    /// Commands that build its native code.
    pub native_build: Vec<String>,
    pub dependencies: Vec<Dependency>,
}

/// `($dep "parent/name" "version" ^path …)`
#[derive(Clone)]
pub struct Dependency {
    pub name: String,
    pub version: Option<String>,
    pub origin: Origin,
}

/// Where a package comes from.
#[derive(Clone)]
pub enum Origin {
    /// A folder, relative to the package that needs it.
    Path(String),
    /// A folder inside of that package.
    Subdir(String),
    /// A repository.
    Git {
        url: String,
        /// What is checked out: `commit`, `tag` or `branch`, and its name.
        at: Option<(&'static str, String)>,
    },
}

/// Pairs of a map.
pub fn entries(form: &Form) -> Option<&[Entry]> {
    match &form.kind {
        FormKind::Map(map) => Some(&map.entries),
        _ => None,
    }
}

/// The value of a key.
pub fn value<'f>(entries: &'f [Entry], key: &str) -> Option<&'f Form> {
    let found = entries.iter().find(|entry| &*entry.key == key)?;
    Some(&found.value)
}

/// The text of a string.
pub fn text_of(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Str(text) => Some(text),
        _ => None,
    }
}

fn items(form: Option<&Form>) -> &[Form] {
    match form.map(|form| &form.kind) {
        Some(FormKind::Array(list)) => &list.items,
        _ => &[],
    }
}

impl Manifest {
    /// Reads a manifest: a flat list of `^key value`, or one map.
    ///
    /// # Errors
    ///
    /// A dependency that breaks the rules.
    pub fn read(text: &[u8]) -> Result<Manifest, String> {
        let wrapped = [b"{\n".as_slice(), text, b"\n}"].concat();
        let flat = read_all(&wrapped);
        let forms = match flat.errors.is_empty() {
            true => flat.forms,
            false => read_all(text).forms,
        };
        let all = forms.first().and_then(entries).unwrap_or(&[]);
        let string = |key| value(all, key).and_then(text_of).map(str::to_owned);
        let builds = items(value(all, "native-build")).iter();
        let dependencies = items(value(all, "dependencies")).iter();
        Ok(Manifest {
            name: string("name").unwrap_or_else(|| "gene".into()),
            version: string("version"),
            singleton: value(all, "singleton").is_some_and(is_true),
            native_build: builds.filter_map(text_of).map(str::to_owned).collect(),
            dependencies: dependencies.map(dependency).collect::<Result<_, _>>()?,
        })
    }
}

fn is_true(form: &Form) -> bool {
    form.kind == FormKind::Bool(true)
}

fn dependency(form: &Form) -> Result<Dependency, String> {
    let broken = || "a dependency must be ($dep \"parent/name\" …)".to_owned();
    let FormKind::Gene(gene) = &form.kind else {
        return Err(broken());
    };
    if gene.head.kind != FormKind::Symbol("$dep".into()) {
        return Err(broken());
    }
    let name = gene.children.first().and_then(text_of).ok_or_else(broken)?;
    if !is_name(name) {
        return Err(format!(
            "'{name}' is no package name of the form parent/name"
        ));
    }
    let string = |key| value(&gene.props, key).and_then(text_of).map(str::to_owned);
    let mut at: Vec<(&'static str, String)> = Vec::new();
    for key in ["commit", "tag", "branch"] {
        at.extend(string(key).map(|text| (key, text)));
    }
    if at.len() > 1 {
        return Err(format!("{name}: at most one of ^commit ^tag ^branch"));
    }
    let has_ref = !at.is_empty();
    let origin = match (string("path"), string("subdir"), string("git")) {
        (Some(path), None, None) => Origin::Path(path),
        (None, Some(folder), None) => Origin::Subdir(folder),
        // what starts with a dash would be an option of git
        (None, None, Some(url)) if url.starts_with('-') => {
            return Err(format!("{name}: '{url}' is no repository"));
        }
        (None, None, Some(url)) => Origin::Git { url, at: at.pop() },
        _ => {
            return Err(format!(
                "{name}: exactly one of ^path ^subdir ^git is needed"
            ));
        }
    };
    if has_ref && !matches!(origin, Origin::Git { .. }) {
        return Err(format!("{name}: ^commit ^tag ^branch need ^git"));
    }
    Ok(Dependency {
        name: name.to_owned(),
        version: gene.children.get(1).and_then(text_of).map(str::to_owned),
        origin,
    })
}

/// Two segments of `a-z 0-9 - _ + &`, each from a letter to a letter or digit.
fn is_name(name: &str) -> bool {
    let segment = |text: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_+&".contains(c);
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.chars().all(inner)
    };
    let mut segments = name.split('/');
    let both = segments
        .by_ref()
        .take(2)
        .filter(|part| segment(part))
        .count()
        == 2;
    both && segments.next().is_none() && !name.starts_with("gene")
}

//! What `gene compile -f ai-metadata` tells tools of a program: names, types and functions of its
//! main module as written, as JSON.

use std::collections::BTreeMap;

use gene_compiler::cli::Source;
use gene_compiler::source::{FileId, SourceMap};
use gene_format::text::{Entry, Form, FormKind, GeneForm, Span};
use serde_json::{Value, json};

/// "No type".
const NONE: i64 = -1;

/// Collects while it walks through the forms.
struct Metadata<'s> {
    sources: SourceMap,
    file: FileId,
    path: &'s str,
    /// Descriptors without the parts that all have, as text, in order of their ids.
    types: Vec<Value>,
    aliases: BTreeMap<String, i64>,
    callables: Vec<Value>,
    /// Type variables of the heads around.
    variables: Vec<String>,
}

/// The metadata of a program with this many instructions.
pub fn metadata(source: &Source, forms: &[Form], instructions: usize) -> Value {
    let mut sources = SourceMap::new();
    let file = sources.add(source.name.clone(), source.text.clone());
    let mut all = Metadata {
        sources,
        file,
        path: &source.name,
        types: Vec::new(),
        aliases: BTreeMap::new(),
        callables: Vec::new(),
        variables: Vec::new(),
    };
    let module_types = all.module(forms, "");
    let aliases = all.aliases.iter();
    let aliases: Vec<Value> = aliases
        .map(|(name, id)| json!({"name": name, "type_id": id}))
        .collect();
    let path = all.path;
    let types = all.types.iter().enumerate().map(|(id, described)| {
        let mut one = json!({"id": id, "module_path": path});
        if let (Value::Object(one), Value::Object(described)) = (&mut one, described) {
            one.extend(described.clone());
        }
        one
    });
    json!({
        "format": "ai-metadata",
        "source": path,
        "module_path": path,
        "instruction_count": instructions,
        "module_exports": exports(forms),
        "module_imports": imports(forms),
        "module_types": module_types,
        "type_descriptors": types.collect::<Vec<Value>>(),
        "type_aliases": aliases,
        "callables": all.callables,
    })
}

impl Metadata<'_> {
    /// Types and functions that forms define, the functions named behind `prefix`; the types.
    fn module(&mut self, forms: &[Form], prefix: &str) -> Vec<Value> {
        let mut types = Vec::new();
        for form in forms {
            let Some((head, gene)) = call(form) else {
                continue;
            };
            let Some(name) = gene.children.first().and_then(defined) else {
                if head == "ctor" {
                    self.callable(&format!("{prefix}ctor"), &gene.children, form.span);
                }
                continue;
            };
            let full = format!("{prefix}{name}");
            let inside = |separator: &str| format!("{full}{separator}");
            let rest = &gene.children[1..];
            let marked = self.variables.len();
            self.variables.extend(type_variables(&gene.children[0]));
            let found = match head {
                "fn" | "method" => {
                    self.callable(&full, rest, form.span);
                    None
                }
                "ns" => Some(("namespace", self.module(rest, &inside("/")))),
                "class" | "object" => Some((head, self.module(rest, &inside(".")))),
                "enum" | "interface" => Some((head, Vec::new())),
                "type" => {
                    if let [ty] = rest {
                        let id = self.type_id(ty);
                        self.aliases.insert(full, id);
                    }
                    Some(("alias", Vec::new()))
                }
                _ => None,
            };
            self.variables.truncate(marked);
            if let Some((kind, children)) = found {
                types.push(json!({"name": name, "kind": kind, "children": children}));
            }
        }
        types
    }

    /// A function with its parameters and body behind the name.
    fn callable(&mut self, name: &str, parts: &[Form], span: Span) {
        let Some(FormKind::Array(list)) = parts.first().map(|form| &form.kind) else {
            return;
        };
        let params = self.params(&list.items);
        let result = match parts {
            [_, arrow, ty, ..] if word(arrow) == Some("->") => self.type_id(ty),
            _ => NONE,
        };
        let ids: Vec<i64> = params.iter().map(|param| param.1).collect();
        let typed = result != NONE || ids.iter().any(|id| *id != NONE);
        let named = params
            .iter()
            .map(|(name, id)| json!({"name": name, "type_id": id}));
        let place = self.sources.location(self.file, span.start);
        self.callables.push(json!({
            "name": name,
            "typed": typed,
            "params": named.collect::<Vec<Value>>(),
            "param_type_ids": ids,
            "return_type_id": result,
            "line": place.line,
            "column": place.column,
        }));
    }

    /// Names and types of parameters.
    fn params(&mut self, items: &[Form]) -> Vec<(String, i64)> {
        let mut params = Vec::new();
        let mut items = items.iter();
        while let Some(form) = items.next() {
            let Some(text) = defined(form) else {
                continue;
            };
            if text == "=" {
                items.next();
                continue;
            }
            let name = text.trim_start_matches('^').trim_end_matches("...");
            let (name, id) = match name.strip_suffix(':') {
                Some(name) => (name, items.next().map_or(NONE, |ty| self.type_id(ty))),
                None => (name, NONE),
            };
            if !name.is_empty() {
                params.push((name.to_owned(), id));
            }
        }
        params
    }

    /// The number of a type.
    fn type_id(&mut self, form: &Form) -> i64 {
        let described = match &form.kind {
            FormKind::Symbol(text) if &**text == "Any" => json!({"kind": "any"}),
            FormKind::Symbol(text) => {
                let variable = self.variables.iter().position(|known| *known == **text);
                match variable {
                    Some(id) => json!({"kind": "var", "var_id": id}),
                    None => json!({"kind": "named", "name": &**text}),
                }
            }
            FormKind::Nil => json!({"kind": "named", "name": "Nil"}),
            FormKind::Void => json!({"kind": "named", "name": "Void"}),
            FormKind::Path(parts) => json!({"kind": "named", "name": parts.join("/")}),
            FormKind::Gene(gene) => self.compound(gene),
            _ => json!({"kind": "any"}),
        };
        let known = self.types.iter().position(|known| *known == described);
        let id = known.unwrap_or_else(|| {
            self.types.push(described);
            self.types.len() - 1
        });
        id as i64
    }

    fn compound(&mut self, gene: &GeneForm) -> Value {
        if gene.children.first().and_then(word) == Some("|") {
            let members = std::iter::once(&gene.head);
            let members = members.chain(gene.children.iter().skip(1).step_by(2));
            let ids: Vec<i64> = members.map(|member| self.type_id(member)).collect();
            return json!({"kind": "union", "members": ids});
        }
        let head = word(&gene.head).unwrap_or_default();
        let Some((FormKind::Array(params), rest)) = (gene.children.split_first())
            .filter(|_| head == "Fn")
            .map(|(first, rest)| (&first.kind, rest))
        else {
            let args: Vec<i64> = gene.children.iter().map(|arg| self.type_id(arg)).collect();
            return json!({"kind": "applied", "ctor": head, "args": args});
        };
        let is_type = |form: &&Form| word(form).is_none_or(|text| !text.starts_with('^'));
        let params = params.items.iter().filter(is_type);
        let params: Vec<i64> = params.map(|param| self.type_id(param)).collect();
        let mut rest = rest.iter().filter(|form| word(form) != Some("->"));
        let ret = rest.next().map_or(NONE, |ty| self.type_id(ty));
        let effects = match (
            rest.next().and_then(word),
            rest.next().map(|form| &form.kind),
        ) {
            (Some("!"), Some(FormKind::Array(list))) => {
                list.items.iter().filter_map(word).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        json!({"kind": "fn", "params": params, "ret": ret, "effects": effects})
    }
}

fn word(form: &Form) -> Option<&str> {
    match &form.kind {
        FormKind::Symbol(text) => Some(text),
        _ => None,
    }
}

/// A form that a word begins.
fn call(form: &Form) -> Option<(&str, &GeneForm)> {
    match &form.kind {
        FormKind::Gene(gene) => Some((word(&gene.head)?, gene)),
        _ => None,
    }
}

/// The name that a definition gives: `name`, `name:T`, `"name"`, `/name`, the end of a path.
fn defined(target: &Form) -> Option<&str> {
    let text = match &target.kind {
        FormKind::Symbol(text) => &**text,
        FormKind::Str(text) => text.as_str(),
        FormKind::Path(parts) => parts.last().map(|last| &**last)?,
        _ => return None,
    };
    match text.split_once(':') {
        Some((name, variables)) if !name.is_empty() && !variables.is_empty() => Some(name),
        _ => Some(text),
    }
}

/// `T` and `E` of `name:T:E`.
fn type_variables(target: &Form) -> Vec<String> {
    let parts = word(target).unwrap_or_default().split(':').skip(1);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Names that others can import (`language/08-modules.md` §2).
fn exports(forms: &[Form]) -> Vec<String> {
    let mut names = Vec::new();
    let mut listed = Vec::new();
    for form in forms {
        let Some((head, gene)) = call(form) else {
            // `($ns/x = value)`
            if let FormKind::Gene(gene) = &form.kind
                && gene.children.first().and_then(word) == Some("=")
                && let FormKind::Path(parts) = &gene.head.kind
                && let [first, name] = &**parts
                && matches!(&**first, "" | "$ns")
            {
                names.push(name.to_string());
            }
            continue;
        };
        let first = gene.children.first();
        let own = |form: &&Form| match &form.kind {
            FormKind::Path(parts) => parts.len() == 2 && matches!(&*parts[0], "" | "$ns"),
            _ => false,
        };
        match head {
            "export" => {
                let list = match first.map(|form| &form.kind) {
                    Some(FormKind::Array(list)) => &*list.items,
                    _ => &gene.children,
                };
                listed.extend(list.iter().filter_map(defined).map(str::to_owned));
            }
            "fn" | "class" | "ns" | "interface" => {
                let plain = |form: &&Form| !matches!(form.kind, FormKind::Path(_)) || own(form);
                names.extend(first.filter(plain).and_then(defined).map(str::to_owned));
            }
            "var" | "let" | "enum" | "object" | "type" => {
                names.extend(first.filter(own).and_then(defined).map(str::to_owned));
            }
            _ => {}
        }
    }
    names.retain(|name| name != "__init__");
    if listed.is_empty() { names } else { listed }
}

/// What the module imports: files, else built-in namespaces.
fn imports(forms: &[Form]) -> Vec<String> {
    let mut modules: Vec<String> = Vec::new();
    for form in forms {
        let Some(("import", gene)) = call(form) else {
            continue;
        };
        let from = gene
            .children
            .iter()
            .position(|form| word(form) == Some("from"));
        let found = match from.and_then(|at| gene.children.get(at + 1)) {
            Some(Form {
                kind: FormKind::Str(text),
                ..
            }) => {
                let named = |entry: &&Entry| &*entry.key == "pkg";
                let package = gene.props.iter().find(named).map(|entry| &entry.value.kind);
                match package {
                    Some(FormKind::Str(package)) => vec![format!("{package}:{text}")],
                    _ => vec![text.to_string()],
                }
            }
            Some(_) => Vec::new(),
            None => gene.children.iter().filter_map(builtin).collect(),
        };
        for one in found {
            if !modules.contains(&one) {
                modules.push(one);
            }
        }
    }
    modules
}

/// `gene/json/parse`
fn builtin(form: &Form) -> Option<String> {
    match &form.kind {
        FormKind::Path(parts) => Some(parts.join("/")),
        _ => None,
    }
}

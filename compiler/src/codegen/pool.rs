//! Strings and constants of the program, each once.

use crate::hash::FastMap;
use crate::hir;
use gene_format::program::{Check, Const, ConstId, FnParam, StrId, TypeDesc};
use gene_format::text::{Entry, Form, FormKind, Items};

/// The pool; strings are found by the text the program representation holds.
pub(super) struct Pool<'h> {
    pub strings: Vec<Box<str>>,
    pub consts: Vec<Const>,
    ids: FastMap<&'h str, StrId>,
    ints: FastMap<u64, ConstId>,
    floats: FastMap<u64, ConstId>,
    /// By string: its constant, plus 1.
    texts: Vec<u32>,
    /// Key names and checks, by their content.
    described: FastMap<Vec<u32>, ConstId>,
    nil: Option<ConstId>,
    bools: [Option<ConstId>; 2],
}

impl<'h> Pool<'h> {
    pub fn new() -> Self {
        let mut pool = Pool {
            strings: Vec::new(),
            consts: Vec::new(),
            ids: FastMap::default(),
            ints: FastMap::default(),
            floats: FastMap::default(),
            texts: Vec::new(),
            described: FastMap::default(),
            nil: None,
            bools: [None; 2],
        };
        pool.string(""); // names that are absent are string 0
        pool
    }

    pub fn string(&mut self, text: &'h str) -> StrId {
        *self.ids.entry(text).or_insert_with(|| {
            self.strings.push(text.into());
            StrId(self.strings.len() as u32 - 1)
        })
    }

    fn push(&mut self, constant: Const) -> ConstId {
        self.consts.push(constant);
        ConstId(self.consts.len() as u32 - 1)
    }

    pub fn int(&mut self, n: i64) -> ConstId {
        if let Some(&id) = self.ints.get(&(n as u64)) {
            return id;
        }
        let id = self.push(Const::Int(n));
        self.ints.insert(n as u64, id);
        id
    }

    pub fn float(&mut self, n: f64) -> ConstId {
        let bits = if n.is_nan() { f64::NAN } else { n }.to_bits();
        if let Some(&id) = self.floats.get(&bits) {
            return id;
        }
        let id = self.push(Const::Float(n));
        self.floats.insert(bits, id);
        id
    }

    pub fn text(&mut self, text: &'h str) -> ConstId {
        let id = self.string(text);
        if self.texts.len() <= id.index() {
            self.texts.resize(id.index() + 1, 0);
        }
        if self.texts[id.index()] == 0 {
            self.texts[id.index()] = self.push(Const::Str(id)).0 + 1;
        }
        ConstId(self.texts[id.index()] - 1)
    }

    pub fn bool(&mut self, value: bool) -> ConstId {
        if let Some(id) = self.bools[usize::from(value)] {
            return id;
        }
        let id = self.push(Const::Bool(value));
        self.bools[usize::from(value)] = Some(id);
        id
    }

    pub fn nil(&mut self) -> ConstId {
        if let Some(id) = self.nil {
            return id;
        }
        let id = self.push(Const::Nil);
        self.nil = Some(id);
        id
    }

    pub fn keys(&mut self, names: impl Iterator<Item = &'h str>) -> ConstId {
        let names: Vec<StrId> = names.map(|name| self.string(name)).collect();
        let key: Vec<u32> = names.iter().map(|name| name.0).collect();
        if let Some(&id) = self.described.get(&key) {
            return id;
        }
        let id = self.push(Const::Keys(names));
        self.described.insert(key, id);
        id
    }

    pub fn selector(&mut self, parts: &'h [Form]) -> ConstId {
        let parts = parts.iter().map(|part| self.data(part)).collect();
        self.push(Const::Selector(parts))
    }

    pub fn check(&mut self, check: &'h hir::Check) -> ConstId {
        // no list of key names begins with this number, there are fewer strings
        let mut key = vec![u32::MAX, check.site as u32];
        let text = self.string(&check.text);
        let name = self.string(&check.name);
        key.extend([text.0, name.0]);
        let ty = self.type_desc(&check.ty, &mut key);
        if let Some(&id) = self.described.get(&key) {
            return id;
        }
        let site = check.site;
        let id = self.push(Const::Check(Check {
            ty,
            text,
            name,
            site,
        }));
        self.described.insert(key, id);
        id
    }

    fn type_desc(&mut self, ty: &'h hir::Type, key: &mut Vec<u32>) -> TypeDesc {
        match ty {
            hir::Type::Any => {
                key.push(0);
                TypeDesc::Any
            }
            hir::Type::Named(name) => {
                let name = self.string(name);
                key.extend([1, name.0]);
                TypeDesc::Named(name)
            }
            hir::Type::Applied(name) => {
                let name = self.string(name);
                key.extend([2, name.0]);
                TypeDesc::Applied(name)
            }
            hir::Type::Union(list) => {
                key.extend([3, list.len() as u32]);
                TypeDesc::Union(list.iter().map(|ty| self.type_desc(ty, key)).collect())
            }
            hir::Type::Function { params, result } => {
                key.extend([4, params.len() as u32]);
                let params = params.iter().map(|(name, rest, ty)| {
                    let name = name.as_ref().map(|name| self.string(name));
                    key.extend([name.map_or(u32::MAX, |name| name.0), u32::from(*rest)]);
                    FnParam {
                        key: name,
                        rest: *rest,
                        ty: self.type_desc(ty, key),
                    }
                });
                let params = params.collect();
                let result = Box::new(self.type_desc(result, key));
                TypeDesc::Function { params, result }
            }
        }
    }

    /// A constant for data. Numbers and strings are shared; containers are not, as each
    /// quoted collection is an object of its own.
    pub fn data(&mut self, form: &'h Form) -> ConstId {
        let constant = match &form.kind {
            FormKind::Int(n) => return self.int(*n),
            FormKind::Float(n) => return self.float(*n),
            FormKind::Str(text) => return self.text(text),
            FormKind::Nil => return self.nil(),
            FormKind::Void => Const::Void,
            FormKind::Bool(value) => return self.bool(*value),
            FormKind::Char(c) => Const::Char(*c),
            FormKind::Symbol(text) => Const::Symbol(self.string(text)),
            FormKind::Path(parts) => {
                Const::Path(parts.iter().map(|part| self.string(part)).collect())
            }
            FormKind::Bytes(bytes) => Const::Bytes(bytes.clone()),
            FormKind::Temporal(temporal) => Const::Temporal {
                date: temporal.date,
                time: temporal.time,
                offset: temporal.offset,
                zone: temporal.zone.as_ref().map(|zone| self.string(zone)),
            },
            FormKind::Regex(regex) => Const::Regex {
                pattern: self.string(&regex.pattern),
                replacement: regex.replacement.as_ref().map(|text| self.string(text)),
                flags: u8::from(regex.ignore_case) | u8::from(regex.dot_all) << 1,
            },
            FormKind::Array(list) => {
                let (items, sealed) = self.items(list);
                Const::Array { items, sealed }
            }
            FormKind::HashMap(list) => {
                let (items, sealed) = self.items(list);
                Const::HashMap { items, sealed }
            }
            FormKind::Map(map) => {
                let entries = self.entries(&map.entries);
                let sealed = map.sealed;
                Const::Map { entries, sealed }
            }
            FormKind::Gene(gene) => {
                let head = self.data(&gene.head);
                let props = self.entries(&gene.props);
                let children = gene.children.iter().map(|child| self.data(child)).collect();
                let sealed = gene.sealed;
                Const::Gene {
                    head,
                    props,
                    children,
                    sealed,
                }
            }
            FormKind::Quote(form) => Const::Quote(self.data(form)),
            FormKind::Unquote { form, discard } => Const::Unquote {
                form: self.data(form),
                discard: *discard,
            },
        };
        self.push(constant)
    }

    fn items(&mut self, list: &'h Items) -> (Vec<ConstId>, bool) {
        let items = list.items.iter().map(|item| self.data(item)).collect();
        (items, list.sealed)
    }

    fn entries(&mut self, entries: &'h [Entry]) -> Vec<(StrId, ConstId)> {
        let entries = entries
            .iter()
            .map(|entry| (self.string(&entry.key), self.data(&entry.value)));
        entries.collect()
    }
}

//! Constants: what `image/constants.rs` reads.

use zerocopy::little_endian::U32;

use super::{Writer, existing, field, inconsistent, limited};
use crate::error::{FormatError, FormatErrorKind, Place, Result};
use crate::image::constants::{CANONICAL_NAN, is_temporal, temporal, ty};
use crate::layout::{CNST, ConstRecord, tag};
use crate::limits::{MAX_CONST_DEPTH, MAX_CONST_NODES, MAX_TYPE_DEPTH};
use crate::program::{Check, Const, ConstId, StrId, TypeDesc};

/// The records; their lists go to LIST.
pub(super) fn records(writer: &mut Writer<'_>) -> Result<Vec<ConstRecord>> {
    let consts = &writer.program.consts;
    limited(consts.len(), u32::MAX, Place::Section(CNST))?;
    let mut encoder = Encoder {
        writer,
        records: Vec::with_capacity(consts.len()),
        sizes: Vec::with_capacity(consts.len()),
        depth: 0,
        nodes: 1,
    };
    for constant in consts {
        encoder.push(constant)?;
    }
    Ok(encoder.records)
}

struct Encoder<'w, 'p> {
    writer: &'w mut Writer<'p>,
    records: Vec<ConstRecord>,
    /// Depth and nodes of each record; depth `None` for key names and checks.
    sizes: Vec<(Option<u8>, u32)>,
    /// Levels of the children of the constant in work.
    depth: u8,
    /// Nodes of the constant in work.
    nodes: u64,
}

fn record(tag: u8, flags: u8, a: u32, b: u32) -> ConstRecord {
    ConstRecord {
        tag,
        flags,
        a: U32::new(a),
        b: U32::new(b),
        ..ConstRecord::default()
    }
}

fn number(tag: u8, bits: u64) -> ConstRecord {
    ConstRecord {
        c: U32::new((bits >> 32) as u32),
        ..record(tag, 0, 0, bits as u32)
    }
}

impl Encoder<'_, '_> {
    fn at(&self, name: &'static str) -> Place {
        field(CNST, self.records.len(), name)
    }

    fn push(&mut self, constant: &Const) -> Result<()> {
        self.depth = 0;
        self.nodes = 1;
        let mut record = self.encode(constant)?;
        let is_container = matches!(
            constant,
            Const::Array { .. }
                | Const::Map { .. }
                | Const::HashMap { .. }
                | Const::Gene { .. }
                | Const::Quote(_)
                | Const::Unquote { .. }
                | Const::Selector(_)
        );
        if is_container {
            let max = u32::from(MAX_CONST_DEPTH);
            let depth = limited(self.depth as usize + 1, max, self.at("depth"))?;
            let nodes = limited(self.nodes as usize, MAX_CONST_NODES, self.at("nodes"))?;
            record.depth = depth as u8;
            record.c = nodes.into();
        }
        let is_value = !matches!(constant, Const::Keys(_) | Const::Check(_));
        let depth = is_value.then_some(record.depth);
        self.sizes.push((depth, self.nodes as u32));
        self.records.push(record);
        Ok(())
    }

    fn encode(&mut self, constant: &Const) -> Result<ConstRecord> {
        Ok(match constant {
            Const::Nil => record(tag::NIL, 0, 0, 0),
            Const::Void => record(tag::VOID, 0, 0, 0),
            Const::Bool(false) => record(tag::FALSE, 0, 0, 0),
            Const::Bool(true) => record(tag::TRUE, 0, 0, 0),
            Const::NotFound => record(tag::NOT_FOUND, 0, 0, 0),
            Const::Placeholder => record(tag::PLACEHOLDER, 0, 0, 0),
            Const::Int(n) => number(tag::INT, *n as u64),
            Const::Float(x) if x.is_nan() => number(tag::FLOAT, CANONICAL_NAN),
            Const::Float(x) => number(tag::FLOAT, x.to_bits()),
            Const::Char(c) => record(tag::CHAR, 0, *c as u32, 0),
            Const::Str(id) => record(tag::STR, 0, self.string(*id)?, 0),
            Const::Symbol(id) => record(tag::SYMBOL, 0, self.string(*id)?, 0),
            Const::Path(parts) => self.strings(tag::PATH, parts)?,
            Const::Bytes(bytes) => self.bytes(bytes)?,
            Const::Array { items, sealed } => self.children(tag::ARRAY, *sealed, items)?,
            Const::Map { entries, sealed } => {
                let words = self.entries(entries)?;
                self.list(tag::MAP, (*sealed).into(), words)?
            }
            Const::HashMap { items, sealed } => {
                if items.len() % 2 != 0 {
                    let place = self.at("list");
                    return Err(inconsistent(items.len() as u32, "keys and values", place));
                }
                self.children(tag::HASH_MAP, *sealed, items)?
            }
            Const::Gene {
                head,
                props,
                children,
                sealed,
            } => {
                let mut words = vec![self.child(*head)?, props.len() as u32];
                words.extend(self.entries(props)?);
                for child in children {
                    words.push(self.child(*child)?);
                }
                self.list(tag::GENE, (*sealed).into(), words)?
            }
            Const::Quote(form) => record(tag::QUOTE, 0, self.child(*form)?, 0),
            Const::Unquote { form, discard } => {
                record(tag::UNQUOTE, (*discard).into(), self.child(*form)?, 0)
            }
            Const::Regex {
                pattern,
                replacement,
                flags,
            } => self.regex(*pattern, *replacement, *flags)?,
            Const::Temporal { .. } => self.temporal(constant)?,
            Const::Selector(segments) => self.children(tag::SELECTOR, false, segments)?,
            Const::Keys(names) => self.strings(tag::KEYS, names)?,
            Const::Check(check) => self.check(check)?,
        })
    }

    fn string(&self, id: StrId) -> Result<u32> {
        self.writer.string(id, self.at("string"))
    }

    fn list(&mut self, tag: u8, flags: u8, words: Vec<u32>) -> Result<ConstRecord> {
        let len = limited(words.len(), u32::MAX, self.at("list"))?;
        Ok(record(tag, flags, self.writer.list(words)?, len))
    }

    fn strings(&mut self, tag: u8, ids: &[StrId]) -> Result<ConstRecord> {
        let words = ids.iter().map(|id| self.string(*id));
        let words = words.collect::<Result<_>>()?;
        self.list(tag, 0, words)
    }

    fn child(&mut self, id: ConstId) -> Result<u32> {
        let index = existing(id.0, self.records.len(), self.at("child"))?;
        let (depth, nodes) = self.sizes[id.index()];
        let Some(depth) = depth else {
            return Err(inconsistent(index, "a value", self.at("child")));
        };
        self.depth = self.depth.max(depth);
        self.nodes += u64::from(nodes);
        Ok(index)
    }

    fn children(&mut self, tag: u8, sealed: bool, items: &[ConstId]) -> Result<ConstRecord> {
        let words = items.iter().map(|id| self.child(*id));
        let words = words.collect::<Result<_>>()?;
        self.list(tag, sealed.into(), words)
    }

    fn entries(&mut self, entries: &[(StrId, ConstId)]) -> Result<Vec<u32>> {
        let mut words = Vec::with_capacity(2 * entries.len());
        for (name, value) in entries {
            words.push(self.string(*name)?);
            words.push(self.child(*value)?);
        }
        Ok(words)
    }

    /// Four bytes a word, the last word filled up with zero.
    fn bytes(&mut self, bytes: &[u8]) -> Result<ConstRecord> {
        let len = limited(bytes.len(), u32::MAX, self.at("list"))?;
        let word = |chunk: &[u8]| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_le_bytes(word)
        };
        let start = self.writer.list(bytes.chunks(4).map(word))?;
        Ok(record(tag::BYTES, 0, start, len))
    }

    fn regex(
        &mut self,
        pattern: StrId,
        replacement: Option<StrId>,
        flags: u8,
    ) -> Result<ConstRecord> {
        if flags > 3 {
            return Err(inconsistent(
                flags.into(),
                "flags up to 3",
                self.at("flags"),
            ));
        }
        let pattern = self.string(pattern)?;
        let replacement = match replacement {
            Some(id) => self.string(id)? + 1,
            None => 0,
        };
        Ok(record(tag::REGEX, flags, pattern, replacement))
    }

    fn temporal(&mut self, constant: &Const) -> Result<ConstRecord> {
        let Const::Temporal {
            date,
            time,
            offset,
            zone,
        } = *constant
        else {
            unreachable!("called for temporals only");
        };
        if !is_temporal(date, time, offset) {
            let place = self.at("list");
            return Err(inconsistent(0, "a date or time that exists", place));
        }
        let mut flags = 0;
        let mut words = Vec::with_capacity(5);
        if let Some((year, month, day)) = date {
            flags |= temporal::DATE;
            words.push(u32::from(year) << 16 | u32::from(month) << 8 | u32::from(day));
        }
        if let Some((hour, minute, second, micros)) = time {
            flags |= temporal::TIME;
            words.push(u32::from(hour) << 16 | u32::from(minute) << 8 | u32::from(second));
            words.push(micros);
        }
        if let Some(minutes) = offset {
            flags |= temporal::OFFSET;
            words.push(i32::from(minutes) as u32);
        }
        if let Some(zone) = zone {
            flags |= temporal::ZONE;
            words.push(self.string(zone)?);
        }
        self.list(tag::TEMPORAL, flags, words)
    }

    fn check(&mut self, check: &Check) -> Result<ConstRecord> {
        let mut words = vec![self.string(check.text)?, self.string(check.name)?];
        self.ty(&check.ty, 0, &mut words)?;
        self.list(tag::CHECK, check.site as u8, words)
    }

    fn ty(&self, desc: &TypeDesc, depth: u32, words: &mut Vec<u32>) -> Result<()> {
        if depth >= MAX_TYPE_DEPTH {
            let (found, max) = (u64::from(depth) + 1, MAX_TYPE_DEPTH.into());
            let place = self.at("depth of the type");
            return Err(FormatError::new(
                place,
                FormatErrorKind::Limit { found, max },
            ));
        }
        match desc {
            TypeDesc::Any => words.push(ty::ANY),
            TypeDesc::Named(name) => words.extend([ty::NAMED, self.string(*name)?]),
            TypeDesc::Applied(name) => words.extend([ty::APPLIED, self.string(*name)?]),
            TypeDesc::Union(types) => {
                words.extend([ty::UNION, types.len() as u32]);
                for desc in types {
                    self.ty(desc, depth + 1, words)?;
                }
            }
            TypeDesc::Function { params, result } => {
                words.extend([ty::FUNCTION, params.len() as u32]);
                for param in params {
                    let key = param.key.map(|key| self.string(key)).transpose()?;
                    words.extend([key.map_or(0, |key| key + 1), param.rest.into()]);
                    self.ty(&param.ty, depth + 1, words)?;
                }
                self.ty(result, depth + 1, words)?;
            }
        }
        Ok(())
    }
}

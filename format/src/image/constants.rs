//! Constants: one record and its lists at a time.
//!
//! A record is checked against the records of its children alone: indices fall, depth and node
//! count add up. By induction whoever descends from a decoded constant ends within
//! [`MAX_CONST_DEPTH`] levels and [`MAX_CONST_NODES`] nodes, without a pass over all constants.

use zerocopy::little_endian::U32;

use super::{CheckedImage, Run, below, check_run, field, unexpected};
use crate::error::{FormatError, FormatErrorKind, Place, Result};
use crate::layout::{CNST, ConstRecord, TableRecord, entry, tag};
use crate::limits::{MAX_CONST_DEPTH, MAX_CONST_NODES, MAX_TYPE_DEPTH};
use crate::program::{Check, CheckSite, Const, ConstId, FnParam, StrId, TableId, TypeDesc};

/// Bit pattern that stands for every NaN.
pub(crate) const CANONICAL_NAN: u64 = 0x7FF8_0000_0000_0000;

/// Bits of a temporal's flags.
pub(crate) mod temporal {
    pub const DATE: u8 = 1;
    pub const TIME: u8 = 2;
    pub const OFFSET: u8 = 4;
    pub const ZONE: u8 = 8;
}

/// Kinds of nodes in an encoded type.
pub(crate) mod ty {
    pub const ANY: u32 = 0;
    pub const NAMED: u32 = 1;
    pub const APPLIED: u32 = 2;
    pub const UNION: u32 = 3;
    pub const FUNCTION: u32 = 4;
}

/// What a constant is, for instructions that need one of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConstKind {
    /// A string.
    Str,
    /// Key names: how many.
    Keys(u32),
    /// A type check.
    Check,
    /// Any other value.
    Value,
}

/// True for tags whose record counts the nodes of a tree in `c`.
fn has_children(kind: u8) -> bool {
    use tag::*;
    matches!(
        kind,
        ARRAY | MAP | HASH_MAP | GENE | QUOTE | UNQUOTE | SELECTOR
    )
}

/// Nodes of the constant's tree, as its record claims.
fn nodes(record: &ConstRecord) -> u64 {
    match has_children(record.tag) {
        true => record.c.get().into(),
        false => 1,
    }
}

/// What a word of LIST belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListOwner {
    Const(ConstId),
    Entry(TableId),
}

impl CheckedImage<'_> {
    /// The constant or table word whose list has this word of LIST.
    pub(crate) fn list_owner(&self, index: u32) -> Option<ListOwner> {
        let has = |start: u32, len: u32| start <= index && index - start < len;
        let of_const = |record: &ConstRecord| {
            let (start, len) = (record.a.get(), record.b.get());
            match record.tag {
                tag::BYTES => has(start, len.div_ceil(4)),
                tag::PATH | tag::ARRAY | tag::MAP | tag::HASH_MAP | tag::GENE => has(start, len),
                tag::TEMPORAL | tag::SELECTOR | tag::KEYS | tag::CHECK => has(start, len),
                _ => false,
            }
        };
        let of_entry = |record: &TableRecord| {
            let kinds = [entry::GLOBAL_FUNC, entry::SHARED, entry::IMPORT];
            kinds.contains(&record.kind) && has(record.value.get(), 2)
        };
        let found = self.consts.iter().position(of_const);
        let found = found.map(|id| ListOwner::Const(ConstId(id as u32)));
        found.or_else(|| {
            let id = self.table.iter().position(of_entry)?;
            Some(ListOwner::Entry(TableId(id as u32)))
        })
    }

    /// A constant.
    ///
    /// # Errors
    ///
    /// There is no such constant, or its record does not decode.
    pub fn constant(&self, id: ConstId) -> Result<Const> {
        below(id.0, self.consts.len(), field(CNST, id.0, "index"))?;
        let record = &self.consts[id.index()];
        let mut decoder = Decoder {
            image: self,
            id,
            record,
            depth: 0,
            nodes: 1,
        };
        let constant = decoder.constant()?;
        decoder.finish()?;
        Ok(constant)
    }

    /// What kind of constant it is; does not decode it.
    ///
    /// # Errors
    ///
    /// There is no such constant.
    pub fn const_kind(&self, id: ConstId) -> Result<ConstKind> {
        below(id.0, self.consts.len(), field(CNST, id.0, "index"))?;
        let record = &self.consts[id.index()];
        Ok(match record.tag {
            tag::STR => ConstKind::Str,
            tag::KEYS => ConstKind::Keys(record.b.get()),
            tag::CHECK => ConstKind::Check,
            _ => ConstKind::Value,
        })
    }
}

/// One constant being decoded.
struct Decoder<'i, 'a> {
    image: &'i CheckedImage<'a>,
    id: ConstId,
    record: &'a ConstRecord,
    /// Levels of the children seen.
    depth: u8,
    /// Nodes of the children seen, and this one.
    nodes: u64,
}

impl<'a> Decoder<'_, 'a> {
    fn at(&self, name: &'static str) -> Place {
        field(CNST, self.id.0, name)
    }

    #[cold]
    fn error<T>(&self, name: &'static str, found: u64, expected: &'static str) -> Result<T> {
        Err(unexpected(found, expected, self.at(name)))
    }

    fn constant(&mut self) -> Result<Const> {
        let (a, b, flags) = (self.record.a.get(), self.record.b.get(), self.record.flags);
        let bits = u64::from(b) | u64::from(self.record.c.get()) << 32;
        let sealed = flags == 1;
        self.check_flags()?;
        Ok(match self.record.tag {
            tag::NIL => self.bare(Const::Nil)?,
            tag::VOID => self.bare(Const::Void)?,
            tag::FALSE => self.bare(Const::Bool(false))?,
            tag::TRUE => self.bare(Const::Bool(true))?,
            tag::NOT_FOUND => self.bare(Const::NotFound)?,
            tag::PLACEHOLDER => self.bare(Const::Placeholder)?,
            tag::INT => {
                self.zero("first word", a)?;
                Const::Int(bits as i64)
            }
            tag::FLOAT => {
                self.zero("first word", a)?;
                Const::Float(self.float(bits)?)
            }
            tag::CHAR => {
                self.zero("second word", b)?;
                let Some(c) = char::from_u32(a) else {
                    return self.error("character", a.into(), "a Unicode scalar value");
                };
                Const::Char(c)
            }
            tag::STR => Const::Str(self.only_string()?),
            tag::SYMBOL => Const::Symbol(self.only_string()?),
            tag::PATH => Const::Path(self.strings()?),
            tag::BYTES => Const::Bytes(self.bytes()?),
            tag::ARRAY => Const::Array {
                items: self.children(self.words()?)?,
                sealed,
            },
            tag::MAP => Const::Map {
                entries: self.entries(self.words()?)?,
                sealed,
            },
            tag::HASH_MAP => self.hash_map(sealed)?,
            tag::GENE => self.gene(sealed)?,
            tag::QUOTE => {
                self.zero("second word", b)?;
                Const::Quote(self.child(a)?)
            }
            tag::UNQUOTE => {
                self.zero("second word", b)?;
                Const::Unquote {
                    form: self.child(a)?,
                    discard: flags == 1,
                }
            }
            tag::REGEX => Const::Regex {
                pattern: self.string(a)?,
                replacement: b.checked_sub(1).map(|id| self.string(id)).transpose()?,
                flags,
            },
            tag::TEMPORAL => self.temporal()?,
            tag::SELECTOR => Const::Selector(self.children(self.words()?)?),
            tag::KEYS => Const::Keys(self.strings()?),
            tag::CHECK => Const::Check(self.check()?),
            found => return self.error("tag", found.into(), "a tag (0 to 23)"),
        })
    }

    /// Largest flags a tag allows; the bits mean what FORMAT.md says.
    fn check_flags(&self) -> Result<()> {
        use tag::*;
        let (found, most) = match self.record.tag {
            ARRAY | MAP | HASH_MAP | GENE | UNQUOTE => (self.record.flags, 1),
            REGEX => (self.record.flags, 3),
            TEMPORAL => (self.record.flags, 15),
            CHECK => (self.record.flags, CheckSite::EnumField as u8),
            _ => (self.record.flags, 0),
        };
        if found > most || self.record.zero != 0 {
            return self.error("flags", found.into(), "flags of the tag only");
        }
        Ok(())
    }

    /// Depth and node count add up, unused words are zero.
    fn finish(&self) -> Result<()> {
        let depth = u64::from(self.record.depth);
        let is_container = has_children(self.record.tag);
        let expected = if is_container { self.depth + 1 } else { 0 };
        if depth != u64::from(expected) || self.record.depth > MAX_CONST_DEPTH {
            return self.error(
                "depth",
                depth,
                "one more than the deepest child, at most 200",
            );
        }
        let counted = nodes(self.record);
        if is_container && (counted != self.nodes || counted > MAX_CONST_NODES.into()) {
            return self.error("nodes", counted, "the sum of the children, at most 2^24");
        }
        let is_number = matches!(self.record.tag, tag::INT | tag::FLOAT);
        if !is_container && !is_number {
            self.zero("third word", self.record.c.get())?;
        }
        Ok(())
    }

    fn zero(&self, name: &'static str, found: u32) -> Result<()> {
        match found {
            0 => Ok(()),
            _ => self.error(name, found.into(), "0"),
        }
    }

    fn bare(&self, constant: Const) -> Result<Const> {
        self.zero("first word", self.record.a.get())?;
        self.zero("second word", self.record.b.get())?;
        Ok(constant)
    }

    fn float(&self, bits: u64) -> Result<f64> {
        let float = f64::from_bits(bits);
        if float.is_nan() && bits != CANONICAL_NAN {
            return self.error("float", bits, "the canonical NaN, if a NaN");
        }
        Ok(float)
    }

    fn words(&self) -> Result<&'a [U32]> {
        let run = Run {
            start: self.record.a.get(),
            len: self.record.b.get(),
        };
        check_run(run, self.image.lists, self.at("list"))
    }

    fn string(&self, id: u32) -> Result<StrId> {
        below(id, self.image.string_count(), self.at("string"))?;
        Ok(StrId(id))
    }

    fn only_string(&self) -> Result<StrId> {
        self.zero("second word", self.record.b.get())?;
        self.string(self.record.a.get())
    }

    fn strings(&self) -> Result<Vec<StrId>> {
        let words = self.words()?;
        words.iter().map(|word| self.string(word.get())).collect()
    }

    /// Bytes lie in LIST, four a word, the last word filled up with zero.
    fn bytes(&self) -> Result<Box<[u8]>> {
        let len = self.record.b.get();
        let run = Run {
            start: self.record.a.get(),
            len: len.div_ceil(4),
        };
        let words = check_run(run, self.image.lists, self.at("list"))?;
        let mut bytes = zerocopy::IntoBytes::as_bytes(words).to_vec();
        if bytes[len as usize..].iter().any(|byte| *byte != 0) {
            return self.error("bytes", len.into(), "zero after the last byte");
        }
        bytes.truncate(len as usize);
        Ok(bytes.into())
    }

    fn child(&mut self, id: u32) -> Result<ConstId> {
        below(id, self.id.index(), self.at("child"))?;
        let child = &self.image.consts[id as usize];
        if matches!(child.tag, tag::KEYS | tag::CHECK) {
            return self.error("child", id.into(), "a value");
        }
        self.depth = self.depth.max(child.depth);
        if self.depth >= MAX_CONST_DEPTH {
            return self.error("depth", self.depth.into(), "less than 200 below");
        }
        self.nodes += nodes(child);
        Ok(ConstId(id))
    }

    fn children(&mut self, words: &[U32]) -> Result<Vec<ConstId>> {
        words.iter().map(|word| self.child(word.get())).collect()
    }

    fn entries(&mut self, words: &[U32]) -> Result<Vec<(StrId, ConstId)>> {
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            return self.error("list", words.len() as u64, "names and values");
        }
        let pair = |[name, value]: &[U32; 2]| {
            let name = self.string(name.get())?;
            Ok((name, self.child(value.get())?))
        };
        pairs.iter().map(pair).collect()
    }

    fn hash_map(&mut self, sealed: bool) -> Result<Const> {
        let items = self.children(self.words()?)?;
        if items.len() % 2 != 0 {
            return self.error("list", items.len() as u64, "keys and values");
        }
        Ok(Const::HashMap { items, sealed })
    }

    /// Head, number of props, names and values of the props, children.
    fn gene(&mut self, sealed: bool) -> Result<Const> {
        let words = self.words()?;
        let [head, count, rest @ ..] = words else {
            return self.error("list", words.len() as u64, "a head and a number of props");
        };
        let Some((props, children)) = rest.split_at_checked((count.get() as usize) * 2) else {
            return self.error("props", count.get().into(), "no more than the list has");
        };
        Ok(Const::Gene {
            head: self.child(head.get())?,
            props: self.entries(props)?,
            children: self.children(children)?,
            sealed,
        })
    }

    /// The parts that the flags announce, in the order of the flags.
    fn temporal(&self) -> Result<Const> {
        let mut words = self.words()?.iter().map(|word| word.get());
        let mut next = || {
            let missing = || unexpected(0u32, "a word for each part", self.at("list"));
            words.next().ok_or_else(missing)
        };
        let flags = self.record.flags;
        let mut date = None;
        if flags & temporal::DATE != 0 {
            let word = next()?;
            date = Some(((word >> 16) as u16, (word >> 8) as u8, word as u8));
        }
        let mut time = None;
        if flags & temporal::TIME != 0 {
            let (word, micros) = (next()?, next()?);
            self.zero("time", word >> 24)?;
            time = Some(((word >> 16) as u8, (word >> 8) as u8, word as u8, micros));
        }
        let mut offset = None;
        if flags & temporal::OFFSET != 0 {
            let word = next()? as i32;
            let Ok(minutes) = i16::try_from(word) else {
                return self.error("offset", word as u32 as u64, "minutes east of UTC");
            };
            offset = Some(minutes);
        }
        let mut zone = None;
        if flags & temporal::ZONE != 0 {
            zone = Some(self.string(next()?)?);
        }
        if words.next().is_some() || !is_temporal(date, time, offset) {
            return self.error("list", flags.into(), "a date or time that exists");
        }
        Ok(Const::Temporal {
            date,
            time,
            offset,
            zone,
        })
    }

    /// The annotation's text, the name, the type.
    fn check(&self) -> Result<Check> {
        use CheckSite::*;
        let sites = [Param, Result, Variable, Property, EnumField];
        let words = self.words()?;
        let [text, name, rest @ ..] = words else {
            return self.error("list", words.len() as u64, "a text, a name and a type");
        };
        let mut types = TypeWords {
            decoder: self,
            rest,
        };
        let ty = types.ty(0)?;
        if !types.rest.is_empty() {
            let left = types.rest.len() as u64;
            return self.error("type", left, "no words after the type");
        }
        Ok(Check {
            ty,
            text: self.string(text.get())?,
            name: self.string(name.get())?,
            site: sites[self.record.flags as usize],
        })
    }
}

/// True if the parts are numbers that a calendar or clock shows.
pub(crate) fn is_temporal(
    date: Option<(u16, u8, u8)>,
    time: Option<(u8, u8, u8, u32)>,
    offset: Option<i16>,
) -> bool {
    let date_ok =
        date.is_none_or(|(_, month, day)| (1..=12).contains(&month) && (1..=31).contains(&day));
    let time_ok = time.is_none_or(|(hour, minute, second, micros)| {
        hour < 24 && minute < 60 && second <= 60 && micros < 1_000_000
    });
    let offset_ok = offset.is_none_or(|minutes| minutes.unsigned_abs() < 24 * 60);
    (date.is_some() || time.is_some()) && date_ok && time_ok && offset_ok
}

/// A cursor over an encoded type: each node is its kind and then what belongs to it.
struct TypeWords<'d, 'i, 'a> {
    decoder: &'d Decoder<'i, 'a>,
    rest: &'a [U32],
}

impl TypeWords<'_, '_, '_> {
    fn next(&mut self) -> Result<u32> {
        let Some((word, rest)) = self.rest.split_first() else {
            return self.decoder.error("type", 0, "another word");
        };
        self.rest = rest;
        Ok(word.get())
    }

    fn string(&mut self) -> Result<StrId> {
        let id = self.next()?;
        self.decoder.string(id)
    }

    fn ty(&mut self, depth: u32) -> Result<TypeDesc> {
        if depth >= MAX_TYPE_DEPTH {
            let kind = FormatErrorKind::Range {
                found: depth.into(),
                limit: MAX_TYPE_DEPTH.into(),
            };
            return Err(FormatError::new(self.decoder.at("depth of the type"), kind));
        }
        Ok(match self.next()? {
            ty::ANY => TypeDesc::Any,
            ty::NAMED => TypeDesc::Named(self.string()?),
            ty::APPLIED => TypeDesc::Applied(self.string()?),
            ty::UNION => {
                let count = self.next()?;
                TypeDesc::Union(
                    (0..count)
                        .map(|_| self.ty(depth + 1))
                        .collect::<Result<_>>()?,
                )
            }
            ty::FUNCTION => {
                let count = self.next()?;
                let params = (0..count).map(|_| self.param(depth + 1));
                TypeDesc::Function {
                    params: params.collect::<Result<_>>()?,
                    result: Box::new(self.ty(depth + 1)?),
                }
            }
            found => {
                return self
                    .decoder
                    .error("type", found.into(), "a kind of type (0 to 4)");
            }
        })
    }

    fn param(&mut self, depth: u32) -> Result<FnParam> {
        let key = self.next()?.checked_sub(1);
        let rest = self.next()?;
        if rest > 1 {
            return self.decoder.error("type", rest.into(), "0 or 1 for rest");
        }
        Ok(FnParam {
            key: key.map(|id| self.decoder.string(id)).transpose()?,
            rest: rest == 1,
            ty: self.ty(depth)?,
        })
    }
}

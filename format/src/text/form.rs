//! What the reader makes of text: forms with their place in the source.
//!
//! A [`Form`] is plain data. Nothing here gives it a meaning; that is the compiler's work.

/// Bytes of the source text, end exclusive. Lines and columns are computed when printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// The text of a symbol, key or string. Most have at most 15 bytes, which take no allocation.
pub type Word = ecow::EcoString;

/// One form and where it was written. 40 bytes: programs are made of millions.
#[derive(Clone, PartialEq, Debug)]
pub struct Form {
    /// What it is.
    pub kind: FormKind,
    /// Where it stands. A form made by the reader (such as the call of `#Str` behind an
    /// interpolated string) has the span of the text it was made from.
    pub span: Span,
}

/// The kinds of data a text can spell (`language/01-syntax.md`).
#[derive(Clone, PartialEq, Debug)]
pub enum FormKind {
    /// `nil`
    Nil,
    /// `void`
    Void,
    /// `true`, `false`
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A double.
    Float(f64),
    /// `'c'`
    Char(char),
    /// `"…"`, with all escapes resolved.
    Str(Word),
    /// A word without an unescaped slash. `not_found` and `_` are symbols here too; the
    /// compiler knows them.
    Symbol(Word),
    /// A word with unescaped slashes: its parts, of which the first and last may be empty.
    Path(Box<[Word]>),
    /// `0#…`, `0!…`, `0*…`
    Bytes(Box<[u8]>),
    /// A date, time or date-time literal.
    Temporal(Box<Temporal>),
    /// `#/…/`
    Regex(Box<RegexForm>),
    /// `[…]`
    Array(Items),
    /// `{…}`
    Map(Entries),
    /// `{{…}}`: keys and values alternate, evaluated in order; the count may be odd.
    HashMap(Items),
    /// `(…)`
    Gene(Box<GeneForm>),
    /// `` `form ``
    Quote(Box<Form>),
    /// `%form`, or `%_form` if `discard`.
    Unquote {
        /// The form after the sign.
        form: Box<Form>,
        /// Written `%_`.
        discard: bool,
    },
}

/// Forms in order, `sealed` if written with a leading `#`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Items {
    /// The forms.
    pub items: Box<[Form]>,
    /// Written `#[…]` or `#{{…}}`.
    pub sealed: bool,
}

/// `^key value` pairs in the order of writing, with the shortcuts of 01-syntax §5 resolved:
/// `^a^b 1` is key `a` with a `Map` form `{^b 1}`. A spread `^... expr` has a key that starts
/// with `...`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Entries {
    /// The pairs; keys are distinct except for spreads.
    pub entries: Box<[Entry]>,
    /// Written `#{…}`.
    pub sealed: bool,
}

/// One `^key value`.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Without the `^`.
    pub key: Word,
    /// Place of the key.
    pub key_span: Span,
    /// The value; `true` for `^^key`, `nil` for `^!key`.
    pub value: Form,
}

/// `(head ^prop value child…)`
#[derive(Clone, PartialEq, Debug)]
pub struct GeneForm {
    /// The type; `nil` for `()`.
    pub head: Form,
    /// The props.
    pub props: Vec<Entry>,
    /// The children.
    pub children: Vec<Form>,
    /// Written `#(…)`.
    pub sealed: bool,
}

/// `#/pattern/replacement/flags`, with `\/` and `\\` resolved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegexForm {
    /// Pattern text.
    pub pattern: Box<str>,
    /// Replacement text, if there is a third segment.
    pub replacement: Option<Box<str>>,
    /// Flag `i`.
    pub ignore_case: bool,
    /// Flag `m`: dot matches newline.
    pub dot_all: bool,
}

/// A date, a time, or both (01-syntax §3.6). Absent parts are `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Temporal {
    /// Year 1000–9999, month 1–12, day 1–31.
    pub date: Option<(u16, u8, u8)>,
    /// Hour 0–23, minute 0–59, second 0–59, microsecond.
    pub time: Option<(u8, u8, u8, u32)>,
    /// Minutes east of UTC; `Z` is 0.
    pub offset: Option<i16>,
    /// Zone name, `Area/City`. For `Z` without a name: none.
    pub zone: Option<Box<str>>,
}

const _: () = assert!(size_of::<Form>() == 40);

impl Form {
    /// Whether both forms are the same data, wherever they were written. Floats are compared
    /// by their bits, so that `nan` equals itself and `-0.0` differs from `0.0`.
    pub fn same_data(&self, other: &Form) -> bool {
        // Recursion is bounded by the depth of forms, see `MAX_DEPTH`.
        match (&self.kind, &other.kind) {
            (FormKind::Float(a), FormKind::Float(b)) => a.to_bits() == b.to_bits(),
            (FormKind::Array(a), FormKind::Array(b))
            | (FormKind::HashMap(a), FormKind::HashMap(b)) => {
                a.sealed == b.sealed && same_forms(&a.items, &b.items)
            }
            (FormKind::Map(a), FormKind::Map(b)) => {
                a.sealed == b.sealed && same_entries(&a.entries, &b.entries)
            }
            (FormKind::Gene(a), FormKind::Gene(b)) => {
                a.sealed == b.sealed
                    && a.head.same_data(&b.head)
                    && same_entries(&a.props, &b.props)
                    && same_forms(&a.children, &b.children)
            }
            (FormKind::Quote(a), FormKind::Quote(b)) => a.same_data(b),
            (
                FormKind::Unquote {
                    form: a,
                    discard: da,
                },
                FormKind::Unquote {
                    form: b,
                    discard: db,
                },
            ) => da == db && a.same_data(b),
            (a, b) => a == b,
        }
    }
}

fn same_forms(a: &[Form], b: &[Form]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_data(b))
}

fn same_entries(a: &[Entry], b: &[Entry]) -> bool {
    let same = |(a, b): (&Entry, &Entry)| a.key == b.key && a.value.same_data(&b.value);
    a.len() == b.len() && a.iter().zip(b).all(same)
}

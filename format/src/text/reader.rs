//! From text to forms.
//!
//! The reader keeps open brackets, prefixes and interpolated strings on a stack of its own,
//! so that no text, however deep, can exhaust the native one. Finished forms wait on a second
//! stack (`values`) until their bracket closes, which then takes them in one allocation of
//! the right size.

use super::chars::{BLANK, DIGIT, ENDER, is};
use super::error::{Read, ReadError, place, span};
use super::form::{Entries, Form, FormKind, GeneForm, Items};
use super::limits::MAX_DEPTH;
use super::props::{Key, Props};
use super::string::StringState;

/// A cursor in a text, between two top-level forms.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) pos: usize,
    pub(super) frames: Vec<Frame>,
    pub(super) values: Vec<Form>,
    /// Where the top-level form being read starts.
    pub(super) top: usize,
    /// Whether the last error was that the text is too short.
    pub(super) eof: bool,
    /// Closers left over from forms given up, not to be reported again.
    pub(super) forgiven: usize,
    /// Where a block comment starts that the text does not close.
    pub(super) open_comment: Option<usize>,
}

/// Something that is open and waits for forms.
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// First byte.
    pub(super) start: usize,
    /// Where its forms start on the stack of values.
    pub(super) base: usize,
    /// Levels from the top, this one included.
    depth: usize,
    /// Levels of the deepest form in it so far.
    pub(super) height: usize,
    /// Its props, from the first `^` on; most frames have none.
    named: Option<Box<Named>>,
}

/// The props of a frame.
#[derive(Default)]
struct Named {
    props: Props,
    run: PropRun,
    /// Keys that wait for their value.
    pending: Option<(Key, Vec<Key>)>,
}

impl Frame {
    #[inline(always)]
    fn pending(&self) -> Option<&(Key, Vec<Key>)> {
        self.named.as_ref()?.pending.as_ref()
    }
}

/// What a frame becomes.
pub(super) enum Kind {
    Gene {
        sealed: bool,
    },
    Array {
        sealed: bool,
    },
    Map {
        sealed: bool,
    },
    HashMap {
        sealed: bool,
    },
    Quote,
    Unquote {
        discard: bool,
    },
    /// `#@`, waiting for two forms.
    Decorate,
    /// `#"`
    String(Box<StringState>),
    /// `#{` in a string.
    Hole,
}

/// Props of a gene stand together (01-syntax §4).
#[derive(PartialEq, Default)]
enum PropRun {
    #[default]
    None,
    Open,
    Closed,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // A byte order mark says nothing in UTF-8.
        let pos = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            text,
            bytes: text.as_bytes(),
            pos,
            frames: Vec::new(),
            values: Vec::new(),
            top: pos,
            eof: false,
            forgiven: 0,
            open_comment: None,
        }
    }

    /// The next top-level form, or `None` if only blanks and comments are left.
    pub(super) fn next_form(&mut self) -> Read<Option<Form>> {
        loop {
            if let Some(Frame {
                kind: Kind::String(_),
                ..
            }) = self.frames.last()
            {
                if self.string_text()? {
                    return Ok(self.values.pop());
                }
                continue;
            }
            self.skip_blank();
            let start = self.pos;
            if self.frames.is_empty() {
                self.top = start;
            }
            let Some(&byte) = self.bytes.get(start) else {
                return if self.frames.is_empty() {
                    Ok(None)
                } else {
                    Err(self.unclosed())
                };
            };
            let finished = match byte {
                b')' | b']' | b'}' => self.close(byte)?,
                b'^' if self.takes_props() => {
                    self.prop()?;
                    false
                }
                _ if self.wants_key() => return Err(self.expect_key(start)),
                _ => self.form_start(byte)? && self.accept(0)?,
            };
            if finished {
                return Ok(self.values.pop());
            }
        }
    }

    /// Puts the form that was read from `start` up to the cursor on the stack of values.
    #[inline(always)]
    pub(super) fn push(&mut self, kind: FormKind, start: usize) {
        let span = span(start, self.pos);
        self.values.push(Form { kind, span });
    }

    /// Reads an atom; or opens a frame and returns `false`.
    #[inline(always)]
    fn form_start(&mut self, byte: u8) -> Read<bool> {
        let start = self.pos;
        match byte {
            b'(' => self.open(Kind::Gene { sealed: false }, 1)?,
            b'[' => self.open(Kind::Array { sealed: false }, 1)?,
            b'{' if self.byte_at(1) == Some(b'{') => {
                self.open(Kind::HashMap { sealed: false }, 2)?;
            }
            b'{' => self.open(Kind::Map { sealed: false }, 1)?,
            b'"' => {
                let kind = self.string()?;
                self.push(kind, start);
                return Ok(true);
            }
            b'\'' => {
                let kind = self.character()?;
                self.push(kind, start);
                return Ok(true);
            }
            b'0'..=b'9' => return self.number().map(|()| true),
            b'+' | b'-' if self.byte_at(1).is_some_and(|next| is(next, DIGIT)) => {
                return self.number().map(|()| true);
            }
            b'#' => return self.hash(),
            b'`' => self.open(Kind::Quote, 1)?,
            b'%' => return self.percent(),
            b';' => self.semicolon()?,
            _ => return self.word().map(|()| true),
        }
        Ok(false)
    }

    /// `#` that starts no comment.
    fn hash(&mut self) -> Read<bool> {
        match self.byte_at(1) {
            Some(b'(') => self.open(Kind::Gene { sealed: true }, 2)?,
            Some(b'[') => self.open(Kind::Array { sealed: true }, 2)?,
            Some(b'{') if self.byte_at(2) == Some(b'{') => {
                self.open(Kind::HashMap { sealed: true }, 3)?;
            }
            Some(b'{') => self.open(Kind::Map { sealed: true }, 2)?,
            Some(b'@') => self.open(Kind::Decorate, 2)?,
            Some(b'"') => self.open_interpolated()?,
            Some(b'/') => {
                let start = self.pos;
                let kind = self.regex()?;
                self.push(kind, start);
                return Ok(true);
            }
            _ => return self.word().map(|()| true),
        }
        Ok(false)
    }

    /// `%` alone and `%=` are symbols; otherwise a form follows.
    fn percent(&mut self) -> Read<bool> {
        let ends = |byte: Option<u8>| {
            byte.is_none_or(|byte| is(byte, BLANK) || matches!(byte, b')' | b']' | b'}' | b';'))
        };
        let symbol = if ends(self.byte_at(1)) {
            "%"
        } else if self.byte_at(1) == Some(b'=') && ends(self.byte_at(2)) {
            "%="
        } else {
            // `%_` before a blank or closer is a hole for the symbol `_`.
            let discard = self.byte_at(1) == Some(b'_') && !ends(self.byte_at(2));
            self.open(Kind::Unquote { discard }, 1 + usize::from(discard))?;
            return Ok(false);
        };
        let start = self.pos;
        self.pos += symbol.len();
        self.push(FormKind::Symbol(symbol.into()), start);
        Ok(true)
    }

    /// Opens a frame whose sign is `width` bytes long.
    pub(super) fn open(&mut self, kind: Kind, width: usize) -> Read<()> {
        let start = self.pos;
        let depth = self.depth() + usize::from(!matches!(kind, Kind::Hole));
        if depth > MAX_DEPTH {
            return Err(too_deep(start));
        }
        self.pos += width;
        self.frames.push(Frame {
            kind,
            start,
            base: self.values.len(),
            depth,
            height: 0,
            named: None,
        });
        Ok(())
    }

    /// Levels above a form at the cursor.
    fn depth(&self) -> usize {
        let Some(frame) = self.frames.last() else {
            return 0;
        };
        frame.depth + frame.pending().map_or(0, |(_, rest)| rest.len())
    }

    /// Gives the form on top of the stack of values to whatever waits for it. Returns whether
    /// nothing does: it stands at top level.
    #[inline(always)]
    pub(super) fn accept(&mut self, height: usize) -> Read<bool> {
        match self.frames.last_mut() {
            // what most forms stand in only counts levels
            Some(Frame {
                kind: Kind::Gene { .. } | Kind::Array { .. },
                named: None,
                height: most,
                ..
            }) => {
                *most = height.max(*most);
                Ok(false)
            }
            _ => self.accept_by_kind(height),
        }
    }

    fn accept_by_kind(&mut self, mut height: usize) -> Read<bool> {
        loop {
            let Some(frame) = self.frames.last_mut() else {
                return Ok(true);
            };
            if let Some(named) = &mut frame.named {
                if named.pending.is_some() {
                    return self.put_prop(height).map(|()| false);
                }
                if named.run == PropRun::Open {
                    named.run = PropRun::Closed;
                }
            }
            let is_second = self.values.len() > frame.base + 1;
            match &mut frame.kind {
                Kind::Gene { .. } | Kind::Array { .. } => {}
                Kind::Quote | Kind::Unquote { .. } => {
                    self.finish_prefix();
                    height += 1;
                    continue;
                }
                Kind::Decorate if is_second => {
                    height = height.max(frame.height) + 1;
                    self.finish_decorated();
                    continue;
                }
                Kind::Hole if is_second => return Err(self.second_in_hole()),
                Kind::String(state) => state.resume(self.pos),
                _ => {}
            }
            frame.height = frame.height.max(height);
            return Ok(false);
        }
    }

    /// Wraps the form on top of the stack in its prefix.
    fn finish_prefix(&mut self) {
        let (Some(frame), Some(form)) = (self.frames.pop(), self.values.pop()) else {
            return;
        };
        let span = span(frame.start, form.span.end as usize);
        let form = Box::new(form);
        let kind = match frame.kind {
            Kind::Unquote { discard } => FormKind::Unquote { form, discard },
            _ => FormKind::Quote(form),
        };
        self.values.push(Form { kind, span });
    }

    /// Makes a gene of the two forms behind `#@`.
    fn finish_decorated(&mut self) {
        let (Some(frame), Some(form), Some(head)) =
            (self.frames.pop(), self.values.pop(), self.values.pop())
        else {
            return;
        };
        let span = span(frame.start, form.span.end as usize);
        let gene = GeneForm {
            head,
            props: Vec::new(),
            children: vec![form],
            sealed: false,
        };
        let kind = FormKind::Gene(Box::new(gene));
        self.values.push(Form { kind, span });
    }

    /// Makes a gene of the values from `base` on.
    fn finish_gene(&mut self, start: usize, base: usize, named: Option<Box<Named>>, sealed: bool) {
        let (head, children) = if self.values.len() > base {
            let children = self.values.split_off(base + 1);
            (self.values.pop(), children)
        } else {
            (None, Vec::new())
        };
        let head = head.unwrap_or(Form {
            kind: FormKind::Nil,
            span: span(start, self.pos),
        });
        let gene = GeneForm {
            head,
            props: named.map_or_else(Vec::new, |named| named.props.finish()),
            children,
            sealed,
        };
        self.push(FormKind::Gene(Box::new(gene)), start);
    }

    /// Handles a closing bracket. Returns whether a top-level form is finished.
    fn close(&mut self, byte: u8) -> Read<bool> {
        let Some(frame) = self.frames.last() else {
            return self.stray_closer(byte).map(|()| false);
        };
        let has_values = self.values.len() > frame.base;
        let width = match (&frame.kind, byte) {
            (Kind::Gene { .. }, b')') | (Kind::Array { .. }, b']') | (Kind::Map { .. }, b'}') => 1,
            (Kind::HashMap { .. }, b'}') if self.byte_at(1) == Some(b'}') => 2,
            (Kind::Hole, b'}') if has_values => 1,
            _ => return Err(self.wrong_closer(byte)),
        };
        if frame.pending().is_some() {
            return Err(self.expect_value());
        }
        self.pos += width;
        let Some(frame) = self.frames.pop() else {
            return Ok(false);
        };
        let Frame {
            kind,
            start,
            base,
            height,
            named,
            ..
        } = frame;
        let kind = match kind {
            Kind::Gene { sealed } => {
                self.finish_gene(start, base, named, sealed);
                return self.accept(height + 1);
            }
            Kind::Map { sealed } => FormKind::Map(Entries {
                entries: named
                    .map_or_else(Vec::new, |named| named.props.finish())
                    .into(),
                sealed,
            }),
            Kind::Array { sealed } => FormKind::Array(Items {
                items: self.values.split_off(base).into_boxed_slice(),
                sealed,
            }),
            Kind::HashMap { sealed } => FormKind::HashMap(Items {
                items: self.values.split_off(base).into_boxed_slice(),
                sealed,
            }),
            // the form in a hole stands for it
            _ => return self.accept(height),
        };
        self.push(kind, start);
        self.accept(height + 1)
    }

    /// `;`: what the gene holds so far becomes its type.
    fn semicolon(&mut self) -> Read<()> {
        let at = self.pos;
        let Some(Frame {
            kind: Kind::Gene { .. },
            start,
            base,
            ..
        }) = self.frames.last()
        else {
            return Err(ReadError::new("Unexpected ;", at, at + 1)
                .hint("; chains calls inside ( … ); a comment starts with # and a blank"));
        };
        let (start, base) = (*start, *base);
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        if frame.pending().is_some() {
            return Err(self.expect_value());
        }
        frame.height += 1;
        if frame.depth + frame.height > MAX_DEPTH {
            return Err(too_deep(at));
        }
        let named = frame.named.take();
        self.finish_gene(start, base, named, false);
        self.pos += 1;
        Ok(())
    }

    /// Whether `^` starts a prop here: in a map, and in a gene after the type.
    #[inline(always)]
    fn takes_props(&self) -> bool {
        match self.frames.last() {
            Some(Frame {
                kind: Kind::Map { .. },
                ..
            }) => true,
            Some(Frame {
                kind: Kind::Gene { .. },
                base,
                ..
            }) => self.values.len() > *base,
            _ => false,
        }
    }

    #[inline(always)]
    fn wants_key(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(Frame {
                kind: Kind::Map { .. },
                named,
                ..
            }) if named.as_ref().is_none_or(|named| named.pending.is_none())
        )
    }

    /// Reads a key with its shortcuts; the value, if it needs one, is read as any form.
    fn prop(&mut self) -> Read<()> {
        let start = self.pos;
        let depth = self.depth();
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let is_gene = matches!(frame.kind, Kind::Gene { .. });
        let named = frame.named.get_or_insert_default();
        if named.pending.is_some() {
            return Err(self.expect_value());
        }
        if named.run == PropRun::Closed {
            return Err(self.second_prop_run());
        }
        if is_gene {
            named.run = PropRun::Open;
        }
        let mut leaf = self.prop_sign();
        let first = self.prop_key()?;
        let mut rest = Vec::new();
        while leaf.is_none() && self.peek() == Some(b'^') {
            leaf = self.prop_sign();
            rest.push(self.prop_key()?);
            if depth + rest.len() > MAX_DEPTH {
                return Err(too_deep(start));
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            let nested = !rest.is_empty();
            frame.named.get_or_insert_default().pending = Some((first, rest));
            let value = match leaf {
                None => return Ok(()),
                Some(b'^') => FormKind::Bool(true),
                Some(_) if nested => FormKind::Bool(false),
                Some(_) => FormKind::Nil,
            };
            self.push(value, start);
            self.put_prop(0)?;
        }
        Ok(())
    }

    /// Skips `^`, `^^` or `^!` and returns its second sign.
    fn prop_sign(&mut self) -> Option<u8> {
        let second = self.byte_at(1).filter(|byte| matches!(byte, b'^' | b'!'));
        self.pos += 1 + usize::from(second.is_some());
        second
    }

    fn prop_key(&mut self) -> Read<Key> {
        let key = self.key()?;
        if key.0.is_empty() && key.1.start == key.1.end {
            return Err(self.expect_key(self.pos));
        }
        Ok(key)
    }

    /// Adds the pending prop, whose value is on top of the stack.
    #[inline(never)]
    fn put_prop(&mut self, height: usize) -> Read<()> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let Some(named) = &mut frame.named else {
            return Ok(());
        };
        let (Some((first, rest)), Some(value)) = (named.pending.take(), self.values.pop()) else {
            return Ok(());
        };
        frame.height = frame.height.max(height + rest.len());
        let at = first.1.start as usize;
        let end = first.1.end as usize;
        named.props.add(first, rest, value).map_err(|taken| {
            let message =
                format!("Bad input at {at} (conflict with property shortcut found earlier.)");
            let earlier = place(self.text, taken.start as usize);
            ReadError::new(message, at, end).hint(format!("the key is already given at {earlier}"))
        })
    }

    /// Skips blanks and comments.
    #[inline]
    pub(super) fn skip_blank(&mut self) {
        loop {
            match self.peek() {
                Some(byte) if is(byte, BLANK) => self.pos += 1,
                Some(b'#') => match self.byte_at(1) {
                    Some(b' ' | b'!' | b'#' | b'\n' | b'\r') | None => {
                        let rest = &self.bytes[self.pos + 1..];
                        let length = rest.iter().position(|&byte| byte == b'\n');
                        self.pos += 1 + length.unwrap_or(rest.len());
                    }
                    Some(b'<') => self.skip_block_comment(),
                    _ => return,
                },
                _ => return,
            }
        }
    }

    /// Skips a comment `#<` … `>#` with all comments in it. `>>#` ends an inner comment, but
    /// the outer one only if that was opened by `#<<`. An unclosed comment ends with the text.
    #[cold]
    pub(super) fn skip_block_comment(&mut self) {
        let start = self.pos;
        let doubled = self.byte_at(2) == Some(b'<');
        let mut level = 1_usize;
        self.pos += 2;
        while let Some(byte) = self.peek() {
            match (byte, self.byte_at(1)) {
                (b'#', Some(b'<')) => {
                    level += 1;
                    self.pos += 2;
                }
                (b'>', Some(b'#')) => {
                    if level > 1 || doubled || self.bytes[self.pos - 1] != b'>' {
                        level -= 1;
                    }
                    self.pos += 2;
                    if level == 0 {
                        return;
                    }
                }
                _ => self.pos += 1,
            }
        }
        self.open_comment = Some(start);
    }

    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline(always)]
    pub(super) fn byte_at(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.pos + ahead).copied()
    }

    /// The character at byte `at`, for errors and escapes.
    pub(super) fn char_at(&self, at: usize) -> char {
        self.text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .unwrap_or('\0')
    }

    #[cold]
    fn expect_key(&self, at: usize) -> Box<ReadError> {
        let end = if self.bytes.get(at).is_some_and(|&byte| !is(byte, ENDER)) {
            self.word_end(at)
        } else {
            (at + 1).min(self.text.len())
        };
        let found = match self.text.get(at..) {
            Some("") | None => "end of text".to_owned(),
            Some(rest) => rest.chars().take(1).collect(),
        };
        let error = ReadError::new(format!("Expect key at {at} but found {found}"), at, end);
        let entry = self.text[at..]
            .split(['}', '\n'])
            .next()
            .unwrap_or_default()
            .trim_end();
        if is(found.as_bytes()[0], ENDER) || entry.len() > 40 {
            return error.hint("keys are written with ^: {^key value}; others in {{key value}}");
        }
        error.hint(format!(
            "keys are written with ^: {{^{entry}}}; others in {{{{key value}}}}"
        ))
    }

    #[cold]
    pub(super) fn expect_value(&self) -> Box<ReadError> {
        let pending = self.frames.last().and_then(Frame::pending);
        let (key, key_span) = match pending {
            Some((first, rest)) => rest.last().unwrap_or(first),
            None => return self.unclosed_at(self.frames.len().saturating_sub(1)),
        };
        let (start, end) = (key_span.start as usize, key_span.end as usize);
        ReadError::new(format!("Expect value for {key}"), start, end)
            .hint(format!("write ^^{key} for true, ^!{key} for nil"))
    }

    #[cold]
    fn second_in_hole(&self) -> Box<ReadError> {
        let at = self
            .values
            .last()
            .map_or(self.pos, |form| form.span.start as usize);
        ReadError::new("Expect } after the form", at, at + 1)
            .hint("a hole #{…} holds one form; #(…) holds a call")
    }

    #[cold]
    fn second_prop_run(&self) -> Box<ReadError> {
        let message = "properties found in wrong place while reading list )";
        ReadError::new(message, self.pos, self.word_end(self.pos))
            .hint("write all ^props of a list side by side")
    }
}

#[cold]
fn too_deep(at: usize) -> Box<ReadError> {
    ReadError::new(format!("Nested deeper than {MAX_DEPTH} levels"), at, at + 1)
        .hint("move inner parts into definitions of their own")
}

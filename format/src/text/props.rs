//! Props of a gene or map while they are read: shortcuts, merging, conflicts (01-syntax §5).

use std::collections::HashMap;

use super::form::{Entries, Entry, Form, FormKind, Span, Word};

/// A key with its place.
pub(super) type Key = (Word, Span);

/// Beyond this many entries keys are looked up in a table, so that a map of a million keys
/// does not take a million squared comparisons.
const SEARCHED_LINEARLY: usize = 16;

/// The entries so far.
#[derive(Default)]
pub(super) struct Props {
    entries: Vec<Entry>,
    rare: Option<Box<Rare>>,
}

/// What most props do without.
#[derive(Default)]
struct Rare {
    /// Position of each key, once there are many.
    index: HashMap<Word, usize>,
    /// Maps made by `^a^b` so far, by the position of `a`; its value is a placeholder.
    nested: HashMap<usize, Props>,
}

impl Props {
    /// Adds `^first^…^last value`.
    ///
    /// # Errors
    /// The key that is there already.
    pub(super) fn add(&mut self, first: Key, rest: Vec<Key>, value: Form) -> Result<(), Span> {
        if rest.is_empty() {
            return self.put(first, value);
        }
        let mut props = self;
        let mut key = first;
        for next in rest {
            props = props.nested(key, &value)?;
            key = next;
        }
        props.put(key, value)
    }

    fn put(&mut self, (key, key_span): Key, value: Form) -> Result<(), Span> {
        if let Some(at) = self.find(&key) {
            return Err(self.entries[at].key_span);
        }
        self.push(Entry {
            key,
            key_span,
            value,
        });
        Ok(())
    }

    fn nested(&mut self, (key, key_span): Key, value: &Form) -> Result<&mut Props, Span> {
        let at = match self.find(&key) {
            Some(at) => at,
            None => {
                let span = Span {
                    start: key_span.start,
                    end: value.span.end,
                };
                self.push(Entry {
                    key,
                    key_span,
                    value: Form {
                        kind: FormKind::Nil,
                        span,
                    },
                });
                let at = self.entries.len() - 1;
                self.rare().nested.insert(at, Props::default());
                at
            }
        };
        let entry = &mut self.entries[at];
        entry.value.span.end = entry.value.span.end.max(value.span.end);
        let taken = entry.key_span;
        self.rare().nested.get_mut(&at).ok_or(taken)
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        let count = self.entries.len();
        if count > SEARCHED_LINEARLY {
            // At the threshold the table takes in everything, later only the newest.
            let from = if count == SEARCHED_LINEARLY + 1 {
                0
            } else {
                count - 1
            };
            let added: Vec<_> = (from..count)
                .map(|at| (self.entries[at].key.clone(), at))
                .collect();
            self.rare().index.extend(added);
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        if key.starts_with("...") {
            return None;
        }
        if self.entries.len() <= SEARCHED_LINEARLY {
            return self.entries.iter().position(|entry| &*entry.key == key);
        }
        self.rare.as_ref()?.index.get(key).copied()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The entries in order of first mention.
    pub(super) fn finish(self) -> Vec<Entry> {
        let mut entries = self.entries;
        // A vector starts with room for four, most maps of a program have fewer.
        entries.shrink_to_fit();
        if let Some(rare) = self.rare {
            // As deep as a chain of keys is long: bounded by MAX_DEPTH.
            for (at, props) in rare.nested {
                let inner = Entries {
                    entries: props.finish().into(),
                    sealed: false,
                };
                entries[at].value.kind = FormKind::Map(inner);
            }
        }
        entries
    }
}

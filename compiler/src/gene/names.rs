//! Interned names. Scopes compare numbers, never text.

use crate::hash::FastMap;
use std::rc::Rc;

/// An interned name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Name(pub u32);

/// All names met so far.
#[derive(Clone, Default)]
pub(super) struct Names {
    ids: FastMap<Rc<str>, Name>,
    texts: Vec<Rc<str>>,
}

impl Names {
    /// The number of a name, new if it was not met before.
    pub fn intern(&mut self, text: &str) -> Name {
        if let Some(&name) = self.ids.get(text) {
            return name;
        }
        let name = Name(self.texts.len() as u32);
        let text: Rc<str> = text.into();
        self.texts.push(text.clone());
        self.ids.insert(text, name);
        name
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }
}

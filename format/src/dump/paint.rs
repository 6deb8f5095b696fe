//! Colours of a terminal, or none.

use std::fmt::Display;

/// Escape sequences, or nothing.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    pub colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: impl Display) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }

    pub fn title(self, text: impl Display) -> String {
        self.with("1", text)
    }

    pub fn comment(self, text: impl Display) -> String {
        self.with("2", text)
    }

    pub fn opcode(self, text: impl Display) -> String {
        self.with("36", text)
    }

    pub fn error(self, text: impl Display) -> String {
        self.with("31", text)
    }

    pub fn good(self, text: impl Display) -> String {
        self.with("32", text)
    }
}

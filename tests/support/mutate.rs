//! Random texts for readers and compilers: bytes, tokens, and programs changed in places that
//! the language knows: forms are moved, doubled, nested, removed and exchanged.

use crate::random::Random;

/// Pieces of source that mean something somewhere.
const TOKENS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "#(",
    "#[",
    "#{",
    "#{{",
    "#\"",
    "\"",
    "\"\"\"",
    "'",
    "`",
    "%",
    "%_",
    "#@",
    "#/",
    "/",
    "/i",
    ";",
    "^",
    "^^",
    "^!",
    "^...",
    "#<",
    ">#",
    "# ",
    "\n",
    "\r",
    ",",
    " ",
    "\\",
    "\\u",
    "\\ud800",
    "\\u0041",
    "\0",
    "\u{feff}",
    "é",
    "😀",
    "0x",
    "0!",
    "0#",
    "0*",
    "1",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "1e999",
    "1.5",
    "2024-02-30",
    "12:30:00",
    "nil",
    "void",
    "true",
    "false",
    "_",
    "...",
    "x...",
    "..",
    ".",
    "./",
    "self",
    "super",
    "not_found",
    "$ex",
    "$ns",
    "$caller_eval",
    "$with",
    "$tap",
    "$render",
    "$parse",
    "$set",
    "@a/0",
    "a/b",
    "a/-1",
    "/x",
    "a/<b>",
    "!",
    "=",
    "+=",
    "==",
    "+",
    "-",
    "*",
    "**",
    "%=",
    "&&",
    "||",
    "++",
    "<",
    "is",
    "?",
    "->",
    "fn",
    "fn!",
    "var",
    "let",
    "if",
    "elif",
    "else",
    "case",
    "when",
    "for",
    "in",
    "while",
    "loop",
    "repeat",
    "break",
    "continue",
    "return",
    "try",
    "catch",
    "finally",
    "throw",
    "class",
    "ctor",
    "method",
    "field",
    "new",
    "ns",
    "enum",
    "type",
    "import",
    "from",
    "export",
    "comptime",
    "interface",
    "implement",
    "interceptor",
    "yield",
    "await",
    "async",
    "block",
    "object",
    "do",
    "not",
    "^pre",
    "^post",
    "^examples",
    "^generator",
    "a:Int",
    "Int",
    "(A | B)",
    "x!",
    "g*",
];

/// Longest text, in bytes, that is changed further.
const LONG: usize = 20_000;

/// Makes texts from programs.
pub struct Mutator<'p> {
    programs: &'p [Vec<u8>],
    random: Random,
}

impl<'p> Mutator<'p> {
    /// The texts of a seed.
    ///
    /// # Panics
    /// If there are no programs.
    pub fn new(programs: &'p [Vec<u8>], seed: u64) -> Mutator<'p> {
        assert!(!programs.is_empty());
        let random = Random::new(seed);
        Mutator { programs, random }
    }

    /// A text of any kind; most are parts of programs with a few changes.
    pub fn text(&mut self) -> Vec<u8> {
        match self.random.below(16) {
            0 => self.bytes(),
            1 | 2 => self.tokens(),
            _ => {
                let part = self.part();
                self.changed(part)
            }
        }
    }

    /// A program with a few changes, most of them of whole forms and words, so that it often
    /// still means something.
    pub fn program(&mut self) -> Vec<u8> {
        let program = self.random.pick(self.programs).clone();
        self.changed(program)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.random.below(60);
        (0..length).map(|_| self.random.next() as u8).collect()
    }

    fn tokens(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.random.below(40) {
            text.extend_from_slice(self.random.pick(TOKENS).as_bytes());
            if self.random.once_in(2) {
                text.push(b' ');
            }
        }
        text
    }

    /// Some lines of a program.
    fn part(&mut self) -> Vec<u8> {
        let program = self.random.pick(self.programs);
        let start = self.random.below(program.len().max(1));
        let length = 20 + self.random.below(400);
        let end = program.len().min(start + length);
        let line = program[..start].iter().rposition(|byte| *byte == b'\n');
        program[line.map_or(0, |at| at + 1)..end].to_vec()
    }

    fn changed(&mut self, mut text: Vec<u8>) -> Vec<u8> {
        for _ in 0..1 + self.random.below(4) {
            if text.len() > LONG {
                break;
            }
            self.change(&mut text);
        }
        text
    }

    fn change(&mut self, text: &mut Vec<u8>) {
        let here = self.form(text);
        match self.random.below(12) {
            0 => {
                let at = self.random.below(text.len() + 1);
                let token = *self.random.pick(TOKENS);
                text.splice(at..at, token.bytes());
            }
            1 => {
                text.splice(here, []);
            }
            2 => {
                let copy = text[here.clone()].to_vec();
                text.splice(here.end..here.end, [b' '].into_iter().chain(copy));
            }
            3 => {
                let there = self.form(text);
                let copy = text[there].to_vec();
                text.splice(here, copy);
            }
            4 => {
                let programs = self.programs;
                let other = self.random.pick(programs);
                let there = self.form(other);
                text.splice(here, other[there].iter().copied());
            }
            5 => {
                let (open, close) = *self.random.pick(&[
                    ("(", ")"),
                    ("[", "]"),
                    ("`", ""),
                    ("(do ", ")"),
                    ("(fn [] ", ")"),
                    ("#\"#{", "}\""),
                    ("(try ", " finally 1)"),
                ]);
                let times = if self.random.once_in(20) { 60 } else { 1 };
                let copy = text[here.clone()].to_vec();
                let open = open.repeat(times).into_bytes();
                let close = close.repeat(times).into_bytes();
                let nested = open.into_iter().chain(copy).chain(close);
                text.splice(here, nested.collect::<Vec<u8>>());
            }
            6 => {
                let word = self.word(text);
                let other = self.word(text);
                let copy = text[other].to_vec();
                text.splice(word, copy);
            }
            7 => {
                let word = self.word(text);
                let token = *self.random.pick(TOKENS);
                text.splice(word, token.bytes());
            }
            8 if !text.is_empty() => {
                let at = self.random.below(text.len());
                text[at] = self.random.next() as u8;
            }
            9 => {
                let end = self.random.below(text.len() + 1);
                if self.random.once_in(4) {
                    text.truncate(end);
                }
            }
            10 => {
                let there = self.form(text);
                if here.end <= there.start {
                    let (first, second) =
                        (text[here.clone()].to_vec(), text[there.clone()].to_vec());
                    text.splice(there, first);
                    text.splice(here, second);
                }
            }
            _ => {
                let word = self.word(text);
                text.splice(word, []);
            }
        }
    }

    /// Where some form in brackets lies; strings are not looked into. Anything, if there is none.
    fn form(&mut self, text: &[u8]) -> std::ops::Range<usize> {
        let from = self.random.below(text.len() + 1);
        let opens = |byte: &u8| matches!(byte, b'(' | b'[' | b'{');
        let Some(start) = text[from..].iter().position(opens).map(|at| from + at) else {
            return self.word(text);
        };
        let mut depth = 0_usize;
        for (at, byte) in text.iter().enumerate().skip(start) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return start..at + 1;
            }
        }
        start..text.len()
    }

    /// Where some word lies.
    fn word(&mut self, text: &[u8]) -> std::ops::Range<usize> {
        let from = self.random.below(text.len() + 1);
        let ends = |byte: &u8| b" \n()[]{}\"".contains(byte);
        let start = text[from..].iter().position(|byte| !ends(byte));
        let start = from + start.unwrap_or(text.len() - from);
        let length = text[start..].iter().position(ends);
        start..start + length.unwrap_or(text.len() - start)
    }
}

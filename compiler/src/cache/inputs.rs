//! Everything that a compilation reads, remembered.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Hash, hash};
use crate::gene::Files;

/// A thing that a compiler may look at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Input {
    /// The content of the file at an absolute path.
    File(String),
    /// The value of an environment variable.
    Variable(String),
    /// The names in the directory at an absolute path.
    Listing(String),
}

/// What a compilation has looked at, each with the hash of what was there; `None` if nothing was.
pub type Dependencies = Vec<(Input, Option<Hash>)>;

/// Files and variables as they were when first looked at: whoever looks again sees the same, so
/// that what is compiled is what was hashed.
pub struct Inputs<'f> {
    files: &'f mut dyn Files,
    main: Option<Input>,
    known: BTreeMap<Input, Option<Cow<'f, [u8]>>>,
    used: BTreeSet<Input>,
}

impl<'f> Inputs<'f> {
    /// Inputs from `files`.
    pub fn new(files: &'f mut dyn Files) -> Inputs<'f> {
        Inputs {
            files,
            main: None,
            known: BTreeMap::new(),
            used: BTreeSet::new(),
        }
    }

    /// The same, but the program's main file, at the absolute path `path`, is `text`.
    pub fn with_main(mut self, path: &str, text: &'f [u8]) -> Inputs<'f> {
        let main = Input::File(path.to_owned());
        self.known.insert(main.clone(), Some(Cow::Borrowed(text)));
        self.main = Some(main);
        self
    }

    /// The hash of an input as it is now; the compilation does not come to depend on it.
    pub fn hash(&mut self, input: &Input) -> Option<Hash> {
        self.content(input).map(hash)
    }

    /// The main file, if there is one, and what else the compilation has used so far.
    pub fn dependencies(&mut self) -> Dependencies {
        let others = self
            .used
            .iter()
            .filter(|input| Some(*input) != self.main.as_ref());
        let used: Vec<Input> = self.main.iter().chain(others).cloned().collect();
        let hashed = |input: Input| {
            let hash = self.hash(&input);
            (input, hash)
        };
        used.into_iter().map(hashed).collect()
    }

    fn content(&mut self, input: &Input) -> Option<&[u8]> {
        if !self.known.contains_key(input) {
            let content = match input {
                Input::File(path) => self.files.read(path),
                Input::Variable(name) => self.files.variable(name).map(String::into_bytes),
                Input::Listing(path) => Some(joined(&self.files.list(path))),
            };
            let content = content.map(Cow::Owned);
            self.known.insert(input.clone(), content);
        }
        self.known.get(input)?.as_deref()
    }

    fn used(&mut self, input: Input) -> Option<&[u8]> {
        self.used.insert(input.clone());
        self.content(&input)
    }
}

/// Names as one text; they contain no zero byte.
fn joined(names: &[String]) -> Vec<u8> {
    let mut text = Vec::new();
    for name in names {
        text.extend_from_slice(name.as_bytes());
        text.push(0);
    }
    text
}

impl Files for Inputs<'_> {
    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        self.used(Input::File(path.to_owned())).map(<[u8]>::to_vec)
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        let text = self.used(Input::Variable(name.to_owned()))?;
        Some(String::from_utf8_lossy(text).into_owned()) // it was a text
    }

    fn list(&mut self, path: &str) -> Vec<String> {
        let names = self.used(Input::Listing(path.to_owned())).unwrap_or(&[]);
        let names = names
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty());
        names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers everything with the number of questions so far.
    struct Counting(usize);

    impl Files for Counting {
        fn read(&mut self, path: &str) -> Option<Vec<u8>> {
            self.0 += 1;
            (path != "/absent").then(|| self.0.to_string().into_bytes())
        }

        fn variable(&mut self, _: &str) -> Option<String> {
            self.0 += 1;
            Some(self.0.to_string())
        }

        fn list(&mut self, _: &str) -> Vec<String> {
            self.0 += 1;
            vec!["a".into(), self.0.to_string()]
        }
    }

    #[test]
    fn everything_is_read_once() {
        let mut files = Counting(0);
        let mut inputs = Inputs::new(&mut files).with_main("/main", b"text");
        assert_eq!(inputs.read("/main").unwrap(), b"text");
        assert_eq!(inputs.hash(&Input::File("/b".into())), Some(hash(b"1")));
        for _ in 0..2 {
            assert_eq!(inputs.read("/b").unwrap(), b"1");
            assert_eq!(inputs.read("/absent"), None);
            assert_eq!(inputs.variable("/b").unwrap(), "3");
            assert_eq!(inputs.list("/b"), ["a", "4"]);
        }
        assert_eq!(files.0, 4);
    }

    #[test]
    fn only_what_the_compiler_read_is_a_dependency() {
        let mut files = Counting(0);
        let mut inputs = Inputs::new(&mut files).with_main("/main", b"text");
        inputs.hash(&Input::File("/seen".into()));
        inputs.read("/absent");
        inputs.list("/dir");
        inputs.variable("V");
        let expected = [
            (Input::File("/main".into()), Some(hash(b"text"))),
            (Input::File("/absent".into()), None),
            (Input::Variable("V".into()), Some(hash(b"4"))),
            (Input::Listing("/dir".into()), Some(hash(b"a\x003\0"))),
        ];
        assert_eq!(inputs.dependencies(), expected);
    }
}

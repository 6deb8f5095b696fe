//! What a prompt or an editor needs to know of a text that is being written: when it is complete,
//! what it defines, and which names continue a word.

use gene_format::builtins::BUILTINS;
use gene_format::text::{Form, FormKind, read_all};

/// Words with a meaning of their own.
const FORMS: &[&str] = &[
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "comptime",
    "continue",
    "ctor",
    "do",
    "elif",
    "else",
    "enum",
    "eval",
    "export",
    "false",
    "field",
    "finally",
    "fn",
    "for",
    "if",
    "if_not",
    "ifel",
    "implement",
    "import",
    "interface",
    "let",
    "loop",
    "method",
    "new",
    "nil",
    "ns",
    "not",
    "repeat",
    "return",
    "self",
    "spawn",
    "super",
    "throw",
    "true",
    "try",
    "type",
    "var",
    "void",
    "when",
    "while",
    "yield",
];

/// Words that give a name to something, as first child.
const DEFINING: &[&str] = &[
    "class",
    "enum",
    "fn",
    "interface",
    "let",
    "ns",
    "object",
    "type",
    "var",
];

/// Whether a text goes on: a bracket or a string is open.
pub fn is_open(text: &str) -> bool {
    let read = read_all(text.as_bytes());
    read.errors.first().is_some_and(|error| {
        let message = error.message.as_str();
        let string = message == "read_string failure: ErrQuoteExpected";
        let character = message == "EOF while reading character literal";
        string || message.starts_with("EOF while reading") && !character
    })
}

/// The name that a form defines.
pub fn defines(form: &Form) -> Option<&str> {
    let FormKind::Gene(gene) = &form.kind else {
        return None;
    };
    let FormKind::Symbol(head) = &gene.head.kind else {
        return None;
    };
    match &gene.children.first()?.kind {
        FormKind::Symbol(name) if DEFINING.contains(&&**head) => Some(name.trim_end_matches(':')),
        _ => None,
    }
}

/// Where the word at the end of `line` starts, in bytes, and the names that begin with it: of
/// `names`, of special forms and of built-ins, sorted.
pub fn complete<'n>(line: &str, names: impl Iterator<Item = &'n str>) -> (usize, Vec<String>) {
    let ends = |c: char| c.is_whitespace() || "()[]{}\"'`%^;".contains(c);
    let start = line.rfind(ends).map_or(0, |at| {
        at + line[at..].chars().next().map_or(0, char::len_utf8)
    });
    let word = &line[start..];
    let word_start = start + usize::from(word.starts_with('$'));
    let word = word.trim_start_matches('$');
    let all = names
        .chain(FORMS.iter().copied())
        .chain(BUILTINS.iter().copied());
    let mut found: Vec<String> = all
        .filter(|name| !word.is_empty() && name.starts_with(word))
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    (word_start, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_brackets_and_strings_go_on() {
        for text in [
            "(a", "(a [", "{^a 1", "\"x", "(a \"x)", "(a # )", "#\"x #(", "`",
        ] {
            assert!(is_open(text), "{text}");
        }
        for text in ["", "a", "(a)", "(a))", "a)", "# (", "(a \"x\")", "'a"] {
            assert!(!is_open(text), "{text}");
        }
    }

    #[test]
    fn names_complete_the_word_before_the_cursor() {
        let complete = |line| complete(line, ["printer", "größe"].into_iter());
        let all = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(complete("(pri"), (1, all(&["print", "printer", "println"])));
        assert_eq!(complete("(a \"é\" grö"), (8, all(&["größe"])));
        assert_eq!(complete("$arg"), (1, all(&["args"])));
        assert_eq!(complete("(a "), (3, Vec::new()));
    }

    #[test]
    fn definitions_have_names() {
        let names = |text: &str| {
            let forms = read_all(text.as_bytes()).forms;
            forms
                .iter()
                .filter_map(defines)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let text = "(var x 1) (fn f [] 1) (let y: Int 2) (f 2) 3 (class C)";
        assert_eq!(names(text), ["x", "f", "y", "C"]);
    }
}

//! Hints for those who come from other languages: words that are spelled otherwise there, and
//! spellings that mean something else here.

use super::Finding;
use super::lower::{Lower, word};
use gene_format::text::{Form, FormKind, Span};

/// What to write instead of a word of other languages.
pub(super) fn meant(text: &str) -> Option<&'static str> {
    Some(match text {
        "+" | "-" | "*" | "/" | "%" | "<" | ">" | "<=" | ">=" | "==" | "!=" | "&&" | "||"
        | "++" => "operators need parentheses of their own: (f (a + b))",
        "=" => "assignments need parentheses of their own: (x = value)",
        "and" => "write (a && b)",
        "or" => "write (a || b)",
        "if" | "else" | "elsif" | "elseif" => "write `elif`; or put (if …) in parentheses",
        "def" | "define" | "defvar" | "const" | "val" | "mut" => {
            "write (var name value), or (let name value) for what never changes"
        }
        "set" | "set!" | "setq" => "write (name = value)",
        "defn" | "defun" | "func" | "fun" | "function" | "lambda" => {
            "write (fn name [parameters] body), or (fn [parameters] body) without a name"
        }
        "null" | "None" | "undefined" => "write nil",
        "True" => "write true",
        "False" => "write false",
        "this" => "write self; a field is /name",
        "new" => "write (new Class arguments) in parentheses of its own",
        "cond" | "switch" | "match" => "write (case value when a … when b … else …)",
        "begin" | "progn" => "write (do forms…)",
        "foreach" => "write (for x in values …)",
        "raise" => "write (throw value)",
        "except" | "rescue" => "write (try … catch Class …)",
        "puts" | "printf" | "display" | "echo" => "write (println values…)",
        "require" | "include" | "use" => "write (import name from \"file\")",
        "str" | "concat" => "write (a ++ b), or #\"text #{value}\"",
        "length" | "size" => "write (len value)",
        _ => return None,
    })
}

/// Words that begin a form with a meaning of its own.
const FORMS: &[&str] = &[
    "var",
    "let",
    "if",
    "ifel",
    "if_not",
    "do",
    "fn",
    "while",
    "loop",
    "for",
    "repeat",
    "break",
    "continue",
    "return",
    "case",
    "try",
    "throw",
    "new",
    "class",
    "ns",
    "object",
    "enum",
    "type",
    "interface",
    "implement",
    "interceptor",
    "block",
    "yield",
    "await",
    "async",
    "typeof",
    "import",
    "export",
    "comptime",
    "eval",
];

/// Words between the parts of such forms.
pub(super) const PARTS: &[&str] = &["elif", "else", "when", "catch", "finally"];

impl Lower<'_> {
    /// Notes that a name that is not known is called: it may be meant as the word of a form.
    pub fn note_unknown_callee(&mut self, text: &str) {
        let name = self.name(text);
        if let Some(at) = self.unit.unknown.iter().position(|known| known.0 == name) {
            self.unit.unknown[at].2 = self.hint_of_unknown(text, FORMS);
        }
    }

    /// The hint for a name that is not known, if there is one; it may also be one of some words.
    pub fn hint_of_unknown(&mut self, text: &str, words: &[&str]) -> Option<String> {
        if let Some((of, method)) = text.split_once('.')
            && !of.is_empty()
            && !method.is_empty()
        {
            let name = self.name(of);
            if self.scopes.lookup(name).is_some() {
                return Some(format!(
                    "write ({of} .{method}), or {of}/{method} for a member"
                ));
            }
        }
        match meant(text) {
            Some(hint) => Some(hint.to_owned()),
            None => self
                .nearest(text, words)
                .map(|near| format!("did you mean `{near}`?")),
        }
    }

    /// `f(x)` and `a[0]` are two forms each.
    pub fn check_neighbours(&mut self, forms: &[Form]) {
        for pair in forms.windows(2) {
            let touch = pair[0].span.end == pair[1].span.start;
            let Some(name) = word(&pair[0]).filter(|_| touch) else {
                continue;
            };
            let (message, hint) = match &pair[1].kind {
                FormKind::Gene(_) if !name.starts_with(['#', '@', '^', '%']) => (
                    format!("`{name}` is not called here"),
                    format!("calls have the name inside of their parentheses: ({name} …)"),
                ),
                FormKind::Array(_) if !name.starts_with(['#', '@', '^', '%']) => (
                    format!("`{name}` and the array are two values here"),
                    format!("an element is {name}/0, or {name}/<index>, or ({name} .get index)"),
                ),
                _ => continue,
            };
            let span = Span {
                start: pair[0].span.start,
                end: pair[1].span.end,
            };
            self.warn(span, message, hint);
        }
    }

    /// A literal before the end of a branch: most likely `else` is missing.
    pub fn check_branch(&mut self, forms: &[Form], has_else: bool) {
        if let [first, .., _] = forms
            && !has_else
            && matches!(
                first.kind,
                FormKind::Int(_)
                    | FormKind::Float(_)
                    | FormKind::Str(_)
                    | FormKind::Bool(_)
                    | FormKind::Nil
            )
        {
            let message = "this value is not used: all forms here belong to one branch";
            let hint = "write `else` between the branches, or (ifel condition a b)";
            self.warn(first.span, message.into(), hint.into());
        }
    }

    fn warn(&mut self, span: Span, message: String, hint: String) {
        let mut finding = Finding::new(self.unit.index, span, message);
        finding.code = "GENE.HINT";
        finding.hint = Some(hint);
        self.warnings.push(finding);
    }
}

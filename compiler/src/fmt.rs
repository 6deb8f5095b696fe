//! The formatter: leading and trailing blanks of lines, nothing else. Lines are neither joined
//! nor split, and what is inside of strings and comments stays as it is.
//!
//! Where brackets, strings and comments lie is the reader's word, so a text with errors is not
//! formatted, and a result that reads as other forms is never given away.

use gene_format::text::{Form, FormKind, ReadError, Span, read_all};

/// What a line adds to the indentation of the lines in its brackets.
const STEP: usize = 2;

/// Words that begin a clause of the form around them.
const CLAUSES: [&str; 5] = ["elif", "else", "when", "catch", "finally"];

/// The text with every line at its place.
///
/// # Errors
///
/// What the reader complains about.
pub fn format(text: &[u8]) -> Result<String, Vec<ReadError>> {
    let read = read_all(text);
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(read.errors);
    };
    if !read.errors.is_empty() {
        return Err(read.errors);
    }
    let formatted = layout(text, &read.forms);
    let again = read_all(formatted.as_bytes());
    let same = again.forms.len() == read.forms.len()
        && (again.forms.iter().zip(&read.forms)).all(|(a, b)| a.same_data(b));
    // A word that only the reader understands could be mistaken here: better no change.
    Ok(if same { formatted } else { text.to_owned() })
}

fn layout(text: &str, forms: &[Form]) -> String {
    let mut scan = Scan {
        text,
        atoms: atoms(text, forms),
        next_atom: 0,
        at: 0,
        depth: 0,
        comment: None,
    };
    let mut stack = Contexts::default();
    let mut out = String::with_capacity(text.len());
    while scan.at < text.len() {
        let first = scan.at == 0;
        let line = scan.line();
        let shebang = first && line.text.starts_with("#!");
        let indent = match line.kind {
            Kind::Code if !shebang => Some(stack.place(&line)),
            _ => None,
        };
        match indent {
            Some(indent) => {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push_str(line.text.trim_start_matches(BLANKS));
            }
            None => out.push_str(line.text),
        }
        stack.enter(&line, indent);
        out.push_str(line.end);
    }
    out
}

const BLANKS: [char; 2] = [' ', '\t'];

/// What a line begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Code, which gets an indentation.
    Code,
    /// Nothing, a comment, or the inside of a string or comment.
    Other,
}

/// A line and what is known of it.
struct Line<'t> {
    kind: Kind,
    /// Without trailing blanks, unless they belong to a string.
    text: &'t str,
    end: &'static str,
    /// Brackets open before and behind it.
    before: usize,
    after: usize,
    /// Closing brackets at its start.
    closers: usize,
    /// Its text as far as it is no comment at its end.
    code: &'t str,
}

/// A cursor over the text.
struct Scan<'t> {
    text: &'t str,
    /// Words and literals: no bracket in them counts.
    atoms: Vec<Span>,
    next_atom: usize,
    at: usize,
    depth: usize,
    /// Open block comment.
    comment: Option<Block>,
}

/// A block comment: open levels, and whether it began with `#<<`.
struct Block {
    level: usize,
    doubled: bool,
}

impl<'t> Scan<'t> {
    /// Takes the next line.
    fn line(&mut self) -> Line<'t> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let inside = self.comment.is_some() || self.atom_before(start).is_some();
        let before = self.depth;
        let mut kind = if inside { Kind::Other } else { Kind::Code };
        let (mut closers, mut leading) = (0, true);
        let mut code_end = None;
        // Blanks at the end may go from here on.
        let mut kept = start;
        let mut end = "";
        while let Some(&byte) = bytes.get(self.at) {
            if self.comment.is_some() {
                match byte {
                    b'\n' => {
                        self.at += 1;
                        end = "\n";
                        break;
                    }
                    _ => self.block_comment(),
                }
                continue;
            }
            if let Some(atom) = self.atom_at() {
                leading = false;
                let (from, to) = (self.at, atom.end as usize);
                match self.text[from..to].find('\n') {
                    Some(length) => {
                        // its line ends belong to it
                        self.at = from + length + 1;
                        return Line {
                            kind,
                            text: &self.text[start..from + length],
                            end: "\n",
                            before,
                            after: self.depth,
                            closers,
                            code: &self.text[start..from + length],
                        };
                    }
                    None => self.at = to,
                }
                kept = self.at;
                continue;
            }
            match byte {
                b'\n' => {
                    self.at += 1;
                    end = "\n";
                    break;
                }
                // also `\r` alone, and before `\n`
                b'\r' => {
                    self.at += 1 + usize::from(bytes.get(self.at + 1) == Some(&b'\n'));
                    end = "\n";
                    break;
                }
                b'#' if self.starts_comment() => {
                    code_end.get_or_insert(self.at);
                    if leading && closers == 0 {
                        kind = Kind::Other;
                    }
                    leading = false;
                    if bytes.get(self.at + 1) == Some(&b'<') {
                        let doubled = bytes.get(self.at + 2) == Some(&b'<');
                        self.comment = Some(Block { level: 1, doubled });
                        self.at += 2;
                    } else {
                        let rest = &self.text[self.at..];
                        self.at += rest.find('\n').unwrap_or(rest.len());
                    }
                    continue;
                }
                b'(' | b'[' | b'{' => self.depth += 1,
                b')' | b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    closers += usize::from(leading);
                    self.at += 1;
                    continue;
                }
                b' ' | b'\t' => {
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            leading = false;
            self.at += 1;
            while !self.text.is_char_boundary(self.at) {
                self.at += 1;
            }
        }
        let stop = self.at - self.line_end(end);
        let trimmed = self.text[start..stop].trim_end_matches([' ', '\t', '\r']);
        let stop = (start + trimmed.len()).max(kept);
        let text = &self.text[start..stop];
        if text.is_empty() {
            kind = Kind::Other;
        }
        Line {
            kind,
            text,
            end,
            before,
            after: self.depth,
            closers,
            code: &self.text[start..code_end.unwrap_or(stop).min(stop)],
        }
    }

    /// Bytes of the line end just taken.
    fn line_end(&self, end: &str) -> usize {
        match self.text[..self.at].ends_with("\r\n") {
            true => 2,
            false => end.len(),
        }
    }

    /// The atom that covers this byte and began before it.
    fn atom_before(&mut self, at: usize) -> Option<Span> {
        self.skip_atoms();
        let atom = *self.atoms.get(self.next_atom)?;
        ((atom.start as usize) < at).then_some(atom)
    }

    /// The atom that covers the cursor.
    fn atom_at(&mut self) -> Option<Span> {
        self.skip_atoms();
        let atom = *self.atoms.get(self.next_atom)?;
        (atom.start as usize <= self.at).then_some(atom)
    }

    fn skip_atoms(&mut self) {
        while (self.atoms.get(self.next_atom)).is_some_and(|atom| atom.end as usize <= self.at) {
            self.next_atom += 1;
        }
    }

    fn starts_comment(&self) -> bool {
        let next = self.text.as_bytes().get(self.at + 1);
        matches!(next, Some(b' ' | b'!' | b'#' | b'\n' | b'\r' | b'<') | None)
    }

    /// One step inside of a block comment; the same rules as the reader's.
    fn block_comment(&mut self) {
        let bytes = self.text.as_bytes();
        let Some(block) = &mut self.comment else {
            return;
        };
        match (bytes[self.at], bytes.get(self.at + 1)) {
            (b'#', Some(b'<')) => {
                block.level += 1;
                self.at += 2;
            }
            (b'>', Some(b'#')) => {
                if block.level > 1 || block.doubled || bytes[self.at - 1] != b'>' {
                    block.level -= 1;
                }
                if block.level == 0 {
                    self.comment = None;
                }
                self.at += 2;
            }
            _ => self.at += 1,
        }
    }
}

/// Words and literals in order.
fn atoms(text: &str, forms: &[Form]) -> Vec<Span> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Form> = forms.iter().collect();
    while let Some(form) = waiting.pop() {
        let span = form.span;
        let written = &text[span.start as usize..span.end as usize];
        match &form.kind {
            FormKind::Array(items) | FormKind::HashMap(items) => waiting.extend(&items.items),
            FormKind::Map(map) => {
                for entry in &map.entries {
                    found.push(entry.key_span);
                    waiting.push(&entry.value);
                }
            }
            // an interpolated string
            FormKind::Gene(_) if written.starts_with("#\"") => found.push(span),
            FormKind::Gene(gene) => {
                waiting.push(&gene.head);
                waiting.extend(&gene.children);
                for entry in &gene.props {
                    found.push(entry.key_span);
                    waiting.push(&entry.value);
                }
            }
            FormKind::Quote(form) | FormKind::Unquote { form, .. } => waiting.push(form),
            // the type of `()`
            FormKind::Nil if written.starts_with(['(', '#']) => {}
            _ => found.push(span),
        }
    }
    found.sort_by_key(|span| (span.start, span.end));
    found
}

/// Brackets that are open, one entry for each line that opened some.
#[derive(Default)]
struct Contexts {
    stack: Vec<Context>,
    /// Lines stand below the first item of an array: depth and column.
    aligned: Option<(usize, usize)>,
}

struct Context {
    depth: usize,
    /// Indentation of what is inside.
    inside: usize,
    /// The same behind a clause.
    indent: usize,
}

impl Contexts {
    /// The indentation of a line of code.
    fn place(&mut self, line: &Line<'_>) -> usize {
        let depth = line.before.saturating_sub(line.closers);
        while self.stack.last().is_some_and(|top| top.depth > depth) {
            self.stack.pop();
        }
        self.aligned = self.aligned.filter(|(least, _)| depth >= *least);
        let code = line.text.trim_start_matches(BLANKS);
        if let Some((_, column)) = self.aligned
            && !code.starts_with([']', ')'])
        {
            return column;
        }
        let Some(top) = self.stack.last_mut() else {
            return 0;
        };
        if !is_clause(code) {
            return top.indent;
        }
        let column = line.text.len() - code.len();
        let form = top.inside.saturating_sub(STEP);
        let place = match (form..=top.inside).contains(&column) {
            true => column,
            false => form,
        };
        top.indent = top.inside + if place == top.inside { STEP } else { 0 };
        place
    }

    /// Notes the brackets that a line leaves open.
    fn enter(&mut self, line: &Line<'_>, indent: Option<usize>) {
        if line.after > line.before {
            let own = indent.or(self.stack.last().map(|top| top.indent));
            let inside = own.unwrap_or(0) + STEP;
            self.stack.push(Context {
                depth: line.after,
                inside,
                indent: inside,
            });
        }
        let Some(indent) = indent else {
            return;
        };
        let code = line.code.trim_matches(BLANKS);
        if let Some((head, rest)) = code.split_once('[')
            && !rest.is_empty()
            && !code.contains(']')
        {
            self.aligned = Some((line.after, indent + head.chars().count() + 1));
        }
    }
}

fn is_clause(code: &str) -> bool {
    let rest = CLAUSES.iter().find_map(|word| code.strip_prefix(word));
    rest.is_some_and(|rest| {
        let next = rest.chars().next();
        next.is_none_or(|c| BLANKS.contains(&c) || matches!(c, ')' | ']' | '}'))
    })
}

#[cfg(test)]
mod tests;

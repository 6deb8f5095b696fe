//! What the compiler says about a program beyond what it must refuse: calls that do not fit the
//! function, values that do not fit a type, cases that miss variants, misspelt names
//! (`language/02-types.md` §5 A, `12-patterns.md` §5).
//!
//! A warning never changes what the program does.

use std::borrow::Cow;

use super::Finding;
use super::lower::{Callee, Lower, word};
use super::names::Name;
use crate::hir::*;
use gene_format::builtins::BUILTINS;
use gene_format::program::{CheckSite, ParamKind};
use gene_format::text::{Form, FormKind, Span};

/// A call of a function that may turn out to be known.
pub(super) struct NotedCall {
    pub callee: Callee,
    pub module: ModuleIdx,
    pub span: Span,
    /// Type and place of each positional argument, as far as they are literals.
    pub args: Vec<Option<Literal>>,
    /// Names of the keywords; `None` if some are not known.
    pub keys: Option<Vec<String>>,
    /// Some positional arguments are spread.
    pub spread: bool,
    /// It stands in a `try`, and may mean to fail.
    pub in_try: bool,
}

/// What is known of a literal.
#[derive(Clone)]
pub(super) struct Literal {
    ty: &'static str,
    /// The number, if it is a float.
    float: f64,
    span: Span,
}

/// The type of a literal.
pub(super) fn literal(value: &Expr) -> Option<Literal> {
    let mut float = 0.0;
    let ty = match &value.kind {
        ExprKind::Int(_) => "Int",
        ExprKind::Float(n) => {
            float = *n;
            "Float"
        }
        ExprKind::Str(_) | ExprKind::Interp(_) => "String",
        ExprKind::Bool(_) => "Bool",
        ExprKind::Array(_) => "Array",
        ExprKind::Map(_) => "Map",
        _ => return None,
    };
    Some(Literal {
        ty,
        float,
        span: value.span,
    })
}

/// How a literal fits a type.
enum Fit {
    Yes,
    Lossy,
    No,
}

fn fit(literal: &Literal, check: &Check) -> Fit {
    let Type::Named(wanted) = &check.ty else {
        return Fit::Yes;
    };
    let known = matches!(
        wanted.as_str(),
        "Int" | "Float" | "String" | "Bool" | "Array" | "Map" | "Symbol" | "Char"
    );
    let converts = check.site != CheckSite::Variable;
    match (literal.ty, wanted.as_str()) {
        (own, wanted) if own == wanted || !known => Fit::Yes,
        ("Int", "Float") if converts => Fit::Yes,
        ("Float", "Int") if converts && literal.float.fract() == 0.0 => Fit::Yes,
        ("Float", "Int") if converts => Fit::Lossy,
        _ => Fit::No,
    }
}

impl Lower<'_> {
    /// Warns of a literal that does not fit; `definition` is where the type stands.
    fn check_literal(
        &mut self,
        literal: &Literal,
        check: &Check,
        module: ModuleIdx,
        definition: Option<(ModuleIdx, Span)>,
        context: &str,
    ) {
        let (name, own) = (&check.name, literal.ty);
        let message = match fit(literal, check) {
            Fit::Yes => return,
            Fit::Lossy => {
                let (from, to) = (literal.float, literal.float.trunc());
                format!("Lossy conversion Float -> Int for {name}: {from} -> {to}")
            }
            Fit::No => format!(
                "Type error: expected {}, got {own} in {context}",
                check.text
            ),
        };
        let mut finding = Finding::new(module, literal.span, message);
        finding.code = "GENE.TYPE.MISMATCH";
        if let Some((module, span)) = definition {
            let text = format!("expected {} because of this", check.text);
            finding.labels.push((module, span, text));
        }
        self.warnings.push(finding);
    }

    /// Warns if a variable gets a literal that does not fit its type, written at `ty`.
    pub fn check_initial(&mut self, value: &Expr, check: &Option<Check>, ty: Span) {
        if let (Some(literal), Some(check)) = (literal(value), check) {
            let module = self.unit.index;
            self.check_literal(&literal, check, module, Some((module, ty)), "variable");
        }
    }

    /// Checks the noted calls against what the program makes of the functions.
    pub fn check_calls(&mut self) {
        for call in std::mem::take(&mut self.calls) {
            let member = |global: GlobalId, name: &str| {
                let fixed = !self.globals[global.index()].assigned;
                let functions = self.classes.get(&global).filter(|_| fixed)?;
                functions.get(name).copied()
            };
            let mut place = Cow::Borrowed("call");
            let func = match &call.callee {
                Callee::Func(func) => Some(*func),
                Callee::Global(global) => {
                    let global = &self.globals[global.index()];
                    global.func.filter(|_| !global.assigned)
                }
                Callee::New(class) => {
                    place = Cow::Borrowed("new");
                    member(*class, "ctor")
                }
                Callee::Method(class, name) => {
                    place = Cow::Owned(format!("method {name}"));
                    member(*class, name)
                }
            };
            let Some((id, function)) = func.and_then(|id| {
                let function = self.funcs[id.index()].0.as_ref()?;
                Some((id, function))
            }) else {
                continue;
            };
            let home = function.module;
            let places = self.param_spans.get(&id).cloned().unwrap_or_default();
            let parameters = || {
                let (first, last) = (places.first()?, places.last()?);
                let span = Span {
                    start: first.start,
                    end: last.end,
                };
                let text = format!("`{}` takes these parameters", function.name);
                Some((home, span, text))
            };
            let got = call.args.len();
            if !call.spread
                && let Some(expected) = fixed_arity(function)
                && got > expected
            {
                let message = format!(
                    "Type error: too many positional arguments in {place} \
                     (expected {expected}, got {got})"
                );
                let mut finding = Finding::new(call.module, call.span, message);
                finding.labels.extend(parameters());
                self.errors.push(finding);
                continue;
            }
            if function.is_macro {
                continue;
            }
            if !call.in_try
                && let Some((message, hint)) = misfit(function, &call)
            {
                let mut finding = Finding::new(call.module, call.span, message);
                finding.code = "GENE.CALL.ARGUMENTS";
                finding.hint = hint;
                finding.labels.extend(parameters());
                self.warnings.push(finding);
            }
            if call.spread {
                continue;
            }
            let checks: Vec<Option<Check>> = function
                .params
                .iter()
                .take_while(|param| param.kind == ParamKind::Required)
                .map(|param| param.check.clone())
                .collect();
            let context = &*place;
            for (at, (check, literal)) in checks.iter().zip(&call.args).enumerate() {
                if let (Some(check), Some(literal)) = (check, literal) {
                    let at_param = places.get(at).map(|&span| (home, span));
                    self.check_literal(literal, check, call.module, at_param, context);
                }
            }
        }
    }

    /// Warns of a `case` without `else` whose clauses name some variants of one enum, not all.
    pub fn check_variants(&mut self, patterns: &[&Form], span: Span) {
        let mut of = None;
        let mut seen = Vec::new();
        for pattern in patterns {
            let Some((owner, variant)) = self.pattern_variant(pattern) else {
                return;
            };
            if of.is_some_and(|known| known != owner) {
                return;
            }
            of = Some(owner);
            seen.push(variant);
        }
        let Some(of) = of else { return };
        let missing: Vec<&str> = self.enums[&of]
            .iter()
            .filter(|variant| !seen.contains(variant))
            .map(|variant| self.names.text(*variant))
            .collect();
        if missing.is_empty() {
            return;
        }
        let of = self.names.text(of);
        let missing = missing.join(", ");
        let message = format!("non-exhaustive case over {of}; missing variants: {missing}");
        let mut finding = Finding::new(self.unit.index, span, message);
        finding.code = "GENE.TYPE.NON_EXHAUSTIVE";
        finding.hint = Some("add the missing clauses, or an `else`".into());
        self.warnings.push(finding);
    }

    /// Enum and variant that a pattern names, if they are known.
    fn pattern_variant(&mut self, pattern: &Form) -> Option<(Name, Name)> {
        let head = match &pattern.kind {
            FormKind::Gene(gene) => &gene.head,
            _ => pattern,
        };
        if let FormKind::Path(parts) = &head.kind {
            let [of, variant] = &**parts else {
                return None;
            };
            let (of, variant) = (self.name(of), self.name(variant));
            let known = self.enums.get(&of)?.contains(&variant);
            return known.then_some((of, variant));
        }
        let text = word(head)?;
        let variant = self.name(text);
        let builtin = match text {
            "Ok" | "Err" => Some(("Result", ["Ok", "Err"])),
            "Some" | "None" => Some(("Option", ["Some", "None"])),
            _ => None,
        };
        if let Some((of, variants)) = builtin {
            let of = self.name(of);
            let variants = variants.map(|text| self.name(text));
            let known = self.enums.entry(of).or_insert(variants.into());
            return known.contains(&variant).then_some((of, variant));
        }
        match self.variants.get(&variant).map(Vec::as_slice) {
            Some(&[of]) if self.enums.contains_key(&of) => Some((of, variant)),
            _ => None,
        }
    }

    /// Warns of a free name that is close to a known one, once for each name of a module.
    pub fn note_unknown(&mut self, name: Name, span: Span) {
        let text = self.names.text(name);
        if self.unit.dynamic_names
            || text.starts_with(['#', '$', '.', '^'])
            || self.unit.unknown.iter().any(|known| known.0 == name)
        {
            return;
        }
        let text = text.to_owned();
        let hint = self.hint_of_unknown(&text, super::teach::PARTS);
        self.unit.unknown.push((name, span, hint));
    }

    /// The known name, or word, that is closest to a text, if one is close enough to be meant.
    pub fn nearest(&self, text: &str, words: &[&str]) -> Option<String> {
        let bound = (0..self.names.len())
            .map(|index| Name(index as u32))
            .filter(|name| self.scopes.lookup(*name).is_some())
            .map(|name| self.names.text(name));
        let all = bound.chain(BUILTINS.iter().copied());
        nearest(text, all.chain(words.iter().copied()))
    }

    /// At the end of a module: the free names that nothing makes, nor can make at run time.
    pub fn report_unknown(&mut self) {
        for (name, span, hint) in std::mem::take(&mut self.unit.unknown) {
            let made = self.needs_eval.is_some()
                || self.unit.escapes
                || self.unit.assigned_names.contains(&name);
            let Some(hint) = hint.filter(|_| !made) else {
                continue;
            };
            let message = format!("{} is not defined", self.names.text(name));
            let mut finding = Finding::new(self.unit.index, span, message);
            finding.code = "GENE.SCOPE.UNDEFINED_VAR";
            finding.hint = Some(hint);
            self.warnings.push(finding);
        }
    }
}

/// The name closest to a text, if one is close enough to be meant.
pub(super) fn nearest<'n>(text: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    known
        .filter(|known| *known != text && known.len().abs_diff(text.len()) <= 2)
        .map(|known| (distance(text, known), known))
        .filter(|(far, known)| *far <= allowed(text, known))
        .min_by_key(|(far, known)| (*far, std::cmp::Reverse(known.len())))
        .map(|(_, known)| known.to_owned())
}

/// How many changes may turn a text into the name that it is meant as: few in short ones, unless
/// these only end otherwise, as in the plural.
fn allowed(text: &str, known: &str) -> usize {
    let short = text.len().min(known.len());
    if short >= 3 && (text.starts_with(known) || known.starts_with(text)) {
        return 2;
    }
    match text.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5 if text.chars().next() != known.chars().next() => 1,
        _ => 2,
    }
}

/// What will be wrong with the arguments of a call when it runs, and what may be meant. That is a
/// warning only: the program may catch the error (`language/05-functions.md` §3).
fn misfit(function: &Function, call: &NotedCall) -> Option<(String, Option<String>)> {
    use ParamKind::{Key, KeyRest, Optional, OptionalKey, Required, Rest};
    if function.params.is_empty() {
        return None; // ignores what it is given
    }
    let count = |kind| function.params.iter().filter(|p| p.kind == kind).count();
    let (required, got) = (count(Required), call.args.len());
    let most = required + count(Optional);
    let name = &function.name;
    if !call.spread && got < required {
        let message =
            format!("too few arguments: `{name}` needs {required}, this call gives {got}");
        return Some((message, None));
    }
    if !call.spread && got > most && count(Rest) == 0 {
        let message = format!("too many arguments: `{name}` takes {most}, this call gives {got}");
        return Some((message, None));
    }
    let keys = call.keys.as_ref()?;
    let named = |kind| function.params.iter().filter(move |p| p.kind == kind);
    if let Some(missing) = named(Key).find(|p| !keys.contains(&p.name)) {
        let key = &missing.name;
        let message = format!("`{name}` needs the keyword argument ^{key}");
        return Some((message, None));
    }
    let known = || {
        named(Key)
            .chain(named(OptionalKey))
            .map(|p| p.name.as_str())
    };
    let unknown = keys.iter().find(|key| !known().any(|own| own == **key));
    let unknown = unknown.filter(|_| count(KeyRest) == 0)?;
    let message = format!("`{name}` has no keyword parameter ^{unknown}");
    let near = nearest(unknown, known());
    Some((message, near.map(|near| format!("did you mean ^{near}?"))))
}

/// Number of positional parameters of a function that takes exactly these.
fn fixed_arity(function: &Function) -> Option<usize> {
    use ParamKind::{Key, KeyRest, Optional, OptionalKey, Required, Rest};
    if function.params.is_empty() || function.is_macro {
        return None;
    }
    let mut count = 0;
    for param in &function.params {
        match param.kind {
            Required => count += 1,
            Key | OptionalKey | KeyRest => {}
            Optional | Rest => return None,
        }
    }
    Some(count)
}

/// Changes that turn one text into the other: a character more, less, another, or two swapped.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = (0..=a.len()).map(|i| (i..=i + b.len()).collect()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let other = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + other);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn short_names_allow_fewer_changes() {
        let near = |text, known: &'static str| nearest(text, known.split(' '));
        assert_eq!(near("taxes", "fax tax"), Some("tax".into()));
        assert_eq!(near("box", "boxes"), Some("boxes".into()));
        assert_eq!(near("cuotn", "count"), Some("count".into()));
        assert_eq!(near("brek", "repeat break"), Some("break".into()));
        assert_eq!(near("mouth", "count"), None);
        assert_eq!(near("fi", "if fib"), None);
    }

    #[test]
    fn distances_count_changes() {
        assert_eq!(distance("println", "println"), 0);
        assert_eq!(distance("printn", "println"), 1);
        assert_eq!(distance("pritnln", "println"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

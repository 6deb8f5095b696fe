//! Parameter lists and array patterns: the same notation (`language/05-functions.md` §3,
//! `12-patterns.md` §2).

use super::Finding;
use super::lower::{Lower, word};
use super::show::show;
use gene_format::program::ParamKind;
use gene_format::text::{Form, FormKind, Span};

/// What a parameter binds.
pub(super) enum Target<'f> {
    /// This name.
    Name(&'f str),
    /// `_`
    Ignore,
    /// A nested array pattern.
    Nested(&'f [Form]),
}

/// One element of a parameter list or array pattern, as written.
pub(super) struct RawParam<'f> {
    pub target: Target<'f>,
    pub kind: ParamKind,
    pub default: Option<&'f Form>,
    pub ty: Option<&'f Form>,
    /// Written `/x`: stored in the field.
    pub property: bool,
    pub span: Span,
}

impl RawParam<'_> {
    pub fn name(&self) -> &str {
        match self.target {
            Target::Name(name) => name,
            Target::Ignore | Target::Nested(_) => "_",
        }
    }

    pub fn is_key(&self) -> bool {
        matches!(
            self.kind,
            ParamKind::Key | ParamKind::OptionalKey | ParamKind::KeyRest
        )
    }
}

impl Lower<'_> {
    /// Reads the elements. Errors are reported; what can be used is returned.
    pub fn raw_params<'f>(&mut self, items: &'f [Form], pattern: bool) -> Vec<RawParam<'f>> {
        let mut list: Vec<RawParam> = Vec::with_capacity(items.len());
        let mut at = 0;
        while let Some(form) = items.get(at) {
            at += 1;
            if word(form) == Some("=") {
                self.error(form.span, "a default value must follow a parameter");
                at += 1;
                continue;
            }
            let Some((mut param, typed)) = self.raw_param(form, pattern) else {
                continue;
            };
            if typed {
                param.ty = items.get(at);
                at += 1;
            }
            if items.get(at).and_then(word) == Some("...") {
                param.kind = if param.is_key() {
                    ParamKind::KeyRest
                } else {
                    ParamKind::Rest
                };
                at += 1;
            }
            if items.get(at).and_then(word) == Some("=") {
                param.default = items.get(at + 1);
                at += 2;
                param.kind = match param.kind {
                    ParamKind::Key => ParamKind::OptionalKey,
                    ParamKind::Required => ParamKind::Optional,
                    kind => kind,
                };
            }
            let second_rest = param.kind == ParamKind::Rest
                && list.iter().any(|known| known.kind == ParamKind::Rest);
            if second_rest {
                self.error(
                    form.span,
                    "Only one named positional rest parameter is allowed",
                );
                continue;
            }
            list.push(param);
        }
        list
    }

    /// One element; true if a type follows.
    fn raw_param<'f>(&mut self, form: &'f Form, pattern: bool) -> Option<(RawParam<'f>, bool)> {
        let mut param = RawParam {
            target: Target::Ignore,
            kind: ParamKind::Required,
            default: None,
            ty: None,
            property: false,
            span: form.span,
        };
        let text = match &form.kind {
            FormKind::Symbol(text) => &**text,
            FormKind::Path(parts) if !pattern && parts.len() == 2 && parts[0].is_empty() => {
                param.property = true;
                param.kind = ParamKind::Key;
                &*parts[1]
            }
            FormKind::Array(items) if pattern => {
                param.target = Target::Nested(&items.items);
                return Some((param, false));
            }
            FormKind::Array(_) => {
                let message = "nested parameters bind nothing";
                let mut finding = Finding::new(self.unit.index, form.span, message);
                let inside = show(form);
                finding.hint = Some(format!(
                    "name the parameter, and take it apart in the body: (var {inside} name)"
                ));
                self.warnings.push(finding);
                return Some((param, false));
            }
            _ if pattern => {
                self.error(form.span, "Unsupported destructuring pattern");
                return None;
            }
            _ => {
                self.error(form.span, "a parameter must be a name");
                return None;
            }
        };
        if text == "..." {
            self.error(form.span, "Positional rest must follow a named parameter");
            return None;
        }
        let (text, typed) = match text.strip_suffix(':') {
            Some(rest) if !rest.is_empty() => (rest, true),
            _ => (text, false),
        };
        let text = match text.strip_prefix('^') {
            Some(key) => {
                param.kind = ParamKind::Key;
                key.trim_start_matches('^')
            }
            None => text,
        };
        let text = match text.strip_suffix("...") {
            Some(rest) => {
                let key = param.kind == ParamKind::Key;
                param.kind = if key {
                    ParamKind::KeyRest
                } else {
                    ParamKind::Rest
                };
                rest
            }
            None => text,
        };
        if text != "_" {
            param.target = Target::Name(text);
        }
        Some((param, typed))
    }
}

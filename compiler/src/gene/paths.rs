//! Paths, selectors and assignment (`language/17-selectors.md`, `03-expressions.md` §7–8).

use super::infix::binary;
use super::lower::{Lower, declare, expr, item, local, member, name_text, nil, read, string, word};
use super::names::Name;
use super::scope::{Binding, Info, Slot};
use crate::hir::*;
use gene_format::builtins::is_builtin;
use gene_format::program::CheckSite;
use gene_format::text::{Form, FormKind, GeneForm, Span, Word};
use std::rc::Rc;

/// What an assignment can go to.
pub(super) enum Target {
    Var(Var, Option<Rc<Check>>),
    Place(Place),
    /// Variable outside of evaluated code: its setter.
    Outer(Box<Expr>),
    /// A name that evaluated code may have defined.
    Defined(Name),
    None,
}

impl Lower<'_> {
    /// `head/seg/…`
    pub fn path(&mut self, parts: &[Word], span: Span) -> Expr {
        if parts[0].starts_with('@') {
            let words: Vec<&str> = parts.iter().map(|part| &**part).collect();
            return self.selector_word(&words, span);
        }
        if &*parts[0] == "gene" && matches!(&*parts[1], "parse_file" | "parser") {
            self.note_eval(span, &format!("gene/{}", parts[1]));
        }
        let (head, used) = self.path_head(parts, span);
        self.segments(head, &parts[used..], parts.len(), span)
    }

    /// The first value of a path and how many parts it took.
    fn path_head(&mut self, parts: &[Word], span: Span) -> (Expr, usize) {
        let head = match &*parts[0] {
            "" | "self" => {
                if self.self_binding().is_none() {
                    return self.module_member(parts, span);
                }
                self.self_value(span)
            }
            "$ns" => return self.module_member(parts, span),
            "$ex" => expr(ExprKind::Exception, span),
            text if text.starts_with('$') && text.len() > 1 => self.global_member(&text[1..], span),
            text => {
                let name = self.name(text);
                self.variable(name, span)
            }
        };
        (head, 1)
    }

    /// `$ns/x`: a module variable if `x` is one.
    fn module_member(&mut self, parts: &[Word], span: Span) -> (Expr, usize) {
        if let Some(second) = parts.get(1)
            && let Some(global) = self.own_global(second)
        {
            return (read(Var::Global(global), span), 2);
        }
        if let Some((binding, name)) = self.outer_member(parts) {
            return (self.read_binding(binding, name, span), 2);
        }
        let keep = self.unit.escapes;
        let value = self.namespace(span);
        self.unit.escapes = keep;
        (value, 1)
    }

    /// `$ns/x` in evaluated code: a variable of the module around.
    fn outer_member(&mut self, parts: &[Word]) -> Option<(Binding, Name)> {
        let name = self.name(parts.get(1)?);
        Some((self.outer_module_variable(name)?, name))
    }

    fn own_global(&mut self, text: &str) -> Option<GlobalId> {
        let name = self.name(text);
        self.own_member(name)
    }

    /// Applies the segments. `total` is the length of the whole path.
    pub fn segments(&mut self, mut value: Expr, parts: &[Word], total: usize, span: Span) -> Expr {
        let mut at = 0;
        while at < parts.len() {
            let (text, used) = joined(&parts[at..]);
            let previous = at.checked_sub(1).map(|i| &*parts[i]);
            at += used;
            let last = at == parts.len();
            value = self.segment(value, &text, last && total >= 3, previous, span);
        }
        value
    }

    fn segment(
        &mut self,
        of: Expr,
        text: &str,
        may_be_variable: bool,
        previous: Option<&str>,
        span: Span,
    ) -> Expr {
        if text == "!" {
            return expr(ExprKind::Assert(Box::new(of)), span);
        }
        if let Some(inner) = text
            .strip_prefix(".<")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            let name = self.inner_path(inner, span);
            let kind = ExprKind::DynamicCall(Box::new(of), Box::new(name), Args::default().into());
            return expr(kind, span);
        }
        if let Some(method) = text.strip_prefix('.').filter(|rest| !rest.is_empty()) {
            let kind = ExprKind::MethodCall(Box::new(of), method.into(), Args::default().into());
            return expr(kind, span);
        }
        match self.place(of, text, may_be_variable, previous, span) {
            Place::Member(of, name) => self.read_member(*of, name, span),
            place => expr(ExprKind::Get(place), span),
        }
    }

    /// A named step: where the container may be an array or map, a variable of that name
    /// may be meant (17-selectors §1.2 rule 2).
    fn read_member(&mut self, of: Expr, name: Box<str>, span: Span) -> Expr {
        let id = self.name(&name);
        let own_field = matches!(of.kind, ExprKind::Var(_)) && self.is_self(&of);
        let container = matches!(of.kind, ExprKind::Builtin(_) | ExprKind::Namespace);
        let found = if own_field || container {
            None
        } else {
            self.data_variable(id)
        };
        match found {
            Some(binding) => {
                let var = self.read_binding(binding, id, span);
                expr(ExprKind::GetOr(Box::new(of), name, Box::new(var)), span)
            }
            None => expr(ExprKind::Get(Place::Member(Box::new(of), name)), span),
        }
    }

    fn is_self(&mut self, value: &Expr) -> bool {
        let Some(binding) = self.self_binding() else {
            return false;
        };
        let var = self.scopes.access(binding);
        matches!(&value.kind, ExprKind::Var(found) if *found == var)
    }

    /// A variable that can hold an index or key.
    fn data_variable(&mut self, name: Name) -> Option<Binding> {
        let binding = self.scopes.lookup(name)?;
        let usable = !matches!(binding.slot, Slot::Member(_));
        (usable && !self.scopes.info(binding).definition).then_some(binding)
    }

    /// The place a segment names.
    fn place(
        &mut self,
        of: Expr,
        text: &str,
        may_be_variable: bool,
        previous: Option<&str>,
        span: Span,
    ) -> Place {
        let of = Box::new(of);
        if let Some(index) = index_text(text) {
            return Place::Index(of, index);
        }
        if let Some(inner) = text
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
        {
            return Place::Dynamic(of, Box::new(self.inner_path(inner, span)));
        }
        if may_be_variable && !previous.is_some_and(|part| part.starts_with("_gene")) {
            let name = self.name(text);
            if let Some(binding) = self.data_variable(name) {
                let key = self.read_binding(binding, name, span);
                return Place::Dynamic(of, Box::new(key));
            }
        }
        Place::Member(of, text.into())
    }

    /// The name or path between `<` and `>`.
    fn inner_path(&mut self, text: &str, span: Span) -> Expr {
        let kind = if text.contains('/') {
            FormKind::Path(text.split('/').map(Into::into).collect())
        } else {
            FormKind::Symbol(text.into())
        };
        self.expr(&Form { kind, span })
    }

    /// `(target = value)`, `(target += value)` …
    pub fn assignment(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let op = gene.children.first().and_then(word).unwrap_or("=");
        let [_, value] = gene.children.as_slice() else {
            return self.error(span, format!("{op} expects a target and a value"));
        };
        let operation = op
            .strip_suffix('=')
            .filter(|op| !op.is_empty())
            .and_then(binary);
        if matches!(gene.head.kind, FormKind::Array(_) | FormKind::Map(_)) {
            return self.error(
                span,
                "destructuring assignment has been removed; use (var pattern value) and then \
                 assign explicitly",
            );
        }
        match self.target(&gene.head) {
            Target::None => nil(span),
            Target::Place(place) => {
                let value = Box::new(self.expr(value));
                let kind = match operation {
                    Some(op) => ExprKind::UpdatePlace(place.into(), op, value),
                    None => ExprKind::SetPlace(place.into(), value),
                };
                expr(kind, span)
            }
            target => {
                let mut new = self.expr(value);
                if let Some(op) = operation {
                    let old = self.value_of(&gene.head, &target);
                    new = expr(ExprKind::Binary(op, Box::new(old), Box::new(new)), span);
                }
                self.store(target, new, span)
            }
        }
    }

    /// The value of a variable that is assigned.
    fn value_of(&mut self, form: &Form, target: &Target) -> Expr {
        match target {
            Target::Var(var, _) => read(var.clone(), form.span),
            _ => self.expr(form),
        }
    }

    /// Assigns a value that is lowered already.
    pub(super) fn store(&mut self, target: Target, value: Expr, span: Span) -> Expr {
        match target {
            Target::None => value,
            Target::Place(place) => expr(ExprKind::SetPlace(place.into(), Box::new(value)), span),
            Target::Outer(setter) => super::lower::call_with(*setter, value, span),
            Target::Defined(name) => self.store_defined(name, value, span),
            Target::Var(var, check) => {
                if let Var::Local(local) = var {
                    self.scopes.note_store(local);
                }
                let value = match check {
                    Some(check) => expr(
                        ExprKind::CheckType(Box::new(value), Box::new((*check).clone())),
                        span,
                    ),
                    None => value,
                };
                expr(ExprKind::Set(var, Box::new(value)), span)
            }
        }
    }

    fn target(&mut self, form: &Form) -> Target {
        match &form.kind {
            FormKind::Symbol(text) => self.name_target(text, form.span),
            FormKind::Path(parts) => self.path_target(parts, form.span),
            _ => {
                self.error(form.span, "invalid assignment target");
                Target::None
            }
        }
    }

    fn name_target(&mut self, text: &str, span: Span) -> Target {
        if matches!(text, "self" | "super" | "$ns" | "$ex" | "_" | "not_found") {
            self.error(span, format!("Cannot assign to '{text}'"));
            return Target::None;
        }
        if let Some(member) = text.strip_prefix('$').filter(|rest| !rest.is_empty()) {
            self.assign_builtin(member);
            return Target::Var(Var::GlobalMember(member.into()), None);
        }
        let name = self.name(text);
        match self.resolve(name) {
            Some(binding) => self.binding_target(binding, name, span),
            None => {
                self.assign_builtin(text);
                self.unit.assigned_names.push(name);
                if self.sees_definitions() {
                    return Target::Defined(name);
                }
                Target::Var(Var::Name(text.into()), None)
            }
        }
    }

    /// An assigned name no longer means the built-in.
    pub(super) fn assign_builtin(&mut self, text: &str) {
        if is_builtin(text) {
            self.assigned_builtins.insert(text.to_owned());
        }
    }

    pub(super) fn binding_target(&mut self, binding: Binding, name: Name, span: Span) -> Target {
        let info = self.scopes.info(binding);
        let check = info.check.clone();
        if info.is_let {
            let text = self.names.text(name).to_owned();
            self.error(span, format!("Cannot reassign 'let' binding '{text}'"));
            return Target::None;
        }
        self.scopes.note_assignment(binding);
        let var = self.scopes.access(binding);
        match binding.slot {
            Slot::Member(_) => {
                let text = self.names.text(name).to_owned();
                Target::Place(Place::Member(Box::new(read(var, span)), text.into()))
            }
            Slot::Global(global) => {
                let own = self.assigned_global(name, global);
                self.globals[own.index()].assigned = true;
                match own == global {
                    true => Target::Var(var, check),
                    false => Target::Var(Var::Global(own), None),
                }
            }
            Slot::Local(_) => Target::Var(var, check),
            Slot::Outer(_, outer) => {
                let scope = read(var, span);
                Target::Outer(Box::new(super::evaluate::setter_of(scope, outer, span)))
            }
        }
    }

    /// Everything but the last segment is read; the last is the place.
    fn path_target(&mut self, parts: &[Word], span: Span) -> Target {
        let (head, used) = self.path_head(parts, span);
        if used == parts.len() {
            if let Some((binding, name)) = self.outer_member(parts) {
                return self.binding_target(binding, name, span);
            }
            let name = self.name(&parts[used - 1]);
            let Some(global) = self.own_member(name) else {
                return Target::None;
            };
            let global = self.assigned_global(name, global);
            self.globals[global.index()].assigned = true;
            return Target::Var(Var::Global(global), None);
        }
        let rest = &parts[used..];
        let start = last_start(rest);
        let (text, _) = joined(&rest[start..]);
        let of = self.segments(head, &rest[..start], 0, span);
        if text.starts_with('.') || text == "!" {
            self.error(span, format!("Cannot assign to path segment '{text}'"));
            return Target::None;
        }
        let previous = start.checked_sub(1).map(|i| &*rest[i]);
        if start == 0 && matches!(of.kind, ExprKind::Namespace) {
            self.assign_builtin(&text);
        }
        Target::Place(self.place(of, &text, parts.len() >= 3, previous, span))
    }

    /// `(var …)`, `(let …)`
    pub fn var(&mut self, gene: &GeneForm, is_let: bool, span: Span) -> Expr {
        let word = if is_let { "let" } else { "var" };
        let Some((target, rest)) = gene.children.split_first() else {
            return self.error(span, format!("{word} expects a name"));
        };
        match &target.kind {
            FormKind::Symbol(text) => self.var_name(text, rest, is_let, span),
            FormKind::Path(parts) => self.var_path(parts, rest, span),
            FormKind::Array(items) => {
                let value = self.initialiser(rest, span);
                self.array_pattern(&items.items, value, is_let, span)
            }
            FormKind::Map(entries) => {
                let value = self.initialiser(rest, span);
                self.map_pattern(&entries.entries, value, is_let, span)
            }
            _ => self.error(target.span, format!("{word} expects a name or a pattern")),
        }
    }

    fn initialiser(&mut self, rest: &[Form], span: Span) -> Expr {
        match rest {
            [] => nil(span),
            [value] => self.expr(value),
            _ => self.error(span, "too many values in a variable declaration"),
        }
    }

    fn var_name(&mut self, text: &str, rest: &[Form], is_let: bool, span: Span) -> Expr {
        if text == "self" || text == "self:" {
            return self.error(
                span,
                "Reserved identifier 'self' cannot be used for variable",
            );
        }
        if let Some(name) = text.strip_prefix('$').filter(|rest| !rest.is_empty()) {
            self.assign_builtin(name);
            let value = Box::new(self.initialiser(rest, span));
            return expr(ExprKind::Set(Var::GlobalMember(name.into()), value), span);
        }
        let mut at = span;
        let (text, check, rest) = match text.strip_suffix(':') {
            Some(text) if !text.is_empty() => {
                let Some((ty, rest)) = rest.split_first() else {
                    return self.error(span, format!("{text} is missing a type after ':'"));
                };
                at = ty.span;
                (text, self.check(ty, "variable", CheckSite::Variable), rest)
            }
            _ => (text, None, rest),
        };
        let name = self.name(text);
        if self.at_module_level() {
            return self.global_var(name, check, rest, is_let, (span, at));
        }
        let id = self.scopes.local(text);
        self.scopes.begin_pending(name, id);
        let value = if rest.is_empty() {
            None
        } else {
            Some(self.initialiser(rest, span))
        };
        self.scopes.end_pending();
        if let Some(value) = &value {
            self.check_initial(value, &check, at);
        }
        let value = value.map(|value| check_value(value, &check));
        let info = Info {
            is_let,
            check: check.map(Rc::new),
            ..Info::default()
        };
        let early = self.scopes.is_captured(id);
        let old = self.shadowed(name);
        self.scopes.bind_local(name, id, info);
        let declared = self.declare_maybe_early(id, value, early && old.is_none(), span);
        if early && old.is_some() {
            self.scopes.force_cell(id);
        }
        over(old, id, declared, span)
    }

    /// A local whose own initialiser captured it exists before the value is there.
    pub fn declare_maybe_early(
        &mut self,
        id: LocalId,
        value: Option<Expr>,
        early: bool,
        span: Span,
    ) -> Expr {
        match value {
            Some(value) if early => {
                self.scopes.force_cell(id);
                let set = expr(ExprKind::Set(Var::Local(id), Box::new(value)), span);
                expr(ExprKind::Seq(vec![declare(id, None, span), set]), span)
            }
            value => declare(id, value, span),
        }
    }

    fn global_var(
        &mut self,
        name: Name,
        check: Option<Check>,
        rest: &[Form],
        is_let: bool,
        (span, at): (Span, Span),
    ) -> Expr {
        let value = self.initialiser(rest, span);
        self.check_initial(&value, &check, at);
        let value = check_value(value, &check);
        if self.is_outside(name) {
            return self.define_outside(name, value, span);
        }
        let info = Info {
            is_let,
            check: check.map(Rc::new),
            ..Info::default()
        };
        let global = self.global_variable(name, info);
        self.globals[global.index()].assigned = true;
        expr(ExprKind::Set(Var::Global(global), Box::new(value)), span)
    }

    /// `(var /x v)`, `(var $ns/x v)`, `(var N/x v)`
    fn var_path(&mut self, parts: &[Word], rest: &[Form], span: Span) -> Expr {
        let mut parts = parts.to_vec();
        let mut rest = rest;
        if let Some(last) = parts.last_mut()
            && let Some(text) = last.strip_suffix(':').map(Word::from)
        {
            *last = text;
            rest = rest.get(1..).unwrap_or(&[]);
        }
        let parts = parts.as_slice();
        match self.path_target(parts, span) {
            Target::None => nil(span),
            target => {
                let value = self.initialiser(rest, span);
                self.store(target, value, span)
            }
        }
    }

    /// Binds the name of a definition (`fn`, `class` …) to a value. `path` may be a plain
    /// name, `/name`, `$ns/name`, or a member of a container.
    pub fn define(&mut self, target: &Form, value: Expr, func: Option<FnId>) -> Expr {
        let span = value.span;
        match &target.kind {
            FormKind::Symbol(text) | FormKind::Str(text) => {
                let text = text.split(':').next().unwrap_or(text);
                if let Some(name) = text.strip_prefix('$').filter(|rest| !rest.is_empty()) {
                    self.assign_builtin(name);
                    let var = Var::GlobalMember(name.into());
                    return expr(ExprKind::Set(var, Box::new(value)), span);
                }
                let name = self.name(text);
                let info = Info {
                    definition: true,
                    func,
                    ..Info::default()
                };
                if self.at_module_level() {
                    if self.is_outside(name) {
                        return self.define_outside(name, value, span);
                    }
                    let global = self.global_variable(name, info);
                    if self.unit.is_function(name) {
                        // else its variable would hold the function for ever
                        self.globals[global.index()].assigned = true;
                    }
                    return expr(ExprKind::Set(Var::Global(global), Box::new(value)), span);
                }
                let id = self.bind_new(name, info);
                declare(id, Some(value), span)
            }
            FormKind::Path(parts) => {
                let target = self.path_target(parts, target.span);
                self.store(target, value, span)
            }
            _ => self.error(target.span, "a name is required"),
        }
    }

    /// `@a/b/0`
    pub fn selector_word(&mut self, words: &[&str], span: Span) -> Expr {
        let mut segments = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            let word = if at == 0 {
                word.strip_prefix('@').unwrap_or(word)
            } else {
                word
            };
            if word.is_empty() {
                return self.error(span, "@ selector segment cannot be empty");
            }
            let kind = match index_text(word) {
                Some(index) => FormKind::Int(index),
                None if is_selector_operator(word) => FormKind::Symbol(word.into()),
                None => FormKind::Str(word.into()),
            };
            segments.push(Form { kind, span });
        }
        if segments
            .iter()
            .any(|form| matches!(form.kind, FormKind::Symbol(_)))
        {
            let parts = segments
                .into_iter()
                .map(|form| self.selector_part(&form))
                .collect();
            return super::lower::intrinsic("#selector", parts, span);
        }
        expr(ExprKind::Selector(segments), span)
    }

    fn selector_part(&mut self, form: &Form) -> Expr {
        match &form.kind {
            FormKind::Symbol(text) if is_selector_operator(text) => {
                expr(ExprKind::Data(Box::new(form.clone())), form.span)
            }
            FormKind::Symbol(text) => string(text, form.span),
            _ => self.expr(form),
        }
    }

    /// `(@ seg …)`
    pub fn selector_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        self.selector_of(&gene.children, span)
    }

    fn selector_of(&mut self, parts: &[Form], span: Span) -> Expr {
        if parts.is_empty() {
            return self.error(span, "@ expects at least 1 argument for selector creation");
        }
        let mut constant = Vec::with_capacity(parts.len());
        for part in parts {
            let kind = match &part.kind {
                FormKind::Int(index) => FormKind::Int(*index),
                FormKind::Str(text) if text.is_empty() => {
                    return self.error(part.span, "@ selector segment cannot be empty");
                }
                FormKind::Str(text) => FormKind::Str(text.clone()),
                FormKind::Symbol(text) if !is_selector_operator(text) => {
                    FormKind::Str(text.clone())
                }
                _ => break,
            };
            constant.push(Form {
                kind,
                span: part.span,
            });
        }
        if constant.len() == parts.len() {
            return expr(ExprKind::Selector(constant), span);
        }
        let parts = parts.iter().map(|part| self.selector_part(part)).collect();
        super::lower::intrinsic("#selector", parts, span)
    }

    /// `(v .@a …)`: the children from `skip` on are further arguments.
    pub fn apply_selector(
        &mut self,
        selector: Expr,
        gene: &GeneForm,
        skip: usize,
        span: Span,
    ) -> Expr {
        let mut items = vec![item(self.expr(&gene.head))];
        items.extend(self.items(&gene.children[skip..]));
        let args = Args {
            items,
            named: Vec::new(),
            ..Args::default()
        };
        expr(ExprKind::Call(Box::new(selector), args.into()), span)
    }

    /// `(v .@ seg …)`
    pub fn apply_selector_parts(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let selector = self.selector_of(&gene.children[1..], gene.children[0].span);
        self.apply_selector(selector, gene, gene.children.len(), span)
    }

    /// `($set target @seg value)`
    pub fn set_form(&mut self, gene: &GeneForm, span: Span) -> Expr {
        let [target, selector, value] = gene.children.as_slice() else {
            return self.error(span, "$set expects exactly 3 arguments");
        };
        let of = Box::new(self.expr(target));
        let place = match &selector.kind {
            FormKind::Symbol(text) if text.len() > 1 && text.starts_with('@') => {
                match index_text(&text[1..]) {
                    Some(index) => Place::Index(of, index),
                    None => Place::Member(of, text[1..].into()),
                }
            }
            FormKind::Gene(parts) if word(&parts.head) == Some("@") => {
                let [part] = parts.children.as_slice() else {
                    let message = "$set selector must have exactly one property";
                    return expr(ExprKind::Fail(message.into()), span);
                };
                match (&part.kind, name_text(part)) {
                    (FormKind::Int(index), _) => Place::Index(of, *index),
                    (_, Some(text)) => Place::Member(of, text.into()),
                    _ => Place::Dynamic(of, Box::new(self.expr(part))),
                }
            }
            _ => {
                let message = "$set expects a selector (@property) as second argument";
                return self.error(selector.span, message);
            }
        };
        let value = Box::new(self.expr(value));
        expr(ExprKind::SetPlace(place.into(), value), span)
    }

    /// Binds one name of a pattern to a value: a module variable or a local.
    pub fn bind_value(&mut self, name: Name, value: Expr, is_let: bool, span: Span) -> Expr {
        let info = Info {
            is_let,
            ..Info::default()
        };
        if self.at_module_level() {
            if self.is_outside(name) {
                return self.define_outside(name, value, span);
            }
            let global = self.global_variable(name, info);
            self.globals[global.index()].assigned = true;
            return expr(ExprKind::Set(Var::Global(global), Box::new(value)), span);
        }
        let old = self.shadowed(name);
        let id = self.bind_new(name, info);
        over(old, id, declare(id, Some(value), span), span)
    }

    /// In a `try` body: the local that a declaration of the name replaces. If the new value is
    /// never made, the name keeps its old one.
    fn shadowed(&mut self, name: Name) -> Option<Var> {
        let binding = self.scopes.lookup(name).filter(|_| self.tries > 0)?;
        match (binding.slot, self.scopes.access(binding)) {
            (Slot::Local(_), var @ Var::Local(_)) => Some(var),
            _ => None,
        }
    }

    /// The named member of a local.
    pub fn local_member(&mut self, of: LocalId, name: &str, span: Span) -> Expr {
        member(local(of, span), name, span)
    }
}

/// A declaration of a local that holds the value of `old` until its own is made.
fn over(old: Option<Var>, id: LocalId, declared: Expr, span: Span) -> Expr {
    let Some(old) = old else {
        return declared;
    };
    let first = declare(id, Some(read(old, span)), span);
    match declared.kind {
        ExprKind::Declare(_, Some(value)) => {
            let set = expr(ExprKind::Set(Var::Local(id), value), span);
            expr(ExprKind::Seq(vec![first, set]), span)
        }
        kind => expr(kind, span),
    }
}

fn check_value(value: Expr, check: &Option<Check>) -> Expr {
    match check {
        None => value,
        Some(check) => {
            let span = value.span;
            expr(
                ExprKind::CheckType(Box::new(value), Box::new(check.clone())),
                span,
            )
        }
    }
}

fn is_selector_operator(text: &str) -> bool {
    matches!(text, "*" | "**" | "@" | "@@" | "!")
}

fn index_text(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The first segment of the parts and how many parts it spans: `<a/b>` was split.
fn joined(parts: &[Word]) -> (std::borrow::Cow<'_, str>, usize) {
    let first = &*parts[0];
    let open = first.starts_with('<') || first.starts_with(".<");
    if !open || first.ends_with('>') {
        return (first.into(), 1);
    }
    match parts.iter().position(|part| part.ends_with('>')) {
        Some(end) => (parts[..=end].join("/").into(), end + 1),
        None => (first.into(), 1),
    }
}

/// Where the last segment begins.
fn last_start(parts: &[Word]) -> usize {
    let mut at = 0;
    loop {
        let (_, used) = joined(&parts[at..]);
        if at + used >= parts.len() {
            return at;
        }
        at += used;
    }
}

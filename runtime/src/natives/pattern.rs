//! Destructuring (12-patterns §2): `#destructure` and `#missing?`.

use super::*;
use crate::heap::table::Table;

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#destructure", 2, 2, destructure),
    def("#missing?", 1, 1, missing),
];

/// An element of a pattern.
enum Part<'a> {
    Required,
    Optional,
    Rest,
    Key(&'a str),
    OptionalKey(&'a str),
    KeyRest,
}

impl Part<'_> {
    fn read(text: &str) -> Part<'_> {
        match (text.strip_prefix('^'), text.ends_with("...")) {
            (Some(_), true) => Part::KeyRest,
            (Some(key), _) => match key.strip_suffix('=') {
                Some(key) => Part::OptionalKey(key),
                None => Part::Key(key),
            },
            (None, true) => Part::Rest,
            (None, _) if text.ends_with('=') => Part::Optional,
            _ => Part::Required,
        }
    }
}

/// `(#destructure v pattern)`: one value for each element of the pattern.
fn destructure(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let v = args.get(0);
    let list = view::array(args.get(1)).map_or(&[][..], |a| a.items.as_slice());
    let parts: Vec<Part<'_>> = list
        .iter()
        .map(|&p| Part::read(view::text(p).unwrap_or("")))
        .collect();
    let own = [v];
    let (items, named): (&[Value], Option<&Table>) = match v.kind() {
        Some(Kind::Array) => (view::array(v).map_or(&[], |a| a.items.as_slice()), None),
        Some(Kind::Gene) => match view::gene(v) {
            Some(g) => (&g.children, Some(&g.props)),
            None => (&[], None),
        },
        Some(Kind::Map) => (&[], view::map(v).map(|m| &m.table)),
        _ => (&own, None),
    };
    let mut values = vec![Value::UNDEF; parts.len()];
    bind_named(vm, &parts, named, &mut values)?;
    bind_positional(vm, &parts, items, &mut values)?;
    Ok(vm.array(values))
}

fn mismatch(vm: &mut Vm, what: &str) -> Raised {
    vm.error(&format!("Destructuring pattern mismatch: {what}"))
}

fn bind_named(
    vm: &mut Vm,
    parts: &[Part<'_>],
    named: Option<&Table>,
    values: &mut [Value],
) -> Result<(), Raised> {
    let mut used = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let (Part::Key(key) | Part::OptionalKey(key)) = part else {
            continue;
        };
        let place = named.and_then(|t| Vm::table_find_text(t, key).map(|p| (t, p)));
        match place.and_then(|(t, p)| t.at(p)) {
            Some(entry) => {
                values[i] = entry.value;
                used.push(entry.key);
            }
            None if matches!(part, Part::Key(_)) => {
                return Err(mismatch(vm, &format!("Missing keyword argument: {key}")));
            }
            None => {}
        }
    }
    let mut rest = Table::default();
    for e in named
        .into_iter()
        .flat_map(Table::iter)
        .filter(|e| !used.contains(&e.key))
    {
        Vm::table_set(&mut rest, e.key, e.value);
    }
    match parts.iter().position(|p| matches!(p, Part::KeyRest)) {
        Some(i) => values[i] = vm.table_obj(Kind::Map, rest),
        None => {
            if let Some(extra) = rest.iter().next() {
                let key = view::text(extra.key).unwrap_or("");
                return Err(mismatch(vm, &format!("Unexpected keyword argument: {key}")));
            }
        }
    }
    Ok(())
}

fn bind_positional(
    vm: &mut Vm,
    parts: &[Part<'_>],
    items: &[Value],
    values: &mut [Value],
) -> Result<(), Raised> {
    let required =
        |parts: &[Part<'_>]| parts.iter().filter(|p| matches!(p, Part::Required)).count();
    let all = |parts: &[Part<'_>]| {
        parts
            .iter()
            .filter(|p| matches!(p, Part::Required | Part::Optional))
            .count()
    };
    let mut at = 0;
    for (i, part) in parts.iter().enumerate() {
        let left = items.len() - at;
        match part {
            Part::Required if left == 0 => {
                let (n, got) = (i + 1, items.len());
                return Err(mismatch(vm, &format!("Expected {n} arguments, got {got}")));
            }
            Part::Optional if left <= required(&parts[i + 1..]) => {}
            Part::Required | Part::Optional => {
                values[i] = items[at];
                at += 1;
            }
            Part::Rest => {
                let n = left.saturating_sub(all(&parts[i + 1..]));
                values[i] = vm.array(items[at..at + n].to_vec());
                at += n;
            }
            _ => {}
        }
    }
    if at < items.len() {
        let got = items.len();
        return Err(mismatch(vm, &format!("Expected {at} arguments, got {got}")));
    }
    Ok(())
}

/// `(#missing? v)`
fn missing(_vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Ok(Value::bool(args.get(0) == Value::UNDEF))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_global, ints, show, vm};
    use super::*;

    fn check(items: &[i64], pattern: &[&str], want: &str) {
        let mut vm = vm();
        let v = ints(&mut vm, items);
        check_value(&mut vm, v, pattern, want);
    }

    fn check_value(vm: &mut Vm, v: Value, pattern: &[&str], want: &str) {
        let pattern = pattern.iter().map(|p| vm.str(p)).collect();
        let pattern = vm.array(pattern);
        let got = call_global(vm, "#destructure", &[v, pattern]);
        assert_eq!(show(vm, got).replace("void", "-"), want);
    }

    #[test]
    fn positional_elements() {
        check(&[1, 2, 3, 4], &["a", "b...", "c"], "[1 [2 3] 4]");
        check(&[7], &["a=", "b"], "[- 7]");
        check(&[1, 2], &["a", "b="], "[1 2]");
        check(
            &[1],
            &["a", "b"],
            "error: Destructuring pattern mismatch: Expected 2 arguments, got 1",
        );
        check(
            &[1, 2],
            &["a"],
            "error: Destructuring pattern mismatch: Expected 1 arguments, got 2",
        );
        let mut vm = vm();
        check_value(&mut vm, Value::NIL, &["a"], "[nil]");
    }

    #[test]
    fn named_elements() {
        let mut vm = vm();
        let one = Value::small_int(1);
        let m = vm.map_of(&[("a", one), ("b", one)]);
        check_value(&mut vm, m, &["^a", "^rest..."], "[1 {^b 1}]");
        check_value(&mut vm, m, &["^a", "^b", "^c="], "[1 1 -]");
        check_value(
            &mut vm,
            m,
            &["^a"],
            "error: Destructuring pattern mismatch: Unexpected keyword argument: b",
        );
        check_value(
            &mut vm,
            m,
            &["^z", "^r..."],
            "error: Destructuring pattern mismatch: Missing keyword argument: z",
        );
    }
}

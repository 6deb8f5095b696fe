//! `freeze`: marks a value and everything inside it (06 §8).

use super::*;
use crate::heap::object::FROZEN;
use std::collections::HashSet;

/// Where a value was found.
struct Found {
    value: Value,
    /// Index of the value it lies in.
    parent: usize,
    segment: String,
}

/// `(freeze v)`: nothing is marked if some part cannot be.
pub(super) fn freeze(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let root = args.get(0);
    let mut found = vec![Found {
        value: root,
        parent: 0,
        segment: String::new(),
    }];
    let mut seen = HashSet::new();
    let mut at = 0;
    while at < found.len() {
        let v = found[at].value;
        if v.is_obj() && seen.insert(v.bits()) && !parts(v, at, &mut found) {
            let kind = Builtin::kind_name(v);
            let path = path_of(&found, at);
            return vm.fail(format!(
                "freeze cannot make {kind} frozen at {path}; Phase 1 only deep-freezes MVP \
                 containers, and sealed non-MVP values stay shallow"
            ));
        }
        at += 1;
    }
    for f in &found {
        view::set_flag(f.value, FROZEN);
    }
    Ok(root)
}

/// Adds the parts of a value; false if it cannot be frozen.
fn parts(v: Value, parent: usize, found: &mut Vec<Found>) -> bool {
    let mut add = |value: Value, segment: String| {
        if value.is_obj() {
            found.push(Found {
                value,
                parent,
                segment,
            });
        }
    };
    match v.kind() {
        None | Some(Kind::Str | Kind::BigInt | Kind::Bytes | Kind::Path | Kind::Native) => {}
        Some(Kind::Array) => {
            for (i, &item) in view::array(v)
                .iter()
                .flat_map(|a| a.items.as_slice())
                .enumerate()
            {
                add(item, format!("[{i}]"));
            }
        }
        Some(Kind::Map) => {
            for e in view::map(v).iter().flat_map(|m| m.table.iter()) {
                add(e.value, format!(".{}", view::text(e.key).unwrap_or("")));
            }
        }
        Some(Kind::HashMap) => {
            for (i, e) in view::hash_map(v)
                .iter()
                .flat_map(|m| m.table.iter())
                .enumerate()
            {
                add(e.key, format!("key[{i}]"));
                add(e.value, format!("value[{i}]"));
            }
        }
        Some(Kind::Gene) => {
            let Some(g) = view::gene(v) else { return true };
            add(g.head, "type".to_owned());
            for e in g.props.iter() {
                add(e.value, format!(".{}", view::text(e.key).unwrap_or("")));
            }
            for (i, &child) in g.children.iter().enumerate() {
                add(child, format!("[{i}]"));
            }
        }
        Some(Kind::Closure) => {
            for (i, &captured) in view::captured(v).iter().enumerate() {
                add(captured, format!("captured[{i}]"));
            }
        }
        Some(Kind::Cell) => {
            if let Some(cell) = view::cell(v) {
                add(cell.value, "value".to_owned());
            }
        }
        _ => return matches!(view::tag(v), Some(Tag::Date | Tag::Time | Tag::DateTime)),
    }
    true
}

fn path_of(found: &[Found], at: usize) -> String {
    let mut segments = Vec::new();
    let mut at = at;
    while at != 0 {
        segments.push(found[at].segment.as_str());
        at = found[at].parent;
    }
    segments.reverse();
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, call_global, ints, show, vm};
    use super::*;

    #[test]
    fn names_the_part_that_cannot_be_frozen() {
        let mut vm = vm();
        let class = vm.class(Builtin::Exception);
        let o = vm.instance(class);
        let list = vm.array(vec![o]);
        let map = vm.map_of(&[("a", list)]);
        let got = call_global(&mut vm, "freeze", &[map]);
        assert!(show(&mut vm, got).contains("make VkInstance frozen at /.a/[0]; Phase 1 only"));
        assert!(!view::is_immutable(map));
        let got = call_global(&mut vm, "freeze", &[o]);
        assert!(show(&mut vm, got).contains("frozen at /; Phase 1"));
    }

    #[test]
    fn frozen_values_refuse_changes() {
        let mut vm = vm();
        let inner = ints(&mut vm, &[1]);
        let map = vm.map_of(&[("a", inner)]);
        assert_eq!(call_global(&mut vm, "freeze", &[map]).unwrap(), map);
        let got = call(&mut vm, "push", &[inner, Value::TRUE]);
        assert!(show(&mut vm, got).starts_with("error: cannot mutate frozen VkArray via"));
        let key = vm.str("b");
        let got = call(&mut vm, "set", &[map, key, Value::TRUE]);
        assert!(show(&mut vm, got).starts_with("error: cannot mutate frozen VkMap via"));
    }
}

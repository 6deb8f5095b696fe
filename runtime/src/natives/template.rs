//! Templates (05 §10): data with holes that carry their thunks.

use super::*;
use crate::heap::table::Table;

/// Data nested deeper than this is no template.
const MAX_NESTING: u32 = 1000;

pub(super) static GLOBALS: &[NativeDef] = &[
    def("#template", 1, ANY, template),
    def("#holes", 1, 1, holes),
    def("#fill", 2, 2, fill),
];

/// How the holes of a copy are treated.
enum Work<'a> {
    /// Each gets its thunk.
    Thunks(&'a [Value]),
    /// Each is replaced by its value.
    Values(&'a [Value]),
    /// Their thunks are collected.
    Collect(Vec<Value>),
}

/// A part of a copy.
enum Part {
    Value(Value),
    /// `%_x` in an array: nothing.
    Nothing,
}

impl Work<'_> {
    fn hole(&mut self, vm: &mut Vm, v: Value, tag: Tag, in_array: bool) -> Part {
        let fields = view::record(v).map_or(&[][..], |r| &r.fields);
        match self {
            Work::Thunks(rest) => {
                let thunk = rest.split_off_first().copied().unwrap_or(Value::NIL);
                let form = fields.first().copied().unwrap_or(Value::NIL);
                Part::Value(vm.record(tag, vec![form, thunk], None))
            }
            Work::Values(rest) => {
                let value = rest.split_off_first().copied().unwrap_or(Value::NIL);
                match (tag, in_array) {
                    (Tag::Discard, true) => Part::Nothing,
                    (Tag::Discard, false) => Part::Value(Value::NIL),
                    _ => Part::Value(value),
                }
            }
            Work::Collect(found) => {
                found.extend(fields.get(1));
                Part::Value(v)
            }
        }
    }

    /// Copies what contains holes, in the order type, props, children.
    fn copy(&mut self, vm: &mut Vm, v: Value, in_array: bool, depth: u32) -> Result<Part, Raised> {
        if depth > MAX_NESTING {
            return Err(vm.error("A template is nested too deeply"));
        }
        let copied = match v.kind() {
            Some(Kind::Array) => {
                let items = view::array(v).map_or(&[][..], |a| a.items.as_slice());
                let items = self.list(vm, items, true, depth)?;
                vm.array(items)
            }
            Some(Kind::Map) => {
                let table = view::map(v).map(|m| m.table.clone()).unwrap_or_default();
                let table = self.table(vm, &table, depth)?;
                vm.table_obj(Kind::Map, table)
            }
            Some(Kind::Gene) => {
                let Some(g) = view::gene(v) else {
                    return Ok(Part::Value(v));
                };
                let head = self.whole(vm, g.head, depth)?;
                let props = self.table(vm, &g.props, depth)?;
                let children = self.list(vm, &g.children, false, depth)?;
                vm.gene(head, props, children)
            }
            Some(Kind::Record) => match (view::tag(v), view::record(v)) {
                (Some(tag @ (Tag::Unquote | Tag::Discard)), _) => {
                    return Ok(self.hole(vm, v, tag, in_array));
                }
                (Some(Tag::Quote), Some(r)) => {
                    let inner = self.whole(vm, r.fields[0], depth)?;
                    match self {
                        Work::Values(_) => inner,
                        _ => vm.record(Tag::Quote, vec![inner], None),
                    }
                }
                _ => return Ok(Part::Value(v)),
            },
            _ => return Ok(Part::Value(v)),
        };
        if view::is_sealed(v) {
            view::set_flag(copied, crate::heap::object::SEALED);
        }
        Ok(Part::Value(copied))
    }

    fn whole(&mut self, vm: &mut Vm, v: Value, depth: u32) -> NativeResult {
        Ok(match self.copy(vm, v, false, depth + 1)? {
            Part::Value(v) => v,
            Part::Nothing => Value::NIL,
        })
    }

    fn list(
        &mut self,
        vm: &mut Vm,
        items: &[Value],
        in_array: bool,
        depth: u32,
    ) -> Result<Vec<Value>, Raised> {
        let mut copied = Vec::with_capacity(items.len());
        for &item in items {
            if let Part::Value(v) = self.copy(vm, item, in_array, depth + 1)? {
                copied.push(v);
            }
        }
        Ok(copied)
    }

    fn table(&mut self, vm: &mut Vm, table: &Table, depth: u32) -> Result<Table, Raised> {
        let mut copied = Table::with_capacity(table.len());
        for e in table.iter() {
            let value = self.whole(vm, e.value, depth)?;
            Vm::table_set(&mut copied, e.key, value);
        }
        Ok(copied)
    }
}

/// `(#template data thunk…)`
fn template(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    Work::Thunks(args.from(1)).whole(vm, args.get(0), 0)
}

/// `(#holes v)`: the thunks in `v`.
fn holes(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    let mut work = Work::Collect(Vec::new());
    work.whole(vm, args.get(0), 0)?;
    let Work::Collect(found) = work else {
        return Ok(Value::NIL);
    };
    Ok(vm.array(found))
}

/// `(#fill v values)`
fn fill(vm: &mut Vm, args: Args<'_>) -> NativeResult {
    if !has_holes(args.get(0), 0) {
        return Ok(args.get(0));
    }
    let values = view::array(args.get(1)).map_or(&[][..], |a| a.items.as_slice());
    Work::Values(values).whole(vm, args.get(0), 0)
}

/// True if the data contains an unquote or quote (or is too deep to tell).
fn has_holes(v: Value, depth: u32) -> bool {
    if depth > MAX_NESTING {
        return true;
    }
    let any = |items: &[Value]| items.iter().any(|&i| has_holes(i, depth + 1));
    match v.kind() {
        Some(Kind::Array) => view::array(v).is_some_and(|a| any(a.items.as_slice())),
        Some(Kind::Map) => {
            view::map(v).is_some_and(|m| m.table.iter().any(|e| has_holes(e.value, depth + 1)))
        }
        Some(Kind::Gene) => view::gene(v).is_some_and(|g| {
            has_holes(g.head, depth + 1)
                || g.props.iter().any(|e| has_holes(e.value, depth + 1))
                || any(&g.children)
        }),
        _ => matches!(view::tag(v), Some(Tag::Unquote | Tag::Discard | Tag::Quote)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call_global, show, vm};
    use super::*;

    #[test]
    fn holes_are_filled_in_order() {
        let mut vm = vm();
        let (f, x) = (vm.symbol("f"), vm.symbol("x"));
        let hole = vm.record(Tag::Unquote, vec![x], None);
        let gone = vm.record(Tag::Discard, vec![x], None);
        let list = vm.array(vec![hole, gone, x]);
        let quote = vm.record(Tag::Quote, vec![hole], None);
        let data = vm.gene(f, Default::default(), vec![list, quote]);
        let thunks = [1, 2, 3].map(Value::small_int);
        let t = call_global(
            &mut vm,
            "#template",
            &[data, thunks[0], thunks[1], thunks[2]],
        );
        let t = t.unwrap();
        let found = call_global(&mut vm, "#holes", &[t]).unwrap();
        assert_eq!(show(&mut vm, Ok(found)), "[1 2 3]");
        let filled = call_global(&mut vm, "#fill", &[t, found]);
        assert_eq!(show(&mut vm, filled), "(f [1 x] 3)");
        assert_eq!(call_global(&mut vm, "#fill", &[x, found]).unwrap(), x);
    }
}

//! Binding the arguments of a call to parameters (05-functions §3).
#![allow(unsafe_code)]

use super::*;
use crate::program::Proto;
use gene_format::program::FuncKind;

impl Vm {
    /// Turns a spread window (arguments in an array, keywords in a map) into a call above the
    /// frame. `skip` arguments before the array stay.
    ///
    /// # Safety
    /// `base` is the frame of a spread call.
    pub(super) unsafe fn spread(
        &mut self,
        base: *mut Value,
        window: *mut Value,
        skip: usize,
        mode: Mode,
    ) -> Result<(Call, *mut Value), Raised> {
        // SAFETY: by the contract; the stack is grown to hold the arguments
        unsafe {
            let first = window.add(HEADER);
            let items = view::array(*first.add(skip)).map_or(&[][..], |a| a.items.as_slice());
            let named = view::map(*first.add(skip + 1));
            let mut keys = Vec::new();
            let mut values = Vec::new();
            for e in named.into_iter().flat_map(|m| m.table.iter()) {
                let text = view::text(e.key).unwrap_or("");
                keys.push(self.symbols.intern(text));
                values.push(e.value);
            }
            let argc = skip + items.len() + keys.len();
            let mut base = base;
            let top = frame::top(base);
            let offset = window.offset_from(base) as usize;
            let need = HEADER + BRIDGE_FRAME + HEADER + argc + crate::fiber::SLOW;
            if top.add(need) > self.fiber().end() {
                let (moved, _) = self.grow_stack(base, top, need)?;
                base = moved;
            }
            let window = base.add(offset);
            let to = frame::top(base).add(HEADER + BRIDGE_FRAME);
            *to = *window;
            for i in 0..skip {
                *to.add(HEADER + i) = *window.add(HEADER + i);
            }
            let rest = to.add(HEADER + skip);
            for (i, &v) in items.iter().chain(&values).enumerate() {
                *rest.add(i) = v;
            }
            let keys = self.key_list(keys);
            Ok((
                Call {
                    window: to,
                    argc,
                    keys,
                    mode,
                },
                base,
            ))
        }
    }

    /// A permanent list of key names, shared with equal lists.
    fn key_list(&mut self, keys: Vec<Symbol>) -> &'static [Symbol] {
        if keys.is_empty() {
            return &[];
        }
        match self.keys.iter().find(|&&k| k == keys) {
            Some(known) => known,
            None => {
                let strings = keys.iter().map(|&k| self.symbol_str(k)).collect();
                let keys: &'static [Symbol] = keys.leak();
                self.keys.push(keys);
                self.key_strings.push(strings);
                keys
            }
        }
    }

    /// Puts the arguments of a call into the callee's parameter slots (05 §3).
    ///
    /// # Safety
    /// The window has room for all parameter slots.
    pub(super) unsafe fn bind(&mut self, proto: &Proto, call: &Call) -> Result<(), Raised> {
        // SAFETY: by the contract
        unsafe {
            let receiver = proto.receiver_slots();
            let first = call.window.add(HEADER + receiver);
            let all = std::slice::from_raw_parts(call.window.add(HEADER), call.argc);
            let positional = call.argc - call.keys.len();
            if positional < receiver {
                return Err(self.error("Expected 1 arguments, got 0"));
            }
            let (items, values) = all.split_at(positional);
            if proto.params.is_empty() && receiver == 0 {
                return Ok(()); // such a function ignores what it is given
            }
            if proto.params.is_empty() && proto.kind == FuncKind::Ctor {
                return Ok(());
            }
            let bound = self.bind_values(proto, &items[receiver..], call.keys, values, receiver)?;
            for (i, v) in bound.into_iter().enumerate() {
                *first.add(i) = v;
            }
            Ok(())
        }
    }

    fn bind_values(
        &mut self,
        proto: &Proto,
        items: &[Value],
        keys: &[Symbol],
        values: &[Value],
        receiver: usize,
    ) -> Result<Vec<Value>, Raised> {
        let params = &proto.params;
        let mut slots = vec![Value::UNDEF; params.len()];
        let mut others: Vec<(Symbol, Value)> = Vec::new();
        let is_key = |k: ParamKind| matches!(k, ParamKind::Key | ParamKind::OptionalKey);
        let takes_others = params.iter().any(|p| p.1 == ParamKind::KeyRest);
        for (&key, &value) in keys.iter().zip(values) {
            match params.iter().position(|p| is_key(p.1) && p.0 == key) {
                Some(i) => slots[i] = value,
                None if takes_others => others.push((key, value)),
                None => {
                    let key = self.symbols.text(key);
                    return Err(self.error(&format!("Unexpected keyword argument: {key}")));
                }
            }
        }
        for (i, p) in params.iter().enumerate() {
            if p.1 == ParamKind::Key && slots[i] == Value::UNDEF {
                let key = self.symbols.text(p.0);
                return Err(self.error(&format!("Missing keyword argument: {key}")));
            }
        }
        self.bind_positionals(proto, items, &mut slots, receiver)?;
        if let Some(i) = params.iter().position(|p| p.1 == ParamKind::KeyRest) {
            let mut table = crate::heap::table::Table::with_capacity(others.len());
            for (key, value) in others {
                let key = self.symbol_str(key);
                Vm::table_set(&mut table, key, value);
            }
            slots[i] = self.table_obj(Kind::Map, table);
        }
        Ok(slots)
    }

    fn bind_positionals(
        &mut self,
        proto: &Proto,
        items: &[Value],
        slots: &mut [Value],
        receiver: usize,
    ) -> Result<(), Raised> {
        let params = &proto.params;
        let count = |kind: ParamKind| params.iter().filter(|p| p.1 == kind).count();
        let required = count(ParamKind::Required);
        let mut spare = items.len().saturating_sub(required);
        let mut given = items.iter().copied();
        let mut taken = 0;
        // Missing counts name the first parameter without an argument; a method's receiver
        // counts, a constructor's instance does not.
        let own = if proto.kind == FuncKind::Method {
            receiver
        } else {
            0
        };
        let got = items.len() + own;
        for (i, p) in params.iter().enumerate() {
            match p.1 {
                ParamKind::Required => match given.next() {
                    Some(v) => {
                        slots[i] = v;
                        taken += 1;
                    }
                    None => {
                        let n = params[..=i]
                            .iter()
                            .filter(|p| {
                                matches!(
                                    p.1,
                                    ParamKind::Required | ParamKind::Optional | ParamKind::Rest
                                )
                            })
                            .count();
                        let n = n + own;
                        return Err(self.error(&format!("Expected {n} arguments, got {got}")));
                    }
                },
                ParamKind::Optional => {
                    if spare > 0 {
                        slots[i] = given.next().unwrap_or(Value::UNDEF);
                        spare -= 1;
                        taken += 1;
                    }
                }
                ParamKind::Rest => {
                    let after = params[i + 1..]
                        .iter()
                        .filter(|p| matches!(p.1, ParamKind::Required | ParamKind::Optional))
                        .count();
                    let n = given.len().saturating_sub(after);
                    let rest: Vec<Value> = given.by_ref().take(n).collect();
                    taken += n;
                    slots[i] = self.array(rest);
                    spare = given.len().saturating_sub(
                        params[i + 1..]
                            .iter()
                            .filter(|p| p.1 == ParamKind::Required)
                            .count(),
                    );
                }
                ParamKind::Key | ParamKind::OptionalKey | ParamKind::KeyRest => {}
            }
        }
        if given.len() > 0 {
            let n = taken + own;
            return Err(self.error(&format!("Expected {n} arguments, got {got}")));
        }
        Ok(())
    }
}

//! The ordered hash table behind maps, hash maps, sets, props and namespaces: entries in order
//! of insertion, a deleted key comes back at the end, and small tables have no index.

use crate::value::Value;

/// A key with its hash and value.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Hash of the key.
    pub hash: u32,
    /// The key; `UNDEF` once deleted.
    pub key: Value,
    /// The value.
    pub value: Value,
}

/// An ordered hash table. It compares keys only through the closures given to it.
#[derive(Clone, Default, Debug)]
pub struct Table {
    entries: Vec<Entry>,
    /// Entry number + 1 by hash, 0 if empty; a power of two long, or empty for small tables.
    index: Vec<u32>,
    live: usize,
}

/// Up to this many entries are searched in order.
const SMALL: usize = 8;

impl Table {
    /// An empty table with room for `n` entries.
    pub fn with_capacity(n: usize) -> Table {
        Table {
            entries: Vec::with_capacity(n),
            index: Vec::new(),
            live: 0,
        }
    }

    /// Number of entries.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.live
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Heap bytes it occupies.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.capacity() * 4
    }

    /// Entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + '_ {
        self.entries.iter().filter(|e| e.key != Value::UNDEF)
    }

    /// Number of entry places, deleted ones included; see [`Table::at`].
    pub fn places(&self) -> usize {
        self.entries.len()
    }

    /// The entry at a place, if it is not deleted.
    #[inline(always)]
    pub fn at(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place).filter(|e| e.key != Value::UNDEF)
    }

    /// Changes the value at a place that `find` gave.
    #[inline(always)]
    pub fn set_at(&mut self, place: usize, value: Value) {
        self.entries[place].value = value;
    }

    /// The place of the key.
    #[inline(always)]
    pub fn find(&self, hash: u32, mut same: impl FnMut(Value) -> bool) -> Option<usize> {
        if self.index.is_empty() {
            return self
                .entries
                .iter()
                .position(|e| e.hash == hash && e.key != Value::UNDEF && same(e.key));
        }
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.index[at] {
                0 => return None,
                n => {
                    let e = &self.entries[n as usize - 1];
                    if e.hash == hash && e.key != Value::UNDEF && same(e.key) {
                        return Some(n as usize - 1);
                    }
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Sets a key that `find` finds, or appends it. Returns its place.
    pub fn set(
        &mut self,
        hash: u32,
        key: Value,
        value: Value,
        same: impl FnMut(Value) -> bool,
    ) -> usize {
        match self.find(hash, same) {
            Some(place) => {
                self.entries[place].value = value;
                place
            }
            None => self.push(hash, key, value),
        }
    }

    /// Appends a key that is not in the table. Returns its place.
    pub fn push(&mut self, hash: u32, key: Value, value: Value) -> usize {
        if self.is_sparse() {
            self.compact();
        }
        self.entries.push(Entry { hash, key, value });
        self.live += 1;
        let n = self.entries.len();
        if n > SMALL {
            if n * 4 > self.index.len() * 3 {
                self.reindex();
            } else {
                self.enter(n - 1);
            }
        }
        n - 1
    }

    /// True if the next `push` may move entries to other places.
    pub fn is_sparse(&self) -> bool {
        self.entries.len() >= 2 * self.live + SMALL
    }

    /// Removes the key; returns its value.
    pub fn remove(&mut self, hash: u32, same: impl FnMut(Value) -> bool) -> Option<Value> {
        let place = self.find(hash, same)?;
        let value = self.entries[place].value;
        self.live -= 1;
        if place + 1 == self.entries.len() && self.index.is_empty() {
            self.entries.pop();
        } else {
            // The place stays as a tombstone, so that the index needs no repair.
            self.entries[place].key = Value::UNDEF;
            self.entries[place].value = Value::NIL;
        }
        Some(value)
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Table::default();
    }

    fn compact(&mut self) {
        self.entries.retain(|e| e.key != Value::UNDEF);
        self.index.clear();
        if self.entries.len() > SMALL {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        let size = (self.entries.len() * 2).next_power_of_two().max(16);
        self.index.clear();
        self.index.resize(size, 0);
        for place in 0..self.entries.len() {
            self.enter(place);
        }
    }

    fn enter(&mut self, place: usize) {
        let mask = self.index.len() - 1;
        let mut at = self.entries[place].hash as usize & mask;
        while self.index[at] != 0 {
            at = (at + 1) & mask;
        }
        self.index[at] = place as u32 + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(n: i64) -> Value {
        Value::small_int(n)
    }

    /// Hashes collide on purpose: only the low 4 bits differ.
    fn hash(n: i64) -> u32 {
        (n & 15) as u32
    }

    #[test]
    fn agrees_with_a_list_of_pairs() {
        let mut table = Table::default();
        let mut model: Vec<(i64, i64)> = Vec::new();
        let mut seed = 12345u64;
        for round in 0..20_000 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let key = (seed >> 33) as i64 % 60;
            let same = |k: Value| k == int(key);
            if seed >> 60 < 9 {
                table.set(hash(key), int(key), int(round), same);
                match model.iter_mut().find(|p| p.0 == key) {
                    Some(pair) => pair.1 = round,
                    None => model.push((key, round)),
                }
            } else {
                let gone = table.remove(hash(key), same).map(Value::as_int);
                let place = model.iter().position(|p| p.0 == key);
                assert_eq!(gone, place.map(|i| model.remove(i).1));
            }
            assert_eq!(table.len(), model.len());
            if round % 97 == 0 {
                let pairs: Vec<_> = table
                    .iter()
                    .map(|e| (e.key.as_int(), e.value.as_int()))
                    .collect();
                assert_eq!(pairs, model);
            }
        }
    }
}

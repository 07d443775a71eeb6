//! One value a terminal, found without hashing: it is asked for with every attempt.

use std::collections::BTreeMap;

use super::business::TerminalKey;

/// Terminals up to this number have a place of their own; a record may claim any number.
const DENSE_MAX: usize = 1 << 17;

/// One value a terminal, made when it is first asked for.
#[derive(Debug)]
pub(super) struct PerTerminal<T> {
    shards: Vec<Vec<T>>,
    others: BTreeMap<TerminalKey, T>,
}

impl<T> Default for PerTerminal<T> {
    fn default() -> Self {
        Self { shards: Vec::new(), others: BTreeMap::new() }
    }
}

impl<T: Default> PerTerminal<T> {
    /// The terminal's value.
    pub(super) fn of(&mut self, key: TerminalKey) -> &mut T {
        let (shard, number) = (key.0, key.1 as usize);
        if number >= DENSE_MAX {
            return self.others.entry(key).or_default();
        }
        if shard >= self.shards.len() {
            self.shards.resize_with(shard + 1, Vec::new);
        }
        let terminals = &mut self.shards[shard];
        if number >= terminals.len() {
            terminals.resize_with(number + 1, T::default);
        }
        &mut terminals[number]
    }

    /// Every value, in the order of shards and terminals; those with high numbers come last.
    pub(super) fn into_values(self) -> impl Iterator<Item = (TerminalKey, T)> {
        let dense = self.shards.into_iter().enumerate().flat_map(|(shard, terminals)| {
            (0..).zip(terminals).map(move |(number, value)| ((shard, number), value))
        });
        dense.chain(self.others)
    }
}

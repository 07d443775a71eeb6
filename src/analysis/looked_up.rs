//! What look-ups during the run found of commits whose answer never came.

use std::collections::HashMap;

use crate::event::{Attempt, Fate, LedgerEntry, Outcome};

/// Commits of unknown fate in one phase, by what a look at their rows found while the load went on.
/// The audit looks again, once everything has come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookedUp {
    /// Found.
    pub committed: u64,
    /// Not found after their session had ended, so that they cannot come late.
    pub absent: u64,
    /// Not settled when the load had drained.
    pub open: u64,
}

impl LookedUp {
    /// All of them.
    pub fn total(self) -> u64 {
        self.committed + self.absent + self.open
    }

    /// Adds another phase's.
    pub fn add(&mut self, other: Self) {
        self.committed += other.committed;
        self.absent += other.absent;
        self.open += other.open;
    }
}

/// Brings commits of unknown fate together with what was found of them. Grows with these alone.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    /// By shard, terminal and sequence: the phase, and what was found.
    doubts: HashMap<(usize, u32, u64), (usize, Option<Fate>)>,
}

impl LookUps {
    /// Takes an attempt of a business transaction that was due in `phase`.
    pub(super) fn attempt(&mut self, shard: usize, attempt: &Attempt, phase: usize) {
        if matches!(attempt.outcome, Outcome::Ambiguous(_)) {
            self.doubts.insert((shard, attempt.terminal, attempt.sequence), (phase, None));
        }
    }

    /// Takes an entry of the ledger, once all attempts were taken.
    pub(super) fn entry(&mut self, shard: usize, entry: &LedgerEntry) {
        if entry.fate.settles()
            && let Some((_, found)) = self.doubts.get_mut(&(shard, entry.terminal, entry.sequence))
        {
            *found = Some(entry.fate);
        }
    }

    /// What was found of the commits of each phase.
    pub(super) fn by_phase(&self, phases: usize) -> Vec<LookedUp> {
        let mut all = vec![LookedUp::default(); phases];
        for (phase, found) in self.doubts.values() {
            match found {
                Some(Fate::Committed) => all[*phase].committed += 1,
                Some(Fate::Absent) => all[*phase].absent += 1,
                _ => all[*phase].open += 1,
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ErrorClass, ErrorCode, RunTime, StatementKind, TxnKind, WriteKey, ZoneId};

    fn attempt(sequence: u64, outcome: Outcome) -> Attempt {
        Attempt {
            terminal: 1,
            sequence,
            attempt: 0,
            last: true,
            kind: TxnKind::Payment,
            warehouse: 1,
            scheduled: RunTime::ZERO,
            start: RunTime::ZERO,
            end: RunTime::ZERO,
            zone: Some(ZoneId(0)),
            outcome,
            code: ErrorCode::NONE,
            statement: Some(StatementKind::Commit),
        }
    }

    #[test]
    fn every_doubt_counts_in_the_phase_it_was_due_in() {
        let mut look_ups = LookUps::default();
        let lost = Outcome::Ambiguous(ErrorClass::ConnectionLost);
        look_ups.attempt(0, &attempt(0, Outcome::Committed), 0);
        for (sequence, phase) in [(1, 0), (2, 1), (3, 1), (4, 1)] {
            look_ups.attempt(0, &attempt(sequence, lost), phase);
        }
        // Another driver's terminal of the same number.
        look_ups.attempt(1, &attempt(2, lost), 0);
        let entries = [
            (0, Fate::Acknowledged),
            (1, Fate::Ambiguous),
            (1, Fate::Committed),
            (2, Fate::Committed),
            (3, Fate::Absent),
        ];
        for (sequence, fate) in entries {
            let key = WriteKey::Payment { district: 1, amount_cents: 1 };
            let at = RunTime::ZERO;
            look_ups.entry(0, &LedgerEntry { terminal: 1, sequence, warehouse: 1, at, fate, key });
        }
        let expected = [
            LookedUp { committed: 1, absent: 0, open: 1 },
            LookedUp { committed: 1, absent: 1, open: 1 },
        ];
        assert_eq!(look_ups.by_phase(2), expected);
    }
}

//! Puts business transactions together from their attempts, terminal by terminal.

use std::collections::BTreeMap;

use crate::event::{Attempt, Grade, Outcome, RunTime, TxnKind};

use super::per_terminal::PerTerminal;
use super::phases::Role;

/// A business transaction, whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Business {
    pub(super) kind: TxnKind,
    pub(super) warehouse: u32,
    pub(super) scheduled: RunTime,
    /// Start of the first attempt.
    pub(super) start: RunTime,
    /// Start of the last attempt.
    pub(super) last_start: RunTime,
    /// End of the last attempt.
    pub(super) end: RunTime,
    pub(super) outcome: Outcome,
    pub(super) attempts: u16,
}

impl Business {
    fn new(last: &Attempt, start: RunTime, attempts: u16) -> Self {
        let Attempt { kind, warehouse, scheduled, start: last_start, end, outcome, .. } = *last;
        Self { kind, warehouse, scheduled, start, last_start, end, outcome, attempts }
    }

    /// What it was, given a deadline in µs after its scheduled time.
    pub(super) fn grade(&self, deadline_us: u64) -> Grade {
        Grade::of(self.outcome, self.scheduled, self.end, deadline_us)
    }

    pub(super) fn response_us(&self) -> u64 {
        self.end.since_us(self.scheduled)
    }

    pub(super) fn service_us(&self) -> u64 {
        self.end.since_us(self.start)
    }
}

/// A business transaction and what became of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) whole: Business,
    pub(super) grade: Grade,
    /// Unfinished at the run's end, its deadline being past.
    pub(super) overdue: bool,
    /// The phase in which it was due.
    pub(super) phase: usize,
    /// That phase's.
    pub(super) role: Role,
}

/// A terminal of a set of records: the record's position in the set, then its number there.
pub type TerminalKey = (usize, u32);

/// A finished business transaction, as the terminal that waited for it felt it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Felt {
    pub(super) scheduled: RunTime,
    pub(super) end: RunTime,
    pub(super) how: Feeling,
}

/// How a terminal felt a business transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feeling {
    Good,
    Bad,
    /// Unfinished at the run's end, with its deadline still ahead.
    Undecided,
}

/// Finished transactions a terminal may hold back for an earlier one; beyond it, the earlier one
/// is given up as missing.
const WAITING_MAX: usize = 1 << 16;

/// All terminals of a run. Rows may come in any order; those of one terminal nearly in order cost
/// memory for what is in flight only.
#[derive(Debug, Default)]
pub(super) struct Terminals {
    by_key: PerTerminal<Terminal>,
    /// What is wrong with the numbering so far.
    pub(super) faults: Faults,
}

/// What is wrong with the numbering of transactions and attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Faults {
    /// Sequence numbers that never came.
    pub(super) missing: u64,
    /// Sequence numbers that came twice.
    pub(super) repeated: u64,
    /// Transactions of which an attempt is missing.
    pub(super) unfinished: u64,
}

#[derive(Debug, Default)]
struct Terminal {
    open: BTreeMap<u64, Open>,
    next: u64,
    waiting: BTreeMap<u64, Felt>,
}

#[derive(Debug)]
struct Open {
    start: RunTime,
    seen: u16,
    last: Option<Attempt>,
}

impl Terminals {
    /// Takes one attempt; answers the business transaction it completes.
    pub(super) fn push(&mut self, shard: usize, attempt: &Attempt) -> Option<Business> {
        let terminal = self.by_key.of((shard, attempt.terminal));
        if attempt.sequence < terminal.next || terminal.waiting.contains_key(&attempt.sequence) {
            self.faults.repeated += 1;
            return None;
        }
        // Nearly all there are: one attempt, and no other of the same number.
        let is_only = attempt.last && attempt.attempt == 0;
        if is_only && !terminal.open.contains_key(&attempt.sequence) {
            return Some(Business::new(attempt, attempt.start, 1));
        }
        let open = terminal.open.entry(attempt.sequence).or_insert(Open {
            start: attempt.start,
            seen: 0,
            last: None,
        });
        open.start = open.start.min(attempt.start);
        open.seen = open.seen.saturating_add(1);
        if attempt.last {
            open.last = Some(*attempt);
        }
        let last = open.last.filter(|last| open.seen > last.attempt)?;
        let business = Business::new(&last, open.start, open.seen);
        terminal.open.remove(&attempt.sequence);
        Some(business)
    }

    /// Tells how a business transaction was felt; hands out, in the terminal's own order,
    /// everything that now has no unknown predecessor.
    pub(super) fn felt(
        &mut self,
        key: TerminalKey,
        sequence: u64,
        felt: Felt,
        mut next: impl FnMut(TerminalKey, Felt),
    ) {
        let terminal = self.by_key.of(key);
        if sequence == terminal.next && terminal.waiting.is_empty() {
            terminal.next += 1;
            return next(key, felt);
        }
        terminal.waiting.insert(sequence, felt);
        while let Some((&first, _)) = terminal.waiting.first_key_value() {
            if first != terminal.next && terminal.waiting.len() <= WAITING_MAX {
                break;
            }
            self.faults.missing += first - terminal.next;
            terminal.next = first.saturating_add(1);
            if let Some((_, felt)) = terminal.waiting.pop_first() {
                next(key, felt);
            }
        }
    }

    /// Hands out what still waits, terminal by terminal, and settles the faults.
    pub(super) fn finish(self, mut next: impl FnMut(TerminalKey, Felt)) -> Faults {
        let mut faults = self.faults;
        for (key, terminal) in self.by_key.into_values() {
            // A transaction that lost an attempt has a number that came; it is not missing too.
            let open = terminal.open.len() as u64;
            faults.unfinished += open;
            let below = |seq: u64| terminal.open.range(terminal.next..seq).count() as u64;
            let mut expected = terminal.next;
            for (sequence, felt) in &terminal.waiting {
                faults.missing += sequence - expected;
                expected = sequence.saturating_add(1);
                next(key, *felt);
            }
            faults.missing = faults.missing.saturating_sub(below(expected));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ErrorClass, ErrorCode, ZoneId};

    fn attempt(sequence: u64, attempt: u16, last: bool) -> Attempt {
        let at = RunTime(sequence * 100 + u64::from(attempt) * 10);
        Attempt {
            terminal: 1,
            sequence,
            attempt,
            last,
            kind: TxnKind::Payment,
            warehouse: 1,
            scheduled: RunTime(sequence * 100),
            start: at,
            end: at.plus_us(5),
            zone: Some(ZoneId(0)),
            outcome: if last { Outcome::Committed } else { Outcome::Failed(ErrorClass::Deadlock) },
            code: ErrorCode::NONE,
            statement: None,
        }
    }

    fn run(rows: &[Attempt]) -> (Vec<RunTime>, Vec<u64>, Faults) {
        let (mut terminals, mut services, mut order) = (Terminals::default(), vec![], vec![]);
        for row in rows {
            if let Some(whole) = terminals.push(0, row) {
                services.push(whole.service_us());
                let felt = Felt { scheduled: whole.scheduled, end: whole.end, how: Feeling::Good };
                terminals.felt((0, 1), row.sequence, felt, |_, felt| order.push(felt.scheduled));
            }
        }
        let faults = terminals.finish(|_, felt| order.push(felt.scheduled));
        (order, services, faults)
    }

    #[test]
    fn attempts_in_any_order_make_one_transaction() {
        let rows = [attempt(1, 0, true), attempt(0, 1, true), attempt(0, 0, false)];
        let (order, services, faults) = run(&rows);
        assert_eq!(order, [RunTime(0), RunTime(100)]);
        assert_eq!(services, [5, 15]);
        assert_eq!(faults, Faults::default());
    }

    #[test]
    fn every_kind_of_wrong_numbering_is_counted() {
        let rows = [
            attempt(0, 0, true),
            attempt(0, 0, true),
            attempt(2, 0, true),
            attempt(3, 1, true),
            attempt(5, 0, true),
        ];
        let (order, _, faults) = run(&rows);
        assert_eq!(order.len(), 3);
        assert_eq!(faults, Faults { missing: 2, repeated: 1, unfinished: 1 });
    }
}

//! What shows that an outage was on: how much of a write gap it must have filled.
//!
//! A gap is longer than the outage behind it: clients that were refused pause before they come
//! back, and one whose connection died in silence learns of it only at its deadline. The most an
//! outage can have lasted is the time from the beginning of the last write that was done before it
//! to the end of the first one after: the answer to a write may be there some time before rollproof
//! gets to read it, but never before the write began. The least is what lies between two moments at
//! which it is shown to have been on, and each thing that was seen shows it for one moment only:
//!
//! - An attempt that met it was not done before the outage began, nor begun after it had ended. So
//!   it had begun by the earliest end of such attempts, and was on at the latest start of them.
//!   Pauses, queues and deadlines behind that start show nothing.
//! - Of several zones, one that does not serve shows nothing of the others. There it had begun when
//!   the next write would have been done, and was not on in the time that a write took at its end.
//! - A write that was under way as it began and was done in the end waited for the outage's end and
//!   then took its time: as long as writes took just after, when everybody came back at once.

use std::collections::BTreeMap;

use crate::event::{Attempt, ErrorClass, Outcome, RunTime, StatementKind};
use crate::scenario::{Scenario, Span};

use super::business::Business;
use super::latency::{Latency, Quantile};
use super::track::Track;

/// A good write that took this long may have waited for an outage's end. Half of the shortest gap,
/// in µs.
const WAIT_US_MIN: u64 = 50_000;

/// No attempt is under way for longer, in µs.
const STALL_US_MAX: u64 = 600_000_000;

/// Writes that begin so soon after a gap tell what one takes then, in µs.
const AFTER_US: u64 = 100_000;

/// What an attempt that failed shows.
///
/// Behind a long outage waits a backlog whose oldest transactions are about to expire: what is left
/// of their deadline may be too little for a server that has long been back. So an attempt must
/// have had a fair share of its own deadlines to show anything by missing them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof {
    statement_us: u64,
    connect_us: u64,
    /// There is no other zone that may have served meanwhile.
    only_zone: bool,
}

impl Proof {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let load = &scenario.load;
        // Half of the whole, so that a transaction that did not wait always has it.
        let fair = |full: Span| full.as_us().min(load.deadline.as_us() / 2);
        Self {
            statement_us: fair(load.statement_deadline),
            connect_us: fair(load.connect_deadline),
            only_zone: scenario.cluster.zones.len() == 1,
        }
    }

    /// Whether its zone was out at the start of an attempt, or later.
    ///
    /// A connection that gave way or fell silent shows that only while it was being made, or at
    /// COMMIT, when everything before was answered. At another statement it may have died long
    /// before, in an outage that is over, or wait for a lock of a session that died there.
    fn is_met(self, attempt: &Attempt) -> bool {
        let (Outcome::Failed(class) | Outcome::Ambiguous(class)) = attempt.outcome else {
            return false;
        };
        let waited_us = attempt.end.since_us(attempt.start);
        let telling =
            matches!(attempt.statement, Some(StatementKind::Connect | StatementKind::Commit));
        match class {
            ErrorClass::Refused
            | ErrorClass::ReadOnly
            | ErrorClass::NotReady
            | ErrorClass::ShuttingDown
            | ErrorClass::NotPrimary => true,
            ErrorClass::ConnectionLost => telling,
            ErrorClass::ConnectTimeout => waited_us >= self.connect_us,
            ErrorClass::Deadline => telling && waited_us >= self.statement_us,
            _ => false,
        }
    }
}

/// Attempts of one scope that show an outage.
#[derive(Debug)]
pub(super) struct Evidence {
    /// Starts of attempts that met it at their start or later.
    met: Track,
    /// Their ends.
    known: Track,
    /// By the cell in which good writes were done: how long before the cell's end the last of them
    /// had begun, in µs.
    begun: Vec<u32>,
    /// Good writes that were under way for long: the latest end by the cell of their start.
    survivors: BTreeMap<u64, RunTime>,
    proof: Proof,
}

impl Evidence {
    pub(super) fn new(length_us: u64, cells_max: usize, proof: Proof) -> Self {
        let track = || Track::new(length_us, cells_max);
        Self { met: track(), known: track(), begun: Vec::new(), survivors: BTreeMap::new(), proof }
    }

    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        if self.proof.is_met(attempt) {
            self.met.record(attempt.start);
            self.known.record(attempt.end);
        }
    }

    /// Takes a good write within the run.
    pub(super) fn good(&mut self, write: &Business) {
        let width_us = self.met.width_us();
        let cell = (write.end.0 / width_us) as usize;
        if cell >= self.begun.len() {
            self.begun.resize(cell + 1, u32::MAX);
        }
        let before_us = RunTime((cell as u64 + 1) * width_us).since_us(write.last_start);
        let before_us = u32::try_from(before_us).unwrap_or(u32::MAX);
        self.begun[cell] = self.begun[cell].min(before_us);
        if write.end.since_us(write.last_start) >= WAIT_US_MIN {
            let cell = write.last_start.0 / self.met.width_us();
            let latest = self.survivors.entry(cell).or_insert(write.end);
            *latest = write.end.max(*latest);
        }
    }

    /// The most that the outage within a gap lasted, in µs.
    pub(super) fn most_us(&self, (start, end): (RunTime, RunTime)) -> u64 {
        end.since_us(self.begun_last(start).map_or(start, |begun| begun.min(start)))
    }

    /// When the last of the writes that were done by `start`, where a gap begins, had begun. The
    /// gap being longer than a cell, none was done later in that cell.
    fn begun_last(&self, start: RunTime) -> Option<RunTime> {
        let width_us = self.met.width_us();
        let cells = (start.0 / width_us + 1).min(self.begun.len() as u64);
        let mut last = None;
        for cell in (0..cells).rev() {
            let end_us = (cell + 1) * width_us;
            // Nothing that was done in an earlier cell began later.
            if last.is_some_and(|RunTime(us)| us >= end_us) {
                break;
            }
            let before_us = self.begun[cell as usize];
            if before_us < u32::MAX {
                last = last.max(Some(RunTime(end_us.saturating_sub(before_us.into()))));
            }
        }
        last
    }

    /// The least that the outage within a gap lasted, in µs. It had begun by `begun`, when the next
    /// write should have been done; `service_us` is what a write takes after it.
    pub(super) fn least_us(
        &self,
        (start, end): (RunTime, RunTime),
        begun: RunTime,
        service_us: u64,
    ) -> u64 {
        let served = RunTime(end.0.saturating_sub(service_us));
        let met = self.met.last_within(start, end);
        let (known, met) = match self.proof.only_zone {
            true => (self.known.first_within(start, end), met),
            false => (None, met.map(|met| met.min(served))),
        };
        let begun = known.map_or(begun, |known| known.min(begun));
        let waited = self.was_outlasted(begun, end).then_some(served);
        met.max(waited).map_or(0, |until| until.since_us(begun))
    }

    /// Whether a write that was under way as the outage began was done in the end: its connection
    /// lived, and it would have been served as soon as anything was. Later ones prove nothing: a
    /// client that had to come back first was slow for that.
    fn was_outlasted(&self, begun: RunTime, end: RunTime) -> bool {
        let from = begun.0.saturating_sub(STALL_US_MAX) / self.met.width_us();
        let until = begun.0 / self.met.width_us();
        self.survivors.range(from..=until).any(|(_, latest)| *latest >= end)
    }
}

/// What it takes to be served.
#[derive(Debug)]
pub(super) struct Costs {
    /// The first attempts of all terminals: those that had to connect.
    connects: Latency,
    /// The longest that a good write took, by the cell of its start; in µs.
    services: Vec<u32>,
    width_us: u64,
}

impl Costs {
    pub(super) fn new(length_us: u64, cells_max: usize) -> Self {
        let width_us = Track::new(length_us, cells_max).width_us();
        Self { connects: Latency::default(), services: Vec::new(), width_us }
    }

    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        if attempt.sequence == 0 && attempt.attempt == 0 && attempt.outcome.is_success() {
            self.connects.record(attempt.end.since_us(attempt.start));
        }
    }

    /// Takes a good write within the run.
    pub(super) fn good(&mut self, write: &Business) {
        let cell = (write.last_start.0 / self.width_us) as usize;
        if cell >= self.services.len() {
            self.services.resize(cell + 1, 0);
        }
        let took_us = u32::try_from(write.end.since_us(write.last_start)).unwrap_or(u32::MAX);
        self.services[cell] = self.services[cell].max(took_us);
    }

    /// What the first write after a gap took at most, in µs, where it takes `service_us` otherwise.
    pub(super) fn after_us(&self, gap_end: RunTime, service_us: u64) -> u64 {
        let cell = |at: u64| (at / self.width_us) as usize;
        let (from, until) = (cell(gap_end.0), cell(gap_end.0.saturating_add(AFTER_US)));
        let after = self.services.iter().take(until + 1).skip(from).max().copied();
        service_us.max(self.connect_us()).max(after.unwrap_or(0).into())
    }

    /// The median of those that had to connect: of many terminals that come back at once, the first
    /// to be served ends the gap.
    fn connect_us(&self) -> u64 {
        match self.connects.quantile(0.5) {
            Quantile::Us(us) => us,
            Quantile::NoData | Quantile::Never => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ErrorCode, TxnKind};
    use crate::scenario::Zone;

    fn attempt(start: u64, end: u64, class: ErrorClass, statement: StatementKind) -> Attempt {
        Attempt {
            terminal: 0,
            sequence: 1,
            attempt: 0,
            last: true,
            kind: TxnKind::Payment,
            warehouse: 1,
            scheduled: RunTime(start),
            start: RunTime(start),
            end: RunTime(end),
            zone: None,
            outcome: Outcome::Failed(class),
            code: ErrorCode::NONE,
            statement: Some(statement),
        }
    }

    fn good(start: u64, end: u64) -> Business {
        Business {
            kind: TxnKind::Payment,
            warehouse: 1,
            scheduled: RunTime(start),
            start: RunTime(start),
            last_start: RunTime(start),
            end: RunTime(end),
            outcome: Outcome::Committed,
            attempts: 1,
        }
    }

    /// The least outage in a gap from 1 s to 3 s whose outage had begun by 1.02 s.
    fn least(attempts: &[Attempt], ending: Business) -> u64 {
        least_in(1, attempts, ending)
    }

    fn least_in(zones: u8, attempts: &[Attempt], ending: Business) -> u64 {
        let mut scenario = Scenario::default();
        scenario.load.statement_deadline = Span::secs(1);
        let zone = |n| Zone { name: format!("zone{n}"), endpoint: "127.0.0.1:3306".to_owned() };
        scenario.cluster.zones = (0..zones).map(zone).collect();
        let mut evidence = Evidence::new(10_000_000, 1 << 10, Proof::new(&scenario));
        attempts.iter().for_each(|attempt| evidence.attempt(attempt));
        evidence.good(&ending);
        let gap = (RunTime(1_000_000), ending.end);
        evidence.least_us(gap, RunTime(1_020_000), 15_000)
    }

    #[test]
    fn a_stall_fills_the_gap_but_for_the_service_at_both_ends() {
        assert_eq!(least(&[], good(1_010_000, 3_000_000)), 3_000_000 - 15_000 - 1_020_000);
        // It connected anew, on a machine that was busy then.
        assert_eq!(least(&[], good(2_700_000, 3_000_000)), 0);
        // It came right after an outage so short that it was over when the next was due.
        let met = [1_001_000, 1_002_000];
        let met = met.map(|at| attempt(at, at, ErrorClass::Refused, StatementKind::Connect));
        assert_eq!(least(&met, good(1_015_000, 3_000_000)), 1_000);
    }

    #[test]
    fn an_answer_may_have_waited_to_be_read_before_the_outage_but_not_the_question() {
        let mut evidence = Evidence::new(10_000_000, 1 << 10, Proof::new(&Scenario::default()));
        let gap = (RunTime(1_000_000), RunTime(3_000_000));
        assert_eq!(evidence.most_us(gap), 2_000_000, "nothing was done before it");
        // Done earlier, begun later; and one that outlasted the outage.
        evidence.good(&good(900_000, 1_000_000));
        evidence.good(&good(960_000, 970_000));
        evidence.good(&good(999_000, 3_000_000));
        assert_eq!(evidence.most_us(gap), 2_040_000);
    }

    #[test]
    fn a_refusal_is_proof_until_it_was_met_and_not_for_the_pause_after_it() {
        use ErrorClass::Refused;
        use StatementKind::Connect;
        let refused = [1_100_000, 1_500_000, 3_500_000].map(|at| attempt(at, at, Refused, Connect));
        assert_eq!(least(&refused, good(2_990_000, 3_000_000)), 1_500_000 - 1_020_000);
        // It had begun by the first refusal, and not only when the next write should have been done.
        let soon = attempt(1_003_000, 1_004_000, Refused, Connect);
        assert_eq!(least(&[soon, refused[1]], good(2_990_000, 3_000_000)), 1_500_000 - 1_004_000);
    }

    #[test]
    fn a_zone_that_refuses_shows_nothing_of_the_others() {
        let refused = [1_004_000, 2_999_000]
            .map(|at| attempt(at, at, ErrorClass::Refused, StatementKind::Connect));
        let fresh = good(2_990_000, 3_000_000);
        assert_eq!(least_in(1, &refused, fresh), 2_999_000 - 1_004_000);
        assert_eq!(least_in(3, &refused, fresh), 3_000_000 - 15_000 - 1_020_000);
    }

    #[test]
    fn after_a_gap_a_write_may_take_as_long_as_others_do_then() {
        let mut costs = Costs::new(10_000_000, 1 << 10);
        costs.good(&good(2_500_000, 3_000_000));
        assert_eq!(costs.after_us(RunTime(3_000_000), 15_000), 15_000);
        costs.good(&good(3_001_000, 3_081_000));
        costs.good(&good(3_500_000, 5_000_000));
        assert_eq!(costs.after_us(RunTime(3_000_000), 15_000), 80_000);
    }

    #[test]
    fn a_dead_connection_proves_nothing_of_the_time_it_was_waited_on() {
        use ErrorClass::{ConnectionLost, Deadline, Deadlock};
        use StatementKind::{Begin, Commit, Connect, Read, Write};
        let fresh = good(2_990_000, 3_000_000);
        for statement in [Begin, Read, Write] {
            assert_eq!(least(&[attempt(1_900_000, 2_950_000, Deadline, statement)], fresh), 0);
            assert_eq!(
                least(&[attempt(2_500_000, 2_500_400, ConnectionLost, statement)], fresh),
                0
            );
        }
        assert_eq!(least(&[attempt(1_900_000, 1_901_000, Deadlock, Read)], fresh), 0);
        // Cut by their transactions' deadlines before they had a chance.
        let hasty = attempt(2_050_000, 2_950_000, ErrorClass::ConnectTimeout, Connect);
        assert_eq!(least(&[hasty], fresh), 0);
        let late = attempt(2_050_000, 2_950_000, Deadline, Commit);
        assert_eq!(least(&[late], fresh), 0);
        // Its first statements were answered.
        let lost = attempt(1_400_000, 2_950_000, Deadline, Commit);
        assert_eq!(least(&[lost], fresh), 380_000);
    }
}

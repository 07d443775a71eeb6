//! A load on one server that is out now and then, in every way that `tests/live_accuracy.rs` makes
//! one be out: what its terminals would have recorded, with each outage's true length known to the
//! microsecond. Deadlines, pauses and retries are those of the real terminals.
#![allow(unreachable_pub, reason = "a part of one test program")]

use rollproof::event::*;

use crate::support::dice::Dice;

const MS: u64 = 1_000;
const S: u64 = 1_000_000;

/// Statements of a transaction: BEGIN, eight in its middle, COMMIT.
const STATEMENTS: u64 = 10;
const STATEMENT_DEADLINE: u64 = 2 * S;
const CONNECT_DEADLINE: u64 = S;
const DEADLINE: u64 = 5 * S;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Connections are closed, new ones refused.
    Refused,
    /// Connections are reset, new ones too.
    Reset,
    /// Nothing is answered, and everything afterwards: a proxy that holds back, or a server that
    /// was stopped and continued.
    Stalled,
    /// Connections never hear another word, not even afterwards; new ones neither.
    HalfOpen,
    /// COMMITs are carried out and never answered.
    AnswersLost,
}

impl Fault {
    pub const ALL: [Self; 5] =
        [Self::Refused, Self::Reset, Self::Stalled, Self::HalfOpen, Self::AnswersLost];
}

/// In run time, µs.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub fault: Fault,
    pub from: u64,
    pub until: u64,
}

impl Outage {
    pub fn length(&self) -> u64 {
        self.until - self.from
    }

    fn holds(&self, at: u64) -> bool {
        (self.from..self.until).contains(&at)
    }

    fn breaks_connections(&self) -> bool {
        matches!(self.fault, Fault::Refused | Fault::Reset | Fault::HalfOpen)
    }
}

/// The server, its load and its bad moments.
#[derive(Debug, Clone)]
pub struct World {
    pub rate: u64,
    pub terminals: u32,
    pub poisson: bool,
    /// When the load ends, µs.
    pub end: u64,
    pub outages: Vec<Outage>,
    /// After an outage everybody comes back at once: services take about so many times as long.
    pub crowd: u64,
    pub dice: Dice,
}

/// How a wait for an answer ended.
type Waited = Result<u64, (u64, ErrorClass)>;

/// One terminal on its way.
struct Terminal {
    id: u32,
    free: u64,
    sequence: u64,
    failures: u32,
    connect_at: u64,
    /// When the connection was made; `None` without one.
    connected: Option<u64>,
}

impl World {
    /// What the terminals recorded, in the order of ends.
    pub fn attempts(mut self) -> Vec<Attempt> {
        let mut arrivals: Vec<Vec<u64>> = vec![Vec::new(); self.terminals as usize];
        let (mut at, mut number) = (0.0, 0);
        while (at as u64) < self.end {
            let to = match self.poisson {
                true => self.dice.below(u64::from(self.terminals)),
                false => number % u64::from(self.terminals),
            };
            arrivals[to as usize].push(at as u64);
            number += 1;
            at = match self.poisson {
                true => at - self.dice.unit().ln() * 1e6 / self.rate as f64,
                false => number as f64 * 1e6 / self.rate as f64,
            };
        }
        let mut rows = Vec::new();
        for (id, arrivals) in (0..).zip(arrivals) {
            let connected = None;
            let mut terminal =
                Terminal { id, free: 0, sequence: 0, failures: 0, connect_at: 0, connected };
            for scheduled in arrivals {
                self.transact(&mut terminal, scheduled, &mut rows);
            }
        }
        rows.sort_by_key(|row| row.end);
        rows
    }

    fn transact(&mut self, terminal: &mut Terminal, scheduled: u64, rows: &mut Vec<Attempt>) {
        let by = scheduled + DEADLINE;
        let kind = match self.dice.below(100) {
            0..45 => TxnKind::NewOrder,
            45..88 => TxnKind::Payment,
            88..92 => TxnKind::OrderStatus,
            92..96 => TxnKind::Delivery,
            _ => TxnKind::StockLevel,
        };
        let mut start = scheduled.max(terminal.free).max(terminal.connect_at);
        for number in 0.. {
            let mut row = Attempt {
                terminal: terminal.id,
                sequence: terminal.sequence,
                attempt: number,
                last: true,
                kind,
                warehouse: terminal.id % 4 + 1,
                scheduled: RunTime(scheduled),
                start: RunTime(start),
                end: RunTime(start),
                zone: None,
                outcome: Outcome::Failed(ErrorClass::Deadline),
                code: ErrorCode::NONE,
                statement: None,
            };
            if start < by {
                row.zone = Some(ZoneId(0));
                self.attempt(terminal, by, &mut row);
            }
            terminal.free = row.end.0;
            if let Some(class) = row.outcome.class().filter(|_| row.zone.is_some()) {
                let pause = self.pause(terminal);
                start = row.end.0 + pause;
                if !class.keeps_connection() {
                    (terminal.connect_at, terminal.connected) = (start, None);
                }
                row.last = matches!(row.outcome, Outcome::Ambiguous(_)) || start >= by;
            }
            rows.push(row);
            if row.last {
                break;
            }
        }
        terminal.sequence += 1;
    }

    /// Doubles from 10 ms up to a quarter of a second; between half of it and all of it.
    fn pause(&mut self, terminal: &mut Terminal) -> u64 {
        terminal.failures += 1;
        let doubled = (10 * MS) << (terminal.failures - 1).min(16);
        let full = doubled.min(250 * MS);
        (full as f64 * (0.5 + 0.5 * self.dice.unit())) as u64
    }

    fn attempt(&mut self, terminal: &mut Terminal, by: u64, row: &mut Attempt) {
        let mut now = row.start.0;
        if terminal.connected.is_none() {
            match self.connect(now, by) {
                Ok(at) => (now, terminal.connected) = (at, Some(at)),
                Err((at, class)) => {
                    (row.end, row.outcome) = (RunTime(at), Outcome::Failed(class));
                    row.statement = Some(StatementKind::Connect);
                    return;
                }
            }
        }
        let connected = terminal.connected.unwrap_or(now);
        let slow = if self.dice.below(50) == 0 { 10 } else { 1 };
        let service = slow * (2_000 + self.dice.below(4_000));
        for number in 0..STATEMENTS {
            let kind = match number {
                0 => StatementKind::Begin,
                9 => StatementKind::Commit,
                odd if odd % 2 == 1 => StatementKind::Read,
                _ => StatementKind::Write,
            };
            match self.answer(now, connected, service / STATEMENTS, kind, by) {
                Ok(at) => now = at,
                Err((at, class)) => {
                    let doubtful = kind == StatementKind::Commit && row.kind.is_write();
                    let outcome = if doubtful { Outcome::Ambiguous } else { Outcome::Failed };
                    (row.end, row.outcome) = (RunTime(at), outcome(class));
                    row.statement = Some(kind);
                    return;
                }
            }
        }
        (row.end, row.outcome) = (RunTime(now), Outcome::Committed);
        terminal.failures = 0;
    }

    fn connect(&mut self, at: u64, by: u64) -> Waited {
        let cost = 1_000 + self.dice.below(1_000);
        let cost = self.crowded(at, cost);
        let given_up = (at + CONNECT_DEADLINE).min(by);
        let Some(outage) = self.outages.iter().find(|own| own.holds(at + cost / 2)) else {
            return Ok(at + cost);
        };
        match outage.fault {
            Fault::AnswersLost => Ok(at + cost),
            Fault::Refused => Err((at + cost / 2, ErrorClass::Refused)),
            Fault::Reset => Err((at + cost / 2, ErrorClass::ConnectionLost)),
            Fault::HalfOpen => Err((given_up, ErrorClass::ConnectTimeout)),
            Fault::Stalled => {
                let done = outage.until + self.crowded(outage.until, cost);
                if done <= given_up {
                    Ok(done)
                } else {
                    Err((given_up, ErrorClass::ConnectTimeout))
                }
            }
        }
    }

    /// A statement sent at `at` on a connection made at `connected`.
    fn answer(
        &mut self,
        at: u64,
        connected: u64,
        service: u64,
        kind: StatementKind,
        by: u64,
    ) -> Waited {
        let commits = kind == StatementKind::Commit;
        let given_up = if commits { by } else { (at + STATEMENT_DEADLINE).min(by) };
        let done = at + self.crowded(at, service);
        let broke =
            |own: &&Outage| own.breaks_connections() && connected < own.from && own.from <= done;
        if let Some(outage) = self.outages.iter().find(broke) {
            return Err(match outage.fault {
                Fault::HalfOpen => (given_up, ErrorClass::Deadline),
                _ => (at.max(outage.from) + 100, ErrorClass::ConnectionLost),
            });
        }
        let lost = |own: &&Outage| own.fault == Fault::AnswersLost && own.holds(at);
        if commits && self.outages.iter().any(|own| lost(&own)) {
            return Err((given_up, ErrorClass::Deadline));
        }
        let held = |own: &&Outage| own.fault == Fault::Stalled && own.holds(done);
        let held = self.outages.iter().find(held).map(|own| own.until);
        let done = held.map_or(done, |until| until + self.crowded(until, service));
        if done <= given_up { Ok(done) } else { Err((given_up, ErrorClass::Deadline)) }
    }

    /// What takes `us` otherwise, at a moment soon after an outage.
    fn crowded(&mut self, at: u64, us: u64) -> u64 {
        let since = |own: &Outage| at.checked_sub(own.until).filter(|since| *since < S / 2);
        match self.outages.iter().find_map(since) {
            Some(_) => us * self.crowd * (50 + self.dice.below(100)) / 100,
            None => us,
        }
    }
}

//! What a story's cluster, clients and observers would have told.

use rollproof::event::*;

use super::{Dice, FROM, MS, S, Story, TO, Turn};

impl Story {
    /// What observers and timetable told.
    pub fn cluster(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut step = |at, source, step: &str, zone, edge, detail: &str| {
            let fact =
                ClusterFact::Step { step: step.to_owned(), zone, edge, detail: detail.to_owned() };
            events.push(ClusterEvent { at: RunTime(at), uncertainty_us: 0, source, fact });
        };
        let table = Source::Timetable;
        step(0, table, "warm-up", None, Edge::Begin, "");
        step(Self::WARM_UP, table, "baseline", None, Edge::Begin, "");
        for turn in self.turns() {
            for (name, begin, end, edge) in &turn.steps {
                let zone = Some(ZoneId(turn.zone));
                step(*begin, Source::Runner, name, zone, Edge::Begin, "");
                let failed = *edge == Edge::Failed;
                let said = if failed { "mariadbd: exit status 1, see error.log" } else { "" };
                step(*end, Source::Runner, name, zone, *edge, said);
            }
        }
        let settle = self.load_end() - (self.settle_s + self.final_s) * S;
        step(settle, table, "settle", None, Edge::Begin, "");
        step(settle + self.settle_s * S, table, "final", None, Edge::Begin, "");
        step(self.load_end(), table, "drain", None, Edge::Begin, "");
        events.extend(self.zone_events());
        events.into_iter().map(Event::Cluster).collect()
    }

    fn zone_events(&self) -> Vec<ClusterEvent> {
        let seen = |at, zone, state, version: Option<&str>, detail: &str| ClusterEvent {
            at: RunTime(at),
            uncertainty_us: 100 * MS,
            source: Source::Observer,
            fact: ClusterFact::Zone(ZoneStatus {
                zone: ZoneId(zone),
                state,
                version: version.map(str::to_owned),
                cluster_size: version.map(|_| u32::from(self.zones)),
                detail: detail.to_owned(),
            }),
        };
        let mut events = Vec::new();
        for zone in 0..self.zones {
            events.push(seen(20 * MS, zone, ZoneState::Serving, Some(FROM), "Synced"));
        }
        for turn in self.turns() {
            let (down, up) = turn.down(self.end());
            events.push(seen(down + 60 * MS, turn.zone, ZoneState::Down, None, "refused"));
            let old = self.old_version == Some(turn.zone);
            let new = format!("{TO}-MariaDB-log");
            let version = if old { FROM } else { &new };
            if !turn.failed() {
                let at = up + 60 * MS;
                events.push(seen(at, turn.zone, ZoneState::Serving, Some(version), "Synced"));
            }
        }
        events
    }

    fn zone_is_down(&self, turns: &[Turn], zone: u8, at: u64) -> bool {
        let end = self.end();
        turns.iter().any(|turn| {
            let (from, until) = turn.down(end);
            turn.zone == zone && (from..until).contains(&at)
        })
    }

    fn in_outage(&self, at: u64) -> bool {
        self.outages.iter().any(|(from, until)| (*from..*until).contains(&at))
    }

    fn slowness(&self, base: &Attempt) -> u64 {
        let within =
            |(from, until, _): &&(u64, u64, u64)| (*from..*until).contains(&base.scheduled.0);
        let hit = self.slow.iter().find(within).filter(|_| base.sequence.is_multiple_of(3));
        hit.map_or(0, |(_, _, us)| *us)
    }

    pub(super) fn attempts(&self) -> Vec<Attempt> {
        let turns = self.turns();
        let mut dice = Dice(self.seed);
        let mut rows = Vec::new();
        let mut free = vec![0_u64; self.terminals as usize];
        let mut sequence = vec![0_u64; self.terminals as usize];
        let spacing = S / self.rate;
        for arrival in 0..self.load_end() / spacing {
            let terminal = (arrival % u64::from(self.terminals)) as usize;
            let scheduled = arrival * spacing;
            let kind = kind_of(dice.below(100));
            let base = Attempt {
                terminal: terminal as u32,
                sequence: sequence[terminal],
                attempt: 0,
                last: true,
                kind,
                warehouse: terminal as u32 % 10 + 1,
                scheduled: RunTime(scheduled),
                start: RunTime(scheduled.max(free[terminal])),
                end: RunTime::ZERO,
                zone: None,
                outcome: Outcome::Committed,
                code: ErrorCode::NONE,
                statement: None,
            };
            sequence[terminal] += 1;
            free[terminal] = self.business(base, &turns, &mut dice, &mut rows);
        }
        rows.sort_by_key(|row| row.end);
        rows
    }

    /// Plays one business transaction; answers when its terminal is free again.
    fn business(
        &self,
        base: Attempt,
        turns: &[Turn],
        dice: &mut Dice,
        rows: &mut Vec<Attempt>,
    ) -> u64 {
        let due = base.scheduled.0 + self.deadline.as_us();
        let home = (base.terminal % u32::from(self.zones)) as u8;
        let (mut now, mut number) = (base.start.0, 0);
        loop {
            let there = (0..self.zones).map(|n| (home + n) % self.zones);
            let skip = usize::from(number > 0 && self.zone_is_down(turns, home, now));
            let zone = there.clone().nth(skip % usize::from(self.zones)).unwrap();
            let mut row = Attempt { attempt: number, zone: Some(ZoneId(zone)), ..base };
            row.start = RunTime(now);
            let slow = if base.kind == TxnKind::Delivery { 3 } else { 1 };
            let service =
                slow * (3_000 + dice.below(4_000)) + if dice.below(50) == 0 { 15_000 } else { 0 };
            let service = if self.smooth { dice.smooth() } else { service };
            let service = service * (100 + self.slower_percent) / 100 + self.slowness(&base);
            let failure = if self.in_outage(now) || self.in_outage(now + service) {
                let code = ErrorCode { errno: 1047, sqlstate: *b"08S01" };
                Some((ErrorClass::NotReady, code, StatementKind::Begin, 4 * MS))
            } else if self.zone_is_down(turns, zone, now) {
                Some((ErrorClass::Refused, ErrorCode::NONE, StatementKind::Connect, MS))
            } else {
                None
            };
            let Some((class, code, statement, took)) = failure else {
                row.end = RunTime(now + service);
                let rolled_back = base.kind == TxnKind::NewOrder && dice.below(100) == 0;
                row.outcome = if rolled_back { Outcome::RolledBack } else { Outcome::Committed };
                rows.push(row);
                return row.end.0;
            };
            row.end = RunTime(now + took);
            row.outcome = Outcome::Failed(class);
            (row.code, row.statement) = (code, Some(statement));
            now = row.end.0 + 20 * MS;
            row.last = now >= due;
            rows.push(row);
            if row.last {
                return row.end.0;
            }
            number += 1;
        }
    }

    pub(super) fn probes(&self) -> Vec<Probe> {
        let turns = self.turns();
        let mut rows = Vec::new();
        for tick in 0..self.load_end() / (self.probe_ms * MS) {
            for zone in 0..self.zones {
                for (offset, &kind) in ProbeKind::ALL.iter().enumerate() {
                    let start = tick * self.probe_ms * MS + offset as u64 * 10 * MS;
                    let down = self.zone_is_down(&turns, zone, start);
                    let failure = (down && self.deaf_probes != Some(zone))
                        .then_some(ErrorClass::Refused)
                        .or((self.dead_probes == Some(zone)).then_some(ErrorClass::Schema))
                        .or(self.in_outage(start).then_some(ErrorClass::NotReady));
                    rows.push(Probe {
                        zone: ZoneId(zone),
                        kind,
                        start: RunTime(start),
                        end: RunTime(start + 2 * MS),
                        failure,
                        code: ErrorCode::NONE,
                    });
                }
            }
        }
        rows
    }

    pub(super) fn own(&self) -> Vec<SelfSample> {
        let seconds = 1..=self.end() / S;
        seconds
            .map(|second| {
                let at = second * S;
                let stall = self.stall.filter(|(from, _)| (at - S..at).contains(from));
                let stepped = self.clock_step.filter(|(from, ..)| at >= *from);
                let step = stepped.map_or((0, 0), |(_, wall, boot)| (wall, boot));
                let dispatched = if at <= self.load_end() { self.rate } else { 0 };
                SelfSample {
                    at: RunTime(at),
                    stall_us_max: stall.map_or(180 + second % 7, |(_, length)| length),
                    stall_at: RunTime(stall.map_or(at - 300 * MS, |(from, _)| from)),
                    queue_len: second % 5,
                    cpu_us: second * 40 * MS,
                    wall_step_us: step.0 - second as i64,
                    boot_step_us: step.1,
                    dispatched,
                    dispatched_late: self.late.min(dispatched),
                }
            })
            .collect()
    }
}

/// TPC-C's mix: 45 / 43 / 4 / 4 / 4.
fn kind_of(percent: u64) -> TxnKind {
    match percent {
        0..45 => TxnKind::NewOrder,
        45..88 => TxnKind::Payment,
        88..92 => TxnKind::OrderStatus,
        92..96 => TxnKind::Delivery,
        _ => TxnKind::StockLevel,
    }
}

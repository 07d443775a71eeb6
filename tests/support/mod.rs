//! Runs that never were: a small simulation that tells what a cluster, its clients and its
//! observers would have recorded, with faults of known place and length.

#![allow(dead_code, unreachable_pub, reason = "each test and example uses a part of it")]

use std::path::Path;

use rollproof::event::*;
use rollproof::record::*;
use rollproof::scenario::*;

pub const ORIGIN: &str = "2026-01-01T12:00:00Z";
pub const FROM: &str = "10.11.17-MariaDB-log";
pub const TO: &str = "10.11.18";

const S: u64 = 1_000_000;
const MS: u64 = 1_000;

/// Steps of one zone's turn and how long each takes, in ms.
const STEPS: [(&str, u64); 8] = [
    ("stop-zone", 800),
    ("stop-server", 1_500),
    ("install-package", 4_000),
    ("start-server", 2_000),
    ("wait-version", 500),
    ("check-log-sync", 1_000),
    ("start-zone", 700),
    ("check-zone", 500),
];

/// What happens in the run.
#[derive(Clone)]
pub struct Story {
    pub zones: u8,
    pub rate: u64,
    pub terminals: u32,
    pub deadline: Span,
    pub baseline_s: u64,
    pub settle_s: u64,
    pub final_s: u64,
    /// Whether the zones are upgraded.
    pub upgrade: bool,
    /// The whole cluster refuses from the first moment to the second, in µs.
    pub outages: Vec<(u64, u64)>,
    /// `start-server` of this zone fails.
    pub fails_at: Option<u8>,
    /// This zone comes back with its old version.
    pub old_version: Option<u8>,
    /// This zone's probes succeed although its server is stopped.
    pub deaf_probes: Option<u8>,
    /// This zone's probes never succeed, whatever its server does.
    pub dead_probes: Option<u8>,
    /// The tool stood still from this moment for so long, in µs.
    pub stall: Option<(u64, u64)>,
    /// Arrivals dispatched late in every sample.
    pub late: u64,
    /// Remote lines in ten thousand; `None` leaves the counts of the input out.
    pub remote_lines: Option<u64>,
    /// The data checks; `None` leaves them out.
    pub audit: Option<Audit>,
}

/// What the data checks find.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    Clean,
    LostRow,
    Unresolved,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            zones: 3,
            rate: 60,
            terminals: 12,
            deadline: Span::secs(5),
            baseline_s: 30,
            settle_s: 10,
            final_s: 15,
            upgrade: true,
            outages: Vec::new(),
            fails_at: None,
            old_version: None,
            deaf_probes: None,
            dead_probes: None,
            stall: None,
            late: 0,
            remote_lines: Some(100),
            audit: Some(Audit::Clean),
        }
    }
}

/// One zone's turn: when its steps begin and end.
struct Turn {
    zone: u8,
    steps: Vec<(&'static str, u64, u64, Edge)>,
}

impl Turn {
    fn step(&self, name: &str) -> Option<(u64, u64)> {
        self.steps.iter().find(|step| step.0 == name).map(|step| (step.1, step.2))
    }

    /// Within these the zone does not serve.
    fn down(&self, end: u64) -> (u64, u64) {
        let from = self.step("stop-server").map_or(end, |step| step.0 + 200 * MS);
        let until = self.step("start-server").map_or(end, |step| step.1);
        (from, if self.failed() { end } else { until })
    }

    fn failed(&self) -> bool {
        self.steps.iter().any(|step| step.3 == Edge::Failed)
    }
}

/// Small, portable and always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

impl Story {
    const WARM_UP: u64 = 3 * S;
    const DRAIN: u64 = 6 * S;

    fn turns(&self) -> Vec<Turn> {
        let mut at = Self::WARM_UP + self.baseline_s * S;
        let mut turns = Vec::new();
        for zone in (0..self.zones).filter(|_| self.upgrade) {
            let mut steps = Vec::new();
            for (name, ms) in STEPS {
                let fails = self.fails_at == Some(zone) && name == "start-server";
                let edge = if fails { Edge::Failed } else { Edge::End };
                steps.push((name, at, at + ms * MS, edge));
                at += ms * MS + 5 * MS;
                if fails {
                    turns.push(Turn { zone, steps });
                    return turns;
                }
            }
            turns.push(Turn { zone, steps });
        }
        turns
    }

    /// When the load ends, in µs.
    pub fn load_end(&self) -> u64 {
        let upgraded = self.turns().last().and_then(|turn| turn.steps.last().map(|step| step.2));
        let base = upgraded.unwrap_or(Self::WARM_UP + self.baseline_s * S);
        base + (self.settle_s + self.final_s) * S
    }

    /// The run's last moment, in µs.
    pub fn end(&self) -> u64 {
        self.load_end() + Self::DRAIN
    }

    /// Begin and end of a step, in µs.
    pub fn step(&self, zone: u8, step: &str) -> (u64, u64) {
        self.turns().iter().find(|turn| turn.zone == zone).unwrap().step(step).unwrap()
    }

    pub fn scenario(&self) -> Scenario {
        let zones = (1..=self.zones)
            .map(|n| Zone { name: format!("zone{n}"), endpoint: format!("127.0.0.1:330{n}") });
        Scenario {
            cluster: Cluster { zones: zones.collect(), ..Cluster::default() },
            load: Load {
                rate: self.rate as f64,
                terminals: self.terminals,
                deadline: self.deadline,
                ..Load::default()
            },
            ..Scenario::default()
        }
    }

    pub fn manifest(&self) -> Manifest {
        Manifest {
            format: FORMAT,
            tool_version: "0.1.0".to_owned(),
            run_id: "20260101-120000-galera".to_owned(),
            run_number: 7,
            origin_wall: ORIGIN.parse().unwrap(),
            origin_monotonic_us: 0,
            shard: "1/1".to_owned(),
            scenario: self.scenario(),
            sessions: Some(SessionStyle {
                statements: "prepared statements, binary protocol".to_owned(),
                protocol: "MySQL protocol over TCP".to_owned(),
                settings: vec!["SET SESSION autocommit = 1".to_owned()],
            }),
            upgrade: self.upgrade.then(|| UpgradeIntent {
                plan: "galera-rolling".to_owned(),
                target_version: TO.to_owned(),
                zone_steps: STEPS.iter().map(|(name, _)| (*name).to_owned()).collect(),
                resumes: None,
            }),
            completion: None,
        }
    }

    /// Everything that was recorded.
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.cluster();
        events.extend(self.attempts().into_iter().map(Event::Attempt));
        events.extend(self.probes().into_iter().map(Event::Probe));
        events.extend(self.own().into_iter().map(Event::Own));
        events
    }

    /// Writes the record of these events and opens it.
    pub fn write(&self, dir: &Path, events: &[Event]) -> Record {
        let mut writer = RecordWriter::create(dir, self.manifest()).unwrap();
        events.iter().for_each(|event| writer.write(event).unwrap());
        if let Some(remote_lines) = self.remote_lines {
            write_inputs(dir, &self.inputs(remote_lines)).unwrap();
        }
        writer.finish(RunTime(self.end()), None).unwrap();
        if let Some(audit) = self.audit {
            self.audit_record(audit).write(dir).unwrap();
        }
        Record::open(dir).unwrap()
    }

    /// As if every deck had come to its end.
    fn inputs(&self, remote_lines: u64) -> InputCounts {
        let decks = self.load_end() * self.rate / S / 23;
        let lines = decks * 10 * 10;
        InputCounts {
            new_orders: decks * 10,
            payments: decks * 10,
            order_statuses: decks,
            deliveries: decks,
            stock_levels: decks,
            rolled_back: decks / 8,
            lines,
            remote_lines: lines * remote_lines / 10_000,
            remote_payments: decks * 3 / 2,
            payments_by_name: decks * 6,
            order_statuses_by_name: decks * 3 / 5,
        }
    }

    fn cluster(&self) -> Vec<Event> {
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
        turns.iter().any(|turn| {
            let (from, until) = turn.down(self.end());
            turn.zone == zone && (from..until).contains(&at)
        })
    }

    fn in_outage(&self, at: u64) -> bool {
        self.outages.iter().any(|(from, until)| (*from..*until).contains(&at))
    }

    fn attempts(&self) -> Vec<Attempt> {
        let turns = self.turns();
        let mut dice = Dice(1);
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

    fn probes(&self) -> Vec<Probe> {
        let turns = self.turns();
        let mut rows = Vec::new();
        for tick in 0..self.load_end() / (100 * MS) {
            for zone in 0..self.zones {
                for (offset, &kind) in ProbeKind::ALL.iter().enumerate() {
                    let start = tick * 100 * MS + offset as u64 * 10 * MS;
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

    fn own(&self) -> Vec<SelfSample> {
        let seconds = 1..=self.end() / S;
        seconds
            .map(|second| {
                let at = second * S;
                let stall = self.stall.filter(|(from, _)| (at - S..at).contains(from));
                let dispatched = if at <= self.load_end() { self.rate } else { 0 };
                SelfSample {
                    at: RunTime(at),
                    stall_us_max: stall.map_or(180 + second % 7, |(_, length)| length),
                    stall_at: RunTime(stall.map_or(at - 300 * MS, |(from, _)| from)),
                    queue_len: second % 5,
                    cpu_us: second * 40 * MS,
                    wall_step_us: -(second as i64),
                    dispatched,
                    dispatched_late: self.late.min(dispatched),
                }
            })
            .collect()
    }

    fn audit_record(&self, audit: Audit) -> AuditRecord {
        let check = |check: &str, title: &str, detail: &str| CheckResult {
            check: check.to_owned(),
            title: title.to_owned(),
            verdict: DataVerdict::Pass,
            violations: 0,
            detail: detail.to_owned(),
            findings: Vec::new(),
        };
        let zones = (0..self.zones).map(|zone| {
            let mut orders = check("ledger-orders", "every order is there", "3 012 orders");
            if audit == Audit::LostRow {
                orders.verdict = DataVerdict::Fail;
                orders.violations = 2;
                orders.detail = "2 of 3 012 orders are missing".to_owned();
                orders.findings = vec![Finding {
                    kind: FindingKind::Lost,
                    key: "order (w 3, d 7, o 3124)".to_owned(),
                    expected: "one row".to_owned(),
                    found: "none".to_owned(),
                    sql: "SELECT * FROM orders WHERE o_w_id = 3 AND o_d_id = 7 AND o_id = 3124"
                        .to_owned(),
                }];
            }
            let condition = check("condition-1", "w_ytd = sum(d_ytd)", "10 warehouses");
            ZoneAudit { zone: ZoneId(zone), checks: vec![orders, condition] }
        });
        let unresolved = u64::from(audit == Audit::Unresolved);
        AuditRecord {
            made_at: ORIGIN.parse().unwrap(),
            acknowledged: 5_816,
            ambiguous: AmbiguousCount { committed: 2, absent: 1, unresolved },
            zones: zones.collect(),
        }
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

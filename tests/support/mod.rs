//! Runs that never were: a small simulation that tells what a cluster, its clients and its
//! observers would have recorded, with faults of known place and length.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test and example uses a part of it"
)]

mod analysed;
pub mod dice;
mod told;

use std::path::Path;

use rollproof::event::*;
use rollproof::record::*;
use rollproof::scenario::*;

pub use analysed::{analysed, analysed_events, objective, small};

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
    /// From the first moment to the second every third transaction takes this much longer, in µs.
    pub slow: Vec<(u64, u64, u64)>,
    /// Everything takes so many per cent longer.
    pub slower_percent: u64,
    /// Response times have one smooth tail, and not a hump for each kind: no quantile then stands on
    /// the edge between two.
    pub smooth: bool,
    /// Of the dice.
    pub seed: u64,
    /// `start-server` of this zone fails.
    pub fails_at: Option<u8>,
    /// This zone comes back with its old version.
    pub old_version: Option<u8>,
    /// This zone's probes succeed although its server is stopped.
    pub deaf_probes: Option<u8>,
    /// This zone's probes never succeed, whatever its server does.
    pub dead_probes: Option<u8>,
    /// Time between two probes of a kind, in ms.
    pub probe_ms: u64,
    /// The tool stood still from this moment for so long, in µs.
    pub stall: Option<(u64, u64)>,
    /// From this moment on wall and boot clock stand this far off the run's own, in µs.
    pub clock_step: Option<(u64, i64, i64)>,
    /// Arrivals dispatched late in every sample.
    pub late: u64,
    /// Remote lines in ten thousand; `None` leaves the counts of the input out.
    pub remote_lines: Option<u64>,
    /// The `[objectives]` of the scenario, as TOML; the defaults where it says nothing.
    pub objectives: String,
    /// The baseline of another run; the story then has none of its own.
    pub baseline: Option<StoredBaseline>,
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
            slow: Vec::new(),
            slower_percent: 0,
            smooth: false,
            seed: 1,
            fails_at: None,
            old_version: None,
            deaf_probes: None,
            dead_probes: None,
            probe_ms: 100,
            stall: None,
            clock_step: None,
            late: 0,
            remote_lines: Some(100),
            objectives: String::new(),
            baseline: None,
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
    /// 3 ms of work and a tail of waiting, in µs.
    fn smooth(&mut self) -> u64 {
        let share = (self.below(1 << 24) + 1) as f64 / f64::from(1 << 24);
        3_000 + (share.ln() * -4_000.0) as u64
    }

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
                rate: Rate::PerSecond(self.rate as f64),
                terminals: self.terminals,
                deadline: self.deadline,
                ..Load::default()
            },
            objectives: toml::from_str(&self.objectives).unwrap(),
            ..Scenario::default()
        }
    }

    pub fn manifest(&self) -> Manifest {
        Manifest {
            work: Work::Run,
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
            capacity: None,
            baseline: self.baseline.clone(),
            upgrade: self.upgrade.then(|| UpgradeIntent {
                plan: "galera-rolling".to_owned(),
                target_version: TO.to_owned(),
                zone_steps: STEPS.iter().map(|(name, _)| (*name).to_owned()).collect(),
                resumes: None,
            }),
            outside: None,
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

    /// Everything but attempts and probes.
    pub fn rest(&self) -> Vec<Event> {
        let mut events = self.cluster();
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

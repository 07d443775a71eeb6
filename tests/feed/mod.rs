//! A run's events as its board is fed them, for the tests of what is shown.
#![allow(dead_code, unreachable_pub, reason = "every test uses its own part of this")]

use rollproof::event::*;
use rollproof::live::{Board, Subject, View};
use rollproof::phase::{step, stretch};
use rollproof::scenario::{Load, Rate, Scenario, Zone};

pub const SECOND: u64 = 1_000_000;

/// A run of three zones, as its board is fed.
pub struct Feed {
    pub board: Board,
    sequence: u64,
}

impl Feed {
    pub fn new() -> Self {
        Self::of(&scenario(), false)
    }

    pub fn of(scenario: &Scenario, loads: bool) -> Self {
        let doing = "upgrade to 10.11.19".to_owned();
        let subject = Subject::of(scenario, loads, "2026-01-31T14-05-09Z", doing);
        Self { board: Board::new(subject), sequence: 0 }
    }

    pub fn stretch(&self, at_s: u64, name: &str) {
        self.step(at_s, Source::Timetable, name, None, Edge::Begin);
    }

    pub fn runner(&self, at_s: u64, name: &str, zone: u8, edge: Edge) {
        self.step(at_s, Source::Runner, name, Some(ZoneId(zone)), edge);
    }

    pub fn step(&self, at_s: u64, source: Source, name: &str, zone: Option<ZoneId>, edge: Edge) {
        let detail = if edge == Edge::Failed { "no answer within 30 s" } else { "" };
        let (step, detail) = (name.to_owned(), detail.to_owned());
        self.fact(at_s, source, ClusterFact::Step { step, zone, edge, detail });
    }

    pub fn zone(&self, at_s: u64, zone: u8, state: ZoneState, version: Option<&str>) {
        let detail = match state {
            ZoneState::Serving => "Synced",
            _ => "cannot connect: connection refused",
        };
        let status = ZoneStatus {
            zone: ZoneId(zone),
            state,
            version: version.map(str::to_owned),
            cluster_size: None,
            detail: detail.to_owned(),
        };
        self.fact(at_s, Source::Observer, ClusterFact::Zone(status));
    }

    pub fn fact(&self, at_s: u64, source: Source, fact: ClusterFact) {
        self.fact_at(at_s * SECOND, source, fact);
    }

    pub fn fact_at(&self, at_us: u64, source: Source, fact: ClusterFact) {
        let at = RunTime(at_us);
        self.board.observe(&Event::Cluster(ClusterEvent { at, uncertainty_us: 0, source, fact }));
    }

    /// Sixty payments a second that take some ms each, from one second to another.
    pub fn calm(&mut self, from_s: u64, until_s: u64) {
        for n in from_s * 60..until_s * 60 {
            let due = n * SECOND / 60;
            let took = 2_000 + n % 7 * 500 + if n % 90 == 0 { 20_000 } else { 0 };
            self.attempt(due, due + took, Outcome::Committed, true);
        }
    }

    /// Payments that fail at once, are repeated, and fail for good a second after they were due.
    pub fn failing(&mut self, from_s: u64, until_s: u64, class: ErrorClass) {
        for n in from_s * 60..until_s * 60 {
            let due = n * SECOND / 60;
            self.attempt(due, due + 4_000, Outcome::Failed(class), false);
            self.attempt(due, due + SECOND, Outcome::Failed(class), true);
        }
    }

    pub fn attempt(&mut self, due: u64, done: u64, outcome: Outcome, last: bool) {
        self.board.observe(&Event::Attempt(Attempt {
            terminal: (self.sequence % 20) as u32,
            sequence: self.sequence,
            attempt: 0,
            last,
            kind: TxnKind::Payment,
            warehouse: 1,
            scheduled: RunTime(due),
            start: RunTime(due),
            end: RunTime(done),
            zone: Some(ZoneId(0)),
            outcome,
            code: ErrorCode::NONE,
            statement: None,
        }));
        self.sequence += u64::from(last);
    }

    pub fn probe(&self, at_s: u64, zone: u8, failure: Option<ErrorClass>) {
        let start = RunTime(at_s * SECOND);
        let (zone, kind, code) = (ZoneId(zone), ProbeKind::NewWrite, ErrorCode::NONE);
        let end = start.plus_us(500);
        self.board.observe(&Event::Probe(Probe { zone, kind, start, end, failure, code }));
    }

    pub fn at(&self, at_ms: u64) -> View {
        self.board.look_at(RunTime(at_ms * 1000))
    }
}

pub fn scenario() -> Scenario {
    let zone = |n: u16| Zone { name: format!("zone{n}"), endpoint: format!("127.0.0.1:{n}") };
    let mut scenario = Scenario::default();
    scenario.cluster.zones = (1..=3).map(zone).collect();
    scenario.load = Load { rate: Rate::PerSecond(60.0), ..Load::default() };
    scenario
}

/// Warm-up, a baseline, and the first steps at zone 1: nobody feels anything.
pub fn calm() -> Feed {
    let mut feed = Feed::new();
    feed.stretch(0, stretch::WARM_UP);
    for zone in 0..3 {
        feed.zone(0, zone, ZoneState::Serving, Some("10.11.18-MariaDB-deb12"));
        feed.probe(1, zone, None);
    }
    feed.calm(0, 5);
    feed.stretch(5, stretch::BASELINE);
    feed.calm(5, 35);
    feed.step(35, Source::Runner, "upgrade-pre", None, Edge::Begin);
    feed.calm(35, 37);
    feed
}

/// Zone 1 is done, zone 2 is down, and what was under way there had to be repeated.
pub fn mid_upgrade() -> Feed {
    let mut feed = calm();
    feed.calm(37, 60);
    feed.runner(40, step::STOP_SERVER, 0, Edge::Begin);
    feed.zone(41, 0, ZoneState::Down, None);
    feed.runner(50, step::START_SERVER, 0, Edge::Begin);
    feed.zone(58, 0, ZoneState::Serving, Some("10.11.19-MariaDB-deb12"));
    feed.runner(60, step::STOP_SERVER, 1, Edge::Begin);
    feed.attempt(60_000_000, 60_010_000, Outcome::Failed(ErrorClass::ConnectionLost), false);
    feed.probe(60, 1, Some(ErrorClass::Refused));
    feed.zone(61, 1, ZoneState::Down, None);
    feed.calm(60, 64);
    feed
}

/// No write has been done for a while, and clients have given up.
pub fn outage() -> Feed {
    let mut feed = mid_upgrade();
    feed.failing(64, 66, ErrorClass::Deadline);
    feed
}

pub fn finished() -> Feed {
    let mut feed = outage();
    feed.calm(67, 90);
    feed.probe(72, 1, None);
    feed.runner(70, step::STOP_SERVER, 1, Edge::End);
    feed.zone(72, 1, ZoneState::Serving, Some("10.11.19-MariaDB-deb12"));
    feed.runner(73, step::START_ZONE, 2, Edge::Begin);
    feed.runner(74, step::START_ZONE, 2, Edge::Failed);
    feed.stretch(80, stretch::SETTLE);
    feed.stretch(90, stretch::DRAIN);
    feed.board.over(RunTime(91 * SECOND));
    feed
}

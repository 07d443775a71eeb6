//! Counts of the last second, and the plain line they are printed as.

use std::fmt;
use std::sync::{Arc, Mutex};

use hdrhistogram::Histogram;

use crate::event::{Attempt, ClusterFact, Edge, Event, RunTime, ZoneState, ZoneStatus};
use crate::phase::PhaseName;

/// An hour: far beyond any deadline, so that nothing good is ever clipped.
const RESPONSE_US_MAX: u64 = 3_600_000_000;

/// Shared between the collector, which feeds it, and whatever shows it.
#[derive(Clone)]
pub struct Live(Arc<Mutex<State>>);

struct State {
    zones: Vec<Option<ZoneStatus>>,
    names: Arc<[String]>,
    deadline_us: u64,
    phase: Option<PhaseName>,
    good: u64,
    bad: u64,
    retried: u64,
    response: Histogram<u64>,
}

/// What happened since the last look.
#[derive(Debug, Clone)]
pub struct Second {
    names: Arc<[String]>,
    /// Run time of the look.
    pub at: RunTime,
    /// The step or stretch in progress.
    pub phase: Option<PhaseName>,
    /// Business transactions done within their deadline.
    pub good: u64,
    /// Business transactions that were not.
    pub bad: u64,
    /// Attempts that failed and were repeated.
    pub retried: u64,
    /// Median response time of the good ones, in µs; `None` without any.
    pub p50_us: Option<u64>,
    /// 99th percentile of the same.
    pub p99_us: Option<u64>,
    /// Latest status of every zone, by zone; `None` before the first look.
    pub zones: Vec<Option<ZoneStatus>>,
}

impl Live {
    /// A view with nothing in it yet. `deadline_us` is the business transactions' deadline.
    pub fn new(zone_names: Vec<String>, deadline_us: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            zones: vec![None; zone_names.len()],
            names: zone_names.into(),
            deadline_us,
            phase: None,
            good: 0,
            bad: 0,
            retried: 0,
            response: Histogram::new_with_bounds(1, RESPONSE_US_MAX, 2)
                .expect("the bounds are valid"),
        })))
    }

    /// Takes notice of an event.
    pub fn observe(&self, event: &Event) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            Event::Attempt(attempt) => state.count(attempt),
            Event::Cluster(event) => match &event.fact {
                ClusterFact::Zone(status) => {
                    if let Some(slot) = state.zones.get_mut(status.zone.index()) {
                        *slot = Some(status.clone());
                    }
                }
                ClusterFact::Step { step, zone, edge: Edge::Begin, .. } => {
                    state.phase = Some(PhaseName { zone: *zone, step: step.clone() });
                }
                ClusterFact::Step { .. } => {}
            },
            Event::Probe(_) | Event::Ledger(_) | Event::Own(_) => {}
        }
    }

    /// What happened since the last call, which it forgets.
    pub fn second(&self, at: RunTime) -> Second {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let quantile = |response: &Histogram<u64>, q: f64| {
            (!response.is_empty()).then(|| response.value_at_quantile(q))
        };
        let second = Second {
            names: Arc::clone(&state.names),
            at,
            phase: state.phase.clone(),
            good: state.good,
            bad: state.bad,
            retried: state.retried,
            p50_us: quantile(&state.response, 0.5),
            p99_us: quantile(&state.response, 0.99),
            zones: state.zones.clone(),
        };
        (state.good, state.bad, state.retried) = (0, 0, 0);
        state.response.reset();
        second
    }
}

impl State {
    fn count(&mut self, attempt: &Attempt) {
        let response_us = attempt.end.since_us(attempt.scheduled);
        if !attempt.last {
            self.retried += 1;
        } else if attempt.outcome.is_success() && response_us <= self.deadline_us {
            self.good += 1;
            self.response.saturating_record(response_us);
        } else {
            self.bad += 1;
        }
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = self.phase.as_ref().map(|phase| phase.label(&self.names).to_string());
        let ms = |us: Option<u64>| us.map_or("-".to_owned(), |us| (us.div_ceil(1000)).to_string());
        write!(f, "{:>5.0}s {:<26}", self.at.as_secs_f64(), phase.unwrap_or_default())?;
        write!(f, " {:>5}/s p50 {:>4} ms", self.good, ms(self.p50_us))?;
        write!(f, " p99 {:>4} ms bad {:>3}", ms(self.p99_us), self.bad)?;
        write!(f, " retried {:>3} |", self.retried)?;
        for (name, status) in self.names.iter().zip(&self.zones) {
            let Some(status) = status else {
                write!(f, " {name} ?")?;
                continue;
            };
            match (status.state, &status.version) {
                (ZoneState::Serving, Some(version)) => {
                    write!(f, " {name} {}", numbers_of(version))?;
                }
                (state, _) => write!(f, " {name} {state}")?,
            }
        }
        Ok(())
    }
}

/// The part of a version that people compare; the packager's part follows it.
fn numbers_of(version: &str) -> &str {
    version.split(['-', '_', '+']).next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::*;

    #[test]
    fn a_second_counts_what_came_since_the_last_one() {
        let live = Live::new(vec!["zone1".to_owned()], 5_000_000);
        let attempt = |last, outcome, end| {
            Event::Attempt(Attempt {
                terminal: 0,
                sequence: 0,
                attempt: 0,
                last,
                kind: TxnKind::Payment,
                warehouse: 1,
                scheduled: RunTime(0),
                start: RunTime(0),
                end: RunTime(end),
                zone: None,
                outcome,
                code: ErrorCode::NONE,
                statement: None,
            })
        };
        live.observe(&attempt(false, Outcome::Failed(ErrorClass::Refused), 1));
        live.observe(&attempt(true, Outcome::Committed, 3000));
        live.observe(&attempt(true, Outcome::Committed, 6_000_000));
        let second = live.second(RunTime(1_000_000));
        assert_eq!((second.good, second.bad, second.retried), (1, 1, 1));
        assert_eq!(second.p50_us.map(|us| us / 1000), Some(3));
        assert!(second.to_string().contains("zone1 ?"), "{second}");
        assert_eq!(live.second(RunTime(2_000_000)).good, 0);
    }
}

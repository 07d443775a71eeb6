//! Time to first success: how soon the load got what it asked for after a zone began to stop.

use crate::event::{Attempt, RunTime, ZoneId};
use crate::phase::step;

use super::business::{Business, TerminalKey};
use super::course::Course;
use super::latency::Latency;
use super::per_terminal::PerTerminal;

/// How soon anything succeeded after a zone, or its server, began to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstSuccess {
    /// The zone.
    pub zone: Option<ZoneId>,
    /// The step, `stop-zone` or `stop-server`.
    pub step: String,
    /// When it began.
    pub at: RunTime,
    /// Until the first good completion by an attempt started after that, in µs.
    pub after_us: Option<u64>,
    /// The same for each terminal that was on that zone, which is where its last attempt before
    /// had gone. One that tried and never succeeded again counts as such.
    pub terminals: Latency,
}

/// Follows every terminal from stop to stop.
#[derive(Debug)]
pub(super) struct FirstLog {
    marks: Vec<FirstSuccess>,
    /// One stretch before each stop and one behind the last; none where nothing was done.
    terminals: PerTerminal<Vec<Stretch>>,
}

/// What a terminal did between two stops.
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    /// Anything was attempted.
    tried: bool,
    /// Start of its last attempt, and where it went.
    last: Option<(RunTime, ZoneId)>,
    /// First completion of a good transaction whose last attempt was started here.
    first_good: Option<RunTime>,
}

impl FirstLog {
    pub(super) fn new(course: &Course) -> Self {
        let is_stop = |name: &str| name == step::STOP_ZONE || name == step::STOP_SERVER;
        let stops = course.steps.iter().filter(|run| is_stop(&run.step));
        let marks = stops.map(|run| FirstSuccess {
            zone: run.zone,
            step: run.step.clone(),
            at: run.begin,
            after_us: None,
            terminals: Latency::default(),
        });
        Self { marks: marks.collect(), terminals: PerTerminal::default() }
    }

    pub(super) fn attempt(&mut self, terminal: TerminalKey, attempt: &Attempt) {
        if let Some(stretch) = self.stretch(terminal, attempt.start) {
            stretch.tried = true;
            let went = attempt.zone.map(|zone| (attempt.start, zone));
            stretch.last = stretch.last.max(went);
        }
    }

    pub(super) fn succeeded(&mut self, terminal: TerminalKey, whole: &Business) {
        // What was under way at the stop and succeeded by an attempt begun after it was served.
        if let Some(stretch) = self.stretch(terminal, whole.last_start) {
            let first = stretch.first_good.map_or(whole.end, |first| first.min(whole.end));
            stretch.first_good = Some(first);
        }
    }

    /// Number `n` lies before the stop of that number and behind the one before it.
    fn stretch(&mut self, terminal: TerminalKey, at: RunTime) -> Option<&mut Stretch> {
        let stops = self.marks.len();
        if stops == 0 {
            return None;
        }
        let before = self.marks.partition_point(|mark| mark.at <= at);
        let stretches = self.terminals.of(terminal);
        stretches.resize(stops + 1, Stretch::default());
        stretches.get_mut(before)
    }

    pub(super) fn finish(self) -> Vec<FirstSuccess> {
        let Self { mut marks, terminals } = self;
        for (_, stretches) in terminals.into_values().filter(|(_, own)| !own.is_empty()) {
            for (number, mark) in marks.iter_mut().enumerate() {
                let (before, after) = stretches.split_at(number + 1);
                let first = after.iter().filter_map(|stretch| stretch.first_good).min();
                let after_us = first.map(|end| end.since_us(mark.at));
                mark.after_us = match (mark.after_us, after_us) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                let was_on = before.iter().rev().find_map(|stretch| stretch.last);
                if mark.zone.is_some() && was_on.map(|(_, zone)| zone) == mark.zone {
                    match after_us {
                        Some(us) => mark.terminals.record(us),
                        None if after.iter().any(|stretch| stretch.tried) => {
                            mark.terminals.record_never();
                        }
                        None => {}
                    }
                }
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::course::{StepOutcome, StepRun};
    use crate::analysis::latency::Quantile;
    use crate::event::{ErrorCode, Outcome, Source, TxnKind};

    fn attempt(start: u64, zone: u8) -> Attempt {
        Attempt {
            terminal: 0,
            sequence: 0,
            attempt: 0,
            last: true,
            kind: TxnKind::Payment,
            warehouse: 1,
            scheduled: RunTime(start),
            start: RunTime(start),
            end: RunTime(start + 5),
            zone: Some(ZoneId(zone)),
            outcome: Outcome::Committed,
            code: ErrorCode::NONE,
            statement: None,
        }
    }

    fn good(start: u64) -> Business {
        let Attempt { kind, warehouse, scheduled, start, end, outcome, .. } = attempt(start, 0);
        Business { kind, warehouse, scheduled, start, last_start: start, end, outcome, attempts: 1 }
    }

    #[test]
    fn a_terminal_is_where_it_went_last_and_is_followed_to_its_next_success() {
        let stop = StepRun {
            zone: Some(ZoneId(1)),
            step: step::STOP_SERVER.to_owned(),
            source: Source::Runner,
            begin: RunTime(100),
            end: RunTime(200),
            outcome: StepOutcome::Done,
            detail: String::new(),
        };
        let mut log = FirstLog::new(&Course { steps: vec![stop], ..Course::default() });
        // Terminal 0 went to zone 1 last, 1 to zone 0, 2 to zone 1 and never succeeded again, 3 to
        // zone 1 and had nothing to do any more.
        let went = [(0, 90, 1), (0, 20, 0), (1, 95, 0), (1, 30, 1), (2, 99, 1), (2, 120, 0)];
        for (terminal, start, zone) in went.into_iter().chain([(3, 99, 1)]) {
            log.attempt((0, terminal), &attempt(start, zone));
        }
        // What began before the stop says nothing about what came after it.
        for (terminal, start) in [(0, 300), (0, 170), (1, 110), (2, 99)] {
            log.succeeded((0, terminal), &good(start));
        }
        let found = log.finish().remove(0);
        assert_eq!(found.after_us, Some(15), "terminal 1 at 115");
        assert_eq!((found.terminals.len(), found.terminals.never()), (2, 1));
        assert_eq!(found.terminals.quantile(0.5), Quantile::Us(75), "terminal 0 at 175");
    }

    #[test]
    fn what_was_under_way_at_the_stop_and_succeeded_by_a_retry_was_served() {
        let stop = StepRun {
            zone: Some(ZoneId(1)),
            step: step::STOP_SERVER.to_owned(),
            source: Source::Runner,
            begin: RunTime(100),
            end: RunTime(200),
            outcome: StepOutcome::Done,
            detail: String::new(),
        };
        let mut log = FirstLog::new(&Course { steps: vec![stop], ..Course::default() });
        log.attempt((0, 0), &attempt(99, 1));
        log.attempt((0, 0), &attempt(140, 0));
        log.succeeded(
            (0, 0),
            &Business { last_start: RunTime(140), end: RunTime(145), ..good(99) },
        );
        let found = log.finish().remove(0);
        assert_eq!(found.after_us, Some(45));
        assert_eq!((found.terminals.len(), found.terminals.never()), (1, 0));
    }
}

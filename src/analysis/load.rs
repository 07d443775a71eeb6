//! How the initial load went, where that is what was recorded.

use crate::event::{ClusterEvent, ClusterFact, Edge, RunTime, Source};
use crate::phase::stretch;

use super::course::{Course, StepOutcome};

/// The initial load as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadCourse {
    /// Done: every row is written, counted and checked. Open: the record ends before the load did.
    pub outcome: StepOutcome,
    /// What it did, or why it is not complete.
    pub detail: String,
    /// When the last chunk was written or given up; the origin where none was.
    pub last_write: RunTime,
    /// Share of the upgrade during which chunks were written, from 0 to 1; `None` without one.
    pub upgrade_share: Option<f64>,
}

impl LoadCourse {
    /// Finds how the load ended; its last word counts.
    pub(super) fn new(events: &[ClusterEvent], course: &Course, last_write: RunTime) -> Self {
        let mut ends = events.iter().filter_map(|event| match &event.fact {
            ClusterFact::Step { step, zone: None, edge, detail }
                if event.source == Source::Timetable && step == stretch::LOAD =>
            {
                match edge {
                    Edge::Begin => None,
                    Edge::End => Some((StepOutcome::Done, detail.clone())),
                    Edge::Failed => Some((StepOutcome::Failed, detail.clone())),
                }
            }
            _ => None,
        });
        let (outcome, detail) = ends.next_back().unwrap_or((StepOutcome::Open, String::new()));
        let share = |(begin, end): (RunTime, RunTime)| {
            let whole = end.since_us(begin);
            let under_load = last_write.clamp(begin, end).since_us(begin);
            (whole > 0).then(|| under_load as f64 / whole as f64)
        };
        Self { outcome, detail, last_write, upgrade_share: course.window.and_then(share) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_upgrade_under_load_is_what_the_last_chunk_leaves_of_it() {
        let event = |at, edge, detail: &str| ClusterEvent {
            at: RunTime(at),
            uncertainty_us: 0,
            source: Source::Timetable,
            fact: ClusterFact::Step {
                step: stretch::LOAD.to_owned(),
                zone: None,
                edge,
                detail: detail.to_owned(),
            },
        };
        let events = [event(0, Edge::Begin, ""), event(90, Edge::End, "5 rows")];
        let course = Course { window: Some((RunTime(20), RunTime(120))), ..Course::default() };
        for (last_write, share) in [(10, 0.0), (70, 0.5), (120, 1.0), (500, 1.0)] {
            let load = LoadCourse::new(&events, &course, RunTime(last_write));
            assert_eq!(load.upgrade_share, Some(share));
            assert_eq!((load.outcome, load.detail.as_str()), (StepOutcome::Done, "5 rows"));
        }
        let cut = LoadCourse::new(&events[..1], &Course::default(), RunTime(70));
        assert_eq!((cut.outcome, cut.upgrade_share), (StepOutcome::Open, None));
    }
}

//! Who is believed about the steps of an upgrade: the runner, else markers, else what observers
//! saw of each zone. Pure.

use crate::event::{ClusterEvent, ClusterFact, Edge, RunTime, Source, ZoneId, ZoneState};

use super::{step, stretch};

/// The events with the steps of the best source alone. Where neither runner nor marker tells of
/// any, the steps are those that can be read off the zones' changes. Stretches of the timetable, a
/// wrapped command as a whole and everything that was seen of the zones stay as they are.
pub fn with_best_steps(mut events: Vec<ClusterEvent>) -> Vec<ClusterEvent> {
    match events.iter().filter_map(told_by).min() {
        Some(best) => {
            events.retain(|event| told_by(event).is_none_or(|source| source == best));
        }
        None => {
            let seen = seen_steps(&events);
            events.extend(seen);
        }
    }
    events
}

/// Who tells of a step in this event; `None` where it is about none.
fn told_by(event: &ClusterEvent) -> Option<Source> {
    match &event.fact {
        ClusterFact::Step { step, .. } if step != step::COMMAND => {
            Some(event.source).filter(|source| *source != Source::Timetable)
        }
        _ => None,
    }
}

/// The stretch in which somebody else may be upgrading. A zone that is slow to answer before or
/// after it cuts neither the baseline nor the end.
fn watched(events: &[ClusterEvent]) -> Option<(RunTime, RunTime)> {
    let begin = |names: &'static [&'static str]| {
        let begins = events.iter().filter(move |event| {
            matches!(&event.fact, ClusterFact::Step { step, edge: Edge::Begin, .. }
                if names.contains(&step.as_str()))
        });
        begins.map(|event| event.at).min()
    };
    let from = begin(&[stretch::WATCH, stretch::LOAD, step::COMMAND])?;
    let until = begin(&[stretch::SETTLE, stretch::FINAL, stretch::DRAIN]);
    Some((from, until.unwrap_or(RunTime(u64::MAX))))
}

fn seen_steps(events: &[ClusterEvent]) -> Vec<ClusterEvent> {
    let Some((from, until)) = watched(events) else { return Vec::new() };
    let mut changes: Vec<&ClusterEvent> =
        events.iter().filter(|event| matches!(event.fact, ClusterFact::Zone(_))).collect();
    changes.sort_by_key(|event| event.at);
    let mut turns = vec![Turn::default(); usize::from(u8::MAX) + 1];
    let mut steps = Vec::new();
    for event in changes {
        let ClusterFact::Zone(status) = &event.fact else { continue };
        let names = turns[status.zone.index()].goes_on(status.state);
        if (from..until).contains(&event.at) {
            let detail = format!("seen {}: {}", status.state, status.detail);
            for name in names {
                steps.push(begins(event, status.zone, name, &detail));
            }
            // Nobody waits for a zone's return any longer: it is over as soon as it is seen.
            if names.last() == Some(&step::START_ZONE) {
                steps.push(ends(event, status.zone, step::START_ZONE));
            }
        }
    }
    steps
}

fn begins(seen: &ClusterEvent, zone: ZoneId, step: &str, detail: &str) -> ClusterEvent {
    let (step, detail) = (step.to_owned(), detail.to_owned());
    let fact = ClusterFact::Step { step, zone: Some(zone), edge: Edge::Begin, detail };
    ClusterEvent { source: Source::Observer, fact, ..*seen }
}

fn ends(seen: &ClusterEvent, zone: ZoneId, step: &str) -> ClusterEvent {
    let (step, detail) = (step.to_owned(), String::new());
    let fact = ClusterFact::Step { step, zone: Some(zone), edge: Edge::End, detail };
    ClusterEvent { source: Source::Observer, fact, ..*seen }
}

/// A zone on its way through an upgrade, as far as it can be seen from outside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    was: Option<ZoneState>,
    /// It was taken out of service or stopped, and is not back yet.
    away: bool,
}

impl Turn {
    /// The zone is seen in another state: the steps that begin. A zone that joins or donates
    /// without having been away takes no step: it helps another one.
    pub fn goes_on(&mut self, now: ZoneState) -> &'static [&'static str] {
        use ZoneState::{Down, NotReady, Serving, Stopped};
        let was = self.was.replace(now);
        let (away, steps): (bool, &[&str]) = match (was, now, self.away) {
            (Some(Serving | NotReady), Stopped, false) => (true, &[step::STOP_ZONE]),
            (Some(Serving | NotReady | Stopped), Down, _) => (true, &[step::STOP_SERVER]),
            (Some(Down), NotReady, true) => (true, &[step::START_SERVER, step::LOG_IN_SYNC]),
            (Some(Down), Stopped, true) => (true, &[step::START_SERVER]),
            (Some(Down), Serving, true) => (false, &[step::START_SERVER, step::START_ZONE]),
            (Some(NotReady | Stopped), Serving, true) => (false, &[step::START_ZONE]),
            (_, _, away) => (away, &[]),
        };
        self.away = away;
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ZoneStatus;
    use crate::phase::PhaseTimeline;

    fn told(at: u64, source: Source, step: &str, zone: Option<u8>, edge: Edge) -> ClusterEvent {
        let (step, zone, detail) = (step.to_owned(), zone.map(ZoneId), String::new());
        let fact = ClusterFact::Step { step, zone, edge, detail };
        ClusterEvent { at: RunTime(at), uncertainty_us: 0, source, fact }
    }

    fn stretch_at(at: u64, name: &str) -> ClusterEvent {
        told(at, Source::Timetable, name, None, Edge::Begin)
    }

    fn seen(at: u64, zone: u8, state: ZoneState) -> ClusterEvent {
        let status = ZoneStatus {
            zone: ZoneId(zone),
            state,
            version: None,
            cluster_size: None,
            detail: "as set".to_owned(),
        };
        let fact = ClusterFact::Zone(status);
        ClusterEvent { at: RunTime(at), uncertainty_us: 3, source: Source::Observer, fact }
    }

    /// Label and start of every phase.
    fn phases(events: Vec<ClusterEvent>) -> Vec<(String, u64, u64)> {
        let names = ["a".to_owned(), "b".to_owned()];
        let timeline = PhaseTimeline::from_events(&with_best_steps(events), RunTime(1000));
        let row = |phase: &crate::phase::Phase| {
            (phase.name.label(&names).to_string(), phase.start.0, phase.uncertainty_us)
        };
        timeline.phases().iter().map(row).collect()
    }

    fn named(phases: &[(String, u64, u64)]) -> Vec<(&str, u64, u64)> {
        phases.iter().map(|(label, at, uncertainty)| (label.as_str(), *at, *uncertainty)).collect()
    }

    fn a_watched_turn() -> Vec<ClusterEvent> {
        use ZoneState::*;
        vec![
            stretch_at(0, "warm-up"),
            seen(1, 0, Serving),
            seen(1, 1, Serving),
            stretch_at(100, "baseline"),
            seen(110, 1, Down),
            seen(120, 1, Serving),
            stretch_at(200, "watch"),
            seen(210, 0, Stopped),
            seen(220, 0, Down),
            seen(225, 1, NotReady),
            seen(230, 0, NotReady),
            seen(235, 1, Serving),
            seen(240, 0, Stopped),
            seen(250, 0, Serving),
            seen(300, 1, Down),
            seen(310, 1, Serving),
            stretch_at(400, "settle"),
            seen(410, 1, Down),
        ]
    }

    #[test]
    fn steps_are_read_off_the_zones_where_nobody_tells_them() {
        assert_eq!(
            named(&phases(a_watched_turn())),
            [
                ("warm-up", 0, 0),
                ("baseline", 100, 0),
                ("watch", 200, 0),
                ("a/stop-zone", 210, 3),
                ("a/stop-server", 220, 3),
                ("a/log-in-sync", 230, 3),
                ("a/start-zone", 250, 3),
                ("b/stop-server", 300, 3),
                ("b/start-zone", 310, 3),
                ("settle", 400, 0),
            ]
        );
    }

    #[test]
    fn a_better_source_silences_the_others() {
        let marker = told(215, Source::Marker, "stop-zone", Some(0), Edge::Begin);
        let command = told(205, Source::Runner, step::COMMAND, None, Edge::Begin);
        let mut events = a_watched_turn();
        events.push(command);
        assert_eq!(phases(events.clone()).len(), 11, "a wrapped command is none of the sources");
        events.push(marker);
        let marked = phases(events.clone());
        assert_eq!(
            named(&marked)[3..],
            [("upgrade-command", 205, 0), ("a/stop-zone", 215, 0), ("settle", 400, 0)]
        );
        events.push(told(212, Source::Runner, "stop-server", Some(1), Edge::Begin));
        let run = phases(events);
        assert_eq!(named(&run)[4..], [("b/stop-server", 212, 0), ("settle", 400, 0)]);
    }

    #[test]
    fn a_zone_that_was_down_from_the_start_takes_no_step_by_coming_up() {
        let events = vec![
            seen(1, 0, ZoneState::Down),
            stretch_at(2, "watch"),
            seen(10, 0, ZoneState::NotReady),
            seen(20, 0, ZoneState::Serving),
        ];
        assert_eq!(named(&phases(events)), [("warm-up", 0, 0), ("watch", 2, 0)]);
    }
}

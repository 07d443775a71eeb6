//! Positive controls: what must have hurt did hurt, and what must have changed did change.

use crate::event::{RunTime, Source, ZoneId, ZoneState, version_is};
use crate::phase::step;
use crate::record::{OutsideUpgrade, UpgradeIntent};
use crate::spelling::spelled;

use super::course::{Course, StepOutcome, StepRun};
use super::figures::RunFacts;
use super::probes::ProbeLog;
use super::words;

spelled! {
    /// What a control looks at.
    pub enum ControlKind {
        /// Before a zone is stopped, direct probes of it must succeed: only then does their failing
        /// later say anything.
        ServerUp = "server-up",
        /// While a zone's server is stopped, direct probes of it must fail.
        ServerDown = "server-down",
        /// After its turn a zone must report the target version.
        Version = "version",
    }
}

spelled! {
    /// How a control came out.
    pub enum ControlOutcome {
        /// As it must be.
        Held = "held",
        /// Not so: the run measured an upgrade that did not happen.
        Broken = "broken",
        /// Nobody looked.
        Unseen = "unseen",
    }
}

/// One control at one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The zone.
    pub zone: ZoneId,
    /// What it looks at.
    pub kind: ControlKind,
    /// How it came out.
    pub outcome: ControlOutcome,
    /// What was seen, in one line.
    pub detail: String,
}

/// Makes every control that the upgrade's steps call for, and those that an upgrade by somebody
/// else calls for.
pub(super) fn controls(course: &Course, probes: &ProbeLog, run: &RunFacts) -> Vec<Control> {
    let zones = (0..u8::try_from(course.zones.len()).unwrap_or(u8::MAX)).map(ZoneId);
    zones.flat_map(|zone| of_zone(course, probes, run, zone)).collect()
}

fn of_zone(course: &Course, probes: &ProbeLog, run: &RunFacts, zone: ZoneId) -> Vec<Control> {
    let mut controls = Vec::new();
    controls.extend(server_up(course, probes, zone));
    controls.extend(server_down(course, probes, zone, run.end));
    controls.extend(run.upgrade.as_ref().and_then(|intent| version(course, intent, zone)));
    // Marks are only words: who made them without a command to be wrapped must have done it too.
    let by_others = run.outside.is_some() || is_marked(course, zone);
    let down = by_others.then(|| seen_down(course, probes, zone)).flatten();
    let version = run.outside.as_ref().and_then(|outside| seen_version(course, outside, zone));
    controls.extend([down, version].into_iter().flatten().map(|mut control| {
        // What was cut short may not have got to this zone.
        if let (Some(why), ControlOutcome::Broken) = (&run.ended_early, control.outcome) {
            control.outcome = ControlOutcome::Unseen;
            control.detail = format!("{} when the run ended early ({why})", control.detail);
        }
        control
    }));
    controls
}

/// Whether somebody marked that the zone was taken away.
fn is_marked(course: &Course, zone: ZoneId) -> bool {
    let taken = [step::STOP_ZONE, step::STOP_SERVER].into_iter();
    taken.flat_map(|name| course.steps_of(zone, name)).any(|run| run.source == Source::Marker)
}

/// A step of which somebody told who does it: what observers saw cannot be held against itself.
fn is_told(run: &&StepRun) -> bool {
    matches!(run.source, Source::Runner | Source::Marker)
}

/// An upgrade by somebody else must take every zone's server down: an observer saw it so, or it
/// came back with another version.
fn seen_down(course: &Course, probes: &ProbeLog, zone: ZoneId) -> Option<Control> {
    let own = course.zones.get(zone.index())?;
    let kind = ControlKind::ServerDown;
    let up = own.changes.iter().position(|change| change.state != ZoneState::Down);
    let Some(up) = up else {
        let detail = "it was down from the start, or nobody looked".to_owned();
        return Some(Control { zone, kind, outcome: ControlOutcome::Unseen, detail });
    };
    let changes = &own.changes[up..];
    let down = changes.iter().position(|change| change.state == ZoneState::Down);
    let Some(down) = down else {
        let (outcome, detail) = match own.first_version == own.last_version {
            true => (ControlOutcome::Broken, "its server was never seen down".to_owned()),
            false => (
                ControlOutcome::Held,
                "it came back with another version, too soon to be seen down".to_owned(),
            ),
        };
        return Some(Control { zone, kind, outcome, detail });
    };
    let from = changes[down].at;
    // Until the last look that found it down.
    let until = changes.get(down + 1).map_or(RunTime(u64::MAX), |back| {
        RunTime(back.at.0.saturating_sub(back.uncertainty_us)).max(from)
    });
    let (well, badly) = probes.count(zone, from, until);
    let at = words::moment(from);
    let (outcome, detail) = match (well, badly) {
        (0, 0) => (ControlOutcome::Held, format!("its server was seen down at {at}")),
        (_, 0) => (
            ControlOutcome::Broken,
            format!("it was seen down at {at} while all {well} probes of it succeeded"),
        ),
        (well, badly) if well > badly => (
            ControlOutcome::Broken,
            format!(
                "it was seen down at {at} while {well} of {} probes of it succeeded",
                well + badly
            ),
        ),
        (_, _) => (
            ControlOutcome::Held,
            format!(
                "{badly} of {} probes failed from {at}, when its server was seen down",
                well + badly
            ),
        ),
    };
    Some(Control { zone, kind, outcome, detail })
}

/// An upgrade by somebody else must lead to the version that was named, or to another one than the
/// first.
fn seen_version(course: &Course, outside: &OutsideUpgrade, zone: ZoneId) -> Option<Control> {
    let own = course.zones.get(zone.index())?;
    let (outcome, detail) = match (&own.first_version, &own.last_version) {
        (Some(first), Some(last)) => match &outside.target_version {
            Some(target) if version_is(last, target) => {
                (ControlOutcome::Held, format!("it ended at {last}"))
            }
            Some(target) => (
                ControlOutcome::Broken,
                format!("its version was {last}; {target} was to be reached"),
            ),
            None if first != last => {
                (ControlOutcome::Held, format!("it went from {first} to {last}"))
            }
            None => (ControlOutcome::Broken, format!("its version did not change from {first}")),
        },
        _ => (ControlOutcome::Unseen, "no observer saw its version".to_owned()),
    };
    Some(Control { zone, kind: ControlKind::Version, outcome, detail })
}

/// The time before the zone's turn, where it has one.
fn server_up(course: &Course, probes: &ProbeLog, zone: ZoneId) -> Option<Control> {
    let stop = course.steps_of(zone, step::STOP_ZONE).find(is_told)?.begin;
    let (well, badly) = probes.count(zone, RunTime::ZERO, stop);
    let (outcome, detail) = match (well, badly) {
        (0, 0) => (ControlOutcome::Unseen, "no probe began before its turn".to_owned()),
        (0, _) => (ControlOutcome::Broken, format!("all {badly} probes failed before its turn")),
        _ => (
            ControlOutcome::Held,
            format!("{well} of {} probes succeeded before its turn", well + badly),
        ),
    };
    Some(Control { zone, kind: ControlKind::ServerUp, outcome, detail })
}

/// Every stretch in which the zone's server was known to be stopped: from the end of the step
/// that stopped it to the beginning of the one that starts it, or to the run's end.
fn server_down(course: &Course, probes: &ProbeLog, zone: ZoneId, run_end: RunTime) -> Vec<Control> {
    let stops = course.steps_of(zone, step::STOP_SERVER).filter(is_told);
    stops
        .filter(|stop| stop.outcome != StepOutcome::Failed)
        .filter_map(|stop| {
            let mut starts = course.steps_of(zone, step::START_SERVER);
            let start = starts.find(|start| start.begin >= stop.end).map_or(run_end, |s| s.begin);
            // A marker that is followed by the start at once leaves open when the stop was done,
            // and so does one that is followed by nothing.
            let known = stop.outcome == StepOutcome::Done || stop.end < start;
            known.then(|| probed(probes, zone, stop.end, start))
        })
        .collect()
}

fn probed(probes: &ProbeLog, zone: ZoneId, from: RunTime, until: RunTime) -> Control {
    let (well, badly) = probes.count(zone, from, until);
    let stopped = words::duration(until.since_us(from));
    let (outcome, detail) = match (well, badly) {
        (0, 0) => (
            ControlOutcome::Unseen,
            format!("its server was stopped for {stopped} and no probe began in that time"),
        ),
        (0, _) => (
            ControlOutcome::Held,
            format!("all {badly} probes failed in the {stopped} its server was stopped"),
        ),
        _ => (
            ControlOutcome::Broken,
            format!(
                "{well} of {} probes succeeded in the {stopped} its server was stopped",
                well + badly
            ),
        ),
    };
    Control { zone, kind: ControlKind::ServerDown, outcome, detail }
}

/// A zone whose step `wait-version` ended must report the target version from then on: the last
/// version an observer saw decides.
fn version(course: &Course, intent: &UpgradeIntent, zone: ZoneId) -> Option<Control> {
    let mut waits = course.steps_of(zone, step::WAIT_VERSION);
    waits.find(|run| run.outcome != StepOutcome::Failed)?;
    let target = &intent.target_version;
    let (outcome, detail) = match course.zones.get(zone.index())?.last_version.as_deref() {
        None => {
            (ControlOutcome::Unseen, format!("no observer saw its version; the target is {target}"))
        }
        Some(last) if version_is(last, target) => {
            (ControlOutcome::Held, format!("it ended at {last}"))
        }
        Some(last) => {
            (ControlOutcome::Broken, format!("it ended at {last}; the target is {target}"))
        }
    };
    Some(Control { zone, kind: ControlKind::Version, outcome, detail })
}

#[cfg(test)]
mod tests {
    use super::super::course::{ZoneChange, ZoneCourse};
    use super::*;
    use crate::event::{ErrorClass, ErrorCode, Probe, ProbeKind};

    const ZONE: ZoneId = ZoneId(0);

    /// A zone's changes as an observer saw them, with the version that answered.
    fn course(changes: &[(u64, ZoneState, &str)]) -> Course {
        let version = |of: &str| (!of.is_empty()).then(|| of.to_owned());
        let mut versions = changes.iter().filter_map(|(_, _, of)| version(of));
        let first_version = versions.next();
        let last_version = versions.next_back().or(first_version.clone());
        let change = |&(at, state, of): &(u64, ZoneState, &str)| ZoneChange {
            at: RunTime(at),
            uncertainty_us: 10,
            state,
            version: version(of),
            detail: String::new(),
        };
        let changes = changes.iter().map(change).collect();
        let zone = ZoneCourse { first_version, last_version, changes };
        Course { zones: vec![zone], ..Course::default() }
    }

    fn probes(of: &[(u64, bool)]) -> ProbeLog {
        let mut log = ProbeLog::new(1);
        for &(at, well) in of {
            let (start, end) = (RunTime(at), RunTime(at + 1));
            let failure = (!well).then_some(ErrorClass::Refused);
            let kind = ProbeKind::NewRead;
            log.record(&Probe { zone: ZONE, kind, start, end, failure, code: ErrorCode::NONE });
        }
        log
    }

    fn down(of: &Course, log: &ProbeLog) -> ControlOutcome {
        seen_down(of, log, ZONE).unwrap().outcome
    }

    #[test]
    fn an_upgrade_by_somebody_else_must_have_taken_the_server_down() {
        use ZoneState::{Down, Serving};
        let none = probes(&[]);
        let up = course(&[(1, Serving, "1.0")]);
        assert_eq!(down(&up, &none), ControlOutcome::Broken);
        assert_eq!(down(&course(&[(1, Down, "")]), &none), ControlOutcome::Unseen);
        let quick = course(&[(1, Serving, "1.0"), (50, Serving, "1.1")]);
        assert_eq!(down(&quick, &none), ControlOutcome::Held, "its version changed");
        let rolled = course(&[(1, Serving, "1.0"), (50, Down, ""), (90, Serving, "1.1")]);
        assert_eq!(down(&rolled, &probes(&[(60, false), (70, false)])), ControlOutcome::Held);
        // The observer alone could not reach it. It was back at 80 at the earliest.
        assert_eq!(down(&rolled, &probes(&[(60, true), (70, true)])), ControlOutcome::Broken);
        assert_eq!(down(&rolled, &probes(&[(85, true)])), ControlOutcome::Held);
    }

    #[test]
    fn an_upgrade_by_somebody_else_must_have_changed_the_version() {
        use ZoneState::Serving;
        let ends = |first: &'static str, last: &'static str, target: Option<&str>| {
            let of = course(&[(1, Serving, first), (2, Serving, last)]);
            let target_version = target.map(str::to_owned);
            let outside = OutsideUpgrade { wrapped: true, target_version };
            seen_version(&of, &outside, ZONE).unwrap().outcome
        };
        assert_eq!(ends("1.0", "1.1", None), ControlOutcome::Held);
        assert_eq!(ends("1.0", "1.0", None), ControlOutcome::Broken);
        assert_eq!(ends("1.0", "1.1", Some("1.1")), ControlOutcome::Held);
        assert_eq!(ends("1.0", "1.1", Some("1.2")), ControlOutcome::Broken);
        // A rolling restart says so by naming the version that is there.
        assert_eq!(ends("1.0", "1.0", Some("1.0")), ControlOutcome::Held);
    }
}

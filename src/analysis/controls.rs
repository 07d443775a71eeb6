//! Positive controls: what must have hurt did hurt, and what must have changed did change.

use crate::event::{RunTime, ZoneId};
use crate::phase::step;
use crate::record::UpgradeIntent;
use crate::spelling::spelled;

use super::course::{Course, StepOutcome, version_is};
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

/// Makes every control that the upgrade's steps call for.
pub(super) fn controls(
    course: &Course,
    probes: &ProbeLog,
    intent: Option<&UpgradeIntent>,
) -> Vec<Control> {
    let zones = (0..u8::try_from(course.zones.len()).unwrap_or(u8::MAX)).map(ZoneId);
    zones
        .flat_map(|zone| {
            let down = server_down(course, probes, zone);
            let up = server_up(course, probes, zone);
            up.into_iter()
                .chain(down)
                .chain(intent.and_then(|intent| version(course, intent, zone)))
        })
        .collect()
}

/// The time before the zone's turn, where it has one.
fn server_up(course: &Course, probes: &ProbeLog, zone: ZoneId) -> Option<Control> {
    let stop = course.steps_of(zone, step::STOP_ZONE).next()?.begin;
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
/// that stopped it to the beginning of the one that starts it.
fn server_down(course: &Course, probes: &ProbeLog, zone: ZoneId) -> Vec<Control> {
    let stops = course.steps_of(zone, step::STOP_SERVER);
    stops
        .filter(|stop| stop.outcome != StepOutcome::Failed)
        .filter_map(|stop| {
            let mut starts = course.steps_of(zone, step::START_SERVER);
            let start = starts.find(|start| start.begin >= stop.end)?.begin;
            Some(probed(probes, zone, stop.end, start))
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

//! What a mark says, on the command line, over the socket and in a line of output.

use serde::{Deserialize, Serialize};

use crate::event::{ClusterEvent, ClusterFact, Edge, RunTime, Source, ZoneId};
use crate::upgrade::StepName;

/// What a line of a wrapped command's output begins with when it is a mark:
/// `rollproof: mark stop-zone zone=zone1`.
const LINE_HEAD: &str = "rollproof: mark ";

/// A phase that begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which.
    pub step: StepName,
    /// The zone it is done to; `None` for the whole cluster.
    pub zone: Option<ZoneId>,
}

/// Why something is not a mark, or none of this run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// The phase has no such name.
    #[error("{0:?} is no phase of an upgrade; there are {names}", names = step_names())]
    UnknownPhase(String),
    /// The run has no such zone.
    #[error("the run has no zone {zone:?}; there are {known}")]
    UnknownZone {
        /// What was named.
        zone: String,
        /// What there is.
        known: String,
    },
    /// A zone is missing.
    #[error("{0} is done to a zone, so the mark must name it")]
    NeedsZone(StepName),
    /// A zone is too much.
    #[error("{0} concerns the whole cluster, so the mark must not name a zone")]
    HasNoZone(StepName),
    /// A line of output begins like a mark and goes on otherwise.
    #[error("{0:?} is no mark; write it as `rollproof: mark stop-zone zone=zone1`")]
    Unreadable(String),
    /// What came over the socket is not a request.
    #[error("the request was not understood: is `rollproof mark` of the run's own version?")]
    Garbled,
}

fn step_names() -> String {
    StepName::ALL.iter().map(|step| step.as_str()).collect::<Vec<_>>().join(", ")
}

impl Mark {
    /// Understands a phase and a zone as they are spelled. `zones` are the run's own.
    ///
    /// # Errors
    /// When there is no such phase or zone, or a zone too few or too many.
    pub fn new(step: &str, zone: Option<&str>, zones: &[String]) -> Result<Self, MarkError> {
        let step = phase(step)?;
        let Some(zone) = zone else {
            return match step.is_of_cluster() {
                true => Ok(Self { step, zone: None }),
                false => Err(MarkError::NeedsZone(step)),
            };
        };
        if !step.is_of_zone() {
            return Err(MarkError::HasNoZone(step));
        }
        let place = zones.iter().position(|name| name == zone);
        let zone_id = place.and_then(|place| u8::try_from(place).ok()).map(ZoneId);
        let unknown = || MarkError::UnknownZone { zone: zone.to_owned(), known: zones.join(", ") };
        Ok(Self { step, zone: Some(zone_id.ok_or_else(unknown)?) })
    }

    /// The mark in a line of output; `None` where the line is none.
    pub fn in_line(line: &str, zones: &[String]) -> Option<Result<Self, MarkError>> {
        let line = line.trim();
        let mut words = line.strip_prefix(LINE_HEAD)?.split_whitespace();
        let (step, zone, rest) = (words.next(), words.next(), words.next());
        let zone = zone.map(|word| word.strip_prefix("zone="));
        Some(match (step, zone, rest) {
            (Some(step), None, None) => Self::new(step, None, zones),
            (Some(step), Some(Some(zone)), None) => Self::new(step, Some(zone), zones),
            _ => Err(MarkError::Unreadable(line.to_owned())),
        })
    }

    /// The event of the record: it happened at most `uncertainty_us` before `at`.
    pub(super) fn event(self, at: RunTime, uncertainty_us: u64) -> ClusterEvent {
        let fact = ClusterFact::Step {
            step: self.step.to_string(),
            zone: self.zone,
            edge: Edge::Begin,
            detail: String::new(),
        };
        ClusterEvent { at, uncertainty_us, source: Source::Marker, fact }
    }
}

/// The phase of this name.
pub(super) fn phase(name: &str) -> Result<StepName, MarkError> {
    name.parse().map_err(|_| MarkError::UnknownPhase(name.to_owned()))
}

/// What goes over the socket: one line of JSON there, one back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) phase: String,
    #[serde(default)]
    pub(super) zone: Option<String>,
    /// When the mark was made, on the machine's monotonic clock, in µs.
    pub(super) made_us: u64,
}

/// The answer of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    Recorded(Recorded),
    Refused(String),
}

/// A mark that is part of a run's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The run's name.
    pub run_id: String,
    /// The moment it was recorded at, on the run's clock.
    pub at: RunTime,
    /// The same on the wall clock.
    pub utc: jiff::Timestamp,
    /// It was made at most this many µs earlier.
    pub uncertainty_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Vec<String> {
        ["zone1", "zone2"].map(str::to_owned).into()
    }

    #[test]
    fn a_phase_and_its_zone_are_understood_or_refused_by_name() {
        let zones = zones();
        let mark = |step, zone| Mark::new(step, zone, &zones);
        let good = mark("stop-zone", Some("zone2")).unwrap();
        assert_eq!((good.step, good.zone), (StepName::StopZone, Some(ZoneId(1))));
        assert!(mark("version-check", None).is_ok() && mark("health-check", None).is_ok());
        assert!(mark("health-check", Some("zone1")).is_ok());
        let unknown = mark("stop-everything", None).unwrap_err().to_string();
        assert!(unknown.contains("stop-everything") && unknown.contains("stop-zone, stop-server"));
        assert_eq!(mark("stop-zone", None), Err(MarkError::NeedsZone(StepName::StopZone)));
        let version = StepName::VersionCheck;
        assert_eq!(mark("version-check", Some("zone1")), Err(MarkError::HasNoZone(version)));
        let nowhere = mark("stop-zone", Some("zone9")).unwrap_err().to_string();
        assert!(nowhere.contains("zone9") && nowhere.contains("zone1, zone2"), "{nowhere}");
    }

    #[test]
    fn a_line_of_output_is_a_mark_a_mistake_or_neither() {
        let zones = zones();
        let line = |line: &str| Mark::in_line(line, &zones);
        assert_eq!(line("stopping zone1"), None);
        assert_eq!(line("say: rollproof: mark stop-zone zone=zone1"), None);
        let mark = Mark { step: StepName::StopZone, zone: Some(ZoneId(0)) };
        assert_eq!(line("  rollproof: mark stop-zone zone=zone1\r"), Some(Ok(mark)));
        assert!(line("rollproof: mark upgrade-post").is_some_and(|found| found.is_ok()));
        for mistake in [
            "rollproof: mark stop-zone zone1",
            "rollproof: mark stop-zone zone=zone1 now",
            "rollproof: mark stop-zoen zone=zone1",
            "rollproof: mark stop-zone",
        ] {
            assert!(line(mistake).is_some_and(|found| found.is_err()), "{mistake}");
        }
    }
}

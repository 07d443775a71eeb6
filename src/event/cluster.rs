//! What happened to the cluster, and who says so.

use serde::{Deserialize, Serialize};

use super::{RunTime, SpotCheck, StatementKind};
use crate::spelling::spelled;

/// Index of a zone in the scenario's list of zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZoneId(pub u8);

impl ZoneId {
    /// Position in the scenario's list of zones.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

spelled! {
    /// Where a cluster event comes from, best first.
    pub enum Source {
        /// rollproof's own upgrade runner.
        Runner = "runner",
        /// A marker sent by an outside orchestrator.
        Marker = "marker",
        /// What an observer saw in the cluster.
        Observer = "observer",
        /// rollproof's own timetable: warm-up, baseline, settle, final.
        Timetable = "timetable",
    }
}

spelled! {
    /// Whether something began or ended.
    pub enum Edge {
        /// It began.
        Begin = "begin",
        /// It ended well.
        End = "end",
        /// It ended badly.
        Failed = "failed",
    }
}

spelled! {
    /// Whether a zone serves, in words that fit every product.
    pub enum ZoneState {
        /// Up, in sync and accepting business.
        Serving = "serving",
        /// Up, but taken out of service on purpose.
        Stopped = "stopped",
        /// Up, but joining, donating, behind or without quorum.
        NotReady = "not-ready",
        /// Does not answer.
        Down = "down",
    }
}

spelled! {
    /// What an upgrade did that endangered the cluster, whether or not anybody felt it.
    pub enum ClusterWarning {
        /// A server was down while its zone was in service.
        ServerDownInActiveZone = "server-down-in-active-zone",
        /// Data was still led from a server when it went down.
        LeadersLeft = "leaders-left",
        /// Two zones were out of service at once.
        TwoZonesInactive = "two-zones-inactive",
        /// A zone was put back into service before its log and schemas had caught up.
        StartBeforeReady = "start-before-ready",
        /// Settings that the upgrade changed were not put back.
        ParametersNotRestored = "parameters-not-restored",
    }
}

/// What one look at one zone found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneStatus {
    /// The zone looked at.
    pub zone: ZoneId,
    /// Whether it serves.
    pub state: ZoneState,
    /// The server's version, when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many members the zone's node sees, when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_size: Option<u32>,
    /// The product's own words for the state, or why there was no answer.
    pub detail: String,
}

impl ZoneStatus {
    /// Whether the zone's server said that it runs `target`, as [`version_is`] has it.
    pub fn runs(&self, target: &str) -> bool {
        self.version.as_deref().is_some_and(|running| version_is(running, target))
    }
}

/// Whether a server's version is the wanted one or a build of it. The wanted numbers must begin
/// the server's, as numbers: `10.11.1` is not `10.11.19`, but `10.11.19` is
/// `10.11.19-MariaDB-0+deb12u1`. Where the wanted one names a build, as
/// `4.2.1.8-108000022024072217`, it must be that build, which servers set off by another character.
pub fn version_is(running: &str, wanted: &str) -> bool {
    let ((running, running_build), (wanted, build)) = (split(running), split(wanted));
    if wanted.is_empty() || !running.starts_with(&wanted) {
        return false;
    }
    build.is_empty() || (running.len() == wanted.len() && running_build == build)
}

/// The dotted numbers a version begins with, and the number of the build behind them: empty where
/// there is none. All else is the packager's.
fn split(version: &str) -> (Vec<u64>, &str) {
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let numbers = version[..end].split('.').map_while(|part| part.parse().ok()).collect();
    let build = version[end..].strip_prefix(['-', '_']).unwrap_or_default();
    let end = build.find(|c: char| !c.is_ascii_digit()).unwrap_or(build.len());
    (numbers, &build[..end])
}

/// An error that is in no table, in the words of whoever raised it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownError {
    /// The zone it came from; `None` through a proxy.
    pub zone: Option<ZoneId>,
    /// The server's errno, 0 when it never reached one.
    pub errno: u16,
    /// The server's SQLSTATE.
    pub sqlstate: String,
    /// What was being executed.
    pub statement: StatementKind,
    /// The message.
    pub text: String,
}

/// What happened to the cluster, as the runner, a marker or an observer tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum ClusterFact {
    /// A zone was looked at and its status differs from the last one.
    Zone(ZoneStatus),
    /// A step of the upgrade, or a stretch of the timetable, began or ended.
    Step {
        /// Name of the step, as `stop-zone`, or of the stretch, as `baseline`.
        step: String,
        /// The zone it concerns; `None` for the whole cluster.
        zone: Option<ZoneId>,
        /// Began, ended or failed.
        edge: Edge,
        /// What a failed step said, or what an ended one found.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// A district's data were looked at.
    Check(SpotCheck),
    /// A terminal met an error that is in no table; told once for each code.
    UnknownError(UnknownError),
    /// Data that was led from one zone is led from another.
    Leaders {
        /// The zone that led; `None` where it handed nothing over, or is none of the scenario's.
        from: Option<ZoneId>,
        /// The zone that leads now; `None` where it is none of the scenario's.
        to: Option<ZoneId>,
        /// How many leaders moved; at least 1.
        moved: u32,
        /// Why, in the product's own words, as `ZONE STOPPED`.
        detail: String,
    },
    /// Something that endangered the cluster was seen.
    Warning {
        /// What.
        warning: ClusterWarning,
        /// The zone it concerns; `None` for the whole cluster.
        zone: Option<ZoneId>,
        /// What was seen.
        detail: String,
    },
}

/// A fact about the cluster with its date and origin: one line of `cluster.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterEvent {
    /// When it happened or was seen.
    pub at: RunTime,
    /// It happened at most this many µs before `at`: the observer's polling interval, 0 for the
    /// runner's own acts.
    pub uncertainty_us: u64,
    /// Who says so.
    pub source: Source,
    /// What happened.
    #[serde(flatten)]
    pub fact: ClusterFact,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let cases = [
            ("10.11.19-MariaDB-0+deb12u1", "10.11.19", true),
            ("10.11.19-MariaDB", "10.11", true),
            ("10.11.19-MariaDB", "10.11.1", false),
            ("10.11.1", "10.11.19", false),
            ("4.2.1.8_108000022024072217", "4.2.1.8", true),
            ("4.2.1.8_108000022024072217-9f(Jul 22)", "4.2.1.8-108000022024072217", true),
            ("4.2.1.8_100000022024072217", "4.2.1.8-108000022024072217", false),
            ("4.2.1.8_1080000220240722170", "4.2.1.8-108000022024072217", false),
            ("4.2.1.8", "4.2.1.8-108000022024072217", false),
            ("10.11.180", "10.11.18", false),
            ("10.11.17", "10.11.18", false),
            ("10.11.19-MariaDB", "10.11.19-MariaDB", true),
            ("4.2.1.10", "4.2.1.1", false),
            ("10.11.19", "", false),
            ("unknown", "10", false),
        ];
        for (running, target, same) in cases {
            let status = ZoneStatus {
                zone: ZoneId(0),
                state: ZoneState::Serving,
                version: Some(running.to_owned()),
                cluster_size: None,
                detail: String::new(),
            };
            assert_eq!(status.runs(target), same, "{running} against {target}");
        }
    }
}

//! Everything the analysis of a run found: plain data, for the verdict and the renderers.

use crate::event::{RunTime, TxnKind};
use crate::phase::Phase;
use crate::record::{SessionStyle, UpgradeIntent};
use crate::scenario::Scenario;

use super::controls::Control;
use super::course::Course;
use super::data::DataSafety;
use super::errors::ErrorCount;
use super::gaps::WriteGaps;
use super::inputs::InputFigures;
use super::integrity::Problem;
use super::outages::OutageFigures;
use super::own::OwnFigures;
use super::phases::Role;
use super::probes::ZoneProbes;
use super::tally::Tally;
use super::windows::{FirstSuccess, Recovery, Throughput};

/// What was run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    /// The run's name.
    pub run_id: String,
    /// Version of the rollproof that measured.
    pub tool_version: String,
    /// The run's origin as wall-clock time.
    pub origin_wall: jiff::Timestamp,
    /// The run's last moment.
    pub end: RunTime,
    /// Why it ended before its timetable.
    pub ended_early: Option<String>,
    /// How many drivers' records were read.
    pub shards: usize,
    /// What was asked for.
    pub scenario: Scenario,
    /// How the load spoke to the servers, where the record says.
    pub sessions: Option<SessionStyle>,
    /// The upgrade it was to perform.
    pub upgrade: Option<UpgradeIntent>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseFigures {
    /// When it was and who said so.
    pub phase: Phase,
    /// Its name with the zone's, as `zone2/stop-server`.
    pub label: String,
    /// What it is to the verdict.
    pub role: Role,
    /// Business transactions scheduled in it, by kind, in the order of [`TxnKind::ALL`].
    pub kinds: [Tally; TxnKind::COUNT],
    /// All kinds together.
    pub total: Tally,
    /// Attempts by zone.
    pub zone_attempts: Vec<u64>,
    /// Attempts that met an error.
    pub errors: u64,
    /// Client outages that began in it.
    pub outages: OutageFigures,
}

/// The baseline's two halves, by the response of their business transactions in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaselineHalves {
    /// Median of the first half.
    pub first_p50_us: u64,
    /// Median of the second half.
    pub second_p50_us: u64,
}

/// Everything the analysis of a run found.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// What was run.
    pub run: RunFacts,
    /// The phases, in order, without gap or overlap.
    pub phases: Vec<PhaseFigures>,
    /// Every business transaction of the run.
    pub total: Tally,
    /// Errors of attempts.
    pub errors: Vec<ErrorCount>,
    /// Write gaps.
    pub writes: WriteGaps,
    /// What probes found, zone by zone.
    pub probes: Vec<ZoneProbes>,
    /// Throughput in windows of ten seconds through the upgrade.
    pub throughput: Vec<Throughput>,
    /// How long each zone's return was felt.
    pub recoveries: Vec<Recovery>,
    /// How soon anything succeeded after a stop.
    pub first_successes: Vec<FirstSuccess>,
    /// Steps of the upgrade, versions and states of the zones.
    pub course: Course,
    /// Positive controls.
    pub controls: Vec<Control>,
    /// Whether the baseline was steady; `None` when a half is empty.
    pub baseline_halves: Option<BaselineHalves>,
    /// The tool's own health.
    pub own: OwnFigures,
    /// What the load asked for; `None` when the record does not say.
    pub inputs: Option<InputFigures>,
    /// What is missing from the record.
    pub problems: Vec<Problem>,
    /// What the data checks found; `None` when they were not made for the whole run.
    pub data: Option<DataSafety>,
}

impl Analysis {
    /// Names of the zones; a `ZoneId` is an index into them.
    pub fn zone_names(&self) -> Vec<String> {
        self.run.scenario.zone_names()
    }

    /// The sum of the phases that `of` accepts.
    pub fn sum(&self, of: impl Fn(Role) -> bool) -> Tally {
        let mut sum = Tally::default();
        self.phases.iter().filter(|phase| of(phase.role)).for_each(|phase| sum.add(&phase.total));
        sum
    }

    /// Client outages that began in the phases that `of` accepts.
    pub fn outages(&self, of: impl Fn(Role) -> bool) -> OutageFigures {
        let mut sum = OutageFigures::default();
        let phases = self.phases.iter().filter(|phase| of(phase.role));
        phases.for_each(|phase| sum.add(&phase.outages));
        sum
    }

    /// The baseline's figures, if there was one.
    pub fn baseline(&self) -> Option<&PhaseFigures> {
        self.phases.iter().find(|phase| phase.role == Role::Baseline)
    }

    /// Whether rows are missing, so that what seems not to have happened may merely be lost.
    pub fn rows_are_missing(&self) -> bool {
        !self.problems.is_empty()
    }
}

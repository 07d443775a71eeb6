//! Everything the analysis of a run found: plain data, for the verdict and the renderers.

use crate::event::{RunTime, TxnKind};
use crate::phase::Phase;
use crate::record::{
    BaselineFigures, Capacity, OutsideUpgrade, SessionStyle, StoredBaseline, UpgradeIntent, Work,
};
use crate::scenario::Scenario;

use super::brownouts::BrownoutFigures;
use super::controls::Control;
use super::course::Course;
use super::data::DataSafety;
use super::errors::ErrorCount;
use super::firsts::FirstSuccess;
use super::gaps::WriteGaps;
use super::inputs::InputFigures;
use super::integrity::Problem;
use super::load::LoadCourse;
use super::looked_up::LookedUp;
use super::outages::OutageFigures;
use super::own::OwnFigures;
use super::phases::Role;
use super::probes::ZoneProbes;
use super::series::Series;
use super::sights::SightCounts;
use super::spots::SpotCounts;
use super::tally::Tally;
use super::windows::{Recovery, Throughput};

/// What was run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    /// The run's name.
    pub run_id: String,
    /// What the cluster was busy with.
    pub work: Work,
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
    /// What the cluster carried, where the rate follows from it.
    pub capacity: Option<Capacity>,
    /// The baseline of another run that stands for one of its own.
    pub baseline: Option<StoredBaseline>,
    /// Whether that baseline was measured for something else, and what.
    pub baseline_differs: Option<String>,
    /// The upgrade it was to perform.
    pub upgrade: Option<UpgradeIntent>,
    /// The upgrade that somebody else was to perform meanwhile.
    pub outside: Option<OutsideUpgrade>,
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
    /// Its commits of unknown fate, by what was found of them during the run.
    pub looked_up: LookedUp,
    /// Client outages that began in it.
    pub outages: OutageFigures,
}

impl PhaseFigures {
    /// The figures of every kind of transaction that such work consists of.
    pub fn by_kind(&self, work: Work) -> impl Iterator<Item = (TxnKind, &Tally)> {
        work.kinds().iter().map(|&kind| (kind, &self.kinds[kind.index()]))
    }
}

/// The baseline's two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaselineHalves {
    /// Up to its middle.
    pub first: BaselineHalf,
    /// From there on.
    pub second: BaselineHalf,
}

/// A half of the baseline, by the response of its business transactions in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaselineHalf {
    /// Median.
    pub p50_us: u64,
    /// p99: what the rest of the run is held against comes from it.
    pub p99_us: u64,
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
    /// How the initial load went; `None` for a run.
    pub load: Option<LoadCourse>,
    /// Errors of attempts.
    pub errors: Vec<ErrorCount>,
    /// Write gaps.
    pub writes: WriteGaps,
    /// What probes found, zone by zone.
    pub probes: Vec<ZoneProbes>,
    /// Throughput through the upgrade, in a window of ten seconds at every second.
    pub throughput: Vec<Throughput>,
    /// The run cut into slices of time, for charts.
    pub series: Series,
    /// How long each zone's return was felt.
    pub recoveries: Vec<Recovery>,
    /// Brownouts; `None` without a baseline to be slower than.
    pub brownouts: Option<BrownoutFigures>,
    /// How soon anything succeeded after a stop.
    pub first_successes: Vec<FirstSuccess>,
    /// Steps of the upgrade, versions and states of the zones.
    pub course: Course,
    /// Positive controls.
    pub controls: Vec<Control>,
    /// What the rest of the run is held against: its own baseline, or the one of another run.
    pub held_against: Option<BaselineFigures>,
    /// Whether the run's own baseline was steady; `None` when a half is empty.
    pub baseline_halves: Option<BaselineHalves>,
    /// The tool's own health.
    pub own: OwnFigures,
    /// What the load asked for; `None` when the record does not say.
    pub inputs: Option<InputFigures>,
    /// What is missing from the record.
    pub problems: Vec<Problem>,
    /// How often districts were looked at during the run.
    pub spots: SpotCounts,
    /// How often terminals saw order numbers.
    pub sights: SightCounts,
    /// What the data checks found, of the audit and during the run; `None` when the whole run was
    /// not audited and nothing was found wrong during it.
    pub data: Option<DataSafety>,
}

impl Analysis {
    /// The version every zone was to report at the end, where one was named.
    pub fn target_version(&self) -> Option<&str> {
        let own = self.run.upgrade.as_ref().map(|upgrade| upgrade.target_version.as_str());
        own.or_else(|| self.run.outside.as_ref()?.target_version.as_deref())
    }

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

//! The verdict: analysis and objectives in, PASS or not out, each with its evidence.
//!
//! Precedence, and why: what is certain outranks what is not.
//! 1. DATA FAIL. A lost row is lost, whatever else went wrong.
//! 2. UPGRADE FAILED. The cluster is half upgraded; that comes before how it felt.
//! 3. INVALID. The measuring machine stalled, or the upgrade did not happen: the figures below
//!    would blame the wrong one.
//! 4. FAIL. An objective is missed for certain; nothing that is missing could mend it. An
//!    objective that missing rows might explain is not missed but unknown.
//! 5. INCONCLUSIVE. Nothing is known to be bad, and something is not known to be good.
//! 6. PASS.

mod doubts;
mod held;
mod objectives;
mod sentence;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::{Analysis, words};
use crate::event::RunTime;
use crate::spelling::spelled;

/// Write transactions a baseline must offer before anything can be held against it.
pub const BASELINE_WRITES_MIN: u64 = 100;

/// The objective about a zone's return to calm. A run in which no zone returned has none.
pub const RECOVERY: &str = "recovery";

spelled! {
    /// The answer.
    pub enum VerdictKind {
        /// Uninterrupted within the objectives, no data lost.
        Pass = "pass",
        /// An objective was missed.
        Fail = "fail",
        /// Data was lost, duplicated or is inconsistent.
        DataFail = "data-fail",
        /// Something needed for an answer is missing.
        Inconclusive = "inconclusive",
        /// What was measured was not the cluster, or not an upgrade.
        Invalid = "invalid",
        /// The upgrade itself failed.
        UpgradeFailed = "upgrade-failed",
    }
}

impl VerdictKind {
    /// The process's exit code (product page, "Exit codes").
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::DataFail => 3,
            Self::Inconclusive | Self::Invalid => 4,
            Self::UpgradeFailed => 5,
        }
    }

    /// As it is printed: `DATA FAIL`.
    pub fn title(self) -> String {
        self.as_str().replace('-', " ").to_uppercase()
    }
}

spelled! {
    /// How an objective came out.
    pub enum Status {
        /// Met.
        Met = "met",
        /// Met, and yet worth a look: nothing fails over it.
        Warned = "warned",
        /// Missed, for certain.
        Missed = "missed",
        /// Cannot be told; its note says why.
        Unknown = "unknown",
    }
}

/// A figure with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// A duration in µs.
    DurationUs(u64),
    /// Nothing longer than this many µs was there to be seen.
    NoneOverUs(u64),
    /// It did not happen within this many µs.
    NotWithinUs(u64),
    /// A share from 0 to 1.
    Share(f64),
    /// A number.
    Count(u64),
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::DurationUs(us) => words::duration(us),
            Self::NoneOverUs(us) => format!("none > {}", words::duration(us)),
            Self::NotWithinUs(us) => format!("not in {}", words::duration(us)),
            Self::Share(share) => words::share(share),
            Self::Count(count) => words::count(count),
        };
        f.pad(&text)
    }
}

/// What an objective allows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No more than this.
    AtMost(Figure),
    /// No less than this.
    AtLeast(Figure),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::AtMost(figure) => format!("≤ {figure}"),
            Self::AtLeast(figure) => format!("≥ {figure}"),
        };
        f.pad(&text)
    }
}

/// Where to look for the reason of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The phase it began in, as `zone2/stop-server`.
    pub phase: String,
    /// The zone under work in that phase.
    pub zone: Option<String>,
    /// When it began.
    pub start: RunTime,
    /// When it ended.
    pub end: RunTime,
    /// What was seen, in one line.
    pub detail: String,
}

/// One objective, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectiveResult {
    /// Stable name, as `write-gap`.
    pub id: &'static str,
    /// What it is about, for people.
    pub title: &'static str,
    /// The phase or step it is held against, as `stop-server`; `None` for all that have no limit
    /// of their own.
    pub only_in: Option<String>,
    /// What is allowed.
    pub limit: Limit,
    /// What was found; `None` when nothing was.
    pub measured: Option<Figure>,
    /// How it came out.
    pub status: Status,
    /// The worst case.
    pub evidence: Option<Evidence>,
    /// Why it cannot be told; empty otherwise.
    pub note: String,
}

impl ObjectiveResult {
    /// Stable name with the phase it is about, as `write-gap[stop-server]`.
    pub fn name(&self) -> String {
        self.only_in
            .as_ref()
            .map_or_else(|| self.id.to_owned(), |key| format!("{}[{key}]", self.id))
    }

    /// What it is about and in which phase, for people.
    pub fn headline(&self) -> String {
        match &self.only_in {
            Some(key) => format!("{}, in {key}", self.title),
            None => self.title.to_owned(),
        }
    }
}

/// Something that decides the verdict besides an objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The verdict it calls for.
    pub kind: VerdictKind,
    /// Why, as a sentence that stands alone.
    pub text: String,
}

/// The answer with everything it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The answer.
    pub kind: VerdictKind,
    /// The answer in one sentence.
    pub sentence: String,
    /// Every objective, in a fixed order.
    pub objectives: Vec<ObjectiveResult>,
    /// Everything else that speaks against a pass, the weightiest first.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Judges a run by the objectives of its own scenario.
    pub fn of(analysis: &Analysis) -> Self {
        let objectives = objectives::judge(analysis);
        let mut reasons = doubts::reasons(analysis);
        reasons.sort_by_key(|reason| weight(reason.kind));
        let missed = objectives.iter().any(|result| result.status == Status::Missed);
        let unknown = objectives.iter().any(|result| result.status == Status::Unknown);
        let called_for = [(missed, VerdictKind::Fail), (unknown, VerdictKind::Inconclusive)];
        let kind = called_for
            .into_iter()
            .filter_map(|(holds, kind)| holds.then_some(kind))
            .chain(reasons.iter().map(|reason| reason.kind))
            .min_by_key(|&kind| weight(kind))
            .unwrap_or(VerdictKind::Pass);
        let sentence = sentence::sentence(kind, analysis, &objectives, &reasons);
        Self { kind, sentence, objectives, reasons }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }
}

/// The first thing that speaks against taking a run's baseline for another run's; `None` when it
/// may be.
pub fn baseline_doubt(analysis: &Analysis) -> Option<Reason> {
    doubts::about_baseline(analysis).into_iter().next()
}

/// Place in the precedence above.
fn weight(kind: VerdictKind) -> u8 {
    match kind {
        VerdictKind::DataFail => 1,
        VerdictKind::UpgradeFailed => 2,
        VerdictKind::Invalid => 3,
        VerdictKind::Fail => 4,
        VerdictKind::Inconclusive => 5,
        VerdictKind::Pass => 6,
    }
}

//! Estimates held against what is tolerated.
//!
//! A metric passes when its interval's upper end is under the limit, has regressed when the lower
//! end is over it, and is inconclusive otherwise. That everything passes needs no correction for
//! how many metrics there are: each one must. That anything has regressed does: with twenty
//! chances, one in forty comes up. So a regression must also stand Holm's correction over all
//! metrics tested.

use super::estimate::{CONFIDENCE, Estimate, holm, median, rank_chance};
use super::metric::{Figure, Metric, Quantity, UnitSums};
use super::rules::Rules;
use crate::spelling::spelled;

spelled! {
    /// What a comparison comes to.
    pub enum Answer {
        /// Nothing became worse than is tolerated.
        Pass = "pass",
        /// Something did.
        Regressed = "regressed",
        /// It cannot be told.
        Inconclusive = "inconclusive",
    }
}

impl Answer {
    /// The process's exit code (product page, "Exit codes").
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Regressed => 1,
            Self::Inconclusive => 4,
        }
    }

    /// As it is printed: `REGRESSED`.
    pub fn title(self) -> String {
        self.as_str().to_uppercase()
    }
}

spelled! {
    /// What one metric comes to.
    pub enum Outcome {
        /// Not worse than is tolerated.
        Pass = "pass",
        /// Worse than is tolerated.
        Regressed = "regressed",
        /// Its interval holds the limit.
        Inconclusive = "inconclusive",
        /// There is too little to test it.
        Untested = "untested",
    }
}

/// What a unit is, as far as judging goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Observed {
    /// A block of time.
    Blocks,
    /// A run, one of each side by turns.
    Runs,
    /// A run, one side's before the other's: ranks would take a drift for a change.
    RunsInARow,
}

impl Observed {
    fn word(self) -> &'static str {
        match self {
            Self::Blocks => "block",
            Self::Runs | Self::RunsInARow => "run",
        }
    }
}

/// One metric, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Which.
    pub metric: Metric,
    /// Median over the base's units: µs, or transactions a second.
    pub base: Option<f64>,
    /// The same of the candidate's.
    pub candidate: Option<f64>,
    /// Candidate over base; `None` where it was not tested.
    pub estimate: Option<Estimate>,
    /// The ratio up to which, or for throughput down to which, it may go.
    pub limit: Option<f64>,
    /// The chance of such a ratio were the truth just at the limit, by the interval's own
    /// distribution.
    pub chance: Option<f64>,
    /// The same by Mann and Whitney's ranks; only of six or more runs a side, made by turns.
    pub ranks: Option<f64>,
    /// The greater of the two, after Holm's correction.
    pub adjusted: Option<f64>,
    /// What it comes to.
    pub outcome: Outcome,
    /// Why it was not tested, or what else is to be known; empty otherwise.
    pub note: String,
}

impl Judged {
    /// Holds one metric of two sides' units against the rules. Regressions are settled by
    /// [`settle`], once all metrics are known.
    pub(super) fn of(
        metric: Metric,
        base: &[UnitSums],
        candidate: &[UnitSums],
        rules: &Rules,
        unit: Observed,
    ) -> Self {
        let figures = |units: &[UnitSums]| -> Option<Vec<Figure>> {
            units.iter().map(|unit| unit.figure(metric)).collect()
        };
        let (Some(base), Some(candidate)) = (figures(base), figures(candidate)) else {
            let least = metric.quantity.transactions_min();
            let note = format!("a {} has fewer than {least} of them", unit.word());
            return Self::untested(metric, note);
        };
        let beyond = base.iter().chain(&candidate).any(|figure| figure.beyond);
        let values = |figures: &[Figure]| figures.iter().map(|f| f.value).collect::<Vec<f64>>();
        let (base, candidate) = (values(&base), values(&candidate));
        let middle = |values: &[f64]| median(&mut values.to_vec());
        let limit = rules.limit(metric.quantity, middle(&base));
        let estimate = Estimate::of(&base, &candidate);
        // More is worse from here on.
        let inverted = |values: &[f64]| values.iter().map(|value| 1.0 / value).collect::<Vec<_>>();
        let (worse, worst, ranked) = match metric.quantity {
            Quantity::Throughput => {
                (estimate.inverse(), 1.0 / limit, [inverted(&base), inverted(&candidate)])
            }
            _ => (estimate, limit, [base.clone(), candidate.clone()]),
        };
        let ranks = rank_chance(&ranked[0], &ranked[1], worst).filter(|_| unit == Observed::Runs);
        let outcome = match worse {
            Estimate { high, .. } if high < worst => Outcome::Pass,
            Estimate { low, .. } if low > worst => Outcome::Regressed,
            _ => Outcome::Inconclusive,
        };
        let note = if beyond { "some lie beyond the deadline and stand there" } else { "" };
        Self {
            metric,
            base: Some(middle(&base)),
            candidate: Some(middle(&candidate)),
            estimate: Some(estimate),
            limit: Some(limit),
            chance: Some(worse.chance_if(worst)),
            ranks,
            adjusted: None,
            outcome,
            note: note.to_owned(),
        }
    }

    pub(super) fn untested(metric: Metric, note: String) -> Self {
        Self {
            metric,
            base: None,
            candidate: None,
            estimate: None,
            limit: None,
            chance: None,
            ranks: None,
            adjusted: None,
            outcome: Outcome::Untested,
            note,
        }
    }
}

/// Holm's correction over all metrics tested: a regression that does not stand it is none that can
/// be told.
pub(super) fn settle<'a>(all: impl Iterator<Item = &'a mut Judged>) {
    let mut tested: Vec<(&mut Judged, f64)> = all
        .filter_map(|judged| {
            let chance = judged.chance?.max(judged.ranks.unwrap_or(0.0));
            Some((judged, chance))
        })
        .collect();
    let chances: Vec<f64> = tested.iter().map(|(_, chance)| *chance).collect();
    let count = chances.len();
    for ((judged, chance), adjusted) in tested.iter_mut().zip(holm(&chances)) {
        judged.adjusted = Some(adjusted);
        let level = (1.0 - CONFIDENCE) / 2.0;
        if judged.outcome == Outcome::Regressed && adjusted > level {
            judged.outcome = Outcome::Inconclusive;
            judged.note = match *chance > level {
                true => "over the limit by its interval, but not by ranks".to_owned(),
                false => format!("over the limit alone, but not as one of {count} metrics"),
            };
        }
    }
}

/// What the metrics that decide come to together. A regression of any is one. A pass needs those of
/// all transactions together; that of a single kind, of which there may be few, stays open without
/// holding it up.
pub(super) fn answer<'a>(all: impl Iterator<Item = &'a Judged>) -> Answer {
    let mut answer = Answer::Pass;
    for judged in all {
        match judged.outcome {
            Outcome::Regressed => return Answer::Regressed,
            Outcome::Inconclusive | Outcome::Untested if judged.metric.is_required() => {
                answer = Answer::Inconclusive;
            }
            Outcome::Pass | Outcome::Inconclusive | Outcome::Untested => {}
        }
    }
    answer
}

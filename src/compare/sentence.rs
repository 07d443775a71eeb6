//! The answer in one sentence.

use crate::analysis::words;

use super::estimate::UNITS_MIN;
use super::judge::{Answer, Judged, Outcome};
use super::metric::Quantity;
use super::part::Pair;
use super::section::Section;
use super::width::{Stretch, WIDTH_US_MIN};

/// What to do where nothing can be told.
const MEASURE_LONGER: &str =
    "Measure longer (phases.baseline, phases.final), or compare several runs of each side";

pub(super) fn sentence(answer: Answer, sections: &[Section]) -> String {
    let gated = || sections.iter().filter(|section| section.pair.gated);
    let with = |outcome: Outcome| -> Vec<(&Section, &Judged)> {
        let all = gated().flat_map(|section| section.metrics.iter().map(move |m| (section, m)));
        all.filter(|(_, judged)| judged.outcome == outcome).collect()
    };
    match answer {
        Answer::Pass => {
            let open = match with(Outcome::Inconclusive).len() {
                0 => String::new(),
                1 => "; 1 of a single kind of transaction stays open".to_owned(),
                open => format!("; {open} of single kinds of transactions stay open"),
            };
            let held = with(Outcome::Pass).len();
            format!(
                "{} became no worse than is tolerated{open}",
                words::counted(held as u64, "figure")
            )
        }
        Answer::Regressed => first_of(&with(Outcome::Regressed), ""),
        Answer::Inconclusive => {
            let untested = gated().find(|section| !section.note.is_empty());
            if let Some(section) = untested {
                return format!("{}. {MEASURE_LONGER}", section.note);
            }
            let mut open = with(Outcome::Inconclusive);
            open.retain(|(_, judged)| judged.metric.is_required());
            let untested = with(Outcome::Untested);
            let untested = untested.iter().find(|(_, judged)| judged.metric.is_required());
            let what = match (open.is_empty(), untested) {
                (true, Some((_, judged))) => {
                    format!("{} was not tested: {}", judged.metric.words(), judged.note)
                }
                _ => first_of(&open, "it cannot be told whether "),
            };
            format!("{what}. {MEASURE_LONGER}")
        }
    }
}

/// The one furthest over its limit, and how many more there are.
fn first_of(all: &[(&Section, &Judged)], doubt: &str) -> String {
    let over = |judged: &Judged| {
        let (Some(estimate), Some(limit)) = (judged.estimate, judged.limit) else { return 0.0 };
        let over = (estimate.ratio / limit).ln();
        if judged.metric.quantity == Quantity::Throughput { -over } else { over }
    };
    let worst = all.iter().max_by(|(_, a), (_, b)| over(a).total_cmp(&over(b)));
    let Some((section, judged)) = worst else { return String::new() };
    let (Some(estimate), Some(limit)) = (judged.estimate, judged.limit) else {
        return String::new();
    };
    let less = judged.metric.quantity == Quantity::Throughput;
    let than = match (doubt.is_empty(), less) {
        (true, true) => "fell below what is tolerated",
        (true, false) => "grew beyond what is tolerated",
        (false, true) => "fell further than is tolerated",
        (false, false) => "grew more than is tolerated",
    };
    let more = match all.len() - 1 {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "{doubt}{} ({}) {than}: {:.3} times the base's, {:.3} to {:.3}, where {limit:.3} is \
         allowed{more}",
        judged.metric.words(),
        section.pair.name(),
        estimate.ratio,
        estimate.low,
        estimate.high,
    )
}

/// Why a part is not cut into blocks.
pub(super) fn too_short(pair: Pair, [base, candidate]: &[Stretch; 2]) -> String {
    let memory = base.memory_us.max(candidate.memory_us);
    let width = memory.max(WIDTH_US_MIN);
    let why = match memory > WIDTH_US_MIN {
        true => format!("its figures remember themselves for {}", words::duration(memory)),
        false => format!("a block is no shorter than {}", words::duration(WIDTH_US_MIN)),
    };
    let [of_base, of_candidate] = match pair.base == pair.candidate {
        true => ["of the base", "of the candidate"],
        false => pair.sides(),
    };
    format!(
        "{} {of_base} and {} {of_candidate} are too little time: {why}, and {UNITS_MIN} \
         blocks are needed, {} of each",
        words::duration(base.length_us),
        words::duration(candidate.length_us),
        words::duration(width * UNITS_MIN as u64),
    )
}

//! From the records of two sides to the answer and everything it stands on.

use std::collections::BTreeSet;

use crate::analysis::{Analysis, analyze};
use crate::record::Record;
use crate::verdict::{Verdict, VerdictKind};

use super::error::CompareError;
use super::fitness;
use super::judge::{Answer, answer, settle};
use super::part::{Pair, Part};
use super::rules::Rules;
use super::section::{Section, Whole, of_blocks, of_runs};
use super::sentence;

/// A run that was compared.
#[derive(Debug, Clone, PartialEq)]
pub struct RunInfo {
    /// Its name.
    pub run_id: String,
    /// When it began.
    pub origin_wall: jiff::Timestamp,
    /// The versions seen in its zones, first and last, each once and in order.
    pub versions: Vec<String>,
    /// Its own verdict.
    pub verdict: VerdictKind,
}

/// The answer with everything it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The answer.
    pub answer: Answer,
    /// The answer in one sentence.
    pub sentence: String,
    /// The base's runs.
    pub base: Vec<RunInfo>,
    /// The candidate's; the base's own where one run's before is compared with its after.
    pub candidate: Vec<RunInfo>,
    /// The parts; those that decide first.
    pub sections: Vec<Section>,
    /// In what the runs differ although they are compared.
    pub differences: Vec<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// What was tolerated.
    pub rules: Rules,
}

struct Run<'a> {
    record: &'a Record,
    analysis: Analysis,
    verdict: VerdictKind,
}

impl Run<'_> {
    /// Whether both are one run, wherever its record lies.
    fn is(&self, other: &Run<'_>) -> bool {
        self.record.manifest == other.record.manifest
    }

    fn whole(&self) -> Whole<'_> {
        Whole { records: std::slice::from_ref(self.record), analysis: &self.analysis }
    }
}

/// Compares the runs of two sides; without a candidate, what came before the upgrade of one run
/// with what came after it. Each record is a whole run.
///
/// # Errors
/// When a record cannot be read, or the runs cannot be compared honestly, with every reason.
pub fn compare(
    base: &[Record],
    candidate: &[Record],
    rules: &Rules,
) -> Result<Comparison, CompareError> {
    let alone = candidate.is_empty();
    // A run may be given on both sides: its doubts are told once.
    let (mut doubts, mut read) = (BTreeSet::new(), Vec::new());
    for record in base.iter().chain(candidate) {
        let analysis = analyze(std::slice::from_ref(record))?;
        let verdict = Verdict::of(&analysis);
        doubts.extend(fitness::doubts(&analysis, &verdict));
        if verdict.kind == VerdictKind::DataFail {
            let run_id = &analysis.run.run_id;
            doubts.insert(format!(
                "run {run_id}: DATA FAIL: a cluster that loses data is no measure"
            ));
        }
        read.push(Run { record, analysis, verdict: verdict.kind });
    }
    if !doubts.is_empty() {
        return Err(CompareError::Unfit { reasons: doubts.into_iter().collect() });
    }
    let (before, after) = read.split_at(base.len());
    let after = if alone { before } else { after };
    if (before.len() == 1) != (after.len() == 1) {
        return Err(CompareError::Lopsided { base: before.len(), candidate: after.len() });
    }
    if let Some(run_id) = [before, after].into_iter().find_map(twice) {
        return Err(CompareError::Twice { run_id });
    }
    let differences = match before.first() {
        Some(first) => {
            let side =
                |index| if index < base.len() { "another run of it" } else { "the candidate" };
            let others = read.iter().enumerate().skip(1);
            fitness::differences(first.record, others.map(|(at, run)| (side(at), run.record)))
        }
        None => return Err(CompareError::Lopsided { base: 0, candidate: after.len() }),
    };
    if !differences.is_empty() && !rules.allow_differences {
        return Err(CompareError::Different { reasons: differences });
    }
    let pairs = pairs(&read, alone, rules);
    let mut sections = sections(before, after, &pairs, rules)?;
    for gated in [true, false] {
        let own = sections.iter_mut().filter(|section| section.pair.gated == gated);
        settle(own.flat_map(|section| &mut section.metrics));
    }
    let gated = sections.iter().filter(|section| section.pair.gated);
    let answer = answer(gated.flat_map(|section| &section.metrics));
    Ok(Comparison {
        sentence: sentence::sentence(answer, &sections),
        answer,
        base: before.iter().map(info).collect(),
        candidate: after.iter().map(info).collect(),
        notes: notes(before, if alone { &[] } else { after }),
        sections,
        differences,
        rules: rules.clone(),
    })
}

fn pairs(runs: &[Run<'_>], alone: bool, rules: &Rules) -> Vec<Pair> {
    match &rules.parts {
        _ if alone => vec![Pair::around_upgrade(true)],
        Some(parts) => parts.iter().map(|&part| Pair::same(part, true)).collect(),
        None => {
            let upgraded = runs.iter().all(|run| run.analysis.course.window.is_some());
            let upgrade = upgraded.then(|| Pair::same(Part::Upgrade, false));
            [Pair::same(Part::Steady, true)].into_iter().chain(upgrade).collect()
        }
    }
}

fn sections(
    base: &[Run<'_>],
    candidate: &[Run<'_>],
    pairs: &[Pair],
    rules: &Rules,
) -> Result<Vec<Section>, CompareError> {
    for pair in pairs {
        for (runs, part) in [(base, pair.base), (candidate, pair.candidate)] {
            let without = runs.iter().find(|run| part.phases(&run.analysis).next().is_none());
            if let Some(run) = without {
                let run_id = run.analysis.run.run_id.clone();
                return Err(CompareError::NoPart { run_id, part });
            }
        }
    }
    if let ([base], [candidate]) = (base, candidate) {
        return Ok(of_blocks(base.whole(), candidate.whole(), pairs, rules)?);
    }
    let by_turns = interleaved(base, candidate);
    let [base, candidate] =
        [base, candidate].map(|runs| runs.iter().map(|run| &run.analysis).collect::<Vec<_>>());
    Ok(pairs.iter().map(|pair| of_runs([&base, &candidate], *pair, rules, by_turns)).collect())
}

/// A run that is given twice on a side.
fn twice(side: &[Run<'_>]) -> Option<String> {
    let mut known = side.iter().enumerate();
    let again = known.find(|(at, run)| side[..*at].iter().any(|earlier| earlier.is(run)));
    again.map(|(_, run)| run.analysis.run.run_id.clone())
}

fn info(run: &Run<'_>) -> RunInfo {
    let facts = &run.analysis.run;
    let zones = &run.analysis.course.zones;
    let seen = zones.iter().flat_map(|zone| [&zone.first_version, &zone.last_version]);
    let mut versions: Vec<String> = Vec::new();
    for version in seen.flatten() {
        if !versions.contains(version) {
            versions.push(version.clone());
        }
    }
    RunInfo {
        run_id: facts.run_id.clone(),
        origin_wall: facts.origin_wall,
        versions,
        verdict: run.verdict,
    }
}

fn notes(base: &[Run<'_>], candidate: &[Run<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    let all = base.iter().chain(candidate);
    for run in all.clone() {
        let facts = &run.analysis.run;
        if let Some(why) = &facts.ended_early {
            notes.push(format!("run {} ended before its timetable: {why}", facts.run_id));
        }
        if !run.analysis.data.as_ref().is_some_and(|data| data.audited) {
            notes.push(format!("the data of run {} were not checked after it", facts.run_id));
        }
    }
    let given = all.clone().enumerate();
    let again = given.filter(|(at, run)| all.clone().take(*at).any(|earlier| earlier.is(run)));
    notes.extend(again.map(|(_, run)| {
        let run_id = &run.analysis.run.run_id;
        format!("run {run_id} is given twice: what is compared with itself shows no change")
    }));
    let zones = |run: &Run<'_>| run.analysis.run.scenario.cluster.zones.clone();
    if all.clone().any(|run| zones(run) != zones(&base[0])) {
        notes.push("the zones were not at the same addresses in all runs".to_owned());
    }
    if base.len() > 1 && !interleaved(base, candidate) {
        notes.push(
            "the runs of the two sides were not interleaved: what drifted in between, such as \
             the machine or the size of the data, is in the ratio as well"
                .to_owned(),
        );
    }
    notes.dedup();
    notes
}

/// Whether, in the order of their beginnings, no more than two runs of a side follow each other.
fn interleaved(base: &[Run<'_>], candidate: &[Run<'_>]) -> bool {
    let began = |run: &Run<'_>| run.analysis.run.origin_wall;
    let mut order: Vec<_> = base.iter().map(|run| (began(run), 'a')).collect();
    order.extend(candidate.iter().map(|run| (began(run), 'b')));
    order.sort_unstable();
    order.windows(3).all(|three| three.iter().any(|run| run.1 != three[0].1))
}

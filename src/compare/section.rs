//! One part of a side against one of the other: cut into units, and every metric of them judged.

use crate::analysis::{Analysis, AnalysisError, Block, Cut, blocks};
use crate::record::Record;
use crate::scenario::Scenario;

use super::estimate::UNITS_MIN;
use super::facts::Facts;
use super::judge::{Judged, Observed};
use super::metric::{Metric, Quantity, UnitSums};
use super::part::{Pair, Part};
use super::rules::Rules;
use super::sentence;
use super::width::{self, Stretch};

/// What one observation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A block of so many µs, in one run of each side.
    Block(u64),
    /// A whole run, of several on each side.
    Run,
}

/// One part against another.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Which.
    pub pair: Pair,
    /// What an observation is; `None` where there is too little time for any.
    pub unit: Option<Unit>,
    /// How many the base and the candidate have.
    pub units: [usize; 2],
    /// How long the figures of either side remember themselves, in µs; in single runs only.
    pub memory_us: Option<[u64; 2]>,
    /// Every metric.
    pub metrics: Vec<Judged>,
    /// What is not tested, of the base and of the candidate.
    pub facts: [Facts; 2],
    /// Why nothing was tested; empty otherwise.
    pub note: String,
}

/// One run: its records, of which there are several where several drivers made it, and what is in
/// them.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) records: &'a [Record],
    pub(super) analysis: &'a Analysis,
}

/// One run with one: the unit is a block of time.
pub(super) fn of_blocks(
    base: Whole<'_>,
    candidate: Whole<'_>,
    pairs: &[Pair],
    rules: &Rules,
) -> Result<Vec<Section>, AnalysisError> {
    let stretches: Vec<[Stretch; 2]> = pairs
        .iter()
        .map(|pair| [stretch(base, pair.base), stretch(candidate, pair.candidate)])
        .collect();
    let widths: Vec<Option<u64>> = stretches.iter().map(|both| width::width_us(*both)).collect();
    let [ours, theirs] = cut_both(base, candidate, pairs, &widths)?;
    let sums = |run: Whole<'_>, blocks: Vec<Block>, width: u64| -> Vec<UnitSums> {
        let deadline_us = deadline_us(&run.analysis.run.scenario);
        blocks.into_iter().map(|block| UnitSums::new(block, width, deadline_us)).collect()
    };
    let sections =
        pairs.iter().zip(ours.into_iter().zip(theirs)).zip(widths.iter().zip(&stretches));
    Ok(sections
        .map(|((pair, (ours, theirs)), (width, stretches))| {
            let memory = Some(stretches.map(|stretch| stretch.memory_us));
            let facts = facts([&[base.analysis], &[candidate.analysis]], *pair);
            let Some(width) = *width else {
                let note = sentence::too_short(*pair, stretches);
                return untested(*pair, [0, 0], memory, facts, note);
            };
            let units = [sums(base, ours, width), sums(candidate, theirs, width)];
            Section {
                pair: *pair,
                unit: Some(Unit::Block(width)),
                units: [units[0].len(), units[1].len()],
                memory_us: memory,
                metrics: judged(&units, rules, Observed::Blocks),
                facts,
                note: String::new(),
            }
        })
        .collect())
}

fn stretch(run: Whole<'_>, part: Part) -> Stretch {
    let spans = part.spans(run.analysis);
    let length_us = spans.iter().map(|(start, end)| end.since_us(*start)).sum();
    let due: u64 = part.phases(run.analysis).map(|(_, own)| own.total.counts.offered).sum();
    // A tenth more, since arrivals are not even.
    let wanted = Quantity::P99.transactions_min() * 11 / 10;
    Stretch {
        length_us,
        memory_us: width::memory_us(&run.analysis.series, &spans),
        quantiles_us: length_us / due.max(1) * wanted,
    }
}

/// The blocks of every pair, of the base and of the candidate. What is too short for blocks is cut
/// into none.
fn cut_both(
    base: Whole<'_>,
    candidate: Whole<'_>,
    pairs: &[Pair],
    widths: &[Option<u64>],
) -> Result<[Vec<Vec<Block>>; 2], AnalysisError> {
    let cuts = |run: Whole<'_>, part: fn(&Pair) -> Part| -> Vec<Cut> {
        let cut = |(pair, width): (&Pair, &Option<u64>)| Cut {
            spans: width.map_or_else(Vec::new, |_| part(pair).spans(run.analysis)),
            width_us: width.unwrap_or(1),
        };
        pairs.iter().zip(widths).map(cut).collect()
    };
    let ours = cuts(base, |pair| pair.base);
    let theirs = cuts(candidate, |pair| pair.candidate);
    // Before and after in one run: one pass over its record is enough.
    if std::ptr::eq(base.records, candidate.records) {
        let mut both = blocks(base.records, &[ours, theirs].concat())?;
        let theirs = both.split_off(pairs.len());
        return Ok([both, theirs]);
    }
    Ok([blocks(base.records, &ours)?, blocks(candidate.records, &theirs)?])
}

/// Several runs with several, by turns or not: the unit is a whole run.
pub(super) fn of_runs(
    sides: [&[&Analysis]; 2],
    pair: Pair,
    rules: &Rules,
    by_turns: bool,
) -> Section {
    let sums = |runs: &[&Analysis], part: Part| -> Vec<UnitSums> {
        let of = |analysis: &&Analysis| {
            let (mut kinds, mut length_us) = (Block::default(), 0);
            for (_, phase) in part.phases(analysis) {
                kinds.iter_mut().zip(&phase.kinds).for_each(|(sum, kind)| sum.add(kind));
                length_us += phase.phase.length_us();
            }
            UnitSums::new(kinds, length_us, deadline_us(&analysis.run.scenario))
        };
        runs.iter().map(of).collect()
    };
    let units = sides.map(<[_]>::len);
    let facts = facts(sides, pair);
    if units.iter().any(|&units| units < UNITS_MIN) {
        let note = format!("at least {UNITS_MIN} runs a side are needed to tell anything");
        return untested(pair, units, None, facts, note);
    }
    let [base, candidate] = sides;
    let sums = [sums(base, pair.base), sums(candidate, pair.candidate)];
    let observed = if by_turns { Observed::Runs } else { Observed::RunsInARow };
    Section {
        pair,
        unit: Some(Unit::Run),
        units,
        memory_us: None,
        metrics: judged(&sums, rules, observed),
        facts,
        note: String::new(),
    }
}

fn judged([base, candidate]: &[Vec<UnitSums>; 2], rules: &Rules, unit: Observed) -> Vec<Judged> {
    let all = Metric::all().into_iter();
    all.map(|metric| Judged::of(metric, base, candidate, rules, unit)).collect()
}

/// Of one run whose parts are not compared, and why.
pub(super) fn untold(analysis: &Analysis, pair: Pair, note: String) -> Section {
    untested(pair, [0, 0], None, facts([&[analysis], &[analysis]], pair), note)
}

fn untested(
    pair: Pair,
    units: [usize; 2],
    memory_us: Option<[u64; 2]>,
    facts: [Facts; 2],
    note: String,
) -> Section {
    let all = Metric::all().into_iter();
    let metrics = all.map(|metric| Judged::untested(metric, note.clone())).collect();
    Section { pair, unit: None, units, memory_us, metrics, facts, note }
}

fn facts([base, candidate]: [&[&Analysis]; 2], pair: Pair) -> [Facts; 2] {
    [(base, pair.base), (candidate, pair.candidate)]
        .map(|(runs, part)| Facts::of(runs.iter().copied(), part))
}

fn deadline_us(scenario: &Scenario) -> u64 {
    scenario.load.deadline.as_us()
}

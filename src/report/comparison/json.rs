//! `comparison.json`: names are stable and carry their units.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::{Quantile, words};
use crate::compare::{
    Answer, Comparison, Facts, Judged, Metric, Outcome, Part, Quantity, RunInfo, Section, Subject,
    Unit,
};
use crate::event::{RunTime, TxnKind};
use crate::verdict::VerdictKind;

/// Version of the layout; raised when a name changes its meaning or goes away.
pub const COMPARISON_FORMAT: u32 = 1;

/// What came before, or last, against what came after. Names are stable, and more may come.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Comparison")]
struct Out<'a> {
    format: u32,
    answer: Answer,
    exit_code: u8,
    sentence: &'a str,
    base: Vec<RunOut<'a>>,
    candidate: Vec<RunOut<'a>>,
    /// The parts of the runs that were compared; those that decide first.
    parts: Vec<PartOut<'a>>,
    /// In what the runs differ although they are compared.
    differences: &'a [String],
    notes: &'a [String],
    tolerated: Vec<ToleratedOut>,
}

#[derive(Serialize, JsonSchema)]
struct RunOut<'a> {
    run_id: &'a str,
    origin_utc: String,
    versions: &'a [String],
    verdict: VerdictKind,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct PartOut<'a> {
    base: Part,
    candidate: Part,
    /// Whether it decides.
    gated: bool,
    /// Absent where the unit is a whole run, or there is too little time.
    #[serde(skip_serializing_if = "Option::is_none")]
    block_us: Option<u64>,
    base_units: usize,
    candidate_units: usize,
    metrics: Vec<MetricOut<'a>>,
    base_facts: FactsOut,
    candidate_facts: FactsOut,
}

#[derive(Serialize, JsonSchema)]
struct MetricOut<'a> {
    name: String,
    quantity: Quantity,
    /// Absent of all transactions together.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<TxnKind>,
    outcome: Outcome,
    /// µs; transactions a second for throughput.
    base: Option<f64>,
    candidate: Option<f64>,
    ratio: Option<f64>,
    ratio_low: Option<f64>,
    ratio_high: Option<f64>,
    ratio_limit: Option<f64>,
    /// The chance of such a ratio were the truth at the limit.
    p: Option<f64>,
    /// The same by ranks, of six or more runs a side.
    p_ranks: Option<f64>,
    /// The greater of the two after Holm's correction.
    p_adjusted: Option<f64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct FactsOut {
    length_us: u64,
    offered: u64,
    good: u64,
    bad: u64,
    /// The outage behind the longest write gap lasted between these.
    write_gap_us: Option<(u64, u64)>,
    /// No shorter gap is claimed.
    write_gap_resolution_us: u64,
    client_outage_p99_us: Option<u64>,
    client_outage_max_us: Option<u64>,
    /// Of all transactions pooled, where there are 100 000; nothing where it never succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    p999_us: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct ToleratedOut {
    quantity: Quantity,
    share: f64,
    floor_us: u64,
}

/// The comparison as pretty JSON.
pub(super) fn render(found: &Comparison) -> String {
    let out = Out {
        format: COMPARISON_FORMAT,
        answer: found.answer,
        exit_code: found.answer.exit_code(),
        sentence: &found.sentence,
        base: found.base.iter().map(run).collect(),
        candidate: found.candidate.iter().map(run).collect(),
        parts: found.sections.iter().map(part).collect(),
        differences: &found.differences,
        notes: &found.notes,
        tolerated: Quantity::ALL
            .iter()
            .map(|&quantity| {
                let of = found.rules.of(quantity);
                ToleratedOut { quantity, share: of.share, floor_us: of.floor_us }
            })
            .collect(),
    };
    serde_json::to_string_pretty(&out).expect("a comparison has only string keys") + "\n"
}

/// The JSON schema of `comparison.json`, made from the layout itself. A copy of it is committed as
/// `results/comparison.schema.json`.
pub fn comparison_schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Out<'static>>().to_value()
}

fn run(run: &RunInfo) -> RunOut<'_> {
    RunOut {
        run_id: &run.run_id,
        origin_utc: words::rfc3339(run.origin_wall, RunTime::ZERO),
        versions: &run.versions,
        verdict: run.verdict,
    }
}

pub(in crate::report) fn part(section: &Section) -> PartOut<'_> {
    let block_us = match section.unit {
        Some(Unit::Block(width)) => Some(width),
        Some(Unit::Run) | None => None,
    };
    let [base_units, candidate_units] = section.units;
    let [base_facts, candidate_facts] = &section.facts;
    PartOut {
        base: section.pair.base,
        candidate: section.pair.candidate,
        gated: section.pair.gated,
        block_us,
        base_units,
        candidate_units,
        metrics: section.metrics.iter().map(metric).collect(),
        base_facts: facts(base_facts),
        candidate_facts: facts(candidate_facts),
    }
}

fn metric(judged: &Judged) -> MetricOut<'_> {
    let Metric { quantity, subject } = judged.metric;
    let estimate = judged.estimate;
    MetricOut {
        name: judged.metric.to_string(),
        quantity,
        kind: match subject {
            Subject::All => None,
            Subject::Kind(kind) => Some(kind),
        },
        outcome: judged.outcome,
        base: judged.base,
        candidate: judged.candidate,
        ratio: estimate.map(|found| found.ratio),
        ratio_low: estimate.map(|found| found.low),
        ratio_high: estimate.map(|found| found.high),
        ratio_limit: judged.limit,
        p: judged.chance,
        p_ranks: judged.ranks,
        p_adjusted: judged.adjusted,
        note: &judged.note,
    }
}

fn facts(own: &Facts) -> FactsOut {
    let us = |quantile| match quantile {
        Quantile::Us(us) => Some(us),
        Quantile::NoData | Quantile::Never => None,
    };
    FactsOut {
        length_us: own.length_us,
        offered: own.counts.offered,
        good: own.counts.good,
        bad: own.counts.bad(),
        write_gap_us: own.gap_us,
        write_gap_resolution_us: own.tau_us,
        client_outage_p99_us: us(own.outage_p99),
        client_outage_max_us: us(own.outage_max),
        p999_us: own.p999.and_then(us),
    }
}

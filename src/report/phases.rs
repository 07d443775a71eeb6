//! `phases.csv`: what was offered and what became of it, by phase and transaction.

use crate::analysis::{Analysis, PhaseFigures, Tally, words};

use super::availability::budget_used;
use super::latency::cell;
use super::table::Csv;

const HEADER: &[&str] = &[
    "phase_index",
    "phase",
    "zone",
    "step",
    "role",
    "source",
    "start_us",
    "end_us",
    "start_utc",
    "uncertainty_us",
    "step_failed",
    "kind",
    "offered",
    "good",
    "late",
    "failed",
    "ambiguous",
    "censored",
    "shed",
    "absorbed_by_retry",
    "crossed",
    "attempts",
    "response_p50_us",
    "response_p99_us",
    "response_max_us",
    "write_gap_max_us",
    "write_gap_tau_us",
    "client_outages",
    "client_outage_p50_us",
    "client_outage_p99_us",
    "client_outage_max_us",
    "client_lost_us",
    "brownout_us",
    "error_budget_used",
];

/// One row a phase and kind, then one with `all`; columns of availability stand there
/// alone. An error budget of 1 is used up; `inf` is one that allows nothing.
pub(super) fn render(analysis: &Analysis) -> Vec<u8> {
    let mut csv = Csv::new(HEADER);
    for (index, phase) in analysis.phases.iter().enumerate() {
        for (kind, tally) in phase.by_kind(analysis.run.work) {
            csv.row(row(analysis, index, phase, kind.as_str(), tally, Default::default()));
        }
        let availability = availability(analysis, index);
        csv.row(row(analysis, index, phase, "all", &phase.total, availability));
    }
    csv.into_bytes()
}

fn availability(analysis: &Analysis, index: usize) -> [String; 9] {
    let phase = &analysis.phases[index];
    let longest = analysis.writes.longest(|of| of == index);
    let lengths = &phase.outages.lengths;
    let brownouts = analysis.brownouts.as_ref();
    [
        longest.map_or_else(String::new, |gap| gap.length_us().to_string()),
        analysis.writes.cluster.tau_us[index].to_string(),
        lengths.len().to_string(),
        cell(lengths.quantile(0.5)),
        cell(lengths.quantile(0.99)),
        cell(lengths.max()),
        phase.outages.lost_us.to_string(),
        brownouts.map_or_else(String::new, |all| all.sum(|of| of.phase == index).to_string()),
        budget_used(analysis, phase).map_or_else(String::new, |used| format!("{used:.3}")),
    ]
}

fn row(
    analysis: &Analysis,
    index: usize,
    figures: &PhaseFigures,
    kind: &str,
    tally: &Tally,
    availability: [String; 9],
) -> Vec<String> {
    let (phase, counts) = (&figures.phase, &tally.counts);
    let names = analysis.zone_names();
    let zone = phase.name.zone.and_then(|zone| names.get(zone.index()).cloned());
    let mut row = vec![
        index.to_string(),
        figures.label.clone(),
        zone.unwrap_or_default(),
        phase.name.step.clone(),
        figures.role.to_string(),
        phase.source.to_string(),
        phase.start.0.to_string(),
        phase.end.0.to_string(),
        words::rfc3339(analysis.run.origin_wall, phase.start),
        phase.uncertainty_us.to_string(),
        u8::from(phase.failed).to_string(),
        kind.to_owned(),
    ];
    let numbers = [
        counts.offered,
        counts.good,
        counts.late,
        counts.failed,
        counts.ambiguous,
        counts.censored,
        counts.shed,
        counts.absorbed,
        counts.crossed,
        counts.attempts,
    ];
    row.extend(numbers.map(|number| number.to_string()));
    let response = &tally.response;
    row.extend([response.quantile(0.5), response.quantile(0.99), response.max()].map(cell));
    row.extend(availability);
    row
}

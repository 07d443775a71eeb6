//! `latency.csv`: percentiles of response and service by phase and transaction.

use crate::analysis::{Analysis, Latency, Quantile, Tally};

use super::table::Csv;

const HEADER: &[&str] = &[
    "phase_index",
    "phase",
    "role",
    "kind",
    "measure",
    "count",
    "never",
    "p50_us",
    "p90_us",
    "p95_us",
    "p99_us",
    "p99_9_us",
    "max_us",
];

/// The quantiles of every report, with their names.
pub(super) const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)];

/// `inf` is a quantile that falls among transactions that never succeeded; blank is no data.
pub(super) fn render(analysis: &Analysis) -> Vec<u8> {
    let mut csv = Csv::new(HEADER);
    for (index, phase) in analysis.phases.iter().enumerate() {
        let place = [index.to_string(), phase.label.clone(), phase.role.to_string()];
        for (kind, tally) in phase.by_kind(analysis.run.work) {
            rows(&mut csv, &place, kind.as_str(), tally);
        }
        rows(&mut csv, &place, "all", &phase.total);
    }
    let run = [String::new(), "run".to_owned(), String::new()];
    rows(&mut csv, &run, "all", &analysis.total);
    csv.into_bytes()
}

fn rows(csv: &mut Csv, place: &[String; 3], kind: &str, tally: &Tally) {
    for (measure, latency) in [("response", &tally.response), ("service", &tally.service)] {
        let mut row = place.to_vec();
        row.extend([kind.to_owned(), measure.to_owned()]);
        row.extend([latency.len().to_string(), latency.never().to_string()]);
        row.extend(cells(latency));
        csv.row(&row);
    }
}

fn cells(latency: &Latency) -> impl Iterator<Item = String> {
    let quantiles = QUANTILES.iter().map(|(_, q)| latency.quantile(*q));
    quantiles.chain([latency.max()]).map(cell)
}

/// A quantile in µs as a CSV field.
pub(super) fn cell(quantile: Quantile) -> String {
    match quantile {
        Quantile::NoData => String::new(),
        Quantile::Us(us) => us.to_string(),
        Quantile::Never => "inf".to_owned(),
    }
}

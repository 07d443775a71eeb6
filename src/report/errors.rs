//! `errors.csv`: every error of every attempt, counted by what tells one from another.

use crate::analysis::Analysis;

use super::table::Csv;

const HEADER: &[&str] = &[
    "phase_index",
    "phase",
    "zone",
    "kind",
    "outcome",
    "class",
    "errno",
    "sqlstate",
    "statement",
    "count",
    "first_us",
    "last_us",
];

/// One row an error; a blank zone was never sent anywhere.
pub(super) fn render(analysis: &Analysis) -> Vec<u8> {
    let names = analysis.zone_names();
    let mut csv = Csv::new(HEADER);
    for error in &analysis.errors {
        let key = &error.key;
        let zone = key.zone.and_then(|zone| names.get(zone.index()).cloned());
        csv.row([
            key.phase.to_string(),
            analysis.phases[key.phase].label.clone(),
            zone.unwrap_or_default(),
            key.kind.to_string(),
            key.outcome.to_string(),
            key.class.to_string(),
            key.errno.to_string(),
            key.code().sqlstate_str().to_owned(),
            key.statement.map_or_else(String::new, |statement| statement.to_string()),
            error.count.to_string(),
            error.first.0.to_string(),
            error.last.0.to_string(),
        ]);
    }
    csv.into_bytes()
}

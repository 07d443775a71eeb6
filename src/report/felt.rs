//! What errors of attempts came to for the business, as sentences.

use crate::analysis::{Analysis, LookedUp, words};
use crate::event::UnknownError;

/// What retry absorbed apart from what was felt, what look-ups found of commits of unknown fate,
/// and the words of errors that are in no table. Nothing where there was no error.
pub(super) fn errors(analysis: &Analysis) -> Vec<String> {
    if analysis.errors.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![felt(analysis)];
    lines.extend(looked_up(analysis));
    let unknown = analysis.course.unknown_errors.iter();
    lines.extend(unknown.map(|error| in_its_words(analysis, error)));
    lines
}

fn felt(analysis: &Analysis) -> String {
    let counts = &analysis.total.counts;
    format!(
        "Absorbed by retry: {} done in time all the same. Felt by the business: {} failed, {} \
         late, {} of unknown fate.",
        words::counted(counts.absorbed, "transaction"),
        words::count(counts.failed),
        words::count(counts.late),
        words::count(counts.ambiguous),
    )
}

/// All commits of unknown fate, then by phase. The audit looks again.
fn looked_up(analysis: &Analysis) -> Option<String> {
    let spelled = |found: LookedUp| {
        let LookedUp { committed, absent, open } = found;
        format!("{committed} committed, {absent} absent, {open} open")
    };
    let mut all = LookedUp::default();
    let mut phases = Vec::new();
    for phase in analysis.phases.iter().filter(|phase| phase.looked_up.total() > 0) {
        all.add(phase.looked_up);
        phases.push(format!("{} {}", phase.label, spelled(phase.looked_up)));
    }
    (all.total() > 0).then(|| {
        format!(
            "Looked up while the load went on: {} of unknown fate, {} ({}).",
            words::counted(all.total(), "commit"),
            spelled(all),
            phases.join("; ")
        )
    })
}

fn in_its_words(analysis: &Analysis, error: &UnknownError) -> String {
    let UnknownError { zone, errno, sqlstate, statement, text } = error;
    let names = analysis.zone_names();
    let zone = zone.and_then(|zone| names.get(zone.index())).map(String::as_str);
    let from = zone.unwrap_or("through the proxy");
    format!("UNKNOWN CODE {errno} {sqlstate} at {statement} ({from}): {text}")
}

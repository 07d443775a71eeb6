//! Whether runs may be compared at all: whole, valid, and of the same thing.

use std::collections::BTreeSet;

use crate::analysis::Analysis;
use crate::record::{Fingerprint, Record, Work};
use crate::verdict::{Verdict, VerdictKind};

/// What speaks against resting anything on a run.
pub(super) fn doubts(analysis: &Analysis, verdict: &Verdict) -> Vec<String> {
    let run_id = &analysis.run.run_id;
    let mut reasons: Vec<String> = analysis.problems.iter().map(ToString::to_string).collect();
    if analysis.run.work == Work::Load {
        reasons.push("it is a recorded load; only runs are compared".to_owned());
    } else if analysis.own.samples == 0 {
        reasons.push("the tool's own health was not recorded".to_owned());
    }
    let invalid = verdict.reasons.iter().filter(|reason| reason.kind == VerdictKind::Invalid);
    reasons.extend(invalid.map(|reason| format!("INVALID: {}", reason.text)));
    reasons.iter().map(|reason| format!("run {run_id}: {reason}")).collect()
}

/// Everything in which other runs differ from the base's first, each told once; every other run
/// comes with what to call it.
pub(super) fn differences<'a>(
    first: &Record,
    others: impl Iterator<Item = (&'static str, &'a Record)>,
) -> Vec<String> {
    let found: BTreeSet<String> = others
        .flat_map(|(side, other)| {
            let all = fingerprints(first, other).into_iter().chain(sessions(first, other));
            all.map(move |(what, here, there)| {
                format!("{what} is {here} in the base and {there} in {side}")
            })
        })
        .collect();
    found.into_iter().collect()
}

fn fingerprints(a: &Record, b: &Record) -> Vec<(String, String, String)> {
    let of =
        |record: &Record| Fingerprint::wherever(&record.manifest.scenario, record.manifest.format);
    of(a).differences(&of(b))
}

/// How their sessions spoke to the servers, where both records say.
fn sessions(a: &Record, b: &Record) -> Vec<(String, String, String)> {
    let (Some(a), Some(b)) = (&a.manifest.sessions, &b.manifest.sessions) else {
        return Vec::new();
    };
    let all = [
        ("how statements are sent", a.statements.clone(), b.statements.clone()),
        ("the protocol", a.protocol.clone(), b.protocol.clone()),
        ("what sessions begin with", a.settings.join("; "), b.settings.join("; ")),
    ];
    let differs = all.into_iter().filter(|(_, here, there)| here != there);
    differs.map(|(what, here, there)| (what.to_owned(), here, there)).collect()
}

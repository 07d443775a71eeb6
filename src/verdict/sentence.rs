//! The answer in one sentence, for whoever reads nothing else. It follows the verdict's title and
//! a colon, so it begins in lower case, and a zone's name stays as it is spelled.

use crate::analysis::{Analysis, Gap, LoadCourse, Role, words};
use crate::event::RunTime;

use super::{ObjectiveResult, Reason, Status, VerdictKind};

pub(super) fn sentence(
    kind: VerdictKind,
    analysis: &Analysis,
    objectives: &[ObjectiveResult],
    reasons: &[Reason],
) -> String {
    match (kind, &analysis.load) {
        (VerdictKind::Pass, Some(load)) => loaded(analysis, load),
        (VerdictKind::Pass, None) => pass(analysis),
        // Says itself that it is not complete, and what to do.
        (VerdictKind::Fail, Some(load)) => ended(load.detail.clone()),
        (VerdictKind::Fail, None) => fail(analysis, objectives),
        _ => {
            let reason = reasons.iter().find(|reason| reason.kind == kind);
            let unknown = objectives.iter().find(|result| result.status == Status::Unknown);
            let text = reason.map(|reason| reason.text.clone()).or_else(|| {
                unknown
                    .map(|result| format!("{} cannot be told: {}", result.headline(), result.note))
            });
            // The rest of it is among the reasons.
            ended(text.unwrap_or_default().lines().next().unwrap_or_default().to_owned())
        }
    }
}

fn loaded(analysis: &Analysis, load: &LoadCourse) -> String {
    let errors: u64 = analysis.phases.iter().map(|phase| phase.errors).sum();
    let under_load = load
        .upgrade_share
        .map(|share| format!("; {} of the upgrade was under load", words::share(share)));
    ended(format!(
        "the load is complete and every zone holds exactly its rows: {}, {} overcome{}",
        load.detail,
        words::counted(errors, "failed attempt"),
        under_load.unwrap_or_default()
    ))
}

fn pass(analysis: &Analysis) -> String {
    let counts = analysis.sum(|role| role != Role::WarmUp).counts;
    let good = if counts.good == counts.offered {
        format!("all {} were good", words::counted(counts.offered, "transaction"))
    } else {
        format!(
            "{} of {} were good",
            words::count(counts.good),
            words::counted(counts.offered, "transaction")
        )
    };
    let gap = match longest(analysis) {
        Some(gap) => {
            let length = words::duration(gap.length_us());
            let phase = &analysis.phases[gap.phase].label;
            format!("the longest write gap was {}", place(analysis, &length, phase, gap.start))
        }
        None => {
            let taus = &analysis.writes.cluster.tau_us;
            let tau = taus.iter().copied().max().unwrap_or(0);
            format!("no write gap was longer than {}", words::duration(tau))
        }
    };
    ended(format!("the business kept being served: {good}; {gap}"))
}

fn fail(analysis: &Analysis, objectives: &[ObjectiveResult]) -> String {
    let missed: Vec<_> = objectives.iter().filter(|r| r.status == Status::Missed).collect();
    let gap = missed.iter().find(|result| result.id == "write-gap");
    let gap = gap.and_then(|result| {
        let (seen, found) = (result.evidence.as_ref()?, result.measured?);
        let limit = result.limit.to_string();
        let place = place(analysis, &found.to_string(), &seen.phase, seen.start);
        Some(format!(
            "the longest write gap was {place}; {} is allowed",
            limit.trim_start_matches("≤ ")
        ))
    });
    let lead = match (gap, missed.first()) {
        (Some(gap), _) => gap,
        (None, Some(first)) => {
            let figure = first.measured.map_or_else(|| "-".to_owned(), |found| found.to_string());
            let place = first.evidence.as_ref().map(|seen| format!(", worst in {}", seen.phase));
            let place = place.unwrap_or_default();
            format!("{}: {figure} where {} is allowed{place}", first.headline(), first.limit)
        }
        (None, None) => "an objective was missed".to_owned(),
    };
    match missed.len() {
        0 | 1 => ended(lead),
        2 => format!("{lead}. One more objective was missed."),
        more => format!("{lead}. {} more objectives were missed.", more - 1),
    }
}

fn longest(analysis: &Analysis) -> Option<&Gap> {
    analysis.writes.longest(|phase| analysis.phases[phase].role.is_judged())
}

fn place(analysis: &Analysis, length: &str, phase: &str, start: RunTime) -> String {
    format!(
        "{length} in {phase} at {} ({} UTC)",
        words::moment(start),
        words::wall_time(analysis.run.origin_wall, start)
    )
}

fn ended(text: String) -> String {
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

//! The answer in one sentence, for whoever reads nothing else. It follows the verdict's title and
//! a colon, so it begins in lower case, and a zone's name stays as it is spelled.

use crate::analysis::{Analysis, Gap, Role, words};

use super::{ObjectiveResult, Reason, Status, VerdictKind};

pub(super) fn sentence(
    kind: VerdictKind,
    analysis: &Analysis,
    objectives: &[ObjectiveResult],
    reasons: &[Reason],
) -> String {
    match kind {
        VerdictKind::Pass => pass(analysis),
        VerdictKind::Fail => fail(analysis, objectives),
        _ => {
            let reason = reasons.iter().find(|reason| reason.kind == kind);
            let unknown = objectives.iter().find(|result| result.status == Status::Unknown);
            let text = reason.map(|reason| reason.text.clone()).or_else(|| {
                unknown.map(|result| format!("{} cannot be told: {}", result.title, result.note))
            });
            // The rest of it is among the reasons.
            ended(text.unwrap_or_default().lines().next().unwrap_or_default().to_owned())
        }
    }
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
        Some(gap) => format!("the longest write gap was {}", place(analysis, gap)),
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
    let gap_missed = missed.iter().any(|result| result.id == "write-gap");
    let lead = match (longest(analysis).filter(|_| gap_missed), missed.first()) {
        (Some(gap), _) => {
            let limit = words::duration(analysis.run.scenario.objectives.write_gap_max.as_us());
            format!("the longest write gap was {}; {limit} is allowed", place(analysis, gap))
        }
        (None, Some(first)) => {
            let figure = first.measured.map_or_else(|| "-".to_owned(), |found| found.to_string());
            let place = first.evidence.as_ref().map(|seen| format!(", worst in {}", seen.phase));
            let place = place.unwrap_or_default();
            format!("{}: {figure} where {} is allowed{place}", first.title, first.limit)
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

fn place(analysis: &Analysis, gap: &Gap) -> String {
    format!(
        "{} in {} at {} ({} UTC)",
        words::duration(gap.length_us()),
        analysis.phases[gap.phase].label,
        words::moment(gap.start),
        words::wall_time(analysis.run.origin_wall, gap.start)
    )
}

fn ended(text: String) -> String {
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

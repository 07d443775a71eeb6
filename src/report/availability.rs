//! What clients felt, as sentences that the text and the Markdown report have in common: first
//! successes after a stop, client outages, brownouts, the error budget.

use std::cmp::Reverse;

use crate::analysis::{
    Analysis, Brownout, Counts, FirstSuccess, Latency, OutageFigures, PhaseFigures, Role, words,
};

/// Phases, and brownouts, listed one by one.
const LISTED_MAX: usize = 5;

pub(super) fn sentences(analysis: &Analysis) -> Vec<String> {
    let mut lines: Vec<String> =
        analysis.first_successes.iter().map(|first| first_success(analysis, first)).collect();
    lines.extend(client_outages(analysis));
    lines.extend(brownouts(analysis));
    lines.push(budget(analysis));
    lines
}

/// `p50 8.3 ms, p99 1.24 s, longest 1.24 s`.
fn spread(analysis: &Analysis, latency: &Latency) -> String {
    let deadline_us = analysis.run.scenario.load.deadline.as_us();
    let [p50, p99, max] = [latency.quantile(0.5), latency.quantile(0.99), latency.max()]
        .map(|quantile| words::quantile(quantile, deadline_us));
    format!("p50 {p50}, p99 {p99}, longest {max}")
}

fn first_success(analysis: &Analysis, first: &FirstSuccess) -> String {
    let names = analysis.zone_names();
    let zone = first.zone.and_then(|zone| names.get(zone.index())).map_or("", String::as_str);
    let any = match first.after_us {
        Some(us) => format!("first success of any terminal after {}", words::duration(us)),
        None => "nothing succeeded after it".to_owned(),
    };
    let own = &first.terminals;
    let never = match own.never() {
        0 => String::new(),
        never => format!(", {} never again", words::count(never)),
    };
    let own = match own.len() {
        0 => "no terminal was on it".to_owned(),
        _ => format!(
            "of the {} on it: {}{never}",
            words::counted(own.len(), "terminal"),
            spread(analysis, own)
        ),
    };
    format!("{zone}/{} at {}: {any}; {own}.", first.step, words::moment(first.at))
}

fn client_outages(analysis: &Analysis) -> Vec<String> {
    let say = |place: &str, outages: &OutageFigures| {
        format!(
            "{place}: {}, {}, {} of terminals' time lost",
            words::counted(outages.lengths.len(), "client outage"),
            spread(analysis, &outages.lengths),
            words::duration(outages.lost_us)
        )
    };
    let all = analysis.outages(Role::is_judged);
    if all.lengths.is_empty() {
        return vec!["No client outage: no terminal had a bad transaction.".to_owned()];
    }
    let is_felt = |phase: &&PhaseFigures| phase.role.is_judged() && phase.outages.lost_us > 0;
    let mut phases: Vec<_> = analysis.phases.iter().filter(is_felt).collect();
    phases.sort_by_key(|phase| Reverse(phase.outages.lost_us));
    let mut lines = vec![format!("{}.", say("The run", &all))];
    let listed = phases.iter().take(LISTED_MAX);
    lines.extend(listed.map(|phase| format!("  {}.", say(&phase.label, &phase.outages))));
    lines
}

fn brownouts(analysis: &Analysis) -> Vec<String> {
    let Some(found) = &analysis.brownouts else {
        return vec![
            "Brownouts cannot be told: there is no baseline to be slower than.".to_owned(),
        ];
    };
    let slow = words::duration(found.slow_us);
    let seconds = words::counted(found.windows, "second");
    if found.brownouts.is_empty() {
        return vec![format!(
            "No brownout: in none of {seconds} were 5 % slower than {slow} again and again."
        )];
    }
    let mut worst: Vec<&Brownout> = found.brownouts.iter().collect();
    worst.sort_by_key(|brownout| (Reverse(brownout.length_us), brownout.start));
    let listed = worst.iter().take(LISTED_MAX).map(|brownout| {
        let open = if brownout.open { ", to the end of the load" } else { "" };
        format!(
            "  {} from {} in {}{open}: {} of {} slower than {slow} or never done.",
            words::duration(brownout.length_us),
            words::moment(brownout.start),
            analysis.phases[brownout.phase].label,
            words::count(brownout.slow),
            words::counted(brownout.transactions, "transaction")
        )
    });
    let total = words::duration(found.sum(|_| true));
    let number = words::counted(found.brownouts.len() as u64, "brownout");
    let lead = format!("{number}, {total} together, write gaps left out:");
    std::iter::once(lead).chain(listed).collect()
}

/// Bad ones over those that the objective of the good share lets be bad, in a phase.
pub(super) fn budget_used(analysis: &Analysis, phase: &PhaseFigures) -> Option<f64> {
    phase.total.counts.budget_used(good_share_min(analysis, phase))
}

/// The same over everything but the warm-up.
pub(super) fn budget_used_by_run(analysis: &Analysis) -> Option<f64> {
    let objective = analysis.run.scenario.objectives.good_share_min;
    counts(analysis).budget_used(objective)
}

fn counts(analysis: &Analysis) -> Counts {
    analysis.sum(|role| role != Role::WarmUp).counts
}

fn good_share_min(analysis: &Analysis, phase: &PhaseFigures) -> f64 {
    let objectives = &analysis.run.scenario.objectives;
    let own = objectives.of_phase(&phase.label, &phase.phase.name.step, |own| own.good_share_min);
    own.map_or(objectives.good_share_min, |(_, share)| share)
}

fn budget(analysis: &Analysis) -> String {
    let objective = analysis.run.scenario.objectives.good_share_min;
    let counts = counts(analysis);
    let used = words::ratio(budget_used_by_run(analysis));
    let worst = analysis
        .phases
        .iter()
        .filter(|phase| phase.role != Role::WarmUp)
        .filter_map(|phase| Some((budget_used(analysis, phase)?, phase)))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .filter(|(used, _)| *used > 0.0);
    let worst = worst.map(|(used, phase)| {
        format!("; most in {}: {} of its own", phase.label, words::ratio(Some(used)))
    });
    format!(
        "Error budget: {} bad of {}, {used} of what good ≥ {} allows{}.",
        words::count(counts.bad()),
        words::counted(counts.offered, "transaction"),
        words::share(objective),
        worst.unwrap_or_default()
    )
}

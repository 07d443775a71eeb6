//! Objectives that may have a limit of their own in single phases.

use crate::analysis::{
    Analysis, Counts, Gap, Outage, OutageFigures, PhaseFigures, Quantile, Role, words,
};
use crate::scenario::{PhaseObjectives, Span};

use super::objectives::{objective, phase_evidence};
use super::{Evidence, Figure, Limit, ObjectiveResult, Status};

/// Each objective first for all phases without a limit of their own, then for those with one.
pub(super) fn judge(analysis: &Analysis) -> Vec<ObjectiveResult> {
    let run = &analysis.run.scenario.objectives;
    // What came due in the drain was due before it: it counts.
    let on = |role| role != Role::WarmUp;
    let mut results = held(analysis, on, run.failed_max, |own| own.failed_max, failed);
    let on = Role::is_judged;
    results.extend(held(analysis, on, run.write_gap_max, |own| own.write_gap_max, write_gap));
    results.extend(held(
        analysis,
        on,
        run.client_outage_p99,
        |own| own.client_outage_p99,
        outage_p99,
    ));
    results.extend(held(
        analysis,
        on,
        run.client_outage_max,
        |own| own.client_outage_max,
        outage_max,
    ));
    let on = |role| role == Role::Window;
    results.extend(held(analysis, on, run.good_share_min, |own| own.good_share_min, good_share));
    results
}

/// The phases that a limit is held against.
struct Part<'a> {
    analysis: &'a Analysis,
    /// The scenario's key for them; `None` for the rest of the run.
    key: Option<&'a str>,
    /// Their indexes, in order.
    phases: Vec<usize>,
}

/// Judges one kind of objective in every part of the run that has a limit for it. Where the scenario
/// does not name a phase, its role says whether it counts.
fn held<T: Copy>(
    analysis: &Analysis,
    counts: impl Fn(Role) -> bool,
    limit: T,
    own: impl Fn(&PhaseObjectives) -> Option<T>,
    judge: impl Fn(&Part<'_>, T) -> ObjectiveResult,
) -> Vec<ObjectiveResult> {
    let objectives = &analysis.run.scenario.objectives;
    let key_of = |phase: &PhaseFigures| {
        objectives.of_phase(&phase.label, &phase.phase.name.step, &own).map(|(key, _)| key)
    };
    let all = || analysis.phases.iter().enumerate();
    let part = |key: Option<&str>| -> Vec<usize> {
        let of = all().filter(|(_, phase)| key_of(phase) == key);
        of.filter(|(_, phase)| key.is_some() || counts(phase.role))
            .map(|(index, _)| index)
            .collect()
    };
    let mut results = Vec::new();
    let rest = Part { analysis, key: None, phases: part(None) };
    // The scenario may have a limit for every phase that would count.
    if !rest.phases.is_empty() || !all().any(|(_, phase)| counts(phase.role)) {
        results.push(judge(&rest, limit));
    }
    for (key, limit) in objectives.phases.iter().filter_map(|(key, of)| Some((key, own(of)?))) {
        let part = Part { analysis, key: Some(key), phases: part(Some(key)) };
        let result = judge(&part, limit);
        let result = match part.phases.is_empty() {
            true => result.unknown(format!("the run had no phase {key} to hold it against")),
            false => result,
        };
        results.push(ObjectiveResult { only_in: Some(key.clone()), ..result });
    }
    results
}

impl<'a> Part<'a> {
    fn figures(&self) -> impl Iterator<Item = &'a PhaseFigures> {
        let analysis = self.analysis;
        self.phases.iter().map(|&index| &analysis.phases[index])
    }

    fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.figures().for_each(|phase| sum.add(&phase.total.counts));
        sum
    }

    /// Where most of what was `bad` was due, as evidence.
    fn worst(
        &self,
        bad: impl Fn(&Counts) -> u64,
        detail: impl Fn(&Counts) -> String,
    ) -> Option<Evidence> {
        let worst = self.figures().max_by_key(|phase| bad(&phase.total.counts))?;
        let counts = &worst.total.counts;
        let span = (worst.phase.start, worst.phase.end);
        let evidence = || phase_evidence(self.analysis, worst, span, detail(counts));
        (bad(counts) > 0).then(evidence)
    }
}

fn failed(part: &Part<'_>, limit: u64) -> ObjectiveResult {
    let title = "failed after every retry";
    let result = objective("failed", title, Limit::AtMost(Figure::Count(limit)));
    let counts = part.counts();
    let (bad, undecided) = (counts.bad(), counts.undecided());
    if counts.offered == 0 {
        return result.unknown("nothing was offered");
    }
    let detail = |counts: &Counts| format!("{} of them there", words::count(counts.bad()));
    let evidence = part.worst(Counts::bad, detail);
    let result = result.found(Figure::Count(bad), bad <= limit, evidence);
    if bad <= limit && bad + undecided > limit {
        return result.unknown(unfinished(undecided));
    }
    result
}

fn good_share(part: &Part<'_>, limit: f64) -> ObjectiveResult {
    let title = "good through the upgrade";
    let title = if part.key.is_some() { "good" } else { title };
    let result = objective("good-share", title, Limit::AtLeast(Figure::Share(limit)));
    let counts = part.counts();
    if counts.offered == 0 {
        return result.unknown("nothing was offered during the upgrade");
    }
    let share = counts.good as f64 / counts.offered as f64;
    let bad = |counts: &Counts| counts.offered - counts.good;
    let detail = |own: &Counts| {
        format!("{} of {} good there", words::count(own.good), words::count(own.offered))
    };
    let evidence = part.worst(bad, detail);
    let result = result.found(Figure::Share(share), share >= limit, evidence);
    let undecided = counts.undecided();
    if share < limit && (counts.good + undecided) as f64 / counts.offered as f64 >= limit {
        return result.unknown(unfinished(undecided));
    }
    result
}

/// Why something cannot be told: so many transactions may still have become good, or bad.
fn unfinished(undecided: u64) -> String {
    format!("{} unfinished at the end of the run", words::counted(undecided, "transaction"))
}

fn write_gap(part: &Part<'_>, limit: Span) -> ObjectiveResult {
    let (analysis, limit) = (part.analysis, limit.as_us());
    let result =
        objective("write-gap", "longest write gap", Limit::AtMost(Figure::DurationUs(limit)));
    if analysis.run.shards > 1 {
        return result.unknown("the error between the drivers' clocks was not measured");
    }
    let cluster = &analysis.writes.cluster;
    let Some(tau_max) = part.phases.iter().map(|&phase| cluster.tau_us[phase]).max() else {
        return result.unknown("the load was never on");
    };
    let result = match analysis.writes.longest(|phase| part.phases.contains(&phase)) {
        Some(gap) => {
            let evidence = gap_evidence(analysis, gap);
            let length = gap.length_us();
            result.found(Figure::DurationUs(length), length <= limit, Some(evidence))
        }
        None => result.found(Figure::NoneOverUs(tau_max), true, None),
    };
    let mut open = cluster.gaps.iter().filter(|gap| gap.open);
    if result.status == Status::Met && open.any(|gap| part.phases.contains(&gap.phase)) {
        return result.unknown("no write succeeded after it: it had not ended when the load did");
    }
    if result.status == Status::Met && tau_max > limit {
        let note = format!(
            "at {:.1} writes/s nothing under {} can be told from chance; raise load.rate",
            cluster.rate_per_s,
            words::duration(tau_max)
        );
        return result.unknown(note);
    }
    result
}

fn gap_evidence(analysis: &Analysis, gap: &Gap) -> Evidence {
    let (least, most) = gap.outage_us;
    let outage = format!("an outage of {} to {}", words::duration(least), words::duration(most));
    let last = &analysis.phases[gap.last_phase].label;
    let detail = match (gap.open, gap.last_phase == gap.phase) {
        (true, _) => "it lasted to the end of the load: no write succeeded after it".to_owned(),
        (false, true) => outage,
        (false, false) => format!("{outage}, ended in {last}"),
    };
    phase_evidence(analysis, &analysis.phases[gap.phase], (gap.start, gap.end), detail)
}

fn outage_p99(part: &Part<'_>, limit: Span) -> ObjectiveResult {
    let allowed = Limit::AtMost(Figure::DurationUs(limit.as_us()));
    let result = objective("client-outage-p99", "client outage, p99", allowed);
    judge_outages(part, result, limit, |outages| outages.lengths.quantile(0.99))
}

fn outage_max(part: &Part<'_>, limit: Span) -> ObjectiveResult {
    let allowed = Limit::AtMost(Figure::DurationUs(limit.as_us()));
    let result = objective("client-outage-max", "client outage, longest", allowed);
    judge_outages(part, result, limit, |outages| outages.lengths.max())
}

fn judge_outages(
    part: &Part<'_>,
    result: ObjectiveResult,
    limit: Span,
    figure: impl Fn(&OutageFigures) -> Quantile,
) -> ObjectiveResult {
    let analysis = part.analysis;
    if part.counts().offered == 0 {
        return result.unknown("nothing was offered");
    }
    let mut outages = OutageFigures::default();
    part.figures().for_each(|phase| outages.add(&phase.outages));
    let evidence = outages.worst.as_ref().map(|worst| outage_evidence(analysis, worst));
    match figure(&outages) {
        Quantile::NoData => result.found(Figure::DurationUs(0), true, None),
        Quantile::Us(us) => result.found(Figure::DurationUs(us), us <= limit.as_us(), evidence),
        Quantile::Never => result.found(Figure::NotWithinUs(analysis.run.end.0), false, evidence),
    }
}

fn outage_evidence(analysis: &Analysis, outage: &Outage) -> Evidence {
    let until = if outage.open { "to the end of the run" } else { "to its next good transaction" };
    let detail = format!("terminal {} waited {until}", outage.terminal.1);
    phase_evidence(analysis, &analysis.phases[outage.phase], (outage.start, outage.end), detail)
}

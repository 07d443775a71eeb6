//! Each objective of the scenario against what was measured.

use crate::analysis::{
    Analysis, Gap, Outage, OutageFigures, PhaseFigures, Quantile, RECOVERY_WINDOW_US, Recovery,
    Role, StepOutcome, StepRun, THROUGHPUT_WINDOW_US, words,
};
use crate::event::RunTime;
use crate::phase::step;

use super::{Evidence, Figure, Limit, ObjectiveResult, Status};

/// Every objective, in the order of reports.
pub(super) fn judge(analysis: &Analysis) -> Vec<ObjectiveResult> {
    let mut results = vec![
        data(analysis),
        failed(analysis),
        write_gap(analysis),
        outage_p99(analysis),
        outage_max(analysis),
        good_share(analysis),
        throughput(analysis),
    ];
    results.extend(recovery(analysis));
    if analysis.rows_are_missing() {
        results.iter_mut().for_each(doubt_absences);
    }
    results
}

/// Where rows are missing, a good transaction may be what is missing: then only a count of bad
/// ones can be held against the cluster, and only a violation against its data.
fn doubt_absences(result: &mut ObjectiveResult) {
    let stands = result.status == Status::Missed && matches!(result.id, "data" | "failed");
    if !stands && result.status != Status::Unknown {
        result.status = Status::Unknown;
        result.note = "rows of the record are missing".to_owned();
    }
}

/// An objective not yet judged.
fn objective(id: &'static str, title: &'static str, limit: Limit) -> ObjectiveResult {
    ObjectiveResult {
        id,
        title,
        limit,
        measured: None,
        status: Status::Unknown,
        evidence: None,
        note: String::new(),
    }
}

impl ObjectiveResult {
    fn unknown(self, note: impl Into<String>) -> Self {
        Self { status: Status::Unknown, note: note.into(), ..self }
    }

    fn found(self, measured: Figure, met: bool, evidence: Option<Evidence>) -> Self {
        let status = if met { Status::Met } else { Status::Missed };
        Self { measured: Some(measured), status, evidence, ..self }
    }
}

fn phase_evidence(
    analysis: &Analysis,
    phase: &PhaseFigures,
    span: (RunTime, RunTime),
    detail: String,
) -> Evidence {
    let names = analysis.zone_names();
    let zone = phase.phase.name.zone.and_then(|zone| names.get(zone.index()).cloned());
    Evidence { phase: phase.label.clone(), zone, start: span.0, end: span.1, detail }
}

fn data(analysis: &Analysis) -> ObjectiveResult {
    let title = "lost or wrong data";
    let result = objective("data", title, Limit::AtMost(Figure::Count(0)));
    let Some(data) = &analysis.data else { return result.unknown("the data was not checked") };
    let total = data.violations_total();
    let result = ObjectiveResult { measured: Some(Figure::Count(total)), ..result };
    if total == 0 && data.ambiguous.unresolved > 0 {
        let commits = words::counted(data.ambiguous.unresolved, "ambiguous commit");
        return result.unknown(format!("{commits} unresolved"));
    }
    if total == 0 && (!data.unknowns.is_empty() || data.checks == 0) {
        return result.unknown("not every check could be made");
    }
    result.found(Figure::Count(total), total == 0, None)
}

fn failed(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.failed_max;
    let title = "failed after every retry";
    let result = objective("failed", title, Limit::AtMost(Figure::Count(limit)));
    let judged = analysis.phases.iter().filter(|phase| phase.role != Role::WarmUp);
    let (mut bad, mut undecided, mut offered) = (0, 0, 0);
    for phase in judged.clone() {
        let counts = &phase.total.counts;
        bad += counts.bad();
        undecided += counts.undecided();
        offered += counts.offered;
    }
    if offered == 0 {
        return result.unknown("nothing was offered");
    }
    let worst = judged.max_by_key(|phase| phase.total.counts.bad());
    let evidence = worst.filter(|phase| phase.total.counts.bad() > 0).map(|phase| {
        let span = (phase.phase.start, phase.phase.end);
        let detail = format!("{} of them there", words::count(phase.total.counts.bad()));
        phase_evidence(analysis, phase, span, detail)
    });
    let result = result.found(Figure::Count(bad), bad <= limit, evidence);
    if bad <= limit && bad + undecided > limit {
        return result.unknown(format!(
            "{} unfinished at the end of the run",
            words::counted(undecided, "transaction")
        ));
    }
    result
}

fn write_gap(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.write_gap_max.as_us();
    let result =
        objective("write-gap", "longest write gap", Limit::AtMost(Figure::DurationUs(limit)));
    if analysis.run.shards > 1 {
        return result.unknown("the error between the drivers' clocks was not measured");
    }
    let cluster = &analysis.writes.cluster;
    let is_judged = |phase: usize| analysis.phases[phase].role.is_judged();
    let taus = cluster.tau_us.iter().enumerate().filter(|(phase, _)| is_judged(*phase));
    let Some(tau_max) = taus.map(|(_, tau)| *tau).max() else {
        return result.unknown("the load was never on");
    };
    let result = match analysis.writes.longest(is_judged) {
        Some(gap) => {
            let evidence = gap_evidence(analysis, gap);
            let length = gap.length_us();
            result.found(Figure::DurationUs(length), length <= limit, Some(evidence))
        }
        None => result.found(Figure::NoneOverUs(tau_max), true, None),
    };
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

fn outage_evidence(analysis: &Analysis, outage: &Outage) -> Evidence {
    let until = if outage.open { "to the end of the run" } else { "to its next good transaction" };
    let detail = format!("terminal {} waited {until}", outage.terminal.1);
    phase_evidence(analysis, &analysis.phases[outage.phase], (outage.start, outage.end), detail)
}

fn outage_p99(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.client_outage_p99.as_us();
    let result = objective(
        "client-outage-p99",
        "client outage, p99",
        Limit::AtMost(Figure::DurationUs(limit)),
    );
    judge_outages(analysis, result, limit, |outages| outages.lengths.quantile(0.99))
}

fn outage_max(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.client_outage_max.as_us();
    let result = objective(
        "client-outage-max",
        "client outage, longest",
        Limit::AtMost(Figure::DurationUs(limit)),
    );
    judge_outages(analysis, result, limit, |outages| outages.lengths.max())
}

fn judge_outages(
    analysis: &Analysis,
    result: ObjectiveResult,
    limit: u64,
    figure: impl Fn(&OutageFigures) -> Quantile,
) -> ObjectiveResult {
    if analysis.sum(Role::is_judged).counts.offered == 0 {
        return result.unknown("nothing was offered");
    }
    let outages = analysis.outages(Role::is_judged);
    let evidence = outages.worst.as_ref().map(|worst| outage_evidence(analysis, worst));
    match figure(&outages) {
        Quantile::NoData => result.found(Figure::DurationUs(0), true, None),
        Quantile::Us(us) => result.found(Figure::DurationUs(us), us <= limit, evidence),
        Quantile::Never => result.found(Figure::NotWithinUs(analysis.run.end.0), false, evidence),
    }
}

fn good_share(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.good_share_min;
    let title = "good through the upgrade";
    let result = objective("good-share", title, Limit::AtLeast(Figure::Share(limit)));
    let counts = analysis.sum(|role| role == Role::Window).counts;
    if counts.offered == 0 {
        return result.unknown("nothing was offered during the upgrade");
    }
    let share = counts.good as f64 / counts.offered as f64;
    let window = analysis.phases.iter().filter(|phase| phase.role == Role::Window);
    let worst = window.max_by_key(|phase| phase.total.counts.offered - phase.total.counts.good);
    let evidence = worst.filter(|_| counts.good < counts.offered).map(|phase| {
        let own = &phase.total.counts;
        let detail =
            format!("{} of {} good there", words::count(own.good), words::count(own.offered));
        phase_evidence(analysis, phase, (phase.phase.start, phase.phase.end), detail)
    });
    result.found(Figure::Share(share), share >= limit, evidence)
}

fn throughput(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.throughput_share_min;
    let title = "completed/offered, worst 10 s";
    let result = objective("throughput", title, Limit::AtLeast(Figure::Share(limit)));
    let worst = analysis.throughput.iter().min_by(|a, b| a.share().total_cmp(&b.share()));
    let Some(worst) = worst else {
        return result.unknown("no whole window of 10 s lies within the load and the upgrade");
    };
    let span = (worst.start, worst.start.plus_us(THROUGHPUT_WINDOW_US));
    // A window of ten seconds may hold several steps: the one with the most bad ones stands for it.
    let within =
        analysis.phases.iter().filter(|p| p.phase.start < span.1 && p.phase.end > span.0).rev();
    let phase = within.max_by_key(|phase| phase.total.counts.bad());
    let detail = format!(
        "{} completed of {} offered in 10 s",
        words::count(worst.completed),
        words::count(worst.offered)
    );
    let felt = phase.filter(|_| worst.completed < worst.offered);
    let evidence = felt.map(|phase| phase_evidence(analysis, phase, span, detail));
    result.found(Figure::Share(worst.share()), worst.share() >= limit, evidence)
}

/// The slowest return; `None` when no zone returned.
fn recovery(analysis: &Analysis) -> Option<ObjectiveResult> {
    let limit = analysis.run.scenario.objectives.recovery_max.as_us();
    let title = "slowest return to calm";
    let result = objective("recovery", title, Limit::AtMost(Figure::DurationUs(limit)));
    let rank =
        |back: &&Recovery| (back.after_us.unwrap_or(back.watched_us), back.after_us.is_none());
    let Some(worst) = analysis.recoveries.iter().max_by_key(rank) else {
        let returned =
            |run: &StepRun| run.step == step::START_ZONE && run.outcome == StepOutcome::Done;
        let came_back = analysis.course.steps.iter().any(returned);
        return came_back
            .then(|| result.unknown("there is no baseline p99 to return to, or no load"));
    };
    let names = analysis.zone_names();
    let zone = names.get(worst.zone.index()).cloned();
    let lasted = worst.after_us.unwrap_or(worst.watched_us);
    let evidence = Evidence {
        phase: format!("{} returned", zone.as_deref().unwrap_or("?")),
        zone,
        start: worst.returned,
        end: worst.returned.plus_us(lasted),
        detail: format!("baseline p99 {}", words::duration(worst.baseline_p99_us)),
    };
    Some(match worst.after_us {
        Some(us) => result.found(Figure::DurationUs(us), us <= limit, Some(evidence)),
        None => {
            let measured = Figure::NotWithinUs(worst.watched_us);
            let judged = result.found(measured, false, Some(evidence));
            if worst.watched_us >= limit && worst.watched_us >= RECOVERY_WINDOW_US {
                judged
            } else {
                judged.unknown("it was not watched for long enough; lengthen phases.settle")
            }
        }
    })
}

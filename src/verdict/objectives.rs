//! Each objective of the scenario against what was measured.

use crate::analysis::{
    Analysis, Brownout, LoadCourse, PhaseFigures, RECOVERY_WINDOW_US, Recovery, Role, StepOutcome,
    StepRun, THROUGHPUT_WINDOW_US, words,
};
use crate::event::RunTime;
use crate::phase::step;

use super::{Evidence, Figure, Limit, ObjectiveResult, RECOVERY, Status, held};

/// Every objective, in the order of reports. A load has two: it is a closed loop, whose workers
/// ask for nothing while they wait, so nothing was demanded that a gap could have denied.
pub(super) fn judge(analysis: &Analysis) -> Vec<ObjectiveResult> {
    let mut results = match &analysis.load {
        Some(load) => vec![data(analysis), complete(analysis, load)],
        None => of_a_run(analysis),
    };
    if analysis.rows_are_missing() {
        results.iter_mut().for_each(doubt_absences);
    }
    results
}

fn of_a_run(analysis: &Analysis) -> Vec<ObjectiveResult> {
    let mut results = vec![data(analysis)];
    results.extend(held::judge(analysis));
    results.push(throughput(analysis));
    results.extend(recovery(analysis));
    results.push(brownout(analysis));
    results
}

/// Every chunk is written. Those that a load which gave up never got to have no attempt to count.
fn complete(analysis: &Analysis, load: &LoadCourse) -> ObjectiveResult {
    let result = objective("complete", "chunks not loaded", Limit::AtMost(Figure::Count(0)));
    let counts = &analysis.total.counts;
    let given_up = counts.failed + counts.ambiguous + counts.censored;
    match load.outcome {
        StepOutcome::Done => result.found(Figure::Count(given_up), given_up == 0, None),
        StepOutcome::Failed if given_up > 0 => result.found(Figure::Count(given_up), false, None),
        StepOutcome::Failed => ObjectiveResult { status: Status::Missed, ..result },
        StepOutcome::Open => result.unknown("the record ends before the load did"),
    }
}

/// Where rows are missing, a good transaction may be what is missing: then only a count of bad
/// ones can be held against the cluster, and only a violation against its data.
fn doubt_absences(result: &mut ObjectiveResult) {
    let stands =
        result.status == Status::Missed && matches!(result.id, "data" | "failed" | "complete");
    if !stands && result.status != Status::Unknown {
        result.status = Status::Unknown;
        result.note = "rows of the record are missing".to_owned();
    }
}

/// An objective not yet judged.
pub(super) fn objective(id: &'static str, title: &'static str, limit: Limit) -> ObjectiveResult {
    ObjectiveResult {
        id,
        title,
        only_in: None,
        limit,
        measured: None,
        status: Status::Unknown,
        evidence: None,
        note: String::new(),
    }
}

impl ObjectiveResult {
    pub(super) fn unknown(self, note: impl Into<String>) -> Self {
        Self { status: Status::Unknown, note: note.into(), ..self }
    }

    pub(super) fn found(self, measured: Figure, met: bool, evidence: Option<Evidence>) -> Self {
        let status = if met { Status::Met } else { Status::Missed };
        Self { measured: Some(measured), status, evidence, ..self }
    }
}

pub(super) fn phase_evidence(
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

fn throughput(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.throughput_share_min;
    let title = "completed/offered, worst 10 s";
    let result = objective("throughput", title, Limit::AtLeast(Figure::Share(limit)));
    let worst = analysis.throughput.iter().min_by(|a, b| a.share().total_cmp(&b.share()));
    let Some(worst) = worst else {
        return result.unknown("no whole window of 10 s lies within the load from the upgrade on");
    };
    let span = (worst.start, worst.start.plus_us(THROUGHPUT_WINDOW_US));
    // A window of ten seconds may hold several steps: the one with the most bad ones stands for it.
    // Where there are none, what is missing was still under way at its end: the last one does.
    let within = analysis
        .phases
        .iter()
        .filter(|p| matches!(p.role, Role::Window | Role::Aftermath))
        .filter(|p| p.phase.start < span.1 && p.phase.end > span.0);
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
    let result = objective(RECOVERY, title, Limit::AtMost(Figure::DurationUs(limit)));
    let missed = |back: &Recovery| match back.after_us {
        Some(us) => us > limit,
        // The first window that would be too late was watched whole.
        None => back.watched_us / RECOVERY_WINDOW_US > limit / RECOVERY_WINDOW_US,
    };
    let names = analysis.zone_names();
    let unreturned = analysis.course.unreturned();
    let unreturned = unreturned.first().map(|zone| {
        let zone = names.get(zone.index()).map_or("a zone", String::as_str);
        format!("nobody told or saw when {zone} returned; mark its start-zone")
    });
    // Of those that kept the limit as far as is known, one that is not known to: it may be slower
    // than any.
    let rank = |back: &&Recovery| {
        let lasted = back.after_us.unwrap_or(back.watched_us);
        (missed(back), back.after_us.is_none(), lasted)
    };
    let Some(worst) = analysis.recoveries.iter().max_by_key(rank) else {
        let returned =
            |run: &StepRun| run.step == step::START_ZONE && run.outcome != StepOutcome::Failed;
        let came_back = analysis.course.steps.iter().any(returned);
        return match unreturned {
            Some(note) => Some(result.unknown(note)),
            None => came_back
                .then(|| result.unknown("there is no baseline p99 to return to, or no load")),
        };
    };
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
        Some(us) => {
            let judged = result.found(Figure::DurationUs(us), us <= limit, Some(evidence));
            match unreturned.filter(|_| judged.status == Status::Met) {
                Some(note) => judged.unknown(note),
                None => judged,
            }
        }
        None => {
            let measured = Figure::NotWithinUs(worst.watched_us);
            let judged = result.found(measured, false, Some(evidence));
            match missed(worst) {
                true => judged,
                false => {
                    judged.unknown("it was not watched for long enough; lengthen phases.settle")
                }
            }
        }
    })
}

/// The zone whose turn had most of it. A warning, because whoever waited was served in the end.
fn brownout(analysis: &Analysis) -> ObjectiveResult {
    let limit = analysis.run.scenario.objectives.brownout_warn.as_us();
    let title = "brownout in one zone's turn";
    let result = objective("brownout", title, Limit::AtMost(Figure::DurationUs(limit)));
    let Some(found) = &analysis.brownouts else {
        return result.unknown("there is no baseline to be slower than");
    };
    if found.windows == 0 || found.blind * 2 > found.windows {
        return result.unknown("too few transactions a second; raise load.rate");
    }
    let in_turn = |of: &Brownout| found.sum(|other| other.zone == of.zone);
    let Some(worst) = found.brownouts.iter().max_by_key(|of| (in_turn(of), of.length_us)) else {
        return result.found(Figure::DurationUs(0), true, None);
    };
    let detail = format!(
        "{} of {} slower than {} or never done",
        words::count(worst.slow),
        words::counted(worst.transactions, "transaction"),
        words::duration(found.slow_us)
    );
    let phase = &analysis.phases[worst.phase];
    let evidence = phase_evidence(analysis, phase, (worst.start, worst.end), detail);
    let us = in_turn(worst);
    let result = result.found(Figure::DurationUs(us), true, Some(evidence));
    if us > limit { ObjectiveResult { status: Status::Warned, ..result } } else { result }
}

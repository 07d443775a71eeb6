//! What speaks against a pass besides the objectives.

use crate::analysis::{
    Analysis, ControlOutcome, PhaseFigures, Role, StepOutcome, StepRun, ZoneCheck, words,
};
use crate::event::{RunTime, ZoneId, version_is};
use crate::phase::PhaseName;

use super::{BASELINE_WRITES_MIN, Reason, VerdictKind};

/// Share of arrivals the tool itself may dispatch late (measurement page, "Load models").
const LATE_SHARE_MAX: f64 = 0.001;
/// Medians of the baseline's halves may differ by this factor …
const HALVES_FACTOR_MAX: f64 = 2.0;
/// … or by this many µs, whichever is more.
const HALVES_US_MAX: u64 = 5_000;

/// What speaks against taking a run's baseline for another one.
pub(super) fn about_baseline(analysis: &Analysis) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut add = |kind, text| reasons.push(Reason { kind, text });
    for problem in &analysis.problems {
        add(VerdictKind::Inconclusive, problem.to_string());
    }
    own(analysis, &mut add);
    baseline(analysis, &mut add);
    reasons
}

/// Everything that speaks against a pass; of one kind, what may be the others' cause first.
pub(super) fn reasons(analysis: &Analysis) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut add = |kind, text| reasons.push(Reason { kind, text });
    for problem in &analysis.problems {
        add(VerdictKind::Inconclusive, problem.to_string());
    }
    data(analysis, &mut add);
    upgrade(analysis, &mut add);
    controls(analysis, &mut add);
    // A load is judged by its data alone, not by times: no stall and no baseline can spoil it.
    if analysis.load.is_none() {
        own(analysis, &mut add);
        baseline(analysis, &mut add);
    }
    reasons
}

fn data(analysis: &Analysis, add: &mut impl FnMut(VerdictKind, String)) {
    let names = analysis.zone_names();
    let named = |check: &ZoneCheck| format!("{} ({})", zone(&names, check.zone), check.check.title);
    let Some(data) = &analysis.data else {
        return add(VerdictKind::Inconclusive, "the data was not checked".to_owned());
    };
    if let Some(first) = data.failures.first() {
        let kinds: Vec<String> = data
            .violations
            .iter()
            .map(|(kind, count)| format!("{} {kind}", words::count(*count)))
            .collect();
        let example = first.check.findings.first().map(|found| {
            let (key, expected, seen) = (&found.key, &found.expected, &found.found);
            format!("; first: {key}, expected {expected}, found {seen}")
        });
        let text = format!(
            "{}: {}: {}{}",
            kinds.join(", "),
            named(first),
            first.check.detail,
            example.unwrap_or_default()
        );
        add(VerdictKind::DataFail, text);
    }
    if !data.audited {
        add(
            VerdictKind::Inconclusive,
            "the data was not checked after the run: `rollproof audit` does it now".to_owned(),
        );
    }
    if data.ambiguous.unresolved > 0 {
        let commits = words::counted(data.ambiguous.unresolved, "ambiguous commit");
        add(VerdictKind::Inconclusive, format!("{commits} could not be resolved"));
    }
    if let Some(first) = data.unknowns.first() {
        let text = format!(
            "{} could not be made; first: {}: {}",
            words::counted(data.unknowns.len() as u64, "data check"),
            named(first),
            first.check.detail
        );
        add(VerdictKind::Inconclusive, text);
    }
    if data.checks == 0 {
        add(VerdictKind::Inconclusive, "not one data check was made".to_owned());
    }
}

fn zone(names: &[String], zone: ZoneId) -> &str {
    names.get(zone.index()).map_or("?", String::as_str)
}

fn upgrade(analysis: &Analysis, add: &mut impl FnMut(VerdictKind, String)) {
    if let Some(step) = analysis.course.failure() {
        return add(VerdictKind::UpgradeFailed, failed_step(analysis, step));
    }
    let Some(intent) = &analysis.run.upgrade else { return };
    let Some(last) = intent.zone_steps.last() else { return };
    let names = analysis.zone_names();
    let unfinished: Vec<&str> = analysis
        .run
        .scenario
        .zone_ids()
        .filter(|&id| {
            let own = |step: &&StepRun| step.zone == Some(id);
            let mut steps = analysis.course.steps.iter().filter(own).peekable();
            // A zone that an earlier run brought to the target has no steps in this one.
            let first =
                analysis.course.zones.get(id.index()).and_then(|z| z.first_version.as_ref());
            let was_done = intent.resumes.is_some()
                && steps.peek().is_none()
                && first.is_some_and(|version| version_is(version, &intent.target_version));
            !was_done && !steps.any(|s| s.step == *last && s.outcome == StepOutcome::Done)
        })
        .map(|id| zone(&names, id))
        .collect();
    if !unfinished.is_empty() {
        let why = analysis.run.ended_early.as_deref().map(|why| format!(" ({why})"));
        let text = format!(
            "the run ended before the upgrade of {} did{}",
            unfinished.join(", "),
            why.unwrap_or_default()
        );
        add(VerdictKind::Inconclusive, text);
    }
}

fn failed_step(analysis: &Analysis, step: &StepRun) -> String {
    let names = analysis.zone_names();
    let name = PhaseName { zone: step.zone, step: step.step.clone() };
    let after = words::duration(step.length_us());
    let said = if step.detail.is_empty() { "no reason given" } else { &step.detail };
    format!("{} failed after {after}: {said}", name.label(&names))
}

fn controls(analysis: &Analysis, add: &mut impl FnMut(VerdictKind, String)) {
    let names = analysis.zone_names();
    for control in &analysis.controls {
        let text = format!("{}: {}", zone(&names, control.zone), control.detail);
        match control.outcome {
            ControlOutcome::Held => {}
            // What is missing from the record may be what held.
            ControlOutcome::Broken if !analysis.problems.is_empty() => {
                add(VerdictKind::Inconclusive, format!("as far as the record goes, {text}"));
            }
            ControlOutcome::Broken => add(
                VerdictKind::Invalid,
                format!("the run measured an upgrade that did not happen: {text}"),
            ),
            ControlOutcome::Unseen => add(VerdictKind::Inconclusive, text),
        }
    }
}

fn own(analysis: &Analysis, add: &mut impl FnMut(VerdictKind, String)) {
    let own = &analysis.own;
    if own.samples == 0 {
        add(VerdictKind::Inconclusive, "the tool's own health was not recorded".to_owned());
    }
    if own.late_share() > LATE_SHARE_MAX {
        let text = format!(
            "the measuring machine was too slow: {} of {} arrivals were sent more than 10 ms late",
            words::count(own.dispatched_late),
            words::count(own.dispatched)
        );
        add(VerdictKind::Invalid, text);
    }
    let judged_at = |at: RunTime| {
        let within = |phase: &&PhaseFigures| (phase.phase.start..=phase.phase.end).contains(&at);
        analysis.phases.iter().find(within).is_none_or(|phase| phase.role != Role::WarmUp)
    };
    if let Some(step) = own.clock_steps.iter().find(|step| judged_at(step.at)) {
        let at = words::moment(step.at);
        let jump = words::duration(step.wall_us.unsigned_abs());
        let text = match (step.slept_us, step.wall_us) {
            (1.., _) => {
                let slept = words::duration(step.slept_us.unsigned_abs());
                format!("the measuring machine slept for {slept} before {at}")
            }
            (_, ..0) => format!("the measuring machine's clock was set back by {jump} before {at}"),
            _ => format!("the measuring machine's clock was set forward by {jump} before {at}"),
        };
        add(VerdictKind::Invalid, text);
    }
    let gaps = analysis.writes.cluster.gaps.iter();
    let judged = gaps.filter(|gap| analysis.phases[gap.phase].role.is_judged());
    for gap in judged {
        let Some(stall) = own.stall_within(gap.start, gap.end, gap.tau_us / 2) else { continue };
        let text = format!(
            "the tool itself stood still for {} at {}, within the write gap of {}",
            words::duration(stall.length_us),
            words::moment(stall.start),
            words::duration(gap.length_us()),
        );
        add(VerdictKind::Invalid, text);
    }
}

fn baseline(analysis: &Analysis, add: &mut impl FnMut(VerdictKind, String)) {
    let own = analysis.phases.iter().any(|phase| phase.role == Role::Baseline);
    if let Some(stored) = analysis.run.baseline.as_ref().filter(|_| !own) {
        // Refused when the run began; a record may have been changed since.
        if let Some(what) = &analysis.run.baseline_differs {
            let text =
                format!("the baseline of run {} is not one for this run: {what}", stored.run_id);
            add(VerdictKind::Inconclusive, text);
        }
        return;
    }
    if !own {
        let text = "there is no baseline to hold the upgrade against; set phases.baseline";
        return add(VerdictKind::Inconclusive, text.to_owned());
    }
    let writes = analysis.writes.baseline_writes;
    if writes < BASELINE_WRITES_MIN {
        let text = format!(
            "too little load: {} in the baseline, at least {BASELINE_WRITES_MIN} are needed; \
             raise load.rate or phases.baseline",
            words::counted(writes, "write")
        );
        return add(VerdictKind::Inconclusive, text);
    }
    let Some(halves) = analysis.baseline_halves else {
        let text = "half of the baseline has no successful transaction";
        return add(VerdictKind::Inconclusive, text.to_owned());
    };
    let (a, b) = (halves.first.p50_us, halves.second.p50_us);
    let (less, more) = (a.min(b), a.max(b));
    if more - less > HALVES_US_MAX && more as f64 > less as f64 * HALVES_FACTOR_MAX {
        let text = format!(
            "the baseline was not steady: its median went from {} to {}; lengthen phases.warm_up",
            words::duration(a),
            words::duration(b)
        );
        add(VerdictKind::Inconclusive, text);
    }
}

//! The sentences that the text and the Markdown report have in common.

use std::collections::BTreeMap;

use crate::analysis::{
    Analysis, ControlOutcome, InputShare, Role, ShareOutcome, StepOutcome, ZoneCheck, ZoneCourse,
    words,
};
use crate::event::{RunTime, Source};
use crate::record::FindingKind;
use crate::scenario::LoadModel;

/// Data checks listed one by one.
const CHECKS_MAX: usize = 8;

/// When each zone could not be reached, as sentences; a few a zone.
pub(super) fn downtimes(analysis: &Analysis) -> Vec<String> {
    let names = analysis.zone_names();
    let mut lines = Vec::new();
    for (probes, name) in analysis.probes.iter().zip(&names) {
        let mut worst: Vec<_> = probes.downtimes.iter().collect();
        worst.sort_by_key(|down| (std::cmp::Reverse(down.length_us()), down.start));
        let left_out = worst.len().saturating_sub(3);
        worst.truncate(3);
        worst.sort_by_key(|down| down.start);
        for down in worst {
            let until = if down.open { "the end".to_owned() } else { words::moment(down.end) };
            lines.push(format!(
                "{name} unreachable from {} to {until} ({}), first seen as {}",
                words::moment(down.start),
                words::duration(down.length_us()),
                down.class
            ));
        }
        if left_out > 0 {
            lines.push(format!("{name} unreachable {left_out} more times, each shorter"));
        }
    }
    lines
}

/// How soon anything succeeded after each stop, as one sentence.
pub(super) fn first_successes(analysis: &Analysis) -> Option<String> {
    let names = analysis.zone_names();
    let firsts = analysis.first_successes.iter().map(|first| {
        let zone = first.zone.and_then(|zone| names.get(zone.index())).map_or("", String::as_str);
        let after = first.after_us.map_or_else(|| "never".to_owned(), words::duration);
        format!("{zone} {} {after}", first.step)
    });
    let all = firsts.collect::<Vec<_>>().join(", ");
    (!all.is_empty()).then(|| format!("First success of any terminal after a stop: {all}."))
}

/// Each zone's versions, first and last seen.
pub(super) fn versions(analysis: &Analysis) -> Vec<String> {
    let zones = analysis.zone_names().into_iter().zip(&analysis.course.zones);
    let line = |(name, zone): (String, &ZoneCourse)| match (&zone.first_version, &zone.last_version)
    {
        (Some(first), Some(last)) if first == last => format!("{name} stayed at {first}"),
        (Some(first), Some(last)) => format!("{name} went from {first} to {last}"),
        _ => format!("{name}'s version was never seen"),
    };
    zones.map(line).collect()
}

/// What the data checks found, as sentences.
pub(super) fn data(analysis: &Analysis) -> Vec<String> {
    let names = analysis.zone_names();
    let Some(data) = &analysis.data else {
        return vec!["The data was not checked: run `rollproof audit`.".to_owned()];
    };
    let of = |kind| data.violations.get(&kind).copied().unwrap_or(0);
    let found: Vec<String> =
        FindingKind::ALL.iter().map(|&kind| format!("{} {kind}", words::count(of(kind)))).collect();
    let zone =
        |of: &ZoneCheck| names.get(of.zone.index()).map_or_else(|| "?".to_owned(), Clone::clone);
    let ambiguous = &data.ambiguous;
    let mut lines = vec![
        format!(
            "{} acknowledged; found {}.",
            words::counted(data.acknowledged, "write"),
            found.join(", ")
        ),
        format!(
            "Ambiguous commits: {} had committed, {} had not, {} unresolved.",
            words::count(ambiguous.committed),
            words::count(ambiguous.absent),
            words::count(ambiguous.unresolved)
        ),
        format!(
            "{} over {}: {} failed, {} could not be made.",
            words::counted(data.checks, "check"),
            words::counted(names.len() as u64, "zone"),
            data.failures.len(),
            data.unknowns.len()
        ),
    ];
    for failed in data.failures.iter().take(CHECKS_MAX) {
        let check = &failed.check;
        lines.push(format!("{} {} fail: {}", zone(failed), check.check, check.detail));
        if let Some(first) = check.findings.first() {
            lines.push(format!(
                "  {} {}: expected {}, found {}; see: {}",
                first.kind, first.key, first.expected, first.found, first.sql
            ));
        }
    }
    // One reason, such as a zone that is down, keeps many checks from being made.
    let mut reasons: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for unknown in &data.unknowns {
        *reasons.entry((zone(unknown), &unknown.check.detail)).or_default() += 1;
    }
    for ((zone, why), checks) in reasons.into_iter().take(CHECKS_MAX) {
        lines.push(format!("{zone}: {} not made: {why}", words::counted(checks, "check")));
    }
    lines
}

/// How far the run can be trusted, as sentences.
pub(super) fn trust(analysis: &Analysis) -> Vec<String> {
    let mut lines = vec![resolution(analysis)];
    lines.push(health(analysis));
    lines.extend(baseline(analysis));
    lines.push(sources(analysis));
    let names = analysis.zone_names();
    for control in &analysis.controls {
        let zone = names.get(control.zone.index()).map_or("?", String::as_str);
        let mark = match control.outcome {
            ControlOutcome::Held => "",
            ControlOutcome::Broken => "BROKEN CONTROL: ",
            ControlOutcome::Unseen => "UNSEEN: ",
        };
        lines.push(format!("{mark}{zone}: {}.", control.detail));
    }
    lines.extend(inputs(analysis));
    lines.push(record(analysis));
    lines
}

/// The load's own input beside the bounds of the specification; a share that does not keep them
/// has a line of its own.
fn inputs(analysis: &Analysis) -> Vec<String> {
    let Some(figures) = &analysis.inputs else {
        return vec!["What the load asked for was not counted.".to_owned()];
    };
    let all: Vec<String> = figures
        .shares
        .iter()
        .map(|share| {
            let few =
                if share.outcome == ShareOutcome::Unjudged { ", too few to judge" } else { "" };
            format!("{} {} ({}{few})", share.name, observed(share), bounds(share))
        })
        .collect();
    let mut lines = vec![format!("Inputs beside TPC-C's bounds (clause 5): {}.", all.join(", "))];
    let outside = figures.shares.iter().filter(|share| share.outcome == ShareOutcome::Outside);
    lines.extend(outside.map(|share| {
        format!(
            "OUT OF BOUNDS: {} {} of {} draws; TPC-C wants {}.",
            share.name,
            observed(share),
            words::count(share.draws),
            bounds(share)
        )
    }));
    lines
}

fn observed(share: &InputShare) -> String {
    let unit = if share.percent { " %" } else { "" };
    share.observed.map_or_else(|| "-".to_owned(), |found| format!("{found:.2}{unit}"))
}

fn bounds(share: &InputShare) -> String {
    match share.most {
        Some(most) => format!("{} to {most}", share.least),
        None => format!("≥ {}", share.least),
    }
}

fn resolution(analysis: &Analysis) -> String {
    let cluster = &analysis.writes.cluster;
    let is_judged = |index: usize| analysis.phases[index].role.is_judged();
    let judged = cluster.tau_us.iter().enumerate().filter(|(index, _)| is_judged(*index));
    let tau = judged.map(|(_, tau)| *tau).max().unwrap_or(0);
    format!(
        "No write gap of {} or less is told from chance: {:.1} writes/s, longest pause in the \
         baseline {}, writes due at most {} apart, p99 of one {}.",
        words::duration(tau),
        cluster.rate_per_s,
        words::duration(cluster.baseline_gap_us),
        words::duration(cluster.spacing_us),
        words::duration(analysis.writes.service_p99_us),
    )
}

fn health(analysis: &Analysis) -> String {
    let own = &analysis.own;
    let stall = own.longest.map_or_else(
        || "no stall".to_owned(),
        |stall| {
            let length = words::duration(stall.length_us);
            format!("longest stall {length} at {}", words::moment(stall.start))
        },
    );
    format!(
        "The tool itself: {stall}; {} of {} arrivals sent late; at most {} queued; wall clock \
         moved {}.",
        words::count(own.dispatched_late),
        words::count(own.dispatched),
        words::counted(own.queue_len_max, "event"),
        words::duration(own.wall_step_us.unsigned_abs()),
    )
}

fn baseline(analysis: &Analysis) -> Option<String> {
    let halves = analysis.baseline_halves?;
    let baseline = analysis.baseline()?.phase.length_us();
    let window = analysis.phases.iter().filter(|phase| phase.role == Role::Window);
    let longest = window.max_by_key(|phase| phase.phase.length_us());
    let shorter = longest.filter(|phase| phase.phase.length_us() > baseline).map(|phase| {
        format!(
            " It is shorter than {} ({}).",
            phase.label,
            words::duration(phase.phase.length_us())
        )
    });
    Some(format!(
        "Baseline of {}: median {} in its first half, {} in its second.{}",
        words::duration(baseline),
        words::duration(halves.first_p50_us),
        words::duration(halves.second_p50_us),
        shorter.unwrap_or_default()
    ))
}

fn sources(analysis: &Analysis) -> String {
    let steps = analysis.phases.iter().filter(|phase| phase.phase.source != Source::Timetable);
    let best = steps.clone().map(|phase| phase.phase.source).max();
    let uncertainty = steps.map(|phase| phase.phase.uncertainty_us).max().unwrap_or(0);
    let open = analysis.course.steps.iter().filter(|s| s.outcome == StepOutcome::Open).count();
    match best {
        None => "Phases come from the timetable alone: no upgrade was seen.".to_owned(),
        Some(source) => {
            let edges = match uncertainty {
                0 => "exact".to_owned(),
                us => format!("known to {}", words::duration(us)),
            };
            let open = match open {
                0 => String::new(),
                number => format!("; {number} steps were never said to have ended"),
            };
            format!("Steps are known from: {source}; their edges are {edges}{open}.")
        }
    }
}

fn record(analysis: &Analysis) -> String {
    let total = &analysis.total.counts;
    let whole = if analysis.problems.is_empty() { "complete" } else { "INCOMPLETE" };
    format!(
        "The record is {whole}: {} in {}, {} of them across phases, {} absorbed by retry.",
        words::counted(total.offered, "business transaction"),
        words::counted(total.attempts, "attempt"),
        words::count(total.crossed),
        words::count(total.absorbed),
    )
}

/// What was run, as short lines.
pub(super) fn facts(analysis: &Analysis) -> Vec<(&'static str, String)> {
    let run = &analysis.run;
    let (cluster, load) = (&run.scenario.cluster, &run.scenario.load);
    let zones = words::counted(cluster.zones.len() as u64, "zone");
    let drivers = match run.shards {
        1 => String::new(),
        shards => format!(", {shards} drivers"),
    };
    let mut facts = vec![
        ("run", format!("{}, rollproof {}{drivers}", run.run_id, run.tool_version)),
        (
            "when",
            format!(
                "{} UTC, {}{}",
                words::wall_date_time(run.origin_wall, RunTime::ZERO),
                words::duration(run.end.0),
                run.ended_early
                    .as_ref()
                    .map(|why| format!(", ended early: {why}"))
                    .unwrap_or_default()
            ),
        ),
        (
            "load",
            format!(
                "{}, {zones}, {}, {}, {}, deadline {}",
                cluster.product,
                words::counted(run.scenario.workload.warehouses.into(), "warehouse"),
                words::counted(load.terminals.into(), "terminal"),
                model(analysis),
                load.deadline
            ),
        ),
    ];
    facts.push(("sessions", sessions(analysis)));
    if let Some(upgrade) = &run.upgrade {
        facts.push(("upgrade", format!("{} to {}", upgrade.plan, upgrade.target_version)));
    }
    facts
}

/// Isolation, and how statements travelled.
fn sessions(analysis: &Analysis) -> String {
    let isolation = analysis.run.scenario.load.isolation.sql();
    match &analysis.run.sessions {
        Some(style) => format!("{isolation}; {}; {}", style.statements, style.protocol),
        None => isolation.to_owned(),
    }
}

fn model(analysis: &Analysis) -> String {
    let load = &analysis.run.scenario.load;
    match load.model {
        LoadModel::Rate => {
            format!("{} transactions/s offered ({})", load.rate, load.arrivals)
        }
        model => format!("load model {model}"),
    }
}

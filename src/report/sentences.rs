//! The sentences that the text and the Markdown report have in common.

use crate::analysis::{
    Analysis, BaselineHalf, ControlOutcome, InputShare, LeadersMoved, LoadCourse, PhaseFigures,
    Role, ShareOutcome, StepOutcome, ZoneCourse, words,
};
use crate::event::{RunTime, Source, ZoneId};
use crate::phase::step;
use crate::record::{Capacity, Work};
use crate::scenario::LoadModel;

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

/// How far the run can be trusted, as sentences.
pub(super) fn trust(analysis: &Analysis) -> Vec<String> {
    let mut lines = match &analysis.load {
        None => vec![resolution(analysis)],
        Some(load) => loading(analysis, load),
    };
    lines.push(health(analysis));
    lines.extend(baseline(analysis).filter(|_| analysis.load.is_none()));
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
    lines.extend(leaders(analysis, &names));
    for seen in &analysis.course.warnings {
        let zone = seen.zone.map(|zone| names.get(zone.index()).map_or("?", String::as_str));
        let of = zone.map(|zone| format!(" of {zone}")).unwrap_or_default();
        let at = words::moment(seen.at);
        lines.push(format!("WARNING: {}{of} at {at}: {}.", seen.warning, seen.detail));
    }
    if analysis.run.work == Work::Run {
        lines.extend(inputs(analysis));
    }
    lines.push(record(analysis));
    lines
}

/// Moves of leaders that are told one by one.
const MOVES_TOLD: usize = 12;

/// Where leaders moved, and why: what of the upgrade was felt without a server being away.
fn leaders(analysis: &Analysis, names: &[String]) -> Option<String> {
    let name = |zone: &Option<ZoneId>| {
        zone.and_then(|zone| names.get(zone.index())).map_or("?", String::as_str)
    };
    let told = |seen: &LeadersMoved| {
        let LeadersMoved { at, from, to, moved, detail, .. } = seen;
        let (from, to, at) = (name(from), name(to), words::moment(*at));
        format!("{moved} {from} → {to} by {at} ({detail})")
    };
    let leaders = &analysis.course.leaders;
    let mut moves: Vec<String> = leaders.iter().take(MOVES_TOLD).map(told).collect();
    if leaders.len() > moves.len() {
        moves.push(format!("and {} more times", leaders.len() - moves.len()));
    }
    (!moves.is_empty()).then(|| format!("Leaders moved: {}.", moves.join("; ")))
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

/// What the figures of a load mean, and how much of the upgrade they are about.
fn loading(analysis: &Analysis, load: &LoadCourse) -> Vec<String> {
    let mut lines = vec![
        "A load is a closed loop: while a worker waits it asks for nothing. Its response times and \
         gaps are what its workers met; they are shown, and no objective is held against them."
            .to_owned(),
        resolution(analysis),
    ];
    let Some((begin, end)) = analysis.course.window else { return lines };
    let length = words::duration(end.since_us(begin));
    lines.push(if load.last_write >= end {
        format!("The load lasted through all {length} of the upgrade.")
    } else {
        format!(
            "The last chunk was written at {}: {} of the {length} of the upgrade were under load.",
            words::moment(load.last_write),
            words::duration(load.last_write.since_us(begin)),
        )
    });
    lines
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
    let cpu = own.cpu_us.saturating_mul(100) / analysis.run.end.0.max(1);
    format!(
        "The tool itself: {stall}; {} of {} arrivals sent late; at most {} queued; {cpu} % of one \
         core used; wall clock moved {}.",
        words::count(own.dispatched_late),
        words::count(own.dispatched),
        words::counted(own.queue_len_max, "event"),
        words::duration(own.wall_step_us.unsigned_abs()),
    )
}

fn baseline(analysis: &Analysis) -> Option<String> {
    if let (Some(stored), None) = (&analysis.run.baseline, analysis.baseline()) {
        let figures = &stored.figures;
        return Some(format!(
            "Held against the baseline of run {} ({} UTC): {} in {}, median {}, p99 {}.{}",
            stored.run_id,
            words::wall_date_time(stored.origin_wall, RunTime::ZERO),
            words::counted(figures.transactions, "transaction"),
            words::duration(figures.length_us),
            words::duration(figures.response_p50_us),
            words::duration(figures.response_p99_us),
            shorter_than_a_phase(analysis, figures.length_us),
        ));
    }
    let halves = analysis.baseline_halves?;
    let baseline = analysis.baseline()?.phase.length_us();
    let half = |of: BaselineHalf| {
        format!("{} and {}", words::duration(of.p50_us), words::duration(of.p99_us))
    };
    Some(format!(
        "Baseline of {}: median and p99 {} in its first half, {} in its second.{}",
        words::duration(baseline),
        half(halves.first),
        half(halves.second),
        shorter_than_a_phase(analysis, baseline)
    ))
}

/// A baseline should be as long as the longest phase that is held against it.
fn shorter_than_a_phase(analysis: &Analysis, baseline_us: u64) -> String {
    let window = analysis.phases.iter().filter(|phase| phase.role == Role::Window);
    let longest = window.max_by_key(|phase| phase.phase.length_us());
    let longer = longest.filter(|phase| phase.phase.length_us() > baseline_us);
    let told = |phase: &PhaseFigures| {
        let length = words::duration(phase.phase.length_us());
        format!(" It is shorter than {} ({length}).", phase.label)
    };
    longer.map(told).unwrap_or_default()
}

fn sources(analysis: &Analysis) -> String {
    let told = |phase: &&PhaseFigures| {
        phase.phase.source != Source::Timetable && phase.phase.name.step != step::COMMAND
    };
    let steps = analysis.phases.iter().filter(told);
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
        "The record is {whole}: {} offered, {} taken up, {} completed, in {}; {} across phases, {} \
         absorbed by retry.",
        words::counted(total.offered, "business transaction"),
        words::count(total.offered - total.shed),
        words::count(total.good + total.late),
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
                "{}, {zones}, {}, {}",
                cluster.product,
                words::counted(run.scenario.workload.warehouses.into(), "warehouse"),
                match run.work {
                    Work::Run => format!(
                        "{}, {}, deadline {}",
                        words::counted(load.terminals.into(), "terminal"),
                        model(analysis),
                        load.deadline
                    ),
                    Work::Load => loader(analysis),
                }
            ),
        ),
    ];
    if run.work == Work::Run {
        facts.push(("sessions", sessions(analysis)));
    }
    if let Some(upgrade) = &run.upgrade {
        facts.push(("upgrade", format!("{} to {}", upgrade.plan, upgrade.target_version)));
    }
    if let Some(outside) = &run.outside {
        let by = if outside.wrapped { "by a wrapped command" } else { "by somebody else" };
        let to = outside.target_version.as_ref().map(|version| format!(", to {version}"));
        facts.push(("upgrade", format!("{by}{}", to.unwrap_or_default())));
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
            let measured = analysis.run.capacity.as_ref().map(carried);
            let measured = measured.unwrap_or_default();
            format!("{} transactions/s offered ({}){measured}", load.rate, load.arrivals)
        }
        model => format!("load model {model}"),
    }
}

/// Where a rate comes from that nobody gave.
fn carried(capacity: &Capacity) -> String {
    format!(
        ", {:.0} % of the {:.0}/s that {} carried for {}",
        capacity.share * 100.0,
        capacity.per_second,
        words::counted(capacity.zones.into(), "zone"),
        words::duration(capacity.measured_us)
    )
}

fn loader(analysis: &Analysis) -> String {
    let workload = &analysis.run.scenario.workload;
    let workers = words::counted(workload.load_workers.into(), "worker");
    let pace = workload.load_rows_per_s.map(|rows| format!(", at most {rows} rows/s"));
    format!("the initial load by {workers}{}", pace.unwrap_or_default())
}

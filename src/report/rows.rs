//! The rows of tables that the text and the Markdown report have in common.

use crate::analysis::{Analysis, Gap, PhaseFigures, Role, Scope, ScopeGaps, words};
use crate::event::ZoneId;
use crate::phase::stretch;
use crate::verdict::{ObjectiveResult, Status, Verdict};

/// Write gaps of the cluster listed one by one.
const GAPS_MAX: usize = 5;
/// Warehouses whose longest gaps are listed.
const WAREHOUSES_MAX: usize = 3;
/// Errors listed one by one.
const ERRORS_MAX: usize = 8;

pub(super) const OBJECTIVES: [&str; 5] = ["", "objective", "found", "allowed", "worst in"];

/// Status, title, found, allowed, and the phase of the worst case.
pub(super) fn objectives(verdict: &Verdict) -> Vec<[String; 5]> {
    let row = |result: &ObjectiveResult| {
        let status = match result.status {
            Status::Met => "ok",
            Status::Warned => "WARN",
            Status::Missed => "MISSED",
            Status::Unknown => "UNKNOWN",
        };
        [
            status.to_owned(),
            result.headline(),
            result.measured.map_or_else(|| "-".to_owned(), |found| found.to_string()),
            result.limit.to_string(),
            result.evidence.as_ref().map_or_else(String::new, |seen| seen.phase.clone()),
        ]
    };
    verdict.objectives.iter().map(row).collect()
}

/// Why an objective is not met, with the place to look at.
pub(super) fn explanation(analysis: &Analysis, result: &ObjectiveResult) -> Option<String> {
    match (result.status, &result.evidence) {
        (Status::Met, _) | (Status::Missed | Status::Warned, None) => None,
        (Status::Unknown, _) => Some(result.note.clone()),
        (Status::Missed | Status::Warned, Some(seen)) => Some(format!(
            "{} at {} ({} UTC): {}",
            seen.phase,
            words::moment(seen.start),
            words::wall_time(analysis.run.origin_wall, seen.start),
            seen.detail
        )),
    }
}

pub(super) const PHASES: [&str; 9] =
    ["phase", "took", "offered", "good", "p50", "p99", "max", "errors", "write gap"];

/// One phase: the zone under whose heading it stands, and its cells.
pub(super) struct PhaseRow {
    pub(super) zone: Option<ZoneId>,
    pub(super) cells: [String; 9],
}

/// Every phase, in order.
pub(super) fn phases(analysis: &Analysis) -> Vec<PhaseRow> {
    let deadline_us = analysis.run.scenario.load.deadline.as_us();
    let all = analysis.phases.iter().enumerate();
    all.map(|(index, figures)| {
        let (counts, response) = (&figures.total.counts, &figures.total.response);
        let longest = analysis.writes.longest(|of| of == index);
        let count = |number: u64| if number == 0 { "-".to_owned() } else { words::count(number) };
        let name = &figures.phase.name;
        let failed = if figures.phase.failed { " FAILED" } else { "" };
        PhaseRow {
            zone: name.zone,
            cells: [
                format!("{}{failed}", name.step),
                words::duration(took_us(analysis, figures)),
                count(counts.offered),
                words::share_of(counts.good, counts.offered),
                words::quantile(response.quantile(0.5), deadline_us),
                words::quantile(response.quantile(0.99), deadline_us),
                words::quantile(response.max(), deadline_us),
                count(figures.errors),
                longest.map_or_else(|| "-".to_owned(), length),
            ],
        }
    })
    .collect()
}

/// A step's own length where its end is known, else the phase's.
fn took_us(analysis: &Analysis, figures: &PhaseFigures) -> u64 {
    let (phase, name) = (&figures.phase, &figures.phase.name);
    let own =
        analysis.course.steps.iter().find(|step| {
            step.begin == phase.start && step.step == name.step && step.zone == name.zone
        });
    own.map_or_else(|| phase.length_us(), |step| step.length_us())
}

fn length(gap: &Gap) -> String {
    let at_least = if gap.open { "≥ " } else { "" };
    format!("{at_least}{}", words::duration(gap.length_us()))
}

pub(super) const GAPS: [&str; 6] = ["writes of", "gap", "from", "UTC", "phase", "outage behind it"];

/// The longest judged gaps of the cluster, then the longest of each kind and of the worst
/// warehouses.
pub(super) fn gaps(analysis: &Analysis) -> Vec<[String; 6]> {
    let is_judged = |gap: &&Gap| analysis.phases[gap.phase].role.is_judged();
    let longest_first = |gap: &&Gap| (std::cmp::Reverse(gap.length_us()), gap.start);
    let mut cluster: Vec<&Gap> = analysis.writes.cluster.gaps.iter().filter(is_judged).collect();
    cluster.sort_by_key(longest_first);
    cluster.truncate(GAPS_MAX);
    let of_kind = |kind: &'_ ScopeGaps| -> Option<Gap> {
        kind.gaps.iter().filter(is_judged).min_by_key(longest_first).cloned()
    };
    let kinds: Vec<Gap> = analysis.writes.kinds.iter().filter_map(of_kind).collect();
    let warehouses = analysis.writes.warehouses.iter().filter(is_judged).take(WAREHOUSES_MAX);
    cluster.into_iter().chain(&kinds).chain(warehouses).map(|gap| gap_row(analysis, gap)).collect()
}

fn gap_row(analysis: &Analysis, gap: &Gap) -> [String; 6] {
    let scope = match gap.scope {
        Scope::Cluster => "the cluster".to_owned(),
        Scope::Kind(kind) => kind.to_string(),
        Scope::Warehouse(home) => format!("warehouse {home}"),
    };
    let (least, most) = gap.outage_us;
    [
        scope,
        length(gap),
        words::moment(gap.start),
        words::wall_time(analysis.run.origin_wall, gap.start),
        analysis.phases[gap.phase].label.clone(),
        format!("{} to {}", words::duration(least), words::duration(most)),
    ]
}

pub(super) const ZONES: [&str; 7] =
    ["zone", "unreachable", "out of turn", "load before", "in turn", "after", "calm again"];

/// Every zone: how long probes could not reach it, its share of the load, its return to calm.
pub(super) fn zones(analysis: &Analysis) -> Vec<[String; 7]> {
    let names = analysis.zone_names();
    analysis
        .run
        .scenario
        .zone_ids()
        .zip(names)
        .map(|(zone, name)| {
            let probes = analysis.probes.iter().find(|probes| probes.zone == zone);
            let down = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), words::duration);
            let probed = probes.filter(|probes| !probes.kinds.is_empty());
            [
                name,
                down(probed.map(|probes| probes.down_us)),
                down(probed.map(|probes| probes.unexpected_us)),
                load(analysis, zone, |phase| phase.role == Role::Baseline),
                load(analysis, zone, |phase| phase.phase.name.zone == Some(zone)),
                load_after(analysis, zone),
                calm(analysis, zone),
            ]
        })
        .collect()
}

/// The zone's share of all attempts in the phases that `of` accepts.
fn load(analysis: &Analysis, zone: ZoneId, of: impl Fn(&PhaseFigures) -> bool) -> String {
    let (mut own, mut all) = (0, 0);
    for phase in analysis.phases.iter().filter(|phase| of(phase)) {
        own += phase.zone_attempts.get(zone.index()).copied().unwrap_or(0);
        all += phase.zone_attempts.iter().sum::<u64>();
    }
    if all == 0 { "-".to_owned() } else { format!("{:.0} %", own as f64 * 100.0 / all as f64) }
}

/// In the run's final phase or, without one, in whatever followed the upgrade.
fn load_after(analysis: &Analysis, zone: ZoneId) -> String {
    let is_final = |phase: &PhaseFigures| phase.phase.name.step == stretch::FINAL;
    if analysis.phases.iter().any(is_final) {
        return load(analysis, zone, is_final);
    }
    load(analysis, zone, |phase| phase.role == Role::Aftermath)
}

fn calm(analysis: &Analysis, zone: ZoneId) -> String {
    let last = analysis.recoveries.iter().rfind(|back| back.zone == zone);
    match last {
        None => "-".to_owned(),
        Some(back) => match back.after_us {
            Some(0) => "at once".to_owned(),
            Some(us) => words::duration(us),
            None => format!("not in {}", words::duration(back.watched_us)),
        },
    }
}

pub(super) const ERRORS: [&str; 6] =
    ["attempts", "class", "code", "while", "worst phase", "first seen"];

/// The commonest errors, by class, code and statement, over all phases and zones.
pub(super) fn errors(analysis: &Analysis) -> Vec<[String; 6]> {
    let mut sums = std::collections::BTreeMap::new();
    for error in &analysis.errors {
        let key = (error.key.class, error.key.errno, error.key.sqlstate, error.key.statement);
        let entry = sums.entry(key).or_insert((0_u64, error, error.first));
        entry.0 += error.count;
        if error.count > entry.1.count {
            entry.1 = error;
        }
        entry.2 = entry.2.min(error.first);
    }
    let mut sums: Vec<_> = sums.into_values().collect();
    sums.sort_by_key(|(count, error, _)| (std::cmp::Reverse(*count), error.key));
    let left_out = sums.len().saturating_sub(ERRORS_MAX);
    let mut rows: Vec<[String; 6]> = sums
        .iter()
        .take(ERRORS_MAX)
        .map(|(count, error, first)| {
            let key = &error.key;
            let code = match key.errno {
                0 => "-".to_owned(),
                errno => format!("{errno} {}", key.code().sqlstate_str()),
            };
            [
                words::count(*count),
                key.class.to_string(),
                code,
                key.statement.map_or_else(|| "-".to_owned(), |statement| statement.to_string()),
                analysis.phases[key.phase].label.clone(),
                words::moment(*first),
            ]
        })
        .collect();
    if left_out > 0 {
        let more = format!("{left_out} more kinds: errors.csv");
        rows.push([
            String::new(),
            more,
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    rows
}

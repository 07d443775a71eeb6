//! The sentences about the data: what was looked at, and every difference that was found.

use std::collections::BTreeMap;

use crate::analysis::{Analysis, DataSafety, ZoneCheck, words};
use crate::record::{CheckResult, FindingKind, Work};

/// Data checks listed one by one.
const CHECKS_MAX: usize = 8;
/// Differences of a check told in full.
const FINDINGS_MAX: usize = 3;

/// What the data checks found, as sentences.
pub(super) fn data(analysis: &Analysis) -> Vec<String> {
    let mut lines = match &analysis.data {
        Some(data) if data.audited => audited(analysis, data),
        _ => vec!["The data was not checked after the run: run `rollproof audit`.".to_owned()],
    };
    lines.extend(during(analysis).filter(|_| analysis.run.work == Work::Run));
    if let Some(data) = &analysis.data {
        failures(&mut lines, analysis, data);
        unknowns(&mut lines, analysis, data);
    }
    lines
}

fn audited(analysis: &Analysis, data: &DataSafety) -> Vec<String> {
    let of = |kind| data.violations.get(&kind).copied().unwrap_or(0);
    let found: Vec<String> =
        FindingKind::ALL.iter().map(|&kind| format!("{} {kind}", words::count(of(kind)))).collect();
    let ambiguous = &data.ambiguous;
    let mut lines = match analysis.run.work {
        Work::Run => vec![
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
        ],
        Work::Load => vec![format!(
            "Every row held against the one that seed {} gives; found {}.",
            analysis.run.scenario.workload.seed,
            found.join(", ")
        )],
    };
    lines.push(format!(
        "{} over {}: {} failed, {} could not be made.",
        words::counted(data.checks, "check"),
        words::counted(analysis.run.scenario.cluster.zones.len() as u64, "zone"),
        data.failures.len(),
        data.unknowns.len()
    ));
    lines
}

/// What was looked at while the load went on.
fn during(analysis: &Analysis) -> impl Iterator<Item = String> {
    let (spots, sights) = (&analysis.spots, &analysis.sights);
    let looks = (spots.read + spots.unread > 0).then(|| {
        format!(
            "During the run {} of a district: {} with a condition broken; {} more not answered.",
            words::counted(spots.read, "snapshot"),
            words::count(spots.broken),
            words::count(spots.unread)
        )
    });
    let seen = (sights.sights > 0).then(|| {
        format!(
            "Terminals saw {}; {} after a move to another zone; {} less than seen before elsewhere.",
            words::counted(sights.sights, "order number"),
            words::count(sights.moved),
            words::count(sights.behind)
        )
    });
    looks.into_iter().chain(seen)
}

/// Failed checks with their first differences in full. What several zones show alike is told once.
fn failures(lines: &mut Vec<String>, analysis: &Analysis, data: &DataSafety) {
    let mut alike: Vec<(&CheckResult, Vec<String>)> = Vec::new();
    for failed in &data.failures {
        let zone = zone_name(analysis, failed);
        match alike.iter_mut().find(|(check, _)| **check == failed.check) {
            Some((_, zones)) => zones.push(zone),
            None => alike.push((&failed.check, vec![zone])),
        }
    }
    for (check, zones) in alike.iter().take(CHECKS_MAX) {
        let differences = words::counted(check.violations, "difference");
        let zones = zones.join(", ");
        lines.push(format!("{zones} {} fail, {differences}: {}", check.check, check.detail));
        for found in check.findings.iter().take(FINDINGS_MAX) {
            lines.push(format!(
                "  {} {}: expected {}, found {}; see: {}",
                found.kind, found.key, found.expected, found.found, found.sql
            ));
        }
        let told = check.findings.len().min(FINDINGS_MAX) as u64;
        if check.violations > told {
            lines.push(format!("  and {} more", words::count(check.violations - told)));
        }
    }
    if let Some(more) = alike.len().checked_sub(CHECKS_MAX + 1) {
        let checks = words::counted(more as u64 + 1, "check");
        lines.push(format!("{checks} more failed; audit.json and summary.json name them."));
    }
}

/// One reason, such as a zone that is down, keeps many checks from being made.
fn unknowns(lines: &mut Vec<String>, analysis: &Analysis, data: &DataSafety) {
    let mut reasons: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for unknown in &data.unknowns {
        let reason = (zone_name(analysis, unknown), unknown.check.detail.as_str());
        *reasons.entry(reason).or_default() += 1;
    }
    for ((zone, why), checks) in reasons.into_iter().take(CHECKS_MAX) {
        lines.push(format!("{zone}: {} not made: {why}", words::counted(checks, "check")));
    }
}

fn zone_name(analysis: &Analysis, of: &ZoneCheck) -> String {
    let zones = &analysis.run.scenario.cluster.zones;
    zones.get(of.zone.index()).map_or_else(|| "?".to_owned(), |zone| zone.name.clone())
}

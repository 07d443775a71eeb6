//! Data safety: what the checks of a run's data add up to.

use std::collections::BTreeMap;

use crate::event::ZoneId;
use crate::record::{AmbiguousCount, AuditRecord, CheckResult, DataVerdict, Finding, FindingKind};

/// Findings of a check kept in full; all of them are counted.
const FINDINGS_MAX: usize = 10;

/// A check that did not hold or could not be made, at one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneCheck {
    /// The zone.
    pub zone: ZoneId,
    /// The check with its findings.
    pub check: CheckResult,
}

/// What the checks of a run's data found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataSafety {
    /// Whether the data was audited after the run; if not, only what was found during it is here.
    pub audited: bool,
    /// Acknowledged writes in the ledger.
    pub acknowledged: u64,
    /// Ambiguous writes by what became of them.
    pub ambiguous: AmbiguousCount,
    /// Violations by kind. What several zones show alike is one violation, not several.
    pub violations: BTreeMap<FindingKind, u64>,
    /// Checks made, over all zones.
    pub checks: u64,
    /// Checks that do not hold.
    pub failures: Vec<ZoneCheck>,
    /// Checks that could not be made.
    pub unknowns: Vec<ZoneCheck>,
    /// Every check of every zone, in the order made, for lists of test cases.
    pub all: Vec<ZoneCheck>,
}

impl DataSafety {
    /// Adds up the audits of a set of records, if there are any, and what was checked `during` the
    /// run. Without an audit, sound data during the run prove nothing.
    pub(super) fn new(audits: Option<&[AuditRecord]>, during: Vec<ZoneCheck>) -> Option<Self> {
        let sound = during.iter().all(|zone| zone.check.verdict != DataVerdict::Fail);
        if audits.is_none() && sound {
            return None;
        }
        let mut data = Self { audited: audits.is_some(), ..Self::default() };
        for audit in audits.unwrap_or_default() {
            data.acknowledged += audit.acknowledged;
            data.ambiguous.committed += audit.ambiguous.committed;
            data.ambiguous.absent += audit.ambiguous.absent;
            data.ambiguous.unresolved += audit.ambiguous.unresolved;
            data.add_violations(audit.failures().map(|(_, check)| check));
            for zone in &audit.zones {
                let checks = zone.checks.iter().cloned();
                data.all.extend(checks.map(|check| ZoneCheck { zone: zone.zone, check }));
            }
        }
        data.add_violations(during.iter().map(|zone| &zone.check));
        data.all.extend(during);
        let of = |verdict| data.all.iter().filter(move |c| c.check.verdict == verdict).cloned();
        let (failures, unknowns) =
            (of(DataVerdict::Fail).collect(), of(DataVerdict::Unknown).collect());
        Some(Self { checks: data.all.len() as u64, failures, unknowns, ..data })
    }

    /// The same row lost on three zones is one lost row: a check counts as often as at its worst
    /// zone.
    fn add_violations<'a>(&mut self, checks: impl Iterator<Item = &'a CheckResult>) {
        let mut worst: BTreeMap<&str, &CheckResult> = BTreeMap::new();
        for check in checks.filter(|check| check.verdict == DataVerdict::Fail) {
            let known = worst.entry(&check.check).or_insert(check);
            if check.violations > known.violations {
                *known = check;
            }
        }
        for check in worst.values() {
            // At least one: a check that fails without a count still fails.
            let mut left = check.violations.max(1);
            let kinds = check.findings.iter().map(|finding| finding.kind);
            let first = kinds.clone().next().unwrap_or(FindingKind::Inconsistent);
            for kind in kinds.skip(1).take(left as usize - 1).filter(|&kind| kind != first) {
                *self.violations.entry(kind).or_default() += 1;
                left -= 1;
            }
            // Findings are a handful of examples; the rest is taken to be like the first.
            *self.violations.entry(first).or_default() += left;
        }
    }

    /// Violations of every kind.
    pub fn violations_total(&self) -> u64 {
        self.violations.values().sum()
    }
}

/// Findings counted, the first of them kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallied {
    pub(super) total: u64,
    first: Vec<Finding>,
}

impl Tallied {
    pub(super) fn add(&mut self, finding: impl FnOnce() -> Finding) {
        self.total += 1;
        if self.first.len() < FINDINGS_MAX {
            self.first.push(finding());
        }
    }

    /// The result of a check, which fails if anything was found.
    pub(super) fn result(self, check: &str, title: &str, detail: String) -> CheckResult {
        CheckResult {
            check: check.to_owned(),
            title: title.to_owned(),
            verdict: if self.total == 0 { DataVerdict::Pass } else { DataVerdict::Fail },
            violations: self.total,
            detail,
            findings: self.first,
        }
    }
}

//! Data safety: what the checks of a run's data add up to.

use std::collections::BTreeMap;

use crate::event::ZoneId;
use crate::record::{AmbiguousCount, AuditRecord, CheckResult, DataVerdict, FindingKind};

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
    /// Adds up the audits of a set of records.
    pub(super) fn new(audits: &[AuditRecord]) -> Self {
        let mut data = Self::default();
        for audit in audits {
            data.acknowledged += audit.acknowledged;
            data.ambiguous.committed += audit.ambiguous.committed;
            data.ambiguous.absent += audit.ambiguous.absent;
            data.ambiguous.unresolved += audit.ambiguous.unresolved;
            data.add_violations(audit);
            for zone in &audit.zones {
                let checks = zone.checks.iter().cloned();
                data.all.extend(checks.map(|check| ZoneCheck { zone: zone.zone, check }));
            }
        }
        let of = |verdict| data.all.iter().filter(move |c| c.check.verdict == verdict).cloned();
        let (failures, unknowns) =
            (of(DataVerdict::Fail).collect(), of(DataVerdict::Unknown).collect());
        Self { checks: data.all.len() as u64, failures, unknowns, ..data }
    }

    /// The same row lost on three zones is one lost row: a check counts as often as at its worst
    /// zone.
    fn add_violations(&mut self, audit: &AuditRecord) {
        let mut worst: BTreeMap<&str, &CheckResult> = BTreeMap::new();
        for (_, check) in audit.failures() {
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

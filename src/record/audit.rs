//! `audit.json`: what the data checks of a run found, zone by zone.
//!
//! It is part of the raw record, because it comes from the database and not from the other files.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RecordError, file, json};
use crate::event::ZoneId;
use crate::spelling::spelled;

spelled! {
    /// What is wrong with a piece of data.
    pub enum FindingKind {
        /// Acknowledged, but not there.
        Lost = "lost",
        /// Certainly failed, but there.
        Phantom = "phantom",
        /// There more than once.
        Duplicate = "duplicate",
        /// A consistency condition does not hold.
        Inconsistent = "inconsistent",
        /// Two zones do not hold the same data.
        Divergent = "divergent",
        /// A terminal saw less than it had seen before.
        Stale = "stale",
    }
}

/// One difference, told so that a reader can go and see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// The row's key, as `order (w 3, d 7, o 3124)`.
    pub key: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// A statement that shows it.
    pub sql: String,
}

spelled! {
    /// How one check ended.
    pub enum DataVerdict {
        /// It holds.
        Pass = "pass",
        /// It does not.
        Fail = "fail",
        /// It could not be made; never counted as a pass.
        Unknown = "unknown",
    }
}

/// One check on one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Stable name, as `condition-3` or `ledger-orders`.
    pub check: String,
    /// What it states, in one line.
    pub title: String,
    /// How it ended.
    pub verdict: DataVerdict,
    /// Rows that break it.
    pub violations: u64,
    /// What was looked at, or why nothing could be.
    pub detail: String,
    /// The first violations in full; never more than a handful.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// All checks of one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneAudit {
    /// The zone.
    pub zone: ZoneId,
    /// Its checks, in the order they were made.
    pub checks: Vec<CheckResult>,
}

/// How the ambiguous writes of a run were resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AmbiguousCount {
    /// Found: they had committed.
    pub committed: u64,
    /// Not found: they had not.
    pub absent: u64,
    /// Not known to this moment.
    pub unresolved: u64,
}

/// What the data checks found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When they were made.
    pub made_at: jiff::Timestamp,
    /// Acknowledged writes in the ledger.
    pub acknowledged: u64,
    /// Ambiguous writes in the ledger, by what became of them.
    pub ambiguous: AmbiguousCount,
    /// One entry for every zone of the scenario, unreachable ones included.
    pub zones: Vec<ZoneAudit>,
}

impl AuditRecord {
    /// Reads `audit.json` of a run of so many zones; `None` when the data was never checked.
    ///
    /// # Errors
    /// When it is there but cannot be read or understood, or leaves out a zone.
    pub fn read(dir: &Path, zones: usize) -> Result<Option<Self>, RecordError> {
        let read: Option<Self> = json::read(dir, file::AUDIT)?;
        match read.as_ref().and_then(|audit| audit.contradiction(zones)) {
            None => Ok(read),
            Some(reason) => {
                let (path, place) = (dir.join(file::AUDIT), "its checks".to_owned());
                Err(RecordError::Damaged { path, place, reason })
            }
        }
    }

    /// What of it contradicts itself, or the run it is of.
    fn contradiction(&self, zones: usize) -> Option<String> {
        for index in 0..zones {
            let found = self.zones.iter().filter(|zone| zone.zone.index() == index).count();
            if found != 1 {
                return Some(format!("zone {index} is in it {found} times instead of once"));
            }
        }
        if self.zones.len() > zones {
            return Some(format!("it speaks of {} zones, the run had {zones}", self.zones.len()));
        }
        if let Some(zone) = self.zones.iter().find(|zone| zone.checks.is_empty()) {
            return Some(format!("zone {} has no checks", zone.zone.index()));
        }
        let mut all = self.zones.iter().flat_map(|zone| &zone.checks);
        let wrong = all.find(|c| (c.verdict == DataVerdict::Fail) != (c.violations > 0))?;
        let CheckResult { check, verdict, violations, .. } = wrong;
        Some(format!("check {check} is {verdict} with {violations} violations"))
    }

    /// Writes `audit.json`, replacing an older one whole.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, dir: &Path) -> Result<(), RecordError> {
        json::write(dir, file::AUDIT, self)
    }

    /// Every violated check with its zone.
    pub fn failures(&self) -> impl Iterator<Item = (ZoneId, &CheckResult)> {
        self.of(DataVerdict::Fail)
    }

    /// Every check that could not be made, with its zone.
    pub fn unknowns(&self) -> impl Iterator<Item = (ZoneId, &CheckResult)> {
        self.of(DataVerdict::Unknown)
    }

    fn of(&self, verdict: DataVerdict) -> impl Iterator<Item = (ZoneId, &CheckResult)> {
        self.zones.iter().flat_map(move |zone| {
            zone.checks.iter().filter(move |c| c.verdict == verdict).map(|c| (zone.zone, c))
        })
    }
}

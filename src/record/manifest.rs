//! `manifest.json`: what was run, on which clock, and whether it came to its end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RecordError, StoredBaseline, file};
use crate::event::{RunTime, TxnKind};
use crate::scenario::Scenario;
use crate::spelling::spelled;

/// The newest record format this build writes and reads.
pub const FORMAT: u32 = 2;

spelled! {
    /// What the cluster was busy with while it was watched.
    #[derive(Default)]
    pub enum Work {
        /// TPC-C's transactions on a loaded database.
        #[default]
        Run = "run",
        /// The initial load of the database.
        Load = "load",
    }
}

impl Work {
    /// The kinds of business transactions it consists of.
    pub fn kinds(self) -> &'static [TxnKind] {
        match self {
            Self::Run => TxnKind::TRANSACTIONS,
            Self::Load => TxnKind::LOAD,
        }
    }

    fn is_run(&self) -> bool {
        *self == Self::Run
    }
}

/// How many rows each file holds; a reader that counts fewer has a cut record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCounts {
    /// Attempts.
    pub transactions: u64,
    /// Probes.
    pub probes: u64,
    /// Lines of `cluster.jsonl`.
    pub cluster: u64,
    /// Ledger entries.
    pub ledger: u64,
    /// Samples of the tool's own health.
    pub own: u64,
}

/// How a run came to its end. Absent from the manifest of a run that never did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The run's last moment; every phase ends here at the latest.
    pub end: RunTime,
    /// Rows written.
    pub rows: RowCounts,
    /// Bytes of the files that lie beside the tables and change no more: `start.json`,
    /// `inputs.json`, `upgrade.jsonl`, as far as the run has them. Empty in records of older
    /// versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beside: BTreeMap<String, u64>,
    /// Why it ended before its timetable, as `interrupted`; `None` when it ran to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
}

/// The first file written and the last one touched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Record format, see [`FORMAT`].
    pub format: u32,
    /// Version of rollproof that wrote it.
    pub tool_version: String,
    /// The directory's name.
    pub run_id: String,
    /// What the cluster was busy with.
    #[serde(default, skip_serializing_if = "Work::is_run")]
    pub work: Work,
    /// `h_run` of the payments of this run: tells its rows from those of every other run; 0 for a
    /// load.
    pub run_number: u32,
    /// The run's origin as wall-clock time.
    pub origin_wall: jiff::Timestamp,
    /// The run's origin on the machine's monotonic clock, in µs.
    pub origin_monotonic_us: u64,
    /// Which part of a shared run this is, as `1/1`.
    pub shard: String,
    /// What was asked for, as resolved from file and flags, secrets not included.
    pub scenario: Scenario,
    /// How the load spoke to the servers; absent from records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionStyle>,
    /// What the cluster was found to carry before the run, where the rate was to follow from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// The baseline of another run, where it stands for one of this run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<StoredBaseline>,
    /// The upgrade's plan, if the run performs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradeIntent>,
    /// The upgrade that somebody else is to perform while the run watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<OutsideUpgrade>,
    /// Present once the run has ended and every row is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<Completion>,
}

/// What the cluster carried in a closed loop without waits, and the rate that follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// Business transactions completed a second.
    pub per_second: f64,
    /// How long was counted, in µs.
    pub measured_us: u64,
    /// How many terminals asked.
    pub terminals: u32,
    /// How many zones served.
    pub zones: u32,
    /// The share of it that is offered.
    pub share: f64,
}

/// How the load's sessions spoke to the servers: two runs that differ here cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionStyle {
    /// How statements were sent.
    pub statements: String,
    /// What they went through.
    pub protocol: String,
    /// What every session began with, the isolation level among it.
    pub settings: Vec<String>,
}

/// What the run means to do to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeIntent {
    /// Name of the plan.
    pub plan: String,
    /// The version every zone must report at the end.
    pub target_version: String,
    /// The steps each zone goes through, in order.
    pub zone_steps: Vec<String>,
    /// The run whose failed upgrade this one goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<String>,
}

/// An upgrade that somebody else performs and that the run is to see: where it does not, the run
/// measured nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideUpgrade {
    /// Whether rollproof runs the command that performs it. The command itself is not recorded: it
    /// may hold secrets.
    pub wrapped: bool,
    /// The version every zone must report at the end; where none is named, any but its first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
}

impl Manifest {
    /// Reads the manifest of a run's directory.
    ///
    /// # Errors
    /// When there is none, it cannot be understood, or it is from a newer format.
    pub fn read(dir: &Path) -> Result<Self, RecordError> {
        let path = dir.join(file::MANIFEST);
        let text = std::fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                RecordError::NotARun { path: dir.to_owned() }
            }
            _ => RecordError::Io { verb: "read", path: path.clone(), source },
        })?;
        let damaged = |error: serde_json::Error| RecordError::Damaged {
            path: path.clone(),
            place: format!("line {}", error.line()),
            reason: error.to_string(),
        };
        // The format is read alone first, so that a newer record is called newer, not damaged.
        let found = serde_json::from_slice::<FormatOnly>(&text).map_err(damaged)?.format;
        if found > FORMAT {
            return Err(RecordError::TooNew { path: dir.to_owned(), found, known: FORMAT });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    /// Writes the manifest so that a reader sees either the old one or the new one, whole.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, dir: &Path) -> Result<(), RecordError> {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest has only string keys");
        text.push('\n');
        write_atomically(dir, file::MANIFEST, text.as_bytes())
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Writes beside, syncs, renames.
pub(crate) fn write_atomically(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
    let path = dir.join(name);
    let beside = dir.join(format!(".{name}.new"));
    File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, &path))
        .map_err(RecordError::io("write", &path))
}

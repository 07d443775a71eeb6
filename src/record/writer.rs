//! Writes a run's raw files as the run goes. Owned by the collector, used from one thread.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::row::{ZoneNames, write_row};
use super::{Completion, Manifest, RecordError, Row, RowCounts, file, json};
use crate::event::{
    Attempt, ClusterEvent, Event, InputCounts, LedgerEntry, Probe, RunTime, SelfSample,
};

/// Level 1 keeps recording under a microsecond of CPU an attempt; higher ones save little here.
const ZSTD_LEVEL: i32 = 1;

/// The open raw files of one run.
pub struct RecordWriter {
    dir: PathBuf,
    manifest: Manifest,
    zones: ZoneNames,
    rows: RowCounts,
    transactions: Table<Compressed>,
    probes: Table<Compressed>,
    ledger: Table<Compressed>,
    own: Table<File>,
    cluster: BufWriter<File>,
}

type Compressed = zstd::Encoder<'static, File>;

/// A CSV file and its path, for errors.
struct Table<W: Write> {
    path: PathBuf,
    csv: csv::Writer<W>,
}

impl<W: Write> Table<W> {
    fn new<R: Row>(path: PathBuf, to: W) -> Result<Self, RecordError> {
        let mut csv = csv::Writer::from_writer(to);
        csv.write_record(R::HEADER).map_err(|error| io("write", &path, error))?;
        Ok(Self { path, csv })
    }

    fn write<R: Row>(&mut self, row: &R, zones: &ZoneNames) -> Result<(), RecordError> {
        write_row(row, zones, &mut self.csv).map_err(|error| io("write", &self.path, error))
    }

    fn flush(&mut self) -> Result<(), RecordError> {
        self.csv.flush().map_err(RecordError::io("write", &self.path))
    }
}

fn io(verb: &'static str, path: &Path, error: csv::Error) -> RecordError {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    };
    RecordError::io(verb, path)(source)
}

fn create(path: &Path) -> Result<File, RecordError> {
    File::create_new(path).map_err(RecordError::io("create", path))
}

fn compressed<R: Row>(dir: &Path, name: &str) -> Result<Table<Compressed>, RecordError> {
    let path = dir.join(name);
    let encoder = zstd::Encoder::new(create(&path)?, ZSTD_LEVEL)
        .and_then(|mut encoder| encoder.include_checksum(true).map(|()| encoder))
        .map_err(RecordError::io("create", &path))?;
    Table::new::<R>(path, encoder)
}

/// Writes what the load asked for. Called once the load has ended and before the record is
/// completed, so that a complete record has it.
///
/// # Errors
/// When the file system refuses.
pub fn write_inputs(dir: &Path, inputs: &InputCounts) -> Result<(), RecordError> {
    json::write(dir, file::INPUTS, inputs)
}

impl RecordWriter {
    /// Makes the run's directory with its manifest and empty tables.
    ///
    /// # Errors
    /// When the directory is already there or the file system refuses.
    pub fn create(dir: &Path, manifest: Manifest) -> Result<Self, RecordError> {
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(RecordError::io("create", parent))?;
        }
        fs::create_dir(dir).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => RecordError::Exists { path: dir.to_owned() },
            _ => RecordError::io("create", dir)(error),
        })?;
        manifest.write(dir)?;
        let own = dir.join(file::OWN);
        Ok(Self {
            zones: ZoneNames(manifest.scenario.zone_names()),
            rows: RowCounts::default(),
            transactions: compressed::<Attempt>(dir, file::TRANSACTIONS)?,
            probes: compressed::<Probe>(dir, file::PROBES)?,
            ledger: compressed::<LedgerEntry>(dir, file::LEDGER)?,
            own: Table::new::<SelfSample>(own.clone(), create(&own)?)?,
            cluster: BufWriter::new(create(&dir.join(file::CLUSTER))?),
            dir: dir.to_owned(),
            manifest,
        })
    }

    /// Appends one event to the file it belongs to.
    ///
    /// # Errors
    /// When the file system refuses; the record so far stays readable.
    pub fn write(&mut self, event: &Event) -> Result<(), RecordError> {
        match event {
            Event::Attempt(row) => {
                self.rows.transactions += 1;
                self.transactions.write(row, &self.zones)
            }
            Event::Probe(row) => {
                self.rows.probes += 1;
                self.probes.write(row, &self.zones)
            }
            Event::Ledger(row) => {
                self.rows.ledger += 1;
                self.ledger.write(row, &self.zones)
            }
            Event::Own(row) => {
                self.rows.own += 1;
                self.own.write(row, &self.zones)
            }
            Event::Cluster(event) => {
                self.rows.cluster += 1;
                self.write_cluster(event)
            }
        }
    }

    fn write_cluster(&mut self, event: &ClusterEvent) -> Result<(), RecordError> {
        let mut line = serde_json::to_vec(event).expect("a cluster event has only string keys");
        line.push(b'\n');
        self.cluster
            .write_all(&line)
            .map_err(RecordError::io("write", &self.dir.join(file::CLUSTER)))
    }

    /// Hands everything written so far to the operating system; called about once a second.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        self.transactions.flush()?;
        self.probes.flush()?;
        self.ledger.flush()?;
        self.own.flush()?;
        self.cluster.flush().map_err(RecordError::io("write", &self.dir.join(file::CLUSTER)))
    }

    /// Closes every file and marks the run complete, in that order: a manifest that says
    /// "complete" has all its rows on disk.
    ///
    /// # Errors
    /// When the file system refuses; the run then stays incomplete.
    pub fn finish(
        mut self,
        end: RunTime,
        ended_early: Option<String>,
    ) -> Result<Manifest, RecordError> {
        self.flush()?;
        for table in [self.transactions, self.probes, self.ledger] {
            let path = table.path;
            let encoder = table.csv.into_inner().map_err(|error| {
                RecordError::io("write", &path)(std::io::Error::other(error.to_string()))
            })?;
            encoder
                .finish()
                .and_then(|file| file.sync_all())
                .map_err(RecordError::io("write", &path))?;
        }
        let beside = beside(&self.dir)?;
        self.manifest.completion = Some(Completion { end, rows: self.rows, beside, ended_early });
        self.manifest.write(&self.dir)?;
        Ok(self.manifest)
    }
}

/// The lengths of those files of [`file::BESIDE`] that are in a run's directory.
pub(super) fn beside(dir: &Path) -> Result<BTreeMap<String, u64>, RecordError> {
    let mut lengths = BTreeMap::new();
    for name in file::BESIDE {
        let path = dir.join(name);
        match fs::metadata(&path) {
            Ok(found) => drop(lengths.insert((*name).to_owned(), found.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(RecordError::io("read", &path)(error)),
        }
    }
    Ok(lengths)
}

//! Reads a run's raw files, whole or cut, row by row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::cells::{Next, RowReader};
use super::row::{ZoneNames, read_row};
use super::writer::beside;
use super::{AuditRecord, Manifest, RecordError, Row, file, json};
use crate::event::{Attempt, ClusterEvent, InputCounts, LedgerEntry, Probe, SelfSample};

/// Whether a file ended where its writer ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wholeness {
    /// It did.
    Whole,
    /// It breaks off: the writer was killed or the file was truncated.
    Cut,
}

/// A run's directory, opened for reading.
#[derive(Debug, Clone)]
pub struct Record {
    dir: PathBuf,
    /// What was run.
    pub manifest: Manifest,
}

impl Record {
    /// Opens a run's directory.
    ///
    /// # Errors
    /// When it has no manifest that this build understands.
    pub fn open(dir: &Path) -> Result<Self, RecordError> {
        Ok(Self { dir: dir.to_owned(), manifest: Manifest::read(dir)? })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every attempt, in the order they ended, or nearly so.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn attempts(&self) -> Result<Rows<Attempt>, RecordError> {
        self.rows(file::TRANSACTIONS)
    }

    /// Every probe.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn probes(&self) -> Result<Rows<Probe>, RecordError> {
        self.rows(file::PROBES)
    }

    /// Every acknowledged and ambiguous write.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn ledger(&self) -> Result<Rows<LedgerEntry>, RecordError> {
        self.rows(file::LEDGER)
    }

    /// The tool's own health.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn own(&self) -> Result<Rows<SelfSample>, RecordError> {
        self.rows(file::OWN)
    }

    /// What happened to the cluster; few enough to be read at once. A last line that breaks off
    /// is left out and the result called cut.
    ///
    /// # Errors
    /// When the file cannot be read or a line in its middle makes no sense.
    pub fn cluster(&self) -> Result<(Vec<ClusterEvent>, Wholeness), RecordError> {
        let path = self.dir.join(file::CLUSTER);
        let mut reader = BufReader::new(open(&path)?);
        let (mut events, mut line) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            let length =
                reader.read_until(b'\n', &mut line).map_err(RecordError::io("read", &path))?;
            if length == 0 {
                return Ok((events, Wholeness::Whole));
            }
            if line.last() != Some(&b'\n') {
                return Ok((events, Wholeness::Cut));
            }
            events.push(serde_json::from_slice(&line).map_err(|error| RecordError::Damaged {
                path: path.clone(),
                place: format!("line {}", events.len() + 1),
                reason: error.to_string(),
            })?);
        }
    }

    /// What the data checks found; `None` when they were never made.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn audit(&self) -> Result<Option<AuditRecord>, RecordError> {
        AuditRecord::read(&self.dir, self.manifest.scenario.cluster.zones.len())
    }

    /// What the load asked for; `None` when the run never ended, or an older rollproof made it.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn inputs(&self) -> Result<Option<InputCounts>, RecordError> {
        json::read(&self.dir, file::INPUTS)
    }

    /// The files beside the tables that are not as they were when the run ended, each with its
    /// length now; `None` for one that is gone.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn changed_beside(&self) -> Result<Vec<(&'static str, Option<u64>)>, RecordError> {
        let Some(done) = &self.manifest.completion else { return Ok(Vec::new()) };
        let now = beside(&self.dir)?;
        let known = file::BESIDE.iter().filter(|name| done.beside.contains_key(**name));
        let found = known.map(|name| (*name, now.get(*name).copied()));
        Ok(found.filter(|(name, length)| done.beside.get(*name) != length.as_ref()).collect())
    }

    fn rows<R: Row>(&self, name: &str) -> Result<Rows<R>, RecordError> {
        let path = self.dir.join(name);
        let file = open(&path)?;
        let bytes: Box<dyn Read + Send> = if name.ends_with(".zst") {
            Box::new(zstd::Decoder::new(file).map_err(RecordError::io("read", &path))?)
        } else {
            Box::new(file)
        };
        let mut from = RowReader::new(Source { bytes, broke_off: false });
        let first = from.next().map_err(|error| damaged(&path, 0, &error.to_string()))?;
        let columns = match first {
            Next::Row(header) => {
                let known = |(found, name): (&[u8], &&str)| found == name.as_bytes();
                let columns = header.iter().count();
                let in_range = (R::COLUMNS_MIN..=R::HEADER.len()).contains(&columns);
                if !in_range || !header.iter().zip(R::HEADER).all(known) {
                    return Err(damaged(&path, 0, "its columns are not the ones of this format"));
                }
                Some(columns)
            }
            Next::End | Next::Cut => None,
        };
        Ok(Rows {
            path,
            from,
            zones: ZoneNames(self.manifest.scenario.zone_names()),
            columns: columns.unwrap_or(0),
            read: 0,
            wholeness: columns.is_none().then_some(Wholeness::Cut),
            row: PhantomData,
        })
    }
}

fn open(path: &Path) -> Result<File, RecordError> {
    File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RecordError::Missing { path: path.to_owned() },
        _ => RecordError::io("read", path)(error),
    })
}

fn damaged(path: &Path, row: u64, reason: &str) -> RecordError {
    RecordError::Damaged {
        path: path.to_owned(),
        place: format!("row {row}"),
        reason: reason.to_owned(),
    }
}

/// A compressed stream that breaks off ends where it does: every row before that is whole.
struct Source {
    bytes: Box<dyn Read + Send>,
    broke_off: bool,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.bytes.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.broke_off = true;
                Ok(0)
            }
            other => other,
        }
    }
}

/// The rows of one file. Ends quietly at a cut; ask [`Rows::wholeness`] afterwards.
pub struct Rows<R> {
    path: PathBuf,
    from: RowReader<Source>,
    zones: ZoneNames,
    columns: usize,
    read: u64,
    wholeness: Option<Wholeness>,
    row: PhantomData<R>,
}

impl<R: Row> Rows<R> {
    /// Whether the file was whole. Known once the last row has been read.
    pub fn wholeness(&self) -> Option<Wholeness> {
        self.wholeness
    }

    /// How many rows were handed out so far.
    pub fn count_read(&self) -> u64 {
        self.read
    }
}

impl<R: Row> Iterator for Rows<R> {
    type Item = Result<R, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.wholeness.is_some() {
            return None;
        }
        let row = match self.from.next() {
            Ok(Next::Row(cells)) => read_row(cells, self.columns, &self.zones),
            Ok(end) => {
                let is_whole = end == Next::End && !self.from.get_ref().broke_off;
                self.wholeness = Some(if is_whole { Wholeness::Whole } else { Wholeness::Cut });
                return None;
            }
            Err(error) => Err(error.to_string()),
        };
        match row {
            Ok(row) => {
                self.read += 1;
                Some(Ok(row))
            }
            Err(reason) => {
                // Nothing behind damage can be trusted.
                self.wholeness = Some(Wholeness::Cut);
                Some(Err(damaged(&self.path, self.read + 1, &reason)))
            }
        }
    }
}

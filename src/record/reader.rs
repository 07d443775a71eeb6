//! Reads a run's raw files, whole or cut, row by row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::row::{ZoneNames, read_row};
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
        AuditRecord::read(&self.dir)
    }

    /// What the load asked for; `None` when the run never ended, or an older rollproof made it.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn inputs(&self) -> Result<Option<InputCounts>, RecordError> {
        json::read(&self.dir, file::INPUTS)
    }

    fn rows<R: Row>(&self, name: &str) -> Result<Rows<R>, RecordError> {
        let path = self.dir.join(name);
        let file = open(&path)?;
        let source: Box<dyn Read + Send> = if name.ends_with(".zst") {
            Box::new(zstd::Decoder::new(file).map_err(RecordError::io("read", &path))?)
        } else {
            Box::new(file)
        };
        let watched = Watched { source, last_byte: None, broke_off: false };
        let mut csv =
            csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 16).from_reader(watched);
        let header = csv.byte_headers().map_err(|error| damaged(&path, 0, &error.to_string()))?;
        if !header.is_empty() && !header.iter().eq(R::HEADER.iter().map(|name| name.as_bytes())) {
            return Err(damaged(&path, 0, "its columns are not the ones of this format"));
        }
        Ok(Rows {
            path,
            csv,
            zones: ZoneNames(self.manifest.scenario.zone_names()),
            record: csv::ByteRecord::new(),
            pending: None,
            read: 0,
            wholeness: None,
            row: PhantomData,
        })
    }
}

fn open(path: &Path) -> Result<File, RecordError> {
    File::open(path).map_err(RecordError::io("read", path))
}

fn damaged(path: &Path, row: u64, reason: &str) -> RecordError {
    RecordError::Damaged {
        path: path.to_owned(),
        place: format!("row {row}"),
        reason: reason.to_owned(),
    }
}

/// Turns a stream that breaks off into one that ends, and remembers that it did. A row that is
/// not closed by a newline was cut as well.
struct Watched {
    source: Box<dyn Read + Send>,
    last_byte: Option<u8>,
    broke_off: bool,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = match self.source.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.broke_off = true;
                0
            }
            other => other?,
        };
        if length > 0 {
            self.last_byte = Some(buffer[length - 1]);
        }
        Ok(length)
    }
}

/// The rows of one file. Ends quietly at a cut; ask [`Rows::wholeness`] afterwards.
pub struct Rows<R> {
    path: PathBuf,
    csv: csv::Reader<Watched>,
    zones: ZoneNames,
    record: csv::ByteRecord,
    /// One row is held back: only the next read tells whether it was the cut last one.
    pending: Option<R>,
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

    fn end(&mut self) -> Option<R> {
        let watched = self.csv.get_ref();
        let cut = watched.broke_off || watched.last_byte.is_none_or(|byte| byte != b'\n');
        self.wholeness = Some(if cut { Wholeness::Cut } else { Wholeness::Whole });
        let whole_row = watched.last_byte == Some(b'\n');
        self.pending.take().filter(|_| whole_row)
    }

    fn advance(&mut self) -> Result<Option<R>, RecordError> {
        loop {
            if self.wholeness.is_some() {
                return Ok(None);
            }
            let more = self
                .csv
                .read_byte_record(&mut self.record)
                .map_err(|error| damaged(&self.path, self.read + 1, &error.to_string()))?;
            if !more {
                return Ok(self.end());
            }
            match read_row(&self.record, &self.zones) {
                Ok(row) => {
                    if let Some(ready) = self.pending.replace(row) {
                        return Ok(Some(ready));
                    }
                }
                // A row that makes no sense is damage, unless the file breaks off right behind it.
                Err(reason) => {
                    let place = self.read + 1 + u64::from(self.pending.is_some());
                    let ready = self.pending.take();
                    let last = !self.csv.read_byte_record(&mut self.record).unwrap_or(false);
                    if last && self.csv.get_ref().last_byte != Some(b'\n') {
                        self.wholeness = Some(Wholeness::Cut);
                        return Ok(ready);
                    }
                    return Err(damaged(&self.path, place, &reason));
                }
            }
        }
    }
}

impl<R: Row> Iterator for Rows<R> {
    type Item = Result<R, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        match &next {
            Ok(Some(_)) => self.read += 1,
            Ok(None) => {}
            // Nothing behind damage can be trusted.
            Err(_) => self.wholeness = Some(Wholeness::Cut),
        }
        next.transpose()
    }
}

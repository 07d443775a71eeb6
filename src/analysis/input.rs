//! A set of records as one run: their order, their clocks, and whether they are whole.

use crate::event::{Attempt, ClusterEvent, InputCounts, LedgerEntry, Probe, RunTime, SelfSample};
use crate::record::{AuditRecord, Manifest, Record, RecordError, Row, Rows, Wholeness, file};

use super::integrity::Problem;

/// Why a set of records cannot be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// A file cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Nothing was given.
    #[error("no record was given")]
    Empty,
    /// The records are not parts of one run.
    #[error("{second} is not a part of the run in {first}: {what} differs")]
    Foreign {
        /// The first record's directory.
        first: String,
        /// The other one's.
        second: String,
        /// What differs.
        what: &'static str,
    },
}

/// One driver's record and how its clock relates to the run's.
pub(super) struct Shard<'a> {
    pub(super) record: &'a Record,
    /// Its origin lies this many µs after the run's, by the wall clocks of both.
    offset_us: u64,
}

/// The records of one run, in the order of their shards.
pub(super) struct RecordSet<'a> {
    pub(super) shards: Vec<Shard<'a>>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> RecordSet<'a> {
    /// Puts the set in order. Records of one run share its id, number and scenario.
    pub(super) fn new(records: &'a [Record]) -> Result<Self, AnalysisError> {
        let mut sorted: Vec<&Record> = records.iter().collect();
        sorted.sort_by_key(|record| (shard_of(&record.manifest), record.dir().to_owned()));
        let first = *sorted.first().ok_or(AnalysisError::Empty)?;
        for record in &sorted {
            if let Some(what) = difference(&first.manifest, &record.manifest) {
                let name = |record: &Record| record.dir().display().to_string();
                return Err(AnalysisError::Foreign {
                    first: name(first),
                    second: name(record),
                    what,
                });
            }
        }
        let origin = sorted.iter().map(|r| r.manifest.origin_wall).min();
        let origin_us = origin.unwrap_or_default().as_microsecond();
        let shards: Vec<_> = sorted
            .iter()
            .map(|&record| Shard {
                record,
                offset_us: record.manifest.origin_wall.as_microsecond().abs_diff(origin_us),
            })
            .collect();
        let mut set = Self { problems: Vec::new(), shards };
        set.look_for_missing_shards();
        set.look_for_changed_files()?;
        Ok(set)
    }

    fn look_for_missing_shards(&mut self) {
        let mut numbers: Vec<u32> =
            self.shards.iter().map(|shard| shard_of(&shard.record.manifest).0).collect();
        numbers.dedup();
        let expected = self.shards.iter().map(|s| shard_of(&s.record.manifest).1).max();
        let (expected, found) = (expected.unwrap_or(1), numbers.len() as u32);
        if found != expected || numbers.len() != self.shards.len() {
            self.problems.push(Problem::Shards { expected, found });
        }
        for shard in self.shards.iter().filter(|s| s.record.manifest.completion.is_none()) {
            self.problems.push(Problem::Incomplete { shard: shard.name() });
        }
    }

    fn look_for_changed_files(&mut self) -> Result<(), AnalysisError> {
        for shard in &self.shards {
            for (file, found) in shard.record.changed_beside()? {
                self.problems.push(Problem::Changed { shard: shard.name(), file, found });
            }
        }
        Ok(())
    }

    /// The record that leads: it holds the timetable and what happened to the cluster.
    pub(super) fn lead(&self) -> &Shard<'a> {
        &self.shards[0]
    }

    /// The wall clock at the run's origin.
    pub(super) fn origin_wall(&self) -> jiff::Timestamp {
        let origins = self.shards.iter().map(|shard| shard.record.manifest.origin_wall);
        origins.min().unwrap_or_default()
    }

    /// The run's last moment: where its end was not recorded, the last moment of any row.
    pub(super) fn end(&self) -> Result<RunTime, AnalysisError> {
        let mut end = RunTime(1);
        for shard in &self.shards {
            end = end.max(shard.end()?);
        }
        Ok(end)
    }

    /// Audits of the whole set; `None` when a part was not audited.
    pub(super) fn audits(&self) -> Result<Option<Vec<AuditRecord>>, AnalysisError> {
        let audits = self.shards.iter().map(|shard| shard.record.audit());
        Ok(audits.collect::<Result<Option<Vec<_>>, _>>()?)
    }

    /// What the whole set asked for; `None` when a part does not say.
    pub(super) fn inputs(&self) -> Result<Option<InputCounts>, AnalysisError> {
        let mut sum = InputCounts::default();
        for shard in &self.shards {
            let Some(inputs) = shard.record.inputs()? else { return Ok(None) };
            sum.add(&inputs);
        }
        Ok(Some(sum))
    }
}

/// Attempts handed out at once. Whatever looks at them goes through a block before the next one
/// does: its own code and data stay in the processor's caches.
const BLOCK: usize = 256;

/// How long after the tool's last sample of itself, which it takes every second, a cut record may
/// go on.
const SILENT_US_MAX: u64 = 60_000_000;

/// `3/8` as `(3, 8)`; anything else is the only part.
fn shard_of(manifest: &Manifest) -> (u32, u32) {
    let parts = manifest.shard.split_once('/');
    parts.and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?))).unwrap_or((1, 1))
}

fn difference(a: &Manifest, b: &Manifest) -> Option<&'static str> {
    [
        (a.run_id != b.run_id, "the run's id"),
        (a.work != b.work, "what was done"),
        (a.run_number != b.run_number, "the run's number"),
        (a.scenario != b.scenario, "the scenario"),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

impl Shard<'_> {
    pub(super) fn name(&self) -> String {
        self.record.manifest.shard.clone()
    }

    fn shift(&self, at: RunTime) -> RunTime {
        at.plus_us(self.offset_us)
    }

    fn end(&self) -> Result<RunTime, AnalysisError> {
        if let Some(completion) = &self.record.manifest.completion {
            return Ok(self.shift(completion.end));
        }
        let (mut end, mut sampled) = (RunTime::ZERO, RunTime::ZERO);
        for attempt in self.record.attempts()? {
            end = end.max(attempt?.end);
        }
        for event in self.record.cluster()?.0 {
            end = end.max(event.at);
        }
        for sample in self.record.own()? {
            sampled = sampled.max(sample?.at);
        }
        // A wrong number in one row must not make a run of years of a cut record.
        if sampled > RunTime::ZERO {
            end = end.min(sampled.plus_us(SILENT_US_MAX));
        }
        Ok(self.shift(end.max(sampled)))
    }

    pub(super) fn cluster(
        &self,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<ClusterEvent>, AnalysisError> {
        let (mut events, wholeness) = self.record.cluster()?;
        events.iter_mut().for_each(|event| event.at = self.shift(event.at));
        self.judge(file::CLUSTER, wholeness, events.len() as u64, problems);
        Ok(events)
    }

    /// Hands out every attempt, block by block.
    pub(super) fn attempts(
        &self,
        problems: &mut Vec<Problem>,
        mut take: impl FnMut(&[Attempt]),
    ) -> Result<(), AnalysisError> {
        let mut block = Vec::with_capacity(BLOCK);
        self.drain(file::TRANSACTIONS, self.record.attempts()?, problems, |mut attempt| {
            attempt.scheduled = self.shift(attempt.scheduled);
            attempt.start = self.shift(attempt.start);
            attempt.end = self.shift(attempt.end);
            block.push(attempt);
            if block.len() == BLOCK {
                take(&block);
                block.clear();
            }
        })?;
        take(&block);
        Ok(())
    }

    pub(super) fn probes(
        &self,
        problems: &mut Vec<Problem>,
        mut each: impl FnMut(Probe),
    ) -> Result<(), AnalysisError> {
        self.drain(file::PROBES, self.record.probes()?, problems, |mut probe| {
            probe.start = self.shift(probe.start);
            probe.end = self.shift(probe.end);
            each(probe);
        })
    }

    pub(super) fn own(
        &self,
        problems: &mut Vec<Problem>,
        mut each: impl FnMut(SelfSample),
    ) -> Result<(), AnalysisError> {
        self.drain(file::OWN, self.record.own()?, problems, |mut sample| {
            sample.at = self.shift(sample.at);
            sample.stall_at = self.shift(sample.stall_at);
            each(sample);
        })
    }

    pub(super) fn ledger(
        &self,
        problems: &mut Vec<Problem>,
        mut each: impl FnMut(LedgerEntry),
    ) -> Result<(), AnalysisError> {
        self.drain(file::LEDGER, self.record.ledger()?, problems, |mut entry| {
            entry.at = self.shift(entry.at);
            each(entry);
        })
    }

    fn drain<R: Row>(
        &self,
        file: &'static str,
        mut rows: Rows<R>,
        problems: &mut Vec<Problem>,
        mut each: impl FnMut(R),
    ) -> Result<(), AnalysisError> {
        for row in rows.by_ref() {
            each(row?);
        }
        let wholeness = rows.wholeness().unwrap_or(Wholeness::Cut);
        self.judge(file, wholeness, rows.count_read(), problems);
        Ok(())
    }

    fn judge(
        &self,
        file: &'static str,
        wholeness: Wholeness,
        found: u64,
        problems: &mut Vec<Problem>,
    ) {
        // Where a run never came to its end, its files do not either.
        let Some(rows) = self.record.manifest.completion.as_ref().map(|done| done.rows) else {
            return;
        };
        let shard = self.name();
        let written = match file {
            file::TRANSACTIONS => rows.transactions,
            file::PROBES => rows.probes,
            file::CLUSTER => rows.cluster,
            file::LEDGER => rows.ledger,
            _ => rows.own,
        };
        if wholeness == Wholeness::Cut {
            problems.push(Problem::Cut { shard, file, found, written });
        } else if written != found {
            problems.push(Problem::Rows { shard, file, written, found });
        }
    }
}

//! `upgrade.jsonl`: what was begun, ended and failed, on disk before and after each step.
//!
//! Every line is synced before the runner goes on, so that whatever happens to rollproof or its
//! machine, the journal knows at least as much as was done to the cluster.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::UpgradeError;
use super::plan::Plan;
use super::step::{Stage, StepName};
use super::task::Task;
use crate::cluster::Kept;
use crate::event::Edge;
use crate::record::{RecordError, file};
use crate::scenario::Zone;

/// The newest journal format this build writes and reads.
const FORMAT: u32 = 3;

/// What the upgrade is, in the first line. Commands and timeouts may be mended between two tries;
/// everything here must stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    plan: String,
    target_version: String,
    zones: Vec<String>,
    steps: Vec<String>,
}

impl Header {
    pub(super) fn new(plan: &Plan, zones: &[Zone], tasks: &[Task]) -> Self {
        let step = |task: &Task| format!("{}/{}", task.stage, task.step.name);
        // The steps of the other zones are those of the first.
        let once = tasks.iter().filter(|task| task.zone.is_none_or(|zone| zone.0 == 0));
        Self {
            format: FORMAT,
            plan: plan.name.clone(),
            target_version: plan.target_version.clone(),
            zones: zones.iter().map(|zone| zone.name.clone()).collect(),
            steps: once.map(step).collect(),
        }
    }

    /// What `self`, found on disk, has other than `wanted`.
    fn difference(&self, wanted: &Self) -> Option<String> {
        let pairs = [
            ("plan", self.plan.clone(), wanted.plan.clone()),
            ("target version", self.target_version.clone(), wanted.target_version.clone()),
            ("zones", self.zones.join(", "), wanted.zones.join(", ")),
            ("steps", self.steps.join(", "), wanted.steps.join(", ")),
        ];
        let (what, found, wanted) = pairs.into_iter().find(|(_, found, wanted)| found != wanted)?;
        Some(format!("it is of another upgrade: its {what} is {found}, not {wanted}"))
    }
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Wall-clock time, for people.
    pub(super) at: jiff::Timestamp,
    pub(super) stage: Stage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) zone: Option<String>,
    pub(super) step: StepName,
    pub(super) edge: Edge,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
enum Line {
    Upgrade(Header),
    /// What the cluster was set to before anything was changed.
    Kept {
        settings: Kept,
    },
    Step(Entry),
    /// All of the above was undone: the cluster is as it was.
    TakenBack,
}

/// The journal being written.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Begins the journal of a run, with what was kept, the finished steps it goes on from and
    /// the one that was begun after them.
    pub(super) fn create(
        dir: &Path,
        header: &Header,
        kept: Option<&Kept>,
        carried: &[Entry],
    ) -> Result<Self, UpgradeError> {
        let path = dir.join(file::JOURNAL);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(UpgradeError::io("create", &path))?;
        let mut journal = Self { path, file };
        journal.append(&Line::Upgrade(header.clone()))?;
        if let Some(kept) = kept {
            journal.keep(kept)?;
        }
        for entry in carried {
            journal.append(&Line::Step(entry.clone()))?;
        }
        Ok(journal)
    }

    /// Writes one line and waits until it is on disk.
    pub(super) fn write(&mut self, entry: Entry) -> Result<(), UpgradeError> {
        self.append(&Line::Step(entry))
    }

    /// Writes what the cluster was set to and waits until it is on disk.
    pub(super) fn keep(&mut self, kept: &Kept) -> Result<(), UpgradeError> {
        self.append(&Line::Kept { settings: kept.clone() })
    }

    /// Writes that everything was undone and waits until it is on disk.
    pub(super) fn taken_back(&mut self) -> Result<(), UpgradeError> {
        self.append(&Line::TakenBack)
    }

    fn append(&mut self, line: &Line) -> Result<(), UpgradeError> {
        let mut text = serde_json::to_vec(line).expect("a journal line has only string keys");
        text.push(b'\n');
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_data())
            .map_err(UpgradeError::io("write", &self.path))
    }
}

/// How far an earlier run came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// The steps that ended well, in order.
    pub(super) finished: Vec<Entry>,
    /// The step after them, if it was begun.
    pub(super) begun: Option<Entry>,
    /// What the cluster was set to before anything was changed, if that was read.
    pub(super) kept: Option<Kept>,
}

impl Progress {
    /// Reads the journal of an earlier run of the same upgrade.
    pub(super) fn read(dir: &Path, wanted: &Header, tasks: &[Task]) -> Result<Self, UpgradeError> {
        let path = dir.join(file::JOURNAL);
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => UpgradeError::Journal {
                path: dir.to_owned(),
                reason: format!(
                    "it has no {}; name the directory of the run whose upgrade failed",
                    file::JOURNAL
                ),
            },
            _ => UpgradeError::io("read", &path)(error),
        })?;
        // A cut may have split a character; only the line that was cut can be hurt by it.
        let lines = lines(&String::from_utf8_lossy(&bytes)).map_err(|(place, reason)| {
            UpgradeError::Record(RecordError::Damaged { path: path.clone(), place, reason })
        })?;
        Self::of(lines, wanted, tasks).map_err(|reason| UpgradeError::Journal { path, reason })
    }

    fn of(lines: Vec<Line>, wanted: &Header, tasks: &[Task]) -> Result<Self, String> {
        let mut lines = lines.into_iter();
        let header = match lines.next() {
            Some(Line::Upgrade(header)) => header,
            Some(Line::Step(_) | Line::Kept { .. } | Line::TakenBack) => {
                return Err("its first line names no upgrade".to_owned());
            }
            // Cut before its first line was whole: nothing had been done yet.
            None => return Ok(Self::default()),
        };
        if header.format > FORMAT {
            return Err(format!("it is of format {}, newer than this build", header.format));
        }
        if let Some(difference) = header.difference(wanted) {
            return Err(difference);
        }
        let mut progress = Self::default();
        for line in lines {
            match line {
                Line::Step(entry) => progress.take(entry, wanted, tasks)?,
                // The first is what was there before: a later one would be our own changes.
                Line::Kept { settings } => {
                    progress.kept.get_or_insert(settings);
                }
                // What was kept is no longer owed: by now it may be somebody else's.
                Line::TakenBack => progress = Self::default(),
                Line::Upgrade(_) => return Err("it names a second upgrade".to_owned()),
            }
        }
        Ok(progress)
    }

    /// Steps follow one another: each entry is about the first unfinished one.
    fn take(&mut self, entry: Entry, header: &Header, tasks: &[Task]) -> Result<(), String> {
        let due = tasks.get(self.finished.len());
        let is_due = due.is_some_and(|task| {
            let zone = task.zone.map(|zone| header.zones[zone.index()].as_str());
            (task.stage, zone, task.step.name) == (entry.stage, entry.zone.as_deref(), entry.step)
        });
        if !is_due {
            let zone = entry.zone.as_deref().unwrap_or("the cluster");
            return Err(format!("it has {} of {zone} out of order", entry.step));
        }
        match entry.edge {
            Edge::Begin | Edge::Failed => {
                self.begun = Some(Entry { edge: Edge::Begin, detail: String::new(), ..entry });
            }
            Edge::End => {
                self.begun = None;
                self.finished.push(entry);
            }
        }
        Ok(())
    }

    /// Index of the task to go on with. Until a zone was taken away everything is repeated: the
    /// checks may have another answer now.
    pub(super) fn resume_at(&self, tasks: &[Task]) -> usize {
        let finished = self.finished.len();
        let touched = tasks.iter().position(|task| task.step.name.takes_zone_away());
        match touched {
            Some(first) if finished > first || (finished == first && self.begun.is_some()) => {
                finished
            }
            _ => 0,
        }
    }
}

/// Every whole line; a last one that was cut is left out. Fails with the place of a line that makes
/// no sense, and why.
fn lines(text: &str) -> Result<Vec<Line>, (String, String)> {
    let all: Vec<&str> = text.split('\n').filter(|line| !line.is_empty()).collect();
    let mut lines = Vec::new();
    for (index, line) in all.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(line) => lines.push(line),
            Err(_) if index + 1 == all.len() && !text.ends_with('\n') => {}
            Err(error) => return Err((format!("line {}", index + 1), error.to_string())),
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Setting;
    use crate::upgrade::task::tasks;
    use crate::upgrade::task::tests::{lab_plan, three_zones};
    use proptest::prelude::*;

    fn parse(text: &str, header: &Header, tasks: &[Task]) -> Result<Progress, String> {
        let lines = lines(text).map_err(|(place, reason)| format!("{place}: {reason}"))?;
        Progress::of(lines, header, tasks)
    }

    fn entry(task: &Task, zones: &[Zone], edge: Edge) -> Entry {
        Entry {
            at: jiff::Timestamp::UNIX_EPOCH,
            stage: task.stage,
            zone: task.zone.map(|zone| zones[zone.index()].name.clone()),
            step: task.step.name,
            edge,
            detail: "détail \"quoted\"\n".to_owned(),
        }
    }

    fn upgrade() -> (Vec<Zone>, Header, Vec<Task>) {
        let (plan, zones) = (lab_plan(), three_zones());
        let tasks = tasks(&plan, zones.len());
        let header = Header::new(&plan, &zones, &tasks);
        (zones, header, tasks)
    }

    /// The entries of an upgrade whose first `finished` steps ended and whose next one failed.
    fn entries(finished: usize, zones: &[Zone], tasks: &[Task]) -> Vec<Entry> {
        let ended = tasks[..finished].iter().map(|task| (task, Edge::End));
        let failed = tasks.get(finished).map(|task| (task, Edge::Failed));
        let steps = ended.chain(failed);
        steps.flat_map(|(task, edge)| [Edge::Begin, edge].map(|e| entry(task, zones, e))).collect()
    }

    /// The text of their journal.
    fn text(finished: usize) -> (String, Header, Vec<Task>) {
        let (zones, header, tasks) = upgrade();
        let entries = entries(finished, &zones, &tasks).into_iter().map(Line::Step);
        let lines = std::iter::once(Line::Upgrade(header.clone())).chain(entries);
        let text = lines.map(|line| serde_json::to_string(&line).unwrap() + "\n").collect();
        (text, header, tasks)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (zones, header, tasks) = upgrade();
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path(), &header, None, &[]).unwrap();
        for entry in entries(7, &zones, &tasks) {
            journal.write(entry).unwrap();
        }
        let found = std::fs::read_to_string(dir.path().join(file::JOURNAL)).unwrap();
        assert_eq!(found, text(7).0);
        let progress = Progress::read(dir.path(), &header, &tasks).unwrap();
        assert_eq!((progress.finished.len(), progress.begun.is_some()), (7, true));
        assert_eq!(progress.resume_at(&tasks), 7);
        let again = tempfile::tempdir().unwrap();
        let setting = Setting { name: "a".into(), tenant: None, value: "1".into() };
        let kept = Kept(vec![setting]);
        Journal::create(again.path(), &header, Some(&kept), &progress.finished).unwrap();
        let carried = Progress::read(again.path(), &header, &tasks).unwrap();
        assert_eq!(carried.finished, progress.finished);
        assert_eq!((progress.kept, carried.kept), (None, Some(kept)));
    }

    #[test]
    fn what_was_taken_back_is_owed_no_more() {
        let (text, header, tasks) = text(1);
        let kept = serde_json::to_string(&Line::Kept { settings: Kept::default() }).unwrap() + "\n";
        let taken_back = serde_json::to_string(&Line::TakenBack).unwrap() + "\n";
        let owed = parse(&(text.clone() + &kept), &header, &tasks).unwrap();
        assert_eq!((owed.finished.len(), owed.kept), (1, Some(Kept::default())));
        let found = parse(&(text + &kept + &taken_back), &header, &tasks).unwrap();
        assert_eq!(found, Progress::default());
    }

    #[test]
    fn nothing_is_skipped_before_a_zone_was_taken_away() {
        let (_, _, tasks) = upgrade();
        let stop = tasks.iter().position(|task| task.step.name == StepName::StopZone).unwrap();
        for finished in 0..=tasks.len() {
            let (text, header, tasks) = text(finished);
            let progress = parse(&text, &header, &tasks).unwrap();
            let expected = if finished < stop { 0 } else { finished };
            assert_eq!(progress.resume_at(&tasks), expected, "{finished}");
        }
    }

    #[test]
    fn a_journal_of_another_upgrade_is_refused() {
        let (text, header, tasks) = text(3);
        let others = [
            Header { plan: "other".into(), ..header.clone() },
            Header { target_version: "9.9.9".into(), ..header.clone() },
            Header { zones: vec!["zone2".into(), "zone1".into()], ..header.clone() },
            Header { steps: Vec::new(), ..header.clone() },
        ];
        for other in others {
            let error = parse(&text, &other, &tasks).unwrap_err();
            assert!(error.contains("another upgrade"), "{error}");
        }
    }

    #[test]
    fn damage_before_the_end_is_refused() {
        let (text, header, tasks) = text(3);
        let parse = |text: &str| parse(text, &header, &tasks);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let without = |gone: usize| {
            lines
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != gone)
                .map(|(_, l)| *l)
                .collect::<String>()
        };
        assert!(parse(&text).is_ok());
        assert!(parse(&without(0)).is_err(), "no header");
        assert!(parse(&without(2)).is_err(), "a step that never ended, and the next one began");
        assert!(parse(&text.replacen("\"step\":\"", "\"step\":", 1)).is_err(), "not JSON");
    }

    proptest! {
        #[test]
        fn a_journal_cut_anywhere_is_read_and_never_claims_more(finished in 0_usize..12, cut: u16) {
            let (text, header, tasks) = text(finished);
            let cut = usize::from(cut) % (text.len() + 1);
            let text = String::from_utf8_lossy(&text.as_bytes()[..cut]);
            let progress = parse(&text, &header, &tasks).unwrap();
            prop_assert!(progress.finished.len() <= finished);
            // A header, then a begin and an end a step.
            let whole_steps = text.matches('\n').count().saturating_sub(1) / 2;
            prop_assert!(progress.finished.len() >= whole_steps.min(finished));
        }
    }
}

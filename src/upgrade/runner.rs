//! Takes the zones through the plan, strictly one after another.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::UpgradeError;
use super::checks::Checks;
use super::command::Errand;
use super::journal::{Entry, Header, Journal, Progress};
use super::plan::Plan;
use super::step::{Action, StepName};
use super::task::{Task, tasks};
use crate::clock::RunClock;
use crate::cluster::{Act, Cluster, Kept};
use crate::collect::EventSender;
use crate::event::{ClusterEvent, ClusterFact, Edge, Event, RunTime, Source, ZoneId, ZoneStatus};
use crate::phase::step;
use crate::scenario::Zone;

/// Fewer zones than this cannot lose one and keep a majority.
const ZONES_MIN: usize = 3;

/// Everything an upgrade needs to know, the cluster itself apart.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is done.
    pub plan: Plan,
    /// The zones, in the order in which they are upgraded.
    pub zones: Vec<Zone>,
    /// The run's directory, which is there already: journal and the commands' output go there.
    pub run_dir: PathBuf,
    /// The directory of the run whose failed upgrade this one goes on with.
    pub resume: Option<PathBuf>,
    /// Upgrade fewer than three zones all the same.
    pub allow_unsafe: bool,
    /// The command line that goes on with this upgrade after a failure, for the advice.
    pub resume_hint: String,
}

impl Settings {
    /// Whether the upgrade may begin, as far as that can be known without the cluster.
    ///
    /// # Errors
    /// When there are too few zones, or the journal to resume from cannot be read or is of another
    /// upgrade.
    pub fn check(&self) -> Result<(), UpgradeError> {
        self.course().map(drop)
    }

    /// What there is to do, and how far an earlier run came with it.
    fn course(&self) -> Result<(Vec<Task>, Header, Progress), UpgradeError> {
        let zones = self.zones.len();
        if zones < ZONES_MIN && !self.allow_unsafe {
            return Err(UpgradeError::TooFewZones { zones });
        }
        let tasks = tasks(&self.plan, zones);
        let header = Header::new(&self.plan, &self.zones, &tasks);
        let progress = match &self.resume {
            Some(dir) => Progress::read(dir, &header, &tasks)?,
            None => Progress::default(),
        };
        Ok((tasks, header, progress))
    }
}

/// How to stop an upgrade that is under way.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// The step that is being done is finished, the next one is not begun.
    pub gently: CancellationToken,
    /// The step is given up, its command killed.
    pub now: CancellationToken,
}

/// How an upgrade ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpgradeOutcome {
    /// Every zone runs the target version and serves.
    Done,
    /// It was not begun, because the cluster is not as the journal says.
    Refused {
        /// Where they contradict each other.
        reason: String,
    },
    /// A step failed; nothing was done after it.
    Failed {
        /// The zone it was about; `None` for the whole cluster.
        zone: Option<ZoneId>,
        /// The step.
        step: StepName,
        /// What was found or said.
        reason: String,
    },
    /// It was asked to stop between two steps.
    Stopped {
        /// The zone of the step that would have been next.
        zone: Option<ZoneId>,
        /// That step.
        next: StepName,
    },
}

/// How an upgrade ended, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeResult {
    /// How it ended.
    pub outcome: UpgradeOutcome,
    /// The state of every zone, freshly looked up at the end.
    pub zones: Vec<ZoneStatus>,
    /// What happened, what state the zones are in and what to do next, for people.
    pub advice: String,
}

/// An upgrade that can be run once.
pub struct Runner {
    settings: Settings,
    checks: Checks,
    tasks: Vec<Task>,
    journal: Journal,
    progress: Progress,
    /// What the cluster was set to before anything was changed; nothing until that was read.
    kept: Kept,
    /// Index of the first task to do, then of the one that is being done.
    at: usize,
    clock: RunClock,
    events: EventSender,
}

impl Runner {
    /// Prepares an upgrade and begins its journal; touches no zone. `cluster` should be an instance
    /// of the runner's own.
    ///
    /// # Errors
    /// As [`Settings::check`], or when the journal cannot be written.
    pub fn new(
        settings: Settings,
        cluster: Arc<dyn Cluster>,
        clock: RunClock,
        events: EventSender,
    ) -> Result<Self, UpgradeError> {
        let (tasks, header, progress) = settings.course()?;
        let at = progress.resume_at(&tasks);
        let kept = progress.kept.as_ref();
        let mut carried = progress.finished[..at].to_vec();
        // A try that does nothing must not forget what the one before it had begun.
        carried.extend(progress.begun.clone().filter(|_| at > 0));
        let journal = Journal::create(&settings.run_dir, &header, kept, &carried)?;
        let kept = progress.kept.clone().unwrap_or_default();
        let checks = Checks {
            cluster,
            zones: settings.zones.clone(),
            target: settings.plan.target_version.clone(),
            allow_unsafe: settings.allow_unsafe,
        };
        Ok(Self { settings, checks, tasks, journal, progress, kept, at, clock, events })
    }

    /// Does the upgrade. A failed step ends it: none is ever skipped.
    pub async fn run(mut self, stop: Stop) -> UpgradeResult {
        let outcome = self.go(&stop).await;
        let settings = self.settle_settings(&outcome).await;
        let zones = self.checks.look().await;
        let advice = self.advice(&outcome, &zones) + &settings;
        UpgradeResult { outcome, zones, advice }
    }

    async fn go(&mut self, stop: &Stop) -> UpgradeOutcome {
        if self.at > 0
            && let Err(reason) = self.resume().await
        {
            return UpgradeOutcome::Refused { reason };
        }
        while let Some(task) = self.tasks.get(self.at).cloned() {
            let (zone, step) = (task.zone, task.step.name);
            if stop.gently.is_cancelled() || stop.now.is_cancelled() {
                return UpgradeOutcome::Stopped { zone, next: step };
            }
            if let Err(reason) = self.take(&task, &stop.now).await {
                return UpgradeOutcome::Failed { zone, step, reason };
            }
            self.at += 1;
        }
        UpgradeOutcome::Done
    }

    /// What becomes of the changed settings when an upgrade ends early. Before a zone was taken
    /// away all is undone; from there on they protect a cluster of two versions, so they stay.
    async fn settle_settings(&mut self, outcome: &UpgradeOutcome) -> String {
        let ended = matches!(outcome, UpgradeOutcome::Done | UpgradeOutcome::Refused { .. });
        if ended || self.kept.0.is_empty() {
            return String::new();
        }
        if !self.is_untouched() {
            return format!(
                "\nsettings stay as the upgrade needs them until it is finished; they were:\n{}{}",
                self.kept,
                self.by_hand()
            );
        }
        let acts = self.to_take_back(outcome);
        if acts.is_empty() {
            let _ = self.journal.taken_back();
            return "\nnothing was changed that had to be taken back".to_owned();
        }
        self.record(self.clock.now(), step::TAKE_BACK, None, Edge::Begin, "").await;
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        for act in acts {
            // What cannot be taken back is no reason to leave the rest.
            match self.checks.take_back(act, &self.kept).await {
                Ok(words) => found.push(words),
                Err(reason) => failed.push(reason),
            }
        }
        let edge = if failed.is_empty() { Edge::End } else { Edge::Failed };
        let detail = [failed.as_slice(), &found].concat().join("; ");
        self.record(self.clock.now(), step::TAKE_BACK, None, edge, &detail).await;
        if edge == Edge::End {
            // Without it a resume only undoes once more than there is.
            let _ = self.journal.taken_back();
        }
        match edge {
            Edge::End => format!("\nwhat was done before it was taken back: {detail}"),
            _ => format!(
                "\nwhat was done before it could NOT be taken back: {detail}\nsettings were:\n{}{}",
                self.kept,
                self.by_hand()
            ),
        }
    }

    /// The acts that undo what this upgrade began: nobody else's. An earlier try that was never
    /// taken back may have begun everything.
    fn to_take_back(&self, outcome: &UpgradeOutcome) -> Vec<Act> {
        let begun = match outcome {
            _ if self.progress.kept.is_some() => &self.tasks[..],
            UpgradeOutcome::Failed { .. } => &self.tasks[..=self.at],
            _ => &self.tasks[..self.at],
        };
        let undone_by = |act| begun.iter().any(|task| task.step.name.undone_by() == Some(act));
        let acts = [Act::EndUpgrade, Act::RestoreParameters];
        acts.into_iter().filter(|&act| undone_by(act)).collect()
    }

    /// How a person gives the upgrade up.
    fn by_hand(&self) -> String {
        let statements = self.checks.cluster.undo(&self.kept);
        if statements.is_empty() {
            return String::new();
        }
        format!(
            "\nto give the upgrade up by hand, only while no zone runs {} and all serve:\n    {};",
            self.settings.plan.target_version,
            statements.join(";\n    ")
        )
    }

    /// Whether no zone was taken away yet. The index of a step that failed is still that of the
    /// one being done.
    fn is_untouched(&self) -> bool {
        let stops = self.tasks.iter().position(|task| task.step.name.takes_zone_away());
        stops.is_none_or(|first| self.at < first)
    }

    /// Whether the cluster is as the journal says. The record has it as a step: an upgrade that
    /// cannot go on has failed. The journal does not, because nothing is done.
    async fn resume(&self) -> Result<(), String> {
        self.record(self.clock.now(), step::RESUME, None, Edge::Begin, "").await;
        let statuses = self.checks.look().await;
        let world = self.checks.world(&statuses);
        let found =
            world.contradictions(&self.tasks, self.at, self.progress.begun.is_some()).join("; ");
        let edge = if found.is_empty() { Edge::End } else { Edge::Failed };
        self.record(self.clock.now(), step::RESUME, None, edge, &found).await;
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// One step, told before and after to journal and record.
    async fn take(&mut self, task: &Task, give_up: &CancellationToken) -> Result<(), String> {
        self.tell(task, Edge::Begin, "").await?;
        match self.perform(task, give_up).await {
            Ok(found) => self.tell(task, Edge::End, &found).await,
            Err(reason) => {
                // The step's own failure is what counts, even where it cannot be written down.
                let _ = self.tell(task, Edge::Failed, &reason).await;
                Err(reason)
            }
        }
    }

    /// Reads what the upgrade may change and puts it on disk; an earlier try's is kept, because
    /// what is read now may be that try's own change.
    async fn keep(&mut self, by: Instant) -> Result<String, String> {
        if self.progress.kept.is_none() {
            self.kept = self.checks.keep(by).await?;
            self.journal.keep(&self.kept).map_err(|error| error.to_string())?;
        }
        Ok(format!("{} settings", self.kept.0.len()))
    }

    async fn perform(
        &mut self,
        task: &Task,
        give_up: &CancellationToken,
    ) -> Result<String, String> {
        let by = Instant::now() + task.step.timeout;
        if let Some(zone) = task.zone.filter(|_| task.step.name.takes_zone_away()) {
            or_give_up(give_up, self.checks.guard(zone, by)).await?;
        }
        match &task.step.action {
            Action::Check if task.step.name == StepName::KeepParameters => {
                or_give_up(give_up, self.keep(by)).await
            }
            Action::Check => {
                let perform = self.checks.perform(&task.step, task.zone, &self.kept, by);
                or_give_up(give_up, perform).await
            }
            Action::Run(template) => {
                let zone = task.zone.map(|zone| &self.settings.zones[zone.index()]);
                let command = template.fill(zone, &self.settings.plan.target_version);
                let log = self.settings.run_dir.join("upgrade").join(self.log_name(task));
                let result = Errand::of_step(&command, &log, by, give_up).run().await;
                result.map_err(|error| error.to_string())
            }
        }
    }

    /// `05-zone1-stop-server.log`, numbered as in the whole upgrade.
    fn log_name(&self, task: &Task) -> String {
        let zone = task.zone.map(|zone| self.settings.zones[zone.index()].name.as_str());
        let place = zone.unwrap_or(task.stage.as_str());
        format!("{:02}-{place}-{}.log", self.at + 1, task.step.name)
    }

    /// Tells journal and record. The journal's line is on disk before this returns.
    async fn tell(&mut self, task: &Task, edge: Edge, detail: &str) -> Result<(), String> {
        let name = |zone: ZoneId| self.settings.zones[zone.index()].name.clone();
        let entry = Entry {
            at: jiff::Timestamp::now(),
            stage: task.stage,
            zone: task.zone.map(name),
            step: task.step.name,
            edge,
            detail: detail.to_owned(),
        };
        let at = self.clock.now();
        // An ending is dated when it happened; a beginning once the journal knows of it.
        let written = self.journal.write(entry).map_err(|error| error.to_string());
        let at = if edge == Edge::Begin { self.clock.now() } else { at };
        self.record(at, task.step.name.as_str(), task.zone, edge, detail).await;
        written
    }

    async fn record(
        &self,
        at: RunTime,
        step: &str,
        zone: Option<ZoneId>,
        edge: Edge,
        detail: &str,
    ) {
        let (step, detail) = (step.to_owned(), detail.to_owned());
        let fact = ClusterFact::Step { step, zone, edge, detail };
        let event = ClusterEvent { at, uncertainty_us: 0, source: Source::Runner, fact };
        self.events.send(Event::Cluster(event)).await;
    }

    /// Where an upgrade changed settings only its own journal knows what they were.
    fn anew(&self) -> String {
        if !self.kept.0.is_empty() {
            return String::new();
        }
        format!(
            "\nor make the cluster whole and begin anew without --resume: zones that run {} \
             already go through the steps again",
            self.settings.plan.target_version
        )
    }

    fn advice(&self, outcome: &UpgradeOutcome, zones: &[ZoneStatus]) -> String {
        let place = |zone: Option<ZoneId>| match zone {
            Some(zone) => format!("of {}", self.settings.zones[zone.index()].name),
            None => "of the cluster".to_owned(),
        };
        let hint = &self.settings.resume_hint;
        let untouched = self.is_untouched();
        let target = &self.settings.plan.target_version;
        let (what, next) = match outcome {
            UpgradeOutcome::Done => {
                return format!("every zone runs {target} and serves");
            }
            UpgradeOutcome::Refused { reason } => (
                format!("nothing was done: the journal and the cluster differ: {reason}"),
                format!(
                    "bring the zones back to what the journal says and repeat\n    {hint}{}",
                    self.anew()
                ),
            ),
            UpgradeOutcome::Failed { zone, step, reason } if untouched => (
                format!("{step} {} failed: {reason}", place(*zone)),
                "no zone was touched: mend it and begin again".to_owned(),
            ),
            UpgradeOutcome::Failed { zone, step, reason } => (
                format!("{step} {} failed and nothing was done after it: {reason}", place(*zone)),
                format!("mend the cause, then go on with that step:\n    {hint}"),
            ),
            UpgradeOutcome::Stopped { zone, next } => (
                format!("stopped on demand before {next} {}", place(*zone)),
                format!("go on with it:\n    {hint}"),
            ),
        };
        let world = self.checks.world(zones);
        let states: Vec<_> = zones.iter().map(|s| format!("    {}", world.words(s))).collect();
        format!("{what}\nzones now:\n{}\n{next}", states.join("\n"))
    }
}

async fn or_give_up<T>(
    give_up: &CancellationToken,
    act: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let given_up = || Err("it was given up on demand, half done".to_owned());
    give_up.run_until_cancelled(act).await.unwrap_or_else(given_up)
}

//! Another orchestrator, run as a command: its end, its output, and the marks in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::mark::Mark;
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{ClusterEvent, ClusterFact, Edge, Event, RunTime, Source};
use crate::phase::step;
use crate::upgrade::{Errand, Stop};

/// The command finds the run's directory in this variable, and so does `rollproof mark`.
pub const RUN_VARIABLE: &str = "ROLLPROOF_RUN";

/// Its output, in the run's directory.
const LOG: &str = "upgrade/command.log";
/// Between asking it to end and making it: an orchestrator in the middle of a zone needs some time.
const GRACE: Duration = Duration::from_secs(30);
/// How often its output is looked at: a mark in it is that uncertain.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A line longer than this is passed on in pieces.
const LINE_MAX: usize = 16 * 1024;

/// A command that performs the upgrade.
pub struct Wrapped {
    /// Given to `sh -c`.
    pub command: String,
    /// The run's directory.
    pub run_dir: PathBuf,
    /// Names of the zones.
    pub zones: Vec<String>,
    /// The run's clock.
    pub clock: RunClock,
    /// Where its beginning, its marks and its end go.
    pub events: EventSender,
    /// Every line of its output is shown here.
    pub show: Box<dyn Fn(&str) + Send + Sync>,
}

/// How a wrapped command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrappedEnd {
    /// With exit code 0.
    Done,
    /// Otherwise, or not by itself; in words.
    Failed(String),
}

impl Wrapped {
    /// Runs it to its end, or until it is to stop: then it is asked to, and made to after 30 s or
    /// as soon as the stop is urgent.
    pub async fn run(self, stop: Stop) -> WrappedEnd {
        self.tell(Edge::Begin, "").await;
        let log = self.run_dir.join(LOG);
        let here = std::path::absolute(&self.run_dir).unwrap_or_else(|_| self.run_dir.clone());
        let variables = [(RUN_VARIABLE, here.as_os_str() as &OsStr)];
        let errand = Errand {
            command: &self.command,
            // It may hold secrets, and the log is part of the run's directory.
            name: "upgrade command",
            log: &log,
            variables: &variables,
            by: None,
            kill: &stop.gently,
            grace: GRACE,
            hurry: Some(&stop.now),
        };
        let over = CancellationToken::new();
        let running = async {
            let result = errand.run().await;
            over.cancel();
            result
        };
        let (result, ()) = tokio::join!(running, self.follow(&log, &over));
        match result {
            Ok(said) => {
                self.tell(Edge::End, &said).await;
                WrappedEnd::Done
            }
            Err(error) => {
                let reason = error.to_string();
                self.tell(Edge::Failed, &reason).await;
                WrappedEnd::Failed(reason)
            }
        }
    }

    async fn tell(&self, edge: Edge, detail: &str) {
        let (step, detail) = (step::COMMAND.to_owned(), detail.to_owned());
        let fact = ClusterFact::Step { step, zone: None, edge, detail };
        let at = self.clock.now();
        let event = ClusterEvent { at, uncertainty_us: 0, source: Source::Runner, fact };
        self.events.send(Event::Cluster(event)).await;
    }

    /// Passes the output on, line by line, and records the marks in it, until it is over.
    async fn follow(&self, log: &Path, over: &CancellationToken) {
        let mut output = Output::default();
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut previous = self.clock.now();
        loop {
            let last = over.run_until_cancelled(looks.tick()).await.is_none();
            let now = self.clock.now();
            let lines = output.look(log, last);
            for line in lines {
                self.line(&line, now, now.since_us(previous)).await;
            }
            if last {
                return;
            }
            previous = now;
        }
    }

    async fn line(&self, line: &str, at: RunTime, uncertainty_us: u64) {
        (self.show)(line);
        match Mark::in_line(line, &self.zones) {
            None => {}
            Some(Ok(mark)) => {
                self.events.send(Event::Cluster(mark.event(at, uncertainty_us))).await;
            }
            Some(Err(mistake)) => (self.show)(&format!("rollproof: not recorded: {mistake}")),
        }
    }
}

/// How far the output was read.
#[derive(Debug, Default)]
struct Output {
    file: Option<File>,
    begun: Vec<u8>,
    /// The first line is ours.
    headed: bool,
}

impl Output {
    /// The lines that are new; at the end, also one that was never ended.
    fn look(&mut self, log: &Path, last: bool) -> Vec<String> {
        if self.file.is_none() {
            self.file = File::open(log).ok();
        }
        if let Some(file) = &mut self.file {
            // What cannot be read now may be there at the next look.
            let _ = file.read_to_end(&mut self.begun);
        }
        let mut lines = Vec::new();
        while let Some(end) = self.line_end() {
            let line: Vec<u8> = self.begun.drain(..end).collect();
            lines.push(text(&line));
        }
        if last && !self.begun.is_empty() {
            lines.push(text(&std::mem::take(&mut self.begun)));
        }
        if !self.headed && !lines.is_empty() {
            self.headed = true;
            lines.remove(0);
        }
        lines
    }

    fn line_end(&self) -> Option<usize> {
        let ended = self.begun.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        ended.or_else(|| (self.begun.len() > LINE_MAX).then_some(LINE_MAX))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ZoneId;
    use tokio::time::Instant;

    /// What a command's run recorded, what it showed and how it ended.
    async fn run(command: &str, stop: Stop) -> (Vec<ClusterEvent>, Vec<String>, WrappedEnd) {
        let dir = tempfile::tempdir().unwrap();
        let (events, mut queue) = EventSender::channel(1000);
        let shown = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let lines = std::sync::Arc::clone(&shown);
        let wrapped = Wrapped {
            command: command.to_owned(),
            run_dir: dir.path().to_owned(),
            zones: vec!["zone1".to_owned()],
            clock: RunClock::start(),
            events,
            show: Box::new(move |line| lines.lock().unwrap().push(line.to_owned())),
        };
        let end = wrapped.run(stop).await;
        let mut told = Vec::new();
        while let Ok(Event::Cluster(event)) = queue.try_recv() {
            told.push(event);
        }
        let shown = shown.lock().unwrap().clone();
        (told, shown, end)
    }

    fn steps(events: &[ClusterEvent]) -> Vec<(String, Edge)> {
        let step = |event: &ClusterEvent| match &event.fact {
            ClusterFact::Step { step, edge, .. } => (step.clone(), *edge),
            other => unreachable!("nobody looks: {other:?}"),
        };
        events.iter().map(step).collect()
    }

    #[tokio::test]
    async fn output_is_shown_and_its_marks_are_recorded_with_their_uncertainty() {
        let command = "echo one; sleep 0.3; echo rollproof: mark stop-zone zone=zone1 >&2; \
                       echo rollproof: mark stop-zone; sleep 0.3; printf 'no end'; \
                       test -d \"$ROLLPROOF_RUN\"";
        let (told, shown, end) = run(command, Stop::default()).await;
        assert_eq!(end, WrappedEnd::Done);
        assert_eq!(shown[..2], ["one", "rollproof: mark stop-zone zone=zone1"]);
        assert!(shown[3].starts_with("rollproof: not recorded: stop-zone is done to a zone"));
        assert_eq!(shown[4], "no end");
        let names = ["upgrade-command", "stop-zone", "upgrade-command"].map(str::to_owned);
        let edges = [Edge::Begin, Edge::Begin, Edge::End];
        assert_eq!(steps(&told), names.into_iter().zip(edges).collect::<Vec<_>>());
        let mark = &told[1];
        assert_eq!(mark.source, Source::Marker);
        assert!(matches!(&mark.fact, ClusterFact::Step { zone: Some(ZoneId(0)), .. }));
        // The command waited 300 ms before the mark and 300 ms after it: however late a look
        // came, the mark lies between this look and the one before.
        let (begin, end) = (told[0].at.0, told[2].at.0);
        let (after, before) = (mark.at.0 - mark.uncertainty_us, mark.at.0);
        assert!(begin + 300_000 <= before && after + 300_000 <= end, "{told:?}");
        assert!(begin <= after && after < before, "a look takes time: {mark:?}");
    }

    #[tokio::test]
    async fn a_command_that_fails_says_how_and_not_what_it_was() {
        let (told, _, end) = run("echo no licence; exit 3 # secret", Stop::default()).await;
        let WrappedEnd::Failed(reason) = end else { panic!("{end:?}") };
        assert!(reason.contains("exit status: 3") && reason.contains("no licence"), "{reason}");
        assert!(!reason.contains("secret"), "{reason}");
        assert_eq!(steps(&told).last().unwrap().1, Edge::Failed);
    }

    #[tokio::test]
    async fn a_stop_ends_it_with_all_it_started() {
        let stop = Stop::default();
        let began = Instant::now();
        let soon = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            stop.gently.cancel();
        };
        let ((_, shown, end), ()) =
            tokio::join!(run("echo up; sleep 60 & wait", stop.clone()), soon);
        assert!(matches!(&end, WrappedEnd::Failed(why) if why.contains("on demand")), "{end:?}");
        assert_eq!(shown, ["up"]);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

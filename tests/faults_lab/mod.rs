//! A run of the tool on the lab with one zone behind the proxy, told in chapters: one fault each.

#![allow(dead_code, reason = "every test uses its own part of this")]

#[path = "../lab/mod.rs"]
pub(crate) mod lab;
#[path = "../support/proxy.rs"]
pub(crate) mod proxy;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab::{ask_lab, scripts_lab_beside};
use proxy::{LostCommit, Proxy, monotonic_us};
use rollproof::audit::{AuditRequest, Limits, audit};
use rollproof::event::*;
use rollproof::live::{Board, Subject};
use rollproof::record::{AuditRecord, Record, Work};
use rollproof::run::{Prepared, RunRequest, Show, perform, prepare};
use rollproof::scenario::{Cluster, Load, Rate, Scenario, Span, Timetable, Workload};
use rollproof::session::{Login, Password, Session};
use rollproof::tpcc::{LoadRequest, load};
use rollproof::upgrade::Stop;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use sessions::SessionLog;

pub(crate) const DATABASE: &str = "live_faults";
pub(crate) const TERMINALS: u32 = 12;

/// A user like a business's own, whom `read_only` does not let through.
const USER: &str = "faults";

/// How long a zone is left alone after a fault, at least.
const RETURN: Duration = Duration::from_secs(2);

/// How long it may take to have its terminals back, on the slowest machine.
const RETURNED_BY: Duration = Duration::from_secs(10);

/// What may come at any time: conflicts of healthy transactions, and a machine that is busy with
/// other things.
const NOISE: [ErrorClass; 6] = [
    ErrorClass::Deadlock,
    ErrorClass::LockWait,
    ErrorClass::Conflict,
    ErrorClass::RolledBack,
    ErrorClass::Deadline,
    ErrorClass::ConnectTimeout,
];

/// Waits until every zone is up and has caught up.
pub(crate) async fn synced() {
    let began = Instant::now();
    let status = || ask_lab(&["status"]).status.success();
    while !tokio::task::spawn_blocking(status).await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(90), "the zones do not come together");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Statements of the administrator, on one zone's socket.
pub(crate) async fn sql(zone: &str, statements: &str) {
    scripts_lab_beside(&["sql", zone, "-e", statements]).await;
}

/// What one fault did, when, and what it may look like.
pub(crate) struct Chapter {
    pub(crate) name: &'static str,
    pub(crate) zones: &'static [u8],
    /// At least one of these is seen there, and nothing else but [`NOISE`].
    pub(crate) classes: &'static [ErrorClass],
    pub(crate) began: u64,
    pub(crate) ended: u64,
    /// When the next one began.
    pub(crate) over: u64,
}

/// The lab, the proxy before its second zone, and the run that goes on meanwhile.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) scenario: Scenario,
    direct: Vec<Login>,
    home: tempfile::TempDir,
    stop: Stop,
    running: Option<tokio::task::JoinHandle<()>>,
    chapters: Vec<Chapter>,
}

impl Scene {
    /// A loaded database and a run on it that has passed its baseline; `None`, and a word about
    /// it, without a lab.
    pub(crate) async fn begin(change: impl FnOnce(&mut Scenario)) -> Option<Self> {
        let mut zones = lab::zones()?;
        let password = std::env::var("ROLLPROOF_PASSWORD").unwrap_or_default();
        let make_user = format!(
            "CREATE OR REPLACE USER {USER} IDENTIFIED BY '{password}'; \
             GRANT ALL ON {DATABASE}.* TO {USER}"
        );
        sql(&zones[0].name, &make_user).await;
        let password = Password::new(password);
        let cluster = Cluster {
            zones: zones.clone(),
            user: USER.to_owned(),
            database: DATABASE.to_owned(),
            ..Cluster::default()
        };
        let direct: Vec<_> =
            zones.iter().map(|zone| Login::to_zone(&cluster, zone, &password)).collect();
        let proxy = Proxy::start(&zones[1].endpoint);
        zones[1].endpoint = proxy.address().to_string();
        let load = Load {
            terminals: TERMINALS,
            rate: Rate::PerSecond(60.0),
            deadline: Span::secs(3),
            statement_deadline: Span::secs(1),
            connect_deadline: Span::millis(500),
            return_delay: Span::millis(300),
            ..Load::default()
        };
        let mut scenario = Scenario {
            cluster: Cluster { zones, ..cluster },
            // One for three zones, so that they are in conflict all the time.
            workload: Workload { warehouses: 1, ..Workload::default() },
            load,
            phases: Timetable {
                warm_up: Span::secs(1),
                baseline: Span::secs(3),
                duration: Span::secs(3600),
                settle: Span::secs(0),
                final_: Span::secs(0),
            },
            ..Scenario::default()
        };
        change(&mut scenario);
        load_unless_loaded(&scenario, &direct).await;
        let mut scene = Self {
            proxy,
            scenario: scenario.validate().unwrap(),
            direct,
            home: tempfile::tempdir().unwrap(),
            stop: Stop::default(),
            running: None,
            chapters: Vec::new(),
        };
        let request = RunRequest {
            work: Work::Run,
            scenario: scene.scenario.clone(),
            control_password: password.clone(),
            password,
            baseline: None,
            upgrade: None,
            outside: None,
            dir: scene.home.path().join("run"),
            run_id: "faults".to_owned(),
        };
        let prepared = prepare(request).await.unwrap();
        scene.running = Some(tokio::spawn(run(prepared, scene.stop.clone())));
        tokio::time::sleep(Duration::from_secs(4)).await;
        Some(scene)
    }

    /// Tells one chapter: the fault comes and goes inside `fault`, then its zones have some time
    /// to take their terminals back.
    pub(crate) async fn chapter(
        &mut self,
        name: &'static str,
        zones: &'static [u8],
        classes: &'static [ErrorClass],
        fault: impl AsyncFnOnce(&Self),
    ) {
        let began = monotonic_us();
        fault(self).await;
        let ended = monotonic_us();
        tokio::time::sleep(RETURN).await;
        let mut chapter = Chapter { name, zones, classes, began, ended, over: monotonic_us() };
        let first_began = self.chapters.first().map_or(began, |first| first.began);
        while chapter.over < ended + RETURNED_BY.as_micros() as u64 {
            if self.are_back(first_began, &chapter) {
                break;
            }
            tokio::time::sleep(RETURN / 4).await;
            chapter.over = monotonic_us();
        }
        self.chapters.push(chapter);
    }

    /// Whether the chapter's zones have their terminals back, as far as is written of the run.
    fn are_back(&self, first_began: u64, chapter: &Chapter) -> bool {
        let record = Record::open(&self.home.path().join("run")).unwrap();
        let at = |us: u64| us - record.manifest.origin_monotonic_us;
        let attempts: Vec<_> = record.attempts().unwrap().flatten().collect();
        chapter.zones.iter().all(|zone| {
            let before = terminals_at(&attempts, *zone, 0, at(first_began));
            let after = terminals_at(&attempts, *zone, at(chapter.ended), at(chapter.over));
            after.is_superset(&before)
        })
    }

    /// Opens sessions in a zone until it takes no more.
    pub(crate) async fn fill(&self, zone: usize) -> Vec<Session> {
        let mut sessions = Vec::new();
        loop {
            let by = Instant::now() + Duration::from_secs(1);
            match Session::open(&self.direct[zone], by).await {
                Ok(session) => sessions.push(session),
                Err(failure) => {
                    assert_eq!(failure.class, ErrorClass::Overload, "{failure}");
                    return sessions;
                }
            }
        }
    }

    /// Ends the run, has its data checked, and hands everything over.
    pub(crate) async fn end(mut self) -> Told {
        self.stop.gently.cancel();
        self.running.take().unwrap().await.unwrap();
        let record = Record::open(&self.home.path().join("run")).unwrap();
        let logins = self.direct.iter().map(|login| login.clone().in_database(DATABASE)).collect();
        let request = AuditRequest { record: record.clone(), logins, limits: Limits::default() };
        let audit = audit(request, |_| {}).await.unwrap();
        audit.write(record.dir()).unwrap();
        sql("zone1", &format!("DROP USER {USER}")).await;
        let origin = record.manifest.origin_monotonic_us;
        let at = |us: u64| us - origin;
        let mut chapters = self.chapters;
        for chapter in &mut chapters {
            (chapter.began, chapter.ended) = (at(chapter.began), at(chapter.ended));
            chapter.over = at(chapter.over);
        }
        let lost_commits = self.proxy.lost_commits().into_iter();
        let lost_commits =
            lost_commits.map(|lost| LostCommit { at_us: at(lost.at_us), ..lost }).collect();
        Told {
            attempts: record.attempts().unwrap().map(Result::unwrap).collect(),
            probes: record.probes().unwrap().map(Result::unwrap).collect(),
            ledger: record.ledger().unwrap().map(Result::unwrap).collect(),
            own: record.own().unwrap().map(Result::unwrap).collect(),
            record,
            audit,
            chapters,
            lost_commits,
            scenario: self.scenario,
            home: self.home,
        }
    }
}

async fn run(prepared: Prepared, stop: Stop) {
    let request = &prepared.request;
    let subject = Subject::of(&request.scenario, false, &request.run_id, String::new());
    let board = Board::new(subject);
    let show = Show { board: &board, load: |_| {}, output: |_: &_| {} };
    perform(&prepared, &stop, show).await.unwrap().record.unwrap();
}

/// The tests of this file share the data: every run has a number of its own in it.
async fn load_unless_loaded(scenario: &Scenario, direct: &[Login]) {
    let request = LoadRequest {
        logins: direct.to_vec(),
        product: scenario.cluster.product,
        database: DATABASE.to_owned(),
        warehouses: scenario.workload.warehouses,
        seed: scenario.workload.seed,
        workers: 3,
        beside_others: false,
        rows_per_s: None,
        attempts: None,
        load_data: true,
        connect_deadline: Duration::from_secs(2),
        statement_deadline: Duration::from_secs(30),
        patience: Duration::from_secs(60),
    };
    load(&request, &|_| {}, CancellationToken::new()).await.unwrap();
}

/// All that is known of a run that is over.
pub(crate) struct Told {
    pub(crate) record: Record,
    pub(crate) scenario: Scenario,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) probes: Vec<Probe>,
    pub(crate) ledger: Vec<LedgerEntry>,
    pub(crate) own: Vec<SelfSample>,
    pub(crate) audit: AuditRecord,
    pub(crate) lost_commits: Vec<LostCommit>,
    chapters: Vec<Chapter>,
    home: tempfile::TempDir,
}

impl Told {
    pub(crate) fn chapter(&self, name: &str) -> &Chapter {
        self.chapters.iter().find(|chapter| chapter.name == name).unwrap()
    }

    /// What a person wants to see of it.
    pub(crate) fn print(&self) {
        for chapter in &self.chapters {
            let mut tally: BTreeMap<String, usize> = BTreeMap::new();
            for attempt in self.attempts.iter().filter(|attempt| chapter.holds(attempt)) {
                let Some(class) = attempt.outcome.class() else { continue };
                let statement = attempt.statement.map_or("", StatementKind::as_str);
                let (kind, errno) = (attempt.outcome.kind(), attempt.code.errno);
                let (zone, state) = (attempt.zone.map(|zone| zone.0), attempt.code.sqlstate_str());
                let last = if attempt.last { " last" } else { "" };
                let key = format!("{zone:?} {kind} {class} {statement} {errno} {state}{last}");
                *tally.entry(key).or_default() += 1;
            }
            let length_ms = (chapter.ended - chapter.began) / 1000;
            println!("{} at {} s for {length_ms} ms", chapter.name, chapter.began / 1_000_000);
            tally.into_iter().for_each(|(what, count)| println!("{count:7} {what}"));
        }
        let percent: Vec<_> = self.cpu_shares(1).map(|share| (share * 100.0) as u64).collect();
        println!("CPU in %, by second: {percent:?}");
        for entry in self.ledger.iter().filter(|entry| entry.fate != Fate::Acknowledged) {
            let LedgerEntry { terminal, sequence, at, fate, .. } = entry;
            println!("{:8.3} s {terminal} {sequence} {fate}", at.as_secs_f64());
        }
        println!("{:?}, {} acknowledged", self.audit.ambiguous, self.audit.acknowledged);
    }

    /// The process's CPU time over every stretch of so many seconds, as a share of one core.
    fn cpu_shares(&self, seconds: usize) -> impl Iterator<Item = f64> {
        self.own.windows(seconds + 1).map(move |stretch| {
            let (first, last) = (stretch[0], stretch[seconds]);
            (last.cpu_us - first.cpu_us) as f64 / last.at.since_us(first.at) as f64
        })
    }

    /// What the process takes of a core in its median second.
    fn quiet_share(&self) -> f64 {
        let mut shares: Vec<_> = self.cpu_shares(1).collect();
        shares.sort_by(f64::total_cmp);
        shares[shares.len() / 2]
    }

    /// No transaction is lost or done twice, nothing waited without end, nothing span.
    pub(crate) fn assert_whole(&self) {
        let mut sequences: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        let mut in_doubt = BTreeSet::new();
        let grace_us = self.scenario.load.deadline.as_us() + 1_000_000;
        for attempt in &self.attempts {
            assert!(attempt.end.since_us(attempt.scheduled) <= grace_us, "hung: {attempt:?}");
            if attempt.last {
                let fresh = sequences.entry(attempt.terminal).or_default().insert(attempt.sequence);
                assert!(fresh, "ended twice: {attempt:?}");
            }
            if matches!(attempt.outcome, Outcome::Ambiguous(_)) {
                assert!(attempt.last, "repeated after a commit of unknown fate: {attempt:?}");
                in_doubt.insert((attempt.terminal, attempt.sequence));
            }
        }
        for (terminal, sequences) in sequences {
            let count = sequences.len() as u64;
            assert_eq!(sequences.last(), Some(&(count - 1)), "terminal {terminal} lost some");
        }
        let entered = self.ledger.iter().filter(|entry| entry.fate == Fate::Ambiguous);
        let entered: BTreeSet<_> = entered.map(|e| (e.terminal, e.sequence)).collect();
        assert_eq!(entered, in_doubt, "the ledger knows every commit of unknown fate");
        // A loop spins for as long as its fault lasts, two seconds and more, and takes a core for
        // itself beside the load. What the load takes is the machine's affair, a sixth of a core or
        // a third: the run's own median second tells. Within one second everybody may connect anew.
        let quiet = self.quiet_share();
        for (seconds, more) in [(1, 0.75), (3, 0.5)] {
            let busiest = self.cpu_shares(seconds).fold(0.0, f64::max);
            let within = format!("{busiest:.2} of a core within {seconds} s, mostly {quiet:.2}");
            assert!(busiest < quiet + more, "a busy loop: {within}");
        }
    }

    /// Nothing acknowledged is lost, nothing is there twice, and every doubt is settled.
    pub(crate) fn assert_safe(&self) {
        let failed: Vec<_> = self.audit.failures().chain(self.audit.unknowns()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        let AuditRecord { ambiguous, .. } = self.audit;
        let entered = self.ledger.iter().filter(|entry| entry.fate == Fate::Ambiguous).count();
        assert_eq!(ambiguous.unresolved, 0);
        assert_eq!(ambiguous.committed + ambiguous.absent, entered as u64);
        // What was said during the run holds after it.
        let said = |fate| self.ledger.iter().filter(|entry| entry.fate == fate).count() as u64;
        let (committed, absent) = (said(Fate::Committed), said(Fate::Absent));
        assert!(committed <= ambiguous.committed && absent <= ambiguous.absent, "{ambiguous:?}");
    }

    /// What the look-ups during the run found of the commits that one chapter's fault put in doubt.
    pub(crate) fn looked_up(&self, chapter: &str) -> Vec<Option<Fate>> {
        let chapter = self.chapter(chapter);
        // A COMMIT that was merely slow ends otherwise, elsewhere or later.
        let doubts = self.attempts.iter().filter(|attempt| {
            matches!(attempt.outcome, Outcome::Ambiguous(class) if chapter.classes.contains(&class))
                && attempt.zone.is_none_or(|zone| chapter.zones.contains(&zone.0))
                && (chapter.began..chapter.ended).contains(&attempt.end.as_us())
        });
        let settled = |doubt: &Attempt| {
            let key = (doubt.terminal, doubt.sequence);
            let mut later = self.ledger.iter().filter(|entry| entry.fate.settles());
            later.find(|entry| (entry.terminal, entry.sequence) == key).map(|entry| entry.fate)
        };
        doubts.map(settled).collect()
    }

    /// COMMITs that the proxy lost in one chapter and that had no effect.
    pub(crate) fn without_effect(&self, chapter: &str) -> usize {
        let chapter = self.chapter(chapter);
        let lost = self.lost_commits.iter();
        lost.filter(|lost| (chapter.began..chapter.over).contains(&lost.at_us) && !lost.applied)
            .count()
    }

    /// Each fault was felt, for what it is; and its zones have their terminals back.
    pub(crate) fn assert_chapters(&self) {
        for chapter in &self.chapters {
            let attempts = self.attempts.iter().filter(|attempt| chapter.holds(attempt));
            let attempts = attempts.filter_map(|attempt| attempt.outcome.class());
            let probes = self.probes.iter().filter(|probe| chapter.held(probe.zone, probe.end));
            let probes = probes.filter_map(|probe| probe.failure);
            let seen: BTreeSet<_> = attempts.chain(probes).map(ErrorClass::as_str).collect();
            let names = |classes: &[ErrorClass]| -> BTreeSet<_> {
                classes.iter().map(|class| class.as_str()).collect()
            };
            let (expected, noise) = (names(chapter.classes), names(&NOISE));
            let name = chapter.name;
            assert!(!seen.is_disjoint(&expected) || expected.is_empty(), "{name}: {seen:?}");
            let strange: Vec<_> =
                seen.iter().filter(|c| !expected.contains(*c) && !noise.contains(*c)).collect();
            assert!(strange.is_empty(), "{name}: {strange:?} beside {expected:?}");
            for zone in chapter.zones {
                let there = |from, to| terminals_at(&self.attempts, *zone, from, to);
                let before = there(0, self.chapters[0].began);
                let after = there(chapter.ended, chapter.over);
                assert!(!before.is_empty());
                assert!(after.is_superset(&before), "{name}: {before:?} at home, {after:?} back");
            }
        }
    }
}

/// The terminals that had a success in a zone.
fn terminals_at(attempts: &[Attempt], zone: u8, from: u64, to: u64) -> BTreeSet<u32> {
    // The executors of deliveries have too few to be seen in every stretch.
    let there = |attempt: &&Attempt| {
        attempt.zone == Some(ZoneId(zone))
            && attempt.terminal < TERMINALS
            && (from..to).contains(&attempt.start.as_us())
            && attempt.outcome.is_success()
    };
    attempts.iter().filter(there).map(|attempt| attempt.terminal).collect()
}

impl Chapter {
    /// Whether an attempt at one of its zones falls into it.
    fn holds(&self, attempt: &Attempt) -> bool {
        attempt.zone.is_some_and(|zone| self.held(zone, attempt.end))
    }

    fn held(&self, zone: ZoneId, at: RunTime) -> bool {
        self.zones.contains(&zone.0) && (self.began..self.over).contains(&at.as_us())
    }
}

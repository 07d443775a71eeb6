//! Probes: small requests to every zone, directly, on a schedule that no answer can hold up.
//!
//! Each probe has its own deadline and is dated at its start; those that overlap run side by
//! side, so a stalled zone shows as many failed probes, not as one late one. Writes go to a row
//! of the zone's and kind's own: probes never wait for each other's locks across zones.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ending::Ending;
use super::health::Health;
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{ErrorCode, Event, Probe, ProbeKind, RunTime, StatementKind, ZoneId};
use crate::session::{Failure, Login, Session, Statement};

/// How long a probe's goodbye may take; it happens after the probe has ended.
const GOODBYE: Duration = Duration::from_millis(50);

/// Probes one zone in one way.
pub(super) struct Prober {
    pub(super) zone: ZoneId,
    pub(super) kind: ProbeKind,
    pub(super) login: Arc<Login>,
    pub(super) statement: Statement,
    pub(super) every: Duration,
    pub(super) deadline: Duration,
    pub(super) clock: RunClock,
    pub(super) ending: Ending,
    pub(super) health: Arc<Health>,
    pub(super) events: EventSender,
}

/// A probe that has ended, and its connection where it is kept open.
struct Probed {
    probe: Probe,
    kept: Option<Session>,
}

impl Prober {
    /// Probes from `begin` on, until the end and until every probe under way has ended.
    pub(super) async fn run(self, begin: RunTime) {
        let mut under_way = JoinSet::new();
        let mut idle: Option<Session> = None;
        let mut due = self.clock.instant(begin);
        loop {
            tokio::select! {
                biased;
                Some(probed) = under_way.join_next() => {
                    let probed = probed.expect("a probe neither panics nor is cancelled");
                    idle = self.conclude(probed).await.or(idle);
                }
                going_on = self.ending.wait_for(self.clock.of(due)) => {
                    if !going_on {
                        break;
                    }
                    // Each ends within its deadline, so no more than deadline / every + 1 overlap.
                    under_way.spawn(self.probe(idle.take()));
                    // A stalled tool skips what it missed: its stall is on record elsewhere.
                    due = (due + self.every).max(Instant::now());
                }
            }
        }
        while let Some(probed) = under_way.join_next().await {
            self.conclude(probed.expect("a probe neither panics nor is cancelled")).await;
        }
    }

    /// One probe, as a task of its own. `kept` is an idle connection, for the kinds that reuse one.
    fn probe(&self, kept: Option<Session>) -> impl Future<Output = Probed> + use<> {
        let (login, statement) = (Arc::clone(&self.login), self.statement.clone());
        let (zone, kind, clock) = (self.zone, self.kind, self.clock);
        let (start, by) = (clock.now(), Instant::now() + self.deadline);
        async move {
            let result = ask(kept, &login, &statement, by).await;
            let end = clock.now();
            let (failure, code, session) = match result {
                Ok(session) => (None, ErrorCode::NONE, Some(session)),
                Err(failure) => (Some(failure.class), failure.code, None),
            };
            let kept = match session {
                Some(session) if !reuses(kind) => {
                    session.close(GOODBYE).await;
                    None
                }
                session => session,
            };
            Probed { probe: Probe { zone, kind, start, end, failure, code }, kept }
        }
    }

    /// Reports a probe; gives back the connection it leaves open.
    async fn conclude(&self, Probed { probe, kept }: Probed) -> Option<Session> {
        // The new connection and the committed write are what a returning client would need.
        if probe.kind == ProbeKind::NewWrite {
            self.health.learn(probe.zone, probe.start, probe.failure);
        }
        self.events.send(Event::Probe(probe)).await;
        kept
    }
}

/// Sends one statement over an idle connection or a new one; gives the connection back.
async fn ask(
    kept: Option<Session>,
    login: &Login,
    statement: &Statement,
    by: Instant,
) -> Result<Session, Failure> {
    let mut session = match kept {
        Some(session) => session,
        None => Session::open(login, by).await?,
    };
    session.query(statement, by).await?;
    Ok(session)
}

fn reuses(kind: ProbeKind) -> bool {
    matches!(kind, ProbeKind::ReusedRead | ProbeKind::ReusedWrite)
}

/// The statement of a probe: one row of `rollproof_probe` a zone and kind, read or counted up in a
/// single statement that commits by itself. `zone` is a plain name, as validated.
pub(super) fn statement(zone: &str, kind: ProbeKind) -> Statement {
    match kind {
        ProbeKind::NewRead | ProbeKind::ReusedRead => Statement::built(
            StatementKind::Read,
            format!("SELECT writes FROM rollproof_probe WHERE zone = '{zone}' AND kind = '{kind}'"),
        ),
        ProbeKind::NewWrite | ProbeKind::ReusedWrite => Statement::built(
            StatementKind::Write,
            format!(
                "INSERT INTO rollproof_probe (zone, kind, writes) VALUES ('{zone}', '{kind}', 1) \
                 ON DUPLICATE KEY UPDATE writes = writes + 1"
            ),
        ),
    }
}

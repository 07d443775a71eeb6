//! Looks up writes whose COMMIT was sent and never answered, while the load goes on.
//!
//! A row that is found has committed. A row that is not there proves nothing while the session
//! that sent its COMMIT lives: a frozen server, or one that the COMMIT has yet to reach, commits
//! late. So absence counts only after the session's own server said that the session is gone, or
//! that it was itself started since. No session is killed to that end, because it would change what
//! is measured. What is still open once the load has drained is left to the audit.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::ending::Ending;
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{Event, Fate, LedgerEntry, RunTime, StatementKind, ZoneId};
use crate::session::{Failure, Login, Session, Statement, cell};
use crate::tpcc::took_effect;

/// Writes of unknown fate that are followed at a time, and as many again in their queue. What goes
/// beyond is left to the audit.
pub(super) const DOUBTS_MAX: usize = 10_000;

/// Pause before the first look; it doubles while a look settles nothing.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(4);

const GOODBYE: Duration = Duration::from_millis(20);

const SESSIONS: Statement = Statement::fixed(StatementKind::Admin, "SHOW PROCESSLIST");
const UPTIME: Statement =
    Statement::fixed(StatementKind::Admin, "SHOW GLOBAL STATUS LIKE 'Uptime'");

/// A write whose COMMIT was sent and never answered.
#[derive(Debug)]
pub(super) struct Doubt {
    /// Its ambiguous entry in the ledger.
    pub(super) entry: LedgerEntry,
    /// The zone that the COMMIT was sent to and its server's id of the session; `None` behind a
    /// proxy, which tells neither. Absence is not provable then.
    pub(super) session: Option<(ZoneId, u32)>,
}

/// What a server says of the sessions it has.
#[derive(Debug)]
struct Alive {
    sessions: BTreeSet<u32>,
    /// No session that ended its talk with us before this moment can be one of them; zero where
    /// the server does not say since when it has been up.
    started_after: RunTime,
}

impl Alive {
    /// Whether a session that fell silent at `at` can commit no more.
    fn is_over(&self, session: u32, at: RunTime) -> bool {
        // A server that was started anew gives out the same numbers again.
        at < self.started_after || !self.sessions.contains(&session)
    }
}

/// Looks up until nobody can report a doubt any more and all are settled, or until the cut.
pub(super) struct LookUp {
    pub(super) clock: RunClock,
    pub(super) run_number: u32,
    /// How to reach each zone directly, seeing all that was acknowledged anywhere.
    pub(super) logins: Vec<Login>,
    /// For all questions to one zone in one round.
    pub(super) patience: Duration,
    pub(super) doubts: mpsc::Receiver<Doubt>,
    pub(super) ending: Ending,
    pub(super) events: EventSender,
}

impl LookUp {
    pub(super) async fn run(mut self) {
        let ending = self.ending.clone();
        tokio::select! {
            () = self.settle_all() => {}
            () = ending.until_cut() => {}
        }
    }

    async fn settle_all(&mut self) {
        let (mut open, mut more) = (Vec::new(), true);
        let (mut pause, mut due) = (PAUSE_MIN, Instant::now());
        while more || !open.is_empty() {
            tokio::select! {
                doubt = self.doubts.recv(), if more && open.len() < DOUBTS_MAX => match doubt {
                    None => more = false,
                    Some(doubt) => {
                        pause = PAUSE_MIN;
                        due = if open.is_empty() { Instant::now() + pause } else { due };
                        open.push(doubt);
                    }
                },
                () = sleep_until(due), if !open.is_empty() => {
                    let before = open.len();
                    open = self.round(open).await;
                    pause = if open.len() < before { PAUSE_MIN } else { PAUSE_MAX.min(2 * pause) };
                    due = Instant::now() + pause;
                }
            }
        }
    }

    /// Looks each of them up once; gives back those that are still open.
    async fn round(&self, doubts: Vec<Doubt>) -> Vec<Doubt> {
        let mut by_zone: BTreeMap<Option<ZoneId>, Vec<Doubt>> = BTreeMap::new();
        for doubt in doubts {
            by_zone.entry(doubt.session.map(|(zone, _)| zone)).or_default().push(doubt);
        }
        let mut open = Vec::new();
        for (zone, doubts) in by_zone {
            let by = Instant::now() + self.patience;
            // The sessions first: what they may still do must lie before the look at the rows.
            let own = match zone {
                Some(zone) => self.ask(zone, by).await.ok(),
                None => None,
            };
            let (reader, alive) = match own {
                Some((session, alive)) => (Some(session), Some(alive)),
                None => (self.any_other_than(zone).await, None),
            };
            match reader {
                Some(reader) => open.extend(self.look(reader, alive, doubts).await),
                None => open.extend(doubts),
            }
        }
        open
    }

    /// Opens a session in a zone and asks which others there are.
    async fn ask(&self, zone: ZoneId, by: Instant) -> Result<(Session, Alive), Failure> {
        let mut session = Session::open(&self.logins[zone.index()], by).await?;
        let asked_at = self.clock.now();
        let up = session.query(&UPTIME, by).await?;
        let up_s = up.rows.first().and_then(|row| cell::<String>(row, 1).ok()?.parse::<u64>().ok());
        // It counts whole seconds: it was started less than one more second ago.
        let before = up_s.map(|up_s| Duration::from_secs(up_s + 1));
        let started_after = before.and_then(|before| {
            asked_at.as_us().checked_sub(RunTime::from_duration(before).as_us())
        });
        let listed = session.query(&SESSIONS, by).await?;
        let ids = listed.rows.iter().map(|row| cell::<u64>(row, 0));
        let sessions = ids.map(|id| id.map(|id| id as u32)).collect::<Result<_, _>>()?;
        let started_after = RunTime(started_after.unwrap_or(0));
        Ok((session, Alive { sessions, started_after }))
    }

    /// A session in any zone but this one, which does not answer.
    async fn any_other_than(&self, dead: Option<ZoneId>) -> Option<Session> {
        for (zone, login) in (0..).map(ZoneId).zip(&self.logins) {
            let by = Instant::now() + self.patience;
            if Some(zone) != dead
                && let Ok(session) = Session::open(login, by).await
            {
                return Some(session);
            }
        }
        None
    }

    /// Looks the rows up in one zone; gives back those that are still open.
    async fn look(
        &self,
        mut reader: Session,
        alive: Option<Alive>,
        doubts: Vec<Doubt>,
    ) -> Vec<Doubt> {
        let mut open = Vec::new();
        for doubt in doubts {
            let by = Instant::now() + self.patience;
            let over = doubt
                .session
                .zip(alive.as_ref())
                .is_some_and(|((_, session), alive)| alive.is_over(session, doubt.entry.at));
            match took_effect(&mut reader, self.run_number, &doubt.entry, by).await {
                Ok(true) => self.settled(doubt.entry, Fate::Committed).await,
                Ok(false) if over => self.settled(doubt.entry, Fate::Absent).await,
                Ok(false) | Err(_) => open.push(doubt),
            }
        }
        reader.close(GOODBYE).await;
        open
    }

    async fn settled(&self, entry: LedgerEntry, fate: Fate) {
        let entry = LedgerEntry { at: self.clock.now(), fate, ..entry };
        self.events.send(Event::Ledger(entry)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_over_when_it_is_gone_or_its_server_was_started_since() {
        let alive = Alive { sessions: BTreeSet::from([7, 8]), started_after: RunTime(1_000) };
        assert!(!alive.is_over(7, RunTime(1_000)), "it is listed");
        assert!(alive.is_over(9, RunTime(1_000)), "it is not");
        assert!(alive.is_over(7, RunTime(999)), "this is another session of the same number");
    }
}

//! The sys tenant: asked over two connections in different zones, told over one beside the zone
//! that is worked on.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::cluster::site::Site;
use crate::event::{ErrorClass, StatementKind, ZoneId};
use crate::session::{Failure, Row, Statement, cell};

/// When the first zone has not answered by then, a second one is asked as well: a server that
/// stands still must not hide the cluster.
const SECOND_VOICE: Duration = Duration::from_millis(150);

/// A server that has not answered at all by then is away, however far a caller's deadline is.
const PING: Duration = Duration::from_secs(1);

/// The control plane, reached through any of its zones' servers, directly and never through the
/// proxy.
pub(super) struct Sys {
    pub(super) site: Site,
    /// For the one question whether a server answers: it would take longer behind another.
    pings: Site,
    /// The zone that is asked first.
    first: AtomicU8,
}

impl Sys {
    pub(super) fn new(site: Site) -> Self {
        let pings = site.apart();
        Self { site, pings, first: AtomicU8::new(0) }
    }

    /// Whether a zone's own server answers.
    ///
    /// # Errors
    /// What it said instead, or that it said nothing.
    pub(super) async fn ping(&self, zone: ZoneId, by: Instant) -> Result<(), Failure> {
        self.pings.rows(zone, "SELECT 1", by.min(Instant::now() + PING)).await.map(drop)
    }

    /// Two different zones, where there are two.
    fn voices(&self) -> (ZoneId, ZoneId) {
        let zones = u8::try_from(self.site.len()).unwrap_or(u8::MAX);
        let first = self.first.load(Ordering::Relaxed) % zones;
        (ZoneId(first), ZoneId((first + 1) % zones))
    }

    /// Asks for rows, whichever zone answers first.
    ///
    /// # Errors
    /// What a server said; or why two zones could not be asked.
    pub(super) async fn rows(
        &self,
        sql: impl Into<String>,
        by: Instant,
    ) -> Result<Vec<Row>, Failure> {
        let sql: String = sql.into();
        let (first, second) = self.voices();
        let one = self.site.rows(first, sql.clone(), by);
        tokio::pin!(one);
        let in_time = timeout(SECOND_VOICE, &mut one).await;
        let other = self.site.rows(second, sql, by);
        tokio::pin!(other);
        let answer = match in_time {
            Ok(answer) => answer,
            Err(_) => tokio::select! {
                answer = &mut one => answer,
                answer = &mut other => return match answer {
                    // A zone that is down says so at once; the one that takes its time knows more.
                    Err(failure) if is_silence(&failure) => one.await,
                    answer => self.prefer(second, answer),
                },
            },
        };
        match &answer {
            Err(failure) if is_silence(failure) => self.prefer(second, other.await),
            _ => answer,
        }
    }

    /// Asks this zone first from now on, if it answered.
    fn prefer(&self, zone: ZoneId, answer: Result<Vec<Row>, Failure>) -> Result<Vec<Row>, Failure> {
        if answer.is_ok() {
            self.first.store(zone.0, Ordering::Relaxed);
        }
        answer
    }

    /// Asks for one number.
    ///
    /// # Errors
    /// As [`Sys::rows`], or when the answer is not one number.
    pub(super) async fn number(&self, sql: impl Into<String>, by: Instant) -> Result<u64, Failure> {
        one_number(&self.rows(sql, by).await?)
    }

    /// Asks for one number that takes much reading, of one zone that answers: asked of a second one
    /// beside it, it would be read twice.
    ///
    /// # Errors
    /// As [`Sys::number`].
    pub(super) async fn number_in_time(&self, sql: &str, by: Instant) -> Result<u64, Failure> {
        let (first, second) = self.voices();
        let zone = if self.ping(first, by).await.is_ok() { first } else { second };
        self.ping(zone, by).await?;
        let statement = Statement::built(StatementKind::Read, sql.to_owned());
        one_number(&self.site.act(zone, &statement, by).await?.rows)
    }

    /// Asks for a column of texts.
    ///
    /// # Errors
    /// As [`Sys::rows`], or when it is not text.
    pub(super) async fn texts(
        &self,
        sql: impl Into<String>,
        by: Instant,
    ) -> Result<Vec<String>, Failure> {
        self.rows(sql, by).await?.iter().map(|row| cell(row, 0)).collect()
    }

    /// Sends a statement that changes something, once, to a zone other than `beside`. The server
    /// gives it up a little before we would: its own refusal says more than our silence.
    ///
    /// # Errors
    /// What the server said, or that nobody could be told.
    pub(super) async fn tell(
        &self,
        sql: String,
        beside: Option<ZoneId>,
        by: Instant,
    ) -> Result<(), Failure> {
        let mut untold =
            Failure::data(StatementKind::Admin, "there is no other zone to tell it to");
        for zone in self.site.ids().filter(|&zone| Some(zone) != beside) {
            // A server that cannot be reached was told nothing: the next one may be.
            if let Err(failure) = self.ping(zone, by).await {
                untold = failure;
                continue;
            }
            let patience = by.saturating_duration_since(Instant::now()).mul_f64(0.9);
            let limit = format!("SET SESSION ob_query_timeout = {}", patience.as_micros());
            // Only a courtesy: a server without it answers all the same.
            let _ = self.site.rows(zone, limit, by).await;
            let statement = Statement::built(StatementKind::Admin, sql);
            return self.site.act(zone, &statement, by).await.map(drop);
        }
        Err(untold)
    }
}

fn one_number(rows: &[Row]) -> Result<u64, Failure> {
    let row = rows.first().ok_or_else(|| Failure::data(StatementKind::Read, "no row came"))?;
    cell(row, 0)
}

/// Whether nobody answered; a server's own refusal is an answer, unless it is only starting or
/// stopping.
pub(super) fn is_silence(failure: &Failure) -> bool {
    use ErrorClass::*;
    failure.code.errno == 0 && failure.class != Data
        || matches!(failure.class, NotReady | ShuttingDown | ConnectionLost)
}

/// A text as a literal of SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_literal_stays_one() {
        assert_eq!(literal(r"a'b\"), r"'a''b\\'");
    }
}

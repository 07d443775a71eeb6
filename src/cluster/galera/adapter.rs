//! Looks at Galera nodes and takes them out of service and back.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::checks;
use super::reading::{Reading, health};
use crate::cluster::check::CheckLine;
use crate::cluster::site::{Site, unread};
use crate::cluster::{Cluster, Finding, Pending, Refusal};
use crate::event::{StatementKind, ZoneId, ZoneState, ZoneStatus};
use crate::session::{Failure, Row, Statement, cell};

/// A causal read would wait for the very node that is looked at.
const SETTINGS: &[&str] = &["SET SESSION wsrep_sync_wait = 0"];

// The backslash keeps LIKE from taking the underscore for any character.
pub(super) const STATUS: &str = r"SHOW GLOBAL STATUS LIKE 'wsrep\_%'";
pub(super) const SETTING: &str =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'wsrep_reject_queries')";

const REJECT: Statement =
    Statement::fixed(StatementKind::Admin, "SET GLOBAL wsrep_reject_queries = ALL");
const ACCEPT: Statement =
    Statement::fixed(StatementKind::Admin, "SET GLOBAL wsrep_reject_queries = NONE");

/// Transactions of clients; appliers and this session are none.
const OPEN_TRANSACTIONS: &str = "SELECT COUNT(*) FROM information_schema.innodb_trx t \
     JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
     WHERE p.user <> 'system user' AND p.id <> CONNECTION_ID()";

/// How long clients are given to leave. Longer would not help: what is still open by then is idle,
/// cannot commit any more and is rolled back when its server stops.
const DRAIN: Duration = Duration::from_secs(10);
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(50);

/// Tables that cannot be opened have no engine, and their comment says why.
const BROKEN_TABLES: &str = "SELECT CONCAT(table_schema, '.', table_name, ': ', table_comment) \
     FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND engine IS NULL LIMIT 5";

/// The tables a server reads to know its users and their rights.
const CHECK_SYSTEM: &str = "CHECK TABLE mysql.global_priv, mysql.db, mysql.tables_priv, \
     mysql.columns_priv, mysql.procs_priv, mysql.proc, mysql.event, mysql.innodb_table_stats, \
     mysql.innodb_index_stats FOR UPGRADE";

/// The adapter for [`crate::scenario::Product::Galera`].
pub(in crate::cluster) struct Galera {
    site: Site,
}

impl Galera {
    pub(in crate::cluster) fn new(site: Site) -> Self {
        Self { site: site.with_settings(SETTINGS) }
    }

    async fn read(&self, zone: ZoneId, by: Instant) -> Result<Reading, Failure> {
        let mut variables = self.site.pairs(zone, STATUS, by).await?;
        variables.extend(self.site.pairs(zone, SETTING, by).await?);
        Ok(Reading::new(&variables))
    }

    async fn stop(&self, zone: ZoneId, by: Instant) -> Result<String, Refusal> {
        let name = self.site.name(zone);
        self.site.query(zone, &REJECT, by).await.map_err(|failure| {
            Refusal(format!("{name} could not be told to reject queries: {failure}"))
        })?;
        let drained_by = by.min(Instant::now() + DRAIN);
        loop {
            let open = self.site.number(zone, OPEN_TRANSACTIONS, by).await?;
            if open == 0 {
                return Ok("rejects queries, no transaction of a client is left".to_owned());
            }
            if Instant::now() + DRAIN_LOOK_EVERY >= drained_by {
                return Ok(format!(
                    "rejects queries; {open} idle transactions are still open and can no longer \
                     commit"
                ));
            }
            sleep(DRAIN_LOOK_EVERY).await;
        }
    }

    async fn start(&self, zone: ZoneId, by: Instant) -> Result<String, Refusal> {
        let name = self.site.name(zone);
        let before = self.read(zone, by).await?;
        self.site.query(zone, &ACCEPT, by).await.map_err(|failure| {
            Refusal(format!("{name} could not be told to accept queries: {failure}"))
        })?;
        let after = self.read(zone, by).await?;
        match (before.zone_state(), after.zone_state()) {
            (ZoneState::Serving, ZoneState::Serving) => {
                Ok("accepted queries already, since its server was synced".to_owned())
            }
            (_, ZoneState::Serving) => Ok("accepts queries".to_owned()),
            _ => Err(Refusal(format!("{name} does not serve: {}", after.words()))),
        }
    }

    async fn schema(&self, zone: ZoneId, by: Instant) -> Result<Finding, Failure> {
        let reading = self.read(zone, by).await?;
        let broken = self.texts(zone, BROKEN_TABLES, by).await?;
        if !broken.is_empty() {
            return Ok(Finding::NotYet(format!("cannot be opened: {}", broken.join("; "))));
        }
        // A node out of service refuses to touch a table; its definitions are all it can show.
        if reading.zone_state() == ZoneState::Serving {
            let rows = self.site.rows(zone, CHECK_SYSTEM, by).await?;
            let complaints = complaints(&rows)?;
            if !complaints.is_empty() {
                let words = complaints.join("; ");
                return Ok(Finding::NotYet(format!("mariadb-upgrade is needed: {words}")));
            }
        }
        self.same_tables(zone, by).await
    }

    /// Compares the workload's tables with those of the first other zone that answers.
    async fn same_tables(&self, zone: ZoneId, by: Instant) -> Result<Finding, Failure> {
        let sql = format!(
            "SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable) \
             FROM information_schema.columns WHERE table_schema = '{}' \
             ORDER BY table_name, ordinal_position",
            self.site.database
        );
        let own = self.texts(zone, sql.clone(), by).await?;
        for other in self.site.ids().filter(|&other| other != zone) {
            let Ok(others) = self.texts(other, sql.clone(), by).await else { continue };
            let name = self.site.name(other);
            if let Some(column) = first_difference(&own, &others) {
                let words = format!("{column} differs from {name}");
                return Ok(Finding::NotYet(words));
            }
            let words = format!(
                "system tables fit the server, {} columns of {} as on {name}",
                own.len(),
                self.site.database
            );
            return Ok(Finding::Met(words));
        }
        if self.site.len() == 1 {
            return Ok(Finding::Met("system tables fit the server".to_owned()));
        }
        Ok(Finding::NotYet("no other zone answers to compare tables with".to_owned()))
    }

    async fn texts(
        &self,
        zone: ZoneId,
        sql: impl Into<std::borrow::Cow<'static, str>>,
        by: Instant,
    ) -> Result<Vec<String>, Failure> {
        self.site.rows(zone, sql, by).await?.iter().map(|row| cell(row, 0)).collect()
    }

    async fn healthy(&self, by: Instant) -> Finding {
        let mut nodes = Vec::new();
        for zone in self.site.ids() {
            let reading = self.read(zone, by).await.map_err(|failure| failure.to_string());
            nodes.push((self.site.name(zone), reading));
        }
        health(&nodes)
    }
}

/// What CHECK TABLE said that was not a plain OK (columns Table, Op, Msg_type, Msg_text).
fn complaints(rows: &[Row]) -> Result<Vec<String>, Failure> {
    let mut complaints = Vec::new();
    for row in rows {
        let (kind, text) = (cell::<String>(row, 2)?, cell::<String>(row, 3)?);
        if (kind.as_str(), text.as_str()) != ("status", "OK") {
            complaints.push(format!("{}: {text}", cell::<String>(row, 0)?));
        }
    }
    Ok(complaints)
}

/// The first line that only one of two sorted lists has.
fn first_difference<'a>(own: &'a [String], others: &'a [String]) -> Option<&'a str> {
    let differing = own.iter().zip(others).find(|(a, b)| a != b).map(|(a, _)| a);
    let longer = if own.len() > others.len() { own } else { others };
    differing.or_else(|| longer.get(own.len().min(others.len()))).map(String::as_str)
}

impl Cluster for Galera {
    fn look(&self, zone: ZoneId, by: Instant) -> Pending<'_, ZoneStatus> {
        Box::pin(async move {
            match self.read(zone, by).await {
                Ok(reading) => reading.status(zone),
                Err(failure) => unread(zone, &failure),
            }
        })
    }

    fn stop_zone(&self, zone: ZoneId, by: Instant) -> Pending<'_, Result<String, Refusal>> {
        Box::pin(self.stop(zone, by))
    }

    fn start_zone(&self, zone: ZoneId, by: Instant) -> Pending<'_, Result<String, Refusal>> {
        Box::pin(self.start(zone, by))
    }

    fn log_in_sync(&self, zone: ZoneId, by: Instant) -> Pending<'_, Finding> {
        Box::pin(async move {
            match self.read(zone, by).await {
                Ok(reading) => reading.log_in_sync(),
                Err(failure) => Finding::NotYet(failure.to_string()),
            }
        })
    }

    fn schema_refreshed(&self, zone: ZoneId, by: Instant) -> Pending<'_, Finding> {
        Box::pin(async move {
            self.schema(zone, by).await.unwrap_or_else(|f| Finding::NotYet(f.to_string()))
        })
    }

    fn health(&self, _zone: Option<ZoneId>, by: Instant) -> Pending<'_, Finding> {
        // A node's membership is everybody's: a zone is healthy when the cluster is.
        Box::pin(self.healthy(by))
    }

    fn checks<'a>(&'a self, target: Option<&'a str>, by: Instant) -> Pending<'a, Vec<CheckLine>> {
        Box::pin(checks::all(&self.site, target, by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_column_is_named() {
        let list = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let cases = [
            (&["a", "b"][..], &["a", "b"][..], None),
            (&["a", "b"], &["a", "c"], Some("b")),
            (&["a"], &["a", "b"], Some("b")),
            (&["a", "b"], &[], Some("a")),
        ];
        for (own, others, expected) in cases {
            assert_eq!(first_difference(&list(own), &list(others)), expected);
        }
    }
}

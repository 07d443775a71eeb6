//! The zones of a cluster and one administrative session to each, kept open between questions.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::event::{ErrorClass, StatementKind, ZoneId, ZoneState, ZoneStatus};
use crate::scenario;
use crate::session::{Answer, Failure, Login, Password, Row, Session, Statement, cell};

/// No single question to a server takes longer than this, however far its caller's deadline is.
const QUESTION: Duration = Duration::from_secs(5);

/// Where a cluster's zones are and how to ask them something.
pub(super) struct Site {
    /// Schema that holds the nine tables.
    pub(super) database: String,
    zones: Vec<Zone>,
}

struct Zone {
    name: String,
    login: Login,
    kept: Mutex<Option<Session>>,
}

impl Site {
    /// The zones of a validated scenario; connects to none of them.
    pub(super) fn new(settings: &scenario::Cluster, password: &Password) -> Self {
        let zone = |zone: &scenario::Zone| Zone {
            name: zone.name.clone(),
            login: Login::to_zone(settings, zone, password),
            kept: Mutex::new(None),
        };
        Self {
            database: settings.database.clone(),
            zones: settings.zones.iter().map(zone).collect(),
        }
    }

    /// The same zones with sessions of their own, for questions that must not wait for others.
    pub(super) fn apart(&self) -> Self {
        let zone = |Zone { name, login, .. }: &Zone| Zone {
            name: name.clone(),
            login: login.clone(),
            kept: Mutex::new(None),
        };
        Self { database: self.database.clone(), zones: self.zones.iter().map(zone).collect() }
    }

    /// Statements applied to every session from now on.
    pub(super) fn with_settings(mut self, settings: &[&str]) -> Self {
        for zone in &mut self.zones {
            zone.login.settings = settings.iter().map(|&sql| sql.to_owned()).collect();
        }
        self
    }

    /// Starts every session in a schema from now on.
    pub(super) fn in_schema(mut self, schema: &str) -> Self {
        for zone in &mut self.zones {
            zone.login.database = Some(schema.to_owned());
        }
        self
    }

    /// How many zones there are.
    pub(super) fn len(&self) -> usize {
        self.zones.len()
    }

    /// Every zone, in the scenario's order.
    pub(super) fn ids(&self) -> impl Iterator<Item = ZoneId> + use<> {
        (0..u8::try_from(self.zones.len()).unwrap_or(u8::MAX)).map(ZoneId)
    }

    /// A zone's name.
    pub(super) fn name(&self, zone: ZoneId) -> &str {
        &self.zones[zone.index()].name
    }

    /// How to log in to a zone's server.
    pub(super) fn login(&self, zone: ZoneId) -> &Login {
        &self.zones[zone.index()].login
    }

    /// Asks a zone's server over the kept session, opening it where there is none. A kept session
    /// that turns out to be dead is replaced once: it says nothing about the server's health now.
    ///
    /// # Errors
    /// What stood in the way.
    pub(super) async fn query(
        &self,
        zone: ZoneId,
        statement: &Statement,
        by: Instant,
    ) -> Result<Answer, Failure> {
        self.act(zone, statement, by.min(Instant::now() + QUESTION)).await
    }

    /// The same for a statement that may take its time.
    ///
    /// # Errors
    /// As [`Site::query`].
    pub(super) async fn act(
        &self,
        zone: ZoneId,
        statement: &Statement,
        by: Instant,
    ) -> Result<Answer, Failure> {
        let Zone { login, kept, .. } = &self.zones[zone.index()];
        let mut slot = kept.lock().await;
        // Out of its slot while it is in use: a question given up half-way takes its session
        // along, and nobody reads the answer to somebody else's question.
        if let Some(mut session) = slot.take().filter(Session::is_open) {
            let answer = session.query(statement, by).await;
            let lost = matches!(&answer, Err(f) if f.class == ErrorClass::ConnectionLost);
            if !lost {
                *slot = Some(session);
                return answer;
            }
        }
        let mut session = Session::open(login, by).await?;
        let answer = session.query(statement, by).await;
        *slot = Some(session);
        answer
    }

    /// Asks for rows.
    ///
    /// # Errors
    /// As [`Site::query`].
    pub(super) async fn rows(
        &self,
        zone: ZoneId,
        sql: impl Into<std::borrow::Cow<'static, str>>,
        by: Instant,
    ) -> Result<Vec<Row>, Failure> {
        let statement = Statement { kind: StatementKind::Admin, sql: sql.into() };
        Ok(self.query(zone, &statement, by).await?.rows)
    }

    /// Asks for one number.
    ///
    /// # Errors
    /// As [`Site::query`], or when the answer is not one number.
    pub(super) async fn number(
        &self,
        zone: ZoneId,
        sql: impl Into<std::borrow::Cow<'static, str>>,
        by: Instant,
    ) -> Result<u64, Failure> {
        let rows = self.rows(zone, sql, by).await?;
        let row = rows.first().ok_or_else(|| Failure::data(StatementKind::Read, "no row came"))?;
        cell(row, 0)
    }

    /// Asks for name and value pairs, as SHOW STATUS and SHOW VARIABLES answer.
    ///
    /// # Errors
    /// As [`Site::query`], or when the answer is not pairs of text.
    pub(super) async fn pairs(
        &self,
        zone: ZoneId,
        sql: &'static str,
        by: Instant,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let rows = self.rows(zone, sql, by).await?;
        let pair = |row: &Row| Ok((cell::<String>(row, 0)?.to_lowercase(), cell(row, 1)?));
        rows.iter().map(pair).collect()
    }
}

/// The status of a zone that a look failed to read: a server that said no is up, silence is down.
pub(super) fn unread(zone: ZoneId, failure: &Failure) -> ZoneStatus {
    ZoneStatus {
        zone,
        state: if failure.is_answer() { ZoneState::NotReady } else { ZoneState::Down },
        version: None,
        cluster_size: None,
        detail: format!("{}: {}", failure.class, failure.message),
    }
}

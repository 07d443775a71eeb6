//! What a run is asked to do: a TOML file, overridden by flags, validated once.
//!
//! Unknown keys are errors with their position. Secrets are not part of a scenario: a scenario is
//! written into the run's manifest as it was resolved.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::event::ZoneId;
use crate::spelling::spelled;

/// A span of time written as `250ms`, `5s` or `2m` in TOML and JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Whole seconds.
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// Milliseconds.
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// Microseconds, the unit of the record.
    pub fn as_us(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let span = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        f.pad(&format!("{span:#}").replace(' ', ""))
    }
}

impl std::str::FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let span: SignedDuration = text
            .parse()
            .map_err(|_| format!("{text:?} is not a duration; write it as 250ms, 5s or 2m"))?;
        Duration::try_from(span).map(Self).map_err(|_| format!("{text:?} is negative"))
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

spelled! {
    /// A database product, which picks the adapter and the error table.
    pub enum Product {
        /// OceanBase.
        OceanBase = "oceanbase",
        /// MariaDB Galera Cluster.
        Galera = "galera",
        /// MySQL Group Replication.
        GroupReplication = "group-replication",
        /// Any server that speaks the MySQL protocol; zones are observed by ping alone.
        Plain = "plain",
    }
}

spelled! {
    /// How arrivals are made.
    pub enum LoadModel {
        /// Open loop: arrival times are computed ahead, never from completions.
        Rate = "rate",
        /// Closed loop without waits.
        Max = "max",
        /// TPC-C keying and think times (clause 5.2.5.7).
        Spec = "spec",
    }
}

spelled! {
    /// Spacing of arrivals in the `rate` model.
    pub enum Arrivals {
        /// Evenly spaced.
        Constant = "constant",
        /// Exponentially distributed spacing.
        Poisson = "poisson",
    }
}

spelled! {
    /// How terminals choose an endpoint.
    pub enum Routing {
        /// Home zone first, then the others; back home with a delay.
        Failover = "failover",
        /// Never leave the home zone.
        Pinned = "pinned",
        /// One address for all.
        Proxy = "proxy",
    }
}

spelled! {
    /// Whether failed attempts are repeated within the deadline.
    pub enum RetryPolicy {
        /// As the error class allows.
        Deadline = "deadline",
        /// Never: measures the raw cluster.
        None = "none",
    }
}

spelled! {
    /// Transaction isolation of the load.
    pub enum Isolation {
        /// READ COMMITTED: the transactions lock what they must.
        ReadCommitted = "read-committed",
        /// REPEATABLE READ.
        RepeatableRead = "repeatable-read",
    }
}

impl Isolation {
    /// The level's name in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
        }
    }
}

/// One zone and the address of its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The zone's name, as the product knows it.
    pub name: String,
    /// `host:port` of the zone's server, reached directly.
    pub endpoint: String,
}

impl Zone {
    /// Host and port apart. Validation has seen to it that both are there.
    pub fn host_port(&self) -> Option<(&str, u16)> {
        let (host, port) = self.endpoint.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some((host, port.parse().ok()?))
    }
}

impl std::str::FromStr for Zone {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, endpoint) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not NAME=HOST:PORT, as zone1=127.0.0.1:3306"))?;
        Ok(Self { name: name.to_owned(), endpoint: endpoint.to_owned() })
    }
}

/// The cluster under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Which product it is.
    pub product: Product,
    /// Schema that holds the nine tables.
    pub database: String,
    /// Database user. The password comes from the environment, never from here.
    pub user: String,
    /// The zones, in the order in which they are upgraded.
    pub zones: Vec<Zone>,
    /// How often an observer looks at every zone.
    pub observe_every: Span,
    /// How often every endpoint is probed.
    pub probe_every: Span,
    /// A probe that takes longer has failed.
    pub probe_deadline: Span,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            product: Product::Galera,
            database: "tpcc".to_owned(),
            user: "rollproof".to_owned(),
            zones: Vec::new(),
            observe_every: Span::millis(100),
            probe_every: Span::millis(100),
            probe_deadline: Span::secs(1),
        }
    }
}

/// The data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Number of warehouses, from 1.
    pub warehouses: u32,
    /// The same seed gives the same rows and the same arrivals on every machine.
    pub seed: u64,
    /// Parallel workers of the loader.
    pub load_workers: u32,
}

impl Default for Workload {
    fn default() -> Self {
        Self { warehouses: 10, seed: 20_260_101, load_workers: 4 }
    }
}

/// The load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// How arrivals are made.
    pub model: LoadModel,
    /// Business transactions a second over all terminals; for the `rate` model.
    pub rate: f64,
    /// Spacing of arrivals in the `rate` model.
    pub arrivals: Arrivals,
    /// Number of terminals; each is bound to a warehouse and has one connection.
    pub terminals: u32,
    /// A business transaction must be done this long after its scheduled time.
    pub deadline: Span,
    /// An endpoint that has not answered one statement by then is given up.
    pub statement_deadline: Span,
    /// An endpoint that has not accepted a connection by then is given up.
    pub connect_deadline: Span,
    /// Whether failed attempts are repeated.
    pub retry: RetryPolicy,
    /// How terminals choose an endpoint.
    pub routing: Routing,
    /// How long an endpoint that failed is left alone before it is tried again.
    pub return_delay: Span,
    /// Isolation level of the load's sessions.
    pub isolation: Isolation,
    /// Scheduled but not yet started transactions a terminal may have; beyond it they are shed.
    pub backlog_max: u32,
    /// Keying and think times of the `spec` model are multiplied by this.
    pub wait_scale: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            model: LoadModel::Rate,
            rate: 100.0,
            arrivals: Arrivals::Constant,
            terminals: 20,
            deadline: Span::secs(5),
            statement_deadline: Span::secs(2),
            connect_deadline: Span::secs(1),
            retry: RetryPolicy::Deadline,
            routing: Routing::Failover,
            return_delay: Span::secs(2),
            isolation: Isolation::ReadCommitted,
            backlog_max: 1000,
            wait_scale: 1.0,
        }
    }
}

/// The timetable around the upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timetable {
    /// Load before anything is judged.
    pub warm_up: Span,
    /// The undisturbed cluster before the upgrade.
    pub baseline: Span,
    /// Without an upgrade: how long to watch after the baseline.
    pub duration: Span,
    /// After the last zone is back.
    pub settle: Span,
    /// The undisturbed cluster after the upgrade.
    #[serde(rename = "final")]
    pub final_: Span,
}

impl Default for Timetable {
    fn default() -> Self {
        Self {
            warm_up: Span::secs(10),
            baseline: Span::secs(60),
            duration: Span::secs(60),
            settle: Span::secs(15),
            final_: Span::secs(30),
        }
    }
}

/// What the business demands. Each is judged in the verdict with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objectives {
    /// Business transactions that failed after retry.
    pub failed_max: u64,
    /// Longest cluster write gap.
    pub write_gap_max: Span,
    /// 99th percentile of client outages.
    pub client_outage_p99: Span,
    /// Longest client outage.
    pub client_outage_max: Span,
    /// Least share of good business transactions from the first step of the upgrade to its last.
    pub good_share_min: f64,
    /// Least share of completed over offered in every window of ten seconds.
    pub throughput_share_min: f64,
}

impl Default for Objectives {
    fn default() -> Self {
        Self {
            failed_max: 0,
            write_gap_max: Span::secs(1),
            client_outage_p99: Span::secs(3),
            client_outage_max: Span::secs(5),
            good_share_min: 0.9995,
            throughput_share_min: 0.8,
        }
    }
}

/// Everything a run needs to know, secrets apart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// The cluster under test.
    pub cluster: Cluster,
    /// The data.
    pub workload: Workload,
    /// The load.
    pub load: Load,
    /// The timetable.
    pub phases: Timetable,
    /// The objectives.
    pub objectives: Objectives,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read scenario {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not valid TOML or has a key that nothing knows.
    #[error("scenario {path} is not valid\n{source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Position and reason.
        source: toml::de::Error,
    },
    /// A value is outside its range, or two contradict each other.
    #[error("{key}: {reason}")]
    Invalid {
        /// The key, as `load.rate`.
        key: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl Scenario {
    /// Reads a scenario file. It is not yet validated: flags may still override it.
    ///
    /// # Errors
    /// When the file cannot be read or has a key or value that does not belong there.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| ScenarioError::Parse { path: path.to_owned(), source })
    }

    /// Names of the zones, in order; `ZoneId` is an index into them.
    pub fn zone_names(&self) -> Vec<String> {
        self.cluster.zones.iter().map(|zone| zone.name.clone()).collect()
    }

    /// Every zone's id, in order.
    pub fn zone_ids(&self) -> impl Iterator<Item = ZoneId> + use<> {
        (0..u8::try_from(self.cluster.zones.len()).unwrap_or(u8::MAX)).map(ZoneId)
    }

    /// Checks every range and every contradiction.
    ///
    /// # Errors
    /// The first key that is wrong, with the reason and the way out.
    pub fn validate(self) -> Result<Self, ScenarioError> {
        let zones = &self.cluster.zones;
        ensure(!zones.is_empty(), "cluster.zones", || {
            "no zone is named; add [[cluster.zones]] with name and endpoint, or --zones zone1=host:port,…".into()
        })?;
        ensure(zones.len() <= 64, "cluster.zones", || "at most 64 zones".into())?;
        for zone in zones {
            ensure(zone.host_port().is_some(), "cluster.zones", || {
                format!("endpoint {:?} of zone {:?} is not HOST:PORT", zone.endpoint, zone.name)
            })?;
            ensure(is_plain_name(&zone.name), "cluster.zones", || {
                format!("zone name {:?} may hold letters, digits, '-', '_' and '.' only", zone.name)
            })?;
            ensure(
                zones.iter().filter(|z| z.name == zone.name).count() == 1,
                "cluster.zones",
                || format!("zone {:?} is named twice", zone.name),
            )?;
        }
        ensure(is_identifier(&self.cluster.database), "cluster.database", || {
            format!("{:?} may hold letters, digits and '_' only", self.cluster.database)
        })?;
        ensure(!self.cluster.user.is_empty(), "cluster.user", || "is empty".into())?;
        positive(self.cluster.observe_every, "cluster.observe_every")?;
        positive(self.cluster.probe_every, "cluster.probe_every")?;
        positive(self.cluster.probe_deadline, "cluster.probe_deadline")?;
        self.validate_load()?;
        let objectives = &self.objectives;
        share(objectives.good_share_min, "objectives.good_share_min")?;
        share(objectives.throughput_share_min, "objectives.throughput_share_min")?;
        Ok(self)
    }

    fn validate_load(&self) -> Result<(), ScenarioError> {
        let Load { terminals, rate, deadline, .. } = self.load;
        ensure((1..=10_000).contains(&self.workload.warehouses), "workload.warehouses", || {
            "must be from 1 to 10000".into()
        })?;
        ensure((1..=256).contains(&self.workload.load_workers), "workload.load_workers", || {
            "must be from 1 to 256".into()
        })?;
        ensure((1..=100_000).contains(&terminals), "load.terminals", || {
            "must be from 1 to 100000".into()
        })?;
        ensure(rate.is_finite() && rate > 0.0 && rate <= 1e6, "load.rate", || {
            "must be more than 0 and at most 1000000 a second".into()
        })?;
        ensure((0.0..=1000.0).contains(&self.load.wait_scale), "load.wait_scale", || {
            "must be from 0 to 1000".into()
        })?;
        ensure(self.load.backlog_max > 0, "load.backlog_max", || "must be at least 1".into())?;
        positive(deadline, "load.deadline")?;
        positive(self.load.statement_deadline, "load.statement_deadline")?;
        positive(self.load.connect_deadline, "load.connect_deadline")?;
        ensure(self.load.statement_deadline <= deadline, "load.statement_deadline", || {
            format!("{} is longer than load.deadline, {deadline}", self.load.statement_deadline)
        })
    }
}

fn ensure(
    holds: bool,
    key: &'static str,
    reason: impl FnOnce() -> String,
) -> Result<(), ScenarioError> {
    if holds { Ok(()) } else { Err(ScenarioError::Invalid { key, reason: reason() }) }
}

fn positive(span: Span, key: &'static str) -> Result<(), ScenarioError> {
    ensure(!span.0.is_zero(), key, || "must be more than 0".into())
}

fn share(value: f64, key: &'static str) -> Result<(), ScenarioError> {
    ensure((0.0..=1.0).contains(&value), key, || "must be from 0 to 1".into())
}

/// Whether a text may go into SQL as an identifier and into a path as a file name.
fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_plain_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_zones() -> Scenario {
        let zones = (1..=3)
            .map(|n| Zone { name: format!("zone{n}"), endpoint: format!("127.0.0.1:330{n}") })
            .collect();
        Scenario { cluster: Cluster { zones, ..Cluster::default() }, ..Scenario::default() }
    }

    #[test]
    fn defaults_are_valid_and_survive_a_round_trip() {
        let scenario = three_zones().validate().unwrap();
        let text = toml::to_string(&scenario).unwrap();
        assert_eq!(toml::from_str::<Scenario>(&text).unwrap(), scenario);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = toml::from_str::<Scenario>("[load]\nrate = 5\nterminal = 3\n").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("line 3") && text.contains("terminal"), "{text}");
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        type Spoil = fn(&mut Scenario);
        let cases: [(&str, Spoil); 6] = [
            ("cluster.zones", |s| s.cluster.zones.clear()),
            ("cluster.zones", |s| s.cluster.zones[1].name = "zone1".into()),
            ("cluster.zones", |s| s.cluster.zones[1].endpoint = "nowhere".into()),
            ("cluster.database", |s| s.cluster.database = "a`b".into()),
            ("load.rate", |s| s.load.rate = 0.0),
            ("load.statement_deadline", |s| s.load.statement_deadline = Span::secs(9)),
        ];
        for (key, spoil) in cases {
            let mut scenario = three_zones();
            spoil(&mut scenario);
            let error = scenario.validate().unwrap_err().to_string();
            assert!(error.starts_with(key), "{error} should name {key}");
        }
    }

    #[test]
    fn spans_are_read_and_printed_the_way_people_write_them() {
        for text in ["250ms", "5s", "2m", "1h"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert!("soon".parse::<Span>().is_err() && "-5s".parse::<Span>().is_err());
    }
}

//! The sections of a scenario, their keys and their defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Arrivals, Isolation, LoadModel, Product, Rate, RetryPolicy, Routing, Span};

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
        host_port(&self.endpoint)
    }
}

fn host_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some((host, port.parse().ok()?))
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
    /// Database user; on OceanBase with its tenant, `user@tenant` or `user@tenant#cluster`. The
    /// password comes from the environment, never from here.
    pub user: String,
    /// The zones, in the order in which they are upgraded.
    pub zones: Vec<Zone>,
    /// `host:port` of the one address that terminals use when `load.routing` is `proxy`. Probes
    /// and observers reach the zones directly all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// How often an observer looks at every zone.
    pub observe_every: Span,
    /// How often every endpoint is probed.
    pub probe_every: Span,
    /// A probe that takes longer has failed.
    pub probe_deadline: Span,
    /// How often the data of one district are looked at while the load goes on; `0s` for never.
    pub spot_check_every: Span,
}

impl Cluster {
    /// Host and port of the proxy, if there is one. Validation has seen to it that both are there.
    pub fn proxy_host_port(&self) -> Option<(&str, u16)> {
        host_port(self.proxy.as_deref()?)
    }

    /// The user as a server itself knows it. OceanBase's proxy finds the cluster by what follows
    /// the `#`; a server would take that for a part of the tenant's name, and know no such tenant.
    pub fn direct_user(&self) -> &str {
        match self.user.split_once('#') {
            Some((user, _)) if self.product == Product::OceanBase => user,
            _ => &self.user,
        }
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            product: Product::Galera,
            database: "tpcc".to_owned(),
            user: "rollproof".to_owned(),
            zones: Vec::new(),
            proxy: None,
            observe_every: Span::millis(100),
            probe_every: Span::millis(100),
            probe_deadline: Span::secs(1),
            spot_check_every: Span::secs(1),
        }
    }
}

/// Where the cluster is watched and told what to do, when that is another address or another user
/// than the load's: OceanBase's sys tenant beside the business tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// The user; the load's when empty. Its password comes from the environment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The same zones by other addresses; the load's when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
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
    /// The loader writes no more rows a second than this, so that a small load can last as long as
    /// an upgrade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_rows_per_s: Option<u32>,
}

impl Default for Workload {
    fn default() -> Self {
        Self { warehouses: 10, seed: 20_260_101, load_workers: 4, load_rows_per_s: None }
    }
}

/// The load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// How arrivals are made.
    pub model: LoadModel,
    /// Business transactions a second over all terminals, or `auto`; for the `rate` model.
    pub rate: Rate,
    /// Spacing of arrivals in the `rate` model.
    pub arrivals: Arrivals,
    /// Number of terminals; each is bound to a warehouse and has one connection. The deliveries of
    /// a warehouse go through one more.
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
            rate: Rate::PerSecond(100.0),
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

impl Load {
    /// How the loader drives: a closed loop of `workers`, each of which repeats its chunk until it
    /// is written. A chunk is given up only after two minutes in which no chunk of anybody was.
    pub fn of_loader(workers: u32) -> Self {
        Self {
            model: LoadModel::Max,
            terminals: workers,
            deadline: Span::secs(120),
            statement_deadline: Span::secs(60),
            connect_deadline: Span::secs(5),
            ..Self::default()
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
    /// Longest time after a zone's return until p99 is within 1.2 × baseline again.
    pub recovery_max: Span,
    /// Whether a terminal that moves to another zone must at once see there what it saw before.
    /// If not, it is counted and shown.
    pub reads_follow_moves: bool,
    /// Time in brownout in one zone's turn beyond which the verdict warns; it fails nothing.
    pub brownout_warn: Span,
    /// Limits of single phases, which stand there in the place of those above. The key is a step
    /// as `stop-server`, or a zone's step as `zone2/stop-server`, which goes before.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<String, PhaseObjectives>,
}

/// What the business demands while one phase lasts, where that differs from the rest of the run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseObjectives {
    /// As [`Objectives::failed_max`], of transactions due in the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_max: Option<u64>,
    /// As [`Objectives::write_gap_max`], of gaps that begin in the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_gap_max: Option<Span>,
    /// As [`Objectives::client_outage_p99`], of outages that begin in the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_outage_p99: Option<Span>,
    /// As [`Objectives::client_outage_max`], of outages that begin in the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_outage_max: Option<Span>,
    /// As [`Objectives::good_share_min`], of transactions due in the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_share_min: Option<f64>,
}

impl Objectives {
    /// The limit of one kind that a phase has for itself, with the key that says so. `label` is the
    /// phase's name with its zone's, as `zone2/stop-server`; `step` the name alone.
    pub fn of_phase<T>(
        &self,
        label: &str,
        step: &str,
        limit: impl Fn(&PhaseObjectives) -> Option<T>,
    ) -> Option<(&str, T)> {
        [label, step].into_iter().find_map(|name| {
            let (key, own) = self.phases.get_key_value(name)?;
            Some((key.as_str(), limit(own)?))
        })
    }
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
            recovery_max: Span::secs(60),
            reads_follow_moves: false,
            brownout_warn: Span::secs(30),
            phases: BTreeMap::new(),
        }
    }
}

//! Reading and validating a whole scenario.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::section::{Cluster, Control, Load, Objectives, Timetable, Workload};
use super::{Routing, Span};
use crate::event::ZoneId;

/// Everything a run needs to know, secrets apart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// The cluster under test.
    pub cluster: Cluster,
    /// Where it is watched and upgraded; there where the load goes when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
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
    /// It is the file of something else.
    #[error("{path} is an upgrade's plan, no scenario: give it as --upgrade")]
    Plan {
        /// The file.
        path: PathBuf,
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

/// Whether a file has one of these keys at its top: those of another kind of file, it may be, which
/// was given in the place of the one that was asked for.
pub(crate) fn has_any(text: &str, keys: &[&str]) -> bool {
    let top = toml::from_str::<toml::Table>(text);
    top.is_ok_and(|top| keys.iter().any(|key| top.contains_key(*key)))
}

impl Scenario {
    /// Reads a scenario file. It is not yet validated: flags may still override it.
    ///
    /// # Errors
    /// When the file cannot be read or has a key or value that does not belong there.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|source| match has_any(&text, &["zone"]) {
            true => ScenarioError::Plan { path: path.to_owned() },
            false => ScenarioError::Parse { path: path.to_owned(), source },
        })
    }

    /// The cluster as it is watched and told what to do: the same zones, perhaps by other
    /// addresses, perhaps as another user.
    pub fn control_plane(&self) -> Cluster {
        let mut plane = self.cluster.clone();
        if let Some(Control { user, zones }) = &self.control {
            if !user.is_empty() {
                plane.user.clone_from(user);
            }
            for zone in zones {
                let same = plane.zones.iter_mut().find(|known| known.name == zone.name);
                if let Some(known) = same {
                    known.endpoint.clone_from(&zone.endpoint);
                }
            }
        }
        plane
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
        self.validate_zones()?;
        ensure(is_identifier(&self.cluster.database), "cluster.database", || {
            format!("{:?} may hold letters, digits and '_' only", self.cluster.database)
        })?;
        ensure(!is_the_server_s_own(&self.cluster.database), "cluster.database", || {
            format!("{} is the server's own; name a database of your own", self.cluster.database)
        })?;
        ensure(!self.cluster.user.is_empty(), "cluster.user", || "is empty".into())?;
        positive(self.cluster.observe_every, "cluster.observe_every")?;
        positive(self.cluster.probe_every, "cluster.probe_every")?;
        positive(self.cluster.probe_deadline, "cluster.probe_deadline")?;
        self.validate_load()?;
        let objectives = &self.objectives;
        share(objectives.good_share_min, "objectives.good_share_min")?;
        share(objectives.throughput_share_min, "objectives.throughput_share_min")?;
        for (key, own) in &objectives.phases {
            share(own.good_share_min.unwrap_or(1.0), "objectives.phases")?;
            let zone = key.split_once('/').map(|(zone, _)| zone);
            ensure(
                zone.is_none_or(|name| self.cluster.zones.iter().any(|zone| zone.name == name)),
                "objectives.phases",
                || format!("{key:?} names no zone of this cluster; write STEP or ZONE/STEP"),
            )?;
        }
        Ok(self)
    }

    fn validate_zones(&self) -> Result<(), ScenarioError> {
        let zones = &self.cluster.zones;
        ensure(!zones.is_empty(), "cluster.zones", || {
            "no zone is named; add [[cluster.zones]] with name and endpoint, or --zones zone1=host:port,…".into()
        })?;
        ensure(zones.len() <= 64, "cluster.zones", || "at most 64 zones".into())?;
        for zone in zones {
            ensure(zone.host_port().is_some(), "cluster.zones", || {
                format!(
                    "endpoint {:?} of zone {:?} is not HOST:PORT, as 127.0.0.1:3306",
                    zone.endpoint, zone.name
                )
            })?;
            ensure(is_plain_name(&zone.name), "cluster.zones", || {
                format!("zone name {:?} may hold letters, digits, '-', '_' and '.' only", zone.name)
            })?;
            ensure(
                zones.iter().filter(|z| z.name == zone.name).count() == 1,
                "cluster.zones",
                || format!("zone {:?} is named twice", zone.name),
            )?;
            let twin = zones.iter().find(|z| z.name != zone.name && z.endpoint == zone.endpoint);
            ensure(twin.is_none(), "cluster.zones", || {
                let other = twin.map_or("", |twin| &twin.name);
                format!(
                    "zones {:?} and {other:?} have the same endpoint {}; each needs its own server's",
                    zone.name, zone.endpoint
                )
            })?;
        }
        if let Some(control) = &self.control {
            let names = |zones: &[super::Zone]| {
                zones
                    .iter()
                    .map(|zone| zone.name.clone())
                    .collect::<std::collections::BTreeSet<_>>()
            };
            let same = control.zones.is_empty() || names(&control.zones) == names(zones);
            ensure(same, "control.zones", || {
                "must name the zones of cluster.zones, each once, by their other addresses".into()
            })?;
            let addressed = control.zones.iter().all(|zone| zone.host_port().is_some());
            ensure(addressed, "control.zones", || "endpoints are HOST:PORT".into())?;
        }
        Ok(())
    }

    fn validate_load(&self) -> Result<(), ScenarioError> {
        let Load { terminals, rate, deadline, .. } = self.load;
        ensure((1..=10_000).contains(&self.workload.warehouses), "workload.warehouses", || {
            "must be from 1 to 10000".into()
        })?;
        ensure((1..=256).contains(&self.workload.load_workers), "workload.load_workers", || {
            "must be from 1 to 256".into()
        })?;
        ensure(self.workload.load_rows_per_s != Some(0), "workload.load_rows_per_s", || {
            "must be more than 0".into()
        })?;
        ensure((1..=100_000).contains(&terminals), "load.terminals", || {
            "must be from 1 to 100000".into()
        })?;
        let in_range = |rate: f64| rate.is_finite() && rate > 0.0 && rate <= 1e6;
        ensure(rate.per_second().is_none_or(in_range), "load.rate", || {
            "must be auto, or more than 0 and at most 1000000 a second".into()
        })?;
        ensure((0.0..=1000.0).contains(&self.load.wait_scale), "load.wait_scale", || {
            "must be from 0 to 1000".into()
        })?;
        if self.load.routing == Routing::Proxy {
            ensure(self.cluster.proxy_host_port().is_some(), "cluster.proxy", || {
                "must be the proxy's HOST:PORT when load.routing is proxy".into()
            })?;
        }
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

/// Whether a server keeps itself in this schema.
fn is_the_server_s_own(schema: &str) -> bool {
    ["mysql", "information_schema", "performance_schema", "sys", "oceanbase"]
        .iter()
        .any(|own| schema.eq_ignore_ascii_case(own))
}

fn is_plain_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{PhaseObjectives, Product, Rate, Zone};

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
        let cases: [(&str, Spoil); 9] = [
            ("cluster.zones", |s| s.cluster.zones.clear()),
            ("cluster.zones", |s| s.cluster.zones[1].name = "zone1".into()),
            ("cluster.zones", |s| s.cluster.zones[1].endpoint = "nowhere".into()),
            ("cluster.database", |s| s.cluster.database = "a`b".into()),
            ("cluster.database", |s| s.cluster.database = "Information_Schema".into()),
            ("cluster.proxy", |s| s.load.routing = Routing::Proxy),
            ("load.rate", |s| s.load.rate = Rate::PerSecond(0.0)),
            ("objectives.phases", |s| {
                let own = ("zone9/stop-server".to_owned(), PhaseObjectives::default());
                s.objectives.phases.extend([own]);
            }),
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
    fn a_server_of_oceanbase_is_told_the_tenant_and_not_the_cluster() {
        let direct = |product, user: &str| {
            let user = user.to_owned();
            Cluster { product, user, ..three_zones().cluster }.direct_user().to_owned()
        };
        assert_eq!(direct(Product::OceanBase, "app@biz#obcluster"), "app@biz");
        assert_eq!(direct(Product::OceanBase, "app@biz"), "app@biz");
        assert_eq!(direct(Product::Galera, "app#1"), "app#1");
    }

    #[test]
    fn the_control_plane_is_the_same_zones_elsewhere() {
        let mut scenario = three_zones();
        assert_eq!(scenario.control_plane(), scenario.cluster);
        let elsewhere =
            |n: u8| Zone { name: format!("zone{n}"), endpoint: format!("10.0.0.{n}:2881") };
        let control =
            Control { user: "watcher@sys".into(), zones: [3, 1, 2].map(elsewhere).into() };
        scenario.control = Some(control);
        let plane = scenario.clone().validate().unwrap().control_plane();
        assert_eq!(plane.user, "watcher@sys");
        assert_eq!(plane.zones[1].endpoint, "10.0.0.2:2881");
        assert_eq!(plane.zones[1].name, scenario.cluster.zones[1].name);
        let text = toml::to_string(&scenario).unwrap();
        assert_eq!(toml::from_str::<Scenario>(&text).unwrap(), scenario);
        scenario.control.as_mut().unwrap().zones.pop();
        assert!(scenario.validate().unwrap_err().to_string().starts_with("control.zones"));
    }

    #[test]
    fn a_rate_is_a_number_or_auto_and_survives_a_round_trip() {
        for (text, rate) in [("120", Rate::PerSecond(120.0)), ("0.5", Rate::PerSecond(0.5))] {
            let load = format!("[load]\nrate = {text}\n");
            let scenario: Scenario = toml::from_str(&load).unwrap();
            assert_eq!((scenario.load.rate, text.parse()), (rate, Ok(rate)));
            let json = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
        }
        let auto: Scenario = toml::from_str("[load]\nrate = \"auto\"\n").unwrap();
        assert_eq!((auto.load.rate, "auto".parse()), (Rate::Auto, Ok(Rate::Auto)));
        let wrong =
            toml::from_str::<Scenario>("[load]\nrate = \"fast\"\n").unwrap_err().to_string();
        assert!(wrong.contains("line 2") && wrong.contains("auto"), "{wrong}");
    }

    #[test]
    fn spans_are_read_and_printed_the_way_people_write_them() {
        for text in ["250ms", "5s", "2m", "1h"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert!("soon".parse::<Span>().is_err() && "-5s".parse::<Span>().is_err());
    }
}

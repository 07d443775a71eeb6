//! What a baseline measured, kept so that another run can be held against it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FORMAT;
use crate::scenario::Scenario;

/// What the rest of a run is held against. All times are in µs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineFigures {
    /// How long it lasted.
    pub length_us: u64,
    /// Business transactions due in it.
    pub transactions: u64,
    /// Of those, writes.
    pub writes: u64,
    /// Median of the response.
    pub response_p50_us: u64,
    /// p99 of the response.
    pub response_p99_us: u64,
    /// What takes longer is slow, by the rule of brownouts.
    pub slow_us: u64,
    /// How many were slow, or never done.
    pub slow: u64,
    /// p99 of the writes' service.
    pub write_service_p99_us: u64,
    /// Longest pause between good writes: of the cluster under `cluster`, of each kind under its
    /// name.
    pub write_pause_us: BTreeMap<String, u64>,
}

/// The baseline of another run, in the manifest of the run that uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBaseline {
    /// The run it was measured in.
    pub run_id: String,
    /// When that run began.
    pub origin_wall: jiff::Timestamp,
    /// What it was measured for.
    pub fingerprint: Fingerprint,
    /// What it measured.
    pub figures: BaselineFigures,
}

/// Everything that must be the same for the baseline of one run to stand for another's: load,
/// topology, data size and record format, each under its key in the scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(BTreeMap<String, String>);

/// Keys of `[cluster]` that say what the cluster is, and not how it is watched.
const CLUSTER_KEYS: [&str; 3] = ["product", "database", "proxy"];

impl Fingerprint {
    /// The fingerprint of runs of this scenario whose record has such a format.
    pub fn of(scenario: &Scenario, format: u32) -> Self {
        let whole = serde_json::to_value(scenario).expect("a scenario has only string keys");
        let zones = scenario.cluster.zones.iter();
        let zones: Vec<_> = zones.map(|own| format!("{} at {}", own.name, own.endpoint)).collect();
        let mut keys = BTreeMap::from([
            ("record format".to_owned(), format.to_string()),
            ("cluster.zones".to_owned(), zones.join(", ")),
        ]);
        let mut add = |section: &str, wanted: &dyn Fn(&str) -> bool| {
            for (key, value) in whole[section].as_object().into_iter().flatten() {
                if wanted(key) {
                    keys.insert(format!("{section}.{key}"), words(value));
                }
            }
        };
        add("cluster", &|key| CLUSTER_KEYS.contains(&key));
        add("workload", &|key| key == "warehouses");
        add("load", &|_| true);
        Self(keys)
    }

    /// The same, wherever the zones are: what is installed anew every time gets other addresses.
    pub fn wherever(scenario: &Scenario, format: u32) -> Self {
        let mut print = Self::of(scenario, format);
        print.0.insert("cluster.zones".to_owned(), scenario.zone_names().join(", "));
        print
    }

    /// The fingerprint of runs that this build makes of a scenario.
    pub fn of_new(scenario: &Scenario) -> Self {
        Self::of(scenario, FORMAT)
    }

    /// The first difference from what is wanted, as `load.rate is 60 there and 120 here`.
    pub fn difference(&self, wanted: &Self) -> Option<String> {
        let first = self.differences(wanted).into_iter().next();
        first.map(|(key, there, here)| format!("{key} is {there} there and {here} here"))
    }

    /// Every key in which two fingerprints differ, with its value here and there.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let of = |print: &Self, key: &str| {
            print.0.get(key).map_or_else(|| "not set".to_owned(), Clone::clone)
        };
        let keys: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter()
            .map(|key| (key.clone(), of(self, key), of(other, key)))
            .filter(|(_, own, others)| own != others)
            .collect()
    }
}

/// A value as one would say it.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Rate, Span, Zone};

    #[test]
    fn a_fingerprint_differs_where_a_baseline_would_and_says_where() {
        let mut scenario = Scenario::default();
        let zone = |n: u16| Zone { name: format!("z{n}"), endpoint: format!("h:{n}") };
        scenario.cluster.zones = vec![zone(1), zone(2)];
        let print = Fingerprint::of_new(&scenario);
        let said = |change: &dyn Fn(&mut Scenario)| {
            let mut other = scenario.clone();
            change(&mut other);
            print.difference(&Fingerprint::of_new(&other)).unwrap_or_default()
        };
        assert_eq!(said(&|s| s.phases.baseline = Span::secs(7)), "");
        assert_eq!(said(&|s| s.objectives.failed_max = 7), "");
        assert_eq!(
            said(&|s| s.load.rate = Rate::PerSecond(60.0)),
            "load.rate is 100.0 there and 60.0 here"
        );
        assert_eq!(
            said(&|s| s.workload.warehouses = 2),
            "workload.warehouses is 10 there and 2 here"
        );
        let lost = "cluster.zones is z1 at h:1, z2 at h:2 there and z1 at h:1 here";
        assert_eq!(said(&|s| s.cluster.zones.truncate(1)), lost);
        let mut moved = scenario.clone();
        moved.cluster.zones[1].endpoint = "elsewhere:2".to_owned();
        let wherever = |scenario: &Scenario| Fingerprint::wherever(scenario, FORMAT);
        assert_ne!(print, Fingerprint::of_new(&moved));
        assert_eq!(wherever(&scenario), wherever(&moved));
        moved.cluster.zones.pop();
        assert_ne!(wherever(&scenario), wherever(&moved));
        let other = Fingerprint::of(&scenario, FORMAT + 1);
        assert!(print.difference(&other).unwrap().starts_with("record format is"));
    }
}

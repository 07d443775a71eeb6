//! One node's wsrep variables, and what they say. Pure.

use std::collections::BTreeMap;

use crate::cluster::Finding;
use crate::event::{ZoneId, ZoneState, ZoneStatus};

/// Names in lower case, as SHOW spells them, and values.
pub(super) type Variables = BTreeMap<String, String>;

/// What one look at a node read. A variable that a server does not have reads as empty or zero,
/// which is never a good value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) version: String,
    /// `wsrep_ready`: the node takes statements.
    pub(super) ready: bool,
    /// `wsrep_cluster_status`: `Primary` with quorum.
    pub(super) quorum: String,
    /// `wsrep_local_state_comment`: `Synced`, `Donor/Desynced`, `Joined`, …
    pub(super) state: String,
    /// `wsrep_reject_queries`: `NONE`, `ALL` or `ALL_KILL`.
    pub(super) rejects: String,
    /// `wsrep_cluster_size`.
    pub(super) size: u32,
    /// `wsrep_cluster_state_uuid`: which cluster it is in.
    pub(super) uuid: String,
    /// `wsrep_cluster_conf_id`: which membership it sees.
    pub(super) membership: String,
    /// `wsrep_local_recv_queue`: write sets received and not yet applied.
    pub(super) receive_queue: u64,
}

impl Reading {
    pub(super) fn new(of: &Variables) -> Self {
        let text = |name: &str| of.get(name).cloned().unwrap_or_default();
        Self {
            version: text("version"),
            ready: text("wsrep_ready") == "ON",
            quorum: text("wsrep_cluster_status"),
            state: text("wsrep_local_state_comment"),
            rejects: text("wsrep_reject_queries"),
            size: text("wsrep_cluster_size").parse().unwrap_or(0),
            uuid: text("wsrep_cluster_state_uuid"),
            membership: text("wsrep_cluster_conf_id"),
            // A queue that cannot be read is never empty.
            receive_queue: text("wsrep_local_recv_queue").parse().unwrap_or(u64::MAX),
        }
    }

    fn is_synced(&self) -> bool {
        self.ready && self.quorum == "Primary" && self.state == "Synced"
    }

    fn accepts(&self) -> bool {
        self.rejects == "NONE"
    }

    /// Whether clients are served, in the words of every product.
    pub(super) fn zone_state(&self) -> ZoneState {
        match (self.accepts(), self.is_synced()) {
            (true, true) => ZoneState::Serving,
            (false, true) => ZoneState::Stopped,
            (_, false) => ZoneState::NotReady,
        }
    }

    /// Galera's own words. Nothing in here changes from look to look without a reason.
    pub(super) fn words(&self) -> String {
        if self.state.is_empty() && self.quorum.is_empty() {
            return "no wsrep variables: this is not a Galera node".to_owned();
        }
        let mut words = format!("{}, {}", self.state, self.quorum);
        if !self.ready {
            words.push_str(", not ready");
        }
        if !self.accepts() {
            words.push_str(", rejects queries");
        }
        words
    }

    pub(super) fn status(&self, zone: ZoneId) -> ZoneStatus {
        ZoneStatus {
            zone,
            state: self.zone_state(),
            version: Some(self.version.clone()),
            cluster_size: Some(self.size),
            detail: self.words(),
        }
    }

    /// Whether everything the others committed has arrived and been applied.
    pub(super) fn log_in_sync(&self) -> Finding {
        if !self.is_synced() {
            Finding::NotYet(self.words())
        } else if self.receive_queue > 0 {
            Finding::NotYet(format!("Synced, {} write sets wait to be applied", self.receive_queue))
        } else {
            Finding::Met("Synced, receive queue empty".to_owned())
        }
    }
}

/// Whether the nodes form one whole cluster: each is synced, and all see the same membership.
/// `nodes` holds every zone's name with its reading, or why it has none.
pub(super) fn health(nodes: &[(&str, Result<Reading, String>)]) -> Finding {
    let mut seen = Vec::new();
    for (name, node) in nodes {
        match node {
            Err(reason) => return Finding::NotYet(format!("{name}: {reason}")),
            Ok(node) if !node.is_synced() => {
                return Finding::NotYet(format!("{name}: {}", node.words()));
            }
            Ok(node) if node.size as usize != nodes.len() => {
                let (size, all) = (node.size, nodes.len());
                return Finding::NotYet(format!("{name} sees {size} of {all} nodes"));
            }
            Ok(node) => seen.push((name, &node.uuid, &node.membership)),
        }
    }
    for pair in seen.windows(2) {
        let ((a, uuid_a, membership_a), (b, uuid_b, membership_b)) = (pair[0], pair[1]);
        if uuid_a != uuid_b {
            return Finding::NotYet(format!("{a} and {b} are in different clusters"));
        }
        if membership_a != membership_b {
            return Finding::NotYet(format!("{a} and {b} see different memberships"));
        }
    }
    Finding::Met(format!("{} nodes, all Primary, Synced and of one membership", nodes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(changes: &[(&str, &str)]) -> Reading {
        let mut variables: Variables = [
            ("version", "10.11.18-MariaDB"),
            ("wsrep_ready", "ON"),
            ("wsrep_cluster_status", "Primary"),
            ("wsrep_local_state_comment", "Synced"),
            ("wsrep_reject_queries", "NONE"),
            ("wsrep_cluster_size", "3"),
            ("wsrep_cluster_state_uuid", "u"),
            ("wsrep_cluster_conf_id", "7"),
            ("wsrep_local_recv_queue", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        variables.extend(changes.iter().map(|&(name, to)| (name.to_owned(), to.to_owned())));
        Reading::new(&variables)
    }

    #[test]
    fn a_node_serves_only_when_every_variable_says_so() {
        let cases: [(&[(&str, &str)], ZoneState); 8] = [
            (&[], ZoneState::Serving),
            (&[("wsrep_reject_queries", "ALL")], ZoneState::Stopped),
            (&[("wsrep_reject_queries", "ALL_KILL")], ZoneState::Stopped),
            (&[("wsrep_ready", "OFF")], ZoneState::NotReady),
            (&[("wsrep_cluster_status", "non-Primary")], ZoneState::NotReady),
            (&[("wsrep_local_state_comment", "Donor/Desynced")], ZoneState::NotReady),
            (&[("wsrep_local_state_comment", "Joined")], ZoneState::NotReady),
            // Out of service and out of sync: the worse of the two.
            (&[("wsrep_reject_queries", "ALL"), ("wsrep_ready", "OFF")], ZoneState::NotReady),
        ];
        for (changes, state) in cases {
            assert_eq!(reading(changes).zone_state(), state, "{changes:?}");
        }
    }

    #[test]
    fn a_server_without_wsrep_is_not_ready_and_says_why() {
        let reading = Reading::new(&Variables::new());
        assert_eq!(reading.zone_state(), ZoneState::NotReady);
        assert!(reading.words().contains("not a Galera node"));
        assert!(matches!(reading.log_in_sync(), Finding::NotYet(_)));
    }

    #[test]
    fn a_queue_or_a_lost_state_is_not_in_sync() {
        assert!(matches!(reading(&[]).log_in_sync(), Finding::Met(_)));
        for change in [
            ("wsrep_local_recv_queue", "1"),
            ("wsrep_local_recv_queue", ""),
            ("wsrep_local_state_comment", "Joined"),
        ] {
            assert!(matches!(reading(&[change]).log_in_sync(), Finding::NotYet(_)), "{change:?}");
        }
    }

    #[test]
    fn one_odd_node_makes_the_cluster_unhealthy() {
        let good = || Ok(reading(&[]));
        assert!(matches!(health(&[("a", good()), ("b", good()), ("c", good())]), Finding::Met(_)));
        let odd = [
            Err("down".to_owned()),
            Ok(reading(&[("wsrep_cluster_size", "2")])),
            Ok(reading(&[("wsrep_cluster_state_uuid", "v")])),
            Ok(reading(&[("wsrep_cluster_conf_id", "8")])),
            Ok(reading(&[("wsrep_ready", "OFF")])),
        ];
        for node in odd {
            let finding = health(&[("a", good()), ("b", good()), ("c", node.clone())]);
            assert!(matches!(finding, Finding::NotYet(_)), "{node:?}");
        }
    }
}

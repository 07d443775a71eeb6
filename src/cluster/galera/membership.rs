//! What all nodes together say about the fitness of their cluster. Pure.

use std::collections::BTreeSet;

use super::reading::{Reading, Variables};
use crate::cluster::check::{CheckLine, Question};
use crate::event::{ZoneId, ZoneState};

/// Write sets a healthy node may have waiting.
const QUEUE_MAX: u64 = 50;
/// Share of the time since its last reset that flow control may have stopped the cluster.
const PAUSED_MAX: f64 = 0.01;

const SERVING: Question = Question {
    id: "serving",
    title: "every zone serves",
    query: "SHOW GLOBAL STATUS: wsrep_ready, _cluster_status, _local_state_comment; wsrep_reject_queries",
    meaning: "the upgrade takes one zone away; all others must carry the business",
};
const WHOLE: Question = Question {
    id: "cluster-size",
    title: "the cluster is whole",
    query: "wsrep_cluster_size",
    meaning: "a member that is missing, or one too many, changes what a majority is",
};
const ONE_CLUSTER: Question = Question {
    id: "one-cluster",
    title: "all zones are one cluster",
    query: "wsrep_cluster_state_uuid, wsrep_cluster_conf_id",
    meaning: "zones of different clusters do not replicate to each other",
};
const QUEUE: Question = Question {
    id: "receive-queue",
    title: "no zone lags",
    query: "wsrep_local_recv_queue",
    meaning: "a zone that lags now will lag more with one zone fewer",
};
const SENDING: Question = Question {
    id: "send-queue",
    title: "no zone waits to send",
    query: "wsrep_local_send_queue",
    meaning: "write sets that cannot be sent now make clients wait longer with one zone fewer",
};
const PAUSED: Question = Question {
    id: "flow-control",
    title: "flow control is quiet",
    query: "wsrep_flow_control_paused",
    meaning: "flow control stops all writes of the cluster until the slowest zone has caught up",
};

/// A node that answered.
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) zone: ZoneId,
    pub(super) variables: Variables,
    pub(super) reading: Reading,
}

impl Node<'_> {
    /// `wsrep_flow_control_paused`, a share of the time since the last FLUSH STATUS.
    fn paused(&self) -> Option<f64> {
        self.variables.get("wsrep_flow_control_paused")?.parse().ok()
    }

    fn paused_words(&self) -> String {
        self.paused().map_or("unknown".to_owned(), |share| format!("{:.1} %", share * 100.0))
    }

    fn view(&self) -> String {
        format!("{}:{}", self.reading.uuid, self.reading.membership)
    }
}

/// The checks on membership, for zones named `names` of which `nodes` answered. A zone that did
/// not answer spoils what it should have told.
pub(super) fn membership(nodes: &[Node<'_>], names: &[&str]) -> Vec<CheckLine> {
    let answered = |name: &str| nodes.iter().any(|node| node.name == name);
    let silent = names.iter().filter(|name| !answered(name));
    let silent: Vec<_> = silent.map(|name| format!("{name} did not answer")).collect();
    vec![
        serving(nodes, &silent),
        whole(nodes, &silent, names.len()),
        one_cluster(nodes, &silent),
        queue(nodes),
        sending(nodes),
        flow_control(nodes),
    ]
}

/// Every node that is `bad`, in words.
fn those<'a>(
    nodes: &[Node<'a>],
    bad: impl Fn(&Node<'a>) -> bool,
    words: impl Fn(&Node<'a>) -> String,
) -> Vec<String> {
    let bad = nodes.iter().filter(|node| bad(node));
    bad.map(|node| format!("{} {}", node.name, words(node))).collect()
}

fn all<'a>(nodes: &[Node<'a>], words: impl Fn(&Node<'a>) -> String) -> String {
    those(nodes, |_| true, words).join("; ")
}

fn serving(nodes: &[Node<'_>], silent: &[String]) -> CheckLine {
    let words = |node: &Node<'_>| node.reading.words();
    let unfit = those(nodes, |node| node.reading.zone_state() != ZoneState::Serving, words);
    SERVING.pass_unless(
        [&unfit, silent].concat(),
        all(nodes, words),
        "bring the zone back first: start it, let it sync, SET GLOBAL wsrep_reject_queries=NONE",
    )
}

fn whole(nodes: &[Node<'_>], silent: &[String], zones: usize) -> CheckLine {
    let words = |node: &Node<'_>| format!("sees {}", node.reading.size);
    let partial = those(nodes, |node| node.reading.size as usize != zones, words);
    WHOLE.pass_unless(
        [&partial, silent].concat(),
        format!("{zones} of {zones}"),
        "name every node of the cluster as a zone, and start those that are down",
    )
}

fn one_cluster(nodes: &[Node<'_>], silent: &[String]) -> CheckLine {
    let views: BTreeSet<_> = nodes.iter().map(Node::view).collect();
    let apart = those(nodes, |_| views.len() > 1, Node::view);
    ONE_CLUSTER.pass_unless(
        [&apart, silent].concat(),
        views.first().cloned().unwrap_or_default(),
        "these addresses do not belong together, or the cluster is split",
    )
}

fn queue(nodes: &[Node<'_>]) -> CheckLine {
    if nodes.is_empty() {
        return QUEUE.unasked("no zone answered");
    }
    let words = |node: &Node<'_>| format!("{} waiting", node.reading.receive_queue);
    QUEUE.pass_unless(
        those(nodes, |node| node.reading.receive_queue > QUEUE_MAX, words),
        all(nodes, words),
        "wait until the queue is empty, or find what slows the zone",
    )
}

fn sending(nodes: &[Node<'_>]) -> CheckLine {
    if nodes.is_empty() {
        return SENDING.unasked("no zone answered");
    }
    let waiting = |node: &Node<'_>| {
        node.variables.get("wsrep_local_send_queue").and_then(|text| text.parse::<u64>().ok())
    };
    let words = |node: &Node<'_>| match waiting(node) {
        Some(many) => format!("{many} waiting"),
        None => "does not tell".to_owned(),
    };
    SENDING.pass_unless(
        those(nodes, |node| waiting(node).is_none_or(|many| many > QUEUE_MAX), words),
        all(nodes, words),
        "wait until the queue is empty, or look at the network between the zones",
    )
}

fn flow_control(nodes: &[Node<'_>]) -> CheckLine {
    if nodes.is_empty() {
        return PAUSED.unasked("no zone answered");
    }
    let too_long = |node: &Node<'_>| node.paused().is_none_or(|share| share > PAUSED_MAX);
    let stalled = those(nodes, too_long, Node::paused_words);
    if stalled.is_empty() {
        return PAUSED.pass(all(nodes, Node::paused_words));
    }
    PAUSED.warn(
        stalled.join("; "),
        "a zone cannot keep up; FLUSH STATUS and look again under the load of the upgrade",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::check::CheckStatus;

    fn node<'a>(name: &'a str, changes: &[(&str, &str)]) -> Node<'a> {
        let mut variables: Variables = [
            ("wsrep_ready", "ON"),
            ("wsrep_cluster_status", "Primary"),
            ("wsrep_local_state_comment", "Synced"),
            ("wsrep_reject_queries", "NONE"),
            ("wsrep_cluster_size", "3"),
            ("wsrep_local_recv_queue", "0"),
            ("wsrep_local_send_queue", "0"),
            ("wsrep_flow_control_paused", "0.0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        variables.extend(changes.iter().map(|&(name, to)| (name.to_owned(), to.to_owned())));
        let reading = Reading::new(&variables);
        Node { name, zone: ZoneId(0), variables, reading }
    }

    #[test]
    fn each_fault_of_a_node_spoils_its_own_line() {
        let spoiled = |changes: &[(&str, &str)]| -> Vec<String> {
            let nodes = [node("a", &[]), node("b", changes), node("c", &[])];
            let lines = membership(&nodes, &["a", "b", "c"]);
            lines.into_iter().filter(|l| l.status != CheckStatus::Pass).map(|l| l.id).collect()
        };
        assert!(spoiled(&[]).is_empty());
        assert_eq!(spoiled(&[("wsrep_ready", "OFF")]), ["serving"]);
        assert_eq!(spoiled(&[("wsrep_reject_queries", "ALL")]), ["serving"]);
        assert_eq!(spoiled(&[("wsrep_cluster_size", "2")]), ["cluster-size"]);
        assert_eq!(spoiled(&[("wsrep_cluster_conf_id", "9")]), ["one-cluster"]);
        assert_eq!(spoiled(&[("wsrep_local_recv_queue", "51")]), ["receive-queue"]);
        assert_eq!(spoiled(&[("wsrep_local_send_queue", "51")]), ["send-queue"]);
        assert_eq!(spoiled(&[("wsrep_flow_control_paused", "0.5")]), ["flow-control"]);
        assert_eq!(spoiled(&[("wsrep_flow_control_paused", "")]), ["flow-control"]);
    }

    #[test]
    fn a_zone_that_did_not_answer_spoils_what_it_should_have_told() {
        let lines = membership(&[node("a", &[]), node("b", &[])], &["a", "b", "c"]);
        let failed: Vec<_> =
            lines.iter().filter(|l| l.status == CheckStatus::Fail).map(|l| l.id.as_str()).collect();
        assert_eq!(failed, ["serving", "cluster-size", "one-cluster"]);
        assert!(lines[0].answer.contains("c did not answer"), "{}", lines[0].answer);
        let nobody = membership(&[], &["a", "b", "c"]);
        assert!(nobody.iter().all(|line| line.status != CheckStatus::Pass));
    }
}

//! A plan laid out over the zones: every step of the upgrade in the order it is done. Pure.

use super::plan::Plan;
use super::step::{Stage, Step};
use crate::event::ZoneId;

/// One step, of one zone or of the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) stage: Stage,
    pub(super) zone: Option<ZoneId>,
    pub(super) step: Step,
}

/// Every step, zone after zone in their order.
pub(super) fn tasks(plan: &Plan, zones: usize) -> Vec<Task> {
    let of = |stage: Stage, zone: Option<ZoneId>, steps: &[Step]| {
        let task = |step: &Step| Task { stage, zone, step: step.clone() };
        steps.iter().map(task).collect::<Vec<_>>()
    };
    let mut tasks = of(Stage::Before, None, &plan.before);
    for zone in (0..u8::try_from(zones).unwrap_or(u8::MAX)).map(ZoneId) {
        tasks.extend(of(Stage::Zone, Some(zone), &plan.zone));
    }
    tasks.extend(of(Stage::After, None, &plan.after));
    tasks
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::Zone;

    pub(in crate::upgrade) fn lab_plan() -> Plan {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/plans/galera-lab.toml");
        Plan::read(&path, None).unwrap()
    }

    pub(in crate::upgrade) fn three_zones() -> Vec<Zone> {
        let zone = |n| Zone { name: format!("zone{n}"), endpoint: format!("127.0.0.1:330{n}") };
        (1..=3).map(zone).collect()
    }

    #[test]
    fn zones_follow_one_another() {
        let tasks = tasks(&lab_plan(), 3);
        let zones: Vec<_> = tasks.iter().filter_map(|task| task.zone).collect();
        assert!(zones.is_sorted() && zones.len() == 36);
        assert_eq!(tasks.first().map(|task| task.stage), Some(Stage::Before));
        assert_eq!(tasks.last().map(|task| task.stage), Some(Stage::After));
    }
}

//! What is being watched, as it was asked for.

use crate::scenario::{LoadModel, Objectives, Scenario};

/// The facts of a run that do not change while it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The run's name.
    pub run_id: String,
    /// What is done to the cluster meanwhile, in a few words, as `upgrade to 10.11.19`.
    pub doing: String,
    /// The zones' names, in the scenario's order.
    pub zones: Vec<String>,
    /// Whether the initial load is what the cluster is busy with, and not transactions.
    pub loads: bool,
    /// Deadline of a business transaction, in µs.
    pub deadline_us: u64,
    /// Transactions due a second, where the load's model says.
    pub rate_per_s: Option<f64>,
    /// What the business demands.
    pub objectives: Objectives,
}

impl Subject {
    /// Of a scenario whose rate is known. For a load, with the loader's `load` section.
    pub fn of(scenario: &Scenario, loads: bool, run_id: &str, doing: String) -> Self {
        let open_loop = !loads && scenario.load.model == LoadModel::Rate;
        Self {
            run_id: run_id.to_owned(),
            doing,
            zones: scenario.zone_names(),
            loads,
            deadline_us: scenario.load.deadline.as_us(),
            rate_per_s: scenario.load.rate.per_second().filter(|_| open_loop),
            objectives: scenario.objectives.clone(),
        }
    }
}

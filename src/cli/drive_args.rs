//! What is loaded, how the cluster is driven and for how long.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::args::{one_of, set};
use crate::scenario::{Arrivals, LoadModel, Rate, RetryPolicy, Routing, Scenario, Span};

/// What is loaded.
#[derive(Debug, Args)]
pub(super) struct WorkloadArgs {
    /// Number of warehouses [default: 10]
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, help_heading = "Workload")]
    warehouses: Option<u32>,
    /// Seed of all random streams [default: 20260101]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Workload")]
    seed: Option<u64>,
}

impl WorkloadArgs {
    pub(super) fn apply(&self, scenario: &mut Scenario) {
        set(&mut scenario.workload.warehouses, self.warehouses);
        set(&mut scenario.workload.seed, self.seed);
    }
}

/// How the cluster is driven, and for how long.
#[derive(Debug, Args)]
pub(super) struct DriveArgs {
    /// Load model: rate (open loop), max (closed loop) or spec (keying and think times)
    /// [default: rate]
    #[arg(long, value_parser = one_of(LoadModel::ALL, LoadModel::as_str), help_heading = "Load")]
    model: Option<LoadModel>,
    /// Business transactions a second, for the rate model; auto finds out what the cluster carries
    /// and takes half of what would be left of it with one zone stopped [default: 100]
    #[arg(long, value_name = "N|auto", allow_negative_numbers = true, help_heading = "Load")]
    rate: Option<Rate>,
    /// Spacing of arrivals in the rate model [default: constant]
    #[arg(long, value_parser = one_of(Arrivals::ALL, Arrivals::as_str), help_heading = "Load")]
    arrivals: Option<Arrivals>,
    /// Number of terminals [default: 20]
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, help_heading = "Load")]
    terminals: Option<u32>,
    /// A business transaction must be done this long after its scheduled time
    /// [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    deadline: Option<Span>,
    /// Whether failed attempts are repeated within the deadline [default: deadline]
    #[arg(long, value_parser = one_of(RetryPolicy::ALL, RetryPolicy::as_str), help_heading = "Load")]
    retry: Option<RetryPolicy>,
    /// How terminals choose a zone [default: failover]
    #[arg(long, value_parser = one_of(Routing::ALL, Routing::as_str), help_heading = "Load")]
    routing: Option<Routing>,
    /// How long the load runs before anything is judged [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Timetable")]
    warm_up: Option<Span>,
    /// How long to measure the undisturbed cluster before the upgrade [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "Timetable")]
    baseline: Option<Span>,
    /// Measure no baseline, but take that of this run; refused where load, zones, data size or
    /// record format differ
    #[arg(long, value_name = "RUN", conflicts_with = "baseline", help_heading = "Timetable")]
    pub(super) baseline_from: Option<PathBuf>,
    /// Without an upgrade of its own: how long to watch after the baseline; at most so long with
    /// --until-version, which otherwise waits for a day [default: 1m]
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with_all = ["upgrade", "upgrade_cmd"],
        help_heading = "Timetable"
    )]
    duration: Option<Span>,
    /// How long the load goes on after the last zone is back [default: 15s]
    #[arg(long, value_name = "TIME", help_heading = "Timetable")]
    settle: Option<Span>,
    /// How long to measure the undisturbed cluster after the upgrade [default: 30s]
    #[arg(long = "final", value_name = "TIME", help_heading = "Timetable")]
    final_: Option<Span>,
}

impl DriveArgs {
    /// Applies every flag to the scenario of the file and validates the whole.
    ///
    /// # Errors
    /// When a value is out of its range, or a flag means nothing beside the others.
    pub(super) fn apply(
        &self,
        workload: &WorkloadArgs,
        mut scenario: Scenario,
    ) -> anyhow::Result<Scenario> {
        workload.apply(&mut scenario);
        let load = &mut scenario.load;
        set(&mut load.model, self.model);
        set(&mut load.rate, self.rate);
        set(&mut load.arrivals, self.arrivals);
        set(&mut load.terminals, self.terminals);
        set(&mut load.deadline, self.deadline);
        set(&mut load.retry, self.retry);
        set(&mut load.routing, self.routing);
        let model = load.model;
        for (flag, given) in
            [("--rate", self.rate.is_some()), ("--arrivals", self.arrivals.is_some())]
        {
            if given && model != LoadModel::Rate {
                bail!(
                    "{flag} is for the rate model, and this is {model}: leave it out, or give --model rate"
                );
            }
        }
        // A shorter deadline given alone should not have to be given twice.
        load.statement_deadline = load.statement_deadline.min(load.deadline);
        let phases = &mut scenario.phases;
        set(&mut phases.warm_up, self.warm_up);
        set(&mut phases.baseline, self.baseline);
        if self.baseline_from.is_some() {
            phases.baseline = Span::secs(0);
        }
        set(&mut phases.duration, self.duration);
        set(&mut phases.settle, self.settle);
        set(&mut phases.final_, self.final_);
        Ok(scenario.validate()?)
    }
}

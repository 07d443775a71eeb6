//! What can be typed. Low-level arguments in, a validated [`Scenario`] out.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use super::help;
use super::secrets::SecretArgs;
use crate::scenario::{
    LoadModel, Product, RetryPolicy, Routing, Scenario, ScenarioError, Span, Zone,
};
use crate::session::Password;

/// Proves, with numbers anyone can check, whether a database cluster kept serving its business
/// while it was upgraded.
#[derive(Debug, Parser)]
#[command(name = "rollproof", version, propagate_version = true, after_help = help::TOOL)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Is this cluster fit to be upgraded? Read-only
    Check(CheckArgs),
    /// Create and fill the TPC-C schema
    Load(LoadArgs),
    /// Drive the load, watch or upgrade the cluster, check the data, print the verdict
    Run(Box<RunArgs>),
    /// Check the data of a finished run again, against the database as it is now
    Audit(AuditArgs),
    /// Make every derived file of a run again, from its raw record
    Report(ReportArgs),
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Which cluster, and how to reach it. Flags override the scenario file.
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// Scenario file (TOML), as workloads/tpcc-10w.toml
    #[arg(short, long, value_name = "FILE")]
    pub(super) scenario: Option<PathBuf>,
    /// Zones in the order in which they are upgraded, as zone1=127.0.0.1:3306,zone2=…
    #[arg(
        long,
        value_name = "NAME=HOST:PORT",
        value_delimiter = ',',
        env = "ROLLPROOF_ZONES",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    pub(super) zones: Vec<Zone>,
    /// Database product; plain is any server that speaks the MySQL protocol
    #[arg(long, value_parser = one_of(Product::ALL, Product::as_str), env = "ROLLPROOF_PRODUCT", hide_env_values = true, help_heading = "Cluster")]
    pub(super) product: Option<Product>,
    /// Database user
    #[arg(short, long, env = "ROLLPROOF_USER", hide_env_values = true, help_heading = "Cluster")]
    pub(super) user: Option<String>,
    /// Database (schema) that holds the nine tables
    #[arg(
        short,
        long,
        env = "ROLLPROOF_DATABASE",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    pub(super) database: Option<String>,
    #[command(flatten)]
    pub(super) secrets: SecretArgs,
}

/// What is loaded.
#[derive(Debug, Args)]
pub(super) struct WorkloadArgs {
    /// Number of warehouses
    #[arg(short, long, value_name = "N", help_heading = "Workload")]
    pub(super) warehouses: Option<u32>,
    /// Seed of all random streams
    #[arg(long, value_name = "N", help_heading = "Workload")]
    pub(super) seed: Option<u64>,
}

/// `rollproof check`
#[derive(Debug, Args)]
#[command(after_help = help::CHECK)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// The version the cluster is to be upgraded to
    #[arg(long, value_name = "VERSION", env = "ROLLPROOF_TARGET_VERSION", hide_env_values = true)]
    pub(super) target_version: Option<String>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

/// `rollproof load`
#[derive(Debug, Args)]
#[command(after_help = help::LOAD)]
pub(super) struct LoadArgs {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) workload: WorkloadArgs,
    /// Parallel workers
    #[arg(long, value_name = "N", help_heading = "Workload")]
    pub(super) workers: Option<u32>,
}

/// How the cluster is driven, and for how long.
#[derive(Debug, Args)]
pub(super) struct DriveArgs {
    /// Load model: rate (open loop), max (closed loop) or spec (keying and think times)
    #[arg(long, value_parser = one_of(LoadModel::ALL, LoadModel::as_str), help_heading = "Load")]
    pub(super) model: Option<LoadModel>,
    /// Business transactions a second, for the rate model
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub(super) rate: Option<f64>,
    /// Number of terminals
    #[arg(short, long, value_name = "N", help_heading = "Load")]
    pub(super) terminals: Option<u32>,
    /// A business transaction must be done this long after its scheduled time, as 5s
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    pub(super) deadline: Option<Span>,
    /// Whether failed attempts are repeated within the deadline
    #[arg(long, value_parser = one_of(RetryPolicy::ALL, RetryPolicy::as_str), help_heading = "Load")]
    pub(super) retry: Option<RetryPolicy>,
    /// How terminals choose a zone
    #[arg(long, value_parser = one_of(Routing::ALL, Routing::as_str), help_heading = "Load")]
    pub(super) routing: Option<Routing>,
    /// How long the load runs before anything is judged, as 10s
    #[arg(long, value_name = "TIME", help_heading = "Timetable")]
    pub(super) warm_up: Option<Span>,
    /// How long to measure the undisturbed cluster before the upgrade
    #[arg(long, value_name = "TIME", help_heading = "Timetable")]
    pub(super) baseline: Option<Span>,
    /// Without --upgrade: how long to watch after the baseline
    #[arg(long, value_name = "TIME", help_heading = "Timetable")]
    pub(super) duration: Option<Span>,
    /// How long the load goes on after the last zone is back
    #[arg(long, value_name = "TIME", help_heading = "Timetable")]
    pub(super) settle: Option<Span>,
    /// How long to measure the undisturbed cluster after the upgrade
    #[arg(long = "final", value_name = "TIME", help_heading = "Timetable")]
    pub(super) final_: Option<Span>,
}

/// `rollproof run`
#[derive(Debug, Args)]
#[command(after_help = help::RUN)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) workload: WorkloadArgs,
    /// Perform the rolling upgrade of this plan (TOML), as workloads/plans/galera-lab.toml
    #[arg(long, value_name = "PLAN", help_heading = "Upgrade")]
    pub(super) upgrade: Option<PathBuf>,
    /// With --upgrade: the version every zone must report at the end; overrides the plan's
    #[arg(
        long,
        value_name = "VERSION",
        env = "ROLLPROOF_TARGET_VERSION",
        hide_env_values = true,
        help_heading = "Upgrade"
    )]
    pub(super) target_version: Option<String>,
    /// Go on with the upgrade that failed in this run's directory, from its failed step
    #[arg(long, value_name = "RUN", requires = "upgrade", help_heading = "Upgrade")]
    pub(super) resume: Option<PathBuf>,
    /// Upgrade even where stopping one zone loses the majority
    #[arg(long, requires = "upgrade", help_heading = "Upgrade")]
    pub(super) allow_unsafe: bool,
    #[command(flatten)]
    pub(super) load: DriveArgs,
    /// Where run directories go
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = "Output")]
    pub(super) results: PathBuf,
    /// Name of the run's directory; by default its start as 2026-01-31T14-05-09Z
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub(super) run_id: Option<String>,
    /// No line a second on standard error
    #[arg(short, long, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// `rollproof audit`
#[derive(Debug, Args)]
#[command(after_help = help::AUDIT)]
pub(super) struct AuditArgs {
    /// The run's directory
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Zones, where their addresses have changed since the run
    #[arg(long, value_name = "NAME=HOST:PORT", value_delimiter = ',', help_heading = "Cluster")]
    pub(super) zones: Vec<Zone>,
    #[command(flatten)]
    pub(super) secrets: SecretArgs,
}

/// `rollproof report`
#[derive(Debug, Args)]
#[command(after_help = help::REPORT)]
pub(super) struct ReportArgs {
    /// The run's directory
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
}

/// A choice by its stable spelling; help, completions and errors then name all of them.
fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let value = move |text: String| all.iter().copied().find(|&value| name(value) == text);
    PossibleValuesParser::new(all.iter().map(|&value| name(value)))
        .map(move |text| value(text).expect("only possible values get here"))
}

/// Puts `flag` in the place of a value that the scenario file or the default gave.
fn set<T>(value: &mut T, flag: Option<T>) {
    if let Some(flag) = flag {
        *value = flag;
    }
}

impl ClusterArgs {
    /// The scenario with these flags applied, not yet validated, and the password.
    pub(super) fn scenario(self) -> anyhow::Result<(Scenario, Password)> {
        let mut scenario = match &self.scenario {
            Some(path) => Scenario::read(path)?,
            None => Scenario::default(),
        };
        let credentials = self.secrets.resolve()?;
        let cluster = &mut scenario.cluster;
        if !self.zones.is_empty() {
            cluster.zones = self.zones;
        }
        set(&mut cluster.product, self.product);
        set(&mut cluster.user, self.user.or(credentials.user));
        set(&mut cluster.database, self.database);
        Ok((scenario, credentials.password))
    }
}

impl WorkloadArgs {
    fn apply(&self, scenario: &mut Scenario) {
        set(&mut scenario.workload.warehouses, self.warehouses);
        set(&mut scenario.workload.seed, self.seed);
    }
}

impl CheckArgs {
    /// The validated scenario and the password.
    pub(super) fn resolve(self) -> anyhow::Result<(Scenario, Password)> {
        let (scenario, password) = self.cluster.scenario()?;
        Ok((scenario.validate()?, password))
    }
}

impl LoadArgs {
    /// The validated scenario and the password.
    pub(super) fn resolve(self) -> anyhow::Result<(Scenario, Password)> {
        let (mut scenario, password) = self.cluster.scenario()?;
        self.workload.apply(&mut scenario);
        set(&mut scenario.workload.load_workers, self.workers);
        Ok((scenario.validate()?, password))
    }
}

impl DriveArgs {
    /// Applies every flag to the scenario of the file and validates the whole.
    pub(super) fn apply(
        &self,
        workload: &WorkloadArgs,
        mut scenario: Scenario,
    ) -> Result<Scenario, ScenarioError> {
        workload.apply(&mut scenario);
        let load = &mut scenario.load;
        set(&mut load.model, self.model);
        set(&mut load.rate, self.rate);
        set(&mut load.terminals, self.terminals);
        set(&mut load.deadline, self.deadline);
        set(&mut load.retry, self.retry);
        set(&mut load.routing, self.routing);
        // A shorter deadline given alone should not have to be given twice.
        load.statement_deadline = load.statement_deadline.min(load.deadline);
        let phases = &mut scenario.phases;
        set(&mut phases.warm_up, self.warm_up);
        set(&mut phases.baseline, self.baseline);
        set(&mut phases.duration, self.duration);
        set(&mut phases.settle, self.settle);
        set(&mut phases.final_, self.final_);
        scenario.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_override_the_scenario() {
        let cli = Cli::parse_from([
            "rollproof",
            "run",
            "--zones",
            "a=h:1,b=h:2,c=h:3",
            "--user",
            "u",
            "--deadline",
            "1s",
            "--rate",
            "7",
            "--final",
            "3s",
        ]);
        let Verb::Run(mut args) = cli.verb else { panic!("run was asked for") };
        let zones = std::mem::take(&mut args.cluster.zones);
        let mut scenario = Scenario::default();
        scenario.cluster.zones = zones;
        let scenario = args.load.apply(&args.workload, scenario).unwrap();
        assert_eq!(scenario.zone_names(), ["a", "b", "c"]);
        assert_eq!(scenario.load.rate, 7.0);
        assert_eq!(scenario.load.statement_deadline, Span::secs(1));
        assert_eq!(scenario.phases.final_, Span::secs(3));
    }
}

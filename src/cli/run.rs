//! `rollproof run`

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use clap::Args;

use super::cluster_args::ClusterArgs;
use super::drive_args::{DriveArgs, WorkloadArgs};
use super::notice::Notice;
use super::output_args::OutputArgs;
use super::recorded::{record, request};
use super::upgrade_args::UpgradeArgs;
use super::{Exit, help};
use crate::record::{Record, StoredBaseline, Work};
use crate::report::stored_baseline;
use crate::run::OutsideRequest;
use crate::scenario::{LoadModel, Rate, Span};
use crate::upgrade::is_version;

/// Somebody else's upgrade is not waited for any longer.
const UNTIL_VERSION_MAX: Span = Span::secs(24 * 3600);

/// `rollproof run`
#[derive(Debug, Args)]
#[command(after_help = help::RUN)]
pub(super) struct RunArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    upgrade: UpgradeArgs,
    /// Watch somebody else's upgrade until every zone serves on this version
    #[arg(
        long,
        value_name = "VERSION",
        conflicts_with_all = ["upgrade", "upgrade_cmd", "target_version"],
        help_heading = "Upgrade"
    )]
    until_version: Option<String>,
    #[command(flatten)]
    load: DriveArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: RunArgs, out: impl Write) -> anyhow::Result<Exit> {
    let (mut scenario, password) = args.cluster.scenario()?;
    if let Some(version) = args.until_version.as_deref().filter(|text| !is_version(text)) {
        bail!("--until-version {version:?} is no version, as 10.11.19: no zone would ever have it");
    }
    if args.until_version.is_some() {
        scenario.phases.duration = UNTIL_VERSION_MAX;
    }
    let scenario = args.load.apply(&args.workload, scenario)?;
    let baseline = args.load.baseline_from.as_deref().map(baseline_of).transpose()?;
    let measures = scenario.load.rate == Rate::Auto && scenario.load.model == LoadModel::Rate;
    if measures && baseline.is_none() {
        Notice.line(&"finding out what the cluster carries, some 15 s");
    }
    let mut request = request(Work::Run, scenario, password, &args.upgrade, &args.output)?;
    request.baseline = baseline;
    if args.until_version.is_some() {
        let target_version = args.until_version;
        request.outside = Some(OutsideRequest { command: None, target_version });
    }
    record(request, &args.output, |_| {}, out).await
}

fn baseline_of(run: &Path) -> anyhow::Result<StoredBaseline> {
    Ok(stored_baseline(&Record::open(run)?)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::cli::args::Verb;

    #[test]
    fn flags_override_the_scenario() {
        let zones = "a=h:1,b=h:2,c=h:3";
        let words = ["--user", "u", "--deadline", "1s", "--rate", "7", "--final", "3s"];
        let words = ["rollproof", "run", "--zones", zones].into_iter().chain(words);
        let Verb::Run(args) = Cli::parse_from(words).verb else { panic!("run was asked for") };
        let (scenario, _) = args.cluster.scenario().unwrap();
        let scenario = args.load.apply(&args.workload, scenario).unwrap();
        assert_eq!(scenario.zone_names(), ["a", "b", "c"]);
        assert_eq!(scenario.load.rate, Rate::PerSecond(7.0));
        assert_eq!(scenario.load.statement_deadline, Span::secs(1));
        assert_eq!(scenario.phases.final_, Span::secs(3));
    }
}

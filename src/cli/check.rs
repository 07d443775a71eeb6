//! `rollproof check`

use std::io::Write;

use anyhow::bail;
use clap::Args;

use super::cluster_args::ClusterArgs;
use super::secrets::control_password;
use super::{Exit, help};
use crate::cluster::{control, reach};
use crate::preflight;
use crate::scenario::{Product, Scenario};
use crate::session::Password;

/// `rollproof check`
#[derive(Debug, Args)]
#[command(after_help = help::CHECK)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The version the cluster is to be upgraded to
    #[arg(long, value_name = "VERSION", env = "ROLLPROOF_TARGET_VERSION", hide_env_values = true)]
    target_version: Option<String>,
    /// When every check passed, also do the one write they end with: OceanBase's
    /// server_permanent_offline_time
    #[arg(long)]
    prepare: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    /// The validated scenario and the password.
    fn resolve(self) -> anyhow::Result<(Scenario, Password)> {
        let (scenario, password) = self.cluster.scenario()?;
        Ok((scenario.validate()?, password))
    }
}

pub(super) async fn run(args: CheckArgs, mut out: impl Write) -> anyhow::Result<Exit> {
    let (target, json, prepare) = (args.target_version.clone(), args.json, args.prepare);
    let (mut scenario, password) = args.resolve()?;
    // The checks are questions to the control plane, whoever else is named.
    scenario.control.get_or_insert_default();
    let (plane, password) = (scenario.control_plane(), control_password(&password));
    if prepare && plane.product != Product::OceanBase {
        bail!("--prepare: only OceanBase has something to set; leave it out for {}", plane.product);
    }
    let cluster = control(&scenario, &password)?;
    // Where nobody can be asked, a table of unanswered questions would not help.
    reach(&plane, &password).await?;
    let mut found = preflight::check(&*cluster, target.as_deref()).await;
    if prepare {
        let line = preflight::prepare(&*cluster, &found).await;
        found.checks.push(line);
    }
    let text = if json {
        serde_json::to_string_pretty(&found)? + "\n"
    } else {
        preflight::render_text(&found)
    };
    out.write_all(text.as_bytes())?;
    Ok(if found.is_fit() { Exit::DONE } else { Exit::UNFIT })
}

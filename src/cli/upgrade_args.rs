//! What is done to the cluster during a run or a load.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

/// What is done to the cluster meanwhile.
#[derive(Debug, Args)]
pub(super) struct UpgradeArgs {
    /// Perform the rolling upgrade of this plan (TOML), as workloads/plans/galera-lab.toml
    #[arg(long, value_name = "PLAN", help_heading = "Upgrade")]
    pub(super) upgrade: Option<PathBuf>,
    /// Let this command perform the upgrade instead, run with `sh -c`. Its output is passed on to
    /// standard error; a line in it as `rollproof: mark stop-zone zone=zone1` begins a phase, and
    /// so does `rollproof mark`. An exit code other than 0 is a failed upgrade
    #[arg(long, value_name = "CMD", conflicts_with = "upgrade", help_heading = "Upgrade")]
    pub(super) upgrade_cmd: Option<String>,
    // Not clap's `env`: it may stand in the environment for `rollproof check`, and only a flag that
    // would mean nothing is a mistake.
    /// The version every zone must report at the end of --upgrade, where it overrides the plan's,
    /// or of --upgrade-cmd [env: ROLLPROOF_TARGET_VERSION]
    #[arg(long, value_name = "VERSION", help_heading = "Upgrade")]
    pub(super) target_version: Option<String>,
    /// Go on with the upgrade that failed in this run's directory, from its failed step
    #[arg(long, value_name = "RUN", requires = "upgrade", help_heading = "Upgrade")]
    pub(super) resume: Option<PathBuf>,
    /// Upgrade even where stopping one zone loses the majority
    #[arg(long, requires = "upgrade", help_heading = "Upgrade")]
    pub(super) allow_unsafe: bool,
}

impl UpgradeArgs {
    /// Whether anybody is to upgrade.
    pub(super) fn is_any(&self) -> bool {
        self.upgrade.is_some() || self.upgrade_cmd.is_some()
    }

    /// Refuses what would mean nothing.
    ///
    /// # Errors
    /// When there is a target and nobody to reach it, or a command that does nothing.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.upgrade_cmd.as_ref().is_some_and(|command| command.trim().is_empty()) {
            bail!("--upgrade-cmd is empty: give the command that upgrades the cluster");
        }
        if self.target_version.is_some() && !self.is_any() {
            bail!(
                "--target-version says what an upgrade must lead to, and there is none: give \
                 --upgrade or --upgrade-cmd, or `rollproof run --until-version` to watch somebody \
                 else's"
            );
        }
        Ok(())
    }

    /// The target version, of the flag or of the environment.
    pub(super) fn target(&self) -> Option<String> {
        let variable = || std::env::var("ROLLPROOF_TARGET_VERSION").ok();
        self.target_version.clone().or_else(variable).filter(|version| !version.is_empty())
    }
}

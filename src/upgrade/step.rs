//! The steps of an upgrade: their names, where each may stand, and how one is done.

use std::time::Duration;

use super::template::Template;
use crate::cluster::Act;
use crate::spelling::spelled;

spelled! {
    /// The steps of an upgrade, by their stable names, in the order of the seed's own process.
    pub enum StepName {
        /// What the upgrade changes for the whole cluster is written down.
        KeepParameters = "keep-parameters",
        /// The pre-upgrade checks pass.
        PreCheck = "pre-check",
        /// A server that is away for long keeps its replicas.
        ProtectReplicas = "protect-replicas",
        /// The cluster is told that it is being upgraded.
        BeginUpgrade = "begin-upgrade",
        /// The cluster is told that zones will run two versions.
        BeginRollingUpgrade = "begin-rolling-upgrade",
        /// What two versions side by side cannot bear is switched off.
        SpecialActions = "special-actions",
        /// What the product needs before the first zone.
        UpgradePre = "upgrade-pre",
        /// The zone about to be upgraded is the one that is meant.
        SetZoneContext = "set-zone-context",
        /// The zone is taken out of service; its clients move on.
        StopZone = "stop-zone",
        /// The zone's server is stopped.
        StopServer = "stop-server",
        /// What the new package needs is installed.
        InstallDependencies = "install-dependencies",
        /// The new package is installed.
        InstallPackage = "install-package",
        /// The zone's server is started.
        StartServer = "start-server",
        /// The server says that it runs the target version.
        WaitVersion = "wait-version",
        /// The zone has caught up.
        LogInSync = "log-in-sync",
        /// The zone's tables fit the new version.
        SchemaRefreshed = "schema-refreshed",
        /// The cluster is whole.
        HealthCheck = "health-check",
        /// The zone is put back into service.
        StartZone = "start-zone",
        /// The zone serves, on the target version, in a whole cluster.
        CheckZone = "check-zone",
        /// The cluster is told that all zones run the new version.
        EndRollingUpgrade = "end-rolling-upgrade",
        /// Inner tables and data versions follow.
        UpgradeJob = "upgrade-job",
        /// The cluster is told that the upgrade is over.
        EndUpgrade = "end-upgrade",
        /// What the product needs after the last zone.
        UpgradePost = "upgrade-post",
        /// What was changed for the whole cluster is put back and checked.
        RestoreParameters = "restore-parameters",
        /// Every zone serves on the target version.
        VersionCheck = "version-check",
    }
}

spelled! {
    /// The three parts of a plan.
    pub enum Stage {
        /// Once, before the first zone.
        Before = "before",
        /// For each zone in turn.
        Zone = "zone",
        /// Once, after the last zone.
        After = "after",
    }
}

impl Stage {
    /// The steps that may stand in this part, in the order they must have.
    pub(super) fn steps(self) -> &'static [StepName] {
        use StepName::*;
        match self {
            Self::Before => &[
                KeepParameters,
                PreCheck,
                ProtectReplicas,
                BeginUpgrade,
                BeginRollingUpgrade,
                SpecialActions,
                UpgradePre,
                HealthCheck,
            ],
            Self::Zone => &[
                SetZoneContext,
                StopZone,
                StopServer,
                InstallDependencies,
                InstallPackage,
                StartServer,
                WaitVersion,
                LogInSync,
                SchemaRefreshed,
                HealthCheck,
                StartZone,
                CheckZone,
            ],
            Self::After => &[
                HealthCheck,
                EndRollingUpgrade,
                UpgradeJob,
                EndUpgrade,
                UpgradePost,
                RestoreParameters,
                VersionCheck,
            ],
        }
    }
}

impl StepName {
    /// Whether rollproof can do this step itself.
    pub fn is_built_in(self) -> bool {
        !matches!(
            self,
            Self::UpgradePre
                | Self::UpgradePost
                | Self::StopServer
                | Self::InstallDependencies
                | Self::InstallPackage
                | Self::StartServer
        )
    }

    /// Whether it is done to each zone in turn.
    pub fn is_of_zone(self) -> bool {
        Stage::Zone.steps().contains(&self)
    }

    /// Whether it is done once, before the first zone or after the last.
    pub fn is_of_cluster(self) -> bool {
        [Stage::Before, Stage::After].iter().any(|stage| stage.steps().contains(&self))
    }

    /// Whether rollproof looks again and again until something is so.
    pub fn waits(self) -> bool {
        matches!(
            self,
            Self::SetZoneContext
                | Self::WaitVersion
                | Self::LogInSync
                | Self::SchemaRefreshed
                | Self::HealthCheck
                | Self::CheckZone
                | Self::VersionCheck
        )
    }

    /// What undoes it as long as no zone was taken away.
    pub(super) fn undone_by(self) -> Option<Act> {
        match self {
            Self::BeginUpgrade | Self::BeginRollingUpgrade => Some(Act::EndUpgrade),
            Self::ProtectReplicas | Self::SpecialActions | Self::UpgradePre => {
                Some(Act::RestoreParameters)
            }
            _ => None,
        }
    }

    /// Whether it takes a zone away from its clients; no other zone may be away then.
    pub fn takes_zone_away(self) -> bool {
        matches!(self, Self::StopZone | Self::StopServer)
    }
}

/// How a step is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// By a command of the user's, run with `sh -c`.
    Run(Template),
    /// By rollproof itself.
    Check,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How.
    pub action: Action,
    /// It has failed when it takes longer than this.
    pub timeout: Duration,
    /// How long to wait before looking again, where it waits for something to become so.
    pub every: Duration,
}

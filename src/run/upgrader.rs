//! Who upgrades the cluster during a run: rollproof's runner, or a command it wraps.

use tokio::runtime::Handle;

use crate::outside::{Wrapped, WrappedEnd};
use crate::upgrade::{Runner, Stop, UpgradeOutcome, UpgradeResult};

/// What performs the upgrade.
pub(super) enum Upgrader {
    Plan(Box<Runner>),
    Command(Wrapped),
}

/// How an upgrade ended, whoever performed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradeEnd {
    /// Well.
    Done,
    /// A step, or the command, failed.
    Failed,
    /// It was not begun, or asked to stop between two steps.
    Stopped,
}

/// An upgrade that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// How.
    pub end: UpgradeEnd,
    /// What happened and what to do next, for people.
    pub advice: String,
}

impl Upgrader {
    /// Upgrades on a thread of its own: what waits for the disk there, for each line of a journal
    /// or of a command's output, must not delay the load.
    pub(super) async fn apart(self, stop: Stop) -> Upgraded {
        let runtime = Handle::current();
        let upgrade = tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                match self {
                    Self::Plan(runner) => runner.run(stop).await.into(),
                    Self::Command(command) => command.run(stop).await.into(),
                }
            })
        });
        upgrade.await.expect("an upgrade neither panics nor is cancelled")
    }
}

impl From<UpgradeResult> for Upgraded {
    fn from(UpgradeResult { outcome, advice, .. }: UpgradeResult) -> Self {
        let end = match outcome {
            UpgradeOutcome::Done => UpgradeEnd::Done,
            UpgradeOutcome::Failed { .. } => UpgradeEnd::Failed,
            UpgradeOutcome::Refused { .. } | UpgradeOutcome::Stopped { .. } => UpgradeEnd::Stopped,
        };
        Self { end, advice }
    }
}

impl From<WrappedEnd> for Upgraded {
    fn from(end: WrappedEnd) -> Self {
        match end {
            WrappedEnd::Done => {
                Self { end: UpgradeEnd::Done, advice: "the command has ended well".to_owned() }
            }
            WrappedEnd::Failed(advice) => Self { end: UpgradeEnd::Failed, advice },
        }
    }
}

//! The rolling upgrade: its plan, and its runner with a journal.
//!
//! A [`Plan`] names the steps before the first zone, of each zone, and after the last; a step is a
//! command of the user's or a check of ours. [`Runner`] takes the zones strictly one after another
//! and writes every step to a journal before and after it, from which an upgrade that failed goes
//! on. Until the first zone is stopped everything may fail and be repeated; from there on a failed
//! step stops the upgrade and is never skipped. No zone is taken away while another one is not
//! serving: looked up afresh each time, whatever plan and journal say.

mod checks;
mod command;
mod error;
mod journal;
mod plan;
mod runner;
mod step;
mod task;
mod template;
mod world;

pub(crate) use command::Errand;
pub use error::{PlanError, UpgradeError};
pub use plan::{Plan, is_version};
pub use runner::{Runner, Settings, Stop, UpgradeOutcome, UpgradeResult};
pub use step::{Action, Stage, Step, StepName};
pub use template::Template;

//! What a run is asked to do: a TOML file, overridden by flags, validated once.
//!
//! Unknown keys are errors with their position. Secrets are not part of a scenario: a scenario is
//! written into the run's manifest as it was resolved.

mod choice;
mod rate;
mod section;
mod span;
mod whole;

pub use choice::{Arrivals, Isolation, LoadModel, Product, RetryPolicy, Routing};
pub use rate::Rate;
pub use section::{Cluster, Control, Load, Objectives, PhaseObjectives, Timetable, Workload, Zone};
pub use span::Span;
pub(crate) use whole::has_any;
pub use whole::{Scenario, ScenarioError};

//! What a run is asked to do: a TOML file, overridden by flags, validated once.
//!
//! Unknown keys are errors with their position. Secrets are not part of a scenario: a scenario is
//! written into the run's manifest as it was resolved.

mod choice;
mod section;
mod span;
mod whole;

pub use choice::{Arrivals, Isolation, LoadModel, Product, RetryPolicy, Routing};
pub use section::{Cluster, Load, Objectives, Timetable, Workload, Zone};
pub use span::Span;
pub use whole::{Scenario, ScenarioError};

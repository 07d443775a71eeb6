//! Before against after: the records of two sides in, a [`Comparison`] out. Pure.
//!
//! Nothing here counts transactions as if each were an observation of its own: neighbours share
//! the cluster's mood. The unit is a block of time or, where each side has several runs, a whole
//! run. Of every unit `metric` takes a few figures; `estimate` turns the units of two sides into a
//! ratio with an interval; `judge` holds that against what `rules` tolerate. What cannot be
//! compared honestly is refused in `fitness`, with every reason. `around` is the same within one
//! run, for that run's own report.

mod around;
mod comparison;
mod error;
mod estimate;
mod facts;
mod fitness;
mod judge;
mod metric;
mod part;
mod rules;
mod section;
mod sentence;
mod student;
#[cfg(test)]
mod tests;
mod width;

pub use around::around_upgrade;
pub use comparison::{Comparison, RunInfo, compare};
pub use error::CompareError;
pub use estimate::Estimate;
pub use facts::Facts;
pub use judge::{Answer, Judged, Outcome};
pub use metric::{Metric, Quantity, Subject};
pub use part::{Pair, Part};
pub use rules::{Rules, Tolerance};
pub use section::{Section, Unit};

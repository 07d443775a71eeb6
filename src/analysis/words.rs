//! How figures are spelled for people, those of an analysis among them.

use super::latency::Quantile;
pub use crate::words::{
    count, counted, duration, moment, ratio, rfc3339, share, share_of, wall_date_time, wall_time,
};

/// A quantile; one that falls among failures is `> 5.00 s`, the deadline.
pub fn quantile(quantile: Quantile, deadline_us: u64) -> String {
    match quantile {
        Quantile::NoData => "-".to_owned(),
        Quantile::Us(us) => duration(us),
        Quantile::Never => format!("> {}", duration(deadline_us)),
    }
}

//! What the rest of the run is held against.

use crate::record::BaselineFigures;

use super::brownouts::slow_us;
use super::gaps::WriteGaps;
use super::latency::{Latency, Quantile};
use super::phases::{Phases, Role};

/// The figures of the run's own baseline; `None` when there was none, or it was so bad that it has
/// no p99. The pauses between its writes are yet to be filled in.
pub(super) fn measured(
    phases: &Phases,
    response: &Latency,
    writes: u64,
    write_service: &Latency,
) -> Option<BaselineFigures> {
    let (start, end) = phases.span(Role::Baseline)?;
    let (Quantile::Us(response_p50_us), Quantile::Us(response_p99_us)) =
        (response.quantile(0.5), response.quantile(0.99))
    else {
        return None;
    };
    let slow_us = slow_us(response_p99_us);
    Some(BaselineFigures {
        length_us: end.since_us(start),
        transactions: response.len(),
        writes,
        response_p50_us,
        response_p99_us,
        slow_us,
        slow: response.slower_than(slow_us),
        write_service_p99_us: match write_service.quantile(0.99) {
            Quantile::Us(us) => us,
            Quantile::NoData | Quantile::Never => 0,
        },
        write_pause_us: Default::default(),
    })
}

/// Name of the cluster's own pause in [`BaselineFigures::write_pause_us`].
pub(super) const CLUSTER: &str = "cluster";

/// Fills in the pauses once they are known.
pub(super) fn fill_in_pauses(figures: &mut BaselineFigures, writes: &WriteGaps) {
    let kinds = writes.kinds.iter().map(|of| (of.scope.to_string(), of.baseline_gap_us));
    figures.write_pause_us = kinds.collect();
    figures.write_pause_us.insert(CLUSTER.to_owned(), writes.cluster.baseline_gap_us);
}

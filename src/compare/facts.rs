//! What a part was like besides what is tested: plain facts, side by side.

use crate::analysis::{Analysis, Counts, OutageFigures, Quantile, Tally};

use super::part::Part;

/// Transactions from which on a p99.9 of all of them is told.
const P999_TRANSACTIONS_MIN: u64 = 100_000;

/// One side's facts of a part, over all its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Time, in µs.
    pub length_us: u64,
    /// Business transactions due in it, by how they ended.
    pub counts: Counts,
    /// The longest write gap that began in it: the outage behind it lasted between these, in µs.
    pub gap_us: Option<(u64, u64)>,
    /// No shorter gap is claimed, in µs.
    pub tau_us: u64,
    /// p99 of the client outages that began in it.
    pub outage_p99: Quantile,
    /// The longest of them.
    pub outage_max: Quantile,
    /// p99.9 of the response, of all transactions pooled; `None` of fewer than 100 000.
    pub p999: Option<Quantile>,
    /// The load's deadline, in µs: what never succeeded took longer.
    pub deadline_us: u64,
}

impl Facts {
    pub(super) fn of<'a>(runs: impl Iterator<Item = &'a Analysis>, part: Part) -> Self {
        let (mut total, mut outages) = (Tally::default(), OutageFigures::default());
        let (mut length_us, mut tau_us, mut gap_us, mut deadline_us) = (0, 0, None, 0);
        for analysis in runs {
            deadline_us = deadline_us.max(analysis.run.scenario.load.deadline.as_us());
            let cluster = &analysis.writes.cluster;
            for (index, phase) in part.phases(analysis) {
                length_us += phase.phase.length_us();
                total.add(&phase.total);
                outages.add(&phase.outages);
                tau_us = tau_us.max(cluster.tau_us.get(index).copied().unwrap_or(0));
                let own = cluster.gaps.iter().filter(|gap| gap.phase == index);
                let own = own.map(|gap| (gap.outage_us.1, gap.outage_us.0)).max();
                gap_us = gap_us.max(own);
            }
        }
        let enough = total.response.len() >= P999_TRANSACTIONS_MIN;
        Self {
            length_us,
            counts: total.counts,
            gap_us: gap_us.map(|(most, least)| (least, most)),
            tau_us,
            outage_p99: outages.lengths.quantile(0.99),
            outage_max: outages.lengths.max(),
            p999: enough.then(|| total.response.quantile(0.999)),
            deadline_us,
        }
    }
}

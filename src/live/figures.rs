//! A copy of everything that is counted, for the metrics.

use super::state::{ErrorTrack, OwnTrack, ZoneTrack};
use super::tally::{KindTally, PhaseTally};
use super::view::View;
use crate::event::TxnKind;

/// The board at one moment, with what the view leaves out.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) view: View,
    pub(super) tallies: Vec<PhaseTally>,
    pub(super) zones: Vec<ZoneTrack>,
    /// By class.
    pub(super) errors: Vec<ErrorTrack>,
    pub(super) own: OwnTrack,
}

impl Figures {
    /// Every phase so far with its label, as `zone2/stop-server`.
    pub(super) fn phases(&self) -> impl Iterator<Item = (String, &PhaseTally)> {
        let zones = &self.view.subject.zones;
        self.tallies.iter().map(|tally| (tally.name.label(zones).to_string(), tally))
    }

    /// Every kind of transaction over all phases.
    pub(super) fn by_kind(&self) -> impl Iterator<Item = (TxnKind, KindTally)> {
        self.kinds().iter().map(|&kind| {
            let mut sum = KindTally::default();
            self.tallies.iter().for_each(|phase| sum.add(&phase.kinds[kind.index()]));
            (kind, sum)
        })
    }

    /// Every kind of transaction in every phase.
    pub(super) fn by_phase(&self) -> impl Iterator<Item = (String, TxnKind, &KindTally)> {
        self.phases().flat_map(|(label, phase)| {
            let of = move |&kind: &TxnKind| (label.clone(), kind, &phase.kinds[kind.index()]);
            self.kinds().iter().map(of)
        })
    }

    fn kinds(&self) -> &'static [TxnKind] {
        if self.view.subject.loads { TxnKind::LOAD } else { TxnKind::TRANSACTIONS }
    }
}

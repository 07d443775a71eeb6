//! What terminals saw of a district's newest order, and whether it ever went back.
//!
//! Nothing takes an order back, so whoever has seen order 3124 must never see order 3120 as the
//! newest. In one zone that holds for every product; right after a move to another zone it holds
//! where the product promises it, so there it is counted, and held against the cluster where the
//! scenario demands it.

use std::collections::BTreeMap;

use crate::event::{Attempt, Fate, LedgerEntry, RunTime, WriteKey, ZoneId};
use crate::record::{Finding, FindingKind};

use super::data::{Tallied, ZoneCheck};
use super::per_terminal::PerTerminal;
use super::words;

/// How often order numbers were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SightCounts {
    /// Committed New-Orders and Stock-Levels: each saw a district's newest order.
    pub sights: u64,
    /// Of those, the first after the terminal had moved to another zone.
    pub moved: u64,
    /// Sights of less than the terminal had seen before in another zone.
    pub behind: u64,
}

/// Collects what terminals saw. The rows of one terminal must come in its own order, as they do in
/// a record: it sends them one after the other. Memory grows with terminals, their districts and
/// their moves.
#[derive(Debug)]
pub(super) struct Sights {
    names: Vec<String>,
    demanded: bool,
    terminals: PerTerminal<Seen>,
    counts: SightCounts,
    /// By zone.
    went_back: Vec<Tallied>,
    behind: Vec<Tallied>,
}

/// What one terminal saw.
#[derive(Debug, Default)]
struct Seen {
    /// From which transaction on it was in a zone.
    stays: Vec<(u64, Option<ZoneId>)>,
    /// Where it saw something last.
    last_zone: Option<Option<ZoneId>>,
    /// By warehouse and district.
    newest: BTreeMap<(u32, u32), Newest>,
}

impl Seen {
    fn zone_of(&self, sequence: u64) -> Option<ZoneId> {
        let next = self.stays.partition_point(|(from, _)| *from <= sequence);
        self.stays[..next].last()?.1
    }
}

/// The newest order of a district that a terminal has seen.
#[derive(Debug, Default)]
struct Newest {
    anywhere: Option<Sight>,
    /// In each zone; few.
    by_zone: Vec<Sight>,
}

#[derive(Debug, Clone, Copy)]
struct Sight {
    order: u64,
    at: RunTime,
    /// `None` behind a proxy: any zone.
    zone: Option<ZoneId>,
}

impl Sights {
    /// For zones of these names. `demanded`: a moved terminal must see what it saw before.
    pub(super) fn new(names: Vec<String>, demanded: bool) -> Self {
        let tallies = || names.iter().map(|_| Tallied::default()).collect();
        let (went_back, behind) = (tallies(), tallies());
        Self {
            demanded,
            terminals: PerTerminal::default(),
            counts: SightCounts::default(),
            went_back,
            behind,
            names,
        }
    }

    /// Learns which zone a terminal was in.
    pub(super) fn attempt(&mut self, shard: usize, attempt: &Attempt) {
        let stays = &mut self.terminals.of((shard, attempt.terminal)).stays;
        if stays.last().is_none_or(|(_, zone)| *zone != attempt.zone) {
            stays.push((attempt.sequence, attempt.zone));
        }
    }

    /// Takes the next entry of a ledger; every attempt must have been taken before.
    pub(super) fn entry(&mut self, shard: usize, entry: &LedgerEntry) {
        let (district, order) = match entry.key {
            _ if entry.fate != Fate::Acknowledged => return,
            WriteKey::NewOrder { district, order, .. } => (district, order),
            WriteKey::Sight { district, newest } => (district, newest),
            WriteKey::Payment { .. } | WriteKey::Delivery { .. } => return,
        };
        let seen = self.terminals.of((shard, entry.terminal));
        let zone = seen.zone_of(entry.sequence);
        let sight = Sight { order, at: entry.at, zone };
        self.counts.sights += 1;
        let last = seen.last_zone.replace(zone);
        self.counts.moved += u64::from(last.is_some_and(|last| last != zone));

        let newest = seen.newest.entry((entry.warehouse, district)).or_default();
        let here = zone.and_then(|_| newest.by_zone.iter_mut().find(|seen| seen.zone == zone));
        // An order's own number is one more than any seen before it.
        let least = |seen: &Sight| seen.order.saturating_add(u64::from(entry.key.is_write()));
        let place = zone.map_or(0, ZoneId::index);
        let finding = |before: &Sight| went_back(&self.names, entry, district, &sight, before);
        if let Some(before) = here.as_deref().filter(|before| order < least(before)) {
            if let Some(tally) = self.went_back.get_mut(place) {
                tally.add(|| finding(before));
            }
        } else if let Some(before) = newest.anywhere.as_ref().filter(|before| order < least(before))
        {
            self.counts.behind += 1;
            // A proxy stands in for the first zone.
            if let Some(tally) = self.behind.get_mut(place) {
                tally.add(|| finding(before));
            }
        }
        match here {
            Some(here) if here.order < order => *here = sight,
            Some(_) => {}
            None => newest.by_zone.push(sight),
        }
        if newest.anywhere.is_none_or(|seen| seen.order < order) {
            newest.anywhere = Some(sight);
        }
    }

    /// The counts, and a check a zone.
    pub(super) fn finish(self) -> (SightCounts, Vec<ZoneCheck>) {
        let detail = format!("{} seen", words::counted(self.counts.sights, "order number"));
        let title = "the order numbers that a terminal sees in a zone never go back";
        let mut checks = Vec::new();
        if self.counts.sights > 0 {
            checks.extend(results(self.went_back, "monotonic-reads", title, &detail));
            if self.demanded {
                let title = "a terminal that moved here sees what it had seen elsewhere";
                checks.extend(results(self.behind, "reads-after-move", title, &detail));
            }
        }
        (self.counts, checks)
    }
}

fn results<'a>(
    zones: Vec<Tallied>,
    check: &'a str,
    title: &'a str,
    detail: &'a str,
) -> impl Iterator<Item = ZoneCheck> + 'a {
    (0..).map(ZoneId).zip(zones).map(move |(zone, tallied)| {
        let check = tallied.result(check, title, detail.to_owned());
        ZoneCheck { zone, check }
    })
}

fn went_back(
    names: &[String],
    entry: &LedgerEntry,
    district: u32,
    sight: &Sight,
    before: &Sight,
) -> Finding {
    let place = |zone: Option<ZoneId>| {
        zone.and_then(|zone| names.get(zone.index())).map_or("the proxy", String::as_str)
    };
    let (terminal, w) = (entry.terminal, entry.warehouse);
    let what = if entry.key.is_write() { "an order after" } else { "order" };
    Finding {
        kind: FindingKind::Stale,
        key: format!("terminal {terminal} (w {w}, d {district}) at {}", words::moment(sight.at)),
        expected: format!(
            "{what} {} or later, as seen at {} in {}",
            before.order,
            words::moment(before.at),
            place(before.zone)
        ),
        found: format!("order {} in {}", sight.order, place(sight.zone)),
        sql: format!(
            "SELECT d_next_o_id - 1 FROM district WHERE d_w_id = {w} AND d_id = {district}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ErrorCode, Outcome, TxnKind};
    use crate::record::DataVerdict;

    /// Sights of terminal 5 in district 3, each as (zone, order, whether it is its own new order).
    fn seen(demanded: bool, sights: &[(u8, u64, bool)]) -> (SightCounts, Vec<ZoneCheck>) {
        let mut all = Sights::new(vec!["zone1".to_owned(), "zone2".to_owned()], demanded);
        for (sequence, (zone, ..)) in (0..).zip(sights) {
            all.attempt(
                0,
                &Attempt {
                    terminal: 5,
                    sequence,
                    attempt: 0,
                    last: true,
                    kind: TxnKind::StockLevel,
                    warehouse: 1,
                    scheduled: RunTime(sequence),
                    start: RunTime(sequence),
                    end: RunTime(sequence),
                    zone: Some(ZoneId(*zone)),
                    outcome: Outcome::Committed,
                    code: ErrorCode::NONE,
                    statement: None,
                },
            );
        }
        for (sequence, &(_, order, own)) in (0..).zip(sights) {
            let key = match own {
                true => WriteKey::NewOrder { district: 3, order, customer: 1, entered_us: 0 },
                false => WriteKey::Sight { district: 3, newest: order },
            };
            let (at, fate) = (RunTime(sequence), Fate::Acknowledged);
            all.entry(0, &LedgerEntry { terminal: 5, sequence, warehouse: 1, at, fate, key });
        }
        all.finish()
    }

    fn failed(checks: &[ZoneCheck]) -> Vec<(&str, u8, u64)> {
        let failed = checks.iter().filter(|check| check.check.verdict == DataVerdict::Fail);
        failed.map(|of| (of.check.check.as_str(), of.zone.0, of.check.violations)).collect()
    }

    #[test]
    fn numbers_that_rise_or_stay_are_fine() {
        let (counts, checks) =
            seen(true, &[(0, 7, false), (0, 7, false), (0, 9, true), (1, 9, false)]);
        assert_eq!(counts, SightCounts { sights: 4, moved: 1, behind: 0 });
        assert_eq!((failed(&checks), checks.len()), (vec![], 4));
    }

    #[test]
    fn a_number_that_goes_back_in_one_zone_is_found_there() {
        let (_, checks) = seen(false, &[(1, 9, true), (1, 8, false)]);
        assert_eq!(failed(&checks), [("monotonic-reads", 1, 1)]);
        let finding = &checks[1].check.findings[0];
        assert_eq!(finding.key, "terminal 5 (w 1, d 3) at 0.0 s");
        assert_eq!(finding.expected, "order 9 or later, as seen at 0.0 s in zone2");
        assert_eq!(finding.found, "order 8 in zone2");
        // A number that was seen taken and is given again.
        let (_, checks) = seen(false, &[(1, 9, false), (1, 9, true)]);
        assert_eq!(failed(&checks), [("monotonic-reads", 1, 1)]);
    }

    #[test]
    fn being_behind_after_a_move_counts_only_where_it_is_demanded() {
        let sights = [(0, 9, true), (1, 7, false), (1, 8, false), (0, 9, false)];
        let (counts, checks) = seen(false, &sights);
        assert_eq!(counts, SightCounts { sights: 4, moved: 2, behind: 2 });
        assert_eq!(failed(&checks), []);
        let (_, checks) = seen(true, &sights);
        assert_eq!(failed(&checks), [("reads-after-move", 1, 2)]);
    }
}

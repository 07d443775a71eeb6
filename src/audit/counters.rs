//! Counters: how far they moved against how far what took effect must have moved them.

use std::collections::HashMap;

use super::compare::Findings;
use super::start::Start;
use crate::record::{Finding, FindingKind};
use crate::tpcc::money::Cents;

/// Whether every `d_next_o_id` stands where the orders that took effect have brought it.
pub(super) fn counted_orders(
    start: &Start,
    effective: &HashMap<(u32, u32), u64>,
    next: &HashMap<(u32, u32), u64>,
) -> (Findings, String) {
    let mut findings = Findings::default();
    for begun in &start.warehouses {
        for (district, began_at) in (1..).zip(begun.next_order) {
            let key = (begun.warehouse, district);
            let moved = effective.get(&key).copied().unwrap_or(0);
            let found = next.get(&key).copied();
            if found == Some(began_at + moved) {
                continue;
            }
            let (w, d) = key;
            findings.add(|| Finding {
                kind: FindingKind::Inconsistent,
                key: format!("d_next_o_id (w {w}, d {d})"),
                expected: format!("{} = {began_at} + {moved} orders", began_at + moved),
                found: found.map_or_else(|| "no district".to_owned(), |next| next.to_string()),
                sql: format!("SELECT d_next_o_id FROM district WHERE d_w_id = {w} AND d_id = {d}"),
            });
        }
    }
    let total: u64 = effective.values().sum();
    (findings, format!("{total} orders took effect"))
}

/// Whether every `w_ytd` stands where the payments that took effect have brought it.
pub(super) fn counted_payments(
    start: &Start,
    effective: &HashMap<u32, Cents>,
    ytd: &HashMap<u32, Cents>,
) -> (Findings, String) {
    let mut findings = Findings::default();
    for begun in &start.warehouses {
        let w = begun.warehouse;
        let paid = effective.get(&w).copied().unwrap_or_default();
        let expected = Cents(begun.ytd_cents + paid.0);
        let found = ytd.get(&w).copied();
        if found != Some(expected) {
            findings.add(|| Finding {
                kind: FindingKind::Inconsistent,
                key: format!("w_ytd (w {w})"),
                expected: format!("{expected} = {} + {paid}", Cents(begun.ytd_cents)),
                found: found.map_or_else(|| "no warehouse".to_owned(), |ytd| ytd.to_string()),
                sql: format!("SELECT w_ytd FROM warehouse WHERE w_id = {w}"),
            });
        }
    }
    let total = effective.values().map(|cents| cents.0).sum();
    (findings, format!("{} was paid", Cents(total)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::WarehouseStart;

    fn start() -> Start {
        let warehouse = WarehouseStart {
            warehouse: 1,
            ytd_cents: 30_000_000,
            next_order: [3001; 10],
            oldest_undelivered: [2101; 10],
        };
        Start { taken_at: jiff::Timestamp::UNIX_EPOCH, warehouses: vec![warehouse] }
    }

    #[test]
    fn a_district_that_moved_otherwise_or_is_gone_is_found() {
        let effective = HashMap::from([((1, 2), 5)]);
        let mut next: HashMap<_, _> = (1..=10).map(|d| ((1, d), 3001)).collect();
        next.insert((1, 2), 3006);
        assert_eq!(counted_orders(&start(), &effective, &next).0.total, 0);
        next.insert((1, 2), 3007);
        next.remove(&(1, 9));
        let found: Vec<_> = counted_orders(&start(), &effective, &next)
            .0
            .first
            .into_iter()
            .map(|finding| (finding.key, finding.found))
            .collect();
        let expected =
            [("d_next_o_id (w 1, d 2)", "3007"), ("d_next_o_id (w 1, d 9)", "no district")];
        assert_eq!(found, expected.map(|(key, found)| (key.to_owned(), found.to_owned())));
    }

    #[test]
    fn a_cent_too_much_is_found() {
        let effective = HashMap::from([(1, Cents(1234))]);
        let counted =
            |ytd| counted_payments(&start(), &effective, &HashMap::from([(1, Cents(ytd))]));
        assert_eq!(counted(30_001_234).0.total, 0);
        let (findings, _) = counted(30_001_235);
        assert_eq!(findings.total, 1);
        assert!(findings.first[0].expected.starts_with("300012.34"), "{findings:?}");
    }
}

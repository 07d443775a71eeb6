//! Counters: how far they moved against how far what took effect must have moved them.

use std::collections::HashMap;

use super::compare::Findings;
use super::rows::{CustomersSeen, Paid, Ytds};
use super::start::{CustomerSums, Start};
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

/// Whether every `w_ytd` and `d_ytd` stands where the payments that took effect have brought it.
pub(super) fn counted_payments(start: &Start, paid: &Paid, ytds: &Ytds) -> (Findings, String) {
    let mut findings = Findings::default();
    for begun in &start.warehouses {
        let w = begun.warehouse;
        moved(
            &mut findings,
            begun.ytd_cents,
            paid.to_warehouse(w),
            ytds.warehouses.get(&w),
            || {
                let sql = format!("SELECT w_ytd FROM warehouse WHERE w_id = {w}");
                (format!("w_ytd (w {w})"), sql)
            },
        );
        for (d, began_at) in (1..).zip(begun.district_ytd_cents.into_iter().flatten()) {
            let amount = paid.amounts.get(&(w, d)).copied().unwrap_or_default();
            moved(&mut findings, began_at, amount, ytds.districts.get(&(w, d)), || {
                let sql = format!("SELECT d_ytd FROM district WHERE d_w_id = {w} AND d_id = {d}");
                (format!("d_ytd (w {w}, d {d})"), sql)
            });
        }
    }
    (findings, format!("{} was paid", paid.total()))
}

/// Holds an amount against where it began and by how much it was to move.
fn moved(
    findings: &mut Findings,
    began_at: i64,
    by: Cents,
    found: Option<&Cents>,
    place: impl FnOnce() -> (String, String),
) {
    let expected = Cents(began_at + by.0);
    if found == Some(&expected) {
        return;
    }
    findings.add(|| {
        let (key, sql) = place();
        Finding {
            kind: FindingKind::Inconsistent,
            key,
            expected: format!("{expected} = {} + {by}", Cents(began_at)),
            found: found.map_or_else(|| "nothing".to_owned(), Cents::to_string),
            sql,
        }
    });
}

/// Whether all customers together stand where the payments and deliveries that took effect have
/// brought them; `None` when the start does not say where they began. Which customer is wrong is
/// what the conditions on customers say.
pub(super) fn counted_customers(
    start: &Start,
    paid: &Paid,
    seen: &CustomersSeen,
) -> Option<(Findings, String)> {
    let mut began = CustomerSums::default();
    for begun in &start.warehouses {
        began.add(begun.customers?);
    }
    let (amount, delivered) = (paid.total(), seen.delivered);
    let mut findings = Findings::default();
    let all = |column| {
        (format!("{column} of all customers"), format!("SELECT SUM({column}) FROM customer"))
    };
    let balance = Cents(seen.sums.balance_cents);
    let gained = Cents(delivered.0 - amount.0);
    moved(&mut findings, began.balance_cents, gained, Some(&balance), || all("c_balance"));
    let total = Cents(seen.sums.paid_cents);
    moved(&mut findings, began.paid_cents, amount, Some(&total), || all("c_ytd_payment"));
    if seen.sums.payments != began.payments + paid.count {
        let (key, sql) = all("c_payment_cnt");
        findings.add(|| Finding {
            kind: FindingKind::Inconsistent,
            key,
            expected: format!(
                "{} = {} + {}",
                began.payments + paid.count,
                began.payments,
                paid.count
            ),
            found: seen.sums.payments.to_string(),
            sql,
        });
    }
    Some((findings, format!("{amount} was paid, {delivered} delivered")))
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
            district_ytd_cents: Some([3_000_000; 10]),
            customers: Some(CustomerSums {
                balance_cents: -300_000,
                paid_cents: 300_000,
                payments: 30_000,
            }),
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

    fn paid(amount: i64) -> Paid {
        Paid { count: 1, amounts: HashMap::from([((1, 2), Cents(amount))]) }
    }

    #[test]
    fn a_cent_too_much_is_found() {
        let counted = |w, d| {
            let mut districts: HashMap<_, _> =
                (1..=10).map(|d| ((1, d), Cents(3_000_000))).collect();
            districts.insert((1, 2), Cents(d));
            let ytds = Ytds { warehouses: HashMap::from([(1, Cents(w))]), districts };
            counted_payments(&start(), &paid(1234), &ytds).0
        };
        assert_eq!(counted(30_001_234, 3_001_234).total, 0);
        let findings = counted(30_001_235, 3_001_234);
        assert_eq!((findings.total, findings.first[0].key.as_str()), (1, "w_ytd (w 1)"));
        assert!(findings.first[0].expected.starts_with("300012.34"), "{findings:?}");
        let findings = counted(30_001_234, 3_001_233);
        assert_eq!((findings.total, findings.first[0].key.as_str()), (1, "d_ytd (w 1, d 2)"));
    }

    #[test]
    fn customers_moved_by_payments_and_deliveries_to_the_cent() {
        let counted = |balance_cents, paid_cents, payments| {
            let sums = CustomerSums { balance_cents, paid_cents, payments };
            let seen = CustomersSeen { sums, delivered: Cents(5_000) };
            counted_customers(&start(), &paid(1234), &seen).unwrap().0.first
        };
        assert_eq!(counted(-300_000 + 5_000 - 1234, 300_000 + 1234, 30_001), []);
        let keys = |first: Vec<Finding>| first.into_iter().map(|f| f.key).collect::<Vec<_>>();
        assert_eq!(keys(counted(-296_233, 301_234, 30_001)), ["c_balance of all customers"]);
        assert_eq!(keys(counted(-296_234, 301_234, 30_000)), ["c_payment_cnt of all customers"]);
        let mut old = start();
        old.warehouses[0].customers = None;
        assert!(counted_customers(&old, &paid(1234), &CustomersSeen::default()).is_none());
    }
}

//! The consistency conditions: clause 3.3.2.1 to 3.3.2.12 and those of our own.
//!
//! Each is one query that returns the places where it does not hold: no rows, it passes. Two traps
//! are avoided throughout. An inner join passes when a whole district is missing, so the side that
//! must exist is on the left of an outer join, and the condition `cardinalities` counts it. And
//! `<>` against NULL is never true, so sums and counts are compared through COALESCE, and values
//! that may be NULL through `<=>`.
//!
//! After an hour's load these queries are most of an audit. Where two tables are held against each
//! other by a key that one of them is not sorted by, both are put below each other and summed by it:
//! one sort, where a join would look up a million groups in a temporary table on disk. `/*M! … */`
//! makes MariaDB sort, and is a comment to all others. Right after a load most amounts and counters
//! are zero: what adds nothing to a sum is left out before it is sorted.

use tokio::time::Instant;

use super::scale::{CUSTOMERS, DISTRICTS, FIRST_UNDELIVERED, ITEMS, ORDERS};
use crate::event::StatementKind;
use crate::session::{Failure, Session, Statement, cell};

/// The part of the data that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All warehouses.
    All,
    /// One warehouse.
    Warehouse(u32),
    /// One district of a warehouse. Sums over a whole warehouse are still taken over all of it.
    District(u32, u32),
}

/// When a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// At any moment, in one snapshot.
    Always,
    /// Right after the load only.
    AfterLoad,
}

/// One named condition.
#[derive(Debug, Clone, Copy)]
pub struct Condition {
    /// Stable name, as `condition-3`.
    pub id: &'static str,
    /// What it states, in one line.
    pub title: &'static str,
    /// When it holds.
    pub holds: Holds,
    /// Whether it is cheap for one district: one of those watched once a second during a run.
    pub watched: bool,
    /// Names of those that imply it: where all of them hold in one state, it holds in that too, and
    /// who only has to know that all hold need not ask. None: nothing else implies it.
    pub follows_from: &'static [&'static str],
    /// Returns `place`, `expected`, `found`. `{x}` stands for "warehouse and district of the
    /// table with column prefix x are in the extent", `{x/w}` for its warehouse alone.
    template: &'static str,
}

/// A place where a condition does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as `w 3, d 7, o 3124`.
    pub place: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// What a condition's query found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations {
    /// How many places in all.
    pub total: u64,
    /// The first of them.
    pub first: Vec<Violation>,
}

/// Places a query returns in full.
pub const PLACES_MAX: usize = 5;

impl Condition {
    /// The query for a part of the data, on a database of `warehouses`.
    pub fn sql(&self, extent: Extent, warehouses: u32) -> String {
        let inner = fill(self.template, extent, warehouses);
        format!(
            "SELECT place, COALESCE(expected, 'NULL'), COALESCE(found, 'NULL'), COUNT(*) OVER () \
             FROM ({inner}) AS violation ORDER BY place LIMIT {PLACES_MAX}"
        )
    }

    /// Asks whether the condition holds, in the session's current transaction.
    ///
    /// # Errors
    /// When the query could not be answered: nothing is known then.
    pub async fn check(
        &self,
        session: &mut Session,
        extent: Extent,
        warehouses: u32,
        by: Instant,
    ) -> Result<Violations, Failure> {
        let statement = Statement::built(StatementKind::Read, self.sql(extent, warehouses));
        let mut violations = Violations::default();
        for row in session.query(&statement, by).await?.rows {
            violations.total = cell(&row, 3)?;
            violations.first.push(Violation {
                place: cell(&row, 0)?,
                expected: cell(&row, 1)?,
                found: cell(&row, 2)?,
            });
        }
        Ok(violations)
    }
}

/// The condition of that name.
pub fn find(id: &str) -> Option<&'static Condition> {
    CONDITIONS.iter().find(|condition| condition.id == id)
}

/// Replaces the marks of a template.
fn fill(template: &str, extent: Extent, warehouses: u32) -> String {
    let mut sql = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, mark_on)) = rest.split_once('{') {
        let (mark, after) = mark_on.split_once('}').expect("every mark of a template is closed");
        sql.push_str(before);
        sql.push_str(&value(mark, extent, warehouses));
        rest = after;
    }
    sql.push_str(rest);
    sql
}

fn value(mark: &str, extent: Extent, warehouses: u32) -> String {
    let every = |number: u32| (1..=number).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    match mark {
        // Lists, so that a server looks up the few rows it needs in each district instead of
        // reading a whole table once for every warehouse.
        "every-warehouse" => return every(warehouses),
        "every-district" => return every(DISTRICTS),
        _ => {}
    }
    let constant = match mark {
        "warehouses" => Some(warehouses),
        "items" => Some(ITEMS),
        "districts" => Some(DISTRICTS),
        "customers" => Some(CUSTOMERS),
        "orders" => Some(ORDERS),
        "delivered" => Some(FIRST_UNDELIVERED - 1),
        _ => None,
    };
    if let Some(constant) = constant {
        return constant.to_string();
    }
    // `w_id`, not `w_w_id`: the warehouse table is the one whose own number it is.
    let warehouse_of = |prefix| match prefix {
        "w" => "w_id".to_owned(),
        "ol_supply" => "ol_supply_w_id".to_owned(),
        other => format!("{other}_w_id"),
    };
    let district_of = |prefix| match prefix {
        "d" => "d_id".to_owned(),
        other => format!("{other}_d_id"),
    };
    match (mark.split_once('/'), extent) {
        (_, Extent::All) => "1 = 1".to_owned(),
        (Some((prefix, _)), Extent::Warehouse(w) | Extent::District(w, _)) => {
            format!("{} = {w}", warehouse_of(prefix))
        }
        (None, Extent::Warehouse(w)) => format!("{} = {w}", warehouse_of(mark)),
        (None, Extent::District(w, d)) => {
            format!("{} = {w} AND {} = {d}", warehouse_of(mark), district_of(mark))
        }
    }
}

const fn always(id: &'static str, title: &'static str, template: &'static str) -> Condition {
    Condition { id, title, holds: Holds::Always, watched: false, follows_from: &[], template }
}

const fn watched(id: &'static str, title: &'static str, template: &'static str) -> Condition {
    Condition { watched: true, ..always(id, title, template) }
}

/// All conditions: the twelve of the specification first.
pub const CONDITIONS: &[Condition] = &[
    watched(
        "condition-1",
        "w_ytd is the sum of d_ytd",
        "SELECT CONCAT('w ', w_id) AS place, CAST(COALESCE(total, 0) AS CHAR) AS expected, CAST(w_ytd AS CHAR) AS found \
         FROM warehouse LEFT JOIN (SELECT d_w_id, SUM(d_ytd) AS total FROM district WHERE {d/w} GROUP BY d_w_id) AS districts \
         ON d_w_id = w_id WHERE {w/w} AND w_ytd <> COALESCE(total, 0)",
    ),
    watched(
        "condition-2",
        "d_next_o_id - 1 is the highest order, and the highest undelivered one where there is any",
        "SELECT CONCAT('w ', d_w_id, ', d ', d_id) AS place, CAST(d_next_o_id - 1 AS CHAR) AS expected, \
         CONCAT('order ', COALESCE(highest, 'none'), ', new order ', COALESCE(newest, 'none')) AS found \
         FROM district \
         LEFT JOIN (SELECT o_w_id, o_d_id, MAX(o_id) AS highest FROM orders WHERE {o} GROUP BY o_w_id, o_d_id) AS o \
         ON o_w_id = d_w_id AND o_d_id = d_id \
         LEFT JOIN (SELECT no_w_id, no_d_id, MAX(no_o_id) AS newest FROM new_order WHERE {no} GROUP BY no_w_id, no_d_id) AS n \
         ON no_w_id = d_w_id AND no_d_id = d_id \
         WHERE {d} AND (d_next_o_id - 1 <> COALESCE(highest, 0) OR d_next_o_id - 1 <> COALESCE(newest, d_next_o_id - 1))",
    ),
    watched(
        "condition-3",
        "undelivered orders of a district have no gap",
        "SELECT CONCAT('w ', no_w_id, ', d ', no_d_id) AS place, \
         CAST(MAX(no_o_id) - MIN(no_o_id) + 1 AS CHAR) AS expected, CAST(COUNT(*) AS CHAR) AS found \
         FROM new_order WHERE {no} GROUP BY no_w_id, no_d_id HAVING MAX(no_o_id) - MIN(no_o_id) + 1 <> COUNT(*)",
    ),
    // Every line has an order, and every order as many lines as it promised.
    Condition {
        follows_from: &["condition-6", "condition-7"],
        ..always(
            "condition-4",
            "the sum of o_ol_cnt is the number of order lines",
            "SELECT CONCAT('w ', d_w_id, ', d ', d_id) AS place, CAST(promised AS CHAR) AS expected, \
             CAST(present AS CHAR) AS found FROM (SELECT d_w_id, d_id, \
             (SELECT COALESCE(SUM(o_ol_cnt), 0) FROM orders WHERE o_w_id = d_w_id AND o_d_id = d_id) AS promised, \
             (SELECT COUNT(*) FROM order_line WHERE ol_w_id = d_w_id AND ol_d_id = d_id) AS present \
             FROM district WHERE {d}) AS counted WHERE promised <> present",
        )
    },
    watched(
        "condition-5",
        "an order has no carrier exactly when it is in new_order",
        "SELECT CONCAT('w ', o_w_id, ', d ', o_d_id, ', o ', o_id) AS place, \
         CASE WHEN no_o_id IS NULL THEN 'a carrier' ELSE 'no carrier' END AS expected, \
         CAST(o_carrier_id AS CHAR) AS found \
         FROM orders LEFT JOIN new_order ON no_w_id = o_w_id AND no_d_id = o_d_id AND no_o_id = o_id \
         WHERE {o} AND (o_carrier_id IS NULL) <> (no_o_id IS NOT NULL)",
    ),
    watched(
        "condition-6",
        "o_ol_cnt is the number of the order's lines",
        "SELECT CONCAT('w ', o_w_id, ', d ', o_d_id, ', o ', o_id) AS place, CAST(MAX(o_ol_cnt) AS CHAR) AS expected, \
         CAST(COUNT(ol_number) AS CHAR) AS found FROM orders \
         LEFT JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id \
         WHERE {o} GROUP BY o_w_id, o_d_id, o_id HAVING MAX(o_ol_cnt) <> COUNT(ol_number)",
    ),
    watched(
        "condition-7",
        "a line has an order, and no delivery date exactly when that has no carrier",
        "SELECT CONCAT('w ', ol_w_id, ', d ', ol_d_id, ', o ', ol_o_id, ', line ', ol_number) AS place, \
         CASE WHEN o_id IS NULL THEN 'an order' WHEN o_carrier_id IS NULL THEN 'no date' ELSE 'a date' END AS expected, \
         CAST(ol_delivery_d AS CHAR) AS found \
         FROM order_line LEFT JOIN orders ON o_w_id = ol_w_id AND o_d_id = ol_d_id AND o_id = ol_o_id \
         WHERE {ol} AND (o_id IS NULL OR (ol_delivery_d IS NULL) <> (o_carrier_id IS NULL))",
    ),
    always(
        "condition-8",
        "w_ytd is the sum of the warehouse's payments",
        "SELECT CONCAT('w ', w_id) AS place, CAST(COALESCE(total, 0) AS CHAR) AS expected, CAST(w_ytd AS CHAR) AS found \
         FROM warehouse LEFT JOIN (SELECT h_w_id, SUM(h_amount) AS total FROM history WHERE {h/w} GROUP BY h_w_id) AS payments \
         ON h_w_id = w_id WHERE {w/w} AND w_ytd <> COALESCE(total, 0)",
    ),
    always(
        "condition-9",
        "d_ytd is the sum of the district's payments",
        "SELECT CONCAT('w ', d_w_id, ', d ', d_id) AS place, CAST(COALESCE(total, 0) AS CHAR) AS expected, \
         CAST(d_ytd AS CHAR) AS found FROM district \
         LEFT JOIN (SELECT h_w_id, h_d_id, SUM(h_amount) AS total FROM history WHERE {h} GROUP BY h_w_id, h_d_id) AS payments \
         ON h_w_id = d_w_id AND h_d_id = d_id WHERE {d} AND d_ytd <> COALESCE(total, 0)",
    ),
    // Balance and payments are the delivered lines, and payments are what history says.
    Condition {
        follows_from: &["condition-12", "customer-counts"],
        ..always(
            "condition-10",
            "c_balance is delivered order lines less payments",
            "SELECT CONCAT('w ', c_w_id, ', d ', c_d_id, ', c ', c_id) AS place, \
             CAST(COALESCE(delivered, 0) - COALESCE(paid, 0) AS CHAR) AS expected, CAST(c_balance AS CHAR) AS found \
             FROM customer \
             LEFT JOIN (SELECT o_w_id, o_d_id, o_c_id, SUM(ol_amount) AS delivered \
             FROM orders JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id \
             WHERE {o} AND {ol} AND ol_delivery_d IS NOT NULL AND ol_amount <> 0 GROUP BY o_w_id, o_d_id, o_c_id) AS deliveries \
             ON o_w_id = c_w_id AND o_d_id = c_d_id AND o_c_id = c_id \
             LEFT JOIN (SELECT h_c_w_id, h_c_d_id, h_c_id, SUM(h_amount) AS paid FROM history WHERE {h_c} \
             GROUP BY h_c_w_id, h_c_d_id, h_c_id) AS payments \
             ON h_c_w_id = c_w_id AND h_c_d_id = c_d_id AND h_c_id = c_id \
             WHERE {c} AND c_balance <> COALESCE(delivered, 0) - COALESCE(paid, 0)",
        )
    },
    Condition {
        holds: Holds::AfterLoad,
        ..always(
            "condition-11",
            "2100 orders of every district are delivered",
            "SELECT CONCAT('w ', d_w_id, ', d ', d_id) AS place, '{delivered}' AS expected, \
             CAST(COALESCE(ordered, 0) - COALESCE(undelivered, 0) AS CHAR) AS found FROM district \
             LEFT JOIN (SELECT o_w_id, o_d_id, COUNT(*) AS ordered FROM orders WHERE {o} GROUP BY o_w_id, o_d_id) AS o \
             ON o_w_id = d_w_id AND o_d_id = d_id \
             LEFT JOIN (SELECT no_w_id, no_d_id, COUNT(*) AS undelivered FROM new_order WHERE {no} GROUP BY no_w_id, no_d_id) AS n \
             ON no_w_id = d_w_id AND no_d_id = d_id \
             WHERE {d} AND COALESCE(ordered, 0) - COALESCE(undelivered, 0) <> {delivered}",
        )
    },
    always(
        "condition-12",
        "c_balance and c_ytd_payment together are the delivered order lines",
        "SELECT CONCAT('w ', c_w_id, ', d ', c_d_id, ', c ', c_id) AS place, \
         CAST(COALESCE(delivered, 0) AS CHAR) AS expected, CAST(c_balance + c_ytd_payment AS CHAR) AS found \
         FROM customer \
         LEFT JOIN (SELECT o_w_id, o_d_id, o_c_id, SUM(ol_amount) AS delivered \
         FROM orders JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id \
         WHERE {o} AND {ol} AND ol_delivery_d IS NOT NULL AND ol_amount <> 0 GROUP BY o_w_id, o_d_id, o_c_id) AS deliveries \
         ON o_w_id = c_w_id AND o_d_id = c_d_id AND o_c_id = c_id \
         WHERE {c} AND c_balance + c_ytd_payment <> COALESCE(delivered, 0)",
    ),
    always(
        "cardinalities",
        "warehouses, districts, customers, stock and items are as many as were loaded",
        "SELECT 'warehouses' AS place, '{warehouses}' AS expected, CAST(COUNT(*) AS CHAR) AS found \
         FROM warehouse HAVING COUNT(*) <> {warehouses} \
         UNION ALL SELECT 'items', '{items}', CAST(COUNT(*) AS CHAR) FROM item HAVING COUNT(*) <> {items} \
         UNION ALL SELECT CONCAT('districts of w ', w_id), '{districts}', CAST(COALESCE(present, 0) AS CHAR) \
         FROM warehouse LEFT JOIN (SELECT d_w_id, COUNT(*) AS present FROM district WHERE {d/w} GROUP BY d_w_id) AS t \
         ON d_w_id = w_id WHERE {w/w} AND COALESCE(present, 0) <> {districts} \
         UNION ALL SELECT CONCAT('stock of w ', w_id), '{items}', CAST(COALESCE(present, 0) AS CHAR) \
         FROM warehouse LEFT JOIN (SELECT s_w_id, COUNT(*) AS present FROM stock WHERE {s/w} GROUP BY s_w_id) AS t \
         ON s_w_id = w_id WHERE {w/w} AND COALESCE(present, 0) <> {items} \
         UNION ALL SELECT CONCAT('customers of w ', d_w_id, ', d ', d_id), '{customers}', CAST(COALESCE(present, 0) AS CHAR) \
         FROM district LEFT JOIN (SELECT c_w_id, c_d_id, COUNT(*) AS present FROM customer WHERE {c} GROUP BY c_w_id, c_d_id) AS t \
         ON c_w_id = d_w_id AND c_d_id = d_id WHERE {d} AND COALESCE(present, 0) <> {customers}",
    ),
    watched(
        "order-numbers",
        "order numbers of a district run from 1 without gap or double",
        "SELECT CONCAT('w ', d_w_id, ', d ', d_id) AS place, CONCAT('1 to ', d_next_o_id - 1) AS expected, \
         CONCAT(COALESCE(present, 0), ' orders, ', COALESCE(different, 0), ' numbers, ', COALESCE(lowest, 0), ' to ', COALESCE(highest, 0)) AS found \
         FROM district LEFT JOIN (SELECT o_w_id, o_d_id, COUNT(*) AS present, COUNT(DISTINCT o_id) AS different, \
         MIN(o_id) AS lowest, MAX(o_id) AS highest FROM orders WHERE {o} GROUP BY o_w_id, o_d_id) AS o \
         ON o_w_id = d_w_id AND o_d_id = d_id \
         WHERE {d} AND (COALESCE(present, 0) <> d_next_o_id - 1 OR COALESCE(different, 0) <> d_next_o_id - 1 \
         OR COALESCE(lowest, 0) <> 1 OR COALESCE(highest, 0) <> d_next_o_id - 1)",
    ),
    always(
        "stock-moved",
        "s_ytd, s_order_cnt and s_remote_cnt are what order lines since the load took from that stock",
        "SELECT /*M! SQL_BIG_RESULT */ CONCAT('w ', w, ', i ', i) AS place, \
         CONCAT('ytd ', SUM(quantity), ', orders ', SUM(lines_taken), ', remote ', SUM(remote)) AS expected, \
         CONCAT('ytd ', SUM(ytd), ', orders ', SUM(order_cnt), ', remote ', SUM(remote_cnt)) AS found \
         FROM (SELECT s_w_id AS w, s_i_id AS i, s_ytd AS ytd, s_order_cnt AS order_cnt, s_remote_cnt AS remote_cnt, \
         0 AS quantity, 0 AS lines_taken, 0 AS remote FROM stock \
         WHERE {s/w} AND (s_ytd <> 0 OR s_order_cnt <> 0 OR s_remote_cnt <> 0) \
         UNION ALL SELECT ol_supply_w_id, ol_i_id, 0, 0, 0, \
         ol_quantity, 1, CASE WHEN ol_w_id = ol_supply_w_id THEN 0 ELSE 1 END \
         FROM order_line WHERE ol_w_id IN ({every-warehouse}) AND ol_d_id IN ({every-district}) \
         AND ol_o_id > {orders} AND {ol_supply/w}) AS both_sides GROUP BY w, i \
         HAVING SUM(ytd) <> SUM(quantity) OR SUM(order_cnt) <> SUM(lines_taken) OR SUM(remote_cnt) <> SUM(remote)",
    ),
    always(
        "customer-counts",
        "c_payment_cnt and c_ytd_payment are the customer's payments, c_delivery_cnt its deliveries since the load",
        "SELECT /*M! SQL_BIG_RESULT */ CONCAT('w ', w, ', d ', d, ', c ', c) AS place, \
         CONCAT(SUM(payments), ' payments of ', SUM(paid), ', ', SUM(deliveries), ' deliveries') AS expected, \
         CONCAT(SUM(payment_cnt), ' payments of ', SUM(ytd_payment), ', ', SUM(delivery_cnt), ' deliveries') AS found \
         FROM (SELECT c_w_id AS w, c_d_id AS d, c_id AS c, c_payment_cnt AS payment_cnt, c_ytd_payment AS ytd_payment, \
         c_delivery_cnt AS delivery_cnt, 0 AS payments, 0 AS paid, 0 AS deliveries FROM customer WHERE {c} \
         UNION ALL SELECT h_c_w_id, h_c_d_id, h_c_id, 0, 0, 0, 1, h_amount, 0 FROM history WHERE {h_c} \
         UNION ALL SELECT o_w_id, o_d_id, o_c_id, 0, 0, 0, 0, 0, 1 FROM orders \
         WHERE {o} AND o_carrier_id IS NOT NULL AND o_id > {delivered}) AS both_sides GROUP BY w, d, c \
         HAVING SUM(payment_cnt) <> SUM(payments) OR SUM(ytd_payment) <> SUM(paid) OR SUM(delivery_cnt) <> SUM(deliveries)",
    ),
    always(
        "orphans",
        // The order of a line: condition-7, which reads every line and its order anyway. While all
        // items are there, only a stock of another number can be without one.
        "every row's owner exists: order of a new order, customer of an order or payment, item of stock, warehouse of a district",
        "SELECT CONCAT('new_order w ', no_w_id, ', d ', no_d_id, ', o ', no_o_id) AS place, \
         'an order' AS expected, 'none' AS found \
         FROM new_order LEFT JOIN orders ON o_w_id = no_w_id AND o_d_id = no_d_id AND o_id = no_o_id \
         WHERE {no} AND o_id IS NULL \
         UNION ALL SELECT CONCAT('orders w ', o_w_id, ', d ', o_d_id, ', o ', o_id), CONCAT('customer ', o_c_id), 'none' \
         FROM orders LEFT JOIN customer ON c_w_id = o_w_id AND c_d_id = o_d_id AND c_id = o_c_id \
         WHERE {o} AND c_id IS NULL \
         UNION ALL SELECT CONCAT('history run ', h_run, ', terminal ', h_terminal, ', sequence ', h_sequence), \
         CONCAT('customer ', h_c_id), 'none' \
         FROM history LEFT JOIN customer ON c_w_id = h_c_w_id AND c_d_id = h_c_d_id AND c_id = h_c_id \
         WHERE {h_c} AND c_id IS NULL \
         UNION ALL SELECT CONCAT('stock w ', s_w_id, ', i ', s_i_id), 'an item', 'none' \
         FROM stock LEFT JOIN item ON i_id = s_i_id WHERE {s/w} AND i_id IS NULL \
         AND (s_i_id < 1 OR s_i_id > {items} \
         OR (SELECT COUNT(*) FROM item WHERE i_id BETWEEN 1 AND {items}) <> {items}) \
         UNION ALL SELECT CONCAT('district w ', d_w_id, ', d ', d_id), 'a warehouse', 'none' \
         FROM district LEFT JOIN warehouse ON w_id = d_w_id WHERE {d} AND w_id IS NULL",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_narrows_every_table_and_leaves_no_mark_behind() {
        for condition in CONDITIONS {
            for extent in [Extent::All, Extent::Warehouse(3), Extent::District(3, 7)] {
                let sql = condition.sql(extent, 10);
                assert!(!sql.contains(['{', '}']), "{sql}");
            }
        }
        let sql = find("condition-2").unwrap().sql(Extent::District(3, 7), 10);
        assert!(sql.contains("d_w_id = 3 AND d_id = 7"), "{sql}");
        assert!(sql.contains("no_w_id = 3 AND no_d_id = 7"), "{sql}");
        let sql = find("condition-1").unwrap().sql(Extent::District(3, 7), 10);
        assert!(sql.contains("w_id = 3") && !sql.contains("d_id = 7"), "{sql}");
    }

    #[test]
    fn names_are_unique_and_the_specification_s_twelve_come_first() {
        let ids: Vec<_> = CONDITIONS.iter().map(|condition| condition.id).collect();
        for (number, id) in (1..=12).zip(&ids) {
            assert_eq!(*id, format!("condition-{number}"));
        }
        assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1));
        for condition in CONDITIONS {
            let reasons = condition.follows_from.iter().map(|id| find(id).unwrap());
            for reason in reasons {
                assert!(
                    reason.follows_from.is_empty() && reason.holds == Holds::Always,
                    "{reason:?}"
                );
            }
        }
        let only_after_load = CONDITIONS.iter().filter(|c| c.holds == Holds::AfterLoad);
        assert_eq!(only_after_load.map(|c| c.id).collect::<Vec<_>>(), ["condition-11"]);
    }
}

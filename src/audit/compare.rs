//! Claims and rows side by side: what is lost, doubled or unexplained, and what became of the
//! writes whose fate was unknown.

use std::io;
use std::iter::Peekable;

use super::claim::{Claim, Said, Trace};
use crate::record::{Finding, FindingKind};

/// Findings shown in full; all of them are counted.
const SHOWN_MAX: usize = 10;

/// What breaks a check: all counted, the first ones kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) total: u64,
    pub(super) first: Vec<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: impl FnOnce() -> Finding) {
        self.total += 1;
        if self.first.len() < SHOWN_MAX {
            self.first.push(finding());
        }
    }
}

/// What comparing all claims with all rows came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// Acknowledged writes that are not there, or were acknowledged twice.
    pub(super) broken: Findings,
    /// Rows that no claim explains.
    pub(super) unexplained: Findings,
    /// For the first of them, in order, what would name their twins.
    pub(super) twins: Vec<Option<String>>,
    /// For every claim of unknown fate, in order, whether it is there.
    pub(super) settled: Vec<bool>,
    /// Acknowledged claims.
    pub(super) acknowledged: u64,
    /// Rows looked at.
    pub(super) rows: u64,
}

/// A comparison under way. Both sides come in the order of their keys.
pub(super) struct Comparison<T: Trace, I: Iterator<Item = io::Result<Claim<T>>>, F> {
    claims: Peekable<I>,
    /// The claims that share the key at hand.
    group: Vec<Claim<T>>,
    /// Told every claim that must have taken effect: acknowledged, or found.
    effective: F,
    compared: Compared,
}

impl<T, I, F> Comparison<T, I, F>
where
    T: Trace,
    I: Iterator<Item = io::Result<Claim<T>>>,
    F: FnMut(&T),
{
    pub(super) fn new(claims: I, effective: F) -> Self {
        let compared = Compared::default();
        Self { claims: claims.peekable(), group: Vec::new(), effective, compared }
    }

    /// The key of the next claim.
    pub(super) fn next_key(&mut self) -> Option<T::Key> {
        match self.claims.peek() {
            Some(Ok(claim)) => Some(claim.row.key()),
            Some(Err(_)) | None => None,
        }
    }

    /// There are no more rows with lower keys.
    pub(super) fn advance_to(&mut self, key: T::Key) -> io::Result<()> {
        while self.next_key().is_some_and(|next| next < key) {
            self.take_group()?;
            self.judge(None);
        }
        Ok(())
    }

    /// Takes the next row.
    pub(super) fn row(&mut self, row: &T) -> io::Result<()> {
        let key = row.key();
        self.advance_to(key)?;
        self.compared.rows += 1;
        self.group.clear();
        if self.next_key() == Some(key) {
            self.take_group()?;
        }
        self.judge(Some(row));
        Ok(())
    }

    /// There are no more rows.
    pub(super) fn finish(mut self) -> io::Result<Compared> {
        while self.claims.peek().is_some() {
            self.take_group()?;
            self.judge(None);
        }
        Ok(self.compared)
    }

    /// Fills the group with all claims that share the next key.
    fn take_group(&mut self) -> io::Result<()> {
        self.group.clear();
        let Some(first) = self.claims.next().transpose()? else { return Ok(()) };
        self.group.push(first);
        while self.next_key() == Some(first.row.key()) {
            self.group.extend(self.claims.next().transpose()?);
        }
        Ok(())
    }

    fn judge(&mut self, row: Option<&T>) {
        let Self { group, compared, effective, .. } = self;
        let shown = |claim: &Claim<T>| row == Some(&claim.row);
        let acknowledged = group.iter().filter(|claim| claim.said == Said::There);
        let acknowledged_shown = acknowledged.clone().any(shown);
        let count = acknowledged.clone().count();
        compared.acknowledged += count as u64;
        if count > 1 {
            compared.broken.add(|| duplicate(group));
        }
        if !acknowledged_shown {
            for claim in acknowledged {
                compared.broken.add(|| lost(claim, row, "acknowledged"));
            }
        }
        if let Some(row) = row.filter(|_| count == 0 && !group.iter().any(shown)) {
            compared.unexplained.add(|| {
                compared.twins.push(row.twin_sql());
                unexplained(row)
            });
        }
        for claim in group.iter() {
            match (claim.said, shown(claim)) {
                (Said::There, _) => effective(&claim.row),
                (Said::Uncertain, there) => {
                    compared.settled.push(there);
                    if there {
                        effective(&claim.row);
                    }
                }
                (Said::Found, false) => {
                    compared.broken.add(|| lost(claim, row, "found during the run"));
                }
                (Said::NeverThere, true) => compared.unexplained.add(|| {
                    compared.twins.push(None);
                    late(&claim.row)
                }),
                (Said::Found, true) | (Said::NeverThere, false) => {}
            }
        }
    }
}

fn lost<T: Trace>(claim: &Claim<T>, row: Option<&T>, why: &str) -> Finding {
    let key = claim.row.key();
    Finding {
        kind: FindingKind::Lost,
        key: T::place(key),
        expected: format!("{} ({why})", claim.row.content()),
        found: row.map_or_else(|| "nothing".to_owned(), T::content),
        sql: T::sql(key),
    }
}

fn duplicate<T: Trace>(group: &[Claim<T>]) -> Finding {
    let claims = group.iter().filter(|claim| claim.said == Said::There);
    let claims: Vec<_> = claims.take(SHOWN_MAX).map(|claim| claim.row.content()).collect();
    let key = group[0].row.key();
    Finding {
        kind: FindingKind::Duplicate,
        key: T::place(key),
        expected: "acknowledged once".to_owned(),
        found: format!("acknowledged as {}", claims.join(" and as ")),
        sql: T::sql(key),
    }
}

fn late<T: Trace>(row: &T) -> Finding {
    let expected =
        "nothing: its COMMIT was not answered, its session had ended, and it was not there";
    Finding {
        expected: expected.to_owned(),
        found: format!("{}, which appeared later", row.content()),
        ..unexplained(row)
    }
}

fn unexplained<T: Trace>(row: &T) -> Finding {
    Finding {
        kind: FindingKind::Phantom,
        key: T::place(row.key()),
        expected: "nothing: no write of this run explains it".to_owned(),
        found: row.content(),
        sql: T::sql(row.key()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::claim::{Order, Payment};
    use super::*;
    use crate::tpcc::money::Cents;

    fn order(order: u64, customer: u32) -> Order {
        Order { warehouse: 3, district: 7, order, customer, entered_us: 1_000_000 }
    }

    fn acknowledged(row: Order) -> Claim<Order> {
        Claim { row, said: Said::There }
    }

    fn ambiguous(row: Order) -> Claim<Order> {
        Claim { row, said: Said::Uncertain }
    }

    fn compare<T: Trace>(claims: &[Claim<T>], rows: &[T]) -> (Compared, usize) {
        let mut effective = 0;
        let mut comparison =
            Comparison::new(claims.iter().map(|claim| Ok(*claim)), |_: &T| effective += 1);
        rows.iter().for_each(|row| comparison.row(row).unwrap());
        let compared = comparison.finish().unwrap();
        (compared, effective)
    }

    fn kinds(findings: &Findings) -> Vec<(FindingKind, &str)> {
        assert_eq!(findings.total, findings.first.len() as u64);
        findings.first.iter().map(|finding| (finding.kind, finding.key.as_str())).collect()
    }

    const O1: &str = "order (w 3, d 7, o 1)";
    const O2: &str = "order (w 3, d 7, o 2)";

    #[test]
    fn what_is_claimed_and_there_is_fine() {
        let rows = [order(1, 10), order(2, 11)];
        let (compared, effective) = compare(&rows.map(acknowledged), &rows);
        let fine = Compared { acknowledged: 2, rows: 2, ..Compared::default() };
        assert_eq!((compared, effective), (fine, 2));
    }

    #[test]
    fn a_row_that_is_gone_is_lost() {
        let claims = [order(1, 10), order(2, 11), order(3, 12)].map(acknowledged);
        for rows in [vec![order(1, 10), order(3, 12)], vec![order(1, 10)], vec![]] {
            let (compared, effective) = compare(&claims, &rows);
            assert!(kinds(&compared.broken).contains(&(FindingKind::Lost, O2)), "{compared:?}");
            assert_eq!(compared.broken.total as usize, 3 - rows.len());
            assert_eq!(effective, 3, "what was acknowledged must have taken effect");
            assert_eq!(compared.unexplained.total, 0);
        }
    }

    #[test]
    fn another_customer_s_order_in_its_place_is_a_loss() {
        let (compared, _) = compare(&[acknowledged(order(1, 10))], &[order(1, 99)]);
        assert_eq!(kinds(&compared.broken), [(FindingKind::Lost, O1)]);
        let finding = &compared.broken.first[0];
        assert!(finding.expected.contains("customer 10") && finding.found.contains("customer 99"));
        assert!(finding.sql.contains("o_w_id = 3 AND o_d_id = 7 AND o_id = 1"));
        assert_eq!(compared.unexplained.total, 0, "one difference is told once");
    }

    #[test]
    fn another_amount_is_a_loss() {
        let row = |cents| Payment {
            run: 7,
            terminal: 1,
            sequence: 5,
            warehouse: 3,
            district: 2,
            amount: Cents(cents),
        };
        let claim = Claim { row: row(1234), said: Said::There };
        let (compared, _) = compare(&[claim], &[row(1235)]);
        let finding = &compared.broken.first[0];
        assert_eq!(finding.kind, FindingKind::Lost);
        assert!(finding.expected.contains("12.34") && finding.found.contains("12.35"));
    }

    #[test]
    fn one_number_acknowledged_twice_is_a_duplicate() {
        let claims = [order(1, 10), order(1, 11)].map(acknowledged);
        let (compared, _) = compare(&claims, &[order(1, 11)]);
        assert_eq!(kinds(&compared.broken), [(FindingKind::Duplicate, O1)]);
        assert_eq!(compared.acknowledged, 2);
    }

    #[test]
    fn a_row_that_nobody_wrote_is_unexplained() {
        let (compared, effective) =
            compare(&[acknowledged(order(1, 10))], &[order(1, 10), order(2, 11)]);
        assert_eq!(kinds(&compared.unexplained), [(FindingKind::Phantom, O2)]);
        assert_eq!((compared.broken.total, effective), (0, 1));
    }

    #[test]
    fn what_was_uncertain_is_settled_in_order() {
        let claims = [order(1, 10), order(2, 11), order(3, 12)].map(ambiguous);
        let (compared, effective) = compare(&claims, &[order(1, 10), order(3, 12)]);
        assert_eq!(compared.settled, [true, false, true]);
        assert_eq!((compared.broken.total, compared.unexplained.total, effective), (0, 0, 2));
    }

    #[test]
    fn an_uncertain_order_s_number_may_have_gone_to_another_one() {
        let claims = [ambiguous(order(1, 10)), acknowledged(order(1, 11))];
        let (compared, effective) = compare(&claims, &[order(1, 11)]);
        assert_eq!(compared.settled, [false]);
        assert_eq!((compared.broken.total, compared.unexplained.total, effective), (0, 0, 1));
        // Without the other claim, the row there is nobody's.
        let (compared, _) = compare(&claims[..1], &[order(1, 11)]);
        assert_eq!(compared.settled, [false]);
        assert_eq!(kinds(&compared.unexplained), [(FindingKind::Phantom, O1)]);
    }

    #[test]
    fn what_a_look_up_found_must_stay_and_what_it_did_not_must_not_come() {
        let looked_up = |said| [ambiguous(order(1, 10)), Claim { row: order(1, 10), said }];
        let row = [order(1, 10)];
        for (said, rows) in [(Said::Found, &row[..]), (Said::NeverThere, &[])] {
            let (compared, effective) = compare(&looked_up(said), rows);
            assert_eq!((compared.broken.total, compared.unexplained.total), (0, 0));
            assert_eq!((compared.settled, effective), (vec![!rows.is_empty()], rows.len()));
        }
        let (compared, _) = compare(&looked_up(Said::Found), &[]);
        assert_eq!(kinds(&compared.broken), [(FindingKind::Lost, O1)]);
        let (compared, effective) = compare(&looked_up(Said::NeverThere), &row);
        assert_eq!(kinds(&compared.unexplained), [(FindingKind::Phantom, O1)]);
        assert!(compared.unexplained.first[0].found.ends_with("which appeared later"));
        assert_eq!(effective, 1, "it is there, so counters have moved by it");
    }

    #[test]
    fn everything_is_counted_and_ten_are_shown() {
        let claims: Vec<_> = (1..=25).map(|number| acknowledged(order(number, 1))).collect();
        let (compared, _) = compare(&claims, &[]);
        assert_eq!((compared.broken.total, compared.broken.first.len()), (25, SHOWN_MAX));
    }

    proptest! {
        /// Take any set of orders, delete some, add others: exactly those are found.
        #[test]
        fn losses_and_strangers_are_exactly_what_was_taken_and_added(
            state in proptest::collection::btree_map(0_u64..500, 0_u8..4, 0..200),
        ) {
            let pick = |kinds: [u8; 2]| {
                let kept = state.iter().filter(move |(_, kind)| kinds.contains(kind));
                kept.map(|(number, _)| order(*number, 1)).collect::<Vec<_>>()
            };
            // 0: deleted, 1 and 2: kept, 3: added by a stranger.
            let claims: Vec<_> =
                state.iter().filter(|(_, kind)| **kind < 3).map(|(n, _)| acknowledged(order(*n, 1))).collect();
            let rows = {
                let mut rows = [pick([1, 2]), pick([3, 3])].concat();
                rows.sort_unstable();
                rows
            };
            let (compared, _) = compare(&claims, &rows);
            prop_assert_eq!(compared.broken.total as usize, pick([0, 0]).len());
            prop_assert_eq!(compared.unexplained.total as usize, pick([3, 3]).len());
            prop_assert_eq!(compared.rows as usize, rows.len());
        }
    }
}

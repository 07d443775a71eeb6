//! Whether zones agree with each other.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::checksum::{Sum, Sums, sql};
use super::claim::{Claim, Trace};
use super::compare::Findings;
use crate::record::{AmbiguousCount, Finding, FindingKind};
use crate::tpcc::scale::Table;

/// For one question, which zones' answers differ from what most zones answer; where no answer has
/// more zones than any other, all of them. A zone that was not asked differs from nobody.
fn dissenters<V: PartialEq>(answers: &[Option<V>]) -> Vec<bool> {
    let votes = |answer: &V| answers.iter().filter(|other| other.as_ref() == Some(answer)).count();
    let most = answers.iter().flatten().map(votes).max().unwrap_or(0);
    let asked = answers.iter().flatten().count();
    let leaders = answers.iter().flatten().filter(|answer| votes(answer) == most).count();
    let majority = most == asked || leaders == most;
    let dissents = |answer: &V| !majority || votes(answer) < most;
    answers.iter().map(|answer| answer.as_ref().is_some_and(dissents)).collect()
}

/// What most other zones answered, for people.
fn others(answers: &[Option<String>], zone: usize) -> String {
    let mut texts: Vec<&str> = Vec::new();
    let others = answers.iter().enumerate().filter(|(index, _)| *index != zone);
    for text in others.filter_map(|(_, answer)| answer.as_deref()) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    format!("{} (other zones)", texts.join("; "))
}

/// Compares one zone's sums of a table with those the load must have left.
pub(super) fn loaded(table: Table, expected: &Sums, found: &Sums) -> Findings {
    let mut findings = Findings::default();
    let warehouses: BTreeSet<u32> = expected.keys().chain(found.keys()).copied().collect();
    let none = Sum { rows: 0, crc: 0 };
    for warehouse in warehouses {
        let of = |sums: &Sums| sums.get(&warehouse).copied().unwrap_or(none);
        let (wanted, seen) = (of(expected), of(found));
        if wanted == seen {
            continue;
        }
        let whose = (table != Table::Item).then_some(warehouse);
        findings.add(|| Finding {
            kind: match seen.rows.cmp(&wanted.rows) {
                Ordering::Less => FindingKind::Lost,
                Ordering::Equal => FindingKind::Inconsistent,
                Ordering::Greater => FindingKind::Duplicate,
            },
            key: place(table, whose),
            expected: told(wanted),
            found: told(seen),
            sql: sql(table, whose),
        });
    }
    findings
}

fn place(table: Table, warehouse: Option<u32>) -> String {
    warehouse.map_or_else(|| table.to_string(), |w| format!("{table} (w {w})"))
}

fn told(sum: Sum) -> String {
    format!("{} rows, checksum {}", sum.rows, sum.crc)
}

/// Compares the sums of one table; one list of findings a zone.
pub(super) fn tables(table: Table, zones: &[Option<&Sums>]) -> Vec<Findings> {
    let warehouses: BTreeSet<u32> =
        zones.iter().flatten().flat_map(|sums| sums.keys().copied()).collect();
    let mut findings: Vec<Findings> = zones.iter().map(|_| Findings::default()).collect();
    for warehouse in warehouses {
        let none = Sum { rows: 0, crc: 0 };
        let answers: Vec<Option<Sum>> = zones
            .iter()
            .map(|sums| sums.map(|sums| sums.get(&warehouse).copied().unwrap_or(none)))
            .collect();
        let told: Vec<Option<String>> = answers.iter().map(|sum| sum.map(told)).collect();
        for (zone, _) in dissenters(&answers).iter().enumerate().filter(|(_, dissents)| **dissents)
        {
            let whose = (table != Table::Item).then_some(warehouse);
            findings[zone].add(|| Finding {
                kind: FindingKind::Divergent,
                key: place(table, whose),
                expected: others(&told, zone),
                found: told[zone].clone().unwrap_or_default(),
                sql: sql(table, whose),
            });
        }
    }
    findings
}

/// What became of the writes of unknown fate, and where zones differ about it.
pub(super) struct Settlement {
    pub(super) count: AmbiguousCount,
    /// One list a zone.
    pub(super) findings: Vec<Findings>,
}

impl Settlement {
    pub(super) fn new(zones: usize) -> Self {
        let findings = (0..zones).map(|_| Findings::default()).collect();
        Self { count: AmbiguousCount::default(), findings }
    }

    /// How many writes were settled or could not be.
    pub(super) fn total(&self) -> u64 {
        self.count.committed + self.count.absent + self.count.unresolved
    }

    /// The counts, for people.
    pub(super) fn detail(&self) -> String {
        let AmbiguousCount { committed, absent, unresolved } = self.count;
        format!("{committed} committed, {absent} absent, {unresolved} unresolved")
    }

    /// Settles one write by what every zone says of it.
    pub(super) fn settle<T: Trace>(&mut self, claim: &Claim<T>, answers: &[Option<bool>]) {
        let is_there = |there: bool| if there { "committed" } else { "absent" }.to_owned();
        match answers.iter().flatten().max() {
            None => self.count.unresolved += 1,
            // A write that any zone has did commit; a zone without it has lost it.
            Some(true) => self.count.committed += 1,
            Some(false) => self.count.absent += 1,
        }
        if !answers.iter().flatten().any(|there| *there) {
            return;
        }
        let told: Vec<_> = answers.iter().map(|answer| answer.map(is_there)).collect();
        for (zone, answer) in answers.iter().enumerate() {
            if *answer == Some(false) {
                self.findings[zone].add(|| Finding {
                    kind: FindingKind::Divergent,
                    key: T::place(claim.row.key()),
                    expected: others(&told, zone),
                    found: is_there(false),
                    sql: T::sql(claim.row.key()),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::{Order, Said};
    use super::*;

    #[test]
    fn the_few_dissent_and_without_a_majority_everybody_does() {
        let cases: [(&[Option<u8>], &[bool]); 7] = [
            (&[Some(1), Some(1), Some(1)], &[false, false, false]),
            (&[Some(1), Some(2), Some(1)], &[false, true, false]),
            (&[Some(1), None, Some(1)], &[false, false, false]),
            (&[Some(1), None, Some(2)], &[true, false, true]),
            (&[Some(1), Some(2), Some(3)], &[true, true, true]),
            (&[None, Some(2), None], &[false, false, false]),
            (&[None, None], &[false, false]),
        ];
        for (answers, expected) in cases {
            assert_eq!(dissenters(answers), expected, "{answers:?}");
        }
    }

    #[test]
    fn a_zone_with_another_sum_or_none_at_all_is_divergent() {
        let sums = |pairs: &[(u32, u64)]| -> Sums {
            pairs.iter().map(|(w, crc)| (*w, Sum { rows: 2, crc: *crc })).collect()
        };
        let (good, edited, short) =
            (sums(&[(1, 10), (2, 20)]), sums(&[(1, 10), (2, 21)]), sums(&[(1, 10)]));
        for bad in [&edited, &short] {
            let zones = [Some(&good), Some(bad), None, Some(&good)];
            let findings = tables(Table::Orders, &zones);
            let totals: Vec<_> = findings.iter().map(|findings| findings.total).collect();
            assert_eq!(totals, [0, 1, 0, 0]);
            let finding = &findings[1].first[0];
            assert_eq!(finding.kind, FindingKind::Divergent);
            assert_eq!(finding.key, "orders (w 2)");
            assert!(finding.sql.contains("WHERE o_w_id = 2"), "{finding:?}");
            assert!(finding.expected.contains("checksum 20"), "{finding:?}");
        }
    }

    #[test]
    fn an_uncertain_write_is_settled_by_the_zones_that_answer() {
        let row = Order { warehouse: 1, district: 2, order: 3, customer: 4, entered_us: 5 };
        let claim = Claim { row, said: Said::Uncertain };
        let cases = [
            ([Some(true), Some(true)], (1, 0, 0), [0, 0]),
            ([Some(false), Some(false)], (0, 1, 0), [0, 0]),
            ([None, Some(false)], (0, 1, 0), [0, 0]),
            ([None, None], (0, 0, 1), [0, 0]),
            ([Some(true), Some(false)], (1, 0, 0), [0, 1]),
        ];
        for (answers, (committed, absent, unresolved), divergent) in cases {
            let mut settlement = Settlement::new(2);
            settlement.settle(&claim, &answers);
            let expected = AmbiguousCount { committed, absent, unresolved };
            assert_eq!(settlement.count, expected, "{answers:?}");
            let totals: Vec<_> = settlement.findings.iter().map(|f| f.total).collect();
            assert_eq!(totals, divergent, "{answers:?}");
        }
    }
}

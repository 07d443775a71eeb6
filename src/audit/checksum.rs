//! Row counts and checksums that do not depend on the order of rows.

use std::collections::BTreeMap;

use super::asking::Asking;
use crate::event::StatementKind;
use crate::session::{Failure, cell};
use crate::tpcc::encoding::{Encoding, RowBuffer};
use crate::tpcc::rows::{RowMaker, indexes};
use crate::tpcc::scale::Table;
use crate::tpcc::schema::column_names;

/// How many rows, and the sum of their checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    /// Sum of the rows' CRC-32: equal for equal rows in any order, and cheap on every product.
    pub(super) crc: u64,
}

/// A table's sums by warehouse; `item`, which has none, counts as warehouse 0.
pub(super) type Sums = BTreeMap<u32, Sum>;

/// Rows as [`sql`] puts them together.
#[derive(Debug, Clone, Copy)]
enum Joined {}

impl Encoding for Joined {
    const OPEN: &'static [u8] = b"";
    const BETWEEN: &'static [u8] = b"#";
    const CLOSE: &'static [u8] = b"\n";
    const NEXT: &'static [u8] = b"";
    const QUOTE: &'static [u8] = b"";
    const NULL: &'static [u8] = b"NULL";
}

/// The sums of a table as the load of `seed` leaves it, without asking any database.
pub(super) fn loaded(table: Table, warehouses: u32, seed: u64) -> Sums {
    let mut maker = RowMaker::new(seed);
    let mut rows = RowBuffer::<Joined>::new();
    let parts = if table == Table::Item { 0..=0 } else { 1..=warehouses };
    parts
        .map(|warehouse| {
            let mut sum = Sum { rows: 0, crc: 0 };
            for index in 0..indexes(table) {
                rows.clear();
                maker.write(table, warehouse, index, &mut rows);
                let lines = rows.bytes().split_inclusive(|byte| *byte == b'\n');
                let crc = |line: &[u8]| u64::from(crc32fast::hash(&line[..line.len() - 1]));
                sum.crc += lines.map(crc).sum::<u64>();
                sum.rows += rows.rows();
            }
            (warehouse, sum)
        })
        .collect()
}

/// Whether one warehouse's rows lie together, so that they can be asked for alone.
fn lies_by_warehouse(table: Table) -> bool {
    matches!(
        table,
        Table::Stock | Table::Customer | Table::Orders | Table::NewOrder | Table::OrderLine
    )
}

/// Counts and sums a table.
///
/// # Errors
/// When the zone does not answer or does not have the table.
pub(super) async fn sums(
    zone: &mut Asking,
    table: Table,
    warehouses: u32,
) -> Result<Sums, Failure> {
    let mut sums = Sums::new();
    let pieces: Vec<Option<u32>> = match lies_by_warehouse(table) {
        true => (1..=warehouses).map(Some).collect(),
        false => vec![None],
    };
    for piece in pieces {
        for row in zone.rows(sql(table, piece)).await? {
            let crc: String = cell(&row, 2)?;
            let crc = crc.parse().map_err(|_| {
                Failure::data(StatementKind::Read, format!("the checksum {crc:?} is no number"))
            })?;
            sums.insert(cell(&row, 0)?, Sum { rows: cell(&row, 1)?, crc });
        }
    }
    Ok(sums)
}

/// The statement that shows one warehouse's sum, or all of them.
pub(super) fn sql(table: Table, warehouse: Option<u32>) -> String {
    // NULL and text must not look alike, and CONCAT_WS skips NULLs.
    let values: Vec<_> =
        column_names(table).map(|column| format!("COALESCE({column}, 'NULL')")).collect();
    let values = values.join(", ");
    let (group, by) = match table.warehouse_column() {
        None => ("0", String::new()),
        Some(column) => (column, format!(" GROUP BY {column}")),
    };
    let only = match warehouse {
        None => String::new(),
        Some(warehouse) => format!(" WHERE {group} = {warehouse}"),
    };
    format!(
        "SELECT {group}, COUNT(*), CAST(COALESCE(SUM(CRC32(CONCAT_WS('#', {values}))), 0) AS CHAR) \
         FROM {table}{only}{by}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_every_column_and_its_warehouse() {
        assert_eq!(
            sql(Table::NewOrder, Some(3)),
            "SELECT no_w_id, COUNT(*), CAST(COALESCE(SUM(CRC32(CONCAT_WS('#', \
             COALESCE(no_w_id, 'NULL'), COALESCE(no_d_id, 'NULL'), COALESCE(no_o_id, 'NULL')))), 0) AS CHAR) \
             FROM new_order WHERE no_w_id = 3 GROUP BY no_w_id"
        );
        assert!(!sql(Table::Item, None).contains("GROUP BY"));
    }
}

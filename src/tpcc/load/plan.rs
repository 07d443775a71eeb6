//! The list of chunks: the same for every load of as many warehouses.

use std::ops::Range;

use crate::tpcc::rows::{Chunk, RowMaker, indexes};
use crate::tpcc::scale::Table;

/// Indexes of a chunk: some thousands of rows, so that one lost to a dying node costs little, and
/// a replicated cluster never sees a large write set.
const fn chunk_size(table: Table) -> u32 {
    match table {
        Table::Item | Table::Stock => 5_000,
        Table::Warehouse | Table::District => 10,
        Table::Customer | Table::NewOrder => 3_000,
        Table::History | Table::Orders => 10_000,
        // Orders; ten times as many lines.
        Table::OrderLine => 1_000,
    }
}

/// A chunk and how many rows it holds.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) chunk: Chunk,
    pub(super) rows: u64,
}

/// Every chunk of a database of `warehouses` with the rows that `maker` gives it.
pub(super) fn plan(warehouses: u32, maker: &RowMaker) -> Vec<Planned> {
    chunks(warehouses).map(|chunk| Planned { rows: maker.count(&chunk), chunk }).collect()
}

/// Every chunk of a database of `warehouses`: items first, then warehouse after warehouse.
fn chunks(warehouses: u32) -> impl Iterator<Item = Chunk> {
    let of_warehouse = move |warehouse| {
        let tables = Table::ALL.iter().filter(|table| **table != Table::Item);
        tables.flat_map(move |table| split(*table, warehouse))
    };
    split(Table::Item, 0).chain((1..=warehouses).flat_map(of_warehouse))
}

fn split(table: Table, warehouse: u32) -> impl Iterator<Item = Chunk> {
    let (size, end) = (chunk_size(table), indexes(table));
    let ranges = (0..end).step_by(size as usize).map(move |start| start..end.min(start + size));
    ranges.map(move |range: Range<u32>| Chunk { table, warehouse, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_index_once() {
        let chunks: Vec<_> = chunks(3).collect();
        for table in Table::ALL {
            let warehouses = if *table == Table::Item { 0..=0 } else { 1..=3 };
            for warehouse in warehouses {
                let own = chunks.iter().filter(|c| c.table == *table && c.warehouse == warehouse);
                let end = own.fold(0, |next, chunk| {
                    assert_eq!(chunk.range.start, next);
                    chunk.range.end
                });
                assert_eq!(end, indexes(*table));
            }
        }
    }
}

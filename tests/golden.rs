//! Ten warehouses of seed 1 are these rows and no others, whoever makes them in whatever order.
//! One whole warehouse is pinned beside the generator, in `src/tpcc/rows.rs`.

use std::sync::Mutex;

use rollproof::tpcc::encoding::{RowBuffer, Tsv};
use rollproof::tpcc::rows::{Chunk, RowMaker, indexes};
use rollproof::tpcc::scale::Table;

const WAREHOUSES: u32 = 10;

/// Number and sum of the hashes of rows: neither depends on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    hash: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.hash = self.hash.wrapping_add(other.hash);
    }
}

/// 64-bit FNV-1a: written down here because the golden sums must never move with a library.
fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

fn sum(maker: &mut RowMaker, chunk: &Chunk) -> Sum {
    let mut out = RowBuffer::<Tsv>::new();
    let mut sum = Sum::default();
    for index in chunk.range.clone() {
        out.clear();
        maker.write(chunk.table, chunk.warehouse, index, &mut out);
        for line in out.bytes().split_inclusive(|byte| *byte == b'\n') {
            sum.add(Sum { rows: 1, hash: fnv(line) });
        }
    }
    sum
}

/// All of ten warehouses, in chunks of `size` indexes.
fn chunks(size: u32) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for &table in Table::ALL {
        let warehouses = if table == Table::Item { 0..=0 } else { 1..=WAREHOUSES };
        for warehouse in warehouses {
            for start in (0..indexes(table)).step_by(size as usize) {
                let range = start..indexes(table).min(start + size);
                chunks.push(Chunk { table, warehouse, range });
            }
        }
    }
    chunks
}

/// The sum of every table, made by so many threads that take whatever chunk comes next.
fn sums(chunks: Vec<Chunk>, threads: usize) -> String {
    let queue = Mutex::new(chunks.into_iter());
    let sums = Mutex::new(vec![Sum::default(); Table::ALL.len()]);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut maker = RowMaker::new(1);
                loop {
                    let Some(chunk) = queue.lock().unwrap().next() else { return };
                    let found = sum(&mut maker, &chunk);
                    sums.lock().unwrap()[chunk.table as usize].add(found);
                }
            });
        }
    });
    let sums = sums.into_inner().unwrap();
    let line = |(table, sum): (&Table, &Sum)| format!("{table} {} {:016x}", sum.rows, sum.hash);
    Table::ALL.iter().zip(&sums).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn ten_warehouses_of_seed_1_are_these_rows_and_no_others() {
    insta::assert_snapshot!("every_row", sums(chunks(10_000), 2));
}

#[test]
fn neither_threads_nor_chunks_nor_their_order_make_a_difference() {
    // A stretch of every table is enough to tell.
    let part = |size| {
        let all = chunks(size).into_iter();
        all.filter(|chunk| chunk.range.end <= 3_000 && chunk.warehouse % 3 == 0).collect::<Vec<_>>()
    };
    let alone = sums(part(3_000), 1);
    let mut backwards = part(500);
    backwards.reverse();
    assert_eq!(sums(backwards, 3), alone);
    let mut mixed = part(300);
    mixed.sort_by_key(|chunk| fnv(chunk.to_string().as_bytes()));
    assert_eq!(sums(mixed, 7), alone);
}

//! The initial database, row by row (clause 4.3.3.1).
//!
//! Rows are made by index: each has a random stream of its own, named by seed, table, warehouse
//! and index. So any part of any table can be made alone, in any order, by anyone, and is always
//! the same.

use std::ops::Range;

use super::encoding::{Encoding, RowBuffer, Tsv};
use super::random::{CLast, Purpose, Stream, last_name};
use super::scale::{
    CUSTOMERS, DISTRICTS, FIRST_UNDELIVERED, ITEMS, LINES, ORDERS, Table, UNDELIVERED,
};

/// Every date of the initial database: a constant, so that the same seed gives the same bytes.
const DATE: &[u8] = b"2026-01-01 00:00:00.000000";

/// A stretch of one table.
///
/// It counts in indexes, from 0: rows of one warehouse (of all, for `item`), district after
/// district. An index of `order_line` is an order with all its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The table.
    pub table: Table,
    /// The warehouse; 0 for `item`, which belongs to none.
    pub warehouse: u32,
    /// The indexes.
    pub range: Range<u32>,
}

impl std::fmt::Display for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, warehouse, range } = self;
        write!(f, "{table} of warehouse {warehouse}, {} to {}", range.start, range.end)
    }
}

/// Indexes a warehouse has in a table; `item` has them once for all warehouses.
pub const fn indexes(table: Table) -> u32 {
    match table.rows_a_warehouse() {
        Some(rows) => rows,
        None => DISTRICTS * ORDERS,
    }
}

/// Makes rows. Holds nothing but the seed and what was computed last.
#[derive(Debug, Clone)]
pub struct RowMaker {
    seed: u64,
    c_load: CLast,
    permutation: Option<((u32, u32), Vec<u32>)>,
}

impl RowMaker {
    /// The rows of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, c_load: CLast::load(seed), permutation: None }
    }

    /// How many rows a chunk holds.
    pub fn count(&self, chunk: &Chunk) -> u64 {
        match chunk.table {
            Table::OrderLine => {
                let lines = |order| u64::from(self.lines_of(chunk.warehouse, order));
                chunk.range.clone().map(lines).sum()
            }
            _ => chunk.range.len() as u64,
        }
    }

    /// Writes the rows of one index.
    pub fn write<E: Encoding>(
        &mut self,
        table: Table,
        warehouse: u32,
        index: u32,
        out: &mut RowBuffer<E>,
    ) {
        let mut stream = self.stream(table, warehouse, index);
        let random = &mut stream;
        match table {
            Table::Item => item(index, random, out),
            Table::Warehouse => warehouse_row(warehouse, random, out),
            Table::District => district(warehouse, index, random, out),
            Table::Stock => stock(warehouse, index, random, out),
            Table::Customer => customer(warehouse, index, self.c_load, random, out),
            Table::History => history(warehouse, index, random, out),
            Table::Orders => self.order(warehouse, index, random, out),
            Table::NewOrder => new_order(warehouse, index, out),
            Table::OrderLine => self.order_lines(warehouse, index, random, out),
        }
    }

    fn stream(&self, table: Table, warehouse: u32, index: u32) -> Stream {
        // The table's place in the list is part of the data: a new order is a new schema version.
        Stream::new(self.seed, Purpose::Row, [table as u64, warehouse.into(), index.into()])
    }

    /// Lines of an initial order: the first thing its own stream says.
    fn lines_of(&self, warehouse: u32, index: u32) -> u32 {
        draw_lines(&mut self.stream(Table::Orders, warehouse, index))
    }

    /// Who placed an order: customers in random order, each once a district.
    fn orderer(&mut self, warehouse: u32, district: u32, order: u32) -> u32 {
        let key = (warehouse, district);
        if self.permutation.as_ref().is_none_or(|(of, _)| *of != key) {
            let mut customers: Vec<u32> = (1..=CUSTOMERS).collect();
            let path = [warehouse.into(), district.into(), 0];
            Stream::new(self.seed, Purpose::Permutation, path).shuffle(&mut customers);
            self.permutation = Some((key, customers));
        }
        let (_, customers) = self.permutation.as_ref().expect("filled above");
        customers[order as usize - 1]
    }

    fn order<E: Encoding>(
        &mut self,
        warehouse: u32,
        index: u32,
        random: &mut Stream,
        out: &mut RowBuffer<E>,
    ) {
        let (district, order) = place(index, ORDERS);
        let lines = draw_lines(random);
        let carrier = random.between(1, 10);
        let customer = self.orderer(warehouse, district, order);
        out.int(warehouse).int(district).int(order).int(customer).text(date);
        if order < FIRST_UNDELIVERED {
            out.int(carrier)
        } else {
            out.null()
        };
        out.int(lines).int(1).end_row();
    }

    fn order_lines<E: Encoding>(
        &self,
        warehouse: u32,
        index: u32,
        random: &mut Stream,
        out: &mut RowBuffer<E>,
    ) {
        let (district, order) = place(index, ORDERS);
        let delivered = order < FIRST_UNDELIVERED;
        for number in 1..=self.lines_of(warehouse, index) {
            let item = random.between(1, ITEMS);
            let amount = if delivered { 0 } else { random.between(1, 999_999).into() };
            out.int(warehouse).int(district).int(order).int(number).int(item).int(warehouse);
            if delivered {
                out.text(date)
            } else {
                out.null()
            };
            out.int(5).decimal(amount, 2).text(|to| random.letters(24, to)).end_row();
        }
    }
}

/// A chunk as a file of tab-separated lines, piece by piece: each is made when it is asked for.
#[derive(Debug)]
pub struct Pieces {
    maker: RowMaker,
    chunk: Chunk,
}

impl Pieces {
    /// Bytes of a piece, all but the last: little enough to stay in a processor's cache.
    const BYTES: usize = 64 << 10;
    /// Room for the rows of the index that goes past it: fifteen order lines, or one customer.
    const ROOM: usize = Self::BYTES + (2 << 10);

    /// The chunk's rows of this maker.
    pub fn new(maker: RowMaker, chunk: Chunk) -> Self {
        Self { maker, chunk }
    }
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut piece = RowBuffer::<Tsv>::with_room(Self::ROOM);
        while piece.bytes().len() < Self::BYTES
            && let Some(index) = self.chunk.range.next()
        {
            self.maker.write(self.chunk.table, self.chunk.warehouse, index, &mut piece);
        }
        (piece.rows() > 0).then(|| piece.into_bytes())
    }
}

fn draw_lines(random: &mut Stream) -> u32 {
    random.between(*LINES.start(), *LINES.end())
}

/// District and number within it, both from 1, of an index.
fn place(index: u32, of_district: u32) -> (u32, u32) {
    (index / of_district + 1, index % of_district + 1)
}

fn date(to: &mut Vec<u8>) {
    to.extend_from_slice(DATE);
}

fn item<E: Encoding>(index: u32, random: &mut Stream, out: &mut RowBuffer<E>) {
    out.int(index + 1)
        .int(random.between(1, 10_000))
        .text(|to| random.some_letters(14, 24, to))
        .decimal(random.between(100, 10_000).into(), 2)
        .text(|to| maybe_original(random, to))
        .end_row();
}

/// 26 to 50 characters; in 10 of 100 rows ORIGINAL stands somewhere among them.
fn maybe_original(random: &mut Stream, to: &mut Vec<u8>) {
    const WORD: &[u8] = b"ORIGINAL";
    let start = to.len();
    random.some_letters(26, 50, to);
    if random.percent(10) {
        let at = start + random.below(to.len() - start - WORD.len() + 1);
        to[at..at + WORD.len()].copy_from_slice(WORD);
    }
}

fn warehouse_row<E: Encoding>(warehouse: u32, random: &mut Stream, out: &mut RowBuffer<E>) {
    out.int(warehouse).text(|to| random.some_letters(6, 10, to));
    address(random, out);
    out.decimal(random.between(0, 2_000).into(), 4).decimal(30_000_000, 2).end_row();
}

fn address<E: Encoding>(random: &mut Stream, out: &mut RowBuffer<E>) {
    for _ in 0..3 {
        out.text(|to| random.some_letters(10, 20, to));
    }
    out.text(|to| random.letters(2, to)).text(|to| {
        random.digits(4, to);
        to.extend_from_slice(b"11111");
    });
}

fn district<E: Encoding>(warehouse: u32, index: u32, random: &mut Stream, out: &mut RowBuffer<E>) {
    out.int(warehouse).int(index + 1).text(|to| random.some_letters(6, 10, to));
    address(random, out);
    out.decimal(random.between(0, 2_000).into(), 4).decimal(3_000_000, 2).int(ORDERS + 1).end_row();
}

fn stock<E: Encoding>(warehouse: u32, index: u32, random: &mut Stream, out: &mut RowBuffer<E>) {
    out.int(warehouse).int(index + 1).int(random.between(10, 100));
    for _ in 0..DISTRICTS {
        out.text(|to| random.letters(24, to));
    }
    out.int(0).int(0).int(0).text(|to| maybe_original(random, to)).end_row();
}

fn customer<E: Encoding>(
    warehouse: u32,
    index: u32,
    c_load: CLast,
    random: &mut Stream,
    out: &mut RowBuffer<E>,
) {
    let (district, customer) = place(index, CUSTOMERS);
    // The first thousand have every name once.
    let name = if customer <= 1_000 { customer - 1 } else { c_load.draw(random) };
    out.int(warehouse)
        .int(district)
        .int(customer)
        .text(|to| random.some_letters(8, 16, to))
        .text(|to| to.extend_from_slice(b"OE"))
        .text(|to| last_name(name, to));
    address(random, out);
    let credit: &[u8] = if random.percent(10) { b"BC" } else { b"GC" };
    out.text(|to| random.digits(16, to))
        .text(date)
        .text(|to| to.extend_from_slice(credit))
        .decimal(5_000_000, 2)
        .decimal(random.between(0, 5_000).into(), 4)
        .decimal(-1_000, 2)
        .decimal(1_000, 2)
        .int(1)
        .int(0)
        .text(|to| random.some_letters(300, 500, to))
        .end_row();
}

/// The key is run 0, with the warehouse for a terminal and the customer for a sequence.
fn history<E: Encoding>(warehouse: u32, index: u32, random: &mut Stream, out: &mut RowBuffer<E>) {
    let (district, customer) = place(index, CUSTOMERS);
    out.int(0).int(warehouse).int(index);
    out.int(customer).int(district).int(warehouse).int(district).int(warehouse);
    out.text(date).decimal(1_000, 2).text(|to| random.some_letters(12, 24, to)).end_row();
}

fn new_order<E: Encoding>(warehouse: u32, index: u32, out: &mut RowBuffer<E>) {
    let (district, number) = place(index, UNDELIVERED);
    out.int(warehouse).int(district).int(FIRST_UNDELIVERED - 1 + number).end_row();
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use super::*;

    /// 64-bit FNV-1a: written down here because the golden sums must never move with a library.
    struct Fnv(u64);

    impl Hasher for Fnv {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        fn finish(&self) -> u64 {
            self.0
        }
    }

    /// The sum of the rows' hashes, which does not depend on their order.
    fn checksum(maker: &mut RowMaker, chunk: &Chunk) -> (u64, u64) {
        let mut out = RowBuffer::<Tsv>::new();
        let (mut sum, mut rows) = (0_u64, 0);
        for index in chunk.range.clone() {
            out.clear();
            maker.write(chunk.table, chunk.warehouse, index, &mut out);
            rows += out.rows();
            for line in out.bytes().split_inclusive(|byte| *byte == b'\n') {
                let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
                hash.write(line);
                sum = sum.wrapping_add(hash.finish());
            }
        }
        assert_eq!(rows, maker.count(chunk), "{chunk}");
        (rows, sum)
    }

    fn whole(table: Table, warehouse: u32) -> Chunk {
        Chunk { table, warehouse, range: 0..indexes(table) }
    }

    fn lines(table: Table, warehouse: u32, range: Range<u32>) -> Vec<Vec<String>> {
        let mut out = RowBuffer::<Tsv>::new();
        let mut maker = RowMaker::new(3);
        range.for_each(|index| maker.write(table, warehouse, index, &mut out));
        let text = String::from_utf8(out.bytes().to_vec()).unwrap();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn one_warehouse_of_seed_1_is_these_rows_and_no_others() {
        let mut maker = RowMaker::new(1);
        let sums: Vec<_> = Table::ALL
            .iter()
            .map(|table| {
                let warehouse = u32::from(*table != Table::Item);
                let (rows, sum) = checksum(&mut maker, &whole(*table, warehouse));
                format!("{table} {rows} {sum:016x}")
            })
            .collect();
        insta::assert_snapshot!(sums.join("\n"));
    }

    #[test]
    fn any_split_in_any_order_gives_the_same_rows() {
        for table in [Table::Orders, Table::OrderLine, Table::Customer, Table::NewOrder] {
            let (rows, sum) = checksum(&mut RowMaker::new(9), &whole(table, 2));
            let (mut parts_rows, mut parts_sum) = (0, 0_u64);
            let bounds = [0, 1, 2_999, 3_500, 8_000, indexes(table)];
            let mut maker = RowMaker::new(9);
            for pair in bounds.windows(2).rev() {
                let chunk = Chunk { table, warehouse: 2, range: pair[0]..pair[1] };
                let (rows, sum) = checksum(&mut maker, &chunk);
                parts_rows += rows;
                parts_sum = parts_sum.wrapping_add(sum);
            }
            assert_eq!((parts_rows, parts_sum), (rows, sum), "{table}");
        }
    }

    #[test]
    fn pieces_are_the_chunk_and_fit_their_room() {
        for table in Table::ALL {
            let chunk = Chunk { table: *table, warehouse: 1, range: 0..indexes(*table).min(4_000) };
            let mut whole = RowBuffer::<Tsv>::new();
            let mut maker = RowMaker::new(5);
            chunk.range.clone().for_each(|index| maker.write(*table, 1, index, &mut whole));
            let pieces: Vec<_> = Pieces::new(RowMaker::new(5), chunk).collect();
            assert!(pieces.iter().all(|piece| piece.len() <= Pieces::ROOM), "{table}");
            assert_eq!(pieces.concat(), whole.into_bytes(), "{table}");
        }
    }

    #[test]
    fn another_seed_or_warehouse_gives_other_rows() {
        let sum = |seed, warehouse| {
            checksum(&mut RowMaker::new(seed), &whole(Table::NewOrder, warehouse)).1
                ^ checksum(&mut RowMaker::new(seed), &whole(Table::District, warehouse)).1
        };
        assert!(sum(1, 1) != sum(2, 1) && sum(1, 1) != sum(1, 2));
    }

    #[test]
    fn every_customer_of_a_district_has_one_order_and_every_name_comes_up() {
        let mut customers: Vec<u32> = lines(Table::Orders, 1, 3_000..6_000)
            .iter()
            .map(|row| row[3].parse().unwrap())
            .collect();
        assert!(!customers.is_sorted());
        customers.sort_unstable();
        assert_eq!(customers, (1..=3_000).collect::<Vec<_>>());

        let rows = lines(Table::Customer, 1, 0..3_000);
        let mut names: Vec<_> = rows[..1_000].iter().map(|row| row[5].clone()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 1_000);
        let bad = rows.iter().filter(|row| row[13] == "BC").count();
        assert!((200..400).contains(&bad), "{bad} of 3000 with bad credit");
        assert!(rows.iter().all(|row| (300..=500).contains(&row[20].len())));
        assert!(rows.iter().all(|row| row[10].len() == 9 && row[10].ends_with("11111")));
        assert!(rows.iter().all(|row| row[11].len() == 16));
    }

    #[test]
    fn delivered_and_undelivered_orders_differ_where_the_specification_says() {
        for row in lines(Table::Orders, 1, 0..3_000) {
            let delivered = row[2].parse::<u32>().unwrap() < 2_101;
            assert_eq!(row[5] == "\\N", !delivered, "{row:?}");
        }
        for row in lines(Table::OrderLine, 1, 2_000..2_200) {
            let delivered = row[2].parse::<u32>().unwrap() < 2_101;
            assert_eq!(row[6] == "\\N", !delivered, "{row:?}");
            assert_eq!(row[8] == "0.00", delivered, "{row:?}");
            assert_eq!(row[9].len(), 24);
        }
        let undelivered = lines(Table::NewOrder, 1, 0..900);
        assert_eq!(undelivered.first().unwrap()[2], "2101");
        assert_eq!(undelivered.last().unwrap()[2], "3000");
    }

    #[test]
    fn one_row_in_ten_is_original() {
        let rows = lines(Table::Item, 0, 0..20_000);
        let original = rows.iter().filter(|row| row[4].contains("ORIGINAL")).count();
        assert!((1_850..2_150).contains(&original), "{original} of 20000");
        assert!(rows.iter().all(|row| (26..=50).contains(&row[4].len())));
    }
}

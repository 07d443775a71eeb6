//! Rows of the initial database made a second on one core. Order lines are to reach 1.5 million,
//! so that a loader waits for its server and never the other way round.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rollproof::tpcc::encoding::{Encoding, RowBuffer, SqlValues, Tsv};
use rollproof::tpcc::rows::{Chunk, RowMaker};
use rollproof::tpcc::scale::Table;

fn make<E: Encoding>(maker: &mut RowMaker, chunk: &Chunk, out: &mut RowBuffer<E>) {
    out.clear();
    for index in chunk.range.clone() {
        maker.write(chunk.table, chunk.warehouse, index, out);
    }
    black_box(out.bytes());
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    let mut maker = RowMaker::new(1);
    for table in [Table::OrderLine, Table::Stock, Table::Customer] {
        let chunk = Chunk { table, warehouse: 1, range: 0..1_000 };
        group.throughput(Throughput::Elements(maker.count(&chunk)));
        let (mut tsv, mut values) = (RowBuffer::<Tsv>::new(), RowBuffer::<SqlValues>::new());
        group.bench_function(format!("{table}/tsv"), |bencher| {
            bencher.iter(|| make(&mut maker, &chunk, &mut tsv));
        });
        group.bench_function(format!("{table}/values"), |bencher| {
            bencher.iter(|| make(&mut maker, &chunk, &mut values));
        });
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);

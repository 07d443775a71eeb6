//! What an attempt costs: to record it, and to read and analyse it afterwards.

#![expect(clippy::unwrap_used, reason = "a bench")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rollproof::analysis::analyze;
use rollproof::event::Event;
use rollproof::record::RecordWriter;

fn story() -> support::Story {
    support::Story { rate: 1_000, terminals: 64, ..support::Story::default() }
}

fn is_attempt(event: &&Event) -> bool {
    matches!(event, Event::Attempt(_))
}

fn recording(criterion: &mut Criterion) {
    let story = story();
    let attempts: Vec<_> = story.events().iter().filter(is_attempt).cloned().collect();
    let scratch = tempfile::tempdir().unwrap();
    let mut number = 0;
    let mut group = criterion.benchmark_group("record");
    group.sample_size(20).throughput(Throughput::Elements(attempts.len() as u64));
    group.bench_function("attempts", |bencher| {
        let create = || {
            number += 1;
            RecordWriter::create(&scratch.path().join(number.to_string()), story.manifest())
                .unwrap()
        };
        let write = |mut writer: RecordWriter| {
            attempts.iter().for_each(|attempt| writer.write(attempt).unwrap());
            writer.flush().unwrap();
            writer
        };
        bencher.iter_batched(create, write, BatchSize::PerIteration);
    });
    group.finish();
}

fn analysing(criterion: &mut Criterion) {
    let story = story();
    let events = story.events();
    let scratch = tempfile::tempdir().unwrap();
    let record = [story.write(&scratch.path().join("run"), &events)];
    let attempts = events.iter().filter(is_attempt).count() as u64;
    let mut group = criterion.benchmark_group("analyze");
    group.sample_size(10).throughput(Throughput::Elements(attempts));
    group.bench_function("attempts", |bencher| {
        bencher.iter(|| black_box(analyze(&record).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, recording, analysing);
criterion_main!(benches);

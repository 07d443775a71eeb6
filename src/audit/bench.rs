//! What the client's part of an audit costs: an hour's ledger written, read, sorted on disk and
//! held against as many rows. Servers, which have the greater part, are not in it.
//!
//! `cargo test --release --lib audit::bench -- --ignored --nocapture`; `scripts/bench` measures a
//! whole audit with its servers.

use std::time::Instant;

use super::claim::{Delivery, Order, Payment, Trace};
use super::compare::Comparison;
use super::ledger::Ledger;
use super::sorted::Sorted;
use crate::event::{Event, Fate, LedgerEntry, RunTime, WriteKey};
use crate::record::{FORMAT, Manifest, Record, RecordWriter, Work};
use crate::scenario::Scenario;

/// An hour of 1000 transactions a second: ten times the default rate.
const TRANSACTIONS: u64 = 3_600_000;
const WAREHOUSES: u64 = 10;
const TERMINALS: u64 = 100;

/// What transaction number `n` leaves in the ledger, in TPC-C's mix of 23.
fn entry(n: u64, next: &mut [u64]) -> Option<LedgerEntry> {
    let terminal = (n % TERMINALS) as u32;
    let warehouse = u64::from(terminal) % WAREHOUSES;
    // Spread over districts as a real run's are, so that keys come in no order.
    let district = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let district = (district % 10) as u32 + 1;
    let stamp = n as i64 * 1_000;
    let key = match n / TERMINALS % 23 {
        0..10 => {
            let counter = &mut next[warehouse as usize * 10 + district as usize - 1];
            *counter += 1;
            let customer = (n % 3000) as u32 + 1;
            WriteKey::NewOrder { district, order: *counter, customer, entered_us: stamp }
        }
        10..20 => WriteKey::Payment { district, amount_cents: (n % 500_000) as i64 },
        20 => WriteKey::Delivery { carrier: (n % 10) as u32 + 1, delivered_us: stamp, orders: 10 },
        21 => WriteKey::Sight { district, newest: n },
        _ => return None,
    };
    let (sequence, fate) = (n / TERMINALS, Fate::Acknowledged);
    let (warehouse, at) = (warehouse as u32 + 1, RunTime(n * 1_000));
    Some(LedgerEntry { terminal, sequence, warehouse, at, fate, key })
}

fn record(home: &std::path::Path, transactions: u64) -> (Record, u64) {
    let manifest = Manifest {
        work: Work::Run,
        format: FORMAT,
        tool_version: "bench".to_owned(),
        run_id: "bench".to_owned(),
        run_number: 1,
        origin_wall: jiff::Timestamp::UNIX_EPOCH,
        origin_monotonic_us: 0,
        shard: "1/1".to_owned(),
        scenario: Scenario::default(),
        sessions: None,
        capacity: None,
        baseline: None,
        outside: None,
        upgrade: None,
        completion: None,
    };
    let dir = home.join("bench");
    let mut writer = RecordWriter::create(&dir, manifest).unwrap();
    let mut next = vec![3000; WAREHOUSES as usize * 10];
    let mut entries = 0;
    for entry in (0..transactions).filter_map(|n| entry(n, &mut next)) {
        writer.write(&Event::Ledger(entry)).unwrap();
        entries += 1;
    }
    writer.finish(RunTime(transactions * 1_000), None).unwrap();
    (Record::open(&dir).unwrap(), entries)
}

/// Holds claims against rows that are what they claim.
fn compare<T: Trace>(claims: &Sorted<T>) -> u64 {
    let mut effective = 0_u64;
    let mut comparison = Comparison::new(claims.iter().unwrap(), |_: &T| effective += 1);
    for claim in claims.iter().unwrap() {
        comparison.row(&claim.unwrap().row).unwrap();
    }
    let compared = comparison.finish().unwrap();
    assert_eq!((compared.broken.total, compared.unexplained.total), (0, 0));
    effective
}

/// The process's memory at its highest so far, in MiB; 0 where the system does not tell.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[test]
#[ignore = "a measurement: minutes without --release"]
fn an_hour_s_ledger_is_sorted_and_compared_in_little_memory() {
    let transactions = std::env::var("ROLLPROOF_BENCH_TRANSACTIONS");
    let transactions = transactions.map_or(TRANSACTIONS, |n| n.parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let (record, entries) = record(home.path(), transactions);
    let bytes = std::fs::metadata(record.dir().join(crate::record::file::LEDGER)).unwrap().len();
    println!(
        "{transactions} transactions, {entries} entries of {bytes} bytes, written in {:.1?}",
        began.elapsed()
    );
    let before = peak_mib();
    let began = Instant::now();
    let ledger = Ledger::read(&record).unwrap();
    println!("read and sorted in {:.1?}", began.elapsed());
    assert!(ledger.whole);
    let began = Instant::now();
    let effective = compare::<Order>(&ledger.orders)
        + compare::<Payment>(&ledger.payments)
        + compare::<Delivery>(&ledger.deliveries);
    println!(
        "compared in {:.1?}; peak memory {before} MiB before, {} MiB after",
        began.elapsed(),
        peak_mib()
    );
    assert_eq!(effective, ledger.acknowledged);
    assert!(peak_mib() < before + 100, "memory must not grow with the ledger");
}

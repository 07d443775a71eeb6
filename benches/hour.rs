//! An hour at 5 000 transactions a second, 18 million attempts and 17 million entries of the ledger:
//! what it costs to record them, and how long they take to analyse. The bench `record` has the
//! distributions. `cargo bench --bench hour [-- SECONDS]`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use rollproof::analysis::analyze;
use rollproof::event::*;
use rollproof::record::{Record, RecordWriter, file};
use rustix::time::{ClockId, clock_gettime};

const RATE: u64 = 5_000;
const TERMINALS: u32 = 500;
const EPOCH_US: i64 = 1_767_268_800_000_000;

fn cpu() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec.unsigned_abs() as u32)
}

/// Attempt number `n` of the hour: evenly spaced, three to eight ms long, one in a thousand refused
/// and repeated elsewhere.
fn attempts(n: u64) -> impl Iterator<Item = Attempt> {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let kind = match mixed % 100 {
        0..45 => TxnKind::NewOrder,
        45..88 => TxnKind::Payment,
        88..92 => TxnKind::OrderStatus,
        92..96 => TxnKind::Delivery,
        _ => TxnKind::StockLevel,
    };
    let terminal = (n % u64::from(TERMINALS)) as u32;
    let scheduled = RunTime(n * 1_000_000 / RATE);
    let is_refused = mixed.is_multiple_of(1_009);
    let attempt = move |number: u16, start: RunTime, took: u64, outcome, last| Attempt {
        terminal,
        sequence: n / u64::from(TERMINALS),
        attempt: number,
        last,
        kind,
        warehouse: terminal % 100 + 1,
        scheduled,
        start,
        end: start.plus_us(took),
        zone: Some(ZoneId(((terminal + u32::from(number)) % 3) as u8)),
        outcome,
        code: ErrorCode::NONE,
        statement: (!last).then_some(StatementKind::Connect),
    };
    let refused = Outcome::Failed(ErrorClass::Refused);
    let first = is_refused.then(|| attempt(0, scheduled, 900, refused, false));
    let (number, start) = if is_refused { (1, scheduled.plus_us(20_000)) } else { (0, scheduled) };
    let last = attempt(number, start, 3_000 + mixed % 5_000, Outcome::Committed, true);
    first.into_iter().chain([last])
}

/// What the ledger keeps of a committed attempt: a write's key, or what a Stock-Level saw.
fn entry(of: &Attempt) -> Option<LedgerEntry> {
    let order = of.sequence;
    let key = match of.kind {
        _ if of.outcome != Outcome::Committed => return None,
        TxnKind::NewOrder => {
            WriteKey::NewOrder { district: 1, order, customer: 7, entered_us: EPOCH_US }
        }
        TxnKind::Payment => WriteKey::Payment { district: 1, amount_cents: 123_456 },
        TxnKind::Delivery => WriteKey::Delivery { carrier: 3, delivered_us: EPOCH_US, orders: 10 },
        TxnKind::StockLevel => WriteKey::Sight { district: 1, newest: order },
        _ => return None,
    };
    let Attempt { terminal, sequence, warehouse, end: at, .. } = *of;
    Some(LedgerEntry { terminal, sequence, warehouse, at, fate: Fate::Acknowledged, key })
}

/// Peak memory of this process in MiB, as the kernel tells.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// The record of an hour, and what went into it.
struct Hour {
    record: Record,
    attempts: u64,
    entries: u64,
    recording: Duration,
}

impl Hour {
    /// Records a run of this length, with or without the entries of its ledger.
    fn new(dir: &Path, seconds: u64, with_ledger: bool) -> Self {
        let load_s = seconds - 9;
        let story = support::Story {
            rate: RATE,
            terminals: TERMINALS,
            baseline_s: load_s / 2,
            settle_s: load_s - load_s / 2,
            final_s: 0,
            upgrade: false,
            ..support::Story::default()
        };
        let mut writer = RecordWriter::create(dir, story.manifest()).unwrap();
        story.rest().iter().for_each(|event| writer.write(event).unwrap());
        let (mut count, mut entries) = (0, 0);
        let last = story.load_end() * RATE / 1_000_000;
        let began = cpu();
        (0..last).flat_map(attempts).for_each(|attempt| {
            count += 1;
            writer.write(&Event::Attempt(attempt)).unwrap();
            if let Some(entry) = entry(&attempt).filter(|_| with_ledger) {
                entries += 1;
                writer.write(&Event::Ledger(entry)).unwrap();
            }
        });
        writer.finish(RunTime(story.end()), None).unwrap();
        let recording = cpu() - began;
        Self { record: Record::open(dir).unwrap(), attempts: count, entries, recording }
    }

    /// Wall time and CPU that its analysis takes.
    fn analyze(&self) -> (Duration, Duration) {
        let (began, began_cpu) = (Instant::now(), cpu());
        let analysis = analyze(std::slice::from_ref(&self.record)).unwrap();
        let took = (began.elapsed(), cpu() - began_cpu);
        let found = (analysis.total.counts.attempts, analysis.problems.len());
        assert_eq!(found, (self.attempts, 0));
        took
    }
}

fn main() {
    let given = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let seconds: u64 = given.unwrap_or(3_600);
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("hour");
    let hour = Hour::new(&dir, seconds, true);
    let size = |name| std::fs::metadata(dir.join(name)).unwrap().len() >> 20;
    println!("{} attempts of {seconds} s in {} MiB", hour.attempts, size(file::TRANSACTIONS));
    println!("{} entries of the ledger in {} MiB", hour.entries, size(file::LEDGER));
    println!(
        "recorded: {:.3} µs of CPU an attempt, its entry included",
        hour.recording.as_secs_f64() * 1e6 / hour.attempts as f64
    );
    let (wall, used) = hour.analyze();
    println!("analysed: {:.2} s, {:.2} s of CPU", wall.as_secs_f64(), used.as_secs_f64());
    println!("peak memory: {} MiB", peak_mib());
    std::fs::remove_dir_all(&dir).unwrap();

    // A ledger is read after the attempts; without one, they are all there is.
    let alone = Hour::new(&home.path().join("alone"), seconds, false);
    // What else the machine does only ever adds: the fastest of a few is what it costs.
    let used = (0..5).map(|_| alone.analyze().1).min().unwrap();
    println!(
        "attempts alone: {:.2} million a second of CPU, the fastest of five",
        alone.attempts as f64 / used.as_secs_f64() / 1e6
    );
}

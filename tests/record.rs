//! The record on disk: what is written is read back, and what is cut is called cut.

use std::path::Path;

use rollproof::event::*;
use rollproof::record::*;
use rollproof::scenario::{Cluster, Scenario, Zone};

fn manifest() -> Manifest {
    let zones = ["a", "b"]
        .map(|name| Zone { name: name.to_owned(), endpoint: "127.0.0.1:1".to_owned() })
        .to_vec();
    Manifest {
        work: Work::Run,
        format: FORMAT,
        tool_version: "test".to_owned(),
        run_id: "r".to_owned(),
        run_number: 7,
        origin_wall: jiff::Timestamp::UNIX_EPOCH,
        origin_monotonic_us: 0,
        shard: "1/1".to_owned(),
        scenario: Scenario {
            cluster: Cluster { zones, ..Cluster::default() },
            ..Scenario::default()
        },
        sessions: None,
        capacity: None,
        baseline: None,
        upgrade: None,
        outside: None,
        completion: None,
    }
}

fn attempt(sequence: u64, outcome: Outcome) -> Attempt {
    let failed = outcome.class().is_some();
    Attempt {
        terminal: 3,
        sequence,
        attempt: 0,
        last: true,
        kind: TxnKind::Payment,
        warehouse: 2,
        scheduled: RunTime(sequence * 10),
        start: RunTime(sequence * 10 + 1),
        end: RunTime(sequence * 10 + 5),
        zone: Some(ZoneId(1)),
        outcome,
        code: if failed { ErrorCode { errno: 1213, sqlstate: *b"40001" } } else { ErrorCode::NONE },
        statement: failed.then_some(StatementKind::Commit),
    }
}

fn ledger_entry(key: WriteKey) -> LedgerEntry {
    let fate = Fate::Ambiguous;
    LedgerEntry { terminal: 1, sequence: 2, warehouse: 3, at: RunTime(4), fate, key }
}

fn events() -> Vec<Event> {
    let probe = |failure| Probe {
        zone: ZoneId(0),
        kind: ProbeKind::NewRead,
        start: RunTime(5),
        end: RunTime(6),
        failure,
        code: ErrorCode::NONE,
    };
    vec![
        Event::Attempt(attempt(0, Outcome::Committed)),
        Event::Attempt(attempt(1, Outcome::Ambiguous(ErrorClass::ConnectionLost))),
        Event::Attempt(attempt(2, Outcome::Failed(ErrorClass::Deadlock))),
        Event::Probe(probe(None)),
        Event::Probe(probe(Some(ErrorClass::Refused))),
        Event::Ledger(ledger_entry(WriteKey::NewOrder {
            district: 1,
            order: 3001,
            customer: 9,
            entered_us: 77,
        })),
        Event::Ledger(ledger_entry(WriteKey::Payment { district: 1, amount_cents: 12345 })),
        Event::Ledger(ledger_entry(WriteKey::Delivery { carrier: 4, delivered_us: 9, orders: 10 })),
        Event::Own(SelfSample { at: RunTime(1), wall_step_us: -3, ..SelfSample::default() }),
        Event::Cluster(ClusterEvent {
            at: RunTime(8),
            uncertainty_us: 100,
            source: Source::Observer,
            fact: ClusterFact::Zone(ZoneStatus {
                zone: ZoneId(1),
                state: ZoneState::Serving,
                version: Some("10.11.18".to_owned()),
                cluster_size: Some(3),
                detail: "Synced".to_owned(),
            }),
        }),
        Event::Cluster(ClusterEvent {
            at: RunTime(9),
            uncertainty_us: 0,
            source: Source::Runner,
            fact: ClusterFact::Step {
                step: "stop-zone".to_owned(),
                zone: Some(ZoneId(1)),
                edge: Edge::Begin,
                detail: String::new(),
            },
        }),
    ]
}

fn write(dir: &Path) {
    let mut writer = RecordWriter::create(dir, manifest()).unwrap();
    events().iter().for_each(|event| writer.write(event).unwrap());
    writer.finish(RunTime(100), None).unwrap();
}

/// Everything a record holds, as events, in the order of [`events`].
fn read(dir: &Path) -> Vec<Event> {
    let record = Record::open(dir).unwrap();
    let mut all: Vec<Event> = Vec::new();
    all.extend(record.attempts().unwrap().map(|row| Event::Attempt(row.unwrap())));
    all.extend(record.probes().unwrap().map(|row| Event::Probe(row.unwrap())));
    all.extend(record.ledger().unwrap().map(|row| Event::Ledger(row.unwrap())));
    all.extend(record.own().unwrap().map(|row| Event::Own(row.unwrap())));
    all.extend(record.cluster().unwrap().0.into_iter().map(Event::Cluster));
    all
}

#[test]
fn what_is_written_is_read_back() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    write(&dir);
    assert_eq!(read(&dir), events());
    let completion = Record::open(&dir).unwrap().manifest.completion.unwrap();
    assert_eq!((completion.rows.transactions, completion.rows.cluster), (3, 2));
}

#[test]
fn a_run_that_was_killed_is_readable_up_to_its_last_flush() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    let mut writer = RecordWriter::create(&dir, manifest()).unwrap();
    for sequence in 0..1000 {
        writer.write(&Event::Attempt(attempt(sequence, Outcome::Committed))).unwrap();
    }
    writer.flush().unwrap();
    for sequence in 1000..1100 {
        writer.write(&Event::Attempt(attempt(sequence, Outcome::Committed))).unwrap();
    }
    // Killed: nothing is closed, nothing is flushed.
    std::mem::forget(writer);
    let record = Record::open(&dir).unwrap();
    assert_eq!(record.manifest.completion, None);
    let mut rows = record.attempts().unwrap();
    assert_eq!(rows.by_ref().map(Result::unwrap).count(), 1000);
    assert_eq!(rows.wholeness(), Some(Wholeness::Cut));
}

/// Memory this process holds, in KiB.
#[cfg(target_os = "linux")]
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_ledger_of_any_length_is_written_and_read_in_the_same_memory() {
    const ROWS: u64 = 300_000;
    const GROWTH_KIB_MAX: u64 = 8 << 10;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    let mut writer = RecordWriter::create(&dir, manifest()).unwrap();
    let mut write = |sequences: std::ops::Range<u64>| {
        for sequence in sequences {
            let key = WriteKey::Payment { district: 1, amount_cents: 12_345 };
            let entry = LedgerEntry { sequence, ..ledger_entry(key) };
            writer.write(&Event::Ledger(entry)).unwrap();
        }
    };
    write(0..1_000);
    let before = resident_kib();
    // Held in memory they would be 20 MiB and more.
    write(1_000..ROWS);
    writer.finish(RunTime(1), None).unwrap();
    let rows = Record::open(&dir).unwrap().ledger().unwrap().map(Result::unwrap).count();
    assert_eq!(rows as u64, ROWS);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB more for {ROWS} rows");
}

#[test]
fn a_file_cut_anywhere_gives_a_prefix_and_is_called_cut() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    write(&dir);
    let whole: Vec<_> =
        Record::open(&dir).unwrap().attempts().unwrap().map(Result::unwrap).collect();
    let path = dir.join(file::TRANSACTIONS);
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let mut rows = Record::open(&dir).unwrap().attempts().unwrap();
        let read: Vec<_> = rows.by_ref().map(Result::unwrap).collect();
        assert!(whole.starts_with(&read), "cut at {length}: {read:?}");
        assert_eq!(rows.wholeness(), Some(Wholeness::Cut), "cut at {length}");
    }
}

#[test]
fn an_uncompressed_file_cut_anywhere_gives_a_prefix_too() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    let mut writer = RecordWriter::create(&dir, manifest()).unwrap();
    let sample = |at| SelfSample { at: RunTime(at), cpu_us: 123_456, ..SelfSample::default() };
    (0..3).for_each(|at| writer.write(&Event::Own(sample(at))).unwrap());
    writer.finish(RunTime(9), None).unwrap();
    let path = dir.join(file::OWN);
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let record = Record::open(&dir).unwrap();
        let Ok(rows) = record.own() else { continue };
        let read: Vec<_> = rows.map(Result::unwrap).collect();
        let expected: Vec<_> = (0..read.len() as u64).map(sample).collect();
        assert_eq!(read, expected, "cut at {length}");
    }
}

#[test]
fn damage_is_an_error_that_names_file_row_and_column() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    write(&dir);
    let path = dir.join(file::OWN);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}x,0,0,0,0,0,0,0,0\n0,0,0,0,0,0,0,0,0\n")).unwrap();
    let record = Record::open(&dir).unwrap();
    let error = record.own().unwrap().find_map(Result::err).unwrap().to_string();
    assert!(error.contains("self.csv") && error.contains("row 2"), "{error}");
    assert!(error.contains("at_us") && error.contains("\"x\""), "{error}");
}

#[test]
fn an_entry_of_the_ledger_holds_what_its_kind_has_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    write(&dir);
    let path = dir.join(file::LEDGER);
    let text = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
    let header = String::from_utf8(text).unwrap().lines().next().unwrap().to_owned();
    let said = |row: &str| {
        let text = format!("{header}\n{row}\n");
        std::fs::write(&path, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        let row = Record::open(&dir).unwrap().ledger().unwrap().next().unwrap();
        row.map_or_else(|error| error.to_string(), |entry| format!("{:?}", entry.key))
    };
    let cases = [
        ("1,2,3,acknowledged,payment,4,5,,,-1,,,", "amount_cents: -1"),
        ("1,2,3,acknowledged,payment,4,5,,,678,,,9", "stamp_epoch_us holds \"9\""),
        ("1,2,3,acknowledged,payment,4,5,7,,678,,,", "order holds \"7\", which is not blank"),
        ("1,2,3,acknowledged,new-order,4,5,,7,,,,8", "order holds \"\", which is not a number"),
        ("1,2,3,acknowledged,stock-level,4,5,6,,,,", "12 fields instead of 13"),
        ("1,2,3,acknowledged,stock-level,4,5,6,,,,,,", "14 fields instead of 13"),
        ("1,2,3,acknowledged,order-status,4,5,6,,,,,", "which the ledger does not keep"),
        ("1,2,3,guessed,payment,4,5,,,678,,,", "fate holds \"guessed\", which is not a fate"),
    ];
    for (row, words) in cases {
        assert!(said(row).contains(words), "{row}: {}", said(row));
    }
}

/// One wrong number would otherwise make a run of years.
#[test]
fn times_that_run_backwards_are_damage() {
    let home = tempfile::tempdir().unwrap();
    let backwards = |name: &str, change: fn(&mut Attempt)| {
        let dir = home.path().join(name);
        let mut writer = RecordWriter::create(&dir, manifest()).unwrap();
        let mut row = attempt(1, Outcome::Committed);
        change(&mut row);
        writer.write(&Event::Attempt(row)).unwrap();
        writer.finish(RunTime(100), None).unwrap();
        let mut rows = Record::open(&dir).unwrap().attempts().unwrap();
        rows.next().unwrap().unwrap_err().to_string()
    };
    let late = backwards("late", |row| row.start = RunTime(1 << 60));
    let early = backwards("early", |row| row.end = RunTime::ZERO);
    let future = backwards("future", |row| row.scheduled = RunTime(1 << 60));
    for said in [late, early, future] {
        assert!(said.contains("row 1: its times run backwards"), "{said}");
    }
}

#[test]
fn a_directory_that_is_no_run_and_a_newer_format_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let error = Record::open(home.path()).unwrap_err();
    assert!(matches!(error, RecordError::NotARun { .. }), "{error}");
    std::fs::write(home.path().join(file::MANIFEST), "{\"format\": 99, \"new\": 1}").unwrap();
    let error = Record::open(home.path()).unwrap_err();
    assert!(matches!(error, RecordError::TooNew { found: 99, .. }), "{error}");
}

#[test]
fn a_run_s_directory_is_never_written_over() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    write(&dir);
    let error = RecordWriter::create(&dir, manifest()).err().unwrap();
    assert!(matches!(error, RecordError::Exists { .. }), "{error}");
}

#[test]
fn counted_inputs_are_read_back_and_their_absence_is_no_error() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    RecordWriter::create(&dir, manifest()).unwrap().finish(RunTime(1), None).unwrap();
    let record = Record::open(&dir).unwrap();
    assert_eq!(record.inputs().unwrap(), None);
    let inputs = InputCounts { new_orders: 10, lines: 101, ..InputCounts::default() };
    write_inputs(&dir, &inputs).unwrap();
    assert_eq!(record.inputs().unwrap(), Some(inputs));
    // What a later version counts besides does not hinder this one, nor does what an earlier lacks.
    std::fs::write(dir.join(file::INPUTS), r#"{"new_orders": 3, "something_else": 4}"#).unwrap();
    assert_eq!(record.inputs().unwrap().unwrap().new_orders, 3);
    std::fs::write(dir.join(file::INPUTS), "{").unwrap();
    assert!(matches!(record.inputs(), Err(RecordError::Damaged { .. })));
}

#[test]
fn a_record_of_the_first_format_is_read() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("r");
    write(&dir);
    let header = "at_us,stall_us_max,stall_at_us,queue_len,cpu_us,wall_step_us,dispatched,";
    let own = format!("{header}dispatched_late\n1,2,3,4,5,-6,7,8\n");
    std::fs::write(dir.join(file::OWN), own).unwrap();
    let rows: Vec<_> = Record::open(&dir).unwrap().own().unwrap().map(Result::unwrap).collect();
    assert_eq!((rows[0].wall_step_us, rows[0].dispatched_late, rows[0].boot_step_us), (-6, 8, 0));
    std::fs::write(dir.join(file::OWN), "at_us,stall_us_max\n1,2\n").unwrap();
    let error = Record::open(&dir).unwrap().own().err().unwrap().to_string();
    assert!(error.contains("columns"), "{error}");
}

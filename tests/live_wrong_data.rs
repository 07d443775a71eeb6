//! Data that went wrong, each in its own way, on a real cluster: every one ends in DATA FAIL, exit
//! code 3, and is named by its key; and what is sound raises no alarm.
//!
//! Needs a lab of three zones: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the
//! test says so and passes. It spoils rows and mends them, beside what replication knows where
//! one node alone is to be wrong.

mod lab;
#[path = "support/liar.rs"]
mod liar;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use lab::scripts_lab;
use liar::{Liar, Lie};
use rollproof::event::{Fate, LedgerEntry, WriteKey};
use rollproof::record::Record;
use rollproof::scenario::Zone;

const DATABASE: &str = "live_wrong_data";

fn rollproof(verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    command.arg(verb).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("ROLLPROOF_PRODUCT");
    command.env("ROLLPROOF_DATABASE", DATABASE);
    command
}

/// A short run: `terminals` of them, and after a few seconds of baseline a watch of `watch`.
fn run(home: &Path, id: &str, terminals: &str, watch: &str) -> Command {
    let mut command = rollproof("run");
    command.args(["--warehouses", "1", "--rate", "50", "--terminals", terminals]);
    command.args(["--warm-up", "1s", "--baseline", "5s", "--duration", watch]);
    command.args(["--settle", "0s", "--final", "0s", "--quiet", "--run-id", id]);
    command.arg("--results").arg(home);
    command
}

/// Executes as administrator on one zone.
fn admin(zone: &str, statements: &str) {
    scripts_lab(&["sql", zone, "-Ne", statements]);
}

/// The same in the database, once the zone has all that the others have.
fn sql_on(zone: &str, statements: &str) {
    admin(zone, &format!("USE {DATABASE}; SET SESSION wsrep_sync_wait = 15; {statements}"));
}

fn sql(statements: &str) {
    sql_on("zone1", statements);
}

/// What was printed, once the exit code is what it must be.
fn printed(output: &Output, codes: &[i32]) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let code = output.status.code().expect("not ended by a signal");
    assert!(codes.contains(&code), "{code} is not one of {codes:?}: {output:?}");
    text
}

/// Lines are broken to fit; keys are looked for as if they were not.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A fault: how it is made, how it is mended, and what the verdict must say of it.
struct Spoiled {
    what: &'static str,
    spoil: String,
    mend: String,
    said: Vec<String>,
}

fn spoiled(what: &'static str, spoil: &str, mend: &str, said: &[&str]) -> Spoiled {
    let (spoil, mend) = (spoil.to_owned(), mend.to_owned());
    Spoiled { what, spoil, mend, said: said.iter().map(|text| (*text).to_owned()).collect() }
}

/// The third acknowledged entry of a kind: `pick` gives what is needed of it.
fn third<T>(ledger: &[LedgerEntry], pick: impl Fn(&LedgerEntry) -> Option<T>) -> T {
    let acknowledged = ledger.iter().filter(|entry| entry.fate == Fate::Acknowledged);
    acknowledged.filter_map(pick).nth(2).expect("a run has more")
}

fn a_lost_order(ledger: &[LedgerEntry]) -> Spoiled {
    let (d, o) = third(ledger, |entry| match entry.key {
        WriteKey::NewOrder { district, order, .. } => Some((district, order)),
        _ => None,
    });
    let row = format!("o_w_id = 1 AND o_d_id = {d} AND o_id = {o}");
    spoiled(
        "an acknowledged order deleted",
        &format!(
            "CREATE TABLE kept AS SELECT * FROM orders WHERE {row}; DELETE FROM orders WHERE {row}"
        ),
        "INSERT INTO orders SELECT * FROM kept; DROP TABLE kept",
        &[
            "zone1, zone2, zone3 ledger-orders fail, 1 difference",
            &format!("lost order (w 1, d {d}, o {o}): expected customer"),
            &format!("found nothing; see: SELECT * FROM orders WHERE {row}"),
        ],
    )
}

fn a_doubled_payment(ledger: &[LedgerEntry]) -> Spoiled {
    let (t, s) = third(ledger, |entry| {
        matches!(entry.key, WriteKey::Payment { .. }).then_some((entry.terminal, entry.sequence))
    });
    let columns = "h_c_id, h_c_d_id, h_c_w_id, h_d_id, h_w_id, h_date, h_amount, h_data";
    spoiled(
        "an acknowledged payment doubled",
        &format!(
            "INSERT INTO history (h_run, h_terminal, h_sequence, {columns}) SELECT h_run, h_terminal, \
             777777, {columns} FROM history WHERE h_run = 1 AND h_terminal = {t} AND h_sequence = {s}"
        ),
        "DELETE FROM history WHERE h_run = 1 AND h_sequence = 777777",
        &[
            "zone1, zone2, zone3 unexplained-payments fail, 1 difference",
            &format!(
                "duplicate payment (run 1, terminal {t}, sequence 777777): expected nothing: the \
                 same transaction is there as sequence {s}"
            ),
        ],
    )
}

fn an_older_table() -> Spoiled {
    spoiled(
        "an older copy of a table restored",
        "RENAME TABLE customer TO newer, older TO customer",
        "RENAME TABLE customer TO older, newer TO customer; DROP TABLE older",
        &[
            "zone1, zone2, zone3 counted-customers fail, 3 differences",
            "inconsistent c_balance of all customers: expected",
            "zone1, zone2, zone3 condition-10 fail",
        ],
    )
}

fn a_missing_district() -> Spoiled {
    let tables = [
        ("district", "d_w_id = 1 AND d_id = 4"),
        ("customer", "c_w_id = 1 AND c_d_id = 4"),
        ("history", "h_w_id = 1 AND h_d_id = 4"),
        ("orders", "o_w_id = 1 AND o_d_id = 4"),
        ("new_order", "no_w_id = 1 AND no_d_id = 4"),
        ("order_line", "ol_w_id = 1 AND ol_d_id = 4"),
    ];
    let (mut spoil, mut mend) = (String::new(), String::new());
    for (table, rows) in tables {
        spoil += &format!("CREATE TABLE kept_{table} AS SELECT * FROM {table} WHERE {rows}; ");
        spoil += &format!("DELETE FROM {table} WHERE {rows}; ");
        mend +=
            &format!("INSERT INTO {table} SELECT * FROM kept_{table}; DROP TABLE kept_{table}; ");
    }
    spoiled(
        "a whole district missing",
        &spoil,
        &mend,
        &[
            "zone1, zone2, zone3 ledger-orders fail",
            "inconsistent d_next_o_id (w 1, d 4): expected",
            "found no district; see: SELECT d_next_o_id FROM district WHERE d_w_id = 1 AND d_id = 4",
        ],
    )
}

fn a_cent() -> Spoiled {
    let change = |sign| {
        format!(
            "UPDATE customer SET c_balance = c_balance {sign} 0.01 WHERE c_w_id = 1 AND c_d_id = 2 AND c_id = 3"
        )
    };
    spoiled(
        "a balance off by 0.01",
        &change('+'),
        &change('-'),
        &[
            "zone1, zone2, zone3 counted-customers fail, 1 difference",
            "zone1, zone2, zone3 condition-10 fail, 1 difference",
            "inconsistent w 1, d 2, c 3: expected",
        ],
    )
}

#[test]
fn every_fault_in_the_data_is_found_and_sound_data_raise_no_alarm() {
    let Some(zones) = lab::zones() else { return };
    assert!(zones.len() >= 3, "needs a lab of three zones");
    admin("zone1", &format!("DROP DATABASE IF EXISTS {DATABASE}"));
    let loaded = rollproof("load").args(["--warehouses", "1"]).output().unwrap();
    assert!(loaded.status.success(), "{loaded:?}");
    sql("CREATE TABLE older LIKE customer; INSERT INTO older SELECT * FROM customer");

    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("sound");
    let output = run(home.path(), "sound", "8", "5s").output().unwrap();
    let sound = unwrapped(&printed(&output, &[0, 1, 4]));
    assert!(
        !sound.contains("DATA FAIL") && sound.contains(": 0 failed, 0 could not be made."),
        "{sound}"
    );
    assert!(sound.contains("0 with a condition broken"), "{sound}");

    let ledger: Result<Vec<_>, _> = Record::open(&dir).unwrap().ledger().unwrap().collect();
    let ledger = ledger.unwrap();
    for fault in [
        a_lost_order(&ledger),
        a_doubled_payment(&ledger),
        a_cent(),
        a_missing_district(),
        an_older_table(),
    ] {
        sql(&fault.spoil);
        is_found(&dir, fault.what, &fault.said);
        sql(&fault.mend);
    }
    one_node_alone(&dir);
    let mended = unwrapped(&printed(&audit(&dir), &[0, 1, 4]));
    assert!(mended.contains(": 0 failed, 0 could not be made."), "{mended}");

    a_server_that_forgets(home.path(), &zones);
    a_server_that_is_behind_and_a_fault_that_heals(home.path(), &zones);
    admin("zone1", &format!("DROP DATABASE {DATABASE}"));
}

fn audit(dir: &Path) -> Output {
    rollproof("audit").arg(dir).output().unwrap()
}

fn is_found(dir: &Path, what: &str, said: &[String]) {
    let began = Instant::now();
    let text = printed(&audit(dir), &[3]);
    println!("{what}: found in {:.1?}: {}", began.elapsed(), text.lines().next().unwrap());
    let flat = unwrapped(&text);
    for said in said {
        assert!(flat.contains(said), "{what}: {said:?} is not in {text}");
    }
    // What is printed is in every other form too.
    let summary = fs::read_to_string(dir.join("summary.json")).unwrap();
    let report = unwrapped(&fs::read_to_string(dir.join("report.md")).unwrap());
    assert!(summary.contains("\"differences\": ") && summary.contains("\"sql\": "), "{summary}");
    assert!(report.contains("DATA FAIL") && report.contains("see: SELECT"), "{report}");
}

/// Written where replication does not see it.
fn one_node_alone(dir: &Path) {
    let row = "c_w_id = 1 AND c_d_id = 2 AND c_id = 3";
    sql(&format!("CREATE TABLE kept AS SELECT * FROM customer WHERE {row}"));
    let alone = "SET SESSION wsrep_on = OFF";
    // Only after it has waited for the copy.
    sql_on(
        "zone2",
        &format!("SELECT 1 FROM kept; {alone}; UPDATE customer SET c_phone = '0' WHERE {row}"),
    );
    let said = ["zone2 same-customer fail, 1 difference", "divergent customer (w 1): expected"];
    is_found(dir, "a row edited on a single node", &said.map(str::to_owned));
    sql_on(
        "zone2",
        &format!("{alone}; UPDATE customer SET c_phone = (SELECT c_phone FROM kept) WHERE {row}"),
    );
    sql("DROP TABLE kept");
}

/// The zones with a liar in the place of the first one.
fn behind(liar: &Liar, zones: &[Zone]) -> String {
    let honest = zones[1..].iter().map(|zone| format!(",{}={}", zone.name, zone.endpoint));
    format!("{}={}{}", zones[0].name, liar.address(), honest.collect::<String>())
}

fn a_server_that_forgets(home: &Path, zones: &[Zone]) {
    // A short run stands for a long one, so one in eight for one in a thousand.
    let liar = Liar::start(&zones[0].endpoint, Lie::Forgets(8));
    let mut command = run(home, "forgets", "8", "5s");
    let output = command.env("ROLLPROOF_ZONES", behind(&liar, zones)).output().unwrap();
    assert!(liar.lies() > 0, "nothing was forgotten: {output:?}");
    let text = printed(&output, &[3]);
    println!(
        "a server that forgot {} of its commits: {}",
        liar.lies(),
        text.lines().next().unwrap()
    );
    let flat = unwrapped(&text);
    assert!(flat.contains(" lost") && flat.contains("ledger-"), "{text}");
    assert!(flat.contains("(acknowledged), found"), "{text}");
}

/// One run meets two faults: what zone1 says of order numbers goes back, and for a few seconds a
/// warehouse has a total that its districts do not add up to. At the end all is well.
fn a_server_that_is_behind_and_a_fault_that_heals(home: &Path, zones: &[Zone]) {
    let liar = Liar::start(&zones[0].endpoint, Lie::IsBehind(3));
    let mut command = run(home, "behind", "3", "20s");
    command.env("ROLLPROOF_ZONES", behind(&liar, zones));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let events = home.join("behind/cluster.jsonl");
    wait_for(|| fs::read_to_string(&events).is_ok_and(|text| text.contains("\"baseline\"")));
    sql_on("zone2", "UPDATE warehouse SET w_ytd = w_ytd + 1 WHERE w_id = 1");
    wait_for(|| fs::read_to_string(&events).is_ok_and(|text| text.contains("\"broken\"")));
    sql_on("zone2", "UPDATE warehouse SET w_ytd = w_ytd - 1 WHERE w_id = 1");
    let output = child.wait_with_output().unwrap();
    let text = printed(&output, &[3]);
    println!(
        "a stale server ({} lies) and a fault that healed: {}",
        liar.lies(),
        text.lines().next().unwrap()
    );
    let flat = unwrapped(&text);
    for said in [
        "zone1 monotonic-reads fail",
        "stale terminal",
        "spot-checks fail",
        "inconsistent condition-1 (w 1) at",
    ] {
        assert!(flat.contains(said), "{said:?} is not in {text}");
    }
    for sound in ["condition-1 fail", "counted-payments fail", "ledger-orders fail", "same-"] {
        assert!(!flat.contains(sound), "{sound:?} is in {text}");
    }
}

fn wait_for(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::sleep(Duration::from_millis(100));
    }
}

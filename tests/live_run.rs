//! Whole runs of the binary on a real cluster: to the end, interrupted, killed, out of room, and
//! through an upgrade that fails and is resumed.
//!
//! Needs a lab of three zones: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the
//! tests say so and pass. Machines are busy: a verdict may be INVALID here because the tool itself
//! was late, so what is asserted is what must hold whatever the noise.

mod lab;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lab::{ask_lab, scripts_lab};
use rollproof::report::DERIVED_FILES;
use rustix::process::{Pid, Signal, kill_process};

const DATABASE: &str = "live_run";

/// Short stretches, and enough load to be held against something.
const SHORT: [&str; 12] = [
    "--rate",
    "40",
    "--terminals",
    "8",
    "--warm-up",
    "2s",
    "--baseline",
    "6s",
    "--settle",
    "2s",
    "--final",
    "3s",
];

/// `rollproof VERB` against the lab, from the repository's root, where plans find `scripts/lab`.
fn rollproof(verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    command.arg(verb).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("ROLLPROOF_PRODUCT");
    command.env("ROLLPROOF_DATABASE", DATABASE);
    command
}

/// Fills the database; when it is there already that takes no time.
fn load() {
    let output = rollproof("load").args(["--warehouses", "1"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn run(home: &Path, id: &str, more: &[&str]) -> Command {
    let mut command = rollproof("run");
    command.args(["--warehouses", "1", "--run-id", id, "--results"]).arg(home);
    command.args(SHORT).args(more);
    if !more.contains(&"--upgrade") {
        command.args(["--duration", "4s"]);
    }
    command
}

/// A run that does not come to its end by itself.
fn long_run(home: &Path, id: &str) -> Command {
    let mut command = rollproof("run");
    command.args(["--warehouses", "1", "--run-id", id, "--results"]).arg(home);
    command.args(["--rate", "60", "--terminals", "8", "--warm-up", "2s", "--baseline", "10m"]);
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn report(dir: &Path) -> Output {
    rollproof("report").arg(dir).output().unwrap()
}

fn derived(dir: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    DERIVED_FILES.into_iter().map(|name| (name, fs::read(dir.join(name)).unwrap())).collect()
}

/// Starts a run, and waits until its record has something of this step.
fn started(mut command: Command, dir: &Path, step: &str) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    let announced = format!("\"{step}\"");
    while !fs::read_to_string(dir.join("cluster.jsonl")).is_ok_and(|t| t.contains(&announced)) {
        assert!(began.elapsed() < Duration::from_secs(60), "{step} never came");
        std::thread::sleep(Duration::from_millis(100));
    }
    // Something of it is to be there besides its beginning.
    std::thread::sleep(Duration::from_secs(2));
    child
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}

#[test]
fn a_run_comes_to_its_end_and_its_reports_can_be_made_again() {
    if lab::zones().is_none() {
        return;
    }
    load();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("whole");
    let output = run(home.path(), "whole", &[]).output().unwrap();
    assert!([0, 1, 4].contains(&code(&output)), "{output:?}");
    let text = out(&output);
    assert!(!text.contains("DATA FAIL"), "{text}");
    for phase in ["warm-up", "baseline", "watch", "settle", "final", "drain"] {
        let phases = fs::read_to_string(dir.join("phases.csv")).unwrap();
        assert!(phases.contains(phase), "{phase}: {phases}");
    }
    assert!(!text.contains("ended early") && text.contains("report.html"), "{text}");

    let before = derived(&dir);
    for name in DERIVED_FILES {
        fs::remove_file(dir.join(name)).unwrap();
    }
    let again = report(&dir);
    assert_eq!((code(&again), out(&again)), (code(&output), text));
    assert_eq!(derived(&dir), before);

    let audited = rollproof("audit").arg(&dir).output().unwrap();
    assert_eq!(code(&audited), code(&output), "{audited:?}");

    // A wrong password must not put "nothing is known" in the place of what is known.
    let kept = fs::read(dir.join("audit.json")).unwrap();
    let locked_out =
        rollproof("audit").arg(&dir).env("ROLLPROOF_PASSWORD", "wrong").output().unwrap();
    assert_eq!(code(&locked_out), 2, "{locked_out:?}");
    assert_eq!(fs::read(dir.join("audit.json")).unwrap(), kept);

    let taken = run(home.path(), "whole", &[]).output().unwrap();
    assert!(code(&taken) == 2 && err(&taken).contains("--run-id"), "{taken:?}");
    assert_eq!(derived(&dir), before, "a run is never written over");
}

#[test]
fn a_killed_run_can_be_read_and_proves_nothing() {
    if lab::zones().is_none() {
        return;
    }
    load();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("killed");
    let mut child = started(run(home.path(), "killed", &[]), &dir, "baseline");
    signal(&child, "KILL");
    child.wait().unwrap();
    let output = report(&dir);
    let text = out(&output);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(text.contains("INCONCLUSIVE") || text.contains("INVALID"), "{text}");
    assert!(text.contains("never came to its end"), "{text}");
    assert!(text.contains("baseline"), "{text}");
}

/// Measurement page, "Proof": faults of the tool's own host give INVALID, neither FAIL nor PASS.
#[test]
fn a_run_that_was_itself_stopped_blames_nobody() {
    if lab::zones().is_none() {
        return;
    }
    load();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("stopped");
    let child = started(run(home.path(), "stopped", &[]), &dir, "watch");
    signal(&child, "STOP");
    std::thread::sleep(Duration::from_secs(2));
    signal(&child, "CONT");
    let output = child.wait_with_output().unwrap();
    let text = out(&output);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(text.starts_with("INVALID"), "{text}");
    assert!(text.contains("stood still for"), "{text}");
}

/// The same fault in small pieces, as on a machine whose processors others keep busy: it may run in
/// two of every five moments.
#[test]
fn a_run_that_was_starved_blames_nobody() {
    if lab::zones().is_none() {
        return;
    }
    load();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("starved");
    let mut child = started(run(home.path(), "starved", &[]), &dir, "baseline");
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    while child.try_wait().unwrap().is_none() {
        // Both are of our own child, which is not waited for yet: its number is its own.
        kill_process(pid, Signal::STOP).unwrap();
        std::thread::sleep(Duration::from_millis(30));
        kill_process(pid, Signal::CONT).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let text = out(&output);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(text.starts_with("INVALID"), "{text}");
    assert!(text.contains("the measuring machine was too slow"), "{text}");
}

#[test]
fn a_rate_of_its_own_finding_is_stated_and_its_baseline_serves_the_next_run() {
    if lab::zones().is_none() {
        return;
    }
    load();
    let home = tempfile::tempdir().unwrap();
    let output =
        without(run(home.path(), "auto", &[]), "--rate").args(["--rate", "auto"]).output().unwrap();
    assert!([0, 1, 4].contains(&code(&output)), "{output:?}");
    assert!(out(&output).contains("that 3 zones carried for"), "{output:?}");
    assert!(!out(&output).contains("DATA FAIL"), "what was measured before is not in the ledger");
    let manifest = fs::read_to_string(home.path().join("auto/manifest.json")).unwrap();
    assert!(manifest.contains("\"capacity\""), "{manifest}");

    let other = run(home.path(), "other", &["--baseline-from", "results/example"]);
    let other = without(other, "--baseline").output().unwrap();
    assert_eq!(code(&other), 2, "{other:?}");
    assert!(
        err(&other).contains(" there and ") && !home.path().join("other").exists(),
        "{other:?}"
    );

    let first = run(home.path(), "first", &[]).output().unwrap();
    let taken_from = home.path().join("first");
    let from = ["--baseline-from", taken_from.to_str().unwrap()];
    let second = without(run(home.path(), "second", &from), "--baseline").output().unwrap();
    // Where the machine was too busy to take a baseline, the reason is said and nothing is run.
    match code(&second) {
        2 => assert!(err(&second).contains("cannot be used"), "{first:?} {second:?}"),
        _ => assert!(out(&second).contains("Held against the baseline of run first"), "{second:?}"),
    }
}

/// The same command without a flag and its value.
fn without(command: Command, flag: &str) -> Command {
    let mut left = rollproof("run");
    let mut skip = false;
    // The verb is there already.
    left.args(command.get_args().skip(1).filter(|argument| {
        let is_value = std::mem::take(&mut skip);
        skip = *argument == flag;
        !is_value && !skip
    }));
    left
}

#[test]
fn an_interrupt_ends_a_run_in_order_and_a_second_one_at_once() {
    if lab::zones().is_none() {
        return;
    }
    load();
    let home = tempfile::tempdir().unwrap();
    let gently = home.path().join("gently");
    let command = long_run(home.path(), "gently");
    let child = started(command, &gently, "baseline");
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let text = out(&output);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(text.contains("interrupted"), "{text}");
    assert!(!err(&output).contains("was not checked"), "{output:?}");
    let manifest = fs::read_to_string(gently.join("manifest.json")).unwrap();
    assert!(manifest.contains("\"completion\""), "{manifest}");

    let cut = home.path().join("cut");
    let command = long_run(home.path(), "cut");
    let child = started(command, &cut, "baseline");
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(50));
    signal(&child, "INT");
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(err(&output).contains("was not checked"), "{output:?}");
}

#[test]
fn a_record_without_room_stops_the_run_and_what_is_there_can_be_read() {
    if lab::zones().is_none() {
        return;
    }
    load();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("full");
    let roomy = long_run(home.path(), "full");
    // No file may grow over 32 KiB; without the trap the system would kill the process for trying.
    let mut command = Command::new("bash");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\""])
        .arg(roomy.get_program())
        .args(roomy.get_args());
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("ROLLPROOF_DATABASE", DATABASE);
    let output = command.output().unwrap();
    let said = err(&output);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(said.contains("cannot write") && said.contains("rollproof report"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let output = report(&dir);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(out(&output).contains("never came to its end"), "{output:?}");
}

/// The command that the advice says, as a person would paste it.
fn pasted(advice: &str) -> Command {
    let hint = advice.lines().map(str::trim).find(|line| line.contains("--resume")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", hint]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("ROLLPROOF_DATABASE", DATABASE);
    command
}

#[test]
fn an_upgrade_that_fails_stops_there_and_its_advice_finishes_it() {
    if lab::zones().is_none() {
        return;
    }
    scripts_lab(&["up", "--fresh"]);
    load();
    let target = std::env::var("ROLLPROOF_LAB_NEW_VERSION").unwrap();
    let home = tempfile::tempdir().unwrap();
    let upgrade = ["--upgrade", "workloads/plans/galera-lab.toml", "--target-version", &target];
    scripts_lab(&["break-release", "zone2"]);
    let output = run(home.path(), "broken", &upgrade).output().unwrap();
    assert_eq!(code(&output), 5, "{output:?}");
    let (text, advice) = (out(&output), err(&output));
    assert!(text.contains("UPGRADE FAILED") && text.contains("zone2/start-server"), "{text}");
    assert!(advice.contains("zone1 is serving"), "{advice}");
    assert!(advice.contains("zone2 is down"), "{advice}");
    assert!(advice.contains("zone3 is serving"), "{advice}");
    let manifest = fs::read_to_string(home.path().join("broken/manifest.json")).unwrap();
    assert!(manifest.contains("\"completion\""), "{manifest}");

    // Not mended by rollproof's steps but behind its back: it refuses to guess.
    scripts_lab(&["mend-release", "zone2"]);
    scripts_lab(&["stop-server", "zone3"]);
    let refused = run(home.path(), "refused", &upgrade)
        .arg("--resume")
        .arg(home.path().join("broken"))
        .output()
        .unwrap();
    assert_eq!(code(&refused), 5, "{refused:?}");
    assert!(out(&refused).contains("resume failed"), "{refused:?}");
    scripts_lab(&["start-server", "zone3"]);
    let began = Instant::now();
    let ready = ["sql", "zone3", "-Ne", "SHOW STATUS LIKE 'wsrep_ready'"];
    while !out(&ask_lab(&ready)).contains("ON") {
        assert!(began.elapsed() < Duration::from_secs(60), "zone3 never came back");
        std::thread::sleep(Duration::from_millis(300));
    }

    let resumed = pasted(&advice).output().unwrap();
    assert!([0, 1, 4].contains(&code(&resumed)), "{resumed:?}");
    assert!(err(&resumed).contains(&format!("every zone runs {target}")), "{resumed:?}");
    assert!(!out(&resumed).contains("DATA FAIL"), "{resumed:?}");
    let phases: Vec<PathBuf> = fs::read_dir(home.path())
        .unwrap()
        .map(|run| run.unwrap().path().join("phases.csv"))
        .filter(|path| fs::read_to_string(path).is_ok_and(|t| t.contains("zone3/check-zone")))
        .collect();
    assert_eq!(phases.len(), 1, "the resumed run took zone3 to its end");
    // Later tests begin with the older release.
    scripts_lab(&["up", "--fresh"]);
}

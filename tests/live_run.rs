//! Whole runs of the binary on a real cluster: to the end, interrupted, killed, out of room, and
//! through an upgrade that fails and is resumed.
//!
//! Needs a lab of three zones: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the
//! tests say so and pass. Machines are busy: a verdict may be INVALID here because the tool itself
//! was late, so what is asserted is what must hold whatever the noise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DATABASE: &str = "live_run";

const DERIVED: [&str; 7] = [
    "summary.json",
    "phases.csv",
    "latency.csv",
    "errors.csv",
    "latency.hlog",
    "report.md",
    "junit.xml",
];

/// Short stretches, and enough load to be held against something.
const SHORT: [&str; 14] = [
    "--rate",
    "40",
    "--terminals",
    "8",
    "--warm-up",
    "2s",
    "--baseline",
    "6s",
    "--duration",
    "4s",
    "--settle",
    "2s",
    "--final",
    "3s",
];

fn lab() -> bool {
    let is_there = std::env::var_os("ROLLPROOF_ZONES").is_some();
    if !is_there {
        println!("skipped: ROLLPROOF_ZONES is not set; eval \"$(scripts/lab env)\" first");
    }
    is_there
}

fn scripts_lab(arguments: &[&str]) {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lab");
    let output = Command::new(lab).args(arguments).output().unwrap();
    assert!(output.status.success(), "scripts/lab {arguments:?}: {output:?}");
}

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
    DERIVED.into_iter().map(|name| (name, fs::read(dir.join(name)).unwrap())).collect()
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
    if !lab() {
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
    assert!(!text.contains("ended early") && text.contains("report.md"), "{text}");

    let before = derived(&dir);
    for name in DERIVED {
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
    if !lab() {
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

#[test]
fn an_interrupt_ends_a_run_in_order_and_a_second_one_at_once() {
    if !lab() {
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
    if !lab() {
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
    if !lab() {
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
    while !Command::new("scripts/lab")
        .args(["sql", "zone3", "-Ne", "SHOW STATUS LIKE 'wsrep_ready'"])
        .output()
        .is_ok_and(|output| out(&output).contains("ON"))
    {
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

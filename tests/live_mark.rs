//! Upgrades by somebody else on a real cluster: wrapped as a command that marks its phases, and
//! merely watched. What rollproof says of the phases is held against what was really done, by the
//! lab's own log, on the same clock.
//!
//! Needs a lab of three zones: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Zones come back
//! on the release they had, so these runs end as INVALID: each zone was to be upgraded.

mod lab;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lab::scripts_lab;

const DATABASE: &str = "live_run";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rollproof(verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    command.arg(verb).current_dir(root()).env("ROLLPROOF_DATABASE", DATABASE);
    command.env_remove("ROLLPROOF_TARGET_VERSION");
    command
}

fn run(home: &Path, id: &str, more: &[&str]) -> Command {
    let load = rollproof("load").args(["--warehouses", "1"]).output().unwrap();
    assert!(load.status.success(), "{load:?}");
    let mut command = rollproof("run");
    command.args(["--warehouses", "1", "--quiet", "--run-id", id, "--results"]).arg(home);
    command.args(["--rate", "40", "--terminals", "8", "--warm-up", "1s", "--baseline", "4s"]);
    command.args(["--settle", "1s", "--final", "1s"]).args(more);
    command
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A phase as `phases.csv` has it, on the machine's monotonic clock.
#[derive(Debug, Clone)]
struct Phase {
    label: String,
    source: String,
    earliest_us: u64,
    latest_us: u64,
}

fn phases(dir: &Path) -> Vec<Phase> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.join("manifest.json")).unwrap()).unwrap();
    let origin_us = manifest["origin_monotonic_us"].as_u64().unwrap();
    let mut csv = csv::Reader::from_path(dir.join("phases.csv")).unwrap();
    let rows: Vec<std::collections::HashMap<String, String>> =
        csv.deserialize().map(Result::unwrap).collect();
    let number = |row: &std::collections::HashMap<String, String>, name: &str| -> u64 {
        row[name].parse().unwrap()
    };
    rows.iter()
        .filter(|row| row["kind"] == "all")
        .map(|row| {
            let latest_us = origin_us + number(row, "start_us");
            Phase {
                label: row["phase"].clone(),
                source: row["source"].clone(),
                earliest_us: latest_us - number(row, "uncertainty_us"),
                latest_us,
            }
        })
        .collect()
}

fn phase<'a>(phases: &'a [Phase], label: &str) -> &'a Phase {
    let found = phases.iter().find(|phase| phase.label == label);
    found.unwrap_or_else(|| panic!("no {label} in {phases:#?}"))
}

impl Phase {
    /// Whether it may have begun between two moments, as far as it says.
    fn began_within(&self, from_us: u64, until_us: u64) -> bool {
        self.earliest_us <= until_us && self.latest_us >= from_us
    }
}

/// The last beginning and end of an act upon a zone, by the lab's own log.
fn lab_did(zone: &str, act: &str) -> (u64, u64) {
    let dir = std::env::var("LAB_DIR").map_or_else(|_| root().join(".lab"), PathBuf::from);
    let log = fs::read_to_string(dir.join("events.jsonl")).unwrap();
    let moment = |edge: &str| {
        let is_own = |line: &&str| {
            [zone, act, edge].iter().all(|word| line.contains(&format!("\"{word}\"")))
        };
        let line = log.lines().rfind(is_own).unwrap();
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["mono_us"].as_u64().unwrap()
    };
    (moment("begin"), moment("end"))
}

/// Rolls zone2 and writes beside every mark when it was made: before it and after it.
const ORCHESTRATOR: &str = r#"
set -eu
now() { perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e 'printf "%d\n", clock_gettime(CLOCK_MONOTONIC)*1e6'; }
say() { before=$(now); echo "rollproof: mark $1 zone=zone2"; echo "$1 $before $(now)" >>"$TRUTH"; }
tell() { before=$(now); "$ROLLPROOF" mark "$1" --zone zone2; echo "$1 $before $(now)" >>"$TRUTH"; }
say stop-server
scripts/lab stop-server zone2
tell install-package
sleep 1
say start-server
scripts/lab start-server zone2
tell log-in-sync
until scripts/lab sql zone2 -Ne "SHOW STATUS LIKE 'wsrep_local_state_comment'" | grep -q Synced; do sleep 0.2; done
tell start-zone
sleep 1
echo "rollproof: mark no-such-phase"
"#;

#[test]
fn a_wrapped_command_s_marks_are_its_phases_at_the_moments_they_were_made() {
    if lab::zones().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (script, truth) = (home.path().join("roll.sh"), home.path().join("truth"));
    fs::write(&script, ORCHESTRATOR).unwrap();
    let command = format!("bash {}", script.display());
    let output = run(home.path(), "wrapped", &["--upgrade-cmd", &command])
        .env("TRUTH", &truth)
        .env("ROLLPROOF", env!("CARGO_BIN_EXE_rollproof"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(said.contains("rollproof: mark stop-server zone=zone2"), "passed on: {said}");
    assert!(said.contains("not recorded: \"no-such-phase\" is no phase"), "{said}");
    let dir = home.path().join("wrapped");
    let kept = fs::read_to_string(dir.join("upgrade/command.log")).unwrap();
    assert!(kept.contains("rollproof: mark start-server zone=zone2"), "{kept}");

    let phases = phases(&dir);
    let truth = fs::read_to_string(truth).unwrap();
    assert_eq!(truth.lines().count(), 5, "{truth}");
    for line in truth.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (before, after) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        let phase = phase(&phases, &format!("zone2/{}", words[0]));
        println!("{phase:?} was marked within {before} … {after}");
        assert!(phase.began_within(before, after), "{phase:?} against {line}");
        assert_eq!(phase.source, "marker");
        assert!(phase.latest_us - phase.earliest_us < 5_000_000, "{phase:?}");
    }
    let (stop, _) = lab_did("zone2", "stop-server");
    assert!(phase(&phases, "zone2/stop-server").earliest_us <= stop);
    assert!(phases.iter().any(|phase| phase.label == "upgrade-command"), "{phases:?}");

    // Nobody touched the other zones, and zone2 kept its version.
    let text = out(&output);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text.contains("zone1: its server was never seen down"), "{text}");
    assert!(!text.contains("zone2: its server was never seen down"), "{text}");
    assert!(text.contains("zone2: its version did not change"), "{text}");
}

#[test]
fn a_wrapped_command_that_fails_is_a_failed_upgrade() {
    if lab::zones().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), "failed", &["--upgrade-cmd", "echo no licence; exit 7"]);
    let output = { output }.output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let text = out(&output);
    assert!(text.contains("UPGRADE FAILED") && text.contains("exit status: 7"), "{text}");
}

fn started(mut command: Command, dir: &Path, step: &str) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    await_event(dir, |text| text.contains(&format!("\"{step}\"")));
    child
}

fn await_event(dir: &Path, seen: impl Fn(&str) -> bool) {
    let began = Instant::now();
    while !fs::read_to_string(dir.join("cluster.jsonl")).is_ok_and(|text| seen(&text)) {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn phases_of_a_watched_zone_lie_where_it_was_stopped_and_started() {
    if lab::zones().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("watched");
    let watching = started(run(home.path(), "watched", &["--duration", "10m"]), &dir, "watch");
    scripts_lab(&["stop-server", "zone3"]);
    std::thread::sleep(Duration::from_secs(1));
    scripts_lab(&["start-server", "zone3"]);
    // Its last change: it serves again. Whole lines only; the last may be on its way.
    await_event(&dir, |text| {
        let zone3 = text.lines().filter(|line| line.contains("\"zone\":2"));
        let states: Vec<_> = zone3.collect();
        states.len() > 2 && states.last().is_some_and(|line| line.contains("\"serving\""))
    });
    std::thread::sleep(Duration::from_secs(1));
    let pid = watching.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    let output = watching.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "interrupted: {output:?}");

    let phases = phases(&dir);
    let (stop_begun, stop_ended) = lab_did("zone3", "stop-server");
    let (start_begun, start_ended) = lab_did("zone3", "start-server");
    let stop = phase(&phases, "zone3/stop-server");
    let back = phase(&phases, "zone3/start-zone");
    println!("{stop:?} was done within {stop_begun} … {stop_ended}");
    println!("{back:?} was done after {start_begun} … {start_ended}");
    assert!(stop.began_within(stop_begun, stop_ended), "{stop:?}");
    assert!(back.latest_us >= start_begun && back.latest_us < start_ended + 60_000_000, "{back:?}");
    assert_eq!((stop.source.as_str(), back.source.as_str()), ("observer", "observer"));
    assert!(stop.latest_us > stop.earliest_us, "a look takes time: {stop:?}");
    assert!(phases.iter().all(|phase| !phase.label.starts_with("zone1/")), "{phases:?}");
}

#[test]
fn a_version_that_was_there_already_is_an_upgrade_that_did_not_happen() {
    if lab::zones().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let version = std::env::var("ROLLPROOF_LAB_OLD_VERSION").unwrap();
    let mut watching =
        run(home.path(), "until", &["--until-version", &version, "--duration", "60s"]);
    let began = Instant::now();
    let output = watching.output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(60), "it ends when the version is reached");
    let text = out(&output);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text.contains("an upgrade that did not happen: zone1"), "{text}");
}

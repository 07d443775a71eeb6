//! Whether reported outages are right: outages of known length are made in a proxy before a real
//! server, or by stopping it, at random moments of a run, and held against the write gaps that
//! rollproof reports.
//!
//! `scripts/accuracy` starts the server and calls this; without it the test says so and passes.

mod accuracy;
#[path = "support/proxy.rs"]
mod proxy;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use accuracy::{Found, Made, csv, look_up, made_csv, made_from_csv, markdown, median, unexplained};
use proxy::{Fault, Proxy, Then, monotonic_us};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rollproof::analysis::{Analysis, analyze};
use rollproof::record::Record;
use rustix::process::{Pid, Signal, kill_process};

const FAULTS: [(&str, Option<Fault>); 6] = [
    ("refused", Some(Fault::Refuse)),
    ("reset", Some(Fault::Reset)),
    ("stalled", Some(Fault::Stall)),
    ("half-open", Some(Fault::HalfOpen)),
    ("answers lost", Some(Fault::LoseCommitAnswer(Then::Silence))),
    // The server itself is stopped and continued.
    ("SIGSTOP", None),
];

fn asked<T: std::str::FromStr>(name: &str, default: &str) -> Vec<T> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|one| one.parse().ok().unwrap_or_else(|| panic!("{name}={text}"))).collect()
}

fn pause(us: u64) {
    std::thread::sleep(Duration::from_micros(us));
}

/// The server behind its proxy.
struct Victim {
    proxy: Proxy,
    pid: Pid,
}

impl Victim {
    fn outage(&self, (name, fault): (&'static str, Option<Fault>), length_ms: u64) -> Made {
        let Some(fault) = fault else { return self.stopped(name, length_ms) };
        self.proxy.begin(fault);
        pause(length_ms * 1000);
        self.proxy.end();
        let episode = *self.proxy.episodes().last().unwrap();
        let ended_us = episode.ended_us.unwrap();
        Made {
            fault: name,
            length_ms,
            began_us: episode.began_us,
            in_force_us: episode.in_force_us,
            end_begun_us: ended_us,
            // Whoever was refused is let in again a little later.
            ended_us: monotonic_us(),
        }
    }

    fn stopped(&self, fault: &'static str, length_ms: u64) -> Made {
        let signalled = |signal| {
            let before_us = monotonic_us();
            kill_process(self.pid, signal).unwrap();
            (before_us, monotonic_us())
        };
        let (began_us, in_force_us) = signalled(Signal::STOP);
        pause(length_ms * 1000);
        let (end_begun_us, ended_us) = signalled(Signal::CONT);
        Made { fault, length_ms, began_us, in_force_us, end_begun_us, ended_us }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Whatever panics, the server must not stay stopped.
        let _ = kill_process(self.pid, Signal::CONT);
    }
}

fn start_run(dir: &Path, zone: &str, rate: u32) -> Child {
    let (home, id) = (dir.parent().unwrap(), dir.file_name().unwrap());
    let terminals = if rate > 100 { "64" } else { "20" };
    let warehouses = std::env::var("ROLLPROOF_ACCURACY_WAREHOUSES").unwrap();
    Command::new(env!("CARGO_BIN_EXE_rollproof"))
        .args(["run", "--quiet", "--product", "plain", "--warehouses", &warehouses])
        .args(["--zones", zone, "--rate", &rate.to_string(), "--terminals", terminals])
        .args(["--warm-up", "5s", "--baseline", "15s", "--duration", "12h", "--settle", "1s"])
        .args(["--final", "1s", "--run-id"])
        .args([id, "--results".as_ref(), home.as_os_str()])
        .env_remove("ROLLPROOF_TARGET_VERSION")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn await_watch(dir: &Path) {
    let began = Instant::now();
    let watching = || std::fs::read_to_string(dir.join("cluster.jsonl")).unwrap_or_default();
    while !watching().contains("\"watch\"") {
        assert!(began.elapsed() < Duration::from_secs(120), "the run never began");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The run of one rate and the outages made in it: those that are kept, or new ones.
fn measure(home: &Path, victim: &Victim, rate: u32, random: &mut StdRng) -> (Analysis, Vec<Made>) {
    let dir = home.join(format!("rate-{rate}"));
    let kept = home.join(format!("rate-{rate}.outages.csv"));
    if !kept.exists() {
        std::fs::write(&kept, made_csv(&run(&dir, victim, rate, random))).unwrap();
    }
    let record = Record::open(&dir).unwrap();
    let names = FAULTS.map(|(name, _)| name);
    let made = made_from_csv(&std::fs::read_to_string(&kept).unwrap(), &names);
    let origin_us = record.manifest.origin_monotonic_us;
    let made = made.into_iter().map(|one| one.since(origin_us)).collect();
    (analyze(&[record]).unwrap(), made)
}

/// Runs with every fault and length `repeats` times, in random order. Moments are those of
/// CLOCK_MONOTONIC.
fn run(dir: &Path, victim: &Victim, rate: u32, random: &mut StdRng) -> Vec<Made> {
    let lengths: Vec<u64> =
        asked("ROLLPROOF_ACCURACY_LENGTHS", "50,100,200,500,1000,2000,5000,10000");
    let repeats = asked::<usize>("ROLLPROOF_ACCURACY_REPEATS", "1")[0];
    let all = FAULTS.into_iter().flat_map(|fault| lengths.iter().map(move |&ms| (fault, ms)));
    let mut outages: Vec<_> = std::iter::repeat_n(all, repeats).flatten().collect();
    outages.shuffle(random);

    let zone = format!("node={}", victim.proxy.address());
    let mut run = start_run(dir, &zone, rate);
    await_watch(dir);
    let mut made = Vec::new();
    for (fault, length_ms) in outages {
        // The backlog of the last one has to go. The rest is chance.
        pause(1_500_000 + length_ms * 300 + random.random_range(0..1_000_000));
        assert!(run.try_wait().unwrap().is_none(), "the run ended by itself");
        made.push(victim.outage(fault, length_ms));
        // Whoever waits on a dead connection learns of it at the statement's deadline, and whoever
        // waits for the answer to a COMMIT at the transaction's.
        pause(if fault.0 == "answers lost" { 5_000_000 } else { 2_000_000 });
    }
    pause(4_000_000);
    let pid = Pid::from_raw(run.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    run.wait().unwrap();
    made
}

/// Shares that must hold over all outages; for a few, that is all of them.
fn at_least_99_percent(holds: usize, all: usize, what: &str, wrong: &[&Found]) {
    println!("{what}: {holds} of {all}");
    assert!(holds * 100 >= all * 99, "{what}: {holds} of {all}; not so: {wrong:#?}");
}

#[test]
fn the_true_length_of_an_outage_lies_in_the_reported_interval() {
    let Ok(pid) = std::env::var("ROLLPROOF_ACCURACY_PID") else {
        println!("skipped: ROLLPROOF_ACCURACY_PID is not set; scripts/accuracy sets it");
        return;
    };
    let zones = std::env::var("ROLLPROOF_ZONES").unwrap();
    let (_, endpoint) = zones.split_once('=').unwrap();
    let victim =
        Victim { proxy: Proxy::start(endpoint), pid: Pid::from_raw(pid.parse().unwrap()).unwrap() };
    let seed = asked::<u64>("ROLLPROOF_ACCURACY_SEED", "1")[0];
    let mut random = StdRng::seed_from_u64(seed);
    let scratch = tempfile::tempdir().unwrap();
    let kept = std::env::var("ROLLPROOF_ACCURACY_RECORDS").map(PathBuf::from);
    let home = kept.unwrap_or_else(|_| scratch.path().to_owned());
    let mut found = Vec::new();
    let mut notes = String::new();
    for rate in asked::<u32>("ROLLPROOF_ACCURACY_RATES", "50") {
        let (analysis, made) = measure(&home, &victim, rate, &mut random);
        let strays = unexplained(&analysis, &made);
        let counts = &analysis.total.counts;
        notes += &format!(
            "- {rate}/s: {} transactions, {} outages, write gaps without an outage: {}; sent late by \
             the tool itself: {:.3} %\n",
            counts.offered,
            made.len(),
            strays.len(),
            analysis.own.late_share() * 100.0,
        );
        for gap in strays {
            println!("unexplained at {rate}/s: {gap:?}");
        }
        found.extend(look_up(&analysis, rate, &made));
    }
    let table = markdown(&found);
    println!("{table}\n{notes}");
    if let Ok(out) = std::env::var("ROLLPROOF_ACCURACY_OUT") {
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(Path::new(&out).join("outages.csv"), csv(&found)).unwrap();
        std::fs::write(Path::new(&out).join("table.md"), format!("{table}\n{notes}")).unwrap();
    }
    judge(&found);
}

fn judge(found: &[Found]) {
    let due: Vec<_> = found.iter().filter(|one| one.must_be_found()).collect();
    let missed: Vec<_> = due.iter().copied().filter(|one| one.gap.is_none()).collect();
    at_least_99_percent(due.len() - missed.len(), due.len(), "found, of 2 τ and more", &missed);
    let seen: Vec<_> = found.iter().filter(|one| one.gap.is_some()).collect();
    let astray: Vec<_> = seen.iter().copied().filter(|one| !one.is_within()).collect();
    at_least_99_percent(seen.len() - astray.len(), seen.len(), "in the interval", &astray);
    for (fault, _) in FAULTS {
        let own = || seen.iter().filter(|one| one.fault == fault);
        let error_us = median(own().filter_map(|one| one.error_us()).collect());
        let resolution_us = median(own().filter_map(|one| one.resolution_us()).collect());
        println!("{fault}: median error {error_us:?} µs, median resolution {resolution_us:?} µs");
        assert!(error_us <= resolution_us, "{fault}: {error_us:?} > {resolution_us:?}");
    }
}

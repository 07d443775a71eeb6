//! The guide's own commands, executed as they stand in `docs/`.
//!
//! Rolls the lab of `scripts/test`, and puts it back on the older release, empty, before and after.

mod lab;
mod page_commands;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lab::scripts_lab;
use page_commands::{command, commands};

/// The wrapped command of the guide: it marks a step in both ways, and changes nothing.
const ROLL: &str = "echo 'rollproof: mark stop-zone zone=zone1'\nsleep 1\n\
                    rollproof mark start-zone --zone zone1\nsleep 1\n";

/// Adds what a pipeline or an operator in no hurry leaves out: a small load, and a short one.
const SHORTER: &str = r#"#!/usr/bin/env bash
case $1 in
    load) short=(--warehouses 1) ;;
    run)
        short=(--warehouses 1 --rate 20 --terminals 6 --warm-up 2s --baseline 8s --settle 1s --final 1s)
        [[ " $* " == *" --upgrade"* ]] || short+=(--duration 2s)
        ;;
    *) short=() ;;
esac
exec "$ROLLPROOF_ITSELF" "$@" "${short[@]}"
"#;

/// Makes [`SHORTER`] a program in the guide's directory.
fn make_shorter(here: &Path) -> PathBuf {
    let program = here.join("shorter/rollproof");
    std::fs::create_dir(here.join("shorter")).unwrap();
    executable(&program, SHORTER);
    program
}

fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// A directory that looks like the guide's, the repository's root, so that what the commands write
/// stays apart.
fn guide_s_directory() -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    for name in ["scripts", "workloads"] {
        symlink(Path::new(name).canonicalize().unwrap(), here.path().join(name)).unwrap();
    }
    here
}

/// Executes a command of a page in the guide's directory; with `shorter` before it in the path.
fn execute(line: &str, here: &Path, shorter: bool) -> i32 {
    // The guide's newer release is one of its day.
    let newer = std::env::var("ROLLPROOF_LAB_NEW_VERSION").unwrap();
    let mut command = command(&line.replace("10.11.19", &newer), here);
    command.env("ROLLPROOF_DATABASE", "live_guide").env("BUILD_ID", "this");
    if shorter {
        let path = format!("{}:{}", here.join("shorter").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("ROLLPROOF_ITSELF", env!("CARGO_BIN_EXE_rollproof"));
    }
    command.status().unwrap().code().unwrap()
}

/// On a busy machine a verdict may be INVALID or INCONCLUSIVE (4), or an objective missed (1), which
/// is no fault of the guide's; everything else must succeed.
fn succeeds(line: &str, code: i32) {
    let judges = ["run", "report", "audit", "compare"].iter().any(|verb| line.contains(verb));
    let may = if judges { &[0, 1, 4][..] } else { &[0] };
    assert!(may.contains(&code), "{code} from {line}");
}

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    if lab::zones().is_none() {
        return;
    }
    let here = guide_s_directory();
    scripts_lab(&["up", "--fresh"]);
    your_cluster(here.path());
    live(here.path());
    // Once more from the older release.
    scripts_lab(&["up", "--fresh"]);
    ci(here.path());
    // As it was found: on the older release, without the guide's database.
    scripts_lab(&["up", "--fresh"]);
}

/// The demo has its own cluster up and down; here it stands where the lab stood.
#[test]
fn the_first_run_goes_as_its_page_says() {
    if lab::zones().is_none() {
        return;
    }
    let here = guide_s_directory();
    let program = make_shorter(here.path());
    let lines = commands("docs/first-run.md");
    let [quick, default_timers, broken_release] = &lines[..] else { panic!("{lines:?}") };
    let demo = |line: &str| {
        let mut command = command(line, here.path());
        command.env("ROLLPROOF", &program).env("ROLLPROOF_ITSELF", env!("CARGO_BIN_EXE_rollproof"));
        command.env("ROLLPROOF_DATABASE", "live_guide").status().unwrap().code().unwrap()
    };
    // On a busy machine any verdict may be INVALID or INCONCLUSIVE (4), or a gap longer (1).
    for (line, may) in [(quick, &[0, 1, 4][..]), (default_timers, &[1, 4])] {
        let code = demo(line);
        assert!(may.contains(&code), "{code} from {line}");
        let last = runs(here.path()).pop().unwrap();
        assert!(last.join("report.html").exists(), "{line} left no report in {}", last.display());
    }
    let code = demo(broken_release);
    assert!([0, 1, 4].contains(&code), "{code} from {broken_release}: it was mended");
    let [.., failed, resumed] = &runs(here.path())[..] else { panic!("no two runs") };
    assert_eq!(summary(failed)["verdict"], "upgrade-failed");
    assert!(resumed.to_string_lossy().ends_with("-resumed"), "{}", resumed.display());
    // As it was found.
    scripts_lab(&["up", "--fresh"]);
}

fn your_cluster(here: &Path) {
    executable(&here.join("roll-all-zones.sh"), ROLL);
    let lines = commands("docs/your-cluster.md");
    assert!(lines.len() >= 8, "{lines:?}");
    for line in lines {
        succeeds(&line, execute(&line, here, false));
    }
    for file in ["summary.json", "report.md", "junit.xml", "latency.hlog"] {
        assert!(here.join("results/upgrade").join(file).exists(), "{file} is not there");
    }
    let marked = |run: &Path| {
        let told = std::fs::read_to_string(run.join("cluster.jsonl")).unwrap();
        ["stop-zone", "start-zone"].iter().all(|step| told.contains(step))
    };
    let wrapped = |run: &&PathBuf| run.join("upgrade/command.log").exists();
    assert!(runs(here).iter().find(wrapped).is_some_and(|run| marked(run)));
}

/// The directories of all runs so far, oldest first.
fn runs(here: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(here.join("results")).unwrap().map(|run| run.unwrap().path());
    let mut all: Vec<_> = all.filter(|run| run.join("manifest.json").exists()).collect();
    all.sort_by_key(|run| {
        std::fs::metadata(run.join("manifest.json")).unwrap().modified().unwrap()
    });
    all
}

fn summary(run: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(run.join("summary.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Whether anything made the run INVALID, as a busy machine does, whatever its verdict became.
fn is_doubted(run: &Path) -> bool {
    let summary = summary(run);
    let reasons = summary["reasons"].as_array().unwrap();
    reasons.iter().any(|reason| reason["kind"] == "invalid")
}

fn live(here: &Path) {
    make_shorter(here);
    let lines = commands("docs/live.md");
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in lines {
        let code = execute(&line, here, true);
        match line.contains("dashboard") {
            true => assert_eq!(code, 2, "there is no terminal for {line}"),
            false => succeeds(&line, code),
        }
    }
}

/// The runs that the page compares are those of the pages before it.
fn ci(here: &Path) {
    let before = runs(here);
    let lines = commands("docs/ci.md");
    let (pipeline, comparisons): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| !line.contains("rollproof compare"));
    assert_eq!((pipeline.len(), comparisons.len()), (2, 3), "{lines:?}");
    symlink("workloads/plans/galera-lab.toml", here.join("staging-plan.toml")).unwrap();
    for line in pipeline {
        succeeds(line, execute(line, here, true));
    }
    symlink("upgrade", here.join("results/last")).unwrap();
    // Three short runs were watched; a fourth is made here.
    let watched = "rollproof run --quiet --run-id fourth";
    succeeds(watched, execute(watched, here, true));
    let [.., one, two, three] = before.as_slice() else { panic!("{before:?}") };
    for (number, run) in (1..).zip([one, two, three, &here.join("results/fourth")]) {
        for side in ["a", "b"] {
            symlink(run, here.join(format!("{side}{number}"))).unwrap();
        }
    }
    for line in comparisons {
        succeeds(line, execute(line, here, false));
    }
    // The first of them is written, and nothing of it where it would rest on a run in doubt.
    let doubted = ["last", "this"].iter().any(|run| is_doubted(&here.join("results").join(run)));
    for file in ["html", "md", "junit.xml", "json"] {
        let file = here.join("comparison").join(format!("comparison.{file}"));
        assert_eq!(file.exists(), !doubted, "{}; a run in doubt: {doubted}", file.display());
    }
}

//! The guide's own commands, executed as they stand in `docs/your-cluster.md`.
//!
//! Rolls the lab of `scripts/test`, and puts it back on the older release, empty, before and after.

mod lab;
mod page_commands;

use std::path::Path;

use lab::scripts_lab;
use page_commands::{command, commands};

const PAGE: &str = "docs/your-cluster.md";

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    if lab::zones().is_none() {
        return;
    }
    scripts_lab(&["up", "--fresh"]);
    let commands = commands(PAGE);
    assert!(commands.len() >= 6, "{} commands in {PAGE}", commands.len());

    // The guide's directory is the repository's root; here it is one that looks the same, so that
    // what the commands write stays apart.
    let here = tempfile::tempdir().unwrap();
    for name in ["scripts", "workloads"] {
        std::os::unix::fs::symlink(Path::new(name).canonicalize().unwrap(), here.path().join(name))
            .unwrap();
    }
    for line in commands {
        let mut command = command(&line, here.path());
        let status = command.env("ROLLPROOF_DATABASE", "live_guide").status().unwrap();
        let code = status.code();
        // On a busy machine a verdict may be INVALID or INCONCLUSIVE (4), or an objective missed
        // (1), which is no fault of the guide's; everything else must succeed.
        let judges = ["run", "report", "audit"].iter().any(|verb| line.contains(verb));
        let may = if judges { &[0, 1, 4][..] } else { &[0] };
        assert!(code.is_some_and(|code| may.contains(&code)), "{code:?} from {line}");
    }
    for file in ["summary.json", "report.md", "junit.xml", "latency.hlog"] {
        assert!(here.path().join("results/upgrade").join(file).exists(), "{file} is not there");
    }
    // As it was found: on the older release, without the guide's database.
    scripts_lab(&["up", "--fresh"]);
}

//! The pipelines in `docs/ci/`: they are YAML, their scripts are shell, and every command line of
//! rollproof's in them is one. `tests/live_ci.rs` executes the scripts.

mod pipeline;

use std::process::Command;

use pipeline::{Job, jobs};

#[test]
fn both_pipelines_have_the_same_jobs() {
    for path in pipeline::PATHS {
        let names: Vec<String> = jobs(path).into_iter().map(|job| job.name).collect();
        assert_eq!(names, ["releases", "upgrade"], "{path}");
    }
}

#[test]
fn every_script_is_shell() {
    for path in pipeline::PATHS {
        for job in jobs(path) {
            assert!(job.scripts.len() >= 4, "{path}: {}", job.name);
            for script in &job.scripts {
                let checked = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
                assert!(checked.status.success(), "{path}: {script}: {checked:?}");
            }
        }
    }
}

/// Words of a command line with the job's own variables put in, as a shell would.
fn words(job: &Job, line: &str) -> Vec<String> {
    let expanded = |word: &str| {
        let quoted = word.starts_with('"');
        let mut text = word.trim_matches('"').to_owned();
        for (name, value) in &job.variables {
            text = text.replace(&format!("${name}"), value);
        }
        let parts = if quoted { vec![text] } else { text.split(' ').map(str::to_owned).collect() };
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>()
    };
    line.split_whitespace().skip(1).flat_map(expanded).collect()
}

#[test]
fn every_command_line_in_a_pipeline_is_understood() {
    for path in pipeline::PATHS {
        let mut verbs = Vec::new();
        for job in jobs(path) {
            let lines = job.scripts.iter().flat_map(|script| script.lines());
            for line in lines.map(str::trim).filter(|line| line.starts_with("rollproof ")) {
                let words = words(&job, line);
                verbs.push(words[0].clone());
                // With --help at its end everything before it is parsed, and nothing done.
                let output = Command::new(env!("CARGO_BIN_EXE_rollproof"))
                    .args(&words)
                    .arg("--help")
                    .output()
                    .unwrap();
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{path}: {line}\n{error}");
            }
        }
        for verb in ["check", "load", "run", "compare"] {
            assert!(verbs.iter().any(|known| known == verb), "{path}: {verb}");
        }
    }
}

/// A cache of one branch is not seen by another of its own accord; and what is not compared is said.
#[test]
fn every_branch_is_held_against_what_the_default_branch_accepted() {
    let text = std::fs::read_to_string(pipeline::PATHS[1]).unwrap();
    let gitlab: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let upgrade = &gitlab["upgrade"];
    assert_eq!(upgrade["cache"]["unprotect"], true);
    assert_eq!(upgrade["cache"]["policy"], "$ACCEPTED");
    let rules = upgrade["rules"].as_array().unwrap().iter();
    let policies: Vec<_> = rules
        .map(|rule| (rule["if"].as_str().unwrap(), rule["variables"]["ACCEPTED"].as_str().unwrap()))
        .collect();
    assert_eq!(
        policies,
        [("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", "pull-push"), ("$CI_COMMIT_BRANCH", "pull")]
    );
    for path in pipeline::PATHS {
        let upgrade = jobs(path).into_iter().find(|job| job.name == "upgrade").unwrap();
        let script = upgrade.scripts.iter().find(|script| script.contains("-d accepted")).unwrap();
        // Nothing was accepted: the part about it alone, where there is nothing.
        let (_, part) = script.split_once("if [ -d accepted ]").unwrap();
        let here = tempfile::tempdir().unwrap();
        let said = Command::new("bash")
            .args(["-ec", &format!("if [ -d accepted ]{part}")])
            .current_dir(here.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(said.status.success() && text.contains("nothing accepted yet"), "{path}: {said:?}");
    }
}

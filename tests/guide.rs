//! The guide: every command line of rollproof's in README and `docs/` is held against its flags,
//! and every link inside the repository leads somewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let markdown = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut pages: Vec<_> = docs.filter(markdown).collect();
    pages.push("README.md".into());
    pages.push("results/README.md".into());
    pages.sort();
    pages
}

/// Command lines of rollproof's in blocks of code: indented by four, or fenced.
fn commands(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            let command = line.split(" #").next().unwrap_or_default().trim();
            if command.starts_with("rollproof ") {
                commands.push(command.to_owned());
            }
        }
    }
    commands
}

#[test]
fn every_command_line_in_the_guide_is_understood() {
    let mut seen = 0;
    for path in pages() {
        for command in commands(&std::fs::read_to_string(&path).unwrap()) {
            seen += 1;
            // With --help at its end everything before it is parsed, and nothing done.
            let words = command.split_whitespace().skip(1).map(|word| word.trim_matches('"'));
            let output = Command::new(env!("CARGO_BIN_EXE_rollproof"))
                .args(words)
                .arg("--help")
                .output()
                .unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {command}\n{error}", path.display());
        }
    }
    assert!(seen > 10, "only {seen} command lines were found");
}

#[test]
fn every_link_inside_the_repository_leads_somewhere() {
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let target = path.parent().unwrap_or(Path::new("")).join(file);
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
        }
    }
}

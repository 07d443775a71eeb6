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

/// Sections of a scenario in which nothing is set, each with its keys and values as TOML has them.
fn defaults() -> Vec<(String, String, String)> {
    let text = toml::to_string(&rollproof::scenario::Scenario::default()).unwrap();
    let whole: toml::Table = text.parse().unwrap();
    let sections = whole.iter().filter_map(|(name, section)| Some((name, section.as_table()?)));
    sections
        .flat_map(|(section, keys)| {
            let set = keys.iter().filter(|(_, value)| !value.is_array() && !value.is_table());
            set.map(|(key, value)| (section.clone(), key.clone(), value.to_string()))
        })
        .collect()
}

#[test]
fn the_guide_has_every_key_of_a_scenario_with_its_default() {
    let pages = ["docs/scenario.md", "docs/objectives.md"];
    let text: String = pages.map(|page| std::fs::read_to_string(page).unwrap()).concat();
    let known = defaults();
    assert!(known.len() > 35, "{known:?}");
    for (section, key, value) in known {
        let name = format!("`{key}`");
        // Numbers may stand bare where they are alone in their cell.
        let is_its = |line: &&str| line.split('|').nth(1).is_some_and(|cell| cell.contains(&name));
        let row = text.lines().find(is_its);
        let row = row.unwrap_or_else(|| panic!("{section}.{key} is in no table of {pages:?}"));
        let is_there = row.contains(&format!("`{value}`")) || row.contains(&format!("| {value} |"));
        assert!(is_there, "{section}.{key} is {value}, and the guide says {row}");
    }
}

#[test]
fn help_tells_the_defaults_of_a_scenario() {
    let output = Command::new(env!("CARGO_BIN_EXE_rollproof")).args(["run", "--help"]).output();
    let help = String::from_utf8(output.unwrap().stdout).unwrap();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let flags = [
        ("cluster", "product"),
        ("cluster", "user"),
        ("cluster", "database"),
        ("workload", "warehouses"),
        ("workload", "seed"),
        ("load", "model"),
        ("load", "arrivals"),
        ("load", "terminals"),
        ("load", "deadline"),
        ("load", "retry"),
        ("load", "routing"),
        ("phases", "warm_up"),
        ("phases", "baseline"),
        ("phases", "duration"),
        ("phases", "settle"),
        ("phases", "final"),
    ];
    let known = defaults();
    for (section, key) in flags {
        let (_, _, value) = known.iter().find(|of| (&*of.0, &*of.1) == (section, key)).unwrap();
        let value = value.trim_matches('"');
        let flag = format!("--{} <", key.replace('_', "-"));
        let (_, rest) = help.split_once(&flag).unwrap_or_else(|| panic!("no {flag} in {help}"));
        let (_, told) = rest.split_once("[default: ").unwrap_or_else(|| panic!("none in {rest}"));
        assert!(told.starts_with(&format!("{value}]")), "{flag} is {value}, and help says {told}");
    }
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

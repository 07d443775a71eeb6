//! Holds the invariants of ARCHITECTURE.md that can be read off the source: which module may name
//! which, who owns the driver, how long files and functions may grow.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the crate with the modules it may name. Arrows point down only: a module may
/// name those listed before it, and of those only the ones given here.
const MAY_NAME: &[(&str, &[&str])] = &[
    // The ground floor: no tokio, no database.
    ("spelling", &[]),
    ("event", &["spelling"]),
    ("words", &["event"]),
    ("scenario", &["event", "spelling"]),
    ("gap", &[]),
    ("phase", &["event"]),
    ("classify", &["event", "scenario"]),
    ("record", &["event", "scenario", "spelling"]),
    // Reporting.
    ("analysis", &["event", "gap", "phase", "record", "scenario", "spelling", "words"]),
    ("verdict", &["analysis", "event", "phase", "record", "scenario", "spelling"]),
    ("compare", &["analysis", "event", "phase", "record", "scenario", "spelling", "verdict"]),
    (
        "report",
        &["analysis", "compare", "event", "phase", "record", "scenario", "spelling", "verdict"],
    ),
    // Measuring.
    ("clock", &["event"]),
    ("collect", &["event", "record"]),
    ("session", &["classify", "event", "scenario"]),
    ("tpcc", &["classify", "event", "scenario", "session", "spelling", "words"]),
    ("live", &["clock", "event", "gap", "phase", "scenario", "spelling", "words"]),
    ("cluster", &["clock", "collect", "event", "scenario", "session", "spelling"]),
    ("preflight", &["cluster", "event", "scenario", "session", "spelling"]),
    (
        "upgrade",
        &[
            "clock",
            "cluster",
            "collect",
            "event",
            "phase",
            "preflight",
            "record",
            "scenario",
            "spelling",
        ],
    ),
    ("outside", &["clock", "collect", "event", "phase", "upgrade"]),
    (
        "drive",
        &["clock", "classify", "collect", "event", "scenario", "session", "spelling", "tpcc"],
    ),
    (
        "audit",
        &[
            "classify", "clock", "collect", "event", "record", "scenario", "session", "spelling",
            "tpcc",
        ],
    ),
    // Where the towers meet: run writes a record and has it reported.
    (
        "run",
        &[
            "audit",
            "clock",
            "cluster",
            "collect",
            "drive",
            "event",
            "live",
            "outside",
            "phase",
            "preflight",
            "record",
            "report",
            "scenario",
            "session",
            "tpcc",
            "upgrade",
            "verdict",
        ],
    ),
    (
        "cli",
        &[
            "audit",
            "cluster",
            "compare",
            "event",
            "live",
            "outside",
            "preflight",
            "record",
            "report",
            "run",
            "scenario",
            "session",
            "tpcc",
            "upgrade",
            "verdict",
            "words",
        ],
    ),
];

/// Modules that may not know of time, tasks or the outside world.
const PURE: &[&str] = &[
    "spelling", "event", "gap", "words", "scenario", "phase", "classify", "analysis", "verdict",
    "compare", "report",
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    path: PathBuf,
    /// The top-level module it belongs to, as `record`.
    module: String,
    /// Without the unit tests at its end.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let top = inside.components().next().unwrap().as_os_str().to_str().unwrap();
                let module = top.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
                found.push(Source { path, module, code });
            }
        }
    }
    assert!(found.len() > 20, "the source tree was not found");
    found
}

/// The crate's modules that a text names, as in `use crate::a::B` or `crate::a::b()`.
fn named_modules(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    code.split("crate::")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            (rest[end..].starts_with("::")).then(|| rest[..end].to_owned())
        })
        .collect()
}

#[test]
fn arrows_point_down_only() {
    let mut breaches = Vec::new();
    for source in sources() {
        if ["lib", "main"].contains(&source.module.as_str()) {
            continue;
        }
        let Some(place) = MAY_NAME.iter().position(|(module, _)| *module == source.module) else {
            panic!("module {} has no place in the architecture; give it one", source.module);
        };
        // One module a line: a grouped import would hide names from this test.
        assert!(!source.code.contains("crate::{"), "{} groups modules", source.path.display());
        for named in named_modules(&source.code) {
            let allowed = named == source.module || MAY_NAME[place].1.contains(&named.as_str());
            if !allowed {
                breaches.push(format!("{} names {named}", source.path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_table_itself_has_no_circle() {
    for (place, (module, may)) in MAY_NAME.iter().enumerate() {
        for named in *may {
            let below = MAY_NAME[..place].iter().any(|(earlier, _)| earlier == named);
            assert!(below, "{module} may name {named}, which is not below it");
        }
    }
}

#[test]
fn only_session_names_the_driver() {
    for source in sources().iter().filter(|source| source.module != "session") {
        let named = source.code.contains("mysql_async") || source.code.contains("mysql_common");
        assert!(!named, "{} names the database driver", source.path.display());
    }
}

#[test]
fn pure_modules_know_neither_time_nor_the_outside() {
    let outside =
        ["tokio::", "Instant::now", "SystemTime", "Timestamp::now", "std::env", "std::process"];
    for source in sources().iter().filter(|source| PURE.contains(&source.module.as_str())) {
        for word in outside {
            let lines = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let named = lines.into_iter().any(|line| line.contains(word));
            assert!(!named, "{} uses {word}", source.path.display());
        }
    }
}

#[test]
fn files_and_functions_stay_readable() {
    let mut long = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.code.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            long.push(format!("{}: {} lines", source.path.display(), lines.len()));
        }
        for (start, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let is_function = [
                "fn ",
                "pub fn ",
                "async fn ",
                "pub async fn ",
                "pub(super) fn ",
                "pub(super) async fn ",
                "pub(crate) fn ",
                "pub(crate) async fn ",
            ]
            .iter()
            .any(|head| code.starts_with(head));
            if !is_function || code.ends_with(';') {
                continue;
            }
            // The source is formatted: a function ends at the first brace of its own indentation.
            let close = format!("{}}}", &line[..line.len() - code.len()]);
            let length = lines[start..].iter().position(|line| *line == close).unwrap_or(0);
            if length > FUNCTION_LINES_MAX {
                long.push(format!(
                    "{}:{}: a function of {length} lines",
                    source.path.display(),
                    start + 1
                ));
            }
        }
    }
    assert!(long.is_empty(), "usually two in one:\n{}", long.join("\n"));
}

#[test]
fn mod_rs_holds_declarations_only() {
    for source in sources().iter().filter(|source| source.path.ends_with("mod.rs")) {
        let logic = source.code.lines().find(|line| {
            let code = line.trim_start();
            code.starts_with("fn ") || code.starts_with("impl ") || code.starts_with("pub fn ")
        });
        assert!(logic.is_none(), "{}: {logic:?}", source.path.display());
    }
}

//! Records that are not as their run wrote them, and what is no record at all: what the verbs that
//! read one say of it.

mod command;
mod support;

use std::path::{Path, PathBuf};

use command::{on_one_line, recorded, rollproof, said};
use rollproof::record::Manifest;

/// What was put beside the tables while a run went on.
const BESIDE: [&str; 3] = ["start.json", "inputs.json", "upgrade.jsonl"];

/// The same, with an upgrade's journal and the counters before the load.
fn recorded_with_journal(home: &Path) -> PathBuf {
    let dir = recorded(home);
    for name in ["start.json", "upgrade.jsonl"] {
        std::fs::write(dir.join(name), "{\"as\":\"the run wrote it\"}\n").unwrap();
    }
    let mut manifest = Manifest::read(&dir).unwrap();
    let completion = manifest.completion.as_mut().unwrap();
    for name in BESIDE {
        let length = std::fs::metadata(dir.join(name)).unwrap().len();
        completion.beside.insert(name.to_owned(), length);
    }
    manifest.write(&dir).unwrap();
    dir
}

const TABLES: [&str; 5] =
    ["transactions.csv.zst", "probes.csv.zst", "cluster.jsonl", "ledger.csv.zst", "self.csv"];

#[test]
fn a_record_that_is_not_as_the_run_wrote_it_proves_nothing_and_says_where() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded_with_journal(home.path());
    let report = || said(rollproof().arg("report").arg(&dir));
    let good = report();
    assert!(good.code == Some(0) && good.out.contains("PASS"), "{good:?}");
    for name in TABLES.into_iter().chain(BESIDE) {
        let path = dir.join(name);
        let whole = std::fs::read(&path).unwrap();

        std::fs::remove_file(&path).unwrap();
        let lost = report();
        assert_eq!(lost.code, Some(4), "{name}: {lost:?}");
        let said = on_one_line(&(lost.out + &lost.err));
        assert!(said.contains(&format!("{name} is missing; {MEND}")), "{said}");

        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let cut = report();
        assert_eq!(cut.code, Some(4), "{name}: {cut:?}");
        let said = on_one_line(&(cut.out + &cut.err));
        assert!(said.contains(name) && said.contains(MEND), "{name}: {said}");
        if TABLES.contains(&name) {
            let cause = format!("INCONCLUSIVE: {name} breaks off");
            assert!(said.starts_with(&cause), "what else follows from it comes later: {said}");
        }

        std::fs::write(&path, b"[no] sense, whatever reads it\n".repeat(99)).unwrap();
        let damaged = report();
        assert_eq!(damaged.code, Some(4), "{name}: {damaged:?}");
        let said = on_one_line(&(damaged.out + &damaged.err));
        assert!(said.contains(name) && said.contains(MEND), "{name}: {said}");
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(report().code, Some(0));
}

/// What to do about a record that was damaged, in the same words wherever it is told.
const MEND: &str =
    "without it nothing can be proven: put the file back as the run wrote it, or run again";

/// Each edit of `audit.json` that would hide what was not checked.
#[test]
fn an_audit_that_leaves_something_out_proves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded(home.path());
    let path = dir.join("audit.json");
    let whole = std::fs::read_to_string(&path).unwrap();
    let report = || said(rollproof().arg("report").arg(&dir));
    type Edit = fn(&mut Vec<serde_json::Value>);
    let edits: [(&str, Edit); 5] = [
        ("zone 0 is in it 0 times instead of once", Vec::clear),
        ("zone 1 is in it 2 times instead of once", |zones| zones.push(zones[1].clone())),
        ("it speaks of 4 zones, the run had 3", |zones| {
            let mut other = zones[0].clone();
            other["zone"] = 9.into();
            zones.push(other);
        }),
        ("zone 2 has no checks", |zones| zones[2]["checks"] = serde_json::json!([])),
        ("is pass with 7 violations", |zones| zones[0]["checks"][0]["violations"] = 7.into()),
    ];
    for (words, edit) in edits {
        let mut audit: serde_json::Value = serde_json::from_str(&whole).unwrap();
        edit(audit["zones"].as_array_mut().unwrap());
        std::fs::write(&path, audit.to_string()).unwrap();
        let refused = report();
        assert_eq!(refused.code, Some(4), "{words}: {refused:?}");
        let said = on_one_line(&refused.err);
        assert!(said.contains("audit.json") && said.contains(words), "{words}: {said}");
    }
    std::fs::write(&path, whole).unwrap();
    assert_eq!(report().code, Some(0));
}

#[test]
fn one_run_does_not_stand_for_several() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded(home.path());
    let mut command = rollproof();
    command.args(["compare", "--runs"]).args([&dir, &dir]).arg("--against").args([&dir, &dir]);
    let refused = said(&mut command);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("is given twice on one side"), "{refused:?}");
}

#[test]
fn what_is_no_record_of_ours_is_a_name_to_correct() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let refused = said(rollproof().arg("report").arg(&file));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("is not a run's directory"), "{refused:?}");
    let nothing = home.path().join("nothing.yml");
    let path = ["--from", "4.2.1.6", "--to", "4.2.1.8"];
    let refused = said(rollproof().arg("path").arg(nothing).args(path));
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn a_run_compared_with_itself_gets_a_remark() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded(home.path());
    let said = said(rollproof().arg("compare").args([&dir, &dir]));
    let words = on_one_line(&said.out);
    assert!(words.contains("is given twice: what is compared with itself"), "{said:?}");
}

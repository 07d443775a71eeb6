//! Records that are not as their run wrote them, and what is no record at all: what the verbs that
//! read one say of it.

mod command;
mod support;

use std::path::{Path, PathBuf};

use command::{on_one_line, recorded, rollproof, said};
use rollproof::record::Manifest;
use rollproof::report::{COMPARISON_FILES, DERIVED_FILES};

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

/// A server that collects `junit.xml` whatever the exit code was must not find an old PASS.
#[test]
fn no_answer_leaves_no_earlier_one_in_its_place() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded_with_journal(home.path());
    let report = || said(rollproof().arg("report").arg(&dir));
    assert_eq!(report().code, Some(0));
    let made = |name: &str| dir.join(name).exists();
    assert!(DERIVED_FILES.iter().all(|name| made(name)));
    let (own, away) = (dir.join("self.csv"), home.path().join("self.csv"));
    std::fs::rename(&own, &away).unwrap();
    let none = report();
    assert_eq!(none.code, Some(4), "{none:?}");
    assert!(none.err.contains("set aside as *.stale: summary.json"), "{none:?}");
    assert!(DERIVED_FILES.iter().all(|name| !made(name) && made(&format!("{name}.stale"))));

    let out = home.path().join("out");
    let compare = |run: &Path| {
        said(rollproof().arg("compare").arg("results/example").arg(run).arg("--out").arg(&out))
    };
    let made = |name: &str| out.join(name).exists();
    // A short run, in which little can be told apart.
    let itself = compare(Path::new("results/example"));
    assert!(matches!(itself.code, Some(0 | 4)), "{itself:?}");
    assert!(COMPARISON_FILES.iter().all(|name| made(name)));
    assert_eq!(compare(&dir).code, Some(4));
    assert!(COMPARISON_FILES.iter().all(|name| !made(name) && made(&format!("{name}.stale"))));

    std::fs::rename(&away, &own).unwrap();
    let nowhere = said(rollproof().arg("compare").args([&dir, &dir]).arg("--out").arg(&own));
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
}

/// Whatever a file claims, the answer is words and not a crash.
#[test]
fn numbers_out_of_all_bounds_are_no_crash() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    for file in std::fs::read_dir("results/example").unwrap().map(|file| file.unwrap().path()) {
        if file.is_file() {
            std::fs::copy(&file, dir.join(file.file_name().unwrap())).unwrap();
        }
    }
    let edit = |name: &str, change: &dyn Fn(&str) -> String| {
        let path = dir.join(name);
        let whole = std::fs::read(&path).unwrap();
        let is_packed = name.ends_with(".zst");
        let text = if is_packed { zstd::decode_all(&*whole).unwrap() } else { whole.clone() };
        let text = change(&String::from_utf8(text).unwrap());
        let bytes =
            if is_packed { zstd::encode_all(text.as_bytes(), 1).unwrap() } else { text.into() };
        std::fs::write(&path, bytes).unwrap();
        let found = said(rollproof().arg("report").arg(dir));
        assert!(found.code.is_some_and(|code| code < 6), "{name}: {found:?}");
        std::fs::write(&path, whole).unwrap();
    };
    let cell = |column: usize, value: u64| {
        move |text: &str| {
            let (header, rows) = text.split_once('\n').unwrap();
            let (row, rest) = rows.split_once('\n').unwrap();
            let mut cells: Vec<_> = row.split(',').map(str::to_owned).collect();
            cells[column] = value.to_string();
            format!("{header}\n{}\n{rest}", cells.join(","))
        }
    };
    // The terminal's sequence, an order's number, the tool's CPU.
    edit("transactions.csv.zst", &cell(1, u64::MAX));
    edit("self.csv", &cell(4, u64::MAX));
    let order = |text: &str| {
        let at = text.find(",new-order,").unwrap();
        let (before, rest) = text.split_at(at + ",new-order,".len());
        let mut cells: Vec<_> = rest.splitn(4, ',').collect();
        let most = u64::MAX.to_string();
        cells[2] = &most;
        before.to_owned() + &cells.join(",")
    };
    edit("ledger.csv.zst", &order);
    let largest = |text: &str| {
        let mut inputs: serde_json::Value = serde_json::from_str(text).unwrap();
        for count in inputs.as_object_mut().unwrap().values_mut().filter(|v| v.is_u64()) {
            *count = (u64::MAX - 1).into();
        }
        inputs.to_string()
    };
    edit("inputs.json", &largest);
    let end = |text: &str| {
        let mut manifest: serde_json::Value = serde_json::from_str(text).unwrap();
        manifest["completion"]["end"] = u64::MAX.into();
        manifest.to_string()
    };
    edit("manifest.json", &end);
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

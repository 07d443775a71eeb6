//! The committed example is a real run: its derived files come out of its raw record, byte for
//! byte, on every machine.

use std::fs;
use std::path::Path;

use rollproof::record::Record;
use rollproof::report::derive;

#[test]
fn the_example_s_reports_come_out_of_its_record() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example");
    let derived = derive(&[Record::open(&dir).unwrap()]).unwrap();
    assert_eq!(derived.files.len(), 8);
    for (name, bytes) in derived.files {
        let committed = fs::read(dir.join(name)).unwrap();
        let same = bytes == committed;
        assert!(same, "{name} differs; `rollproof report results/example` makes it anew");
    }
    assert_eq!(derived.verdict.exit_code(), 0, "{}", derived.verdict.sentence);
}

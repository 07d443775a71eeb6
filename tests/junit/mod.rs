//! A reader of JUnit files as strict as the strictest of the common ones.

#![allow(unreachable_pub, reason = "a module of tests")]

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::events::{BytesStart, Event as Xml};
use quick_xml::{Reader, XmlVersion};

/// One element of the schema of Jenkins' xUnit plugin (`junit-10.xsd`), the strictest of the common
/// readers: the attributes it must have, those it may have, and the elements it may hold.
struct Element {
    must: &'static [&'static str],
    may: &'static [&'static str],
    holds: &'static [&'static str],
}

const COUNTS: [&str; 3] = ["tests", "failures", "errors"];

fn element(name: &str) -> Option<Element> {
    let (must, may, holds): (&[_], &[_], &[_]) = match name {
        "testsuites" => (&[], &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
        "testsuite" => (
            &["name", "tests", "failures", "errors"],
            &["time", "skipped", "timestamp", "hostname", "id", "package", "file"],
            &["testsuite", "properties", "testcase", "system-out", "system-err"],
        ),
        "properties" => (&[], &[], &["property"]),
        "property" => (&["name", "value"], &[], &[]),
        // The schema asks for no class; every reader groups by it.
        "testcase" => (
            &["name", "classname"],
            &["time", "group"],
            &["skipped", "failure", "error", "system-out", "system-err"],
        ),
        "failure" | "error" | "skipped" => (&[], &["type", "message"], &[]),
        "system-out" | "system-err" => (&[], &[], &[]),
        _ => return None,
    };
    Some(Element { must, may, holds })
}

/// Attributes with their values unescaped.
fn attributes(start: &BytesStart<'_>) -> BTreeMap<String, String> {
    let pairs = start.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        let name = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
        (name, attribute.normalized_value(XmlVersion::default()).unwrap().into_owned())
    });
    pairs.collect()
}

/// Cases, failures and errors of a suite: said, and counted.
#[derive(Default, Clone, PartialEq, Debug)]
struct Suite {
    said: BTreeMap<String, u64>,
    counted: BTreeMap<String, u64>,
}

impl Suite {
    fn said(attributes: &BTreeMap<String, String>) -> Self {
        let said = COUNTS.iter().filter_map(|&name| {
            let number = attributes.get(name)?.parse().expect("a count is a whole number");
            (number > 0).then(|| (name.to_owned(), number))
        });
        Self { said: said.collect(), ..Self::default() }
    }

    fn count(&mut self, name: &str) {
        *self.counted.entry(name.to_owned()).or_default() += 1;
    }
}

/// Reads a file as strictly as any reader does; answers the full names of its cases.
pub fn cases(xml: &str) -> BTreeSet<String> {
    let mut reader = Reader::from_str(xml);
    let (mut open, mut names) = (Vec::<String>::new(), BTreeSet::new());
    let (mut whole, mut suite) = (Suite::default(), Suite::default());
    loop {
        let event = reader.read_event().unwrap();
        let (start, closed) = match &event {
            Xml::Start(start) => (start, false),
            Xml::Empty(start) => (start, true),
            Xml::End(end) => {
                let name = open.pop().unwrap();
                assert_eq!(name.as_bytes(), end.name().as_ref());
                if name == "testsuite" {
                    assert_eq!(suite.said, suite.counted, "{names:?}");
                }
                continue;
            }
            Xml::Eof => break,
            Xml::Text(_) | Xml::Decl(_) | Xml::GeneralRef(_) | Xml::CData(_) => continue,
            other => panic!("{other:?} has no place here"),
        };
        let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
        let rule = element(&name).unwrap_or_else(|| panic!("no reader knows <{name}>"));
        let found = attributes(start);
        assert!(rule.must.iter().all(|must| found.contains_key(*must)), "{name}: {found:?}");
        for (key, value) in &found {
            let known = rule.must.contains(&key.as_str()) || rule.may.contains(&key.as_str());
            assert!(known, "<{name}> has no {key}");
            assert!(key != "time" || value.parse::<f64>().is_ok_and(|s| s >= 0.0), "time {value}");
        }
        match open.last() {
            None => assert_eq!(name, "testsuites"),
            Some(parent) => assert!(element(parent).unwrap().holds.contains(&name.as_str())),
        }
        let counter = match name.as_str() {
            "testsuites" => {
                whole = Suite::said(&found);
                None
            }
            "testsuite" => {
                suite = Suite::said(&found);
                None
            }
            "testcase" => {
                let full = format!("{}.{}", found["classname"], found["name"]);
                assert!(names.insert(full.clone()), "{full} is there twice");
                Some("tests")
            }
            "failure" => Some("failures"),
            "error" => Some("errors"),
            _ => None,
        };
        if let Some(counter) = counter {
            suite.count(counter);
            whole.count(counter);
        }
        if !closed {
            open.push(name);
        }
    }
    assert!(open.is_empty() && whole.said == whole.counted, "{whole:?}");
    names
}

//! `report.html` as a file: what is in it, what is not, how large it may grow; and what it does in
//! a browser, where one is installed.

mod browser;
mod support;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use browser::Browser;

use rollproof::analysis::analyze;
use rollproof::event::{ClusterFact, Edge, Event};
use rollproof::record::{OutsideUpgrade, Record, Work};
use rollproof::report::derive;
use rollproof::scenario::Scenario;
use serde_json::{Value, json};
use support::{Audit, Story};

/// An outage in the middle of the second zone's turn.
fn story(outage_us: u64) -> Story {
    let mut story = Story { baseline_s: 20, settle_s: 4, final_s: 6, ..Story::default() };
    let from = story.step(1, "stop-server").0 + 300_000;
    story.outages = vec![(from, from + outage_us)];
    story
}

fn page_of(record: Record) -> String {
    let derived = derive(&[record]).unwrap();
    let (_, bytes) = derived.files.into_iter().find(|(name, _)| *name == "report.html").unwrap();
    String::from_utf8(bytes).unwrap()
}

fn page(story: &Story, events: &[Event]) -> String {
    let home = tempfile::tempdir().unwrap();
    page_of(story.write(&home.path().join("20260101-120000-galera"), events))
}

/// The page of a run with an outage of eight seconds.
static FAILED: LazyLock<String> = LazyLock::new(|| {
    let story = story(8_000_000);
    page(&story, &story.events())
});

fn data_of(page: &str) -> Value {
    let start = "<script type=\"application/json\" id=\"data\">";
    let json = page.split_once(start).unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(json).unwrap()
}

fn numbers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

#[test]
fn nothing_in_the_page_is_fetched_from_anywhere() {
    let page = &*FAILED;
    assert!(page.contains("default-src 'none'"));
    for word in ["src=", "@import", "url(http", "<link", "<img", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(word), "{word}");
    }
    // The one address is the name of SVG's namespace.
    let addresses: Vec<&str> = page.split("http").skip(1).map(|rest| &rest[..22]).collect();
    let known = |rest: &&str| rest.starts_with("-equiv=") || *rest == "://www.w3.org/2000/svg";
    assert!(addresses.iter().all(known), "{addresses:?}");
}

#[test]
fn the_answer_comes_first_with_its_moment_and_its_zone() {
    let (start, end) = (FAILED.find("<main>").unwrap(), FAILED.find("id=\"objectives\"").unwrap());
    let head = &FAILED[start..end];
    for words in [
        "FAIL",
        "zone2/stop-server",
        "UTC",
        "Worst write gap",
        "resolution",
        "acknowledged",
        "valid",
    ] {
        assert!(head.contains(words), "{words}: {head}");
    }
    assert!(head.contains("0 lost, 0 duplicate") && head.contains("href=\"#t="), "{head}");
    let lost = Story { audit: Some(Audit::LostRow), ..story(0) };
    let lost = page(&lost, &lost.events());
    assert!(lost.contains("DATA FAIL") && lost.contains("2 lost, 0 duplicate"), "{lost}");
    let unchecked = Story { audit: None, ..story(0) };
    let unchecked = page(&unchecked, &unchecked.events());
    assert!(unchecked.contains("not checked") && unchecked.contains("inconclusive"));
}

/// The tile may not say another thing than the answer above it.
#[test]
fn what_an_objective_alone_leaves_open_is_not_valid() {
    let home = tempfile::tempdir().unwrap();
    let story = Story { upgrade: false, ..story(0) };
    let mut record = story.write(&home.path().join("run"), &story.events());
    // A load whose end was not recorded: only its one objective knows.
    record.manifest.work = Work::Load;
    let page = page_of(record);
    assert!(page.contains("INCONCLUSIVE"), "{}", &page[page.find("<main>").unwrap()..][..600]);
    let tiles = &page[page.find("class=\"tiles\"").unwrap()..page.find("class=\"facts\"").unwrap()];
    assert!(tiles.contains("Chunks loaded") && !tiles.contains("Served in time"), "{tiles}");
    assert!(tiles.contains("inconclusive") && !tiles.contains(">valid<"), "{tiles}");
}

#[test]
fn the_command_to_reproduce_names_what_was_watched_or_wrapped() {
    let home = tempfile::tempdir().unwrap();
    let story = Story { upgrade: false, ..story(0) };
    let record = story.write(&home.path().join("run"), &story.events());
    let page_with = |wrapped, target: Option<&str>| {
        let mut record = record.clone();
        let target_version = target.map(str::to_owned);
        record.manifest.outside = Some(OutsideUpgrade { wrapped, target_version });
        page_of(record)
    };
    let wrapped = page_with(true, Some("10.11.19"));
    assert!(wrapped.contains("scenario.toml --upgrade-cmd COMMAND --target-version 10.11.19<"));
    assert!(page_with(false, Some("10.11.19")).contains("scenario.toml --until-version 10.11.19<"));
    assert!(wrapped.contains("rollproof report ."));
}

#[test]
fn the_parts_come_in_their_order() {
    let parts = [
        "class=\"verdict",
        "class=\"tiles\"",
        "id=\"objectives\"",
        "id=\"timeline-section\"",
        "id=\"zones\"",
        "id=\"phases\"",
        "id=\"percentiles\"",
        "id=\"data-safety\"",
        "id=\"before-after\"",
        "id=\"trust\"",
        "id=\"reproduce\"",
    ];
    let places = parts.map(|part| FAILED.find(part).unwrap_or_else(|| panic!("{part}")));
    assert!(places.is_sorted(), "{places:?}");
}

/// What a server or a person named must never become markup or script.
#[test]
fn words_from_outside_stay_words() {
    let story = Story { fails_at: Some(1), ..story(0) };
    let mut events = story.events();
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
    for event in &mut events {
        if let Event::Cluster(cluster) = event {
            match &mut cluster.fact {
                ClusterFact::Step { edge: Edge::Failed, detail, .. } => *detail = evil.to_owned(),
                ClusterFact::Zone(status) => status.version = Some(evil.to_owned()),
                _ => {}
            }
        }
    }
    let page = page(&story, &events);
    assert!(!page.contains("<script>alert") && !page.contains("<img"));
    assert!(page.contains("alert(1)"), "it is still told");
    assert_eq!(data_of(&page)["zones"][0]["changes"][0][2], evil);
}

/// The sums over what is drawn are the totals of the record: nothing is clipped or left out.
#[test]
fn every_transaction_is_drawn_once() {
    let home = tempfile::tempdir().unwrap();
    let story = story(8_000_000);
    let record = story.write(&home.path().join("run"), &story.events());
    let analysis = analyze(std::slice::from_ref(&record)).unwrap();
    let data = data_of(&page_of(record));
    let counts = analysis.total.counts;
    let sum = |value: &Value| numbers(value).iter().sum::<i64>();
    let flows = &data["flows"];
    assert_eq!(sum(&flows["offered"]), counts.offered as i64);
    assert_eq!(sum(&flows["completed"]), counts.good as i64);
    assert_eq!(sum(&flows["failed"]), (counts.offered - counts.good) as i64);
    let cells = data["latency"]["cells"].as_array().unwrap();
    let good: i64 = cells.iter().flat_map(numbers).skip(1).step_by(2).sum();
    assert_eq!(good, counts.good as i64);
    assert_eq!(sum(&data["latency"]["beyond"]), (counts.offered - counts.good) as i64);
    // Not one slice is left out, however empty: the outage is drawn as zero.
    let slices = numbers(&flows["completed"]);
    assert_eq!(slices.len() as u64, story.end().div_ceil(100_000));
    assert!(slices.windows(50).any(|five_seconds| five_seconds.iter().all(|&n| n == 0)));
    let errors: u64 = analysis.errors.iter().map(|error| error.count).sum();
    let drawn = data["errors"].as_array().unwrap().iter().map(|class| class["total"].as_u64());
    assert_eq!(drawn.map(Option::unwrap).sum::<u64>(), errors);
    let gap = analysis.writes.longest(|_| true).unwrap();
    let marks = data["gaps"].as_array().unwrap();
    assert!(marks.iter().any(|mark| mark["from"] == gap.start.0 && mark["to"] == gap.end.0));
}

#[test]
fn the_scenario_in_the_page_is_the_one_that_was_run() {
    let page = &*FAILED;
    let text = page.split_once("<pre id=\"scenario\">").unwrap().1.split_once("</pre>").unwrap().0;
    let text = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    let scenario: Scenario = toml::from_str(&text).unwrap();
    assert_eq!(scenario, story(0).scenario());
}

/// An hour, three zones probed every 100 ms, a transaction in every slice and errors all the time.
static HOUR: LazyLock<String> = LazyLock::new(|| {
    let mut story = Story { rate: 20, terminals: 8, baseline_s: 3_560, ..Story::default() };
    story.outages = (0..700).map(|n| (n * 5_000_000, n * 5_000_000 + 40_000)).collect();
    page(&story, &story.events())
});

#[test]
fn an_hour_stays_small() {
    assert!(HOUR.len() > 400_000, "{} bytes: an hour is not in it", HOUR.len());
    assert!(HOUR.len() < 8_000_000, "{} bytes", HOUR.len());
}

fn open(browser: &mut Browser, dir: &Path, page: &str) -> Duration {
    let file = dir.join("report.html");
    std::fs::write(&file, page).unwrap();
    browser.open(&file)
}

/// What the timeline shows, in µs.
fn in_view(browser: &mut Browser) -> (f64, f64) {
    let edge = |name| format!("Number(document.getElementById('timeline').dataset.{name})");
    (browser.number(&edge("from")), browser.number(&edge("to")))
}

#[test]
fn a_browser_zooms_follows_a_link_to_its_moment_and_asks_for_nothing() {
    let Some(mut browser) = Browser::start() else { return };
    let home = tempfile::tempdir().unwrap();
    open(&mut browser, home.path(), &FAILED);
    let end = story(0).end() as f64;
    assert_eq!(in_view(&mut browser), (0.0, end));
    for (picture, count) in [("#timeline", 1.0), (".close-up", 3.0), ("#curves", 1.0)] {
        let found = browser.number(&format!("document.querySelectorAll('{picture} svg').length"));
        assert_eq!(found, count, "{picture}");
    }

    // With the keyboard.
    browser.value("document.getElementById('timeline').focus()");
    browser.key("+");
    let (from, to) = in_view(&mut browser);
    assert_eq!((from, to), ((end / 4.0).round(), (end * 0.75).round()));
    browser.key("ArrowRight");
    let (moved, to) = in_view(&mut browser);
    assert!(moved > from);
    // What is in the middle is read out, for there is no pointer.
    let said = browser.value("document.getElementById('readout').textContent");
    let middle = format!("{:.1} s", (moved + to) / 2e6);
    assert!(said.as_str().unwrap().starts_with(&middle), "{said} should begin with {middle}");
    browser.key("0");
    assert_eq!(in_view(&mut browser), (0.0, end));

    // With the mouse, across a third of the picture.
    browser.value("document.getElementById('timeline-section').scrollIntoView()");
    let place = "document.getElementById('timeline').getBoundingClientRect()";
    let (left, wide) =
        (browser.number(&format!("{place}.left")), browser.number(&format!("{place}.width")));
    let middle = browser.number(&format!("{place}.top + 40"));
    browser.drag((left + wide * 0.4, middle), (left + wide * 0.7, middle));
    let (from, to) = in_view(&mut browser);
    assert!(from > 0.0 && to < end && to - from < end / 2.0, "{from} to {to}");

    // From an objective to its moment.
    browser.value("document.getElementById('objectives').scrollIntoView()");
    browser.click("#objective-write-gap a.moment");
    let (gap, _) = story(8_000_000).outages[0];
    let (from, to) = in_view(&mut browser);
    assert!(from < gap as f64 && gap as f64 + 8e6 < to && to - from < 30e6, "{from} to {to}");
    // The browser scrolls when it comes to it.
    browser.until(&format!("{place}.top >= -1 && {place}.top < innerHeight"));
    let said = browser.value("document.getElementById('readout').textContent");
    assert!(said.as_str().unwrap().contains("zone2/stop-server"), "{said}");

    let (complaints, requests) = browser.complaints_and_requests();
    assert_eq!(complaints, [""; 0]);
    let own = |address: &String| address.starts_with("file://") && address.contains("/report.html");
    assert!(requests.len() == 1 && requests.iter().all(own), "{requests:?}");
}

#[test]
fn a_phone_a_dark_screen_and_a_sheet_of_paper_show_all_of_it() {
    let Some(mut browser) = Browser::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    browser.call("Emulation.setDeviceMetricsOverride", phone);
    open(&mut browser, home.path(), &FAILED);
    assert_eq!(browser.number("document.documentElement.scrollWidth"), 390.0);
    let drawn = browser.value("document.getElementById('timeline').textContent");
    for words in ["slowest", "deeper: more transactions", "beyond the deadline"] {
        assert!(drawn.as_str().unwrap().contains(words), "{words} in {drawn}");
    }
    let paper = "getComputedStyle(document.body).backgroundColor";
    let scheme =
        |value| json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
    browser.call("Emulation.setEmulatedMedia", scheme("light"));
    assert_eq!(browser.value(paper), "rgb(255, 255, 255)");
    browser.call("Emulation.setEmulatedMedia", scheme("dark"));
    assert_ne!(browser.value(paper), "rgb(255, 255, 255)");
    // Whoever prints from a dark screen gets dark words on white paper all the same.
    let print = json!({ "media": "print", "features": scheme("dark")["features"] });
    browser.call("Emulation.setEmulatedMedia", print);
    assert_eq!(browser.value(paper), "rgb(255, 255, 255)");
    assert_eq!(browser.complaints_and_requests().0, [""; 0]);
}

#[test]
fn an_hour_loads_within_three_seconds() {
    let Some(mut browser) = Browser::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let took = open(&mut browser, home.path(), &HOUR);
    let drawn = browser.number("document.querySelectorAll('#timeline svg path').length");
    assert!(drawn > 10.0, "{drawn}");
    eprintln!("a page of {} bytes was loaded and drawn in {took:?}", HOUR.len());
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(browser.complaints_and_requests().0, [""; 0]);
}

//! The dashboard's pictures: a stream of events in, cells of a terminal out.
//!
//! `cargo insta review`, or the environment variable INSTA_UPDATE, takes new pictures over; look at
//! them.

mod feed;

use feed::{Feed, calm, finished, mid_upgrade, outage, scenario};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use rollproof::event::*;
use rollproof::live::{Board, Held, Screen, Standing, Style, Subject, View};
use rollproof::phase::{step, stretch};
use rollproof::record::{Manifest, Record};
use rollproof::report::derive;
use rollproof::scenario::{PhaseObjectives, Scenario, Span};
use rollproof::verdict::Status;

fn screen(view: &View) -> Screen<'_> {
    let style = Style { colours: true };
    Screen { view, style, scrolled: 0, asking: false, ending: false }
}

fn draw(screen: Screen<'_>, width: u16, height: u16) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| frame.render_widget(screen, frame.area())).unwrap();
    terminal.backend().clone()
}

fn picture(view: &View, width: u16, height: u16) -> String {
    draw(screen(view), width, height).to_string()
}

#[test]
fn a_calm_run() {
    insta::assert_snapshot!(picture(&calm().at(36_950), 80, 24));
}

#[test]
fn in_the_middle_of_an_upgrade() {
    insta::assert_snapshot!(picture(&mid_upgrade().at(64_100), 80, 24));
}

#[test]
fn an_outage_is_counted_up_while_it_lasts() {
    let feed = outage();
    insta::assert_snapshot!(picture(&feed.at(66_100), 80, 24));
    let growing = |at_ms| feed.at(at_ms).gap.unwrap().length_us();
    assert_eq!(growing(66_350) - growing(66_100), 250_000);
}

#[test]
fn a_finished_run() {
    insta::assert_snapshot!(picture(&finished().at(0), 80, 24));
}

#[test]
fn a_small_terminal_shows_what_matters_most() {
    insta::assert_snapshot!(picture(&outage().at(66_100), 60, 15));
}

#[test]
fn a_large_terminal_is_used() {
    insta::assert_snapshot!(picture(&outage().at(66_100), 200, 50));
}

#[test]
fn no_size_is_too_small() {
    let view = finished().at(0);
    for (width, height) in [(1, 1), (1, 50), (200, 1), (20, 5), (71, 19), (72, 20), (500, 200)] {
        assert!(!picture(&view, width, height).is_empty());
    }
}

#[test]
fn without_colours_nothing_is_coloured_and_the_same_is_said() {
    let view = outage().at(66_100);
    let colourless = draw(Screen { style: Style { colours: false }, ..screen(&view) }, 80, 24);
    let coloured = draw(screen(&view), 80, 24);
    let used = |backend: &TestBackend| {
        let cells = backend.buffer().content();
        cells.iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count()
    };
    assert!(used(&coloured) > 20 && used(&colourless) == 0);
    assert_eq!(colourless.to_string(), coloured.to_string());
}

/// Most of a second may be good and some of it bad: a column's height does not tell.
#[test]
fn a_column_with_failures_is_marked_whatever_the_colours() {
    let chart = |feed: &Feed| {
        let view = feed.at(66_100);
        let plain = draw(Screen { style: Style { colours: false }, ..screen(&view) }, 80, 24);
        let foot =
            plain.to_string().lines().find(|line| line.contains("bad/retried")).unwrap().to_owned();
        foot.split_once(" max").unwrap().0.to_owned()
    };
    let mut feed = mid_upgrade();
    feed.attempt(64_000_000, 64_100_000, Outcome::Failed(ErrorClass::Deadline), true);
    feed.calm(64, 66);
    assert!(chart(&feed).ends_with("█×█"), "{}", chart(&feed));
}

#[test]
fn the_log_can_be_scrolled_and_an_end_must_be_confirmed() {
    let view = finished().at(0);
    let top = draw(Screen { scrolled: 1000, ..screen(&view) }, 80, 24).to_string();
    let bottom = picture(&view, 80, 24);
    assert!(
        top.contains("zone1 is serving 10.11.18") && !bottom.contains("is serving 10.11.18"),
        "{top}"
    );
    let asking = draw(Screen { asking: true, ..screen(&view) }, 80, 24).to_string();
    assert!(asking.contains("y yes  n no"), "{asking}");
}

#[test]
fn a_limit_of_a_phase_s_own_stands_in_place_of_the_run_s() {
    let mut scenario = scenario();
    let own = PhaseObjectives {
        write_gap_max: Some(Span::secs(10)),
        failed_max: Some(1000),
        ..Default::default()
    };
    scenario.objectives.phases.insert("zone2/stop-server".to_owned(), own);
    let standing = |scenario: &Scenario| {
        let mut feed = Feed::of(scenario, false);
        feed.stretch(0, stretch::BASELINE);
        feed.calm(0, 60);
        // What is on belongs to the phase in which it began.
        feed.runner(59, step::STOP_SERVER, 1, Edge::Begin);
        feed.failing(60, 64, ErrorClass::Deadline);
        let view = feed.at(64_000);
        let held = view.objectives.iter().filter(|held| ["write-gap", "failed"].contains(&held.id));
        held.map(|held| format!("{} {:?} {:?}", held.id, held.only_in.as_deref(), held.standing))
            .collect::<Vec<_>>()
    };
    assert_eq!(standing(&feed::scenario()), ["failed None Missed", "write-gap None Missed"]);
    assert_eq!(
        standing(&scenario),
        [
            "failed None Met",
            "failed Some(\"zone2/stop-server\") Met",
            "write-gap None Met",
            "write-gap Some(\"zone2/stop-server\") Met",
        ]
    );
}

/// Every event of a record, in the order in which the collector had them.
fn replay(record: &Record) -> Board {
    let Manifest { scenario, run_id, .. } = &record.manifest;
    let board = Board::new(Subject::of(scenario, false, run_id, String::new()));
    let (cluster, _) = record.cluster().unwrap();
    let cluster = cluster.into_iter().map(|event| (event.at, 0, Event::Cluster(event)));
    let attempts = record.attempts().unwrap().map(Result::unwrap);
    let attempts = attempts.map(|attempt| (attempt.end, 1, Event::Attempt(attempt)));
    let mut events: Vec<_> = cluster.chain(attempts).collect();
    events.sort_by_key(|(at, rank, _)| (*at, *rank));
    events.iter().for_each(|(_, _, event)| board.observe(event));
    board
}

#[test]
fn what_was_seen_live_is_what_the_verdict_says() {
    for name in ["upgrade", "brownout"] {
        let dir = format!("tests/golden_runs/{name}/record");
        let record = Record::open(std::path::Path::new(&dir)).unwrap();
        let end = record.manifest.completion.as_ref().unwrap().end;
        let view = replay(&record).look_at(end);
        let derived = derive(&[record]).unwrap();
        let mut compared = 0;
        for result in &derived.verdict.objectives {
            let same = |held: &&Held| held.id == result.id && held.only_in == result.only_in;
            let Some(held) = view.objectives.iter().find(same) else { continue };
            let standing = match result.status {
                Status::Met => Standing::Met,
                Status::Missed | Status::Warned => Standing::Missed,
                Status::Unknown => Standing::Open,
            };
            assert_eq!(held.standing, standing, "{name}: {held:?} and {result:?}");
            compared += 1;
        }
        assert_eq!(compared, view.objectives.len(), "{name}");
    }
}

//! The live view as a page: one document without anything from elsewhere, which asks for itself
//! again every two seconds.

use askama::Template;

use super::log::Weight;
use super::objectives::Standing;
use super::view::{View, ZoneNow};
use super::words;
use crate::event::ZoneState;

/// Seconds that the page's charts show.
const SECONDS_SHOWN: usize = 240;
/// Lines of the log that are shown.
const LINES_SHOWN: usize = 60;

#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    run: &'a str,
    doing: &'a str,
    clock: String,
    phase: String,
    phase_tone: &'static str,
    rows: Option<String>,
    zones: Vec<Row>,
    tiles: Vec<Tile>,
    completed: Chart,
    response: Chart,
    objectives: Vec<Row>,
    errors: Vec<(String, String, String)>,
    log: Vec<Row>,
}

/// A row of a table: what it says, and how it is meant.
struct Row {
    tone: &'static str,
    cells: Vec<String>,
}

struct Tile {
    tone: &'static str,
    name: &'static str,
    value: String,
    note: String,
}

/// Columns a second wide, in a box `SECONDS_SHOWN` wide and 100 high; those that did not go well
/// apart, with a mark beneath, since colours are never the only sign.
#[derive(Default)]
struct Chart {
    good: String,
    bad: String,
    words: String,
}

/// The page of this moment.
pub(super) fn page(view: &View) -> String {
    let subject = &view.subject;
    let label = view.phase.name.label(&subject.zones).to_string();
    let lasted = words::duration(view.at.since_us(view.phase.since));
    let phase = match view.over {
        true => "measuring is over".to_owned(),
        false => format!("{label} for {lasted}"),
    };
    let rows = view.loading.map(|loading| {
        let (done, of) = (words::count(loading.rows_done), words::count(loading.rows_total));
        format!("{}: {done} of {of} rows", loading.doing)
    });
    let page = Page {
        run: &subject.run_id,
        doing: &subject.doing,
        clock: words::clock(view.at.as_us()),
        phase,
        phase_tone: if view.phase.failed { "bad" } else { "" },
        rows,
        zones: view.zones.iter().map(|zone| zone_row(view, zone)).collect(),
        tiles: tiles(view),
        completed: completed(view),
        response: response(view),
        objectives: objectives(view),
        errors: errors(view),
        log: log(view),
    };
    page.render().expect("the template writes to memory alone")
}

fn zone_row(view: &View, zone: &ZoneNow) -> Row {
    let since = words::duration(view.at.since_us(zone.since));
    let Some(status) = &zone.status else {
        return Row { tone: "", cells: vec![zone.name.clone(), "not looked at yet".to_owned()] };
    };
    let tone = match (status.state, zone.failing) {
        (ZoneState::Serving, None) => "good",
        (ZoneState::Down, _) => "bad",
        _ => "warn",
    };
    let version = status.version.as_deref().map_or("-", words::numbers_of);
    let note = match zone.failing {
        Some((since, class)) => {
            format!("probes fail for {}: {class}", words::duration(view.at.since_us(since)))
        }
        None if status.state == ZoneState::Serving => String::new(),
        None => status.detail.clone(),
    };
    let state = format!("{} for {since}", status.state);
    Row { tone, cells: vec![zone.name.clone(), version.to_owned(), state, note] }
}

fn tiles(view: &View) -> Vec<Tile> {
    let last = view.last_second();
    let offered = view.offered_per_s.map_or("-".to_owned(), |rate| format!("{rate:.0}"));
    let done = Tile {
        tone: if last.bad > 0 { "bad" } else { "good" },
        name: "good in the last second",
        value: last.good.to_string(),
        note: format!("{offered} offered, {} completed, {} bad", last.completed, last.bad),
    };
    let p99 =
        |of: Option<super::Quantiles>| of.map_or("-".to_owned(), |q| words::duration(q.p99_us));
    let latency = Tile {
        tone: "",
        name: "response time, p99",
        value: p99(last.response),
        note: format!("{} in the baseline", p99(view.baseline)),
    };
    let longest = match view.gap_us_max {
        0 => format!("no gap over {}", words::duration(view.tau_us)),
        us => format!("longest {}", words::duration(us)),
    };
    let (tone, value) = match view.gap {
        None => ("good", "none".to_owned()),
        Some(gap) => ("bad", words::duration(gap.length_us())),
    };
    let gap = Tile { tone, name: "write gap open now", value, note: longest };
    let bad = Tile {
        tone: if view.totals.bad > 0 { "bad" } else { "good" },
        name: "bad in all",
        value: words::count(view.totals.bad),
        note: format!(
            "of {} that ended, {} of unknown fate",
            words::count(view.totals.ended),
            words::count(view.totals.ambiguous)
        ),
    };
    vec![done, latency, gap, bad]
}

/// The last seconds with the place of each, counted from the left.
fn shown(view: &View) -> impl Iterator<Item = (usize, &super::Second)> {
    let seconds = &view.seconds[view.seconds.len().saturating_sub(SECONDS_SHOWN)..];
    let first = SECONDS_SHOWN - seconds.len();
    (first..).zip(seconds)
}

fn column(place: usize, share: f64) -> String {
    format!("M{place} 100V{:.0}h1V100z", 100.0 - share.clamp(0.0, 1.0) * 100.0)
}

impl Chart {
    fn push(&mut self, place: usize, share: f64, bad: bool) {
        let column = column(place, share);
        match bad {
            false => self.good.push_str(&column),
            true => self.bad.push_str(&format!("{column}M{place} 102h1v6h-1z")),
        }
    }
}

fn completed(view: &View) -> Chart {
    let most = shown(view).map(|(_, second)| second.completed).max().unwrap_or(0) as f64;
    let top = most.max(view.offered_per_s.unwrap_or(0.0)).max(1.0);
    let mut chart = Chart { words: format!("0 to {top:.0} a second"), ..Chart::default() };
    for (place, second) in shown(view) {
        chart.push(place, second.completed as f64 / top, second.bad > 0);
    }
    chart
}

/// p99 on a log scale from 1 ms to the deadline; seconds in which nothing was done are full.
fn response(view: &View) -> Chart {
    let deadline_ms = (view.subject.deadline_us as f64 / 1e3).max(2.0);
    let scale = format!("1 ms to {}, log scale", words::duration(view.subject.deadline_us));
    let mut chart = Chart { words: scale, ..Chart::default() };
    for (place, second) in shown(view) {
        match second.response {
            None => chart.push(place, 1.0, true),
            Some(now) => {
                let ms = (now.p99_us as f64 / 1e3).max(1.0);
                let late = now.p99_us > view.subject.deadline_us;
                chart.push(place, (ms.ln() / deadline_ms.ln()).max(0.02), late);
            }
        }
    }
    chart
}

fn objectives(view: &View) -> Vec<Row> {
    let row = |held: &super::Held| {
        let (tone, word) = match held.standing {
            Standing::Open => ("", "open"),
            Standing::Met => ("good", "met"),
            Standing::Missed => ("bad", "missed"),
        };
        let only_in = held.only_in.as_ref().map(|key| format!(" in {key}")).unwrap_or_default();
        let title = format!("{}{only_in}", held.title);
        let cells = vec![word.to_owned(), title, held.measured.clone(), held.limit.clone()];
        Row { tone, cells }
    };
    view.objectives.iter().map(row).collect()
}

fn errors(view: &View) -> Vec<(String, String, String)> {
    let row = |errors: &super::ErrorsOf| {
        let ago = words::duration(view.at.since_us(errors.last));
        (errors.class.to_string(), words::count(errors.total), format!("{ago} ago"))
    };
    view.errors.iter().map(row).collect()
}

/// Newest first.
fn log(view: &View) -> Vec<Row> {
    let row = |line: &super::LogLine| {
        let tone = match line.weight {
            Weight::Plain => "",
            Weight::Good => "good",
            Weight::Warn => "warn",
            Weight::Bad => "bad",
        };
        Row { tone, cells: vec![words::clock(line.at.as_us()), line.text.clone()] }
    };
    view.log.iter().rev().take(LINES_SHOWN).map(row).collect()
}

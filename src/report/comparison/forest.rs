//! A section of a comparison as a table whose last column is a forest plot, so that the figures are
//! the plot's text and it bends to a phone. Both pages have it.

use askama::Template;

use crate::compare::{Judged, Outcome, Quantity, Section};

use super::rows;

/// Ratios outside of these are drawn at the edge; the figures beside the plot say what they are.
const AXIS: (f64, f64) = (0.4, 2.5);
/// The axis holds these whatever was found, so that noise does not fill the page.
const AXIS_LEAST: (f64, f64) = (0.9, 1.25);
/// Where the axis may be marked.
const TICKS: [f64; 13] = [1.0, 0.8, 1.2, 0.9, 1.1, 1.5, 0.6, 2.0, 0.5, 2.5, 0.7, 1.3, 1.75];
/// Marks are no closer than this share of the axis.
const TICKS_APART: f64 = 0.12;
/// Width of a plot in its own units.
const WIDTH: f64 = 1_000.0;

/// The table, its remarks, and the facts beside it.
#[derive(Template)]
#[template(path = "forest.html")]
pub(in crate::report) struct Forest<'a> {
    pub(super) id: String,
    pub(super) heading: &'a str,
    /// What the two sides are called.
    sides: [&'static str; 2],
    note: &'a str,
    rows: Vec<Row>,
    /// Place in per cent, and what stands there.
    ticks: Vec<(String, String)>,
    remarks: Vec<String>,
    facts: Vec<[String; 3]>,
}

struct Row {
    id: String,
    status: &'static str,
    outcome: &'static str,
    word: String,
    name: String,
    base: String,
    candidate: String,
    ratio: String,
    interval: String,
    allowed: String,
    plot: Plot,
}

/// Places along the axis.
struct Plot {
    from: String,
    width: String,
    one: String,
    limit: String,
    low: String,
    high: String,
    ratio: String,
    /// Whether the interval's ends are on the axis.
    ends: (bool, bool),
}

/// A logarithmic axis: as much slower is as far from 1 as it would be quicker.
struct Axis {
    low: f64,
    high: f64,
}

impl<'a> Forest<'a> {
    pub(in crate::report) fn new(section: &'a Section, heading: &'a str) -> Self {
        let axis = Axis::of(section);
        Self {
            id: section.pair.name(),
            heading,
            sides: section.pair.sides(),
            note: &section.note,
            rows: section.metrics.iter().filter_map(|judged| row(judged, &axis)).collect(),
            ticks: axis.ticks(),
            remarks: rows::remarks(section),
            facts: rows::facts(section),
        }
    }
}

fn row(judged: &Judged, axis: &Axis) -> Option<Row> {
    let status = match judged.outcome {
        Outcome::Pass => "met",
        Outcome::Regressed => "missed",
        Outcome::Inconclusive => "unknown",
        Outcome::Untested => return None,
    };
    let [word, name, base, candidate, ratio, interval, allowed] = rows::row(judged);
    Some(Row {
        id: judged.metric.to_string().replace(['[', ']'], "-").trim_end_matches('-').to_owned(),
        status,
        outcome: judged.outcome.as_str(),
        word,
        name,
        base,
        candidate,
        ratio,
        interval,
        allowed,
        plot: plot(judged, axis)?,
    })
}

fn plot(judged: &Judged, axis: &Axis) -> Option<Plot> {
    let (estimate, limit) = (judged.estimate?, judged.limit?);
    let place = |ratio: f64| format!("{:.1}", axis.share(ratio) * WIDTH);
    let (from, to) = match judged.metric.quantity {
        Quantity::Throughput => (axis.share(limit), 1.0),
        _ => (0.0, axis.share(limit)),
    };
    Some(Plot {
        from: format!("{:.1}", from * WIDTH),
        width: format!("{:.1}", (to - from) * WIDTH),
        one: place(1.0),
        limit: place(limit),
        low: place(estimate.low),
        high: place(estimate.high),
        ratio: place(estimate.ratio),
        ends: (estimate.low >= axis.low, estimate.high <= axis.high),
    })
}

impl Axis {
    fn of(section: &Section) -> Self {
        let tested = || section.metrics.iter().filter_map(|judged| judged.estimate);
        let low = tested().map(|found| found.low).fold(AXIS_LEAST.0, f64::min);
        let high = tested().map(|found| found.high).fold(AXIS_LEAST.1, f64::max);
        Self { low: low.max(AXIS.0), high: high.min(AXIS.1) }
    }

    /// Where along the axis a ratio stands, from 0 to 1.
    fn share(&self, ratio: f64) -> f64 {
        ((ratio / self.low).ln() / (self.high / self.low).ln()).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<(String, String)> {
        let mut taken: Vec<f64> = Vec::new();
        let mut ticks = Vec::new();
        for ratio in TICKS.into_iter().filter(|ratio| (self.low..=self.high).contains(ratio)) {
            let place = self.share(ratio);
            let fits = (TICKS_APART / 3.0..=1.0 - TICKS_APART / 3.0).contains(&place);
            if fits && taken.iter().all(|other| (place - other).abs() >= TICKS_APART) {
                taken.push(place);
                ticks.push((format!("{:.1}", place * 100.0), format!("× {ratio}")));
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_slower_stands_as_far_from_one_as_quicker() {
        let axis = Axis { low: 0.5, high: 2.0 };
        assert!((axis.share(1.0) - 0.5).abs() < 1e-12);
        assert!((axis.share(1.25) + axis.share(0.8) - 1.0).abs() < 1e-12);
        assert_eq!((axis.share(9.0), axis.share(0.01)), (1.0, 0.0));
        let ticks = axis.ticks();
        assert_eq!(ticks[0], ("50.0".to_owned(), "× 1".to_owned()));
        assert!(ticks.len() >= 5, "{ticks:?}");
    }
}

//! `comparison.html`: one file without a script, in the style of `report.html`.

use askama::Template;

use crate::compare::{Answer, Comparison};
use crate::report::page::{Head, Tone};

use super::forest::Forest;
use super::rows;

#[derive(Template)]
#[template(path = "comparison.html")]
struct Page<'a> {
    head: Head<'a>,
    sides: [Side; 2],
    parts: Vec<Forest<'a>>,
    trust: Vec<String>,
}

struct Side {
    name: &'static str,
    runs: Vec<String>,
}

/// The page.
pub(super) fn render(found: &Comparison) -> Vec<u8> {
    let tone = match found.answer {
        Answer::Pass => Tone::Good,
        Answer::Regressed => Tone::Bad,
        Answer::Inconclusive => Tone::Doubt,
    };
    let headings: Vec<String> = found.sections.iter().map(rows::heading).collect();
    let parts = found.sections.iter().zip(&headings);
    let page = Page {
        head: Head::new(tone, found.answer.title(), &rows::title(found), &found.sentence),
        sides: [("Base", &found.base), ("Candidate", &found.candidate)]
            .map(|(name, runs)| Side { name, runs: rows::runs(runs) }),
        parts: parts.map(|(section, heading)| Forest::new(section, heading)).collect(),
        trust: rows::trust(found),
    };
    page.render().expect("a page in memory can be written").into_bytes()
}

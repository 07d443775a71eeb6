//! What rollproof makes of a story.

use rollproof::analysis::{Analysis, analyze};
use rollproof::event::Event;
use rollproof::verdict::{ObjectiveResult, Verdict};

use super::Story;

pub fn analysed(story: &Story) -> (Analysis, Verdict) {
    analysed_events(story, &story.events())
}

pub fn analysed_events(story: &Story, events: &[Event]) -> (Analysis, Verdict) {
    let home = tempfile::tempdir().unwrap();
    let record = story.write(&home.path().join("r"), events);
    let analysis = analyze(&[record]).unwrap();
    let verdict = Verdict::of(&analysis);
    (analysis, verdict)
}

pub fn objective<'a>(verdict: &'a Verdict, id: &str) -> &'a ObjectiveResult {
    verdict.objectives.iter().find(|result| result.id == id).unwrap()
}

/// Short and calm: nothing but what a test does to it keeps it from passing.
pub fn small() -> Story {
    Story { baseline_s: 12, settle_s: 2, final_s: 6, upgrade: false, ..Story::default() }
}

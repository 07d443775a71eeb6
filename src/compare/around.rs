//! What came after an upgrade against what came before it, for the run's own report.

use crate::analysis::{Analysis, AnalysisError};
use crate::record::{Record, Work};
use crate::verdict::Verdict;

use super::error::CompareError;
use super::fitness;
use super::judge::settle;
use super::part::Pair;
use super::rules::Rules;
use super::section::{Section, Whole, of_blocks, untold};

/// The section that [`super::compare`] makes of a run alone, by the usual rules; but it decides
/// nothing, and what would be refused there is its note here. `None` of a run in which no upgrade
/// was seen, and of a recorded load, whose end is no return to what was before.
///
/// # Errors
/// When the records, those of one run, cannot be read.
pub fn around_upgrade(
    records: &[Record],
    analysis: &Analysis,
    verdict: &Verdict,
) -> Result<Option<Section>, AnalysisError> {
    if analysis.run.work == Work::Load || analysis.course.window.is_none() {
        return Ok(None);
    }
    let pair = Pair::around_upgrade(false);
    let missing = [pair.base, pair.candidate]
        .into_iter()
        .find(|part| part.phases(analysis).next().is_none())
        .map(|part| CompareError::NoPart { run_id: analysis.run.run_id.clone(), part }.to_string());
    let doubt = || fitness::doubts(analysis, verdict).into_iter().next();
    if let Some(note) = missing.or_else(doubt) {
        return Ok(Some(untold(analysis, pair, note)));
    }
    let run = Whole { records, analysis };
    let mut sections = of_blocks(run, run, &[pair], &Rules::default())?;
    settle(sections.iter_mut().flat_map(|section| &mut section.metrics));
    Ok(sections.pop())
}

//! Every derived file of a run, from its records alone.

use crate::analysis::{AnalysisError, analyze};
use crate::record::Record;
use crate::verdict::Verdict;

use super::{errors, hlog, junit, latency, markdown, phases, summary, text};

/// What a run's records add up to.
#[derive(Debug)]
pub struct Derived {
    /// The answer.
    pub verdict: Verdict,
    /// The answer as it is printed, at most 100 columns wide.
    pub printed: String,
    /// Name and content of every derived file, to be written beside the record.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// Analyses the records of one run and renders every derived file.
///
/// # Errors
/// When a record cannot be read or is damaged, or the records are not of one run.
pub fn derive(records: &[Record]) -> Result<Derived, AnalysisError> {
    let analysis = analyze(records)?;
    let verdict = Verdict::of(&analysis);
    let files = vec![
        ("summary.json", summary::render(&analysis, &verdict)),
        ("phases.csv", phases::render(&analysis)),
        ("latency.csv", latency::render(&analysis)),
        ("errors.csv", errors::render(&analysis)),
        ("latency.hlog", hlog::render(&analysis)),
        ("report.md", markdown::render(&analysis, &verdict).into_bytes()),
        ("junit.xml", junit::render(&analysis, &verdict).into_bytes()),
    ];
    Ok(Derived { printed: text::render(&analysis, &verdict), verdict, files })
}

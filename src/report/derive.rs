//! Every derived file of a run, from its records alone.

use crate::analysis::{AnalysisError, analyze};
use crate::compare::around_upgrade;
use crate::record::Record;
use crate::verdict::Verdict;

use super::{errors, hlog, junit, latency, markdown, page, phases, summary, text};

/// Names of the derived files of a run.
pub const DERIVED_FILES: [&str; 8] = [
    "summary.json",
    "phases.csv",
    "latency.csv",
    "errors.csv",
    "latency.hlog",
    "report.html",
    "report.md",
    "junit.xml",
];

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
    let around = around_upgrade(records, &analysis, &verdict)?;
    let around = around.as_ref();
    let rendered = [
        summary::render(&analysis, &verdict, around),
        phases::render(&analysis),
        latency::render(&analysis),
        errors::render(&analysis),
        hlog::render(&analysis),
        page::render(&analysis, &verdict, around),
        markdown::render(&analysis, &verdict, around).into_bytes(),
        junit::render(&analysis, &verdict).into_bytes(),
    ];
    let files = DERIVED_FILES.into_iter().zip(rendered).collect();
    Ok(Derived { printed: text::render(&analysis, &verdict, around), verdict, files })
}

//! The baseline of a finished run, for another run to be held against.

use crate::analysis::{AnalysisError, analyze};
use crate::record::{Fingerprint, Record, StoredBaseline};
use crate::verdict;

/// Why a run's baseline cannot stand for another run's.
#[derive(Debug, thiserror::Error)]
pub enum NoBaseline {
    /// Its record cannot be read.
    #[error(transparent)]
    Unreadable(#[from] AnalysisError),
    /// It is not fit to hold anything against.
    #[error("the baseline of run {run_id} cannot be used: {reason}")]
    Unfit {
        /// The run.
        run_id: String,
        /// What speaks against it.
        reason: String,
    },
}

/// Takes the baseline out of a run's record. It must be whole and steady, and the tool must have
/// kept up: what such a baseline says would be held against every run to come.
///
/// # Errors
/// When the record cannot be read, or its baseline is not fit, with the reason.
pub fn stored_baseline(record: &Record) -> Result<StoredBaseline, NoBaseline> {
    let analysis = analyze(std::slice::from_ref(record))?;
    let manifest = &record.manifest;
    let unfit = |reason: String| NoBaseline::Unfit { run_id: manifest.run_id.clone(), reason };
    if let Some(stored) = &manifest.baseline {
        return Err(unfit(format!("it is that of run {}; take it from there", stored.run_id)));
    }
    if let Some(reason) = verdict::baseline_doubt(&analysis) {
        return Err(unfit(reason.text));
    }
    let figures = analysis.held_against.ok_or_else(|| unfit("it has no p99".to_owned()))?;
    Ok(StoredBaseline {
        run_id: manifest.run_id.clone(),
        origin_wall: manifest.origin_wall,
        fingerprint: Fingerprint::of(&manifest.scenario, manifest.format),
        figures,
    })
}

//! Stretches of a run cut into equal blocks of time, which comparisons take for their unit.

use crate::event::{RunTime, TxnKind};
use crate::record::Record;

use super::business::Terminals;
use super::input::{AnalysisError, RecordSet};
use super::tally::{Tally, is_overdue};

/// What is to be cut, and how finely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Half-open stretches of the run, in order. Each is cut from its own beginning; what is left
    /// of it at its end, shorter than a block, is in none.
    pub spans: Vec<(RunTime, RunTime)>,
    /// Width of a block, in µs.
    pub width_us: u64,
}

/// The business transactions due in one block, by kind, in the order of [`TxnKind::ALL`].
pub type Block = [Tally; TxnKind::COUNT];

impl Cut {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.spans.iter().map(|span| self.blocks_of(*span)).sum()
    }

    /// Whether no stretch holds a single block.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn blocks_of(&self, (start, end): (RunTime, RunTime)) -> usize {
        (end.since_us(start) / self.width_us.max(1)) as usize
    }

    /// The block that holds a moment.
    fn index(&self, at: RunTime) -> Option<usize> {
        let mut before = 0;
        for &(start, end) in &self.spans {
            let blocks = self.blocks_of((start, end));
            if at >= start && at < end {
                let index = (at.since_us(start) / self.width_us.max(1)) as usize;
                return (index < blocks).then_some(before + index);
            }
            before += blocks;
        }
        None
    }
}

/// Counts the business transactions of every block of every cut, in one pass over the attempts. A
/// transaction belongs to the block that holds its scheduled time, as it does to its phase. What
/// is missing from the records has been told by [`super::analyze`] before.
///
/// # Errors
/// When a file cannot be read or is damaged, or the records are not of one run.
pub fn blocks(records: &[Record], cuts: &[Cut]) -> Result<Vec<Vec<Block>>, AnalysisError> {
    let set = RecordSet::new(records)?;
    let end = set.end()?;
    let deadline_us = set.lead().record.manifest.scenario.load.deadline.as_us();
    let mut all: Vec<Vec<Block>> =
        cuts.iter().map(|cut| vec![Block::default(); cut.len()]).collect();
    if all.iter().all(Vec::is_empty) {
        return Ok(all);
    }
    let mut terminals = Terminals::default();
    for (index, shard) in set.shards.iter().enumerate() {
        shard.attempts(&mut Vec::new(), |attempts| {
            for whole in attempts.iter().filter_map(|attempt| terminals.push(index, attempt)) {
                let overdue = is_overdue(whole.scheduled, deadline_us, end);
                for (cut, blocks) in cuts.iter().zip(&mut all) {
                    if let Some(place) = cut.index(whole.scheduled) {
                        let tally = &mut blocks[place][whole.kind.index()];
                        tally.record(&whole, whole.grade(deadline_us), false, overdue);
                    }
                }
            }
        })?;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_cut_from_each_beginning_and_remainders_are_left_out() {
        let at = |us| RunTime(us);
        let cut = Cut { spans: vec![(at(10), at(45)), (at(60), at(70))], width_us: 10 };
        assert_eq!(cut.len(), 4);
        let places = [(9, None), (10, Some(0)), (39, Some(2)), (40, None), (60, Some(3))];
        for (moment, place) in places {
            assert_eq!(cut.index(at(moment)), place, "{moment}");
        }
        assert_eq!(cut.index(at(70)), None);
    }
}

//! Where on the run's clock something happened, in little memory and whatever the order.

use crate::event::RunTime;

/// The finest cell, in µs.
pub(super) const CELL_US_MIN: u64 = 10_000;

/// Moments of a run, thinned out so that every distance between neighbours of at least one cell's
/// width is still exact.
///
/// A cell keeps its first and its last moment only. Two neighbours further apart than a cell is
/// wide lie in different cells; the earlier one is the last of its cell, the later one the first
/// of its own. Nothing depends on the order of recording, and tracks can be merged.
#[derive(Debug, Clone)]
pub(super) struct Track {
    width_us: u64,
    cells_max: usize,
    cells: Vec<Cell>,
}

/// Offsets of the first and last moment within a cell; empty when `first > last`.
#[derive(Debug, Clone, Copy)]
struct Cell {
    first: u32,
    last: u32,
}

const EMPTY: Cell = Cell { first: u32::MAX, last: 0 };

impl Track {
    /// A track for moments up to `length_us` in at most `cells_max` cells of eight bytes: where
    /// they do not suffice, cells are wider.
    pub(super) fn new(length_us: u64, cells_max: usize) -> Self {
        let width_us = length_us.div_ceil(cells_max as u64).clamp(CELL_US_MIN, u64::from(u32::MAX));
        Self { width_us, cells_max: cells_max + 1, cells: Vec::new() }
    }

    /// Width of a cell in µs: distances from here on are exact.
    pub(super) fn width_us(&self) -> u64 {
        self.width_us
    }

    /// Records a moment; false when it lies past the length the track was made for.
    pub(super) fn record(&mut self, at: RunTime) -> bool {
        // Few runs are so long that cells are wider, and a division by what is known is cheap.
        let (index, offset) = match self.width_us {
            CELL_US_MIN => (at.0 / CELL_US_MIN, at.0 % CELL_US_MIN),
            width_us => (at.0 / width_us, at.0 % width_us),
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index >= self.cells_max {
            return false;
        }
        if index >= self.cells.len() {
            self.cells.resize(index + 1, EMPTY);
        }
        let offset = u32::try_from(offset).expect("a cell's width fits");
        let cell = &mut self.cells[index];
        cell.first = cell.first.min(offset);
        cell.last = cell.last.max(offset);
        true
    }

    /// The first moment within `[from, until)` that is the first or the last of its cell.
    pub(super) fn first_within(&self, from: RunTime, until: RunTime) -> Option<RunTime> {
        self.moments(from, until).find(|at| (from..until).contains(at))
    }

    /// The last moment within `[from, until)` that is the first or the last of its cell.
    pub(super) fn last_within(&self, from: RunTime, until: RunTime) -> Option<RunTime> {
        self.moments(from, until).rfind(|at| (from..until).contains(at))
    }

    /// What the cells from one moment to another hold.
    fn moments(
        &self,
        from: RunTime,
        until: RunTime,
    ) -> impl DoubleEndedIterator<Item = RunTime> + '_ {
        let index = |at: RunTime| usize::try_from(at.0 / self.width_us).unwrap_or(usize::MAX);
        let last = index(until).min(self.cells.len().saturating_sub(1));
        let first = index(from).min(self.cells.len());
        let cells = self.cells.get(first..=last).unwrap_or_default();
        let filled = cells.iter().enumerate().filter(|(_, cell)| cell.first <= cell.last);
        filled.flat_map(move |(index, cell)| {
            let base = RunTime((first + index) as u64 * self.width_us);
            [base.plus_us(cell.first.into()), base.plus_us(cell.last.into())]
        })
    }

    fn filled(&self) -> impl DoubleEndedIterator<Item = (RunTime, RunTime)> {
        let width = self.width_us;
        self.cells.iter().enumerate().filter(|(_, cell)| cell.first <= cell.last).map(
            move |(index, cell)| {
                let base = RunTime(index as u64 * width);
                (base.plus_us(cell.first.into()), base.plus_us(cell.last.into()))
            },
        )
    }

    /// The first moment recorded.
    pub(super) fn first(&self) -> Option<RunTime> {
        self.filled().next().map(|(first, _)| first)
    }

    /// The last moment recorded.
    pub(super) fn last(&self) -> Option<RunTime> {
        self.filled().next_back().map(|(_, last)| last)
    }

    /// Neighbouring moments of different cells, in order.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = (RunTime, RunTime)> {
        self.filled().zip(self.filled().skip(1)).map(|((_, before), (after, _))| (before, after))
    }

    /// An upper bound, in µs, on the distance of any two neighbours.
    pub(super) fn spacing_us_max(&self) -> u64 {
        let across = self.neighbours().map(|(before, after)| after.since_us(before)).max();
        let within = self.filled().map(|(first, last)| last.since_us(first)).max();
        across.max(within).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_of_a_cell_and_more_are_exact_in_any_order(
            moments in proptest::collection::vec(0_u64..2_000_000, 1..300),
        ) {
            let mut track = Track::new(2_000_000, 1 << 20);
            moments.iter().for_each(|&at| assert!(track.record(RunTime(at))));
            let mut sorted = moments.clone();
            sorted.sort_unstable();
            let naive: Vec<_> = sorted
                .windows(2)
                .filter(|pair| pair[1] - pair[0] >= CELL_US_MIN)
                .map(|pair| (RunTime(pair[0]), RunTime(pair[1])))
                .collect();
            let found: Vec<_> =
                track.neighbours().filter(|(a, b)| b.since_us(*a) >= CELL_US_MIN).collect();
            prop_assert_eq!(found, naive);
            prop_assert_eq!(track.first().map(|at| at.0), sorted.first().copied());
            prop_assert_eq!(track.last().map(|at| at.0), sorted.last().copied());
            let spacing = sorted.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            prop_assert!(track.spacing_us_max() >= spacing);
        }
    }

    #[test]
    fn a_long_run_gets_wider_cells_and_stays_within_its_limit() {
        let mut track = Track::new(1_000_000_000, 1000);
        assert_eq!(track.width_us(), 1_000_000);
        assert!(track.record(RunTime(1_000_000_000)));
        assert!(!track.record(RunTime(u64::MAX)));
    }
}

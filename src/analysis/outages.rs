//! Client outages: how long each terminal went without what it asked for.

use std::cmp::Reverse;

use crate::event::RunTime;

use super::business::{Feeling, Felt, TerminalKey};
use super::latency::Latency;
use super::per_terminal::PerTerminal;
use super::phases::Phases;

/// A terminal's outage: from the scheduled time of its first bad transaction to the completion of
/// its next good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Whose.
    pub terminal: TerminalKey,
    /// Scheduled time of the first bad one.
    pub start: RunTime,
    /// Completion of the next good one, or the run's end.
    pub end: RunTime,
    /// No good one came.
    pub open: bool,
    /// The phase it began in.
    pub phase: usize,
}

impl Outage {
    /// Length in µs.
    pub fn length_us(&self) -> u64 {
        self.end.since_us(self.start)
    }
}

/// Outages of any set of phases.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutageFigures {
    /// Their lengths.
    pub lengths: Latency,
    /// Their sum, in µs: the terminal-seconds lost.
    pub lost_us: u64,
    /// The longest.
    pub worst: Option<Outage>,
}

impl OutageFigures {
    fn record(&mut self, outage: Outage) {
        self.lengths.record(outage.length_us());
        self.lost_us += outage.length_us();
        self.offer(outage);
    }

    /// Keeps the worse one, by a rule that does not depend on who came first.
    fn offer(&mut self, outage: Outage) {
        let rank = |o: &Outage| (o.length_us(), Reverse(o.start), Reverse(o.terminal));
        if self.worst.as_ref().is_none_or(|worst| rank(&outage) > rank(worst)) {
            self.worst = Some(outage);
        }
    }

    /// Adds another set of outages.
    pub fn add(&mut self, other: &Self) {
        self.lengths.add(&other.lengths);
        self.lost_us += other.lost_us;
        if let Some(worst) = other.worst {
            self.offer(worst);
        }
    }
}

/// Follows every terminal through its transactions, in its own order.
#[derive(Debug)]
pub(super) struct OutageLog {
    /// When the outage that is on began.
    running: PerTerminal<Option<RunTime>>,
    phases: Vec<OutageFigures>,
}

impl OutageLog {
    pub(super) fn new(phases: usize) -> Self {
        Self { running: PerTerminal::default(), phases: vec![OutageFigures::default(); phases] }
    }

    pub(super) fn felt(&mut self, terminal: TerminalKey, felt: Felt, phases: &Phases) {
        let running = self.running.of(terminal);
        match felt.how {
            Feeling::Bad => {
                running.get_or_insert(felt.scheduled);
            }
            Feeling::Good => {
                if let Some(start) = running.take() {
                    self.close(terminal, start, felt.end, false, phases);
                }
            }
            // Neither the beginning of an outage nor the end of one.
            Feeling::Undecided => {}
        }
    }

    fn close(
        &mut self,
        terminal: TerminalKey,
        start: RunTime,
        end: RunTime,
        open: bool,
        phases: &Phases,
    ) {
        // What began in the warm-up and outlasted it is judged from there.
        let judged_from = phases.judged_from();
        let start = if end > judged_from { start.max(judged_from) } else { start };
        let phase = phases.at(start);
        self.phases[phase].record(Outage { terminal, start, end, open, phase });
    }

    /// Closes what is still open at the run's end; one entry a phase.
    pub(super) fn finish(mut self, end: RunTime, phases: &Phases) -> Vec<OutageFigures> {
        for (terminal, start) in std::mem::take(&mut self.running).into_values() {
            if let Some(start) = start {
                self.close(terminal, start, end, true, phases);
            }
        }
        self.phases
    }
}

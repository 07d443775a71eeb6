//! The tool's own health: whether what was measured was the cluster and not this machine.

use crate::event::{RunTime, SelfSample};

/// Stalls from here on are kept one by one, in µs: half of the smallest τ.
const STALL_US_MIN: u64 = 50_000;

/// A time in which the tool itself stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// When its heartbeat was due.
    pub start: RunTime,
    /// How much later it came, in µs.
    pub length_us: u64,
}

/// Clocks that move apart by less within a second are not said to have stepped, in µs.
const STEP_US_MIN: u64 = 50_000;

/// A clock of the machine jumped against the one the run is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// When it was found, about a second after it at the latest.
    pub at: RunTime,
    /// How far the wall clock went, in µs.
    pub wall_us: i64,
    /// How long the machine slept, in µs; 0 when the clock was merely set.
    pub slept_us: i64,
}

/// The tool's own health over the run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnFigures {
    /// How often it looked.
    pub samples: u64,
    /// The longest stall.
    pub longest: Option<Stall>,
    /// Every stall of 50 ms and more, in order.
    pub stalls: Vec<Stall>,
    /// Most events that waited in the collector's queue.
    pub queue_len_max: u64,
    /// CPU time used by all drivers, in µs.
    pub cpu_us: u64,
    /// Furthest the wall clock moved against the monotonic one, in µs, with its sign.
    pub wall_step_us: i64,
    /// Every jump of a clock, in order.
    pub clock_steps: Vec<ClockStep>,
    /// Arrivals dispatched after the warm-up.
    pub dispatched: u64,
    /// Of those, more than 10 ms late although the terminal was idle.
    pub dispatched_late: u64,
}

impl OwnFigures {
    /// Counts one sample; arrivals are counted once the warm-up is over. `shard_cpu_us` is the
    /// driver's CPU time so far.
    pub(super) fn record(&mut self, sample: &SelfSample, warm_up_end: RunTime) {
        self.samples += 1;
        let stall = Stall { start: sample.stall_at, length_us: sample.stall_us_max };
        let longer = |known: Stall| {
            (stall.length_us, std::cmp::Reverse(stall.start))
                > (known.length_us, std::cmp::Reverse(known.start))
        };
        if stall.length_us > 0 && self.longest.is_none_or(longer) {
            self.longest = Some(stall);
        }
        if stall.length_us >= STALL_US_MIN {
            self.stalls.push(stall);
        }
        self.queue_len_max = self.queue_len_max.max(sample.queue_len);
        let further = |a: i64, b: i64| (a.unsigned_abs(), a) > (b.unsigned_abs(), b);
        if further(sample.wall_step_us, self.wall_step_us) {
            self.wall_step_us = sample.wall_step_us;
        }
        if sample.at > warm_up_end {
            self.dispatched += sample.dispatched;
            self.dispatched_late += sample.dispatched_late;
        }
    }

    /// Finds the jumps between one driver's samples, given in any order.
    pub(super) fn find_steps(&mut self, mut samples: Vec<SelfSample>) {
        samples.sort_by_key(|sample| sample.at);
        let (mut wall_us, mut boot_us) = (0, 0);
        for sample in samples {
            let step = ClockStep {
                at: sample.at,
                wall_us: sample.wall_step_us - wall_us,
                slept_us: sample.boot_step_us - boot_us,
            };
            if step.wall_us.unsigned_abs().max(step.slept_us.unsigned_abs()) >= STEP_US_MIN {
                self.clock_steps.push(step);
            }
            (wall_us, boot_us) = (sample.wall_step_us, sample.boot_step_us);
        }
    }

    pub(super) fn finish(mut self, cpu_us: u64) -> Self {
        self.clock_steps.sort_by_key(|step| step.at);
        self.cpu_us = cpu_us;
        self.stalls.sort_by_key(|stall| (stall.start, stall.length_us));
        self
    }

    /// Share of arrivals that the tool itself dispatched late.
    pub fn late_share(&self) -> f64 {
        match self.dispatched {
            0 => 0.0,
            dispatched => self.dispatched_late as f64 / dispatched as f64,
        }
    }

    /// The longest stall over `us_min` that overlaps `[from, until)`.
    pub fn stall_within(&self, from: RunTime, until: RunTime, us_min: u64) -> Option<&Stall> {
        self.stalls
            .iter()
            .filter(|stall| stall.length_us > us_min)
            .filter(|stall| stall.start < until && stall.start.plus_us(stall.length_us) > from)
            .max_by_key(|stall| stall.length_us)
    }
}

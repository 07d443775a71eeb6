//! The run's one clock: monotonic, with its origin known on the wall clock as well.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use crate::event::RunTime;

/// Turns moments into [`RunTime`] and back. Cheap to copy; every part of a run holds the same one.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
    origin_wall: SystemTime,
    origin_boot_us: i64,
}

/// This moment on the machine's monotonic clock (CLOCK_MONOTONIC), in µs: the same for every
/// program on the machine.
pub fn monotonic_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1000
}

/// How far other clocks of the machine moved against the run's own since its origin, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drift {
    /// The wall clock: it was set, or the machine slept.
    pub wall_us: i64,
    /// The boot clock, which goes on while the machine sleeps.
    pub boot_us: i64,
}

/// Reading three clocks takes no longer than this, in µs, unless something came between.
const READING_US_MAX: u64 = 100;
/// Readings until one is taken as it is.
const READINGS_MAX: usize = 5;

impl RunClock {
    /// A clock whose origin is this moment.
    pub fn start() -> Self {
        Self { origin: Instant::now(), origin_wall: SystemTime::now(), origin_boot_us: boot_us() }
    }

    /// This moment.
    pub fn now(&self) -> RunTime {
        self.of(Instant::now())
    }

    /// A moment of the machine's monotonic clock as run time; moments before the origin are zero.
    pub fn of(&self, instant: Instant) -> RunTime {
        RunTime::from_duration(instant.saturating_duration_since(self.origin))
    }

    /// A run time as a moment that can be waited for.
    pub fn instant(&self, at: RunTime) -> Instant {
        self.origin + Duration::from_micros(at.0)
    }

    /// The origin on the machine's monotonic clock (CLOCK_MONOTONIC), in µs: what other programs'
    /// logs on the same machine can be laid beside.
    pub fn origin_monotonic_us(&self) -> u64 {
        monotonic_us().saturating_sub(self.now().0)
    }

    /// The origin on the wall clock.
    pub fn origin_wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::try_from(self.origin_wall).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// A run time in µs since the Unix epoch, as the wall clock stood at the origin: it never
    /// steps during a run.
    pub fn epoch_us(&self, at: RunTime) -> i64 {
        self.origin_wall().as_microsecond().saturating_add_unsigned(at.0)
    }

    /// How far the other clocks have moved against this one. The tightest of a few readings counts:
    /// a thread that loses its turn between two clocks would see one of them jump.
    pub fn drift(&self) -> Drift {
        let readings = (0..READINGS_MAX).map(|_| {
            let before = self.now();
            let (wall, boot_us) = (jiff::Timestamp::now().as_microsecond(), boot_us());
            let took_us = self.now().since_us(before);
            let boot_us = boot_us - self.origin_boot_us - before.0.cast_signed();
            let wall_us = wall.saturating_sub(self.epoch_us(before));
            (took_us, Drift { wall_us, boot_us })
        });
        let mut best: Option<(u64, Drift)> = None;
        for reading in readings {
            if best.is_none_or(|(took_us, _)| reading.0 < took_us) {
                best = Some(reading);
            }
            if reading.0 <= READING_US_MAX {
                break;
            }
        }
        best.map(|(_, drift)| drift).unwrap_or_default()
    }
}

fn boot_us() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_nobody_touches_do_not_drift() {
        let clock = RunClock::start();
        std::thread::sleep(Duration::from_millis(20));
        let Drift { wall_us, boot_us } = clock.drift();
        // Between the origins of the three lies no more than a turn of a busy machine.
        assert!(wall_us.abs() < 500_000 && boot_us.abs() < 500_000, "{wall_us} {boot_us}");
    }
}

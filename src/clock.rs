//! The run's one clock: monotonic, with its origin known on the wall clock as well.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::event::RunTime;

/// Turns moments into [`RunTime`] and back. Cheap to copy; every part of a run holds the same one.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
    origin_wall: SystemTime,
}

impl RunClock {
    /// A clock whose origin is this moment.
    pub fn start() -> Self {
        Self { origin: Instant::now(), origin_wall: SystemTime::now() }
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
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now_us = now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1000;
        now_us.saturating_sub(self.now().0)
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

    /// How far the wall clock has moved against the monotonic one since the origin, in µs.
    pub fn wall_step_us(&self) -> i64 {
        let wall = jiff::Timestamp::now().as_microsecond();
        wall.saturating_sub(self.epoch_us(self.now()))
    }
}

//! Seeded random numbers of one terminal: one stream a purpose, the same on every machine.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// What a stream is drawn for. Streams of different purposes never share a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Poisson arrivals.
    Arrivals = 1,
    /// Spreading of back-off, of returns to an endpoint, and of the first arrival.
    Jitter = 2,
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The stream of `terminal` for `purpose`.
    pub(super) fn new(seed: u64, purpose: Purpose, terminal: u32) -> Self {
        // The run's seed is mixed first, so that neighbouring seeds do not share streams.
        let run = Xoshiro256PlusPlus::seed_from_u64(seed).next_u64();
        let one = (purpose as u64) << 32 | u64::from(terminal);
        Self(Xoshiro256PlusPlus::seed_from_u64(run ^ one))
    }

    /// A number from 0 to just under 1.
    pub(super) fn unit(&mut self) -> f64 {
        // Written out: which bits a library's own distribution takes may change with its version.
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

//! Which endpoint a worker uses: its own first, another while that one is away.

use std::time::Duration;

use tokio::time::Instant;

/// A failed endpoint is left alone for this long, doubled with every further failure.
const REST: Duration = Duration::from_millis(250);
/// Never for longer than this.
const REST_MAX: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

/// The endpoints in one worker's order of preference.
#[derive(Debug)]
pub(super) struct Endpoints {
    home: usize,
    states: Vec<State>,
}

impl Endpoints {
    /// `count` endpoints, of which worker number `worker` prefers its own.
    pub(super) fn new(count: usize, worker: usize) -> Self {
        let count = count.max(1);
        Self { home: worker % count, states: vec![State::default(); count] }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.states.len()
    }

    /// The first endpoint, from home on, that does not rest; or the moment when one is ready.
    pub(super) fn choose(&self, now: Instant) -> Result<usize, Instant> {
        let ready_at = |index: &usize| self.states[*index].rests_until.unwrap_or(now);
        let order = || (0..self.count()).map(|step| (self.home + step) % self.count());
        match order().find(|index| ready_at(index) <= now) {
            Some(index) => Ok(index),
            None => Err(order().map(|index| ready_at(&index)).min().unwrap_or(now)),
        }
    }

    /// The endpoint failed.
    pub(super) fn failed(&mut self, index: usize, now: Instant) {
        let state = &mut self.states[index];
        let rest = (REST * 2_u32.pow(state.failures.min(10))).min(REST_MAX);
        state.failures += 1;
        state.rests_until = Some(now + rest);
    }

    /// The endpoint did its work.
    pub(super) fn worked(&mut self, index: usize) {
        self.states[index] = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_leaves_home_when_it_fails_and_comes_back() {
        let now = Instant::now();
        let mut endpoints = Endpoints::new(3, 4);
        assert_eq!(endpoints.choose(now), Ok(1));
        endpoints.failed(1, now);
        assert_eq!(endpoints.choose(now), Ok(2));
        assert_eq!(endpoints.choose(now + REST), Ok(1));
    }

    #[test]
    fn rest_grows_to_its_limit_and_is_forgotten_after_success() {
        let now = Instant::now();
        let mut endpoints = Endpoints::new(1, 0);
        let rests: Vec<_> = (0..6)
            .map(|_| {
                endpoints.failed(0, now);
                endpoints.choose(now).unwrap_err() - now
            })
            .map(|rest| rest.as_millis())
            .collect();
        assert_eq!(rests, [250, 500, 1000, 2000, 4000, 4000]);
        endpoints.worked(0);
        assert_eq!(endpoints.choose(now), Ok(0));
    }

    #[test]
    fn when_all_rest_the_first_to_be_ready_is_waited_for() {
        let now = Instant::now();
        let mut endpoints = Endpoints::new(2, 0);
        endpoints.failed(0, now);
        endpoints.failed(0, now);
        endpoints.failed(1, now);
        assert_eq!(endpoints.choose(now), Err(now + REST));
        assert_eq!(endpoints.choose(now + REST), Ok(1));
    }
}

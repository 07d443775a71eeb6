//! Which zone a terminal turns to: a state machine without a clock of its own.
//!
//! Home first, then the others. A zone that failed is left alone until the probes have seen it
//! serve for the return delay, stretched for each terminal by a chance of its own, so that clients
//! come back spread out instead of all at once.

use crate::event::{RunTime, ZoneId};

/// The zones a terminal may turn to, and what it remembers about them.
#[derive(Debug)]
pub(super) struct Route {
    /// In order of preference; home first.
    places: Vec<Place>,
    /// The place chosen last.
    current: usize,
    return_delay_us: u64,
}

#[derive(Debug)]
struct Place {
    zone: ZoneId,
    avoid: Option<Avoid>,
}

/// A failure that has not been forgiven yet.
#[derive(Debug)]
struct Avoid {
    failed_at: RunTime,
    rest_us: u64,
}

impl Route {
    /// Home, then every other of `zones` zones. Terminals that share a home are sent elsewhere in
    /// turn, as `turn` says, so that one neighbour does not take all the load of a zone that left.
    pub(super) fn failover(home: ZoneId, zones: u8, turn: u32, return_delay_us: u64) -> Self {
        let mut others: Vec<_> = (1..zones)
            .map(|step| ZoneId(((u16::from(home.0) + u16::from(step)) % u16::from(zones)) as u8))
            .collect();
        if !others.is_empty() {
            let turn = turn as usize % others.len();
            others.rotate_left(turn);
        }
        let places = std::iter::once(home).chain(others);
        let places = places.map(|zone| Place { zone, avoid: None }).collect();
        Self { places, current: 0, return_delay_us }
    }

    /// Home and nothing else.
    pub(super) fn pinned(home: ZoneId) -> Self {
        Self::failover(home, 1, 0, 0)
    }

    /// The zone for the next attempt: home if it may be used, else the one used last, else the
    /// next that may. Where none may, the one that failed longest ago: something must be tried.
    pub(super) fn choose(
        &mut self,
        now: RunTime,
        serving_since: impl Fn(ZoneId) -> Option<RunTime>,
    ) -> ZoneId {
        let usable = |place: &Place| {
            place.avoid.as_ref().is_none_or(|avoid| {
                serving_since(place.zone)
                    .is_some_and(|since| since.max(avoid.failed_at).plus_us(avoid.rest_us) <= now)
            })
        };
        let failed_at = |place: &Place| place.avoid.as_ref().map(|avoid| avoid.failed_at);
        let in_turn = [0, self.current].into_iter().chain(1..self.places.len());
        let chosen = in_turn.into_iter().find(|&index| usable(&self.places[index]));
        let longest_ago =
            || (0..self.places.len()).min_by_key(|&index| failed_at(&self.places[index]));
        self.current = chosen.or_else(longest_ago).unwrap_or(0);
        self.places[self.current].zone
    }

    /// The zone chosen last does not serve. `jitter` is from 0 to 1.
    pub(super) fn failed(&mut self, now: RunTime, jitter: f64) {
        let rest_us = (self.return_delay_us as f64 * (1.0 + jitter)) as u64;
        self.places[self.current].avoid = Some(Avoid { failed_at: now, rest_us });
    }

    /// The zone chosen last has answered.
    pub(super) fn served(&mut self) {
        self.places[self.current].avoid = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELAY_US: u64 = 1_000;

    fn always(_: ZoneId) -> Option<RunTime> {
        Some(RunTime::ZERO)
    }

    #[test]
    fn a_terminal_leaves_a_failed_home_and_comes_back_after_the_delay() {
        let mut route = Route::failover(ZoneId(1), 3, 0, DELAY_US);
        assert_eq!(route.choose(RunTime(0), always), ZoneId(1));
        route.failed(RunTime(100), 0.5);
        assert_eq!(route.choose(RunTime(101), always), ZoneId(2));
        route.served();
        assert_eq!(route.choose(RunTime(1_599), always), ZoneId(2));
        assert_eq!(route.choose(RunTime(1_600), always), ZoneId(1));
    }

    #[test]
    fn nobody_comes_back_before_the_probes_have_seen_the_zone_serve_for_the_delay() {
        let mut route = Route::failover(ZoneId(0), 2, 0, DELAY_US);
        route.choose(RunTime(0), always);
        route.failed(RunTime(0), 0.0);
        let down = |zone| (zone != ZoneId(0)).then_some(RunTime::ZERO);
        assert_eq!(route.choose(RunTime(9_999), down), ZoneId(1));
        let back_at_10_000 = |_| Some(RunTime(10_000));
        assert_eq!(route.choose(RunTime(10_999), back_at_10_000), ZoneId(1));
        assert_eq!(route.choose(RunTime(11_000), back_at_10_000), ZoneId(0));
    }

    #[test]
    fn terminals_of_one_home_are_sent_to_different_neighbours() {
        let second = |turn| {
            let mut route = Route::failover(ZoneId(0), 4, turn, DELAY_US);
            route.choose(RunTime(0), always);
            route.failed(RunTime(0), 0.0);
            route.choose(RunTime(0), always)
        };
        assert_eq!([0, 1, 2, 3].map(second), [ZoneId(1), ZoneId(2), ZoneId(3), ZoneId(1)]);
    }

    #[test]
    fn a_pinned_terminal_never_leaves() {
        let mut route = Route::pinned(ZoneId(2));
        for now in 0..5 {
            assert_eq!(route.choose(RunTime(now), |_| None), ZoneId(2));
            route.failed(RunTime(now), 0.0);
        }
    }

    #[test]
    fn with_every_zone_down_all_are_tried_in_turn() {
        let mut route = Route::failover(ZoneId(0), 3, 0, DELAY_US);
        let tried: Vec<_> = (0..6)
            .map(|now| {
                let zone = route.choose(RunTime(now), |_| None);
                route.failed(RunTime(now), 0.0);
                zone.0
            })
            .collect();
        assert_eq!(tried, [0, 1, 2, 0, 1, 2]);
    }

    proptest! {
        /// While any zone is without a failure, a failed one is left alone for the whole delay;
        /// and home is used whenever it may be.
        #[test]
        fn a_failed_zone_rests(
            steps in prop::collection::vec((0u64..600, 0.0..1.0f64, any::<bool>()), 1..200),
            zones in 2u8..6,
            home in 0u8..6,
            turn: u32,
        ) {
            let home = home % zones;
            let mut route = Route::failover(ZoneId(home), zones, turn, DELAY_US);
            let (mut now, mut failed_at) = (0, vec![None::<u64>; usize::from(zones)]);
            for (gap, jitter, fails) in steps {
                now += gap;
                let chosen = route.choose(RunTime(now), always);
                let rested = |at: &Option<u64>| at.is_none_or(|at| at + DELAY_US <= now);
                let fresh = |at: &Option<u64>| at.is_none_or(|at| at + 2 * DELAY_US <= now);
                if failed_at.iter().any(fresh) {
                    prop_assert!(rested(&failed_at[chosen.index()]));
                }
                if fresh(&failed_at[usize::from(home)]) {
                    prop_assert_eq!(chosen.0, home);
                }
                if fails { route.failed(RunTime(now), jitter) } else { route.served() }
                failed_at[chosen.index()] = fails.then_some(now);
            }
        }
    }
}

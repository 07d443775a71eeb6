//! The one place where what goes on is counted, shared by whoever feeds it and whoever shows it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::figures::Figures;
use super::state::State;
use super::subject::Subject;
use super::view::{Loading, View};
use crate::clock::RunClock;
use crate::event::{Event, RunTime};

/// A handle to the board; clones share it.
///
/// The collector feeds it between taking an event off the queue and writing it. Whoever looks holds
/// the lock only while a copy is made, which takes well under a millisecond; events wait in the
/// queue meanwhile, and nobody who measures waits at all.
#[derive(Debug, Clone)]
pub struct Board(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: OnceLock<RunClock>,
    state: Mutex<State>,
}

impl Board {
    /// An empty board; no time passes on it before [`begin`](Self::begin).
    pub fn new(subject: Subject) -> Self {
        let state = Mutex::new(State::new(subject));
        Self(Arc::new(Shared { clock: OnceLock::new(), state }))
    }

    /// The run begins, on this clock.
    pub fn begin(&self, clock: RunClock) {
        // A board is one run's.
        let _ = self.0.clock.set(clock);
    }

    /// Counts an event.
    pub fn observe(&self, event: &Event) {
        self.state().observe(event);
    }

    /// Adds a line to the log.
    pub fn say(&self, text: &str) {
        self.state().say(self.now(), text);
    }

    /// Says how far the initial load is.
    pub fn loading(&self, loading: Loading) {
        self.state().loading = Some(loading);
    }

    /// The measuring ended at `at`: nothing moves any longer.
    pub fn over(&self, at: RunTime) {
        self.state().over(at);
    }

    /// What is known at this moment.
    pub fn look(&self) -> View {
        self.look_at(self.now())
    }

    /// What is known, as it is at `at`.
    pub fn look_at(&self, at: RunTime) -> View {
        self.state().look(at)
    }

    /// A copy of everything, for the metrics.
    pub(super) fn figures(&self) -> Figures {
        self.state().figures(self.now())
    }

    fn now(&self) -> RunTime {
        self.0.clock.get().map_or(RunTime::ZERO, RunClock::now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

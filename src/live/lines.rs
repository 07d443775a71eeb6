//! A plain line a second, for where there is no terminal to draw on.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::board::Board;
use super::seconds::Second;
use super::view::View;
use super::words::numbers_of;
use crate::event::ZoneState;

/// A second is told about this long after it has ended, at most.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Prints from a thread of its own, because whoever reads it may be slow. Ends when dropped.
#[derive(Debug)]
pub struct Lines {
    _ends_when_dropped: mpsc::Sender<()>,
}

impl Lines {
    /// Hands every second of `board` to `print`, as a line.
    pub fn start(board: Board, print: impl Fn(&dyn fmt::Display) + Send + 'static) -> Self {
        let (sender, dropped) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let mut next = 0;
            while dropped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let view = board.look();
                for second in view.seconds.iter().filter(|second| second.number >= next) {
                    print(&Line { view: &view, second });
                }
                next = view.seconds.last().map_or(next, |last| last.number + 1);
            }
        });
        Self { _ends_when_dropped: sender }
    }
}

/// A second of a run, with the phase and the zones as they are at its end.
pub(super) struct Line<'a> {
    pub(super) view: &'a View,
    pub(super) second: &'a Second,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { view, second } = self;
        let phase = view.phase.name.label(&view.subject.zones).to_string();
        let ms = |us: Option<u64>| us.map_or("-".to_owned(), |us| us.div_ceil(1000).to_string());
        let (p50, p99) = (second.response.map(|q| q.p50_us), second.response.map(|q| q.p99_us));
        write!(f, "{:>5}s {phase:<26} {:>5}/s", second.number + 1, second.good)?;
        write!(f, " p50 {:>4} ms p99 {:>4} ms", ms(p50), ms(p99))?;
        write!(f, " bad {:>3} retried {:>3} |", second.bad, second.retried)?;
        for zone in &view.zones {
            let name = &zone.name;
            let Some(status) = &zone.status else {
                write!(f, " {name} ?")?;
                continue;
            };
            match (status.state, &status.version) {
                (ZoneState::Serving, Some(version)) => {
                    write!(f, " {name} {}", numbers_of(version))?;
                }
                (state, _) => write!(f, " {name} {state}")?,
            }
        }
        Ok(())
    }
}

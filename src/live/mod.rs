//! What a person sees while a run goes on. It watches the event stream; it never measures.
//!
//! Everything starts at one [`Board`]. The collector counts every event there; whoever shows
//! something takes a copy of it, a [`View`], and works on that in its own time: plain lines, the
//! dashboard, the page and the metrics all say the same. What they say is provisional: the verdict
//! is made from the record.

mod board;
mod course;
mod dashboard;
mod figures;
mod gate;
mod lines;
mod listen;
mod log;
mod metrics;
mod objectives;
mod outages;
mod page;
mod pauses;
mod screen;
mod seconds;
mod serve;
mod state;
mod subject;
mod tally;
mod view;
mod words;

pub use board::Board;
pub use dashboard::Dashboard;
pub use lines::Lines;
pub use listen::{ListenAddress, ListenError};
pub use log::{LogLine, Weight};
pub use metrics::{METRICS, Metric};
pub use objectives::{Held, Standing};
pub use pauses::Gap;
pub use screen::{Screen, Style};
pub use seconds::{Quantiles, Second};
pub use serve::Server;
pub use subject::Subject;
pub use tally::{KindTally, PhaseTally};
pub use view::{ErrorsOf, Loading, PhaseNow, Totals, View, ZoneNow};

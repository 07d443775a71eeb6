//! TPC-C as a terminal's business: its deck of inputs, and the one connection they go through.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::business::{Business, Call, Order};
use super::work::Draw;
use crate::clock::RunClock;
use crate::event::{InputCounts, Outcome, ZoneId};
use crate::session::{Failure, Login, Session};
use crate::tpcc::{Execution, Input, Limits, Stamp, TerminalSource, count_input, execute};

/// How long saying goodbye to a zone may take: it is part of the attempt that goes elsewhere.
const GOODBYE: Duration = Duration::from_millis(20);

/// What the clients of a run share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) clock: RunClock,
    pub(super) run_number: u32,
    /// How to log in, by zone; a proxy stands in for the first.
    pub(super) logins: Vec<Login>,
    pub(super) connect_deadline: Duration,
    pub(super) statement_deadline: Duration,
}

/// What a terminal does next, from its deck. Keying and think times are multiplied by `wait_scale`.
pub(super) fn deck(mut source: TerminalSource, wait_scale: f64) -> Draw<Input> {
    Box::new(move || {
        let input = source.next();
        let kind = input.kind();
        let waits = source.waits(kind);
        let (keying, think) = (waits.keying.mul_f64(wait_scale), waits.think.mul_f64(wait_scale));
        Order { kind, input, keying, think }
    })
}

/// The client of one terminal.
pub(super) struct Client {
    terminal: u32,
    session: Option<(ZoneId, Session)>,
    /// The id of the session used last, which may be gone.
    session_id: Option<u32>,
    desk: Arc<Desk>,
}

impl Client {
    /// A client that is not connected yet.
    pub(super) fn new(terminal: u32, desk: Arc<Desk>) -> Self {
        Self { terminal, session: None, session_id: None, desk }
    }

    /// The session in `zone`: the one at hand, or a new one before `by`.
    async fn session_in(&mut self, zone: ZoneId, by: Instant) -> Result<&mut Session, Failure> {
        self.session_id = None;
        let session = match self.session.take() {
            Some((at, session)) if at == zone && session.is_open() => session,
            old => {
                if let Some((_, session)) = old {
                    session.close(GOODBYE).await;
                }
                let by = by.min(Instant::now() + self.desk.connect_deadline);
                Session::open(&self.desk.logins[zone.index()], by).await?
            }
        };
        self.session_id = session.server_id();
        Ok(&mut self.session.insert((zone, session)).1)
    }
}

impl Business for Client {
    type Input = Input;

    fn count(input: &Input, counts: &mut InputCounts) {
        count_input(input, counts);
    }

    async fn execute(&mut self, zone: ZoneId, input: &Input, call: Call) -> Execution {
        let desk = Arc::clone(&self.desk);
        let by = desk.clock.instant(call.by);
        let stamp = Stamp {
            run_number: desk.run_number,
            terminal: self.terminal,
            sequence: call.sequence,
            epoch_us: desk.clock.epoch_us(call.dated),
        };
        match self.session_in(zone, by).await {
            Ok(session) => {
                let limits = Limits { statement: desk.statement_deadline, by };
                execute(session, input, stamp, limits).await
            }
            Err(failure) => {
                let outcome = Outcome::Failed(failure.class);
                Execution { outcome, failure: Some(failure), key: None }
            }
        }
    }

    fn session_id(&self) -> Option<u32> {
        self.session_id
    }

    fn sever(&mut self) {
        self.session = None;
    }

    async fn close(&mut self) {
        if let Some((_, session)) = self.session.take() {
            session.close(GOODBYE).await;
        }
    }
}

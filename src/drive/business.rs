//! What a terminal carries out, as far as driving it needs to know.

use std::time::Duration;

use crate::event::{InputCounts, RunTime, TxnKind, ZoneId};
use crate::tpcc::Execution;

/// A business transaction that was drawn and not yet carried out.
#[derive(Debug, Clone)]
pub(super) struct Order<I> {
    /// Which transaction.
    pub(super) kind: TxnKind,
    /// Its input data, the same for every attempt.
    pub(super) input: I,
    /// Time spent keying it in, before; only the `spec` model waits for it.
    pub(super) keying: Duration,
    /// Time spent reading its output, after; only the `spec` model waits for it.
    pub(super) think: Duration,
}

/// What an execution is told beside its input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Number of the business transaction at its terminal, the same for every attempt.
    pub(super) sequence: u64,
    /// When the business transaction was due, the same for every attempt.
    pub(super) scheduled: RunTime,
    /// What its rows are dated, the same for every attempt and for no other business transaction
    /// of its terminal: a warehouse's deliveries are told apart by it.
    pub(super) dated: RunTime,
    /// When it must have been done.
    pub(super) by: RunTime,
}

/// The business of one terminal: executes its transactions over one connection.
///
/// A trait, so that the driving is tested against scripted outcomes on a scripted clock.
pub(super) trait Business: Send + 'static {
    /// Input data of a transaction.
    type Input: Send + Sync;

    /// Counts an input that is about to be executed for the first time.
    fn count(input: &Self::Input, counts: &mut InputCounts);

    /// Executes a transaction once, in `zone`, connecting first where the connection is elsewhere
    /// or gone. Comes back at `call.by`, or within a moment after it.
    fn execute(
        &mut self,
        zone: ZoneId,
        input: &Self::Input,
        call: Call,
    ) -> impl Future<Output = Execution> + Send;

    /// The server's id of the session that the last execution went through; `None` where it never
    /// got one.
    fn session_id(&self) -> Option<u32>;

    /// Drops the connection without another word.
    fn sever(&mut self);

    /// Says goodbye to the server, if still connected, within a moment.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

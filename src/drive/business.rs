//! What a terminal carries out, as far as driving it needs to know.

use std::time::Duration;

use crate::event::{Outcome, RunTime, TxnKind, WriteKey, ZoneId};
use crate::session::Failure;

/// A business transaction that was drawn and not yet carried out.
#[derive(Debug, Clone)]
pub struct Order<I> {
    /// Which transaction.
    pub kind: TxnKind,
    /// Its input data, the same for every attempt.
    pub input: I,
    /// Time spent keying it in, before; only the `spec` model waits for it.
    pub keying: Duration,
    /// Time spent reading its output, after; only the `spec` model waits for it.
    pub think: Duration,
}

/// What became of one execution.
#[derive(Debug)]
pub struct Execution {
    /// The outcome of the attempt.
    pub outcome: Outcome,
    /// Why, where it failed or is ambiguous.
    pub failure: Option<Failure>,
    /// How to find the write again, where one was or may have been made.
    pub key: Option<WriteKey>,
}

/// The business of one terminal: draws its transactions and executes them over one connection.
///
/// A trait, so that the driving is tested against scripted outcomes on a scripted clock.
pub trait Business: Send + 'static {
    /// Input data of a transaction.
    type Input: Send + Sync;

    /// Draws the next transaction.
    fn draw(&mut self) -> Order<Self::Input>;

    /// Executes a transaction once, in `zone`, connecting first where the connection is elsewhere
    /// or gone. Comes back at `by` at the latest, give or take the tool's own delay.
    fn execute(
        &mut self,
        zone: ZoneId,
        input: &Self::Input,
        sequence: u64,
        by: RunTime,
    ) -> impl Future<Output = Execution> + Send;

    /// Drops the connection without another word.
    fn sever(&mut self);

    /// Says goodbye to the server, if still connected, within a moment.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

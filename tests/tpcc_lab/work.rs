//! Terminals at work on the lab, and whether the conditions hold afterwards.

use std::time::Duration;

use rollproof::classify::Retry;
use rollproof::event::{Outcome, TxnKind, WriteKey};
use rollproof::session::Session;
use rollproof::tpcc::conditions::{CONDITIONS, Extent, Holds};
use rollproof::tpcc::{
    Home, Input, Limits, LoadRequest, RunConstants, Stamp, TerminalSource, execute, require_loaded,
};
use tokio::time::Instant;

use super::{MINUTE, open};

/// Every condition that does not hold, with its first violation.
pub(crate) async fn broken(
    request: &LoadRequest,
    session: &mut Session,
    after_load: bool,
) -> Vec<String> {
    let mut broken = Vec::new();
    for condition in CONDITIONS {
        if condition.holds == Holds::AfterLoad && !after_load {
            continue;
        }
        let by = Instant::now() + MINUTE;
        let found = condition.check(session, Extent::All, request.warehouses, by).await.unwrap();
        if let Some(first) = found.first.first() {
            broken.push(format!("{}: {} {first:?}", condition.id, found.total));
        }
    }
    broken
}

/// Every write that was acknowledged, and how to find it.
pub(crate) type Written = Vec<(Input, Stamp, WriteKey)>;

/// Four terminals at once do what the deck says, repeating what a lock or a conflict prevented.
pub(crate) async fn drive(request: &LoadRequest, run: u32, count: u64) -> Written {
    let mut session = open(request, true).await;
    let by = Instant::now() + MINUTE;
    let marker = require_loaded(&mut session, &request.database, by).await.unwrap();
    let constants = RunConstants::new(request.seed, marker.c_load);
    let mut terminals = tokio::task::JoinSet::new();
    for terminal in 0..4 {
        let home = Home::of(terminal, request.warehouses);
        let source =
            TerminalSource::new(request.seed, terminal, home, request.warehouses, constants);
        terminals.spawn(work(open(request, true).await, source, run, terminal, count));
    }
    terminals.join_all().await.concat()
}

async fn work(
    mut session: Session,
    mut source: TerminalSource,
    run: u32,
    terminal: u32,
    count: u64,
) -> Written {
    let mut seen = [0; TxnKind::COUNT];
    let (mut written, mut repeated) = (Vec::new(), 0);
    for sequence in 0..count {
        let input = source.next();
        let epoch_us = 1_800_000_000_000_000 + sequence as i64 * 4 + i64::from(terminal);
        let stamp = Stamp { run_number: run, terminal, sequence, epoch_us };
        let execution = loop {
            let limits = Limits { statement: Duration::from_secs(2), by: Instant::now() + MINUTE };
            let execution = execute(&mut session, &input, stamp, limits).await;
            match execution.outcome {
                Outcome::Failed(class) if class.retry() == Retry::SameEndpoint => repeated += 1,
                _ => break execution,
            }
        };
        let expected = match &input {
            Input::NewOrder(order) if order.rolls_back() => Outcome::RolledBack,
            _ => Outcome::Committed,
        };
        assert_eq!(execution.outcome, expected, "{input:?}: {:?}", execution.failure);
        seen[input.kind().index()] += 1;
        written.extend(execution.key.map(|key| (input, stamp, key)));
    }
    assert!(TxnKind::TRANSACTIONS.iter().all(|kind| seen[kind.index()] > 0), "{seen:?}");
    assert!(repeated < count / 20, "{repeated} of {count} were repeated");
    written
}

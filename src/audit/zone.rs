//! All checks of one zone.

use std::collections::HashMap;
use std::sync::Arc;

use super::asking::Asking;
use super::checksum::{Sums, sums};
use super::compare::{Compared, Findings};
use super::counters::{counted_orders, counted_payments};
use super::examine::{AuditError, Job, Progress};
use super::result::{self, Check, no_answer};
use super::rows::{self, OrdersSeen, PaymentsSeen, Trouble};
use crate::event::ZoneId;
use crate::record::{CheckResult, Finding, FindingKind};
use crate::session::Login;
use crate::tpcc::conditions::{CONDITIONS, Condition, Extent, Holds};
use crate::tpcc::scale::Table;

/// What one zone says.
#[derive(Default)]
pub(super) struct ZoneAnswers {
    /// Checks that need no other zone.
    pub(super) checks: Vec<CheckResult>,
    /// Whether the writes of unknown fate are there: orders, payments, deliveries.
    pub(super) settled: [Option<Vec<bool>>; 3],
    /// Every table's sums, or why there are none.
    pub(super) sums: HashMap<Table, Result<Sums, String>>,
}

/// One zone being audited.
pub(super) struct ZoneAudit {
    pub(super) job: Arc<Job>,
    pub(super) zone: ZoneId,
    pub(super) login: Login,
    pub(super) done: usize,
}

const BROKEN_OFF: &str = "the ledger breaks off, so what it does not name proves nothing";
const NO_START: &str = "the counters were not kept when the load began (no start.json)";

impl ZoneAudit {
    /// Makes every check. A zone that does not answer leaves checks unknown.
    ///
    /// # Errors
    /// Ours only: the sorted ledger cannot be read.
    pub(super) async fn run(mut self) -> Result<ZoneAnswers, AuditError> {
        let mut answers = ZoneAnswers::default();
        self.report("connecting");
        let mut asking = match Asking::open(&self.login, self.job.limits).await {
            Ok(asking) => asking,
            Err(failure) => return Ok(Self::unreachable(&no_answer(&failure))),
        };
        let orders = self.orders(&mut asking, &mut answers).await?;
        let payments = self.payments(&mut asking, &mut answers).await?;
        self.counters(&mut asking, orders, payments, &mut answers).await;
        for condition in running_conditions() {
            let result = self.condition(&mut asking, condition).await;
            answers.checks.push(result);
        }
        for table in Table::ALL {
            self.report(Check::same_rows(*table).name());
            let sums = sums(&mut asking, *table, self.job.warehouses()).await;
            answers.sums.insert(*table, sums.map_err(|failure| no_answer(&failure)));
        }
        if !asking.has_snapshot {
            let note = "; each statement saw its own state: the server refused a snapshot";
            answers.checks.iter_mut().for_each(|check| check.detail.push_str(note));
        }
        Ok(answers)
    }

    fn report(&mut self, check: &str) {
        self.done += 1;
        // Connecting, orders, payments, counters; then the conditions and the tables.
        let of = 4 + running_conditions().count() + Table::ALL.len();
        (self.job.progress)(Progress {
            zone: self.zone,
            check: check.to_owned(),
            done: self.done - 1,
            of,
        });
    }

    /// What is said of a zone that could not be asked at all.
    fn unreachable(why: &str) -> ZoneAnswers {
        let unknown = |check: Check| check.result(Err(why.to_owned()));
        let own = [
            Check::ledger_orders(),
            Check::unexplained_orders(),
            Check::ledger_deliveries(),
            Check::unexplained_deliveries(),
            Check::ledger_payments(),
            Check::unexplained_payments(),
            Check::counted_orders(),
            Check::counted_payments(),
        ];
        let checks = own.into_iter().chain(running_conditions().map(named)).map(unknown).collect();
        let sums = Table::ALL.iter().map(|table| (*table, Err(why.to_owned()))).collect();
        ZoneAnswers { checks, settled: [None, None, None], sums }
    }

    async fn orders(
        &mut self,
        zone: &mut Asking,
        answers: &mut ZoneAnswers,
    ) -> Result<Option<OrdersSeen>, AuditError> {
        self.report(Check::ledger_orders().name());
        let job = Arc::clone(&self.job);
        let start = job.start.as_ref();
        let seen = rows::orders(zone, &job.ledger, start, job.warehouses()).await;
        let mut seen = match seen {
            Ok(seen) => seen,
            Err(Trouble::Own(source)) => return Err(job.sort_error(source)),
            Err(Trouble::Zone(failure)) => {
                let checks = [
                    Check::ledger_orders(),
                    Check::unexplained_orders(),
                    Check::ledger_deliveries(),
                    Check::unexplained_deliveries(),
                ];
                let why = no_answer(&failure);
                answers.checks.extend(checks.map(|check| check.result(Err(why.clone()))));
                return Ok(None);
            }
        };
        let checks = (Check::ledger_orders(), Check::unexplained_orders());
        let since_start = start.ok_or(NO_START).and(self.names_all());
        answers.settled[0] = Some(Self::compared(checks, &mut seen.orders, since_start, answers));
        let checks = (Check::ledger_deliveries(), Check::unexplained_deliveries());
        match &mut seen.deliveries {
            Some(deliveries) => {
                answers.settled[2] = Some(Self::compared(checks, deliveries, since_start, answers));
            }
            None => {
                let unknown = |check: Check| check.result(Err(NO_START.to_owned()));
                answers.checks.extend([checks.0, checks.1].map(unknown));
            }
        }
        Ok(Some(seen))
    }

    async fn payments(
        &mut self,
        zone: &mut Asking,
        answers: &mut ZoneAnswers,
    ) -> Result<Option<PaymentsSeen>, AuditError> {
        self.report(Check::ledger_payments().name());
        let job = Arc::clone(&self.job);
        let checks = (Check::ledger_payments(), Check::unexplained_payments());
        match rows::payments(zone, &job.ledger, job.manifest.run_number).await {
            Ok(mut seen) => {
                answers.settled[1] =
                    Some(Self::compared(checks, &mut seen.payments, self.names_all(), answers));
                Ok(Some(seen))
            }
            Err(Trouble::Own(source)) => Err(job.sort_error(source)),
            Err(Trouble::Zone(failure)) => {
                let unknown = |check: Check| check.result(Err(no_answer(&failure)));
                answers.checks.extend([checks.0, checks.1].map(unknown));
                Ok(None)
            }
        }
    }

    /// Whether the ledger names all that this run wrote.
    fn names_all(&self) -> Result<(), &'static str> {
        if self.job.ledger.whole { Ok(()) } else { Err(BROKEN_OFF) }
    }

    /// Turns a comparison into its two checks; hands out what was settled. Rows are unexplained
    /// only where `names_all` says that the ledger could explain them.
    fn compared(
        (claimed, unexplained): (Check, Check),
        compared: &mut Compared,
        names_all: Result<(), &str>,
        answers: &mut ZoneAnswers,
    ) -> Vec<bool> {
        let compared = std::mem::take(compared);
        let detail = format!("{} acknowledged, {} rows read", compared.acknowledged, compared.rows);
        answers.checks.push(claimed.result(Ok((compared.broken, detail.clone()))));
        let strangers = names_all.map(|()| (compared.unexplained, detail));
        answers.checks.push(unexplained.result(strangers.map_err(str::to_owned)));
        compared.settled
    }

    async fn counters(
        &mut self,
        zone: &mut Asking,
        orders: Option<OrdersSeen>,
        payments: Option<PaymentsSeen>,
        answers: &mut ZoneAnswers,
    ) {
        self.report(Check::counted_orders().name());
        let start = self.job.start.as_ref().ok_or(NO_START);
        let start = start.and_then(|start| self.names_all().map(|()| start));
        let unread = || "the rows to count could not be read".to_owned();
        let counted: result::Finding = match (&start, orders) {
            (Err(why), _) => Err((*why).to_owned()),
            (_, None) => Err(unread()),
            (Ok(start), Some(seen)) => rows::next_orders(zone)
                .await
                .map(|next| counted_orders(start, &seen.effective, &next))
                .map_err(|failure| no_answer(&failure)),
        };
        answers.checks.push(Check::counted_orders().result(counted));
        let counted: result::Finding = match (&start, payments) {
            (Err(why), _) => Err((*why).to_owned()),
            (_, None) => Err(unread()),
            (Ok(start), Some(seen)) => rows::ytds(zone)
                .await
                .map(|ytd| counted_payments(start, &seen.effective, &ytd))
                .map_err(|failure| no_answer(&failure)),
        };
        answers.checks.push(Check::counted_payments().result(counted));
    }

    async fn condition(&mut self, zone: &mut Asking, condition: &Condition) -> CheckResult {
        self.report(condition.id);
        let warehouses = self.job.warehouses();
        let violations = match zone.session().await {
            Ok((session, by)) => condition.check(session, Extent::All, warehouses, by).await,
            Err(failure) => Err(failure),
        };
        let outcome = violations.map_err(|failure| no_answer(&failure)).map(|violations| {
            let sql = condition.sql(Extent::All, warehouses);
            let finding = |violation: crate::tpcc::conditions::Violation| Finding {
                kind: FindingKind::Inconsistent,
                key: violation.place,
                expected: violation.expected,
                found: violation.found,
                sql: sql.clone(),
            };
            let first = violations.first.into_iter().map(finding).collect();
            (Findings { total: violations.total, first }, format!("{warehouses} warehouses"))
        });
        named(condition).result(outcome)
    }
}

/// The conditions that hold while and after transactions run.
fn running_conditions() -> impl Iterator<Item = &'static Condition> {
    CONDITIONS.iter().filter(|condition| condition.holds == Holds::Always)
}

fn named(condition: &Condition) -> Check {
    Check::new(condition.id, condition.title)
}

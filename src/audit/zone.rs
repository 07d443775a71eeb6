//! All checks of one zone.

use std::collections::HashMap;
use std::sync::Arc;

use super::asking::Asking;
use super::checksum::{Sums, sums};
use super::compare::{Compared, Findings};
use super::counters::{counted_customers, counted_orders, counted_payments};
use super::examine::{AuditError, Job, Progress};
use super::result::{self, Check, no_answer};
use super::rows::{self, OrdersSeen, Paid, PaymentsSeen, Trouble};
use super::start::Start;
use crate::event::{StatementKind, ZoneId};
use crate::record::{CheckResult, Finding, FindingKind, Work};
use crate::session::{Failure, Login, cell};
use crate::tpcc::chunk_count;
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
    /// A load's rows are as a run since has left them.
    pub(super) run_since: bool,
}

/// One zone being audited.
pub(super) struct ZoneAudit {
    pub(super) job: Arc<Job>,
    pub(super) zone: ZoneId,
    pub(super) login: Login,
    pub(super) done: usize,
    /// Why what has changed since the start need not be this run's doing; `None` where nobody else
    /// has written.
    others_since: Option<String>,
}

const BROKEN_OFF: &str = "the ledger breaks off, so what it does not name proves nothing";
pub(super) const RUN_SINCE: &str = "a run has changed the rows since they were loaded";
const UNREAD: &str = "the rows to count could not be read";
const OLD_START: &str = "start.json is an older version's: it does not say where customers began";
const LATER_RUN: &str = "a later run has written to this database";
const NO_START: &str = "the counters were not kept when the load began (no start.json)";

impl ZoneAudit {
    pub(super) fn new(job: Arc<Job>, zone: ZoneId, login: Login) -> Self {
        Self { job, zone, login, done: 0, others_since: None }
    }

    /// Makes every check. A zone that does not answer leaves checks unknown.
    ///
    /// # Errors
    /// Ours only: the sorted ledger cannot be read.
    pub(super) async fn run(mut self) -> Result<ZoneAnswers, AuditError> {
        let mut answers = ZoneAnswers::default();
        self.report("connecting");
        let mut asking = match Asking::open(&self.login, self.job.limits).await {
            Ok(asking) => asking,
            Err(failure) => return Ok(self.unreachable(&no_answer(&failure))),
        };
        match self.job.manifest.work {
            Work::Run => {
                self.others_since = self.others_since(&mut asking).await;
                let orders = self.orders(&mut asking, &mut answers).await?;
                let payments = self.payments(&mut asking, &mut answers).await?;
                self.counters(&mut asking, orders, payments, &mut answers).await;
            }
            Work::Load => self.chunks(&mut asking, &mut answers).await,
        }
        for condition in self.conditions() {
            let moot = answers.run_since && condition.holds == Holds::AfterLoad;
            let result = match moot {
                true => named(condition).result(Err(RUN_SINCE.to_owned())),
                false => self.condition(&mut asking, condition).await,
            };
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
        // Connecting, then orders, payments and two of counters, or chunks; then conditions and
        // tables.
        let first = if self.job.manifest.work == Work::Run { 5 } else { 2 };
        let of = first + self.conditions().count() + Table::ALL.len();
        (self.job.progress)(Progress {
            zone: self.zone,
            check: check.to_owned(),
            done: self.done - 1,
            of,
        });
    }

    /// What is said of a zone that could not be asked at all.
    fn unreachable(&self, why: &str) -> ZoneAnswers {
        let unknown = |check: Check| check.result(Err(why.to_owned()));
        let own = match self.job.manifest.work {
            Work::Run => vec![
                Check::ledger_orders(),
                Check::unexplained_orders(),
                Check::ledger_deliveries(),
                Check::unexplained_deliveries(),
                Check::ledger_payments(),
                Check::unexplained_payments(),
                Check::counted_orders(),
                Check::counted_payments(),
                Check::counted_customers(),
            ],
            Work::Load => vec![Check::chunks()],
        };
        let checks = own.into_iter().chain(self.conditions().map(named)).map(unknown).collect();
        let sums = Table::ALL.iter().map(|table| (*table, Err(why.to_owned()))).collect();
        ZoneAnswers { checks, settled: [None, None, None], sums, run_since: false }
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
        rows::name_twins(zone, &mut seen.orders).await;
        let checks = (Check::ledger_orders(), Check::unexplained_orders());
        let since_start = self.counted_from().map(drop);
        let own = since_start.clone();
        answers.settled[0] = Some(Self::compared(checks, &mut seen.orders, own, answers));
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
                rows::name_twins(zone, &mut seen.payments).await;
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
    fn names_all(&self) -> Result<(), String> {
        if self.job.ledger.whole { Ok(()) } else { Err(BROKEN_OFF.to_owned()) }
    }

    /// Whether somebody else has written since the run: payments carry their run's number, orders
    /// and counters do not.
    async fn others_since(&self, zone: &mut Asking) -> Option<String> {
        match rows::last_run(zone).await {
            Ok(last) if last > self.job.manifest.run_number => Some(LATER_RUN.to_owned()),
            Ok(_) => None,
            Err(failure) => Some(no_answer(&failure)),
        }
    }

    /// Turns a comparison into its two checks; hands out what was settled. Rows are unexplained
    /// only where `names_all` says that the ledger could explain them.
    fn compared(
        (claimed, unexplained): (Check, Check),
        compared: &mut Compared,
        names_all: Result<(), String>,
        answers: &mut ZoneAnswers,
    ) -> Vec<bool> {
        let compared = std::mem::take(compared);
        let detail = format!("{} acknowledged, {} rows read", compared.acknowledged, compared.rows);
        answers.checks.push(claimed.result(Ok((compared.broken, detail.clone()))));
        let strangers = names_all.map(|()| (compared.unexplained, detail));
        answers.checks.push(unexplained.result(strangers));
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
        let counted = self.counted_orders(zone, orders).await;
        answers.checks.push(Check::counted_orders().result(counted));
        let paid = payments.as_ref().map(|seen| &seen.effective);
        let counted = self.counted_payments(zone, paid).await;
        answers.checks.push(Check::counted_payments().result(counted));
        self.report(Check::counted_customers().name());
        let counted = self.counted_customers(zone, paid).await;
        answers.checks.push(Check::counted_customers().result(counted));
    }

    /// Where the counters stood before a ledger that names all that moved them.
    fn counted_from(&self) -> Result<&Start, String> {
        let start = self.job.start.as_ref().ok_or(NO_START)?;
        self.names_all()?;
        self.others_since.clone().map_or(Ok(start), Err)
    }

    async fn counted_orders(&self, zone: &mut Asking, seen: Option<OrdersSeen>) -> result::Finding {
        let (start, seen) = (self.counted_from()?, seen.ok_or(UNREAD)?);
        let next = rows::next_orders(zone).await.map_err(|failure| no_answer(&failure))?;
        Ok(counted_orders(start, &seen.effective, &next))
    }

    async fn counted_payments(&self, zone: &mut Asking, paid: Option<&Paid>) -> result::Finding {
        let (start, paid) = (self.counted_from()?, paid.ok_or(UNREAD)?);
        let ytds = rows::ytds(zone).await.map_err(|failure| no_answer(&failure))?;
        Ok(counted_payments(start, paid, &ytds))
    }

    async fn counted_customers(&self, zone: &mut Asking, paid: Option<&Paid>) -> result::Finding {
        let (start, paid) = (self.counted_from()?, paid.ok_or(UNREAD)?);
        let seen = rows::customers(zone, start).await.map_err(|failure| no_answer(&failure))?;
        Ok(counted_customers(start, paid, &seen).ok_or(OLD_START)?)
    }

    /// Counts the marks of chunks, each of which is in the transaction that wrote its chunk.
    async fn chunks(&mut self, zone: &mut Asking, answers: &mut ZoneAnswers) {
        self.report(Check::chunks().name());
        let expected = chunk_count(self.job.warehouses(), self.job.manifest.scenario.workload.seed);
        let counted = count_marks(zone).await;
        answers.run_since = matches!(counted, Ok((_, last_run)) if last_run > 0);
        let finding = counted.map_err(|failure| no_answer(&failure)).map(|(found, _)| {
            let mut findings = Findings::default();
            if found != expected {
                findings.add(|| Finding {
                    kind: match found < expected {
                        true => FindingKind::Lost,
                        false => FindingKind::Duplicate,
                    },
                    key: "rollproof_chunk".to_owned(),
                    expected: format!("{expected} chunks"),
                    found: format!("{found} chunks"),
                    sql: MARKS.to_owned(),
                });
            }
            (findings, format!("{found} of {expected} chunks"))
        });
        answers.checks.push(Check::chunks().result(finding));
    }

    /// The conditions that must hold: while and after transactions run fewer than after a load.
    fn conditions(&self) -> impl Iterator<Item = &'static Condition> + use<> {
        let after_load = self.job.manifest.work == Work::Load;
        CONDITIONS.iter().filter(move |condition| after_load || condition.holds == Holds::Always)
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

const MARKS: &str = "SELECT COUNT(*), (SELECT last_run FROM rollproof_meta) FROM rollproof_chunk";

/// How many chunks are marked, and how many runs began since.
async fn count_marks(zone: &mut Asking) -> Result<(u64, u64), Failure> {
    match zone.rows(MARKS.to_owned()).await?.first() {
        Some(row) => Ok((cell(row, 0)?, cell(row, 1)?)),
        None => Err(Failure::data(StatementKind::Read, "a count without a row")),
    }
}

fn named(condition: &Condition) -> Check {
    Check::new(condition.id, condition.title)
}

//! The audit as a whole: every zone, then the zones against each other.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::agree::{self, Settlement};
use super::checksum;
use super::claim::Trace;
use super::ledger::{Ledger, uncertain};
use super::result::Check;
use super::sorted::Sorted;
use super::start::Start;
use super::zone::{RUN_SINCE, ZoneAnswers, ZoneAudit};
use crate::event::ZoneId;
use crate::record::{self, AmbiguousCount, AuditRecord, Manifest, Record, RecordError, Work};
use crate::session::Login;
use crate::tpcc::scale::Table;

/// How long the audit waits for a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For a zone to be reachable and to have caught up with the others.
    pub ready: Duration,
    /// For one statement. Sums over a large table take their time.
    pub statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            ready: Duration::from_secs(60),
            statement: Duration::from_secs(300),
        }
    }
}

/// What is to be audited.
#[derive(Debug, Clone)]
pub struct AuditRequest {
    /// The run; its manifest names the zones and the number of warehouses.
    pub record: Record,
    /// How to reach each zone, in the scenario's order. Settings are the audit's own.
    pub logins: Vec<Login>,
    /// How long to wait.
    pub limits: Limits,
}

/// A check is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// On this zone.
    pub zone: ZoneId,
    /// The check's name.
    pub check: String,
    /// Steps behind this one.
    pub done: usize,
    /// Steps in all.
    pub of: usize,
}

/// Why no audit could be made at all. What a server does is never among it.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The run cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There is no room beside the run, or its files are not ours to write.
    #[error("cannot sort the ledger in {dir}: {source}; make room there and audit again")]
    Sort {
        /// Where.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No zone holds what the run worked on.
    #[error(
        "database {database} is not the one that run {run_id} worked on:\n{}\nname that run's own \
         servers (--zones); if these are they, its data is gone",
        reasons.join("\n")
    )]
    OtherDatabase {
        /// Its name.
        database: String,
        /// The run.
        run_id: String,
        /// What each zone holds instead, in a line.
        reasons: Vec<String>,
    },
    /// No zone said what it holds.
    #[error("no zone said what its database {database} holds:\n{}\nmake one of them answer and audit again", reasons.join("\n"))]
    NoAnswer {
        /// The database's name.
        database: String,
        /// What happened at each zone, in a line.
        reasons: Vec<String>,
    },
    /// The request does not fit the run.
    #[error("the run has {zones} zones, but logins for {logins} were given")]
    Zones {
        /// Zones of the run.
        zones: usize,
        /// Logins given.
        logins: usize,
    },
}

/// What all zones' audits share.
pub(super) struct Job {
    pub(super) manifest: Manifest,
    pub(super) dir: PathBuf,
    pub(super) ledger: Ledger,
    pub(super) start: Option<Start>,
    pub(super) limits: Limits,
    pub(super) progress: Box<dyn Fn(Progress) + Send + Sync>,
}

impl Job {
    pub(super) fn warehouses(&self) -> u32 {
        self.manifest.scenario.workload.warehouses
    }

    pub(super) fn sort_error(&self, source: io::Error) -> AuditError {
        AuditError::Sort { dir: self.dir.clone(), source }
    }
}

/// Holds the ledger of a finished run against every zone, and the zones against each other.
/// Nothing may write while it works. The caller writes the result into the run's directory.
///
/// # Errors
/// When the run itself cannot be read. A zone that does not answer is a result, not an error.
pub async fn audit(
    request: AuditRequest,
    progress: impl Fn(Progress) + Send + Sync + 'static,
) -> Result<AuditRecord, AuditError> {
    let AuditRequest { record, logins, limits } = request;
    let zones: Vec<ZoneId> = record.manifest.scenario.zone_ids().collect();
    if zones.len() != logins.len() {
        return Err(AuditError::Zones { zones: zones.len(), logins: logins.len() });
    }
    let job = tokio::task::spawn_blocking(move || {
        Ok::<_, AuditError>(Job {
            ledger: Ledger::read(&record)?,
            start: Start::read(record.dir())?,
            dir: record.dir().to_owned(),
            manifest: record.manifest,
            limits,
            progress: Box::new(progress),
        })
    });
    let job = Arc::new(job.await.expect("reading a ledger does not panic")?);
    let mut asked = JoinSet::new();
    for (zone, login) in zones.iter().copied().zip(logins) {
        let audit = ZoneAudit::new(Arc::clone(&job), zone, login);
        asked.spawn(async move { (zone, audit.run().await) });
    }
    let mut answers: Vec<ZoneAnswers> = zones.iter().map(|_| ZoneAnswers::default()).collect();
    while let Some(joined) = asked.join_next().await {
        let (zone, answer) = joined.expect("auditing a zone does not panic");
        answers[zone.index()] = answer?;
    }
    let mut ambiguous = AmbiguousCount::default();
    match job.manifest.work {
        Work::Run => {
            let settlement = settle(&job, &answers).map_err(|source| job.sort_error(source))?;
            ambiguous = settlement.count;
            settled(&mut answers, settlement);
        }
        Work::Load => loaded(&mut answers, &job).await,
    }
    for table in Table::ALL {
        same_rows(&mut answers, *table);
    }
    Ok(AuditRecord {
        made_at: jiff::Timestamp::now(),
        acknowledged: job.ledger.acknowledged,
        ambiguous,
        zones: zones
            .into_iter()
            .zip(answers)
            .map(|(zone, answers)| record::ZoneAudit { zone, checks: answers.checks })
            .collect(),
    })
}

/// Settles every write of unknown fate.
fn settle(job: &Job, answers: &[ZoneAnswers]) -> io::Result<Settlement> {
    fn settle_kind<T: Trace>(
        settlement: &mut Settlement,
        claims: &Sorted<T>,
        settled: &[Option<&Vec<bool>>],
    ) -> io::Result<()> {
        for (index, claim) in uncertain(claims)?.enumerate() {
            let answers: Vec<_> =
                settled.iter().map(|zone| zone.and_then(|zone| zone.get(index).copied())).collect();
            settlement.settle(&claim?, &answers);
        }
        Ok(())
    }
    let mut settlement = Settlement::new(answers.len());
    let settled = |kind: usize| -> Vec<_> {
        answers.iter().map(|zone| zone.settled[kind].as_ref()).collect()
    };
    settle_kind(&mut settlement, &job.ledger.orders, &settled(0))?;
    settle_kind(&mut settlement, &job.ledger.payments, &settled(1))?;
    settle_kind(&mut settlement, &job.ledger.deliveries, &settled(2))?;
    Ok(settlement)
}

/// Holds every zone's tables against the rows that the load was to write.
async fn loaded(answers: &mut [ZoneAnswers], job: &Arc<Job>) {
    for &table in Table::ALL {
        let (warehouses, seed) = (job.warehouses(), job.manifest.scenario.workload.seed);
        let making = tokio::task::spawn_blocking(move || checksum::loaded(table, warehouses, seed));
        let expected = making.await.expect("making rows does not panic");
        for zone in answers.iter_mut() {
            let finding = match zone.sums.get(&table) {
                None => Err("the zone was not asked".to_owned()),
                Some(Err(why)) => Err(why.clone()),
                Some(Ok(_)) if zone.run_since => Err(RUN_SINCE.to_owned()),
                Some(Ok(found)) => {
                    let rows: u64 = expected.values().map(|sum| sum.rows).sum();
                    Ok((
                        agree::loaded(table, &expected, found),
                        format!("{rows} rows of seed {seed}"),
                    ))
                }
            };
            zone.checks.push(Check::loaded(table).result(finding));
        }
    }
}

/// Adds to each zone's checks whether it agrees with the others on writes of unknown fate.
fn settled(answers: &mut [ZoneAnswers], settlement: Settlement) {
    let (total, detail) = (settlement.total(), settlement.detail());
    for (zone, findings) in answers.iter_mut().zip(settlement.findings) {
        let asked = total == 0 || zone.settled.iter().all(Option::is_some);
        let finding = match asked {
            true => Ok((findings, detail.clone())),
            false => Err("the zone could not be asked for all of them".to_owned()),
        };
        zone.checks.push(Check::uncertain_writes().result(finding));
    }
}

fn same_rows(answers: &mut [ZoneAnswers], table: Table) {
    let sums: Vec<_> = answers
        .iter()
        .map(|zone| zone.sums.get(&table).and_then(|sums| sums.as_ref().ok()))
        .collect();
    let asked = sums.iter().flatten().count();
    let findings = agree::tables(table, &sums);
    let zones = answers.len();
    for (zone, findings) in answers.iter_mut().zip(findings) {
        let finding = match zone.sums.remove(&table) {
            None => Err("the zone was not asked".to_owned()),
            Some(Err(why)) => Err(why),
            Some(Ok(_)) if asked == 1 && zones > 1 => {
                Err("no other zone could be asked".to_owned())
            }
            Some(Ok(sums)) => {
                let rows: u64 = sums.values().map(|sum| sum.rows).sum();
                Ok((findings, format!("{rows} rows, compared on {asked} of {zones} zones")))
            }
        };
        zone.checks.push(Check::same_rows(table).result(finding));
    }
}

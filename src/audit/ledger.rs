//! The ledger, read once and sorted by key.

use std::io;
use std::path::{Path, PathBuf};

use super::claim::{AnyClaim, Claim, Delivery, Order, Payment, Said, Trace};
use super::examine::AuditError;
use super::sorted::{Sorted, Sorter};
use crate::event::Fate;
use crate::record::{Record, Wholeness};

/// Everything the client claims, in the order in which rows are read.
pub(super) struct Ledger {
    pub(super) orders: Sorted<Order>,
    pub(super) payments: Sorted<Payment>,
    pub(super) deliveries: Sorted<Delivery>,
    pub(super) acknowledged: u64,
    /// Whether nothing is missing at its end. Of a cut ledger nothing can be concluded about rows
    /// it does not name.
    pub(super) whole: bool,
}

impl Ledger {
    /// Reads and sorts the ledger; blocks for as long as that takes.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room for the sorted one beside it.
    pub(super) fn read(record: &Record) -> Result<Self, AuditError> {
        let home = record.dir().join(".audit");
        let sort_error = |source: io::Error| AuditError::Sort { dir: home.clone(), source };
        remove_leftover(&home).map_err(sort_error)?;
        let dir = |name: &str| -> PathBuf { home.join(name) };
        let mut orders = Sorter::new(dir("orders"));
        let mut payments = Sorter::new(dir("payments"));
        let mut deliveries = Sorter::new(dir("deliveries"));
        let mut acknowledged = 0;
        let run = record.manifest.run_number;
        let mut rows = record.ledger()?;
        for entry in rows.by_ref() {
            let entry = entry?;
            let Some(claim) = AnyClaim::of(&entry, run) else { continue };
            acknowledged += u64::from(entry.fate == Fate::Acknowledged);
            match claim {
                AnyClaim::Order(claim) => orders.push(claim),
                AnyClaim::Payment(claim) => payments.push(claim),
                AnyClaim::Delivery(claim) => deliveries.push(claim),
            }
            .map_err(sort_error)?;
        }
        Ok(Self {
            orders: orders.finish(),
            payments: payments.finish(),
            deliveries: deliveries.finish(),
            acknowledged,
            whole: rows.wholeness() == Some(Wholeness::Whole),
        })
    }
}

/// An audit that was killed leaves its files behind.
fn remove_leftover(home: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(home) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The claims of unknown fate, in order: what [`super::compare::Compared::settled`] speaks of.
pub(super) fn uncertain<T: Trace>(
    claims: &Sorted<T>,
) -> io::Result<impl Iterator<Item = io::Result<Claim<T>>>> {
    let uncertain =
        |claim: &io::Result<Claim<T>>| claim.as_ref().map_or(true, |of| of.said == Said::Uncertain);
    Ok(claims.iter()?.filter(uncertain))
}

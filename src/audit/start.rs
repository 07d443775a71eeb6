//! Where the counters stood before the load began: `start.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::event::StatementKind;
use crate::record::{RecordError, file, read_json, write_atomically};
use crate::session::{BEGIN, COMMIT, Failure, Row, Session, Statement, cell};
use crate::tpcc::money::money;
use crate::tpcc::scale::DISTRICTS;

const WAREHOUSES: Statement =
    Statement::fixed(StatementKind::Read, "SELECT w_id, w_ytd FROM warehouse ORDER BY w_id");

const COUNTERS: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT d_w_id, d_id, d_next_o_id, d_ytd, \
     (SELECT MIN(no_o_id) FROM new_order WHERE no_w_id = d_w_id AND no_d_id = d_id) \
     FROM district ORDER BY d_w_id, d_id",
);

/// The counters of a warehouse and its districts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarehouseStart {
    /// Its number.
    pub warehouse: u32,
    /// `w_ytd` in cents.
    pub ytd_cents: i64,
    /// `d_next_o_id` of districts 1 to 10.
    pub next_order: [u64; DISTRICTS as usize],
    /// The oldest undelivered order of districts 1 to 10; the next one where there was none.
    pub oldest_undelivered: [u64; DISTRICTS as usize],
    /// `d_ytd` of districts 1 to 10 in cents; absent from runs of older versions.
    #[serde(default)]
    pub district_ytd_cents: Option<[i64; DISTRICTS as usize]>,
    /// Sums over its customers; absent from runs of older versions.
    #[serde(default)]
    pub customers: Option<CustomerSums>,
}

/// Sums over the customers of a warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CustomerSums {
    /// Of `c_balance`, in cents.
    pub balance_cents: i64,
    /// Of `c_ytd_payment`, in cents.
    pub paid_cents: i64,
    /// Of `c_payment_cnt`.
    pub payments: i64,
}

impl CustomerSums {
    /// The statement that reads them.
    pub(super) fn sql(warehouse: u32) -> String {
        format!(
            "SELECT COALESCE(SUM(c_balance), 0), COALESCE(SUM(c_ytd_payment), 0), \
             COALESCE(SUM(c_payment_cnt), 0) FROM customer WHERE c_w_id = {warehouse}"
        )
    }

    pub(super) fn of(row: &Row) -> Result<Self, Failure> {
        let (balance_cents, paid_cents) = (money(row, 0)?.0, money(row, 1)?.0);
        Ok(Self { balance_cents, paid_cents, payments: cell(row, 2)? })
    }

    pub(super) fn add(&mut self, other: Self) {
        self.balance_cents += other.balance_cents;
        self.paid_cents += other.paid_cents;
        self.payments += other.payments;
    }
}

/// Where every counter stood before the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// When they were read.
    pub taken_at: jiff::Timestamp,
    /// Every warehouse, in order.
    pub warehouses: Vec<WarehouseStart>,
}

impl Start {
    /// Reads the counters in one transaction. Nothing may be writing yet.
    ///
    /// # Errors
    /// When the server does not answer before `by`, or a district is missing.
    pub async fn take(session: &mut Session, by: Instant) -> Result<Self, Failure> {
        session.query(&BEGIN, by).await?;
        let mut warehouses: Vec<WarehouseStart> = Vec::new();
        for row in session.query(&WAREHOUSES, by).await?.rows {
            warehouses.push(WarehouseStart {
                warehouse: cell(&row, 0)?,
                ytd_cents: money(&row, 1)?.0,
                next_order: Default::default(),
                oldest_undelivered: Default::default(),
                district_ytd_cents: Some(Default::default()),
                customers: None,
            });
        }
        for row in session.query(&COUNTERS, by).await?.rows {
            let (warehouse, district): (u32, u32) = (cell(&row, 0)?, cell(&row, 1)?);
            let owner = warehouses.binary_search_by_key(&warehouse, |start| start.warehouse);
            let (Ok(owner), 1..=DISTRICTS) = (owner, district) else {
                return Err(stray(warehouse, district));
            };
            let (owner, next): (_, u64) = (&mut warehouses[owner], cell(&row, 2)?);
            let place = district as usize - 1;
            owner.next_order[place] = next;
            owner.district_ytd_cents.get_or_insert_default()[place] = money(&row, 3)?.0;
            owner.oldest_undelivered[place] = cell::<Option<u64>>(&row, 4)?.unwrap_or(next);
        }
        for start in &mut warehouses {
            let sums = CustomerSums::sql(start.warehouse);
            let answer = session.query(&Statement::built(StatementKind::Read, sums), by).await?;
            start.customers = answer.rows.first().map(CustomerSums::of).transpose()?;
        }
        session.query(&COMMIT, by).await?;
        if let Some(bare) = warehouses.iter().find(|start| start.next_order.contains(&0)) {
            let message =
                format!("warehouse {} does not have {DISTRICTS} districts", bare.warehouse);
            return Err(Failure::data(StatementKind::Read, message));
        }
        Ok(Self { taken_at: jiff::Timestamp::now(), warehouses })
    }

    /// Keeps the counters in a run's directory.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, dir: &Path) -> Result<(), RecordError> {
        let mut text = serde_json::to_string(self).expect("its keys are strings");
        text.push('\n');
        write_atomically(dir, file::START, text.as_bytes())
    }

    /// Reads them back; `None` when they were never taken.
    ///
    /// # Errors
    /// When the file is there but cannot be read or understood.
    pub fn read(dir: &Path) -> Result<Option<Self>, RecordError> {
        read_json(dir, file::START)
    }

    /// The counters of one warehouse.
    pub(super) fn of(&self, warehouse: u32) -> Option<&WarehouseStart> {
        let place = self.warehouses.binary_search_by_key(&warehouse, |start| start.warehouse);
        place.ok().map(|place| &self.warehouses[place])
    }
}

fn stray(warehouse: u32, district: u32) -> Failure {
    let message = format!("district {district} of warehouse {warehouse} does not belong there");
    Failure::data(StatementKind::Read, message)
}

//! Rows of the CSV files: one place that knows the columns, for writing and for reading.
//!
//! Columns are stable and documented; a new one is added at the end and raises the format's
//! version. A blank field means "does not apply".

use std::io::Write;

use csv::Writer;

use super::cells::Cells;
use super::columns::Columns;
use crate::event::{
    Attempt, ErrorClass, ErrorCode, Fate, LedgerEntry, Outcome, OutcomeKind, Probe, ProbeKind,
    SelfSample, StatementKind, TxnKind, WriteKey, ZoneId,
};

/// Zone names by id: rows spell a zone out, so that any CSV reader can group by it.
pub(super) struct ZoneNames(pub(super) Vec<String>);

impl ZoneNames {
    fn name(&self, zone: ZoneId) -> &str {
        self.0.get(zone.index()).map_or("?", String::as_str)
    }

    pub(super) fn id(&self, name: &[u8]) -> Option<ZoneId> {
        let index = self.0.iter().position(|zone| zone.as_bytes() == name)?;
        u8::try_from(index).ok().map(ZoneId)
    }
}

/// Writes the fields of one row, left to right.
pub struct Fields<'a> {
    to: &'a mut dyn FieldSink,
    zones: &'a ZoneNames,
    digits: itoa::Buffer,
}

/// What [`Fields`] needs of a CSV writer, whatever lies below it.
trait FieldSink {
    fn field(&mut self, bytes: &[u8]) -> csv::Result<()>;
}

impl<W: Write> FieldSink for Writer<W> {
    fn field(&mut self, bytes: &[u8]) -> csv::Result<()> {
        self.write_field(bytes)
    }
}

impl Fields<'_> {
    fn text(&mut self, text: &str) -> csv::Result<()> {
        self.to.field(text.as_bytes())
    }

    fn blanks(&mut self, count: usize) -> csv::Result<()> {
        (0..count).try_for_each(|_| self.text(""))
    }

    fn number(&mut self, number: impl itoa::Integer) -> csv::Result<()> {
        self.to.field(self.digits.format(number).as_bytes())
    }

    fn zone(&mut self, zone: Option<ZoneId>) -> csv::Result<()> {
        self.to.field(zone.map_or("", |zone| self.zones.name(zone)).as_bytes())
    }

    /// Class, errno and SQLSTATE: three columns, blank together.
    fn failure(&mut self, class: Option<ErrorClass>, code: ErrorCode) -> csv::Result<()> {
        let Some(class) = class else {
            return self.blanks(3);
        };
        self.text(class.as_str())?;
        self.number(code.errno)?;
        self.text(code.sqlstate_str())
    }
}

/// A value that is one row of a CSV file.
pub trait Row: Sized {
    /// The file's column names.
    const HEADER: &'static [&'static str];
    /// How many of them the oldest format had.
    const COLUMNS_MIN: usize = Self::HEADER.len();

    /// Writes every column in order.
    ///
    /// # Errors
    /// When the writer below refuses.
    fn write(&self, fields: &mut Fields<'_>) -> csv::Result<()>;

    /// Reads every column in order.
    ///
    /// # Errors
    /// A sentence that names the column and what it holds.
    fn read(columns: &mut Columns<'_>) -> Result<Self, String>;
}

pub(super) fn write_row<R: Row, W: Write>(
    row: &R,
    zones: &ZoneNames,
    to: &mut Writer<W>,
) -> csv::Result<()> {
    row.write(&mut Fields { to, zones, digits: itoa::Buffer::new() })?;
    to.write_record(None::<&[u8]>)
}

/// Reads a row of a file with so many columns.
pub(super) fn read_row<R: Row>(
    cells: Cells<'_>,
    columns: usize,
    zones: &ZoneNames,
) -> Result<R, String> {
    let Cells { text, separator } = cells;
    let mut read = Columns { rest: Some(text), separator, header: R::HEADER, zones, next: 0 };
    let row = R::read(&mut read);
    if row.is_ok() && read.rest.is_none() && read.next == columns {
        return row;
    }
    match cells.iter().count() {
        found if found == columns => row,
        found => Err(format!("it has {found} fields instead of {columns}")),
    }
}

impl Row for Attempt {
    const HEADER: &'static [&'static str] = &[
        "terminal",
        "sequence",
        "attempt",
        "last",
        "kind",
        "warehouse",
        "scheduled_us",
        "start_us",
        "end_us",
        "zone",
        "outcome",
        "class",
        "errno",
        "sqlstate",
        "statement",
    ];

    fn write(&self, f: &mut Fields<'_>) -> csv::Result<()> {
        f.number(self.terminal)?;
        f.number(self.sequence)?;
        f.number(self.attempt)?;
        f.number(u8::from(self.last))?;
        f.text(self.kind.as_str())?;
        f.number(self.warehouse)?;
        f.number(self.scheduled.0)?;
        f.number(self.start.0)?;
        f.number(self.end.0)?;
        f.zone(self.zone)?;
        f.text(self.outcome.kind().as_str())?;
        f.failure(self.outcome.class(), self.code)?;
        f.text(self.statement.map_or("", |statement| statement.as_str()))
    }

    fn read(c: &mut Columns<'_>) -> Result<Self, String> {
        let (terminal, sequence, attempt) = (c.number()?, c.number()?, c.number()?);
        let last = c.number::<u8>()? != 0;
        let kind = c.one_of(TxnKind::spelled, "a transaction")?;
        let warehouse = c.number()?;
        let (scheduled, start, end) = (c.time()?, c.time()?, c.time()?);
        let zone = c.zone()?;
        let outcome = c.one_of(OutcomeKind::spelled, "an outcome")?;
        let (class, code) = c.failure()?;
        let outcome =
            Outcome::from_parts(outcome, class).ok_or("outcome and class contradict each other")?;
        let statement = match c.skip_blanks(1) {
            true => None,
            false => Some(c.one_of(StatementKind::spelled, "a kind of statement")?),
        };
        if scheduled > start || start > end {
            return Err(format!(
                "its times run backwards: due at {scheduled_us} µs, begun at {start_us}, ended at {end_us}",
                scheduled_us = scheduled.0,
                start_us = start.0,
                end_us = end.0,
            ));
        }
        Ok(Self {
            terminal,
            sequence,
            attempt,
            last,
            kind,
            warehouse,
            scheduled,
            start,
            end,
            zone,
            outcome,
            code,
            statement,
        })
    }
}

impl Row for Probe {
    const HEADER: &'static [&'static str] =
        &["zone", "kind", "start_us", "end_us", "ok", "class", "errno", "sqlstate"];

    fn write(&self, f: &mut Fields<'_>) -> csv::Result<()> {
        f.zone(Some(self.zone))?;
        f.text(self.kind.as_str())?;
        f.number(self.start.0)?;
        f.number(self.end.0)?;
        f.number(u8::from(self.failure.is_none()))?;
        f.failure(self.failure, self.code)
    }

    fn read(c: &mut Columns<'_>) -> Result<Self, String> {
        let zone = c.zone()?.ok_or("column zone is blank")?;
        let kind = c.one_of(ProbeKind::spelled, "a kind of probe")?;
        let (start, end) = (c.time()?, c.time()?);
        let ok = c.number::<u8>()? != 0;
        let (failure, code) = c.failure()?;
        if ok != failure.is_none() {
            return Err("ok and class contradict each other".to_owned());
        }
        if start > end {
            return Err(format!("it ended at {} µs, before it began at {}", end.0, start.0));
        }
        Ok(Self { zone, kind, start, end, failure, code })
    }
}

impl Row for LedgerEntry {
    const HEADER: &'static [&'static str] = &[
        "terminal",
        "sequence",
        "at_us",
        "fate",
        "kind",
        "warehouse",
        "district",
        "order",
        "customer",
        "amount_cents",
        "carrier",
        "orders",
        "stamp_epoch_us",
    ];

    fn write(&self, f: &mut Fields<'_>) -> csv::Result<()> {
        f.number(self.terminal)?;
        f.number(self.sequence)?;
        f.number(self.at.0)?;
        f.text(self.fate.as_str())?;
        match &self.key {
            WriteKey::NewOrder { district, order, customer, entered_us } => {
                f.text("new-order")?;
                f.number(self.warehouse)?;
                f.number(*district)?;
                f.number(*order)?;
                f.number(*customer)?;
                f.blanks(3)?;
                f.number(*entered_us)
            }
            WriteKey::Payment { district, amount_cents } => {
                f.text("payment")?;
                f.number(self.warehouse)?;
                f.number(*district)?;
                f.blanks(2)?;
                f.number(*amount_cents)?;
                f.blanks(3)
            }
            WriteKey::Delivery { carrier, delivered_us, orders } => {
                f.text("delivery")?;
                f.number(self.warehouse)?;
                f.blanks(4)?;
                f.number(*carrier)?;
                f.number(*orders)?;
                f.number(*delivered_us)
            }
            WriteKey::Sight { district, newest } => {
                f.text("stock-level")?;
                f.number(self.warehouse)?;
                f.number(*district)?;
                f.number(*newest)?;
                f.blanks(5)
            }
        }
    }

    fn read(c: &mut Columns<'_>) -> Result<Self, String> {
        let (terminal, sequence, at) = (c.number()?, c.number()?, c.time()?);
        let fate = c.one_of(Fate::spelled, "a fate")?;
        let kind = c.one_of(TxnKind::spelled, "a transaction")?;
        let warehouse = c.number()?;
        let key = match kind {
            TxnKind::NewOrder => {
                let (district, order, customer) = (c.number()?, c.number()?, c.number()?);
                c.blanks(3)?;
                WriteKey::NewOrder { district, order, customer, entered_us: c.number()? }
            }
            TxnKind::Payment => {
                let district = c.number()?;
                c.blanks(2)?;
                let amount_cents = c.number()?;
                c.blanks(3)?;
                WriteKey::Payment { district, amount_cents }
            }
            TxnKind::Delivery => {
                c.blanks(4)?;
                let (carrier, orders) = (c.number()?, c.number()?);
                WriteKey::Delivery { carrier, orders, delivered_us: c.number()? }
            }
            TxnKind::StockLevel => {
                let (district, newest) = (c.number()?, c.number()?);
                c.blanks(5)?;
                WriteKey::Sight { district, newest }
            }
            TxnKind::OrderStatus | TxnKind::LoadChunk => {
                return Err(format!("column kind holds {kind}, which the ledger does not keep"));
            }
        };
        Ok(Self { terminal, sequence, warehouse, at, fate, key })
    }
}

impl Row for SelfSample {
    const HEADER: &'static [&'static str] = &[
        "at_us",
        "stall_us_max",
        "stall_at_us",
        "queue_len",
        "cpu_us",
        "wall_step_us",
        "dispatched",
        "dispatched_late",
        "boot_step_us",
    ];
    const COLUMNS_MIN: usize = 8;

    fn write(&self, f: &mut Fields<'_>) -> csv::Result<()> {
        f.number(self.at.0)?;
        f.number(self.stall_us_max)?;
        f.number(self.stall_at.0)?;
        f.number(self.queue_len)?;
        f.number(self.cpu_us)?;
        f.number(self.wall_step_us)?;
        f.number(self.dispatched)?;
        f.number(self.dispatched_late)?;
        f.number(self.boot_step_us)
    }

    fn read(c: &mut Columns<'_>) -> Result<Self, String> {
        Ok(Self {
            at: c.time()?,
            stall_us_max: c.number()?,
            stall_at: c.time()?,
            queue_len: c.number()?,
            cpu_us: c.number()?,
            wall_step_us: c.number()?,
            dispatched: c.number()?,
            dispatched_late: c.number()?,
            boot_step_us: c.number_if_there()?,
        })
    }
}

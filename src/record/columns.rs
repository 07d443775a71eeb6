//! Reads the cells of one row: the same for every table.

use std::str::FromStr;

use memchr::memchr;

use super::row::ZoneNames;
use crate::event::{ErrorClass, ErrorCode, RunTime, ZoneId};

/// Reads the fields of one row, left to right. Errors name the column.
pub struct Columns<'a> {
    /// The cells that were not read yet; `None` behind the last one.
    pub(super) rest: Option<&'a [u8]>,
    pub(super) separator: u8,
    pub(super) header: &'static [&'static str],
    pub(super) zones: &'a ZoneNames,
    pub(super) next: usize,
}

/// A row has a dozen cells and a record millions of rows: what reads one cell is put where it is
/// asked for, so that no answer has to go through memory.
impl<'a> Columns<'a> {
    #[inline(always)]
    pub(super) fn cell(&mut self) -> Result<&'a [u8], String> {
        let rest =
            self.rest.ok_or_else(|| format!("column {} is missing", self.name(self.next)))?;
        self.next += 1;
        let end = memchr(self.separator, rest);
        self.rest = end.map(|end| &rest[end + 1..]);
        Ok(end.map_or(rest, |end| &rest[..end]))
    }

    /// Skips this many cells, if all of them are blank.
    #[inline(always)]
    pub(super) fn skip_blanks(&mut self, count: usize) -> bool {
        let Some(rest) = self.rest else { return false };
        let separators = rest.iter().take(count).take_while(|byte| **byte == self.separator);
        self.rest = match separators.count() {
            found if found == count => Some(&rest[count..]),
            // The row ends with them.
            found if found == rest.len() && found + 1 == count => None,
            _ => return false,
        };
        self.next += count;
        true
    }

    fn name(&self, index: usize) -> &'static str {
        self.header.get(index).copied().unwrap_or("?")
    }

    /// What to say of the cell read last.
    #[cold]
    fn wrong(&self, cell: &[u8], what: &str) -> String {
        let (name, cell) = (self.name(self.next - 1), String::from_utf8_lossy(cell));
        format!("column {name} holds {cell:?}, which is not {what}")
    }

    /// One of a closed set of names.
    #[inline(always)]
    pub(super) fn one_of<T>(
        &mut self,
        find: fn(&[u8]) -> Option<T>,
        what: &str,
    ) -> Result<T, String> {
        let cell = self.cell()?;
        find(cell).ok_or_else(|| self.wrong(cell, what))
    }

    /// Half of a row are numbers: their digits are added up on the way to the next cell, which is
    /// several times as fast as parsing text.
    #[inline(always)]
    pub(super) fn number<T: TryFrom<u64> + FromStr>(&mut self) -> Result<T, String> {
        let rest = self.rest.unwrap_or_default();
        let (mut number, mut length) = (0_u64, 0);
        while length < DIGITS_MAX
            && let Some(digit @ b'0'..=b'9') = rest.get(length)
        {
            number = number * 10 + u64::from(digit - b'0');
            length += 1;
        }
        let behind = rest.get(length);
        let ends = behind.is_none_or(|byte| *byte == self.separator);
        if length > 0
            && ends
            && let Ok(number) = T::try_from(number)
        {
            self.next += 1;
            self.rest = behind.map(|_| &rest[length + 1..]);
            return Ok(number);
        }
        self.odd_number()
    }

    /// A negative one, one of twenty digits, or none at all.
    #[cold]
    fn odd_number<T: FromStr>(&mut self) -> Result<T, String> {
        let cell = self.cell()?;
        let parsed = str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| self.wrong(cell, "a number in range"))
    }

    /// Zero where the file is of a format that did not have the column yet.
    pub(super) fn number_if_there<T: TryFrom<u64> + FromStr + Default>(
        &mut self,
    ) -> Result<T, String> {
        if self.rest.is_some() { self.number() } else { Ok(T::default()) }
    }

    pub(super) fn time(&mut self) -> Result<RunTime, String> {
        self.number().map(RunTime)
    }

    /// Cells of columns that do not apply to this row.
    pub(super) fn blanks(&mut self, count: usize) -> Result<(), String> {
        if self.skip_blanks(count) {
            return Ok(());
        }
        (0..count).try_for_each(|_| match self.cell()? {
            b"" => Ok(()),
            cell => Err(self.wrong(cell, "blank, as the row's kind wants it")),
        })
    }

    pub(super) fn zone(&mut self) -> Result<Option<ZoneId>, String> {
        let zones = self.zones;
        match self.cell()? {
            b"" => Ok(None),
            name => match zones.id(name) {
                Some(id) => Ok(Some(id)),
                None => Err(self.wrong(name, "a zone of this run")),
            },
        }
    }

    pub(super) fn failure(&mut self) -> Result<(Option<ErrorClass>, ErrorCode), String> {
        if self.skip_blanks(3) {
            return Ok((None, ErrorCode::NONE));
        }
        let class = match self.skip_blanks(1) {
            true => None,
            false => Some(self.one_of(ErrorClass::spelled, "an error class")?),
        };
        let errno = if self.skip_blanks(1) { 0 } else { self.number()? };
        let sqlstate = match self.cell()? {
            b"" => ErrorCode::NONE.sqlstate,
            state => {
                state.try_into().map_err(|_| self.wrong(state, "five characters of SQLSTATE"))?
            }
        };
        Ok((class, ErrorCode { errno, sqlstate }))
    }
}

/// So many digits always fit a number of 64 bits.
const DIGITS_MAX: usize = 19;

//! Reads the cells of one row: the same for every table.

use std::str::FromStr;

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
        let end = position(self.separator, rest);
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
        self.digits(0, 0)
    }

    /// The rest of a number whose first digits are worth so much.
    #[inline(always)]
    fn digits<T: TryFrom<u64> + FromStr>(
        &mut self,
        mut number: u64,
        mut length: usize,
    ) -> Result<T, String> {
        let rest = self.rest.unwrap_or_default();
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

    /// After ten seconds of a run, moments have eight digits and more.
    #[inline(always)]
    pub(super) fn time(&mut self) -> Result<RunTime, String> {
        let first = self.rest.unwrap_or_default().first_chunk().and_then(eight_digits);
        let (number, length) = first.map_or((0, 0), |number| (number, 8));
        self.digits(number, length).map(RunTime)
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

/// The value of eight digits, pairs of neighbours being added up all at once.
#[inline(always)]
fn eight_digits(text: &[u8; 8]) -> Option<u64> {
    const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
    let word = u64::from_le_bytes(*text);
    let digits = word ^ ZEROS;
    // Over nine: a carry into the upper half of its byte, or something there already.
    let over = digits.wrapping_add(u64::from_le_bytes([6; 8])) | digits;
    if over & u64::from_le_bytes([0xf0; 8]) != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// Where a byte first is. A cell is a few bytes long: eight at a time are quicker than a call to
/// what is made for long texts.
#[inline(always)]
fn position(of: u8, text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // Zero where the byte is; the lowest high bit that is set below is that of the first zero.
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(of));
        let zeros = differs.wrapping_sub(ONES) & !differs & HIGHS;
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let found = rest.iter().position(|byte| *byte == of);
    found.map(|at| words.len() * 8 + at)
}

/// So many digits always fit a number of 64 bits.
const DIGITS_MAX: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn eight_digits_are_worth_what_they_say(number in 0_u64..100_000_000) {
            let text = format!("{number:08}");
            prop_assert_eq!(eight_digits(text.as_bytes().first_chunk().unwrap()), Some(number));
        }

        #[test]
        fn anything_else_is_no_number(text in "[0-9]{8}", at in 0_usize..8, byte: u8) {
            prop_assume!(!byte.is_ascii_digit());
            let mut text = text.into_bytes();
            text[at] = byte;
            prop_assert_eq!(eight_digits(text.first_chunk().unwrap()), None);
        }

        #[test]
        fn a_byte_is_found_where_it_is_first(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            for of in text.iter().copied().chain([b',', 0, 0x80, 0xff]) {
                prop_assert_eq!(position(of, &text), text.iter().position(|byte| *byte == of));
            }
        }
    }
}

//! The rows of a CSV file, one after the other, as text whose cells lie side by side.
//!
//! Rows of a run are plain: no cell holds a quote. They are handed out where they lie in the
//! buffer, to be read from comma to comma, which is several times faster than a parser of everything
//! that CSV may be; a row that does hold a quote, because a server sent an odd SQLSTATE or another
//! program wrote the file anew, goes through that parser.

use std::io::{self, Read};

use memchr::memchr2;

/// Bytes held at a time, unless a row is longer.
const BUFFER: usize = 1 << 16;

/// Cuts what it reads into rows.
pub(super) struct RowReader<R> {
    from: R,
    buffer: Vec<u8>,
    /// What was read and not handed out lies between these.
    start: usize,
    end: usize,
    /// A row whose quotes were taken off.
    unquoted: Vec<u8>,
}

/// What came of reading a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// A row.
    Row(Cells<'a>),
    /// The file ended behind a row.
    End,
    /// The file ended within a row, which is not handed out.
    Cut,
}

/// A row's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cells<'a> {
    /// All of them.
    pub(super) text: &'a [u8],
    /// What lies between two of them: an ASCII character, and a comma but for rows with quotes.
    pub(super) separator: u8,
}

impl<'a> Cells<'a> {
    /// Every cell.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.text.split(move |byte| *byte == self.separator)
    }
}

impl<R: Read> RowReader<R> {
    /// A reader that has read nothing yet.
    pub(super) fn new(from: R) -> Self {
        Self { from, buffer: vec![0; BUFFER], start: 0, end: 0, unquoted: Vec::new() }
    }

    /// What it reads from.
    pub(super) fn get_ref(&self) -> &R {
        &self.from
    }

    /// Reads the next row that is not blank.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        loop {
            let Some((length, has_quotes)) = self.find_row()? else {
                return Ok(if self.start == self.end { Next::End } else { Next::Cut });
            };
            let row = self.start..self.start + length;
            self.start = row.end + 1;
            let text = &self.buffer[row.clone()];
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.is_empty() {
                continue;
            }
            if has_quotes {
                let separator = unquote(text, &mut self.unquoted)?;
                return Ok(Next::Row(Cells { text: &self.unquoted, separator }));
            }
            let text = row.start..row.start + text.len();
            return Ok(Next::Row(Cells { text: &self.buffer[text], separator: b',' }));
        }
    }

    /// Length of the next row, its line break not included, and whether there are quotes in it;
    /// `None` when the file ends before it does.
    fn find_row(&mut self) -> io::Result<Option<(usize, bool)>> {
        let (mut length, mut quotes) = (0, 0_usize);
        loop {
            let rest = &self.buffer[self.start + length..self.end];
            let Some(at) = memchr2(b'\n', b'"', rest) else {
                length += rest.len();
                if !self.fill()? {
                    return Ok(None);
                }
                continue;
            };
            // A line break within quotes is a part of its cell.
            match rest[at] {
                b'\n' if quotes.is_multiple_of(2) => return Ok(Some((length + at, quotes > 0))),
                b'\n' => {}
                _ => quotes += 1,
            }
            length += at + 1;
        }
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.end, 0);
        }
        let length = loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end += length;
        Ok(length > 0)
    }
}

/// Takes a row's quotes off and joins its cells by a character that none of them holds, which it
/// answers.
fn unquote(text: &[u8], unquoted: &mut Vec<u8>) -> io::Result<u8> {
    let mut parser = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
    let mut row = csv::ByteRecord::new();
    parser.read_byte_record(&mut row)?;
    let is_free = |byte: &u8| row.iter().all(|cell| !cell.contains(byte));
    let separator = (0..0x80).find(is_free).ok_or(io::ErrorKind::InvalidData)?;
    *unquoted = row.iter().collect::<Vec<_>>().join(&separator);
    Ok(separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out a few bytes at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let length = to.len().min(self.0.len()).min(3);
            let (now, later) = self.0.split_at(length);
            to[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    fn rows(text: &[u8]) -> (Vec<Vec<Vec<u8>>>, Next<'static>) {
        let (mut reader, mut rows) = (RowReader::new(Drops(text)), Vec::new());
        reader.buffer.truncate(4);
        loop {
            match reader.next().unwrap() {
                Next::Row(cells) => rows.push(cells.iter().map(<[u8]>::to_vec).collect()),
                Next::End => return (rows, Next::End),
                Next::Cut => return (rows, Next::Cut),
            }
        }
    }

    #[test]
    fn an_end_within_a_row_is_a_cut() {
        assert_eq!(rows(b"a,b\n\n,\r\n").0, [vec![b"a".to_vec(), b"b".to_vec()], vec![vec![]; 2]]);
        assert_eq!(rows(b"a,b\n").1, Next::End);
        assert_eq!(rows(b"a,b\nc,d").1, Next::Cut);
        assert_eq!(rows(b"a,\"b\n").1, Next::Cut, "within quotes");
    }

    proptest! {
        #[test]
        fn whatever_the_writer_writes_is_read(
            expected in proptest::collection::vec(
                proptest::collection::vec("[a-z\",\n\r é]{0,6}", 2..5), 1..6),
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            expected.iter().for_each(|row| writer.write_record(row).unwrap());
            let (found, end) = rows(&writer.into_inner().unwrap());
            let expected: Vec<Vec<Vec<u8>>> = expected
                .into_iter()
                .map(|row| row.into_iter().map(String::into_bytes).collect())
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(end, Next::End);
        }
    }
}

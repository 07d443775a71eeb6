//! Rows as bytes: written field by field into one buffer that is used over and over, in whatever
//! form the server takes them.

use std::marker::PhantomData;

/// The marks that make rows out of fields. No field written here ever needs escaping.
pub trait Encoding {
    /// Before the first field of a row.
    const OPEN: &'static [u8];
    /// Between two fields.
    const BETWEEN: &'static [u8];
    /// After the last field of a row.
    const CLOSE: &'static [u8];
    /// Between two rows.
    const NEXT: &'static [u8];
    /// On both sides of a text.
    const QUOTE: &'static [u8];
    /// NULL.
    const NULL: &'static [u8];
}

/// The list after VALUES in a multi-row INSERT.
#[derive(Debug, Clone, Copy)]
pub enum SqlValues {}

impl Encoding for SqlValues {
    const OPEN: &'static [u8] = b"(";
    const BETWEEN: &'static [u8] = b",";
    const CLOSE: &'static [u8] = b")";
    const NEXT: &'static [u8] = b",";
    const QUOTE: &'static [u8] = b"'";
    const NULL: &'static [u8] = b"NULL";
}

/// Tab-separated lines, as LOAD DATA takes them by default.
#[derive(Debug, Clone, Copy)]
pub enum Tsv {}

impl Encoding for Tsv {
    const OPEN: &'static [u8] = b"";
    const BETWEEN: &'static [u8] = b"\t";
    const CLOSE: &'static [u8] = b"\n";
    const NEXT: &'static [u8] = b"";
    const QUOTE: &'static [u8] = b"";
    const NULL: &'static [u8] = b"\\N";
}

/// Rows written down so far.
#[derive(Debug)]
pub struct RowBuffer<E> {
    bytes: Vec<u8>,
    rows: u64,
    fields: u32,
    encoding: PhantomData<E>,
}

impl<E: Encoding> RowBuffer<E> {
    /// An empty buffer.
    pub fn new() -> Self {
        Self { bytes: Vec::new(), rows: 0, fields: 0, encoding: PhantomData }
    }

    /// An empty buffer with room for this many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::new() }
    }

    /// The rows as written, and nothing else.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Forgets every row, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows = 0;
    }

    /// The rows as written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends a row; the next field begins another one.
    pub(super) fn end_row(&mut self) {
        self.bytes.extend_from_slice(E::CLOSE);
        self.rows += 1;
        self.fields = 0;
    }

    pub(super) fn int(&mut self, value: u32) -> &mut Self {
        self.begin_field();
        self.bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self
    }

    /// A number with `decimals` digits after the point, given as a whole number of its last
    /// digit's unit.
    pub(super) fn decimal(&mut self, value: i64, decimals: u32) -> &mut Self {
        self.begin_field();
        let (scale, amount) = (10_u64.pow(decimals), value.unsigned_abs());
        if value < 0 {
            self.bytes.push(b'-');
        }
        self.bytes.extend_from_slice(itoa::Buffer::new().format(amount / scale).as_bytes());
        self.bytes.push(b'.');
        let mut unit = scale / 10;
        while unit > 0 {
            self.bytes.push(b'0' + (amount / unit % 10) as u8);
            unit /= 10;
        }
        self
    }

    pub(super) fn null(&mut self) -> &mut Self {
        self.begin_field();
        self.bytes.extend_from_slice(E::NULL);
        self
    }

    /// A text; `write` appends it.
    pub(super) fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.begin_field();
        self.bytes.extend_from_slice(E::QUOTE);
        write(&mut self.bytes);
        self.bytes.extend_from_slice(E::QUOTE);
        self
    }

    fn begin_field(&mut self) {
        let mark = match (self.fields, self.rows) {
            (0, 0) => &[][..],
            (0, _) => E::NEXT,
            _ => E::BETWEEN,
        };
        self.bytes.extend_from_slice(mark);
        if self.fields == 0 {
            self.bytes.extend_from_slice(E::OPEN);
        }
        self.fields += 1;
    }
}

impl<E: Encoding> Default for RowBuffer<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_rows<E: Encoding>() -> String {
        let mut buffer = RowBuffer::<E>::new();
        buffer.int(7).decimal(-1_005, 2).null().end_row();
        buffer.int(8).decimal(12, 4).text(|out| out.extend_from_slice(b"abc")).end_row();
        assert_eq!(buffer.rows(), 2);
        String::from_utf8(buffer.bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_same_rows_in_every_encoding() {
        assert_eq!(two_rows::<SqlValues>(), "(7,-10.05,NULL),(8,0.0012,'abc')");
        assert_eq!(two_rows::<Tsv>(), "7\t-10.05\t\\N\n8\t0.0012\tabc\n");
    }
}

//! Sorting more claims than memory holds: pieces are sorted in memory and written to files, which
//! are merged as they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::claim::{Claim, Said, Trace, WORDS};

/// Claims sorted at once: about 12 MiB.
const PIECE_CLAIMS: usize = 1 << 18;

/// The row's numbers and what is said of it.
const CLAIM_BYTES: usize = WORDS * 8 + 1;

fn to_bytes<T: Trace>(claim: Claim<T>) -> [u8; CLAIM_BYTES] {
    let mut bytes = [claim.said as u8; CLAIM_BYTES];
    let (words, _) = bytes.as_chunks_mut();
    for (to, word) in words.iter_mut().zip(claim.row.to_words()) {
        *to = word.to_le_bytes();
    }
    bytes
}

fn from_bytes<T: Trace>(bytes: [u8; CLAIM_BYTES]) -> Claim<T> {
    let (chunks, said) = bytes.as_chunks();
    let mut words = [0; WORDS];
    for (word, from) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*from);
    }
    let said = Said::ALL[usize::from(said[0])];
    Claim { row: T::from_words(words), said }
}

/// Takes claims in any order.
pub(super) struct Sorter<T> {
    dir: PathBuf,
    piece_claims: usize,
    files: Vec<PathBuf>,
    memory: Vec<Claim<T>>,
}

impl<T: Trace> Sorter<T> {
    /// Writes its files into `dir`, which is its own.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, piece_claims: PIECE_CLAIMS, files: Vec::new(), memory: Vec::new() }
    }

    pub(super) fn push(&mut self, claim: Claim<T>) -> io::Result<()> {
        self.memory.push(claim);
        if self.memory.len() < self.piece_claims {
            return Ok(());
        }
        self.memory.sort_unstable();
        let path = self.dir.join(self.files.len().to_string());
        std::fs::create_dir_all(&self.dir)?;
        let mut file = BufWriter::new(File::create(&path)?);
        for claim in self.memory.drain(..) {
            file.write_all(&to_bytes(claim))?;
        }
        file.flush()?;
        self.files.push(path);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Sorted<T> {
        self.memory.sort_unstable();
        Sorted { dir: self.dir, files: self.files, memory: self.memory }
    }
}

/// All claims, to be read in order as often as needed. Its files go when it is dropped.
pub(super) struct Sorted<T> {
    dir: PathBuf,
    files: Vec<PathBuf>,
    memory: Vec<Claim<T>>,
}

impl<T: Trace> Sorted<T> {
    /// All claims in order.
    ///
    /// # Errors
    /// When a file cannot be opened or read.
    pub(super) fn iter(&self) -> io::Result<Merged<'_, T>> {
        let mut merged = Merged { sources: Vec::new(), heads: BinaryHeap::new() };
        let files = self.files.iter().map(|path| Piece::open(path).map(Source::File));
        let sources = files.chain([Ok(Source::Memory(self.memory.iter()))]);
        for source in sources {
            merged.sources.push(source?);
            merged.refill(merged.sources.len() - 1)?;
        }
        Ok(merged)
    }
}

impl<T> Drop for Sorted<T> {
    fn drop(&mut self) {
        if !self.files.is_empty() {
            // What cannot be removed is found and removed with the run's directory.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

struct Piece<T> {
    file: BufReader<File>,
    left: u64,
    row: PhantomData<T>,
}

impl<T: Trace> Piece<T> {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = file.metadata()?.len() / CLAIM_BYTES as u64;
        Ok(Self { file: BufReader::new(file), left, row: PhantomData })
    }

    fn next(&mut self) -> io::Result<Option<Claim<T>>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut bytes = [0; CLAIM_BYTES];
        self.file.read_exact(&mut bytes)?;
        Ok(Some(from_bytes(bytes)))
    }
}

enum Source<'a, T> {
    File(Piece<T>),
    Memory(std::slice::Iter<'a, Claim<T>>),
}

/// Claims in order, merged from all pieces.
pub(super) struct Merged<'a, T> {
    sources: Vec<Source<'a, T>>,
    heads: BinaryHeap<Reverse<(Claim<T>, usize)>>,
}

impl<T: Trace> Merged<'_, T> {
    fn refill(&mut self, index: usize) -> io::Result<()> {
        let next = match &mut self.sources[index] {
            Source::File(piece) => piece.next()?,
            Source::Memory(rest) => rest.next().copied(),
        };
        self.heads.extend(next.map(|claim| Reverse((claim, index))));
        Ok(())
    }
}

impl<T: Trace> Iterator for Merged<'_, T> {
    type Item = io::Result<Claim<T>>;

    fn next(&mut self) -> Option<io::Result<Claim<T>>> {
        let Reverse((claim, index)) = self.heads.pop()?;
        Some(self.refill(index).map(|()| claim))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::claim::{Delivery, Order, Payment};
    use super::*;
    use crate::tpcc::money::Cents;

    fn claim(order: u64) -> Claim<Order> {
        let row = Order { warehouse: 1, district: 2, order, customer: 3, entered_us: -4 };
        Claim { row, said: Said::ALL[order as usize % 4] }
    }

    fn over_the_disk<T: Trace>(claim: Claim<T>) {
        assert_eq!(from_bytes::<T>(to_bytes(claim)), claim);
    }

    proptest! {
        #[test]
        fn whatever_the_pieces_everything_comes_back_in_order_every_time(
            orders in proptest::collection::vec(0_u64..50, 0..100),
            piece_claims in 1_usize..40,
        ) {
            let home = tempfile::tempdir().unwrap();
            let dir = home.path().join("sort");
            let mut sorter = Sorter::new(dir.clone());
            sorter.piece_claims = piece_claims;
            orders.iter().for_each(|order| sorter.push(claim(*order)).unwrap());
            let sorted = sorter.finish();
            let mut expected: Vec<_> = orders.iter().map(|order| claim(*order)).collect();
            expected.sort_unstable();
            for _ in 0..2 {
                let read: Vec<_> = sorted.iter().unwrap().map(Result::unwrap).collect();
                prop_assert_eq!(&read, &expected);
            }
            drop(sorted);
            prop_assert!(!dir.exists());
        }

        #[test]
        fn every_claim_survives_its_way_over_the_disk(
            (a, b, c, d) in any::<(u32, u32, u64, i64)>(),
            said in proptest::sample::select(Said::ALL.to_vec()),
        ) {
            let order = Order { warehouse: a, district: b, order: c, customer: a, entered_us: d };
            over_the_disk(Claim { row: order, said });
            let (warehouse, district, amount) = (b, a, Cents(d));
            let payment = Payment { run: a, terminal: b, sequence: c, warehouse, district, amount };
            over_the_disk(Claim { row: payment, said });
            let delivery = Delivery { warehouse: a, delivered_us: d, carrier: b, orders: a };
            over_the_disk(Claim { row: delivery, said });
        }
    }
}

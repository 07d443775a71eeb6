//! Writes the initial database as tab-separated files, ready for LOAD DATA: what `scripts/bench`
//! takes for the limit of loading.
//!
//! ```text
//! cargo run --release --example tpcc_tsv -- DIRECTORY WAREHOUSES STREAMS [SEED]
//! ```
//!
//! Each stream gets a file a table, `DIRECTORY/STREAM-TABLE.tsv`, with its part of every warehouse.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use rollproof::tpcc::rows::{Chunk, Pieces, RowMaker, indexes};
use rollproof::tpcc::scale::Table;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, warehouses, streams, seed @ ..] = &arguments[..] else {
        anyhow::bail!("usage: tpcc_tsv DIRECTORY WAREHOUSES STREAMS [SEED]");
    };
    let (warehouses, streams): (u32, u32) = (warehouses.parse()?, streams.parse()?);
    let seed = seed.first().map_or(Ok(1), |seed| seed.parse())?;
    std::fs::create_dir_all(directory).with_context(|| format!("failed to create {directory}"))?;
    for stream in 0..streams {
        for table in Table::ALL {
            let path = Path::new(directory).join(format!("{stream}-{table}.tsv"));
            let mut file = File::create(&path)?;
            let numbers = if *table == Table::Item { 0..=0 } else { 1..=warehouses };
            for warehouse in numbers {
                let part = |stream| indexes(*table) * stream / streams;
                let range = part(stream)..part(stream + 1);
                let chunk = Chunk { table: *table, warehouse, range };
                for piece in Pieces::new(RowMaker::new(seed), chunk) {
                    file.write_all(&piece)?;
                }
            }
        }
    }
    Ok(())
}

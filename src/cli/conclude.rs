//! From a run's directory to its derived files, the printed verdict and the exit code.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::Exit;
use super::stale::set_aside;
use crate::record::{Record, file};
use crate::report::{self, DERIVED_FILES, Derived};

/// Makes every derived file of a run, prints the verdict and says where the report is. The verdict
/// is printed even where there is no room for the files.
pub(super) fn conclude(dir: &Path, mut out: impl Write) -> anyhow::Result<Exit> {
    let Derived { verdict, printed, files } = derive(dir).inspect_err(|_| {
        // Of any other directory nothing is known.
        if dir.join(file::MANIFEST).exists() {
            set_aside(dir, &DERIVED_FILES);
        }
    })?;
    out.write_all(printed.as_bytes())?;
    for (name, bytes) in files {
        let path = dir.join(name);
        fs::write(&path, bytes).with_context(|| {
            format!(
                "cannot write {}; make room there or make it writable, and repeat: rollproof \
                 report {}",
                path.display(),
                dir.display()
            )
        })?;
    }
    writeln!(out, "\nreport: {}", dir.join("report.html").display())?;
    Ok(Exit::from(&verdict))
}

fn derive(dir: &Path) -> anyhow::Result<Derived> {
    Ok(report::derive(&[Record::open(dir)?])?)
}

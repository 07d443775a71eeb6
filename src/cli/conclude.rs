//! From a run's directory to its derived files, the printed verdict and the exit code.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::Exit;
use crate::record::Record;
use crate::report::{self, Derived};

/// Makes every derived file of a run, prints the verdict and says where the report is. The verdict
/// is printed even where there is no room for the files.
pub(super) fn conclude(dir: &Path, mut out: impl Write) -> anyhow::Result<Exit> {
    let record = Record::open(dir)?;
    let Derived { verdict, printed, files } = report::derive(&[record])?;
    out.write_all(printed.as_bytes())?;
    for (name, bytes) in files {
        let path = dir.join(name);
        fs::write(&path, bytes).with_context(|| {
            format!(
                "cannot write {}; make room and repeat: rollproof report {}",
                path.display(),
                dir.display()
            )
        })?;
    }
    writeln!(out, "\nreport: {}", dir.join("report.html").display())?;
    Ok(Exit::from(&verdict))
}

//! Lines for people on standard error: progress and warnings, never answers.

use std::fmt::Display;
use std::io::Write;

/// Writes one line at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notice;

impl Notice {
    /// A line; a standard error that is closed is no reason to stop measuring.
    pub(super) fn line(self, line: &dyn Display) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

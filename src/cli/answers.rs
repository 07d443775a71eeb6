//! Standard output, where answers go and nothing else.

use std::io::{ErrorKind, Result, Write};

/// Standard output for a reader who may have had enough, as `head` has: what it does not read is
/// no failure and changes no exit code.
#[derive(Debug)]
pub(super) struct Answers<W>(pub(super) W);

impl<W: Write> Write for Answers<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

//! Small JSON files of the record, each written whole or not at all.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RecordError;
use super::manifest::write_atomically;

/// Reads a file of a run's directory; `None` when it is not there.
pub(crate) fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<Option<T>, RecordError> {
    let path = dir.join(name);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RecordError::io("read", &path)(error)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| RecordError::Damaged {
        path,
        place: format!("line {}", error.line()),
        reason: error.to_string(),
    })
}

/// Writes a file of a run's directory, replacing an older one whole.
pub(super) fn write<T: Serialize>(dir: &Path, name: &str, value: &T) -> Result<(), RecordError> {
    let mut text = serde_json::to_string_pretty(value).expect("the record has only string keys");
    text.push('\n');
    write_atomically(dir, name, text.as_bytes())
}

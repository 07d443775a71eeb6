//! Files that speak of what is no longer so.

use std::fs;
use std::path::Path;

use super::notice::Notice;

/// Takes files out of the way that an earlier call made, and says so: where this one has no answer,
/// theirs must not be taken for it. Nothing is lost; each gets `.stale` behind its name.
pub(super) fn set_aside(dir: &Path, names: &[&str]) {
    let is_moved = |name: &&&str| {
        let moved = dir.join(format!("{name}.stale"));
        fs::rename(dir.join(name), moved).is_ok()
    };
    let moved: Vec<&str> = names.iter().filter(is_moved).copied().collect();
    if !moved.is_empty() {
        Notice.line(&format_args!(
            "{}: what an earlier call made there was set aside as *.stale: {}",
            dir.display(),
            moved.join(", ")
        ));
    }
}

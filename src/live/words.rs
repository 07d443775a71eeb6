//! Figures as people read them.

pub(super) use crate::words::{count, duration, share};

/// A moment or a long time on a clock face: `03:41`, `1:02:07`.
pub(super) fn clock(us: u64) -> String {
    let s = us / 1_000_000;
    match s {
        0..3600 => format!("{:02}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// The part of a version that people compare; the packager's part follows it.
pub(super) fn numbers_of(version: &str) -> &str {
    version.split(['-', '_', '+']).next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_at_a_glance() {
        assert_eq!((clock(221_000_000), clock(3_727_000_000)), ("03:41".into(), "1:02:07".into()));
        assert_eq!(numbers_of("10.11.19-MariaDB-0+deb12u1"), "10.11.19");
    }
}

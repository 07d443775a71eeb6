//! Dates of the workload: microseconds since the Unix epoch in the program, DATETIME(6) in the
//! database, always in UTC and written as text by us, so that neither a server's nor a session's
//! time zone can move them.

use jiff::Timestamp;

/// The text of a DATETIME(6) for a moment in µs since the Unix epoch, in UTC, as
/// `2026-01-31 09:30:00.000250`. Moments outside the years −9999 to 9999 are clamped.
pub fn datetime_text(epoch_us: i64) -> String {
    let clamped = if epoch_us < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(epoch_us).unwrap_or(clamped).strftime("%F %T%.6f").to_string()
}

/// Reads what [`datetime_text`] wrote, with or without its fraction: µs since the Unix epoch.
/// `None` for any other text.
pub fn datetime_us(text: &str) -> Option<i64> {
    let at: jiff::civil::DateTime = text.parse().ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_its_microseconds_and_knows_no_time_zone() {
        assert_eq!(datetime_text(0), "1970-01-01 00:00:00.000000");
        assert_eq!(datetime_text(1_767_225_600_000_001), "2026-01-01 00:00:00.000001");
        for us in [0, 1, 1_767_225_600_000_000, 1_767_225_600_999_999] {
            assert_eq!(datetime_us(&datetime_text(us)), Some(us));
        }
        assert_eq!(datetime_us("2026-01-01 00:00:00"), Some(1_767_225_600_000_000));
        assert_eq!(datetime_us("yesterday"), None);
    }
}

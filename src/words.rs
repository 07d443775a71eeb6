//! How figures are spelled for people: each kind in one place.

use crate::event::RunTime;

/// A duration to about three digits: `0.42 ms`, `8.3 ms`, `83 ms`, `1.24 s`, `48.1 s`, `4m 12s`,
/// `3h 05m`. Nothing is `0 ms`, and nothing else is: `< 0.01 ms`.
pub fn duration(us: u64) -> String {
    let (ms, s) = (us as f64 / 1e3, us as f64 / 1e6);
    // Bounds lie where rounding would carry into the next form.
    match us {
        0 => "0 ms".to_owned(),
        1..=9 => "< 0.01 ms".to_owned(),
        10..=994 => format!("{ms:.2} ms"),
        995..=9_949 => format!("{ms:.1} ms"),
        9_950..=999_499 => format!("{ms:.0} ms"),
        999_500..=9_994_999 => format!("{s:.2} s"),
        9_995_000..=119_949_999 => format!("{s:.1} s"),
        _ => {
            let whole = us.saturating_add(500_000) / 1_000_000;
            match whole {
                0..=7199 => format!("{}m {:02}s", whole / 60, whole % 60),
                _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
            }
        }
    }
}

/// A share in per cent, never rounded up to 100 nor down to 0: `99.98 %`.
pub fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 100.0 {
        "100 %".to_owned()
    } else if percent <= 0.0 {
        "0 %".to_owned()
    } else if percent < 0.01 {
        "< 0.01 %".to_owned()
    } else {
        format!("{:.2} %", (percent * 100.0).floor() / 100.0)
    }
}

/// A share of counts; `-` of nothing.
pub fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { share(part as f64 / whole as f64) }
}

/// How much of what is allowed, which may be more than all of it: `340 %`; `-` of nothing, `∞`
/// where nothing is.
pub fn ratio(ratio: Option<f64>) -> String {
    match ratio {
        None => "-".to_owned(),
        Some(ratio) if ratio.is_infinite() => "∞".to_owned(),
        Some(ratio) => format!("{} %", count((ratio * 100.0).ceil() as u64)),
    }
}

/// A count with its thousands set apart: `1 234 567`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `1 transaction`, `2 transactions`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A moment as seconds of the run: `143.2 s`. Cut and not rounded, as clocks are.
pub fn moment(at: RunTime) -> String {
    format!("{}.{} s", at.0 / 1_000_000, at.0 / 100_000 % 10)
}

/// A moment on the wall clock, in UTC: `12:02:23.2`.
pub fn wall_time(origin: jiff::Timestamp, at: RunTime) -> String {
    wall(origin, at)
        .map_or_else(|| "-".to_owned(), |time| time.strftime("%H:%M:%S.%1f").to_string())
}

/// A moment's date and time in UTC: `2026-01-01 12:02:23`.
pub fn wall_date_time(origin: jiff::Timestamp, at: RunTime) -> String {
    wall(origin, at)
        .map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// A moment in RFC 3339, to the microsecond; empty where the calendar ends.
pub fn rfc3339(origin: jiff::Timestamp, at: RunTime) -> String {
    timestamp(origin, at).map_or_else(String::new, |time| format!("{time:.6}"))
}

fn timestamp(origin: jiff::Timestamp, at: RunTime) -> Option<jiff::Timestamp> {
    let us = origin.as_microsecond().checked_add_unsigned(at.0)?;
    jiff::Timestamp::from_microsecond(us).ok()
}

fn wall(origin: jiff::Timestamp, at: RunTime) -> Option<jiff::Zoned> {
    timestamp(origin, at).map(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        let cases = [
            (0, "0 ms"),
            (9, "< 0.01 ms"),
            (10, "0.01 ms"),
            (420, "0.42 ms"),
            (8_345, "8.3 ms"),
            (9_949, "9.9 ms"),
            (9_950, "10 ms"),
            (83_111, "83 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (1_240_000, "1.24 s"),
            (9_994_999, "9.99 s"),
            (48_100_000, "48.1 s"),
            (120_000_000, "2m 00s"),
            (252_400_000, "4m 12s"),
            (11_100_000_000, "3h 05m"),
        ];
        for (us, text) in cases {
            assert_eq!(duration(us), text, "{us}");
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_the_better() {
        assert_eq!(share(0.999_999), "99.99 %");
        assert_eq!(share(1.0), "100 %");
        assert_eq!((share(0.0).as_str(), share(0.000_001).as_str()), ("0 %", "< 0.01 %"));
        assert_eq!(share_of(0, 0), "-");
        assert_eq!(ratio(Some(0.991)), "100 %");
        assert_eq!(ratio(Some(1.0 / 0.0)), "∞");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(count(123), "123");
    }

    #[test]
    fn wall_clock_is_utc_and_counts_from_the_origin() {
        let origin: jiff::Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        assert_eq!(wall_time(origin, RunTime(143_290_000)), "12:02:23.2");
        assert_eq!(moment(RunTime(143_290_000)), "143.2 s");
        assert_eq!(rfc3339(origin, RunTime(1)), "2026-01-01T12:00:00.000001Z");
    }
}

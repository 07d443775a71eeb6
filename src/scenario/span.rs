//! Spans of time the way people write them.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A span of time written as `250ms`, `5s` or `2m` in TOML and JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Nobody waits longer: a year.
    const LONGEST: Duration = Duration::from_hours(366 * 24);

    /// Whole seconds.
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// Milliseconds.
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// Microseconds, the unit of the record.
    pub fn as_us(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let span = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        f.pad(&format!("{span:#}").replace(' ', ""))
    }
}

impl std::str::FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let span: SignedDuration = text
            .parse()
            .map_err(|_| format!("{text:?} is not a duration; write it as 250ms, 5s or 2m"))?;
        let span = Duration::try_from(span).map_err(|_| format!("{text:?} is negative"))?;
        // Sums of spans stay far from any overflow.
        if span > Self::LONGEST {
            return Err(format!("{text:?} is more than a year"));
        }
        Ok(Self(span))
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_not_negative_and_not_endless() {
        let span = |text: &str| text.parse::<Span>();
        assert_eq!(span("8784h"), Ok(Span::secs(366 * 24 * 3600)));
        for (text, why) in [("-1s", "negative"), ("99999999999h", "year"), ("soon", "duration")] {
            assert!(span(text).unwrap_err().contains(why), "{text}");
        }
    }
}

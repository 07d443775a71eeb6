//! Money: DECIMAL in the database, integer cents in the program, never a float.

use std::fmt;
use std::str::FromStr;

use crate::event::StatementKind;
use crate::session::{Failure, Row, Value, cell};

/// An amount in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cents(pub i64);

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// A text that is not an amount with at most two decimals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount of money")]
pub struct NotMoney(String);

impl FromStr for Cents {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        parse(text).map(Self).ok_or_else(|| NotMoney(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 2 || !numeric(whole) || !numeric(fraction) {
        return None;
    }
    let hundredths: i64 = format!("{fraction:0<2}").parse().ok()?;
    let cents = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
    Some(if digits.len() < text.len() { -cents } else { cents })
}

impl From<Cents> for Value {
    /// As text: both sides then read the same decimal digits.
    fn from(cents: Cents) -> Self {
        Self::Bytes(cents.to_string().into_bytes())
    }
}

/// Takes a DECIMAL with two decimals out of a row.
///
/// # Errors
/// `data` when the cell is missing, NULL or not such a number.
pub fn money(row: &Row, index: usize) -> Result<Cents, Failure> {
    cell::<String>(row, index)?.parse().map_err(|error| {
        Failure::data(StatementKind::Read, format!("column {index} of the answer: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_amount_survives_a_round_trip(cents in -10_i64.pow(16)..10_i64.pow(16)) {
            prop_assert_eq!(Cents(cents).to_string().parse(), Ok(Cents(cents)));
        }
    }

    #[test]
    fn amounts_are_read_as_servers_write_them() {
        let cases = [("-0.05", -5), ("10", 1000), ("10.5", 1050), ("300000.00", 30_000_000)];
        for (text, cents) in cases {
            assert_eq!(text.parse(), Ok(Cents(cents)), "{text}");
        }
        for text in ["", ".", "-", "1.234", "1e3", "--1", "1.-5", " 1", "99999999999999999999"] {
            assert!(text.parse::<Cents>().is_err(), "{text}");
        }
    }
}

//! How many business transactions a second are offered.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The rate of the `rate` model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// A share of what the cluster turns out to carry. Found out before the run begins: a record's
    /// scenario never says it.
    Auto,
    /// So many a second over all terminals.
    PerSecond(f64),
}

const AUTO: &str = "auto";

impl Rate {
    /// So many a second; `None` while it is yet to be found out.
    pub fn per_second(self) -> Option<f64> {
        match self {
            Self::Auto => None,
            Self::PerSecond(rate) => Some(rate),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad(AUTO),
            Self::PerSecond(rate) => fmt::Display::fmt(rate, f),
        }
    }
}

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            AUTO => Ok(Self::Auto),
            _ => text
                .parse()
                .map(Self::PerSecond)
                .map_err(|_| format!("{text:?} is neither a number a second nor \"{AUTO}\"")),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => to.serialize_str(AUTO),
            Self::PerSecond(rate) => to.serialize_f64(*rate),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Words)
    }
}

struct Words;

impl de::Visitor<'_> for Words {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number a second or \"{AUTO}\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        match text {
            AUTO => Ok(Rate::Auto),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, rate: f64) -> Result<Rate, E> {
        Ok(Rate::PerSecond(rate))
    }

    fn visit_i64<E: de::Error>(self, rate: i64) -> Result<Rate, E> {
        Ok(Rate::PerSecond(rate as f64))
    }

    fn visit_u64<E: de::Error>(self, rate: u64) -> Result<Rate, E> {
        Ok(Rate::PerSecond(rate as f64))
    }
}

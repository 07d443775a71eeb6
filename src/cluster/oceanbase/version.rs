//! Versions as numbers. Pure.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A release of OceanBase, `A.B.C.D`, and its build where one is told.
///
/// Compared as numbers: as text 4.2.1.10 would come before 4.2.1.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Version {
    release: [u32; 4],
    build: u64,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of OceanBase, as 4.2.1.8 or 4.2.1.8-108000022024072217")]
pub struct NoVersion(pub String);

impl Version {
    /// A release, whatever its build.
    pub const fn release(a: u32, b: u32, c: u32, d: u32) -> Self {
        Self { release: [a, b, c, d], build: 0 }
    }

    /// The build; 0 where none was told.
    pub fn build(self) -> u64 {
        self.build
    }

    /// The same release without its build.
    pub fn any_build(self) -> Self {
        Self { build: 0, ..self }
    }

    /// The number by which inner tables know a release: 32 bits of the first part, 16 of the
    /// second, 8 of each of the others.
    pub fn packed(self) -> u64 {
        let [a, b, c, d] = self.release.map(u64::from);
        (a << 32) | (b << 16) | (c << 8) | d
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    /// Reads `4.2.1.8`, `4.2.1.8-BUILD` as packages have it, and `4.2.1.8_BUILD-…` as servers do.
    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let wrong = || NoVersion(text.to_owned());
        let (release, build) = match text.split_once(['-', '_']) {
            Some((release, build)) => {
                let end = build.find(|c: char| !c.is_ascii_digit()).unwrap_or(build.len());
                (release, build[..end].parse().map_err(|_| wrong())?)
            }
            None => (text, 0),
        };
        let parts: Result<Vec<u32>, _> = release.split('.').map(str::parse).collect();
        let release = parts.ok().and_then(|parts| parts.try_into().ok()).ok_or_else(wrong)?;
        Ok(Self { release, build })
    }
}

impl TryFrom<String> for Version {
    type Error = NoVersion;
    fn try_from(text: String) -> Result<Self, NoVersion> {
        text.parse()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.release;
        write!(f, "{a}.{b}.{c}.{d}")?;
        if self.build > 0 { write!(f, "-{}", self.build) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let rising = [
            "4.0.0.0",
            "4.1.0.0",
            "4.1.0.0-100000192023032010",
            "4.2.1.8",
            "4.2.1.8_108000022024072217-ab12cd(Jul 22 2024)",
            "4.2.1.10",
            "4.10.0.0",
        ];
        assert!(rising.map(version).is_sorted());
        assert_eq!(version("4.2.1.8_108").to_string(), "4.2.1.8-108");
        assert_eq!(version("4.2.1.6").packed(), 17_180_000_518);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "4.2.1", "4.2.1.8.1", "4.2.1.x", "4.2.1.8-", "latest"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}

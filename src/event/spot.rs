//! Data looked at while a run goes on.

use serde::{Deserialize, Serialize};

use super::ZoneId;

/// One district's consistency conditions, looked at in one snapshot of one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotCheck {
    /// The zone asked.
    pub zone: ZoneId,
    /// The district's warehouse.
    pub warehouse: u32,
    /// The district.
    pub district: u32,
    /// Every condition that does not hold; none of it when the zone could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<BrokenCondition>,
    /// Why the zone could not be read, which says nothing about its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// A condition that does not hold, with the first place where it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenCondition {
    /// Its stable name, as `condition-3`.
    pub condition: String,
    /// In how many places.
    pub places: u64,
    /// The first of them, as `w 3, d 7, o 3124`.
    pub place: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// A statement that shows it.
    pub sql: String,
}

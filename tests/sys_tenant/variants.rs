//! Walks that go wrong, as `variants.toml` has them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Act, file};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variants {
    pub variant: Vec<Variant>,
}

/// A walk that goes wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    pub name: String,
    /// What is done to the healthy cluster first.
    #[serde(default)]
    pub before: Option<String>,
    pub fails: Fails,
    pub says: Vec<String>,
    /// Whether the cluster is set as before afterwards.
    #[serde(default)]
    pub takes_back: bool,
    /// Parameters afterwards.
    #[serde(default)]
    pub afterwards: BTreeMap<String, String>,
    #[serde(default)]
    pub act: Vec<Act>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fails {
    #[serde(default)]
    pub zone: Option<String>,
    pub step: String,
}

impl Variants {
    pub fn read() -> Self {
        toml::from_str(&file("variants.toml")).unwrap()
    }
}

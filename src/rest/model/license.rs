//! The licence: GET and PUT `/v1/license`.

use serde::Deserialize;

/// The licence in force.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct License {
    /// Its text.
    pub license: String,
    /// Whether it has expired.
    pub expired: bool,
    /// When it expires.
    #[serde(default)]
    pub expiration_date: Option<String>,
    /// Shards that it allows in all.
    #[serde(default)]
    pub shards_limit: Option<u32>,
    /// RAM shards in use.
    #[serde(default)]
    pub ram_shards_in_use: Option<u32>,
    /// Flash shards in use.
    #[serde(default)]
    pub flash_shards_in_use: Option<u32>,
}

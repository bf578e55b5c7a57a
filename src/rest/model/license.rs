//! The licence: GET and PUT `/v1/license`.

use serde::Deserialize;

/// The licence in force. Shown without its text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
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

impl std::fmt::Debug for License {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("License")
            .field("expired", &self.expired)
            .field("expiration_date", &self.expiration_date)
            .field("shards_limit", &self.shards_limit)
            .field("ram_shards_in_use", &self.ram_shards_in_use)
            .field("flash_shards_in_use", &self.flash_shards_in_use)
            .finish_non_exhaustive()
    }
}

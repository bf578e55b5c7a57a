//! Licence texts: minted for a simulated cluster, and read when one is installed.

use jiff::Timestamp;

/// What a licence allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    /// The text as installed.
    pub text: String,
    /// FQDN of the cluster it is for; none on a trial.
    pub cluster_name: Option<String>,
    /// Who it was given to; none on a trial.
    pub owner: Option<String>,
    /// Key; empty on a trial.
    pub key: String,
    /// From when on.
    pub activation: Timestamp,
    /// Until when.
    pub expiration: Timestamp,
    /// `trial`, `bigstore`, ...
    pub features: Vec<String>,
    /// All shards, replicas included.
    pub shards_limit: u64,
    /// Shards in memory; no limit of their own on a trial.
    pub ram_shards_limit: Option<u64>,
    /// Shards on flash; no limit of their own on a trial.
    pub flash_shards_limit: Option<u64>,
}

/// Why a text is no licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseError(pub String);

impl License {
    /// The trial that every cluster starts with: four shards, 30 days from the first node's setup.
    #[must_use]
    pub fn trial(start: Timestamp) -> Self {
        Self {
            text: "----- DEFAULT LICENSE START -----\n----- LICENSE END -----\n".to_owned(),
            cluster_name: None,
            owner: None,
            key: String::new(),
            activation: start,
            expiration: start
                .checked_add(jiff::SignedDuration::from_hours(24 * 30))
                .unwrap_or(Timestamp::MAX),
            features: vec!["trial".to_owned(), "bigstore".to_owned()],
            shards_limit: 4,
            ram_shards_limit: None,
            flash_shards_limit: None,
        }
    }
}

/// Reads a licence text.
///
/// # Errors
/// When it is damaged or was not minted for the simulator.
pub fn parse(_text: &str) -> Result<License, LicenseError> {
    Err(LicenseError("not a licence".to_owned()))
}

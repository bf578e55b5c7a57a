//! The text of licences that the simulator accepts: framed like a real one, the terms in base64 with a checksum.
//!
//! A real licence is signed by its vendor; this one carries a digest under a constant of the simulator, which is enough to
//! notice a text that was cut or edited.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

const START: &str = "----- LICENSE START -----";
const TRIAL_START: &str = "----- DEFAULT LICENSE START -----";
const END: &str = "----- LICENSE END -----";
const CHECKSUM_KEY: &str = "resim licence, valid in simulated clusters only";
/// Real licences are wrapped at this column.
const WRAP: usize = 76;

/// What a licence allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseTerms {
    /// FQDN of the only cluster it is for; `None` in a trial.
    pub cluster_name: Option<String>,
    /// Whom it was issued to; `None` in a trial.
    pub owner: Option<String>,
    /// Number of the licence; empty in a trial.
    pub key: String,
    /// Shards in all, replicas included.
    pub shards_limit: u64,
    /// Shards in memory, if counted apart.
    pub ram_shards_limit: Option<u64>,
    /// Shards on flash, if counted apart.
    pub flash_shards_limit: Option<u64>,
    /// `trial`, `bigstore`, ...
    pub features: Vec<String>,
    /// First moment at which it holds.
    pub activation: Timestamp,
    /// First moment at which it no longer holds.
    pub expiration: Timestamp,
}

impl LicenseTerms {
    /// What a cluster has without a licence: four shards for 30 days from its creation.
    #[must_use]
    pub fn trial(created: Timestamp) -> Self {
        Self {
            cluster_name: None,
            owner: None,
            key: String::new(),
            shards_limit: 4,
            ram_shards_limit: None,
            flash_shards_limit: None,
            features: vec!["trial".to_owned(), "bigstore".to_owned()],
            activation: created,
            expiration: created + SignedDuration::from_hours(30 * 24),
        }
    }

    /// A bought licence for `shards` shards on one cluster, for `days` from `from` on.
    #[must_use]
    pub fn bought(cluster_name: &str, shards: u64, from: Timestamp, days: u32) -> Self {
        let digest = Sha256::digest(format!("{cluster_name}/{shards}/{from}/{days}"));
        Self {
            cluster_name: Some(cluster_name.to_owned()),
            owner: Some("resim".to_owned()),
            key: digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
            shards_limit: shards,
            ram_shards_limit: Some(shards),
            flash_shards_limit: Some(0),
            features: vec!["bigstore".to_owned()],
            activation: from,
            expiration: from + SignedDuration::from_hours(i64::from(days) * 24),
        }
    }

    /// Whether these are the terms of a trial.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.cluster_name.is_none()
    }

    /// Whether the licence no longer holds at `now`.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        now >= self.expiration
    }

    /// Whether `ram` and `flash` shards, replicas included, stay within it.
    #[must_use]
    pub fn allows(&self, ram: u64, flash: u64) -> bool {
        let within = |limit: Option<u64>, count: u64| limit.is_none_or(|limit| count <= limit);
        ram + flash <= self.shards_limit && within(self.ram_shards_limit, ram) && within(self.flash_shards_limit, flash)
    }

    /// What speaks against installing it on the cluster `cluster_name` that uses so many shards.
    #[must_use]
    pub fn violation(&self, cluster_name: &str, now: Timestamp, ram: u64, flash: u64) -> Option<LicenseViolation> {
        if self.cluster_name.as_deref().is_none_or(|name| !name.eq_ignore_ascii_case(cluster_name)) {
            Some(LicenseViolation::ClusterName)
        } else if now < self.activation {
            Some(LicenseViolation::NotYetActive)
        } else if self.expired(now) {
            Some(LicenseViolation::Expired)
        } else if !self.allows(ram, flash) {
            Some(LicenseViolation::TooManyShards)
        } else {
            None
        }
    }
}

/// Why a readable licence cannot be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LicenseViolation {
    /// It is for another cluster.
    ClusterName,
    /// It begins later.
    NotYetActive,
    /// It has ended.
    Expired,
    /// The cluster has more shards than it allows.
    TooManyShards,
}

impl LicenseViolation {
    /// The code in an error body.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ClusterName => "cluster_name_mismatch",
            Self::NotYetActive => "license_not_active",
            Self::Expired => "license_expired",
            Self::TooManyShards => "shards_limit_exceeded",
        }
    }
}

impl fmt::Display for LicenseViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClusterName => "the license was issued for another cluster name",
            Self::NotYetActive => "the license is not active yet",
            Self::Expired => "the license has expired",
            Self::TooManyShards => "the cluster uses more shards than the license allows",
        })
    }
}

/// Why a text is not a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LicenseError {
    /// The start or end line is missing.
    Frame,
    /// The text between is not what `mint` writes.
    Encoding,
    /// The text was changed.
    Checksum,
    /// A trial licence cannot be installed.
    Trial,
}

impl fmt::Display for LicenseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frame => "the license has no start or end line",
            Self::Encoding => "the license text cannot be decoded",
            Self::Checksum => "the license text is corrupt",
            Self::Trial => "a cluster cannot return to the trial license",
        })
    }
}

impl std::error::Error for LicenseError {}

/// Writes `terms` as the text of a licence.
#[must_use]
pub fn mint(terms: &LicenseTerms) -> String {
    let payload = serde_json::to_string(terms).unwrap_or_default();
    let encoded = STANDARD.encode(format!("{}{payload}", checksum(&payload)));
    let start = if terms.is_trial() { TRIAL_START } else { START };
    let mut text = format!("{start}\n");
    for (place, letter) in encoded.chars().enumerate() {
        if place > 0 && place % WRAP == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text + "\n" + END + "\n"
}

/// Reads the text of a licence, whatever its line ends and indentation.
///
/// # Errors
/// When `mint` did not write it, or somebody changed it since, or it is a trial.
pub fn parse(text: &str) -> Result<LicenseTerms, LicenseError> {
    let text = text.trim();
    if text.starts_with(TRIAL_START) {
        return Err(LicenseError::Trial);
    }
    let body = text.strip_prefix(START).and_then(|rest| rest.strip_suffix(END)).ok_or(LicenseError::Frame)?;
    let letters: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    let decoded = STANDARD.decode(letters).map_err(|_| LicenseError::Encoding)?;
    let decoded = String::from_utf8(decoded).map_err(|_| LicenseError::Encoding)?;
    let (sum, payload) = decoded.split_at_checked(64).ok_or(LicenseError::Encoding)?;
    if sum != checksum(payload) {
        return Err(LicenseError::Checksum);
    }
    serde_json::from_str(payload).map_err(|_| LicenseError::Encoding)
}

fn checksum(payload: &str) -> String {
    Sha256::digest(format!("{CHECKSUM_KEY}\n{payload}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    fn bought() -> LicenseTerms {
        LicenseTerms::bought("rs.example.com", 20, start(), 365)
    }

    #[test]
    fn a_minted_licence_is_read_back_whatever_its_white_space() {
        let text = mint(&bought());
        assert!(text.starts_with("----- LICENSE START -----\n"), "{text}");
        assert_eq!(parse(&text), Ok(bought()));
        assert_eq!(parse(&text.replace('\n', "\r\n  ")), Ok(bought()));
    }

    #[test]
    fn a_text_that_is_cut_or_edited_or_a_trial_is_refused() {
        let text = mint(&bought());
        let swapped = text.replacen(&text[40..41], if &text[40..41] == "A" { "B" } else { "A" }, 1);
        for (text, want) in [
            ("", LicenseError::Frame),
            (&text[..text.len() - 10], LicenseError::Frame),
            ("----- LICENSE START -----\n%%\n----- LICENSE END -----", LicenseError::Encoding),
            ("----- LICENSE START -----\nAAAA\n----- LICENSE END -----", LicenseError::Encoding),
            (&mint(&LicenseTerms::trial(start())), LicenseError::Trial),
        ] {
            assert_eq!(parse(text), Err(want), "{text}");
        }
        assert!(parse(&swapped).is_err(), "{swapped}");
    }

    #[test]
    fn a_licence_is_installed_only_where_name_dates_and_shards_fit() {
        let day = SignedDuration::from_hours(24);
        for (cluster, now, shards, want) in [
            ("rs.example.com", start(), 20, None),
            ("RS.example.com", start() + day * 364, 0, None),
            ("other.example.com", start(), 0, Some(LicenseViolation::ClusterName)),
            ("rs.example.com", start() - day, 0, Some(LicenseViolation::NotYetActive)),
            ("rs.example.com", start() + day * 365, 0, Some(LicenseViolation::Expired)),
            ("rs.example.com", start(), 21, Some(LicenseViolation::TooManyShards)),
        ] {
            assert_eq!(bought().violation(cluster, now, shards, 0), want, "{cluster} {now} {shards}");
        }
    }

    #[test]
    fn a_trial_allows_four_shards_for_thirty_days() {
        let trial = LicenseTerms::trial(start());
        assert!(trial.allows(4, 0) && trial.allows(3, 1));
        assert!(!trial.allows(5, 0));
        assert!(!trial.expired(start() + SignedDuration::from_hours(30 * 24 - 1)));
        assert!(trial.expired(start() + SignedDuration::from_hours(30 * 24)));
    }
}

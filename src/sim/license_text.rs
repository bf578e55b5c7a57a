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

/// What a licence allows, with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// The text as installed.
    #[serde(skip)]
    pub text: String,
    /// FQDN of the only cluster it is for; `None` in a trial.
    pub cluster_name: Option<String>,
    /// Whom it was issued to; `None` in a trial.
    pub owner: Option<String>,
    /// Number of the licence; empty in a trial.
    pub key: String,
    /// First moment at which it holds.
    pub activation: Timestamp,
    /// First moment at which it no longer holds.
    pub expiration: Timestamp,
    /// `trial`, `bigstore`, ...
    pub features: Vec<String>,
    /// Shards in all, replicas included.
    pub shards_limit: u64,
    /// Shards in memory, if counted apart; not so in a trial.
    pub ram_shards_limit: Option<u64>,
    /// Shards on flash, if counted apart; not so in a trial.
    pub flash_shards_limit: Option<u64>,
}

impl License {
    /// What a cluster has without a licence: four shards for 30 days from its creation.
    #[must_use]
    pub fn trial(created: Timestamp) -> Self {
        Self {
            text: String::new(),
            cluster_name: None,
            owner: None,
            key: String::new(),
            activation: created,
            expiration: days_after(created, 30),
            features: vec!["trial".to_owned(), "bigstore".to_owned()],
            shards_limit: 4,
            ram_shards_limit: None,
            flash_shards_limit: None,
        }
        .written()
    }

    /// A bought licence for `shards` shards on one cluster, for `days` from `from` on.
    #[must_use]
    pub fn bought(cluster_name: &str, shards: u64, from: Timestamp, days: u32) -> Self {
        let digest = Sha256::digest(format!("{cluster_name}/{shards}/{from}/{days}"));
        Self {
            text: String::new(),
            cluster_name: Some(cluster_name.to_owned()),
            owner: Some("resim".to_owned()),
            key: digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
            activation: from,
            expiration: days_after(from, days),
            features: vec!["bigstore".to_owned()],
            shards_limit: shards,
            ram_shards_limit: Some(shards),
            flash_shards_limit: Some(shards),
        }
        .written()
    }

    /// Whether these are the terms of a trial.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.cluster_name.is_none()
    }

    /// Whether it no longer holds at `now`.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        now >= self.expiration
    }

    /// Whether `ram` and `flash` shards, replicas included, stay within it.
    #[must_use]
    pub fn allows(&self, ram: u64, flash: u64) -> bool {
        let within = |limit: Option<u64>, count: u64| limit.is_none_or(|limit| count <= limit);
        ram + flash <= self.shards_limit
            && within(self.ram_shards_limit, ram)
            && within(self.flash_shards_limit, flash)
    }

    /// What speaks against installing it on the cluster `cluster_name` that uses so many shards.
    #[must_use]
    pub fn violation(
        &self,
        cluster_name: &str,
        now: Timestamp,
        ram: u64,
        flash: u64,
    ) -> Option<LicenseViolation> {
        if self
            .cluster_name
            .as_deref()
            .is_none_or(|name| !name.eq_ignore_ascii_case(cluster_name))
        {
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

    fn written(mut self) -> Self {
        self.text = mint(&self);
        self
    }
}

fn days_after(time: Timestamp, days: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(i64::from(days) * 24))
        .unwrap_or(Timestamp::MAX)
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

/// Why a text is not a licence, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseError(pub String);

impl fmt::Display for LicenseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LicenseError {}

/// The text of a licence with these terms.
#[must_use]
pub fn mint(terms: &License) -> String {
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
pub fn parse(text: &str) -> Result<License, LicenseError> {
    let refused = |why: &str| LicenseError(why.to_owned());
    if text.trim().starts_with(TRIAL_START) {
        return Err(refused("a cluster cannot return to the trial license"));
    }
    let body = text
        .trim()
        .strip_prefix(START)
        .and_then(|rest| rest.strip_suffix(END));
    let body = body.ok_or_else(|| refused("the license has no start or end line"))?;
    let letters: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    let decoded = STANDARD
        .decode(letters)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(|| refused("the license text cannot be decoded"))?;
    match decoded.split_at_checked(64) {
        Some((sum, payload)) if sum == checksum(payload) => {
            let terms: License =
                serde_json::from_str(payload).map_err(|_| refused("the license text cannot be decoded"))?;
            Ok(License {
                text: text.to_owned(),
                ..terms
            })
        }
        _ => Err(refused("the license text is corrupt")),
    }
}

fn checksum(payload: &str) -> String {
    Sha256::digest(format!("{CHECKSUM_KEY}\n{payload}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    fn bought() -> License {
        License::bought("rs.example.com", 20, start(), 365)
    }

    #[test]
    fn a_minted_licence_is_read_back_whatever_its_white_space() {
        let text = bought().text;
        assert!(text.starts_with("----- LICENSE START -----\n"), "{text}");
        assert_eq!(parse(&text), Ok(bought()));
        let indented = text.replace('\n', "\r\n  ");
        assert_eq!(
            parse(&indented),
            Ok(License {
                text: indented.clone(),
                ..bought()
            })
        );
    }

    #[test]
    fn a_text_that_is_cut_or_edited_or_a_trial_is_refused() {
        let text = bought().text;
        let swapped = text.replacen(&text[40..41], if &text[40..41] == "A" { "B" } else { "A" }, 1);
        for (text, part) in [
            ("", "start or end"),
            (&text[..text.len() - 10], "start or end"),
            (
                "----- LICENSE START -----\n%%\n----- LICENSE END -----",
                "decoded",
            ),
            (
                "----- LICENSE START -----\nAAAA\n----- LICENSE END -----",
                "corrupt",
            ),
            (&License::trial(start()).text, "trial"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse(&swapped).is_err(), "{swapped}");
    }

    #[test]
    fn a_licence_is_installed_only_where_name_dates_and_shards_fit() {
        let day = SignedDuration::from_hours(24);
        for (cluster, now, shards, want) in [
            ("rs.example.com", start(), 20, None),
            ("RS.example.com", start() + day * 364, 0, None),
            (
                "other.example.com",
                start(),
                0,
                Some(LicenseViolation::ClusterName),
            ),
            (
                "rs.example.com",
                start() - day,
                0,
                Some(LicenseViolation::NotYetActive),
            ),
            (
                "rs.example.com",
                start() + day * 365,
                0,
                Some(LicenseViolation::Expired),
            ),
            (
                "rs.example.com",
                start(),
                21,
                Some(LicenseViolation::TooManyShards),
            ),
        ] {
            assert_eq!(
                bought().violation(cluster, now, shards, 0),
                want,
                "{cluster} {now} {shards}"
            );
        }
    }

    #[test]
    fn a_trial_allows_four_shards_for_thirty_days() {
        let trial = License::trial(start());
        assert!(trial.allows(4, 0) && trial.allows(3, 1));
        assert!(!trial.allows(5, 0));
        assert!(!trial.expired(start() + SignedDuration::from_hours(30 * 24 - 1)));
        assert!(trial.expired(start() + SignedDuration::from_hours(30 * 24)));
    }
}

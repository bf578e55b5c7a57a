//! The builds of Redis Enterprise that the simulator stands for.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One pinned build. Tables say from which profile on (`since`) and until which (`until`, exclusive) a row holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Profile {
    /// 7.4.6-272
    V7_4_6,
    /// 7.8.6-286
    V7_8_6,
    /// 7.22.2-170: the first with a bulk certificate PUT.
    V7_22_2,
    /// 8.0.20-68
    V8_0_20,
    /// 8.2.0-25
    #[default]
    V8_2_0,
}

impl Profile {
    /// Every profile, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V7_4_6,
        Self::V7_8_6,
        Self::V7_22_2,
        Self::V8_0_20,
        Self::V8_2_0,
    ];

    /// Whether a row that holds from `since` up to, not including, `until` holds here.
    pub(crate) fn within(self, since: Self, until: Option<Self>) -> bool {
        self >= since && until.is_none_or(|until| self < until)
    }

    /// What `software_version` of a node says.
    #[must_use]
    pub fn software_version(self) -> &'static str {
        match self {
            Self::V7_4_6 => "7.4.6-272",
            Self::V7_8_6 => "7.8.6-286",
            Self::V7_22_2 => "7.22.2-170",
            Self::V8_0_20 => "8.0.20-68",
            Self::V8_2_0 => "8.2.0-25",
        }
    }

    /// Its build, for comparison with others.
    pub(crate) fn build(self) -> Build {
        Build::of(self.software_version()).unwrap_or(Build([u32::MAX; 4]))
    }

    /// Redis versions that a database can have, as (`redis_version`, `version`), oldest first; the last is the default.
    pub(crate) fn database_versions(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::V7_4_6 => &[("6.0", "6.0.20"), ("6.2", "6.2.13"), ("7.2", "7.2.4")],
            Self::V7_8_6 => &[("6.2", "6.2.13"), ("7.2", "7.2.4"), ("7.4", "7.4.0")],
            Self::V7_22_2 => &[("6.2", "6.2.13"), ("7.2", "7.2.7"), ("7.4", "7.4.3")],
            Self::V8_0_20 | Self::V8_2_0 => &[
                ("6.2", "6.2.13"),
                ("7.2", "7.2.7"),
                ("7.4", "7.4.3"),
                ("8.0", "8.0.2"),
                ("8.2", "8.2.1"),
                ("8.4", "8.4.0"),
                ("8.6", "8.6.2"),
            ],
        }
    }
}

/// Number of a build: `7.8.6-119`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Build([u32; 4]);

impl Build {
    /// The build that a text names; `None` for any other text.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (version, build) = text.split_once('-')?;
        let mut numbers = version.split('.').chain([build]).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self([next()?, next()?, next()?, next()?]))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.software_version().split('-').next().unwrap_or_default())
    }
}

impl FromStr for Profile {
    type Err = String;

    /// Accepts the full number (`7.22.2`) and its beginning (`7.22`).
    fn from_str(text: &str) -> Result<Self, String> {
        let matches = |profile: &Self| {
            let name = profile.to_string();
            name == text || name.strip_prefix(text).is_some_and(|rest| rest.starts_with('.'))
        };
        Self::ALL.into_iter().rev().find(matches).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(ToString::to_string).collect();
            format!("no profile {text:?}; there are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_by_its_number_or_the_beginning_of_it() {
        for (text, want) in [
            ("7.4", Profile::V7_4_6),
            ("7.22.2", Profile::V7_22_2),
            ("8", Profile::V8_2_0),
            ("8.0", Profile::V8_0_20),
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
        assert!("7.2".parse::<Profile>().is_err());
    }

    #[test]
    fn each_build_brings_the_redis_versions_that_its_release_notes_name() {
        for (profile, named) in [
            (Profile::V7_4_6, "7.2.4, 6.2.13, 6.0.20"),
            (Profile::V7_8_6, "7.4.0, 7.2.4, 6.2.13"),
            (Profile::V7_22_2, "7.4.3, 7.2.7, 6.2.13"),
            (
                Profile::V8_0_20,
                "8.6.2, 8.4.0, 8.2.1, 8.0.2, 7.4.3, 7.2.7, 6.2.13",
            ),
            (
                Profile::V8_2_0,
                "8.6.2, 8.4.0, 8.2.1, 8.0.2, 7.4.3, 7.2.7, 6.2.13",
            ),
        ] {
            let newest_first = profile.database_versions().iter().rev();
            let full: Vec<&str> = newest_first.map(|(_, full)| *full).collect();
            assert_eq!(full.join(", "), named, "{profile}");
        }
    }
}

//! Software versions, such as `7.22.2-170`.

use serde::Deserialize;
use serde::Deserializer;

/// A software version of Redis Enterprise: dotted numbers, then the build. Ordered number by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SoftwareVersion {
    numbers: Vec<u32>,
    build: u32,
}

impl SoftwareVersion {
    /// Reads `8.0.10-64`; parts that are not numbers count as 0.
    pub fn parse(text: &str) -> Self {
        let (dotted, build) = text.split_once('-').unwrap_or((text, "0"));
        let numbers = dotted.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        Self {
            numbers,
            build: build.parse().unwrap_or(0),
        }
    }
}

impl std::fmt::Display for SoftwareVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dotted: Vec<String> = self.numbers.iter().map(u32::to_string).collect();
        write!(f, "{}-{}", dotted.join("."), self.build)
    }
}

impl<'de> Deserialize<'de> for SoftwareVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_order_number_by_number() {
        let sorted = [
            "7.4.6-272",
            "7.22.0-95",
            "7.22.2-170",
            "8.0.10-64",
            "8.0.20-68",
            "100.0.21-16135",
        ];
        let parsed: Vec<_> = sorted.iter().map(|text| SoftwareVersion::parse(text)).collect();
        assert!(parsed.is_sorted());
        assert_eq!(parsed[2].to_string(), "7.22.2-170");
    }
}

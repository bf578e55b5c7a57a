//! Uids. The server writes them as numbers or as strings, depending on the call; both are read.

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;

macro_rules! uid {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                number_or_string(deserializer).map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uid! {
    /// Uid of a node.
    NodeUid
}
uid! {
    /// Uid of a database.
    BdbUid
}

fn number_or_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_read_from_numbers_and_strings() {
        assert_eq!(serde_json::from_str::<NodeUid>("3").unwrap(), NodeUid(3));
        assert_eq!(serde_json::from_str::<NodeUid>("\"3\"").unwrap(), NodeUid(3));
        assert!(serde_json::from_str::<NodeUid>("\"three\"").is_err());
    }
}

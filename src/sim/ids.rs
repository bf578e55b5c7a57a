//! The identifiers of the simulated world, and the seeded source of those that look random.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

macro_rules! uid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
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

uid!(
    /// Number of a node inside its cluster, as the REST API shows it: from 1, never given twice.
    NodeUid
);
uid!(
    /// Number of a database inside its cluster.
    BdbUid
);
uid!(
    /// Number of a shard inside its cluster.
    ShardUid
);
uid!(
    /// Number of a user inside its cluster.
    UserUid
);

/// Place of a node in [`Config::nodes`](super::Config::nodes): the machine, whatever cluster it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct NodeIndex(pub usize);

/// One cluster of the world. A second one exists only after a second `create_cluster`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub(crate) struct ClusterId(pub(crate) u64);

/// Deterministic stand-in for randomness: the same seed gives the same world.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Ids {
    seed: u64,
    drawn: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.drawn.to_be_bytes());
        hash.finalize().into()
    }

    /// A number that looks random.
    pub(crate) fn number(&mut self) -> u64 {
        self.draw()
            .iter()
            .take(8)
            .fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// Text in the shape of a version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let digits: String = self
            .draw()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-4{}-a{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }

    /// `len` letters and digits.
    pub(crate) fn token(&mut self, len: usize) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut token = String::with_capacity(len);
        while token.len() < len {
            let letters = self
                .draw()
                .into_iter()
                .filter_map(|byte| ALPHABET.get(usize::from(byte) % 62));
            token.extend(letters.map(|letter| char::from(*letter)).take(len - token.len()));
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_seed_others() {
        assert_eq!(Ids::new(1).uuid(), Ids::new(1).uuid());
        assert_ne!(Ids::new(1).uuid(), Ids::new(2).uuid());
    }

    #[test]
    fn a_uuid_has_the_shape_of_version_4() {
        let uuid = Ids::new(7).uuid();
        assert_eq!(
            uuid.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert_eq!(&uuid[14..15], "4");
    }

    #[test]
    fn a_token_has_the_length_asked_for() {
        assert_eq!(Ids::new(7).token(48).len(), 48);
    }
}

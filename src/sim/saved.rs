//! A world as text, so that it outlives its process: one line that says what follows, one line with the world.
//!
//! The log's entries stay behind; their count does not. The text holds private keys and passwords.

use super::config::CertificateSource;
use super::monitor::{RULES, Violation};
use super::world::World;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;

/// Grows with every change of what the text means.
const VERSION: u32 = 2;

/// The first line.
#[derive(Debug, Deserialize, Serialize)]
struct Head {
    /// [`VERSION`]; its name also tells such a file from any other.
    resim_state: u32,
    /// Of the note and the second line, hex.
    sha256: String,
    /// What its owner wants to find again.
    note: Value,
}

/// Why a text is no world that can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is something else altogether.
    Foreign,
    /// It was written by a program that means other things by it: the version that it says.
    Version(u32),
    /// Part of it is missing or different from what was written.
    Damaged,
    /// It is whole and this program does not understand it, for this reason.
    Other(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is not a saved world"),
            Self::Version(version) => {
                write!(
                    f,
                    "it has version {version} of the format, and this resim reads version {VERSION}"
                )
            }
            Self::Damaged => f.write_str("it is damaged: its checksum does not fit its content"),
            Self::Other(why) => write!(f, "it was written by another build of resim: {why}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl World {
    /// The world as text, with a note for whoever reads it.
    #[must_use]
    pub fn saved(&self, note: &Value) -> String {
        let world = serde_json::to_string(self).unwrap_or_default();
        let head = Head {
            resim_state: VERSION,
            sha256: digest(note, &world),
            note: note.clone(),
        };
        let head = serde_json::to_string(&head).unwrap_or_default();
        format!("{head}\n{world}\n")
    }

    /// The world that [`World::saved`] gave, and the note. Time goes on from where it stood still.
    ///
    /// # Errors
    /// Why the text cannot be used.
    pub fn restored(text: &str, certificates: CertificateSource) -> Result<(Self, Value), Unreadable> {
        let (head, world) = text.split_once('\n').unwrap_or((text, ""));
        let fields: Value = serde_json::from_str(head).map_err(|_| Unreadable::Foreign)?;
        let version = fields.get("resim_state").and_then(Value::as_u64);
        let version = version.ok_or(Unreadable::Foreign)?;
        if version != u64::from(VERSION) {
            return Err(Unreadable::Version(u32::try_from(version).unwrap_or(u32::MAX)));
        }
        let head: Head = serde_json::from_value(fields).map_err(|_| Unreadable::Damaged)?;
        let world = world.strip_suffix('\n').ok_or(Unreadable::Damaged)?;
        if digest(&head.note, world) != head.sha256 {
            return Err(Unreadable::Damaged);
        }
        let mut world: Self =
            serde_json::from_str(world).map_err(|error| Unreadable::Other(error.to_string()))?;
        world.env.certificates = certificates;
        Ok((world, head.note))
    }

    /// Grows whenever something happened that is worth saving.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

fn digest(note: &Value, world: &str) -> String {
    let bytes = Sha256::new()
        .chain_update(note.to_string())
        .chain_update(world)
        .finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Maps whose keys are no text: lists of pairs.
pub(crate) mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// A licence with its text, which its own format leaves out.
pub(crate) mod license {
    use crate::sim::license_text::License;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(license: &License, serializer: S) -> Result<S::Ok, S::Error> {
        (&license.text, license).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<License, D::Error> {
        let (text, license) = <(String, License)>::deserialize(deserializer)?;
        Ok(License { text, ..license })
    }
}

/// Violations, whose rules are names of ours.
pub(crate) fn violations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Violation>, D::Error> {
    #[derive(Deserialize)]
    struct Filed {
        rule: String,
        seq: u64,
        at: Timestamp,
        user_agent: String,
        message: String,
        advisory: bool,
    }
    let known = |filed: Filed| {
        let rule = RULES.iter().find(|(name, ..)| *name == filed.rule);
        let (rule, ..) = rule.ok_or_else(|| serde::de::Error::custom(format!("no rule {:?}", filed.rule)))?;
        Ok(Violation {
            rule,
            seq: filed.seq,
            at: filed.at,
            user_agent: filed.user_agent,
            message: filed.message,
            advisory: filed.advisory,
        })
    };
    Vec::<Filed>::deserialize(deserializer)?
        .into_iter()
        .map(known)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::ids::NodeIndex;
    use crate::sim::state::Due;
    use crate::sim::testbed::Bed;
    use serde_json::json;

    /// A cluster with databases, users, a maintained node, a dead one, broken rules and work under way.
    fn busy() -> Bed {
        let mut bed = Bed::new();
        let uid = bed.database(json!({"name": "a", "memory_size": 1 << 30, "replication": true}));
        bed.ok(
            "POST",
            "/v1/users",
            json!({"email": "a@b.c", "name": "a", "password": "Secret-1", "role": "admin"}),
        );
        bed.ok("POST", "/v1/nodes/3/actions/maintenance_on", json!({}));
        bed.pass(60);
        bed.ok("POST", "/v1/nodes/3/actions/maintenance_on", json!({}));
        bed.ok(
            "PUT",
            &format!("/v1/bdbs/{uid}"),
            json!({"memory_size": 1 << 30, "max_connections": 5}),
        );
        bed.ok("POST", "/v1/bdbs", json!({"name": "b", "memory_size": 1 << 30}));
        bed.call("GET", "/v1/nodes/9", Value::Null);
        bed.call("PUT", "/v1/cluster", json!({"nonsense": 1}));
        bed.world.crash(NodeIndex(1));
        assert!(!bed.world.violations().is_empty());
        bed
    }

    fn text_digest(world: &World) -> String {
        digest(&Value::Null, &world.saved(&Value::Null))
    }

    fn again(world: &World) -> World {
        let text = world.saved(&json!({"who": "test"}));
        let (restored, note) = World::restored(&text, CertificateSource::none()).unwrap();
        assert_eq!(note["who"], "test");
        restored
    }

    #[test]
    fn a_restored_world_goes_on_as_the_saved_one_does() {
        let mut bed = busy();
        let mut restored = Bed {
            world: again(&bed.world),
        };
        for bed in [&mut bed, &mut restored] {
            bed.pass(600);
            bed.database(json!({"name": "c", "memory_size": 1 << 30}));
        }
        for path in [
            "/v1/bdbs",
            "/v1/nodes",
            "/v1/cluster",
            "/v1/users",
            "/v1/actions",
            "/v1/license",
            "/v1/shards",
        ] {
            let (before, after) = (
                bed.ok("GET", path, Value::Null),
                restored.ok("GET", path, Value::Null),
            );
            assert_eq!(before, after, "{path}");
        }
        assert_eq!(bed.world.violations(), restored.world.violations());
        assert_eq!(bed.world.totals(), restored.world.totals());
        assert_eq!(text_digest(&bed.world), text_digest(&restored.world));
    }

    #[test]
    fn a_certificate_that_a_node_is_about_to_use_is_saved() {
        let mut world = busy().world;
        let id = *world.clusters.keys().next().unwrap();
        let due = Due::Certificate(id, NodeIndex(0), "proxy".to_owned());
        world.env.schedule(std::time::Duration::from_secs(1), due);
        assert_eq!(text_digest(&again(&world)), text_digest(&world));
    }

    #[test]
    fn a_text_that_cannot_be_used_is_refused_for_its_reason() {
        let text = busy().world.saved(&json!({"who": "test"}));
        let refused = |text: &str| World::restored(text, CertificateSource::none()).unwrap_err();
        assert_eq!(refused(""), Unreadable::Foreign);
        assert_eq!(refused("{\"nodes\": []}"), Unreadable::Foreign);
        let other = text.replacen("\"resim_state\":2", "\"resim_state\":1", 1);
        assert_eq!(refused(&other), Unreadable::Version(1));
        for damaged in [
            text[..text.len() / 2].to_owned(),
            text[..text.len() - 1].to_owned(),
            text.replacen("rs.example.com", "rs.example.org", 1),
            text.replacen("test", "text", 1),
            text.lines().next().unwrap().to_owned(),
        ] {
            assert_eq!(refused(&damaged), Unreadable::Damaged);
        }
        let unknown = "{\"env\": 1}";
        let head = json!({"resim_state": VERSION, "sha256": digest(&Value::Null, unknown), "note": null});
        assert!(matches!(
            refused(&format!("{head}\n{unknown}\n")),
            Unreadable::Other(_)
        ));
    }
}

//! Databases (bdbs): GET, POST, PUT and DELETE `/v1/bdbs`.

use crate::rest::model::BdbUid;
use crate::rest::model::JsonMap;
use crate::rest::model::server_string;
use serde::Deserialize;

server_string! {
    /// Status of a database.
    BdbStatus {
        /// Being created.
        Pending = "pending",
        /// In service.
        Active = "active",
        /// In service and being changed.
        ActiveChangePending = "active-change-pending",
        /// Data is being imported.
        ImportPending = "import-pending",
        /// Being deleted.
        DeletePending = "delete-pending",
        /// Creation failed; nothing is served.
        CreationFailed = "creation-failed",
        /// Waiting for recovery of its data.
        Recovery = "recovery",
    }
}

/// A database. Fields that can be managed stay as JSON: the field table compares them by name. Passwords, which the server
/// answers in clear, are dropped as it is read. Shown without the values of its fields: some bear credentials of others.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Bdb {
    /// Uid.
    pub uid: BdbUid,
    /// Name; not unique.
    #[serde(default)]
    pub name: String,
    /// Status.
    pub status: BdbStatus,
    /// Endpoints; without port or addresses until they are bound.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Every other field but passwords.
    #[serde(flatten, deserialize_with = "without_passwords")]
    pub fields: JsonMap,
}

impl std::fmt::Debug for Bdb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bdb")
            .field("uid", &self.uid)
            .field("name", &self.name)
            .field("status", &self.status)
            .field("endpoints", &self.endpoints)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

fn without_passwords<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<JsonMap, D::Error> {
    let mut fields = JsonMap::deserialize(deserializer)?;
    fields.retain(|name, _| !name.ends_with("_pass") && !name.ends_with("_password"));
    Ok(fields)
}

impl Bdb {
    /// Value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags
            .iter()
            .find(|tag| tag.key == key)
            .map(|tag| tag.value.as_str())
    }
}

/// A tag of a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
pub struct Tag {
    /// Key, unique within a database.
    pub key: String,
    /// Value.
    pub value: String,
}

/// An endpoint of a database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    /// `<bdb uid>:<number>`; PUTs that change the proxy policy name it.
    #[serde(default)]
    pub uid: String,
    /// Host name, `redis-<port>.<cluster name>`.
    #[serde(default)]
    pub dns_name: String,
    /// Port.
    #[serde(default)]
    pub port: Option<u16>,
    /// Addresses that serve it.
    #[serde(default)]
    pub addr: Vec<String>,
    /// `external` or `internal`.
    #[serde(default)]
    pub addr_type: Option<String>,
}

server_string! {
    /// Role of a shard.
    ShardRole {
        /// Takes writes.
        Master = "master",
        /// Follows a master.
        Slave = "slave",
    }
}

/// A shard, as GET `/v1/shards` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Shard {
    /// Uid; text on the wire.
    pub uid: String,
    /// Its database.
    pub bdb_uid: BdbUid,
    /// Its node.
    pub node_uid: crate::rest::model::NodeUid,
    /// Its role.
    pub role: ShardRole,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_dropped_as_a_database_is_read() {
        let text = r#"{"uid": 1, "status": "active", "memory_size": 1, "authentication_redis_pass": "canary",
            "authentication_admin_pass": "canary", "replica_sources": [{"uri": "redis://admin:canary@host:1"}]}"#;
        let bdb: Bdb = serde_json::from_str(text).unwrap();
        assert_eq!(
            bdb.fields.keys().collect::<Vec<_>>(),
            ["memory_size", "replica_sources"]
        );
        assert!(!format!("{bdb:?}").contains("canary"));
    }
}

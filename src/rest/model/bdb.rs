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

/// A database. Fields that can be managed stay as JSON: the field table compares them by name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    /// Every other field.
    #[serde(flatten)]
    pub fields: JsonMap,
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

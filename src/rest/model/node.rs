//! Nodes: GET `/v1/nodes`, `/v1/nodes/status`.

use crate::rest::model::NodeUid;
use crate::rest::model::SoftwareVersion;
use crate::rest::model::server_string;
use serde::Deserialize;

server_string! {
    /// State of a node.
    NodeState {
        /// In service.
        Active = "active",
        /// Being removed.
        Decommissioning = "decommissioning",
        /// Not reachable for the cluster.
        Down = "down",
        /// Joining.
        Provisioning = "provisioning",
    }
}

server_string! {
    /// Role of a node in the management plane.
    ManagementRole {
        /// The one node that serves cluster-wide calls.
        Master = "master",
        /// Any other.
        Slave = "slave",
    }
}

/// A node, as GET `/v1/nodes` lists it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Node {
    /// Uid.
    pub uid: NodeUid,
    /// State.
    pub status: NodeState,
    /// Internal address.
    pub addr: String,
    /// External addresses.
    #[serde(default)]
    pub external_addr: Vec<String>,
    /// Rack; empty when none is set.
    #[serde(default)]
    pub rack_id: String,
    /// Whether shards may be placed on it.
    #[serde(default = "yes")]
    pub accept_servers: bool,
    /// Most endpoints; 0 in maintenance.
    #[serde(default)]
    pub max_listeners: Option<u32>,
    /// Most shards.
    #[serde(default)]
    pub max_redis_servers: Option<u32>,
    /// Shards on it.
    #[serde(default)]
    pub shard_count: u32,
    /// Software version.
    #[serde(default)]
    pub software_version: Option<SoftwareVersion>,
    /// Database versions that it can run.
    #[serde(default)]
    pub supported_database_versions: Vec<DatabaseVersion>,
}

fn yes() -> bool {
    true
}

/// A database version that a node can run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DatabaseVersion {
    /// `redis` or `memcached`.
    #[serde(default)]
    pub db_type: String,
    /// Full version, such as `7.4.0`.
    #[serde(default)]
    pub version: String,
    /// Version to send on create, such as `7.4`.
    #[serde(default)]
    pub redis_version: Option<String>,
}

/// A node's entry in GET `/v1/nodes/status`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NodeStatus {
    /// Role in the management plane.
    #[serde(default)]
    pub role: Option<ManagementRole>,
    /// There while the node is in maintenance, or when maintenance ended uncleanly.
    #[serde(default)]
    pub maintenance_snapshot: Option<MaintenanceSnapshot>,
}

/// The snapshot that maintenance makes of what was on the node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MaintenanceSnapshot {
    /// Its name.
    pub name: String,
}

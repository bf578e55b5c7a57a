//! What can be done to a cluster.

use crate::plan::gate::Permit;
use crate::rest::model::JsonMap;
use crate::rest::model::NodeUid;
use std::fmt;

/// A node that belongs to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its uid.
    pub uid: NodeUid,
    /// Name in the spec or in status; its address when it is in neither.
    pub name: String,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ({})", self.uid, self.name)
    }
}

/// A mutation of a cluster. Those that must not be repeated come right after the [`Record`](crate::api::Record) of their
/// intent.
#[derive(Clone, Debug)]
pub enum Action {
    /// POST `/v1/bootstrap/create_cluster` on the seed.
    CreateCluster {
        /// Name of the seed in the spec.
        seed: String,
        /// The whole body but the credentials and the licence, which the executor adds from the inputs.
        body: JsonMap,
    },
    /// POST `/v1/bootstrap/join_cluster` on the joining node.
    JoinNode {
        /// Name of the node in the spec.
        node: String,
        /// The whole body but the credentials.
        body: JsonMap,
    },
    /// PUT `/v1/cluster` with only these fields.
    UpdateCluster(JsonMap),
    /// PUT `/v1/cluster/policy` with only these fields.
    UpdatePolicy(JsonMap),
    /// PUT `/v1/license` with the text of the inputs.
    InstallLicense,
    /// PUT `/v1/nodes/{uid}` with only these fields (a rack that was not set).
    UpdateNode {
        /// The node.
        node: Member,
        /// Fields to change.
        body: JsonMap,
    },
    /// POST `/v1/nodes/{uid}/actions/maintenance_on`.
    MaintenanceOn(Permit),
    /// POST `/v1/nodes/{uid}/actions/maintenance_off`.
    MaintenanceOff(Member),
    /// POST `/v1/nodes/{uid}/actions/remove` with `wait_for_persistence: true`.
    RemoveNode(Permit),
    /// POST `/v1/cluster/actions/change_master`: another node leads before this one goes. May be repeated.
    ChangeMaster {
        /// The node that is to lead.
        to: Member,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateCluster { seed, .. } => write!(f, "create the cluster on {seed}"),
            Self::JoinNode { node, .. } => write!(f, "join node {node}"),
            Self::UpdateCluster(body) => write!(f, "set cluster {}", keys(body)),
            Self::UpdatePolicy(body) => write!(f, "set policy {}", keys(body)),
            Self::InstallLicense => f.write_str("install the licence"),
            Self::UpdateNode { node, body } => write!(f, "set {} of {node}", keys(body)),
            Self::MaintenanceOn(permit) => write!(f, "put {} into maintenance", permit.node()),
            Self::MaintenanceOff(node) => write!(f, "take {node} out of maintenance"),
            Self::RemoveNode(permit) => write!(f, "remove {}", permit.node()),
            Self::ChangeMaster { to } => write!(f, "let {to} lead"),
        }
    }
}

fn keys(body: &JsonMap) -> String {
    body.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

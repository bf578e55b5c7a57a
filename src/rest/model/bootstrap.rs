//! Bootstrap of a node: GET `/v1/bootstrap`, POST `/v1/bootstrap/{create_cluster,join_cluster}`.

use crate::rest::model::NodeUid;
use crate::rest::model::SoftwareVersion;
use crate::rest::model::server_string;
use serde::Deserialize;

server_string! {
    /// State of a node's bootstrap.
    BootstrapState {
        /// Nothing was started.
        Idle = "idle",
        /// The request was received.
        Initiated = "initiated",
        /// The cluster is being created.
        CreatingCluster = "creating_cluster",
        /// The node is joining.
        JoiningCluster = "joining_cluster",
        /// The cluster is being recovered.
        RecoveringCluster = "recovering_cluster",
        /// The last attempt failed; another may be made.
        Error = "error",
        /// The node belongs to a cluster.
        Completed = "completed",
    }
}

/// Answer of GET `/v1/bootstrap`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Bootstrap {
    /// How far the node is.
    pub bootstrap_status: BootstrapStatus,
    /// What the node says of itself.
    #[serde(default)]
    pub local_node_info: LocalNodeInfo,
}

/// How far a node's bootstrap is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BootstrapStatus {
    /// State.
    pub state: BootstrapState,
    /// Only in state `error`.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Only in state `error`; its keys depend on the code, `message` is common.
    #[serde(default)]
    pub error_details: Option<serde_json::Value>,
}

/// What a node says of itself before it belongs to a cluster.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct LocalNodeInfo {
    /// Once it has one.
    #[serde(default)]
    pub uid: Option<NodeUid>,
    /// Software version.
    #[serde(default)]
    pub software_version: Option<SoftwareVersion>,
}

//! Actions of nodes: GET `/v1/nodes/actions`.

use crate::rest::model::NodeUid;
use crate::rest::model::server_string;
use serde::Deserialize;

server_string! {
    /// Status of a task.
    TaskStatus {
        /// Waiting for its turn.
        Queued = "queued",
        /// About to run.
        Starting = "starting",
        /// Running.
        Running = "running",
        /// Being cancelled.
        Cancelling = "cancelling",
        /// Cancelled.
        Cancelled = "cancelled",
        /// Given up by the server.
        Aborted = "aborted",
        /// Done.
        Completed = "completed",
        /// Failed.
        Failed = "failed",
    }
}

impl TaskStatus {
    /// Whether the task may still change something.
    pub fn under_way(&self) -> bool {
        match self {
            Self::Queued | Self::Starting | Self::Running | Self::Cancelling | Self::Unknown(_) => true,
            Self::Cancelled | Self::Aborted | Self::Completed | Self::Failed => false,
        }
    }
}

server_string! {
    /// Name of a node action, as tasks are listed.
    NodeActionName {
        /// Removal of a node.
        Remove = "remove_node",
        /// Into maintenance.
        MaintenanceOn = "maintenance_on",
        /// Out of maintenance.
        MaintenanceOff = "maintenance_off",
    }
}

/// A task of a node.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NodeTask {
    /// What it does.
    pub name: NodeActionName,
    /// On which node.
    pub node_uid: NodeUid,
    /// How far it is.
    pub status: TaskStatus,
    /// On failure.
    #[serde(default)]
    pub error_code: Option<String>,
    /// On failure.
    #[serde(default)]
    pub error_message: Option<String>,
}

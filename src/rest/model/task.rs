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

/// Answer to the start of an action.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StartedTask {
    /// Its id.
    #[serde(default)]
    pub task_id: Option<String>,
    /// How far it is.
    pub status: TaskStatus,
}

/// What the cluster is busy with, as GET `/v1/actions` lists it; finished entries stay for a while.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Actions {
    /// Tasks of nodes and databases.
    #[serde(default)]
    pub actions: Vec<Task>,
    /// Changes of databases.
    #[serde(default, rename = "state-machines")]
    pub state_machines: Vec<StateMachine>,
}

/// A task of any kind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Task {
    /// What it does, such as `retry_bdb` or `remove_node`.
    pub name: String,
    /// How far it is.
    pub status: TaskStatus,
    /// On which node.
    #[serde(default)]
    pub node_uid: Option<NodeUid>,
}

server_string! {
    /// Status of a state machine.
    StateMachineStatus {
        /// Not begun.
        Pending = "pending",
        /// Running.
        Active = "active",
        /// Done.
        Completed = "completed",
        /// Failed.
        Failed = "failed",
    }
}

/// A change of a database.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StateMachine {
    /// Its id; the database object bears it while the change runs.
    #[serde(default)]
    pub action_uid: Option<String>,
    /// What it does, such as `SMCreateBDB`.
    pub name: String,
    /// `bdb:<uid>`.
    #[serde(default)]
    pub object_name: String,
    /// How far it is.
    pub status: StateMachineStatus,
    /// On failure.
    #[serde(default)]
    pub error: Option<String>,
}

//! `/v1/nodes`: the nodes of a cluster and their actions.

use crate::rest::call::Call;
use crate::rest::call::absent;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::model::JsonMap;
use crate::rest::model::Node;
use crate::rest::model::NodeStatus;
use crate::rest::model::NodeTask;
use crate::rest::model::NodeUid;
use crate::rest::model::StartedTask;
use crate::rest::route;
use crate::rest::session::Session;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// How a node goes into maintenance. What is `None` is left to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceOn {
    /// Whether a snapshot of what was on the node replaces an earlier one.
    pub overwrite_snapshot: Option<bool>,
    /// Whether replicas leave the node too.
    pub evict_ha_replica: Option<bool>,
    /// Whether replicas of Active-Active databases leave the node too.
    pub evict_active_active_replica: Option<bool>,
}

/// How a node comes out of maintenance. What is `None` is left to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceOff {
    /// Snapshot to restore; the latest of maintenance without it.
    pub snapshot_name: Option<String>,
    /// Whether shards stay where they are.
    pub skip_shards_restore: Option<bool>,
}

/// How a node is removed. What is `None` is left to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoveNode {
    /// Whether the shards that leave are written to disk elsewhere first.
    pub wait_for_persistence: Option<bool>,
}

#[derive(Deserialize)]
struct Tasks {
    actions: Vec<NodeTask>,
}

impl Session {
    /// Every node. A cluster has at least one: an empty list is an error, not an answer.
    pub async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let answer = self.send(&Call::new(&route::NODES, &[])).await?;
        let empty = answer.failed(ErrorKind::Malformed("it lists no node".to_owned()));
        let nodes: Vec<Node> = answer.list()?;
        if nodes.is_empty() { Err(empty) } else { Ok(nodes) }
    }

    /// Role and maintenance of every node.
    pub async fn node_statuses(&self) -> Result<BTreeMap<NodeUid, NodeStatus>, Error> {
        self.send(&Call::new(&route::NODE_STATUSES, &[])).await?.object()
    }

    /// Changes the fields in `body`.
    pub async fn update_node(&self, node: NodeUid, body: JsonMap) -> Result<(), Error> {
        self.send(&Call::new(&route::UPDATE_NODE, &[&node]).body(body))
            .await?
            .done()
    }

    /// Actions of every node, finished ones included.
    pub async fn node_tasks(&self) -> Result<Vec<NodeTask>, Error> {
        let tasks: Tasks = self
            .send(&Call::new(&route::ALL_NODE_ACTIONS, &[]))
            .await?
            .object()?;
        Ok(tasks.actions)
    }

    /// Actions of one node; none when the node is gone.
    pub async fn tasks_of_node(&self, node: NodeUid) -> Result<Vec<NodeTask>, Error> {
        let answer = absent(self.send(&Call::new(&route::NODE_ACTIONS, &[&node])).await)?;
        let tasks: Option<Tasks> = answer.map(|answer| answer.object()).transpose()?;
        Ok(tasks.map(|tasks| tasks.actions).unwrap_or_default())
    }

    /// Starts moving everything off a node. Activations stack: a second one needs a second end.
    pub async fn maintenance_on(&self, node: NodeUid, how: MaintenanceOn) -> Result<StartedTask, Error> {
        let body = [
            (
                "overwrite_snapshot",
                how.overwrite_snapshot.map(|value| json!(value)),
            ),
            ("evict_ha_replica", how.evict_ha_replica.map(|value| json!(value))),
            (
                "evict_active_active_replica",
                how.evict_active_active_replica.map(|value| json!(value)),
            ),
        ];
        self.start(node, "maintenance_on", body).await
    }

    /// Starts bringing a node back.
    pub async fn maintenance_off(&self, node: NodeUid, how: MaintenanceOff) -> Result<StartedTask, Error> {
        let body = [
            ("snapshot_name", how.snapshot_name.map(|value| json!(value))),
            (
                "skip_shards_restore",
                how.skip_shards_restore.map(|value| json!(value)),
            ),
        ];
        self.start(node, "maintenance_off", body).await
    }

    /// Starts removing a node. From acceptance on the node gets no new shards, even if the task fails.
    pub async fn remove_node(&self, node: NodeUid, how: RemoveNode) -> Result<StartedTask, Error> {
        let body = [(
            "wait_for_persistence",
            how.wait_for_persistence.map(|value| json!(value)),
        )];
        self.start(node, "remove", body).await
    }

    async fn start<const N: usize>(
        &self,
        node: NodeUid,
        action: &str,
        body: [(&str, Option<serde_json::Value>); N],
    ) -> Result<StartedTask, Error> {
        let body = body
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        self.send(&Call::new(&route::START_NODE_ACTION, &[&node, &action]).body(body))
            .await?
            .object()
    }
}

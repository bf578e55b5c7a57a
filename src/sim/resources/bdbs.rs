//! Databases: `/v1/bdbs` and what happens to them when nodes come and go.

use crate::sim::ids::{BdbUid, ClusterId, NodeUid, ShardUid};
use crate::sim::placement::{Insufficient, Layout};
use crate::sim::route::Route;
use crate::sim::state::{Cluster, Env};

/// Routes of this family.
pub(crate) const ROUTES: &[Route] = &[];

/// The databases of a cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Databases {}

/// A shard as node objects count it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeShard {
    pub(crate) uid: ShardUid,
    pub(crate) master: bool,
    pub(crate) flash: bool,
    pub(crate) memory_bytes: u64,
}

/// Shards in use, replicas included, as a licence counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardCounts {
    pub(crate) ram: u64,
    pub(crate) flash: u64,
}

/// How a node is emptied.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Evacuation {
    /// Replicas of highly available databases move too, instead of staying (`evict_ha_replica`).
    pub(crate) move_replicas: bool,
    /// Only these databases; all when empty (`evict_dbs`).
    pub(crate) only: Vec<BdbUid>,
}

impl Databases {
    /// Shards that live on `node`.
    pub(crate) fn shards_on(&self, _node: NodeUid) -> Vec<NodeShard> {
        Vec::new()
    }

    /// How many endpoints are bound on `node`.
    pub(crate) fn endpoints_on(&self, _node: NodeUid) -> usize {
        0
    }

    /// Shards in use.
    pub(crate) fn shard_counts(&self) -> ShardCounts {
        ShardCounts::default()
    }

    /// Databases whose status is not `active`.
    pub(crate) fn unsettled(&self) -> Vec<BdbUid> {
        Vec::new()
    }

    /// Whether any database is replicated.
    pub(crate) fn any_replicated(&self) -> bool {
        false
    }

    /// Whether there is such a database.
    pub(crate) fn contains(&self, _bdb: BdbUid) -> bool {
        false
    }

    /// (database, value) for every database that carries the tag `key` and is not being deleted.
    pub(crate) fn tagged(&self, _key: &str) -> Vec<(BdbUid, String)> {
        Vec::new()
    }

    /// The value that `GET /v1/bdbs/{uid}` shows for `field`, for the monitor of unchanged fields.
    pub(crate) fn shown(&self, _bdb: BdbUid, _field: &str) -> Option<serde_json::Value> {
        None
    }

    /// Where everything is now.
    pub(crate) fn layout(&self) -> Layout {
        Layout::default()
    }
}

/// How many shards and endpoints `evacuate` would move off `node`.
pub(crate) fn evacuable(
    _cluster: &Cluster,
    _env: &Env,
    _node: NodeUid,
    _how: &Evacuation,
) -> Result<usize, Insufficient> {
    Ok(0)
}

/// Moves shards and endpoints off `node`; nothing moves if not all can.
pub(crate) fn evacuate(
    _cluster: &mut Cluster,
    _env: &mut Env,
    _node: NodeUid,
    _how: &Evacuation,
) -> Result<usize, Insufficient> {
    Ok(0)
}

/// Puts back what `layout` has on `node`, as far as it still exists and fits.
pub(crate) fn restore(_cluster: &mut Cluster, _env: &mut Env, _node: NodeUid, _layout: &Layout) -> usize {
    0
}

/// The cluster noticed that `node` is gone: promote replicas, rebind endpoints, mark shards.
pub(crate) fn node_lost(_cluster: &mut Cluster, _env: &mut Env, _node: NodeUid) {}

/// The cluster noticed that `node` is back (or was replaced under its uid): its shards resynchronise.
pub(crate) fn node_found(_cluster: &mut Cluster, _env: &mut Env, _node: NodeUid) {}

/// The grace period of replica high availability is over and `node` is still gone: make replicas elsewhere.
pub(crate) fn replica_ha(_cluster: &mut Cluster, _env: &mut Env, _node: NodeUid) {}

/// A state machine reaches its next step.
pub(crate) fn machine_due(_cluster: &mut Cluster, _env: &mut Env, _action_uid: &str) {}

/// Something that a database waited for happens.
pub(crate) fn database_due(
    _cluster: &mut Cluster,
    _env: &mut Env,
    _id: ClusterId,
    _bdb: BdbUid,
    _what: &str,
) {
}

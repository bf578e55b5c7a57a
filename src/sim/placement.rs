//! Where shards and endpoints live.

use super::ids::{BdbUid, NodeUid, ShardUid};
use std::collections::BTreeMap;

/// A node as placement sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Host {
    pub(crate) uid: NodeUid,
    pub(crate) address: String,
    pub(crate) rack_id: String,
    pub(crate) second_rack_id: String,
    /// Active, accepts servers, not being removed.
    pub(crate) accepts_shards: bool,
    /// Not seen as down.
    pub(crate) alive: bool,
    pub(crate) max_shards: u64,
    pub(crate) max_listeners: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) flash_bytes: u64,
}

/// A remembered layout: where each shard and endpoint was.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    pub(crate) shards: BTreeMap<ShardUid, (NodeUid, bool)>,
    pub(crate) endpoints: BTreeMap<BdbUid, Vec<NodeUid>>,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Insufficient;

//! Where one shard may live, and where it lives best.

use super::{Shard, Shards};
use crate::sim::ids::NodeUid;
use std::{cmp::Reverse, fmt};

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
    /// All memory of the machine.
    pub(crate) memory_bytes: u64,
    /// Flash that databases may use.
    pub(crate) flash_bytes: u64,
}

/// How a database wants its shards spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// On as few nodes as possible.
    #[default]
    Dense,
    /// On as many as possible.
    Sparse,
}

/// What placement of a database has to keep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) strategy: Strategy,
    /// Master and replica in different racks.
    pub(crate) rack_aware: bool,
    /// Memory sizes are not counted.
    pub(crate) overbooking: bool,
    /// Only these nodes, if any are named.
    pub(crate) use_nodes: Vec<NodeUid>,
    pub(crate) avoid_nodes: Vec<NodeUid>,
}

/// The shards that a database shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) masters: u32,
    pub(crate) replicated: bool,
    pub(crate) shard_memory_bytes: u64,
    pub(crate) flash: bool,
    /// First and last hash slot of the whole database.
    pub(crate) slots: (u32, u32),
}

impl Demand {
    /// The slots of the `part`th master when they are split evenly.
    pub(crate) fn slots_of(&self, part: u32) -> (u32, u32) {
        let (first, last) = self.slots;
        let all = u64::from(last - first) + 1;
        let border =
            |part: u32| u32::try_from(all * u64::from(part) / u64::from(self.masters.max(1))).unwrap_or(last);
        (first + border(part), first + border(part + 1) - 1)
    }
}

/// Why shards do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// Fewer than two nodes accept shards, so that a replica has no place of its own.
    Nodes,
    /// Too few racks.
    Racks,
    /// Memory or shard limits.
    Resources,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nodes => "not enough nodes accept shards to replicate the database",
            Self::Racks => "not enough nodes in different racks",
            Self::Resources => "Not enough resources in cluster to host the database",
        })
    }
}

/// Part of a node's memory that may be given to shards, in percent.
const PROVISIONAL_PERCENT: u64 = 88;

/// Memory that may still be given to shards on a node with `total` bytes of which `allocated` are given.
pub(crate) fn provisional_memory(total: u64, allocated: u64) -> u64 {
    (total / 100 * PROVISIONAL_PERCENT).saturating_sub(allocated)
}

impl Shards {
    /// Whether `shard` may live on `node`.
    pub(super) fn fits(&self, node: NodeUid, hosts: &[Host], rules: &Rules, shard: &Shard) -> bool {
        hosts.iter().find(|host| host.uid == node).is_some_and(|host| {
            let there = host.accepts_shards && allowed(host, rules);
            there && self.apart(host, shard, hosts, rules) && self.has_room(host, rules, shard)
        })
    }

    /// The best node for `shard`.
    pub(super) fn seat(&self, shard: &Shard, hosts: &[Host], rules: &Rules) -> Result<NodeUid, NoRoom> {
        let open = || {
            hosts
                .iter()
                .filter(|host| host.accepts_shards && allowed(host, rules))
        };
        let apart = |host: &&Host| !self.counterparts(shard).any(|other| other.node == host.uid);
        if open().next().is_none() {
            return Err(NoRoom::Resources);
        }
        if open().filter(apart).count() == 0 {
            return Err(NoRoom::Nodes);
        }
        if open()
            .filter(|host| self.apart(host, shard, hosts, rules))
            .count()
            == 0
        {
            return Err(NoRoom::Racks);
        }
        let fitting =
            open().filter(|host| self.apart(host, shard, hosts, rules) && self.has_room(host, rules, shard));
        let best = fitting.min_by_key(|host| {
            let same = self
                .of(shard.bdb)
                .filter(|other| other.node == host.uid && other.role == shard.role)
                .count();
            let spread = match rules.strategy {
                Strategy::Dense => u64::from(same == 0),
                Strategy::Sparse => u64::try_from(same).unwrap_or(u64::MAX),
            };
            let load = self.load(host.uid);
            (
                spread,
                Reverse(provisional_memory(host.memory_bytes, load.memory_bytes)),
                load.shards(),
                host.uid,
            )
        });
        best.map(|host| host.uid).ok_or(NoRoom::Resources)
    }

    /// Shards with the same slots of the same database.
    fn counterparts(&self, shard: &Shard) -> impl Iterator<Item = &Shard> {
        self.of(shard.bdb)
            .filter(|other| other.slots == shard.slots && other.uid != shard.uid)
    }

    /// Whether no counterpart shares the node or, if that matters, the rack.
    fn apart(&self, host: &Host, shard: &Shard, hosts: &[Host], rules: &Rules) -> bool {
        self.counterparts(shard).all(|other| {
            let rack = hosts
                .iter()
                .find(|host| host.uid == other.node)
                .map(|host| host.rack_id.to_ascii_lowercase());
            let same_rack =
                rules.rack_aware && rack.is_some_and(|rack| rack == host.rack_id.to_ascii_lowercase());
            other.node != host.uid && !same_rack
        })
    }

    fn has_room(&self, host: &Host, rules: &Rules, shard: &Shard) -> bool {
        let load = self.load(host.uid);
        let memory = rules.overbooking
            || shard.memory_bytes <= provisional_memory(host.memory_bytes, load.memory_bytes);
        let flash = !shard.flash || host.flash_bytes > 0;
        memory && flash && load.shards() < host.max_shards
    }
}

fn allowed(host: &Host, rules: &Rules) -> bool {
    !rules.avoid_nodes.contains(&host.uid)
        && (rules.use_nodes.is_empty() || rules.use_nodes.contains(&host.uid))
}

//! Where one shard may live, and where it lives best.

use super::{Shard, Shards};
use crate::sim::ids::NodeUid;
use std::{cmp::Reverse, fmt};

/// A node as placement sees it.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) node: NodeUid,
    /// Empty without rack awareness.
    pub(crate) rack: String,
    /// Up, accepting shards, neither leaving nor in maintenance.
    pub(crate) accepts: bool,
    pub(crate) max_shards: u64,
    /// All memory of the machine.
    pub(crate) memory_bytes: u64,
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
        let border = |part: u32| u32::try_from(all * u64::from(part) / u64::from(self.masters.max(1))).unwrap_or(last);
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
    pub(super) fn fits(&self, node: NodeUid, sites: &[Site], rules: &Rules, shard: &Shard) -> bool {
        sites.iter().find(|site| site.node == node).is_some_and(|site| {
            let there = site.accepts && allowed(site, rules);
            there && self.apart(site, shard, sites, rules) && self.has_room(site, rules, shard)
        })
    }

    /// The best node for `shard`.
    pub(super) fn seat(&self, shard: &Shard, sites: &[Site], rules: &Rules) -> Result<NodeUid, NoRoom> {
        let open = || sites.iter().filter(|site| site.accepts && allowed(site, rules));
        let apart = |site: &&Site| !self.counterparts(shard).any(|other| other.node == site.node);
        if open().next().is_none() {
            return Err(NoRoom::Resources);
        }
        if open().filter(apart).count() == 0 {
            return Err(NoRoom::Nodes);
        }
        if open().filter(|site| self.apart(site, shard, sites, rules)).count() == 0 {
            return Err(NoRoom::Racks);
        }
        let fitting = open().filter(|site| self.apart(site, shard, sites, rules) && self.has_room(site, rules, shard));
        let best = fitting.min_by_key(|site| {
            let same = self.of(shard.bdb).filter(|other| other.node == site.node && other.role == shard.role).count();
            let spread = match rules.strategy {
                Strategy::Dense => u64::from(same == 0),
                Strategy::Sparse => u64::try_from(same).unwrap_or(u64::MAX),
            };
            let load = self.load(site.node);
            (spread, Reverse(provisional_memory(site.memory_bytes, load.memory_bytes)), load.shards(), site.node)
        });
        best.map(|site| site.node).ok_or(NoRoom::Resources)
    }

    /// Shards with the same slots of the same database.
    fn counterparts(&self, shard: &Shard) -> impl Iterator<Item = &Shard> {
        self.of(shard.bdb).filter(|other| other.slots == shard.slots && other.uid != shard.uid)
    }

    /// Whether no counterpart shares the node or, if that matters, the rack.
    fn apart(&self, site: &Site, shard: &Shard, sites: &[Site], rules: &Rules) -> bool {
        self.counterparts(shard).all(|other| {
            let rack = sites.iter().find(|site| site.node == other.node).map(|site| site.rack.to_ascii_lowercase());
            let same_rack = rules.rack_aware && rack.is_some_and(|rack| rack == site.rack.to_ascii_lowercase());
            other.node != site.node && !same_rack
        })
    }

    fn has_room(&self, site: &Site, rules: &Rules, shard: &Shard) -> bool {
        let load = self.load(site.node);
        let memory = rules.overbooking || shard.memory_bytes <= provisional_memory(site.memory_bytes, load.memory_bytes);
        memory && load.shards() < site.max_shards
    }
}

fn allowed(site: &Site, rules: &Rules) -> bool {
    !rules.avoid_nodes.contains(&site.node) && (rules.use_nodes.is_empty() || rules.use_nodes.contains(&site.node))
}

//! Which shard lives on which node: placement of new shards, failover, evacuation and return.
//!
//! Nothing here knows databases or HTTP. Every change is all or nothing: on [`NoRoom`] the layout is as it was.

mod balance;
mod seat;

pub(crate) use seat::{Demand, Host, NoRoom, Rules, Strategy};

use super::ids::{BdbUid, NodeUid, ShardUid};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Part that a shard plays for its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub(crate) enum Role {
    Master,
    Slave,
}

impl Role {
    /// As the REST API writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Slave => "slave",
        }
    }
}

/// One Redis process.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Shard {
    pub(crate) uid: ShardUid,
    pub(crate) bdb: BdbUid,
    pub(crate) node: NodeUid,
    pub(crate) role: Role,
    /// First and last hash slot.
    pub(crate) slots: (u32, u32),
    /// Memory set aside for it.
    pub(crate) memory_bytes: u64,
    pub(crate) flash: bool,
    /// Whether its node is up.
    pub(crate) up: bool,
    /// Its persistence file is not on its node before then.
    pub(crate) unsaved_until: Option<Timestamp>,
    /// The Redis version that it runs, if it is not its database's.
    #[serde(default)]
    pub(crate) version: Option<String>,
}

impl Shard {
    /// How its state is called.
    pub(crate) fn status(&self) -> &'static str {
        if self.up { "active" } else { "inactive" }
    }

    /// `0-16383`
    pub(crate) fn assigned_slots(&self) -> String {
        format!("{}-{}", self.slots.0, self.slots.1)
    }
}

/// A shard that changed place or part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) shard: ShardUid,
    pub(crate) bdb: BdbUid,
    pub(crate) from: NodeUid,
    pub(crate) to: NodeUid,
    /// The part it plays now.
    pub(crate) role: Role,
}

/// A remembered layout: where each shard was and whether it was a master, and which nodes served each database.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Layout {
    pub(crate) shards: BTreeMap<ShardUid, (NodeUid, bool)>,
    pub(crate) endpoints: BTreeMap<BdbUid, Vec<NodeUid>>,
}

/// A node cannot be emptied: its shards fit nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Insufficient;

/// What the shards of one node take up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Load {
    pub(crate) ram_shards: u64,
    pub(crate) flash_shards: u64,
    pub(crate) memory_bytes: u64,
}

impl Load {
    pub(crate) fn shards(self) -> u64 {
        self.ram_shards + self.flash_shards
    }
}

/// Every shard of a cluster, with the load of each node kept up to date.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Shards {
    by_uid: BTreeMap<ShardUid, Shard>,
    by_bdb: BTreeMap<BdbUid, Vec<ShardUid>>,
    loads: BTreeMap<NodeUid, Load>,
    last_uid: u64,
}

impl Shards {
    pub(crate) fn get(&self, uid: ShardUid) -> Option<&Shard> {
        self.by_uid.get(&uid)
    }

    /// Every shard, by uid.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.by_uid.values()
    }

    /// Shards of one database: by slots, master before replica.
    pub(crate) fn of(&self, bdb: BdbUid) -> impl Iterator<Item = &Shard> {
        self.by_bdb
            .get(&bdb)
            .into_iter()
            .flatten()
            .filter_map(|uid| self.by_uid.get(uid))
    }

    /// Shards on one node, by uid.
    pub(crate) fn on(&self, node: NodeUid) -> impl Iterator<Item = &Shard> {
        self.by_uid.values().filter(move |shard| shard.node == node)
    }

    pub(crate) fn load(&self, node: NodeUid) -> Load {
        self.loads.get(&node).copied().unwrap_or_default()
    }

    /// Shards in memory and on flash, replicas included: what the licence counts.
    pub(crate) fn in_use(&self) -> (u64, u64) {
        self.loads.values().fold((0, 0), |(ram, flash), load| {
            (ram + load.ram_shards, flash + load.flash_shards)
        })
    }

    /// Gives a database the shards that `demand` describes: new ones are placed, existing ones split, shrunk, grown or removed.
    /// A database without shards gets its first ones. Returns the layout from before, for [`Shards::put_back`].
    ///
    /// # Errors
    /// When they do not fit; nothing has changed then.
    pub(crate) fn shape(
        &mut self,
        bdb: BdbUid,
        hosts: &[Host],
        rules: &Rules,
        demand: Demand,
    ) -> Result<Vec<Shard>, NoRoom> {
        let before = self.take(bdb);
        let result = self.try_shape(bdb, &before, hosts, rules, demand);
        if let Err(no_room) = result {
            self.put_back(bdb, before);
            return Err(no_room);
        }
        Ok(before)
    }

    /// Replaces a database's shards by those of an earlier layout.
    pub(crate) fn put_back(&mut self, bdb: BdbUid, before: Vec<Shard>) {
        self.take(bdb);
        for shard in before {
            self.insert(shard);
        }
    }

    /// Frees everything that a database holds.
    pub(crate) fn remove(&mut self, bdb: BdbUid) {
        self.take(bdb);
    }

    fn try_shape(
        &mut self,
        bdb: BdbUid,
        before: &[Shard],
        hosts: &[Host],
        rules: &Rules,
        demand: Demand,
    ) -> Result<(), NoRoom> {
        let roles: &[Role] = if demand.replicated {
            &[Role::Master, Role::Slave]
        } else {
            &[Role::Master]
        };
        for part in 0..demand.masters {
            let slots = demand.slots_of(part);
            for &role in roles {
                let old = before
                    .iter()
                    .find(|shard| shard.role == role && shard.slots.0 == slots.0);
                let wanted = Shard {
                    uid: old.map_or(ShardUid(self.last_uid + 1), |shard| shard.uid),
                    bdb,
                    node: old.map_or(NodeUid(0), |shard| shard.node),
                    role,
                    slots,
                    memory_bytes: demand.shard_memory_bytes,
                    flash: demand.flash,
                    up: old.is_none_or(|shard| shard.up),
                    unsaved_until: old.and_then(|shard| shard.unsaved_until),
                    version: old.and_then(|shard| shard.version.clone()),
                };
                let stays = old.is_some_and(|old| {
                    old.memory_bytes >= wanted.memory_bytes || self.fits(old.node, hosts, rules, &wanted)
                });
                let node = if stays {
                    wanted.node
                } else {
                    self.seat(&wanted, hosts, rules)?
                };
                self.insert(Shard { node, ..wanted });
            }
        }
        Ok(())
    }

    /// A node died: its shards are down, and replicas elsewhere take over for the masters it held.
    pub(crate) fn node_lost(&mut self, node: NodeUid) -> Vec<Move> {
        let lost: Vec<Shard> = self.on(node).cloned().collect();
        for shard in &lost {
            self.change(shard.uid, |shard| shard.up = false);
        }
        lost.iter()
            .filter(|shard| shard.role == Role::Master)
            .flat_map(|shard| self.failover(shard.uid))
            .collect()
    }

    /// A node came back: its shards that `runs` names synchronise again.
    pub(crate) fn node_back(&mut self, node: NodeUid, runs: impl Fn(&Shard) -> bool) {
        let there: Vec<ShardUid> = self
            .on(node)
            .filter(|shard| runs(shard))
            .map(|shard| shard.uid)
            .collect();
        for uid in there {
            self.change(uid, |shard| shard.up = true);
        }
    }

    /// Makes the live replica of a master the master. Nothing happens to a replica, or without one that is up.
    pub(crate) fn failover(&mut self, master: ShardUid) -> Vec<Move> {
        self.failover_avoiding(master, &[])
    }

    /// The same, without promoting what lives on one of the `avoided` nodes.
    pub(crate) fn failover_avoiding(&mut self, master: ShardUid, avoided: &[NodeUid]) -> Vec<Move> {
        let Some(old) = self
            .get(master)
            .filter(|shard| shard.role == Role::Master)
            .cloned()
        else {
            return Vec::new();
        };
        let promotable = |shard: &&Shard| shard.up && !avoided.contains(&shard.node);
        let replica = self
            .of(old.bdb)
            .filter(|shard| shard.slots == old.slots && shard.role == Role::Slave)
            .find(promotable);
        let Some(new) = replica.cloned() else {
            return Vec::new();
        };
        self.change(old.uid, |shard| shard.role = Role::Slave);
        self.change(new.uid, |shard| shard.role = Role::Master);
        self.sort(old.bdb);
        let turned = |shard: &Shard, role| Move {
            shard: shard.uid,
            bdb: shard.bdb,
            from: shard.node,
            to: shard.node,
            role,
        };
        vec![turned(&new, Role::Master), turned(&old, Role::Slave)]
    }

    /// Takes the shards that `leaves` names off a node: masters with a replica elsewhere fail over first, then all that is left moves.
    /// `rules` says how a database wants to be placed.
    ///
    /// # Errors
    /// When one shard fits nowhere else; nothing has changed then.
    pub(crate) fn evacuate(
        &mut self,
        node: NodeUid,
        hosts: &[Host],
        rules: impl Fn(BdbUid) -> Rules,
        leaves: impl Fn(&Shard) -> bool,
    ) -> Result<Vec<Move>, NoRoom> {
        let mut trial = self.clone();
        let others: Vec<Host> = hosts.iter().filter(|host| host.uid != node).cloned().collect();
        let mut moves = Vec::new();
        let masters: Vec<ShardUid> = trial
            .on(node)
            .filter(|shard| shard.role == Role::Master && leaves(shard))
            .map(|shard| shard.uid)
            .collect();
        for master in masters {
            moves.extend(trial.failover(master));
        }
        let leaving: Vec<Shard> = trial.on(node).filter(|shard| leaves(shard)).cloned().collect();
        for shard in leaving {
            let to = trial.seat(&shard, &others, &rules(shard.bdb))?;
            trial.relocate(shard.uid, to);
            moves.push(Move {
                shard: shard.uid,
                bdb: shard.bdb,
                from: node,
                to,
                role: shard.role,
            });
        }
        *self = trial;
        Ok(moves)
    }

    /// Takes one shard off its node, as [`Shards::evacuate`] does with all.
    ///
    /// # Errors
    /// When it fits nowhere else; a replica may have taken over by then.
    pub(crate) fn leave(
        &mut self,
        uid: ShardUid,
        others: &[Host],
        rules: &Rules,
        leaves: impl Fn(&Shard) -> bool,
    ) -> Result<Vec<Move>, NoRoom> {
        let mut moves = self.failover(uid);
        if let Some(shard) = self.get(uid).filter(|shard| leaves(shard)).cloned() {
            let to = self.seat(&shard, others, rules)?;
            self.relocate(uid, to);
            moves.push(Move {
                shard: uid,
                bdb: shard.bdb,
                from: shard.node,
                to,
                role: shard.role,
            });
        }
        Ok(moves)
    }

    /// Places the shards of a database whose node is not up on others.
    ///
    /// # Errors
    /// When one fits nowhere; those before it have moved.
    pub(crate) fn seat_lost(&mut self, bdb: BdbUid, hosts: &[Host], rules: &Rules) -> Result<(), NoRoom> {
        let alive = |node: NodeUid| hosts.iter().any(|host| host.uid == node && host.alive);
        let lost: Vec<Shard> = self.of(bdb).filter(|shard| !alive(shard.node)).cloned().collect();
        for shard in lost {
            let to = self.seat(&shard, hosts, rules)?;
            self.relocate(shard.uid, to);
            self.change(shard.uid, |shard| shard.up = false);
        }
        Ok(())
    }

    /// Says of each shard of a database whether it is up.
    pub(crate) fn set_up(&mut self, bdb: BdbUid, up: impl Fn(&Shard) -> bool) {
        let uids: Vec<ShardUid> = self.of(bdb).map(|shard| shard.uid).collect();
        for uid in uids {
            self.change(uid, |shard| shard.up = up(shard));
        }
    }

    /// Whether a shard serves.
    pub(crate) fn set_shard_up(&mut self, uid: ShardUid, up: bool) {
        self.change(uid, |shard| shard.up = up);
    }

    /// A shard's file will be on its node at `when`.
    pub(crate) fn set_unsaved(&mut self, uid: ShardUid, when: Timestamp) {
        self.change(uid, |shard| shard.unsaved_until = Some(when));
    }

    /// Where every shard is, for [`Shards::restore`].
    pub(crate) fn layout(&self) -> BTreeMap<ShardUid, (NodeUid, bool)> {
        self.iter()
            .map(|shard| (shard.uid, (shard.node, shard.role == Role::Master)))
            .collect()
    }

    /// Brings back what a layout has on `node`, as far as it exists and fits.
    pub(crate) fn restore(
        &mut self,
        node: NodeUid,
        layout: &Layout,
        hosts: &[Host],
        rules: impl Fn(BdbUid) -> Rules,
    ) -> Vec<Move> {
        let mut moves = Vec::new();
        for (uid, (_, master)) in layout.shards.iter().filter(|(_, place)| place.0 == node) {
            let Some(shard) = self.get(*uid).cloned() else {
                continue;
            };
            if shard.node != node && self.fits(node, hosts, &rules(shard.bdb), &shard) {
                self.relocate(*uid, node);
                moves.push(Move {
                    shard: *uid,
                    bdb: shard.bdb,
                    from: shard.node,
                    to: node,
                    role: shard.role,
                });
            }
            if *master
                && self
                    .get(*uid)
                    .is_some_and(|shard| shard.role == Role::Slave && shard.up && shard.node == node)
            {
                let other = self
                    .of(shard.bdb)
                    .find(|other| other.slots == shard.slots && other.role == Role::Master);
                let other = other.map(|other| other.uid);
                moves.extend(other.into_iter().flat_map(|other| self.failover(other)));
            }
        }
        moves
    }

    /// A shard runs this version of Redis; `None` for that of its database.
    pub(crate) fn set_version(&mut self, uid: ShardUid, version: Option<&str>) {
        self.change(uid, |shard| shard.version = version.map(str::to_owned));
    }

    /// Moves one shard to a node of the caller's choice.
    ///
    /// # Errors
    /// When it may not live there.
    pub(crate) fn migrate(
        &mut self,
        uid: ShardUid,
        to: NodeUid,
        hosts: &[Host],
        rules: &Rules,
    ) -> Result<Option<Move>, NoRoom> {
        let Some(shard) = self.get(uid).cloned() else {
            return Ok(None);
        };
        if shard.node == to {
            return Ok(None);
        }
        if !self.fits(to, hosts, rules, &shard) {
            return Err(NoRoom::Resources);
        }
        self.relocate(uid, to);
        Ok(Some(Move {
            shard: uid,
            bdb: shard.bdb,
            from: shard.node,
            to,
            role: shard.role,
        }))
    }

    /// Puts the shard with this first slot and part on `node`, whatever speaks against it.
    pub(crate) fn place(&mut self, bdb: BdbUid, first_slot: u32, role: Role, node: NodeUid) {
        let meant = |shard: &&Shard| shard.slots.0 == first_slot && shard.role == role;
        let uid = self.of(bdb).find(meant).map(|shard| shard.uid);
        if let Some(uid) = uid {
            self.relocate(uid, node);
        }
    }

    /// Places the dead replicas of a node anew, as replica HA does after its grace period, as far as `wanted` and as they fit.
    pub(crate) fn replace_dead_replicas(
        &mut self,
        node: NodeUid,
        hosts: &[Host],
        wanted: impl Fn(&Shard) -> bool,
        rules: impl Fn(BdbUid) -> Rules,
    ) -> Vec<Move> {
        let dead = |shard: &&Shard| !shard.up && shard.role == Role::Slave && wanted(shard);
        let dead: Vec<Shard> = self.on(node).filter(dead).cloned().collect();
        let mut moves = Vec::new();
        for shard in dead {
            if let Ok(to) = self.seat(&shard, hosts, &rules(shard.bdb)) {
                self.relocate(shard.uid, to);
                self.change(shard.uid, |shard| shard.up = true);
                moves.push(Move {
                    shard: shard.uid,
                    bdb: shard.bdb,
                    from: node,
                    to,
                    role: Role::Slave,
                });
            }
        }
        moves
    }

    fn insert(&mut self, shard: Shard) {
        self.last_uid = self.last_uid.max(shard.uid.0);
        add(self.loads.entry(shard.node).or_default(), &shard);
        let bdb = shard.bdb;
        self.by_bdb.entry(bdb).or_default().push(shard.uid);
        self.by_uid.insert(shard.uid, shard);
        self.sort(bdb);
    }

    fn take(&mut self, bdb: BdbUid) -> Vec<Shard> {
        let uids = self.by_bdb.remove(&bdb).unwrap_or_default();
        let taken: Vec<Shard> = uids.iter().filter_map(|uid| self.by_uid.remove(uid)).collect();
        for shard in &taken {
            subtract(self.loads.entry(shard.node).or_default(), shard);
        }
        taken
    }

    fn relocate(&mut self, uid: ShardUid, to: NodeUid) {
        if let Some(shard) = self.by_uid.get_mut(&uid) {
            subtract(self.loads.entry(shard.node).or_default(), shard);
            shard.node = to;
            shard.up = true;
            add(self.loads.entry(to).or_default(), shard);
        }
    }

    fn change(&mut self, uid: ShardUid, change: impl FnOnce(&mut Shard)) {
        if let Some(shard) = self.by_uid.get_mut(&uid) {
            change(shard);
        }
    }

    fn sort(&mut self, bdb: BdbUid) {
        let by_uid = &self.by_uid;
        if let Some(uids) = self.by_bdb.get_mut(&bdb) {
            uids.sort_by_key(|uid| {
                by_uid
                    .get(uid)
                    .map(|shard| (shard.slots.0, shard.role, shard.uid))
            });
        }
    }
}

fn add(load: &mut Load, shard: &Shard) {
    *(if shard.flash {
        &mut load.flash_shards
    } else {
        &mut load.ram_shards
    }) += 1;
    load.memory_bytes += shard.memory_bytes;
}

fn subtract(load: &mut Load, shard: &Shard) {
    let count = if shard.flash {
        &mut load.flash_shards
    } else {
        &mut load.ram_shards
    };
    *count = count.saturating_sub(1);
    load.memory_bytes = load.memory_bytes.saturating_sub(shard.memory_bytes);
}

#[cfg(test)]
mod tests;

//! What becomes of databases when nodes are emptied, die and come back.

use super::render::slave_ha;
use super::store::{Databases, Status, bind, rules};
use crate::sim::ids::{BdbUid, NodeUid, ShardUid};
use crate::sim::placement::{Host, Insufficient, Layout, Move, Role, Rules, Shard};
use crate::sim::state::{Cluster, Due, Env, MemberStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a node is emptied.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Evacuation {
    /// Replicas of highly available databases move too, instead of staying (`evict_ha_replica`).
    pub(crate) move_replicas: bool,
    /// Only these databases; all when empty (`evict_dbs`).
    pub(crate) only: Vec<BdbUid>,
}

impl Evacuation {
    fn takes(&self, shard: &Shard) -> bool {
        (self.only.is_empty() || self.only.contains(&shard.bdb))
            && (self.move_replicas || shard.role == Role::Master)
    }
}

/// How many shards and endpoints `evacuate` would move off `node`.
pub(crate) fn evacuable(
    cluster: &Cluster,
    env: &Env,
    node: NodeUid,
    how: &Evacuation,
) -> Result<usize, Insufficient> {
    let mut trial = cluster.databases.shards.clone();
    let moves = trial.evacuate(node, &cluster.hosts(env), placing(cluster), |shard| {
        how.takes(shard)
    });
    let moves = moves.map_err(|_| Insufficient)?;
    Ok(moves.iter().filter(|step| step.from != step.to).count()
        + leaving(&cluster.databases, node, how).len())
}

/// Moves shards and endpoints off `node`; nothing moves if not all can.
pub(crate) fn evacuate(
    cluster: &mut Cluster,
    env: &mut Env,
    node: NodeUid,
    how: &Evacuation,
) -> Result<usize, Insufficient> {
    let hosts = cluster.hosts(env);
    let place = placing(cluster);
    let moves = cluster
        .databases
        .shards
        .evacuate(node, &hosts, place, |shard| how.takes(shard));
    let moves = moves.map_err(|_| Insufficient)?;
    moved(cluster, env, &moves);
    let mut touched: BTreeSet<BdbUid> = moves.iter().map(|step| step.bdb).collect();
    let endpoints = leaving(&cluster.databases, node, how);
    touched.extend(endpoints.iter().copied());
    for bdb in &endpoints {
        unbind(cluster, *bdb, node);
    }
    rebind(cluster, env, touched);
    Ok(moves.iter().filter(|step| step.from != step.to).count() + endpoints.len())
}

/// One step of [`evacuate`]: one shard leaves. Nothing happens when none is left, or when it fits nowhere.
pub(crate) fn evacuate_next(cluster: &mut Cluster, env: &mut Env, node: NodeUid, how: &Evacuation) {
    let Some(shard) = cluster
        .databases
        .shards
        .on(node)
        .find(|shard| how.takes(shard))
        .cloned()
    else {
        return;
    };
    let others: Vec<Host> = cluster
        .hosts(env)
        .into_iter()
        .filter(|host| host.uid != node)
        .collect();
    let set = cluster
        .databases
        .get(shard.bdb)
        .map(|database| database.set.clone());
    let rules = rules(cluster, &set.unwrap_or_default());
    let shards = &mut cluster.databases.shards;
    if let Ok(moves) = shards.leave(shard.uid, &others, &rules, |shard| how.takes(shard)) {
        moved(cluster, env, &moves);
        rebind(cluster, env, BTreeSet::from([shard.bdb]));
    }
}

/// What follows from moves: a shard without a counterpart does not serve until it has arrived, and its file comes later.
pub(crate) fn moved(cluster: &mut Cluster, env: &mut Env, moves: &[Move]) {
    let (takes, saved) = (env.timings.shard_move, env.after(saving(env)));
    for step in moves.iter().filter(|step| step.from != step.to) {
        let shards = &mut cluster.databases.shards;
        shards.set_unsaved(step.shard, saved);
        let slots = shards.get(step.shard).map(|shard| shard.slots);
        let alone = shards
            .of(step.bdb)
            .filter(|shard| Some(shard.slots) == slots)
            .count()
            == 1;
        if alone {
            shards.set_shard_up(step.shard, false);
            env.schedule(takes, Due::ShardArrived(cluster.id, step.shard));
        }
    }
}

/// How many times as long as a move it takes until the persistence file of a moved shard is written.
const SAVING: u32 = 10;

/// Time until the persistence file of a moved shard is written.
pub(crate) fn saving(env: &Env) -> Duration {
    env.timings.shard_move * SAVING
}

/// A shard that moved serves again, if its node is up.
pub(crate) fn arrived(cluster: &mut Cluster, env: &mut Env, uid: ShardUid) {
    let Some(shard) = cluster.databases.shards.get(uid).cloned() else {
        return;
    };
    let up = cluster
        .members
        .get(&shard.node)
        .is_some_and(|member| member.status != MemberStatus::Down);
    if up && !recovering(&cluster.databases, shard.bdb) {
        cluster.databases.shards.set_shard_up(uid, true);
        rebind(cluster, env, BTreeSet::from([shard.bdb]));
    }
}

fn recovering(databases: &Databases, bdb: BdbUid) -> bool {
    databases
        .get(bdb)
        .is_some_and(|database| database.status == Status::Recovery)
}

/// Puts back what `layout` has on `node`, as far as it still exists and fits.
pub(crate) fn restore(cluster: &mut Cluster, env: &mut Env, node: NodeUid, layout: &Layout) -> usize {
    let hosts = cluster.hosts(env);
    let place = placing(cluster);
    let moves = cluster.databases.shards.restore(node, layout, &hosts, place);
    moved(cluster, env, &moves);
    let mut touched: BTreeSet<BdbUid> = moves.iter().map(|step| step.bdb).collect();
    let served = layout
        .endpoints
        .iter()
        .filter(|(_, nodes)| nodes.contains(&node))
        .map(|(bdb, _)| *bdb);
    touched.extend(served);
    rebind(cluster, env, touched);
    moves.iter().filter(|step: &&Move| step.from != step.to).count()
}

/// The cluster noticed that `node` is gone: promote replicas, rebind endpoints, mark shards.
pub(crate) fn node_lost(cluster: &mut Cluster, env: &mut Env, node: NodeUid) {
    let mut touched: BTreeSet<BdbUid> = cluster.databases.shards.on(node).map(|shard| shard.bdb).collect();
    cluster.databases.shards.node_lost(node);
    touched.extend(bound_on(&cluster.databases, node));
    rebind(cluster, env, touched);
}

/// The cluster noticed that `node` is back (or was replaced under its uid): its shards synchronise again.
pub(crate) fn node_found(cluster: &mut Cluster, env: &mut Env, node: NodeUid) {
    let waiting: BTreeSet<BdbUid> = cluster
        .databases
        .iter()
        .filter(|database| database.status == Status::Recovery)
        .map(|database| database.uid)
        .collect();
    cluster
        .databases
        .shards
        .node_back(node, |shard| !waiting.contains(&shard.bdb));
    let everywhere = cluster
        .databases
        .iter()
        .filter(|database| database.text("proxy_policy") == "all-nodes");
    let mut touched: BTreeSet<BdbUid> = everywhere.map(|database| database.uid).collect();
    touched.extend(cluster.databases.shards.on(node).map(|shard| shard.bdb));
    touched.retain(|bdb| !waiting.contains(bdb));
    rebind(cluster, env, touched);
    super::recover_automatically(cluster, env);
}

/// The grace period of replica high availability is over and `node` is still gone: make replicas elsewhere.
pub(crate) fn replica_ha(cluster: &mut Cluster, env: &mut Env, node: NodeUid) {
    let hosts = cluster.hosts(env);
    let place = placing(cluster);
    let highly_available: BTreeSet<BdbUid> = cluster
        .databases
        .iter()
        .filter(|database| slave_ha(cluster, database))
        .map(|database| database.uid)
        .collect();
    let moves = cluster.databases.shards.replace_dead_replicas(
        node,
        &hosts,
        |shard| highly_available.contains(&shard.bdb),
        place,
    );
    let touched = moves.iter().map(|step| step.bdb).collect();
    rebind(cluster, env, touched);
}

/// Binds endpoints anew. One that finds no listener stays where it is.
fn rebind(cluster: &mut Cluster, env: &Env, databases: BTreeSet<BdbUid>) {
    for bdb in databases {
        let _ = bind(cluster, env, bdb);
        if let Some(database) = cluster.databases.get_mut(bdb) {
            database.topology_epoch += 1;
        }
    }
}

fn unbind(cluster: &mut Cluster, bdb: BdbUid, node: NodeUid) {
    let nodes = cluster.databases.get(bdb).map(|database| {
        database
            .bound
            .iter()
            .copied()
            .filter(|bound| *bound != node)
            .collect()
    });
    cluster.databases.set_bound(bdb, nodes.unwrap_or_default());
}

fn bound_on(databases: &Databases, node: NodeUid) -> impl Iterator<Item = BdbUid> {
    databases
        .iter()
        .filter(move |database| database.bound.contains(&node))
        .map(|database| database.uid)
}

/// Databases whose endpoint leaves `node`.
fn leaving(databases: &Databases, node: NodeUid, how: &Evacuation) -> Vec<BdbUid> {
    bound_on(databases, node)
        .filter(|bdb| how.only.is_empty() || how.only.contains(bdb))
        .collect()
}

/// How each database wants to be placed, detached from the cluster so that its shards can change meanwhile.
fn placing(cluster: &Cluster) -> impl Fn(BdbUid) -> Rules + use<> {
    let all: BTreeMap<BdbUid, Rules> = cluster
        .databases
        .iter()
        .map(|database| (database.uid, rules(cluster, &database.set)))
        .collect();
    move |bdb| all.get(&bdb).cloned().unwrap_or_default()
}

//! What becomes of databases when nodes are emptied, die and come back.

use super::render::slave_ha;
use super::store::{Databases, bind, rules};
use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::placement::{Insufficient, Layout, Move, Role, Rules, Shard};
use crate::sim::state::{Cluster, Env};
use std::collections::{BTreeMap, BTreeSet};

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
    let mut touched: BTreeSet<BdbUid> = moves.iter().map(|step| step.bdb).collect();
    let endpoints = leaving(&cluster.databases, node, how);
    touched.extend(endpoints.iter().copied());
    for bdb in &endpoints {
        unbind(cluster, *bdb, node);
    }
    rebind(cluster, env, touched);
    Ok(moves.iter().filter(|step| step.from != step.to).count() + endpoints.len())
}

/// Puts back what `layout` has on `node`, as far as it still exists and fits.
pub(crate) fn restore(cluster: &mut Cluster, env: &mut Env, node: NodeUid, layout: &Layout) -> usize {
    let hosts = cluster.hosts(env);
    let place = placing(cluster);
    let moves = cluster.databases.shards.restore(node, layout, &hosts, place);
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
    cluster.databases.shards.node_back(node);
    let everywhere = cluster
        .databases
        .iter()
        .filter(|database| database.text("proxy_policy") == "all-nodes");
    let mut touched: BTreeSet<BdbUid> = everywhere.map(|database| database.uid).collect();
    touched.extend(cluster.databases.shards.on(node).map(|shard| shard.bdb));
    rebind(cluster, env, touched);
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

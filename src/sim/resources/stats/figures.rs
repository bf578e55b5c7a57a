//! The figures themselves: what traffic would move has its default, the rest is worked out.

use crate::sim::call::Ctx;
use crate::sim::placement::{Role, Shard};
use crate::sim::resources::bdbs::Database;
use crate::sim::schema::{defaults, stats};
use crate::sim::state::{Cluster, Member};
use serde_json::{Map, Value, json};

/// What a shard without data takes.
pub(crate) const EMPTY_SHARD_BYTES: u64 = 2 << 20;

#[expect(
    clippy::cast_precision_loss,
    reason = "captures show all statistics as floats"
)]
fn set(map: &mut Map<String, Value>, name: &str, value: u64) {
    map.insert(name.to_owned(), json!(value as f64));
}

/// What a shard's process holds: its part of the data, replicas the same as their masters.
pub(crate) fn shard_bytes(cluster: &Cluster, shard: &Shard) -> u64 {
    let shards = || cluster.databases.shards.of(shard.bdb);
    let masters = shards().filter(|other| other.role == Role::Master).count().max(1);
    let data = cluster
        .databases
        .get(shard.bdb)
        .map_or(0, |database| database.data_bytes);
    EMPTY_SHARD_BYTES + data / u64::try_from(masters).unwrap_or(1)
}

pub(super) fn bdb(ctx: &Ctx<'_>, database: &Database) -> Map<String, Value> {
    let mut figures = defaults(stats::BDB.fields, ctx.env.profile);
    let shards = u64::try_from(ctx.cluster.databases.shards.of(database.uid).count()).unwrap_or_default();
    set(
        &mut figures,
        "used_memory",
        shards * EMPTY_SHARD_BYTES + database.data_bytes,
    );
    figures.insert("mem_frag_ratio".to_owned(), json!(1.0));
    for name in ["last_req_time", "last_res_time"] {
        figures.insert(name.to_owned(), json!("1970-01-01T00:00:00Z"));
    }
    figures
}

pub(super) fn shard(ctx: &Ctx<'_>, shard: &Shard) -> Map<String, Value> {
    let mut figures = defaults(stats::SHARD.fields, ctx.env.profile);
    let used = shard_bytes(ctx.cluster, shard);
    for name in ["used_memory", "used_memory_peak", "used_memory_rss"] {
        set(&mut figures, name, used);
    }
    figures.insert("mem_frag_ratio".to_owned(), json!(1.0));
    // A shard that has saved nothing yet counts from its start.
    let database = ctx.cluster.databases.get(shard.bdb);
    let started = database.and_then(|database| u64::try_from(database.created.as_second()).ok());
    set(&mut figures, "last_save_time", started.unwrap_or_default());
    figures
}

pub(super) fn node(ctx: &Ctx<'_>, member: &Member) -> Map<String, Value> {
    let mut figures = defaults(stats::NODE.fields, ctx.env.profile);
    figures.insert("cpu_idle".to_owned(), json!(1.0));
    for (name, value) in amounts(ctx, member) {
        set(&mut figures, name, value);
    }
    figures
}

/// Memory and storage of a node, bytes.
fn amounts(ctx: &Ctx<'_>, member: &Member) -> [(&'static str, u64); 13] {
    let host = ctx
        .env
        .node(member.host)
        .filter(|_| ctx.cluster.runs(ctx.env, member));
    let (memory, storage, flash) = host.map_or((0, 0, 0), |host| {
        (
            host.config.memory_bytes,
            host.config.storage_bytes,
            host.config.flash_bytes,
        )
    });
    let used: u64 = ctx
        .cluster
        .databases
        .shards
        .on(member.uid)
        .map(|shard| shard_bytes(ctx.cluster, shard))
        .sum();
    let reserved: u64 = ctx
        .cluster
        .databases
        .shards_on(member.uid)
        .iter()
        .map(|shard| shard.memory_bytes)
        .sum();
    let provisional = if member.accept_servers {
        (memory / 100 * 88).saturating_sub(reserved)
    } else {
        0
    };
    let available = (memory / 100 * 96).saturating_sub(used);
    [
        ("free_memory", memory.saturating_sub(used)),
        ("available_memory", available),
        ("available_memory_no_overbooking", available),
        ("provisional_memory", provisional),
        ("provisional_memory_no_overbooking", provisional),
        ("ephemeral_storage_avail", storage),
        ("ephemeral_storage_free", storage),
        ("persistent_storage_avail", storage),
        ("persistent_storage_free", storage),
        ("available_flash", flash),
        ("available_flash_no_overbooking", flash),
        ("provisional_flash", flash),
        ("provisional_flash_no_overbooking", flash),
    ]
}

/// Sums over the nodes; shares of processor time are the nodes' mean.
pub(super) fn cluster(ctx: &Ctx<'_>) -> Map<String, Value> {
    let mut figures = defaults(stats::CLUSTER.fields, ctx.env.profile);
    figures.insert("cpu_idle".to_owned(), json!(1.0));
    let nodes: Vec<_> = ctx
        .cluster
        .members
        .values()
        .map(|member| amounts(ctx, member))
        .collect();
    let names = nodes.first().into_iter().flatten().map(|(name, _)| *name);
    for name in names {
        let of = |amounts: &[(&'static str, u64); 13]| {
            amounts
                .iter()
                .find(|(other, _)| *other == name)
                .map_or(0, |found| found.1)
        };
        set(&mut figures, name, nodes.iter().map(of).sum());
    }
    figures
}

pub(super) fn endpoint(ctx: &Ctx<'_>) -> Map<String, Value> {
    defaults(stats::ENDPOINT.fields, ctx.env.profile)
}

pub(super) fn source(ctx: &Ctx<'_>) -> Map<String, Value> {
    defaults(stats::SOURCE.fields, ctx.env.profile)
}

//! The figures themselves: what traffic would move has its default, the rest is worked out.

use crate::sim::call::Ctx;
use crate::sim::placement::{Role, Shard};
use crate::sim::resources::bdbs::Database;
use crate::sim::schema::{Field, defaults, defaults_instead, stats};
use crate::sim::state::{Cluster, Member, SimNode};
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

/// How much of that is on flash: what is more than the memory set aside for the shard.
fn flash_bytes(cluster: &Cluster, shard: &Shard) -> u64 {
    let held = if shard.flash {
        shard_bytes(cluster, shard)
    } else {
        0
    };
    held.saturating_sub(shard.memory_bytes)
}

/// Figures without traffic, with those of flash for what uses it.
fn idle(ctx: &Ctx<'_>, fields: &[Field], flash: bool) -> Map<String, Value> {
    let mut figures = defaults(fields, ctx.env.profile);
    if flash {
        figures.extend(defaults_instead(fields, ctx.env.profile, stats::OF_FLASH));
    }
    figures
}

pub(super) fn bdb(ctx: &Ctx<'_>, database: &Database) -> Map<String, Value> {
    let flash = database.flag("bigstore");
    let mut figures = idle(ctx, stats::BDB.fields, flash);
    let shards = || ctx.cluster.databases.shards.of(database.uid);
    let count = u64::try_from(shards().count()).unwrap_or_default();
    let used = count * EMPTY_SHARD_BYTES + database.data_bytes;
    set(&mut figures, "used_memory", used);
    if flash {
        let ram = used.min(shards().map(|shard| shard.memory_bytes).sum());
        set(&mut figures, "used_ram", ram);
        set(&mut figures, "used_bigstore", used - ram);
    }
    figures.insert("mem_frag_ratio".to_owned(), json!(1.0));
    for name in ["last_req_time", "last_res_time"] {
        figures.insert(name.to_owned(), json!("1970-01-01T00:00:00Z"));
    }
    figures
}

pub(super) fn shard(ctx: &Ctx<'_>, shard: &Shard) -> Map<String, Value> {
    let mut figures = idle(ctx, stats::SHARD.fields, shard.flash);
    let used = shard_bytes(ctx.cluster, shard);
    for name in ["used_memory", "used_memory_peak"] {
        set(&mut figures, name, used);
    }
    let resident = used - flash_bytes(ctx.cluster, shard);
    set(&mut figures, "used_memory_rss", resident);
    figures.insert("mem_frag_ratio".to_owned(), json!(1.0));
    // A shard that has saved nothing yet counts from its start.
    let database = ctx.cluster.databases.get(shard.bdb);
    let started = database.and_then(|database| u64::try_from(database.created.as_second()).ok());
    set(&mut figures, "last_save_time", started.unwrap_or_default());
    figures
}

pub(super) fn node(ctx: &Ctx<'_>, member: &Member) -> Map<String, Value> {
    let mut figures = idle(ctx, stats::NODE.fields, member.has_flash());
    figures.insert("cpu_idle".to_owned(), json!(1.0));
    if member.has_flash() {
        set(&mut figures, "bigstore_free", free_flash(ctx, member));
    }
    for (name, value) in amounts(ctx, member) {
        set(&mut figures, name, value);
    }
    figures
}

/// The machine of a member that runs.
fn running<'a>(ctx: &'a Ctx<'_>, member: &Member) -> Option<&'a SimNode> {
    let host = ctx.env.node(member.host);
    host.filter(|_| ctx.cluster.runs(ctx.env, member))
}

/// Flash of a node that no shard uses, bytes.
fn free_flash(ctx: &Ctx<'_>, member: &Member) -> u64 {
    let shards = ctx.cluster.databases.shards.on(member.uid);
    let used: u64 = shards.map(|shard| flash_bytes(ctx.cluster, shard)).sum();
    let there = running(ctx, member).map_or(0, |host| host.config.flash_bytes);
    there.saturating_sub(used)
}

/// Memory and storage of a node, bytes.
fn amounts(ctx: &Ctx<'_>, member: &Member) -> [(&'static str, u64); 13] {
    let (memory, storage) = running(ctx, member).map_or((0, 0), |host| {
        (host.config.memory_bytes, host.config.storage_bytes)
    });
    let flash = free_flash(ctx, member);
    let used: u64 = ctx
        .cluster
        .databases
        .shards
        .on(member.uid)
        .map(|shard| shard_bytes(ctx.cluster, shard) - flash_bytes(ctx.cluster, shard))
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
    let on_flash = || ctx.cluster.members.values().filter(|member| member.has_flash());
    let flash = on_flash().next().is_some();
    let mut figures = idle(ctx, stats::CLUSTER.fields, flash);
    figures.insert("cpu_idle".to_owned(), json!(1.0));
    if flash {
        let free = on_flash().map(|member| free_flash(ctx, member)).sum();
        set(&mut figures, "bigstore_free", free);
    }
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

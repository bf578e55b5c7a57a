//! What a shard's process says about itself: the keys of Redis's `INFO` that `extra_info_keys` can ask for.

use super::bdbs::Database;
use super::stats::{EMPTY_SHARD_BYTES, shard_bytes};
use crate::sim::call::Ctx;
use crate::sim::placement::{Role, Shard};
use serde_json::{Map, Value, json};

/// Whole numbers that only traffic, a client or an accident would move.
#[rustfmt::skip]
const ZEROS: &[&str] = &[
    // Clients.
    "blocked_clients", "client_recent_max_input_buffer", "client_recent_max_output_buffer",
    "clients_in_timeout_table", "connected_clients", "pubsub_clients", "tracking_clients",
    // Memory.
    "active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects", "mem_aof_buffer", "mem_clients_normal",
    "mem_clients_slaves", "mem_not_counted_for_evict", "mem_replication_backlog", "number_of_cached_scripts",
    "number_of_functions", "number_of_libraries", "used_memory_functions", "used_memory_lua", "used_memory_scripts",
    "used_memory_vm_eval", "used_memory_vm_functions", "used_memory_vm_total",
    // Persistence.
    "aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_rewrites", "async_loading", "loading",
    "module_fork_in_progress", "rdb_bgsave_in_progress", "rdb_changes_since_last_save", "rdb_saves",
    // Stats.
    "active_defrag_hits", "active_defrag_misses", "evicted_clients", "evicted_keys", "expired_keys",
    "instantaneous_ops_per_sec", "keyspace_hits", "keyspace_misses", "latest_fork_usec", "migrate_cached_sockets",
    "pubsub_channels", "pubsub_patterns", "pubsubshard_channels", "rejected_connections", "sync_full",
    "sync_partial_err", "sync_partial_ok", "total_active_defrag_time", "total_commands_processed",
    "total_connections_received", "total_error_replies", "total_eviction_exceeded_time", "total_forks",
    "total_net_input_bytes", "total_net_output_bytes", "total_reads_processed", "total_writes_processed",
    "unexpected_error_replies",
    // Replication.
    "master_repl_offset", "repl_backlog_first_byte_offset", "repl_backlog_histlen", "second_repl_offset",
    // Cluster.
    "cluster_enabled",
];

/// The same for shares and times.
#[rustfmt::skip]
const FRACTIONS: &[&str] = &[
    "expired_stale_perc", "instantaneous_input_kbps", "instantaneous_output_kbps", "used_cpu_sys",
    "used_cpu_sys_children", "used_cpu_sys_main_thread", "used_cpu_user", "used_cpu_user_children",
    "used_cpu_user_main_thread",
];

/// Words that are always the same.
const WORDS: &[(&str, &str)] = &[
    ("aof_last_bgrewrite_status", "ok"),
    ("aof_last_write_status", "ok"),
    ("arch_bits", "64"),
    ("master_failover_state", "no-failover"),
    ("rdb_last_bgsave_status", "ok"),
    ("redis_mode", "standalone"),
];

/// The keys that the caller asks for. One that `INFO` does not have is left out; a shard that is down says nothing.
pub(super) fn asked(ctx: &Ctx<'_>, shard: &Shard) -> Map<String, Value> {
    let Some(keys) = ctx.call.query.get("extra_info_keys").filter(|_| shard.up) else {
        return Map::new();
    };
    let Some(database) = ctx.cluster.databases.get(shard.bdb) else {
        return Map::new();
    };
    let keys = keys.split(',').map(str::trim);
    keys.filter_map(|key| Some((key.to_owned(), value(ctx, database, shard, key)?)))
        .collect()
}

fn value(ctx: &Ctx<'_>, database: &Database, shard: &Shard, key: &str) -> Option<Value> {
    let up = ctx.env.now.duration_since(database.created).as_secs();
    let word = || WORDS.iter().find(|(known, _)| *known == key);
    Some(match key {
        "aof_enabled" => json!(u8::from(database.text("data_persistence") == "aof")),
        "rdb_last_save_time" => json!(database.created.as_second()),
        "configured_hz" | "hz" => json!(10),
        "redis_version" => json!(shard.version.as_deref().unwrap_or(database.text("version"))),
        "uptime_in_days" => json!(up / 86_400),
        "uptime_in_seconds" => json!(up),
        zero if ZEROS.contains(&zero) => json!(0),
        zero if FRACTIONS.contains(&zero) => json!(0.0),
        _ => word()
            .map(|(_, word)| json!(word))
            .or_else(|| of_memory(ctx, database, shard, key))
            .or_else(|| of_replication(ctx, shard, key))?,
    })
}

fn of_memory(ctx: &Ctx<'_>, database: &Database, shard: &Shard, key: &str) -> Option<Value> {
    let held = shard_bytes(ctx.cluster, shard);
    Some(match key {
        "maxmemory" => json!(shard.memory_bytes),
        "maxmemory_human" => json!(human(shard.memory_bytes)),
        "maxmemory_policy" => json!(database.text("eviction_policy")),
        "mem_fragmentation_ratio" => json!(1.0),
        "used_memory" | "used_memory_peak" | "used_memory_rss" => json!(held),
        "used_memory_human" | "used_memory_peak_human" | "used_memory_rss_human" => json!(human(held)),
        "used_memory_dataset" => json!(held - EMPTY_SHARD_BYTES),
        "used_memory_overhead" | "used_memory_startup" => json!(EMPTY_SHARD_BYTES),
        _ => return None,
    })
}

fn of_replication(ctx: &Ctx<'_>, shard: &Shard, key: &str) -> Option<Value> {
    let twins = || {
        let shards = ctx.cluster.databases.shards.of(shard.bdb);
        shards.filter(|other| other.slots == shard.slots && other.uid != shard.uid && other.up)
    };
    let replicas = twins().filter(|other| other.role == Role::Slave).count();
    let linked = twins().any(|other| other.role == Role::Master);
    Some(match (key, shard.role) {
        ("role", role) => json!(role.as_str()),
        ("connected_slaves", Role::Master) => json!(replicas),
        ("connected_slaves", Role::Slave) => json!(0),
        ("master_link_status", Role::Slave) => json!(if linked { "up" } else { "down" }),
        ("slave_read_only", Role::Slave) => json!(1),
        ("master_last_io_seconds_ago" | "master_sync_in_progress" | "slave_repl_offset", Role::Slave) => {
            json!(0)
        }
        _ => return None,
    })
}

/// `2.00M`: bytes as Redis writes them for people.
fn human(bytes: u64) -> String {
    let units = [(1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    let Some((unit, letter)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes}B");
    };
    let hundredths = (bytes % unit) * 100 / unit;
    format!("{}.{hundredths:02}{letter}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use serde_json::{Value, json};

    #[test]
    fn keys_of_info_come_on_request_only() {
        let mut sim = Fixture::cluster(2, 2);
        sim.database(None);
        let mut info = |query: &str| {
            let path = format!("/v1/shards/1{query}");
            sim.admin(0, "GET", &path, Value::Null).json["redis_info"].clone()
        };
        assert_eq!(info(""), json!({}));
        let wanted = json!({"connected_clients": 0, "used_memory_rss": 2 << 20});
        assert_eq!(
            info("?extra_info_keys=used_memory_rss&extra_info_keys=connected_clients"),
            wanted
        );
        assert_eq!(
            info("?extra_info_keys=used_memory_rss,connected_clients,moon"),
            wanted
        );
        assert_eq!(
            info("?extra_info_keys=maxmemory"),
            json!({"maxmemory": 268_435_456})
        );
    }

    #[test]
    fn what_the_world_knows_of_a_shard_is_in_its_info() {
        let mut sim = Fixture::cluster(2, 2);
        sim.database_with_data(&[&json!({"replication": true, "eviction_policy": "volatile-ttl"})]);
        let mut info = |uid: u64, key: &str| {
            let path = format!("/v1/shards/{uid}?extra_info_keys={key}");
            sim.admin(0, "GET", &path, Value::Null).json["redis_info"].clone()
        };
        for (key, master, replica) in [
            ("role", json!("master"), json!("slave")),
            ("connected_slaves", json!(1), json!(0)),
            ("master_link_status", Value::Null, json!("up")),
            ("maxmemory_policy", json!("volatile-ttl"), json!("volatile-ttl")),
            ("used_memory_human", json!("2.00M"), json!("2.00M")),
            ("mem_fragmentation_ratio", json!(1.0), json!(1.0)),
            ("used_cpu_sys", json!(0.0), json!(0.0)),
            ("loading", json!(0), json!(0)),
            ("redis_mode", json!("standalone"), json!("standalone")),
            ("process_id", Value::Null, Value::Null),
        ] {
            let got = [info(1, key)[key].clone(), info(2, key)[key].clone()];
            assert_eq!(got, [master, replica], "{key}");
        }
    }
}

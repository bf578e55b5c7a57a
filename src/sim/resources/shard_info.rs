//! What a shard's process says about itself: the keys of Redis's `INFO` that `extra_info_keys` can ask for.

use super::bdbs::Database;
use super::stats::{EMPTY_SHARD_BYTES, shard_bytes};
use crate::sim::call::Ctx;
use crate::sim::placement::{Role, Shard};
use serde_json::{Map, Value, json};

/// Counters that only traffic would move.
const ZEROS: &[&str] = &[
    "blocked_clients",
    "client_recent_max_input_buffer",
    "client_recent_max_output_buffer",
    "connected_clients",
    "aof_rewrite_in_progress",
    "rdb_bgsave_in_progress",
    "rdb_changes_since_last_save",
    "instantaneous_ops_per_sec",
    "keyspace_hits",
    "keyspace_misses",
    "total_commands_processed",
    "total_connections_received",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "evicted_keys",
    "expired_keys",
    "used_memory_lua",
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
    let held = shard_bytes(ctx.cluster, shard);
    let up = ctx.env.now.duration_since(database.created).as_secs();
    Some(match key {
        "maxmemory" => json!(shard.memory_bytes),
        "used_memory" | "used_memory_peak" | "used_memory_rss" => json!(held),
        "used_memory_dataset" => json!(held - EMPTY_SHARD_BYTES),
        "used_memory_overhead" => json!(EMPTY_SHARD_BYTES),
        "aof_enabled" => json!(u8::from(database.text("data_persistence") == "aof")),
        "rdb_last_bgsave_status" => json!("ok"),
        "rdb_last_save_time" => json!(database.created.as_second()),
        "role" => json!(shard.role.as_str()),
        "master_last_io_seconds_ago" | "slave_repl_offset" if shard.role == Role::Master => return None,
        "master_last_io_seconds_ago" | "slave_repl_offset" | "master_repl_offset" => json!(0),
        "configured_hz" | "hz" => json!(10),
        "redis_version" => json!(shard.version.as_deref().unwrap_or(database.text("version"))),
        "uptime_in_days" => json!(up / 86_400),
        "uptime_in_seconds" => json!(up),
        zero if ZEROS.contains(&zero) => json!(0),
        _ => return None,
    })
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
}

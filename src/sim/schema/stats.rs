//! Metrics. What is always there has a default: its value without traffic; the rest shows when it applies.

use super::{Access, COUNT, Field, Kind, Source, Table};
use Kind::{Either, Float, ListOf, MapOf, Nested, Of, Text};

/// A metric that is always there.
const fn always(name: &'static str) -> Field {
    Field::new(name, Float, "0.0", Access::Read)
}

/// A metric that shows when there is traffic, or flash ([`OF_FLASH`]), or that is worked out.
const fn when(name: &'static str) -> Field {
    Field::new(name, Float, "", Access::Read)
}

const fn text(name: &'static str) -> Field {
    Field::new(name, Text, "", Access::Read)
}

/// Metrics of what uses flash only, with their values without traffic.
pub(crate) const OF_FLASH: &[(&str, &str)] = &[
    ("big_del_flash", "0.0"),
    ("big_del_ram", "0.0"),
    ("big_fetch_flash", "0.0"),
    ("big_fetch_ram", "0.0"),
    ("big_io_ratio_flash", "0.0"),
    ("big_io_ratio_redis", "0.0"),
    ("big_write_flash", "0.0"),
    ("big_write_ram", "0.0"),
    ("bigstore_free", "0.0"),
    ("bigstore_io_dels", "0.0"),
    ("bigstore_io_read_bytes", "0.0"),
    ("bigstore_io_reads", "0.0"),
    ("bigstore_io_write_bytes", "0.0"),
    ("bigstore_io_writes", "0.0"),
    ("bigstore_iops", "0.0"),
    ("bigstore_kv_ops", "0.0"),
    ("bigstore_objs_flash", "0.0"),
    ("bigstore_objs_ram", "0.0"),
    ("bigstore_throughput", "0.0"),
    ("disk_frag_ratio", "1.0"),
    ("ram_overhead", "0.0"),
    ("used_bigstore", "0.0"),
    ("used_ram", "0.0"),
];

const INTERVAL: Field = text("interval");
const FROM: Field = text("stime");
const TO: Field = text("etime");

#[rustfmt::skip]
pub(crate) const CLUSTER: Table = Table::part("cluster_metrics", "Sums over the nodes.", &[
    INTERVAL, FROM, TO,
    when("available_flash"),
    when("available_flash_no_overbooking"),
    when("available_memory"),
    when("available_memory_no_overbooking"),
    when("avg_latency"),
    when("bigstore_free"),
    when("bigstore_iops"),
    when("bigstore_kv_ops"),
    when("bigstore_throughput"),
    always("conns"),
    when("cpu_idle"),
    always("cpu_iowait"),
    always("cpu_irqs"),
    always("cpu_nice"),
    always("cpu_steal"),
    always("cpu_system"),
    always("cpu_user"),
    always("egress_bytes"),
    when("ephemeral_storage_avail"),
    when("ephemeral_storage_free"),
    when("free_memory"),
    always("ingress_bytes"),
    when("persistent_storage_avail"),
    when("persistent_storage_free"),
    when("provisional_flash"),
    when("provisional_flash_no_overbooking"),
    when("provisional_memory"),
    when("provisional_memory_no_overbooking").source(Source::Fixture),
    always("total_req"),
]);

#[rustfmt::skip]
pub(crate) const NODE: Table = Table::part("node_metrics", "A node.", &[
    INTERVAL, FROM, TO,
    when("available_flash"),
    when("available_flash_no_overbooking"),
    when("available_memory"),
    when("available_memory_no_overbooking"),
    when("avg_latency"),
    when("bigstore_free"),
    when("bigstore_iops"),
    when("bigstore_kv_ops"),
    when("bigstore_throughput"),
    always("conns"),
    when("cpu_idle"),
    always("cpu_iowait"),
    always("cpu_irqs"),
    always("cpu_nice"),
    always("cpu_steal"),
    always("cpu_system"),
    always("cpu_user"),
    always("cur_aof_rewrites"),
    always("egress_bytes"),
    when("ephemeral_storage_avail"),
    when("ephemeral_storage_free"),
    when("free_memory"),
    always("ingress_bytes"),
    when("persistent_storage_avail"),
    when("persistent_storage_free"),
    when("provisional_flash"),
    when("provisional_flash_no_overbooking"),
    when("provisional_memory"),
    when("provisional_memory_no_overbooking").source(Source::Fixture),
    always("total_req"),
]);

#[rustfmt::skip]
pub(crate) const BDB: Table = Table::part("db_metrics", "A database.", &[
    INTERVAL, FROM, TO,
    when("avg_latency"),
    when("avg_other_latency"),
    when("avg_read_latency"),
    when("avg_write_latency"),
    when("big_del_flash"),
    when("big_del_ram"),
    when("big_fetch_flash"),
    when("big_fetch_ram"),
    when("big_io_ratio_flash"),
    when("big_io_ratio_redis"),
    when("big_write_flash"),
    when("big_write_ram"),
    when("bigstore_io_dels"),
    when("bigstore_io_read_bytes"),
    when("bigstore_io_reads"),
    when("bigstore_io_write_bytes"),
    when("bigstore_io_writes"),
    when("bigstore_iops"),
    when("bigstore_kv_ops"),
    when("bigstore_objs_flash"),
    when("bigstore_objs_ram"),
    when("bigstore_throughput"),
    always("conns"),
    when("disk_frag_ratio"),
    always("egress_bytes"),
    always("evicted_objects"),
    always("expired_objects"),
    always("fork_cpu_system"),
    always("fork_cpu_user"),
    always("ingress_bytes"),
    always("instantaneous_ops_per_sec"),
    text("last_req_time"),
    text("last_res_time"),
    always("main_thread_cpu_system"),
    always("main_thread_cpu_user"),
    when("mem_frag_ratio"),
    always("mem_not_counted_for_evict"),
    always("mem_size_lua"),
    always("monitor_sessions_count"),
    always("no_of_expires"),
    always("no_of_keys"),
    always("other_req"),
    always("other_res"),
    always("pubsub_channels"),
    always("pubsub_patterns"),
    when("ram_overhead"),
    always("read_hits"),
    always("read_misses"),
    always("read_req"),
    always("read_res"),
    always("shard_cpu_system"),
    always("shard_cpu_user"),
    always("total_connections_received"),
    always("total_req"),
    always("total_res"),
    when("used_bigstore"),
    when("used_memory"),
    when("used_ram"),
    always("write_hits"),
    always("write_misses"),
    always("write_req"),
    always("write_res"),
]);

#[rustfmt::skip]
pub(crate) const SHARD: Table = Table::part("shard_metrics", "A shard.", &[
    INTERVAL, FROM, TO,
    always("aof_rewrite_inprog"),
    always("avg_ttl"),
    when("big_del_flash"),
    when("big_del_ram"),
    when("big_fetch_flash"),
    when("big_fetch_ram"),
    when("big_io_ratio_flash"),
    when("big_io_ratio_redis"),
    when("big_write_flash"),
    when("big_write_ram"),
    when("bigstore_io_dels"),
    when("bigstore_io_read_bytes"),
    when("bigstore_io_reads"),
    when("bigstore_io_write_bytes"),
    when("bigstore_io_writes"),
    when("bigstore_iops"),
    when("bigstore_kv_ops"),
    when("bigstore_objs_flash"),
    when("bigstore_objs_ram"),
    when("bigstore_throughput"),
    always("blocked_clients"),
    always("connected_clients"),
    when("disk_frag_ratio"),
    always("evicted_objects"),
    always("expired_objects"),
    always("fork_cpu_system"),
    always("fork_cpu_user"),
    always("last_save_time"),
    always("main_thread_cpu_system"),
    always("main_thread_cpu_user"),
    when("mem_frag_ratio"),
    always("mem_not_counted_for_evict"),
    always("mem_size_lua"),
    always("no_of_expires"),
    always("no_of_keys"),
    always("pubsub_channels"),
    always("pubsub_patterns"),
    always("rdb_changes_since_last_save"),
    always("read_hits"),
    always("read_misses"),
    always("shard_cpu_system"),
    always("shard_cpu_user"),
    always("sync_full"),
    always("sync_partial_err"),
    always("sync_partial_ok"),
    always("total_req"),
    when("used_memory"),
    when("used_memory_peak"),
    when("used_memory_rss"),
    always("write_hits"),
    always("write_misses"),
]);

#[rustfmt::skip]
pub(crate) const ENDPOINT: Table = Table::part("endpoint_metrics", "An endpoint on a proxy.", &[
    INTERVAL, FROM, TO,
    always("acc_latency"),
    always("acc_other_latency"),
    always("acc_read_latency"),
    always("acc_write_latency"),
    always("auth_cmds"),
    always("auth_errors"),
    always("cmd_flush"),
    always("cmd_get"),
    always("cmd_set"),
    always("cmd_touch"),
    always("conns"),
    always("egress_bytes"),
    always("ingress_bytes"),
    always("last_req_time"),
    always("last_res_time"),
    always("max_connections_exceeded"),
    always("monitor_sessions_count"),
    always("other_req"),
    always("other_res"),
    always("other_started_res"),
    always("read_req"),
    always("read_res"),
    always("read_started_res"),
    always("total_connections_received"),
    always("total_req"),
    always("total_res"),
    always("total_started_res"),
    always("write_req"),
    always("write_res"),
    always("write_started_res"),
]);

#[rustfmt::skip]
pub(crate) const SOURCE: Table = Table::part("sync_source_metrics", "A source of replication.", &[
    INTERVAL, FROM, TO,
    always("ingress_bytes"),
    always("ingress_bytes_decompressed"),
    always("local_ingress_lag_time"),
]);

#[rustfmt::skip]
pub(crate) const PEER: Table = Table::part("peer_metrics", "A peer of an Active-Active database.", &[
    INTERVAL, FROM, TO,
    always("egress_bytes"),
    always("egress_bytes_decompressed"),
    always("ingress_bytes"),
    always("ingress_bytes_decompressed"),
    always("local_ingress_lag_time"),
    always("pending_local_writes_max"),
    always("pending_local_writes_min"),
]);

const fn uid() -> Field {
    text("uid")
}

const fn intervals(metrics: &'static Kind) -> Field {
    Field::new("intervals", ListOf(metrics), "", Access::Read)
}

/// `/v1/cluster/stats`
pub(crate) const OF_CLUSTER: Kind = Nested(&[uid(), intervals(&Of(&CLUSTER))]);
/// One object's intervals.
pub(crate) const OF_NODE: Kind = Nested(&[
    Field::new("uid", Either(&[COUNT, Text]), "", Access::Read).source(Source::DocFixture),
    intervals(&Of(&NODE)),
]);
pub(crate) const OF_BDB: Kind = Nested(&[uid(), intervals(&Of(&BDB))]);
pub(crate) const OF_SHARD: Kind = Nested(&[
    uid(),
    text("status"),
    text("node_uid"),
    text("role"),
    text("assigned_slots"),
    intervals(&Of(&SHARD)),
]);
pub(crate) const OF_ENDPOINT: Kind = Nested(&[uid(), intervals(&Of(&ENDPOINT))]);
pub(crate) const OF_SOURCE: Kind = Nested(&[uid(), intervals(&Of(&SOURCE))]);
pub(crate) const OF_PEER: Kind = Nested(&[uid(), intervals(&Of(&PEER))]);
/// `/v1/bdbs/{uid}/sync_source_stats`
pub(crate) const OF_SOURCES: Kind = Nested(&[Field::new(
    "sync_source_stats",
    ListOf(&OF_SOURCE),
    "",
    Access::Read,
)]);
/// `/v1/bdbs/{uid}/peer_stats`
pub(crate) const OF_PEERS: Kind = Nested(&[Field::new("peer_stats", ListOf(&OF_PEER), "", Access::Read)]);
/// `/v1/nodes/stats/last` and the like.
pub(crate) const LAST_OF_NODES: Kind = MapOf(&Of(&NODE));
pub(crate) const LAST_OF_BDBS: Kind = MapOf(&Of(&BDB));
pub(crate) const LAST_OF_SHARDS: Kind = MapOf(&Of(&SHARD));

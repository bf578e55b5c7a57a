//! Fields of a node object (`/v1/nodes`).

use super::{Access, COUNT, Field, INT, Kind};
use crate::sim::version::Profile::V8_2_0;

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::Update)
}

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

/// Every field. Those with a default live in a member's own map; the rest is computed or has a place of its own.
#[rustfmt::skip]
pub(crate) const FIELDS: &[Field] = &[
    ro("uid", INT),
    ro("status", Kind::OneOf(&["active", "decommissioning", "down", "provisioning"])),
    rw("accept_servers", Kind::Bool, ""),
    rw("addr", Kind::Text, ""),
    rw("external_addr", Kind::Texts, ""),
    rw("rack_id", Kind::Text, ""),
    rw("second_rack_id", Kind::Text, ""),
    rw("max_listeners", COUNT, ""),
    rw("max_redis_servers", COUNT, ""),
    rw("max_redis_forks", Kind::Int(-1, i64::MAX), "-1"),
    rw("max_slave_full_syncs", Kind::Int(-1, i64::MAX), "-1"),
    rw("recovery_path", Kind::Text, ""),
    rw("oss_cluster_ip_mapping", Kind::List, ""),
    rw("node_guardrails_ingress_throttling_worker_limit_ops_per_sec", INT, "-1").since(V8_2_0),
    ro("architecture", Kind::Text),
    ro("cores", INT),
    ro("total_memory", INT),
    ro("shard_count", INT),
    ro("shard_list", Kind::List),
    ro("ram_shard_count", INT),
    ro("flash_shard_count", INT),
    ro("software_version", Kind::Text),
    ro("supported_database_versions", Kind::List),
    ro("os_family", Kind::Text),
    ro("os_name", Kind::Text),
    ro("os_semantic_version", Kind::Text),
    ro("os_version", Kind::Text),
    ro("ephemeral_storage_path", Kind::Text),
    ro("ephemeral_storage_size", Kind::Float),
    ro("persistent_storage_path", Kind::Text),
    ro("persistent_storage_size", Kind::Float),
    ro("bigredis_storage_path", Kind::Text),
    ro("bigstore_enabled", Kind::Bool),
    ro("bigstore_size", INT),
    ro("fips_enabled", Kind::Bool),
    ro("use_internal_ipv6", Kind::Bool),
    ro("uptime", INT),
    ro("system_time", Kind::Text),
];

//! A node (`/v1/nodes`) and what is told of it: status, checks, snapshots, watchdog, machine.

use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20, V8_2_0};
use Kind::{Bool, Either, ListOf, MapOf, Of, OneOf, Text};

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::Update)
}

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

const fn captured(name: &'static str, kind: Kind) -> Field {
    ro(name, kind).source(Source::Fixture)
}

pub(crate) const TABLE: Table = Table::new("node", "A node.", FIELDS);

pub(crate) const DATABASE_VERSION: Table = Table::part(
    "database_version",
    "A version that databases of a node can have.",
    &[
        ro("db_type", OneOf(&["redis", "memcached"])),
        ro("version", Text),
        ro("redis_version", Text),
        ro("major", Bool),
    ],
);

/// Every field. Those with a default live in a member's own map; the rest is computed or has a place of its own.
#[rustfmt::skip]
pub(crate) const FIELDS: &[Field] = &[
    ro("uid", INT),
    ro("status", Kind::OneOf(&["active", "decommissioning", "down", "provisioning"])),
    rw("accept_servers", Kind::Bool, ""),
    rw("addr", Kind::Text, ""),
    rw("external_addr", Kind::Texts, ""),
    rw("rack_id", Kind::Text, ""),
    rw("second_rack_id", Kind::Text, "").since(V7_22_2),
    ro("max_listeners", COUNT).until(V7_22_2),
    rw("max_listeners", COUNT, "").since(V7_22_2),
    ro("max_redis_servers", COUNT).until(V7_22_2),
    rw("max_redis_servers", COUNT, "").since(V7_22_2),
    rw("max_redis_forks", Kind::Int(-1, i64::MAX), "-1").since(V7_22_2),
    rw("max_slave_full_syncs", Kind::Int(-1, i64::MAX), "-1").since(V7_22_2),
    rw("recovery_path", Kind::Text, ""),
    rw("oss_cluster_ip_mapping", ListOf(&Kind::Nested(IP_MAPPING)), "").since(V8_0_20),
    rw("node_guardrails_ingress_throttling_worker_limit_ops_per_sec", INT, "-1").since(V8_2_0).source(Source::Live),
    ro("architecture", Kind::Text),
    ro("cores", INT),
    ro("total_memory", INT),
    ro("shard_count", INT),
    ro("shard_list", ListOf(&INT)),
    captured("ram_shard_count", INT),
    captured("flash_shard_count", INT),
    ro("software_version", Kind::Text),
    ro("supported_database_versions", ListOf(&Of(&DATABASE_VERSION))),
    ro("os_family", Kind::Text),
    ro("os_name", Kind::Text),
    ro("os_semantic_version", Kind::Text),
    ro("os_version", Kind::Text),
    ro("ephemeral_storage_path", Kind::Text),
    ro("ephemeral_storage_size", Kind::Float),
    ro("persistent_storage_path", Kind::Text),
    ro("persistent_storage_size", Kind::Float),
    ro("bigredis_storage_path", Kind::Text),
    ro("bigstore_enabled", Kind::Bool).since(V7_8_6),
    ro("bigstore_size", INT),
    captured("fips_enabled", Kind::Bool),
    ro("use_internal_ipv6", Kind::Bool),
    ro("uptime", INT).moving(),
    ro("system_time", Kind::Text).moving(),
    ro("bigstore_driver", Text),
    ro("public_addr", Text),
];

const IP_MAPPING: &[Field] = &[
    rw("key", Text, "").needed(),
    rw("value", Kind::Object, "").needed(),
];

#[rustfmt::skip]
pub(crate) const STATUS: Table = Table::part("node_status", "How a node is, and whether it leads.", &[
    ro("role", OneOf(&["master", "slave"])),
    ro("hostname", Text),
    ro("node_status", OneOf(&["active", "decommissioning", "down", "provisioning"])),
    ro("cores", COUNT),
    ro("total_memory", COUNT),
    ro("free_ram", COUNT),
    ro("free_provisional_ram", COUNT),
    ro("total_provisional_ram", COUNT),
    ro("node_overbooking_depth", INT),
    ro("master_shards", ListOf(&INT)),
    ro("slave_shards", ListOf(&INT)),
    ro("software_version", Text),
    ro("software_version_sha", Text),
    ro("maintenance_snapshot", Of(&SNAPSHOT)),
]);

pub(crate) const SNAPSHOT: Table = Table::part(
    "node_snapshot",
    "What was on a node at a time.",
    &[ro("created_time", Text), ro("name", Text), ro("node_uid", Text)],
);

/// Numbers and texts both occur.
const NODE_UID: Field = ro("node_uid", Either(&[INT, Text]));

pub(crate) const CHECK: Table = Table::part(
    "node_check",
    "Whether a node passes its checks; the first that failed.",
    &[NODE_UID, ro("result", Bool), ro("error", Text)],
);

pub(crate) const CLUSTER_CHECK: Table = Table::new(
    "check_result",
    "Whether every node passes its checks.",
    &[ro("cluster_test_result", Bool), ro("nodes", ListOf(&Of(&CHECK)))],
);

pub(crate) const WATCHDOG: Table = Table::part(
    "wd_status",
    "What a node's watchdog says. Only the path is known, the fields are our choice.",
    &[
        NODE_UID.source(Source::Inferred),
        ro("status", Text).source(Source::Inferred),
    ],
)
.since(V7_8_6);

pub(crate) const HEALTHCHECK: Table = Table::part(
    "master_healthcheck",
    "Whether the node that was asked reaches the master.",
    &[ro("status", OneOf(&["active", "inactive"]))],
);

pub(crate) const SERVICE: Table = Table::part(
    "service",
    "How a service of the node that was asked runs.",
    &[
        ro("status", OneOf(&["RUNNING", "STARTING", "RESTARTING", "STOPPED"])),
        ro("start_time", Text),
        ro("uptime", Text),
    ],
);

pub(crate) const OPERATE_SERVICES: Table = Table::part(
    "operate_services",
    "Starts or stops services.",
    &[
        rw("operation_type", OneOf(&["start", "stop", "restart"]), "").needed(),
        rw("services", Kind::Texts, "").needed(),
    ],
);

/// By node.
pub(crate) const STATUSES: Kind = MapOf(&Of(&STATUS));

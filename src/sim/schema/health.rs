//! Health reports of `/v4`.

use super::{Access, Field, INT, Kind, Table};
use crate::sim::version::Profile::V8_0_20;
use Kind::{Bool, Either, Float, ListOf, Nested, Null, Of, OneOf, Text};

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

const COUNT_OR_NULL: Kind = Either(&[INT, Null]);
const TEXT_OR_NULL: Kind = Either(&[Text, Null]);
const UP_DOWN: Kind = OneOf(&["up", "down"]);
const ROLE: Kind = OneOf(&["leader", "follower"]);
const DATABASE_STATUS: Kind = OneOf(&["active", "warning", "down"]);
const DETAILED: Kind = OneOf(&[
    "active",
    "active-change-pending",
    "pending",
    "import-pending",
    "delete-pending",
    "recovery",
    "creation-failed",
    "unknown",
]);

const LICENSE: &[Field] = &[
    ro("expired", Bool),
    ro("valid_until", Text),
    ro("shards_in_use", INT),
    ro("shards_limit", COUNT_OR_NULL),
    ro("ram_shards_in_use", INT),
    ro("ram_shards_limit", COUNT_OR_NULL),
    ro("flex_shards_in_use", INT),
    ro("flex_shards_limit", COUNT_OR_NULL),
];

const CERTIFICATE: &[Field] = &[
    ro("type", Text),
    ro("expired", Bool),
    ro("valid_until", TEXT_OR_NULL),
];

const ALERT: &[Field] = &[
    ro("name", Text),
    ro("active_since", Text),
    ro("severity", Text),
    ro("threshold", Text),
];

const ALERTS: Kind = ListOf(&Nested(ALERT));

const AVAILABILITY: &[Field] = &[ro("status", OneOf(&["up", "down", "disabled"]))];

const DATABASE_INFO: &[Field] = &[
    ro("id", Text),
    ro("name", Text),
    ro("status", DATABASE_STATUS),
    ro("detailed_status", DETAILED),
    ro("version", Text),
    ro("high_availability", Nested(AVAILABILITY)),
];

pub(crate) const CLUSTER: Table = Table::part(
    "cluster_health_report",
    "How the cluster is, with its nodes and databases.",
    &[
        ro("fqdn", Text),
        ro("status", OneOf(&["error", "warning", "ok"])),
        ro("license", Nested(LICENSE)),
        ro("certificates", ListOf(&Nested(CERTIFICATE))),
        ro("nodes", ListOf(&Of(&NODE))),
        ro("active_alerts", ALERTS),
        ro("database_infos", ListOf(&Nested(DATABASE_INFO))),
    ],
)
.since(V8_0_20);

const MEMORY: &[Field] = &[
    ro("total_ram", INT),
    ro("free_ram", INT),
    ro("total_provisional_ram", INT),
    ro("free_provisional_ram", INT),
    ro("overbooking_depth", INT),
];

const SERVICE: &[Field] = &[ro("name", Text), ro("status", Text)];

#[rustfmt::skip]
pub(crate) const NODE: Table = Table::part("node_health_report", "How a node is.", &[
    ro("id", Text),
    ro("status", OneOf(&["down", "warning", "active"])),
    ro("detailed_status", OneOf(&["down", "provisioning", "decommissioning", "active"])),
    ro("role", ROLE),
    ro("version", TEXT_OR_NULL),
    ro("shards", ListOf(&Of(&SHARD))),
    ro("memory", Nested(MEMORY)),
    ro("observed_at", INT),
    ro("services", ListOf(&Nested(SERVICE))),
    ro("ephemeral_memory_path", Text),
    ro("ephemeral_memory_size", Either(&[Float, Null])),
    ro("persistent_memory_path", Text),
    ro("persistent_memory_size", Either(&[Float, Null])),
    ro("active_alerts", ALERTS),
    ro("quorum_only", Bool),
    ro("in_maintenance", Bool),
]).since(V8_0_20);

pub(crate) const SHARD: Table = Table::part(
    "shard_health_report",
    "How a shard is.",
    &[
        ro("id", Text),
        ro("role", ROLE),
        ro("status", OneOf(&["active", "inactive", "trimming"])),
        ro(
            "detailed_status",
            OneOf(&[
                "ok",
                "importing",
                "timeout",
                "loading",
                "busy",
                "down",
                "trimming",
                "unknown",
                "role_mismatch",
            ]),
        ),
    ],
)
.since(V8_0_20);

const ENDPOINT: &[Field] = &[ro("name", Text), ro("availability", UP_DOWN)];
const STATE_MACHINE: &[Field] = &[ro("name", Text), ro("state", Text)];
const PARTICIPANT: &[Field] = &[
    ro("fqdn", Text),
    ro("replica_id", Text),
    ro("replication", OneOf(&["down", "warning", "up"])),
];
const ACTIVE_ACTIVE: &[Field] = &[
    ro("available", Bool),
    ro("participating_clusters", ListOf(&Nested(PARTICIPANT))),
];

#[rustfmt::skip]
pub(crate) const DATABASE: Table = Table::part("database_health_report", "How a database is.", &[
    ro("id", Text),
    ro("name", Text),
    ro("availability", UP_DOWN),
    ro("availability_errors", ListOf(&OneOf(&["general_error", "port_unbound", "shard_unreachable"]))),
    ro("high_availability", Nested(AVAILABILITY)),
    ro("status", DATABASE_STATUS),
    ro("detailed_status", DETAILED),
    ro("version", Text),
    ro("creation_time", Text),
    ro("last_configured_time", Text),
    ro("last_backup_time", TEXT_OR_NULL),
    ro("persistence", OneOf(&["disabled", "aof", "rdb"])),
    ro("shards_placement", OneOf(&["dense", "sparse"])),
    ro("endpoints", ListOf(&Nested(ENDPOINT))),
    ro("shards", ListOf(&Of(&SHARD))),
    ro("active_alerts", ALERTS),
    ro("state_machine", Nested(STATE_MACHINE)),
    ro("active_active", Nested(ACTIVE_ACTIVE)),
]).since(V8_0_20);

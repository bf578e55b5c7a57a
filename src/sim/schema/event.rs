//! Events of the log, and what else a cluster tells of itself.

use super::{Access, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_22_2, V8_0_20};
use Kind::{Bool, Either, ListOf, Nested, Null, OneOf, Text};

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

#[rustfmt::skip]
pub(crate) const TABLE: Table = Table::part("event", "Something that happened. What else is said of it depends on its type.", &[
    ro("time", Text),
    ro("type", Text),
    ro("severity", OneOf(&["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])),
    ro("bdb_uid", Text),
    ro("bdb_name", Text),
    ro("old_val", Kind::Any),
    ro("new_val", Kind::Any),
    ro("node_uid", Either(&[INT, Text])),
    ro("user_uid", INT).source(Source::Inferred),
]);

const CAPABILITY: &[Field] = &[ro("name", Text), ro("desc", Text)];

/// `/v1/cluster/module-capabilities`
pub(crate) const CAPABILITIES: Kind = Nested(&[ro("all_capabilities", ListOf(&Nested(CAPABILITY)))]);

const INT_OR_NULL: Kind = Either(&[INT, Null]);
const TEXT_OR_NULL: Kind = Either(&[Text, Null]);

const SOURCE_SHARD: &[Field] = &[ro("replication_id", Text), ro("replication_offset", INT)];

const MIGRATION_ERROR: &[Field] = &[
    ro("error_code", TEXT_OR_NULL),
    ro("message", TEXT_OR_NULL),
    ro("timestamp", TEXT_OR_NULL),
];

pub(crate) const MIGRATION: Table = Table::part(
    "migration",
    "How far a migration is.",
    &[
        ro("status", TEXT_OR_NULL),
        ro("lag", INT_OR_NULL),
        ro("rdb_size", INT_OR_NULL),
        ro("rdb_transferred", INT_OR_NULL),
        ro("run_id", TEXT_OR_NULL),
        ro("flush_counter", INT_OR_NULL),
        ro("source_shards", ListOf(&Nested(SOURCE_SHARD))),
        ro("error", Nested(MIGRATION_ERROR)),
    ],
)
.since(V7_22_2);

pub(crate) const SYNCER_STATE: Table = Table::part(
    "syncer_state",
    "What a database's syncer says of itself.",
    &[ro("DB", INT), ro("RunID", INT)],
);

pub(crate) const WITNESS_DISK: Table = Table::part(
    "witness_disk_status",
    "The witness disk. Only the path is known, and there never is one here.",
    &[],
);

pub(crate) const USAGE: Table = Table::part(
    "usage_report",
    "What a database uses and is promised: a line of the usage report.",
    &[
        ro("active_active", Bool),
        ro("api_version", Text),
        ro("backup", Bool),
        ro("bdb_uid", Text),
        ro("cluster_name", Text),
        ro("cluster_uuid", Text),
        ro("date", Text),
        ro("dominant_shard_criteria", OneOf(&["mem", "ops", "rof"])),
        ro("license", Nested(USAGE_LICENSE)).since(V8_0_20),
        ro("master_shards_count", INT),
        ro("no_eviction", Bool),
        ro("ops_sec", INT),
        ro("persistence", Bool),
        ro("provisioned_memory", INT),
        ro("replication", Bool),
        ro("shard_type", OneOf(&["micro", "normal", "large", "auto_tiering"])),
        ro("software_version", Text),
        ro("type", OneOf(&["core", "premium", "auto_tiering"])),
        ro("used_memory", INT),
        ro("using_redis_search", Bool),
    ],
);

const LIMIT: Kind = Either(&[INT, Null]);

const USAGE_LICENSE: &[Field] = &[
    ro("activation_date", Text),
    ro("expiration_date", Text),
    ro("flash_shards_in_use", INT),
    ro("flash_shards_limit", LIMIT),
    ro("ram_shards_in_use", INT),
    ro("ram_shards_limit", LIMIT),
    ro("shards_limit", INT),
];

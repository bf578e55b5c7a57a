//! Events of the log, and what else a cluster tells of itself.

use super::{Access, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::V7_22_2;
use Kind::{Either, ListOf, Nested, Null, OneOf, Text};

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

pub(crate) const USAGE_CLUSTER: Table = Table::part(
    "usage_report_cluster",
    "First line of a usage report. The fields are our choice.",
    &[
        ro("cluster_name", Text).source(Source::Inferred),
        ro("date", Text).source(Source::Inferred),
        ro("software_version", Text).source(Source::Inferred),
        ro("ram_shards", INT).source(Source::Inferred),
        ro("flash_shards", INT).source(Source::Inferred),
    ],
);

pub(crate) const USAGE_BDB: Table = Table::part(
    "usage_report_bdb",
    "A line of a usage report for each database. The fields are our choice.",
    &[
        ro("bdb_uid", INT).source(Source::Inferred),
        ro("name", Text).source(Source::Inferred),
        ro("shards_count", INT).source(Source::Inferred),
        ro("memory_size", Either(&[INT, Null])).source(Source::Inferred),
        ro("replication", Kind::Bool).source(Source::Inferred),
    ],
);

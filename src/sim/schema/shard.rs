//! A shard.

use super::bdb_parts::ROLE;
use super::{Access, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::V8_0_20;
use Kind::{Bool, Float, Object, Of, OneOf, Text};

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

const fn captured(name: &'static str, kind: Kind) -> Field {
    ro(name, kind).source(Source::DocFixture)
}

#[rustfmt::skip]
pub(crate) const TABLE: Table = Table::new("shard", "A shard of a database.", &[
    captured("uid", Text),
    captured("bdb_uid", INT),
    captured("node_uid", Text),
    captured("role", ROLE),
    ro("actual_role", ROLE).since(V8_0_20).source(Source::Live),
    captured("assigned_slots", Text),
    captured("status", OneOf(&["active", "inactive", "trimming"])),
    captured("detailed_status", OneOf(&["ok", "busy", "down", "importing", "loading", "timeout", "trimming", "unknown"])),
    captured("loading", Of(&LOADING)),
    ro("backup", Of(&BACKUP)),
    ro("sync", Of(&SYNC)),
    ro("bigstore_ram_weight", Float),
    captured("redis_info", Object),
    captured("report_timestamp", Text),
    ro("marked_for_removal", Bool).since(V8_0_20).source(Source::Live),
]);

pub(crate) const LOADING: Table = Table::part(
    "shard_loading",
    "How far a shard is with its file.",
    &[
        captured("status", OneOf(&["in_progress", "idle"])),
        ro("progress", Float),
    ],
);

pub(crate) const BACKUP: Table = Table::part(
    "shard_backup",
    "How far a shard is with its backup.",
    &[
        ro("status", OneOf(&["exporting", "succeeded", "failed"])),
        ro("progress", Float),
    ],
);

pub(crate) const SYNC: Table = Table::part(
    "shard_sync",
    "How far a replica is; `progress` is what is left, bytes.",
    &[
        ro("status", OneOf(&["in_progress", "idle", "link_down"])),
        ro("progress", INT),
    ],
);

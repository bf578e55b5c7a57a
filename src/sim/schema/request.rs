//! Bodies of calls on databases and accounts that are no objects, and what those calls answer.

use super::bdb_parts::{IMPORT_SOURCE, LOCATION, MODULE_ARGS, ROLE};
use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V7_22_2};
use Kind::{Bool, Either, Float, ListOf, Nested, Object, Of, OneOf, Text, Texts};

const fn wo(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Write)
}

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

const ORIGINAL_SHARD: &[Field] = &[
    wo("uid", Text),
    wo("node_uid", Text),
    wo("role", ROLE),
    wo("assigned_slots", Text),
];

const RECOVERY: &[Field] = &[
    wo("original_bdb_shards", ListOf(&Nested(ORIGINAL_SHARD))),
    wo("data_files", ListOf(&Object)),
];

pub(crate) const CREATE_V2: Table = Table::part(
    "create_bdb_v2",
    "A new database, from old files if a plan names them.",
    &[
        // A database, which has errors of its own.
        wo("bdb", Object).needed(),
        wo("recovery_plan", Nested(RECOVERY)),
    ],
);

pub(crate) const EXPORT: Table = Table::part(
    "export",
    "Where a database is copied to.",
    &[
        wo("export_location", Of(&LOCATION)).needed(),
        wo("email_notification", Bool),
    ],
);

pub(crate) const IMPORT: Table = Table::part(
    "import",
    "What a database is filled from; the sources of last time if none are named.",
    &[
        wo("dataset_import_sources", ListOf(&Of(&IMPORT_SOURCE))),
        wo("email_notification", Bool),
    ],
);

pub(crate) const REVAMP: Table = Table::part(
    "revamp",
    "A change of what decides where shards are.",
    &[
        wo("avoid_nodes", Texts),
        wo("bigstore_ram_size", COUNT),
        wo("memory_size", COUNT),
        wo("replication", Bool),
        wo("shards_count", Kind::Int(1, 512)).code("insufficient_resources"),
        wo("shards_placement", OneOf(&["dense", "sparse"])),
    ],
)
.since(V7_22_2);

const DATA_FILE: &[Field] = &[
    wo("filename", Text),
    wo("node_uid", Text),
    wo("shard_slots", Text),
];

pub(crate) const RECOVER: Table = Table::part(
    "recover",
    "From which files a database is recovered; all that were found if none are named.",
    &[
        wo("data_files", ListOf(&Nested(DATA_FILE))),
        wo("ignore_errors", Bool),
        wo("recover_without_data", Bool),
    ],
);

const FOUND_FILE: &[Field] = &[
    ro("filename", Text),
    ro("last_modified", Float),
    ro("node_uid", Text),
    ro("shard_role", ROLE),
    ro("shard_slots", Text),
    ro("shard_uid", Text),
    ro("size", COUNT),
];

pub(crate) const RECOVERY_PLAN: Table = Table::part(
    "recovery_plan",
    "The files that a database can be recovered from.",
    &[ro("data_files", ListOf(&Nested(FOUND_FILE))), ro("status", Text)],
);

const UPGRADED_MODULE: &[Field] = &[
    wo("module_name", Text),
    wo("current_module", Text),
    wo("new_module", Text),
    wo("current_semantic_version", Text),
    wo("new_semantic_version", Text),
    wo("new_module_args", MODULE_ARGS),
];

/// Modules to upgrade.
const UPGRADED_MODULES: Kind = ListOf(&Nested(UPGRADED_MODULE));

#[rustfmt::skip]
pub(crate) const UPGRADE: Table = Table::part("upgrade", "A newer version for a database and its modules.", &[
    wo("force_restart", Bool),
    wo("keep_redis_version", Bool),
    wo("keep_crdt_protocol_version", Bool),
    wo("may_discard_data", Bool),
    wo("force_discard", Bool),
    wo("preserve_roles", Bool),
    wo("parallel_shards_upgrade", COUNT),
    wo("modules", UPGRADED_MODULES),
    wo("redis_version", Text),
    wo("latest_with_modules", Bool),
    wo("swap_roles", Bool),
]);

pub(crate) const COMMAND: Table = Table::part(
    "command",
    "A command for a database.",
    &[
        wo("command", Text).needed().source(Source::Inferred),
        wo("args", Kind::List).source(Source::Inferred),
    ],
);

/// What a command answers.
pub(crate) const RESPONSE: Kind = Nested(&[ro("response", Kind::Any).source(Source::Inferred)]);

pub(crate) const BDB_PASSWORD: Table = Table::part(
    "bdb_password",
    "A password of a database's default user.",
    &[wo("password", Text).needed()],
);

pub(crate) const USER_PASSWORD: Table = Table::part(
    "user_password",
    "A password of a user, who is the caller if none is named.",
    &[
        wo("username", Text),
        wo("old_password", Text),
        wo("new_password", Text),
        wo("password_hash_method", Either(&[INT, Text])),
    ],
);

pub(crate) const JWT_AUTHORIZE: Table = Table::new(
    "jwt_authorize",
    "Who wants a token, and for how long. Since 7.8 the caller is who logs in.",
    &[
        wo("username", Text),
        wo("password", Text),
        Field::new("ttl", Kind::Int(1, 86_400), "300", Access::Write),
    ],
);

/// A token.
pub(crate) const TOKEN: Kind = Nested(&[ro("access_token", Text)]);

const PERMISSIONS: &[Field] = &[ro("api_permissions", Texts), ro("ui_permissions", Texts)];

const fn role(name: &'static str) -> Field {
    ro(name, Nested(PERMISSIONS))
}

pub(crate) const ROLE_PERMISSIONS: Table = Table::part(
    "permissions",
    "What each role may do.",
    &[
        role("admin"),
        role("cluster_member"),
        role("cluster_viewer"),
        role("db_member"),
        role("db_viewer"),
        role("user_manager").since(V7_8_6),
        role("none"),
    ],
);

/// The caller's role.
pub(crate) const OWN_ROLE: Kind = Nested(&[ro("role", Text)]);

pub(crate) const VALIDATE_ACL: Table = Table::part(
    "validate_acl",
    "An access rule to look at.",
    &[wo("acl", Text).needed()],
);

pub(crate) const IDP_METADATA: Table = Table::part(
    "idp_metadata",
    "What the identity provider says of itself, as base64 of XML.",
    &[wo("idp_metadata", Text).needed()],
);

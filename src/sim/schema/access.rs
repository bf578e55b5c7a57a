//! Objects that say who may do what: users, roles, ACLs, LDAP mappings.

use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V8_0_20, V8_2_0};

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::CreateUpdate)
}

const REGULAR: &str = r#""regular""#;
const UID: Field = Field::new("uid", Kind::Int(1, i64::MAX), "", Access::Create);
const ACTION_UID: Field = Field::new("action_uid", Kind::Text, "", Access::Read);
const ACCOUNT_ID: Field = rw("account_id", COUNT, "");

/// Management roles by name, before there was one for users.
const OLD_MANAGEMENT: Kind = Kind::OneOf(&[
    "admin",
    "cluster_member",
    "cluster_viewer",
    "db_member",
    "db_viewer",
    "none",
]);

/// Management roles by name.
const MANAGEMENT: Kind = Kind::OneOf(&[
    "admin",
    "cluster_member",
    "cluster_viewer",
    "db_member",
    "db_viewer",
    "user_manager",
    "none",
]);

/// The number in use, which the object's page writes as text.
const HASH_METHOD: Kind = Kind::Either(&[Kind::Int(1, 1), Kind::OneOf(&["1"])]);

const RESOURCE: &[Field] = &[
    rw("type", Kind::OneOf(&["db"]), "").needed(),
    rw("uids", Kind::Texts, "").needed(),
];

pub(crate) const ROLE_TABLE: Table = Table::new("role", "What its users may do.", ROLE);

/// `/v1/roles`
pub(crate) const ROLE: &[Field] = &[
    UID,
    rw("name", Kind::Text, "").needed(),
    rw("management", OLD_MANAGEMENT, r#""none""#).until(V7_8_6),
    rw("management", MANAGEMENT, r#""none""#).since(V7_8_6),
    rw("resources", Kind::ListOf(&Kind::Nested(RESOURCE)), "").since(V8_2_0),
    ACTION_UID,
    ACCOUNT_ID,
];

pub(crate) const REDIS_ACL_TABLE: Table =
    Table::new("redis_acl", "Rules about commands, keys and channels.", REDIS_ACL);

/// `/v1/redis_acls`
pub(crate) const REDIS_ACL: &[Field] = &[
    UID,
    rw("name", Kind::Text, "").needed(),
    rw("acl", Kind::Text, "").needed(),
    Field::new("min_version", Kind::Text, "", Access::Read),
    Field::new("max_version", Kind::Text, "", Access::Read),
    ACTION_UID,
    ACCOUNT_ID,
];

pub(crate) const LDAP_MAPPING_TABLE: Table = Table::new(
    "ldap_mapping",
    "A group of a directory and its roles.",
    LDAP_MAPPING,
);

/// `/v1/ldap_mappings`
pub(crate) const LDAP_MAPPING: &[Field] = &[
    UID,
    rw("name", Kind::Text, "").needed(),
    rw("dn", Kind::Text, "").needed(),
    rw("email", Kind::Text, r#""""#),
    rw("email_alerts", Kind::Bool, "true"),
    rw("role_uids", Kind::ListOf(&INT), "").needed(),
    rw("bdbs_email_alerts", Kind::Texts, ""),
    rw("cluster_email_alerts", Kind::Bool, ""),
    rw("account_id", COUNT, ""),
    ACTION_UID,
];

pub(crate) const BDB_GROUP_TABLE: Table = Table::new("bdb_group", "Databases that share memory.", BDB_GROUP);

/// `/v1/bdb_groups`
pub(crate) const BDB_GROUP: &[Field] = &[
    UID.source(Source::Live),
    Field::new("members", Kind::Texts, "[]", Access::Read),
    rw("memory_size", COUNT, "0"),
];

pub(crate) const USER_TABLE: Table = Table::new("user", "An account of the management plane.", USER);

/// `/v1/users`
pub(crate) const USER: &[Field] = &[
    UID,
    rw("email", Kind::Text, ""),
    rw("name", Kind::Text, ""),
    Field::new("password", Kind::Text, "", Access::Write),
    Field::new("password_hash_method", HASH_METHOD, "", Access::Write),
    rw("role", OLD_MANAGEMENT, "").until(V7_8_6),
    rw("role", MANAGEMENT, "").since(V7_8_6),
    rw("role_uids", Kind::ListOf(&INT), ""),
    rw("auth_method", Kind::OneOf(&["regular"]), REGULAR).until(V7_8_6),
    rw(
        "auth_method",
        Kind::OneOf(&["regular", "certificate", "entraid"]),
        REGULAR,
    )
    .since(V7_8_6)
    .until(V8_0_20),
    rw(
        "auth_method",
        Kind::OneOf(&["regular", "certificate", "entraid", "sso"]),
        REGULAR,
    )
    .since(V8_0_20),
    rw("certificate_subject_line", Kind::Text, r#""""#).since(V7_8_6),
    rw("email_alerts", Kind::Bool, "true"),
    rw("bdbs_email_alerts", Kind::Texts, ""),
    rw("cluster_email_alerts", Kind::Bool, ""),
    Field::new("status", Kind::OneOf(&["active", "locked"]), "", Access::Read).until(V7_8_6),
    Field::new(
        "status",
        Kind::OneOf(&["active", "locked", "password_expired"]),
        "",
        Access::Read,
    )
    .since(V7_8_6),
    Field::new("password_issue_date", Kind::Text, "", Access::Read),
    Field::new("last_login", COUNT, "", Access::Read)
        .since(V8_0_20)
        .source(Source::Live)
        .moving(),
    ACTION_UID,
    ACCOUNT_ID,
];

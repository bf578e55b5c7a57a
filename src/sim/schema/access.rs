//! Objects that say who may do what: users, roles, ACLs, LDAP mappings.

use super::{Access, COUNT, Field, Kind, Source};
use crate::sim::version::Profile::V8_2_0;

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::CreateUpdate)
}

const UID: Field = Field::new("uid", Kind::Int(1, i64::MAX), "", Access::Create);
const ACTION_UID: Field = Field::new("action_uid", Kind::Text, "", Access::Read);
const ACCOUNT_ID: Field = Field::new("account_id", COUNT, "", Access::Read);

/// Management roles by name.
pub(crate) const MANAGEMENT: Kind = Kind::OneOf(&[
    "admin",
    "cluster_member",
    "cluster_viewer",
    "db_member",
    "db_viewer",
    "user_manager",
    "none",
]);

/// `/v1/roles`
pub(crate) const ROLE: &[Field] = &[
    UID,
    rw("name", Kind::Text, ""),
    rw("management", MANAGEMENT, r#""none""#),
    rw("resources", Kind::Objects, "").since(V8_2_0),
    ACTION_UID,
    ACCOUNT_ID,
];

/// `/v1/redis_acls`
pub(crate) const REDIS_ACL: &[Field] = &[
    UID,
    rw("name", Kind::Text, ""),
    rw("acl", Kind::Text, ""),
    rw("min_version", Kind::Text, ""),
    Field::new("max_version", Kind::Text, "", Access::Read),
    ACTION_UID,
    ACCOUNT_ID,
];

/// `/v1/ldap_mappings`
pub(crate) const LDAP_MAPPING: &[Field] = &[
    UID,
    rw("name", Kind::Text, ""),
    rw("dn", Kind::Text, ""),
    rw("email", Kind::Text, r#""""#),
    rw("email_alerts", Kind::Bool, "true"),
    rw("role_uids", Kind::List, ""),
    rw("bdbs_email_alerts", Kind::Texts, ""),
    rw("cluster_email_alerts", Kind::Bool, ""),
    rw("account_id", COUNT, ""),
    ACTION_UID,
];

/// `/v1/bdb_groups`
pub(crate) const BDB_GROUP: &[Field] = &[
    UID.source(Source::Live),
    rw("members", Kind::Texts, "[]"),
    rw("memory_size", COUNT, "0"),
];

/// `/v1/users`
pub(crate) const USER: &[Field] = &[
    UID,
    rw("email", Kind::Text, ""),
    rw("name", Kind::Text, ""),
    Field::new("password", Kind::Text, "", Access::Write),
    Field::new("password_hash_method", Kind::Int(1, 1), "", Access::Write),
    rw("role", MANAGEMENT, ""),
    rw("role_uids", Kind::List, ""),
    rw(
        "auth_method",
        Kind::OneOf(&["regular", "certificate", "entraid", "sso"]),
        r#""regular""#,
    ),
    rw("certificate_subject_line", Kind::Text, r#""""#),
    rw("email_alerts", Kind::Bool, "true"),
    rw("bdbs_email_alerts", Kind::Texts, ""),
    rw("cluster_email_alerts", Kind::Bool, ""),
    Field::new(
        "status",
        Kind::OneOf(&["active", "locked", "password_expired"]),
        "",
        Access::Read,
    ),
    Field::new("password_issue_date", Kind::Text, "", Access::Read),
    Field::new("last_login", COUNT, "", Access::Read)
        .since(V8_2_0)
        .source(Source::Live),
    ACTION_UID,
    ACCOUNT_ID,
];

//! What each route answers.

use super::answer::Shape;
use super::{
    Access, Field, Kind, access, action, alert, bdb, bdb_parts, bootstrap, certificate, cluster, event,
    health, module, node, policy, request, settings, shard, stats,
};
use Kind::{Either, ListOf, MapOf, Of};

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

pub(crate) const ACTION: Shape = Shape::one(&action::ACTION);
pub(crate) const ACTIONS: Shape = Shape::Json(action::ACTIONS);
pub(crate) const ACTIONS_V1: Shape = Shape::Json(action::ALL_V1);
pub(crate) const ACTIONS_V2: Shape = Shape::Json(ListOf(&Of(&action::ACTION_V2)));
pub(crate) const ACTION_UID: Shape = Shape::Json(action::ACTION_UID);
pub(crate) const ACTION_UID_OR_NOTHING: Shape = Shape::Maybe(action::ACTION_UID);
pub(crate) const ACTION_V1: Shape = Shape::Json(action::ONE_V1);
pub(crate) const ACTION_V2: Shape = Shape::one(&action::ACTION_V2);
pub(crate) const ALERT: Shape = Shape::one(&alert::ALERT);
pub(crate) const SOURCES_ALERTS: Shape = Shape::Json(MapOf(&alert::OF_SOURCES));
pub(crate) const ARTIFACTS: Shape = Shape::Json(ListOf(&Of(&module::ARTIFACT)));
pub(crate) const AUDITING: Shape = Shape::one(&settings::AUDITING_TABLE);
pub(crate) const BDB: Shape = Shape::one(&bdb::TABLE);
pub(crate) const BDBS: Shape = Shape::Json(ListOf(&Of(&bdb::TABLE)));
pub(crate) const BDBS_ALERTS: Shape = Shape::Json(MapOf(&Of(&alert::OF_BDB)));
pub(crate) const BDBS_STATS: Shape = Shape::Json(ListOf(&stats::OF_BDB));
pub(crate) const BDB_ALERTS: Shape = Shape::one(&alert::OF_BDB);
pub(crate) const BDB_CERTIFICATE: Shape = Shape::one(&bdb_parts::CERTIFICATE);
pub(crate) const BDB_CERTIFICATES: Shape = Shape::Json(ListOf(&Of(&bdb_parts::CERTIFICATE)));
pub(crate) const BDB_GROUP: Shape = Shape::one(&access::BDB_GROUP_TABLE);
pub(crate) const BDB_GROUPS: Shape = Shape::Json(Either(&[
    Kind::Nested(&[ro("bdb_groups", ListOf(&Of(&access::BDB_GROUP_TABLE)))]),
    ListOf(&Of(&access::BDB_GROUP_TABLE)),
]));
pub(crate) const BDB_OR_NOTHING: Shape = Shape::Maybe(Of(&bdb::TABLE));
pub(crate) const BDB_STATS: Shape = Shape::Json(stats::OF_BDB);
pub(crate) const BDB_STATS_LAST: Shape = Shape::Json(stats::LAST_OF_BDBS);
pub(crate) const BLUEPRINT: Shape = Shape::Json(ListOf(&Of(&bdb_parts::BLUEPRINT)));
pub(crate) const BOOTSTRAP: Shape = Shape::Json(bootstrap::ANSWER);
pub(crate) const CAPABILITIES: Shape = Shape::Json(event::CAPABILITIES);
pub(crate) const CERTIFICATES: Shape = Shape::one(&certificate::INSTALLED);
pub(crate) const CLUSTER: Shape = Shape::one(&cluster::TABLE);
pub(crate) const CLUSTER_ALERTS: Shape = Shape::one(&alert::OF_CLUSTER);
pub(crate) const CLUSTER_CHECK: Shape = Shape::one(&node::CLUSTER_CHECK);
pub(crate) const CLUSTER_HEALTH: Shape = Shape::one(&health::CLUSTER);
pub(crate) const CLUSTER_STATS: Shape = Shape::Json(stats::OF_CLUSTER);
pub(crate) const CLUSTER_STATS_LAST: Shape = Shape::one(&stats::CLUSTER);
pub(crate) const CM: Shape = Shape::one(&settings::CM_TABLE);
/// A list that has no entries, plainly or under its name.
pub(crate) const CRDBS: Shape = Shape::Json(Either(&[
    Kind::Nested(&[ro("crdbs", ListOf(&Kind::Nested(&[])))]),
    ListOf(&Kind::Nested(&[])),
]));
pub(crate) const DATABASE_HEALTH: Shape = Shape::one(&health::DATABASE);
pub(crate) const DIAGNOSTICS: Shape = Shape::one(&settings::DIAGNOSTICS_TABLE);
pub(crate) const DONE_BY_SERVICE: Shape = Shape::Json(MapOf(&Kind::Bool));
pub(crate) const ENDPOINTS_STATS: Shape = Shape::Json(ListOf(&stats::OF_ENDPOINT));
pub(crate) const EVENTS: Shape = Shape::Json(ListOf(&Of(&event::TABLE)));
pub(crate) const FILE: Shape = Shape::File;
pub(crate) const HEALTHCHECK: Shape = Shape::one(&node::HEALTHCHECK);
pub(crate) const JOBS: Shape = Shape::one(&settings::JOBS_TABLE);
pub(crate) const LDAP: Shape = Shape::one(&settings::LDAP_TABLE);
pub(crate) const LDAP_MAPPING: Shape = Shape::one(&access::LDAP_MAPPING_TABLE);
pub(crate) const LDAP_MAPPINGS: Shape = Shape::Json(ListOf(&Of(&access::LDAP_MAPPING_TABLE)));
pub(crate) const LICENSE: Shape = Shape::one(&certificate::LICENSE);
pub(crate) const METRICS: Shape = Shape::one(&settings::METRICS_TABLE);
pub(crate) const MIGRATION: Shape = Shape::Json(Kind::Nested(&[ro("migration", Of(&event::MIGRATION))]));
pub(crate) const MODULE: Shape = Shape::one(&module::TABLE);
pub(crate) const MODULES: Shape = Shape::Json(ListOf(&Of(&module::TABLE)));
pub(crate) const NODE: Shape = Shape::one(&node::TABLE);
pub(crate) const NODES: Shape = Shape::Json(ListOf(&Of(&node::TABLE)));
pub(crate) const NODES_ALERTS: Shape = Shape::Json(MapOf(&Of(&alert::OF_NODE)));
pub(crate) const NODES_STATS: Shape = Shape::Json(ListOf(&stats::OF_NODE));
pub(crate) const NODE_ALERTS: Shape = Shape::one(&alert::OF_NODE);
pub(crate) const NODE_CHECK: Shape = Shape::one(&node::CHECK);
pub(crate) const NODE_STATS: Shape = Shape::Json(stats::OF_NODE);
pub(crate) const NODE_STATS_LAST: Shape = Shape::Json(stats::LAST_OF_NODES);
pub(crate) const NODE_STATUS: Shape = Shape::one(&node::STATUS);
pub(crate) const NODE_STATUSES: Shape = Shape::Json(node::STATUSES);
pub(crate) const NOTHING: Shape = Shape::Empty;
/// A list that has no entries.
pub(crate) const NO_OBJECTS: Shape = Shape::Json(ListOf(&Kind::Nested(&[])));
pub(crate) const OCSP: Shape = Shape::one(&settings::OCSP_TABLE);
pub(crate) const OCSP_STATUS: Shape = Shape::one(&settings::OCSP_STATUS);
pub(crate) const OWN_ROLE: Shape = Shape::Json(request::OWN_ROLE);
pub(crate) const PEERS_STATS: Shape = Shape::Json(stats::OF_PEERS);
pub(crate) const PEER_STATS: Shape = Shape::Json(stats::OF_PEER);
pub(crate) const PERMISSIONS: Shape = Shape::one(&request::ROLE_PERMISSIONS);
pub(crate) const PLAN_OR_ACTION_UID: Shape =
    Shape::Json(Either(&[action::ACTION_UID, ListOf(&Of(&bdb_parts::BLUEPRINT))]));
pub(crate) const POLICY: Shape = Shape::one(&policy::TABLE);
pub(crate) const POLICY_OR_NOTHING: Shape = Shape::Maybe(Of(&policy::TABLE));
pub(crate) const PROXIES: Shape = Shape::Json(ListOf(&Of(&module::PROXY_TABLE)));
pub(crate) const PROXY: Shape = Shape::one(&module::PROXY_TABLE);
pub(crate) const RECOVERY_PLAN: Shape = Shape::one(&request::RECOVERY_PLAN);
pub(crate) const REDIS_ACL: Shape = Shape::one(&access::REDIS_ACL_TABLE);
pub(crate) const REDIS_ACLS: Shape = Shape::Json(ListOf(&Of(&access::REDIS_ACL_TABLE)));
pub(crate) const RESPONSE: Shape = Shape::Json(request::RESPONSE);
pub(crate) const ROLE: Shape = Shape::one(&access::ROLE_TABLE);
pub(crate) const ROLES: Shape = Shape::Json(ListOf(&Of(&access::ROLE_TABLE)));
pub(crate) const SCHEMA: Shape = Shape::Json(Kind::Object);
pub(crate) const SERVICES: Shape = Shape::Json(MapOf(&Of(&node::SERVICE)));
pub(crate) const SERVICES_CONFIGURATION: Shape = Shape::one(&settings::SERVICES_TABLE);
pub(crate) const SHARD: Shape = Shape::one(&shard::TABLE);
pub(crate) const SHARDS: Shape = Shape::Json(ListOf(&Of(&shard::TABLE)));
pub(crate) const SHARDS_STATS: Shape = Shape::Json(ListOf(&stats::OF_SHARD));
pub(crate) const SHARD_ACTION: Shape = Shape::one(&action::SHARD_ACTION);
pub(crate) const SHARD_STATS: Shape = Shape::Json(stats::OF_SHARD);
pub(crate) const SHARD_STATS_LAST: Shape = Shape::Json(stats::LAST_OF_SHARDS);
pub(crate) const SNAPSHOT: Shape = Shape::one(&node::SNAPSHOT);
pub(crate) const SNAPSHOTS: Shape = Shape::Json(ListOf(&Of(&node::SNAPSHOT)));
pub(crate) const SOURCES_STATS: Shape = Shape::Json(stats::OF_SOURCES);
pub(crate) const SOURCE_ALERTS: Shape = Shape::Json(alert::OF_SOURCES);
pub(crate) const SOURCE_STATS: Shape = Shape::Json(stats::OF_SOURCE);
pub(crate) const SSO: Shape = Shape::one(&settings::SSO_TABLE);
pub(crate) const STARTED: Shape = Shape::Json(action::STARTED);
pub(crate) const STATE_MACHINES: Shape = Shape::Json(ListOf(&Of(&action::STATE_MACHINE)));
pub(crate) const SUFFIX: Shape = Shape::one(&settings::SUFFIX_TABLE);
pub(crate) const SUFFIXES: Shape = Shape::Json(ListOf(&Of(&settings::SUFFIX_TABLE)));
pub(crate) const SYNCER_STATE: Shape = Shape::one(&event::SYNCER_STATE);
pub(crate) const TOKEN: Shape = Shape::Json(request::TOKEN);
pub(crate) const UPGRADED_MODULE: Shape = Shape::one(&module::UPGRADED);
pub(crate) const USER: Shape = Shape::one(&access::USER_TABLE);
pub(crate) const USERS: Shape = Shape::Json(ListOf(&Of(&access::USER_TABLE)));
pub(crate) const WATCHDOG: Shape = Shape::one(&node::WATCHDOG);
pub(crate) const WATCHDOGS: Shape = Shape::Json(MapOf(&Of(&node::WATCHDOG)));
pub(crate) const WITNESS_DISK: Shape = Shape::one(&event::WITNESS_DISK);

//! `RedisDatabase`: one database of a Redis Enterprise cluster.

use crate::api::AdoptionPolicy;
use crate::api::ByteQuantity;
use crate::api::ClusterIdentity;
use crate::api::ClusterRef;
use crate::api::Condition;
use crate::api::DeletionPolicy;
use crate::api::Intent;
use crate::api::ManagementPolicy;
use crate::api::SecretRef;
use kube::CustomResource;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

/// A database (bdb) of a Redis Enterprise cluster.
///
/// Fields left out are unmanaged: never sent, never reset. What the server chose shows in `status.effective`.
#[allow(clippy::duplicated_attributes, reason = "columns may share a type")]
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "regent.dev",
    version = "v1alpha1",
    kind = "RedisDatabase",
    plural = "redisdatabases",
    shortname = "rsdb",
    category = "regent",
    namespaced,
    status = "RedisDatabaseStatus",
    derive = "PartialEq",
    selectable = ".spec.clusterRef.name",
    validation = Rule::new("has(self.spec.databaseName) || (self.metadata.name.size() <= 63 && !self.metadata.name.contains('.'))")
        .message("`databaseName` must be set when the object's name has a dot or more than 63 characters")
        .field_path(".spec.databaseName"),
    printcolumn(name = "Ready", json_path = ".status.conditions[?(@.type==\"Ready\")].status", type_ = "string"),
    printcolumn(name = "Status", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", type_ = "string"),
    printcolumn(name = "Cluster", json_path = ".spec.clusterRef.name", type_ = "string"),
    printcolumn(name = "Memory", json_path = ".spec.memorySize", type_ = "string"),
    printcolumn(name = "Shards", json_path = ".status.effective.shardCount", type_ = "integer"),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(name = "UID", json_path = ".status.uid", type_ = "integer", priority = 1),
    printcolumn(name = "Host", json_path = ".status.host", type_ = "string", priority = 1),
    printcolumn(name = "Port", json_path = ".status.port", type_ = "integer", priority = 1),
    printcolumn(
        name = "Synced",
        json_path = ".status.conditions[?(@.type==\"Synced\")].status",
        type_ = "string",
        priority = 1
    ),
    printcolumn(name = "Version", json_path = ".status.effective.redisVersion", type_ = "string", priority = 1),
    printcolumn(
        name = "Message",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        type_ = "string",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.clusterRef == oldSelf.clusterRef")
        .message("`clusterRef` is immutable; make another RedisDatabase and move the data")
        .field_path(".clusterRef"),
    validation = Rule::new("!has(oldSelf.databaseName) || (has(self.databaseName) && self.databaseName == oldSelf.databaseName)")
        .message("`databaseName` is immutable once set")
        .field_path(".databaseName"),
    validation = Rule::new("!has(oldSelf.port) || (has(self.port) && self.port == oldSelf.port)")
        .message("`port` is immutable once set; make another RedisDatabase for the other port")
        .field_path(".port"),
    validation = Rule::new("!has(self.port) || self.port != 10050")
        .message("`port` must be 10000 to 19999 and not 10050, which Redis Enterprise uses itself")
        .field_path(".port"),
    validation = Rule::new("isQuantity(self.memorySize) && quantity(self.memorySize).isInteger() && quantity(self.memorySize).compareTo(quantity('1Mi')) >= 0")
        .message("`memorySize` must be at least '1Mi' and a whole number of bytes, such as '512Mi' or '2Gi'")
        .field_path(".memorySize"),
    validation = Rule::new("!has(self.tags) || self.tags.all(key, !key.startsWith('regent-') && !key.startsWith('regent_'))")
        .message("`tags` must not have keys that begin with 'regent-' or 'regent_'; they are reserved")
        .field_path(".tags"),
    validation = Rule::new("!has(self.tags) || self.tags.all(key, key.size() <= 63 && key.matches('^[^&<>\"]+$'))")
        .message("`tags` must have keys of 1 to 63 characters, none of them '&', '<', '>' or '\"'")
        .field_path(".tags"),
    validation = Rule::new("!has(self.connectionSecret) || !has(self.passwordSecretRef) || self.connectionSecret.name != self.passwordSecretRef.name")
        .message("`connectionSecret` must name another Secret than `passwordSecretRef`")
        .field_path(".connectionSecret"),
)]
#[serde(rename_all = "camelCase")]
pub struct RedisDatabaseSpec {
    /// The RedisCluster that holds the database. Immutable.
    pub cluster_ref: ClusterRef,
    /// Name of the database in Redis Enterprise; the object's name when left out. Immutable once set. REST: `name`.
    #[schemars(length(max = 63), regex(pattern = "^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
    /// Memory limit of the whole database, replicas included, such as `2Gi`; at least `1Mi`. Growing is online. Shrinking
    /// below what is in use needs `Memory` in `allowDowngrades`. REST: `memory_size`.
    pub memory_size: ByteQuantity,
    /// Number of master shards. Can only grow, and only to a multiple; growing reshards online. REST: `shards_count`.
    #[schemars(range(min = 1, max = 512))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_count: Option<u32>,
    /// Whether every master shard has a replica on another node. Turning it on copies the data online, doubles the shards
    /// that the licence counts and halves the memory left for data; turning it off needs `Replication` in
    /// `allowDowngrades`. REST: `replication`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<bool>,
    /// How data is kept on disk. Changes apply online; weakening it needs `Persistence` in `allowDowngrades`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<Persistence>,
    /// What happens when memory is full: `NoEviction`, `AllKeysLru`, `AllKeysLfu`, `AllKeysRandom`, `VolatileLru`,
    /// `VolatileLfu`, `VolatileRandom` or `VolatileTtl`. Changes apply online. REST: `eviction_policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eviction_policy: Option<EvictionPolicy>,
    /// Port of the endpoint, 10000 to 19999 except 10050; the server chooses when left out. Immutable once set.
    /// REST: `port`.
    #[schemars(range(min = 10000, max = 19999))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// TLS of the endpoint. Turning it off needs `Tls` in `allowDowngrades`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<DatabaseTls>,
    /// Which proxies serve the endpoint: `Single`, `AllMasterShards` or `AllNodes`. A change binds the endpoint anew, so
    /// that clients may have to reconnect. REST: `proxy_policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_policy: Option<ProxyPolicy>,
    /// Where shards are placed: `Dense` (on as few nodes as possible) or `Sparse` (on as many as possible). A change
    /// affects shards placed from then on. REST: `shards_placement`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_placement: Option<ShardPlacement>,
    /// Tags of the database. Tags that others set stay, and so does one that is taken away here. Keys have 1 to 63
    /// characters, values 256 at most, neither any of `& < > "`; keys that begin with `regent-` or `regent_` are reserved.
    /// Redis Enterprise 8.2 asks for more of a tag that is new or changed: its key has letters, digits and underscores and
    /// does not begin with a digit, its value has 1 to 128 letters, digits, spaces and `. _ + - @ : /`. REST: `tags`.
    #[schemars(extend(
        "maxProperties" = 32,
        "additionalProperties" = {"type": "string", "maxLength": 256, "pattern": "^[^&<>\"]*$"}
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// Secret with the database's password. When it changes, the new password is added first and the old one taken away
    /// after the connection Secret has the new one. REST: `authentication_redis_pass`, `/v1/bdbs/{uid}/passwords`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<PasswordSecretRef>,
    /// Secret that Regent writes for applications, with the keys of the Service Binding specification: `type`, `provider`,
    /// `host`, `port`, `username`, `password`, `uri`, `database`, `tls` and `certificates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_secret: Option<SecretRef>,
    /// What happens to the database when this object is deleted: `Retain` (when left out) leaves it and its data,
    /// `Delete` deletes both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Whether a database of this name that nobody owns is taken over: `Never` (when left out) or `IfUnowned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
    /// How far Regent may go: `Enforce` (when left out), `Plan` (say what would be done) or `Observe` (report only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// Protections that a change of this spec may lower: `Persistence`, `Replication`, `Tls`, `Memory`.
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_downgrades: Option<Vec<Downgrade>>,
}

/// How data is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.fsync) || self.mode == 'Aof'")
        .message("`fsync` must be left out unless `mode` is 'Aof'")
        .field_path(".fsync"),
    validation = Rule::new("has(self.snapshots) == (self.mode == 'Snapshot')")
        .message("`snapshots` must be set when `mode` is 'Snapshot', and left out otherwise")
        .field_path(".snapshots"),
)]
#[serde(rename_all = "camelCase")]
pub struct Persistence {
    /// `Disabled`, `Aof` (append-only file) or `Snapshot`. REST: `data_persistence`.
    pub mode: PersistenceMode,
    /// With `Aof`: how often it is flushed to disk, `EverySecond` or `Always`. REST: `aof_policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fsync: Option<Fsync>,
    /// With `Snapshot`: when one is taken. REST: `snapshot_policy`.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<Vec<SnapshotRule>>,
}

/// A snapshot is taken after this many seconds if at least this many keys changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotRule {
    /// Seconds after which the snapshot is taken. REST: `secs`.
    #[schemars(range(min = 1, max = 604_800))]
    pub seconds: u32,
    /// Keys that must have changed by then. REST: `writes`.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub changes: u32,
}

/// Kinds of persistence: `Disabled`, `Aof` or `Snapshot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumIter)]
pub enum PersistenceMode {
    /// Data is in memory only.
    Disabled,
    /// Every write is logged.
    Aof,
    /// The data set is written out from time to time.
    Snapshot,
}

/// How often the append-only file is flushed: `EverySecond` or `Always`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumIter)]
pub enum Fsync {
    /// Once a second.
    EverySecond,
    /// On every write.
    Always,
}

/// Eviction policies of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumIter)]
pub enum EvictionPolicy {
    /// Writes fail when memory is full.
    NoEviction,
    /// Least recently used of all keys.
    AllKeysLru,
    /// Least frequently used of all keys.
    AllKeysLfu,
    /// Any key.
    AllKeysRandom,
    /// Least recently used of the keys that expire.
    VolatileLru,
    /// Least frequently used of the keys that expire.
    VolatileLfu,
    /// Any of the keys that expire.
    VolatileRandom,
    /// The keys that expire soonest.
    VolatileTtl,
}

/// TLS of a database endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseTls {
    /// `Disabled`, `Enabled` (clients must use TLS) or `ReplicaOnly` (only replication uses TLS). Open connections stay as
    /// they are. A database created with `Enabled` does not ask clients for certificates of their own. When TLS is turned on
    /// later, Redis Enterprise may refuse for lack of such certificates, and the object says so: add them to the database, or
    /// set its `enforce_client_authentication` to `disabled`. REST: `tls_mode`.
    pub mode: TlsMode,
}

/// Modes of TLS: `Disabled`, `Enabled` or `ReplicaOnly`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumIter)]
pub enum TlsMode {
    /// No TLS.
    Disabled,
    /// TLS for every client.
    Enabled,
    /// TLS for replication only.
    ReplicaOnly,
}

/// Which proxies serve an endpoint: `Single`, `AllMasterShards` or `AllNodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumIter)]
pub enum ProxyPolicy {
    /// The proxy of one node.
    Single,
    /// The proxies of nodes with a master shard.
    AllMasterShards,
    /// The proxies of all nodes.
    AllNodes,
}

/// Where shards are placed: `Dense` or `Sparse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::EnumIter)]
pub enum ShardPlacement {
    /// On as few nodes as possible.
    Dense,
    /// On as many nodes as possible.
    Sparse,
}

/// The Secret that holds a database's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key that holds the password; `password` when left out.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `true` makes the Secret with a random password if it does not exist. It is never rewritten afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<bool>,
}

/// A protection that a change may lower: `Persistence`, `Replication`, `Tls` or `Memory`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, strum::EnumIter,
)]
pub enum Downgrade {
    /// Persistence may be switched off or weakened.
    Persistence,
    /// Replication may be switched off.
    Replication,
    /// TLS may be switched off or limited to replication.
    Tls,
    /// The memory limit may fall below what is in use.
    Memory,
}

/// What Regent saw and did for a RedisDatabase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisDatabaseStatus {
    /// Generation of the spec that this status speaks of; -1 until the object was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready` and `Synced` always, others while they apply.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `regent.dev/reconcile-requested-at` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Identity of the cluster in which the database lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_identity: Option<ClusterIdentity>,
    /// Uid of the database in Redis Enterprise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Whether the database existed before this object and was taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// What was decided last and may still be under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// Host of the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Port of the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Uid and resourceVersion of the password Secret that the database has, as `<uid>/<resourceVersion>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_version: Option<String>,
    /// The connection Secret, in the form that the Service Binding specification reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<SecretRef>,
    /// Values in force, those that the server chose included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<EffectiveDatabase>,
    /// What Regent would do; only under `managementPolicy: Plan`.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
}

/// Values of the database in force, those that the server chose included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveDatabase {
    /// Status of the database as Redis Enterprise reports it, such as `active`.
    pub status: String,
    /// Version of Redis that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis_version: Option<String>,
    /// Memory limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_size: Option<ByteQuantity>,
    /// Master shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_count: Option<u32>,
    /// Whether it is replicated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<bool>,
    /// Persistence, in the words of Redis Enterprise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<String>,
    /// Eviction policy, in the words of Redis Enterprise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eviction_policy: Option<String>,
    /// Proxy policy, in the words of Redis Enterprise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_policy: Option<String>,
    /// TLS mode, in the words of Redis Enterprise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_mode: Option<String>,
    /// Whether clients must show a certificate, in the words of Redis Enterprise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<String>,
}

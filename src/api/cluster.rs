//! `RedisCluster`: one Redis Enterprise cluster, its nodes, settings and licence.

use crate::api::AdoptionPolicy;
use crate::api::Condition;
use crate::api::Intent;
use crate::api::ManagementPolicy;
use crate::api::SecretKeyRef;
use crate::api::SecretRef;
use kube::CustomResource;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

/// A Redis Enterprise Software cluster: the nodes it consists of, its settings, policy and licence.
///
/// Applying one to fresh nodes creates the cluster on the first of them and joins the others one at a time. Deleting one
/// never deletes or resets the Redis Enterprise cluster.
#[allow(clippy::duplicated_attributes, reason = "columns may share a type")]
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "regent.dev",
    version = "v1alpha1",
    kind = "RedisCluster",
    plural = "redisclusters",
    shortname = "rsc",
    category = "regent",
    namespaced,
    status = "RedisClusterStatus",
    derive = "PartialEq",
    printcolumn(
        name = "Ready",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        type_ = "string"
    ),
    printcolumn(
        name = "Status",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        type_ = "string"
    ),
    printcolumn(name = "Version", json_path = ".status.version", type_ = "string"),
    printcolumn(name = "Nodes", json_path = ".status.summary.nodes", type_ = "string"),
    printcolumn(name = "Shards", json_path = ".status.summary.shards", type_ = "string"),
    printcolumn(
        name = "Databases",
        json_path = ".status.summary.databases",
        type_ = "integer"
    ),
    printcolumn(
        name = "License",
        json_path = ".status.license.expirationTime",
        type_ = "string"
    ),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(
        name = "Cluster",
        json_path = ".spec.clusterName",
        type_ = "string",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        type_ = "string",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.clusterName == oldSelf.clusterName")
        .message("`clusterName` is immutable; a Redis Enterprise cluster keeps its name for life")
        .field_path(".clusterName"),
    validation = Rule::new("self.nodes.all(a, self.nodes.exists_one(b, a.address == b.address && (has(a.port) ? a.port : 9443) == (has(b.port) ? b.port : 9443)))")
        .message("`nodes` must not list the same `address` and `port` twice")
        .field_path(".nodes"),
    validation = Rule::new("!has(self.policy) || !has(self.policy.rackAware) || !self.policy.rackAware || self.nodes.all(node, has(node.rackId))")
        .message("`nodes` must each have a `rackId` when `policy.rackAware` is true")
        .field_path(".nodes"),
)]
#[serde(rename_all = "camelCase")]
pub struct RedisClusterSpec {
    /// Fully qualified domain name of the cluster. Every certificate is checked against it. Immutable.
    /// REST: `cluster.name`.
    #[schemars(
        length(max = 64),
        regex(
            pattern = "^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)+$"
        )
    )]
    pub cluster_name: String,
    /// The nodes of the cluster. The first one that is fresh becomes the seed. Adding an entry joins a node; taking one
    /// away removes that node from Redis Enterprise, one at a time and only while quorum and every database stay healthy.
    #[schemars(
        length(min = 1, max = 35),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub nodes: Vec<NodeSpec>,
    /// Secret with the keys `username` and `password` of the cluster's administrator. Used to create the cluster and for
    /// every call afterwards.
    pub credentials_secret_ref: SecretRef,
    /// Secret that holds the licence text, under the key `license` unless `key` says otherwise. Without it the cluster
    /// stays on the licence that it has (a fresh cluster: the trial of four shards and thirty days). REST: `license`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_secret_ref: Option<SecretKeyRef>,
    /// How the certificates of the nodes are trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsTrust>,
    /// Settings of the cluster. Fields left out are unmanaged. REST: PUT `/v1/cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<ClusterSettings>,
    /// Policy of the cluster: defaults for databases and rules for placement. Fields left out are unmanaged.
    /// REST: PUT `/v1/cluster/policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ClusterPolicy>,
    /// How far Regent may go: `Enforce` (when left out), `Plan` (say what would be done) or `Observe` (report only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// Whether a cluster that already exists under this name may be taken over: `Never` (when left out) or `IfUnowned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("isIP(self.address)")
        .message("`address` must be an IPv4 or IPv6 address, such as '10.0.0.11'")
        .field_path(".address"),
    validation = Rule::new("!has(self.externalAddresses) || self.externalAddresses.all(address, isIP(address))")
        .message("`externalAddresses` must be IPv4 or IPv6 addresses")
        .field_path(".externalAddresses"),
)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Name of the node within this object; messages use it. Must be unique and must not change.
    #[schemars(length(max = 63), regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// IP address of the node inside the cluster's network. REST: `node.addr`.
    #[schemars(length(min = 2, max = 45))]
    pub address: String,
    /// Port of the REST API. 9443 when left out.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Rack or zone of the node: letters, digits, hyphens and underscores, a letter first and a letter or digit last. Needed
    /// when the cluster is rack aware. Set once. REST: `node.rack_id`.
    #[schemars(length(max = 63), regex(pattern = "^[a-zA-Z]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack_id: Option<String>,
    /// Addresses under which clients outside reach the node. Immutable once the node belongs to the cluster.
    /// REST: `node.external_addr`.
    #[schemars(
        length(min = 1, max = 8),
        inner(length(min = 2, max = 45)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_addresses: Option<Vec<String>>,
    /// Storage paths of the node. Immutable once the node belongs to the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<NodePaths>,
    /// Limits of the node. Immutable once the node belongs to the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<NodeLimits>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo) of the certificate that the fresh node shows, as
    /// `sha256/<base64>`. Vouches for the node until it belongs to the cluster.
    #[schemars(length(max = 51), regex(pattern = "^sha256/[A-Za-z0-9+/]{43}=$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// `true` moves every shard and endpoint off the node and keeps it empty; `false` or leaving it out brings it back.
    /// Only a node that this object put into maintenance is brought back. REST: actions `maintenance_on`,
    /// `maintenance_off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<bool>,
}

/// Storage paths of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePaths {
    /// Directory for persistence files. REST: `paths.persistent_path`.
    #[schemars(length(max = 255), regex(pattern = "^/"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<String>,
    /// Directory for temporary files. REST: `paths.ephemeral_path`.
    #[schemars(length(max = 255), regex(pattern = "^/"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<String>,
}

/// Limits of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeLimits {
    /// Most endpoints bound on the node. REST: `limits.max_listeners`.
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_listeners: Option<u32>,
    /// Most shards on the node. REST: `limits.max_redis_servers`.
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_redis_servers: Option<u32>,
}

/// How the certificates of the nodes are trusted. There is no way to switch verification off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TlsTrust {
    /// `true` takes the certificate that a fresh node shows first as its own, records it in status, and accepts no other
    /// until the node belongs to the cluster. Has no effect afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_on_first_use: Option<bool>,
    /// Secret with the certificates of the authorities that sign the cluster's `api` certificate, under the key `ca.crt`
    /// unless `key` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// SHA-256 pins of the public keys that the cluster's `api` certificate may have, each as `sha256/<base64>`.
    #[schemars(
        length(min = 1, max = 8),
        inner(length(max = 51), regex(pattern = "^sha256/[A-Za-z0-9+/]{43}=$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<Vec<String>>,
}

/// Settings of the cluster. Fields left out are unmanaged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.extra) || self.extra.all(key, key.size() <= 64 && key.matches('^[A-Za-z][A-Za-z0-9_]*$'))")
        .message("`extra` must have names of REST fields as keys: letters, digits and '_', 64 characters at most")
        .field_path(".extra"),
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSettings {
    /// Whether nodes answer for the primary node instead of redirecting to it. REST: `handle_redirects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle_redirects: Option<bool>,
    /// Whether alerts are sent by e-mail. REST: `email_alerts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_alerts: Option<bool>,
    /// Minutes until an idle session of the web interface ends. REST: `cm_session_timeout_minutes`.
    #[schemars(range(min = 1, max = 10_080))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cm_session_timeout_minutes: Option<u32>,
    /// Whether user passwords must be complex. REST: `password_complexity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_complexity: Option<bool>,
    /// Days until a user's password expires; 0 means never. REST: `password_expiration_duration`.
    #[schemars(range(min = 0, max = 3_650))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_expiration_days: Option<u32>,
    /// Lowest TLS version of the REST API and web interface: `1.2` or `1.3`. REST: `min_control_TLS_version`.
    #[schemars(extend("enum" = ["1.2", "1.3"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_control_tls_version: Option<String>,
    /// Lowest TLS version of database endpoints: `1.2` or `1.3`. REST: `min_data_TLS_version`.
    #[schemars(extend("enum" = ["1.2", "1.3"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_data_tls_version: Option<String>,
    /// Any other setting: the REST field's name and its value as JSON text, for example `cnm_http_workers: "2"`.
    /// One that Redis Enterprise accepts without changing anything, as it may do with read-only fields, ends in `NoEffect`.
    #[schemars(extend(
        "maxProperties" = 64,
        "additionalProperties" = {"type": "string", "minLength": 1, "maxLength": 4096}
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<BTreeMap<String, String>>,
}

/// Policy of the cluster. Fields left out are unmanaged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.extra) || self.extra.all(key, key.size() <= 64 && key.matches('^[A-Za-z][A-Za-z0-9_]*$'))")
        .message("`extra` must have names of REST fields as keys: letters, digits and '_', 64 characters at most")
        .field_path(".extra"),
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPolicy {
    /// Whether a master shard and its replica are kept in different racks. Cannot be turned off again.
    /// REST: `rack_aware`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack_aware: Option<bool>,
    /// Shard placement of new databases: `Dense` or `Sparse`. REST: `default_shards_placement`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_shards_placement: Option<crate::api::ShardPlacement>,
    /// Proxy policy of new databases with several shards: `Single`, `AllMasterShards` or `AllNodes`.
    /// REST: `default_sharded_proxy_policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_sharded_proxy_policy: Option<crate::api::ProxyPolicy>,
    /// Proxy policy of new databases with one shard: `Single`, `AllMasterShards` or `AllNodes`.
    /// REST: `default_non_sharded_proxy_policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_non_sharded_proxy_policy: Option<crate::api::ProxyPolicy>,
    /// Any other policy field: the REST field's name and its value as JSON text, for example `slave_ha_grace_period: "600"`.
    /// One that Redis Enterprise accepts without changing anything ends in `NoEffect`.
    #[schemars(extend(
        "maxProperties" = 64,
        "additionalProperties" = {"type": "string", "minLength": 1, "maxLength": 4096}
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<BTreeMap<String, String>>,
}

/// What Regent saw and did for a RedisCluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisClusterStatus {
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
    /// Identity of the Redis Enterprise cluster that this object stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<ClusterIdentity>,
    /// What was decided last and may still be under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The nodes that this object lists or has listed and that still belong to the cluster.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeRecord>,
    /// Pin of the cluster's own `api` certificate, recorded once after creation; gone when the authority vouches for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_certificate_pin: Option<String>,
    /// The Secret whose credentials Redis Enterprise rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_credentials: Option<RejectedCredentials>,
    /// Deletions of databases with their data within the last ten minutes.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_deletions: Vec<RecentDeletion>,
    /// Software version of the nodes; the lowest while they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Short figures for `kubectl get`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ClusterSummary>,
    /// The licence in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseStatus>,
    /// What Regent would do; only under `managementPolicy: Plan`.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
}

/// Identity of a Redis Enterprise cluster: its name and the moment of its creation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterIdentity {
    /// Name of the cluster. REST: `cluster.name`.
    pub name: String,
    /// When the cluster was created. REST: `cluster.created_time`.
    pub created_time: String,
}

/// A node that this object lists or has listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeRecord {
    /// Name of the node in `spec.nodes`.
    pub name: String,
    /// Address that the node had when it was recorded.
    pub address: String,
    /// Port of the REST API.
    pub port: u16,
    /// Uid of the node in Redis Enterprise, once it belongs to the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Pin of the certificate that the fresh node showed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// `true` while the node is in maintenance because this object asked for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// State of the node as Redis Enterprise reports it, such as `active` or `down`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A Secret whose credentials Redis Enterprise rejected. They are not tried again before the Secret changes or ten
/// minutes have passed, because five failed logins lock an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectedCredentials {
    /// Uid and resourceVersion of the Secret, as `<uid>/<resourceVersion>`.
    pub secret_version: String,
    /// When the rejection was last seen.
    pub rejected_time: String,
}

/// One deletion of a database with its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentDeletion {
    /// Name of the RedisDatabase.
    pub database: String,
    /// When its deletion was sent.
    pub time: String,
}

/// Short figures for `kubectl get`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSummary {
    /// Active nodes of listed nodes, as `3/3`.
    pub nodes: String,
    /// Shards in use of the licensed ones, as `2/4`.
    pub shards: String,
    /// Databases of the cluster, whoever made them.
    pub databases: u32,
}

/// The licence in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LicenseStatus {
    /// When the licence expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<String>,
    /// Whether it has expired.
    pub expired: bool,
    /// Shards that it allows in all, replicas counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards_limit: Option<u32>,
}

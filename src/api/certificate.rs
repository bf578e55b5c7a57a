//! `ClusterCertificate`: one of the certificates of a Redis Enterprise cluster.

use crate::api::ClusterIdentity;
use crate::api::ClusterRef;
use crate::api::Condition;
use crate::api::Intent;
use crate::api::ManagementPolicy;
use crate::api::SecretRef;
use kube::CustomResource;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// One of the certificates of a Redis Enterprise cluster, taken from a TLS Secret such as cert-manager writes.
///
/// Despite its name it is an object of a namespace: the `Cluster` is the Redis Enterprise cluster. Deleting one leaves a
/// required certificate in place.
#[allow(clippy::duplicated_attributes, reason = "columns may share a type")]
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "regent.dev",
    version = "v1alpha1",
    kind = "ClusterCertificate",
    plural = "clustercertificates",
    shortname = "rscert",
    category = "regent",
    namespaced,
    status = "ClusterCertificateStatus",
    derive = "PartialEq",
    selectable = ".spec.clusterRef.name",
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
    printcolumn(name = "Cluster", json_path = ".spec.clusterRef.name", type_ = "string"),
    printcolumn(name = "Certificate", json_path = ".spec.certificate", type_ = "string"),
    printcolumn(name = "Not-After", json_path = ".status.notAfter", type_ = "string"),
    printcolumn(name = "Secret", json_path = ".spec.secretRef.name", type_ = "string"),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(
        name = "Fingerprint",
        json_path = ".status.fingerprint",
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
    validation = Rule::new("self.clusterRef == oldSelf.clusterRef")
        .message("`clusterRef` is immutable; make another ClusterCertificate for the other cluster")
        .field_path(".clusterRef"),
    validation = Rule::new("self.certificate == oldSelf.certificate")
        .message("`certificate` is immutable; make another ClusterCertificate for the other certificate")
        .field_path(".certificate"),
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCertificateSpec {
    /// The RedisCluster whose certificate this is. Immutable.
    pub cluster_ref: ClusterRef,
    /// Which certificate: `api` (REST API), `cm` (web interface), `proxy` (database endpoints), `syncer` (replication
    /// between clusters) or `metrics_exporter`. Immutable. REST: `name`.
    pub certificate: CertificateRole,
    /// Secret of type `kubernetes.io/tls`: `tls.crt` holds the leaf and its chain, `tls.key` the private key.
    pub secret_ref: SecretRef,
    /// How far Regent may go: `Enforce` (when left out), `Plan` (say what would be done) or `Observe` (report only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
}

/// The certificates that can be replaced.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
pub enum CertificateRole {
    /// REST API.
    Api,
    /// Web interface.
    Cm,
    /// Database endpoints.
    Proxy,
    /// Replication between clusters.
    Syncer,
    /// Metrics.
    MetricsExporter,
}

impl CertificateRole {
    /// The name that Redis Enterprise and the spec give it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Cm => "cm",
            Self::Proxy => "proxy",
            Self::Syncer => "syncer",
            Self::MetricsExporter => "metrics_exporter",
        }
    }
}

impl std::fmt::Display for CertificateRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What Regent saw and did for a ClusterCertificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCertificateStatus {
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
    /// Identity of the cluster whose certificate this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_identity: Option<ClusterIdentity>,
    /// What was decided last and may still be under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// SHA-256 fingerprint of the certificate that every node has, lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Pin of the public key of that certificate, `sha256/<base64>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// When the certificate expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// What Regent would do; only under `managementPolicy: Plan`.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
}

//! Objects for tests: sound, and each test changes one thing.

use crate::api::CertificateRole;
use crate::api::ClusterCertificate;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use serde_json::json;

/// A RedisCluster of three nodes.
pub fn cluster() -> RedisCluster {
    serde_json::from_value(json!({
        "apiVersion": "regent.dev/v1alpha1",
        "kind": "RedisCluster",
        "metadata": {
            "name": "prod", "namespace": "redis", "uid": "cluster-uid", "resourceVersion": "1",
            "creationTimestamp": "2026-11-21T07:00:00Z",
        },
        "spec": {
            "clusterName": "prod.example.com",
            "nodes": [
                {"name": "n1", "address": "10.0.0.11"},
                {"name": "n2", "address": "10.0.0.12"},
                {"name": "n3", "address": "10.0.0.13"},
            ],
            "credentialsSecretRef": {"name": "admin"},
        },
    }))
    .unwrap()
}

/// A RedisDatabase of the cluster `prod`.
pub fn database(name: &str) -> RedisDatabase {
    serde_json::from_value(json!({
        "apiVersion": "regent.dev/v1alpha1",
        "kind": "RedisDatabase",
        "metadata": {
            "name": name, "namespace": "redis", "uid": format!("{name}-uid"), "resourceVersion": "1",
            "creationTimestamp": "2026-11-21T07:00:00Z",
        },
        "spec": {"clusterRef": {"name": "prod"}, "memorySize": "1Gi"},
    }))
    .unwrap()
}

/// A ClusterCertificate of the cluster `prod`.
pub fn certificate(name: &str, role: CertificateRole) -> ClusterCertificate {
    serde_json::from_value(json!({
        "apiVersion": "regent.dev/v1alpha1",
        "kind": "ClusterCertificate",
        "metadata": {
            "name": name, "namespace": "redis", "uid": format!("{name}-uid"), "resourceVersion": "1",
            "creationTimestamp": "2026-11-21T07:00:00Z",
        },
        "spec": {"clusterRef": {"name": "prod"}, "certificate": role, "secretRef": {"name": "tls"}},
    }))
    .unwrap()
}

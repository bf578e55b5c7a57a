//! Objects as users write them, from a healthy world on.

use serde_json::Value;
use serde_json::json;

/// Name of the RedisCluster.
pub const CLUSTER: &str = "prod";
/// Name of the administrator.
pub const USERNAME: &str = "admin@example.com";
/// His password.
pub const PASSWORD: &str = "canary-password";

/// A cluster of so many fresh machines whose first certificates are taken at their word.
pub fn cluster(nodes: usize) -> Value {
    json!({
        "apiVersion": "regent.dev/v1alpha1",
        "kind": "RedisCluster",
        "metadata": {"name": CLUSTER},
        "spec": {
            "clusterName": crate::fleet::NAME,
            "nodes": (1..=nodes).map(node).collect::<Vec<_>>(),
            "credentialsSecretRef": {"name": "admin"},
            "tls": {"trustOnFirstUse": true},
        },
    })
}

/// One of `spec.nodes`.
pub fn node(place: usize) -> Value {
    json!({"name": format!("n{place}"), "address": format!("10.0.0.{place}")})
}

/// A small database.
pub fn database(name: &str) -> Value {
    json!({
        "apiVersion": "regent.dev/v1alpha1",
        "kind": "RedisDatabase",
        "metadata": {"name": name},
        "spec": {"clusterRef": {"name": CLUSTER}, "memorySize": "100Mi"},
    })
}

/// A certificate of the cluster, from the Secret of the same name with `-tls`.
pub fn certificate(role: &str) -> Value {
    json!({
        "apiVersion": "regent.dev/v1alpha1",
        "kind": "ClusterCertificate",
        "metadata": {"name": role.replace('_', "-")},
        "spec": {"clusterRef": {"name": CLUSTER}, "certificate": role, "secretRef": {"name": format!("{role}-tls")}},
    })
}

/// A Secret with these values.
pub fn secret(name: &str, values: &[(&str, &str)]) -> Value {
    let values: serde_json::Map<String, Value> = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values})
}

/// The administrator's.
pub fn admin() -> Value {
    secret("admin", &[("username", USERNAME), ("password", PASSWORD)])
}

/// The Secret of a ClusterCertificate.
pub fn tls_secret(role: &str, pair: &regent::sim::TlsIdentity) -> Value {
    secret(
        &format!("{role}-tls"),
        &[("tls.crt", &pair.chain_pem), ("tls.key", &pair.key_pem)],
    )
}

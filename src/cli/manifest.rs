//! Objects from files, laid over those that exist.

use crate::api::ClusterCertificate;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use crate::operator::object::Kind;
use crate::operator::object::Object;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What files hold, as far as it matters here.
#[derive(Default)]
pub struct Manifest {
    /// The clusters.
    pub clusters: Vec<RedisCluster>,
    /// The databases.
    pub databases: Vec<RedisDatabase>,
    /// The certificates.
    pub certificates: Vec<ClusterCertificate>,
    /// Secrets that they may refer to.
    pub secrets: Vec<Secret>,
}

impl Manifest {
    /// Reads YAML documents, or JSON. Kinds that do not matter here are passed over. Objects without a namespace get
    /// `namespace`.
    ///
    /// # Errors
    /// When a document cannot be read, in words that name it.
    pub fn read(text: &str, namespace: &str) -> Result<Self, String> {
        let documents: Vec<Option<Value>> =
            serde_yaml::from_multiple(text).map_err(|error| format!("this is not YAML: {error}"))?;
        let mut manifest = Self::default();
        for document in documents.into_iter().flatten() {
            manifest.add(document, namespace)?;
        }
        Ok(manifest)
    }

    fn add(&mut self, mut document: Value, namespace: &str) -> Result<(), String> {
        if let Some(items) = document.get_mut("items").map(Value::take) {
            let Value::Array(items) = items else { return Ok(()) };
            return items.into_iter().try_for_each(|item| self.add(item, namespace));
        }
        if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.entry("namespace").or_insert_with(|| namespace.into());
        }
        match document.get("kind").and_then(Value::as_str).unwrap_or_default() {
            kind if kind == Kind::RedisCluster.name() => self.clusters.push(typed(document)?),
            kind if kind == Kind::RedisDatabase.name() => self.databases.push(typed(document)?),
            kind if kind == Kind::ClusterCertificate.name() => self.certificates.push(typed(document)?),
            "Secret" => self.secrets.push(secret(document)?),
            _ => {}
        }
        Ok(())
    }
}

/// Lays the objects of a file over those that exist: what exists keeps its identity and status and takes the spec,
/// annotations and labels of the file; what does not exist yet is made up as if it had just been created.
pub fn overlay<K: Object>(existing: Vec<K>, from_file: Vec<K>, now: Timestamp) -> Vec<K> {
    let mut result = existing;
    for mut object in from_file {
        let before = result.iter().position(|existing| existing.key() == object.key());
        match before.map(|position| result.swap_remove(position)) {
            Some(existing) => {
                let annotations = object.annotations().clone();
                *object.meta_mut() = existing.meta().clone();
                object.annotations_mut().extend(annotations);
                *object.status_mut() = existing.status().cloned();
            }
            None => {
                let meta = object.meta_mut();
                meta.uid = Some("not-created-yet".into());
                meta.generation = Some(1);
                meta.creation_timestamp = Some(Time(now));
            }
        }
        result.push(object);
    }
    result
}

fn typed<T: DeserializeOwned>(document: Value) -> Result<T, String> {
    let text = |path: &[&str]| {
        let value = path.iter().try_fold(&document, |value, key| value.get(key));
        value
            .and_then(Value::as_str)
            .unwrap_or("without a name")
            .to_owned()
    };
    let name = format!("{} {}", text(&["kind"]), text(&["metadata", "name"]));
    serde_json::from_value(document).map_err(|error| format!("{name}: {error}"))
}

fn secret(document: Value) -> Result<Secret, String> {
    let mut secret: Secret = typed(document)?;
    let plain = secret.string_data.take().unwrap_or_default();
    let data = secret.data.get_or_insert_default();
    data.extend(
        plain
            .into_iter()
            .map(|(key, value)| (key, k8s_openapi::ByteString(value.into_bytes()))),
    );
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: pw}
stringData: {password: s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: unrelated}
---
apiVersion: regent.dev/v1alpha1
kind: RedisDatabase
metadata: {name: sessions}
spec: {clusterRef: {name: prod}, memorySize: 2Gi}
"#;

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_file_may_hold_other_kinds_and_leave_the_namespace_out() {
        let manifest = Manifest::read(FILE, "redis").unwrap();
        assert_eq!(
            manifest.databases[0].key().to_string(),
            "RedisDatabase redis/sessions"
        );
        assert_eq!(manifest.secrets[0].data.as_ref().unwrap()["password"].0, b"s");
    }

    #[test]
    fn a_document_that_cannot_be_read_is_named() {
        let broken = FILE.replace("memorySize: 2Gi", "memory: 2Gi");
        let error = Manifest::read(&broken, "redis").err().unwrap();
        assert_eq!(error, "RedisDatabase sessions: missing field `memorySize`");
    }

    #[test]
    fn an_object_that_exists_keeps_its_identity_and_takes_the_spec_of_the_file() {
        let mut existing = Manifest::read(FILE, "redis").unwrap().databases;
        existing[0].metadata.uid = Some("u".into());
        existing[0].status = Some(crate::api::RedisDatabaseStatus {
            uid: Some(7),
            ..Default::default()
        });
        let changed = FILE.replace("2Gi", "4Gi");
        let laid = overlay(
            existing,
            Manifest::read(&changed, "redis").unwrap().databases,
            now(),
        );
        assert_eq!(laid.len(), 1);
        assert_eq!(laid[0].uid().as_deref(), Some("u"));
        assert_eq!(laid[0].status.as_ref().unwrap().uid, Some(7));
        assert_eq!(laid[0].spec.memory_size.0, "4Gi");
    }

    #[test]
    fn an_object_that_does_not_exist_is_as_good_as_just_created() {
        let laid = overlay(
            Vec::new(),
            Manifest::read(FILE, "redis").unwrap().databases,
            now(),
        );
        assert_eq!(laid[0].creation_timestamp(), Some(Time(now())));
    }
}

//! The CustomResourceDefinitions, from the types and made fit for an API server.
//!
//! What the derive makes is not fit to ship: it has `nullable` where a field may be left out, defaults that make GitOps tools
//! see drift, integer formats that the API server warns about, and a description that tells users nothing.

use crate::api::ClusterCertificate;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use kube::CustomResourceExt;
use kube::core::schema::OptionalEnum;
use kube::core::schema::StructuralSchemaRewriter;
use schemars::JsonSchema;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::AddNullable;
use schemars::transform::RecursiveTransform;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The CustomResourceDefinition of every kind, ready to be applied, in the order in which people read them.
pub fn definitions() -> Vec<Value> {
    // Operators of the Service Binding specification look for this label; `status.binding` then names the Secret.
    let bindable = [("servicebinding.io/provisioned-service", "true")];
    vec![
        definition::<RedisCluster>(&[]),
        definition::<RedisDatabase>(&bindable),
        definition::<ClusterCertificate>(&[]),
    ]
}

/// The `openAPIV3Schema` of a definition.
pub fn schema_of(definition: &Value) -> Option<&Value> {
    definition.pointer("/spec/versions/0/schema/openAPIV3Schema")
}

fn definition<K: CustomResourceExt + JsonSchema>(labels: &[(&str, &str)]) -> Value {
    let mut schema = structural::<K>();
    polish(&mut schema);
    describe_root(&mut schema);
    if let Some(Value::Object(status)) = schema.pointer_mut("/properties/status") {
        // Waiters take an object without a status for a finished one; this one is plainly not observed yet.
        status.insert("default".into(), json!({"observedGeneration": -1}));
    }
    let mut definition = serde_json::to_value(K::crd()).unwrap_or_default();
    if let Some(place) = definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        *place = schema;
    }
    let labels = labels.iter().chain(&[("app.kubernetes.io/part-of", "regent")]);
    let labels: Map<String, Value> = labels
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    if let Some(Value::Object(metadata)) = definition.get_mut("metadata") {
        metadata.insert("labels".into(), Value::Object(labels));
    }
    definition
}

/// The schema in the form that Kubernetes calls structural. As the derive does it, but the description of a field wins over
/// that of its type.
fn structural<K: JsonSchema>() -> Value {
    let generator = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(AddNullable::default())
        .with_transform(RecursiveTransform(prefer_the_description_of_the_field))
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .into_generator();
    generator.into_root_schema_for::<K>().to_value()
}

fn prefer_the_description_of_the_field(schema: &mut Schema) {
    if schema.get("description").is_some()
        && let Some(Value::Array(choices)) = schema.get_mut("anyOf")
    {
        choices
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(|choice| drop(choice.remove("description")));
    }
}

/// Puts one node of the schema and all below it right.
fn polish(schema: &mut Value) {
    let Value::Object(node) = schema else { return };
    node.remove("nullable");
    node.remove("default");
    if let Some(Value::Array(values)) = node.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::String(text)) = node.get_mut("description") {
        *text = reflowed(text);
    }
    settle_integer(node);
    for key in ["items", "additionalProperties"] {
        node.get_mut(key).into_iter().for_each(polish);
    }
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        properties.values_mut().for_each(polish);
    }
}

/// Gives an integer a format that Kubernetes knows, and whole bounds.
fn settle_integer(node: &mut Map<String, Value>) {
    if node.get("type").and_then(Value::as_str) != Some("integer") {
        return;
    }
    let narrow = ["int8", "uint8", "int16", "uint16", "int32"];
    let format = node.get("format").and_then(Value::as_str).unwrap_or_default();
    let format = if narrow.contains(&format) {
        "int32"
    } else {
        "int64"
    };
    node.insert("format".into(), json!(format));
    for bound in ["minimum", "maximum"] {
        if let Some(number) = node.get_mut(bound)
            && let Some(whole) = number.as_f64()
        {
            *number = json!(whole as i64);
        }
    }
}

/// Moves the description of the kind to where `kubectl explain` looks first.
fn describe_root(schema: &mut Value) {
    let words = schema.pointer("/properties/spec/description").cloned();
    if let (Value::Object(root), Some(words)) = (&mut *schema, words) {
        root.insert("description".into(), words);
    }
    if let Some(Value::Object(spec)) = schema.pointer_mut("/properties/spec") {
        spec.insert(
            "description".into(),
            json!("What is wanted. Optional fields that are left out are unmanaged."),
        );
    }
}

/// One line a paragraph; the source wraps them, `kubectl explain` wraps them anew.
fn reflowed(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::CertificateRole;
    use crate::api::Downgrade;
    use crate::api::EvictionPolicy;
    use crate::api::Fsync;
    use crate::api::PersistenceMode;
    use crate::api::ProxyPolicy;
    use crate::api::ShardPlacement;
    use crate::api::TlsMode;
    use kube::core::cel::Validator;
    use std::fmt::Debug;
    use strum::IntoEnumIterator;

    /// Calls `visit` with the path and the node of everything in the schema of each kind.
    fn walk(visit: &mut dyn FnMut(&str, &Value)) {
        fn down(path: &str, node: &Value, visit: &mut dyn FnMut(&str, &Value)) {
            visit(path, node);
            for (name, child) in node["properties"].as_object().into_iter().flatten() {
                down(&format!("{path}.{name}"), child, visit);
            }
            for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
                if let Some(child) = node.get(key) {
                    down(&format!("{path}{mark}"), child, visit);
                }
            }
        }
        for definition in definitions() {
            let kind = definition["spec"]["names"]["kind"].as_str().unwrap().to_owned();
            down(&kind, schema_of(&definition).unwrap(), visit);
        }
    }

    fn in_spec(path: &str) -> bool {
        path.contains(".spec")
    }

    #[test]
    fn every_field_is_described() {
        walk(&mut |path, node| {
            let value = path.ends_with("[]") || path.ends_with("{}");
            let words = node["description"].as_str().unwrap_or_default();
            assert!(value || words.len() > 5, "{path} lacks a description");
            assert!(!words.contains("Auto-generated"), "{path}: {words}");
        });
    }

    #[test]
    fn only_the_status_has_a_default_and_nothing_is_nullable() {
        walk(&mut |path, node| {
            let unseen = json!({"observedGeneration": -1});
            let status = path.split('.').count() == 2 && path.ends_with(".status");
            assert_eq!(node.get("default"), status.then_some(&unseen), "{path}");
            assert_eq!(node.get("nullable"), None, "{path}");
        });
    }

    #[test]
    fn integers_have_formats_that_kubernetes_knows() {
        walk(&mut |path, node| {
            if node["type"] == "integer" {
                assert!(
                    ["int32", "int64"].contains(&node["format"].as_str().unwrap()),
                    "{path}"
                );
            } else {
                assert_eq!(node.get("format"), None, "{path}");
            }
        });
    }

    #[test]
    fn everything_that_users_write_is_bounded() {
        walk(&mut |path, node| {
            let bounds: &[&str] = match node["type"].as_str() {
                _ if !in_spec(path) || node.get("enum").is_some() => return,
                Some("string") => &["maxLength"],
                Some("array") => &["maxItems"],
                Some("integer") => &["minimum", "maximum"],
                Some("object") if node.get("additionalProperties").is_some() => &["maxProperties"],
                _ => return,
            };
            for bound in bounds {
                assert!(node.get(bound).is_some(), "{path} lacks {bound}");
            }
        });
    }

    #[test]
    fn lists_say_how_they_merge() {
        walk(&mut |path, node| {
            if node["type"] == "array" {
                let merge = node["x-kubernetes-list-type"].as_str().unwrap_or_default();
                assert!(
                    ["map", "set", "atomic"].contains(&merge),
                    "{path} lacks a list type"
                );
            }
            if path.ends_with(".conditions") {
                assert_eq!(node["x-kubernetes-list-map-keys"], json!(["type"]), "{path}");
            }
        });
    }

    #[test]
    fn the_values_of_an_enum_are_named_in_the_description_of_its_field() {
        walk(&mut |path, node| {
            let list = node["description"].as_str().is_none() || !in_spec(path);
            for value in node["enum"].as_array().into_iter().flatten().filter(|_| !list) {
                let value = format!("`{}`", value.as_str().unwrap());
                assert!(
                    node["description"].as_str().unwrap().contains(&value),
                    "{path} does not name {value}"
                );
            }
        });
    }

    #[test]
    fn rules_say_what_is_allowed_and_name_the_field() {
        walk(&mut |path, node| {
            for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
                let field = rule["fieldPath"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{path}: {rule} has no fieldPath"));
                let name = field.rsplit('.').next().unwrap();
                let message = rule["message"].as_str().unwrap();
                assert!(
                    message.contains(&format!("`{name}`")),
                    "{path}: {message} does not name {name}"
                );
                let modal = [" must ", " is immutable"]
                    .iter()
                    .any(|word| message.contains(word));
                assert!(modal, "{path}: {message} does not say what is allowed");
            }
        });
    }

    #[test]
    fn columns_show_fields_that_exist() {
        for definition in definitions() {
            let columns = definition["spec"]["versions"][0]["additionalPrinterColumns"]
                .as_array()
                .unwrap()
                .clone();
            for column in columns {
                let path = column["jsonPath"].as_str().unwrap();
                if path.starts_with(".metadata") || path.contains("conditions") {
                    continue;
                }
                let pointer: String = path[1..]
                    .split('.')
                    .map(|name| format!("/properties/{name}"))
                    .collect();
                let field = schema_of(&definition).unwrap().pointer(&pointer);
                assert!(field.is_some(), "{path} is not in the schema");
                assert_eq!(field.unwrap()["type"], column["type"], "{path}");
            }
        }
    }

    fn cluster() -> Value {
        json!({
            "apiVersion": "regent.dev/v1alpha1", "kind": "RedisCluster", "metadata": {"name": "prod"},
            "spec": {
                "clusterName": "prod.redis.example.com",
                "nodes": [
                    {"name": "n1", "address": "10.0.0.11", "rackId": "a"},
                    {"name": "n2", "address": "10.0.0.12", "rackId": "b", "externalAddresses": ["203.0.113.2"]},
                    {"name": "n3", "address": "fd00::3", "port": 9444, "rackId": "c"},
                ],
                "credentialsSecretRef": {"name": "prod-admin"},
                "settings": {"extra": {"cnm_http_workers": "2"}},
                "policy": {"rackAware": true},
            },
        })
    }

    fn database() -> Value {
        json!({
            "apiVersion": "regent.dev/v1alpha1", "kind": "RedisDatabase", "metadata": {"name": "sessions"},
            "spec": {
                "clusterRef": {"name": "prod"},
                "databaseName": "sessions",
                "memorySize": "2Gi",
                "port": 12000,
                "persistence": {"mode": "Aof", "fsync": "EverySecond"},
                "tags": {"team": "web"},
                "passwordSecretRef": {"name": "sessions-password", "generate": true},
                "connectionSecret": {"name": "sessions-conn"},
            },
        })
    }

    fn certificate() -> Value {
        json!({
            "apiVersion": "regent.dev/v1alpha1", "kind": "ClusterCertificate", "metadata": {"name": "proxy"},
            "spec": {"clusterRef": {"name": "prod"}, "certificate": "proxy", "secretRef": {"name": "proxy-tls"}},
        })
    }

    /// The message with which an object is refused, or `None`.
    fn refusal(object: &Value, old: Option<&Value>) -> Option<String> {
        let definition = definitions()
            .into_iter()
            .find(|definition| definition["spec"]["names"]["kind"] == object["kind"])
            .unwrap();
        let refused = Validator::new()
            .validate(schema_of(&definition).unwrap(), object, old)
            .err()?;
        Some(
            refused
                .iter()
                .map(|error| error.message.clone())
                .collect::<Vec<_>>()
                .join("; "),
        )
    }

    /// An object with one value set by its JSON pointer, or taken away by `null`.
    fn with(mut object: Value, pointer: &str, value: Value) -> Value {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap();
        match (parent, value) {
            (Value::Object(map), Value::Null) => drop(map.remove(name)),
            (Value::Object(map), value) => drop(map.insert(name.into(), value)),
            (Value::Array(list), value) => list[name.parse::<usize>().unwrap()] = value,
            (parent, _) => panic!("{parent} has no {name}"),
        }
        object
    }

    #[test]
    fn healthy_objects_pass_and_may_be_applied_again() {
        for object in [cluster(), database(), certificate()] {
            assert_eq!(refusal(&object, None), None);
            assert_eq!(refusal(&object, Some(&object)), None);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_message_that_names_the_field() {
        let rows = [
            (
                cluster(),
                "/spec/nodes/0/address",
                json!("node-1.example.com"),
                "`address`",
            ),
            (
                cluster(),
                "/spec/nodes/1/address",
                json!("10.0.0.11"),
                "`nodes` must not list",
            ),
            (
                cluster(),
                "/spec/nodes/1/externalAddresses",
                json!(["a.example.com"]),
                "`externalAddresses`",
            ),
            (cluster(), "/spec/nodes/0/rackId", Value::Null, "`rackId`"),
            (cluster(), "/spec/settings/extra", json!({"a/b": "1"}), "`extra`"),
            (cluster(), "/spec/policy/extra", json!({"": "1"}), "`extra`"),
            (database(), "/spec/memorySize", json!("512Ki"), "`memorySize`"),
            (database(), "/spec/memorySize", json!("much"), "`memorySize`"),
            (database(), "/spec/port", json!(10050), "`port`"),
            (
                database(),
                "/spec/persistence",
                json!({"mode": "Snapshot"}),
                "`snapshots`",
            ),
            (
                database(),
                "/spec/persistence",
                json!({"mode": "Disabled", "fsync": "Always"}),
                "`fsync`",
            ),
            (database(), "/spec/tags", json!({"regent-owner": "me"}), "`tags`"),
            (database(), "/spec/tags", json!({"regent_owner": "me"}), "`tags`"),
            (database(), "/spec/tags", json!({"": "me"}), "`tags`"),
            (database(), "/spec/tags", json!({"a<b": "me"}), "`tags`"),
            (
                database(),
                "/spec/connectionSecret/name",
                json!("sessions-password"),
                "`connectionSecret`",
            ),
        ];
        for (object, pointer, value, names) in rows {
            let refused = refusal(&with(object, pointer, value.clone()), None);
            assert!(
                refused.as_deref().is_some_and(|text| text.contains(names)),
                "{pointer} {value}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_is_immutable_can_be_neither_changed_nor_removed_but_set_late() {
        let rows = [
            (cluster(), "/spec/clusterName", json!("other.example.com"), false),
            (database(), "/spec/clusterRef", json!({"name": "other"}), false),
            (database(), "/spec/databaseName", json!("other"), true),
            (database(), "/spec/port", json!(12001), true),
            (certificate(), "/spec/clusterRef", json!({"name": "other"}), false),
            (certificate(), "/spec/certificate", json!("api"), false),
        ];
        for (old, pointer, value, optional) in rows {
            let refused = refusal(&with(old.clone(), pointer, value), Some(&old));
            assert!(
                refused.is_some_and(|text| text.contains("is immutable")),
                "{pointer} can be changed"
            );
            if optional {
                let without = with(old.clone(), pointer, Value::Null);
                assert!(
                    refusal(&without, Some(&old)).is_some(),
                    "{pointer} can be removed"
                );
                assert_eq!(
                    refusal(&old, Some(&without)),
                    None,
                    "{pointer} cannot be set late"
                );
            }
        }
    }

    #[test]
    fn a_database_whose_name_redis_enterprise_would_refuse_needs_another_name_there() {
        let nameless = with(database(), "/spec/databaseName", Value::Null);
        assert_eq!(refusal(&nameless, None), None);
        for name in ["a.b".to_owned(), "a".repeat(64)] {
            let refused = refusal(&with(nameless.clone(), "/metadata/name", json!(name)), None);
            assert!(
                refused.is_some_and(|text| text.contains("`databaseName`")),
                "{name}"
            );
        }
    }

    #[test]
    fn enums_of_the_schema_are_those_of_the_types() {
        fn words<T: IntoEnumIterator + Debug + serde::Serialize>() -> Value {
            T::iter()
                .map(|value| serde_json::to_value(value).unwrap())
                .collect()
        }
        let rows = [
            ("ClusterCertificate.spec.certificate", words::<CertificateRole>()),
            ("RedisDatabase.spec.allowDowngrades[]", words::<Downgrade>()),
            ("RedisDatabase.spec.evictionPolicy", words::<EvictionPolicy>()),
            ("RedisDatabase.spec.persistence.fsync", words::<Fsync>()),
            ("RedisDatabase.spec.persistence.mode", words::<PersistenceMode>()),
            ("RedisDatabase.spec.proxyPolicy", words::<ProxyPolicy>()),
            ("RedisDatabase.spec.shardPlacement", words::<ShardPlacement>()),
            ("RedisDatabase.spec.tls.mode", words::<TlsMode>()),
        ];
        let mut seen = 0;
        walk(&mut |path, node| {
            for (_, words) in rows.iter().filter(|(field, _)| *field == path) {
                let mut sorted: Vec<_> = words.as_array().unwrap().iter().map(Value::to_string).collect();
                let mut listed: Vec<_> = node["enum"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(Value::to_string)
                    .collect();
                sorted.sort();
                listed.sort();
                assert_eq!(listed, sorted, "{path}");
                seen += 1;
            }
        });
        assert_eq!(seen, rows.len());
    }
}

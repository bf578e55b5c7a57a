//! Every manifest that users are shown would be accepted: the samples, and the YAML in the README, the pages and the chart's notes.

use kube::core::cel::Validator;
use regent::api::ClusterCertificate;
use regent::api::RedisCluster;
use regent::api::RedisDatabase;
use regent::api::schema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;
use std::path::PathBuf;

#[test]
fn the_samples_are_valid() {
    let mut kinds = Vec::new();
    for file in files("deploy/samples", "yaml") {
        let text = std::fs::read_to_string(&file).unwrap();
        kinds.extend(
            documents(&text)
                .iter()
                .filter_map(|document| checked(document, &file.display().to_string())),
        );
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(
        kinds,
        ["ClusterCertificate", "RedisCluster", "RedisDatabase"],
        "there is a sample of each kind"
    );
}

#[test]
fn the_manifests_in_the_pages_are_valid() {
    let pages = [
        files("docs", "md"),
        files("docs/how-to", "md"),
        vec![root().join("README.md")],
    ]
    .concat();
    let mut found = 0;
    for file in pages {
        let text = std::fs::read_to_string(&file).unwrap();
        for block in blocks(&text, "```yaml", "```") {
            let documents = documents(&block);
            found += documents
                .iter()
                .filter_map(|document| checked(document, &file.display().to_string()))
                .count();
        }
    }
    assert!(found >= 3, "the README shows each kind");
}

#[test]
fn the_manifests_in_the_notes_of_the_chart_are_valid() {
    let notes = std::fs::read_to_string(root().join("charts/regent/templates/NOTES.txt")).unwrap();
    let blocks = blocks(&notes, "<<'YAML'", "YAML");
    let kinds: Vec<_> = blocks
        .iter()
        .flat_map(|block| documents(block))
        .filter_map(|document| checked(&document, "NOTES.txt"))
        .collect();
    assert_eq!(kinds, ["RedisCluster", "RedisDatabase"]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder))
        .into_iter()
        .flatten()
        .flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// What stands between a line that ends in `open` and the next that is `close`, without its indentation.
fn blocks(text: &str, open: &str, close: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line.ends_with(open)) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != close).collect();
        let indent = block
            .iter()
            .map(|line| line.len() - line.trim_start().len())
            .min()
            .unwrap_or_default();
        blocks.push(
            block
                .iter()
                .map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n")
                .collect(),
        );
    }
    blocks
}

fn documents(text: &str) -> Vec<Value> {
    let documents = text
        .split("---\n")
        .filter(|document| document.lines().any(|line| !line.starts_with('#')));
    documents
        .map(|document| serde_yaml::from_str(document).unwrap())
        .collect()
}

/// The kind of an object of ours, found valid; `None` for others.
fn checked(object: &Value, place: &str) -> Option<&'static str> {
    let kind = object.get("kind").and_then(Value::as_str)?;
    let definitions = schema::definitions();
    let definition = definitions
        .iter()
        .find(|definition| definition.pointer("/spec/names/kind") == object.get("kind"))?;
    let schema = schema::schema_of(definition).unwrap();
    for part in ["spec", "status"] {
        if let (Some(value), Some(schema)) =
            (object.get(part), schema.pointer(&format!("/properties/{part}")))
        {
            fits(value, schema, &format!("{place}: {kind}.{part}"));
        }
    }
    let refused = Validator::new().validate(schema, object, None).err();
    assert!(refused.is_none(), "{place}: {refused:?}");
    match kind {
        "RedisCluster" => Some(read::<RedisCluster>(object, "RedisCluster")),
        "RedisDatabase" => Some(read::<RedisDatabase>(object, "RedisDatabase")),
        "ClusterCertificate" => Some(read::<ClusterCertificate>(object, "ClusterCertificate")),
        _ => None,
    }
}

fn read<K: DeserializeOwned>(object: &Value, kind: &'static str) -> &'static str {
    let read: Result<K, _> = serde_json::from_value(object.clone());
    assert!(read.is_ok(), "{kind}: {:?}", read.err());
    kind
}

/// No field that the schema does not know, none missing, every value of a listed one. Patterns are left to the API server.
fn fits(value: &Value, schema: &Value, path: &str) {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        assert!(values.contains(value), "{path}: {value} is none of {values:?}");
    }
    for name in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        assert!(value.get(name).is_some(), "{path} lacks {name}");
    }
    match (value, schema.get("properties"), schema.get("items")) {
        (Value::Object(fields), Some(properties), _) => {
            for (name, field) in fields {
                let known = properties.get(name);
                assert!(known.is_some(), "{path} has no field {name}");
                fits(field, known.unwrap_or(&Value::Null), &format!("{path}.{name}"));
            }
        }
        (Value::Array(items), _, Some(known)) => items.iter().for_each(|item| fits(item, known, path)),
        _ => {}
    }
}

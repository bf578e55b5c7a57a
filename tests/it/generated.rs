//! What is generated is fresh. `make gen` writes these files (it runs this module with `UPDATE_EXPECT=1`).

use expect_test::expect_file;
use regent::api::schema;
use regent::cli::crds;
use serde_json::Value;
use serde_json::json;

/// The definition of a kind by its plural.
fn definition(plural: &str) -> Value {
    schema::definitions()
        .into_iter()
        .find(|definition| definition.pointer("/spec/names/plural") == Some(&json!(plural)))
        .unwrap_or(Value::Null)
}

/// As the chart has it: an uninstalled chart must not take every cluster and database object along.
fn kept(plural: &str) -> String {
    let mut definition = definition(plural);
    if let Some(Value::Object(metadata)) = definition.get_mut("metadata") {
        metadata.insert("annotations".into(), json!({"helm.sh/resource-policy": "keep"}));
    }
    crds::document(&definition)
}

#[test]
fn the_definitions_are_those_of_the_types() {
    assert_eq!(schema::definitions().len(), 3, "a new kind needs a line below");
    expect_file!["../../crds/redisclusters.yaml"].assert_eq(&crds::document(&definition("redisclusters")));
    expect_file!["../../crds/redisdatabases.yaml"].assert_eq(&crds::document(&definition("redisdatabases")));
    expect_file!["../../crds/clustercertificates.yaml"]
        .assert_eq(&crds::document(&definition("clustercertificates")));
}

#[test]
fn the_chart_has_the_same_definitions_and_keeps_them() {
    expect_file!["../../charts/regent-crds/templates/redisclusters.yaml"].assert_eq(&kept("redisclusters"));
    expect_file!["../../charts/regent-crds/templates/redisdatabases.yaml"].assert_eq(&kept("redisdatabases"));
    expect_file!["../../charts/regent-crds/templates/clustercertificates.yaml"]
        .assert_eq(&kept("clustercertificates"));
}

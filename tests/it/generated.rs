//! What is generated is fresh. `make gen` writes these files (it runs this module with `UPDATE_EXPECT=1`).

mod fields;
mod words;

use expect_test::expect_file;
use regent::api::Reason;
use regent::api::schema;
use regent::cli::crds;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use strum::IntoEnumIterator;

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

#[test]
fn the_page_of_fields_is_that_of_the_schemas() {
    expect_file!["../../docs/reference/crds.md"].assert_eq(&fields::page());
}

#[test]
fn the_page_of_fidelity_is_that_of_the_simulators_tables() {
    expect_file!["../../docs/reference/fidelity.md"].assert_eq(&regent::sim::fidelity_page());
}

#[test]
fn the_page_of_conditions_is_that_of_the_reasons() {
    assert_eq!(
        words::reasons().len(),
        Reason::iter().count(),
        "every reason is described"
    );
    expect_file!["../../docs/reference/conditions.md"].assert_eq(&words::page());
}

#[test]
fn every_word_that_the_report_can_say_is_on_the_page_of_conditions() {
    let page = words::page();
    let known: BTreeSet<&str> = page.split(|letter: char| !letter.is_ascii_alphabetic()).collect();
    let report = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report");
    let mut unknown = Vec::new();
    for file in std::fs::read_dir(report).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let words = code
            .split('"')
            .skip(1)
            .step_by(2)
            .filter(|word| is_word(word) && !known.contains(*word));
        unknown.extend(words.map(|word| format!("{}: {word}", path.display())));
    }
    assert!(
        unknown.is_empty(),
        "add to tests/it/generated/words.rs:\n{}",
        unknown.join("\n")
    );
}

/// Whether a string of the source is a word for machines: `CamelCase` and nothing else.
fn is_word(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(char::is_uppercase)
        && text.chars().all(|letter| letter.is_ascii_alphabetic())
}

//! What is generated is fresh. `make gen` writes these files (it runs this module with `UPDATE_EXPECT=1`).

mod fields;
mod words;

use expect_test::ExpectFile;
use expect_test::expect_file;
use regent::api::Reason;
use regent::api::schema;
use regent::cli::crds;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use strum::IntoEnumIterator;

/// Fails with the first line that differs, or writes the file when asked to. A whole difference of pages as long as these takes
/// minutes to work out.
fn fresh(kept: &ExpectFile, now: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return kept.assert_eq(now);
    }
    let (old, path) = (kept.data(), kept.path.display());
    let ends = std::iter::once("(the end)");
    let lines = old.lines().chain(ends.clone()).zip(now.lines().chain(ends));
    if let Some((number, (old, new))) = lines.enumerate().find(|(_, (old, new))| old != new) {
        let number = number + 1;
        panic!("{path} is stale from line {number} on: run `make gen`\n  has  {old}\n  now  {new}");
    }
    assert!(old == now, "{path} is stale: run `make gen`");
}

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
    fresh(
        &expect_file!["../../crds/redisclusters.yaml"],
        &crds::document(&definition("redisclusters")),
    );
    fresh(
        &expect_file!["../../crds/redisdatabases.yaml"],
        &crds::document(&definition("redisdatabases")),
    );
    fresh(
        &expect_file!["../../crds/clustercertificates.yaml"],
        &crds::document(&definition("clustercertificates")),
    );
}

#[test]
fn the_chart_has_the_same_definitions_and_keeps_them() {
    fresh(
        &expect_file!["../../charts/regent-crds/templates/redisclusters.yaml"],
        &kept("redisclusters"),
    );
    fresh(
        &expect_file!["../../charts/regent-crds/templates/redisdatabases.yaml"],
        &kept("redisdatabases"),
    );
    fresh(
        &expect_file!["../../charts/regent-crds/templates/clustercertificates.yaml"],
        &kept("clustercertificates"),
    );
}

#[test]
fn the_page_of_fields_is_that_of_the_schemas() {
    fresh(&expect_file!["../../docs/reference/crds.md"], &fields::page());
}

#[test]
fn the_page_of_fidelity_is_that_of_the_simulators_tables() {
    fresh(
        &expect_file!["../../docs/reference/fidelity.md"],
        &regent::sim::fidelity_page(),
    );
}

#[test]
fn the_page_of_conditions_is_that_of_the_reasons() {
    assert_eq!(
        words::reasons().len(),
        Reason::iter().count(),
        "every reason is described"
    );
    fresh(
        &expect_file!["../../docs/reference/conditions.md"],
        &words::page(),
    );
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

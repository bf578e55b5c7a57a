//! `regent crds`: prints the CustomResourceDefinitions, one YAML document each.

use crate::api::schema;
use serde_json::Value;

/// All definitions as one YAML stream, for `regent crds | kubectl apply --server-side -f -`.
pub fn render() -> String {
    let documents: Vec<String> = schema::definitions().iter().map(document).collect();
    documents.join("---\n")
}

/// One definition as a YAML document.
pub fn document(definition: &Value) -> String {
    let text = serde_yaml::to_string(definition).unwrap_or_default();
    // The writer indents the empty lines of a block of text; to a reader it is the same.
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_as_the_definitions() {
        let read: Vec<Value> = render()
            .split("---\n")
            .map(|document| serde_yaml::from_str(document).unwrap())
            .collect();
        assert_eq!(read, schema::definitions());
    }
}

//! A table as a JSON schema, as `GET /v1/jsonschema` shows it.

use super::{Access, Field, Kind, Table};
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};

/// The schema of an object as `profile` knows it.
pub(crate) fn of_table(table: &Table, profile: Profile) -> Value {
    let mut schema = object(table.fields, profile);
    schema.insert("description".to_owned(), json!(table.what));
    Value::Object(schema)
}

fn object(fields: &[Field], profile: Profile) -> Map<String, Value> {
    let here = || fields.iter().filter(|field| field.within(profile));
    let properties: Map<String, Value> = here()
        .map(|field| (field.name.to_owned(), property(field, profile)))
        .collect();
    let mut schema = typed("object");
    schema.insert("properties".to_owned(), Value::Object(properties));
    let needed: Vec<&str> = here()
        .filter(|field| field.needed)
        .map(|field| field.name)
        .collect();
    if !needed.is_empty() {
        schema.insert("required".to_owned(), json!(needed));
    }
    schema
}

fn typed(name: &str) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), json!(name))])
}

fn property(field: &Field, profile: Profile) -> Value {
    let mut property = of_kind(field.kind, profile);
    if let Ok(default) = serde_json::from_str::<Value>(field.default) {
        property.insert("default".to_owned(), default);
    }
    let set = match field.access {
        Access::Read => Some("readOnly"),
        Access::Write => Some("writeOnly"),
        Access::Create | Access::CreateUpdate | Access::Update => None,
    };
    property.extend(set.map(|set| (set.to_owned(), json!(true))));
    Value::Object(property)
}

fn of_kind(kind: Kind, profile: Profile) -> Map<String, Value> {
    let array = |items: Map<String, Value>| {
        let mut array = typed("array");
        array.insert("items".to_owned(), Value::Object(items));
        array
    };
    match kind {
        Kind::Bool => typed("boolean"),
        Kind::Int(low, high) => {
            let mut number = typed("integer");
            let bounds = [("minimum", low, i64::MIN), ("maximum", high, i64::MAX)];
            let bounds = bounds.into_iter().filter(|(_, bound, open)| bound != open);
            number.extend(bounds.map(|(name, bound, _)| (name.to_owned(), json!(bound))));
            number
        }
        Kind::Unsigned(low) => {
            let mut number = typed("integer");
            number.extend([
                ("minimum".to_owned(), json!(low)),
                ("maximum".to_owned(), json!(u64::MAX)),
            ]);
            number
        }
        Kind::Float => typed("number"),
        Kind::Fraction => {
            let mut number = typed("number");
            number.extend([("minimum".to_owned(), json!(0)), ("maximum".to_owned(), json!(1))]);
            number
        }
        Kind::Text => typed("string"),
        Kind::Country => {
            let mut text = typed("string");
            text.insert("pattern".to_owned(), json!("^([A-Za-z]{2})?$"));
            text
        }
        Kind::OneOf(names) => {
            let mut text = typed("string");
            text.insert("enum".to_owned(), json!(names));
            text
        }
        Kind::Null => typed("null"),
        Kind::Object => typed("object"),
        Kind::List => typed("array"),
        Kind::Texts => array(typed("string")),
        Kind::Any => Map::new(),
        Kind::Nested(fields) => closed(fields, profile),
        Kind::Of(table) => closed(table.fields, profile),
        Kind::ListOf(item) => array(of_kind(*item, profile)),
        Kind::MapOf(item) => {
            let mut map = typed("object");
            let item = Value::Object(of_kind(*item, profile));
            map.insert("additionalProperties".to_owned(), item);
            map
        }
        Kind::Either(kinds) => {
            let kinds = kinds.iter().map(|kind| Value::Object(of_kind(*kind, profile)));
            Map::from_iter([("anyOf".to_owned(), kinds.collect())])
        }
    }
}

/// A part of an object takes no other keys.
fn closed(fields: &[Field], profile: Profile) -> Map<String, Value> {
    let mut schema = object(fields, profile);
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: &[Field] = &[Field::new("key", Kind::Text, "", Access::CreateUpdate).needed()];
    const FIELDS: &[Field] = &[
        Field::new("uid", Kind::Int(1, 9), "", Access::Read),
        Field::new(
            "parts",
            Kind::ListOf(&Kind::Nested(PART)),
            "[]",
            Access::CreateUpdate,
        ),
        Field::new(
            "by_name",
            Kind::MapOf(&Kind::Either(&[Kind::Bool, Kind::Null])),
            "",
            Access::Write,
        ),
        Field::new("size", Kind::Unsigned(1), "", Access::CreateUpdate),
        Field::new("share", Kind::Fraction, "0.5", Access::CreateUpdate),
        Field::new("late", Kind::Bool, "", Access::Read).since(Profile::V8_2_0),
    ];
    const TABLE: Table = Table::new("thing", "A thing.", FIELDS);

    #[test]
    fn a_table_is_shown_with_all_that_it_knows_of_a_profile() {
        let part = json!({
            "type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"],
            "additionalProperties": false,
        });
        let expected = json!({
            "type": "object", "description": "A thing.", "properties": {
                "uid": {"type": "integer", "minimum": 1, "maximum": 9, "readOnly": true},
                "parts": {"type": "array", "items": part, "default": []},
                "by_name": {
                    "type": "object", "additionalProperties": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                    "writeOnly": true,
                },
                "size": {"type": "integer", "minimum": 1, "maximum": u64::MAX},
                "share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
            },
        });
        assert_eq!(of_table(&TABLE, Profile::V8_0_20), expected);
    }
}

//! One table per object of the API: fields, types, defaults, who may set them, since when. Bodies of requests are checked by
//! them, answers are held against them, and the JSON schema and the page about fidelity are made from them.

pub(crate) mod access;
pub(crate) mod action;
pub(crate) mod alert;
pub(crate) mod bdb;
pub(crate) mod bdb_parts;
pub(crate) mod bootstrap;
pub(crate) mod certificate;
pub(crate) mod cluster;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod module;
pub(crate) mod node;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod settings;
pub(crate) mod shape;
pub(crate) mod shard;
pub(crate) mod stats;

mod answer;
mod field;
mod json;
mod kind;
mod register;

pub(crate) use answer::{Rows, Shape, check_error, hold, trim};
pub(crate) use field::{Access, Field, Phase, Source, Table, find};
pub(crate) use json::of_table as json_schema;
pub(crate) use kind::{COUNT, INT, Kind};
pub(crate) use register::TABLES;

use super::call::ApiError;
use super::state::Env;
use super::switch::Switch;
use super::version::Profile;
use serde_json::{Map, Value};

/// A new object: every field of `profile` that has a default.
pub(crate) fn defaults(table: &[Field], profile: Profile) -> Map<String, Value> {
    let fields = table
        .iter()
        .filter(|field| field.within(profile) && !field.default.is_empty());
    fields
        .filter_map(|field| Some((field.name.to_owned(), serde_json::from_str(field.default).ok()?)))
        .collect()
}

/// What fields of `profile` start as instead where the defaults of the table do not hold: names with JSON text.
pub(crate) fn defaults_instead(
    table: &[Field],
    profile: Profile,
    instead: &[(&str, &str)],
) -> impl Iterator<Item = (String, Value)> {
    let known = instead
        .iter()
        .filter(move |(name, _)| find(table, profile, name).is_some());
    known.filter_map(|(name, text)| Some(((*name).to_owned(), serde_json::from_str(text).ok()?)))
}

/// What a body may have in vain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ignored {
    unknown: bool,
    read_only: bool,
}

impl Ignored {
    /// As the switches have it.
    pub(crate) fn by(env: &Env) -> Self {
        Self {
            unknown: env.on(Switch::UnknownFieldsIgnored),
            read_only: env.on(Switch::ReadOnlyFieldsIgnored),
        }
    }
}

/// The fields of a request's body, each checked, without those that may not be set and are as they were.
///
/// # Errors
/// 400 for unknown fields and wrong types; 406 for values that are not allowed and for fields that may not be set in this
/// `phase` and differ from `current`. Unknown fields and those that may not be set can be ignored instead.
pub(crate) fn accept(
    table: &'static [Field],
    profile: Profile,
    phase: Phase,
    ignored: Ignored,
    current: &Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut accepted = Map::new();
    for (name, value) in body {
        match find(table, profile, name) {
            None if ignored.unknown => {}
            None => return Err(ApiError::bad_request(format!("unknown field {name:?}"))),
            Some(field) if field.settable(phase) => {
                field.check(profile, phase, value)?;
                accepted.insert(name.clone(), value.clone());
            }
            Some(_) if ignored.read_only || current.get(name) == Some(value) => {}
            Some(_) => {
                return Err(ApiError::not_acceptable(
                    "invalid_param",
                    format!("{name} cannot be set here"),
                ));
            }
        }
    }
    Ok(accepted)
}

/// The body of a call that changes no object of its own, checked against its table.
///
/// # Errors
/// 400 for unknown fields (unless they are ignored), for wrong values, and for what is missing.
pub(crate) fn body(
    table: &Table,
    env: &Env,
    mut body: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    if env.on(Switch::UnknownFieldsIgnored) {
        body = known(table, env.profile, body);
    }
    closed(table, env.profile, &body)?;
    Ok(body)
}

/// The same where unknown fields are never ignored.
///
/// # Errors
/// 400.
pub(crate) fn closed(table: &Table, profile: Profile, body: &Map<String, Value>) -> Result<(), ApiError> {
    let fits = kind::check_object(table.fields, profile, body);
    fits.map_err(|wanted| ApiError::bad_request(format!("{}: {wanted} is wanted", table.name)))
}

/// The body without what the table does not know, at any depth.
pub(crate) fn known(table: &Table, profile: Profile, mut body: Map<String, Value>) -> Map<String, Value> {
    body.retain(|name, value| {
        let field = find(table.fields, profile, name);
        if let Some(field) = field {
            trim(field.kind, profile, value);
        }
        field.is_some()
    });
    body
}

/// Checks the body of a partial update against a table: unknown and read-only fields, types, ranges. What is left is to
/// be applied; a read-only field with the value that it has is left out.
///
/// # Errors
/// 400 with the first complaint.
pub(crate) fn update(
    table: &[Field],
    env: &Env,
    shown: &Map<String, Value>,
    body: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut update = Map::new();
    for (name, value) in body {
        let Some(field) = find(table, env.profile, &name) else {
            if env.on(Switch::UnknownFieldsIgnored) {
                continue;
            }
            return Err(ApiError::bad_request(format!("Unknown field {name}")));
        };
        if matches!(field.access, Access::Read | Access::Create) {
            keep(field, env, shown, &value)?;
            continue;
        }
        field
            .kind
            .check(env.profile, &value)
            .map_err(|wanted| ApiError::bad_request(format!("{name} must be {wanted}")))?;
        update.insert(name, value);
    }
    Ok(update)
}

/// A field that may not be set keeps its value.
///
/// # Errors
/// 400 for another one, unless it is ignored.
pub(crate) fn keep(
    field: &Field,
    env: &Env,
    shown: &Map<String, Value>,
    value: &Value,
) -> Result<(), ApiError> {
    if field.is_unchanged(shown, value) || env.on(Switch::ReadOnlyFieldsIgnored) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!("{} is read-only", field.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &[Field] = &[
        Field::new("uid", Kind::Int(1, 10), "", Access::Create),
        Field::new("mode", Kind::OneOf(&["a", "b"]), "\"a\"", Access::CreateUpdate)
            .code("bad_mode")
            .code_of_updates("other_mode"),
        Field::new("state", Kind::Text, "", Access::Read),
        Field::new("names", Kind::Texts, "[]", Access::CreateUpdate).since(Profile::V8_0_20),
        Field::new("old", Kind::Bool, "false", Access::CreateUpdate).until(Profile::V8_2_0),
    ];

    fn try_accept(profile: Profile, phase: Phase, body: Value) -> Result<Map<String, Value>, (u16, String)> {
        let (Value::Object(current), Value::Object(body)) = (json!({"uid": 1, "state": "active"}), body)
        else {
            panic!("no object")
        };
        accept(TABLE, profile, phase, Ignored::default(), &current, &body)
            .map_err(|error| (error.status.as_u16(), error.code))
    }

    #[test]
    fn each_profile_has_its_own_fields_and_defaults() {
        let names = |profile| defaults(TABLE, profile).keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(Profile::V7_4_6), ["mode", "old"]);
        assert_eq!(names(Profile::V8_2_0), ["mode", "names"]);
    }

    #[test]
    fn a_body_is_refused_for_what_is_wrong_with_it() {
        for (phase, body, status, code) in [
            (Phase::Create, json!({"colour": 1}), 400, "invalid_schema"),
            (Phase::Create, json!({"old": true}), 400, "invalid_schema"),
            (Phase::Create, json!({"mode": 1}), 400, "invalid_schema"),
            (Phase::Create, json!({"names": [1]}), 400, "invalid_schema"),
            (Phase::Create, json!({"mode": "c"}), 406, "bad_mode"),
            (Phase::Update, json!({"mode": "c"}), 406, "other_mode"),
            (Phase::Create, json!({"uid": 11}), 406, "invalid_param"),
            (Phase::Update, json!({"uid": 2}), 406, "invalid_param"),
            (Phase::Update, json!({"state": "gone"}), 406, "invalid_param"),
        ] {
            assert_eq!(
                try_accept(Profile::V8_2_0, phase, body.clone()).unwrap_err(),
                (status, code.to_owned()),
                "{body}"
            );
        }
    }

    #[test]
    fn an_unchanged_read_only_field_is_dropped() {
        let accepted = try_accept(
            Profile::V8_2_0,
            Phase::Update,
            json!({"uid": 1, "state": "active", "mode": "b"}),
        )
        .unwrap();
        assert_eq!(Value::Object(accepted), json!({"mode": "b"}));
    }
}

//! One table per object of the API: fields, types, defaults, who may set them, since when.

pub(crate) mod access;
pub(crate) mod bdb;
pub(crate) mod cluster;
pub(crate) mod module;
pub(crate) mod node;
pub(crate) mod policy;
pub(crate) mod settings;

use super::call::ApiError;
use super::state::Env;
use super::switch::Switch;
use super::version::Profile;
use serde_json::{Map, Value};

/// Who may set a field, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nobody: RS computes it.
    Read,
    /// On creation only.
    Create,
    /// On creation and later.
    CreateUpdate,
    /// Later only.
    Update,
    /// On creation and later, and it is never shown.
    Write,
}

/// What values a field takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Bool,
    /// Inclusive bounds.
    Int(i64, i64),
    Float,
    Text,
    OneOf(&'static [&'static str]),
    Object,
    /// An array of anything.
    List,
    /// An array of objects.
    Objects,
    /// An array of strings.
    Texts,
    Any,
    /// An object of these fields and no others.
    Nested(&'static [Field]),
}

impl Kind {
    /// Whether `value` fits; else a sentence that says what would.
    pub(crate) fn check(self, value: &Value) -> Result<(), String> {
        let (fits, wanted) = match self {
            Self::Bool => (value.is_boolean(), "a boolean".to_owned()),
            Self::Int(low, high) => (
                value
                    .as_i64()
                    .is_some_and(|number| (low..=high).contains(&number)),
                if (low, high) == (i64::MIN, i64::MAX) {
                    "an integer".to_owned()
                } else {
                    format!("an integer from {low} to {high}")
                },
            ),
            Self::Float => (value.is_number(), "a number".to_owned()),
            Self::Text => (value.is_string(), "a string".to_owned()),
            Self::OneOf(names) => (
                value.as_str().is_some_and(|text| names.contains(&text)),
                format!("one of {}", names.join(", ")),
            ),
            Self::Object => (value.is_object(), "an object".to_owned()),
            Self::List => (value.is_array(), "an array".to_owned()),
            Self::Objects => (
                value
                    .as_array()
                    .is_some_and(|items| items.iter().all(Value::is_object)),
                "an array of objects".to_owned(),
            ),
            Self::Texts => (
                value
                    .as_array()
                    .is_some_and(|items| items.iter().all(Value::is_string)),
                "an array of strings".to_owned(),
            ),
            Self::Any => (true, String::new()),
            Self::Nested(fields) => {
                return match value.as_object() {
                    None => Err("an object".to_owned()),
                    Some(map) => map.iter().try_for_each(|(name, value)| {
                        let field = fields.iter().find(|field| field.name == name);
                        let field = field.ok_or_else(|| format!("an object without {name}"))?;
                        let kind = field.kind;
                        kind.check(value)
                            .map_err(|wanted| format!("an object whose {name} is {wanted}"))
                    }),
                };
            }
        };
        if fits { Ok(()) } else { Err(wanted) }
    }
}

/// Any integer.
pub(crate) const INT: Kind = Kind::Int(i64::MIN, i64::MAX);
/// Zero or more.
pub(crate) const COUNT: Kind = Kind::Int(0, i64::MAX);

/// One field of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// JSON text of the default; empty when the field is absent until set.
    pub(crate) default: &'static str,
    pub(crate) access: Access,
    pub(crate) since: Profile,
    /// Exclusive.
    pub(crate) until: Option<Profile>,
    /// Profile from which on the default is shown; settable before.
    pub(crate) shown_since: Profile,
    /// `error_code` of the 406 for a value of the right type that is not allowed.
    pub(crate) code: &'static str,
    pub(crate) source: Source,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Vendor documentation.
    Doc,
    /// Captured from a real cluster.
    Fixture,
    /// Both.
    DocFixture,
    /// An audit of real clusters.
    Live,
    /// Deduced.
    Inferred,
}

/// Which kind of request a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Create,
    Update,
}

impl Field {
    /// A field that every profile has.
    pub(crate) const fn new(name: &'static str, kind: Kind, default: &'static str, access: Access) -> Self {
        Self {
            name,
            kind,
            default,
            access,
            since: Profile::V7_4_6,
            until: None,
            shown_since: Profile::V7_4_6,
            code: "invalid_param",
            source: Source::Doc,
        }
    }

    /// The same, from another source than the documentation alone.
    pub(crate) const fn source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// The same, with an `error_code` of its own.
    pub(crate) const fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// The same, with a default that is shown from `profile` on.
    pub(crate) const fn shown_since(mut self, profile: Profile) -> Self {
        self.shown_since = profile;
        self
    }

    /// Whether `phase` may set it.
    pub(crate) fn settable(&self, phase: Phase) -> bool {
        match (phase, self.access) {
            (_, Access::CreateUpdate | Access::Write)
            | (Phase::Create, Access::Create)
            | (Phase::Update, Access::Update) => true,
            (_, Access::Read) | (Phase::Create, Access::Update) | (Phase::Update, Access::Create) => false,
        }
    }

    /// Whether `value` is allowed.
    ///
    /// # Errors
    /// 400 for another type, 406 with the row's code for a value outside the allowed ones.
    pub(crate) fn check(&self, value: &Value) -> Result<(), ApiError> {
        let Err(wanted) = self.kind.check(value) else {
            return Ok(());
        };
        let typed = match self.kind {
            Kind::Int(..) => value.is_i64() || value.is_u64(),
            Kind::OneOf(_) => value.is_string(),
            Kind::Bool
            | Kind::Float
            | Kind::Text
            | Kind::Object
            | Kind::List
            | Kind::Objects
            | Kind::Texts
            | Kind::Any
            | Kind::Nested(_) => false,
        };
        let text = format!("{}: {wanted} is wanted", self.name);
        Err(if typed {
            ApiError::not_acceptable(self.code, text)
        } else {
            ApiError::bad_request(text)
        })
    }

    /// The same, from `profile` on.
    pub(crate) const fn since(mut self, profile: Profile) -> Self {
        self.since = profile;
        self
    }

    /// The same, up to, not including, `profile`.
    pub(crate) const fn until(mut self, profile: Profile) -> Self {
        self.until = Some(profile);
        self
    }

    pub(crate) fn within(&self, profile: Profile) -> bool {
        profile.within(self.since, self.until)
    }
}

/// The field called `name`, if `profile` knows it.
pub(crate) fn find<'a>(table: &'a [Field], profile: Profile, name: &str) -> Option<&'a Field> {
    table
        .iter()
        .find(|field| field.name == name && field.within(profile))
}

/// A new object: every field of `profile` that has a default.
pub(crate) fn defaults(table: &[Field], profile: Profile) -> Map<String, Value> {
    let fields = table
        .iter()
        .filter(|field| field.within(profile) && profile >= field.shown_since && !field.default.is_empty());
    fields
        .filter_map(|field| Some((field.name.to_owned(), serde_json::from_str(field.default).ok()?)))
        .collect()
}

/// The fields of a request's body, each checked, without those that may not be set and are as they were.
///
/// # Errors
/// 400 for unknown fields (unless they are ignored) and wrong types; 406 for values that are not allowed and for fields that
/// may not be set in this `phase` and differ from `current`.
pub(crate) fn accept(
    table: &'static [Field],
    profile: Profile,
    phase: Phase,
    ignore_unknown: bool,
    current: &Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut accepted = Map::new();
    for (name, value) in body {
        match find(table, profile, name) {
            None if ignore_unknown => {}
            None => return Err(ApiError::bad_request(format!("unknown field {name:?}"))),
            Some(field) if field.settable(phase) => {
                field.check(value)?;
                accepted.insert(name.clone(), value.clone());
            }
            Some(_) if current.get(name) == Some(value) => {}
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
            if shown.get(&name) == Some(&value) || env.on(Switch::ReadOnlyFieldsIgnored) {
                continue;
            }
            return Err(ApiError::bad_request(format!("{name} is read-only")));
        }
        field
            .kind
            .check(&value)
            .map_err(|wanted| ApiError::bad_request(format!("{name} must be {wanted}")))?;
        update.insert(name, value);
    }
    Ok(update)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &[Field] = &[
        Field::new("uid", Kind::Int(1, 10), "", Access::Create),
        Field::new("mode", Kind::OneOf(&["a", "b"]), "\"a\"", Access::CreateUpdate).code("bad_mode"),
        Field::new("state", Kind::Text, "", Access::Read),
        Field::new("names", Kind::Texts, "[]", Access::CreateUpdate).since(Profile::V8_0_20),
        Field::new("quiet", Kind::Bool, "true", Access::CreateUpdate).shown_since(Profile::V8_2_0),
        Field::new("old", Kind::Bool, "false", Access::CreateUpdate).until(Profile::V8_2_0),
    ];

    fn try_accept(profile: Profile, phase: Phase, body: Value) -> Result<Map<String, Value>, (u16, String)> {
        let (Value::Object(current), Value::Object(body)) = (json!({"uid": 1, "state": "active"}), body)
        else {
            panic!("no object")
        };
        accept(TABLE, profile, phase, false, &current, &body)
            .map_err(|error| (error.status.as_u16(), error.code))
    }

    #[test]
    fn each_profile_has_its_own_fields_and_defaults() {
        let names = |profile| defaults(TABLE, profile).keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(Profile::V7_4_6), ["mode", "old"]);
        assert_eq!(names(Profile::V8_2_0), ["mode", "names", "quiet"]);
        assert!(try_accept(Profile::V7_4_6, Phase::Create, json!({"quiet": true})).is_ok());
    }

    #[test]
    fn a_body_is_refused_for_what_is_wrong_with_it() {
        for (phase, body, status, code) in [
            (Phase::Create, json!({"colour": 1}), 400, "invalid_schema"),
            (Phase::Create, json!({"old": true}), 400, "invalid_schema"),
            (Phase::Create, json!({"mode": 1}), 400, "invalid_schema"),
            (Phase::Create, json!({"names": [1]}), 400, "invalid_schema"),
            (Phase::Create, json!({"mode": "c"}), 406, "bad_mode"),
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

//! One table per object of the API: fields, types, defaults, who may set them, since when.

pub(crate) mod bdb;

use super::version::Profile;
use serde_json::Value;

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
    /// An array of strings.
    Texts,
    Any,
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
            Self::Texts => (
                value
                    .as_array()
                    .is_some_and(|items| items.iter().all(Value::is_string)),
                "an array of strings".to_owned(),
            ),
            Self::Any => (true, String::new()),
        };
        if fits { Ok(()) } else { Err(wanted) }
    }
}

/// Any integer.
pub(crate) const INT: Kind = Kind::Int(i64::MIN, i64::MAX);
/// Zero or more.
pub(crate) const COUNT: Kind = Kind::Int(0, i64::MAX);

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// JSON text of the default; empty when the field is absent until set.
    pub(crate) default: &'static str,
    pub(crate) access: Access,
    pub(crate) since: Profile,
    /// Exclusive.
    pub(crate) until: Option<Profile>,
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
        }
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
pub(crate) fn defaults(table: &[Field], profile: Profile) -> serde_json::Map<String, Value> {
    let fields = table
        .iter()
        .filter(|field| field.within(profile) && !field.default.is_empty());
    fields
        .filter_map(|field| Some((field.name.to_owned(), serde_json::from_str(field.default).ok()?)))
        .collect()
}

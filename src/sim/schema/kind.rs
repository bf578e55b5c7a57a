//! What values a field takes.

use super::{Field, Table, find};
use crate::sim::version::Profile;
use serde_json::{Map, Value};

/// What values a field takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Bool,
    /// Inclusive bounds.
    Int(i64, i64),
    /// An integer from this on that may need all of 64 bits.
    Unsigned(u64),
    Float,
    /// A number from 0 to 1.
    Fraction,
    Text,
    /// The two letters of a country, or nothing.
    Country,
    OneOf(&'static [&'static str]),
    Null,
    Object,
    /// An array of anything.
    List,
    /// An array of strings.
    Texts,
    Any,
    /// An object of these fields and no others.
    Nested(&'static [Field]),
    /// The same, where the fields have a table of their own.
    Of(&'static Table),
    /// An array of such values.
    ListOf(&'static Kind),
    /// An object whose keys are uids or names.
    MapOf(&'static Kind),
    /// Any of these: by switch, by state, or because sources differ.
    Either(&'static [Kind]),
}

/// Any integer.
pub(crate) const INT: Kind = Kind::Int(i64::MIN, i64::MAX);
/// Zero or more.
pub(crate) const COUNT: Kind = Kind::Int(0, i64::MAX);
/// A port that an unprivileged process may listen on.
pub(crate) const PORT: Kind = Kind::Int(1024, 65535);
/// `enabled` or `disabled`.
pub(crate) const ON_OFF: Kind = Kind::OneOf(&["enabled", "disabled"]);

impl Kind {
    /// The fields of an object of this kind, if it is one.
    pub(crate) fn fields(self) -> Option<&'static [Field]> {
        match self {
            Self::Nested(fields) => Some(fields),
            Self::Of(table) => Some(table.fields),
            Self::Bool
            | Self::Int(..)
            | Self::Unsigned(_)
            | Self::Float
            | Self::Fraction
            | Self::Text
            | Self::Country
            | Self::OneOf(_)
            | Self::Null
            | Self::Object
            | Self::List
            | Self::Texts
            | Self::Any
            | Self::ListOf(_)
            | Self::MapOf(_)
            | Self::Either(_) => None,
        }
    }

    /// Whether a value in a request fits; else words that say what would.
    pub(crate) fn check(self, profile: Profile, value: &Value) -> Result<(), String> {
        if let Some(fields) = self.fields() {
            return check_object(fields, profile, value.as_object().ok_or("an object")?);
        }
        let of = |name: &str, wanted: String| format!("an object whose {name} is {wanted}");
        match self {
            Self::ListOf(item) => {
                let mut items = value.as_array().ok_or("an array")?.iter();
                items.try_for_each(|value| {
                    let fits = item.check(profile, value);
                    fits.map_err(|wanted| format!("an array, each of it {wanted}"))
                })
            }
            Self::MapOf(item) => {
                let mut entries = value.as_object().ok_or("an object")?.iter();
                entries.try_for_each(|(name, value)| {
                    item.check(profile, value).map_err(|wanted| of(name, wanted))
                })
            }
            Self::Either(kinds) => {
                let wanted: Result<Vec<String>, ()> = kinds
                    .iter()
                    .map(|kind| kind.check(profile, value).err().ok_or(()))
                    .collect();
                wanted.map_or(Ok(()), |wanted| Err(wanted.join(" or ")))
            }
            scalar if scalar.fits(value) => Ok(()),
            scalar => Err(scalar.wanted()),
        }
    }

    /// Whether a value fits, as far as it is of one part.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Bool => value.is_boolean(),
            Self::Int(low, high) => value
                .as_i64()
                .is_some_and(|number| (low..=high).contains(&number)),
            Self::Unsigned(low) => value.as_u64().is_some_and(|number| number >= low),
            Self::Float => value.is_number(),
            Self::Fraction => value.as_f64().is_some_and(|number| (0.0..=1.0).contains(&number)),
            Self::Text => value.is_string(),
            Self::Country => value.as_str().is_some_and(is_country),
            Self::OneOf(names) => value.as_str().is_some_and(|text| names.contains(&text)),
            Self::Null => value.is_null(),
            Self::Texts => all(value, Value::is_string),
            Self::Object | Self::Nested(_) | Self::Of(_) | Self::MapOf(_) => value.is_object(),
            Self::List | Self::ListOf(_) => value.is_array(),
            Self::Any => true,
            Self::Either(kinds) => kinds.iter().any(|kind| kind.fits(value)),
        }
    }

    /// What would fit, in words.
    pub(crate) fn wanted(self) -> String {
        let words = match self {
            Self::Int(i64::MIN, i64::MAX) => "an integer",
            Self::Int(low, i64::MAX) => return format!("an integer from {low}"),
            Self::Int(low, high) => return format!("an integer from {low} to {high}"),
            Self::Unsigned(low) => return format!("an integer from {low} to {}", u64::MAX),
            Self::OneOf(names) => return format!("one of {}", names.join(", ")),
            Self::Either(kinds) => {
                let words: Vec<String> = kinds.iter().map(|kind| kind.wanted()).collect();
                return words.join(" or ");
            }
            Self::Bool => "a boolean",
            Self::Float => "a number",
            Self::Fraction => "a number from 0 to 1",
            Self::Text => "a string",
            Self::Country => "two letters",
            Self::Null => "null",
            Self::Texts => "an array of strings",
            Self::Object | Self::Nested(_) | Self::Of(_) | Self::MapOf(_) => "an object",
            Self::List | Self::ListOf(_) => "an array",
            Self::Any => "anything",
        };
        words.to_owned()
    }

    /// Whether `value` has the type of this kind, whatever it holds: what is wrong then is not the schema. An object has it
    /// when each of its fields is known and has its own.
    pub(crate) fn is_type_of(self, profile: Profile, value: &Value) -> bool {
        if let Some(fields) = self.fields() {
            let typed = |(name, value): (&String, &Value)| {
                let kind = find(fields, profile, name).map(|field| field.kind);
                kind.is_some_and(|kind| kind.check(profile, value).is_ok() || kind.is_type_of(profile, value))
            };
            return value
                .as_object()
                .is_some_and(|object| lacks(fields, profile, object).is_none() && object.iter().all(typed));
        }
        match self {
            Self::Int(..) | Self::Unsigned(_) => value.is_i64() || value.is_u64(),
            Self::Fraction => value.is_number(),
            Self::Country | Self::OneOf(_) => value.is_string(),
            Self::ListOf(_) => value.is_array(),
            Self::Either(kinds) => kinds.iter().any(|kind| kind.is_type_of(profile, value)),
            Self::Bool
            | Self::Float
            | Self::Text
            | Self::Null
            | Self::Object
            | Self::List
            | Self::Texts
            | Self::Any
            | Self::Nested(_)
            | Self::Of(_)
            | Self::MapOf(_) => false,
        }
    }
}

fn is_country(text: &str) -> bool {
    matches!(text.len(), 0 | 2) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn all(value: &Value, fits: fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(fits))
}

/// Every key is a field of the profile, every value fits, and nothing that is needed is missing.
pub(super) fn check_object(
    fields: &[Field],
    profile: Profile,
    object: &Map<String, Value>,
) -> Result<(), String> {
    for (name, value) in object {
        let field = find(fields, profile, name).ok_or_else(|| format!("an object without {name}"))?;
        let fits = field.kind.check(profile, value);
        fits.map_err(|wanted| format!("an object whose {name} is {wanted}"))?;
    }
    match lacks(fields, profile, object) {
        Some(field) => Err(format!("an object with {}", field.name)),
        None => Ok(()),
    }
}

/// The first field that an object needs and does not have.
fn lacks<'a>(fields: &'a [Field], profile: Profile, object: &Map<String, Value>) -> Option<&'a Field> {
    let mut needed = fields
        .iter()
        .filter(|field| field.needed && field.within(profile));
    needed.find(|field| !object.contains_key(field.name))
}

#[cfg(test)]
mod tests {
    use super::super::Access;
    use super::*;
    use serde_json::json;

    const PAIR: &[Field] = &[
        Field::new("key", Kind::Text, "", Access::Write).needed(),
        Field::new("value", Kind::Either(&[INT, Kind::Null]), "", Access::Write),
        Field::new("late", Kind::Bool, "", Access::Write).since(Profile::V8_2_0),
    ];

    #[test]
    fn what_is_made_of_others_is_checked_part_by_part() {
        let pairs = Kind::ListOf(&Kind::Nested(PAIR));
        let by_name = Kind::MapOf(&Kind::OneOf(&["a", "b"]));
        for (kind, value, wanted) in [
            (
                pairs,
                json!([{"key": "x", "value": 1}, {"key": "y", "value": null}]),
                "",
            ),
            (pairs, json!({}), "an array"),
            (
                pairs,
                json!([{"value": 1}]),
                "an array, each of it an object with key",
            ),
            (
                pairs,
                json!([{"key": 1}]),
                "an array, each of it an object whose key is a string",
            ),
            (
                pairs,
                json!([{"key": "x", "late": true}]),
                "an array, each of it an object without late",
            ),
            (
                pairs,
                json!([{"key": "x", "value": "1"}]),
                "an array, each of it an object whose value is an integer or null",
            ),
            (by_name, json!({"1": "a"}), ""),
            (by_name, json!({"1": "c"}), "an object whose 1 is one of a, b"),
            (by_name, json!([]), "an object"),
        ] {
            let got = kind.check(Profile::V8_0_20, &value).err().unwrap_or_default();
            assert_eq!(got, wanted, "{value}");
        }
        assert_eq!(
            pairs.check(Profile::V8_2_0, &json!([{"key": "x", "late": true}])),
            Ok(())
        );
    }

    #[test]
    fn what_is_not_allowed_is_told_from_what_is_of_another_type() {
        const PARTS: &[Field] = &[
            Field::new("key", Kind::Text, "", Access::Write).needed(),
            Field::new("share", Kind::Fraction, "", Access::Write),
            Field::new("size", Kind::Unsigned(1), "", Access::Write),
            Field::new("land", Kind::Country, "", Access::Write),
            Field::new(
                "limit",
                Kind::Either(&[Kind::Int(1, 9), Kind::Null]),
                "",
                Access::Write,
            ),
        ];
        let parts = Kind::Nested(PARTS);
        for (value, fits, typed) in [
            (json!({"key": "x", "share": 0, "size": u64::MAX}), true, true),
            (json!({"key": "x", "share": 1.0, "size": 1}), true, true),
            (json!({"key": "x", "share": 1.01}), false, true),
            (json!({"key": "x", "share": -0.1}), false, true),
            (json!({"key": "x", "size": 0}), false, true),
            (json!({"key": "x", "size": -1}), false, true),
            (json!({"key": "x", "size": 1.5}), false, false),
            (json!({"key": "x", "land": "DE"}), true, true),
            (json!({"key": "x", "land": ""}), true, true),
            (json!({"key": "x", "land": "D"}), false, true),
            (json!({"key": "x", "land": "D1"}), false, true),
            (json!({"key": "x", "land": "DEU"}), false, true),
            (json!({"key": "x", "land": 49}), false, false),
            (json!({"key": "x", "limit": null}), true, true),
            (json!({"key": "x", "limit": 0}), false, true),
            (json!({"key": "x", "limit": "1"}), false, false),
            (json!({"key": "x", "share": "1"}), false, false),
            (json!({"key": "x", "share": 2, "size": "1"}), false, false),
            (json!({"key": "x", "share": 2, "colour": 1}), false, false),
            (json!({"share": 2}), false, false),
            (json!([]), false, false),
        ] {
            assert_eq!(parts.check(Profile::V8_2_0, &value).is_ok(), fits, "{value}");
            let has_type = fits || parts.is_type_of(Profile::V8_2_0, &value);
            assert_eq!(has_type, typed, "{value}");
        }
    }
}

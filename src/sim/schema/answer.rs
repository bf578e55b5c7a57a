//! What a route answers, and its answers held against that.

use super::{Access, Field, Kind, Table, bootstrap, certificate, find};
use crate::sim::call::Reply;
use crate::sim::version::Profile;
use serde::Serializer;
use serde_json::Value;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// What a route answers when it succeeds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// No body.
    Empty,
    /// A file, or text.
    File,
    Json(Kind),
    /// JSON or no body: which of them, a parameter or a switch decides.
    Maybe(Kind),
}

impl Shape {
    /// An object of this table.
    pub(crate) const fn one(table: &'static Table) -> Self {
        Self::Json(Kind::Of(table))
    }

    /// The kind of the JSON, if there is any.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::Empty | Self::File => None,
            Self::Json(kind) | Self::Maybe(kind) => Some(kind),
        }
    }
}

/// A list of objects, written without copies of what is in them.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) json: Vec<u8>,
    of: &'static Table,
    /// The first thing in it that the table does not describe; looked for in builds for tests only.
    fault: Option<String>,
}

impl Rows {
    /// Writes rows of `of`, each without the fields that `profile` lacks.
    ///
    /// # Errors
    /// What the serializer says.
    pub(crate) fn write<'a>(
        of: &'static Table,
        profile: Profile,
        rows: impl Iterator<Item = BTreeMap<&'a str, Cow<'a, Value>>>,
    ) -> serde_json::Result<Self> {
        let index = Index::of(of.fields, profile);
        let (mut json, mut fault) = (Vec::new(), None);
        let rows = rows.map(|mut row| {
            if cfg!(debug_assertions) && fault.is_none() {
                let mut entries = row.iter();
                fault = entries.find_map(|(name, value)| index.fault(name, value));
            }
            row.retain(|name, value| {
                let Some(field) = index.find(name).filter(|field| field.shows(value)) else {
                    return false;
                };
                if has_more(field.kind, profile, value) {
                    trim(field.kind, profile, value.to_mut());
                }
                true
            });
            row
        });
        serde_json::Serializer::new(&mut json).collect_seq(rows)?;
        Ok(Self { json, of, fault })
    }
}

/// Takes out of an answer what the profile lacks, and says what no table describes: looked for in builds for tests only.
pub(crate) fn hold(shape: Shape, profile: Profile, reply: &mut Reply) -> Result<(), String> {
    let kind = shape.kind();
    if let Some(rows) = &mut reply.written {
        let same = |kind: Kind| matches!(kind, Kind::ListOf(Kind::Of(table)) if table.name == rows.of.name);
        return match rows.fault.take() {
            Some(fault) => Err(fault),
            None if kind.is_some_and(same) => Ok(()),
            None => Err(format!("a list of {}", rows.of.name)),
        };
    }
    match (&mut reply.body, kind) {
        (Some(value), Some(kind)) => {
            let fault = if cfg!(debug_assertions) {
                fault(kind, profile, value)
            } else {
                None
            };
            trim(kind, profile, value);
            fault.map_or(Ok(()), Err)
        }
        (Some(_), None) => Err("a body".to_owned()),
        (None, _) => match (shape, reply.document.is_some()) {
            (Shape::File, true) | (Shape::Empty | Shape::Maybe(_), false) => Ok(()),
            (Shape::File | Shape::Json(_), false) => Err("no body".to_owned()),
            (Shape::Empty | Shape::Json(_) | Shape::Maybe(_), true) => Err("a file".to_owned()),
        },
    }
}

/// The same for the body of a refusal.
pub(crate) fn check_error(profile: Profile, body: &Value) -> Result<(), String> {
    let kind = Kind::Either(&[Kind::Of(&certificate::ERROR), Kind::Of(&bootstrap::STATUS)]);
    fault(kind, profile, body).map_or(Ok(()), Err)
}

/// Tables beyond this length are searched by halves.
const LONG: usize = 32;

/// The fields of a table that a profile has.
struct Index {
    fields: &'static [Field],
    profile: Profile,
    /// By name; empty for a short table.
    sorted: Sorted,
}

type Sorted = Rc<[&'static Field]>;

thread_local! {
    /// Sorted once for each long table and profile.
    static SORTED: RefCell<HashMap<(*const Field, Profile), Sorted>> = RefCell::default();
}

impl Index {
    fn of(fields: &'static [Field], profile: Profile) -> Self {
        let sort = || {
            let mut sorted: Vec<&'static Field> =
                fields.iter().filter(|field| field.within(profile)).collect();
            sorted.sort_unstable_by_key(|field| field.name);
            Rc::from(sorted)
        };
        let sorted = if fields.len() > LONG {
            let key = (fields.as_ptr(), profile);
            SORTED.with_borrow_mut(|sorted| sorted.entry(key).or_insert_with(sort).clone())
        } else {
            Rc::default()
        };
        Self {
            fields,
            profile,
            sorted,
        }
    }

    fn find(&self, name: &str) -> Option<&'static Field> {
        if self.sorted.is_empty() {
            return find(self.fields, self.profile, name);
        }
        let place = self.sorted.binary_search_by(|field| field.name.cmp(name)).ok()?;
        self.sorted.get(place).copied()
    }

    /// What is wrong with a field of an answer. One that only another profile has is left out, hence not wrong.
    fn fault(&self, name: &str, value: &Value) -> Option<String> {
        let Some(field) = self.find(name) else {
            let known = self.fields.iter().any(|field| field.name == name);
            return (!known).then(|| format!("{name} is in no table"));
        };
        if !field.shows(value) {
            return Some(format!("{name} is never shown"));
        }
        fault(field.kind, self.profile, value).map(|wrong| format!("{name}: {wrong}"))
    }
}

impl Field {
    /// Whether an answer may show the value: of what is only written, the default.
    fn shows(&self, value: &Value) -> bool {
        self.access != Access::Write
            || serde_json::from_str::<Value>(self.default).is_ok_and(|own| own == *value)
    }
}

/// The first thing in an answer that its kind does not describe.
fn fault(kind: Kind, profile: Profile, value: &Value) -> Option<String> {
    let kind = chosen(kind, value);
    match (kind, value) {
        (Kind::ListOf(item), Value::Array(items)) => {
            items.iter().find_map(|value| fault(*item, profile, value))
        }
        (Kind::MapOf(item), Value::Object(map)) => map
            .iter()
            .find_map(|(name, value)| fault(*item, profile, value).map(|wrong| format!("{name}: {wrong}"))),
        (kind, Value::Object(map)) if kind.fields().is_some() => {
            let index = Index::of(kind.fields()?, profile);
            map.iter().find_map(|(name, value)| index.fault(name, value))
        }
        (kind, value) => (!kind.fits(value)).then(|| format!("{value} is not {}", kind.wanted())),
    }
}

/// Takes out what the profile lacks.
pub(crate) fn trim(kind: Kind, profile: Profile, value: &mut Value) {
    let kind = chosen(kind, value);
    match (kind, value) {
        (Kind::ListOf(item), Value::Array(items)) => {
            items.iter_mut().for_each(|value| trim(*item, profile, value));
        }
        (Kind::MapOf(item), Value::Object(map)) => {
            map.values_mut().for_each(|value| trim(*item, profile, value));
        }
        (kind, Value::Object(map)) => {
            let Some(fields) = kind.fields() else { return };
            let index = Index::of(fields, profile);
            map.retain(|name, value| {
                let field = index.find(name).filter(|field| field.shows(value));
                if let Some(field) = field {
                    trim(field.kind, profile, value);
                }
                field.is_some()
            });
        }
        (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {}
    }
}

/// Whether [`trim`] would take something out.
fn has_more(kind: Kind, profile: Profile, value: &Value) -> bool {
    match (chosen(kind, value), value) {
        (Kind::ListOf(item), Value::Array(items)) => {
            items.iter().any(|value| has_more(*item, profile, value))
        }
        (Kind::MapOf(item), Value::Object(map)) => map.values().any(|value| has_more(*item, profile, value)),
        (kind, Value::Object(map)) => kind.fields().is_some_and(|fields| {
            let index = Index::of(fields, profile);
            map.iter().any(|(name, value)| {
                let field = index.find(name).filter(|field| field.shows(value));
                field.is_none_or(|field| has_more(field.kind, profile, value))
            })
        }),
        (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => false,
    }
}

/// Of several kinds the first that the value is of, judged by its type and its keys.
fn chosen(kind: Kind, value: &Value) -> Kind {
    let Kind::Either(kinds) = kind else {
        return kind;
    };
    let of = |kind: &&Kind| match (kind.fields(), value) {
        (Some(fields), Value::Object(map)) => map
            .keys()
            .all(|name| fields.iter().any(|field| field.name == name)),
        (Some(_) | None, value) => kind.fits(value),
    };
    kinds.iter().find(of).map_or(kind, |kind| chosen(*kind, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PART: &[Field] = &[
        Field::new("a", Kind::Bool, "", Access::Read),
        Field::new("late", Kind::Text, "", Access::Read).since(Profile::V8_0_20),
    ];
    const FIELDS: &[Field] = &[
        Field::new("uid", super::super::INT, "", Access::Read),
        Field::new("secret", Kind::Text, "\"\"", Access::Write),
        Field::new("part", Kind::Nested(PART), "", Access::Read),
        Field::new("parts", Kind::ListOf(&Kind::Nested(PART)), "", Access::Read),
        Field::new("old", Kind::Bool, "", Access::Read).until(Profile::V8_0_20),
    ];
    const TABLE: Table = Table::new("thing", "A thing.", FIELDS);
    const SHAPE: Shape = Shape::one(&TABLE);

    fn held(profile: Profile, shape: Shape, value: Value) -> Result<Value, String> {
        let mut reply = Reply::json(value);
        hold(shape, profile, &mut reply)?;
        Ok(reply.body.unwrap())
    }

    #[test]
    fn what_a_profile_lacks_is_taken_out_at_every_depth() {
        let whole = json!({"uid": 1, "secret": "", "old": true, "part": {"late": "x"}, "parts": [{"a": true, "late": "x"}]});
        for (profile, wanted) in [
            (
                Profile::V7_22_2,
                json!({"uid": 1, "secret": "", "old": true, "part": {}, "parts": [{"a": true}]}),
            ),
            (
                Profile::V8_0_20,
                json!({"uid": 1, "secret": "", "part": {"late": "x"}, "parts": [{"a": true, "late": "x"}]}),
            ),
        ] {
            assert_eq!(
                held(profile, SHAPE, whole.clone()),
                Ok(wanted.clone()),
                "{profile}"
            );
            let row = whole.as_object().unwrap().iter();
            let row = row
                .map(|(name, value)| (name.as_str(), Cow::Borrowed(value)))
                .collect();
            let rows = Rows::write(&TABLE, profile, std::iter::once(row)).unwrap();
            assert_eq!(
                serde_json::from_slice::<Value>(&rows.json).unwrap(),
                json!([wanted]),
                "{profile}"
            );
        }
    }

    #[test]
    fn what_no_table_describes_is_found() {
        const EITHER: Shape = Shape::Json(Kind::Either(&[
            Kind::Text,
            Kind::Of(&TABLE),
            Kind::ListOf(&Kind::Bool),
        ]));
        for (shape, value, wanted) in [
            (SHAPE, json!({"uid": "1"}), "uid: \"1\" is not an integer"),
            (SHAPE, json!({"more": 1}), "more is in no table"),
            (SHAPE, json!({"secret": "x"}), "secret is never shown"),
            (
                SHAPE,
                json!({"parts": [{}, {"a": 1}]}),
                "parts: a: 1 is not a boolean",
            ),
            (SHAPE, json!([]), "[] is not an object"),
            (EITHER, json!([1]), "1 is not a boolean"),
            (EITHER, json!("x"), ""),
            (EITHER, json!({"uid": 1}), ""),
            (EITHER, json!(1), "1 is not a string or an object or an array"),
            (Shape::Empty, json!({}), "a body"),
        ] {
            let got = held(Profile::V7_22_2, shape, value.clone())
                .err()
                .unwrap_or_default();
            assert_eq!(got, wanted, "{value}");
        }
        for (shape, fits) in [
            (SHAPE, false),
            (Shape::Empty, true),
            (Shape::Maybe(Kind::Bool), true),
            (Shape::File, false),
        ] {
            let held = hold(shape, Profile::V8_2_0, &mut Reply::empty());
            assert_eq!(held.is_ok(), fits, "{shape:?}");
        }
        let rows = Rows::write(&TABLE, Profile::V8_2_0, std::iter::empty()).unwrap();
        assert!(hold(SHAPE, Profile::V8_2_0, &mut Reply::written(rows)).is_err());
    }
}

//! A row of a table, and the table.

use super::Kind;
use crate::sim::call::ApiError;
use crate::sim::version::Profile;
use serde_json::{Map, Value};

/// The fields of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Table {
    /// As `GET /v1/jsonschema?object=` takes it, if it knows the object.
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) fields: &'static [Field],
    /// Whether it is part of other objects, of a request or of an answer only, so that `jsonschema` does not list it.
    pub(crate) part: bool,
    pub(crate) since: Profile,
}

impl Table {
    /// An object of the API.
    pub(crate) const fn new(name: &'static str, what: &'static str, fields: &'static [Field]) -> Self {
        Self {
            name,
            what,
            fields,
            part: false,
            since: Profile::V7_4_6,
        }
    }

    /// The names that `profile` knows.
    pub(crate) fn names(&self, profile: Profile) -> impl Iterator<Item = &'static str> + Clone + use<> {
        let here = self.fields.iter().filter(move |field| field.within(profile));
        here.map(|field| field.name)
    }

    /// Something that is only part of a body, or a body that is no object of its own.
    pub(crate) const fn part(name: &'static str, what: &'static str, fields: &'static [Field]) -> Self {
        Self {
            part: true,
            ..Self::new(name, what, fields)
        }
    }

    /// The same, from `profile` on.
    pub(crate) const fn since(mut self, profile: Profile) -> Self {
        self.since = profile;
        self
    }
}

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
    /// `error_code` of the 406 for a value of the right type that is not allowed; `invalid_schema` comes with 400 also then.
    pub(crate) code: &'static str,
    /// The same of an update, if it has another.
    pub(crate) code_of_updates: Option<&'static str>,
    pub(crate) source: Source,
    /// Whether an object in a request must name it.
    pub(crate) needed: bool,
    /// Whether it is another at every look.
    pub(crate) moving: bool,
}

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
            code: "invalid_param",
            code_of_updates: None,
            source: Source::Doc,
            needed: false,
            moving: false,
        }
    }

    /// The same, and it is another at every look.
    pub(crate) const fn moving(mut self) -> Self {
        self.moving = true;
        self
    }

    /// The same, and an object in a request must name it.
    pub(crate) const fn needed(mut self) -> Self {
        self.needed = true;
        self
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

    /// The same, with another `error_code` for updates.
    pub(crate) const fn code_of_updates(mut self, code: &'static str) -> Self {
        self.code_of_updates = Some(code);
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

    /// Whether an object that is `shown` so has this value: what a client read a moment ago counts.
    pub(crate) fn is_unchanged(&self, shown: &Map<String, Value>, value: &Value) -> bool {
        (self.moving && self.kind.fits(value)) || shown.get(self.name) == Some(value)
    }

    /// Whether `value` is allowed.
    ///
    /// # Errors
    /// 400 for another type, the row's code for a value outside the allowed ones: with 406, unless it is about the schema.
    pub(crate) fn check(&self, profile: Profile, phase: Phase, value: &Value) -> Result<(), ApiError> {
        let Err(wanted) = self.kind.check(profile, value) else {
            return Ok(());
        };
        let text = format!("{}: {wanted} is wanted", self.name);
        let code = match phase {
            Phase::Create => self.code,
            Phase::Update => self.code_of_updates.unwrap_or(self.code),
        };
        Err(
            if code != "invalid_schema" && self.kind.is_type_of(profile, value) {
                ApiError::not_acceptable(code, text)
            } else {
                ApiError::bad_request(text)
            },
        )
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

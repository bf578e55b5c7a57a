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
mod json;
mod kind;

pub(crate) use answer::{Rows, Shape, check_error, hold};
pub(crate) use json::of_table as json_schema;
pub(crate) use kind::{COUNT, INT, Kind};

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

/// Every table: the objects that `GET /v1/jsonschema` knows, then their parts and the bodies that are no objects.
pub(crate) const TABLES: &[&Table] = &[
    &bdb::TABLE,
    &access::BDB_GROUP_TABLE,
    &action::ACTION,
    &alert::ALERT,
    &bootstrap::BOOTSTRAP,
    &certificate::UPLOAD,
    &node::CLUSTER_CHECK,
    &cluster::TABLE,
    &policy::TABLE,
    &settings::CM_TABLE,
    &settings::AUDITING_TABLE,
    &alert::BDB_ALERT_SETTINGS,
    &settings::DIAGNOSTICS_TABLE,
    &settings::JOBS_TABLE,
    &request::JWT_AUTHORIZE,
    &settings::LDAP_TABLE,
    &access::LDAP_MAPPING_TABLE,
    &settings::METRICS_TABLE,
    &module::TABLE,
    &module::USER_DEFINED_TABLE,
    &node::TABLE,
    &settings::OCSP_TABLE,
    &settings::OCSP_STATUS,
    &module::PROXY_TABLE,
    &access::REDIS_ACL_TABLE,
    &access::ROLE_TABLE,
    &settings::SERVICES_TABLE,
    &shard::TABLE,
    &settings::SSO_TABLE,
    &action::STATE_MACHINE,
    &settings::SUFFIX_TABLE,
    &access::USER_TABLE,
    &bdb_parts::TAG,
    &bdb_parts::SUBJECT,
    &bdb_parts::CLIENT_CERT,
    &bdb_parts::ROLE_PERMISSION,
    &bdb_parts::REGEX,
    &bdb_parts::SNAPSHOT_POLICY,
    &bdb_parts::BACKGROUND_OP,
    &bdb_parts::ENDPOINT,
    &bdb_parts::MODULE,
    &bdb_parts::RAM_WEIGHT,
    &bdb_parts::BLUEPRINT,
    &bdb_parts::BLUEPRINT_NODE,
    &bdb_parts::LOCATION,
    &bdb_parts::IMPORT_SOURCE,
    &bdb_parts::SYNCER_SOURCE,
    &bdb_parts::AUDIT,
    &bdb_parts::GRADUAL_SYNC,
    &bdb_parts::QUERY_PERFORMANCE,
    &bdb_parts::SEARCH,
    &bdb_parts::TIMESERIES,
    &bdb_parts::PROBABILISTIC,
    &bdb_parts::CERTIFICATE,
    &bdb_parts::SET_CERTIFICATE,
    &request::CREATE_V2,
    &request::EXPORT,
    &request::IMPORT,
    &request::REVAMP,
    &request::RECOVER,
    &request::RECOVERY_PLAN,
    &request::UPGRADE,
    &module::CONFIGURE,
    &request::COMMAND,
    &request::BDB_PASSWORD,
    &shard::LOADING,
    &shard::BACKUP,
    &shard::SYNC,
    &action::FAILOVER,
    &action::MIGRATE,
    &action::SHARD_ACTION,
    &action::TASK_V1,
    &action::PENDING_OP,
    &action::ACTION_V2,
    &action::REMOVE,
    &action::MAINTENANCE_ON,
    &action::MAINTENANCE_OFF,
    &action::ENSLAVE_NODE,
    &action::CHANGE_MASTER,
    &bootstrap::CLUSTER_IDENTITY,
    &bootstrap::CREDENTIALS,
    &bootstrap::NODE_IDENTITY,
    &bootstrap::IDENTITY,
    &bootstrap::LIMITS,
    &bootstrap::PATHS,
    &bootstrap::POLICY,
    &bootstrap::DNS_SUFFIX,
    &bootstrap::USER_DEFINED_MODULE,
    &bootstrap::STATUS,
    &bootstrap::LOCAL_NODE,
    &node::DATABASE_VERSION,
    &node::STATUS,
    &node::SNAPSHOT,
    &node::CHECK,
    &node::WATCHDOG,
    &node::HEALTHCHECK,
    &node::SERVICE,
    &node::OPERATE_SERVICES,
    &module::SET_PROXY,
    &module::ARTIFACT,
    &alert::ALERT_SETTINGS,
    &alert::THRESHOLD,
    &alert::OF_CLUSTER,
    &alert::OF_NODE,
    &alert::OF_BDB,
    &alert::OF_SOURCE,
    &cluster::LOGROTATE,
    &certificate::LICENSE,
    &certificate::INSTALLED,
    &certificate::BULK_UPLOAD,
    &certificate::ROTATE,
    &certificate::HASHING,
    &request::USER_PASSWORD,
    &request::ROLE_PERMISSIONS,
    &request::VALIDATE_ACL,
    &request::IDP_METADATA,
    &stats::CLUSTER,
    &stats::NODE,
    &stats::BDB,
    &stats::SHARD,
    &stats::ENDPOINT,
    &stats::SOURCE,
    &stats::PEER,
    &health::CLUSTER,
    &health::NODE,
    &health::SHARD,
    &health::DATABASE,
    &event::TABLE,
    &event::MIGRATION,
    &event::SYNCER_STATE,
    &event::WITNESS_DISK,
    &event::USAGE,
    &certificate::ERROR,
];

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
    /// `error_code` of the 406 for a value of the right type that is not allowed.
    pub(crate) code: &'static str,
    pub(crate) source: Source,
    /// Whether an object in a request must name it.
    pub(crate) needed: bool,
}

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
            source: Source::Doc,
            needed: false,
        }
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
    pub(crate) fn check(&self, profile: Profile, value: &Value) -> Result<(), ApiError> {
        let Err(wanted) = self.kind.check(profile, value) else {
            return Ok(());
        };
        let text = format!("{}: {wanted} is wanted", self.name);
        Err(if self.kind.is_type_of(value) {
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
        .filter(|field| field.within(profile) && !field.default.is_empty());
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
                field.check(profile, value)?;
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
        body.retain(|name, _| find(table.fields, env.profile, name).is_some());
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
            .check(env.profile, &value)
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
        assert_eq!(names(Profile::V8_2_0), ["mode", "names"]);
    }

    #[test]
    fn a_version_has_the_fields_of_its_own_pages() {
        for (object, field, has) in [
            ("bdb", "activedefrag", "00111"),
            ("bdb", "tracking_table_max_keys", "01111"),
            ("bdb", "traffic_manually_disabled", "00011"),
            ("bdb", "gradual_sync_policy", "00001"),
            ("cluster", "password_min_length", "01111"),
            ("cluster", "logrotate_settings", "00111"),
            ("cluster", "mask_bdb_credentials", "00011"),
            ("cluster", "use_ipv6", "11110"),
            ("cluster_settings", "default_bigstore_version", "00111"),
            ("cluster_settings", "filter_node_wd_health_metrics", "00011"),
            ("node", "second_rack_id", "00111"),
            ("node", "oss_cluster_ip_mapping", "00011"),
            ("identity", "second_rack_id", "00111"),
            ("credentials", "client_cert", "00001"),
            ("proxy", "client_eviction", "00111"),
            ("module", "platforms", "11100"),
            ("module", "compatible_redis_version", "01111"),
            ("role", "resources", "00001"),
            ("user", "certificate_subject_line", "01111"),
            ("user", "last_login", "00011"),
            ("ldap", "cba", "00011"),
            ("alert_settings", "cluster_inconsistent_redis_sw", "11000"),
            ("alert_settings", "cluster_users_count_approaches_limit", "00011"),
            ("job_scheduler", "bdb_usage_report_job_settings", "01111"),
            ("services_configuration", "sentinel_service", "00111"),
            ("shard", "actual_role", "00011"),
        ] {
            let table = TABLES.iter().find(|table| table.name == object).expect(object);
            let knows = |profile: Profile| table.names(profile).any(|name| name == field);
            let found: String = Profile::ALL
                .map(|profile| if knows(profile) { '1' } else { '0' })
                .iter()
                .collect();
            assert_eq!(found, has, "{field} of {object}");
        }
    }

    #[test]
    fn every_table_is_in_the_register_once_and_has_each_field_once_in_a_profile() {
        let mut names = std::collections::BTreeSet::new();
        for table in TABLES {
            assert!(names.insert(table.name), "{} twice", table.name);
            for profile in Profile::ALL {
                let fields: Vec<&str> = table.names(profile).collect();
                let unique: std::collections::BTreeSet<_> = fields.iter().collect();
                assert_eq!(unique.len(), fields.len(), "{} in {profile}", table.name);
            }
        }
        let answered = crate::sim::route::TABLES.iter().copied().flatten();
        let answered = answered.filter_map(|route| route.answers.kind());
        let fields = TABLES.iter().flat_map(|table| table.fields);
        for kind in fields.map(|field| field.kind).chain(answered) {
            for name in tables_in(kind) {
                assert!(names.contains(name), "{name} is not in the register");
            }
        }
    }

    #[test]
    fn every_default_is_json_that_its_own_row_allows() {
        for (table, field) in TABLES
            .iter()
            .flat_map(|table| table.fields.iter().map(move |field| (table, field)))
        {
            if field.default.is_empty() {
                continue;
            }
            let value: Value = serde_json::from_str(field.default).expect(field.name);
            let latest = field.until.map_or(Profile::V8_2_0, |_| field.since);
            assert_eq!(
                field.kind.check(latest, &value),
                Ok(()),
                "{} of {}",
                field.name,
                table.name
            );
        }
    }

    /// Names of the tables that a kind refers to.
    pub(super) fn tables_in(kind: Kind) -> Vec<&'static str> {
        match kind {
            Kind::Of(table) => vec![table.name],
            Kind::Nested(fields) => fields.iter().flat_map(|field| tables_in(field.kind)).collect(),
            Kind::ListOf(kind) | Kind::MapOf(kind) => tables_in(*kind),
            Kind::Either(kinds) => kinds.iter().flat_map(|kind| tables_in(*kind)).collect(),
            _ => Vec::new(),
        }
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

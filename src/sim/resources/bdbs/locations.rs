//! Places that backups, exports and imports name: what each type of them needs.

use crate::sim::call::ApiError;
use crate::sim::version::Profile;
use serde_json::Value;

/// A type of place that data go to or come from.
struct Location {
    kind: &'static str,
    /// The keys that it needs.
    keys: &'static [&'static str],
    /// Keys of which it needs exactly one.
    either: &'static [&'static str],
    /// Whether an import names the file in it by a key of its own, since 7.8.
    filename: bool,
}

#[rustfmt::skip]
const LOCATIONS: &[Location] = &[
    Location { kind: "url", keys: &["url"], either: &[], filename: false },
    Location { kind: "sftp", keys: &["sftp_url"], either: &[], filename: false },
    Location { kind: "s3", keys: &["bucket_name", "access_key_id", "secret_access_key"], either: &[], filename: true },
    Location { kind: "gs", keys: &["bucket_name", "client_id", "client_email", "private_key_id", "private_key"], either: &[], filename: true },
    Location { kind: "abs", keys: &["container", "account_name"], either: &["account_key", "sas_token"], filename: true },
    Location { kind: "mount_point", keys: &["path"], either: &[], filename: false },
];

fn wrong_location(text: String) -> ApiError {
    ApiError::not_acceptable("invalid_param", text)
}

fn of_kind(kind: &str) -> Option<&'static Location> {
    LOCATIONS.iter().find(|known| known.kind == kind)
}

/// How many of these keys a location has.
fn count(location: &Value, keys: &[&str]) -> usize {
    let given = keys
        .iter()
        .filter(|key| location.get(**key).is_some_and(Value::is_string));
    given.count()
}

/// Whether a location, which is this field, has no two keys that exclude each other. What it lacks shows when it is used.
pub(super) fn check_either(field: &str, location: &Value) -> Result<(), ApiError> {
    let kind = location.get("type").and_then(Value::as_str).unwrap_or_default();
    match of_kind(kind).filter(|known| count(location, known.either) > 1) {
        Some(known) => Err(wrong_location(format!(
            "{field}: {kind} takes only one of {}",
            known.either.join(" and ")
        ))),
        None => Ok(()),
    }
}

/// Whether a location, which is this field, has what its type needs.
fn known_location(field: &str, location: &Value) -> Result<&'static Location, ApiError> {
    let kind = location.get("type").and_then(Value::as_str).unwrap_or_default();
    let known = of_kind(kind);
    let known = known.ok_or_else(|| wrong_location(format!("{field}: there is no type {kind:?}")))?;
    if let Some(key) = known.keys.iter().find(|key| count(location, &[**key]) == 0) {
        return Err(wrong_location(format!("{field}: {kind} needs {key}")));
    }
    if !known.either.is_empty() && count(location, known.either) != 1 {
        let keys = known.either.join(" or ");
        return Err(wrong_location(format!("{field}: {kind} needs either {keys}")));
    }
    Ok(known)
}

/// Whether a place to copy to, which is this field, has what its type needs.
pub(super) fn check_location(field: &str, location: &Value) -> Result<(), ApiError> {
    known_location(field, location).map(|_| ())
}

/// Whether there are sources to import from, each with what its type needs.
pub(super) fn check_sources(profile: Profile, sources: &Value) -> Result<(), ApiError> {
    let field = "dataset_import_sources";
    let sources = sources.as_array().filter(|sources| !sources.is_empty());
    for source in sources.ok_or_else(|| wrong_location(format!("{field} are needed")))? {
        let known = known_location(field, source)?;
        let named = source.get("filename").is_some_and(Value::is_string);
        if known.filename && !named && profile >= Profile::V7_8_6 {
            return Err(wrong_location(format!("{field}: {} needs filename", known.kind)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use crate::sim::version::Profile;
    use serde_json::json;

    #[test]
    fn a_source_of_an_import_has_what_its_type_needs() {
        let abs = json!({"type": "abs", "container": "c", "account_name": "a", "filename": "f.rdb"});
        let with = |keys: &[&str]| {
            let mut source = abs.clone();
            for key in keys {
                source[*key] = json!("secret");
            }
            source
        };
        let s3 = json!({"type": "s3", "bucket_name": "b", "access_key_id": "a", "secret_access_key": "s"});
        for (profile, source, status) in [
            (Profile::V8_2_0, json!({"type": "s3"}), 406),
            (Profile::V8_2_0, s3.clone(), 406),
            (Profile::V7_4_6, s3, 200),
            (Profile::V8_2_0, with(&[]), 406),
            (Profile::V8_2_0, with(&["account_key", "sas_token"]), 406),
            (Profile::V8_2_0, with(&["account_key"]), 200),
            (Profile::V8_2_0, with(&["sas_token"]), 200),
            (
                Profile::V8_2_0,
                json!({"type": "mount_point", "path": "/f.rdb"}),
                200,
            ),
        ] {
            let mut sim = Fixture::cluster_of(profile, 1);
            sim.database(None);
            let body = json!({"dataset_import_sources": [source]});
            let got = sim.admin(0, "POST", "/v1/bdbs/1/actions/import", body);
            assert_eq!(got.status, status, "{source} in {profile}");
        }
    }

    #[test]
    fn a_database_is_not_given_two_keys_that_exclude_each_other() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        let abs = json!({"type": "abs", "container": "c", "account_name": "a"});
        for (keys, status) in [
            (json!({}), 200),
            (json!({"account_key": "k"}), 200),
            (json!({"account_key": "k", "sas_token": "t"}), 406),
        ] {
            let mut location = abs.clone();
            let keys = keys.as_object().unwrap().clone();
            location.as_object_mut().unwrap().extend(keys);
            for body in [
                json!({"backup_location": location}),
                json!({"dataset_import_sources": [location]}),
            ] {
                let mut creation = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"});
                creation
                    .as_object_mut()
                    .unwrap()
                    .extend(body.as_object().unwrap().clone());
                let made = sim.admin(0, "POST", "/v1/bdbs?dry_run", creation);
                assert_eq!(made.status, status, "{body}");
                let changed = sim.admin(0, "PUT", "/v1/bdbs/1", body.clone());
                assert_eq!(changed.status, status, "{body}");
                sim.pass(60);
            }
        }
    }
}

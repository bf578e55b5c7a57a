//! What the bodies of calls about users may hold: which fields, and which values.

use crate::sim::call::{ApiError, Ctx};
use crate::sim::resources::SPECIAL_CHARACTERS;
use crate::sim::schema::access::USER as FIELDS;
use crate::sim::schema::{self, Phase};
use crate::sim::switch::Switch;
use serde_json::{Map, Value, json};

/// Every field of a user that a body names: types by the table, patterns and lists besides. What may not be set in this
/// `phase` is as it is `shown`.
///
/// # Errors
/// 400 for unknown fields, unless they are ignored, for wrong values, and for other values of read-only fields.
pub(crate) fn check_fields(
    ctx: &Ctx<'_>,
    phase: Phase,
    shown: &Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<(), ApiError> {
    let lenient = ctx.env.on(Switch::UnknownFieldsIgnored);
    for (name, value) in body {
        let Some(field) = schema::find(FIELDS, ctx.env.profile, name) else {
            if lenient {
                continue;
            }
            return Err(ApiError::bad_request(format!("Unknown field {name}")));
        };
        if !field.settable(phase) {
            schema::keep(field, ctx.env, shown, value)?;
            continue;
        }
        let text = value.as_str();
        let fits = match name.as_str() {
            "email" => text.is_some_and(is_login),
            "name" => text.is_some_and(is_name),
            "role_uids" => is_set(value, Value::is_u64) && *value != json!([]),
            "bdbs_email_alerts" => is_set(value, Value::is_string),
            _ => field.kind.check(ctx.env.profile, value).is_ok(),
        };
        if !fits {
            return Err(ApiError::bad_request(format!("{name} has a wrong value")));
        }
    }
    Ok(())
}

/// A list in which everything is of one kind and nothing stands twice.
pub(crate) fn is_set(value: &Value, kind: fn(&Value) -> bool) -> bool {
    let Some(list) = value.as_array() else {
        return false;
    };
    let mut rest = list.iter();
    list.iter().all(kind)
        && std::iter::from_fn(|| rest.next().map(|item| (item, rest.clone())))
            .all(|(item, mut rest)| !rest.any(|other| other == item))
}

/// Up to 255 printable characters of ASCII, none of them special.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .chars()
            .all(|c| (' '..='~').contains(&c) && !SPECIAL_CHARACTERS.contains(&c))
}

/// An email address in the pattern of the schema, or nothing.
pub(crate) fn is_login(email: &str) -> bool {
    let plain = |text: &str, more: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    email.is_empty()
        || email.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && plain(local, "_.+-")
                && host.contains('.')
                && !host.starts_with('.')
                && plain(host, "-.")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::version::Profile;

    #[test]
    fn every_refusal_has_its_status_and_code() {
        let user = json!({"email": "a@example.com", "name": "a", "password": "p", "role": "db_viewer"});
        let with = |key: &str, value: Value| {
            let mut body = user.clone();
            body[key] = value;
            body
        };
        for (method, path, body, status, code) in [
            ("POST", "/v1/users", user.clone(), 200, ""),
            (
                "POST",
                "/v1/users",
                with("email", json!("admin@example.com")),
                409,
                "email_already_exists",
            ),
            (
                "POST",
                "/v1/users",
                with("name", json!("Administrator")),
                409,
                "name_already_exists",
            ),
            (
                "POST",
                "/v1/users",
                with("name", json!("J\u{f6}rg")),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("name", json!("a<b")),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("role_uids", json!([])),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("role_uids", json!([2, 2])),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("role_uids", json!([2, 99])),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("role_uids", json!(["2"])),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("bdbs_email_alerts", json!([1])),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("bdbs_email_alerts", json!(["1", "1"])),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("bdbs_email_alerts", json!(["all"])),
                200,
                "",
            ),
            (
                "POST",
                "/v1/users",
                with("password", json!("")),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("password_hash_method", json!(1)),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("password_hash_method", json!("2")),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("status", json!("active")),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("auth_method", json!("magic")),
                400,
                "invalid_schema",
            ),
            ("POST", "/v1/users", with("uid", json!(1)), 409, "uid_exists"),
            ("POST", "/v1/users", with("uid", json!(0)), 400, "invalid_schema"),
            (
                "POST",
                "/v1/users",
                with("email", json!("nobody")),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("role", json!("king")),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                with("nonsense", json!(1)),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                "/v1/users",
                json!({"email": "a@example.com"}),
                400,
                "invalid_schema",
            ),
            ("GET", "/v1/users/9", Value::Null, 404, "user_not_exist"),
            ("PUT", "/v1/users/9", json!({}), 404, "user_not_exist"),
            (
                "PUT",
                "/v1/users/1",
                json!({"role": "none"}),
                406,
                "change_last_admin_role_not_allowed",
            ),
            (
                "DELETE",
                "/v1/users/1",
                Value::Null,
                406,
                "change_last_admin_role_not_allowed",
            ),
            ("DELETE", "/v1/users/9", Value::Null, 404, "user_not_exist"),
            ("GET", "/v1/users/permissions/king", Value::Null, 404, "not_found"),
            ("GET", "/v1/users/permissions/admin", Value::Null, 200, ""),
            ("GET", "/v1/users/role", Value::Null, 200, ""),
        ] {
            let reply = Fixture::cluster(1, 1).admin(0, method, path, body.clone());
            assert_eq!(
                (reply.status, reply.code()),
                (status, code),
                "{method} {path} {body}"
            );
        }
    }

    #[test]
    fn ways_to_sign_in_and_roles_came_with_versions() {
        for (profile, field, value, status) in [
            (Profile::V7_4_6, "auth_method", "regular", 200),
            (Profile::V7_4_6, "auth_method", "certificate", 400),
            (Profile::V7_8_6, "auth_method", "certificate", 200),
            (Profile::V7_22_2, "auth_method", "sso", 400),
            (Profile::V8_0_20, "auth_method", "sso", 200),
            (Profile::V7_4_6, "role", "user_manager", 400),
            (Profile::V7_8_6, "role", "user_manager", 200),
        ] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let mut body =
                json!({"email": "a@example.com", "name": "a", "password": "p", "role": "db_viewer"});
            body[field] = json!(value);
            let got = sim.admin(0, "POST", "/v1/users", body);
            assert_eq!(got.status, status, "{field} {value} in {profile}");
        }
    }
}

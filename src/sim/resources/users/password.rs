//! New passwords of users: hashed or not, new to their user, complex if the cluster asks for it.

use crate::sim::auth::{Password, User};
use crate::sim::call::{ApiError, Ctx};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use http::Method;
use serde_json::{Map, Value, json};

/// The password of a body under `key`, hashed or not.
///
/// # Errors
/// 400 for anything but text, and for a hash that is none.
pub(crate) fn new_password(body: &Map<String, Value>, key: &str) -> Result<Option<Password>, ApiError> {
    let Some(given) = body.get(key) else {
        return Ok(None);
    };
    let hashed = match body.get("password_hash_method") {
        None => false,
        Some(method) if *method == json!(1) || *method == json!("1") => true,
        Some(_) => return Err(ApiError::bad_request("password_hash_method is 1")),
    };
    let is_hash = |text: &&str| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    let text = given.as_str().filter(|text| !text.is_empty());
    let text = text.filter(|text| !hashed || is_hash(text));
    let text = text.ok_or_else(|| ApiError::bad_request(format!("{key} has a wrong value")))?;
    Ok(Some(Password::new(text, hashed)))
}

/// A password that the user does not have yet, where that matters, and that is complex if the cluster asks for it and it can be
/// read.
///
/// # Errors
/// 400 with the documented codes.
pub(crate) fn check_password(ctx: &Ctx<'_>, password: &Password, user: &User) -> Result<(), ApiError> {
    if !may_stay(ctx) && user.knows(password, &ctx.cluster.name).is_some() {
        return Err(ApiError::bad_request("The password is one that the user has")
            .with_code("new_password_same_as_current"));
    }
    match password {
        Password::Clear(text) => check_complexity(&ctx.cluster.settings, text, &user.email),
        Password::Hashed { .. } => Ok(()),
    }
}

/// Whether the call may name a password that the user has: an update may, since 8.0.16.
fn may_stay(ctx: &Ctx<'_>) -> bool {
    let since = ctx.env.profile >= Profile::V8_0_20 && !ctx.env.on(Switch::SamePasswordRefused);
    since && ctx.call.method == Method::PUT
}

fn check_complexity(settings: &Map<String, Value>, password: &str, email: &str) -> Result<(), ApiError> {
    if settings.get("password_complexity").and_then(Value::as_bool) != Some(true) {
        return Ok(());
    }
    let least = settings
        .get("password_min_length")
        .and_then(Value::as_u64)
        .unwrap_or(8);
    let has = |test: fn(&char) -> bool| password.chars().any(|c| test(&c));
    let kinds = has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit)
        && has(char::is_ascii_punctuation);
    let reversed: String = email.chars().rev().collect();
    let named = !email.is_empty() && (password.contains(email) || password.contains(&reversed));
    let letters: Vec<char> = password.chars().collect();
    let repeats = letters
        .windows(4)
        .any(|run| run.iter().all(|c| Some(c) == run.first()));
    if letters.len() as u64 >= least && kinds && !named && !repeats {
        return Ok(());
    }
    Err(ApiError::bad_request("The password is not complex enough").with_code("password_not_complex"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;

    #[test]
    fn the_method_of_a_hashed_password_is_a_number_or_text() {
        let mut sim = Fixture::cluster(1, 1);
        let hash = "0123456789abcdef".repeat(4);
        for (method, status) in [
            (json!(1), 200),
            (json!("1"), 200),
            (json!(2), 400),
            (json!("2"), 400),
        ] {
            let user = json!({"name": "a", "password": hash, "password_hash_method": method, "role": "none"});
            let made = sim.admin(0, "POST", "/v1/users?dry_run", user);
            assert_eq!(made.status, status, "{method}");
        }
    }

    #[test]
    fn an_update_may_name_the_present_password_since_8_0_16() {
        for (profile, status) in [(Profile::V7_22_2, 400), (Profile::V8_0_20, 200)] {
            let mut sim = Fixture::cluster_of(profile, 1);
            for (path, body) in [
                ("/v1/users/1", json!({"password": "secret"})),
                ("/v1/users/password", json!({"new_password": "secret"})),
            ] {
                let reply = sim.admin(0, "PUT", path, body.clone());
                assert_eq!(reply.status, status, "{path} in {profile}");
                let added = sim.admin(0, "POST", "/v1/users/password", json!({"new_password": "secret"}));
                assert_eq!(added.code(), "new_password_same_as_current", "{profile}");
            }
        }
    }

    #[test]
    fn complexity_is_asked_for_only_when_it_is_on() {
        let mut sim = Fixture::cluster(1, 1);
        sim.admin(0, "PUT", "/v1/cluster", json!({"password_complexity": true}));
        for (password, passes) in [
            ("Abcdef1!", true),
            ("Abcde1!", false),
            ("abcdef1!", false),
            ("ABCDEF1!", false),
            ("Abcdefg!", false),
            ("Abcdefg1", false),
            ("Abcccc1!", false),
            ("Xa@example.com1!", false),
        ] {
            let body = json!({"email": "a@example.com", "name": "a", "password": password, "role": "none"});
            let reply = sim.admin(0, "POST", "/v1/users?dry_run", body);
            assert_eq!(reply.status, if passes { 200 } else { 400 }, "{password}");
            assert_eq!(reply.code(), if passes { "" } else { "password_not_complex" });
        }
        assert_eq!(
            sim.admin(0, "GET", "/v1/users", Value::Null)
                .json
                .as_array()
                .map(Vec::len),
            Some(1),
            "dry run"
        );
    }
}

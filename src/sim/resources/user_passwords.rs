//! `/v1/users/password`: change, add and remove passwords of users.

use super::users::{actor, check_password, new_password};
use crate::sim::auth::{Password, Role, User, unauthorized};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::UserUid;
use crate::sim::permission::Permission;
use crate::sim::route::Route;
use crate::sim::schema::{request::USER_PASSWORD, shape};
use crate::sim::version::Profile;
use http::{Method, StatusCode};
use serde_json::{Map, Value};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("PUT", "/v1/users/password", Permission::AnyUser, shape::NOTHING, set),
    Route::new("POST", "/v1/users/password", Permission::AnyUser, shape::NOTHING, set),
    Route::new("DELETE", "/v1/users/password", Permission::AnyUser, shape::NOTHING, delete),
];

/// PUT replaces every password, POST adds one.
fn set(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.body(&USER_PASSWORD)?;
    let uid = target(ctx, &body)?;
    let keep = ctx.call.method == Method::POST;
    let new = new_password(&body, "new_password")?;
    let new = new.ok_or_else(|| ApiError::bad_request("new_password is missing"))?;
    let user = ctx.cluster.accounts.users.get(&uid).ok_or_else(unknown)?;
    check_password(ctx, &new, user)?;
    if let Some(user) = ctx.cluster.accounts.users.get_mut(&uid) {
        user.set_password(new, keep, ctx.env.now);
    }
    ctx.commit();
    Ok(Reply::empty())
}

fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.body(&USER_PASSWORD)?;
    let uid = target(ctx, &body)?;
    let old = body.get("old_password").and_then(Value::as_str);
    let old = old.ok_or_else(|| ApiError::bad_request("old_password is missing"))?;
    let old = Password::new(old, false);
    let user = ctx.cluster.accounts.users.get_mut(&uid).ok_or_else(unknown)?;
    let at = user.knows(&old, &ctx.cluster.name);
    let at = at.ok_or_else(|| ApiError::bad_request("The user does not have this password"))?;
    if user.passwords.len() == 1 {
        return Err(
            ApiError::bad_request("It is the user's last password").with_code("cannot_delete_last_password")
        );
    }
    user.passwords.remove(at);
    ctx.commit();
    Ok(Reply::empty())
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "user_not_exist", "There is no such user")
}

/// Whose password is meant. In 7.4 the body must say so, and prove the old password; a defect ignores the name.
fn target(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Result<UserUid, ApiError> {
    let (caller, role) = actor(ctx)?;
    let name = body.get("username").and_then(Value::as_str);
    if ctx.env.has(Bug::PasswordCallsHitCaller) {
        return Ok(caller);
    }
    let mut users = ctx.cluster.accounts.users.values();
    let uid = match name {
        Some(name) => users.find(|user| user.email == name).ok_or_else(unknown)?.uid,
        None if ctx.env.profile == Profile::V7_4_6 => {
            return Err(ApiError::bad_request("username is missing"));
        }
        None => caller,
    };
    if uid != caller && role != Role::Admin {
        return Err(ApiError::forbidden(
            "unauthorized_action",
            "Only an administrator changes others' passwords",
        ));
    }
    let user = ctx.cluster.accounts.users.get(&uid).ok_or_else(unknown)?;
    if ctx.env.profile == Profile::V7_4_6 && ctx.call.method != Method::DELETE {
        proved(ctx, user, body)?;
    }
    Ok(uid)
}

/// The old password, where it is asked for.
fn proved(ctx: &Ctx<'_>, user: &User, body: &Map<String, Value>) -> Result<(), ApiError> {
    let old = body.get("old_password").and_then(Value::as_str);
    let old = old.ok_or_else(|| ApiError::bad_request("old_password is missing"))?;
    let known = user.knows(&Password::new(old, false), &ctx.cluster.name);
    known.map(|_| ()).ok_or_else(unauthorized)
}

#[cfg(test)]
mod tests {
    use crate::sim::bugs::{Bug, Bugs};
    use crate::sim::fixture::Fixture;
    use crate::sim::version::Profile;
    use serde_json::{Value, json};

    const PATH: &str = "/v1/users/password";

    fn logs_in(sim: &mut Fixture, password: &str) -> bool {
        sim.send(
            0,
            "GET",
            "/v1/cluster",
            Some(("admin@example.com", password)),
            Value::Null,
        )
        .status
            == 200
    }

    #[test]
    fn passwords_overlap_while_they_are_changed() {
        let mut sim = Fixture::cluster(1, 1);
        assert_eq!(
            sim.admin(0, "POST", PATH, json!({"new_password": "second"}))
                .status,
            200
        );
        assert!(logs_in(&mut sim, "secret") && logs_in(&mut sim, "second"));
        assert_eq!(
            sim.admin(0, "DELETE", PATH, json!({"old_password": "secret"}))
                .status,
            200
        );
        assert!(!logs_in(&mut sim, "secret") && logs_in(&mut sim, "second"));
    }

    #[test]
    fn an_expired_password_is_refused_everywhere_but_where_it_is_changed() {
        let mut sim = Fixture::cluster(1, 1);
        sim.admin(
            0,
            "PUT",
            "/v1/cluster",
            json!({"password_expiration_duration": 10}),
        );
        sim.pass(11 * 86_400);
        let refused = sim.admin(0, "GET", "/v1/cluster", Value::Null);
        assert_eq!((refused.status, refused.code()), (401, "password_expired"));
        assert_eq!(
            sim.admin(0, "PUT", PATH, json!({"new_password": "fresh"})).status,
            200
        );
        assert!(logs_in(&mut sim, "fresh"));
    }

    #[test]
    fn every_refusal_has_its_status_and_code() {
        for (method, body, status, code) in [
            ("PUT", json!({}), 400, "invalid_schema"),
            (
                "DELETE",
                json!({"old_password": "secret"}),
                400,
                "cannot_delete_last_password",
            ),
            ("DELETE", json!({"old_password": "other"}), 400, "invalid_schema"),
            ("PUT", json!({"new_password": 1}), 400, "invalid_schema"),
            (
                "PUT",
                json!({"new_password": "x", "password_hash_method": 2}),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                json!({"new_password": "x", "colour": "blue"}),
                400,
                "invalid_schema",
            ),
            (
                "POST",
                json!({"new_password": "secret"}),
                400,
                "new_password_same_as_current",
            ),
            ("DELETE", json!({}), 400, "invalid_schema"),
            (
                "PUT",
                json!({"username": "nobody@example.com", "new_password": "x"}),
                404,
                "user_not_exist",
            ),
        ] {
            let reply = Fixture::cluster(1, 1).admin(0, method, PATH, body.clone());
            assert_eq!((reply.status, reply.code()), (status, code), "{method} {body}");
        }
    }

    #[test]
    fn only_an_administrator_changes_the_password_of_another() {
        let mut sim = Fixture::cluster(1, 1);
        sim.user("viewer@example.com", "cluster_viewer");
        let body = json!({"username": "admin@example.com", "new_password": "taken"});
        let viewer = Some(("viewer@example.com", "viewer-pass"));
        assert_eq!(sim.send(0, "PUT", PATH, viewer, body).status, 403);
        let own = json!({"new_password": "mine"});
        assert_eq!(sim.send(0, "PUT", PATH, viewer, own).status, 200);
    }

    #[test]
    fn a_defect_changes_the_callers_own_password_whoever_is_named() {
        for (bugs, own) in [
            (Bugs::none(), false),
            (Bugs::none().with(Bug::PasswordCallsHitCaller), true),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            sim.world.env.bugs = bugs;
            sim.user("viewer@example.com", "cluster_viewer");
            let body = json!({"username": "viewer@example.com", "new_password": "hit"});
            assert_eq!(sim.admin(0, "PUT", PATH, body).status, 200);
            assert_eq!(logs_in(&mut sim, "hit"), own);
            assert_eq!(logs_in(&mut sim, "secret"), !own);
        }
    }

    #[test]
    fn an_administrator_names_whose_passwords_change_in_all_three_calls() {
        let mut sim = Fixture::cluster(1, 1);
        sim.user("viewer@example.com", "cluster_viewer");
        let opens = |sim: &mut Fixture, password: &str| {
            let login = Some(("viewer@example.com", password));
            sim.send(0, "GET", "/v1/cluster", login, Value::Null).status == 200
        };
        for (method, key, password, known) in [
            (
                "POST",
                "new_password",
                "second",
                ["viewer-pass", "second"].as_slice(),
            ),
            ("DELETE", "old_password", "viewer-pass", &["second"]),
            ("PUT", "new_password", "third", &["third"]),
        ] {
            let body = json!({"username": "viewer@example.com", key: password});
            let reply = sim.admin(0, method, PATH, body);
            assert_eq!((reply.status, reply.json), (200, Value::Null), "{method}");
            for password in ["viewer-pass", "second", "third"] {
                let opens = opens(&mut sim, password);
                assert_eq!(opens, known.contains(&password), "{password} after {method}");
            }
        }
        assert!(logs_in(&mut sim, "secret"));
    }

    #[test]
    fn a_password_may_be_given_as_its_hash() {
        let mut sim = Fixture::cluster(1, 1);
        // SHA-256 of admin@example.com:cluster.example.com:fresh
        let hash = "d5e5c54dbf9ae39b2f0dffb666178fa8d011138b69cf43990442c401569433ca";
        let body = json!({"new_password": hash, "password_hash_method": 1});
        assert_eq!(sim.admin(0, "PUT", PATH, body).status, 200);
        assert!(logs_in(&mut sim, "fresh") && !logs_in(&mut sim, "secret"));
        let same = json!({"new_password": "fresh"});
        let refused = sim.send(0, "POST", PATH, Some(("admin@example.com", "fresh")), same);
        assert_eq!(refused.code(), "new_password_same_as_current");
    }

    #[test]
    fn version_7_4_wants_the_name_and_the_old_password() {
        let mut sim = Fixture::cluster_of(Profile::V7_4_6, 1);
        let nameless = json!({"old_password": "secret", "new_password": "hit"});
        assert_eq!(sim.admin(0, "PUT", PATH, nameless).status, 400);
        let unproved = json!({"username": "admin@example.com", "new_password": "hit"});
        assert_eq!(sim.admin(0, "POST", PATH, unproved).status, 400);
        let nameless = json!({"old_password": "secret"});
        assert_eq!(sim.admin(0, "DELETE", PATH, nameless).status, 400);
        let own =
            |old: &str| json!({"username": "admin@example.com", "old_password": old, "new_password": "hit"});
        assert_eq!(sim.admin(0, "PUT", PATH, own("wrong")).status, 401);
        assert_eq!(sim.admin(0, "PUT", PATH, own("secret")).status, 200);
    }
}

//! `/v1/users`: accounts of the management plane, and tokens.

use super::iso;
use crate::sim::auth::{Actor, LoginRules, Role, User, unauthorized};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::front::lacking;
use crate::sim::ids::UserUid;
use crate::sim::permission::Permission::{
    self, CreateNewUser, DeleteUser, UpdateUser, ViewAllUsersInfo, ViewUserInfo,
};
use crate::sim::route::Route;
use crate::sim::schema::access::USER as FIELDS;
use crate::sim::schema::shape;
use crate::sim::schema::{self, Access};
use crate::sim::state::{Cluster, Due, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/users", ViewAllUsersInfo, shape::USERS, list),
    Route::new("POST", "/v1/users", CreateNewUser, shape::USER, post),
    Route::new("GET", "/v1/users/{uid}", ViewUserInfo, shape::USER, get).own(),
    Route::new("PUT", "/v1/users/{uid}", UpdateUser, shape::USER, put).own(),
    Route::new("DELETE", "/v1/users/{uid}", DeleteUser, shape::ACTION_UID, delete),
];

/// Fields that every user may change about himself.
const OWN: &[&str] = &[
    "name",
    "password",
    "email_alerts",
    "bdbs_email_alerts",
    "cluster_email_alerts",
];
const MAX_USERS: usize = 32_000;

/// How long a deleted user can still be read.
const LINGERS: Duration = Duration::from_secs(1);

fn shown(ctx: &Ctx<'_>, user: &User) -> Value {
    let rules = LoginRules::of(&ctx.cluster.policy, &ctx.cluster.settings);
    let status = if user.is_locked(ctx.env.now) {
        "locked"
    } else if ctx.env.profile >= Profile::V7_8_6 && user.is_expired(&rules, ctx.env.now) {
        "password_expired"
    } else {
        "active"
    };
    let mut shown = Map::from_iter([
        ("auth_method".to_owned(), json!("regular")),
        ("certificate_subject_line".to_owned(), json!("")),
        ("email_alerts".to_owned(), json!(true)),
    ]);
    shown.extend(user.extra.clone());
    shown.insert("uid".to_owned(), json!(user.uid.0));
    shown.insert("email".to_owned(), json!(user.email));
    shown.insert("name".to_owned(), json!(user.name));
    shown.insert("role".to_owned(), json!(user.role.name()));
    shown.insert("role_uids".to_owned(), json!(user.role_uids));
    shown.insert("status".to_owned(), json!(status));
    shown.insert("password_issue_date".to_owned(), json!(iso(user.password_issued)));
    shown.extend(
        user.action_uid
            .as_ref()
            .map(|uid| ("action_uid".to_owned(), json!(uid))),
    );
    shown.extend(
        user.last_login
            .map(|at| ("last_login".to_owned(), json!(at.as_second()))),
    );
    Value::Object(shown)
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let users = ctx.cluster.accounts.users.values().map(|user| shown(ctx, user));
    Ok(Reply::json(users.collect::<Vec<_>>()))
}

fn user<'a>(ctx: &'a Ctx<'_>) -> Result<&'a User, ApiError> {
    let uid: UserUid = ctx.call.param("uid")?;
    let user = ctx.cluster.accounts.users.get(&uid);
    user.ok_or_else(|| {
        ApiError::new(
            http::StatusCode::NOT_FOUND,
            "user_not_exist",
            format!("There is no user {uid}"),
        )
    })
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    if !(is_caller(ctx)? && ctx.env.on(Switch::OwnAccountReadable)) {
        require(ctx, ViewUserInfo)?;
    }
    Ok(Reply::json(shown(ctx, user(ctx)?)))
}

fn post(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    check_fields(ctx, &body)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let missing = |key: &str| ApiError::bad_request(format!("{key} is missing"));
    let email = match text("email") {
        None if ctx.env.on(Switch::UserNeedsEmail) => return Err(missing("email")),
        email => email.unwrap_or_default(),
    };
    let regular = text("auth_method").is_none_or(|method| method == "regular");
    let password = match text("password") {
        None if regular => return Err(missing("password")),
        password => password.unwrap_or_default(),
    };
    let name = text("name")
        .or(Some(email).filter(|email| !email.is_empty()))
        .ok_or_else(|| missing("name"))?;
    let (role, role_uids) = roles(ctx, &body)?.ok_or_else(|| missing("role or role_uids"))?;
    check_unique(ctx, None, Some(email), Some(name))?;
    if regular {
        check_password(&ctx.cluster.settings, password, email)?;
    }
    if ctx.cluster.accounts.users.len() >= MAX_USERS {
        return Err(ApiError::not_acceptable(
            "users_limit",
            "There are too many users",
        ));
    }
    let uid = match body.get("uid") {
        None => UserUid(ctx.cluster.accounts.next_uid),
        Some(uid) => UserUid(
            uid.as_u64()
                .filter(|uid| *uid > 0)
                .ok_or_else(|| ApiError::bad_request("uid must be 1 or more"))?,
        ),
    };
    if ctx.cluster.accounts.users.contains_key(&uid) {
        return Err(ApiError::conflict("uid_exists", format!("There is a user {uid}")));
    }
    let mut user = User::new(uid, email, name, password, role, ctx.env.now);
    user.role_uids = role_uids;
    user.passwords.retain(|password| !password.is_empty());
    set_extra(&mut user, &body);
    let reply = Reply::json(shown(ctx, &user));
    if !ctx.call.dry_run() {
        ctx.cluster.accounts.next_uid = ctx.cluster.accounts.next_uid.max(uid.0 + 1);
        ctx.cluster.accounts.users.insert(uid, user);
        ctx.commit();
    }
    Ok(reply)
}

fn set_extra(user: &mut User, body: &Map<String, Value>) {
    for key in [
        "auth_method",
        "certificate_subject_line",
        "email_alerts",
        "bdbs_email_alerts",
        "cluster_email_alerts",
    ] {
        user.extra
            .extend(body.get(key).map(|value| (key.to_owned(), value.clone())));
    }
}

/// Types by the table, patterns of email and name besides.
fn check_fields(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Result<(), ApiError> {
    let lenient = ctx.env.on(Switch::UnknownFieldsIgnored);
    for (name, value) in body {
        let field = schema::find(FIELDS, ctx.env.profile, name)
            .filter(|field| field.access != Access::Read || name == "account_id");
        let Some(field) = field else {
            if lenient {
                continue;
            }
            return Err(ApiError::bad_request(format!("Unknown field {name}")));
        };
        let text = value.as_str();
        let fits = match name.as_str() {
            "email" => text.is_some_and(is_login),
            "name" => text
                .is_some_and(|name| (1..=255).contains(&name.len()) && !name.contains(['"', '&', '<', '>'])),
            _ => field.kind.check(ctx.env.profile, value).is_ok(),
        };
        if !fits {
            return Err(ApiError::bad_request(format!("{name} has a wrong value")));
        }
    }
    Ok(())
}

/// An email address in the pattern of the schema, or nothing.
fn is_login(email: &str) -> bool {
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

/// The management role, given by name or through the uids of roles.
fn roles(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Result<Option<(Role, Vec<u64>)>, ApiError> {
    if let Some(name) = body.get("role").and_then(Value::as_str) {
        let role =
            Role::parse(name).ok_or_else(|| ApiError::bad_request(format!("There is no role {name}")))?;
        return Ok(Some((role, role.uid().into_iter().collect())));
    }
    let Some(uids) = body.get("role_uids").and_then(Value::as_array) else {
        return Ok(None);
    };
    let uids: Vec<u64> = uids.iter().filter_map(Value::as_u64).collect();
    let role = super::access::strongest(&ctx.cluster.documents, &uids);
    role.map(|role| Some((role, uids)))
        .ok_or_else(|| ApiError::bad_request("role_uids name no role"))
}

fn check_unique(
    ctx: &Ctx<'_>,
    own: Option<UserUid>,
    email: Option<&str>,
    name: Option<&str>,
) -> Result<(), ApiError> {
    for user in ctx
        .cluster
        .accounts
        .users
        .values()
        .filter(|user| Some(user.uid) != own)
    {
        if email.is_some_and(|email| !email.is_empty() && user.email == email) {
            return Err(ApiError::conflict(
                "email_already_exists",
                "There is a user with this email",
            ));
        }
        if name.is_some_and(|name| user.name == name) {
            return Err(ApiError::conflict(
                "name_already_exists",
                "There is a user with this name",
            ));
        }
    }
    Ok(())
}

/// Complexity, if the cluster asks for it.
pub(crate) fn check_password(
    settings: &Map<String, Value>,
    password: &str,
    email: &str,
) -> Result<(), ApiError> {
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

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    if !is_caller(ctx)? || body.keys().any(|key| !OWN.contains(&key.as_str())) {
        require(ctx, UpdateUser)?;
    }
    let mut changed = user(ctx)?.clone();
    check_fields(ctx, &body)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    if body
        .get("uid")
        .is_some_and(|uid| uid.as_u64() != Some(changed.uid.0))
    {
        return Err(ApiError::bad_request("uid cannot be changed"));
    }
    check_unique(ctx, Some(changed.uid), text("email"), text("name"))?;
    changed.email = text("email").map_or(changed.email, str::to_owned);
    changed.name = text("name").map_or(changed.name, str::to_owned);
    if let Some((role, uids)) = roles(ctx, &body)? {
        if changed.role == Role::Admin && role != Role::Admin && ctx.cluster.accounts.admins() == 1 {
            return Err(last_admin());
        }
        (changed.role, changed.role_uids) = (role, uids);
    }
    if let Some(password) = text("password") {
        check_password(&ctx.cluster.settings, password, &changed.email)?;
        changed.set_password(password, false, ctx.env.now);
    }
    set_extra(&mut changed, &body);
    changed.corrupt |= changed.action_uid.is_some() && ctx.env.has(Bug::RacedUserIsCorrupt);
    let reply = Reply::json(shown(ctx, &changed));
    if !ctx.call.dry_run() {
        ctx.cluster.accounts.users.insert(changed.uid, changed);
        ctx.commit();
    }
    Ok(reply)
}

fn last_admin() -> ApiError {
    ApiError::not_acceptable(
        "change_last_admin_role_not_allowed",
        "There must be an administrator",
    )
}

/// Whether the path names the caller.
fn is_caller(ctx: &Ctx<'_>) -> Result<bool, ApiError> {
    let uid: Option<UserUid> = ctx.call.param("uid").ok();
    Ok(uid == Some(actor(ctx)?.0))
}

/// A permission that the front end does not ask for.
///
/// # Errors
/// 403 for a role that lacks it.
fn require(ctx: &Ctx<'_>, permission: Permission) -> Result<(), ApiError> {
    let (_, role) = actor(ctx)?;
    if permission.allows(role, ctx.env.profile, &ctx.env.switches) {
        return Ok(());
    }
    Err(lacking(role))
}

/// Who calls, on a route that asks for a user.
pub(crate) fn actor(ctx: &Ctx<'_>) -> Result<(UserUid, Role), ApiError> {
    match ctx.call.actor {
        Actor::User { uid, role } => Ok((uid, role)),
        Actor::Anonymous => Err(unauthorized()),
    }
}

/// Takes effect a moment after the answer.
fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let doomed = user(ctx)?;
    let uid = doomed.uid;
    if doomed.role == Role::Admin && ctx.cluster.accounts.admins() == 1 {
        return Err(last_admin());
    }
    if doomed.corrupt {
        return Err(ApiError::not_acceptable(
            "user_in_error_state",
            "The user's record is in an error state",
        ));
    }
    if actor(ctx)?.0 == uid {
        return Err(ApiError::forbidden(
            "unauthorized_action",
            "Users cannot delete themselves",
        ));
    }
    let object = format!("user:{uid}");
    let action_uid = ctx
        .cluster
        .machines
        .start(&mut ctx.env.ids, ctx.env.now, "SMDeleteUser", object);
    if let Some(user) = ctx.cluster.accounts.users.get_mut(&uid) {
        user.action_uid = Some(action_uid.clone());
    }
    ctx.env.schedule(LINGERS, Due::UserGone(ctx.cluster.id, uid.0));
    ctx.commit();
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

/// A deleted user disappears, unless a defect keeps what is left of it.
pub(crate) fn gone(cluster: &mut Cluster, env: &Env, uid: u64) {
    let Some(mut user) = cluster.accounts.users.remove(&UserUid(uid)) else {
        return;
    };
    let action_uid = user.action_uid.take().unwrap_or_default();
    let error = user
        .corrupt
        .then(|| "the user's record is in an error state".to_owned());
    cluster.machines.finish(&action_uid, env.now, error);
    cluster.state_id += 1;
    if user.corrupt {
        cluster.accounts.users.insert(user.uid, user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::Switches;

    #[test]
    fn a_user_without_an_email_address_is_made_unless_the_switch_asks_for_one() {
        let body = || json!({"name": "vault-1", "password": "v-Pass-1", "role_uids": [4]});
        let mut sim = Fixture::cluster(1, 1);
        let user = sim.admin(0, "POST", "/v1/users", body());
        assert_eq!((user.status, &user.json["email"]), (200, &json!("")), "{user:?}");
        let nobody = Some(("", "v-Pass-1"));
        let login = sim.send(0, "GET", "/v1/cluster", nobody, Value::Null);
        assert_eq!(login.status, 401, "no address, no login");
        let nameless = json!({"password": "v-Pass-1", "role_uids": [4]});
        assert_eq!(sim.admin(0, "POST", "/v1/users", nameless).status, 400);
        let switches = Switches::default().with(Switch::UserNeedsEmail);
        let mut sim = Fixture::cluster_with(1, 1, switches);
        assert_eq!(sim.admin(0, "POST", "/v1/users", body()).status, 400);
    }

    #[test]
    fn the_first_user_is_the_bootstrap_administrator() {
        let mut sim = Fixture::cluster(1, 1);
        let users = sim.admin(0, "GET", "/v1/users", Value::Null).json;
        for (field, value) in [
            ("uid", json!(1)),
            ("name", json!("Administrator")),
            ("email", json!("admin@example.com")),
            ("role", json!("admin")),
            ("role_uids", json!([1])),
            ("status", json!("active")),
            ("auth_method", json!("regular")),
        ] {
            assert_eq!(users[0][field], value, "{field}");
        }
        assert!(users[0].get("password").is_none());
    }

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

    #[test]
    fn a_deleted_user_can_be_read_for_a_moment() {
        let mut sim = Fixture::cluster(1, 1);
        sim.user("viewer@example.com", "cluster_viewer");
        assert!(sim.admin(0, "DELETE", "/v1/users/2", Value::Null).json["action_uid"].is_string());
        assert_eq!(sim.admin(0, "GET", "/v1/users/2", Value::Null).status, 200);
        sim.pass(2);
        assert_eq!(sim.admin(0, "GET", "/v1/users/2", Value::Null).status, 404);
    }

    #[test]
    fn roles_decide_what_a_user_may_do() {
        let mut sim = Fixture::cluster(1, 1);
        sim.user("viewer@example.com", "cluster_viewer");
        let viewer = Some(("viewer@example.com", "viewer-pass"));
        for (method, path, status) in [
            ("GET", "/v1/nodes", 200),
            ("PUT", "/v1/cluster", 403),
            ("POST", "/v1/nodes/1/actions/remove", 403),
            ("GET", "/v1/users", 403),
            ("PUT", "/v1/users/1", 403),
            ("PUT", "/v1/license", 403),
        ] {
            assert_eq!(
                sim.send(0, method, path, viewer, json!({"email_alerts": true}))
                    .status,
                status,
                "{method} {path}"
            );
        }
        let own = json!({"name": "Viewer"});
        assert_eq!(
            sim.send(0, "PUT", "/v1/users/2", viewer, own).json["name"],
            "Viewer"
        );
        assert_eq!(
            sim.send(0, "PUT", "/v1/users/2", viewer, json!({"role": "admin"}))
                .status,
            403
        );
    }
}

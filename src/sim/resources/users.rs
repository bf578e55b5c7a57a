//! `/v1/users`: accounts of the management plane.

mod body;
mod password;

pub(crate) use body::{is_login, is_name, is_set};
pub(crate) use password::{check_password, new_password};

use super::access::{dry_run, may};
use super::iso;
use crate::sim::auth::{Actor, LoginRules, Role, User, unauthorized};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::events::Told;
use crate::sim::front::lacking;
use crate::sim::ids::UserUid;
use crate::sim::permission::Permission::{
    self, CreateNewUser, DeleteUser, UpdateUser, ViewAllUsersInfo, ViewUserInfo,
};
use crate::sim::route::Route;
use crate::sim::schema::{Phase, shape};
use crate::sim::state::{Cluster, Due, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use body::check_fields;
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
    "password_hash_method",
    "email_alerts",
    "bdbs_email_alerts",
    "cluster_email_alerts",
];
const MAX_USERS: usize = 32_000;

/// How long a deletion takes where it can be seen.
const LINGERS: Duration = Duration::from_secs(1);

fn shown(ctx: &Ctx<'_>, user: &User) -> Map<String, Value> {
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
    if !ctx.env.on(Switch::RbacHidesRole) {
        shown.insert("role".to_owned(), json!(user.role.name()));
    }
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
    shown
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let users = ctx.cluster.accounts.users.values();
    let users = users
        .filter(|user| is_readable(ctx, user))
        .map(|user| Value::Object(shown(ctx, user)));
    Ok(Reply::json(users.collect::<Vec<_>>()))
}

fn user<'a>(ctx: &'a Ctx<'_>) -> Result<&'a User, ApiError> {
    let uid: UserUid = ctx.call.param("uid")?;
    let user = ctx.cluster.accounts.users.get(&uid);
    user.ok_or_else(|| unknown(uid))
}

fn unknown(uid: UserUid) -> ApiError {
    ApiError::not_found(format!("There is no user {uid}")).with_code("user_not_exist")
}

/// Whether a user can be read: not while a defect lets an update meet its deletion.
fn is_readable(ctx: &Ctx<'_>, user: &User) -> bool {
    user.action_uid.is_none() || ctx.env.on(Switch::DeletedUserLingers)
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    if !(is_caller(ctx)? && ctx.env.on(Switch::OwnAccountReadable)) {
        require(ctx, ViewUserInfo)?;
    }
    let user = user(ctx)?;
    if !is_readable(ctx, user) {
        return Err(unknown(user.uid));
    }
    Ok(Reply::json(shown(ctx, user)))
}

fn post(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    check_fields(ctx, Phase::Create, &Map::new(), &body)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let missing = |key: &str| ApiError::bad_request(format!("{key} is missing"));
    let email = match text("email") {
        None if ctx.env.on(Switch::UserNeedsEmail) => return Err(missing("email")),
        email => email.unwrap_or_default(),
    };
    let regular = text("auth_method").is_none_or(|method| method == "regular");
    let password = new_password(&body, "password")?;
    if regular && password.is_none() {
        return Err(missing("password"));
    }
    let name = text("name")
        .or(Some(email).filter(|email| !email.is_empty()))
        .ok_or_else(|| missing("name"))?;
    let (role, role_uids) = roles(ctx, &body)?.ok_or_else(|| missing("role or role_uids"))?;
    check_unique(ctx, None, Some(email), Some(name))?;
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
    let mut user = User::new(uid, email, name, "", role, ctx.env.now);
    user.role_uids = role_uids;
    user.passwords.clear();
    if let Some(password) = password {
        check_password(ctx, &password, &user)?;
        user.passwords.push(password);
    }
    set_extra(&mut user, &body);
    let reply = Reply::json(shown(ctx, &user));
    if !dry_run(ctx) {
        ctx.cluster.accounts.next_uid = ctx.cluster.accounts.next_uid.max(uid.0 + 1);
        ctx.cluster.accounts.users.insert(uid, user);
        ctx.tell(Told::UserCreated, &json!({"user_uid": uid.0}));
        ctx.commit();
    }
    Ok(reply)
}

fn set_extra(user: &mut User, body: &Map<String, Value>) {
    for key in [
        "account_id",
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

/// The management role, given by name or through the uids of roles.
fn roles(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Result<Option<(Role, Vec<u64>)>, ApiError> {
    if let Some(uids) = body.get("role_uids").and_then(Value::as_array) {
        let uids: Vec<u64> = uids.iter().filter_map(Value::as_u64).collect();
        let known = |uid: &u64| ctx.cluster.documents.get("roles", *uid).is_some();
        if let Some(unknown) = uids.iter().find(|uid| !known(uid)) {
            return Err(ApiError::bad_request(format!("There is no role {unknown}")));
        }
        let role = super::access::strongest(&ctx.cluster.documents, &uids).unwrap_or(Role::None);
        return Ok(Some((role, uids)));
    }
    let Some(name) = body.get("role").and_then(Value::as_str) else {
        return Ok(None);
    };
    let role = Role::parse(name).filter(|role| role.is_of(ctx.env.profile));
    let role = role.ok_or_else(|| ApiError::bad_request(format!("There is no role {name}")))?;
    Ok(Some((role, role.uid().into_iter().collect())))
}

/// An email address and a name that no other user has: a new user meets a conflict, an `own` one is not acceptable so.
fn check_unique(
    ctx: &Ctx<'_>,
    own: Option<UserUid>,
    email: Option<&str>,
    name: Option<&str>,
) -> Result<(), ApiError> {
    let taken = |code: &str, text: &str| {
        Err(match own {
            Some(_) => ApiError::not_acceptable(code, text),
            None => ApiError::conflict(code, text),
        })
    };
    let users = ctx.cluster.accounts.users.values();
    for user in users.filter(|user| Some(user.uid) != own) {
        if email.is_some_and(|email| !email.is_empty() && user.email == email) {
            return taken("email_already_exists", "There is a user with this email");
        }
        if name.is_some_and(|name| user.name == name) {
            return taken("name_already_exists", "There is a user with this name");
        }
    }
    Ok(())
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    if !is_caller(ctx)? || body.keys().any(|key| !OWN.contains(&key.as_str())) {
        require(ctx, UpdateUser)?;
    }
    let mut changed = user(ctx)?.clone();
    check_fields(ctx, Phase::Update, &shown(ctx, &changed), &body)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    check_unique(ctx, Some(changed.uid), text("email"), text("name"))?;
    changed.email = text("email").map_or(changed.email, str::to_owned);
    changed.name = text("name").map_or(changed.name, str::to_owned);
    if let Some((role, uids)) = roles(ctx, &body)? {
        if changed.role == Role::Admin && role != Role::Admin && ctx.cluster.accounts.admins() == 1 {
            return Err(last_admin());
        }
        (changed.role, changed.role_uids) = (role, uids);
    }
    if let Some(password) = new_password(&body, "password")? {
        check_password(ctx, &password, &changed)?;
        changed.set_password(password, false, ctx.env.now);
    }
    set_extra(&mut changed, &body);
    changed.corrupt |= changed.action_uid.is_some() && ctx.env.has(Bug::RacedUserIsCorrupt);
    let reply = Reply::json(shown(ctx, &changed));
    if !dry_run(ctx) {
        ctx.tell(Told::UserUpdated, &json!({"user_uid": changed.uid.0}));
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
/// 403 for a caller of whose roles none has it.
fn require(ctx: &Ctx<'_>, permission: Permission) -> Result<(), ApiError> {
    let (_, role) = actor(ctx)?;
    if may(ctx.cluster, ctx.env, &ctx.call.actor, permission) {
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

/// Takes effect at once, or a moment after the answer by a switch or a defect.
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
    let object = format!("user:{uid}");
    let action_uid = ctx
        .cluster
        .machines
        .start(&mut ctx.env.ids, ctx.env.now, "SMDeleteUser", object);
    if let Some(user) = ctx.cluster.accounts.users.get_mut(&uid) {
        user.action_uid = Some(action_uid.clone());
    }
    if ctx.env.on(Switch::DeletedUserLingers) || ctx.env.has(Bug::RacedUserIsCorrupt) {
        ctx.env.schedule(LINGERS, Due::UserGone(ctx.cluster.id, uid.0));
    } else {
        gone(ctx.cluster, ctx.env, uid.0);
    }
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
    } else {
        let details = json!({"user_uid": uid});
        cluster.documents.tell(env.now, Told::UserDeleted, &details);
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
    fn the_name_of_the_role_is_left_out_on_the_other_side() {
        for (switches, role) in [
            (Switches::default(), Some(&json!("admin"))),
            (Switches::default().with(Switch::RbacHidesRole), None),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let user = sim.admin(0, "GET", "/v1/users/1", Value::Null).json;
            assert_eq!((user.get("role"), &user["role_uids"]), (role, &json!([1])));
        }
    }

    #[test]
    fn a_user_that_was_read_can_be_written_back_and_what_is_read_only_stays() {
        for (switches, other) in [
            (Switches::default(), 400),
            (Switches::default().with(Switch::ReadOnlyFieldsIgnored), 200),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let read = sim.admin(0, "GET", "/v1/users/1", Value::Null).json;
            assert!(read["last_login"].is_number() && read["password_issue_date"].is_string());
            sim.pass(60);
            let mut changed = read.clone();
            changed["email_alerts"] = json!(false);
            let written = sim.admin(0, "PUT", "/v1/users/1", changed.clone());
            assert_eq!(written.status, 200, "{written:?}");
            changed["last_login"] = written.json["last_login"].clone();
            assert_eq!(written.json, changed);
            for (field, value) in [
                ("status", json!("locked")),
                ("password_issue_date", json!("2020-01-01T00:00:00Z")),
                ("uid", json!(9)),
            ] {
                let mut body = read.clone();
                body[field] = value;
                let got = sim.admin(0, "PUT", "/v1/users/1", body);
                assert_eq!(got.status, other, "{field}");
            }
            let kept = sim.admin(0, "GET", "/v1/users/1", Value::Null).json;
            assert_eq!((&kept["uid"], &kept["status"]), (&json!(1), &json!("active")));
        }
    }

    #[test]
    fn a_deleted_user_is_gone_at_once_or_can_be_read_for_a_moment() {
        for (switches, status, left) in [
            (Switches::default(), 404, 1),
            (Switches::default().with(Switch::DeletedUserLingers), 200, 2),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            sim.user("viewer@example.com", "cluster_viewer");
            let deleted = sim.admin(0, "DELETE", "/v1/users/2", Value::Null).json;
            assert_eq!(sim.admin(0, "GET", "/v1/users/2", Value::Null).status, status);
            let users = sim.admin(0, "GET", "/v1/users", Value::Null).json;
            assert_eq!(users.as_array().map(Vec::len), Some(left));
            sim.pass(2);
            assert_eq!(sim.admin(0, "GET", "/v1/users/2", Value::Null).status, 404);
            let action = format!("/v1/actions/{}", deleted["action_uid"].as_str().unwrap());
            let ended = sim.admin(0, "GET", &action, Value::Null).json;
            assert_eq!(ended["status"], "completed");
        }
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

    #[test]
    fn roles_by_uid_go_before_the_role_by_name_and_the_strongest_counts() {
        let mut sim = Fixture::cluster(1, 1);
        let body = json!({
            "email": "a@example.com", "name": "a", "password": "p", "role": "none", "role_uids": [5, 2],
        });
        let user = sim.admin(0, "POST", "/v1/users", body).json;
        assert_eq!(
            (&user["role"], &user["role_uids"]),
            (&json!("cluster_member"), &json!([5, 2]))
        );
    }

    #[test]
    fn a_user_may_do_what_any_of_its_roles_may() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        let manager = json!({"name": "People", "management": "user_manager"});
        assert_eq!(sim.admin(0, "POST", "/v1/roles", manager).json["uid"], 7);
        let masked = json!({"authentication_redis_pass": "one"});
        sim.admin(0, "PUT", "/v1/bdbs/1", masked);
        sim.pass(30);
        for (role_uids, users, database, password) in [
            (json!([3]), 403, 403, "***"),
            (json!([4]), 403, 200, "one"),
            (json!([3, 4]), 403, 200, "one"),
            (json!([3, 7]), 200, 403, "one"),
            (json!([3, 4, 7]), 200, 200, "one"),
        ] {
            let body =
                json!({"email": "a@example.com", "name": "a", "password": "p", "role_uids": role_uids});
            let uid = sim.admin(0, "POST", "/v1/users", body).json["uid"].clone();
            let login = Some(("a@example.com", "p"));
            let listed = sim.send(0, "GET", "/v1/users", login, Value::Null);
            assert_eq!(listed.status, users, "{role_uids}");
            let stopped = "/v1/bdbs/1/actions/resume_traffic";
            let resumed = sim.send(0, "POST", stopped, login, json!({}));
            assert_eq!(resumed.status, database, "{role_uids}");
            let shown = sim.send(0, "GET", "/v1/bdbs/1", login, Value::Null).json;
            assert_eq!(shown["authentication_redis_pass"], password, "{role_uids}");
            sim.admin(0, "DELETE", &format!("/v1/users/{uid}"), Value::Null);
            sim.pass(30);
        }
    }

    #[test]
    fn an_administrator_may_go_when_another_stays() {
        let mut sim = Fixture::cluster(1, 1);
        sim.user("second@example.com", "admin");
        assert_eq!(sim.admin(0, "DELETE", "/v1/users/1", Value::Null).status, 200);
        sim.pass(2);
        assert_eq!(sim.admin(0, "GET", "/v1/users", Value::Null).status, 401);
    }
}

//! Tokens (`/v1/users/authorize`, `/v1/users/refresh_jwt`) and what roles may do (`/v1/users/permissions`).

use super::users::actor;
use crate::sim::auth::{Actor, LoginRules, ROLES, Role, unauthorized};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::UserUid;
use crate::sim::permission::{PERMISSIONS, Permission::AnyUser};
use crate::sim::route::Route;
use crate::sim::schema::{request::JWT_AUTHORIZE, shape};
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("POST", "/v1/users/authorize", AnyUser, shape::TOKEN, authorize).anonymous(),
    Route::new("POST", "/v1/users/refresh_jwt", AnyUser, shape::TOKEN, refresh),
    Route::new("GET", "/v1/users/permissions", AnyUser, shape::PERMISSIONS, permissions),
    Route::new("GET", "/v1/users/permissions/{role}", AnyUser, shape::PERMISSIONS, permissions_of),
    Route::new("GET", "/v1/users/role", AnyUser, shape::OWN_ROLE, own_role),
];

/// A token for the caller: by Basic credentials, in 7.4 by the body.
fn authorize(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.body(&JWT_AUTHORIZE)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let user = match (&ctx.call.actor, text("username"), text("password")) {
        (Actor::User { uid, .. }, ..) => *uid,
        (Actor::Anonymous, Some(user), Some(password)) if ctx.env.profile < Profile::V7_8_6 => {
            let rules = LoginRules::of(&ctx.cluster.policy, &ctx.cluster.settings);
            match ctx
                .cluster
                .accounts
                .login(user, password, &rules, &ctx.env.switches, ctx.env.now)?
            {
                Actor::User { uid, .. } => uid,
                Actor::Anonymous => return Err(unauthorized()),
            }
        }
        (Actor::Anonymous, ..) => return Err(unauthorized()),
    };
    token(ctx, user, &body)
}

fn token(ctx: &mut Ctx<'_>, user: UserUid, body: &Map<String, Value>) -> Answer {
    let ttl = body.get("ttl").and_then(Value::as_i64).unwrap_or(300);
    let token = ctx
        .cluster
        .accounts
        .issue_token(&mut ctx.env.ids, user, ttl, ctx.env.now);
    Ok(Reply::json(json!({"access_token": token})))
}

fn refresh(ctx: &mut Ctx<'_>) -> Answer {
    let header = ctx
        .call
        .headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if header.is_none_or(|header| header.to_ascii_lowercase().starts_with("basic ")) {
        return Err(unauthorized());
    }
    let user = actor(ctx)?.0;
    let body = ctx.body(&JWT_AUTHORIZE)?;
    token(ctx, user, &body)
}

fn permissions_for(ctx: &Ctx<'_>, role: Role) -> Value {
    let held = PERMISSIONS
        .iter()
        .filter(|row| row.permission.allows(role, ctx.env.profile, &ctx.env.switches));
    let names: Vec<&str> = held.map(|row| row.name).collect();
    json!({"api_permissions": names, "ui_permissions": []})
}

fn permissions(ctx: &mut Ctx<'_>) -> Answer {
    let all = ROLES
        .iter()
        .filter(|(role, ..)| role.is_of(ctx.env.profile))
        .map(|(role, name, _)| ((*name).to_owned(), permissions_for(ctx, *role)));
    Ok(Reply::json(all.collect::<Map<_, _>>()))
}

fn permissions_of(ctx: &mut Ctx<'_>) -> Answer {
    let name = ctx.call.params.get("role").map_or("", String::as_str);
    let role = Role::parse(name)
        .filter(|role| role.is_of(ctx.env.profile))
        .ok_or_else(|| ApiError::not_found(format!("There is no role {name}")))?;
    Ok(Reply::json(json!({name: permissions_for(ctx, role)})))
}

fn own_role(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(json!({"role": actor(ctx)?.1.name()})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;

    #[test]
    fn a_token_replaces_credentials_until_it_expires() {
        let mut sim = Fixture::cluster(1, 1);
        assert_eq!(
            sim.send(0, "POST", "/v1/users/authorize", None, json!({})).status,
            401
        );
        assert_eq!(
            sim.admin(0, "POST", "/v1/users/authorize", json!({"ttl": 0}))
                .status,
            400
        );
        let token = sim
            .admin(0, "POST", "/v1/users/authorize", json!({"ttl": 60}))
            .json["access_token"]
            .clone();
        let header = [("authorization", format!("JWT {}", token.as_str().unwrap()))];
        assert_eq!(sim.raw(0, "GET", "/v1/cluster", &header, Value::Null).status, 200);
        let second = sim
            .raw(0, "POST", "/v1/users/refresh_jwt", &header, Value::Null)
            .json["access_token"]
            .clone();
        assert_ne!(second, token);
        assert_eq!(
            sim.admin(0, "POST", "/v1/users/refresh_jwt", Value::Null).status,
            401
        );
        sim.pass(61);
        assert_eq!(sim.raw(0, "GET", "/v1/cluster", &header, Value::Null).status, 401);
        let mut old = Fixture::cluster_of(Profile::V7_4_6, 1);
        let body = json!({"username": "admin@example.com", "password": "secret"});
        assert!(old.send(0, "POST", "/v1/users/authorize", None, body).json["access_token"].is_string());
    }
}

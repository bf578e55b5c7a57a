//! Tokens (`/v1/users/authorize`, `/v1/users/refresh_jwt`) and what roles may do (`/v1/users/permissions`).

use super::users::actor;
use crate::sim::auth::{Actor, LoginRules, ROLES, Role, unauthorized};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::front::lacking;
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

/// A token for the caller: by Basic credentials, in 7.4 by name and password in the body.
fn authorize(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.body(&JWT_AUTHORIZE)?;
    if ctx.env.profile >= Profile::V7_8_6 {
        let user = actor(ctx)?.0;
        return token(ctx, user, &body);
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let (Some(user), Some(password)) = (text("username"), text("password")) else {
        return Err(ApiError::bad_request("username and password are needed"));
    };
    let rules = LoginRules::of(&ctx.cluster.policy, &ctx.cluster.settings);
    let accounts = &mut ctx.cluster.accounts;
    match accounts.login(user, password, &rules, &ctx.env.switches, ctx.env.now)? {
        Actor::User { role, .. } if !AnyUser.allows(role, ctx.env.profile, &ctx.env.switches) => {
            Err(lacking(role))
        }
        Actor::User { uid, .. } => token(ctx, uid, &body),
        Actor::Anonymous => Err(unauthorized()),
    }
}

fn token(ctx: &mut Ctx<'_>, user: UserUid, body: &Map<String, Value>) -> Answer {
    let ttl = body.get("ttl").and_then(Value::as_i64).unwrap_or(300);
    let token = ctx
        .cluster
        .accounts
        .issue_token(&mut ctx.env.ids, user, ttl, ctx.env.now);
    Ok(Reply::json(json!({"access_token": token})))
}

/// Another token for a token, as long as the password has not expired.
fn refresh(ctx: &mut Ctx<'_>) -> Answer {
    let header = ctx
        .call
        .headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if header.is_none_or(|header| header.to_ascii_lowercase().starts_with("basic ")) {
        return Err(unauthorized());
    }
    let uid = actor(ctx)?.0;
    let rules = LoginRules::of(&ctx.cluster.policy, &ctx.cluster.settings);
    let user = ctx.cluster.accounts.users.get(&uid);
    if user.is_none_or(|user| user.is_expired(&rules, ctx.env.now)) {
        return Err(unauthorized());
    }
    let body = ctx.body(&JWT_AUTHORIZE)?;
    token(ctx, uid, &body)
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
    }

    #[test]
    fn version_7_4_takes_name_and_password_in_the_body_and_later_ones_in_the_header() {
        let named = |password: &str| json!({"username": "admin@example.com", "password": password});
        for (profile, body, header, status) in [
            (Profile::V7_4_6, named("secret"), false, 200),
            (Profile::V7_4_6, named("wrong"), false, 401),
            (Profile::V7_4_6, json!({}), true, 400),
            (Profile::V7_8_6, named("secret"), false, 401),
            (Profile::V7_8_6, Value::Null, true, 200),
            (Profile::V8_2_0, json!({"ttl": 86_400}), true, 200),
            (Profile::V8_2_0, json!({"ttl": 86_401}), true, 400),
            (Profile::V8_2_0, json!({"ttl": "300"}), true, 400),
            (Profile::V8_2_0, json!({"minutes": 5}), true, 400),
        ] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let login = header.then_some(("admin@example.com", "secret"));
            let got = sim.send(0, "POST", "/v1/users/authorize", login, body.clone());
            assert_eq!(got.status, status, "{profile} {body}");
            assert_eq!(
                got.json["access_token"].is_string(),
                status == 200,
                "{profile} {body}"
            );
        }
    }

    #[test]
    fn a_bad_token_is_401_whatever_it_is_called() {
        let mut sim = Fixture::cluster(1, 1);
        let token = sim.admin(0, "POST", "/v1/users/authorize", json!({})).json["access_token"].clone();
        let token = token.as_str().unwrap();
        for (header, status) in [
            (format!("JWT {token}"), 200),
            (format!("Bearer {token}"), 200),
            (format!("bearer {token}"), 200),
            (format!("Token {token}"), 401),
            (token.to_owned(), 401),
            (format!("JWT {token}x"), 401),
            ("JWT".to_owned(), 401),
            ("JWT a.b.c".to_owned(), 401),
        ] {
            let header = [("authorization", header)];
            let got = sim.raw(0, "GET", "/v1/cluster", &header, Value::Null);
            assert_eq!(got.status, status, "{header:?}");
        }
    }

    #[test]
    fn a_token_cannot_be_refreshed_once_the_password_has_expired() {
        let mut sim = Fixture::cluster(1, 1);
        sim.pass(86_400);
        let token = sim.admin(0, "POST", "/v1/users/authorize", json!({})).json["access_token"].clone();
        let header = [("authorization", format!("JWT {}", token.as_str().unwrap()))];
        let refresh = |sim: &mut Fixture| {
            sim.raw(0, "POST", "/v1/users/refresh_jwt", &header, Value::Null)
                .status
        };
        assert_eq!(refresh(&mut sim), 200);
        let expire = json!({"password_expiration_duration": 1});
        assert_eq!(sim.admin(0, "PUT", "/v1/cluster", expire).status, 200);
        assert_eq!(refresh(&mut sim), 401);
    }

    #[test]
    fn a_token_still_opens_where_basic_authentication_is_off() {
        let mut sim = Fixture::cluster(1, 1);
        let token = sim.admin(0, "POST", "/v1/users/authorize", json!({})).json["access_token"].clone();
        let header = [("authorization", format!("Bearer {}", token.as_str().unwrap()))];
        let off = json!({"control_plane_basic_authentication": false});
        assert_eq!(sim.admin(0, "PUT", "/v1/cluster", off).status, 200);
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 401);
        assert_eq!(sim.admin(0, "POST", "/v1/users/authorize", json!({})).status, 401);
        let on = json!({"control_plane_basic_authentication": true});
        assert_eq!(sim.raw(0, "PUT", "/v1/cluster", &header, on).status, 200);
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 200);
    }
}

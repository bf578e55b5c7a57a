//! Passwords of a database's default user: `/v1/bdbs/{uid}/passwords`. Several hold at once, for rotation without an outage.

use super::bdbs::existing;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::BdbUid;
use crate::sim::permission::Permission;
use crate::sim::route::Route;
use crate::sim::schema::{request::BDB_PASSWORD, shape};
use crate::sim::switch::Switch;
use serde_json::{Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("PUT", "/v1/bdbs/{uid}/passwords", Permission::UpdateBdb, shape::NOTHING, replace),
    Route::new("POST", "/v1/bdbs/{uid}/passwords", Permission::UpdateBdb, shape::NOTHING, add),
    Route::new("DELETE", "/v1/bdbs/{uid}/passwords", Permission::UpdateBdb, shape::NOTHING, remove),
];

/// The new password is the only one.
fn replace(ctx: &mut Ctx<'_>) -> Answer {
    let (uid, password) = asked(ctx)?;
    change(ctx, uid, |passwords| *passwords = vec![password]);
    Ok(Reply::empty())
}

/// The new password holds beside the others. Adding one that is there already changes nothing.
fn add(ctx: &mut Ctx<'_>) -> Answer {
    let (uid, password) = asked(ctx)?;
    let known = ctx
        .cluster
        .databases
        .get(uid)
        .map(|database| database.passwords.clone())
        .unwrap_or_default();
    if ctx.env.on(Switch::NoPasswordOverlap) && !known.is_empty() {
        return Err(ApiError::not_acceptable(
            "invalid_param",
            "password rotation is not available for the default user",
        ));
    }
    if !known.contains(&password) {
        change(ctx, uid, |passwords| passwords.push(password));
    }
    Ok(Reply::empty())
}

fn remove(ctx: &mut Ctx<'_>) -> Answer {
    let (uid, password) = asked(ctx)?;
    let known = ctx
        .cluster
        .databases
        .get(uid)
        .map(|database| database.passwords.clone())
        .unwrap_or_default();
    if !known.contains(&password) {
        return Err(ApiError::not_acceptable(
            "invalid_param",
            "the database has no such password",
        ));
    }
    if known.len() == 1 {
        return Err(ApiError::not_acceptable(
            "cannot_delete_last_password",
            "the last password cannot be deleted",
        ));
    }
    change(ctx, uid, |passwords| passwords.retain(|own| *own != password));
    Ok(Reply::empty())
}

fn asked(ctx: &Ctx<'_>) -> Result<(BdbUid, String), ApiError> {
    let uid = existing(ctx)?;
    let wrong = |text: String| ApiError::not_acceptable("invalid_param", text);
    let body = ctx
        .body(&BDB_PASSWORD)
        .map_err(|error| wrong(error.description))?;
    match body.get("password").and_then(Value::as_str) {
        Some(password) if !password.is_empty() => Ok((uid, password.to_owned())),
        _ => Err(wrong("password: text is wanted".to_owned())),
    }
}

fn change(ctx: &mut Ctx<'_>, uid: BdbUid, change: impl FnOnce(&mut Vec<String>)) {
    let now = ctx.env.now;
    let follows = !ctx.env.on(Switch::RedisPassIsStale);
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        change(&mut database.passwords);
        database.touch(now);
        let shown = database.text("authentication_redis_pass");
        if follows && !database.passwords.iter().any(|password| password == shown) {
            let first = database.passwords.first().cloned().unwrap_or_default();
            database
                .set
                .insert("authentication_redis_pass".to_owned(), json!(first));
        }
    }
    ctx.commit();
}

#[cfg(test)]
mod tests {
    use crate::sim::switch::Switch;
    use crate::sim::testbed::Bed;
    use serde_json::{Value, json};

    fn with_password(mut bed: Bed) -> Bed {
        let body = json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2", "authentication_redis_pass": "one"});
        assert_eq!(bed.database(body), 1);
        bed
    }

    fn passwords(bed: &Bed) -> Vec<String> {
        let cluster = bed.world.clusters.values().next().unwrap();
        cluster.databases.iter().next().unwrap().passwords.clone()
    }

    fn password(text: &str) -> Value {
        json!({"password": text})
    }

    #[test]
    fn passwords_rotate_with_an_overlap() {
        let mut bed = with_password(Bed::new());
        bed.ok("POST", "/v1/bdbs/1/passwords", password("two"));
        assert_eq!(passwords(&bed), ["one", "two"]);
        bed.ok("DELETE", "/v1/bdbs/1/passwords", password("one"));
        assert_eq!(passwords(&bed), ["two"]);
        assert_eq!(
            bed.ok("GET", "/v1/bdbs/1", Value::Null)["authentication_redis_pass"],
            "two"
        );
    }

    #[test]
    fn a_put_leaves_one_password() {
        let mut bed = with_password(Bed::new());
        bed.ok("POST", "/v1/bdbs/1/passwords", password("two"));
        bed.ok("PUT", "/v1/bdbs/1/passwords", password("three"));
        assert_eq!(passwords(&bed), ["three"]);
    }

    #[test]
    fn wrong_calls_are_refused() {
        let mut bed = with_password(Bed::new());
        assert_eq!(
            bed.refused("DELETE", "/v1/bdbs/1/passwords", password("two")).0,
            406
        );
        assert_eq!(
            bed.refused("DELETE", "/v1/bdbs/1/passwords", password("one")).0,
            406
        );
        assert_eq!(bed.refused("PUT", "/v1/bdbs/1/passwords", json!({})).0, 406);
        assert_eq!(bed.refused("PUT", "/v1/bdbs/9/passwords", password("x")).0, 404);
    }

    #[test]
    fn the_switches_turn_overlap_and_reflection_off() {
        let mut bed = with_password(Bed::switched(Switch::NoPasswordOverlap));
        assert_eq!(
            bed.refused("POST", "/v1/bdbs/1/passwords", password("two")).0,
            406
        );
        let mut bed = with_password(Bed::switched(Switch::RedisPassIsStale));
        bed.ok("PUT", "/v1/bdbs/1/passwords", password("two"));
        assert_eq!(
            bed.ok("GET", "/v1/bdbs/1", Value::Null)["authentication_redis_pass"],
            "one"
        );
    }
}

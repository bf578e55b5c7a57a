//! Databases: `/v1/bdbs`, `/v2/bdbs` and what happens to them when nodes come and go.

pub(crate) mod actions;
mod audit;
mod backups;
mod blueprint;
mod by_policy;
mod change;
mod locations;
mod machine;
mod module_settings;
mod nodes;
mod planned;
pub(crate) mod recovery;
mod render;
mod store;
pub(crate) mod tags;
pub(crate) mod upgrade;
mod validate;

pub(crate) use backups::{backup_due, of_shard};
pub(crate) use machine::{machine_due, operate};
pub(crate) use nodes::{
    Evacuation, arrived, evacuable, evacuate, evacuate_next, moved, node_found, node_lost, replica_ha,
    restore, saving,
};
pub(crate) use recovery::{lose_data, recover_automatically, recovery_waits};
pub(crate) use store::{Change, Database, Databases, Status, bind, rules};

use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::BdbUid;
use crate::sim::permission::Permission;
use crate::sim::resources::modules::meant;
use crate::sim::route::Route;
use crate::sim::schema::{self, Rows, Table, request::IMPORT, shape};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use http::StatusCode;
use render::View;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/bdbs", Permission::ViewAllBdbsInfo, shape::BDBS, list),
    Route::new("POST", "/v1/bdbs", Permission::CreateBdb, shape::BDB, change::create),
    Route::new("POST", "/v2/bdbs", Permission::CreateBdb, shape::BDB, change::create_v2).presumed(),
    Route::new("GET", "/v1/bdbs/{uid}", Permission::ViewBdbInfo, shape::BDB, one),
    Route::new("PUT", "/v1/bdbs/{uid}", Permission::UpdateBdb, shape::BDB, change::update),
    Route::new("PUT", "/v2/bdbs/{uid}", Permission::UpdateBdb, shape::BDB, change::update_v2).presumed(),
    Route::new("PUT", "/v1/bdbs/{uid}/flush", Permission::UpdateBdbWithAction, shape::BDB, change::flush),
    Route::new("PUT", "/v1/bdbs/{uid}/reset_admin_pass", Permission::UpdateBdbWithAction, shape::BDB, change::reset_admin_password),
    Route::new("DELETE", "/v1/bdbs/{uid}", Permission::DeleteBdb, shape::BDB_OR_NOTHING, delete),
    Route::new("POST", "/v1/bdbs/{uid}/actions/import", Permission::StartBdbImport, shape::NOTHING, import),
    Route::new("PUT", "/v1/bdbs/{uid}/actions/import_reset_status", Permission::ResetBdbCurrentImportStatus, shape::NOTHING, import_reset_status),
    Route::new("POST", "/v1/bdbs/{uid}/actions/stop_traffic", Permission::UpdateBdbWithAction, shape::ACTION_UID, stop_traffic).since(Profile::V7_8_6),
    Route::new("POST", "/v1/bdbs/{uid}/actions/resume_traffic", Permission::UpdateBdbWithAction, shape::ACTION_UID, resume_traffic).since(Profile::V7_8_6),
];

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let view = view(ctx);
    let defaults = render::defaults(ctx.env);
    let scope = super::access::scope(ctx);
    let internals = ctx.cluster.policy.get("show_internals") == Some(&Value::Bool(true));
    let visible = ctx
        .cluster
        .databases
        .iter()
        .filter(|database| internals || !database.flag("internal"))
        .filter(|database| scope.has(database.uid));
    let objects = visible.map(|database| render::fields(ctx.cluster, ctx.env, database, &defaults, &view));
    let written = Rows::write(&schema::bdb::TABLE, ctx.env.profile, objects);
    let internal = |error: serde_json::Error| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            error.to_string(),
        )
    };
    Ok(Reply::written(written.map_err(internal)?))
}

fn one(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let view = view(ctx);
    Ok(Reply::json(shown(ctx, uid, &view)))
}

/// 200 at once; the database is gone when its machine has ended.
fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid);
    if database.is_some_and(|database| database.flag("internal")) {
        return Err(ApiError::forbidden(
            "forbidden",
            "an internal database cannot be deleted",
        ));
    }
    if !database.is_some_and(|database| matches!(database.status, Status::Active | Status::CreationFailed)) {
        let mut error = busy(uid);
        if ctx.env.on(Switch::DeleteBusy406) {
            error.status = http::StatusCode::NOT_ACCEPTABLE;
        }
        return Err(error);
    }
    let length = ctx.env.timings.bdb_delete;
    machine::start(ctx.cluster, ctx.env, uid, Change::Delete, length);
    ctx.commit();
    if ctx.env.on(Switch::BdbDeleteAnswersNothing) {
        return Ok(Reply::empty());
    }
    let view = View::of(ctx.cluster, ctx.env, &ctx.call.actor);
    Ok(Reply::json(shown(ctx, uid, &view)))
}

/// The body may only say where from; without one the sources of last time are used.
fn import(ctx: &mut Ctx<'_>) -> Answer {
    let uid = savable(ctx)?;
    let mut body = only(ctx, &IMPORT)?;
    let Some(database) = ctx.cluster.databases.get_mut(uid) else {
        return Err(missing(uid));
    };
    let sources = body.remove("dataset_import_sources");
    let sources = sources.or_else(|| database.set.get("dataset_import_sources").cloned());
    let sources = sources.unwrap_or_default();
    locations::check_sources(ctx.env.profile, &sources)?;
    database.set.insert("dataset_import_sources".to_owned(), sources);
    database
        .set
        .insert("import_status".to_owned(), json!("importing"));
    database.set.insert("import_progress".to_owned(), json!(0.0));
    let length = ctx.env.timings.bdb_update;
    machine::start(ctx.cluster, ctx.env, uid, Change::Import, length);
    ctx.commit();
    Ok(Reply::empty())
}

/// The body of an export or an import: anything else in it is 406.
fn only(ctx: &Ctx<'_>, table: &Table) -> Result<Map<String, Value>, ApiError> {
    let body = ctx.call.object()?;
    let fits = schema::closed(table, ctx.env.profile, &body);
    fits.map_err(|error| ApiError::not_acceptable("invalid_param", error.description))?;
    Ok(body)
}

fn import_reset_status(ctx: &mut Ctx<'_>) -> Answer {
    let uid = savable(ctx)?;
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        database.set.insert("import_status".to_owned(), json!("idle"));
        database.set.remove("import_failure_reason");
    }
    ctx.commit();
    Ok(Reply::empty())
}

fn stop_traffic(ctx: &mut Ctx<'_>) -> Answer {
    set_traffic(ctx, true)
}

fn resume_traffic(ctx: &mut Ctx<'_>) -> Answer {
    set_traffic(ctx, false)
}

fn set_traffic(ctx: &mut Ctx<'_>, stopped: bool) -> Answer {
    let uid = settled(ctx)?;
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        database
            .set
            .insert("traffic_manually_disabled".to_owned(), json!(stopped));
    }
    let action_uid = settle(ctx, uid, Duration::ZERO);
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

/// Lets a database be `active-change-pending` for the time of an update and `extra`; gives the `action_uid`.
pub(crate) fn settle(ctx: &mut Ctx<'_>, uid: BdbUid, extra: Duration) -> String {
    let length = ctx.env.timings.bdb_update + extra;
    let action_uid = machine::start(ctx.cluster, ctx.env, uid, Change::Settle, length);
    ctx.commit();
    action_uid
}

/// The database that the path names.
///
/// # Errors
/// 404.
pub(crate) fn existing(ctx: &Ctx<'_>) -> Result<BdbUid, ApiError> {
    let unknown = |error: ApiError| error.with_code("db_not_exist");
    let uid: BdbUid = ctx.call.param("uid").map_err(unknown)?;
    if ctx.cluster.databases.contains(uid) && super::access::scope(ctx).has(uid) {
        Ok(uid)
    } else {
        Err(missing(uid))
    }
}

/// The database that the path names, if nothing is going on with it.
///
/// # Errors
/// 404, 409.
pub(crate) fn settled(ctx: &Ctx<'_>) -> Result<BdbUid, ApiError> {
    let uid = existing(ctx)?;
    let active = ctx
        .cluster
        .databases
        .get(uid)
        .is_some_and(|database| database.status == Status::Active);
    if active { Ok(uid) } else { Err(busy(uid)) }
}

/// The database that the path names, if nothing is going on with it and every module of it can be saved and restored.
///
/// # Errors
/// 404, 406, 409.
fn savable(ctx: &Ctx<'_>) -> Result<BdbUid, ApiError> {
    let uid = settled(ctx)?;
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    let entries = database.set.get("module_list").and_then(Value::as_array);
    let redis_version = database.text("redis_version");
    let mut modules = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| meant(ctx.cluster, ctx.env.profile, entry, redis_version));
    match modules.find(|module| !module.can("backup_restore")) {
        Some(module) => Err(ApiError::not_acceptable(
            "unsupported_module_capabilities",
            format!("{} lacks backup_restore", module.name),
        )),
        None => Ok(uid),
    }
}

fn missing(uid: BdbUid) -> ApiError {
    ApiError::not_found(format!("database {uid} does not exist")).with_code("db_not_exist")
}

fn busy(uid: BdbUid) -> ApiError {
    ApiError::conflict(
        "busy",
        format!("database {uid} is busy with another change; try again later"),
    )
}

/// An expired licence stops every change of a database.
fn licensed(ctx: &Ctx<'_>) -> Result<(), ApiError> {
    if ctx.cluster.license.expired(ctx.env.now) {
        return Err(ApiError::forbidden("license_expired", "the license has expired"));
    }
    Ok(())
}

/// The request's `cluster-state-id`, if it has one, must be the present one.
fn precondition(ctx: &Ctx<'_>) -> Result<(), ApiError> {
    let Some(wanted) = ctx.call.headers.get("cluster-state-id") else {
        return Ok(());
    };
    let wanted = wanted.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    let Some(wanted) = wanted else {
        return Err(ApiError::bad_request("cluster-state-id is not a number"));
    };
    if wanted == ctx.cluster.state_id {
        return Ok(());
    }
    let text = format!("cluster-state-id is {}, not {wanted}", ctx.cluster.state_id);
    Err(if ctx.env.on(Switch::StateIdMismatch406) {
        ApiError::not_acceptable("wrong_cluster_state_id", text)
    } else {
        ApiError::conflict("wrong_cluster_state_id", text)
    })
}

fn view(ctx: &Ctx<'_>) -> View {
    let named = ctx.call.query.get("fields").filter(|fields| !fields.is_empty());
    View {
        fields: named.map(|fields| fields.split(',').map(|field| field.trim().to_owned()).collect()),
        extended: ctx.call.flag("extended"),
        ..View::of(ctx.cluster, ctx.env, &ctx.call.actor)
    }
}

fn shown(ctx: &Ctx<'_>, uid: BdbUid, view: &View) -> Value {
    let defaults = render::defaults(ctx.env);
    let database = ctx.cluster.databases.get(uid);
    database.map_or(Value::Null, |database| {
        render::object(ctx.cluster, ctx.env, database, &defaults, view)
    })
}

#[cfg(test)]
mod states;
#[cfg(test)]
mod tests;

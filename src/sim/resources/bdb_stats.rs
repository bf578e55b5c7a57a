//! Last statistics of databases: `/v1/bdbs/stats/last`. Every value is a fraction on the wire.

use super::bdbs::{Status, existing};
use super::iso;
use crate::sim::auth::Permission;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::BdbUid;
use crate::sim::route::Route;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

/// Routes of this family.
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/bdbs/stats/last", Permission::View, all),
    Route::new("GET", "/v1/bdbs/stats/last/{uid}", Permission::View, one),
];

/// What a shard without data takes.
const EMPTY_SHARD_BYTES: u64 = 2 << 20;

fn all(ctx: &mut Ctx<'_>) -> Answer {
    let uids: Vec<BdbUid> = ctx
        .cluster
        .databases
        .iter()
        .map(|database| database.uid)
        .collect();
    let last: Map<String, Value> = uids
        .into_iter()
        .map(|uid| (uid.to_string(), last(ctx, uid)))
        .collect();
    Ok(Reply::json(last))
}

fn one(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    match ctx.cluster.databases.get(uid).map(|database| database.status) {
        Some(Status::Pending | Status::CreationFailed) => Err(ApiError::not_acceptable(
            "db_not_active",
            format!("database {uid} is not active"),
        )),
        _ => Ok(Reply::json(json!({uid.to_string(): last(ctx, uid)}))),
    }
}

/// The metrics that `metrics` names, or all.
fn last(ctx: &Ctx<'_>, uid: BdbUid) -> Value {
    let shards = u64::try_from(ctx.cluster.databases.shards.of(uid).count()).unwrap_or_default();
    let data = ctx
        .cluster
        .databases
        .get(uid)
        .map_or(0, |database| database.data_bytes);
    #[expect(
        clippy::cast_precision_loss,
        reason = "captures show all statistics as floats"
    )]
    let used_memory = (shards * EMPTY_SHARD_BYTES + data) as f64;
    let metrics = [
        ("used_memory", used_memory),
        ("no_of_keys", 0.0),
        ("conns", 0.0),
        ("total_req", 0.0),
    ];
    let wanted = ctx.call.query.get("metrics").filter(|names| !names.is_empty());
    let wanted = |name: &str| wanted.is_none_or(|names| names.split(',').any(|other| other == name));
    let mut shown: Map<String, Value> = metrics
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    shown.insert("interval".to_owned(), json!("1sec"));
    shown.insert(
        "stime".to_owned(),
        json!(iso(ctx.env.now - SignedDuration::from_secs(1))),
    );
    shown.insert("etime".to_owned(), json!(iso(ctx.env.now)));
    Value::Object(shown)
}

//! Shards: `/v1/shards`, failover and migration.

use super::access::scope;
use super::bdbs::{self, Database, Status, existing, settle};
use super::shard_info;
use super::{iso, texts};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::{BdbUid, NodeUid, ShardUid};
use crate::sim::permission::Permission;
use crate::sim::placement::{Move, NoRoom, Role, Shard, Shards};
use crate::sim::route::Route;
use crate::sim::schema::{
    action::{FAILOVER, MIGRATE},
    shape,
};
use crate::sim::version::Profile;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Display;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/shards", Permission::ViewAllBdbsInfo, shape::SHARDS, list).presumed(),
    Route::new("GET", "/v1/shards/{uid}", Permission::ViewBdbInfo, shape::SHARD, one).presumed(),
    Route::new("GET", "/v1/bdbs/{uid}/shards", Permission::ViewBdbInfo, shape::SHARDS, of_database).presumed(),
    Route::new("POST", "/v1/shards/{uid}/actions/failover", Permission::FailoverShard, shape::SHARD_ACTION, failover).since(Profile::V7_8_6),
    Route::new("POST", "/v1/shards/actions/failover", Permission::FailoverShard, shape::SHARD_ACTION, failover).since(Profile::V7_8_6),
    Route::new("POST", "/v1/shards/{uid}/actions/migrate", Permission::MigrateShard, shape::SHARD_ACTION, migrate),
    Route::new("POST", "/v1/shards/actions/migrate", Permission::MigrateShard, shape::SHARD_ACTION, migrate),
];

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let scope = scope(ctx);
    let shards = ctx.cluster.databases.shards.iter();
    let all: Vec<Value> = shards
        .filter(|shard| scope.has(shard.bdb))
        .map(|shard| shown(ctx, shard))
        .collect();
    Ok(Reply::json(all))
}

/// The shard, if the caller may see its database.
fn existing_shard<'a>(ctx: &'a Ctx<'_>, uid: ShardUid) -> Result<&'a Shard, ApiError> {
    let shard = ctx.cluster.databases.shards.get(uid);
    shard
        .filter(|shard| scope(ctx).has(shard.bdb))
        .ok_or_else(|| missing(uid))
}

fn one(ctx: &mut Ctx<'_>) -> Answer {
    let uid: ShardUid = ctx.call.param("uid")?;
    Ok(Reply::json(shown(ctx, existing_shard(ctx, uid)?)))
}

fn of_database(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let all: Vec<Value> = ctx
        .cluster
        .databases
        .shards
        .of(uid)
        .map(|shard| shown(ctx, shard))
        .collect();
    Ok(Reply::json(all))
}

/// The object. Its own uid and its node's are strings here, its database's is a number.
fn shown(ctx: &Ctx<'_>, shard: &Shard) -> Value {
    let mut object = json!({
        "uid": shard.uid.to_string(),
        "bdb_uid": shard.bdb.0,
        "node_uid": shard.node.to_string(),
        "role": shard.role.as_str(),
        "assigned_slots": shard.assigned_slots(),
        "status": shard.status(),
        "detailed_status": if shard.up { "ok" } else { "down" },
        "loading": {"status": "idle"},
        "redis_info": shard_info::asked(ctx, shard),
        "report_timestamp": iso(ctx.env.now),
    });
    if let Some(map) = object.as_object_mut() {
        if shard.role == Role::Slave {
            map.insert(
                "sync".to_owned(),
                json!({"status": if shard.up { "idle" } else { "link_down" }, "progress": 0}),
            );
        }
        let database = ctx.cluster.databases.get(shard.bdb);
        let backup = database
            .filter(|_| shard.role == Role::Master)
            .and_then(bdbs::of_shard);
        map.extend(backup.map(|backup| ("backup".to_owned(), backup)));
        if let Some(database) = database.filter(|_| shard.flash) {
            map.insert("bigstore_ram_weight".to_owned(), ram_weight(database, shard.uid));
        }
        map.insert("actual_role".to_owned(), json!(shard.role.as_str()));
        map.insert("marked_for_removal".to_owned(), json!(false));
    }
    object
}

/// What its database says of the shard's part of the memory; all have the same if it says nothing.
fn ram_weight(database: &Database, uid: ShardUid) -> Value {
    let weights = database.set.get("bigstore_ram_weights").and_then(Value::as_array);
    let own = |one: &&Value| one.get("shard_uid") == Some(&json!(uid.0));
    let own = weights.and_then(|weights| weights.iter().find(own)?.get("weight"));
    own.cloned().unwrap_or(json!(1.0))
}

/// Masters of one database change places with their replicas, as far as those are not on nodes that count as dead.
fn failover(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    let shards = named(ctx, &body)?;
    let body = ctx.body(&FAILOVER)?;
    let database = led(&shards)?;
    for dead in texts(&body, "dead_uids").chain(text(&body, "dead_uid")) {
        existing_shard(ctx, dead.parse().map_err(|_| missing(dead))?)?;
    }
    let version = promoted_version(ctx, database, &body)?;
    idle(ctx, &database.into_iter().collect())?;
    let dead = dead_nodes(ctx, &body)?;
    let mut trial = ctx.cluster.databases.shards.clone();
    let turned = shards
        .iter()
        .flat_map(|shard| trial.failover_avoiding(shard.uid, &dead));
    let turned: Vec<Move> = turned.collect();
    if turned.is_empty() {
        return Err(refused(
            "invalid_param",
            "none of the shards has a replica that is up, on a node that may be used",
        ));
    }
    if flag(&body, "dry_run") {
        return Ok(Reply::json(json!({"description": "Failover was validated"})));
    }
    for promoted in turned.iter().filter(|turned| turned.role == Role::Master) {
        trial.set_version(promoted.shard, version);
    }
    ctx.cluster.databases.shards = trial;
    let reply = finish(ctx, &shards, "failover", u64::MAX, "Failover was triggered");
    if flag(&body, "force_rebind") {
        // Without a listener anywhere the endpoint stays where it is.
        let _ = database.map(|bdb| bdbs::bind(ctx.cluster, ctx.env, bdb));
    }
    reply
}

/// The nodes that are to be left alone.
fn dead_nodes(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Result<Vec<NodeUid>, ApiError> {
    let node = |text: &str| {
        let uid = text.parse().ok();
        let known = uid.filter(|uid| ctx.cluster.members.contains_key(uid));
        known.ok_or_else(|| absent(text))
    };
    texts(body, "dead_nodes").map(node).collect()
}

/// The database whose masters these shards are.
fn led(shards: &[Shard]) -> Result<Option<BdbUid>, ApiError> {
    let database = shards.first().map(|shard| shard.bdb);
    if shards.iter().any(|shard| Some(shard.bdb) != database) {
        return Err(refused(
            "failover_shards_different_bdb",
            "the shards belong to different databases",
        ));
    }
    match shards.iter().find(|shard| shard.role == Role::Slave) {
        Some(slave) => Err(refused(
            "shard_is_slave",
            format!("shard {} is a replica", slave.uid),
        )),
        None => Ok(database),
    }
}

/// The version that promoted shards shall run: one that the cluster has, and none from before their database's.
fn promoted_version(
    ctx: &Ctx<'_>,
    database: Option<BdbUid>,
    body: &Map<String, Value>,
) -> Result<Option<&'static str>, ApiError> {
    let Some(wanted) = text(body, "redis_version_upgrade") else {
        return Ok(None);
    };
    let database = database.and_then(|bdb| ctx.cluster.databases.get(bdb));
    let current = database.map_or("", |database| database.text("redis_version"));
    let versions = ctx.env.profile.database_versions().iter();
    let mut newer = versions.filter(|(short, _)| *short >= current);
    let found = newer.find(|(short, full)| *short == wanted || *full == wanted);
    found.map(|(_, full)| Some(*full)).ok_or_else(|| {
        refused(
            "invalid_version",
            format!("the cluster has no version {wanted} that is newer"),
        )
    })
}

/// Shards move to a node, those that are not there yet. An unreplicated one is away meanwhile; the replica of a master takes
/// over, for good unless roles are to be preserved.
fn migrate(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    let shards = named(ctx, &body)?;
    let body = ctx.body(&MIGRATE)?;
    let target = body.get("target_node_uid").and_then(Value::as_u64).map(NodeUid);
    let target = target.ok_or_else(|| {
        ApiError::not_found("target_node_uid: an integer is wanted").with_code("missing_field")
    })?;
    if !ctx.cluster.members.contains_key(&target) {
        return Err(absent(target));
    }
    let databases: BTreeSet<BdbUid> = shards.iter().map(|shard| shard.bdb).collect();
    idle(ctx, &databases)?;
    let (there, shards): (Vec<Shard>, Vec<Shard>) =
        shards.into_iter().partition(|shard| shard.node == target);
    let mut trial = ctx.cluster.databases.shards.clone();
    let mut moves = Vec::new();
    for shard in &shards {
        let step = send(ctx, &mut trial, shard, target, &body).map_err(|_| {
            refused(
                "insufficient_resources",
                format!("shard {} cannot live on node {target}", shard.uid),
            )
        })?;
        moves.extend(step);
    }
    if flag(&body, "dry_run") {
        return Ok(Reply::json(json!({"description": "Migrate was validated"})));
    }
    if shards.is_empty() {
        return Ok(done(ctx, &there, "Migrate was triggered"));
    }
    ctx.cluster.databases.shards = trial;
    bdbs::moved(ctx.cluster, ctx.env, &moves);
    let at_once = body.get("max_concurrent_bdb_migrations").and_then(Value::as_u64);
    let at_once = at_once.unwrap_or(u64::MAX);
    finish(ctx, &shards, "migrate", at_once, "Migrate was triggered")
}

/// Moves one shard in `trial`, after a failover if it is a master whose replica can take over.
fn send(
    ctx: &Ctx<'_>,
    trial: &mut Shards,
    shard: &Shard,
    target: NodeUid,
    body: &Map<String, Value>,
) -> Result<Option<Move>, NoRoom> {
    let set = ctx
        .cluster
        .databases
        .get(shard.bdb)
        .map(|database| database.set.clone())
        .unwrap_or_default();
    let mut rules = bdbs::rules(ctx.cluster, &set);
    rules.rack_aware &= !flag(body, "override_rack_policy");
    let turned = trial.failover(shard.uid);
    let step = trial.migrate(shard.uid, target, &ctx.cluster.hosts(ctx.env), &rules)?;
    if flag(body, "preserve_roles") {
        for promoted in turned.iter().filter(|turned| turned.role == Role::Master) {
            trial.failover(promoted.shard);
        }
    }
    Ok(step)
}

/// The shards that the path or `shard_uids` names.
fn named(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Result<Vec<Shard>, ApiError> {
    let uids: Vec<ShardUid> = if ctx.call.params.contains_key("uid") {
        vec![ctx.call.param("uid")?]
    } else {
        texts(body, "shard_uids")
            .map(|uid| uid.parse().map_err(|_| missing(uid)))
            .collect::<Result<_, _>>()?
    };
    if uids.is_empty() {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "shard_uids_required",
            "shard_uids: a list of texts is wanted",
        ));
    }
    uids.into_iter()
        .map(|uid| existing_shard(ctx, uid).cloned())
        .collect()
}

fn idle(ctx: &Ctx<'_>, databases: &BTreeSet<BdbUid>) -> Result<(), ApiError> {
    let busy = |bdb: &&BdbUid| {
        ctx.cluster
            .databases
            .get(**bdb)
            .is_none_or(|database| database.status != Status::Active)
    };
    match databases.iter().find(busy) {
        Some(bdb) => Err(ApiError::conflict(
            "db_busy",
            format!("database {bdb} is busy with another change"),
        )),
        None => Ok(()),
    }
}

/// Lets the databases of the shards be busy: so many `at_once`, the others after them.
fn finish(ctx: &mut Ctx<'_>, shards: &[Shard], op: &'static str, at_once: u64, description: &str) -> Answer {
    let databases: BTreeSet<BdbUid> = shards.iter().map(|shard| shard.bdb).collect();
    let mut action_uid = String::new();
    for (place, bdb) in (0_u64..).zip(databases) {
        let turn = u32::try_from(place / at_once.max(1) + 1).unwrap_or(u32::MAX);
        let extra = ctx.env.timings.shard_move.saturating_mul(turn);
        action_uid = settle(ctx, bdb, extra);
        let own = shards.iter().filter(|shard| shard.bdb == bdb);
        let operations: Vec<_> = own.map(|shard| (shard.uid, op)).collect();
        bdbs::operate(ctx.cluster, ctx.env, &action_uid, &operations);
    }
    Ok(Reply::json(
        json!({"action_uid": action_uid, "description": description}),
    ))
}

/// The answer when there is nothing to do: an action that is over, and no database is busy.
fn done(ctx: &mut Ctx<'_>, shards: &[Shard], description: &str) -> Reply {
    let object = shards.first().map(|shard| format!("bdb:{}", shard.bdb));
    let (ids, now) = (&mut ctx.env.ids, ctx.env.now);
    let machines = &mut ctx.cluster.machines;
    let action_uid = machines.start(ids, now, "SMUpdateBDB", object.unwrap_or_default());
    machines.finish(&action_uid, now, None);
    Reply::json(json!({"action_uid": action_uid, "description": description}))
}

fn flag(body: &Map<String, Value>, key: &str) -> bool {
    body.get(key) == Some(&Value::Bool(true))
}

fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str)
}

fn missing(uid: impl Display) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "shard_not_exist",
        format!("shard {uid} does not exist"),
    )
}

fn absent(node: impl Display) -> ApiError {
    ApiError::not_found(format!("node {node} does not exist"))
}

fn refused(code: &str, why: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, why)
}

#[cfg(test)]
mod tests;

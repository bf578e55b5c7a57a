//! Shards: `/v1/shards`, failover and migration.

use super::access::scope;
use super::bdbs::{self, Status, existing, settle};
use super::shard_info;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::{BdbUid, NodeUid, ShardUid};
use crate::sim::permission::Permission;
use crate::sim::placement::{Role, Shard};
use crate::sim::route::Route;
use crate::sim::schema::{
    action::{FAILOVER, MIGRATE},
    shape,
};
use crate::sim::version::Profile;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

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
        "report_timestamp": ctx.env.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    if let Some(map) = object.as_object_mut() {
        if shard.role == Role::Slave {
            map.insert(
                "sync".to_owned(),
                json!({"status": if shard.up { "idle" } else { "link_down" }, "progress": 0}),
            );
        }
        map.insert("actual_role".to_owned(), json!(shard.role.as_str()));
        map.insert("marked_for_removal".to_owned(), json!(false));
    }
    object
}

/// Masters of one database change places with their replicas.
fn failover(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    let shards = named(ctx, &body)?;
    let body = ctx.body(&FAILOVER)?;
    let databases: BTreeSet<BdbUid> = shards.iter().map(|shard| shard.bdb).collect();
    if databases.len() > 1 {
        return Err(refused(
            "failover_shards_different_bdb",
            "the shards belong to different databases",
        ));
    }
    if let Some(slave) = shards.iter().find(|shard| shard.role == Role::Slave) {
        return Err(refused(
            "shard_is_slave",
            format!("shard {} is a replica", slave.uid),
        ));
    }
    idle(ctx, &databases)?;
    if dry_run(&body) {
        return Ok(Reply::json(json!({"description": "Failover was validated"})));
    }
    let mut turned = 0;
    for shard in &shards {
        turned += ctx.cluster.databases.shards.failover(shard.uid).len();
    }
    if turned == 0 {
        return Err(refused(
            "invalid_param",
            "none of the shards has a replica that is up",
        ));
    }
    finish(ctx, &shards, "failover", "Failover was triggered")
}

/// Shards move to a node. An unreplicated one is away meanwhile.
fn migrate(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    let shards = named(ctx, &body)?;
    let body = ctx.body(&MIGRATE)?;
    let target = body.get("target_node_uid").and_then(Value::as_u64).map(NodeUid);
    let target = target.ok_or_else(|| refused("invalid_param", "target_node_uid: an integer is wanted"))?;
    if !ctx.cluster.members.contains_key(&target) {
        return Err(ApiError::not_found(format!("node {target} does not exist")));
    }
    let databases: BTreeSet<BdbUid> = shards.iter().map(|shard| shard.bdb).collect();
    idle(ctx, &databases)?;
    let hosts = ctx.cluster.hosts(ctx.env);
    let mut trial = ctx.cluster.databases.shards.clone();
    let mut moves = Vec::new();
    for shard in &shards {
        let set = ctx
            .cluster
            .databases
            .get(shard.bdb)
            .map(|database| database.set.clone())
            .unwrap_or_default();
        let mut rules = bdbs::rules(ctx.cluster, &set);
        rules.rack_aware &= body.get("override_rack_policy") != Some(&Value::Bool(true));
        let step = trial.migrate(shard.uid, target, &hosts, &rules).map_err(|_| {
            refused(
                "insufficient_resources",
                format!("shard {} cannot live on node {target}", shard.uid),
            )
        })?;
        moves.extend(step);
    }
    if dry_run(&body) {
        return Ok(Reply::json(json!({"description": "Migrate was validated"})));
    }
    ctx.cluster.databases.shards = trial;
    bdbs::moved(ctx.cluster, ctx.env, &moves);
    finish(ctx, &shards, "migrate", "Migrate was triggered")
}

/// The shards that the path or `shard_uids` names.
fn named(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Result<Vec<Shard>, ApiError> {
    let uids: Vec<ShardUid> = if ctx.call.params.contains_key("uid") {
        vec![ctx.call.param("uid")?]
    } else {
        let uids = body
            .get("shard_uids")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        uids.filter_map(|uid| uid.as_str().and_then(|uid| uid.parse().ok()))
            .collect()
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

fn finish(ctx: &mut Ctx<'_>, shards: &[Shard], op: &'static str, description: &str) -> Answer {
    let databases: BTreeSet<BdbUid> = shards.iter().map(|shard| shard.bdb).collect();
    let extra = ctx.env.timings.shard_move;
    let mut action_uid = String::new();
    for bdb in databases {
        action_uid = settle(ctx, bdb, extra);
        let own = shards.iter().filter(|shard| shard.bdb == bdb);
        let operations: Vec<_> = own.map(|shard| (shard.uid, op)).collect();
        bdbs::operate(ctx.cluster, ctx.env, &action_uid, &operations);
    }
    Ok(Reply::json(
        json!({"action_uid": action_uid, "description": description}),
    ))
}

fn dry_run(body: &Map<String, Value>) -> bool {
    body.get("dry_run") == Some(&Value::Bool(true))
}

fn missing(uid: ShardUid) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "shard_not_exist",
        format!("shard {uid} does not exist"),
    )
}

fn refused(code: &str, why: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, why)
}

#[cfg(test)]
mod tests {
    use crate::sim::testbed::Bed;
    use serde_json::{Value, json};

    fn replicated() -> Bed {
        let mut bed = Bed::new();
        let body = json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2", "replication": true});
        assert_eq!(bed.database(body), 1);
        bed
    }

    /// (uid, node, role) of every shard.
    fn shards(bed: &mut Bed) -> Vec<(String, String, String)> {
        let listed = bed.ok("GET", "/v1/shards", Value::Null);
        let text = |shard: &Value, field: &str| shard[field].as_str().unwrap().to_owned();
        let seen = |shard: &Value| (text(shard, "uid"), text(shard, "node_uid"), text(shard, "role"));
        listed.as_array().unwrap().iter().map(seen).collect()
    }

    #[test]
    fn a_failover_turns_master_and_replica() {
        let mut bed = replicated();
        let before = shards(&mut bed);
        let answer = bed.ok(
            "POST",
            "/v1/shards/actions/failover",
            json!({"shard_uids": ["1"]}),
        );
        assert_eq!(answer["description"], "Failover was triggered");
        assert_eq!(
            bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"],
            "active-change-pending"
        );
        assert_eq!(
            bed.refused("POST", "/v1/shards/2/actions/failover", json!({})),
            (409, "db_busy".to_owned())
        );
        bed.pass(30);
        let after = shards(&mut bed);
        assert_eq!(
            (&before[0].2, &after[0].2, &after[1].2),
            (&"master".into(), &"slave".into(), &"master".into())
        );
    }

    #[test]
    fn a_shard_migrates_to_a_node_without_its_counterpart() {
        let mut bed = replicated();
        let nodes: Vec<u64> = shards(&mut bed)
            .iter()
            .map(|shard| shard.1.parse().unwrap())
            .collect();
        let free = (1..=3).find(|node| !nodes.contains(node)).unwrap();
        let taken = json!({"target_node_uid": nodes[1]});
        assert_eq!(
            bed.refused("POST", "/v1/shards/1/actions/migrate", taken).1,
            "insufficient_resources"
        );
        bed.ok(
            "POST",
            "/v1/shards/1/actions/migrate",
            json!({"target_node_uid": free}),
        );
        assert_eq!(shards(&mut bed)[0].1, free.to_string());
    }

    #[test]
    fn wrong_calls_get_their_own_codes() {
        let mut bed = replicated();
        bed.database(json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2"}));
        for (path, body, status, code) in [
            (
                "/v1/shards/actions/failover",
                json!({}),
                404,
                "shard_uids_required",
            ),
            (
                "/v1/shards/actions/failover",
                json!({"shard_uids": ["9"]}),
                404,
                "shard_not_exist",
            ),
            (
                "/v1/shards/actions/failover",
                json!({"shard_uids": ["2"]}),
                400,
                "shard_is_slave",
            ),
            (
                "/v1/shards/actions/failover",
                json!({"shard_uids": ["1", "3"]}),
                400,
                "failover_shards_different_bdb",
            ),
            ("/v1/shards/1/actions/migrate", json!({}), 400, "invalid_param"),
            (
                "/v1/shards/1/actions/migrate",
                json!({"target_node_uid": 9}),
                404,
                "not_found",
            ),
        ] {
            assert_eq!(
                bed.refused("POST", path, body.clone()),
                (status, code.to_owned()),
                "{path} {body}"
            );
        }
        assert_eq!(
            bed.refused("GET", "/v1/shards/9", Value::Null),
            (404, "shard_not_exist".to_owned())
        );
    }
}

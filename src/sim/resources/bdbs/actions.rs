//! `/v1/bdbs/{uid}/actions/*` beyond import and traffic: export, placement, and the calls that reset a status.

use super::locations::check_location;
use super::machine;
use super::store::{Change, Database, demand, rules};
use super::validate;
use super::{blueprint, change, existing, missing, moved, only, savable, settle, settled};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::BdbUid;
use crate::sim::permission::Permission::{
    ResetBdbCurrentBackupStatus, ResetBdbCurrentExportStatus, StartBdbExport, UpdateBdbWithAction,
    ViewBdbInfo,
};
use crate::sim::placement::{Move, Shard};
use crate::sim::route::Route;
use crate::sim::schema::request::{COMMAND, EXPORT, REVAMP};
use crate::sim::schema::{Ignored, Phase, accept, find, shape};
use crate::sim::switch::Switch;
use crate::sim::version::Profile::{V7_8_6, V7_22_2};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("POST", "/v1/bdbs/{uid}/actions/export", StartBdbExport, shape::NOTHING, export),
    Route::new("PUT", "/v1/bdbs/{uid}/actions/export_reset_status", ResetBdbCurrentExportStatus, shape::NOTHING, export_reset_status),
    Route::new("PUT", "/v1/bdbs/{uid}/actions/backup_reset_status", ResetBdbCurrentBackupStatus, shape::NOTHING, backup_reset_status),
    Route::new("PUT", "/v1/bdbs/{uid}/actions/rebalance", UpdateBdbWithAction, shape::PLAN_OR_ACTION_UID, rebalance).instead(Switch::RebalanceByViewers, ViewBdbInfo).since(V7_8_6),
    Route::new("PUT", "/v1/bdbs/{uid}/actions/revamp", UpdateBdbWithAction, shape::PLAN_OR_ACTION_UID, revamp).since(V7_22_2),
    Route::new("GET", "/v1/bdbs/{uid}/actions/optimize_shards_placement", ViewBdbInfo, shape::BLUEPRINT, optimize),
    Route::new("GET", "/v1/bdbs/{uid}/syncer_state", ViewBdbInfo, shape::SYNCER_STATE, syncer_state),
    Route::new("GET", "/v1/bdbs/{uid}/syncer_state/crdt", ViewBdbInfo, shape::SYNCER_STATE, syncer_state),
    Route::new("GET", "/v1/bdbs/{uid}/syncer_state/replica", ViewBdbInfo, shape::SYNCER_STATE, syncer_state),
    Route::new("POST", "/v1/bdbs/{uid}/command", UpdateBdbWithAction, shape::RESPONSE, command).presumed(),
];

fn export(ctx: &mut Ctx<'_>) -> Answer {
    let uid = savable(ctx)?;
    let body = only(ctx, &EXPORT)?;
    check_location(
        "export_location",
        body.get("export_location").unwrap_or(&Value::Null),
    )?;
    set(ctx, uid, "export_status", json!("exporting"));
    set(ctx, uid, "export_progress", json!(0.0));
    let length = ctx.env.timings.bdb_update;
    machine::start(ctx.cluster, ctx.env, uid, Change::Export, length);
    ctx.commit();
    Ok(Reply::empty())
}

fn set(ctx: &mut Ctx<'_>, uid: BdbUid, field: &str, value: Value) {
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        database.set.insert(field.to_owned(), value);
    }
}

fn export_reset_status(ctx: &mut Ctx<'_>) -> Answer {
    reset(ctx, "export")
}

fn backup_reset_status(ctx: &mut Ctx<'_>) -> Answer {
    reset(ctx, "backup")
}

/// A status says `idle` again, unless its work is under way.
fn reset(ctx: &mut Ctx<'_>, what: &str) -> Answer {
    let uid = savable(ctx)?;
    let status = format!("{what}_status");
    let database = ctx.cluster.databases.get(uid);
    if database.is_some_and(|database| database.text(&status) != "exporting") {
        set(ctx, uid, &status, json!("idle"));
    }
    set(ctx, uid, &format!("{what}_failure_reason"), json!(""));
    ctx.commit();
    Ok(Reply::empty())
}

/// Where the shards would be if the database were created now, with these changes.
fn optimum(ctx: &Ctx<'_>, uid: BdbUid, changes: &Map<String, Value>) -> Result<Value, ApiError> {
    let Some(database) = ctx.cluster.databases.get(uid) else {
        return Err(missing(uid));
    };
    let mut wanted = database.set.clone();
    wanted.extend(changes.clone());
    let hosts = ctx.cluster.hosts(ctx.env);
    let mut trial = ctx.cluster.databases.shards.clone();
    trial.remove(uid);
    trial
        .shape(uid, &hosts, &rules(ctx.cluster, &wanted), demand(&wanted))
        .map_err(|no_room| validate::no_room(Phase::Update, no_room))?;
    Ok(layout(trial.of(uid)))
}

/// Shards in the form of a blueprint.
fn layout<'a>(shards: impl Iterator<Item = &'a Shard>) -> Value {
    let mut shards: Vec<&Shard> = shards.collect();
    shards.sort_by_key(|shard| (shard.slots.0, shard.role));
    let mut parts: Vec<Value> = Vec::new();
    let mut last = None;
    for shard in shards {
        let node = json!({"node_uid": shard.node.to_string(), "role": shard.role.as_str()});
        if last == Some(shard.slots)
            && let Some(Value::Array(nodes)) = parts.last_mut().and_then(|part| part.get_mut("nodes"))
        {
            nodes.push(node);
            continue;
        }
        last = Some(shard.slots);
        parts.push(json!({"slot_range": format!("{}-{}", shard.slots.0, shard.slots.1), "nodes": [node]}));
    }
    Value::Array(parts)
}

/// Moves the shards to where they would be placed today, or only lets masters and replicas change places.
fn rebalance(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let only_failovers = ctx.call.flag("only_failovers");
    let most = match ctx.call.query.get("max_operations") {
        None => None,
        Some(text) => Some(
            text.parse::<u64>()
                .map_err(|_| ApiError::bad_request("max_operations: a number is wanted"))?,
        ),
    };
    let uid = settled(ctx).map(|_| uid)?;
    if only_failovers {
        return rebalance_roles(ctx, uid, most);
    }
    let wanted = optimum(ctx, uid, &Map::new())?;
    if ctx.call.dry_run() {
        return Ok(Reply::json(wanted));
    }
    let moved = place(ctx, uid, &wanted)?;
    let action_uid = settle(ctx, uid, moved);
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

/// Failovers without any migration: at most one for each master, or as many as the caller allows.
fn rebalance_roles(ctx: &mut Ctx<'_>, uid: BdbUid, most: Option<u64>) -> Answer {
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    let strategy = rules(ctx.cluster, &database.set).strategy;
    let most = most.unwrap_or(database.demand().masters.into());
    let mut trial = ctx.cluster.databases.shards.clone();
    let turned = trial.balance(uid, strategy, most);
    if ctx.call.dry_run() {
        return Ok(Reply::json(layout(trial.of(uid))));
    }
    ctx.cluster.databases.shards = trial;
    let length = ctx.env.timings.shard_move * u32::try_from(turned.len()).unwrap_or(0);
    let action_uid = settle(ctx, uid, length);
    let operations: Vec<_> = turned.into_iter().map(|shard| (shard, "failover")).collect();
    machine::operate(ctx.cluster, ctx.env, &action_uid, &operations);
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

/// Puts the shards where a blueprint says, and gives how long that takes.
fn place(ctx: &mut Ctx<'_>, uid: BdbUid, wanted: &Value) -> Result<Duration, ApiError> {
    let demand = ctx
        .cluster
        .databases
        .get(uid)
        .map(Database::demand)
        .ok_or_else(|| missing(uid))?;
    let before = ctx.cluster.databases.shards.layout();
    blueprint::apply(ctx.cluster, uid, demand, wanted)?;
    let step = |shard: &Shard| {
        let (from, _) = before.get(&shard.uid)?;
        (*from != shard.node).then_some(Move {
            shard: shard.uid,
            bdb: uid,
            from: *from,
            to: shard.node,
            role: shard.role,
        })
    };
    let moves: Vec<Move> = ctx.cluster.databases.shards.of(uid).filter_map(step).collect();
    moved(ctx.cluster, ctx.env, &moves);
    Ok(ctx.env.timings.shard_move * u32::try_from(moves.len()).unwrap_or(0))
}

/// An update of what decides the placement, followed by the placement.
fn revamp(ctx: &mut Ctx<'_>) -> Answer {
    let uid = settled(ctx)?;
    let (profile, ignored) = (ctx.env.profile, Ignored::by(ctx.env));
    let body = ctx.call.object()?;
    let body = accept(REVAMP.fields, profile, Phase::Update, ignored, &Map::new(), &body)?;
    let blueprint = optimum(ctx, uid, &body)?;
    change::update_from(ctx, &body, true)?;
    if ctx.call.dry_run() {
        return Ok(Reply::json(blueprint));
    }
    place(ctx, uid, &blueprint)?;
    let action_uid = ctx
        .cluster
        .databases
        .get(uid)
        .map(|database| database.action_uid.clone());
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

/// The same question by query, without any effect.
fn optimize(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let mut changes = Map::new();
    for (key, text) in &ctx.call.query {
        let Some(field) = find(REVAMP.fields, ctx.env.profile, key) else {
            continue;
        };
        let value = asked(key, text);
        field
            .kind
            .check(ctx.env.profile, &value)
            .map_err(|wanted| ApiError::bad_request(format!("{key}: {text} is not {wanted}")))?;
        changes.insert(key.clone(), value);
    }
    Ok(Reply::json(optimum(ctx, uid, &changes)?))
}

/// What a query says of a field; text that says nothing stays text.
fn asked(key: &str, text: &str) -> Value {
    match (key, text) {
        ("avoid_nodes", _) => json!(text.split(',').collect::<Vec<_>>()),
        ("replication", "enabled") => json!(true),
        ("replication", "disabled") => json!(false),
        ("replication" | "shards_placement", _) => json!(text),
        _ => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}

/// Only a database that replicates another has a syncer.
fn syncer_state(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    let sources = database
        .set
        .get("replica_sources")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    if sources == 0 || ctx.call.path.ends_with("/crdt") {
        return Err(ApiError::not_found(format!("database {uid} has no syncer")));
    }
    Ok(Reply::json(
        json!({"DB": uid.0, "RunID": database.created.as_second()}),
    ))
}

/// A Redis command. What the simulator can answer without data is answered.
fn command(ctx: &mut Ctx<'_>) -> Answer {
    settled(ctx)?;
    let body = ctx.body(&COMMAND)?;
    let name = body.get("command").and_then(Value::as_str).unwrap_or_default();
    let response = match name.to_ascii_uppercase().as_str() {
        "PING" => json!(true),
        "DBSIZE" => json!(0),
        "" => return Err(ApiError::bad_request("command is missing")),
        other => {
            let text = format!("the simulator does not run {other}; connect to the database instead");
            return Err(ApiError::not_acceptable("command_not_supported", text));
        }
    };
    Ok(Reply::json(json!({"response": response})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::Switches;

    #[test]
    fn an_export_can_be_followed_and_its_status_reset() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        let path = |suffix: &str| format!("/v1/bdbs/1/actions/{suffix}");
        for (location, status) in [
            (json!({"type": "moon"}), 406),
            (json!({"type": "s3", "bucket_name": "b"}), 406),
            (json!({"type": "abs", "container": "c", "account_name": "a"}), 406),
            (
                json!({"type": "abs", "container": "c", "account_name": "a", "account_key": "k", "sas_token": "t"}),
                406,
            ),
            (json!({"type": "mount_point", "path": "/backup"}), 200),
        ] {
            let reply = sim.admin(0, "POST", &path("export"), json!({"export_location": location}));
            assert_eq!(reply.status, status, "{location}");
        }
        let status =
            |sim: &mut Fixture| sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json["export_status"].clone();
        assert_eq!(status(&mut sim), "exporting");
        let again = json!({"export_location": {"type": "mount_point", "path": "/backup"}});
        assert_eq!(sim.admin(0, "POST", &path("export"), again).status, 409);
        sim.pass(60);
        assert_eq!(status(&mut sim), "succeeded");
        assert_eq!(
            sim.admin(0, "PUT", &path("export_reset_status"), Value::Null)
                .status,
            200
        );
        assert_eq!(status(&mut sim), "idle");
    }

    #[test]
    fn a_revamp_refuses_what_an_update_does() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        for (body, status, code) in [
            (json!({"shards_count": 0}), 406, "insufficient_resources"),
            (json!({"shards_placement": "foo"}), 406, "invalid_param"),
            (json!({"shards_placement": 1}), 400, "invalid_schema"),
            (json!({"max_connections": 1}), 400, "invalid_schema"),
        ] {
            let got = sim.admin(0, "PUT", "/v1/bdbs/1/actions/revamp", body.clone());
            assert_eq!((got.status, got.code()), (status, code), "{body}");
        }
    }

    #[test]
    fn viewers_may_rebalance_on_the_other_side_of_a_doubt() {
        for (switches, status) in [
            (Switches::default(), 403),
            (Switches::default().with(Switch::RebalanceByViewers), 200),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            sim.database(None);
            sim.user("viewer@example.com", "db_viewer");
            let viewer = Some(("viewer@example.com", "viewer-pass"));
            let path = "/v1/bdbs/1/actions/rebalance?dry_run";
            let got = sim.send(0, "PUT", path, viewer, Value::Null);
            assert_eq!(got.status, status, "{got:?}");
            assert_eq!(sim.admin(0, "PUT", path, Value::Null).status, 200);
        }
    }

    #[test]
    fn a_rebalance_moves_shards_to_nodes_that_came_later() {
        let mut sim = Fixture::cluster(1, 2);
        let body = json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "sharding": true, "shards_count": 2,
            "shard_key_regex": [{"regex": "(?<tag>.*)"}], "shards_placement": "sparse",
        });
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
        sim.pass(60);
        let join = sim.join_body(1);
        assert_eq!(sim.bootstrap_error(1, join), "");
        let nodes = |blueprint: &Value| {
            let parts = blueprint.as_array().unwrap();
            parts
                .iter()
                .map(|part| part["nodes"][0]["node_uid"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let plan = sim
            .admin(0, "PUT", "/v1/bdbs/1/actions/rebalance?dry_run", Value::Null)
            .json;
        let mut planned = nodes(&plan);
        planned.sort();
        assert_eq!(planned, ["1", "2"]);
        let started = sim.admin(0, "PUT", "/v1/bdbs/1/actions/rebalance", Value::Null);
        assert!(started.status == 200 && started.json["action_uid"].is_string());
        sim.pass(60);
        let shards = sim.admin(0, "GET", "/v1/shards", Value::Null).json;
        assert_ne!(shards[0]["node_uid"], shards[1]["node_uid"]);
    }

    #[test]
    fn a_rebalance_by_failovers_alone_moves_nothing_and_turns_no_more_than_it_may() {
        let mut sim = Fixture::cluster(2, 2);
        let body = json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "sharding": true, "shards_count": 2,
            "shard_key_regex": [{"regex": "(?<tag>.*)"}], "shards_placement": "dense", "replication": true,
        });
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
        sim.pass(60);
        let sparse = json!({"shards_placement": "sparse"});
        assert_eq!(sim.admin(0, "PUT", "/v1/bdbs/1", sparse).status, 200);
        sim.pass(60);
        let shards = |sim: &mut Fixture, field: &str| {
            let all = sim.admin(0, "GET", "/v1/shards", Value::Null).json;
            let all = all.as_array().unwrap();
            all.iter().map(|shard| shard[field].clone()).collect::<Vec<_>>()
        };
        let (nodes, roles) = (shards(&mut sim, "node_uid"), shards(&mut sim, "role"));
        let path = "/v1/bdbs/1/actions/rebalance?only_failovers=true";
        for (query, status) in [("&max_operations=0", 200), ("&max_operations=-1", 400)] {
            let reply = sim.admin(0, "PUT", &format!("{path}{query}"), Value::Null);
            assert_eq!(reply.status, status, "{query}");
            sim.pass(60);
            assert_eq!(shards(&mut sim, "role"), roles, "{query}");
        }
        let plan = sim
            .admin(0, "PUT", &format!("{path}&dry_run=true"), Value::Null)
            .json;
        let masters: Vec<&Value> = plan
            .as_array()
            .unwrap()
            .iter()
            .map(|part| &part["nodes"][0]["node_uid"])
            .collect();
        assert_ne!(masters[0], masters[1], "{plan}");
        assert_eq!(shards(&mut sim, "role"), roles);
        assert_eq!(sim.admin(0, "PUT", path, Value::Null).status, 200);
        sim.pass(60);
        assert_ne!(shards(&mut sim, "role"), roles);
        assert_eq!(shards(&mut sim, "node_uid"), nodes);
    }

    #[test]
    fn a_revamp_changes_the_shape_and_keeps_off_nodes() {
        let mut sim = Fixture::cluster(3, 3);
        sim.database(None);
        let path = "/v1/bdbs/1/actions/revamp";
        assert_eq!(sim.admin(0, "PUT", path, json!({"name": "x"})).status, 400);
        let started = sim.admin(0, "PUT", path, json!({"replication": true, "avoid_nodes": ["1"]}));
        assert_eq!(started.status, 200, "{started:?}");
        sim.pass(60);
        let shards = sim.admin(0, "GET", "/v1/shards", Value::Null).json;
        let nodes: Vec<_> = shards
            .as_array()
            .unwrap()
            .iter()
            .map(|shard| shard["node_uid"].clone())
            .collect();
        assert!(nodes.len() == 2 && !nodes.contains(&json!("1")), "{nodes:?}");
        let plan = sim.admin(
            0,
            "GET",
            "/v1/bdbs/1/actions/optimize_shards_placement?shards_count=1",
            Value::Null,
        );
        assert_eq!((plan.status, plan.json.as_array().map(Vec::len)), (200, Some(1)));
    }

    #[test]
    fn a_layout_is_asked_for_by_a_query_in_words_of_its_own() {
        let mut sim = Fixture::cluster(3, 3);
        sim.database(None);
        let path = "/v1/bdbs/1/actions/optimize_shards_placement";
        for (query, shards) in [
            ("replication=enabled", 2),
            ("replication=disabled", 1),
            (
                "replication=enabled&avoid_nodes=1&shards_placement=sparse&memory_size=268435456",
                2,
            ),
        ] {
            let plan = sim.admin(0, "GET", &format!("{path}?{query}"), Value::Null).json;
            assert_eq!(plan[0]["nodes"].as_array().map(Vec::len), Some(shards), "{query}");
        }
        for query in [
            "replication=true",
            "shards_placement=foo",
            "shards_count=0",
            "shards_count=513",
            "shards_count=two",
            "memory_size=-1",
            "bigstore_ram_size=much",
        ] {
            let status = sim
                .admin(0, "GET", &format!("{path}?{query}"), Value::Null)
                .status;
            assert_eq!(status, 400, "{query}");
        }
    }

    #[test]
    fn calls_about_what_a_database_does_not_have_say_so() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        for (method, path, body, status) in [
            ("GET", "/v1/bdbs/1/syncer_state", Value::Null, 404),
            ("GET", "/v1/bdbs/1/syncer_state/replica", Value::Null, 404),
            ("POST", "/v1/bdbs/1/actions/recover", json!({}), 409),
            ("GET", "/v1/bdbs/1/actions/recover", Value::Null, 200),
            (
                "POST",
                "/v1/bdbs/1/command",
                json!({"command": "PING", "args": []}),
                200,
            ),
            ("POST", "/v1/bdbs/1/command", json!({"command": "KEYS"}), 406),
            (
                "PUT",
                "/v1/bdbs/1/actions/rebalance?max_operations=x",
                Value::Null,
                400,
            ),
            (
                "PUT",
                "/v1/bdbs/1/actions/rebalance?only_failovers=maybe",
                Value::Null,
                400,
            ),
        ] {
            assert_eq!(sim.admin(0, method, path, body).status, status, "{method} {path}");
        }
    }
}

//! Statistics of the cluster, nodes, databases, shards and endpoints. Every figure follows from the present state of the
//! world, is never random, and is a fraction on the wire; what traffic would move is zero, as there is none.

mod asked;
mod figures;

pub(crate) use figures::{EMPTY_SHARD_BYTES, shard_bytes};

use self::asked::Asked;
use super::access::scope;
use super::bdbs::{Database, Status, existing};
use super::nodes;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::{BdbUid, ShardUid};
use crate::sim::permission::Permission::{
    ViewAllBdbStats, ViewAllNodesStats, ViewAllShardStats, ViewBdbStats, ViewClusterStats, ViewEndpointStats,
    ViewNodeStats, ViewShardStats,
};
use crate::sim::placement::Shard;
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::state::{Member, MemberStatus};
use crate::sim::switch::Switch;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/stats", ViewClusterStats, shape::CLUSTER_STATS, cluster),
    Route::new("GET", "/v1/cluster/stats/last", ViewClusterStats, shape::CLUSTER_STATS_LAST, cluster_last),
    Route::new("GET", "/v1/nodes/stats", ViewAllNodesStats, shape::NODES_STATS, all_nodes),
    Route::new("GET", "/v1/nodes/stats/{uid}", ViewNodeStats, shape::NODE_STATS, one_node),
    Route::new("GET", "/v1/nodes/stats/last", ViewAllNodesStats, shape::NODE_STATS_LAST, all_nodes_last),
    Route::new("GET", "/v1/nodes/stats/last/{uid}", ViewNodeStats, shape::NODE_STATS_LAST, one_node_last),
    Route::new("GET", "/v1/bdbs/stats", ViewAllBdbStats, shape::BDBS_STATS, all_bdbs),
    Route::new("GET", "/v1/bdbs/stats/{uid}", ViewBdbStats, shape::BDB_STATS, one_bdb),
    Route::new("GET", "/v1/bdbs/stats/last", ViewAllBdbStats, shape::BDB_STATS_LAST, all_bdbs_last),
    Route::new("GET", "/v1/bdbs/stats/last/{uid}", ViewBdbStats, shape::BDB_STATS_LAST, one_bdb_last),
    Route::new("GET", "/v1/shards/stats", ViewAllShardStats, shape::SHARDS_STATS, all_shards),
    Route::new("GET", "/v1/shards/stats/{uid}", ViewShardStats, shape::SHARD_STATS, one_shard),
    Route::new("GET", "/v1/shards/stats/last", ViewAllShardStats, shape::SHARD_STATS_LAST, all_shards_last),
    Route::new("GET", "/v1/shards/stats/last/{uid}", ViewShardStats, shape::SHARD_STATS_LAST, one_shard_last),
    Route::new("GET", "/v1/endpoints/stats", ViewEndpointStats, shape::ENDPOINTS_STATS, endpoints),
    Route::new("GET", "/v1/bdbs/{uid}/peer_stats", ViewBdbStats, shape::PEERS_STATS, peers),
    Route::new("GET", "/v1/bdbs/{uid}/peer_stats/{peer}", ViewBdbStats, shape::PEER_STATS, peers),
    Route::new("GET", "/v1/bdbs/{uid}/sync_source_stats", ViewBdbStats, shape::SOURCES_STATS, sources),
    Route::new("GET", "/v1/bdbs/{uid}/sync_source_stats/{source}", ViewBdbStats, shape::SOURCE_STATS, one_source),
];

fn cluster(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let intervals = asked.intervals(&figures::cluster(ctx), ctx.cluster.created);
    Ok(Reply::json(json!({"uid": "", "intervals": intervals})))
}

fn cluster_last(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    Ok(Reply::json(
        asked.last(&figures::cluster(ctx), ctx.cluster.created),
    ))
}

/// A node's row: its uid is a number, as captured, or text, as documented.
fn node_row(ctx: &Ctx<'_>, asked: &Asked, node: &Member) -> Value {
    let figures = figures::node(ctx, node);
    let mut row = asked.row(&node.uid.to_string(), &figures, ctx.cluster.created);
    if let (Some(map), false) = (row.as_object_mut(), ctx.env.on(Switch::TypesAsDocumented)) {
        map.insert("uid".to_owned(), json!(node.uid.0));
    }
    row
}

fn node_last(ctx: &Ctx<'_>, asked: &Asked, node: &Member) -> Value {
    asked.last(&figures::node(ctx, node), ctx.cluster.created)
}

/// The node of the path, which runs.
fn running<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Member, ApiError> {
    let node = nodes::member(ctx)?;
    match node.status {
        MemberStatus::Active | MemberStatus::Decommissioning => Ok(node),
        MemberStatus::Down if node.awaited => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "node_in_recovery",
            format!("node {} is being recovered", node.uid),
        )),
        MemberStatus::Down | MemberStatus::Provisioning => Err(ApiError::not_acceptable(
            "node_not_active",
            format!("node {} is not active", node.uid),
        )),
    }
}

fn all_nodes(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let nodes = ctx.cluster.members.values();
    let rows = nodes.map(|node| node_row(ctx, &asked, node));
    Ok(Reply::json(rows.collect::<Vec<_>>()))
}

fn one_node(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    Ok(Reply::json(node_row(ctx, &asked, running(ctx)?)))
}

fn all_nodes_last(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let nodes = ctx.cluster.members.values();
    let rows = nodes.map(|node| (node.uid.to_string(), node_last(ctx, &asked, node)));
    Ok(Reply::json(rows.collect::<Map<_, _>>()))
}

fn one_node_last(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let node = running(ctx)?;
    Ok(Reply::json(
        json!({node.uid.to_string(): node_last(ctx, &asked, node)}),
    ))
}

fn bdb_row(ctx: &Ctx<'_>, asked: &Asked, database: &Database) -> Value {
    asked.row(
        &database.uid.to_string(),
        &figures::bdb(ctx, database),
        database.created,
    )
}

fn bdb_last(ctx: &Ctx<'_>, asked: &Asked, database: &Database) -> Value {
    asked.last(&figures::bdb(ctx, database), database.created)
}

fn all_bdbs(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let rows: Vec<Value> = databases
        .filter(|database| scope.has(database.uid))
        .map(|database| bdb_row(ctx, &asked, database))
        .collect();
    if rows.is_empty() {
        return Err(ApiError::not_found("there are no databases"));
    }
    Ok(Reply::json(rows))
}

/// The database of the path, which serves.
fn serving<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Database, ApiError> {
    let uid: BdbUid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid);
    match database.map(|database| database.status) {
        Some(Status::Recovery) => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "db_in_recovery",
            format!("database {uid} is being recovered"),
        )),
        Some(Status::Pending | Status::CreationFailed) | None => Err(ApiError::not_acceptable(
            "db_not_active",
            format!("database {uid} is not active"),
        )),
        Some(
            Status::Active | Status::ActiveChangePending | Status::DeletePending | Status::ImportPending,
        ) => database.ok_or_else(|| ApiError::not_found(format!("database {uid} does not exist"))),
    }
}

fn one_bdb(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    Ok(Reply::json(bdb_row(ctx, &asked, serving(ctx)?)))
}

fn all_bdbs_last(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let rows: Map<String, Value> = databases
        .filter(|database| scope.has(database.uid))
        .map(|database| (database.uid.to_string(), bdb_last(ctx, &asked, database)))
        .collect();
    if rows.is_empty() {
        return Err(ApiError::not_found("there are no databases"));
    }
    Ok(Reply::json(rows))
}

fn one_bdb_last(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let database = serving(ctx)?;
    Ok(Reply::json(
        json!({database.uid.to_string(): bdb_last(ctx, &asked, database)}),
    ))
}

/// The shards of the database that `parent_uid` names, or all.
///
/// # Errors
/// 404 when there are none.
fn shards<'a>(ctx: &'a Ctx<'_>) -> Result<Vec<&'a Shard>, ApiError> {
    let parent = ctx.call.query.get("parent_uid").filter(|uid| !uid.is_empty());
    let of_parent = |shard: &&Shard| parent.is_none_or(|uid| *uid == shard.bdb.to_string());
    let scope = scope(ctx);
    let shards = ctx.cluster.databases.shards.iter();
    let shards: Vec<&Shard> = shards
        .filter(of_parent)
        .filter(|shard| scope.has(shard.bdb))
        .collect();
    if shards.is_empty() {
        return Err(ApiError::not_found("there are no shards"));
    }
    Ok(shards)
}

/// The shard of the path, which runs.
fn shard<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Shard, ApiError> {
    let uid: ShardUid = ctx.call.param("uid")?;
    let shard = ctx.cluster.databases.shards.get(uid);
    match shard.filter(|shard| scope(ctx).has(shard.bdb)) {
        None => Err(ApiError::not_found(format!("shard {uid} does not exist")).with_code("shard_not_exist")),
        Some(shard) if !shard.up => Err(ApiError::not_acceptable(
            "shard_not_active",
            format!("shard {uid} is not active"),
        )),
        Some(shard) => Ok(shard),
    }
}

/// When the figures of a shard begin.
fn shard_born(ctx: &Ctx<'_>, shard: &Shard) -> Timestamp {
    let database = ctx.cluster.databases.get(shard.bdb);
    database.map_or(ctx.cluster.created, |database| database.created)
}

fn shard_last(ctx: &Ctx<'_>, asked: &Asked, shard: &Shard) -> Value {
    asked.last(&figures::shard(ctx, shard), shard_born(ctx, shard))
}

fn shard_row(ctx: &Ctx<'_>, asked: &Asked, shard: &Shard) -> Value {
    let figures = figures::shard(ctx, shard);
    let mut row = asked.row(&shard.uid.to_string(), &figures, shard_born(ctx, shard));
    if let Some(map) = row.as_object_mut() {
        map.insert("status".to_owned(), json!(shard.status()));
        map.insert("node_uid".to_owned(), json!(shard.node.to_string()));
        map.insert("role".to_owned(), json!(shard.role.as_str()));
        map.insert("assigned_slots".to_owned(), json!(shard.assigned_slots()));
    }
    row
}

fn all_shards(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let rows: Vec<Value> = shards(ctx)?
        .into_iter()
        .map(|shard| shard_row(ctx, &asked, shard))
        .collect();
    Ok(Reply::json(rows))
}

fn one_shard(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    Ok(Reply::json(shard_row(ctx, &asked, shard(ctx)?)))
}

fn all_shards_last(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let rows = shards(ctx)?.into_iter();
    let rows = rows.map(|shard| (shard.uid.to_string(), shard_last(ctx, &asked, shard)));
    Ok(Reply::json(rows.collect::<Map<_, _>>()))
}

fn one_shard_last(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let shard = shard(ctx)?;
    Ok(Reply::json(
        json!({shard.uid.to_string(): shard_last(ctx, &asked, shard)}),
    ))
}

/// A row for each endpoint on each proxy that serves it.
fn endpoints(ctx: &mut Ctx<'_>) -> Answer {
    let asked = Asked::of(ctx)?;
    let figures = figures::endpoint(ctx);
    let of = |database: &Database| {
        let row = |node: &crate::sim::ids::NodeUid| {
            let uid = format!("{}:1:{node}", database.uid);
            asked.row(&uid, &figures, database.created)
        };
        database.bound.iter().map(row).collect::<Vec<_>>()
    };
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let databases = databases.filter(|database| scope.has(database.uid));
    Ok(Reply::json(databases.flat_map(of).collect::<Vec<_>>()))
}

/// Only members of an Active-Active database have peers.
fn peers(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx)?;
    Err(ApiError::not_acceptable(
        "not_crdt",
        format!("database {uid} is not an Active-Active database"),
    ))
}

/// Uid and figures of every source that a database replicates.
fn source_rows(ctx: &Ctx<'_>) -> Result<Vec<(String, Value)>, ApiError> {
    let asked = Asked::of(ctx)?;
    let uid = existing(ctx)?;
    let Some(database) = ctx.cluster.databases.get(uid) else {
        return Ok(Vec::new());
    };
    let sources = database.set.get("replica_sources").and_then(Value::as_array);
    let count = sources.map_or(0, Vec::len);
    let row = |place: usize| {
        let uid = place.to_string();
        let row = asked.row(&uid, &figures::source(ctx), database.created);
        (uid, row)
    };
    Ok((1..=count).map(row).collect())
}

fn sources(ctx: &mut Ctx<'_>) -> Answer {
    let rows: Vec<Value> = source_rows(ctx)?.into_iter().map(|(_, row)| row).collect();
    Ok(Reply::json(json!({"sync_source_stats": rows})))
}

fn one_source(ctx: &mut Ctx<'_>) -> Answer {
    let wanted = ctx.call.params.get("source").cloned().unwrap_or_default();
    let row = source_rows(ctx)?.into_iter().find(|(uid, _)| *uid == wanted);
    row.map(|(_, row)| Reply::json(row))
        .ok_or_else(|| ApiError::not_found(format!("there is no source {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::Switches;
    use crate::sim::testbed::Bed;

    #[test]
    fn figures_follow_from_the_state_and_are_fractions() {
        let mut sim = Fixture::cluster(2, 2);
        let uid = sim.database(None);
        sim.world.fill(crate::sim::ids::NodeIndex(0), uid, 1 << 20);
        for (path, name, want) in [
            ("/v1/bdbs/stats/last/1", "used_memory", f64::from(3 << 20)),
            ("/v1/nodes/stats/last/1", "conns", 0.0),
            ("/v1/shards/stats/last/1", "used_memory", f64::from(3 << 20)),
        ] {
            let last = sim.admin(0, "GET", path, Value::Null).json["1"].clone();
            assert_eq!(last[name].as_f64(), Some(want), "{path}");
            assert!(last[name].is_f64() && last["interval"] == "1sec", "{path} {last}");
        }
        let shard = sim.admin(0, "GET", "/v1/shards/stats/last/1", Value::Null).json["1"].take();
        let path = "/v1/shards/1?extra_info_keys=rdb_last_save_time";
        let info = sim.admin(0, "GET", path, Value::Null).json["redis_info"].take();
        assert_eq!(
            shard["last_save_time"].as_f64(),
            info["rdb_last_save_time"].as_f64()
        );
        let cluster = sim.admin(0, "GET", "/v1/cluster/stats/last", Value::Null).json;
        let node = |sim: &mut Fixture, uid: u64| {
            let path = format!("/v1/nodes/stats/last/{uid}");
            sim.admin(0, "GET", &path, Value::Null).json[uid.to_string()]["free_memory"]
                .as_f64()
                .unwrap()
        };
        let sum = node(&mut sim, 1) + node(&mut sim, 2);
        assert_eq!(cluster["free_memory"].as_f64(), Some(sum));
    }

    #[test]
    fn figures_of_flash_are_those_of_what_uses_it() {
        let mut bed = Bed::new();
        let plain = json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2"});
        bed.database(plain.clone());
        let last = |bed: &mut Bed, of: &str, uid: &str| {
            let path = format!("/v1/{of}/stats/last{}", if uid.is_empty() { "" } else { "/" });
            let mut answer = bed.ok("GET", &format!("{path}{uid}"), Value::Null);
            if uid.is_empty() {
                answer
            } else {
                answer[uid].take()
            }
        };
        let all = [("bdbs", "1"), ("shards", "1"), ("nodes", "1"), ("cluster", "")];
        for (of, uid) in all {
            let shown = last(&mut bed, of, uid);
            assert_eq!(shown["bigstore_iops"], Value::Null, "{of}");
        }
        bed.flash(8 << 30);
        let mut flash = plain;
        flash["bigstore"] = json!(true);
        flash["bigstore_ram_size"] = json!(1 << 28);
        bed.database(flash);
        assert!(bed.world.fill(crate::sim::ids::NodeIndex(0), 2, 1 << 29));
        for (of, uid) in [("bdbs", "2"), ("shards", "2"), ("nodes", "1"), ("cluster", "")] {
            let shown = last(&mut bed, of, uid);
            assert_eq!(shown["bigstore_iops"], 0.0, "{of}");
        }
        for (of, uid) in [("bdbs", "1"), ("shards", "1")] {
            let shown = last(&mut bed, of, uid);
            assert_eq!(shown["bigstore_iops"], Value::Null, "{of}");
        }
        let database = last(&mut bed, "bdbs", "2");
        let used = f64::from((1 << 29) + (2 << 20));
        let ram = f64::from(1 << 28);
        for (name, want) in [
            ("used_memory", used),
            ("used_ram", ram),
            ("used_bigstore", used - ram),
        ] {
            assert_eq!(database[name], want, "{name}");
        }
        let shard = bed.ok("GET", "/v1/shards/2", Value::Null);
        let node = last(&mut bed, "nodes", shard["node_uid"].as_str().unwrap());
        let cluster = last(&mut bed, "cluster", "");
        let whole = 8.0 * f64::from(1 << 30);
        assert_eq!(node["bigstore_free"], whole - (used - ram));
        assert_eq!(node["available_flash"], node["bigstore_free"]);
        assert_eq!(cluster["bigstore_free"], 3.0 * whole - (used - ram));
    }

    #[test]
    fn intervals_cover_what_is_asked_for_and_nothing_before_the_object_was_made() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        sim.pass(3600);
        let rows = sim
            .admin(
                0,
                "GET",
                "/v1/bdbs/stats?interval=5min&stime=2001-01-01T00:00:00Z",
                Value::Null,
            )
            .json;
        let intervals = rows[0]["intervals"].as_array().unwrap();
        assert_eq!(intervals.len(), 12);
        for pair in intervals.windows(2) {
            assert_eq!(pair[0]["etime"], pair[1]["stime"]);
        }
        let only = sim
            .admin(0, "GET", "/v1/bdbs/stats/last?metrics=conns", Value::Null)
            .json["1"]
            .clone();
        assert_eq!(only.as_object().map(Map::len), Some(4));
        for wrong in ["interval=1min", "stime=yesterday"] {
            let path = format!("/v1/cluster/stats?{wrong}");
            assert_eq!(sim.admin(0, "GET", &path, Value::Null).status, 400);
        }
    }

    #[test]
    fn what_has_no_statistics_says_so() {
        let mut sim = Fixture::cluster(1, 1);
        assert_eq!(sim.admin(0, "GET", "/v1/bdbs/stats", Value::Null).status, 404);
        let body = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"});
        sim.admin(0, "POST", "/v1/bdbs", body);
        for path in ["/v1/bdbs/stats/last/1", "/v1/bdbs/stats/1"] {
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, 406, "{path}");
        }
        sim.pass(60);
        for (path, status) in [
            ("/v1/bdbs/1/peer_stats", 406),
            ("/v1/bdbs/1/sync_source_stats", 200),
            ("/v1/bdbs/1/sync_source_stats/1", 404),
            ("/v1/shards/stats/9", 404),
            ("/v1/endpoints/stats", 200),
        ] {
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, status, "{path}");
        }
    }

    #[test]
    fn without_an_interval_every_length_is_shown_in_whole_steps_of_the_clock() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        sim.pass(2 * 3600);
        let rows = sim.admin(0, "GET", "/v1/nodes/stats", Value::Null).json;
        assert_eq!(rows[0]["uid"], 1, "as captured");
        let intervals = rows[0]["intervals"].as_array().unwrap();
        let of = |name: &str| {
            intervals
                .iter()
                .filter(|interval| interval["interval"] == name)
                .count()
        };
        let counts = ["1sec", "10sec", "5min", "15min", "1hour", "12hour"].map(of);
        assert_eq!(counts, [10, 30, 12, 8, 2, 0]);
        let five = intervals
            .iter()
            .find(|interval| interval["interval"] == "5min")
            .unwrap();
        let start: Timestamp = five["stime"].as_str().unwrap().parse().unwrap();
        assert_eq!(start.as_second() % 300, 0);
        let cluster = sim.admin(0, "GET", "/v1/cluster/stats?interval=1hour", Value::Null);
        assert_eq!(cluster.json["uid"], "");
        assert_eq!(cluster.json["intervals"].as_array().unwrap().len(), 2);
        let switches = Switches::default().with(Switch::TypesAsDocumented);
        let mut sim = Fixture::cluster_with(1, 1, switches);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/stats", Value::Null).json[0]["uid"],
            "1"
        );
    }

    #[test]
    fn shards_can_be_asked_for_by_their_database() {
        let mut sim = Fixture::cluster(2, 2);
        sim.database_with_data(&[&json!({"replication": true})]);
        sim.database(None);
        let uids = |sim: &mut Fixture, query: &str| -> Vec<String> {
            let rows = sim
                .admin(0, "GET", &format!("/v1/shards/stats{query}"), Value::Null)
                .json;
            let rows = rows.as_array().unwrap().iter();
            let uids: Vec<String> = rows.map(|row| row["uid"].as_str().unwrap().to_owned()).collect();
            let last = sim
                .admin(0, "GET", &format!("/v1/shards/stats/last{query}"), Value::Null)
                .json;
            let last: Vec<String> = last.as_object().unwrap().keys().cloned().collect();
            assert_eq!(last, uids, "{query}");
            uids
        };
        assert_eq!(uids(&mut sim, ""), ["1", "2", "3"]);
        assert_eq!(uids(&mut sim, "?parent_uid=1"), ["1", "2"]);
        assert_eq!(uids(&mut sim, "?parent_uid=2"), ["3"]);
        for path in [
            "/v1/shards/stats?parent_uid=9",
            "/v1/shards/stats/last?parent_uid=9",
        ] {
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, 404, "{path}");
        }
    }

    #[test]
    fn rows_of_shards_say_what_and_where_they_are() {
        let mut sim = Fixture::cluster(2, 2);
        assert_eq!(sim.admin(0, "GET", "/v1/shards/stats", Value::Null).status, 404);
        assert_eq!(
            sim.admin(0, "GET", "/v1/bdbs/stats/last", Value::Null).status,
            404
        );
        sim.database(None);
        let row = sim.admin(0, "GET", "/v1/shards/stats", Value::Null).json[0].clone();
        for (field, want) in [
            ("uid", "1"),
            ("status", "active"),
            ("node_uid", "1"),
            ("role", "master"),
            ("assigned_slots", "0-16383"),
        ] {
            assert_eq!(row[field], want, "{field}");
        }
    }
}

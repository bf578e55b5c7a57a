//! What the fields of `maintenance_on` and `maintenance_off` do to shards and snapshots.

use crate::sim::fixture::Fixture;
use serde_json::{Value, json};

const ON: &str = "/v1/nodes/2/actions/maintenance_on";
const OFF: &str = "/v1/nodes/2/actions/maintenance_off";

/// Starts an action, waits, and gives how it ended.
fn done(sim: &mut Fixture, path: &str, body: Value) -> String {
    assert_eq!(sim.admin(0, "POST", path, body).status, 200);
    sim.pass(60);
    let status = sim.admin(0, "GET", path, Value::Null).json["status"].clone();
    status.as_str().unwrap().to_owned()
}

/// Creates a database whose first shard is on node 2; gives its uid.
fn database(sim: &mut Fixture, replication: bool) -> u64 {
    let body = json!({
        "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "replication": replication,
    });
    let uid = sim.admin(0, "POST", "/v1/bdbs", body).json["uid"]
        .as_u64()
        .unwrap();
    sim.pass(60);
    if shards(sim, uid).iter().all(|(node, _)| node != "2") {
        let path = format!("/v1/bdbs/{uid}/shards");
        let shard = sim.admin(0, "GET", &path, Value::Null).json[0]["uid"].clone();
        let path = format!("/v1/shards/{}/actions/migrate", shard.as_str().unwrap());
        let reply = sim.admin(0, "POST", &path, json!({"target_node_uid": 2}));
        assert_eq!(reply.status, 200, "{reply:?}");
        sim.pass(60);
    }
    uid
}

/// Node and role of every shard of a database.
fn shards(sim: &mut Fixture, bdb: u64) -> Vec<(String, String)> {
    let path = format!("/v1/bdbs/{bdb}/shards");
    let all = sim.admin(0, "GET", &path, Value::Null).json;
    let text = |shard: &Value, field: &str| shard[field].as_str().unwrap().to_owned();
    let all = all.as_array().unwrap().iter();
    all.map(|shard| (text(shard, "node_uid"), text(shard, "role")))
        .collect()
}

fn on_node_2(sim: &mut Fixture, bdb: u64) -> Vec<String> {
    let all = shards(sim, bdb).into_iter();
    all.filter(|(node, _)| node == "2")
        .map(|(_, role)| role)
        .collect()
}

/// Name of the snapshot that the status of node 2 shows; empty without one.
fn snapshot(sim: &mut Fixture) -> String {
    let shown = sim.admin(0, "GET", "/v1/nodes/2/status", Value::Null).json;
    let name = shown["maintenance_snapshot"]["name"].as_str();
    name.unwrap_or_default().to_owned()
}

#[test]
fn a_second_maintenance_keeps_the_snapshot_of_the_first_unless_it_is_to_be_overwritten() {
    for (overwrite, back) in [(false, 1), (true, 0)] {
        let mut sim = Fixture::cluster(3, 3);
        let bdb = database(&mut sim, false);
        assert_eq!(done(&mut sim, ON, json!({})), "completed");
        let first = snapshot(&mut sim);
        let again = json!({"overwrite_snapshot": overwrite});
        assert_eq!(done(&mut sim, ON, again), "completed");
        assert_eq!(snapshot(&mut sim) != first, overwrite);
        for _ in 0..2 {
            assert_eq!(done(&mut sim, OFF, json!({})), "completed");
        }
        assert_eq!(on_node_2(&mut sim, bdb).len(), back, "{overwrite}");
        let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
        assert_eq!(
            (&node["accept_servers"], &node["max_listeners"]),
            (&json!(true), &json!(100))
        );
    }
}

#[test]
fn only_the_databases_that_are_named_leave_the_node() {
    let mut sim = Fixture::cluster(3, 3);
    let (stays, goes) = (database(&mut sim, false), database(&mut sim, false));
    let body = json!({"evict_dbs": [goes.to_string()]});
    assert_eq!(done(&mut sim, ON, body), "completed");
    assert_eq!(on_node_2(&mut sim, stays), ["master"]);
    assert_eq!(on_node_2(&mut sim, goes), Vec::<String>::new());
}

#[test]
fn replicas_stay_and_masters_are_demoted_when_replicas_are_not_to_be_evicted() {
    for (body, left) in [
        (json!({}), vec![]),
        (json!({"evict_ha_replica": true}), vec![]),
        (json!({"evict_ha_replica": false}), vec!["slave"]),
        (json!({"keep_slave_shards": false}), vec![]),
        (json!({"keep_slave_shards": true}), vec!["slave"]),
    ] {
        let mut sim = Fixture::cluster(3, 3);
        let bdb = database(&mut sim, true);
        let alone = database(&mut sim, false);
        let roles = shards(&mut sim, bdb);
        if roles.contains(&("2".to_owned(), "slave".to_owned())) {
            let path = format!("/v1/bdbs/{bdb}/shards");
            let shard = sim.admin(0, "GET", &path, Value::Null).json[0]["uid"].clone();
            let path = format!("/v1/shards/{}/actions/failover", shard.as_str().unwrap());
            assert_eq!(sim.admin(0, "POST", &path, json!({})).status, 200);
            sim.pass(60);
        }
        assert_eq!(on_node_2(&mut sim, bdb), ["master"]);
        assert_eq!(done(&mut sim, ON, body.clone()), "completed");
        assert_eq!(on_node_2(&mut sim, bdb), left, "{body}");
        assert_eq!(on_node_2(&mut sim, alone), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn a_snapshot_that_is_named_decides_what_comes_back() {
    for (name, ended, back) in [
        ("empty", "completed", 0),
        ("full", "completed", 1),
        ("none", "cancelled", 0),
    ] {
        let mut sim = Fixture::cluster(3, 3);
        let path = |name: &str| format!("/v1/nodes/2/snapshots/{name}");
        assert_eq!(sim.admin(0, "POST", &path("empty"), Value::Null).status, 200);
        let bdb = database(&mut sim, false);
        assert_eq!(sim.admin(0, "POST", &path("full"), Value::Null).status, 200);
        assert_eq!(done(&mut sim, ON, json!({})), "completed");
        assert_eq!(
            done(&mut sim, OFF, json!({"snapshot_name": name})),
            ended,
            "{name}"
        );
        assert_eq!(on_node_2(&mut sim, bdb).len(), back, "{name}");
        let kept = sim.admin(0, "GET", "/v1/nodes/2/snapshots", Value::Null).json;
        let gone = !kept.to_string().contains(&format!("\"{name}\""));
        assert!(gone, "the snapshot is used up: {kept}");
    }
}

#[test]
fn a_failed_maintenance_keeps_its_snapshot_and_the_next_one_uses_it() {
    let mut sim = Fixture::cluster(3, 3);
    let bdb = database(&mut sim, true);
    let before = shards(&mut sim, bdb);
    let free = (1..=3).find(|node| before.iter().all(|(taken, _)| *taken != node.to_string()));
    let free = format!("/v1/nodes/{}", free.unwrap());
    let accept = |sim: &mut Fixture, accepts: bool| {
        let body = json!({"accept_servers": accepts});
        assert_eq!(sim.admin(0, "PUT", &free, body).status, 200);
    };
    accept(&mut sim, false);
    assert_eq!(done(&mut sim, ON, json!({})), "failed");
    let failed = sim.admin(0, "GET", ON, Value::Null).json;
    assert_eq!(failed["error_code"], "insufficient_resources");
    let kept = snapshot(&mut sim);
    assert!(kept.starts_with("maintenance_mode_"), "{kept}");
    accept(&mut sim, true);
    assert_eq!(done(&mut sim, ON, json!({})), "completed");
    assert_eq!(snapshot(&mut sim), kept);
    assert_eq!(on_node_2(&mut sim, bdb), Vec::<String>::new());
    assert_eq!(done(&mut sim, OFF, json!({})), "completed");
    assert_eq!(on_node_2(&mut sim, bdb).len(), 1);
    assert_eq!(snapshot(&mut sim), "");
    let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
    assert_eq!(node["accept_servers"], true);
}

use crate::sim::fixture::Fixture;
use crate::sim::ids::NodeIndex;
use serde_json::{Value, json};

const ON: &str = "/v1/nodes/2/actions/maintenance_on";
const OFF: &str = "/v1/nodes/2/actions/maintenance_off";

fn status(sim: &mut Fixture, path: &str) -> String {
    sim.admin(0, "GET", path, Value::Null).json["status"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The statuses that an action goes through, as a poll every tenth of a second sees them.
fn seen(sim: &mut Fixture, path: &str, secs: i64) -> Vec<String> {
    let mut seen = vec![status(sim, path)];
    for _ in 0..secs * 10 {
        sim.pass_ms(100);
        let now = status(sim, path);
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    seen
}

#[test]
fn every_documented_transition_of_an_action_can_be_seen() {
    let mut sim = Fixture::cluster(3, 3);
    sim.admin(0, "POST", ON, json!({}));
    assert_eq!(
        seen(&mut sim, ON, 20),
        ["queued", "starting", "running", "completed"]
    );

    let mut sim = Fixture::cluster(3, 3);
    sim.admin(0, "POST", ON, json!({}));
    sim.admin(0, "DELETE", ON, Value::Null);
    assert_eq!(seen(&mut sim, ON, 20), ["cancelled"], "from queued");

    let mut sim = Fixture::cluster(3, 3);
    sim.admin(0, "POST", ON, json!({}));
    sim.pass_ms(700);
    assert_eq!(status(&mut sim, ON), "starting");
    sim.admin(0, "DELETE", ON, Value::Null);
    assert_eq!(seen(&mut sim, ON, 20), ["aborted"], "from starting");

    let mut sim = Fixture::cluster(3, 3);
    sim.admin(0, "POST", ON, json!({}));
    sim.pass(3);
    sim.admin(0, "DELETE", ON, Value::Null);
    assert_eq!(
        seen(&mut sim, ON, 20),
        ["cancelling", "cancelled"],
        "from running"
    );

    let mut sim = Fixture::cluster(3, 3);
    sim.world.crash(NodeIndex(1));
    sim.pass(4);
    sim.admin(0, "POST", ON, json!({}));
    assert_eq!(
        seen(&mut sim, ON, 20),
        ["queued", "starting", "running", "aborted"],
        "the node is lost"
    );

    let mut sim = Fixture::cluster(3, 3);
    sim.world.crash(NodeIndex(2));
    sim.pass(30);
    sim.admin(0, "POST", ON, json!({}));
    assert_eq!(
        seen(&mut sim, ON, 20),
        ["queued", "starting", "running", "failed"],
        "no majority is left"
    );

    let mut sim = Fixture::cluster(3, 3);
    sim.admin(0, "POST", OFF, json!({}));
    let all = ["queued", "starting", "running", "cancelling", "cancelled"];
    assert_eq!(seen(&mut sim, OFF, 20), all, "there is no snapshot");
}

/// An unreplicated and a replicated database, on a licence that allows them.
fn with_databases() -> Fixture {
    let mut sim = Fixture::cluster(3, 3);
    for replication in [false, true] {
        let body =
            json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "replication": replication});
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
        sim.pass(60);
    }
    sim
}

fn node_of(sim: &mut Fixture, shard: u64) -> u64 {
    let shown = sim
        .admin(0, "GET", &format!("/v1/shards/{shard}"), Value::Null)
        .json;
    shown["node_uid"].as_str().unwrap().parse().unwrap()
}

#[test]
fn shards_leave_one_after_the_other_and_one_without_a_replica_is_away_meanwhile() {
    let mut sim = with_databases();
    let from = node_of(&mut sim, 1);
    let path = format!("/v1/nodes/{from}/actions/maintenance_on");
    sim.admin(0, "POST", &path, json!({}));
    let mut outages = [0, 0];
    let mut counts = Vec::new();
    for _ in 0..300 {
        sim.pass_ms(100);
        for (outage, bdb) in outages.iter_mut().zip([1, 2]) {
            let reply = sim.admin(0, "GET", &format!("/v1/bdbs/{bdb}/availability"), Value::Null);
            *outage += u64::from(reply.status == 503);
        }
        let left = sim
            .admin(0, "GET", &format!("/v1/nodes/{from}"), Value::Null)
            .json["shard_count"]
            .clone();
        if counts.last() != Some(&left) {
            counts.push(left);
        }
    }
    assert_eq!(status(&mut sim, &path), "completed");
    assert_eq!(outages, [30, 0], "three seconds for the one without a replica");
    assert!(
        counts
            .windows(2)
            .all(|pair| pair[0].as_u64() == pair[1].as_u64().map(|left| left + 1)),
        "{counts:?}"
    );
    sim.admin(0, "POST", &path.replace("_on", "_off"), json!({}));
    let mut outage = 0;
    for _ in 0..300 {
        sim.pass_ms(100);
        outage += u64::from(sim.admin(0, "GET", "/v1/bdbs/1/availability", Value::Null).status == 503);
    }
    assert_eq!((outage, node_of(&mut sim, 1)), (30, from));
}

#[test]
fn a_cancelled_action_has_moved_what_its_steps_had_moved() {
    let mut sim = Fixture::cluster(3, 3);
    let body = json!({
        "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "sharding": true, "shards_count": 4,
        "shard_key_regex": [{"regex": "(?<tag>.*)"}], "shards_placement": "dense",
    });
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    sim.pass(60);
    let from = node_of(&mut sim, 1);
    let path = format!("/v1/nodes/{from}/actions/maintenance_on");
    sim.admin(0, "POST", &path, json!({}));
    sim.pass(8);
    let progress = sim.admin(0, "GET", &path, Value::Null).json["progress"]
        .as_f64()
        .unwrap();
    assert!(progress > 0.0 && progress < 99.0, "{progress}");
    sim.admin(0, "DELETE", &path, Value::Null);
    sim.pass(60);
    let node = sim
        .admin(0, "GET", &format!("/v1/nodes/{from}"), Value::Null)
        .json;
    assert_eq!(
        (status(&mut sim, &path).as_str(), &node["shard_count"]),
        ("cancelled", &json!(2))
    );
    assert_eq!(node["accept_servers"], false, "what was done stays done");
}

#[test]
fn a_migration_of_an_unreplicated_shard_is_an_outage() {
    let mut sim = with_databases();
    let from = node_of(&mut sim, 1);
    let target = json!({"target_node_uid": from % 3 + 1});
    assert_eq!(
        sim.admin(0, "POST", "/v1/shards/1/actions/migrate", target)
            .status,
        200
    );
    let availability = |sim: &mut Fixture| sim.admin(0, "GET", "/v1/bdbs/1/availability", Value::Null).status;
    assert_eq!(availability(&mut sim), 503);
    sim.pass(4);
    assert_eq!(availability(&mut sim), 200);
}

//! What nodes that leave and return do to a database.

use super::{plain, with};
use crate::sim::ids::NodeIndex;
use crate::sim::testbed::Bed;
use serde_json::{Value, json};

#[test]
fn a_dead_node_costs_availability_only_without_a_replica() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true})));
    bed.database(plain());
    let node_of = |bed: &mut Bed, bdb: u64| {
        let shards = bed.ok("GET", &format!("/v1/bdbs/{bdb}/shards"), Value::Null);
        let master = shards
            .as_array()
            .unwrap()
            .iter()
            .find(|shard| shard["role"] == "master")
            .unwrap();
        master["node_uid"].as_str().unwrap().parse::<usize>().unwrap()
    };
    for bdb in [1, 2] {
        assert_eq!(
            bed.call("GET", &format!("/v1/bdbs/{bdb}/availability"), Value::Null)
                .0,
            200
        );
    }
    let (replicated, single) = (node_of(&mut bed, 1), node_of(&mut bed, 2));
    for dead in [replicated, single] {
        bed.world.crash(NodeIndex(dead - 1));
        bed.pass(30);
        let asked = if dead == 1 { 1 } else { 0 };
        let lost = if dead == single { 503 } else { 200 };
        assert_eq!(
            bed.call_on(asked, "GET", "/v1/bdbs/1/availability", Value::Null)
                .0,
            200
        );
        assert_eq!(
            bed.call_on(asked, "GET", "/v1/bdbs/2/availability", Value::Null)
                .0,
            lost
        );
        bed.world.power_on(NodeIndex(dead - 1));
        bed.pass(60);
    }
}

/// (node, role) of each shard of database 1, by uid.
fn layout(bed: &mut Bed) -> Vec<(String, String)> {
    let shards = bed.ok("GET", "/v1/bdbs/1/shards", Value::Null);
    let text = |shard: &Value, field: &str| shard[field].as_str().unwrap().to_owned();
    let mut all: Vec<_> = shards.as_array().unwrap().iter().collect();
    all.sort_by_key(|shard| text(shard, "uid"));
    all.iter()
        .map(|shard| (text(shard, "node_uid"), text(shard, "role")))
        .collect()
}

#[test]
fn maintenance_empties_a_node_and_gives_it_its_shards_back() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true, "proxy_policy": "single"})));
    let before = layout(&mut bed);
    let endpoint =
        |bed: &mut Bed| bed.ok("GET", "/v1/bdbs/1", Value::Null)["endpoints"][0]["addr"][0].clone();
    let served = endpoint(&mut bed);
    let node = &before[0].0;
    bed.ok(
        "POST",
        &format!("/v1/nodes/{node}/actions/maintenance_on"),
        json!({"evict_ha_replica": true}),
    );
    bed.pass(120);
    assert!(
        layout(&mut bed).iter().all(|(on, _)| on != node),
        "{:?}",
        layout(&mut bed)
    );
    assert_ne!(endpoint(&mut bed), served);
    assert_eq!(
        bed.ok("GET", &format!("/v1/nodes/{node}"), Value::Null)["shard_count"],
        0
    );
    bed.ok(
        "POST",
        &format!("/v1/nodes/{node}/actions/maintenance_off"),
        json!({}),
    );
    bed.pass(120);
    assert_eq!((layout(&mut bed), endpoint(&mut bed)), (before, served));
}

#[test]
fn replicas_of_a_dead_node_are_made_anew_after_the_grace_period() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true, "slave_ha": true})));
    let dead: usize = layout(&mut bed)[1].0.parse().unwrap();
    let asked = if dead == 1 { 1 } else { 0 };
    bed.world.crash(NodeIndex(dead - 1));
    bed.pass(30);
    let down = |bed: &mut Bed| {
        let (status, shards) = bed.call_on(asked, "GET", "/v1/bdbs/1/shards", Value::Null);
        assert_eq!(status, 200);
        shards
            .as_array()
            .unwrap()
            .iter()
            .filter(|shard| shard["detailed_status"] == "down")
            .count()
    };
    assert_eq!(down(&mut bed), 1);
    bed.pass(700);
    assert_eq!(down(&mut bed), 0);
}

#[test]
fn a_blueprint_places_shards_or_is_bad() {
    let mut bed = Bed::new();
    bed.database(with(json!({"replication": true})));
    let blueprint = |range: &str, master: &str, slave: &str| {
        let nodes = json!([{"node_uid": master, "role": "master"}, {"node_uid": slave, "role": "slave"}]);
        json!({"shards_blueprint": [{"slot_range": range, "nodes": nodes}]})
    };
    for bad in [
        blueprint("0-100", "1", "2"),
        blueprint("0-16383", "1", "1"),
        blueprint("0-16383", "1", "9"),
        json!({"shards_blueprint": []}),
    ] {
        let refused = bed.refused("PUT", "/v1/bdbs/1", bad.clone());
        assert_eq!(refused, (406, "bad_shards_blueprint".to_owned()), "{bad}");
    }
    bed.ok("PUT", "/v1/bdbs/1", blueprint("0-16383", "3", "1"));
    let on = |node: &str, role: &str| (node.to_owned(), role.to_owned());
    assert_eq!(layout(&mut bed), [on("3", "master"), on("1", "slave")]);
}

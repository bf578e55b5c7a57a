use crate::sim::bugs::{Bug, Bugs};
use crate::sim::fixture::{Fixture, credentials};
use crate::sim::ids::{NodeIndex, NodeUid};
use crate::sim::license_text::License;
use crate::sim::storage::FileState;
use crate::sim::switch::{Switch, Switches};
use serde_json::{Value, json};

const CCS: &str = "/var/opt/redislabs/persist/ccs/ccs-redis.rdb";
const RECOVER: &str = "/v1/bdbs/1/actions/recover";

/// Three members, a database of two replicated parts with so many bytes, and the cluster lost: every machine installed anew,
/// its disk kept.
fn lost(fields: Value) -> Fixture {
    let mut sim = with_database(fields);
    for node in 0..3 {
        sim.world.reinstall(NodeIndex(node));
    }
    sim
}

fn with_database(fields: Value) -> Fixture {
    let mut sim = Fixture::cluster(3, 4);
    let license = License::bought("cluster.example.com", 50, sim.world.now(), 30);
    sim.admin(0, "PUT", "/v1/license", json!({"license": license.text}));
    let body = json!({
        "memory_size": 1 << 30, "replication": true, "sharding": true, "shards_count": 2,
        "shard_key_regex": [{"regex": "(?<tag>.*)"}], "data_persistence": "aof",
    });
    sim.database_with_data(&[&body, &fields]);
    sim
}

fn recovery(uid: u64, path: &str) -> Value {
    json!({"action": "recover_cluster", "recovery_filename": path, "node": {"identity": {"uid": uid}}})
}

/// Error code of a recovery on a machine; empty if it worked.
fn recover(sim: &mut Fixture, node: usize, body: Value) -> String {
    let reply = sim.send(node, "POST", "/v1/bootstrap/recover_cluster", None, body);
    assert_eq!(reply.status, 200, "{reply:?}");
    sim.pass(60);
    match sim.world.uid(NodeIndex(node)) {
        Some(_) => String::new(),
        None => {
            let status = sim.send(node, "GET", "/v1/bootstrap", None, Value::Null).json;
            let status = &status["bootstrap_status"];
            assert_eq!(status["state"], "error");
            status["error_code"].as_str().unwrap().to_owned()
        }
    }
}

fn join_as(sim: &mut Fixture, node: usize, uid: u64) -> String {
    let mut body = sim.join_body(node);
    body["node"]["identity"]["uid"] = json!(uid);
    sim.bootstrap_error(node, body)
}

fn status(sim: &mut Fixture) -> String {
    let shown = sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json;
    shown["status"].as_str().unwrap().to_owned()
}

fn data(sim: &Fixture) -> u64 {
    let cluster = sim.world.cluster_of(NodeIndex(0)).unwrap();
    cluster.databases.iter().next().unwrap().data_bytes
}

fn plan(sim: &mut Fixture) -> (String, usize) {
    let plan = sim.admin(0, "GET", RECOVER, Value::Null).json;
    let files = plan["data_files"].as_array().unwrap().len();
    (plan["status"].as_str().unwrap().to_owned(), files)
}

#[test]
fn a_cluster_without_a_majority_is_recovered_node_by_node_and_then_its_databases() {
    let mut sim = with_database(json!({}));
    for node in [1, 2] {
        sim.world.crash(NodeIndex(node));
    }
    sim.pass(30);
    let refused = sim.admin(0, "GET", "/v1/nodes", Value::Null);
    assert_eq!((refused.status, refused.code()), (503, "no_quorum"));
    for node in 0..3 {
        sim.world.reinstall(NodeIndex(node));
    }
    let asked = sim.send(0, "POST", "/v1/bootstrap/recover_cluster", None, recovery(1, CCS));
    assert_eq!(asked.status, 200);
    sim.pass(5);
    let running = sim.send(0, "GET", "/v1/bootstrap", None, Value::Null).json;
    assert_eq!(running["bootstrap_status"]["state"], "recovering_cluster");
    sim.pass(55);
    let nodes = sim.admin(0, "GET", "/v1/nodes", Value::Null).json;
    assert_eq!(
        nodes
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["status"].clone())
            .collect::<Vec<_>>(),
        ["active", "down", "down"]
    );
    for path in ["/v1/nodes/stats/2", "/v1/nodes/stats/last/2"] {
        let awaited = sim.admin(0, "GET", path, Value::Null);
        assert_eq!(
            (awaited.status, awaited.code()),
            (503, "node_in_recovery"),
            "{path}"
        );
    }
    assert_eq!(status(&mut sim), "recovery");
    for uid in [2, 3] {
        let node = usize::try_from(uid).unwrap() - 1;
        assert_eq!(join_as(&mut sim, node, uid), "");
    }
    assert_eq!(status(&mut sim), "recovery");
    assert_eq!(plan(&mut sim), ("ready".to_owned(), 2));
    let down = sim.admin(0, "GET", "/v1/bdbs/1/availability", Value::Null);
    assert_eq!(down.status, 503);
    let health = sim.admin(0, "GET", "/v4/db/1/health", Value::Null).json;
    assert_eq!(
        (&health["status"], &health["detailed_status"]),
        (&json!("down"), &json!("recovery"))
    );
    let started = sim.admin(0, "POST", RECOVER, Value::Null);
    assert!(started.json["action_uid"].is_string(), "{started:?}");
    assert_eq!(
        sim.admin(0, "POST", RECOVER, Value::Null).status,
        409,
        "in progress"
    );
    sim.pass(30);
    assert_eq!((status(&mut sim), data(&sim)), ("active".to_owned(), 1000));
    assert_eq!(
        sim.admin(0, "GET", "/v1/bdbs/1/availability", Value::Null).status,
        200
    );
    assert_eq!(
        sim.admin(0, "POST", RECOVER, Value::Null).status,
        409,
        "not in recovery"
    );
    assert_eq!(
        sim.world
            .violations()
            .iter()
            .filter(|broken| !broken.advisory)
            .count(),
        0
    );
}

#[test]
fn whoever_was_in_the_cluster_is_in_the_recovered_one() {
    let mut sim = lost(json!({}));
    sim.pass(30);
    assert_eq!(sim.world.clusters(), 0, "nobody is left in it");
    assert_eq!(recover(&mut sim, 0, recovery(2, CCS)), "");
    assert_eq!(sim.world.uid(NodeIndex(0)), Some(NodeUid(2)));
    let own = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
    assert_eq!(
        (&own["addr"], &own["status"]),
        (&json!("10.0.0.1"), &json!("active"))
    );
    assert_eq!(sim.send(0, "GET", "/v1/nodes", None, Value::Null).status, 401);
    let plain = sim.join_body(1);
    assert_eq!(sim.bootstrap_error(1, plain), "repair_required");
    assert_eq!(join_as(&mut sim, 1, 9), "config_error");
    assert_eq!(join_as(&mut sim, 1, 1), "");
}

#[test]
fn every_documented_failure_of_a_recovery_has_its_code() {
    let with = |key: &str, value: Value| {
        let mut body = recovery(1, CCS);
        body[key] = value;
        body
    };
    let file = "/var/opt/redislabs/persist/redis/appendonly-2.aof";
    for (body, code) in [
        (json!({"node": {}}), "config_error"),
        (recovery(1, "/nowhere/ccs-redis.rdb"), "path_error"),
        (recovery(9, CCS), "config_error"),
        (
            with("cluster", json!({"name": "other.example.com"})),
            "config_error",
        ),
        (
            with("node", json!({"identity": {"addr": "10.9.9.9"}})),
            "config_error",
        ),
        (
            with("node", json!({"paths": {"persistent_path": "here"}})),
            "path_error",
        ),
        (
            with("node", json!({"identity": {"uid": 1, "rack_id": "b"}})),
            "config_error",
        ),
        (
            with(
                "node",
                json!({"identity": {"uid": 1, "rack_id": "b", "override_rack_id": true}}),
            ),
            "",
        ),
        (with("cluster", json!({"name": "cluster.example.com"})), ""),
        (with("credentials", credentials()), ""),
    ] {
        let mut sim = lost(json!({}));
        let checked = sim.send(
            0,
            "POST",
            "/v1/bootstrap/validate/recover_cluster",
            None,
            body.clone(),
        );
        assert_eq!(checked.code(), code, "{body}");
        assert_eq!(recover(&mut sim, 0, body.clone()), code, "{body}");
    }
    for (state, code) in [
        (FileState::Unreadable, "path_error"),
        (FileState::Corrupted, "config_error"),
        (FileState::Missing, "path_error"),
        (FileState::Sound, ""),
    ] {
        let mut sim = lost(json!({}));
        assert!(sim.world.spoil(NodeIndex(0), CCS, state));
        assert_eq!(recover(&mut sim, 0, recovery(1, CCS)), code, "{state:?}");
    }
    let mut sim = lost(json!({}));
    let holder = (0..3).find(|node| {
        sim.world
            .files(NodeIndex(*node))
            .iter()
            .any(|kept| kept.path == file)
    });
    assert_eq!(
        recover(&mut sim, holder.unwrap(), recovery(1, file)),
        "config_error",
        "no configuration"
    );
    sim.world.env.nodes[0].config.memory_bytes = 1 << 30;
    assert_eq!(recover(&mut sim, 0, recovery(2, CCS)), "insufficient_node_memory");
    sim.world.env.nodes[0].config.memory_bytes = 1 << 40;
    sim.world.set_software(NodeIndex(0), "9.9.9-9");
    assert_eq!(recover(&mut sim, 0, recovery(1, CCS)), "node_config_mismatch");
}

#[test]
fn a_machine_with_an_empty_disk_has_nothing_to_recover_from_until_a_drive_is_mounted() {
    let mut sim = lost(json!({}));
    sim.world.wipe(NodeIndex(0));
    assert_eq!(recover(&mut sim, 0, recovery(1, CCS)), "path_error");
    assert!(sim.world.mount(NodeIndex(1), NodeIndex(0), "/mnt/old/") > 0);
    assert_eq!(
        recover(&mut sim, 0, recovery(1, "/mnt/old/ccs/ccs-redis.rdb")),
        ""
    );
    assert_eq!(sim.world.uid(NodeIndex(0)), Some(NodeUid(1)));
}

/// The recovered cluster, complete.
fn recovered(fields: Value) -> Fixture {
    complete(lost(fields))
}

fn complete(mut sim: Fixture) -> Fixture {
    assert_eq!(recover(&mut sim, 0, recovery(1, CCS)), "");
    for uid in [2, 3] {
        assert_eq!(join_as(&mut sim, usize::try_from(uid).unwrap() - 1, uid), "");
    }
    sim
}

/// The machine that has a file of this name, and the file's path.
fn holder(sim: &Fixture, name: &str) -> (NodeIndex, String) {
    let on = |node: usize| {
        let files = sim.world.files(NodeIndex(node));
        let file = files.into_iter().find(|file| file.path.ends_with(name))?;
        Some((NodeIndex(node), file.path))
    };
    (0..3).find_map(on).unwrap()
}

#[test]
fn a_recovery_beside_the_living_cluster_makes_a_second_one_and_is_told_of() {
    let mut sim = with_database(json!({}));
    sim.world.reinstall(NodeIndex(2));
    sim.pass(30);
    assert_eq!(recover(&mut sim, 2, recovery(3, CCS)), "");
    assert_eq!(sim.world.clusters(), 2);
    let rules: Vec<&str> = sim.world.violations().iter().map(|broken| broken.rule).collect();
    assert_eq!(rules, ["two-clusters"]);
    assert_eq!(
        sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json["status"],
        "down"
    );
    let other = sim.admin(2, "GET", "/v1/nodes/1", Value::Null).json;
    assert_eq!(other["status"], "down", "each has its own view");
}

#[test]
fn a_part_without_a_file_stops_a_recovery_unless_its_loss_is_accepted() {
    for (body, status_after, left) in [
        (json!({}), "recovery", 0),
        (json!({"ignore_errors": true}), "active", 500),
        (json!({"recover_without_data": true}), "active", 0),
    ] {
        let mut sim = recovered(json!({}));
        let name = sim.admin(0, "GET", RECOVER, Value::Null).json["data_files"][0]["filename"].clone();
        let (node, path) = holder(&sim, name.as_str().unwrap());
        assert!(sim.world.spoil(node, &path, FileState::Missing));
        assert_eq!(plan(&mut sim), ("missing-files".to_owned(), 1));
        let reply = sim.admin(0, "POST", RECOVER, body.clone());
        let refused = body == json!({});
        assert_eq!(reply.status, if refused { 409 } else { 200 }, "{body}");
        sim.pass(30);
        assert_eq!(status(&mut sim), status_after, "{body}");
        if !refused {
            assert_eq!(data(&sim), left, "{body}");
        }
    }
}

#[test]
fn a_recovery_that_lacks_files_is_refused_or_fails() {
    for (switches, status_of_call) in [
        (Switches::default(), 409),
        (Switches::default().with(Switch::RecoveryFailsLate), 200),
    ] {
        let mut sim = recovered(json!({}));
        sim.world.env.switches = switches;
        let name = sim.admin(0, "GET", RECOVER, Value::Null).json["data_files"][0]["filename"].clone();
        let (node, path) = holder(&sim, name.as_str().unwrap());
        assert!(sim.world.spoil(node, &path, FileState::Unreadable));
        let reply = sim.admin(0, "POST", RECOVER, Value::Null);
        assert_eq!(reply.status, status_of_call, "{reply:?}");
        sim.pass(30);
        assert_eq!(status(&mut sim), "recovery");
        if let Some(action) = reply.json["action_uid"].as_str() {
            let action = sim
                .admin(0, "GET", &format!("/v1/actions/{action}"), Value::Null)
                .json;
            assert_eq!(action["status"], "failed");
        }
    }
}

#[test]
fn files_can_be_chosen_and_a_bad_choice_is_refused_or_fails() {
    let mut sim = recovered(json!({}));
    let files = sim.admin(0, "GET", RECOVER, Value::Null).json["data_files"].clone();
    let choice = |file: &Value| json!({"filename": file["filename"], "node_uid": file["node_uid"], "shard_slots": file["shard_slots"]});
    let (first, second) = (choice(&files[0]), choice(&files[1]));
    for (body, status) in [
        (json!({"data_files": "all"}), 400),
        (json!({"nonsense": 1}), 400),
        (json!({"ignore_errors": "yes"}), 400),
        (
            json!({"data_files": [{"filename": "appendonly-9.aof", "node_uid": "1"}]}),
            409,
        ),
        (json!({"data_files": [first]}), 409),
    ] {
        assert_eq!(
            sim.admin(0, "POST", RECOVER, body.clone()).status,
            status,
            "{body}"
        );
    }
    let (node, path) = holder(&sim, first["filename"].as_str().unwrap());
    assert!(sim.world.spoil(node, &path, FileState::Corrupted));
    let both = json!({"data_files": [first, second]});
    let started = sim.admin(0, "POST", RECOVER, both.clone()).json;
    sim.pass(30);
    assert_eq!(status(&mut sim), "recovery", "what was loaded made no sense");
    let action = format!("/v1/actions/{}", started["action_uid"].as_str().unwrap());
    assert_eq!(sim.admin(0, "GET", &action, Value::Null).json["status"], "failed");
    assert!(sim.world.spoil(node, &path, FileState::Sound));
    assert_eq!(sim.admin(0, "POST", RECOVER, both).status, 200);
    sim.pass(30);
    assert_eq!((status(&mut sim), data(&sim)), ("active".to_owned(), 1000));
}

#[test]
fn a_database_without_persistence_comes_back_empty() {
    let mut sim = recovered(json!({"data_persistence": "disabled"}));
    assert_eq!(plan(&mut sim), ("ready".to_owned(), 0));
    assert_eq!(sim.admin(0, "POST", RECOVER, Value::Null).status, 200);
    sim.pass(30);
    assert_eq!((status(&mut sim), data(&sim)), ("active".to_owned(), 0));
}

#[test]
fn files_elsewhere_are_found_through_the_recovery_path_of_a_node() {
    let mut sim = lost(json!({}));
    for node in 1..3 {
        sim.world.mount(NodeIndex(node), NodeIndex(0), "/mnt/old");
        sim.world.wipe(NodeIndex(node));
    }
    let mut sim = complete(sim);
    for node in 1..3 {
        assert_eq!(sim.world.files(NodeIndex(node)).len(), 1, "its own configuration");
    }
    let (before, _) = plan(&mut sim);
    let path = json!({"recovery_path": "/mnt/old/redis"});
    assert_eq!(sim.admin(0, "PUT", "/v1/nodes/1", path).status, 200);
    assert_eq!(
        (before.as_str(), plan(&mut sim).0.as_str()),
        ("missing-files", "ready")
    );
}

#[test]
fn a_database_is_recovered_while_a_node_is_missing_except_by_a_defect() {
    for (bugs, after) in [
        (Bugs::none(), "active"),
        (Bugs::none().with(Bug::RecoveryNeedsEveryNode), "recovery"),
    ] {
        let mut sim = lost(json!({}));
        sim.world.env.bugs = bugs;
        for node in 1..3 {
            sim.world
                .mount(NodeIndex(node), NodeIndex(0), "/var/opt/redislabs/persist");
        }
        assert_eq!(recover(&mut sim, 0, recovery(1, CCS)), "");
        assert_eq!(join_as(&mut sim, 1, 2), "");
        assert_eq!(sim.admin(0, "POST", RECOVER, Value::Null).status, 200);
        sim.pass(30);
        assert_eq!(status(&mut sim), after);
        let shards = sim.admin(0, "GET", "/v1/bdbs/1/shards", Value::Null).json;
        let on_third = |shard: &Value| shard["node_uid"] == "3";
        assert!(
            after == "recovery" || !shards.as_array().unwrap().iter().any(on_third),
            "{shards}"
        );
    }
}

#[test]
fn an_empty_plan_means_every_file_except_by_a_defect() {
    for (bugs, after) in [
        (Bugs::none(), "active"),
        (Bugs::none().with(Bug::EmptyRecoveryPlanFails), "recovery"),
    ] {
        let mut sim = recovered(json!({}));
        sim.world.env.bugs = bugs;
        assert_eq!(
            sim.admin(0, "POST", RECOVER, json!({"data_files": []})).status,
            200
        );
        sim.pass(30);
        assert_eq!(status(&mut sim), after);
    }
}

/// Sets automatic recovery, loses the cluster, and brings back all but the last machine that has files. Gives that machine and
/// how many bytes the others have.
fn all_but_one(wait: Value) -> (Fixture, usize, u64) {
    let mut sim = with_database(wait);
    sim.admin(0, "PUT", "/v1/cluster/policy", json!({"auto_recovery": true}));
    let bytes = |sim: &Fixture, node: usize| -> u64 {
        let files = sim.world.files(NodeIndex(node));
        files.iter().map(|file| file.size).sum()
    };
    let late = (0..3).rfind(|node| bytes(&sim, *node) > 0).unwrap();
    let early = 1000 - bytes(&sim, late);
    for node in 0..3 {
        sim.world.reinstall(NodeIndex(node));
    }
    assert_ne!(late, 0, "the first machine is recovered first");
    assert_eq!(recover(&mut sim, 0, recovery(1, CCS)), "");
    assert_eq!(join_as(&mut sim, 3 - late, u64::try_from(4 - late).unwrap()), "");
    assert_eq!(
        status(&mut sim),
        "recovery",
        "a file is on the machine that is missing"
    );
    (sim, late, early)
}

#[test]
fn automatic_recovery_waits_for_files_as_long_as_the_database_says() {
    let (mut sim, _, early) = all_but_one(json!({"recovery_wait_time": 600}));
    sim.pass(700);
    assert_eq!((status(&mut sim), data(&sim)), ("active".to_owned(), early));
}

#[test]
fn automatic_recovery_waits_for_ever_unless_told_otherwise() {
    let (mut sim, late, _) = all_but_one(json!({}));
    sim.pass(100_000);
    assert_eq!(status(&mut sim), "recovery");
    assert_eq!(join_as(&mut sim, late, u64::try_from(late + 1).unwrap()), "");
    sim.pass(30);
    assert_eq!((status(&mut sim), data(&sim)), ("active".to_owned(), 1000));
}

#[test]
fn the_policy_can_be_turned_on_while_databases_wait_and_says_how_long_new_ones_will() {
    let mut sim = recovered(json!({}));
    assert_eq!(status(&mut sim), "recovery");
    let policy = json!({"auto_recovery": true, "default_recovery_wait_time": 60});
    assert_eq!(sim.admin(0, "PUT", "/v1/cluster/policy", policy).status, 200);
    sim.pass(30);
    assert_eq!(status(&mut sim), "active");
    let body = json!({"name": "next", "memory_size": 1 << 28, "redis_version": "7.2"});
    let made = sim.admin(0, "POST", "/v1/bdbs", body).json;
    assert_eq!(made["recovery_wait_time"], 60);
}

#[test]
fn a_removal_that_does_not_wait_for_persistence_loses_what_its_target_had_not_saved() {
    for (wait, files) in [(false, "missing-files"), (true, "ready")] {
        let mut sim = with_database(
            json!({"replication": false, "shards_count": 1, "sharding": false, "memory_size": 1 << 28}),
        );
        let shard = sim.admin(0, "GET", "/v1/shards/1", Value::Null).json;
        let node = shard["node_uid"].as_str().unwrap().to_owned();
        let leader = if node == "1" { 1 } else { 0 };
        if node == "1" {
            sim.admin(
                0,
                "POST",
                "/v1/cluster/actions/change_master",
                json!({"node_uid": "2"}),
            );
            sim.pass(30);
        }
        let path = format!("/v1/nodes/{node}/actions/remove");
        assert_eq!(
            sim.admin(leader, "POST", &path, json!({"wait_for_persistence": wait}))
                .status,
            200
        );
        for _ in 0..100 {
            if sim
                .admin(leader, "GET", &format!("/v1/nodes/{node}"), Value::Null)
                .status
                == 404
            {
                break;
            }
            sim.pass(1);
        }
        let members: Vec<(usize, u64)> = (0..3)
            .filter_map(|node| Some((node, sim.world.uid(NodeIndex(node))?.0)))
            .collect();
        assert_eq!(members.len(), 2);
        for (node, _) in &members {
            sim.world.crash(NodeIndex(*node));
            sim.world.reinstall(NodeIndex(*node));
        }
        let (first, second) = (members[0], members[1]);
        assert_eq!(recover(&mut sim, first.0, recovery(first.1, CCS)), "");
        let mut join = sim.join_body(second.0);
        join["cluster"]["nodes"] = json!([format!("10.0.0.{}", first.0 + 1)]);
        join["node"]["identity"]["uid"] = json!(second.1);
        assert_eq!(sim.bootstrap_error(second.0, join), "");
        let plan = sim.admin(first.0, "GET", RECOVER, Value::Null).json;
        assert_eq!(plan["status"], files, "{wait}");
    }
}

#[test]
fn a_saved_world_keeps_the_disks_and_the_recovery() {
    let mut sim = lost(json!({}));
    let again = |sim: &mut Fixture| {
        let text = sim.world.saved(&Value::Null);
        let source = sim.world.env.certificates.clone();
        sim.world = crate::sim::World::restored(&text, source).unwrap().0;
    };
    again(&mut sim);
    assert_eq!(recover(&mut sim, 0, recovery(1, CCS)), "");
    again(&mut sim);
    for uid in [2, 3] {
        assert_eq!(join_as(&mut sim, usize::try_from(uid).unwrap() - 1, uid), "");
    }
    again(&mut sim);
    assert_eq!(sim.admin(0, "POST", RECOVER, Value::Null).status, 200);
    again(&mut sim);
    sim.pass(30);
    assert_eq!((status(&mut sim), data(&sim)), ("active".to_owned(), 1000));
}

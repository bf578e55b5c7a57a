use crate::sim::fixture::Fixture;
use crate::sim::ids::NodeIndex;
use crate::sim::resources::catalog;
use crate::sim::testbed::Bed;
use crate::sim::version::Profile;
use serde_json::{Value, json};

#[test]
fn an_upgrade_brings_a_newer_redis_and_its_modules_and_never_goes_back() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    let path = "/v1/bdbs/1/upgrade";
    for (body, status) in [
        (json!({"redis_version": "6.2"}), 406),
        (json!({"redis_version": "9.9"}), 406),
        (json!({"moon": 1}), 400),
        (json!({"modules": [{"new_module": "0"}]}), 400),
    ] {
        assert_eq!(sim.admin(0, "POST", path, body.clone()).status, status, "{body}");
    }
    assert_eq!(
        sim.admin(0, "POST", path, json!({"redis_version": "8.0"})).status,
        200
    );
    sim.pass(120);
    let bdb = sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json;
    assert_eq!(
        (&bdb["redis_version"], &bdb["version"]),
        (&json!("8.0"), &json!("8.0.2"))
    );
    assert_eq!(bdb["module_list"][0]["semantic_version"], "8.0.2");
    sim.admin(0, "POST", path, json!({}));
    sim.pass(120);
    assert_eq!(
        sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json["redis_version"],
        "8.6"
    );
}

#[test]
fn the_policy_says_whether_a_database_speaks_resp3_once_it_comes_to_7_2() {
    for (fields, wanted) in [
        (json!({"redis_version": "6.2"}), false),
        (json!({"redis_version": "6.2", "resp3": true}), true),
        (json!({"redis_version": "7.2"}), true),
    ] {
        let mut sim = Fixture::cluster(1, 1);
        sim.admin(0, "PUT", "/v1/cluster/policy", json!({"resp3_default": false}));
        sim.database_with_data(&[&fields]);
        let body = json!({"redis_version": "7.4", "may_discard_data": true});
        let upgraded = sim.admin(0, "POST", "/v1/bdbs/1/upgrade", body);
        assert_eq!(
            (upgraded.status, &upgraded.json["resp3"]),
            (200, &json!(wanted)),
            "{fields}"
        );
    }
}

#[test]
fn data_that_nothing_else_holds_are_not_thrown_away_unasked() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    sim.world.fill(NodeIndex(0), 1, 4096);
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs/1/upgrade", json!({})).status, 400);
    assert_eq!(
        sim.admin(0, "POST", "/v1/bdbs/1/upgrade", json!({"may_discard_data": true}))
            .status,
        200
    );
}

/// A replicated database of four shards, with a module and a thousand bytes.
fn replicated(profile: Profile, redis_version: &str) -> Bed {
    let mut bed = Bed::of(profile);
    bed.database(json!({
        "name": "db", "memory_size": 1 << 30, "redis_version": redis_version, "replication": true, "sharding": true,
        "shards_count": 2, "shard_key_regex": [{"regex": "(?<tag>.*)"}], "module_list": [{"module_name": "search"}],
    }));
    assert!(bed.world.fill(NodeIndex(0), 1, 1000));
    bed
}

fn roles(bed: &mut Bed) -> Vec<Value> {
    let shards = bed.ok("GET", "/v1/bdbs/1/shards", Value::Null);
    let mut shards = shards.as_array().unwrap().clone();
    shards.sort_by_key(|shard| shard["uid"].to_string());
    shards.iter().map(|shard| shard["role"].clone()).collect()
}

#[test]
fn replicas_take_over_in_an_upgrade_unless_roles_are_to_be_preserved() {
    for (body, same) in [
        (json!({}), false),
        (json!({"swap_roles": true}), false),
        (json!({"preserve_roles": true}), true),
    ] {
        let mut bed = replicated(Profile::default(), "7.2");
        let before = roles(&mut bed);
        bed.ok("POST", "/v1/bdbs/1/upgrade", body.clone());
        bed.pass(120);
        assert_eq!(roles(&mut bed) == before, same, "{body}");
    }
}

/// Seconds until the database is active again.
fn lasts(bed: &mut Bed) -> u64 {
    for secs in 0..600 {
        if bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"] == "active" {
            return secs;
        }
        bed.pass(1);
    }
    panic!("it never ends")
}

#[test]
fn fewer_shards_at_a_time_take_longer() {
    let length = |body: Value, policy: Value| {
        let mut bed = replicated(Profile::default(), "7.2");
        bed.ok("PUT", "/v1/cluster/policy", policy);
        bed.ok("POST", "/v1/bdbs/1/upgrade", body);
        lasts(&mut bed)
    };
    let all = json!({"parallel_shards_upgrade": 0});
    let at_once = length(json!({}), all.clone());
    let turn = length(json!({"preserve_roles": true}), all.clone()) - at_once;
    for (parallel, waves) in [(4, 1), (3, 2), (2, 2), (1, 4)] {
        let body = json!({"parallel_shards_upgrade": parallel});
        let wanted = at_once + (waves - 1) * turn;
        assert_eq!(length(body.clone(), all.clone()), wanted, "{parallel}");
        assert_eq!(length(json!({}), body), wanted, "{parallel} by policy");
    }
}

#[test]
fn nothing_restarts_without_a_new_version_unless_it_is_forced() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    sim.world.fill(NodeIndex(0), 1, 4096);
    let held = |sim: &Fixture| {
        let cluster = sim.world.clusters.values().next().unwrap();
        cluster.databases.iter().next().unwrap().data_bytes
    };
    let path = "/v1/bdbs/1/upgrade";
    let mut body = json!({"redis_version": "7.2"});
    assert_eq!(sim.admin(0, "POST", path, body.clone()).status, 200);
    sim.pass(120);
    assert_eq!(held(&sim), 4096);
    body["force_restart"] = json!(true);
    assert_eq!(sim.admin(0, "POST", path, body.clone()).status, 400);
    body["may_discard_data"] = json!(true);
    assert_eq!(sim.admin(0, "POST", path, body).status, 200);
    sim.pass(120);
    assert_eq!(held(&sim), 0);
}

#[test]
fn data_that_a_replica_holds_go_only_by_force() {
    for (body, left) in [
        (json!({"may_discard_data": true}), 1000),
        (json!({"force_discard": true}), 0),
    ] {
        let mut bed = replicated(Profile::default(), "7.2");
        bed.ok("POST", "/v1/bdbs/1/upgrade", body.clone());
        bed.pass(120);
        let cluster = bed.world.clusters.values().next().unwrap();
        assert_eq!(
            cluster.databases.iter().next().unwrap().data_bytes,
            left,
            "{body}"
        );
    }
}

#[test]
fn modules_go_along_since_7_8_unless_they_are_to_stay() {
    for (profile, body, stays) in [
        (Profile::V7_4_6, json!({}), true),
        (Profile::V7_4_6, json!({"latest_with_modules": true}), false),
        (Profile::V7_8_6, json!({}), false),
        (Profile::V7_8_6, json!({"latest_with_modules": false}), true),
    ] {
        let mut bed = replicated(profile, "6.2");
        let version = |bed: &mut Bed| {
            bed.ok("GET", "/v1/bdbs/1", Value::Null)["module_list"][0]["semantic_version"].clone()
        };
        let before = version(&mut bed);
        let mut request = body.clone();
        request["redis_version"] = json!("7.2");
        bed.ok("POST", "/v1/bdbs/1/upgrade", request);
        bed.pass(120);
        assert_eq!(version(&mut bed) == before, stays, "{profile} {body}");
    }
}

#[test]
fn the_machine_of_an_upgrade_has_a_name_of_its_own_and_a_failed_one_leaves_everything_as_it_was() {
    let mut bed = replicated(Profile::default(), "7.2");
    let before = (
        roles(&mut bed),
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["version"].clone(),
    );
    let plan = json!({"rules": [{"path": "*/upgrade", "effect": {"task_failed": "internal_error"}}]});
    bed.world.set_faults(serde_json::from_value(plan).unwrap());
    let uid = bed.ok("POST", "/v1/bdbs/1/upgrade", json!({}))["action_uid"].clone();
    bed.pass(120);
    let machine = bed.ok(
        "GET",
        &format!("/v1/actions/{}", uid.as_str().unwrap()),
        Value::Null,
    );
    assert_eq!(
        (&machine["name"], &machine["status"]),
        (&json!("SMUpgradeBDB"), &json!("failed"))
    );
    let after = (
        roles(&mut bed),
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["version"].clone(),
    );
    assert_eq!(after, before);
}

/// The only module of database 1.
fn module(bed: &mut Bed) -> Value {
    bed.ok("GET", "/v1/bdbs/1", Value::Null)["module_list"][0].clone()
}

fn with_search(bed: &mut Bed) {
    bed.database(json!({
        "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "module_list": [{"module_name": "search"}],
    }));
}

/// The cluster has a later version of the module; gives its uid.
fn newer_search(bed: &mut Bed) -> String {
    let uid = catalog::uid("search", "99.0.0");
    let newer = json!({"module_name": "search", "semantic_version": "99.0.0", "uid": uid});
    for cluster in bed.world.clusters.values_mut() {
        cluster
            .documents
            .put("modules", 1, newer.as_object().unwrap().clone());
    }
    uid
}

#[test]
fn new_arguments_of_a_module_reach_the_database_through_both_paths() {
    let mut bed = Bed::new();
    with_search(&mut bed);
    let before = module(&mut bed);
    for (path, args) in [
        ("/v1/bdbs/1/modules/config", "MINPREFIX 3"),
        ("/v1/modules/config/bdb/1", "MINPREFIX 4"),
    ] {
        let body = json!({"modules": [{"module_name": "search", "module_args": args}]});
        assert_eq!(bed.ok("POST", path, body), Value::Null, "{path}");
        let mut wanted = before.clone();
        wanted["module_args"] = json!(args);
        assert_eq!(module(&mut bed), wanted, "{path}");
        bed.pass(60);
        assert_eq!(module(&mut bed), wanted, "{path}");
    }
}

#[test]
fn an_upgrade_of_modules_brings_the_new_one_through_both_paths() {
    for (profile, path) in [
        (Profile::V7_22_2, "/v1/modules/upgrade/bdb/1"),
        (Profile::V7_22_2, "/v1/bdbs/1/modules/upgrade"),
        (Profile::V8_2_0, "/v1/bdbs/1/modules/upgrade"),
    ] {
        let mut bed = Bed::of(profile);
        with_search(&mut bed);
        assert_ne!(module(&mut bed)["semantic_version"], "99.0.0");
        let new = newer_search(&mut bed);
        let old = module(&mut bed)["module_id"].clone();
        let body = json!({"modules": [{
            "current_module": old, "new_module": new, "new_module_args": ["MINPREFIX", "3"],
        }]});
        let answered = bed.ok("POST", path, body);
        let status = bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"].clone();
        assert_eq!(status, "active-change-pending", "{path} in {profile}");
        let action_uid = answered["action_uid"].as_str().unwrap();
        let upgraded = json!({
            "uid": 1, "name": "db", "module_id": new, "module_name": "search", "semantic_version": "99.0.0",
            "action_uid": action_uid,
        });
        assert_eq!(answered, upgraded, "{path} in {profile}");
        let action = format!("/v1/actions/{action_uid}");
        bed.pass(120);
        assert_eq!(bed.ok("GET", &action, Value::Null)["status"], "completed");
        let module = module(&mut bed);
        assert_eq!(module["semantic_version"], "99.0.0", "{path} in {profile}");
        assert_eq!(module["module_args"], "MINPREFIX 3", "{path} in {profile}");
        let database = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(
            (&database["status"], &database["redis_version"]),
            (&json!("active"), &json!("7.2"))
        );
    }
}

#[test]
fn an_upgrade_of_modules_names_modules_that_the_database_has() {
    let mut bed = Bed::new();
    with_search(&mut bed);
    let new = newer_search(&mut bed);
    let before = bed.ok("GET", "/v1/bdbs/1", Value::Null);
    let (own, other) = (&before["module_list"][0]["module_id"], catalog::uid("bf", "0"));
    for (modules, code) in [
        (json!([]), "missing_field"),
        (json!([{"new_module": new}]), "missing_field"),
        (
            json!([{"current_module": other, "new_module": new}]),
            "module_not_exist",
        ),
        (
            json!([{"module_name": "bf", "new_module": new}]),
            "module_not_exist",
        ),
        (
            json!([{"module_name": "bf", "new_module_args": ["x"]}]),
            "module_not_exist",
        ),
        (
            json!([{"current_module": own, "module_name": "bf", "new_module": new}]),
            "module_not_exist",
        ),
    ] {
        let body = json!({"modules": modules});
        let refused = bed.refused("POST", "/v1/bdbs/1/modules/upgrade", body);
        assert_eq!(refused, (400, code.to_owned()), "{modules}");
    }
    let modules = bed.ok("GET", "/v1/modules", Value::Null);
    let mut modules = modules.as_array().unwrap().iter();
    let stranger = modules.find(|module| module["module_name"] == "bf").unwrap();
    let body = json!({"modules": [{"current_module": own, "new_module": stranger["uid"]}]});
    assert_eq!(bed.refused("POST", "/v1/bdbs/1/modules/upgrade", body).0, 400);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null), before);
}

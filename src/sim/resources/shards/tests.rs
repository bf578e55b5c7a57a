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
fn shards_of_several_databases_migrate_together_and_a_trial_moves_none() {
    let mut bed = Bed::new();
    for _ in 0..2 {
        bed.database(json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2"}));
    }
    let nodes = |bed: &mut Bed| -> Vec<String> { shards(bed).into_iter().map(|shard| shard.1).collect() };
    let before = nodes(&mut bed);
    assert!(!before.contains(&"3".to_owned()), "{before:?}");
    let wanted = |trial: bool| json!({"shard_uids": ["1", "2"], "target_node_uid": 3, "dry_run": trial});
    let tried = bed.ok("POST", "/v1/shards/actions/migrate", wanted(true));
    assert_eq!(tried.get("action_uid"), None);
    assert_eq!(nodes(&mut bed), before);
    let started = bed.ok("POST", "/v1/shards/actions/migrate", wanted(false));
    assert_eq!(started["description"], "Migrate was triggered");
    let statuses = |bed: &mut Bed| bed.ok("GET", "/v1/bdbs?fields=status", Value::Null);
    let all = |status: &str| json!([{"status": status}, {"status": status}]);
    assert_eq!(statuses(&mut bed), all("active-change-pending"));
    assert_eq!(
        bed.refused("POST", "/v1/shards/actions/migrate", wanted(false)),
        (409, "db_busy".to_owned())
    );
    let action = format!("/v1/actions/{}", started["action_uid"].as_str().unwrap());
    assert_eq!(bed.ok("GET", &action, Value::Null)["status"], "active");
    bed.pass(30);
    assert_eq!(bed.ok("GET", &action, Value::Null)["status"], "completed");
    assert_eq!(
        (nodes(&mut bed), statuses(&mut bed)),
        (vec!["3".to_owned(); 2], all("active"))
    );
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
            json!({"shard_uids": ["1", "zz"]}),
            404,
            "shard_not_exist",
        ),
        (
            "/v1/shards/actions/failover",
            json!({"shard_uids": ["1"], "dead_nodes": ["zz"]}),
            404,
            "not_found",
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
        (
            "/v1/shards/actions/failover",
            json!({"shard_uids": ["1"], "dead_uids": ["9"]}),
            404,
            "shard_not_exist",
        ),
        (
            "/v1/shards/1/actions/failover",
            json!({"dead_uid": 1}),
            400,
            "invalid_schema",
        ),
        (
            "/v1/shards/1/actions/failover",
            json!({"redis_version_upgrade": "6.2"}),
            400,
            "invalid_version",
        ),
        ("/v1/shards/1/actions/migrate", json!({}), 404, "missing_field"),
        (
            "/v1/shards/actions/migrate",
            json!({"shard_uids": ["1"]}),
            404,
            "missing_field",
        ),
        (
            "/v1/shards/actions/migrate",
            json!({"target_node_uid": 3}),
            404,
            "shard_uids_required",
        ),
        (
            "/v1/shards/actions/migrate",
            json!({"shard_uids": ["1", "9"], "target_node_uid": 3}),
            404,
            "shard_not_exist",
        ),
        (
            "/v1/shards/actions/migrate",
            json!({"shard_uids": ["zz"], "target_node_uid": 3}),
            404,
            "shard_not_exist",
        ),
        (
            "/v1/shards/1/actions/migrate",
            json!({"target_node_uid": "1"}),
            400,
            "invalid_schema",
        ),
        (
            "/v1/shards/actions/migrate",
            json!({"shard_uids": ["1"], "target_node_uid": 1, "max_concurrent_bdb_migrations": 0}),
            400,
            "invalid_schema",
        ),
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

#[test]
fn a_replica_on_a_dead_node_is_not_promoted() {
    let mut bed = replicated();
    let before = shards(&mut bed);
    let path = "/v1/shards/1/actions/failover";
    let replica = before[1].1.clone();
    assert_eq!(
        bed.refused("POST", path, json!({"dead_nodes": [replica]})),
        (400, "invalid_param".to_owned())
    );
    assert_eq!(shards(&mut bed), before);
    let master = before[0].1.clone();
    bed.ok("POST", path, json!({"dead_uid": "1", "dead_nodes": [master]}));
    assert_eq!(shards(&mut bed)[1].2, "master");
}

#[test]
fn a_promoted_shard_runs_the_version_asked_for() {
    let mut bed = replicated();
    let body = json!({"redis_version_upgrade": "7.4"});
    bed.ok("POST", "/v1/shards/1/actions/failover", body);
    let version = |bed: &mut Bed, uid: &str| {
        let path = format!("/v1/shards/{uid}?extra_info_keys=redis_version");
        bed.ok("GET", &path, Value::Null)["redis_info"]["redis_version"].clone()
    };
    let (old, new) = (version(&mut bed, "1"), version(&mut bed, "2"));
    assert!(old.as_str().unwrap().starts_with("7.2."), "{old}");
    assert!(new.as_str().unwrap().starts_with("7.4."), "{new}");
}

#[test]
fn a_forced_rebind_does_not_wait_for_the_end_of_the_failover() {
    for (body, at_once) in [(json!({}), false), (json!({"force_rebind": true}), true)] {
        let mut bed = replicated();
        let endpoint =
            |bed: &mut Bed| bed.ok("GET", "/v1/bdbs/1", Value::Null)["endpoints"][0]["addr"].clone();
        let before = endpoint(&mut bed);
        bed.ok("POST", "/v1/shards/1/actions/failover", body);
        assert_eq!(endpoint(&mut bed) != before, at_once);
        bed.pass(30);
        assert_ne!(endpoint(&mut bed), before);
    }
}

#[test]
fn a_master_that_migrates_comes_back_as_a_master_only_if_roles_are_preserved() {
    for (preserve, role) in [(false, "slave"), (true, "master")] {
        let mut bed = replicated();
        let before = shards(&mut bed);
        let taken: Vec<u64> = before.iter().map(|shard| shard.1.parse().unwrap()).collect();
        let free = (1..=3).find(|node| !taken.contains(node)).unwrap();
        let body = json!({"target_node_uid": free, "preserve_roles": preserve});
        bed.ok("POST", "/v1/shards/1/actions/migrate", body);
        bed.pass(30);
        let after = shards(&mut bed);
        assert_eq!(
            (after[0].1.clone(), after[0].2.as_str()),
            (free.to_string(), role)
        );
        assert_ne!(after[0].2, after[1].2);
    }
}

#[test]
fn a_shard_that_is_on_the_target_already_stays_what_it_is_and_leaves_its_database_alone() {
    let mut bed = replicated();
    let before = shards(&mut bed);
    let here: u64 = before[0].1.parse().unwrap();
    let path = "/v1/shards/1/actions/migrate";
    let answer = bed.ok("POST", path, json!({"target_node_uid": here}));
    assert_eq!(answer["description"], "Migrate was triggered");
    let action = format!("/v1/actions/{}", answer["action_uid"].as_str().unwrap());
    assert_eq!(bed.ok("GET", &action, Value::Null)["status"], "completed");
    assert_eq!(shards(&mut bed), before);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"], "active");
}

#[test]
fn only_databases_of_which_a_shard_moves_are_busy() {
    let mut bed = Bed::new();
    for _ in 0..2 {
        bed.database(json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2"}));
    }
    let here: u64 = shards(&mut bed)[0].1.parse().unwrap();
    let path = "/v1/shards/actions/migrate";
    let apart = json!({"shard_uids": ["2"], "target_node_uid": here % 3 + 1});
    bed.ok("POST", path, apart);
    bed.pass(30);
    let together = json!({"shard_uids": ["1", "2"], "target_node_uid": here});
    bed.ok("POST", path, together);
    let statuses = bed.ok("GET", "/v1/bdbs?fields=status", Value::Null);
    assert_eq!(
        statuses,
        json!([{"status": "active"}, {"status": "active-change-pending"}])
    );
}

#[test]
fn databases_migrate_so_many_at_a_time() {
    for (at_once, left) in [(json!(2), 0), (json!(1), 1)] {
        let mut bed = Bed::new();
        for _ in 0..2 {
            bed.database(json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2"}));
        }
        let taken: Vec<u64> = shards(&mut bed)
            .iter()
            .map(|shard| shard.1.parse().unwrap())
            .collect();
        let node = (1..=3).find(|node| !taken.contains(node)).unwrap();
        let body = json!({
            "shard_uids": ["1", "2"], "target_node_uid": node, "max_concurrent_bdb_migrations": at_once,
        });
        bed.ok("POST", "/v1/shards/actions/migrate", body);
        let timings = &bed.world.env.timings;
        let first = timings.bdb_update + timings.shard_move;
        bed.pass(i64::try_from(first.as_secs()).unwrap());
        let all = bed.ok("GET", "/v1/bdbs", Value::Null);
        let busy = |database: &&Value| database["status"] != "active";
        assert_eq!(
            all.as_array().unwrap().iter().filter(busy).count(),
            left,
            "{at_once}"
        );
    }
}

#[test]
fn a_shard_on_flash_tells_its_part_of_the_memory() {
    let mut bed = Bed::new();
    bed.flash(8 << 30);
    let mut body = json!({"name": "db", "memory_size": 1 << 30, "redis_version": "7.2"});
    bed.database(body.clone());
    body["bigstore"] = json!(true);
    body["bigstore_ram_size"] = json!(1 << 28);
    bed.database(body);
    let weight = |bed: &mut Bed, uid: u64| {
        bed.ok("GET", &format!("/v1/shards/{uid}"), Value::Null)["bigstore_ram_weight"].take()
    };
    assert_eq!(
        [weight(&mut bed, 1), weight(&mut bed, 2)],
        [Value::Null, json!(1.0)]
    );
    let weights = json!({"bigstore_ram_weights": [{"shard_uid": 2, "weight": 0.5}]});
    bed.ok("PUT", "/v1/bdbs/2", weights);
    assert_eq!(weight(&mut bed, 2), 0.5);
}

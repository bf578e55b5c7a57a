//! What changes a database, and what is refused.

use super::{GIB, plain, sharded, with};
use crate::sim::ids::{BdbUid, NodeIndex};
use crate::sim::switch::Switch;
use crate::sim::testbed::Bed;
use crate::sim::version::Profile;
use serde_json::{Value, json};

#[test]
fn an_update_shows_at_once_and_a_second_one_has_to_wait() {
    let mut bed = Bed::new();
    bed.database(plain());
    let changed = bed.ok("PUT", "/v1/bdbs/1", json!({"eviction_policy": "noeviction"}));
    assert_eq!(
        (&changed["status"], &changed["eviction_policy"]),
        (&json!("active-change-pending"), &json!("noeviction"))
    );
    assert_eq!(
        bed.refused("PUT", "/v1/bdbs/1", json!({"max_connections": 5})),
        (409, "busy".to_owned())
    );
    assert_eq!(
        bed.refused("DELETE", "/v1/bdbs/1", Value::Null),
        (409, "busy".to_owned())
    );
    bed.pass(10);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"], "active");
}

#[test]
fn an_update_that_changes_nothing_starts_nothing() {
    let mut bed = Bed::new();
    bed.database(plain());
    let before = bed.world.clusters.values().next().unwrap().state_id;
    let same = bed.ok(
        "PUT",
        "/v1/bdbs/1",
        json!({"memory_size": GIB, "uid": 1, "port": 0, "replication": false}),
    );
    assert_eq!(same["status"], "active");
    assert_eq!(bed.world.clusters.values().next().unwrap().state_id, before);
}

#[test]
fn the_second_version_of_the_path_updates_only_with_the_switch() {
    let body = json!({"eviction_policy": "noeviction"});
    let mut bed = Bed::new();
    bed.database(plain());
    assert_eq!(bed.refused("PUT", "/v2/bdbs/1", body.clone()).0, 404);
    assert_eq!(
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["eviction_policy"],
        "volatile-lru"
    );
    let mut bed = Bed::switched(Switch::V2BdbPut);
    bed.database(plain());
    let changed = bed.ok("PUT", "/v2/bdbs/1", body.clone());
    assert_eq!(
        (&changed["status"], &changed["eviction_policy"]),
        (&json!("active-change-pending"), &json!("noeviction"))
    );
    bed.pass(10);
    let read = bed.ok("GET", "/v1/bdbs/1", Value::Null);
    assert_eq!(
        (&read["status"], &read["eviction_policy"]),
        (&json!("active"), &json!("noeviction"))
    );
    assert_eq!(bed.refused("PUT", "/v2/bdbs/9", body).0, 404);
}

#[test]
fn each_wrong_update_gets_its_own_code() {
    let mut bed = Bed::new();
    bed.database(with(sharded(2)));
    for (body, status, code) in [
        (json!({"shards_count": 3}), 406, "invalid_sharding"),
        (json!({"shards_count": 1}), 406, "invalid_sharding"),
        (json!({"shards_count": 600}), 406, "insufficient_resources"),
        (json!({"sharding": false}), 406, "invalid_sharding"),
        (json!({"port": 12001}), 406, "invalid_param"),
        (json!({"type": "memcached"}), 406, "invalid_param"),
        (json!({"module_list": []}), 406, "invalid_param"),
        (json!({"rack_aware": true}), 406, "rack_awareness_violation"),
        (json!({"memory_size": 900 * GIB}), 406, "insufficient_resources"),
        (
            json!({"memory_size": 1 << 20, "replication": true}),
            406,
            "replication_size_violation",
        ),
        (json!({"shard_imbalance_threshold": "1"}), 400, "invalid_schema"),
        (
            json!({"backup": true, "backup_interval": 0}),
            406,
            "missing_backup_interval",
        ),
        (json!({"endpoint": "9:9"}), 406, "invalid_param"),
        (json!({"sync": "nonsense"}), 406, "invalid_param"),
        (json!({"proxy_policy": "none"}), 406, "invalid_proxy_policy"),
        (json!({"colour": "red"}), 400, "invalid_schema"),
    ] {
        // 8.x bundles modules with Redis 8 only; this database has none, so an empty list is no change there.
        if body.get("module_list").is_some() {
            continue;
        }
        assert_eq!(
            bed.refused("PUT", "/v1/bdbs/1", body.clone()),
            (status, code.to_owned()),
            "{body}"
        );
    }
    assert_eq!(bed.refused("PUT", "/v1/bdbs/9", json!({})).0, 404);
    assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["status"], "active");
}

#[test]
fn backups_have_the_interval_that_the_database_shows() {
    let mut bed = Bed::new();
    bed.database(plain());
    let location = json!({"type": "mount_point", "path": "/mnt"});
    let body = json!({"backup": true, "backup_interval": 86_400, "backup_location": location});
    bed.ok("PUT", "/v1/bdbs/1", body);
    bed.pass(60);
    let shown = bed.ok("PUT", "/v1/bdbs/1", json!({"max_connections": 5}));
    assert_eq!(
        (&shown["backup"], &shown["backup_interval"]),
        (&json!(true), &json!(86_400))
    );
}

#[test]
fn the_older_name_of_replica_sync_starts_and_stops_it_too() {
    let mut bed = Bed::new();
    let source = json!({"uri": "redis://10.1.1.1:12000"});
    bed.database(with(
        json!({"replica_sources": [source], "replica_sync": "enabled"}),
    ));
    for (body, wanted) in [
        (json!({"replica_sync": "stopped"}), "stopped"),
        (json!({"sync": "enabled"}), "enabled"),
        (json!({"sync": "paused"}), "paused"),
        (json!({"sync": "enabled", "replica_sync": "stopped"}), "stopped"),
    ] {
        let shown = bed.ok("PUT", "/v1/bdbs/1", body.clone());
        let both = (&shown["replica_sync"], &shown["sync"]);
        assert_eq!(both, (&json!(wanted), &json!(wanted)), "{body}");
        bed.pass(60);
    }
}

#[test]
fn a_database_with_sources_reads_one_shard_at_a_time_since_7_22() {
    let source = json!([{"uri": "redis://10.1.1.1:12000"}]);
    for (profile, wanted) in [(Profile::V7_8_6, "auto"), (Profile::V7_22_2, "enabled")] {
        let mut bed = Bed::of(profile);
        bed.database(plain());
        assert_eq!(
            bed.ok("GET", "/v1/bdbs/1", Value::Null)["gradual_sync_mode"],
            "auto"
        );
        let shown = bed.ok("PUT", "/v1/bdbs/1", json!({"replica_sources": source}));
        assert_eq!(shown["gradual_sync_mode"], wanted, "{profile}");
        bed.pass(60);
        let told = bed.ok("PUT", "/v1/bdbs/1", json!({"gradual_sync_mode": "auto"}));
        assert_eq!(told["gradual_sync_mode"], "auto", "{profile}");
    }
}

#[test]
fn alarms_about_the_connections_of_syncers_can_be_set() {
    let mut bed = Bed::new();
    bed.database(plain());
    let body = json!({
        "crdt_sync_connection_alarm_timeout_seconds": 7, "replica_sync_connection_alarm_timeout_seconds": 8,
    });
    let shown = bed.ok("PUT", "/v1/bdbs/1", body.clone());
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field}");
    }
}

#[test]
fn an_empty_module_list_is_refused_since_7_22_and_removed_the_modules_before() {
    let body = with(json!({"module_list": [{"module_name": "search"}]}));
    let mut bed = Bed::of(Profile::V7_22_2);
    bed.database(body.clone());
    assert_eq!(
        bed.refused("PUT", "/v1/bdbs/1", json!({"module_list": []})).0,
        406
    );
    let mut bed = Bed::of(Profile::V7_8_6);
    bed.database(body);
    assert_eq!(
        bed.ok("PUT", "/v1/bdbs/1", json!({"module_list": []}))["module_list"],
        json!([])
    );
}

#[test]
fn shards_multiply_and_replicas_come_with_replication() {
    let mut bed = Bed::new();
    bed.database(with(sharded(2)));
    bed.ok(
        "PUT",
        "/v1/bdbs/1",
        json!({"shards_count": 4, "replication": true}),
    );
    bed.pass(120);
    let shards = bed.ok("GET", "/v1/bdbs/1/shards", Value::Null);
    let slots = |role: &str| -> Vec<String> {
        let of = shards
            .as_array()
            .unwrap()
            .iter()
            .filter(|shard| shard["role"] == role);
        of.map(|shard| shard["assigned_slots"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        slots("master"),
        ["0-4095", "4096-8191", "8192-12287", "12288-16383"]
    );
    assert_eq!(slots("slave").len(), 4);
}

#[test]
fn the_state_id_is_a_precondition() {
    let mut bed = Bed::new();
    bed.database(plain());
    let present = bed.world.clusters.values().next().unwrap().state_id.to_string();
    let body = || json!({"max_connections": 5});
    let wrong = bed.call_with(0, "PUT", "/v1/bdbs/1", body(), &[("cluster-state-id", "1")]);
    assert_eq!(
        (wrong.0, &wrong.1["error_code"]),
        (409, &json!("wrong_cluster_state_id"))
    );
    assert_eq!(
        bed.call_with(0, "PUT", "/v1/bdbs/1", body(), &[("cluster-state-id", &present)])
            .0,
        200
    );
    let mut bed = Bed::switched(Switch::StateIdMismatch406);
    assert_eq!(
        bed.call_with(0, "POST", "/v1/bdbs", plain(), &[("cluster-state-id", "1")])
            .0,
        406
    );
}

/// How much data database 1 holds, and the password of its `admin`.
fn held(bed: &Bed) -> (u64, String) {
    let cluster = bed.world.clusters.values().next().unwrap();
    let database = cluster.databases.get(BdbUid(1)).unwrap();
    (database.data_bytes, database.admin_password.clone())
}

#[test]
fn another_hashing_policy_costs_a_clustered_database_its_data() {
    let rules = json!([{"regex": "(?<tag>.*)"}]);
    let other = json!({"shard_key_regex": rules});
    let same = sharded(2);
    let clustered = json!({"sharding": true, "shards_count": 2, "shard_key_regex": rules});
    for (before, body, left) in [
        (with(sharded(2)), &other, 0),
        (with(sharded(2)), &same, 4096),
        (with(sharded(2)), &json!({"shards_count": 4}), 4096),
        (plain(), &clustered, 4096),
    ] {
        let mut bed = Bed::new();
        bed.database(before);
        assert!(bed.world.fill(NodeIndex(0), 1, 4096));
        bed.ok("PUT", "/v1/bdbs/1?dry_run", body.clone());
        assert_eq!(held(&bed).0, 4096, "{body}");
        bed.ok("PUT", "/v1/bdbs/1", body.clone());
        assert_eq!(held(&bed).0, left, "{body}");
    }
}

#[test]
fn nodes_to_use_and_to_avoid_are_shown_and_can_be_changed() {
    let mut bed = Bed::new();
    bed.database(with(json!({"avoid_nodes": ["1"]})));
    assert_eq!(
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["avoid_nodes"],
        json!(["1"])
    );
    let body = json!({"avoid_nodes": ["2"], "use_nodes": ["1", "3"]});
    let changed = bed.ok("PUT", "/v1/bdbs/1", body);
    assert_eq!(
        (&changed["avoid_nodes"], &changed["use_nodes"]),
        (&json!(["2"]), &json!(["1", "3"]))
    );
}

#[test]
fn a_database_names_its_action_while_it_runs() {
    let mut bed = Bed::new();
    bed.database(plain());
    let named = |bed: &mut Bed| {
        bed.ok("GET", "/v1/bdbs/1", Value::Null)
            .get("action_uid")
            .cloned()
    };
    assert_eq!(named(&mut bed), None);
    let changed = bed.ok("PUT", "/v1/bdbs/1", json!({"max_connections": 5}));
    assert!(changed["action_uid"].is_string());
    assert_eq!(named(&mut bed).as_ref(), changed.get("action_uid"));
    bed.pass(60);
    assert_eq!(named(&mut bed), None);
}

#[test]
fn an_action_needs_a_body_before_7_22_also_if_it_updates_nothing() {
    for (profile, status) in [
        (Profile::V7_4_6, 400),
        (Profile::V7_8_6, 400),
        (Profile::V7_22_2, 200),
        (Profile::V8_0_20, 200),
        (Profile::V8_2_0, 200),
    ] {
        let mut bed = Bed::of(profile);
        bed.database(plain());
        assert!(bed.world.fill(NodeIndex(0), 1, 4096));
        for (action, effect) in [("reset_admin_pass", (false, true)), ("flush", (true, false))] {
            let path = format!("/v1/bdbs/1/{action}");
            for (body, status) in [(Value::Null, status), (json!({}), 200)] {
                let before = held(&bed);
                let answered = bed.call("PUT", &path, body.clone());
                assert_eq!(answered.0, status, "{action} {body} in {profile}: {answered:?}");
                let after = held(&bed);
                let changed = (after.0 != before.0, after.1 != before.1);
                let wanted = if status == 200 { effect } else { (false, false) };
                assert_eq!(changed, wanted, "{action} {body} in {profile}");
                bed.world.fill(NodeIndex(0), 1, 4096);
                bed.pass(60);
            }
        }
    }
}

#[test]
fn version_2_of_the_update_exists_on_the_other_side_only() {
    let body = || json!({"max_connections": 5});
    for (mut bed, status) in [(Bed::new(), 404), (Bed::switched(Switch::V2BdbPut), 200)] {
        bed.database(plain());
        assert_eq!(bed.call("PUT", "/v2/bdbs/1", body()).0, status);
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(shown["max_connections"] == 5, status == 200);
    }
}

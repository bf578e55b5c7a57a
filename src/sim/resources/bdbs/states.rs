//! Which call is answered how in which status of a database: the whole table.

use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::fixture::Fixture;
use crate::sim::ids::NodeIndex;
use serde_json::{Value, json};

/// Every status, in the order of the columns below.
const STATUSES: [&str; 7] = [
    "pending",
    "active",
    "active-change-pending",
    "import-pending",
    "delete-pending",
    "creation-failed",
    "recovery",
];

/// Only while nothing is going on.
const WHEN_ACTIVE: [u16; 7] = [409, 200, 409, 409, 409, 409, 409];
/// Whatever is going on.
const ALWAYS: [u16; 7] = [200; 7];

/// A database in this status, alone on one node.
fn database(status: &str) -> Fixture {
    let mut sim = Fixture::cluster(1, 1);
    if status == "creation-failed" {
        sim.faults(
            json!([{"method": "POST", "path": "/v1/bdbs", "effect": {"task_failed": "internal_error"}}]),
        );
    }
    let body = json!({
        "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "data_persistence": "aof",
        "authentication_redis_pass": "one", "module_list": [{"module_name": "search"}],
    });
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    if status == "pending" {
        return sim;
    }
    sim.pass(60);
    let begun = match status {
        "active-change-pending" => {
            sim.admin(0, "PUT", "/v1/bdbs/1", json!({"max_connections": 9}))
                .status
        }
        "import-pending" => {
            sim.admin(0, "POST", "/v1/bdbs/1/actions/import", sources())
                .status
        }
        "delete-pending" => sim.admin(0, "DELETE", "/v1/bdbs/1", Value::Null).status,
        "recovery" => {
            sim.world.reinstall(NodeIndex(0));
            let body = json!({"recovery_filename": "/var/opt/redislabs/persist/ccs/ccs-redis.rdb"});
            let begun = sim
                .send(0, "POST", "/v1/bootstrap/recover_cluster", None, body)
                .status;
            sim.pass(60);
            begun
        }
        _ => 200,
    };
    assert_eq!(begun, 200);
    sim
}

fn sources() -> Value {
    json!({"dataset_import_sources": [{"type": "url", "url": "http://example.com/dump.rdb"}]})
}

#[test]
fn each_status_is_what_it_says() {
    for status in STATUSES {
        let shown = database(status).admin(0, "GET", "/v1/bdbs/1", Value::Null).json;
        assert_eq!(shown["status"], status);
    }
}

#[test]
fn every_call_is_answered_as_the_status_allows() {
    let export = json!({"export_location": {"type": "mount_point", "path": "/backup"}});
    let pair = mint::node(
        "db.example.com",
        &["10.0.0.9"],
        database("active").world.now(),
        KeyKind::Ecdsa,
    );
    let pair = pair.unwrap();
    let pair = json!({"cert": pair.chain_pem, "private_key": pair.key_pem});
    let rows = [
        ("GET", "", Value::Null, ALWAYS),
        ("GET", "/actions/recover", Value::Null, ALWAYS),
        ("PUT", "", json!({"max_connections": 5}), WHEN_ACTIVE),
        ("PUT", "/flush", json!({}), WHEN_ACTIVE),
        ("PUT", "/reset_admin_pass", json!({}), WHEN_ACTIVE),
        ("DELETE", "", Value::Null, [409, 200, 409, 409, 409, 200, 409]),
        ("POST", "/actions/import", sources(), WHEN_ACTIVE),
        ("PUT", "/actions/import_reset_status", Value::Null, WHEN_ACTIVE),
        ("POST", "/actions/export", export, WHEN_ACTIVE),
        ("PUT", "/actions/export_reset_status", Value::Null, WHEN_ACTIVE),
        ("PUT", "/actions/backup_reset_status", Value::Null, WHEN_ACTIVE),
        ("PUT", "/actions/rebalance", Value::Null, WHEN_ACTIVE),
        (
            "PUT",
            "/actions/revamp",
            json!({"shards_placement": "sparse"}),
            WHEN_ACTIVE,
        ),
        ("POST", "/actions/stop_traffic", Value::Null, WHEN_ACTIVE),
        ("POST", "/actions/resume_traffic", Value::Null, WHEN_ACTIVE),
        (
            "POST",
            "/actions/recover",
            Value::Null,
            [409, 409, 409, 409, 409, 409, 200],
        ),
        ("POST", "/upgrade", json!({}), WHEN_ACTIVE),
        (
            "POST",
            "/modules/config",
            json!({"modules": [{"module_name": "search", "module_args": "MINPREFIX 3"}]}),
            WHEN_ACTIVE,
        ),
        (
            "POST",
            "/modules/upgrade",
            json!({"modules": [{"module_name": "search"}]}),
            WHEN_ACTIVE,
        ),
        ("PUT", "/passwords", json!({"password": "two"}), ALWAYS),
        ("POST", "/passwords", json!({"password": "two"}), ALWAYS),
        ("DELETE", "/passwords", json!({"password": "one"}), [406; 7]),
        ("POST", "/certificates", pair, ALWAYS),
        ("GET", "/certificates", Value::Null, [404; 7]),
        ("DELETE", "/certificates", Value::Null, [404; 7]),
        ("GET", "/actions/optimize_shards_placement", Value::Null, ALWAYS),
        (
            "GET",
            "/availability",
            Value::Null,
            [200, 200, 200, 200, 200, 503, 503],
        ),
    ];
    for (method, suffix, body, wanted) in rows {
        let path = format!("/v1/bdbs/1{suffix}");
        let answers = STATUSES.map(|status| database(status).admin(0, method, &path, body.clone()).status);
        assert_eq!(answers, wanted, "{method} {path}");
    }
}

#[test]
fn alerts_are_read_and_set_whatever_is_going_on() {
    let body = json!({"bdb_size": {"enabled": true, "threshold": "80"}});
    for (method, path, body) in [
        ("GET", "/v1/bdbs/alerts/1", Value::Null),
        ("GET", "/v1/bdbs/alerts/1/bdb_size", Value::Null),
        ("POST", "/v1/bdbs/alerts/1", body),
    ] {
        let answers = STATUSES.map(|status| database(status).admin(0, method, path, body.clone()).status);
        assert_eq!(answers, ALWAYS, "{method} {path}");
    }
}

/// Shards of a database whose creation failed are gone; one without a replica has nothing to fail over to.
#[test]
fn shards_move_and_fail_over_only_while_nothing_is_going_on() {
    for (action, body, when_active) in [
        ("migrate", json!({"target_node_uid": 1}), 200),
        ("failover", json!({}), 400),
    ] {
        for (path, named) in [
            (format!("/v1/shards/1/actions/{action}"), json!({})),
            (
                format!("/v1/shards/actions/{action}"),
                json!({"shard_uids": ["1"]}),
            ),
        ] {
            let mut body = body.clone();
            body.as_object_mut()
                .unwrap()
                .extend(named.as_object().unwrap().clone());
            let answers =
                STATUSES.map(|status| database(status).admin(0, "POST", &path, body.clone()).status);
            assert_eq!(answers, [409, when_active, 409, 409, 409, 404, 409], "{path}");
        }
    }
}

#[test]
fn the_busy_code_says_that_it_is_worth_trying_again() {
    for status in STATUSES {
        let reply = database(status).admin(0, "PUT", "/v1/bdbs/1", json!({"max_connections": 5}));
        assert_eq!(reply.code(), if status == "active" { "" } else { "busy" });
    }
}

#[test]
fn resharding_and_migration_name_their_shards_and_grow_in_steps() {
    let mut sim = Fixture::cluster(3, 3);
    let body = json!({
        "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "sharding": true, "shards_count": 1,
        "shard_key_regex": [{"regex": "(?<tag>.*)"}],
    });
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
    sim.pass(60);
    let machine = |sim: &mut Fixture, uid: &Value| {
        let path = format!("/v1/actions/{}", uid.as_str().unwrap());
        sim.admin(0, "GET", &path, Value::Null).json
    };
    let body = json!({"shards_count": 2});
    let resharding = sim.admin(0, "PUT", "/v1/bdbs/1", body).json["action_uid"].take();
    let mut seen = Vec::new();
    for _ in 0..60 {
        let machine = machine(&mut sim, &resharding);
        let step = (
            machine["progress"].clone(),
            machine["pending_ops"]["2"]["progress"].clone(),
        );
        if machine["status"] == "active" && seen.last() != Some(&step) {
            assert_eq!(machine["pending_ops"]["2"]["op_name"], "reshard");
            seen.push(step);
        }
        sim.pass_ms(200);
    }
    let steps = [0.0, 25.0, 50.0, 75.0].map(|step| (json!(step), json!(step)));
    assert_eq!(seen, steps);
    assert_eq!(machine(&mut sim, &resharding)["status"], "completed");
    sim.pass(60);
    let from: u64 = sim.admin(0, "GET", "/v1/shards/1", Value::Null).json["node_uid"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let target = json!({"target_node_uid": from % 3 + 1});
    let migration = sim.admin(0, "POST", "/v1/shards/1/actions/migrate", target);
    assert_eq!(migration.status, 200);
    let migration = machine(&mut sim, &migration.json["action_uid"]);
    assert_eq!(migration["pending_ops"]["1"]["op_name"], "migrate");
}

#[test]
fn an_expired_licence_stops_changes_and_nothing_that_keeps_databases_alive() {
    let mut sim = Fixture::cluster(3, 3);
    let body = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "replication": true});
    assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body.clone()).status, 200);
    sim.pass(31 * 86_400);
    for (method, path, body, status) in [
        ("POST", "/v1/bdbs", body, 403),
        ("PUT", "/v1/bdbs/1", json!({"max_connections": 5}), 403),
        ("PUT", "/v1/bdbs/1/flush", json!({}), 403),
        ("PUT", "/v1/cluster", json!({"email_alerts": true}), 200),
        ("PUT", "/v1/cluster/policy", json!({"slave_ha": false}), 200),
        ("POST", "/v1/shards/1/actions/failover", json!({}), 200),
        ("GET", "/v1/bdbs/1/availability", Value::Null, 200),
        ("POST", "/v1/nodes/3/actions/maintenance_on", json!({}), 200),
    ] {
        let reply = sim.admin(0, method, path, body);
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(
            reply.code() == "license_expired",
            status == 403,
            "{method} {path}"
        );
    }
    sim.pass(60);
    let target = json!({"target_node_uid": free_node(&mut sim), "override_rack_policy": true});
    assert_eq!(
        sim.admin(0, "POST", "/v1/shards/2/actions/migrate", target)
            .status,
        200
    );
    let alert = "/v1/cluster/alerts/cluster_license_about_to_expire";
    assert_eq!(sim.admin(0, "GET", alert, Value::Null).json["state"], true);
    assert_eq!(
        sim.admin(0, "GET", "/v1/license", Value::Null).json["expired"],
        true
    );
}

/// A node that neither shard of the database is on, after maintenance has ended everywhere.
fn free_node(sim: &mut Fixture) -> u64 {
    sim.admin(0, "POST", "/v1/nodes/3/actions/maintenance_off", json!({}));
    sim.pass(60);
    let shards = sim.admin(0, "GET", "/v1/bdbs/1/shards", Value::Null).json;
    let taken: Vec<&str> = shards
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|shard| shard["node_uid"].as_str())
        .collect();
    (1..=3)
        .find(|node: &u64| !taken.contains(&node.to_string().as_str()))
        .unwrap()
}

#[test]
fn what_only_a_dead_process_held_is_gone_when_its_node_returns() {
    for (fields, left) in [
        (json!({}), 0),
        (json!({"data_persistence": "aof"}), 1000),
        (json!({"replication": true}), 1000),
    ] {
        for frozen in [false, true] {
            let mut sim = Fixture::cluster(3, 3);
            sim.database_with_data(&[&fields]);
            let shard = sim.admin(0, "GET", "/v1/shards/1", Value::Null).json;
            let machine = NodeIndex(shard["node_uid"].as_str().unwrap().parse::<usize>().unwrap() - 1);
            if frozen {
                sim.world.freeze(machine);
            } else {
                sim.world.crash(machine);
            }
            sim.pass(60);
            sim.world.power_on(machine);
            sim.pass(60);
            let data = sim
                .world
                .clusters
                .values()
                .next()
                .unwrap()
                .databases
                .iter()
                .next()
                .unwrap()
                .data_bytes;
            assert_eq!(data, if frozen { 1000 } else { left }, "{fields} {frozen}");
        }
    }
}
